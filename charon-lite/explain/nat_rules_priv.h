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
