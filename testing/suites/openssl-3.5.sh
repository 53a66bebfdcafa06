#!/bin/bash
# ML-KEM and post-quantum key exchange with Debian 13's OpenSSL 3.5, which this machine may lack
# order: 45
# trees: charon-lite-trixie
# limit: 900
set -u

name="unit tests with $(chroot "$(testing/lab/peers charon-lite-trixie)" openssl version 2>/dev/null | cut -d ' ' -f 1-2)"

# unit TEST...: runs them there. One that crashes, or a case that is not there any more, is a failure.
unit() {
	local code results of failures errors bad=0
	rm -f build/trixie/meson-logs/testlog.json
	testing/lab/trixie meson test -C build/trixie "$@" >build/trixie.test 2>&1
	code=$?
	results=$(grep -Eo 'Checks: [1-9][0-9]*, Failures: [0-9]+, Errors: [0-9]+' build/trixie/meson-logs/testlog.json 2>/dev/null | tr -dc '0-9 \n')
	if [ -z "$results" ]; then
		tail -n 20 build/trixie.test
		echo "failed $name: none of $* was built, or ran"
		return
	fi
	while read -r of failures errors; do
		echo "passed $((of - failures - errors)) $name"
		[ $((failures + errors)) = 0 ] || echo "failed $((failures + errors)) $name: see build/trixie/meson-logs"
		bad=$((bad + failures + errors))
	done <<<"$results"
	[ $code = 0 ] || [ $bad -gt 0 ] || echo "failed $name: meson test $* ended with $code; see build/trixie.test"
}

if [ "${CI-}" = true ]; then # what differs from one OpenSSL to the other
	unit crypto
	CK_RUN_CASE='additional key exchanges' unit engine
	exec testing/lab/run -s mlkem:ke1 charon-lite-trixie--charon-lite-trixie
fi
unit --suite unit
testing/lab/run -s 'mlkem:*' charon-lite-trixie--charon-lite-trixie \
	charon-lite-trixie--strongswan-6.1.0 strongswan-6.1.0--charon-lite-trixie
