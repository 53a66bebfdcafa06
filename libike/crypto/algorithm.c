/* The table of algorithms and its look-ups. Rows of one type stand together, in the order in which
 * they are listed to users. */
#include "libike/crypto/algorithm.h"

#include <stdio.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* clang-format off: a table */

/* A block cipher in a mode of OpenSSL's: key, salt, IV, block, ICV in bytes. */
#define CIPHER(number, bits, label, words, openssl, kernel, key, salt, iv, block, icv, combined) \
	{                                                                                        \
		.type = IKE_TRANSFORM_ENCRYPTION, .id = number, .key_bits = bits, .name = label, \
		.keywords = words, .openssl_name = openssl, .kernel_name = kernel,               \
		.key_length = key, .salt_length = salt, .iv_length = iv, .block_length = block,  \
		.icv_length = icv, .aead = combined                                              \
	}

#define CBC(number, bits, label, words, openssl, kernel) \
	CIPHER(number, bits, label, words, openssl, kernel, (bits) / 8, 0, 16, 16, 0, false)

#define CTR(bits, words)                                                                           \
	CIPHER(IKE_ENCR_AES_CTR, bits, "AES_CTR", words, "AES-" #bits "-CTR", "rfc3686(ctr(aes))", \
		(bits) / 8 + 4, 4, 8, 1, 0, false)

#define GCM(number, bits, label, words, icv)                                         \
	CIPHER(number, bits, label, words, "AES-" #bits "-GCM", "rfc4106(gcm(aes))", \
		(bits) / 8 + 4, 4, 8, 1, icv, true)

#define CCM(number, bits, label, words, icv)                                         \
	CIPHER(number, bits, label, words, "AES-" #bits "-CCM", "rfc4309(ccm(aes))", \
		(bits) / 8 + 3, 3, 8, 1, icv, true)

/* Only the kernel has to know it (RFC 4543). */
#define GMAC(bits, words)                                                              \
	{                                                                              \
		.type = IKE_TRANSFORM_ENCRYPTION, .id = IKE_ENCR_NULL_AUTH_AES_GMAC,   \
		.key_bits = bits, .name = "NULL_AES_GMAC", .keywords = words,          \
		.kernel_name = "rfc4543(gcm(aes))", .key_length = (bits) / 8 + 4,      \
		.salt_length = 4, .iv_length = 8, .block_length = 1, .icv_length = 16, \
		.aead = true, .weak = true                                             \
	}

#define INTEGRITY(number, label, words, openssl, digest, kernel, key, icv, is_weak)              \
	{                                                                                        \
		.type = IKE_TRANSFORM_INTEGRITY, .id = number, .name = label, .keywords = words, \
		.openssl_name = openssl, .openssl_digest = digest, .kernel_name = kernel,        \
		.key_length = key, .icv_length = icv, .weak = is_weak                            \
	}

#define PRF(number, label, words, openssl, digest, length, is_weak)                        \
	{                                                                                  \
		.type = IKE_TRANSFORM_PRF, .id = number, .name = label, .keywords = words, \
		.openssl_name = openssl, .openssl_digest = digest, .key_length = length,   \
		.output_length = length, .weak = is_weak                                   \
	}

#define GROUP(number, label, words, openssl, length, is_weak)                        \
	{                                                                            \
		.type = IKE_TRANSFORM_KEY_EXCHANGE, .id = number, .name = label,     \
		.keywords = words, .openssl_name = openssl, .output_length = length, \
		.weak = is_weak                                                      \
	}

#define KEM(number, label, words, openssl, key, ciphertext)                       \
	{                                                                         \
		.type = IKE_TRANSFORM_KEY_EXCHANGE, .id = number, .name = label,  \
		.keywords = words, .openssl_name = openssl, .output_length = key, \
		.answer_length = ciphertext                                       \
	}

#define SEQUENCE_NUMBERS(number, label, words)                                            \
	{                                                                                 \
		.type = IKE_TRANSFORM_ESN, .id = number, .name = label, .keywords = words \
	}

static const struct ike_algorithm table[] = {
	CBC(IKE_ENCR_AES_CBC, 128, "AES_CBC", "aes128 aes", "AES-128-CBC", "cbc(aes)"),
	CBC(IKE_ENCR_AES_CBC, 192, "AES_CBC", "aes192", "AES-192-CBC", "cbc(aes)"),
	CBC(IKE_ENCR_AES_CBC, 256, "AES_CBC", "aes256", "AES-256-CBC", "cbc(aes)"),
	CTR(128, "aes128ctr"),
	CTR(192, "aes192ctr"),
	CTR(256, "aes256ctr"),
	CBC(IKE_ENCR_CAMELLIA_CBC, 128, "CAMELLIA_CBC", "camellia128 camellia", "CAMELLIA-128-CBC",
		"cbc(camellia)"),
	CBC(IKE_ENCR_CAMELLIA_CBC, 192, "CAMELLIA_CBC", "camellia192", "CAMELLIA-192-CBC",
		"cbc(camellia)"),
	CBC(IKE_ENCR_CAMELLIA_CBC, 256, "CAMELLIA_CBC", "camellia256", "CAMELLIA-256-CBC",
		"cbc(camellia)"),
	{ .type = IKE_TRANSFORM_ENCRYPTION,
		.id = IKE_ENCR_3DES,
		.name = "3DES_CBC",
		.keywords = "3des",
		.openssl_name = "DES-EDE3-CBC",
		.kernel_name = "cbc(des3_ede)",
		.key_length = 24,
		.iv_length = 8,
		.block_length = 8,
		.weak = true },
	{ .type = IKE_TRANSFORM_ENCRYPTION,
		.id = IKE_ENCR_NULL,
		.name = "NULL",
		.keywords = "null",
		.kernel_name = "ecb(cipher_null)",
		.block_length = 1,
		.weak = true },
	GCM(IKE_ENCR_AES_GCM_16, 128, "AES_GCM_16", "aes128gcm16 aes128gcm128 aes128gcm", 16),
	GCM(IKE_ENCR_AES_GCM_16, 192, "AES_GCM_16", "aes192gcm16 aes192gcm128 aes192gcm", 16),
	GCM(IKE_ENCR_AES_GCM_16, 256, "AES_GCM_16", "aes256gcm16 aes256gcm128 aes256gcm", 16),
	CCM(IKE_ENCR_AES_CCM_16, 128, "AES_CCM_16", "aes128ccm16 aes128ccm128 aes128ccm", 16),
	CCM(IKE_ENCR_AES_CCM_16, 192, "AES_CCM_16", "aes192ccm16 aes192ccm128 aes192ccm", 16),
	CCM(IKE_ENCR_AES_CCM_16, 256, "AES_CCM_16", "aes256ccm16 aes256ccm128 aes256ccm", 16),
	CIPHER(IKE_ENCR_CHACHA20_POLY1305, 0, "CHACHA20_POLY1305", "chacha20poly1305",
		"ChaCha20-Poly1305", "rfc7539esp(chacha20,poly1305)", 36, 4, 8, 1, 16, true),
	GCM(IKE_ENCR_AES_GCM_12, 128, "AES_GCM_12", "aes128gcm12 aes128gcm96", 12),
	GCM(IKE_ENCR_AES_GCM_12, 192, "AES_GCM_12", "aes192gcm12 aes192gcm96", 12),
	GCM(IKE_ENCR_AES_GCM_12, 256, "AES_GCM_12", "aes256gcm12 aes256gcm96", 12),
	GCM(IKE_ENCR_AES_GCM_8, 128, "AES_GCM_8", "aes128gcm8 aes128gcm64", 8),
	GCM(IKE_ENCR_AES_GCM_8, 192, "AES_GCM_8", "aes192gcm8 aes192gcm64", 8),
	GCM(IKE_ENCR_AES_GCM_8, 256, "AES_GCM_8", "aes256gcm8 aes256gcm64", 8),
	CCM(IKE_ENCR_AES_CCM_12, 128, "AES_CCM_12", "aes128ccm12 aes128ccm96", 12),
	CCM(IKE_ENCR_AES_CCM_12, 192, "AES_CCM_12", "aes192ccm12 aes192ccm96", 12),
	CCM(IKE_ENCR_AES_CCM_12, 256, "AES_CCM_12", "aes256ccm12 aes256ccm96", 12),
	CCM(IKE_ENCR_AES_CCM_8, 128, "AES_CCM_8", "aes128ccm8 aes128ccm64", 8),
	CCM(IKE_ENCR_AES_CCM_8, 192, "AES_CCM_8", "aes192ccm8 aes192ccm64", 8),
	CCM(IKE_ENCR_AES_CCM_8, 256, "AES_CCM_8", "aes256ccm8 aes256ccm64", 8),
	GMAC(128, "aes128gmac"),
	GMAC(192, "aes192gmac"),
	GMAC(256, "aes256gmac"),

	INTEGRITY(IKE_INTEG_HMAC_SHA2_256_128, "HMAC_SHA2_256_128", "sha256 sha2_256", "HMAC",
		"SHA2-256", "hmac(sha256)", 32, 16, false),
	INTEGRITY(IKE_INTEG_HMAC_SHA2_384_192, "HMAC_SHA2_384_192", "sha384 sha2_384", "HMAC",
		"SHA2-384", "hmac(sha384)", 48, 24, false),
	INTEGRITY(IKE_INTEG_HMAC_SHA2_512_256, "HMAC_SHA2_512_256", "sha512 sha2_512", "HMAC",
		"SHA2-512", "hmac(sha512)", 64, 32, false),
	INTEGRITY(IKE_INTEG_HMAC_SHA1_96, "HMAC_SHA1_96", "sha1 sha", "HMAC", "SHA1", "hmac(sha1)",
		20, 12, false),
	INTEGRITY(IKE_INTEG_AES_CMAC_96, "AES_CMAC_96", "aescmac", "CMAC", NULL, "cmac(aes)", 16,
		12, false),
	INTEGRITY(IKE_INTEG_AES_XCBC_96, "AES_XCBC_96", "aesxcbc", NULL, NULL, "xcbc(aes)", 16, 12,
		false),
	INTEGRITY(IKE_INTEG_HMAC_SHA2_256_96, "HMAC_SHA2_256_96", "sha256_96 sha2_256_96", "HMAC",
		"SHA2-256", "hmac(sha256)", 32, 12, true),
	INTEGRITY(IKE_INTEG_HMAC_SHA1_160, "HMAC_SHA1_160", "sha1_160", "HMAC", "SHA1",
		"hmac(sha1)", 20, 20, true),
	INTEGRITY(IKE_INTEG_HMAC_MD5_96, "HMAC_MD5_96", "md5", "HMAC", "MD5", "hmac(md5)", 16, 12,
		true),
	INTEGRITY(IKE_INTEG_HMAC_MD5_128, "HMAC_MD5_128", "md5_128", "HMAC", "MD5", "hmac(md5)", 16,
		16, true),

	PRF(IKE_PRF_HMAC_SHA2_256, "PRF_HMAC_SHA2_256", "prfsha256", "HMAC", "SHA2-256", 32, false),
	PRF(IKE_PRF_HMAC_SHA2_384, "PRF_HMAC_SHA2_384", "prfsha384", "HMAC", "SHA2-384", 48, false),
	PRF(IKE_PRF_HMAC_SHA2_512, "PRF_HMAC_SHA2_512", "prfsha512", "HMAC", "SHA2-512", 64, false),
	PRF(IKE_PRF_AES128_CMAC, "PRF_AES128_CMAC", "prfaescmac", "CMAC", NULL, 16, false),
	PRF(IKE_PRF_AES128_XCBC, "PRF_AES128_XCBC", "prfaesxcbc", NULL, NULL, 16, false),
	PRF(IKE_PRF_HMAC_SHA1, "PRF_HMAC_SHA1", "prfsha1", "HMAC", "SHA1", 20, false),
	PRF(IKE_PRF_HMAC_MD5, "PRF_HMAC_MD5", "prfmd5", "HMAC", "MD5", 16, true),

	GROUP(IKE_GROUP_X25519, "CURVE_25519", "curve25519 x25519", "X25519", 32, false),
	GROUP(IKE_GROUP_X448, "CURVE_448", "curve448 x448", "X448", 56, false),
	GROUP(IKE_GROUP_ECP_256, "ECP_256", "ecp256", "P-256", 64, false),
	GROUP(IKE_GROUP_ECP_384, "ECP_384", "ecp384", "P-384", 96, false),
	GROUP(IKE_GROUP_ECP_521, "ECP_521", "ecp521", "P-521", 132, false),
	GROUP(IKE_GROUP_BRAINPOOL_256, "ECP_256_BP", "ecp256bp", "brainpoolP256r1", 64, false),
	GROUP(IKE_GROUP_BRAINPOOL_384, "ECP_384_BP", "ecp384bp", "brainpoolP384r1", 96, false),
	GROUP(IKE_GROUP_BRAINPOOL_512, "ECP_512_BP", "ecp512bp", "brainpoolP512r1", 128, false),
	KEM(IKE_GROUP_ML_KEM_768, "ML_KEM_768", "mlkem768", "ML-KEM-768", 1184, 1088),
	KEM(IKE_GROUP_ML_KEM_1024, "ML_KEM_1024", "mlkem1024", "ML-KEM-1024", 1568, 1568),
	KEM(IKE_GROUP_ML_KEM_512, "ML_KEM_512", "mlkem512", "ML-KEM-512", 800, 768),
	GROUP(IKE_GROUP_MODP_3072, "MODP_3072", "modp3072", "modp_3072", 384, false),
	GROUP(IKE_GROUP_MODP_4096, "MODP_4096", "modp4096", "modp_4096", 512, false),
	GROUP(IKE_GROUP_MODP_6144, "MODP_6144", "modp6144", "modp_6144", 768, false),
	GROUP(IKE_GROUP_MODP_8192, "MODP_8192", "modp8192", "modp_8192", 1024, false),
	GROUP(IKE_GROUP_MODP_2048, "MODP_2048", "modp2048", "modp_2048", 256, false),
	GROUP(IKE_GROUP_ECP_224, "ECP_224", "ecp224", "P-224", 56, true),
	GROUP(IKE_GROUP_ECP_192, "ECP_192", "ecp192", "P-192", 48, true),
	GROUP(IKE_GROUP_BRAINPOOL_224, "ECP_224_BP", "ecp224bp", "brainpoolP224r1", 56, true),
	GROUP(IKE_GROUP_MODP_2048_256, "MODP_2048_256", "modp2048s256", "dh_2048_256", 256, true),
	GROUP(IKE_GROUP_MODP_2048_224, "MODP_2048_224", "modp2048s224", "dh_2048_224", 256, true),
	GROUP(IKE_GROUP_MODP_1536, "MODP_1536", "modp1536", "modp_1536", 192, true),
	GROUP(IKE_GROUP_MODP_1024, "MODP_1024", "modp1024", NULL, 128, true),
	GROUP(IKE_GROUP_MODP_1024_160, "MODP_1024_160", "modp1024s160", "dh_1024_160", 128, true),
	GROUP(IKE_GROUP_MODP_768, "MODP_768", "modp768", NULL, 96, true),
	GROUP(IKE_GROUP_NONE, "MODP_NONE", "modpnone none", NULL, 0, true),

	SEQUENCE_NUMBERS(0, "NO_EXT_SEQ", "noesn"),
	SEQUENCE_NUMBERS(1, "EXT_SEQ", "esn"),
};
/* clang-format on */

const struct ike_algorithm *ike_algorithm_find(uint8_t type, uint16_t id, uint16_t key_bits)
{
	if (ike_transform_is_additional(type))
		type = IKE_TRANSFORM_KEY_EXCHANGE;
	for (size_t i = 0; i < COUNT(table); i++)
		if (table[i].type == type && table[i].id == id && table[i].key_bits == key_bits)
			return &table[i];
	return NULL;
}

const struct ike_algorithm *ike_algorithm_next(const struct ike_algorithm *previous)
{
	if (!previous)
		return &table[0];
	return previous + 1 < table + COUNT(table) ? previous + 1 : NULL;
}

/* Whether word is one of the space-separated words. */
static bool keyword_matches(const char *words, struct bytes word)
{
	while (*words) {
		size_t length = strcspn(words, " ");

		if (length == word.length && memcmp(words, word.at, length) == 0)
			return true;
		words += length + (words[length] == ' ');
	}
	return false;
}

const struct ike_algorithm *ike_algorithm_find_keyword(struct bytes word)
{
	if (word.length == 0)
		return NULL;
	for (size_t i = 0; i < COUNT(table); i++)
		if (keyword_matches(table[i].keywords, word))
			return &table[i];
	return NULL;
}

char *ike_transform_format(const struct ike_transform *t, char text[40])
{
	const struct ike_algorithm *row = ike_algorithm_find(t->type, t->id, t->key_bits);
	char which[8] = "";

	/* A known algorithm with a key length that is not ours still has its name. */
	for (const struct ike_algorithm *a = NULL; !row && (a = ike_algorithm_next(a));)
		if (a->type == t->type && a->id == t->id)
			row = a;
	if (ike_transform_is_additional(t->type))
		snprintf(which, sizeof(which), "KE%u_", t->type - IKE_TRANSFORM_ADDITIONAL_1 + 1u);
	if (!row)
		snprintf(text, 40, t->key_bits ? "%s(%u)_%u" : "%s(%u)", which, t->id, t->key_bits);
	else if (t->key_bits)
		snprintf(text, 40, "%s%s_%u", which, row->name, t->key_bits);
	else
		snprintf(text, 40, "%s%s", which, row->name);
	return text;
}
