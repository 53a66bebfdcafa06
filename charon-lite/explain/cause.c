#include "charon-lite/explain/cause.h"

#include <stdarg.h>
#include <stdio.h>

static const struct {
	const char *name, *meaning, *cure;
} causes[CL_CAUSES] = {
	[CL_CAUSE_SA_MISSING] = { "sa-missing-in-kernel",
		"the daemon has the CHILD_SA and the kernel has it no longer: another program "
		"deleted "
		"or flushed it",
		"rebuild it with --rekey --child NAME or --terminate and --initiate, and find who "
		"runs `ip xfrm state flush` or a second IKE daemon: `ip xfrm monitor` shows "
		"deletions as they happen" },
	[CL_CAUSE_SA_DIFFERS] = { "sa-differs-in-kernel",
		"in place of the SA that the daemon knows the kernel has one with another SPI",
		"another program writes the same SAs: stop it, then --terminate and --initiate" },
	[CL_CAUSE_POLICY_MISSING] = { "policy-missing-in-kernel",
		"a policy of the CHILD_SA is not in the kernel, so that packets pass in clear or "
		"are "
		"dropped: another program deleted it",
		"rebuild the tunnel with --terminate and --initiate, and find who runs `ip xfrm "
		"policy flush` or a second IKE daemon: `ip xfrm monitor` shows it" },
	[CL_CAUSE_POLICY_SHADOWED] = { "policy-shadowed",
		"a policy of another program covers the same traffic and comes first",
		"delete it with `ip xfrm policy delete`, or give the child a lower number with "
		"`priority`" },
	[CL_CAUSE_SA_FOREIGN] = { "sa-of-another-program",
		"between the same hosts there are SAs that another program installed",
		"see with `ip xfrm state` whose they are: two IKE daemons in one network namespace "
		"disturb each other" },
	[CL_CAUSE_ESP_BLOCKED] = { "esp-blocked",
		"IKE works and ESP leaves, and not one ESP packet has come in: something on the "
		"way "
		"drops ESP, or the peer does not send any",
		"let ESP (IP protocol 50; behind NAT UDP port 4500) pass both ways in all "
		"firewalls "
		"between the two; encap = yes wraps it into UDP; --explain at the peer shows "
		"whether "
		"it gets packets and sends any" },
	[CL_CAUSE_ESP_DAMAGED] = { "esp-damaged",
		"ESP packets come in and fail their integrity check",
		"something on the way changes packets, or the peer has other keys: rekey the "
		"child; "
		"with NAT or an ALG between, set encap = yes" },
	[CL_CAUSE_ESP_LATE] = { "esp-outside-replay-window",
		"many ESP packets come in too late or twice and are dropped by the replay check",
		"raise replay_window (packets are reordered on the way, by QoS or several links)" },
	[CL_CAUSE_NOTHING_SENT_BACK] = { "nothing-sent-back",
		"the peer's packets come out of the tunnel and nothing goes back into it: hosts "
		"behind "
		"us do not get them, do not answer, or answer by another way",
		"check firewall and forwarding here, that hosts behind have this gateway as their "
		"route to the peer's networks, and that their own firewalls answer" },
	[CL_CAUSE_NO_TRAFFIC] = { "no-traffic",
		"the tunnel is up and no packet has met its policies yet",
		"send some from an address within local_ts to one within remote_ts; what lies "
		"outside "
		"does not go through it" },
	[CL_CAUSE_MASQUERADE] = { "masquerade-catches-traffic",
		"a rule that translates source addresses catches the tunnel's traffic, which then "
		"no "
		"longer meets its policy",
		"except it: before the rule put `-m policy --dir out --pol ipsec -j ACCEPT` "
		"(iptables) or `rt ipsec exists accept` (nftables), or leave out the peer's "
		"networks in it" },
	[CL_CAUSE_FORWARDING_OFF] = { "forwarding-off",
		"the tunnel is for networks behind this host, and the kernel does not forward "
		"packets",
		"sysctl -w net.ipv4.ip_forward=1 (IPv6: net.ipv6.conf.all.forwarding=1), and in "
		"/etc/sysctl.d to stay" },
	[CL_CAUSE_NO_ROUTE_BEHIND] = { "no-route-behind",
		"this host has no route to the networks that the tunnel is for on our side",
		"add the route, or bring the link up that leads to local_ts" },
	[CL_CAUSE_NO_ROUTE_TO_PEER] = { "no-route-to-peer", "this host has no route to the peer",
		"look at `ip route get` for the peer's address: add the route, or bring the link "
		"up" },
	[CL_CAUSE_NO_ROUTE_INTO_TUNNEL] = { "no-route-into-tunnel",
		"no route leads packets for the peer's networks to where the tunnel takes them",
		"add a route for remote_ts: through the interface with the if_id where there is "
		"one, "
		"else by any that leads out (charon.install_routes = yes does it)" },
	[CL_CAUSE_REVERSE_PATH_FILTER] = { "reverse-path-filter",
		"packets come in by another interface than the one that leads back, and rp_filter "
		"drops them",
		"set net.ipv4.conf.INTERFACE.rp_filter to 2 (and net.ipv4.conf.all.rp_filter below "
		"that), or route symmetrically" },
	[CL_CAUSE_ANSWERS_ELSEWHERE] = { "peer-answers-elsewhere",
		"IKE is answered from another address than the peer is asked at; firewalls and "
		"NATs "
		"that keep state take that, and ESP from there, for a stranger's",
		"set remote_addrs to the address that answers, or have the peer answer from where "
		"it is asked" },
	[CL_CAUSE_MTU] = { "path-mtu",
		"the way to the peer carries smaller packets than the link; with the tunnel's "
		"overhead "
		"large packets get lost where ICMP is dropped",
		"clamp the MSS of TCP to what --explain shows as advised (charon.plugins."
		"kernel-netlink.mss), and let ICMP \"fragmentation needed\" pass" },
	[CL_CAUSE_TOO_LARGE] = { "packets-too-large",
		"packets that are too large for the tunnel come again and again: their senders do "
		"not hear, or do not heed, that this host tells them so",
		"let ICMP \"fragmentation needed\" (IPv6: \"packet too big\") pass from this host "
		"to "
		"those behind it, or clamp the MSS of TCP to what --explain shows as advised "
		"(charon.plugins.kernel-netlink.mss)" },
	[CL_CAUSE_LARGE_LOST] = { "large-packets-lost",
		"small packets of the peer come in, and by their numbers many others got lost: "
		"full ones are dropped on the way without a word, or it loses packets of all sizes",
		"try ping -M do with sizes from a host behind one gateway to one behind the other; "
		"clamp the MSS of TCP at both ends to what passes (charon.plugins.kernel-netlink."
		"mss), or let ICMP \"fragmentation needed\" and fragments pass on the way" },
};

const char *cl_cause_name(enum cl_cause cause)
{
	return causes[cause].name;
}

const char *cl_cause_meaning(enum cl_cause cause)
{
	return causes[cause].meaning;
}

const char *cl_cause_cure(enum cl_cause cause)
{
	return causes[cause].cure;
}

/* The least likely of a full list makes room, of equals the last. */
static struct cl_finding *room_for(struct cl_findings *f, unsigned likelihood)
{
	struct cl_finding *least = &f->list[0];

	if (f->count < CL_FINDINGS_MAX)
		return &f->list[f->count++];
	for (size_t i = 1; i < f->count; i++)
		if (f->list[i].likelihood <= least->likelihood)
			least = &f->list[i];
	return least->likelihood < likelihood ? least : NULL;
}

struct cl_finding *cl_findings_add(struct cl_findings *f, enum cl_cause cause, unsigned likelihood,
	const char *child, const char *format, ...)
{
	struct cl_finding *added;
	va_list arguments;

	if (!(added = room_for(f, likelihood)))
		return NULL;
	added->cause = cause;
	added->likelihood = (uint8_t)likelihood;
	added->child = child;
	va_start(arguments, format);
	vsnprintf(added->text, sizeof(added->text), format, arguments);
	va_end(arguments);
	snprintf(added->cure, sizeof(added->cure), "%s", causes[cause].cure);
	return added;
}

void cl_finding_cure(struct cl_finding *finding, const char *format, ...)
{
	va_list arguments;

	if (!finding)
		return;
	va_start(arguments, format);
	vsnprintf(finding->cure, sizeof(finding->cure), format, arguments);
	va_end(arguments);
}

/* Few, so that insertion does, and it is stable. */
void cl_findings_sort(struct cl_findings *f)
{
	for (size_t i = 1; i < f->count; i++) {
		struct cl_finding moved = f->list[i];
		size_t to = i;

		for (; to > 0 && f->list[to - 1].likelihood < moved.likelihood; to--)
			f->list[to] = f->list[to - 1];
		f->list[to] = moved;
	}
}
