#!/bin/bash
# Unit tests, built by gcc with address and undefined behaviour sanitizers
# order: 10
# limit: 900
# With little optimization, which takes gcc a third of the time; its warnings are for the other builds, as sanitizers
# make gcc see mistakes that there are not.
# Most tests in one process each program: AddressSanitizer makes a fork, and the end of what was forked, cost more
# than most tests. If one crashes, its name is on the sanitizer's stack.
export CK_FORK=no
exec testing/suites/unit build-gcc gcc -Db_sanitize=address,undefined -Doptimization=1 -Dc_args='-g1 -w'
