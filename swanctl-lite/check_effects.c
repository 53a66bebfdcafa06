/* Keys that do nothing where they are: for their version of IKE, for the mode, without another key.
 */
#include "swanctl-lite/check.h"

#include <stdlib.h>

/* ---- By the version ---- */

static const struct {
	const char *key;
	int version;     /* in which it has an effect */
	const char *but; /* a value that asks for nothing */
	const char *instead;
} by_version[] = {
	{ "aggressive", 1, "no", "IKEv2 has one kind of handshake" },
	{ "pull", 1, "yes", "IKEv2 asks for addresses, it is never told" },
	{ "dpd_timeout", 1, "0",
		"IKEv2 gives a peer up when retransmissions are used up: retransmit_*" },
	{ "mobike", 2, "no", "IKEv1 has no MOBIKE" },
	{ "childless", 2, "allow", "IKEv1 has no IKE SA without IKE_AUTH" },
	{ "ppk_id", 2, "", "IKEv1 has no post-quantum pre-shared keys" },
	{ "ppk_required", 2, "no", "IKEv1 has no post-quantum pre-shared keys" },
	{ "ocsp", 2, "reply", "IKEv1 carries no OCSP responses" },
};

static int version_of(const struct settings_section *connection)
{
	const char *version = check_value(connection, "version");

	return version ? atoi(version) : 0;
}

static bool asks_for_nothing(const char *value, const char *but)
{
	bool no = strcmp(but, "no") == 0 && !check_is_yes(value, false);
	bool yes = strcmp(but, "yes") == 0 && check_is_yes(value, false);

	return no || yes || strcasecmp(value, but) == 0;
}

static void check_version(struct check *k, const struct settings_section *connection)
{
	int version = version_of(connection);

	for (size_t i = 0; version && i < sizeof(by_version) / sizeof(*by_version); i++) {
		const char *value = check_value(connection, by_version[i].key);

		if (!value || version == by_version[i].version ||
			asks_for_nothing(value, by_version[i].but))
			continue;
		check_say(k, CHECK_NO_EFFECT, check_place(connection, by_version[i].key),
			"%s has no effect with version = %d: %s", by_version[i].key, version,
			by_version[i].instead);
	}
}

/* ---- By the authentication ---- */

static void check_round(struct check *k, const struct settings_section *round, bool local)
{
	static const char *const of_certificates[] = { "certs", "cacerts", "pubkeys", "ca_id",
		"cert_policy", "revocation" };
	const char *auth = check_value(round, "auth");
	bool psk = auth && strcasecmp(auth, "psk") == 0;
	bool eap = auth && strncasecmp(auth, "eap", 3) == 0;
	bool xauth = auth && strncasecmp(auth, "xauth", 5) == 0;

	for (size_t i = 0; psk && i < sizeof(of_certificates) / sizeof(*of_certificates); i++)
		if (check_value(round, of_certificates[i]))
			check_say(k, CHECK_PSK_WITH_CERTIFICATES,
				check_place(round, of_certificates[i]),
				"%s has no effect with auth = psk: auth = pubkey asks for "
				"certificates",
				of_certificates[i]);
	if (check_value(round, "eap_id") && !eap)
		check_say(k, CHECK_NO_EFFECT, check_place(round, "eap_id"),
			"eap_id has no effect without auth = eap-...");
	if (local && check_value(round, "aaa_id") && !eap)
		check_say(k, CHECK_NO_EFFECT, check_place(round, "aaa_id"),
			"aaa_id has no effect without auth = eap-...");
	if (check_value(round, "xauth_id") && !xauth)
		check_say(k, CHECK_NO_EFFECT, check_place(round, "xauth_id"),
			"xauth_id has no effect without auth = xauth");
}

/* ---- Of a child ---- */

static void check_shunt(struct check *k, const struct settings_section *child)
{
	static const char *const of_tunnels[] = { "esp_proposals", "ah_proposals", "rekey_time",
		"life_time", "dpd_action", "close_action", "ipcomp", "inactivity", "updown" };

	for (size_t i = 0; i < sizeof(of_tunnels) / sizeof(*of_tunnels); i++)
		if (check_value(child, of_tunnels[i]))
			check_say(k, CHECK_NO_EFFECT, check_place(child, of_tunnels[i]),
				"%s has no effect with mode = %s: there is no SA", of_tunnels[i],
				check_value(child, "mode"));
}

/* One that is nothing without the other. */
static void check_needs(struct check *k, const struct settings_section *section, const char *key,
	const char *needed, const char *text)
{
	if (check_value(section, key) && !check_value(section, needed))
		check_say(k, CHECK_NO_EFFECT, check_place(section, key),
			"%s has no effect without %s%s", key, needed, text);
}

static bool is_no(const char *value)
{
	return value && !check_is_yes(value, true);
}

static bool has_sha256(const char *proposals)
{
	return !proposals || strstr(proposals, "sha256") || strstr(proposals, "sha2_256") ||
	       strstr(proposals, "default");
}

static void check_child(struct check *k, const struct settings_section *child)
{
	const char *mode = check_value(child, "mode");

	if (check_is_shunt(child)) {
		check_shunt(k, child);
		return;
	}
	if (check_is_yes(check_value(child, "hostaccess"), false))
		check_needs(k, child, "hostaccess", "updown", ": only the script asks for it");
	if (check_is_yes(check_value(child, "mark_in_sa"), false))
		check_needs(k, child, "mark_in_sa", "mark_in", "");
	if (is_no(check_value(child, "policies")) &&
		check_is_yes(check_value(child, "policies_fwd_out"), false))
		check_say(k, CHECK_NO_EFFECT, check_place(child, "policies_fwd_out"),
			"policies_fwd_out has no effect with policies = no");
	if (mode && strcasecmp(mode, "transport") == 0 && check_value(child, "copy_df"))
		check_say(k, CHECK_NO_EFFECT, check_place(child, "copy_df"),
			"copy_df has no effect in transport mode: there is no outer header");
	if (check_is_yes(check_value(child, "sha256_96"), false) &&
		!has_sha256(check_value(child, "esp_proposals")) &&
		!has_sha256(check_value(child, "ah_proposals")))
		check_say(k, CHECK_NO_EFFECT, check_place(child, "sha256_96"),
			"sha256_96 has no effect without sha256 in the proposals");
}

static void check_children(struct check *k, const struct settings_section *children)
{
	SETTINGS_SECTIONS(child, children)
	{
		check_child(k, child);
	}
}

static void check_connection(struct check *k, const struct settings_section *connection)
{
	enum vici_place place;

	check_version(k, connection);
	SETTINGS_SECTIONS(section, connection)
	{
		if (vici_place_below(VICI_PLACE_CONNECTION, section->name, &place))
			check_round(k, section, place == VICI_PLACE_LOCAL);
		else if (strcmp(section->name, "children") == 0)
			check_children(k, section);
	}
}

void check_effects(struct check *k)
{
	for (const struct settings_section *each = check_sections(k, "connections"); each;
		each = each->next)
		check_connection(k, each);
}
