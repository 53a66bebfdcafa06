#include "libike/crypto/legacy.h"

#include "libike/crypto/crypto_priv.h"

#include <openssl/err.h>
#include <openssl/provider.h>

/* The providers that are there stay. */
static bool load_module(struct ike_crypto *crypto)
{
	if (!crypto->legacy)
		crypto->legacy = OSSL_PROVIDER_try_load(crypto->library, "legacy", 1);
	ERR_clear_error();
	return crypto->legacy != NULL;
}

bool ike_md4_check(struct ike_crypto *crypto, struct why *why)
{
	if (crypto_digest_get(crypto, "MD4") ||
		(load_module(crypto) && crypto_digest_get(crypto, "MD4")))
		return true;
	return why_fail(why, "OpenSSL has no MD4 here: its module legacy.so is missing");
}

bool ike_md4(struct ike_crypto *crypto, const struct bytes *parts, size_t count,
	uint8_t ret[IKE_MD4_LENGTH])
{
	return ike_md4_check(crypto, NULL) && crypto_hash(crypto, "MD4", parts, count, ret);
}

bool ike_md5(struct ike_crypto *crypto, const struct bytes *parts, size_t count,
	uint8_t ret[IKE_MD5_LENGTH])
{
	return crypto_hash(crypto, "MD5", parts, count, ret);
}

/* Seven bits in each octet, with the parity bit (which nobody looks at) zero. */
static void spread_key(const uint8_t key[IKE_DES_KEY], uint8_t ret[IKE_DES_BLOCK])
{
	uint64_t bits = 0;

	for (size_t i = 0; i < IKE_DES_KEY; i++)
		bits = bits << 8 | key[i];
	for (size_t i = 0; i < IKE_DES_BLOCK; i++)
		ret[i] = (uint8_t)((bits >> (49 - 7 * i) & 0x7f) << 1);
}

bool ike_des(struct ike_crypto *crypto, const uint8_t key[IKE_DES_KEY],
	const uint8_t block[IKE_DES_BLOCK], uint8_t ret[IKE_DES_BLOCK])
{
	uint8_t keys[3 * IKE_DES_BLOCK];
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(crypto->library, "DES-EDE3-ECB", NULL);
	EVP_CIPHER_CTX *context = cipher ? EVP_CIPHER_CTX_new() : NULL;
	int length = 0;

	for (size_t i = 0; i < 3; i++)
		spread_key(key, keys + i * IKE_DES_BLOCK);
	bool ok = context && EVP_EncryptInit_ex2(context, cipher, keys, NULL, NULL) &&
		  EVP_CIPHER_CTX_set_padding(context, 0) &&
		  EVP_EncryptUpdate(context, ret, &length, block, IKE_DES_BLOCK) &&
		  length == IKE_DES_BLOCK;
	if (!ok)
		ERR_clear_error();
	secret_wipe(keys, sizeof(keys));
	EVP_CIPHER_CTX_free(context);
	EVP_CIPHER_free(cipher);
	return ok;
}
