/*
 * Networks that do not overlap, each with an owner: a tree by their bits, so that adding, finding
 * and naming those within others cost no walk over all of them.
 */
#ifndef LIBIKE_MODEL_NETWORKS_H
#define LIBIKE_MODEL_NETWORKS_H

#include "libike/base/selector.h"

struct ike_network;

/* Zero is empty. */
struct ike_networks {
	struct ike_network *four, *six;
};

/* A network here is a selector that is one prefix of addresses, for all protocols and ports. */
bool ike_network_is(const struct ike_selector *s);

/* It must overlap with none that is there. False: out of memory. */
MUST_USE bool ike_networks_add(
	struct ike_networks *networks, const struct ike_selector *network, const void *owner);
/* One that was added. */
void ike_networks_remove(struct ike_networks *networks, const struct ike_selector *network);
void ike_networks_free(struct ike_networks *networks);

/* Networks that do not count: those of one owner. */
struct ike_networks_but {
	const struct ike_selector *list;
	size_t count;
};

/* The owner of a network that overlaps with this one, and which that is; NULL when there is none.
 */
const void *ike_networks_overlap(const struct ike_networks *networks,
	const struct ike_selector *network, struct ike_networks_but but, struct ike_selector *ret);

/* Those that overlap with `within`, in the order of their addresses and as few prefixes as they
 * make up: two halves are one. At most room; returns how many. */
size_t ike_networks_within(const struct ike_networks *networks, const struct ike_selector *within,
	struct ike_networks_but but, struct ike_selector *ret, size_t room);

#endif
