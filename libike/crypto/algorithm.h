/*
 * The algorithm registry: every algorithm charon-lite knows, once.
 *
 * Proposals, the wire, key derivation, the kernel, VICI and logs all read from this table, so an
 * algorithm is added by adding a row. IANA numbers are those of "Internet Key Exchange Version 2
 * (IKEv2) Parameters". Rows are constant data; any thread may read them.
 */
#ifndef LIBIKE_CRYPTO_ALGORITHM_H
#define LIBIKE_CRYPTO_ALGORITHM_H

#include "libbase/bytes.h"

/* RFC 7296 3.3.2 */
enum ike_transform_type {
	IKE_TRANSFORM_ENCRYPTION = 1,
	IKE_TRANSFORM_PRF = 2,
	IKE_TRANSFORM_INTEGRITY = 3,
	IKE_TRANSFORM_KEY_EXCHANGE = 4,
	IKE_TRANSFORM_ESN = 5,
	/* RFC 9370 2.2.1: Additional Key Exchange 1 to 7, with the ids of key exchange methods. */
	IKE_TRANSFORM_ADDITIONAL_1 = 6,
	IKE_TRANSFORM_ADDITIONAL_7 = 12,
	IKE_TRANSFORM_TYPES, /* one more than the last */
};

#define IKE_ADDITIONAL_MAX 7

/* A set of transform types is a bit (1u << type) for each; this one is all that makes keys. */
#define IKE_TRANSFORM_BIT(type) (1u << (type))
#define IKE_TRANSFORMS_OF_KEYS \
	(IKE_TRANSFORM_BIT(IKE_TRANSFORM_KEY_EXCHANGE) | 0x7fu << IKE_TRANSFORM_ADDITIONAL_1)

static inline bool ike_transform_is_additional(uint8_t type)
{
	return type >= IKE_TRANSFORM_ADDITIONAL_1 && type <= IKE_TRANSFORM_ADDITIONAL_7;
}

/* The key exchange itself or an additional one. */
static inline bool ike_transform_makes_keys(uint8_t type)
{
	return type == IKE_TRANSFORM_KEY_EXCHANGE || ike_transform_is_additional(type);
}

/* RFC 7296 3.3.1 */
enum ike_protocol {
	IKE_PROTOCOL_NONE = 0,
	IKE_PROTOCOL_IKE = 1,
	IKE_PROTOCOL_AH = 2,
	IKE_PROTOCOL_ESP = 3,
};

enum ike_encryption {
	IKE_ENCR_3DES = 3,
	IKE_ENCR_NULL = 11,
	IKE_ENCR_AES_CBC = 12,
	IKE_ENCR_AES_CTR = 13,
	IKE_ENCR_AES_CCM_8 = 14,
	IKE_ENCR_AES_CCM_12 = 15,
	IKE_ENCR_AES_CCM_16 = 16,
	IKE_ENCR_AES_GCM_8 = 18,
	IKE_ENCR_AES_GCM_12 = 19,
	IKE_ENCR_AES_GCM_16 = 20,
	IKE_ENCR_NULL_AUTH_AES_GMAC = 21, /* RFC 4543 */
	IKE_ENCR_CAMELLIA_CBC = 23,
	IKE_ENCR_CHACHA20_POLY1305 = 28,
};

enum ike_prf {
	IKE_PRF_HMAC_MD5 = 1,
	IKE_PRF_HMAC_SHA1 = 2,
	IKE_PRF_AES128_XCBC = 4,
	IKE_PRF_HMAC_SHA2_256 = 5,
	IKE_PRF_HMAC_SHA2_384 = 6,
	IKE_PRF_HMAC_SHA2_512 = 7,
	IKE_PRF_AES128_CMAC = 8,
};

enum ike_integrity {
	IKE_INTEG_NONE = 0,
	IKE_INTEG_HMAC_MD5_96 = 1,
	IKE_INTEG_HMAC_SHA1_96 = 2,
	IKE_INTEG_AES_XCBC_96 = 5,
	IKE_INTEG_HMAC_MD5_128 = 6,
	IKE_INTEG_HMAC_SHA1_160 = 7,
	IKE_INTEG_AES_CMAC_96 = 8,
	IKE_INTEG_HMAC_SHA2_256_128 = 12,
	IKE_INTEG_HMAC_SHA2_384_192 = 13,
	IKE_INTEG_HMAC_SHA2_512_256 = 14,
	/* strongSwan's private number for old kernels' 96-bit truncation ("sha256_96"). */
	IKE_INTEG_HMAC_SHA2_256_96 = 1027,
};

/* Key exchange methods keep their IANA numbers (1 = MODP 768 ... 37 = ML-KEM-1024). */
enum ike_group {
	IKE_GROUP_NONE = 0,
	IKE_GROUP_MODP_768 = 1,
	IKE_GROUP_MODP_1024 = 2,
	IKE_GROUP_MODP_1536 = 5,
	IKE_GROUP_MODP_2048 = 14,
	IKE_GROUP_MODP_3072 = 15,
	IKE_GROUP_MODP_4096 = 16,
	IKE_GROUP_MODP_6144 = 17,
	IKE_GROUP_MODP_8192 = 18,
	IKE_GROUP_ECP_256 = 19,
	IKE_GROUP_ECP_384 = 20,
	IKE_GROUP_ECP_521 = 21,
	IKE_GROUP_MODP_1024_160 = 22,
	IKE_GROUP_MODP_2048_224 = 23,
	IKE_GROUP_MODP_2048_256 = 24,
	IKE_GROUP_ECP_192 = 25,
	IKE_GROUP_ECP_224 = 26,
	IKE_GROUP_BRAINPOOL_224 = 27,
	IKE_GROUP_BRAINPOOL_256 = 28,
	IKE_GROUP_BRAINPOOL_384 = 29,
	IKE_GROUP_BRAINPOOL_512 = 30,
	IKE_GROUP_X25519 = 31,
	IKE_GROUP_X448 = 32,
	IKE_GROUP_ML_KEM_512 = 35, /* draft-ietf-ipsecme-ikev2-mlkem */
	IKE_GROUP_ML_KEM_768 = 36,
	IKE_GROUP_ML_KEM_1024 = 37,
};

/* One transform of a proposal. key_bits is the Key Length attribute, 0 when there is none. */
struct ike_transform {
	uint8_t type;
	uint16_t id;
	uint16_t key_bits;
};

struct ike_algorithm {
	uint8_t type;
	uint16_t id;
	uint16_t key_bits;        /* the Key Length attribute; 0 when the algorithm has none */
	const char *name;         /* strongSwan's name: "AES_GCM_16", "CURVE_25519" (VICI, logs) */
	const char *keywords;     /* swanctl.conf's, separated by spaces: "aes128 aes" */
	const char *openssl_name; /* cipher, MAC, or group; NULL when OpenSSL lacks it */
	const char *openssl_digest; /* of an HMAC, else NULL */
	const char *kernel_name;    /* XFRM's: "rfc4106(gcm(aes))"; NULL when not for ESP/AH */
	uint16_t key_length;        /* bytes of key material to derive, salt included */
	uint8_t salt_length;    /* of these, the trailing bytes that are salt (RFC 4106 and kin) */
	uint8_t iv_length;      /* bytes on the wire before the ciphertext */
	uint8_t block_length;   /* padding granularity, 1 for counter modes */
	uint8_t icv_length;     /* AEAD tag, or truncated integrity check value, in bytes */
	uint16_t output_length; /* of a PRF; of a key exchange, the public value's bytes */
	uint16_t answer_length; /* of a KEM, the responder's value: the ciphertext; else 0 */
	bool aead;
	bool weak; /* only when asked for by name, never in "default" */
};

/* NULL when unknown. For ciphers with a Key Length attribute key_bits must match a row. Additional
 * key exchanges have the rows of key exchange methods. */
const struct ike_algorithm *ike_algorithm_find(uint8_t type, uint16_t id, uint16_t key_bits);

/* Iterates the whole table in order: pass NULL for the first, returns NULL after the last. */
const struct ike_algorithm *ike_algorithm_next(const struct ike_algorithm *previous);

/* By a word of a proposal string ("aes128gcm16"), case-sensitive as strongSwan's; NULL when
 * unknown. Without the "ke1_" of an additional key exchange. */
const struct ike_algorithm *ike_algorithm_find_keyword(struct bytes word);

/* Whether it is a key encapsulation mechanism: the two sides do different things. */
static inline bool ike_algorithm_is_kem(const struct ike_algorithm *algorithm)
{
	return algorithm->answer_length > 0;
}

/* Whether it does not encrypt, and is for ESP alone. */
static inline bool ike_algorithm_hides_nothing(const struct ike_algorithm *algorithm)
{
	return algorithm->type == IKE_TRANSFORM_ENCRYPTION && !algorithm->openssl_name;
}

/* The name for logs of any transform, known or not: "AES_CBC_256", "PRF_HMAC_SHA2_256",
 * "KE1_ML_KEM_768", "(1234)". */
char *ike_transform_format(const struct ike_transform *t, char text[40]);

#endif
