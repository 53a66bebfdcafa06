#!/bin/bash
# ML-KEM and post-quantum key exchange with Debian 13's OpenSSL 3.5, which this machine may lack
# order: 45
# trees: charon-lite-trixie
# limit: 900
set -u

name="unit tests with $(chroot "$(testing/lab/peers charon-lite-trixie)" openssl version 2>/dev/null | cut -d ' ' -f 1-2)"

# unit TEST...: runs them there
unit() {
	rm -f build/trixie/meson-logs/testlog.json
	testing/lab/trixie meson test -C build/trixie "$@" >build/trixie.test 2>&1
	if ! [ -e build/trixie/meson-logs/testlog.json ]; then
		tail -n 20 build/trixie.test
		echo "failed $name: not built"
		return
	fi
	while read -r of failures errors; do
		echo "passed $((of - failures - errors)) $name"
		[ $((failures + errors)) = 0 ] || echo "failed $((failures + errors)) $name: see build/trixie/meson-logs"
	done < <(grep -Eo 'Checks: [0-9]+, Failures: [0-9]+, Errors: [0-9]+' build/trixie/meson-logs/testlog.json | tr -dc '0-9 \n')
}

if [ "${CI-}" = true ]; then # what differs from one OpenSSL to the other
	unit crypto
	CK_RUN_CASE='additional key exchanges' unit engine
	exec testing/lab/run -s mlkem:ke1 charon-lite-trixie--charon-lite-trixie
fi
unit --suite unit
testing/lab/run -s 'mlkem:*' charon-lite-trixie--charon-lite-trixie \
	charon-lite-trixie--strongswan-6.1.0 strongswan-6.1.0--charon-lite-trixie
