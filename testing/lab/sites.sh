# shellcheck shell=bash
# Sites of the lab: network namespaces, and for gateways a root of their own. Sourced by scene.
#
#   alice --- moon --- (nat) --- wan --- (natsun) --- sun --- bob
#
#   alice  10.1.0.10 fd01::10            behind moon: 10.1.0.0/16 fd01::/64
#   moon   198.51.100.1 2001:db8:1::1    behind nat: 192.168.1.1
#   nat    198.51.100.9                  hides moon (topologies nat, nat-both)
#   wan    198.51.100.254 203.0.113.254  the wide-area router, where the wire is watched
#   natsun 203.0.113.9                   hides sun, forwards 500 and 4500 to it (nat-sun, nat-both)
#   sun    203.0.113.1 2001:db8:2::1     behind natsun: 192.168.2.1
#   bob    10.2.0.10 fd02::10            behind sun: 10.2.0.0/16 fd02::/64

sites=/run/lab/sites

# on SITE COMMAND...: in the site's network, with the machine's files
on() {
	local site=$1
	shift
	nsenter --net="/run/netns/$site" "$@"
}

# Starting a process is slow under this kernel (about 20 ms), so a topology is gathered as lines for
# "ip -batch": the links of all sites first, then each site's own.
declare -A site_lines

# cable SITE INTERFACE SITE INTERFACE
cable() {
	links+="link add $2 netns $1 type veth peer name $4 netns $3"$'\n'
	site_lines[$1]+="link set $2 up"$'\n'
	site_lines[$3]+="link set $4 up"$'\n'
}

# address SITE INTERFACE ADDRESS/PREFIX...
address() {
	local site=$1 interface=$2 one
	shift 2
	for one; do
		site_lines[$site]+="address add $one dev $interface"$'\n'
	done
}

# gateway_of SITE ADDRESS...: default routes
gateway_of() {
	local site=$1 one
	shift
	for one; do
		site_lines[$site]+="route add default via $one"$'\n'
	done
}

# topology_lines NAME: what the topology consists of, in links and site_lines
topology_lines() {
	links=''
	site_lines=()
	cable alice eth0 moon lan
	cable bob eth0 sun lan
	address alice eth0 10.1.0.10/16 fd01::10/64
	address moon lan 10.1.0.1/16 fd01::1/64
	address bob eth0 10.2.0.10/16 fd02::10/64
	address sun lan 10.2.0.1/16 fd02::1/64
	gateway_of alice 10.1.0.1 fd01::1
	gateway_of bob 10.2.0.1 fd02::1

	case $1 in
	plain | nat-sun)
		cable moon wan wan moon
		address moon wan 198.51.100.1/24 2001:db8:1::1/64
		gateway_of moon 198.51.100.254 2001:db8:1::fe
		;;
	nat | nat-both)
		cable moon wan nat lan
		cable nat wan wan moon
		address moon wan 192.168.1.1/24
		address nat lan 192.168.1.254/24
		address nat wan 198.51.100.9/24
		gateway_of moon 192.168.1.254
		gateway_of nat 198.51.100.254
		;;
	*) echo "no such topology: $1" >&2; return 1 ;;
	esac
	case $1 in
	plain | nat)
		cable sun wan wan sun
		address sun wan 203.0.113.1/24 2001:db8:2::1/64
		gateway_of sun 203.0.113.254 2001:db8:2::fe
		;;
	nat-sun | nat-both)
		cable sun wan natsun lan
		cable natsun wan wan sun
		address sun wan 192.168.2.1/24
		address natsun lan 192.168.2.254/24
		address natsun wan 203.0.113.9/24
		gateway_of sun 192.168.2.254
		gateway_of natsun 203.0.113.254
		;;
	esac
	address wan moon 198.51.100.254/24 2001:db8:1::fe/64
	address wan sun 203.0.113.254/24 2001:db8:2::fe/64
}

# sites_build: the sites that cable, address and gateway_of have told of
sites_build() {
	local site
	for site in "${!site_lines[@]}"; do
		ip netns add "$site"
	done
	ip -batch - <<<"$links" || return
	for site in "${!site_lines[@]}"; do
		ip -n "$site" -batch - <<<"${site_lines[$site]}link set lo up" || return
	done
}

topology_build() {
	local links
	topology_lines "$1" || return
	sites_build
	case $1 in
	nat | nat-both) on nat iptables-legacy -t nat -A POSTROUTING -o wan -j MASQUERADE ;;
	esac
	case $1 in
	nat-sun | nat-both)
		on natsun iptables-legacy -t nat -A POSTROUTING -o wan -j MASQUERADE
		on natsun iptables-legacy -t nat -A PREROUTING -i wan -p udp -m multiport \
			--dports 500,4500 -j DNAT --to-destination 192.168.2.1
		;;
	esac
}

# topology NAME: the sites of a scene. The sites of the scene before stay if they are the same;
# removing /run/lab/topology makes the next ones new.
topology() {
	local one
	if [ -e /run/lab/topology ] && [ "$(</run/lab/topology)" = "$1" ]; then
		return
	fi
	for one in /run/netns/*; do
		[ ! -e "$one" ] || ip netns delete "${one##*/}"
	done
	topology_build "$1" && echo "$1" >/run/lab/topology
}

# root_new SITE TREE: a root for the site from the files below TREE; what the site writes is its own
root_new() {
	local base=$sites/$1
	mkdir -p "$base/over" "$base/work" "$base/root"
	mount -t overlay "$1" -o "lowerdir=$2,upperdir=$base/over,workdir=$base/work" "$base/root"
	mount -t proc proc "$base/root/proc"
	mount --bind /dev "$base/root/dev"
	mount -t tmpfs run "$base/root/run"
	mkdir -p "$base/root/etc/swanctl/conf.d" "$base/root/var/log" "$base/root/tmp"
}

roots_remove() {
	local base
	for base in "$sites"/*; do
		[ -d "$base" ] || continue
		umount --recursive "$base/root" 2>/dev/null || umount --lazy --recursive "$base/root"
		rm -rf "$base"
	done
}
