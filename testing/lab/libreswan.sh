# shellcheck shell=bash
# libreswan at a gateway: ipsec.conf, ipsec.secrets and the NSS database. Sourced by scene.

# inside SITE COMMAND...: in the site's network, with its daemon's files
inside() {
	local site=$1
	shift
	nsenter --net="/run/netns/$site" chroot "$sites/$site/root" "$@"
}

# gateway_libreswan: what gateway says with its variables
gateway_libreswan() {
	local root=$sites/$site/root proof=authby=secret more='' libreswan_more=${libreswan-}
	# shellcheck disable=SC2154 # gateway's
	case $auth-$peer_auth in
	psk-psk) ;;
	eap-tls-*) proof=$'leftauth=eaponly\n\tleftautheap=tls\n\trightauth=eaponly\n\trightautheap=tls' ;;
	*-eap-tls) proof=$'rightauth=eaponly\n\trightautheap=tls\n\tleftauth=eaponly\n\tleftautheap=tls' ;;
	psk-*) proof=$'leftauth=secret\n\trightauth='$(libreswan_authby "$peer_auth") ;;
	*-psk) proof=$'rightauth=secret\n\tleftauth='$(libreswan_authby "$auth") ;;
	*) proof=authby=$(libreswan_authby "$auth") ;;
	esac
	libreswan_credentials
	if [ -n "$raw" ]; then
		more="leftckaid=$(libreswan_ckaid)"$'\n\t'
		more+="leftrsasigkey=$(libreswan_rsasigkey "$site-$raw")"$'\n\t'
		more+="rightrsasigkey=$(libreswan_rsasigkey "$other-$raw")"
	elif [ -n "$cert" ]; then
		more="leftcert=$site-$cert"$'\n\t'"leftsendcert=always"
		[ "$cert" != chain ] || more+=$'\n\tsendca=all'
	fi
	# shellcheck disable=SC2154 # gateway's
	[ "$version" != 1 ] || more+=$'\n\t'$(libreswan_version_1)
	sed '/^[[:space:]]*$/d' >"$root/etc/ipsec.conf" <<END
config setup
	dnssec-enable=no
	ikev1-policy=accept
conn gw
	left=${local/\%any/%defaultroute}
	right=${remote//0.0.0.0/%any}
	leftid=$(libreswan_id "$id")
	rightid=$(libreswan_id "$peer")
	$(libreswan_selector left "$local_ts")
	$(libreswan_selector right "$remote_ts")
	$proof
	$more
	${libreswan_more//;/$'\n\t'}
	auto=add
END
	printf '%s\n' "$(libreswan_id "$id") $(libreswan_id "$peer") : PSK \"$secret\"" "${libreswan_secrets-}" >"$root/etc/ipsec.secrets"
	chmod 600 "$root/etc/ipsec.secrets"
}

# libreswan_id ID: an address, or a name that is not to be looked up
libreswan_id() {
	case $1 in
	*[!0-9.]*) echo "@$1" ;;
	*) echo "$1" ;;
	esac
}

# libreswan_selector SIDE SELECTOR: a network, or dynamic with protocol and port
libreswan_selector() {
	local what=${2#*[}
	case $2 in
	dynamic | '') ;;
	'dynamic[/'*) echo "$1protoport=17/${what#/}" | tr -d ']' ;; # without a protocol there are no ports
	dynamic*) echo "$1protoport=$what" | tr -d ']' ;;
	*) echo "$1subnet=$2" ;;
	esac
}

# libreswan_version_1: proposals and mode, which IKEv2 leaves to their defaults
libreswan_version_1() {
	local lines=(keyexchange=ikev1 "type=$mode") one
	one=${proposals%-*}
	lines+=("ike=$one;${proposals##*-}")
	case $esp in
	*-modp* | *-ecp* | *-curve*) lines+=("esp=${esp%-*};${esp##*-}" pfs=yes) ;;
	*) lines+=("esp=$esp" pfs=no) ;;
	esac
	printf '%s\n\t' "${lines[@]}"
}

# libreswan_authby AUTH: authby for what auth of swanctl.conf says
libreswan_authby() {
	case $1 in
	*pss*) echo rsa-sha2 ;;
	*ecdsa*) echo ecdsa ;;
	*rsa-sha1*) echo rsa-sha1 ;;
	*) echo rsasig ;;
	esac
}

# libreswan_credentials: the NSS database, with key and certificates of gateway's cert or raw
libreswan_credentials() {
	local root=$sites/$site/root pki=$lab_top/build/lab-pki nss=sql:/var/lib/ipsec/nss
	mkdir -p "$root/var/lib/ipsec/nss"
	inside "$site" certutil -N --empty-password -d $nss || failed "$site: no NSS database"
	[ -n "$cert$raw" ] || return 0
	cp "$pki/$site-$cert$raw.p12" "$root/tmp/own.p12"
	inside "$site" pk12util -i /tmp/own.p12 -d $nss -W lab || failed "$site: NSS takes no $site-$cert$raw.p12"
	cp "$pki/ca.crt" "$root/tmp/ca.crt"
	inside "$site" certutil -A -n ca -t CT,, -a -i /tmp/ca.crt -d $nss || failed "$site: NSS takes no ca.crt"
	[ -z "$raw" ] || inside "$site" certutil -D -n "$site-$raw" -d $nss
}

# libreswan_ckaid: how NSS names the one key it has
libreswan_ckaid() {
	inside "$site" certutil -K -d sql:/var/lib/ipsec/nss | sed -n 's/^<.*> rsa *\([0-9a-f]*\).*/\1/p' | head -n 1
}

# libreswan_rsasigkey NAME: the public key in the form of RFC 3110, in base 64
libreswan_rsasigkey() {
	local modulus
	modulus=$(openssl rsa -pubin -noout -modulus -in "$lab_top/build/lab-pki/$1.pub")
	# the exponent is 65537
	# shellcheck disable=SC2059 # the format is the octets
	printf '0s%s' "$(printf "$(sed 's/../\\x&/g' <<<"03010001${modulus#Modulus=}")" | base64 -w 0)"
}

libreswan_answers() {
	inside "$1" /usr/libexec/ipsec/whack --connectionstatus 2>&1 | grep -q '"gw":.*routed'
}

libreswan_initiate() {
	output=$(inside "$1" timeout 20 /usr/libexec/ipsec/whack --initiate --name gw 2>&1)
	printf '%s\n' '# whack --initiate --name gw' "$output" >>"$scene_logs/$1.console"
	within 10 libreswan_established "$1" || failed "$1: whack --initiate: $(tail -n 1 <<<"$output")"
}

libreswan_terminate() {
	output=$(inside "$1" timeout 20 /usr/libexec/ipsec/whack --terminate --name gw 2>&1)
	printf '%s\n' '# whack --terminate --name gw' "$output" >>"$scene_logs/$1.console"
}

libreswan_established() {
	inside "$1" /usr/libexec/ipsec/whack --trafficstatus 2>&1 | grep -q '"gw"'
}

# libreswan_sa_now SITE child|ike: the number of the newest that is established
libreswan_sa_now() {
	local kind=IPsec
	[ "$2" = child ] || kind=ISAKMP
	inside "$1" /usr/libexec/ipsec/whack --showstates >"$scene_logs/$1.states" 2>&1
	sed -n "s/^#\([0-9]*\): \"gw\".*($kind SA established).*/\1/p" "$scene_logs/$1.states" | sort -n | tail -n 1
}
