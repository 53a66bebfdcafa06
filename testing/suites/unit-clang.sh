#!/bin/bash
# Unit tests, built by clang with warnings as errors
# order: 11
# limit: 900
exec testing/suites/unit build-clang clang -Dwerror=true
