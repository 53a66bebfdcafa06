/*
 * The invariants.
 *
 * What one end alone may know, and when: an IKE SA is set up, and taken down, by a message whose
 * loss is noticed by one end only (RFC 7296 2.4: a half-agreed SA is found by liveness, or when
 * it is used). So after the network has healed and every wait is over
 *  - an IKE SA that both ends know must be the same at both, with the same children;
 *  - one that one end alone knows is tolerated only in a run with faults (a datagram lost, harmed
 * or overtaken, an engine down), and must be gone after an orderly delete, which may time out;
 *  - without faults there must be none.
 * IKEv1 deletes children, too, by a message that has no answer: the same holds of them.
 */
#include "testing/sim/world.h"

#include "libike/virtual.h"
#include "libike/wire/message.h"

#include <stdlib.h>

static bool waits(const struct ike_sa *sa)
{
	return sa->state != IKE_SA_ESTABLISHED || sa->active || sa->request || sa->tasks ||
	       sa->followups;
}

static size_t children_of(const struct ike_sa *sa)
{
	size_t count = 0;

	for (const struct ike_child *c = sa->children; c; c = c->next)
		count++;
	return count;
}

/* ---- One engine and its kernel ---- */

static const struct ike_child *owner_of(const struct sim_node *n, const struct sim_kernel_sa *is)
{
	const struct ike_sa *sa = NULL;

	while ((sa = ike_engine_sa_next(n->engine, sa)) != NULL) {
		for (const struct ike_child *c = sa->children; c; c = c->next) {
			if (c->suite.protocol != is->id.protocol)
				continue;
			if (is->inbound ? c->installed_in && c->spi_in == is->id.spi
					: c->installed_out && c->spi_out == is->id.spi)
				return c;
		}
	}
	return NULL;
}

/* It is about to be deleted, or to be as soon as the request window is free. */
static bool is_leaving(const struct ike_child *c)
{
	if (c->state != IKE_CHILD_INSTALLED)
		return true;
	for (const struct ike_task *task = c->sa->tasks; task; task = task->next) {
		if (task->kind == IKE_TASK_DELETE_CHILD && task->child == c)
			return true;
	}
	return false;
}

static void check_child_installed(struct sim_node *n, const struct ike_child *c)
{
	for (int inbound = 0; inbound < 2; inbound++) {
		struct ike_kernel_id id;
		const struct sim_kernel_sa *sa;

		if (!(inbound ? c->installed_in : c->installed_out))
			continue;
		id = ike_child_kernel_id(c, inbound);
		sa = sim_kernel_sa_find(&n->kernel, &id);
		/* What the kernel let expire is about to be deleted. */
		if (!sa && is_leaving(c) && sim_kernel_has_expired(&n->kernel, id.spi))
			continue;
		if (!sa || sa->larval)
			sim_complain(n->world, "%s: child %s{%u}: SA %08x is not in the kernel",
				n->name, c->config->name, c->unique_id, id.spi);
		else if (sa->reqid != c->reqid || sa->mode != c->mode ||
			 sa->udp_encapsulation != c->udp_encapsulation)
			sim_complain(n->world, "%s: child %s{%u}: SA %08x differs in the kernel",
				n->name, c->config->name, c->unique_id, id.spi);
	}
}

static void check_sas_owned(struct sim_node *n)
{
	for (const struct sim_kernel_sa *sa = n->kernel.sas; sa; sa = sa->next) {
		if (!sa->larval && !owner_of(n, sa))
			sim_complain(n->world, "%s: kernel SA %08x without an owner", n->name,
				sa->id.spi);
	}
}

static void check_policies_counted(struct sim_node *n)
{
	size_t wanted = 0;
	size_t there = 0;
	const struct ike_sa *sa = NULL;

	while ((sa = ike_engine_sa_next(n->engine, sa)) != NULL) {
		for (const struct ike_child *c = sa->children; c; c = c->next)
			wanted += c->policies_installed;
		wanted += sa->virtual && sa->virtual->bypass;
	}
	for (size_t i = 0; ike_engine_trap(n->engine, i); i++) {
		wanted++;
		if (!sim_kernel_policies_find(&n->kernel, &ike_engine_trap(n->engine, i)->policies))
			sim_complain(n->world, "%s: trap %s is not in the kernel", n->name,
				ike_engine_trap(n->engine, i)->config->name);
	}
	for (const struct sim_kernel_policies *p = n->kernel.policies; p; p = p->next)
		there += p->references;
	if (wanted != there)
		sim_complain(n->world, "%s: %zu sets of policies in the kernel, %zu wanted",
			n->name, there, wanted);
}

/* Each IKE SA that has a virtual address had it installed, and took it away again. */
static void check_virtual(struct sim_node *n)
{
	const struct ike_sa *sa = NULL;
	size_t wanted = 0, there = 0;

	while ((sa = ike_engine_sa_next(n->engine, sa)) != NULL)
		for (size_t i = 0; i < ike_virtual_our_count(sa->virtual); i++)
			wanted += sa->virtual->ours[i].installed;
	for (size_t i = 0; i < SIM_VIRTUAL_MAX; i++)
		there += n->virtual[i].times;
	if (wanted != there)
		sim_complain(n->world, "%s: %zu virtual addresses installed, %zu wanted", n->name,
			there, wanted);
}

static void check_sa(struct sim_node *n, const struct ike_sa *sa, ike_time deadline)
{
	if (waits(sa) && (sa->timer.at == IKE_NEVER || deadline > sa->timer.at))
		sim_complain(n->world, "%s: IKE SA %u (%s) waits without a deadline", n->name,
			sa->unique_id, ike_sa_state_name(sa->state));
	if (sa->tasks && !sa->active && sa->state == IKE_SA_ESTABLISHED && !sa->request &&
		sa->resume_at == IKE_NEVER && !sa->followups)
		sim_complain(
			n->world, "%s: IKE SA %u has a task that rests", n->name, sa->unique_id);
	if (sa->state == IKE_SA_ESTABLISHED && sa->negotiation)
		sim_complain(n->world, "%s: established IKE SA %u keeps its negotiation", n->name,
			sa->unique_id);
	if (!n->world->no_secrets)
		sim_secret_add(n->world, secret_bytes(&sa->keys), false);
	for (const struct ike_child *c = sa->children; c; c = c->next)
		check_child_installed(n, c);
}

void sim_check_node(struct sim_node *n)
{
	const struct ike_sa *sa = NULL;
	ike_time deadline = ike_engine_deadline(n->engine);
	struct ike_engine_stats stats;
	uint32_t sas = 0;
	uint32_t children = 0;

	while ((sa = ike_engine_sa_next(n->engine, sa)) != NULL) {
		sas++;
		children += (uint32_t)children_of(sa);
		check_sa(n, sa, deadline);
	}
	ike_engine_stats(n->engine, &stats);
	if (stats.ike_sas != sas)
		sim_complain(
			n->world, "%s: %u IKE SAs counted, %u there", n->name, stats.ike_sas, sas);
	if (stats.children != children)
		sim_complain(n->world, "%s: %u children counted, %u there", n->name, stats.children,
			children);
	check_sas_owned(n);
	check_policies_counted(n);
	check_virtual(n);
	/* A response to who has not proved anything is never much larger than what came: the slack
	 * is for notifies that only a responder sends. */
	if (n->datagrams_clear_out > n->datagrams_in ||
		n->octets_clear_out > n->octets_in + 128 * n->datagrams_clear_out)
		sim_complain(n->world, "%s answers more than it is asked: %llu octets for %llu",
			n->name, (unsigned long long)n->octets_clear_out,
			(unsigned long long)n->octets_in);
}

/* The peer's delete of what was rekeyed got lost (IKEv1). */
static bool is_left_over(struct sim_node *n, const struct ike_sa *sa, const struct ike_child *c)
{
	struct sim_node *peer;
	const struct ike_sa *other = sim_check_peer(n->world, n, sa, &peer);

	return sa->version == 1 && c->state == IKE_CHILD_REKEYED &&
	       n->world->datagrams_harmed > 0 && !(other && sim_check_child_peer(peer, other, c));
}

void sim_check_rest(struct sim_node *n)
{
	const struct ike_sa *sa = NULL;

	if (!n->engine)
		return;
	while ((sa = ike_engine_sa_next(n->engine, sa)) != NULL) {
		if (waits(sa))
			sim_complain(n->world, "%s: IKE SA %u (%s) is still busy", n->name,
				sa->unique_id, ike_sa_state_name(sa->state));
		for (const struct ike_child *c = sa->children; c; c = c->next) {
			if ((c->state != IKE_CHILD_INSTALLED || !c->installed_in ||
				    !c->installed_out) &&
				!is_left_over(n, sa, c))
				sim_complain(n->world, "%s: child %s{%u} rests as %s", n->name,
					c->config->name, c->unique_id,
					ike_child_state_name(c->state));
		}
	}
	for (const struct sim_kernel_sa *k = n->kernel.sas; k; k = k->next) {
		if (k->larval)
			sim_complain(
				n->world, "%s: SPI %08x was never returned", n->name, k->id.spi);
	}
}

/* ---- Two ends ---- */

const struct ike_sa *sim_check_peer(struct sim_world *w, const struct sim_node *n,
	const struct ike_sa *sa, struct sim_node **ret_node)
{
	for (size_t i = 0; i < w->node_count; i++) {
		const struct ike_sa *other = NULL;

		if (&w->nodes[i] == n || !w->nodes[i].engine)
			continue;
		while ((other = ike_engine_sa_next(w->nodes[i].engine, other)) != NULL) {
			if (other->spi_initiator == sa->spi_initiator &&
				other->spi_responder == sa->spi_responder) {
				*ret_node = &w->nodes[i];
				return other;
			}
		}
	}
	return NULL;
}

static bool suite_equal(const struct ike_suite *a, const struct ike_suite *b)
{
	return a->protocol == b->protocol && a->esn == b->esn && a->encryption == b->encryption &&
	       a->encryption_bits == b->encryption_bits && a->integrity == b->integrity &&
	       a->prf == b->prf && a->group == b->group &&
	       memcmp(a->additional, b->additional, sizeof(a->additional)) == 0;
}

static bool selectors_mirrored(const struct ike_child *a, const struct ike_child *b)
{
	if (a->local_count != b->remote_count || a->remote_count != b->local_count)
		return false;
	for (uint8_t i = 0; i < a->local_count; i++) {
		bool found = false;

		for (uint8_t j = 0; j < b->remote_count; j++)
			found |=
				ike_selector_equal(&ike_child_local(a)[i], &ike_child_remote(b)[j]);
		if (!found)
			return false;
	}
	return true;
}

static bool kernel_keys_equal(const struct sim_kernel_sa *a, const struct sim_kernel_sa *b)
{
	return a->encryption == b->encryption && a->integrity == b->integrity && a->esn == b->esn &&
	       a->mode == b->mode && a->id.cpi == b->id.cpi &&
	       a->udp_encapsulation == b->udp_encapsulation &&
	       secret_equal(bytes_of(a->encryption_key, a->encryption_key_length),
		       bytes_of(b->encryption_key, b->encryption_key_length)) &&
	       secret_equal(bytes_of(a->integrity_key, a->integrity_key_length),
		       bytes_of(b->integrity_key, b->integrity_key_length));
}

/* A packet of that child through the tunnel, a to b. */
static void check_packet(struct sim_node *a, struct sim_node *b, const struct ike_child *child)
{
	struct sim_packet packet = sim_packet_of(ike_child_local(child), ike_child_remote(child));
	const struct sim_kernel_policies *policies;
	const struct sim_kernel_sa *out = sim_kernel_output(&a->kernel, &packet, &policies);
	const struct sim_kernel_sa *in;
	struct address destination;

	if (!child->policies_installed)
		return;
	if (!policies || policies->is.kind == IKE_POLICY_SHUNT || !out) {
		sim_complain(a->world, "%s: a packet of child %s{%u} finds no SA", a->name,
			child->config->name, child->unique_id);
		return;
	}
	destination = out->id.destination;
	if (out->udp_encapsulation && sim_network_route(a->world, &destination) != b) {
		/* The NAT box forgot where it leads; the engine does not follow yet. */
		if (!b->nat.rebound)
			sim_complain(a->world, "%s: SA %08x leads nowhere", a->name, out->id.spi);
		return;
	}
	in = sim_kernel_inbound(&b->kernel, out->id.protocol, out->id.spi, &destination);
	if (!in || in->larval)
		sim_complain(
			a->world, "%s: %s does not know SA %08x", a->name, b->name, out->id.spi);
	else if (!kernel_keys_equal(out, in))
		sim_complain(a->world, "%s: SA %08x is another one at %s", a->name, out->id.spi,
			b->name);
	else if (!sim_kernel_input_allows(&b->kernel, in, &packet))
		sim_complain(a->world, "%s: %s lets no packet of SA %08x in", a->name, b->name,
			out->id.spi);
}

static const struct ike_child *child_by_spis(
	const struct ike_sa *sa, uint32_t spi_in, uint32_t spi_out)
{
	for (const struct ike_child *c = sa->children; c; c = c->next) {
		if (c->spi_in == spi_in && c->spi_out == spi_out)
			return c;
	}
	return NULL;
}

const struct ike_child *sim_check_child_peer(
	const struct sim_node *peer, const struct ike_sa *other, const struct ike_child *c)
{
	const struct ike_child *d = child_by_spis(other, c->spi_out, c->spi_in);
	const struct ike_sa *sa = NULL;

	/* IKEv1 does not bind children to the IKE SA that made them. */
	while (!d && other->version == 1 && (sa = ike_engine_sa_next(peer->engine, sa)) != NULL) {
		if (sa->version == 1)
			d = child_by_spis(sa, c->spi_out, c->spi_in);
	}
	return d;
}

/* Returns how many the peer does not know, where that is tolerated. */
static size_t check_children(struct sim_node *n, const struct ike_sa *sa, struct sim_node *peer,
	const struct ike_sa *other, bool tolerant)
{
	bool nat = sa->nat_local || sa->nat_remote;
	size_t one_sided = 0;

	for (const struct ike_child *c = sa->children; c; c = c->next) {
		const struct ike_child *d = sim_check_child_peer(peer, other, c);

		/* Deleted at both ends, and taking in what was under way. */
		if (c->state == IKE_CHILD_DELETED)
			continue;
		if (!d && tolerant && sa->version == 1) {
			one_sided++;
			continue;
		}
		if (!d) {
			sim_complain(n->world, "%s: %s does not know child %s{%u}", n->name,
				peer->name, c->config->name, c->unique_id);
			continue;
		}
		if (!suite_equal(&c->suite, &d->suite) || c->mode != d->mode ||
			c->udp_encapsulation != d->udp_encapsulation)
			sim_complain(n->world, "%s: child %s{%u} is another one at %s", n->name,
				c->config->name, c->unique_id, peer->name);
		/* In transport mode through a NAT each end has its own view (RFC 7296 2.23.1). */
		if (nat && c->mode == IKE_MODE_TRANSPORT)
			continue;
		/* Cisco Unity: the client may want less than the gateway takes. */
		if (c->says_all && d->says_all)
			continue;
		if (!selectors_mirrored(c, d))
			sim_complain(n->world, "%s: child %s{%u} has other selectors at %s",
				n->name, c->config->name, c->unique_id, peer->name);
		/* The newest SA takes the packet: it may be a one-sided one. */
		if (!tolerant)
			check_packet(n, peer, c);
	}
	return one_sided;
}

static bool same_identity(const struct ike_identity *a, const struct ike_identity *b)
{
	return a && b && ike_identity_equal(a, b);
}

static bool encapsulates(const struct ike_sa *sa)
{
	return sa->nat_local || sa->nat_remote || sa->nat_fake;
}

static const char *difference(const struct ike_sa *sa, const struct ike_sa *other)
{
	if (sa->initiator == other->initiator)
		return "role";
	if (!suite_equal(&sa->suite, &other->suite))
		return "suite";
	if (!same_identity(sa->local_id, other->remote_id) ||
		!same_identity(sa->remote_id, other->local_id))
		return "identities";
	if (!secret_equal(secret_bytes(&sa->keys), secret_bytes(&other->keys)))
		return "keys";
	/* Of IKEv1 the hashes may have been damaged: what counts is that both encapsulate. */
	if (sa->version == 1 ? encapsulates(sa) != encapsulates(other)
			     : (sa->nat_local || sa->nat_fake) != other->nat_remote)
		return "NAT";
	return NULL;
}

static size_t check_pair(struct sim_node *n, const struct ike_sa *sa, struct sim_node *peer,
	const struct ike_sa *other, bool tolerant)
{
	const char *what = difference(sa, other);

	if (what)
		sim_complain(n->world, "%s: IKE SA %u has other %s at %s", n->name, sa->unique_id,
			what, peer->name);
	if (!n->nat.here && !address_same_host(&sa->local, &other->remote))
		sim_complain(n->world, "%s: %s has another address of IKE SA %u", n->name,
			peer->name, sa->unique_id);
	return check_children(n, sa, peer, other, tolerant);
}

size_t sim_check_agreement(struct sim_world *w, bool one_sided)
{
	size_t count = 0;

	for (size_t i = 0; i < w->node_count; i++) {
		struct sim_node *n = &w->nodes[i];
		const struct ike_sa *sa = NULL;

		if (!n->engine)
			continue;
		while ((sa = ike_engine_sa_next(n->engine, sa)) != NULL) {
			struct sim_node *peer = NULL;
			const struct ike_sa *other = sim_check_peer(w, n, sa, &peer);

			if (other) {
				count += check_pair(n, sa, peer, other, one_sided);
				continue;
			}
			count++;
			if (!one_sided)
				sim_complain(w, "%s: nobody else knows IKE SA %u", n->name,
					sa->unique_id);
		}
	}
	return count;
}

/* ---- Requests and commands ---- */

struct sim_sent {
	struct sim_sent *next;
	uint64_t fingerprint;
	uint32_t times;
	uint8_t node;
};

static uint64_t mix(uint64_t hash, uint8_t octet)
{
	return (hash ^ octet) * UINT64_C(0x100000001b3);
}

void sim_check_sent(struct sim_node *n, const struct ike_datagram *datagram)
{
	uint64_t fingerprint = UINT64_C(0xcbf29ce484222325);
	struct ike_header header;
	struct sim_sent *s;
	struct sim_sent **list;

	if (!ike_header_parse(datagram->data, &header) || (header.flags & IKE_FLAG_RESPONSE))
		return;
	for (size_t i = 0; i < datagram->data.length; i++)
		fingerprint = mix(fingerprint, datagram->data.at[i]);
	/* By way: with MOBIKE it may take several, and on another one begin anew. */
	for (size_t i = 0; i < sizeof(datagram->local.octets); i++)
		fingerprint = mix(
			mix(fingerprint, datagram->local.octets[i]), datagram->remote.octets[i]);
	list = &n->world->sent[fingerprint % SIM_SENT_LISTS];
	for (s = *list; s; s = s->next) {
		if (s->fingerprint == fingerprint && s->node == n->index)
			break;
	}
	if (!s) {
		if (!(s = calloc(1, sizeof(*s))))
			abort();
		s->fingerprint = fingerprint;
		s->node = n->index;
		s->next = *list;
		*list = s;
	}
	/* And once more each time that the other end is seen elsewhere, which may go to and fro. */
	if (++s->times > n->settings.retransmit_tries + 10)
		sim_complain(n->world, "%s sends a request %u times", n->name, s->times);
}

void sim_check_sent_free(struct sim_world *w)
{
	for (size_t i = 0; i < SIM_SENT_LISTS; i++) {
		while (w->sent[i]) {
			struct sim_sent *s = w->sent[i];

			w->sent[i] = s->next;
			free(s);
		}
	}
}

void sim_check_commands(struct sim_world *w)
{
	for (const struct sim_command *c = w->commands; c; c = c->next) {
		if (!c->lost && c->answers != 1)
			sim_complain(w, "command %s has %u answers", c->what, c->answers);
	}
}
