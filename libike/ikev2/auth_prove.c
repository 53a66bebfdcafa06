/* Our AUTH of the present round (RFC 7296 2.15). */
#include "libike/ikev2/auth.h"

#include <stdlib.h>

static const struct ike_identity *peer_of(const struct ike_auth *a)
{
	const struct ike_identity *peer =
		a->sa->remote_id ? a->sa->remote_id : ike_auth_rounds_id(&a->connection->remote);

	return peer && ike_identity_is_wildcard(peer) ? NULL : peer;
}

static struct bytes find_psk(const struct ike_auth *a)
{
	return ike_credentials_find(a->e->credentials, IKE_SHARED_IKE, a->id, peer_of(a));
}

static enum ike_progress prove_by_psk(struct ike_auth *a, struct ike_failure *failure)
{
	struct bytes psk = find_psk(a);
	char ours[IKE_IDENTITY_TEXT_MAX], theirs[IKE_IDENTITY_TEXT_MAX] = "%any";
	const struct ike_identity *peer = peer_of(a);

	if (psk.length == 0) {
		if (peer)
			ike_identity_format(peer, theirs);
		ike_failure_set(failure, IKE_REASON_NO_SHARED_KEY, NULL, NULL,
			"no shared key found for '%s' - '%s'", ike_identity_format(a->id, ours),
			theirs);
		return IKE_PROGRESS_FAILED;
	}
	if (ike_auth_prove_shared(a, psk))
		return IKE_PROGRESS_DONE;
	ike_failure_set(failure, IKE_REASON_RESOURCES, NULL, NULL, "AUTH failed");
	return IKE_PROGRESS_FAILED;
}

bool ike_auth_prove_shared(struct ike_auth *a, struct bytes key)
{
	uint8_t value[IKE_PRF_OUTPUT_MAX];
	size_t length;

	if (!ike_keys_psk_auth(a->e, a->sa, a->sa->initiator, a->id, key, value, &length))
		return false;
	free((void *)a->value.at);
	a->value = bytes_duplicate(bytes_of(value, length));
	a->method = a->value.at ? IKE_AUTH_SHARED_KEY : 0;
	return a->method != 0;
}

enum ike_progress ike_auth_prove(struct ike_auth *a, struct ike_failure *failure)
{
	if (a->method)
		return IKE_PROGRESS_DONE;
	if (a->exchange == IKE_AUTH_EAP_AUTH)
		return ike_auth_eap_prove(a, failure);
	switch (ike_auth_ours(a)->class) {
	case IKE_AUTH_CLASS_PSK:
		return prove_by_psk(a, failure);
	case IKE_AUTH_CLASS_PUBKEY:
		return ike_auth_sign(a, failure);
	case IKE_AUTH_CLASS_ANY:
		return find_psk(a).length > 0 ? prove_by_psk(a, failure)
					      : ike_auth_sign(a, failure);
	default:
		ike_failure_set(failure, IKE_REASON_UNSUPPORTED, NULL, NULL,
			"connection '%s' wants us to authenticate by %s, which is not possible "
			"here",
			a->connection->name, ike_auth_class_text(ike_auth_ours(a)->class));
		return IKE_PROGRESS_FAILED;
	}
}

void ike_auth_build(const struct ike_auth *a, struct ike_builder *b)
{
	if (a->method)
		ike_build_auth(b, a->method, a->value);
}
