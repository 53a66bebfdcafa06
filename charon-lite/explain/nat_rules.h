/*
 * Rules that translate source addresses, and whether they catch a tunnel's packets.
 *
 * What leaves goes through the chain POSTROUTING of table nat before the kernel looks for its IPsec
 * policy once more; with another source it does not meet that any longer. Read here: the own tables
 * of iptables and ip6tables (iptables-legacy). Nothing is loaded for it: a kernel without such a
 * table has no rules in it.
 */
#ifndef CHARON_LITE_EXPLAIN_NAT_RULES_H
#define CHARON_LITE_EXPLAIN_NAT_RULES_H

#include "libbase/address.h"

struct cl_nat_rules;

/* family: AF_INET or AF_INET6. NULL: there is no table, or it may not be read. */
struct cl_nat_rules *cl_nat_rules_read(uint16_t family);
void cl_nat_rules_free(struct cl_nat_rules *r); /* NULL is fine */

/* Packets from one network to another of the same family, for which there is an IPsec policy. */
struct cl_nat_packet {
	struct address source, destination;
	uint8_t source_prefix, destination_prefix;
	const char *interface; /* by which they would leave */
};

struct cl_nat_verdict {
	bool hit;
	bool sure;        /* all of them are caught; else it depends on what was not compared */
	uint64_t packets; /* that the rule has seen */
	char rule[256];   /* "iptables-legacy -t nat: POSTROUTING -o wan -j MASQUERADE" */
};

void cl_nat_rules_judge(const struct cl_nat_rules *r, const struct cl_nat_packet *packet,
	struct cl_nat_verdict *ret);

/* The kernel's struct ipt_entry or ip6t_entry, one after the other, and where POSTROUTING begins in
 * them: for tests; copied. */
struct cl_nat_rules *cl_nat_rules_new(uint16_t family, struct bytes entries, uint32_t postrouting);

#endif
