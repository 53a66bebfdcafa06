/* The test cases of swanctl-lite, one per file. */
#ifndef TESTING_UNIT_SWANCTL_LITE_SUITES_H
#define TESTING_UNIT_SWANCTL_LITE_SUITES_H

#include <check.h>

TCase *completion_cases(void);
TCase *output_cases(void);
TCase *load_cases(void);
TCase *genkey_cases(void);
TCase *mesh_cases(void);
TCase *tunnels_cases(void);

#endif
