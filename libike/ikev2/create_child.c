/*
 * CREATE_CHILD_SA: further children of an IKE SA (RFC 7296 1.3.1).
 *
 *   HDR, SK{[N+,] SA, Ni, [KEi,] TSi, TSr}  -->
 *                                           <--  HDR, SK{[N+,] SA, Nr, [KEr,] TSi, TSr}
 */
#include "libike/ikev2/ikev2.h"
#include "libike/supervisor.h"

/* When the peer says TEMPORARY_FAILURE: pauses double. */
#define PAUSE IKE_SECONDS(1)
#define ATTEMPTS_MAX 5

bool ike_create_child_start(
	struct ike_engine *e, struct ike_sa *sa, struct ike_task *task, struct ike_failure *failure)
{
	struct ike_builder b;

	if (!task->offer || task->offer->restarts == 0)
		ike_log(e, sa, IKE_LOG_IKE, IKE_LOG_AUDIT, "establishing CHILD_SA %s{%u}",
			task->child->config->name, task->child->unique_id);
	ike_builder_start(e, &b);
	if (!ike_child_offer(e, sa, task, false, &b, failure))
		return false;
	return ike_request_send(e, sa, IKE_EXCHANGE_CREATE_CHILD_SA, &b);
}

bool ike_group_demanded(struct ike_received *x, struct ike_child_offer *offer,
	const struct ike_proposals *proposals)
{
	const struct ike_notify *n = ike_message_notify(x->message, IKE_NOTIFY_INVALID_KE_PAYLOAD);
	struct reader r = n ? reader_of(n->data) : (struct reader){ .bad = true };
	uint16_t group = reader_u16(&r);

	if (!reader_end(&r) || offer->restarts >= IKE_INIT_RESTARTS_MAX || group == offer->group ||
		!ike_proposals_have_group(proposals, group))
		return false;
	offer->restarts++;
	offer->group = group;
	ike_key_exchange_free(offer->key_exchange);
	offer->key_exchange = NULL;
	return true;
}

/* RFC 7296 2.25: the peer is busy with the IKE SA. It will not be for long. RFC 9370 2.2.4: it does
 * not know any more what we agreed on. */
static bool put_off(struct ike_received *x, struct ike_task *task)
{
	bool forgotten = ike_message_notify(x->message, IKE_NOTIFY_STATE_NOT_FOUND);
	uint32_t jitter;

	if ((!forgotten && !ike_message_notify(x->message, IKE_NOTIFY_TEMPORARY_FAILURE)) ||
		task->attempts >= ATTEMPTS_MAX)
		return false;
	ike_log(x->e, x->sa, IKE_LOG_IKE, IKE_LOG_INFO,
		"peer is busy (%s), CHILD_SA %s{%u} has to wait",
		forgotten ? "STATE_NOT_FOUND" : "TEMPORARY_FAILURE", task->child->config->name,
		task->child->unique_id);
	if (!ike_crypto_random(x->e->crypto, &jitter, sizeof(jitter)))
		jitter = 0;
	ike_requests_pause(x->e, x->sa, (PAUSE + (ike_time)(jitter % PAUSE)) << task->attempts++);
	ike_child_offer_free(task->offer);
	task->offer = NULL;
	return true;
}

/* The peer's own of the same child is up: ours is not needed. */
static void yield(struct ike_received *x, struct ike_task *task)
{
	struct ike_child *child = task->child;

	x->sa->active = NULL;
	task->child = NULL;
	if (IKE_HAS(x->message, SA) || ike_task_follows_up(task))
		ike_delete_child_at_peer(x->sa, child);
	ike_child_destroy(x->e, child, IKE_REASON_REPLACED);
	ike_task_finish(x->e, task, true, NULL);
}

static void again(struct ike_sa *sa, struct ike_task *task)
{
	sa->active = NULL;
	task->next = sa->tasks;
	sa->tasks = task;
}

/* The task is over: the child is up, or the failure says why not. */
static void finish(
	struct ike_received *x, struct ike_task *task, bool done, struct ike_failure *failure)
{
	char text[1800];

	if (!done) {
		task->reason = (uint8_t)failure->reason;
		ike_log_child_failure(
			x->e, x->sa, x->sa->connection, task->child->config->name, failure);
	}
	ike_task_finish(
		x->e, task, done, done ? NULL : ike_failure_format(failure, text, sizeof(text)));
}

/* Agreed on, with or without key exchanges to follow. */
static bool go_on(struct ike_received *x, struct ike_task *task, struct secret *shared,
	bool *ret_follows, struct ike_failure *failure)
{
	struct bytes nonce = bytes_of(task->offer->nonce, IKE_NONCE_LENGTH);
	struct ike_child *child = task->child;

	*ret_follows = ike_suite_additional_count(&child->suite) > 0;
	if (*ret_follows)
		return ike_followup_begin(x, task,
			ike_followup_new(&child->suite, nonce, x->message->nonce, shared), failure);
	const struct ike_child_secrets secrets = {
		.shared = secret_bytes(shared), .nonce_i = nonce, .nonce_r = x->message->nonce
	};
	return ike_child_bring_up(x->e, child, &secrets, failure);
}

enum ike_outcome ike_create_child_answered(struct ike_received *x)
{
	struct ike_sa *sa = x->sa;
	struct ike_task *task = sa->active;
	struct ike_failure failure = { 0 };
	AUTO_SECRET shared = { 0 };
	bool inform = false, follows = false;

	if (!task->child) /* ended meanwhile */
		return IKE_OUTCOME_OK;
	if (ike_twins_made_by_peer(sa, task)) {
		yield(x, task);
		return IKE_OUTCOME_OK;
	}
	bool full = ike_message_notify(x->message, IKE_NOTIFY_NO_ADDITIONAL_SAS) != NULL;
	if (!IKE_HAS(x->message, SA) &&
		(put_off(x, task) || ike_twins_ask_again(sa, task, full) ||
			ike_group_demanded(x, task->offer, &task->child->config->proposals))) {
		again(sa, task);
		return IKE_OUTCOME_OK;
	}
	sa->active = NULL;
	if (!IKE_HAS(x->message, SA) && ike_processors_refused(x, task->child)) {
		ike_task_finish(x->e, task, false, "peer wants no further one");
		return IKE_OUTCOME_OK;
	}
	bool done = ike_child_agree(x, task, false, &shared, &failure, &inform) &&
		    go_on(x, task, &shared, &follows, &failure);
	if (!done && inform && !follows)
		ike_delete_child_at_peer(sa, task->child);
	if (!done || !follows)
		finish(x, task, done, &failure);
	ike_failure_free(&failure);
	return IKE_OUTCOME_OK;
}

enum ike_outcome ike_create_child_completed(struct ike_received *x, struct ike_task *task)
{
	const struct ike_child_secrets secrets = ike_followup_secrets(task->offer->followup);
	struct ike_failure failure = { 0 };

	if (ike_twins_made_by_peer(x->sa, task)) {
		yield(x, task);
		return IKE_OUTCOME_OK;
	}
	bool deleted = ike_child_was_deleted(task, &failure);
	bool done = !deleted && ike_child_bring_up(x->e, task->child, &secrets, &failure);
	if (!done && !deleted)
		ike_delete_child_at_peer(x->sa, task->child);
	finish(x, task, done, &failure);
	ike_failure_free(&failure);
	return IKE_OUTCOME_OK;
}

void ike_create_child_failed(
	struct ike_received *x, struct ike_task *task, struct ike_failure *failure)
{
	if (put_off(x, task))
		again(x->sa, task);
	else
		finish(x, task, false, failure);
}

enum ike_outcome ike_create_child_requested(struct ike_received *x)
{
	uint8_t nonce[IKE_NONCE_LENGTH];

	/* RFC 7296 2.25.2: it is being rekeyed or deleted by us. */
	if (x->sa->state != IKE_SA_ESTABLISHED) {
		ike_build_notify(x->reply, IKE_NOTIFY_TEMPORARY_FAILURE, (struct bytes){ 0 });
		return IKE_OUTCOME_OK;
	}
	if (!ike_crypto_random(x->e->crypto, nonce, sizeof(nonce)))
		return IKE_OUTCOME_IGNORE;
	(void)ike_child_answer(x, false, NULL, x->message->nonce, bytes_of(nonce, sizeof(nonce)));
	return IKE_OUTCOME_OK;
}
