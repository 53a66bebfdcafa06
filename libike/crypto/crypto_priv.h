/*
 * What the files of crypto/ share: the context with everything that was fetched from OpenSSL.
 *
 * Slots are filled at first use and kept, because fetching and allocating cost OpenSSL 3.0 more
 * than the mathematics. Fixed arrays: there are few algorithms.
 */
#ifndef LIBIKE_CRYPTO_CRYPTO_PRIV_H
#define LIBIKE_CRYPTO_CRYPTO_PRIV_H

#include "libike/crypto/crypto.h"

#include <openssl/evp.h>

#define CRYPTO_DIGESTS 6
#define CRYPTO_CIPHERS 40
#define CRYPTO_GROUPS 38 /* indexed by group number */

/* The largest block of a digest and the largest digest (SHA-512). */
#define HMAC_BLOCK_MAX 128
#define MAC_OUTPUT_MAX 64

struct crypto_digest {
	const char *name; /* a row's openssl_digest; NULL in a free slot */
	EVP_MD *digest;
	size_t block, output;
};

struct crypto_cipher {
	const struct ike_algorithm *algorithm; /* NULL in a free slot */
	EVP_CIPHER_CTX *context;
};

struct ike_crypto {
	OSSL_LIB_CTX *library;
	struct crypto_digest digests[CRYPTO_DIGESTS];
	OSSL_PROVIDER *legacy;     /* NULL: not needed yet, or not there */
	EVP_MD_CTX *hash;          /* for hashing one thing after another */
	EVP_MAC_CTX *cmac;         /* AES-128-CMAC */
	EVP_CIPHER_CTX *aes_block; /* AES-128-ECB, what XCBC is made of */
	struct crypto_cipher ciphers[CRYPTO_CIPHERS];
	EVP_PKEY_CTX *key_makers[CRYPTO_GROUPS];
};

/* NULL when OpenSSL lacks it. */
const struct crypto_digest *crypto_digest_get(struct ike_crypto *crypto, const char *name);
EVP_CIPHER_CTX *crypto_cipher_get(struct ike_crypto *crypto, const struct ike_algorithm *algorithm);
EVP_CIPHER_CTX *crypto_aes_block_get(struct ike_crypto *crypto);
EVP_MAC_CTX *crypto_cmac_get(struct ike_crypto *crypto);
/* Makes key pairs of a group; in key_exchange.c. */
EVP_PKEY_CTX *crypto_key_maker_get(struct ike_crypto *crypto, uint16_t group);

/* digest(parts...), by the digest's name; false when OpenSSL lacks it. */
bool crypto_hash(struct ike_crypto *crypto, const char *name, const struct bytes *parts,
	size_t count, uint8_t *ret);

/* The MAC of a PRF's or an integrity algorithm's row over parts, untruncated. Returns its length,
 * 0 on failure. */
size_t crypto_mac(struct ike_crypto *crypto, const struct ike_algorithm *algorithm,
	struct bytes key, const struct bytes *parts, size_t count, uint8_t ret[MAC_OUTPUT_MAX]);

#endif
