/* Clients and the networks behind them: load-client, unload-client, get-clients, list-clients. */
#include "charon-lite/control/command.h"
#include "charon-lite/control/load_conn.h"
#include "charon-lite/control/loaded.h"
#include "charon-lite/control/staging.h"

#include <stdlib.h>

/* ---- load-client, unload-client, get-clients ---- */

/* What a request loads, all at once. */
struct batch {
	struct ike_client_change *changes; /* each owns what it names */
	size_t count;
};

static void batch_end(struct batch *batch)
{
	for (size_t i = 0; i < batch->count; i++) {
		free((char *)batch->changes[i].name);
		free((struct ike_selector *)batch->changes[i].networks);
		ike_identity_free(batch->changes[i].identity);
	}
	free(batch->changes);
}

static bool batch_add(struct batch *batch, const struct cl_load_client *client, struct why *why)
{
	struct ike_client_change *change = &batch->changes[batch->count++];
	struct ike_selector *networks = calloc(client->count, sizeof(*networks));

	*change = (struct ike_client_change){ .name = strdup(client->name),
		.identity = ike_identity_hold(client->identity),
		.networks = networks,
		.count = client->count };
	if (!change->name || !networks)
		return why_fail(why, "out of memory");
	memcpy(networks, client->networks, client->count * sizeof(*networks));
	return true;
}

/* Of a section that fails, *ret_failed has the index. */
static bool batch_read(
	struct batch *batch, struct vici_view request, size_t *ret_failed, struct why *why)
{
	size_t count = 0;

	VICI_EACH(each, request)
	count += vici_kind(each) == VICI_SECTION;
	*ret_failed = 0;
	if (!(batch->changes = calloc(count + 1, sizeof(*batch->changes))))
		return why_fail(why, "out of memory");
	VICI_EACH(each, request)
	{
		struct cl_load_client client = { 0 };

		if (vici_kind(each) != VICI_SECTION)
			continue;
		*ret_failed = batch->count;
		bool good = cl_load_client(each, &client, why) && batch_add(batch, &client, why);
		ike_identity_free(client.identity);
		if (!good)
			return false;
	}
	return true;
}

/* Success, and what it means for who is connected. */
static void reply_loaded(struct cl_client *c, struct batch *batch,
	void (*say)(struct cl_client *c, struct ike_client_change *change,
		char text[IKE_CLIENT_CHANGES_MAX]))
{
	struct vici_builder b = cl_client_answer();
	char text[IKE_CLIENT_CHANGES_MAX];
	bool any = false;

	vici_key_text(&b, "success", "yes");
	for (size_t i = 0; i < batch->count; i++) {
		say(c, &batch->changes[i], text);
		if (!*text)
			continue;
		if (!any)
			vici_section_start(&b, "changes");
		any = true;
		vici_key_text(&b, batch->changes[i].name, text);
	}
	if (any)
		vici_section_end(&b);
	cl_client_reply(c, &b);
}

static void say_loaded(
	struct cl_client *c, struct ike_client_change *change, char text[IKE_CLIENT_CHANGES_MAX])
{
	ike_engine_client_changes(cl_client_daemon(c)->engine, change, text);
}

/* Says which section it was, for who wants to load the others. */
static void reply_failed(
	struct cl_client *c, struct vici_view request, size_t failed, const char *reason)
{
	struct vici_builder b = cl_client_answer();
	size_t index = 0;

	vici_key_bool(&b, "success", false);
	vici_key_text(&b, "errmsg", reason);
	VICI_EACH(each, request)
	if (vici_kind(each) == VICI_SECTION && index++ == failed)
		vici_key_bytes(&b, "client", vici_name(each));
	cl_client_reply(c, &b);
}

static void reply_unloaded(struct cl_client *c, const char *name, const char *changes)
{
	struct vici_builder b = cl_client_answer();

	vici_key_text(&b, "success", "yes");
	if (*changes) {
		vici_section_start(&b, "changes");
		vici_key_text(&b, name, changes);
		vici_section_end(&b);
	}
	cl_client_reply(c, &b);
}

/* ---- Staged ---- */

/* What it would say if it were loaded. */
static void say_staged(
	struct cl_client *c, struct ike_client_change *change, char text[IKE_CLIENT_CHANGES_MAX])
{
	const struct ike_clients *clients = cl_client_staging(c)->clients;

	text[0] = '\0';
	if (change->loaded == IKE_CLIENT_ADDED || change->loaded == IKE_CLIENT_UPDATED)
		ike_engine_client_effect(cl_client_daemon(c)->engine, change->name,
			ike_clients_find(clients, change->name), text);
	ike_client_free(change->earlier);
	change->earlier = NULL;
}

static struct ike_client_change *copy_change(const struct ike_client_change *from)
{
	struct ike_client_change *to = calloc(1, sizeof(*to));
	struct ike_selector *networks = calloc(from->count + 1, sizeof(*networks));
	char *name = strdup(from->name);

	if (!to || !networks || !name) {
		free(to);
		free(networks);
		free(name);
		return NULL;
	}
	memcpy(networks, from->networks, from->count * sizeof(*networks));
	*to = (struct ike_client_change){ .name = name,
		.identity = ike_identity_hold(from->identity),
		.networks = networks,
		.count = from->count };
	return to;
}

static bool stage_all(struct cl_staging *staging, struct vici_view request,
	const struct batch *batch, struct why *why)
{
	size_t i = 0;

	VICI_EACH(each, request)
	{
		struct ike_client_change *change;

		if (vici_kind(each) != VICI_SECTION)
			continue;
		change = copy_change(&batch->changes[i++]);
		if (!change)
			return why_fail(why, "out of memory");
		staging->source = each;
		if (!cl_staging_add(staging, &cl_loadable_client, change->name, change, why))
			return false;
	}
	return true;
}

/* Against what is staged already, as it would be against what is loaded. */
static bool load_staged(struct cl_staging *staging, struct vici_view request, struct batch *batch,
	size_t *ret_failed, struct why *why)
{
	struct ike_clients *clients = cl_staging_clients(staging);

	if (!clients)
		return why_fail(why, "out of memory");
	return ike_clients_load(clients, batch->changes, batch->count, ret_failed, why) &&
	       stage_all(staging, request, batch, why);
}

bool cl_load_client_staged(struct cl_staging *s, struct vici_view request, struct why *why)
{
	struct batch batch = { 0 };
	size_t failed;
	bool good = batch_read(&batch, request, &failed, why) &&
		    load_staged(s, request, &batch, &failed, why);

	for (size_t i = 0; i < batch.count; i++) {
		ike_client_free(batch.changes[i].earlier);
		batch.changes[i].earlier = NULL;
	}
	batch_end(&batch);
	return good;
}

static void refuse(struct cl_staging *staging, struct vici_view request, const char *reason)
{
	VICI_EACH(each, request)
	{
		char name[CL_LOAD_NAME_MAX + 1];
		struct why why;

		if (vici_kind(each) != VICI_SECTION || !cl_load_name(vici_name(each), name, &why))
			continue;
		staging->source = each;
		cl_staging_refuse(staging, &cl_loadable_client, name, reason);
	}
}

static void stage(struct cl_client *c, struct vici_view request)
{
	struct batch batch = { 0 };
	struct why why = { "" };
	size_t failed;

	if (batch_read(&batch, request, &failed, &why) &&
		load_staged(cl_client_staging(c), request, &batch, &failed, &why)) {
		reply_loaded(c, &batch, say_staged);
	} else {
		refuse(cl_client_staging(c), request, why.text);
		reply_failed(c, request, failed, why.text);
	}
	batch_end(&batch);
}

static void stage_unload(struct cl_client *c, const char *name)
{
	struct cl_staging *staging = cl_client_staging(c);
	struct ike_clients *clients = cl_staging_clients(staging);
	char changes[IKE_CLIENT_CHANGES_MAX] = "";
	struct why why;

	if (!clients || !cl_staging_unload(staging, &cl_loadable_client, name, &why)) {
		cl_client_reply_failure(c, "%s", clients ? why.text : "out of memory");
		return;
	}
	(void)ike_clients_unload(clients, name);
	ike_engine_client_effect(cl_client_daemon(c)->engine, name, NULL, changes);
	reply_unloaded(c, name, changes);
}

/* ---- The commands ---- */

static void note_loaded(struct cl_daemon *d, struct vici_view request)
{
	VICI_EACH(each, request)
	{
		char name[CL_LOAD_NAME_MAX + 1];
		struct why why;

		if (vici_kind(each) == VICI_SECTION && cl_load_name(vici_name(each), name, &why))
			cl_loaded_set(
				&d->loaded, cl_loadable_client.command, name, cl_message_of(each));
	}
}

void cl_command_load_client(struct cl_client *c, struct vici_view request)
{
	struct batch batch = { 0 };
	struct why why = { "" };
	size_t failed;

	if (cl_client_staging(c)) {
		stage(c, request);
		return;
	}
	if (batch_read(&batch, request, &failed, &why) &&
		ike_engine_load_clients(
			cl_client_daemon(c)->engine, batch.changes, batch.count, &failed, &why)) {
		note_loaded(cl_client_daemon(c), request);
		reply_loaded(c, &batch, say_loaded);
	} else
		reply_failed(c, request, failed, why.text);
	batch_end(&batch);
}

void cl_command_unload_client(struct cl_client *c, struct vici_view request)
{
	char room[CL_NAME_MAX], changes[IKE_CLIENT_CHANGES_MAX];
	const char *name = cl_request_text(request, "name", room);

	if (!name)
		cl_client_reply_failure(c, "unload: missing client name");
	else if (cl_client_staging(c))
		stage_unload(c, name);
	else if (!ike_engine_unload_client(cl_client_daemon(c)->engine, name, changes))
		cl_client_reply_failure(c, "unload: client '%s' not found", name);
	else {
		cl_loaded_set(&cl_client_daemon(c)->loaded, cl_loadable_client.command, name,
			(struct bytes){ 0 });
		reply_unloaded(c, name, changes);
	}
}

void cl_command_get_clients(struct cl_client *c, struct vici_view request)
{
	const struct ike_clients *clients = ike_engine_clients(cl_client_daemon(c)->engine);
	struct vici_builder b = cl_client_answer();
	const struct ike_client *client;

	(void)request;
	vici_list_start(&b, "clients");
	for (size_t i = 0; (client = ike_clients_get(clients, i)); i++)
		vici_item_text(&b, client->name);
	vici_list_end(&b);
	cl_client_reply(c, &b);
}

/* ---- list-clients ---- */

static void send_client(struct cl_client *c, const struct ike_client *client)
{
	struct vici_builder b = cl_event_packet(CL_EVENT_LIST_CLIENT);
	char text[IKE_IDENTITY_TEXT_MAX], network[IKE_SELECTOR_TEXT_MAX];

	vici_section_start(&b, client->name);
	vici_key_text(&b, "id", ike_identity_format(client->identity, text));
	vici_list_start(&b, "networks");
	for (size_t i = 0; i < client->network_count; i++)
		vici_item_text(&b, ike_selector_format(&client->networks[i], network));
	vici_list_end(&b);
	vici_section_end(&b);
	cl_client_event_take(c, CL_EVENT_LIST_CLIENT, &b);
}

static bool list_next(struct cl_client *c, void *state)
{
	const struct ike_clients *clients = ike_engine_clients(cl_client_daemon(c)->engine);
	size_t *index = state;
	const struct ike_client *client = ike_clients_get(clients, (*index)++);

	if (client)
		send_client(c, client);
	return client != NULL;
}

static bool list_one(struct cl_client *c, void *state)
{
	const struct ike_client *client =
		ike_clients_find(ike_engine_clients(cl_client_daemon(c)->engine), state);

	if (client)
		send_client(c, client);
	return false;
}

void cl_command_list_clients(struct cl_client *c, struct vici_view request)
{
	char room[CL_NAME_MAX];
	const char *name = cl_request_text(request, "name", room);
	void *state = name ? (void *)strdup(name) : calloc(1, sizeof(size_t));

	if (!state)
		cl_client_reply_failure(c, "out of memory");
	else
		cl_client_walk(c, name ? list_one : list_next, state);
}
