/* Keys and certificates for the benchmark. */
#ifndef TESTING_BENCH_CERTIFICATES_H
#define TESTING_BENCH_CERTIFICATES_H

#include <openssl/x509.h>
#include <string.h>

struct bench_certificates {
	EVP_PKEY *key, *ca_key; /* borrowed */
	X509 *certificate, *ca; /* to be freed */
};

/* A certificate for that name, of one CA whose key is of the same kind: "rsa2048", "p256",
 * "ed25519". */
struct bench_certificates bench_certificates(const char *kind, const char *name);

#endif
