/*
 * Our AUTH by a private key (RFC 7296 2.15, RFC 7427). The key is the host's: a signature is asked
 * for, and the IKE SA waits.
 */
#include "libike/ikev2/auth.h"

#include <stdlib.h>

static enum ike_progress failed(
	struct ike_failure *failure, enum ike_reason reason, const char *text)
{
	ike_failure_set(failure, reason, NULL, NULL, "%s", text);
	return IKE_PROGRESS_FAILED;
}

static bool choose_certificate(struct ike_auth *a, struct ike_failure *failure)
{
	const struct ike_certreqs *r = a->sa->negotiation->certreqs;
	const struct ike_trust_own_query query = { .round = ike_auth_ours(a),
		.id = a->id,
		.certreqs = r ? r->items : NULL,
		.certreq_count = r ? r->count : 0 };

	ike_auth_drop_own(a);
	a->own_count = ike_trust_own(a->e, &query, a->own, failure);
	return a->own_count > 0;
}

/* Without the owner's name the host knows the key by its handle alone. */
static bool ask_host(struct ike_auth *a, const struct ike_private_key *key)
{
	struct bytes octets = ike_keys_signed_octets(a->e, a->sa, a->sa->initiator, a->id);
	const struct ike_sign what = { key->handle, a->scheme, octets };
	bool asked = ike_signing_ask(a->e, &a->signing, a->sa->unique_id, &what);

	free((void *)octets.at);
	return asked;
}

static enum ike_progress ask(struct ike_auth *a, struct ike_failure *failure)
{
	char subject[IKE_IDENTITY_TEXT_MAX];
	struct why why = { "" };

	if (!choose_certificate(a, failure))
		return IKE_PROGRESS_FAILED;
	const struct ike_public_key *public = ike_certificate_key(a->own[0]);
	const struct ike_private_key *key =
		ike_certificates_key_of(ike_engine_certificates(a->e), public);
	ike_identity_format(ike_certificate_subject(a->own[0]), subject);
	if (!key) {
		ike_failure_set(failure, IKE_REASON_NO_PRIVATE_KEY, NULL, NULL,
			"no private key is loaded for certificate '%s'", subject);
		return IKE_PROGRESS_FAILED;
	}
	a->scheme = ike_signature_choose(public, ike_auth_ours(a)->signatures,
		a->sa->negotiation->peer_hashes, &a->method_asked, &why);
	if (!a->scheme)
		return failed(failure, IKE_REASON_POLICY, why.text);
	if (!ask_host(a, key)) {
		ike_failure_set(failure, IKE_REASON_NO_PRIVATE_KEY, NULL, NULL,
			"the private key of '%s' cannot be used", subject);
		return IKE_PROGRESS_FAILED;
	}
	ike_log(a->e, a->sa, IKE_LOG_IKE, IKE_LOG_DETAIL, "signing as '%s' with %s", subject,
		a->scheme->name);
	a->waits_for = "the signature with our private key";
	return IKE_PROGRESS_WAIT;
}

/* RFC 7427 3: length and AlgorithmIdentifier go before the signature. */
static enum ike_progress finish(struct ike_auth *a, struct ike_failure *failure)
{
	struct bytes algorithm = a->method_asked == IKE_AUTH_DIGITAL_SIGNATURE
					 ? a->scheme->algorithm
					 : (struct bytes){ 0 };
	size_t head = algorithm.length ? 1 + algorithm.length : 0;
	uint8_t *value = malloc(head + a->signing.signature.length);
	char id[IKE_IDENTITY_TEXT_MAX];

	if (!value)
		return failed(failure, IKE_REASON_RESOURCES, "out of memory");
	if (head) {
		value[0] = (uint8_t)algorithm.length;
		bytes_copy(value + 1, algorithm);
	}
	bytes_copy(value + head, a->signing.signature);
	free((void *)a->value.at);
	a->value = bytes_of(value, head + a->signing.signature.length);
	a->method = a->method_asked;
	ike_signing_forget(a->e, &a->signing);
	ike_log(a->e, a->sa, IKE_LOG_IKE, IKE_LOG_INFO, "authentication of '%s' (myself) with %s",
		ike_identity_format(a->id, id), a->scheme->name);
	return IKE_PROGRESS_DONE;
}

enum ike_progress ike_auth_sign(struct ike_auth *a, struct ike_failure *failure)
{
	if (a->signing.ticket) {
		a->waits_for = "the signature with our private key";
		return IKE_PROGRESS_WAIT;
	}
	if (a->signing.error) {
		ike_failure_set(failure, IKE_REASON_NO_PRIVATE_KEY, NULL, NULL,
			"signing with our private key failed: %s", a->signing.error);
		return IKE_PROGRESS_FAILED;
	}
	return a->signing.signature.at ? finish(a, failure) : ask(a, failure);
}
