#include "charon-lite/explain/look.h"

#include "charon-lite/explain/judge.h"
#include "charon-lite/explain/nat_rules.h"
#include "charon-lite/explain/nft_rules.h"
#include "libike/sa/path.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TCP_HEADER 20
/* Interfaces: of a host with more not all are looked at. */
#define LINKS_MAX 64

/* By which packets can come in. */
struct links {
	bool gathered;
	size_t count; /* more than LINKS_MAX, perhaps */
	char names[LINKS_MAX][IF_NAMESIZE];
};

struct cl_look {
	struct cl_daemon *daemon;
	bool prepared;
	struct cl_foreign foreign;
	struct cl_nat_rules *nat, *nat_ipv6; /* NULL: there are none, or they can't be read */
	struct cl_nft_rules *nft;            /* the same */
	struct cl_xfrm_counter counters[CL_XFRM_COUNTERS];
	size_t counter_count;
	struct links links;
	struct {
		bool known, any;
	} rules[2]; /* of policy routing: IPv4's, IPv6's */
};

struct cl_look *cl_look_new(struct cl_daemon *d)
{
	struct cl_look *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->daemon = d;
	l->prepared = !d->kernel.tables;
	return l;
}

static void read_rules(struct cl_look *l)
{
	char text[4096];

	l->nat = cl_nat_rules_read(AF_INET);
	l->nat_ipv6 = cl_nat_rules_read(AF_INET6);
	l->nft = cl_nft_rules_read();
	if (cl_proc_read("/proc/net/xfrm_stat", text, sizeof(text)))
		l->counter_count = cl_xfrm_counters_parse(text, l->counters);
}

bool cl_look_prepare(struct cl_look *l)
{
	if (l->prepared)
		return false;
	if (!cl_foreign_gather(&l->foreign)) {
		read_rules(l);
		l->prepared = true;
	}
	return true;
}

void cl_look_free(struct cl_look *l)
{
	if (!l)
		return;
	cl_foreign_free(&l->foreign);
	cl_nat_rules_free(l->nat);
	cl_nat_rules_free(l->nat_ipv6);
	cl_nft_rules_free(l->nft);
	free(l);
}

void cl_look_counters(const struct cl_look *l,
	void (*visit)(void *context, const char *name, uint64_t value), void *context)
{
	for (size_t i = 0; i < l->counter_count; i++)
		if (l->counters[i].value > 0)
			visit(context, l->counters[i].name, l->counters[i].value);
}

static uint64_t counter(const struct cl_look *l, const char *name)
{
	for (size_t i = 0; i < l->counter_count; i++)
		if (strcmp(l->counters[i].name, name) == 0)
			return l->counters[i].value;
	return 0;
}

/* ---- Routes ---- */

static void look_route(
	struct cl_look *l, const struct address *to, bool past_tunnels, struct cl_seen_route *ret)
{
	struct cl_network_route route;

	cl_network_look(l->daemon->network, to, past_tunnels, &route);
	*ret = (struct cl_seen_route){
		.asked = true,
		.found = route.found,
		.local = route.local,
		.to = *to,
		.source = route.source,
		.gateway = route.gateway,
		.if_id = route.if_id,
		.mtu = route.mtu,
		.interface_mtu = route.interface_mtu,
	};
	memcpy(ret->interface, route.interface, sizeof(ret->interface));
}

void cl_look_peer(struct cl_look *l, const struct address *peer, struct cl_seen_route *ret)
{
	look_route(l, peer, true, ret);
}

/* A host of the network: the first that is not the network's own address. False for all there is:
 * any host would do, and none tells anything. */
static bool host_of(const struct ike_selector *s, struct address *ret, bool *ret_network)
{
	uint8_t length;

	ike_selector_prefix(s, ret, &length);
	*ret_network = length < 8 * address_size(ret);
	if (length == 0 || address_size(ret) == 0)
		return false;
	if (length + 1u < 8 * address_size(ret))
		ret->octets[address_size(ret) - 1] |= 1;
	return true;
}

static bool has_rules(struct cl_look *l, uint16_t family)
{
	bool ipv6 = family == AF_INET6;

	if (!l->rules[ipv6].known)
		l->rules[ipv6].any = cl_network_has_rules(l->daemon->network, family);
	l->rules[ipv6].known = true;
	return l->rules[ipv6].any;
}

static bool forwards(uint16_t family)
{
	return cl_proc_number(family == AF_INET6 ? "/proc/sys/net/ipv6/conf/all/forwarding"
						 : "/proc/sys/net/ipv4/ip_forward",
		       1) != 0;
}

/* Of the two settings the stricter one that is not 0: the larger number. */
static int rp_filter(const char *interface)
{
	char path[64 + IF_NAMESIZE];
	long all = cl_proc_number("/proc/sys/net/ipv4/conf/all/rp_filter", -1), own;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/conf/%s/rp_filter", interface);
	own = cl_proc_number(path, -1);
	return (int)(own > all ? own : all);
}

static void link_note(void *context, const char *interface)
{
	struct links *links = context;

	if (links->count < LINKS_MAX)
		snprintf(links->names[links->count], IF_NAMESIZE, "%s", interface);
	links->count++;
}

static const struct links *links_of(struct cl_look *l)
{
	if (!l->links.gathered)
		cl_network_links(l->daemon->network, link_note, &l->links);
	l->links.gathered = true;
	return &l->links;
}

static bool is_link(const struct links *links, const char *interface)
{
	bool found = links->count > LINKS_MAX;

	for (size_t i = 0; i < links->count && !found; i++)
		found = strcmp(links->names[i], interface) == 0;
	return found;
}

/*
 * Where the peer's packets come in, if not by the way back. Mostly that is the link that has our
 * address. One on loopback or a dummy is reached by any: then the first that would drop them.
 */
static void look_arrival(struct cl_look *l, struct cl_seen_tunnel *t)
{
	const struct links *links = links_of(l);

	t->rp_filter = -1;
	t->one_link = links->count == 1;
	t->arrives_by_address =
		cl_network_interface(l->daemon->network, &t->local, t->arrives_at) &&
		is_link(links, t->arrives_at);
	if (!t->arrives_by_address)
		t->arrives_at[0] = '\0';
	if (t->local.family != AF_INET)
		return;
	if (t->arrives_by_address)
		t->rp_filter = rp_filter(t->arrives_at);
	for (size_t i = 0; !t->arrives_at[0] && i < links->count && i < LINKS_MAX; i++) {
		if (strcmp(links->names[i], t->to_peer.interface) == 0 ||
			rp_filter(links->names[i]) != 1)
			continue;
		memcpy(t->arrives_at, links->names[i], sizeof(t->arrives_at));
		t->rp_filter = 1;
	}
}

/* Counters that have moved since the child is there. */
static void look_drops(struct cl_look *l, const struct ike_child *child, struct cl_seen_drops *ret)
{
	const uint16_t family = child->sa->remote.family;
	struct cl_drops before, now;

	ret->known = child->installed_at != IKE_NEVER &&
		     cl_drops_before(l->daemon->drops, family, child->installed_at + IKE_SECONDS(1),
			     &before) &&
		     cl_drops_read(family, &now);
	if (!ret->known)
		return;
	ret->count = (struct cl_drops){
		.filtered = now.filtered - before.filtered,
		.too_large = now.too_large - before.too_large,
		.unreassembled = now.unreassembled - before.unreassembled,
	};
}

static void look_network(struct cl_look *l, const struct ike_child *child, struct cl_seen_tunnel *t)
{
	const struct ike_selector *ours = ike_child_local(child);
	const struct ike_selector *theirs = ike_child_remote(child);
	struct address host;
	uint8_t length;
	bool network;

	if (child->remote_count > 0 && host_of(theirs, &host, &network)) {
		look_route(l, &host, false, &t->into);
		t->into_has_rules = has_rules(l, host.family);
	}
	if (child->local_count > 0) {
		if (host_of(ours, &host, &network))
			look_route(l, &host, false, &t->behind);
		ike_selector_prefix(ours, &host, &length);
		t->behind_is_here = address_in_prefix(&t->local, &host, length);
		t->behind_is_network =
			t->mode != IKE_MODE_TRANSPORT && network && child->mode != IKE_MODE_BEET;
	}
	t->forwards = forwards(t->family);
	look_arrival(l, t);
	look_drops(l, child, &t->drops);
}

/* ---- What fits ---- */

static void look_size(const struct ike_child *child, struct cl_seen_tunnel *t)
{
	const struct ike_algorithm *encryption = ike_suite_encryption(&child->suite);
	const struct ike_algorithm *integrity = ike_suite_integrity(&child->suite);
	const struct cl_encapsulation e = {
		.mode = t->mode,
		.ah = t->protocol == IKE_PROTOCOL_AH,
		.udp = t->udp,
		.family = t->remote.family,
		.iv_length = encryption ? encryption->iv_length : 0,
		.block_length = encryption ? encryption->block_length : 1,
		.icv_length = encryption && encryption->aead ? encryption->icv_length
			      : integrity                    ? integrity->icv_length
							     : 0,
	};
	uint32_t headers = (t->family == AF_INET6 ? 40 : 20) + TCP_HEADER;

	t->inner_mtu = t->to_peer.mtu ? cl_inner_mtu(&e, t->to_peer.mtu) : 0;
	t->overhead = t->inner_mtu ? t->to_peer.mtu - t->inner_mtu : 0;
	t->mss = t->inner_mtu > headers ? t->inner_mtu - headers : 0;
}

static void look_nat(struct cl_look *l, const struct ike_child *child, struct cl_seen_tunnel *t)
{
	struct cl_nat_packet packet = { .interface = t->into.interface };
	struct cl_nat_verdict verdict = { 0 };
	const struct cl_nat_rules *rules = t->family == AF_INET6 ? l->nat_ipv6 : l->nat;

	if (t->mode == IKE_MODE_TRANSPORT || !t->into.found || child->local_count == 0 ||
		child->remote_count == 0)
		return;
	ike_selector_prefix(ike_child_local(child), &packet.source, &packet.source_prefix);
	ike_selector_prefix(
		ike_child_remote(child), &packet.destination, &packet.destination_prefix);
	/* what it is translated to would still meet the policy */
	if (address_in_prefix(&t->local, &packet.source, packet.source_prefix))
		return;
	if (packet.source.family != packet.destination.family)
		return;
	if (rules)
		cl_nat_rules_judge(rules, &packet, &verdict);
	if (l->nft && !verdict.sure) {
		struct cl_nat_verdict other;

		cl_nft_rules_judge(l->nft, &packet, &other);
		if (other.sure || !verdict.hit)
			verdict = other;
	}
	t->masquerade.seen = verdict.hit;
	t->masquerade.sure = verdict.sure;
	t->masquerade.packets = verdict.packets;
	snprintf(t->masquerade.rule, sizeof(t->masquerade.rule), "%s", verdict.rule);
}

void cl_look_use(struct cl_look *l, const struct ike_child *child, struct cl_seen_tunnel *ret)
{
	const struct ike_kernel_id id = ike_child_kernel_id(child, false);

	*ret = (struct cl_seen_tunnel){
		.child = child->config->name,
		.local = id.source,
		.remote = id.destination,
		.mode = child->mode,
		.protocol = child->suite.protocol,
		.udp = child->udp_encapsulation,
		.family = child->local_count > 0 ? ike_child_local(child)->family : 0,
	};
	if (child->installed_at != IKE_NEVER)
		ret->age = (cl_daemon_now() - child->installed_at) / 1000;
	if (l->daemon->kernel.tables)
		cl_look_sas(l->daemon->kernel.tables, &l->foreign, child, ret);
	look_route(l, &ret->remote, true, &ret->to_peer);
	look_size(child, ret);
}

void cl_look_at(struct cl_look *l, const struct ike_child *child, struct cl_seen_tunnel *ret)
{
	cl_look_use(l, child, ret);
	ret->if_id_out = child->if_id_out;
	ret->no_states = counter(l, "XfrmInNoStates");
	ret->template_mismatch = counter(l, "XfrmInTmplMismatch");
	ret->no_policies = counter(l, "XfrmInNoPols");
	ret->blocked = counter(l, "XfrmInPolBlock");
	if (ike_path_answers_from(child->sa))
		ret->answers_from = *ike_path_answers_from(child->sa);
	if (l->daemon->kernel.tables)
		cl_look_policies(l->daemon->kernel.tables, &l->foreign, child, ret);
	look_network(l, child, ret);
	look_nat(l, child, ret);
}
