/* Additional key exchanges after CREATE_CHILD_SA (RFC 9370 2.2.4): new children, rekeying of both
 * kinds, losses, collisions, and peers that do not go on. */
#include "libike/wire/message.h"
#include "testing/unit/engine/duo.h"

#define IKE "aes128-sha256-x25519-ke1_ecp256-ke2_x448"
#define ESP "aes128gcm16-x25519-ke1_ecp256-ke4_x448"

static struct duo begin(void)
{
	struct duo d = duo_begin(false);

	d.moon_side.proposals = d.sun_side.proposals = IKE;
	d.moon_side.children[0].proposals = d.sun_side.children[0].proposals = ESP;
	return d;
}

static const struct ike_sa *established(const struct sim_node *n)
{
	const struct ike_sa *sa = NULL, *found = NULL;

	while ((sa = ike_engine_sa_next(n->engine, sa)) != NULL)
		if (sa->state == IKE_SA_ESTABLISHED) {
			ck_assert_msg(!found, "%s has two", n->name);
			found = sa;
		}
	ck_assert_ptr_nonnull(found);
	return found;
}

static const struct ike_child *only_child(const struct sim_node *n)
{
	const struct ike_sa *sa = established(n);

	ck_assert_ptr_nonnull(sa->children);
	ck_assert_ptr_null(sa->children->next);
	return sa->children;
}

static void rekey(struct duo *d, struct sim_node *n, bool child)
{
	struct ike_rekey what = { .ike = child ? NULL : duo_name(d, n),
		.child = child ? "net" : NULL };
	struct why why = { "" };

	ck_assert_msg(sim_node_rekey(n, &what, &why), "%s", why.text);
}

static void settle(struct duo *d)
{
	sim_world_run(d->world, d->world->now + 1);
	sim_world_settle(d->world, d->world->now + IKE_SECONDS(400));
}

START_TEST(a_new_child_takes_three_exchanges)
{
	struct duo d = begin();
	uint64_t before;

	duo_start(&d);
	duo_up(&d, d.sun, NULL);
	before = d.world->datagrams_sent;
	duo_up(&d, _i ? d.sun : d.moon, "net");
	ck_assert_uint_eq(d.world->datagrams_sent - before, 6);
	ck_assert_uint_eq(ike_suite_additional_count(&only_child(d.sun)->suite), 2);
	ck_assert(sim_node_logged(_i ? d.moon : d.sun,
			  "received IKE_FOLLOWUP_KE request 5 [ KE N(ADD_KE) ]") ||
		  sim_node_logged(_i ? d.moon : d.sun,
			  "received IKE_FOLLOWUP_KE request 1 [ KE N(ADD_KE) ]"));
	duo_down(&d, d.moon);
	duo_end(&d);
}
END_TEST

START_TEST(a_child_is_replaced_without_a_gap)
{
	struct duo d = begin();
	struct sim_node *by = _i ? d.moon : d.sun;
	struct duo_stream stream;
	uint32_t spi_in;

	duo_start(&d);
	duo_up(&d, d.sun, "net");
	ck_assert_uint_eq(ike_suite_additional_count(&only_child(d.sun)->suite), 0);
	spi_in = only_child(d.moon)->spi_in;
	duo_stream_begin(&d, &stream, 20);
	sim_world_run(d.world, d.world->now + 1000);
	rekey(&d, by, true);
	sim_world_run(d.world, d.world->now + IKE_SECONDS(25));
	ck_assert_uint_eq(stream.arrived, stream.sent);
	ck_assert_uint_ne(only_child(d.moon)->spi_in, spi_in);
	ck_assert_uint_eq(ike_suite_additional_count(&only_child(d.sun)->suite), 2);
	ck_assert_int_eq(d.moon->child_up, 1);
	duo_down(&d, d.moon);
	duo_end(&d);
}
END_TEST

START_TEST(the_ike_sa_is_replaced_and_its_children_stay)
{
	struct duo d = begin();
	struct sim_node *by = _i ? d.moon : d.sun;
	struct duo_stream stream;
	uint32_t old, spi_in;

	duo_start(&d);
	duo_up(&d, d.sun, "net");
	old = established(d.moon)->unique_id;
	spi_in = only_child(d.moon)->spi_in;
	duo_stream_begin(&d, &stream, 20);
	sim_world_run(d.world, d.world->now + 1000);
	rekey(&d, by, false);
	sim_world_run(d.world, d.world->now + IKE_SECONDS(25));
	ck_assert_uint_eq(stream.arrived, stream.sent);
	ck_assert_uint_ne(established(d.moon)->unique_id, old);
	ck_assert_uint_eq(only_child(d.moon)->spi_in, spi_in);
	ck_assert_uint_eq(ike_suite_additional_count(&established(d.sun)->suite), 2);
	/* The new one works. */
	rekey(&d, by == d.moon ? d.sun : d.moon, true);
	settle(&d);
	rekey(&d, d.sun, false);
	settle(&d);
	ck_assert_uint_eq(duo_ike_sas(d.moon), 1);
	duo_down(&d, by);
	duo_end(&d);
}
END_TEST

/* Drops one of the datagrams that come. */
struct loss {
	unsigned seen, lost; /* counted from 1 */
};

static bool lose(void *context, struct sim_world *w, struct sim_flight *flight)
{
	struct loss *loss = context;

	(void)w;
	(void)flight;
	return ++loss->seen != loss->lost;
}

START_TEST(any_datagram_may_be_lost)
{
	struct duo d = begin();
	struct loss loss = { .lost = (unsigned)_i % 8 + 1 };

	duo_start(&d);
	duo_up(&d, d.sun, "net");
	d.world->filter = lose;
	d.world->filter_context = &loss;
	rekey(&d, _i & 16 ? d.moon : d.sun, _i & 8);
	settle(&d);
	ck_assert_uint_eq(duo_ike_sas(d.moon), 1);
	ck_assert_uint_eq(duo_ike_sas(d.sun), 1);
	(void)only_child(d.moon);
	(void)only_child(d.sun);
	ck_assert_int_eq(d.moon->child_up, 1);
	ck_assert_uint_eq(sim_check_agreement(d.world, false), 0);
	duo_down(&d, d.sun);
	duo_end(&d);
}
END_TEST

/* Both ends rekey the same, apart by so many milliseconds; a round trip takes some tens. */
START_TEST(collisions_leave_one)
{
	struct duo d = begin();
	bool child = _i & 1;

	if (_i & 64) { /* one of them wants no more than the other accepts */
		d.sun_side.children[0].proposals =
			"aes128gcm16-x25519-ke1_ecp256-ke1_none-ke4_x448-ke4_none";
		d.moon_side.children[0].proposals =
			"aes128gcm16-x25519-ke1_none-ke1_ecp256-ke4_none-ke4_x448";
		d.sun_side.proposals = "aes128-sha256-x25519-ke1_ecp256-ke1_none-ke2_x448";
		d.moon_side.proposals = "aes128-sha256-x25519-ke1_none-ke1_ecp256-ke2_x448";
	}
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	rekey(&d, _i & 2 ? d.sun : d.moon, child);
	sim_world_run(d.world, d.world->now + (ike_time)((_i >> 2 & 15) * 7));
	rekey(&d, _i & 2 ? d.moon : d.sun, child);
	sim_world_run(d.world, d.world->now + IKE_SECONDS(120));
	ck_assert_uint_eq(duo_ike_sas(d.moon), 1);
	ck_assert_uint_eq(duo_ike_sas(d.sun), 1);
	(void)only_child(d.moon);
	(void)only_child(d.sun);
	ck_assert_int_eq(d.moon->child_up, 1);
	ck_assert_int_eq(d.sun->child_up, 1);
	ck_assert_uint_eq(sim_check_agreement(d.world, false), 0);
	duo_down(&d, d.sun);
	duo_end(&d);
}
END_TEST

/* All follow-ups of one end vanish. */
static bool no_followup(void *context, struct sim_world *w, struct sim_flight *flight)
{
	(void)context;
	(void)w;
	return flight->data[18] != IKE_EXCHANGE_FOLLOWUP_KE;
}

/* The responder forgets what it waited for, and keeps what it had. */
START_TEST(who_never_follows_up_is_forgotten)
{
	struct duo d = begin();
	bool child = _i;

	d.moon->settings.retransmit_tries = d.sun->settings.retransmit_tries = 8;
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	d.world->filter = no_followup;
	rekey(&d, d.sun, child);
	sim_world_run(d.world, d.world->now + IKE_SECONDS(61));
	ck_assert(sim_node_logged(d.moon, "did not go on with IKE_FOLLOWUP_KE within 60 s"));
	ck_assert_uint_eq(established(d.moon)->children->state, IKE_CHILD_INSTALLED);
	d.world->filter = NULL;
	/* The retransmission finds nothing, and the rekeying begins anew. */
	sim_world_run(d.world, d.world->now + IKE_SECONDS(400));
	ck_assert(sim_node_logged(d.sun, "STATE_NOT_FOUND"));
	ck_assert_uint_eq(duo_ike_sas(d.moon), 1);
	ck_assert_uint_eq(ike_suite_additional_count(
				  child ? &only_child(d.moon)->suite : &established(d.moon)->suite),
		2);
	ck_assert_int_eq(d.moon->child_up, 1);
	duo_down(&d, d.moon);
	duo_end(&d);
}
END_TEST

START_TEST(an_operator_may_end_it_in_between)
{
	struct duo d = begin();
	struct ike_terminate what = { .child = _i & 1 ? "net" : NULL };
	struct sim_node *by = _i & 2 ? d.moon : d.sun;
	struct why why;

	if (!what.child)
		what.ike = duo_name(&d, by);
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	rekey(&d, d.sun, _i & 4);
	sim_world_run(d.world, d.world->now + (ike_time)(_i >> 3) * 25);
	ck_assert_ptr_nonnull(sim_node_terminate(by, &what, &why));
	sim_world_run(d.world, d.world->now + IKE_SECONDS(400));
	ck_assert_uint_eq(duo_children(d.moon), 0);
	ck_assert_uint_eq(duo_children(d.sun), 0);
	duo_end(&d);
}
END_TEST

TCase *followup_tests(void)
{
	TCase *tests = tcase_create("follow-up key exchanges");

	tcase_set_timeout(tests, 60);
	tcase_add_loop_test(tests, a_new_child_takes_three_exchanges, 0, 2);
	tcase_add_loop_test(tests, a_child_is_replaced_without_a_gap, 0, 2);
	tcase_add_loop_test(tests, the_ike_sa_is_replaced_and_its_children_stay, 0, 2);
	tcase_add_loop_test(tests, any_datagram_may_be_lost, 0, 32);
	tcase_add_loop_test(tests, collisions_leave_one, 0, 128);
	tcase_add_loop_test(tests, who_never_follows_up_is_forgotten, 0, 2);
	tcase_add_loop_test(tests, an_operator_may_end_it_in_between, 0, 64);
	return tests;
}
