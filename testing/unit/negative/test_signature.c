/* Signatures that were made up, bent, or are of another scheme; and keys and AlgorithmIdentifiers
 * that nobody should take. */
#include "testing/unit/negative/negative.h"

#include "libike/crypto/signature.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define DATA bytes_of_text("what the peer signs")
#define MODULUS 256 /* octets of rsa2048 */

static struct ike_public_key *public_of(EVP_PKEY *pkey)
{
	struct why why;
	struct ike_public_key *key = ike_public_key_of(NULL, pkey, &why);

	ck_assert_msg(key != NULL, "%s", why.text);
	return key;
}

static bool accepts(const char *kind, const char *scheme, struct bytes signature)
{
	struct ike_public_key *key = public_of(pki_key(kind, 0));
	const struct ike_signature_scheme *s = ike_signature_find(scheme);
	uint8_t *exact = malloc(signature.length ? signature.length : 1);

	ck_assert_msg(s != NULL, "%s", scheme);
	bytes_copy(exact, signature);
	bool good = ike_signature_verify(key, s, -1, DATA, bytes_of(exact, signature.length));
	free(exact);
	ike_public_key_free(key);
	return good;
}

/* ---- RSA: encoded messages that are raised to the private exponent as they are ---- */

static const uint8_t sha256_info[] = { 0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
	0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20 };
static const uint8_t sha256_info_without_null[] = { 0x30, 0x2f, 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86,
	0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x04, 0x20 };
static const uint8_t sha512_info[] = { 0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
	0x65, 0x03, 0x04, 0x02, 0x03, 0x05, 0x00, 0x04, 0x20 };
static const uint8_t sha256_info_with_more[] = { 0x30, 0x33, 0x30, 0x0f, 0x06, 0x09, 0x60, 0x86,
	0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x04, 0x02, 0x41, 0x41, 0x04, 0x20 };

struct encoding {
	const char *name;
	bool good;
	struct bytes info;
	uint8_t block_type;
	uint8_t filler;
	size_t trailing; /* octets after the hash */
	size_t padding;  /* octets of it at most */
	bool wrong_hash;
	bool no_separator;
};

#define INFO(array)                  \
	{                            \
		array, sizeof(array) \
	}

static const struct encoding encodings[] = {
	{ "as RFC 8017 says", true, INFO(sha256_info), 1, 0xff, 0, MODULUS, false, false },
	{ "garbage after the hash", false, INFO(sha256_info), 1, 0xff, 100, MODULUS, false, false },
	{ "one octet after the hash", false, INFO(sha256_info), 1, 0xff, 1, MODULUS, false, false },
	{ "eight octets of padding, then garbage", false, INFO(sha256_info), 1, 0xff, 194, 8, false,
		false },
	{ "no padding, then garbage", false, INFO(sha256_info), 1, 0xff, 202, 0, false, false },
	{ "without NULL", false, INFO(sha256_info_without_null), 1, 0xff, 0, MODULUS, false,
		false },
	{ "parameters that are no NULL", false, INFO(sha256_info_with_more), 1, 0xff, 0, MODULUS,
		false, false },
	{ "another hash's identifier", false, INFO(sha512_info), 1, 0xff, 0, MODULUS, false,
		false },
	{ "the hash alone", false, { NULL, 0 }, 1, 0xff, 0, MODULUS, false, false },
	{ "the hash of something else", false, INFO(sha256_info), 1, 0xff, 0, MODULUS, true,
		false },
	{ "block type 2", false, INFO(sha256_info), 2, 0xff, 0, MODULUS, false, false },
	{ "block type 0", false, INFO(sha256_info), 0, 0xff, 0, MODULUS, false, false },
	{ "padding of zeros", false, INFO(sha256_info), 1, 0x00, 0, MODULUS, false, false },
	{ "padding of 0xfe", false, INFO(sha256_info), 1, 0xfe, 0, MODULUS, false, false },
	{ "no octet between", false, INFO(sha256_info), 1, 0xff, 0, MODULUS, false, true },
};

static size_t raise(const uint8_t message[MODULUS], uint8_t ret[MODULUS])
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, pki_key("rsa2048", 0), NULL);
	size_t length = MODULUS;

	ck_assert(context && EVP_PKEY_sign_init(context) > 0 &&
		  EVP_PKEY_CTX_set_rsa_padding(context, RSA_NO_PADDING) > 0 &&
		  EVP_PKEY_sign(context, ret, &length, message, MODULUS) > 0);
	EVP_PKEY_CTX_free(context);
	return length;
}

static void encode(const struct encoding *e, uint8_t ret[MODULUS])
{
	uint8_t hash[32];
	unsigned length;
	size_t end = MODULUS - e->trailing;
	size_t begin = end - sizeof(hash) - e->info.length;

	ck_assert(EVP_Digest(
		DATA.at, DATA.length - (e->wrong_hash ? 1 : 0), hash, &length, EVP_sha256(), NULL));
	memset(ret, 'g', MODULUS);
	ret[0] = 0;
	ret[1] = e->block_type;
	memset(ret + 2, e->filler, begin - 3);
	ret[begin - 1] = e->no_separator ? 0xff : 0;
	ck_assert(e->padding == MODULUS || begin - 3 == e->padding);
	bytes_copy(ret + begin, e->info);
	memcpy(ret + begin + e->info.length, hash, sizeof(hash));
}

START_TEST(only_one_pkcs1_encoding_is_taken)
{
	const struct encoding *e = &encodings[_i];
	uint8_t message[MODULUS], signature[MODULUS];

	encode(e, message);
	size_t length = raise(message, signature);
	ck_assert_msg(accepts("rsa2048", "RSA_EMSA_PKCS1_SHA2_256", bytes_of(signature, length)) ==
			      e->good,
		"%s", e->name);
}
END_TEST

/* ---- RSASSA-PSS ---- */

struct pss {
	const char *name;
	const char *digest, *mgf;
	int salt;
	bool good;
};

static const struct pss variants[] = {
	{ "as RFC 7427 has it", "SHA256", "SHA256", 32, true },
	{ "without salt", "SHA256", "SHA256", 0, false },
	{ "with a short salt", "SHA256", "SHA256", 20, false },
	{ "with a long salt", "SHA256", "SHA256", 64, false },
	{ "with a mask of SHA-1", "SHA256", "SHA1", 32, false },
	{ "with a mask of SHA-512", "SHA256", "SHA512", 32, false },
	{ "with another hash", "SHA512", "SHA512", 32, false },
	{ "with SHA-1", "SHA1", "SHA1", 20, false },
};

static size_t sign_pss(const struct pss *p, uint8_t ret[MODULUS])
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	EVP_PKEY_CTX *parameters;
	size_t length = MODULUS;

	ck_assert(EVP_DigestSignInit_ex(
		context, &parameters, p->digest, NULL, NULL, pki_key("rsa2048", 0), NULL));
	ck_assert(EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING) > 0 &&
		  EVP_PKEY_CTX_set_rsa_mgf1_md_name(parameters, p->mgf, NULL) > 0 &&
		  EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, p->salt) > 0);
	ck_assert(EVP_DigestSign(context, ret, &length, DATA.at, DATA.length));
	EVP_MD_CTX_free(context);
	return length;
}

START_TEST(only_the_agreed_pss_is_taken)
{
	uint8_t signature[MODULUS];
	size_t length = sign_pss(&variants[_i], signature);

	ck_assert_msg(accepts("rsa2048", "RSA_EMSA_PSS_SHA2_256_SALT_32",
			      bytes_of(signature, length)) == variants[_i].good,
		"%s", variants[_i].name);
	ck_assert(!accepts("rsa2048", "RSA_EMSA_PKCS1_SHA2_256", bytes_of(signature, length)));
}
END_TEST

/* ---- Signatures that somebody without the key could think of ---- */

START_TEST(trivial_rsa_signatures_are_refused)
{
	uint8_t signature[MODULUS + 1] = { 0 };
	BIGNUM *n = NULL;

	ck_assert(EVP_PKEY_get_bn_param(pki_key("rsa2048", 0), OSSL_PKEY_PARAM_RSA_N, &n));
	for (unsigned scheme = 0; scheme < 2; scheme++) {
		const char *name =
			scheme ? "RSA_EMSA_PSS_SHA2_256_SALT_32" : "RSA_EMSA_PKCS1_SHA2_256";

		memset(signature, 0, sizeof(signature));
		ck_assert(!accepts("rsa2048", name, bytes_of(signature, MODULUS)));
		ck_assert(!accepts("rsa2048", name, bytes_of(signature, 0)));
		signature[MODULUS - 1] = 1;
		ck_assert(!accepts("rsa2048", name, bytes_of(signature, MODULUS)));
		memset(signature, 0xff, sizeof(signature));
		ck_assert(!accepts("rsa2048", name, bytes_of(signature, MODULUS)));
		ck_assert_int_eq(BN_bn2binpad(n, signature, MODULUS), MODULUS);
		ck_assert(!accepts("rsa2048", name, bytes_of(signature, MODULUS)));
		signature[MODULUS - 1]--; /* n - 1 */
		ck_assert(!accepts("rsa2048", name, bytes_of(signature, MODULUS)));
	}
	BN_free(n);
}
END_TEST

START_TEST(rsa_signatures_of_another_length_are_refused)
{
	uint8_t signature[IKE_SIGNATURE_MAX + 2] = { 0 };
	size_t length = ike_signature_make(NULL, pki_key("rsa2048", 0),
		ike_signature_find("RSA_EMSA_PKCS1_SHA2_256"), DATA, signature + 1);

	ck_assert_uint_eq(length, MODULUS);
	ck_assert(accepts("rsa2048", "RSA_EMSA_PKCS1_SHA2_256", bytes_of(signature + 1, length)));
	/* a zero before it, an octet after it, one less */
	ck_assert(!accepts("rsa2048", "RSA_EMSA_PKCS1_SHA2_256", bytes_of(signature, length + 1)));
	ck_assert(!accepts(
		"rsa2048", "RSA_EMSA_PKCS1_SHA2_256", bytes_of(signature + 1, length + 1)));
	ck_assert(!accepts(
		"rsa2048", "RSA_EMSA_PKCS1_SHA2_256", bytes_of(signature + 1, length - 1)));
	ck_assert(!accepts(
		"rsa2048", "RSA_EMSA_PSS_SHA2_256_SALT_32", bytes_of(signature + 1, length)));
	ck_assert(!accepts("rsa2048", "RSA_EMSA_PKCS1_SHA2_384", bytes_of(signature + 1, length)));
	ck_assert(!accepts("p256", "ECDSA_WITH_SHA256_DER", bytes_of(signature + 1, length)));
}
END_TEST

/* ---- ECDSA: r and s as text in hex; N is the order of P-256 ---- */

#define N "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"
#define N_LESS_1 "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632550"

static const struct {
	const char *name, *r, *s;
} pairs[] = {
	{ "r is zero", "0", "1" },
	{ "s is zero", "1", "0" },
	{ "both are zero", "0", "0" },
	{ "both are one", "1", "1" },
	{ "r is the order", N, "1" },
	{ "s is the order", "1", N },
	{ "both are the order less one", N_LESS_1, N_LESS_1 },
	{ "r is negative", "-1", "1" },
	{ "s is negative", "1", "-1" },
	{ "r is huge", "1" N N, "1" },
};

START_TEST(trivial_ecdsa_signatures_are_refused)
{
	ECDSA_SIG *sig = ECDSA_SIG_new();
	BIGNUM *r = NULL, *s = NULL;
	unsigned char *der = NULL;

	ck_assert(BN_hex2bn(&r, pairs[_i].r) && BN_hex2bn(&s, pairs[_i].s));
	ck_assert(ECDSA_SIG_set0(sig, r, s));
	int length = i2d_ECDSA_SIG(sig, &der);
	if (length > 0)
		ck_assert_msg(
			!accepts("p256", "ECDSA_WITH_SHA256_DER", bytes_of(der, (size_t)length)),
			"%s", pairs[_i].name);
	OPENSSL_free(der);
	ECDSA_SIG_free(sig);
}
END_TEST

START_TEST(trivial_classic_ecdsa_signatures_are_refused)
{
	uint8_t raw[66] = { 0 };

	ck_assert(!accepts("p256", "ECDSA-256", bytes_of(raw, 64)));
	memset(raw, 0xff, sizeof(raw));
	ck_assert(!accepts("p256", "ECDSA-256", bytes_of(raw, 64)));
	memset(raw, 0, sizeof(raw));
	raw[31] = raw[63] = 1;
	ck_assert(!accepts("p256", "ECDSA-256", bytes_of(raw, 64)));
}
END_TEST

/* What the key's owner signed, written otherwise. */
START_TEST(only_one_ecdsa_encoding_is_taken)
{
	uint8_t good[IKE_SIGNATURE_MAX], bent[IKE_SIGNATURE_MAX + 8];
	const char *scheme = "ECDSA_WITH_SHA256_DER";
	size_t length = ike_signature_make(
		NULL, pki_key("p256", 0), ike_signature_find(scheme), DATA, good);

	ck_assert(length > 8 && accepts("p256", scheme, bytes_of(good, length)));
	/* an octet after it */
	memcpy(bent, good, length);
	bent[length] = 0;
	ck_assert(!accepts("p256", scheme, bytes_of(bent, length + 1)));
	/* an octet after it, within the SEQUENCE */
	bent[1]++;
	ck_assert(!accepts("p256", scheme, bytes_of(bent, length + 1)));
	/* the length in two octets */
	bent[0] = 0x30;
	bent[1] = 0x81;
	memcpy(bent + 2, good + 1, length - 1);
	ck_assert(!accepts("p256", scheme, bytes_of(bent, length + 1)));
	/* r with a zero before it that is not needed */
	memcpy(bent, good, 3);
	bent[1]++;
	bent[3] = good[3] + 1;
	bent[4] = 0;
	memcpy(bent + 5, good + 4, length - 4);
	ck_assert(!accepts("p256", scheme, bytes_of(bent, length + 1)));
	/* no SEQUENCE */
	memcpy(bent, good, length);
	bent[0] = 0x31;
	ck_assert(!accepts("p256", scheme, bytes_of(bent, length)));
	/* as of a classic method, and the other way round */
	ck_assert(!accepts("p256", "ECDSA-256", bytes_of(good, length)));
	length = ike_signature_make(
		NULL, pki_key("p256", 0), ike_signature_find("ECDSA-256"), DATA, good);
	ck_assert(length == 64 && accepts("p256", "ECDSA-256", bytes_of(good, length)));
	ck_assert(!accepts("p256", scheme, bytes_of(good, length)));
	ck_assert(!accepts("p256", "ECDSA-256", bytes_of(good, length - 1)));
	ck_assert(!accepts("p384", "ECDSA-384", bytes_of(good, length)));
	/* r and s changed places */
	memcpy(bent, good + 32, 32);
	memcpy(bent + 32, good, 32);
	ck_assert(!accepts("p256", "ECDSA-256", bytes_of(bent, 64)));
}
END_TEST

/* ---- Edwards curves ---- */

/* The order of the base point, least octet first (RFC 8032 5.1, 5.2). */
static const uint8_t order_25519[32] = { 0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c,
	0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10 };
static const uint8_t order_448[57] = { 0xf3, 0x44, 0x58, 0xab, 0x92, 0xc2, 0x78, 0x23, 0x55, 0x8f,
	0xc5, 0x8d, 0x72, 0xc2, 0x6c, 0x21, 0x90, 0x36, 0xd6, 0xae, 0x49, 0xdb, 0x4e, 0xc4, 0xe9,
	0x23, 0xca, 0x7c, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0x3f, 0x00 };

static const struct {
	const char *kind, *scheme;
	const uint8_t *order;
	size_t half;
} edwards[] = {
	{ "ed25519", "ED25519", order_25519, sizeof(order_25519) },
	{ "ed448", "ED448", order_448, sizeof(order_448) },
};

START_TEST(edwards_signatures_have_one_form)
{
	const char *kind = edwards[_i].kind, *scheme = edwards[_i].scheme;
	size_t half = edwards[_i].half;
	uint8_t good[IKE_SIGNATURE_MAX], bent[IKE_SIGNATURE_MAX];
	size_t length =
		ike_signature_make(NULL, pki_key(kind, 0), ike_signature_find(scheme), DATA, good);
	unsigned carry = 0;

	ck_assert(length == 2 * half && accepts(kind, scheme, bytes_of(good, length)));
	/* S plus the order is as good for the equation, and not for us */
	memcpy(bent, good, length);
	for (size_t i = 0; i < half; i++) {
		carry += (unsigned)good[half + i] + edwards[_i].order[i];
		bent[half + i] = (uint8_t)carry;
		carry >>= 8;
	}
	ck_assert_uint_eq(carry, 0);
	ck_assert(!accepts(kind, scheme, bytes_of(bent, length)));
	/* R as 1 + the sign of minus zero, as the field's prime, as zero */
	memset(bent, 0, length);
	ck_assert(!accepts(kind, scheme, bytes_of(bent, length)));
	bent[0] = 1;
	ck_assert(!accepts(kind, scheme, bytes_of(bent, length)));
	bent[half - 1] = 0x80;
	ck_assert(!accepts(kind, scheme, bytes_of(bent, length)));
	memset(bent, 0xff, length);
	ck_assert(!accepts(kind, scheme, bytes_of(bent, length)));
	/* truncated, longer, empty */
	memcpy(bent, good, length);
	bent[length] = 0;
	ck_assert(!accepts(kind, scheme, bytes_of(bent, length + 1)));
	ck_assert(!accepts(kind, scheme, bytes_of(good, length - 1)));
	ck_assert(!accepts(kind, scheme, bytes_of(good, half)));
	ck_assert(!accepts(kind, scheme, bytes_of(good, 0)));
	/* the bits above S */
	memcpy(bent, good, length);
	bent[length - 1] |= 0x80;
	ck_assert(!accepts(kind, scheme, bytes_of(bent, length)));
}
END_TEST

/* ---- Keys that nobody should take ---- */

static const struct {
	const char *name;
	const char *y; /* of Ed25519, in hex */
} small_order[] = {
	{ "the neutral element",
		"0100000000000000000000000000000000000000000000000000000000000000" },
	{ "order 2", "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f" },
	{ "order 4", "0000000000000000000000000000000000000000000000000000000000000000" },
	{ "order 4, other sign",
		"0000000000000000000000000000000000000000000000000000000000000080" },
	{ "order 8", "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05" },
	{ "order 8, other sign",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85" },
	{ "order 8, the other",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a" },
	{ "the prime itself", "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f" },
	{ "the prime and one", "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f" },
	{ "all ones", "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff" },
};

START_TEST(keys_of_small_order_are_refused)
{
	uint8_t spki[44] = { 0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0 };
	struct why why;

	for (size_t i = 0; i < 32; i++)
		ck_assert_int_eq(sscanf(small_order[_i].y + 2 * i, "%2hhx", &spki[12 + i]), 1);
	ck_assert_msg(!ike_public_key_parse(NULL, bytes_of(spki, sizeof(spki)), &why), "%s",
		small_order[_i].name);
	ck_assert_ptr_nonnull(strstr(why.text, "small order"));
}
END_TEST

static const char *const weak_keys[] = { "rsa512", "rsa768", "secp256k1", "dsa" };

START_TEST(weak_and_foreign_keys_are_refused)
{
	struct why why = { "" };
	struct ike_public_key *key = ike_public_key_of(NULL, pki_key(weak_keys[_i], 0), &why);

	ck_assert_msg(key == NULL, "%s", weak_keys[_i]);
	ck_assert_str_ne(why.text, "");
}
END_TEST

/* An RSA key of the modulus of a good one and that exponent. */
static struct ike_public_key *with_exponent(unsigned long exponent, struct why *why)
{
	BIGNUM *n = NULL;
	uint8_t der[600];
	struct writer w = writer_of(der, sizeof(der));
	uint8_t modulus[MODULUS];

	ck_assert(EVP_PKEY_get_bn_param(pki_key("rsa2048", 0), OSSL_PKEY_PARAM_RSA_N, &n));
	BN_bn2binpad(n, modulus, MODULUS);
	BN_free(n);
	/* RSAPublicKey (PKCS#1) by hand */
	writer_u8(&w, 0x30);
	writer_u8(&w, 0x82);
	writer_u16(&w, (uint16_t)(4 + 1 + MODULUS + 2 + 3));
	writer_u8(&w, 0x02);
	writer_u8(&w, 0x82);
	writer_u16(&w, MODULUS + 1);
	writer_u8(&w, 0);
	writer_put(&w, bytes_of(modulus, MODULUS));
	writer_u8(&w, 0x02);
	writer_u8(&w, 3);
	writer_u8(&w, (uint8_t)(exponent >> 16));
	writer_u16(&w, (uint16_t)exponent);
	return ike_public_key_parse(NULL, writer_bytes(&w), why);
}

START_TEST(rsa_keys_with_odd_exponents_are_refused)
{
	static const unsigned long bad[] = { 0x010000, 0x020002, 0x7ffffe };
	struct why why = { "" };
	struct ike_public_key *good = with_exponent(0x010001, &why);

	ck_assert_msg(good != NULL, "%s", why.text);
	ike_public_key_free(good);
	for (size_t i = 0; i < COUNT(bad); i++) {
		ck_assert_ptr_null(with_exponent(bad[i], &why));
		ck_assert_ptr_nonnull(strstr(why.text, "even"));
	}
}
END_TEST

/* ---- AlgorithmIdentifiers of AUTH's method 14 ---- */

static const struct {
	const char *name, *hex;
} identifiers[] = {
	{ "nothing", "" },
	{ "an empty SEQUENCE", "3000" },
	{ "md5WithRSAEncryption", "300d06092a864886f70d0101040500" },
	{ "rsaEncryption", "300d06092a864886f70d0101010500" },
	{ "an unknown object", "300806062a0304050607" },
	{ "sha256WithRSAEncryption with an octet after it", "300d06092a864886f70d01010b050000" },
	{ "sha256WithRSAEncryption, cut", "300d06092a864886f70d01010b05" },
	{ "sha256WithRSAEncryption with an INTEGER", "300e06092a864886f70d01010b020100" },
	{ "ecdsa-with-SHA256 with NULL", "300c06082a8648ce3d0403020500" },
	{ "ecdsa-with-SHA224", "300a06082a8648ce3d040301" },
	{ "Ed25519 with NULL", "300706032b65700500" },
	{ "X25519", "300506032b656e" },
	{ "dsa-with-sha256", "300b0609608648016503040302" },
	{ "PSS with MD5", "303806092a864886f70d01010a302ba00e300c06082a864886f70d02050500a119301706"
			  "092a864886f70d010108300a06082a864886f70d0205" },
	{ "PSS with a mask of SHA-1 to SHA-256",
		"304106092a864886f70d01010a3034a00f300d06096086480165030402010500a11c301a06092a8648"
		"86f70d010108300d06052b0e03021a0500a203020120" },
	{ "PSS with trailer field 2",
		"304606092a864886f70d01010a3039a00f300d06096086480165030402010500a11c301a06092a8648"
		"86f70d010108300d06096086480165030402010500a203020120a303020102" },
	{ "PSS with a negative salt",
		"304106092a864886f70d01010a3034a00f300d06096086480165030402010500a11c301a06092a8648"
		"86f70d010108300d06096086480165030402010500a2030201ff" },
	{ "a length of a gigabyte", "3084400000000609" },
};

START_TEST(strange_algorithm_identifiers_are_refused)
{
	uint8_t der[128];
	size_t length = strlen(identifiers[_i].hex) / 2;
	int salt;

	for (size_t i = 0; i < length; i++)
		ck_assert_int_eq(sscanf(identifiers[_i].hex + 2 * i, "%2hhx", &der[i]), 1);
	uint8_t *exact = malloc(length ? length : 1);
	memcpy(exact, der, length);
	ck_assert_msg(!ike_signature_by_algorithm(bytes_of(exact, length), &salt), "%s",
		identifiers[_i].name);
	free(exact);
}
END_TEST

/* ---- What a definition does not allow in AUTH ---- */

static const struct {
	const char *auth, *kind, *scheme;
	bool allowed;
} policies[] = {
	{ "pubkey", "rsa2048", "RSA_EMSA_PKCS1_SHA2_256", true },
	{ "pubkey", "rsa2048", "RSA_EMSA_PSS_SHA2_256_SALT_32", true },
	{ "ike:rsa/pss-sha256", "rsa2048", "RSA_EMSA_PSS_SHA2_256_SALT_32", true },
	{ "ike:rsa/pss-sha256", "rsa2048", "RSA_EMSA_PKCS1_SHA2_256", false },
	{ "ike:rsa/pss-sha384", "rsa2048", "RSA_EMSA_PSS_SHA2_256_SALT_32", false },
	{ "ike:rsa/pss-sha256", "p256", "ECDSA_WITH_SHA256_DER", false },
	{ "ike:rsa-sha512", "rsa2048", "RSA_EMSA_PKCS1_SHA2_256", false },
	{ "ike:rsa-sha512", "rsa2048", "RSA_EMSA_PKCS1_SHA2_512", true },
	{ "ike:pubkey-sha384", "p256", "ECDSA_WITH_SHA256_DER", false },
	{ "rsa-3072", "rsa2048", "RSA_EMSA_PKCS1_SHA2_256", false },
	{ "rsa-3072", "rsa3072", "RSA_EMSA_PKCS1_SHA2_256", true },
	{ "rsa", "p256", "ECDSA_WITH_SHA256_DER", false },
	{ "ecdsa", "rsa2048", "RSA_EMSA_PKCS1_SHA2_256", false },
	{ "ecdsa-384", "p256", "ECDSA_WITH_SHA256_DER", false },
	{ "ecdsa-384", "p384", "ECDSA_WITH_SHA384_DER", true },
	{ "ed25519", "ed448", "ED448", false },
	{ "ed25519", "ed25519", "ED25519", true },
	{ "ed448", "p256", "ECDSA_WITH_SHA256_DER", false },
};

START_TEST(what_auth_does_not_name_is_refused)
{
	struct ike_signature_policy policy = { 0 };
	struct ike_public_key *key = public_of(pki_key(policies[_i].kind, 0));
	struct why why = { "" };

	ck_assert_msg(ike_signature_policy_parse(policies[_i].auth, &policy, &why), "%s", why.text);
	ck_assert_msg(ike_signature_allowed(&policy, ike_signature_find(policies[_i].scheme), key,
			      &why) == policies[_i].allowed,
		"%s, %s: %s", policies[_i].auth, policies[_i].scheme, why.text);
	ike_public_key_free(key);
}
END_TEST

TCase *negative_signature_tests(void)
{
	TCase *tests = tcase_create("signatures");

	tcase_set_timeout(tests, 60);
	tcase_add_loop_test(tests, only_one_pkcs1_encoding_is_taken, 0, (int)COUNT(encodings));
	tcase_add_loop_test(tests, only_the_agreed_pss_is_taken, 0, (int)COUNT(variants));
	tcase_add_test(tests, trivial_rsa_signatures_are_refused);
	tcase_add_test(tests, rsa_signatures_of_another_length_are_refused);
	tcase_add_loop_test(tests, trivial_ecdsa_signatures_are_refused, 0, (int)COUNT(pairs));
	tcase_add_test(tests, trivial_classic_ecdsa_signatures_are_refused);
	tcase_add_test(tests, only_one_ecdsa_encoding_is_taken);
	tcase_add_loop_test(tests, edwards_signatures_have_one_form, 0, (int)COUNT(edwards));
	tcase_add_loop_test(tests, keys_of_small_order_are_refused, 0, (int)COUNT(small_order));
	tcase_add_loop_test(tests, weak_and_foreign_keys_are_refused, 0, (int)COUNT(weak_keys));
	tcase_add_test(tests, rsa_keys_with_odd_exponents_are_refused);
	tcase_add_loop_test(
		tests, strange_algorithm_identifiers_are_refused, 0, (int)COUNT(identifiers));
	tcase_add_loop_test(tests, what_auth_does_not_name_is_refused, 0, (int)COUNT(policies));
	return tests;
}
