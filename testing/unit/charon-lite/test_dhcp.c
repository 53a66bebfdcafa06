/* DHCP: messages, and the life of leases under a clock and with a server of the test's own. A real
 * server is asked in the lab. */
#include "charon-lite/dhcp.h"
#include "charon-lite/dhcp_settings.h"
#include "charon-lite/settings.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- What the client does ---- */

#define SENT_MAX 64

struct sent {
	uint8_t type;
	uint32_t xid;
	uint8_t hardware[CL_DHCP_HARDWARE];
	char client[64], name[64];
	struct address ours, requested, server;
	bool unicast;
};

static struct {
	struct cl_dhcp *d;
	struct cl_log *log;
	ike_time now;
	struct sent sent[SENT_MAX];
	unsigned count;
	uint64_t answered, lost; /* the last ticket */
	unsigned answers;
	struct address address;
	char error[128], why_lost[128];
	struct address dns;
	char held[64];     /* addresses */
	bool returns_lost; /* as the engine does */
} bed;

static void keep_text(char ret[64], struct bytes text)
{
	ck_assert_uint_lt(text.length, 64);
	bytes_copy(ret, text);
	ret[text.length] = 0;
}

static void on_send(void *context, struct cl_dhcp_message *m, const struct address *unicast)
{
	struct sent *s = &bed.sent[bed.count++];
	uint8_t room[CL_DHCP_MESSAGE_MAX];

	(void)context;
	ck_assert_uint_le(bed.count, SENT_MAX);
	ck_assert_uint_ge(cl_dhcp_build(m, room).length, 300);
	*s = (struct sent){ .type = m->type,
		.xid = m->xid,
		.ours = m->ours,
		.requested = m->requested,
		.server = m->server,
		.unicast = unicast != NULL };
	memcpy(s->hardware, m->hardware, sizeof(s->hardware));
	keep_text(s->client, m->client);
	keep_text(s->name, m->name);
}

static void on_answer(void *context, uint64_t ticket, const struct ike_leased_answer *answer)
{
	(void)context;
	bed.answered = ticket;
	bed.answers++;
	bed.address = answer->address;
	snprintf(bed.error, sizeof(bed.error), "%s", answer->error ? answer->error : "");
	bed.dns = (struct address){ 0 };
	if (answer->attributes->count > 0)
		ck_assert(ike_attribute_address(&answer->attributes->items[0], &bed.dns));
}

static void on_lost(void *context, uint64_t ticket, const char *error)
{
	(void)context;
	bed.lost = ticket;
	snprintf(bed.why_lost, sizeof(bed.why_lost), "%s", error);
	if (bed.returns_lost)
		cl_dhcp_return(bed.d, bed.now, ticket);
}

static void on_held(void *context, const struct address *address, bool held)
{
	char text[ADDRESS_TEXT_MAX];

	(void)context;
	snprintf(bed.held, sizeof(bed.held), "%s", held ? address_format(address, text) : "");
}

static void begin(bool identity_lease)
{
	const struct cl_dhcp_config config = {
		.send = on_send, .answered = on_answer, .lost = on_lost, .held = on_held
	};

	memset(&bed, 0, sizeof(bed));
	bed.now = 1000000;
	bed.log = cl_log_new();
	bed.returns_lost = true;
	ck_assert_ptr_nonnull(bed.log);
	ck_assert_ptr_nonnull(bed.d = cl_dhcp_new(&config, bed.log));
	cl_dhcp_identity_lease(bed.d, identity_lease);
}

static void end(void)
{
	cl_dhcp_free(bed.d);
	cl_log_free(bed.log);
}

static void pass(ike_time milliseconds)
{
	ike_time until = bed.now + milliseconds;

	while (cl_dhcp_deadline(bed.d) <= until) {
		if (cl_dhcp_deadline(bed.d) > bed.now)
			bed.now = cl_dhcp_deadline(bed.d);
		cl_dhcp_tick(bed.d, bed.now);
	}
	bed.now = until;
}

static struct address address_of(const char *text)
{
	struct address a;

	ck_assert(address_parse(text, &a));
	return a;
}

static void ask(const char *id, const char *wanted, const char *from, uint64_t ticket)
{
	struct why why;
	struct ike_identity *identity = ike_identity_parse(id, &why);
	const struct ike_lease_wish wish = {
		.peer = identity, .wanted = address_of(wanted), .remote = address_of(from)
	};

	ck_assert_ptr_nonnull(identity);
	ck_assert(cl_dhcp_ask(bed.d, bed.now, &wish, ticket));
	ike_identity_free(identity);
}

static const struct sent *last(uint8_t type)
{
	ck_assert_uint_gt(bed.count, 0);
	ck_assert_str_eq(cl_dhcp_type_name(bed.sent[bed.count - 1].type), cl_dhcp_type_name(type));
	return &bed.sent[bed.count - 1];
}

/* ---- What the server does ---- */

struct answer {
	uint8_t type;
	const char *yours, *server;
	uint32_t lease, renew;
	bool without_server, without_lease, overloaded, cut, request;
	const char *message;
};

static void put_option(struct writer *w, uint8_t type, const void *value, size_t length)
{
	writer_u8(w, type);
	writer_u8(w, (uint8_t)length);
	writer_put(w, bytes_of(value, length));
}

static void put_number(struct writer *w, uint8_t type, uint32_t number)
{
	writer_u8(w, type);
	writer_u8(w, 4);
	writer_u32(w, number);
}

static struct bytes make(const struct answer *a, const struct sent *to, uint8_t room[600])
{
	static const uint8_t dns[] = { 10, 0, 0, 53, 224, 0, 0, 1, 10, 0, 0, 54 }, file_has = 1;
	struct address yours = a->yours ? address_of(a->yours) : (struct address){ 0 };
	struct address server = address_of(a->server ? a->server : "10.0.0.1");
	struct writer w = writer_of(room, 600);

	memset(room, 0, 600);
	writer_u8(&w, a->request ? 1 : 2);
	writer_u8(&w, 1);
	writer_u8(&w, 6);
	writer_u8(&w, 0);
	writer_u32(&w, to->xid);
	(void)writer_take(&w, 8);
	writer_put(&w, bytes_of(yours.octets, 4));
	(void)writer_take(&w, 8);
	writer_put(&w, bytes_of(to->hardware, 6));
	(void)writer_take(&w, 10 + 64);
	struct writer file = writer_of(room + w.length, 128);
	(void)writer_take(&w, 128);
	writer_u32(&w, 0x63825363u);
	put_option(&w, 53, &a->type, 1);
	if (!a->without_server)
		put_option(&w, 54, server.octets, 4);
	if (a->overloaded)
		put_option(&w, 52, &file_has, 1);
	if (!a->without_lease)
		put_number(a->overloaded ? &file : &w, 51, a->lease ? a->lease : 600);
	if (a->renew)
		put_number(&w, 58, a->renew);
	put_option(a->overloaded ? &file : &w, 6, dns, sizeof(dns));
	if (a->overloaded)
		writer_u8(&file, 255);
	if (a->message)
		put_option(&w, 56, a->message, strlen(a->message));
	if (a->cut)
		writer_u16(&w, 6 << 8 | 200);
	else
		writer_u8(&w, 255);
	return writer_bytes(&w);
}

static void answer(struct answer a)
{
	uint8_t room[600];

	ck_assert_uint_gt(bed.count, 0);
	cl_dhcp_received(bed.d, bed.now, make(&a, &bed.sent[bed.count - 1], room));
	pass(0);
}

static void bind_to(const char *address, uint32_t lease)
{
	(void)last(CL_DHCP_DISCOVER);
	answer((struct answer){ .type = CL_DHCP_OFFER, .yours = address });
	(void)last(CL_DHCP_REQUEST);
	answer((struct answer){ .type = CL_DHCP_ACK, .yours = address, .lease = lease });
	ck_assert(address_same_host(&bed.address, &(struct address){ 0 }) == false);
	ck_assert_str_eq(bed.held, address);
}

/* ---- Messages ---- */

static const struct sent somebody = { .xid = 0x01020304, .hardware = { 2, 1, 1, 1, 1, 1 } };

START_TEST(an_answer_is_read)
{
	const struct answer ack = { .type = CL_DHCP_ACK,
		.yours = "10.0.0.77",
		.lease = 3600,
		.renew = 100,
		.message = "hello\n",
		.overloaded = _i };
	struct cl_dhcp_answer a;
	struct why why;
	uint8_t room[600];
	char text[ADDRESS_TEXT_MAX];

	ck_assert(cl_dhcp_parse(make(&ack, &somebody, room), &a, &why));
	ck_assert_uint_eq(a.type, CL_DHCP_ACK);
	ck_assert_uint_eq(a.xid, 0x01020304);
	ck_assert_mem_eq(a.hardware, somebody.hardware, 6);
	ck_assert_str_eq(address_format(&a.yours, text), "10.0.0.77");
	ck_assert_str_eq(address_format(&a.server, text), "10.0.0.1");
	ck_assert_uint_eq(a.lease, 3600);
	ck_assert_uint_eq(a.renew, 100);
	ck_assert_str_eq(a.message, "hello?");
	/* A multicast address is no server's. */
	ck_assert_uint_eq(a.dns_count, 2);
	ck_assert_str_eq(address_format(&a.dns[1], text), "10.0.0.54");
}
END_TEST

START_TEST(what_makes_no_sense_is_refused)
{
	static const struct answer bad[] = {
		{ .type = CL_DHCP_ACK },
		{ .type = CL_DHCP_OFFER, .yours = "224.0.0.5" },
		{ .type = CL_DHCP_OFFER, .yours = "127.0.0.1" },
		{ .type = CL_DHCP_OFFER, .yours = "10.0.0.7", .without_server = true },
		{ .type = CL_DHCP_OFFER, .yours = "10.0.0.7", .server = "255.255.255.255" },
		{ .type = CL_DHCP_ACK, .yours = "10.0.0.7", .without_lease = true },
		{ .type = CL_DHCP_DISCOVER, .yours = "10.0.0.7" },
		{ .type = CL_DHCP_ACK, .yours = "10.0.0.7", .cut = true },
		{ .type = CL_DHCP_ACK, .yours = "10.0.0.7", .request = true },
	};
	struct cl_dhcp_answer a;
	struct why why = { "" };
	uint8_t room[600];

	ck_assert(!cl_dhcp_parse(make(&bad[_i], &somebody, room), &a, &why));
	ck_assert_str_ne(why.text, "");
}
END_TEST

/* Every shorter one is none, or says what it says; no read is beyond its end (a sanitizer looks).
 */
START_TEST(cut_messages_are_no_trouble)
{
	const struct answer ack = { .type = CL_DHCP_ACK, .yours = "10.0.0.77" };
	struct cl_dhcp_answer a;
	uint8_t room[600];
	struct bytes whole = make(&ack, &somebody, room);

	for (size_t length = 0; length < whole.length; length++) {
		struct bytes copy = bytes_duplicate(bytes_of(whole.at, length));

		if (cl_dhcp_parse(copy, &a, NULL))
			ck_assert_uint_gt(length, 240);
		free((void *)copy.at);
	}
}
END_TEST

START_TEST(a_message_is_found_in_its_packet)
{
	uint8_t packet[64] = { 0x45, 0, 0, 32, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 255, 255, 255,
		255, 0, 67, 0, 68, 0, 12, 0, 0, 'd', 'h', 'c', 'p' };
	struct bytes message;

	ck_assert(cl_dhcp_unwrap(bytes_of(packet, sizeof(packet)), &message));
	ck_assert(bytes_equal(message, bytes_of_text("dhcp")));
	static const struct {
		size_t at;
		uint8_t value;
	} bad[] = { { 0, 0x65 }, { 0, 0x44 }, { 0, 0x4f }, { 3, 65 }, { 3, 19 }, { 6, 0x20 },
		{ 7, 1 }, { 9, 6 }, { 23, 53 }, { 25, 7 }, { 25, 13 } };
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		uint8_t good = packet[bad[i].at];

		packet[bad[i].at] = bad[i].value;
		ck_assert(!cl_dhcp_unwrap(bytes_of(packet, sizeof(packet)), &message));
		packet[bad[i].at] = good;
	}
	for (size_t length = 0; length < 32; length++)
		ck_assert(!cl_dhcp_unwrap(bytes_of(packet, length), &message));
}
END_TEST

START_TEST(a_relay_says_where_it_is_and_a_client_wants_a_broadcast)
{
	struct cl_dhcp_message m = { .type = CL_DHCP_DISCOVER };
	uint8_t room[CL_DHCP_MESSAGE_MAX], wrapped[CL_DHCP_MESSAGE_MAX + 8];

	struct bytes built = cl_dhcp_build(&m, room);
	ck_assert_uint_eq(built.at[10], 0x80);
	m.relay = address_of("10.0.0.9");
	built = cl_dhcp_build(&m, room);
	ck_assert_uint_eq(built.at[10], 0);
	ck_assert_uint_eq(built.at[3], 1);
	ck_assert_mem_eq(built.at + 24, m.relay.octets, 4);
	struct bytes datagram = cl_dhcp_wrap(built, CL_DHCP_SERVER_PORT, wrapped);
	ck_assert_uint_eq(datagram.length, built.length + 8);
	ck_assert_uint_eq(datagram.at[1], 67);
	/* More than there is room for is cut off nowhere: it is none. */
	uint8_t name[255] = { 'a' };
	m.name = m.client = bytes_of(name, sizeof(name));
	ck_assert_uint_gt(cl_dhcp_build(&m, room).length, 700);
}
END_TEST

/* ---- Leases ---- */

START_TEST(a_client_gets_an_address)
{
	begin(true);
	ask("carol@example.org", "0.0.0.0", "192.0.2.9", 7);
	ck_assert_str_eq(last(CL_DHCP_DISCOVER)->client, "carol@example.org");
	ck_assert_str_eq(last(CL_DHCP_DISCOVER)->name, "");
	ck_assert_uint_eq(last(CL_DHCP_DISCOVER)->hardware[0] & 3, 2);
	answer((struct answer){ .type = CL_DHCP_OFFER, .yours = "10.0.0.77" });
	ck_assert(address_same_host(&last(CL_DHCP_REQUEST)->requested,
		&(struct address){ .family = AF_INET, .octets = { 10, 0, 0, 77 } }));
	ck_assert_uint_eq(last(CL_DHCP_REQUEST)->server.octets[3], 1);
	ck_assert_uint_eq(bed.answers, 0);
	answer((struct answer){ .type = CL_DHCP_ACK, .yours = "10.0.0.77" });
	ck_assert_uint_eq(bed.answered, 7);
	ck_assert_uint_eq(bed.address.octets[3], 77);
	ck_assert_uint_eq(bed.dns.octets[3], 53);
	ck_assert_str_eq(bed.held, "10.0.0.77");
	cl_dhcp_return(bed.d, bed.now, 7);
	ck_assert(last(CL_DHCP_RELEASE)->unicast);
	ck_assert_uint_eq(last(CL_DHCP_RELEASE)->ours.octets[3], 77);
	ck_assert_str_eq(bed.held, "");
	pass(0);
	ck_assert(cl_dhcp_is_idle(bed.d));
	ck_assert_int_eq(cl_dhcp_deadline(bed.d), IKE_NEVER);
	end();
}
END_TEST

START_TEST(an_identity_makes_the_same_client_again)
{
	uint8_t first[2][CL_DHCP_HARDWARE];

	for (unsigned i = 0; i < 2; i++) {
		begin(_i);
		ask("pc.example.org", "10.0.0.66", "192.0.2.9", 7);
		memcpy(first[i], last(CL_DHCP_DISCOVER)->hardware, CL_DHCP_HARDWARE);
		ck_assert_uint_eq(last(CL_DHCP_DISCOVER)->requested.octets[3], 66);
		ck_assert_str_eq(last(CL_DHCP_DISCOVER)->name, "pc.example.org");
		ck_assert_str_eq(last(CL_DHCP_DISCOVER)->client, _i ? "pc.example.org" : "");
		end();
	}
	ck_assert_int_eq(memcmp(first[0], first[1], CL_DHCP_HARDWARE) == 0, _i);
}
END_TEST

/* With unique = never, from two hosts. */
START_TEST(two_clients_of_one_identity_have_two_leases)
{
	begin(true);
	ask("carol", "0.0.0.0", "192.0.2.9", 1);
	bind_to("10.0.0.77", 600);
	/* It asks for what is the other's. */
	ask("carol", "10.0.0.77", "192.0.2.10", 2);
	ck_assert_str_eq(last(CL_DHCP_DISCOVER)->client, "carol#2");
	answer((struct answer){ .type = CL_DHCP_OFFER, .yours = "10.0.0.77" });
	(void)last(CL_DHCP_DISCOVER); /* a server that knows of no clients but of names */
	bind_to("10.0.0.78", 600);
	cl_dhcp_return(bed.d, bed.now, 1);
	ask("carol", "0.0.0.0", "192.0.2.9", 3);
	ck_assert_str_eq(last(CL_DHCP_DISCOVER)->client, "carol");
	end();
}
END_TEST

START_TEST(who_reauthenticates_shares_the_lease)
{
	begin(_i);
	ask("carol", "0.0.0.0", "192.0.2.9", 1);
	bind_to("10.0.0.77", 600);
	unsigned sent = bed.count;
	ask("carol", "10.0.0.77", "192.0.2.9", 2);
	ck_assert_uint_eq(bed.answered, 1);
	pass(0);
	ck_assert_uint_eq(bed.answered, 2);
	ck_assert_uint_eq(bed.address.octets[3], 77);
	cl_dhcp_return(bed.d, bed.now, 1);
	pass(0);
	ck_assert_uint_eq(bed.count, sent);
	/* Another identity does not. */
	ask("dave", "10.0.0.77", "192.0.2.9", 3);
	(void)last(CL_DHCP_DISCOVER);
	cl_dhcp_return(bed.d, bed.now, 2);
	(void)last(CL_DHCP_RELEASE);
	end();
}
END_TEST

START_TEST(a_lease_is_renewed_as_long_as_it_is_used)
{
	begin(true);
	ask("carol", "0.0.0.0", "192.0.2.9", 1);
	bind_to("10.0.0.77", 100);
	for (unsigned i = 0; i < 5; i++) {
		unsigned before = bed.count;

		pass(IKE_SECONDS(49));
		ck_assert_uint_eq(bed.count, before);
		pass(IKE_SECONDS(1));
		ck_assert_uint_eq(bed.count, before + 1);
		const struct sent *s = last(CL_DHCP_REQUEST);
		ck_assert_uint_eq(s->requested.octets[3], 77);
		ck_assert_uint_eq(s->server.family, 0);
		ck_assert(!s->unicast);
		answer((struct answer){ .type = CL_DHCP_ACK, .yours = "10.0.0.77", .lease = 100 });
	}
	ck_assert_uint_eq(bed.answers, 1);
	ck_assert_uint_eq(bed.lost, 0);
	end();
}
END_TEST

START_TEST(what_the_server_says_of_the_time_counts)
{
	begin(true);
	ask("carol", "0.0.0.0", "192.0.2.9", 1);
	answer((struct answer){ .type = CL_DHCP_OFFER, .yours = "10.0.0.77" });
	answer((struct answer){ .type = CL_DHCP_ACK,
		.yours = "10.0.0.77",
		.lease = _i ? CL_DHCP_FOREVER : 1000,
		.renew = 10 });
	unsigned before = bed.count;
	pass(IKE_SECONDS(11));
	ck_assert_uint_eq(bed.count, before + (_i ? 0 : 1));
	end();
}
END_TEST

START_TEST(a_server_with_leases_of_a_second_is_not_asked_all_the_time)
{
	begin(true);
	ask("carol", "0.0.0.0", "192.0.2.9", 1);
	answer((struct answer){ .type = CL_DHCP_OFFER, .yours = "10.0.0.77" });
	answer((struct answer){
		.type = CL_DHCP_ACK, .yours = "10.0.0.77", .lease = 1, .renew = _i ? 1 : 0 });
	unsigned before = bed.count;
	pass(IKE_SECONDS(4));
	ck_assert_uint_eq(bed.count, before);
	ck_assert_uint_eq(bed.lost, 0);
	pass(IKE_SECONDS(2));
	ck_assert_uint_eq(bed.count, before + 1);
	end();
}
END_TEST

/* It is tried again and again, but not often, and the client does not have it a moment longer. */
START_TEST(a_lease_that_is_not_renewed_is_lost_before_it_ends)
{
	begin(true);
	ask("carol", "0.0.0.0", "192.0.2.9", 1);
	ike_time asked = bed.now;
	bind_to("10.0.0.77", 100);
	pass(IKE_SECONDS(99));
	ck_assert_uint_eq(bed.lost, 0);
	ck_assert_uint_ge(bed.count, 2 + 3);
	ck_assert_uint_le(bed.count, 2 + 6);
	pass(asked + IKE_SECONDS(100) - bed.now);
	ck_assert_uint_eq(bed.lost, 1);
	ck_assert_str_eq(bed.why_lost, "the DHCP server does not renew it");
	ck_assert_str_eq(bed.held, "");
	(void)last(CL_DHCP_REQUEST); /* nothing to give back */
	ck_assert(cl_dhcp_is_idle(bed.d));
	end();
}
END_TEST

START_TEST(a_renewal_that_is_refused_ends_it)
{
	begin(true);
	ask("carol", "0.0.0.0", "192.0.2.9", 1);
	bind_to("10.0.0.77", 100);
	pass(IKE_SECONDS(51));
	if (_i) {
		/* Not of the server that has given it. */
		answer((struct answer){ .type = CL_DHCP_NAK, .server = "10.0.0.2" });
		ck_assert_uint_eq(bed.lost, 0);
		answer((struct answer){ .type = CL_DHCP_NAK, .message = "no such lease" });
		ck_assert_str_eq(bed.why_lost, "the DHCP server refuses it: no such lease");
	} else {
		answer((struct answer){ .type = CL_DHCP_ACK, .yours = "10.0.0.99" });
	}
	ck_assert_uint_eq(bed.lost, 1);
	ck_assert_str_eq(bed.held, "");
	end();
}
END_TEST

START_TEST(a_server_that_is_silent_is_asked_a_few_times)
{
	begin(true);
	ask("carol", "0.0.0.0", "192.0.2.9", 1);
	pass(IKE_SECONDS(2));
	ck_assert_uint_eq(bed.count, 1);
	pass(IKE_SECONDS(4));
	ck_assert_uint_eq(bed.count, 2);
	pass(CL_DHCP_PATIENCE - IKE_SECONDS(6) - 1);
	ck_assert_uint_eq(bed.count, 3);
	ck_assert_uint_eq(bed.answers, 0);
	pass(1);
	ck_assert_uint_eq(bed.answers, 1);
	ck_assert_str_eq(bed.error, "no DHCP server answers, or it has no address left");
	ck_assert_uint_eq(bed.address.family, 0);
	/* The next one has as much time. */
	ask("carol", "0.0.0.0", "192.0.2.9", 2);
	ck_assert_str_eq(last(CL_DHCP_DISCOVER)->client, "carol");
	cl_dhcp_return(bed.d, bed.now, 1);
	bind_to("10.0.0.77", 100);
	ck_assert_uint_eq(bed.answered, 2);
	end();
}
END_TEST

START_TEST(who_is_refused_begins_anew_and_not_for_ever)
{
	begin(true);
	ask("carol", "10.0.0.9", "192.0.2.9", 1);
	for (unsigned i = 0; i < 20 && bed.answers == 0; i++) {
		if (bed.sent[bed.count - 1].type == CL_DHCP_DISCOVER)
			answer((struct answer){ .type = CL_DHCP_OFFER, .yours = "10.0.0.9" });
		(void)last(CL_DHCP_REQUEST);
		answer((struct answer){ .type = CL_DHCP_NAK, .message = "full" });
		pass(IKE_SECONDS(2));
	}
	ck_assert_uint_eq(bed.answers, 1);
	ck_assert_str_eq(bed.error, "the DHCP server refuses it: full");
	ck_assert_uint_le(bed.count, 24);
	end();
}
END_TEST

START_TEST(who_goes_while_it_waits_leaves_nothing)
{
	begin(true);
	ask("carol", "0.0.0.0", "192.0.2.9", 1);
	if (_i)
		answer((struct answer){ .type = CL_DHCP_OFFER, .yours = "10.0.0.9" });
	const struct sent before = bed.sent[bed.count - 1];
	cl_dhcp_return(bed.d, bed.now, 1);
	/* An ACK may be on its way, and the lease with it. */
	ck_assert_uint_eq(bed.sent[bed.count - 1].type, _i ? CL_DHCP_RELEASE : CL_DHCP_DISCOVER);
	uint8_t room[600];
	const struct answer late = { .type = CL_DHCP_ACK, .yours = "10.0.0.9" };
	cl_dhcp_received(bed.d, bed.now, make(&late, &before, room));
	pass(IKE_SECONDS(100));
	ck_assert_uint_eq(bed.answers, 0);
	ck_assert(cl_dhcp_is_idle(bed.d));
	end();
}
END_TEST

START_TEST(answers_to_others_are_passed_over)
{
	begin(true);
	ask("carol", "0.0.0.0", "192.0.2.9", 1);
	const struct answer offer = { .type = CL_DHCP_OFFER, .yours = "10.0.0.9" };
	struct sent other = bed.sent[0];
	uint8_t room[600];

	other.xid++;
	cl_dhcp_received(bed.d, bed.now, make(&offer, &other, room));
	other = bed.sent[0];
	other.hardware[5]++;
	cl_dhcp_received(bed.d, bed.now, make(&offer, &other, room));
	ck_assert_uint_eq(bed.count, 1);
	/* An ACK that nobody has asked for. */
	answer((struct answer){ .type = CL_DHCP_ACK, .yours = "10.0.0.9" });
	ck_assert_uint_eq(bed.answers, 0);
	answer(offer);
	(void)last(CL_DHCP_REQUEST);
	end();
}
END_TEST

START_TEST(at_the_end_all_is_given_back)
{
	begin(true);
	ask("carol", "0.0.0.0", "192.0.2.9", 1);
	bind_to("10.0.0.77", 100);
	cl_dhcp_free(bed.d);
	(void)last(CL_DHCP_RELEASE);
	ck_assert_str_eq(bed.held, "");
	cl_log_free(bed.log);
}
END_TEST

START_TEST(the_settings_are_strongswans)
{
	struct cl_settings s;
	struct cl_dhcp_settings d;
	struct why why;
	char text[ADDRESS_TEXT_MAX];

	ck_assert(cl_settings_parse("charon { }", &s, &why));
	ck_assert(cl_dhcp_settings_read(&s, &d, &why));
	ck_assert_str_eq(address_format(&d.server, text), "255.255.255.255");
	ck_assert(!d.identity_lease && !d.force_server_address && !d.use_server_port);
	cl_settings_free(&s);
	ck_assert(cl_settings_parse(
		"charon { plugins { dhcp { server = 10.0.0.1\n interface = eth1\n"
		"identity_lease = yes\n force_server_address = yes\n use_server_port = yes\n } } }",
		&s, &why));
	ck_assert(cl_dhcp_settings_read(&s, &d, &why));
	ck_assert_str_eq(address_format(&d.server, text), "10.0.0.1");
	ck_assert_str_eq(d.interface, "eth1");
	ck_assert(d.identity_lease && d.force_server_address && d.use_server_port);
	cl_settings_free(&s);
	static const char *const bad[] = { "server = example.org", "server = ::1",
		"server = 0.0.0.0", "interface = a-name-that-is-too-long", "identity_lease = 7" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		char file[200];

		snprintf(file, sizeof(file), "charon { plugins { dhcp { %s\n } } }", bad[i]);
		ck_assert(cl_settings_parse(file, &s, &why));
		ck_assert(!cl_dhcp_settings_read(&s, &d, &why));
		cl_settings_free(&s);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("dhcp");
	TCase *tests = tcase_create("dhcp");
	SRunner *runner = srunner_create(suite);

	suite_add_tcase(suite, tests);
	tcase_add_loop_test(tests, an_answer_is_read, 0, 2);
	tcase_add_loop_test(tests, what_makes_no_sense_is_refused, 0, 9);
	tcase_add_test(tests, cut_messages_are_no_trouble);
	tcase_add_test(tests, a_message_is_found_in_its_packet);
	tcase_add_test(tests, a_relay_says_where_it_is_and_a_client_wants_a_broadcast);
	tcase_add_test(tests, a_client_gets_an_address);
	tcase_add_loop_test(tests, an_identity_makes_the_same_client_again, 0, 2);
	tcase_add_test(tests, two_clients_of_one_identity_have_two_leases);
	tcase_add_loop_test(tests, who_reauthenticates_shares_the_lease, 0, 2);
	tcase_add_test(tests, a_lease_is_renewed_as_long_as_it_is_used);
	tcase_add_loop_test(tests, what_the_server_says_of_the_time_counts, 0, 2);
	tcase_add_loop_test(
		tests, a_server_with_leases_of_a_second_is_not_asked_all_the_time, 0, 2);
	tcase_add_test(tests, a_lease_that_is_not_renewed_is_lost_before_it_ends);
	tcase_add_loop_test(tests, a_renewal_that_is_refused_ends_it, 0, 2);
	tcase_add_test(tests, a_server_that_is_silent_is_asked_a_few_times);
	tcase_add_test(tests, who_is_refused_begins_anew_and_not_for_ever);
	tcase_add_loop_test(tests, who_goes_while_it_waits_leaves_nothing, 0, 2);
	tcase_add_test(tests, answers_to_others_are_passed_over);
	tcase_add_test(tests, at_the_end_all_is_given_back);
	tcase_add_test(tests, the_settings_are_strongswans);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
