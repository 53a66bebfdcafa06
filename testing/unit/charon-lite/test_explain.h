#ifndef TEST_EXPLAIN_H
#define TEST_EXPLAIN_H

#include <check.h>

Suite *explain_look_suite(void);
Suite *explain_nat_suite(void);

#endif
