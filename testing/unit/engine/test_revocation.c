#include "testing/unit/engine/revocation_bed.h"

#include <stdlib.h>

int main(void)
{
	Suite *s = suite_create("revocation");

	suite_add_tcase(s, revocation_matrix_tests());
	suite_add_tcase(s, revocation_crl_tests());
	suite_add_tcase(s, revocation_ocsp_tests());
	suite_add_tcase(s, revocation_waiting_tests());
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
