/*
 * updown: the scripts that children name, run when they come up and go down.
 *
 * The loop never waits for a script. Those of one connection run one after the other, in the order
 * of the events; those of different connections at the same time, up to a bound. A script runs as
 * `/bin/sh -c` would run the text from swanctl.conf, in a process group of its own, with the
 * environment of updown_environment.h and nothing else: no descriptors of ours, no signals blocked
 * or ignored. What it prints goes to the log, a bounded number of lines. When it takes longer than
 * the limit its process group is killed, and the log says so. Rekeyings raise no event.
 *
 * Thread rule: belongs to the loop's thread.
 */
#ifndef CHARON_LITE_UPDOWN_H
#define CHARON_LITE_UPDOWN_H

#include "charon-lite/log.h"
#include "charon-lite/process.h"
#include "libike/engine.h"

#include <net/if.h>

struct cl_updown;

struct cl_updown_config {
	struct cl_processes *processes;
	uint32_t limit; /* seconds that a script may take */
	void *context;
	/* The name of the interface that has the address; false: none has. */
	bool (*interface)(void *context, const struct address *address, char ret[IF_NAMESIZE]);
	void (*idle)(void *context); /* no script runs or waits any more; may be NULL */
};

MUST_USE bool cl_updown_open(struct cl_log *log, const struct cl_updown_config *config,
	struct cl_updown **ret, struct why *why);

/* Kills what still runs and says so, forgets what waits. NULL is fine. */
void cl_updown_close(struct cl_updown *u);

/* For scripts that start from now on. */
void cl_updown_limit(struct cl_updown *u, uint32_t seconds);

/* From the engine, through the host: children that come up, go down, and are replaced by a
 * rekeying. A child that was not told to be up is not told to be down. */
void cl_updown_event(struct cl_updown *u, const struct ike_event *event);

/* As if all children that are up had gone down: for the end, when peers do not answer. */
void cl_updown_all_down(struct cl_updown *u, const struct ike_engine *e);

bool cl_updown_is_idle(const struct cl_updown *u);

#endif
