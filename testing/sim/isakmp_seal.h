/*
 * IKEv1 messages opened, changed and sealed again, or made up, with the right keys: what a peer can
 * say that did authenticate. The receiver's state says which IV and which HASH it waits for. For
 * filters of struct sim_world and between steps, where all engines are at rest.
 */
#ifndef TESTING_SIM_ISAKMP_SEAL_H
#define TESTING_SIM_ISAKMP_SEAL_H

#include "testing/sim/seal.h"

/* What is inside an encrypted message; the first payload's type is the header's. */
struct sim_isakmp {
	struct ike_header header;
	size_t length;
	uint8_t chain[SIM_INNER_MAX];
};

/* The node's IKEv1 SA with those cookies, or NULL. */
const struct ike_sa *sim_isakmp_sa(const struct sim_node *n, const struct ike_header *header);

/* Of one of its exchanges, in turn; 0 without. */
uint32_t sim_isakmp_message_id(const struct ike_sa *sa, size_t index);

/* False when it is not encrypted, a fragment, or the receiver has no keys for it. */
bool sim_isakmp_open(struct sim_node *to, const struct sim_flight *flight, struct sim_isakmp *ret);
/* Puts it in the place of what was opened; the sender's IV goes on from it. A HASH that comes first
 * is made right. False when it does not fit. */
bool sim_isakmp_reseal(struct sim_world *w, struct sim_node *to, struct sim_flight *flight,
	struct sim_isakmp *message);

/* As the node would have to get it under that SA of its own: the cookies and the flag are set here,
 * and with `hash` a HASH payload that comes first. Returns its length, 0 when it cannot be made. */
size_t sim_isakmp_seal(struct sim_node *to, const struct ike_sa *sa, struct sim_isakmp *message,
	bool hash, uint8_t *ret, size_t room);

#endif
