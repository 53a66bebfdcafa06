/* What the file says, sent to the judge as --load-all sends it to a daemon; what it refuses are
 * findings. */
#include "swanctl-lite/check.h"
#include "swanctl-lite/creds.h"

#include <stdlib.h>

/* ---- Where a refusal belongs ---- */

/* The section within a connection that the daemon calls "children.lan" or "local-1". */
static const struct settings_section *named_part(
	const struct settings_section *section, const char *name, size_t length)
{
	static const char children[] = "children.";
	const size_t skipped = sizeof(children) - 1;

	if (length > skipped && strncmp(name, children, skipped) == 0) {
		section = settings_child(section, "children");
		name += skipped;
		length -= skipped;
	}
	if (!section)
		return NULL;
	SETTINGS_SECTIONS(each, section)
	if (strlen(each->name) == length && strncmp(each->name, name, length) == 0)
		return each;
	return NULL;
}

/* Names may contain dots and colons: the longest that there is. */
static const struct settings_section *part_of_text(
	const struct settings_section *section, const char *text)
{
	for (const char *end = text + strlen(text); end > text; end--) {
		const struct settings_section *part =
			*end == ':' || *end == '\0' || *end == '.'
				? named_part(section, text, (size_t)(end - text))
				: NULL;

		if (part)
			return part;
	}
	return section;
}

/* "invalid value for: KEY, config discarded: PLACE: reason" */
static bool report_key(struct check *k, const struct settings_section *section, const char *error,
	const char *phrase, enum check_code code)
{
	static const char discarded[] = ", config discarded";
	const char *at = strstr(error, phrase), *end, *rest;
	char key[256];

	if (!at)
		return false;
	at += strlen(phrase);
	end = strchr(at, ',');
	if (!end || (size_t)(end - at) >= sizeof(key))
		return false;
	memcpy(key, at, (size_t)(end - at));
	key[end - at] = '\0';
	rest = strncmp(end, discarded, sizeof(discarded) - 1) == 0 ? end + sizeof(discarded) - 1
								   : end;
	if (*rest == ':')
		rest++;
	rest += strspn(rest, " ");
	const char *of = strncmp(rest, "in ", 3) == 0 ? rest + 3 : rest;
	const struct settings_section *part = part_of_text(section, of);
	const char *reason = part == section ? rest : of + strlen(part->name);
	const char *value = check_value(part, key);

	if (part != section && strncmp(of, "children.", 9) == 0)
		reason += 9;
	reason += strspn(reason, ": ");
	check_say(k, code, check_place(part, key), "%s = %.200s: %s", key, value ? value : "",
		*reason ? reason : "it is refused");
	return true;
}

static void report_refusal(
	struct check *k, const struct settings_section *section, const char *error)
{
	if (report_key(k, section, error, "invalid value for: ", CHECK_WRONG_VALUE) ||
		report_key(k, section, error, "unknown option: ", CHECK_UNKNOWN_KEY))
		return;
	const struct settings_section *part = part_of_text(section, error);
	static const char invalid[] = "invalid section: ";
	if (strncmp(error, invalid, sizeof(invalid) - 1) == 0 &&
		part_of_text(section, error + sizeof(invalid) - 1) != section)
		return; /* check_words() has said so */
	check_say(k, CHECK_REFUSED, &part->place, "'%s' is refused: %s", section->name, error);
}

/* ---- Connections, pools, authorities, clients ---- */

static bool add_one(struct check *k, struct vici_builder *b, const struct swanctl_kind *kind,
	const struct settings_section *section)
{
	vici_section_start(b, section->name);
	bool ok = swanctl_config_add(k->s, b, kind->place, section);
	vici_section_end(b);
	return ok;
}

static void load_one(
	struct check *k, const struct swanctl_kind *kind, const struct settings_section *section)
{
	struct vici_builder b = { 0 };
	struct vici_call call = { .command = kind->load, .arguments = &b };
	struct vici_view answer;
	int status;

	bool sent = add_one(k, &b, kind, section) && swanctl_call(k->s, &call, &answer, &status);
	bool loaded = sent && swanctl_succeeded(answer);
	if (sent && !loaded)
		report_refusal(k, section, CHECK_TEXT_OF(answer, "errmsg"));
	k->incomplete = k->incomplete || (!loaded && kind == &swanctl_connections);
	vici_builder_free(&b);
}

static void load_kind(struct check *k, const struct swanctl_kind *kind)
{
	for (const struct settings_section *each = check_sections(k, kind->section); each;
		each = each->next)
		load_one(k, kind, each);
}

/* ---- Parts of a connection ---- */

static bool add_definition(struct check *k, struct vici_builder *b,
	const struct settings_section *connection, const struct settings_section *child)
{
	vici_section_start(b, "definition");
	bool ok = !connection || swanctl_config_add(k->s, b, VICI_PLACE_CONNECTION, connection);
	vici_section_start(b, "local");
	vici_key_text(b, "auth", "psk");
	vici_section_end(b);
	vici_section_start(b, "remote");
	vici_key_text(b, "auth", "psk");
	vici_section_end(b);
	vici_section_start(b, "children");
	vici_section_start(b, "child");
	ok = ok && (!child || swanctl_config_add(k->s, b, VICI_PLACE_CHILD, child));
	vici_section_end(b);
	vici_section_end(b);
	vici_section_end(b);
	return ok;
}

bool check_definition(struct check *k, const struct settings_section *connection,
	const struct settings_section *child)
{
	struct vici_builder b = { 0 };
	struct vici_call call = { .command = "load-conn", .arguments = &b };
	struct vici_view answer;
	int status;
	bool sent = add_definition(k, &b, connection, child) &&
		    swanctl_call(k->s, &call, &answer, &status);
	bool taken = sent && swanctl_succeeded(answer);

	if (sent && !taken) {
		const char *error = CHECK_TEXT_OF(answer, "errmsg");
		bool of_child = child && strstr(error, "children.child");

		report_refusal(k, of_child || !connection ? child : connection, error);
	}
	vici_builder_free(&b);
	return taken;
}

/* ---- Secrets ---- */

static void send_secret(struct check *k, const struct settings_section *section, const char *type,
	struct bytes secret)
{
	struct vici_builder b = { 0 };
	struct vici_call call = { .command = "load-shared", .arguments = &b };
	struct vici_view answer;
	int status;

	creds_shared_message(&b, section, type, secret);
	if (swanctl_call(k->s, &call, &answer, &status) && !swanctl_succeeded(answer))
		check_say(k, CHECK_REFUSED, check_place(section, "id"),
			"secret '%s' is refused: %s", section->name,
			CHECK_TEXT_OF(answer, "errmsg"));
	vici_builder_free(&b);
}

static void load_secrets(struct check *k)
{
	for (const struct settings_section *each = check_sections(k, "secrets"); each;
		each = each->next) {
		const struct settings_key *key = settings_find_key(each, "secret");
		const char *type = creds_shared_type(each->name);
		AUTO_SECRET secret = { 0 };

		if (key && type && creds_decode_secret(k->s, key, &secret))
			send_secret(k, each, type, secret_bytes(&secret));
	}
}

void check_load(struct check *k)
{
	static const struct swanctl_kind *const kinds[] = { &swanctl_authorities, &swanctl_pools,
		&swanctl_clients, &swanctl_connections };
	struct creds creds = { .s = k->s,
		.secrets = settings_child(settings_root(k->config), "secrets") };

	creds_load_certs(&creds);
	creds_load_keys(&creds);
	free(creds.digests);
	load_secrets(k);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		load_kind(k, kinds[i]);
}
