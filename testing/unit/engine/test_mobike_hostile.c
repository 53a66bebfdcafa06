/* MOBIKE: what a hostile peer may say, refusals, and answers in other hosts' names. */
#include "libike/sa/path.h"
#include "libike/wire/message.h"
#include "testing/sim/seal.h"
#include "testing/unit/engine/duo.h"

/* Adds notifies to sun's first INFORMATIONAL request, or takes them for moon's answer. */
struct words {
	uint16_t type;
	size_t length;
	unsigned times;
	bool in_answers;
	bool said;
	uint8_t answer[SIM_INNER_MAX]; /* what moon's answer has inside */
	size_t answer_length;
};

static bool say(void *context, struct sim_world *w, struct sim_flight *flight)
{
	struct words *words = context;
	struct sim_inner inner;
	struct ike_builder b;
	uint8_t data[256] = { 0 };
	bool answer = flight->data[19] & IKE_FLAG_RESPONSE;

	if (flight->data[18] != IKE_EXCHANGE_INFORMATIONAL || !sim_flight_open(w, flight, &inner))
		return true;
	if (flight->from == 0 && answer && words->said && !words->answer_length) {
		memcpy(words->answer, inner.chain, inner.length);
		words->answer_length = inner.length;
	}
	if (flight->from != (words->in_answers ? 0 : 1) || answer != words->in_answers ||
		words->said)
		return true;
	words->said = true;
	ike_builder_begin(&b, inner.chain, sizeof(inner.chain));
	for (unsigned i = 0; i < words->times; i++) {
		data[0] = 198;
		data[1] = (uint8_t)i;
		ike_build_notify(&b, words->type, bytes_of(data, words->length));
	}
	ck_assert(!b.writer.bad);
	inner.first = b.first;
	inner.length = b.writer.length;
	ck_assert(sim_flight_seal(w, flight, &inner));
	return true;
}

static struct duo hostile_duo(struct words *words)
{
	struct duo d = duo_begin(false);

	d.sun_side.dpd_delay = 10;
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	d.world->filter = say;
	d.world->filter_context = words;
	duo_pass(&d, IKE_SECONDS(15));
	ck_assert(words->said);
	return d;
}

START_TEST(cookies_of_any_size_do_no_harm)
{
	static const size_t sizes[] = { 0, 1, 7, 8, 64, 65, 256 };
	struct words words = { .type = IKE_NOTIFY_COOKIE2, .length = sizes[_i], .times = 1 };
	struct duo d = hostile_duo(&words);

	/* Returned when it is one: header of the payload, and the notify's. */
	ck_assert_uint_eq(
		words.answer_length, sizes[_i] >= 8 && sizes[_i] <= 64 ? 8 + sizes[_i] : 0);
	ck_assert_uint_eq(duo_ike_sas(d.moon), 1);
	duo_down(&d, d.moon);
	duo_end(&d);
}
END_TEST

START_TEST(only_so_many_addresses_are_kept)
{
	struct words words = {
		.type = IKE_NOTIFY_ADDITIONAL_IP4_ADDRESS, .length = _i ? 4 : 5, .times = 90
	};
	struct duo d = hostile_duo(&words);
	const struct ike_mobike *m = duo_only_sa(d.moon)->mobike;

	ck_assert_ptr_nonnull(m);
	ck_assert_uint_eq(m->peer_count, _i ? IKE_PEER_ADDRESSES_MAX : 0);
	duo_down(&d, d.moon);
	duo_end(&d);
}
END_TEST

START_TEST(a_peer_that_wants_no_nat_is_refused_where_there_is_one)
{
	struct words words = { .type = IKE_NOTIFY_NO_NATS_ALLOWED, .length = 12, .times = 1 };
	struct duo d = hostile_duo(&words);

	/* Not with UPDATE_SA_ADDRESSES: nothing to refuse. */
	ck_assert_uint_eq(words.answer_length, 0);
	duo_down(&d, d.moon);
	duo_end(&d);
}
END_TEST

START_TEST(an_answer_without_the_cookie_ends_the_sa)
{
	struct words words = {
		.type = IKE_NOTIFY_COOKIE2, .length = 16, .times = 1, .in_answers = true
	};
	struct duo d = duo_begin(false);

	duo_start(&d);
	duo_up(&d, d.sun, "net");
	d.world->filter = say;
	d.world->filter_context = &words;
	duo_move(d.sun, 0, "192.0.2.99");
	duo_pass(&d, IKE_SECONDS(1));
	ck_assert(words.said);
	ck_assert(sim_node_logged(d.sun, "COOKIE2"));
	ck_assert_uint_eq(duo_ike_sas(d.sun), 0);
	d.world->filter = NULL;
	sim_world_settle(d.world, d.world->now + IKE_SECONDS(400));
	ck_assert_uint_eq(duo_ike_sas(d.moon), 0);
	duo_end(&d);
}
END_TEST

/* Sun's UPDATE_SA_ADDRESSES gets a NO_NATS_ALLOWED that does not fit. */
static bool forbid_nats(void *context, struct sim_world *w, struct sim_flight *flight)
{
	uint8_t data[12] = { 192, 0, 2, 1 };
	struct sim_inner inner;
	struct ike_builder b;
	bool *done = context;

	if (*done || flight->from != 1 || flight->data[18] != IKE_EXCHANGE_INFORMATIONAL ||
		!sim_flight_open(w, flight, &inner))
		return true;
	*done = true;
	ike_builder_begin(&b, inner.chain, sizeof(inner.chain));
	ike_build_notify(&b, IKE_NOTIFY_UPDATE_SA_ADDRESSES, (struct bytes){ 0 });
	ike_build_notify(&b, IKE_NOTIFY_NO_NATS_ALLOWED, bytes_of(data, sizeof(data)));
	ike_build_notify(&b, IKE_NOTIFY_COOKIE2, bytes_of(data, sizeof(data)));
	inner.first = b.first;
	inner.length = b.writer.length;
	ck_assert(sim_flight_seal(w, flight, &inner));
	flight->source_seen = duo_address("198.51.100.9");
	flight->source_seen.port = 4500;
	return true;
}

START_TEST(an_update_through_a_nat_that_is_forbidden_moves_nothing)
{
	struct duo d = duo_begin(false);
	bool done = false;

	d.sun_side.dpd_delay = 10;
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	d.world->filter = forbid_nats;
	d.world->filter_context = &done;
	duo_pass(&d, IKE_SECONDS(15));
	ck_assert(done);
	ck_assert(sim_node_logged(d.moon, "peer wants no NAT"));
	duo_is_at(&duo_only_sa(d.moon)->remote, "192.0.2.2");
	d.world->filter = NULL;
	sim_world_settle(d.world, d.world->now + IKE_SECONDS(400));
	duo_both_ways(&d);
	duo_down(&d, d.moon);
	duo_end(&d);
}
END_TEST

/* moon refuses addresses: its answers say so. */
struct refusal {
	uint8_t cookie[IKE_COOKIE2_LENGTH];
	unsigned times;
};

static bool refuse(void *context, struct sim_world *w, struct sim_flight *flight)
{
	struct refusal *refusal = context;
	struct ike_message message;
	struct sim_inner inner;
	struct ike_builder b;
	struct why why;

	if (flight->data[18] != IKE_EXCHANGE_INFORMATIONAL || !sim_flight_open(w, flight, &inner))
		return true;
	ck_assert_int_eq(ike_message_parse_inner(&inner.header, inner.first,
				 bytes_of(inner.chain, inner.length), &message, &why),
		IKE_PARSE_OK);
	const struct ike_notify *n = ike_message_notify(&message, IKE_NOTIFY_COOKIE2);
	if (!n || n->data.length != sizeof(refusal->cookie))
		return true;
	bytes_copy(refusal->cookie, n->data);
	if (flight->from != 0 || refusal->times == 0 || !(flight->data[19] & IKE_FLAG_RESPONSE))
		return true;
	refusal->times--;
	ike_builder_begin(&b, inner.chain, sizeof(inner.chain));
	ike_build_notify(&b, IKE_NOTIFY_UNACCEPTABLE_ADDRESSES, (struct bytes){ 0 });
	ike_build_notify(
		&b, IKE_NOTIFY_COOKIE2, bytes_of(refusal->cookie, sizeof(refusal->cookie)));
	inner.first = b.first;
	inner.length = b.writer.length;
	ck_assert(sim_flight_seal(w, flight, &inner));
	return true;
}

START_TEST(refused_addresses_are_left_for_others)
{
	struct duo d = duo_begin(false);
	struct refusal refusal = { .times = 1 };

	duo_start(&d);
	duo_up(&d, d.sun, "net");
	d.world->filter = refuse;
	d.world->filter_context = &refusal;
	duo_move(d.sun, 0, "192.0.2.99"); /* refused; IPv6 is left */
	duo_pass(&d, IKE_SECONDS(2));
	ck_assert_uint_eq(refusal.times, 0);
	ck_assert(sim_node_logged(d.sun, "peer refuses the new addresses"));
	duo_is_at(&duo_only_sa(d.sun)->local, "2001:db8::2");
	duo_both_ways(&d);
	d.world->filter = NULL;
	duo_down(&d, d.sun);
	duo_end(&d);
}
END_TEST

START_TEST(a_peer_that_refuses_all_addresses_is_not_asked_for_ever)
{
	struct duo d = duo_begin(false);
	struct refusal refusal = { .times = 1000 };

	duo_start(&d);
	duo_move(d.moon, 2, "198.51.100.1");
	duo_up(&d, d.sun, "net");
	d.world->filter = refuse;
	d.world->filter_context = &refusal;
	duo_move(d.sun, 0, "192.0.2.99");
	duo_pass(&d, IKE_SECONDS(5));
	ck_assert_uint_ge(refusal.times, 1000 - 8);
	/* Another change is another matter. */
	refusal.times = 0;
	duo_move(d.sun, 0, "192.0.2.98");
	duo_pass(&d, IKE_SECONDS(5));
	duo_both_ways(&d);
	d.world->filter = NULL;
	duo_down(&d, d.sun);
	duo_end(&d);
}
END_TEST

/* UPDATE_SA_ADDRESSES from who may not say so. */
static bool redirect(void *context, struct sim_world *w, struct sim_flight *flight)
{
	(void)w;
	if (flight->from == 0 && !(flight->data[19] & IKE_FLAG_RESPONSE))
		flight->source_seen = *(struct address *)context;
	return true;
}

static bool update_from_moon(void *context, struct sim_world *w, struct sim_flight *flight)
{
	struct sim_inner inner;
	struct ike_builder b;

	if (flight->from != 0 || flight->data[18] != IKE_EXCHANGE_INFORMATIONAL ||
		flight->data[19] & IKE_FLAG_RESPONSE || !sim_flight_open(w, flight, &inner))
		return true;
	ike_builder_begin(&b, inner.chain, sizeof(inner.chain));
	ike_build_notify(&b, IKE_NOTIFY_UPDATE_SA_ADDRESSES, (struct bytes){ 0 });
	inner.first = b.first;
	inner.length = b.writer.length;
	ck_assert(sim_flight_seal(w, flight, &inner));
	return redirect(context, w, flight);
}

START_TEST(the_responder_does_not_decide)
{
	struct duo d = duo_begin(false);
	struct address elsewhere = duo_address("198.51.100.9");

	elsewhere.port = 4500;
	d.moon_side.dpd_delay = 10;
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	d.world->filter = update_from_moon;
	d.world->filter_context = &elsewhere;
	duo_pass(&d, IKE_SECONDS(12));
	duo_is_at(&duo_only_sa(d.sun)->remote, "192.0.2.1");
	ck_assert(sim_node_logged(d.sun, "ignoring UPDATE_SA_ADDRESSES"));
	d.world->filter = NULL;
	sim_world_settle(d.world, d.world->now + IKE_SECONDS(400));
	duo_down(&d, d.sun);
	duo_end(&d);
}
END_TEST

/* Sun, hostile, wants moon's packets to go to another host: it says that it is there, comes back to
 * see moon's question, and answers that in the name of the other host. */
struct bomber {
	struct duo *d;
	struct address victim, home;
	struct sim_inner question;
	bool asked;
};

static bool see_question(void *context, struct sim_world *w, struct sim_flight *flight)
{
	struct bomber *b = context;

	if (flight->from != b->d->moon->index || flight->data[19] & IKE_FLAG_RESPONSE ||
		!address_same_host(&flight->destination, &b->home))
		return true;
	ck_assert(sim_flight_open(w, flight, &b->question));
	b->asked = true;
	return false;
}

static void say_from(const struct duo *d, const struct address *source, struct sim_inner *inner)
{
	uint8_t datagram[SIM_INNER_MAX];
	size_t length = sim_seal(d->world, duo_only_sa(d->sun), inner, datagram, sizeof(datagram));

	ck_assert_uint_gt(length, 0);
	sim_world_inject(d->world, d->moon, source, 4500, bytes_of(datagram, length));
	sim_world_run(d->world, d->world->now + 20);
}

static void move_to(const struct duo *d, const struct address *a, uint32_t message_id)
{
	struct sim_inner inner = { .header = { .version = 0x20,
					   .exchange = IKE_EXCHANGE_INFORMATIONAL,
					   .message_id = message_id } };
	struct ike_builder b;

	ike_builder_begin(&b, inner.chain, sizeof(inner.chain));
	ike_build_notify(&b, IKE_NOTIFY_UPDATE_SA_ADDRESSES, (struct bytes){ 0 });
	inner.first = b.first;
	inner.length = b.writer.length;
	say_from(d, a, &inner);
}

START_TEST(an_answer_in_another_hosts_name_moves_no_traffic)
{
	struct duo d = duo_begin(false);
	struct bomber b = { .d = &d };
	struct sim_inner answer;
	uint32_t id;

	duo_start(&d);
	duo_up(&d, d.sun, "net");
	id = duo_only_sa(d.moon)->next_expected;
	b.home = duo_only_sa(d.moon)->remote;
	b.victim = duo_address("198.51.100.9");
	b.victim.port = 4500;
	d.world->filter = see_question;
	d.world->filter_context = &b;
	move_to(&d, &b.victim, id);
	ck_assert(!b.asked);
	move_to(&d, &b.home, id + 1);
	ck_assert(b.asked);
	move_to(&d, &b.victim, id + 2);
	answer = b.question;
	answer.header.flags = IKE_FLAG_RESPONSE;
	say_from(&d, &b.victim, &answer);
	duo_is_at(&duo_only_sa(d.moon)->remote, "198.51.100.9");
	duo_is_at(ike_children_remote(duo_only_sa(d.moon)), "192.0.2.2");
	ck_assert_int_eq(duo_send_from(&d, d.moon), SIM_ARRIVED);
	/* Sun's own engine is out of step with all that. */
	d.world->filter = NULL;
	sim_node_crash(d.sun);
	sim_world_settle(d.world, d.world->now + IKE_SECONDS(400));
	ck_assert_uint_eq(duo_ike_sas(d.moon), 0);
	duo_end(&d);
}
END_TEST

TCase *mobike_hostile_tests(void)
{
	TCase *tests = tcase_create("hostile mobike");

	tcase_add_loop_test(tests, cookies_of_any_size_do_no_harm, 0, 7);
	tcase_add_loop_test(tests, only_so_many_addresses_are_kept, 0, 2);
	tcase_add_test(tests, a_peer_that_wants_no_nat_is_refused_where_there_is_one);
	tcase_add_test(tests, an_answer_without_the_cookie_ends_the_sa);
	tcase_add_test(tests, an_update_through_a_nat_that_is_forbidden_moves_nothing);
	tcase_add_test(tests, refused_addresses_are_left_for_others);
	tcase_add_test(tests, a_peer_that_refuses_all_addresses_is_not_asked_for_ever);
	tcase_add_test(tests, the_responder_does_not_decide);
	tcase_add_test(tests, an_answer_in_another_hosts_name_moves_no_traffic);
	return tests;
}
