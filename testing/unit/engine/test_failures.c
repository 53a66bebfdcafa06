/* What cannot work says why, at both ends, in time, and leaves nothing. */
#include "testing/unit/engine/duo.h"

/* What the one who asked is told, and what the other one logs. */
static void fails(struct duo *d, const char *told, const char *logged)
{
	const struct sim_command *command;

	duo_start(d);
	command = duo_initiate(d, d->sun, "net");
	ck_assert(!command->done);
	ck_assert_msg(strstr(command->text, told), "told: %s", command->text);
	ck_assert_msg(sim_node_logged(d->moon, logged), "moon did not log: %s", logged);
	/* A half-open SA may wait for its time. */
	sim_world_settle(d->world, d->world->now + IKE_SECONDS(60));
	ck_assert_uint_eq(duo_children(d->sun), 0);
	for (size_t i = 0; i < 2; i++)
		ck_assert_ptr_null(d->world->nodes[i].kernel.sas);
	duo_end(d);
}

START_TEST(a_wrong_psk)
{
	struct duo d = duo_begin(false);

	d.sun_psk = "what only sun believes";
	fails(&d, "AUTHENTICATION_FAILED",
		"pre-shared key of 'moon.example.org' - 'sun.example.org' differs");
}
END_TEST

START_TEST(no_psk_at_the_responder)
{
	struct duo d = duo_begin(false);

	d.moon_psk = NULL;
	fails(&d, "AUTHENTICATION_FAILED",
		"no shared key found for 'moon.example.org' - 'sun.example.org'");
}
END_TEST

START_TEST(no_psk_at_the_initiator)
{
	struct duo d = duo_begin(false);

	d.sun_psk = NULL;
	fails(&d, "no shared key found for 'sun.example.org' - 'moon.example.org'", "");
}
END_TEST

START_TEST(no_common_proposal_shows_both_offers)
{
	struct duo d = duo_begin(false);

	d.sun_side.proposals = "aes256-sha384-ecp384";
	fails(&d, "NO_PROPOSAL_CHOSEN", "AES_CBC_256/HMAC_SHA2_384_192");
}
END_TEST

START_TEST(no_common_child_proposal)
{
	struct duo d = duo_begin(false);

	d.sun_side.children[0].proposals = "chacha20poly1305";
	fails(&d, "NO_PROPOSAL_CHOSEN", "CHACHA20_POLY1305");
}
END_TEST

START_TEST(no_common_selector)
{
	struct duo d = duo_begin(false);

	d.sun_side.children[0].remote_ts = "10.99.0.0/16";
	fails(&d, "TS_UNACCEPTABLE", "10.99.0.0/16");
}
END_TEST

START_TEST(an_unknown_identity)
{
	struct duo d = duo_begin(false);

	d.sun_side.local_id = "mars.example.org";
	fails(&d, "AUTHENTICATION_FAILED", "mars.example.org");
}
END_TEST

START_TEST(somebody_else_answers)
{
	struct duo d = duo_begin(false);

	d.sun_side.remote_id = "*.example.net";
	fails(&d, "moon.example.org", "AUTHENTICATION_FAILED");
}
END_TEST

START_TEST(no_connection_for_that_address)
{
	struct duo d = duo_begin(false);

	d.moon_side.remote_addrs = "192.0.2.77";
	fails(&d, "NO_PROPOSAL_CHOSEN", "192.0.2.2");
}
END_TEST

/* 4 s, five more tries, 1.8 times as long each: strongSwan's 165 s. */
START_TEST(a_peer_that_never_answers_is_given_up_after_165_seconds)
{
	struct duo d = duo_begin(false);
	const struct sim_command *command;
	ike_time begun;

	duo_start(&d);
	sim_node_crash(d.moon);
	begun = d.world->now;
	command = duo_initiate(&d, d.sun, "net");
	ck_assert(!command->done);
	ck_assert_msg(strstr(command->text, "192.0.2.1"), "%s", command->text);
	ck_assert_int_ge(d.world->now - begun, 165000);
	ck_assert_int_le(d.world->now - begun, 165100);
	ck_assert_uint_eq(d.world->datagrams_sent, 6);
	ck_assert_uint_eq(duo_ike_sas(d.sun), 0);
	duo_end(&d);
}
END_TEST

START_TEST(a_peer_that_falls_silent_takes_its_children_along)
{
	struct duo d = duo_begin(false);
	const struct sim_command *command;

	duo_start(&d);
	duo_up(&d, d.sun, "net");
	sim_node_crash(d.moon);
	command = duo_initiate(&d, d.sun, "net");
	ck_assert(!command->done);
	ck_assert_uint_eq(duo_ike_sas(d.sun), 0);
	ck_assert_ptr_null(d.sun->kernel.sas);
	ck_assert_ptr_null(d.sun->kernel.policies);
	duo_end(&d);
}
END_TEST

START_TEST(a_half_open_sa_goes_after_its_time)
{
	struct duo d = duo_begin(false);
	struct why why;

	duo_start(&d);
	ck_assert_ptr_nonnull(sim_node_initiate(d.sun, "moon", "net", &why));
	sim_world_run(d.world, d.world->now + 15); /* the request is there, the answer is not */
	sim_node_crash(d.sun);
	sim_world_run(d.world, d.world->now + IKE_SECONDS(29));
	ck_assert_uint_eq(duo_ike_sas(d.moon), 1);
	sim_world_run(d.world, d.world->now + IKE_SECONDS(2));
	ck_assert_uint_eq(duo_ike_sas(d.moon), 0);
	duo_end(&d);
}
END_TEST

START_TEST(a_kernel_that_refuses_leaves_nothing_behind)
{
	struct duo d = duo_begin(false);
	const struct sim_command *command;
	struct sim_kernel *k;

	duo_start(&d);
	k = _i & 1 ? &d.sun->kernel : &d.moon->kernel;
	if (_i < 2)
		k->spi_fails = 1000;
	else if (_i < 4)
		k->install_fails = 1000;
	else
		k->policies_fail = 1000;
	command = duo_initiate(&d, d.sun, "net");
	ck_assert(!command->done);
	ck_assert_uint_eq(duo_children(d.moon), 0);
	ck_assert_uint_eq(duo_children(d.sun), 0);
	k->spi_fails = k->install_fails = k->policies_fail = 0;
	duo_up(&d, d.sun, "net");
	duo_end(&d);
}
END_TEST

TCase *failure_tests(void)
{
	TCase *tests = tcase_create("failures");

	tcase_add_test(tests, a_wrong_psk);
	tcase_add_test(tests, no_psk_at_the_responder);
	tcase_add_test(tests, no_psk_at_the_initiator);
	tcase_add_test(tests, no_common_proposal_shows_both_offers);
	tcase_add_test(tests, no_common_child_proposal);
	tcase_add_test(tests, no_common_selector);
	tcase_add_test(tests, an_unknown_identity);
	tcase_add_test(tests, somebody_else_answers);
	tcase_add_test(tests, no_connection_for_that_address);
	tcase_add_test(tests, a_peer_that_never_answers_is_given_up_after_165_seconds);
	tcase_add_test(tests, a_peer_that_falls_silent_takes_its_children_along);
	tcase_add_test(tests, a_half_open_sa_goes_after_its_time);
	tcase_add_loop_test(tests, a_kernel_that_refuses_leaves_nothing_behind, 0, 6);
	return tests;
}
