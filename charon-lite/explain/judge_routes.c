#include "charon-lite/explain/judge.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Of what was sent, one in so many that the filter drops is more than strangers' packets. */
#define FILTERED_SHARE 4

/* How sure it is that something here keeps packets out of the tunnel: nothing has gone into it. */
static unsigned likelihood_out(const struct cl_seen_tunnel *t, unsigned sure, unsigned otherwise)
{
	return t->out.packets == 0 ? sure : otherwise;
}

/* A setting alone is no fault: what counts is that the filter drops packets while none comes in. */
static unsigned likelihood_of_filter(const struct cl_seen_tunnel *t)
{
	bool silent = t->in.packets == 0 && t->out.packets > 0;

	if (!t->drops.known)
		return silent ? 60 : 20;
	if (t->drops.count.filtered == 0)
		return 0;
	if (!silent)
		return 30;
	return t->drops.count.filtered >= t->out.packets / FILTERED_SHARE ? 92 : 60;
}

static void judge_filter(const struct cl_seen_tunnel *t, struct cl_findings *ret)
{
	char remote[ADDRESS_TEXT_MAX], counted[96] = "";
	unsigned likelihood = likelihood_of_filter(t);

	if (t->rp_filter != 1 || !t->arrives_at[0] ||
		strcmp(t->arrives_at, t->to_peer.interface) == 0 || likelihood == 0)
		return;
	address_format(&t->remote, remote);
	if (t->drops.known)
		snprintf(counted, sizeof(counted),
			"; rp_filter has dropped %" PRIu64 " packets since the tunnel is up",
			t->drops.count.filtered);
	cl_finding_cure(
		cl_findings_add(ret, CL_CAUSE_REVERSE_PATH_FILTER, likelihood, t->child,
			"packets of %s %s %s, the way back to it leads out by %s, and the strict "
			"rp_filter of %s drops what has not come by the way back%s",
			remote, t->arrives_by_address ? "come in at" : "may come in at",
			t->arrives_at, t->to_peer.interface, t->arrives_at, counted),
		"sysctl -w net.ipv4.conf.%s.rp_filter=2, or have the route to %s go by %s",
		t->arrives_at, remote, t->arrives_at);
}

static void judge_answers(const struct cl_seen_tunnel *t, struct cl_findings *ret)
{
	char remote[ADDRESS_TEXT_MAX], from[ADDRESS_TEXT_MAX];

	if (t->answers_from.family == 0)
		return;
	address_format(&t->remote, remote);
	address_format(&t->answers_from, from);
	cl_finding_cure(
		cl_findings_add(ret, CL_CAUSE_ANSWERS_ELSEWHERE,
			t->in.packets == 0 && t->out.packets > 0 ? 88 : 25, t->child,
			"the peer is asked at %s and answers from %s: firewalls and NATs that keep "
			"state take what comes from there, ESP as well, for a stranger's",
			remote, from),
		"set remote_addrs = %s, or have the peer answer from %s (its local_addrs, and no "
		"rule there that changes the source)",
		from, remote);
}

static void judge_peer(const struct cl_seen_tunnel *t, struct cl_findings *ret)
{
	char remote[ADDRESS_TEXT_MAX];

	address_format(&t->remote, remote);
	if (t->to_peer.asked && !t->to_peer.found)
		cl_finding_cure(cl_findings_add(ret, CL_CAUSE_NO_ROUTE_TO_PEER, 97, t->child,
					"this host has no route to %s", remote),
			"look at ip route get %s: add the route, or bring the link up", remote);
	else if (t->to_peer.asked)
		judge_filter(t, ret);
}

/* The way was asked for by its destination alone. What went in has found one, and what is forwarded
 * may find one by its source, mark or interface. */
static unsigned likelihood_into(const struct cl_seen_tunnel *t)
{
	return likelihood_out(t, t->into_has_rules ? 60 : 93, 15);
}

static void judge_into(const struct cl_seen_tunnel *t, struct cl_findings *ret)
{
	char to[ADDRESS_TEXT_MAX];
	bool interface = t->if_id_out != 0 && t->mode == IKE_MODE_TUNNEL;

	if (!t->into.asked)
		return;
	address_format(&t->into.to, to);
	if (!t->into.found)
		cl_findings_add(ret, CL_CAUSE_NO_ROUTE_INTO_TUNNEL, likelihood_into(t), t->child,
			"this host has no route to %s behind the peer: packets are dropped before "
			"they could meet the policy of %s",
			to, t->child);
	else if (interface && !t->into.local && t->into.if_id != t->if_id_out)
		cl_finding_cure(cl_findings_add(ret, CL_CAUSE_NO_ROUTE_INTO_TUNNEL,
					likelihood_into(t), t->child,
					"%s takes what goes out by an xfrm interface with if_id "
					"%#x, and "
					"the route to %s behind the peer goes by %s",
					t->child, t->if_id_out, to, t->into.interface),
			"ip route add the peer's networks dev the interface with if_id %#x "
			"(ip -d link show type xfrm); where there is none, ip link add NAME type "
			"xfrm if_id %#x, which needs the kernel module xfrm_interface (modprobe "
			"xfrm_interface)",
			t->if_id_out, t->if_id_out);
}

/* By the default route, as what is nowhere else. Not so where a network behind is where the gateway
 * itself is (one with one leg), or is on a link. */
static bool goes_where_the_peer_is(const struct cl_seen_tunnel *t)
{
	const struct cl_seen_route *behind = &t->behind;

	return !behind->local && !t->behind_is_here && behind->gateway.family != 0 &&
	       address_same_host(&behind->gateway, &t->to_peer.gateway) &&
	       strcmp(behind->interface, t->to_peer.interface) == 0;
}

static void judge_behind(const struct cl_seen_tunnel *t, struct cl_findings *ret)
{
	char to[ADDRESS_TEXT_MAX];
	bool unanswered = t->in.packets > 0 && t->out.packets == 0;

	if (!t->behind.asked || t->mode == IKE_MODE_TRANSPORT)
		return;
	address_format(&t->behind.to, to);
	if (!t->behind.found)
		cl_finding_cure(
			cl_findings_add(ret, CL_CAUSE_NO_ROUTE_BEHIND,
				unanswered ? 94 : likelihood_out(t, 65, 40), t->child,
				"this host has no route to %s, in the networks of %s on our side",
				to, t->child),
			"look at ip route get %s: add the route, or bring the link up", to);
	else if (unanswered && goes_where_the_peer_is(t))
		cl_finding_cure(
			cl_findings_add(ret, CL_CAUSE_NO_ROUTE_BEHIND, t->one_link ? 60 : 94,
				t->child,
				"the route to %s, in the networks of %s on our side, leads out by "
				"%s, where the peer is: there is none to where that network should "
				"be",
				to, t->child, t->behind.interface),
			"look at ip route get %s: add the route, or bring the link up", to);
	if (t->behind_is_network && !t->forwards)
		cl_finding_cure(
			cl_findings_add(ret, CL_CAUSE_FORWARDING_OFF,
				unanswered ? 95 : likelihood_out(t, 70, 30), t->child,
				"%s is for a network behind this host, and the kernel does not "
				"forward packets: only what this host sends itself goes through",
				t->child),
			"sysctl -w %s=1, and put it into /etc/sysctl.d to stay",
			t->family == AF_INET6 ? "net.ipv6.conf.all.forwarding"
					      : "net.ipv4.ip_forward");
}

void cl_judge_routes(const struct cl_seen_tunnel *t, struct cl_findings *ret)
{
	judge_peer(t, ret);
	judge_answers(t, ret);
	judge_into(t, ret);
	judge_behind(t, ret);
	if (t->masquerade.seen)
		cl_findings_add(ret, CL_CAUSE_MASQUERADE,
			likelihood_out(
				t, t->masquerade.sure ? 88 : 60, t->masquerade.sure ? 48 : 20),
			t->child,
			"the rule `%s` %s packets of %s before their policy is looked "
			"for: with another source they do not meet it, and leave in clear",
			t->masquerade.rule, t->masquerade.sure ? "translates" : "may translate",
			t->child);
}
