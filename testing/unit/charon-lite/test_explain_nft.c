/* Rules of nftables that translate sources, made as the kernel has them. */
#include "charon-lite/explain/nft_rules.h"
#include "testing/unit/charon-lite/test_explain.h"

#include <arpa/inet.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <string.h>

static struct cl_nft_rules *nft;
static uint8_t nft_family;     /* of its chains, NFPROTO_ */
static uint16_t family;        /* of the packets */
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

static void nft_lookup_verdict(int code, const char *chain)
{
	rule_begin();
	plain("lookup");
	verdict(code, NULL);
	rule_end(chain);
}

START_TEST(nft_exceptions_in_chains_are_remembered)
{
	/* how it is jumped to, what may happen there, then what does, and whether all come back */
	static const struct {
		bool perhaps;
		int may, does;
		bool sure;
	} chains[] = {
		{ false, NF_ACCEPT, NFT_CONTINUE, false },
		{ true, NF_ACCEPT, NFT_CONTINUE, false },
		{ true, NFT_CONTINUE, NF_ACCEPT, false },
		{ false, NFT_RETURN, NF_ACCEPT, false },
		{ false, NFT_RETURN, NFT_CONTINUE, true },
		{ true, NFT_RETURN, NFT_RETURN, true },
	};
	struct cl_nat_verdict v;

	for (size_t i = 0; i < sizeof(chains) / sizeof(*chains); i++) {
		nft_begin();
		rule_begin();
		if (chains[i].perhaps)
			plain("lookup");
		verdict(NFT_JUMP, "more");
		rule_end("out");
		masquerade_all("out");
		nft_lookup_verdict(chains[i].may, "more");
		rule_begin();
		verdict(chains[i].does, NULL);
		rule_end("more");
		v = nft_judge();
		ck_assert_msg(v.hit && v.sure == chains[i].sure, "chain %zu", i);
	}
	/* a map of verdicts excepts some as well */
	nft_begin();
	rule_begin();
	expression_begin("lookup");
	put_be32(NFTA_LOOKUP_DREG, NFT_REG_VERDICT);
	expression_end();
	rule_end("out");
	masquerade_all("out");
	v = nft_judge();
	ck_assert(v.hit && !v.sure);
	/* a chain that is gone to instead, and does not catch them */
	nft_begin();
	rule_begin();
	plain("lookup");
	verdict(NFT_GOTO, "more");
	rule_end("out");
	masquerade_all("out");
	rule_begin();
	plain("counter");
	rule_end("more");
	v = nft_judge();
	ck_assert(v.hit && !v.sure);
}
END_TEST

START_TEST(nothing_is_sure_with_more_nft_rules_than_are_kept)
{
	struct cl_nat_verdict v;
	unsigned count = 0;

	nft_begin();
	masquerade_all("out");
	rule_begin();
	plain("counter");
	nla_nest_end(message, list);
	while (cl_nft_rules_add(nft, nft_family, "nat", "more", 8,
		nlmsg_find_attr(nlmsg_hdr(message), 0, NFTA_RULE_EXPRESSIONS)))
		ck_assert_uint_lt(count++, 100000);
	nlmsg_free(message);
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

Suite *explain_nft_suite(void)
{
	Suite *suite = suite_create("nft");
	TCase *tests = tcase_create("nft");

	tcase_add_checked_fixture(tests, begin_of_ipv4, NULL);
	tcase_add_test(tests, nft_rules_that_catch_the_tunnels_packets);
	tcase_add_test(tests, nft_rules_that_may_catch_them);
	tcase_add_test(tests, nft_exceptions_in_chains_are_remembered);
	tcase_add_test(tests, nothing_is_sure_with_more_nft_rules_than_are_kept);
	tcase_add_test(tests, nft_rules_that_let_them_alone);
	tcase_add_test(tests, nft_rules_of_ipv6);
	suite_add_tcase(suite, tests);
	return suite;
}
