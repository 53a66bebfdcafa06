/*
 * How long each turn of the event loop takes: from when something happened until all that was due
 * has been dealt with. Nothing else can be done meanwhile, as there is one thread.
 *
 * libevent has no hook around its waiting (before 2.2), so callbacks note that a turn is under way:
 * the time at which it began is libevent's own. cl_daemon_rearm() does it after each call into the
 * engine, VICI's clients and the metrics do when they have a turn. What else there is (a log that
 * is opened again, a script that ended) is measured only together with one of these.
 */
#ifndef CHARON_LITE_TURNS_H
#define CHARON_LITE_TURNS_H

#include <event2/event.h>
#include <stddef.h>
#include <stdint.h>

/* Upper bounds of the histogram's buckets but the last, which has none: microseconds. */
#define CL_TURN_BOUNDS 8
extern const uint32_t cl_turn_bounds[CL_TURN_BOUNDS];

struct cl_turns_seen {
	uint64_t counts[CL_TURN_BOUNDS + 1]; /* of each bucket alone */
	uint64_t microseconds;               /* of all */
};

struct cl_turns;

struct cl_turns *cl_turns_new(void);
void cl_turns_free(struct cl_turns *turns); /* NULL is fine */

/* Runs the loop until event_base_loopbreak(). */
void cl_turns_run(struct cl_turns *turns, struct event_base *base);

/* From a callback: this turn counts. Cheap, and fine any number of times. turns NULL: nobody
 * looks. */
void cl_turns_note(struct cl_turns *turns, struct event_base *base);

void cl_turns_seen(const struct cl_turns *turns, struct cl_turns_seen *ret);

#endif
