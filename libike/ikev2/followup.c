/*
 * IKE_FOLLOWUP_KE: additional key exchanges after CREATE_CHILD_SA (RFC 9370 2.2.4), as many as it
 * agreed on, for new children, children that are rekeyed, and the IKE SA that is:
 *
 *   HDR, SK{SA, Ni, KEi, ...}      -->
 *                                  <--  HDR, SK{SA, Nr, KEr, ..., N(ADDITIONAL_KEY_EXCHANGE)(link)}
 *   HDR, SK{KEi(1), N(...)(link)}  -->
 *                                  <--  HDR, SK{KEr(1)[, N(...)(link)]}   without N: the last one
 *
 * Nothing is made before the last of them. As initiator the task that sent CREATE_CHILD_SA stays at
 * the head of the queue and sends the others as well. As responder what was agreed on is kept for a
 * while under the link that the peer has to repeat.
 *
 * When both ends rekey the same at once, the nonces decide (RFC 7296 2.8.1) as soon as both
 * CREATE_CHILD_SA exchanges are through: who lost does not follow up. Who follows up already
 * refuses another rekeying of the same.
 */
#include "libike/ikev2/ikev2.h"

#include <stdlib.h>

/* A peer that goes on does so at once; these are a few retransmissions. */
#define FOLLOWUP_TIME IKE_SECONDS(60)
#define FOLLOWUPS_MAX 4

struct ike_followup *ike_followup_new(const struct ike_suite *suite, struct bytes nonce_i,
	struct bytes nonce_r, struct secret *shared)
{
	struct ike_followup *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->suite = *suite;
	f->count = (uint8_t)ike_suite_additional_count(suite);
	f->nonce_i = bytes_duplicate(nonce_i);
	f->nonce_r = bytes_duplicate(nonce_r);
	f->shared = secret_move(shared);
	if (f->nonce_i.at && f->nonce_r.at)
		return f;
	ike_followup_free(f);
	return NULL;
}

bool ike_followup_add(struct ike_followup *f, struct secret *shared)
{
	AUTO_SECRET joined = { 0 };

	if (!secret_allocate(&joined, f->additional.length + shared->length))
		return false;
	bytes_copy(joined.at, secret_bytes(&f->additional));
	bytes_copy(joined.at + f->additional.length, secret_bytes(shared));
	secret_free(&f->additional);
	f->additional = secret_move(&joined);
	f->done++;
	return true;
}

struct ike_child_secrets ike_followup_secrets(const struct ike_followup *f)
{
	return (struct ike_child_secrets){ secret_bytes(&f->shared), f->nonce_i, f->nonce_r,
		secret_bytes(&f->additional) };
}

bool ike_followup_prevails(
	const struct ike_followup *theirs, struct bytes nonce_i, struct bytes nonce_r)
{
	struct bytes ours = ike_nonce_lower(nonce_i, nonce_r);

	return ike_nonce_lower(ours, ike_nonce_lower(theirs->nonce_i, theirs->nonce_r)).at ==
	       ours.at;
}

/* ---- Initiator ---- */

static const char *method_name(const struct ike_followup *f)
{
	return ike_algorithm_find(
		IKE_TRANSFORM_KEY_EXCHANGE, ike_suite_additional(&f->suite, f->done), 0)
		->name;
}

/* What the responder wants to hear again. */
static bool take_link(const struct ike_received *x, struct ike_followup *f)
{
	const struct ike_notify *n =
		ike_message_notify(x->message, IKE_NOTIFY_ADDITIONAL_KEY_EXCHANGE);

	if (!n)
		return false;
	free((void *)f->link.at);
	f->link = bytes_duplicate(n->data);
	return f->link.at || n->data.length == 0;
}

bool ike_followup_begin(struct ike_received *x, struct ike_task *task, struct ike_followup *f,
	struct ike_failure *failure)
{
	struct ike_sa *sa = x->sa;

	if (!f || !take_link(x, f)) {
		ike_failure_set(failure, f ? IKE_REASON_PROTOCOL : IKE_REASON_RESOURCES, NULL, NULL,
			f ? "peer agreed on additional key exchanges and did not say how to go on"
			  : "out of memory");
		ike_followup_free(f);
		return false;
	}
	task->offer->followup = f;
	ike_followup_go_on(sa, task);
	return true;
}

void ike_followup_go_on(struct ike_sa *sa, struct ike_task *task)
{
	sa->active = NULL;
	task->next = sa->tasks;
	sa->tasks = task;
}

bool ike_followup_start(
	struct ike_engine *e, struct ike_sa *sa, struct ike_task *task, struct ike_failure *failure)
{
	struct ike_followup *f = task->offer->followup;
	uint16_t method = ike_suite_additional(&f->suite, f->done);
	struct ike_builder b;

	ike_key_exchange_free(f->key_exchange);
	f->key_exchange = ike_key_exchange_new(e->crypto, method);
	if (!f->key_exchange) {
		ike_failure_set(failure, IKE_REASON_UNSUPPORTED, NULL, NULL,
			"additional key exchange method %s is not available in this OpenSSL",
			method_name(f));
		return false;
	}
	ike_builder_start(e, &b);
	ike_build_ke(&b, method, ike_key_exchange_public(f->key_exchange));
	ike_build_notify(&b, IKE_NOTIFY_ADDITIONAL_KEY_EXCHANGE, f->link);
	return ike_request_send(e, sa, IKE_EXCHANGE_FOLLOWUP_KE, &b);
}

/* False with a failure; it is agreed on nothing then. */
static bool take_answer(struct ike_received *x, struct ike_followup *f, struct ike_failure *failure)
{
	AUTO_SECRET shared = { 0 };

	if (x->message->ke.group != ike_suite_additional(&f->suite, f->done) ||
		!ike_key_exchange_derive(f->key_exchange, x->message->ke.public_value, &shared)) {
		ike_failure_set(failure, IKE_REASON_PROTOCOL, NULL, NULL,
			"additional key exchange failed: the peer's public value is not valid "
			"for %s",
			method_name(f));
		return false;
	}
	if (!ike_followup_add(f, &shared)) {
		ike_failure_set(failure, IKE_REASON_RESOURCES, NULL, NULL, "out of memory");
		return false;
	}
	if (f->done == f->count || take_link(x, f))
		return true;
	ike_failure_set(failure, IKE_REASON_PROTOCOL, NULL, NULL,
		"peer ended the additional key exchanges after %u of %u", f->done, f->count);
	return false;
}

/* How the task's kind takes what came of it. */
static enum ike_outcome completed(struct ike_received *x, struct ike_task *task)
{
	switch (task->kind) {
	case IKE_TASK_CREATE_CHILD:
		return ike_create_child_completed(x, task);
	case IKE_TASK_REKEY_CHILD:
		return ike_rekey_child_completed(x, task);
	default:
		return ike_rekey_ike_completed(x, task);
	}
}

static enum ike_outcome failed(
	struct ike_received *x, struct ike_task *task, struct ike_failure *failure)
{
	switch (task->kind) {
	case IKE_TASK_CREATE_CHILD:
		ike_create_child_failed(x, task, failure);
		break;
	case IKE_TASK_REKEY_CHILD:
		ike_rekey_child_failed(x, task, failure);
		break;
	default:
		ike_rekey_ike_not_agreed(x, task, failure);
	}
	return IKE_OUTCOME_OK;
}

enum ike_outcome ike_followup_answered(struct ike_received *x)
{
	struct ike_sa *sa = x->sa;
	struct ike_task *task = sa->active;
	struct ike_followup *f = task->offer->followup;
	struct ike_failure failure = { 0 };
	enum ike_outcome outcome;
	bool for_child = task->kind != IKE_TASK_REKEY_IKE;

	if (for_child && !task->child) /* ended meanwhile; the peer forgets it after a while */
		return IKE_OUTCOME_OK;
	sa->active = NULL;
	if (!IKE_HAS(x->message, KE)) {
		const struct ike_notify *n = ike_message_error(x->message);
		char text[IKE_NUMBER_TEXT_MAX];

		ike_failure_set(&failure, n ? ike_notify_reason(n->type) : IKE_REASON_PROTOCOL,
			NULL, NULL, "peer refused IKE_FOLLOWUP_KE with %s",
			n ? ike_notify_format(n->type, text) : "an answer without KE");
		failure.notify = n ? n->type : 0;
		outcome = failed(x, task, &failure);
	} else if (!take_answer(x, f, &failure)) {
		if (for_child && f->done + 1 >= f->count) /* the peer has installed it */
			ike_delete_child_at_peer(sa, task->child);
		outcome = failed(x, task, &failure);
	} else if (f->done < f->count) {
		ike_followup_go_on(sa, task);
		outcome = IKE_OUTCOME_OK;
	} else {
		outcome = completed(x, task);
	}
	ike_failure_free(&failure);
	return outcome;
}

/* ---- Responder ---- */

static struct ike_followup **find(struct ike_sa *sa,
	bool (*is)(const struct ike_followup *f, const void *what), const void *what)
{
	for (struct ike_followup **at = &sa->followups; *at; at = &(*at)->next)
		if (is(*at, what))
			return at;
	return NULL;
}

static bool has_link(const struct ike_followup *f, const void *link)
{
	return bytes_equal(f->link, *(const struct bytes *)link);
}

static bool rekeys_child(const struct ike_followup *f, const void *child)
{
	return f->child && f->rekeyed == child;
}

static bool rekeys_ike(const struct ike_followup *f, const void *nothing)
{
	(void)nothing;
	return !f->child;
}

static void drop(struct ike_engine *e, struct ike_followup **at)
{
	struct ike_followup *f = *at;

	*at = f->next;
	if (f->child)
		ike_child_destroy(e, f->child, IKE_REASON_NONE);
	ike_followup_free(f);
}

const struct ike_followup *ike_followup_of_child(struct ike_sa *sa, const struct ike_child *old)
{
	struct ike_followup **at = find(sa, rekeys_child, old);

	return at ? *at : NULL;
}

const struct ike_followup *ike_followup_of_ike(struct ike_sa *sa)
{
	struct ike_followup **at = find(sa, rekeys_ike, NULL);

	return at ? *at : NULL;
}

void ike_followup_drop(struct ike_engine *e, struct ike_sa *sa, const struct ike_followup *which)
{
	for (struct ike_followup **at = &sa->followups; *at; at = &(*at)->next)
		if (*at == which) {
			drop(e, at);
			break;
		}
	ike_schedule(e, sa);
}

void ike_followups_drop(struct ike_engine *e, struct ike_sa *sa)
{
	while (sa->followups)
		drop(e, &sa->followups);
}

void ike_followups_forget(struct ike_sa *sa, const struct ike_child *child)
{
	for (struct ike_followup *f = sa->followups; f; f = f->next)
		if (f->rekeyed == child) {
			f->rekeyed = NULL;
			f->orphaned = true;
		}
}

ike_time ike_followups_deadline(const struct ike_sa *sa)
{
	ike_time at = IKE_NEVER;

	for (const struct ike_followup *f = sa->followups; f; f = f->next)
		if (f->until < at)
			at = f->until;
	return at;
}

void ike_followups_wake(struct ike_engine *e, struct ike_sa *sa)
{
	for (struct ike_followup **at = &sa->followups; *at;) {
		if ((*at)->until > e->now) {
			at = &(*at)->next;
			continue;
		}
		ike_log(e, sa, IKE_LOG_IKE, IKE_LOG_INFO,
			"peer did not go on with IKE_FOLLOWUP_KE within %d s, forgetting %s%s",
			(int)(FOLLOWUP_TIME / 1000), (*at)->child ? "CHILD_SA " : "the new IKE_SA",
			(*at)->child ? (*at)->child->config->name : "");
		drop(e, at);
	}
	ike_schedule(e, sa);
	ike_tasks_run(e, sa);
}

/* The peer begins the same anew, or piles up what it does not finish: the older one goes. */
static void make_room(struct ike_engine *e, struct ike_sa *sa, const struct ike_followup *f)
{
	struct ike_followup **at = f->child ? f->rekeyed ? find(sa, rekeys_child, f->rekeyed) : NULL
					    : find(sa, rekeys_ike, NULL);
	unsigned count = 0;

	if (at)
		drop(e, at);
	for (at = &sa->followups; *at; at = &(*at)->next)
		count++;
	if (count >= FOLLOWUPS_MAX)
		drop(e, &sa->followups);
}

bool ike_followup_expect(struct ike_received *x, struct ike_followup *f)
{
	struct ike_sa *sa = x->sa;
	struct ike_followup **end = &sa->followups;
	uint8_t link[8];

	if (!ike_crypto_random(x->e->crypto, link, sizeof(link)))
		return false;
	f->link = bytes_duplicate(bytes_of(link, sizeof(link)));
	if (!f->link.at)
		return false;
	/* Who begins again and again does not get more time for it. */
	const struct ike_followup *before = f->child ? NULL : ike_followup_of_ike(sa);
	f->until = before ? before->until : x->e->now + FOLLOWUP_TIME;
	make_room(x->e, sa, f);
	while (*end)
		end = &(*end)->next;
	*end = f;
	ike_schedule(x->e, sa);
	ike_build_notify(x->reply, IKE_NOTIFY_ADDITIONAL_KEY_EXCHANGE, f->link);
	return true;
}

static enum ike_outcome refuse(struct ike_received *x, uint16_t type)
{
	ike_builder_begin(x->reply, x->e->reply, sizeof(x->e->reply));
	ike_build_notify(x->reply, type, (struct bytes){ 0 });
	return IKE_OUTCOME_OK;
}

/* The last exchange is through; f is in no list any more. */
static void complete(struct ike_received *x, struct ike_followup *f)
{
	uint16_t refusal;

	if (x->sa->state != IKE_SA_ESTABLISHED && x->sa->state != IKE_SA_REKEYING)
		refusal = IKE_NOTIFY_TEMPORARY_FAILURE;
	else if (!f->child)
		refusal = ike_rekey_ike_complete(x, f);
	else
		refusal = ike_child_answer_complete(x, f);
	if (refusal)
		(void)refuse(x, refusal);
}

enum ike_outcome ike_followup_requested(struct ike_received *x)
{
	struct ike_sa *sa = x->sa;
	const struct ike_notify *n =
		ike_message_notify(x->message, IKE_NOTIFY_ADDITIONAL_KEY_EXCHANGE);
	struct ike_followup **at = n ? find(sa, has_link, &n->data) : NULL;
	struct ike_followup *f = at ? *at : NULL;
	AUTO_SECRET shared = { 0 };
	struct ike_key_exchange *kx = NULL;
	uint16_t method = f ? ike_suite_additional(&f->suite, f->done) : 0;

	if (!f) {
		ike_log(x->e, sa, IKE_LOG_IKE, IKE_LOG_INFO,
			"peer wants to go on with key exchanges that we don't know (any more)");
		return refuse(x, IKE_NOTIFY_STATE_NOT_FOUND);
	}
	if (x->message->ke.group == method)
		kx = ike_key_exchange_answer(
			x->e->crypto, method, x->message->ke.public_value, &shared);
	if (!kx || !ike_followup_add(f, &shared)) {
		ike_log(x->e, sa, IKE_LOG_IKE, IKE_LOG_AUDIT,
			"additional key exchange failed: the peer's public value is not valid for "
			"%s",
			method_name(f));
		ike_key_exchange_free(kx);
		ike_followup_drop(x->e, sa, f);
		return refuse(x, IKE_NOTIFY_STATE_NOT_FOUND);
	}
	ike_build_ke(x->reply, method, ike_key_exchange_public(kx));
	ike_key_exchange_free(kx);
	f->until = x->e->now + FOLLOWUP_TIME;
	if (f->done < f->count) {
		ike_build_notify(x->reply, IKE_NOTIFY_ADDITIONAL_KEY_EXCHANGE, f->link);
		return IKE_OUTCOME_OK;
	}
	*at = f->next;
	complete(x, f);
	if (f->child)
		ike_child_destroy(x->e, f->child, IKE_REASON_NONE);
	ike_followup_free(f);
	ike_schedule(x->e, sa);
	return IKE_OUTCOME_OK;
}
