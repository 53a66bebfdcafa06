/* ML-KEM as a key exchange method: agreement, values that are refused, and what an OpenSSL that
 * lacks it says. */
#include "testing/unit/crypto/test_crypto.h"

#include <openssl/crypto.h>
#include <stdio.h>

static const struct kem {
	uint16_t group;
	size_t key, ciphertext;
} kems[] = {
	{ IKE_GROUP_ML_KEM_512, 800, 768 },
	{ IKE_GROUP_ML_KEM_768, 1184, 1088 },
	{ IKE_GROUP_ML_KEM_1024, 1568, 1568 },
};

#define KEMS ((int)(sizeof(kems) / sizeof(kems[0])))

bool openssl_has_ml_kem(void)
{
	return OpenSSL_version_num() >= 0x30500000L;
}

START_TEST(both_sides_agree)
{
	const struct kem *kem = &kems[_i];
	struct ike_crypto *crypto = crypto_for_test();
	struct ike_key_exchange *a = ike_key_exchange_new(crypto, kem->group);
	AUTO_SECRET at_a = { 0 }, at_b = { 0 }, again = { 0 };

	if (!openssl_has_ml_kem()) {
		ck_assert_ptr_null(a);
		ike_crypto_free(crypto);
		return;
	}
	ck_assert_ptr_nonnull(a);
	ck_assert_uint_eq(ike_key_exchange_public(a).length, kem->key);
	struct ike_key_exchange *b =
		ike_key_exchange_answer(crypto, kem->group, ike_key_exchange_public(a), &at_b);
	struct ike_key_exchange *other =
		ike_key_exchange_answer(crypto, kem->group, ike_key_exchange_public(a), &again);
	ck_assert_ptr_nonnull(b);
	ck_assert_ptr_nonnull(other);
	ck_assert_uint_eq(ike_key_exchange_group(b), kem->group);
	ck_assert_uint_eq(ike_key_exchange_public(b).length, kem->ciphertext);
	ck_assert(ike_key_exchange_derive(a, ike_key_exchange_public(b), &at_a));
	ck_assert_uint_eq(at_a.length, 32);
	ck_assert(secret_equal(secret_bytes(&at_a), secret_bytes(&at_b)));
	ck_assert(!secret_equal(secret_bytes(&at_a), secret_bytes(&again)));
	/* A responder has nothing to take an answer with. */
	ck_assert(!ike_key_exchange_derive(b, ike_key_exchange_public(b), &again));
	ike_key_exchange_free(a);
	ike_key_exchange_free(b);
	ike_key_exchange_free(other);
	ike_crypto_free(crypto);
}
END_TEST

static void refuses_key(struct ike_crypto *crypto, uint16_t group, const uint8_t *at, size_t length)
{
	struct secret shared = { (uint8_t *)crypto, 77 };
	uint8_t *copy = exact_copy(at, length);

	ck_assert_ptr_null(ike_key_exchange_answer(crypto, group, bytes_of(copy, length), &shared));
	ck_assert_ptr_eq(shared.at, crypto);
	free(copy);
}

START_TEST(keys_that_are_none_are_refused)
{
	const struct kem *kem = &kems[_i];
	struct ike_crypto *crypto = crypto_for_test();
	struct ike_key_exchange *a = ike_key_exchange_new(crypto, kem->group);
	uint8_t value[1569];

	memset(value, 0xff, sizeof(value)); /* coefficients above the modulus: FIPS 203 7.2 */
	refuses_key(crypto, kem->group, value, kem->key);
	for (size_t n = 0; a && n < kem->key; n += 37)
		refuses_key(crypto, kem->group, ike_key_exchange_public(a).at, n);
	refuses_key(crypto, kem->group, value, kem->key + 1);
	ike_key_exchange_free(a);
	ike_crypto_free(crypto);
}
END_TEST

START_TEST(a_changed_ciphertext_gives_a_secret_that_nobody_has)
{
	const struct kem *kem = &kems[_i];
	struct ike_crypto *crypto = crypto_for_test();
	struct ike_key_exchange *a = ike_key_exchange_new(crypto, kem->group);
	AUTO_SECRET at_a = { 0 }, at_b = { 0 };
	uint8_t value[1568];

	if (!a) {
		ike_crypto_free(crypto);
		return;
	}
	struct ike_key_exchange *b =
		ike_key_exchange_answer(crypto, kem->group, ike_key_exchange_public(a), &at_b);
	ck_assert_ptr_nonnull(b);
	memcpy(value, ike_key_exchange_public(b).at, kem->ciphertext);
	for (size_t n = 0; n < kem->ciphertext; n += 29)
		ck_assert(!ike_key_exchange_derive(a, bytes_of(value, n), &at_a));
	value[kem->ciphertext / 2] ^= 1;
	ck_assert(ike_key_exchange_derive(a, bytes_of(value, kem->ciphertext), &at_a));
	ck_assert(!secret_equal(secret_bytes(&at_a), secret_bytes(&at_b)));
	ike_key_exchange_free(a);
	ike_key_exchange_free(b);
	ike_crypto_free(crypto);
}
END_TEST

static size_t keeps(struct ike_crypto *crypto, const char *first, const char *second,
	const char *expected, struct why *why)
{
	struct ike_proposals list = { 0 };
	char text[IKE_PROPOSAL_TEXT_MAX];

	ck_assert(ike_proposals_add(&list, IKE_PROTOCOL_IKE, first, NULL));
	ck_assert(!second || ike_proposals_add(&list, IKE_PROTOCOL_IKE, second, NULL));
	size_t changed = ike_proposals_keep_supported(crypto, &list, why);
	ck_assert_str_eq(ike_proposals_format(list.items, list.count, text), expected);
	for (size_t i = 0; i < list.count; i++)
		ck_assert_uint_eq(list.items[i].number, i + 1);
	ike_proposals_free(&list);
	return changed;
}

#define BASE "IKE:AES_GCM_16_256/PRF_HMAC_SHA2_256/CURVE_25519"
#define WORDS "aes256gcm16-prfsha256-x25519"

START_TEST(proposals_are_kept_without_what_openssl_lacks)
{
	struct ike_crypto *crypto = crypto_for_test();
	struct why why = { "" };
	char expected[80];

	if (openssl_has_ml_kem()) {
		ck_assert_uint_eq(
			keeps(crypto, WORDS "-ke1_mlkem768", NULL, BASE "/KE1_ML_KEM_768", &why),
			0);
		ck_assert_str_eq(why.text, "");
		ike_crypto_free(crypto);
		return;
	}
	ck_assert_uint_eq(keeps(crypto, WORDS "-ke1_mlkem768", NULL, "", &why), 1);
	snprintf(expected, sizeof(expected), "ML-KEM-768 needs OpenSSL 3.5, this is %s",
		OpenSSL_version(OPENSSL_VERSION_STRING));
	ck_assert_str_eq(why.text, expected);
	ck_assert_uint_eq(keeps(crypto, WORDS "-ke1_mlkem768", WORDS, BASE, &why), 1);
	ck_assert_uint_eq(
		keeps(crypto, WORDS "-ke1_mlkem768-ke1_x448", NULL, BASE "/KE1_CURVE_448", &why),
		1);
	ck_assert_uint_eq(keeps(crypto, WORDS "-ke1_mlkem768-ke1_mlkem512", NULL, "", &why), 1);
	ck_assert_uint_eq(keeps(crypto, WORDS "-ke2_ecp256", "aes256-sha256-mlkem512",
				  BASE "/KE2_ECP_256", &why),
		1);
	ike_crypto_free(crypto);
}
END_TEST

TCase *kem_tests(void)
{
	TCase *tests = tcase_create("KEM");

	tcase_add_loop_test(tests, both_sides_agree, 0, KEMS);
	tcase_add_loop_test(tests, keys_that_are_none_are_refused, 0, KEMS);
	tcase_add_loop_test(tests, a_changed_ciphertext_gives_a_secret_that_nobody_has, 0, KEMS);
	tcase_add_test(tests, proposals_are_kept_without_what_openssl_lacks);
	return tests;
}
