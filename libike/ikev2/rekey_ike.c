/*
 * CREATE_CHILD_SA: rekeying the IKE SA (RFC 7296 1.3.2, 2.8, 2.18, 2.25.2).
 *
 *   HDR, SK{SA, Ni, KEi}  -->
 *                         <--  HDR, SK{SA, Nr, KEr}
 *
 * The new IKE SA takes over at the initiator when the answer comes, at the responder when it is
 * sent; the initiator deletes the old one. When both rekey at once, each end has two new ones: the
 * one whose exchange has the lowest of the four nonces is deleted by who asked for it. Until our
 * answer comes, what the peer's request made is a rival that waits.
 */
#include "libike/ikev2/ikev2.h"

#include <stdlib.h>

#define PROPOSALS_MAX 32
#define RETRY_TIME IKE_SECONDS(5)
#define RETRY_DOUBLINGS 4
/* A peer that has to find out about us, or to delete what it made, does so well within that. */
#define LINGERING_TIME IKE_SECONDS(240)
/* How long the initiator may take to hear that there is a new IKE SA before we use it. */
#define ANSWER_TIME IKE_SECONDS(1)

/* Goes without a word after a while; the peer should have said that it can, before. */
static void linger(struct ike_engine *e, struct ike_sa *sa)
{
	sa->expires_at = e->now + LINGERING_TIME;
	ike_schedule(e, sa);
}

static struct ike_sa *find_sa(struct ike_engine *e, uint32_t id)
{
	struct ike_sa *sa;

	HASH_FIND(by_id, e->by_id, &id, sizeof(id), sa);
	return sa;
}

static struct bytes spi_octets(uint64_t spi, uint8_t room[8])
{
	struct writer w = writer_of(room, 8);

	writer_u64(&w, spi);
	return writer_bytes(&w);
}

static bool spi_value(struct bytes octets, uint64_t *ret)
{
	struct reader r = reader_of(octets);

	*ret = reader_u64(&r);
	return reader_end(&r) && *ret != 0;
}

/* ---- Initiator ---- */

void ike_rekey_ike(struct ike_engine *e, struct ike_sa *sa)
{
	sa->rekey_at = IKE_NEVER;
	ike_schedule(e, sa);
	if (sa->state != IKE_SA_ESTABLISHED || sa->reauthenticated_by)
		return;
	for (const struct ike_task *task = sa->tasks; task; task = task->next)
		if (task->kind == IKE_TASK_REKEY_IKE)
			return;
	if (!ike_task_queue(sa, IKE_TASK_REKEY_IKE, NULL, 0))
		ike_rekey_ike_later(e, sa);
}

void ike_rekey_ike_later(struct ike_engine *e, struct ike_sa *sa)
{
	unsigned doublings = sa->attempts < RETRY_DOUBLINGS ? sa->attempts : RETRY_DOUBLINGS;
	uint32_t jitter;

	if (sa->state == IKE_SA_REKEYING)
		ike_sa_set_state(e, sa, IKE_SA_ESTABLISHED);
	if (sa->attempts < UINT8_MAX)
		sa->attempts++;
	/* Without randomness we go without jitter. */
	if (!ike_crypto_random(e->crypto, &jitter, sizeof(jitter)))
		jitter = 0;
	sa->rekey_at = e->now + ((RETRY_TIME + (ike_time)(jitter % RETRY_TIME)) << doublings);
	ike_schedule(e, sa);
}

static bool prepare(struct ike_engine *e, struct ike_sa *sa, struct ike_task *task)
{
	const struct ike_proposals *proposals = &sa->connection->proposals;
	struct ike_child_offer *offer = task->offer;

	if (!offer) {
		offer = task->offer = calloc(1, sizeof(*offer));
		if (!offer || !ike_sa_fresh_spi(e, &offer->ike_spi) ||
			!ike_crypto_random(e->crypto, offer->nonce, IKE_NONCE_LENGTH))
			return false;
		/* The one that was agreed on before. */
		offer->group = ike_proposals_have_group(proposals, sa->suite.group)
				       ? sa->suite.group
				       : ike_proposals_first_group(proposals);
	}
	if (!offer->key_exchange)
		offer->key_exchange = ike_key_exchange_new(e->crypto, offer->group);
	return offer->key_exchange != NULL;
}

bool ike_rekey_ike_start(
	struct ike_engine *e, struct ike_sa *sa, struct ike_task *task, struct ike_failure *failure)
{
	const struct ike_proposals *proposals = &sa->connection->proposals;
	struct ike_builder b;
	uint8_t spi[8];

	if (!prepare(e, sa, task)) {
		ike_failure_set(failure, IKE_REASON_UNSUPPORTED, NULL, NULL,
			"no key pair to rekey IKE_SA %s[%u] with", sa->connection->name,
			sa->unique_id);
		return false;
	}
	ike_log(e, sa, IKE_LOG_IKE, IKE_LOG_AUDIT, "rekeying IKE_SA %s[%u]", sa->connection->name,
		sa->unique_id);
	ike_builder_start(e, &b);
	ike_build_sa(&b, proposals->items, proposals->count, spi_octets(task->offer->ike_spi, spi),
		false);
	ike_build_nonce(&b, bytes_of(task->offer->nonce, IKE_NONCE_LENGTH));
	ike_build_ke(&b, task->offer->group, ike_key_exchange_public(task->offer->key_exchange));
	if (!ike_request_send(e, sa, IKE_EXCHANGE_CREATE_CHILD_SA, &b))
		return false;
	ike_sa_set_state(e, sa, IKE_SA_REKEYING);
	return true;
}

void ike_rival_of_prevails(struct ike_engine *e, struct ike_sa *old)
{
	struct ike_sa *rival = old->rival ? find_sa(e, old->rival) : NULL;

	old->rival = 0;
	if (rival)
		ike_rival_prevails(e, rival);
}

void ike_rekey_ike_failed(struct ike_engine *e, struct ike_sa *sa)
{
	ike_rival_of_prevails(e, sa);
	if (sa->state == IKE_SA_REKEYING || sa->state == IKE_SA_ESTABLISHED)
		ike_rekey_ike_later(e, sa);
}

static enum ike_outcome refused(struct ike_received *x, struct ike_task *task)
{
	struct ike_sa *sa = x->sa;
	const struct ike_notify *n = ike_message_error(x->message);
	struct ike_failure failure = { 0 };
	char text[1800], notify[IKE_NUMBER_TEXT_MAX];

	if (ike_group_demanded(x, task->offer, &sa->connection->proposals)) {
		task->next = sa->tasks;
		sa->tasks = task;
		return IKE_OUTCOME_OK;
	}
	ike_failure_set(&failure, n ? ike_notify_reason(n->type) : IKE_REASON_PROTOCOL, NULL, NULL,
		"peer refused to rekey IKE_SA %s[%u] with %s", sa->connection->name, sa->unique_id,
		n ? ike_notify_format(n->type, notify) : "an answer without SA");
	failure.notify = n ? n->type : 0;
	if (n && n->type == IKE_NOTIFY_TEMPORARY_FAILURE)
		ike_log(x->e, sa, IKE_LOG_IKE, IKE_LOG_INFO, "%s: trying again later",
			failure.text);
	else if (sa->state == IKE_SA_REKEYING && !sa->rival)
		ike_log_failure(x->e, sa, sa->connection, &failure);
	ike_task_finish(x->e, task, false, ike_failure_format(&failure, text, sizeof(text)));
	ike_failure_free(&failure);
	ike_rekey_ike_failed(x->e, sa);
	if (n && n->type == IKE_NOTIFY_NO_ADDITIONAL_SAS && sa->state == IKE_SA_ESTABLISHED) {
		sa->rekey_at = IKE_NEVER;
		ike_reauthenticate(x->e, sa);
	}
	return IKE_OUTCOME_OK;
}

/* What the answer agrees on; NULL with a failure. */
static struct ike_followup *agree(
	struct ike_received *x, struct ike_child_offer *offer, struct ike_failure *failure)
{
	const struct ike_proposals *offered = &x->sa->connection->proposals;
	struct ike_proposal answer[2];
	struct bytes spis[2];
	AUTO_SECRET shared = { 0 };
	struct ike_suite suite;
	uint64_t spi;
	size_t count = ike_sa_view_read(&x->message->sa, answer, spis, 2);

	if (count != 1 || !ike_proposal_accepts(offered, answer, false, &suite) ||
		!spi_value(spis[0], &spi) || suite.group != offer->group ||
		!IKE_HAS(x->message, KE) || x->message->ke.group != offer->group ||
		!ike_key_exchange_derive(
			offer->key_exchange, x->message->ke.public_value, &shared)) {
		ike_failure_set(failure, IKE_REASON_PROTOCOL, NULL, NULL,
			"peer answered the rekeying of IKE_SA %s[%u] with what we did not offer",
			x->sa->connection->name, x->sa->unique_id);
		return NULL;
	}
	struct ike_followup *f = ike_followup_new(
		&suite, bytes_of(offer->nonce, IKE_NONCE_LENGTH), x->message->nonce, &shared);
	if (f)
		f->ike_spi = spi;
	else
		ike_failure_set(failure, IKE_REASON_RESOURCES, NULL, NULL, "out of memory");
	return f;
}

/* All key exchanges are through. NULL when memory ran out. */
static struct ike_sa *make_successor(
	struct ike_engine *e, struct ike_sa *old, uint64_t own_spi, const struct ike_followup *f)
{
	struct ike_sa *new = ike_sa_successor(e, old, true, own_spi);

	if (!new)
		return NULL;
	new->suite = f->suite;
	new->spi_responder = f->ike_spi;
	if (ike_keys_rekey(e, new, old, f->nonce_i, f->nonce_r, secret_bytes(&f->shared),
		    secret_bytes(&f->additional)))
		return new;
	ike_sa_free(e, new);
	return NULL;
}

/* Whether the peer's rekeying prevails over ours. */
static bool lost_collision(const struct ike_sa *rival, struct bytes nonce_i, struct bytes nonce_r)
{
	const struct ike_negotiation *n = rival->negotiation;
	struct bytes ours = ike_nonce_lower(nonce_i, nonce_r);
	struct bytes theirs = ike_nonce_lower(n->peer_nonce, bytes_of(n->nonce, n->nonce_length));

	return ike_nonce_lower(ours, theirs).at == ours.at;
}

/* Deletes what has no children and is in nobody's way. */
static void delete_quietly(struct ike_engine *e, struct ike_sa *sa)
{
	struct ike_failure failure = { 0 };

	ike_failure_set(&failure, IKE_REASON_REPLACED, NULL, NULL, "rekeyed");
	ike_delete_ike(e, sa, false, 0, &failure);
	ike_failure_free(&failure);
}

static enum ike_outcome take_over(struct ike_received *x, struct ike_sa *new, struct ike_sa *rival)
{
	struct ike_sa *old = x->sa;

	if (rival) {
		/* The peer deletes it when it has our answer. */
		ike_sa_end_negotiation(rival);
		rival->rival_of = 0;
		ike_sa_set_state(x->e, rival, IKE_SA_REKEYED);
		linger(x->e, rival);
	}
	ike_sa_succeed(x->e, old, new);
	struct ike_task *task = ike_task_queue_first(old, IKE_TASK_DELETE_IKE, NULL, 0);
	if (!task) { /* out of memory: the peer forgets it after a while */
		ike_failure_set(x->failure, IKE_REASON_REPLACED, NULL, NULL, "rekeyed");
		return IKE_OUTCOME_END;
	}
	task->reason = IKE_REASON_REPLACED;
	ike_sa_set_state(x->e, old, IKE_SA_DELETING);
	ike_tasks_run(x->e, new);
	return IKE_OUTCOME_OK;
}

static void not_agreed(struct ike_received *x, struct ike_task *task, struct ike_failure *failure)
{
	char text[1800];

	ike_log_failure(x->e, x->sa, x->sa->connection, failure);
	ike_task_finish(x->e, task, false, ike_failure_format(failure, text, sizeof(text)));
	ike_rekey_ike_failed(x->e, x->sa);
}

void ike_rekey_ike_not_agreed(
	struct ike_received *x, struct ike_task *task, struct ike_failure *failure)
{
	if (failure->notify != IKE_NOTIFY_TEMPORARY_FAILURE &&
		failure->notify != IKE_NOTIFY_STATE_NOT_FOUND) {
		not_agreed(x, task, failure);
		return;
	}
	ike_log(x->e, x->sa, IKE_LOG_IKE, IKE_LOG_INFO, "%s: trying again later", failure->text);
	ike_task_finish(x->e, task, false, failure->text);
	ike_rekey_ike_failed(x->e, x->sa);
}

/* Whether the peer's rekeying of the same IKE SA, which is through or waits for more key exchanges,
 * goes before ours. If not, the waiting one is dropped. */
static bool has_lost(
	struct ike_received *x, const struct ike_followup *ours, const struct ike_sa *rival)
{
	const struct ike_followup *theirs = ike_followup_of_ike(x->sa);

	if (x->sa->state == IKE_SA_REKEYED ||
		(rival && lost_collision(rival, ours->nonce_i, ours->nonce_r)) ||
		(theirs && ike_followup_prevails(theirs, ours->nonce_i, ours->nonce_r)))
		return true;
	ike_followup_drop(x->e, x->sa, theirs);
	return false;
}

/* The peer has the new one. f is the task's, or the caller's. */
static enum ike_outcome complete(
	struct ike_received *x, struct ike_task *task, const struct ike_followup *f)
{
	struct ike_sa *sa = x->sa;
	struct ike_sa *rival = sa->rival ? find_sa(x->e, sa->rival) : NULL;
	bool lost = has_lost(x, f, rival);
	struct ike_sa *new = make_successor(x->e, sa, task->offer->ike_spi, f);
	struct ike_failure failure = { 0 };

	if (!new) {
		ike_failure_set(&failure, IKE_REASON_RESOURCES, NULL, NULL, "out of memory");
		not_agreed(x, task, &failure);
		ike_failure_free(&failure);
		return IKE_OUTCOME_OK;
	}
	ike_task_finish(x->e, task, true, NULL);
	if (!lost)
		return take_over(x, new, rival);
	ike_log(x->e, new, IKE_LOG_IKE, IKE_LOG_INFO,
		"IKE_SA rekey collision lost, deleting redundant IKE_SA %s[%u]",
		new->connection->name, new->unique_id);
	ike_sa_end_negotiation(new);
	ike_sa_set_state(x->e, new, IKE_SA_REKEYED);
	delete_quietly(x->e, new);
	if (ike_followup_of_ike(sa)) /* it is not through yet */
		ike_rekey_ike_failed(x->e, sa);
	else
		ike_rival_of_prevails(x->e, sa);
	return IKE_OUTCOME_OK;
}

enum ike_outcome ike_rekey_ike_completed(struct ike_received *x, struct ike_task *task)
{
	return complete(x, task, task->offer->followup);
}

/* More key exchanges are to follow, unless the peer's own rekeying goes first. */
static void follow_up(struct ike_received *x, struct ike_task *task, struct ike_followup *f)
{
	struct ike_sa *sa = x->sa;
	struct ike_failure failure = { 0 };

	if (has_lost(x, f, sa->rival ? find_sa(x->e, sa->rival) : NULL)) {
		ike_log(x->e, sa, IKE_LOG_IKE, IKE_LOG_INFO,
			"IKE_SA rekey collision lost, not going on with ours");
		ike_followup_free(f);
		ike_task_finish(x->e, task, false, "rekeyed by the peer");
		ike_rekey_ike_failed(x->e, sa);
	} else if (!ike_followup_begin(x, task, f, &failure)) {
		not_agreed(x, task, &failure);
		ike_failure_free(&failure);
	}
}

enum ike_outcome ike_rekey_ike_answered(struct ike_received *x)
{
	struct ike_sa *sa = x->sa;
	struct ike_task *task = sa->active;
	struct ike_failure failure = { 0 };
	enum ike_outcome outcome = IKE_OUTCOME_OK;

	sa->active = NULL;
	if (!IKE_HAS(x->message, SA))
		return refused(x, task);
	struct ike_followup *f = agree(x, task->offer, &failure);
	if (!f) {
		not_agreed(x, task, &failure);
		ike_failure_free(&failure);
	} else if (f->count > 0) {
		follow_up(x, task, f);
	} else {
		outcome = complete(x, task, f);
		ike_followup_free(f);
	}
	return outcome;
}

/* ---- Responder ---- */

void ike_rival_prevails(struct ike_engine *e, struct ike_sa *rival)
{
	struct ike_sa *old = find_sa(e, rival->rival_of);

	rival->expires_at = IKE_NEVER;
	if (!old) { /* it ended with its children: there is nothing to succeed to */
		ike_sa_end_negotiation(rival);
		ike_sa_set_state(e, rival, IKE_SA_REKEYED);
		linger(e, rival);
		return;
	}
	ike_sa_succeed(e, old, rival);
	linger(e, old);
	ike_requests_pause(e, rival, ANSWER_TIME);
	ike_tasks_run(e, rival);
}

/* What we are telling the peer about children or addresses belongs to the IKE SA that it wants to
 * replace. */
static bool is_busy(const struct ike_sa *sa)
{
	uint8_t kind = sa->active ? sa->active->kind : IKE_TASK_NONE;

	return (sa->state != IKE_SA_ESTABLISHED && sa->state != IKE_SA_REKEYING) || sa->rival ||
	       ike_task_follows_up(sa->active) || kind == IKE_TASK_CREATE_CHILD ||
	       kind == IKE_TASK_REKEY_CHILD || kind == IKE_TASK_DELETE_CHILD ||
	       kind == IKE_TASK_MOBIKE;
}

static bool choose(
	struct ike_received *x, struct ike_suite *ret_suite, uint8_t *ret_number, uint64_t *ret_spi)
{
	const struct ike_proposals *ours = &x->sa->connection->proposals;
	struct ike_proposal theirs[PROPOSALS_MAX];
	struct bytes spis[PROPOSALS_MAX];
	struct ike_failure failure = { 0 };
	char ours_text[IKE_PROPOSAL_TEXT_MAX], theirs_text[IKE_PROPOSAL_TEXT_MAX];
	size_t count = ike_sa_view_read(&x->message->sa, theirs, spis, PROPOSALS_MAX);

	if (ike_proposals_select(ours, theirs, count, false, ret_suite, ret_number) ==
		IKE_SELECTION_OK)
		for (size_t i = 0; i < count; i++)
			if (theirs[i].number == *ret_number && spi_value(spis[i], ret_spi))
				return true;
	ike_failure_set(&failure, IKE_REASON_NO_PROPOSAL,
		ike_proposals_format(ours->items, ours->count, ours_text),
		ike_proposals_format(theirs, count, theirs_text),
		"no common proposal to rekey IKE_SA %s[%u]", x->sa->connection->name,
		x->sa->unique_id);
	ike_log_failure(x->e, x->sa, x->sa->connection, &failure);
	ike_failure_free(&failure);
	ike_build_notify(x->reply, IKE_NOTIFY_NO_PROPOSAL_CHOSEN, (struct bytes){ 0 });
	return false;
}

/* Our half: nonce, key exchange, SPI. NULL when the peer's value is not valid, or out of memory. */
static struct ike_followup *derive(struct ike_received *x, const struct ike_suite *suite,
	uint64_t spi, struct ike_key_exchange **ret_kx)
{
	uint8_t nonce[IKE_NONCE_LENGTH];
	uint64_t own_spi;
	AUTO_SECRET shared = { 0 };

	if (!ike_sa_fresh_spi(x->e, &own_spi) ||
		!ike_crypto_random(x->e->crypto, nonce, sizeof(nonce)))
		return NULL;
	*ret_kx = ike_key_exchange_answer(
		x->e->crypto, suite->group, x->message->ke.public_value, &shared);
	struct ike_followup *f = *ret_kx ? ike_followup_new(suite, x->message->nonce,
						   bytes_of(nonce, sizeof(nonce)), &shared)
					 : NULL;
	if (f) {
		f->ike_spi = spi;
		f->own_spi = own_spi;
	}
	return f;
}

static void build_answer(struct ike_received *x, const struct ike_followup *f, uint8_t number,
	const struct ike_key_exchange *kx)
{
	struct ike_proposal agreed;
	uint8_t spi[8];

	ike_suite_to_proposal(&f->suite, number, &agreed);
	ike_build_sa(x->reply, &agreed, 1, spi_octets(f->own_spi, spi), false);
	ike_build_nonce(x->reply, f->nonce_r);
	ike_build_ke(x->reply, f->suite.group, ike_key_exchange_public(kx));
}

/* The new one is there; which one takes over is known already unless we rekey, too. */
static void settle(struct ike_received *x, struct ike_sa *new)
{
	struct ike_sa *old = x->sa;

	new->rival_of = old->unique_id;
	if (old->state == IKE_SA_REKEYING) {
		old->rival = new->unique_id;
		linger(x->e, new);
	} else {
		ike_rival_prevails(x->e, new);
	}
}

/* All key exchanges are through. NULL when memory ran out. */
static struct ike_sa *make_new(struct ike_received *x, const struct ike_followup *f)
{
	struct ike_sa *new = ike_sa_successor(x->e, x->sa, false, f->own_spi);

	if (!new)
		return NULL;
	struct ike_negotiation *n = new->negotiation;
	new->suite = f->suite;
	new->spi_initiator = f->ike_spi;
	n->peer_nonce = bytes_duplicate(f->nonce_i);
	n->nonce_length = IKE_NONCE_LENGTH;
	bytes_copy(n->nonce, f->nonce_r);
	if (n->peer_nonce.at && ike_keys_rekey(x->e, new, x->sa, f->nonce_i, f->nonce_r,
					secret_bytes(&f->shared), secret_bytes(&f->additional)))
		return new;
	ike_sa_free(x->e, new);
	return NULL;
}

uint16_t ike_rekey_ike_complete(struct ike_received *x, struct ike_followup *f)
{
	struct ike_sa *new = is_busy(x->sa) ? NULL : make_new(x, f);

	if (!new)
		return IKE_NOTIFY_TEMPORARY_FAILURE;
	settle(x, new);
	return 0;
}

/* The peer has not deleted what it rekeyed before: one after the other, or it could pile them up.
 */
static bool has_leftover(struct ike_engine *e, const struct ike_sa *sa)
{
	const struct ike_sa *predecessor = sa->predecessor ? find_sa(e, sa->predecessor) : NULL;

	return predecessor && predecessor->state == IKE_SA_REKEYED;
}

enum ike_outcome ike_rekey_ike_requested(struct ike_received *x)
{
	struct ike_suite suite;
	uint8_t number;
	uint64_t spi;

	if (is_busy(x->sa) || has_leftover(x->e, x->sa)) {
		ike_log(x->e, x->sa, IKE_LOG_IKE, IKE_LOG_INFO,
			"peer wants to rekey IKE_SA %s[%u] while it is busy (%s)",
			x->sa->connection->name, x->sa->unique_id,
			x->sa->active ? ike_task_name(x->sa->active->kind)
				      : ike_sa_state_name(x->sa->state));
		ike_build_notify(x->reply, IKE_NOTIFY_TEMPORARY_FAILURE, (struct bytes){ 0 });
		return IKE_OUTCOME_OK;
	}
	if (!choose(x, &suite, &number, &spi))
		return IKE_OUTCOME_OK;
	if (x->message->ke.group != suite.group) {
		const uint8_t wanted[2] = { (uint8_t)(suite.group >> 8), (uint8_t)suite.group };

		ike_build_notify(x->reply, IKE_NOTIFY_INVALID_KE_PAYLOAD, bytes_of(wanted, 2));
		return IKE_OUTCOME_OK;
	}
	struct ike_key_exchange *kx = NULL;
	struct ike_followup *f = derive(x, &suite, spi, &kx);
	if (f && f->count > 0 && ike_followup_expect(x, f)) {
		build_answer(x, f, number, kx);
		f = NULL;
	} else if (f && f->count == 0 && ike_rekey_ike_complete(x, f) == 0) {
		build_answer(x, f, number, kx);
	} else {
		ike_log(x->e, x->sa, IKE_LOG_IKE, IKE_LOG_AUDIT,
			"rekeying IKE_SA %s[%u] failed: out of memory, or the peer's public value "
			"is not valid",
			x->sa->connection->name, x->sa->unique_id);
		ike_build_notify(x->reply, IKE_NOTIFY_TEMPORARY_FAILURE, (struct bytes){ 0 });
	}
	ike_followup_free(f);
	ike_key_exchange_free(kx);
	return IKE_OUTCOME_OK;
}
