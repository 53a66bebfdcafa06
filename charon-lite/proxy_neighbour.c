#include "charon-lite/proxy_neighbour.h"

#include "charon-lite/rtnetlink.h"

#include <errno.h>
#include <ifaddrs.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>

static bool is_in(const struct ifaddrs *i, const struct address *address)
{
	struct address own, mask;

	if (!i->ifa_addr || i->ifa_addr->sa_family != AF_INET || !i->ifa_netmask ||
		i->ifa_flags & (IFF_LOOPBACK | IFF_POINTOPOINT | IFF_NOARP) ||
		!address_from_sockaddr(i->ifa_addr, &own) ||
		!address_from_sockaddr(i->ifa_netmask, &mask))
		return false;
	for (size_t at = 0; at < 4; at++)
		if ((own.octets[at] ^ address->octets[at]) & mask.octets[at])
			return false;
	return true;
}

uint32_t cl_proxy_neighbour_interface(const struct address *address)
{
	struct ifaddrs *all, *i;
	uint32_t found = 0;

	if (address->family != AF_INET || getifaddrs(&all) < 0)
		return 0;
	for (i = all; i && found == 0; i = i->ifa_next)
		if (is_in(i, address))
			found = if_nametoindex(i->ifa_name);
	freeifaddrs(all);
	return found;
}

bool cl_proxy_neighbour(
	const struct address *address, uint32_t interface, bool there, struct why *why)
{
	const struct ndmsg fixed = { .ndm_family = AF_INET,
		.ndm_ifindex = (int)interface,
		.ndm_state = NUD_PERMANENT,
		.ndm_flags = NTF_PROXY };
	struct nl_sock *sock = cl_rtnetlink_open(why);
	struct nl_msg *request;

	if (!sock)
		return false;
	request = cl_rtnetlink_request(there ? RTM_NEWNEIGH : RTM_DELNEIGH,
		NLM_F_ACK | (there ? NLM_F_CREATE | NLM_F_REPLACE : 0), &fixed, sizeof(fixed));
	if (request && !cl_rtnetlink_put_address(request, NDA_DST, address)) {
		nlmsg_free(request);
		request = NULL;
	}
	int error = cl_rtnetlink_ask(sock, request, NULL, NULL);
	nl_socket_free(sock);
	return error == 0 || (!there && (error == ENOENT || error == ENODEV)) ||
	       why_fail(why, "%s", strerror(error));
}
