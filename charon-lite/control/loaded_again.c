/* What was loaded once, out of its messages. */
#include "charon-lite/control/loaded.h"

#include "charon-lite/control/command.h"
#include "charon-lite/control/staging.h"
#include "libvici/builder.h"

#include <openssl/sha.h>
#include <stdio.h>

bool cl_loaded_frame(struct bytes *rest, struct vici_packet *ret, bool *ret_bad)
{
	struct why why;
	size_t size = 0;

	*ret_bad = rest->length > 0;
	if (rest->length == 0 || vici_frame_next(*rest, &size) != VICI_FRAME_READY)
		return false;
	if (!vici_packet_parse(
		    bytes_of(rest->at + VICI_FRAME_HEADER, size - VICI_FRAME_HEADER), ret, &why))
		return false;
	*rest = bytes_of(rest->at + size, rest->length - size);
	*ret_bad = false;
	return true;
}

static const struct cl_loadable *const kinds[] = { &cl_loadable_authority, &cl_loadable_pool,
	&cl_loadable_client, &cl_loadable_connection };

/* Whatever is loaded goes, unless it is loaded again. */
static void stage_unload(void *context, const char *command, const char *name)
{
	struct cl_staging *s = context;
	struct ike_clients *clients = NULL;
	struct why why;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (strcmp(kinds[i]->command, command) != 0)
			continue;
		if (kinds[i] == &cl_loadable_client && (clients = cl_staging_clients(s)))
			(void)ike_clients_unload(clients, name);
		(void)!cl_staging_unload(s, kinds[i], name, &why);
	}
}

static bool stage_request(
	struct cl_staging *s, struct bytes command, struct vici_view request, struct why *why)
{
	if (vici_is(command, "load-shared"))
		return cl_load_shared_staged(s, request, why);
	if (vici_is(command, "load-cert"))
		return cl_load_cert_staged(s, request, why);
	if (vici_is(command, "load-client"))
		return cl_load_client_staged(s, request, why);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (vici_is(command, kinds[i]->command))
			return cl_load_staged(s, kinds[i], request, why);
	return why_fail(why, "there is no such command");
}

static void note_certificate(
	struct vici_builder *kept, const struct vici_packet *packet, struct vici_view request)
{
	struct bytes data = vici_get(request, "data");
	uint8_t digest[SHA_DIGEST_LENGTH];

	if (!vici_is(packet->name, "load-cert"))
		return;
	SHA1(data.at, data.length, digest);
	vici_item_bytes(kept, bytes_of(digest, sizeof(digest)));
}

static void stage_frame(
	struct cl_staging *s, const struct vici_packet *packet, struct vici_builder *kept)
{
	struct vici_message message;
	struct why why;
	bool good = vici_message_parse(packet->message, &message, &why);

	if (good) {
		note_certificate(kept, packet, vici_root(&message));
		good = stage_request(s, packet->name, vici_root(&message), &why);
		vici_message_free(&message);
	}
	if (!good)
		cl_log_text(s->daemon->log, IKE_LOG_CFG, IKE_LOG_AUDIT,
			"something of what was loaded before cannot be loaded again (%.*s): %s",
			(int)packet->name.length, (const char *)packet->name.at, why.text);
}

/* Those that came with the trial go, too. */
static void stage_kept(struct cl_staging *s, struct vici_builder *kept)
{
	struct vici_message message;
	struct bytes wire;
	struct why why;

	vici_list_end(kept);
	if (vici_builder_finish(kept, &wire) && vici_message_parse(wire, &message, &why)) {
		(void)!cl_keep_certs_staged(s, vici_root(&message), &why);
		vici_message_free(&message);
	}
}

static void stage_secrets_away(struct cl_staging *s)
{
	const struct ike_credentials *secrets = ike_engine_credentials(s->daemon->engine);
	const struct ike_shared *shared = NULL;
	struct why why;

	(void)!cl_unload_nameless_staged(s, &why);
	while ((shared = ike_credentials_next(secrets, shared)))
		if (ike_shared_unique_id(shared))
			(void)!cl_unload_shared_staged(s, ike_shared_unique_id(shared), &why);
}

void cl_loaded_stage(struct cl_staging *s, struct bytes frames)
{
	struct vici_builder kept = { 0 };
	struct vici_packet packet;
	bool bad;

	stage_secrets_away(s);
	cl_loaded_names(s->daemon->loaded, stage_unload, s);
	vici_list_start(&kept, "sha1");
	while (cl_loaded_frame(&frames, &packet, &bad))
		stage_frame(s, &packet, &kept);
	stage_kept(s, &kept);
	vici_builder_free(&kept);
	if (bad)
		cl_log_text(s->daemon->log, IKE_LOG_CFG, IKE_LOG_AUDIT,
			"what was loaded before ends in the midst of a message");
}

/* ---- One request ---- */

static void stage_unload_request(
	struct cl_staging *s, struct bytes command, struct vici_view request)
{
	static const char unload[] = "unload-";
	const size_t length = sizeof(unload) - 1;
	char room[CL_NAME_MAX], load[32];
	bool shared = vici_is(command, "unload-shared");
	const char *name = cl_request_text(request, shared ? "id" : "name", room);
	struct why why;

	if (!name || command.length <= length || memcmp(command.at, unload, length) != 0)
		return;
	snprintf(load, sizeof(load), "load-%.*s", (int)(command.length - length),
		(const char *)command.at + length);
	if (shared)
		(void)!cl_unload_shared_staged(s, name, &why);
	else
		stage_unload(s, load, name);
}

bool cl_loaded_changes(struct cl_daemon *d, struct bytes command, struct vici_view request)
{
	struct cl_staging *s = cl_staging_new(d);
	bool changes = false;
	struct why why;

	if (!s)
		return false; /* nor is there memory for the request itself */
	if (!vici_is(command, "load-cert"))
		(void)!stage_request(s, command, request, &why);
	stage_unload_request(s, command, request);
	(void)cl_staging_plan(s, true);
	for (const struct cl_staged *o = s->objects; o; o = o->hh.next)
		changes = changes || (!o->refused && o->change.effect != CL_UNCHANGED);
	cl_staging_free(s);
	return changes;
}
