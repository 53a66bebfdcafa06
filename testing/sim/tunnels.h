/*
 * The tunnels scenario: two to twelve hosts in a star or a mesh that are to keep their tunnels up
 * for hours to weeks of virtual time.
 *
 *   storm    loss, partitions, crashes with and without the kernel's state, moving hosts, NAT boxes
 *            that forget, clocks that jump, operators' commands, packets; between them long calms
 *            in which lifetimes end
 *   healing  the network works, every host is up; after a bound that follows from the settings each
 *            wanted child is installed exactly once at both ends, and nothing is left over
 *   calm     lifetimes end some more; all must be as well, and no packet be lost
 *   end      every host deletes everything: the kernels' tables must be empty
 */
#ifndef TESTING_SIM_TUNNELS_H
#define TESTING_SIM_TUNNELS_H

#include "testing/sim/definition.h"
#include "testing/sim/scenario.h"

#define TUNNELS_PAIRS_MAX 14
#define TUNNELS_CHILDREN_MAX 3

/* How one end of a pair defines the other. */
struct tunnel_side {
	uint8_t node;
	bool can_initiate; /* knows where the other is */
	struct sim_definition definition;
	/* Children that came up since the host started, and that an operator has not ended. */
	bool was_up[TUNNELS_CHILDREN_MAX];
};

struct tunnel_pair {
	struct tunnel_side sides[2];
	size_t child_count;
	bool ikev1;
	bool disturbed; /* an operator ended or changed something: children may be up or down */
	char psk[40];
	char texts[48][64]; /* what the definitions point to */
	size_t text_count;
};

struct tunnels {
	struct sim_world *w;
	struct scenario_counts *counts;
	bool mixed; /* some pairs speak IKEv1 */
	struct tunnel_pair pairs[TUNNELS_PAIRS_MAX];
	size_t pair_count;
	ike_time duration;
	ike_time bound;   /* from the healing until all is well */
	ike_time longest; /* lifetime of a child */
	/* Hosts that can be elsewhere: both addresses; family 0: it stays. */
	struct address homes[SIM_NODES_MAX][2];
	bool leaving[SIM_NODES_MAX]; /* it shuts down */
	ike_time names_known_at;     /* the latest, after the healing */
};

/* ---- tunnels_plan.c ---- */

/* Adds hosts to the world, not started, and how they define each other. */
void tunnels_plan(struct tunnels *t);
/* Starts the host, if it is down, and loads what it is to know. */
void tunnels_boot(struct tunnels *t, struct sim_node *n);
const char *tunnels_ids(size_t node);

/* ---- tunnels_check.c ---- */

enum tunnels_want { TUNNELS_DOWN, TUNNELS_UP, TUNNELS_EITHER };
enum tunnels_want tunnels_wanted(const struct tunnel_pair *pair, size_t child);

/* A packet of that child, sent now from that side. */
enum sim_fate tunnels_packet(
	struct tunnels *t, const struct tunnel_pair *pair, size_t side, size_t child);
/* What is not as it should be about a pair, or false. Packets are sent. */
bool tunnels_problem(struct tunnels *t, const struct tunnel_pair *pair, char *ret, size_t room);
/* What belongs to no pair, or is half-open, or false. */
bool tunnels_leftovers(struct tunnels *t, char *ret, size_t room);

#endif
