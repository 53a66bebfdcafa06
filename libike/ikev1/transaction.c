/*
 * Transaction exchanges: which come when, and what a message of the peer's is about. Quick Modes
 * have to wait for them, as the IKE SA is not established before they are through; after that the
 * peer may still pull addresses.
 */
#include "libike/ikev1/transaction.h"

#include <stdlib.h>

#define PATIENCE_DEFAULT IKE_SECONDS(30)

/* ---- What comes next ---- */

struct ikev1_xauth *ikev1_transactions_of(const struct ike_sa *sa)
{
	return sa->v1->phase1 ? sa->v1->phase1->xauth : NULL;
}

bool ikev1_transactions_pending(const struct ike_sa *sa)
{
	const struct ikev1_xauth *t = ikev1_transactions_of(sa);

	return t && t->stage != IKEV1_TRANSACTING_IDLE;
}

const char *ikev1_transactions_name(const struct ike_sa *sa)
{
	if (!ikev1_transactions_pending(sa))
		return NULL;
	switch (ikev1_transactions_of(sa)->stage) {
	case IKEV1_TRANSACTING_PULL:
	case IKEV1_TRANSACTING_PULLED:
	case IKEV1_TRANSACTING_AWAIT_PUSH:
	case IKEV1_TRANSACTING_PUSH:
	case IKEV1_TRANSACTING_PUSHED:
		return "MODE_CONFIG";
	default:
		return "XAUTH";
	}
}

ike_time ikev1_transactions_patience(const struct ike_engine *e)
{
	return e->settings.half_open_timeout > 0 ? e->settings.half_open_timeout : PATIENCE_DEFAULT;
}

void ikev1_transactions_stage(
	struct ike_engine *e, struct ike_sa *sa, enum ikev1_transacting stage, ike_time at)
{
	struct ikev1_xauth *t = ikev1_transactions_of(sa);

	t->stage = (uint8_t)stage;
	t->at = at;
	ike_schedule(e, sa);
}

static enum ikev1_transacting next_stage(const struct ike_sa *sa, struct ikev1_xauth *t)
{
	const struct ike_connection *c = sa->connection;

	if (ikev1_xauth_round(&c->remote, &t->remote_round))
		return IKEV1_TRANSACTING_ASK;
	if (ikev1_xauth_round(&c->local, &t->local_round))
		return IKEV1_TRANSACTING_AWAIT_QUESTION;
	if (t->configured)
		return IKEV1_TRANSACTING_IDLE;
	if (sa->initiator && c->vip_count > 0)
		return c->pull ? IKEV1_TRANSACTING_PULL : IKEV1_TRANSACTING_AWAIT_PUSH;
	if (!sa->initiator && c->pool_count > 0 && !c->pull)
		return IKEV1_TRANSACTING_PUSH;
	return IKEV1_TRANSACTING_IDLE;
}

bool ikev1_transactions_go_on(struct ike_engine *e, struct ike_sa *sa, struct ike_failure *failure)
{
	struct ikev1_phase1 *p = sa->v1->phase1;
	enum ikev1_transacting stage;

	if (!p)
		return false;
	if (!p->xauth) {
		p->xauth = calloc(1, sizeof(*p->xauth));
		if (!p->xauth) {
			ike_failure_set(failure, IKE_REASON_RESOURCES, NULL, NULL, "out of memory");
			return false;
		}
		p->xauth->e = e;
		p->xauth->ike_id = sa->unique_id;
	}
	stage = next_stage(sa, p->xauth);
	ike_time at = stage == IKEV1_TRANSACTING_IDLE ? IKE_NEVER : e->now;
	if (stage == IKEV1_TRANSACTING_AWAIT_QUESTION || stage == IKEV1_TRANSACTING_AWAIT_PUSH)
		at += ikev1_transactions_patience(e);
	ikev1_transactions_stage(e, sa, stage, at);
	return stage != IKEV1_TRANSACTING_IDLE;
}

bool ikev1_transactions_next(struct ike_engine *e, struct ike_sa *sa, struct ike_failure *failure)
{
	if (ikev1_transactions_go_on(e, sa, failure))
		return true;
	if (failure->reason != IKE_REASON_NONE)
		return false;
	ikev1_established(e, sa, false);
	return true;
}

/* ---- Ends ---- */

void ikev1_xauth_free(struct ikev1_xauth *xauth)
{
	if (!xauth)
		return;
	ikev1_xauth_check_over(xauth);
	ike_failure_free(&xauth->failure);
	free(xauth);
}

void ikev1_transactions_fail(struct ike_engine *e, struct ike_sa *sa, struct ike_failure *failure)
{
	ike_failure_set(failure, IKE_REASON_RESOURCES, NULL, NULL,
		"a Transaction exchange could not be begun: out of memory");
	ikev1_delete_once(e, sa);
	ike_log_failure(e, sa, sa->connection, failure);
	ike_sa_destroy(e, sa, failure);
}

enum ikev1_outcome ikev1_transactions_end(struct ikev1_received *x)
{
	ike_failure_set(x->failure, IKE_REASON_RESOURCES, NULL, NULL,
		"a Transaction exchange could not go on: out of memory");
	ikev1_delete_once(x->e, x->sa);
	return IKEV1_END;
}

bool ikev1_transactions_silent(const struct ike_sa *sa, struct ike_failure *failure)
{
	const struct ikev1_xauth *t = ikev1_transactions_of(sa);

	if (!t || t->failure.reason == IKE_REASON_NONE)
		return false;
	ike_failure_free(failure);
	ike_failure_copy(failure, &t->failure);
	return true;
}

/* ---- By time ---- */

ike_time ikev1_transactions_deadline(const struct ike_sa *sa)
{
	const struct ikev1_xauth *t = ikev1_transactions_of(sa);

	return t && t->stage != IKEV1_TRANSACTING_IDLE ? t->at : IKE_NEVER;
}

static bool waited_in_vain(
	const struct ike_engine *e, const struct ikev1_xauth *t, struct ike_failure *failure)
{
	const char *what = t->stage == IKEV1_TRANSACTING_AWAIT_QUESTION
				   ? "did not ask for XAuth"
				   : "did not say whether XAuth was successful";
	int seconds = (int)(ikev1_transactions_patience(e) / 1000);

	if (t->stage == IKEV1_TRANSACTING_AWAIT_PUSH) {
		ike_failure_set(failure, IKE_REASON_NO_ADDRESS, NULL, NULL,
			"the peer pushed no virtual IP within %d s, and pull is no", seconds);
		ike_failure_set_differs(failure, "pull");
	} else {
		ike_failure_set(failure, IKE_REASON_PEER_SILENT, NULL, NULL,
			"the peer %s within %d s", what, seconds);
		ike_failure_set_differs(failure, "xauth");
	}
	return false;
}

static bool act(
	struct ike_engine *e, struct ike_sa *sa, struct ikev1_xauth *t, struct ike_failure *failure)
{
	switch (t->stage) {
	case IKEV1_TRANSACTING_ASK:
		return ikev1_xauth_ask(e, sa);
	case IKEV1_TRANSACTING_PULL:
		return ikev1_mode_config_pull(e, sa);
	case IKEV1_TRANSACTING_PUSH:
		return ikev1_mode_config_push(e, sa, failure);
	default:
		return waited_in_vain(e, t, failure);
	}
}

bool ikev1_transactions_wake(struct ike_engine *e, struct ike_sa *sa)
{
	struct ikev1_xauth *t = ikev1_transactions_of(sa);
	struct ike_failure failure = { 0 };

	if (!t || t->stage == IKEV1_TRANSACTING_IDLE || t->at > e->now)
		return false;
	t->at = IKE_NEVER;
	ike_schedule(e, sa);
	if (!act(e, sa, t, &failure))
		ikev1_transactions_fail(e, sa, &failure);
	ike_failure_free(&failure);
	return true;
}

/* ---- Messages ---- */

void ikev1_attributes_open(struct ike_engine *e, const struct ike_sa *sa, uint8_t type, uint16_t id,
	struct ikev1_attributes *ret)
{
	ike_builder_start(e, &ret->b);
	ret->hash = ikev1_hash_open(sa, &ret->b);
	ret->list = isakmp_build_attributes_open(&ret->b, type, id);
}

static bool send_attributes(struct ike_engine *e, struct ike_sa *sa,
	struct ikev1_exchange *exchange, struct ikev1_attributes *m, enum ikev1_sending how)
{
	bool sent;

	ike_build_close(&m->b, m->list);
	sent = ikev1_send_hashed(
		e, sa, exchange, &m->b, m->hash, 1, (struct bytes){ 0 }, (struct bytes){ 0 }, how);
	secret_wipe(m->b.writer.at, m->b.writer.capacity);
	return sent;
}

bool ikev1_attributes_ask(struct ike_engine *e, struct ike_sa *sa, struct ikev1_attributes *m)
{
	struct ikev1_exchange *exchange =
		ikev1_exchange_new(e, sa, ISAKMP_EXCHANGE_TRANSACTION, true, 0);

	if (!exchange)
		return false;
	exchange->step = IKEV1_TRANSACTION_ANSWER;
	return send_attributes(e, sa, exchange, m, IKEV1_SEND_AGAIN);
}

bool ikev1_attributes_answer(struct ikev1_received *x, struct ikev1_attributes *m)
{
	if (!send_attributes(x->e, x->sa, x->exchange, m, IKEV1_SEND_KEEP))
		return false;
	ikev1_exchange_done(x->e, x->sa, x->exchange);
	return true;
}

bool ikev1_attribute_find(
	const struct isakmp_message *message, uint16_t type, struct isakmp_attribute *ret)
{
	size_t cursor = 0;

	while (isakmp_attribute_next(message->attributes.list, &cursor, ret))
		if (ret->type == type)
			return true;
	return false;
}

/* The peer begins: it asks, or tells. */
enum ikev1_outcome ikev1_transaction_request(struct ikev1_received *x)
{
	bool xauth = ikev1_xauth_concerns(x->message);

	switch (x->message->attributes.type) {
	case IKE_CONFIGURATION_REQUEST:
		return xauth ? ikev1_xauth_question(x) : ikev1_mode_config_request(x);
	case IKE_CONFIGURATION_SET:
		return xauth ? ikev1_xauth_status(x) : ikev1_mode_config_set(x);
	default:
		return IKEV1_IGNORE;
	}
}

/* What we have begun. */
enum ikev1_outcome ikev1_transaction_answer(struct ikev1_received *x)
{
	const struct ikev1_xauth *t = ikev1_transactions_of(x->sa);
	bool reply = x->message->attributes.type == IKE_CONFIGURATION_REPLY;

	if (!t || (!reply && x->message->attributes.type != IKE_CONFIGURATION_ACK))
		return IKEV1_IGNORE;
	switch (t->stage) {
	case IKEV1_TRANSACTING_ASKED:
		return reply ? ikev1_xauth_reply(x) : IKEV1_IGNORE;
	case IKEV1_TRANSACTING_TELL:
		return reply ? IKEV1_IGNORE : ikev1_xauth_acknowledged(x);
	case IKEV1_TRANSACTING_PULLED:
		return reply ? ikev1_mode_config_reply(x) : IKEV1_IGNORE;
	case IKEV1_TRANSACTING_PUSHED:
		return reply ? IKEV1_IGNORE : ikev1_mode_config_acknowledged(x);
	default:
		return IKEV1_IGNORE;
	}
}
