/* The client against a scripted daemon: a thread that sends given bytes, whatever it is asked. */
#include "libvici/client.h"
#include "testing/unit/libvici/suites.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct {
	char path[64];
	int fd;
	pthread_t thread;
	struct bytes script;
	bool keep_open;
	uint8_t received[4096];
	size_t received_length;
} daemon_;

static void *daemon_run(void *unused)
{
	int fd = accept(daemon_.fd, NULL, NULL);
	struct bytes out = daemon_.script;
	ssize_t n;

	(void)unused;
	while (out.length > 0 && (n = send(fd, out.at, out.length, MSG_NOSIGNAL)) > 0)
		out = bytes_of(out.at + n, out.length - (size_t)n);
	if (!daemon_.keep_open)
		shutdown(fd, SHUT_WR);
	while ((n = recv(fd, daemon_.received + daemon_.received_length,
			sizeof(daemon_.received) - daemon_.received_length, 0)) > 0)
		daemon_.received_length += (size_t)n;
	close(fd);
	return NULL;
}

static void daemon_listen(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(daemon_.path, sizeof(daemon_.path), "/tmp/libvici-client-%d", getpid());
	strcpy(address.sun_path, daemon_.path);
	unlink(daemon_.path);
	daemon_.fd = socket(AF_UNIX, SOCK_STREAM, 0);
	ck_assert_int_eq(bind(daemon_.fd, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(listen(daemon_.fd, 1), 0);
}

static void daemon_close(void)
{
	close(daemon_.fd);
	unlink(daemon_.path);
}

static struct vici_client *daemon_start(const void *script, size_t length, bool keep_open)
{
	struct why why;
	char uri[80];

	daemon_.script = bytes_of(script, length);
	daemon_.keep_open = keep_open;
	daemon_.received_length = 0;
	ck_assert_int_eq(pthread_create(&daemon_.thread, NULL, daemon_run, NULL), 0);
	snprintf(uri, sizeof(uri), "unix://%s", daemon_.path);
	struct vici_client *c = vici_client_connect(uri, &why);
	ck_assert_msg(c != NULL, "%s", c ? "" : why.text);
	return c;
}

static void daemon_stop(struct vici_client *c)
{
	vici_client_free(c);
	pthread_join(daemon_.thread, NULL);
}

#define SCRIPT(text) text, sizeof(text) - 1

START_TEST(a_command_gets_its_answer)
{
	static const char request[] = "\0\0\0\x0f\0\7version\3\1a\0\1b";
	struct vici_client *c = daemon_start(SCRIPT("\0\0\0\7\1\3\1k\0\1v"), true);
	struct vici_builder arguments = { 0 };
	struct vici_view answer;

	vici_key_text(&arguments, "a", "b");
	struct vici_call call = { .command = "version", .arguments = &arguments };
	ck_assert_int_eq(vici_client_call(c, &call, &answer, NULL), VICI_OK);
	ck_assert(vici_is(vici_get(answer, "k"), "v"));
	vici_builder_free(&arguments);
	daemon_stop(c);
	ck_assert(bytes_equal(bytes_of(daemon_.received, daemon_.received_length),
		bytes_of(request, sizeof(request) - 1)));
}
END_TEST

static void count_event(void *context, struct bytes name, struct vici_view message)
{
	unsigned *count = context;

	ck_assert(vici_is(name, "e"));
	ck_assert(vici_is(vici_get(message, "n"), ++*count == 1 ? "1" : "2"));
}

START_TEST(events_are_streamed_before_the_answer)
{
	static const char *const events[] = { "e" };
	struct vici_client *c = daemon_start(SCRIPT("\0\0\0\1\5"
						    "\0\0\0\x9\7\1e\3\1n\0\1"
						    "1"
						    "\0\0\0\x9\7\1e\3\1n\0\1"
						    "2"
						    "\0\0\0\7\1\3\1k\0\1v"
						    "\0\0\0\3\7\1e" /* late: not for us */
						    "\0\0\0\1\5"),
		true);
	unsigned count = 0;
	struct vici_call call = { "x", NULL, events, 1, count_event, &count };
	struct vici_view answer;

	ck_assert_int_eq(vici_client_call(c, &call, &answer, NULL), VICI_OK);
	ck_assert_uint_eq(count, 2);
	ck_assert(vici_is(vici_get(answer, "k"), "v"));
	daemon_stop(c);
}
END_TEST

START_TEST(what_the_daemon_does_not_know_is_told_apart)
{
	static const char *const events[] = { "known", "unknown" };
	struct vici_client *c =
		daemon_start(SCRIPT("\0\0\0\1\2\0\0\0\1\5\0\0\0\1\6\0\0\0\1\5"), true);
	struct vici_call call = { .command = "x" };
	struct vici_view answer;

	ck_assert_int_eq(vici_client_call(c, &call, &answer, NULL), VICI_UNKNOWN_COMMAND);
	ck_assert(!vici_present(answer));
	call.events = events;
	call.event_count = 2;
	ck_assert_int_eq(vici_client_call(c, &call, &answer, NULL), VICI_UNKNOWN_EVENT);
	daemon_stop(c);
}
END_TEST

START_TEST(nonsense_from_the_daemon_ends_the_call)
{
	static const struct {
		const char *script;
		size_t length;
	} scripts[] = {
		{ SCRIPT("") },
		{ SCRIPT("\0\0") },
		{ SCRIPT("\0\0\0\0") },
		{ SCRIPT("\xff\xff\xff\xff") },
		{ SCRIPT("\0\0\0\5\1\3") },
		{ SCRIPT("\0\0\0\1\x63") },
		{ SCRIPT("\0\0\0\2\1\2") },
		{ SCRIPT("\0\0\0\1\5") },
		{ SCRIPT("\0\0\0\2\0\0") },
		{ SCRIPT("\0\0\0\3\7\5x") },
	};

	for (size_t i = 0; i < sizeof(scripts) / sizeof(*scripts); i++) {
		struct vici_client *c = daemon_start(scripts[i].script, scripts[i].length, false);
		struct vici_call call = { .command = "x" };
		struct vici_view answer;
		struct why why = { "" };

		ck_assert_int_eq(vici_client_call(c, &call, &answer, &why), VICI_FAILED);
		ck_assert(!vici_present(answer));
		ck_assert_str_ne(why.text, "");
		ck_assert_int_eq(vici_client_call(c, &call, &answer, &why), VICI_FAILED);
		ck_assert_ptr_nonnull(strstr(why.text, "broken"));
		daemon_stop(c);
	}
}
END_TEST

START_TEST(a_silent_daemon_runs_into_the_timeout)
{
	struct vici_client *c = daemon_start("", 0, true);
	struct vici_call call = { .command = "x" };
	struct why why;

	vici_client_set_timeout(c, 10);
	ck_assert_int_eq(vici_client_call(c, &call, NULL, &why), VICI_FAILED);
	ck_assert_int_eq(errno, ETIMEDOUT);
	ck_assert_ptr_nonnull(strstr(why.text, "in time"));
	daemon_stop(c);
}
END_TEST

START_TEST(bad_addresses_are_refused_with_a_reason)
{
	static const char *const uris[] = { "unix:///nonexistent/socket", "file:///x",
		"tcp://127.0.0.1:1", "tcp://[::1]:1", "tcp://", "" };
	struct why why;

	for (size_t i = 0; i < sizeof(uris) / sizeof(*uris); i++) {
		why.text[0] = '\0';
		ck_assert_ptr_null(vici_client_connect(uris[i], &why));
		ck_assert_str_ne(why.text, "");
	}
}
END_TEST

static bool stop_at_second(void *context, struct bytes name, struct vici_view message)
{
	unsigned *count = context;

	(void)message;
	ck_assert(vici_is(name, "e"));
	return ++*count < 2;
}

START_TEST(listening_ends_when_the_listener_has_enough)
{
	static const char *const events[] = { "e" };
	struct vici_client *c = daemon_start(SCRIPT("\0\0\0\1\5\0\0\0\3\7\1e\0\0\0\3\7\1e"), true);
	unsigned count = 0;

	ck_assert_int_eq(vici_client_listen(c, events, 1, stop_at_second, &count, NULL), VICI_OK);
	ck_assert_uint_eq(count, 2);
	daemon_stop(c);
}
END_TEST

TCase *client_cases(void)
{
	TCase *c = tcase_create("client");

	tcase_add_checked_fixture(c, daemon_listen, daemon_close);
	tcase_add_test(c, a_command_gets_its_answer);
	tcase_add_test(c, events_are_streamed_before_the_answer);
	tcase_add_test(c, what_the_daemon_does_not_know_is_told_apart);
	tcase_add_test(c, nonsense_from_the_daemon_ends_the_call);
	tcase_add_test(c, a_silent_daemon_runs_into_the_timeout);
	tcase_add_test(c, bad_addresses_are_refused_with_a_reason);
	tcase_add_test(c, listening_ends_when_the_listener_has_enough);
	return c;
}
