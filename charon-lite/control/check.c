/*
 * check: what is wrong with what is loaded, as a whole (libike/check). An event has the findings of
 * a step, each a section; "codes" asks for the table instead.
 */
#include "libike/check/check.h"
#include "charon-lite/control/command.h"

#include <stdlib.h>

struct checking {
	struct ike_check *check;
	/* Of a step. */
	struct vici_builder *builder;
	size_t found;
};

static const char *const severities[] = {
	[IKE_CHECK_NOTE] = "note",
	[IKE_CHECK_WARNING] = "warning",
	[IKE_CHECK_ERROR] = "error",
};

static void put_text(struct vici_builder *b, const char *name, const char *value)
{
	if (value)
		vici_key_text(b, name, value);
}

static void put_row(struct vici_builder *b, const struct ike_check_row *row)
{
	vici_key_text(b, "code", row->name);
	vici_key_text(b, "severity", severities[row->severity]);
	vici_key_text(b, "why", row->why);
	vici_key_text(b, "instead", row->instead);
}

static void report(void *context, const struct ike_finding *finding)
{
	struct checking *x = context;
	struct vici_builder *b = x->builder;

	vici_section_start_format(b, "%zu", ++x->found);
	put_row(b, ike_check_row(finding->code));
	vici_key_text(b, finding->kind, finding->name);
	put_text(b, "child", finding->child);
	if (finding->side) {
		vici_key_text(b, "side", finding->side);
		vici_key_format(b, "round", "%zu", finding->round);
	}
	put_text(b, "key", finding->key);
	vici_key_text(b, "text", finding->text);
	vici_section_end(b);
}

static bool check_next(struct cl_client *c, void *state)
{
	struct checking *x = state;
	struct vici_builder b = cl_event_packet(CL_EVENT_FINDING);

	x->builder = &b;
	x->found = 0;
	bool more = ike_check_next(x->check, report, x);
	if (x->found > 0)
		cl_client_event_take(c, CL_EVENT_FINDING, &b);
	else
		vici_builder_free(&b);
	return more;
}

static void check_over(struct cl_client *c, void *state)
{
	const struct checking *x = state;

	if (ike_check_is_incomplete(x->check))
		cl_client_reply_failure(c, "out of memory: not all was looked at");
	else
		cl_client_reply_empty(c);
}

static void checking_free(void *state)
{
	struct checking *x = state;

	ike_check_free(x->check);
	free(x);
}

/* ---- Beginning ---- */

static struct ike_check *begin(struct ike_engine *e)
{
	size_t count = 0;

	while (ike_engine_connection(e, count))
		count++;
	const struct ike_connection **list = calloc(count + 1, sizeof(*list));
	for (size_t i = 0; list && i < count; i++)
		list[i] = ike_engine_connection(e, i);
	const struct ike_check_model model = {
		.connections = list,
		.connection_count = count,
		.credentials = ike_engine_credentials(e),
		.certificates = ike_engine_certificates(e),
		.pools = ike_engine_pools(e),
		.clients = ike_engine_clients(e),
		.now = (int64_t)time(NULL),
	};
	struct ike_check *check = list ? ike_check_new(&model) : NULL;
	free(list);
	return check;
}

static void reply_codes(struct cl_client *c)
{
	struct vici_builder b = cl_client_answer();

	for (unsigned i = 0; i < IKE_CHECK_CODES; i++) {
		const struct ike_check_row *row = ike_check_row((enum ike_check_code)i);

		vici_section_start(&b, row->name);
		put_row(&b, row);
		vici_key_text(&b, "what", row->what);
		vici_section_end(&b);
	}
	cl_client_reply(c, &b);
}

void cl_command_check(struct cl_client *c, struct vici_view request)
{
	struct checking *x;

	if (cl_request_bool(request, "codes")) {
		reply_codes(c);
		return;
	}
	x = calloc(1, sizeof(*x));
	if (x)
		x->check = begin(cl_client_daemon(c)->engine);
	if (x && x->check) {
		cl_client_walk_to(c, check_next, check_over, x, checking_free);
		return;
	}
	free(x);
	cl_client_reply_failure(c, "out of memory");
}
