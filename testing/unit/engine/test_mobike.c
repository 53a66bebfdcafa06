/* MOBIKE: addresses that change, at either end, with and without it. */
#include "libike/sa/path.h"
#include "libike/wire/message.h"
#include "testing/sim/seal.h"
#include "testing/unit/engine/duo.h"

static enum sim_fate send_from(struct duo *d, struct sim_node *n)
{
	const struct sim_definition *side = n == d->moon ? &d->moon_side : &d->sun_side;
	struct ike_selector local, remote;
	struct sim_packet packet;
	struct why why;

	ck_assert(ike_selector_parse(side->children[0].local_ts, &local, &why));
	ck_assert(ike_selector_parse(side->children[0].remote_ts, &remote, &why));
	packet = sim_packet_of(&local, &remote);
	return sim_traffic_send(n, &packet, NULL);
}

static void assert_both_ways(struct duo *d)
{
	ck_assert_int_eq(send_from(d, d->sun), SIM_ARRIVED);
	ck_assert_int_eq(send_from(d, d->moon), SIM_ARRIVED);
}

static struct address address(const char *text)
{
	struct address a = { .family = 0 };

	if (text)
		ck_assert(address_parse(text, &a));
	return a;
}

/* NULL: gone. */
static void move(struct sim_node *n, size_t index, const char *text)
{
	struct address a = address(text);

	sim_node_move(n, index, &a);
}

static const struct ike_sa *only_sa(const struct sim_node *n)
{
	const struct ike_sa *sa = ike_engine_sa_next(n->engine, NULL);

	ck_assert_ptr_nonnull(sa);
	ck_assert_ptr_null(ike_engine_sa_next(n->engine, sa));
	return sa;
}

static void assert_at(const struct address *is, const char *text)
{
	char buffer[ADDRESS_TEXT_MAX];

	ck_assert_str_eq(address_format(is, buffer), text);
}

static void wait_for(struct duo *d, ike_time time)
{
	sim_world_run(d->world, d->world->now + time);
}

/* ---- Offering ---- */

START_TEST(both_must_want_it)
{
	struct duo d = duo_begin(false);

	d.sun_side.no_mobike = _i & 1;
	d.moon_side.no_mobike = _i & 2;
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	ck_assert_uint_eq(only_sa(d.sun)->peer_mobike, _i == 0);
	ck_assert_uint_eq(only_sa(d.moon)->peer_mobike, _i == 0);
	/* The ports float when the initiator wants it: the peer has not said anything yet. */
	ck_assert_uint_eq(only_sa(d.sun)->local.port, _i & 1 ? 500 : 4500);
	ck_assert_uint_eq(only_sa(d.sun)->children->udp_encapsulation, false);
	duo_down(&d, d.moon);
	duo_end(&d);
}
END_TEST

/* ---- An address changes ---- */

START_TEST(the_initiators_new_address_takes_everything_along)
{
	struct duo d = duo_begin(false);
	uint32_t sun_id, moon_id;

	duo_start(&d);
	duo_up(&d, d.sun, "net");
	duo_up(&d, d.sun, "net");
	sun_id = only_sa(d.sun)->unique_id;
	moon_id = only_sa(d.moon)->unique_id;
	move(d.sun, 0, "192.0.2.99");
	/* What sun sends has moved at once. */
	ck_assert_int_eq(send_from(&d, d.sun), SIM_ARRIVED);
	sim_world_settle(d.world, d.world->now + IKE_SECONDS(5));
	assert_both_ways(&d);
	assert_at(&only_sa(d.moon)->remote, "192.0.2.99");
	assert_at(&only_sa(d.sun)->local, "192.0.2.99");
	ck_assert_uint_eq(only_sa(d.sun)->unique_id, sun_id);
	ck_assert_uint_eq(only_sa(d.moon)->unique_id, moon_id);
	ck_assert_uint_eq(duo_children(d.moon), 2);
	ck_assert_uint_eq(sim_check_agreement(d.world, false), 0);
	duo_up(&d, d.moon, "net");
	duo_down(&d, d.moon);
	duo_end(&d);
}
END_TEST

START_TEST(the_responders_new_address_is_followed)
{
	struct duo d = duo_begin(false);

	duo_start(&d);
	duo_up(&d, d.sun, "net");
	move(d.moon, 0, "192.0.2.99");
	sim_world_settle(d.world, d.world->now + IKE_SECONDS(5));
	assert_both_ways(&d);
	assert_at(&only_sa(d.sun)->remote, "192.0.2.99");
	assert_at(&only_sa(d.moon)->local, "192.0.2.99");
	duo_down(&d, d.sun);
	duo_end(&d);
}
END_TEST

START_TEST(many_changes_end_where_the_last_one_leads)
{
	struct duo d = duo_begin(false);
	char text[32];

	duo_start(&d);
	duo_up(&d, d.sun, "net");
	for (unsigned i = 0; i < 20; i++) {
		snprintf(text, sizeof(text), "192.0.2.%u", 100 + i);
		move(d.sun, 0, text);
		wait_for(&d, i % 5 * 7);
	}
	sim_world_settle(d.world, d.world->now + IKE_SECONDS(60));
	assert_at(&only_sa(d.moon)->remote, "192.0.2.119");
	assert_both_ways(&d);
	duo_down(&d, d.sun);
	duo_end(&d);
}
END_TEST

START_TEST(a_family_can_change)
{
	struct duo d = duo_begin(false);

	duo_start(&d);
	duo_up(&d, d.sun, "net");
	move(d.sun, 0, NULL); /* IPv6 is left, and moon said that it has it, too */
	sim_world_settle(d.world, d.world->now + IKE_SECONDS(5));
	assert_at(&only_sa(d.sun)->local, "2001:db8::2");
	assert_at(&only_sa(d.moon)->local, "2001:db8::1");
	assert_both_ways(&d);
	duo_down(&d, d.sun);
	duo_end(&d);
}
END_TEST

/* ---- Links that flap ---- */

START_TEST(an_address_that_comes_back_finds_its_tunnel)
{
	struct duo d = duo_begin(false);
	struct sim_node *n;
	uint32_t id;

	n = _i & 1 ? d.moon : d.sun;
	d.sun_side.no_mobike = _i & 2;
	move(d.sun, 1, NULL);
	move(d.moon, 1, NULL);
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	id = only_sa(n)->unique_id;
	for (unsigned i = 0; i < 3; i++) {
		move(n, 0, NULL);
		wait_for(&d, IKE_SECONDS(8));
		move(n, 0, n == d.moon ? "192.0.2.1" : "192.0.2.2");
		wait_for(&d, IKE_SECONDS(8));
		assert_both_ways(&d);
		ck_assert_uint_eq(only_sa(n)->unique_id, id);
	}
	duo_down(&d, d.sun);
	duo_end(&d);
}
END_TEST

START_TEST(a_request_in_flight_goes_out_again_from_the_new_address)
{
	struct duo d = duo_begin(false);
	const struct sim_command *command;
	struct why why;

	duo_start(&d);
	duo_up(&d, d.sun, "net");
	/* sun's request is lost with its link. */
	d.world->partitions[d.world->partition_count++] =
		(struct sim_partition){ 0, IKE_NEVER, 1, true };
	command = sim_node_initiate(d.sun, "moon", "net", &why);
	wait_for(&d, 100);
	ck_assert_uint_eq(command->answers, 0);
	d.world->partition_count = 0;
	move(d.sun, 0, "192.0.2.99");
	wait_for(&d, 200); /* long before its retransmission */
	ck_assert_uint_eq(command->answers, 1);
	ck_assert(command->done);
	sim_world_settle(d.world, d.world->now + IKE_SECONDS(5));
	assert_both_ways(&d);
	ck_assert_uint_eq(duo_children(d.moon), 2);
	duo_down(&d, d.sun);
	duo_end(&d);
}
END_TEST

START_TEST(without_mobike_an_address_that_is_gone_for_good_takes_a_new_sa)
{
	struct duo d = duo_begin(false);

	d.sun_side.no_mobike = true;
	d.moon_side.remote_addrs = "%any";
	d.sun_side.children[0].start_action = IKE_ACTION_START;
	duo_start(&d);
	wait_for(&d, IKE_SECONDS(1));
	uint32_t id = only_sa(d.sun)->unique_id;
	move(d.sun, 0, "192.0.2.99");
	wait_for(&d, IKE_SECONDS(15));
	ck_assert_uint_ne(only_sa(d.sun)->unique_id, id);
	assert_both_ways(&d);
	assert_at(&only_sa(d.moon)->remote, "192.0.2.99");
	duo_end(&d);
}
END_TEST

START_TEST(an_sa_that_is_being_established_goes_on_from_the_new_address)
{
	struct duo d = duo_begin(false);
	const struct sim_command *command;
	struct why why;

	d.moon_side.remote_addrs = "%any";
	duo_start(&d);
	d.world->partitions[d.world->partition_count++] =
		(struct sim_partition){ _i ? d.world->now + 15 : 0, IKE_NEVER, 1, true };
	command = sim_node_initiate(d.sun, "moon", "net", &why);
	wait_for(&d, 100);
	d.world->partition_count = 0;
	move(d.sun, 0, "192.0.2.99");
	wait_for(&d, 200);
	ck_assert_uint_eq(command->answers, 1);
	ck_assert_msg(command->done, "%s", command->text);
	assert_at(&only_sa(d.sun)->local, "192.0.2.99");
	assert_both_ways(&d);
	wait_for(&d, IKE_SECONDS(60));
	duo_down(&d, d.sun);
	duo_end(&d);
}
END_TEST

/* Packets to the peer leave from another address now, and the SA's is still there. */
START_TEST(without_mobike_an_sa_stays_while_its_address_does)
{
	struct duo d = duo_begin(false);

	d.sun_side.no_mobike = true;
	d.moon_side.remote_addrs = "%any";
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	move(d.sun, 2, "192.0.2.2");
	move(d.sun, 0, "198.51.100.2");
	wait_for(&d, IKE_SECONDS(5));
	duo_up(&d, d.sun, "net");
	ck_assert_uint_eq(duo_ike_sas(d.sun), 1);
	assert_at(&only_sa(d.sun)->local, "192.0.2.2");
	assert_both_ways(&d);
	duo_down(&d, d.sun);
	duo_end(&d);
}
END_TEST

/* ---- Several addresses ---- */

/* Datagrams to that address vanish, and it stays the host's. */
static bool drop_to(void *context, struct sim_world *w, struct sim_flight *flight)
{
	(void)w;
	return !address_same_host(&flight->destination, context);
}

START_TEST(a_way_that_is_dead_is_left_for_another)
{
	struct duo d = duo_begin(false);
	struct address dead = address("192.0.2.1");

	d.sun_side.dpd_delay = 10;
	duo_start(&d);
	move(d.moon, 2, "198.51.100.1");
	duo_up(&d, d.sun, "net");
	d.world->filter = drop_to;
	d.world->filter_context = &dead;
	wait_for(&d, IKE_SECONDS(24)); /* DPD and two retransmissions */
	ck_assert(!address_same_host(&only_sa(d.sun)->remote, &dead));
	ck_assert(!address_same_host(&only_sa(d.moon)->local, &dead));
	assert_both_ways(&d);
	d.world->filter = NULL;
	duo_down(&d, d.sun);
	duo_end(&d);
}
END_TEST

START_TEST(peers_hear_of_new_addresses)
{
	struct duo d = duo_begin(false);

	duo_start(&d);
	duo_up(&d, d.sun, "net");
	move(d.moon, 2, "198.51.100.1");
	wait_for(&d, IKE_SECONDS(2));
	ck_assert_ptr_nonnull(only_sa(d.sun)->mobike);
	ck_assert_uint_eq(only_sa(d.sun)->mobike->peer_count, 2); /* and IPv6 */
	move(d.moon, 1, NULL);
	move(d.moon, 2, NULL);
	wait_for(&d, IKE_SECONDS(2));
	ck_assert_uint_eq(only_sa(d.sun)->mobike->peer_count, 0);
	assert_at(&only_sa(d.sun)->remote, "192.0.2.1");
	duo_down(&d, d.sun);
	duo_end(&d);
}
END_TEST

/* ---- Return routability ---- */

/* moon's requests to the new address are lost. */
static bool drop_checks(void *context, struct sim_world *w, struct sim_flight *flight)
{
	(void)context;
	(void)w;
	return flight->from != 0 || flight->data[19] & IKE_FLAG_RESPONSE;
}

START_TEST(traffic_goes_to_another_host_only_after_it_proved_to_be_the_peer)
{
	struct duo d = duo_begin(false);

	duo_start(&d);
	duo_up(&d, d.sun, "net");
	d.world->filter = drop_checks;
	move(d.sun, 0, "192.0.2.99");
	wait_for(&d, 500);
	assert_at(&only_sa(d.moon)->remote, "192.0.2.99");
	ck_assert_int_eq(send_from(&d, d.sun), SIM_ARRIVED);
	ck_assert_int_eq(send_from(&d, d.moon), SIM_LOST); /* to where sun was */
	d.world->filter = NULL;
	sim_world_settle(d.world, d.world->now + IKE_SECONDS(10));
	assert_both_ways(&d);
	duo_down(&d, d.moon);
	duo_end(&d);
}
END_TEST

/* ---- NAT ---- */

START_TEST(a_nat_that_forgot_is_noticed_by_liveness)
{
	struct duo d = duo_begin(true);

	d.sun_side.dpd_delay = 10;
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	wait_for(&d, IKE_SECONDS(25));
	assert_both_ways(&d);
	sim_nat_rebind(d.sun);
	ck_assert_int_eq(send_from(&d, d.moon), SIM_LOST);
	wait_for(&d, IKE_SECONDS(15)); /* no ESP from sun */
	ck_assert_int_eq(send_from(&d, d.moon), SIM_ARRIVED);
	duo_down(&d, d.moon);
	duo_end(&d);
}
END_TEST

START_TEST(a_move_behind_a_nat_goes_into_udp_and_out_again)
{
	struct duo d = duo_begin(false);

	duo_start(&d);
	duo_up(&d, d.sun, "net");
	d.sun->nat.here = true;
	d.sun->nat.public_address = address("203.0.113.2");
	move(d.sun, 1, NULL);
	move(d.sun, 0, "10.2.0.1");
	sim_world_settle(d.world, d.world->now + IKE_SECONDS(5));
	ck_assert(only_sa(d.sun)->nat_local);
	ck_assert(only_sa(d.moon)->nat_remote);
	ck_assert(only_sa(d.moon)->children->udp_encapsulation);
	assert_both_ways(&d);
	d.sun->nat.here = false;
	move(d.sun, 0, "192.0.2.2");
	sim_world_settle(d.world, d.world->now + IKE_SECONDS(5));
	ck_assert(!only_sa(d.sun)->nat_local);
	ck_assert(!only_sa(d.moon)->children->udp_encapsulation);
	assert_both_ways(&d);
	duo_down(&d, d.moon);
	duo_end(&d);
}
END_TEST

/* ---- What a hostile peer may say ---- */

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
	wait_for(&d, IKE_SECONDS(15));
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
	const struct ike_mobike *m = only_sa(d.moon)->mobike;

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
	move(d.sun, 0, "192.0.2.99");
	wait_for(&d, IKE_SECONDS(1));
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
	flight->source_seen = address("198.51.100.9");
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
	wait_for(&d, IKE_SECONDS(15));
	ck_assert(done);
	ck_assert(sim_node_logged(d.moon, "peer wants no NAT"));
	assert_at(&only_sa(d.moon)->remote, "192.0.2.2");
	d.world->filter = NULL;
	sim_world_settle(d.world, d.world->now + IKE_SECONDS(400));
	assert_both_ways(&d);
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
	move(d.sun, 0, "192.0.2.99"); /* refused; IPv6 is left */
	wait_for(&d, IKE_SECONDS(2));
	ck_assert_uint_eq(refusal.times, 0);
	ck_assert(sim_node_logged(d.sun, "peer refuses the new addresses"));
	assert_at(&only_sa(d.sun)->local, "2001:db8::2");
	assert_both_ways(&d);
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
	move(d.moon, 2, "198.51.100.1");
	duo_up(&d, d.sun, "net");
	d.world->filter = refuse;
	d.world->filter_context = &refusal;
	move(d.sun, 0, "192.0.2.99");
	wait_for(&d, IKE_SECONDS(5));
	ck_assert_uint_ge(refusal.times, 1000 - 8);
	/* Another change is another matter. */
	refusal.times = 0;
	move(d.sun, 0, "192.0.2.98");
	wait_for(&d, IKE_SECONDS(5));
	assert_both_ways(&d);
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
	struct address elsewhere = address("198.51.100.9");

	elsewhere.port = 4500;
	d.moon_side.dpd_delay = 10;
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	d.world->filter = update_from_moon;
	d.world->filter_context = &elsewhere;
	wait_for(&d, IKE_SECONDS(12));
	assert_at(&only_sa(d.sun)->remote, "192.0.2.1");
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
	size_t length = sim_seal(d->world, only_sa(d->sun), inner, datagram, sizeof(datagram));

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
	id = only_sa(d.moon)->next_expected;
	b.home = only_sa(d.moon)->remote;
	b.victim = address("198.51.100.9");
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
	assert_at(&only_sa(d.moon)->remote, "198.51.100.9");
	assert_at(ike_children_remote(only_sa(d.moon)), "192.0.2.2");
	ck_assert_int_eq(send_from(&d, d.moon), SIM_ARRIVED);
	/* Sun's own engine is out of step with all that. */
	d.world->filter = NULL;
	sim_node_crash(d.sun);
	sim_world_settle(d.world, d.world->now + IKE_SECONDS(400));
	ck_assert_uint_eq(duo_ike_sas(d.moon), 0);
	duo_end(&d);
}
END_TEST

TCase *mobike_tests(void)
{
	TCase *tests = tcase_create("mobike");

	tcase_add_loop_test(tests, both_must_want_it, 0, 4);
	tcase_add_test(tests, the_initiators_new_address_takes_everything_along);
	tcase_add_test(tests, the_responders_new_address_is_followed);
	tcase_add_test(tests, many_changes_end_where_the_last_one_leads);
	tcase_add_test(tests, a_family_can_change);
	tcase_add_loop_test(tests, an_address_that_comes_back_finds_its_tunnel, 0, 4);
	tcase_add_test(tests, a_request_in_flight_goes_out_again_from_the_new_address);
	tcase_add_test(tests, without_mobike_an_address_that_is_gone_for_good_takes_a_new_sa);
	tcase_add_loop_test(
		tests, an_sa_that_is_being_established_goes_on_from_the_new_address, 0, 2);
	tcase_add_test(tests, without_mobike_an_sa_stays_while_its_address_does);
	tcase_add_test(tests, a_way_that_is_dead_is_left_for_another);
	tcase_add_test(tests, peers_hear_of_new_addresses);
	tcase_add_test(tests, traffic_goes_to_another_host_only_after_it_proved_to_be_the_peer);
	tcase_add_test(tests, a_nat_that_forgot_is_noticed_by_liveness);
	tcase_add_test(tests, a_move_behind_a_nat_goes_into_udp_and_out_again);
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
