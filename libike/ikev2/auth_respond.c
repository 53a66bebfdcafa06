/*
 * IKE_AUTH as responder (RFC 7296 1.2, 2.15). The figure is in auth_initiate.c. Nothing of the
 * requests is acted on before all that the definition demands has been proved.
 */
#include "libike/ikev2/auth.h"

/* What is done about a request, one after the other. */
enum step {
	STEP_READ,
	STEP_VERIFY,   /* the peer's AUTH */
	STEP_PROVE,    /* ours */
	STEP_OPEN_EAP, /* the first packet of a conversation */
	STEP_EAP,      /* the peer's packet */
	STEP_ANSWER,
};

static enum ike_outcome refuse(struct ike_received *x, uint16_t notify)
{
	ike_builder_begin(x->reply, x->e->reply, sizeof(x->e->reply));
	ike_build_notify(x->reply, notify, (struct bytes){ 0 });
	return IKE_OUTCOME_END;
}

static bool fail(struct ike_received *x, const char *text)
{
	ike_failure_set(x->failure, IKE_REASON_PROTOCOL, NULL, NULL, "%s", text);
	return false;
}

/* ---- Who it is, and which definition is for it ---- */

/* Whose identity differs from the nearest definition's: the peer's, or the one that it asks for. */
static void fail_identity(struct ike_received *x, const struct ike_connection *nearest,
	const struct ike_identity *wanted, const char *ruled_out)
{
	const struct ike_identity *expected = ike_auth_rounds_id(&nearest->remote);
	const struct ike_identity *ours = ike_auth_rounds_id(&nearest->local);
	bool remote = expected && ike_identity_match(x->sa->remote_id, expected) == IKE_MATCH_NONE;
	char is[IKE_IDENTITY_TEXT_MAX], should[IKE_IDENTITY_TEXT_MAX] = "%any";
	char peer[IKE_IDENTITY_TEXT_MAX], asked[IKE_IDENTITY_TEXT_MAX] = "%any";

	if (wanted)
		ike_identity_format(wanted, asked);
	ike_identity_format(x->sa->remote_id, peer);
	if (remote) {
		ike_identity_format(expected, should);
		ike_identity_format(x->sa->remote_id, is);
	} else if (ours && wanted) {
		ike_identity_format(ours, should);
		ike_identity_format(wanted, is);
	}
	ike_failure_set(x->failure, IKE_REASON_WRONG_IDENTITY, should, is,
		"no matching connection for peer '%s' asking for '%s': %s", peer, asked, ruled_out);
	ike_failure_set_differs(x->failure, remote ? "remote.id" : "local.id");
}

static bool choose_connection(struct ike_received *x, const struct ike_identity *wanted)
{
	struct ike_sa *sa = x->sa;
	char ruled_out[1200], peer[IKE_IDENTITY_TEXT_MAX], ours[IKE_IDENTITY_TEXT_MAX] = "%any";
	struct ike_connection *nearest;
	const struct ike_auth *a = sa->negotiation->auth;
	const struct ike_wanted_peer peer_wanted = { sa->remote_id, wanted,
		ike_auth_class_of(x->message), a ? a->unacceptable : NULL,
		a ? a->unacceptable_count : 0 };
	struct ike_connection *c = ike_choose_by_identity(
		x->e, sa, &peer_wanted, ruled_out, sizeof(ruled_out), &nearest);

	if (wanted)
		ike_identity_format(wanted, ours);
	if (!c && nearest) {
		ike_sa_set_connection(sa, nearest);
		fail_identity(x, nearest, wanted, ruled_out);
		return false;
	}
	if (!c) {
		ike_failure_set(x->failure, IKE_REASON_NO_CONNECTION, NULL, NULL,
			"no matching connection for peer '%s' asking for '%s': %s",
			ike_identity_format(sa->remote_id, peer), ours,
			ruled_out[0] ? ruled_out : "none is loaded");
		return false;
	}
	ike_log(x->e, sa, IKE_LOG_CFG, IKE_LOG_INFO, "selected peer config '%s'", c->name);
	ike_sa_set_connection(sa, c);
	return true;
}

/* The identity that the peer asks for; NULL: none, or (with *ret_bad) one that is malformed. */
static struct ike_identity *wanted_id(const struct ike_message *m, bool *ret_bad)
{
	struct ike_identity *id = NULL;

	if (IKE_HAS(m, ID_RESPONDER))
		id = ike_identity_from_wire(m->id_responder.type, m->id_responder.octets);
	*ret_bad = IKE_HAS(m, ID_RESPONDER) && !id;
	return id;
}

static bool begin_auth(struct ike_received *x, struct ike_identity *wanted)
{
	struct ike_negotiation *n = x->sa->negotiation;

	n->auth = ike_auth_new(x->e, x->sa);
	if (n->auth && ike_certreqs_keep(n, x->message) && ike_auth_choose_id(n->auth, wanted)) {
		n->auth->peer_eap_only =
			ike_message_notify(x->message, IKE_NOTIFY_EAP_ONLY_AUTHENTICATION) != NULL;
		return true;
	}
	ike_failure_set(x->failure, IKE_REASON_RESOURCES, NULL, NULL, "out of memory");
	return false;
}

/* The first request: who it is, whom it wants, and which definition is for it. */
static bool begin(struct ike_received *x)
{
	const struct ike_message *m = x->message;
	struct ike_negotiation *n = x->sa->negotiation;
	bool bad;
	struct ike_identity *wanted = wanted_id(m, &bad);

	x->sa->remote_id = ike_identity_from_wire(m->id_initiator.type, m->id_initiator.octets);
	if (bad || !x->sa->remote_id)
		(void)fail(x, "the peer's identities are malformed");
	n->initial_contact = ike_message_notify(m, IKE_NOTIFY_INITIAL_CONTACT) != NULL;
	n->peer_multiple = ike_message_notify(m, IKE_NOTIFY_MULTIPLE_AUTH_SUPPORTED) != NULL;
	bool begun =
		!bad && x->sa->remote_id && choose_connection(x, wanted) && begin_auth(x, wanted);
	ike_identity_free(wanted);
	return begun;
}

/* Whether that could have been another definition's: nothing of this one has been said yet. */
static bool may_switch(const struct ike_received *x, const struct ike_auth *a)
{
	if (a->local_rounds > 0 || a->remote_rounds > 0 || a->exchanges > 1 ||
		a->unacceptable_count == IKE_AUTH_CONNECTIONS_MAX)
		return false;
	switch (x->failure->reason) {
	case IKE_REASON_NO_CERTIFICATE:
	case IKE_REASON_UNTRUSTED:
	case IKE_REASON_POLICY:
		return true;
	default:
		return false;
	}
}

/* The peer's proof is good, but not for this definition (its CAs, its algorithms): another one
 * whose identities fit. The first failure stays when there is none. */
static bool switch_connection(struct ike_received *x, struct ike_auth *a)
{
	struct ike_failure failure = { 0 }, *first = x->failure;
	bool bad;

	if (!may_switch(x, a))
		return false;
	struct ike_connection *old = a->connection;
	struct ike_identity *wanted = wanted_id(x->message, &bad);
	a->unacceptable[a->unacceptable_count++] = ike_connection_hold(old);
	x->failure = &failure;
	bool found = choose_connection(x, wanted);
	x->failure = first;
	if (found) {
		ike_log(x->e, x->sa, IKE_LOG_CFG, IKE_LOG_INFO,
			"peer config '%s' is unacceptable (%s), switching to '%s'", old->name,
			first->text ? first->text : "", x->sa->connection->name);
		ike_connection_free(old);
		a->connection = ike_connection_hold(x->sa->connection);
		ike_identity_free(x->sa->local_id);
		x->sa->local_id = NULL;
		ike_ppk_unsettle(x->sa);
		found = ike_auth_choose_id(a, wanted);
		ike_failure_free(first);
	} else {
		ike_sa_set_connection(x->sa, old);
	}
	ike_failure_free(&failure);
	ike_identity_free(wanted);
	return found;
}

static bool check_id(struct ike_received *x, const struct ike_auth *a)
{
	const struct ike_identity *wanted = ike_auth_theirs(a)->id;
	char is[IKE_IDENTITY_TEXT_MAX], should[IKE_IDENTITY_TEXT_MAX];

	if (!wanted || ike_identity_match(a->peer_id, wanted) != IKE_MATCH_NONE)
		return true;
	ike_failure_set(x->failure, IKE_REASON_WRONG_IDENTITY, ike_identity_format(wanted, should),
		ike_identity_format(a->peer_id, is),
		"peer identifies itself as somebody else in authentication round %u",
		a->remote_rounds + 1u);
	ike_failure_set_differs(x->failure, "remote.id");
	return false;
}

/* The peer's next round, or nothing when it has proved all. */
static bool read_round(struct ike_received *x, struct ike_auth *a)
{
	const struct ike_message *m = x->message;

	a->step = STEP_PROVE;
	a->eap_only = false;
	if (!ike_auth_theirs(a))
		return true;
	ike_identity_free(a->peer_id);
	a->peer_id = ike_identity_from_wire(m->id_initiator.type, m->id_initiator.octets);
	if (!a->peer_id)
		return fail(x, "IDi is malformed");
	a->opens_eap = !IKE_HAS(m, AUTH);
	if (IKE_HAS(m, AUTH))
		a->step = STEP_VERIFY;
	return check_id(x, a) && ike_auth_read_certs(x) &&
	       (IKE_HAS(m, AUTH) || ike_auth_check_class(x));
}

static bool read_request(struct ike_received *x, struct ike_auth *a)
{
	a->next_exchange = IKE_AUTH_ROUND;
	a->opens_eap = false;
	if (!ike_auth_count(x))
		return false;
	if (a->exchange == IKE_AUTH_ROUND)
		return read_round(x, a);
	a->step = a->exchange == IKE_AUTH_EAP ? STEP_EAP : STEP_VERIFY;
	return true;
}

/* ---- The last answer ---- */

/* Childless by the peer's choice: may it, must it (RFC 6023)? */
static bool check_childless(struct ike_received *x, bool *ret_wants_child, uint16_t *ret_notify)
{
	const struct ike_message *m = x->message;
	uint64_t all = IKE_PAYLOAD_BIT(IKE_PAYLOAD_SA) | IKE_PAYLOAD_BIT(IKE_PAYLOAD_TS_INITIATOR) |
		       IKE_PAYLOAD_BIT(IKE_PAYLOAD_TS_RESPONDER);
	uint8_t policy = x->sa->connection->childless;

	*ret_wants_child = (m->present & all) == all;
	*ret_notify = IKE_NOTIFY_INVALID_SYNTAX;
	if (!*ret_wants_child && (m->present & all) != 0)
		return fail(x, "IKE_AUTH request has only some of SA, TSi and TSr");
	if (!*ret_wants_child && policy == IKE_CHILDLESS_NEVER) {
		ike_failure_set(x->failure, IKE_REASON_UNSUPPORTED, NULL, NULL,
			"peer wants a childless IKE_SA, connection '%s' says childless = never",
			x->sa->connection->name);
		return false;
	}
	if (*ret_wants_child && policy == IKE_CHILDLESS_FORCE) {
		ike_failure_set(x->failure, IKE_REASON_UNSUPPORTED, NULL, NULL,
			"peer wants a CHILD_SA in IKE_AUTH, connection '%s' says childless = force",
			x->sa->connection->name);
		*ret_notify = IKE_NOTIFY_NO_ADDITIONAL_SAS;
		return false;
	}
	return true;
}

static bool check_unique(struct ike_received *x)
{
	char peer[IKE_IDENTITY_TEXT_MAX];

	if (!ike_unique_refuses(x->e, x->sa, x->sa->negotiation->initial_contact))
		return true;
	ike_failure_set(x->failure, IKE_REASON_NOT_UNIQUE, NULL, NULL,
		"peer '%s' has an IKE_SA already, connection '%s' says unique = keep",
		ike_identity_format(x->sa->remote_id, peer), x->sa->connection->name);
	return false;
}

static bool is_eap(const struct ike_auth_round *round)
{
	return round && round->class == IKE_AUTH_CLASS_EAP;
}

/* Whether the present exchange proves a round of ours. By EAP it is the same that proves the
 * peer's. */
static bool carries_ours(const struct ike_auth *a)
{
	const struct ike_auth_round *ours = ike_auth_ours(a);

	if (!ours || !a->method)
		return false;
	return is_eap(ours) ? a->eap_only && a->exchange == IKE_AUTH_EAP_AUTH
			    : a->exchange == IKE_AUTH_ROUND;
}

static void build_round(struct ike_received *x, struct ike_auth *a)
{
	bool ours = carries_ours(a);

	if (a->exchange == IKE_AUTH_ROUND && ike_auth_ours(a)) {
		ike_build_id(x->reply, IKE_PAYLOAD_ID_RESPONDER, a->id);
		ike_auth_build_certs(a, x->reply);
	}
	if (ours || a->exchange == IKE_AUTH_EAP_AUTH)
		ike_auth_build(a, x->reply);
	if (a->method)
		ike_ppk_build(a, x->reply);
	if (ours) {
		ike_auth_build_follows(a, x->reply);
		ike_auth_prove_next(a);
	}
	a->method = 0;
	ike_auth_build_eap(a, x->reply);
}

/* The IKE SA comes up. x->message is the first request. */
static enum ike_outcome finish(struct ike_received *x, struct ike_auth *a)
{
	struct ike_sa *sa = x->sa;
	struct ike_negotiation *n = sa->negotiation;
	bool wants_child;
	uint16_t notify;

	if (!check_childless(x, &wants_child, &notify))
		return refuse(x, notify);
	if (ike_crossing_refuses(x->e, sa)) {
		ike_failure_set(x->failure, IKE_REASON_REPLACED, NULL, NULL,
			"the peer is to take our own IKE_SA");
		return refuse(x, IKE_NOTIFY_TEMPORARY_FAILURE);
	}
	if (!check_unique(x))
		return refuse(x, IKE_NOTIFY_AUTHENTICATION_FAILED);
	/* What an older IKE SA of the peer's has is free before anybody is asked for more; once. */
	if (!a->contact_applied)
		ike_initial_contact_apply(x->e, sa, n->initial_contact);
	a->contact_applied = true;
	if (ike_configuration_waits(x)) {
		a->waits_for = "an address from a DHCP server";
		return IKE_OUTCOME_WAIT;
	}
	build_round(x, a);
	ike_mobike_read(x->e, sa, x->message);
	ike_half_open_drop_twins(x->e, sa);
	notify = ike_configuration_answer(x);
	ike_sa_established(x->e, sa);
	if (notify)
		ike_build_notify(x->reply, notify, (struct bytes){ 0 });
	else if (wants_child && !ike_child_answer(x, true, NULL, n->peer_nonce,
					bytes_of(n->nonce, n->nonce_length)))
		ike_delete_ike_as_childless(x->e, sa);
	ike_mobike_offer(x->e, sa, x->reply);
	ike_crossing_settle(x->e, sa);
	return IKE_OUTCOME_OK;
}

static bool is_last(const struct ike_auth *a)
{
	size_t proved = a->local_rounds + (carries_ours(a) ? 1u : 0);

	return !ike_auth_theirs(a) && proved >= a->connection->local.count;
}

static enum ike_outcome answer(struct ike_received *x, struct ike_auth *a)
{
	const struct ike_message *present = x->message;
	struct ike_message first;

	if (!is_last(a)) {
		build_round(x, a);
		a->exchange = a->next_exchange;
		a->step = STEP_READ;
		if (a->first.chain.at || ike_message_keep(&a->first, present))
			return IKE_OUTCOME_OK;
		ike_failure_set(x->failure, IKE_REASON_RESOURCES, NULL, NULL, "out of memory");
		return refuse(x, IKE_NOTIFY_TEMPORARY_FAILURE);
	}
	if (a->first.chain.at) {
		if (!ike_message_recall(&a->first, &first)) /* it could be parsed before */
			return refuse(x, IKE_NOTIFY_TEMPORARY_FAILURE);
		x->message = &first;
	}
	enum ike_outcome outcome = finish(x, a);
	x->message = present;
	if (outcome == IKE_OUTCOME_OK)
		ike_sa_end_negotiation(x->sa);
	return outcome;
}

/* The peer proves itself by EAP: we do so first, unless EAP does it for both (RFC 5998). */
static bool check_eap_only(struct ike_received *x, struct ike_auth *a)
{
	a->eap_only = a->opens_eap && a->peer_eap_only;
	if (a->eap_only)
		return true;
	ike_failure_set(x->failure, IKE_REASON_POLICY, NULL, NULL,
		"'%s' has us authenticate by EAP alone, which the peer does not offer (RFC 5998)",
		a->connection->name);
	return false;
}

static bool check_multiple(struct ike_received *x, const struct ike_auth *a)
{
	if (a->connection->local.count < 2 || x->sa->negotiation->peer_multiple)
		return true;
	ike_failure_set(x->failure, IKE_REASON_UNSUPPORTED, NULL, NULL,
		"connection '%s' has several authentication rounds, the peer does not support "
		"that (RFC 4739)",
		a->connection->name);
	return false;
}

static enum ike_progress prove(struct ike_received *x, struct ike_auth *a)
{
	const struct ike_auth_round *ours = ike_auth_ours(a);

	if (a->exchange == IKE_AUTH_EAP_AUTH)
		return ike_ppk_prove(a, x->failure);
	if (!ours)
		return IKE_PROGRESS_DONE;
	if (!check_multiple(x, a) || !ike_auth_have_id(a, x->failure))
		return IKE_PROGRESS_FAILED;
	if (is_eap(ours))
		return check_eap_only(x, a) ? IKE_PROGRESS_DONE : IKE_PROGRESS_FAILED;
	return ike_ppk_prove(a, x->failure);
}

static enum ike_progress verify(struct ike_received *x, struct ike_auth *a)
{
	enum ike_progress progress = ike_ppk_verify(x);

	if (progress == IKE_PROGRESS_FAILED && switch_connection(x, a)) {
		ike_certificate_free(a->candidate);
		a->candidate = NULL;
		return IKE_PROGRESS_DONE; /* once more, for the other definition */
	}
	if (progress != IKE_PROGRESS_DONE)
		return progress;
	a->step = STEP_PROVE;
	return ike_auth_proved(x) ? IKE_PROGRESS_DONE : IKE_PROGRESS_FAILED;
}

/* The peer of a conversation that has failed is told so in EAP's own words. */
static enum ike_outcome refuse_eap(struct ike_received *x, struct ike_auth *a)
{
	ike_builder_begin(x->reply, x->e->reply, sizeof(x->e->reply));
	ike_auth_build_eap(a, x->reply);
	return IKE_OUTCOME_END;
}

/* After our proof: an EAP conversation is to be opened, or not. */
static uint8_t after_proof(const struct ike_auth *a)
{
	return a->opens_eap ? STEP_OPEN_EAP : STEP_ANSWER;
}

static enum ike_progress move_eap(struct ike_received *x, struct ike_auth *a)
{
	uint8_t present = a->exchange;
	enum ike_progress progress = a->step == STEP_OPEN_EAP
					     ? ike_auth_eap_begin(a, x->failure)
					     : ike_auth_eap_packet(a, x->message->eap, x->failure);

	if (progress == IKE_PROGRESS_DONE) {
		a->next_exchange = a->exchange;
		a->step = STEP_ANSWER;
	}
	a->exchange = present; /* until it is answered */
	return progress;
}

enum ike_outcome ike_auth_request_go_on(struct ike_received *x)
{
	struct ike_auth *a = x->sa->negotiation->auth;
	enum ike_progress progress;

	for (;;) {
		switch (a->step) {
		case STEP_READ:
			progress = read_request(x, a) ? IKE_PROGRESS_DONE : IKE_PROGRESS_FAILED;
			break;
		case STEP_VERIFY:
			progress = verify(x, a);
			break;
		case STEP_PROVE:
			progress = prove(x, a);
			if (progress == IKE_PROGRESS_DONE)
				a->step = after_proof(a);
			break;
		case STEP_OPEN_EAP:
		case STEP_EAP:
			progress = move_eap(x, a);
			if (progress == IKE_PROGRESS_FAILED && a->eap_out.length > 0)
				return refuse_eap(x, a);
			break;
		default:
			return answer(x, a);
		}
		if (progress == IKE_PROGRESS_WAIT)
			return IKE_OUTCOME_WAIT;
		if (progress == IKE_PROGRESS_FAILED)
			return refuse(x, IKE_NOTIFY_AUTHENTICATION_FAILED);
	}
}

enum ike_outcome ike_auth_requested(struct ike_received *x)
{
	struct ike_sa *sa = x->sa;

	/* The NAT may have moved the peer to port 4500; from here on this is where it is, and where
	 * a refusal goes. */
	sa->local = x->datagram->local;
	sa->remote = x->datagram->remote;
	if (!sa->negotiation->auth && !begin(x))
		return refuse(x, IKE_NOTIFY_AUTHENTICATION_FAILED);
	return ike_auth_request_go_on(x);
}
