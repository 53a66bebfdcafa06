#include "testing/unit/negative/negative.h"

#include <stdlib.h>

/* Made before the tests become processes of their own, so that each finds them. */
static void make_keys(void)
{
	static const char *const kinds[] = { "rsa1024", "rsa2048", "rsa3072" };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		for (unsigned number = 0; number < 4; number++)
			(void)pki_key(kinds[i], number);
	(void)pki_key("dsa", 0);
}

int main(void)
{
	make_keys();
	Suite *suite = suite_create("negative");

	suite_add_tcase(suite, negative_chain_tests());
	suite_add_tcase(suite, negative_identity_tests());
	suite_add_tcase(suite, negative_signature_tests());
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
