/*
 * explain: how each connection is, what is wrong with it, what failed, and what to do about it. One
 * event a connection, one named "(unnamed)" for what failed and fits no connection, and one named
 * "(kernel)" with what the kernel has dropped.
 */
#include "charon-lite/control/command.h"
#include "charon-lite/control/explain_causes.h"
#include "charon-lite/control/failure_message.h"
#include "libike/virtual.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Connections may come and go between the steps: those are told of that were there at its
 * beginning and still are. */
struct explaining {
	char **names; /* owned, as each of them */
	size_t count, next;
	bool named; /* one was asked for */
	bool strangers_told;
	struct cl_look *look;
	struct cl_explain_causes causes; /* of the connection that is at hand */
};

static void put_failures(struct vici_builder *b, const struct ike_engine *e, const char *connection)
{
	const struct ike_failure_record *record;

	vici_section_start(b, "failures");
	for (size_t i = 0; (record = ike_engine_failure(e, connection, i)); i++) {
		vici_section_start_format(b, "%zu", i + 1);
		cl_failure_build(b, record, connection);
		vici_section_end(b);
	}
	vici_section_end(b);
}

/* The best of the IKE SAs. */
static const struct ike_sa *best_sa(const struct ike_connection *c)
{
	const struct ike_sa *best = NULL;

	for (const struct ike_sa *sa = c->sas; sa; sa = sa->next)
		if (!best || (sa->state == IKE_SA_ESTABLISHED && best->state != IKE_SA_ESTABLISHED))
			best = sa;
	return best;
}

static void put_ike(struct vici_builder *b, const struct ike_connection *c)
{
	const struct ike_sa *sa = best_sa(c);
	char text[ADDRESS_TEXT_MAX];

	vici_key_text(b, "state", sa ? ike_sa_state_name(sa->state) : "DOWN");
	if (!sa)
		return;
	vici_key_format(b, "uniqueid", "%" PRIu32, sa->unique_id);
	vici_key_text(b, "local-host", address_format(&sa->local, text));
	vici_key_text(b, "remote-host", address_format(&sa->remote, text));
	if (sa->established_at != IKE_NEVER)
		vici_key_format(b, "established", "%" PRId64,
			(cl_daemon_now() - sa->established_at) / 1000);
}

static const struct ike_child *best_child(
	const struct ike_connection *c, const struct ike_child_config *config)
{
	const struct ike_child *best = NULL;

	for (const struct ike_sa *sa = c->sas; sa; sa = sa->next)
		for (const struct ike_child *child = sa->children; child; child = child->next)
			if (strcmp(child->config->name, config->name) == 0 &&
				(!best || (child->state == IKE_CHILD_INSTALLED &&
						  best->state != IKE_CHILD_INSTALLED)))
				best = child;
	return best;
}

static bool is_trapped(const struct ike_connection *c, const struct ike_child_config *config)
{
	const struct ike_trap *trap = c->traps;

	while (trap && trap->config != config)
		trap = trap->mate_next;
	return trap != NULL;
}

/* What the supervisor sees to, and when it tries next. */
static void put_wanted(struct vici_builder *b, const struct ike_engine *e, const char *connection,
	const struct ike_child_config *config)
{
	static const char *const names[] = { "none", "trap", "start", "trap|start" };
	struct ike_wanted wanted = { .next_try = IKE_NEVER };
	ike_time now = cl_daemon_now();

	(void)ike_engine_wanted(e, connection, config->name, &wanted);
	vici_key_text(b, "wanted", names[wanted.actions & 3]);
	if (wanted.failures > 0)
		vici_key_format(b, "tries", "%" PRIu32, wanted.failures);
	if (wanted.next_try != IKE_NEVER)
		vici_key_format(b, "next-try", "%" PRId64,
			wanted.next_try > now ? (wanted.next_try - now + 999) / 1000 : 0);
}

/* What its version of IKE cannot say. */
static void put_remarks(struct vici_builder *b, const struct ike_child_config *config)
{
	char text[IKE_REMARK_TEXT_MAX];

	if (!ike_child_config_remark(config, 0, text))
		return;
	vici_list_start(b, "remarks");
	for (size_t i = 0; ike_child_config_remark(config, i, text); i++)
		vici_item_text(b, text);
	vici_list_end(b);
}

static void put_child(struct vici_builder *b, struct explaining *x, const struct cl_daemon *d,
	const struct ike_connection *c, const struct ike_child_config *config)
{
	const struct ike_engine *e = d->engine;
	char text[CL_TUNNEL_INTERFACE_TEXT_MAX];
	const struct ike_child *child = best_child(c, config);
	bool trapped = is_trapped(c, config);

	vici_section_start(b, config->name);
	vici_key_text(b, "state",
		child     ? ike_child_state_name(child->state)
		: trapped ? "ROUTED"
			  : "DOWN");
	put_wanted(b, e, c->name, config);
	if (child && child->installed_at != IKE_NEVER)
		vici_key_format(
			b, "installed", "%" PRId64, (cl_daemon_now() - child->installed_at) / 1000);
	if (config->tunnel_interface)
		vici_key_text(b, "interface",
			cl_network_tunnel_describe(d->network, config->tunnel_interface, text));
	if (child && (child->installed_in || child->installed_out))
		cl_explain_child_put(x->look, child, b);
	put_remarks(b, config);
	vici_section_end(b);
}

/* Why names are not resolved by the DNS servers of the peer, although the tunnel is up. */
static void put_resolving(
	struct vici_builder *b, const struct cl_daemon *d, const struct ike_connection *c)
{
	const struct ike_sa *sa = best_sa(c);
	const struct ike_virtual *v = sa ? sa->virtual : NULL;
	const char *problem = NULL;

	for (size_t i = 0; i < ike_virtual_our_count(v) && !problem; i++)
		problem = cl_resolved_problem(d->resolved, &v->ours[i].address);
	if (!problem)
		return;
	vici_list_start(b, "remarks");
	vici_item_format(b, "systemd-resolved does not have the peer's DNS servers: %s", problem);
	vici_list_end(b);
}

static void send_connection(
	struct cl_client *c, struct explaining *x, const struct ike_connection *connection)
{
	const struct ike_engine *e = cl_client_daemon(c)->engine;
	struct vici_builder b = cl_event_packet(CL_EVENT_EXPLAIN);

	vici_section_start(&b, connection->name);
	put_ike(&b, connection);
	cl_explain_connection(&x->causes, x->look, e, connection);
	cl_explain_causes_put(&x->causes, &b);
	put_resolving(&b, cl_client_daemon(c), connection);
	vici_section_start(&b, "children");
	for (size_t i = 0; i < connection->child_count; i++)
		put_child(&b, x, cl_client_daemon(c), connection, connection->children[i]);
	vici_section_end(&b);
	put_failures(&b, e, connection->name);
	vici_section_end(&b);
	cl_client_event_take(c, CL_EVENT_EXPLAIN, &b);
}

static void send_strangers(struct cl_client *c, struct explaining *x)
{
	const struct ike_engine *e = cl_client_daemon(c)->engine;
	struct vici_builder b = cl_event_packet(CL_EVENT_EXPLAIN);

	vici_section_start(&b, "(unnamed)");
	cl_explain_strangers(&x->causes, e);
	cl_explain_causes_put(&x->causes, &b);
	put_failures(&b, e, NULL);
	vici_section_end(&b);
	cl_client_event_take(c, CL_EVENT_EXPLAIN, &b);
}

struct counters {
	struct vici_builder *b;
	bool any;
};

static void put_counter(void *context, const char *name, uint64_t value)
{
	struct counters *counters = context;

	if (!counters->any) {
		vici_section_start(counters->b, "(kernel)");
		vici_section_start(counters->b, "errors");
	}
	counters->any = true;
	vici_key_format(counters->b, name, "%" PRIu64, value);
}

/* What the kernel has dropped since boot, of all tunnels. */
static void send_kernel(struct cl_client *c, struct explaining *x)
{
	struct vici_builder b = cl_event_packet(CL_EVENT_EXPLAIN);
	struct counters counters = { .b = &b };

	cl_look_counters(x->look, put_counter, &counters);
	if (!counters.any) {
		vici_builder_free(&b);
		return;
	}
	vici_section_end(&b);
	vici_section_end(&b);
	cl_client_event_take(c, CL_EVENT_EXPLAIN, &b);
}

static bool explain_next(struct cl_client *c, void *state)
{
	struct explaining *x = state;
	const struct ike_engine *e = cl_client_daemon(c)->engine;
	const struct ike_connection *connection;

	if (cl_look_prepare(x->look))
		return true;
	if (x->next < x->count) {
		connection = ike_engine_connection_named(e, x->names[x->next++]);
		if (connection)
			send_connection(c, x, connection);
		return true;
	}
	if (x->strangers_told || x->named || !ike_engine_failure(e, NULL, 0)) {
		send_kernel(c, x);
		return false;
	}
	x->strangers_told = true;
	send_strangers(c, x);
	return true;
}

static void explaining_end(void *state)
{
	struct explaining *x = state;

	if (!x)
		return;
	for (size_t i = 0; i < x->count; i++)
		free(x->names[i]);
	free(x->names);
	cl_look_free(x->look);
	free(x);
}

/* NULL without memory. name: of the only connection, or NULL. */
static struct explaining *explaining_begin(struct cl_daemon *d, const char *name)
{
	struct explaining *x = calloc(1, sizeof(*x));
	size_t count = name ? 1 : 0;

	if (!x)
		return NULL;
	x->named = name != NULL;
	while (!name && ike_engine_connection_name(d->engine, count))
		count++;
	x->names = calloc(count + 1, sizeof(*x->names));
	x->look = cl_look_new(d);
	while (x->names && x->count < count) {
		x->names[x->count] =
			strdup(name ? name : ike_engine_connection_name(d->engine, x->count));
		if (!x->names[x->count])
			break;
		x->count++;
	}
	if (x->look && x->names && x->count == count)
		return x;
	explaining_end(x);
	return NULL;
}

void cl_command_explain(struct cl_client *c, struct vici_view request)
{
	struct cl_daemon *d = cl_client_daemon(c);
	char room[CL_NAME_MAX];
	const char *name = cl_request_text(request, "ike", room);
	struct explaining *x;

	if (name && !ike_engine_has_connection(d->engine, name))
		cl_client_reply_failure(c, "no connection named '%s' is loaded", name);
	else if ((x = explaining_begin(d, name)))
		cl_client_walk_ending(c, explain_next, x, explaining_end);
	else
		cl_client_reply_failure(c, "out of memory");
}
