/* --load-creds: secrets of swanctl.conf, certificates and keys by directory. */
#include "libbase/secret.h"
#include "swanctl-lite/config.h"

#include <dirent.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>

/* Names of what the daemon has; those that are loaded again are struck off, the rest unloaded. */
struct names {
	char **at;
	size_t count;
};

static void names_get(struct swanctl *s, const char *command, struct names *ret)
{
	struct vici_call call = { .command = command };
	struct vici_view answer;

	if (vici_client_call(s->client, &call, &answer, NULL) != VICI_OK)
		return; /* a daemon without this has nothing to unload */
	if (s->format == SWANCTL_RAW_DUMP || s->format == SWANCTL_PRETTY_DUMP)
		swanctl_dump_reply(s, command, NULL, answer);
	VICI_EACH(each, vici_find(answer, "keys"))
	{
		struct bytes name = vici_value(each);
		char **at = realloc(ret->at, (ret->count + 1) * sizeof(*at));

		if (!at)
			return;
		ret->at = at;
		if (!(at[ret->count] = strndup((const char *)name.at, name.length)))
			return;
		ret->count++;
	}
}

static void names_strike(struct names *names, struct bytes name)
{
	for (size_t i = 0; i < names->count; i++)
		if (vici_is(name, names->at[i])) {
			free(names->at[i]);
			names->at[i] = names->at[--names->count];
			return;
		}
}

static void names_unload(struct swanctl *s, const char *command, struct names *names)
{
	for (size_t i = 0; i < names->count; i++) {
		struct vici_builder b = { 0 };
		struct vici_call call = { .command = command, .arguments = &b };
		struct vici_view answer;
		int status;

		vici_key_text(&b, "id", names->at[i]);
		if (swanctl_call(s, &call, &answer, &status)) {
			if (s->format != SWANCTL_TEXT)
				swanctl_dump_reply(s, command, names->at[i], answer);
			else if (!swanctl_succeeded(answer))
				fprintf(stderr, "unloading key '%s' failed: %s\n", names->at[i],
					SWANCTL_GAP_OF(answer, "errmsg"));
		}
		vici_builder_free(&b);
		free(names->at[i]);
	}
	free(names->at);
	*names = (struct names){ 0 };
}

/* A directory whose files are loaded, and as what. */
struct folder {
	const char *name;
	const char *command; /* load-cert or load-key */
	const char *type;
	const char *flag; /* of a certificate, or NULL */
	const char *what; /* "certificate", as texts have it */
};

static const struct folder folders[] = {
	{ "x509", "load-cert", "X509", "NONE", "certificate" },
	{ "x509ca", "load-cert", "X509", "CA", "certificate" },
	{ "x509ocsp", "load-cert", "X509", "OCSP", "certificate" },
	{ "x509aa", "load-cert", "X509", "AA", "certificate" },
	{ "x509ac", "load-cert", "X509_AC", "NONE", "certificate" },
	{ "x509crl", "load-cert", "X509_CRL", "NONE", "certificate" },
	{ "pubkey", "load-cert", "PUBKEY", NULL, "certificate" },
	{ "private", "load-key", "any", NULL, "private key" },
	{ "rsa", "load-key", "rsa", NULL, "rsa key" },
	{ "ecdsa", "load-key", "ecdsa", NULL, "ecdsa key" },
	{ "pkcs8", "load-key", "any", NULL, "private key" },
	{ "pkcs12", NULL, NULL, NULL, "PKCS#12 container" },
};

static void load_file(
	struct swanctl *s, const struct folder *folder, const char *path, struct names *keys)
{
	AUTO_SECRET content = { 0 };
	struct vici_builder b = { 0 };
	struct vici_call call = { .command = folder->command, .arguments = &b };
	struct vici_view answer;
	int status;

	if (!folder->command) {
		fprintf(stderr, "loading '%s' failed: %ss are not supported\n", path, folder->what);
		return;
	}
	if (!swanctl_file_read(path, &content)) {
		fprintf(stderr, "loading '%s' failed: %s\n", path, strerror(errno));
		return;
	}
	vici_key_text(&b, "type", folder->type);
	if (folder->flag)
		vici_key_text(&b, "flag", folder->flag);
	vici_key_bytes(&b, "data", secret_bytes(&content));
	if (swanctl_call(s, &call, &answer, &status)) {
		if (strcmp(folder->command, "load-key") == 0)
			names_strike(keys, vici_get(answer, "id"));
		if (s->format != SWANCTL_TEXT)
			swanctl_dump_reply(s, folder->command, path, answer);
		else if (swanctl_succeeded(answer))
			printf("loaded %s from '%s'\n", folder->what, path);
		else
			fprintf(stderr, "loading '%s' failed: %s\n", path,
				SWANCTL_GAP_OF(answer, "errmsg"));
	}
	vici_builder_free(&b);
}

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.' && entry->d_type != DT_DIR;
}

static void load_folder(struct swanctl *s, const struct folder *folder, struct names *keys)
{
	char *directory = swanctl_config_path(s, folder->name, "");
	struct dirent **entries;
	int count = directory ? scandir(directory, &entries, is_visible, alphasort) : 0;

	if (count < 0 && errno != ENOENT)
		fprintf(stderr, "opening directory '%s' failed: %s\n", directory, strerror(errno));
	for (int i = 0; i < count; i++) {
		char *path = swanctl_config_path(s, folder->name, entries[i]->d_name);

		if (path)
			load_file(s, folder, path, keys);
		free(path);
		free(entries[i]);
	}
	if (count >= 0 && directory)
		free(entries);
	free(directory);
}

static bool decode_hex(const char *text, struct secret *ret)
{
	size_t digits = strlen(text);
	size_t length = (digits + 1) / 2;
	char pair[3] = { 0 };

	if (digits == 0 || strspn(text, "0123456789abcdefABCDEF") != digits ||
		!secret_allocate(ret, length))
		return false;
	for (size_t i = 0; i < length; i++) {
		/* An odd number of digits: the first stands alone. */
		pair[0] = digits % 2 && i == 0 ? '0' : text[2 * i - digits % 2];
		pair[1] = text[2 * i + 1 - digits % 2];
		ret->at[i] = (uint8_t)strtoul(pair, NULL, 16);
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
static bool decode_secret(const struct settings_key *key, struct secret *ret)
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
		fprintf(stderr, "%s:%u: secret: wanted %s; ignored\n", key->place.file,
			key->place.line, form);
	return ok;
}

static const char *shared_type(const char *section)
{
	static const char *const types[] = { "eap", "xauth", "ntlm", "ike", "ppk" };

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (strncmp(section, types[i], strlen(types[i])) == 0)
			return types[i];
	return NULL;
}

static void send_shared(struct swanctl *s, const struct settings_section *section, const char *type,
	struct bytes secret, struct names *loaded)
{
	struct vici_builder b = { 0 };
	struct vici_call call = { .command = "load-shared", .arguments = &b };
	struct vici_view answer;
	int status;

	vici_key_text(&b, "id", section->name);
	vici_key_text(&b, "type", type);
	vici_key_bytes(&b, "data", secret);
	vici_list_start(&b, "owners");
	SETTINGS_KEYS(key, section)
	if (strncmp(key->name, "id", 2) == 0)
		vici_item_text(&b, key->value);
	vici_list_end(&b);
	if (swanctl_call(s, &call, &answer, &status)) {
		bool ok = swanctl_succeeded(answer);

		if (ok || (s->format != SWANCTL_TEXT && s->format != SWANCTL_JSON))
			names_strike(loaded, bytes_of_text(section->name));
		if (s->format != SWANCTL_TEXT)
			swanctl_dump_reply(s, "load-shared", section->name, answer);
		else if (ok)
			printf("loaded %s secret '%s'\n", type, section->name);
		else
			fprintf(stderr, "loading shared secret failed: %s\n  %s:%u: %s\n",
				SWANCTL_GAP_OF(answer, "errmsg"), section->place.file,
				section->place.line, section->name);
	}
	if (b.at)
		secret_wipe(b.at, b.capacity);
	vici_builder_free(&b);
}

static void load_shared(
	struct swanctl *s, const struct settings_section *section, struct names *loaded)
{
	const struct settings_key *key = settings_find_key(section, "secret");
	const char *type = shared_type(section->name);
	AUTO_SECRET secret = { 0 };
	enum vici_place place;

	if (!type) {
		if (!vici_place_of_secret(section->name, &place))
			fprintf(stderr, "ignoring unsupported secret '%s'\n", section->name);
		else if (place == VICI_PLACE_TOKEN)
			fprintf(stderr, "%s:%u: keys on tokens are not supported, '%s' ignored\n",
				section->place.file, section->place.line, section->name);
		return;
	}
	if (!key) {
		fprintf(stderr, "missing secret in '%s', ignored\n", section->name);
		return;
	}
	if (decode_secret(key, &secret))
		send_shared(s, section, type, secret_bytes(&secret), loaded);
}

int swanctl_load_creds_from(struct swanctl *s, const struct settings *config)
{
	const struct settings_section *secrets = settings_find(settings_root(config), "secrets");
	struct names keys = { 0 }, shared = { 0 };
	struct vici_view answer;
	int status = 0;

	if (!swanctl_connect(s, &status))
		return status;
	if (swanctl_given(s, 'c')) {
		struct vici_call call = { .command = "clear-creds" };

		if (!swanctl_call(s, &call, &answer, &status))
			return status;
		if (s->format != SWANCTL_TEXT)
			swanctl_dump_reply(s, "clear-creds", NULL, answer);
	}
	names_get(s, "get-keys", &keys);
	names_get(s, "get-shared", &shared);
	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++)
		load_folder(s, &folders[i], &keys);
	for (const struct settings_section *each = secrets ? secrets->sections : NULL; each;
		each = each->next)
		load_shared(s, each, &shared);
	names_unload(s, "unload-key", &keys);
	names_unload(s, "unload-shared", &shared);
	return 0;
}

static int run(struct swanctl *s)
{
	struct settings *config = swanctl_config_load(s);
	int status = config ? swanctl_load_creds_from(s, config) : EINVAL;

	settings_free(config);
	return status;
}

/* Everything is tried, so that a fault in one part does not keep the others out; the first
 * fault is the exit status. */
static int run_all(struct swanctl *s)
{
	static const struct swanctl_kind *const kinds[] = { &swanctl_authorities, &swanctl_pools,
		&swanctl_connections };
	struct settings *config = swanctl_config_load(s);

	if (!config)
		return EINVAL;
	int status = swanctl_load_creds_from(s, config);
	for (size_t i = 0; s->client && i < sizeof(kinds) / sizeof(*kinds); i++) {
		int next = swanctl_load_kind(s, config, kinds[i]);

		status = status ? status : next;
	}
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

const struct swanctl_command swanctl_load_all = {
	.name = "load-all",
	.letter = 'q',
	.text = "load credentials, authorities, pools and connections",
	.usage = { "[--raw|--pretty|--json] [--clear] [--noprompt]" },
	.options = {
		{ "clear", 'c', false, "clear previously loaded credentials" },
		{ "noprompt", 'n', false, "do not prompt for passwords" },
		SWANCTL_RAW,
		SWANCTL_PRETTY,
		SWANCTL_FILE,
	},
	.run = run_all,
};
