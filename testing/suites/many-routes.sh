#!/bin/bash
# A router with a long routing table: the daemon neither reads it nor wakes when it changes
# order: 35
# limit: 120
#
# MANY_ROUTES=1000000 testing/suites/many-routes.sh   measures with a full BGP table; the CPU times are
# printed and not judged, as other programs run here, too
set -u
cd "$(dirname "$0")/../.." || exit
if [ "${1-}" != inside ]; then
	unshare --net true 2>/dev/null || { echo "skipped many-routes: no network namespaces here"; exit 0; }
	exec unshare --net "$0" inside
fi

routes=${MANY_ROUTES:-50000}
top=$PWD
work=$(mktemp -d)
daemons=()
end() {
	[ ${#daemons[@]} = 0 ] || kill "${daemons[@]}" 2>/dev/null
	wait
	rm -rf "$work"
}
trap end EXIT
failed() { echo "failed many-routes: $*"; exit 1; }

# within SECONDS COMMAND...
within() {
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.05
	done
}

# ---- Two gateways: moon here, sun in a network of its own ----

unshare --net sleep infinity &
daemons+=($!)
sun=$!
own_network() { [ "$(readlink "/proc/$sun/ns/net")" != "$(readlink /proc/self/ns/net)" ]; }
within 5 own_network || failed "no second network"
ip link add moon type veth peer name sun netns "$sun" || { echo "skipped many-routes: no veth here"; exit 0; }
on_sun() { nsenter --net="/proc/$sun/ns/net" "$@"; }
ip address add 198.51.100.1/24 dev moon
ip link set moon up
ip link set lo up
on_sun sh -c 'ip address add 198.51.100.2/24 dev sun; ip link set sun up; ip link set lo up'

configure() { # SITE PEER-SITE PEER-ADDRESS NET PEER-NET
	mkdir -p "$work/$1"
	cat >"$work/$1/strongswan.conf" <<-END
		charon {
			plugins { vici { socket = unix://$work/$1/vici } }
			filelog { log { path = $work/$1/log
				default = 1
				knl = 2 } }
		}
		swanctl { plugins { vici { socket = unix://$work/$1/vici } } }
	END
	cat >"$work/$1/swanctl.conf" <<-END
		connections { gw {
			version = 2
			remote_addrs = $3
			local { auth = psk
				id = $1 }
			remote { auth = psk
				id = $2 }
			children { net { local_ts = $4
				remote_ts = $5
				start_action = none } } } }
		secrets { ike-gw { secret = "a full table" } }
	END
}
configure moon sun 198.51.100.2 10.1.0.0/16 10.2.0.0/16
configure sun moon 198.51.100.1 10.2.0.0/16 10.1.0.0/16

# The network is real; the kernel need not encrypt.
swanctl() { # SITE ARGUMENT...
	local site=$1
	shift
	STRONGSWAN_CONF=$work/$site/strongswan.conf SWANCTL_DIR=$work/$site \
		build/swanctl-lite/swanctl-lite "$@" --uri "unix://$work/$site/vici" >>"$work/$site/console" 2>&1
}
daemon_start() { # SITE COMMAND-BEFORE...
	local site=$1
	shift
	STRONGSWAN_CONF=$work/$site/strongswan.conf "$@" "$top/build/charon-lite/charon-lite" --kernel none >>"$work/$site/stderr" 2>&1 &
	daemons+=($!)
	pid=$!
	within 10 test -S "$work/$site/vici" && swanctl "$site" --load-all || failed "$site does not start: $(tail -n 1 "$work/$site/stderr" "$work/$site/console")"
}
daemon_start sun nsenter --net="/proc/$sun/ns/net"

cpu() { # microseconds that the process has run
	read -r ran _ <"/proc/$1/schedstat"
	echo $((ran / 1000))
}
wakes() { sed -n 's/^voluntary_ctxt_switches:[[:space:]]*//p' "/proc/$1/status"; }

# life COUNT: a daemon starts, loads, keys, rekeys its child so often, and stays: $spent microseconds
life() {
	daemon_start moon env
	swanctl moon --initiate --child net --timeout 10 || failed "the tunnel does not come up: $(tail -n 3 "$work/moon/console")"
	for ((i = 0; i < $1; i++)); do
		swanctl moon --rekey --child net || failed "--rekey: $(tail -n 1 "$work/moon/console")"
	done
	sleep 1
	spent=$(cpu "$pid")
}

stop() {
	kill "$pid"
	wait "$pid"
}

life 20
without=$spent
stop
life 0
first=$pid
before_cpu=$(cpu "$first") before_wakes=$(wakes "$first")
for ((i = 0; i < routes; i++)); do
	echo "route add $((20 + (i >> 16)))."$((i >> 8 & 255)).$((i & 255))".0/24 via 198.51.100.2"
done >"$work/routes"
begin=${EPOCHREALTIME/./}
ip -batch "$work/routes" || failed "the routes cannot be loaded"
begin=$((${EPOCHREALTIME/./} - begin))
sleep 0.5
flood_cpu=$(($(cpu "$first") - before_cpu)) flood_wakes=$(($(wakes "$first") - before_wakes))
echo "$routes routes come in $((begin / 1000)) ms: the daemon runs for $flood_cpu us and wakes $flood_wakes times"

# what concerns the peer is still heard
ip route add 198.51.100.2/32 dev moon
within 5 grep -q 'the network has changed' "$work/moon/log" || failed "a route to the peer is not heard of"

stop
life 20
echo "one life with 20 rekeyings: $without us of CPU without these routes, $spent us with them"

[ "$flood_wakes" -le 20 ] || failed "$flood_wakes wakings for $routes routes that lead to no peer"
echo "passed many-routes: $routes routes"
