/* Lists of more than may wait for a client that does not read: this one does. */
#include "testing/unit/charon-lite/running.h"
#include "testing/unit/charon-lite/suites.h"

#include <sys/socket.h>
#include <unistd.h>

static struct running moon, sun;
static struct vici_client *client;

static void set_up(void)
{
	running_start(&moon, NULL);
	client = running_client(&moon);
}

static void tear_down(void)
{
	vici_client_free(client);
	ck_assert_int_eq(running_stop(&moon), 0);
}

/* Clients that ask for nothing: each makes the share smaller that events may keep waiting. */
#define IDLE_CLIENTS 200

static void connect_idle(int fds[IDLE_CLIENTS])
{
	for (size_t i = 0; i < IDLE_CLIENTS; i++)
		fds[i] = running_connect(&moon);
}

static void disconnect_idle(const int fds[IDLE_CLIENTS])
{
	for (size_t i = 0; i < IDLE_CLIENTS; i++)
		close(fds[i]);
}

/* What a child does not say is listed nevertheless: little to load, much to list. */
#define HUGE_CHILDREN 30000

static void load_huge(unsigned children)
{
	struct vici_builder b = { 0 };

	vici_section_start(&b, "huge");
	vici_section_start(&b, "children");
	for (unsigned i = 0; i < children; i++) {
		vici_section_start_format(&b, "%u", i);
		vici_section_end(&b);
	}
	vici_section_end(&b);
	vici_section_end(&b);
	expect_success(call_with(client, "load-conn", &b));
}

struct sizes {
	size_t messages, children, octets;
};

static void see_sizes(void *context, struct bytes name, struct vici_view message)
{
	struct sizes *sizes = context;

	(void)name;
	sizes->messages++;
	VICI_EACH(child, vici_find(vici_first(message), "children"))
	{
		sizes->children++;
		VICI_EACH(value, child)
		sizes->octets += vici_name(value).length + vici_value(value).length;
	}
	VICI_EACH(child, vici_find(vici_first(message), "child-sas"))
	sizes->children++;
}

static struct sizes sizes_of(const char *command, const char *event)
{
	struct sizes sizes = { 0 };
	struct vici_view answer;
	struct why why = { "" };
	enum vici_result result = vici_client_call(client,
		&(struct vici_call){ .command = command,
			.events = &event,
			.event_count = 1,
			.on_event = see_sizes,
			.context = &sizes },
		&answer, &why);

	ck_assert_msg(result == VICI_OK, "%s: %s", command, why.text);
	return sizes;
}

/* More than the events that nobody reads may be: 4 MiB, or the share of one of many clients. */
START_TEST(a_connection_with_many_children_is_listed_among_many_clients)
{
	int idle[IDLE_CLIENTS];

	load_huge(HUGE_CHILDREN);
	struct sizes sizes = sizes_of("list-conns", "list-conn");
	ck_assert_uint_eq(sizes.children, HUGE_CHILDREN);
	ck_assert_uint_gt(sizes.octets, 2 * 1024 * 1024);
	ck_assert_uint_gt(sizes.messages, 9); /* of half a megabyte each */
	connect_idle(idle);
	sizes = sizes_of("list-conns", "list-conn");
	ck_assert_uint_eq(sizes.children, HUGE_CHILDREN);
	disconnect_idle(idle);
}
END_TEST

static void put_list(struct vici_builder *b, const char *name, const char *value)
{
	vici_list_start(b, name);
	vici_item_text(b, value);
	vici_list_end(b);
}

static void put_round(struct vici_builder *b, const char *section, const char *id)
{
	vici_section_start(b, section);
	vici_key_text(b, "auth", "psk");
	vici_key_text(b, "id", id);
	vici_section_end(b);
}

static void load_key(struct vici_client *c, const char *id, const char *value)
{
	struct vici_builder b = { 0 };

	vici_key_text(&b, "id", id);
	vici_key_text(&b, "type", "IKE");
	vici_key_text(&b, "data", value);
	vici_list_start(&b, "owners");
	vici_item_text(&b, "host1.example.org");
	vici_item_text(&b, "host2.example.org");
	vici_list_end(&b);
	expect_success(call_with(c, "load-shared", &b));
}

#define WIDE_CHILDREN 250
#define WIDE_SELECTORS 64

static void put_wide(struct vici_builder *b, const char *name, unsigned net, unsigned child)
{
	vici_list_start(b, name);
	for (unsigned i = 0; i < WIDE_SELECTORS; i++) {
		char text[32];

		snprintf(text, sizeof(text), "10.%u.%u.%u", net, child, 2 * i);
		vici_item_text(b, text);
	}
	vici_list_end(b);
}

static void put_children(struct vici_builder *b, unsigned me)
{
	for (unsigned i = 0; i < (me == 1 ? WIDE_CHILDREN : 1); i++) {
		vici_section_start_format(b, "wide-%u", i);
		if (me == 1) {
			put_wide(b, "local_ts", 1, i);
			put_wide(b, "remote_ts", 2, i);
		} else {
			put_list(b, "local_ts", "10.2.0.0/16");
			put_list(b, "remote_ts", "10.1.0.0/16");
		}
		put_list(b, "esp_proposals", "aes128gcm16");
		vici_section_end(b);
	}
}

/* At both ends: host 1, whose children these are, and host 2 with the networks around them. */
static void load(struct vici_client *c, unsigned me, unsigned peer, unsigned peer_port)
{
	struct vici_builder b = { 0 };
	char text[64];

	vici_section_start(&b, "wide");
	snprintf(text, sizeof(text), "127.0.0.%u", me);
	put_list(&b, "local_addrs", text);
	snprintf(text, sizeof(text), "127.0.0.%u", peer);
	put_list(&b, "remote_addrs", text);
	vici_key_format(&b, "remote_port", "%u", peer_port);
	put_list(&b, "proposals", "aes128-sha256-x25519");
	snprintf(text, sizeof(text), "host%u.example.org", me);
	put_round(&b, "local", text);
	snprintf(text, sizeof(text), "host%u.example.org", peer);
	put_round(&b, "remote", text);
	vici_section_start(&b, "children");
	put_children(&b, me);
	vici_section_end(&b);
	vici_section_end(&b);
	expect_success(call_with(c, "load-conn", &b));
}

static void make_wide(struct vici_client *other)
{
	load(client, 1, 2, sun.port_nat_t);
	load(other, 2, 1, moon.port_nat_t);
	load_key(client, "k", "secret");
	load_key(other, "k", "secret");
	for (unsigned i = 0; i < WIDE_CHILDREN; i++) {
		struct vici_builder b = { 0 };

		vici_key_format(&b, "child", "wide-%u", i);
		expect_success(call_with(client, "initiate", &b));
		/* somebody has to read what they say */
		running_expect(&moon, " established with SPIs");
		running_expect(&sun, " established with SPIs");
	}
}

/* A peer that makes so many does not take list-sas from anybody. */
START_TEST(an_ike_sa_with_many_children_is_listed_among_many_clients)
{
	int idle[IDLE_CLIENTS];

	running_start(&sun, NULL);
	struct vici_client *other = running_client(&sun);
	make_wide(other);
	connect_idle(idle);
	struct sizes sizes = sizes_of("list-sas", "list-sa");
	ck_assert_uint_eq(sizes.children, WIDE_CHILDREN);
	ck_assert_uint_gt(sizes.messages, 1);
	disconnect_idle(idle);
	vici_client_free(other);
	ck_assert_int_eq(running_stop(&sun), 0);
}
END_TEST

/* Asks for a list and reads nothing of it yet: it stops where the first message ends. */
static int begin_list(const char *command, const char *event)
{
	uint8_t packet[64], confirmed[16];
	int fd = running_connect(&moon);
	struct writer w = writer_of(packet, sizeof(packet));

	writer_u8(&w, VICI_EVENT_REGISTER);
	writer_u8(&w, (uint8_t)strlen(event));
	writer_put(&w, bytes_of(event, strlen(event)));
	send_frame(fd, packet, 2 + strlen(event));
	ck_assert_uint_eq(receive_frame(fd, confirmed, sizeof(confirmed)), 1);
	w = writer_of(packet, sizeof(packet));
	writer_u8(&w, VICI_CMD_REQUEST);
	writer_u8(&w, (uint8_t)strlen(command));
	writer_put(&w, bytes_of(command, strlen(command)));
	send_frame(fd, packet, 2 + strlen(command));
	/* its first octets: it was begun */
	ck_assert_int_eq(recv(fd, confirmed, 4, MSG_PEEK | MSG_WAITALL), 4);
	return fd;
}

/* Reads it to the end; the number of its messages, and whether text is in one. */
static unsigned end_list(int fd, const char *text, bool *ret_found)
{
	static uint8_t room[VICI_MESSAGE_MAX];
	unsigned count = 0;

	*ret_found = false;
	for (;; count++) {
		size_t length = receive_frame(fd, room, sizeof(room));

		ck_assert_uint_gt(length, 0);
		if (room[0] == VICI_CMD_RESPONSE)
			break;
		if (memmem(room, length, text, strlen(text)))
			*ret_found = true;
	}
	close(fd);
	return count;
}

START_TEST(a_connection_may_go_while_it_is_listed)
{
	struct vici_builder b = { 0 };
	bool found;

	load_huge(HUGE_CHILDREN);
	int fd = begin_list("list-conns", "list-conn");
	vici_key_text(&b, "name", "huge");
	expect_success(call_with(client, "unload-conn", &b));
	ck_assert_uint_eq(end_list(fd, "huge", &found), 1);
	ck_assert(found);
}
END_TEST

/* What is explained of it fits into one message, and is more than may wait. */
#define EXPLAINED_CHILDREN 10000

static void load_small(const char *name)
{
	struct vici_builder b = { 0 };

	vici_section_start(&b, name);
	vici_section_end(&b);
	expect_success(call_with(client, "load-conn", &b));
}

START_TEST(none_is_passed_over_when_one_goes_while_it_is_explained)
{
	struct vici_builder b = { 0 };
	bool found;

	load_huge(EXPLAINED_CHILDREN);
	load_small("next");
	load_small("last");
	int fd = begin_list("explain", "explain");
	vici_key_text(&b, "name", "huge");
	expect_success(call_with(client, "unload-conn", &b));
	b = (struct vici_builder){ 0 };
	vici_key_text(&b, "name", "last");
	expect_success(call_with(client, "unload-conn", &b));
	load_small("late");
	ck_assert_uint_ge(end_list(fd, "next", &found), 2);
	ck_assert(found);
}
END_TEST

START_TEST(an_ike_sa_may_go_while_it_is_listed)
{
	struct vici_builder b = { 0 };
	bool found;

	running_start(&sun, NULL);
	struct vici_client *other = running_client(&sun);
	make_wide(other);
	int fd = begin_list("list-sas", "list-sa");
	vici_key_text(&b, "ike", "wide");
	expect_success(call_with(client, "terminate", &b));
	ck_assert_uint_eq(end_list(fd, "wide-0-1", &found), 1);
	ck_assert(found);
	vici_client_free(other);
	ck_assert_int_eq(running_stop(&sun), 0);
}
END_TEST

/* The one to go on from, and some around it. */
START_TEST(children_may_go_while_they_are_listed)
{
	bool found;

	running_start(&sun, NULL);
	struct vici_client *other = running_client(&sun);
	make_wide(other);
	int fd = begin_list("list-sas", "list-sa");
	for (unsigned id = 150; id < WIDE_CHILDREN; id++) {
		struct vici_builder b = { 0 };

		vici_key_format(&b, "child-id", "%u", id);
		expect_success(call_with(client, "terminate", &b));
		running_expect(&moon, "CHILD_SA");
		running_expect(&sun, "CHILD_SA");
	}
	ck_assert_uint_eq(end_list(fd, "wide-249-250", &found), 2);
	ck_assert(found);
	vici_client_free(other);
	ck_assert_int_eq(running_stop(&sun), 0);
}
END_TEST

TCase *large_lists_cases(void)
{
	TCase *tests = tcase_create("large lists");

	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, a_connection_with_many_children_is_listed_among_many_clients);
	tcase_add_test(tests, a_connection_may_go_while_it_is_listed);
	tcase_add_test(tests, none_is_passed_over_when_one_goes_while_it_is_explained);
	tcase_add_test(tests, an_ike_sa_may_go_while_it_is_listed);
	tcase_add_test(tests, children_may_go_while_they_are_listed);
	tcase_add_test(tests, an_ike_sa_with_many_children_is_listed_among_many_clients);
	return tests;
}
