/* What is concluded from made-up findings. */
#include "charon-lite/daemon.h"
#include "charon-lite/explain/judge.h"
#include "testing/unit/charon-lite/test_explain.h"

#include <stdio.h>
#include <string.h>

/* main.c's; there is no loop here. */
void cl_daemon_rearm(struct cl_daemon *d)
{
	(void)d;
}

bool cl_daemon_reload(struct cl_daemon *d, struct why *why)
{
	(void)d;
	return why_fail(why, "no daemon");
}

static struct cl_seen_tunnel tunnel;
static struct cl_findings found;

static struct address address(const char *text)
{
	struct address a;

	ck_assert(address_parse(text, &a));
	return a;
}

static struct cl_seen_route route(const char *to, const char *interface)
{
	struct cl_seen_route r = {
		.asked = true, .found = true, .to = address(to), .mtu = 1500, .interface_mtu = 1500
	};

	snprintf(r.interface, sizeof(r.interface), "%s", interface);
	return r;
}

/* The same by a gateway. */
static struct cl_seen_route route_by(const char *to, const char *interface, const char *gateway)
{
	struct cl_seen_route r = route(to, interface);

	r.gateway = address(gateway);
	return r;
}

/* A tunnel between two sites, through which packets went both ways. */
static void begin(void)
{
	found = (struct cl_findings){ 0 };
	tunnel = (struct cl_seen_tunnel){
		.child = "net",
		.local = address("198.51.100.1"),
		.remote = address("203.0.113.1"),
		.mode = IKE_MODE_TUNNEL,
		.protocol = IKE_PROTOCOL_ESP,
		.age = 60,
		.in = { .wanted = true,
			.spi = 0xc1,
			.packets = 10,
			.bytes = 840,
			.policy_age = 60,
			.policy_used = -1 },
		.out = { .wanted = true,
			.spi = 0xc2,
			.packets = 10,
			.bytes = 840,
			.policy_age = 60,
			.policy_used = -1 },
		.policies_wanted = 3,
		.family = AF_INET,
		.to_peer = route_by("203.0.113.1", "wan", "198.51.100.254"),
		.into = route_by("10.2.0.1", "wan", "198.51.100.254"),
		.behind = route("10.1.0.1", "lan"),
		.forwards = true,
		.behind_is_network = true,
		.arrives_at = "wan",
		.arrives_by_address = true,
		.rp_filter = 1,
		.inner_mtu = 1446,
		.mss = 1406,
	};
}

/* The names of what was found, the likeliest first. */
static const char *judged(void)
{
	static char text[512];
	size_t length = 0;

	found = (struct cl_findings){ 0 };
	cl_judge(&tunnel, &found);
	cl_findings_sort(&found);
	text[0] = '\0';
	for (size_t i = 0; i < found.count; i++) {
		ck_assert_str_eq(found.list[i].child, "net");
		length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%s",
			i ? " " : "", cl_cause_name(found.list[i].cause));
	}
	return text;
}

static bool says(const char *words)
{
	return strstr(found.list[0].text, words) || strstr(found.list[0].cure, words);
}

START_TEST(what_works_has_no_cause)
{
	ck_assert_str_eq(judged(), "");
	tunnel.in.packets = tunnel.out.packets = 0;
	ck_assert_str_eq(judged(), "no-traffic");
}
END_TEST

START_TEST(sas_that_the_kernel_lost)
{
	tunnel.in.missing = tunnel.out.missing = true;
	ck_assert_str_eq(judged(), "sa-missing-in-kernel");
	ck_assert(says("000000c1 in, 000000c2 out"));
	tunnel.in.missing = false;
	ck_assert_str_eq(judged(), "sa-missing-in-kernel");
	ck_assert(says("outbound SA of net (SPI 000000c2)"));
	tunnel.out.other_spi = 0xdead;
	ck_assert_str_eq(judged(), "sa-differs-in-kernel");
	ck_assert(says("0000dead"));
	/* what is not to be there yet is not missing */
	tunnel.out = (struct cl_seen_sa){ 0 };
	ck_assert_str_eq(judged(), "");
}
END_TEST

START_TEST(policies_that_are_not_as_they_should_be)
{
	struct xfrm_policy_id id = { .direction = XFRM_POLICY_OUT,
		.selector = { .source = address("10.1.0.0"),
			.destination = address("10.2.0.0"),
			.source_prefix = 16,
			.destination_prefix = 16 } };

	tunnel.policies_missing = 1;
	tunnel.missing = (struct cl_seen_policy){ .seen = true, .id = id };
	ck_assert_str_eq(judged(), "policy-missing-in-kernel");
	ck_assert(says("out 10.1.0.0/16 === 10.2.0.0/16"));

	begin();
	tunnel.shadow = (struct cl_seen_policy){
		.seen = true, .id = id, .priority = 100, .blocks = true, .covers = true
	};
	tunnel.in.packets = tunnel.out.packets = 0;
	ck_assert_str_eq(judged(), "policy-shadowed no-traffic");
	ck_assert(says("drops it") && says("priority 100"));
	/* a part of it explains less than what is seen in all of it */
	tunnel.shadow.covers = false;
	tunnel.out.packets = 5;
	ck_assert_str_eq(judged(), "esp-blocked policy-shadowed");
}
END_TEST

START_TEST(counters_that_move_one_way_only)
{
	tunnel.in.packets = 0;
	ck_assert_str_eq(judged(), "esp-blocked");
	ck_assert(says("IP protocol 50") && says("10 packets"));
	tunnel.udp = true;
	ck_assert_str_eq(judged(), "esp-blocked");
	ck_assert(says("UDP port 4500"));
	tunnel.in.integrity_failures = 10;
	ck_assert_str_eq(judged(), "esp-damaged");

	begin();
	tunnel.out.packets = 0;
	ck_assert_str_eq(judged(), "nothing-sent-back");
	tunnel.forwards = false;
	ck_assert_str_eq(judged(), "forwarding-off nothing-sent-back");
	ck_assert(says("net.ipv4.ip_forward=1"));
	tunnel.forwards = true;
	tunnel.behind.found = false;
	ck_assert_str_eq(judged(), "no-route-behind nothing-sent-back");
	/* the default route is none to a network that should be here */
	tunnel.behind = route_by("10.1.0.1", "wan", "198.51.100.254");
	ck_assert_str_eq(judged(), "no-route-behind nothing-sent-back");

	begin();
	tunnel.in.outside_window = 5;
	ck_assert_str_eq(judged(), "esp-outside-replay-window");
	tunnel.in.packets = 100000;
	ck_assert_str_eq(judged(), "");
}
END_TEST

START_TEST(a_host_alone_forwards_nothing)
{
	tunnel.forwards = false;
	tunnel.behind_is_network = false;
	ck_assert_str_eq(judged(), "");
	tunnel.behind_is_network = true;
	ck_assert_str_eq(judged(), "forwarding-off");
	ck_assert_uint_lt(found.list[0].likelihood, 50);
}
END_TEST

START_TEST(routes_that_lead_elsewhere)
{
	tunnel.to_peer.found = false;
	tunnel.in.packets = 0;
	ck_assert_str_eq(judged(), "no-route-to-peer esp-blocked");

	begin();
	tunnel.into.found = false;
	tunnel.out.packets = tunnel.in.packets = 0;
	ck_assert_str_eq(judged(), "no-route-into-tunnel no-traffic");
	ck_assert_uint_ge(found.list[0].likelihood, 90);
	/* what is forwarded may have a way of its own */
	tunnel.into_has_rules = true;
	ck_assert_str_eq(judged(), "no-route-into-tunnel no-traffic");
	ck_assert_uint_le(found.list[0].likelihood, 60);
	/* and has one, as it seems */
	tunnel.out.packets = tunnel.in.packets = 10;
	ck_assert_str_eq(judged(), "no-route-into-tunnel");
	ck_assert_uint_lt(found.list[0].likelihood, 20);
	tunnel.if_id_out = 42;
	tunnel.into.found = true;
	ck_assert_str_eq(judged(), "no-route-into-tunnel");
	ck_assert_uint_lt(found.list[0].likelihood, 20);

	begin();
	tunnel.if_id_out = 42;
	tunnel.out.packets = tunnel.in.packets = 0;
	ck_assert_str_eq(judged(), "no-route-into-tunnel no-traffic");
	ck_assert(says("goes by wan") && says("0x2a"));
	tunnel.into.if_id = 42;
	ck_assert_str_eq(judged(), "no-traffic");
}
END_TEST

/* One leg: the network behind is where the gateway itself is, and the way to the peer as well. */
START_TEST(a_gateway_with_one_leg)
{
	tunnel.local = address("172.31.1.5");
	tunnel.out.packets = 0;
	tunnel.one_link = true;
	/* on the link */
	tunnel.behind = route("172.31.0.1", "wan");
	ck_assert_str_eq(judged(), "nothing-sent-back");
	/* by the cloud's router, which leads to the peer as well */
	tunnel.behind_is_here = true;
	tunnel.behind = route_by("172.31.0.1", "wan", "198.51.100.254");
	ck_assert_str_eq(judged(), "nothing-sent-back");
	/* by a router of its own */
	tunnel.behind_is_here = false;
	tunnel.behind = route_by("10.1.0.1", "wan", "172.31.1.9");
	ck_assert_str_eq(judged(), "nothing-sent-back");
	/* by the only router there is, and no other link where it could be */
	tunnel.behind = route_by("10.1.0.1", "wan", "198.51.100.254");
	ck_assert_str_eq(judged(), "nothing-sent-back no-route-behind");
	tunnel.one_link = false;
	ck_assert_str_eq(judged(), "no-route-behind nothing-sent-back");
}
END_TEST

START_TEST(a_strict_filter_where_packets_come_in)
{
	tunnel.to_peer = route_by("203.0.113.1", "other", "192.0.2.254");
	tunnel.in.packets = 0;
	tunnel.drops = (struct cl_seen_drops){ .known = true, .count = { .filtered = 10 } };
	ck_assert_str_eq(judged(), "reverse-path-filter esp-blocked");
	ck_assert(says("come in at wan") && says("dropped 10 packets"));
	/* an address on loopback is reached by any link */
	tunnel.arrives_by_address = false;
	ck_assert_str_eq(judged(), "reverse-path-filter esp-blocked");
	ck_assert(says("may come in at wan"));
	/* strangers' packets */
	tunnel.drops.count.filtered = 1;
	ck_assert_str_eq(judged(), "esp-blocked reverse-path-filter");
	/* it drops nothing: the packets do not come that way, or not at all */
	tunnel.drops.count.filtered = 0;
	ck_assert_str_eq(judged(), "esp-blocked");
	/* nothing is known of it */
	tunnel.drops.known = false;
	ck_assert_str_eq(judged(), "esp-blocked reverse-path-filter");
	tunnel.rp_filter = 2;
	ck_assert_str_eq(judged(), "esp-blocked");
	tunnel.rp_filter = 1;
	tunnel.arrives_at[0] = '\0';
	ck_assert_str_eq(judged(), "esp-blocked");
	/* a filter that drops others' packets, while all is well */
	begin();
	tunnel.to_peer = route_by("203.0.113.1", "other", "192.0.2.254");
	tunnel.drops = (struct cl_seen_drops){ .known = true, .count = { .filtered = 10 } };
	ck_assert_str_eq(judged(), "reverse-path-filter");
	ck_assert_uint_lt(found.list[0].likelihood, 50);
}
END_TEST

/* Right after a rekeying, and with what never goes both ways, counters tell less. */
START_TEST(silence_of_one_direction_that_may_be_right)
{
	for (unsigned i = 0; i < 2; i++) {
		struct cl_seen_sa *silent = i == 0 ? &tunnel.in : &tunnel.out;
		const char *cause = i == 0 ? "esp-blocked" : "nothing-sent-back";

		begin();
		silent->packets = 0;
		tunnel.age = 5;
		ck_assert_str_eq(judged(), cause);
		ck_assert_uint_lt(found.list[0].likelihood, 50);
		ck_assert(says("look again"));
		/* the SA before this one carried packets both ways */
		tunnel.age = 30;
		silent->policy_age = 3600;
		silent->policy_used = 40;
		ck_assert_str_eq(judged(), cause);
		ck_assert_uint_lt(found.list[0].likelihood, 50);
		ck_assert(says("both ways before its last rekeying"));
		/* or nobody knows, as only the other direction's policies were there before */
		silent->policy_age = 30;
		silent->policy_used = -1;
		(i == 0 ? &tunnel.out : &tunnel.in)->policy_age = 3600;
		ck_assert_str_eq(judged(), cause);
		ck_assert_uint_lt(found.list[0].likelihood, 50);
		/* and this one for long has not */
		tunnel.age = 300;
		silent->policy_age = 3600;
		silent->policy_used = 310;
		ck_assert_str_eq(judged(), cause);
		ck_assert_uint_ge(found.list[0].likelihood, 75);
		/* none ever did, through rekeyings: a stream of one direction, or blocked all along
		 */
		silent->policy_used = -1;
		ck_assert_str_eq(judged(), cause);
		ck_assert_uint_eq(found.list[0].likelihood, 60);
		ck_assert(says("syslog"));
	}
	/* what is seen to be wrong comes before it */
	begin();
	tunnel.in.packets = 0;
	tunnel.age = 5;
	tunnel.out.other_spi = 0xdead;
	tunnel.out.missing = true;
	ck_assert_str_eq(judged(), "sa-differs-in-kernel");
}
END_TEST

START_TEST(a_peer_that_answers_from_elsewhere)
{
	tunnel.answers_from = address("203.0.113.9");
	ck_assert_str_eq(judged(), "peer-answers-elsewhere");
	ck_assert_uint_lt(found.list[0].likelihood, 50); /* as packets go through */
	tunnel.in.packets = 0;
	ck_assert_str_eq(judged(), "peer-answers-elsewhere esp-blocked");
	ck_assert(says("asked at 203.0.113.1") && says("remote_addrs = 203.0.113.9"));
}
END_TEST

START_TEST(translation_of_sources)
{
	tunnel.masquerade.seen = tunnel.masquerade.sure = true;
	snprintf(tunnel.masquerade.rule, sizeof(tunnel.masquerade.rule),
		"POSTROUTING -j MASQUERADE");
	ck_assert_str_eq(judged(), "masquerade-catches-traffic");
	ck_assert_uint_lt(found.list[0].likelihood, 50); /* as packets go through */
	tunnel.in.packets = tunnel.out.packets = 0;
	ck_assert_str_eq(judged(), "masquerade-catches-traffic no-traffic");
	ck_assert_uint_gt(found.list[0].likelihood, 50);
}
END_TEST

START_TEST(a_path_that_is_narrower_than_its_link)
{
	tunnel.to_peer.mtu = 1400;
	tunnel.inner_mtu = 1346;
	tunnel.mss = 1306;
	ck_assert_str_eq(judged(), "path-mtu");
	ck_assert(says("1346") && says("mss = 1306"));
}
END_TEST

START_TEST(packets_that_are_too_large_for_the_tunnel)
{
	tunnel.drops = (struct cl_seen_drops){ .known = true, .count = { .too_large = 4 } };
	ck_assert_str_eq(judged(), "");
	tunnel.drops.count.too_large = 40;
	ck_assert_str_eq(judged(), "packets-too-large");
	ck_assert(says("refused 40 packets") && says("1446") && says("mss = 1406"));
	/* of so many they are hosts that learn */
	tunnel.out.packets = 100000;
	ck_assert_str_eq(judged(), "");
	/* a narrow path explains them */
	tunnel.out.packets = 100;
	tunnel.to_peer.mtu = 1400;
	ck_assert_str_eq(judged(), "path-mtu");
	ck_assert_uint_ge(found.list[0].likelihood, 50);
}
END_TEST

START_TEST(full_packets_that_do_not_arrive)
{
	tunnel.in.highest = 10;
	ck_assert_str_eq(judged(), "");
	tunnel.in.highest = 20;
	ck_assert_str_eq(judged(), "large-packets-lost");
	ck_assert(says("of 20 packets") && says("10 did not arrive") && says("84 octets") &&
		  says("-s 1418"));
	/* or small ones get lost, and there are no others */
	ck_assert(says("or the way loses packets"));
	ck_assert_uint_le(found.list[0].likelihood, 45);
	tunnel.drops = (struct cl_seen_drops){ .known = true, .count = { .unreassembled = 7 } };
	ck_assert_str_eq(judged(), "large-packets-lost");
	ck_assert(says("of 7 packets not all fragments"));
	ck_assert_uint_ge(found.list[0].likelihood, 50);
	/* large ones arrive as well: a way that loses some of all sizes */
	tunnel.in.bytes = 10000;
	ck_assert_str_eq(judged(), "");
	/* few, or a small share, get lost on any way; some came and were dropped here */
	tunnel.in.bytes = 840;
	tunnel.in.highest = 13;
	ck_assert_str_eq(judged(), "");
	tunnel.in.highest = 20;
	tunnel.in.integrity_failures = 8;
	ck_assert_str_eq(judged(), "esp-damaged");
	tunnel.in.integrity_failures = 0;
	tunnel.in.packets = 1000;
	tunnel.in.bytes = 84000;
	tunnel.in.highest = 1040;
	ck_assert_str_eq(judged(), "");
	/* numbers are not known, or packets were counted anew */
	tunnel.in.highest = 0;
	ck_assert_str_eq(judged(), "");
}
END_TEST

/* The largest inner packets, as Linux computes them for its tunnels' routes. */
static const struct {
	struct cl_encapsulation e;
	uint32_t outer, inner;
} sizes[] = {
	/* AES-GCM with 16 octets: IV of 8, no block but ESP's alignment */
	{ { IKE_MODE_TUNNEL, false, false, AF_INET, 8, 1, 16 }, 1500, 1446 },
	{ { IKE_MODE_TUNNEL, false, true, AF_INET, 8, 1, 16 }, 1500, 1438 },
	{ { IKE_MODE_TUNNEL, false, false, AF_INET6, 8, 1, 16 }, 1500, 1426 },
	/* AES-CBC with HMAC-SHA-256-128 */
	{ { IKE_MODE_TUNNEL, false, false, AF_INET, 16, 16, 16 }, 1500, 1438 },
	{ { IKE_MODE_TUNNEL, false, true, AF_INET, 16, 16, 16 }, 1500, 1422 },
	{ { IKE_MODE_TRANSPORT, false, false, AF_INET, 16, 16, 16 }, 1500, 1458 },
	/* 3DES with HMAC-SHA-1-96 */
	{ { IKE_MODE_TUNNEL, false, false, AF_INET, 8, 8, 12 }, 1492, 1438 },
	/* AH with HMAC-SHA-256-128 */
	{ { IKE_MODE_TUNNEL, true, false, AF_INET, 0, 1, 16 }, 1500, 1452 },
	{ { IKE_MODE_TUNNEL, true, false, AF_INET6, 0, 1, 16 }, 1500, 1428 },
	/* nothing fits */
	{ { IKE_MODE_TUNNEL, false, false, AF_INET, 16, 16, 16 }, 68, 0 },
};

START_TEST(inner_packets_fit_into_outer_ones)
{
	const struct cl_encapsulation *e = &sizes[_i].e;
	uint32_t inner = cl_inner_mtu(e, sizes[_i].outer), kept, block, fixed, encrypted;

	ck_assert_uint_eq(inner, sizes[_i].inner);
	if (inner == 0 || e->ah)
		return;
	/* counted the other way: that one fits, the next does not */
	kept = e->mode == IKE_MODE_TRANSPORT ? 20 : 0;
	block = e->block_length > 4 ? e->block_length : 4;
	fixed = (e->family == AF_INET6 ? 40u : 20u) + (e->udp ? 8 : 0) + 8 + e->iv_length +
		e->icv_length;
	encrypted = (inner - kept + 2 + block - 1) / block * block;
	ck_assert_uint_le(fixed + encrypted, sizes[_i].outer);
	encrypted = (inner + 1 - kept + 2 + block - 1) / block * block;
	ck_assert_uint_gt(fixed + encrypted, sizes[_i].outer);
}
END_TEST

START_TEST(a_full_list_keeps_the_likeliest)
{
	for (unsigned i = 0; i < 3 * CL_FINDINGS_MAX; i++)
		cl_findings_add(&found, CL_CAUSE_NO_TRAFFIC, i, NULL, "%u", i);
	ck_assert_uint_eq(found.count, CL_FINDINGS_MAX);
	cl_findings_sort(&found);
	ck_assert_uint_eq(found.list[0].likelihood, 3 * CL_FINDINGS_MAX - 1);
	ck_assert_uint_eq(found.list[CL_FINDINGS_MAX - 1].likelihood, 2 * CL_FINDINGS_MAX);
	ck_assert_ptr_null(cl_findings_add(&found, CL_CAUSE_NO_TRAFFIC, 1, NULL, "too late"));
	cl_finding_cure(NULL, "nothing");
}
END_TEST

START_TEST(each_cause_has_a_name_of_its_own_and_a_cure)
{
	for (enum cl_cause a = 0; a < CL_CAUSES; a++) {
		ck_assert(cl_cause_name(a)[0] && cl_cause_meaning(a)[0] && cl_cause_cure(a)[0]);
		for (enum cl_cause b = 0; b < a; b++)
			ck_assert_str_ne(cl_cause_name(a), cl_cause_name(b));
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("judge");
	TCase *tests = tcase_create("judge");

	tcase_add_checked_fixture(tests, begin, NULL);
	tcase_add_test(tests, what_works_has_no_cause);
	tcase_add_test(tests, sas_that_the_kernel_lost);
	tcase_add_test(tests, policies_that_are_not_as_they_should_be);
	tcase_add_test(tests, counters_that_move_one_way_only);
	tcase_add_test(tests, a_host_alone_forwards_nothing);
	tcase_add_test(tests, routes_that_lead_elsewhere);
	tcase_add_test(tests, a_gateway_with_one_leg);
	tcase_add_test(tests, a_strict_filter_where_packets_come_in);
	tcase_add_test(tests, silence_of_one_direction_that_may_be_right);
	tcase_add_test(tests, a_peer_that_answers_from_elsewhere);
	tcase_add_test(tests, translation_of_sources);
	tcase_add_test(tests, a_path_that_is_narrower_than_its_link);
	tcase_add_test(tests, packets_that_are_too_large_for_the_tunnel);
	tcase_add_test(tests, full_packets_that_do_not_arrive);
	tcase_add_loop_test(
		tests, inner_packets_fit_into_outer_ones, 0, sizeof(sizes) / sizeof(*sizes));
	tcase_add_test(tests, a_full_list_keeps_the_likeliest);
	tcase_add_test(tests, each_cause_has_a_name_of_its_own_and_a_cure);
	suite_add_tcase(suite, tests);
	SRunner *runner = srunner_create(suite);
	srunner_add_suite(runner, explain_look_suite());
	srunner_add_suite(runner, explain_nat_suite());
	srunner_add_suite(runner, explain_nft_suite());
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
