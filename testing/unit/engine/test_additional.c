/* Additional key exchanges before IKE_AUTH (RFC 9242, RFC 9370). X25519 and its like stand in for
 * ML-KEM where OpenSSL has none. */
#include "libike/wire/message.h"
#include "testing/unit/engine/duo.h"

#define IKE "aes128-sha256-"

/* Definitions in which both ends say the same. */
static struct duo begin(const char *proposals, bool behind_nat)
{
	struct duo d = duo_begin(behind_nat);

	d.moon_side.proposals = d.sun_side.proposals = proposals;
	return d;
}

static unsigned agreed(const struct sim_node *n)
{
	return ike_suite_additional_count(&ike_engine_sa_next(n->engine, NULL)->suite);
}

START_TEST(each_additional_exchange_costs_two_datagrams)
{
	static const struct {
		const char *proposals;
		unsigned count;
	} cases[] = {
		{ IKE "x25519-ke1_ecp256", 1 },
		{ IKE "ecp256-ke1_x25519-ke2_x448", 2 },
		{ "aes256gcm16-prfsha384-x25519-ke3_x448", 1 },
		{ "aes128-aesxcbc-x25519-ke1_ecp384", 1 },
		{ "aes128ctr-sha512-x25519-ke1_ecp256-ke2_ecp384-ke3_ecp521-ke4_x448-ke5_modp2048-"
		  "ke6_ecp256bp-ke7_ecp384bp",
			7 },
	};
	struct duo d = begin(cases[_i].proposals, false);

	duo_start(&d);
	duo_up(&d, d.sun, "net");
	ck_assert_uint_eq(d.world->datagrams_sent, 4 + 2 * cases[_i].count);
	ck_assert_uint_eq(agreed(d.moon), cases[_i].count);
	ck_assert(sim_node_logged(d.moon, "received IKE_INTERMEDIATE request 1 [ KE ]"));
	duo_down(&d, d.moon);
	duo_end(&d);
}
END_TEST

START_TEST(ml_kem_protects_an_ike_sa_where_openssl_has_it)
{
	static const char *const proposals[] = { IKE "x25519-ke1_mlkem768", IKE "mlkem512",
		IKE "mlkem1024-ke1_x25519-ke2_mlkem768", IKE "x25519-ke1_mlkem1024" };
	const struct ike_algorithm *ml_kem =
		ike_algorithm_find(IKE_TRANSFORM_KEY_EXCHANGE, IKE_GROUP_ML_KEM_768, 0);
	struct duo d = begin(proposals[_i], false);

	struct ike_crypto *crypto = ike_crypto_new(NULL, NULL);

	bool has = ike_crypto_supports(crypto, ml_kem);
	ike_crypto_free(crypto);
	if (has) {
		duo_start(&d);
		duo_up(&d, d.sun, "net");
		duo_down(&d, d.moon);
	} else {
		struct why why = { "" };

		sim_node_start(d.moon);
		ck_assert(!sim_node_load(d.moon, sim_define(&d.moon_side), &why));
		ck_assert_ptr_nonnull(strstr(why.text, "needs OpenSSL 3.5, this is 3."));
		ck_assert_ptr_null(ike_engine_connection(d.moon->engine, 0));
		sim_node_start(d.sun);
	}
	duo_end(&d);
}
END_TEST

/* The last IKE_INTERMEDIATE answer is sealed with other keys than what comes next. */
struct loss {
	unsigned seen, lost; /* of all datagrams, counted from 1 */
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
	struct duo d = begin(IKE "x25519-ke1_ecp256-ke2_x448", false);
	struct loss loss = { .lost = (unsigned)_i + 1 };

	d.world->filter = lose;
	d.world->filter_context = &loss;
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	duo_down(&d, d.sun);
	duo_end(&d);
}
END_TEST

START_TEST(fragments_carry_large_exchanges_behind_a_nat)
{
	struct duo d = begin(IKE "x25519-ke1_modp8192-ke2_modp4096", true);

	d.moon->settings.fragment_size_v4 = d.sun->settings.fragment_size_v4 = 500;
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	ck_assert_uint_eq(agreed(d.sun), 2);
	ck_assert_uint_gt(d.world->datagrams_sent, 10);
	duo_end(&d);
}
END_TEST

START_TEST(who_wants_them_is_not_content_without)
{
	struct duo d = duo_begin(false);
	struct sim_node *initiator = _i ? d.moon : d.sun;

	d.sun_side.proposals = IKE "x25519-ke1_ecp256";
	duo_start(&d);
	ck_assert(!duo_initiate(&d, initiator, "net")->done);
	ck_assert(sim_node_logged(_i ? d.sun : d.moon, "additional key exchange 1"));
	ck_assert_uint_eq(duo_ike_sas(d.moon), 0);
	ck_assert_uint_eq(duo_ike_sas(d.sun), 0);
	duo_end(&d);
}
END_TEST

START_TEST(who_may_do_without_does)
{
	struct duo d = duo_begin(false);

	d.sun_side.proposals = IKE "x25519-ke1_ecp256-ke1_none";
	duo_start(&d);
	duo_up(&d, _i ? d.moon : d.sun, "net");
	ck_assert_uint_eq(agreed(d.moon), 0);
	ck_assert_uint_eq(d.world->datagrams_sent, 4);
	duo_end(&d);
}
END_TEST

START_TEST(another_group_is_asked_for_before)
{
	struct duo d = duo_begin(false);

	d.sun_side.proposals = IKE "x25519-ecp256-ke1_x448";
	d.moon_side.proposals = IKE "ecp256-ke1_x448";
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	ck_assert_uint_eq(d.world->datagrams_sent, 8);
	ck_assert_uint_eq(agreed(d.moon), 1);
	duo_end(&d);
}
END_TEST

/* Two engines start at once; one tunnel comes of it. */
START_TEST(both_may_start_at_once)
{
	struct duo d = begin(IKE "x25519-ke1_ecp256", false);

	d.moon_side.children[0].start_action = IKE_ACTION_START;
	d.sun_side.children[0].start_action = IKE_ACTION_START;
	duo_start(&d);
	sim_world_run(d.world, d.world->now + IKE_SECONDS(120));
	ck_assert_uint_eq(duo_children(d.moon), 1);
	ck_assert_uint_eq(duo_ike_sas(d.sun), 1);
	ck_assert_uint_eq(sim_check_agreement(d.world, false), 0);
	duo_end(&d);
}
END_TEST

/* A wrong key is noticed after the exchanges, as always. */
START_TEST(authentication_covers_it)
{
	struct duo d = begin(IKE "x25519-ke1_ecp256", false);

	d.sun_psk = "something else";
	duo_start(&d);
	ck_assert(!duo_initiate(&d, d.sun, "net")->done);
	ck_assert(sim_node_logged(d.moon, "differs from the peer's"));
	duo_end(&d);
}
END_TEST

TCase *additional_tests(void)
{
	TCase *tests = tcase_create("additional key exchanges");

	tcase_set_timeout(tests, 60);
	tcase_add_loop_test(tests, each_additional_exchange_costs_two_datagrams, 0, 5);
	tcase_add_loop_test(tests, ml_kem_protects_an_ike_sa_where_openssl_has_it, 0, 4);
	tcase_add_loop_test(tests, any_datagram_may_be_lost, 0, 8);
	tcase_add_test(tests, fragments_carry_large_exchanges_behind_a_nat);
	tcase_add_loop_test(tests, who_wants_them_is_not_content_without, 0, 2);
	tcase_add_loop_test(tests, who_may_do_without_does, 0, 2);
	tcase_add_test(tests, another_group_is_asked_for_before);
	tcase_add_test(tests, both_may_start_at_once);
	tcase_add_test(tests, authentication_covers_it);
	return tests;
}
