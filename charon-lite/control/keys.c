/* Private keys: load-key, unload-key, get-keys, load-token. */
#include "charon-lite/control/command.h"
#include "charon-lite/control/staging.h"
#include "charon-lite/control/trial.h"
#include "charon-lite/private_keys.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

static char *upper_case(const char *text)
{
	char *copy = strdup(text);

	for (char *at = copy; at && *at; at++)
		*at = (char)toupper((unsigned char)*at);
	return copy;
}

static const struct cl_loadable loadable_key;

static void refuse(struct cl_client *c, const char *error)
{
	if (cl_client_staging(c))
		cl_staging_refuse(cl_client_staging(c), &loadable_key, "", error);
	cl_client_reply_failure(c, "%s", error);
}

/* done: text is the key's id; else why not. state: the type. */
static void loaded(struct cl_client *c, void *state, bool done, const char *text)
{
	if (!done) {
		char error[512];

		snprintf(error, sizeof(error), "parsing %s private key failed: %s", (char *)state,
			text ? text : "no answer");
		refuse(c, error);
		return;
	}
	struct vici_builder b = cl_client_answer();

	vici_key_bool(&b, "success", true);
	vici_key_text(&b, "id", text);
	cl_client_reply(c, &b);
}

/* ---- Staged: the signer has it, nobody knows of it yet ---- */

struct staged_key {
	struct cl_daemon *d;
	struct ike_public_key *key; /* held */
	uint64_t handle;            /* 0: it is the store's now */
	unsigned generation;        /* of the signer */
};

static void free_key(void *object)
{
	struct staged_key *staged = object;

	if (staged->handle && staged->generation == staged->d->signer_generation)
		cl_signer_unload(staged->d->signer, staged->handle);
	ike_public_key_free(staged->key);
	free(staged);
}

static bool read_id(const char *text, uint8_t id[IKE_KEY_ID_LENGTH])
{
	if (strlen(text) != (size_t)2 * IKE_KEY_ID_LENGTH ||
		strspn(text, "0123456789abcdefABCDEF") != strlen(text))
		return false;
	for (size_t i = 0; i < IKE_KEY_ID_LENGTH; i++) {
		const char pair[] = { text[2 * i], text[2 * i + 1], '\0' };

		id[i] = (uint8_t)strtoul(pair, NULL, 16);
	}
	return true;
}

static struct cl_change compare_key(struct cl_daemon *d, const char *name, const void *object)
{
	const struct ike_certificates *store = ike_engine_certificates(d->engine);
	const struct staged_key *staged = object;

	(void)name;
	if (!staged)
		return cl_change_of(CL_REMOVED, NULL);
	return cl_change_of(
		ike_certificates_key_of(store, staged->key) ? CL_UNCHANGED : CL_ADDED, NULL);
}

static bool load_key(struct cl_daemon *d, void *object, struct why *why)
{
	struct staged_key *staged = object;
	bool good = cl_private_key_keep_staged(d, staged->key, staged->handle, staged->generation);

	if (good)
		staged->handle = 0;
	free_key(staged);
	return good || why_fail(why, "the signer process has lost it, or memory ran out");
}

static bool may_unload_key(struct cl_daemon *d, const char *name, struct why *why)
{
	const struct ike_certificates *store = ike_engine_certificates(d->engine);
	const struct ike_private_key *key;
	char id[CL_KEY_ID_TEXT];

	for (size_t i = 0; (key = ike_certificates_key(store, i)); i++)
		if (strcasecmp(cl_key_id_format(ike_public_key_id(key->public), id), name) == 0)
			break;
	return key || why_fail(why, "key not found");
}

static bool unload_key(struct cl_daemon *d, const char *name, struct why *why)
{
	uint8_t id[IKE_KEY_ID_LENGTH];

	if (!read_id(name, id) || !cl_private_key_unload(d, id))
		return why_fail(why, "key not found");
	cl_log_text(d->log, IKE_LOG_CFG, IKE_LOG_INFO, "unloaded private key with id %s", name);
	return true;
}

void cl_key_unload_named(struct cl_daemon *d, const char *id)
{
	struct why why;

	(void)unload_key(d, id, &why);
}

/* On trial it may be wanted once more. */
static bool unload_or_keep_key(struct cl_daemon *d, const char *name, struct why *why)
{
	if (!may_unload_key(d, name, why))
		return false;
	return cl_trial_keeps_key(d, name) || unload_key(d, name, why);
}

static const struct cl_loadable loadable_key = {
	.name = "private key",
	.outside = true,
	.free = free_key,
	.compare = compare_key,
	.load = load_key,
	.may_unload = may_unload_key,
	.unload = unload_or_keep_key,
};

void cl_key_stage(struct cl_client *c, uint64_t ticket, struct ike_public_key *key, uint64_t handle)
{
	struct cl_daemon *d = cl_client_daemon(c);
	struct staged_key *staged = calloc(1, sizeof(*staged));
	char id[CL_KEY_ID_TEXT];
	struct why why = { "out of memory" };

	cl_key_id_format(ike_public_key_id(key), id);
	if (!staged) {
		cl_signer_unload(d->signer, handle);
	} else {
		*staged = (struct staged_key){ d, ike_public_key_hold(key), handle,
			d->signer_generation };
		if (cl_staging_add(cl_client_staging(c), &loadable_key, id, staged, &why)) {
			(void)cl_client_command_done(c, ticket, true, id);
			return;
		}
	}
	(void)cl_client_command_done(c, ticket, false, why.text);
}

/* ---- The commands ---- */

void cl_command_load_key(struct cl_client *c, struct vici_view request)
{
	struct cl_wait wait = { .level = -1, .finish = loaded };
	char room[CL_NAME_MAX];
	const char *type = cl_request_text(request, "type", room);
	struct bytes data = vici_get(request, "data");
	struct why why;

	if (!type) {
		refuse(c, "key type missing");
		return;
	}
	if (data.length == 0) {
		refuse(c, "key data missing");
		return;
	}
	wait.ticket = cl_client_ticket(c);
	if (cl_client_staging(c))
		wait.ticket |= CL_TICKET_STAGED;
	wait.state = upper_case(type);
	if (!wait.state) {
		refuse(c, "out of memory");
		return;
	}
	cl_client_wait(c, &wait);
	if (cl_private_key_load(cl_client_daemon(c), type, data, wait.ticket, &why)) {
		cl_client_watch(c, 0);
		return;
	}
	cl_client_wait_cancel(c);
	refuse(c, why.text);
}

static bool unload_at_once(struct cl_daemon *d, const char *id, struct why *why)
{
	return may_unload_key(d, id, why) && cl_trial_lets_go(d, "unload-key", why) &&
	       unload_or_keep_key(d, id, why);
}

void cl_command_unload_key(struct cl_client *c, struct vici_view request)
{
	struct cl_staging *staging = cl_client_staging(c);
	char room[CL_NAME_MAX];
	const char *id = cl_request_text(request, "id", room);
	struct why why;

	if (!id)
		cl_client_reply_failure(c, "key id missing");
	else if (staging ? cl_staging_unload(staging, &loadable_key, id, &why)
			 : unload_at_once(cl_client_daemon(c), id, &why))
		cl_client_reply_success(c);
	else
		cl_client_reply_failure(c, "%s", why.text);
}

void cl_command_get_keys(struct cl_client *c, struct vici_view request)
{
	const struct ike_certificates *store = ike_engine_certificates(cl_client_daemon(c)->engine);
	struct vici_builder b = cl_client_answer();
	const struct ike_private_key *key;
	char text[CL_KEY_ID_TEXT];

	(void)request;
	vici_list_start(&b, "keys");
	for (size_t i = 0; (key = ike_certificates_key(store, i)); i++)
		vici_item_text(&b, cl_key_id_format(ike_public_key_id(key->public), text));
	vici_list_end(&b);
	cl_client_reply(c, &b);
}

void cl_command_load_token(struct cl_client *c, struct vici_view request)
{
	(void)request;
	cl_client_reply_failure(c, "load-token is not supported by this version: load private keys "
				   "from files, a process of their own keeps them");
}
