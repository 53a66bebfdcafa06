#include "testing/unit/libvici/suites.h"

#include <stdlib.h>

int main(void)
{
	Suite *s = suite_create("libvici");

	suite_add_tcase(s, message_cases());
	suite_add_tcase(s, settings_cases());
	suite_add_tcase(s, keys_cases());
	suite_add_tcase(s, client_cases());
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
