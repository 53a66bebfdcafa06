/*
 * IKE_AUTH as initiator (RFC 7296 1.2, 2.15; auth.h has the exchanges):
 *
 *   HDR, SK{IDi, [N(INITIAL_CONTACT),] [IDr,] AUTH, [CP,] [SA, TSi, TSr]}  -->
 *                                 <--  HDR, SK{IDr, AUTH, [CP,] [SA, TSi, TSr] | N(child error)}
 *                                   or   <--  HDR, SK{N(AUTHENTICATION_FAILED)}
 *
 * Without SA and selectors the IKE SA is childless (RFC 6023).
 */
#include "libike/ikev2/auth.h"
#include "libike/ikev2/redirect.h"
#include "libike/sa/redirect.h"

#define EAP_FAILURE 4 /* RFC 3748 4 */

/* What is done about an answer, one after the other. */
enum step {
	STEP_READ,
	STEP_VERIFY, /* the peer's AUTH */
	STEP_EAP,    /* its EAP packet */
	STEP_GO_ON,
	STEP_ASK, /* the next request */
};

/* ---- Requests ---- */

/* The first child that waits goes along, unless the IKE SA is to be childless at first. */
static void take_child(struct ike_sa *sa)
{
	uint8_t childless = sa->connection->childless;
	bool separate = childless == IKE_CHILDLESS_FORCE ||
			(childless == IKE_CHILDLESS_PREFER && sa->peer_childless);
	struct ike_task *child_task = separate ? NULL : ike_task_take(sa, IKE_TASK_CREATE_CHILD);

	if (!child_task)
		return;
	sa->active->child = child_task->child;
	/* Who waits for the IKE SA alone is answered when it is up, see finish(). */
	sa->active->ike_ticket = sa->active->ticket;
	sa->active->ticket = child_task->ticket;
	ike_task_free(child_task);
}

/* What the first request says about the IKE SA, and its child. */
static bool build_child(
	struct ike_engine *e, struct ike_sa *sa, struct ike_builder *b, struct ike_failure *failure)
{
	struct ike_task *task = sa->active;

	ike_configuration_ask(e, sa, b);
	if (task->child) {
		ike_log(e, sa, IKE_LOG_IKE, IKE_LOG_AUDIT, "establishing CHILD_SA %s{%u}",
			task->child->config->name, task->child->unique_id);
		if (!ike_child_offer(e, sa, task, true, b, failure))
			return false;
	}
	ike_mobike_offer(e, sa, b);
	ike_build_notify(b, IKE_NOTIFY_MULTIPLE_AUTH_SUPPORTED, (struct bytes){ 0 });
	return true;
}

/* The responder need not prove itself but by EAP. */
static bool may_be_eap_only(const struct ike_auth *a)
{
	const struct ike_auth_round *theirs = ike_auth_theirs(a);

	return theirs && theirs->class == IKE_AUTH_CLASS_EAP;
}

/* Our next round, or nothing when there is none. */
static bool build_round(struct ike_auth *a, struct ike_builder *b, struct ike_failure *failure)
{
	const struct ike_identity *peer = ike_auth_rounds_id(&a->connection->remote);
	const struct ike_auth_round *ours = ike_auth_ours(a);

	if (ours)
		ike_build_id(b, IKE_PAYLOAD_ID_INITIATOR, a->id);
	if (!a->begun && ike_initial_contact_holds(a->e, a->sa))
		ike_build_notify(b, IKE_NOTIFY_INITIAL_CONTACT, (struct bytes){ 0 });
	if (ours)
		ike_auth_build_certs(a, b);
	if (!a->begun)
		ike_certreqs_build(a->e, a->sa, b);
	if (!a->begun && peer && !ike_identity_is_wildcard(peer))
		ike_build_id(b, IKE_PAYLOAD_ID_RESPONDER, peer);
	if (ours && ours->class == IKE_AUTH_CLASS_EAP) {
		if (may_be_eap_only(a))
			ike_build_notify(
				b, IKE_NOTIFY_EAP_ONLY_AUTHENTICATION, (struct bytes){ 0 });
	} else if (ours) {
		ike_auth_build(a, b);
		ike_ppk_build(a, b);
		ike_auth_build_follows(a, b);
	}
	return a->begun || build_child(a->e, a->sa, b, failure);
}

static enum ike_progress prove(struct ike_auth *a, struct ike_failure *failure)
{
	if (a->exchange == IKE_AUTH_EAP || !ike_auth_ours(a))
		return IKE_PROGRESS_DONE;
	if (a->exchange == IKE_AUTH_EAP_AUTH)
		return ike_ppk_prove(a, failure);
	if (!ike_auth_have_id(a, failure))
		return IKE_PROGRESS_FAILED;
	return ike_auth_ours(a)->class == IKE_AUTH_CLASS_EAP ? IKE_PROGRESS_DONE
							     : ike_ppk_prove(a, failure);
}

static bool build(struct ike_auth *a, struct ike_builder *b, struct ike_failure *failure)
{
	if (a->exchange == IKE_AUTH_EAP) {
		ike_auth_build_eap(a, b);
		return true;
	}
	if (a->exchange == IKE_AUTH_ROUND)
		return build_round(a, b, failure);
	ike_auth_build(a, b);
	ike_ppk_build(a, b);
	ike_auth_build_follows(a, b);
	return true;
}

enum ike_progress ike_auth_ask(struct ike_engine *e, struct ike_sa *sa, struct ike_failure *failure)
{
	struct ike_auth *a = sa->negotiation->auth;
	struct ike_builder b;
	enum ike_progress progress = prove(a, failure);

	if (progress == IKE_PROGRESS_DONE && !a->begun && ike_crossing_yields(e, sa)) {
		a->waits_for = "the peer's own attempt";
		progress = IKE_PROGRESS_WAIT;
	}
	if (progress != IKE_PROGRESS_DONE)
		return progress;
	ike_builder_start(e, &b);
	if (!build(a, &b, failure))
		return IKE_PROGRESS_FAILED;
	ike_request_answered(e, sa);
	if (!ike_request_send(e, sa, IKE_EXCHANGE_AUTH, &b))
		return IKE_PROGRESS_FAILED;
	a->begun = true;
	a->step = STEP_READ;
	return IKE_PROGRESS_DONE;
}

static bool check_rounds(const struct ike_sa *sa, struct ike_failure *failure)
{
	const struct ike_connection *c = sa->connection;

	if (sa->negotiation->peer_multiple || (c->local.count < 2 && c->remote.count < 2))
		return true;
	ike_failure_set(failure, IKE_REASON_UNSUPPORTED, NULL, NULL,
		"connection '%s' has several authentication rounds, the peer does not support "
		"that (RFC 4739)",
		c->name);
	return false;
}

bool ike_auth_start(struct ike_engine *e, struct ike_sa *sa, struct ike_failure *failure)
{
	struct ike_negotiation *n = sa->negotiation;

	take_child(sa);
	if (!sa->active->child && !sa->peer_childless) {
		ike_failure_set(failure, IKE_REASON_UNSUPPORTED, NULL, NULL,
			"peer does not support childless IKE_SAs");
		return false;
	}
	if (!check_rounds(sa, failure))
		return false;
	n->auth = ike_auth_new(e, sa);
	if (!n->auth) {
		ike_failure_set(failure, IKE_REASON_RESOURCES, NULL, NULL, "out of memory");
		return false;
	}
	enum ike_progress progress = ike_auth_ask(e, sa, failure);
	if (progress == IKE_PROGRESS_WAIT)
		ike_wait_begin(e, sa);
	return progress != IKE_PROGRESS_FAILED;
}

void ike_auth_start_resume(struct ike_engine *e, struct ike_sa *sa)
{
	struct ike_failure failure = { 0 };

	switch (ike_auth_ask(e, sa, &failure)) {
	case IKE_PROGRESS_WAIT:
		ike_wait_begin(e, sa);
		break;
	case IKE_PROGRESS_FAILED:
		ike_task_abandon(e, sa, sa->active, &failure);
		break;
	case IKE_PROGRESS_DONE:
		break;
	}
	ike_failure_free(&failure);
}

bool ike_auth_has_begun(const struct ike_sa *sa)
{
	return sa->negotiation && sa->negotiation->auth && sa->negotiation->auth->begun;
}

/* ---- Answers ---- */

/* The responder believes that the SA is up, or will be: tell it that it is not. */
static enum ike_outcome reject(struct ike_received *x)
{
	struct ike_builder b;

	ike_request_answered(x->e, x->sa);
	ike_builder_start(x->e, &b);
	ike_build_notify(&b, IKE_NOTIFY_AUTHENTICATION_FAILED, (struct bytes){ 0 });
	ike_request_send_once(x->e, x->sa, IKE_EXCHANGE_INFORMATIONAL, &b);
	return IKE_OUTCOME_END;
}

static bool fail(struct ike_received *x, const char *text)
{
	ike_failure_set(x->failure, IKE_REASON_PROTOCOL, NULL, NULL, "%s", text);
	return false;
}

static bool read_identity(struct ike_received *x, struct ike_auth *a)
{
	const struct ike_identity *wanted = ike_auth_theirs(a)->id;
	char is[IKE_IDENTITY_TEXT_MAX], should[IKE_IDENTITY_TEXT_MAX];

	ike_identity_free(a->peer_id);
	a->peer_id = ike_identity_from_wire(
		x->message->id_responder.type, x->message->id_responder.octets);
	if (!a->peer_id)
		return fail(x, "IDr is malformed");
	if (!x->sa->remote_id) /* the SA goes by the first round's */
		x->sa->remote_id = ike_identity_hold(a->peer_id);
	if (!wanted || ike_identity_match(a->peer_id, wanted) != IKE_MATCH_NONE)
		return true;
	ike_failure_set(x->failure, IKE_REASON_WRONG_IDENTITY, ike_identity_format(wanted, should),
		ike_identity_format(a->peer_id, is), "peer identifies itself as somebody else");
	ike_failure_set_differs(x->failure, "remote.id");
	return false;
}

static bool opens_eap(const struct ike_auth *a)
{
	const struct ike_auth_round *ours = ike_auth_ours(a);

	return ours && ours->class == IKE_AUTH_CLASS_EAP;
}

/* What a password becomes is not for a peer that proves nothing. */
static bool may_prove_both(uint8_t method)
{
	return method != IKE_EAP_METHOD_MD5 && method != IKE_EAP_METHOD_MSCHAPV2;
}

/* Of a ROUND: which of the peer's proofs it has. */
static bool read_round(struct ike_received *x, struct ike_auth *a)
{
	const struct ike_message *m = x->message;
	bool redirects = ike_message_notify(m, IKE_NOTIFY_REDIRECT) != NULL; /* before EAP begins */

	a->step = opens_eap(a) ? STEP_EAP : STEP_GO_ON;
	if (IKE_HAS(m, EAP) != opens_eap(a) && !(redirects && IKE_HAS(m, AUTH)))
		return fail(x, opens_eap(a) ? "IKE_AUTH answer lacks EAP"
					    : "IKE_AUTH answer has EAP that was not asked for");
	if (!ike_auth_theirs(a))
		return !IKE_HAS(m, AUTH) || fail(x, "AUTH of a peer that has proved all");
	if (!IKE_HAS(m, ID_RESPONDER))
		return fail(x, "IKE_AUTH answer lacks IDr");
	if (!IKE_HAS(m, AUTH)) {
		a->eap_only = opens_eap(a) && may_be_eap_only(a);
		if (a->eap_only && !may_prove_both(ike_auth_ours(a)->eap_method))
			return fail(x, "IKE_AUTH answer lacks AUTH, and our EAP method proves only "
				       "one side (RFC 5998)");
		return a->eap_only ? read_identity(x, a) : fail(x, "IKE_AUTH answer lacks AUTH");
	}
	a->step = STEP_VERIFY;
	return read_identity(x, a) && ike_auth_read_certs(x);
}

static bool read_answer(struct ike_received *x, struct ike_auth *a)
{
	if (!ike_auth_count(x))
		return false;
	if (a->exchange == IKE_AUTH_ROUND)
		return read_round(x, a);
	a->step = a->exchange == IKE_AUTH_EAP ? STEP_EAP : STEP_VERIFY;
	return true;
}

static enum ike_progress verify(struct ike_received *x, struct ike_auth *a)
{
	bool after_eap = a->exchange == IKE_AUTH_EAP_AUTH;
	enum ike_progress progress = ike_ppk_verify(x);

	if (progress != IKE_PROGRESS_DONE)
		return progress;
	a->step = !after_eap && opens_eap(a) ? STEP_EAP : STEP_GO_ON;
	return (after_eap && !a->eap_only) || ike_auth_proved(x) ? IKE_PROGRESS_DONE
								 : IKE_PROGRESS_FAILED;
}

static bool is_about_child(uint16_t type)
{
	switch (type) {
	case IKE_NOTIFY_NO_PROPOSAL_CHOSEN:
	case IKE_NOTIFY_SINGLE_PAIR_REQUIRED:
	case IKE_NOTIFY_NO_ADDITIONAL_SAS:
	case IKE_NOTIFY_INTERNAL_ADDRESS_FAILURE:
	case IKE_NOTIFY_FAILED_CP_REQUIRED:
	case IKE_NOTIFY_TS_UNACCEPTABLE:
	case IKE_NOTIFY_INVALID_SELECTORS:
		return true;
	default:
		return false;
	}
}

/* Nothing but notifies, of which one is an error: the end, unless all that the peer has to say in
 * the last answer is that there is no child. */
static bool is_refusal(const struct ike_received *x)
{
	const struct ike_auth *a = x->sa->negotiation->auth;
	const struct ike_notify *n = ike_message_error(x->message);
	uint64_t vendor = IKE_PAYLOAD_BIT(IKE_PAYLOAD_VENDOR_ID);

	if ((x->message->present & ~vendor) != IKE_PAYLOAD_BIT(IKE_PAYLOAD_NOTIFY))
		return false;
	return ike_auth_theirs(a) || (n && !is_about_child(n->type));
}

/* The peer does not say what it was: what of ours may be wrong depends on what we proved it with.
 */
static void fail_refused(struct ike_received *x)
{
	const struct ike_auth *a = x->sa->negotiation->auth;
	const struct ike_auth_round *ours = ike_auth_ours(a);
	uint8_t class = ours ? ours->class : IKE_AUTH_CLASS_PSK;
	const char *what = class == IKE_AUTH_CLASS_EAP ? "it does not accept our user or password"
			   : class == IKE_AUTH_CLASS_PUBKEY ? "it does not accept our certificate"
							    : "the pre-shared keys differ";
	char id[IKE_IDENTITY_TEXT_MAX];

	ike_failure_set(x->failure, IKE_REASON_AUTH_FAILED, NULL, NULL,
		"peer refused us as '%s' (AUTHENTICATION_FAILED): %s, or it has no connection for "
		"our identities",
		ike_identity_format(x->sa->local_id, id), what);
	if (class == IKE_AUTH_CLASS_EAP || class == IKE_AUTH_CLASS_PUBKEY)
		ike_failure_set_differs(
			x->failure, class == IKE_AUTH_CLASS_EAP ? "EAP" : "certificate");
}

static enum ike_outcome refused(struct ike_received *x)
{
	const struct ike_notify *n = ike_message_error(x->message);
	char text[IKE_NUMBER_TEXT_MAX];

	if (!n && ike_message_notify(x->message, IKE_NOTIFY_REDIRECT))
		return ike_redirect_unproved(x);
	if (!n)
		return IKE_OUTCOME_IGNORE;
	if (n->type == IKE_NOTIFY_TEMPORARY_FAILURE && ike_crossing_begin_again(x))
		return IKE_OUTCOME_END;
	if (n->type == IKE_NOTIFY_AUTHENTICATION_FAILED)
		fail_refused(x);
	else
		ike_failure_set(x->failure, ike_notify_reason(n->type), NULL, NULL,
			"peer refused IKE_AUTH with %s", ike_notify_format(n->type, text));
	x->failure->notify = n->type;
	return IKE_OUTCOME_END;
}

/* The peer has proved itself, and has not what we need of it: that is no SA of ours. */
static enum ike_outcome give_up(struct ike_received *x)
{
	ike_request_answered(x->e, x->sa);
	ike_delete_once(x->e, x->sa);
	return IKE_OUTCOME_END;
}

/* The IKE SA is up; now its first child. */
static void finish_child(struct ike_received *x, struct ike_task *task)
{
	struct ike_sa *sa = x->sa;
	struct ike_negotiation *n = sa->negotiation;
	struct ike_failure failure = { 0 };
	bool inform = false;
	char text[1800];

	bool done = ike_child_accept(x, task, true, bytes_of(n->nonce, n->nonce_length),
		n->peer_nonce, &failure, &inform);
	if (!done) {
		task->reason = (uint8_t)failure.reason;
		ike_log_child_failure(
			x->e, sa, sa->connection, task->child->config->name, &failure);
		if (!x->e->settings.close_ike_on_child_failure)
			ike_log(x->e, sa, IKE_LOG_IKE, IKE_LOG_INFO,
				"failed to establish CHILD_SA, keeping IKE_SA");
		if (inform)
			ike_delete_child_at_peer(sa, task->child);
		ike_delete_ike_as_childless(x->e, sa);
	}
	ike_task_finish(
		x->e, task, done, done ? NULL : ike_failure_format(&failure, text, sizeof(text)));
	ike_failure_free(&failure);
}

static enum ike_outcome finish(struct ike_received *x)
{
	struct ike_sa *sa = x->sa;
	struct ike_task *task = sa->active;

	if (!ike_configuration_accept(x))
		return give_up(x);
	ike_mobike_read(x->e, sa, x->message);
	sa->active = NULL;
	ike_sa_established(x->e, sa);
	ike_target_worked(x->e, sa);
	ike_redirect_arrived(sa);
	ike_command_finish(x->e, task->ike_ticket, true, NULL);
	task->ike_ticket = 0;
	if (task->child)
		finish_child(x, task);
	else
		ike_task_finish(x->e, task, true, NULL);
	ike_sa_end_negotiation(sa);
	return IKE_OUTCOME_OK;
}

/* What our last request proved has been accepted; a new ROUND begins. */
static void go_on(struct ike_auth *a)
{
	if (ike_auth_ours(a))
		ike_auth_prove_next(a);
	ike_eap_free(a->eap);
	a->eap = NULL;
	a->eap_only = false;
	a->exchange = IKE_AUTH_ROUND;
	a->step = STEP_ASK;
}

/* An EAP-Failure is the peer's own last word. */
static bool has_ended(const struct ike_received *x)
{
	struct reader r = reader_of(x->message->eap);

	return IKE_HAS(x->message, EAP) && reader_u8(&r) == EAP_FAILURE;
}

enum ike_outcome ike_auth_answer_go_on(struct ike_received *x)
{
	struct ike_auth *a = x->sa->negotiation->auth;
	enum ike_progress progress;
	const struct ike_notify *redirect = ike_message_notify(x->message, IKE_NOTIFY_REDIRECT);

	for (;;) {
		if (redirect && a->step > STEP_VERIFY && !ike_auth_theirs(a))
			return ike_redirect_in_auth(x, redirect);
		switch (a->step) {
		case STEP_READ:
			progress = read_answer(x, a) ? IKE_PROGRESS_DONE : IKE_PROGRESS_FAILED;
			break;
		case STEP_VERIFY:
			progress = verify(x, a);
			break;
		case STEP_EAP:
			progress = ike_auth_eap_packet(a, x->message->eap, x->failure);
			if (progress == IKE_PROGRESS_DONE)
				a->step = STEP_ASK;
			break;
		case STEP_GO_ON:
			go_on(a);
			if (ike_auth_is_over(a))
				return finish(x);
			continue;
		default:
			progress = ike_auth_ask(x->e, x->sa, x->failure);
			if (progress == IKE_PROGRESS_DONE)
				return IKE_OUTCOME_IGNORE; /* the task goes on */
		}
		if (progress == IKE_PROGRESS_WAIT)
			return IKE_OUTCOME_WAIT;
		if (progress == IKE_PROGRESS_FAILED)
			return has_ended(x) ? IKE_OUTCOME_END : reject(x);
	}
}

enum ike_outcome ike_auth_answered(struct ike_received *x)
{
	return is_refusal(x) ? refused(x) : ike_auth_answer_go_on(x);
}
