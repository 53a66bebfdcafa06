#include "charon-lite/explain/nft_rules.h"

#include "charon-lite/explain/nat_rules_priv.h"
#include "charon-lite/explain/nft_rules_priv.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <net/if.h>
#include <stdio.h>

#define STEPS_MAX 16384 /* of one walk */
#define DEPTH_MAX 16

/* What a register was loaded with. */
enum content { UNKNOWN, SOURCE, DESTINATION, OUT_NAME, OUT_INDEX, FAMILY, IPSEC };

struct loaded {
	enum content what;
	uint8_t mask[16]; /* of an address */
};

#define REGISTERS 20

struct walk {
	const struct cl_nft_rules *rules;
	const struct cl_nat_packet *packet;
	struct cl_nat_verdict *verdict;
	struct loaded registers[REGISTERS];
	unsigned steps;
	struct doubts doubts;
};

/* A rule whose expressions are at hand, one after the other. */
struct at {
	const struct rule *rule;
	unsigned depth;
	enum meets m; /* of its conditions so far */
};

/* Four of 16 octets each lie over sixteen of 4. */
static struct loaded *register_of(struct walk *w, uint32_t number)
{
	uint32_t at = number >= NFT_REG32_00 ? number - NFT_REG32_00 : (number - 1) * 4;

	return &w->registers[at < REGISTERS - 1 ? at : REGISTERS - 1];
}

static struct loaded *load(struct walk *w, struct nlattr *into, enum content what)
{
	struct loaded *r = register_of(w, nft_number(into));

	*r = (struct loaded){ .what = what };
	return r;
}

static enum way on_meta(struct walk *w, struct at *at, struct nlattr **a)
{
	uint32_t key = nft_number(a[NFTA_META_KEY]);

	if (a[NFTA_META_DREG])
		load(w, a[NFTA_META_DREG],
			key == NFT_META_OIFNAME   ? OUT_NAME
			: key == NFT_META_OIF     ? OUT_INDEX
			: key == NFT_META_NFPROTO ? FAMILY
						  : UNKNOWN);
	(void)at;
	return ON;
}

/* nft loads no more octets of an address than the prefix has. */
static enum way on_payload(struct walk *w, struct at *at, struct nlattr **a)
{
	uint32_t offset = nft_number(a[NFTA_PAYLOAD_OFFSET]),
		 length = nft_number(a[NFTA_PAYLOAD_LEN]);
	bool ipv6 = w->packet->source.family == AF_INET6;
	uint32_t source = ipv6 ? 8 : 12, size = ipv6 ? 16 : 4;

	(void)at;
	if (!a[NFTA_PAYLOAD_DREG])
		return ON;
	if (nft_number(a[NFTA_PAYLOAD_BASE]) == NFT_PAYLOAD_NETWORK_HEADER && length >= 1 &&
		length <= size && (offset == source || offset == source + size))
		memset(load(w, a[NFTA_PAYLOAD_DREG], offset == source ? SOURCE : DESTINATION)->mask,
			0xff, length);
	else
		load(w, a[NFTA_PAYLOAD_DREG], UNKNOWN);
	return ON;
}

static enum way on_route(struct walk *w, struct at *at, struct nlattr **a)
{
	(void)at;
	load(w, a[NFTA_RT_DREG], nft_number(a[NFTA_RT_KEY]) == NFT_RT_XFRM ? IPSEC : UNKNOWN);
	return ON;
}

static struct bytes value_of(struct nlattr *data)
{
	struct nlattr *nested[NFTA_DATA_MAX + 1];

	if (!data || nla_parse_nested(nested, NFTA_DATA_MAX, data, NULL) < 0 ||
		!nested[NFTA_DATA_VALUE])
		return (struct bytes){ 0 };
	return bytes_of(
		nla_data(nested[NFTA_DATA_VALUE]), (size_t)nla_len(nested[NFTA_DATA_VALUE]));
}

/* Up to four octets, the rest zero. */
static uint32_t word_of(struct bytes value)
{
	uint32_t word = 0;

	memcpy(&word, value.at, value.length < sizeof(word) ? value.length : sizeof(word));
	return word;
}

static enum way on_bitwise(struct walk *w, struct at *at, struct nlattr **a)
{
	struct loaded from = *register_of(w, nft_number(a[NFTA_BITWISE_SREG]));
	struct bytes mask = value_of(a[NFTA_BITWISE_MASK]);
	struct loaded *to;

	(void)at;
	if ((from.what != SOURCE && from.what != DESTINATION) || mask.length < 1) {
		load(w, a[NFTA_BITWISE_DREG], UNKNOWN);
		return ON;
	}
	to = load(w, a[NFTA_BITWISE_DREG], from.what);
	for (size_t i = 0; i < sizeof(to->mask) && i < mask.length; i++)
		to->mask[i] = from.mask[i] & mask.at[i];
	return ON;
}

/* A name without its zero stands for all that begin so ("ppp*"). */
static enum meets name_meets(const char *interface, struct bytes value)
{
	char name[IFNAMSIZ] = "";

	snprintf(name, sizeof(name), "%s", interface);
	return value.length <= sizeof(name) && memcmp(name, value.at, value.length) == 0 ? YES : NO;
}

static uint8_t protocol_of(const struct cl_nat_packet *packet)
{
	return packet->source.family == AF_INET6 ? NFPROTO_IPV6 : NFPROTO_IPV4;
}

static enum meets compared(struct walk *w, struct nlattr **a)
{
	const struct loaded *left = register_of(w, nft_number(a[NFTA_CMP_SREG]));
	const struct cl_nat_packet *p = w->packet;
	struct bytes right = value_of(a[NFTA_CMP_DATA]);
	uint32_t how = nft_number(a[NFTA_CMP_OP]);
	bool invert = how == NFT_CMP_NEQ;
	struct cl_nat_network network = { 0 };

	if ((how != NFT_CMP_EQ && !invert) || right.length == 0)
		return MAYBE;
	memcpy(network.mask, left->mask, sizeof(network.mask));
	memcpy(network.address, right.at,
		right.length < sizeof(network.address) ? right.length : sizeof(network.address));
	switch (left->what) {
	case SOURCE:
		return cl_nat_network_meets(&p->source, p->source_prefix, &network, invert);
	case DESTINATION:
		return cl_nat_network_meets(
			&p->destination, p->destination_prefix, &network, invert);
	case OUT_NAME:
		return meets_inverted(name_meets(p->interface, right), invert);
	case OUT_INDEX:
		return meets_inverted(
			word_of(right) == if_nametoindex(p->interface) ? YES : NO, invert);
	case FAMILY:
		return meets_inverted(right.at[0] == protocol_of(p) ? YES : NO, invert);
	case IPSEC:
		return meets_inverted(right.at[0] != 0 ? YES : NO, invert);
	default:
		return MAYBE;
	}
}

static enum way on_compare(struct walk *w, struct at *at, struct nlattr **a)
{
	at->m = meets_both(at->m, compared(w, a));
	return ON;
}

static enum meets matched(struct nlattr **a)
{
	if (strcmp(nft_text(a[NFTA_MATCH_NAME]), "comment") == 0)
		return YES;
	if (strcmp(nft_text(a[NFTA_MATCH_NAME]), "policy") != 0 || !a[NFTA_MATCH_INFO])
		return MAYBE;
	return cl_nat_policy_meets(
		bytes_of(nla_data(a[NFTA_MATCH_INFO]), (size_t)nla_len(a[NFTA_MATCH_INFO])));
}

static enum way on_match(struct walk *w, struct at *at, struct nlattr **a)
{
	(void)w;
	at->m = meets_both(at->m, matched(a));
	return ON;
}

/* In a set, or not; with a map of verdicts each packet goes where its element says. */
static enum way on_lookup(struct walk *w, struct at *at, struct nlattr **a)
{
	if (a[NFTA_LOOKUP_DREG] && nft_number(a[NFTA_LOOKUP_DREG]) == NFT_REG_VERDICT) {
		(void)doubts_way(&w->doubts, MAYBE, OUT);
		(void)doubts_way(&w->doubts, MAYBE, BACK);
	}
	at->m = meets_both(at->m, MAYBE);
	return ON;
}

/* ---- What rules do ---- */

static enum way on_translation(struct walk *w, struct at *at, struct nlattr **a)
{
	struct cl_nat_verdict *v = w->verdict;
	const struct chain *chain = &at->rule->chain;

	(void)a;
	if (!v->hit) {
		v->hit = true;
		v->sure = at->m == YES && !doubts_any(&w->doubts);
		snprintf(v->rule, sizeof(v->rule), "table %s %s chain %s handle %llu",
			chain->family == NFPROTO_INET   ? "inet"
			: chain->family == NFPROTO_IPV6 ? "ip6"
							: "ip",
			chain->table, chain->name, (unsigned long long)at->rule->handle);
	}
	return doubts_way(&w->doubts, at->m, OUT);
}

static enum way on_nat(struct walk *w, struct at *at, struct nlattr **a)
{
	if (nft_number(a[NFTA_NAT_TYPE]) == NFT_NAT_SNAT)
		return on_translation(w, at, a);
	at->m = MAYBE;
	return ON;
}

static enum way on_target(struct walk *w, struct at *at, struct nlattr **a)
{
	return cl_nat_target_translates(nft_text(a[NFTA_TARGET_NAME])) ? on_translation(w, at, a)
								       : ON;
}

static enum way walk_chain(struct walk *w, const struct chain *chain, unsigned depth);

static enum way walk_into(struct walk *w, const struct at *at, const char *name)
{
	const struct chain *from = &at->rule->chain;
	const struct chain next = cl_nft_chain(from->family, from->table, name);
	const struct doubts before = doubts_enter(&w->doubts, at->m);

	return doubts_leave(&w->doubts, &before, walk_chain(w, &next, at->depth + 1));
}

static enum way on_immediate(struct walk *w, struct at *at, struct nlattr **a)
{
	struct nlattr *data[NFTA_DATA_MAX + 1], *verdict[NFTA_VERDICT_MAX + 1];
	enum way way = OUT;

	if (nft_number(a[NFTA_IMMEDIATE_DREG]) != NFT_REG_VERDICT || !a[NFTA_IMMEDIATE_DATA] ||
		nla_parse_nested(data, NFTA_DATA_MAX, a[NFTA_IMMEDIATE_DATA], NULL) < 0 ||
		!data[NFTA_DATA_VERDICT] ||
		nla_parse_nested(verdict, NFTA_VERDICT_MAX, data[NFTA_DATA_VERDICT], NULL) < 0)
		return ON;
	switch ((int32_t)nft_number(verdict[NFTA_VERDICT_CODE])) {
	case NFT_CONTINUE:
		return ON;
	case NFT_JUMP:
		way = walk_into(w, at, nft_text(verdict[NFTA_VERDICT_CHAIN]));
		if (way == BACK)
			return ON;
		break;
	case NFT_GOTO:
		way = walk_into(w, at, nft_text(verdict[NFTA_VERDICT_CHAIN]));
		break;
	case NFT_RETURN:
		way = BACK;
		break;
	default: /* accepted, or dropped */
		break;
	}
	return doubts_way(&w->doubts, at->m, way);
}

static enum way on_nothing(struct walk *w, struct at *at, struct nlattr **a)
{
	(void)w;
	(void)at;
	(void)a;
	return ON;
}

/* Whatever may be a condition. */
static enum way on_unknown(struct walk *w, struct at *at, struct nlattr **a)
{
	(void)w;
	(void)a;
	at->m = meets_both(at->m, MAYBE);
	return ON;
}

static const struct expression {
	const char *name;
	enum way (*on)(struct walk *w, struct at *at, struct nlattr **a);
} expressions[] = {
	{ "meta", on_meta },
	{ "payload", on_payload },
	{ "rt", on_route },
	{ "bitwise", on_bitwise },
	{ "cmp", on_compare },
	{ "match", on_match },
	{ "lookup", on_lookup },
	{ "immediate", on_immediate },
	{ "masq", on_translation },
	{ "nat", on_nat },
	{ "target", on_target },
	{ "counter", on_nothing },
	{ "log", on_nothing },
};

/* An expression's own attributes. */
#define ATTRIBUTES_MAX 16

/* Where its packets go from there; at->m NO: on to the next rule. */
static enum way walk_expression(struct walk *w, struct at *at, struct nlattr *element)
{
	struct nlattr *expression[NFTA_EXPR_MAX + 1], *a[ATTRIBUTES_MAX + 1] = { NULL };
	const char *name;

	if (nla_parse_nested(expression, NFTA_EXPR_MAX, element, NULL) < 0 ||
		(expression[NFTA_EXPR_DATA] && nla_parse_nested(a, ATTRIBUTES_MAX,
						       expression[NFTA_EXPR_DATA], NULL) < 0)) {
		at->m = NO;
		return ON;
	}
	name = nft_text(expression[NFTA_EXPR_NAME]);
	for (size_t i = 0; i < sizeof(expressions) / sizeof(*expressions); i++)
		if (strcmp(name, expressions[i].name) == 0)
			return expressions[i].on(w, at, a);
	return on_unknown(w, at, a);
}

static enum way walk_rule(struct walk *w, const struct rule *rule, unsigned depth)
{
	struct at at = { .rule = rule, .depth = depth, .m = YES };
	struct nlattr *element;
	int left;

	memset(w->registers, 0, sizeof(w->registers));
	nla_for_each_nested(element, rule->expressions, left)
	{
		enum way way = walk_expression(w, &at, element);

		if (way != ON || at.m == NO)
			return way;
	}
	return ON;
}

static enum way walk_chain(struct walk *w, const struct chain *chain, unsigned depth)
{
	if (depth == DEPTH_MAX) {
		w->doubts.left = true;
		return BACK;
	}
	for (size_t i = 0; i < w->rules->rule_count; i++) {
		const struct rule *rule = &w->rules->rules[i];
		enum way way;

		if (rule->chain.family != chain->family ||
			strcmp(rule->chain.name, chain->name) != 0 ||
			strcmp(rule->chain.table, chain->table) != 0)
			continue;
		if (w->steps++ > STEPS_MAX)
			return OUT;
		if ((way = walk_rule(w, rule, depth)) != ON)
			return way;
	}
	return BACK;
}

void cl_nft_rules_judge(const struct cl_nft_rules *r, const struct cl_nat_packet *packet,
	struct cl_nat_verdict *ret)
{
	*ret = (struct cl_nat_verdict){ 0 };
	for (size_t i = 0; i < r->base_count && !ret->hit; i++) {
		/* what was not read may have let them pass */
		struct walk w = {
			.rules = r, .packet = packet, .verdict = ret, .doubts.left = r->incomplete
		};

		if (r->bases[i].family == NFPROTO_INET || r->bases[i].family == protocol_of(packet))
			(void)walk_chain(&w, &r->bases[i], 0);
	}
}
