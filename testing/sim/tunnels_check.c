/* What must hold when all is well. */
#include "testing/sim/tunnels.h"

#include <netinet/in.h>
#include <stdarg.h>
#include <stdlib.h>

static const struct sim_child_definition *child_of(
	const struct tunnel_pair *pair, size_t side, size_t child)
{
	return &pair->sides[side].definition.children[child];
}

/* That end alone wants the child up, whatever happened to it: a trap stays (and packets meet it), a
 * start holds until a child ends in a way whose action is none. */
static bool end_wants(const struct tunnel_pair *pair, size_t side, size_t child)
{
	const struct sim_child_definition *d = child_of(pair, side, child);
	const struct tunnel_side *s = &pair->sides[side];
	bool sticky = d->dpd_action != IKE_ACTION_NONE && d->close_action != IKE_ACTION_NONE;

	if (!s->can_initiate)
		return false;
	if (d->start_action & IKE_ACTION_TRAP)
		return true;
	if (d->start_action & IKE_ACTION_START)
		return sticky || !s->was_up[child];
	/* One that was replaced as another came up is not missed. */
	return sticky && s->was_up[child] && pair->child_count == 1;
}

enum tunnels_want tunnels_wanted(const struct tunnel_pair *pair, size_t child)
{
	if (pair->disturbed)
		return TUNNELS_EITHER;
	return end_wants(pair, 0, child) || end_wants(pair, 1, child) ? TUNNELS_UP : TUNNELS_EITHER;
}

/* ---- Packets ---- */

static struct address host_address(
	const struct tunnels *t, const struct tunnel_pair *pair, size_t side, size_t child)
{
	struct address a = t->w->nodes[pair->sides[side].node].address[0];

	a.port = side == 0 ? (uint16_t)(1000 + child) : 1701;
	return a;
}

enum sim_fate tunnels_packet(
	struct tunnels *t, const struct tunnel_pair *pair, size_t side, size_t child)
{
	const struct sim_child_definition *d = child_of(pair, side, child);
	struct ike_selector local, remote;
	struct sim_packet packet;
	enum sim_fate fate;
	struct why why;

	if (d->mode == IKE_MODE_TRANSPORT) {
		packet = (struct sim_packet){ host_address(t, pair, side, child),
			host_address(t, pair, !side, child), IPPROTO_UDP };
	} else {
		if (!ike_selector_parse(d->local_ts, &local, &why) ||
			!ike_selector_parse(d->remote_ts, &remote, &why))
			abort();
		packet = sim_packet_of(&local, &remote);
	}
	fate = sim_traffic_send(&t->w->nodes[pair->sides[side].node], &packet, NULL);
	t->counts->packets++;
	t->counts->arrived += fate == SIM_ARRIVED;
	return fate;
}

/* ---- Problems ---- */

struct problem {
	struct tunnels *t;
	char *text;
	size_t room;
	bool found;
};

PRINTF_LIKE(2, 3) static void found(struct problem *p, const char *format, ...)
{
	va_list values;

	if (p->found)
		return;
	p->found = true;
	va_start(values, format);
	vsnprintf(p->text, p->room, format, values);
	va_end(values);
}

static bool belongs(const struct ike_sa *sa, const struct tunnel_side *side)
{
	return sa->connection && strcmp(sa->connection->name, side->definition.name) == 0;
}

/* Nothing of that side is half-open, waits or is on its way out. */
static void look_at_side(struct problem *p, const struct tunnel_side *side)
{
	struct sim_node *n = &p->t->w->nodes[side->node];
	const struct ike_sa *sa = NULL;

	while ((sa = ike_engine_sa_next(n->engine, sa)) != NULL) {
		struct sim_node *peer;

		if (!belongs(sa, side))
			continue;
		if (sa->state != IKE_SA_ESTABLISHED || sa->active || sa->tasks)
			found(p, "%s: IKE SA %u (%s) is busy", n->name, sa->unique_id,
				ike_sa_state_name(sa->state));
		if (!sim_check_peer(p->t->w, n, sa, &peer))
			found(p, "%s: nobody else knows IKE SA %u", n->name, sa->unique_id);
		for (const struct ike_child *c = sa->children; c; c = c->next) {
			if (c->state != IKE_CHILD_INSTALLED)
				found(p, "%s: child %s{%u} is still %s", n->name, c->config->name,
					c->unique_id, ike_child_state_name(c->state));
		}
	}
}

/* Children of two versions of a definition may have come up in an IKE SA each; one without any is
 * one too many. */
static bool has_idle_ike_sa(const struct sim_node *n, const struct tunnel_side *side)
{
	const struct ike_sa *sa = NULL;
	unsigned count = 0;
	unsigned idle = 0;

	while ((sa = ike_engine_sa_next(n->engine, sa)) != NULL) {
		count += belongs(sa, side);
		idle += belongs(sa, side) && !sa->children;
	}
	return count > 1 && idle > 0;
}

static const struct ike_child *only_child(
	const struct sim_node *n, const struct tunnel_side *side, size_t child, unsigned *ret_count)
{
	const struct ike_child *last = NULL;
	const struct ike_sa *sa = NULL;

	*ret_count = 0;
	while ((sa = ike_engine_sa_next(n->engine, sa)) != NULL) {
		if (!belongs(sa, side))
			continue;
		for (const struct ike_child *c = sa->children; c; c = c->next) {
			if (strcmp(c->config->name, side->definition.children[child].name) != 0)
				continue;
			last = c;
			++*ret_count;
		}
	}
	return last;
}

static void look_at_packets(struct problem *p, const struct tunnel_pair *pair, size_t child)
{
	for (size_t side = 0; side < 2; side++) {
		enum sim_fate fate = tunnels_packet(p->t, pair, side, child);

		if (fate != SIM_ARRIVED)
			found(p, "%s %s: a packet from %s %s", pair->sides[side].definition.name,
				child_of(pair, side, child)->name,
				p->t->w->nodes[pair->sides[side].node].name, sim_fate_name(fate));
	}
}

static void look_at_child(struct problem *p, const struct tunnel_pair *pair, size_t child)
{
	const struct ike_child *ends[2];
	unsigned counts[2];
	enum tunnels_want want = tunnels_wanted(pair, child);
	const char *name = child_of(pair, 0, child)->name;

	for (size_t i = 0; i < 2; i++) {
		const struct sim_node *n = &p->t->w->nodes[pair->sides[i].node];

		ends[i] = only_child(n, &pair->sides[i], child, &counts[i]);
		if (counts[i] > 1)
			found(p, "%s has %u children %s of %s", n->name, counts[i], name,
				pair->sides[i].definition.name);
		if (counts[i] == 0 && want == TUNNELS_UP)
			found(p, "%s has no child %s of %s", n->name, name,
				pair->sides[i].definition.name);
	}
	if (counts[0] != counts[1])
		found(p, "child %s of %s: %u at one end, %u at the other", name,
			pair->sides[0].definition.name, counts[0], counts[1]);
	if (p->found || !ends[0] || !ends[1])
		return;
	if (ends[0]->spi_in != ends[1]->spi_out || ends[0]->spi_out != ends[1]->spi_in)
		found(p, "child %s of %s: the ends have other SPIs", name,
			pair->sides[0].definition.name);
	look_at_packets(p, pair, child);
}

bool tunnels_problem(struct tunnels *t, const struct tunnel_pair *pair, char *ret, size_t room)
{
	struct problem p = { t, ret, room, false };

	for (size_t i = 0; i < 2; i++) {
		const struct sim_node *n = &t->w->nodes[pair->sides[i].node];

		look_at_side(&p, &pair->sides[i]);
		if (has_idle_ike_sa(n, &pair->sides[i]))
			found(&p, "%s has an IKE SA too many of %s", n->name,
				pair->sides[i].definition.name);
	}
	for (size_t i = 0; i < pair->child_count && !p.found; i++)
		look_at_child(&p, pair, i);
	return p.found;
}

bool tunnels_leftovers(struct tunnels *t, char *ret, size_t room)
{
	struct problem p = { t, ret, room, false };

	for (size_t i = 0; i < t->w->node_count; i++) {
		const struct sim_node *n = &t->w->nodes[i];
		const struct ike_sa *sa = NULL;

		while ((sa = ike_engine_sa_next(n->engine, sa)) != NULL) {
			if (!sa->connection)
				found(&p, "%s: IKE SA %u is nobody's", n->name, sa->unique_id);
			if (sa->state == IKE_SA_CONNECTING)
				found(&p, "%s: IKE SA %u is half-open", n->name, sa->unique_id);
		}
	}
	return p.found;
}
