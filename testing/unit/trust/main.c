/* What must not get in: certificates, chains, identities, signatures. */
#include "testing/unit/trust/test_trust.h"

#include <stdio.h>

int main(void)
{
	Suite *suite = suite_create("trust");
	size_t chains, forgeries;

	suite_add_tcase(suite, chain_tests(&chains));
	suite_add_tcase(suite, forgery_tests(&forgeries));
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	printf("%zu refusals: %zu of certificates and identities, %zu of signatures\n",
		chains + forgeries, chains, forgeries);
	return failed ? 1 : 0;
}
