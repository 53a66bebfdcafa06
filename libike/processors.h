/*
 * SAs for one processor each (RFC 9611), as children with per_cpu_sas have them.
 */
#ifndef LIBIKE_PROCESSORS_H
#define LIBIKE_PROCESSORS_H

#include "libike/engine_priv.h"

struct ike_child_selectors;

/* Whether children of that definition are to be several: the kernel, too, can have them. */
bool ike_processors_wanted(
	const struct ike_engine *e, const struct ike_sa *sa, const struct ike_child_config *config);

/* For the same processor, or for all. */
bool ike_processors_same(const struct ike_child *a, const struct ike_child *b);

/* Of the IKE SA's children the one for all processors, of that definition and those selectors, that
 * others can be made beside; NULL: there is none. */
const struct ike_child *ike_processors_common(const struct ike_sa *sa,
	const struct ike_child_config *config, const struct ike_child_selectors *selectors);

/* Responder: the child is for the processor that has the fewest. */
void ike_processors_assign(struct ike_engine *e, struct ike_child *child);
void ike_child_set_processor(struct ike_engine *e, struct ike_child *child, uint32_t processor);

/* A child ends: the peer may have room for another one. */
void ike_processors_ended(const struct ike_child *child);

/* False: it is an acquire as any other. */
MUST_USE bool ike_processors_acquire(
	struct ike_engine *e, const struct ike_trap *trap, const struct ike_acquire *acquire);

#endif
