/*
 * Public keys: RSA, ECDSA, Ed25519, Ed448, as certificates and files have them.
 *
 * Immutable and reference-counted (not atomically: a key belongs to one engine's thread). All
 * mathematics is OpenSSL's; what is refused here is what no policy should have to refuse: RSA below
 * 1024 bits, with an even exponent or the exponent 1, curves that we have no signature for or that
 * are written out, Edwards points of small order.
 */
#ifndef LIBIKE_CRYPTO_PUBLIC_KEY_H
#define LIBIKE_CRYPTO_PUBLIC_KEY_H

#include "libbase/bytes.h"
#include "libbase/why.h"

#include <openssl/types.h>

enum ike_key_type {
	IKE_KEY_ANY,
	IKE_KEY_RSA,
	IKE_KEY_ECDSA,
	IKE_KEY_ED25519,
	IKE_KEY_ED448,
};

const char *ike_key_type_name(uint8_t type); /* strongSwan's: "RSA", "ECDSA", "ED25519", "ED448" */

#define IKE_KEY_ID_LENGTH 20

struct ike_public_key;

/* From a DER SubjectPublicKeyInfo, a DER RSAPublicKey (PKCS#1), either of them in PEM, or RSA in
 * the form of a DNSKEY (RFC 3110: what follows "0s" in base64). NULL with a reason. library is
 * borrowed and must outlive the key. */
MUST_USE struct ike_public_key *ike_public_key_parse(
	OSSL_LIB_CTX *library, struct bytes encoded, struct why *why);
/* Of a key that OpenSSL has already (an X.509 certificate's). Takes no reference of pkey. */
MUST_USE struct ike_public_key *ike_public_key_of(
	OSSL_LIB_CTX *library, EVP_PKEY *pkey, struct why *why);
/* The same, with the SubjectPublicKeyInfo as it was written there: the ids are of that. */
MUST_USE struct ike_public_key *ike_public_key_of_info(
	OSSL_LIB_CTX *library, EVP_PKEY *pkey, struct bytes spki, struct why *why);
struct ike_public_key *ike_public_key_hold(struct ike_public_key *key);
void ike_public_key_free(struct ike_public_key *key); /* drops one reference; NULL is fine */

uint8_t ike_public_key_type(const struct ike_public_key *key); /* enum ike_key_type */
/* Of the RSA modulus, or of the curve's order: 2048, 256, 521; Ed25519 256, Ed448 456. */
unsigned ike_public_key_bits(const struct ike_public_key *key);
/* OpenSSL's NID of an ECDSA key's curve, else 0. */
int ike_public_key_curve(const struct ike_public_key *key);
EVP_PKEY *ike_public_key_pkey(const struct ike_public_key *key); /* borrowed */
OSSL_LIB_CTX *ike_public_key_library(const struct ike_public_key *key);
struct bytes ike_public_key_spki(const struct ike_public_key *key); /* DER; borrowed */
bool ike_public_key_equal(const struct ike_public_key *a, const struct ike_public_key *b);

/* SHA-1 of the subjectPublicKey's bits: what VICI calls keyid and get-keys lists. */
const uint8_t *ike_public_key_id(const struct ike_public_key *key);
/* SHA-1 of the whole SubjectPublicKeyInfo: what CERTREQ names a CA by (RFC 7296 3.7). */
const uint8_t *ike_public_key_info_id(const struct ike_public_key *key);

#endif
