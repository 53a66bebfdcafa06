# shellcheck shell=bash
# The words of scenes for IKEv1: both gateways, as the cases of the scene ikev1 want them. Sourced by scene.

# How a user proves himself to the gateway (ikev1_user_of_moon: what moon has instead), and what he gets of it.
ikev1_user='secret = Ar3etTnp'
ikev1_pool='pools { road { addrs = 10.3.0.0/24
	dns = 10.2.0.1 } }'
# The same for libreswan: the password is encrypted by openssl passwd -1
libreswan_passwd='carol:$1$lab$1XExVQ.TqE6yVGOPT7M4n1:gw'

# with_libreswan: it is one of the gateways
with_libreswan() { [[ $(maker_of moon)$(maker_of sun) = *libreswan* ]]; }

# ikev1_group: the group of VyOS's example; libreswan is built without it
ikev1_group() { with_libreswan && echo modp1536 || echo modp1024; }

# ikev1_both KEY=VALUE...: both gateways like this, in IKEv1. Gateways have addresses for identities: with a PSK
# Main Mode tells peers apart by nothing else.
ikev1_both() {
	local site other=sun
	for site in moon sun; do
		ikev1_gateway $site $other "$@"
		other=moon
	done
}

ikev1_gateway() {
	local site=$1 other=$2
	shift 2
	gateway "$site" version=1 proposals=aes256-sha1-modp1536 esp=aes256-sha1 id="$(outer "$site" 4 local)" \
		peer="$(outer "$other" 4 local)" "$@"
}

# ikev1_aggressive_psk: both gateways answer Aggressive Mode with a PSK, which is to be asked for
ikev1_aggressive_psk() {
	settings moon 'i_dont_care_about_security_and_use_aggressive_mode_psk = yes'
	settings sun 'i_dont_care_about_security_and_use_aggressive_mode_psk = yes'
}

# ikev1_case CASE: the gateways of the scene ikev1
ikev1_case() {
	local signed=(cert=rsa2048 auth=pubkey peer_auth=pubkey)
	case $1 in
	vyos) # the first example of its documentation
		ikev1_both proposals="aes256-sha1-$(ikev1_group)" esp="aes256-sha1-$(ikev1_group)" \
			conn='rekey_time = 3600s;mobike = no;keyingtries = 0' child='life_time = 1800s'
		;;
	aggressive)
		libreswan=aggressive=yes ikev1_named conn='aggressive = yes'
		ikev1_aggressive_psk
		;;
	rsa) ikev1_named "${signed[@]}" conn='send_cert = always' ;;
	aggressive-rsa) libreswan=aggressive=yes ikev1_named "${signed[@]}" conn='send_cert = always;aggressive = yes' ;;
	ecdsa) ikev1_named "${signed[@]}" cert=p256 conn='send_cert = always' ;;
	xauth-psk) ikev1_road_warrior psk ;;
	xauth-rsa) ikev1_road_warrior rsa ;;
	hybrid) ikev1_road_warrior hybrid ;;
	xauth-eap) ikev1_road_warrior eap ;;
	xauth-pam) ikev1_road_warrior pam ;;
	pull) ikev1_road_warrior pull ;;
	push) ikev1_road_warrior push ;;
	gre) ikev1_both mode=transport local_ts='dynamic[gre]' remote_ts='dynamic[gre]' ;;
	l2tp) # VyOS's server takes any protocol at its port
		ikev1_gateway moon sun mode=transport local_ts='dynamic[udp/1701]' remote_ts='dynamic[udp/1701]'
		ikev1_gateway sun moon mode=transport local_ts='dynamic[/1701]' remote_ts=dynamic
		;;
	*) failed "no such case of IKEv1: $1" ;;
	esac
}

# ikev1_named KEY=VALUE...: both gateways like this, with names for identities
ikev1_named() {
	ikev1_gateway moon sun id=moon.lab peer=sun.lab "$@"
	ikev1_gateway sun moon id=sun.lab peer=moon.lab "$@"
}

# ikev1_road_warrior HOW: moon gets an address of sun's, and proves who its user is unless it only pulls
# or takes what is pushed
ikev1_road_warrior() {
	local how=$1 moon=() sun=() round='' users demand='' more='' client='leftmodecfgclient=yes;rightmodecfgserver=yes'
	local server='leftmodecfgserver=yes;rightmodecfgclient=yes;rightaddresspool=10.3.0.1-10.3.0.100;modecfgdns=10.2.0.1'
	case $how in
	rsa | eap)
		more=';send_cert = always' # who is not asked sends none
		moon=(id=moon.lab peer=sun.lab cert=rsa2048 auth=pubkey peer_auth=pubkey)
		sun=(id=sun.lab peer=moon.lab cert=rsa2048 auth=pubkey peer_auth=pubkey)
		;;
	hybrid)
		more=';send_cert = always'
		moon=(id=moon.lab peer=sun.lab cert=rsa2048 auth=xauth peer_auth=pubkey local_more='xauth_id = carol')
		sun=(id=sun.lab peer=moon.lab cert=rsa2048 auth=pubkey peer_auth=xauth)
		;;
	esac
	case $how in
	psk | rsa | eap | pam)
		round='local-user {;auth = xauth;xauth_id = carol;}'
		demand='remote-user {;auth = xauth;}'
		;;
	push)
		round='pull = no'
		demand='pull = no'
		client+=';modecfgpull=no'
		server+=';modecfgpull=no'
		;;
	esac
	if [ "$how" != push ]; then
		client+=';modecfgpull=yes'
		server+=';modecfgpull=yes'
	fi
	if [ "$how" != push ] && [ "$how" != pull ]; then
		client+=';leftxauthclient=yes;rightxauthserver=yes;leftusername=carol'
		server+=';leftxauthserver=yes;rightxauthclient=yes;xauthby=file'
	fi
	if [ "$how" = eap ]; then
		demand='remote-user {;auth = xauth-eap;}'
		radius_server
		settings sun "plugins { eap-radius { servers { lab { address = 203.0.113.254
			secret = $radius_secret } } } }"
	fi
	users="xauth-carol { id = carol
			$ikev1_user }"
	libreswan=$client libreswan_secrets='@carol : XAUTH "Ar3etTnp"' \
		ikev1_gateway moon sun local_ts=dynamic conn="vips = 0.0.0.0;$round$more" secrets="xauth-carol { id = carol
			${ikev1_user_of_moon-$ikev1_user} }" "${moon[@]}"
	if [ "$how" = pam ]; then
		users=''
		server=${server/=file/=pam}
		demand='remote-user {;auth = xauth-pam;}'
		settings sun 'plugins { xauth-pam { pam_service = pluto } }' # libreswan's name for it
		ikev1_pam sun
	fi
	libreswan=$server ikev1_gateway sun moon remote_ts=dynamic conn="pools = road;$demand$more" secrets="$users" sections="$ikev1_pool" "${sun[@]}"
	if [ "$(maker_of sun)" = libreswan ]; then
		mkdir -p "$sites/sun/root/etc/ipsec.d"
		echo "$libreswan_passwd" >"$sites/sun/root/etc/ipsec.d/passwd"
	fi
}

# ikev1_short_lives SITE child|ike: libreswan there rekeys 28 s after it has made one
ikev1_short_lives() {
	[ "$(maker_of "$1")" = libreswan ] || return 0
	local lines='rekeymargin=8s\n\trekeyfuzz=0%'
	case $2 in
	child) lines+='\n\tsalifetime=36s' ;;
	ike) lines+='\n\tikelifetime=36s' ;;
	esac
	sed -i "s/^\tauto=/\t$lines\n&/" "$sites/$1/root/etc/ipsec.conf"
}

# ikev1_lifetime_over SITE child|ike BEFORE: it is replaced as its lifetime is nearly over
ikev1_lifetime_over() {
	within 50 sa_changed "$@" || failed "$1: the $2 SA was not replaced in time"
}

# ikev1_with_pfs: the newest child has keys of its own Diffie-Hellman exchange
ikev1_with_pfs() {
	local site
	for site in moon sun; do
		! speaks_swanctl $site || listed $site "HMAC_SHA1_96/$(ikev1_group | sed 's/modp/MODP_/')"
	done
}

# ikev1_keep_up: both gateways have what makes a tunnel come back by itself, as events.sh has it for IKEv2
ikev1_keep_up() {
	local detection='dpddelay=1s;dpdtimeout=3s;retransmit-interval=400;retransmit-timeout=3s'
	gateway_defaults+=(version=1 proposals=aes256-sha1-modp1536 esp=aes256-sha1)
	libreswan=$detection keep_up 'dpd_timeout = 3s'
	# libreswan begins by itself what has auto=start, and tries for ever
	if [ "$(maker_of moon)" = libreswan ]; then
		sed -i 's/auto=add/auto=start/' "$sites/moon/root/etc/ipsec.conf"
	fi
}

# ikev1_one_pair SECONDS: in no more than that time one pair of SAs is in use, the same at both ends, and who speaks
# swanctl calls anything else REKEYED. one_pair would be too much: others keep what was rekeyed until it expires,
# and libreswan what its peer has forgotten; it neither sends INITIAL-CONTACT nor heeds it
ikev1_one_pair() {
	within "$1" ikev1_pair_in_use || failed "no pair of SAs in use at both ends: moon $(pair_of moon | xargs), sun $(pair_of sun | xargs)"
}

ikev1_pair_in_use() {
	local site spi
	for site in moon sun; do
		speaks_swanctl $site || continue
		swanctl $site --list-sas || return 1
		[ "$(grep -cE '^gw: #[0-9]+, ESTABLISHED' <<<"$output")" = 1 ] || return 1
		[ "$(grep -cE '^ +net: #[0-9]+, .*INSTALLED' <<<"$output")" = 1 ] || return 1
		for spi in $(awk '/^ +net: .*INSTALLED/ { found = 1 } found && $1 ~ /^(in|out)$/ { sub(/,/, "", $2); print $2 } $1 == "out" { found = 0 }' <<<"$output"); do
			kernel_spis moon | grep -qx "0x$spi" && kernel_spis sun | grep -qx "0x$spi" || return 1
		done
	done
}

# ikev1_pam SITE: it has carol for a user, and PAM asks for her password
ikev1_pam() {
	local etc=$sites/$1/root/etc
	printf '%s\n' 'auth required pam_unix.so' 'account required pam_unix.so' >"$etc/pam.d/pluto"
	echo 'carol:x:4711:4711::/:/bin/false' >>"$etc/passwd"
	echo "carol:$(cut -d : -f 2 <<<"$libreswan_passwd"):20000:0:99999:7:::" >>"$etc/shadow"
}

# ikev1_established CASE: both gateways have it, in IKEv1, and it carries what it is for
ikev1_established() {
	local site
	for site in moon sun; do
		established $site
		speaks_swanctl $site || continue
		listed $site 'gw: #[0-9]+, ESTABLISHED, IKEv1'
	done
	case $1 in
	xauth-* | hybrid | pull | push)
		pings moon 10.2.0.10
		on_the_wire
		;;
	gre) ikev1_gre ;;
	l2tp) ikev1_datagram ;;
	*) traffic ;;
	esac
}

# ikev1_gre: a tunnel of GRE between the gateways, and a ping in it. Its ends find each other by the neighbours
# that nhrpd would make.
ikev1_gre() {
	rm -f /run/lab/topology
	/run/lab/modprobe ip_gre
	ip -n moon -batch - <<-END
		tunnel add gre1 mode gre local 198.51.100.1 key 1 ttl 64
		address add 10.9.0.1/24 dev gre1
		link set gre1 up
		neigh add 10.9.0.2 lladdr 203.0.113.1 dev gre1
	END
	ip -n sun -batch - <<-END
		tunnel add gre1 mode gre local 203.0.113.1 key 1 ttl 64
		address add 10.9.0.2/24 dev gre1
		link set gre1 up
		neigh add 10.9.0.1 lladdr 198.51.100.1 dev gre1
	END
	pings moon 10.9.0.2
	on_the_wire
	! wire_has 'proto gre' || failed "plain GRE on the wire"
}

# ikev1_datagram: one each way between the ports of L2TP
ikev1_datagram() {
	(exec nsenter --net=/run/netns/sun timeout 15 python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("", 1701))
s.sendto(*s.recvfrom(99))') &
	within 10 bound_at sun 1701 || failed "sun: no socket at port 1701"
	within 10 on moon timeout 5 python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("", 1701))
s.settimeout(1)
s.sendto(b"l2tp", ("203.0.113.1", 1701))
assert s.recv(99) == b"l2tp"' >>"$scene_logs/moon.console" 2>&1 || failed "no datagram from port 1701 comes back"
	on_the_wire
	! wire_has 'udp port 1701' || failed "plain L2TP on the wire"
}

bound_at() { on "$1" ss -Hlun "sport = :$2" | grep -q .; }

# on_the_wire: ESP both ways, and the counters of both kernels move
on_the_wire() {
	local site
	for site in moon sun; do
		within 5 wire_has "($wire_esp) and src host $(wire_address "$site" 4)" || failed "no ESP from $site on the wire"
		counters_move "$site" || failed "$site: the counters in ip xfrm state stand still"
	done
	! wire_has "$wire_plain" || failed "plain text on the wire"
}
