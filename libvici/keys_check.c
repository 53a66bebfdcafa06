/* What to say about keys that do not exist and values that cannot be. */
#include "libvici/keys.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct check {
	vici_keys_report *report;
	void *context;
};

/* Names from ipsec.conf and from habit. */
static const struct {
	const char *wrong, *right;
} habits[] = {
	{ "left", "local_addrs" },
	{ "right", "remote_addrs" },
	{ "leftsubnet", "local_ts" },
	{ "rightsubnet", "remote_ts" },
	{ "local_subnet", "local_ts" },
	{ "remote_subnet", "remote_ts" },
	{ "leftid", "id" },
	{ "rightid", "id" },
	{ "leftauth", "auth" },
	{ "rightauth", "auth" },
	{ "authby", "auth" },
	{ "ike", "proposals" },
	{ "ike_proposals", "proposals" },
	{ "esp", "esp_proposals" },
	{ "ah", "ah_proposals" },
	{ "keyexchange", "version" },
	{ "ikelifetime", "rekey_time" },
	{ "lifetime", "life_time" },
	{ "keylife", "life_time" },
	{ "auto", "start_action" },
	{ "type", "mode" },
	{ "forceencaps", "encap" },
	{ "dpddelay", "dpd_delay" },
	{ "dpdaction", "dpd_action" },
	{ "psk", "secret" },
	{ "password", "secret" },
	{ "local_address", "local_addrs" },
	{ "remote_address", "remote_addrs" },
};

/* Levenshtein's distance; names are at most 255 long. */
static unsigned distance(const char *a, const char *b)
{
	unsigned row[256];
	size_t length = strlen(b);

	for (size_t j = 0; j <= length; j++)
		row[j] = (unsigned)j;
	for (size_t i = 0; a[i]; i++) {
		unsigned diagonal = row[0];

		row[0] = (unsigned)i + 1;
		for (size_t j = 0; j < length; j++) {
			unsigned change = diagonal + (a[i] != b[j]);

			diagonal = row[j + 1];
			if (change > row[j] + 1)
				change = row[j] + 1;
			if (change > row[j + 1] + 1)
				change = row[j + 1] + 1;
			row[j + 1] = change;
		}
	}
	return row[length];
}

static const char *nearest(enum vici_place place, const char *name)
{
	const char *best = NULL;
	unsigned best_distance = (unsigned)strlen(name) / 4 + 2;
	const struct vici_key *key;

	for (size_t i = 0; i < sizeof(habits) / sizeof(*habits); i++)
		if (strcmp(habits[i].wrong, name) == 0 && vici_key_find(place, habits[i].right))
			return habits[i].right;
	for (size_t i = 0; (key = vici_key_at(place, i)); i++) {
		unsigned d = distance(name, key->name);

		if (d < best_distance && d < strlen(key->name)) {
			best = key->name;
			best_distance = d;
		}
	}
	return best;
}

void vici_key_hint(enum vici_place place, const char *name, struct why *ret)
{
	const char *meant = strlen(name) < 256 ? nearest(place, name) : NULL;

	ret->text[0] = '\0';
	for (unsigned other = 0; other < VICI_PLACES; other++) {
		if (other == (unsigned)place || !vici_key_find((enum vici_place)other, name))
			continue;
		why_fail(ret, "it belongs in %s", vici_place_name((enum vici_place)other));
		return;
	}
	if (meant)
		why_fail(ret, "did you mean '%s'?", meant);
}

PRINTF_LIKE(4, 5)
static void report(const struct check *check, enum vici_finding finding,
	const struct settings_place *place, const char *format, ...)
{
	va_list values;
	char *text;

	va_start(values, format);
	int length = vasprintf(&text, format, values);
	va_end(values);
	if (length < 0)
		return;
	check->report(check->context, finding, place, text);
	free(text);
}

static void check_keys(
	const struct check *check, enum vici_place place, const struct settings_section *section)
{
	SETTINGS_KEYS(each, section)
	{
		const struct vici_key *key = vici_key_find(place, each->name);
		struct why why;

		if (!key) {
			vici_key_hint(place, each->name, &why);
			report(check, VICI_FINDING_UNKNOWN, &each->place,
				"unknown key '%s' in section '%s'%s%s", each->name, section->name,
				*why.text ? ": " : "", why.text);
		} else if (!vici_key_check(key, each->value, &why)) {
			report(check, VICI_FINDING_WRONG, &each->place, "%s = %s: %s", each->name,
				each->value, why.text);
		}
	}
}

static void unknown_section(
	const struct check *check, const struct settings_section *section, const char *wanted)
{
	report(check, VICI_FINDING_UNKNOWN, &section->place,
		"unknown section '%s' in section '%s': wanted %s", section->name,
		section->parent->name, wanted);
}

static void check_no_keys(const struct check *check, const struct settings_section *section)
{
	SETTINGS_KEYS(each, section)
	report(check, VICI_FINDING_UNKNOWN, &each->place,
		"unknown key '%s' in section '%s': only sections belong here", each->name,
		section->name);
}

static void check_no_sections(const struct check *check, const struct settings_section *section)
{
	SETTINGS_SECTIONS(each, section)
	report(check, VICI_FINDING_UNKNOWN, &each->place, "unknown section '%s' in section '%s'",
		each->name, section->name);
}

static void check_leaf(
	const struct check *check, enum vici_place place, const struct settings_section *section)
{
	check_keys(check, place, section);
	check_no_sections(check, section);
}

static void check_auth(
	const struct check *check, enum vici_place place, const struct settings_section *section)
{
	enum vici_place below;

	check_keys(check, place, section);
	SETTINGS_SECTIONS(each, section)
	{
		if (vici_place_below(place, each->name, &below))
			check_leaf(check, below, each);
		else
			unknown_section(check, each,
				place == VICI_PLACE_LOCAL ? "cert..." : "cert... or cacert...");
	}
}

static void check_connection(const struct check *check, const struct settings_section *connection)
{
	enum vici_place place;

	check_keys(check, VICI_PLACE_CONNECTION, connection);
	SETTINGS_SECTIONS(section, connection)
	{
		if (vici_place_below(VICI_PLACE_CONNECTION, section->name, &place)) {
			check_auth(check, place, section);
		} else if (strcmp(section->name, "children") == 0) {
			check_no_keys(check, section);
			SETTINGS_SECTIONS(child, section)
			check_leaf(check, VICI_PLACE_CHILD, child);
		} else {
			unknown_section(check, section, "local..., remote... or children");
		}
	}
}

static void check_secret(const struct check *check, const struct settings_section *secret)
{
	enum vici_place place;

	if (vici_place_of_secret(secret->name, &place))
		check_leaf(check, place, secret);
	else
		unknown_section(check, secret,
			"ike..., eap..., xauth..., ntlm..., ppk..., private..., rsa..., ecdsa..., "
			"pkcs8..., "
			"pkcs12... or token...");
}

/* Whether all that stands in a top section is of that place, without sections of its own. */
static bool is_simple(const char *name, enum vici_place *ret)
{
	static const struct {
		const char *name;
		enum vici_place place;
	} simple[] = { { "pools", VICI_PLACE_POOL }, { "authorities", VICI_PLACE_AUTHORITY },
		{ "clients", VICI_PLACE_CLIENT } };

	for (size_t i = 0; i < sizeof(simple) / sizeof(*simple); i++)
		if (strcmp(simple[i].name, name) == 0) {
			*ret = simple[i].place;
			return true;
		}
	return false;
}

/* Sections besides these are templates to inherit from, and are judged where they are used. */
void vici_keys_check(
	const struct settings_section *root, vici_keys_report *on_finding, void *context)
{
	struct check check = { on_finding, context };

	SETTINGS_SECTIONS(top, root)
	{
		bool connections = strcmp(top->name, "connections") == 0;
		bool secrets = strcmp(top->name, "secrets") == 0;
		enum vici_place place = VICI_PLACE_CONNECTION;

		if (!connections && !secrets && !is_simple(top->name, &place))
			continue;
		check_no_keys(&check, top);
		SETTINGS_SECTIONS(each, top)
		{
			if (connections)
				check_connection(&check, each);
			else if (secrets)
				check_secret(&check, each);
			else
				check_leaf(&check, place, each);
		}
	}
}
