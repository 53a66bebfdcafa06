/*
 * IKE_AUTH as responder, with a pre-shared key (RFC 7296 1.2, 2.15). The figure is in
 * auth_initiate.c. Nothing of the request is acted on before its AUTH has verified.
 */
#include "libike/ikev2/ikev2.h"

static enum ike_outcome refuse(struct ike_received *x, uint16_t notify)
{
	ike_build_notify(x->reply, notify, (struct bytes){ 0 });
	return IKE_OUTCOME_END;
}

/* Who we are: as configured, else as the peer calls us, else our address. */
static bool choose_local_id(struct ike_sa *sa, struct ike_identity *wanted)
{
	struct ike_identity *configured = ike_auth_rounds_id(&sa->connection->local);

	if (configured && !ike_identity_is_wildcard(configured))
		sa->local_id = ike_identity_hold(configured);
	else if (wanted)
		sa->local_id = ike_identity_hold(wanted);
	else
		sa->local_id = ike_identity_of_address(&sa->local);
	return sa->local_id != NULL;
}

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
	struct ike_connection *c = ike_choose_by_identity(
		x->e, sa, sa->remote_id, wanted, ruled_out, sizeof(ruled_out), &nearest);

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

static bool check_auth(struct ike_received *x)
{
	struct ike_sa *sa = x->sa;
	struct bytes psk = ike_credentials_find(
		x->e->credentials, IKE_SHARED_IKE, sa->local_id, sa->remote_id);
	uint8_t expected[IKE_PRF_OUTPUT_MAX];
	size_t length;
	char ours[IKE_IDENTITY_TEXT_MAX], theirs[IKE_IDENTITY_TEXT_MAX];

	ike_identity_format(sa->local_id, ours);
	ike_identity_format(sa->remote_id, theirs);
	if (!IKE_HAS(x->message, AUTH) || x->message->auth.method != IKE_AUTH_SHARED_KEY) {
		const char *method = IKE_HAS(x->message, AUTH)
					     ? ike_auth_method_name(x->message->auth.method)
					     : "EAP";
		ike_failure_set(x->failure, IKE_REASON_AUTH_FAILED, NULL, NULL,
			"peer '%s' wants to authenticate by %s, '%s' expects a pre-shared key",
			theirs, method ? method : "an unknown method", sa->connection->name);
		ike_failure_set_differs(x->failure, "auth");
		return false;
	}
	if (psk.length == 0) {
		ike_failure_set(x->failure, IKE_REASON_NO_SHARED_KEY, NULL, NULL,
			"no shared key found for '%s' - '%s'", ours, theirs);
		return false;
	}
	if (ike_keys_psk_auth(x->e, sa, true, sa->remote_id, psk, expected, &length) &&
		secret_equal(x->message->auth.data, bytes_of(expected, length)))
		return true;
	ike_failure_set(x->failure, IKE_REASON_AUTH_FAILED, NULL, NULL,
		"pre-shared key of '%s' - '%s' differs from the peer's", ours, theirs);
	ike_failure_set_differs(x->failure, "secret");
	return false;
}

static bool build_auth(struct ike_received *x)
{
	struct ike_sa *sa = x->sa;
	struct bytes psk = ike_credentials_find(
		x->e->credentials, IKE_SHARED_IKE, sa->local_id, sa->remote_id);
	uint8_t auth[IKE_PRF_OUTPUT_MAX];
	size_t length;

	if (!ike_keys_psk_auth(x->e, sa, false, sa->local_id, psk, auth, &length))
		return false;
	ike_build_id(x->reply, IKE_PAYLOAD_ID_RESPONDER, sa->local_id);
	ike_build_auth(x->reply, IKE_AUTH_SHARED_KEY, bytes_of(auth, length));
	return true;
}

static bool identify(struct ike_received *x)
{
	const struct ike_message *m = x->message;
	struct ike_identity *wanted = NULL;

	x->sa->remote_id = ike_identity_from_wire(m->id_initiator.type, m->id_initiator.octets);
	if (IKE_HAS(m, ID_RESPONDER))
		wanted = ike_identity_from_wire(m->id_responder.type, m->id_responder.octets);
	if (!x->sa->remote_id || (IKE_HAS(m, ID_RESPONDER) && !wanted)) {
		ike_failure_set(x->failure, IKE_REASON_PROTOCOL, NULL, NULL,
			"the peer's identities are malformed");
		ike_identity_free(wanted);
		return false;
	}
	bool found = choose_connection(x, wanted) && choose_local_id(x->sa, wanted);
	ike_identity_free(wanted);
	return found && check_auth(x);
}

/* Childless by the peer's choice: may it, must it (RFC 6023)? */
static bool check_childless(struct ike_received *x, bool *ret_wants_child, uint16_t *ret_notify)
{
	const struct ike_message *m = x->message;
	uint64_t all = IKE_PAYLOAD_BIT(IKE_PAYLOAD_SA) | IKE_PAYLOAD_BIT(IKE_PAYLOAD_TS_INITIATOR) |
		       IKE_PAYLOAD_BIT(IKE_PAYLOAD_TS_RESPONDER);
	uint8_t policy = x->sa->connection->childless;

	*ret_wants_child = (m->present & all) == all;
	*ret_notify = IKE_NOTIFY_INVALID_SYNTAX;
	if (!*ret_wants_child && (m->present & all) != 0) {
		ike_failure_set(x->failure, IKE_REASON_PROTOCOL, NULL, NULL,
			"IKE_AUTH request has only some of SA, TSi and TSr");
		return false;
	}
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

	if (!ike_unique_refuses(x->e, x->sa))
		return true;
	ike_failure_set(x->failure, IKE_REASON_NOT_UNIQUE, NULL, NULL,
		"peer '%s' has an IKE_SA already, connection '%s' says unique = keep",
		ike_identity_format(x->sa->remote_id, peer), x->sa->connection->name);
	return false;
}

enum ike_outcome ike_auth_requested(struct ike_received *x)
{
	struct ike_sa *sa = x->sa;
	struct ike_negotiation *n = sa->negotiation;
	bool wants_child;
	uint16_t notify;

	/* The NAT may have moved the peer to port 4500; from here on this is where it is, and where
	 * a refusal goes. */
	sa->local = x->datagram->local;
	sa->remote = x->datagram->remote;
	if (!identify(x))
		return refuse(x, IKE_NOTIFY_AUTHENTICATION_FAILED);
	if (!check_childless(x, &wants_child, &notify))
		return refuse(x, notify);
	n->initial_contact = ike_message_notify(x->message, IKE_NOTIFY_INITIAL_CONTACT) != NULL;
	if (ike_crossing_refuses(x->e, sa)) {
		ike_failure_set(x->failure, IKE_REASON_REPLACED, NULL, NULL,
			"the peer is to take our own IKE_SA");
		return refuse(x, IKE_NOTIFY_TEMPORARY_FAILURE);
	}
	if (!check_unique(x) || !build_auth(x))
		return refuse(x, IKE_NOTIFY_AUTHENTICATION_FAILED);
	ike_mobike_read(x->e, sa, x->message);
	ike_initial_contact_apply(x->e, sa);
	ike_sa_established(x->e, sa);
	if (wants_child)
		(void)ike_child_answer(
			x, true, NULL, n->peer_nonce, bytes_of(n->nonce, n->nonce_length));
	ike_mobike_offer(x->e, sa, x->reply);
	ike_crossing_settle(x->e, sa);
	ike_sa_end_negotiation(sa);
	return IKE_OUTCOME_OK;
}
