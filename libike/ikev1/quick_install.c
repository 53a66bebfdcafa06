/*
 * Quick Mode, initiator: what becomes of a child that both agreed on.
 *
 * When both ends rekey the same child at once there are two new ones for a moment. The one whose
 * exchange has the lowest of the four nonces is deleted by the end that asked for it, as in IKEv2
 * (RFC 7296 2.8.1); a peer that does not know of that rule keeps what it made for a while.
 */
#include "libike/ikev1/quick.h"

static bool take_over(struct ikev1_received *x, struct ike_task *task, struct ike_child *old,
	const struct ike_child_secrets *secrets, struct why *why)
{
	struct ike_child *child = task->child, *theirs = ike_handover_of(old);

	if (!ike_handover_begin(x->e, child, old, true, secrets, why))
		return false;
	task->child = NULL;
	task->replaces = NULL;
	if (theirs)
		ike_handover_redundant(x->e, theirs);
	ike_child_close_as_wanted(x->e, old, child);
	ike_child_set_state(x->e, old, IKE_CHILD_REKEYED);
	ike_child_drop_rekeying(x->e, old);
	ikev1_handover_await(x->e, child,
		x->exchange->quick->commit ? IKEV1_AWAITS_CONNECTED : IKEV1_AWAITS_USE);
	return true;
}

static bool bring_up(struct ikev1_received *x, struct ike_task *task, struct ike_child *theirs,
	const struct ike_child_secrets *secrets, struct why *why)
{
	struct ike_child *child = task->child;

	if (theirs)
		ike_handover_redundant(x->e, theirs);
	if (!x->exchange->quick->commit) {
		if (!ike_child_install(x->e, child, true, secrets, why))
			return false;
		task->child = NULL;
		ike_child_announce(x->e, child, NULL);
		return true;
	}
	if (!ike_handover_begin(x->e, child, NULL, true, secrets, why))
		return false;
	task->child = NULL;
	ikev1_handover_await(x->e, child, IKEV1_AWAITS_CONNECTED);
	return true;
}

/* The peer's own of the same child prevails; or the peer deleted the old one before it heard of the
 * new one, and meant that. */
static bool lose(struct ikev1_received *x, struct ike_task *task, struct ike_child *old,
	const struct ike_child_secrets *secrets, struct why *why)
{
	if (!ike_child_discard(x->e, task, secrets, why))
		return false;
	task->replaces = NULL;
	if (old && old->state == IKE_CHILD_REKEYING)
		ike_child_set_state(x->e, old, IKE_CHILD_REKEYED);
	else if (old && old->state == IKE_CHILD_DELETED && old->announced)
		ike_child_destroy(x->e, old, IKE_REASON_DELETED_BY_PEER);
	return true;
}

/* The peer takes a new one for a rekeying of what is there as well. What was to be rekeyed may be
 * gone: then the new one is all there is. */
static struct ike_child *find_old(const struct ike_task *task)
{
	if (task->kind == IKE_TASK_REKEY_CHILD && task->replaces)
		return task->replaces;
	for (struct ike_child *c = task->child->sa->children; c; c = c->next)
		if (c->announced && c->state >= IKE_CHILD_INSTALLED &&
			c->state <= IKE_CHILD_REKEYED && ikev1_quick_is_same(c, task->child))
			return c;
	return NULL;
}

/* What the peer's Quick Mode for the same made, while it waits. */
static struct ike_child *find_theirs(const struct ike_task *task, const struct ike_child *old)
{
	if (old)
		return ike_handover_of(old);
	for (struct ike_child *c = task->child->sa->children; c; c = c->next)
		if (c->handover && !c->handover->redundant && !c->handover->old &&
			!c->handover->initiator && ikev1_quick_is_same(c, task->child))
			return c;
	return NULL;
}

/* The old one was closed on purpose, or replaced by another one already. */
static bool is_unwanted(const struct ike_task *task, const struct ike_child *old)
{
	if (task->kind != IKE_TASK_REKEY_CHILD)
		return false;
	if (!task->replaces)
		return task->reason == IKE_REASON_TERMINATED;
	return !old->announced || old->state == IKE_CHILD_DELETED;
}

bool ikev1_quick_install(struct ikev1_received *x, struct ike_task *task, struct bytes shared,
	struct ike_failure *failure)
{
	const struct ike_child_secrets secrets = ikev1_quick_secrets(x->exchange, shared);
	const char *name = task->child->config->name;
	struct ike_child *old = find_old(task), *theirs = find_theirs(task, old);
	bool done;
	struct why why;

	x->exchange->quick->spi = task->child->spi_in;
	if (is_unwanted(task, old) || (theirs && ike_handover_prevails(theirs, &secrets)))
		done = lose(x, task, old, &secrets, &why);
	else if (old)
		done = take_over(x, task, old, &secrets, &why);
	else
		done = bring_up(x, task, theirs, &secrets, &why);
	if (!done)
		ike_failure_set_kernel(failure, name, &why);
	return done;
}
