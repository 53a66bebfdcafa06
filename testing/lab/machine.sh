# shellcheck shell=bash
# A machine with nothing but Debian that our packages are put on, moon, and a gateway with strongSwan, sun: what
# testing/lab/fresh and testing/lab/confined have in common. Sourced; under a kernel of testing/lab/boot. The sourcing
# file sets $release, and says in last_said() what there is to know when a step fails.
# The machine is in namespaces of its own, in the kernel's first network; sun is in another network.

cache=${CHARON_LITE_CACHE:-/var/cache/charon-lite-lab}
# shellcheck disable=SC2034 # sourcing files read it
packages=${lab_top:?}/build/lab-logs/packages-${release:?}
machine=/run/lab/fresh root=$machine/root sun=$machine/sun
name="Debian $release"
first='' # a process of the machine

say() { echo "# $*"; }
passed() { echo "passed $name: $* ($SECONDS s)"; }
failed() {
	echo "failed $name: $*"
	[ ! -e "$machine/sun.log" ] || { say "what strongSwan said last:"; tail -n 10 "$machine/sun.log" | sed 's/^/    /'; }
	last_said
	exit 0
}
# until_true SECONDS WHAT COMMAND...
until_true() {
	local end=$((SECONDS + $1)) what=$2
	shift 2
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || failed "$what"
		sleep 0.4
	done
}
inside() { nsenter --target "$first" --mount --uts --ipc --pid --root --wd env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"; }
# on: the same, or the step has failed
on() { inside "$@" >"$machine/said" 2>&1 || { tail -n 20 "$machine/said" | sed 's/^/    /'; failed "$*"; }; }
on_sun() { nsenter --net=/run/netns/sun chroot "$sun" "$@"; }

# layered LOWER WHERE: a tree to write into, which is not kept
layered() {
	mkdir -p "$2" "$2.over" "$2.work"
	mount -t overlay lab -o "lowerdir=$1,upperdir=$2.over,workdir=$2.work" "$2"
}

# machine_new: its files
machine_new() {
	mkdir -p $machine
	mount -t tmpfs fresh $machine
	layered "$cache/peers/fresh-$release" $root
	rm -f $root/usr/sbin/policy-rc.d
	echo fresh >$root/etc/hostname
}

# machine_begins COMMAND...: its first process
machine_begins() {
	# shellcheck disable=SC2016
	unshare --mount --uts --ipc --cgroup --pid --fork bash -c '
		root=$1; shift
		mount --make-rprivate /
		mount -t proc proc $root/proc
		mount -t sysfs sys $root/sys
		mount -t securityfs security $root/sys/kernel/security 2>/dev/null
		mount -t cgroup2 cgroup $root/sys/fs/cgroup
		mount -t tmpfs run $root/run
		mount -t tmpfs tmp $root/tmp
		mount -t devtmpfs dev $root/dev
		mkdir -p $root/dev/pts $root/dev/shm $root/dev/mqueue
		mount -t devpts -o ptmxmode=666 pts $root/dev/pts
		ln -sf /proc/self/fd $root/dev/fd
		cd $root && mkdir -p run/old && pivot_root . run/old && umount -l run/old && rmdir run/old
		exec env -i container=lab TERM=dumb "$@"' lab $root "$@" >"$machine/console" 2>&1 &
	until_true 20 "the machine did not begin" machine_has_begun
}
machine_has_begun() { first=$(pgrep -P "$(pgrep -f 'unshare --mount --uts --ipc --cgroup' | head -n 1)"); [ -n "$first" ]; }

# networks: moon0 at 192.0.2.1 and sun0 at 192.0.2.2, 10.1.0.0/16 and 10.2.0.0/16 behind
networks() {
	ip link add moon0 type veth peer name sun0
	ip netns add sun
	ip link set sun0 netns sun
	ip addr add 192.0.2.1/24 dev moon0
	ip addr add 10.1.0.1/16 dev lo
	ip link set moon0 up
	ip -n sun addr add 192.0.2.2/24 dev sun0
	ip -n sun addr add 10.2.0.1/16 dev lo
	ip -n sun link set lo up
	ip -n sun link set sun0 up
}

# tunnel HERE THERE MORE: a configuration, with raw keys
tunnel() {
	cat <<END
connections {
	site {
		local_addrs = 192.0.2.$1
		remote_addrs = 192.0.2.$2
		proposals = aes128-sha256-x25519
		local { auth = pubkey
			pubkeys = gw$1.pem
			id = gw$1 }
		remote { auth = pubkey
			pubkeys = gw$2.pem
			id = gw$2 }
		children {
			net { local_ts = 10.$1.0.0/16
				remote_ts = 10.$2.0.0/16
				esp_proposals = aes128-sha256
				$3
			}
		}
	}
}
END
}

# sun_begins [COMMAND...]: strongSwan with its configuration, which COMMAND may change. Raw keys at both ends, so that the process that signs has something to do;
# a copy of moon's is in $machine/keys.
sun_begins() {
	layered "$cache/peers/strongswan-6.0.1" $sun
	on sh -c 'cd /etc/swanctl && for gw in gw1 gw2; do rm -f private/$gw.pem && swanctl-lite --genkey --type ecdsa-256 private/$gw.pem && swanctl-lite --pubkey private/$gw.pem >pubkey/$gw.pem; done'
	mv $root/etc/swanctl/private/gw2.pem $sun/etc/swanctl/private
	cp $root/etc/swanctl/pubkey/* $sun/etc/swanctl/pubkey
	mkdir $machine/keys
	cp -r $root/etc/swanctl/private $root/etc/swanctl/pubkey $machine/keys
	mount -t proc proc $sun/proc
	mount --rbind /dev $sun/dev
	mount -t tmpfs run $sun/run
	tunnel 2 1 '' >$sun/etc/swanctl/conf.d/site.conf
	# Some of its plugins take seconds to start under these kernels.
	echo 'charon-systemd { load = random nonce openssl kdf hmac pem pkcs1 pkcs8 x509 pubkey constraints curve25519 kernel-netlink socket-default vici updown }
		swanctl { load = pem pkcs1 pkcs8 x509 pubkey openssl random nonce }' >$sun/etc/strongswan.conf
	"$@"
	on_sun /usr/sbin/charon-systemd >$machine/sun.log 2>&1 &
	until_true 40 "strongSwan did not start" on_sun swanctl --stats
	on_sun swanctl --load-all --noprompt >$machine/said 2>&1 || failed "strongSwan did not load its connection: $(tail -n 3 $machine/said | xargs)"
}
is_up() { inside swanctl-lite --list-sas | grep -q 'net: .*INSTALLED' && ping -c 1 -W 2 -I 10.1.0.1 10.2.0.1; }

# updown_script: as people write them
updown_script() {
	cat >$root/etc/swanctl/updown <<'END'
#!/bin/sh
echo "$PLUTO_VERB" >>/run/updown
sysctl -w net.ipv4.conf.moon0.rp_filter=0
ip route replace 198.51.100.0/24 dev moon0 table 77
logger -t updown "$PLUTO_VERB" || true
echo "$PLUTO_VERB" >>/var/lib/misc/updown
END
	chmod 755 $root/etc/swanctl/updown
}
updown_worked() {
	until_true 10 "the updown script could not write below /var" grep -q up-client $root/var/lib/misc/updown
	inside grep -q up-client /run/updown || failed "the updown script could not write to /run"
	ip route show table 77 | grep -q 198.51.100.0/24 || failed "the updown script could not set a route"
	[ "$(cat /proc/sys/net/ipv4/conf/moon0/rp_filter)" = 0 ] || failed "the updown script could not set a sysctl"
}
