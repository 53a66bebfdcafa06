/* Our AUTH (RFC 7296 2.15). */
#include "libike/ikev2/auth.h"

static struct bytes find_psk(const struct ike_auth *a)
{
	const struct ike_sa *sa = a->sa;
	const struct ike_auth_round *theirs = &a->connection->remote.items[0];
	const struct ike_identity *peer = sa->remote_id ? sa->remote_id : theirs->id;

	if (peer && ike_identity_is_wildcard(peer))
		peer = NULL;
	return ike_credentials_find(a->e->credentials, IKE_SHARED_IKE, a->id, peer);
}

static void fail_psk(const struct ike_auth *a, struct ike_failure *failure)
{
	char ours[IKE_IDENTITY_TEXT_MAX], theirs[IKE_IDENTITY_TEXT_MAX] = "%any";
	const struct ike_identity *peer =
		a->sa->remote_id ? a->sa->remote_id : ike_auth_rounds_id(&a->connection->remote);

	if (peer)
		ike_identity_format(peer, theirs);
	ike_failure_set(failure, IKE_REASON_NO_SHARED_KEY, NULL, NULL,
		"no shared key found for '%s' - '%s'", ike_identity_format(a->id, ours), theirs);
}

static enum ike_progress prove_by_psk(struct ike_auth *a, struct ike_failure *failure)
{
	struct bytes psk = find_psk(a);

	if (psk.length == 0) {
		fail_psk(a, failure);
		return IKE_PROGRESS_FAILED;
	}
	if (!ike_keys_psk_auth(
		    a->e, a->sa, a->sa->initiator, a->id, psk, a->value, &a->value_length)) {
		ike_failure_set(failure, IKE_REASON_RESOURCES, NULL, NULL, "AUTH failed");
		return IKE_PROGRESS_FAILED;
	}
	a->method = IKE_AUTH_SHARED_KEY;
	return IKE_PROGRESS_DONE;
}

enum ike_progress ike_auth_prove(struct ike_auth *a, struct ike_failure *failure)
{
	return a->method ? IKE_PROGRESS_DONE : prove_by_psk(a, failure);
}

void ike_auth_build(struct ike_auth *a, struct ike_builder *b)
{
	if (a->method)
		ike_build_auth(b, a->method, bytes_of(a->value, a->value_length));
}
