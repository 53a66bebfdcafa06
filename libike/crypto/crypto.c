/* The context: what was fetched from OpenSSL, and randomness. */
#include "libike/crypto/crypto_priv.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <openssl/rand.h>
#include <stdlib.h>

struct ike_crypto *ike_crypto_new(OSSL_LIB_CTX *library, struct why *why)
{
	struct ike_crypto *crypto = calloc(1, sizeof(*crypto));

	if (crypto) {
		crypto->library = library;
		crypto->hash = EVP_MD_CTX_new();
	}
	if (!crypto || !crypto->hash) {
		ike_crypto_free(crypto);
		why_fail(why, "out of memory");
		return NULL;
	}
	/* Without these two not even NAT detection or the mandatory suite (RFC 8247) works. */
	if (!crypto_digest_get(crypto, "SHA1") || !crypto_digest_get(crypto, "SHA2-256")) {
		ike_crypto_free(crypto);
		why_fail(why, "OpenSSL has neither SHA-1 nor SHA-256 here: is its default provider "
			      "loaded");
		return NULL;
	}
	return crypto;
}

void ike_crypto_free(struct ike_crypto *crypto)
{
	if (!crypto)
		return;
	for (size_t i = 0; i < CRYPTO_DIGESTS; i++)
		EVP_MD_free(crypto->digests[i].digest);
	for (size_t i = 0; i < CRYPTO_CIPHERS; i++)
		EVP_CIPHER_CTX_free(crypto->ciphers[i].context);
	for (size_t i = 0; i < CRYPTO_GROUPS; i++)
		EVP_PKEY_CTX_free(crypto->key_makers[i]);
	EVP_MD_CTX_free(crypto->hash);
	EVP_MAC_CTX_free(crypto->cmac);
	EVP_CIPHER_CTX_free(crypto->aes_block);
	if (crypto->legacy)
		OSSL_PROVIDER_unload(crypto->legacy);
	free(crypto);
}

const struct crypto_digest *crypto_digest_get(struct ike_crypto *crypto, const char *name)
{
	struct crypto_digest *slot = crypto->digests;

	for (; slot < crypto->digests + CRYPTO_DIGESTS && slot->name; slot++)
		if (slot->name == name || strcmp(slot->name, name) == 0)
			return slot;
	if (slot == crypto->digests + CRYPTO_DIGESTS)
		return NULL;

	EVP_MD *digest = EVP_MD_fetch(crypto->library, name, NULL);
	if (!digest || EVP_MD_get_size(digest) > MAC_OUTPUT_MAX ||
		EVP_MD_get_block_size(digest) > HMAC_BLOCK_MAX) {
		ERR_clear_error();
		EVP_MD_free(digest);
		return NULL;
	}
	*slot = (struct crypto_digest){ name, digest, (size_t)EVP_MD_get_block_size(digest),
		(size_t)EVP_MD_get_size(digest) };
	return slot;
}

/* A context set up for the cipher, still without a key. */
static EVP_CIPHER_CTX *cipher_context(OSSL_LIB_CTX *library, const char *name)
{
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(library, name, NULL);
	EVP_CIPHER_CTX *context = cipher ? EVP_CIPHER_CTX_new() : NULL;

	if (!context || !EVP_CipherInit_ex2(context, cipher, NULL, NULL, 1, NULL) ||
		!EVP_CIPHER_CTX_set_padding(context, 0)) {
		ERR_clear_error();
		EVP_CIPHER_CTX_free(context);
		context = NULL;
	}
	EVP_CIPHER_free(cipher);
	return context;
}

/* CCM wants to know both lengths before the key. */
static bool ccm_prepare(EVP_CIPHER_CTX *context, const struct ike_algorithm *algorithm)
{
	return EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_IVLEN,
		       algorithm->salt_length + algorithm->iv_length, NULL) > 0 &&
	       EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, algorithm->icv_length, NULL) > 0;
}

EVP_CIPHER_CTX *crypto_cipher_get(struct ike_crypto *crypto, const struct ike_algorithm *algorithm)
{
	struct crypto_cipher *slot = crypto->ciphers;

	for (; slot < crypto->ciphers + CRYPTO_CIPHERS && slot->algorithm; slot++)
		if (slot->algorithm == algorithm)
			return slot->context;
	if (slot == crypto->ciphers + CRYPTO_CIPHERS || !algorithm->openssl_name)
		return NULL;

	EVP_CIPHER_CTX *context = cipher_context(crypto->library, algorithm->openssl_name);
	if (context && EVP_CIPHER_CTX_get_mode(context) == EVP_CIPH_CCM_MODE &&
		!ccm_prepare(context, algorithm)) {
		ERR_clear_error();
		EVP_CIPHER_CTX_free(context);
		return NULL;
	}
	if (context)
		*slot = (struct crypto_cipher){ algorithm, context };
	return context;
}

EVP_CIPHER_CTX *crypto_aes_block_get(struct ike_crypto *crypto)
{
	if (!crypto->aes_block)
		crypto->aes_block = cipher_context(crypto->library, "AES-128-ECB");
	return crypto->aes_block;
}

EVP_MAC_CTX *crypto_cmac_get(struct ike_crypto *crypto)
{
	char cipher[] = "AES-128-CBC";
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, cipher, 0),
		OSSL_PARAM_construct_end(),
	};

	if (crypto->cmac)
		return crypto->cmac;
	EVP_MAC *mac = EVP_MAC_fetch(crypto->library, "CMAC", NULL);
	EVP_MAC_CTX *context = mac ? EVP_MAC_CTX_new(mac) : NULL;

	EVP_MAC_free(mac);
	if (!context || !EVP_MAC_CTX_set_params(context, params)) {
		ERR_clear_error();
		EVP_MAC_CTX_free(context);
		return NULL;
	}
	crypto->cmac = context;
	return context;
}

static bool mac_supported(struct ike_crypto *crypto, const struct ike_algorithm *algorithm)
{
	if (algorithm->openssl_digest)
		return crypto_digest_get(crypto, algorithm->openssl_digest);
	return algorithm->openssl_name ? crypto_cmac_get(crypto) != NULL
				       : crypto_aes_block_get(crypto) != NULL;
}

bool ike_crypto_supports(struct ike_crypto *crypto, const struct ike_algorithm *algorithm)
{
	switch (algorithm->type) {
	case IKE_TRANSFORM_ENCRYPTION:
		/* NULL needs nothing of OpenSSL. */
		if (algorithm->id == IKE_ENCR_NULL_AUTH_AES_GMAC)
			return false; /* the kernel's alone */
		return algorithm->id == IKE_ENCR_NULL || crypto_cipher_get(crypto, algorithm);
	case IKE_TRANSFORM_PRF:
	case IKE_TRANSFORM_INTEGRITY:
		return mac_supported(crypto, algorithm);
	case IKE_TRANSFORM_KEY_EXCHANGE:
		return crypto_key_maker_get(crypto, algorithm->id);
	default:
		return true;
	}
}

bool ike_crypto_random(struct ike_crypto *crypto, void *ret, size_t length)
{
	if (RAND_bytes_ex(crypto->library, ret, length, 0) == 1)
		return true;
	ERR_clear_error();
	return false;
}
