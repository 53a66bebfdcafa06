/*
 * What EAP-MD5, EAP-MSCHAPv2 and RADIUS cannot do without: MD5, MD4, single DES.
 *
 * None of it protects anything by itself. MD4 is in OpenSSL's legacy provider, a module of its own
 * (Debian: in libssl3), which is loaded when it is first needed. Single DES is triple DES with the
 * same key three times, so that it needs no module.
 */
#ifndef LIBIKE_CRYPTO_LEGACY_H
#define LIBIKE_CRYPTO_LEGACY_H

#include "libike/crypto/crypto.h"

#define IKE_MD4_LENGTH 16
#define IKE_MD5_LENGTH 16
#define IKE_DES_BLOCK 8
#define IKE_DES_KEY 7 /* 56 bits, without parity */

/* Says what is missing: the module, by name. */
MUST_USE bool ike_md4_check(struct ike_crypto *crypto, struct why *why);
MUST_USE bool ike_md4(struct ike_crypto *crypto, const struct bytes *parts, size_t count,
	uint8_t ret[IKE_MD4_LENGTH]);
MUST_USE bool ike_md5(struct ike_crypto *crypto, const struct bytes *parts, size_t count,
	uint8_t ret[IKE_MD5_LENGTH]);
/* One block, encrypted. */
MUST_USE bool ike_des(struct ike_crypto *crypto, const uint8_t key[IKE_DES_KEY],
	const uint8_t block[IKE_DES_BLOCK], uint8_t ret[IKE_DES_BLOCK]);

#endif
