#!/bin/bash
# The lab: charon-lite with charon-lite under a kernel with ESP, every scene
# order: 40
# limit: 900
# trees: wireshark monitoring

# CI has not the time for each value with each other: each of them once.
less=()
if [ "${CI-}" = true ]; then
	for scenes in 'psk:4:transport:*' 'psk:6:tunnel:*' 'psk:6:transport:3des*' 'psk:6:transport:aes256*' 'psk:4:tunnel:aes128*' mobike:sun mobike-flap:no 'nat-rebind:no:*' stream-lifetimes:moon \
		'vici:*' 'updown:tunnel:*' updown:transport:4 rekey:pfs twins:net delete:sun mobike-flap:yes virtual-ip:6 nat-rebind:yes:sun silent-peer:init unknown-identity:moon ppk:none ppk:required 'ipcomp:4:*:2' 'ipcomp:4:transport:*' 'ipcomp:6:tunnel:*' 'ipcomp:6:*:1' hw-offload:yes hw-offload:packet \
		dscp:6 reauth:break nat:transport 'psk:6:transport:chacha*' stream-lifetimes:both traps-5000 multi-ke stream-rekey virtual-ip:4 split-dns redirect dhcp:broadcast dhcp:silent 'save-keys:*:1' 'save-keys:aes128*' \
		'explain:*' rekey:child mobike:moon mobike-no trap nat:tunnel 'psk:4:tunnel:3des*' 'psk:4:tunnel:aes256-sha1*' both-start 'ppk:*' ipcomp:6:transport:2 lost-events esn childless 'dscp:*' 'twins:*' no-common-selector no-common-proposal crash; do
		less+=(-x "$scenes")
	done
fi
exec testing/lab/run "${less[@]}" charon-lite--charon-lite
