/* Whether the peer lives, and whether a child is used. */
#include "libike/wire/message.h"
#include "testing/unit/engine/duo.h"

static unsigned requests;

static bool count_informational(void *context, struct sim_world *w, struct sim_flight *flight)
{
	(void)context;
	(void)w;
	requests += flight->data[18] == IKE_EXCHANGE_INFORMATIONAL &&
		    !(flight->data[19] & IKE_FLAG_RESPONSE);
	return true;
}

static struct sim_packet packet(const char *source, const char *destination)
{
	struct sim_packet p = { .protocol = 17 };

	ck_assert(address_parse(source, &p.source));
	ck_assert(address_parse(destination, &p.destination));
	return p;
}

/* Seconds, with a packet of n's network at each tenth of them; NULL: none. */
static void pass(struct duo *d, int seconds, struct sim_node *n)
{
	struct sim_packet p =
		n == d->moon ? packet("10.1.0.1", "10.2.0.1") : packet("10.2.0.1", "10.1.0.1");

	for (int i = 0; i < seconds; i++) {
		sim_world_run(d->world, d->world->now + 1000);
		if (n && i % 10 == 0)
			(void)sim_traffic_send(n, &p, NULL);
	}
}

static struct duo up(struct duo d)
{
	if (!d.sun->engine)
		duo_start(&d);
	if (!d.sun_side.children[0].start_action)
		ck_assert_ptr_nonnull(sim_node_initiate(d.sun, "moon", "net", &(struct why){ "" }));
	sim_world_run(d.world, d.world->now + 1000);
	ck_assert_uint_eq(duo_children(d.sun), 1);
	requests = 0;
	d.world->filter = count_informational;
	return d;
}

START_TEST(a_silent_peer_is_asked_every_dpd_delay)
{
	struct duo d = duo_begin(false);

	d.sun_side.dpd_delay = 30;
	d = up(d);
	pass(&d, 300, NULL);
	ck_assert_uint_ge(requests, 9);
	ck_assert_uint_le(requests, 10);
	ck_assert_uint_eq(duo_children(d.sun), 1);
	duo_end(&d);
}
END_TEST

START_TEST(packets_that_come_in_are_a_sign_of_life)
{
	struct duo d = duo_begin(false);

	d.sun_side.dpd_delay = 30;
	d = up(d);
	pass(&d, 290, d.moon);
	ck_assert_uint_eq(requests, 0);
	/* A daemon that was killed leaves a kernel that sends: now and then it is asked itself. */
	pass(&d, 50, d.moon);
	ck_assert_uint_eq(requests, 1);
	pass(&d, 240, d.moon);
	ck_assert_uint_eq(requests, 1);
	duo_end(&d);
}
END_TEST

START_TEST(packets_that_go_out_alone_are_none)
{
	struct duo d = duo_begin(false);

	d.sun_side.dpd_delay = 30;
	d = up(d);
	pass(&d, 300, d.sun);
	ck_assert_uint_ge(requests, 9);
	duo_end(&d);
}
END_TEST

START_TEST(without_dpd_delay_nobody_is_asked)
{
	struct duo d = up(duo_begin(false));

	pass(&d, 3600, NULL);
	ck_assert_uint_eq(requests, 0);
	duo_end(&d);
}
END_TEST

START_TEST(the_log_says_when_a_peer_would_be_dead)
{
	struct duo d = duo_begin(false);

	d.sun_side.dpd_delay = 30;
	d = up(d);
	sim_node_crash(d.moon);
	pass(&d, 40, NULL);
	ck_assert(sim_node_logged(d.sun, "declared dead after 165 s"));
	pass(&d, 150, NULL);
	ck_assert_uint_eq(duo_children(d.sun), 1);
	pass(&d, 20, NULL);
	ck_assert_uint_eq(duo_ike_sas(d.sun), 0);
	ck_assert(sim_node_logged(d.sun, "did not answer IKE_DPD"));
	duo_end(&d);
}
END_TEST

START_TEST(a_connection_has_its_own_retransmission)
{
	struct duo d = duo_begin(false);
	struct ike_connection *c;
	struct why why = { "" };

	d.sun_side.dpd_delay = 30;
	duo_start(&d);
	c = sim_define(&d.sun_side);
	c->retransmit_tries = 2;
	c->retransmit_timeout = 1000;
	c->retransmit_base = 2;
	ck_assert(sim_node_load(d.sun, c, &why));
	d = up(d);
	sim_node_crash(d.moon);
	pass(&d, 40, NULL);
	ck_assert(sim_node_logged(d.sun, "declared dead after 7 s"));
	ck_assert_uint_eq(duo_ike_sas(d.sun), 0);
	duo_end(&d);
}
END_TEST

START_TEST(a_timeout_of_nothing_does_not_spin)
{
	struct duo d = duo_begin(false);
	struct why why = { "" };

	d.sun->settings.retransmit_timeout = 0;
	d.sun_side.keys_for_ever = true;
	duo_start(&d);
	sim_node_crash(d.moon);
	ck_assert_ptr_nonnull(sim_node_initiate(d.sun, "moon", "net", &why));
	pass(&d, 2, NULL);
	ck_assert_uint_eq(duo_ike_sas(d.sun), 1);
	sim_node_crash(d.sun);
	duo_end(&d);
}
END_TEST

START_TEST(an_unused_child_is_closed_and_stays_so)
{
	struct duo d = duo_begin(false);

	d.sun_side.children[0].inactivity = 60;
	d.sun_side.children[0].start_action = _i ? IKE_ACTION_START : IKE_ACTION_NONE;
	d.sun_side.children[0].close_action = _i ? IKE_ACTION_START : IKE_ACTION_NONE;
	d = up(d);
	pass(&d, 50, NULL);
	ck_assert_uint_eq(duo_children(d.sun), 1);
	pass(&d, 20, NULL);
	ck_assert_uint_eq(duo_children(d.sun), 0);
	ck_assert_uint_eq(duo_ike_sas(d.sun), 1);
	ck_assert(sim_node_logged(d.sun, "inactive for 60 s"));
	pass(&d, 600, NULL);
	ck_assert_uint_eq(duo_children(d.sun), 0);
	duo_end(&d);
}
END_TEST

/* inactivity_close_ike: not while it has another one. */
START_TEST(an_ike_sa_can_go_with_its_last_unused_child)
{
	struct duo d = duo_begin(false);

	d.sun_side.children[0].inactivity = 60;
	d.sun->settings.inactivity_close_ike = true;
	d = up(d);
	if (_i)
		duo_up(&d, d.sun, "net");
	pass(&d, 200, NULL);
	ck_assert_uint_eq(duo_children(d.sun), 0);
	ck_assert_uint_eq(duo_ike_sas(d.sun), 0);
	ck_assert_uint_eq(duo_ike_sas(d.moon), 0);
	ck_assert(sim_node_logged(d.sun, "has no other child, closing it"));
	duo_end(&d);
}
END_TEST

/* Its deletion waits while the peer is asked whether it is there. */
START_TEST(a_silent_peers_unused_child_is_closed_once)
{
	struct duo d = duo_begin(false);
	size_t before;

	d.sun_side.dpd_delay = 30;
	d.sun_side.children[0].inactivity = 60;
	d = up(d);
	sim_node_crash(d.moon);
	pass(&d, 55, NULL);
	before = d.sun->log_count;
	pass(&d, 20, NULL);
	ck_assert_uint_eq(ike_engine_sa_tasks(ike_engine_sa_next(d.sun->engine, NULL)), 1);
	ck_assert_uint_lt(d.sun->log_count - before, 20);
	pass(&d, 150, NULL);
	ck_assert_uint_eq(duo_ike_sas(d.sun), 0);
	duo_end(&d);
}
END_TEST

START_TEST(traffic_either_way_keeps_a_child)
{
	struct duo d = duo_begin(false);

	d.sun_side.children[0].inactivity = 60;
	d = up(d);
	pass(&d, 600, _i ? d.sun : d.moon);
	ck_assert_uint_eq(duo_children(d.sun), 1);
	pass(&d, 80, NULL);
	ck_assert_uint_eq(duo_children(d.sun), 0);
	duo_end(&d);
}
END_TEST

TCase *liveness_tests(void)
{
	TCase *tests = tcase_create("liveness");

	tcase_add_test(tests, a_silent_peer_is_asked_every_dpd_delay);
	tcase_add_test(tests, packets_that_come_in_are_a_sign_of_life);
	tcase_add_test(tests, packets_that_go_out_alone_are_none);
	tcase_add_test(tests, without_dpd_delay_nobody_is_asked);
	tcase_add_test(tests, the_log_says_when_a_peer_would_be_dead);
	tcase_add_test(tests, a_connection_has_its_own_retransmission);
	tcase_add_test(tests, a_timeout_of_nothing_does_not_spin);
	tcase_add_loop_test(tests, an_ike_sa_can_go_with_its_last_unused_child, 0, 2);
	tcase_add_loop_test(tests, an_unused_child_is_closed_and_stays_so, 0, 2);
	tcase_add_test(tests, a_silent_peers_unused_child_is_closed_once);
	tcase_add_loop_test(tests, traffic_either_way_keeps_a_child, 0, 2);
	return tests;
}
