/* The engine, two of them in a made-up world. */
#include "testing/unit/engine/duo.h"

int main(void)
{
	/* Two, which meson.build runs side by side: one alone would be the last to end by far. */
	Suite *suite = suite_create("engine"), *tunnels = suite_create("tunnels");
	SRunner *runner;
	int failed;

	suite_add_tcase(suite, exchange_tests());
	suite_add_tcase(suite, network_tests());
	suite_add_tcase(suite, failure_tests());
	suite_add_tcase(suite, explain_tests());
	suite_add_tcase(suite, reload_tests());
	suite_add_tcase(suite, withdraw_tests());
	suite_add_tcase(suite, revoking_tests());
	suite_add_tcase(suite, additional_tests());
	suite_add_tcase(suite, eap_tests());
	suite_add_tcase(suite, virtual_tests());
	suite_add_tcase(suite, leased_tests());
	suite_add_tcase(suite, split_dns_tests());
	suite_add_tcase(suite, client_network_tests());
	suite_add_tcase(suite, port_tests());
	suite_add_tcase(suite, many_tests());
	suite_add_tcase(suite, child_option_tests());
	suite_add_tcase(suite, processor_tests());
	suite_add_tcase(suite, followup_tests());
	suite_add_tcase(suite, ppk_tests());
	suite_add_tcase(suite, waiting_tests());
	suite_add_tcase(suite, pubkey_tests());
	suite_add_tcase(suite, rounds_tests());
	suite_add_tcase(suite, eap_auth_tests());
	suite_add_tcase(tunnels, crossing_tests());
	suite_add_tcase(tunnels, rekey_child_tests());
	suite_add_tcase(tunnels, rekey_ike_tests());
	suite_add_tcase(tunnels, reauth_tests());
	suite_add_tcase(tunnels, kernel_tags_tests());
	suite_add_tcase(tunnels, hostile_tests());
	suite_add_tcase(tunnels, supervisor_tests());
	suite_add_tcase(tunnels, liveness_tests());
	suite_add_tcase(tunnels, tally_tests());
	suite_add_tcase(tunnels, both_start_tests());
	suite_add_tcase(tunnels, name_tests());
	suite_add_tcase(tunnels, traffic_tests());
	suite_add_tcase(tunnels, nat_path_tests());
	suite_add_tcase(tunnels, mobike_tests());
	suite_add_tcase(tunnels, mobike_hostile_tests());
	suite_add_tcase(tunnels, way_tests());
	suite_add_tcase(tunnels, redirect_tests());
	runner = srunner_create(suite);
	srunner_add_suite(runner, tunnels);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
