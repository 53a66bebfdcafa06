#!/bin/bash
# Unit tests, built by clang with warnings as errors; in CI they are built and not run
# order: 11
# limit: 900
if [ "${CI-}" = true ]; then
	CC=clang testing/build build-clang -Dwerror=true -Doptimization=0 -Ddebug=false && echo "passed build with clang" || echo "failed build with clang"
	exit
fi
exec testing/suites/unit build-clang clang -Dwerror=true
