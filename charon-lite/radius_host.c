#include "charon-lite/radius_host.h"

#include "charon-lite/accounting.h"

static void answered(void *context, uint64_t ticket, const struct ike_radius_answer *answer,
	const struct cl_radius_packet *packet, uint32_t ike_id)
{
	struct cl_daemon *d = context;

	if (answer->result == IKE_RADIUS_ACCEPT && packet)
		cl_accounting_accepted(d->accounting, ike_id, answer->user, packet);
	ike_engine_radius_answered(d->engine, cl_daemon_now(), ticket, answer);
	cl_daemon_rearm(d);
}

static void accounted(void *context, uint32_t port, bool accepted)
{
	struct cl_daemon *d = context;

	cl_accounting_answered(d->accounting, port, accepted);
}

static bool query(void *context, const struct ike_kernel_id *id, struct ike_kernel_usage *ret)
{
	return cl_host_query(context, id, ret);
}

static const struct ike_sa *find(void *context, uint32_t ike_id)
{
	const struct cl_daemon *d = context;

	return ike_engine_sa_find(d->engine, ike_id);
}

/* From the loop, not from within the engine. It may be gone meanwhile. */
static void terminate(struct cl_daemon *d, uint32_t ike_id)
{
	const struct ike_terminate what = { .ike_id = ike_id };
	struct why why;
	size_t count;

	if (!ike_engine_terminate(d->engine, cl_daemon_now(), &what, &count, &why))
		cl_log_text(d->log, IKE_LOG_CFG, IKE_LOG_DETAIL, "%s", why.text);
}

static void close_sa(void *context, uint32_t ike_id, bool all)
{
	struct cl_daemon *d = context;
	const struct ike_sa *sa;
	uint32_t last = 0;

	if (!all)
		terminate(d, ike_id);
	while (all && (sa = cl_sa_after(d->engine, last))) {
		last = sa->unique_id;
		terminate(d, last);
	}
	cl_daemon_rearm(d);
}

bool cl_radius_host_open(struct cl_daemon *d, struct why *why)
{
	struct cl_radius_settings settings;
	const struct cl_radius_config config = {
		.base = d->base,
		.library = d->library,
		.processes = d->processes,
		.context = d,
		.answered = answered,
		.accounted = accounted,
	};

	if (!cl_radius_settings_read(&d->settings, &settings, why) ||
		!cl_radius_open(&config, &settings, d->log, &d->radius, why))
		return false;
	const struct cl_accounting_config accounting = {
		.base = d->base,
		.radius = d->radius,
		.context = d,
		.query = query,
		.find = find,
		.close = close_sa,
	};
	return cl_accounting_open(&accounting, d->log, &d->accounting, why);
}

void cl_radius_host_close(struct cl_daemon *d)
{
	cl_accounting_close(d->accounting);
	cl_radius_close(d->radius);
	d->accounting = NULL;
	d->radius = NULL;
}

bool cl_radius_host_reload(struct cl_daemon *d, const struct cl_settings *settings, struct why *why)
{
	struct cl_radius_settings radius;

	return cl_radius_settings_read(settings, &radius, why) &&
	       cl_radius_configure(d->radius, &radius, why);
}

bool cl_radius_host_ask(void *context, const struct ike_radius_request *what, uint64_t ticket)
{
	struct cl_daemon *d = context;

	return cl_radius_ask(d->radius, what, ticket);
}

void cl_radius_host_forget(void *context, uint64_t session)
{
	struct cl_daemon *d = context;

	cl_radius_forget(d->radius, session);
}
