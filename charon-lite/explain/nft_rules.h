/*
 * The same as nat_rules.h for nftables (and iptables-nft): chains of type nat at the hook
 * postrouting, and those that they lead to. Sets and what else is not compared make a rule unsure,
 * and all of them are where there are more rules than are kept.
 */
#ifndef CHARON_LITE_EXPLAIN_NFT_RULES_H
#define CHARON_LITE_EXPLAIN_NFT_RULES_H

#include "charon-lite/explain/nat_rules.h"

struct nlattr;
struct cl_nft_rules;

/* NULL: nf_tables is not in the kernel, no such chain, or no right to read it. Nothing is loaded.
 */
struct cl_nft_rules *cl_nft_rules_read(void);
void cl_nft_rules_free(struct cl_nft_rules *r); /* NULL is fine */

void cl_nft_rules_judge(const struct cl_nft_rules *r, const struct cl_nat_packet *packet,
	struct cl_nat_verdict *ret);

/* For reading, and for tests. Names are copied; false without memory or room, and nothing is sure
 * from then on. family: NFPROTO_IPV4,
 * NFPROTO_IPV6 or NFPROTO_INET; expressions: NFTA_RULE_EXPRESSIONS, copied. */
MUST_USE struct cl_nft_rules *cl_nft_rules_new(void);
MUST_USE bool cl_nft_rules_add_base(
	struct cl_nft_rules *r, uint8_t family, const char *table, const char *chain);
MUST_USE bool cl_nft_rules_add(struct cl_nft_rules *r, uint8_t family, const char *table,
	const char *chain, uint64_t handle, struct nlattr *expressions);

#endif
