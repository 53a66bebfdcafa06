/*
 * Message authentication: PRFs, prf+, and the MACs under integrity algorithms.
 *
 * HMAC (RFC 2104) is laid over one kept digest context: OpenSSL 3.0's own re-keys in twice the
 * time. XCBC (RFC 3566) is not in OpenSSL and is built from its AES.
 */
#include "libike/crypto/crypto_priv.h"

#include <openssl/err.h>

#define AES_BLOCK 16

/* ---- Hashes and HMAC ---- */

/* digest(first | parts...); first may be empty. */
static bool hash_parts(EVP_MD_CTX *context, const struct crypto_digest *digest, struct bytes first,
	const struct bytes *parts, size_t count, uint8_t *ret)
{
	if (!EVP_DigestInit_ex2(context, digest->digest, NULL) ||
		!EVP_DigestUpdate(context, first.at, first.length))
		return false;
	for (size_t i = 0; i < count; i++)
		if (!EVP_DigestUpdate(context, parts[i].at, parts[i].length))
			return false;
	return EVP_DigestFinal_ex(context, ret, NULL);
}

bool crypto_hash(struct ike_crypto *crypto, const char *name, const struct bytes *parts,
	size_t count, uint8_t *ret)
{
	const struct crypto_digest *digest = crypto_digest_get(crypto, name);

	return digest && hash_parts(crypto->hash, digest, bytes_of(NULL, 0), parts, count, ret);
}

bool ike_sha1(struct ike_crypto *crypto, const struct bytes *parts, size_t count, uint8_t ret[20])
{
	return crypto_hash(crypto, "SHA1", parts, count, ret);
}

/* The key, filled up to a block and combined with the two constants. */
struct hmac_key {
	uint8_t inner[HMAC_BLOCK_MAX];
	uint8_t outer[HMAC_BLOCK_MAX];
};

static bool hmac_key_make(EVP_MD_CTX *context, const struct crypto_digest *digest, struct bytes key,
	struct hmac_key *ret)
{
	memset(ret->inner, 0, digest->block);
	if (key.length > digest->block) {
		if (!hash_parts(context, digest, key, NULL, 0, ret->inner))
			return false;
	} else {
		bytes_copy(ret->inner, key);
	}
	for (size_t i = 0; i < digest->block; i++) {
		ret->outer[i] = ret->inner[i] ^ 0x5c;
		ret->inner[i] ^= 0x36;
	}
	return true;
}

static bool hmac_parts(EVP_MD_CTX *context, const struct crypto_digest *digest,
	const struct hmac_key *key, const struct bytes *parts, size_t count, uint8_t *ret)
{
	uint8_t inner[MAC_OUTPUT_MAX];
	const struct bytes inner_view = { inner, digest->output };
	bool ok = hash_parts(context, digest, bytes_of(key->inner, digest->block), parts, count,
			  inner) &&
		  hash_parts(context, digest, bytes_of(key->outer, digest->block), &inner_view, 1,
			  ret);

	secret_wipe(inner, digest->output);
	return ok;
}

/* ---- AES-XCBC-MAC (RFC 3566), untruncated; CMAC (RFC 4493) ---- */

static bool aes_blocks(EVP_CIPHER_CTX *aes, const uint8_t *from, size_t length, uint8_t *to)
{
	int written;

	return EVP_EncryptUpdate(aes, to, &written, from, (int)length);
}

/* The chain over whole blocks, holding the last block back as it is treated apart. */
struct xcbc {
	EVP_CIPHER_CTX *aes;
	uint8_t chain[AES_BLOCK];
	uint8_t held[AES_BLOCK];
	size_t held_length;
};

static bool xcbc_step(struct xcbc *x)
{
	for (size_t i = 0; i < AES_BLOCK; i++)
		x->chain[i] ^= x->held[i];
	return aes_blocks(x->aes, x->chain, AES_BLOCK, x->chain);
}

static bool xcbc_add(struct xcbc *x, struct bytes part)
{
	while (part.length) {
		if (x->held_length == AES_BLOCK) {
			if (!xcbc_step(x))
				return false;
			x->held_length = 0;
		}
		size_t room = AES_BLOCK - x->held_length;
		size_t take = part.length < room ? part.length : room;

		memcpy(x->held + x->held_length, part.at, take);
		x->held_length += take;
		part = bytes_of(part.at + take, part.length - take);
	}
	return true;
}

/* key is 16 bytes. */
static bool xcbc_mac(struct ike_crypto *crypto, const uint8_t *key, const struct bytes *parts,
	size_t count, uint8_t *ret)
{
	struct xcbc x = { .aes = crypto_aes_block_get(crypto) };
	uint8_t keys[3 * AES_BLOCK]; /* K1, K2 for a full last block, K3 for a padded one */
	bool ok;

	memset(keys, 1, AES_BLOCK);
	memset(keys + AES_BLOCK, 2, AES_BLOCK);
	memset(keys + 2 * AES_BLOCK, 3, AES_BLOCK);
	ok = x.aes && EVP_EncryptInit_ex2(x.aes, NULL, key, NULL, NULL) &&
	     aes_blocks(x.aes, keys, sizeof(keys), keys) &&
	     EVP_EncryptInit_ex2(x.aes, NULL, keys, NULL, NULL);
	for (size_t i = 0; ok && i < count; i++)
		ok = xcbc_add(&x, parts[i]);
	if (ok) {
		const uint8_t *last = keys + AES_BLOCK;

		if (x.held_length < AES_BLOCK) {
			memset(x.held + x.held_length, 0, AES_BLOCK - x.held_length);
			x.held[x.held_length] = 0x80;
			last += AES_BLOCK;
		}
		for (size_t i = 0; i < AES_BLOCK; i++)
			x.held[i] ^= last[i];
		ok = xcbc_step(&x);
	}
	if (ok)
		memcpy(ret, x.chain, AES_BLOCK);
	secret_wipe(keys, sizeof(keys));
	secret_wipe(&x, sizeof(x));
	return ok;
}

/* key is 16 bytes. */
static bool cmac_mac(struct ike_crypto *crypto, const uint8_t *key, const struct bytes *parts,
	size_t count, uint8_t *ret)
{
	EVP_MAC_CTX *mac = crypto_cmac_get(crypto);

	if (!mac || !EVP_MAC_init(mac, key, AES_BLOCK, NULL))
		return false;
	for (size_t i = 0; i < count; i++)
		if (!EVP_MAC_update(mac, parts[i].at, parts[i].length))
			return false;
	return EVP_MAC_final(mac, ret, NULL, AES_BLOCK);
}

/* ---- By row of the registry ---- */

/* A key made ready: HMAC's pads, or the 16 bytes of an AES-based MAC. */
struct mac_key {
	const struct ike_algorithm *algorithm;
	const struct crypto_digest *digest; /* of an HMAC, else NULL */
	size_t output;
	union {
		struct hmac_key hmac;
		uint8_t aes[AES_BLOCK];
	};
};

static bool is_xcbc(const struct ike_algorithm *algorithm)
{
	return !algorithm->openssl_name;
}

static bool aes_mac(struct ike_crypto *crypto, const struct ike_algorithm *algorithm,
	const uint8_t *key, const struct bytes *parts, size_t count, uint8_t *ret)
{
	return is_xcbc(algorithm) ? xcbc_mac(crypto, key, parts, count, ret)
				  : cmac_mac(crypto, key, parts, count, ret);
}

/* PRF keys of other lengths than 16: XCBC fills short ones up with zeros and MACs long ones
 * (RFC 4434 2), CMAC MACs both (RFC 4615 3). */
static bool aes_key_make(struct ike_crypto *crypto, const struct ike_algorithm *algorithm,
	struct bytes key, uint8_t *ret)
{
	static const uint8_t zeros[AES_BLOCK];

	if (key.length != AES_BLOCK && algorithm->type != IKE_TRANSFORM_PRF)
		return false;
	if (key.length != AES_BLOCK && (key.length > AES_BLOCK || !is_xcbc(algorithm)))
		return aes_mac(crypto, algorithm, zeros, &key, 1, ret);
	memset(ret, 0, AES_BLOCK);
	bytes_copy(ret, key);
	return true;
}

static bool mac_key_make(struct ike_crypto *crypto, const struct ike_algorithm *algorithm,
	struct bytes key, struct mac_key *ret)
{
	ret->algorithm = algorithm;
	ret->digest = NULL;
	ret->output = AES_BLOCK;
	if (!algorithm->openssl_digest)
		return aes_key_make(crypto, algorithm, key, ret->aes);
	ret->digest = crypto_digest_get(crypto, algorithm->openssl_digest);
	if (!ret->digest)
		return false;
	ret->output = ret->digest->output;
	return hmac_key_make(crypto->hash, ret->digest, key, &ret->hmac);
}

static bool mac_parts(struct ike_crypto *crypto, const struct mac_key *key,
	const struct bytes *parts, size_t count, uint8_t *ret)
{
	if (key->digest)
		return hmac_parts(crypto->hash, key->digest, &key->hmac, parts, count, ret);
	return aes_mac(crypto, key->algorithm, key->aes, parts, count, ret);
}

size_t crypto_mac(struct ike_crypto *crypto, const struct ike_algorithm *algorithm,
	struct bytes key, const struct bytes *parts, size_t count, uint8_t ret[MAC_OUTPUT_MAX])
{
	struct mac_key ready;
	size_t output = 0;

	if (mac_key_make(crypto, algorithm, key, &ready) &&
		mac_parts(crypto, &ready, parts, count, ret))
		output = ready.output;
	else
		ERR_clear_error();
	secret_wipe(&ready, sizeof(ready));
	return output;
}

bool ike_prf(struct ike_crypto *crypto, uint16_t prf, struct bytes key, const struct bytes *parts,
	size_t count, uint8_t *ret)
{
	const struct ike_algorithm *algorithm = ike_algorithm_find(IKE_TRANSFORM_PRF, prf, 0);

	return algorithm && crypto_mac(crypto, algorithm, key, parts, count, ret) != 0;
}

/* prf+ (K,S) = T1 | T2 | T3 | T4 | ...
 *   T1 = prf (K, S | 0x01)
 *   T2 = prf (K, T1 | S | 0x02) ...      (RFC 7296 2.13) */
static bool prf_plus_blocks(struct ike_crypto *crypto, const struct mac_key *key,
	const struct bytes *parts, size_t count, struct bytes ret_room)
{
	uint8_t *to = (uint8_t *)ret_room.at;
	uint8_t block[MAC_OUTPUT_MAX], number = 0;
	struct bytes input[2 + IKE_PRF_PLUS_PARTS_MAX];
	bool ok = true;

	for (size_t i = 0; i < count; i++)
		input[1 + i] = parts[i];
	input[1 + count] = bytes_of(&number, 1);
	for (size_t left = ret_room.length; ok && left;) {
		input[0] = bytes_of(block, number ? key->output : 0);
		number++;
		ok = mac_parts(crypto, key, input, count + 2, block);
		if (ok) {
			size_t take = left < key->output ? left : key->output;

			memcpy(to, block, take);
			to += take;
			left -= take;
		}
	}
	secret_wipe(block, sizeof(block));
	return ok;
}

bool ike_prf_plus(struct ike_crypto *crypto, uint16_t prf, struct bytes key,
	const struct bytes *parts, size_t count, struct bytes ret_room)
{
	const struct ike_algorithm *algorithm = ike_algorithm_find(IKE_TRANSFORM_PRF, prf, 0);
	struct mac_key ready;
	bool ok;

	if (!algorithm || count > IKE_PRF_PLUS_PARTS_MAX ||
		ret_room.length > (size_t)255 * algorithm->output_length)
		return false;
	ok = mac_key_make(crypto, algorithm, key, &ready) &&
	     prf_plus_blocks(crypto, &ready, parts, count, ret_room);
	if (!ok)
		ERR_clear_error();
	secret_wipe(&ready, sizeof(ready));
	return ok;
}
