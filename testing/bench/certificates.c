#include "testing/bench/certificates.h"

#include "testing/pki/pki.h"

#include <stdio.h>
#include <time.h>

#define CA_KEY 0
#define YEAR (365 * 86400)

struct bench_certificates bench_certificates(const char *kind, const char *name)
{
	char subject[128], extensions[256];
	int64_t now = (int64_t)time(NULL);
	EVP_PKEY *ca_key = pki_key(kind, CA_KEY), *key = pki_key(kind, CA_KEY + 1);
	struct pki_certificate ca = pki_issue(&(struct pki_spec){
		.subject = "/O=bench/CN=CA",
		.key = ca_key,
		.extensions = PKI_CA,
		.not_before = now - YEAR,
		.not_after = now + YEAR,
	});
	struct pki_certificate c;

	snprintf(subject, sizeof(subject), "/O=bench/CN=%s", name);
	snprintf(extensions, sizeof(extensions), PKI_END "subjectAltName = DNS:%s\n", name);
	c = pki_issue(&(struct pki_spec){
		.subject = subject,
		.issuer = &ca,
		.key = key,
		.extensions = extensions,
		.not_before = now - YEAR,
		.not_after = now + YEAR,
	});
	struct bench_certificates made = { key, ca_key, c.x509, ca.x509 };
	ike_certificate_free(c.c);
	ike_certificate_free(ca.c);
	return made;
}
