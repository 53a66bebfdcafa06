/* Packets through the tunnels, and what the kernels tell the engines about them. */
#include "testing/sim/world.h"

#define PACKET_OCTETS 1000

const char *sim_fate_name(enum sim_fate fate)
{
	static const char *const names[] = { "arrived", "left in the clear", "was dropped",
		"waits for an SA", "was lost", "belongs to no SA there", "was refused there" };

	return names[fate];
}

void sim_traffic_expire(struct sim_node *n)
{
	struct sim_kernel_expire expire;

	n->kernel.now = sim_node_now(n);
	while (sim_kernel_expires(&n->kernel, &expire)) {
		sim_trace(n->world, "%s kernel: SA %08x expires (%s)", n->name, expire.id.spi,
			expire.hard ? "hard" : "soft");
		if (n->engine)
			sim_node_expire(n, &expire.id, expire.hard);
	}
}

static void count(struct sim_node *n, struct sim_kernel_sa *sa)
{
	n->kernel.now = sim_node_now(n);
	sim_kernel_count(&n->kernel, sa, PACKET_OCTETS);
}

static enum sim_fate without_sa(struct sim_node *n, const struct sim_packet *packet,
	const struct sim_kernel_policies *policies)
{
	struct ike_acquire acquire;

	if (!policies || policies->is.mode == IKE_MODE_PASS)
		return SIM_CLEAR;
	if (policies->is.mode == IKE_MODE_DROP)
		return SIM_DROPPED;
	n->kernel.now = sim_node_now(n);
	if (n->engine && sim_kernel_asks(&n->kernel, policies)) {
		acquire = (struct ike_acquire){ policies->is.reqid,
			ike_selector_of_host(&packet->source),
			ike_selector_of_host(&packet->destination), true };
		sim_node_acquire(n, &acquire);
	}
	return SIM_WAITS;
}

static bool same_keys(const struct sim_kernel_sa *a, const struct sim_kernel_sa *b)
{
	return a->encryption == b->encryption && a->integrity == b->integrity && a->esn == b->esn &&
	       a->mode == b->mode && a->id.cpi == b->id.cpi &&
	       a->udp_encapsulation == b->udp_encapsulation &&
	       secret_equal(bytes_of(a->encryption_key, a->encryption_key_length),
		       bytes_of(b->encryption_key, b->encryption_key_length)) &&
	       secret_equal(bytes_of(a->integrity_key, a->integrity_key_length),
		       bytes_of(b->integrity_key, b->integrity_key_length));
}

/* Where an ESP packet comes out, and from where it seems to come; NULL when it does not. */
static struct sim_node *carry(
	struct sim_node *n, const struct sim_kernel_sa *out, struct address *source)
{
	struct sim_world *w = n->world;
	struct address destination = out->id.destination;
	bool faulty = w->now < w->faults_until;
	struct sim_node *to;

	*source = out->id.source;
	if (!sim_network_has(n, source) || sim_network_cut_off(w, n, true) ||
		(faulty && sim_random_chance(&w->random, w->faults.loss)))
		return NULL;
	*source = sim_network_seen(n, source);
	to = sim_network_route(w, &destination);
	return to && !sim_network_cut_off(w, to, false) ? to : NULL;
}

static enum sim_fate receive(struct sim_node *to, const struct sim_kernel_sa *out,
	const struct address *source, const struct sim_packet *packet)
{
	struct address destination = out->id.destination;
	struct sim_kernel_sa *in;
	bool keys_fit, let_in;

	(void)sim_network_route(to->world, &destination);
	in = sim_kernel_inbound(&to->kernel, out->id.protocol, out->id.spi, &destination);
	if (!in || in->larval)
		return SIM_UNKNOWN;
	keys_fit = same_keys(out, in);
	let_in = sim_kernel_input_allows(&to->kernel, in, packet);
	if (!keys_fit)
		return SIM_REFUSED;
	count(to, in);
	if (in->udp_encapsulation && !address_equal(&in->id.source, source) && to->engine)
		sim_node_mapping(to, in->id.spi, source);
	sim_traffic_expire(to);
	return let_in ? SIM_ARRIVED : SIM_REFUSED;
}

enum sim_fate sim_traffic_send(
	struct sim_node *n, const struct sim_packet *packet, struct sim_node **ret_to)
{
	const struct sim_kernel_policies *policies;
	struct sim_kernel_sa *sa = sim_kernel_output(&n->kernel, packet, &policies);
	struct sim_kernel_sa out;
	enum sim_fate fate = SIM_LOST;
	struct address source;
	struct sim_node *to;

	if (ret_to)
		*ret_to = NULL;
	if (!sa) {
		fate = without_sa(n, packet, policies);
		sim_trace(n->world, "%s: a packet %s", n->name, sim_fate_name(fate));
		return fate;
	}
	count(n, sa);
	out = *sa; /* it may expire now */
	sim_traffic_expire(n);
	to = carry(n, &out, &source);
	if (to)
		fate = receive(to, &out, &source, packet);
	sim_trace(n->world, "%s: a packet in SA %08x to %s %s", n->name, out.id.spi,
		to ? to->name : "nobody", sim_fate_name(fate));
	if (ret_to && fate == SIM_ARRIVED)
		*ret_to = to;
	secret_wipe(&out, sizeof(out));
	return fate;
}
