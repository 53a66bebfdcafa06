#include "charon-lite/private_keys.h"

#include "charon-lite/control/server.h"
#include "charon-lite/control/trial.h"

#include <stdio.h>

char *cl_key_id_format(const uint8_t id[IKE_KEY_ID_LENGTH], char text[CL_KEY_ID_TEXT])
{
	for (size_t i = 0; i < IKE_KEY_ID_LENGTH; i++)
		snprintf(text + 2 * i, 3, "%02x", id[i]);
	return text;
}

/* ---- Loading ---- */

bool cl_private_key_load(struct cl_daemon *d, const char *type, struct bytes encoded,
	uint64_t ticket, struct why *why)
{
	uint64_t handle;

	return cl_signer_load(d->signer, type, encoded, ticket, &handle, why);
}

/* A key that was there already goes by its new handle from now on. */
static bool keep(struct cl_daemon *d, struct ike_public_key *key, uint64_t handle)
{
	struct ike_certificates *store = ike_engine_certificates(d->engine);
	const struct ike_private_key *old = ike_certificates_key_of(store, key);
	uint64_t old_handle = old ? old->handle : 0;

	if (!ike_certificates_add_key(store, key, handle))
		return false;
	if (old)
		cl_signer_unload(d->signer, old_handle);
	cl_trial_wants_key(d, ike_public_key_id(key));
	return true;
}

static void log_loaded(const struct cl_daemon *d, const struct ike_public_key *key)
{
	char id[CL_KEY_ID_TEXT];

	cl_log_text(d->log, IKE_LOG_CFG, IKE_LOG_INFO, "loaded %s private key, keyid %s",
		ike_key_type_name(ike_public_key_type(key)),
		cl_key_id_format(ike_public_key_id(key), id));
}

bool cl_private_key_keep_staged(
	struct cl_daemon *d, struct ike_public_key *key, uint64_t handle, unsigned generation)
{
	if (generation != d->signer_generation || !keep(d, key, handle))
		return false;
	log_loaded(d, key);
	return true;
}

/* Nobody waits for it any more: nobody has it. */
static void stage(struct cl_daemon *d, struct ike_public_key *key, uint64_t handle, uint64_t ticket)
{
	if (!d->server || !cl_server_stage_key(d->server, ticket, key, handle))
		cl_signer_unload(d->signer, handle);
}

static void loaded(
	void *context, uint64_t handle, uint64_t ticket, struct bytes encoded, const char *error)
{
	struct cl_daemon *d = context;
	struct ike_public_key *key = NULL;
	char id[CL_KEY_ID_TEXT];
	struct why why;

	if (error)
		why_fail(&why, "%s", error);
	else
		key = ike_public_key_parse(d->library, encoded, &why);
	if (key && cl_private_key_is_staged(ticket)) {
		stage(d, key, handle, ticket);
		ike_public_key_free(key);
		return;
	}
	if (key && !keep(d, key, handle)) {
		why_fail(&why, "out of memory");
		ike_public_key_free(key);
		key = NULL;
	}
	if (key) {
		cl_key_id_format(ike_public_key_id(key), id);
		log_loaded(d, key);
	} else if (!error) {
		cl_signer_unload(d->signer, handle);
	}
	if (d->server)
		cl_server_command_done(d->server, ticket, key != NULL, key ? id : why.text);
	ike_public_key_free(key);
}

bool cl_private_key_unload(struct cl_daemon *d, const uint8_t id[IKE_KEY_ID_LENGTH])
{
	uint64_t handle;

	if (!ike_certificates_remove_key(ike_engine_certificates(d->engine), id, &handle))
		return false;
	cl_signer_unload(d->signer, handle);
	return true;
}

void cl_private_keys_unload_all(struct cl_daemon *d)
{
	const struct ike_private_key *key;

	while ((key = ike_certificates_key(ike_engine_certificates(d->engine), 0)))
		cl_private_key_unload(d, ike_public_key_id(key->public));
}

/* ---- Signing ---- */

bool cl_private_keys_sign(void *context, const struct ike_sign *what, uint64_t ticket)
{
	return cl_signer_sign(((struct cl_daemon *)context)->signer, what, ticket);
}

static void signature(void *context, uint64_t ticket, struct bytes made, const char *error)
{
	struct cl_daemon *d = context;

	ike_engine_signed(d->engine, cl_daemon_now(), ticket, made, error);
	cl_daemon_rearm(d);
}

/* ---- EAP-TLS ---- */

bool cl_private_keys_tls(void *context, const struct ike_tls_step *what, uint64_t ticket)
{
	return cl_signer_tls(((struct cl_daemon *)context)->signer, what, ticket);
}

void cl_private_keys_tls_forget(void *context, uint64_t session)
{
	cl_signer_tls_forget(((struct cl_daemon *)context)->signer, session);
}

static void tls(void *context, uint64_t ticket, const struct ike_tls_answer *answer)
{
	struct cl_daemon *d = context;

	ike_engine_tls_answered(d->engine, cl_daemon_now(), ticket, answer);
	cl_daemon_rearm(d);
}

/* ---- The signer ---- */

/* Tunnels that are up need no key before they authenticate again. */
static void lost(void *context)
{
	struct cl_daemon *d = context;
	struct ike_certificates *store = ike_engine_certificates(d->engine);
	const struct ike_private_key *key;
	uint64_t handle;
	size_t count = 0;

	d->signer_generation++;
	for (; (key = ike_certificates_key(store, 0)); count++)
		(void)ike_certificates_remove_key(store, ike_public_key_id(key->public), &handle);
	cl_log_text(d->log, IKE_LOG_CFG, IKE_LOG_AUDIT,
		"%zu private keys are lost with the signer process: tunnels stay up, but nothing "
		"can "
		"be authenticated with them until they are loaded again (swanctl --load-creds)",
		count);
}

bool cl_private_keys_open(struct cl_daemon *d, struct why *why)
{
	const struct cl_signer_config config = {
		.base = d->base,
		.processes = d->processes,
		.context = d,
		.loaded = loaded,
		.signature = signature,
		.tls = tls,
		.lost = lost,
	};

	return cl_signer_open(&config, d->log, &d->signer, why);
}
