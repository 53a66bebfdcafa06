#!/bin/bash
# Ways to prove who one is, by peers and roles: strongSwan, libreswan, OpenIKED and charon-lite at the other end
# order: 55
# trees: strongswan-6.0.1 libreswan-5.2 openiked-7.4 freeradius
# limit: 1500
# AUTH_METHODS='rsa2048-pss raw' plays these alone.
set -u
ours=charon-lite
peers=(strongswan-6.0.1 libreswan-5.2 openiked-7.4 charon-lite)
methods=(psk rsa2048-pkcs1 rsa2048-pss rsa3072-pkcs1 rsa3072-pss rsa4096-pkcs1 rsa4096-pss p256 p384 p521 bp256 bp384 bp512
	ed25519 ed448 raw chain big mixed ppk mlkem768 eap-md5 eap-mschapv2 eap-tls eap-radius)

# lacks PEER ROLE METHOD: why it cannot be had of this peer as initiator or responder; fails when it can
lacks() {
	case ${1%%-[0-9]*}-$2-$3 in
	libreswan-*-bp*) echo 'NSS has Brainpool curves disabled' ;;
	openiked-*-bp512) echo 'iked ends at its start: no auth method for such a key' ;;
	libreswan-*-ed*) echo 'NSS imports no such keys' ;;
	libreswan-*-eap-md5 | libreswan-*-eap-mschapv2 | libreswan-*-eap-radius) echo 'EAP-TLS is the only EAP method of ipsec.conf(5)' ;;
	libreswan-initiator-eap-tls) echo 'pluto is no EAP client: it sends AUTH at once' ;;
	libreswan-responder-eap-tls) echo 'the EAP server of 5.2 ends with EXPECTATION FAILED (libreswan issue 2036)' ;;
	openiked-*-ed*) echo 'iked ends at its start: it takes RSA and ECDSA keys alone' ;;
	openiked-*-ppk) echo 'no RFC 8784' ;;
	openiked-*-mixed) echo 'psk in iked.conf(5) is for both sides' ;;
	openiked-initiator-eap-*) echo 'iked is no EAP client' ;;
	openiked-*-eap-md5 | openiked-*-eap-tls | openiked-*-eap-radius) echo 'MSCHAPv2 is the only EAP method of iked.conf(5)' ;;
	strongswan-*-mlkem768) echo 'none before 6.1.0, with which the suite openssl-3.5 plays it' ;;
	libreswan-*-mlkem768) echo 'no additional key exchanges (RFC 9370) in 5.2' ;;
	openiked-*-mlkem768) echo 'no ML-KEM among the groups of iked.conf(5)' ;;
	charon-lite-*-mlkem768) echo "this machine's OpenSSL lacks it; the suite openssl-3.5 plays it" ;;
	*-initiator-eap-radius) echo 'the initiator does not know about it' ;;
	*) return 1 ;;
	esac
}

# selected PEER ROLE METHOD: CI has not the time for all
selected() {
	[ -z "${AUTH_METHODS-}" ] || [[ " $AUTH_METHODS " == *" $3 "* ]] || return 1
	[ "${CI-}" = true ] || return 0
	case $1-$2-$3 in
	strongswan-*-initiator-rsa2048-pss | strongswan-*-initiator-ed25519 | strongswan-*-initiator-chain) return 0 ;;
	strongswan-*-initiator-eap-mschapv2 | strongswan-*-initiator-mixed) return 0 ;;
	strongswan-*-responder-p256 | strongswan-*-responder-raw) return 0 ;;
	strongswan-*-responder-eap-tls | strongswan-*-responder-eap-radius) return 0 ;;
	libreswan-*-initiator-raw | libreswan-*-responder-p256) return 0 ;;
	openiked-*-responder-eap-mschapv2) return 0 ;;
	charon-lite-*-rsa4096-pss | charon-lite-*-big) return 0 ;;
	*) return 1 ;;
	esac
}

log=build/test-logs/auth.runs
mkdir -p build/test-logs
: >$log
testing/lab/pki >/dev/null || exit
wanted=() pairs=()
for peer in "${peers[@]}"; do
	for role in initiator responder; do
		pair=$ours--$peer
		[ $role = responder ] || pair=$peer--$ours
		[ "$peer-$role" != $ours-initiator ] || continue
		pairs+=("$pair")
		for method in "${methods[@]}"; do
			if reason=$(lacks "$peer" $role "$method"); then
				echo "lacks $pair--auth:$method $reason" >>$log
			elif selected "$peer" $role "$method"; then
				wanted+=(-s "$pair--auth:$method")
			fi
		done
	done
done

# Whether a certificate is revoked is the verifier's affair, so ours, whoever shows it: as initiator and as responder.
verifiers=(moon:charon-lite--strongswan-6.0.1 sun:strongswan-6.0.1--charon-lite)
if [ -z "${AUTH_METHODS-}" ]; then
	cases=('*')
	[ "${CI-}" != true ] || cases=(crl:unreachable:ifuri ocsp:revoked:ifuri)
	for verifier in "${verifiers[@]}"; do
		for case in "${cases[@]}"; do
			wanted+=(-s "${verifier#*:}--revocation:$case:${verifier%%:*}")
		done
	done
	# what libreswan, of these peers, knows of split DNS
	[ "${CI-}" = true ] || wanted+=(-s "$ours--libreswan-5.2--split-dns-libreswan" -s "libreswan-5.2--$ours--split-dns-libreswan")
fi
[ ${#wanted[@]} = 0 ] || testing/lab/run "${wanted[@]}" "${pairs[@]}" | tee -a $log

printf '%s\n' "${methods[@]}" | sed 's/.*/& auth:&/' | testing/suites/table "$ours" "${peers[*]}" $log
[ -z "${AUTH_METHODS-}" ] || exit 0

awk -v verifiers="${verifiers[*]}" '
	/^(passed|failed|skipped) .*--revocation:/ { sub(/:$/, "", $2); cell[$2] = $1 }
	function value(pair, name) { name = pair "--revocation:" name; return name in cell ? cell[name] : "not played" }
	END {
		printf "\n%-28s | charon-lite initiates | responds\n", "certificate, policy"
		split("crl ocsp", means); split("good revoked unreachable", state); split("strict ifuri relaxed", policy)
		split(verifiers, verifier)
		for (i = 1; i <= 2; i++)
			for (j = 1; j <= 3; j++)
				for (k = 1; k <= 3; k++) {
					name = means[i] ":" state[j] ":" policy[k]
					printf "%-28s", name
					for (v = 1; v <= 2; v++) {
						site = pair = verifier[v]
						sub(/:.*/, "", site)
						sub(/^[^:]*:/, "", pair)
						printf v == 1 ? " | %-21s" : " | %s", value(pair, name ":" site)
					}
					printf "\n"
				}
	}' $log
