/*
 * From what was seen of a tunnel to causes, each with its likelihood. Pure: one subject a file.
 *
 * Likelihoods are chosen so that what explains all that is seen comes before what explains a part
 * of it, and what is wrong on this host, where it can be seen, before guesses about others: from 90
 * it is the cause of what does not work; from 50 it probably is; below that it may matter.
 */
#ifndef CHARON_LITE_EXPLAIN_JUDGE_H
#define CHARON_LITE_EXPLAIN_JUDGE_H

#include "charon-lite/explain/cause.h"
#include "charon-lite/explain/tunnel.h"

/* SAs and policies that the kernel has against those that it should have. */
void cl_judge_kernel(const struct cl_seen_tunnel *t, struct cl_findings *ret);
/* What went through and what did not. */
void cl_judge_traffic(const struct cl_seen_tunnel *t, struct cl_findings *ret);
/* Routes, forwarding, filters of addresses. */
void cl_judge_routes(const struct cl_seen_tunnel *t, struct cl_findings *ret);
/* How large packets may be. */
void cl_judge_path(const struct cl_seen_tunnel *t, struct cl_findings *ret);

/* All of them. */
void cl_judge(const struct cl_seen_tunnel *t, struct cl_findings *ret);

/* What ESP or AH makes of a packet (RFC 4303 2, RFC 4302 2). */
struct cl_encapsulation {
	uint8_t mode; /* enum ike_mode */
	bool ah;
	bool udp;          /* RFC 3948 */
	uint16_t family;   /* of the outer header */
	uint8_t iv_length; /* octets, here and below */
	uint8_t block_length;
	uint8_t icv_length;
};

/* The largest inner packet, its IP header included, that becomes an outer one of at most outer_mtu;
 * 0: none does. */
uint32_t cl_inner_mtu(const struct cl_encapsulation *e, uint32_t outer_mtu);

/* Nothing was sent into it or came out of it since it was made. */
static inline bool cl_seen_idle(const struct cl_seen_tunnel *t)
{
	return t->in.packets == 0 && t->out.packets == 0;
}

#endif
