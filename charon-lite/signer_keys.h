/*
 * The signer's private keys: parsed, kept by handle, used.
 *
 * In the signer process alone. No I/O. Keys are OpenSSL's objects, which it clears when they are
 * freed.
 */
#ifndef CHARON_LITE_SIGNER_KEYS_H
#define CHARON_LITE_SIGNER_KEYS_H

#include "libike/crypto/signature.h"

/* A private key as files have it: PEM or DER; PKCS#8, PKCS#1, SEC1. type: VICI's, "rsa", "ecdsa",
 * "ed25519", "ed448", "pkcs8", "any". What is encrypted is refused: whoever sends it has the
 * passphrase. The key is tried out. NULL with a reason. */
MUST_USE EVP_PKEY *cl_private_key_parse(
	OSSL_LIB_CTX *library, const char *type, struct bytes encoded, struct why *why);

struct cl_signer_keys;

struct cl_signer_keys *cl_signer_keys_new(OSSL_LIB_CTX *library); /* borrowed */
void cl_signer_keys_free(struct cl_signer_keys *keys);

/* Parses and keeps; a key of that handle is replaced. The public half is the caller's. NULL with a
 * reason. */
MUST_USE struct ike_public_key *cl_signer_keys_load(struct cl_signer_keys *keys, uint64_t handle,
	const char *type, struct bytes encoded, struct why *why);
void cl_signer_keys_unload(struct cl_signer_keys *keys, uint64_t handle);
EVP_PKEY *cl_signer_keys_find(const struct cl_signer_keys *keys, uint64_t handle); /* borrowed */

/* The signature's length; 0 with a reason. */
size_t cl_signer_keys_sign(const struct cl_signer_keys *keys, uint64_t handle, const char *scheme,
	struct bytes data, uint8_t ret[IKE_SIGNATURE_MAX], struct why *why);

#endif
