/* Clients and the networks behind them: load-client, unload-client, get-clients, list-clients. */
#include "charon-lite/control/command.h"
#include "charon-lite/control/load_conn.h"

#include <stdlib.h>

/* ---- load-client, unload-client, get-clients ---- */

/* One section; changes go to b. */
static bool load(struct cl_daemon *d, struct vici_view section, struct vici_builder *b,
	bool *ret_changes, struct why *why)
{
	char changes[IKE_CLIENT_CHANGES_MAX];
	struct cl_load_client client = { 0 };
	bool good = cl_load_client(section, &client, why) &&
		    ike_engine_load_client(d->engine, client.name, client.identity, client.networks,
			    client.count, changes, why);

	ike_identity_free(client.identity);
	if (!good || !*changes)
		return good;
	if (!*ret_changes)
		vici_section_start(b, "changes");
	*ret_changes = true;
	vici_key_text(b, client.name, changes);
	return true;
}

void cl_command_load_client(struct cl_client *c, struct vici_view request)
{
	struct vici_builder b = cl_client_answer();
	bool changes = false;
	struct why why;

	vici_key_text(&b, "success", "yes");
	VICI_EACH(each, request)
	{
		if (vici_kind(each) != VICI_SECTION ||
			load(cl_client_daemon(c), each, &b, &changes, &why))
			continue;
		vici_builder_free(&b);
		cl_client_reply_failure(c, "%s", why.text);
		return;
	}
	if (changes)
		vici_section_end(&b);
	cl_client_reply(c, &b);
}

void cl_command_unload_client(struct cl_client *c, struct vici_view request)
{
	char room[CL_NAME_MAX], changes[IKE_CLIENT_CHANGES_MAX];
	const char *name = cl_request_text(request, "name", room);

	if (!name) {
		cl_client_reply_failure(c, "unload: missing client name");
		return;
	}
	if (!ike_engine_unload_client(cl_client_daemon(c)->engine, name, changes)) {
		cl_client_reply_failure(c, "unload: client '%s' not found", name);
		return;
	}
	struct vici_builder b = cl_client_answer();
	vici_key_text(&b, "success", "yes");
	if (*changes) {
		vici_section_start(&b, "changes");
		vici_key_text(&b, name, changes);
		vici_section_end(&b);
	}
	cl_client_reply(c, &b);
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
