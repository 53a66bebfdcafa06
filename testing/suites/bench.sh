#!/bin/bash
# The benchmarks build and run; an IKE SA with one child takes at most 4 KiB, and no step over many connections grows like a square. Times are shown, not judged
# order: 55
# limit: 300
# trees: strongswan-6.0.1
table=$(testing/bench/run --quick) || { echo "failed bench-runs: testing/bench/run --quick"; exit 1; }
printf '%s\n' "$table"
echo "passed bench-runs"
case $table in
*'goal <= 4096: missed'*) echo "failed memory-per-sa: more than 4096 octets for an IKE SA with one child" ;;
*) echo "passed memory-per-sa" ;;
esac
if [ "${CI-}" != true ]; then # CI has the time for what judges alone
	testing/bench/sas 200 && echo "passed bench-sas" || echo "failed bench-sas: testing/bench/sas 200"
	testing/bench/connections --quick && echo "passed bench-connections" ||
		echo "failed bench-connections: testing/bench/connections --quick"
fi
testing/bench/connections --growth && echo "passed bench-growth" ||
	echo "failed bench-growth: testing/bench/connections --growth"
