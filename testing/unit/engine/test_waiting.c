/* IKE_AUTH that waits for somebody on its own side: here, for a signature. */
#include "libike/wire/message.h"
#include "testing/unit/engine/duo.h"

START_TEST(signatures_that_come_later_are_waited_for)
{
	struct duo d = duo_begin(_i & 1);
	struct sim_node *first = _i & 2 ? d.sun : d.moon;

	if (_i & 1)
		first = d.sun;
	duo_start_certified(&d);
	duo_up(&d, first, "net");
	duo_down(&d, first);
	duo_end(&d);
}
END_TEST

START_TEST(a_signature_that_never_comes_ends_the_attempt_in_time)
{
	struct duo d = duo_begin(false);

	duo_start_certified(&d);
	(_i ? d.sun : d.moon)->signer = SIM_SIGNER_SILENT;
	const struct sim_command *command = duo_initiate(&d, d.moon, "net");
	ck_assert(!command->done);
	if (!_i)
		ck_assert_msg(strstr(command->text, "signature"), "%s", command->text);
	ck_assert_uint_eq(duo_ike_sas(d.moon), 0);
	ck_assert_uint_eq(duo_ike_sas(d.sun), 0);
	duo_end(&d);
}
END_TEST

START_TEST(a_signature_that_fails_says_why)
{
	struct duo d = duo_begin(false);

	duo_start_certified(&d);
	(_i ? d.sun : d.moon)->signer = SIM_SIGNER_FAILS;
	const struct sim_command *command = duo_initiate(&d, d.moon, "net");
	ck_assert(!command->done);
	ck_assert(sim_node_logged(_i ? d.sun : d.moon, "no such key any more"));
	if (_i) /* the peer learns no more than it has to */
		ck_assert(!sim_node_logged(d.moon, "no such key"));
	duo_end(&d);
}
END_TEST

static void run_until_waiting(struct duo *d, struct sim_node *n)
{
	/* The silent signer was asked: what is under way is over. */
	for (unsigned i = 0; i < 100 && duo_ike_sas(n) == 0; i++)
		sim_world_run(d->world, d->world->now + 50);
	sim_world_run(d->world, d->world->now + 3000);
	ck_assert_uint_eq(duo_ike_sas(n), 1);
}

START_TEST(copies_of_a_request_under_work_are_swallowed)
{
	struct duo d = duo_begin(false);
	size_t lines;

	duo_start_certified(&d);
	d.sun->signer = SIM_SIGNER_SILENT;
	ck_assert_ptr_nonnull(sim_node_initiate(d.moon, "sun", "net", &(struct why){ "" }));
	run_until_waiting(&d, d.sun);
	lines = d.sun->log_count;
	sim_world_run(d.world, d.world->now + IKE_SECONDS(15)); /* moon retransmits */
	ck_assert(sim_node_logged(d.moon, "retransmit 1 of request"));
	ck_assert_uint_eq(d.sun->log_count, lines);
	sim_world_settle(d.world, d.world->now + IKE_SECONDS(400));
	duo_end(&d);
}
END_TEST

START_TEST(what_waits_can_be_ended)
{
	struct duo d = duo_begin(false);
	struct sim_node *n = _i & 1 ? d.sun : d.moon;
	struct ike_terminate what = { .ike = "sun" };

	duo_start_certified(&d);
	n->signer = SIM_SIGNER_SILENT;
	ck_assert_ptr_nonnull(sim_node_initiate(d.moon, "sun", "net", &(struct why){ "" }));
	run_until_waiting(&d, n);
	if (_i & 2) {
		sim_node_shutdown(n);
		ck_assert(ike_engine_is_idle(n->engine));
	} else if (n == d.moon) {
		ck_assert_ptr_nonnull(sim_node_terminate(n, &what, &(struct why){ "" }));
	}
	/* An answer to a question that nobody remembers, or to none. */
	for (uint64_t ticket = 0; (_i & 2 || n == d.moon) && ticket < 20; ticket++) {
		sim_node_enter(n);
		ike_engine_signed(
			n->engine, sim_node_now(n), ticket, bytes_of("signature", 9), NULL);
		sim_node_leave(n);
	}
	sim_world_settle(d.world, d.world->now + IKE_SECONDS(400));
	ck_assert_uint_eq(duo_ike_sas(d.moon), 0);
	ck_assert_uint_eq(duo_ike_sas(d.sun), 0);
	duo_end(&d);
}
END_TEST

START_TEST(a_reload_while_it_waits_changes_nothing_under_its_feet)
{
	struct duo d = duo_begin(false);
	struct why why = { "" };

	duo_start_certified(&d);
	const struct sim_command *command = sim_node_initiate(d.moon, "sun", "net", &why);
	ck_assert_msg(command, "%s", why.text);
	for (unsigned i = 0; i < 200; i++) {
		struct sim_node *n = i & 1 ? d.sun : d.moon;
		struct sim_definition *side = i & 1 ? &d.sun_side : &d.moon_side;

		side->dpd_delay = 100 + i;
		ck_assert_msg(sim_node_load(n, sim_define(side), &why), "%s", why.text);
		sim_world_run(d.world, d.world->now + 7);
	}
	sim_world_settle(d.world, d.world->now + 1000);
	ck_assert_msg(command->done, "%s", command->text);
	duo_down(&d, d.moon);
	duo_end(&d);
}
END_TEST

START_TEST(both_ends_that_start_and_sign_make_one)
{
	struct duo d = duo_begin(false);

	duo_start_certified(&d);
	ck_assert_ptr_nonnull(sim_node_initiate(d.moon, "sun", "net", &(struct why){ "" }));
	sim_world_run(d.world, d.world->now + 10 * _i);
	ck_assert_ptr_nonnull(sim_node_initiate(d.sun, "moon", "net", &(struct why){ "" }));
	sim_world_settle(d.world, d.world->now + IKE_SECONDS(60));
	ck_assert_uint_eq(duo_ike_sas(d.moon), 1);
	ck_assert_uint_eq(duo_ike_sas(d.sun), 1);
	ck_assert_uint_eq(duo_children(d.moon), 1);
	ck_assert_uint_eq(sim_check_agreement(d.world, false), 0);
	duo_down(&d, d.moon);
	duo_end(&d);
}
END_TEST

TCase *waiting_tests(void)
{
	TCase *tests = tcase_create("waiting");

	tcase_set_timeout(tests, 120);
	tcase_add_loop_test(tests, signatures_that_come_later_are_waited_for, 0, 4);
	tcase_add_loop_test(tests, a_signature_that_never_comes_ends_the_attempt_in_time, 0, 2);
	tcase_add_loop_test(tests, a_signature_that_fails_says_why, 0, 2);
	tcase_add_test(tests, copies_of_a_request_under_work_are_swallowed);
	tcase_add_loop_test(tests, what_waits_can_be_ended, 0, 4);
	tcase_add_test(tests, a_reload_while_it_waits_changes_nothing_under_its_feet);
	tcase_add_loop_test(tests, both_ends_that_start_and_sign_make_one, 0, 40);
	return tests;
}
