#include "charon-lite/turns.h"

#include <stdbool.h>
#include <stdlib.h>
#include <sys/time.h>

/* A turn that seems to have taken longer was one in which the clock was set. */
#define ABSURD_MICROSECONDS INT64_C(3600000000)

const uint32_t cl_turn_bounds[CL_TURN_BOUNDS] = { 100, 1000, 5000, 20000, 100000, 500000, 2000000,
	10000000 };

struct cl_turns {
	bool noted;
	struct timeval began; /* when it was noted */
	struct cl_turns_seen seen;
};

struct cl_turns *cl_turns_new(void)
{
	return calloc(1, sizeof(struct cl_turns));
}

void cl_turns_free(struct cl_turns *turns)
{
	free(turns);
}

static int64_t microseconds(const struct timeval *t)
{
	return (int64_t)t->tv_sec * 1000000 + t->tv_usec;
}

static void count(struct cl_turns *turns)
{
	struct timeval now;
	size_t bucket = 0;

	gettimeofday(&now, NULL);
	int64_t took = microseconds(&now) - microseconds(&turns->began);
	if (took < 0 || took > ABSURD_MICROSECONDS)
		return;
	while (bucket < CL_TURN_BOUNDS && took > cl_turn_bounds[bucket])
		bucket++;
	turns->seen.counts[bucket]++;
	turns->seen.microseconds += (uint64_t)took;
}

void cl_turns_run(struct cl_turns *turns, struct event_base *base)
{
	int result;

	do {
		turns->noted = false;
		result = event_base_loop(base, EVLOOP_ONCE);
		if (turns->noted)
			count(turns);
	} while (result == 0 && !event_base_got_break(base));
}

void cl_turns_note(struct cl_turns *turns, struct event_base *base)
{
	if (!turns || turns->noted)
		return;
	turns->noted = event_base_gettimeofday_cached(base, &turns->began) == 0;
}

void cl_turns_seen(const struct cl_turns *turns, struct cl_turns_seen *ret)
{
	*ret = turns->seen;
}
