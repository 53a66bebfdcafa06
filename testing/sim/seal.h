/*
 * Messages opened, changed and sealed again with the right keys: what a hostile peer can say that
 * did authenticate. For filters of struct sim_world, where all engines are at rest.
 */
#ifndef TESTING_SIM_SEAL_H
#define TESTING_SIM_SEAL_H

#include "testing/sim/world.h"

#define SIM_INNER_MAX 8192

/* The payloads inside an SK payload. */
struct sim_inner {
	struct ike_header header;
	uint8_t first;
	size_t length;
	uint8_t chain[SIM_INNER_MAX];
};

/* False when the datagram has no SK payload (a fragment's is not opened) or its sender has no SA
 * with keys that open it. */
bool sim_flight_open(struct sim_world *w, const struct sim_flight *flight, struct sim_inner *ret);

/* Puts it in the place of what was opened. False when it does not fit. */
bool sim_flight_seal(struct sim_world *w, struct sim_flight *flight, const struct sim_inner *inner);

/* A message of a node's SA, as if its engine had sent it; header's SPIs and the initiator flag are
 * set here. Returns its length, 0 when it cannot be made. */
size_t sim_seal(struct sim_world *w, const struct ike_sa *sa, const struct sim_inner *inner,
	uint8_t *ret, size_t room);

#endif
