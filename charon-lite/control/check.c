/*
 * check: what is wrong with what is loaded, as a whole (libike/check). An event has the findings of
 * a connection, or those of all the rest, each a section; "codes" asks for the table instead.
 */
#include "libike/check/check.h"
#include "charon-lite/control/command.h"

#include <stdlib.h>

/* Findings of one event. */
#define FINDINGS_MAX 200

struct checking {
	size_t index; /* of a connection; their number: the rest */
	size_t said;  /* findings of it that were sent */
	bool over;
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

	if (x->found++ < x->said || x->found > x->said + FINDINGS_MAX)
		return;
	vici_section_start_format(b, "%zu", x->found);
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

/* The connections as they are now: they may change between steps. NULL: there is no memory. */
static const struct ike_connection **list_connections(const struct ike_engine *e, size_t *ret_count)
{
	size_t count = 0;

	while (ike_engine_connection(e, count))
		count++;
	const struct ike_connection **list = calloc(count + 1, sizeof(*list));
	for (size_t i = 0; list && i < count; i++)
		list[i] = ike_engine_connection(e, i);
	*ret_count = count;
	return list;
}

static void judge(struct cl_client *c, struct checking *x)
{
	struct ike_engine *e = cl_client_daemon(c)->engine;
	size_t count;
	const struct ike_connection **list = list_connections(e, &count);
	const struct ike_check k = {
		.connections = list,
		.connection_count = count,
		.credentials = ike_engine_credentials(e),
		.certificates = ike_engine_certificates(e),
		.pools = ike_engine_pools(e),
		.clients = ike_engine_clients(e),
		.now = (int64_t)time(NULL),
		.report = report,
		.context = x,
	};

	x->found = 0;
	if (!list || x->index > count) {
		x->over = true;
	} else if (x->index < count) {
		ike_check_connection(&k, x->index);
	} else {
		ike_check_rest(&k);
	}
	free(list);
}

static bool check_next(struct cl_client *c, void *state)
{
	struct checking *x = state;
	struct vici_builder b = cl_event_packet(CL_EVENT_FINDING);

	x->builder = &b;
	judge(c, x);
	if (x->over || x->found <= x->said) {
		vici_builder_free(&b);
		x->index++;
		x->said = 0;
		return !x->over;
	}
	x->said += FINDINGS_MAX;
	if (x->found <= x->said) {
		x->index++;
		x->said = 0;
	}
	cl_client_event_take(c, CL_EVENT_FINDING, &b);
	return true;
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
	if (!x)
		cl_client_reply_failure(c, "out of memory");
	else
		cl_client_walk(c, check_next, x);
}
