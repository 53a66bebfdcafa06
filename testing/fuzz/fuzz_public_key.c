/*
 * Public keys, AlgorithmIdentifiers, signatures and the words of auth, as peers and files bring
 * them.
 *
 * Input: what is to be read (first octet): 0 a key; 1 an AlgorithmIdentifier; 2 auth; 3 a key with
 * its length (16 bits), then a signature.
 */
#include "libike/crypto/signature.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct ike_public_key *read_key(struct bytes encoded)
{
	struct why why = { "" };
	struct ike_public_key *key = ike_public_key_parse(NULL, encoded, &why);

	if (!key && !why.text[0])
		abort();
	if (!key)
		return NULL;
	/* What was read can be written and read again. */
	struct ike_public_key *again = ike_public_key_parse(NULL, ike_public_key_spki(key), &why);
	if (!again || !ike_public_key_equal(key, again) || ike_public_key_bits(key) < 256)
		abort();
	ike_public_key_free(again);
	return key;
}

static void verify(struct reader *r)
{
	const struct ike_signature_scheme *scheme = NULL;
	struct ike_public_key *key = read_key(reader_bytes(r, reader_u16(r)));
	struct bytes signature = reader_rest(r);

	while (key && (scheme = ike_signature_next(scheme)))
		(void)!ike_signature_verify(key, scheme, -1, bytes_of_text("data"), signature);
	ike_public_key_free(key);
}

static void read_policy(struct bytes text)
{
	char *copy = strndup(text.at ? (const char *)text.at : "", text.length);
	struct ike_signature_policy policy = { 0 };
	struct why why = { "" };

	if (!copy)
		abort();
	if (!ike_signature_policy_parse(copy, &policy, &why) && !why.text[0])
		abort();
	if (policy.ike_count > IKE_SIGNATURE_SCHEMES_MAX ||
		policy.trust_count > IKE_SIGNATURE_SCHEMES_MAX)
		abort();
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reader r = reader_of(bytes_of(data, size));
	int salt_length;

	switch (reader_u8(&r)) {
	case 0:
		ike_public_key_free(read_key(reader_rest(&r)));
		break;
	case 1:
		(void)ike_signature_by_algorithm(reader_rest(&r), &salt_length);
		break;
	case 2:
		read_policy(reader_rest(&r));
		break;
	default:
		verify(&r);
	}
	return 0;
}
