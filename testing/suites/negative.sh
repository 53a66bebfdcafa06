#!/bin/bash
# What must not get in: certificates, chains, identities and signatures, each refused for its reason
# order: 20
# limit: 120
code=0
mkdir -p build/test-logs
for program in build/testing/unit/trust/test-trust build/testing/unit/negative/test-negative; do
	name=${program##*/test-} out=build/test-logs/negative-${program##*/}.out
	if "$program" >"$out" 2>&1; then
		sed -n 's/^\([0-9]* refusals: .*\)$/    \1/p' "$out"
		echo "passed $(sed -n 's/.*Checks: \([0-9]*\),.*/\1/p' "$out") $name"
	else
		grep -v '^Running' "$out" | head -n 20 | sed 's/^/    /'
		echo "failed $name: something got in, or was refused for another reason; see $out"
		code=1
	fi
done
exit "$code"
