/* Shared secrets: load-shared, unload-shared, get-shared, clear-creds. */
#include "charon-lite/control/command.h"
#include "charon-lite/control/staging.h"
#include "charon-lite/control/trial.h"
#include "charon-lite/private_keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define OWNERS_MAX 64

/* What charon takes. */
static bool kind_of(struct bytes type, uint8_t *ret)
{
	static const struct {
		const char *name;
		uint8_t kind;
	} kinds[] = {
		{ "ike", IKE_SHARED_IKE },
		{ "eap", IKE_SHARED_EAP },
		{ "xauth", IKE_SHARED_EAP },
		{ "ntlm", IKE_SHARED_NTLM },
		{ "ppk", IKE_SHARED_PPK },
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (type.length == strlen(kinds[i].name) &&
			strncasecmp((const char *)type.at, kinds[i].name, type.length) == 0) {
			*ret = kinds[i].kind;
			return true;
		}
	}
	return false;
}

/* A secret as its message describes it. */
struct shared {
	uint8_t kind;
	char *id; /* or NULL */
	struct secret secret;
	struct ike_identity **owners;
	size_t owner_count;
};

static void free_shared(void *object)
{
	struct shared *shared = object;

	for (size_t i = 0; i < shared->owner_count; i++)
		ike_identity_free(shared->owners[i]);
	free(shared->owners);
	secret_free(&shared->secret);
	free(shared->id);
	free(shared);
}

static bool read_owner(struct bytes value, struct shared *shared, struct why *why)
{
	char text[IKE_IDENTITY_TEXT_MAX];

	if (value.length >= sizeof(text) || (value.length > 0 && memchr(value.at, 0, value.length)))
		return why_fail(why, "an owner is too long, or contains a zero");
	bytes_copy(text, value);
	text[value.length] = '\0';
	struct ike_identity *owner = ike_identity_parse(text, why);
	if (!owner)
		return false;
	shared->owners[shared->owner_count++] = owner;
	return true;
}

static bool read_owners(struct vici_view list, struct shared *shared, struct why *why)
{
	size_t count = 0;

	VICI_EACH(item, list)
	count++;
	if (count > OWNERS_MAX)
		return why_fail(why, "more than %u of them", OWNERS_MAX);
	shared->owners = calloc(count + 1, sizeof(struct ike_identity *));
	if (!shared->owners)
		return why_fail(why, "out of memory");
	VICI_EACH(item, list)
	{
		if (!read_owner(vici_value(item), shared, why))
			return false;
	}
	return true;
}

static bool fill(struct shared *shared, struct vici_view request, struct why *why)
{
	struct bytes type = vici_get(request, "type"), data = vici_get(request, "data");
	char room[CL_NAME_MAX];
	const char *id = cl_request_text(request, "id", room);

	if (!type.at)
		return why_fail(why, "shared key type missing");
	if (!kind_of(type, &shared->kind))
		return why_fail(why, "invalid shared key type: %.*s", (int)type.length,
			(const char *)type.at);
	if (!data.at || data.length == 0)
		return why_fail(why, "shared key data missing");
	if (id && !*id)
		return why_fail(why, "unique identifier is empty or too long");
	if (!read_owners(vici_find(request, "owners"), shared, why))
		return why_prefix(why, "owners: ");
	shared->id = id ? strdup(id) : NULL;
	return (secret_copy(&shared->secret, data) && (!id || shared->id)) ||
	       why_fail(why, "out of memory");
}

static struct shared *read_shared(struct vici_view request, struct why *why)
{
	struct shared *shared = calloc(1, sizeof(*shared));

	if (!shared) {
		why_fail(why, "out of memory");
		return NULL;
	}
	if (!fill(shared, request, why)) {
		free_shared(shared);
		return NULL;
	}
	return shared;
}

bool cl_shared_normal(struct vici_view request, struct vici_builder *b)
{
	struct why why;
	struct shared *shared = read_shared(request, &why);

	if (!shared)
		return false;
	vici_key_format(b, "type", "%u", shared->kind);
	vici_key_text(b, "id", shared->id ? shared->id : "");
	vici_key_bytes(b, "data", secret_bytes(&shared->secret));
	for (size_t i = 0; i < shared->owner_count; i++) {
		const struct ike_identity *owner = shared->owners[i];

		vici_key_format(b, "owner", "%u", owner->type);
		vici_key_bytes(b, "octets", bytes_of(owner->octets, owner->length));
	}
	free_shared(shared);
	return true;
}

/* "loaded IKE shared key with id 'ike-moon' for: 'moon', 'sun'" */
static void log_loaded(const struct cl_daemon *d, const struct shared *shared)
{
	static const char *const kinds[] = { [IKE_SHARED_IKE] = "IKE",
		[IKE_SHARED_EAP] = "EAP",
		[IKE_SHARED_NTLM] = "NTLM",
		[IKE_SHARED_PPK] = "PPK" };
	char list[600] = "'%any'", text[IKE_IDENTITY_TEXT_MAX];
	const char *id = shared->id;

	for (size_t i = 0; i < shared->owner_count; i++) {
		size_t length = i ? strlen(list) : 0;

		snprintf(list + length, sizeof(list) - length, "%s'%s'", i ? ", " : "",
			ike_identity_format(shared->owners[i], text));
	}
	cl_log_text(d->log, IKE_LOG_CFG, IKE_LOG_INFO, "loaded %s shared key%s%s%s for: %s",
		kinds[shared->kind], id ? " with id '" : "", id ? id : "", id ? "'" : "", list);
}

static bool load_shared(struct cl_daemon *d, void *object, struct why *why)
{
	struct shared *shared = object;

	log_loaded(d, shared);
	bool good = ike_credentials_load(ike_engine_credentials(d->engine), shared->id,
		shared->kind, &shared->secret, shared->owners, shared->owner_count);
	shared->owner_count = 0; /* they were taken over */
	free_shared(shared);
	return good || why_fail(why, "out of memory");
}

static bool same_owners(const struct ike_shared *a, const struct shared *b)
{
	const struct ike_identity *owner;
	size_t count = 0;

	for (; (owner = ike_shared_owner_of(a, count)); count++)
		if (count >= b->owner_count || !ike_identity_equal(owner, b->owners[count]))
			return false;
	return count == b->owner_count;
}

/* One without an id is the same as before, or another one. */
static const struct ike_shared *find(
	const struct ike_credentials *all, const char *id, const struct shared *new)
{
	const struct ike_shared *old = NULL;

	if (id && *id)
		return ike_credentials_get(all, id);
	while ((old = ike_credentials_next(all, old)))
		if (!ike_shared_unique_id(old) && ike_shared_kind(old) == new->kind &&
			secret_equal(ike_shared_secret(old), secret_bytes(&new->secret)) &&
			same_owners(old, new))
			break;
	return old;
}

static struct cl_change compare_shared(struct cl_daemon *d, const char *name, const void *object)
{
	const struct ike_credentials *all = ike_engine_credentials(d->engine);
	const struct shared *new = object;
	const struct ike_shared *old = find(all, new ? new->id : name, new);
	char keys[CL_KEYS_MAX] = "";

	if (!new || !old)
		return cl_change_of(new ? CL_ADDED : old ? CL_REMOVED : CL_UNCHANGED, NULL);
	cl_change_note(keys, "type", ike_shared_kind(old) != new->kind);
	cl_change_note(
		keys, "secret", !secret_equal(ike_shared_secret(old), secret_bytes(&new->secret)));
	cl_change_note(keys, "id", !same_owners(old, new));
	return cl_change_in_place(keys);
}

/* What is not there is unloaded: success, as strongSwan has it. */
static bool may_unload_shared(struct cl_daemon *d, const char *name, struct why *why)
{
	(void)d, (void)name, (void)why;
	return true;
}

static bool unload_shared(struct cl_daemon *d, const char *name, struct why *why)
{
	(void)why;
	if (ike_credentials_unload(ike_engine_credentials(d->engine), name))
		cl_log_text(d->log, IKE_LOG_CFG, IKE_LOG_INFO, "unloaded shared key with id '%s'",
			name);
	return true;
}

static const struct cl_loadable loadable_shared = {
	.name = "secret",
	.free = free_shared,
	.compare = compare_shared,
	.load = load_shared,
	.may_unload = may_unload_shared,
	.unload = unload_shared,
};

/* Those without an id are told apart by number. */
static bool stage(struct cl_staging *staging, struct shared *shared, struct why *why)
{
	char name[32];

	if (shared->id)
		return cl_staging_add(staging, &loadable_shared, shared->id, shared, why);
	snprintf(name, sizeof(name), "%c%u", 0x01, HASH_COUNT(staging->objects));
	return cl_staging_add_titled(staging, &loadable_shared, name, "(without id)", shared, why);
}

bool cl_load_shared_staged(struct cl_staging *s, struct vici_view request, struct why *why)
{
	struct shared *shared = read_shared(request, why);

	s->source = request;
	return shared && stage(s, shared, why);
}

bool cl_unload_shared_staged(struct cl_staging *s, const char *id, struct why *why)
{
	return cl_staging_unload(s, &loadable_shared, id, why);
}

/* ---- Those without an id ---- */

/* What is loaded after it says so itself. */
static struct cl_change compare_nameless(struct cl_daemon *d, const char *name, const void *object)
{
	(void)d, (void)name, (void)object;
	return cl_change_of(CL_UNCHANGED, NULL);
}

static bool unload_nameless(struct cl_daemon *d, const char *name, struct why *why)
{
	size_t count = ike_credentials_unload_nameless(ike_engine_credentials(d->engine));

	(void)name, (void)why;
	if (count > 0)
		cl_log_text(d->log, IKE_LOG_CFG, IKE_LOG_INFO,
			"unloaded %zu shared keys without id", count);
	return true;
}

static const struct cl_loadable loadable_nameless = {
	.name = "secrets",
	.implied = true,
	.outside = true,
	.compare = compare_nameless,
	.may_unload = may_unload_shared,
	.unload = unload_nameless,
};

bool cl_unload_nameless_staged(struct cl_staging *s, struct why *why)
{
	return cl_staging_unload(s, &loadable_nameless, "without id", why);
}

/* ---- The commands ---- */

void cl_command_load_shared(struct cl_client *c, struct vici_view request)
{
	struct cl_staging *staging = cl_client_staging(c);
	struct why why;
	struct shared *shared = read_shared(request, &why);

	if (staging)
		staging->source = request;
	if (!shared && staging) {
		char room[CL_NAME_MAX];
		const char *id = cl_request_text(request, "id", room);

		cl_staging_refuse(staging, &loadable_shared, id ? id : "", why.text);
	}
	if (shared && (staging ? stage(staging, shared, &why)
			       : load_shared(cl_client_daemon(c), shared, &why)))
		cl_client_reply_success(c);
	else
		cl_client_reply_failure(c, "%s", why.text);
}

void cl_command_unload_shared(struct cl_client *c, struct vici_view request)
{
	struct cl_staging *staging = cl_client_staging(c);
	char room[CL_NAME_MAX];
	const char *id = cl_request_text(request, "id", room);
	struct why why;

	if (!id)
		cl_client_reply_failure(c, "unique identifier missing");
	else if (staging ? cl_staging_unload(staging, &loadable_shared, id, &why)
			 : unload_shared(cl_client_daemon(c), id, &why))
		cl_client_reply_success(c);
	else
		cl_client_reply_failure(c, "%s", why.text);
}

static void add_id(void *context, const char *unique_id)
{
	vici_item_text(context, unique_id);
}

void cl_command_get_shared(struct cl_client *c, struct vici_view request)
{
	const struct ike_credentials *credentials =
		ike_engine_credentials(cl_client_daemon(c)->engine);
	struct vici_builder b = cl_client_answer();

	(void)request;
	vici_list_start(&b, "keys");
	ike_credentials_ids(credentials, add_id, &b);
	vici_list_end(&b);
	cl_client_reply(c, &b);
}

/* ---- clear-creds ---- */

static void clear(struct cl_daemon *d)
{
	ike_credentials_clear(ike_engine_credentials(d->engine));
	ike_certificates_clear(ike_engine_certificates(d->engine));
	cl_trial_keep_keys(d);
	if (!cl_trial_is_pending(d))
		cl_private_keys_unload_all(d);
}

/* What is loaded after it says so itself. */
static struct cl_change compare_clear(struct cl_daemon *d, const char *name, const void *object)
{
	(void)d, (void)name, (void)object;
	return cl_change_of(CL_IN_PLACE, "all that was loaded goes first");
}

static bool unload_clear(struct cl_daemon *d, const char *name, struct why *why)
{
	(void)name, (void)why;
	clear(d);
	return true;
}

static const struct cl_loadable loadable_clear = {
	.name = "credentials",
	.implied = true,
	.outside = true,
	.compare = compare_clear,
	.may_unload = may_unload_shared,
	.unload = unload_clear,
};

void cl_command_clear_creds(struct cl_client *c, struct vici_view request)
{
	struct cl_staging *staging = cl_client_staging(c);
	struct why why;

	(void)request;
	if (!staging && !cl_trial_lets_go(cl_client_daemon(c), "clear-creds", &why)) {
		cl_client_reply_failure(c, "%s", why.text);
		return;
	}
	if (!staging)
		clear(cl_client_daemon(c));
	if (!staging || cl_staging_unload(staging, &loadable_clear, "all", &why))
		cl_client_reply_success(c);
	else
		cl_client_reply_failure(c, "%s", why.text);
}
