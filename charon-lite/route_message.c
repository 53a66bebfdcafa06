#include "charon-lite/route_message.h"

#include "charon-lite/rtnetlink.h"

#include <errno.h>
#include <linux/rtnetlink.h>

static bool put_metrics(struct nl_msg *request, const struct cl_route *route)
{
	if (route->mtu == 0 && route->mss == 0)
		return true;
	struct nlattr *metrics = nla_nest_start(request, RTA_METRICS);
	return metrics && (route->mtu == 0 || nla_put_u32(request, RTAX_MTU, route->mtu) == 0) &&
	       (route->mss == 0 || nla_put_u32(request, RTAX_ADVMSS, route->mss) == 0) &&
	       nla_nest_end(request, metrics) == 0;
}

static struct nl_msg *with_attributes(struct nl_msg *request, uint32_t table,
	const struct cl_route *route, const struct address *gateway)
{
	if (!request)
		return NULL;
	if (nla_put_u32(request, RTA_TABLE, table) == 0 &&
		(route->prefix_length == 0 ||
			cl_rtnetlink_put_address(request, RTA_DST, &route->destination)) &&
		(route->interface == 0 || nla_put_u32(request, RTA_OIF, route->interface) == 0) &&
		(route->source.family == 0 ||
			cl_rtnetlink_put_address(request, RTA_PREFSRC, &route->source)) &&
		(!gateway || cl_rtnetlink_put_address(request, RTA_GATEWAY, gateway)) &&
		put_metrics(request, route))
		return request;
	nlmsg_free(request);
	return NULL;
}

static struct rtmsg fixed_part(uint32_t table, const struct cl_route *route)
{
	return (struct rtmsg){
		.rtm_family = (unsigned char)route->destination.family,
		.rtm_dst_len = route->prefix_length,
		.rtm_table = (unsigned char)(table < 256 ? table : RT_TABLE_UNSPEC),
		.rtm_protocol = RTPROT_STATIC,
		.rtm_scope = RT_SCOPE_UNIVERSE,
		.rtm_type = route->type,
	};
}

static int put(struct nl_sock *sock, uint32_t table, const struct cl_route *route, int flags,
	const struct address *gateway, bool on_link)
{
	struct rtmsg fixed = fixed_part(table, route);
	struct nl_msg *request;

	if (on_link)
		fixed.rtm_flags |= RTNH_F_ONLINK;
	request = cl_rtnetlink_request(
		RTM_NEWROUTE, NLM_F_ACK | NLM_F_CREATE | flags, &fixed, sizeof(fixed));
	return cl_rtnetlink_ask(sock, with_attributes(request, table, route, gateway), NULL, NULL);
}

static bool gateway_is_refused(int error)
{
	return error == ENETUNREACH || error == EHOSTUNREACH || error == EINVAL;
}

int cl_route_put(struct nl_sock *sock, uint32_t table, const struct cl_route *route, bool replace)
{
	const struct address *gateway =
		route->gateway.family == route->destination.family ? &route->gateway : NULL;
	int flags = replace ? NLM_F_REPLACE : NLM_F_EXCL;
	int error = put(sock, table, route, flags, gateway, false);

	/* outside all our networks, as some providers have it; or a link without such things */
	if (gateway && gateway_is_refused(error))
		error = put(sock, table, route, flags, gateway, true);
	if (gateway && gateway_is_refused(error))
		error = put(sock, table, route, flags, NULL, false);
	return error;
}

int cl_route_delete(struct nl_sock *sock, uint32_t table, const struct cl_route *route)
{
	struct rtmsg fixed = fixed_part(table, route);
	/* Without its metrics and its gateway, which was left out if the kernel refused it. The
	 * others say which route it is where somebody else has one of the same prefix. */
	const struct cl_route which = {
		.destination = route->destination,
		.prefix_length = route->prefix_length,
		.interface = route->interface,
		.source = route->source,
	};

	fixed.rtm_scope = RT_SCOPE_NOWHERE; /* whatever it got */
	return cl_rtnetlink_ask(sock,
		with_attributes(
			cl_rtnetlink_request(RTM_DELROUTE, NLM_F_ACK, &fixed, sizeof(fixed)), table,
			&which, NULL),
		NULL, NULL);
}

struct listing {
	uint32_t table;
	void (*visit)(void *context, const struct cl_route *route);
	void *context;
};

static void take(void *context, struct nlmsghdr *message)
{
	static const struct nla_policy policy[RTA_TABLE + 1] = {
		[RTA_TABLE] = { .type = NLA_U32 },
		[RTA_OIF] = { .type = NLA_U32 },
	};
	const struct listing *listing = context;
	struct nlattr *attributes[RTA_TABLE + 1];
	struct cl_route route = { 0 };
	struct rtmsg fixed;

	if (message->nlmsg_type != RTM_NEWROUTE ||
		nlmsg_parse(message, sizeof(fixed), attributes, RTA_TABLE, policy) < 0)
		return;
	memcpy(&fixed, nlmsg_data(message), sizeof(fixed));
	uint32_t table =
		attributes[RTA_TABLE] ? nla_get_u32(attributes[RTA_TABLE]) : fixed.rtm_table;
	if (table != listing->table || fixed.rtm_protocol != RTPROT_STATIC ||
		(fixed.rtm_type != RTN_UNICAST && fixed.rtm_type != RTN_THROW))
		return;
	if (!cl_rtnetlink_address(attributes[RTA_DST], &route.destination))
		route.destination = (struct address){ .family = fixed.rtm_family };
	route.prefix_length = fixed.rtm_dst_len;
	route.type = fixed.rtm_type;
	if (attributes[RTA_OIF] && route.type == RTN_UNICAST)
		route.interface = nla_get_u32(attributes[RTA_OIF]);
	if (!cl_rtnetlink_address(attributes[RTA_PREFSRC], &route.source))
		route.source = (struct address){ 0 };
	if (!cl_rtnetlink_address(attributes[RTA_GATEWAY], &route.gateway))
		route.gateway = (struct address){ 0 };
	listing->visit(listing->context, &route);
}

int cl_routes_list(struct nl_sock *sock, uint32_t table, uint8_t family,
	void (*visit)(void *context, const struct cl_route *route), void *context)
{
	const struct rtmsg fixed = { .rtm_family = family, .rtm_protocol = RTPROT_STATIC };
	struct listing listing = { table, visit, context };
	const int on = 1;

	/* kernels before 4.20 show all tables to whoever asks for one */
	if (setsockopt(nl_socket_get_fd(sock), SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on,
		    sizeof(on)) < 0)
		return ENOTSUP;
	struct nl_msg *request =
		cl_rtnetlink_request(RTM_GETROUTE, NLM_F_DUMP, &fixed, sizeof(fixed));
	if (request && nla_put_u32(request, RTA_TABLE, table) < 0) {
		nlmsg_free(request);
		return ENOMEM;
	}
	return cl_rtnetlink_ask(sock, request, take, &listing);
}
