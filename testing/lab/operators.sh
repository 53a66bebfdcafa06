# shellcheck shell=bash
# The words of designs: what operators at the sites type, and what they see. Sourced by design.

title() { printf '\n=== %s\n' "$*"; }

# typed SITE COMMAND LINE: as if someone typed it there
typed() { printf '\n%s# %s\n' "$1" "${*:2}"; }

# example FILE: a file of the checkout that documents something and is played now; prints where it is
example() {
	echo "$1" >>"$scene_logs/examples"
	echo "$lab_top/$1"
}

# documented: what there is for this design to play; a design may have a list of its own
documented() {
	local file
	for file in $(cd "$lab_top" && find "conf.d/$design" -type f 2>/dev/null); do
		echo "$file"
	done
}

# all_played: a design plays all of its examples
all_played() {
	local left
	left=$(comm -23 <(documented | sort -u) <(sort -u "$scene_logs/examples" 2>/dev/null))
	[ -z "$left" ] || failed "not played: $(xargs -d '\n' <<<"$left")"
}

# site_file SITE [FILE]: the design's file conf.d/DESIGN/FILE (SITE.conf) is that gateway's swanctl.conf
site_file() {
	local file=conf.d/$design/${2:-$1.conf}
	example "$file" >/dev/null
	typed "$1" "cat /etc/swanctl/swanctl.conf     (conf.d/$design/${file##*/})"
	cat "$lab_top/$file" || failed "no $file"
	cp "$lab_top/$file" "$sites/$1/root/etc/swanctl/swanctl.conf"
	chmod 600 "$sites/$1/root/etc/swanctl/swanctl.conf"
}

# types SITE ARGUMENT...: the command line that drives the daemon there; it must succeed
types() {
	local site=$1 tool_root tool_program
	shift
	tool "$site"
	typed "$site" "${tool_program##*/}" "$@"
	swanctl "$site" "$@" || failed "$site: swanctl $*: $output"
	echo "$output"
}

# debian_swanctl SITE: the site gets Debian's swanctl beside ours
debian_swanctl() {
	local shared
	root_new "$1.debian" "$(tree_of swanctl-6.0.1)"
	for shared in run etc/swanctl; do
		mount --bind "$sites/$1/root/$shared" "$sites/$1.debian/root/$shared"
	done
	echo 'swanctl { load = pem pkcs1 pkcs8 x509 pubkey openssl random nonce }' >"$sites/$1.debian/root/etc/strongswan.conf"
}

# sees SITE COMMAND...: any other command in the site's network; it must succeed
sees() {
	local site=$1
	shift
	typed "$site" "$@"
	output=$(on "$site" "$@" 2>&1)
	local code=$?
	echo "$output"
	[ $code = 0 ] || failed "$site: $*: exit code $code"
}

# loads SITE...: the daemons start and load their files; a line of warning is a failure
loads() {
	local site
	for site; do
		[ -n "${settings_of[$site]-}" ] || settings "$site"
	done
	daemon_start "$@"
	for site; do
		types "$site" --load-all --noprompt
		! grep -E '^/|has no effect|unknown|warning' <<<"$output" || failed "$site: the file does not load without a warning"
	done
}

# comes_up SITE PATTERN: in 20 seconds --list-sas has this (extended regular expression)
comes_up() { within "${3:-20}" sas_match "$1" "$2" || failed "$1: no /$2/ in --list-sas: $output"; }

# reaches SITE ADDRESS: pings, as an operator would
reaches() {
	within 10 on "$1" ping -n -q -c 1 -W 1 "$2" >/dev/null 2>&1 || failed "$1 does not reach $2"
	sees "$1" ping -n -c 3 -i 0.3 -W 2 "$2"
}

# secret_on_wire SITE...: the wide area saw ESP from these gateways and nothing in the clear
secret_on_wire() {
	within 5 wire_has "$wire_esp" || failed "no ESP on the wire"
	! wire_has "${1:-icmp}" || failed "the wide area saw the ping in the clear"
	typed internet "tcpdump -n 'esp or icmp or udp port 4500' | tail -n 4"
	tcpdump -n -r "$scene_logs/wire.pcap" "inbound and (icmp or $wire_esp)" 2>/dev/null | tail -n 4
}

# asks SITE SERVER NAME: a question for an address, as a resolver library asks it; it must be answered with one
asks() {
	on "$1" python3 - "$2" "$3" <<-'END'
		import socket, struct, sys
		name = b"".join(bytes([len(part)]) + part.encode() for part in sys.argv[2].split("."))
		s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		s.settimeout(1)
		s.sendto(struct.pack(">6H", 7, 0x100, 1, 0, 0, 0) + name + b"\0" + struct.pack(">2H", 1, 1), (sys.argv[1], 53))
		answer = s.recv(512)
		print(sys.argv[2], "has address", socket.inet_ntoa(answer[-4:]))
		sys.exit(struct.unpack(">6H", answer[:12])[3] == 0)
	END
}
