# shellcheck shell=bash
# The keying daemons at the gateways and their configuration. Sourced by scene.
# A daemon is named charon-lite, strongswan-6.0.1 or strongswan-5.9.8. It is driven by its own command
# line unless another is named behind a plus: charon-lite+swanctl-6.0.1, strongswan-6.0.1+swanctl-lite.
# charon-lite-trixie is this checkout built in Debian 13, with OpenSSL 3.5 (testing/lab/trixie).
# libreswan-5.2 and openiked-7.4 are in libreswan.sh and openiked.sh: scenes of who proves what how.

lab_cache=${CHARON_LITE_CACHE:-/var/cache/charon-lite-lab}
declare -A daemon_of tool_of pid_of settings_of

# tree_of DAEMON-OR-TOOL: the files that it sees
tree_of() {
	case $1 in
	charon-lite | swanctl-lite) echo /run/lab/machine ;;
	*-lite-trixie) echo "/run/lab/machine$lab_cache/peers/charon-lite-trixie" ;;
	libreswan-* | openiked-* | freeradius | resolved | wireshark | monitoring) echo "/run/lab/machine$lab_cache/peers/$1" ;;
	*) echo "/run/lab/machine$lab_cache/peers/strongswan-${1##*-}" ;;
	esac
}

# maker_of SITE: charon-lite, strongswan, libreswan or openiked
maker_of() { sed 's/-trixie$//; s/-[0-9].*//' <<<"${daemon_of[$1]}"; }

# speaks_swanctl SITE: its daemon has swanctl.conf and VICI
speaks_swanctl() { [[ ${daemon_of[$1]} != libreswan-* && ${daemon_of[$1]} != openiked-* ]]; }

# install SITE DAEMON[+TOOL]: the site's root, as the daemon needs it, and one for the command line if
# that comes from elsewhere
install() {
	local site=$1 tool_root=$sites/$1.tool/root root=$sites/$1/root
	daemon_of[$site]=${2%%+*}
	case $2 in
	*+*) tool_of[$site]=${2##*+} ;;
	charon-lite) tool_of[$site]=swanctl-lite ;;
	charon-lite-trixie) tool_of[$site]=swanctl-lite-trixie ;;
	libreswan-* | openiked-*) tool_of[$site]=$2 ;;
	*) tool_of[$site]=swanctl-${2##*-} ;;
	esac
	root_new "$site" "$(tree_of "${daemon_of[$site]}")"
	[ "${daemon_of[$site]}" != charon-lite-trixie ] ||
		cp "$lab_top"/build/trixie/{charon-lite/charon-lite,swanctl-lite/swanctl-lite} "$root/usr/sbin/"
	[ "$(tree_of "${daemon_of[$site]}")" != "$(tree_of "${tool_of[$site]}")" ] || return 0
	root_new "$site.tool" "$(tree_of "${tool_of[$site]}")"
	mount --bind "$root/run" "$tool_root/run"
	mount --bind "$root/etc/swanctl" "$tool_root/etc/swanctl"
	[ -e "$tool_root/etc/strongswan.conf" ] || : >"$tool_root/etc/strongswan.conf"
	: >>"$root/etc/strongswan.conf"
	mount --bind "$root/etc/strongswan.conf" "$tool_root/etc/strongswan.conf"
}

# settings SITE [LINE...]: the site's strongswan.conf; LINEs go into the section charon
settings() {
	local site=$1
	shift
	settings_of[$site]=1
	speaks_swanctl "$site" || return 0
	{
		echo 'charon {'
		printf '\t%s\n' "$@"
		case ${daemon_of[$site]} in
		strongswan-*)
			# Without a list strongSwan tries every plugin; af-alg alone takes 8 s under this kernel.
			echo '	load = random nonce openssl aes sha1 sha2 md5 hmac kdf gcm ccm ctr chapoly cmac xcbc gmp curve25519 pem pkcs1 pkcs8 x509 pubkey constraints revocation curl eap-identity eap-md5 eap-mschapv2 eap-tls eap-radius xauth-generic xauth-eap xauth-pam unity kernel-netlink socket-default vici updown counters'
			echo '	filelog { stderr { default = 1'
			echo '		ike = 2'
			echo '		time_format = %H:%M:%S'
			echo '		flush_line = yes } }'
			;;
		esac
		echo '}'
		echo 'swanctl { load = pem pkcs1 pkcs8 x509 pubkey openssl random nonce }'
	} >"$sites/$site/root/etc/strongswan.conf"
}

# gateway SITE [KEY=VALUE...]: writes the site's swanctl.conf, one connection "gw" with one child "net".
# Keys and what stands without them:
#   family=4         addresses of the gateways and selectors: 4 or 6
#   version=2        of IKE; 1 or 2
#   mode=tunnel      tunnel: the networks behind; transport: between the gateways
#   proposals=, esp= IKE and ESP proposals; default
#   id=, peer=       identities; moon.lab and sun.lab
#   secret=          the PSK
#   local=, remote=  addresses of the gateways; %any is possible
#   local_ts=, remote_ts=
#   conn=, child=    further lines in these sections, separated by ;
#   secrets=         further sections in secrets
#   sections=        further sections beside connections
#   auth=psk, peer_auth=psk   how it proves its identity, and what it demands of the peer
#   cert=, raw=      its certificate, or its key and the peer's without any: a KIND of testing/lab/pki
#   local_more=, remote_more= further lines in these sections, separated by ;
gateway() {
	local site=$1 other=sun one
	[ "$site" = moon ] || other=moon
	local family=4 version=2 mode=tunnel proposals=default esp=default id=$site.lab peer=$other.lab
	local secret='correct horse battery staple' local='' remote='' local_ts='' remote_ts='' conn='' child='' secrets=''
	local auth=psk peer_auth=psk cert='' raw='' local_more='' remote_more='' sections=''
	shift
	for one in "${gateway_defaults[@]}" "$@"; do
		# shellcheck disable=SC2163
		local "${one%%=*}=${one#*=}"
	done
	local=${local:-$(outer "$site" "$family" local)}
	remote=${remote:-$(outer "$other" "$family" remote)}
	if [ "$mode" = tunnel ]; then
		local_ts=${local_ts:-$(network "$site" "$family")}
		remote_ts=${remote_ts:-$(network "$other" "$family")}
	fi
	if ! speaks_swanctl "$site"; then
		"gateway_$(maker_of "$site")"
		return
	fi
	[ -z "$cert$raw" ] || credentials "$site" "$cert$raw"
	local_more+="${cert:+;certs = $site-$cert.crt}${raw:+;pubkeys = $site-$raw.pub}"
	remote_more+="${raw:+;pubkeys = $other-$raw.pub}"
	# without the lines that stayed empty
	sed '/^[[:space:]]*$/d' >"$sites/$site/root/etc/swanctl/swanctl.conf" <<END
connections {
	gw {
		version = $version
		local_addrs = $local
		remote_addrs = $remote
		proposals = $proposals
		local {
			auth = $auth
			id = $id
			${local_more//;/$'\n\t\t\t'}
		}
		remote {
			auth = $peer_auth
			id = $peer
			${remote_more//;/$'\n\t\t\t'}
		}
		${conn//;/$'\n\t\t'}
		children {
			net {
				mode = $mode
				esp_proposals = $esp
				local_ts = ${local_ts:-dynamic}
				remote_ts = ${remote_ts:-dynamic}
				${child//;/$'\n\t\t\t\t'}
			}
		}
	}
}
secrets {
	ike-gw {
		id-1 = $id
		id-2 = $peer
		secret = "$secret"
	}
	$secrets
}
$sections
END
}

# outer SITE FAMILY local|remote: the address of a gateway towards the wide area, as itself or its peer knows it
outer() {
	case $scene_topology-$1-$2-$3 in
	nat-moon-4-local | nat-both-moon-4-local) echo 192.168.1.1 ;;
	nat-moon-4-remote | nat-both-moon-4-remote) echo 198.51.100.9 ;;
	nat-both-sun-4-local | nat-sun-sun-4-local) echo 192.168.2.1 ;;
	nat-both-sun-4-remote | nat-sun-sun-4-remote) echo 203.0.113.9 ;;
	*-moon-4-*) echo 198.51.100.1 ;;
	*-sun-4-*) echo 203.0.113.1 ;;
	*-moon-6-*) echo 2001:db8:1::1 ;;
	*-sun-6-*) echo 2001:db8:2::1 ;;
	esac
}

# network SITE FAMILY: what lies behind a gateway
network() {
	case $1-$2 in
	moon-4) echo 10.1.0.0/16 ;;
	sun-4) echo 10.2.0.0/16 ;;
	moon-6) echo fd01::/64 ;;
	sun-6) echo fd02::/64 ;;
	esac
}

# daemon_start SITE...: starts the site's daemons together and waits until they take commands
daemon_start() {
	local site command
	for site; do
		command=()
		case ${daemon_of[$site]} in
		charon-lite) command=("${CHARON_LITE:-$lab_top/build/charon-lite/charon-lite}") ;;
		charon-lite-trixie) command=(/usr/sbin/charon-lite) ;;
		libreswan-*) command=(/usr/libexec/ipsec/pluto --config /etc/ipsec.conf --nofork --stderrlog) ;;
		openiked-*) command=(/usr/sbin/iked -d -v) ;;
		*) command=(/usr/sbin/charon-systemd) ;;
		esac
		# exec, so that the pid is the daemon's own
		(exec nsenter --net="/run/netns/$site" chroot "$sites/$site/root" "${command[@]}" \
			>>"$scene_logs/$site.log" 2>&1 </dev/null) &
		pid_of[$site]=$!
	done
	for site; do
		within 15 daemon_answers "$site" || failed "$site: ${daemon_of[$site]} does not start"
	done
}

daemon_answers() {
	kill -0 "${pid_of[$1]}" 2>/dev/null || failed "$1: ${daemon_of[$1]} ended at its start"
	speaks_swanctl "$1" || { "$(maker_of "$1")_answers" "$1"; return; }
	[ -S "$sites/$1/root/run/charon.vici" ] && grep -q : <(swanctl_of "$1" --stats 2>&1)
}

# daemon_stop SITE...: asks the daemons to end and waits until they have
daemon_stop() {
	local site
	for site; do
		kill "${pid_of[$site]}" 2>/dev/null
	done
	for site; do
		within 10 daemon_gone "$site" || failed "$site: ${daemon_of[$site]} does not end when asked"
		wait "${pid_of[$site]}"
		case $? in
		0 | 127 | 143) ;;
		*) failed "$site: ${daemon_of[$site]} ended with exit code $?" ;;
		esac
	done
}

daemon_gone() { ! kill -0 "${pid_of[$1]}" 2>/dev/null; }

# tool SITE: where and what the command line is that drives the site's daemon: $tool_root, $tool_program
tool() {
	tool_root=$sites/$1/root
	[ ! -d "$sites/$1.tool" ] || tool_root=$sites/$1.tool/root
	case ${tool_of[$1]} in
	swanctl-lite) tool_program=${SWANCTL_LITE:-$lab_top/build/swanctl-lite/swanctl-lite} ;;
	swanctl-lite-trixie) tool_program=/usr/sbin/swanctl-lite ;;
	*) tool_program=/usr/sbin/swanctl ;;
	esac
}

# swanctl_of SITE ARGUMENT...: runs it. Scenes do that all the time, and each process costs.
swanctl_of() {
	local site=$1 tool_root tool_program
	shift
	tool "$site"
	nsenter --net="/run/netns/$site" --root="$tool_root" --wd="$tool_root" "$tool_program" "$@"
}
