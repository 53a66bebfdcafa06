/* list-sas: one event for each IKE SA, or several of one that has more children than a message of
 * VICI can carry; as fast as the client reads and others are served. */
#include "charon-lite/control/sa_filter.h"
#include "charon-lite/control/sa_message.h"

#include <stdlib.h>

struct list_sas {
	struct cl_sa_filter filter;
	uint32_t last;  /* unique id */
	uint32_t child; /* of that IKE SA, the unique id of the one to go on from; 0: it is done */
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

/* The one to go on from; when it went in the meantime, the first that is younger. */
static const struct ike_child *child_from(const struct ike_sa *sa, uint32_t unique_id)
{
	const struct ike_child *child = sa->children;

	while (child && child->unique_id != unique_id)
		child = child->next;
	if (child)
		return child;
	for (child = sa->children; child && child->unique_id < unique_id;)
		child = child->next;
	return child;
}

static void send_sa(struct cl_client *c, struct list_sas *list, const struct ike_sa *sa,
	const struct ike_child *child)
{
	list->last = sa->unique_id;
	list->child = 0;
	if (!cl_sa_filter_ike(&list->filter, sa))
		return;
	child = send_some(c, &list->filter, sa, child);
	if (child)
		list->child = child->unique_id;
}

/* False when nothing is left of the IKE SA that was begun. */
static bool go_on(struct cl_client *c, struct list_sas *list)
{
	const struct ike_sa *sa =
		list->child ? ike_engine_sa_find(cl_client_daemon(c)->engine, list->last) : NULL;
	const struct ike_child *child = sa ? child_from(sa, list->child) : NULL;

	if (!child)
		return false;
	send_sa(c, list, sa, child);
	return true;
}

static bool list_next(struct cl_client *c, void *state)
{
	struct list_sas *list = state;
	const struct ike_engine *e = cl_client_daemon(c)->engine;

	if (go_on(c, list))
		return true;
	const struct ike_sa *sa =
		list->filter.has_ike_id
			? ike_engine_sa_find(e, list->last ? 0 : list->filter.ike_id)
			: cl_sa_after(e, list->last);

	if (!sa)
		return false;
	send_sa(c, list, sa, sa->children);
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
