/* The peers of a scenario: their definitions, secrets and settings, made from the seed. */
#ifndef TESTING_SIM_PLAN_H
#define TESTING_SIM_PLAN_H

#include "testing/sim/definition.h"
#include "testing/sim/world.h"

enum plan_flaw {
	PLAN_FITS,
	PLAN_WRONG_PSK,
	PLAN_NO_PSK,
	PLAN_WRONG_ID,
	PLAN_NO_IKE_PROPOSAL,
	PLAN_NO_CHILD_PROPOSAL,
	PLAN_NO_SELECTOR,
	PLAN_FLAWS,
};
const char *plan_flaw_name(enum plan_flaw flaw);

/* A hub (node 0) and a spoke, and how each defines the other. */
struct plan_pair {
	enum plan_flaw flaw;
	uint8_t spoke;      /* node */
	bool hub_initiates; /* knows where the spoke is, and can speak its version */
	bool ikev1;
	size_t child_count;
	struct sim_definition hub_side;
	struct sim_definition spoke_side;
	char psk[2][48]; /* hub's, spoke's */
	const char *psk_owners[3];
	char ppk[2][48];     /* post-quantum keys, hub's, spoke's; "": none */
	char texts[40][160]; /* what the definitions point to */
	size_t text_count;
};

struct plan {
	struct plan_pair pairs[SIM_NODES_MAX - 1];
	size_t pair_count;
	bool sticky; /* some action starts children by itself */
};

/* Adds nodes to the world, not started. */
void plan_make(struct sim_world *w, struct plan *plan);
/* Starts the node, if it is down, and loads what it is to know. */
void plan_load(struct sim_world *w, const struct plan *plan, struct sim_node *n);

#endif
