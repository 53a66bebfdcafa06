/* The engine, two of them in a made-up world. */
#include "testing/unit/engine/duo.h"

int main(void)
{
	Suite *suite = suite_create("engine");
	SRunner *runner;
	int failed;

	suite_add_tcase(suite, exchange_tests());
	suite_add_tcase(suite, network_tests());
	suite_add_tcase(suite, failure_tests());
	suite_add_tcase(suite, explain_tests());
	suite_add_tcase(suite, reload_tests());
	suite_add_tcase(suite, revoking_tests());
	suite_add_tcase(suite, additional_tests());
	suite_add_tcase(suite, eap_tests());
	suite_add_tcase(suite, followup_tests());
	suite_add_tcase(suite, ppk_tests());
	suite_add_tcase(suite, waiting_tests());
	suite_add_tcase(suite, pubkey_tests());
	suite_add_tcase(suite, rounds_tests());
	suite_add_tcase(suite, eap_auth_tests());
	suite_add_tcase(suite, crossing_tests());
	suite_add_tcase(suite, rekey_child_tests());
	suite_add_tcase(suite, rekey_ike_tests());
	suite_add_tcase(suite, reauth_tests());
	suite_add_tcase(suite, hostile_tests());
	suite_add_tcase(suite, supervisor_tests());
	suite_add_tcase(suite, liveness_tests());
	suite_add_tcase(suite, both_start_tests());
	suite_add_tcase(suite, name_tests());
	suite_add_tcase(suite, traffic_tests());
	suite_add_tcase(suite, nat_path_tests());
	suite_add_tcase(suite, mobike_tests());
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
