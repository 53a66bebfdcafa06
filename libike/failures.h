/*
 * Failures that are kept, for --explain: of each loaded connection a few, of those that fit no
 * connection a few, the same one counted.
 *
 * They outlive the IKE SA that failed, and a reload of the connection. Strangers can cause some, so
 * every list is bounded: when one is full, the longest unseen of the reason that has the most
 * entries makes room. What happened once stays findable beside what happens all the time.
 */
#ifndef LIBIKE_FAILURES_H
#define LIBIKE_FAILURES_H

#include "libike/diagnosis.h"
#include "libike/host.h"

#define IKE_FAILURES_MAX 8 /* of one list */

/* When in the life of an IKE SA. */
enum ike_phase {
	IKE_PHASE_START, /* before anything was sent */
	IKE_PHASE_INIT,
	IKE_PHASE_AUTH,
	IKE_PHASE_ESTABLISHED,
};
/* "IKE_SA_INIT"; version: of IKE, 0 is as 2 */
const char *ike_phase_name(uint8_t phase, uint8_t version);

struct ike_failure_record {
	struct ike_failure failure; /* as it was the last time */
	char *child;                /* heap; NULL: it concerns the IKE SA */
	char *local_id;             /* heap; as far as they were known, or NULL */
	char *remote_id;
	struct address local; /* family 0: not known */
	struct address remote;
	uint8_t phase;     /* enum ike_phase */
	uint8_t version;   /* of IKE; 0: neither yet */
	bool we_initiated; /* the IKE SA */
	uint32_t count;
	ike_time first;
	ike_time last;
	ike_time worked_at; /* when it came up nevertheless, later; IKE_NEVER: not since */
};

struct ike_failures {
	struct ike_failure_record
		*items; /* IKE_FAILURES_MAX, the latest first; NULL until needed */
	size_t count;
};

void ike_failures_free(struct ike_failures *list);

/* Notes one: `what` has everything but count and times. The copy that is kept is returned; NULL
 * when memory ran out. */
const struct ike_failure_record *ike_failures_note(
	struct ike_failures *list, const struct ike_failure_record *what, ike_time now);

/* The IKE SA with the peer came up (child NULL), or that child of it. any_peer: the connection has
 * but one, so that failures with it under other addresses are over too. */
void ike_failures_worked(struct ike_failures *list, const char *child, const struct address *remote,
	bool any_peer, ike_time now);

#endif
