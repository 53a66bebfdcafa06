/*
 * From one child to the one that rekeying made of it: make before break (RFC 7296 2.8).
 *
 * As initiator we have the new child whole when the answer comes, and delete the old one. As
 * responder we take packets in on the new child before we answer, but the initiator can take none
 * in before the answer has arrived. A new request of its proves that, at the latest the one that
 * deletes the old child. Until then we send on the old one.
 */
#include "libike/sa/sa_priv.h"

#include <stdlib.h>

/* A peer that lost a collision deletes what it made as soon as our answer has arrived. */
#define REDUNDANT_TIME IKE_SECONDS(180)
#define RETRY_TIME IKE_SECONDS(10)
#define RETRY_DOUBLINGS 4
/* Without a hard limit there is nothing that ends the attempts otherwise. */
#define RETRIES_WITHOUT_LIMIT 6

static void wake_for_lifetime(struct ike_engine *e, struct ike_child *child)
{
	ike_child_wake(e, child,
		child->rekey_at < child->expires_at ? child->rekey_at : child->expires_at);
}

static struct ike_handover *take(struct ike_child *child)
{
	struct ike_handover *handover = child->handover;

	if (handover)
		child->sa->handovers--;
	child->handover = NULL;
	return handover;
}

bool ike_handover_begin(struct ike_engine *e, struct ike_child *child, struct ike_child *old,
	bool initiator, const struct ike_child_secrets *secrets, struct why *why)
{
	struct ike_handover *handover = calloc(1, sizeof(*handover));
	struct bytes lowest = ike_nonce_lower(secrets->nonce_i, secrets->nonce_r);

	if (!handover)
		return why_fail(why, "out of memory");
	if (!ike_child_install_inbound(e, child, initiator, secrets, &handover->keymat, why)) {
		ike_handover_free(handover);
		return false;
	}
	handover->old = old;
	handover->fresh = true;
	handover->initiator = initiator;
	if (lowest.length > sizeof(handover->lowest)) /* the parser knows no longer ones */
		lowest.length = sizeof(handover->lowest);
	bytes_copy(handover->lowest, lowest);
	handover->lowest_length = (uint16_t)lowest.length;
	child->handover = handover;
	child->sa->handovers++;
	ike_child_set_state(e, child, IKE_CHILD_INSTALLED);
	ike_child_log_established(e, child, "inbound ");
	return true;
}

void ike_handover_complete(struct ike_engine *e, struct ike_child *child)
{
	struct ike_handover *handover = take(child);
	struct why why;

	bool installed = ike_child_install_outbound(
		e, child, handover->initiator, secret_bytes(&handover->keymat), &why);
	if (installed)
		ike_child_log_established(e, child, "outbound ");
	ike_child_announce(e, child, handover->old);
	ike_handover_free(handover);
	wake_for_lifetime(e, child);
	if (installed)
		return;
	ike_log(e, child->sa, IKE_LOG_CHD, IKE_LOG_AUDIT,
		"installing outbound CHILD_SA %s{%u} failed: %s", child->config->name,
		child->unique_id, why.text);
	ike_child_delete_later(e, child, IKE_REASON_KERNEL);
}

bool ike_handover_prevails(const struct ike_child *theirs, const struct ike_child_secrets *ours)
{
	struct bytes our_lowest = ike_nonce_lower(ours->nonce_i, ours->nonce_r);
	struct bytes their_lowest =
		bytes_of(theirs->handover->lowest, theirs->handover->lowest_length);

	return ike_nonce_lower(our_lowest, their_lowest).at == our_lowest.at;
}

void ike_handovers_proven(struct ike_engine *e, struct ike_sa *sa)
{
	struct ike_child *child, *next;

	for (child = sa->handovers ? sa->children : NULL; child; child = next) {
		struct ike_handover *handover = child->handover;

		next = child->next;
		if (!handover || handover->redundant)
			continue;
		/* While we rekey the same child, too, it is not decided yet which one stays. */
		if (!handover->fresh &&
			!(handover->old && handover->old->state == IKE_CHILD_REKEYING))
			ike_handover_complete(e, child);
		else
			handover->fresh = false;
	}
}

struct ike_child *ike_handover_of(const struct ike_child *old)
{
	const struct ike_sa *sa = old->sa;

	for (struct ike_child *child = sa->handovers ? sa->children : NULL; child;
		child = child->next)
		if (child->handover && child->handover->old == old && !child->handover->redundant)
			return child;
	return NULL;
}

void ike_handover_redundant(struct ike_engine *e, struct ike_child *child)
{
	child->handover->redundant = true;
	child->handover->look_at = 0;
	child->handover->old = NULL;
	ike_child_wake(e, child, e->now + REDUNDANT_TIME);
}

/* The peer took its rekeying back. */
static void reinstate(struct ike_engine *e, struct ike_child *old)
{
	if (old->state != IKE_CHILD_REKEYED || ike_handover_of(old))
		return;
	ike_child_set_state(e, old, IKE_CHILD_INSTALLED);
	ike_child_rekey_later(e, old);
}

void ike_handover_forget(struct ike_engine *e, struct ike_child *child)
{
	struct ike_handover *handover = take(child);
	struct ike_child *old = handover ? handover->old : NULL;

	ike_handover_free(handover);
	if (old)
		reinstate(e, old);
	for (struct ike_child *other = child->sa->handovers ? child->sa->children : NULL; other;
		other = other->next) {
		if (!other->handover || other->handover->old != child)
			continue;
		other->handover->old = NULL;
		if (!other->handover->redundant)
			ike_child_wake(e, other, e->now);
	}
}

void ike_child_retire(struct ike_engine *e, struct ike_child *child)
{
	ike_time delay = e->settings.delete_rekeyed_delay;

	if (child->state == IKE_CHILD_DELETED)
		return;
	ike_handover_forget(e, child);
	ike_log(e, child->sa, IKE_LOG_IKE, IKE_LOG_INFO, "CHILD_SA %s{%u} closed",
		child->config->name, child->unique_id);
	ike_child_set_state(e, child, IKE_CHILD_DELETED);
	if (delay <= 0 || !child->installed_in) {
		ike_child_destroy(e, child, IKE_REASON_REPLACED);
		return;
	}
	ike_child_remove_outbound(e, child);
	ike_child_wake(e, child, e->now + delay);
}

void ike_child_deleted(struct ike_engine *e, struct ike_child *child, enum ike_reason reason)
{
	if (child->announced)
		ike_child_destroy(e, child, reason);
	else
		ike_child_retire(e, child);
}

void ike_child_rekey_later(struct ike_engine *e, struct ike_child *child)
{
	unsigned doublings = child->attempts < RETRY_DOUBLINGS ? child->attempts : RETRY_DOUBLINGS;
	uint32_t jitter = 0;

	if (child->state == IKE_CHILD_REKEYING)
		ike_child_set_state(
			e, child, ike_handover_of(child) ? IKE_CHILD_REKEYED : IKE_CHILD_INSTALLED);
	if (child->state != IKE_CHILD_INSTALLED)
		return;
	if (child->attempts < UINT8_MAX)
		child->attempts++;
	child->rekey_at = IKE_NEVER;
	if (child->expires_at != IKE_NEVER || child->attempts <= RETRIES_WITHOUT_LIMIT) {
		/* Without randomness we go without jitter. */
		if (!ike_crypto_random(e->crypto, &jitter, sizeof(jitter)))
			jitter = 0;
		child->rekey_at =
			e->now + ((RETRY_TIME + (ike_time)(jitter % RETRY_TIME)) << doublings);
	}
	wake_for_lifetime(e, child);
}

void ike_child_drop_rekeying(struct ike_engine *e, struct ike_child *child)
{
	for (struct ike_task **at = &child->sa->tasks; *at;) {
		struct ike_task *task = *at;

		if (task->kind != IKE_TASK_REKEY_CHILD || task->replaces != child) {
			at = &task->next;
			continue;
		}
		*at = task->next;
		task->replaces = NULL;
		ike_task_finish(e, task, false, "rekeyed by the peer");
	}
}

void ike_child_delete_later(struct ike_engine *e, struct ike_child *child, enum ike_reason reason)
{
	struct ike_sa *sa = child->sa;
	struct ike_task *task = ike_task_of_child(sa, IKE_TASK_DELETE_CHILD, child);

	if (task) {
		if (reason == IKE_REASON_REPLACED)
			task->reason = (uint8_t)reason;
		return;
	}
	task = ike_task_queue_first(sa, IKE_TASK_DELETE_CHILD, child, 0);
	if (!task) { /* out of memory: the peer keeps a child that carries nothing */
		ike_child_deleted(e, child, reason);
		return;
	}
	task->protocol = child->suite.protocol;
	task->spi = child->spi_in;
	task->reason = (uint8_t)reason;
}

bool ike_child_discard(struct ike_engine *e, struct ike_task *task,
	const struct ike_child_secrets *secrets, struct why *why)
{
	struct ike_child *child = task->child;
	AUTO_SECRET keymat = { 0 };

	ike_log(e, child->sa, IKE_LOG_IKE, IKE_LOG_INFO,
		"CHILD_SA rekey collision lost, deleting redundant CHILD_SA %s{%u}",
		child->config->name, child->unique_id);
	if (!ike_child_install_inbound(e, child, true, secrets, &keymat, why))
		return false;
	ike_child_set_state(e, child, IKE_CHILD_INSTALLED);
	task->child = NULL;
	ike_child_delete_later(e, child, IKE_REASON_REPLACED);
	return true;
}

void ike_child_close_as_wanted(
	struct ike_engine *e, const struct ike_child *old, struct ike_child *child)
{
	const struct ike_task *task = ike_task_of_child(old->sa, IKE_TASK_DELETE_CHILD, old);

	if (task && task->reason != IKE_REASON_EXPIRED && task->reason != IKE_REASON_REPLACED)
		ike_child_delete_later(e, child, (enum ike_reason)task->reason);
}
