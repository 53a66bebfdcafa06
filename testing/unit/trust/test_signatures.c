/* Signatures that somebody without the private key would like to pass, or that are a second form of
 * a good one. Most are made with the private key from what stands inside, so that nothing else
 * about them is wrong. */
#include "testing/unit/trust/test_trust.h"

#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>

#define DATA bytes_of_text("what a peer signs")
#define RSA_OCTETS 256

static struct ike_public_key *public_of(EVP_PKEY *pkey)
{
	struct why why;
	struct ike_public_key *key = ike_public_key_of(NULL, pkey, &why);

	ck_assert_msg(key != NULL, "%s", why.text);
	return key;
}

static size_t from_hex(const char *digits, uint8_t *ret, size_t room)
{
	size_t length = strlen(digits) / 2;

	ck_assert_uint_le(length, room);
	for (size_t i = 0; i < length; i++) {
		unsigned octet;

		ck_assert_int_eq(sscanf(digits + 2 * i, "%2x", &octet), 1);
		ret[i] = (uint8_t)octet;
	}
	return length;
}

/* On memory of exactly that size, for ASan. */
static void check(const char *name, EVP_PKEY *pkey, const char *scheme, int salt_length,
	const uint8_t *signature, size_t length, bool expected)
{
	struct ike_public_key *key = public_of(pkey);
	uint8_t *copy = malloc(length ? length : 1);

	ck_assert_ptr_nonnull(copy);
	bytes_copy(copy, bytes_of(signature, length));
	ck_assert_msg(ike_signature_verify(key, ike_signature_find(scheme), salt_length, DATA,
			      bytes_of(copy, length)) == expected,
		"%s is %s", name, expected ? "refused" : "accepted");
	free(copy);
	ike_public_key_free(key);
}

static size_t sign(EVP_PKEY *pkey, const char *scheme, uint8_t ret[IKE_SIGNATURE_MAX])
{
	size_t length = ike_signature_make(NULL, pkey, ike_signature_find(scheme), DATA, ret);

	ck_assert_uint_gt(length, 0);
	return length;
}

/* ---- RSA: the encoded message, signed as it is ---- */

static void rsa_raw(bool sign_it, const uint8_t in[RSA_OCTETS], uint8_t ret[RSA_OCTETS])
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, pki_key("rsa2048", 0), NULL);
	size_t length = RSA_OCTETS;

	ck_assert_ptr_nonnull(context);
	if (sign_it)
		ck_assert(EVP_PKEY_sign_init(context) > 0 &&
			  EVP_PKEY_CTX_set_rsa_padding(context, RSA_NO_PADDING) > 0 &&
			  EVP_PKEY_sign(context, ret, &length, in, RSA_OCTETS) > 0);
	else
		ck_assert(EVP_PKEY_verify_recover_init(context) > 0 &&
			  EVP_PKEY_CTX_set_rsa_padding(context, RSA_NO_PADDING) > 0 &&
			  EVP_PKEY_verify_recover(context, ret, &length, in, RSA_OCTETS) > 0);
	ck_assert_uint_eq(length, RSA_OCTETS);
	EVP_PKEY_CTX_free(context);
}

#define SHA256_INFO "3031300d060960864801650304020105000420"

static const struct {
	const char *name;
	const char *head;    /* before the padding */
	int padding;         /* octets; -1: as many as there is room for */
	const char *between; /* the separator and the DigestInfo, but the digest */
	size_t digest;       /* octets of it */
	const char *after;
	bool good;
	const char *hash; /* SHA2-256 unless said otherwise */
} encodings[] = {
	{ "good", "0001", -1, "00" SHA256_INFO, 32, "", true, NULL },
	{ "block type 2", "0002", -1, "00" SHA256_INFO, 32, "", false, NULL },
	{ "block type 0", "0000", -1, "00" SHA256_INFO, 32, "", false, NULL },
	{ "block type 255", "00ff", -1, "00" SHA256_INFO, 32, "", false, NULL },
	{ "first octet 1", "0101", -1, "00" SHA256_INFO, 32, "", false, NULL },
	{ "padding with another octet", "0001fe", -1, "00" SHA256_INFO, 32, "", false, NULL },
	{ "padding with a zero", "0001ffff00", -1, "00" SHA256_INFO, 32, "", false, NULL },
	{ "garbage after a short padding (2006)", "0001", 8, "00" SHA256_INFO, 32, "", false,
		NULL },
	{ "garbage after no padding", "0001", 0, "00" SHA256_INFO, 32, "", false, NULL },
	{ "garbage after the padding but one", "0001", 201, "00" SHA256_INFO, 32, "", false, NULL },
	{ "a zero at the end", "0001", -1, "00" SHA256_INFO, 32, "00", false, NULL },
	{ "no separator", "0001", -1, SHA256_INFO, 32, "", false, NULL },
	{ "two separators", "0001", -1, "0000" SHA256_INFO, 32, "", false, NULL },
	{ "NULL left out", "0001", -1,
		"00302f300b0609608648016503040201"
		"0420",
		32, "", false, NULL },
	{ "NULL with contents", "0001", -1, "003032300e06096086480165030402010501000420", 32, "",
		false, NULL },
	{ "an OCTET STRING for NULL", "0001", -1,
		"003039301506096086480165030402010408000102030405060704"
		"20",
		32, "", false, NULL },
	{ "a length in the long form", "0001", -1, "00308131300d060960864801650304020105000420", 32,
		"", false, NULL },
	{ "an indefinite length", "0001", -1, "003080300d060960864801650304020105000420", 32,
		"0000", false, NULL },
	{ "garbage within the DigestInfo", "0001", -1, "003033300d060960864801650304020105000420",
		32, "0500", false, NULL },
	{ "SHA-384's OID", "0001", -1, "003031300d060960864801650304020205000420", 32, "", false,
		NULL },
	{ "SHA-1 within", "0001", -1, "003021300906052b0e03021a05000414", 20, "", false, "SHA1" },
	{ "MD5 within", "0001", -1, "003020300c06082a864886f70d020505000410", 16, "", false,
		"MD5" },
	{ "SHA-512 within", "0001", -1, "003051300d060960864801650304020305000440", 64, "", false,
		"SHA2-512" },
	{ "a digest of 31 octets", "0001", -1, "003030300d06096086480165030402010500041f", 31, "",
		false, NULL },
	{ "a digest of 0 octets", "0001", -1, "003011300d060960864801650304020105000400", 0, "",
		false, NULL },
	{ "the digest alone", "0001", -1, "00", 32, "", false, NULL },
	{ "a BIT STRING", "0001", -1, "003031300d060960864801650304020105000320", 32, "", false,
		NULL },
};

START_TEST(pkcs1_encodings)
{
	uint8_t em[RSA_OCTETS], signature[RSA_OCTETS], digest[EVP_MAX_MD_SIZE];
	size_t head = from_hex(encodings[_i].head, em, sizeof(em)), length;
	size_t between = strlen(encodings[_i].between) / 2, after = strlen(encodings[_i].after) / 2;
	size_t padding = encodings[_i].padding >= 0
				 ? (size_t)encodings[_i].padding
				 : sizeof(em) - head - between - encodings[_i].digest - after;
	uint8_t *at = em + head;

	ck_assert(EVP_Q_digest(NULL, encodings[_i].hash ? encodings[_i].hash : "SHA2-256", NULL,
		DATA.at, DATA.length, digest, &length));
	memset(em + head, 0xa5, sizeof(em) - head); /* what is left is garbage */
	memset(at, 0xff, padding);
	at += padding;
	at += from_hex(encodings[_i].between, at, between);
	memcpy(at, digest, encodings[_i].digest);
	from_hex(encodings[_i].after, at + encodings[_i].digest, after);
	rsa_raw(true, em, signature);
	check(encodings[_i].name, pki_key("rsa2048", 0), "RSA_EMSA_PKCS1_SHA2_256", -1, signature,
		sizeof(signature), encodings[_i].good);
}
END_TEST

/* ---- Good signatures, changed ---- */

enum change {
	UNCHANGED,
	EMPTY,
	SHORTER, /* the last octet gone */
	SHORTER_AT_FRONT,
	LONGER,          /* a zero at the end */
	LONGER_AT_FRONT, /* a zero at the front */
	ZERO,
	ONE,
	ONES,
	DOUBLED,
	FLIPPED_FIRST,
	FLIPPED_LAST,
	MODULUS, /* RSA: n itself */
	MODULUS_LESS_1,
	PLUS_MODULUS,
	TRAILER, /* PSS: within the encoded message */
	FLIPPED_SALT,
	FLIPPED_HASH,
	S_PLUS_ORDER, /* Edwards */
	S_ORDER,
	S_HIGH_BIT,
	R_ZERO,
	R_IDENTITY_S_ZERO,
	R_SIGN,
	CHANGES,
};

static const char *const change_names[CHANGES] = { "unchanged", "empty", "shorter",
	"shorter at front", "longer", "longer at front", "zero", "one", "ones", "doubled",
	"first octet flipped", "last octet flipped", "modulus", "modulus less 1", "plus modulus",
	"trailer", "salt flipped", "hash flipped", "s + order", "s = order", "high bit of s",
	"R = 0", "R = identity, s = 0", "sign of R" };

static const struct {
	const char *kind, *scheme;
	uint32_t changes; /* bits of enum change */
} changed[] = {
#define FROM_ONE_TO_FLIPPED 0xffe
#define RSA_CHANGES \
	(FROM_ONE_TO_FLIPPED | 1u << MODULUS | 1u << MODULUS_LESS_1 | 1u << PLUS_MODULUS)
#define EDWARDS_CHANGES                                                                \
	(FROM_ONE_TO_FLIPPED | 1u << S_PLUS_ORDER | 1u << S_ORDER | 1u << S_HIGH_BIT | \
		1u << R_ZERO | 1u << R_IDENTITY_S_ZERO | 1u << R_SIGN)
	{ "rsa2048", "RSA_EMSA_PKCS1_SHA2_256", RSA_CHANGES },
	{ "rsa2048", "RSA_EMSA_PSS_SHA2_256_SALT_32",
		RSA_CHANGES | 1u << TRAILER | 1u << FLIPPED_SALT | 1u << FLIPPED_HASH },
	{ "p256", "ECDSA_WITH_SHA256_DER", FROM_ONE_TO_FLIPPED },
	{ "p256", "ECDSA-256", FROM_ONE_TO_FLIPPED },
	{ "p521", "ECDSA-521", FROM_ONE_TO_FLIPPED },
	{ "ed25519", "ED25519", EDWARDS_CHANGES },
	{ "ed448", "ED448", EDWARDS_CHANGES },
};

static void change_within_pss(enum change change, uint8_t signature[RSA_OCTETS])
{
	uint8_t em[RSA_OCTETS];

	rsa_raw(false, signature, em);
	if (change == TRAILER)
		em[RSA_OCTETS - 1] = 0xcc;
	else
		em[change == FLIPPED_SALT ? RSA_OCTETS - 34 : RSA_OCTETS - 2] ^= 1;
	rsa_raw(true, em, signature);
}

/* Returns the length. */
static size_t change_rsa(enum change change, uint8_t *s)
{
	BIGNUM *n = NULL, *value = BN_bin2bn(s, RSA_OCTETS, NULL);
	size_t length;

	ck_assert(EVP_PKEY_get_bn_param(pki_key("rsa2048", 0), "n", &n));
	if (change == PLUS_MODULUS)
		ck_assert(BN_add(value, value, n));
	else
		ck_assert_ptr_nonnull(BN_copy(value, n));
	if (change == MODULUS_LESS_1)
		ck_assert(BN_sub_word(value, 1));
	length = (size_t)BN_num_bytes(value);
	BN_bn2bin(value, s);
	BN_free(value);
	BN_free(n);
	return length;
}

static void change_edwards(enum change change, uint8_t *signature, size_t length)
{
	static const char *const orders[] = {
		"edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010",
		"f34458ab92c27823558fc58d72c26c219036d6ae49db4ec4e923ca7cffffffff"
		"ffffffffffffffffffffffffffffffffffffffffffffff3f00",
	};
	size_t half = length / 2;
	uint8_t order[57], *s = signature + half;
	unsigned carry = 0;

	ck_assert_uint_eq(from_hex(orders[half == 57], order, sizeof(order)), half);
	switch (change) {
	case S_PLUS_ORDER:
		for (size_t i = 0; i < half; i++) {
			carry += s[i] + order[i];
			s[i] = (uint8_t)carry;
			carry >>= 8;
		}
		break;
	case S_ORDER:
		memcpy(s, order, half);
		break;
	case S_HIGH_BIT:
		s[half - 1] |= 0x80;
		break;
	case R_SIGN:
		signature[half - 1] ^= 0x80;
		break;
	default:
		memset(signature, 0, change == R_ZERO ? half : length);
		signature[0] = change == R_IDENTITY_S_ZERO;
	}
}

static size_t apply(enum change change, uint8_t *s, size_t length)
{
	switch (change) {
	case EMPTY:
		return 0;
	case SHORTER:
		return length - 1;
	case SHORTER_AT_FRONT:
		memmove(s, s + 1, length - 1);
		return length - 1;
	case LONGER:
		s[length] = 0;
		return length + 1;
	case LONGER_AT_FRONT:
		memmove(s + 1, s, length);
		s[0] = 0;
		return length + 1;
	case ZERO:
	case ONE:
		memset(s, 0, length);
		s[length - 1] = change == ONE;
		return length;
	case ONES:
		memset(s, 0xff, length);
		return length;
	case DOUBLED:
		memcpy(s + length, s, length);
		return 2 * length;
	case FLIPPED_FIRST:
		s[0] ^= 0x40;
		return length;
	case FLIPPED_LAST:
		s[length - 1] ^= 1;
		return length;
	case MODULUS:
	case MODULUS_LESS_1:
	case PLUS_MODULUS:
		return change_rsa(change, s);
	case TRAILER:
	case FLIPPED_SALT:
	case FLIPPED_HASH:
		change_within_pss(change, s);
		return length;
	case UNCHANGED:
	case CHANGES:
		return length;
	default:
		change_edwards(change, s, length);
		return length;
	}
}

START_TEST(good_ones_changed)
{
	EVP_PKEY *pkey = pki_key(changed[_i].kind, 0);
	uint8_t good[IKE_SIGNATURE_MAX], signature[2 * IKE_SIGNATURE_MAX];
	size_t length = sign(pkey, changed[_i].scheme, good);

	for (unsigned change = 0; change < CHANGES; change++) {
		if (change != UNCHANGED && !(changed[_i].changes & 1u << change))
			continue;
		memcpy(signature, good, length);
		char name[128];
		snprintf(name, sizeof(name), "%s, %s", changed[_i].scheme, change_names[change]);
		size_t new_length = apply((enum change)change, signature, length);
		check(name, pkey, changed[_i].scheme, -1, signature, new_length,
			change == UNCHANGED);
	}
}
END_TEST

/* Which is one of 256: the number is the same without it, its octets are not. */
START_TEST(a_zero_at_the_front_of_an_rsa_signature_stays)
{
	EVP_PKEY *pkey = pki_key("rsa2048", 0);
	uint8_t signature[IKE_SIGNATURE_MAX];
	size_t length;

	do
		length = sign(pkey, "RSA_EMSA_PSS_SHA2_256_SALT_32", signature);
	while (signature[0] != 0);
	check("with its zero", pkey, "RSA_EMSA_PSS_SHA2_256_SALT_32", -1, signature, length, true);
	check("without it", pkey, "RSA_EMSA_PSS_SHA2_256_SALT_32", -1, signature + 1, length - 1,
		false);
}
END_TEST

/* ---- ECDSA: the two numbers and their DER ---- */

static const struct {
	const char *name;
	/* r and s: "r", "s", "0", "n", "r+n", "s+n", "-r", "-s", "00r" (one zero too many) */
	const char *first, *second;
	const char *form; /* NULL: DER; else what is wrong with it */
	bool good;
} pairs[] = {
	{ "good", "r", "s", NULL, true },
	{ "r = 0", "0", "s", NULL, false },
	{ "s = 0", "r", "0", NULL, false },
	{ "both 0", "0", "0", NULL, false },
	{ "r = n", "n", "s", NULL, false },
	{ "s = n", "r", "n", NULL, false },
	{ "r + n", "r+n", "s", NULL, false },
	{ "s + n", "r", "s+n", NULL, false },
	{ "-r", "-r", "s", NULL, false },
	{ "-s", "r", "-s", NULL, false },
	{ "swapped", "s", "r", NULL, false },
	{ "r twice", "r", "r", NULL, false },
	{ "a zero before r", "00r", "s", NULL, false },
	{ "a zero before s", "r", "00s", NULL, false },
	{ "octets after it", "r", "s", "after", false },
	{ "a third number", "r", "s", "third", false },
	{ "a length in the long form", "r", "s", "long", false },
	{ "an indefinite length", "r", "s", "indefinite", false },
	{ "a SET", "r", "s", "set", false },
	{ "r alone", "r", NULL, NULL, false },
	{ "nothing within", NULL, NULL, NULL, false },
};

/* One INTEGER. */
static size_t put_number(
	const char *what, const BIGNUM *r, const BIGNUM *s, const BIGNUM *n, uint8_t *ret)
{
	BIGNUM *value = BN_new();
	bool negative = what && what[0] == '-', longer = what && what[0] == '0' && what[1];
	uint8_t octets[80] = { 0 };
	char name;

	if (!what) {
		BN_free(value);
		return 0;
	}
	name = what[strspn(what, "-0")];
	ck_assert_ptr_nonnull(BN_copy(value, name == 'r' ? r : name == 's' ? s : n));
	if (!name)
		BN_zero(value);
	if (strchr(what, '+'))
		ck_assert(BN_add(value, value, n));
	size_t length = (size_t)BN_num_bytes(value) + 1; /* a zero, for the sign */
	BN_bn2binpad(value, octets, (int)length);
	if (negative) { /* two's complement */
		unsigned carry = 1;

		for (size_t i = length; i > 0; i--) {
			carry += (uint8_t)~octets[i - 1];
			octets[i - 1] = (uint8_t)carry;
			carry >>= 8;
		}
	}
	size_t skip = !longer && !negative && length > 1 && octets[1] < 0x80;
	size_t extra = longer && octets[1] >= 0x80;
	ret[0] = 0x02;
	ret[1] = (uint8_t)(length - skip + extra);
	ret[2] = 0;
	memcpy(ret + 2 + extra, octets + skip, length - skip);
	BN_free(value);
	return 2 + length - skip + extra;
}

static size_t put_form(const char *form, const uint8_t *body, size_t length, uint8_t *ret)
{
	size_t used = 0;
	bool third = form && strcmp(form, "third") == 0;

	ret[used++] = form && strcmp(form, "set") == 0 ? 0x31 : 0x30;
	if (form && strcmp(form, "long") == 0)
		ret[used++] = 0x81;
	ret[used++] =
		form && strcmp(form, "indefinite") == 0 ? 0x80 : (uint8_t)(length + 3 * third);
	memcpy(ret + used, body, length);
	used += length;
	if (third) {
		memcpy(ret + used, "\x02\x01\x01", 3);
		used += 3;
	}
	if (form && (strcmp(form, "after") == 0 || strcmp(form, "indefinite") == 0)) {
		memset(ret + used, 0, 2);
		used += 2;
	}
	return used;
}

START_TEST(ecdsa_pairs)
{
	EVP_PKEY *pkey = pki_key("p256", 0);
	uint8_t good[IKE_SIGNATURE_MAX], body[256], forged[300];
	size_t length = sign(pkey, "ECDSA_WITH_SHA256_DER", good), used;
	const unsigned char *at = good;
	ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &at, (long)length);
	const BIGNUM *r, *s;
	BIGNUM *n = NULL;

	ck_assert_ptr_nonnull(signature);
	ck_assert(EVP_PKEY_get_bn_param(pkey, "order", &n));
	ECDSA_SIG_get0(signature, &r, &s);
	used = put_number(pairs[_i].first, r, s, n, body);
	used += put_number(pairs[_i].second, r, s, n, body + used);
	used = put_form(pairs[_i].form, body, used, forged);
	check(pairs[_i].name, pkey, "ECDSA_WITH_SHA256_DER", -1, forged, used, pairs[_i].good);
	ECDSA_SIG_free(signature);
	BN_free(n);
}
END_TEST

/* ---- One thing for another ---- */

static const struct {
	const char *name, *kind, *scheme; /* signed so */
	const char *other_kind, *other_scheme;
	int salt_length;
} confusions[] = {
	{ "another RSA key", "rsa2048", "RSA_EMSA_PKCS1_SHA2_256", "rsa3072",
		"RSA_EMSA_PKCS1_SHA2_256", -1 },
	{ "PKCS#1 as PSS", "rsa2048", "RSA_EMSA_PKCS1_SHA2_256", "rsa2048",
		"RSA_EMSA_PSS_SHA2_256_SALT_32", -1 },
	{ "PSS as PKCS#1", "rsa2048", "RSA_EMSA_PSS_SHA2_256_SALT_32", "rsa2048",
		"RSA_EMSA_PKCS1_SHA2_256", -1 },
	{ "SHA-1 as SHA-256", "rsa2048", "RSA_EMSA_PKCS1_SHA1", "rsa2048",
		"RSA_EMSA_PKCS1_SHA2_256", -1 },
	{ "SHA-256 as SHA-1", "rsa2048", "RSA_EMSA_PKCS1_SHA2_256", "rsa2048",
		"RSA_EMSA_PKCS1_SHA1", -1 },
	{ "PSS of another hash", "rsa2048", "RSA_EMSA_PSS_SHA2_512_SALT_64", "rsa2048",
		"RSA_EMSA_PSS_SHA2_256_SALT_32", -1 },
	{ "PSS, salt 32 for 20", "rsa2048", "RSA_EMSA_PSS_SHA2_256_SALT_32", "rsa2048",
		"RSA_EMSA_PSS_SHA2_256_SALT_32", 20 },
	{ "PSS, salt 32 for 0", "rsa2048", "RSA_EMSA_PSS_SHA2_256_SALT_32", "rsa2048",
		"RSA_EMSA_PSS_SHA2_256_SALT_32", 0 },
	{ "PSS, salt 32 for 33", "rsa2048", "RSA_EMSA_PSS_SHA2_256_SALT_32", "rsa2048",
		"RSA_EMSA_PSS_SHA2_256_SALT_32", 33 },
	{ "PSS, salt 32 for a huge one", "rsa2048", "RSA_EMSA_PSS_SHA2_256_SALT_32", "rsa2048",
		"RSA_EMSA_PSS_SHA2_256_SALT_32", 60000 },
	{ "another ECDSA key", "p256", "ECDSA_WITH_SHA256_DER", "p384", "ECDSA_WITH_SHA256_DER",
		-1 },
	{ "another curve of that size", "p256", "ECDSA_WITH_SHA256_DER", "bp256",
		"ECDSA_WITH_SHA256_DER", -1 },
	{ "classic on another curve", "bp256", "ECDSA_WITH_SHA256_DER", "bp256", "ECDSA-256", -1 },
	{ "DER as classic", "p256", "ECDSA_WITH_SHA256_DER", "p256", "ECDSA-256", -1 },
	{ "classic as DER", "p256", "ECDSA-256", "p256", "ECDSA_WITH_SHA256_DER", -1 },
	{ "ECDSA with another hash", "p256", "ECDSA_WITH_SHA384_DER", "p256",
		"ECDSA_WITH_SHA256_DER", -1 },
	{ "RSA with an ECDSA key", "rsa2048", "RSA_EMSA_PKCS1_SHA2_256", "p256",
		"RSA_EMSA_PKCS1_SHA2_256", -1 },
	{ "ECDSA with an RSA key", "p256", "ECDSA_WITH_SHA256_DER", "rsa2048",
		"ECDSA_WITH_SHA256_DER", -1 },
	{ "Ed25519 with an Ed448 key", "ed25519", "ED25519", "ed448", "ED25519", -1 },
	{ "Ed25519 as Ed448", "ed25519", "ED25519", "ed448", "ED448", -1 },
	{ "Ed25519 as ECDSA", "ed25519", "ED25519", "p256", "ECDSA-256", -1 },
};

START_TEST(one_for_another)
{
	uint8_t signature[IKE_SIGNATURE_MAX];
	EVP_PKEY *pkey = pki_key(confusions[_i].kind, 0);
	size_t length = sign(pkey, confusions[_i].scheme, signature);

	check("as it was signed", pkey, confusions[_i].scheme, -1, signature, length, true);
	check(confusions[_i].name, pki_key(confusions[_i].other_kind, 0),
		confusions[_i].other_scheme, confusions[_i].salt_length, signature, length, false);
}
END_TEST

/* ---- AlgorithmIdentifiers of method 14 ---- */

#define PSS_OID "06092a864886f70d01010a"
#define SHA256 "300d06096086480165030402010500"
#define MGF1_SHA256 "301a06092a864886f70d010108" SHA256

static const struct {
	const char *name, *hex;
} identifiers[] = {
	{ "none", "" },
	{ "an empty SEQUENCE", "3000" },
	{ "MD5 with RSA", "300d06092a864886f70d0101040500" },
	{ "SHA-224 with RSA", "300d06092a864886f70d01010e0500" },
	{ "an object that nobody knows", "300806062a0304050607" },
	{ "RSA with an INTEGER", "300e06092a864886f70d01010b020100" },
	{ "RSA, cut", "300d06092a864886f70d01010b05" },
	{ "a length of a gigabyte", "3084400000000609" },
	{ "PSS, MGF1 of SHA-1 to SHA-256",
		"3041" PSS_OID "3034a00f" SHA256
		"a11c301a06092a864886f70d010108300d06052b0e03021a0500a203020120" },
	{ "rsaEncryption", "300d06092a864886f70d0101010500" },
	{ "SHA-256 alone", SHA256 },
	{ "RSA without NULL", "300b06092a864886f70d01010b" },
	{ "RSA, a length in the long form", "30810d06092a864886f70d01010b0500" },
	{ "RSA twice", "300d06092a864886f70d01010b0500300d06092a864886f70d01010b0500" },
	{ "octets after it", "300d06092a864886f70d01010b050000" },
	{ "ECDSA with SHA-224", "300a06082a8648ce3d040301" },
	{ "ECDSA with NULL", "300c06082a8648ce3d0403020500" },
	{ "DSA with SHA-256", "300b0609608648016503040302" },
	{ "Ed25519 with NULL", "300706032b65700500" },
	{ "X25519", "300506032b656e" },
	{ "PSS without parameters", "300b" PSS_OID },
	{ "PSS with NULL", "300d" PSS_OID "0500" },
	{ "PSS, hash alone (MGF1 stays SHA-1)", "301e" PSS_OID "3011a00f" SHA256 },
	{ "PSS, MGF1 alone", "302b" PSS_OID "301ea11c" MGF1_SHA256 },
	{ "PSS, trailer 2",
		"3046" PSS_OID "3039a00f" SHA256 "a11c" MGF1_SHA256 "a203020120a303020102" },
	{ "PSS, salt -1", "3041" PSS_OID "3034a00f" SHA256 "a11c" MGF1_SHA256 "a2030201ff" },
	{ "PSS, an order of its own",
		"3041" PSS_OID "3034a11c" MGF1_SHA256 "a00f" SHA256 "a203020120" },
	{ "PSS, the salt twice",
		"3046" PSS_OID "3039a00f" SHA256 "a11c" MGF1_SHA256 "a203020120a203020120" },
	{ "PSS, cut", "3041" PSS_OID "3034a00f" SHA256 "a11c" MGF1_SHA256 "a2030201" },
};

START_TEST(algorithm_identifiers)
{
	uint8_t octets[160];
	size_t length = from_hex(identifiers[_i].hex, octets, sizeof(octets));
	uint8_t *copy = malloc(length ? length : 1);
	int salt_length;

	ck_assert_ptr_nonnull(copy);
	bytes_copy(copy, bytes_of(octets, length));
	ck_assert_msg(!ike_signature_by_algorithm(bytes_of(copy, length), &salt_length), "%s",
		identifiers[_i].name);
	free(copy);
}
END_TEST

/* RSASSA-PSS as somebody else could make it of the same key. */
static const struct {
	const char *name, *digest, *mask;
	int salt;
	bool good;
} variants[] = {
	{ "as RFC 7427 has it", "SHA256", "SHA256", 32, true },
	{ "without salt", "SHA256", "SHA256", 0, false },
	{ "with a short salt", "SHA256", "SHA256", 20, false },
	{ "with a long salt", "SHA256", "SHA256", 64, false },
	{ "with a mask of SHA-1", "SHA256", "SHA1", 32, false },
	{ "with a mask of SHA-512", "SHA256", "SHA512", 32, false },
	{ "with another hash", "SHA512", "SHA512", 32, false },
	{ "with SHA-1", "SHA1", "SHA1", 20, false },
};

START_TEST(pss_variants)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	EVP_PKEY_CTX *parameters;
	uint8_t signature[RSA_OCTETS];
	size_t length = sizeof(signature);

	ck_assert(EVP_DigestSignInit_ex(context, &parameters, variants[_i].digest, NULL, NULL,
		pki_key("rsa2048", 0), NULL));
	ck_assert(EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING) > 0 &&
		  EVP_PKEY_CTX_set_rsa_mgf1_md_name(parameters, variants[_i].mask, NULL) > 0 &&
		  EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, variants[_i].salt) > 0);
	ck_assert(EVP_DigestSign(context, signature, &length, DATA.at, DATA.length));
	EVP_MD_CTX_free(context);
	check(variants[_i].name, pki_key("rsa2048", 0), "RSA_EMSA_PSS_SHA2_256_SALT_32", -1,
		signature, length, variants[_i].good);
	check(variants[_i].name, pki_key("rsa2048", 0), "RSA_EMSA_PKCS1_SHA2_256", -1, signature,
		length, false);
}
END_TEST

/* Once for all processes that check forks. */
static void make_keys(void)
{
	static const char *const kinds[] = { "rsa2048", "rsa3072", "p256", "p384", "p521", "bp256",
		"ed25519", "ed448" };

	for (size_t i = 0; i < COUNT(kinds); i++)
		pki_key(kinds[i], 0);
}

static unsigned bits_of(uint32_t value)
{
	unsigned count = 0;

	for (; value; value >>= 1)
		count += value & 1;
	return count;
}

TCase *forgery_tests(size_t *ret_refused)
{
	TCase *tests = tcase_create("forgeries");

	*ret_refused = COUNT(encodings) - 1 + COUNT(pairs) - 1 + COUNT(confusions) +
		       COUNT(identifiers) + COUNT(variants) - 1;
	for (size_t i = 0; i < COUNT(changed); i++)
		*ret_refused += bits_of(changed[i].changes);
	tcase_set_timeout(tests, 60);
	tcase_add_unchecked_fixture(tests, make_keys, NULL);
	tcase_add_loop_test(tests, pkcs1_encodings, 0, COUNT(encodings));
	tcase_add_loop_test(tests, good_ones_changed, 0, COUNT(changed));
	tcase_add_test(tests, a_zero_at_the_front_of_an_rsa_signature_stays);
	tcase_add_loop_test(tests, ecdsa_pairs, 0, COUNT(pairs));
	tcase_add_loop_test(tests, one_for_another, 0, COUNT(confusions));
	tcase_add_loop_test(tests, algorithm_identifiers, 0, COUNT(identifiers));
	tcase_add_loop_test(tests, pss_variants, 0, COUNT(variants));
	return tests;
}
