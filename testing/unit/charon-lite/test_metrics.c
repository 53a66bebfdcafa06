/* Metrics as somebody gets them who asks by HTTP; what Prometheus makes of them is
 * testing/suites/metrics.sh's. */
#include "charon-lite/metrics_http.h"
#include "charon-lite/metrics_priv.h"
#include "testing/unit/charon-lite/running.h"
#include "testing/unit/charon-lite/suites.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define ANSWER_MAX ((size_t)8 << 20)
#define OPEN_METRICS "Accept: application/openmetrics-text;version=1.0.0;q=0.8,text/plain;q=0.3\r\n"

static struct running moon, sun;
static char path[64];

/* A daemon whose metrics are at `path`. */
static void set_up(void)
{
	char extra[128];

	snprintf(path, sizeof(path), "/tmp/charon-lite-metrics-%d", getpid());
	snprintf(extra, sizeof(extra), "metrics = unix://%s", path);
	running_start(&moon, extra);
	running_start(&sun, NULL);
}

static void tear_down(void)
{
	ck_assert_int_eq(running_stop(&moon), 0);
	ck_assert_int_eq(running_stop(&sun), 0);
	ck_assert_int_ne(access(path, F_OK), 0);
}

static int connected(void)
{
	const struct timeval patience = { 20, 0 };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(address.sun_path, path, sizeof(path));
	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/* All that comes until the server ends the connection; lives until the next call. */
static char *answer(int fd)
{
	static char *text;
	size_t length = 0;
	ssize_t got;

	free(text);
	text = malloc(ANSWER_MAX);
	while ((got = read(fd, text + length, ANSWER_MAX - 1 - length)) > 0)
		length += (size_t)got;
	/* Reset: what was too long has not been read. */
	ck_assert_msg(got == 0 || errno == ECONNRESET, "the answer does not end");
	text[length] = '\0';
	close(fd);
	return text;
}

static char *answer_to(int fd, const char *request)
{
	ck_assert_int_eq(write(fd, request, strlen(request)), (ssize_t)strlen(request));
	return answer(fd);
}

/* Without pieces: HTTP/1.0. */
static const char *metrics(const char *fields)
{
	char request[256];

	snprintf(request, sizeof(request), "GET /metrics HTTP/1.0\r\n%s\r\n", fields);
	return answer_to(connected(), request);
}

static void has(const char *text, const char *line)
{
	ck_assert_msg(strstr(text, line), "'%s' is not in:\n%.3000s", line, text);
}

START_TEST(both_formats_are_served)
{
	const char *text = metrics(OPEN_METRICS);

	has(text, "HTTP/1.1 200 OK\r\n");
	has(text, "Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n");
	has(text, "\n# TYPE charon_lite_dropped_messages counter\n");
	has(text, "\n# UNIT charon_lite_loop_turn_seconds seconds\n");
	has(text, "\n# TYPE charon_lite_build info\n");
	has(text, "\ncharon_lite_build_info{version=\"");
	ck_assert_str_eq(text + strlen(text) - 7, "\n# EOF\n");
	text = metrics("Accept: text/plain\r\n");
	has(text, "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n");
	has(text, "\n# TYPE charon_lite_dropped_messages_total counter\n");
	has(text, "\n# TYPE charon_lite_build_info gauge\n");
	has(text, "\ncharon_lite_loop_turn_seconds_bucket{le=\"+Inf\"} ");
	ck_assert_ptr_null(strstr(text, "# EOF"));
	ck_assert_ptr_null(strstr(text, "# UNIT"));
}
END_TEST

START_TEST(tunnels_are_counted_by_connection)
{
	running_load_pair(&moon, &sun);
	const char *text = metrics("");

	has(text, "\ncharon_lite_ike_sas{connection=\"home\",state=\"ESTABLISHED\"} 0\n");
	has(text, "\ncharon_lite_child_wanted{connection=\"home\",child=\"net\"} 0\n");
	running_swanctl(&moon, "--initiate --child net");
	do /* at most a second old */
		text = metrics("");
	while (!strstr(text, "child=\"net\",state=\"INSTALLED\"} 1\n"));
	has(text, "\ncharon_lite_ike_sas{connection=\"home\",state=\"ESTABLISHED\"} 1\n");
	has(text, "\ncharon_lite_child_traffic_bytes_total{connection=\"home\",child=\"net\","
		  "direction=\"in\"} 0\n");
	has(text, "\ncharon_lite_handshakes_begun_total{connection=\"home\"} 1\n");
	has(text, "\ncharon_lite_handshakes_succeeded_total{connection=\"home\"} 1\n");
	has(text, "\ncharon_lite_messages_total{exchange=\"IKE_AUTH\",direction=\"out\",kind="
		  "\"request\"} 1\n");
	has(text, "\ncharon_lite_connections 1\n");
	ck_assert_ptr_null(strstr(text, "charon_lite_configuration_load_time_seconds 0\n"));
}
END_TEST

/* What is unloaded stays as long as its SAs do, and nothing of it longer; loaded again, its
 * counters have not gone back. */
START_TEST(an_unloaded_connection_goes_with_its_sas)
{
	struct vici_builder b = { 0 };
	const char *text;

	running_load_pair(&moon, &sun);
	running_swanctl(&moon, "--initiate --child net");
	struct vici_client *client = running_client(&moon);
	vici_key_text(&b, "name", "home");
	expect_success(call_with(client, "unload-conn", &b));
	vici_client_free(client);
	do
		text = metrics("");
	while (!strstr(text, "\ncharon_lite_connections 0\n") ||
		strstr(text, "charon_lite_child_wanted{"));
	has(text, "\ncharon_lite_ike_sas{connection=\"home\",state=\"ESTABLISHED\"} 1\n");
	has(text, "\ncharon_lite_child_sas{connection=\"home\",child=\"net\",state=\"INSTALLED\"} "
		  "1\n");
	has(text, "\ncharon_lite_handshakes_succeeded_total{connection=\"home\"} 1\n");
	running_swanctl(&moon, "--terminate --ike home");
	do
		text = metrics("");
	while (strstr(text, "charon_lite_ike_sas{"));
	ck_assert_ptr_null(strstr(text, "connection=\"home\""));
	running_load_pair(&moon, &sun);
	do
		text = metrics("");
	while (!strstr(text, "charon_lite_ike_sas{"));
	has(text, "\ncharon_lite_handshakes_succeeded_total{connection=\"home\"} 1\n");
	has(text, "\ncharon_lite_children_established_total{connection=\"home\"} 1\n");
}
END_TEST

/* ---- Many ---- */

/* More than a step of a look; their lines in the log have to fit in a pipe that nobody reads. */
#define MANY 600u

static size_t count_lines(const char *text, const char *beginning)
{
	size_t count = 0;

	for (const char *at = strstr(text, beginning); at; at = strstr(at + 1, beginning))
		count++;
	return count;
}

static void load_many(struct vici_client *client)
{
	struct vici_builder b = { 0 };

	for (unsigned i = 0; i < MANY; i++) {
		vici_section_start_format(&b, "many-%u", i);
		vici_section_start(&b, "children");
		vici_section_start(&b, "net");
		vici_section_end(&b);
		vici_section_end(&b);
		vici_section_end(&b);
	}
	expect_success(call_with(client, "load-conn", &b));
}

START_TEST(each_connection_is_there_once_and_none_that_is_gone)
{
	struct vici_client *client = running_client(&moon);
	const char *text;

	has(metrics(""), "\ncharon_lite_connections 0\n"); /* a look that soon is too old */
	load_many(client);
	do
		text = metrics("");
	while (count_lines(text, "\ncharon_lite_ike_sas{") < MANY);
	ck_assert_uint_eq(count_lines(text, "\ncharon_lite_ike_sas{"), MANY);
	ck_assert_uint_eq(count_lines(text, "\ncharon_lite_child_wanted{"), MANY);
	ck_assert_uint_eq(count_lines(text, "\ncharon_lite_child_traffic_bytes_total{"), 2 * MANY);
	for (unsigned i = 0; i < MANY; i += 2) {
		struct vici_builder b = { 0 };

		vici_key_format(&b, "name", "many-%u", i);
		expect_success(call_with(client, "unload-conn", &b));
	}
	do
		text = metrics("");
	while (count_lines(text, "\ncharon_lite_ike_sas{") > MANY / 2);
	ck_assert_uint_eq(count_lines(text, "\ncharon_lite_ike_sas{"), MANY / 2);
	ck_assert_uint_eq(count_lines(text, "\ncharon_lite_child_traffic_bytes_total{"), MANY);
	ck_assert_uint_eq(count_lines(text, "connection=\"many-0\""), 0);
	vici_client_free(client);
}
END_TEST

/* Names are what somebody wrote: quotes, line feeds, and octets that are no UTF-8. */
START_TEST(names_of_any_kind_are_labels)
{
	struct vici_client *client = running_client(&moon);
	struct vici_builder b = { 0 };
	const char *text;

	vici_section_start(&b, "say \"hi\" \\ \n caf\xc3\xa9");
	vici_section_start(&b, "children");
	vici_section_start(&b, "a\xff");
	vici_section_end(&b);
	vici_section_start(&b, "a\xfe\t");
	vici_section_end(&b);
	vici_section_start(&b, "a?ff");
	vici_section_end(&b);
	vici_section_end(&b);
	vici_section_end(&b);
	expect_success(call_with(client, "load-conn", &b));
	vici_client_free(client);
	do
		text = metrics(OPEN_METRICS);
	while (!strstr(text, "\ncharon_lite_ike_sas{"));
	has(text, "\ncharon_lite_ike_sas{connection=\"say \\\"hi\\\" \\\\ \\n caf\xc3\xa9\",state="
		  "\"ESTABLISHED\"} 0\n");
	has(text, " caf\xc3\xa9\",child=\"a?ff\",state=");
	has(text, " caf\xc3\xa9\",child=\"a?fe?09\",state=");
	has(text, " caf\xc3\xa9\",child=\"a?3fff\",state=");
}
END_TEST

static void expect_new(struct cl_carried *t, uint32_t child, uint64_t bytes, uint64_t packets,
	uint64_t new_bytes, uint64_t new_packets)
{
	const struct ike_kernel_usage usage = { .bytes = bytes, .packets = packets };
	const struct cl_traffic new = cl_carried_add(t, child, CL_IN, &usage);

	ck_assert_uint_eq(new.bytes, new_bytes);
	ck_assert_uint_eq(new.packets, new_packets);
}

START_TEST(what_a_child_carried_is_added_once)
{
	struct cl_carried *t = cl_carried_new();
	const struct ike_kernel_usage out = { .bytes = 7, .packets = 1 };

	/* one that comes and goes between two looks */
	expect_new(t, 1, 500, 5, 500, 5);
	/* one that looks see, before it goes */
	ck_assert(cl_carried_see(t, 2, 1));
	expect_new(t, 2, 100, 1, 100, 1);
	ck_assert_uint_eq(cl_carried_add(t, 2, CL_OUT, &out).bytes, 7);
	expect_new(t, 2, 100, 1, 0, 0);
	ck_assert(cl_carried_see(t, 2, 2));
	expect_new(t, 2, 300, 4, 200, 3);
	/* the same once more in a look: its IKE SA was rekeyed meanwhile */
	ck_assert(cl_carried_see(t, 2, 2));
	expect_new(t, 2, 300, 4, 0, 0);
	/* its state was made anew */
	expect_new(t, 2, 20, 1, 20, 1);
	/* those that a look did not see are forgotten, some at a time */
	for (uint32_t child = 3; child < 10; child++)
		ck_assert(cl_carried_see(t, child, 3 + child % 2));
	ck_assert(cl_carried_forget(t, 4, 5));
	ck_assert(!cl_carried_forget(t, 4, 5));
	expect_new(t, 2, 20, 1, 20, 1);
	expect_new(t, 4, 30, 2, 30, 2); /* seen by look 3 */
	expect_new(t, 5, 30, 2, 30, 2); /* by look 4 */
	expect_new(t, 5, 30, 2, 0, 0);
	cl_carried_free(t);
}
END_TEST

START_TEST(what_fails_is_counted_by_reason)
{
	struct vici_builder b = { 0 };

	running_load_pair(&moon, &sun);
	struct vici_client *client = running_client(&moon);
	expect_success(call(client, "clear-creds"));
	vici_key_text(&b, "child", "net");
	expect_failure(call_with(client, "initiate", &b), "");
	vici_client_free(client);
	has(metrics(""), "\ncharon_lite_failures_total{reason=\"no-shared-key\"} 1\n");
	has(metrics(""), "\ncharon_lite_connection_failures_total{connection=\"home\",reason="
			 "\"no-shared-key\"} 1\n");
}
END_TEST

START_TEST(what_is_no_request_for_metrics_is_refused)
{
	static char long_request[10000];

	has(answer_to(connected(), "GET / HTTP/1.1\r\n\r\n"), "HTTP/1.1 404 ");
	has(answer_to(connected(), "GET /metricsx HTTP/1.1\r\n\r\n"), "HTTP/1.1 404 ");
	has(answer_to(connected(), "POST /metrics HTTP/1.1\r\n\r\n"), "HTTP/1.1 405 ");
	has(answer_to(connected(), "GET /metrics HTTP/2.0\r\n\r\n"), "HTTP/1.1 400 ");
	has(answer_to(connected(), "GET\r\n\r\n"), "HTTP/1.1 400 ");
	has(answer_to(connected(), "GET /metrics\r\n\r\n"), "HTTP/1.1 400 ");
	has(answer_to(connected(), "GET /metrics HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello"),
		"HTTP/1.1 400 ");
	memset(long_request, 'x', sizeof(long_request) - 1);
	int fd = connected();
	ck_assert_int_eq(write(fd, "GET /metrics HTTP/1.1\r\nA: ", 26), 26);
	has(answer_to(fd, long_request), "HTTP/1.1 431 ");
}
END_TEST

START_TEST(connections_are_used_again_and_answers_come_in_pieces)
{
	const char *text = answer_to(connected(), "GET /metrics?a=b HTTP/1.1\r\nHost: here\r\n\r\n"
						  "GET /metrics HTTP/1.1\r\nConnection: close\r\n"
						  "\r\n");

	has(text, "Transfer-Encoding: chunked\r\n\r\n");
	has(strstr(text, "\r\n0\r\n\r\n"), "HTTP/1.1 200 OK\r\n");
	ck_assert_str_eq(text + strlen(text) - 7, "\r\n0\r\n\r\n");
}
END_TEST

START_TEST(requests_may_come_in_pieces)
{
	static const char *const pieces[] = { "GET /metrics HTTP/1.1\r\n", "Connection: close\r\n",
		"Accept: text/plain\r\n" };
	int fd = connected();

	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		ck_assert_int_gt(write(fd, pieces[i], strlen(pieces[i])), 0);
		has(metrics(""), "HTTP/1.1 200 OK\r\n"); /* the piece is read by now */
	}
	has(answer_to(fd, "\r\n"), "HTTP/1.1 200 OK\r\n");
}
END_TEST

/* socat and others shut down their half behind the request. */
START_TEST(who_has_sent_all_still_gets_the_answers)
{
	static const char two[] = "GET /metrics HTTP/1.1\r\n\r\nGET /metrics HTTP/1.0\r\n\r\n";
	int fd = connected();

	ck_assert_int_eq(write(fd, two, sizeof(two) - 1), sizeof(two) - 1);
	ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
	const char *text = answer(fd);

	has(text, "\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n");
	has(strstr(text, "\r\n0\r\n\r\n"), "\ncharon_lite_connections 0\n");
	/* who has sent half a one gets nothing */
	fd = connected();
	ck_assert_int_eq(write(fd, two, 10), 10);
	ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
	ck_assert_str_eq(answer(fd), "");
}
END_TEST

START_TEST(a_connection_is_closed_when_a_list_says_so)
{
	has(answer_to(connected(),
		    "GET /metrics HTTP/1.1\r\nConnection: TE , Close\r\nTE: x\r\n\r\n"),
		"\r\nConnection: close\r\n");
}
END_TEST

/* Reads what has come; whether the server has ended the connection. */
static bool is_ended(int fd)
{
	char octets[256];
	ssize_t got;

	while ((got = recv(fd, octets, sizeof(octets), MSG_DONTWAIT)) > 0)
		;
	return got == 0 || errno == ECONNRESET;
}

/* An answer on a connection that stays. */
static void ask_and_stay(int fd)
{
	static const char request[] = "GET /metrics HTTP/1.1\r\n\r\n", end[] = "\n0\r\n\r\n";
	char tail[sizeof(end)] = { 0 };

	ck_assert_int_gt(write(fd, request, sizeof(request) - 1), 0);
	while (strcmp(tail, end) != 0) {
		memmove(tail, tail + 1, sizeof(end) - 2);
		ck_assert_int_eq(read(fd, tail + sizeof(end) - 2, 1), 1);
	}
}

START_TEST(the_longest_idle_client_gives_way)
{
	int idle[CL_HTTP_CLIENTS_MAX];

	for (size_t i = 0; i < CL_HTTP_CLIENTS_MAX; i++)
		idle[i] = connected();
	/* Whoever has asked lately is not the longest idle one. */
	ask_and_stay(idle[0]);
	has(metrics(""), "HTTP/1.1 200 OK\r\n");
	for (size_t i = 0; i < CL_HTTP_CLIENTS_MAX; i++)
		ck_assert_int_eq(is_ended(idle[i]), i == 1);
	for (size_t i = 0; i < CL_HTTP_CLIENTS_MAX; i++)
		close(idle[i]);
	/* Many more than there is room for. */
	int many[4 * CL_HTTP_CLIENTS_MAX];

	for (size_t i = 0; i < sizeof(many) / sizeof(*many); i++)
		many[i] = connected();
	has(metrics(""), "HTTP/1.1 200 OK\r\n");
	ck_assert(is_ended(many[0]));
	ck_assert(!is_ended(many[sizeof(many) / sizeof(*many) - 1]));
	for (size_t i = 0; i < sizeof(many) / sizeof(*many); i++)
		close(many[i]);
}
END_TEST

START_TEST(clients_that_are_being_answered_do_not_give_way)
{
	static char requests[200 * 25 + 1];
	int reading_nothing[CL_HTTP_CLIENTS_MAX];
	char octet;

	for (size_t i = 0; i < 200; i++)
		memcpy(requests + i * 25, "GET /metrics HTTP/1.1\r\n\r\n", 25);
	for (size_t i = 0; i < CL_HTTP_CLIENTS_MAX; i++) {
		reading_nothing[i] = connected();
		ck_assert_int_eq(write(reading_nothing[i], requests, sizeof(requests) - 1),
			sizeof(requests) - 1);
		ck_assert_int_eq(recv(reading_nothing[i], &octet, 1, MSG_PEEK), 1);
	}
	has(metrics(""), "HTTP/1.1 503 Service Unavailable\r\nRetry-After: ");
	close(reading_nothing[3]);
	while (strstr(metrics(""), "HTTP/1.1 503 ")) /* until that is seen */
		;
	has(metrics(""), "HTTP/1.1 200 OK\r\n");
	for (size_t i = 0; i < CL_HTTP_CLIENTS_MAX; i++)
		if (i != 3)
			close(reading_nothing[i]);
}
END_TEST

/* ---- A document without an end ---- */

static struct event_base *base;

static void *endless_begin(void *context, const char *accept, const char **ret_type)
{
	(void)accept;
	*ret_type = "text/plain";
	return context;
}

static enum cl_http_next endless_more(void *answer, struct evbuffer *out)
{
	(void)answer;
	evbuffer_add_printf(out, "%1024s", "x");
	return CL_HTTP_MORE;
}

static void endless_end(void *answer)
{
	*(bool *)answer = true;
	event_base_loopbreak(base);
}

static void endless_turn(void *context)
{
	(void)context;
}

START_TEST(an_answer_ends_whoever_reads_it)
{
	bool ended = false;
	const struct cl_http_document document = { "/", 1, &ended, endless_begin, endless_more,
		endless_end, endless_turn };
	struct cl_listener *list;
	struct why why;
	char uri[80];

	snprintf(path, sizeof(path), "/tmp/charon-lite-endless-%d", getpid());
	snprintf(uri, sizeof(uri), "unix://%s", path);
	base = event_base_new();
	ck_assert_msg(cl_listener_open(uri, 1, &list, &why), "%s", why.text);
	struct cl_http *http = cl_http_open(base, list, &document);
	int fd = connected();

	ck_assert_int_eq(write(fd, "GET / HTTP/1.0\r\n\r\n", 18), 18);
	event_base_dispatch(base); /* the client reads nothing */
	ck_assert(ended);
	close(fd);
	cl_http_close(http);
	cl_listener_close(list);
	event_base_free(base);
}
END_TEST

START_TEST(only_the_loopback_is_listened_on)
{
	struct running r = moon;
	FILE *file = fopen(r.conf, "w");

	fprintf(file,
		"charon-lite { port = 0\n port_nat_t = 0\n metrics = tcp://192.0.2.1:9110\n"
		"plugins { vici { socket = %s2 } } }\n",
		r.uri);
	fclose(file);
	ck_assert_int_eq(running_start_again(&r), EXIT_FAILURE);
	has(r.last_line, "socket of the metrics: tcp://192.0.2.1:9110 is refused");
}
END_TEST

START_TEST(a_field_accept_is_weighed)
{
	ck_assert_uint_eq(cl_http_weight("text/plain", "text/plain"), 1000);
	ck_assert_uint_eq(cl_http_weight("a/b;q=0.5, text/plain ; v=1; Q=0.25", "text/plain"), 250);
	ck_assert_uint_eq(cl_http_weight("text/plain;q=1.000", "text/plain"), 1000);
	ck_assert_uint_eq(cl_http_weight("text/plain;q=0", "text/plain"), 0);
	ck_assert_uint_eq(cl_http_weight("text/plain;q=0.1239", "text/plain"), 123);
	ck_assert_uint_eq(cl_http_weight("text/plain;q=,a/b;q=0.2", "text/plain"), 1000);
	ck_assert_uint_eq(cl_http_weight("text/plaintext;q=1", "text/plain"), 0);
	ck_assert_uint_eq(cl_http_weight(",;,=q;q;;q=", "text/plain"), 0);
	ck_assert_uint_eq(cl_http_weight("", "text/plain"), 0);
}
END_TEST

TCase *metrics_cases(void)
{
	TCase *tests = tcase_create("metrics");

	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, both_formats_are_served);
	tcase_add_test(tests, tunnels_are_counted_by_connection);
	tcase_add_test(tests, an_unloaded_connection_goes_with_its_sas);
	tcase_add_test(tests, each_connection_is_there_once_and_none_that_is_gone);
	tcase_add_test(tests, names_of_any_kind_are_labels);
	tcase_add_test(tests, what_a_child_carried_is_added_once);
	tcase_add_test(tests, what_fails_is_counted_by_reason);
	tcase_add_test(tests, what_is_no_request_for_metrics_is_refused);
	tcase_add_test(tests, connections_are_used_again_and_answers_come_in_pieces);
	tcase_add_test(tests, requests_may_come_in_pieces);
	tcase_add_test(tests, who_has_sent_all_still_gets_the_answers);
	tcase_add_test(tests, a_connection_is_closed_when_a_list_says_so);
	tcase_add_test(tests, the_longest_idle_client_gives_way);
	tcase_add_test(tests, clients_that_are_being_answered_do_not_give_way);
	tcase_add_test(tests, only_the_loopback_is_listened_on);
	tcase_add_test(tests, an_answer_ends_whoever_reads_it);
	tcase_add_test(tests, a_field_accept_is_weighed);
	return tests;
}
