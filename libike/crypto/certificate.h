/*
 * Certificates: X.509 (RFC 5280), and raw public keys dressed as one (RFC 7670).
 *
 * Parsed once (OpenSSL), then immutable; reference-counted, not atomically. Times are seconds since
 * 1970 UTC. Whether a certificate is to be trusted is asked of trust.h.
 */
#ifndef LIBIKE_CRYPTO_CERTIFICATE_H
#define LIBIKE_CRYPTO_CERTIFICATE_H

#include "libike/base/identity.h"
#include "libike/crypto/signature.h"

enum ike_certificate_kind {
	IKE_CERTIFICATE_X509,
	IKE_CERTIFICATE_PUBLIC_KEY, /* a key and, maybe, whose it is */
};

struct ike_certificate;

#define IKE_CERTIFICATE_LENGTH_MAX 65536

/* DER or PEM (one). NULL with a reason that says what is wrong with it: besides what is malformed,
 * extensions that stand twice, names with a NUL, and keys that public_key.h refuses. */
MUST_USE struct ike_certificate *ike_certificate_parse(
	OSSL_LIB_CTX *library, struct bytes encoded, struct why *why);
/* A raw key; subject may be NULL (then the key's id is its identity). Holds both. */
MUST_USE struct ike_certificate *ike_certificate_of_key(
	struct ike_public_key *key, struct ike_identity *subject);
struct ike_certificate *ike_certificate_hold(struct ike_certificate *c);
void ike_certificate_free(struct ike_certificate *c); /* drops one reference; NULL is fine */

uint8_t ike_certificate_kind(const struct ike_certificate *c);
struct bytes ike_certificate_der(const struct ike_certificate *c); /* a raw key: its SPKI */
struct ike_public_key *ike_certificate_key(const struct ike_certificate *c); /* borrowed */
X509 *ike_certificate_x509(const struct ike_certificate *c); /* borrowed; NULL: raw key */
bool ike_certificate_equal(const struct ike_certificate *a, const struct ike_certificate *b);

const struct ike_identity *ike_certificate_subject(const struct ike_certificate *c);
const struct ike_identity *ike_certificate_issuer(const struct ike_certificate *c); /* or NULL */
struct bytes ike_certificate_serial(const struct ike_certificate *c);
struct bytes ike_certificate_subject_key_id(const struct ike_certificate *c);   /* maybe empty */
struct bytes ike_certificate_authority_key_id(const struct ike_certificate *c); /* maybe empty */
int64_t ike_certificate_not_before(const struct ike_certificate *c);
int64_t ike_certificate_not_after(const struct ike_certificate *c);
bool ike_certificate_is_ca(const struct ike_certificate *c); /* basicConstraints of version 3 */
bool ike_certificate_is_self_signed(const struct ike_certificate *c); /* issuer is subject */
int ike_certificate_path_length(const struct ike_certificate *c);     /* -1: not limited */
/* What it is signed with; NULL: nothing that we accept (MD5...), or a raw key. */
const struct ike_signature_scheme *ike_certificate_scheme(
	const struct ike_certificate *c, int *ret_salt_length);

/* Lists: index from 0; NULL after the last; borrowed. */
const struct ike_identity *ike_certificate_alt_name(const struct ike_certificate *c, size_t index);
const char *ike_certificate_crl_uri(const struct ike_certificate *c, size_t index);
const char *ike_certificate_ocsp_uri(const struct ike_certificate *c, size_t index);

/* How well the certificate proves an identity: subject DN (as ike_identity_match() compares), a
 * subjectAltName, or its key ids for ID_KEY_ID; IKE_MATCH_NONE: not at all. The other way round it
 * is asked for patterns: "CN=*". */
unsigned ike_certificate_match(const struct ike_certificate *c, const struct ike_identity *id);

#endif
