/* Private keys: load-key, unload-key, get-keys, load-token. */
#include "charon-lite/control/command.h"
#include "charon-lite/private_keys.h"

#include <ctype.h>
#include <stdlib.h>

static char *upper_case(const char *text)
{
	char *copy = strdup(text);

	for (char *at = copy; at && *at; at++)
		*at = (char)toupper((unsigned char)*at);
	return copy;
}

/* done: text is the key's id; else why not. state: the type. */
static void loaded(struct cl_client *c, void *state, bool done, const char *text)
{
	if (!done) {
		cl_client_reply_failure(c, "parsing %s private key failed: %s", (char *)state,
			text ? text : "no answer");
		return;
	}
	struct vici_builder b = cl_client_answer();

	vici_key_bool(&b, "success", true);
	vici_key_text(&b, "id", text);
	cl_client_reply(c, &b);
}

void cl_command_load_key(struct cl_client *c, struct vici_view request)
{
	struct cl_wait wait = { .level = -1, .finish = loaded };
	char room[CL_NAME_MAX];
	const char *type = cl_request_text(request, "type", room);
	struct bytes data = vici_get(request, "data");
	struct why why;

	if (!type) {
		cl_client_reply_failure(c, "key type missing");
		return;
	}
	if (data.length == 0) {
		cl_client_reply_failure(c, "key data missing");
		return;
	}
	wait.ticket = cl_client_ticket(c);
	wait.state = upper_case(type);
	if (!wait.state) {
		cl_client_reply_failure(c, "out of memory");
		return;
	}
	cl_client_wait(c, &wait);
	if (cl_private_key_load(cl_client_daemon(c), type, data, wait.ticket, &why)) {
		cl_client_watch(c, 0);
		return;
	}
	cl_client_wait_cancel(c);
	cl_client_reply_failure(c, "%s", why.text);
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

void cl_command_unload_key(struct cl_client *c, struct vici_view request)
{
	struct cl_daemon *d = cl_client_daemon(c);
	uint8_t id[IKE_KEY_ID_LENGTH];
	char room[CL_NAME_MAX];
	const char *text = cl_request_text(request, "id", room);

	if (!text) {
		cl_client_reply_failure(c, "key id missing");
		return;
	}
	if (!read_id(text, id) || !cl_private_key_unload(d, id)) {
		cl_client_reply_failure(c, "key not found");
		return;
	}
	cl_log_text(d->log, IKE_LOG_CFG, IKE_LOG_INFO, "unloaded private key with id %s", text);
	cl_client_reply_success(c);
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
