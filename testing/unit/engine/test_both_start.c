/* Both ends start, at once or nearly so: one IKE SA and one pair of children stays. */
#include "libike/wire/message.h"
#include "testing/unit/engine/duo.h"

static void check(struct duo *d, unsigned children)
{
	ck_assert_uint_eq(duo_ike_sas(d->moon), 1);
	ck_assert_uint_eq(duo_ike_sas(d->sun), 1);
	ck_assert_uint_eq(duo_children(d->moon), children);
	ck_assert_uint_eq(duo_children(d->sun), children);
	ck_assert_uint_eq(sim_check_agreement(d->world, false), 0);
	ck_assert_msg(d->world->complaints == 0, "%s", d->world->complaint);
}

static struct duo begin(uint8_t action)
{
	struct duo d = duo_begin(false);

	d.sun_side.dpd_delay = d.moon_side.dpd_delay = 30;
	d.sun_side.children[0].start_action = action;
	d.sun_side.children[0].dpd_action = d.sun_side.children[0].close_action = IKE_ACTION_START;
	d.moon_side.children[0].start_action = action;
	d.moon_side.children[0].dpd_action = d.moon_side.children[0].close_action =
		IKE_ACTION_START;
	return d;
}

/* sun begins some milliseconds after moon; a datagram takes ten. */
static void start(struct duo *d, ike_time later)
{
	struct why why = { "" };

	sim_node_start(d->moon);
	sim_node_start(d->sun);
	sim_node_psk(d->moon, d->moon_psk, NULL);
	sim_node_psk(d->sun, d->sun_psk, NULL);
	ck_assert_msg(sim_node_load(d->moon, sim_define(&d->moon_side), &why), "%s", why.text);
	duo_pass(d, later);
	ck_assert_msg(sim_node_load(d->sun, sim_define(&d->sun_side), &why), "%s", why.text);
}

START_TEST(both_start_and_one_stays)
{
	struct duo d = begin(IKE_ACTION_START);

	for (int i = 0; i < _i; i++) /* other SPIs */
		(void)sim_random_u64(&d.moon->random);
	start(&d, _i * 3);
	duo_pass(&d, IKE_SECONDS(40)); /* beyond half-open SAs that were given up */
	check(&d, 1);
	duo_pass(&d, IKE_SECONDS(3600));
	check(&d, 1);
	duo_end(&d);
}
END_TEST

/* A definition is freed when the last of what was made from it has gone, not before. */
START_TEST(a_definition_may_change_while_attempts_cross)
{
	struct duo d = begin(IKE_ACTION_START);
	const struct ike_connection *c;
	struct why why = { "" };

	d.moon_side.children[1] = d.moon_side.children[0];
	d.moon_side.children[1].name = "dmz";
	d.moon_side.children[1].local_ts = "10.3.0.0/16";
	d.sun_side.children[1] = d.sun_side.children[0];
	d.sun_side.children[1].name = "dmz";
	d.sun_side.children[1].remote_ts = "10.3.0.0/16";
	for (int i = 0; i < _i % 4; i++) /* other SPIs */
		(void)sim_random_u64(&d.moon->random);
	start(&d, 0);
	duo_pass(&d, _i);
	d.sun_side.dpd_delay = 40;
	ck_assert(sim_node_load(d.sun, sim_define(&d.sun_side), &why));
	duo_pass(&d, IKE_SECONDS(60));
	check(&d, 2);
	c = ike_engine_connection(d.sun->engine, 0);
	/* What is loaded, what is watched, the IKE SA, its children. */
	ck_assert_uint_ge(c->references, 2 + 1 + 2);
	duo_end(&d);
}
END_TEST

START_TEST(both_start_several_children_and_one_of_each_stays)
{
	struct duo d = begin(IKE_ACTION_START);

	for (int i = 1; i < 3; i++) {
		d.sun_side.children[i] = d.sun_side.children[0];
		d.moon_side.children[i] = d.moon_side.children[0];
		d.sun_side.children[i].name = d.moon_side.children[i].name =
			i == 1 ? "second" : "third";
		d.sun_side.children[i].local_ts = d.moon_side.children[i].remote_ts =
			i == 1 ? "10.4.0.0/16" : "10.6.0.0/16";
	}
	start(&d, _i * 5);
	duo_pass(&d, IKE_SECONDS(60));
	check(&d, 3);
	duo_end(&d);
}
END_TEST

START_TEST(commands_at_both_ends_are_both_answered_by_one_child)
{
	struct duo d = begin(IKE_ACTION_NONE);
	const struct sim_command *a, *b;
	struct why why;

	duo_start(&d);
	a = sim_node_initiate(d.moon, "sun", "net", &why);
	b = sim_node_initiate(d.sun, "moon", "net", &why);
	duo_pass(&d, IKE_SECONDS(40)); /* beyond half-open SAs that were given up */
	ck_assert(a->done && b->done);
	check(&d, 1);
	duo_end(&d);
}
END_TEST

/* Datagrams overtake each other, so that each may refuse the other's attempt for its own. */
START_TEST(commands_that_cross_in_any_order_are_both_answered)
{
	struct duo d = begin(IKE_ACTION_NONE);
	const struct sim_command *a, *b;
	struct why why;

	for (int i = 0; i < _i; i++) { /* other SPIs, other delays */
		(void)sim_random_u64(&d.moon->random);
		(void)sim_random_u64(&d.world->random);
	}
	duo_start(&d);
	d.world->faults.delay_from = 1;
	d.world->faults.delay_to = 60;
	a = sim_node_initiate(d.moon, "sun", "net", &why);
	duo_pass(&d, 2 * (_i % 20));
	b = sim_node_initiate(d.sun, "moon", "net", &why);
	duo_pass(&d, IKE_SECONDS(40)); /* beyond half-open SAs that were given up */
	ck_assert_msg(a->done && b->done, "%s; %s", a->text, b->text);
	check(&d, 1);
	duo_end(&d);
}
END_TEST

/* Each believes that the other died, and starts again when the network heals. */
START_TEST(both_come_back_after_a_blackout_and_one_stays)
{
	struct duo d = begin(IKE_ACTION_START);

	start(&d, 0);
	duo_pass(&d, IKE_SECONDS(60));
	check(&d, 1);
	d.world->partition_count = 2;
	for (int i = 0; i < 2; i++)
		d.world->partitions[i] = (struct sim_partition){ d.world->now,
			d.world->now + IKE_SECONDS(600 + 7 * _i), 0, i == 0 };
	duo_pass(&d, IKE_SECONDS(600 + 7 * _i));
	ck_assert_uint_eq(duo_children(d.moon), 0);
	ck_assert_uint_eq(duo_children(d.sun), 0);
	duo_pass(&d, IKE_SECONDS(200));
	check(&d, 1);
	duo_pass(&d, IKE_SECONDS(600));
	check(&d, 1);
	duo_end(&d);
}
END_TEST

static bool lose_the_first_auth(void *context, struct sim_world *w, struct sim_flight *flight)
{
	unsigned *lost = context;

	(void)w;
	if (*lost > 0 || flight->data[18] != IKE_EXCHANGE_AUTH || flight->from != 0)
		return true;
	++*lost;
	return false;
}

/* moon's IKE_AUTH was sent, and lost, when sun begins, which does not know of it: moon's comes
 * first. */
START_TEST(an_attempt_that_the_peer_is_about_to_have_comes_first)
{
	struct duo d = begin(IKE_ACTION_NONE);
	unsigned lost = 0;
	struct why why;

	d.world->filter = lose_the_first_auth;
	d.world->filter_context = &lost;
	for (int i = 0; i < _i; i++) /* other SPIs */
		(void)sim_random_u64(&d.moon->random);
	duo_start(&d);
	ck_assert_ptr_nonnull(sim_node_initiate(d.moon, "sun", "net", &why));
	duo_pass(&d, 15);
	ck_assert_ptr_nonnull(sim_node_initiate(d.sun, "moon", "net", &why));
	duo_pass(&d, IKE_SECONDS(40));
	ck_assert_uint_eq(lost, 1);
	check(&d, 1);
	duo_end(&d);
}
END_TEST

/* The IKE SA is there, and packets at both ends ask for the child at the same moment. */
START_TEST(traps_at_both_ends_that_meet_packets_at_once_make_one_child)
{
	struct duo d = duo_begin(false);
	struct sim_packet to_moon = { .protocol = 17 }, to_sun = { .protocol = 17 };
	struct why why;

	d.sun_side.children[0].start_action = d.moon_side.children[0].start_action =
		IKE_ACTION_TRAP;
	ck_assert(address_parse("10.2.0.1", &to_moon.source));
	ck_assert(address_parse("10.1.0.1", &to_moon.destination));
	to_sun.source = to_moon.destination;
	to_sun.destination = to_moon.source;
	duo_start(&d);
	(void)sim_node_initiate(_i % 2 ? d.sun : d.moon, _i % 2 ? "moon" : "sun", NULL, &why);
	duo_pass(&d, IKE_SECONDS(5));
	ck_assert_uint_eq(duo_ike_sas(d.sun), 1);
	ck_assert_int_eq(sim_traffic_send(d.sun, &to_moon, NULL), SIM_WAITS);
	duo_pass(&d, _i * 3);
	ck_assert_int_eq(sim_traffic_send(d.moon, &to_sun, NULL), SIM_WAITS);
	duo_pass(&d, IKE_SECONDS(200));
	check(&d, 1);
	ck_assert_int_eq(sim_traffic_send(d.sun, &to_moon, NULL), SIM_ARRIVED);
	duo_end(&d);
}
END_TEST

/* As strongSwan does when a connection is loaded: once more in the same IKE SA. */
START_TEST(a_second_one_of_a_wanted_child_is_refused)
{
	struct duo d = begin(IKE_ACTION_START);
	const struct sim_command *command;
	struct why why;

	d.moon_side.children[0].start_action = IKE_ACTION_NONE;
	start(&d, 0);
	duo_pass(&d, IKE_SECONDS(60));
	check(&d, 1);
	command = sim_node_initiate(d.moon, "sun", "net", &why);
	duo_pass(&d, IKE_SECONDS(5));
	ck_assert(command->answers == 1 && !command->done);
	check(&d, 1);
	/* Who insists gets it, and one of both goes in the end; that it is started again at once is
	 * refused. */
	command = sim_node_initiate(d.moon, "sun", "net", &why);
	duo_pass(&d, IKE_SECONDS(5));
	ck_assert(command->done);
	ck_assert_uint_eq(duo_children(d.sun), 2);
	duo_pass(&d, IKE_SECONDS(120));
	check(&d, 1);
	duo_end(&d);
}
END_TEST

/* Sun's request for "dmz" waits for the one for "net", and moon's of "dmz" comes meanwhile. */
START_TEST(a_child_that_came_meanwhile_is_not_asked_for)
{
	struct duo d = begin(IKE_ACTION_TRAP);
	struct sim_packet net = { .protocol = 1 }, dmz = { .protocol = 1 }, back;

	d.moon_side.children[1] = d.moon_side.children[0];
	d.moon_side.children[1].name = "dmz";
	d.moon_side.children[1].local_ts = "10.3.0.0/16";
	d.sun_side.children[1] = d.sun_side.children[0];
	d.sun_side.children[1].name = "dmz";
	d.sun_side.children[1].remote_ts = "10.3.0.0/16";
	ck_assert(address_parse("10.2.0.1", &net.source));
	ck_assert(address_parse("10.1.0.1", &net.destination));
	dmz.source = net.source;
	ck_assert(address_parse("10.3.0.1", &dmz.destination));
	back = (struct sim_packet){ dmz.destination, dmz.source, 1 };
	start(&d, 0);
	ck_assert(duo_initiate(&d, d.moon, NULL)->done);
	ck_assert_int_eq(sim_traffic_send(d.moon, &back, NULL), SIM_WAITS);
	ck_assert_int_eq(sim_traffic_send(d.sun, &net, NULL), SIM_WAITS);
	ck_assert_int_eq(sim_traffic_send(d.sun, &dmz, NULL), SIM_WAITS);
	duo_pass(&d, IKE_SECONDS(2));
	check(&d, 2);
	ck_assert_int_eq(sim_traffic_send(d.moon, &back, NULL), SIM_ARRIVED);
	ck_assert_int_eq(sim_traffic_send(d.sun, &dmz, NULL), SIM_ARRIVED);
	duo_end(&d);
}
END_TEST

START_TEST(twins_in_two_ike_sas_are_reduced_to_one)
{
	struct duo d = begin(IKE_ACTION_START);
	struct ike_initiate other = {
		.ike = "sun", .child = "net", .other_host = d.sun->address[1]
	};
	struct why why = { "" };

	d.moon_side.children[0].start_action = IKE_ACTION_NONE;
	d.moon_side.remote_addrs = "192.0.2.2, 2001:db8::2";
	d.sun_side.remote_addrs = "192.0.2.1, 2001:db8::1";
	start(&d, 0);
	duo_pass(&d, IKE_SECONDS(60));
	sim_node_enter(d.moon);
	ck_assert(ike_engine_initiate(d.moon->engine, d.world->now, &other, NULL, &why));
	sim_node_leave(d.moon);
	duo_pass(&d, IKE_SECONDS(5));
	ck_assert_uint_eq(duo_ike_sas(d.sun), 2);
	ck_assert_uint_eq(duo_children(d.sun), 2);
	duo_pass(&d, IKE_SECONDS(120));
	check(&d, 1);
	duo_pass(&d, IKE_SECONDS(3600));
	check(&d, 1);
	duo_end(&d);
}
END_TEST

TCase *both_start_tests(void)
{
	TCase *tests = tcase_create("both start");

	tcase_add_loop_test(tests, commands_that_cross_in_any_order_are_both_answered, 0, 100);
	tcase_add_loop_test(tests, a_definition_may_change_while_attempts_cross, 0, 80);
	tcase_add_loop_test(tests, both_start_and_one_stays, 0, 24);
	tcase_add_loop_test(tests, both_start_several_children_and_one_of_each_stays, 0, 12);
	tcase_add_test(tests, commands_at_both_ends_are_both_answered_by_one_child);
	tcase_add_loop_test(tests, both_come_back_after_a_blackout_and_one_stays, 0, 8);
	tcase_add_loop_test(tests, an_attempt_that_the_peer_is_about_to_have_comes_first, 0, 6);
	tcase_add_loop_test(
		tests, traps_at_both_ends_that_meet_packets_at_once_make_one_child, 0, 4);
	tcase_add_test(tests, a_second_one_of_a_wanted_child_is_refused);
	tcase_add_test(tests, a_child_that_came_meanwhile_is_not_asked_for);
	tcase_add_test(tests, twins_in_two_ike_sas_are_reduced_to_one);
	return tests;
}
