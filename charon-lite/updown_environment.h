/*
 * What an updown script is told: PATH, and the PLUTO_* variables as strongSwan sets them.
 *
 * A child with several selectors has its script run once for each pair of a local and a remote one
 * that have a family and a protocol in common. The text is made when the event comes, from what is
 * so then: the script may run later, when the SA is gone.
 */
#ifndef CHARON_LITE_UPDOWN_ENVIRONMENT_H
#define CHARON_LITE_UPDOWN_ENVIRONMENT_H

#include "libike/sa/ike_sa.h"

#define CL_UPDOWN_VARIABLES_MAX 96
#define CL_UPDOWN_DNS_MAX 8      /* further DNS servers are left out */
#define CL_UPDOWN_DOMAINS_MAX 32 /* and domains */

struct cl_updown_environment {
	char *items[CL_UPDOWN_VARIABLES_MAX + 1]; /* "NAME=value", the last one NULL; owned */
	unsigned count;
	bool no_memory; /* some are missing */
};

struct cl_updown_pair {
	const struct ike_selector *local;
	const struct ike_selector *remote;
};

/* The next pair after *at (0 at first, moved on); false at the end. */
bool cl_updown_next_pair(const struct ike_child *child, unsigned *at, struct cl_updown_pair *ret);

/* Whether the variables say of a selector no more than the network around it. */
bool cl_updown_is_approximate(const struct ike_selector *s);

/* False when memory ran out; nothing is to be freed then. */
MUST_USE bool cl_updown_environment(const struct ike_sa *sa, const struct ike_child *child,
	const struct cl_updown_pair *pair, bool up, const char *interface,
	struct cl_updown_environment *ret);

void cl_updown_environment_free(struct cl_updown_environment *environment);

#endif
