/* What the files of metrics share: totals by connection and child, the table of families, text. */
#ifndef CHARON_LITE_METRICS_PRIV_H
#define CHARON_LITE_METRICS_PRIV_H

#include "charon-lite/metrics.h"

#include <event2/buffer.h>

#define CL_METRIC_IKE_STATES (IKE_SA_DESTROYING + 1)
#define CL_METRIC_CHILD_STATES (IKE_CHILD_DESTROYING + 1)

/* ---- metrics_carried.c ---- */

struct cl_traffic {
	uint64_t bytes, packets;
};

enum cl_direction { CL_IN, CL_OUT, CL_DIRECTIONS };

struct cl_carried;

struct cl_carried *cl_carried_new(void);
void cl_carried_free(struct cl_carried *t); /* NULL is fine */

/* A look sees this child SA, by its unique id; from then on what it carried is added in parts.
 * False when memory ran out: nothing can be added. */
MUST_USE bool cl_carried_see(struct cl_carried *t, uint32_t child, uint32_t look);
/* What of this use is new, and counts as added from now on; all of it, of one that was never seen
 * or that was made anew. */
struct cl_traffic cl_carried_add(struct cl_carried *t, uint32_t child, enum cl_direction direction,
	const struct ike_kernel_usage *usage);
/* Forgets those that this look, which has seen all, has not seen; count of them, from where it was
 * left. False when that was the last. */
bool cl_carried_forget(struct cl_carried *t, uint32_t look, unsigned count);

/* ---- metrics_totals.c ---- */

struct cl_child_counts {
	bool defined; /* in what is loaded */
	bool wanted;  /* it is to be up, by start_action */
	uint32_t sas[CL_METRIC_CHILD_STATES];
};

/* Of one name in the definition of a connection. */
struct cl_child_total {
	struct cl_child_total *next;
	bool hidden; /* it has nothing; it is here because somebody may be walking */
	struct cl_child_counts told, seen;
	struct cl_traffic carried[CL_DIRECTIONS]; /* never less than before */
	char name[];
};

struct cl_connection_counts {
	bool loaded;
	uint32_t sas[CL_METRIC_IKE_STATES];
};

/* told: by the last look; seen: by the one that is under way. */
struct cl_connection_total {
	bool hidden;
	struct cl_connection_counts told, seen;
	struct cl_child_total *children;
	UT_hash_handle by_name;
	char name[]; /* "": of IKE SAs that have no connection yet */
};

struct cl_totals;

struct cl_totals *cl_totals_new(struct cl_daemon *d);
void cl_totals_free(struct cl_totals *t);
void cl_totals_event(struct cl_totals *t, const struct ike_event *event);
void cl_totals_expired(struct cl_totals *t, const struct cl_kernel_use *carried);
/* A look at all SAs is to begin, unless one is under way, or the last one began at most a second
 * ago. Whether there is one to be waited for. */
MUST_USE bool cl_totals_look(struct cl_totals *t);
/* Goes on with the look; false when it is complete. keep: somebody is walking: nothing is freed. */
MUST_USE bool cl_totals_step(struct cl_totals *t, bool keep);
/* What waits at all IKE SAs. */
uint64_t cl_totals_tasks(const struct cl_totals *t);
/* In the order in which they came; NULL begins and ends. */
const struct cl_connection_total *cl_totals_next(
	const struct cl_totals *t, const struct cl_connection_total *after);

/* ---- metrics_text.c ---- */

struct cl_metric;

struct cl_metric_writer {
	struct cl_daemon *daemon;
	uint64_t tasks;                          /* cl_totals_tasks() */
	const struct cl_metric *metric;          /* that is being written */
	const struct cl_connection_total *total; /* of families that have each connection */
	size_t row;                              /* of families that are written in pieces */
	bool open_metrics;                       /* else Prometheus' 0.0.4 */
	struct evbuffer *out;
};

/* The family's lines that begin with #. */
void cl_metric_put_header(struct cl_metric_writer *w);
/* Samples: pairs of a label's name and its value, then NULL. */
__attribute__((sentinel)) void cl_metric_put(
	struct cl_metric_writer *w, uint64_t value, ... /* const char * */);
__attribute__((sentinel)) void cl_metric_put_microseconds(
	struct cl_metric_writer *w, uint64_t microseconds, ...);
/* With something behind the family's name ("_bucket"). */
__attribute__((sentinel)) void cl_metric_put_part(
	struct cl_metric_writer *w, const char *suffix, uint64_t value, ...);

/* ---- metrics_table.c ---- */

struct cl_metric {
	struct cl_metric_description about;
	/* Once for each connection, in w->total; else until it returns false, w->row its own, which
	 * is 0 at first. */
	bool each_connection;
	bool (*write)(struct cl_metric_writer *w);
};

extern const struct cl_metric cl_metrics_table[];
extern const size_t cl_metrics_count;

/* metrics_process.c: of this process and its kernel */
bool cl_metric_write_process_memory(struct cl_metric_writer *w);
bool cl_metric_write_process_cpu(struct cl_metric_writer *w);
bool cl_metric_write_xfrm_errors(struct cl_metric_writer *w);
bool cl_metric_write_turns(struct cl_metric_writer *w);

#endif
