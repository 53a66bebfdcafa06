/*
 * What the kernel drops without a word but in its counters, which are those of the whole network
 * namespace since boot. They tell something when they are known to have moved while a tunnel was
 * there, so they are looked at each time that a CHILD_SA comes up, and kept.
 *
 * Thread rule: the loop's thread.
 */
#ifndef CHARON_LITE_EXPLAIN_DROPS_H
#define CHARON_LITE_EXPLAIN_DROPS_H

#include "libike/host.h"

/* Packets, since boot. */
struct cl_drops {
	uint64_t filtered;      /* by rp_filter (IPv4 alone) */
	uint64_t too_large;     /* that were not to be fragmented, and whose senders were told */
	uint64_t unreassembled; /* fragments of them did not come */
};

struct cl_drops_history;

/* The counters as they are now; false when they can't be read. family: AF_INET, AF_INET6. */
MUST_USE bool cl_drops_read(uint16_t family, struct cl_drops *ret);

struct cl_drops_history *cl_drops_history_new(void);    /* NULL without memory */
void cl_drops_history_free(struct cl_drops_history *h); /* NULL is fine, here and below */

/* Keeps how they are now, if nothing younger than a second is there. */
void cl_drops_note(struct cl_drops_history *h, ike_time now);

/* How they were at that time, as far as it is kept: before it if possible, else at the earliest
 * time that there is. False when nothing is. */
MUST_USE bool cl_drops_before(
	const struct cl_drops_history *h, uint16_t family, ike_time time, struct cl_drops *ret);

/* For tests: as if they had been read. */
void cl_drops_keep(struct cl_drops_history *h, ike_time at, const struct cl_drops ipv4,
	const struct cl_drops ipv6);

/* One counter in the text of /proc/net/snmp or netstat, where a line has names and the next one
 * numbers ("TcpExt", "IPReversePathFilter"); 0: it is not there. */
uint64_t cl_drops_counter(const char *text, const char *group, const char *name);

#endif
