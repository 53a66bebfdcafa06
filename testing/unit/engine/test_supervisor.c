/* What is wanted comes back; what is not wanted stays away. */
#include "libike/wire/message.h"
#include "testing/unit/engine/duo.h"

static void pass(struct duo *d, int seconds)
{
	sim_world_run(d->world, d->world->now + IKE_SECONDS(seconds));
}

static void restart(struct duo *d, struct sim_node *n)
{
	struct why why = { "" };

	sim_node_start(n);
	sim_node_psk(n, n == d->moon ? d->moon_psk : d->sun_psk, NULL);
	ck_assert_msg(
		sim_node_load(n, sim_define(n == d->moon ? &d->moon_side : &d->sun_side), &why),
		"%s", why.text);
}

static void terminate(struct sim_node *n, const char *ike, const char *child)
{
	struct ike_terminate what = { .ike = ike, .child = child };
	struct why why = { "" };

	ck_assert_msg(sim_node_terminate(n, &what, &why), "%s", why.text);
}

/* Exactly one IKE SA with one child at both ends, and both agree. */
static void check_one(struct duo *d)
{
	ck_assert_uint_eq(duo_ike_sas(d->moon), 1);
	ck_assert_uint_eq(duo_ike_sas(d->sun), 1);
	ck_assert_uint_eq(duo_children(d->moon), 1);
	ck_assert_uint_eq(duo_children(d->sun), 1);
	ck_assert_uint_eq(sim_check_agreement(d->world, false), 0);
	ck_assert_msg(d->world->complaints == 0, "%s", d->world->complaint);
}

static struct sim_packet packet_of(struct sim_node *n)
{
	struct sim_packet packet = { .protocol = 17 };

	(void)n;
	ck_assert(address_parse("10.2.0.1", &packet.source));
	ck_assert(address_parse("10.1.0.1", &packet.destination));
	return packet;
}

START_TEST(a_start_is_repeated_until_the_peer_is_there)
{
	struct duo d = duo_begin(false);

	d.sun_side.children[0].start_action = IKE_ACTION_START;
	duo_start(&d);
	sim_node_crash(d.moon);
	pass(&d, 2000);
	ck_assert(sim_node_logged(d.sun, "giving up"));
	ck_assert_uint_eq(duo_children(d.sun), 0);
	restart(&d, d.moon);
	pass(&d, 200);
	check_one(&d);
	duo_end(&d);
}
END_TEST

/* A daemon that starts answers nobody before its first connection is loaded: who asks too early
 * comes through with the next retransmission. */
START_TEST(a_start_meets_a_peer_whose_configuration_is_not_loaded_yet)
{
	struct duo d = duo_begin(false);
	struct why why = { "" };

	d.sun_side.children[0].start_action = IKE_ACTION_START;
	sim_node_start(d.moon);
	sim_node_psk(d.moon, d.moon_psk, NULL);
	sim_node_start(d.sun);
	sim_node_psk(d.sun, d.sun_psk, NULL);
	ck_assert(sim_node_load(d.sun, sim_define(&d.sun_side), &why));
	pass(&d, 1);
	ck_assert(sim_node_logged(d.moon, "no connection is loaded at all"));
	ck_assert(!sim_node_logged(d.sun, "NO_PROPOSAL_CHOSEN"));
	ck_assert(sim_node_load(d.moon, sim_define(&d.moon_side), &why));
	pass(&d, 5);
	check_one(&d);
	duo_end(&d);
}
END_TEST

START_TEST(a_child_that_the_peer_closes_comes_back_if_close_action_says_so)
{
	struct duo d = duo_begin(false);

	d.sun_side.children[0].close_action = _i ? IKE_ACTION_START : IKE_ACTION_NONE;
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	terminate(d.moon, NULL, "net");
	pass(&d, 100);
	ck_assert_uint_eq(duo_children(d.sun), _i ? 1 : 0);
	duo_end(&d);
}
END_TEST

/* Where nothing else is written, what is started comes back; `none` means none. */
START_TEST(actions_that_are_not_written_follow_start_action)
{
	struct duo d = duo_begin(false);

	d.sun_side.dpd_delay = 30;
	d.sun_side.children[0].start_action = IKE_ACTION_START;
	d.sun_side.children[0].close_action = d.sun_side.children[0].dpd_action =
		_i & 1 ? IKE_ACTION_UNSET : IKE_ACTION_NONE;
	duo_start(&d);
	pass(&d, 100);
	if (_i & 2) {
		terminate(d.moon, "sun", NULL);
	} else {
		sim_node_crash(d.moon);
		pass(&d, 300);
		restart(&d, d.moon);
	}
	pass(&d, 200);
	if (_i & 1) {
		check_one(&d);
	} else {
		ck_assert_uint_eq(duo_ike_sas(d.sun), 0);
		ck_assert(sim_node_logged(d.sun, "not wanted any more"));
	}
	duo_end(&d);
}
END_TEST

START_TEST(an_ike_sa_that_the_peer_closes_is_a_close_of_its_children)
{
	struct duo d = duo_begin(false);

	d.sun_side.children[0].close_action = IKE_ACTION_START;
	duo_start(&d);
	duo_up(&d, d.moon, "net"); /* by hand, and by the other end */
	terminate(d.moon, "sun", NULL);
	pass(&d, 100);
	check_one(&d);
	duo_end(&d);
}
END_TEST

START_TEST(a_peer_that_dies_is_waited_for_if_dpd_action_says_so)
{
	struct duo d = duo_begin(false);

	d.sun_side.dpd_delay = 30;
	d.sun_side.children[0].dpd_action = _i ? IKE_ACTION_START : IKE_ACTION_NONE;
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	sim_node_crash(d.moon);
	pass(&d, 1000);
	ck_assert_uint_eq(duo_children(d.sun), 0);
	restart(&d, d.moon);
	pass(&d, 200);
	if (_i)
		check_one(&d);
	else
		ck_assert_uint_eq(duo_ike_sas(d.sun), 0);
	duo_end(&d);
}
END_TEST

/* Between losing the SA and getting the next, no packet leaves in the clear. */
/* Nobody notices that the old one has ended, as the new one is on its way; that fails. */
START_TEST(a_peer_that_dies_during_reauthentication_is_waited_for)
{
	struct duo d = duo_begin(false);
	struct ike_rekey what = { .ike = "moon", .reauth = true };
	struct why why = { "" };

	d.sun_side.dpd_delay = 30;
	d.sun_side.children[0].dpd_action = IKE_ACTION_START;
	d.sun->settings.make_before_break = _i;
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	sim_node_crash(d.moon);
	pass(&d, _i ? 40 : 1); /* the peer is being asked whether it lives */
	ck_assert_msg(sim_node_rekey(d.sun, &what, &why), "%s", why.text);
	pass(&d, 1000);
	restart(&d, d.moon);
	pass(&d, 200);
	check_one(&d);
	duo_end(&d);
}
END_TEST

START_TEST(an_action_trap_leaves_no_moment_without_a_policy)
{
	struct duo d = duo_begin(false);
	struct sim_packet packet = packet_of(d.sun);

	d.sun_side.dpd_delay = 30;
	d.sun_side.children[0].dpd_action = d.sun_side.children[0].close_action = IKE_ACTION_TRAP;
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	if (_i)
		terminate(d.moon, "sun", NULL);
	else
		sim_node_crash(d.moon);
	for (int i = 0; i < 300; i++) {
		const struct sim_kernel_policies *policies;

		pass(&d, 1);
		(void)sim_kernel_output(&d.sun->kernel, &packet, &policies);
		ck_assert_ptr_nonnull(policies);
	}
	ck_assert_uint_eq(duo_children(d.sun), 0);
	if (!_i)
		restart(&d, d.moon);
	ck_assert_int_eq(sim_traffic_send(d.sun, &packet, NULL), SIM_WAITS);
	pass(&d, 10);
	check_one(&d);
	ck_assert_int_eq(sim_traffic_send(d.sun, &packet, NULL), SIM_ARRIVED);
	duo_end(&d);
}
END_TEST

START_TEST(what_the_operator_ends_stays_down)
{
	struct duo d = duo_begin(false);

	d.sun_side.children[0].start_action = IKE_ACTION_START;
	d.sun_side.children[0].close_action = IKE_ACTION_START;
	d.sun_side.children[0].dpd_action = IKE_ACTION_START;
	duo_start(&d);
	pass(&d, 10);
	check_one(&d);
	if (_i == 2)
		sim_node_crash(d.moon); /* the deletion is not answered either */
	terminate(d.sun, _i ? "moon" : NULL, _i ? NULL : "net");
	pass(&d, 1000);
	ck_assert_uint_eq(duo_children(d.sun), 0);
	duo_end(&d);
}
END_TEST

START_TEST(the_operator_ends_what_waits_for_another_try)
{
	struct duo d = duo_begin(false);

	d.sun_psk = "what only sun believes";
	d.sun_side.children[0].start_action = IKE_ACTION_START;
	duo_start(&d);
	pass(&d, 5);
	ck_assert(sim_node_logged(d.sun, "trying again in"));
	ck_assert_uint_eq(duo_ike_sas(d.sun), 0);
	terminate(d.sun, NULL, "net");
	ck_assert_int_eq(ike_engine_deadline(d.sun->engine), IKE_NEVER);
	duo_end(&d);
}
END_TEST

START_TEST(the_operator_ends_an_attempt_that_nobody_answers)
{
	struct duo d = duo_begin(false);

	d.sun_side.children[0].start_action = IKE_ACTION_START;
	d.sun_side.keys_for_ever = true;
	duo_start(&d);
	sim_node_crash(d.moon);
	pass(&d, 1000);
	ck_assert_uint_eq(duo_ike_sas(d.sun), 1);
	terminate(d.sun, NULL, "net");
	ck_assert_uint_eq(duo_ike_sas(d.sun), 0);
	ck_assert_int_eq(ike_engine_deadline(d.sun->engine), IKE_NEVER);
	duo_end(&d);
}
END_TEST

START_TEST(what_is_unloaded_is_not_wanted)
{
	struct duo d = duo_begin(false);

	d.sun_side.children[0].start_action = IKE_ACTION_START;
	duo_start(&d);
	sim_node_crash(d.moon);
	pass(&d, 10);
	ck_assert(sim_node_unload(d.sun, "moon"));
	pass(&d, 400);
	ck_assert_uint_eq(duo_ike_sas(d.sun), 0);
	ck_assert_int_eq(ike_engine_deadline(d.sun->engine), IKE_NEVER);
	duo_end(&d);
}
END_TEST

START_TEST(a_definition_without_the_start_ends_the_wish)
{
	struct duo d = duo_begin(false);
	struct why why = { "" };

	d.sun_side.children[0].start_action = IKE_ACTION_START;
	duo_start(&d);
	sim_node_crash(d.moon);
	pass(&d, 10);
	d.sun_side.children[0].start_action = IKE_ACTION_NONE;
	ck_assert(sim_node_load(d.sun, sim_define(&d.sun_side), &why));
	pass(&d, 400);
	ck_assert_int_eq(ike_engine_deadline(d.sun->engine), IKE_NEVER);
	duo_end(&d);
}
END_TEST

static unsigned attempts;

static bool count_first_requests(void *context, struct sim_world *w, struct sim_flight *flight)
{
	(void)context;
	(void)w;
	attempts +=
		flight->data[18] == IKE_EXCHANGE_SA_INIT && !(flight->data[19] & IKE_FLAG_RESPONSE);
	return true;
}

START_TEST(a_refusal_is_tried_again_but_not_often)
{
	struct duo d = duo_begin(false);

	d.sun_psk = "what only sun believes";
	d.sun_side.children[0].start_action = IKE_ACTION_START;
	d.world->filter = count_first_requests;
	attempts = 0;
	duo_start(&d);
	pass(&d, 3600);
	ck_assert_uint_ge(attempts, 10);
	ck_assert_uint_le(attempts, 25);
	/* And when the key is right it comes up, at the next try. */
	sim_node_psk(d.moon, d.sun_psk, NULL);
	pass(&d, 400);
	ck_assert_uint_eq(duo_children(d.sun), 1);
	duo_end(&d);
}
END_TEST

/* It was started a moment ago, and its definitions come soon. */
START_TEST(a_refusal_of_a_peer_that_has_no_definitions_yet_is_tried_again_soon)
{
	struct duo d = duo_begin(false);

	d.sun_side.dpd_delay = 30;
	d.sun_side.children[0].start_action = d.sun_side.children[0].dpd_action = IKE_ACTION_START;
	duo_start(&d);
	ck_assert(sim_node_unload(d.moon, "sun"));
	pass(&d, 1);
	ck_assert_uint_eq(duo_children(d.sun), 0);
	ck_assert(sim_node_load(d.moon, sim_define(&d.moon_side), &(struct why){ "" }));
	pass(&d, 5);
	check_one(&d);
	duo_end(&d);
}
END_TEST

/* A peer that closes it again and again is not hammered. */
START_TEST(a_child_that_keeps_ending_comes_back_ever_more_slowly)
{
	struct duo d = duo_begin(false);
	unsigned up = 0;

	d.sun_side.children[0].start_action = d.sun_side.children[0].close_action =
		IKE_ACTION_START;
	duo_start(&d);
	for (int i = 0; i < 3600; i++) {
		struct ike_terminate what = { .child = "net" };
		struct why why;

		pass(&d, 1);
		if (duo_children(d.moon) == 0)
			continue;
		up++;
		ck_assert_ptr_nonnull(sim_node_terminate(d.moon, &what, &why));
	}
	ck_assert_uint_ge(up, 50);
	ck_assert_uint_le(up, 100);
	duo_end(&d);
}
END_TEST

START_TEST(children_of_one_connection_share_one_ike_sa)
{
	struct duo d = duo_begin(false);

	for (int i = 1; i < 4; i++) {
		d.sun_side.children[i] = d.sun_side.children[0];
		d.moon_side.children[i] = d.moon_side.children[0];
		d.sun_side.children[i].name = d.moon_side.children[i].name =
			(const char *[]){ "", "second", "third", "fourth" }[i];
		d.sun_side.children[i].local_ts = d.moon_side.children[i].remote_ts =
			(const char *[]){ "", "10.4.0.0/16", "10.6.0.0/16", "10.8.0.0/16" }[i];
	}
	for (int i = 0; i < 4; i++)
		d.sun_side.children[i].start_action = d.sun_side.children[i].dpd_action =
			IKE_ACTION_START;
	d.sun_side.dpd_delay = 30;
	duo_start(&d);
	pass(&d, 10);
	ck_assert_uint_eq(duo_ike_sas(d.sun), 1);
	ck_assert_uint_eq(duo_children(d.sun), 4);
	sim_node_crash(d.moon);
	pass(&d, 600);
	restart(&d, d.moon);
	pass(&d, 200);
	ck_assert_uint_eq(duo_ike_sas(d.sun), 1);
	ck_assert_uint_eq(duo_children(d.sun), 4);
	duo_end(&d);
}
END_TEST

START_TEST(a_child_that_is_lacking_comes_through_the_ike_sa_that_is_there)
{
	struct duo d = duo_begin(false);

	d.sun_side.children[0].start_action = d.sun_side.children[0].close_action =
		IKE_ACTION_START;
	duo_start(&d);
	pass(&d, 100);
	attempts = 0;
	d.world->filter = count_first_requests;
	terminate(d.moon, NULL, "net");
	pass(&d, 10);
	check_one(&d);
	ck_assert_uint_eq(attempts, 0);
	duo_end(&d);
}
END_TEST

/* The peer lost everything and comes back by itself: it says INITIAL_CONTACT, the old SA goes, and
 * the wish finds its child there. */
START_TEST(a_peer_that_comes_back_is_not_met_by_a_second_attempt)
{
	struct duo d = duo_begin(false);

	d.sun_side.children[0].start_action = d.sun_side.children[0].dpd_action =
		d.sun_side.children[0].close_action = IKE_ACTION_START;
	duo_start(&d);
	pass(&d, 100);
	check_one(&d);
	sim_node_crash(d.moon);
	d.moon_side.children[0].start_action = IKE_ACTION_START;
	attempts = 0;
	d.world->filter = count_first_requests;
	restart(&d, d.moon);
	pass(&d, 300);
	check_one(&d);
	ck_assert_uint_eq(attempts, 1);
	duo_end(&d);
}
END_TEST

START_TEST(a_child_that_expires_is_made_anew)
{
	struct duo d = duo_begin(false);
	struct ike_connection *c;
	struct why why = { "" };

	duo_start(&d);
	c = sim_define(&d.sun_side);
	c->children[0]->life_time = 600;
	ck_assert(sim_node_load(d.sun, c, &why));
	duo_up(&d, d.sun, "net");
	for (int i = 0; i < 700; i++) {
		pass(&d, 1);
		sim_traffic_expire(d.sun);
	}
	check_one(&d);
	duo_end(&d);
}
END_TEST

START_TEST(an_engine_that_shuts_down_starts_nothing_again)
{
	struct duo d = duo_begin(false);

	d.sun_side.children[0].start_action = d.sun_side.children[0].close_action =
		IKE_ACTION_START;
	duo_start(&d);
	pass(&d, 10);
	sim_node_shutdown(d.sun);
	pass(&d, 400);
	ck_assert(ike_engine_is_idle(d.sun->engine));
	ck_assert_int_eq(ike_engine_deadline(d.sun->engine), IKE_NEVER);
	duo_end(&d);
}
END_TEST

TCase *supervisor_tests(void)
{
	TCase *tests = tcase_create("supervisor");

	tcase_add_test(tests, a_start_is_repeated_until_the_peer_is_there);
	tcase_add_test(tests, a_start_meets_a_peer_whose_configuration_is_not_loaded_yet);
	tcase_add_loop_test(
		tests, a_child_that_the_peer_closes_comes_back_if_close_action_says_so, 0, 2);
	tcase_add_loop_test(tests, actions_that_are_not_written_follow_start_action, 0, 4);
	tcase_add_test(tests, an_ike_sa_that_the_peer_closes_is_a_close_of_its_children);
	tcase_add_loop_test(tests, a_peer_that_dies_is_waited_for_if_dpd_action_says_so, 0, 2);
	tcase_add_loop_test(tests, an_action_trap_leaves_no_moment_without_a_policy, 0, 2);
	tcase_add_loop_test(tests, what_the_operator_ends_stays_down, 0, 3);
	tcase_add_test(tests, the_operator_ends_what_waits_for_another_try);
	tcase_add_test(tests, the_operator_ends_an_attempt_that_nobody_answers);
	tcase_add_test(tests, what_is_unloaded_is_not_wanted);
	tcase_add_test(tests, a_definition_without_the_start_ends_the_wish);
	tcase_add_test(tests, a_refusal_is_tried_again_but_not_often);
	tcase_add_test(tests, a_refusal_of_a_peer_that_has_no_definitions_yet_is_tried_again_soon);
	tcase_add_test(tests, a_child_that_keeps_ending_comes_back_ever_more_slowly);
	tcase_add_test(tests, children_of_one_connection_share_one_ike_sa);
	tcase_add_test(tests, a_child_that_is_lacking_comes_through_the_ike_sa_that_is_there);
	tcase_add_test(tests, a_peer_that_comes_back_is_not_met_by_a_second_attempt);
	tcase_add_test(tests, a_child_that_expires_is_made_anew);
	tcase_add_test(tests, an_engine_that_shuts_down_starts_nothing_again);
	tcase_add_loop_test(tests, a_peer_that_dies_during_reauthentication_is_waited_for, 0, 2);
	return tests;
}
