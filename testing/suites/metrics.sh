#!/bin/bash
# Metrics: a real Prometheus scrapes two daemons; alert rules; every panel of the dashboard, in a real browser
# order: 47
# trees: monitoring
# limit: 300
set -u
tree=$(testing/lab/peers monitoring 2>/dev/null) || { echo "skipped metrics: no Prometheus: testing/lab/peers monitoring"; exit 0; }
work=$(mktemp -d /tmp/charon-lite-metrics-XXXXXX)
log=build/test-logs/metrics.log
mkdir -p build/test-logs
pids=()
trap 'kill "${pids[@]}" 2>/dev/null; wait; rm -rf "$work"' EXIT
exec 3>"$log"

# result NAME COMMAND...: a line of result
result() {
	local name=$1
	shift
	if "$@" >"$work/said" 2>&1; then echo "passed $name"; else echo "failed $name: $(tail -n 1 "$work/said") (see $log)"; fi
	cat "$work/said" >&3
}
# within SECONDS COMMAND...
within() {
	local deadline=$((SECONDS + $1))
	shift
	until "$@"; do
		[ $SECONDS -lt $deadline ] || return 1
		sleep 0.2
	done
}
promtool() { "$tree/usr/bin/promtool" "$@"; }

# ---- Rules ----

result alerts-check promtool check rules docs/monitoring/alerts.yml
cp docs/monitoring/alerts.yml testing/monitoring/alerts_test.yml "$work"
result alerts-test promtool test rules "$work/alerts_test.yml"

# ---- Two daemons, with one tunnel, one connection that fails, a pool and a certificate ----

# free_port: one that nobody has
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
declare -A port
for site in moon sun; do port[$site]=$(free_port); done
prometheus_port=$(free_port)

daemon() {
	mkdir -p "$work/$1/x509"
	openssl req -x509 -newkey ed25519 -nodes -keyout /dev/null -out "$work/$1/x509/$1.pem" -days 100 -subj "/CN=$1" 2>&3
	cat >"$work/$1/strongswan.conf" <<-END
		charon-lite {
			port = 0
			port_nat_t = 0
			metrics = tcp://127.0.0.1:${port[$1]}
			plugins { vici { socket = unix://$work/$1/vici } }
		}
	END
	STRONGSWAN_CONF=$work/$1/strongswan.conf build/charon-lite/charon-lite --kernel none >"$work/$1/log" 2>&1 &
	pids+=($!)
	within 10 grep -q 'ready:' "$work/$1/log"
}
swanctl() { build/swanctl-lite/swanctl-lite "${@:2}" --uri "unix://$work/$1/vici" >&3 2>&1; }
# load SITE PEER LOCAL-NET REMOTE-NET START
load() {
	local to
	to=$(sed -n 's/.*UDP ports [0-9]* and \([0-9]*\).*/\1/p' "$work/$2/log")
	cat >"$work/$1/swanctl.conf" <<-END
		connections {
			gw {
				remote_addrs = 127.0.0.1
				remote_port = $to
				local { id = $1
					auth = psk }
				remote { id = $2
					auth = psk }
				children { net { local_ts = $3
					remote_ts = $4
					start_action = $5 } }
			}
			fails {
				remote_addrs = 127.0.0.1
				remote_port = $to
				local { id = stranger
					auth = psk }
				remote { auth = psk }
				children { nothing { } }
			}
		}
		secrets { ike { id-a = moon
			id-b = sun
			secret = 0sFpZAZqEN6Ti9sqt4ZP5EWcqx } }
		pools { road { addrs = 10.3.0.0/24 } }
	END
	swanctl "$1" --load-all --file "$work/$1/swanctl.conf"
}
daemon moon && daemon sun || { echo "failed metrics: the daemons do not start"; exit 1; }
load sun moon 10.2.0.0/16 10.1.0.0/16 none
load moon sun 10.1.0.0/16 10.2.0.0/16 none
swanctl moon --initiate --child net --timeout 10 || echo "failed metrics: the tunnel does not come up"
swanctl moon --initiate --child nothing --timeout 10 # it fails
swanctl moon --rekey --child net

# Of OpenMetrics promtool knows too little; Prometheus itself asks for it.
result promtool-check-metrics promtool check metrics < <(curl --silent "http://127.0.0.1:${port[moon]}/metrics")

# ---- Prometheus ----

cat >"$work/prometheus.yml" <<END
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [$work/alerts.yml]
scrape_configs:
  - job_name: charon-lite
    static_configs:
      - targets: ["127.0.0.1:${port[moon]}", "127.0.0.1:${port[sun]}"]
END
result configuration-check promtool check config "$work/prometheus.yml"
"$tree/usr/bin/prometheus" --config.file="$work/prometheus.yml" --storage.tsdb.path="$work/tsdb" \
	--web.listen-address="127.0.0.1:$prometheus_port" >"$work/prometheus.log" 2>&1 &
pids+=($!)
url=http://127.0.0.1:$prometheus_port
# value EXPRESSION: what Prometheus has
value() { curl --silent --get --data-urlencode "query=$1" "$url/api/v1/query" | sed -n 's/.*"value":\[[^,]*,"\([^"]*\)".*/\1/p'; }
has() { [ "$(value "$1")" = "$2" ] || { echo "$1 is $(value "$1"), and not $2"; false; }; }
has_in_time() { within 20 has "$@" >/dev/null || has "$@"; }

result both-are-up has_in_time 'count(up{job="charon-lite"} == 1)' 2
result tunnel-is-up has_in_time 'sum(charon_lite_child_sas{connection="gw",child="net",state="INSTALLED"})' 2
# as VICI has it: "ike-auth-out-req : 1"
counter() { build/swanctl-lite/swanctl-lite --counters --uri "unix://$work/moon/vici" | sed -n "s/.*$1 *: *//p"; }
for what in 'IKE_SA_INIT out request ike-init-out-req' 'IKE_AUTH in response ike-auth-in-resp' 'CREATE_CHILD_SA out request create-child-out-req'; do
	read -r exchange direction kind name <<<"$what"
	result "counter-$name" has_in_time "charon_lite_messages_total{instance=\"127.0.0.1:${port[moon]}\",exchange=\"$exchange\",direction=\"$direction\",kind=\"$kind\"}" "$(counter "$name")"
done
all_panels() { testing/monitoring/dashboard.py check "$url"; }
within 60 all_panels >/dev/null 2>&1
result dashboard-expressions all_panels

# ---- The browser ----

# browser ARGUMENT...: Debian's chromium in its tree, which nothing is written to; it may use this network
browser() {
	timeout 60 unshare --mount --pid --fork bash -c '
		mount --bind "$1" "$2/mnt" && mount -t proc proc "$2/proc" && mount --bind /dev "$2/dev" && mount -t tmpfs tmpfs "$2/tmp" || exit
		tree=$2; shift 2
		exec chroot "$tree" env HOME=/tmp chromium --headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run \
			--disable-background-networking --disable-component-update --hide-scrollbars --window-size=1400,1450 \
			--virtual-time-budget=20000 "$@"' _ "$work" "$tree" "$@" 2>>"$log"
}
testing/monitoring/dashboard.py page "$url" >"$work/dashboard.html"
# rendered: each panel of the JSON is a section of the page that shows something
rendered() {
	local panels
	panels=$(grep -c '"gridPos"' docs/monitoring/dashboard.json)
	browser --dump-dom file:///mnt/dashboard.html >"$work/dom"
	cp "$work/dom" build/test-logs/metrics-dashboard.html
	grep -q "data-done=\"$panels\"" "$work/dom" || { echo "the browser did not draw all $panels panels"; return 1; }
	[ "$(grep -o 'data-series="[1-9][0-9]*"' "$work/dom" | wc -l)" = "$panels" ] ||
		{ echo "empty: $(grep -o 'data-title="[^"]*" data-series="0"' "$work/dom" | xargs)"; return 1; }
}
result dashboard-in-chromium rendered
pictured() {
	browser --screenshot=/mnt/dashboard.png file:///mnt/dashboard.html
	[ "$(stat -c %s "$work/dashboard.png")" -gt 20000 ] && cp "$work/dashboard.png" build/test-logs/metrics-dashboard.png
}
result dashboard-screenshot pictured
