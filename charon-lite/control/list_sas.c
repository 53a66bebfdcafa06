/* list-sas: one event for each IKE SA, as fast as the client reads and others are served. */
#include "charon-lite/control/sa_filter.h"
#include "charon-lite/control/sa_message.h"

#include <stdlib.h>

struct list_sas {
	struct cl_sa_filter filter;
	uint32_t last; /* unique id */
};

/* The SA, and of its children from the one given on as many as a message has room for; the next, or
 * NULL. */
static const struct ike_child *send_some(struct cl_client *c, const struct cl_sa_filter *filter,
	const struct ike_sa *sa, const struct ike_child *child)
{
	struct vici_builder b = cl_event_packet(CL_EVENT_LIST_SA);
	size_t count = 0;

	vici_section_start(&b, sa->connection ? sa->connection->name : "(unnamed)");
	cl_ike_sa_build(&b, sa);
	cl_ike_sa_liveness_build(&b, cl_client_daemon(c)->engine, sa);
	vici_section_start(&b, "child-sas");
	for (; child; child = child->next) {
		const struct vici_builder mark = vici_builder_mark(&b);

		if (!cl_sa_filter_child(filter, child))
			continue;
		vici_section_start_format(&b, "%s-%u", child->config->name, child->unique_id);
		cl_child_sa_build(&b, cl_client_daemon(c), child);
		vici_section_end(&b);
		if (b.length > CL_EVENT_ROOM && count > 0) {
			vici_builder_undo(&b, &mark);
			break;
		}
		count++;
	}
	vici_section_end(&b);
	vici_section_end(&b);
	cl_client_event_take(c, CL_EVENT_LIST_SA, &b);
	return child;
}

/* One event, or several of the same IKE SA when it has more children than a message of VICI can
 * carry. */
static void send_sa(struct cl_client *c, const struct cl_sa_filter *filter, const struct ike_sa *sa)
{
	const struct ike_child *child = sa->children;

	do
		child = send_some(c, filter, sa, child);
	while (child);
}

static bool list_next(struct cl_client *c, void *state)
{
	struct list_sas *list = state;
	const struct ike_engine *e = cl_client_daemon(c)->engine;
	const struct ike_sa *sa =
		list->filter.has_ike_id
			? ike_engine_sa_find(e, list->last ? 0 : list->filter.ike_id)
			: cl_sa_after(e, list->last);

	if (!sa)
		return false;
	list->last = sa->unique_id;
	if (cl_sa_filter_ike(&list->filter, sa))
		send_sa(c, &list->filter, sa);
	return true;
}

void cl_command_list_sas(struct cl_client *c, struct vici_view request)
{
	struct list_sas *list = calloc(1, sizeof(*list));

	if (!list) {
		cl_client_reply_failure(c, "out of memory");
		return;
	}
	cl_sa_filter_read(request, &list->filter);
	cl_client_walk(c, list_next, list);
}
