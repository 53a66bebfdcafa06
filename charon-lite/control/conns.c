/* Peer definitions: load-conn, unload-conn, get-conns, list-conns. */
#include "charon-lite/control/command.h"
#include "charon-lite/control/load_conn.h"
#include "charon-lite/control/loadable.h"
#include "charon-lite/control/sa_message.h"
#include "charon-lite/log_events.h"
#include "libike/eap/eap.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- load-conn, unload-conn, get-conns ---- */

static void *read_connection(struct cl_daemon *d, struct vici_view section, struct why *why)
{
	const struct cl_certificate_source source = { d->library,
		ike_engine_certificates(d->engine) };
	struct ike_connection *c = cl_load_connection(section, &source, why);

	if (c && !ike_engine_check_connection(d->engine, c, why)) {
		ike_connection_free(c);
		return NULL;
	}
	return c;
}

static void free_connection(void *object)
{
	ike_connection_free(object);
}

static struct cl_change compare_connection(
	struct cl_daemon *d, const char *name, const void *object)
{
	static const enum cl_effect effects[] = {
		[IKE_EFFECT_NONE] = CL_UNCHANGED,
		[IKE_EFFECT_ADDED] = CL_ADDED,
		[IKE_EFFECT_IN_PLACE] = CL_IN_PLACE,
		[IKE_EFFECT_NEXT_KEYS] = CL_NEXT_KEYS,
		[IKE_EFFECT_REBUILT] = CL_REBUILT,
	};
	struct ike_effect effect;

	(void)name;
	if (!object)
		return cl_change_of(CL_REMOVED, NULL);
	ike_engine_effect(d->engine, object, &effect);
	return cl_change_of(effects[effect.kind], effect.text);
}

/* One that is as it was says nothing. */
static void note_loaded(struct cl_daemon *d, const struct ike_connection *c, bool known)
{
	const char *changes = ike_engine_changes(d->engine, c->name);
	char children[24];

	if (!known) {
		d->connections.loaded++;
		snprintf(children, sizeof(children), "%zu", c->child_count);
		cl_log_daemon_event(
			d->log, CL_LOG_CONNECTION_LOADED, c->name, "children", children, NULL);
	} else if (changes) {
		d->connections.changed++;
		cl_log_daemon_event(
			d->log, CL_LOG_CONNECTION_CHANGED, c->name, "changes", changes, NULL);
	}
}

static bool load_connection(struct cl_daemon *d, void *object, struct why *why)
{
	struct ike_connection *c = ike_connection_hold(object); /* the engine takes one */
	bool known = ike_engine_has_connection(d->engine, c->name);
	bool good = ike_engine_load_connection(d->engine, cl_daemon_now(), c, why);

	for (size_t i = 0; good && i < c->child_count; i++)
		if (c->children[i]->tunnel_interface && d->network)
			cl_network_tunnel_define(d->network, c->children[i]->tunnel_interface);
	if (good)
		note_loaded(d, c, known);
	ike_connection_free(c);
	return good;
}

static bool may_unload_connection(struct cl_daemon *d, const char *name, struct why *why)
{
	return ike_engine_has_connection(d->engine, name) ||
	       why_fail(why, "unload: connection '%s' not found", name);
}

static bool unload_connection(struct cl_daemon *d, const char *name, struct why *why)
{
	if (!ike_engine_unload_connection(d->engine, cl_daemon_now(), name))
		return may_unload_connection(d, name, why);
	d->connections.unloaded++;
	cl_log_daemon_event(d->log, CL_LOG_CONNECTION_UNLOADED, name, NULL);
	return true;
}

static const char *changes_of_connection(struct cl_daemon *d, const char *name)
{
	return ike_engine_changes(d->engine, name);
}

const struct cl_loadable cl_loadable_connection = {
	.name = "connection",
	.command = "load-conn",
	.together = true,
	.read = read_connection,
	.free = free_connection,
	.compare = compare_connection,
	.load = load_connection,
	.may_unload = may_unload_connection,
	.unload = unload_connection,
	.changes = changes_of_connection,
};

void cl_command_load_conn(struct cl_client *c, struct vici_view request)
{
	cl_load(c, &cl_loadable_connection, request);
}

void cl_command_unload_conn(struct cl_client *c, struct vici_view request)
{
	cl_unload(c, &cl_loadable_connection, request, "unload: missing connection name");
}

void cl_command_get_conns(struct cl_client *c, struct vici_view request)
{
	const struct ike_engine *e = cl_client_daemon(c)->engine;
	struct vici_builder b = cl_client_answer();
	const char *name;

	(void)request;
	vici_list_start(&b, "conns");
	for (size_t i = 0; (name = ike_engine_connection_name(e, i)); i++)
		vici_item_text(&b, name);
	vici_list_end(&b);
	cl_client_reply(c, &b);
}

/* ---- list-conns ---- */

static void put_endpoints(
	struct vici_builder *b, const char *name, const struct ike_endpoints *list)
{
	vici_list_start(b, name);
	for (size_t i = 0; i < list->count; i++)
		vici_item_text(b, list->items[i].name);
	if (list->count == 0)
		vici_item_text(b, "%any");
	vici_list_end(b);
}

static const char *class_name(uint8_t class)
{
	static const char *const names[] = { "any", "pre-shared key", "public key", "EAP",
		"XAuth" };

	return class < sizeof(names) / sizeof(*names) ? names[class] : "any";
}

static void put_identity(struct vici_builder *b, const char *name, const struct ike_identity *id)
{
	char text[IKE_IDENTITY_TEXT_MAX];

	if (id)
		vici_key_text(b, name, ike_identity_format(id, text));
}

static void put_texts(struct vici_builder *b, const char *name, char *const *texts, size_t count)
{
	vici_list_start(b, name);
	for (size_t i = 0; i < count; i++)
		vici_item_text(b, texts[i]);
	vici_list_end(b);
}

static void put_certs(struct vici_builder *b, const char *name,
	struct ike_certificate *const *certs, size_t count)
{
	char text[IKE_IDENTITY_TEXT_MAX];

	vici_list_start(b, name);
	for (size_t i = 0; i < count; i++)
		vici_item_text(b, ike_identity_format(ike_certificate_subject(certs[i]), text));
	vici_list_end(b);
}

/* As charon words what it demands: nothing is written of `relaxed`. */
static const char *revocation_name(uint8_t policy)
{
	return policy == IKE_REVOCATION_STRICT  ? "GOOD"
	       : policy == IKE_REVOCATION_IFURI ? "SKIPPED"
						: NULL;
}

static void put_round(struct vici_builder *b, const struct ike_auth_round *round, bool local)
{
	const char *revocation = revocation_name(round->revocation);

	/* In charon's order of `auth`, `id` and the others in a file. */
	put_identity(b, "aaa_id", round->aaa_id);
	put_identity(b, "eap_id", round->eap_id);
	put_identity(b, "xauth_id", round->xauth_id);
	if (local && !round->id && round->cert_count > 0)
		put_identity(b, "id", ike_certificate_subject(round->certs[0]));
	else
		put_identity(b, "id", round->id);
	if (round->class == IKE_AUTH_CLASS_EAP && round->eap_method != IKE_EAP_METHOD_ANY)
		vici_key_text(b, "eap-type", ike_eap_method_name(round->eap_method));
	if (!round->implied)
		vici_key_text(b, "class", class_name(round->class));
	if (round->class == IKE_AUTH_CLASS_XAUTH && round->xauth != IKE_XAUTH_GENERIC)
		vici_key_text(b, "xauth", round->xauth == IKE_XAUTH_EAP ? "eap" : "pam");
	put_identity(b, "ca_id", round->ca_id);
	if (revocation)
		vici_key_text(b, "revocation", revocation);
	put_texts(b, "groups", round->groups, round->group_count);
	put_texts(b, "cert_policy", round->cert_policies, round->cert_policy_count);
	put_certs(b, "certs", round->certs, round->cert_count);
	put_certs(b, "cacerts", round->cacerts, round->cacert_count);
}

static void put_rounds(
	struct vici_builder *b, const char *side, const struct ike_auth_rounds *rounds)
{
	for (size_t i = 0; i < rounds->count; i++) {
		vici_section_start_format(b, "%s-%zu", side, i + 1);
		put_round(b, &rounds->items[i], strcmp(side, "local") == 0);
		vici_section_end(b);
	}
}

static const char *mode_name(uint8_t mode)
{
	static const char *const names[] = { "TUNNEL", "TRANSPORT", "BEET", "PASS", "DROP" };

	return mode < sizeof(names) / sizeof(*names) ? names[mode] : "TUNNEL";
}

static const char *action_name(uint8_t action)
{
	static const char *const names[] = { "none", "trap", "start", "trap | start" };

	return names[(action & IKE_ACTION_TRAP ? 1 : 0) + (action & IKE_ACTION_START ? 2 : 0)];
}

static void put_child(struct vici_builder *b, const struct ike_child_config *child)
{
	vici_section_start(b, child->name);
	vici_key_text(b, "mode", mode_name(child->mode));
	vici_key_format(b, "rekey_time", "%" PRIu64, child->rekey_time);
	vici_key_format(b, "rekey_bytes", "%" PRIu64, child->rekey_bytes);
	vici_key_format(b, "rekey_packets", "%" PRIu64, child->rekey_packets);
	vici_key_text(b, "dpd_action", action_name(child->dpd_action));
	vici_key_text(b, "close_action", action_name(child->close_action));
	cl_selectors_build(b, "local-ts", child->local_ts, child->local_ts_count);
	cl_selectors_build(b, "remote-ts", child->remote_ts, child->remote_ts_count);
	if (child->interface)
		vici_key_text(b, "interface", child->interface);
	if (child->priority)
		vici_key_format(b, "priority", "%" PRIu32, child->priority);
	vici_section_end(b);
}

static const char *unique_name(uint8_t unique)
{
	static const char *const names[] = { "UNIQUE_NO", "UNIQUE_NEVER", "UNIQUE_KEEP",
		"UNIQUE_REPLACE" };

	return unique < sizeof(names) / sizeof(*names) ? names[unique] : "UNIQUE_NO";
}

static const char *version_name(uint8_t version)
{
	return version == 1 ? "IKEv1" : version == 2 ? "IKEv2" : "IKEv1/2";
}

/* With children from that number on, as many as a message has room for; the number of the next. */
static size_t put_connection(struct vici_builder *b, const struct ike_connection *c, size_t child)
{
	char text[IKE_IDENTITY_TEXT_MAX];
	const size_t first = child;

	vici_section_start(b, c->name);
	put_endpoints(b, "local_addrs", &c->local_addrs);
	put_endpoints(b, "remote_addrs", &c->remote_addrs);
	vici_key_text(b, "version", version_name(c->version));
	vici_key_format(b, "reauth_time", "%" PRIu64, c->reauth_time);
	vici_key_format(b, "rekey_time", "%" PRIu64, c->rekey_time);
	vici_key_text(b, "unique", unique_name(c->unique));
	if (c->dpd_delay)
		vici_key_format(b, "dpd_delay", "%" PRIu64, c->dpd_delay);
	if (c->dpd_timeout)
		vici_key_format(b, "dpd_timeout", "%" PRIu64, c->dpd_timeout);
	if (c->ppk_id)
		vici_key_text(b, "ppk_id", ike_identity_format(c->ppk_id, text));
	if (c->ppk_required)
		vici_key_text(b, "ppk_required", "yes");
	put_rounds(b, "local", &c->local);
	put_rounds(b, "remote", &c->remote);
	vici_section_start(b, "children");
	for (; child < c->child_count; child++) {
		const struct vici_builder mark = vici_builder_mark(b);

		put_child(b, c->children[child]);
		if (b->length > CL_EVENT_ROOM && child > first) {
			vici_builder_undo(b, &mark);
			break;
		}
	}
	vici_section_end(b);
	vici_section_end(b);
	return child;
}

struct list_conns {
	size_t index;
	size_t child;                     /* the one to go on from */
	char begun[CL_LOAD_NAME_MAX + 1]; /* whose that is */
	bool named;
	char name[CL_NAME_MAX];
};

/* The one that was begun is where it was, or nearer to the start when some before it were unloaded
 * in the meantime. When it was itself, or has fewer children now, it is done. */
static void find_begun(const struct ike_engine *e, struct list_conns *list)
{
	for (size_t i = list->index + 1; i-- > 0;) {
		const struct ike_connection *connection = ike_engine_connection(e, i);

		if (!connection || strcmp(connection->name, list->begun) != 0)
			continue;
		list->index = i;
		if (list->child < connection->child_count)
			return;
		list->index++;
		break;
	}
	list->child = 0;
}

static void send_some(
	struct cl_client *c, struct list_conns *list, const struct ike_connection *connection)
{
	struct vici_builder b = cl_event_packet(CL_EVENT_LIST_CONN);

	list->child = put_connection(&b, connection, list->child);
	cl_client_event_take(c, CL_EVENT_LIST_CONN, &b);
	snprintf(list->begun, sizeof(list->begun), "%s", connection->name);
	if (list->child < connection->child_count)
		return;
	list->child = 0;
	list->index++;
}

static bool list_next(struct cl_client *c, void *state)
{
	struct list_conns *list = state;
	const struct ike_engine *e = cl_client_daemon(c)->engine;

	if (list->child > 0)
		find_begun(e, list);
	const struct ike_connection *connection = ike_engine_connection(e, list->index);
	if (!connection)
		return false;
	if (list->named && strcmp(connection->name, list->name) != 0)
		list->index++;
	else
		send_some(c, list, connection);
	return true;
}

void cl_command_list_conns(struct cl_client *c, struct vici_view request)
{
	struct list_conns *list = calloc(1, sizeof(*list));

	if (!list) {
		cl_client_reply_failure(c, "out of memory");
		return;
	}
	list->named = cl_request_text(request, "ike", list->name) != NULL;
	cl_client_walk(c, list_next, list);
}
