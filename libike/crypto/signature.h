/*
 * Signature schemes: the table of those that IKE peers and certificates use, and verification.
 *
 * AUTH names a scheme in one of two ways: the classic methods (RFC 7296 3.8, RFC 4754), or method
 * 14 with an AlgorithmIdentifier (RFC 7427, RFC 8420) for hashes that the peer said it knows. The
 * words of swanctl.conf's `auth` name what is allowed.
 */
#ifndef LIBIKE_CRYPTO_SIGNATURE_H
#define LIBIKE_CRYPTO_SIGNATURE_H

#include "libike/crypto/public_key.h"

/* RFC 7427 7: IANA "IKEv2 Hash Algorithms". */
enum ike_hash {
	IKE_HASH_NONE = 0,
	IKE_HASH_SHA1 = 1,
	IKE_HASH_SHA2_256 = 2,
	IKE_HASH_SHA2_384 = 3,
	IKE_HASH_SHA2_512 = 4,
	IKE_HASH_IDENTITY = 5, /* Ed25519, Ed448 (RFC 8420) */
};
#define IKE_HASH_BIT(hash) (1u << (hash))

struct ike_signature_scheme {
	const char
		*name; /* strongSwan's: "RSA_EMSA_PKCS1_SHA2_256", "ECDSA_WITH_SHA384_DER", ... */
	uint8_t key_type;       /* enum ike_key_type */
	uint8_t hash;           /* enum ike_hash */
	bool pss;               /* RSASSA-PSS, salt as long as the hash, MGF1 of the same hash */
	uint8_t auth_method;    /* of a classic one: 1 RSA, 9 to 11 ECDSA; else 0 */
	int curve;              /* classic ECDSA: NID that the method is bound to; else 0 */
	const char *digest;     /* OpenSSL's name; NULL with IKE_HASH_IDENTITY */
	struct bytes algorithm; /* DER AlgorithmIdentifier (RFC 7427 appendix A); empty: not for
				   method 14 */
	/* IKEv1 (RFC 2409 5.1, RFC 4754): signs a hash as it is, neither hashed again nor named. */
	bool raw;
	bool weak; /* SHA-1: only where a definition asks for it or the peer lacks RFC 7427 */
};

/* The table in order; NULL first, NULL after the last. */
const struct ike_signature_scheme *ike_signature_next(const struct ike_signature_scheme *previous);
const struct ike_signature_scheme *ike_signature_find(const char *name);
/* By the AlgorithmIdentifier of a method 14 AUTH or of a certificate; NULL when unknown. PSS
 * parameters are parsed: defaults may be written out or left out. Salt lengths other than the
 * hash's are taken too. Others must be written as RFC 7427 has them. ret_salt_length: -1 unless
 * PSS. */
const struct ike_signature_scheme *ike_signature_by_algorithm(
	struct bytes der, int *ret_salt_length);
/* By a classic method and the key's type and curve. Method 1 is RSA with SHA-1. */
const struct ike_signature_scheme *ike_signature_by_method(
	uint8_t auth_method, const struct ike_public_key *key);

/* IKEv1's for that key, whose signatures are r | s for ECDSA; NULL when it has none (Edwards
 * curves, other curves than its three). */
const struct ike_signature_scheme *ike_signature_raw(const struct ike_public_key *key);

/* Verifies strictly: DER without garbage, s and r in range (OpenSSL), exact lengths. Classic ECDSA
 * signatures are r | s (RFC 4754), of method 14 DER (RFC 7427): scheme says which. salt_length of
 * PSS, -1: the hash's. */
MUST_USE bool ike_signature_verify(const struct ike_public_key *key,
	const struct ike_signature_scheme *scheme, int salt_length, struct bytes data,
	struct bytes signature);

/* With a private key that OpenSSL has: the signer's half (libike itself never has one). Returns the
 * length, 0 when it failed. room: IKE_SIGNATURE_MAX. */
#define IKE_SIGNATURE_MAX 2048
MUST_USE size_t ike_signature_make(OSSL_LIB_CTX *library, EVP_PKEY *private_key,
	const struct ike_signature_scheme *scheme, struct bytes data,
	uint8_t ret[IKE_SIGNATURE_MAX]);

/* ---- What a definition allows: `auth = rsa-2048-ecdsa-256-sha256`, `ike:rsa/pss-sha384` ---- */

#define IKE_SIGNATURE_SCHEMES_MAX 24

struct ike_signature_policy {
	uint8_t key_types; /* bits 1 << enum ike_key_type allowed; 0: all */
	uint16_t
		rsa_bits; /* least, of every key of the chain; 0: what the library refuses anyway */
	uint16_t ecdsa_bits;
	/* In order of preference; count 0: none is asked for. */
	const struct ike_signature_scheme *ike[IKE_SIGNATURE_SCHEMES_MAX]; /* of AUTH */
	const struct ike_signature_scheme
		*trust[IKE_SIGNATURE_SCHEMES_MAX]; /* of the certificates */
	uint8_t ike_count;
	uint8_t trust_count;
};

/* `text` is what follows: "pubkey", "rsa...", "ecdsa...", "ed25519", "ed448", "ike:..." of
 * swanctl.conf(5) local.auth and remote.auth. Adds to ret. */
MUST_USE bool ike_signature_policy_parse(
	const char *text, struct ike_signature_policy *ret, struct why *why);
bool ike_signature_policy_equal(
	const struct ike_signature_policy *a, const struct ike_signature_policy *b);

/* What we sign with: the best of the policy's schemes (or of all, the hash fitting the key's size)
 * whose hash the peer knows. peer_hashes: bits IKE_HASH_BIT(); 0: the peer does not do RFC 7427, so
 * classic methods alone. ret_method: 14 or the classic one. NULL with a reason when none is left.
 */
const struct ike_signature_scheme *ike_signature_choose(const struct ike_public_key *key,
	const struct ike_signature_policy *policy, uint32_t peer_hashes, uint8_t *ret_method,
	struct why *why);

/* Whether a scheme may be used in AUTH, by that key, under the policy; the reason names the key. */
MUST_USE bool ike_signature_allowed(const struct ike_signature_policy *policy,
	const struct ike_signature_scheme *scheme, const struct ike_public_key *key,
	struct why *why);

/* The same for a key in the chain of certificates, and for a certificate's signature. Where key
 * lengths are given, types of key without one are not allowed in the chain; SHA-1 only where the
 * policy names it. */
MUST_USE bool ike_signature_key_trusted(const struct ike_signature_policy *policy,
	const struct ike_public_key *key, struct why *why);
MUST_USE bool ike_signature_trusted(const struct ike_signature_policy *policy,
	const struct ike_signature_scheme *scheme, struct why *why);

#endif
