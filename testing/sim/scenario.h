/*
 * Scenarios: what a seed stands for.
 *
 * peers (scenario.c): peers with definitions that fit or don't, commands and faults at random
 * times, and then a network that works again, in which everything must come to rest.
 *
 *   storm      faults, commands, crashes; 30 to 180 s
 *   calm       until nothing waits any more; every wait is over within CALM_LIMIT
 *   agreement  see check.c; SAs that one end alone knows are deleted, which must work or time out
 *   proof      one initiation without faults, whose outcome follows from the definitions
 *   shutdown   both ends delete everything: the kernels' tables must be empty
 *
 * tunnels (tunnels.c): hosts that are to keep tunnels up for hours to weeks, through everything
 * that happens to hosts and networks. both-start (both_start.c): two of them, as nobody should
 * configure them. See there.
 *
 * orders (orders.c): two hosts, two actions at one time, and every order in which the network can
 * deliver what follows; the seed is the number of the case.
 */
#ifndef TESTING_SIM_SCENARIO_H
#define TESTING_SIM_SCENARIO_H

#include "testing/sim/world.h"

struct scenario_options {
	int verbose;
	const char *order; /* orders: this one alone, as a failure names it; or NULL */
};

/* What the summary counts. */
struct scenario_counts {
	uint64_t runs;
	uint64_t ike_sas; /* brought up, both ends counted */
	uint64_t children;
	uint64_t commands_done, commands_failed;
	uint64_t datagrams, harmed;
	uint64_t crashes;
	uint64_t one_sided;
	uint64_t ike_rekeyings, child_rekeyings; /* both ends counted */
	uint64_t moves;
	uint64_t packets, arrived;
	uint64_t wanted;  /* children that had to be up at the end */
	uint64_t hours;   /* of virtual time */
	uint64_t longest; /* seconds from the healing until all was well */
	uint64_t orders;
};

/* Each returns the hash of the whole trace. w->complaints and w->complaint say what was wrong; the
 * world is left as it ended (sim_world_end() has been called). */
uint64_t scenario_run(struct sim_world *w, uint64_t seed, const struct scenario_options *options,
	struct scenario_counts *counts);
uint64_t tunnels_run(struct sim_world *w, uint64_t seed, const struct scenario_options *options,
	struct scenario_counts *counts);
/* The same with IKEv1 between some of them. */
uint64_t tunnels_mixed_run(struct sim_world *w, uint64_t seed,
	const struct scenario_options *options, struct scenario_counts *counts);
uint64_t both_start_run(struct sim_world *w, uint64_t seed, const struct scenario_options *options,
	struct scenario_counts *counts);
uint64_t orders_run(struct sim_world *w, uint64_t seed, const struct scenario_options *options,
	struct scenario_counts *counts);
uint64_t orders_count(void); /* of cases */

/* Adds what the world counted; commands and the like. */
void scenario_count(struct scenario_counts *counts, const struct sim_world *w);

#endif
