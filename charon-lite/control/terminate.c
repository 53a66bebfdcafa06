/* terminate: IKE SAs or child SAs by name or number. */
#include "charon-lite/control/sa_filter.h"

#include <stdlib.h>

struct terminate {
	struct cl_sa_filter filter;
	size_t matches;
};

static void reply(struct cl_client *c, size_t matches, size_t terminated, const char *error)
{
	struct vici_builder b = cl_client_answer();

	vici_key_bool(&b, "success", !error);
	vici_key_format(&b, "matches", "%zu", matches);
	vici_key_format(&b, "terminated", "%zu", terminated);
	if (error)
		vici_key_text(&b, "errmsg", error);
	cl_client_reply(c, &b);
}

static void finish(struct cl_client *c, void *state, bool done, const char *text)
{
	const struct terminate *t = state;
	size_t left;

	(void)text;
	if (done) {
		reply(c, t->matches, t->matches, NULL);
		return;
	}
	left = cl_sa_filter_count(&t->filter, cl_client_daemon(c)->engine);
	if (left > t->matches)
		left = t->matches;
	reply(c, t->matches, t->matches - left, "not all matching SAs could be terminated");
}

static void log_request(struct cl_daemon *d, const struct cl_sa_filter *filter)
{
	if (filter->has_child)
		cl_log_text(d->log, IKE_LOG_CFG, IKE_LOG_INFO, "vici terminate CHILD_SA '%s'",
			filter->child);
	else if (filter->has_child_id)
		cl_log_text(d->log, IKE_LOG_CFG, IKE_LOG_INFO, "vici terminate CHILD_SA #%u",
			filter->child_id);
	else if (filter->has_ike)
		cl_log_text(d->log, IKE_LOG_CFG, IKE_LOG_INFO, "vici terminate IKE_SA '%s'",
			filter->ike);
	else
		cl_log_text(d->log, IKE_LOG_CFG, IKE_LOG_INFO, "vici terminate IKE_SA #%u",
			filter->ike_id);
}

/* Takes over t. */
static void start(struct cl_client *c, struct terminate *t, struct vici_view request)
{
	struct cl_daemon *d = cl_client_daemon(c);
	const struct cl_sa_filter *filter = &t->filter;
	int64_t timeout = cl_request_number(request, "timeout", 0);
	const struct cl_wait wait = {
		.ticket = timeout < 0 ? 0 : cl_client_ticket(c),
		.level = (int)cl_request_number(request, "loglevel", 1),
		.milliseconds = timeout,
		.finish = finish,
		.state = t,
	};
	const struct ike_terminate what = {
		.ike = filter->has_ike ? filter->ike : NULL,
		.child = filter->has_child ? filter->child : NULL,
		.ike_id = filter->has_ike_id ? filter->ike_id : 0,
		.child_id = filter->has_child_id ? filter->child_id : 0,
		.force = cl_request_bool(request, "force"),
		.ticket = wait.ticket,
	};
	size_t matches = 0;
	struct why why;

	if (wait.ticket)
		cl_client_wait(c, &wait);
	bool begun = ike_engine_terminate(d->engine, cl_daemon_now(), &what, &matches, &why) &&
		     matches > 0;
	t->matches = matches;
	if (wait.ticket)
		cl_client_watch(c, what.ike_id);
	if (!begun)
		reply(c, 0, 0, "no matching SAs to terminate found");
	else if (!wait.ticket)
		reply(c, matches, matches, NULL);
	if (!wait.ticket)
		free(t);
	else if (!begun)
		cl_client_wait_cancel(c);
	cl_daemon_rearm(d);
}

void cl_command_terminate(struct cl_client *c, struct vici_view request)
{
	struct terminate *t = calloc(1, sizeof(*t));

	if (!t) {
		cl_client_reply_failure(c, "out of memory");
		return;
	}
	cl_sa_filter_read(request, &t->filter);
	if (!t->filter.has_ike && !t->filter.has_child && !t->filter.has_ike_id &&
		!t->filter.has_child_id) {
		free(t);
		cl_client_reply_failure(c, "missing terminate selector");
		return;
	}
	log_request(cl_client_daemon(c), &t->filter);
	start(c, t, request);
}
