# shellcheck shell=bash
# Servers that gateways ask about each other; they run at the wide-area router. Sourced by scene.

# crl_server, ocsp_responder: what the certificates of testing/lab/pki name
crl_server() {
	mkdir -p "$scene_logs/www"
	cp "$lab_top/build/lab-pki/ca.crl" "$scene_logs/www/"
	(exec nsenter --net=/run/netns/wan python3 -m http.server --directory "$scene_logs/www" 8080 >"$scene_logs/crl.log" 2>&1) &
	pid_of[crl]=$!
	within 15 listens_at 8080 || failed "no HTTP server: $(tail -n 1 "$scene_logs/crl.log")"
}
ocsp_responder() {
	local pki=$lab_top/build/lab-pki
	(exec nsenter --net=/run/netns/wan openssl ocsp -port 8081 -index "$pki/index" -CA "$pki/ca.crt" -rsigner "$pki/ocsp.crt" \
		-rkey "$pki/ocsp.key" -nmin 5 >"$scene_logs/ocsp.log" 2>&1) &
	pid_of[ocsp]=$!
	within 15 listens_at 8081 || failed "no OCSP responder: $(tail -n 1 "$scene_logs/ocsp.log")"
}
listens_at() { on wan ss -Hltn "sport = :$1" | grep -q .; }

radius_secret=testing123

# radius_server: FreeRADIUS, which knows carol; what is accounted is in radius.accounting of the scene's logs
radius_server() {
	local root=$sites/radius/root pki=$lab_top/build/lab-pki
	root_new radius "$(tree_of freeradius)"
	mkdir -p "$root/etc/lab" "$root/var/log/lab"
	cp "$pki"/{ca.crt,radius.crt,radius.key} "$root/etc/lab/"
	cat >"$root/etc/lab/users" <<-END
		carol Cleartext-Password := "Ar3etTnp"
		 Class := 0x6c6162
		moon.lab
	END
	# one block or setting in a line is as much as its parser takes
	sed 's/; */\n/g' >"$root/etc/lab/radiusd.conf" <<-END
		prefix = /usr; libdir = /usr/lib/freeradius; raddbdir = /etc/lab; run_dir = /run; logdir = /var/log/lab
		correct_escapes = true; max_requests = 1024
		log {; destination = stdout; }
		client gateways {; ipaddr = 0.0.0.0/0; secret = $radius_secret; }
		modules {
		files {; filename = /etc/lab/users; }
		mschap {; }
		eap {; default_eap_type = mschapv2
		md5 {; }
		tls-config lab {; private_key_file = /etc/lab/radius.key; certificate_file = /etc/lab/radius.crt; ca_file = /etc/lab/ca.crt; }
		tls {; tls = lab; }
		mschapv2 {; }
		}
		detail {; filename = /var/log/lab/accounting; }
		}
		server default {
		listen {; type = auth; ipaddr = *; port = 1812; }
		listen {; type = acct; ipaddr = *; port = 1813; }
		authorize {; eap {; ok = return; }; files; }
		authenticate {; Auth-Type MS-CHAP {; mschap; }; eap; }
		accounting {; detail; }
		}
	END
	(exec nsenter --net=/run/netns/wan chroot "$root" /usr/sbin/freeradius -f -l stdout -xx -d /etc/lab >"$scene_logs/radius.log" 2>&1) &
	pid_of[radius]=$!
	within 20 grep -q 'Ready to process requests' "$scene_logs/radius.log" ||
		failed "no RADIUS server: $(tail -n 1 "$scene_logs/radius.log")"
}

# radius_accounts PATTERN: the server was told so
radius_accounts() {
	within 10 grep -Eq -- "$1" "$sites/radius/root/var/log/lab/accounting" || failed "no /$1/ in the accounts"
}
