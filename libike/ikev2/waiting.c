/*
 * IKE SAs whose IKE_AUTH waits for somebody on this side: the message under work is kept, and dealt
 * with once more when the answer is there. Meanwhile copies of it are swallowed, and the time limit
 * of the negotiation goes on.
 */
#include "libike/ikev2/auth.h"

#include <stdlib.h>

/* The message under work, and the way that it came. */
struct ike_waiting {
	struct address local;
	struct address remote;
	struct ike_kept_message message;
};

bool ike_message_keep(struct ike_kept_message *ret, const struct ike_message *m)
{
	ret->header = m->header;
	ret->first = m->chain_first;
	ret->chain = bytes_duplicate(m->chain);
	return ret->chain.at || m->chain.length == 0;
}

bool ike_message_recall(const struct ike_kept_message *kept, struct ike_message *ret)
{
	struct why why;

	return ike_message_parse_inner(&kept->header, kept->first, kept->chain, ret, &why) ==
	       IKE_PARSE_OK;
}

void ike_message_forget(struct ike_kept_message *kept)
{
	free((void *)kept->chain.at);
	kept->chain = (struct bytes){ 0 };
}

void ike_waiting_free(struct ike_waiting *w)
{
	if (!w)
		return;
	ike_message_forget(&w->message);
	free(w);
}

bool ike_wait_keep(struct ike_received *x)
{
	struct ike_waiting *w = calloc(1, sizeof(*w));

	if (!w || !ike_message_keep(&w->message, x->message)) {
		ike_waiting_free(w);
		return false;
	}
	w->local = x->datagram->local;
	w->remote = x->datagram->remote;
	x->sa->negotiation->waiting = w;
	ike_wait_begin(x->e, x->sa);
	return true;
}

void ike_wait_begin(struct ike_engine *e, struct ike_sa *sa)
{
	/* The responder's half-open SA has its time limit already. */
	if (sa->initiator)
		sa->negotiation->wait_until = e->now + e->settings.half_open_timeout;
	ike_schedule(e, sa);
}

void ike_wait_expired(struct ike_engine *e, struct ike_sa *sa)
{
	const struct ike_auth *a = sa->negotiation->auth;
	struct ike_failure failure = { 0 };

	ike_failure_set(&failure, IKE_REASON_RESOURCES, NULL, NULL,
		"IKE_AUTH could not go on within %d s: waiting for %s",
		(int)(e->settings.half_open_timeout / 1000),
		a && a->waits_for ? a->waits_for : "the peer");
	ike_log_failure(e, sa, sa->connection, &failure);
	if (a && a->begun)
		ike_delete_once(e, sa);
	ike_sa_destroy(e, sa, &failure);
	ike_failure_free(&failure);
}

static void resume_message(struct ike_engine *e, struct ike_sa *sa, const struct ike_waiting *w)
{
	struct ike_datagram datagram = { w->local, w->remote, { 0 }, 0 };
	struct ike_failure failure = { 0 };
	struct ike_message message;
	struct ike_builder reply;
	struct ike_received x = { e, sa, &datagram, &message, &reply, &failure };

	if (!ike_message_recall(&w->message, &message)) /* it could be parsed before */
		return;
	ike_builder_begin(&reply, e->reply, sizeof(e->reply));
	ike_received_done(
		&x, sa->initiator ? ike_auth_answer_go_on(&x) : ike_auth_request_go_on(&x));
	ike_failure_free(&failure);
}

void ike_auth_resume(struct ike_engine *e, struct ike_sa *sa)
{
	if (!sa->negotiation || !sa->negotiation->auth || !sa->negotiation->auth->waits_for)
		return;
	struct ike_waiting *w = sa->negotiation->waiting;

	sa->negotiation->auth->waits_for = NULL;
	sa->negotiation->waiting = NULL;
	sa->negotiation->wait_until = 0;
	ike_schedule(e, sa);
	if (w)
		resume_message(e, sa, w);
	else
		ike_auth_start_resume(e, sa);
	ike_waiting_free(w); /* the SA may be gone */
}
