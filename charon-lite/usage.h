/*
 * How much all SAs have carried, by one look at the kernel's table instead of one at each: for who
 * shows many (list-tunnels, metrics). What the last complete look saw is there until the next one
 * is complete.
 *
 * Thread rule: the loop's thread.
 */
#ifndef CHARON_LITE_USAGE_H
#define CHARON_LITE_USAGE_H

#include "charon-lite/kernel.h"

struct cl_usages;

/* kernel must outlive it. NULL when memory ran out. */
struct cl_usages *cl_usages_new(struct event_base *base, const struct cl_kernel *kernel);
void cl_usages_free(struct cl_usages *usages); /* NULL is fine */

/* Begins to look, unless a look is under way. False when the kernel or memory fails. */
MUST_USE bool cl_usages_begin(struct cl_usages *usages, ike_time now);
/* Goes on for some hundred SAs. False when no look is under way any more. */
MUST_USE bool cl_usages_step(struct cl_usages *usages);

/* Looks in one go, unless what there is was seen at most max_age ago. False when the kernel or
 * memory fails. What nobody asks for any more is forgotten after half a minute. */
MUST_USE bool cl_usages_refresh(struct cl_usages *usages, ike_time now, ike_time max_age);

/* False when the kernel did not have that SA. Kernels before 6.2 do not tell idle_seconds here: it
 * is UINT64_MAX then, as before the first packet. */
MUST_USE bool cl_usages_find(const struct cl_usages *usages, const struct ike_kernel_id *id,
	struct ike_kernel_usage *ret);

#endif
