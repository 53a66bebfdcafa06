/* Public keys: parsed, checked, told apart. */
#include "libike/crypto/public_key.h"

#include "libike/crypto/encoding.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>

#define SPKI_MAX 8192
#define RSA_BITS_LEAST 1024
#define RSA_BITS_MOST 16384
#define RSA_EXPONENT_BITS_MOST 64 /* a long one only costs time */

struct ike_public_key {
	uint32_t references;
	uint8_t type;
	unsigned bits;
	int curve;
	OSSL_LIB_CTX *library;
	EVP_PKEY *pkey;
	uint8_t *spki;
	size_t spki_length;
	uint8_t id[IKE_KEY_ID_LENGTH];
	uint8_t info_id[IKE_KEY_ID_LENGTH];
};

const char *ike_key_type_name(uint8_t type)
{
	static const char *const names[] = {
		[IKE_KEY_ANY] = "ANY",
		[IKE_KEY_RSA] = "RSA",
		[IKE_KEY_ECDSA] = "ECDSA",
		[IKE_KEY_ED25519] = "ED25519",
		[IKE_KEY_ED448] = "ED448",
	};

	return type < sizeof(names) / sizeof(*names) ? names[type] : "unknown";
}

/* ---- What no policy should have to refuse ---- */

static bool check_rsa(struct ike_public_key *key, struct why *why)
{
	BIGNUM *n = NULL, *e = NULL;
	bool good = false;

	key->type = IKE_KEY_RSA;
	if (!EVP_PKEY_get_bn_param(key->pkey, OSSL_PKEY_PARAM_RSA_N, &n) ||
		!EVP_PKEY_get_bn_param(key->pkey, OSSL_PKEY_PARAM_RSA_E, &e)) {
		why_fail(why, "an RSA key without modulus or exponent");
		goto out;
	}
	key->bits = (unsigned)BN_num_bits(n);
	if (key->bits < RSA_BITS_LEAST)
		why_fail(why, "an RSA key of %u bits, fewer than %d", key->bits, RSA_BITS_LEAST);
	else if (key->bits > RSA_BITS_MOST)
		why_fail(why, "an RSA key of %u bits, more than %d", key->bits, RSA_BITS_MOST);
	else if (!BN_is_odd(n))
		why_fail(why, "an RSA key with an even modulus");
	else if (!BN_is_odd(e) || BN_is_one(e))
		why_fail(why, "an RSA key whose exponent is %s", BN_is_one(e) ? "1" : "even");
	else if (BN_num_bits(e) > RSA_EXPONENT_BITS_MOST)
		why_fail(why, "an RSA key with an exponent of %d bits, more than %d",
			BN_num_bits(e), RSA_EXPONENT_BITS_MOST);
	else
		good = true;
out:
	BN_free(n);
	BN_free(e);
	return good;
}

static bool check_ec(struct ike_public_key *key, struct why *why)
{
	static const struct {
		int curve;
		unsigned bits;
	} curves[] = {
		{ NID_X9_62_prime256v1, 256 },
		{ NID_secp384r1, 384 },
		{ NID_secp521r1, 521 },
		{ NID_brainpoolP256r1, 256 },
		{ NID_brainpoolP384r1, 384 },
		{ NID_brainpoolP512r1, 512 },
	};
	char name[64];
	int is_explicit = 0;

	key->type = IKE_KEY_ECDSA;
	/* Parameters that are written out may be another curve with the same public key on it. */
	if (EVP_PKEY_get_int_param(
		    key->pkey, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &is_explicit) &&
		is_explicit)
		return why_fail(why, "an ECDSA key that writes its curve out instead of naming it");
	if (!EVP_PKEY_get_group_name(key->pkey, name, sizeof(name), NULL))
		return why_fail(why, "an ECDSA key on a curve without a name");
	key->curve = OBJ_txt2nid(name);
	for (size_t i = 0; i < sizeof(curves) / sizeof(*curves); i++)
		if (curves[i].curve == key->curve) {
			key->bits = curves[i].bits;
			return true;
		}
	return why_fail(
		why, "an ECDSA key on the curve %s, which no signature of ours is for", name);
}

/* Points of small order: everybody can make signatures that such a key verifies. The sign bit does
 * not matter. RFC 8032 5.1.3 and 5.2.3: y is below p. */
static bool is_weak_edwards(const uint8_t *point, size_t length)
{
	static const uint8_t order8_of_25519[2][32] = {
		{ 0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2,
			0xef, 0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1,
			0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05 },
		{ 0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d,
			0x10, 0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e,
			0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a },
	};
	uint8_t y[57], p[57];
	size_t digits = length == 57 ? 56 : 32; /* octets of y; Ed448 has one more for the sign */

	memcpy(y, point, length);
	y[length - 1] &= 0x7f;
	if (length == 57 && y[56] != 0)
		return true;
	memset(p, 0xff, sizeof(p));
	if (length == 57) {
		p[28] = 0xfe;
	} else {
		p[0] = 0xed;
		p[31] = 0x7f;
	}
	size_t at = digits;
	while (at > 0 && y[at - 1] == p[at - 1])
		at--;
	if (at == 0 || y[at - 1] > p[at - 1]) /* p and above */
		return true;
	if (at == 1 && y[0] == p[0] - 1) /* p - 1 */
		return true;
	for (at = digits; at > 1 && y[at - 1] == 0; at--)
		;
	if (at == 1 && y[0] <= 1) /* 0 and 1 */
		return true;
	return length == 32 &&
	       (memcmp(y, order8_of_25519[0], 32) == 0 || memcmp(y, order8_of_25519[1], 32) == 0);
}

static bool check_edwards(struct ike_public_key *key, uint8_t type, struct why *why)
{
	uint8_t point[57];
	size_t length = sizeof(point);

	key->type = type;
	key->bits = type == IKE_KEY_ED448 ? 456 : 256;
	if (!EVP_PKEY_get_raw_public_key(key->pkey, point, &length) ||
		length != (type == IKE_KEY_ED448 ? 57 : 32))
		return why_fail(why, "an %s key of a wrong length", ike_key_type_name(type));
	if (is_weak_edwards(point, length))
		return why_fail(why,
			"an %s key that is a point of small order or not written as RFC 8032 says",
			ike_key_type_name(type));
	return true;
}

static bool check_key(struct ike_public_key *key, struct why *why)
{
	switch (EVP_PKEY_get_base_id(key->pkey)) {
	case EVP_PKEY_RSA:
		return check_rsa(key, why);
	case EVP_PKEY_EC:
		return check_ec(key, why);
	case EVP_PKEY_ED25519:
		return check_edwards(key, IKE_KEY_ED25519, why);
	case EVP_PKEY_ED448:
		return check_edwards(key, IKE_KEY_ED448, why);
	default:
		break;
	}
	const char *name = EVP_PKEY_get0_type_name(key->pkey);
	return why_fail(why, "a key of type %s, which no signature of ours is for",
		name ? name : "unknown");
}

/* ---- Making ---- */

static bool make_ids(struct ike_public_key *key, struct why *why)
{
	struct reader spki = reader_of(bytes_of(key->spki, key->spki_length));
	struct reader info = der_read(&spki, DER_SEQUENCE);

	der_read(&info, DER_SEQUENCE);
	struct reader bits = der_read(&info, 0x03);
	reader_u8(&bits); /* unused bits */
	if (bits.bad || !reader_end(&info))
		return why_fail(why, "a damaged SubjectPublicKeyInfo");
	if (!encoding_sha1(key->library, reader_rest(&bits), key->id) ||
		!encoding_sha1(key->library, bytes_of(key->spki, key->spki_length), key->info_id))
		return why_fail(why, "OpenSSL has no SHA-1");
	return true;
}

/* Takes the caller's reference of pkey over, also on failure. spki empty: as OpenSSL writes it. */
static struct ike_public_key *make(
	OSSL_LIB_CTX *library, EVP_PKEY *pkey, struct bytes spki, struct why *why)
{
	struct ike_public_key *key = calloc(1, sizeof(*key));
	unsigned char *written = NULL;

	if (!key) {
		EVP_PKEY_free(pkey);
		why_fail(why, "out of memory");
		return NULL;
	}
	key->references = 1;
	key->library = library;
	key->pkey = pkey;
	if (!check_key(key, why))
		goto failed;
	if (spki.length == 0) {
		int length = i2d_PUBKEY(pkey, &written);

		if (length > 0)
			spki = bytes_of(written, (size_t)length);
	}
	struct bytes copy = bytes_duplicate(spki);
	key->spki = (uint8_t *)copy.at;
	key->spki_length = copy.at ? copy.length : 0;
	OPENSSL_free(written);
	if (!key->spki) {
		why_fail(why, "out of memory");
		goto failed;
	}
	if (!make_ids(key, why))
		goto failed;
	ERR_clear_error();
	return key;
failed:
	ERR_clear_error();
	ike_public_key_free(key);
	return NULL;
}

static EVP_PKEY *rsa_of_numbers(OSSL_LIB_CTX *library, struct bytes modulus, struct bytes exponent)
{
	BIGNUM *n = BN_bin2bn(modulus.at, (int)modulus.length, NULL);
	BIGNUM *e = BN_bin2bn(exponent.at, (int)exponent.length, NULL);
	OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	OSSL_PARAM *params = NULL;
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(library, "RSA", NULL);
	EVP_PKEY *pkey = NULL;

	if (n && e && builder && context &&
		OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n) &&
		OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e))
		params = OSSL_PARAM_BLD_to_param(builder);
	if (params && EVP_PKEY_fromdata_init(context) > 0 &&
		EVP_PKEY_fromdata(context, &pkey, EVP_PKEY_PUBLIC_KEY, params) <= 0)
		pkey = NULL;
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(builder);
	EVP_PKEY_CTX_free(context);
	BN_free(n);
	BN_free(e);
	return pkey;
}

/* RFC 8017 A.1.1: SEQUENCE { modulus, publicExponent }. */
static bool read_pkcs1(struct bytes der, struct bytes *ret_modulus, struct bytes *ret_exponent)
{
	struct reader r = reader_of(der);
	struct reader sequence = der_read(&r, DER_SEQUENCE);
	struct reader n = der_read(&sequence, DER_INTEGER);
	struct reader e = der_read(&sequence, DER_INTEGER);

	if (!reader_end(&r) || !reader_end(&sequence) || !reader_more(&n) || !reader_more(&e) ||
		n.at[0] >= 0x80 || e.at[0] >= 0x80)
		return false;
	*ret_modulus = reader_rest(&n);
	*ret_exponent = reader_rest(&e);
	return true;
}

/* RFC 3110 2: length of the exponent in one octet or, after a zero, in two; exponent; modulus. */
static bool read_dnskey(struct bytes text, struct bytes *ret_modulus, struct bytes *ret_exponent)
{
	struct reader r = reader_of(text);
	size_t length = reader_u8(&r);

	if (length == 0)
		length = reader_u16(&r);
	*ret_exponent = reader_bytes(&r, length);
	*ret_modulus = reader_rest(&r);
	return !r.bad && length > 0 && ret_modulus->length > 0;
}

static struct ike_public_key *parse_der(OSSL_LIB_CTX *library, struct bytes der, struct why *why)
{
	const unsigned char *at = der.at;
	struct bytes modulus, exponent;

	if (der.at[0] == DER_SEQUENCE && !read_pkcs1(der, &modulus, &exponent)) {
		EVP_PKEY *pkey = d2i_PUBKEY_ex(NULL, &at, (long)der.length, library, NULL);

		if (pkey && at == der.at + der.length)
			return make(library, pkey, der, why);
		if (pkey)
			why_fail(why, "%td octets after the public key", der.at + der.length - at);
		else
			why_fail(why, "no public key that OpenSSL can read");
		EVP_PKEY_free(pkey);
		ERR_clear_error();
		return NULL;
	}
	if (der.at[0] != DER_SEQUENCE && !read_dnskey(der, &modulus, &exponent)) {
		why_fail(why, "neither DER nor PEM nor the RSA key of a DNSKEY");
		return NULL;
	}
	EVP_PKEY *pkey = rsa_of_numbers(library, modulus, exponent);
	if (!pkey) {
		ERR_clear_error();
		why_fail(why, "an RSA key that OpenSSL does not take");
		return NULL;
	}
	return make(library, pkey, (struct bytes){ 0 }, why);
}

struct ike_public_key *ike_public_key_parse(
	OSSL_LIB_CTX *library, struct bytes encoded, struct why *why)
{
	struct encoding encoding;
	struct ike_public_key *key = NULL;

	if (!encoding_open(encoded, SPKI_MAX, &encoding, why))
		return NULL;
	if (encoding.name[0] && strcmp(encoding.name, "PUBLIC KEY") != 0 &&
		strcmp(encoding.name, "RSA PUBLIC KEY") != 0)
		why_fail(why, "PEM of a %s, not of a public key", encoding.name);
	else if (encoding.der.length == 0)
		why_fail(why, "it is empty");
	else
		key = parse_der(library, encoding.der, why);
	encoding_close(&encoding);
	return key;
}

struct ike_public_key *ike_public_key_of(OSSL_LIB_CTX *library, EVP_PKEY *pkey, struct why *why)
{
	if (!EVP_PKEY_up_ref(pkey))
		return NULL;
	return make(library, pkey, (struct bytes){ 0 }, why);
}

struct ike_public_key *ike_public_key_of_info(
	OSSL_LIB_CTX *library, EVP_PKEY *pkey, struct bytes spki, struct why *why)
{
	if (!EVP_PKEY_up_ref(pkey))
		return NULL;
	return make(library, pkey, spki, why);
}

struct ike_public_key *ike_public_key_hold(struct ike_public_key *key)
{
	if (key)
		key->references++;
	return key;
}

void ike_public_key_free(struct ike_public_key *key)
{
	if (!key || --key->references > 0)
		return;
	EVP_PKEY_free(key->pkey);
	free(key->spki);
	free(key);
}

/* ---- Looking ---- */

uint8_t ike_public_key_type(const struct ike_public_key *key)
{
	return key->type;
}

unsigned ike_public_key_bits(const struct ike_public_key *key)
{
	return key->bits;
}

int ike_public_key_curve(const struct ike_public_key *key)
{
	return key->curve;
}

EVP_PKEY *ike_public_key_pkey(const struct ike_public_key *key)
{
	return key->pkey;
}

OSSL_LIB_CTX *ike_public_key_library(const struct ike_public_key *key)
{
	return key->library;
}

struct bytes ike_public_key_spki(const struct ike_public_key *key)
{
	return bytes_of(key->spki, key->spki_length);
}

bool ike_public_key_equal(const struct ike_public_key *a, const struct ike_public_key *b)
{
	/* A point may be written compressed, and parameters in several ways. */
	return a == b || bytes_equal(ike_public_key_spki(a), ike_public_key_spki(b)) ||
	       (a->type == b->type && a->bits == b->bits && a->curve == b->curve &&
		       EVP_PKEY_eq(a->pkey, b->pkey) == 1);
}

const uint8_t *ike_public_key_id(const struct ike_public_key *key)
{
	return key->id;
}

const uint8_t *ike_public_key_info_id(const struct ike_public_key *key)
{
	return key->info_id;
}
