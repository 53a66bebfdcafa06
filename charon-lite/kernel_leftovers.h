/*
 * Leftovers: states and policies of a charon-lite that did not end in order.
 *
 * They still carry packets, so they stay until something takes their place. What belongs together
 * is known by its reqid: a group.
 *
 * - A policy that a child installs takes the place of the leftover with the same selectors, at
 * once. When a group has no policy of its own left, its states go after some seconds: by then
 * nothing comes that was sent through them.
 * - A trap would stop the traffic until its child is up. It waits behind the leftover while that
 * has states, and raises an acquire, so that the child comes up now.
 * - A state at its hard limit, or an acquire, says that a group carries nothing more: what waits
 * behind its policies takes their place, the others go. An acquire for a policy that nobody has
 * asked for again yet is kept for who does.
 * - After a bound everything goes that is left.
 *
 * It does nothing by itself: what it wants done leaves through five functions, time is a parameter.
 */
#ifndef CHARON_LITE_KERNEL_LEFTOVERS_H
#define CHARON_LITE_KERNEL_LEFTOVERS_H

#include "libike/engine.h"
#include "libxfrm/policy.h"

struct cl_leftovers_hands {
	void *context;
	/* In the place of the leftover. */
	bool (*replace)(void *context, const struct xfrm_policy *policy, struct why *why);
	void (*drop)(void *context, const struct xfrm_policy_id *id);
	void (*remove)(void *context, const struct xfrm_state_id *id);
	/* Never from within cl_leftovers_put(). */
	void (*acquire)(void *context, const struct ike_acquire *acquire);
};

struct cl_leftovers;

struct cl_leftovers_counts {
	unsigned states, policies;
	unsigned taken;   /* policies whose place was taken */
	unsigned removed; /* policies that nothing wanted */
	uint32_t last_reqid;
};

/* until: when all goes that nothing took the place of. NULL without memory. */
struct cl_leftovers *cl_leftovers_new(const struct cl_leftovers_hands *hands, ike_time until);
void cl_leftovers_free(struct cl_leftovers *l); /* NULL is fine */

/* What was found, or could not be replaced after all. False without memory. */
MUST_USE bool cl_leftovers_add_state(struct cl_leftovers *l, const struct xfrm_state *state);
MUST_USE bool cl_leftovers_add_policy(struct cl_leftovers *l, const struct xfrm_policy *policy);

void cl_leftovers_count(const struct cl_leftovers *l, struct cl_leftovers_counts *ret);

enum cl_leftover {
	CL_LEFTOVER_NONE,    /* there is none with these selectors */
	CL_LEFTOVER_TAKEN,   /* there was: the policy is to be put in its place */
	CL_LEFTOVER_WAITING, /* the policy waits behind it: nothing is to be done */
};

/* A policy of that kind (enum ike_policy_kind) is to be put into the kernel. */
enum cl_leftover cl_leftovers_put(
	struct cl_leftovers *l, const struct xfrm_policy *policy, uint8_t kind, ike_time now);

/* Ours is not wanted any more: true when it only waited, and the kernel has none of it. */
bool cl_leftovers_drop(struct cl_leftovers *l, const struct xfrm_policy_id *id);

/* A new state is about to get the id, which a leftover might have: that one is removed. */
void cl_leftovers_make_room(struct cl_leftovers *l, const struct xfrm_state_id *id);

/* The kernel's events. Of an acquire for a leftover's policy the reqid becomes that of the trap
 * behind it; true when there is none yet and the acquire is kept. */
bool cl_leftovers_acquire(struct cl_leftovers *l, const struct xfrm_policy_id *id,
	struct ike_acquire *acquire, ike_time now);
void cl_leftovers_expired(struct cl_leftovers *l, const struct xfrm_state_id *id, ike_time now);

/* When there is something to do: 0 at once, IKE_NEVER when nothing is left. */
ike_time cl_leftovers_next(const struct cl_leftovers *l);

/* Does what is due, a bounded piece of it, and returns when to come again; IKE_NEVER: nothing is
 * left. */
ike_time cl_leftovers_turn(struct cl_leftovers *l, ike_time now);

#endif
