/*
 * Which changes of routes concern us: those of prefixes that hold a peer, and default routes.
 *
 * A router with a full BGP table sees thousands of changes a second. The kernel drops what cannot
 * concern us before it wakes us (a socket filter, in classic BPF); with more peers than such a
 * filter can name, their addresses become ranges, and what passes in error is recognised here.
 * Pure functions of plain data.
 */
#ifndef CHARON_LITE_NETWORK_WATCH_H
#define CHARON_LITE_NETWORK_WATCH_H

#include "libbase/address.h"

#include <linux/filter.h>
#include <linux/netlink.h>

/* A prefix of more than 64 bits concerns whoever lies in its first 64. */
struct cl_watch_list {
	uint64_t *keys; /* sorted; the first 32 (IPv4) or 64 bits of the addresses */
	size_t count, room;
};

struct cl_watch {
	struct cl_watch_list ipv4;
	struct cl_watch_list ipv6;
};

enum cl_watch_result {
	CL_WATCH_KNOWN,
	CL_WATCH_NEW,
	CL_WATCH_NO_MEMORY, /* it is left out: listen to all routes, then */
};

MUST_USE enum cl_watch_result cl_watch_add(struct cl_watch *w, const struct address *peer);
void cl_watch_clear(struct cl_watch *w);

/* Many at once: each is added (false without memory), then all are put in order. */
MUST_USE bool cl_watch_gather(struct cl_watch *w, const struct address *peer);
void cl_watch_gathered(struct cl_watch *w);

bool cl_watch_is_empty(const struct cl_watch *w);

/* Whether an RTM_NEWROUTE or RTM_DELROUTE may lead to a peer. Changes in the table of that number,
 * which is our own, never do; 0: none is. */
bool cl_watch_concerns(const struct cl_watch *w, uint32_t own_table, struct nlmsghdr *message);

enum {
	/* Ranges of peers that a filter can name, of each family. */
	CL_FILTER_RANGES_MAX = 192,
	CL_FILTER_LENGTH_MAX = 128 + CL_FILTER_RANGES_MAX * (5 + 12),
};

/*
 * The socket's filter: lets pass whatever is no change of a route, and of these what may lead to
 * a peer. At most `ranges` (from 1 to CL_FILTER_RANGES_MAX) of each family are named; everything
 * else about routes is dropped. w NULL: all that a route in any table but our own may lead to.
 * Returns the length.
 */
size_t cl_filter_build(const struct cl_watch *w, uint32_t own_table, size_t ranges,
	struct sock_filter ret[CL_FILTER_LENGTH_MAX]);

#endif
