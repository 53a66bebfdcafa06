/*
 * Certificate revocation lists (RFC 5280 5), full and delta. Parsed once, immutable,
 * reference-counted. Times are seconds since 1970 UTC.
 */
#ifndef LIBIKE_CRYPTO_CRL_H
#define LIBIKE_CRYPTO_CRL_H

#include "libike/crypto/certificate.h"

struct ike_crl;

#define IKE_CRL_LENGTH_MAX 16777216

/* DER or PEM. NULL with a reason: also for lists that speak for other CAs (indirect ones), for some
 * reasons alone, or that have critical extensions that we don't know. */
MUST_USE struct ike_crl *ike_crl_parse(
	OSSL_LIB_CTX *library, struct bytes encoded, struct why *why);
struct ike_crl *ike_crl_hold(struct ike_crl *crl);
void ike_crl_free(struct ike_crl *crl);

const struct ike_identity *ike_crl_issuer(const struct ike_crl *crl);
struct bytes ike_crl_der(const struct ike_crl *crl);
struct bytes ike_crl_serial(const struct ike_crl *crl);      /* the CRL number; maybe empty */
struct bytes ike_crl_base_serial(const struct ike_crl *crl); /* of a delta; empty: it is none */
struct bytes ike_crl_authority_key_id(const struct ike_crl *crl);
int64_t ike_crl_this_update(const struct ike_crl *crl);
int64_t ike_crl_next_update(const struct ike_crl *crl); /* 0: not said */
X509_CRL *ike_crl_x509(const struct ike_crl *crl);      /* borrowed */

/* Whether issuer signed it (and may: key usage). */
bool ike_crl_signed_by(const struct ike_crl *crl, const struct ike_certificate *issuer);
/* Whether its scope has certificates of that kind: it may be one for CAs alone, or for ends. What
 * it does not cover it says nothing about. */
bool ike_crl_covers(const struct ike_crl *crl, const struct ike_certificate *certificate);

enum ike_crl_entry {
	IKE_CRL_ABSENT,
	IKE_CRL_REVOKED,
	IKE_CRL_REMOVED, /* a delta takes back what its base said */
};
enum ike_crl_entry ike_crl_find(
	const struct ike_crl *crl, struct bytes serial, int64_t *ret_when, const char **ret_reason);

#endif
