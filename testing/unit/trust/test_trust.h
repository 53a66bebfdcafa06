/* The negative suite: certificates and signatures that are refused, each for its reason. */
#ifndef TESTING_UNIT_TRUST_TEST_TRUST_H
#define TESTING_UNIT_TRUST_TEST_TRUST_H

#include "testing/pki/pki.h"

#include <check.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Each says how many cases it has that must be refused. */
TCase *chain_tests(size_t *ret_refused);
TCase *forgery_tests(size_t *ret_refused);

#endif
