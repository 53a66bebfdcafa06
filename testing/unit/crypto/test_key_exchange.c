/* Key exchange in every group: agreement, refusal of invalid values, and where randomness is
 * drawn from. */
#include "testing/unit/crypto/test_crypto.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

static const uint16_t groups[] = { 1, 2, 5, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27,
	28, 29, 30, 31, 32 };

#define GROUPS ((int)(sizeof(groups) / sizeof(groups[0])))

static const struct ike_algorithm *row(uint16_t group)
{
	return ike_algorithm_find(IKE_TRANSFORM_KEY_EXCHANGE, group, 0);
}

static bool is_curve(uint16_t group)
{
	return (group >= 19 && group <= 21) || (group >= 25 && group <= 30);
}

START_TEST(both_sides_agree)
{
	uint16_t group = groups[_i];
	struct ike_crypto *crypto = crypto_for_test();
	struct ike_key_exchange *a = ike_key_exchange_new(crypto, group);
	struct ike_key_exchange *b = ike_key_exchange_new(crypto, group);
	AUTO_SECRET at_a = { 0 }, at_b = { 0 };

	ck_assert_ptr_nonnull(a);
	ck_assert_ptr_nonnull(b);
	ck_assert_uint_eq(ike_key_exchange_group(a), group);
	ck_assert_uint_eq(ike_key_exchange_public(a).length, row(group)->output_length);
	ck_assert(!bytes_equal(ike_key_exchange_public(a), ike_key_exchange_public(b)));
	ck_assert(ike_key_exchange_derive(a, ike_key_exchange_public(b), &at_a));
	ck_assert(ike_key_exchange_derive(b, ike_key_exchange_public(a), &at_b));
	ck_assert(secret_equal(secret_bytes(&at_a), secret_bytes(&at_b)));
	ck_assert_uint_eq(at_a.length,
		is_curve(group) ? row(group)->output_length / 2 : row(group)->output_length);
	ike_key_exchange_free(a);
	ike_key_exchange_free(b);
	ike_crypto_free(crypto);
}
END_TEST

/* Tries a value of an exact heap copy; the output must stay untouched. */
static void refuses(struct ike_key_exchange *kx, const uint8_t *value, size_t length)
{
	struct secret shared = { (uint8_t *)kx, 77 };
	uint8_t *copy = exact_copy(value, length);

	ck_assert_msg(!ike_key_exchange_derive(kx, bytes_of(copy, length), &shared),
		"group %u took an invalid value", ike_key_exchange_group(kx));
	ck_assert_ptr_eq(shared.at, kx);
	ck_assert_uint_eq(shared.length, 77);
	free(copy);
}

START_TEST(values_of_a_wrong_length_are_refused)
{
	struct ike_crypto *crypto = crypto_for_test();
	struct ike_key_exchange *a = ike_key_exchange_new(crypto, groups[_i]);
	struct bytes value = ike_key_exchange_public(a);
	uint8_t longer[1 + 1024 + 1] = { 4 };

	memcpy(longer + 1, value.at, value.length);
	for (size_t n = 0; n < value.length; n += n < 140 ? 1 : 41)
		refuses(a, value.at, n);
	refuses(a, longer, value.length + 1);
	refuses(a, longer + 1, value.length + 1);
	ike_key_exchange_free(a);
	ike_crypto_free(crypto);
}
END_TEST

START_TEST(zeros_and_ones_are_refused)
{
	struct ike_crypto *crypto = crypto_for_test();
	struct ike_key_exchange *a = ike_key_exchange_new(crypto, groups[_i]);
	uint8_t value[1024] = { 0 };
	size_t length = row(groups[_i])->output_length;

	refuses(a, value, length);
	if (groups[_i] != IKE_GROUP_X25519 && groups[_i] != IKE_GROUP_X448) {
		value[length - 1] = 1;
		refuses(a, value, length);
		memset(value, 0xff, length);
		refuses(a, value, length);
	}
	ike_key_exchange_free(a);
	ike_crypto_free(crypto);
}
END_TEST

/* p of a modular group, from its RFC by way of OpenSSL's constants. */
static BIGNUM *prime_of(uint16_t group)
{
	switch (group) {
	case IKE_GROUP_MODP_768:
		return BN_get_rfc2409_prime_768(NULL);
	case IKE_GROUP_MODP_1024:
		return BN_get_rfc2409_prime_1024(NULL);
	case IKE_GROUP_MODP_1536:
		return BN_get_rfc3526_prime_1536(NULL);
	case IKE_GROUP_MODP_2048:
		return BN_get_rfc3526_prime_2048(NULL);
	case IKE_GROUP_MODP_3072:
		return BN_get_rfc3526_prime_3072(NULL);
	case IKE_GROUP_MODP_4096:
		return BN_get_rfc3526_prime_4096(NULL);
	case IKE_GROUP_MODP_6144:
		return BN_get_rfc3526_prime_6144(NULL);
	case IKE_GROUP_MODP_8192:
		return BN_get_rfc3526_prime_8192(NULL);
	default:
		return NULL;
	}
}

START_TEST(modular_values_at_the_ends_of_the_range_are_refused)
{
	BIGNUM *p = prime_of(groups[_i]);
	struct ike_crypto *crypto;
	struct ike_key_exchange *a;
	uint8_t value[1024];
	int length = row(groups[_i])->output_length;
	AUTO_SECRET shared = { 0 };

	if (!p)
		return;
	crypto = crypto_for_test();
	a = ike_key_exchange_new(crypto, groups[_i]);
	ck_assert_int_eq(BN_bn2binpad(p, value, length), length);
	refuses(a, value, (size_t)length);
	BN_sub_word(p, 1);
	BN_bn2binpad(p, value, length);
	refuses(a, value, (size_t)length);
	BN_sub_word(p, 1); /* p - 2 is a valid value, and so is 2 */
	BN_bn2binpad(p, value, length);
	ck_assert(ike_key_exchange_derive(a, bytes_of(value, (size_t)length), &shared));
	memset(value, 0, (size_t)length);
	value[length - 1] = 2;
	ck_assert(ike_key_exchange_derive(a, bytes_of(value, (size_t)length), &shared));
	BN_free(p);
	ike_key_exchange_free(a);
	ike_crypto_free(crypto);
}
END_TEST

START_TEST(values_outside_the_subgroup_are_refused)
{
	static const uint16_t rfc5114[] = { IKE_GROUP_MODP_1024_160, IKE_GROUP_MODP_2048_224,
		IKE_GROUP_MODP_2048_256 };
	struct ike_crypto *crypto = crypto_for_test();

	for (size_t i = 0; i < 3; i++) {
		struct ike_key_exchange *a = ike_key_exchange_new(crypto, rfc5114[i]);
		uint8_t value[256] = { 0 };
		size_t length = row(rfc5114[i])->output_length;

		/* One in a huge number of values is in the subgroup: 2 to 20 are not. */
		for (uint8_t y = 2; y < 20; y++) {
			value[length - 1] = y;
			refuses(a, value, length);
		}
		ike_key_exchange_free(a);
	}
	ike_crypto_free(crypto);
}
END_TEST

START_TEST(points_off_the_curve_are_refused)
{
	struct ike_crypto *crypto = crypto_for_test();
	struct ike_key_exchange *a = ike_key_exchange_new(crypto, groups[_i]);
	struct bytes value = ike_key_exchange_public(a);
	uint8_t changed[132];

	for (size_t at = 0; is_curve(groups[_i]) && at < value.length; at += 7) {
		memcpy(changed, value.at, value.length);
		changed[at] ^= 1;
		refuses(a, changed, value.length);
	}
	ike_key_exchange_free(a);
	ike_crypto_free(crypto);
}
END_TEST

/* RFC 7748 7: points whose order divides the cofactor give an all-zero secret. */
START_TEST(points_of_small_order_are_refused)
{
	static const char *const x25519[] = {
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
		"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	};
	struct ike_crypto *crypto = crypto_for_test();
	struct ike_key_exchange *a = ike_key_exchange_new(crypto, IKE_GROUP_X25519);
	uint8_t value[56] = { 0 };

	for (size_t i = 0; i < sizeof(x25519) / sizeof(x25519[0]); i++) {
		from_hex(x25519[i], value, 32);
		refuses(a, value, 32);
	}
	ike_key_exchange_free(a);
	a = ike_key_exchange_new(crypto, IKE_GROUP_X448);
	memset(value, 0, sizeof(value));
	refuses(a, value, 56);
	value[0] = 1;
	refuses(a, value, 56);
	ike_key_exchange_free(a);
	ike_crypto_free(crypto);
}
END_TEST

START_TEST(unknown_groups_have_no_key_pairs)
{
	struct ike_crypto *crypto = crypto_for_test();
	static const uint16_t unknown[] = { 0, 3, 4, 13, 33, 34, 255, 1024, 65535 };

	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
		ck_assert_ptr_null(ike_key_exchange_new(crypto, unknown[i]));
	ike_crypto_free(crypto);
}
END_TEST

/* A library context whose only randomness is what is given: OpenSSL's own source is not asked. */
static OSSL_LIB_CTX *library_with_randomness(uint8_t *randomness, size_t length)
{
	OSSL_LIB_CTX *library = OSSL_LIB_CTX_new();
	unsigned strength = 256;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(OSSL_RAND_PARAM_TEST_ENTROPY, randomness, length),
		OSSL_PARAM_construct_uint(OSSL_RAND_PARAM_STRENGTH, &strength),
		OSSL_PARAM_construct_end(),
	};

	ck_assert_int_eq(RAND_set_DRBG_type(library, "TEST-RAND", NULL, NULL, NULL), 1);
	for (int i = 0; i < 2; i++) {
		EVP_RAND_CTX *source = i ? RAND_get0_public(library) : RAND_get0_private(library);

		ck_assert_ptr_nonnull(source);
		ck_assert_int_eq(EVP_RAND_CTX_set_params(source, params), 1);
		ck_assert_int_eq(EVP_RAND_instantiate(source, 256, 0, NULL, 0, NULL), 1);
	}
	return library;
}

START_TEST(x25519_gives_rfc_7748s_values)
{
	uint8_t bob_private[32], value[32], expected[32];
	AUTO_SECRET shared = { 0 };

	from_hex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb", bob_private,
		sizeof(bob_private));
	OSSL_LIB_CTX *library = library_with_randomness(bob_private, sizeof(bob_private));
	struct ike_crypto *crypto = ike_crypto_new(library, NULL);
	struct ike_key_exchange *bob = ike_key_exchange_new(crypto, IKE_GROUP_X25519);

	ck_assert_ptr_nonnull(bob);
	from_hex("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f", expected,
		sizeof(expected));
	ck_assert_mem_eq(ike_key_exchange_public(bob).at, expected, 32);
	from_hex("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a", value,
		sizeof(value));
	ck_assert(ike_key_exchange_derive(bob, bytes_of(value, 32), &shared));
	from_hex("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742", expected,
		sizeof(expected));
	ck_assert(secret_equal(secret_bytes(&shared), bytes_of(expected, 32)));
	ck_assert_ptr_null(ike_key_exchange_new(crypto, IKE_GROUP_X25519)); /* used up */
	ike_key_exchange_free(bob);
	ike_crypto_free(crypto);
	OSSL_LIB_CTX_free(library);
}
END_TEST

START_TEST(all_randomness_comes_from_the_library_context)
{
	uint8_t randomness[8192];
	struct ike_key_exchange *kx[2];
	struct ike_crypto *crypto[2];
	OSSL_LIB_CTX *library[2];
	struct secret shared[2] = { { 0 } };
	uint8_t drawn[2][16];

	for (size_t i = 0; i < sizeof(randomness); i++)
		randomness[i] = (uint8_t)(i * 7 + (i >> 8) + 1) & 0x3f;
	for (int i = 0; i < 2; i++) {
		library[i] = library_with_randomness(randomness, sizeof(randomness));
		crypto[i] = ike_crypto_new(library[i], NULL);
		kx[i] = ike_key_exchange_new(crypto[i], groups[_i]);
		ck_assert_ptr_nonnull(kx[i]);
		ck_assert(ike_crypto_random(crypto[i], drawn[i], sizeof(drawn[i])));
	}
	ck_assert_mem_eq(drawn[0], drawn[1], sizeof(drawn[0]));
	ck_assert(bytes_equal(ike_key_exchange_public(kx[0]), ike_key_exchange_public(kx[1])));
	for (int i = 0; i < 2; i++)
		ck_assert(ike_key_exchange_derive(
			kx[i], ike_key_exchange_public(kx[1 - i]), &shared[i]));
	ck_assert(secret_equal(secret_bytes(&shared[0]), secret_bytes(&shared[1])));
	for (int i = 0; i < 2; i++) {
		ike_key_exchange_free(kx[i]);
		ike_crypto_free(crypto[i]);
		OSSL_LIB_CTX_free(library[i]);
		secret_free(&shared[i]);
	}
}
END_TEST

START_TEST(a_responder_makes_its_half_and_the_secret_at_once)
{
	struct ike_crypto *crypto = crypto_for_test();
	struct ike_key_exchange *a = ike_key_exchange_new(crypto, groups[_i]);
	AUTO_SECRET at_a = { 0 }, at_b = { 0 };
	struct ike_key_exchange *b =
		ike_key_exchange_answer(crypto, groups[_i], ike_key_exchange_public(a), &at_b);
	uint8_t zeros[1024] = { 0 };

	ck_assert_ptr_nonnull(b);
	ck_assert(ike_key_exchange_derive(a, ike_key_exchange_public(b), &at_a));
	ck_assert(secret_equal(secret_bytes(&at_a), secret_bytes(&at_b)));
	ck_assert_ptr_null(ike_key_exchange_answer(
		crypto, groups[_i], bytes_of(zeros, row(groups[_i])->output_length), &at_b));
	ck_assert(secret_equal(secret_bytes(&at_a), secret_bytes(&at_b)));
	ike_key_exchange_free(a);
	ike_key_exchange_free(b);
	ike_crypto_free(crypto);
}
END_TEST

TCase *key_exchange_tests(void)
{
	TCase *tests = tcase_create("key exchange");

	tcase_set_timeout(tests, 60);
	tcase_add_loop_test(tests, both_sides_agree, 0, GROUPS);
	tcase_add_loop_test(tests, a_responder_makes_its_half_and_the_secret_at_once, 0, GROUPS);
	tcase_add_loop_test(tests, values_of_a_wrong_length_are_refused, 0, GROUPS);
	tcase_add_loop_test(tests, zeros_and_ones_are_refused, 0, GROUPS);
	tcase_add_loop_test(tests, modular_values_at_the_ends_of_the_range_are_refused, 0, GROUPS);
	tcase_add_test(tests, values_outside_the_subgroup_are_refused);
	tcase_add_loop_test(tests, points_off_the_curve_are_refused, 0, GROUPS);
	tcase_add_test(tests, points_of_small_order_are_refused);
	tcase_add_test(tests, unknown_groups_have_no_key_pairs);
	tcase_add_test(tests, x25519_gives_rfc_7748s_values);
	tcase_add_loop_test(tests, all_randomness_comes_from_the_library_context, 0, GROUPS);
	return tests;
}
