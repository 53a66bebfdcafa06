/* EAP against peers that want in without proving anything. */
#include "testing/unit/eap/pair.h"

static struct pair *begin(uint8_t method)
{
	struct pair *p = pair_new(method, method);

	side_secret(&p->server, IKE_SHARED_EAP, "carol@example.org", "secret of carol");
	side_secret(&p->client, IKE_SHARED_EAP, "carol@example.org", "secret of carol");
	return p;
}

/* Replaces what a side says by octets. */
static void say(struct side *s, const void *octets, size_t length)
{
	s->out = writer_of(s->room, sizeof(s->room));
	writer_put(&s->out, bytes_of(octets, length));
}

struct blow {
	bool of_server;
	unsigned at; /* the number of the packet */
	size_t offset;
	uint8_t flip;
};

static void meddle(struct pair *p, struct side *from, bool from_server)
{
	const struct blow *b = p->meddler;

	if (from_server == b->of_server && p->packets == b->at && b->offset < from->out.length)
		from->room[b->offset] ^= b->flip;
}

/* Success in place of each of the server's packets: the client must not believe it before the
 * method has succeeded. */
static void success_at(struct pair *p, struct side *from, bool from_server)
{
	const struct blow *b = p->meddler;

	if (!from_server || p->packets != b->at)
		return;
	const uint8_t success[] = { 3, from->room[1], 0, 4 };
	say(from, success, sizeof(success));
}

START_TEST(success_too_early)
{
	struct blow blow = { .at = (unsigned)_i };
	struct pair *p = begin(IKE_EAP_METHOD_MSCHAPV2);

	p->meddler = &blow;
	p->meddle = success_at;
	pair_run(p);
	side_expect_failure(&p->client, IKE_REASON_EAP, "has not succeeded");
	ck_assert_ptr_null(ike_eap_identity(p->client.eap));
	pair_free(p);
}
END_TEST

/* Every octet of every packet changed: nobody comes to success with other keys, and a proof that
 * was changed is refused. */
static void flip_all(uint8_t method, unsigned packets, size_t octets)
{
	for (unsigned at = 0; at < packets; at++) {
		for (size_t offset = 0; offset < octets; offset++) {
			struct blow blow = { at % 2 == 0, at, offset, 0x11 };
			struct pair *p = begin(method);

			p->meddler = &blow;
			p->meddle = meddle;
			pair_run(p);
			if (p->server.result == IKE_EAP_DONE && p->client.result == IKE_EAP_DONE)
				pair_expect_success(p, "carol@example.org");
			pair_free(p);
		}
	}
}

START_TEST(flipped_mschapv2)
{
	flip_all(IKE_EAP_METHOD_MSCHAPV2, 5, 80);
}
END_TEST

START_TEST(flipped_md5)
{
	flip_all(IKE_EAP_METHOD_MD5, 3, 40);
}
END_TEST

/* Another digit among the 40 of "S=". */
static void change_proof(struct pair *p, struct side *from, bool from_server)
{
	if (from_server && p->packets == 2)
		from->room[20] = from->room[20] == '0' ? '1' : '0';
}

START_TEST(wrong_authenticator_response)
{
	struct pair *p = begin(IKE_EAP_METHOD_MSCHAPV2);

	p->meddle = change_proof;
	pair_run(p);
	side_expect_failure(&p->client, IKE_REASON_EAP, "server does not know the password");
	ck_assert_uint_eq(ike_eap_msk(p->client.eap).length, 0);
	pair_free(p);
}
END_TEST

START_TEST(wrong_identifier)
{
	for (unsigned at = 1; at < 4; at += 2) {
		struct blow blow = { false, at, 1, 0x01 };
		struct pair *p = begin(IKE_EAP_METHOD_MSCHAPV2);

		p->meddler = &blow;
		p->meddle = meddle;
		pair_run(p);
		side_expect_failure(&p->server, IKE_REASON_PROTOCOL, "not the response to request");
		pair_free(p);
	}
}
END_TEST

START_TEST(success_of_another_conversation)
{
	struct blow blow = { true, 4, 1, 0x01 };
	struct pair *p = begin(IKE_EAP_METHOD_MSCHAPV2);

	p->meddler = &blow;
	p->meddle = meddle;
	pair_run(p);
	side_expect_failure(&p->client, IKE_REASON_PROTOCOL, "response that is not ours");
	pair_free(p);
}
END_TEST

/* A client that plays the server's part. */
START_TEST(client_says_success)
{
	static const uint8_t packets[][8] = {
		{ 3, 0, 0, 4 },                    /* EAP-Success */
		{ 1, 0, 0, 6, 26, 3 },             /* a request */
		{ 2, 0, 0, 6, 26, 3 },             /* the acknowledgement before its time */
		{ 2, 0, 0, 6, 26, 4 },             /* the same of a failure */
		{ 2, 0, 0, 5, 26 },                /* nothing */
		{ 2, 0, 0, 5, 1 },                 /* an identity that was not asked for */
		{ 2, 0, 0, 6, 4, 0 },              /* another method */
		{ 2, 0, 0, 8, 26, 2, 0xff, 0xff }, /* MS-Length beyond the end */
		{ 2, 0, 0, 5, 3 },                 /* a Nak that wants nothing */
		{ 2, 0, 0, 7, 3, 254, 253 },       /* a Nak that wants what is not on the wire */
		{ 2, 0, 0, 9, 26, 3, 0, 0 },       /* longer than it is */
	};

	for (size_t i = 0; i < sizeof(packets) / sizeof(*packets); i++) {
		struct pair *p = begin(IKE_EAP_METHOD_MSCHAPV2);
		struct side *s = &p->server;
		struct writer w = writer_of(s->room, sizeof(s->room));
		uint8_t packet[8];

		s->eap = ike_eap_server_new(s->engine, &s->sa, &s->round);
		ck_assert_int_eq(ike_eap_begin(s->eap, &w, &s->failure), IKE_EAP_SEND);
		memcpy(packet, packets[i], sizeof(packet));
		packet[1] = s->room[1];
		side_packet(s, bytes_of(packet, packet[3] < 8 ? packet[3] : 8));
		ck_assert_int_eq(s->result, IKE_EAP_FAILED);
		ck_assert_ptr_null(ike_eap_identity(s->eap));
		/* It is over, whatever comes. */
		side_packet(s, bytes_of(packet, 4));
		ck_assert_int_eq(s->result, IKE_EAP_FAILED);
		pair_free(p);
	}
}
END_TEST

/* What a client does not answer, in the state before any request. */
START_TEST(strange_requests)
{
	static const uint8_t packets[][8] = {
		{ 0, 1, 0, 4 }, { 5, 1, 0, 4 }, { 1, 1, 0, 4 }, /* no type */
		{ 1, 1, 0, 5, 0 },                              /* type 0 */
		{ 1, 1, 0, 6, 3, 4 },                           /* a Nak */
		{ 2, 1, 0, 6, 1, 'a' },                         /* a response */
		{ 3, 1, 0, 5, 0 },                              /* a success with something in it */
		{ 1, 1, 0, 6, 26, 1 },                          /* a challenge of nothing */
		{ 1, 1, 0, 6, 4, 0 },                           /* the same of MD5 */
	};

	for (size_t i = 0; i < sizeof(packets) / sizeof(*packets); i++) {
		struct pair *p = begin(IKE_EAP_METHOD_ANY);
		struct side *c = &p->client;

		c->eap = ike_eap_client_new(c->engine, &c->sa, &c->round);
		side_packet(c, bytes_of(packets[i], packets[i][3]));
		ck_assert_int_eq(c->result, IKE_EAP_FAILED);
		pair_free(p);
	}
}
END_TEST

/* A server that would talk for ever. */
START_TEST(endless)
{
	struct pair *p = begin(IKE_EAP_METHOD_MSCHAPV2);
	struct side *c = &p->client;

	c->eap = ike_eap_client_new(c->engine, &c->sa, &c->round);
	for (unsigned i = 0; i < 200 && c->result != IKE_EAP_FAILED; i++) {
		const uint8_t packet[] = { 1, (uint8_t)i, 0, 5, 1 };

		side_packet(c, bytes_of(packet, sizeof(packet)));
	}
	side_expect_failure(c, IKE_REASON_PROTOCOL, "round trips");
	pair_free(p);
}
END_TEST

START_TEST(oversized)
{
	static uint8_t packet[IKE_EAP_PACKET_MAX + 1] = { 1, 1, sizeof(packet) >> 8,
		sizeof(packet) & 0xff, 1 };
	struct pair *p = begin(IKE_EAP_METHOD_MSCHAPV2);
	struct side *c = &p->client;

	c->eap = ike_eap_client_new(c->engine, &c->sa, &c->round);
	side_packet(c, bytes_of(packet, sizeof(packet)));
	side_expect_failure(c, IKE_REASON_PROTOCOL, "malformed");
	pair_free(p);
}
END_TEST

/* The response of an earlier conversation proves nothing in another. */
static uint8_t recorded[256];
static size_t recorded_length;

static void record(struct pair *p, struct side *from, bool from_server)
{
	if (!from_server && p->packets == 1) {
		recorded_length = from->out.length;
		memcpy(recorded, from->room, recorded_length);
	}
}

static void replay(struct pair *p, struct side *from, bool from_server)
{
	if (from_server || p->packets != 1)
		return;
	uint8_t identifier = from->room[1];

	memcpy(from->room, recorded, recorded_length);
	from->room[1] = identifier;
	if (recorded[4] == IKE_EAP_METHOD_MSCHAPV2)
		from->room[6] = identifier;
	from->out.length = recorded_length;
}

START_TEST(replayed_response)
{
	struct pair *p = begin((uint8_t)_i);

	p->meddle = record;
	pair_run(p);
	pair_expect_success(p, "carol@example.org");
	pair_free(p);
	p = begin((uint8_t)_i);
	p->meddle = replay;
	pair_run(p);
	side_expect_failure(&p->server, IKE_REASON_EAP, "password");
	pair_free(p);
}
END_TEST

TCase *eap_hostile_tests(void)
{
	TCase *t = tcase_create("eap hostile");

	tcase_add_loop_test(t, success_too_early, 0, 1);
	tcase_add_loop_test(t, success_too_early, 2, 3);
	tcase_add_test(t, flipped_mschapv2);
	tcase_add_test(t, flipped_md5);
	tcase_add_test(t, wrong_authenticator_response);
	tcase_add_test(t, wrong_identifier);
	tcase_add_test(t, success_of_another_conversation);
	tcase_add_test(t, client_says_success);
	tcase_add_test(t, strange_requests);
	tcase_add_test(t, endless);
	tcase_add_test(t, oversized);
	tcase_add_loop_test(t, replayed_response, IKE_EAP_METHOD_MD5, IKE_EAP_METHOD_MD5 + 1);
	tcase_add_loop_test(
		t, replayed_response, IKE_EAP_METHOD_MSCHAPV2, IKE_EAP_METHOD_MSCHAPV2 + 1);
	return t;
}
