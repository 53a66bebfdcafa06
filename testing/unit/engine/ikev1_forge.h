/* What a listener hears between two IKEv1 engines, and what he, a stranger or a peer that breaks
 * the rules can say. */
#ifndef TESTING_UNIT_ENGINE_IKEV1_FORGE_H
#define TESTING_UNIT_ENGINE_IKEV1_FORGE_H

#include "libike/ikev1/ikev1.h"
#include "testing/sim/isakmp_seal.h"
#include "testing/unit/engine/duo.h"

/* ---- Heard on the way ---- */

#define HEARD_MAX 48

struct heard {
	struct bytes datagram; /* heap */
	uint8_t from;
};

/* All that was under way; what is of `lose` and of that exchange does not arrive. */
struct tap {
	struct heard list[HEARD_MAX];
	size_t count;
	const struct sim_node *lose;
	uint8_t lose_exchange;
	bool lose_encrypted; /* those alone */
};

/* From now on; tap_overhear() for a filter of the test's own. */
void tap(struct duo *d, struct tap *t);
bool tap_overhear(void *context, struct sim_world *w, struct sim_flight *flight);
void tap_free(struct tap *t);
/* How many datagrams. */
size_t tap_sent_by(const struct tap *t, const struct sim_node *n, size_t *ret_octets);

/* ---- Said by others ---- */

/* As if it came from the other node, or from that address. */
void forge(struct duo *d, struct sim_node *to, struct bytes datagram);
void forge_from(struct duo *d, struct sim_node *to, struct address source, struct bytes datagram);
/* Everything that was heard once more, to whom it was sent. */
void forge_repeat_all(struct duo *d, const struct tap *t);

/* What builders of tests write into. */
extern uint8_t forge_room[32768];
struct ike_header forge_header(const struct ike_sa *sa, uint8_t exchange);
void forge_clear(struct duo *d, struct sim_node *to, const struct ike_header *header,
	const struct ike_builder *b);
/* The builder's payloads begin with HASH, whose value comes with forge_sealed(). */
void forge_begin_hashed(struct ike_builder *b, const struct sim_node *to);
/* Under the node's SA, with its keys. */
void forge_sealed(struct duo *d, struct sim_node *to, uint8_t exchange, uint32_t message_id,
	const struct ike_builder *b, bool hash);

/* All that would harm, if it were believed. number: which; false: there is none now. */
#define FORGE_HARMS 7
bool forge_harm(struct ike_builder *b, const struct sim_node *to, int number);

/* A first message of Main Mode with that cookie, of as many proposals, each of as many transforms
 * of the same kind. */
void forge_first(struct ike_builder *b, size_t proposals, size_t transforms);
struct ike_header forge_first_header(uint64_t cookie);

/* ---- The tunnel that is not to suffer ---- */

struct duo forge_begin_up(void);
void forge_unharmed(struct duo *d);

#endif
