#include "testing/unit/charon-lite/suites.h"

#include <stdio.h>
#include <stdlib.h>

/* What the daemon's parts start of themselves has to be the daemon: were it this program, it would
 * run all its tests again, and so on without an end. */
int main(int argc, char **argv)
{
	if (argc > 1 || !getenv("CHARON_LITE")) {
		fprintf(stderr, "%s: run by meson test, which says where charon-lite is\n",
			argv[0]);
		return EXIT_FAILURE;
	}
	Suite *s = suite_create("charon-lite");

	suite_add_tcase(s, check_cases());
	suite_add_tcase(s, load_conn_cases());
	suite_add_tcase(s, settings_cases());
	suite_add_tcase(s, log_cases());
	suite_add_tcase(s, log_events_cases());
	suite_add_tcase(s, list_tunnels_cases());
	suite_add_tcase(s, metrics_cases());
	suite_add_tcase(s, process_cases());
	suite_add_tcase(s, service_cases());
	suite_add_tcase(s, quirks_cases());
	suite_add_tcase(s, vici_cases());
	suite_add_tcase(s, hostile_cases());
	suite_add_tcase(s, large_lists_cases());
	suite_add_tcase(s, updown_cases());
	suite_add_tcase(s, leftovers_cases());
	suite_add_tcase(s, tunnel_interfaces_cases());
	suite_add_tcase(s, pools_message_cases());
	suite_add_tcase(s, resolved_cases());
	suite_add_tcase(s, resolver_cases());
	suite_add_tcase(s, creds_cases());
	suite_add_tcase(s, signer_cases());
	suite_add_tcase(s, secrets_cases());
	suite_add_tcase(s, fetcher_cases());
	suite_add_tcase(s, pam_cases());
	suite_add_tcase(s, client_network_cases());
	suite_add_tcase(s, load_all_cases());
	suite_add_tcase(s, trial_cases());
	SRunner *r = srunner_create(s);

	// A test leaves processes, signals and limits behind.
	srunner_set_fork_status(r, CK_FORK);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
