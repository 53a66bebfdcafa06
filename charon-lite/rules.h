/*
 * Rules of policy routing (`ip rule`), as far as we make and read them.
 */
#ifndef CHARON_LITE_RULES_H
#define CHARON_LITE_RULES_H

#include "libbase/address.h"

#include <linux/rtnetlink.h>

struct nl_sock;

struct cl_rule {
	uint8_t family;
	uint8_t action; /* FR_ACT_* */
	uint8_t protocol;
	bool for_all;         /* no condition but the mark */
	bool for_destination; /* no condition but where packets go to, and not the mark */
	uint32_t priority;
	uint32_t table;
	uint32_t target; /* priority to go to, with FR_ACT_GOTO */
	uint32_t mark;   /* 0: for all packets */
};

/* The routing protocol of our rules: no other program's has it, `ip rule` does not show it, and
 * network managers that clean up at their start keep away from such. */
#define CL_RULE_PROTOCOL RTPROT_KERNEL

/* Both return 0 or an errno. */
int cl_rule_add(struct nl_sock *sock, const struct cl_rule *rule);
int cl_rule_delete(struct nl_sock *sock, const struct cl_rule *rule);

/* All rules of a family in their order; what comes is bounded by what operators write. */
int cl_rules_list(struct nl_sock *sock, uint8_t family,
	void (*visit)(void *context, const struct cl_rule *rule), void *context);

#endif
