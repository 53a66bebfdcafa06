/* Certificates and public keys as peers and files bring them: parse, look at everything, compare.
 */
#include "libike/crypto/certificate.h"
#include "libike/crypto/signature.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look_at_key(const struct ike_public_key *key)
{
	const struct ike_signature_scheme *scheme = NULL;
	uint8_t method;
	struct why why;

	if (!key || !ike_key_type_name(ike_public_key_type(key)) || ike_public_key_bits(key) == 0 ||
		ike_public_key_spki(key).length == 0)
		abort();
	/* Nothing verifies that is no signature. */
	while ((scheme = ike_signature_next(scheme))) {
		if (scheme->key_type == ike_public_key_type(key) &&
			ike_signature_verify(key, scheme, -1, bytes_of_text("data"),
				bytes_of_text("no signature")))
			abort();
	}
	(void)ike_signature_choose(key, NULL, 0xff, &method, &why);
}

static void look_at(const struct ike_certificate *c)
{
	static const char *const asked[] = { "moon.example.org", "192.0.2.1", "moon@example.org",
		"C=CH, O=test, CN=*", "@#00", "%any" };
	char text[IKE_IDENTITY_TEXT_MAX];
	const struct ike_identity *name;
	int salt;

	ike_identity_format(ike_certificate_subject(c), text);
	if (ike_certificate_issuer(c))
		ike_identity_format(ike_certificate_issuer(c), text);
	for (size_t i = 0; (name = ike_certificate_alt_name(c, i)); i++) {
		ike_identity_format(name, text);
		if (ike_certificate_match(c, name) == IKE_MATCH_NONE)
			abort();
	}
	for (size_t i = 0; i < sizeof(asked) / sizeof(*asked); i++) {
		struct ike_identity *id = ike_identity_parse(asked[i], NULL);

		(void)ike_certificate_match(c, id);
		ike_identity_free(id);
	}
	for (size_t i = 0; ike_certificate_crl_uri(c, i); i++)
		;
	for (size_t i = 0; ike_certificate_ocsp_uri(c, i); i++)
		;
	(void)ike_certificate_scheme(c, &salt);
	look_at_key(ike_certificate_key(c));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct why why;
	struct ike_certificate *c = ike_certificate_parse(NULL, bytes_of(data, size), &why);
	struct ike_public_key *key = ike_public_key_parse(NULL, bytes_of(data, size), &why);
	int salt;

	if (c) {
		struct ike_certificate *again =
			ike_certificate_parse(NULL, ike_certificate_der(c), &why);

		if (!again || !ike_certificate_equal(c, again))
			abort();
		ike_certificate_free(again);
		look_at(c);
	}
	if (key)
		look_at_key(key);
	(void)ike_signature_by_algorithm(bytes_of(data, size), &salt);
	ike_certificate_free(c);
	ike_public_key_free(key);
	return 0;
}
