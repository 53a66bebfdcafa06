/* What IKEv1 wants of the ciphers and hashes: CBC with an IV of the protocol's own, and the hash
 * behind the negotiated PRF (RFC 2409 appendix B). */
#include "libike/crypto/isakmp.h"
#include "libike/crypto/crypto_priv.h"

#include <limits.h>

bool isakmp_cbc(struct ike_crypto *crypto, const struct ike_algorithm *encryption, bool encrypt,
	struct bytes key, uint8_t *iv, uint8_t *data, size_t length)
{
	size_t block = encryption->block_length;
	uint8_t last[IKE_PRF_OUTPUT_MAX];
	int written;

	if (length == 0 || block < 8 || block > sizeof(last) || length % block ||
		length > INT_MAX || key.length != encryption->key_length)
		return false;
	EVP_CIPHER_CTX *context = crypto_cipher_get(crypto, encryption);
	memcpy(last, data + length - block, block);
	if (!context || !EVP_CipherInit_ex2(context, NULL, key.at, iv, encrypt, NULL) ||
		!EVP_CipherUpdate(context, data, &written, data, (int)length) ||
		(size_t)written != length)
		return false;
	memcpy(iv, encrypt ? data + length - block : last, block);
	return true;
}

size_t isakmp_hash(struct ike_crypto *crypto, uint16_t prf, const struct bytes *parts, size_t count,
	uint8_t *ret)
{
	const struct ike_algorithm *algorithm = ike_algorithm_find(IKE_TRANSFORM_PRF, prf, 0);

	if (!algorithm || !algorithm->openssl_digest ||
		!crypto_hash(crypto, algorithm->openssl_digest, parts, count, ret))
		return 0;
	return algorithm->output_length;
}
