/*
 * The arithmetic of MS-CHAPv2 (RFC 2759 8) and of the keys from it (RFC 3079 3).
 *
 * All functions return false when OpenSSL lacks MD4 or DES.
 */
#ifndef LIBIKE_EAP_MSCHAPV2_HASH_H
#define LIBIKE_EAP_MSCHAPV2_HASH_H

#include "libike/crypto/legacy.h"

#define MSCHAPV2_CHALLENGE 16
#define MSCHAPV2_NT_RESPONSE 24
#define MSCHAPV2_NT_HASH IKE_MD4_LENGTH
#define MSCHAPV2_AUTHENTICATOR 20 /* "S=" has it in hexadecimal */
#define MSCHAPV2_MSK 64

/* What both sides know of one exchange. user: without a domain; borrowed. */
struct mschapv2_exchange {
	uint8_t authenticator_challenge[MSCHAPV2_CHALLENGE];
	uint8_t peer_challenge[MSCHAPV2_CHALLENGE];
	uint8_t nt_response[MSCHAPV2_NT_RESPONSE];
};

/* NtPasswordHash: of a password in UTF-8; bytes that are no UTF-8 count as Latin-1. */
MUST_USE bool mschapv2_nt_hash(
	struct ike_crypto *crypto, struct bytes password, uint8_t ret[MSCHAPV2_NT_HASH]);

/* GenerateNTResponse */
MUST_USE bool mschapv2_nt_response(struct ike_crypto *crypto, const struct mschapv2_exchange *x,
	struct bytes user, const uint8_t nt_hash[MSCHAPV2_NT_HASH],
	uint8_t ret[MSCHAPV2_NT_RESPONSE]);

/* GenerateAuthenticatorResponse, binary */
MUST_USE bool mschapv2_authenticator(struct ike_crypto *crypto, const struct mschapv2_exchange *x,
	struct bytes user, const uint8_t nt_hash[MSCHAPV2_NT_HASH],
	uint8_t ret[MSCHAPV2_AUTHENTICATOR]);

/* The server's receive key, its send key, and zeros up to what RFC 3748 7.10 asks for. */
MUST_USE bool mschapv2_msk(struct ike_crypto *crypto,
	const uint8_t nt_response[MSCHAPV2_NT_RESPONSE], const uint8_t nt_hash[MSCHAPV2_NT_HASH],
	uint8_t ret[MSCHAPV2_MSK]);

/* "DOMAIN\user" is "user" in the hashes. */
struct bytes mschapv2_without_domain(struct bytes name);

#endif
