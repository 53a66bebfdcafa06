/* Which changes of the network concern us, whose addresses count, and which routes tunnels need:
 * all that without privileges. On a real kernel: network_check.c. */
#include "charon-lite/network_priv.h"

#include "charon-lite/rtnetlink.h"

#include <check.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <unistd.h>

static struct address host(const char *text)
{
	struct address result;

	ck_assert_msg(address_parse(text, &result), "%s", text);
	return result;
}

static struct ike_selector selector(const char *text)
{
	struct ike_selector result;
	struct why why;

	ck_assert_msg(ike_selector_parse(text, &result, &why), "%s", why.text);
	return result;
}

/* ---- Changes of routes ---- */

#define OWN_TABLE 220

/* What the kernel would send; owned by the caller. */
static struct nl_msg *route_change(int message_type, const char *destination, unsigned length,
	uint32_t table, uint8_t type, uint32_t flags)
{
	struct address to = host(destination);
	const struct rtmsg fixed = {
		.rtm_family = (unsigned char)to.family,
		.rtm_dst_len = (unsigned char)length,
		.rtm_table = (unsigned char)(table < 256 ? table : RT_TABLE_COMPAT),
		.rtm_type = type,
		.rtm_flags = flags,
	};
	struct nl_msg *message = cl_rtnetlink_request(message_type, 0, &fixed, sizeof(fixed));

	ck_assert_ptr_nonnull(message);
	ck_assert_int_eq(nla_put_u32(message, RTA_TABLE, table), 0);
	if (length > 0)
		ck_assert(cl_rtnetlink_put_address(message, RTA_DST, &to));
	ck_assert_int_eq(nla_put_u32(message, RTA_OIF, 7), 0);
	return message;
}

/* Filters work on any socket: what passes one between two ends of ours would pass netlink's. */
static int filter_sockets[2];

static void filter_load(const struct cl_watch *watch, size_t ranges)
{
	static struct sock_filter steps[CL_FILTER_LENGTH_MAX];
	size_t length = cl_filter_build(watch, OWN_TABLE, ranges, steps);
	const struct sock_fprog program = { (unsigned short)length, steps };

	ck_assert_uint_le(length, CL_FILTER_LENGTH_MAX);
	ck_assert_uint_le(length, BPF_MAXINSNS);
	ck_assert_msg(setsockopt(filter_sockets[1], SOL_SOCKET, SO_ATTACH_FILTER, &program,
			      sizeof(program)) == 0,
		"the kernel refuses the filter of %zu steps", length);
}

static bool filter_passes(const void *message, size_t length)
{
	char buffer[4096];

	/* a datagram that the other end's filter drops counts as sent */
	ck_assert_int_eq(send(filter_sockets[0], message, length, 0), (ssize_t)length);
	return recv(filter_sockets[1], buffer, sizeof(buffer), MSG_DONTWAIT) == (ssize_t)length;
}

static bool filter_passes_message(struct nl_msg *message)
{
	return filter_passes(nlmsg_hdr(message), nlmsg_hdr(message)->nlmsg_len);
}

static struct cl_watch watch;

static void filter_setup(void)
{
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_DGRAM, 0, filter_sockets), 0);
}

static void filter_teardown(void)
{
	close(filter_sockets[0]);
	close(filter_sockets[1]);
	cl_watch_clear(&watch);
}

static void watch_peer(const char *text)
{
	struct address peer = host(text);

	ck_assert_int_eq(cl_watch_add(&watch, &peer), CL_WATCH_NEW);
	ck_assert_int_eq(cl_watch_add(&watch, &peer), CL_WATCH_KNOWN);
}

START_TEST(routes_that_may_lead_to_a_peer_pass_and_no_others)
{
	static const struct {
		const char *destination;
		unsigned length;
		uint32_t table;
		uint8_t type;
		uint32_t flags;
		bool concerns;
	} cases[] = {
		{ "203.0.113.0", 24, RT_TABLE_MAIN, RTN_UNICAST, 0, true },
		{ "203.0.113.1", 32, RT_TABLE_MAIN, RTN_UNICAST, 0, true },
		{ "203.0.113.2", 32, RT_TABLE_MAIN, RTN_UNICAST, 0, false },
		{ "203.0.113.0", 32, RT_TABLE_MAIN, RTN_UNICAST, 0, false },
		{ "203.0.114.0", 24, RT_TABLE_MAIN, RTN_UNICAST, 0, false },
		{ "203.0.112.0", 24, RT_TABLE_MAIN, RTN_UNICAST, 0, false },
		{ "128.0.0.0", 1, RT_TABLE_MAIN, RTN_UNICAST, 0, true },
		{ "0.0.0.0", 1, RT_TABLE_MAIN, RTN_UNICAST, 0, true },
		{ "0.0.0.0", 0, RT_TABLE_MAIN, RTN_UNICAST, 0, true },
		{ "::", 0, RT_TABLE_MAIN, RTN_UNICAST, 0, true },
		{ "10.0.0.0", 8, RT_TABLE_MAIN, RTN_UNICAST, 0, true },
		{ "11.0.0.0", 8, RT_TABLE_MAIN, RTN_UNICAST, 0, false },
		{ "223.255.255.0", 24, RT_TABLE_MAIN, RTN_UNICAST, 0, false },
		/* other tables may be looked at, ours and those of addresses do not count */
		{ "203.0.113.0", 24, 5, RTN_BLACKHOLE, 0, true },
		{ "203.0.113.0", 24, 100000, RTN_UNREACHABLE, 0, true },
		{ "203.0.113.0", 24, OWN_TABLE, RTN_UNICAST, 0, false },
		{ "0.0.0.0", 0, OWN_TABLE, RTN_UNICAST, 0, false },
		{ "203.0.113.1", 32, RT_TABLE_LOCAL, RTN_UNICAST, 0, false },
		{ "203.0.113.1", 32, RT_TABLE_MAIN, RTN_LOCAL, 0, false },
		{ "203.0.113.1", 32, RT_TABLE_MAIN, RTN_MULTICAST, 0, false },
		{ "2001:db8:2::1", 128, RT_TABLE_MAIN, RTN_UNICAST, RTM_F_CLONED, false },
		/* IPv6: the first 64 bits count */
		{ "2001:db8:2::", 48, RT_TABLE_MAIN, RTN_UNICAST, 0, true },
		{ "2001:db8:2::", 64, RT_TABLE_MAIN, RTN_UNICAST, 0, true },
		{ "2001:db8:2::99", 128, RT_TABLE_MAIN, RTN_UNICAST, 0, true },
		{ "2001:db8:2:1::", 64, RT_TABLE_MAIN, RTN_UNICAST, 0, false },
		{ "2001:db8:1::", 48, RT_TABLE_MAIN, RTN_UNICAST, 0, false },
		{ "2001:db8:3::", 48, RT_TABLE_MAIN, RTN_UNICAST, 0, false },
		{ "2001:db8::", 32, RT_TABLE_MAIN, RTN_UNICAST, 0, true },
		{ "2001:db9::", 32, RT_TABLE_MAIN, RTN_UNICAST, 0, false },
		{ "2000::", 3, RT_TABLE_MAIN, RTN_UNICAST, 0, true },
		{ "3000::", 4, RT_TABLE_MAIN, RTN_UNICAST, 0, false },
		{ "2a00:1450:4000::", 37, RT_TABLE_MAIN, RTN_UNICAST, 0, true },
		{ "2a00:1450:4800::", 37, RT_TABLE_MAIN, RTN_UNICAST, 0, false },
	};

	watch_peer("203.0.113.1");
	watch_peer("10.9.8.7");
	watch_peer("2001:db8:2::1");
	watch_peer("2a00:1450:4007:80b:ffff::1");
	filter_load(&watch, CL_FILTER_RANGES_MAX);
	for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(*cases); i++) {
		struct nl_msg *message = route_change(i % 2 ? RTM_NEWROUTE : RTM_DELROUTE,
			cases[i / 2].destination, cases[i / 2].length, cases[i / 2].table,
			cases[i / 2].type, cases[i / 2].flags);

		ck_assert_msg(filter_passes_message(message) == cases[i / 2].concerns,
			"filter: %s/%u", cases[i / 2].destination, cases[i / 2].length);
		ck_assert_msg(cl_watch_concerns(&watch, OWN_TABLE, nlmsg_hdr(message)) ==
				      cases[i / 2].concerns,
			"watch: %s/%u", cases[i / 2].destination, cases[i / 2].length);
		nlmsg_free(message);
	}
}
END_TEST

START_TEST(addresses_and_links_always_pass)
{
	static const uint16_t types[] = { RTM_NEWLINK, RTM_DELLINK, RTM_NEWADDR, RTM_DELADDR,
		NLMSG_ERROR, NLMSG_OVERRUN };

	filter_load(&watch, CL_FILTER_RANGES_MAX);
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		const struct nlmsghdr message = { .nlmsg_len = sizeof(message),
			.nlmsg_type = types[i] };

		ck_assert(filter_passes(&message, sizeof(message)));
	}
	struct nl_msg *route =
		route_change(RTM_NEWROUTE, "203.0.113.0", 24, RT_TABLE_MAIN, RTN_UNICAST, 0);
	ck_assert(!filter_passes_message(route));
	nlmsg_free(route);
}
END_TEST

START_TEST(filter_without_peers_named_lets_pass_all_but_our_own_routes)
{
	struct nl_msg *route =
		route_change(RTM_NEWROUTE, "192.0.2.0", 24, RT_TABLE_MAIN, RTN_UNICAST, 0);
	struct nl_msg *own = route_change(RTM_NEWROUTE, "192.0.2.0", 24, OWN_TABLE, RTN_UNICAST, 0);

	filter_load(NULL, CL_FILTER_RANGES_MAX);
	ck_assert(filter_passes_message(route));
	ck_assert(!filter_passes_message(own));
	nlmsg_free(route);
	nlmsg_free(own);
}
END_TEST

static uint32_t made_up(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 8 ^ *state << 8;
}

/* More peers than a filter can name: what concerns one still passes, and most of the rest not. */
START_TEST(filter_of_many_peers_misses_none)
{
	static const size_t ranges[] = { 1, 2, 7, CL_FILTER_RANGES_MAX };
	uint32_t state = 1;

	for (size_t i = 0; i < 400; i++) {
		struct address peer = { .family = i % 2 ? AF_INET : AF_INET6 };

		for (size_t j = 0; j < address_size(&peer); j++)
			peer.octets[j] = (uint8_t)made_up(&state);
		peer.octets[0] = 0x20 | (peer.octets[0] & 0xf);
		if (i < 200)
			ck_assert_int_eq(cl_watch_add(&watch, &peer), CL_WATCH_NEW);
		else
			ck_assert(cl_watch_gather(&watch, &peer) && cl_watch_gather(&watch, &peer));
	}
	cl_watch_gathered(&watch);
	ck_assert_uint_eq(watch.ipv4.count, 200);
	ck_assert_uint_eq(watch.ipv6.count, 200);
	for (size_t r = 0; r < sizeof(ranges) / sizeof(*ranges); r++) {
		unsigned concern = 0, pass = 0;

		filter_load(&watch, ranges[r]);
		for (size_t i = 0; i < 2000; i++) {
			struct address to = { .family = i % 2 ? AF_INET : AF_INET6 };
			unsigned length = 1 + made_up(&state) % (8 * (unsigned)address_size(&to));
			char text[ADDRESS_TEXT_MAX];

			for (size_t j = 0; j < (length + 7) / 8; j++)
				to.octets[j] = (uint8_t)made_up(&state);
			if (length % 8)
				to.octets[length / 8] &= (uint8_t)(0xff00 >> length % 8);
			struct nl_msg *route = route_change(RTM_NEWROUTE, address_format(&to, text),
				length, RT_TABLE_MAIN, RTN_UNICAST, 0);
			bool concerns = cl_watch_concerns(&watch, OWN_TABLE, nlmsg_hdr(route));
			bool passes = filter_passes_message(route);

			nlmsg_free(route);
			ck_assert_msg(passes || !concerns, "%s/%u is missed", text, length);
			concern += concerns;
			pass += passes;
		}
		ck_assert_uint_gt(concern, 10);
		ck_assert_uint_lt(pass, 500);
	}
}
END_TEST

/* ---- Addresses ---- */

START_TEST(addresses_that_peers_can_reach_are_usable)
{
	static const struct {
		const char *address;
		uint32_t flags;
		uint8_t scope;
		bool usable, usable_temporary;
	} cases[] = {
		{ "192.0.2.1", IFA_F_PERMANENT, RT_SCOPE_UNIVERSE, true, true },
		{ "192.0.2.2", IFA_F_SECONDARY, RT_SCOPE_UNIVERSE, true, true },
		{ "10.0.0.1", 0, RT_SCOPE_SITE, true, true },
		{ "127.0.0.1", 0, RT_SCOPE_HOST, false, false },
		{ "169.254.3.4", 0, RT_SCOPE_UNIVERSE, false, false },
		{ "fe80::1", 0, RT_SCOPE_LINK, false, false },
		{ "2001:db8::1", 0, RT_SCOPE_UNIVERSE, true, true },
		{ "2001:db8::2", IFA_F_TENTATIVE, RT_SCOPE_UNIVERSE, false, false },
		{ "2001:db8::3", IFA_F_DEPRECATED, RT_SCOPE_UNIVERSE, false, false },
		{ "2001:db8::4", IFA_F_TEMPORARY, RT_SCOPE_UNIVERSE, false, true },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct cl_local_address a = { .address = host(cases[i].address),
			.flags = cases[i].flags,
			.scope = cases[i].scope };

		ck_assert_msg(cl_local_address_is_usable(&a, false) == cases[i].usable, "%s",
			cases[i].address);
		ck_assert_msg(cl_local_address_is_usable(&a, true) == cases[i].usable_temporary,
			"%s", cases[i].address);
	}
}
END_TEST

START_TEST(addresses_are_read_from_messages)
{
	const struct address own = host("192.0.2.1"), other = host("192.0.2.2");
	const struct ifaddrmsg fixed = {
		.ifa_family = AF_INET, .ifa_prefixlen = 32, .ifa_index = 3, .ifa_flags = 1
	};
	struct nl_msg *message = cl_rtnetlink_request(RTM_NEWADDR, 0, &fixed, sizeof(fixed));
	struct cl_local_address a;

	ck_assert_ptr_nonnull(message);
	ck_assert(!cl_local_address_parse(nlmsg_hdr(message), &a));
	/* a point-to-point link has the other end's address, too */
	ck_assert(cl_rtnetlink_put_address(message, IFA_ADDRESS, &other));
	ck_assert(cl_rtnetlink_put_address(message, IFA_LOCAL, &own));
	ck_assert(cl_local_address_parse(nlmsg_hdr(message), &a));
	ck_assert(address_equal(&a.address, &own));
	ck_assert_uint_eq(a.interface, 3);
	ck_assert_uint_eq(a.flags, 1);
	ck_assert_int_eq(nla_put_u32(message, IFA_FLAGS, 0x200), 0);
	ck_assert(cl_local_address_parse(nlmsg_hdr(message), &a));
	ck_assert_uint_eq(a.flags, 0x200);
	nlmsg_free(message);
}
END_TEST

START_TEST(interfaces_are_used_as_the_lists_say)
{
	const struct cl_interfaces all = { NULL, NULL }, use = { "eth0, eth1", "eth0" },
				   ignore = { NULL, "eth0,lo" };

	ck_assert(cl_interface_is_used(&all, "eth0"));
	ck_assert(cl_interface_is_used(&use, "eth0"));
	ck_assert(cl_interface_is_used(&use, "eth1"));
	ck_assert(!cl_interface_is_used(&use, "eth"));
	ck_assert(!cl_interface_is_used(&ignore, "eth0"));
	ck_assert(cl_interface_is_used(&ignore, "eth01"));
}
END_TEST

START_TEST(loopback_is_local_and_leads_to_itself)
{
	static const struct cl_network_events nobody;
	struct event_base *base = event_base_new();
	struct cl_network_settings settings;
	struct cl_network *network;
	struct address to = host("127.0.0.1"), source;
	struct why why;

	cl_network_settings_default(&settings);
	ck_assert_msg(cl_network_open(base, &settings, &nobody, false, NULL, &network, &why), "%s",
		why.text);
	if (cl_network_is_local(network, &to)) { /* not in a namespace without interfaces */
		ck_assert(cl_network_source_address(network, &to, &source));
		ck_assert(address_same_host(&source, &to));
	}
	to = host("192.0.2.77");
	ck_assert(!cl_network_is_local(network, &to));
	ck_assert(!cl_network_is_local(network, &(struct address){ 0 }));
	cl_network_close(network);
	event_base_free(base);
}
END_TEST

/* ---- Routes ---- */

static struct ike_selector locals[2], remotes[2];
static struct ike_kernel_policies policies;
static struct cl_network_settings settings;

static void wish_setup(void)
{
	cl_network_settings_default(&settings);
	locals[0] = selector("10.1.0.0/16");
	remotes[0] = selector("10.2.0.0/16");
	policies = (struct ike_kernel_policies){
		.kind = IKE_POLICY_CHILD,
		.mode = IKE_MODE_TUNNEL,
		.local_selectors = locals,
		.remote_selectors = remotes,
		.local_count = 1,
		.remote_count = 1,
	};
}

static bool wishes(unsigned pair, const char *destination, unsigned length)
{
	const struct address expected = host(destination);
	struct cl_route_wish wish;

	return cl_route_wish(&settings, &policies, pair, &wish) &&
	       address_equal(&wish.destination, &expected) && wish.prefix_length == length;
}

static bool wishes_nothing(void)
{
	struct cl_route_wish wish;

	return !cl_route_wish(&settings, &policies, 0, &wish);
}

/* As strongSwan 6.0.1 does, seen in its table 220. */
START_TEST(tunnels_and_traps_wish_a_route_for_each_remote_selector)
{
	ck_assert(wishes(0, "10.2.0.0", 16));
	policies.kind = IKE_POLICY_TRAP;
	policies.mark_out = (struct ike_mark){ 7, UINT32_MAX };
	ck_assert(wishes(0, "10.2.0.0", 16));
	locals[1] = selector("fd01::/64");
	remotes[1] = selector("10.46.0.1-10.46.0.9");
	policies.local_count = policies.remote_count = 2;
	ck_assert(wishes(1, "10.46.0.0", 28));
	struct cl_route_wish wish;
	ck_assert(!cl_route_wish(&settings, &policies, 2, &wish)); /* other families */
	remotes[1] = selector("0.0.0.0/0");
	ck_assert(wishes(1, "0.0.0.0", 0));
}
END_TEST

START_TEST(what_routes_cannot_express_or_do_wishes_none)
{
	remotes[0] = selector("10.2.0.0/16[tcp/80]");
	ck_assert(wishes_nothing());
	wish_setup();
	policies.mode = IKE_MODE_TRANSPORT;
	ck_assert(wishes_nothing());
	wish_setup();
	policies.without_routes = true;
	ck_assert(wishes_nothing());
	wish_setup();
	policies.if_id_out = 5;
	ck_assert(wishes_nothing());
	settings.install_routes_xfrmi = true;
	ck_assert(wishes(0, "10.2.0.0", 16));
	settings.install_routes = false;
	ck_assert(wishes_nothing());
	wish_setup();
	policies.kind = IKE_POLICY_SHUNT;
	policies.mode = IKE_MODE_DROP;
	ck_assert(wishes_nothing());
}
END_TEST

START_TEST(pass_policies_lead_out_of_the_table)
{
	struct cl_route_wish wish;

	policies.kind = IKE_POLICY_SHUNT;
	policies.mode = IKE_MODE_PASS;
	ck_assert(cl_route_wish(&settings, &policies, 0, &wish));
	ck_assert(wish.pass && !wish.any_source);
	locals[0] = selector("0.0.0.0/0");
	ck_assert(cl_route_wish(&settings, &policies, 0, &wish));
	ck_assert(wish.any_source);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("charon-lite network");
	TCase *changes = tcase_create("changes"), *addresses = tcase_create("addresses");
	TCase *routes = tcase_create("routes");

	tcase_add_checked_fixture(changes, filter_setup, filter_teardown);
	tcase_add_test(changes, routes_that_may_lead_to_a_peer_pass_and_no_others);
	tcase_add_test(changes, addresses_and_links_always_pass);
	tcase_add_test(changes, filter_without_peers_named_lets_pass_all_but_our_own_routes);
	tcase_add_test(changes, filter_of_many_peers_misses_none);
	suite_add_tcase(suite, changes);
	tcase_add_test(addresses, addresses_that_peers_can_reach_are_usable);
	tcase_add_test(addresses, addresses_are_read_from_messages);
	tcase_add_test(addresses, interfaces_are_used_as_the_lists_say);
	tcase_add_test(addresses, loopback_is_local_and_leads_to_itself);
	suite_add_tcase(suite, addresses);
	tcase_add_checked_fixture(routes, wish_setup, NULL);
	tcase_add_test(routes, tunnels_and_traps_wish_a_route_for_each_remote_selector);
	tcase_add_test(routes, what_routes_cannot_express_or_do_wishes_none);
	tcase_add_test(routes, pass_policies_lead_out_of_the_table);
	suite_add_tcase(suite, routes);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
