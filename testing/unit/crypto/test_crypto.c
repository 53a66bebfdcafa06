/* Unit tests of libike/crypto: see the files of each subject. */
#include "testing/unit/crypto/test_crypto.h"

#include <stdio.h>

struct ike_crypto *crypto_for_test(void)
{
	struct why why;
	struct ike_crypto *crypto = ike_crypto_new(NULL, &why);

	ck_assert_msg(crypto != NULL, "%s", why.text);
	return crypto;
}

size_t from_hex(const char *digits, uint8_t *ret, size_t room)
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

uint8_t *exact_copy(const void *from, size_t length)
{
	uint8_t *copy = malloc(length ? length : 1);

	ck_assert_ptr_nonnull(copy);
	if (length)
		memcpy(copy, from, length);
	return copy;
}

int main(void)
{
	Suite *suite = suite_create("crypto");

	suite_add_tcase(suite, algorithm_tests());
	suite_add_tcase(suite, proposal_tests());
	suite_add_tcase(suite, key_exchange_tests());
	suite_add_tcase(suite, kem_tests());
	suite_add_tcase(suite, prf_tests());
	suite_add_tcase(suite, seal_tests());
	suite_add_tcase(suite, signature_tests());
	suite_add_tcase(suite, certificate_tests());
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
