# shellcheck shell=bash
# The words of scenes that measure: a stream of datagrams through the tunnel, what it lost, and whether
# one pair of SAs is what remains. Sourced by scene.

# stream_begin: 1000 datagrams a second each way between alice and bob from now on, and they arrive.
# The wire is noted without ESP from here: it would be too much.
stream_begin() {
	wire_without_esp
	(exec "$lab_top/build/testing/lab/stream" alice 10.1.0.10 bob 10.2.0.10 >"$scene_logs/stream" 2>&1) &
	pid_of[stream]=$!
	within "${1:-10}" stream_flowed 1 || failed "the stream does not flow"
}

# stream_flows SECONDS: in no more than that time it flows again (or still) for a whole second without a loss
stream_flows() {
	local before
	before=$(grep -c flows "$scene_logs/stream")
	kill -USR1 "${pid_of[stream]}" || failed "the stream ended"
	within "$1" stream_flowed $((before + 1)) || failed "the stream does not flow after $1 s"
}

stream_flowed() { [ "$(grep -c flows "$scene_logs/stream")" -ge "$1" ]; }

# stream_end: sets stream_sent, stream_lost, stream_duplicated (datagrams) and stream_outage (milliseconds, of the worse way)
stream_end() {
	kill -TERM "${pid_of[stream]}"
	wait "${pid_of[stream]}" || failed "stream: $(tail -n 1 "$scene_logs/stream")"
	unset 'pid_of[stream]'
	read -r stream_sent stream_lost stream_duplicated stream_outage < <(awk '
		$1 == "way" { sent += $4; lost += $4 - $6; duplicated += $8; if ($10 + 0 > outage) outage = $10 }
		END { print sent + 0, lost + 0, duplicated + 0, outage + 0 }' "$scene_logs/stream")
}

# stream_lossless: ends the stream; not one datagram may be lost, and it tells of how many
stream_lossless() {
	stream_end
	[ "$stream_lost" = 0 ] ||
		failed "the stream lost $stream_lost datagrams: $(grep '^gap' "$scene_logs/stream" | head -n 3 | xargs)"
	[ "$stream_duplicated" = 0 ] || failed "$stream_duplicated datagrams came twice"
	printf ', 0 of %d datagrams lost' "$stream_sent" >"$scene_logs/outage"
}

# outage: ends the stream; tells how long it was down
outage() {
	stream_end
	printf ', outage %d.%03d s' $((stream_outage / 1000)) $((stream_outage % 1000)) >"$scene_logs/outage"
}

# one_pair SECONDS: in no more than that time one IKE SA and one child is all that is left, at both ends,
# and the kernels have the same two SAs. Half-open IKE SAs, of attempts that were given up, do not count.
one_pair() {
	within "$1" pair_alone || failed "not one pair of SAs at both ends: moon $(pair_of moon | xargs), sun $(pair_of sun | xargs)"
}

pair_alone() {
	local site kernel=()
	for site in moon sun; do
		kernel+=("$(kernel_spis "$site")")
		speaks_swanctl "$site" || continue
		swanctl "$site" --list-sas || return 1
		[ "$(grep -E '^ *[a-z]+: #' <<<"$output" | grep -vc ', CONNECTING,')" = 2 ] || return 1
		grep -qE '^gw: #[0-9]+, ESTABLISHED' <<<"$output" || return 1
		grep -qE '^ +net: #[0-9]+, .*INSTALLED' <<<"$output" || return 1
	done
	[ "${kernel[0]}" = "${kernel[1]}" ] && [ "$(wc -l <<<"${kernel[0]}")" = 2 ]
}

pair_of() {
	! speaks_swanctl "$1" || swanctl "$1" --list-sas
	speaks_swanctl "$1" && grep -oE '^ *[a-z]+: #[0-9]+, .*(ESTABLISHED|CONNECTING|INSTALLED|REKEY[A-Z]*|DELET[A-Z]*)' <<<"$output"
	kernel_spis "$1"
}

# kernel_spis SITE: of the SAs in the kernel, without those that a killed daemon left there (daemon_kill)
kernel_spis() {
	ip -n "$1" xfrm state | sed -n 's/.*proto esp spi \(0x[0-9a-f]*\).*/\1/p' | grep -vxF "${left_by_killed[$1]:-none}" | sort
}
declare -A left_by_killed

# rekey SITE child|ike [ARGUMENT...]: by command; waits until that site uses the new one. libreswan's commands are for
# IKEv2 alone: it rekeys when ikev1_short_lives says so
rekey() {
	local site=$1 what=$2 before
	shift 2
	before=$(sa_now "$site" "$what")
	case $(maker_of "$site")-$what in
	libreswan-*) ikev1_lifetime_over "$site" "$what" "$before" && return ;;
	*-child) swanctl "$site" --rekey --child net "$@" ;;
	*-ike) swanctl "$site" --rekey --ike gw "$@" ;;
	esac || failed "$site: --rekey: $(tail -n 1 <<<"$output")"
	within 15 sa_changed "$site" "$what" "$before" || failed "$site: the $what SA was not replaced"
}

# sa_now SITE child|ike: what names the SA in use: the inbound SPI, the IKE SPIs
sa_now() {
	speaks_swanctl "$1" || { "$(maker_of "$1")_sa_now" "$@"; return; }
	swanctl "$1" --list-sas
	case $2 in
	child) awk '/^ +net: .*INSTALLED/ { found = 1 } found && $1 == "in" { print $2; found = 0 }' <<<"$output" ;;
	ike) grep -oE '^gw: #.*ESTABLISHED.*' <<<"$output" | grep -oE '[0-9a-f]{16}_[ir]' ;;
	esac
}

sa_changed() {
	local now
	now=$(sa_now "$1" "$2")
	[ -n "$now" ] && ! grep -qxF "$3" <<<"$now"
}
