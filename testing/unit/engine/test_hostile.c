/* Peers that break the rules after they authenticated, and strangers. */
#include "libike/wire/build.h"
#include "testing/sim/seal.h"
#include "testing/unit/engine/duo.h"

static void inject(struct sim_node *to, const struct sim_node *from, struct bytes datagram)
{
	struct address source = from->address[0];

	source.port = 500;
	sim_world_inject(to->world, to, &source, 500, datagram);
}

/* The last request of one exchange. */
struct kept {
	uint8_t exchange;
	size_t length;
	uint8_t request[2048];
};

static bool keep_request(void *context, struct sim_world *w, struct sim_flight *flight)
{
	struct kept *k = context;

	(void)w;
	if (flight->data[18] != k->exchange || flight->data[19] & IKE_FLAG_RESPONSE)
		return true;
	ck_assert_uint_le(flight->length, sizeof(k->request));
	memcpy(k->request, flight->data, flight->length);
	k->length = flight->length;
	return true;
}

static bool no_auth(void *context, struct sim_world *w, struct sim_flight *flight)
{
	(void)context;
	(void)w;
	return flight->data[18] != IKE_EXCHANGE_AUTH;
}

/* ---- An answer of another exchange than the request's ---- */

/* Sun says what moon is made to believe. */
static void say(struct duo *d, struct sim_inner *inner, const struct ike_builder *b)
{
	const struct ike_sa *sa = ike_engine_sa_next(d->sun->engine, NULL);
	uint8_t datagram[2 * SIM_INNER_MAX];

	ck_assert(!b->writer.bad);
	inner->first = b->first;
	inner->length = b->writer.length;
	size_t length = sim_seal(d->world, sa, inner, datagram, sizeof(datagram));
	ck_assert_uint_gt(length, 0);
	inject(d->moon, d->sun, bytes_of(datagram, length));
}

/* Moon's INFORMATIONAL requests get answers to a CREATE_CHILD_SA. */
static bool answer_otherwise(void *context, struct sim_world *w, struct sim_flight *flight)
{
	static const uint8_t group[2] = { 0, 31 };
	struct duo *d = context;
	struct sim_inner inner;
	struct ike_builder b;

	if (flight->from != d->moon->index || !sim_flight_open(w, flight, &inner) ||
		inner.header.exchange != IKE_EXCHANGE_INFORMATIONAL)
		return true;
	inner.header.exchange = IKE_EXCHANGE_CREATE_CHILD_SA;
	inner.header.flags |= IKE_FLAG_RESPONSE;
	ike_builder_begin(&b, inner.chain, sizeof(inner.chain));
	ike_build_notify(&b, IKE_NOTIFY_INVALID_KE_PAYLOAD, bytes_of(group, 2));
	say(d, &inner, &b);
	return false;
}

START_TEST(an_answer_of_another_exchange_is_none)
{
	static const struct ike_terminate what[] = { { .child = "net" }, { .ike = "sun" } };
	struct duo d = duo_begin(false);
	struct why why;

	d.world->filter_context = &d;
	duo_start(&d);
	duo_up(&d, d.moon, "net");
	d.world->filter = answer_otherwise;
	const struct sim_command *command = sim_node_terminate(d.moon, &what[_i], &why);
	ck_assert_msg(command, "%s", why.text);
	sim_world_run(d.world, d.world->now + IKE_SECONDS(300));
	ck_assert_uint_eq(command->answers, 1);
	ck_assert_uint_eq(duo_ike_sas(d.moon), 0); /* given up */
	d.world->filter = NULL;
	duo_down(&d, d.sun);
	duo_end(&d);
}
END_TEST

/* ---- Where answers go ---- */

/* Keeps where moon's last answer to an IKE_AUTH went. */
struct answered {
	uint8_t moon;
	struct address from, to;
	unsigned count;
	bool lose_first;
	struct duo *d;
};

static bool keep_way(void *context, struct sim_world *w, struct sim_flight *flight)
{
	struct answered *a = context;

	(void)w;
	if (flight->from != a->moon || flight->data[18] != IKE_EXCHANGE_AUTH)
		return true;
	a->from = flight->source;
	a->to = flight->destination;
	if (++a->count > 1 || !a->lose_first)
		return true;
	sim_nat_rebind(a->d->sun);
	return false;
}

START_TEST(a_refusal_goes_where_the_request_came_from)
{
	struct duo d = duo_begin(true);
	struct answered a = { .moon = d.moon->index };

	d.sun_psk = "something else";
	d.world->filter = keep_way;
	d.world->filter_context = &a;
	duo_start(&d);
	ck_assert(!duo_initiate(&d, d.sun, "net")->done);
	ck_assert_uint_eq(a.count, 1);
	ck_assert_uint_eq(a.from.port, 4500);
	duo_end(&d);
}
END_TEST

START_TEST(a_repeated_request_is_answered_where_it_comes_from)
{
	struct duo d = duo_begin(true);
	struct answered a = { .moon = d.moon->index, .lose_first = true, .d = &d };

	d.world->filter = keep_way;
	d.world->filter_context = &a;
	duo_start(&d);
	ck_assert(duo_initiate(&d, d.sun, "net")->done);
	ck_assert_uint_eq(a.count, 2);
	duo_down(&d, d.sun);
	duo_end(&d);
}
END_TEST

START_TEST(selectors_of_a_tunnel_stay_as_they_were_said_behind_a_nat)
{
	struct duo d = duo_begin(true);

	d.sun_side.children[0].mode = IKE_MODE_TRANSPORT;
	d.sun_side.children[0].local_ts = d.sun_side.children[0].remote_ts = NULL;
	d.moon_side.children[0].local_ts = NULL;
	duo_start(&d);
	(void)duo_initiate(&d, d.sun, "net"); /* which insists on transport mode */
	ck_assert(sim_node_logged(d.moon, "TS 192.0.2.1/32 === 10.2.0.1/32"));
	duo_down(&d, d.sun);
	duo_end(&d);
}
END_TEST

/* ---- Log lines that cost a stranger nothing ---- */

START_TEST(repeating_a_first_request_does_not_fill_the_log)
{
	struct duo d = duo_begin(false);
	struct kept kept = { .exchange = IKE_EXCHANGE_SA_INIT };

	d.world->filter = keep_request;
	d.world->filter_context = &kept;
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	duo_down(&d, d.sun);
	size_t before = d.moon->log_count;
	for (unsigned i = 0; i < 100; i++)
		inject(d.moon, d.sun, bytes_of(kept.request, kept.length));
	sim_world_run(d.world, d.world->now + 100);
	ck_assert_uint_lt(d.moon->log_count - before, 40);
	sim_world_settle(d.world, d.world->now + IKE_SECONDS(60));
	duo_end(&d);
}
END_TEST

START_TEST(repeating_a_request_does_not_fill_the_log)
{
	struct duo d = duo_begin(false);
	struct kept kept = { .exchange = IKE_EXCHANGE_AUTH };

	d.world->filter = keep_request;
	d.world->filter_context = &kept;
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	size_t before = d.moon->log_count;
	for (unsigned i = 0; i < 100; i++)
		inject(d.moon, d.sun, bytes_of(kept.request, kept.length));
	sim_world_run(d.world, d.world->now + 100);
	ck_assert_uint_lt(d.moon->log_count - before, 40);
	duo_down(&d, d.sun);
	duo_end(&d);
}
END_TEST

START_TEST(a_stranger_with_keys_does_not_fill_the_log)
{
	struct duo d = duo_begin(false);

	d.world->filter = no_auth;
	duo_start(&d);
	(void)sim_node_initiate(d.moon, "sun", "net", &(struct why){ "" });
	sim_world_run(d.world, d.world->now + 1000);
	ck_assert_uint_eq(duo_ike_sas(d.sun), 1);
	size_t before = d.sun->log_count;
	for (unsigned i = 0; i < 100; i++) {
		struct sim_inner inner = { .header = { .version = 0x20,
						   .exchange = IKE_EXCHANGE_INFORMATIONAL,
						   .message_id = 1 } };
		uint8_t datagram[256];
		size_t length = sim_seal(d.world, ike_engine_sa_next(d.moon->engine, NULL), &inner,
			datagram, sizeof(datagram));
		inject(d.sun, d.moon, bytes_of(datagram, length));
	}
	sim_world_run(d.world, d.world->now + 100);
	ck_assert_uint_lt(d.sun->log_count - before, 40);
	sim_world_settle(d.world, d.world->now + IKE_SECONDS(300));
	duo_end(&d);
}
END_TEST

/* ---- DELETE of thousands ---- */

START_TEST(deleting_thousands_of_unknown_children_does_not_fill_the_log)
{
	struct duo d = duo_begin(false);
	static uint32_t spis[1900];
	struct sim_inner inner = { .header = { .version = 0x20,
					   .exchange = IKE_EXCHANGE_INFORMATIONAL } };
	struct ike_builder b;

	for (uint32_t i = 0; i < 1900; i++)
		spis[i] = 0x10000 + i;
	duo_start(&d);
	duo_up(&d, d.moon, "net");
	size_t before = d.moon->log_count;
	ike_builder_begin(&b, inner.chain, sizeof(inner.chain));
	ike_build_delete(&b, IKE_PROTOCOL_ESP, spis, 1900);
	say(&d, &inner, &b);
	sim_world_run(d.world, d.world->now + 100);
	ck_assert_uint_lt(d.moon->log_count - before, 20);
	duo_down(&d, d.moon);
	duo_end(&d);
}
END_TEST

/* ---- One SA for one peer ---- */

START_TEST(two_that_replace_each_other_do_not_end_without_an_sa)
{
	struct duo d = duo_begin(false);
	struct why why;

	d.moon_side.unique = d.sun_side.unique = IKE_UNIQUE_REPLACE;
	duo_start(&d);
	ck_assert_ptr_nonnull(sim_node_initiate(d.moon, "sun", "net", &why));
	ck_assert_ptr_nonnull(sim_node_initiate(d.sun, "moon", "net", &why));
	sim_world_settle(d.world, d.world->now + IKE_SECONDS(400));
	ck_assert_uint_ge(duo_children(d.moon), 1);
	ck_assert_uint_ge(duo_children(d.sun), 1);
	duo_end(&d);
}
END_TEST

START_TEST(who_says_its_name_in_capitals_is_the_same_peer)
{
	struct duo d = duo_begin(false);

	duo_start(&d);
	duo_up(&d, d.sun, "net");
	sim_node_crash(d.sun);
	sim_node_start(d.sun);
	sim_node_psk(d.sun, d.sun_psk, NULL);
	d.sun_side.local_id = "SUN.example.org";
	ck_assert(sim_node_load(d.sun, sim_define(&d.sun_side), &(struct why){ "" }));
	(void)duo_initiate(&d, d.sun, "net");
	ck_assert_uint_eq(duo_ike_sas(d.moon), 1);
	duo_down(&d, d.sun);
	duo_end(&d);
}
END_TEST

START_TEST(a_peer_that_is_kept_is_not_let_in_from_elsewhere)
{
	struct duo d = duo_begin(false);
	struct sim_node *mars = sim_node_add(d.world, false);
	struct sim_definition mars_side;

	d.moon_side.unique = IKE_UNIQUE_KEEP;
	d.moon_side.remote_addrs = "%any";
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	mars_side = d.sun_side;
	mars_side.unique = IKE_UNIQUE_NEVER; /* does not say INITIAL_CONTACT */
	sim_node_start(mars);
	sim_node_psk(mars, d.sun_psk, NULL);
	ck_assert(sim_node_load(mars, sim_define(&mars_side), &(struct why){ "" }));
	const struct sim_command *command =
		sim_node_initiate(mars, "moon", "net", &(struct why){ "" });
	sim_world_settle(d.world, d.world->now + IKE_SECONDS(60));
	ck_assert(command->answers == 1 && !command->done);
	ck_assert_uint_eq(duo_ike_sas(mars), 0);
	duo_down(&d, d.sun);
	duo_end(&d);
}
END_TEST

/* ---- A stranger in the name of a peer ---- */

START_TEST(a_stranger_cannot_keep_a_peer_out_by_its_address)
{
	struct duo d = duo_begin(false);
	struct kept kept = { .exchange = IKE_EXCHANGE_SA_INIT };

	d.world->filter = keep_request;
	d.world->filter_context = &kept;
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	duo_down(&d, d.sun);
	for (uint8_t i = 0; i < 100; i++) {
		kept.request[7] = i; /* another SPI */
		inject(d.moon, d.sun, bytes_of(kept.request, kept.length));
	}
	sim_world_run(d.world, d.world->now + 100);
	d.world->filter = NULL;
	(void)sim_node_initiate(d.sun, "moon", "net", &(struct why){ "" });
	sim_world_run(d.world, d.world->now + IKE_SECONDS(1));
	ck_assert_uint_eq(duo_children(d.moon), 1);
	sim_world_run(d.world, d.world->now + IKE_SECONDS(60));
	duo_down(&d, d.sun);
	duo_end(&d);
}
END_TEST

/* ---- Peers that are authenticated, and take what they get ---- */

static bool drop_deletes(void *context, struct sim_world *w, struct sim_flight *flight)
{
	struct duo *d = context;

	(void)w;
	return flight->from != d->sun->index || flight->data[18] != IKE_EXCHANGE_INFORMATIONAL ||
	       flight->data[19] & IKE_FLAG_RESPONSE;
}

/* And never deletes what was rekeyed. */
START_TEST(rekeying_the_ike_sa_over_and_over_makes_no_heap_of_them)
{
	struct duo d = duo_begin(false);
	struct ike_rekey what = { .ike = "moon" };

	duo_start(&d);
	duo_up(&d, d.sun, "net");
	d.world->filter = drop_deletes;
	d.world->filter_context = &d;
	for (unsigned i = 0; i < 50; i++) {
		(void)sim_node_rekey(d.sun, &what, &(struct why){ "" });
		sim_world_run(d.world, d.world->now + 100);
	}
	ck_assert_uint_le(duo_ike_sas(d.moon), 3);
	ck_assert_uint_eq(duo_children(d.moon), 1);
	d.world->filter = NULL;
	sim_world_run(d.world, d.world->now + IKE_SECONDS(400));
	ck_assert_uint_eq(duo_ike_sas(d.moon), 1);
	ck_assert_uint_eq(duo_children(d.moon), 1);
	duo_down(&d, d.moon);
	duo_end(&d);
}
END_TEST

START_TEST(children_without_end_are_refused)
{
	struct duo d = duo_begin(false);

	duo_start(&d);
	duo_up(&d, d.sun, "net");
	d.world->checks = false;
	for (unsigned i = 0; i < 1050; i++) {
		ck_assert(sim_node_initiate(d.sun, "moon", "net", &(struct why){ "" }));
		sim_world_run(d.world, d.world->now + 30);
	}
	ck_assert_uint_eq(duo_children(d.moon), 1004);
	ck_assert_uint_eq(duo_children(d.sun), 1004);
	duo_down(&d, d.moon);
	duo_end(&d);
}
END_TEST

TCase *hostile_tests(void)
{
	TCase *tests = tcase_create("hostile");

	tcase_set_timeout(tests, 60);
	tcase_add_loop_test(tests, an_answer_of_another_exchange_is_none, 0, 2);
	tcase_add_test(tests, a_refusal_goes_where_the_request_came_from);
	tcase_add_test(tests, a_repeated_request_is_answered_where_it_comes_from);
	tcase_add_test(tests, selectors_of_a_tunnel_stay_as_they_were_said_behind_a_nat);
	tcase_add_test(tests, repeating_a_first_request_does_not_fill_the_log);
	tcase_add_test(tests, repeating_a_request_does_not_fill_the_log);
	tcase_add_test(tests, a_stranger_with_keys_does_not_fill_the_log);
	tcase_add_test(tests, deleting_thousands_of_unknown_children_does_not_fill_the_log);
	tcase_add_test(tests, two_that_replace_each_other_do_not_end_without_an_sa);
	tcase_add_test(tests, a_stranger_cannot_keep_a_peer_out_by_its_address);
	tcase_add_test(tests, who_says_its_name_in_capitals_is_the_same_peer);
	tcase_add_test(tests, a_peer_that_is_kept_is_not_let_in_from_elsewhere);
	tcase_add_test(tests, rekeying_the_ike_sa_over_and_over_makes_no_heap_of_them);
	tcase_add_test(tests, children_without_end_are_refused);
	return tests;
}
