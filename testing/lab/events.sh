# shellcheck shell=bash
# The words of scenes for what befalls a tunnel: daemons killed, sites rebooted, wires cut, addresses
# that change. Sourced by scene.

# patience SITE...: settings by which a peer is declared dead quickly: a message goes out at 0, 0.4, 0.88,
# 1.46 and 2.15 s and is given up at 2.98 s
patience() {
	local site
	for site; do
		settings "$site" 'retransmit_timeout = 0.4' 'retransmit_base = 1.2' 'retransmit_tries = 4'
	done
}

# daemon_kill SITE: kill -9; the kernel keeps what it has. strongSwan never removes that: leftovers_remove does
daemon_kill() {
	case ${daemon_of[$1]} in
	strongswan-*) left_by_killed[$1]=$(kernel_spis "$1") ;;
	esac
	kill -KILL "${pid_of[$1]}"
	wait "${pid_of[$1]}" 2>/dev/null
}

leftovers_remove() {
	local site spi
	for site in "${!left_by_killed[@]}"; do
		for spi in ${left_by_killed[$site]}; do
			ip -n "$site" xfrm state delete dst "$(outer "$site" 4 local)" proto esp spi "$spi" ||
				ip -n "$site" xfrm state delete dst "$(outer "$([ "$site" = moon ] && echo sun || echo moon)" 4 remote)" proto esp spi "$spi"
		done
	done 2>/dev/null
}

# power_off SITE: as if the power went: the daemon, the kernel's tables, links and addresses are gone
power_off() {
	daemon_kill "$1"
	unset "left_by_killed[$1]"
	ip -n "$1" -batch - <<-END
		link set wan down
		link set lan down
		xfrm state flush
		xfrm policy flush
		address flush dev wan
		address flush dev lan
	END
}

# power_on SITE: the site has its network again, the daemon starts and loads its configuration
power_on() {
	topology_lines "$scene_topology"
	ip -n "$1" -force -batch - <<<"${site_lines[$1]}" 2>/dev/null
	start "$1"
}

# wire_cut, wire_mend: nothing passes the wide-area router; all passes again
wire_cut() {
	rm -f /run/lab/topology
	on wan iptables-legacy -I FORWARD -j DROP
	on wan ip6tables-legacy -I FORWARD -j DROP
}
wire_mend() {
	on wan iptables-legacy -D FORWARD -j DROP
	on wan ip6tables-legacy -D FORWARD -j DROP
}

# nat_reboot: the box before moon restarts: it has forgotten its mappings and takes other ports
nat_reboot() {
	rm -f /run/lab/topology
	topology_lines "$scene_topology"
	on nat iptables-legacy -t nat -F POSTROUTING
	on nat iptables-legacy -t nat -A POSTROUTING -o wan -p udp -j MASQUERADE --to-ports 20000-29999
	# masqueraded connections are forgotten with the link
	ip -n nat link set wan down
	ip -n nat -force -batch - <<<"${site_lines[nat]}" 2>/dev/null
}

# only_ipv4: the gateways have no other addresses towards each other; else MOBIKE may go there
only_ipv4() {
	rm -f /run/lab/topology
	ip -n moon -6 address flush dev wan
	ip -n sun -6 address flush dev wan
}

# address_moves SITE NEW OLD ROUTER: the site gets another address (with its prefix length), then loses the old one
address_moves() {
	rm -f /run/lab/topology
	on "$1" sh -c "echo 1 >/proc/sys/net/ipv4/conf/wan/promote_secondaries"
	ip -n "$1" -batch - <<-END
		address add $2 dev wan
		address delete $3 dev wan
		route replace default via $4
	END
}

# names ADDRESS NAME: a name server at the wide-area router says so from now on; all sites ask it
names() {
	echo "$1 $2" >"$scene_logs/names"
	if [ -n "${pid_of[names]-}" ]; then
		kill -HUP "${pid_of[names]}"
		return
	fi
	(exec nsenter --net=/run/netns/wan dnsmasq --keep-in-foreground --user=root --conf-file=/dev/null \
		--pid-file= --no-resolv --no-hosts --addn-hosts="$scene_logs/names" --log-queries --log-facility=- \
		>"$scene_logs/names.log" 2>&1) &
	pid_of[names]=$!
	echo 'nameserver 198.51.100.254' >"$sites/moon/root/etc/resolv.conf"
	echo 'nameserver 203.0.113.254' >"$sites/sun/root/etc/resolv.conf"
	within 5 grep -q 'started' "$scene_logs/names.log" || failed "no name server: $(tail -n 1 "$scene_logs/names.log")"
}

# keep_up [LINE [KEY=VALUE...]]: both gateways have what makes a tunnel come back by itself. moon wants it
# and initiates; sun takes it from anywhere and lets go of a peer that is silent. LINE goes into both
# connections, the KEYs are moon's.
keep_up() {
	gateway moon conn="keyingtries = 0;dpd_delay = 1s;${1-}" \
		child='start_action = start;dpd_action = restart;close_action = start' "${@:2}"
	gateway sun conn="dpd_delay = 1s;${1-}" child='dpd_action = clear' local=%any remote=%any
	patience moon sun
}
