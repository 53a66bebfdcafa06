/* MOBIKE: addresses that change, at either end, with and without it. */
#include "libike/sa/path.h"
#include "libike/wire/message.h"
#include "testing/sim/seal.h"
#include "testing/unit/engine/duo.h"

/* ---- Offering ---- */

START_TEST(both_must_want_it)
{
	struct duo d = duo_begin(false);

	d.sun_side.no_mobike = _i & 1;
	d.moon_side.no_mobike = _i & 2;
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	ck_assert_uint_eq(duo_only_sa(d.sun)->peer_mobike, _i == 0);
	ck_assert_uint_eq(duo_only_sa(d.moon)->peer_mobike, _i == 0);
	/* The ports float when the initiator wants it: the peer has not said anything yet. */
	ck_assert_uint_eq(duo_only_sa(d.sun)->local.port, _i & 1 ? 500 : 4500);
	ck_assert_uint_eq(duo_only_sa(d.sun)->children->udp_encapsulation, false);
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
	sun_id = duo_only_sa(d.sun)->unique_id;
	moon_id = duo_only_sa(d.moon)->unique_id;
	duo_move(d.sun, 0, "192.0.2.99");
	/* What sun sends has moved at once. */
	ck_assert_int_eq(duo_send_from(&d, d.sun), SIM_ARRIVED);
	sim_world_settle(d.world, d.world->now + IKE_SECONDS(5));
	duo_both_ways(&d);
	duo_is_at(&duo_only_sa(d.moon)->remote, "192.0.2.99");
	duo_is_at(&duo_only_sa(d.sun)->local, "192.0.2.99");
	ck_assert_uint_eq(duo_only_sa(d.sun)->unique_id, sun_id);
	ck_assert_uint_eq(duo_only_sa(d.moon)->unique_id, moon_id);
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
	duo_move(d.moon, 0, "192.0.2.99");
	sim_world_settle(d.world, d.world->now + IKE_SECONDS(5));
	duo_both_ways(&d);
	duo_is_at(&duo_only_sa(d.sun)->remote, "192.0.2.99");
	duo_is_at(&duo_only_sa(d.moon)->local, "192.0.2.99");
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
		duo_move(d.sun, 0, text);
		duo_pass(&d, i % 5 * 7);
	}
	sim_world_settle(d.world, d.world->now + IKE_SECONDS(60));
	duo_is_at(&duo_only_sa(d.moon)->remote, "192.0.2.119");
	duo_both_ways(&d);
	duo_down(&d, d.sun);
	duo_end(&d);
}
END_TEST

START_TEST(a_family_can_change)
{
	struct duo d = duo_begin(false);

	duo_start(&d);
	duo_up(&d, d.sun, "net");
	duo_move(d.sun, 0, NULL); /* IPv6 is left, and moon said that it has it, too */
	sim_world_settle(d.world, d.world->now + IKE_SECONDS(5));
	duo_is_at(&duo_only_sa(d.sun)->local, "2001:db8::2");
	duo_is_at(&duo_only_sa(d.moon)->local, "2001:db8::1");
	duo_both_ways(&d);
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
	duo_move(d.sun, 1, NULL);
	duo_move(d.moon, 1, NULL);
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	id = duo_only_sa(n)->unique_id;
	for (unsigned i = 0; i < 3; i++) {
		duo_move(n, 0, NULL);
		duo_pass(&d, IKE_SECONDS(8));
		duo_move(n, 0, n == d.moon ? "192.0.2.1" : "192.0.2.2");
		duo_pass(&d, IKE_SECONDS(8));
		duo_both_ways(&d);
		ck_assert_uint_eq(duo_only_sa(n)->unique_id, id);
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
	duo_pass(&d, 100);
	ck_assert_uint_eq(command->answers, 0);
	d.world->partition_count = 0;
	duo_move(d.sun, 0, "192.0.2.99");
	duo_pass(&d, 200); /* long before its retransmission */
	ck_assert_uint_eq(command->answers, 1);
	ck_assert(command->done);
	sim_world_settle(d.world, d.world->now + IKE_SECONDS(5));
	duo_both_ways(&d);
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
	duo_pass(&d, IKE_SECONDS(1));
	uint32_t id = duo_only_sa(d.sun)->unique_id;
	duo_move(d.sun, 0, "192.0.2.99");
	duo_pass(&d, IKE_SECONDS(15));
	ck_assert_uint_ne(duo_only_sa(d.sun)->unique_id, id);
	duo_both_ways(&d);
	duo_is_at(&duo_only_sa(d.moon)->remote, "192.0.2.99");
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
	duo_pass(&d, 100);
	d.world->partition_count = 0;
	duo_move(d.sun, 0, "192.0.2.99");
	duo_pass(&d, 200);
	ck_assert_uint_eq(command->answers, 1);
	ck_assert_msg(command->done, "%s", command->text);
	duo_is_at(&duo_only_sa(d.sun)->local, "192.0.2.99");
	duo_both_ways(&d);
	duo_pass(&d, IKE_SECONDS(60));
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
	duo_move(d.sun, 2, "192.0.2.2");
	duo_move(d.sun, 0, "198.51.100.2");
	duo_pass(&d, IKE_SECONDS(5));
	duo_up(&d, d.sun, "net");
	ck_assert_uint_eq(duo_ike_sas(d.sun), 1);
	duo_is_at(&duo_only_sa(d.sun)->local, "192.0.2.2");
	duo_both_ways(&d);
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
	struct address dead = duo_address("192.0.2.1");

	d.sun_side.dpd_delay = 10;
	duo_start(&d);
	duo_move(d.moon, 2, "198.51.100.1");
	duo_up(&d, d.sun, "net");
	d.world->filter = drop_to;
	d.world->filter_context = &dead;
	duo_pass(&d, IKE_SECONDS(24)); /* DPD and two retransmissions */
	ck_assert(!address_same_host(&duo_only_sa(d.sun)->remote, &dead));
	ck_assert(!address_same_host(&duo_only_sa(d.moon)->local, &dead));
	duo_both_ways(&d);
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
	duo_move(d.moon, 2, "198.51.100.1");
	duo_pass(&d, IKE_SECONDS(2));
	ck_assert_ptr_nonnull(duo_only_sa(d.sun)->mobike);
	ck_assert_uint_eq(duo_only_sa(d.sun)->mobike->peer_count, 2); /* and IPv6 */
	duo_move(d.moon, 1, NULL);
	duo_move(d.moon, 2, NULL);
	duo_pass(&d, IKE_SECONDS(2));
	ck_assert_uint_eq(duo_only_sa(d.sun)->mobike->peer_count, 0);
	duo_is_at(&duo_only_sa(d.sun)->remote, "192.0.2.1");
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
	duo_move(d.sun, 0, "192.0.2.99");
	duo_pass(&d, 500);
	duo_is_at(&duo_only_sa(d.moon)->remote, "192.0.2.99");
	ck_assert_int_eq(duo_send_from(&d, d.sun), SIM_ARRIVED);
	ck_assert_int_eq(duo_send_from(&d, d.moon), SIM_LOST); /* to where sun was */
	d.world->filter = NULL;
	sim_world_settle(d.world, d.world->now + IKE_SECONDS(10));
	duo_both_ways(&d);
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
	duo_pass(&d, IKE_SECONDS(25));
	duo_both_ways(&d);
	sim_nat_rebind(d.sun);
	ck_assert_int_eq(duo_send_from(&d, d.moon), SIM_LOST);
	duo_pass(&d, IKE_SECONDS(15)); /* no ESP from sun */
	ck_assert_int_eq(duo_send_from(&d, d.moon), SIM_ARRIVED);
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
	d.sun->nat.public_address = duo_address("203.0.113.2");
	duo_move(d.sun, 1, NULL);
	duo_move(d.sun, 0, "10.2.0.1");
	sim_world_settle(d.world, d.world->now + IKE_SECONDS(5));
	ck_assert(duo_only_sa(d.sun)->nat_local);
	ck_assert(duo_only_sa(d.moon)->nat_remote);
	ck_assert(duo_only_sa(d.moon)->children->udp_encapsulation);
	duo_both_ways(&d);
	d.sun->nat.here = false;
	duo_move(d.sun, 0, "192.0.2.2");
	sim_world_settle(d.world, d.world->now + IKE_SECONDS(5));
	ck_assert(!duo_only_sa(d.sun)->nat_local);
	ck_assert(!duo_only_sa(d.moon)->children->udp_encapsulation);
	duo_both_ways(&d);
	duo_down(&d, d.moon);
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
	return tests;
}
