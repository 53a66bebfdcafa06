#include "testing/sim/scenario.h"

#include "testing/sim/plan.h"

#include <stdlib.h>

/* Longer than the longest chain of waits: two tries of a whole retransmission schedule, then the
 * half-open time. */
#define CALM_LIMIT IKE_SECONDS(900)
#define ORDERLY_LIMIT IKE_SECONDS(400)

struct scenario {
	struct sim_world *w;
	struct plan plan;
	struct scenario_counts *counts;
	/* SAs may be of another definition than the last one loaded, or their NAT box has forgotten
	 * them: the proof needs new ones. */
	bool stale;
	bool gentle; /* no faults, no crashes: nothing may go wrong that the definitions allow */
};

/* ---- The storm ---- */

static struct plan_pair *any_pair(struct scenario *s)
{
	return &s->plan.pairs[sim_random_below(&s->w->random, (uint32_t)s->plan.pair_count)];
}

/* A random end of a pair that is up; NULL when it is down. */
static struct sim_node *any_end(struct scenario *s, const struct plan_pair *pair)
{
	bool hub = sim_random_chance(&s->w->random, 400);
	struct sim_node *n = &s->w->nodes[hub ? 0 : pair->spoke];

	return n->engine ? n : NULL;
}

static const struct sim_definition *side_of(const struct plan_pair *pair, const struct sim_node *n)
{
	return n->index == 0 ? &pair->hub_side : &pair->spoke_side;
}

static const char *any_child(struct scenario *s, const struct plan_pair *pair)
{
	return pair->hub_side.children[sim_random_below(&s->w->random, (uint32_t)pair->child_count)]
		.name;
}

static const struct ike_sa *any_sa(struct scenario *s, struct sim_node *n)
{
	uint32_t skip = sim_random_below(&s->w->random, 3);
	const struct ike_sa *sa = ike_engine_sa_next(n->engine, NULL);

	while (sa && skip-- > 0 && ike_engine_sa_next(n->engine, sa))
		sa = ike_engine_sa_next(n->engine, sa);
	return sa;
}

static void do_terminate(struct scenario *s, struct sim_node *n, const struct plan_pair *pair)
{
	struct ike_terminate what = { .force = sim_random_chance(&s->w->random, 200) };
	const struct ike_sa *sa = any_sa(s, n);
	struct why why;

	switch (sim_random_below(&s->w->random, 4)) {
	case 0:
		what.ike = side_of(pair, n)->name;
		break;
	case 1:
		what.child = any_child(s, pair);
		break;
	case 2:
		if (sa)
			what.ike_id = sa->unique_id;
		else
			what.ike = side_of(pair, n)->name;
		break;
	default:
		if (sa && sa->children)
			what.child_id = sa->children->unique_id;
		else
			what.child = any_child(s, pair);
	}
	(void)sim_node_terminate(n, &what, &why);
}

static void do_acquire(struct scenario *s, struct sim_node *n)
{
	size_t traps = 0;
	struct ike_acquire acquire = { 0 };
	const struct ike_trap *trap;

	while (ike_engine_trap(n->engine, traps))
		traps++;
	if (traps == 0)
		return;
	trap = ike_engine_trap(n->engine, sim_random_below(&s->w->random, (uint32_t)traps));
	acquire.reqid = trap->reqid;
	if (trap->policies.local_count && trap->policies.remote_count) {
		struct sim_packet packet = sim_packet_of(
			trap->policies.local_selectors, trap->policies.remote_selectors);

		acquire.source = ike_selector_of_host(&packet.source);
		acquire.destination = ike_selector_of_host(&packet.destination);
		acquire.has_selectors = true;
	}
	sim_node_acquire(n, &acquire);
}

static void do_expire(struct scenario *s, struct sim_node *n)
{
	const struct ike_sa *sa = any_sa(s, n);
	struct ike_kernel_id id;

	if (!sa || !sa->children || sa->children->state != IKE_CHILD_INSTALLED)
		return;
	id = ike_child_kernel_id(sa->children, sim_random_chance(&s->w->random, 500));
	sim_node_expire(n, &id, sim_random_chance(&s->w->random, 800));
}

static void do_reload(struct scenario *s, struct sim_node *n, const struct plan_pair *pair)
{
	struct sim_definition definition = *side_of(pair, n);
	struct why why = { "" };

	if (sim_random_chance(&s->w->random, 500))
		(void)sim_node_unload(n, definition.name);
	if (sim_random_chance(&s->w->random, 300)) {
		/* Another one; the proof loads the right one again. */
		definition.children[pair->child_count - 1].name =
			pair->child_count > 1 ? NULL : "renamed";
		definition.unique = (uint8_t)sim_random_below(&s->w->random, 4);
		s->stale = true;
	}
	if (!sim_node_load(n, sim_define(&definition), &why))
		sim_complain(s->w, "%s does not load again: %s", n->name, why.text);
}

static void do_garbage(struct scenario *s, struct sim_node *n)
{
	uint8_t octets[200];
	uint32_t length = sim_random_below(&s->w->random, sizeof(octets));
	struct address source = n->address[0];

	sim_random_fill(&s->w->random, octets, length);
	if (length >= 28 && sim_random_chance(&s->w->random, 700)) {
		/* As if it were a message: version, exchange, length. */
		memset(octets + 8, 0, sim_random_chance(&s->w->random, 500) ? 8 : 0);
		octets[17] = 0x20;
		octets[18] = (uint8_t)(34 + octets[18] % 4);
		if (sim_random_chance(&s->w->random, 300)) {
			static const uint8_t exchanges[] = { 2, 4, 5, 6, 32 };

			octets[17] = 0x10;
			octets[18] = exchanges[octets[18] % sizeof(exchanges)];
		}
		memset(octets + 20, 0, 7);
		octets[27] = (uint8_t)length;
	}
	source.octets[3] ^= 0x55;
	source.port = 500;
	sim_world_inject(s->w, n, &source, 500, bytes_of(octets, length));
}

static void come_back(struct sim_world *w, void *context, uint64_t argument)
{
	struct scenario *s = context;

	if (!w->nodes[argument].engine)
		plan_load(w, &s->plan, &w->nodes[argument]);
}

static void do_crash(struct scenario *s, struct sim_node *n)
{
	s->counts->crashes++;
	s->w->datagrams_harmed++;
	sim_node_crash(n);
	sim_world_plan(s->w, s->w->now + sim_random_between(&s->w->random, 0, 20000), come_back, s,
		n->index);
}

static void do_rebind(struct scenario *s, struct sim_node *n)
{
	s->stale = true;
	sim_nat_rebind(n);
}

static void do_something(struct sim_world *w, void *context, uint64_t argument)
{
	struct scenario *s = context;
	const struct plan_pair *pair = any_pair(s);
	struct sim_node *n = any_end(s, pair);
	uint32_t dice = sim_random_below(&w->random, 100);
	struct why why = { "" };

	(void)argument;
	if (!n)
		return;
	if (dice < 50)
		(void)sim_node_initiate(n, side_of(pair, n)->name, any_child(s, pair), &why);
	else if (dice < 54)
		(void)sim_node_initiate(n, side_of(pair, n)->name, NULL, &why);
	else if (dice < 70)
		do_terminate(s, n, pair);
	else if (dice < 75)
		do_reload(s, n, pair);
	else if (dice < 80)
		(void)sim_node_install(n, side_of(pair, n)->name, any_child(s, pair), &why);
	else if (dice < 82)
		(void)sim_node_uninstall(n, side_of(pair, n)->name, any_child(s, pair), &why);
	else if (dice < 88)
		do_acquire(s, n);
	else if (dice < 91)
		do_expire(s, n);
	else if (dice < 95)
		do_garbage(s, n);
	else if (!s->gentle && dice < 97)
		do_crash(s, n);
	else if (!s->gentle && dice < 99 && n->nat.here)
		do_rebind(s, n);
}

static void make_faults(struct scenario *s, ike_time until)
{
	static const uint32_t levels[] = { 0, 0, 50, 200, 500 };
	struct sim_world *w = s->w;

	w->faults_until = until;
	w->faults = (struct sim_faults){
		.loss = levels[sim_random_below(&w->random, 5)],
		.duplicate = levels[sim_random_below(&w->random, 4)],
		.corrupt = sim_random_chance(&w->random, 300) ? 50 : 0,
		.replay = sim_random_chance(&w->random, 300) ? 100 : 0,
		.delay_from = 1,
		.delay_to = 1 + sim_random_below(&w->random, 3000),
	};
	w->partition_count = sim_random_below(&w->random, 3);
	for (size_t i = 0; i < w->partition_count; i++) {
		ike_time from = sim_random_between(&w->random, w->now, until);

		w->partitions[i] = (struct sim_partition){ from,
			from + sim_random_between(&w->random, 1000, 90000),
			(uint8_t)sim_random_below(&w->random, (uint32_t)w->node_count),
			sim_random_chance(&w->random, 500) };
		if (w->partitions[i].to > until)
			w->partitions[i].to = until;
	}
	for (size_t i = 0; i < w->node_count; i++) {
		struct sim_kernel *k = &w->nodes[i].kernel;

		if (!sim_random_chance(&w->random, 100))
			continue;
		k->spi_fails = sim_random_below(&w->random, 300);
		k->install_fails = sim_random_below(&w->random, 300);
		k->policies_fail = sim_random_below(&w->random, 300);
	}
}

static void end_faults(struct sim_world *w)
{
	/* In order: what overtakes is a fault, too. */
	w->faults = (struct sim_faults){ .delay_from = 20, .delay_to = 20 };
	w->partition_count = 0;
	for (size_t i = 0; i < w->node_count; i++) {
		struct sim_kernel *k = &w->nodes[i].kernel;

		k->spi_fails = k->install_fails = k->policies_fail = 0;
	}
}

static void storm(struct scenario *s)
{
	struct sim_world *w = s->w;
	ike_time until = w->now + sim_random_between(&w->random, 30000, 180000);
	uint32_t count =
		1 + sim_random_below(&w->random, sim_random_chance(&w->random, 200) ? 60 : 12);

	w->log_level = sim_random_chance(&w->random, 100) ? IKE_LOG_WIRE : IKE_LOG_INFO;
	s->gentle = sim_random_chance(&w->random, 250);
	if (!s->gentle)
		make_faults(s, until);
	else
		end_faults(w);
	for (size_t i = 0; i < w->node_count; i++)
		plan_load(w, &s->plan, &w->nodes[i]);
	for (uint32_t i = 0; i < count; i++) {
		/* Some at the same time, for what crosses. */
		ike_time at = sim_random_chance(&w->random, 300)
				      ? w->now + 1000
				      : sim_random_between(&w->random, w->now, until);

		sim_world_plan(w, at, do_something, s, 0);
	}
	sim_world_run(w, until);
	end_faults(w);
}

/* ---- Calm, agreement ---- */

/* ESP flows from behind the NAT boxes: the other end's kernel sees when their address changed. */
static void traffic_from_behind(struct sim_world *w)
{
	for (size_t i = 1; i < w->node_count; i++) {
		struct sim_node *n = &w->nodes[i];
		struct sim_kernel_sa *sa = n->kernel.sas;

		for (; n->nat.here && sa; sa = sa->next) {
			struct address seen;
			struct sim_kernel_sa *in;

			if (sa->inbound || !sa->udp_encapsulation)
				continue;
			seen = sim_network_seen(n, &sa->id.source);
			in = sim_kernel_inbound(&w->nodes[0].kernel, sa->id.protocol, sa->id.spi,
				&sa->id.destination);
			if (in && !in->larval && !address_equal(&in->id.source, &seen))
				sim_node_mapping(&w->nodes[0], sa->id.spi, &seen);
		}
	}
}

static void calm(struct scenario *s)
{
	struct sim_world *w = s->w;

	for (size_t i = 0; i < w->node_count; i++)
		come_back(w, s, i);
	sim_world_settle(w, w->now + CALM_LIMIT);
	traffic_from_behind(w);
	sim_world_settle(w, w->now + CALM_LIMIT);
	for (size_t i = 0; i < w->node_count; i++)
		sim_check_rest(&w->nodes[i]);
}

struct one_sided {
	uint32_t ike[64];
	uint32_t children[64];
	size_t ike_count, child_count;
};

static void find_one_sided(struct sim_world *w, struct sim_node *n, struct one_sided *ret)
{
	const struct ike_sa *sa = NULL;

	memset(ret, 0, sizeof(*ret));
	while ((sa = ike_engine_sa_next(n->engine, sa)) != NULL && ret->ike_count < 64) {
		struct sim_node *peer;
		const struct ike_sa *other = sim_check_peer(w, n, sa, &peer);

		if (!other)
			ret->ike[ret->ike_count++] = sa->unique_id;
		for (const struct ike_child *c = other ? sa->children : NULL;
			c && ret->child_count < 64; c = c->next) {
			if (!sim_check_child_peer(peer, other, c))
				ret->children[ret->child_count++] = c->unique_id;
		}
	}
}

/* Deletes the SAs that one end alone knows: the explicit liveness check of this simulator. */
static void delete_one_sided(struct scenario *s)
{
	struct sim_world *w = s->w;

	for (size_t i = 0; i < w->node_count; i++) {
		struct sim_node *n = &w->nodes[i];
		struct one_sided found;
		struct why why;

		find_one_sided(w, n, &found);
		for (size_t j = 0; j < found.ike_count; j++) {
			struct ike_terminate what = { .ike_id = found.ike[j] };

			s->counts->one_sided++;
			if (ike_engine_sa_find(n->engine, found.ike[j]))
				(void)sim_node_terminate(n, &what, &why);
		}
		for (size_t j = 0; j < found.child_count; j++) {
			struct ike_terminate what = { .child_id = found.children[j] };

			s->counts->one_sided++;
			(void)sim_node_terminate(n, &what, &why);
		}
	}
	sim_world_settle(w, w->now + ORDERLY_LIMIT);
}

static void agree(struct scenario *s)
{
	struct sim_world *w = s->w;
	/* A close_action may set up anew what was deleted, behind our back: a few rounds do. */
	for (int round = 0; round < 4 && sim_check_agreement(w, !s->gentle) > 0; round++)
		delete_one_sided(s);
	(void)sim_check_agreement(w, false);
	for (size_t i = 0; i < w->node_count; i++)
		sim_check_rest(&w->nodes[i]);
}

/* ---- Proof ---- */

/* The child is there, and known to both ends (check_agreement saw to that). */
static bool has_child(const struct sim_node *n, const char *connection, const char *child)
{
	const struct ike_sa *sa = NULL;

	while ((sa = ike_engine_sa_next(n->engine, sa)) != NULL) {
		if (!sa->connection || strcmp(sa->connection->name, connection) != 0)
			continue;
		for (const struct ike_child *c = sa->children; c; c = c->next) {
			if (strcmp(c->config->name, child) == 0)
				return true;
		}
	}
	return false;
}

static void terminate_everything(struct scenario *s)
{
	struct sim_world *w = s->w;

	for (size_t i = 0; i < w->node_count; i++) {
		const struct ike_sa *sa;
		int guard = 0;

		while ((sa = ike_engine_sa_next(w->nodes[i].engine, NULL)) != NULL &&
			guard++ < 30) {
			struct ike_terminate what = { .ike_id = sa->unique_id };
			struct why why;

			(void)sim_node_terminate(&w->nodes[i], &what, &why);
			sim_world_settle(w, w->now + ORDERLY_LIMIT);
		}
	}
}

static void prove(struct scenario *s)
{
	struct sim_world *w = s->w;
	const struct plan_pair *pair = any_pair(s);
	bool hub = pair->hub_initiates && sim_random_chance(&w->random, 500);
	struct sim_node *n = &w->nodes[hub ? 0 : pair->spoke];
	const char *child = any_child(s, pair);
	const char *name = side_of(pair, n)->name;
	const struct sim_command *command;
	struct why why = { "" };

	for (size_t i = 0; i < w->node_count; i++)
		plan_load(w, &s->plan, &w->nodes[i]);
	sim_world_settle(w, w->now + CALM_LIMIT);
	if (s->stale || sim_random_chance(&w->random, 500))
		terminate_everything(s);
	command = sim_node_initiate(n, name, child, &why);
	sim_world_settle(w, w->now + CALM_LIMIT);
	(void)sim_check_agreement(w, false);
	for (size_t i = 0; i < w->node_count; i++)
		sim_check_rest(&w->nodes[i]);
	if (pair->flaw == PLAN_FITS) {
		/* Who wants a child up and has it refuses a second one. */
		if (!command || (!command->done && !has_child(n, name, child)))
			sim_complain(w, "%s cannot initiate %s although it fits: %s", n->name,
				child, command ? command->text : why.text);
		else if (!has_child(n, name, child))
			sim_complain(w, "%s: %s was initiated and is not there", n->name, child);
	} else if (command && command->done) {
		sim_complain(w, "%s initiates %s although there is a flaw: %s", n->name, child,
			plan_flaw_name(pair->flaw));
	}
}

static void shut_down(struct scenario *s)
{
	struct sim_world *w = s->w;
	bool together = sim_random_chance(&w->random, 300);

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

void scenario_count(struct scenario_counts *counts, const struct sim_world *w)
{
	counts->datagrams += w->datagrams_sent;
	counts->harmed += w->datagrams_harmed;
	for (const struct sim_command *c = w->commands; c; c = c->next) {
		counts->commands_done += c->answers && c->done;
		counts->commands_failed += c->answers && !c->done;
	}
	counts->ike_sas += w->ike_sas_up;
	counts->children += w->children_up;
	counts->ike_rekeyings += w->ike_rekeyings;
	counts->child_rekeyings += w->child_rekeyings;
}

uint64_t scenario_run(struct sim_world *w, uint64_t seed, const struct scenario_options *options,
	struct scenario_counts *counts)
{
	struct scenario *s = calloc(1, sizeof(*s));

	if (!s)
		abort();
	sim_world_begin(w, seed);
	w->verbose = options->verbose;
	s->w = w;
	s->counts = counts;
	plan_make(w, &s->plan);
	storm(s);
	calm(s);
	agree(s);
	prove(s);
	shut_down(s);
	sim_check_commands(w);
	sim_secrets_check_hex(w);
	counts->runs++;
	scenario_count(counts, w);
	sim_world_end(w);
	free(s);
	return w->hash;
}
