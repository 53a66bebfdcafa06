/* What swanctl-lite prints. The texts were observed on strongSwan's swanctl 6.0.1. */
#include "swanctl-lite/absence.h"
#include "testing/unit/swanctl-lite/fake_daemon.h"
#include "testing/unit/swanctl-lite/suites.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char sas[] =
	"psk {\n uniqueid = 7\n version = 2\n state = ESTABLISHED\n local-host = 192.0.2.1\n"
	" local-port = 4500\n local-id = C=CH, CN=a b\n remote-host = 2001:db8::1\n"
	" remote-port = 500\n remote-id = b\n remote-eap-id = eve\n initiator = yes\n"
	" initiator-spi = 0011223344556677\n responder-spi = 8899aabbccddeeff\n"
	" encr-alg = AES_GCM_16\n encr-keysize = 256\n prf-alg = PRF_HMAC_SHA2_384\n"
	" dh-group = ECP_384\n ake1 = ML_KEM_768\n ppk = yes\n established = 90\n"
	" rekey-time = 13000\n local-vips = [10.0.0.1 10.0.0.2]\n tasks-active = [IKE_DPD X]\n"
	" dns-servers = [10.0.0.53]\n dns-domains = [a.example b.example]\n"
	" dpd-delay = 30\n dead-after = 165\n dead-in = 12\n"
	" child-sas {\n"
	"  net-2 {\n name = net\n uniqueid = 2\n reqid = 1\n per-cpu-sas = yes\n cpu = 3\n state = "
	"INSTALLED\n mode = TUNNEL\n"
	"   protocol = ESP\n encap = yes\n spi-in = c1111111\n spi-out = c2222222\n"
	"   if-id-in = 00000010\n mark-out = 00000002\n mark-mask-out = 000000ff\n"
	"   encr-alg = AES_CBC\n encr-keysize = 128\n integ-alg = HMAC_SHA2_256_128\n"
	"   dh-group = CURVE_25519\n esn = 1\n bytes-in = 1234567\n packets-in = 10\n use-in = 5\n"
	"   bytes-out = 0\n packets-out = 0\n rekey-time = 3300\n life-time = 3960\n"
	"   install-time = 1\n local-ts = [10.1.0.0/16 10.3.0.0/16]\n remote-ts = [10.2.0.0/16]\n"
	"  }\n }\n}\n";

static const char sas_text[] =
	"psk: #7, ESTABLISHED, IKEv2, 0011223344556677_i* 8899aabbccddeeff_r\n"
	"  local  'C=CH, CN=a b' @ 192.0.2.1[4500] [10.0.0.1 10.0.0.2]\n"
	"  remote 'b' @ 2001:db8::1[500] EAP: 'eve'\n"
	"  AES_GCM_16-256/PRF_HMAC_SHA2_384/ECP_384/KE1_ML_KEM_768/PPK\n"
	"  established 90s ago, rekeying in 13000s\n"
	"  peer probed after 30s, declared dead after 165s without answer, now in 12s\n"
	"  DNS 10.0.0.53 for a.example b.example\n"
	"  active:  IKE_DPD X\n"
	"  net: #2, reqid 1, cpu 3, INSTALLED, TUNNEL-in-UDP, "
	"ESP:AES_CBC-128/HMAC_SHA2_256_128/CURVE_25519/ESN\n"
	"    installed 1s ago, rekeying in 3300s, expires in 3960s\n"
	"    in  c1111111 (-|0x00000010), 1234567 bytes,    10 packets,     5s ago\n"
	"    out c2222222 (0x00000002/0x000000ff),      0 bytes,     0 packets\n"
	"    local  10.1.0.0/16 10.3.0.0/16\n"
	"    remote 10.2.0.0/16\n";

/* Times are in UTC, see begin(). */
static const char explained[] =
	"gw { state = ESTABLISHED\n remote-host = 192.0.2.2\n established = 7300\n"
	" causes { 1 { cause = esp-blocked\n likelihood = 85\n child = net\n text = ct1\n cure = "
	"cm1\n }\n"
	"  2 { cause = no-route-to-peer\n likelihood = 40\n text = ct2\n cure = cm2\n } }\n"
	" children { net { state = INSTALLED\n wanted = start\n installed = 100\n packets-in = 0\n"
	"  packets-out = 7\n path-mtu = 1500\n link-mtu = 1500\n overhead = 54\n inner-mtu = "
	"1446\n"
	"  mss = 1406\n } }\n"
	" failures { }\n }\n"
	"old { state = DOWN\n"
	" causes { 1 { cause = selectors-differ\n likelihood = 90\n child = a\n text = c1\n cure = "
	"m1\n } }\n"
	" children { a { state = DOWN\n wanted = trap\n remarks = [r1 r2]\n tries = 3\n next-try = "
	"12\n }\n"
	"  b { state = ROUTED\n wanted = none\n } }\n"
	" failures {\n 1 { reason = no-selectors\n text = t1\n cause = c1\n cure = m1\n child = a\n"
	"  phase = IKE_AUTH\n initiator = yes\n remote-host = 192.0.2.3\n ours = o\n theirs = t\n"
	"  differs = remote_ts\n count = 3\n first = 0\n last = 86400\n last-ago = 180\n }\n"
	"  2 { reason = no-route\n text = t2\n cause = c2\n cure = m2\n phase = start\n"
	"  initiator = yes\n count = 1\n first = 60\n last = 60\n last-ago = 400000\n"
	"  over-ago = 10\n } }\n }\n"
	"(unnamed) { failures { 1 { reason = no-connection\n text = t3\n cause = c3\n cure = "
	"m3\n"
	"  phase = IKE_SA_INIT\n initiator = no\n remote-host = 192.0.2.4\n count = 1\n first = 0\n"
	"  last = 0\n last-ago = 0\n } } }\n"
	"(kernel) { errors { XfrmInNoStates = 4\n XfrmOutNoStates = 1\n } }";

static const char explained_text[] =
	"gw: ESTABLISHED for 2 h, with 192.0.2.2\n"
	"  1. esp-blocked, child net\n"
	"    cause:   ct1\n"
	"    cure:    cm1\n"
	"  2. no-route-to-peer\n"
	"    cause:   ct2\n"
	"    cure:    cm2\n"
	"  net: INSTALLED for 100 s, wanted (start)\n"
	"    packets: 0 in, 7 out\n"
	"    size:    packets of up to 1446 octets fit (1500 to the peer, ESP takes up to 54), "
	"advised "
	"MSS 1406\n"
	"  nothing failed since it was loaded\n"
	"old: DOWN\n"
	"  1. selectors-differ, child a\n"
	"    cause:   c1\n"
	"    cure:    m1\n"
	"  a: DOWN, wanted (trap), tries that failed: 3, next try in 12 s\n"
	"    note:    r1\n"
	"    note:    r2\n"
	"  b: ROUTED\n"
	"  a failed: no-selectors, 3 times since 1970-01-01 00:00:00, last 1970-01-02 00:00:00 (3 "
	"min "
	"ago)\n"
	"    where:   IKE_AUTH with 192.0.2.3, begun by us\n"
	"    what:    t1\n"
	"    ours:    o\n"
	"    theirs:  t\n"
	"    differs: remote_ts\n"
	"  earlier, over by now: failed: no-route, 1970-01-01 00:01:00 (4 days ago)\n"
	"    where:   start with the peer, begun by us\n"
	"    what:    t2\n"
	"    cause:   c2\n"
	"    cure:    m2\n"
	"    over:    it came up 10 s ago\n"
	"fits no connection:\n"
	"  failed: no-connection, 1970-01-01 00:00:00 (0 s ago)\n"
	"    where:   IKE_SA_INIT with 192.0.2.4, begun by the peer\n"
	"    what:    t3\n"
	"    cause:   c3\n"
	"    cure:    m3\n"
	"dropped by the kernel since boot (/proc/net/xfrm_stat): XfrmInNoStates 4 XfrmOutNoStates "
	"1\n";

static const struct fake_answer answers[] = {
	{ "register", "child-updown", sas, NULL },
	{ "flush-certs", NULL, NULL, "success = no\n errmsg = no such type" },
	{ "list-sas", "list-sa", sas, "" },
	{ "list-conns", "list-conn",
		"psk { local_addrs = [%any 192.0.2.1]\n remote_addrs = [192.0.2.2]\n version = "
		"IKEv2\n"
		" reauth_time = 0\n rekey_time = 14400\n unique = UNIQUE_NO\n dpd_delay = 30\n"
		" local-1 { class = pre-shared key\n id = a\n groups = []\n certs = []\n }\n"
		" remote-1 { class = EAP\n eap-type = EAP_TLS\n eap_id = %any\n certs = [x y]\n }\n"
		" children {\n net { mode = TUNNEL\n rekey_time = 3600\n rekey_bytes = 1000\n"
		"  rekey_packets = 0\n dpd_action = restart\n local-ts = [10.1.0.0/16]\n"
		"  remote-ts = [10.2.0.0/16 10.3.0.0/16]\n }\n"
		" lan { mode = PASS\n rekey_time = 3600\n dpd_action = none\n local-ts = [a]\n"
		"  remote-ts = [b]\n }\n }\n}\n"
		"old { version = IKEv1\n reauth_time = 0\n rekey_time = 3600\n }\n"
		"often { version = IKEv1\n reauth_time = 7200\n rekey_time = 3600\n }\n"
		"never { version = IKEv1\n reauth_time = 0\n rekey_time = 0\n }\n"
		"either { version = IKEv1/2\n reauth_time = 0\n rekey_time = 3600\n }\n",
		"" },
	{ "list-policies", "list-policy",
		"psk/lan { child = lan\n ike = psk\n mode = PASS\n local-ts = [a b]\n remote-ts = "
		"[c]\n }",
		"" },
	{ "get-algorithms", NULL, NULL,
		"encryption { AES_CBC = openssl\n NULL = kernel\n }\nke { }" },
	{ "get-counters", NULL, NULL,
		"success = yes\ncounters { EMPTY { ike-init-in-req = 3\n }\n psk { invalid = 1\n } "
		"}" },
	{ "get-pools", NULL, NULL,
		"p1 { base = 10.0.0.1\n size = 254\n online = 1\n offline = 2\n leases { l { "
		"address = 10.0.0.1\n identity = a b\n status = online\n } } }" },
	{ "stats", NULL, NULL,
		"uptime { running = 2 seconds\n since = now\n }\nworkers { total = 16\n idle = 7\n"
		"active { critical = 4\n high = 0\n medium = 5\n low = 0\n } }\nqueues { critical "
		"= 0\n"
		"high = 1\n medium = 2\n low = 3\n }\nscheduled = 9\nikesas { total = 1\n "
		"half-open = 0\n"
		"}\nplugins = [a b]" },
	{ "version", NULL, NULL,
		"daemon = charon-lite\nversion = 0.1\nsysname = Linux\nrelease = 6\nmachine = "
		"x86" },
	{ "initiate", "control-log",
		"bare1 { group = IKE\n level = 1\n msg = initiating IKE_SA psk[1] to 192.0.2.2\n }",
		"success = no\nerrmsg = peer did not answer" },
	{ "explain", "explain", explained, "" },
	{ "register", "alert",
		"bare1 { connection = gw\n reason = peer-silent\n text = t4\n cause = c4\n cure = "
		"m4\n"
		" phase = IKE_AUTH\n initiator = yes\n count = 1\n last = 0\n last-ago = 0\n }\n"
		"bare2 { reason = no-connection\n text = t5\n cause = c5\n cure = m5\n phase = "
		"IKE_AUTH\n"
		" initiator = no\n count = 1\n last = 0\n last-ago = 0\n }",
		NULL },
	{ "install", NULL, NULL, "success = no\nerrmsg = no" },
	{ "rekey", NULL, NULL, NULL },
	{ 0 },
};

static void begin(void)
{
	setenv("TZ", "UTC", 1);
	fake_daemon_start(answers);
}

static void expect(const char *arguments, int status, const char *out, const char *err)
{
	const char *found_out, *found_err;
	int found = swanctl_run(arguments, &found_out, &found_err);

	ck_assert_str_eq(found_out, out);
	ck_assert_str_eq(found_err, err);
	ck_assert_int_eq(found, status);
}

START_TEST(list_sas_prints_strongswans_text)
{
	expect("--list-sas", 0, sas_text, "");
	expect("-l --ike psk --ike-id 7 -c net -C 2 --noblock", 0, sas_text, "");
	ck_assert_str_eq(fake_daemon_requests(),
		"list-sas {}\nlist-sas {ike=psk ike-id=7 child=net child-id=2 noblock=yes}\n");
}
END_TEST

START_TEST(list_conns_prints_strongswans_text)
{
	expect("-L", 0,
		"psk: IKEv2, no reauthentication, rekeying every 14400s, dpd delay 30s\n"
		"  local:  %any\n"
		"  local:  192.0.2.1\n"
		"  remote: 192.0.2.2\n"
		"  local pre-shared key authentication:\n"
		"    id: a\n"
		"  remote EAP_TLS authentication:\n"
		"    eap_id: %any\n"
		"    certs: x y\n"
		"  net: TUNNEL, rekeying every 3600s or 1000 bytes, dpd action is restart\n"
		"    local:  10.1.0.0/16\n"
		"    remote: 10.2.0.0/16 10.3.0.0/16\n"
		"  lan: PASS, no rekeying, dpd action is none\n"
		"    local:  a\n"
		"    remote: b\n"
		"old: IKEv1, reauthentication every 3600s\n"
		"often: IKEv1, reauthentication every 7200s\n"
		"never: IKEv1, no reauthentication\n"
		"either: IKEv1/2, no reauthentication, rekeying every 3600s\n",
		"");
}
END_TEST

START_TEST(list_pols_prints_strongswans_text_and_filters)
{
	expect("--list-pols --child lan --pass", 0, "psk/lan, PASS\n  local:  a b\n  remote: c\n",
		"");
	expect("-P -td --raw", 0,
		"list-policy event {psk/lan {child=lan ike=psk mode=PASS local-ts=[a b] "
		"remote-ts=[c]}}\n"
		"list-policies reply {}\n",
		"");
	ck_assert_str_eq(fake_daemon_requests(),
		"list-policies {child=lan pass=yes}\nlist-policies {trap=yes drop=yes}\n");
}
END_TEST

START_TEST(explain_says_cause_and_cure)
{
	const char *out, *err;

	expect("--explain", 0, explained_text, "");
	expect("-e gw", 0, explained_text, "");
	ck_assert_str_eq(fake_daemon_requests(), "explain {}\nexplain {ike=gw}\n");
	ck_assert_int_eq(swanctl_run("--explain old --json", &out, &err), 0);
	ck_assert_ptr_nonnull(strstr(out, "\"cause\":\"c1\",\"cure\":\"m1\""));
	ck_assert_int_ne(swanctl_run("--explain --follow", &out, &err), 0);
	ck_assert_ptr_nonnull(strstr(out, "gw:\n  failed: peer-silent, 1970-01-01 00:00:00"));
	ck_assert_ptr_nonnull(strstr(out, "fits no connection:\n  failed: no-connection, 1970"));
	ck_assert_ptr_nonnull(strstr(err, "disconnected"));
	ck_assert_int_ne(swanctl_run("--explain gw --follow", &out, &err), 0);
	ck_assert_ptr_null(strstr(out, "c5"));
}
END_TEST

START_TEST(short_lists_print_strongswans_text)
{
	expect("--list-algs", 0, "encryption:\n  AES_CBC[openssl]\n  NULL[kernel]\nke:\n", "");
	expect("--counters", 0,
		"global:\n  ike-init-in-req       : 3\npsk:\n  invalid               : 1\n", "");
	expect("-C --reset", 0, "reset-counters completed successfully\n", "");
	expect("--list-pools", 0,
		"p1                   10.0.0.1                            1 / 2 / 254\n"
		"  10.0.0.1                       online   'a b'\n",
		"");
	expect("--stats", 0,
		"uptime: 2 seconds, since now\n"
		"worker threads: 16 total, 7 idle, working: 4/0/5/0\n"
		"job queues: 0/1/2/3\n"
		"jobs scheduled: 9\n"
		"IKE_SAs: 1 total, 0 half-open\n"
		"loaded plugins: a b\n",
		"");
	expect("--version --daemon", 0, "charon-lite 0.1 charon-lite (Linux, 6, x86)\n", "");
	expect("--reload", 0, "", "");
}
END_TEST

/* charon-lite's, when they do not fit into one message. */
START_TEST(leases_that_were_left_out_are_asked_for)
{
	static const struct fake_answer long_answers[] = {
		{ "get-pools", NULL, NULL,
			"p1 { base = 10.0.0.1\n size = 9\n online = 5\n offline = 0\n leases { 0 { "
			"address = 10.0.0.4\n identity = d\n status = online\n }\n 1 { address = "
			"10.0.0.5\n identity = e\n status = online\n } } }",
			"leases-after=10.0.0.3" },
		{ "get-pools", NULL, NULL,
			"p1 { base = 10.0.0.1\n size = 9\n online = 5\n offline = 0\n leases { 0 { "
			"address = 10.0.0.3\n identity = c\n status = online\n } }\n leases-left = "
			"2\n }",
			"leases-after=10.0.0.2" },
		{ "get-pools", NULL, NULL,
			"p2 { base = 10.1.0.1\n size = 9\n online = 0\n offline = 0\n leases { } }",
			"name=p2" },
		{ "get-pools", NULL, NULL,
			"p1 { base = 10.0.0.1\n size = 9\n online = 5\n offline = 0\n leases { 0 { "
			"address = 10.0.0.1\n identity = a\n status = online\n }\n 1 { address = "
			"10.0.0.2\n identity = b\n status = online\n } }\n leases-left = 3\n }\n"
			"p2 { base = 10.1.0.1\n size = 9\n online = 0\n offline = 0\n leases { } "
			"}" },
		{ NULL },
	};

	fake_daemon_stop();
	fake_daemon_start(long_answers);
	expect("--list-pools --leases", 0,
		"p1                   10.0.0.1                              5 / 0 / 9\n"
		"  10.0.0.1                       online   'a'\n"
		"  10.0.0.2                       online   'b'\n"
		"  10.0.0.3                       online   'c'\n"
		"  10.0.0.4                       online   'd'\n"
		"  10.0.0.5                       online   'e'\n"
		"p2                   10.1.0.1                              0 / 0 / 9\n",
		"");
}
END_TEST

START_TEST(messages_are_dumped_raw_pretty_and_as_json)
{
	expect("--counters --raw", 0,
		"counters reply {success=yes counters { {ike-init-in-req=3} psk {invalid=1}}}\n",
		"");
	expect("-P --pretty", 0,
		"list-policy event {\n"
		"  psk/lan {\n"
		"    child = lan\n"
		"    ike = psk\n"
		"    mode = PASS\n"
		"    local-ts = [\n"
		"      a\n"
		"      b\n"
		"    ]\n"
		"    remote-ts = [\n"
		"      c\n"
		"    ]\n"
		"  }\n"
		"}\n"
		"list-policies reply {\n"
		"}\n",
		"");
	expect("-P --json", 0,
		"[\n{\"psk/lan\":{\"child\":\"lan\",\"ike\":\"psk\",\"mode\":\"PASS\","
		"\"local-ts\":[\"a\",\"b\"],\"remote-ts\":[\"c\"]}}\n]\n",
		"");
	expect("--counters --json", 0,
		"{\"success\":\"yes\",\"counters\":{\"\":{\"ike-init-in-req\":\"3\"},"
		"\"psk\":{\"invalid\":\"1\"}}}\n",
		"");
}
END_TEST

START_TEST(initiate_streams_the_log_and_says_why_it_failed)
{
	expect("--initiate --child net --timeout 3 --source 192.0.2.1 --remote 192.0.2.2", 1,
		"[IKE] initiating IKE_SA psk[1] to 192.0.2.2\n",
		"initiate failed: peer did not answer\n");
	expect("-i -c net -l 2 --raw", 0,
		"log {group=IKE level=1 msg=initiating IKE_SA psk[1] to 192.0.2.2}\n"
		"initiate reply {success=no errmsg=peer did not answer}\n",
		"");
	expect("--terminate --ike psk --ike-id 4 --child-id 5 -f", 0,
		"terminate completed successfully\n", "");
	ck_assert_str_eq(fake_daemon_requests(),
		"initiate {child=net my-host=192.0.2.1 other-host=192.0.2.2 timeout=3000 "
		"loglevel=1}\n"
		"initiate {child=net loglevel=2}\n"
		"terminate {ike=psk child-id=5 ike-id=4 force=yes loglevel=1}\n");
	expect("-i --timeout soon", 1, "", "--timeout soon: wanted a number of seconds\n");
}
END_TEST

START_TEST(monitor_prints_children_as_they_come_and_go)
{
	const char *out, *err;

	ck_assert_int_ne(swanctl_run("--monitor-sa", &out, &err), 0);
	ck_assert_str_eq(out, sas_text);
	ck_assert_ptr_nonnull(strstr(err, "disconnected: "));
	ck_assert_int_ne(swanctl_run("-m --raw", &out, &err), 0);
	ck_assert_int_eq(strncmp(out, "child-updown event {psk {uniqueid=7 ", 36), 0);
}
END_TEST

START_TEST(what_strongswans_tool_keeps_to_itself_is_in_the_dump)
{
	expect("--flush-certs --type nosuch", 0, "", "");
	expect("--flush-certs --type nosuch --raw", 0,
		"flush-certs reply {success=no errmsg=no such type}\n", "");
}
END_TEST

START_TEST(long_options_may_be_abbreviated)
{
	expect("--reload", 0, "", "");
	expect("--flush --ty nosuch --ra", 0,
		"flush-certs reply {success=no errmsg=no such type}\n", "");
}
END_TEST

START_TEST(install_and_uninstall_say_how_it_went)
{
	expect("--install --child net", 1, "", "install failed: no\n");
	expect("--install --child net --raw", 1, "install reply {success=no errmsg=no}\n", "");
	expect("--uninstall --child net", 0, "uninstall completed successfully\n", "");
}
END_TEST

START_TEST(a_command_that_the_daemon_lacks_is_called_so)
{
	expect("--rekey --ike psk", 2, "", "rekey request failed: not supported by this daemon\n");
}
END_TEST

START_TEST(wrong_options_show_usage_and_fail)
{
	const char *out, *err;

	ck_assert_int_eq(swanctl_run("--list", &out, &err), 1);
	ck_assert_ptr_nonnull(strstr(err, "ambiguous"));
	ck_assert_ptr_nonnull(strstr(err, "Error: invalid operation\n"));
	ck_assert_int_eq(swanctl_run("--list-sas --bogus", &out, &err), 1);
	ck_assert_ptr_nonnull(strstr(err, "Error: invalid options\n"));
	ck_assert_ptr_nonnull(strstr(err, "swanctl-lite --list-sas [--ike <name>"));
	ck_assert_int_eq(swanctl_run("--help", &out, &err), 0);
	ck_assert_ptr_nonnull(strstr(
		out, "  swanctl-lite --counters         (-C)  list or reset IKE event counters\n"));
	ck_assert_int_eq(swanctl_run("--stats --help", &out, &err), 0);
	ck_assert_ptr_nonnull(strstr(out, "           --raw             (-r)  dump raw response"));
}
END_TEST

START_TEST(options_are_also_read_from_a_file)
{
	char path[64], arguments[128];

	snprintf(path, sizeof(path), "/tmp/swanctl-lite-options-%d", getpid());
	FILE *file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	fputs("--child \"a b\" # what\n-t --raw\n", file);
	fclose(file);
	snprintf(arguments, sizeof(arguments), "-P --options %s --pass", path);
	expect(arguments, 0,
		"list-policy event {psk/lan {child=lan ike=psk mode=PASS local-ts=[a b] "
		"remote-ts=[c]}}\n"
		"list-policies reply {}\n",
		"");
	ck_assert_str_eq(fake_daemon_requests(), "list-policies {child=a b trap=yes pass=yes}\n");
	unlink(path);
}
END_TEST

START_TEST(an_absent_daemon_is_named_with_its_socket)
{
	const char *out, *err;

	fake_daemon_stop();
	ck_assert_int_eq(swanctl_run("--stats", &out, &err), 2);
	ck_assert_ptr_nonnull(strstr(err, "connecting to 'unix:///tmp/"));
	ck_assert_ptr_nonnull(strstr(
		err, "failed: No such file or directory\nError: connecting to 'unix:///tmp/"));
	ck_assert_ptr_nonnull(strstr(err, "URI failed: No such file or directory\n"));
	/* who has the ports of this machine is not for a test to know */
	ck_assert_int_eq(swanctl_run("--explain", &out, &err), 2);
	ck_assert_ptr_nonnull(strstr(out, "no daemon:\n  1. "));
	ck_assert_ptr_nonnull(strstr(out, "    cure:    "));
	ck_assert_int_eq(swanctl_run("--explain --json", &out, &err), 2);
	ck_assert_ptr_nonnull(strstr(out, "{\"(daemon)\":{\"causes\":{\"1\":{\"cause\":\""));
	fake_daemon_start(answers);
}
END_TEST

START_TEST(who_holds_the_ports_says_why_there_is_no_daemon)
{
	static const char table[] =
		"   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   "
		"uid  "
		"timeout inode ref pointer drops\n"
		"  354: 00000000:01F4 00000000:0000 07 00000000:00000000 00:00000000 00000000     0"
		"        0 4711 2 0000000000000000 0\n"
		"  999: 0100007F:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000   101"
		"        0 42 2 0000000000000000 0\n";
	struct swanctl_holder holder = { 0 };

	ck_assert_uint_eq(swanctl_udp_inode(table, 500), 4711);
	ck_assert_uint_eq(swanctl_udp_inode(table, 53), 42);
	ck_assert_uint_eq(swanctl_udp_inode(table, 4500), 0);
	ck_assert_uint_eq(swanctl_udp_inode("", 500), 0);
	ck_assert_uint_eq(swanctl_absence_judge(&holder, ENOENT), SWANCTL_NOT_RUNNING);
	ck_assert_uint_eq(swanctl_absence_judge(&holder, EACCES), SWANCTL_NOT_PERMITTED);
	holder.no_xfrm = true;
	ck_assert_uint_eq(swanctl_absence_judge(&holder, ENOENT), SWANCTL_NO_XFRM);
	ck_assert_uint_eq(swanctl_absence_judge(&holder, EACCES), SWANCTL_NOT_PERMITTED);
	holder = (struct swanctl_holder){ .port = 500, .pid = 7, .program = "charon-systemd" };
	ck_assert_uint_eq(swanctl_absence_judge(&holder, ECONNREFUSED), SWANCTL_PORT_TAKEN);
	snprintf(holder.program, sizeof(holder.program), "charon-lite");
	ck_assert_uint_eq(swanctl_absence_judge(&holder, ENOENT), SWANCTL_SOCKET_ABSENT);
}
END_TEST

START_TEST(nonsense_from_the_daemon_never_crashes_it)
{
	static const char *const commands[] = { "--list-sas", "--stats",
		"--load-creds --file /dev/null", "--log" };
	static const uint8_t raw[][8] = { { 0, 0, 0, 0 }, { 0xff, 0xff, 0xff, 0xff },
		{ 0, 0, 0, 1, 99 }, { 0, 0, 0, 3, 1, 3, 9 }, { 0, 0, 0, 9, 1 } };

	for (size_t i = 0; i < sizeof(raw) / sizeof(*raw); i++) {
		fake_daemon_send_raw(bytes_of(raw[i], sizeof(raw[i])));
		for (size_t j = 0; j < sizeof(commands) / sizeof(*commands); j++) {
			const char *out, *err;
			int status = swanctl_run(commands[j], &out, &err);

			ck_assert_int_ge(status, 0);
			ck_assert_ptr_null(strstr(err, "Sanitizer"));
		}
	}
}
END_TEST

TCase *output_cases(void)
{
	TCase *c = tcase_create("output");

	tcase_add_checked_fixture(c, begin, fake_daemon_stop);
	tcase_set_timeout(c, 60);
	tcase_add_test(c, list_sas_prints_strongswans_text);
	tcase_add_test(c, list_conns_prints_strongswans_text);
	tcase_add_test(c, list_pols_prints_strongswans_text_and_filters);
	tcase_add_test(c, explain_says_cause_and_cure);
	tcase_add_test(c, short_lists_print_strongswans_text);
	tcase_add_test(c, leases_that_were_left_out_are_asked_for);
	tcase_add_test(c, messages_are_dumped_raw_pretty_and_as_json);
	tcase_add_test(c, monitor_prints_children_as_they_come_and_go);
	tcase_add_test(c, what_strongswans_tool_keeps_to_itself_is_in_the_dump);
	tcase_add_test(c, long_options_may_be_abbreviated);
	tcase_add_test(c, initiate_streams_the_log_and_says_why_it_failed);
	tcase_add_test(c, install_and_uninstall_say_how_it_went);
	tcase_add_test(c, a_command_that_the_daemon_lacks_is_called_so);
	tcase_add_test(c, wrong_options_show_usage_and_fail);
	tcase_add_test(c, options_are_also_read_from_a_file);
	tcase_add_test(c, an_absent_daemon_is_named_with_its_socket);
	tcase_add_test(c, who_holds_the_ports_says_why_there_is_no_daemon);
	tcase_add_test(c, nonsense_from_the_daemon_never_crashes_it);
	return c;
}
