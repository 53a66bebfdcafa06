/* IKEv1's Quick Mode: the pair of selectors, narrowed, refused, and what IKEv1 cannot say. */
#include "testing/unit/engine/duo.h"

static const struct ike_child *only_child(const struct sim_node *n)
{
	const struct ike_sa *sa = duo_sa(n);

	ck_assert_ptr_nonnull(sa->children);
	ck_assert_ptr_null(sa->children->next);
	return sa->children;
}

static struct duo begin(void)
{
	struct duo d = duo_begin(false);

	d.moon_side.version = d.sun_side.version = 1;
	d.moon_side.proposals = d.sun_side.proposals = "aes128-sha256-ecp256";
	d.moon_side.children[0].proposals = d.sun_side.children[0].proposals = "aes128-sha256";
	return d;
}

/* The first pair is what a child is for; the other end may have more, or less precise ones. */
START_TEST(selectors_are_one_pair)
{
	static const struct {
		const char *sun_local, *sun_remote, *moon_local, *moon_remote, *agreed;
	} cases[] = {
		{ "10.2.0.0/16,10.5.0.0/16", "10.1.0.0/16", "10.1.0.0/16",
			"10.2.0.0/16,10.5.0.0/16", "10.2.0.0/16" },
		{ "10.2.0.0/24", "10.1.0.0/24", "10.1.0.0/16", "10.2.0.0/16", "10.2.0.0/24" },
		{ "10.2.0.1-10.2.0.9", "10.1.0.0/24", "10.1.0.0/16", "10.2.0.0/16",
			"10.2.0.1..10.2.0.9" },
		{ "10.2.0.0/24[tcp/80]", "10.1.0.0/24[tcp]", "10.1.0.0/24", "10.2.0.0/24",
			"10.2.0.0/24[tcp/http]" },
		{ "dynamic[gre]", "dynamic[gre]", "dynamic[gre]", "dynamic[gre]",
			"192.0.2.2/32[gre]" },
		{ "dynamic[/1701]", "dynamic", "dynamic", "dynamic[/1701]", "192.0.2.2/32[0/l2f]" },
		{ "fec2::/64", "fec1::/64", "fec1::/64", "fec2::/64", "fec2::/64" },
		{ "0.0.0.0/0", "10.1.0.0/24", "10.1.0.0/24", "0.0.0.0/0", "0.0.0.0/0" },
	};
	struct duo d = begin();
	char text[IKE_SELECTOR_TEXT_MAX];

	d.sun_side.children[0].local_ts = cases[_i].sun_local;
	d.sun_side.children[0].remote_ts = cases[_i].sun_remote;
	d.moon_side.children[0].local_ts = cases[_i].moon_local;
	d.moon_side.children[0].remote_ts = cases[_i].moon_remote;
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	ck_assert_uint_eq(only_child(d.sun)->local_count, 1);
	ck_assert_str_eq(
		ike_selector_format(ike_child_local(only_child(d.sun)), text), cases[_i].agreed);
	ck_assert_str_eq(
		ike_selector_format(ike_child_remote(only_child(d.moon)), text), cases[_i].agreed);
	duo_end(&d);
}
END_TEST

/* As strongSwan's responder, ours answers with what both allow, and our initiator takes that. */
START_TEST(larger_selectors_are_narrowed)
{
	static const struct {
		const char *local, *remote, *got_local, *got_remote;
	} cases[] = {
		{ "10.2.0.0/15", "10.1.0.0/16", "10.2.0.0/16", "10.1.0.0/16" },
		{ "10.2.0.0/16", "10.0.0.0/8", "10.2.0.0/16", "10.1.0.0/16" },
		{ "10.0.0.0/8", "0.0.0.0/0", "10.2.0.0/16", "10.1.0.0/16" },
		{ "10.2.0.5-10.9.0.0", "10.1.7.0/24", "10.2.0.5..10.2.255.255", "10.1.7.0/24" },
		{ "10.2.0.0/16[tcp/80]", "10.0.0.0/8[tcp]", "10.2.0.0/16[tcp/http]",
			"10.1.0.0/16[tcp]" },
	};
	struct duo d = begin();
	struct why why;
	uint32_t spi;
	char text[IKE_SELECTOR_TEXT_MAX];
	const struct ike_child *child;

	d.sun_side.children[0].local_ts = cases[_i].local;
	d.sun_side.children[0].remote_ts = cases[_i].remote;
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	for (int round = 0; round < 3; round++) {
		child = only_child(d.sun);
		ck_assert_str_eq(
			ike_selector_format(ike_child_local(child), text), cases[_i].got_local);
		ck_assert_str_eq(
			ike_selector_format(ike_child_remote(child), text), cases[_i].got_remote);
		child = only_child(d.moon);
		ck_assert_str_eq(
			ike_selector_format(ike_child_local(child), text), cases[_i].got_remote);
		ck_assert_str_eq(
			ike_selector_format(ike_child_remote(child), text), cases[_i].got_local);
		/* Rekeyed by either end, or asked for again, it is the same child. */
		spi = child->spi_in;
		if (round < 2)
			(void)duo_soft_expire(round ? d.moon : d.sun);
		else
			ck_assert_ptr_nonnull(sim_node_initiate(d.sun, "moon", "net", &why));
		duo_pass(&d, IKE_SECONDS(300));
		ck_assert_uint_ne(only_child(d.moon)->spi_in, spi);
	}
	ck_assert(sim_node_logged(d.sun, "peer narrowed the traffic selectors of CHILD_SA 'net'"));
	ck_assert(sim_node_logged(d.moon, "we narrowed the traffic selectors of CHILD_SA 'net'"));
	duo_end(&d);
}
END_TEST

/* Of several that the peer means by one, the first. */
START_TEST(of_several_that_fit_it_is_the_first)
{
	struct duo d = begin();
	char text[IKE_SELECTOR_TEXT_MAX];

	d.sun_side.children[0].local_ts = d.sun_side.children[0].remote_ts = "0.0.0.0/0";
	d.moon_side.children[0].local_ts = "10.1.0.0/16,10.3.0.0/16";
	d.moon_side.children[0].remote_ts = "10.2.0.0/16,10.4.0.0/16";
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	ck_assert_uint_eq(only_child(d.moon)->local_count, 1);
	ck_assert_uint_eq(only_child(d.sun)->remote_count, 1);
	ck_assert_str_eq(
		ike_selector_format(ike_child_local(only_child(d.moon)), text), "10.1.0.0/16");
	ck_assert_str_eq(
		ike_selector_format(ike_child_local(only_child(d.sun)), text), "10.2.0.0/16");
	duo_end(&d);
}
END_TEST

START_TEST(selectors_that_are_not_ours_are_refused)
{
	static const struct {
		const char *local, *remote, *differs;
	} cases[] = {
		{ "10.9.0.0/16", "10.1.0.0/16", "remote_ts" },
		{ "10.2.0.0/16", "10.8.0.0/16", "local_ts" },
		{ "10.9.0.0/16", "10.8.0.0/16", "local_ts, remote_ts" },
	};
	struct duo d = begin();
	const struct sim_command *command;
	const struct ike_failure *f;

	d.sun_side.children[0].local_ts = cases[_i].local;
	d.sun_side.children[0].remote_ts = cases[_i].remote;
	duo_start(&d);
	command = duo_initiate(&d, d.sun, "net");
	ck_assert(!command->done);
	ck_assert_ptr_nonnull(strstr(command->text, "INVALID_ID_INFORMATION"));
	ck_assert_ptr_nonnull(strstr(command->text, cases[_i].local));
	ck_assert_int_eq(duo_last_failure(&d, d.sun)->reason, IKE_REASON_NO_SELECTORS);
	f = duo_last_failure(&d, d.moon);
	ck_assert_int_eq(f->reason, IKE_REASON_NO_SELECTORS);
	ck_assert_str_eq(f->differs, cases[_i].differs);
	ck_assert_ptr_nonnull(strstr(f->ours, "10.1.0.0/16 === 10.2.0.0/16"));
	ck_assert_ptr_nonnull(strstr(f->theirs, cases[_i].local));
	/* The IKE SA has done nothing wrong. */
	ck_assert_uint_eq(duo_ike_sas(d.moon), 1);
	ck_assert_uint_eq(duo_children(d.moon), 0);
	ck_assert_ptr_null(d.sun->kernel.sas);
	duo_end(&d);
}
END_TEST

/* ---- What IKEv1 has no words for ---- */

static void remarks_are(
	const char *local, const char *remote, const char *first, const char *second)
{
	const char *wanted[] = { first, second, NULL };
	struct duo d = begin();
	char text[IKE_REMARK_TEXT_MAX];
	size_t count = 0;

	d.sun_side.children[0].local_ts = local;
	d.sun_side.children[0].remote_ts = remote;
	duo_start(&d);
	const struct ike_child_config *config =
		ike_engine_connection(d.sun->engine, 0)->children[0];
	for (; ike_child_config_remark(config, count, text); count++) {
		ck_assert_msg(wanted[count] && strstr(text, wanted[count]), "%s", text);
		ck_assert(sim_node_logged(d.sun, text));
	}
	ck_assert_ptr_null(wanted[count]);
	duo_end(&d);
}

START_TEST(what_is_not_covered_is_said_when_it_is_loaded)
{
	remarks_are("10.2.0.0/16", "10.1.0.0/16", NULL, NULL);
	remarks_are("10.2.0.0/16,10.5.0.0/16", "10.1.0.0/16,10.3.0.0/16,10.4.0.0/16",
		"offers 10.2.0.0/16 === 10.1.0.0/16 alone, and does not cover local_ts "
		"10.5.0.0/16, "
		"remote_ts 10.3.0.0/16, remote_ts 10.4.0.0/16",
		NULL);
	remarks_are("fec2::/64,10.2.0.0/16", "10.1.0.0/16",
		"offers 10.2.0.0/16 === 10.1.0.0/16 alone, and does not cover local_ts fec2::/64",
		NULL);
	remarks_are("10.2.0.0/16[tcp/1024-2000]", "10.1.0.0/16[udp/opaque]",
		"offers port 1024 alone of 10.2.0.0/16[tcp/1024-2000]", "opaque");
	remarks_are("dynamic[/1701]", "dynamic[udp]", NULL, NULL);
}
END_TEST

START_TEST(ikev2_has_words_for_it)
{
	struct duo d = begin();
	char text[IKE_REMARK_TEXT_MAX];

	d.sun_side.version = d.moon_side.version = 2;
	d.sun_side.children[0].local_ts = "10.2.0.0/16,10.5.0.0/16";
	d.moon_side.children[0].remote_ts = "10.2.0.0/16,10.5.0.0/16";
	duo_start(&d);
	ck_assert(!ike_child_config_remark(
		ike_engine_connection(d.sun->engine, 0)->children[0], 0, text));
	duo_up(&d, d.sun, "net");
	ck_assert_uint_eq(only_child(d.sun)->local_count, 2);
	duo_end(&d);
}
END_TEST

/* As strongSwan: the first port stands for the range; a peer's port within ours is narrowed to. */
START_TEST(a_range_of_ports_is_said_as_its_first)
{
	static const struct {
		const char *sun, *moon, *agreed;
	} cases[] = {
		{ "10.2.0.0/16[tcp/1024-2000]", "10.2.0.0/16[tcp/1024-2000]",
			"10.2.0.0/16[tcp/1024]" },
		{ "10.2.0.0/16[tcp/1024-2000]", "10.2.0.0/16", "10.2.0.0/16[tcp/1024]" },
		{ "10.2.0.0/16[tcp/1500]", "10.2.0.0/16[tcp/1024-2000]", "10.2.0.0/16[tcp/1500]" },
		{ "10.2.0.0/16[tcp]", "10.2.0.0/16[tcp/1024-2000]", "10.2.0.0/16[tcp/1024]" },
	};
	struct duo d = begin();
	char text[IKE_SELECTOR_TEXT_MAX];

	d.sun_side.children[0].local_ts = cases[_i].sun;
	d.moon_side.children[0].remote_ts = cases[_i].moon;
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	ck_assert_str_eq(
		ike_selector_format(ike_child_local(only_child(d.sun)), text), cases[_i].agreed);
	duo_end(&d);
}
END_TEST

START_TEST(opaque_ports_are_not_offered)
{
	struct duo d = begin();
	const struct sim_command *command;

	d.sun_side.children[0].local_ts = d.moon_side.children[0].remote_ts =
		"10.2.0.0/16[udp/opaque]";
	duo_start(&d);
	command = duo_initiate(&d, d.sun, "net");
	ck_assert(!command->done);
	ck_assert_ptr_nonnull(strstr(command->text, "IKEv1 has no word for opaque ports"));
	ck_assert_int_eq(duo_last_failure(&d, d.sun)->reason, IKE_REASON_UNSUPPORTED);
	duo_end(&d);
}
END_TEST

TCase *ikev1_selector_tests(void)
{
	TCase *tests = tcase_create("ikev1_selectors");

	tcase_set_timeout(tests, 60);
	tcase_add_loop_test(tests, selectors_are_one_pair, 0, 8);
	tcase_add_loop_test(tests, larger_selectors_are_narrowed, 0, 5);
	tcase_add_test(tests, of_several_that_fit_it_is_the_first);
	tcase_add_loop_test(tests, selectors_that_are_not_ours_are_refused, 0, 3);
	tcase_add_test(tests, what_is_not_covered_is_said_when_it_is_loaded);
	tcase_add_test(tests, ikev2_has_words_for_it);
	tcase_add_loop_test(tests, a_range_of_ports_is_said_as_its_first, 0, 4);
	tcase_add_test(tests, opaque_ports_are_not_offered);
	return tests;
}
