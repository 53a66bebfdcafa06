/*
 * Causes that a look at the running system finds, and no failed exchange tells of.
 *
 * Each has a name that stays, and what it means and what mends it in general words: those are what
 * docs/errors.md lists. Judges (judge.h) say the same of one tunnel, with its names and numbers.
 */
#ifndef CHARON_LITE_EXPLAIN_CAUSE_H
#define CHARON_LITE_EXPLAIN_CAUSE_H

#include "libbase/why.h"

#include <stddef.h>
#include <stdint.h>

enum cl_cause {
	CL_CAUSE_SA_MISSING,
	CL_CAUSE_SA_DIFFERS,
	CL_CAUSE_POLICY_MISSING,
	CL_CAUSE_POLICY_SHADOWED,
	CL_CAUSE_SA_FOREIGN,
	CL_CAUSE_ESP_BLOCKED,
	CL_CAUSE_ESP_DAMAGED,
	CL_CAUSE_ESP_LATE,
	CL_CAUSE_NOTHING_SENT_BACK,
	CL_CAUSE_NO_TRAFFIC,
	CL_CAUSE_MASQUERADE,
	CL_CAUSE_FORWARDING_OFF,
	CL_CAUSE_NO_ROUTE_BEHIND,
	CL_CAUSE_NO_ROUTE_TO_PEER,
	CL_CAUSE_NO_ROUTE_INTO_TUNNEL,
	CL_CAUSE_REVERSE_PATH_FILTER,
	CL_CAUSE_ANSWERS_ELSEWHERE,
	CL_CAUSE_MTU,
	CL_CAUSE_TOO_LARGE,
	CL_CAUSE_LARGE_LOST,
	CL_CAUSES,
};

const char *cl_cause_name(enum cl_cause cause);    /* "esp-blocked", for machines */
const char *cl_cause_meaning(enum cl_cause cause); /* a sentence without a full stop, as below */
const char *cl_cause_cure(enum cl_cause cause);

#define CL_FINDING_TEXT_MAX 768

struct cl_finding {
	enum cl_cause cause;
	uint8_t likelihood; /* 0 to 100: those of one list are compared by it, it is no measurement
			     */
	const char *child;  /* of the tunnel that was judged; NULL: the connection */
	char text[CL_FINDING_TEXT_MAX]; /* what is the matter: names and numbers of this tunnel */
	char cure[CL_FINDING_TEXT_MAX]; /* the next step; as cl_cause_cure() unless said otherwise
					 */
};

#define CL_FINDINGS_MAX 24

/* Bounded: when it is full, the least likely goes. */
struct cl_findings {
	size_t count;
	struct cl_finding list[CL_FINDINGS_MAX];
};

/* The new one, for cl_finding_cure(); NULL when there is no room. */
PRINTF_LIKE(5, 6)
struct cl_finding *cl_findings_add(struct cl_findings *f, enum cl_cause cause, unsigned likelihood,
	const char *child, const char *format, ...);
PRINTF_LIKE(2, 3) void cl_finding_cure(struct cl_finding *finding, const char *format, ...);

/* The likeliest first; of equals the one that was added first. */
void cl_findings_sort(struct cl_findings *f);

#endif
