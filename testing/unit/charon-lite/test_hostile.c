/* Clients that send nonsense, too much, or stop reading: others must not notice. */
#include "testing/unit/charon-lite/running.h"
#include "testing/unit/charon-lite/suites.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static struct running daemon_;
static struct vici_client *bystander;

static void set_up(void)
{
	running_start(&daemon_, NULL);
	bystander = running_client(&daemon_);
}

/* Whatever happened, somebody else is served as if nothing had. */
static void tear_down(void)
{
	ck_assert(vici_is(vici_get(call(bystander, "version"), "daemon"), "charon-lite"));
	vici_client_free(bystander);
	ck_assert_int_eq(running_stop(&daemon_), 0);
}

static bool is_disconnected(int fd)
{
	uint8_t room[4096];

	return receive_frame(fd, room, sizeof(room)) == 0;
}

START_TEST(nonsense_disconnects_who_sent_it)
{
	static const struct {
		const char *what;
		size_t length;
	} nonsense[] = {
		{ "\x09", 1 },                 /* no such type */
		{ "\x01", 1 },                 /* an answer, from a client */
		{ "\x07\x03log", 5 },          /* an event, from a client */
		{ "\x00\x20version", 9 },      /* a name beyond the end */
		{ "\x00", 1 },                 /* no name at all */
		{ "\x00\x07version\x02", 10 }, /* an end without a start */
		{ "\x00\x07version\x01\x01x", 12 },
		{ "\x00\x07version\x03\x01"
		  "a\xff\xff",
			14 },
		{ "\x00\x07version\x05\x00\x00", 12 }, /* an item outside a list */
		{ "\x00\x07version\x63", 10 },
	};

	for (size_t i = 0; i < sizeof(nonsense) / sizeof(*nonsense); i++) {
		int fd = running_connect(&daemon_);

		send_frame(fd, nonsense[i].what, nonsense[i].length);
		ck_assert_msg(is_disconnected(fd), "nonsense %zu", i);
		running_expect(&daemon_, "disconnected");
		close(fd);
	}
}
END_TEST

START_TEST(sizes_out_of_bounds_disconnect)
{
	static const uint8_t sizes[][4] = { { 0, 0, 0, 0 }, { 0, 8, 0, 1 },
		{ 0xff, 0xff, 0xff, 0xff } };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		int fd = running_connect(&daemon_);

		ck_assert_int_eq(send(fd, sizes[i], 4, MSG_NOSIGNAL), 4);
		ck_assert(is_disconnected(fd));
		close(fd);
	}
}
END_TEST

START_TEST(half_a_request_holds_up_nobody)
{
	static const uint8_t half[] = { 0, 0, 0, 9, 0, 7, 'v', 'e' };
	int fds[8];

	for (size_t i = 0; i < 8; i++) {
		fds[i] = running_connect(&daemon_);
		ck_assert_int_eq(send(fds[i], half, sizeof(half), MSG_NOSIGNAL), sizeof(half));
		ck_assert(vici_present(vici_first(call(bystander, "stats"))));
	}
	/* The rest of the first one: it is answered still. */
	uint8_t room[4096];
	ck_assert_int_eq(send(fds[0], "rsion", 5, MSG_NOSIGNAL), 5);
	ck_assert_uint_gt(receive_frame(fds[0], room, sizeof(room)), 0);
	ck_assert_uint_eq(room[0], VICI_CMD_RESPONSE);
	for (size_t i = 0; i < 8; i++)
		close(fds[i]);
}
END_TEST

START_TEST(requests_byte_by_byte_are_answered)
{
	static const uint8_t whole[] = { 0, 0, 0, 9, 0, 7, 'v', 'e', 'r', 's', 'i', 'o', 'n' };
	uint8_t room[4096];
	int fd = running_connect(&daemon_);

	for (size_t i = 0; i < sizeof(whole); i++)
		ck_assert_int_eq(send(fd, whole + i, 1, MSG_NOSIGNAL), 1);
	ck_assert_uint_gt(receive_frame(fd, room, sizeof(room)), 0);
	close(fd);
}
END_TEST

/* A request with an element of each kind. */
static struct bytes rich_request(struct vici_builder *b)
{
	struct bytes frame;

	*b = vici_builder_packet(VICI_CMD_REQUEST, "load-conn");
	vici_section_start(b, "home");
	vici_key_text(b, "version", "2");
	vici_list_start(b, "local_addrs");
	vici_item_text(b, "127.0.0.1");
	vici_item_text(b, "");
	vici_list_end(b);
	vici_section_start(b, "children");
	vici_section_end(b);
	vici_section_end(b);
	ck_assert(vici_builder_finish(b, &frame));
	return frame;
}

/* Cut short, it is answered by the end; cut and sent as if it were whole, it is nonsense, or what
 * is left is a request: never silence. */
START_TEST(requests_may_end_anywhere)
{
	struct vici_builder b;
	struct bytes frame = rich_request(&b);
	uint8_t room[4096];

	for (size_t length = 1; length < frame.length; length++) {
		int fd = running_connect(&daemon_);

		ck_assert_int_eq(send(fd, frame.at, length, MSG_NOSIGNAL), (ssize_t)length);
		shutdown(fd, SHUT_WR);
		ck_assert(is_disconnected(fd));
		close(fd);
		if (length <= 4)
			continue;
		fd = running_connect(&daemon_);
		send_frame(fd, frame.at + 4, length - 4);
		size_t got = receive_frame(fd, room, sizeof(room));
		ck_assert(got == 0 || room[0] == VICI_CMD_RESPONSE || room[0] == VICI_CMD_UNKNOWN);
		close(fd);
	}
	vici_builder_free(&b);
}
END_TEST

START_TEST(what_was_not_registered_cannot_be_unregistered)
{
	static const uint8_t log[] = { 3, 3, 'l', 'o', 'g' }, unlog[] = { 4, 3, 'l', 'o', 'g' };
	static const struct {
		const uint8_t *packet;
		uint8_t answer;
	} steps[] = { { unlog, VICI_EVENT_UNKNOWN }, { log, VICI_EVENT_CONFIRM },
		{ log, VICI_EVENT_CONFIRM }, { unlog, VICI_EVENT_CONFIRM },
		{ unlog, VICI_EVENT_UNKNOWN } };
	int fd = running_connect(&daemon_);
	uint8_t room[4096];

	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		send_frame(fd, steps[i].packet, 5);
		do /* log lines may come between */
			ck_assert_uint_gt(receive_frame(fd, room, sizeof(room)), 0);
		while (room[0] == VICI_EVENT);
		ck_assert_uint_eq(room[0], steps[i].answer);
	}
	close(fd);
}
END_TEST

/* Sends requests until the daemon takes no more; returns how many bytes it took. */
static size_t send_until_full(int fd, struct bytes request, size_t max)
{
	size_t sent = 0;

	while (sent < max) {
		struct pollfd p = { fd, POLLOUT, 0 };
		size_t at = sent % request.length;
		ssize_t n =
			send(fd, request.at + at, request.length - at, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n > 0) {
			sent += (size_t)n;
			continue;
		}
		ck_assert_int_eq(errno, EAGAIN);
		/* Full for the moment, or for good? Somebody else's answer tells: by then the
		 * daemon has had its turn. */
		call(bystander, "version");
		if (poll(&p, 1, 0) == 0)
			break;
	}
	return sent;
}

/* It asks and asks and reads no answer: no more is taken from it than has room, nothing that was
 * asked is lost, and nobody else waits. */
START_TEST(a_client_that_does_not_read_is_not_read_from)
{
	static const uint8_t request[] = { 0, 0, 0, 16, 0, 14, 'g', 'e', 't', '-', 'a', 'l', 'g',
		'o', 'r', 'i', 't', 'h', 'm', 's' };
	const size_t max = 64 * 1024 * 1024;
	static uint8_t room[VICI_MESSAGE_MAX];
	int fd = running_connect(&daemon_);
	size_t sent = send_until_full(fd, bytes_of(request, sizeof(request)), max);

	ck_assert_uint_lt(sent, max);
	for (unsigned i = 0; i < 10; i++)
		ck_assert(vici_present(vici_first(call(bystander, "stats"))));
	for (size_t i = 0; i < sent / sizeof(request); i++) {
		ck_assert_uint_gt(receive_frame(fd, room, sizeof(room)), 500);
		ck_assert_uint_eq(room[0], VICI_CMD_RESPONSE);
	}
	close(fd);
}
END_TEST

START_TEST(an_event_goes_to_who_registered_and_to_nobody_else)
{
	static const uint8_t log[] = { 3, 3, 'l', 'o', 'g' }, unlog[] = { 4, 3, 'l', 'o', 'g' };
	uint8_t room[4096];
	int listening = running_connect(&daemon_), other = running_connect(&daemon_);

	send_frame(listening, log, sizeof(log));
	ck_assert_uint_eq(receive_frame(listening, room, sizeof(room)), 1);
	ck_assert_uint_eq(room[0], VICI_EVENT_CONFIRM);
	send_frame(other, "\x00\x06nosuch", 8); /* is logged */
	ck_assert_uint_eq(receive_frame(other, room, sizeof(room)), 1);
	ck_assert_uint_eq(room[0], VICI_CMD_UNKNOWN);
	ck_assert_uint_gt(receive_frame(listening, room, sizeof(room)), 5);
	ck_assert_uint_eq(room[0], VICI_EVENT);
	send_frame(listening, unlog, sizeof(unlog));
	do /* the daemon may have had something else to say */
		ck_assert_uint_gt(receive_frame(listening, room, sizeof(room)), 0);
	while (room[0] == VICI_EVENT);
	ck_assert_uint_eq(room[0], VICI_EVENT_CONFIRM);
	close(listening);
	close(other);
}
END_TEST

/* Four megabytes of log events that it does not read: then it goes. */
START_TEST(a_listener_that_does_not_read_is_disconnected)
{
	static const uint8_t log[] = { 3, 3, 'l', 'o', 'g' };
	char name[256];
	uint8_t request[2 + 255], room[4096];
	int listening = running_connect(&daemon_), loud = running_connect(&daemon_);

	send_frame(listening, log, sizeof(log));
	ck_assert_uint_eq(receive_frame(listening, room, sizeof(room)), 1);
	memset(name, 'x', sizeof(name));
	request[0] = VICI_CMD_REQUEST;
	request[1] = 255;
	memcpy(request + 2, name, 255);
	for (bool gone = false; !gone;) {
		send_frame(loud, request, sizeof(request));
		ck_assert_uint_eq(receive_frame(loud, room, sizeof(room)), 1);
		running_expect(&daemon_, "vici client ");
		gone = strstr(daemon_.last_line, "does not read its events") != NULL;
	}
	close(listening);
	close(loud);
}
END_TEST

START_TEST(a_client_that_goes_while_it_waits_leaves_nothing_behind)
{
	struct vici_builder b = vici_builder_packet(VICI_CMD_REQUEST, "load-conn");
	struct bytes frame;
	uint8_t room[4096];
	int fd = running_connect(&daemon_);

	vici_section_start(&b, "home");
	vici_list_start(&b, "remote_addrs");
	vici_item_text(&b, "127.0.0.2");
	vici_list_end(&b);
	for (unsigned i = 0; i < 2; i++) {
		vici_section_start(&b, i ? "local" : "remote");
		vici_key_text(&b, "auth", "psk");
		vici_section_end(&b);
	}
	vici_section_end(&b);
	ck_assert(vici_builder_finish(&b, &frame));
	ck_assert_int_eq(send(fd, frame.at, frame.length, MSG_NOSIGNAL), (ssize_t)frame.length);
	ck_assert_uint_gt(receive_frame(fd, room, sizeof(room)), 0);
	vici_builder_free(&b);
	b = vici_builder_packet(VICI_CMD_REQUEST, "initiate");
	vici_key_text(&b, "ike", "home");
	ck_assert(vici_builder_finish(&b, &frame));
	ck_assert_int_eq(send(fd, frame.at, frame.length, MSG_NOSIGNAL), (ssize_t)frame.length);
	running_expect(&daemon_, "initiating IKE_SA home[1]");
	close(fd);
	vici_builder_free(&b);
	b = (struct vici_builder){ 0 };
	vici_key_text(&b, "ike", "home");
	vici_key_text(&b, "force", "yes");
	expect_success(call_with(bystander, "terminate", &b));
}
END_TEST

/* Of which the bystander is one. */
#define CLIENTS_MAX 256

static void listen_or_not(int fd, uint8_t type)
{
	const uint8_t packet[] = { type, 9, 'i', 'k', 'e', '-', 'r', 'e', 'k', 'e', 'y' };
	uint8_t room[64];

	send_frame(fd, packet, sizeof(packet));
	ck_assert_uint_eq(receive_frame(fd, room, sizeof(room)), 1);
	ck_assert_uint_eq(room[0], VICI_EVENT_CONFIRM);
}

static int connect_listener(void)
{
	int fd = running_connect(&daemon_);

	listen_or_not(fd, VICI_EVENT_REGISTER);
	return fd;
}

static void assert_is_served(int fd)
{
	uint8_t room[4096];

	send_frame(fd, "\x00\x07version", 9);
	ck_assert_uint_gt(receive_frame(fd, room, sizeof(room)), 1);
	ck_assert_uint_eq(room[0], VICI_CMD_RESPONSE);
}

START_TEST(more_clients_than_there_is_room_for_are_refused)
{
	int fds[CLIENTS_MAX - 1], another;

	for (size_t i = 0; i < CLIENTS_MAX - 1; i++)
		fds[i] = connect_listener();
	another = connect_listener(); /* for the bystander, who alone is idle */
	int refused = running_connect(&daemon_);
	running_expect(&daemon_, "connection refused: 256 clients are connected");
	ck_assert(is_disconnected(refused));
	close(refused);
	vici_client_free(bystander);
	listen_or_not(another, VICI_EVENT_UNREGISTER);
	bystander = running_client(&daemon_);
	ck_assert(is_disconnected(another));
	close(another);
	for (size_t i = 0; i < CLIENTS_MAX - 1; i++)
		close(fds[i]);
}
END_TEST

START_TEST(who_is_idle_longest_gives_way_to_another_client)
{
	int fds[300], listener = connect_listener();

	for (size_t i = 0; i < 300; i++) {
		fds[i] = running_connect(&daemon_);
		assert_is_served(fds[i]);
		/* They go on asking now and then. */
		if (i % 50 == 0)
			assert_is_served(fds[0]);
		ck_assert(vici_is(vici_get(call(bystander, "version"), "daemon"), "charon-lite"));
	}
	running_expect(&daemon_, "disconnected: it wanted nothing for ");
	assert_is_served(listener);
	assert_is_served(fds[0]);
	for (size_t i = 1; i < 300; i++) {
		/* The listener, the bystander and the first one are still there. */
		if (i < 300 - CLIENTS_MAX + 3)
			ck_assert_msg(is_disconnected(fds[i]), "%zu", i);
		else
			assert_is_served(fds[i]);
	}
	for (size_t i = 0; i < 300; i++)
		close(fds[i]);
	close(listener);
}
END_TEST

TCase *hostile_cases(void)
{
	TCase *tests = tcase_create("hostile");

	tcase_set_timeout(tests, 120);
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, nonsense_disconnects_who_sent_it);
	tcase_add_test(tests, sizes_out_of_bounds_disconnect);
	tcase_add_test(tests, half_a_request_holds_up_nobody);
	tcase_add_test(tests, requests_byte_by_byte_are_answered);
	tcase_add_test(tests, requests_may_end_anywhere);
	tcase_add_test(tests, what_was_not_registered_cannot_be_unregistered);
	tcase_add_test(tests, a_client_that_does_not_read_is_not_read_from);
	tcase_add_test(tests, an_event_goes_to_who_registered_and_to_nobody_else);
	tcase_add_test(tests, a_listener_that_does_not_read_is_disconnected);
	tcase_add_test(tests, a_client_that_goes_while_it_waits_leaves_nothing_behind);
	tcase_add_test(tests, more_clients_than_there_is_room_for_are_refused);
	tcase_add_test(tests, who_is_idle_longest_gives_way_to_another_client);
	return tests;
}
