#!/bin/bash
# Each fuzzing target for 15 s (1 s in CI), with address and undefined-behaviour sanitizers
# order: 60
# limit: 900
[ "${CI-}" != true ] || : "${FUZZ_SECONDS:=1}"
testing/fuzz/run --seconds "${FUZZ_SECONDS:-15}" | grep -v ' passed, '
exit "${PIPESTATUS[0]}"
