# shellcheck shell=bash
# OpenIKED at a gateway: iked.conf and /etc/iked. Sourced by scene. moon brings its tunnel up when it is told to.

# gateway_openiked: what gateway says with its variables
gateway_openiked() {
	local root=$sites/$site/root pki=$lab_top/build/lab-pki proof='' users='' mode=passive
	[ "$site" != moon ] || mode=active
	# shellcheck disable=SC2154 # gateway's
	case $auth-$peer_auth in
	psk-psk) proof="psk \"$secret\"" ;;
	*-eap-mschapv2)
		proof='eap "mschap-v2"'
		users="user \"${eap_user%%:*}\" \"${eap_user#*:}\""
		;;
	*rsa-sha1*) proof=rsa ;;
	*) proof=rfc7427 ;;
	esac
	mkdir -p "$root"/etc/iked/{ca,certs,crls,private,pubkeys/fqdn}
	if [ -n "$cert$raw" ]; then
		cp "$pki/$site-$cert$raw.key" "$root/etc/iked/private/local.key"
	else
		cp "$pki/$site-rsa2048.key" "$root/etc/iked/private/local.key"
	fi
	openssl pkey -in "$root/etc/iked/private/local.key" -pubout -out "$root/etc/iked/local.pub"
	chmod 600 "$root/etc/iked/private/local.key"
	if [ -n "$raw" ]; then
		cp "$pki/$other-$raw.pub" "$root/etc/iked/pubkeys/fqdn/$peer"
	elif [ -n "$cert" ]; then
		cp "$pki/$site-$cert.crt" "$root/etc/iked/certs/$site.crt"
		cp "$pki/ca.crt" "$root/etc/iked/ca/ca.crt"
		if [ "$cert" = chain ]; then
			cp "$pki/sub.crt" "$pki/issuing.crt" "$root/etc/iked/ca/"
		fi
	fi
	# read by a process without privileges
	chmod -R a+rX "$root"/etc/iked/{certs,ca,pubkeys}
	cat >"$root/etc/iked.conf" <<-END
		set passive
		set fragmentation
		$users
		ikev2 "gw" $mode esp from $local_ts to $remote_ts local $local peer $remote srcid $id dstid $peer $proof
	END
	chmod 600 "$root/etc/iked.conf"
}

openiked_answers() { [ -S "$sites/$1/root/run/iked.sock" ] && inside "$1" ikectl show sa >/dev/null 2>&1; }

openiked_initiate() {
	inside "$1" ikectl active >>"$scene_logs/$1.console" 2>&1
	within 20 openiked_established "$1" || failed "$1: iked brings no child up"
}

openiked_established() {
	inside "$1" ikectl show sa 2>&1 | grep -q 'ESTABLISHED' && inside "$1" ikectl show sa | grep -q 'flow'
}
