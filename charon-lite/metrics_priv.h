/* What the files of metrics share: totals by connection and child, the table of families, text. */
#ifndef CHARON_LITE_METRICS_PRIV_H
#define CHARON_LITE_METRICS_PRIV_H

#include "charon-lite/metrics.h"

#include <event2/buffer.h>

#define CL_METRIC_IKE_STATES (IKE_SA_DESTROYING + 1)
#define CL_METRIC_CHILD_STATES (IKE_CHILD_DESTROYING + 1)

/* ---- metrics_totals.c ---- */

struct cl_traffic {
	uint64_t bytes, packets;
};

enum cl_direction { CL_IN, CL_OUT, CL_DIRECTIONS };

/* Of one name in the definition of a connection. */
struct cl_child_total {
	struct cl_child_total *next;
	bool defined; /* still */
	bool wanted;  /* it is to be up, by start_action */
	uint32_t sas[CL_METRIC_CHILD_STATES];
	struct cl_traffic gone[CL_DIRECTIONS];  /* of SAs that are there no more */
	struct cl_traffic live[CL_DIRECTIONS];  /* of the others, when they were last looked at */
	struct cl_traffic shown[CL_DIRECTIONS]; /* both, as it was told: never less afterwards */
	char name[];
};

struct cl_connection_total {
	bool loaded;
	uint32_t sas[CL_METRIC_IKE_STATES];
	struct cl_child_total *children;
	UT_hash_handle by_name;
	char name[]; /* "": of IKE SAs that have no connection yet */
};

struct cl_totals;

struct cl_totals *cl_totals_new(struct cl_daemon *d);
void cl_totals_free(struct cl_totals *t);
void cl_totals_event(struct cl_totals *t, const struct ike_event *event);
void cl_totals_expired(struct cl_totals *t, const struct cl_kernel_use *carried);
/* Looks at all SAs, unless that was at most a second ago. keep: somebody is walking: nothing goes
 * from the table. */
void cl_totals_look(struct cl_totals *t, bool keep);
/* In the order in which they came; NULL begins and ends. */
const struct cl_connection_total *cl_totals_next(
	const struct cl_totals *t, const struct cl_connection_total *after);

/* ---- metrics_text.c ---- */

struct cl_metric;

struct cl_metric_writer {
	struct cl_daemon *daemon;
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
