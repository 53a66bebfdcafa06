/*
 * What a seed stands for: peers with definitions that fit or don't, commands and faults at random
 * times, and then a network that works again, in which everything must come to rest.
 *
 *   storm      faults, commands, crashes; 30 to 180 s
 *   calm       until nothing waits any more; every wait is over within CALM_LIMIT
 *   agreement  see check.c; SAs that one end alone knows are deleted, which must work or time out
 *   proof      one initiation without faults, whose outcome follows from the definitions
 *   shutdown   both ends delete everything: the kernels' tables must be empty
 */
#ifndef TESTING_SIM_SCENARIO_H
#define TESTING_SIM_SCENARIO_H

#include "testing/sim/world.h"

/* What the summary counts. */
struct scenario_counts {
	uint64_t runs;
	uint64_t ike_sas; /* brought up, both ends counted */
	uint64_t children;
	uint64_t commands_done, commands_failed;
	uint64_t datagrams, harmed;
	uint64_t crashes;
	uint64_t one_sided;
};

/* Returns the hash of the whole trace. w->complaints and w->complaint say what was wrong; the world
 * is left as it ended (sim_world_end() has been called). */
uint64_t scenario_run(
	struct sim_world *w, uint64_t seed, int verbose, struct scenario_counts *counts);

#endif
