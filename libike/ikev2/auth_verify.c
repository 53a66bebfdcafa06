/*
 * The peer's AUTH (RFC 7296 2.15, RFC 7427): which method, with which key, and whether that key is
 * to be trusted. In this order: candidates, signature, chain, revocation, so that nothing is done
 * for strangers that their own work does not pay for.
 */
#include "libike/ikev2/auth.h"

const char *ike_auth_class_text(uint8_t class)
{
	switch (class) {
	case IKE_AUTH_CLASS_PSK:
		return "a pre-shared key";
	case IKE_AUTH_CLASS_PUBKEY:
		return "a signature";
	case IKE_AUTH_CLASS_EAP:
		return "EAP";
	case IKE_AUTH_CLASS_XAUTH:
		return "XAuth";
	default:
		return "anything";
	}
}

uint8_t ike_auth_class_of(const struct ike_message *m)
{
	if (!IKE_HAS(m, AUTH))
		return IKE_AUTH_CLASS_EAP;
	switch (m->auth.method) {
	case IKE_AUTH_SHARED_KEY:
		return IKE_AUTH_CLASS_PSK;
	case IKE_AUTH_RSA_SIGNATURE:
	case IKE_AUTH_ECDSA_256:
	case IKE_AUTH_ECDSA_384:
	case IKE_AUTH_ECDSA_521:
	case IKE_AUTH_DIGITAL_SIGNATURE:
		return IKE_AUTH_CLASS_PUBKEY;
	default:
		return IKE_AUTH_CLASS_ANY; /* none that we know */
	}
}

bool ike_auth_check_class(struct ike_received *x)
{
	const struct ike_message *m = x->message;
	const struct ike_auth *a = x->sa->negotiation->auth;
	uint8_t class = ike_auth_class_of(m), wanted = ike_auth_theirs(a)->class;
	char theirs[IKE_IDENTITY_TEXT_MAX];

	if (class != IKE_AUTH_CLASS_ANY &&
		(class == wanted || (wanted == IKE_AUTH_CLASS_ANY && class != IKE_AUTH_CLASS_EAP)))
		return true;
	const char *method = IKE_HAS(m, AUTH) ? ike_auth_method_name(m->auth.method) : "EAP";
	ike_failure_set(x->failure, IKE_REASON_AUTH_FAILED, NULL, NULL,
		"peer '%s' wants to authenticate by %s, '%s' expects %s",
		ike_identity_format(a->peer_id, theirs), method ? method : "an unknown method",
		a->connection->name, ike_auth_class_text(wanted));
	ike_failure_set_differs(x->failure, "auth");
	return false;
}

/* ---- A shared key ---- */

bool ike_auth_verify_shared(struct ike_received *x, struct bytes key)
{
	struct ike_sa *sa = x->sa;
	uint8_t expected[IKE_PRF_OUTPUT_MAX];
	size_t length;

	return x->message->auth.method == IKE_AUTH_SHARED_KEY &&
	       ike_keys_psk_auth(x->e, sa, !sa->initiator, sa->negotiation->auth->peer_id, key,
		       expected, &length) &&
	       secret_equal(x->message->auth.data, bytes_of(expected, length));
}

static enum ike_progress verify_psk(struct ike_received *x)
{
	struct ike_sa *sa = x->sa;
	struct ike_auth *a = sa->negotiation->auth;
	struct bytes psk =
		ike_credentials_find(x->e->credentials, IKE_SHARED_IKE, sa->local_id, a->peer_id);
	char ours[IKE_IDENTITY_TEXT_MAX], theirs[IKE_IDENTITY_TEXT_MAX];

	ike_identity_format(sa->local_id, ours);
	ike_identity_format(a->peer_id, theirs);
	if (psk.length == 0) {
		ike_failure_set(x->failure, IKE_REASON_NO_SHARED_KEY, NULL, NULL,
			"no shared key found for '%s' - '%s'", ours, theirs);
		return IKE_PROGRESS_FAILED;
	}
	if (ike_auth_verify_shared(x, psk))
		return IKE_PROGRESS_DONE;
	ike_failure_set(x->failure, IKE_REASON_AUTH_FAILED, NULL, NULL,
		"pre-shared key of '%s' - '%s' differs from the peer's", ours, theirs);
	ike_failure_set_differs(x->failure, "secret");
	return IKE_PROGRESS_FAILED;
}

/* ---- A signature ---- */

struct signature {
	uint8_t method;
	const struct ike_signature_scheme *scheme; /* NULL: depends on the key */
	int salt_length;
	struct bytes value;
};

/* RFC 7427 3: length, AlgorithmIdentifier, signature. */
static bool read_signature(struct ike_received *x, struct signature *ret)
{
	struct reader r = reader_of(x->message->auth.data);

	*ret = (struct signature){ x->message->auth.method, NULL, -1, x->message->auth.data };
	if (ret->method != IKE_AUTH_DIGITAL_SIGNATURE)
		return true;
	struct bytes algorithm = reader_bytes(&r, reader_u8(&r));
	ret->value = reader_rest(&r);
	if (r.bad || ret->value.length == 0) {
		ike_failure_set(x->failure, IKE_REASON_AUTH_FAILED, NULL, NULL,
			"the peer's AUTH payload is truncated");
		return false;
	}
	ret->scheme = ike_signature_by_algorithm(algorithm, &ret->salt_length);
	if (!ret->scheme) {
		ike_failure_set(x->failure, IKE_REASON_AUTH_FAILED, NULL, NULL,
			"the peer's AUTH payload has a signature algorithm that we don't know");
		return false;
	}
	if (ike_init_signature_hashes(x->e) & IKE_HASH_BIT(ret->scheme->hash))
		return true;
	ike_failure_set(x->failure, IKE_REASON_POLICY, NULL, NULL,
		"peer signs with %s, whose hash we did not offer", ret->scheme->name);
	return false;
}

/* Whether it verifies with that candidate's key. A scheme that is not allowed is noted in
 * x->failure if nothing else is. */
static bool verifies(struct ike_received *x, const struct signature *s,
	struct ike_certificate *candidate, struct bytes octets, struct why *ret_refused)
{
	const struct ike_auth_round *round = ike_auth_theirs(x->sa->negotiation->auth);
	const struct ike_public_key *key = ike_certificate_key(candidate);
	const struct ike_signature_scheme *scheme =
		s->scheme ? s->scheme : ike_signature_by_method(s->method, key);

	if (!scheme || scheme->key_type != ike_public_key_type(key) ||
		!ike_signature_allowed(round->signatures, scheme, key, ret_refused) ||
		!ike_signature_verify(key, scheme, s->salt_length, octets, s->value))
		return false;
	ike_log(x->e, x->sa, IKE_LOG_IKE, IKE_LOG_DETAIL, "the peer's signature with %s verifies",
		scheme->name);
	return true;
}

static struct ike_trust_query query_of(const struct ike_received *x)
{
	const struct ike_auth *a = x->sa->negotiation->auth;

	return (struct ike_trust_query){
		.round = ike_auth_theirs(a),
		.id = a->peer_id,
		.received = a->received,
		.received_count = a->received_count,
		.stapled_ocsp = ike_auth_stapled_ocsp(x->message),
		.ike_id = x->sa->unique_id,
	};
}

static void fail_signature(struct ike_received *x, size_t tried, const struct why *refused)
{
	char id[IKE_IDENTITY_TEXT_MAX];

	ike_identity_format(x->sa->negotiation->auth->peer_id, id);
	if (refused->text[0])
		ike_failure_set(x->failure, IKE_REASON_POLICY, NULL, NULL,
			"signature of '%s' is not acceptable: %s", id, refused->text);
	else
		ike_failure_set(x->failure, IKE_REASON_AUTH_FAILED, NULL, NULL,
			"signature of '%s' does not verify with %s", id,
			tried == 1 ? "its key" : "any of its keys");
	ike_failure_set_differs(x->failure, "signature");
}

/* Of those that could prove the identity, the one whose key AUTH verifies with. */
static bool find_signer(struct ike_received *x)
{
	struct ike_auth *a = x->sa->negotiation->auth;
	struct ike_certificate *list[IKE_TRUST_CANDIDATES_MAX];
	struct ike_trust_query query = query_of(x);
	struct signature s;
	struct why refused = { "" };

	if (!read_signature(x, &s))
		return false;
	size_t count = ike_trust_candidates(x->e, &query, list, x->failure);
	struct bytes octets =
		count > 0 ? ike_keys_signed_octets(x->e, x->sa, !x->sa->initiator, a->peer_id)
			  : (struct bytes){ 0 };
	for (size_t i = 0; i < count; i++) {
		if (!a->candidate && octets.at && verifies(x, &s, list[i], octets, &refused))
			a->candidate = ike_certificate_hold(list[i]);
		ike_certificate_free(list[i]);
	}
	free((void *)octets.at);
	if (!a->candidate && count > 0)
		fail_signature(x, count, &refused);
	return a->candidate != NULL;
}

static enum ike_progress verify_signature(struct ike_received *x)
{
	struct ike_auth *a = x->sa->negotiation->auth;
	struct ike_trust_query query = query_of(x);
	char id[IKE_IDENTITY_TEXT_MAX];

	if (!a->candidate) {
		if (!find_signer(x))
			return IKE_PROGRESS_FAILED;
		ike_auth_offer_crls(x);
	}
	switch (ike_trust_check(x->e, &query, a->candidate, x->failure)) {
	case IKE_TRUST_YES:
		ike_log(x->e, x->sa, IKE_LOG_IKE, IKE_LOG_INFO,
			"authentication of '%s' by signature successful",
			ike_identity_format(a->peer_id, id));
		return IKE_PROGRESS_DONE;
	case IKE_TRUST_LATER:
		a->waits_for = "the revocation state of the peer's certificate";
		return IKE_PROGRESS_WAIT;
	default:
		return IKE_PROGRESS_FAILED;
	}
}

/* `groups`: keys and certificates prove no membership. */
static bool check_groups(struct ike_received *x)
{
	const struct ike_auth *a = x->sa->negotiation->auth;

	if (ike_auth_theirs(a)->group_count == 0)
		return true;
	ike_failure_set(x->failure, IKE_REASON_POLICY, NULL, NULL,
		"'%s' demands membership in a group, which nothing but RADIUS proves",
		a->connection->name);
	ike_failure_set_differs(x->failure, "groups");
	return false;
}

enum ike_progress ike_auth_verify(struct ike_received *x)
{
	if (x->sa->negotiation->auth->exchange == IKE_AUTH_EAP_AUTH)
		return ike_auth_eap_verify(x);
	if (!ike_auth_check_class(x) || !check_groups(x))
		return IKE_PROGRESS_FAILED;
	return x->message->auth.method == IKE_AUTH_SHARED_KEY ? verify_psk(x) : verify_signature(x);
}
