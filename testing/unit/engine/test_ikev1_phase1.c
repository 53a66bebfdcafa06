/* Phase 1 with pre-shared keys: both modes, both roles, and what can go wrong. */
#include "libike/wire/isakmp.h"
#include "testing/unit/engine/duo.h"

static void established(struct duo *d)
{
	for (size_t i = 0; i < 2; i++) {
		const struct ike_sa *sa = duo_sa(&d->world->nodes[i]);

		ck_assert_ptr_nonnull(sa);
		ck_assert_uint_eq(sa->version, 1);
		ck_assert_uint_eq(sa->state, IKE_SA_ESTABLISHED);
		ck_assert_ptr_null(sa->negotiation);
		ck_assert_uint_eq(duo_ike_sas(&d->world->nodes[i]), 1);
	}
}

START_TEST(main_mode)
{
	struct duo d = duo_begin_ikev1(false);

	duo_start(&d);
	duo_up(&d, d.moon, NULL);
	established(&d);
	ck_assert(sim_node_logged(d.moon, "initiating Main Mode IKE_SA sun[1] to 192.0.2.2"));
	ck_assert(sim_node_logged(d.moon, "sending ID_PROT request 0"));
	ck_assert(sim_node_logged(d.sun, "is initiating a Main Mode IKE_SA"));
	ck_assert_uint_eq(d.world->datagrams_sent, 6);
	duo_end(&d);
}
END_TEST

START_TEST(aggressive_mode)
{
	struct duo d = duo_begin_ikev1(true);

	duo_start(&d);
	duo_up(&d, d.sun, NULL);
	established(&d);
	ck_assert(sim_node_logged(d.sun, "initiating Aggressive Mode IKE_SA"));
	ck_assert_uint_eq(d.world->datagrams_sent, 3);
	duo_end(&d);
}
END_TEST

START_TEST(with_a_child)
{
	struct duo d = duo_begin_ikev1(_i == 1);

	duo_start(&d);
	duo_up(&d, d.moon, "net");
	established(&d);
	duo_down(&d, d.sun);
	duo_end(&d);
}
END_TEST

/* Keys of the cipher that are longer than SKEYID_e, blocks of 8 and 16 octets. */
START_TEST(every_suite_makes_keys)
{
	static const char *const suites[] = { "aes256-sha1-modp1024", "3des-md5-modp1024",
		"camellia256-sha512-modp2048", "aes192-sha384-ecp384", "aes256-md5-ecp521",
		"3des-sha1-modp1536", "aes256-sha256-x25519", "aes256-sha512-x448" };
	struct duo d = duo_begin_ikev1(_i & 1);

	d.moon_side.proposals = d.sun_side.proposals = suites[_i / 2];
	duo_start(&d);
	duo_up(&d, d.moon, "net");
	established(&d);
	duo_end(&d);
}
END_TEST

/* ---- Lost, repeated, damaged ---- */

struct hand {
	unsigned number; /* of all datagrams, from 1 */
	unsigned seen;
	bool flip; /* damages instead of dropping */
};

static bool hand(void *context, struct sim_world *w, struct sim_flight *flight)
{
	struct hand *h = context;

	(void)w;
	if (++h->seen != h->number)
		return true;
	flight->data[flight->length - 1] ^= 1;
	return h->flip;
}

static void with_one_bad(bool aggressive, unsigned number, bool flip)
{
	struct duo d = duo_begin_ikev1(aggressive);
	struct hand h = { .number = number, .flip = flip };

	duo_start(&d);
	d.world->filter = hand;
	d.world->filter_context = &h;
	duo_up(&d, d.moon, "net");
	established(&d);
	duo_end(&d);
}

START_TEST(main_mode_outlives_any_lost_message)
{
	with_one_bad(false, (unsigned)_i, false);
}
END_TEST

START_TEST(aggressive_mode_outlives_any_lost_message)
{
	with_one_bad(true, (unsigned)_i, false);
}
END_TEST

/* Without a Quick Mode to follow nothing but the responder's own repetition helps. */
START_TEST(a_lost_third_message_of_aggressive_mode_without_a_child)
{
	struct duo d = duo_begin_ikev1(true);
	struct hand h = { .number = 3 };

	duo_start(&d);
	d.world->filter = hand;
	d.world->filter_context = &h;
	duo_up(&d, d.moon, NULL);
	established(&d);
	duo_end(&d);
}
END_TEST

/* Behind a NAT the third message went to port 4500, and does so when it is repeated: what it says
 * about ports would else look like another NAT. */
START_TEST(a_lost_third_message_of_aggressive_mode_behind_a_nat)
{
	struct duo d = duo_begin(true);
	struct hand h = { .number = 3 };

	d.moon_side.version = d.sun_side.version = 1;
	d.moon_side.aggressive = d.sun_side.aggressive = true;
	d.moon_side.proposals = d.sun_side.proposals = "aes128-sha256-ecp256";
	d.moon->settings.aggressive_psk = true;
	duo_start(&d);
	d.world->filter = hand;
	d.world->filter_context = &h;
	duo_up(&d, d.sun, NULL);
	ck_assert(duo_sa(d.sun)->nat_local && !duo_sa(d.sun)->nat_remote);
	ck_assert(duo_sa(d.moon)->nat_remote && !duo_sa(d.moon)->nat_local);
	duo_end(&d);
}
END_TEST

/* Encrypted ones: the damaged one counts for nothing, its IV least of all. (Of the fifth the end is
 * a notify, which nothing proves in IKEv1.) */
START_TEST(a_damaged_message_changes_nothing)
{
	with_one_bad(false, (unsigned)_i, true);
}
END_TEST

START_TEST(repeated_messages_change_nothing)
{
	struct duo d = duo_begin_ikev1(_i == 1);

	d.world->faults.duplicate = 1000000;
	duo_start(&d);
	duo_up(&d, d.moon, "net");
	established(&d);
	duo_end(&d);
}
END_TEST

/* ---- Refused ---- */

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
	for (size_t i = 0; i < 2; i++) {
		ck_assert_uint_eq(duo_ike_sas(&d->world->nodes[i]), 0);
		ck_assert_ptr_null(d->world->nodes[i].kernel.sas);
	}
	duo_end(d);
}

START_TEST(a_wrong_key_in_main_mode)
{
	struct duo d = duo_begin_ikev1(false);

	d.sun_psk = "what only sun believes";
	fails(&d, "the pre-shared keys probably differ", "cannot decrypt the proof of 192.0.2.2");
}
END_TEST

START_TEST(a_wrong_key_in_aggressive_mode)
{
	struct duo d = duo_begin_ikev1(true);

	d.sun_psk = "what only sun believes";
	fails(&d, "pre-shared key of 'sun.example.org' - 'moon.example.org' differs",
		"the pre-shared keys probably differ");
}
END_TEST

START_TEST(no_key_at_the_responder)
{
	struct duo d = duo_begin_ikev1(_i == 1);

	d.moon_psk = NULL;
	fails(&d, "peer refused phase 1",
		"no shared key found for 'moon.example.org' - 'sun.example.org'");
}
END_TEST

START_TEST(no_key_at_the_initiator)
{
	struct duo d = duo_begin_ikev1(_i == 1);

	d.sun_psk = NULL;
	fails(&d, "no shared key found for 'sun.example.org' - 'moon.example.org'", "");
}
END_TEST

START_TEST(no_common_proposal_shows_both_offers)
{
	struct duo d = duo_begin_ikev1(_i == 1);

	d.sun_side.proposals = "aes256-sha384-ecp384";
	fails(&d, "NO_PROPOSAL_CHOSEN", "AES_CBC_256/HMAC_SHA2_384_192");
}
END_TEST

START_TEST(an_unknown_identity)
{
	struct duo d = duo_begin_ikev1(_i == 1);

	d.sun_side.local_id = "mars.example.org";
	fails(&d, "AUTH", "mars.example.org");
}
END_TEST

START_TEST(somebody_else_answers)
{
	struct duo d = duo_begin_ikev1(_i == 1);

	d.sun_side.remote_id = "*.example.net";
	fails(&d, "moon.example.org", "");
}
END_TEST

START_TEST(no_connection_for_that_address)
{
	struct duo d = duo_begin_ikev1(false);

	d.moon_side.remote_addrs = "192.0.2.77";
	fails(&d, "NO_PROPOSAL_CHOSEN", "192.0.2.2");
}
END_TEST

START_TEST(the_other_mode)
{
	struct duo d = duo_begin_ikev1(_i == 1);

	d.sun_side.aggressive = _i != 1;
	fails(&d, "NO_PROPOSAL_CHOSEN", _i == 1 ? "Main Mode" : "Aggressive Mode");
}
END_TEST

START_TEST(aggressive_mode_with_a_key_has_to_be_allowed)
{
	struct duo d = duo_begin_ikev1(true);

	d.moon->settings.aggressive_psk = false;
	fails(&d, "AUTHENTICATION_FAILED",
		"i_dont_care_about_security_and_use_aggressive_mode_psk");
}
END_TEST

/* ---- Which definition ---- */

START_TEST(of_definitions_for_one_address_that_whose_key_and_identity_fit)
{
	static const char *const other[] = { "moon.example.org", "mars.example.org", NULL };
	static const char *const right[] = { "moon.example.org", "sun.example.org", NULL };
	struct duo d = duo_begin_ikev1(false);
	struct sim_definition mars = d.moon_side;
	struct why why;

	d.moon_psk = NULL;
	duo_start(&d);
	sim_node_psk(d.moon, "of mars alone", other);
	sim_node_psk(d.moon, d.sun_psk, right);
	mars.name = "mars";
	mars.remote_id = "mars.example.org";
	ck_assert(sim_node_unload(d.moon, "sun"));
	ck_assert(sim_node_load(d.moon, sim_define(&mars), &why));
	ck_assert(sim_node_load(d.moon, sim_define(&d.moon_side), &why));
	duo_up(&d, d.sun, "net");
	ck_assert_str_eq(duo_sa(d.moon)->connection->name, "sun");
	duo_end(&d);
}
END_TEST

START_TEST(either_version_answers_what_the_peer_begins_with)
{
	struct duo d = duo_begin_ikev1(false);

	d.moon_side.version = SIM_VERSION_EITHER;
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	established(&d);
	duo_end(&d);
}
END_TEST

START_TEST(either_version_begins_with_ikev2)
{
	struct duo d = duo_begin_ikev1(false);

	d.moon_side.version = d.sun_side.version = SIM_VERSION_EITHER;
	duo_start(&d);
	duo_up(&d, d.moon, "net");
	ck_assert_uint_eq(duo_sa(d.moon)->version, 2);
	duo_end(&d);
}
END_TEST

START_TEST(ikev2_alone_refuses_ikev1)
{
	struct duo d = duo_begin_ikev1(false);

	d.moon_side.version = 2;
	fails(&d, "NO_PROPOSAL_CHOSEN", "no IKEv1 connection is loaded for");
}
END_TEST

/* ---- Half-open ---- */

START_TEST(a_peer_that_never_answers_is_given_up_after_165_seconds)
{
	struct duo d = duo_begin_ikev1(_i == 1);
	const struct sim_command *command;
	ike_time begun;

	duo_start(&d);
	sim_node_crash(d.moon);
	begun = d.world->now;
	command = duo_initiate(&d, d.sun, "net");
	ck_assert(!command->done);
	ck_assert_int_ge(d.world->now - begun, 165000);
	ck_assert_int_le(d.world->now - begun, 165100);
	ck_assert_uint_eq(d.world->datagrams_sent, 6);
	duo_end(&d);
}
END_TEST

START_TEST(a_half_open_sa_goes_after_its_time)
{
	struct duo d = duo_begin_ikev1(_i == 1);
	struct why why;

	duo_start(&d);
	ck_assert_ptr_nonnull(sim_node_initiate(d.sun, "moon", "net", &why));
	sim_world_run(d.world, d.world->now + 15); /* the request is there, the answer is not */
	sim_node_crash(d.sun);
	/* Aggressive Mode's second message goes out three times at most. */
	sim_world_run(d.world, d.world->now + IKE_SECONDS(_i == 1 ? 20 : 29));
	ck_assert_uint_eq(duo_ike_sas(d.moon), 1);
	sim_world_run(d.world, d.world->now + IKE_SECONDS(_i == 1 ? 11 : 2));
	ck_assert_uint_eq(duo_ike_sas(d.moon), 0);
	duo_end(&d);
}
END_TEST

START_TEST(half_open_sas_of_a_peer_are_limited)
{
	struct duo d = duo_begin_ikev1(false);
	struct ike_engine_stats stats;
	struct why why;

	d.moon->settings.block_threshold = 2;
	duo_start(&d);
	for (unsigned i = 0; i < 4; i++) {
		ck_assert_ptr_nonnull(sim_node_initiate(d.sun, "moon", NULL, &why));
		sim_world_run(d.world, d.world->now + 15);
		sim_node_crash(d.sun);
		sim_node_start(d.sun);
		sim_node_psk(d.sun, d.sun_psk, NULL);
		ck_assert(sim_node_load(d.sun, sim_define(&d.sun_side), &why));
	}
	ike_engine_stats(d.moon->engine, &stats);
	ck_assert_uint_eq(stats.half_open, 2);
	ck_assert(sim_node_logged(d.moon, "2 half-open IKE_SAs of it already"));
	sim_world_settle(d.world, d.world->now + IKE_SECONDS(60));
	duo_end(&d);
}
END_TEST

/* ---- INITIAL_CONTACT ---- */

START_TEST(who_has_forgotten_all_says_so)
{
	struct duo d = duo_begin_ikev1(_i == 1);
	struct why why;

	duo_start(&d);
	duo_up(&d, d.sun, "net");
	sim_node_crash(d.sun);
	sim_node_start(d.sun);
	sim_node_psk(d.sun, d.sun_psk, NULL);
	ck_assert(sim_node_load(d.sun, sim_define(&d.sun_side), &why));
	ck_assert(duo_initiate(&d, d.sun, "net")->done);
	ck_assert(sim_node_logged(d.moon, "peer says INITIAL_CONTACT"));
	established(&d);
	ck_assert_uint_eq(duo_children(d.moon), 1);
	duo_end(&d);
}
END_TEST

TCase *ikev1_phase1_tests(void)
{
	TCase *t = tcase_create("phase 1");

	tcase_add_test(t, main_mode);
	tcase_add_test(t, aggressive_mode);
	tcase_add_loop_test(t, with_a_child, 0, 2);
	tcase_add_loop_test(t, every_suite_makes_keys, 0, 16);
	tcase_add_loop_test(t, main_mode_outlives_any_lost_message, 1, 9);
	tcase_add_loop_test(t, aggressive_mode_outlives_any_lost_message, 1, 6);
	tcase_add_test(t, a_lost_third_message_of_aggressive_mode_without_a_child);
	tcase_add_test(t, a_lost_third_message_of_aggressive_mode_behind_a_nat);
	tcase_add_loop_test(t, a_damaged_message_changes_nothing, 6, 9);
	tcase_add_loop_test(t, repeated_messages_change_nothing, 0, 2);
	tcase_add_test(t, a_wrong_key_in_main_mode);
	tcase_add_test(t, a_wrong_key_in_aggressive_mode);
	tcase_add_loop_test(t, no_key_at_the_responder, 0, 2);
	tcase_add_loop_test(t, no_key_at_the_initiator, 0, 2);
	tcase_add_loop_test(t, no_common_proposal_shows_both_offers, 0, 2);
	tcase_add_loop_test(t, an_unknown_identity, 0, 2);
	tcase_add_loop_test(t, somebody_else_answers, 0, 2);
	tcase_add_test(t, no_connection_for_that_address);
	tcase_add_loop_test(t, the_other_mode, 0, 2);
	tcase_add_test(t, aggressive_mode_with_a_key_has_to_be_allowed);
	tcase_add_test(t, of_definitions_for_one_address_that_whose_key_and_identity_fit);
	tcase_add_test(t, either_version_answers_what_the_peer_begins_with);
	tcase_add_test(t, either_version_begins_with_ikev2);
	tcase_add_test(t, ikev2_alone_refuses_ikev1);
	tcase_add_loop_test(t, a_peer_that_never_answers_is_given_up_after_165_seconds, 0, 2);
	tcase_add_loop_test(t, a_half_open_sa_goes_after_its_time, 0, 2);
	tcase_add_test(t, half_open_sas_of_a_peer_are_limited);
	tcase_add_loop_test(t, who_has_forgotten_all_says_so, 0, 2);
	return t;
}
