#ifndef TEST_EXPLAIN_H
#define TEST_EXPLAIN_H

#include <check.h>

Suite *explain_look_suite(void);

#endif
