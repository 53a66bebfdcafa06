/* Scripts of children that come up and go down: real processes, a made-up SA. */
#include "charon-lite/apparmor.h"
#include "charon-lite/updown.h"
#include "charon-lite/updown_environment.h"
#include "libike/virtual.h"
#include "testing/unit/charon-lite/suites.h"

#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define SELECTORS_MAX 4
#define PEERS 3

/* An IKE SA with one child, as far as scripts are told of it. */
struct peer {
	struct ike_connection *connection;
	struct ike_sa sa;
	struct ike_child child;
	struct ike_selector selectors[2 * SELECTORS_MAX];
};

static struct event_base *base;
static struct cl_log *log_of_test;
static struct cl_processes *processes;
static struct cl_updown *updown;
static struct peer peers[PEERS];
static char directory[] = "/tmp/charon-lite-XXXXXX";
static char said[64][600]; /* the log */
static unsigned said_count, lines_of_output;

static int level(void *context)
{
	(void)context;
	return IKE_LOG_INFO;
}

static void note(void *context, const struct ike_log *line)
{
	(void)context;
	if (strncmp(line->text, "updown: y", 9) == 0)
		lines_of_output++;
	else if (said_count < 64)
		snprintf(said[said_count++], sizeof(said[0]), "%s", line->text);
}

static bool was_said(const char *text)
{
	for (unsigned i = 0; i < said_count; i++) {
		if (strstr(said[i], text))
			return true;
	}
	return false;
}

static void idle(void *context)
{
	(void)context;
	event_base_loopbreak(base);
}

/* Until no script runs any more. */
static void run_all(void)
{
	if (!cl_updown_is_idle(updown))
		event_base_dispatch(base);
	ck_assert(cl_updown_is_idle(updown));
}

static void add_selectors(struct peer *p, const char *local, const char *remote)
{
	struct why why;

	ck_assert(ike_selector_parse(local, &p->selectors[0], &why));
	ck_assert(ike_selector_parse(remote, &p->selectors[1], &why));
	p->child.local_count = p->child.remote_count = 1;
}

/* Scripts work in the test's directory: $0 of none of them says where that is. */
static void make_peer(unsigned i, const char *name, const char *script)
{
	struct peer *p = &peers[i];
	struct ike_child_config *config;
	char text[1024];

	*p = (struct peer){ 0 };
	p->connection = ike_connection_new(name);
	config = ike_connection_add_child(p->connection, "net");
	snprintf(text, sizeof(text), "cd %s && { %s; }", directory, script);
	config->updown = strdup(text);
	p->sa.connection = p->connection;
	p->sa.unique_id = 7 + i;
	p->sa.local_id = ike_identity_parse("moon.lab", NULL);
	p->sa.remote_id = ike_identity_parse("C=CH, CN=sun", NULL);
	ck_assert(address_parse("192.0.2.1", &p->sa.local));
	ck_assert(address_parse("192.0.2.2", &p->sa.remote));
	p->sa.remote.port = 4500;
	p->child.sa = &p->sa;
	p->child.config = config;
	p->child.unique_id = 100 + i;
	p->child.reqid = 3;
	p->child.suite.protocol = IKE_PROTOCOL_ESP;
	p->child.selectors = p->selectors;
	add_selectors(p, "10.1.0.0/16", "10.2.0.0/16");
}

static void tell(unsigned i, uint8_t kind)
{
	const struct ike_event event = {
		.kind = kind, .sa = &peers[i].sa, .child = &peers[i].child
	};

	cl_updown_event(updown, &event);
}

static char *content(const char *file)
{
	static char text[8192];
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", directory, file);
	FILE *f = fopen(path, "r");
	if (!f)
		return NULL;
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	return text;
}

/* eth1 has the peers' local address, when there is one. */
static bool has_interface;
static bool interface_of(void *context, const struct address *address, char ret[IF_NAMESIZE])
{
	(void)context;
	if (!has_interface || !address_same_host(address, &peers[0].sa.local))
		return false;
	snprintf(ret, IF_NAMESIZE, "eth1");
	return true;
}

static void open_updown(uint32_t limit)
{
	const struct cl_updown_config config = {
		.processes = processes, .limit = limit, .interface = interface_of, .idle = idle
	};
	struct why why;

	cl_updown_close(updown);
	ck_assert(cl_updown_open(log_of_test, &config, &updown, &why));
}

static void setup(void)
{
	strcpy(directory + strlen(directory) - 6, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	base = event_base_new();
	log_of_test = cl_log_new();
	cl_log_listen(log_of_test, level, note, NULL);
	said_count = lines_of_output = 0;
	has_interface = false;
	ck_assert(cl_processes_open(base, &processes, NULL));
	open_updown(60);
}

static void teardown(void)
{
	char command[128];

	cl_updown_close(updown);
	updown = NULL;
	cl_processes_close(processes);
	for (unsigned i = 0; i < PEERS; i++) {
		ike_identity_free(peers[i].sa.local_id);
		ike_identity_free(peers[i].sa.remote_id);
		ike_connection_free(peers[i].connection);
		peers[i] = (struct peer){ 0 };
	}
	cl_log_free(log_of_test);
	event_base_free(base);
	snprintf(command, sizeof(command), "rm -r %s", directory);
	ck_assert_int_eq(system(command), 0);
}

/* What strongSwan 6.0.1 gives its scripts for the like (scene updown of the lab compares). */
START_TEST(a_script_gets_the_variables_and_nothing_else)
{
	struct ike_child_config *config;

	setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
	make_peer(0, "gw", "env | grep -v PWD= | LC_ALL=C sort >seen");
	config = peers[0].connection->children[0];
	config->hostaccess = true;
	peers[0].child.udp_encapsulation = true;
	peers[0].child.mark_in = (struct ike_mark){ 42, UINT32_MAX };
	peers[0].child.if_id_out = 6;
	add_selectors(&peers[0], "10.1.8.0-10.1.11.254[udp/1000-1001]", "10.2.0.0/16[udp/53]");
	tell(0, IKE_EVENT_CHILD_UP);
	run_all();
	ck_assert_str_eq(content("seen"), "PATH=/usr/sbin:/usr/bin:/sbin:/bin\n"
					  "PLUTO_CONNECTION=net\n"
					  "PLUTO_HOST_ACCESS=1\n"
					  "PLUTO_IF_ID_OUT=6\n"
					  "PLUTO_INTERFACE=unknown\n"
					  "PLUTO_MARK_IN=42/0xffffffff\n"
					  "PLUTO_ME=192.0.2.1\n"
					  "PLUTO_MY_CLIENT=10.1.8.0/22\n"
					  "PLUTO_MY_ID=moon.lab\n"
					  "PLUTO_MY_PORT=1000:1001\n"
					  "PLUTO_MY_PROTOCOL=17\n"
					  "PLUTO_PEER=192.0.2.2\n"
					  "PLUTO_PEER_CLIENT=10.2.0.0/16\n"
					  "PLUTO_PEER_ID=C=CH, CN=sun\n"
					  "PLUTO_PEER_PORT=53\n"
					  "PLUTO_PEER_PROTOCOL=17\n"
					  "PLUTO_PROTO=esp\n"
					  "PLUTO_REQID=3\n"
					  "PLUTO_UDP_ENC=4500\n"
					  "PLUTO_UNIQUEID=7\n"
					  "PLUTO_VERB=up-client\n"
					  "PLUTO_VERSION=1.1\n");
}
END_TEST

/* Rules for each user are made of it; it is the same when the child goes down. */
START_TEST(scripts_hear_who_the_user_is_and_on_which_interface)
{
	make_peer(0, "gw", "echo $PLUTO_VERB $PLUTO_XAUTH_ID $PLUTO_INTERFACE >>seen");
	peers[0].sa.remote_eap_id = ike_identity_parse("carol@example.org", NULL);
	has_interface = true;
	tell(0, IKE_EVENT_CHILD_UP);
	has_interface = false;
	tell(0, IKE_EVENT_CHILD_DOWN);
	run_all();
	ck_assert_str_eq(content("seen"), "up-client carol@example.org eth1\n"
					  "down-client carol@example.org eth1\n");
	ike_identity_free(peers[0].sa.remote_eap_id);
}
END_TEST

START_TEST(scripts_hear_of_virtual_addresses_and_dns_servers)
{
	struct ike_virtual_address ours[2] = { 0 }, theirs[1] = { 0 };
	struct ike_virtual v = { .ours = ours, .our_count = 2, .theirs = theirs, .their_count = 1 };
	struct why why;

	ck_assert(address_parse("10.3.0.1", &ours[0].address));
	ck_assert(address_parse("2001:db8:3::1", &ours[1].address));
	ck_assert(address_parse("10.4.0.9", &theirs[0].address));
	ck_assert(ike_attributes_add_text(&v.attributes, "dns", "10.2.0.53", &why));
	ck_assert(ike_attributes_add_text(&v.attributes, "nbns", "10.2.0.54", &why));
	ck_assert(ike_attributes_add_text(&v.attributes, "dns", "2001:db8::53", &why));
	ck_assert(ike_attributes_add_text(&v.attributes, "dns", "10.2.0.55", &why));
	ck_assert(ike_attributes_add_text(&v.attributes, "split_dns", "Example.org.", &why));
	ck_assert(ike_attributes_add_text(&v.attributes, "25", "corp.example", &why));
	make_peer(0, "gw", "env | grep -E 'SOURCEIP|DNS' | LC_ALL=C sort >seen");
	peers[0].sa.virtual = &v;
	tell(0, IKE_EVENT_CHILD_UP);
	run_all();
	ck_assert_str_eq(content("seen"), "PLUTO_DNS4_1=10.2.0.53\n"
					  "PLUTO_DNS4_2=10.2.0.55\n"
					  "PLUTO_DNS6_1=2001:db8::53\n"
					  "PLUTO_DNS_DOMAIN_1=example.org\n"
					  "PLUTO_DNS_DOMAIN_2=corp.example\n"
					  "PLUTO_MY_SOURCEIP4_1=10.3.0.1\n"
					  "PLUTO_MY_SOURCEIP6_1=2001:db8:3::1\n"
					  "PLUTO_MY_SOURCEIP=10.3.0.1\n"
					  "PLUTO_PEER_SOURCEIP4_1=10.4.0.9\n"
					  "PLUTO_PEER_SOURCEIP=10.4.0.9\n");
	ike_attributes_free(&v.attributes);
	peers[0].sa.virtual = NULL;
}
END_TEST

START_TEST(icmp_type_and_code_stand_where_the_ports_do)
{
	make_peer(0, "gw", "echo $PLUTO_MY_PORT $PLUTO_PEER_PORT >seen");
	add_selectors(&peers[0], "10.1.0.0/16", "10.2.0.0/16[icmp/2049]");
	tell(0, IKE_EVENT_CHILD_UP);
	run_all();
	ck_assert_str_eq(content("seen"), "8 1\n");
}
END_TEST

START_TEST(the_verb_names_event_host_and_family)
{
	make_peer(0, "gw", "echo $PLUTO_VERB $PLUTO_MY_CLIENT >>seen");
	add_selectors(&peers[0], "192.0.2.1[tcp/80]", "10.2.0.0/16");
	ck_assert(ike_selector_parse("fd01::/64", &peers[0].selectors[2], NULL));
	peers[0].selectors[3] = peers[0].selectors[1];
	peers[0].selectors[1] = peers[0].selectors[2];
	peers[0].selectors[2] = peers[0].selectors[3];
	ck_assert(ike_selector_parse("fd02::/64", &peers[0].selectors[3], NULL));
	peers[0].child.local_count = peers[0].child.remote_count = 2;
	tell(0, IKE_EVENT_CHILD_UP);
	tell(0, IKE_EVENT_CHILD_DOWN);
	run_all();
	ck_assert_str_eq(content("seen"), "up-host 192.0.2.1/32\nup-client-v6 fd01::/64\n"
					  "down-host 192.0.2.1/32\ndown-client-v6 fd01::/64\n");
}
END_TEST

START_TEST(scripts_of_a_connection_run_one_after_the_other_in_order)
{
	/* "begin" of one must not stand between "begin" and "end" of another */
	make_peer(0, "gw", "echo begin $PLUTO_VERB >>seen; sleep 0.02; echo end >>seen");
	make_peer(1, "gw", "echo begin $PLUTO_VERB second >>seen; echo end >>seen");
	tell(0, IKE_EVENT_CHILD_UP);
	tell(1, IKE_EVENT_CHILD_UP);
	tell(0, IKE_EVENT_CHILD_DOWN);
	tell(1, IKE_EVENT_CHILD_DOWN);
	run_all();
	ck_assert_str_eq(content("seen"),
		"begin up-client\nend\nbegin up-client second\nend\n"
		"begin down-client\nend\nbegin down-client second\nend\n");
}
END_TEST

/* The first waits for what the second does: one after the other they would not end. */
START_TEST(scripts_of_different_connections_run_at_the_same_time)
{
	make_peer(0, "slow",
		"for i in $(seq 2000); do [ -e go ] && break; sleep 0.01; done; echo slow >>seen");
	make_peer(1, "quick", "echo quick >>seen; : >go");
	tell(0, IKE_EVENT_CHILD_UP);
	tell(1, IKE_EVENT_CHILD_UP);
	run_all();
	ck_assert_str_eq(content("seen"), "quick\nslow\n");
}
END_TEST

START_TEST(a_script_that_takes_too_long_is_killed_with_what_it_started)
{
	int status;

	open_updown(1);
	prctl(PR_SET_CHILD_SUBREAPER, 1); /* so that its children become ours */
	make_peer(0, "gw",
		"case $PLUTO_VERB in up*) sleep 60 & echo $! >pid; wait;; *) : >down;; esac");
	tell(0, IKE_EVENT_CHILD_UP);
	tell(0, IKE_EVENT_CHILD_DOWN);
	run_all();
	ck_assert(was_said("updown: script still ran after 1 s: killed"));
	ck_assert_ptr_nonnull(content("down"));
	ck_assert_int_gt(waitpid(atoi(content("pid")), &status, 0), 0);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}
END_TEST

START_TEST(a_script_that_left_its_process_group_is_killed_all_the_same)
{
	open_updown(1);
	make_peer(0, "gw",
		"exec python3 -c 'import os, time; os.setpgid(0, os.getpgid(os.getppid())); "
		"time.sleep(1000)'");
	tell(0, IKE_EVENT_CHILD_UP);
	run_all();
	ck_assert(was_said("updown: script still ran after 1 s: killed"));
}
END_TEST

START_TEST(what_a_script_prints_is_logged_and_bounded)
{
	make_peer(0, "gw",
		"echo to stdout; echo to stderr >&2; printf 'a\\033b'; echo; yes | head -n 200000");
	tell(0, IKE_EVENT_CHILD_UP);
	run_all();
	ck_assert_str_eq(said[0], "updown: to stdout");
	ck_assert_str_eq(said[1], "updown: to stderr");
	ck_assert_str_eq(said[2], "updown: a?b");
	ck_assert_str_eq(said[3], "updown: more than 100 lines: the others are not shown");
	ck_assert_uint_eq(lines_of_output, 97);
	ck_assert_uint_eq(said_count, 4);
}
END_TEST

START_TEST(a_failing_script_is_logged_and_the_next_runs)
{
	make_peer(0, "gw", "[ $PLUTO_VERB = down-client ] && : >down || { printf half; exit 3; }");
	tell(0, IKE_EVENT_CHILD_UP);
	tell(0, IKE_EVENT_CHILD_DOWN);
	run_all();
	ck_assert_str_eq(said[0], "updown: half");
	ck_assert_str_eq(said[1], "updown: script failed with exit code 3");
	ck_assert_ptr_nonnull(content("down"));
}
END_TEST

START_TEST(what_cannot_be_executed_is_said_to_be_so)
{
	make_peer(0, "gw", ": >program && chmod 600 program && exec ./program");
	tell(0, IKE_EVENT_CHILD_UP);
	run_all();
	ck_assert(was_said("updown: script failed with exit code 126: not executable"));
}
END_TEST

static void write_label(const char *label)
{
	FILE *file = fopen("label", "w");

	ck_assert_ptr_nonnull(file);
	fputs(label, file);
	fclose(file);
}

START_TEST(apparmor_is_named_where_it_confines)
{
	char text[CL_APPARMOR_HINT_MAX];

	ck_assert_int_eq(chdir(directory), 0);
	write_label("/usr/sbin/charon-lite (enforce)\n");
	ck_assert_ptr_nonnull(strstr(cl_apparmor_hint_from("label", text),
		"AppArmor's profile /usr/sbin/charon-lite may be why"));
	write_label("vpn//script (enforce)");
	ck_assert_ptr_nonnull(strstr(cl_apparmor_hint_from("label", text), " vpn//script may"));
	write_label("/usr/sbin/charon-lite (complain)\n");
	ck_assert_str_eq(cl_apparmor_hint_from("label", text), "");
	write_label("unconfined\n");
	ck_assert_str_eq(cl_apparmor_hint_from("label", text), "");
	write_label("system_u:system_r:ipsec_t:s0");
	ck_assert_str_eq(cl_apparmor_hint_from("label", text), "");
	write_label(" (enforce)");
	ck_assert_str_eq(cl_apparmor_hint_from("label", text), "");
	ck_assert_int_eq(unlink("label"), 0);
	ck_assert_str_eq(cl_apparmor_hint_from("label", text), "");
}
END_TEST

START_TEST(no_descriptor_and_no_blocked_signal_is_passed_on)
{
	sigset_t blocked, before;

	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR1);
	sigprocmask(SIG_BLOCK, &blocked, &before);
	signal(SIGUSR2, SIG_IGN);
	ck_assert_int_eq(dup2(STDERR_FILENO, 50), 50);
	make_peer(0, "gw",
		"while read -r name set; do case $name in SigBlk:|SigIgn:) echo $((0x$set & "
		"0x7fffffff));; esac; done </proc/self/status >seen; [ -e /proc/$$/fd/50 ] || : "
		">closed; "
		"cat >>seen");
	tell(0, IKE_EVENT_CHILD_UP);
	run_all();
	sigprocmask(SIG_SETMASK, &before, NULL);
	close(50);
	ck_assert_ptr_nonnull(content("closed"));
	ck_assert_str_eq(content("seen"), "0\n0\n");
}
END_TEST

START_TEST(a_rekeyed_child_goes_down_once)
{
	struct ike_child newer;

	make_peer(0, "gw", "echo $PLUTO_VERB >>seen");
	tell(0, IKE_EVENT_CHILD_UP);
	newer = peers[0].child;
	newer.unique_id = 900;
	cl_updown_event(updown, &(struct ike_event){ .kind = IKE_EVENT_CHILD_REKEY,
					.sa = &peers[0].sa,
					.child = &peers[0].child,
					.other_child = &newer });
	tell(0, IKE_EVENT_CHILD_DOWN); /* the old one: its place is taken */
	run_all();
	ck_assert_str_eq(content("seen"), "up-client\n");
	peers[0].child.unique_id = 900;
	tell(0, IKE_EVENT_CHILD_DOWN);
	run_all();
	ck_assert_str_eq(content("seen"), "up-client\ndown-client\n");
}
END_TEST

/* A script that hangs while its tunnel flaps a thousand times. */
START_TEST(a_flapping_tunnel_does_not_pile_up_scripts)
{
	make_peer(0, "gw",
		"for i in $(seq 2000); do [ -e go ] && break; sleep 0.01; done; echo $PLUTO_VERB "
		">>seen");
	for (uint32_t i = 0; i < 1000; i++) {
		peers[0].child.unique_id = i;
		tell(0, IKE_EVENT_CHILD_UP);
		if (i < 999)
			tell(0, IKE_EVENT_CHILD_DOWN);
	}
	ck_assert(was_said("slower than its tunnels come and go"));
	make_peer(1, "other", ": >go");
	tell(1, IKE_EVENT_CHILD_UP);
	run_all();
	const char *seen = content("seen");
	unsigned lines = 0;
	for (const char *at = seen; (at = strchr(at, '\n')); at++)
		lines++;
	ck_assert_uint_eq(lines, 65);
	ck_assert_str_eq(seen + strlen(seen) - 10, "up-client\n");
}
END_TEST

START_TEST(at_the_end_what_runs_is_killed)
{
	make_peer(0, "gw", "sleep 60");
	tell(0, IKE_EVENT_CHILD_UP);
	tell(0, IKE_EVENT_CHILD_DOWN);
	cl_updown_close(updown);
	updown = NULL;
	ck_assert(was_said("updown: script still runs: killed"));
	ck_assert(was_said("updown: 1 scripts that waited for their turn do not run"));
	ck_assert_int_eq(waitpid(-1, NULL, 0), -1);
}
END_TEST

TCase *updown_cases(void)
{
	TCase *tests = tcase_create("updown");

	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, a_script_gets_the_variables_and_nothing_else);
	tcase_add_test(tests, scripts_hear_who_the_user_is_and_on_which_interface);
	tcase_add_test(tests, scripts_hear_of_virtual_addresses_and_dns_servers);
	tcase_add_test(tests, icmp_type_and_code_stand_where_the_ports_do);
	tcase_add_test(tests, the_verb_names_event_host_and_family);
	tcase_add_test(tests, scripts_of_a_connection_run_one_after_the_other_in_order);
	tcase_add_test(tests, scripts_of_different_connections_run_at_the_same_time);
	tcase_add_test(tests, a_script_that_takes_too_long_is_killed_with_what_it_started);
	tcase_add_test(tests, a_script_that_left_its_process_group_is_killed_all_the_same);
	tcase_add_test(tests, what_a_script_prints_is_logged_and_bounded);
	tcase_add_test(tests, a_failing_script_is_logged_and_the_next_runs);
	tcase_add_test(tests, what_cannot_be_executed_is_said_to_be_so);
	tcase_add_test(tests, apparmor_is_named_where_it_confines);
	tcase_add_test(tests, no_descriptor_and_no_blocked_signal_is_passed_on);
	tcase_add_test(tests, a_rekeyed_child_goes_down_once);
	tcase_add_test(tests, a_flapping_tunnel_does_not_pile_up_scripts);
	tcase_add_test(tests, at_the_end_what_runs_is_killed);
	return tests;
}
