/* What nat_rules.c and nft_rules.c share: conditions of rules against packets. */
#ifndef CHARON_LITE_EXPLAIN_NAT_RULES_PRIV_H
#define CHARON_LITE_EXPLAIN_NAT_RULES_PRIV_H

#include "charon-lite/explain/nat_rules.h"

/* Whether packets meet a condition. */
enum meets { NO, MAYBE, YES };

static inline enum meets meets_both(enum meets a, enum meets b)
{
	return a < b ? a : b;
}

static inline enum meets meets_inverted(enum meets m, bool invert)
{
	return !invert ? m : m == YES ? NO : m == NO ? YES : MAYBE;
}

/* Where packets go from a rule: to the next one, back to where their chain was jumped to from, or
 * out of the table. */
enum way { ON, BACK, OUT };

/* What is not known of the packets that a walk through rules follows. */
struct doubts {
	bool left;     /* some may have left the table */
	bool returned; /* some may have left this chain */
	bool absent;   /* some may never have come into this chain */
};

static inline bool doubts_any(const struct doubts *d)
{
	return d->left || d->returned || d->absent;
}

/* A rule sends there those that meet it: the way of all, as far as it is one. */
static inline enum way doubts_way(struct doubts *d, enum meets m, enum way way)
{
	if (m == YES || way == ON)
		return way;
	if (way == OUT)
		d->left = true;
	else
		d->returned = true;
	return ON;
}

/* Into another chain; returns what is to be given to doubts_leave(). */
static inline struct doubts doubts_enter(struct doubts *d, enum meets m)
{
	const struct doubts before = *d;

	d->absent = d->absent || d->returned || m != YES;
	d->returned = false;
	return before;
}

/* And out of it by that way, BACK or OUT: of those that came into it. */
static inline enum way doubts_leave(struct doubts *d, const struct doubts *before, enum way way)
{
	bool returned = d->returned;

	d->returned = before->returned;
	d->absent = before->absent;
	if (way == OUT && returned) {
		d->left = true;
		return BACK;
	}
	return way;
}

/* A network as rules have it: of IPv4 the first four octets, the rest zero. */
struct cl_nat_network {
	uint8_t address[16], mask[16];
};

/* The network of the packets against that of the rule. */
enum meets cl_nat_network_meets(const struct address *network, uint8_t prefix,
	const struct cl_nat_network *rule, bool invert);

/* iptables' -m policy: "--dir out --pol ipsec" or "--pol none"; data: its struct xt_policy_info. */
enum meets cl_nat_policy_meets(struct bytes data);

/* Of iptables' targets. */
bool cl_nat_target_translates(const char *target);

#endif
