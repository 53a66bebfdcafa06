#!/bin/bash
# strongSwan 6.0.1 and 5.9.8 at the other end in both roles, its swanctl on our daemon, our swanctl-lite on its
# order: 50
# trees: strongswan-6.0.1 strongswan-5.9.8
# limit: 1800
set -u
# CI has not the time for all of it.
wanted=()
if [ "${CI-}" = true ]; then
	for scenes in 'psk:4:tunnel:aes256-sha1*' rekey:child mobike:moon; do
		wanted+=(-s "*strongswan-6.0.1*--$scenes")
	done
	wanted+=(-s '*strongswan-5.9.8*--psk:4:tunnel:aes256-sha1*')
	wanted+=(-s 'charon-lite--strongswan-6.0.1--vici:cert')
	wanted+=(-s 'strongswan-6.0.1--charon-lite--dhcp:broadcast')
fi
testing/lab/run "${wanted[@]}" {charon-lite--strongswan-6.0.1,strongswan-6.0.1--charon-lite,charon-lite--strongswan-5.9.8,strongswan-5.9.8--charon-lite}

# Each command line with each daemon; what it prints beside what swanctl prints with strongSwan.
logs=build/lab-logs
peer=strongswan-6.0.1
rm -f "$logs"/*.transcript
testing/lab/pki >/dev/null
scenes=(operator:long operator-ikev1:{psk,client,server})
pairs=("charon-lite+swanctl-6.0.1--$peer" "charon-lite--$peer" "$peer+swanctl-lite--$peer")
if [ "${CI-}" = true ]; then
	scenes=(operator:short)
else
	pairs+=("charon-lite+swanctl-5.9.8--$peer")
fi
testing/lab/run "${scenes[@]/#/-s}" $peer--$peer "${pairs[@]}" | grep -v "^passed $peer--$peer"
for pair in "${pairs[@]}"; do
	for scene in "${scenes[@]}"; do
		[ -e "$logs/$pair--$scene.transcript" ] || continue
		testing/interop/texts "$logs/$peer--$peer--$scene.transcript" "$logs/$pair--$scene.transcript"
	done
done
