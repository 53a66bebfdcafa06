/* The table itself, and the form of values. What to say about mistakes is in keys_check.c. */
#include "libvici/keys.h"

#include "libvici/value.h"

#include <ctype.h>
#include <stdio.h>

#define WORDS(...)                \
	(const char *const[])     \
	{                         \
		__VA_ARGS__, NULL \
	}

static const struct vici_key connection_keys[] = {
	{ "version", VICI_FORM_WORD, WORDS("0", "1", "2") },
	{ "local_addrs", VICI_FORM_LIST },
	{ "remote_addrs", VICI_FORM_LIST },
	{ "local_port", VICI_FORM_NUMBER },
	{ "remote_port", VICI_FORM_NUMBER },
	{ "proposals", VICI_FORM_PROPOSALS },
	{ "vips", VICI_FORM_LIST },
	{ "aggressive", VICI_FORM_BOOL },
	{ "pull", VICI_FORM_BOOL },
	{ "dscp", VICI_FORM_TEXT },
	{ "encap", VICI_FORM_BOOL },
	{ "mobike", VICI_FORM_BOOL },
	{ "dpd_delay", VICI_FORM_TIME },
	{ "dpd_timeout", VICI_FORM_TIME },
	{ "fragmentation", VICI_FORM_WORD, WORDS("yes", "accept", "force", "no") },
	{ "childless", VICI_FORM_WORD, WORDS("allow", "prefer", "force", "never") },
	{ "send_certreq", VICI_FORM_BOOL },
	{ "send_cert", VICI_FORM_WORD, WORDS("always", "never", "ifasked") },
	{ "ocsp", VICI_FORM_WORD, WORDS("reply", "request", "both", "never") },
	{ "ppk_id", VICI_FORM_TEXT },
	{ "ppk_required", VICI_FORM_BOOL },
	{ "keyingtries", VICI_FORM_NUMBER },
	{ "retransmit_tries", VICI_FORM_NUMBER },
	{ "retransmit_timeout", VICI_FORM_TEXT },
	{ "retransmit_base", VICI_FORM_TEXT },
	{ "unique", VICI_FORM_WORD, WORDS("never", "no", "keep", "replace") },
	{ "reauth_time", VICI_FORM_TIME },
	{ "rekey_time", VICI_FORM_TIME },
	{ "over_time", VICI_FORM_TIME },
	{ "rand_time", VICI_FORM_TIME },
	{ "pools", VICI_FORM_LIST },
	{ "if_id_in", VICI_FORM_IF_ID },
	{ "if_id_out", VICI_FORM_IF_ID },
	{ "mediation", VICI_FORM_BOOL },
	{ "mediated_by", VICI_FORM_TEXT },
	{ "mediation_peer", VICI_FORM_TEXT },
};

static const struct vici_key local_keys[] = {
	{ "round", VICI_FORM_NUMBER },
	{ "certs", VICI_FORM_FILES },
	{ "pubkeys", VICI_FORM_FILES },
	{ "auth", VICI_FORM_TEXT },
	{ "id", VICI_FORM_TEXT },
	{ "eap_id", VICI_FORM_TEXT },
	{ "aaa_id", VICI_FORM_TEXT },
	{ "xauth_id", VICI_FORM_TEXT },
};

static const struct vici_key remote_keys[] = {
	{ "round", VICI_FORM_NUMBER },
	{ "id", VICI_FORM_TEXT },
	{ "eap_id", VICI_FORM_TEXT },
	{ "xauth_id", VICI_FORM_TEXT },
	{ "groups", VICI_FORM_LIST },
	{ "cert_policy", VICI_FORM_LIST },
	{ "certs", VICI_FORM_FILES },
	{ "cacerts", VICI_FORM_FILES },
	{ "ca_id", VICI_FORM_TEXT },
	{ "pubkeys", VICI_FORM_FILES },
	{ "revocation", VICI_FORM_WORD, WORDS("strict", "ifuri", "relaxed") },
	{ "auth", VICI_FORM_TEXT },
};

static const struct vici_key cert_keys[] = {
	{ "file", VICI_FORM_TEXT },
	{ "handle", VICI_FORM_TEXT },
	{ "slot", VICI_FORM_NUMBER },
	{ "module", VICI_FORM_TEXT },
};

static const struct vici_key child_keys[] = {
	{ "ah_proposals", VICI_FORM_PROPOSALS },
	{ "esp_proposals", VICI_FORM_PROPOSALS },
	{ "sha256_96", VICI_FORM_BOOL },
	{ "local_ts", VICI_FORM_SELECTORS },
	{ "remote_ts", VICI_FORM_SELECTORS },
	{ "rekey_time", VICI_FORM_TIME },
	{ "life_time", VICI_FORM_TIME },
	{ "rand_time", VICI_FORM_TIME },
	{ "rekey_bytes", VICI_FORM_AMOUNT },
	{ "life_bytes", VICI_FORM_AMOUNT },
	{ "rand_bytes", VICI_FORM_AMOUNT },
	{ "rekey_packets", VICI_FORM_NUMBER },
	{ "life_packets", VICI_FORM_NUMBER },
	{ "rand_packets", VICI_FORM_NUMBER },
	{ "updown", VICI_FORM_TEXT },
	{ "hostaccess", VICI_FORM_BOOL },
	{ "mode", VICI_FORM_WORD,
		WORDS("tunnel", "transport", "transport_proxy", "beet", "pass", "drop") },
	{ "policies", VICI_FORM_BOOL },
	{ "policies_fwd_out", VICI_FORM_BOOL },
	{ "dpd_action", VICI_FORM_ACTION },
	{ "ipcomp", VICI_FORM_BOOL },
	{ "inactivity", VICI_FORM_TIME },
	{ "reqid", VICI_FORM_NUMBER },
	{ "priority", VICI_FORM_NUMBER },
	{ "interface", VICI_FORM_TEXT },
	{ "tunnel_interface", VICI_FORM_TEXT }, /* ours */
	{ "mark_in", VICI_FORM_MARK },
	{ "mark_in_sa", VICI_FORM_BOOL },
	{ "mark_out", VICI_FORM_MARK },
	{ "set_mark_in", VICI_FORM_MARK },
	{ "set_mark_out", VICI_FORM_MARK },
	{ "if_id_in", VICI_FORM_IF_ID },
	{ "if_id_out", VICI_FORM_IF_ID },
	{ "label", VICI_FORM_TEXT },
	{ "label_mode", VICI_FORM_WORD, WORDS("system", "simple", "selinux") },
	{ "tfc_padding", VICI_FORM_TEXT }, /* a number, or mtu */
	{ "replay_window", VICI_FORM_NUMBER },
	{ "hw_offload", VICI_FORM_WORD, WORDS("no", "yes", "crypto", "packet", "auto") },
	{ "copy_df", VICI_FORM_BOOL },
	{ "copy_ecn", VICI_FORM_BOOL },
	{ "copy_dscp", VICI_FORM_WORD, WORDS("out", "in", "yes", "no") },
	{ "per_cpu_sas", VICI_FORM_WORD, WORDS("no", "yes", "encap") }, /* strongSwan 6.0.2's */
	{ "start_action", VICI_FORM_ACTION },
	{ "close_action", VICI_FORM_ACTION },
};

static const struct vici_key shared_keys[] = {
	{ "secret", VICI_FORM_TEXT },
	{ "id", VICI_FORM_TEXT, NULL, true },
};

static const struct vici_key key_keys[] = {
	{ "file", VICI_FORM_TEXT },
	{ "secret", VICI_FORM_TEXT },
};

static const struct vici_key token_keys[] = {
	{ "handle", VICI_FORM_TEXT },
	{ "slot", VICI_FORM_NUMBER },
	{ "module", VICI_FORM_TEXT },
	{ "pin", VICI_FORM_TEXT },
};

static const struct vici_key pool_keys[] = {
	{ "addrs", VICI_FORM_TEXT },
	{ "dns", VICI_FORM_LIST },
	{ "nbns", VICI_FORM_LIST },
	{ "dhcp", VICI_FORM_LIST },
	{ "netmask", VICI_FORM_LIST },
	{ "server", VICI_FORM_LIST },
	{ "subnet", VICI_FORM_LIST },
	{ "split_include", VICI_FORM_LIST },
	{ "split_exclude", VICI_FORM_LIST },
	{ "split_dns", VICI_FORM_LIST },
};

static const struct vici_key authority_keys[] = {
	{ "cacert", VICI_FORM_FILE },
	{ "file", VICI_FORM_TEXT },
	{ "handle", VICI_FORM_TEXT },
	{ "slot", VICI_FORM_NUMBER },
	{ "module", VICI_FORM_TEXT },
	{ "crl_uris", VICI_FORM_LIST },
	{ "ocsp_uris", VICI_FORM_LIST },
	{ "cert_uri_base", VICI_FORM_TEXT },
};

static const struct vici_key client_keys[] = {
	{ "id", VICI_FORM_TEXT },
	{ "networks", VICI_FORM_LIST },
};

#define PLACE(text, keys)                                  \
	{                                                  \
		text, keys, sizeof(keys) / sizeof(*(keys)) \
	}

static const struct {
	const char *name;
	const struct vici_key *keys;
	size_t count;
} places[VICI_PLACES] = {
	[VICI_PLACE_CONNECTION] = PLACE("connections.<conn>", connection_keys),
	[VICI_PLACE_LOCAL] = PLACE("connections.<conn>.local<suffix>", local_keys),
	[VICI_PLACE_REMOTE] = PLACE("connections.<conn>.remote<suffix>", remote_keys),
	[VICI_PLACE_CERT] =
		PLACE("connections.<conn>.local|remote<suffix>.cert<suffix>", cert_keys),
	[VICI_PLACE_CHILD] = PLACE("connections.<conn>.children.<child>", child_keys),
	[VICI_PLACE_SHARED] = PLACE("secrets.ike|eap|xauth|ntlm|ppk<suffix>", shared_keys),
	[VICI_PLACE_KEY] = PLACE("secrets.private|rsa|ecdsa|pkcs8|pkcs12<suffix>", key_keys),
	[VICI_PLACE_TOKEN] = PLACE("secrets.token<suffix>", token_keys),
	[VICI_PLACE_POOL] = PLACE("pools.<name>", pool_keys),
	[VICI_PLACE_AUTHORITY] = PLACE("authorities.<name>", authority_keys),
	[VICI_PLACE_CLIENT] = PLACE("clients.<name>", client_keys),
};

/* A pool's attribute may be given by its number. */
static const struct vici_key pool_number = { "<number>", VICI_FORM_LIST };

static bool is_number(const char *text)
{
	uint32_t n;

	return value_u32(bytes_of_text(text), &n);
}

const struct vici_key *vici_key_find(enum vici_place place, const char *name)
{
	for (size_t i = 0; i < places[place].count; i++) {
		const struct vici_key *key = &places[place].keys[i];

		if (strcmp(key->name, name) == 0 ||
			(key->prefix && strncmp(key->name, name, strlen(key->name)) == 0))
			return key;
	}
	return place == VICI_PLACE_POOL && is_number(name) ? &pool_number : NULL;
}

const struct vici_key *vici_key_at(enum vici_place place, size_t index)
{
	return index < places[place].count ? &places[place].keys[index] : NULL;
}

const char *vici_place_name(enum vici_place place)
{
	return places[place].name;
}

bool vici_key_is_list(const struct vici_key *key)
{
	switch (key->form) {
	case VICI_FORM_LIST:
	case VICI_FORM_PROPOSALS:
	case VICI_FORM_SELECTORS:
	case VICI_FORM_FILES:
		return true;
	default:
		return false;
	}
}

static bool starts_with(const char *text, const char *start)
{
	return strncmp(text, start, strlen(start)) == 0;
}

bool vici_place_below(enum vici_place place, const char *section, enum vici_place *ret)
{
	switch (place) {
	case VICI_PLACE_CONNECTION:
		if (starts_with(section, "local"))
			*ret = VICI_PLACE_LOCAL;
		else if (starts_with(section, "remote"))
			*ret = VICI_PLACE_REMOTE;
		else
			return false;
		return true;
	case VICI_PLACE_REMOTE:
		if (starts_with(section, "cacert")) {
			*ret = VICI_PLACE_CERT;
			return true;
		}
		/* fallthrough */
	case VICI_PLACE_LOCAL:
		if (!starts_with(section, "cert"))
			return false;
		*ret = VICI_PLACE_CERT;
		return true;
	default:
		return false;
	}
}

bool vici_place_of_secret(const char *section, enum vici_place *ret)
{
	static const struct {
		const char *prefix;
		enum vici_place place;
	} kinds[] = {
		{ "ike", VICI_PLACE_SHARED },
		{ "eap", VICI_PLACE_SHARED },
		{ "xauth", VICI_PLACE_SHARED },
		{ "ntlm", VICI_PLACE_SHARED },
		{ "ppk", VICI_PLACE_SHARED },
		{ "private", VICI_PLACE_KEY },
		{ "rsa", VICI_PLACE_KEY },
		{ "ecdsa", VICI_PLACE_KEY },
		{ "pkcs8", VICI_PLACE_KEY },
		{ "pkcs12", VICI_PLACE_KEY },
		{ "token", VICI_PLACE_TOKEN },
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (starts_with(section, kinds[i].prefix)) {
			*ret = kinds[i].place;
			return true;
		}
	return false;
}

static bool check_word(const struct vici_key *key, const char *value, struct why *why)
{
	char words[200] = "";
	size_t length = 0;

	for (const char *const *word = key->words; *word; word++) {
		if (strcasecmp(*word, value) == 0)
			return true;
		if (length < sizeof(words))
			length += snprintf(words + length, sizeof(words) - length, "%s%s",
				!length   ? ""
				: word[1] ? ", "
					  : " or ",
				*word);
	}
	return why_fail(why, "wanted %s", words);
}

/* Old and new words for the same: clear is none, hold and route are trap, restart is start. */
static bool check_action(const char *value, struct why *why)
{
	static const char *const words[] = { "none", "clear", "trap", "hold", "route", "start",
		"restart" };

	for (size_t length; *value; value += length + (value[length] == '|')) {
		bool found = false;

		length = strcspn(value, "|");
		for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
			found |= strlen(words[i]) == length &&
				 strncasecmp(words[i], value, length) == 0;
		if (!found)
			return why_fail(why, "wanted none, trap, start or trap|start");
	}
	return true;
}

/* Numbers, or % and a word. */
static bool check_mark(const char *value, bool mask_allowed, struct why *why)
{
	const char *slash = mask_allowed ? strchr(value, '/') : NULL;
	struct bytes mark = bytes_of(value, slash ? (size_t)(slash - value) : strlen(value));
	bool named = bytes_equal(mark, bytes_of_text("%unique")) ||
		     bytes_equal(mark, bytes_of_text("%unique-dir")) ||
		     (mask_allowed && bytes_equal(mark, bytes_of_text("%same")));
	uint32_t n;

	if ((named || value_u32(mark, &n)) && (!slash || value_u32(bytes_of_text(slash + 1), &n)))
		return true;
	return why_fail(why, mask_allowed ? "wanted a mark such as 42 or 0x10/0xff, or %%unique"
					  : "wanted a number, %%unique or %%unique-dir");
}

bool vici_key_check(const struct vici_key *key, const char *value, struct why *why)
{
	struct bytes text = bytes_of_text(value);
	int64_t number;
	uint64_t amount;
	bool flag;

	if (text.length == 0)
		return true;
	switch (key->form) {
	case VICI_FORM_BOOL:
		return value_bool(text, &flag) || why_fail(why, "wanted yes or no");
	case VICI_FORM_NUMBER:
		return value_signed(text, &number) || why_fail(why, "wanted a number");
	case VICI_FORM_TIME:
		return value_seconds(text, &amount) ||
		       why_fail(
			       why, "wanted a time in seconds, or with s, m, h or d (90, 30m, 4h)");
	case VICI_FORM_AMOUNT:
		return value_amount(text, &amount) ||
		       why_fail(why, "wanted a number, or one with k, m or g");
	case VICI_FORM_ACTION:
		return check_action(value, why);
	case VICI_FORM_WORD:
		return check_word(key, value, why);
	case VICI_FORM_MARK:
	case VICI_FORM_IF_ID:
		return check_mark(value, key->form == VICI_FORM_MARK, why);
	default:
		return true;
	}
}
