/* Rules of iptables that translate sources, made as the kernel has them. */
#include "charon-lite/explain/nat_rules.h"
#include "testing/unit/charon-lite/test_explain.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <linux/netfilter/x_tables.h>
#include <linux/netfilter/xt_policy.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <string.h>

static uint8_t table[4096];
static size_t table_length;
static uint16_t family; /* of its rules */

struct rule {
	const char *source, *destination, *out, *target;
	uint8_t source_prefix, destination_prefix, protocol, invert;
	int verdict;       /* of the target "" */
	unsigned policy;   /* -m policy: its flags; 0: without */
	const char *match; /* another */
};

static void put(const void *data, size_t length)
{
	ck_assert_uint_le(table_length + length, sizeof(table));
	memcpy(table + table_length, data, length);
	table_length += length;
}

static void put_ipv4(const struct rule *rule, uint16_t matches, uint16_t target)
{
	struct ipt_entry entry = { 0 };

	entry.target_offset = (uint16_t)(sizeof(entry) + matches);
	entry.next_offset = (uint16_t)(entry.target_offset + target);
	entry.counters.pcnt = 3;
	entry.ip.proto = rule->protocol;
	entry.ip.invflags = rule->invert;
	if (rule->source)
		inet_pton(AF_INET, rule->source, &entry.ip.src);
	if (rule->destination)
		inet_pton(AF_INET, rule->destination, &entry.ip.dst);
	entry.ip.smsk = mask(rule->source_prefix);
	entry.ip.dmsk = mask(rule->destination_prefix);
	if (rule->out) {
		strncpy(entry.ip.outiface, rule->out, sizeof(entry.ip.outiface) - 1);
		memset(entry.ip.outiface_mask, 0xff, strlen(rule->out) + 1);
	}
	put(&entry, sizeof(entry));
}

static void put_ipv6(const struct rule *rule, uint16_t matches, uint16_t target)
{
	struct ip6t_entry entry = { 0 };

	entry.target_offset = (uint16_t)(sizeof(entry) + matches);
	entry.next_offset = (uint16_t)(entry.target_offset + target);
	entry.counters.pcnt = 3;
	entry.ipv6.proto = rule->protocol;
	entry.ipv6.invflags = rule->invert;
	if (rule->source)
		inet_pton(AF_INET6, rule->source, &entry.ipv6.src);
	if (rule->destination)
		inet_pton(AF_INET6, rule->destination, &entry.ipv6.dst);
	entry.ipv6.smsk = mask_ipv6(rule->source_prefix);
	entry.ipv6.dmsk = mask_ipv6(rule->destination_prefix);
	if (rule->out) {
		strncpy(entry.ipv6.outiface, rule->out, sizeof(entry.ipv6.outiface) - 1);
		memset(entry.ipv6.outiface_mask, 0xff, strlen(rule->out) + 1);
	}
	put(&entry, sizeof(entry));
}

/* Returns where it begins. */
static uint32_t add(const struct rule *rule)
{
	struct xt_entry_match match = { 0 };
	struct xt_entry_target target = { 0 };
	/* as iptables writes it: without --pol none there is an element */
	struct xt_policy_info info = { .flags = (uint16_t)rule->policy,
		.len = !(rule->policy & XT_POLICY_MATCH_NONE) };
	uint32_t at = (uint32_t)table_length;
	size_t matches = 0;

	if (rule->policy)
		matches = sizeof(match) + sizeof(info);
	else if (rule->match)
		matches = sizeof(match);
	(family == AF_INET6 ? put_ipv6 : put_ipv4)(
		rule, (uint16_t)matches, (uint16_t)(sizeof(target) + 8));
	if (matches) {
		match.u.match_size = (uint16_t)matches;
		strncpy(match.u.user.name, rule->policy ? "policy" : rule->match,
			sizeof(match.u.user.name) - 1);
		put(&match, sizeof(match));
		if (rule->policy)
			put(&info, sizeof(info));
	}
	target.u.target_size = (uint16_t)(sizeof(target) + 8);
	strncpy(target.u.user.name, rule->target, sizeof(target.u.user.name) - 1);
	put(&target, sizeof(target));
	put(&(int64_t){ rule->verdict }, 8); /* little endian: its lower half */
	return at;
}

static const struct rule masquerade = { .out = "wan", .target = "MASQUERADE" };
static const struct rule accept_all = { .target = "", .verdict = -2 };

static struct cl_nat_verdict judge(uint32_t begin)
{
	const struct cl_nat_packet packet = packet_of(family);
	struct cl_nat_rules *rules = cl_nat_rules_new(family, bytes_of(table, table_length), begin);
	struct cl_nat_verdict verdict;

	cl_nat_rules_judge(rules, &packet, &verdict);
	cl_nat_rules_free(rules);
	table_length = 0;
	return verdict;
}

/* The rules, then the policy of the chain. */
static struct cl_nat_verdict judge_rules(const struct rule *rules, size_t count)
{
	for (size_t i = 0; i < count; i++)
		add(&rules[i]);
	add(&accept_all);
	return judge(0);
}

START_TEST(rules_that_catch_the_tunnels_packets)
{
	const struct rule catching[] = {
		masquerade,
		{ .source = "10.0.0.0", .source_prefix = 8, .target = "SNAT" },
		{ .destination = "192.168.0.0",
			.destination_prefix = 16,
			.invert = IPT_INV_DSTIP,
			.target = "MASQUERADE" },
		{ .match = "comment", .target = "MASQUERADE" },
	};
	struct cl_nat_verdict v;

	for (size_t i = 0; i < sizeof(catching) / sizeof(*catching); i++) {
		v = judge_rules(&catching[i], 1);
		ck_assert_msg(v.hit && v.sure, "rule %zu", i);
		ck_assert_uint_eq(v.packets, 3);
	}
	v = judge_rules(catching, 1);
	ck_assert_str_eq(v.rule, "iptables-legacy -t nat: POSTROUTING -o wan -j MASQUERADE");
}
END_TEST

START_TEST(rules_that_may_catch_them)
{
	const struct rule perhaps[] = {
		{ .protocol = IPPROTO_TCP, .target = "MASQUERADE" },
		{ .source = "10.1.7.0", .source_prefix = 24, .target = "MASQUERADE" },
		{ .match = "set", .target = "MASQUERADE" },
	};
	const struct rule behind_an_exception[] = {
		{ .match = "set", .target = "", .verdict = -2 },
		masquerade,
	};

	for (size_t i = 0; i < sizeof(perhaps) / sizeof(*perhaps); i++) {
		struct cl_nat_verdict v = judge_rules(&perhaps[i], 1);

		ck_assert_msg(v.hit && !v.sure, "rule %zu", i);
	}
	struct cl_nat_verdict v = judge_rules(behind_an_exception, 2);
	ck_assert(v.hit && !v.sure);
}
END_TEST

START_TEST(rules_that_let_them_alone)
{
	const struct rule alone[][2] = {
		{ accept_all, masquerade },
		{ { .policy = XT_POLICY_MATCH_OUT, .target = "", .verdict = -2 }, masquerade },
		{ { .policy = XT_POLICY_MATCH_OUT | XT_POLICY_MATCH_NONE, .target = "MASQUERADE" },
			accept_all },
		{ { .destination = "10.2.0.0",
			  .destination_prefix = 16,
			  .invert = IPT_INV_DSTIP,
			  .target = "MASQUERADE" },
			accept_all },
		{ { .out = "ppp0", .target = "MASQUERADE" }, accept_all },
		{ { .source = "172.16.0.0", .source_prefix = 12, .target = "MASQUERADE" },
			accept_all },
		{ { .target = "LOG" }, accept_all },
	};

	for (size_t i = 0; i < sizeof(alone) / sizeof(*alone); i++)
		ck_assert_msg(!judge_rules(alone[i], 2).hit, "rules %zu", i);
}
END_TEST

START_TEST(chains_are_followed)
{
	struct rule jump = { .target = "" };
	struct cl_nat_verdict v;

	/* a chain that excepts them, and one that does not */
	for (unsigned excepts = 0; excepts < 2; excepts++) {
		const struct rule error = { .target = "ERROR" };
		const struct rule leaves = { .target = "", .verdict = -5 /* XT_RETURN */ };
		uint32_t chain = add(excepts ? &accept_all : &leaves), begin;

		add(&error);
		jump.verdict = (int)chain;
		begin = add(&jump);
		add(&masquerade);
		add(&accept_all);
		v = judge(begin);
		ck_assert(v.hit == !excepts);
	}
	/* one that leads to itself ends all the same */
	jump.verdict = 0;
	add(&(struct rule){ .target = "LOG" });
	add(&jump);
	ck_assert(!judge(0).hit);
}
END_TEST

/* A chain with two rules at most, a jump to it, and a rule that catches all. */
static struct cl_nat_verdict judge_behind_chain(
	const struct rule *chain, size_t count, const char *condition)
{
	struct rule jump = { .target = "", .match = condition };
	uint32_t begin;

	jump.verdict = (int)table_length;
	for (size_t i = 0; i < count; i++)
		add(&chain[i]);
	add(&(struct rule){ .target = "", .verdict = -5 /* XT_RETURN */ });
	add(&(struct rule){ .target = "ERROR" });
	begin = add(&jump);
	add(&masquerade);
	add(&accept_all);
	return judge(begin);
}

START_TEST(exceptions_in_chains_are_remembered)
{
	const struct rule may_accept = { .match = "set", .target = "", .verdict = -2 };
	const struct rule may_return = { .match = "set", .target = "", .verdict = -5 };
	const struct rule returning[] = { may_return, accept_all };
	struct cl_nat_verdict v;

	v = judge_behind_chain(&may_accept, 1, NULL);
	ck_assert(v.hit && !v.sure);
	v = judge_behind_chain(&may_accept, 1, "set");
	ck_assert(v.hit && !v.sure);
	v = judge_behind_chain(&accept_all, 1, "set");
	ck_assert(v.hit && !v.sure);
	v = judge_behind_chain(returning, 2, NULL);
	ck_assert(v.hit && !v.sure);
	/* whoever comes back from it comes here */
	v = judge_behind_chain(&may_return, 1, NULL);
	ck_assert(v.hit && v.sure);
	v = judge_behind_chain(&may_return, 1, "set");
	ck_assert(v.hit && v.sure);
}
END_TEST

START_TEST(rules_of_ipv6)
{
	const struct rule catching[] = {
		masquerade,
		{ .source = "fd00::", .source_prefix = 8, .target = "SNAT" },
		{ .destination = "fd09::",
			.destination_prefix = 64,
			.invert = IP6T_INV_DSTIP,
			.target = "MASQUERADE" },
	};
	const struct rule perhaps[] = {
		{ .source = "fd01::8000:0:0:0", .source_prefix = 65, .target = "MASQUERADE" },
		{ .protocol = IPPROTO_TCP, .target = "MASQUERADE" },
	};
	const struct rule alone[][2] = {
		{ { .policy = XT_POLICY_MATCH_OUT, .target = "", .verdict = -2 }, masquerade },
		{ { .destination = "fd02::",
			  .destination_prefix = 64,
			  .target = "",
			  .verdict = -2 },
			masquerade },
		{ { .source = "fd01:0:0:1::", .source_prefix = 64, .target = "MASQUERADE" },
			accept_all },
		{ { .out = "ppp0", .target = "MASQUERADE" }, accept_all },
	};
	struct cl_nat_verdict v;

	family = AF_INET6;
	for (size_t i = 0; i < sizeof(catching) / sizeof(*catching); i++) {
		v = judge_rules(&catching[i], 1);
		ck_assert_msg(v.hit && v.sure && v.packets == 3, "rule %zu", i);
	}
	ck_assert_str_eq(
		v.rule, "ip6tables-legacy -t nat: POSTROUTING ! -d fd09::/64 -j MASQUERADE");
	for (size_t i = 0; i < sizeof(perhaps) / sizeof(*perhaps); i++) {
		v = judge_rules(&perhaps[i], 1);
		ck_assert_msg(v.hit && !v.sure, "rule %zu", i);
	}
	for (size_t i = 0; i < sizeof(alone) / sizeof(*alone); i++)
		ck_assert_msg(!judge_rules(alone[i], 2).hit, "rules %zu", i);
	memset(table, 0xff, sizeof(table));
	table_length = sizeof(table);
	ck_assert(!judge(0).hit);
	table_length = sizeof(struct ip6t_entry) - 1;
	ck_assert(!judge(0).hit);
}
END_TEST

START_TEST(rubbish_is_no_rule)
{
	memset(table, 0xff, sizeof(table));
	table_length = sizeof(table);
	ck_assert(!judge(0).hit);
	table_length = 10;
	ck_assert(!judge(0).hit);
	table_length = 0;
	ck_assert(!judge(77).hit);
}
END_TEST

static void begin_of_ipv4(void)
{
	family = AF_INET;
}

Suite *explain_nat_suite(void)
{
	Suite *suite = suite_create("nat");
	TCase *tests = tcase_create("nat");

	tcase_add_checked_fixture(tests, begin_of_ipv4, NULL);
	tcase_add_test(tests, rules_that_catch_the_tunnels_packets);
	tcase_add_test(tests, rules_that_may_catch_them);
	tcase_add_test(tests, rules_that_let_them_alone);
	tcase_add_test(tests, chains_are_followed);
	tcase_add_test(tests, exceptions_in_chains_are_remembered);
	tcase_add_test(tests, rules_of_ipv6);
	tcase_add_test(tests, rubbish_is_no_rule);
	suite_add_tcase(suite, tests);
	return suite;
}
