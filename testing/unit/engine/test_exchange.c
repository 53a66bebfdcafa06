/* What works: set-ups, children, deletion. */
#include "testing/unit/engine/duo.h"

/* The first child of the node's first IKE SA. */
static const struct ike_child *child_of(const struct sim_node *n)
{
	return ike_engine_sa_next(n->engine, NULL)->children;
}

/* IKE_SA_INIT, IKE_AUTH with SA and selectors: four datagrams. */
START_TEST(a_psk_tunnel_comes_up_by_four_datagrams_and_goes_by_two)
{
	struct duo d = duo_begin(false);

	duo_start(&d);
	duo_up(&d, d.sun, "net");
	ck_assert_uint_eq(d.world->datagrams_sent, 4);
	ck_assert_uint_eq(duo_ike_sas(d.moon), 1);
	ck_assert_uint_eq(duo_children(d.sun), 1);
	duo_down(&d, d.moon);
	ck_assert_uint_eq(d.world->datagrams_sent, 6);
	duo_end(&d);
}
END_TEST

START_TEST(every_suite_comes_up_with_the_same_keys_at_both_ends)
{
	static const struct {
		const char *ike, *esp;
		uint8_t protocol;
	} suites[] = {
		{ "aes256gcm128-prfsha256-ecp256", "aes256gcm128", IKE_PROTOCOL_ESP },
		{ "aes128-sha256-x25519", "aes128-sha256", IKE_PROTOCOL_ESP },
		{ "chacha20poly1305-prfsha256-curve25519", "chacha20poly1305", IKE_PROTOCOL_ESP },
		{ "aes256-sha1-modp2048", "aes256-sha1", IKE_PROTOCOL_ESP },
		{ "3des-md5-modp1024", "3des-md5", IKE_PROTOCOL_ESP },
		{ "aes128ctr-aesxcbc-modp1536", "aes128ctr-aesxcbc-esn", IKE_PROTOCOL_ESP },
		{ "aes256ccm96-prfaescmac-ecp384", "aes256ccm96-esn", IKE_PROTOCOL_ESP },
		{ "camellia256-sha512-ecp521", "camellia256-sha512", IKE_PROTOCOL_ESP },
		{ "aes192-sha384-ecp256bp", "null-sha384", IKE_PROTOCOL_ESP },
		{ "aes128-aescmac-x448", "sha256-esn", IKE_PROTOCOL_AH },
	};
	struct duo d = duo_begin(false);

	d.moon_side.proposals = d.sun_side.proposals = suites[_i].ike;
	d.moon_side.children[0].proposals = d.sun_side.children[0].proposals = suites[_i].esp;
	d.moon_side.children[0].protocol = d.sun_side.children[0].protocol = suites[_i].protocol;
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	duo_end(&d);
}
END_TEST

START_TEST(a_childless_sa_takes_its_children_later)
{
	struct duo d = duo_begin(false);

	duo_start(&d);
	duo_up(&d, d.sun, NULL);
	ck_assert_uint_eq(duo_ike_sas(d.moon), 1);
	ck_assert_uint_eq(duo_children(d.moon), 0);
	duo_up(&d, d.sun, "net");
	ck_assert_uint_eq(duo_ike_sas(d.moon), 1);
	duo_end(&d);
}
END_TEST

START_TEST(childless_is_not_asked_of_who_does_not_offer_it)
{
	struct duo d = duo_begin(false);
	const struct sim_command *command;

	d.moon_side.never_childless = true;
	duo_start(&d);
	command = duo_initiate(&d, d.sun, NULL);
	ck_assert(!command->done);
	ck_assert_ptr_nonnull(strstr(command->text, "childless"));
	sim_world_settle(d.world, d.world->now + IKE_SECONDS(60));
	duo_end(&d);
}
END_TEST

/* The wider one is written first, and takes what nobody else fits. */
START_TEST(of_children_that_overlap_the_exact_one_is_taken)
{
	struct duo d = duo_begin(false);

	d.moon_side.children[1] = d.moon_side.children[0];
	d.moon_side.children[1].name = "part";
	d.moon_side.children[1].local_ts = "10.1.9.0/24";
	d.moon_side.children[1].remote_ts = "10.2.9.0/24";
	d.moon_side.children[1].proposals = "aes256gcm16";
	d.sun_side.children[1] = d.moon_side.children[1];
	d.sun_side.children[1].local_ts = "10.2.9.0/24";
	d.sun_side.children[1].remote_ts = "10.1.9.0/24";
	duo_start(&d);
	duo_up(&d, d.sun, "part");
	duo_up(&d, d.sun, "net");
	ck_assert_uint_eq(duo_children(d.moon), 2);
	duo_end(&d);
}
END_TEST

static void two_children(struct duo *d)
{
	d->moon_side.children[1] = (struct sim_child_definition){ .name = "other",
		.proposals = "aes128gcm16-x25519",
		.local_ts = "10.3.0.0/16",
		.remote_ts = "10.4.0.0/16[udp/53]" };
	d->sun_side.children[1] = d->moon_side.children[1];
	d->sun_side.children[1].local_ts = d->moon_side.children[1].remote_ts;
	d->sun_side.children[1].remote_ts = d->moon_side.children[1].local_ts;
}

START_TEST(further_children_come_by_create_child_sa_from_either_end)
{
	struct duo d = duo_begin(false);

	two_children(&d);
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	duo_up(&d, d.moon, "other");
	duo_up(&d, d.sun, "other");
	ck_assert_uint_eq(duo_ike_sas(d.sun), 1);
	duo_end(&d);
}
END_TEST

START_TEST(one_child_goes_and_the_others_stay)
{
	struct duo d = duo_begin(false);
	struct ike_terminate what = { .child = "net" };
	struct why why;

	what.force = _i;
	two_children(&d);
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	duo_up(&d, d.sun, "other");
	duo_up(&d, d.sun, "net");
	ck_assert_ptr_nonnull(sim_node_terminate(d.moon, &what, &why));
	sim_world_settle(d.world, d.world->now + IKE_SECONDS(400));
	ck_assert_uint_eq(duo_children(d.moon), 1);
	ck_assert_uint_eq(duo_children(d.sun), 1);
	ck_assert_str_eq(child_of(d.sun)->config->name, "other");
	duo_end(&d);
}
END_TEST

START_TEST(transport_mode_is_for_who_asks_for_it)
{
	struct duo d = duo_begin(false);

	for (int side = 0; side < 2; side++) {
		struct sim_child_definition *c =
			side ? &d.sun_side.children[0] : &d.moon_side.children[0];

		c->local_ts = c->remote_ts = NULL;
		c->mode = IKE_MODE_TRANSPORT;
	}
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	ck_assert_uint_eq(child_of(d.moon)->mode, IKE_MODE_TRANSPORT);
	ck_assert_uint_eq(child_of(d.sun)->mode, IKE_MODE_TRANSPORT);
	duo_end(&d);
}
END_TEST

START_TEST(selectors_are_narrowed_to_what_both_allow)
{
	struct duo d = duo_begin(false);
	char text[IKE_SELECTOR_TEXT_MAX];

	d.sun_side.children[0].remote_ts = "0.0.0.0/0";
	d.moon_side.children[0].remote_ts = "10.2.3.0/24,10.2.9.1";
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	ck_assert_uint_eq(child_of(d.sun)->local_count, 2);
	ck_assert_str_eq(
		ike_selector_format(ike_child_remote(child_of(d.sun)), text), "10.1.0.0/16");
	duo_end(&d);
}
END_TEST

START_TEST(a_packet_that_meets_a_trap_brings_the_child_up)
{
	struct duo d = duo_begin(false);
	struct ike_acquire acquire = { 0 };

	d.sun_side.children[0].start_action = IKE_ACTION_TRAP;
	duo_start(&d);
	ck_assert_ptr_nonnull(ike_engine_trap(d.sun->engine, 0));
	acquire.reqid = ike_engine_trap(d.sun->engine, 0)->reqid;
	sim_node_acquire(d.sun, &acquire);
	sim_world_settle(d.world, d.world->now + IKE_SECONDS(400));
	ck_assert_uint_eq(duo_children(d.moon), 1);
	ck_assert_uint_eq(child_of(d.sun)->reqid, acquire.reqid);
	duo_end(&d);
}
END_TEST

START_TEST(an_orderly_end_deletes_at_the_peer_and_in_the_kernel)
{
	struct duo d = duo_begin(false);

	d.sun_side.children[0].start_action = IKE_ACTION_TRAP;
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	sim_node_shutdown(d.sun);
	sim_world_settle(d.world, d.world->now + IKE_SECONDS(400));
	ck_assert(ike_engine_is_idle(d.sun->engine));
	ck_assert_ptr_null(d.sun->kernel.policies);
	ck_assert_ptr_null(d.sun->kernel.sas);
	ck_assert_uint_eq(duo_ike_sas(d.moon), 0);
	ck_assert_ptr_null(d.moon->kernel.sas);
	duo_end(&d);
}
END_TEST

TCase *exchange_tests(void)
{
	TCase *tests = tcase_create("exchange");

	tcase_add_test(tests, a_psk_tunnel_comes_up_by_four_datagrams_and_goes_by_two);
	tcase_add_loop_test(tests, every_suite_comes_up_with_the_same_keys_at_both_ends, 0, 10);
	tcase_add_test(tests, a_childless_sa_takes_its_children_later);
	tcase_add_test(tests, childless_is_not_asked_of_who_does_not_offer_it);
	tcase_add_test(tests, further_children_come_by_create_child_sa_from_either_end);
	tcase_add_test(tests, of_children_that_overlap_the_exact_one_is_taken);
	tcase_add_loop_test(tests, one_child_goes_and_the_others_stay, 0, 2);
	tcase_add_test(tests, transport_mode_is_for_who_asks_for_it);
	tcase_add_test(tests, selectors_are_narrowed_to_what_both_allow);
	tcase_add_test(tests, a_packet_that_meets_a_trap_brings_the_child_up);
	tcase_add_test(tests, an_orderly_end_deletes_at_the_peer_and_in_the_kernel);
	return tests;
}
