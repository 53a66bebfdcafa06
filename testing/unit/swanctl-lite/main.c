#include "testing/unit/swanctl-lite/suites.h"

#include <stdlib.h>

int main(void)
{
	Suite *s = suite_create("swanctl-lite");

	suite_add_tcase(s, completion_cases());
	suite_add_tcase(s, output_cases());
	suite_add_tcase(s, load_cases());
	suite_add_tcase(s, genkey_cases());
	suite_add_tcase(s, mesh_cases());
	suite_add_tcase(s, tunnels_cases());
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
