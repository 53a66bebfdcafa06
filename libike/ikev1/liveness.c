/*
 * Dead peer detection (RFC 3706): R_U_THERE with a number, which R_U_THERE_ACK repeats.
 *
 * The question is asked anew with the same number until it is answered, each time in an exchange of
 * its own, as a peer passes over what it has had. It holds up no other exchange. When it is to be
 * asked first, and that everything authentic answers as well, is as for IKEv2 (libike/liveness.c).
 */
#include "libike/ikev1/ikev1.h"

/* So often it is asked at least before the peer is dead. */
#define QUESTIONS 5
#define PAUSE_MIN IKE_SECONDS(1)
/* Under an IKE SA that was replaced, and stays for a few of these only. */
#define PAUSE_OF_REPLACED IKE_SECONDS(2)
#define REPLACED_DEAD_AFTER IKE_SECONDS(20)

ike_time ikev1_liveness_dead_after(const struct ike_engine *e, const struct ike_sa *sa)
{
	uint64_t timeout = sa->connection ? sa->connection->dpd_timeout : 0;

	return timeout > 0 && timeout <= INT32_MAX ? IKE_SECONDS((ike_time)timeout)
						   : ike_retransmission_total(e, sa);
}

static ike_time next_question(const struct ike_engine *e, const struct ike_sa *sa)
{
	ike_time dead_after = ikev1_liveness_dead_after(e, sa);
	ike_time pause = IKE_SECONDS((ike_time)sa->connection->dpd_delay);
	ike_time dead_at = sa->v1->dpd_since + dead_after;

	if (sa->state == IKE_SA_REKEYED)
		return e->now + PAUSE_OF_REPLACED;
	if (pause == 0 || pause > dead_after / QUESTIONS)
		pause = dead_after / QUESTIONS;
	if (pause < PAUSE_MIN)
		pause = PAUSE_MIN;
	return e->now + pause < dead_at ? e->now + pause : dead_at;
}

static void ask(struct ike_engine *e, struct ike_sa *sa)
{
	uint8_t cookies[16], number[4];
	struct writer w = writer_of(cookies, sizeof(cookies));

	writer_u64(&w, sa->spi_initiator);
	writer_u64(&w, sa->spi_responder);
	w = writer_of(number, sizeof(number));
	writer_u32(&w, sa->v1->dpd_sent);
	ikev1_inform_notify(e, sa, ISAKMP_PROTOCOL_ISAKMP, ISAKMP_NOTIFY_R_U_THERE,
		bytes_of(cookies, sizeof(cookies)), bytes_of(number, sizeof(number)));
	sa->dpd_at = next_question(e, sa);
	ike_schedule(e, sa);
}

static bool next_number(struct ike_engine *e, struct ikev1 *v1)
{
	if (v1->dpd_sent != 0) {
		v1->dpd_sent++;
		return true;
	}
	if (!ike_crypto_random(e->crypto, &v1->dpd_sent, sizeof(v1->dpd_sent)))
		return false;
	v1->dpd_sent = (v1->dpd_sent & 0x7fffffff) | 1; /* the high bit is clear: no overflow */
	return true;
}

void ikev1_liveness_ask(struct ike_engine *e, struct ike_sa *sa)
{
	if (!sa->v1->peer_dpd || (sa->v1->dpd_since == 0 && !next_number(e, sa->v1)))
		return;
	if (sa->v1->dpd_since == 0)
		sa->v1->dpd_since = e->now;
	ask(e, sa);
}

bool ikev1_liveness_start(struct ike_engine *e, struct ike_sa *sa)
{
	struct ike_task *task = sa->active;

	if (sa->v1->dpd_since == 0)
		ikev1_liveness_ask(e, sa);
	sa->active = NULL;
	ike_task_finish(e, task, true, NULL);
	return true;
}

/* Its time may be long, when the peer was to delete it. */
static void give_up_replaced(struct ike_engine *e, struct ike_sa *sa)
{
	sa->dpd_at = IKE_NEVER;
	sa->expires_at = e->now;
	ike_schedule(e, sa);
}

static void give_up(struct ike_engine *e, struct ike_sa *sa)
{
	struct ike_failure failure = { 0 };
	char peer[ADDRESS_TEXT_MAX];

	ike_failure_set(&failure, IKE_REASON_PEER_SILENT, NULL, NULL,
		"%s did not answer DPD: giving up after %d s",
		address_format_with_port(&sa->remote, peer),
		(int)((e->now - sa->v1->dpd_since) / 1000));
	ike_peer_given_up(e, sa, &failure);
	ike_failure_free(&failure);
}

bool ikev1_liveness_asks(struct ike_engine *e, struct ike_sa *sa)
{
	struct ikev1 *v1 = sa->v1;

	if (!v1->peer_dpd) {
		sa->dpd_at = IKE_NEVER;
		ike_schedule(e, sa);
		return true;
	}
	if (v1->dpd_since > 0 && sa->last_received > v1->dpd_since)
		v1->dpd_since = 0;
	bool replaced = sa->state == IKE_SA_REKEYED;
	if (v1->dpd_since == 0) {
		if (replaced)
			ikev1_liveness_ask(e, sa);
		return v1->dpd_since > 0;
	}
	ike_time limit = replaced ? REPLACED_DEAD_AFTER : ikev1_liveness_dead_after(e, sa);
	if (e->now < v1->dpd_since + limit)
		ask(e, sa);
	else if (replaced)
		give_up_replaced(e, sa);
	else
		give_up(e, sa);
	return true;
}

ike_time ikev1_liveness_asked_since(const struct ike_sa *sa)
{
	const struct ikev1 *v1 = sa->v1;

	return v1->dpd_since > 0 && sa->last_received <= v1->dpd_since ? v1->dpd_since : IKE_NEVER;
}

static void asked(struct ikev1_received *x, const struct isakmp_notify *n, uint32_t number)
{
	struct ikev1 *v1 = x->sa->v1;
	bool fresh = v1->dpd_expected == 0 || (int32_t)(number - v1->dpd_expected) >= 0;

	/* It is answered all the same, but an old one may be repeated by anybody. */
	if (v1->dpd_expected != 0 && number != v1->dpd_expected && number + 1 != v1->dpd_expected)
		ike_log(x->e, x->sa, IKE_LOG_IKE, IKE_LOG_DETAIL,
			"DPD request has number %u, expected %u", number, v1->dpd_expected);
	if (fresh) {
		ikev1_heard(x->e, x->sa, x->datagram);
		ikev1_up_at_peer(x->e, x->sa);
		v1->dpd_expected = number + 1;
	}
	ikev1_inform_notify(
		x->e, x->sa, ISAKMP_PROTOCOL_ISAKMP, ISAKMP_NOTIFY_R_U_THERE_ACK, n->spi, n->data);
}

static void answered(struct ikev1_received *x, uint32_t number)
{
	struct ike_sa *sa = x->sa;

	if (number != sa->v1->dpd_sent) {
		ike_log(x->e, sa, IKE_LOG_IKE, IKE_LOG_INFO,
			"DPD answer has number %u, expected %u: ignoring it", number,
			sa->v1->dpd_sent);
		return;
	}
	if (sa->v1->dpd_since == 0)
		return;
	ikev1_heard(x->e, sa, x->datagram);
	ikev1_up_at_peer(x->e, sa);
	sa->v1->dpd_since = 0;
	ike_schedule_liveness(x->e, sa);
}

void ikev1_liveness_notified(struct ikev1_received *x, const struct isakmp_notify *n)
{
	struct reader r = reader_of(n->data);
	uint32_t number = reader_u32(&r);

	if (!reader_end(&r)) {
		ike_log(x->e, x->sa, IKE_LOG_IKE, IKE_LOG_INFO,
			"DPD message without a number, ignoring it");
		return;
	}
	if (n->type == ISAKMP_NOTIFY_R_U_THERE)
		asked(x, n, number);
	else
		answered(x, number);
}
