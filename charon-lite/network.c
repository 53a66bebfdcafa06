#include "charon-lite/network.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <stdlib.h>
#include <sys/time.h>

struct cl_network {
	struct nl_sock *sock;
};

/* What the kernel would do with a packet. */
struct route {
	uint8_t type; /* RTN_UNICAST, RTN_LOCAL, ... */
	struct address source;
};

bool cl_network_open(
	struct event_base *base, struct cl_log *log, struct cl_network **ret, struct why *why)
{
	struct cl_network *n = calloc(1, sizeof(*n));
	const struct timeval patience = { .tv_sec = 10 };
	int error;

	(void)base;
	(void)log;
	if (!n || !(n->sock = nl_socket_alloc())) {
		free(n);
		return why_fail(why, "no memory for a netlink socket");
	}
	nl_socket_disable_auto_ack(n->sock);
	if ((error = nl_connect(n->sock, NETLINK_ROUTE)) < 0) {
		cl_network_close(n);
		return why_fail(
			why, "cannot open a netlink socket for routes: %s", nl_geterror(error));
	}
	/* the kernel answers at once; this guards against one that does not */
	(void)setsockopt(
		nl_socket_get_fd(n->sock), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	*ret = n;
	return true;
}

void cl_network_close(struct cl_network *n)
{
	if (!n)
		return;
	nl_socket_free(n->sock);
	free(n);
}

static bool route_ask(struct cl_network *n, const struct address *to, uint32_t *ret_sequence)
{
	struct nl_msg *message = nlmsg_alloc_simple(RTM_GETROUTE, NLM_F_REQUEST);
	struct rtmsg route = {
		.rtm_family = (unsigned char)to->family,
		.rtm_dst_len = (unsigned char)(8 * address_size(to)),
	};
	bool sent = message && nlmsg_append(message, &route, sizeof(route), NLMSG_ALIGNTO) == 0 &&
		    nla_put(message, RTA_DST, (int)address_size(to), to->octets) == 0 &&
		    (to->scope == 0 || nla_put_u32(message, RTA_OIF, to->scope) == 0);

	if (sent) {
		nl_complete_msg(n->sock, message);
		sent = nl_send(n->sock, message) >= 0;
		*ret_sequence = nlmsg_hdr(message)->nlmsg_seq;
	}
	nlmsg_free(message);
	return sent;
}

static bool route_parse(struct nlmsghdr *message, struct route *ret)
{
	static const struct nla_policy policy[RTA_PREFSRC + 1] = {
		[RTA_OIF] = { .type = NLA_U32 },
	};
	struct nlattr *attributes[RTA_PREFSRC + 1];
	struct rtmsg fixed;
	struct route route = { 0 };

	if (message->nlmsg_type != RTM_NEWROUTE ||
		nlmsg_parse(message, sizeof(fixed), attributes, RTA_PREFSRC, policy) < 0)
		return false;
	memcpy(&fixed, nlmsg_data(message), sizeof(fixed));
	route.type = fixed.rtm_type;
	const struct nlattr *source = attributes[RTA_PREFSRC];
	if (source && !address_from_octets(bytes_of(nla_data(source), (size_t)nla_len(source)), 0,
			      &route.source))
		return false;
	if (route.source.family == AF_INET6 && route.source.octets[0] == 0xfe &&
		(route.source.octets[1] & 0xc0) == 0x80 && attributes[RTA_OIF])
		route.source.scope = nla_get_u32(attributes[RTA_OIF]);
	*ret = route;
	return true;
}

/* The answer to the question with that sequence number; others are passed over. */
static bool route_answer(struct cl_network *n, uint32_t sequence, struct route *ret)
{
	uint32_t buffer[8192 / sizeof(uint32_t)];

	for (;;) {
		struct sockaddr_nl from = { 0 };
		socklen_t from_length = sizeof(from);
		ssize_t length = recvfrom(nl_socket_get_fd(n->sock), buffer, sizeof(buffer), 0,
			(struct sockaddr *)&from, &from_length);
		struct nlmsghdr *message = (struct nlmsghdr *)buffer;
		int left = (int)length;

		if (length < 0 && errno == EINTR)
			continue;
		if (length < 0)
			return false;
		if (from.nl_pid != 0) /* another program, not the kernel */
			continue;
		for (; nlmsg_ok(message, left); message = nlmsg_next(message, &left))
			if (message->nlmsg_seq == sequence) /* else an error: no route */
				return route_parse(message, ret);
	}
}

static bool route_find(struct cl_network *n, const struct address *to, struct route *ret)
{
	uint32_t sequence;

	return address_size(to) != 0 && route_ask(n, to, &sequence) &&
	       route_answer(n, sequence, ret);
}

bool cl_network_source_address(
	struct cl_network *n, const struct address *remote, struct address *ret)
{
	struct route route;

	if (!route_find(n, remote, &route) || route.source.family == 0 ||
		(route.type != RTN_UNICAST && route.type != RTN_LOCAL))
		return false;
	*ret = route.source;
	return true;
}

bool cl_network_is_local(struct cl_network *n, const struct address *address)
{
	struct route route;

	return route_find(n, address, &route) && route.type == RTN_LOCAL;
}
