/*
 * An answer waits for a look at all SAs; then it is a walk over the table of families and, within
 * those that have each connection, over connections. Both go step by step.
 */
#include "charon-lite/metrics.h"
#include "charon-lite/metrics_http.h"
#include "charon-lite/metrics_priv.h"
#include "charon-lite/turns.h"

#include <stdlib.h>

#define OPEN_METRICS "application/openmetrics-text"
/* Much longer than scraping waits. */
#define ANSWER_SECONDS 60

struct cl_metrics {
	struct cl_daemon *daemon;
	struct cl_http *http;
	struct cl_totals *totals;
	struct event *look; /* goes on */
	bool looking;
	unsigned answers; /* that are being sent */
};

struct answer {
	struct cl_metrics *metrics;
	bool sending; /* it waits for no look any more */
	struct cl_metric_writer writer;
	size_t family;
	bool begun; /* the family's header is written */
};

static void go_on_looking(struct cl_metrics *m)
{
	static const struct timeval now = { 0, 0 };

	evtimer_add(m->look, &now);
}

static void look(evutil_socket_t fd, short what, void *context)
{
	struct cl_metrics *m = context;

	(void)fd, (void)what;
	cl_turns_note(m->daemon->turns, m->daemon->base);
	m->looking = cl_totals_step(m->totals, m->answers > 0);
	if (m->looking)
		go_on_looking(m);
	else
		cl_http_resume(m->http);
}

static void *begin(void *context, const char *accept, const char **ret_type)
{
	struct cl_metrics *m = context;
	const unsigned weight = cl_http_weight(accept, OPEN_METRICS);
	struct answer *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->metrics = m;
	a->writer.daemon = m->daemon;
	a->writer.open_metrics = weight > 0 && weight >= cl_http_weight(accept, "text/plain");
	*ret_type = a->writer.open_metrics ? OPEN_METRICS "; version=1.0.0; charset=utf-8"
					   : "text/plain; version=0.0.4; charset=utf-8";
	if (!m->looking && cl_totals_look(m->totals)) {
		m->looking = true;
		go_on_looking(m);
	}
	return a;
}

static void end(void *answer)
{
	struct answer *a = answer;

	if (a->sending)
		a->metrics->answers--;
	free(a);
}

/* One step of a family; false when it is complete. */
static bool step(struct answer *a)
{
	struct cl_metric_writer *w = &a->writer;

	if (!w->metric->each_connection)
		return w->metric->write(w);
	w->total = cl_totals_next(a->metrics->totals, w->total);
	if (!w->total)
		return false;
	(void)w->metric->write(w);
	return true;
}

static enum cl_http_next more(void *answer, struct evbuffer *out)
{
	struct answer *a = answer;
	struct cl_metric_writer *w = &a->writer;

	if (!a->sending && a->metrics->looking)
		return CL_HTTP_WAIT;
	if (!a->sending) {
		a->metrics->answers++;
		w->tasks = cl_totals_tasks(a->metrics->totals);
	}
	a->sending = true;
	w->out = out;
	if (!a->begun) {
		w->metric = &cl_metrics_table[a->family];
		w->row = 0;
		w->total = NULL;
		cl_metric_put_header(w);
		a->begun = true;
	}
	if (step(a))
		return CL_HTTP_MORE;
	a->begun = false;
	if (++a->family < cl_metrics_count)
		return CL_HTTP_MORE;
	if (w->open_metrics)
		evbuffer_add_printf(out, "# EOF\n");
	return CL_HTTP_COMPLETE;
}

static void turn(void *context)
{
	const struct cl_metrics *m = context;

	cl_turns_note(m->daemon->turns, m->daemon->base);
}

bool cl_metrics_open(struct cl_daemon *d, const struct cl_listener *list, struct cl_metrics **ret,
	struct why *why)
{
	struct cl_metrics *m = calloc(1, sizeof(*m));
	const struct cl_http_document document = { .path = "/metrics",
		.seconds = ANSWER_SECONDS,
		.context = m,
		.begin = begin,
		.more = more,
		.end = end,
		.turn = turn };

	if (!m)
		return why_fail(why, "no memory for metrics");
	m->daemon = d;
	m->totals = cl_totals_new(d);
	m->look = evtimer_new(d->base, look, m);
	m->http = m->totals && m->look ? cl_http_open(d->base, list, &document) : NULL;
	if (!m->http) {
		cl_metrics_close(m);
		return why_fail(why, "no memory for the server of metrics");
	}
	*ret = m;
	return true;
}

void cl_metrics_close(struct cl_metrics *m)
{
	if (!m)
		return;
	cl_http_close(m->http);
	if (m->look)
		event_free(m->look);
	cl_totals_free(m->totals);
	free(m);
}

void cl_metrics_event(struct cl_metrics *m, const struct ike_event *event)
{
	if (m)
		cl_totals_event(m->totals, event);
}

void cl_metrics_expired(struct cl_metrics *m, const struct cl_kernel_use *carried)
{
	if (m)
		cl_totals_expired(m->totals, carried);
}
