/*
 * list-tunnels: each child SA, each IKE SA without one, and each child that is defined and not up,
 * in a few words each and many to an event: for who looks at all of them again and again.
 *
 * What SAs have carried is looked up by one request to the kernel for all of them (usage.h), which
 * may be as old as a second.
 */
#include "charon-lite/control/command.h"
#include "charon-lite/usage.h"
#include "libike/names.h"

#include <inttypes.h>
#include <stdlib.h>

#define ROWS_MAX 200 /* of an event */

struct list_tunnels {
	uint32_t last; /* unique id of the IKE SA that was told last */
	bool sas_done;
	size_t connection; /* the next whose children without SA are told */
	size_t child;
	unsigned rows; /* in the event that is being made */
	bool named;
	char name[CL_NAME_MAX];
};

static void put_seconds(struct vici_builder *b, const char *key, ike_time from, ike_time to)
{
	if (from != IKE_NEVER && to != IKE_NEVER)
		vici_key_format(b, key, "%" PRId64, to > from ? (to - from) / 1000 : 0);
}

static void begin_row(struct list_tunnels *list, struct vici_builder *b, const char *connection)
{
	vici_section_start_format(b, "%u", list->rows++);
	vici_key_text(b, "ike", connection);
}

static void put_remote(struct vici_builder *b, const struct ike_sa *sa)
{
	char text[ADDRESS_TEXT_MAX];

	vici_key_format(b, "ike-id", "%u", sa->unique_id);
	vici_key_text(b, "remote-host", address_format(&sa->remote, text));
}

/* ---- SAs ---- */

static void put_usage(struct vici_builder *b, const struct cl_daemon *d,
	const struct ike_child *child, bool inbound)
{
	const struct ike_kernel_id id = ike_child_kernel_id(child, inbound);
	struct ike_kernel_usage usage;

	if (!cl_usages_find(d->usages, &id, &usage))
		return;
	vici_key_format(b, inbound ? "bytes-in" : "bytes-out", "%" PRIu64, usage.bytes);
	vici_key_format(b, inbound ? "packets-in" : "packets-out", "%" PRIu64, usage.packets);
	if (usage.idle_seconds != UINT64_MAX)
		vici_key_format(b, inbound ? "use-in" : "use-out", "%" PRIu64, usage.idle_seconds);
}

/* One that has given way to another, and only takes in what is under way. */
static bool is_over(const struct ike_child *child)
{
	return child->state == IKE_CHILD_REKEYED || child->state == IKE_CHILD_DELETED ||
	       child->state == IKE_CHILD_DESTROYING;
}

static void put_child(struct list_tunnels *list, struct vici_builder *b, const struct cl_daemon *d,
	const struct ike_child *child)
{
	const ike_time now = cl_daemon_now();

	begin_row(list, b, child->sa->connection->name);
	vici_key_text(b, "child", child->config->name);
	vici_key_format(b, "child-id", "%u", child->unique_id);
	vici_key_text(b, "state", ike_child_state_name(child->state));
	put_remote(b, child->sa);
	put_seconds(b, "installed", child->installed_at, now);
	put_seconds(b, "rekey-time", now, child->rekey_at);
	put_usage(b, d, child, true);
	put_usage(b, d, child, false);
	vici_section_end(b);
}

static void put_sa(struct list_tunnels *list, struct vici_builder *b, const struct cl_daemon *d,
	const struct ike_sa *sa)
{
	bool any = false;

	for (const struct ike_child *child = sa->children; child; child = child->next) {
		if (is_over(child))
			continue;
		put_child(list, b, d, child);
		any = true;
	}
	if (any || sa->state == IKE_SA_REKEYED || sa->state == IKE_SA_DESTROYING)
		return;
	begin_row(list, b, sa->connection ? sa->connection->name : "");
	vici_key_text(b, "state", ike_sa_state_name(sa->state));
	put_remote(b, sa);
	put_seconds(b, "installed", sa->established_at, cl_daemon_now());
	vici_section_end(b);
}

static bool is_asked_for(const struct list_tunnels *list, const struct ike_connection *c)
{
	return !list->named || (c && strcmp(c->name, list->name) == 0);
}

/* False when there are no more. */
static bool put_sas(struct list_tunnels *list, struct vici_builder *b, const struct cl_daemon *d)
{
	while (list->rows < ROWS_MAX) {
		const struct ike_sa *sa = cl_sa_after(d->engine, list->last);

		if (!sa)
			return false;
		list->last = sa->unique_id;
		if (is_asked_for(list, sa->connection))
			put_sa(list, b, d, sa);
	}
	return true;
}

/* ---- What is defined, and not up ---- */

static bool is_up(const struct ike_connection *c, const struct ike_child_config *config)
{
	for (const struct ike_sa *sa = c->sas; sa; sa = sa->next)
		for (const struct ike_child *child = sa->children; child; child = child->next)
			if (strcmp(child->config->name, config->name) == 0 && !is_over(child))
				return true;
	return false;
}

/* A tunnel that nobody on this side is to bring up: it waits for clients, or for somebody. */
static const char *resting_state(const struct ike_wanted *wanted)
{
	return wanted->actions & IKE_ACTION_START  ? "DOWN"
	       : wanted->actions & IKE_ACTION_TRAP ? "TRAPPED"
						   : "IDLE";
}

static void put_failure(struct vici_builder *b, const struct ike_engine *e, const char *connection)
{
	const struct ike_failure_record *failure = ike_engine_failure(e, connection, 0);

	if (!failure || failure->worked_at != IKE_NEVER)
		return;
	vici_key_text(b, "reason", ike_reason_name(failure->failure.reason));
	put_seconds(b, "failed-ago", failure->last, cl_daemon_now());
}

static void put_down(struct list_tunnels *list, struct vici_builder *b, const struct ike_engine *e,
	const struct ike_connection *c, const struct ike_child_config *config)
{
	struct ike_wanted wanted = { .next_try = IKE_NEVER };

	if (config->mode == IKE_MODE_PASS || config->mode == IKE_MODE_DROP || is_up(c, config))
		return;
	(void)ike_engine_wanted(e, c->name, config->name, &wanted);
	begin_row(list, b, c->name);
	vici_key_text(b, "child", config->name);
	vici_key_text(b, "state", resting_state(&wanted));
	put_seconds(b, "next-try", cl_daemon_now(), wanted.next_try);
	put_failure(b, e, c->name);
	vici_section_end(b);
}

static bool put_definitions(
	struct list_tunnels *list, struct vici_builder *b, const struct ike_engine *e)
{
	while (list->rows < ROWS_MAX) {
		const struct ike_connection *c = ike_engine_connection(e, list->connection);

		if (!c)
			return false;
		if (is_asked_for(list, c) && list->child < c->child_count) {
			put_down(list, b, e, c, c->children[list->child++]);
			continue;
		}
		list->connection++;
		list->child = 0;
	}
	return true;
}

/* ---- The whole ---- */

static bool list_next(struct cl_client *c, void *state)
{
	struct list_tunnels *list = state;
	struct cl_daemon *d = cl_client_daemon(c);
	struct vici_builder b = cl_event_packet(CL_EVENT_LIST_TUNNELS);
	bool more = true;

	list->rows = 0;
	if (!list->sas_done)
		list->sas_done = !put_sas(list, &b, d);
	if (list->sas_done)
		more = put_definitions(list, &b, d->engine);
	if (list->rows > 0)
		cl_client_event_take(c, CL_EVENT_LIST_TUNNELS, &b);
	else
		vici_builder_free(&b);
	return more;
}

void cl_command_list_tunnels(struct cl_client *c, struct vici_view request)
{
	struct cl_daemon *d = cl_client_daemon(c);
	struct list_tunnels *list = calloc(1, sizeof(*list));

	if (!list || !cl_usages_refresh(d->usages, cl_daemon_now(), IKE_SECONDS(1))) {
		free(list);
		cl_client_reply_failure(c, "the kernel's SAs cannot be listed, or out of memory");
		return;
	}
	list->named = cl_request_text(request, "ike", list->name) != NULL;
	cl_client_walk(c, list_next, list);
}
