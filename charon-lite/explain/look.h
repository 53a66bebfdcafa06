/*
 * Looking at what a CHILD_SA has in the kernel and around it, and changing nothing.
 *
 * A look is one command's: what would be the same for all of its tunnels is read once, before the
 * first of them, in parts between which others have their turn. What a look at a tunnel takes is
 * bounded.
 * Thread rule: belongs to the loop's thread.
 */
#ifndef CHARON_LITE_EXPLAIN_LOOK_H
#define CHARON_LITE_EXPLAIN_LOOK_H

#include "charon-lite/daemon.h"
#include "charon-lite/explain/proc.h"
#include "charon-lite/explain/tunnel.h"
#include "libike/sa/ike_sa.h"

struct cl_look;

/* NULL without memory. */
struct cl_look *cl_look_new(struct cl_daemon *d);
void cl_look_free(struct cl_look *l); /* NULL is fine */

/* Reads a part of what is the same for all. False: all is read; what the rest is for comes then. */
MUST_USE bool cl_look_prepare(struct cl_look *l);

/* The texts in it are the child's. */
void cl_look_at(struct cl_look *l, const struct ike_child *child, struct cl_seen_tunnel *ret);

/* The same, of its SAs, the way to the peer and what fits alone: the rest is zero. */
void cl_look_use(struct cl_look *l, const struct ike_child *child, struct cl_seen_tunnel *ret);

/* How packets get to a peer. */
void cl_look_peer(struct cl_look *l, const struct address *peer, struct cl_seen_route *ret);

/* A counter of /proc/net/xfrm_stat, since boot; 0: it stands still, or this kernel has none. visit
 * is called for those above 0. */
void cl_look_counters(const struct cl_look *l,
	void (*visit)(void *context, const char *name, uint64_t value), void *context);

/* ---- look_kernel.c ---- */

struct cl_foreign_sa {
	struct address source, destination;
	uint32_t spi, reqid;
	uint8_t protocol;
};

#define CL_FOREIGN_MAX 4096

/* What other programs have in the kernel; what is beyond the bound is left out. All zero: nothing
 * is read yet. */
struct cl_foreign {
	enum { CL_FOREIGN_SAS, CL_FOREIGN_POLICIES, CL_FOREIGN_ALL } next; /* to be read */
	struct xfrm_listing *listing;
	struct cl_foreign_sa *sas;
	struct xfrm_policy *policies;
	size_t sa_count, policy_count;
};

/* Reads a part of the kernel's; false: all is read, as far as it can be. */
MUST_USE bool cl_foreign_gather(struct cl_foreign *f);
void cl_foreign_free(struct cl_foreign *f);

/* Fills in what concerns SAs. */
void cl_look_sas(struct xfrm_handle *tables, const struct cl_foreign *foreign,
	const struct ike_child *child, struct cl_seen_tunnel *t);
/* And policies. */
void cl_look_policies(struct xfrm_handle *tables, const struct cl_foreign *foreign,
	const struct ike_child *child, struct cl_seen_tunnel *t);

/* Whether the first is for packets that the second is for as well, and then whether it is for all
 * of those. Marks and if_ids count, directions do not. */
bool cl_policies_meet(
	const struct xfrm_policy_id *a, const struct xfrm_policy_id *b, bool *ret_covers);

/* ---- look_system.c ---- */

#define CL_XFRM_COUNTERS 40

struct cl_xfrm_counter {
	char name[32];
	uint64_t value;
};

/* From the text of /proc/net/xfrm_stat; returns how many. */
size_t cl_xfrm_counters_parse(const char *text, struct cl_xfrm_counter ret[CL_XFRM_COUNTERS]);

#endif
