/*
 * Host names, asked of a DNS server of the test's own.
 *
 * It listens on port 53 of the loopback of a network namespace, with a resolv.conf, hosts and
 * nsswitch.conf that are mounted over the machine's for this process alone. Without the right to do
 * that the tests say so and check only what needs no name service.
 */
#include "charon-lite/resolver.h"
#include "testing/unit/charon-lite/suites.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

static struct event_base *base;
static struct cl_log *quiet_log;
static struct cl_processes *processes;
static struct cl_resolver *resolver;
static char directory[] = "/tmp/charon-lite-XXXXXX";
static pid_t server;
static int questions =
	-1; /* the first label of each name that the server is asked for, a line each */
static bool isolated;

/* ---- The DNS server ---- */

/* The answers to TYPE of NAME: how many addresses (ending in 1, 2, ...), -1: no such name, -2:
 * none. */
static int answers_to(const char *name, uint16_t type)
{
	if (strcmp(name, "silent") == 0)
		return -2;
	if (strcmp(name, "moon") == 0)
		return 1;
	if (strcmp(name, "four") == 0)
		return type == 1 ? 2 : 0;
	if (strcmp(name, "many") == 0)
		return type == 1 ? 25 : 0;
	return -1;
}

static void put_answer(struct writer *w, uint16_t type, uint8_t last)
{
	writer_u16(w, 0xc00c); /* the name of the question */
	writer_u16(w, type);
	writer_u16(w, 1);
	writer_u32(w, 60);
	writer_u16(w, type == 1 ? 4 : 16);
	if (type == 1)
		writer_u32(w, 0xc0000200u + last);
	else {
		writer_u32(w, 0x20010db8u);
		writer_u64(w, 0);
		writer_u32(w, last);
	}
}

/* Returns the answer's length, 0 for none. */
static size_t answer(const uint8_t *query, size_t length, uint8_t *room, size_t size, int report)
{
	struct reader r = reader_of(bytes_of(query, length));
	struct writer w = writer_of(room, size);
	uint16_t id = reader_u16(&r);
	char name[64] = "";
	uint8_t label;

	reader_bytes(&r, 10); /* flags and counts */
	struct bytes first = reader_bytes(&r, reader_u8(&r));
	if (first.length < sizeof(name))
		bytes_copy(name, first);
	while ((label = reader_u8(&r)) > 0)
		reader_bytes(&r, label);
	uint16_t type = reader_u16(&r);
	size_t end = length - reader_rest(&r).length + 2; /* with the class */
	int count = answers_to(name, type);
	dprintf(report, "%s\n", name);
	if (count == -2)
		return 0;
	writer_u16(&w, id);
	writer_u16(&w, count < 0 ? 0x8183 : 0x8180);
	writer_u16(&w, 1);
	writer_u16(&w, count < 0 ? 0 : (uint16_t)count);
	writer_u32(&w, 0);
	writer_put(&w, bytes_of(query + 12, end - 12));
	for (int i = 1; i <= count; i++)
		put_answer(&w, type, (uint8_t)i);
	return writer_bytes(&w).length;
}

static void serve(int fd, int report)
{
	uint8_t query[512], reply[512];
	struct sockaddr_in from;

	for (;;) {
		socklen_t size = sizeof(from);
		ssize_t got =
			recvfrom(fd, query, sizeof(query), 0, (struct sockaddr *)&from, &size);

		if (got < 0)
			_exit(1);
		size_t length = answer(query, (size_t)got, reply, sizeof(reply), report);
		if (length > 0)
			sendto(fd, reply, length, 0, (struct sockaddr *)&from, size);
	}
}

static void start_server(void)
{
	const struct sockaddr_in name = { .sin_family = AF_INET,
		.sin_port = htons(53),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_DGRAM, 0), ends[2];

	ck_assert_int_eq(bind(fd, (const struct sockaddr *)&name, sizeof(name)), 0);
	ck_assert_int_eq(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	server = fork();
	if (server == 0)
		serve(fd, ends[1]);
	close(fd);
	close(ends[1]);
	questions = ends[0];
}

/* ---- The machine's files, for this process ---- */

static const char *mounted[8];
static size_t mounts;

static void replace_file(const char *path, const char *name, const char *content)
{
	char own[128];

	snprintf(own, sizeof(own), "%s/%s", directory, name);
	FILE *file = fopen(own, "w");
	fputs(content, file);
	fclose(file);
	ck_assert_msg(mount(own, path, NULL, MS_BIND, NULL) == 0, "%s: %s", path, strerror(errno));
	mounted[mounts++] = path;
}

static bool loopback_up(void)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	bool good = ioctl(fd, SIOCSIFFLAGS, &lo) == 0;

	close(fd);
	return good;
}

static bool isolate(void)
{
	if (unshare(CLONE_NEWNS | CLONE_NEWNET) < 0 || !loopback_up() ||
		mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return false;
	replace_file("/etc/resolv.conf", "resolv.conf", "nameserver 127.0.0.1\n");
	replace_file("/etc/hosts", "hosts", "203.0.113.5 known.test\n");
	replace_file("/etc/nsswitch.conf", "nsswitch.conf", "hosts: files dns\n");
	start_server();
	return true;
}

/* ---- Asking ---- */

static char heard[4096]; /* what came, in its order */
static unsigned expected;

static void answered(
	void *context, uint64_t ticket, const struct address *list, size_t count, const char *error)
{
	size_t at = strlen(heard);
	char text[ADDRESS_TEXT_MAX];

	(void)context;
	ck_assert(count > 0 || error);
	at += (size_t)snprintf(heard + at, sizeof(heard) - at, "%u:", (unsigned)ticket);
	for (size_t i = 0; i < count; i++)
		at += (size_t)snprintf(
			heard + at, sizeof(heard) - at, " %s", address_format(&list[i], text));
	snprintf(heard + at, sizeof(heard) - at, "%s\n", count ? "" : " none");
	if (--expected == 0)
		event_base_loopbreak(base);
}

static void ask(const char *name, uint16_t family, uint64_t ticket)
{
	ck_assert(cl_resolver_ask(resolver, name, family, ticket));
	expected++;
}

static void run_all(void)
{
	event_base_dispatch(base);
}

/* How often the server was asked for a name. */
static unsigned times_asked(const char *name)
{
	static char text[4096];
	char line[80];
	unsigned count = 0;
	size_t used = strlen(text);
	ssize_t got;

	while ((got = read(questions, text + used, sizeof(text) - 1 - used)) > 0)
		used += (size_t)got;
	text[used] = '\0';
	snprintf(line, sizeof(line), "%s\n", name);
	for (const char *at = text; (at = strstr(at, line)); at++)
		count++;
	return count;
}

static void setup(void)
{
	struct cl_resolver_config config = {
		.program = getenv("CHARON_LITE"),
		.limit = 2,
		.answered = answered,
	};

	strcpy(directory + strlen(directory) - 6, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	isolated = isolate();
	if (!isolated)
		fprintf(stderr, "no right to make namespaces: not tested with a DNS server\n");
	base = event_base_new();
	quiet_log = cl_log_new();
	ck_assert(cl_processes_open(base, &processes, NULL));
	config.processes = processes;
	ck_assert(cl_resolver_open(&config, quiet_log, &resolver, NULL));
	heard[0] = '\0';
	expected = 0;
}

static void teardown(void)
{
	char command[128];

	cl_resolver_close(resolver);
	cl_processes_close(processes);
	cl_log_free(quiet_log);
	event_base_free(base);
	if (server > 0) {
		kill(server, SIGKILL);
		waitpid(server, NULL, 0);
	}
	for (size_t i = 0; i < mounts; i++)
		umount2(mounted[i], MNT_DETACH);
	snprintf(command, sizeof(command), "rm -r %s", directory);
	ck_assert_int_eq(system(command), 0);
}

START_TEST(names_become_addresses_of_the_families_asked_for)
{
	if (!isolated)
		return;
	ask("moon.test", AF_INET, 1);
	run_all();
	ask("moon.test", AF_INET6, 2);
	run_all();
	ask("known.test", 0, 3);
	run_all();
	ask("192.0.2.99", 0, 4);
	run_all();
	ask("four.test", 0, 5);
	run_all();
	ck_assert_str_eq(heard, "1: 192.0.2.1\n2: 2001:db8::1\n3: 203.0.113.5\n4: 192.0.2.99\n"
				"5: 192.0.2.1 192.0.2.2\n");
}
END_TEST

START_TEST(a_name_that_is_not_there_and_one_of_another_family_have_none)
{
	if (!isolated)
		return;
	ask("nowhere.test", 0, 1);
	run_all();
	ask("four.test", AF_INET6, 2);
	run_all();
	ck_assert_str_eq(heard, "1: none\n2: none\n");
}
END_TEST

START_TEST(no_more_addresses_are_taken_than_are_useful)
{
	unsigned count = 0;

	if (!isolated)
		return;
	ask("many.test", 0, 1);
	run_all();
	for (const char *at = heard; (at = strchr(at, ' ')); at++)
		count++;
	ck_assert_uint_eq(count, CL_RESOLVER_ADDRESSES_MAX);
}
END_TEST

START_TEST(a_name_that_several_ask_for_is_asked_once)
{
	if (!isolated)
		return;
	for (uint64_t ticket = 1; ticket <= 3; ticket++)
		ask("moon.test", AF_INET, ticket);
	run_all();
	ck_assert_str_eq(heard, "1: 192.0.2.1\n2: 192.0.2.1\n3: 192.0.2.1\n");
	ck_assert_uint_eq(times_asked("moon"), 1);
	ask("moon.test", AF_INET, 4); /* but each time anew */
	run_all();
	ck_assert_uint_eq(times_asked("moon"), 2);
}
END_TEST

START_TEST(a_server_that_is_silent_about_some_names_does_not_delay_others)
{
	char name[32];

	if (!isolated)
		return;
	for (uint64_t i = 0; i < 15; i++) { /* one slot is left for the others */
		snprintf(name, sizeof(name), "silent.%u", (unsigned)i);
		ask(name, AF_INET, 100 + i);
	}
	for (uint64_t i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "moon.%u", (unsigned)i);
		ask(name, AF_INET, i);
	}
	run_all();
	ck_assert_msg(
		strncmp(heard, "0: 192.0.2.1\n1: 192.0.2.1\n2: 192.0.2.1\n3: 192.0.2.1\n", 52) == 0,
		"%s", heard);
	ck_assert_ptr_nonnull(strstr(heard, "114: none\n"));
}
END_TEST

START_TEST(a_changed_resolv_conf_counts_at_once)
{
	if (!isolated)
		return;
	replace_file("/etc/resolv.conf", "other.conf", "nameserver 127.0.0.9\n");
	ask("moon.test", AF_INET, 1);
	run_all();
	replace_file("/etc/resolv.conf", "third.conf", "nameserver 127.0.0.1\n");
	ask("moon.test", AF_INET, 2);
	run_all();
	ck_assert_str_eq(heard, "1: none\n2: 192.0.2.1\n");
}
END_TEST

START_TEST(what_is_no_name_is_not_asked)
{
	char longest[300];

	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	ck_assert(!cl_resolver_ask(resolver, "", 0, 1));
	ck_assert(!cl_resolver_ask(resolver, "-h", 0, 1));
	ck_assert(!cl_resolver_ask(resolver, "a b", 0, 1));
	ck_assert(!cl_resolver_ask(resolver, "a\nb", 0, 1));
	ck_assert(!cl_resolver_ask(resolver, longest, 0, 1));
}
END_TEST

/* Whoever closes it is not called back. */
START_TEST(questions_may_be_forgotten)
{
	ck_assert(cl_resolver_ask(resolver, "moon.test", 0, 1));
	ck_assert(cl_resolver_ask(resolver, "moon.test", 0, 2));
}
END_TEST

TCase *resolver_cases(void)
{
	TCase *tests = tcase_create("resolver");

	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, names_become_addresses_of_the_families_asked_for);
	tcase_add_test(tests, a_name_that_is_not_there_and_one_of_another_family_have_none);
	tcase_add_test(tests, no_more_addresses_are_taken_than_are_useful);
	tcase_add_test(tests, a_name_that_several_ask_for_is_asked_once);
	tcase_add_test(tests, a_server_that_is_silent_about_some_names_does_not_delay_others);
	tcase_add_test(tests, a_changed_resolv_conf_counts_at_once);
	tcase_add_test(tests, what_is_no_name_is_not_asked);
	tcase_add_test(tests, questions_may_be_forgotten);
	return tests;
}
