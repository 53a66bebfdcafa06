#!/bin/bash
# What must not get in: certificates, chains, identities and signatures, each refused for its reason
# order: 20
# limit: 120
out=build/test-logs/negative.out
mkdir -p build/test-logs
build/testing/unit/trust/test-trust >"$out" 2>&1
code=$?
grep -v '^Running' "$out"
if [ "$code" = 0 ]; then
	sed -n 's/^\([0-9]* refusals\): \(.*\)$/passed \1: \2/p' "$out"
else
	echo "failed negative: something got in, or was refused for another reason; see $out"
fi
exit "$code"
