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
	local how=$1 moon=() sun=() round='' demand='' more='' client='leftmodecfgclient=yes;rightmodecfgserver=yes'
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
	psk | rsa | eap)
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
	libreswan=$client libreswan_secrets='@carol : XAUTH "Ar3etTnp"' \
		ikev1_gateway moon sun local_ts=dynamic conn="vips = 0.0.0.0;$round$more" secrets="xauth-carol { id = carol
			${ikev1_user_of_moon-$ikev1_user} }" "${moon[@]}"
	libreswan=$server ikev1_gateway sun moon remote_ts=dynamic conn="pools = road;$demand$more" secrets="xauth-carol { id = carol
			$ikev1_user }" sections="$ikev1_pool" "${sun[@]}"
	if [ "$(maker_of sun)" = libreswan ]; then
		mkdir -p "$sites/sun/root/etc/ipsec.d"
		echo "$libreswan_passwd" >"$sites/sun/root/etc/ipsec.d/passwd"
	fi
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
