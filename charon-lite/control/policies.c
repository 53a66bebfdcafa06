/* Traps and shunts: list-policies, install, uninstall. */
#include "charon-lite/control/command.h"

#include <stdlib.h>

/* ---- list-policies ---- */

struct list_policies {
	uint32_t last; /* number of the trap that was listed last */
	bool all;      /* no kind was asked for */
	bool trap, drop, pass;
	bool has_ike, has_child;
	char ike[CL_NAME_MAX];
	char child[CL_NAME_MAX];
};

static const char *mode_name(uint8_t mode)
{
	static const char *const names[] = { "TUNNEL", "TRANSPORT", "BEET", "PASS", "DROP" };

	return mode < sizeof(names) / sizeof(*names) ? names[mode] : "TUNNEL";
}

static bool is_wanted(const struct list_policies *list, const struct ike_trap *trap)
{
	uint8_t mode = trap->config->mode;
	bool kind = mode == IKE_MODE_PASS   ? list->pass
		    : mode == IKE_MODE_DROP ? list->drop
					    : list->trap;

	if (!list->all && !kind)
		return false;
	if (list->has_ike && strcmp(list->ike, trap->connection->name) != 0)
		return false;
	return !list->has_child || strcmp(list->child, trap->config->name) == 0;
}

static void put_selectors(
	struct vici_builder *b, const char *name, const struct ike_selector *list, size_t count)
{
	char text[IKE_SELECTOR_TEXT_MAX];

	vici_list_start(b, name);
	for (size_t i = 0; i < count; i++)
		vici_item_text(b, ike_selector_format(&list[i], text));
	vici_list_end(b);
}

static void send_policy(struct cl_client *c, const struct ike_trap *trap)
{
	struct vici_builder b = cl_event_packet(CL_EVENT_LIST_POLICY);
	const struct ike_kernel_policies *p = &trap->policies;

	/* Two names with a slash may not fit where one name does. */
	vici_section_start_format(&b, "%.120s/%.120s", trap->connection->name, trap->config->name);
	vici_key_text(&b, "child", trap->config->name);
	vici_key_text(&b, "ike", trap->connection->name);
	vici_key_text(&b, "mode", mode_name(trap->config->mode));
	put_selectors(&b, "local-ts", p->local_selectors, p->local_count);
	put_selectors(&b, "remote-ts", p->remote_selectors, p->remote_count);
	vici_section_end(&b);
	cl_client_event_take(c, CL_EVENT_LIST_POLICY, &b);
}

static bool list_next(struct cl_client *c, void *state)
{
	struct list_policies *list = state;
	const struct ike_trap *trap =
		ike_engine_trap_after(cl_client_daemon(c)->engine, list->last);

	if (!trap)
		return false;
	list->last = trap->number;
	if (is_wanted(list, trap))
		send_policy(c, trap);
	return true;
}

void cl_command_list_policies(struct cl_client *c, struct vici_view request)
{
	struct list_policies *list = calloc(1, sizeof(*list));

	if (!list) {
		cl_client_reply_failure(c, "out of memory");
		return;
	}
	list->trap = cl_request_bool(request, "trap");
	list->drop = cl_request_bool(request, "drop");
	list->pass = cl_request_bool(request, "pass");
	list->all = !list->trap && !list->drop && !list->pass;
	list->has_ike = cl_request_text(request, "ike", list->ike) != NULL;
	list->has_child = cl_request_text(request, "child", list->child) != NULL;
	cl_client_walk(c, list_next, list);
}

/* ---- install, uninstall ---- */

static void act(struct cl_client *c, struct vici_view request, const char *doing,
	bool (*engine_call)(struct ike_engine *e, ike_time now, const char *ike, const char *child,
		struct why *why))
{
	struct cl_daemon *d = cl_client_daemon(c);
	char ike_room[CL_NAME_MAX], child_room[CL_NAME_MAX];
	const char *ike = cl_request_text(request, "ike", ike_room);
	const char *child = cl_request_text(request, "child", child_room);
	struct why why;

	if (!child) {
		cl_client_reply_failure(c, "missing configuration name");
		return;
	}
	cl_log_text(d->log, IKE_LOG_CFG, IKE_LOG_INFO, "vici %s '%s'", doing, child);
	bool good = engine_call(d->engine, cl_daemon_now(), ike, child, &why);
	cl_daemon_rearm(d);
	if (good)
		cl_client_reply_success(c);
	else
		cl_client_reply_failure(c, "%s", why.text);
}

void cl_command_install(struct cl_client *c, struct vici_view request)
{
	act(c, request, "install", ike_engine_install);
}

void cl_command_uninstall(struct cl_client *c, struct vici_view request)
{
	act(c, request, "uninstall", ike_engine_uninstall);
}
