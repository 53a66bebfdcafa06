/*
 * Sealing and opening of messages, in place.
 *
 *  0            head          head + iv                              length - icv      length
 *  | header ..   | IV          | payloads, padding, pad length        | ICV              |
 *  |<------------ authenticated, of an AEAD only up to head -------->|
 *                              |<-------------- encrypted ---------->|
 */
#include "libike/crypto/crypto_priv.h"

#include <limits.h>
#include <openssl/err.h>

#define NONCE_MAX 16

/* Where the parts of a message are. */
struct seal_layout {
	struct bytes header;
	uint8_t *iv, *text, *icv;
	int text_length;
};

size_t ike_seal_iv_length(const struct ike_seal_keys *keys)
{
	return keys->encryption->iv_length;
}

size_t ike_seal_icv_length(const struct ike_seal_keys *keys)
{
	return keys->encryption->aead ? keys->encryption->icv_length : keys->integrity->icv_length;
}

size_t ike_seal_block_length(const struct ike_seal_keys *keys)
{
	return keys->encryption->block_length;
}

static bool keys_fit(const struct ike_seal_keys *keys)
{
	const struct ike_algorithm *integrity = keys->integrity;

	if (keys->encryption_key.length != keys->encryption->key_length)
		return false;
	return keys->encryption->aead ||
	       (integrity && keys->integrity_key.length == integrity->key_length);
}

/* text_length: of the encrypted part. */
static bool layout_make(const struct ike_seal_keys *keys, uint8_t *message, size_t head,
	size_t text_length, struct seal_layout *ret)
{
	if (text_length == 0 || text_length % keys->encryption->block_length ||
		text_length > INT_MAX || head > INT_MAX)
		return false;
	ret->header = bytes_of(message, head);
	ret->iv = message + head;
	ret->text = ret->iv + keys->encryption->iv_length;
	ret->icv = ret->text + text_length;
	ret->text_length = (int)text_length;
	return true;
}

/* The cipher's nonce: salt and IV of an AEAD; RFC 3686 adds a block counter that starts at 1. */
static void nonce_make(const struct ike_seal_keys *keys, const uint8_t *iv, uint8_t ret[NONCE_MAX])
{
	const struct ike_algorithm *cipher = keys->encryption;
	struct bytes key = keys->encryption_key;

	memset(ret, 0, NONCE_MAX);
	bytes_copy(ret, bytes_of(key.at + key.length - cipher->salt_length, cipher->salt_length));
	memcpy(ret + cipher->salt_length, iv, cipher->iv_length);
	if (cipher->id == IKE_ENCR_AES_CTR)
		ret[NONCE_MAX - 1] = 1;
}

/* Keyed and with its nonce set; NULL on failure. */
static EVP_CIPHER_CTX *cipher_start(struct ike_crypto *crypto, const struct ike_seal_keys *keys,
	const uint8_t *iv, bool encrypt)
{
	EVP_CIPHER_CTX *context = crypto_cipher_get(crypto, keys->encryption);
	uint8_t nonce[NONCE_MAX];

	nonce_make(keys, iv, nonce);
	if (!context ||
		!EVP_CipherInit_ex2(context, NULL, keys->encryption_key.at, nonce, encrypt, NULL))
		return NULL;
	return context;
}

static bool classic_crypt(struct ike_crypto *crypto, const struct ike_seal_keys *keys,
	const struct seal_layout *at, bool encrypt)
{
	EVP_CIPHER_CTX *context = cipher_start(crypto, keys, at->iv, encrypt);
	int written;

	return context &&
	       EVP_CipherUpdate(context, at->text, &written, at->text, at->text_length) &&
	       written == at->text_length;
}

static bool aead_crypt(struct ike_crypto *crypto, const struct ike_seal_keys *keys,
	const struct seal_layout *at, bool encrypt)
{
	int icv = keys->encryption->icv_length, written;
	EVP_CIPHER_CTX *context = cipher_start(crypto, keys, at->iv, encrypt);
	uint8_t none[1];

	if (!context)
		return false;
	if (!encrypt && EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, icv, at->icv) <= 0)
		return false;
	/* CCM wants the length of the text in advance. */
	if (EVP_CIPHER_CTX_get_mode(context) == EVP_CIPH_CCM_MODE &&
		!EVP_CipherUpdate(context, NULL, &written, NULL, at->text_length))
		return false;
	if (!EVP_CipherUpdate(context, NULL, &written, at->header.at, (int)at->header.length) ||
		!EVP_CipherUpdate(context, at->text, &written, at->text, at->text_length) ||
		written != at->text_length || !EVP_CipherFinal_ex(context, none, &written))
		return false;
	return !encrypt || EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, icv, at->icv) > 0;
}

/* The untruncated MAC from the header to the end of the ciphertext. */
static bool classic_mac(struct ike_crypto *crypto, const struct ike_seal_keys *keys,
	const struct seal_layout *at, uint8_t ret[MAC_OUTPUT_MAX])
{
	struct bytes whole = bytes_of(at->header.at, (size_t)(at->icv - at->header.at));

	return crypto_mac(crypto, keys->integrity, keys->integrity_key, &whole, 1, ret) >=
	       keys->integrity->icv_length;
}

static void iv_from_sequence(uint8_t *iv, uint64_t sequence)
{
	struct writer w = writer_of(iv, sizeof(sequence));

	writer_u64(&w, sequence);
}

bool ike_seal(struct ike_crypto *crypto, const struct ike_seal_keys *keys, uint8_t *message,
	size_t head, size_t plain, uint64_t sequence)
{
	struct seal_layout at;
	uint8_t mac[MAC_OUTPUT_MAX];
	bool ok = keys_fit(keys) && layout_make(keys, message, head, plain, &at);

	if (ok && keys->encryption->block_length == 1)
		iv_from_sequence(at.iv, sequence);
	else if (ok)
		ok = ike_crypto_random(crypto, at.iv, keys->encryption->iv_length);
	if (ok && keys->encryption->aead) {
		ok = aead_crypt(crypto, keys, &at, true);
	} else if (ok) {
		ok = classic_crypt(crypto, keys, &at, true) && classic_mac(crypto, keys, &at, mac);
		if (ok)
			memcpy(at.icv, mac, keys->integrity->icv_length);
	}
	if (!ok)
		ERR_clear_error();
	return ok;
}

bool ike_open(struct ike_crypto *crypto, const struct ike_seal_keys *keys, uint8_t *message,
	size_t head, size_t length, struct bytes *ret_plain)
{
	struct seal_layout at;
	uint8_t mac[MAC_OUTPUT_MAX];
	size_t around;
	bool ok = keys_fit(keys);

	if (!ok)
		return false;
	around = head + ike_seal_iv_length(keys) + ike_seal_icv_length(keys);
	ok = length > around && layout_make(keys, message, head, length - around, &at);
	if (ok && keys->encryption->aead) {
		ok = aead_crypt(crypto, keys, &at, false);
	} else if (ok) {
		size_t icv = keys->integrity->icv_length;

		ok = classic_mac(crypto, keys, &at, mac) &&
		     secret_equal(bytes_of(mac, icv), bytes_of(at.icv, icv)) &&
		     classic_crypt(crypto, keys, &at, false);
	}
	if (ok)
		*ret_plain = bytes_of(at.text, (size_t)at.text_length);
	else
		ERR_clear_error();
	return ok;
}
