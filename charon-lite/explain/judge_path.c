#include "charon-lite/explain/judge.h"

#include <inttypes.h>
#include <stdio.h>

#define UDP_HEADER 8
#define ESP_HEADER 8
#define ESP_TRAILER 2 /* pad length and next header; padding before them */
#define AH_HEADER 12
#define ESP_ALIGNMENT 4

/* Packets too large for the tunnel: fewer, or less than one in so many that fit, are those of hosts
 * that learn its size. */
#define TOO_LARGE_ENOUGH 5
#define TOO_LARGE_SHARE 20
/* Packets lost: the same for what happens on any way. */
#define LOST_ENOUGH 4
#define LOST_SHARE 20

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

/* ---- What does not fit ---- */

/* Hosts that heed what they are told send one such packet each, and again after minutes. */
static bool many_are_too_large(const struct cl_seen_tunnel *t)
{
	return t->drops.known && t->drops.count.too_large >= TOO_LARGE_ENOUGH &&
	       t->drops.count.too_large >= t->out.packets / TOO_LARGE_SHARE;
}

static void judge_narrow(const struct cl_seen_tunnel *t, struct cl_findings *ret)
{
	cl_finding_cure(
		cl_findings_add(ret, CL_CAUSE_MTU, many_are_too_large(t) ? 60 : 35, t->child,
			"the way to the peer carries packets of %u octets, the link %u; in %s "
			"there is room for %u: larger ones get lost where ICMP \"fragmentation "
			"needed\" is dropped",
			t->to_peer.mtu, t->to_peer.interface_mtu, t->child, t->inner_mtu),
		"clamp TCP's MSS to %u (charon.plugins.kernel-netlink.mss = %u), and let ICMP "
		"\"fragmentation needed\" pass",
		t->mss, t->mss);
}

static void judge_too_large(const struct cl_seen_tunnel *t, struct cl_findings *ret)
{
	cl_finding_cure(
		cl_findings_add(ret, CL_CAUSE_TOO_LARGE, 60, t->child,
			"since %s is up, this host has refused %" PRIu64
			" packets as too large and told their senders so; in %s there is room for "
			"%u octets: who sends more again and again does not hear that",
			t->child, t->drops.count.too_large, t->child, t->inner_mtu),
		"let ICMP from this host reach those behind it, or clamp TCP's MSS to %u "
		"(charon.plugins.kernel-netlink.mss = %u)",
		t->mss, t->mss);
}

/* ---- What does not arrive ---- */

/* By their sequence numbers (RFC 4303 2.2), of the peer's packets. */
static uint64_t lost_on_the_way(const struct cl_seen_sa *in)
{
	uint64_t came = in->packets + in->integrity_failures + in->outside_window;

	return in->highest > came ? in->highest - came : 0;
}

/* Small packets alone come in where large ones get lost, and where the peer sends none: calls, or
 * what acknowledges a download, by a way that loses some of all. */
static bool large_ones_are_known(const struct cl_seen_tunnel *t)
{
	return (t->drops.known && t->drops.count.unreassembled > 0) ||
	       t->to_peer.mtu < t->to_peer.interface_mtu;
}

static void judge_lost(const struct cl_seen_tunnel *t, struct cl_findings *ret)
{
	uint64_t lost = lost_on_the_way(&t->in);
	uint64_t average = t->in.packets ? t->in.bytes / t->in.packets : 0;
	char fragments[112] = "";

	if (lost < LOST_ENOUGH || lost < t->in.highest / LOST_SHARE || t->in.packets == 0 ||
		t->inner_mtu == 0 || average > t->inner_mtu / 2)
		return;
	if (t->drops.known && t->drops.count.unreassembled > 0)
		snprintf(fragments, sizeof(fragments),
			"; of %" PRIu64 " packets not all fragments came here: those get lost",
			t->drops.count.unreassembled);
	cl_finding_cure(
		cl_findings_add(ret, CL_CAUSE_LARGE_LOST, large_ones_are_known(t) ? 70 : 45,
			t->child,
			"of %" PRIu64 " packets that the peer has sent into %s %" PRIu64
			" did not arrive, and those that did have %" PRIu64
			" octets on average, where %u would fit: so it is when full packets are "
			"dropped on the way, or the way loses packets of all sizes%s",
			t->in.highest, t->child, lost, average, t->inner_mtu, fragments),
		"try ping -M do -s %u from a host behind the peer to one behind us, and smaller: "
		"what passes, plus 28, is what full packets may have (IPv6: 48); clamp TCP's MSS "
		"at both ends to 40 less than that (charon.plugins.kernel-netlink.mss; IPv6: 60), "
		"or find on the way who drops ICMP \"fragmentation needed\" or fragments",
		t->inner_mtu - (t->family == AF_INET6 ? 48 : 28));
}

void cl_judge_path(const struct cl_seen_tunnel *t, struct cl_findings *ret)
{
	if (!t->to_peer.found || t->to_peer.mtu == 0 || t->inner_mtu == 0)
		return;
	if (t->to_peer.mtu < t->to_peer.interface_mtu)
		judge_narrow(t, ret);
	else if (many_are_too_large(t))
		judge_too_large(t, ret);
	judge_lost(t, ret);
}
