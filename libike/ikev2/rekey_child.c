/*
 * CREATE_CHILD_SA: rekeying a child (RFC 7296 1.3.3, 2.8).
 *
 *   HDR, SK{N(REKEY_SA), [N+,] SA, Ni, [KEi,] TSi, TSr}  -->
 *                                           <--  HDR, SK{[N+,] SA, Nr, [KEr,] TSi, TSr}
 *
 * When both ends rekey the same child at once there are two new ones for a moment. The one whose
 * exchange has the lowest of the four nonces is deleted by the end that asked for it; the other end
 * deletes the old child (RFC 7296 2.8.1).
 */
#include "libike/ikev2/ikev2.h"

/* ---- Initiator ---- */

void ike_rekey_child(struct ike_engine *e, struct ike_child *child)
{
	struct ike_sa *sa = child->sa;

	if (child->state != IKE_CHILD_INSTALLED || child->handover ||
		sa->state == IKE_SA_DELETING || ike_task_of_child(sa, IKE_TASK_REKEY_CHILD, child))
		return;
	if (ike_followup_of_child(sa, child)) { /* the peer is about to */
		ike_child_rekey_later(e, child);
		return;
	}
	struct ike_task *task = ike_task_queue(sa, IKE_TASK_REKEY_CHILD, NULL, 0);
	if (task)
		task->replaces = child;
	else
		ike_child_rekey_later(e, child);
}

static bool make_child(struct ike_engine *e, struct ike_task *task)
{
	const struct ike_child *old = task->replaces;

	if (task->child)
		return true;
	task->child = ike_child_new(e, old->sa, old->config, old);
	return task->child != NULL;
}

bool ike_rekey_child_start(
	struct ike_engine *e, struct ike_sa *sa, struct ike_task *task, struct ike_failure *failure)
{
	struct ike_child *old = task->replaces;
	struct ike_builder b;
	uint8_t spi[4];
	struct writer w = writer_of(spi, sizeof(spi));

	if (!make_child(e, task))
		return false;
	if (!task->offer)
		ike_log(e, sa, IKE_LOG_IKE, IKE_LOG_AUDIT, "establishing CHILD_SA %s{%u} reqid %u",
			task->child->config->name, task->child->unique_id, task->child->reqid);
	ike_builder_start(e, &b);
	writer_u32(&w, old->spi_in);
	if (!task->peer_lost_it)
		ike_build_notify_spi(&b, IKE_NOTIFY_REKEY_SA, old->suite.protocol, writer_bytes(&w),
			(struct bytes){ 0 });
	if (!ike_child_offer(e, sa, task, false, &b, failure) ||
		!ike_request_send(e, sa, IKE_EXCHANGE_CREATE_CHILD_SA, &b))
		return false;
	ike_child_set_state(e, old, IKE_CHILD_REKEYING);
	return true;
}

/* The same task once more, at once. */
static void again(struct ike_sa *sa, struct ike_task *task)
{
	task->next = sa->tasks;
	sa->tasks = task;
}

static void put_off(struct ike_received *x, struct ike_task *task, const char *what)
{
	const struct ike_child *old = task->replaces;

	ike_log(x->e, x->sa, IKE_LOG_IKE, IKE_LOG_INFO, "rekeying CHILD_SA %s{%u} is put off: %s",
		old->config->name, old->unique_id, what);
	ike_task_finish(x->e, task, false, what);
}

static void lost_by_peer(struct ike_received *x, struct ike_task *task)
{
	const struct ike_child *old = task->replaces;

	if (task->peer_lost_it) {
		put_off(x, task, "peer does not know it (CHILD_SA_NOT_FOUND)");
		return;
	}
	ike_log(x->e, x->sa, IKE_LOG_IKE, IKE_LOG_INFO,
		"peer doesn't know the CHILD_SA %s{%u} that we wanted to rekey, making a new one",
		old->config->name, old->unique_id);
	task->peer_lost_it = true;
	again(x->sa, task);
}

/* There is no new child. If the peer has deleted the old one meanwhile, it meant that. */
static void let_go(struct ike_received *x, struct ike_task *task)
{
	struct ike_child *old = task->replaces;

	if (!old || old->state != IKE_CHILD_DELETED)
		return;
	task->replaces = NULL;
	if (old->announced)
		ike_child_destroy(x->e, old, IKE_REASON_DELETED_BY_PEER);
}

/* No SA in the answer. */
static void refused(struct ike_received *x, struct ike_task *task)
{
	struct ike_child *old = task->replaces;
	const struct ike_notify *n = ike_message_error(x->message);
	struct ike_failure failure = { 0 };
	char text[1800];

	if (!old || old->state != IKE_CHILD_REKEYING) {
		ike_task_finish(x->e, task, false, "ended by the peer");
		return;
	}
	if (ike_group_demanded(x, task->offer, &task->child->config->proposals)) {
		again(x->sa, task);
		return;
	}
	if (n && n->type == IKE_NOTIFY_TEMPORARY_FAILURE) {
		put_off(x, task, "peer is busy (TEMPORARY_FAILURE)");
		return;
	}
	if (n && n->type == IKE_NOTIFY_CHILD_SA_NOT_FOUND) {
		lost_by_peer(x, task);
		return;
	}
	ike_child_refused(x, old->config, &failure);
	ike_log_child_failure(x->e, x->sa, x->sa->connection, old->config->name, &failure);
	ike_task_finish(x->e, task, false, ike_failure_format(&failure, text, sizeof(text)));
	ike_failure_free(&failure);
}

/* Whether the peer's rekeying of the same child, which waits for more key exchanges, prevails over
 * ours. If ours prevails, the other one is dropped.
 */
static bool lost_to_followup(
	struct ike_engine *e, struct ike_child *old, struct bytes nonce_i, struct bytes nonce_r)
{
	const struct ike_followup *theirs = ike_followup_of_child(old->sa, old);

	if (theirs && ike_followup_prevails(theirs, nonce_i, nonce_r))
		return true;
	if (theirs)
		ike_followup_drop(e, old->sa, theirs);
	return false;
}

static bool take_over(struct ike_received *x, struct ike_task *task, struct ike_child *theirs,
	const struct ike_child_secrets *secrets, struct why *why)
{
	struct ike_child *old = task->replaces;
	struct ike_child *child = task->child;

	if (!ike_child_install(x->e, child, true, secrets, why))
		return false;
	task->child = NULL;
	task->replaces = NULL;
	ike_child_announce(x->e, child, old);
	if (theirs)
		ike_handover_redundant(x->e, theirs);
	ike_child_close_as_wanted(x->e, old, child);
	if (old->state == IKE_CHILD_DELETED || task->peer_lost_it) {
		ike_child_destroy(x->e, old, IKE_REASON_REPLACED);
		return true;
	}
	ike_child_set_state(x->e, old, IKE_CHILD_REKEYED);
	ike_child_delete_later(x->e, old, IKE_REASON_REPLACED);
	return true;
}

/* The old child was replaced, or went, without us. */
static bool is_superseded(const struct ike_child *old)
{
	return !old || !old->announced;
}

/* All key exchanges are through: the peer has the new child. */
static bool install(struct ike_received *x, struct ike_task *task,
	const struct ike_child_secrets *secrets, struct ike_failure *failure)
{
	struct ike_child *old = task->replaces;
	struct ike_child *theirs = old ? ike_handover_of(old) : NULL;
	struct why why;
	bool waits = old && lost_to_followup(x->e, old, secrets->nonce_i, secrets->nonce_r);
	bool lost =
		waits || is_superseded(old) || (theirs && ike_handover_prevails(theirs, secrets));

	if (lost) {
		if (waits && old->state == IKE_CHILD_DELETED)
			let_go(x, task); /* there is nothing to rekey any more */
		else if (waits)
			ike_child_rekey_later(x->e, old);
		else if (old && old->state == IKE_CHILD_REKEYING)
			ike_child_set_state(x->e, old, IKE_CHILD_REKEYED);
		task->replaces = NULL;
	}
	if (lost ? ike_child_discard(x->e, task, secrets, &why)
		 : take_over(x, task, theirs, secrets, &why))
		return true;
	ike_failure_set_kernel(failure, task->child->config->name, &why);
	return false;
}

/* More key exchanges are to follow; the peer has nothing yet that would have to be deleted if it is
 * the peer's own rekeying that goes on. */
static bool follow_up(struct ike_received *x, struct ike_task *task, struct secret *shared,
	struct ike_failure *failure)
{
	struct bytes nonce = bytes_of(task->offer->nonce, IKE_NONCE_LENGTH);
	struct ike_child *old = task->replaces;
	const struct ike_child_secrets secrets = { .nonce_i = nonce, .nonce_r = x->message->nonce };
	struct ike_child *theirs = old ? ike_handover_of(old) : NULL;

	if (is_superseded(old) || (theirs && ike_handover_prevails(theirs, &secrets)) ||
		lost_to_followup(x->e, old, nonce, x->message->nonce)) {
		ike_log(x->e, x->sa, IKE_LOG_IKE, IKE_LOG_INFO,
			"CHILD_SA rekey collision lost, not going on with CHILD_SA %s{%u}",
			task->child->config->name, task->child->unique_id);
		if (is_superseded(old)) {
			if (old && old->state == IKE_CHILD_REKEYING)
				ike_child_set_state(x->e, old, IKE_CHILD_REKEYED);
			task->replaces = NULL;
		}
		let_go(x, task);
		ike_task_finish(x->e, task, false, "rekeyed by the peer");
		return true;
	}
	return ike_followup_begin(x, task,
		ike_followup_new(&task->child->suite, nonce, x->message->nonce, shared), failure);
}

/* *ret_inform: when it fails, the peer has the new child. The task is over, or goes on. */
static bool agreed(struct ike_received *x, struct ike_task *task, struct ike_failure *failure,
	bool *ret_inform, bool *ret_follows)
{
	AUTO_SECRET shared = { 0 };

	if (!ike_child_agree(x, task, false, &shared, failure, ret_inform))
		return false;
	*ret_follows = ike_suite_additional_count(&task->child->suite) > 0;
	if (*ret_follows) {
		*ret_inform = false;
		return follow_up(x, task, &shared, failure);
	}
	const struct ike_child_secrets secrets = { .shared = secret_bytes(&shared),
		.nonce_i = bytes_of(task->offer->nonce, IKE_NONCE_LENGTH),
		.nonce_r = x->message->nonce };
	return install(x, task, &secrets, failure);
}

static void finish(
	struct ike_received *x, struct ike_task *task, bool done, struct ike_failure *failure)
{
	char text[1800];

	if (!done) {
		let_go(x, task);
		ike_log_child_failure(
			x->e, x->sa, x->sa->connection, task->child->config->name, failure);
	}
	ike_task_finish(
		x->e, task, done, done ? NULL : ike_failure_format(failure, text, sizeof(text)));
}

enum ike_outcome ike_rekey_child_completed(struct ike_received *x, struct ike_task *task)
{
	const struct ike_child_secrets secrets = ike_followup_secrets(task->offer->followup);
	struct ike_failure failure = { 0 };

	bool deleted = ike_child_was_deleted(task, &failure);
	bool done = !deleted && install(x, task, &secrets, &failure);
	if (!done && !deleted)
		ike_delete_child_at_peer(x->sa, task->child);
	finish(x, task, done, &failure);
	ike_failure_free(&failure);
	return IKE_OUTCOME_OK;
}

void ike_rekey_child_failed(
	struct ike_received *x, struct ike_task *task, struct ike_failure *failure)
{
	struct ike_child *old;
	bool busy = failure->notify == IKE_NOTIFY_TEMPORARY_FAILURE ||
		    failure->notify == IKE_NOTIFY_STATE_NOT_FOUND;

	let_go(x, task);
	old = task->replaces;
	if (!old || old->state != IKE_CHILD_REKEYING)
		ike_task_finish(x->e, task, false, "ended by the peer");
	else if (busy)
		put_off(x, task, failure->text);
	else
		finish(x, task, false, failure);
}

enum ike_outcome ike_rekey_child_answered(struct ike_received *x)
{
	struct ike_sa *sa = x->sa;
	struct ike_task *task = sa->active;
	struct ike_failure failure = { 0 };
	bool inform = false, follows = false;

	if (!task->child) /* ended meanwhile */
		return IKE_OUTCOME_OK;
	sa->active = NULL;
	if (!IKE_HAS(x->message, SA)) {
		let_go(x, task);
		refused(x, task);
		return IKE_OUTCOME_OK;
	}
	bool done = agreed(x, task, &failure, &inform, &follows);
	if (!done && inform)
		ike_delete_child_at_peer(sa, task->child);
	if (!done || !follows)
		finish(x, task, done, &failure);
	ike_failure_free(&failure);
	return IKE_OUTCOME_OK;
}

/* ---- Responder ---- */

static struct ike_child *find_old(struct ike_received *x, const struct ike_notify *n)
{
	struct reader r = reader_of(n->spi);
	uint32_t spi = reader_u32(&r);
	struct ike_child *old = reader_end(&r) ? ike_child_by_spi(x->sa, spi, false) : NULL;

	if (old && old->suite.protocol == n->protocol && old->state != IKE_CHILD_DELETED)
		return old;
	ike_log(x->e, x->sa, IKE_LOG_IKE, IKE_LOG_INFO,
		"peer wants to rekey a CHILD_SA that we don't have");
	ike_build_notify_spi(
		x->reply, IKE_NOTIFY_CHILD_SA_NOT_FOUND, n->protocol, n->spi, (struct bytes){ 0 });
	return NULL;
}

/* RFC 7296 2.25.1 */
static bool is_busy(const struct ike_child *old)
{
	const struct ike_task *own = ike_task_of_child(old->sa, IKE_TASK_REKEY_CHILD, old);

	/* We follow up already (RFC 9370 2.2.4). */
	if (ike_task_follows_up(own))
		return true;
	return (old->state != IKE_CHILD_INSTALLED && old->state != IKE_CHILD_REKEYING) ||
	       ike_handover_of(old);
}

enum ike_outcome ike_rekey_child_requested(struct ike_received *x)
{
	const struct ike_notify *n = ike_message_notify(x->message, IKE_NOTIFY_REKEY_SA);
	uint8_t nonce[IKE_NONCE_LENGTH];

	/* RFC 7296 2.25.2: it is being rekeyed or deleted by us. */
	if (x->sa->state != IKE_SA_ESTABLISHED) {
		ike_build_notify(x->reply, IKE_NOTIFY_TEMPORARY_FAILURE, (struct bytes){ 0 });
		return IKE_OUTCOME_OK;
	}
	struct ike_child *old = find_old(x, n);
	if (!old)
		return IKE_OUTCOME_OK;
	if (old->handover && !old->handover->redundant) /* this request proves it */
		ike_handover_complete(x->e, old);
	if (is_busy(old)) {
		ike_log(x->e, x->sa, IKE_LOG_IKE, IKE_LOG_INFO,
			"peer wants to rekey CHILD_SA %s{%u}, which is %s", old->config->name,
			old->unique_id, ike_child_state_name(old->state));
		ike_build_notify(x->reply, IKE_NOTIFY_TEMPORARY_FAILURE, (struct bytes){ 0 });
		return IKE_OUTCOME_OK;
	}
	if (!ike_crypto_random(x->e->crypto, nonce, sizeof(nonce)))
		return IKE_OUTCOME_IGNORE;
	if (!ike_child_answer(x, false, old, x->message->nonce, bytes_of(nonce, sizeof(nonce))))
		return IKE_OUTCOME_OK;
	if (old->state == IKE_CHILD_INSTALLED) {
		ike_child_set_state(x->e, old, IKE_CHILD_REKEYED);
		ike_child_drop_rekeying(x->e, old);
	}
	return IKE_OUTCOME_OK;
}
