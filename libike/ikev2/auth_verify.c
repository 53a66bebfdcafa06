/* The peer's AUTH (RFC 7296 2.15). */
#include "libike/ikev2/auth.h"

static bool check_method(struct ike_received *x)
{
	const struct ike_message *m = x->message;
	const char *name = x->sa->negotiation->auth->connection->name;
	char theirs[IKE_IDENTITY_TEXT_MAX];

	if (IKE_HAS(m, AUTH) && m->auth.method == IKE_AUTH_SHARED_KEY)
		return true;
	const char *method = IKE_HAS(m, AUTH) ? ike_auth_method_name(m->auth.method) : "EAP";
	ike_failure_set(x->failure, IKE_REASON_AUTH_FAILED, NULL, NULL,
		"peer '%s' wants to authenticate by %s, '%s' expects a pre-shared key",
		ike_identity_format(x->sa->negotiation->auth->peer_id, theirs),
		method ? method : "an unknown method", name);
	ike_failure_set_differs(x->failure, "auth");
	return false;
}

static enum ike_progress verify_psk(struct ike_received *x)
{
	struct ike_sa *sa = x->sa;
	struct ike_auth *a = sa->negotiation->auth;
	struct bytes psk =
		ike_credentials_find(x->e->credentials, IKE_SHARED_IKE, sa->local_id, a->peer_id);
	uint8_t expected[IKE_PRF_OUTPUT_MAX];
	size_t length;
	char ours[IKE_IDENTITY_TEXT_MAX], theirs[IKE_IDENTITY_TEXT_MAX];

	ike_identity_format(sa->local_id, ours);
	ike_identity_format(a->peer_id, theirs);
	if (psk.length == 0) {
		ike_failure_set(x->failure, IKE_REASON_NO_SHARED_KEY, NULL, NULL,
			"no shared key found for '%s' - '%s'", ours, theirs);
		return IKE_PROGRESS_FAILED;
	}
	if (ike_keys_psk_auth(x->e, sa, !sa->initiator, a->peer_id, psk, expected, &length) &&
		secret_equal(x->message->auth.data, bytes_of(expected, length)))
		return IKE_PROGRESS_DONE;
	ike_failure_set(x->failure, IKE_REASON_AUTH_FAILED, NULL, NULL,
		"pre-shared key of '%s' - '%s' differs from the peer's", ours, theirs);
	ike_failure_set_differs(x->failure, "secret");
	return IKE_PROGRESS_FAILED;
}

enum ike_progress ike_auth_verify(struct ike_received *x)
{
	return check_method(x) ? verify_psk(x) : IKE_PROGRESS_FAILED;
}
