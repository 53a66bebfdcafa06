/* Reauthentication: make before break, break before make, failures. */
#include "libike/wire/message.h"
#include "testing/sim/seal.h"
#include "testing/unit/engine/duo.h"

static void reauthenticate(struct duo *d, struct sim_node *n)
{
	struct ike_rekey what = { .ike = duo_name(d, n), .reauth = true };
	struct why why = { "" };

	ck_assert_msg(sim_node_rekey(n, &what, &why), "%s", why.text);
}

static struct duo begin(void)
{
	struct duo d = duo_begin(false);

	duo_two_children(&d);
	return d;
}

/* By either end, and whatever `unique` says. */
START_TEST(a_new_ike_sa_takes_the_place_of_the_old_one)
{
	static const uint8_t uniques[] = { IKE_UNIQUE_NO, IKE_UNIQUE_REPLACE, IKE_UNIQUE_KEEP,
		IKE_UNIQUE_NEVER };
	struct duo d = begin();
	struct sim_node *by = _i & 1 ? d.moon : d.sun;
	bool make_first = _i & 2;
	struct duo_stream stream;
	uint32_t old;

	d.moon_side.unique = d.sun_side.unique = uniques[_i / 4];
	d.moon->settings.make_before_break = d.sun->settings.make_before_break = make_first;
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	duo_up(&d, d.sun, "web");
	old = duo_only_sa(by)->unique_id;
	duo_stream_begin(&d, &stream, 30);
	sim_world_run(d.world, d.world->now + 1000);
	reauthenticate(&d, by);
	sim_world_run(d.world, d.world->now + IKE_SECONDS(35));
	ck_assert_uint_ne(duo_only_sa(by)->unique_id, old);
	ck_assert_uint_eq(duo_ike_sas(d.moon), 1);
	ck_assert_uint_eq(duo_children(d.moon), 2);
	ck_assert_uint_eq(duo_children(d.sun), 2);
	ck_assert_int_eq(d.moon->child_up, 2);
	ck_assert_int_eq(d.sun->ike_up, 1);
	/* Before the first answer came nobody takes in what the responder sends already. */
	ck_assert_uint_ge(stream.arrived + (make_first ? 4 : 40), stream.sent);
	duo_end(&d);
}
END_TEST

START_TEST(one_that_fails_leaves_the_old_one_and_is_tried_again)
{
	struct duo d = begin();
	struct duo_stream stream;
	uint32_t old;

	duo_start(&d);
	duo_up(&d, d.sun, "net");
	old = duo_only_sa(d.sun)->unique_id;
	sim_node_psk(d.moon, "another", (const char *const[]){ "sun.example.org", NULL });
	duo_stream_begin(&d, &stream, 30);
	reauthenticate(&d, d.sun);
	sim_world_run(d.world, d.world->now + IKE_SECONDS(5));
	ck_assert_uint_eq(duo_only_sa(d.sun)->unique_id, old);
	ck_assert(sim_node_logged(d.sun, "keeping it for now"));
	sim_node_psk(d.sun, "another", (const char *const[]){ "moon.example.org", NULL });
	sim_world_run(d.world, d.world->now + IKE_SECONDS(60));
	ck_assert_uint_ne(duo_only_sa(d.sun)->unique_id, old);
	ck_assert_uint_eq(duo_children(d.moon), 1);
	duo_end(&d);
}
END_TEST

START_TEST(rekeying_does_not_postpone_it)
{
	struct duo d = begin();

	d.sun_side.rekey_time = 60;
	d.sun_side.reauth_time = 400;
	d.sun_side.over_time = 50;
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	sim_world_run(d.world, d.world->now + IKE_SECONDS(390));
	ck_assert_uint_eq(d.world->ike_sas_up, 2);
	ck_assert_uint_ge(ike_engine_counters(d.sun->engine, NULL)[IKE_COUNTER_IKE_REKEY_INIT], 5);
	sim_world_run(d.world, d.world->now + IKE_SECONDS(30));
	ck_assert_uint_eq(d.world->ike_sas_up, 4);
	ck_assert_uint_eq(duo_ike_sas(d.sun), 1);
	ck_assert_uint_eq(duo_children(d.sun), 1);
	duo_end(&d);
}
END_TEST

/* The first DELETE that the node sends does not arrive. */
static bool drop_delete(void *context, struct sim_world *w, struct sim_flight *flight)
{
	struct sim_node **from = context;

	(void)w;
	if (!*from || flight->from != (*from)->index ||
		flight->data[18] != IKE_EXCHANGE_INFORMATIONAL ||
		flight->data[19] & IKE_FLAG_RESPONSE)
		return true;
	*from = NULL;
	return false;
}

/* By one end, and a little later by the other, which may see the old IKE SA
 * still when the new ones are both up. */
START_TEST(when_both_ends_do_it_one_ike_sa_stays)
{
	struct duo d = begin();
	struct sim_node *first = _i & 1 ? d.moon : d.sun, *second = _i & 1 ? d.sun : d.moon;
	struct sim_node *loses = _i & 2 ? first : NULL;

	duo_start(&d);
	duo_up(&d, d.sun, "net");
	d.world->filter = drop_delete;
	d.world->filter_context = &loses;
	reauthenticate(&d, first);
	sim_world_run(d.world, d.world->now + 25 + _i / 4);
	reauthenticate(&d, second);
	sim_world_run(d.world, d.world->now + IKE_SECONDS(400));
	ck_assert_uint_eq(duo_ike_sas(d.moon), 1);
	ck_assert_uint_eq(duo_ike_sas(d.sun), 1);
	ck_assert_uint_eq(duo_children(d.moon), 1);
	ck_assert_uint_eq(duo_children(d.sun), 1);
	duo_end(&d);
}
END_TEST

/* Moon's first request is lost, so it is busy; its refusal of sun's says something else. */
static bool refuse_more(void *context, struct sim_world *w, struct sim_flight *flight)
{
	struct duo *d = context;
	struct sim_inner inner;
	struct ike_builder b;

	if (flight->data[18] != IKE_EXCHANGE_CREATE_CHILD_SA || flight->from != d->moon->index)
		return true;
	if (!(flight->data[19] & IKE_FLAG_RESPONSE))
		return false;
	ck_assert(sim_flight_open(w, flight, &inner));
	ike_builder_begin(&b, inner.chain, sizeof(inner.chain));
	ike_build_notify(&b, IKE_NOTIFY_NO_ADDITIONAL_SAS, (struct bytes){ 0 });
	inner.first = b.first;
	inner.length = b.writer.length;
	ck_assert(sim_flight_seal(w, flight, &inner));
	w->filter = NULL;
	return true;
}

START_TEST(who_may_not_be_rekeyed_is_reauthenticated)
{
	struct duo d = begin();
	struct ike_rekey what = { .ike = "moon" };
	struct why why = { "" };
	uint32_t old;

	d.sun->settings.make_before_break = _i;
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	old = duo_only_sa(d.sun)->unique_id;
	d.world->filter = refuse_more;
	d.world->filter_context = &d;
	ck_assert_ptr_nonnull(sim_node_initiate(d.moon, "sun", "web", &why));
	ck_assert_msg(sim_node_rekey(d.sun, &what, &why), "%s", why.text);
	sim_world_run(d.world, d.world->now + IKE_SECONDS(400));
	ck_assert_uint_ne(duo_only_sa(d.sun)->unique_id, old);
	ck_assert_uint_eq(duo_ike_sas(d.moon), 1);
	ck_assert(duo_children(d.sun) >= 1);
	duo_end(&d);
}
END_TEST

START_TEST(whatever_is_lost_comes_right_again)
{
	struct duo_dropper dropper = { 0, (unsigned)_i / 10 + 1, (unsigned)_i % 10 + 1 };

	for (int make_first = 0; make_first < 2; make_first++) {
		struct duo d = begin();

		d.sun->settings.make_before_break = make_first;
		duo_start(&d);
		duo_up(&d, d.sun, "net");
		duo_up(&d, d.sun, "web");
		dropper.seen = 0;
		d.world->filter = duo_drop;
		d.world->filter_context = &dropper;
		reauthenticate(&d, d.sun);
		sim_world_run(d.world, d.world->now + IKE_SECONDS(500));
		ck_assert_uint_eq(duo_ike_sas(d.moon), 1);
		ck_assert_uint_eq(duo_ike_sas(d.sun), 1);
		ck_assert_uint_eq(duo_children(d.sun), 2);
		duo_end(&d);
	}
}
END_TEST

/* Its definition does not say where the peer is, and there is a NAT box before that. */
START_TEST(the_end_that_was_called_may_reauthenticate)
{
	struct duo d = duo_begin(true);
	uint32_t old;

	d.moon->settings.make_before_break = _i;
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	old = duo_only_sa(d.moon)->unique_id;
	reauthenticate(&d, d.moon);
	sim_world_run(d.world, d.world->now + IKE_SECONDS(20));
	ck_assert_uint_ne(duo_only_sa(d.moon)->unique_id, old);
	ck_assert_uint_eq(duo_children(d.sun), 1);
	duo_end(&d);
}
END_TEST

START_TEST(a_child_that_comes_up_meanwhile_goes_over_too)
{
	struct duo d = begin();
	struct why why;

	d.moon->settings.make_before_break = d.sun->settings.make_before_break = true;
	duo_start(&d);
	duo_up(&d, d.moon, "net");
	reauthenticate(&d, d.moon);
	sim_world_run(d.world, d.world->now + _i);
	ck_assert_ptr_nonnull(sim_node_initiate(d.sun, "moon", "web", &why));
	sim_world_run(d.world, d.world->now + IKE_SECONDS(30));
	ck_assert_uint_eq(duo_ike_sas(d.moon), 1);
	ck_assert_uint_eq(duo_children(d.moon), 2);
	ck_assert_uint_eq(duo_children(d.sun), 2);
	duo_end(&d);
}
END_TEST

TCase *reauth_tests(void)
{
	TCase *tests = tcase_create("reauth");

	tcase_set_timeout(tests, 60);
	tcase_add_loop_test(tests, a_new_ike_sa_takes_the_place_of_the_old_one, 0, 16);
	tcase_add_test(tests, one_that_fails_leaves_the_old_one_and_is_tried_again);
	tcase_add_test(tests, rekeying_does_not_postpone_it);
	tcase_add_loop_test(tests, the_end_that_was_called_may_reauthenticate, 0, 2);
	tcase_add_loop_test(tests, a_child_that_comes_up_meanwhile_goes_over_too, 0, 50);
	tcase_add_loop_test(tests, when_both_ends_do_it_one_ike_sa_stays, 0, 100);
	tcase_add_loop_test(tests, who_may_not_be_rekeyed_is_reauthenticated, 0, 2);
	tcase_add_loop_test(tests, whatever_is_lost_comes_right_again, 0, 100);
	return tests;
}
