/* The table of signature schemes, verification, and making. */
#include "libike/crypto/signature.h"

#include "libike/crypto/encoding.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/rsa.h>

#define METHOD_RSA 1
#define METHOD_ECDSA_256 9
#define METHOD_ECDSA_384 10
#define METHOD_ECDSA_521 11

/* ---- The table ---- */

#define DER(...)                                                                           \
	{                                                                                  \
		(const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }) \
	}
/* 1.2.840.113549.1.1.n with NULL; 1.2.840.10045.4.3.n; RFC 7427 appendix A. */
#define PKCS1(n) \
	DER(0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, n, 0x05, 0x00)
#define ECDSA_SHA2(n) DER(0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, n)
#define NIST_HASH(n) \
	0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, n, 0x05, 0x00
#define PSS(n, salt)                                                                            \
	DER(0x30, 0x41, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a, 0x30, \
		0x34, 0xa0, 0x0f, NIST_HASH(n), 0xa1, 0x1c, 0x30, 0x1a, 0x06, 0x09, 0x2a, 0x86, \
		0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x08, NIST_HASH(n), 0xa2, 0x03, 0x02, 0x01, \
		salt)

/* The order is that of preference within a type of key, where the hash's strength does not decide.
 * RSA with SHA-1 and ECDSA stand twice: as classic methods and for method 14. */
static const struct ike_signature_scheme schemes[] = {
	{ "RSA_EMSA_PKCS1_SHA2_256", IKE_KEY_RSA, IKE_HASH_SHA2_256, .digest = "SHA2-256",
		.algorithm = PKCS1(0x0b) },
	{ "RSA_EMSA_PKCS1_SHA2_384", IKE_KEY_RSA, IKE_HASH_SHA2_384, .digest = "SHA2-384",
		.algorithm = PKCS1(0x0c) },
	{ "RSA_EMSA_PKCS1_SHA2_512", IKE_KEY_RSA, IKE_HASH_SHA2_512, .digest = "SHA2-512",
		.algorithm = PKCS1(0x0d) },
	{ "RSA_EMSA_PSS_SHA2_256_SALT_32", IKE_KEY_RSA, IKE_HASH_SHA2_256, .pss = true,
		.digest = "SHA2-256", .algorithm = PSS(0x01, 32) },
	{ "RSA_EMSA_PSS_SHA2_384_SALT_48", IKE_KEY_RSA, IKE_HASH_SHA2_384, .pss = true,
		.digest = "SHA2-384", .algorithm = PSS(0x02, 48) },
	{ "RSA_EMSA_PSS_SHA2_512_SALT_64", IKE_KEY_RSA, IKE_HASH_SHA2_512, .pss = true,
		.digest = "SHA2-512", .algorithm = PSS(0x03, 64) },
	{ "RSA_EMSA_PKCS1_SHA1", IKE_KEY_RSA, IKE_HASH_SHA1, .auth_method = METHOD_RSA,
		.digest = "SHA1", .weak = true },
	{ "RSA_EMSA_PKCS1_SHA1", IKE_KEY_RSA, IKE_HASH_SHA1, .digest = "SHA1",
		.algorithm = PKCS1(0x05), .weak = true },
	{ "ECDSA_WITH_SHA256_DER", IKE_KEY_ECDSA, IKE_HASH_SHA2_256, .digest = "SHA2-256",
		.algorithm = ECDSA_SHA2(0x02) },
	{ "ECDSA_WITH_SHA384_DER", IKE_KEY_ECDSA, IKE_HASH_SHA2_384, .digest = "SHA2-384",
		.algorithm = ECDSA_SHA2(0x03) },
	{ "ECDSA_WITH_SHA512_DER", IKE_KEY_ECDSA, IKE_HASH_SHA2_512, .digest = "SHA2-512",
		.algorithm = ECDSA_SHA2(0x04) },
	{ "ECDSA-256", IKE_KEY_ECDSA, IKE_HASH_SHA2_256, .auth_method = METHOD_ECDSA_256,
		.curve = NID_X9_62_prime256v1, .digest = "SHA2-256" },
	{ "ECDSA-384", IKE_KEY_ECDSA, IKE_HASH_SHA2_384, .auth_method = METHOD_ECDSA_384,
		.curve = NID_secp384r1, .digest = "SHA2-384" },
	{ "ECDSA-521", IKE_KEY_ECDSA, IKE_HASH_SHA2_512, .auth_method = METHOD_ECDSA_521,
		.curve = NID_secp521r1, .digest = "SHA2-512" },
	{ "ECDSA_WITH_SHA1_DER", IKE_KEY_ECDSA, IKE_HASH_SHA1, .digest = "SHA1",
		.algorithm = DER(0x30, 0x09, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01),
		.weak = true },
	{ "RSA_EMSA_PKCS1_NULL", IKE_KEY_RSA, .raw = true },
	{ "ECDSA_256_NULL", IKE_KEY_ECDSA, .curve = NID_X9_62_prime256v1, .raw = true },
	{ "ECDSA_384_NULL", IKE_KEY_ECDSA, .curve = NID_secp384r1, .raw = true },
	{ "ECDSA_521_NULL", IKE_KEY_ECDSA, .curve = NID_secp521r1, .raw = true },
	{ "ED25519", IKE_KEY_ED25519, IKE_HASH_IDENTITY,
		.algorithm = DER(0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70) },
	{ "ED448", IKE_KEY_ED448, IKE_HASH_IDENTITY,
		.algorithm = DER(0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x71) },
};

#define SCHEMES (sizeof(schemes) / sizeof(*schemes))

const struct ike_signature_scheme *ike_signature_next(const struct ike_signature_scheme *previous)
{
	const struct ike_signature_scheme *next = previous ? previous + 1 : schemes;

	return next < schemes + SCHEMES ? next : NULL;
}

const struct ike_signature_scheme *ike_signature_find(const char *name)
{
	for (size_t i = 0; i < SCHEMES; i++)
		if (strcmp(schemes[i].name, name) == 0)
			return &schemes[i];
	return NULL;
}

const struct ike_signature_scheme *ike_signature_by_method(
	uint8_t auth_method, const struct ike_public_key *key)
{
	for (size_t i = 0; i < SCHEMES; i++)
		if (schemes[i].auth_method != 0 && schemes[i].auth_method == auth_method &&
			schemes[i].key_type == ike_public_key_type(key) &&
			(schemes[i].curve == 0 || schemes[i].curve == ike_public_key_curve(key)))
			return &schemes[i];
	return NULL;
}

const struct ike_signature_scheme *ike_signature_raw(const struct ike_public_key *key)
{
	for (size_t i = 0; i < SCHEMES; i++)
		if (schemes[i].raw && schemes[i].key_type == ike_public_key_type(key) &&
			(schemes[i].curve == 0 || schemes[i].curve == ike_public_key_curve(key)))
			return &schemes[i];
	return NULL;
}

/* ---- RSASSA-PSS-params (RFC 4055 3.1) ---- */

#define SALT_LENGTH_DEFAULT 20

/* A hash's AlgorithmIdentifier: parameters NULL or left out (RFC 4055 2.1). */
static uint8_t read_hash(struct reader *r)
{
	static const uint8_t nist[] = { 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02 };
	static const uint8_t sha1[] = { 0x2b, 0x0e, 0x03, 0x02, 0x1a };
	struct reader sequence = der_read(r, DER_SEQUENCE), nothing;
	struct reader oid_reader = der_read(&sequence, DER_OID);
	struct bytes oid = reader_rest(&oid_reader);

	if (der_read_optional(&sequence, DER_NULL, &nothing) && nothing.left > 0)
		return IKE_HASH_NONE;
	if (!reader_end(&sequence))
		return IKE_HASH_NONE;
	if (bytes_equal(oid, bytes_of(sha1, sizeof(sha1))))
		return IKE_HASH_SHA1;
	if (oid.length != sizeof(nist) + 1 || memcmp(oid.at, nist, sizeof(nist)) != 0)
		return IKE_HASH_NONE;
	switch (oid.at[sizeof(nist)]) {
	case 1:
		return IKE_HASH_SHA2_256;
	case 2:
		return IKE_HASH_SHA2_384;
	case 3:
		return IKE_HASH_SHA2_512;
	default:
		return IKE_HASH_NONE;
	}
}

/* [1]: MGF1 with a hash of its own. */
static uint8_t read_mask(struct reader *r)
{
	static const uint8_t mgf1[] = { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x08 };
	struct reader sequence = der_read(r, DER_SEQUENCE);
	struct reader oid = der_read(&sequence, DER_OID);
	uint8_t hash = read_hash(&sequence);

	return bytes_equal(reader_rest(&oid), bytes_of(mgf1, sizeof(mgf1))) && reader_end(&sequence)
		       ? hash
		       : IKE_HASH_NONE;
}

/* A small INTEGER that is not negative; else -1. */
static int read_small(struct reader *r)
{
	struct reader value = der_read(r, DER_INTEGER);
	struct bytes octets = reader_rest(&value);

	if (value.bad || octets.length == 0 || octets.length > 2 || octets.at[0] >= 0x80)
		return -1;
	if (octets.length == 1)
		return octets.at[0];
	return octets.at[0] == 0 && octets.at[1] < 0x80 ? -1 : octets.at[0] << 8 | octets.at[1];
}

static const struct ike_signature_scheme *read_pss(struct bytes der, int *ret_salt_length)
{
	static const uint8_t pss[] = { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a };
	struct reader r = reader_of(der), part;
	struct reader outer = der_read(&r, DER_SEQUENCE);
	struct reader oid = der_read(&outer, DER_OID);
	struct reader params = der_read(&outer, DER_SEQUENCE);
	uint8_t hash = IKE_HASH_SHA1, mask = IKE_HASH_SHA1;
	int salt = SALT_LENGTH_DEFAULT, trailer = 1;
	bool good = true;

	if (!bytes_equal(reader_rest(&oid), bytes_of(pss, sizeof(pss))))
		return NULL;
	if (der_read_optional(&params, DER_CONTEXT(0), &part)) {
		hash = read_hash(&part);
		good = good && reader_end(&part);
	}
	if (der_read_optional(&params, DER_CONTEXT(1), &part)) {
		mask = read_mask(&part);
		good = good && reader_end(&part);
	}
	if (der_read_optional(&params, DER_CONTEXT(2), &part)) {
		salt = read_small(&part);
		good = good && reader_end(&part);
	}
	if (der_read_optional(&params, DER_CONTEXT(3), &part)) {
		trailer = read_small(&part);
		good = good && reader_end(&part);
	}
	if (!good || !reader_end(&params) || !reader_end(&outer) || !reader_end(&r) || salt < 0 ||
		trailer != 1 || hash != mask)
		return NULL;
	*ret_salt_length = salt;
	for (size_t i = 0; i < SCHEMES; i++)
		if (schemes[i].pss && schemes[i].hash == hash)
			return &schemes[i];
	return NULL;
}

const struct ike_signature_scheme *ike_signature_by_algorithm(
	struct bytes der, int *ret_salt_length)
{
	*ret_salt_length = -1;
	if (der.length == 0)
		return NULL;
	for (size_t i = 0; i < SCHEMES; i++)
		if (bytes_equal(schemes[i].algorithm, der))
			return &schemes[i];
	return read_pss(der, ret_salt_length);
}

/* ---- Verifying and making ---- */

/* PSS and the length of its salt; nothing to do for the others. */
static bool set_padding(
	EVP_PKEY_CTX *context, const struct ike_signature_scheme *scheme, int salt_length)
{
	if (scheme->key_type != IKE_KEY_RSA)
		return true;
	if (!scheme->pss)
		return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) > 0;
	return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) > 0 &&
	       EVP_PKEY_CTX_set_rsa_mgf1_md_name(context, scheme->digest, NULL) > 0 &&
	       EVP_PKEY_CTX_set_rsa_pss_saltlen(
		       context, salt_length < 0 ? RSA_PSS_SALTLEN_DIGEST : salt_length) > 0;
}

/* Octets of r and of s in a classic ECDSA signature (RFC 4754 3). */
static size_t ecdsa_half(const struct ike_signature_scheme *scheme)
{
	switch (scheme->curve) {
	case NID_X9_62_prime256v1:
		return 32;
	case NID_secp384r1:
		return 48;
	case NID_secp521r1:
		return 66;
	default:
		return 0;
	}
}

/* r | s to DER, which OpenSSL wants. Returns the length, 0 when it is none. */
static size_t ecdsa_to_der(struct bytes pair, size_t half, uint8_t ret[IKE_SIGNATURE_MAX])
{
	ECDSA_SIG *signature = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(pair.at, (int)half, NULL);
	BIGNUM *s = BN_bin2bn(pair.at + half, (int)half, NULL);
	unsigned char *at = ret;
	int length = 0;

	if (!signature || !r || !s || !ECDSA_SIG_set0(signature, r, s)) {
		BN_free(r);
		BN_free(s);
	} else {
		length = i2d_ECDSA_SIG(signature, &at); /* two numbers of 66 octets at most */
	}
	ECDSA_SIG_free(signature);
	return length > 0 ? (size_t)length : 0;
}

/* Below the order of the group: other values would be a second signature of the same message
 * (RFC 8032 5.1.7, 5.2.7). */
static bool edwards_s_in_range(const struct ike_signature_scheme *scheme, struct bytes signature)
{
	static const uint8_t order_25519[32] = { 0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58,
		0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, [31] = 0x10 };
	static const uint8_t order_448[57] = { 0xf3, 0x44, 0x58, 0xab, 0x92, 0xc2, 0x78, 0x23, 0x55,
		0x8f, 0xc5, 0x8d, 0x72, 0xc2, 0x6c, 0x21, 0x90, 0x36, 0xd6, 0xae, 0x49, 0xdb, 0x4e,
		0xc4, 0xe9, 0x23, 0xca, 0x7c, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xff, 0x3f };
	bool is_448 = scheme->key_type == IKE_KEY_ED448;
	size_t half = is_448 ? 57 : 32;
	const uint8_t *order = is_448 ? order_448 : order_25519;

	if (signature.length != 2 * half)
		return false;
	const uint8_t *s = signature.at + half;
	for (size_t i = half; i > 0; i--)
		if (s[i - 1] != order[i - 1])
			return s[i - 1] < order[i - 1];
	return false;
}

static bool openssl_verify(const struct ike_public_key *key,
	const struct ike_signature_scheme *scheme, int salt_length, struct bytes data,
	struct bytes signature)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	EVP_PKEY_CTX *parameters = NULL;
	bool good =
		context &&
		EVP_DigestVerifyInit_ex(context, &parameters, scheme->digest,
			ike_public_key_library(key), NULL, ike_public_key_pkey(key), NULL) > 0 &&
		set_padding(parameters, scheme, salt_length) &&
		EVP_DigestVerify(context, signature.at, signature.length, data.at, data.length) ==
			1;

	EVP_MD_CTX_free(context);
	ERR_clear_error();
	return good;
}

static bool raw_verify(const struct ike_public_key *key, struct bytes hash, struct bytes signature)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(
		ike_public_key_library(key), ike_public_key_pkey(key), NULL);
	bool good =
		context && EVP_PKEY_verify_init(context) > 0 &&
		EVP_PKEY_verify(context, signature.at, signature.length, hash.at, hash.length) == 1;

	EVP_PKEY_CTX_free(context);
	ERR_clear_error();
	return good;
}

bool ike_signature_verify(const struct ike_public_key *key,
	const struct ike_signature_scheme *scheme, int salt_length, struct bytes data,
	struct bytes signature)
{
	uint8_t der[IKE_SIGNATURE_MAX];
	size_t half = ecdsa_half(scheme);

	if (scheme->key_type != ike_public_key_type(key) || signature.length == 0 ||
		signature.length > IKE_SIGNATURE_MAX)
		return false;
	if (scheme->curve != 0 && scheme->curve != ike_public_key_curve(key))
		return false;
	if (scheme->hash == IKE_HASH_IDENTITY && !edwards_s_in_range(scheme, signature))
		return false;
	/* RFC 8017 8.1.2, 8.2.2; OpenSSL takes PSS without the zeros at its front, too. */
	if (scheme->key_type == IKE_KEY_RSA &&
		signature.length != (size_t)EVP_PKEY_get_size(ike_public_key_pkey(key)))
		return false;
	if (half > 0) {
		if (signature.length != 2 * half)
			return false;
		signature = bytes_of(der, ecdsa_to_der(signature, half, der));
	}
	return scheme->raw ? raw_verify(key, data, signature)
			   : openssl_verify(key, scheme, salt_length, data, signature);
}

/* DER to r | s. */
static size_t ecdsa_from_der(struct bytes der, size_t half, uint8_t *ret)
{
	const unsigned char *at = der.at;
	ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &at, (long)der.length);
	bool done = signature && BN_bn2binpad(ECDSA_SIG_get0_r(signature), ret, (int)half) >= 0 &&
		    BN_bn2binpad(ECDSA_SIG_get0_s(signature), ret + half, (int)half) >= 0;

	ECDSA_SIG_free(signature);
	return done ? 2 * half : 0;
}

static uint8_t type_of(EVP_PKEY *pkey)
{
	switch (EVP_PKEY_get_base_id(pkey)) {
	case EVP_PKEY_RSA:
		return IKE_KEY_RSA;
	case EVP_PKEY_EC:
		return IKE_KEY_ECDSA;
	case EVP_PKEY_ED25519:
		return IKE_KEY_ED25519;
	case EVP_PKEY_ED448:
		return IKE_KEY_ED448;
	default:
		return IKE_KEY_ANY;
	}
}

/* Returns the length, 0 when it failed. */
static size_t raw_make(
	OSSL_LIB_CTX *library, EVP_PKEY *private_key, struct bytes hash, uint8_t *ret)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(library, private_key, NULL);
	size_t length = IKE_SIGNATURE_MAX;

	if (!context || EVP_PKEY_sign_init(context) <= 0 ||
		EVP_PKEY_sign(context, ret, &length, hash.at, hash.length) <= 0)
		length = 0;
	EVP_PKEY_CTX_free(context);
	return length;
}

/* The same, of data that is hashed. */
static size_t hashed_make(OSSL_LIB_CTX *library, EVP_PKEY *private_key,
	const struct ike_signature_scheme *scheme, struct bytes data, uint8_t *ret)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	EVP_PKEY_CTX *parameters = NULL;
	size_t length = IKE_SIGNATURE_MAX;

	if (!context ||
		EVP_DigestSignInit_ex(context, &parameters, scheme->digest, library, NULL,
			private_key, NULL) <= 0 ||
		!set_padding(parameters, scheme, -1) ||
		EVP_DigestSign(context, ret, &length, data.at, data.length) <= 0)
		length = 0;
	EVP_MD_CTX_free(context);
	return length;
}

size_t ike_signature_make(OSSL_LIB_CTX *library, EVP_PKEY *private_key,
	const struct ike_signature_scheme *scheme, struct bytes data,
	uint8_t ret[IKE_SIGNATURE_MAX])
{
	uint8_t der[IKE_SIGNATURE_MAX];
	size_t half = ecdsa_half(scheme), length;
	uint8_t *made = half > 0 ? der : ret;

	if (type_of(private_key) != scheme->key_type)
		return 0;
	length = scheme->raw ? raw_make(library, private_key, data, made)
			     : hashed_make(library, private_key, scheme, data, made);
	if (half > 0 && length > 0)
		length = ecdsa_from_der(bytes_of(der, length), half, ret);
	ERR_clear_error();
	return length;
}
