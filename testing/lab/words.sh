# shellcheck shell=bash
# The words of scenes: steps and expectations. Sourced by scene. A step that does not come about
# ends the scene with a reason.

# failed REASON: ends the scene
failed() {
	echo "$*" >"$scene_logs/reason"
	exit 1
}

# within SECONDS COMMAND...: true as soon as the command is; false when it never was within the time
within() {
	local end=$((${EPOCHREALTIME/./} + $1 * 1000000))
	shift
	until "$@"; do
		[ "${EPOCHREALTIME/./}" -lt "$end" ] || return 1
		sleep 0.05
	done
}

# swanctl SITE ARGUMENT...: as an operator there would type it; the output is in $output and in the logs
swanctl() {
	local site=$1 code=0
	output=$(swanctl_of "$@" 2>&1) || code=$?
	shift
	printf '%s\n' "# swanctl $*" "$output" "# exit code $code" >>"$scene_logs/$site.console"
	return $code
}

# transcribe ARGUMENT...: as an operator on moon would type it; the transcript has that, the answer and the exit code
transcribe() {
	local code=0
	swanctl moon "$@" || code=$?
	printf '%s\n' "### swanctl $*" "$output" "# exit code $code" >>"$scene_logs/transcript"
}

# start [SITE...]: starts the daemons with what was configured and loads it
start() {
	local site
	[ $# -gt 0 ] || set -- moon sun
	for site; do
		[ -e "$sites/$site/root/etc/swanctl/swanctl.conf" ] || ! speaks_swanctl "$site" || gateway "$site"
		[ -n "${settings_of[$site]-}" ] || settings "$site"
	done
	daemon_start "$@"
	for site; do
		speaks_swanctl "$site" || continue
		swanctl "$site" --load-all --noprompt || failed "$site: --load-all: $(tail -n 1 <<<"$output")"
	done
}

# initiate SITE [ARGUMENT...]: the site brings the child up
initiate() {
	local site=$1
	shift
	speaks_swanctl "$site" || { "$(maker_of "$site")_initiate" "$site"; return; }
	[ $# -gt 0 ] || set -- --child net
	swanctl "$site" --initiate "$@" --timeout 20 || failed "$site: --initiate: $(tail -n 1 <<<"$output")"
}

# terminate SITE CONNECTION: by command
terminate() {
	speaks_swanctl "$1" || { "$(maker_of "$1")_terminate" "$1"; return; }
	swanctl "$1" --terminate --ike "$2" --timeout 10 || failed "$1: --terminate: $(tail -n 1 <<<"$output")"
}

# refused SITE SECONDS PATTERN: the site tries to bring the child up, is told why not in the pattern's
# words (extended regular expression) on the command line, and in no more than that time
refused() {
	local site=$1 seconds=$2 pattern=$3 begin=$EPOCHREALTIME
	if swanctl "$site" --initiate --child net --timeout 30; then
		failed "$site: the child came up and should not"
	fi
	begin=$((${EPOCHREALTIME/./} - ${begin/./}))
	grep -Eiq -- "$pattern" <<<"$output" || failed "$site: no /$pattern/ on the command line"
	[ $begin -le $((seconds * 1000000)) ] || failed "$site: told only after $((begin / 1000)) ms"
}

# explained SITE REASON PATTERN: the site keeps that failure of its connection, and --explain says so with
# cause and cure (extended regular expression). Nothing where there is no --explain.
explained() {
	[[ ${daemon_of[$1]}+${tool_of[$1]} = charon-lite*+swanctl-lite* ]] || return 0
	within 5 explain_match "$@" || failed "$1: no $2 with /$3/ in --explain: $(xargs -d '\n' <<<"$output")"
}

explain_match() {
	swanctl "$1" --explain gw && grep -q "failed: $2" <<<"$output" && grep -Eq -- "$3" <<<"$output"
}

# says SITE CAUSE: the first cause that --explain at the site names. Nothing where there is no --explain.
says() {
	[ "${tool_of[$1]}" = swanctl-lite ] || return 0
	within 5 explain_names "$1" "$2" ||
		failed "$1: the first cause is \"${first_cause:-none}\", not $2: $(xargs -d '\n' <<<"$output")"
	printf ', at %s: %s' "$1" "$2" >"$scene_logs/outage"
}

explain_names() {
	swanctl "$1" --explain || true
	first_cause=$(sed -n 's/^  1\. \([a-z0-9-]*\).*/\1/p' <<<"$output" | head -n 1)
	[ "$first_cause" = "$2" ]
}

# sent [ADDRESS [OPTION...]]: alice wants something of bob (or of who has that address), and may get no answer
sent() { on alice ping -n -q -c 3 -i 0.2 -W 0.3 "${@:2}" "${1:-10.2.0.10}" >>"$scene_logs/alice.console" 2>&1 || true; }

# logged SITE PATTERN: the site's daemon says so in its log (extended regular expression)
logged() {
	within 5 grep -Eiq -- "$2" "$scene_logs/$1.log" || failed "$1: no /$2/ in the log"
}

# established SITE: it has the IKE SA and the child
established() {
	local command=sas_match
	speaks_swanctl "$1" || command=$(maker_of "$1")_established
	within 10 "$command" "$1" INSTALLED || failed "$1: no child"
}

# listed SITE PATTERN: --list-sas says so
listed() {
	within 5 sas_match "$@" || failed "$1: no /$2/ in --list-sas"
}

# unlisted SITE PATTERN: --list-sas does not, or no longer, say so
unlisted() {
	within 5 sas_lack "$@" || failed "$1: /$2/ stays in --list-sas"
}

sas_lack() {
	swanctl "$1" --list-sas && ! grep -Eq -- "$2" <<<"$output"
}

sas_match() {
	swanctl "$1" --list-sas && grep -Eq -- "$2" <<<"$output"
}

# pings SITE ADDRESS: a ping comes back
pings() {
	within 10 on "$1" ping -n -q -c 1 -W 1 "$2" >>"$scene_logs/$1.console" 2>&1 ||
		failed "$1: no answer from $2"
}

# traffic: pings through the tunnel both ways; the wire has ESP both ways and no plain
# text, and the counters of both kernels move
traffic() {
	local family=${family:-4} mode=${mode:-tunnel} site
	if [ "$mode" = transport ]; then
		pings moon "$(outer sun "$family" remote)"
	elif [ "$family" = 4 ]; then
		pings alice 10.2.0.10
		pings bob 10.1.0.10
	else
		pings alice fd02::10
		pings bob fd01::10
	fi
	for site in moon sun; do
		within 5 wire_has "($wire_esp) and src host $(wire_address "$site" "$family")" ||
			failed "no ESP from $site on the wire"
		counters_move "$site" || failed "$site: the counters in ip xfrm state stand still"
	done
	! wire_has "$wire_plain" || failed "plain text on the wire"
}

wire_esp='esp or (udp port 4500 and udp[4:2] > 12 and udp[8:4] != 0)'
wire_plain='icmp or (icmp6 and (ip6[40] == 128 or ip6[40] == 129)) or net 10.0.0.0/8 or net fd00::/8'

# wire_address SITE FAMILY: the address under which the wide area sees the gateway
wire_address() { outer "$1" "$2" remote; }

# wire_watch [FILTER]: notes all that passes the wide-area router (and matches) in wire.pcap
wire_watch() {
	(exec nsenter --net=/run/netns/wan tcpdump -n -i any -p -U --immediate-mode -Z root \
		-w "$scene_logs/wire.pcap" "$@" >"$scene_logs/tcpdump" 2>&1) &
	pid_of[wire]=$!
	within 5 grep -q 'listening on' "$scene_logs/tcpdump" || failed "tcpdump does not start"
}

# wire_without_esp: what was noted so far is in before.pcap; from now on ESP is not noted
wire_without_esp() {
	kill "${pid_of[wire]}"
	wait "${pid_of[wire]}"
	mv "$scene_logs/wire.pcap" "$scene_logs/before.pcap"
	wire_watch "not ($wire_esp)"
}

# wire_has FILTER: a packet like this has passed
wire_has() { tcpdump -n -c 1 -r "$scene_logs/wire.pcap" "$1" 2>/dev/null | grep -q .; }

# wire_block IPTABLES-MATCH...: the router drops these packets from now on
wire_block() {
	rm -f /run/lab/topology
	on wan iptables-legacy -A FORWARD "$@" -j DROP || failed "no such packets to block: $*"
}

# counters_move SITE: at least one SA in each direction has carried packets
counters_move() {
	[ "$(ip -n "$1" -s xfrm state | grep -c '^[[:space:]]*[1-9][0-9]*(bytes), [1-9][0-9]*(packets)')" -ge 2 ]
}

# nothing_left SITE...: no SA and no policy of ours in the kernel
nothing_left() {
	local site
	for site; do
		within 5 kernel_empty "$site" || failed "$site: left in the kernel: $(ip -n "$site" xfrm state | head -n 1) $(
			kernel_policies "$site" | head -n 1)"
	done
}

# policies that belong to sockets (the daemon's bypass on its own ports) are no leftovers
kernel_policies() {
	ip -n "$1" xfrm policy | awk '/^src/ { head = $0; next } /socket (in|out)/ { next } /dir (in|out|fwd)/ { print head, $0 }'
}

kernel_empty() {
	[ -z "$(ip -n "$1" xfrm state)" ] && [ -z "$(kernel_policies "$1")" ]
}
