/* The test cases of libvici, one per file. */
#ifndef TESTING_UNIT_LIBVICI_SUITES_H
#define TESTING_UNIT_LIBVICI_SUITES_H

#include <check.h>

TCase *message_cases(void);
TCase *settings_cases(void);
TCase *keys_cases(void);
TCase *client_cases(void);

#endif
