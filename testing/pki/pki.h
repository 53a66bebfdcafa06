/*
 * A small public key infrastructure in memory, for tests: keys, certificates and CRLs with
 * everything that can be right or wrong with them. On OpenSSL's default library context; what fails
 * aborts, as a test cannot go on without.
 */
#ifndef TESTING_PKI_PKI_H
#define TESTING_PKI_PKI_H

#include "libike/crypto/certificate.h"
#include "libike/crypto/crl.h"

#include <openssl/types.h>

/* 2026-01-01, and so many days from then: what "now" is in tests. */
#define PKI_NOW INT64_C(1767225600)
#define PKI_DAYS(n) (PKI_NOW + INT64_C(86400) * (n))

/* The number-th key of its kind, made once a process: "rsa2048" (any size), "p256", "p384", "p521",
 * "bp256", "bp384", "bp512", "ed25519", "ed448", "secp256k1", "dsa". Borrowed. */
EVP_PKEY *pki_key(const char *kind, unsigned number);

struct pki_certificate {
	X509 *x509;
	EVP_PKEY *key;             /* its private key; borrowed */
	struct ike_certificate *c; /* NULL when ours refuses it: why */
	struct why why;
};

/* What is not set is as of a good certificate. */
struct pki_spec {
	const char *subject;                  /* "/C=CH/O=charon-lite/CN=moon"; NULL: empty */
	const struct pki_certificate *issuer; /* NULL: self-signed */
	EVP_PKEY *key;                        /* NULL: pki_key("p256", a fresh number) */
	EVP_PKEY *signer;                     /* instead of the issuer's key */
	/* Lines of openssl.cnf's extension section, and sections for them: "basicConstraints =
	 * critical, CA:TRUE\nsubjectAltName = DNS:moon.example.org\n". */
	const char *extensions;
	int64_t not_before, not_after; /* 0: a year around PKI_NOW */
	const char *digest;            /* NULL: SHA256; "" with Edwards keys is implied */
	bool pss;
	int salt_length; /* of PSS; 0: the digest's */
	int version;     /* 0: 3 */
	uint32_t serial; /* 0: counted */
};

/* Common extensions. */
#define PKI_CA "basicConstraints = critical, CA:TRUE\nkeyUsage = critical, keyCertSign, cRLSign\n"
#define PKI_END "basicConstraints = CA:FALSE\nkeyUsage = digitalSignature\n"

struct pki_certificate pki_issue(const struct pki_spec *spec);
/* A root CA of that subject with a P-256 key. */
struct pki_certificate pki_root(const char *subject);
void pki_free(struct pki_certificate *certificate);

/* DER of an X.509 structure on the heap; free() it. */
struct bytes pki_der(const X509 *x509);

struct pki_crl_spec {
	const struct pki_certificate *issuer;
	EVP_PKEY *signer;                       /* instead of the issuer's key */
	const struct pki_certificate **revoked; /* NULL ends; NULL: nothing */
	const char *extensions;                 /* "crlNumber = DER:020107\n" */
	const char *digest;
	int64_t this_update, next_update; /* 0: a week around PKI_NOW; next -1: not said */
};

/* DER on the heap; free() it. */
struct bytes pki_crl(const struct pki_crl_spec *spec);

#endif
