/* EAP-MD5 (RFC 3748 5.4, RFC 1994): the password is shown to be known, nothing more: no MSK, and
 * the server proves nothing. */
#include "libike/crypto/legacy.h"
#include "libike/eap/eap_priv.h"

#define CHALLENGE_LENGTH 16

struct md5_state {
	uint8_t challenge[CHALLENGE_LENGTH]; /* server: ours */
};

static bool md5_value(const struct ike_eap *eap, struct bytes secret, struct bytes challenge,
	uint8_t ret[IKE_MD5_LENGTH])
{
	const struct bytes parts[] = { bytes_of(&eap->identifier, 1), secret, challenge };

	return ike_md5(eap->e->crypto, parts, 3, ret);
}

/* Value-Size, Value, Name (which nobody needs). */
static bool read_value(struct bytes data, struct bytes *ret)
{
	struct reader r = reader_of(data);

	*ret = reader_bytes(&r, reader_u8(&r));
	return !r.bad && ret->length > 0;
}

static enum ike_eap_step server_begin(
	struct ike_eap *eap, struct writer *w, struct ike_failure *failure)
{
	struct md5_state *state;

	if (!ike_eap_state_new(eap, sizeof(*state), failure))
		return IKE_EAP_STEP_FAILED;
	state = eap->state;
	if (!ike_crypto_random(eap->e->crypto, state->challenge, CHALLENGE_LENGTH))
		return ike_eap_fail_resources(failure, "no randomness");
	writer_u8(w, CHALLENGE_LENGTH);
	writer_put(w, bytes_of(state->challenge, CHALLENGE_LENGTH));
	return IKE_EAP_STEP_SEND;
}

static enum ike_eap_step server_packet(
	struct ike_eap *eap, struct bytes data, struct writer *w, struct ike_failure *failure)
{
	const struct md5_state *state = eap->state;
	struct bytes secret = ike_eap_secret(eap, IKE_SHARED_EAP), value;
	uint8_t expected[IKE_MD5_LENGTH];
	char text[IKE_IDENTITY_TEXT_MAX];

	(void)w;
	if (!read_value(data, &value))
		return ike_eap_fail_packet(eap, failure, "it has no value");
	if (secret.length == 0) {
		ike_eap_fail_secret(eap, failure);
		return IKE_EAP_STEP_FAILED;
	}
	if (!md5_value(eap, secret, bytes_of(state->challenge, CHALLENGE_LENGTH), expected))
		return ike_eap_fail_resources(failure, "OpenSSL has no MD5");
	if (!secret_equal(value, bytes_of(expected, sizeof(expected)))) {
		ike_failure_set(failure, IKE_REASON_EAP, NULL, NULL,
			"EAP_MD5: the password of '%s' is not the one that we have",
			ike_identity_format(eap->claimed, text));
		ike_failure_set_differs(failure, "secret");
		return IKE_EAP_STEP_FAILED;
	}
	eap->proved = ike_identity_hold(eap->claimed);
	return IKE_EAP_STEP_SUCCESS;
}

static enum ike_eap_step client_packet(
	struct ike_eap *eap, struct bytes data, struct writer *w, struct ike_failure *failure)
{
	struct bytes secret = ike_eap_secret(eap, IKE_SHARED_EAP), challenge;
	uint8_t value[IKE_MD5_LENGTH];

	if (eap->succeeded)
		return ike_eap_fail_packet(eap, failure, "it asks once more");
	if (!read_value(data, &challenge))
		return ike_eap_fail_packet(eap, failure, "it has no challenge");
	if (secret.length == 0) {
		ike_eap_fail_secret(eap, failure);
		return IKE_EAP_STEP_FAILED;
	}
	if (!md5_value(eap, secret, challenge, value))
		return ike_eap_fail_resources(failure, "OpenSSL has no MD5");
	writer_u8(w, sizeof(value));
	writer_put(w, bytes_of(value, sizeof(value)));
	if (!ike_eap_identity_put(w, eap->claimed))
		return ike_eap_fail_resources(failure, "our name is too long");
	eap->succeeded = true;
	return IKE_EAP_STEP_SEND;
}

static const struct ike_eap_role server = { .begin = server_begin, .packet = server_packet };
static const struct ike_eap_role client = { .packet = client_packet };

const struct ike_eap_kind ike_eap_md5 = {
	.type = IKE_EAP_METHOD_MD5,
	.label = "EAP_MD5",
	.server = &server,
	.client = &client,
};
