/*
 * systemd-resolved is told of the DNS servers that peers have named for our virtual addresses, and
 * of the domains that they are for (RFC 8598; none: all names), on the interface that has the
 * address. What several addresses of one interface bring is put together: resolved knows interfaces
 * only.
 *
 * Each change is one short-lived process, this program again with --resolved, which gives up all
 * privileges and runs resolvectl(1): resolved is asked over D-Bus out of reach of anything that
 * strangers send us, and nobody waits for it. Changes of one interface come one after the other;
 * what changes meanwhile is told afterwards, as it is then.
 *
 * An interface that has DNS servers which others have set is left alone: they would be replaced.
 * What is ours is known by a routing domain of a name that does not exist, CL_RESOLVED_MARK, so
 * that a daemon finds what one that was killed left. No other state is kept anywhere.
 *
 * Thread rule: belongs to the loop's thread.
 */
#ifndef CHARON_LITE_RESOLVED_H
#define CHARON_LITE_RESOLVED_H

#include "charon-lite/log.h"
#include "charon-lite/process.h"
#include "libike/virtual.h"

#define CL_RESOLVED_MARK "~charon-lite.invalid" /* RFC 6761 6.4: nobody's */
#define CL_RESOLVED_PROGRAM "/usr/bin/resolvectl"
#define CL_RESOLVED_DIRECTORY "/run/systemd/resolve" /* there while resolved runs */

struct cl_resolved;

struct cl_resolved_config {
	struct cl_processes *processes;
	const char *program;    /* charon-lite; NULL: this process's own */
	const char *resolvectl; /* copied */
	const char *directory;  /* nothing is told while it does not exist */
	uint32_t limit;         /* seconds for one change */
	void *context;
	void (*idle)(void *context); /* resolved knows all; may be NULL */
};

MUST_USE bool cl_resolved_open(const struct cl_resolved_config *config, struct cl_log *log,
	struct cl_resolved **ret, struct why *why);
/* Kills what runs, forgets what waits. NULL is fine. */
void cl_resolved_close(struct cl_resolved *r);

/* Off, resolved is told nothing any more, and what it was told is taken back. */
MUST_USE bool cl_resolved_settings(struct cl_resolved *r, bool on, const char *resolvectl);

/* An IKE SA has that virtual address, which is on that interface (0: on none that we put it on),
 * and these servers and domains with it: they take the place of what the address had. */
void cl_resolved_set(struct cl_resolved *r, const struct address *address, uint32_t interface,
	const struct ike_virtual *v);
/* The address is gone, or was never there. */
void cl_resolved_remove(struct cl_resolved *r, const struct address *address);
/* The address is on that interface now, as the one that it was on was made anew. */
void cl_resolved_move(struct cl_resolved *r, const struct address *address, uint32_t interface);
/* A killed daemon may have left something there: unless there is something to tell of that
 * interface, it is taken back. */
void cl_resolved_clean(struct cl_resolved *r, uint32_t interface);
/* All addresses at once, for the end. */
void cl_resolved_remove_all(struct cl_resolved *r);

bool cl_resolved_is_idle(const struct cl_resolved *r);
/* Why resolved does not know what came with that address; NULL: it does, or nothing did. */
const char *cl_resolved_problem(const struct cl_resolved *r, const struct address *address);

/* The other side, --resolved RESOLVECTL INTERFACE [SERVER...] [DOMAIN...], domains with ~ in front.
 * Without servers the interface's settings are taken back if they are ours, and it writes that;
 * else it writes what went wrong. Returns the exit status. */
int cl_resolved_main(int count, char **arguments);

#endif
