/*
 * CRLs, as a server or a peer sends them, and what is asked of those that can be read.
 *
 * Input: length of a certificate's DER (16 bits), the certificate, then the CRL: DER or PEM.
 */
#include "libike/crypto/crl_scope.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(const struct ike_crl *crl, const struct ike_certificate *c)
{
	const char *reason = NULL;
	struct why why = { "" };
	int64_t when;
	char *url;

	if (!ike_crl_issuer(crl) || ike_crl_der(crl).length == 0)
		abort();
	if (!ike_crl_is_usable(crl, &why) && !why.text[0])
		abort();
	(void)ike_crl_delta_fits(crl, crl);
	(void)ike_crl_number_compare(ike_crl_serial(crl), ike_crl_base_serial(crl));
	if (!c || !ike_certificate_x509(c))
		return;
	(void)ike_crl_signed_by(crl, c);
	(void)ike_crl_find(crl, ike_certificate_serial(c), &when, &reason);
	(void)ike_crl_is_about(crl, c, &why);
	for (size_t i = 0; i < 4 && (url = ike_crl_freshest_uri(crl, c, i)); i++)
		free(url);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reader r = reader_of(bytes_of(data, size));
	struct bytes der = reader_bytes(&r, reader_u16(&r));
	struct ike_certificate *certificate = r.bad ? NULL : ike_certificate_parse(NULL, der, NULL);
	struct why why = { "" };
	struct ike_crl *crl = ike_crl_parse(NULL, reader_rest(&r), &why);

	if (crl)
		look(crl, certificate);
	else if (!why.text[0])
		abort();
	ike_crl_free(crl);
	ike_certificate_free(certificate);
	return 0;
}
