#include "libxfrm/socket.h"

#include "libxfrm/policy.h"

#include <errno.h>
#include <linux/udp.h>
#include <sys/socket.h>

static bool bypass(int fd, int family, uint8_t direction)
{
	struct xfrm_userpolicy_info policy;

	memset(&policy, 0, sizeof(policy));
	policy.sel.family = (uint16_t)family;
	policy.dir = direction;
	policy.action = XFRM_POLICY_ALLOW;
	policy.share = XFRM_SHARE_ANY;
	policy.lft.soft_byte_limit = policy.lft.hard_byte_limit = XFRM_INF;
	policy.lft.soft_packet_limit = policy.lft.hard_packet_limit = XFRM_INF;
	if (family == AF_INET)
		return setsockopt(fd, IPPROTO_IP, IP_XFRM_POLICY, &policy, sizeof(policy)) == 0;
	return setsockopt(fd, IPPROTO_IPV6, IPV6_XFRM_POLICY, &policy, sizeof(policy)) == 0;
}

bool xfrm_socket_bypass(int fd, int family, struct why *why)
{
	if (!bypass(fd, family, XFRM_POLICY_IN) || !bypass(fd, family, XFRM_POLICY_OUT))
		return why_fail(why, "cannot exempt an IKE socket from IPsec policies: %s%s",
			strerror(errno), errno == EPERM ? " (CAP_NET_ADMIN is missing)" : "");
	return true;
}

bool xfrm_socket_udp_encapsulation(int fd, struct why *why)
{
	const int type = UDP_ENCAP_ESPINUDP;

	if (setsockopt(fd, IPPROTO_UDP, UDP_ENCAP, &type, sizeof(type)) < 0)
		return why_fail(why,
			"the kernel does not take UDP-encapsulated ESP from a socket: %s",
			strerror(errno));
	return true;
}
