/*
 * Fetching over HTTP, from a server of the test's own on the loopback: a process that answers each
 * path in a way of its own.
 */
#include "charon-lite/fetcher.h"
#include "testing/unit/charon-lite/suites.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static struct event_base *base;
static struct cl_log *quiet_log;
static struct cl_processes *processes;
static struct cl_fetcher *fetcher;
static pid_t server;
static uint16_t port;
static char directory[] = "/tmp/charon-lite-XXXXXX";

/* ---- The server ---- */

static void put(int fd, const char *text)
{
	if (write(fd, text, strlen(text)) < 0)
		_exit(0);
}

/* In pieces, for as long as somebody reads. */
static void put_forever(int fd, const char *text)
{
	for (;;)
		put(fd, text);
}

static void answer_body(int fd, const char *body)
{
	char head[200];

	snprintf(
		head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", strlen(body));
	put(fd, head);
	put(fd, body);
}

static void answer_redirect(int fd, const char *to)
{
	put(fd, "HTTP/1.1 302 Found\r\nContent-Length: 0\r\nConnection: close\r\nLocation: ");
	put(fd, to);
	put(fd, "\r\n\r\n");
}

static void answer(int fd, const char *request)
{
	const char *path = strchr(request, ' ');
	const char *end = strstr(request, "\r\n\r\n");

	path = path ? path + 1 : "";
	if (strncmp(path, "/good ", 6) == 0)
		answer_body(fd, "a list\n!with\1odd octets");
	else if (strncmp(path, "/empty ", 7) == 0)
		answer_body(fd, "");
	else if (strncmp(path, "/post ", 6) == 0 && strncmp(request, "POST ", 5) == 0 && end &&
		 strstr(request, "Content-Type: application/ocsp-request\r\n"))
		answer_body(fd, end + 4);
	else if (strncmp(path, "/again ", 7) == 0)
		answer_redirect(fd, "/post");
	else if (strncmp(path, "/near ", 6) == 0)
		answer_redirect(fd, "/good");
	else if (strncmp(path, "/loop ", 6) == 0)
		answer_redirect(fd, "/loop");
	else if (strncmp(path, "/file ", 6) == 0)
		answer_redirect(fd, "file:///etc/hostname");
	else if (strncmp(path, "/ftp ", 5) == 0)
		answer_redirect(fd, "ftp://127.0.0.1/good");
	else if (strncmp(path, "/silent ", 8) == 0)
		pause();
	else if (strncmp(path, "/endless ", 9) == 0) {
		put(fd, "HTTP/1.1 200 OK\r\n\r\n");
		put_forever(fd, "0123456789012345678901234567890123456789");
	} else if (strncmp(path, "/headers ", 9) == 0) {
		put(fd, "HTTP/1.1 200 OK\r\n");
		put_forever(fd, "X-Nothing: 0123456789012345678901234567890123456789\r\n");
	} else if (strncmp(path, "/announced ", 11) == 0)
		put(fd, "HTTP/1.1 200 OK\r\nContent-Length: 4000000000\r\n\r\n0");
	else if (strncmp(path, "/cut ", 5) == 0)
		put(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\nConnection: close\r\n\r\nhalf");
	else if (strncmp(path, "/garbage ", 9) == 0)
		put(fd, "\x30\x82\x01\x02 this is no HTTP\r\n\r\n");
	else if (strncmp(path, "/forbidden ", 11) == 0)
		put(fd, "HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno");
	else
		put(fd, "HTTP/1.1 404 None\r\nContent-Length: 0\r\n\r\n");
}

/* Each connection has a process of its own, as /silent and /endless stay. */
static void serve(int listener)
{
	static char request[8192];

	signal(SIGCHLD, SIG_IGN);
	for (;;) {
		int fd = accept(listener, NULL, NULL);
		size_t used = 0;
		ssize_t got;

		if (fd < 0)
			_exit(1);
		if (fork() > 0) {
			close(fd);
			continue;
		}
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		/* what is short comes with the head, or with the next segment */
		while (used < sizeof(request) - 1 &&
			(got = read(fd, request + used, sizeof(request) - 1 - used)) > 0) {
			used += (size_t)got;
			request[used] = '\0';
			const char *end = strstr(request, "\r\n\r\n");
			const char *length = strstr(request, "Content-Length: ");
			if (end && (!length || strlen(end + 4) >= strtoul(length + 16, NULL, 10)))
				break;
		}
		answer(fd, request);
		_exit(0);
	}
}

static void start_server(void)
{
	struct sockaddr_in name = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(name);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&name, size), 0);
	ck_assert_int_eq(listen(fd, 64), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&name, &size), 0);
	port = ntohs(name.sin_port);
	server = fork();
	if (server == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* should the test fail */
		setpgid(0, 0);
		serve(fd);
	}
	setpgid(server, server);
	close(fd);
}

/* ---- Asking ---- */

struct heard {
	bool came;
	size_t length;
	char body[256]; /* its beginning */
	char error[256];
};

static struct heard heard[64];
static unsigned expected;

static void fetched(void *context, uint64_t ticket, struct bytes body, const char *error)
{
	struct heard *h = &heard[ticket];

	(void)context;
	ck_assert(!h->came);
	ck_assert(body.length == 0 || !error);
	h->came = true;
	h->length = body.length;
	bytes_copy(h->body, bytes_of(body.at, body.length < 255 ? body.length : 255));
	snprintf(h->error, sizeof(h->error), "%s", error ? error : "");
	if (--expected == 0)
		event_base_loopbreak(base);
}

static bool ask_url(const char *url, const char *body, size_t limit, uint64_t ticket)
{
	const struct ike_fetch what = {
		.url = url,
		.body = body ? bytes_of_text(body) : (struct bytes){ 0 },
		.content_type = body ? "application/ocsp-request" : NULL,
		.size_limit = limit,
	};

	if (!cl_fetcher_ask(fetcher, &what, ticket))
		return false;
	expected++;
	return true;
}

static void ask(const char *path, const char *body, size_t limit, uint64_t ticket)
{
	char url[200];

	snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", port, path);
	ck_assert(ask_url(url, body, limit, ticket));
}

static const struct heard *get(const char *path, size_t limit)
{
	memset(heard, 0, sizeof(heard));
	ask(path, NULL, limit, 0);
	event_base_dispatch(base);
	ck_assert(heard[0].came);
	return &heard[0];
}

static void setup(void)
{
	struct cl_fetcher_config config = {
		.program = getenv("CHARON_LITE"),
		.limit = 30,
		.redirects = 4,
		.fetched = fetched,
	};

	strcpy(directory + strlen(directory) - 6, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	start_server();
	base = event_base_new();
	quiet_log = cl_log_new();
	ck_assert(cl_processes_open(base, &processes, NULL));
	config.processes = processes;
	ck_assert(cl_fetcher_open(&config, quiet_log, &fetcher, NULL));
	memset(heard, 0, sizeof(heard));
	expected = 0;
}

static void teardown(void)
{
	cl_fetcher_close(fetcher);
	cl_processes_close(processes);
	cl_log_free(quiet_log);
	event_base_free(base);
	kill(-server, SIGKILL);
	waitpid(server, NULL, 0);
	rmdir(directory);
}

/* ---- Tests ---- */

START_TEST(a_body_comes_as_it_is)
{
	const struct heard *h = get("/good", 1000);

	ck_assert_str_eq(h->error, "");
	ck_assert_str_eq(h->body, "a list\n!with\1odd octets");
	h = get("/empty", 1000);
	ck_assert_str_eq(h->error, "");
	ck_assert_uint_eq(h->length, 0);
}
END_TEST

START_TEST(what_is_asked_is_posted)
{
	ask("/post", "0\1\2 a request", 1000, 0);
	event_base_dispatch(base);
	ck_assert_str_eq(heard[0].error, "");
	ck_assert_str_eq(heard[0].body, "0\1\2 a request");
	memset(heard, 0, sizeof(heard));
	ask("/again", "redirected", 1000, 0);
	event_base_dispatch(base);
	ck_assert_str_eq(heard[0].body, "redirected");
}
END_TEST

START_TEST(the_answer_is_bounded)
{
	static const char *const paths[] = { "/endless", "/announced" };

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		const struct heard *h = get(paths[i], 100000);

		ck_assert_str_eq(h->error, "longer than 100000 octets");
	}
	ck_assert_str_eq(get("/good", 23)->error, "");
	ck_assert_uint_eq(get("/good", 23)->length, 23);
	ck_assert_str_eq(get("/good", 22)->error, "longer than 22 octets");
}
END_TEST

START_TEST(the_time_is_bounded)
{
	cl_fetcher_limits(fetcher, 1, 4);
	ck_assert_str_eq(get("/silent", 1000)->error, "no answer within 1 seconds");
	ck_assert_str_ne(get("/headers", 1000)->error, "");
}
END_TEST

START_TEST(redirects_are_followed_a_few_times_and_to_http_alone)
{
	ck_assert_str_eq(get("/near", 1000)->body, "a list\n!with\1odd octets");
	ck_assert_str_ne(get("/loop", 1000)->error, "");
	ck_assert_str_ne(get("/file", 1000)->error, "");
	ck_assert_str_ne(get("/ftp", 1000)->error, "");
	cl_fetcher_limits(fetcher, 30, 0);
	ck_assert_str_eq(get("/near", 1000)->error, "HTTP status 302");
}
END_TEST

START_TEST(what_is_no_answer_is_an_error)
{
	ck_assert_str_eq(get("/none", 1000)->error, "HTTP status 404");
	ck_assert_str_eq(get("/forbidden", 1000)->error, "HTTP status 403");
	ck_assert_str_ne(get("/cut", 1000)->error, "");
	ck_assert_str_ne(get("/garbage", 1000)->error, "");
}
END_TEST

START_TEST(a_server_that_is_not_there_is_an_error)
{
	kill(-server, SIGKILL);
	waitpid(server, NULL, 0);
	const struct heard *h = get("/good", 1000);
	ck_assert_msg(strstr(h->error, "connect") != NULL, "%s", h->error);
	start_server(); /* for teardown() */
}
END_TEST

START_TEST(only_some_urls_are_asked_for)
{
	char long_one[CL_FETCHER_URL_MAX + 20] = "http://127.0.0.1/";

	ck_assert(!ask_url("ftp://127.0.0.1/crl", NULL, 1000, 0));
	ck_assert(!ask_url("ldap://127.0.0.1/cn=ca", NULL, 1000, 0));
	ck_assert(!ask_url("http://127.0.0.1/a b", NULL, 1000, 0));
	ck_assert(!ask_url("http://127.0.0.1/\n", NULL, 1000, 0));
	ck_assert(!ask_url("", NULL, 1000, 0));
	ck_assert(!ask_url("/etc/hostname", NULL, 1000, 0));
	memset(long_one + strlen(long_one), 'a', CL_FETCHER_URL_MAX);
	ck_assert(!ask_url(long_one, NULL, 1000, 0));
	ck_assert_uint_eq(expected, 0);
}
END_TEST

START_TEST(a_file_of_the_operators_is_read)
{
	char path[100], url[120];

	snprintf(path, sizeof(path), "%s/list.crl", directory);
	snprintf(url, sizeof(url), "file://%s", path);
	FILE *file = fopen(path, "w");
	fputs("a local list", file);
	fclose(file);
	ck_assert(ask_url(url, NULL, 1000, 0));
	event_base_dispatch(base);
	ck_assert_str_eq(heard[0].body, "a local list");
	unlink(path);
	memset(heard, 0, sizeof(heard));
	ck_assert(ask_url(url, NULL, 1000, 0));
	event_base_dispatch(base);
	ck_assert_str_ne(heard[0].error, "");
}
END_TEST

/* Those that hang do not keep the others from their turn. */
START_TEST(many_at_once_all_get_their_answer)
{
	cl_fetcher_limits(fetcher, 2, 4);
	for (unsigned i = 0; i < 20; i++)
		ask(i % 5 == 0 ? "/silent" : "/good", NULL, 1000, i);
	event_base_dispatch(base);
	for (unsigned i = 0; i < 20; i++) {
		ck_assert(heard[i].came);
		ck_assert_int_eq(heard[i].error[0] == '\0', i % 5 != 0);
	}
}
END_TEST

/* One server hangs, and many want something of it: another one's answer comes before all of these
 * end. */
START_TEST(a_server_that_hangs_holds_up_nobody_elses)
{
	char url[100];

	cl_fetcher_limits(fetcher, 3, 4);
	for (unsigned i = 1; i <= 12; i++)
		ask("/silent", NULL, 1000, i);
	snprintf(url, sizeof(url), "http://localhost:%u/good", port);
	ck_assert(ask_url(url, NULL, 1000, 0));
	expected = 1; /* of all, the first that is answered */
	event_base_dispatch(base);
	ck_assert(heard[0].came);
	ck_assert_str_eq(heard[0].error, "");
}
END_TEST

START_TEST(closing_forgets_what_is_under_way)
{
	struct cl_fetcher_config config = { .processes = processes,
		.program = getenv("CHARON_LITE"),
		.limit = 30,
		.fetched = fetched };

	for (unsigned i = 0; i < 20; i++)
		ask("/silent", NULL, 1000, i);
	cl_fetcher_close(fetcher);
	for (unsigned i = 0; i < 20; i++)
		ck_assert(!heard[i].came);
	expected = 0;
	ck_assert(cl_fetcher_open(&config, quiet_log, &fetcher, NULL));
}
END_TEST

START_TEST(too_many_are_refused)
{
	unsigned count = 0;

	while (count < 1000 && ask_url("http://127.0.0.1:1/", NULL, 1000, 63))
		count++;
	ck_assert_uint_eq(count, CL_FETCHER_PER_SERVER + CL_FETCHER_WAITING_MAX);
}
END_TEST

TCase *fetcher_cases(void)
{
	TCase *t = tcase_create("fetcher");

	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_body_comes_as_it_is);
	tcase_add_test(t, what_is_asked_is_posted);
	tcase_add_test(t, the_answer_is_bounded);
	tcase_add_test(t, the_time_is_bounded);
	tcase_add_test(t, redirects_are_followed_a_few_times_and_to_http_alone);
	tcase_add_test(t, what_is_no_answer_is_an_error);
	tcase_add_test(t, a_server_that_is_not_there_is_an_error);
	tcase_add_test(t, only_some_urls_are_asked_for);
	tcase_add_test(t, a_file_of_the_operators_is_read);
	tcase_add_test(t, many_at_once_all_get_their_answer);
	tcase_add_test(t, a_server_that_hangs_holds_up_nobody_elses);
	tcase_add_test(t, closing_forgets_what_is_under_way);
	tcase_add_test(t, too_many_are_refused);
	return t;
}
