#!/bin/bash
# Seconds of outage after what befalls a tunnel: charon-lite at both ends beside strongSwan 6.0.1 at both ends
# order: 45
# trees: strongswan-6.0.1
# limit: 1500
set -u
ours=charon-lite--charon-lite
theirs=strongswan-6.0.1--strongswan-6.0.1
# What may differ by chance (ms): when the event falls between two looks for the peer's life (dpd_delay = 1s)
# or two transmissions of a message (0.83 s at most), and this kernel's pauses.
noise=1300

scenes=('outage-*')
# CI has not the time for all.
[ "${CI-}" != true ] || scenes=(outage-name)

log=build/test-logs/outage.runs
mkdir -p build/test-logs
# Its lines are shown, but only ours may fail.
# shellcheck disable=SC2046
testing/lab/run $(printf -- '-s %s ' "${scenes[@]}") $ours $theirs | tee $log |
	sed -u -e 's/^passed/played/' -e "s/^failed $theirs/not compared: $theirs/"

awk -v ours=$ours -v theirs=$theirs -v noise=$noise '
	{ sub(/:$/, "", $2); split($2, part, "--"); pair = part[1] "--" part[2]; scene = part[3] }
	/^(passed|failed) / && pair == ours { order[++count] = scene }
	/^passed .*outage/ { seconds[pair, scene] = $(NF - 1) }
	END {
		printf "| %-24s | %11s | %10s |\n", "seconds of outage", "charon-lite", "strongSwan"
		printf "| %-24s | %11s | %10s |\n", "---", "---", "---"
		for (i = 1; i <= count; i++) {
			scene = order[i]
			we = (ours, scene) in seconds ? seconds[ours, scene] : "failed"
			they = (theirs, scene) in seconds ? seconds[theirs, scene] : "stays down"
			printf "| %-24s | %11s | %10s |\n", scene, we, they
		}
		for (i = 1; i <= count; i++) {
			scene = order[i]
			if (!((ours, scene) in seconds))
				continue
			if ((theirs, scene) in seconds && seconds[ours, scene] * 1000 > seconds[theirs, scene] * 1000 + noise)
				printf "failed %s: down for %s s, with strongSwan for %s s\n", scene, seconds[ours, scene], seconds[theirs, scene]
			else
				printf "passed %s\n", scene
		}
	}' $log
