#!/bin/bash
# IKEv1 by peers and cases: strongSwan, libreswan and charon-lite at the other end, in both roles
# order: 56
# trees: strongswan-6.0.1 libreswan-5.2 freeradius
# limit: 1500
# IKEV1_CASES='vyos nat' plays these alone; IKEV1_OURS puts another daemon in the place of charon-lite.
set -u
ours=${IKEV1_OURS:-charon-lite}
peers=(strongswan-6.0.1 libreswan-5.2 "$ours")
cases=(vyos aggressive rsa aggressive-rsa ecdsa xauth-psk xauth-rsa xauth-eap hybrid pull push gre l2tp
	nat-moon nat-sun nat-both nat-moon-transport nat-sun-transport nat-both-transport)

# scene_of CASE: the name that testing/lab/run knows
scene_of() {
	local mode=tunnel case=$1
	[[ $case != *-transport ]] || mode=transport
	case=${case%-transport}
	case $case in
	nat-moon) echo "ikev1-nat:nat:$mode" ;;
	nat-*) echo "ikev1-nat:$case:$mode" ;;
	*) echo "ikev1:$case" ;;
	esac
}

# lacks PEER ROLE CASE: why it cannot be had of this peer as initiator or responder; fails when it can
lacks() {
	case ${1%%-[0-9]*}-$2-$3 in
	libreswan-*-ecdsa) echo 'ipsec.conf(5): ECDSA is not implemented for IKEv1' ;;
	libreswan-*-hybrid) echo 'no hybrid authentication among its Phase 1 methods' ;;
	libreswan-responder-xauth-eap) echo 'xauthby=file, pam or alwaysok alone' ;;
	*) return 1 ;;
	esac
}

# selected PEER ROLE CASE: CI has not the time for all
selected() {
	[ -z "${IKEV1_CASES-}" ] || [[ " $IKEV1_CASES " == *" $3 "* ]] || return 1
	[ "${CI-}" = true ] || return 0
	case $1-$2-$3 in
	strongswan-*-responder-xauth-rsa | strongswan-*-responder-push) return 0 ;;
	strongswan-*-initiator-vyos | strongswan-*-initiator-xauth-eap | strongswan-*-initiator-nat-both) return 0 ;;
	libreswan-*-initiator-aggressive | libreswan-*-responder-vyos) return 0 ;;
	charon-lite-responder-gre | charon-lite-responder-ecdsa) return 0 ;;
	*) return 1 ;;
	esac
}

log=build/test-logs/ikev1.runs
mkdir -p build/test-logs
: >$log
testing/lab/pki >/dev/null || exit
for peer in "${peers[@]}"; do
	for role in initiator responder; do
		pair=$ours--$peer
		[ $role = responder ] || pair=$peer--$ours
		[ "$peer-$role" != "$ours-initiator" ] || continue
		wanted=()
		for case in "${cases[@]}"; do
			if reason=$(lacks "$peer" $role "$case"); then
				echo "lacks $pair--$(scene_of "$case") $reason" >>$log
			elif selected "$peer" $role "$case"; then
				wanted+=(-s "$(scene_of "$case")")
			fi
		done
		[ ${#wanted[@]} = 0 ] || testing/lab/run "${wanted[@]}" "$pair" | tee -a $log
	done
done

# What is measured, and what two ends do over time.
if [ -z "${IKEV1_CASES-}" ]; then
	wanted=(-s 'ikev1-rekey:*' -s 'ikev1-kill:*' -s ikev1-dmvpn)
	[ "${CI-}" != true ] || wanted=(-s ikev1-rekey:ike -s ikev1-dmvpn)
	testing/lab/run "${wanted[@]}" "$ours--$ours"
	[ "${CI-}" = true ] || testing/lab/run -s ikev1-dmvpn "$ours--strongswan-6.0.1"
	[ "${CI-}" = true ] || testing/lab/run -s 'ikev1-rekey:*' -s 'ikev1-kill:*' \
		"$ours--strongswan-6.0.1" "strongswan-6.0.1--$ours"
fi

for case in "${cases[@]}"; do
	echo "$case $(scene_of "$case")"
done | testing/suites/table "$ours" "${peers[*]}" $log
echo "libreswan is built without modp1024: vyos has modp1536 with it."
