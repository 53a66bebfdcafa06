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
	if (old->state == IKE_CHILD_DELETED) { /* by the peer, meanwhile */
		ikev1_handover_complete(x->e, child);
		ike_child_destroy(x->e, old, IKE_REASON_REPLACED);
		return true;
	}
	ike_child_set_state(x->e, old, IKE_CHILD_REKEYED);
	ike_child_drop_rekeying(x->e, old);
	ikev1_handover_await(x->e, child,
		x->exchange->quick->commit ? IKEV1_AWAITS_CONNECTED : IKEV1_AWAITS_USE);
	return true;
}

static bool bring_up(struct ikev1_received *x, struct ike_task *task,
	const struct ike_child_secrets *secrets, struct why *why)
{
	struct ike_child *child = task->child;

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

/* The peer's own rekeying of the same child prevails. */
static bool lose(struct ikev1_received *x, struct ike_task *task, struct ike_child *old,
	const struct ike_child_secrets *secrets, struct why *why)
{
	struct ike_child *theirs = old ? ike_handover_of(old) : NULL;

	if (!discard(x, task, secrets, why))
		return false;
	task->replaces = NULL;
	if (old && old->state == IKE_CHILD_REKEYING)
		ike_child_set_state(x->e, old, IKE_CHILD_REKEYED);
	if (theirs && theirs->handover->arrived)
		ikev1_handover_complete(x->e, theirs);
	return true;
}

static struct ike_child *find_old(const struct ike_task *task)
{
	const struct ike_child *child = task->child;
	struct ike_child_selectors selectors = { .local_count = child->local_count,
		.remote_count = child->remote_count };

	if (task->kind == IKE_TASK_REKEY_CHILD)
		return task->replaces;
	/* The peer takes it for a rekeying as well. */
	memcpy(selectors.local, ike_child_local(child),
		child->local_count * sizeof(*selectors.local));
	memcpy(selectors.remote, ike_child_remote(child),
		child->remote_count * sizeof(*selectors.remote));
	return ikev1_quick_replaced(child->sa, child->config, &selectors, child->mode);
}

bool ikev1_quick_install(struct ikev1_received *x, struct ike_task *task, struct bytes shared,
	struct ike_failure *failure)
{
	const struct ike_child_secrets secrets = ikev1_quick_secrets(x->exchange, shared);
	const char *name = task->child->config->name;
	struct ike_child *old = find_old(task);
	const struct ike_child *theirs = old ? ike_handover_of(old) : NULL;
	bool rekeys = task->kind == IKE_TASK_REKEY_CHILD;
	bool lost = (rekeys && (!old || !old->announced)) ||
		    (theirs && ike_handover_prevails(theirs, &secrets));
	struct why why;

	x->exchange->quick->spi = task->child->spi_in;
	if (lost      ? lose(x, task, old, &secrets, &why)
		: old ? take_over(x, task, old, &secrets, &why)
		      : bring_up(x, task, &secrets, &why))
		return true;
	ike_failure_set(failure, IKE_REASON_KERNEL, NULL, NULL,
		"installing CHILD_SA '%s' failed: %s", name, why.text);
	return false;
}
