/*
 * What IKEv1 wants of ciphers and hashes beside crypto.h (RFC 2409 5, appendix B).
 */
#ifndef LIBIKE_CRYPTO_ISAKMP_H
#define LIBIKE_CRYPTO_ISAKMP_H

#include "libike/crypto/crypto.h"

/* CBC without padding, in place; length is a multiple of the block. iv becomes the last block of
 * ciphertext. */
MUST_USE bool isakmp_cbc(struct ike_crypto *crypto, const struct ike_algorithm *encryption,
	bool encrypt, struct bytes key, uint8_t *iv, uint8_t *data, size_t length);
/* The negotiated hash, which is that of the suite's PRF; ret has room for IKE_PRF_OUTPUT_MAX;
 * returns its length, 0 when OpenSSL refuses. */
size_t isakmp_hash(struct ike_crypto *crypto, uint16_t prf, const struct bytes *parts, size_t count,
	uint8_t *ret);

#endif
