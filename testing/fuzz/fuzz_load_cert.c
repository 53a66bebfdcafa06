/* What load-cert does with a file: blocks are found, parsed, kept, found again and forgotten. */
#include "charon-lite/control/blob.h"
#include "libike/model/certificates.h"

#include <openssl/crypto.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct ike_certificates *s, const struct ike_certificate *c)
{
	const struct ike_stored_certificate *found =
		ike_certificates_by_name(s, ike_certificate_subject(c), NULL);
	char text[IKE_IDENTITY_TEXT_MAX];

	if (!found || !ike_certificates_by_key_id(
			      s, bytes_of(ike_public_key_id(ike_certificate_key(c)), 20), NULL))
		abort();
	ike_identity_format(ike_certificate_subject(c), text);
	ike_certificate_match(c, ike_certificate_subject(found->certificate));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static OSSL_LIB_CTX *library; /* made once, and freed by nobody, as it takes so long */
	struct ike_certificates *s = ike_certificates_new();
	struct bytes rest = bytes_of(data, size), block;

	if (!library) {
		(void)OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
		library = OSSL_LIB_CTX_new();
	}
	while (s && cl_blob_next(&rest, NULL, &block)) {
		struct ike_certificate *c = ike_certificate_parse(library, block, NULL);
		struct ike_crl *crl = c ? NULL : ike_crl_parse(library, block, NULL);

		if (c && ike_certificates_add(s, c, IKE_CERTIFICATE_END, false))
			check(s, c);
		if (crl && !ike_certificates_add_crl(s, crl, true))
			abort();
		ike_certificate_free(c);
		ike_crl_free(crl);
	}
	ike_certificates_flush(s);
	ike_certificates_flush_crls(s);
	ike_certificates_clear(s);
	if (ike_certificates_get(s, 0) || ike_certificates_crl(s, 0))
		abort();
	ike_certificates_free(s);
	return 0;
}
