#include "charon-lite/kernel_leftovers.h"

#include "charon-lite/kernel_policy.h"

#include <stdlib.h>
#include <utlist.h>

/* How long states outlive their policies: for packets on their way, and peers that are slower. */
#define GRACE IKE_SECONDS(5)
/* What one turn asks of the kernel. */
#define STEPS_A_TURN 256
#define NEXT_TURN 10 /* milliseconds, when there was more to do */

struct leftover_state {
	UT_hash_handle hh;
	struct leftover_state *prev, *next;
	struct group *group;
	struct xfrm_state_id key;
};

struct leftover_policy {
	UT_hash_handle hh;
	struct leftover_policy *prev, *next;
	struct group *group;
	struct cl_policy_key key;
	struct xfrm_policy_id id;
	struct xfrm_policy *waiting; /* a trap's, or NULL */
	struct ike_acquire *kept;    /* or NULL */
};

/* What has the same reqid. */
struct group {
	UT_hash_handle hh;
	struct group *prev, *next; /* of those that stay, or of those that end */
	uint32_t reqid;
	bool announced; /* an acquire was raised for the trap behind it */
	bool ends;
	ike_time due; /* when it ends */
	struct leftover_state *states;
	struct leftover_policy *policies;
};

/* To be handed over by the next turn. */
struct acquired {
	struct acquired *prev, *next;
	struct ike_acquire what;
};

struct cl_leftovers {
	struct cl_leftovers_hands hands;
	ike_time until;
	struct group *by_reqid;
	struct group *groups; /* that stay until the bound */
	struct group *ending; /* by their time */
	struct leftover_state *states;
	struct leftover_policy *policies;
	struct acquired *acquired;
	struct cl_leftovers_counts counts;
};

struct cl_leftovers *cl_leftovers_new(const struct cl_leftovers_hands *hands, ike_time until)
{
	struct cl_leftovers *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->hands = *hands;
	l->until = until;
	return l;
}

/* ---- Members ---- */

static void state_forget(struct cl_leftovers *l, struct leftover_state *state)
{
	HASH_DEL(l->states, state);
	DL_DELETE(state->group->states, state);
	free(state);
}

static void policy_forget(struct cl_leftovers *l, struct leftover_policy *policy)
{
	HASH_DEL(l->policies, policy);
	DL_DELETE(policy->group->policies, policy);
	free(policy->waiting);
	free(policy->kept);
	free(policy);
}

static void group_free(struct cl_leftovers *l, struct group *group)
{
	while (group->states)
		state_forget(l, group->states);
	while (group->policies)
		policy_forget(l, group->policies);
	HASH_DEL(l->by_reqid, group);
	if (group->ends)
		DL_DELETE(l->ending, group);
	else
		DL_DELETE(l->groups, group);
	free(group);
}

void cl_leftovers_free(struct cl_leftovers *l)
{
	if (!l)
		return;
	while (l->groups)
		group_free(l, l->groups);
	while (l->ending)
		group_free(l, l->ending);
	while (l->acquired) {
		struct acquired *first = l->acquired;

		DL_DELETE(l->acquired, first);
		free(first);
	}
	free(l);
}

static struct group *group_of(struct cl_leftovers *l, uint32_t reqid)
{
	struct group *group;

	HASH_FIND(hh, l->by_reqid, &reqid, sizeof(reqid), group);
	if (group || !(group = calloc(1, sizeof(*group))))
		return group;
	group->reqid = reqid;
	HASH_ADD(hh, l->by_reqid, reqid, sizeof(group->reqid), group);
	if (!group->hh.tbl) {
		free(group);
		return NULL;
	}
	DL_APPEND(l->groups, group);
	if (reqid > l->counts.last_reqid)
		l->counts.last_reqid = reqid;
	return group;
}

/* Without what does not count: the port, and octets between the members. */
static struct xfrm_state_id state_key(const struct xfrm_state_id *id)
{
	struct xfrm_state_id key;

	memset(&key, 0, sizeof(key));
	key.destination = id->destination;
	key.destination.port = 0;
	key.destination.scope = 0;
	key.spi = id->spi;
	key.protocol = id->protocol;
	key.mark = id->mark;
	return key;
}

static struct leftover_state *state_find(
	const struct cl_leftovers *l, const struct xfrm_state_id *id)
{
	struct xfrm_state_id key = state_key(id);
	struct leftover_state *found;

	HASH_FIND(hh, l->states, &key, sizeof(key), found);
	return found;
}

static struct leftover_policy *policy_find(
	const struct cl_leftovers *l, const struct xfrm_policy_id *id)
{
	struct cl_policy_key key = cl_policy_key(id);
	struct leftover_policy *found;

	HASH_FIND(hh, l->policies, &key, sizeof(key), found);
	return found;
}

bool cl_leftovers_add_state(struct cl_leftovers *l, const struct xfrm_state *state)
{
	struct group *group = group_of(l, state->reqid);
	struct leftover_state *added = calloc(1, sizeof(*added));

	if (!group || !added) {
		free(added);
		return false;
	}
	added->group = group;
	added->key = state_key(&state->id);
	HASH_ADD(hh, l->states, key, sizeof(added->key), added);
	if (!added->hh.tbl) {
		free(added);
		return false;
	}
	DL_APPEND(group->states, added);
	l->counts.states++;
	return true;
}

bool cl_leftovers_add_policy(struct cl_leftovers *l, const struct xfrm_policy *policy)
{
	struct group *group =
		group_of(l, policy->template_count > 0 ? policy->templates[0].reqid : 0);
	struct leftover_policy *added = calloc(1, sizeof(*added));

	if (!group || !added) {
		free(added);
		return false;
	}
	added->group = group;
	added->key = cl_policy_key(&policy->id);
	added->id = policy->id;
	HASH_ADD(hh, l->policies, key, sizeof(added->key), added);
	if (!added->hh.tbl) {
		free(added);
		return false;
	}
	DL_APPEND(group->policies, added);
	l->counts.policies++;
	return true;
}

void cl_leftovers_count(const struct cl_leftovers *l, struct cl_leftovers_counts *ret)
{
	*ret = l->counts;
}

/* ---- Policies that come and go ---- */

static void raise(struct cl_leftovers *l, const struct ike_acquire *what, uint32_t reqid)
{
	struct acquired *acquired = calloc(1, sizeof(*acquired));

	if (!acquired) /* the next packet raises one */
		return;
	acquired->what = *what;
	acquired->what.reqid = reqid;
	DL_APPEND(l->acquired, acquired);
}

static enum cl_leftover wait_behind(
	struct cl_leftovers *l, struct leftover_policy *old, const struct xfrm_policy *policy)
{
	const struct ike_acquire none = { 0 };

	if (!old->waiting && !(old->waiting = malloc(sizeof(*old->waiting))))
		return CL_LEFTOVER_NONE; /* adding it fails then, as the kernel has one */
	*old->waiting = *policy;
	if (!old->group->announced)
		raise(l, &none, policy->templates[0].reqid);
	old->group->announced = true;
	return CL_LEFTOVER_WAITING;
}

/* Times only grow, so the list stays in its order. */
static void end_later(struct cl_leftovers *l, struct group *group, ike_time due)
{
	if (group->ends)
		return;
	DL_DELETE(l->groups, group);
	group->ends = true;
	group->due = due < l->until ? due : l->until;
	DL_APPEND(l->ending, group);
}

static void taken(struct cl_leftovers *l, struct leftover_policy *old, ike_time now)
{
	struct group *group = old->group;

	policy_forget(l, old);
	l->counts.taken++;
	if (!group->policies)
		end_later(l, group, now + GRACE);
}

enum cl_leftover cl_leftovers_put(
	struct cl_leftovers *l, const struct xfrm_policy *policy, uint8_t kind, ike_time now)
{
	struct leftover_policy *old = policy_find(l, &policy->id);

	if (!old)
		return CL_LEFTOVER_NONE;
	if (kind == IKE_POLICY_TRAP && old->group->reqid != 0 && old->group->states)
		return wait_behind(l, old, policy);
	if (old->kept && kind == IKE_POLICY_TRAP)
		raise(l, old->kept, policy->templates[0].reqid);
	taken(l, old, now);
	return CL_LEFTOVER_TAKEN;
}

bool cl_leftovers_drop(struct cl_leftovers *l, const struct xfrm_policy_id *id)
{
	struct leftover_policy *old = policy_find(l, id);

	if (!old || !old->waiting)
		return false;
	free(old->waiting);
	old->waiting = NULL;
	return true;
}

void cl_leftovers_make_room(struct cl_leftovers *l, const struct xfrm_state_id *id)
{
	struct leftover_state *old = state_find(l, id);

	if (!old)
		return;
	l->hands.remove(l->hands.context, id);
	state_forget(l, old);
}

/* ---- The end of a group ---- */

/* The kernel has what waited, or nothing. */
static void policy_end(struct cl_leftovers *l, struct leftover_policy *policy)
{
	if (policy->waiting && l->hands.replace(l->hands.context, policy->waiting, NULL)) {
		l->counts.taken++;
	} else {
		l->hands.drop(l->hands.context, &policy->id);
		l->counts.removed++;
	}
	policy_forget(l, policy);
}

/* Up to that many steps; returns what is left of them. The policies first: without states they
 * would raise acquires. */
static unsigned group_end(struct cl_leftovers *l, struct group *group, unsigned steps)
{
	for (; steps > 0 && group->policies; steps--)
		policy_end(l, group->policies);
	for (; steps > 0 && group->states; steps--) {
		l->hands.remove(l->hands.context, &group->states->key);
		state_forget(l, group->states);
	}
	if (!group->policies && !group->states)
		group_free(l, group);
	return steps;
}

/* At once, and what that is too much for in the next turns. */
static void end_now(struct cl_leftovers *l, struct group *group, ike_time now)
{
	if (group->ends)
		DL_DELETE(l->ending, group);
	else
		DL_DELETE(l->groups, group);
	group->ends = true;
	group->due = now;
	DL_PREPEND(l->ending, group);
	(void)group_end(l, group, STEPS_A_TURN);
}

/* ---- Events ---- */

bool cl_leftovers_acquire(struct cl_leftovers *l, const struct xfrm_policy_id *id,
	struct ike_acquire *acquire, ike_time now)
{
	struct leftover_policy *old = policy_find(l, id);

	if (!old)
		return false;
	if (old->waiting) {
		acquire->reqid = old->waiting->templates[0].reqid;
		end_now(l, old->group, now);
		return false;
	}
	if (!old->kept)
		old->kept = malloc(sizeof(*old->kept));
	if (old->kept)
		*old->kept = *acquire;
	return true;
}

void cl_leftovers_expired(struct cl_leftovers *l, const struct xfrm_state_id *id, ike_time now)
{
	struct leftover_state *old = state_find(l, id);

	if (!old)
		return;
	struct group *group = old->group;
	state_forget(l, old);
	end_now(l, group, now);
}

ike_time cl_leftovers_next(const struct cl_leftovers *l)
{
	if (l->acquired)
		return 0;
	if (l->ending)
		return l->ending->due;
	return l->groups ? l->until : IKE_NEVER;
}

ike_time cl_leftovers_turn(struct cl_leftovers *l, ike_time now)
{
	unsigned steps = STEPS_A_TURN;

	for (; steps > 0 && l->acquired; steps--) {
		struct acquired *first = l->acquired;

		DL_DELETE(l->acquired, first);
		l->hands.acquire(l->hands.context, &first->what);
		free(first);
	}
	while (steps > 0 && l->ending && l->ending->due <= now)
		steps = group_end(l, l->ending, steps);
	while (steps > 0 && l->groups && l->until <= now)
		steps = group_end(l, l->groups, steps);
	return steps > 0 ? cl_leftovers_next(l) : now + NEXT_TURN;
}
