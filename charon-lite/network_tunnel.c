/* The interfaces that are in step with CHILD SAs, on this kernel. */
#include "charon-lite/network_priv.h"

#include "charon-lite/daemon.h"
#include "charon-lite/rtnetlink.h"

#include <errno.h>
#include <linux/if_arp.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/attr.h>

struct link_answer {
	uint32_t index;
	uint32_t flags;
	uint16_t type; /* ARPHRD_ */
	bool valid;
};

static void link_take(void *context, struct nlmsghdr *message)
{
	struct link_answer *answer = context;
	struct ifinfomsg fixed;

	if (message->nlmsg_type != RTM_NEWLINK || nlmsg_datalen(message) < (int)sizeof(fixed))
		return;
	memcpy(&fixed, nlmsg_data(message), sizeof(fixed));
	answer->index = (uint32_t)fixed.ifi_index;
	answer->flags = fixed.ifi_flags;
	answer->type = fixed.ifi_type;
	answer->valid = true;
}

/* By its type of link layer: a mistaken name must not take the uplink or the loopback down. */
static bool is_tunnel(uint16_t type)
{
	switch (type) {
	case ARPHRD_TUNNEL: /* VTI and IP in IP */
	case ARPHRD_TUNNEL6:
	case ARPHRD_SIT:
	case ARPHRD_IPGRE:
	case ARPHRD_IP6GRE:
	case ARPHRD_NONE: /* xfrm interfaces */
		return true;
	default:
		return false;
	}
}

static int find(void *context, const char *name, uint32_t *ret_index, bool *ret_up)
{
	struct cl_network *n = context;
	const struct ifinfomsg fixed = { .ifi_family = AF_UNSPEC };
	struct nl_msg *request = cl_rtnetlink_request(RTM_GETLINK, 0, &fixed, sizeof(fixed));
	struct link_answer answer = { 0 };

	if (request && nla_put_string(request, IFLA_IFNAME, name) < 0) {
		nlmsg_free(request);
		request = NULL;
	}
	int error = cl_rtnetlink_ask(n->requests, request, link_take, &answer);
	if (error == 0 && !answer.valid)
		error = ENODEV;
	if (error == 0 && !is_tunnel(answer.type))
		error = ENOTSUP;
	*ret_index = answer.index;
	*ret_up = answer.flags & IFF_UP;
	return error;
}

static int set(void *context, uint32_t index, bool up)
{
	struct cl_network *n = context;
	const struct ifinfomsg fixed = {
		.ifi_family = AF_UNSPEC,
		.ifi_index = (int)index,
		.ifi_flags = up ? IFF_UP : 0,
		.ifi_change = IFF_UP,
	};

	return cl_rtnetlink_ask(n->requests,
		cl_rtnetlink_request(RTM_NEWLINK, NLM_F_ACK, &fixed, sizeof(fixed)), NULL, NULL);
}

static void rearm(struct cl_network *n)
{
	ike_time next = cl_tunnel_interfaces_next(n->tunnels), wait = next - cl_daemon_now();
	const struct timeval tv = { wait > 0 ? wait / 1000 : 0, wait > 0 ? wait % 1000 * 1000 : 0 };

	if (next == IKE_NEVER)
		evtimer_del(n->tunnels_turn);
	else
		evtimer_add(n->tunnels_turn, &tv);
}

static void on_turn(evutil_socket_t fd, short what, void *context)
{
	struct cl_network *n = context;

	(void)fd, (void)what;
	cl_tunnel_interfaces_turn(n->tunnels, cl_daemon_now());
	rearm(n);
}

bool cl_network_tunnels_open(struct cl_network *n, uint32_t leftover_seconds)
{
	const struct cl_tunnel_interfaces_kernel kernel = { n, find, set };
	ike_time now = cl_daemon_now();

	n->tunnels = cl_tunnel_interfaces_new(
		&kernel, leftover_seconds > 0 ? now + IKE_SECONDS(leftover_seconds) : 0, n->log);
	n->tunnels_turn = evtimer_new(n->base, on_turn, n);
	return n->tunnels && n->tunnels_turn;
}

void cl_network_tunnels_close(struct cl_network *n)
{
	cl_tunnel_interfaces_free(n->tunnels);
	if (n->tunnels_turn)
		event_free(n->tunnels_turn);
}

void cl_network_tunnel_define(struct cl_network *n, const char *name)
{
	if (!n->tunnels)
		return;
	cl_tunnel_interfaces_define(n->tunnels, name, cl_daemon_now());
	rearm(n);
}

void cl_network_tunnel_event(struct cl_network *n, const struct ike_event *event)
{
	if (!n->tunnels)
		return;
	cl_tunnel_interfaces_event(n->tunnels, event, cl_daemon_now());
	rearm(n);
}

const char *cl_network_tunnel_describe(
	const struct cl_network *n, const char *name, char ret[CL_TUNNEL_INTERFACE_TEXT_MAX])
{
	return n->tunnels ? cl_tunnel_interfaces_describe(n->tunnels, name, ret) : name;
}

void cl_network_tunnel_look(struct cl_network *n)
{
	if (n->tunnels)
		cl_tunnel_interfaces_look(n->tunnels);
}

void cl_network_tunnel_link(struct cl_network *n, struct nlmsghdr *message)
{
	struct nlattr *attributes[IFLA_IFNAME + 1];
	struct ifinfomsg fixed;
	char name[IF_NAMESIZE];

	if (!n->tunnels || nlmsg_parse(message, sizeof(fixed), attributes, IFLA_IFNAME, NULL) < 0)
		return;
	memcpy(&fixed, nlmsg_data(message), sizeof(fixed));
	if (fixed.ifi_family != AF_UNSPEC || !attributes[IFLA_IFNAME]) /* else of a bridge's port */
		return;
	nla_strlcpy(name, attributes[IFLA_IFNAME], sizeof(name));
	if (message->nlmsg_type == RTM_DELLINK)
		cl_tunnel_interfaces_gone(n->tunnels, name, (uint32_t)fixed.ifi_index);
	else
		cl_tunnel_interfaces_seen(n->tunnels, name, (uint32_t)fixed.ifi_index);
}
