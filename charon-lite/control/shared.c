/* Shared secrets: load-shared, unload-shared, get-shared, clear-creds. */
#include "charon-lite/control/command.h"
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

static void free_owners(struct ike_identity **owners, size_t count)
{
	for (size_t i = 0; i < count; i++)
		ike_identity_free(owners[i]);
}

static bool read_owners(struct vici_view request, struct ike_identity *owners[OWNERS_MAX],
	size_t *ret_count, struct why *why)
{
	size_t count = 0;

	VICI_EACH(item, vici_find(request, "owners"))
	{
		struct bytes value = vici_value(item);
		char text[IKE_IDENTITY_TEXT_MAX];
		bool good = value.length < sizeof(text) && count < OWNERS_MAX &&
			    (value.length == 0 || !memchr(value.at, 0, value.length));

		if (good) {
			bytes_copy(text, value);
			text[value.length] = '\0';
			owners[count] = ike_identity_parse(text, why);
			good = owners[count] != NULL;
		} else {
			why_fail(why, "an owner is too long, or there are more than %u of them",
				OWNERS_MAX);
		}
		if (!good) {
			free_owners(owners, count);
			return false;
		}
		count++;
	}
	*ret_count = count;
	return true;
}

/* "loaded IKE shared key with id 'ike-moon' for: 'moon', 'sun'" */
static void log_loaded(struct cl_client *c, uint8_t kind, const char *id,
	struct ike_identity *const *owners, size_t count)
{
	static const char *const kinds[] = { [IKE_SHARED_IKE] = "IKE",
		[IKE_SHARED_EAP] = "EAP",
		[IKE_SHARED_NTLM] = "NTLM",
		[IKE_SHARED_PPK] = "PPK" };
	char list[600] = "'%any'", text[IKE_IDENTITY_TEXT_MAX];

	for (size_t i = 0; i < count; i++) {
		size_t length = i ? strlen(list) : 0;

		snprintf(list + length, sizeof(list) - length, "%s'%s'", i ? ", " : "",
			ike_identity_format(owners[i], text));
	}
	cl_log_text(cl_client_daemon(c)->log, IKE_LOG_CFG, IKE_LOG_INFO,
		"loaded %s shared key%s%s%s for: %s", kinds[kind], id ? " with id '" : "",
		id ? id : "", id ? "'" : "", list);
}

void cl_command_load_shared(struct cl_client *c, struct vici_view request)
{
	struct ike_credentials *credentials = ike_engine_credentials(cl_client_daemon(c)->engine);
	struct bytes type = vici_get(request, "type"), data = vici_get(request, "data");
	struct ike_identity *owners[OWNERS_MAX];
	struct secret secret = { 0 };
	char room[CL_NAME_MAX];
	const char *id = cl_request_text(request, "id", room);
	size_t count;
	uint8_t kind;
	struct why why;

	if (!type.at) {
		cl_client_reply_failure(c, "shared key type missing");
		return;
	}
	if (!kind_of(type, &kind)) {
		cl_client_reply_failure(c, "invalid shared key type: %.*s", (int)type.length,
			(const char *)type.at);
		return;
	}
	if (!data.at || data.length == 0) {
		cl_client_reply_failure(c, "shared key data missing");
		return;
	}
	if (id && !*id) {
		cl_client_reply_failure(c, "unique identifier is empty or too long");
		return;
	}
	if (!read_owners(request, owners, &count, &why)) {
		cl_client_reply_failure(c, "owners: %s", why.text);
		return;
	}
	if (!secret_copy(&secret, data)) {
		free_owners(owners, count);
		cl_client_reply_failure(c, "out of memory");
		return;
	}
	log_loaded(c, kind, id, owners, count);
	if (!ike_credentials_load(credentials, id, kind, &secret, owners, count)) {
		cl_client_reply_failure(c, "out of memory");
		return;
	}
	cl_client_reply_success(c);
}

/* What is not there is unloaded: success, as strongSwan has it. */
void cl_command_unload_shared(struct cl_client *c, struct vici_view request)
{
	const struct cl_daemon *d = cl_client_daemon(c);
	char room[CL_NAME_MAX];
	const char *id = cl_request_text(request, "id", room);

	if (!id) {
		cl_client_reply_failure(c, "unique identifier missing");
		return;
	}
	if (ike_credentials_unload(ike_engine_credentials(d->engine), id))
		cl_log_text(
			d->log, IKE_LOG_CFG, IKE_LOG_INFO, "unloaded shared key with id '%s'", id);
	cl_client_reply_success(c);
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

void cl_command_clear_creds(struct cl_client *c, struct vici_view request)
{
	struct cl_daemon *d = cl_client_daemon(c);

	(void)request;
	ike_credentials_clear(ike_engine_credentials(d->engine));
	ike_certificates_clear(ike_engine_certificates(d->engine));
	cl_private_keys_unload_all(d);
	cl_client_reply_success(c);
}
