# shellcheck shell=bash
# The words of scenes for how gateways prove who they are: by what testing/lab/pki has made. Sourced by scene.

# credentials SITE KIND: in the site's swanctl directories, key and certificate, or its public key and the peer's
credentials() {
	local pki=$lab_top/build/lab-pki directory=$sites/$1/root/etc/swanctl other=sun
	[ "$1" = moon ] || other=moon
	mkdir -p "$directory"/{x509,x509ca,x509crl,private,pubkey}
	cp "$pki/$1-$2.key" "$directory/private/"
	cp "$pki/$1-$2.crt" "$directory/x509/"
	cp "$pki/$1-$2.pub" "$pki/$other-$2.pub" "$directory/pubkey/"
	cp "$pki/ca.crt" "$directory/x509ca/"
	if [ "$2" = chain ]; then
		cp "$pki/sub.crt" "$pki/issuing.crt" "$directory/x509ca/"
	fi
}

# proofs METHOD: both gateways, as the method wants it
proofs() {
	local method=$1
	case $method in
	psk) both ;;
	rsa*-pkcs1) both cert="${method%-*}" auth=ike:rsa-sha256-sha384-sha512 ;;
	rsa*-pss) both cert="${method%-*}" auth=ike:rsa/pss-sha256-sha384-sha512 ;;
	p256 | p384 | p521 | bp256 | bp384 | bp512) both cert="$method" auth=ecdsa ;;
	ed25519 | ed448) both cert="$method" auth=pubkey ;;
	raw) both raw=rsa2048 auth=pubkey ;;
	chain | big) both cert="$method" auth=pubkey ;;
	mixed)
		gateway moon cert=rsa2048 auth=pubkey
		gateway sun cert=rsa2048 peer_auth=pubkey
		;;
	eap-mschapv2 | eap-md5 | eap-radius) by_password "$method" ;;
	eap-tls)
		gateway moon cert=rsa2048 auth=eap-tls peer_auth=pubkey local_more='aaa_id = sun.lab'
		gateway sun cert=rsa2048 auth=pubkey peer_auth=eap-tls
		;;
	ppk)
		local ppk='ppk-lab { id = ppk.lab
			secret = 0123456789abcdefghijklmnopqrstuv }'
		libreswan='ppk=insist' libreswan_secrets=': PPKS "ppk.lab" "0123456789abcdefghijklmnopqrstuv"' \
			both conn='ppk_id = ppk.lab;ppk_required = yes' secrets="$ppk"
		;;
	*) failed "no such method: $method" ;;
	esac
}

# both KEY=VALUE...: both gateways like this; each demands what it proves itself with, unless the other cannot sign so
both() {
	local one auth=''
	for one; do
		[[ $one != auth=* ]] || auth=${one#auth=}
	done
	# libreswan as initiator asks for no certificate
	[ "$(maker_of moon)" != libreswan ] || [ -z "$auth" ] || set -- "$@" conn='send_cert = always'
	gateway moon "$@" ${auth:+peer_auth="$(provable sun "$auth")"}
	gateway sun "$@" ${auth:+peer_auth="$(provable moon "$auth")"}
}

# provable SITE AUTH: what to demand of the site: OpenIKED verifies PSS but signs PKCS#1 v1.5, libreswan signs PSS
provable() {
	case $(maker_of "$1")-$2 in
	openiked-*pss* | libreswan-ike:rsa-sha256*) echo pubkey ;;
	*) echo "$2" ;;
	esac
}

# by_password METHOD: moon is a client with a password, sun the server with a certificate
by_password() {
	local eap_user=carol:Ar3etTnp client=$1
	if [ "$1" = eap-radius ]; then
		client=eap-mschapv2
		radius_server
		settings sun "plugins { eap-radius { accounting = yes
			servers { lab { address = 203.0.113.254
				secret = $radius_secret } } } }"
	fi
	gateway moon cert=rsa2048 auth="$client" peer_auth=pubkey local_more='eap_id = carol' \
		secrets='eap-carol { id = carol
			secret = Ar3etTnp }'
	gateway sun cert=rsa2048 auth=pubkey peer_auth="$1" remote_more='eap_id = %any' \
		secrets='eap-carol { id = carol
			secret = Ar3etTnp }'
}
