#include "charon-lite/explain/judge.h"

#define UDP_HEADER 8
#define ESP_HEADER 8
#define ESP_TRAILER 2 /* pad length and next header; padding before them */
#define AH_HEADER 12
#define ESP_ALIGNMENT 4

static uint32_t ip_header(uint16_t family)
{
	return family == AF_INET6 ? 40 : 20;
}

static uint32_t aligned(uint32_t value, uint32_t to)
{
	return (value + to - 1) / to * to;
}

uint32_t cl_inner_mtu(const struct cl_encapsulation *e, uint32_t outer_mtu)
{
	/* in transport mode the packet's own header is the outer one */
	uint32_t kept = e->mode == IKE_MODE_TRANSPORT ? ip_header(e->family) : 0;
	uint32_t fixed = ip_header(e->family) + (e->udp ? UDP_HEADER : 0);
	uint32_t align = e->block_length > ESP_ALIGNMENT ? e->block_length : ESP_ALIGNMENT;

	if (e->ah) {
		fixed += aligned(AH_HEADER + e->icv_length, e->family == AF_INET6 ? 8 : 4);
		return outer_mtu > fixed ? outer_mtu - fixed + kept : 0;
	}
	fixed += ESP_HEADER + e->iv_length + e->icv_length;
	if (outer_mtu < fixed + align)
		return 0;
	return (outer_mtu - fixed) / align * align - ESP_TRAILER + kept;
}

void cl_judge_path(const struct cl_seen_tunnel *t, struct cl_findings *ret)
{
	if (!t->to_peer.found || t->to_peer.mtu == 0 || t->inner_mtu == 0 ||
		t->to_peer.mtu >= t->to_peer.interface_mtu)
		return;
	cl_finding_cure(
		cl_findings_add(ret, CL_CAUSE_MTU, 35, t->child,
			"the way to the peer carries packets of %u octets, the link %u; in %s "
			"there is room for %u: larger ones get lost where ICMP \"fragmentation "
			"needed\" is dropped",
			t->to_peer.mtu, t->to_peer.interface_mtu, t->child, t->inner_mtu),
		"clamp TCP's MSS to %u (charon.plugins.kernel-netlink.mss = %u), and let ICMP "
		"\"fragmentation needed\" pass",
		t->mss, t->mss);
}
