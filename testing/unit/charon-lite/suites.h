/* The test cases of charon-lite, one file each. */
#ifndef TESTING_UNIT_CHARON_LITE_SUITES_H
#define TESTING_UNIT_CHARON_LITE_SUITES_H

#include <check.h>

TCase *check_cases(void);
TCase *load_conn_cases(void);
TCase *settings_cases(void);
TCase *log_cases(void);
TCase *log_events_cases(void);
TCase *list_tunnels_cases(void);
TCase *metrics_cases(void);
TCase *process_cases(void);
TCase *service_cases(void);
TCase *quirks_cases(void);
TCase *vici_cases(void);
TCase *hostile_cases(void);
TCase *large_lists_cases(void);
TCase *updown_cases(void);
TCase *leftovers_cases(void);
TCase *tunnel_interfaces_cases(void);
TCase *resolver_cases(void);
TCase *creds_cases(void);
TCase *signer_cases(void);
TCase *secrets_cases(void);
TCase *fetcher_cases(void);
TCase *pam_cases(void);
TCase *pools_message_cases(void);
TCase *resolved_cases(void);
TCase *client_network_cases(void);
TCase *load_all_cases(void);
TCase *trial_cases(void);

#endif
