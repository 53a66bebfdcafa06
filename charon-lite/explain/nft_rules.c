#include "charon-lite/explain/nft_rules.h"

#include "charon-lite/explain/nat_rules_priv.h"
#include "charon-lite/rtnetlink.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>
#include <net/if.h>
#include <netlink/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHAINS_MAX 16   /* base chains */
#define RULES_MAX 4096  /* of their tables: what is beyond is not looked at */
#define STEPS_MAX 16384 /* of one walk */
#define DEPTH_MAX 16
#define NAME_MAX_LENGTH 96

struct chain {
	uint8_t family;
	char table[NAME_MAX_LENGTH], name[NAME_MAX_LENGTH];
};

struct rule {
	struct chain chain;
	uint64_t handle;
	struct nlattr *expressions; /* owned */
};

struct cl_nft_rules {
	struct chain bases[CHAINS_MAX];
	size_t base_count;
	struct rule *rules; /* in the order of their chains */
	size_t rule_count;
};

/* ---- What was read ---- */

struct cl_nft_rules *cl_nft_rules_new(void)
{
	return calloc(1, sizeof(struct cl_nft_rules));
}

void cl_nft_rules_free(struct cl_nft_rules *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->rule_count; i++)
		free(r->rules[i].expressions);
	free(r->rules);
	free(r);
}

static struct chain chain_of(uint8_t family, const char *table, const char *name)
{
	struct chain c = { .family = family };

	snprintf(c.table, sizeof(c.table), "%s", table);
	snprintf(c.name, sizeof(c.name), "%s", name);
	return c;
}

bool cl_nft_rules_add_base(
	struct cl_nft_rules *r, uint8_t family, const char *table, const char *chain)
{
	if (r->base_count == CHAINS_MAX)
		return false;
	r->bases[r->base_count++] = chain_of(family, table, chain);
	return true;
}

bool cl_nft_rules_add(struct cl_nft_rules *r, uint8_t family, const char *table, const char *chain,
	uint64_t handle, struct nlattr *expressions)
{
	size_t length = (size_t)nla_total_size(nla_len(expressions));
	struct nlattr *copy;

	if (r->rule_count == RULES_MAX ||
		(!r->rules && !(r->rules = calloc(RULES_MAX, sizeof(*r->rules)))) ||
		!(copy = malloc(length)))
		return false;
	memcpy(copy, expressions, (size_t)nla_len(expressions) + NLA_HDRLEN);
	r->rules[r->rule_count++] = (struct rule){
		.chain = chain_of(family, table, chain),
		.handle = handle,
		.expressions = copy,
	};
	return true;
}

/* ---- Reading ---- */

static const char *text_of(struct nlattr *attribute)
{
	return attribute && nla_len(attribute) > 0 &&
			       memchr(nla_data(attribute), '\0', (size_t)nla_len(attribute))
		       ? nla_get_string(attribute)
		       : "";
}

static uint32_t number_of(struct nlattr *attribute)
{
	return attribute && nla_len(attribute) >= 4 ? ntohl(nla_get_u32(attribute)) : 0;
}

static bool parse(struct nlmsghdr *message, struct nlattr **attributes, int max)
{
	return nlmsg_parse(message, sizeof(struct nfgenmsg), attributes, max, NULL) >= 0;
}

static uint8_t family_of(struct nlmsghdr *message)
{
	return ((const struct nfgenmsg *)nlmsg_data(message))->nfgen_family;
}

static void chain_take(void *context, struct nlmsghdr *message)
{
	struct nlattr *chain[NFTA_CHAIN_MAX + 1], *hook[NFTA_HOOK_MAX + 1];
	uint8_t family;

	if (!parse(message, chain, NFTA_CHAIN_MAX) || !chain[NFTA_CHAIN_HOOK] ||
		nla_parse_nested(hook, NFTA_HOOK_MAX, chain[NFTA_CHAIN_HOOK], NULL) < 0)
		return;
	family = family_of(message);
	if ((family != NFPROTO_IPV4 && family != NFPROTO_IPV6 && family != NFPROTO_INET) ||
		number_of(hook[NFTA_HOOK_HOOKNUM]) != NF_INET_POST_ROUTING ||
		strcmp(text_of(chain[NFTA_CHAIN_TYPE]), "nat") != 0)
		return;
	(void)!cl_nft_rules_add_base(
		context, family, text_of(chain[NFTA_CHAIN_TABLE]), text_of(chain[NFTA_CHAIN_NAME]));
}

static void rule_take(void *context, struct nlmsghdr *message)
{
	struct cl_nft_rules *r = context;
	struct nlattr *rule[NFTA_RULE_MAX + 1];
	uint64_t handle = 0;

	if (!parse(message, rule, NFTA_RULE_MAX) || !rule[NFTA_RULE_EXPRESSIONS])
		return;
	if (rule[NFTA_RULE_HANDLE])
		handle = (uint64_t)number_of(rule[NFTA_RULE_HANDLE]) << 32 |
			 ntohl(((const uint32_t *)nla_data(rule[NFTA_RULE_HANDLE]))[1]);
	for (size_t i = 0; i < r->base_count; i++) {
		if (r->bases[i].family != family_of(message) ||
			strcmp(r->bases[i].table, text_of(rule[NFTA_RULE_TABLE])) != 0)
			continue;
		(void)!cl_nft_rules_add(r, r->bases[i].family, r->bases[i].table,
			text_of(rule[NFTA_RULE_CHAIN]), handle, rule[NFTA_RULE_EXPRESSIONS]);
		return;
	}
}

static int dump(struct nl_sock *sock, int type, cl_rtnetlink_answer *take, void *context)
{
	const struct nfgenmsg fixed = { .nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0 };

	return cl_rtnetlink_ask(sock,
		cl_rtnetlink_request(
			NFNL_SUBSYS_NFTABLES << 8 | type, NLM_F_DUMP, &fixed, sizeof(fixed)),
		take, context);
}

/* Of what is built in, only /sys tells, and of a root without /sys, only /proc/modules. */
static bool kernel_has_nftables(void)
{
	char line[256];
	bool has = access("/sys/module/nf_tables", F_OK) == 0;
	FILE *file = has ? NULL : fopen("/proc/modules", "re");

	while (file && !has && fgets(line, sizeof(line), file))
		has = strncmp(line, "nf_tables ", sizeof("nf_tables ") - 1) == 0;
	if (file)
		fclose(file);
	return has;
}

/* Asking a kernel without nf_tables would load it. */
struct cl_nft_rules *cl_nft_rules_read(void)
{
	struct cl_nft_rules *r = NULL;
	struct nl_sock *sock;

	if (!kernel_has_nftables() || !(sock = nl_socket_alloc()))
		return NULL;
	nl_socket_disable_auto_ack(sock);
	if (nl_connect(sock, NETLINK_NETFILTER) == 0 && (r = cl_nft_rules_new()) &&
		(dump(sock, NFT_MSG_GETCHAIN, chain_take, r) != 0 || r->base_count == 0 ||
			dump(sock, NFT_MSG_GETRULE, rule_take, r) != 0)) {
		cl_nft_rules_free(r);
		r = NULL;
	}
	nl_socket_free(sock);
	return r;
}

/* ---- Judging ---- */

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
	bool unsure; /* something before may have let them pass */
};

/* Four of 16 octets each lie over sixteen of 4. */
static struct loaded *register_of(struct walk *w, uint32_t number)
{
	uint32_t at = number >= NFT_REG32_00 ? number - NFT_REG32_00 : (number - 1) * 4;

	return &w->registers[at < REGISTERS - 1 ? at : REGISTERS - 1];
}

static struct loaded *load(struct walk *w, struct nlattr *into, enum content what)
{
	struct loaded *r = register_of(w, number_of(into));

	*r = (struct loaded){ .what = what };
	return r;
}

static void on_meta(struct walk *w, struct nlattr **a)
{
	uint32_t key = number_of(a[NFTA_META_KEY]);

	if (a[NFTA_META_DREG])
		load(w, a[NFTA_META_DREG],
			key == NFT_META_OIFNAME   ? OUT_NAME
			: key == NFT_META_OIF     ? OUT_INDEX
			: key == NFT_META_NFPROTO ? FAMILY
						  : UNKNOWN);
}

/* nft loads no more octets of an address than the prefix has. */
static void on_payload(struct walk *w, struct nlattr **a)
{
	uint32_t offset = number_of(a[NFTA_PAYLOAD_OFFSET]),
		 length = number_of(a[NFTA_PAYLOAD_LEN]);
	bool ipv6 = w->packet->source.family == AF_INET6;
	uint32_t source = ipv6 ? 8 : 12, size = ipv6 ? 16 : 4;

	if (!a[NFTA_PAYLOAD_DREG])
		return;
	if (number_of(a[NFTA_PAYLOAD_BASE]) == NFT_PAYLOAD_NETWORK_HEADER && length >= 1 &&
		length <= size && (offset == source || offset == source + size))
		memset(load(w, a[NFTA_PAYLOAD_DREG], offset == source ? SOURCE : DESTINATION)->mask,
			0xff, length);
	else
		load(w, a[NFTA_PAYLOAD_DREG], UNKNOWN);
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

static void on_bitwise(struct walk *w, struct nlattr **a)
{
	struct loaded from = *register_of(w, number_of(a[NFTA_BITWISE_SREG]));
	struct bytes mask = value_of(a[NFTA_BITWISE_MASK]);

	struct loaded *to;

	if ((from.what != SOURCE && from.what != DESTINATION) || mask.length < 1) {
		load(w, a[NFTA_BITWISE_DREG], UNKNOWN);
		return;
	}
	to = load(w, a[NFTA_BITWISE_DREG], from.what);
	for (size_t i = 0; i < sizeof(to->mask) && i < mask.length; i++)
		to->mask[i] = from.mask[i] & mask.at[i];
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

static enum meets on_compare(struct walk *w, struct nlattr **a)
{
	const struct loaded *left = register_of(w, number_of(a[NFTA_CMP_SREG]));
	const struct cl_nat_packet *p = w->packet;
	struct bytes right = value_of(a[NFTA_CMP_DATA]);
	uint32_t how = number_of(a[NFTA_CMP_OP]);
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

static enum meets on_match(struct nlattr **a)
{
	if (strcmp(text_of(a[NFTA_MATCH_NAME]), "comment") == 0)
		return YES;
	if (strcmp(text_of(a[NFTA_MATCH_NAME]), "policy") != 0 || !a[NFTA_MATCH_INFO])
		return MAYBE;
	return cl_nat_policy_meets(
		bytes_of(nla_data(a[NFTA_MATCH_INFO]), (size_t)nla_len(a[NFTA_MATCH_INFO])));
}

static void caught(struct walk *w, const struct rule *rule, enum meets m)
{
	struct cl_nat_verdict *v = w->verdict;

	if (v->hit)
		return;
	v->hit = true;
	v->sure = m == YES && !w->unsure;
	snprintf(v->rule, sizeof(v->rule), "table %s %s chain %s handle %llu",
		rule->chain.family == NFPROTO_INET   ? "inet"
		: rule->chain.family == NFPROTO_IPV6 ? "ip6"
						     : "ip",
		rule->chain.table, rule->chain.name, (unsigned long long)rule->handle);
}

/* Where packets go from here. */
enum way { ON, BACK, OUT };

static enum way walk_chain(struct walk *w, const struct chain *chain, unsigned depth);

static enum way on_verdict(
	struct walk *w, const struct rule *rule, struct nlattr **a, enum meets m, unsigned depth)
{
	struct nlattr *data[NFTA_DATA_MAX + 1], *verdict[NFTA_VERDICT_MAX + 1];
	struct chain next;
	enum way way;

	if (number_of(a[NFTA_IMMEDIATE_DREG]) != NFT_REG_VERDICT || !a[NFTA_IMMEDIATE_DATA] ||
		nla_parse_nested(data, NFTA_DATA_MAX, a[NFTA_IMMEDIATE_DATA], NULL) < 0 ||
		!data[NFTA_DATA_VERDICT] ||
		nla_parse_nested(verdict, NFTA_VERDICT_MAX, data[NFTA_DATA_VERDICT], NULL) < 0)
		return ON;
	switch ((int32_t)number_of(verdict[NFTA_VERDICT_CODE])) {
	case NFT_JUMP:
	case NFT_GOTO:
		break;
	case NFT_RETURN:
		way = BACK;
		goto end;
	case NFT_CONTINUE:
		return ON;
	default:
		way = OUT;
		goto end;
	}
	next = chain_of(
		rule->chain.family, rule->chain.table, text_of(verdict[NFTA_VERDICT_CHAIN]));
	bool before = w->unsure;
	w->unsure = before || m == MAYBE;
	way = walk_chain(w, &next, depth + 1);
	w->unsure = before;
	if (way != OUT && (int32_t)number_of(verdict[NFTA_VERDICT_CODE]) == NFT_JUMP)
		return ON;
	if (way != OUT)
		way = BACK;
end:
	if (m == YES)
		return way;
	w->unsure = true;
	return ON;
}

/* An expression's own attributes. */
#define ATTRIBUTES_MAX 16

static enum way walk_rule(struct walk *w, const struct rule *rule, unsigned depth)
{
	enum meets m = YES;
	struct nlattr *element;
	int left;

	memset(w->registers, 0, sizeof(w->registers));
	nla_for_each_nested(element, rule->expressions, left)
	{
		struct nlattr *expression[NFTA_EXPR_MAX + 1], *a[ATTRIBUTES_MAX + 1] = { NULL };
		const char *name;

		if (nla_parse_nested(expression, NFTA_EXPR_MAX, element, NULL) < 0)
			return ON;
		name = text_of(expression[NFTA_EXPR_NAME]);
		if (expression[NFTA_EXPR_DATA] &&
			nla_parse_nested(a, ATTRIBUTES_MAX, expression[NFTA_EXPR_DATA], NULL) < 0)
			return ON;
		if (strcmp(name, "meta") == 0)
			on_meta(w, a);
		else if (strcmp(name, "payload") == 0)
			on_payload(w, a);
		else if (strcmp(name, "rt") == 0)
			load(w, a[NFTA_RT_DREG],
				number_of(a[NFTA_RT_KEY]) == NFT_RT_XFRM ? IPSEC : UNKNOWN);
		else if (strcmp(name, "bitwise") == 0)
			on_bitwise(w, a);
		else if (strcmp(name, "cmp") == 0)
			m = meets_both(m, on_compare(w, a));
		else if (strcmp(name, "match") == 0)
			m = meets_both(m, on_match(a));
		else if (strcmp(name, "immediate") == 0) {
			enum way way = m == NO ? ON : on_verdict(w, rule, a, m, depth);

			if (way != ON)
				return way;
		} else if (strcmp(name, "masq") == 0 ||
			   (strcmp(name, "nat") == 0 &&
				   number_of(a[NFTA_NAT_TYPE]) == NFT_NAT_SNAT) ||
			   (strcmp(name, "target") == 0 &&
				   cl_nat_target_translates(text_of(a[NFTA_TARGET_NAME])))) {
			if (m != NO)
				caught(w, rule, m);
			if (m == YES)
				return OUT;
		} else if (strcmp(name, "counter") != 0 && strcmp(name, "log") != 0 &&
			   strcmp(name, "target") != 0)
			m = meets_both(m, MAYBE);
		if (m == NO)
			return ON;
	}
	return ON;
}

static enum way walk_chain(struct walk *w, const struct chain *chain, unsigned depth)
{
	for (size_t i = 0; i < w->rules->rule_count && depth < DEPTH_MAX; i++) {
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
		struct walk w = { .rules = r, .packet = packet, .verdict = ret };

		if (r->bases[i].family == NFPROTO_INET || r->bases[i].family == protocol_of(packet))
			(void)walk_chain(&w, &r->bases[i], 0);
	}
}
