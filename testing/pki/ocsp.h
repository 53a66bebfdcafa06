/*
 * An OCSP responder in memory, for tests: responses with everything that can be right or wrong with
 * them.
 */
#ifndef TESTING_PKI_OCSP_H
#define TESTING_PKI_OCSP_H

#include "testing/pki/pki.h"

#define PKI_RESPONDER "basicConstraints = CA:FALSE\nextendedKeyUsage = OCSPSigning\n"

/* What is not set is as of a good response: signed by the issuer itself, of an hour ago, good for a
 * day, without a nonce. */
struct pki_ocsp_spec {
	const struct pki_certificate *certificate, *issuer;
	const struct pki_certificate *signer; /* instead of the issuer */
	EVP_PKEY *signer_key;                 /* instead of the signer's */
	bool enclosed;                        /* the signer's certificate is in it */
	bool by_key;                          /* it is named by its key */
	int status;                           /* V_OCSP_CERTSTATUS_* */
	int64_t revoked_at;                   /* 0: ten days ago */
	int reason;                           /* OCSP_REVOKED_STATUS_*; 0: unspecified */
	int64_t this_update, next_update;     /* 0: as above; next -1: not said */
	struct bytes nonce;                   /* empty: none */
	const char *digest;                   /* of the signature; NULL: SHA256 */
	const char *id_digest;                /* that names the certificate; NULL: SHA1 */
	bool critical;                        /* has a critical extension that nobody knows */
};

/* DER on the heap; free() it. */
struct bytes pki_ocsp(const struct pki_ocsp_spec *spec);
/* One that says only that it failed: OCSP_RESPONSE_STATUS_*. */
struct bytes pki_ocsp_failure(int status);
/* The nonce of a request, on the heap; empty: it has none. */
struct bytes pki_ocsp_nonce(struct bytes request);

#endif
