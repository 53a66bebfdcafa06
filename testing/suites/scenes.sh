#!/bin/bash
# The ways to join sites of docs/scenes, each as testing/scene plays it
# order: 45
# trees: libreswan-5.2 strongswan-6.0.1 freeradius
# limit: 900
set -u
mkdir -p build/test-logs
testing/lab/pki >/dev/null || { echo "failed scenes: no keys and certificates"; exit 1; }

# play NAME DAEMON: under a kernel of its own, on a processor of its own
play() {
	local log=build/test-logs/scene-$1-$2.log limit begin=$SECONDS
	limit=$(sed -n 's/^# limit: *//p' "testing/lab/designs/$1")
	taskset --cpu-list "$LAB_PROCESSOR" true 2>/dev/null || unset LAB_PROCESSOR
	if testing/lab/boot -t "${limit:-120}" testing/lab/design "$1" "$2" >"$log" 2>&1; then
		echo "passed $1 with $2 ($((SECONDS - begin)) s)"
	else
		echo "failed $1 with $2: $(sed -n 's/^=== Failed: //p' "$log") (see $log)"
	fi
}
export -f play

# The demo is not played again. Where a scene leaves the other gateway to others, that is strongSwan in CI, unless the
# scene has a line "# in CI: DAEMON".
for file in testing/lab/designs/*; do
	name=${file##*/}
	if [ "${CI-}" = true ] && grep -q '^# in CI:' "$file"; then
		echo "$name $(sed -n 's/^# in CI: *//p' "$file")"
		continue
	fi
	[ "$name" != first-tunnel ] || continue
	# shellcheck disable=SC2016 # it is the name that is looked for
	if grep -q '"$other"' "$file"; then
		echo "$name strongswan-6.0.1"
		[ "${CI-}" != true ] || continue
	fi
	echo "$name charon-lite"
done | xargs -P "$(nproc)" --process-slot-var=LAB_PROCESSOR -L 1 bash -c 'play "$@"' _
