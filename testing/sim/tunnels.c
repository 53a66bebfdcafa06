#include "testing/sim/tunnels.h"

#include <stdlib.h>

/* Supervisor's longest pause between two tries, with its jitter. */
#define BACKOFF_LIMIT IKE_SECONDS(100)
/* A rekeying that is under way when we look: see again a little later. */
#define GRACE IKE_SECONDS(60)
#define ORDERLY_LIMIT IKE_SECONDS(400)
#define DAY IKE_SECONDS(24 * 3600)

static uint32_t below(struct tunnels *t, uint32_t n)
{
	return sim_random_below(&t->w->random, n);
}

static bool chance(struct tunnels *t, uint32_t per_cent)
{
	return below(t, 100) < per_cent;
}

/* Short ones as often as long ones. */
static ike_time pause_of(struct tunnels *t, ike_time from, ike_time to)
{
	ike_time limit = from;

	while (limit < to && chance(t, 75))
		limit *= 2;
	return sim_random_between(&t->w->random, from, limit < to ? limit : to);
}

static struct tunnel_pair *any_pair(struct tunnels *t)
{
	return &t->pairs[below(t, (uint32_t)t->pair_count)];
}

static struct sim_node *any_node(struct tunnels *t)
{
	return &t->w->nodes[below(t, (uint32_t)t->w->node_count)];
}

/* ---- What happens to networks ---- */

static void calm_weather(struct tunnels *t)
{
	/* In order: what overtakes is a fault, too. */
	t->w->faults = (struct sim_faults){ .delay_from = 20, .delay_to = 20 };
	t->w->faults_until = IKE_NEVER;
}

static void end_weather(struct sim_world *w, void *context, uint64_t argument)
{
	(void)w;
	(void)argument;
	calm_weather(context);
}

static void bad_weather(struct tunnels *t)
{
	static const uint32_t levels[] = { 0, 50, 200, 500 };
	struct sim_world *w = t->w;

	w->faults = (struct sim_faults){
		.loss = levels[below(t, 4)],
		.duplicate = levels[below(t, 4)],
		.corrupt = chance(t, 10) ? 20 : 0,
		.replay = chance(t, 20) ? 100 : 0,
		.delay_from = 1,
		.delay_to = 1 + below(t, 3000),
	};
	sim_world_plan(
		w, w->now + pause_of(t, IKE_SECONDS(10), IKE_SECONDS(3600)), end_weather, t, 0);
}

static void cut_off(struct tunnels *t)
{
	struct sim_world *w = t->w;
	struct sim_node *n = any_node(t);
	ike_time until = w->now + pause_of(t, IKE_SECONDS(5), IKE_SECONDS(4 * 3600));
	uint32_t ways = 1 + below(t, 3);

	for (int outbound = 0; outbound < 2; outbound++) {
		if ((ways & 1u << outbound) && w->partition_count < SIM_PARTITIONS_MAX)
			w->partitions[w->partition_count++] =
				(struct sim_partition){ w->now, until, n->index, outbound == 1 };
	}
	sim_trace(w, "%s is cut off (%u) until %.0f s", n->name, ways, (double)until / 1000);
}

/* ---- What happens to hosts ---- */

static void come_back(struct sim_world *w, void *context, uint64_t argument)
{
	tunnels_boot(context, &w->nodes[argument]);
}

static void power_loss(struct tunnels *t, struct sim_node *n)
{
	t->counts->crashes++;
	sim_node_crash(n);
	sim_world_plan(
		t->w, t->w->now + pause_of(t, 100, IKE_SECONDS(1800)), come_back, t, n->index);
}

static void kill_one(struct tunnels *t, struct sim_node *n)
{
	t->counts->crashes++;
	sim_node_kill(n);
	sim_world_plan(
		t->w, t->w->now + pause_of(t, 100, IKE_SECONDS(300)), come_back, t, n->index);
}

static void switch_off(struct sim_world *w, void *context, uint64_t argument)
{
	(void)context;
	sim_node_crash(&w->nodes[argument]);
}

static void reboot(struct tunnels *t, struct sim_node *n)
{
	ike_time off = t->w->now + sim_random_between(&t->w->random, 100, 5000);

	t->leaving[n->index] = true;
	sim_node_shutdown(n);
	sim_world_plan(t->w, off, switch_off, t, n->index);
	sim_world_plan(t->w, off + pause_of(t, 100, IKE_SECONDS(600)), come_back, t, n->index);
}

static void update_name(struct sim_world *w, void *context, uint64_t argument)
{
	const struct sim_node *n = &w->nodes[argument];

	(void)context;
	for (size_t i = 0; i < w->name_count; i++) {
		if (strncmp(w->names[i].name, n->name, strlen(n->name)) == 0 &&
			w->names[i].name[strlen(n->name)] == '.')
			w->names[i].addresses[0] = n->address[0];
	}
}

static void move(struct tunnels *t, struct sim_node *n)
{
	static const struct address none = { .family = 0 };
	const struct address *homes = t->homes[n->index];
	bool at_home = address_same_host(&n->address[0], &homes[0]);
	bool both = chance(t, 20);

	t->counts->moves++;
	/* Some lose one address before they get the other. */
	if (chance(t, 30))
		sim_node_move(n, 0, &none);
	sim_node_move(n, 2, both ? &homes[!at_home ? 1 : 0] : &none);
	sim_node_move(n, 0, &homes[at_home ? 1 : 0]);
	sim_world_plan(
		t->w, t->w->now + pause_of(t, 1, IKE_SECONDS(600)), update_name, t, n->index);
}

static void name_back(struct sim_world *w, void *context, uint64_t argument)
{
	(void)context;
	w->names[argument].silent = false;
}

static void name_outage(struct tunnels *t)
{
	uint32_t which = below(t, (uint32_t)t->w->name_count);

	t->w->names[which].silent = true;
	sim_world_plan(t->w, t->w->now + pause_of(t, IKE_SECONDS(10), IKE_SECONDS(3600)), name_back,
		t, which);
}

/* ---- What operators do ---- */

static void forget_was_up(struct tunnel_pair *pair)
{
	pair->disturbed = true;
	for (size_t i = 0; i < 2; i++)
		memset(pair->sides[i].was_up, 0, sizeof(pair->sides[i].was_up));
}

static void terminate(struct tunnels *t, struct sim_node *n, struct tunnel_pair *pair,
	const struct sim_definition *d)
{
	struct ike_terminate what = { .force = chance(t, 20) };
	struct why why;

	if (chance(t, 50))
		what.child = d->children[below(t, (uint32_t)pair->child_count)].name;
	what.ike = d->name;
	if (sim_node_terminate(n, &what, &why))
		forget_was_up(pair);
}

static void rekey(struct tunnels *t, struct sim_node *n, struct tunnel_pair *pair,
	const struct sim_definition *d)
{
	struct ike_rekey what = { .ike = d->name };
	struct why why;

	if (chance(t, 60))
		what.child = d->children[below(t, (uint32_t)pair->child_count)].name;
	else
		what.reauth = chance(t, 25);
	(void)sim_node_rekey(n, &what, &why);
}

static bool has_child(const struct sim_node *n, const char *connection, const char *child)
{
	const struct ike_sa *sa = NULL;

	while ((sa = ike_engine_sa_next(n->engine, sa)) != NULL) {
		for (const struct ike_child *c = sa->children; c; c = c->next) {
			if (strcmp(sa->connection->name, connection) == 0 &&
				strcmp(c->config->name, child) == 0)
				return true;
		}
	}
	return false;
}

/* As after an edit of the file: lifetimes, what is to be done about failures, and what makes a
 * child be made anew. False: it says what it said. */
static bool edit(struct tunnels *t, struct sim_definition *d)
{
	struct sim_child_definition *child = &d->children[0];
	bool raised;

	if (!chance(t, 50))
		return false;
	d->dpd_delay += d->dpd_delay ? 5 : 0;
	child->rekey_time += child->rekey_time ? 100 : 0;
	child->life_time += child->life_time ? 100 : 0;
	raised = chance(t, 60);
	child->priority += raised;
	return raised || d->dpd_delay || child->rekey_time || child->life_time;
}

static void reload(struct tunnels *t, struct sim_node *n, struct tunnel_side *side)
{
	struct sim_definition *d = &side->definition;
	struct why why = { "" };

	/* What another version wanted is forgotten; what is up is this one's now. */
	if (edit(t, d))
		for (size_t i = 0; i < TUNNELS_CHILDREN_MAX && d->children[i].name; i++)
			side->was_up[i] = has_child(n, d->name, d->children[i].name);
	if (!sim_node_load(n, sim_define(d), &why))
		sim_complain(t->w, "%s does not load %s again: %s", n->name, d->name, why.text);
}

static bool is_making(const struct sim_node *n)
{
	const struct ike_sa *sa = NULL;

	while ((sa = ike_engine_sa_next(n->engine, sa)) != NULL) {
		if (sa->active || sa->tasks)
			return true;
	}
	return false;
}

/* One that is up already, or soon, would be there twice, as the operator wanted it. */
static void initiate(struct tunnels *t, struct sim_node *n, struct tunnel_pair *pair,
	const struct sim_definition *d)
{
	const char *child = d->children[below(t, (uint32_t)pair->child_count)].name;
	struct why why;

	if (!has_child(n, d->name, child) && !is_making(n))
		(void)sim_node_initiate(n, d->name, child, &why);
}

static void operate(struct tunnels *t)
{
	struct tunnel_pair *pair = any_pair(t);
	struct tunnel_side *side = &pair->sides[below(t, 2)];
	struct sim_definition *d = &side->definition;
	struct sim_node *n = &t->w->nodes[side->node];
	uint32_t dice = below(t, 100);

	if (!n->engine)
		return;
	if (dice < 35)
		rekey(t, n, pair, d);
	else if (dice < 60)
		initiate(t, n, pair, d);
	else if (dice < 75)
		reload(t, n, side);
	else if (dice < 85)
		terminate(t, n, pair, d);
}

/* A packet of a child whose traps are there may wait or be lost, but not leave in the clear. */
static void send_packet(
	struct tunnels *t, const struct tunnel_pair *pair, size_t side, size_t child)
{
	const struct sim_definition *d = &pair->sides[side].definition;
	const struct sim_node *n = &t->w->nodes[pair->sides[side].node];
	bool up = n->engine && !t->leaving[n->index];
	/* A name must have been resolved before there is a trap. */
	bool known = !strstr(d->remote_addrs, ".net") || t->w->now >= t->names_known_at;

	if (tunnels_packet(t, pair, side, child) != SIM_CLEAR)
		return;
	if (up && known && !pair->disturbed && (d->children[child].start_action & IKE_ACTION_TRAP))
		sim_complain(t->w, "%s %s: a packet left in the clear past a trap", d->name,
			d->children[child].name);
}

static void send_packets(struct tunnels *t)
{
	const struct tunnel_pair *pair = any_pair(t);
	size_t side = below(t, 2);
	size_t child = below(t, (uint32_t)pair->child_count);
	uint32_t count = 1 + below(t, 5);

	while (count-- > 0)
		send_packet(t, pair, chance(t, 30) ? !side : side, child);
}

/* ---- The storm ---- */

static void to_host(struct tunnels *t, uint32_t dice)
{
	struct sim_node *n = any_node(t);

	if (!n->engine)
		return;
	if (dice < 30)
		power_loss(t, n);
	else if (dice < 50)
		kill_one(t, n);
	else if (dice < 65)
		reboot(t, n);
	else if (dice < 75)
		sim_node_clock_jump(n, pause_of(t, IKE_SECONDS(1), DAY));
	else if (n->nat.here)
		sim_nat_rebind(n);
	else if (t->homes[n->index][1].family)
		move(t, n);
}

static void something(struct sim_world *w, void *context, uint64_t argument)
{
	struct tunnels *t = context;
	uint32_t dice = below(t, 100);

	(void)argument;
	if (dice < 12)
		bad_weather(t);
	else if (dice < 28)
		cut_off(t);
	else if (dice < 65)
		to_host(t, below(t, 100));
	else if (dice < 80)
		operate(t);
	else if (dice < 97)
		send_packets(t);
	else if (w->name_count)
		name_outage(t);
}

static void storm(struct tunnels *t)
{
	struct sim_world *w = t->w;
	ike_time until = w->now + t->duration;
	uint32_t count = 1 + below(t, chance(t, 20) ? 40 : 14);

	calm_weather(t);
	for (size_t i = 0; i < w->node_count; i++)
		sim_world_plan(w, w->now + (chance(t, 50) ? 0 : pause_of(t, 1, IKE_SECONDS(300))),
			come_back, t, i);
	while (count-- > 0) {
		ike_time at = sim_random_between(&w->random, w->now, until);
		/* Some in a row, for what meets. */
		uint32_t more = chance(t, 25) ? 1 + below(t, 3) : 0;

		sim_world_plan(w, at, something, t, 0);
		while (more-- > 0)
			sim_world_plan(w, at += pause_of(t, 1, IKE_SECONDS(60)), something, t, 0);
	}
	sim_world_run(w, until);
}

/* ---- The healing ---- */

static ike_time give_up(const struct ike_settings *s)
{
	double sum = 0;
	double timeout = (double)s->retransmit_timeout;

	for (uint32_t i = 0; i <= s->retransmit_tries; i++, timeout *= s->retransmit_base)
		sum += timeout;
	return (ike_time)sum;
}

static ike_time longest(ike_time a, uint64_t seconds)
{
	return IKE_SECONDS(seconds) > a ? IKE_SECONDS(seconds) : a;
}

/* How long an end may take to notice that its SAs are of no use: by its liveness checks, else when
 * it rekeys. */
static ike_time notices_in(const struct sim_definition *d)
{
	ike_time at = 0;

	if (d->dpd_delay)
		return IKE_SECONDS(d->dpd_delay + d->dpd_timeout);
	at = longest(at, d->rekey_time);
	at = longest(at, d->reauth_time);
	for (size_t i = 0; i < SIM_CHILDREN_MAX && d->children[i].name; i++)
		at = longest(at, d->children[i].rekey_time);
	return at;
}

static void find_bound(struct tunnels *t)
{
	ike_time giving_up = 0;
	ike_time noticing = 0;

	for (size_t i = 0; i < t->w->node_count; i++) {
		ike_time at = give_up(&t->w->nodes[i].settings);

		giving_up = at > giving_up ? at : giving_up;
	}
	for (size_t i = 0; i < t->pair_count * 2; i++) {
		const struct sim_definition *d = &t->pairs[i / 2].sides[i % 2].definition;
		ike_time at = notices_in(d);

		noticing = at > noticing ? at : noticing;
		for (size_t c = 0; c < SIM_CHILDREN_MAX && d->children[c].name; c++)
			t->longest = longest(t->longest, d->children[c].rekey_time);
	}
	/* What was under way is given up, the loss is noticed and given up, a try is made; and the
	 * other end may notice only then, and the first try meet it. */
	t->bound = giving_up + noticing + giving_up + BACKOFF_LIMIT + giving_up;
	t->bound += giving_up + BACKOFF_LIMIT + IKE_SECONDS(60);
}

static void heal(struct tunnels *t)
{
	struct sim_world *w = t->w;

	calm_weather(t);
	w->partition_count = 0;
	for (size_t i = 0; i < w->name_count; i++)
		w->names[i].silent = false;
	for (size_t i = 0; i < w->node_count; i++) {
		tunnels_boot(t, &w->nodes[i]);
		update_name(w, t, i);
	}
	t->names_known_at = w->now + BACKOFF_LIMIT;
	sim_trace(w, "the world has healed; all must be well in %.0f s", (double)t->bound / 1000);
}

/* Packets that meet traps, from time to time until their children are there. */
static void trap_packets(struct tunnels *t)
{
	for (size_t i = 0; i < t->pair_count * 2; i++) {
		const struct tunnel_pair *pair = &t->pairs[i / 2];

		for (size_t c = 0; c < pair->child_count; c++) {
			const struct sim_child_definition *d =
				&pair->sides[i % 2].definition.children[c];

			if ((d->start_action | d->dpd_action | d->close_action) & IKE_ACTION_TRAP)
				send_packet(t, pair, i % 2, c);
		}
	}
}

/* Looks at a pair until all is well, at most GRACE longer: something may just be under way. */
static void pair_must_be_well(struct tunnels *t, const struct tunnel_pair *pair, const char *when)
{
	struct sim_world *w = t->w;
	ike_time until = w->now + GRACE;
	char problem[300];

	while (tunnels_problem(t, pair, problem, sizeof(problem))) {
		if (w->now >= until || w->complaints) {
			sim_complain(w, "%s: %s", when, problem);
			return;
		}
		sim_trace(w, "not well yet: %s", problem);
		sim_world_run(w, w->now + IKE_SECONDS(2));
	}
}

static void must_be_well(struct tunnels *t, const char *when)
{
	struct sim_world *w = t->w;
	ike_time until;
	char problem[300];

	for (size_t i = 0; i < t->pair_count && !w->complaints; i++)
		pair_must_be_well(t, &t->pairs[i], when);
	for (until = w->now + GRACE;
		!w->complaints && tunnels_leftovers(t, problem, sizeof(problem));) {
		if (w->now >= until)
			sim_complain(w, "%s: %s", when, problem);
		sim_world_run(w, w->now + IKE_SECONDS(2));
	}
}

/* All pairs at once: a moment in which nothing is under way. */
static bool all_is_well(struct tunnels *t)
{
	char problem[300];

	for (size_t i = 0; i < t->pair_count; i++) {
		if (tunnels_problem(t, &t->pairs[i], problem, sizeof(problem)))
			return false;
	}
	if (sim_world_rests(t->w))
		(void)sim_check_agreement(t->w, false);
	return true;
}

static void healing(struct tunnels *t)
{
	struct sim_world *w = t->w;
	ike_time begun = w->now;
	ike_time until = w->now + t->bound;
	ike_time well_at = begun;

	while (w->now < until && !w->complaints) {
		trap_packets(t);
		if (!all_is_well(t))
			well_at = w->now;
		sim_world_run(w, w->now + t->bound / 16);
	}
	must_be_well(t, "healed");
	if ((uint64_t)(well_at - begun) / 1000 > t->counts->longest)
		t->counts->longest = (uint64_t)(well_at - begun) / 1000;
	for (size_t i = 0; i < t->pair_count; i++) {
		for (size_t c = 0; c < t->pairs[i].child_count; c++)
			t->counts->wanted += tunnels_wanted(&t->pairs[i], c) == TUNNELS_UP;
	}
}

/* ---- Calm ---- */

static bool reauthenticates(const struct tunnel_pair *pair)
{
	return pair->sides[0].definition.reauth_time || pair->sides[1].definition.reauth_time;
}

/* Lifetimes end, and nobody notices. */
static void calm(struct tunnels *t)
{
	struct sim_world *w = t->w;
	ike_time until =
		w->now + (t->longest < DAY ? t->longest * 2 : t->longest) + IKE_SECONDS(600);
	uint32_t looks = 24;

	for (uint32_t i = 0; i < looks && w->now < until && !w->complaints; i++) {
		sim_world_run(w, w->now + sim_random_between(&w->random, 1,
						  1 + 2 * (until - w->now) / (looks - i)));
		for (size_t p = 0; p < t->pair_count; p++) {
			const struct tunnel_pair *pair = &t->pairs[p];
			size_t child = below(t, (uint32_t)pair->child_count);
			size_t side = below(t, 2);
			enum sim_fate fate;

			if (tunnels_wanted(pair, child) != TUNNELS_UP || reauthenticates(pair))
				continue;
			fate = tunnels_packet(t, pair, side, child);
			if (fate != SIM_ARRIVED)
				sim_complain(w, "calm: %s %s: a packet %s",
					pair->sides[side].definition.name,
					pair->sides[side].definition.children[child].name,
					sim_fate_name(fate));
		}
	}
	must_be_well(t, "after the calm");
}

static void shut_down(struct tunnels *t)
{
	struct sim_world *w = t->w;
	bool together = chance(t, 30);

	for (size_t i = 0; i < w->node_count; i++) {
		sim_node_shutdown(&w->nodes[i]);
		if (!together)
			sim_world_run(w, w->now + 2000);
	}
	sim_world_run(w, w->now + ORDERLY_LIMIT);
	for (size_t i = 0; i < w->node_count; i++) {
		struct sim_node *n = &w->nodes[i];

		if (!ike_engine_is_idle(n->engine))
			sim_complain(w, "%s does not come to an end", n->name);
		if (n->kernel.sas)
			sim_complain(w, "%s leaves SA %08x in the kernel", n->name,
				n->kernel.sas->id.spi);
		if (n->kernel.policies)
			sim_complain(w, "%s leaves policies in the kernel", n->name);
		if (n->ike_up || n->child_up)
			sim_complain(w, "%s: %d IKE SAs and %d children went up and never down",
				n->name, n->ike_up, n->child_up);
	}
}

/* ---- Runs ---- */

static void note_event(void *context, struct sim_node *n, const struct ike_event *event)
{
	struct tunnels *t = context;

	if (event->kind != IKE_EVENT_CHILD_UP || !event->sa->connection)
		return;
	for (size_t i = 0; i < t->pair_count * 2; i++) {
		struct tunnel_side *side = &t->pairs[i / 2].sides[i % 2];

		if (side->node != n->index ||
			strcmp(side->definition.name, event->sa->connection->name) != 0)
			continue;
		for (size_t c = 0; c < t->pairs[i / 2].child_count; c++)
			side->was_up[c] |= strcmp(side->definition.children[c].name,
						   event->child->config->name) == 0;
	}
}

static struct tunnels *begin(struct sim_world *w, uint64_t seed,
	const struct scenario_options *options, struct scenario_counts *counts)
{
	struct tunnels *t = calloc(1, sizeof(*t));

	if (!t)
		abort();
	sim_world_begin(w, seed);
	w->verbose = options->verbose;
	w->event = note_event;
	w->event_context = t;
	t->w = w;
	t->counts = counts;
	w->no_secrets = !chance(t, 3);
	return t;
}

static uint64_t end(struct tunnels *t)
{
	struct sim_world *w = t->w;

	if (!w->complaints)
		shut_down(t);
	sim_check_commands(w);
	sim_secrets_check_hex(w);
	t->counts->runs++;
	t->counts->hours += (uint64_t)w->now / 3600000;
	scenario_count(t->counts, w);
	sim_world_end(w);
	free(t);
	return w->hash;
}

static uint64_t run(struct tunnels *t)
{
	t->names_known_at = IKE_NEVER;
	tunnels_plan(t);
	find_bound(t);
	storm(t);
	heal(t);
	healing(t);
	if (!t->w->complaints)
		calm(t);
	return end(t);
}

uint64_t tunnels_run(struct sim_world *w, uint64_t seed, const struct scenario_options *options,
	struct scenario_counts *counts)
{
	return run(begin(w, seed, options, counts));
}

uint64_t tunnels_mixed_run(struct sim_world *w, uint64_t seed,
	const struct scenario_options *options, struct scenario_counts *counts)
{
	struct tunnels *t = begin(w, seed, options, counts);

	t->mixed = true;
	return run(t);
}
