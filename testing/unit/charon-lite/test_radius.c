/* RADIUS: packets, servers that answer, lie, or are silent, and accounting. The servers are sockets
 * of the test's own on loopback, in the same loop; real FreeRADIUS is played in the lab. */
#include "charon-lite/accounting.h"
#include "charon-lite/settings.h"

#include <check.h>
#include <event2/event.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SECRET "testing123"

static struct event_base *base;
static struct cl_log *quiet_log;
static struct cl_processes *processes;

/* ---- A server ---- */

enum manner { ACCEPTS, CHALLENGES, REJECTS, IS_SILENT, LIES, LEAVES_OUT_AUTHENTICATOR };

struct server {
	int fd;
	uint16_t port;
	struct event *event;
	enum manner manner;
	unsigned requests;
	uint8_t last[CL_RADIUS_PACKET_MAX];
	size_t last_length;
};

static void md5(const struct bytes *parts, size_t count, uint8_t ret[16])
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();

	ck_assert(EVP_DigestInit_ex2(context, EVP_md5(), NULL));
	for (size_t i = 0; i < count; i++)
		ck_assert(EVP_DigestUpdate(context, parts[i].at, parts[i].length));
	ck_assert(EVP_DigestFinal_ex(context, ret, NULL));
	EVP_MD_CTX_free(context);
}

/* RFC 2548 2.4.2, of 32 octets of the same value. */
static void put_key(struct cl_radius_builder *b, uint8_t vendor_type, uint8_t value,
	const uint8_t *authenticator)
{
	uint8_t plain[48] = { 32 }, attribute[64] = { 0, 0, 1, 0x37, vendor_type, 52, 0x80, 0x01 };
	struct bytes previous = bytes_of(authenticator, 16);

	memset(plain + 1, value, 32);
	for (unsigned at = 0; at < sizeof(plain); at += 16) {
		const struct bytes parts[] = { bytes_of_text(SECRET), previous,
			bytes_of(attribute + 6, 2) };
		uint8_t pad[16];

		md5(parts, at == 0 ? 3 : 2, pad);
		for (unsigned i = 0; i < 16; i++)
			attribute[8 + at + i] = plain[at + i] ^ pad[i];
		previous = bytes_of(attribute + 8 + at, 16);
	}
	cl_radius_put(b, CL_RADIUS_VENDOR_SPECIFIC, bytes_of(attribute, 56));
}

static void put_vendor(
	struct cl_radius_builder *b, uint32_t vendor, uint8_t type, struct bytes value)
{
	uint8_t room[64];
	struct writer w = writer_of(room, sizeof(room));

	writer_u32(&w, vendor);
	writer_u8(&w, type);
	writer_u8(&w, (uint8_t)(2 + value.length));
	writer_put(&w, value);
	cl_radius_put(b, CL_RADIUS_VENDOR_SPECIFIC, writer_bytes(&w));
}

/* Netmask, IPv6, DNS, WINS and split DNS; some of it malformed. */
static void put_configuration(struct cl_radius_builder *b)
{
	cl_radius_put_text(b, CL_RADIUS_FRAMED_IP_NETMASK, "\377\377\377\001");
	cl_radius_put_text(b, CL_RADIUS_FRAMED_IPV6_ADDRESS, "0123456789abcdef");
	cl_radius_put_text(b, CL_RADIUS_DNS_SERVER_IPV6_ADDRESS, "fedcba9876543210");
	cl_radius_put_text(b, CL_RADIUS_DNS_SERVER_IPV6_ADDRESS, "short");
	put_vendor(b, 311, 28, bytes_of_text("\012\002\001\065"));
	put_vendor(b, 311, 29, bytes_of_text("three"));
	put_vendor(b, 311, 30, bytes_of_text("\012\002\001\066"));
	put_vendor(b, 9, 28, bytes_of_text("\012\002\001\067"));
	put_vendor(b, 3076, 29, bytes_of_text("example.org,$(reboot), Corp.example"));
	cl_radius_put_text(b, CL_RADIUS_VENDOR_SPECIFIC, "abc");
}

/* Response Authenticator, and, unless it is left out, Message-Authenticator. */
static void seal(struct cl_radius_builder *b, const uint8_t *authenticator, const char *secret,
	bool with_message_authenticator)
{
	uint8_t digest[16];

	if (with_message_authenticator) {
		ck_assert(cl_radius_finish_access(NULL, b, authenticator, bytes_of_text(secret))
				  .length > 0);
	} else {
		writer_patch_u16(&b->writer, 2, (uint16_t)b->writer.length);
		memcpy(b->room + 4, authenticator, 16);
	}
	const struct bytes parts[] = { bytes_of(b->room, b->writer.length), bytes_of_text(secret) };
	md5(parts, 2, digest);
	memcpy(b->room + 4, digest, 16);
}

static void serve(evutil_socket_t fd, short what, void *context)
{
	static const uint8_t eap[] = { 1, 7, 0, 5, 4 };
	struct server *s = context;
	struct sockaddr_storage from;
	socklen_t from_length = sizeof(from);
	struct cl_radius_packet p;
	struct cl_radius_builder b;

	(void)what;
	ssize_t length =
		recvfrom(fd, s->last, sizeof(s->last), 0, (struct sockaddr *)&from, &from_length);
	ck_assert_int_gt(length, 0);
	s->last_length = (size_t)length;
	s->requests++;
	ck_assert(cl_radius_parse(bytes_of(s->last, s->last_length), &p));
	if (s->manner == IS_SILENT)
		return;
	if (p.code == CL_RADIUS_ACCOUNTING_REQUEST) {
		cl_radius_begin(&b, CL_RADIUS_ACCOUNTING_RESPONSE, p.identifier);
		seal(&b, p.authenticator, SECRET, false);
	} else {
		bool challenges =
			s->manner == CHALLENGES && !cl_radius_find(&p, CL_RADIUS_STATE).at;

		cl_radius_begin(&b,
			challenges             ? CL_RADIUS_ACCESS_CHALLENGE
			: s->manner == REJECTS ? CL_RADIUS_ACCESS_REJECT
					       : CL_RADIUS_ACCESS_ACCEPT,
			p.identifier);
		if (challenges)
			cl_radius_put_text(&b, CL_RADIUS_STATE, "first");
		cl_radius_put_eap(&b, bytes_of(eap, sizeof(eap)));
		if (!challenges && s->manner != REJECTS) {
			cl_radius_put_text(&b, CL_RADIUS_CLASS, "staff");
			cl_radius_put_text(&b, CL_RADIUS_USER_NAME, "alice");
			cl_radius_put_u32(&b, CL_RADIUS_SESSION_TIMEOUT, 3600);
			cl_radius_put_u32(&b, CL_RADIUS_FRAMED_IP_ADDRESS, 0x0a030001);
			put_configuration(&b);
			put_key(&b, 17, 'r', p.authenticator);
			put_key(&b, 16, 's', p.authenticator);
		}
		seal(&b, p.authenticator, s->manner == LIES ? "another" : SECRET,
			s->manner != LEAVES_OUT_AUTHENTICATOR);
	}
	ck_assert_int_gt(
		sendto(fd, b.room, b.writer.length, 0, (struct sockaddr *)&from, from_length), 0);
}

static void server_open(struct server *s, enum manner manner)
{
	struct address loopback;
	struct sockaddr_storage storage;

	*s = (struct server){ .manner = manner };
	ck_assert(address_parse("127.0.0.1", &loopback));
	socklen_t length = address_to_sockaddr(&loopback, &storage);
	s->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(s->fd, (struct sockaddr *)&storage, length), 0);
	length = sizeof(storage);
	ck_assert_int_eq(getsockname(s->fd, (struct sockaddr *)&storage, &length), 0);
	ck_assert(address_from_sockaddr((struct sockaddr *)&storage, &loopback));
	s->port = loopback.port;
	s->event = event_new(base, s->fd, EV_READ | EV_PERSIST, serve, s);
	event_add(s->event, NULL);
}

static void server_close(struct server *s)
{
	event_free(s->event);
	close(s->fd);
}

/* ---- The client ---- */

#define ATTRIBUTES_MAX 8

struct told {
	unsigned answers, accounted;
	bool accepted;
	uint8_t result;
	uint64_t ticket;
	uint8_t msk[64];
	size_t msk_length;
	size_t eap_length;
	char user[32];
	uint32_t timeout;
	struct address framed_ip, framed_ip6;
	size_t attribute_count;
	struct {
		uint16_t type;
		char value[32];
	} attributes[ATTRIBUTES_MAX];
};

static void answered(void *context, uint64_t ticket, const struct ike_radius_answer *answer,
	const struct cl_radius_packet *packet, uint32_t ike_id)
{
	struct told *t = context;

	(void)packet, (void)ike_id;
	t->answers++;
	t->ticket = ticket;
	t->result = answer->result;
	t->eap_length = answer->eap.length;
	t->msk_length = answer->msk.length;
	bytes_copy(t->msk, answer->msk);
	snprintf(t->user, sizeof(t->user), "%s", answer->user ? answer->user : "");
	t->timeout = answer->session_timeout;
	t->framed_ip = answer->framed_ip;
	t->framed_ip6 = answer->framed_ip6;
	t->attribute_count = answer->attributes ? answer->attributes->count : 0;
	for (size_t i = 0; i < t->attribute_count && i < ATTRIBUTES_MAX; i++) {
		const struct ike_attribute *a = &answer->attributes->items[i];

		t->attributes[i].type = a->type;
		snprintf(t->attributes[i].value, sizeof(t->attributes[i].value), "%.*s",
			(int)a->value.length, (const char *)a->value.at);
	}
	event_base_loopbreak(base);
}

static void accounted(void *context, uint32_t ike_id, bool accepted)
{
	struct told *t = context;

	(void)ike_id;
	t->accounted++;
	t->accepted = accepted;
	event_base_loopbreak(base);
}

static struct cl_radius *client_open(struct told *t, const char *settings_text)
{
	const struct cl_radius_config config = { .base = base,
		.processes = processes,
		.context = t,
		.answered = answered,
		.accounted = accounted };
	struct cl_radius_settings settings;
	struct cl_settings file;
	struct cl_radius *r;
	struct why why = { "" };

	*t = (struct told){ 0 };
	ck_assert_msg(cl_settings_parse(settings_text, &file, &why), "%s", why.text);
	ck_assert_msg(cl_radius_settings_read(&file, &settings, &why), "%s", why.text);
	cl_settings_free(&file);
	ck_assert(cl_radius_open(&config, &settings, quiet_log, &r, &why));
	return r;
}

static void ask(struct cl_radius *r, uint64_t session, uint64_t ticket)
{
	static const uint8_t eap[300] = { 2, 7, 1, 44, 1 };
	struct ike_radius_request request = {
		.session = session, .ike_id = 3, .user = "alice", .eap = bytes_of(eap, sizeof(eap))
	};

	ck_assert(address_parse("192.0.2.1", &request.local));
	ck_assert(address_parse("192.0.2.2", &request.remote));
	request.local.port = request.remote.port = 4500;
	ck_assert(cl_radius_ask(r, &request, ticket));
}

static const char *timeout = "20ms";

static const char *two_servers(uint16_t first, uint16_t second, const char *secret)
{
	static char text[600];

	snprintf(text, sizeof(text),
		"charon { plugins { eap-radius { secret = %s\n retransmit_timeout = %s\n"
		"retransmit_tries = 2\n servers { one { address = 127.0.0.1\n auth_port = %u\n"
		"acct_port = %u\n preference = 5\n }\n two { address = 127.0.0.1\n auth_port = %u\n"
		"acct_port = %u\n } } } } }",
		secret, timeout, first, first, second, second);
	return text;
}

/* ---- Packets ---- */

/* RFC 2865 7.1 */
static const uint8_t example_authenticator[16] = { 0x0f, 0x40, 0x3f, 0x94, 0x73, 0x97, 0x80, 0x57,
	0xbd, 0x83, 0xd5, 0xcb, 0x98, 0xf4, 0x22, 0x7a };
static const uint8_t example_accept[] = { 0x02, 0x00, 0x00, 0x26, 0x86, 0xfe, 0x22, 0x0e, 0x76,
	0x24, 0xba, 0x2a, 0x10, 0x05, 0xf6, 0xbf, 0x9b, 0x55, 0xe0, 0xb2, 0x06, 0x06, 0x00, 0x00,
	0x00, 0x01, 0x0f, 0x06, 0x00, 0x00, 0x00, 0x00, 0x0e, 0x06, 0xc0, 0xa8, 0x01, 0x03 };

START_TEST(the_answer_of_the_rfc_verifies)
{
	struct cl_radius_packet p;
	struct bytes secret = bytes_of_text("xyzzy5461");

	ck_assert(cl_radius_parse(bytes_of(example_accept, sizeof(example_accept)), &p));
	ck_assert(cl_radius_verify(NULL, &p, example_authenticator, secret, false));
	ck_assert(!cl_radius_verify(NULL, &p, example_authenticator, secret, true));
	ck_assert(!cl_radius_verify(
		NULL, &p, example_authenticator, bytes_of_text("xyzzy5462"), false));
	for (size_t i = 0; i < sizeof(example_accept); i++) {
		uint8_t copy[sizeof(example_accept)];

		memcpy(copy, example_accept, sizeof(copy));
		copy[i] ^= 1;
		ck_assert(!cl_radius_parse(bytes_of(copy, sizeof(copy)), &p) ||
			  !cl_radius_verify(NULL, &p, example_authenticator, secret, false));
	}
}
END_TEST

START_TEST(malformed_packets_are_refused)
{
	struct cl_radius_packet p;
	uint8_t packet[64] = { 2, 1, 0, 24, [20] = 79, [21] = 4 };

	ck_assert(cl_radius_parse(bytes_of(packet, 24), &p));
	ck_assert(cl_radius_parse(bytes_of(packet, 64), &p)); /* padding */
	ck_assert_uint_eq(p.whole.length, 24);
	for (size_t length = 0; length < 24; length++)
		ck_assert(!cl_radius_parse(bytes_of(packet, length), &p));
	packet[21] = 5;
	ck_assert(!cl_radius_parse(bytes_of(packet, 24), &p));
	packet[21] = 1;
	ck_assert(!cl_radius_parse(bytes_of(packet, 24), &p));
	packet[21] = 3; /* one octet is left: no attribute */
	ck_assert(!cl_radius_parse(bytes_of(packet, 24), &p));
	packet[3] = 19;
	ck_assert(!cl_radius_parse(bytes_of(packet, 24), &p));
}
END_TEST

/* ---- Conversations ---- */

/* What put_configuration() said, without what was malformed. */
static void expect_configuration(const struct told *told)
{
	static const struct {
		uint16_t type;
		const char *value;
	} expected[] = {
		{ IKE_ATTRIBUTE_IP4_NETMASK, "\377\377\377\001" },
		{ IKE_ATTRIBUTE_IP6_DNS, "fedcba9876543210" },
		{ IKE_ATTRIBUTE_IP4_DNS, "\012\002\001\065" },
		{ IKE_ATTRIBUTE_IP4_NBNS, "\012\002\001\066" },
		{ IKE_ATTRIBUTE_DNS_DOMAIN, "example.org" },
		{ IKE_ATTRIBUTE_DNS_DOMAIN, "corp.example" },
	};

	ck_assert_uint_eq(told->framed_ip6.family, AF_INET6);
	ck_assert_uint_eq(told->framed_ip6.octets[15], 'f');
	ck_assert_uint_eq(told->attribute_count, sizeof(expected) / sizeof(*expected));
	for (size_t i = 0; i < told->attribute_count; i++) {
		ck_assert_uint_eq(told->attributes[i].type, expected[i].type);
		ck_assert_str_eq(told->attributes[i].value, expected[i].value);
	}
}

START_TEST(a_conversation_stays_with_its_server_and_ends_with_the_key)
{
	struct server one, two;
	struct told told;
	struct cl_radius_packet p;

	server_open(&one, CHALLENGES);
	server_open(&two, ACCEPTS);
	struct cl_radius *r = client_open(&told, two_servers(one.port, two.port, SECRET));
	ask(r, 77, 1);
	event_base_dispatch(base);
	ck_assert_uint_eq(told.result, IKE_RADIUS_CHALLENGE);
	ck_assert_uint_eq(told.ticket, 1);
	ck_assert_uint_eq(told.eap_length, 5);
	ask(r, 77, 2);
	event_base_dispatch(base);
	ck_assert_uint_eq(told.result, IKE_RADIUS_ACCEPT);
	ck_assert_uint_eq(told.ticket, 2);
	ck_assert_uint_eq(told.msk_length, 64);
	ck_assert_uint_eq(told.msk[0], 'r');
	ck_assert_uint_eq(told.msk[31], 'r');
	ck_assert_uint_eq(told.msk[32], 's');
	ck_assert_uint_eq(told.msk[63], 's');
	ck_assert_str_eq(told.user, "alice");
	ck_assert_uint_eq(told.timeout, 3600);
	ck_assert_uint_eq(told.framed_ip.octets[3], 1);
	expect_configuration(&told);
	ck_assert_uint_eq(two.requests, 0);
	ck_assert(cl_radius_parse(bytes_of(one.last, one.last_length), &p));
	ck_assert(bytes_equal(cl_radius_find(&p, CL_RADIUS_STATE), bytes_of_text("first")));
	ck_assert(bytes_equal(cl_radius_find(&p, CL_RADIUS_USER_NAME), bytes_of_text("alice")));
	ck_assert(bytes_equal(
		cl_radius_find(&p, CL_RADIUS_NAS_IDENTIFIER), bytes_of_text("strongSwan")));
	ck_assert(bytes_equal(cl_radius_find(&p, CL_RADIUS_CALLING_STATION_ID),
		bytes_of_text("192.0.2.2[4500]")));
	ck_assert_uint_eq(cl_radius_find(&p, CL_RADIUS_EAP_MESSAGE).length, 253);
	cl_radius_forget(r, 77);
	cl_radius_close(r);
	server_close(&one);
	server_close(&two);
}
END_TEST

START_TEST(a_rejection_is_told)
{
	struct server one;
	struct told told;

	server_open(&one, REJECTS);
	struct cl_radius *r = client_open(&told, two_servers(one.port, one.port, SECRET));
	ask(r, 1, 5);
	event_base_dispatch(base);
	ck_assert_uint_eq(told.result, IKE_RADIUS_REJECT);
	ck_assert_uint_eq(told.msk_length, 0);
	cl_radius_close(r);
	server_close(&one);
}
END_TEST

START_TEST(the_next_server_is_asked_when_one_is_silent_or_gone)
{
	static const enum manner manners[] = { IS_SILENT, LIES, LEAVES_OUT_AUTHENTICATOR };

	for (unsigned i = 0; i <= sizeof(manners) / sizeof(*manners); i++) {
		bool gone = i == sizeof(manners) / sizeof(*manners);
		struct server one, two;
		struct told told;

		server_open(&one, gone ? IS_SILENT : manners[i]);
		server_open(&two, ACCEPTS);
		if (gone)
			server_close(&one);
		struct cl_radius *r = client_open(&told, two_servers(one.port, two.port, SECRET));
		ask(r, 1, 1);
		event_base_dispatch(base);
		ck_assert_uint_eq(told.result, IKE_RADIUS_ACCEPT);
		ck_assert_uint_eq(two.requests, 1);
		/* It is asked first from now on. */
		unsigned before = one.requests;
		ask(r, 2, 2);
		event_base_dispatch(base);
		ck_assert_uint_eq(told.result, IKE_RADIUS_ACCEPT);
		ck_assert_uint_eq(one.requests, before);
		cl_radius_close(r);
		if (!gone)
			server_close(&one);
		server_close(&two);
	}
}
END_TEST

START_TEST(nobody_answers)
{
	struct server one, two;
	struct told told;

	server_open(&one, IS_SILENT);
	server_open(&two, LIES);
	struct cl_radius *r = client_open(&told, two_servers(one.port, two.port, SECRET));
	ask(r, 1, 9);
	event_base_dispatch(base);
	ck_assert_uint_eq(told.result, IKE_RADIUS_UNREACHABLE);
	ck_assert_uint_eq(told.ticket, 9);
	ck_assert_uint_eq(one.requests, 2);
	ck_assert_uint_eq(two.requests, 3);
	cl_radius_close(r);
	server_close(&one);
	server_close(&two);
}
END_TEST

START_TEST(a_forgotten_conversation_is_not_answered)
{
	struct server one;
	struct told told;

	server_open(&one, ACCEPTS);
	struct cl_radius *r = client_open(&told, two_servers(one.port, one.port, SECRET));
	ask(r, 1, 1);
	ask(r, 2, 2);
	cl_radius_forget(r, 1);
	event_base_dispatch(base);
	ck_assert_uint_eq(told.ticket, 2);
	ck_assert_uint_eq(told.answers, 1);
	cl_radius_close(r);
	server_close(&one);
}
END_TEST

START_TEST(thousands_at_once_are_all_answered)
{
	struct server one;
	struct told told;

	timeout = "20s";
	server_open(&one, ACCEPTS);
	struct cl_radius *r = client_open(&told, two_servers(one.port, one.port, SECRET));
	for (uint64_t i = 1; i <= 2000; i++)
		ask(r, i, i);
	while (told.answers < 2000)
		event_base_dispatch(base);
	ck_assert_uint_eq(told.result, IKE_RADIUS_ACCEPT);
	cl_radius_close(r);
	server_close(&one);
}
END_TEST

START_TEST(without_servers_nobody_is_asked)
{
	struct told told;
	struct cl_radius *r = client_open(&told, "charon { }");
	const struct ike_radius_request request = { .session = 1 };

	ck_assert(!cl_radius_ask(r, &request, 1));
	cl_radius_close(r);
}
END_TEST

/* ---- Accounting ---- */

static bool no_usage(void *context, const struct ike_kernel_id *id, struct ike_kernel_usage *ret)
{
	(void)context, (void)id;
	*ret = (struct ike_kernel_usage){ .bytes = UINT64_C(0x100000002), .packets = 7 };
	return true;
}

static const struct ike_sa *no_sa(void *context, uint32_t ike_id)
{
	(void)context, (void)ike_id;
	return NULL;
}

static void close_none(void *context, uint32_t ike_id, bool all)
{
	(void)context, (void)ike_id, (void)all;
}

static uint32_t number(const struct server *s, uint8_t type)
{
	struct cl_radius_packet p;
	uint32_t ret;

	ck_assert(cl_radius_parse(bytes_of(s->last, s->last_length), &p));
	ck_assert(cl_radius_find_u32(&p, type, &ret));
	return ret;
}

START_TEST(accounting_tells_of_start_and_stop_with_what_went_through)
{
	struct server one;
	struct told told;
	struct cl_accounting *a;
	struct cl_radius_packet p;
	char text[700];
	struct ike_child_config config_of_child = { 0 };
	struct ike_child child = { .announced = true, .config = &config_of_child };
	struct ike_sa sa = { .unique_id = 4, .children = &child };
	struct ike_sa next = { .unique_id = 5 };
	struct ike_event event = { .kind = IKE_EVENT_IKE_UP, .sa = &sa, .child = &child };

	child.sa = &sa;
	server_open(&one, ACCEPTS);
	snprintf(text, sizeof(text),
		"charon { plugins { eap-radius { accounting = yes\n accounting_send_class = yes\n "
		"server = 127.0.0.1\n secret = %s\n servers { x { address = 127.0.0.1\n "
		"acct_port = %u } } } } }",
		SECRET, one.port);
	struct cl_radius *r = client_open(&told, text);
	const struct cl_accounting_config config = {
		.base = base, .radius = r, .query = no_usage, .find = no_sa, .close = close_none
	};
	ck_assert(cl_accounting_open(&config, quiet_log, &a, NULL));
	static const uint8_t accept[] = { 2, 1, 0, 27, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		0, 25, 7, 's', 't', 'a', 'f', 'f' };
	ck_assert(cl_radius_parse(bytes_of(accept, sizeof(accept)), &p));
	cl_accounting_accepted(a, 4, "alice", &p);
	cl_accounting_event(a, &event);
	event_base_dispatch(base);
	ck_assert(told.accepted);
	ck_assert_uint_eq(number(&one, CL_RADIUS_ACCT_STATUS_TYPE), 1);
	ck_assert(cl_radius_parse(bytes_of(one.last, one.last_length), &p));
	ck_assert(bytes_equal(cl_radius_find(&p, CL_RADIUS_CLASS), bytes_of_text("staff")));
	ck_assert(bytes_equal(cl_radius_find(&p, CL_RADIUS_USER_NAME), bytes_of_text("alice")));
	/* The child is rekeyed, then the IKE SA, which ends. */
	event.kind = IKE_EVENT_CHILD_REKEY;
	cl_accounting_event(a, &event);
	event = (struct ike_event){ .kind = IKE_EVENT_IKE_REKEY, .sa = &sa, .other = &next };
	cl_accounting_event(a, &event);
	event = (struct ike_event){ .kind = IKE_EVENT_IKE_DOWN, .sa = &next };
	next.children = &child;
	cl_accounting_event(a, &event);
	event_base_dispatch(base);
	ck_assert_uint_eq(told.accounted, 2);
	ck_assert_uint_eq(number(&one, CL_RADIUS_ACCT_STATUS_TYPE), 2);
	ck_assert_uint_eq(number(&one, CL_RADIUS_NAS_PORT), 4);
	ck_assert_uint_eq(number(&one, CL_RADIUS_ACCT_INPUT_OCTETS), 4);
	ck_assert_uint_eq(number(&one, CL_RADIUS_ACCT_INPUT_GIGAWORDS), 2);
	ck_assert_uint_eq(number(&one, CL_RADIUS_ACCT_OUTPUT_PACKETS), 14);
	cl_accounting_close(a);
	cl_radius_close(r);
	server_close(&one);
}
END_TEST

/* ---- Settings ---- */

static const char *refusal(const char *text)
{
	static struct why why;
	struct cl_radius_settings settings;
	struct cl_settings file;

	ck_assert(cl_settings_parse(text, &file, &why));
	ck_assert(!cl_radius_settings_read(&file, &settings, &why));
	cl_settings_free(&file);
	return why.text;
}

START_TEST(settings_that_make_no_sense_name_their_place)
{
	ck_assert_str_eq(refusal("charon {\n plugins { eap-radius {\n server = 192.0.2.1\n } } }"),
		"test:3: RADIUS server 'primary' has no secret");
	ck_assert_str_eq(refusal("charon {\n plugins { eap-radius {\n servers {\n a { secret = x\n "
				 "} } } } }"),
		"test:4: RADIUS server 'a' has no address");
	ck_assert_str_eq(refusal("charon { plugins { eap-radius { server = ::1\n secret = x\n "
				 "port = 70000\n } } }"),
		"test:3: port = 70000 is not a number from 0 to 65535");
}
END_TEST

START_TEST(the_older_form_of_the_settings_is_one_server)
{
	struct cl_radius_settings s;
	struct cl_settings file;
	struct why why;

	ck_assert(cl_settings_parse("charon { plugins { eap-radius { server = 192.0.2.1\n secret = "
				    "x\n nas_identifier = gw\n } } }",
		&file, &why));
	ck_assert(cl_radius_settings_read(&file, &s, &why));
	ck_assert_uint_eq(s.count, 1);
	ck_assert_uint_eq(s.servers[0].auth_port, 1812);
	ck_assert_uint_eq(s.servers[0].acct_port, 1813);
	ck_assert_str_eq(s.servers[0].nas_identifier, "gw");
	ck_assert(cl_radius_settings_equal(&s, &s));
	cl_radius_settings_free(&s);
	cl_settings_free(&file);
}
END_TEST

static void setup(void)
{
	struct why why;

	base = event_base_new();
	quiet_log = cl_log_new();
	ck_assert(cl_processes_open(base, &processes, &why));
}

static void teardown(void)
{
	cl_processes_close(processes);
	cl_log_free(quiet_log);
	event_base_free(base);
}

int main(void)
{
	Suite *suite = suite_create("radius");
	TCase *packets = tcase_create("packets"), *client = tcase_create("client");

	tcase_add_test(packets, the_answer_of_the_rfc_verifies);
	tcase_add_test(packets, malformed_packets_are_refused);
	tcase_add_test(packets, settings_that_make_no_sense_name_their_place);
	tcase_add_test(packets, the_older_form_of_the_settings_is_one_server);
	tcase_add_checked_fixture(client, setup, teardown);
	tcase_set_timeout(client, 60);
	tcase_add_test(client, a_conversation_stays_with_its_server_and_ends_with_the_key);
	tcase_add_test(client, a_rejection_is_told);
	tcase_add_test(client, the_next_server_is_asked_when_one_is_silent_or_gone);
	tcase_add_test(client, nobody_answers);
	tcase_add_test(client, a_forgotten_conversation_is_not_answered);
	tcase_add_test(client, thousands_at_once_are_all_answered);
	tcase_add_test(client, without_servers_nobody_is_asked);
	tcase_add_test(client, accounting_tells_of_start_and_stop_with_what_went_through);
	suite_add_tcase(suite, packets);
	suite_add_tcase(suite, client);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
