/*
 * Metrics for whoever watches: `GET /metrics` by HTTP, as OpenMetrics 1.0 or, for those who do not
 * ask for that, as Prometheus' text format 0.0.4. docs/monitoring.md lists them, printed from the
 * table here.
 *
 * Who asks takes turns with tunnels. An answer waits for a look at all SAs that began at most a
 * second ago, or begins one: some hundreds of the kernel's states (usage.h), then of ours, in a
 * turn of the loop; the text goes out in pieces, as fast as it is read. Clients are bounded in
 * number and time.
 *
 * What is consistent: the states of one IKE SA and its children are of one moment, and numbers of
 * SAs are told when the look is complete. Counters never become less (but for VICI's
 * reset-counters), and of each SA all is in them
 * once, whatever happens meanwhile. What is not: two tunnels are not of the same moment, but some
 * 20 ms apart with 10,000 of them; an SA that is replaced in between may be counted beside its
 * successor, but never neither of them; what engine and daemon count (handshakes, failures) is of
 * the moment in which it is written, which is later.
 *
 * Labels are names of the configuration (connections, children, pools, certificates) and words of
 * ours, never what a peer says.
 *
 * Thread rule: the loop's thread.
 */
#ifndef CHARON_LITE_METRICS_H
#define CHARON_LITE_METRICS_H

#include "charon-lite/daemon.h"

#define CL_METRICS_PORT_DEFAULT 9110

struct cl_metrics;

/* Serves on these sockets, which stay the caller's; d->base, engine, usages and turns must be
 * there. */
MUST_USE bool cl_metrics_open(struct cl_daemon *d, const struct cl_listener *list,
	struct cl_metrics **ret, struct why *why);
void cl_metrics_close(struct cl_metrics *m); /* NULL is fine, here and below */

/* What the engine tells: what an SA carried is kept when it goes. */
void cl_metrics_event(struct cl_metrics *m, const struct ike_event *event);
/* The kernel has ended this SA by itself; to be called before the engine hears of it. */
void cl_metrics_expired(struct cl_metrics *m, const struct cl_kernel_use *carried);

/* ---- The table, for docs/monitoring.md ---- */

struct cl_metric_description {
	const char *name; /* of the family: what samples are called is that, or begins with it */
	const char *type; /* "counter", "gauge", "histogram", "info" */
	const char *unit; /* or NULL */
	const char *help;
	const char *labels; /* with commas; "" */
};
/* index from 0; false after the last. */
bool cl_metric_describe(size_t index, struct cl_metric_description *ret);

#endif
