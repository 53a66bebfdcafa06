#include "charon-lite/rules.h"

#include "charon-lite/rtnetlink.h"

#include <errno.h>
#include <linux/fib_rules.h>

static struct nl_msg *rule_message(int type, int flags, const struct cl_rule *rule)
{
	const struct fib_rule_hdr fixed = {
		.family = rule->family,
		.action = rule->action,
		.table = rule->table < 256 ? (uint8_t)rule->table : RT_TABLE_UNSPEC,
	};
	struct nl_msg *request =
		cl_rtnetlink_request(type, NLM_F_ACK | flags, &fixed, sizeof(fixed));

	if (!request)
		return NULL;
	if (nla_put_u32(request, FRA_PRIORITY, rule->priority) == 0 &&
		nla_put_u8(request, FRA_PROTOCOL, CL_RULE_PROTOCOL) == 0 &&
		(rule->table == 0 || nla_put_u32(request, FRA_TABLE, rule->table) == 0) &&
		(rule->target == 0 || nla_put_u32(request, FRA_GOTO, rule->target) == 0) &&
		(rule->mark == 0 || (nla_put_u32(request, FRA_FWMARK, rule->mark) == 0 &&
					    nla_put_u32(request, FRA_FWMASK, UINT32_MAX) == 0)))
		return request;
	nlmsg_free(request);
	return NULL;
}

int cl_rule_add(struct nl_sock *sock, const struct cl_rule *rule)
{
	return cl_rtnetlink_ask(
		sock, rule_message(RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, rule), NULL, NULL);
}

int cl_rule_delete(struct nl_sock *sock, const struct cl_rule *rule)
{
	return cl_rtnetlink_ask(sock, rule_message(RTM_DELRULE, 0, rule), NULL, NULL);
}

struct listing {
	void (*visit)(void *context, const struct cl_rule *rule);
	void *context;
};

static uint32_t number(struct nlattr *attribute, uint32_t otherwise)
{
	return attribute ? nla_get_u32(attribute) : otherwise;
}

static void take_rule(void *context, struct nlmsghdr *message)
{
	static const struct nla_policy policy[FRA_MAX + 1] = {
		[FRA_PRIORITY] = { .type = NLA_U32 },
		[FRA_TABLE] = { .type = NLA_U32 },
		[FRA_GOTO] = { .type = NLA_U32 },
		[FRA_FWMARK] = { .type = NLA_U32 },
		[FRA_FWMASK] = { .type = NLA_U32 },
		[FRA_PROTOCOL] = { .type = NLA_U8 },
	};
	const struct listing *listing = context;
	struct nlattr *attributes[FRA_MAX + 1];
	struct fib_rule_hdr fixed;

	if (message->nlmsg_type != RTM_NEWRULE ||
		nlmsg_parse(message, sizeof(fixed), attributes, FRA_MAX, policy) < 0)
		return;
	memcpy(&fixed, nlmsg_data(message), sizeof(fixed));
	const bool everywhere = fixed.src_len == 0 && fixed.tos == 0 &&
				!(fixed.flags & FIB_RULE_INVERT) && !attributes[FRA_IIFNAME] &&
				!attributes[FRA_OIFNAME];
	const struct cl_rule rule = {
		.family = fixed.family,
		.action = fixed.action,
		.protocol = attributes[FRA_PROTOCOL] ? nla_get_u8(attributes[FRA_PROTOCOL]) : 0,
		.for_all = everywhere && fixed.dst_len == 0,
		.for_destination = everywhere && !attributes[FRA_FWMARK] &&
				   !attributes[FRA_FWMASK] && !attributes[FRA_L3MDEV] &&
				   !attributes[FRA_UID_RANGE] && !attributes[FRA_IP_PROTO] &&
				   !attributes[FRA_SPORT_RANGE] && !attributes[FRA_DPORT_RANGE],
		.priority = number(attributes[FRA_PRIORITY], 0),
		.table = number(attributes[FRA_TABLE], fixed.table),
		.target = number(attributes[FRA_GOTO], 0),
		.mark = number(attributes[FRA_FWMARK], 0),
	};
	listing->visit(listing->context, &rule);
}

int cl_rules_list(struct nl_sock *sock, uint8_t family,
	void (*visit)(void *context, const struct cl_rule *rule), void *context)
{
	const struct fib_rule_hdr fixed = { .family = family };
	struct listing listing = { visit, context };

	return cl_rtnetlink_ask(sock,
		cl_rtnetlink_request(RTM_GETRULE, NLM_F_DUMP, &fixed, sizeof(fixed)), take_rule,
		&listing);
}
