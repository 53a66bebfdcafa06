/* What nft_rules.c has read and nft_judge.c walks through. */
#ifndef CHARON_LITE_EXPLAIN_NFT_RULES_PRIV_H
#define CHARON_LITE_EXPLAIN_NFT_RULES_PRIV_H

#include "charon-lite/explain/nft_rules.h"

#include <arpa/inet.h>
#include <netlink/attr.h>
#include <string.h>

#define CL_NFT_BASES_MAX 16
#define CL_NFT_NAME_MAX 96

struct chain {
	uint8_t family;
	char table[CL_NFT_NAME_MAX], name[CL_NFT_NAME_MAX];
};

struct rule {
	struct chain chain;
	uint64_t handle;
	struct nlattr *expressions; /* owned */
};

struct cl_nft_rules {
	struct chain bases[CL_NFT_BASES_MAX];
	size_t base_count;
	struct rule *rules; /* in the order of their chains */
	size_t rule_count;
	bool incomplete; /* there are more, or not all could be read */
};

struct chain cl_nft_chain(uint8_t family, const char *table, const char *name);

/* "" of what is no text. */
static inline const char *nft_text(const struct nlattr *attribute)
{
	return attribute && nla_len(attribute) > 0 &&
			       memchr(nla_data(attribute), '\0', (size_t)nla_len(attribute))
		       ? nla_get_string(attribute)
		       : "";
}

static inline uint32_t nft_number(const struct nlattr *attribute)
{
	return attribute && nla_len(attribute) >= 4 ? ntohl(nla_get_u32(attribute)) : 0;
}

#endif
