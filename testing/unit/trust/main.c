/* What must not get in: certificates, chains, identities, signatures. */
#include "testing/unit/trust/test_trust.h"

#include <stdio.h>

int main(void)
{
	Suite *suite = suite_create("trust");
	size_t chains;

	suite_add_tcase(suite, chain_tests(&chains));
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	printf("%zu refusals of certificates and identities\n", chains);
	return failed ? 1 : 0;
}
