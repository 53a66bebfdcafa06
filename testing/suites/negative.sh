#!/bin/bash
# What must not get in: certificates, chains, identities and signatures, each refused for its reason
# order: 20
# limit: 120
out=build/test-logs/negative-trust.out
mkdir -p build/test-logs
if build/testing/unit/trust/test-trust >"$out" 2>&1; then
	sed -n 's/^\([0-9]* refusals: .*\)$/    \1/p' "$out"
	echo "passed $(sed -n 's/.*Checks: \([0-9]*\),.*/\1/p' "$out") trust"
else
	grep -v '^Running' "$out" | head -n 20 | sed 's/^/    /'
	echo "failed trust: something got in, or was refused for another reason; see $out"
	exit 1
fi
