#include "charon-lite/explain/nft_rules.h"

#include "charon-lite/explain/nft_rules_priv.h"
#include "charon-lite/rtnetlink.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>
#include <netlink/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Of the tables that have such chains: what is beyond is not looked at. */
#define RULES_MAX 4096

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

struct chain cl_nft_chain(uint8_t family, const char *table, const char *name)
{
	struct chain c = { .family = family };

	snprintf(c.table, sizeof(c.table), "%s", table);
	snprintf(c.name, sizeof(c.name), "%s", name);
	return c;
}

bool cl_nft_rules_add_base(
	struct cl_nft_rules *r, uint8_t family, const char *table, const char *chain)
{
	if (r->base_count == CL_NFT_BASES_MAX) {
		r->incomplete = true;
		return false;
	}
	r->bases[r->base_count++] = cl_nft_chain(family, table, chain);
	return true;
}

bool cl_nft_rules_add(struct cl_nft_rules *r, uint8_t family, const char *table, const char *chain,
	uint64_t handle, struct nlattr *expressions)
{
	size_t length = (size_t)nla_total_size(nla_len(expressions));
	struct nlattr *copy;

	if (r->rule_count == RULES_MAX ||
		(!r->rules && !(r->rules = calloc(RULES_MAX, sizeof(*r->rules)))) ||
		!(copy = malloc(length))) {
		r->incomplete = true;
		return false;
	}
	memcpy(copy, expressions, (size_t)nla_len(expressions) + NLA_HDRLEN);
	r->rules[r->rule_count++] = (struct rule){
		.chain = cl_nft_chain(family, table, chain),
		.handle = handle,
		.expressions = copy,
	};
	return true;
}

/* ---- Reading ---- */

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
		nft_number(hook[NFTA_HOOK_HOOKNUM]) != NF_INET_POST_ROUTING ||
		strcmp(nft_text(chain[NFTA_CHAIN_TYPE]), "nat") != 0)
		return;
	(void)!cl_nft_rules_add_base(context, family, nft_text(chain[NFTA_CHAIN_TABLE]),
		nft_text(chain[NFTA_CHAIN_NAME]));
}

struct table_reading {
	struct cl_nft_rules *rules;
	const struct chain *base; /* whose table it is */
};

static void rule_take(void *context, struct nlmsghdr *message)
{
	const struct table_reading *reading = context;
	const struct chain *base = reading->base;
	struct nlattr *rule[NFTA_RULE_MAX + 1];
	uint32_t handle[2] = { 0 };

	/* a kernel that passes over the question's table tells of all */
	if (!parse(message, rule, NFTA_RULE_MAX) || !rule[NFTA_RULE_EXPRESSIONS] ||
		base->family != family_of(message) ||
		strcmp(base->table, nft_text(rule[NFTA_RULE_TABLE])) != 0)
		return;
	if (rule[NFTA_RULE_HANDLE] && nla_len(rule[NFTA_RULE_HANDLE]) == sizeof(handle))
		memcpy(handle, nla_data(rule[NFTA_RULE_HANDLE]), sizeof(handle));
	(void)!cl_nft_rules_add(reading->rules, base->family, base->table,
		nft_text(rule[NFTA_RULE_CHAIN]),
		(uint64_t)ntohl(handle[0]) << 32 | ntohl(handle[1]), rule[NFTA_RULE_EXPRESSIONS]);
}

static struct nl_msg *dump_of(int type, uint8_t family)
{
	const struct nfgenmsg fixed = { .nfgen_family = family, .version = NFNETLINK_V0 };

	return cl_rtnetlink_request(
		NFNL_SUBSYS_NFTABLES << 8 | type, NLM_F_DUMP, &fixed, sizeof(fixed));
}

static bool is_read(const struct cl_nft_rules *r, size_t base)
{
	for (size_t i = 0; i < base; i++)
		if (r->bases[i].family == r->bases[base].family &&
			strcmp(r->bases[i].table, r->bases[base].table) == 0)
			return true;
	return false;
}

/* A firewall may have 100,000 rules in other tables. */
static void read_tables(struct nl_sock *sock, struct cl_nft_rules *r)
{
	for (size_t i = 0; i < r->base_count; i++) {
		struct table_reading reading = { r, &r->bases[i] };
		struct nl_msg *request;

		if (is_read(r, i))
			continue;
		request = dump_of(NFT_MSG_GETRULE, r->bases[i].family);
		if (request && nla_put_string(request, NFTA_RULE_TABLE, r->bases[i].table) < 0) {
			nlmsg_free(request);
			request = NULL;
		}
		if (cl_rtnetlink_ask(sock, request, rule_take, &reading) != 0)
			r->incomplete = true;
	}
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
		(cl_rtnetlink_ask(sock, dump_of(NFT_MSG_GETCHAIN, AF_UNSPEC), chain_take, r) != 0 ||
			r->base_count == 0)) {
		cl_nft_rules_free(r);
		r = NULL;
	}
	if (r)
		read_tables(sock, r);
	nl_socket_free(sock);
	return r;
}
