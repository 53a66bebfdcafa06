/*
 * What the targets share that drive two engines in a live exchange: an input says what happens.
 * Its first octets choose definitions, which is the target's affair; the rest is a script: an
 * operation's octet, then its operands. There are commands at both ends, datagrams changed under
 * way, in the clear or opened, changed and sealed again with the right keys, and messages made up
 * whole. So the parsers and the handlers behind them are reached in every state, as a stranger and
 * as a peer that did authenticate.
 *
 * All randomness is fixed, so a finding replays. Besides the sanitizers the invariants of
 * testing/sim/check.c hold: whatever a peer says, the kernel's tables are the children's, all waits
 * end, no line has control characters, commands are answered, and in the end nothing is left.
 */
#ifndef TESTING_FUZZ_LIVE_H
#define TESTING_FUZZ_LIVE_H

#include "edit.h"
#include "testing/sim/definition.h"
#include "testing/sim/world.h"

/* What a version of IKE does in its own way. */
struct live_version {
	const char *name;   /* of the target */
	unsigned again_max; /* how often something that was heard is said again */
	/* Opens a datagram under way to that node (NULL: to nobody), edits it, seals it again. */
	void (*change_inner)(struct sim_world *w, struct sim_node *to, struct sim_flight *flight,
		struct bytes edits);
	/* A message made up as the script has it; sealed: with the keys of an SA, if there are any.
	 */
	void (*say)(struct reader *script, bool sealed);
};

/* The world of this input, with two nodes that are not started yet: moon, and sun, which may be
 * behind a NAT. The definitions that the target loads are "peer" with the children "net-a" and
 * "net-b". */
struct sim_world *live_begin(const struct live_version *version, bool nat, bool full_log);
/* The script, then the end of both engines. Aborts when something was wrong. */
void live_run(struct reader *script);

/* moon: 0, sun: 1, by the lowest bit. */
struct sim_node *live_node(uint8_t octet);
/* A datagram to that node from the other one, by the port of sa (NULL: 500). */
void live_inject(struct sim_node *to, const struct ike_sa *sa, struct bytes datagram);
/* The header with its length made right, then the payloads, in the clear. */
struct bytes live_write_clear(
	const struct ike_header *header, struct bytes chain, uint8_t *room, size_t length);

#endif
