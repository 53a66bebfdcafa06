#!/bin/bash
# Engines on a made-up network that loses, duplicates, reorders and corrupts: seeded runs
# order: 30
# limit: 900
# SIM_SEEDS, SIM_TUNNELS_SEEDS, SIM_MIXED_SEEDS (FROM-TO) choose others; sim --scenario NAME --seed N --verbose shows
# what a seed does.
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
code=0

# run SCENARIO ARGUMENTS...
run() {
	local out=build/test-logs/sim-$1.out passed
	build/testing/sim/sim --scenario "$@" --jobs "$(nproc)" | tee "$out" | grep -v ' passed, '
	[ "${PIPESTATUS[0]}" = 0 ] || code=1
	passed=$(sed -n 's/^\([0-9]*\) passed, .*/\1/p' "$out")
	[ -z "$passed" ] || echo "passed $passed $1"
	sed -n "s/^seed \([0-9]*\) failed[^:]*: /failed $1-\1: /p" "$out"
}

# CI has not the time for all.
if [ "${CI-}" = true ]; then
	: "${SIM_SEEDS:=6501-8000}" "${SIM_TUNNELS_SEEDS:=201-280}" "${SIM_MIXED_SEEDS:=1-120}"
fi
run peers --seeds "${SIM_SEEDS:-1-10000}" --replay-check
run orders
run both-start --seeds 1-400 --replay-check
run tunnels --seeds 1-200 --replay-check
run mixed --seeds "${SIM_MIXED_SEEDS:-1-3000}"
run tunnels --seeds "${SIM_TUNNELS_SEEDS:-201-3000}"
exit "$code"
