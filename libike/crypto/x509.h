/*
 * What certificates and CRLs have in common, from OpenSSL's structures to ours. Internal to
 * crypto/.
 */
#ifndef LIBIKE_CRYPTO_X509_H
#define LIBIKE_CRYPTO_X509_H

#include "libike/base/identity.h"
#include "libike/crypto/signature.h"

#include <openssl/types.h>
#include <openssl/x509v3.h>

struct x509_uris {
	char **items;
	size_t count;
};

/* `which` names it in the reason. Names with a NUL in their text are refused. */
struct ike_identity *x509_name(const X509_NAME *name, const char *which, struct why *why);

/* A subjectAltName; *ret_id NULL when it is of a kind that IKE has no identity for. False with a
 * reason when it is malformed. */
bool x509_general_name(const GENERAL_NAME *name, struct ike_identity **ret_id, struct why *why);

bool x509_time(const ASN1_TIME *time, int64_t *ret);

/* A heap copy of the octets, empty of NULL; false when memory ran out. */
bool x509_copy_string(const ASN1_STRING *string, struct bytes *ret);

/* NULL when it is none of ours. */
const struct ike_signature_scheme *x509_scheme(const X509_ALGOR *algorithm, int *ret_salt_length);

/* False when memory ran out. */
bool x509_crl_uris(const X509 *x509, struct x509_uris *ret);
bool x509_ocsp_uris(const X509 *x509, struct x509_uris *ret);
void x509_uris_free(struct x509_uris *uris);

#endif
