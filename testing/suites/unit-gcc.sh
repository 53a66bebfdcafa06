#!/bin/bash
# Unit tests, built by gcc with warnings as errors, address and undefined behaviour sanitizers
# order: 10
# limit: 900
exec testing/suites/unit build-gcc gcc -Db_sanitize=address,undefined
