/*
 * OCSP responses, as a server or a peer sends them: whatever they are, reading them ends, and what
 * is refused has a reason. Forged ones are refused, as the corpus was signed by a key that is gone:
 * the certificates stand in the first file.
 *
 * Input: length of the issuer's and of the certificate's DER (16 bits each), both, then the
 * response.
 */
#include "libike/crypto/ocsp.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW INT64_C(1767225600)

static struct ike_certificate *read_certificate(struct reader *r)
{
	struct bytes der = reader_bytes(r, reader_u16(r));

	return r->bad ? NULL : ike_certificate_parse(NULL, der, NULL);
}

static void read_response(
	const struct ike_certificate *issuer, const struct ike_certificate *c, struct bytes der)
{
	struct ike_ocsp_question question = { .certificate = c, .issuer = issuer, .now = NOW };
	struct ike_ocsp_answer answer;
	struct why why = { "" };

	if (!ike_ocsp_read(&question, der, &answer, &why)) {
		if (!why.text[0] || answer.delegate)
			abort();
		return;
	}
	if (answer.this_update > NOW + IKE_REVOCATION_SKEW || answer.until <= NOW ||
		answer.status > IKE_OCSP_UNKNOWN)
		abort();
	ike_certificate_free(answer.delegate);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reader r = reader_of(bytes_of(data, size));
	struct ike_certificate *issuer = read_certificate(&r);
	struct ike_certificate *certificate = read_certificate(&r);

	if (issuer && certificate && ike_certificate_x509(issuer) &&
		ike_certificate_x509(certificate))
		read_response(issuer, certificate, reader_rest(&r));
	ike_certificate_free(issuer);
	ike_certificate_free(certificate);
	return 0;
}
