/* Rules that translate sources, made as the kernel has them. */
#include "charon-lite/explain/nat_rules.h"
#include "charon-lite/explain/nft_rules.h"
#include "testing/unit/charon-lite/test_explain.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/x_tables.h>
#include <linux/netfilter/xt_policy.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <string.h>

/* ---- iptables ---- */

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

static struct in_addr mask(uint8_t prefix)
{
	return (struct in_addr){ prefix ? htonl(~0u << (32 - prefix)) : 0 };
}

static struct in6_addr mask_ipv6(uint8_t prefix)
{
	struct in6_addr all = { 0 };

	for (unsigned bit = 0; bit < prefix; bit++)
		all.s6_addr[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	return all;
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

/* From one network to another, out by wan. */
static struct cl_nat_packet packet_of(uint16_t of_family)
{
	bool ipv6 = of_family == AF_INET6;
	uint8_t prefix = ipv6 ? 64 : 16;
	struct cl_nat_packet packet = {
		.source_prefix = prefix, .destination_prefix = prefix, .interface = "wan"
	};

	ck_assert(address_parse(ipv6 ? "fd01::" : "10.1.0.0", &packet.source) &&
		  address_parse(ipv6 ? "fd02::" : "10.2.0.0", &packet.destination));
	return packet;
}

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

/* ---- nftables ---- */

static struct cl_nft_rules *nft;
static uint8_t nft_family;     /* of its chains, NFPROTO_ */
static struct nl_msg *message; /* whose attributes are the rule's expressions */
static struct nlattr *list, *element, *data;

static void put_be32(int type, uint32_t number)
{
	ck_assert_int_eq(nla_put_u32(message, type, htonl(number)), 0);
}

static void rule_begin(void)
{
	message = nlmsg_alloc_simple(0, 0);
	list = nla_nest_start(message, NFTA_RULE_EXPRESSIONS);
}

static void expression_begin(const char *name)
{
	element = nla_nest_start(message, NFTA_LIST_ELEM);
	ck_assert_int_eq(nla_put_string(message, NFTA_EXPR_NAME, name), 0);
	data = nla_nest_start(message, NFTA_EXPR_DATA);
}

static void expression_end(void)
{
	nla_nest_end(message, data);
	nla_nest_end(message, element);
}

static void put_value(int type, const void *value, size_t length)
{
	struct nlattr *nested = nla_nest_start(message, type);

	ck_assert_int_eq(nla_put(message, NFTA_DATA_VALUE, (int)length, value), 0);
	nla_nest_end(message, nested);
}

static void rule_end(const char *chain)
{
	nla_nest_end(message, list);
	ck_assert(cl_nft_rules_add(nft, nft_family, "nat", chain, 7,
		nlmsg_find_attr(nlmsg_hdr(message), 0, NFTA_RULE_EXPRESSIONS)));
	nlmsg_free(message);
}

static void compare(uint32_t how, const void *value, size_t length)
{
	expression_begin("cmp");
	put_be32(NFTA_CMP_SREG, NFT_REG_1);
	put_be32(NFTA_CMP_OP, how);
	put_value(NFTA_CMP_DATA, value, length);
	expression_end();
}

/* oifname how "..." */
static void out_is(uint32_t how, const char *name, size_t length)
{
	expression_begin("meta");
	put_be32(NFTA_META_KEY, NFT_META_OIFNAME);
	put_be32(NFTA_META_DREG, NFT_REG_1);
	expression_end();
	compare(how, name, length);
}

/* ip daddr how NETWORK/24 with three octets loaded, as nft does it, or with a mask. */
static void destination_is(uint32_t how, const char *network, uint8_t prefix)
{
	const struct in_addr bits = mask(prefix);
	struct in_addr address;

	inet_pton(AF_INET, network, &address);
	expression_begin("payload");
	put_be32(NFTA_PAYLOAD_DREG, NFT_REG_1);
	put_be32(NFTA_PAYLOAD_BASE, NFT_PAYLOAD_NETWORK_HEADER);
	put_be32(NFTA_PAYLOAD_OFFSET, 16);
	put_be32(NFTA_PAYLOAD_LEN, prefix % 8 ? 4 : prefix / 8);
	expression_end();
	if (prefix % 8) {
		expression_begin("bitwise");
		put_be32(NFTA_BITWISE_SREG, NFT_REG_1);
		put_be32(NFTA_BITWISE_DREG, NFT_REG_1);
		put_value(NFTA_BITWISE_MASK, &bits, sizeof(bits));
		expression_end();
	}
	compare(how, &address, prefix % 8 ? 4 : prefix / 8);
}

static void destination_ipv6_is(uint32_t how, const char *network, uint8_t prefix)
{
	const struct in6_addr bits = mask_ipv6(prefix);
	struct in6_addr address;
	bool whole = prefix % 8 == 0;

	inet_pton(AF_INET6, network, &address);
	expression_begin("payload");
	put_be32(NFTA_PAYLOAD_DREG, NFT_REG_1);
	put_be32(NFTA_PAYLOAD_BASE, NFT_PAYLOAD_NETWORK_HEADER);
	put_be32(NFTA_PAYLOAD_OFFSET, 24);
	put_be32(NFTA_PAYLOAD_LEN, whole ? prefix / 8 : 16);
	expression_end();
	if (!whole) {
		expression_begin("bitwise");
		put_be32(NFTA_BITWISE_SREG, NFT_REG_1);
		put_be32(NFTA_BITWISE_DREG, NFT_REG_1);
		put_value(NFTA_BITWISE_MASK, &bits, sizeof(bits));
		expression_end();
	}
	compare(how, &address, whole ? prefix / 8 : 16);
}

/* meta nfproto ... */
static void protocol_is(uint8_t protocol)
{
	expression_begin("meta");
	put_be32(NFTA_META_KEY, NFT_META_NFPROTO);
	put_be32(NFTA_META_DREG, NFT_REG_1);
	expression_end();
	compare(NFT_CMP_EQ, &protocol, 1);
}

static void ipsec_is(uint8_t there)
{
	expression_begin("rt");
	put_be32(NFTA_RT_KEY, NFT_RT_XFRM);
	put_be32(NFTA_RT_DREG, NFT_REG_1);
	expression_end();
	compare(NFT_CMP_EQ, &there, 1);
}

static void plain(const char *name)
{
	expression_begin(name);
	expression_end();
}

static void verdict(int code, const char *chain)
{
	struct nlattr *outer, *inner;

	expression_begin("immediate");
	put_be32(NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	outer = nla_nest_start(message, NFTA_IMMEDIATE_DATA);
	inner = nla_nest_start(message, NFTA_DATA_VERDICT);
	put_be32(NFTA_VERDICT_CODE, (uint32_t)code);
	if (chain)
		ck_assert_int_eq(nla_put_string(message, NFTA_VERDICT_CHAIN, chain), 0);
	nla_nest_end(message, inner);
	nla_nest_end(message, outer);
	expression_end();
}

static void masquerade_all(const char *chain)
{
	rule_begin();
	plain("counter");
	plain("masq");
	rule_end(chain);
}

static void nft_begin_of(uint8_t chains)
{
	nft_family = chains;
	nft = cl_nft_rules_new();
	ck_assert_ptr_nonnull(nft);
	ck_assert(cl_nft_rules_add_base(nft, nft_family, "nat", "out"));
}

static void nft_begin(void)
{
	nft_begin_of(NFPROTO_IPV4);
}

static struct cl_nat_verdict nft_judge(void)
{
	const struct cl_nat_packet packet = packet_of(family);
	struct cl_nat_verdict found;

	cl_nft_rules_judge(nft, &packet, &found);
	cl_nft_rules_free(nft);
	return found;
}

START_TEST(nft_rules_that_catch_the_tunnels_packets)
{
	struct cl_nat_verdict v;

	nft_begin();
	rule_begin();
	out_is(NFT_CMP_EQ, "wan", 4);
	plain("masq");
	rule_end("out");
	v = nft_judge();
	ck_assert(v.hit && v.sure);
	ck_assert_str_eq(v.rule, "table ip nat chain out handle 7");

	nft_begin();
	rule_begin();
	out_is(NFT_CMP_EQ, "w", 1); /* "w*" */
	destination_is(NFT_CMP_NEQ, "192.168.0.0", 16);
	plain("masq");
	rule_end("out");
	v = nft_judge();
	ck_assert(v.hit && v.sure);

	/* in a chain that another leads to */
	nft_begin();
	rule_begin();
	verdict(NFT_JUMP, "more");
	rule_end("out");
	masquerade_all("more");
	v = nft_judge();
	ck_assert(v.hit && v.sure);
}
END_TEST

START_TEST(nft_rules_that_may_catch_them)
{
	struct cl_nat_verdict v;

	/* a set, and half of the network */
	for (unsigned i = 0; i < 2; i++) {
		nft_begin();
		rule_begin();
		if (i == 0)
			plain("lookup");
		else
			destination_is(NFT_CMP_EQ, "10.2.128.0", 17);
		plain("masq");
		rule_end("out");
		v = nft_judge();
		ck_assert(v.hit && !v.sure);
	}
	/* behind an exception that is not understood */
	nft_begin();
	rule_begin();
	plain("lookup");
	verdict(NF_ACCEPT, NULL);
	rule_end("out");
	masquerade_all("out");
	v = nft_judge();
	ck_assert(v.hit && !v.sure);
}
END_TEST

START_TEST(nft_rules_that_let_them_alone)
{
	for (unsigned i = 0; i < 6; i++) {
		nft_begin();
		rule_begin();
		switch (i) {
		case 0:
			ipsec_is(1);
			verdict(NF_ACCEPT, NULL);
			break;
		case 1:
			verdict(NFT_RETURN, NULL);
			break;
		case 2:
			destination_is(NFT_CMP_EQ, "10.2.0.0", 16);
			verdict(NF_ACCEPT, NULL);
			break;
		case 3:
			verdict(NFT_JUMP, "more");
			break;
		case 4:
			ipsec_is(0);
			plain("masq");
			rule_end("out");
			rule_begin();
			verdict(NF_ACCEPT, NULL);
			break;
		default:
			out_is(NFT_CMP_NEQ, "wan", 4);
			plain("masq");
			rule_end("out");
			rule_begin();
			verdict(NF_ACCEPT, NULL);
		}
		rule_end("out");
		masquerade_all("out");
		rule_begin();
		verdict(NF_ACCEPT, NULL);
		rule_end("more");
		ck_assert_msg(!nft_judge().hit, "rules %u", i);
	}
	/* chains that lead to each other end all the same */
	nft_begin();
	rule_begin();
	verdict(NFT_JUMP, "out");
	rule_end("out");
	ck_assert(!nft_judge().hit);
	cl_nft_rules_free(NULL);
}
END_TEST

START_TEST(nft_rules_of_ipv6)
{
	struct cl_nat_verdict v;

	family = AF_INET6;
	nft_begin_of(NFPROTO_IPV6);
	rule_begin();
	destination_ipv6_is(NFT_CMP_NEQ, "fd09::", 64);
	plain("masq");
	rule_end("out");
	v = nft_judge();
	ck_assert(v.hit && v.sure);
	ck_assert_str_eq(v.rule, "table ip6 nat chain out handle 7");

	nft_begin_of(NFPROTO_INET);
	rule_begin();
	protocol_is(NFPROTO_IPV6);
	destination_ipv6_is(NFT_CMP_EQ, "fd02::8000:0:0:0", 65);
	plain("masq");
	rule_end("out");
	v = nft_judge();
	ck_assert(v.hit && !v.sure);

	/* excepted, of the other family by rule or by chain */
	for (unsigned i = 0; i < 3; i++) {
		nft_begin_of(i == 2 ? NFPROTO_IPV4 : NFPROTO_INET);
		rule_begin();
		if (i == 0) {
			destination_ipv6_is(NFT_CMP_EQ, "fd02::", 60);
			verdict(NF_ACCEPT, NULL);
		} else if (i == 1) {
			protocol_is(NFPROTO_IPV4);
			plain("masq");
			rule_end("out");
			rule_begin();
			verdict(NF_ACCEPT, NULL);
		} else {
			plain("counter");
		}
		rule_end("out");
		masquerade_all("out");
		ck_assert_msg(!nft_judge().hit, "rules %u", i);
	}
	/* and IPv4's packets are none of IPv6's chains' */
	family = AF_INET;
	nft_begin_of(NFPROTO_IPV6);
	masquerade_all("out");
	ck_assert(!nft_judge().hit);
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
	tcase_add_test(tests, rules_of_ipv6);
	tcase_add_test(tests, rubbish_is_no_rule);
	tcase_add_test(tests, nft_rules_that_catch_the_tunnels_packets);
	tcase_add_test(tests, nft_rules_that_may_catch_them);
	tcase_add_test(tests, nft_rules_that_let_them_alone);
	tcase_add_test(tests, nft_rules_of_ipv6);
	suite_add_tcase(suite, tests);
	return suite;
}
