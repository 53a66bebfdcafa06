/* The daemon as a process: starting, refusing to start, reloading, stopping. */
#include "testing/unit/charon-lite/running.h"
#include "testing/unit/charon-lite/suites.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

START_TEST(it_starts_says_that_nothing_is_protected_and_stops)
{
	struct running r;
	struct stat status;

	running_start(&r, NULL);
	ck_assert_int_eq(stat(r.socket, &status), 0);
	ck_assert_uint_eq(status.st_mode & 0777, 0660);
	ck_assert_int_eq(running_stop(&r), 0);
	ck_assert_int_ne(access(r.socket, F_OK), 0);
}
END_TEST

START_TEST(a_second_one_refuses_and_leaves_the_first_alone)
{
	struct running r;

	running_start(&r, NULL);
	ck_assert_int_eq(running_start_again(&r), 1);
	ck_assert_msg(strstr(r.last_line, "another daemon listens on") != NULL, "%s", r.last_line);
	struct vici_client *c = running_client(&r);
	ck_assert(vici_is(vici_get(call(c, "version"), "daemon"), "charon-lite"));
	vici_client_free(c);
	ck_assert_int_eq(running_stop(&r), 0);
}
END_TEST

/* What a daemon that was killed leaves. */
START_TEST(a_stale_socket_is_replaced)
{
	struct running r;

	running_start(&r, NULL);
	running_kill(&r);
	ck_assert_int_eq(access(r.socket, F_OK), 0);
	running_start_in_place(&r);
	ck_assert_int_eq(running_stop(&r), 0);
}
END_TEST

START_TEST(a_file_in_the_sockets_place_is_not_removed)
{
	struct running r;

	running_start(&r, NULL);
	ck_assert_int_eq(unlink(r.socket), 0);
	FILE *file = fopen(r.socket, "w");
	fclose(file);
	ck_assert_int_eq(running_start_again(&r), 1);
	ck_assert_msg(strstr(r.last_line, "is not a socket") != NULL, "%s", r.last_line);
	kill(r.pid, SIGTERM);
	running_expect(&r, "stopped");
	ck_assert_int_eq(access(r.socket, F_OK), 0); /* not the one it made: it stays */
	unlink(r.socket);
	running_stop(&r);
}
END_TEST

/* settings: of plugins, beside the sockets */
static void write_plugins(const struct running *r, const char *sockets, const char *settings)
{
	FILE *file = fopen(r->conf, "w");

	ck_assert_ptr_nonnull(file);
	fprintf(file,
		"charon-lite {\n port = 0\n port_nat_t = 0\n"
		" plugins { vici { socket = %s }\n %s }\n}\n",
		sockets, settings);
	fclose(file);
}

static void write_sockets(const struct running *r, const char *sockets)
{
	write_plugins(r, sockets, "");
}

static void expect_version(const char *uri)
{
	struct why why;
	struct vici_client *c = vici_client_connect(uri, &why);

	ck_assert_msg(c != NULL, "%s", why.text);
	ck_assert(vici_is(vici_get(call(c, "version"), "daemon"), "charon-lite"));
	vici_client_free(c);
}

/* An address of the loopback that is this process's own, so that no port is fought for. */
static const char *own_loopback(char text[32])
{
	unsigned n = (unsigned)getpid();

	snprintf(text, 32, "127.%u.%u.%u", 1 + n / 62500 % 250, n / 250 % 250, 1 + n % 250);
	return text;
}

START_TEST(it_listens_on_the_loopback_beside_its_socket_and_warns)
{
	char sockets[256], uri[64], host[32];
	struct running r;

	running_start(&r, NULL);
	running_kill(&r);
	snprintf(uri, sizeof(uri), "tcp://%s:4502", own_loopback(host));
	snprintf(sockets, sizeof(sockets), "%s, %s", r.uri, uri);
	write_sockets(&r, sockets);
	running_spawn(&r);
	running_expect(&r, "ANYBODY ON THIS MACHINE controls this daemon");
	running_expect(&r, "ready:");
	expect_version(r.uri);
	expect_version(uri);
	*strrchr(uri, ':') = '\0';
	expect_version(uri); /* 4502 goes without saying */
	/* Another one may have neither. */
	write_sockets(&r, uri);
	ck_assert_int_eq(running_start_again(&r), 1);
	ck_assert_msg(strstr(r.last_line, "in use") != NULL, "%s", r.last_line);
	expect_version(r.uri);
	ck_assert_int_eq(running_stop(&r), 0);
	ck_assert_int_ne(access(r.socket, F_OK), 0);
}
END_TEST

static void expect_keys(const char *uri, const char *refusal)
{
	struct vici_builder b = { 0 };
	struct vici_client *c = vici_client_connect(uri, NULL);

	ck_assert_ptr_nonnull(c);
	vici_key_text(&b, "ike", "home");
	struct vici_view answer = call_with(c, "save-keys", &b);
	if (refusal)
		expect_failure(answer, refusal);
	else
		ck_assert(!vici_present(vici_find(answer, "errmsg")));
	vici_client_free(c);
}

START_TEST(keys_are_handed_out_only_where_settings_allow_it_and_never_by_tcp)
{
	char sockets[256], uri[64], host[32];
	struct running r;

	running_start(&r, NULL);
	expect_keys(r.uri, "not allowed: strongswan.conf would have to say");
	running_kill(&r);
	snprintf(uri, sizeof(uri), "tcp://%s:4502", own_loopback(host));
	snprintf(sockets, sizeof(sockets), "%s, %s", r.uri, uri);
	write_plugins(&r, sockets, "save-keys { ike = yes\n esp = yes }");
	running_start_in_place(&r);
	expect_keys(r.uri, "not allowed: strongswan.conf would have to say");
	running_kill(&r);
	write_plugins(&r, sockets, "save-keys { load = yes\n esp = yes }");
	running_start_in_place(&r);
	expect_keys(uri, "not allowed by TCP");
	expect_keys(r.uri, NULL);
	ck_assert_int_eq(running_stop(&r), 0);
}
END_TEST

START_TEST(it_listens_nowhere_but_on_the_loopback)
{
	static const struct {
		const char *sockets, *why;
	} refused[] = {
		{ "tcp://0.0.0.0:4502", "only addresses of this machine's loopback" },
		{ "tcp://192.0.2.1:4502", "only addresses of this machine's loopback" },
		{ "tcp://128.0.0.1", "only addresses of this machine's loopback" },
		{ "tcp://[::]:4502", "only addresses of this machine's loopback" },
		{ "tcp://[2001:db8::1]:4502", "only addresses of this machine's loopback" },
		{ "tcp://moon.example.org:4502", "is not an address with a port" },
		{ "tcp://127.0.0.1:65536", "is not an address with a port" },
		{ "tcp://127.0.0.1:0", "is not an address with a port" },
		{ "tcp://", "is not an address with a port" },
		{ "udp://127.0.0.1:4502", "is neither unix://path nor tcp://address:port" },
	};
	char sockets[256];
	struct running r;

	running_start(&r, NULL);
	running_kill(&r);
	unlink(r.socket);
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		/* Nor then where it might: all or none. */
		snprintf(sockets, sizeof(sockets), "%s, %s", r.uri, refused[i].sockets);
		write_sockets(&r, sockets);
		ck_assert_int_eq(running_start_again(&r), 1);
		ck_assert_msg(
			strstr(r.last_line, refused[i].why) != NULL, "%zu: %s", i, r.last_line);
		ck_assert_int_ne(access(r.socket, F_OK), 0);
	}
	unlink(r.conf);
	rmdir(r.directory);
}
END_TEST

START_TEST(wrong_settings_keep_it_from_starting_with_file_and_line)
{
	struct running r;

	running_start(&r, NULL);
	FILE *file = fopen(r.conf, "w");
	fputs("charon {\n port = many\n}\n", file);
	fclose(file);
	ck_assert_int_eq(running_start_again(&r), 1);
	ck_assert_msg(strstr(r.last_line, "conf:2: port = many") != NULL, "%s", r.last_line);
	/* And the running one keeps what it has. */
	struct vici_client *c = running_client(&r);
	expect_failure(call(c, "reload-settings"), "port = many");
	kill(r.pid, SIGHUP);
	running_expect(&r, "settings stay as they were");
	vici_client_free(c);
	ck_assert_int_eq(running_stop(&r), 0);
}
END_TEST

START_TEST(settings_are_reloaded_by_signal_and_command)
{
	struct running r;

	running_start(&r, NULL);
	FILE *file = fopen(r.conf, "a");
	fputs("charon {\n retransmit_tries = 1\n spi_label = 1\n}\n", file);
	fclose(file);
	kill(r.pid, SIGHUP);
	running_expect(&r, "spi_label has no effect");
	running_expect(&r, "settings reloaded");
	struct vici_client *c = running_client(&r);
	expect_success(call(c, "reload-settings"));
	running_expect(&r, "settings reloaded");
	vici_client_free(c);
	ck_assert_int_eq(running_stop(&r), 0);
}
END_TEST

START_TEST(interfaces_that_are_not_there_are_said_at_the_start)
{
	struct running r;

	running_start(&r, "interfaces_use = nosuch0, lo\n install_virtual_ip_on = nosuch1");
	running_kill(&r);
	running_spawn(&r);
	running_expect(&r, "charon.interfaces_use: there is no interface 'nosuch0' now");
	running_expect(&r, "install_virtual_ip_on: there is no interface 'nosuch1' now");
	running_expect(&r, "ready:");
	ck_assert_int_eq(running_stop(&r), 0);
}
END_TEST

START_TEST(wrong_options_are_an_error_of_usage)
{
	static const char *const lines[] = { "--kernel foo", "--nonsense", "extra" };
	char command[512];

	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		snprintf(command, sizeof(command), "%s %s 2>/dev/null", getenv("CHARON_LITE"),
			lines[i]);
		ck_assert_int_eq(WEXITSTATUS(system(command)), 2);
	}
	snprintf(command, sizeof(command), "%s --version >/dev/null", getenv("CHARON_LITE"));
	ck_assert_int_eq(WEXITSTATUS(system(command)), 0);
	snprintf(command, sizeof(command), "%s --help >/dev/null", getenv("CHARON_LITE"));
	ck_assert_int_eq(WEXITSTATUS(system(command)), 0);
}
END_TEST

TCase *process_cases(void)
{
	TCase *tests = tcase_create("process");

	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, it_starts_says_that_nothing_is_protected_and_stops);
	tcase_add_test(tests, a_second_one_refuses_and_leaves_the_first_alone);
	tcase_add_test(tests, a_stale_socket_is_replaced);
	tcase_add_test(tests, a_file_in_the_sockets_place_is_not_removed);
	tcase_add_test(tests, it_listens_on_the_loopback_beside_its_socket_and_warns);
	tcase_add_test(tests, keys_are_handed_out_only_where_settings_allow_it_and_never_by_tcp);
	tcase_add_test(tests, it_listens_nowhere_but_on_the_loopback);
	tcase_add_test(tests, wrong_settings_keep_it_from_starting_with_file_and_line);
	tcase_add_test(tests, settings_are_reloaded_by_signal_and_command);
	tcase_add_test(tests, interfaces_that_are_not_there_are_said_at_the_start);
	tcase_add_test(tests, wrong_options_are_an_error_of_usage);
	return tests;
}
