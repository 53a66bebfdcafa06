#!/bin/bash
# Staged faults, one wrong thing at one end each: --explain alone names the right cause first
# order: 42
# trees: strongswan-6.0.1
# limit: 600
set -u
lite=charon-lite strongswan=strongswan-6.0.1
log=build/test-logs/explain.runs
mkdir -p build/test-logs

# Of a hundred at least so many have to be right.
least=95
ours=(-s 'fault:*')
theirs=()
if [ "${CI-}" = true ]; then # has not the time for what is much like another
	for fault in no-host no-daemon no-psk expired local-id esp-proposals untrusted \
		narrow loopback masquerade-ipv6 module-xfrm one-leg deaf-host; do
		ours+=(-x "fault:$fault")
	done
else
	# strongSwan tells other ends less, or otherwise
	for fault in wrong-psk ike-proposals esp-proposals selectors pfs esp udp-4500; do
		theirs+=("$fault $lite--$strongswan")
	done
	for fault in remote-id local-id ike-version untrusted expired pool states forwarding; do
		theirs+=("$fault $strongswan--$lite")
	done
fi

testing/lab/pki >/dev/null || exit
testing/lab/run "${ours[@]}" $lite--$lite >"$log"
for pair in $lite--$strongswan $strongswan--$lite; do
	globs=()
	for one in "${theirs[@]}"; do
		[ "${one#* }" != "$pair" ] || globs+=(-s "fault:${one% *}")
	done
	[ ${#globs[@]} = 0 ] || testing/lab/run "${globs[@]}" "$pair" >>"$log"
done

# What was staged, where --explain was asked, what it named; then what it should have named.
awk -v least=$least '
	/^(passed|failed|skipped) / {
		pair = $2
		sub(/:$/, "", pair)
		fault = pair
		sub(/.*--fault:/, "", fault)
		sub(/--fault:.*/, "", pair)
		said = ""
		if (match($0, / at (moon|sun): [a-z0-9-]+$/))
			said = substr($0, RSTART + 4)
		count++
		right += $1 == "passed"
		printf "    %-18s %-36s %s\n", fault, pair, $1 == "passed" ? said : "WRONG"
		if ($1 != "passed")
			wrong[++failed] = $0
	}
	END {
		for (i = 1; i <= failed; i++)
			print "    " wrong[i]
		if (count >= 20 && right * 100 >= count * least)
			printf "passed %d of %d faults are named first\n", right, count
		else
			printf "failed %d of %d faults are named first, and %d %% have to be; see build/test-logs/explain.runs\n", right, count, least
	}' "$log"
grep '^skipped' "$log" || true
