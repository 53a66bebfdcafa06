/*
 * Both ends start, restart when the other seems dead, and start again when the other closes (what
 * VyOS's manual warns of): exactly one IKE SA and one pair of children stays, for an hour.
 */
#include "testing/sim/definition.h"
#include "testing/sim/scenario.h"

/* Until both ends agree on one of what they may have begun. */
#define SETTLING IKE_SECONDS(60)
#define HOUR IKE_SECONDS(3600)
#define LOOK_EVERY IKE_SECONDS(30)

static void boot(struct sim_world *w, void *context, uint64_t argument)
{
	struct sim_node *n = &w->nodes[argument];
	bool second = argument == 1;
	struct sim_definition d = {
		.name = "tunnel",
		.remote_addrs = second ? "192.0.2.1" : "192.0.2.2",
		.local_id = second ? "sun.example.org" : "moon.example.org",
		.remote_id = second ? "moon.example.org" : "sun.example.org",
		.proposals = "aes128gcm16-prfsha256-x25519",
		.pubkey = w->seed % 13 < 5, /* signatures take their time */
		.dpd_delay = 30,
		.keys_for_ever = w->seed % 3 != 0,
		.unique = (uint8_t)(w->seed % 4),
		.rekey_time = w->seed % 5 == 0 ? 1800 : 14400,
		.children = { {
			.name = "net",
			.proposals = w->seed % 2 ? "aes128gcm16" : "aes128gcm16-x25519",
			.local_ts = second ? "10.2.0.0/16" : "10.1.0.0/16",
			.remote_ts = second ? "10.1.0.0/16" : "10.2.0.0/16",
			.start_action = IKE_ACTION_START,
			.dpd_action = IKE_ACTION_START,
			.close_action = IKE_ACTION_START,
			.rekey_time = w->seed % 7 < 3 ? 600 : 3600,
			.rand_time = w->seed % 11 < 5 ? 60 : 0,
		} },
	};
	struct why why = { "" };

	(void)context;
	sim_node_start(n);
	if (d.pubkey)
		sim_node_certify(n, d.local_id);
	else
		sim_node_psk(n, "what both of them know", NULL);
	if (!sim_node_load(n, sim_define(&d), &why))
		sim_complain(w, "%s", why.text);
}

static unsigned children_of(const struct sim_node *n, bool installed)
{
	const struct ike_sa *sa = NULL;
	unsigned count = 0;

	while ((sa = ike_engine_sa_next(n->engine, sa)) != NULL) {
		for (const struct ike_child *c = sa->children; c; c = c->next)
			count += !installed || c->state == IKE_CHILD_INSTALLED ||
				 c->state == IKE_CHILD_REKEYING;
	}
	return count;
}

static unsigned established(const struct sim_node *n)
{
	const struct ike_sa *sa = NULL;
	unsigned count = 0;

	while ((sa = ike_engine_sa_next(n->engine, sa)) != NULL)
		count += sa->state == IKE_SA_ESTABLISHED || sa->state == IKE_SA_REKEYING;
	return count;
}

/* One of each; during a rekeying the old one may still be there, marked as such. */
static void look(struct sim_world *w)
{
	for (size_t i = 0; i < 2; i++) {
		const struct sim_node *n = &w->nodes[i];

		if (established(n) != 1 || children_of(n, true) != 1)
			sim_complain(w, "%s has %u IKE SAs and %u children", n->name,
				established(n), children_of(n, true));
	}
}

/* At the end without a rekeying under way. */
static void look_closely(struct sim_world *w)
{
	sim_world_settle(w, w->now + IKE_SECONDS(60));
	for (size_t i = 0; i < 2; i++) {
		if (children_of(&w->nodes[i], false) != 1)
			sim_complain(w, "%s ends with %u children", w->nodes[i].name,
				children_of(&w->nodes[i], false));
		sim_check_rest(&w->nodes[i]);
	}
	(void)sim_check_agreement(w, false);
}

uint64_t both_start_run(struct sim_world *w, uint64_t seed, const struct scenario_options *options,
	struct scenario_counts *counts)
{
	ike_time until;

	sim_world_begin(w, seed);
	w->verbose = options->verbose;
	w->no_secrets = true;
	w->faults.delay_from = 1;
	/* Equal delays in some: everything happens at both ends at once. */
	w->faults.delay_to = seed % 3 == 0 ? 1 : 1 + sim_random_below(&w->random, 300);
	for (uint64_t i = 0; i < 2; i++) {
		struct sim_node *n = sim_node_add(w, false);

		sim_world_plan(w, w->now + (seed % 4 == 0 ? 0 : sim_random_below(&w->random, 3000)),
			boot, NULL, n->index);
	}
	until = w->now + HOUR;
	sim_world_run(w, w->now + SETTLING);
	while (w->now < until && !w->complaints) {
		look(w);
		sim_world_run(w, w->now + LOOK_EVERY);
	}
	if (!w->complaints)
		look_closely(w);
	counts->runs++;
	counts->hours++;
	scenario_count(counts, w);
	sim_world_end(w);
	return w->hash;
}
