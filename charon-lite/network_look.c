/* How packets go, for who explains it: the route, and what its link is. */
#include "charon-lite/network_priv.h"
#include "charon-lite/rtnetlink.h"
#include "charon-lite/rules.h"

#include <linux/fib_rules.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>

#ifndef IFLA_XFRM_IF_ID
#define IFLA_XFRM_IF_ID 2
#endif

/* IFLA_XFRM_IF_ID of a link of kind "xfrm"; 0: it is of another kind. */
static uint32_t xfrm_if_id(struct nlattr *link_info)
{
	static const struct nla_policy policy[IFLA_INFO_MAX + 1] = {
		[IFLA_INFO_KIND] = { .type = NLA_STRING },
	};
	static const struct nla_policy data_policy[IFLA_XFRM_IF_ID + 1] = {
		[IFLA_XFRM_IF_ID] = { .type = NLA_U32 },
	};
	struct nlattr *info[IFLA_INFO_MAX + 1], *data[IFLA_XFRM_IF_ID + 1];

	if (!link_info || nla_parse_nested(info, IFLA_INFO_MAX, link_info, policy) < 0 ||
		!info[IFLA_INFO_KIND] || !info[IFLA_INFO_DATA] ||
		nla_strcmp(info[IFLA_INFO_KIND], "xfrm") != 0 ||
		nla_parse_nested(data, IFLA_XFRM_IF_ID, info[IFLA_INFO_DATA], data_policy) < 0 ||
		!data[IFLA_XFRM_IF_ID])
		return 0;
	return nla_get_u32(data[IFLA_XFRM_IF_ID]);
}

static void link_take(void *context, struct nlmsghdr *message)
{
	static const struct nla_policy policy[IFLA_LINKINFO + 1] = {
		[IFLA_IFNAME] = { .type = NLA_STRING },
		[IFLA_MTU] = { .type = NLA_U32 },
	};
	struct nlattr *attributes[IFLA_LINKINFO + 1];
	struct cl_network_route *route = context;

	if (message->nlmsg_type != RTM_NEWLINK || nlmsg_parse(message, sizeof(struct ifinfomsg),
							  attributes, IFLA_LINKINFO, policy) < 0)
		return;
	if (attributes[IFLA_IFNAME])
		nla_strlcpy(route->interface, attributes[IFLA_IFNAME], sizeof(route->interface));
	if (attributes[IFLA_MTU])
		route->interface_mtu = nla_get_u32(attributes[IFLA_MTU]);
	route->if_id = xfrm_if_id(attributes[IFLA_LINKINFO]);
}

static void link_look(struct cl_network *n, uint32_t index, struct cl_network_route *route)
{
	const struct ifinfomsg fixed = { .ifi_family = AF_UNSPEC, .ifi_index = (int)index };

	(void)cl_rtnetlink_ask(n->requests,
		cl_rtnetlink_request(RTM_GETLINK, 0, &fixed, sizeof(fixed)), link_take, route);
}

void cl_network_look(struct cl_network *n, const struct address *to, bool past_tunnels,
	struct cl_network_route *ret)
{
	struct cl_next_hop hop;

	*ret = (struct cl_network_route){ 0 };
	if (!(past_tunnels ? cl_network_next_hop(n, to, NULL, &hop)
			   : cl_network_any_hop(n, to, &hop)))
		return;
	ret->local = hop.type == RTN_LOCAL;
	ret->found = ret->local || hop.type == RTN_UNICAST || hop.type == RTN_BROADCAST ||
		     hop.type == RTN_MULTICAST;
	ret->source = hop.source;
	ret->gateway = hop.gateway;
	if (hop.interface != 0)
		link_look(n, hop.interface, ret);
	ret->mtu = hop.mtu != 0 && hop.mtu < ret->interface_mtu ? hop.mtu : ret->interface_mtu;
}

struct rules_look {
	uint32_t own_table;
	bool found;
};

static void rule_look(void *context, const struct cl_rule *rule)
{
	struct rules_look *look = context;
	bool own = rule->protocol == CL_RULE_PROTOCOL && rule->action == FR_ACT_TO_TBL &&
		   rule->table == look->own_table;

	look->found = look->found || (!rule->for_destination && !own);
}

bool cl_network_has_rules(struct cl_network *n, uint16_t family)
{
	struct rules_look look = { .own_table = cl_network_own_table(n) };

	return cl_rules_list(n->requests, (uint8_t)family, rule_look, &look) == 0 && look.found;
}

/* ---- All links ---- */

struct links {
	void (*visit)(void *context, const char *interface);
	void *context;
};

static bool is_dummy(struct nlattr *link_info)
{
	struct nlattr *info[IFLA_INFO_MAX + 1];

	return link_info && nla_parse_nested(info, IFLA_INFO_MAX, link_info, NULL) >= 0 &&
	       info[IFLA_INFO_KIND] && nla_strcmp(info[IFLA_INFO_KIND], "dummy") == 0;
}

static void links_take(void *context, struct nlmsghdr *message)
{
	static const struct nla_policy policy[IFLA_LINKINFO + 1] = {
		[IFLA_IFNAME] = { .type = NLA_STRING },
	};
	struct nlattr *attributes[IFLA_LINKINFO + 1];
	const struct links *links = context;
	struct ifinfomsg fixed;

	if (message->nlmsg_type != RTM_NEWLINK || nlmsg_parse(message, sizeof(struct ifinfomsg),
							  attributes, IFLA_LINKINFO, policy) < 0)
		return;
	memcpy(&fixed, nlmsg_data(message), sizeof(fixed));
	if ((fixed.ifi_flags & (IFF_UP | IFF_LOOPBACK)) == IFF_UP && attributes[IFLA_IFNAME] &&
		!is_dummy(attributes[IFLA_LINKINFO]))
		links->visit(links->context, nla_get_string(attributes[IFLA_IFNAME]));
}

void cl_network_links(
	struct cl_network *n, void (*visit)(void *context, const char *interface), void *context)
{
	const struct ifinfomsg fixed = { .ifi_family = AF_UNSPEC };
	struct links links = { visit, context };

	(void)cl_rtnetlink_ask(n->requests,
		cl_rtnetlink_request(RTM_GETLINK, NLM_F_DUMP, &fixed, sizeof(fixed)), links_take,
		&links);
}
