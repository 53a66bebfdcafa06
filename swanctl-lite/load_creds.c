/* --load-creds: the secrets of swanctl.conf, and all the rest in its order. */
#include "libbase/secret.h"
#include "swanctl-lite/creds.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>

/* Colons between octets are passed over. Of an odd number of digits the first stands alone. */
static bool decode_hex(const char *text, struct secret *ret)
{
	size_t digits = 0, at = 0;
	char pair[3] = "0";

	for (const char *c = text; *c; c++)
		digits += *c != ':';
	if (digits == 0 || text[strspn(text, "0123456789abcdefABCDEF:")] != '\0' ||
		!secret_allocate(ret, (digits + 1) / 2))
		return false;
	for (size_t digit = digits % 2; *text; text++) {
		if (*text == ':')
			continue;
		pair[digit % 2] = *text;
		if (digit++ % 2)
			ret->at[at++] = (uint8_t)strtoul(pair, NULL, 16);
	}
	secret_wipe(pair, sizeof(pair));
	return true;
}

/* Padding at the end may be left out. */
static bool decode_base64(const char *text, struct secret *ret)
{
	size_t length = strcspn(text, "=");
	size_t whole = (length + 3) / 4 * 4;
	AUTO_SECRET padded = { 0 };
	bool ok = length > 0 && length % 4 != 1 && length < VICI_VALUE_MAX &&
		  text[length + strspn(text + length, "=")] == '\0' &&
		  secret_allocate(&padded, whole) && secret_allocate(ret, whole / 4 * 3);

	if (!ok)
		return false;
	memset(padded.at, '=', whole);
	memcpy(padded.at, text, length);
	if (EVP_DecodeBlock(ret->at, padded.at, (int)whole) < 0)
		return false;
	ret->length -= whole - length;
	return true;
}

/* A secret as swanctl.conf writes it: 0x and hexadecimal, 0s and Base64, or the text itself. */
bool creds_decode_secret(struct swanctl *s, const struct settings_key *key, struct secret *ret)
{
	const char *form = "hexadecimal digits behind 0x";
	bool ok;

	if (strncasecmp(key->value, "0x", 2) == 0) {
		ok = decode_hex(key->value + 2, ret);
	} else if (strncasecmp(key->value, "0s", 2) == 0) {
		form = "Base64 behind 0s";
		ok = decode_base64(key->value + 2, ret);
	} else {
		return secret_copy(ret, bytes_of_text(key->value));
	}
	if (!ok)
		swanctl_complain(
			s, CHECK_BAD_SECRET, &key->place, NULL, "secret: wanted %s; ignored", form);
	return ok;
}

const char *creds_shared_type(const char *section)
{
	static const char *const types[] = { "eap", "xauth", "ntlm", "ike", "ppk" };

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (strncmp(section, types[i], strlen(types[i])) == 0)
			return types[i];
	return NULL;
}

void creds_shared_message(struct vici_builder *b, const struct settings_section *section,
	const char *type, struct bytes secret)
{
	vici_key_text(b, "id", section->name);
	vici_key_text(b, "type", type);
	vici_key_bytes(b, "data", secret);
	vici_list_start(b, "owners");
	SETTINGS_KEYS(key, section)
	if (strncmp(key->name, "id", 2) == 0)
		vici_item_text(b, key->value);
	vici_list_end(b);
}

static void send_shared(struct swanctl *s, const struct settings_section *section, const char *type,
	struct bytes secret, struct creds_names *loaded)
{
	struct vici_builder b = { 0 };
	struct vici_call call = { .command = "load-shared", .arguments = &b };
	struct vici_view answer;
	int status;

	creds_shared_message(&b, section, type, secret);
	if (swanctl_call(s, &call, &answer, &status)) {
		bool ok = swanctl_succeeded(answer);

		if (ok || (s->format != SWANCTL_TEXT && s->format != SWANCTL_JSON))
			creds_names_strike(loaded, bytes_of_text(section->name));
		if (s->format != SWANCTL_TEXT)
			swanctl_dump_reply(s, "load-shared", section->name, answer);
		else if (ok && !s->quiet)
			printf("loaded %s secret '%s'\n", type, section->name);
		else if (!ok)
			fprintf(stderr, "loading shared secret failed: %s\n  %s:%u: %s\n",
				SWANCTL_GAP_OF(answer, "errmsg"), section->place.file,
				section->place.line, section->name);
	}
	vici_builder_free(&b);
}

static void load_shared(
	struct swanctl *s, const struct settings_section *section, struct creds_names *loaded)
{
	const struct settings_key *key = settings_find_key(section, "secret");
	const char *type = creds_shared_type(section->name);
	AUTO_SECRET secret = { 0 };
	enum vici_place place;

	if (!type) {
		s->faults +=
			!vici_place_of_secret(section->name, &place) || place == VICI_PLACE_TOKEN;
		if (!vici_place_of_secret(section->name, &place))
			fprintf(stderr, "ignoring unsupported secret '%s'\n", section->name);
		else if (place == VICI_PLACE_TOKEN)
			fprintf(stderr, "%s:%u: keys on tokens are not supported, '%s' ignored\n",
				section->place.file, section->place.line, section->name);
		return;
	}
	if (!key) {
		fprintf(stderr, "missing secret in '%s', ignored\n", section->name);
		s->faults++;
		return;
	}
	if (creds_decode_secret(s, key, &secret))
		send_shared(s, section, type, secret_bytes(&secret), loaded);
	else
		s->faults++;
}

/* What is loaded afterwards is loaded whatever the answer is. */
static bool clear(struct swanctl *s, int *ret_status)
{
	struct vici_call call = { .command = "clear-creds" };
	struct vici_view answer;

	if (!swanctl_call(s, &call, &answer, ret_status))
		return false;
	if (s->format != SWANCTL_TEXT)
		swanctl_dump_reply(s, "clear-creds", NULL, answer);
	else if (!swanctl_succeeded(answer))
		fprintf(stderr, "clearing credentials failed: %s\n",
			SWANCTL_GAP_OF(answer, "errmsg"));
	*ret_status = swanctl_succeeded(answer) ? 0 : EINVAL;
	return true;
}

/* Private keys on disk that cannot be read, by whatever they are kept from us, are not gone. */
static bool unload_gone(struct creds *c, struct creds_names *shared)
{
	bool good = true;

	if (c->unread) {
		fprintf(stderr, "no private key is unloaded: not all files can be read\n");
		creds_names_free(&c->keys);
	} else {
		good = creds_names_unload(c->s, "unload-key", &c->keys);
	}
	good = creds_names_unload(c->s, "unload-shared", shared) && good;
	return creds_keep_certs(c) && good;
}

int swanctl_load_creds_from(struct swanctl *s, const struct settings *config)
{
	const struct settings_section *secrets = settings_find(settings_root(config), "secrets");
	struct creds creds = { .s = s, .secrets = secrets, .prompt = !swanctl_given(s, 'n') };
	struct creds_names shared = { 0 };
	int status = 0;

	if (!swanctl_connect(s, &status) || (swanctl_given(s, 'c') && !clear(s, &status)))
		return status;
	creds_names_get(s, "get-keys", &creds.keys);
	creds_names_get(s, "get-shared", &shared);
	creds_load_certs(&creds);
	creds_load_keys(&creds);
	for (const struct settings_section *each = secrets ? secrets->sections : NULL; each;
		each = each->next)
		load_shared(s, each, &shared);
	bool good = unload_gone(&creds, &shared);
	if (creds.unread)
		return creds.unread;
	return status ? status : good ? 0 : EINVAL;
}

static int run(struct swanctl *s)
{
	struct settings *config = swanctl_config_load(s);
	int status = config ? swanctl_load_creds_from(s, config) : EINVAL;

	settings_free(config);
	return status;
}

const struct swanctl_command swanctl_load_creds = {
	.name = "load-creds",
	.letter = 's',
	.text = "(re-)load credentials",
	.usage = { "[--raw|--pretty|--json] [--clear] [--noprompt]" },
	.options = {
		{ "clear", 'c', false, "clear previously loaded credentials" },
		{ "noprompt", 'n', false, "do not prompt for passwords" },
		SWANCTL_RAW,
		SWANCTL_PRETTY,
		SWANCTL_FILE,
	},
	.run = run,
};
