#!/bin/bash
# Each fuzzing target for 15 s, with address and undefined-behaviour sanitizers
# order: 60
# limit: 900
testing/fuzz/run --seconds "${FUZZ_SECONDS:-15}" | grep -v ' passed, '
exit "${PIPESTATUS[0]}"
