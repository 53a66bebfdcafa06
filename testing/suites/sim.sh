#!/bin/bash
# Engines on a made-up network that loses, duplicates, reorders and corrupts: seeded runs
# order: 30
# limit: 900
# SIM_SEEDS=FROM-TO chooses others; sim --seed N --verbose shows what a seed does.
UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 build/testing/sim/sim --seeds "${SIM_SEEDS:-1-10000}" --replay-check --jobs "$(nproc)" | tee build/test-logs/sim.out | grep -v ' passed, '
code=${PIPESTATUS[0]}
passed=$(sed -n 's/^\([0-9]*\) passed, .*/\1/p' build/test-logs/sim.out)
[ -z "$passed" ] || echo "passed $passed seeds"
sed -n 's/^seed \([0-9]*\) failed[^:]*: /failed seed-\1: /p' build/test-logs/sim.out
exit "$code"
