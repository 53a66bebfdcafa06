/*
 * OCSP (RFC 6960, nonces RFC 8954): requests made, responses read and verified.
 *
 * A response counts when who signed it may: the issuer itself, a certificate of the issuer's with
 * id-kp-OCSPSigning, or one that was loaded to sign responses. Signatures with MD5 or SHA-1 do not
 * count. Times are seconds since 1970 UTC, and `now` is a parameter: nothing here reads a clock.
 */
#ifndef LIBIKE_CRYPTO_OCSP_H
#define LIBIKE_CRYPTO_OCSP_H

#include "libike/crypto/certificate.h"

#define IKE_OCSP_NONCE_MAX 32
#define IKE_OCSP_LENGTH_MAX 65536
/* How far ahead of ours the clock of who says something may be. */
#define IKE_REVOCATION_SKEW 300
/* A response without nextUpdate is good for that long after thisUpdate. */
#define IKE_OCSP_AGE 300

enum ike_ocsp_status {
	IKE_OCSP_GOOD,
	IKE_OCSP_REVOKED,
	IKE_OCSP_UNKNOWN, /* the responder does not know it */
};

struct ike_ocsp_question {
	OSSL_LIB_CTX *library;
	const struct ike_certificate *certificate;
	const struct ike_certificate *issuer;
	/* Loaded to sign responses. */
	struct ike_certificate *const *signers;
	size_t signer_count;
	int64_t now;
	struct bytes nonce; /* that was sent; empty: none was */
};

struct ike_ocsp_answer {
	uint8_t status; /* enum ike_ocsp_status */
	int64_t this_update;
	int64_t until;                        /* nextUpdate, or thisUpdate and IKE_OCSP_AGE */
	int64_t revoked_at;                   /* REVOKED */
	const char *reason;                   /* REVOKED: "key compromise"; NULL: none is given */
	uint8_t responder[IKE_KEY_ID_LENGTH]; /* SHA-1 of its key's bits */
	/* Held for the caller: a signer that the issuer made, which may itself be revoked, as it
	 * has no id-pkix-ocsp-nocheck; NULL: nothing to ask. */
	struct ike_certificate *delegate;
};

/* DER on the heap; nonce may be empty. */
MUST_USE bool ike_ocsp_request(const struct ike_certificate *certificate,
	const struct ike_certificate *issuer, struct bytes nonce, struct bytes *ret,
	struct why *why);

/* False with a reason: not about this certificate, not now, not by somebody who may. */
MUST_USE bool ike_ocsp_read(const struct ike_ocsp_question *question, struct bytes der,
	struct ike_ocsp_answer *ret, struct why *why);

#endif
