/* IKEv1: two engines in a made-up world. */
#include "testing/unit/engine/duo.h"

int main(void)
{
	Suite *suite = suite_create("ikev1");
	SRunner *runner;
	int failed;

	suite_add_tcase(suite, version_tests());
	suite_add_tcase(suite, ikev1_phase1_tests());
	suite_add_tcase(suite, ikev1_xauth_tests());
	suite_add_tcase(suite, ikev1_mode_config_tests());
	suite_add_tcase(suite, ikev1_life_tests());
	suite_add_tcase(suite, ikev1_lost_tests());
	suite_add_tcase(suite, ikev1_inform_tests());
	suite_add_tcase(suite, ikev1_nat_tests());
	suite_add_tcase(suite, ikev1_quick_tests());
	suite_add_tcase(suite, ikev1_selector_tests());
	suite_add_tcase(suite, ikev1_unity_tests());
	suite_add_tcase(suite, ikev1_replace_tests());
	suite_add_tcase(suite, ikev1_hostile_tests());
	suite_add_tcase(suite, ikev1_flood_tests());
	suite_add_tcase(suite, ikev1_malformed_tests());
	suite_add_tcase(suite, ikev1_proof_tests());
	suite_add_tcase(suite, ikev1_user_tests());
	suite_add_tcase(suite, ikev1_definition_tests());
	suite_add_tcase(suite, ikev1_certificate_tests());
	suite_add_tcase(suite, ikev1_explain_tests());
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
