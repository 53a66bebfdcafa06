/* How phase 1 ends: both have proved themselves, or the peer refuses, or it does not go on. */
#include "libike/ikev1/transaction.h"

bool ikev1_phase1_answered(struct ikev1_received *x)
{
	struct ike_sa *sa = x->sa;
	struct ike_task *done = sa->active;

	sa->active = ike_task_take(sa, IKE_TASK_AUTH);
	if (done)
		ike_task_finish(x->e, done, true, NULL);
	sa->negotiation->stage = IKE_STAGE_AUTH;
	return sa->active != NULL;
}

bool ikev1_phase1_say(struct ikev1_received *x, enum ikev1_sending how)
{
	if (!ikev1_send(x->e, x->sa, x->exchange, x->reply, how))
		return false;
	ike_builder_begin(x->reply, x->e->reply, sizeof(x->e->reply));
	return true;
}

/* ---- Established ---- */

bool ikev1_phase1_is_unique(struct ike_engine *e, struct ike_sa *sa, struct ike_failure *failure)
{
	char peer[IKE_IDENTITY_TEXT_MAX];

	if (sa->initiator || !ike_unique_refuses(e, sa, sa->negotiation->initial_contact))
		return true;
	ike_failure_set(failure, IKE_REASON_NOT_UNIQUE, NULL, NULL,
		"peer '%s' has an IKE_SA already, connection '%s' says unique = keep",
		ike_identity_format(ike_sa_peer_id(sa), peer), sa->connection->name);
	return false;
}

/* Who had the first of the last two words knows that the peer was through before. A client may
 * still ask for addresses. */
static bool is_up_at_peer(const struct ike_sa *sa)
{
	bool aggressive = sa->v1->phase1->aggressive;

	return sa->initiator ? !aggressive : aggressive && sa->connection->pool_count == 0;
}

/* Behind the identity that is common to many there are users, who are asked about themselves. */
static bool has_users(const struct ike_sa *sa)
{
	uint8_t index = 0;

	return ikev1_xauth_round(&sa->connection->remote, &index) != NULL;
}

enum ikev1_outcome ikev1_phase1_done(struct ikev1_received *x)
{
	struct ike_sa *sa = x->sa;

	if (!has_users(sa) && !ikev1_phase1_is_unique(x->e, sa, x->failure))
		return ikev1_refuse(x, ISAKMP_NOTIFY_AUTHENTICATION_FAILED);
	/* Before anything of phase 2, whose IVs come of it. */
	if (x->reply->linked && !ikev1_phase1_say(x, IKEV1_SEND_KEEP))
		return ikev1_phase1_no_memory(x);
	ikev1_exchange_done(x->e, sa, x->exchange);
	if (ikev1_transactions_go_on(x->e, sa, x->failure))
		return IKEV1_OK;
	if (x->failure->reason != IKE_REASON_NONE)
		return IKEV1_END;
	ikev1_established(x->e, sa, is_up_at_peer(sa));
	return IKEV1_OK;
}

void ikev1_established(struct ike_engine *e, struct ike_sa *sa, bool is_up_at_peer)
{
	struct ike_task *task = sa->active;
	bool told = sa->negotiation->initial_contact;

	sa->v1->says_contact = !sa->initiator && !told && ike_initial_contact_holds(e, sa);
	sa->active = NULL;
	sa->expires_at = IKE_NEVER;
	ike_sa_established(e, sa);
	ike_target_worked(e, sa);
	if (task)
		ike_task_finish(e, task, true, NULL);
	ike_sa_end_negotiation(sa);
	ikev1_phase1_free(sa->v1);
	if (!sa->initiator && told)
		ike_initial_contact_apply(e, sa, true);
	ikev1_adopt(e, sa, is_up_at_peer);
	ikev1_crossing_settle(e, sa);
	if (!sa->initiator && !told)
		ike_initial_contact_apply(e, sa, false);
}

/* ---- Refused ---- */

static const char *explanation(const struct ike_sa *sa, uint16_t type)
{
	if (ikev1_notify_reason(type) == IKE_REASON_NO_PROPOSAL)
		return ": it accepts none of our proposals, or has no connection for our address";
	if (type == ISAKMP_NOTIFY_AUTHENTICATION_FAILED && sa->v1->phase1->aggressive)
		return ": it has no connection for our identity, or does not allow Aggressive "
		       "Mode with pre-shared keys";
	return "";
}

/* What the peer may mean, when it does not say so: it answers in one mode, or wants another method.
 */
static const char *what_differs(const struct ike_sa *sa, uint16_t type)
{
	bool aggressive = sa->v1->phase1->aggressive;

	if (aggressive && type == ISAKMP_NOTIFY_AUTHENTICATION_FAILED && ikev1_proof_is_shared(sa))
		return "aggressive";
	return aggressive || ikev1_notify_reason(type) == IKE_REASON_NO_PROPOSAL ? "phase 1" : "";
}

enum ikev1_outcome ikev1_phase1_refused(struct ikev1_received *x)
{
	struct ike_sa *sa = x->sa;
	const struct isakmp_notify *n = isakmp_message_error(x->message);
	const struct ike_proposals *ours = &sa->connection->proposals;
	char text[IKE_NUMBER_TEXT_MAX], proposals[IKE_PROPOSAL_TEXT_MAX];
	enum ike_reason reason = ikev1_notify_reason(n->type);

	/* From our proof on only what is encrypted counts; but it is a hint. */
	if (!sa->initiator || sa->keys.length > 0) {
		sa->v1->phase1->error = n->type;
		ike_log_noise(x->e, sa, IKE_LOG_IKE, "ignoring an unprotected %s",
			isakmp_notify_format(n->type, text));
		ikev1_phase1_suspect(x->e, sa);
		return IKEV1_IGNORE;
	}
	ike_failure_set(x->failure, reason,
		reason == IKE_REASON_NO_PROPOSAL
			? ike_proposals_format(ours->items, ours->count, proposals)
			: NULL,
		NULL, "peer refused phase 1 with %s%s", isakmp_notify_format(n->type, text),
		explanation(sa, n->type));
	x->failure->notify = n->type;
	ike_failure_set_differs(x->failure, what_differs(sa, n->type));
	return IKEV1_END;
}

/* ---- Silent ---- */

static bool awaits_main_6(const struct ike_sa *sa)
{
	const struct ikev1_exchange *own = ikev1_exchange_own(sa);

	return sa->initiator && own && own->step == IKEV1_MAIN_6;
}

/* What we have proved ourselves with the peer cannot read with another key, and can say nothing
 * that we could read. */
static bool keys_may_differ(const struct ike_sa *sa)
{
	const struct ikev1_phase1 *p = sa->v1->phase1;

	if (!ikev1_proof_is_shared(sa) || sa->keys.length == 0 || ikev1_is_proved(sa))
		return false;
	return sa->initiator ? awaits_main_6(sa) : p->error != 0;
}

static void fail_secret(const struct ike_sa *sa, const char *peer, struct ike_failure *failure)
{
	const struct ikev1_phase1 *p = sa->v1->phase1;
	bool heard = p->error || p->unread;
	char text[IKE_NUMBER_TEXT_MAX];

	if (p->error)
		ike_failure_set(failure, IKE_REASON_AUTH_FAILED, NULL, NULL,
			"%s does not accept our proof, it says %s: the pre-shared keys probably "
			"differ",
			peer, isakmp_notify_format(p->error, text));
	else
		ike_failure_set(failure, IKE_REASON_AUTH_FAILED, NULL, NULL,
			"%s %s: the pre-shared keys probably differ", peer,
			p->unread ? "answers our proof with what cannot be decrypted"
				  : "answers, but not to our proof");
	/* Nothing at all is heard from that port, it may be that. */
	ike_failure_set_differs(failure, !heard && sa->remote.port == IKE_PORT_NAT_T
						 ? "secret of phase 1, port 4500"
						 : "secret of phase 1");
}

static void explain(const struct ike_sa *sa, struct ike_failure *failure)
{
	const struct ikev1_phase1 *p = sa->v1->phase1;
	char peer[ADDRESS_TEXT_MAX], text[IKE_NUMBER_TEXT_MAX];

	address_format_with_port(&sa->remote, peer);
	if (p->unreadable) {
		ike_failure_set(failure, IKE_REASON_AUTH_FAILED, NULL, NULL,
			"cannot decrypt the proof of %s: the pre-shared keys probably differ",
			peer);
		ike_failure_set_differs(failure, "secret of phase 1");
	} else if (p->unproved) {
		ike_failure_set(failure, IKE_REASON_AUTH_FAILED, NULL, NULL,
			"the proof of %s does not verify: the pre-shared keys probably differ",
			peer);
		ike_failure_set_differs(failure, "secret of phase 1");
	} else if (keys_may_differ(sa)) {
		fail_secret(sa, peer, failure);
	} else if (p->error) {
		ike_failure_set(failure, ikev1_notify_reason(p->error), NULL, NULL,
			"%s gave up phase 1 with %s", peer, isakmp_notify_format(p->error, text));
		failure->notify = p->error;
		if (!ikev1_proof_is_shared(sa))
			ike_failure_set_differs(failure, "certificate");
	}
}

void ikev1_phase1_suspect(struct ike_engine *e, struct ike_sa *sa)
{
	struct ikev1_phase1 *p = sa->v1->phase1;
	struct ike_failure failure = { 0 };

	if (!p || p->reported || !(p->unreadable || p->unproved || keys_may_differ(sa)))
		return;
	p->reported = true;
	explain(sa, &failure);
	ike_log_failure(e, sa, sa->connection, &failure);
	ike_failure_free(&failure);
}

void ikev1_phase1_unheard(struct ike_engine *e, struct ike_sa *sa)
{
	if (!sa->v1->phase1 || !awaits_main_6(sa) || !ikev1_proof_is_shared(sa))
		return;
	sa->v1->phase1->unread = true;
	ikev1_phase1_suspect(e, sa);
}

bool ikev1_phase1_silent(struct ike_engine *e, const struct ike_sa *sa, struct ike_failure *failure)
{
	const struct ikev1_phase1 *p = sa->v1->phase1;

	(void)e;
	if (!p || sa->was_established || ikev1_transactions_silent(sa, failure))
		return false;
	explain(sa, failure);
	return p->reported;
}
