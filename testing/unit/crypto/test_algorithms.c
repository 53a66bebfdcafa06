/* The registry: complete, unambiguous, and all of it there in OpenSSL. */
#include "testing/unit/crypto/test_crypto.h"

#include <openssl/crypto.h>
#include <openssl/provider.h>

START_TEST(every_row_has_a_name_and_is_found_by_its_numbers)
{
	for (const struct ike_algorithm *a = NULL; (a = ike_algorithm_next(a));) {
		ck_assert_ptr_nonnull(a->name);
		ck_assert_ptr_null(strchr(a->name, '?'));
		ck_assert_ptr_eq(ike_algorithm_find(a->type, a->id, a->key_bits), a);
	}
	ck_assert_ptr_null(ike_algorithm_find(IKE_TRANSFORM_ENCRYPTION, IKE_ENCR_AES_CBC, 0));
	ck_assert_ptr_null(ike_algorithm_find(IKE_TRANSFORM_ENCRYPTION, IKE_ENCR_AES_CBC, 129));
	ck_assert_ptr_null(ike_algorithm_find(IKE_TRANSFORM_PRF, 60000, 0));
	ck_assert_ptr_null(ike_algorithm_find(99, 1, 0));
}
END_TEST

START_TEST(every_keyword_names_one_row)
{
	size_t words = 0;

	for (const struct ike_algorithm *a = NULL; (a = ike_algorithm_next(a));) {
		const char *at = a->keywords;

		while (*at) {
			size_t length = strcspn(at, " ");

			ck_assert_ptr_eq(ike_algorithm_find_keyword(bytes_of(at, length)), a);
			at += length + (at[length] == ' ');
			words++;
		}
	}
	ck_assert_uint_gt(words, 100);
	ck_assert_ptr_null(ike_algorithm_find_keyword(bytes_of_text("")));
	ck_assert_ptr_null(ike_algorithm_find_keyword(bytes_of_text("aes12")));
	ck_assert_ptr_null(ike_algorithm_find_keyword(bytes_of_text("aes128 aes")));
	ck_assert_ptr_null(ike_algorithm_find_keyword(bytes_of_text("AES128")));
}
END_TEST

START_TEST(kernel_names_with_key_and_icv_length_are_unique)
{
	for (const struct ike_algorithm *a = NULL; (a = ike_algorithm_next(a));) {
		bool for_kernel =
			a->type == IKE_TRANSFORM_ENCRYPTION || a->type == IKE_TRANSFORM_INTEGRITY;

		ck_assert_int_eq(a->kernel_name != NULL, for_kernel);
		for (const struct ike_algorithm *b = a; (b = ike_algorithm_next(b)) && for_kernel;)
			ck_assert(!b->kernel_name || strcmp(a->kernel_name, b->kernel_name) != 0 ||
				  a->key_length != b->key_length || a->icv_length != b->icv_length);
	}
}
END_TEST

START_TEST(lengths_are_those_of_the_rfcs)
{
	const struct ike_algorithm *a;

	a = ike_algorithm_find(IKE_TRANSFORM_ENCRYPTION, IKE_ENCR_AES_GCM_16, 256);
	ck_assert_uint_eq(a->key_length, 36);
	ck_assert_uint_eq(a->salt_length, 4);
	ck_assert_uint_eq(a->iv_length, 8);
	ck_assert(a->aead && !a->weak);
	a = ike_algorithm_find(IKE_TRANSFORM_ENCRYPTION, IKE_ENCR_AES_CCM_8, 128);
	ck_assert_uint_eq(a->key_length, 19);
	ck_assert_uint_eq(a->icv_length, 8);
	a = ike_algorithm_find(IKE_TRANSFORM_ENCRYPTION, IKE_ENCR_3DES, 0);
	ck_assert_uint_eq(a->key_length, 24);
	ck_assert_uint_eq(a->block_length, 8);
	ck_assert(a->weak);
	a = ike_algorithm_find(IKE_TRANSFORM_INTEGRITY, IKE_INTEG_HMAC_SHA2_384_192, 0);
	ck_assert_uint_eq(a->key_length, 48);
	ck_assert_uint_eq(a->icv_length, 24);
}
END_TEST

START_TEST(transforms_are_named_as_strongswan_names_them)
{
	static const struct {
		struct ike_transform transform;
		const char *text;
	} cases[] = {
		{ { IKE_TRANSFORM_ENCRYPTION, IKE_ENCR_AES_CBC, 256 }, "AES_CBC_256" },
		{ { IKE_TRANSFORM_ENCRYPTION, IKE_ENCR_AES_GCM_16, 128 }, "AES_GCM_16_128" },
		{ { IKE_TRANSFORM_ENCRYPTION, IKE_ENCR_3DES, 0 }, "3DES_CBC" },
		{ { IKE_TRANSFORM_ENCRYPTION, IKE_ENCR_AES_CBC, 512 }, "AES_CBC_512" },
		{ { IKE_TRANSFORM_ENCRYPTION, 1234, 0 }, "(1234)" },
		{ { IKE_TRANSFORM_ENCRYPTION, 1234, 128 }, "(1234)_128" },
		{ { IKE_TRANSFORM_PRF, IKE_PRF_HMAC_SHA2_256, 0 }, "PRF_HMAC_SHA2_256" },
		{ { IKE_TRANSFORM_KEY_EXCHANGE, IKE_GROUP_X25519, 0 }, "CURVE_25519" },
		{ { IKE_TRANSFORM_KEY_EXCHANGE, IKE_GROUP_BRAINPOOL_256, 0 }, "ECP_256_BP" },
		{ { IKE_TRANSFORM_ESN, 1, 0 }, "EXT_SEQ" },
		{ { IKE_TRANSFORM_KEY_EXCHANGE, 36, 0 }, "ML_KEM_768" },
		{ { IKE_TRANSFORM_ADDITIONAL_1, 37, 0 }, "KE1_ML_KEM_1024" },
		{ { IKE_TRANSFORM_ADDITIONAL_7, 31, 0 }, "KE7_CURVE_25519" },
		{ { IKE_TRANSFORM_ADDITIONAL_1 + 1, 999, 0 }, "KE2_(999)" },
		{ { 77, 65535, 65535 }, "(65535)_65535" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[40];

		ck_assert_str_eq(ike_transform_format(&cases[i].transform, text), cases[i].text);
	}
}
END_TEST

START_TEST(openssl_has_all_of_them)
{
	struct ike_crypto *crypto = crypto_for_test();

	for (const struct ike_algorithm *a = NULL; (a = ike_algorithm_next(a));) {
		bool nothing = a->type == IKE_TRANSFORM_KEY_EXCHANGE && a->id == IKE_GROUP_NONE;
		bool missing = (ike_algorithm_is_kem(a) && !openssl_has_ml_kem()) ||
			       (ike_algorithm_hides_nothing(a) && a->aead); /* the kernel's */

		ck_assert_msg(
			ike_crypto_supports(crypto, a) == !(nothing || missing), "%s", a->name);
	}
	ike_crypto_free(crypto);
}
END_TEST

START_TEST(an_openssl_without_algorithms_is_refused_with_a_reason)
{
	OSSL_LIB_CTX *library = OSSL_LIB_CTX_new();
	OSSL_PROVIDER *nothing = OSSL_PROVIDER_load(library, "null");
	struct why why = { "" };

	ck_assert_ptr_nonnull(nothing);
	ck_assert_ptr_null(ike_crypto_new(library, &why));
	ck_assert_ptr_nonnull(strstr(why.text, "default provider"));
	OSSL_PROVIDER_unload(nothing);
	OSSL_LIB_CTX_free(library);
}
END_TEST

TCase *algorithm_tests(void)
{
	TCase *tests = tcase_create("algorithms");

	tcase_add_test(tests, every_row_has_a_name_and_is_found_by_its_numbers);
	tcase_add_test(tests, every_keyword_names_one_row);
	tcase_add_test(tests, kernel_names_with_key_and_icv_length_are_unique);
	tcase_add_test(tests, lengths_are_those_of_the_rfcs);
	tcase_add_test(tests, transforms_are_named_as_strongswan_names_them);
	tcase_add_test(tests, openssl_has_all_of_them);
	tcase_add_test(tests, an_openssl_without_algorithms_is_refused_with_a_reason);
	return tests;
}
