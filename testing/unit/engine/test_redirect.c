/* Redirection (RFC 5685): sun is the client of moon, which sends it to venus. */
#include "libike/wire/build.h"
#include "testing/sim/seal.h"
#include "testing/unit/engine/duo.h"

#define MOON "192.0.2.1"
#define VENUS "192.0.2.3"

/* A network in which gateways' answers redirect: what their engines really say does not arrive. */
struct redirector {
	struct duo *d;
	uint8_t exchange;
	const char *from_moon, *from_venus; /* to whom; NULL: it does not redirect */
	uint8_t type;                       /* of the gateway's identity; 0: an IPv4 address */
	bool forged;                        /* with another nonce */
	bool unproved;                      /* IKE_AUTH: the notify alone */
	unsigned times;                     /* how many may; 0: all */
	unsigned seen;
	uint8_t nonce[256];
	size_t nonce_length;
};

static size_t write_identity(const struct redirector *r, const char *to, uint8_t *ret)
{
	struct address a = { .family = 0 };
	bool parsed = address_parse(to, &a);
	struct bytes identity = bytes_of_text(to);

	ret[0] = r->type ? r->type : 1;
	if (parsed && ret[0] != 3)
		identity = bytes_of(a.octets, address_size(&a));
	ret[1] = (uint8_t)identity.length;
	bytes_copy(ret + 2, identity);
	return 2 + identity.length;
}

static struct bytes notify_data(const struct redirector *r, const char *to, uint8_t data[600])
{
	size_t length = write_identity(r, to, data);

	if (r->exchange == IKE_EXCHANGE_SA_INIT) {
		memcpy(data + length, r->nonce, r->nonce_length);
		data[length] ^= r->forged;
		length += r->nonce_length;
	}
	return bytes_of(data, length);
}

static void keep_nonce(struct redirector *r, const struct sim_flight *flight)
{
	struct ike_message message;
	struct why why;

	ck_assert_int_eq(ike_message_parse(bytes_of(flight->data, flight->length), &message, &why),
		IKE_PARSE_OK);
	memcpy(r->nonce, message.nonce.at, message.nonce.length);
	r->nonce_length = message.nonce.length;
}

static void redirect_init(struct redirector *r, struct sim_flight *flight, const char *to)
{
	struct ike_header header = {
		.exchange = IKE_EXCHANGE_SA_INIT, .version = 0x20, .flags = IKE_FLAG_RESPONSE
	};
	struct reader spi = reader_of(bytes_of(flight->data, 8));
	uint8_t chain[1024], data[600];
	struct ike_packets *packets;
	struct ike_builder b;

	header.spi_initiator = reader_u64(&spi);
	ike_builder_begin(&b, chain, sizeof(chain));
	ike_build_notify(&b, IKE_NOTIFY_REDIRECT, notify_data(r, to, data));
	packets = ike_packets_clear(&header, &b);
	ck_assert_ptr_nonnull(packets);
	struct bytes datagram = ike_packets_get(packets, 0);
	ck_assert_uint_le(datagram.length, flight->capacity);
	bytes_copy(flight->data, datagram);
	flight->length = datagram.length;
	ike_packets_free(packets);
}

/* In front of what the gateway says. */
static void redirect_auth(
	struct redirector *r, struct sim_world *w, struct sim_flight *flight, const char *to)
{
	struct sim_inner inner;
	uint8_t chain[SIM_INNER_MAX], data[600];
	struct ike_builder b;

	ck_assert(sim_flight_open(w, flight, &inner));
	ike_builder_begin(&b, chain, sizeof(chain));
	ike_build_notify(&b, IKE_NOTIFY_REDIRECT, notify_data(r, to, data));
	size_t length = b.writer.length;
	if (r->unproved) {
		inner.length = 0;
	} else {
		chain[0] = inner.first;
		ck_assert_uint_lt(length + inner.length, sizeof(chain));
	}
	memmove(inner.chain + length, inner.chain, inner.length);
	memcpy(inner.chain, chain, length);
	inner.first = IKE_PAYLOAD_NOTIFY;
	inner.length += length;
	ck_assert(sim_flight_seal(w, flight, &inner));
}

static bool redirect(void *context, struct sim_world *w, struct sim_flight *flight)
{
	struct redirector *r = context;
	bool answer = flight->data[19] & IKE_FLAG_RESPONSE;
	const char *to = flight->from == r->d->moon->index ? r->from_moon : r->from_venus;

	if (!answer && flight->data[18] == IKE_EXCHANGE_SA_INIT)
		keep_nonce(r, flight);
	if (!answer || flight->data[18] != r->exchange || flight->from == r->d->sun->index || !to ||
		(r->times > 0 && r->seen >= r->times))
		return true;
	r->seen++;
	if (r->exchange == IKE_EXCHANGE_SA_INIT)
		redirect_init(r, flight, to);
	else
		redirect_auth(r, w, flight, to);
	return true;
}

/* venus has what moon has. */
static struct sim_node *begin(struct duo *d)
{
	*d = duo_begin(false);
	d->sun_side.dpd_delay = 10;
	d->sun_side.children[0].dpd_action = IKE_ACTION_START;
	d->moon_side.remote_addrs = "%any";
	return sim_node_add(d->world, false);
}

static void start(struct duo *d, struct sim_node *venus, struct redirector *r)
{
	struct why why = { "" };

	if (r) {
		r->d = d;
		d->world->filter = redirect;
		d->world->filter_context = r;
	}
	sim_node_start(venus);
	sim_node_psk(venus, d->moon_psk, NULL);
	ck_assert_msg(sim_node_load(venus, sim_define(&d->moon_side), &why), "%s", why.text);
	duo_start(d);
}

static void pass(struct duo *d, ike_time seconds)
{
	duo_pass(d, IKE_SECONDS(seconds));
}

static void is_at(const struct duo *d, const struct sim_node *gateway)
{
	const struct ike_sa *sa = duo_only_sa(d->sun);

	ck_assert_int_eq(sa->state, IKE_SA_ESTABLISHED);
	ck_assert(address_same_host(&sa->remote, &gateway->address[0]) ||
		  address_same_host(&sa->remote, &gateway->address[1]));
	ck_assert_uint_eq(duo_children(d->sun), 1);
	ck_assert_uint_eq(duo_ike_sas(gateway), 1);
	ck_assert_uint_eq(duo_children(gateway), 1);
}

static bool send_away(struct sim_node *gateway, const char *to, struct why *why)
{
	sim_node_enter(gateway);
	bool done = ike_engine_redirect(
		gateway->engine, gateway->world->now, duo_sa(gateway)->unique_id, to, why);
	sim_node_leave(gateway);
	return done;
}

/* ---- IKE_SA_INIT ---- */

static const struct {
	const char *to;
	uint8_t type;
} gateways[] = {
	{ VENUS, 1 },
	{ "2001:db8::3", 2 },
	{ "venus.example.org", 3 },
};

START_TEST(the_first_answer_sends_to_another_gateway)
{
	struct redirector r = { .exchange = IKE_EXCHANGE_SA_INIT,
		.from_moon = gateways[_i].to,
		.type = gateways[_i].type };
	struct duo d;
	struct sim_node *venus = begin(&d);
	struct sim_name *name = sim_network_name(d.world, "venus.example.org");

	name->count = 1;
	ck_assert(address_parse(VENUS, &name->addresses[0]));
	start(&d, venus, &r);
	const struct sim_command *command =
		sim_node_initiate(d.sun, "moon", "net", &(struct why){ "" });
	pass(&d, 5);
	ck_assert(command->done);
	is_at(&d, venus);
	ck_assert(sim_node_logged(d.sun, "192.0.2.1 redirects us to "));
	ck_assert(sim_node_logged(venus, "client got redirected from 192.0.2.1"));
	ck_assert(sim_node_logged(venus, "N(REDIR_FROM)"));
	ck_assert(!sim_node_logged(venus, "N(REDIR_SUP)"));
	pass(&d, 60); /* what moon has half open goes */
	ck_assert_uint_eq(duo_ike_sas(d.moon), 0);
	duo_end(&d);
}
END_TEST

START_TEST(a_redirect_without_our_nonce_is_nobodys)
{
	struct redirector r = {
		.exchange = IKE_EXCHANGE_SA_INIT, .from_moon = VENUS, .forged = true, .times = 1
	};
	struct duo d;
	struct sim_node *venus = begin(&d);

	start(&d, venus, &r);
	duo_up(&d, d.sun, "net");
	is_at(&d, d.moon);
	ck_assert(sim_node_logged(d.sun, "ignoring a REDIRECT from 192.0.2.1"));
	duo_end(&d);
}
END_TEST

/* A gateway that is named is none that could be gone to, or no name at all. */
START_TEST(a_gateway_that_is_none_is_refused)
{
	static const struct {
		const char *to;
		uint8_t type;
	} bad[] = {
		{ "0.0.0.0", 1 },
		{ "::", 2 },
		{ VENUS, 2 },
		{ VENUS, 3 },
		{ VENUS, 9 },
		{ "%any", 3 },
		{ "192.0.2.0/24", 3 },
		{ "a name\nwith another line", 3 },
		{ "", 3 },
	};
	struct redirector r = {
		.exchange = IKE_EXCHANGE_SA_INIT, .from_moon = bad[_i].to, .type = bad[_i].type
	};
	struct duo d;
	struct sim_node *venus = begin(&d);

	start(&d, venus, &r);
	ck_assert(!duo_initiate(&d, d.sun, "net")->done);
	(void)duo_explains(d.sun, "moon", IKE_REASON_REDIRECT, "REDIRECT of 192.0.2.1 is not valid",
		"connections.moon.remote_addrs");
	ck_assert_uint_eq(duo_ike_sas(venus), 0);
	duo_end(&d);
}
END_TEST

START_TEST(gateways_that_send_us_round_are_left)
{
	struct redirector r = {
		.exchange = IKE_EXCHANGE_SA_INIT, .from_moon = VENUS, .from_venus = MOON
	};
	struct duo d;
	struct sim_node *venus = begin(&d);

	d.sun_side.children[0].start_action = IKE_ACTION_START;
	start(&d, venus, &r);
	pass(&d, 1);
	ck_assert_uint_eq(r.seen, 6);
	(void)duo_explains(d.sun, "moon", IKE_REASON_REDIRECT,
		"only 5 redirects are allowed within 300 seconds", "back and forth");
	ck_assert_uint_eq(duo_ike_sas(d.sun), 0);
	/* It is wanted still: each attempt goes to the configured address first. */
	pass(&d, 600);
	ck_assert_uint_le(r.seen, 6 * 30);
	r.from_moon = NULL;
	pass(&d, 90);
	is_at(&d, d.moon);
	duo_end(&d);
}
END_TEST

START_TEST(who_follows_no_redirects_says_so)
{
	struct redirector r = { .exchange = IKE_EXCHANGE_SA_INIT, .from_moon = VENUS };
	struct duo d;
	struct sim_node *venus = begin(&d);

	d.sun->settings.follow_redirects = false;
	start(&d, venus, &r);
	ck_assert(!duo_initiate(&d, d.sun, "net")->done);
	ck_assert(!sim_node_logged(d.moon, "N(REDIR_SUP)"));
	(void)duo_explains(d.sun, "moon", IKE_REASON_REDIRECT, "although we follow no redirects",
		"charon.follow_redirects = yes");
	ck_assert_uint_eq(duo_ike_sas(venus), 0);
	duo_end(&d);
}
END_TEST

static bool venus_is_dead(void *context, struct sim_world *w, struct sim_flight *flight)
{
	return flight->destination.octets[3] != 3 && redirect(context, w, flight);
}

START_TEST(when_the_other_gateway_is_silent_the_configured_one_is_tried_again)
{
	struct redirector r = { .exchange = IKE_EXCHANGE_SA_INIT, .from_moon = VENUS, .times = 1 };
	struct duo d;
	struct sim_node *venus = begin(&d);

	if (_i == 1)
		d.sun_side.children[0].start_action = IKE_ACTION_START;
	else
		d.sun_side.keyingtries = _i ? 1 : 2;
	start(&d, venus, &r);
	d.world->filter = venus_is_dead;
	if (_i != 1)
		(void)sim_node_initiate(d.sun, "moon", "net", &(struct why){ "" });
	pass(&d, 200);
	is_at(&d, d.moon);
	if (_i == 1)
		ck_assert(sim_node_logged(
			d.sun, "(where 192.0.2.1 redirected us to) did not answer"));
	duo_end(&d);
}
END_TEST

/* ---- IKE_AUTH ---- */

START_TEST(who_has_proved_itself_sends_to_another_gateway)
{
	struct redirector r = { .exchange = IKE_EXCHANGE_AUTH, .from_moon = VENUS };
	struct duo d;
	struct sim_node *venus = begin(&d);

	start(&d, venus, &r);
	const struct sim_command *command =
		sim_node_initiate(d.sun, "moon", "net", &(struct why){ "" });
	pass(&d, 5);
	ck_assert(command->done);
	ck_assert_uint_eq(command->answers, 1);
	is_at(&d, venus);
	ck_assert_uint_eq(duo_ike_sas(d.moon), 0);
	ck_assert(sim_node_logged(venus, "client got redirected from 192.0.2.1"));
	duo_end(&d);
}
END_TEST

START_TEST(who_has_not_proved_itself_sends_nobody)
{
	struct redirector r = {
		.exchange = IKE_EXCHANGE_AUTH, .from_moon = VENUS, .unproved = true
	};
	struct duo d;
	struct sim_node *venus = begin(&d);

	start(&d, venus, &r);
	const struct sim_command *command =
		sim_node_initiate(d.sun, "moon", "net", &(struct why){ "" });
	pass(&d, 5);
	ck_assert(command->answers == 1 && !command->done);
	(void)duo_explains(d.sun, "moon", IKE_REASON_REDIRECT,
		"redirects us in IKE_AUTH without having proved who it is", "RFC 5685");
	ck_assert_uint_eq(duo_ike_sas(venus), 0);
	d.world->filter = NULL;
	(void)sim_node_terminate(
		d.moon, &(struct ike_terminate){ .ike = "sun" }, &(struct why){ "" });
	sim_world_settle(d.world, d.world->now + IKE_SECONDS(400));
	duo_end(&d);
}
END_TEST

START_TEST(a_loop_through_ike_auth_is_one_too)
{
	struct redirector r = {
		.exchange = IKE_EXCHANGE_AUTH, .from_moon = VENUS, .from_venus = MOON
	};
	struct duo d;
	struct sim_node *venus = begin(&d);

	start(&d, venus, &r);
	const struct sim_command *command =
		sim_node_initiate(d.sun, "moon", "net", &(struct why){ "" });
	pass(&d, 5);
	ck_assert(command->answers == 1 && !command->done);
	ck_assert_uint_eq(r.seen, 6);
	(void)duo_failure(d.sun, "moon", IKE_REASON_REDIRECT);
	ck_assert_uint_eq(duo_ike_sas(d.moon), 0);
	ck_assert_uint_eq(duo_ike_sas(venus), 0);
	duo_end(&d);
}
END_TEST

/* ---- INFORMATIONAL ---- */

START_TEST(a_tunnel_moves_to_another_gateway_and_back_when_that_fails)
{
	struct duo d;
	struct sim_node *venus = begin(&d);
	struct duo_stream stream;
	struct why why;

	d.sun_side.children[0].start_action = _i ? IKE_ACTION_START : IKE_ACTION_NONE;
	start(&d, venus, NULL);
	if (_i)
		pass(&d, 5);
	else
		duo_up(&d, d.sun, "net");
	is_at(&d, d.moon);
	duo_stream_begin(&d, &stream, 5);
	ck_assert_msg(send_away(d.moon, VENUS, &why), "%s", why.text);
	pass(&d, 5);
	is_at(&d, venus);
	ck_assert_uint_eq(duo_ike_sas(d.moon), 0);
	ck_assert(sim_node_logged(venus, "client got redirected from 192.0.2.1"));

	struct ike_rekey what = { .ike = "moon" };
	ck_assert(sim_node_rekey(d.sun, &what, &why));
	pass(&d, 30);
	is_at(&d, venus);
	sim_node_crash(venus);
	pass(&d, 300);
	ck_assert_uint_eq(duo_children(d.moon), 1);
	sim_node_start(venus);
	duo_is_at(&duo_only_sa(d.sun)->remote, MOON);
	duo_end(&d);
}
END_TEST

START_TEST(a_gateway_that_cannot_be_reached_leaves_the_tunnel_where_it_is)
{
	struct duo d;
	struct sim_node *venus = begin(&d);
	struct why why;

	start(&d, venus, NULL);
	duo_up(&d, d.sun, "net");
	ck_assert(send_away(d.moon, "192.0.2.99", &why));
	pass(&d, 400);
	ck_assert_uint_eq(duo_children(d.moon), 1);
	duo_both_ways(&d);
	/* It is sent to another one meanwhile. */
	ck_assert(send_away(d.moon, VENUS, &why));
	pass(&d, 10);
	is_at(&d, venus);
	ck_assert_uint_eq(duo_ike_sas(d.moon), 0);
	duo_end(&d);
}
END_TEST

START_TEST(a_gateway_that_sends_us_to_nobody_and_ends_it_is_come_back_to)
{
	struct duo d;
	struct sim_node *venus = begin(&d);
	struct why why;

	start(&d, venus, NULL);
	duo_up(&d, d.sun, "net");
	ck_assert(send_away(d.moon, "192.0.2.99", &why));
	pass(&d, 5);
	(void)sim_node_terminate(d.moon, &(struct ike_terminate){ .ike = "sun" }, &why);
	pass(&d, 300);
	is_at(&d, d.moon);
	duo_end(&d);
}
END_TEST

START_TEST(a_gateway_that_wants_us_elsewhere_all_the_time_is_stayed_with)
{
	struct duo d;
	struct sim_node *venus = begin(&d);
	struct why why;

	start(&d, venus, NULL);
	duo_up(&d, d.sun, "net");
	for (unsigned i = 0; i < 6; i++) {
		ck_assert(send_away(i % 2 ? venus : d.moon, i % 2 ? MOON : VENUS, &why));
		pass(&d, 10);
	}
	is_at(&d, venus);
	(void)duo_failure(d.sun, "moon", IKE_REASON_REDIRECT);
	pass(&d, 300);
	ck_assert(send_away(venus, MOON, &why));
	pass(&d, 10);
	is_at(&d, d.moon);
	duo_end(&d);
}
END_TEST

START_TEST(a_gateway_whose_redirect_is_refused_and_that_ends_the_tunnel_is_come_back_to)
{
	struct duo d;
	struct sim_node *venus = begin(&d);
	struct why why;

	d.sun_side.children[0].close_action = IKE_ACTION_NONE;
	start(&d, venus, NULL);
	duo_up(&d, d.sun, "net");
	for (unsigned i = 0; i < 6; i++) {
		ck_assert(send_away(i % 2 ? venus : d.moon, i % 2 ? MOON : VENUS, &why));
		pass(&d, 10);
	}
	is_at(&d, venus);
	(void)sim_node_terminate(venus, &(struct ike_terminate){ .ike = "sun" }, &why);
	pass(&d, 300);
	is_at(&d, d.moon);
	duo_end(&d);
}
END_TEST

START_TEST(who_cannot_be_redirected_is_said)
{
	struct duo d;
	struct sim_node *venus = begin(&d);
	struct why why;

	d.sun->settings.follow_redirects = _i == 0;
	start(&d, venus, NULL);
	duo_up(&d, d.sun, "net");
	ck_assert(!send_away(d.sun, VENUS, &why));
	ck_assert_str_eq(why.text, "unable to redirect IKE_SA as initiator");
	if (_i == 1) {
		ck_assert(!send_away(d.moon, VENUS, &why));
		ck_assert_str_eq(why.text, "client does not support IKE redirection");
	}
	ck_assert(!send_away(d.moon, "192.0.2.0/24", &why));
	ck_assert(!send_away(d.moon, "%any", &why));
	is_at(&d, d.moon);
	duo_end(&d);
}
END_TEST

TCase *redirect_tests(void)
{
	TCase *tests = tcase_create("redirect");

	tcase_set_timeout(tests, 60);
	tcase_add_loop_test(tests, the_first_answer_sends_to_another_gateway, 0, 3);
	tcase_add_test(tests, a_redirect_without_our_nonce_is_nobodys);
	tcase_add_loop_test(tests, a_gateway_that_is_none_is_refused, 0, 9);
	tcase_add_test(tests, gateways_that_send_us_round_are_left);
	tcase_add_test(tests, who_follows_no_redirects_says_so);
	tcase_add_loop_test(
		tests, when_the_other_gateway_is_silent_the_configured_one_is_tried_again, 0, 3);
	tcase_add_test(tests, who_has_proved_itself_sends_to_another_gateway);
	tcase_add_test(tests, who_has_not_proved_itself_sends_nobody);
	tcase_add_test(tests, a_loop_through_ike_auth_is_one_too);
	tcase_add_loop_test(
		tests, a_tunnel_moves_to_another_gateway_and_back_when_that_fails, 0, 2);
	tcase_add_test(tests, a_gateway_that_cannot_be_reached_leaves_the_tunnel_where_it_is);
	tcase_add_test(tests, a_gateway_that_sends_us_to_nobody_and_ends_it_is_come_back_to);
	tcase_add_test(tests, a_gateway_that_wants_us_elsewhere_all_the_time_is_stayed_with);
	tcase_add_test(tests,
		a_gateway_whose_redirect_is_refused_and_that_ends_the_tunnel_is_come_back_to);
	tcase_add_loop_test(tests, who_cannot_be_redirected_is_said, 0, 2);
	return tests;
}
