/*
 * Quick Mode, initiator: what becomes of a child that both agreed on.
 *
 * When both ends rekey the same child at once there are two new ones for a moment. The one whose
 * exchange has the lowest of the four nonces is deleted by the end that asked for it, as in IKEv2
 * (RFC 7296 2.8.1); a peer that does not know of that rule keeps what it made for a while.
 */
#include "libike/ikev1/quick.h"

/* Not needed. The peer may send on it until it knows, so it gets in. */
static bool discard(struct ikev1_received *x, struct ike_task *task,
	const struct ike_child_secrets *secrets, struct why *why)
{
	struct ike_child *child = task->child;
	AUTO_SECRET keymat = { 0 };

	ike_log(x->e, x->sa, IKE_LOG_IKE, IKE_LOG_INFO,
		"CHILD_SA rekey collision lost, deleting redundant CHILD_SA %s{%u}",
		child->config->name, child->unique_id);
	if (!ike_child_install_inbound(x->e, child, true, secrets, &keymat, why))
		return false;
	ike_child_set_state(x->e, child, IKE_CHILD_INSTALLED);
	task->child = NULL;
	ike_child_delete_later(x->e, child, IKE_REASON_REPLACED);
	return true;
}

/* Somebody wanted the old one closed while we rekeyed it. */
static void close_as_wanted(
	struct ike_engine *e, const struct ike_child *old, struct ike_child *child)
{
	const struct ike_task *task = ike_task_of_child(old->sa, IKE_TASK_DELETE_CHILD, old);

	if (task && task->reason != IKE_REASON_EXPIRED && task->reason != IKE_REASON_REPLACED)
		ike_child_delete_later(e, child, (enum ike_reason)task->reason);
}

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
	close_as_wanted(x->e, old, child);
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
	if (!discard(x, task, secrets, why))
		return false;
	task->replaces = NULL;
	if (old && old->state == IKE_CHILD_REKEYING)
		ike_child_set_state(x->e, old, IKE_CHILD_REKEYED);
	else if (old && old->state == IKE_CHILD_DELETED && old->announced)
		ike_child_destroy(x->e, old, IKE_REASON_DELETED_BY_PEER);
	return true;
}

/* The peer takes a new one for a rekeying of what is there as well. */
static struct ike_child *find_old(const struct ike_task *task)
{
	if (task->kind == IKE_TASK_REKEY_CHILD)
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

bool ikev1_quick_install(struct ikev1_received *x, struct ike_task *task, struct bytes shared,
	struct ike_failure *failure)
{
	const struct ike_child_secrets secrets = ikev1_quick_secrets(x->exchange, shared);
	const char *name = task->child->config->name;
	struct ike_child *old = find_old(task), *theirs = find_theirs(task, old);
	bool rekeys = task->kind == IKE_TASK_REKEY_CHILD, done;
	struct why why;

	x->exchange->quick->spi = task->child->spi_in;
	if ((rekeys && (!old || !old->announced || old->state == IKE_CHILD_DELETED)) ||
		(theirs && ike_handover_prevails(theirs, &secrets)))
		done = lose(x, task, old, &secrets, &why);
	else if (old)
		done = take_over(x, task, old, &secrets, &why);
	else
		done = bring_up(x, task, theirs, &secrets, &why);
	if (!done)
		ike_failure_set(failure, IKE_REASON_KERNEL, NULL, NULL,
			"installing CHILD_SA '%s' failed: %s", name, why.text);
	return done;
}
