/* --load-conns, --load-pools, --load-authorities: things that are loaded and unloaded by name. */
#include "swanctl-lite/config.h"

#include <errno.h>
#include <stdlib.h>

const struct swanctl_kind swanctl_connections = { "connections", "connection", "connections",
	"load-conn", "unload-conn", "get-conns", "conns", VICI_PLACE_CONNECTION };
const struct swanctl_kind swanctl_pools = { "pools", "pool", "pools", "load-pool", "unload-pool",
	"get-pools", NULL, VICI_PLACE_POOL };
const struct swanctl_kind swanctl_authorities = { "authorities", "authority", "authorities",
	"load-authority", "unload-authority", "get-authorities", "authorities",
	VICI_PLACE_AUTHORITY };

/* "invalid value for: local_ts, config discarded" names a key: say where it stands. */
static void locate(const struct settings_section *section, const char *key, size_t length)
{
	SETTINGS_KEYS(each, section)
	if (strlen(each->name) == length && strncmp(each->name, key, length) == 0)
		fprintf(stderr, "  %s:%u: %s = %s\n", each->place.file, each->place.line,
			each->name, each->value);
	SETTINGS_SECTIONS(below, section)
	locate(below, key, length);
}

static void explain(const struct settings_section *section, const char *error)
{
	static const char *const phrases[] = { "invalid value for: ", "unknown option: " };
	bool found = false;

	for (size_t i = 0; i < sizeof(phrases) / sizeof(*phrases); i++) {
		const char *at = strstr(error, phrases[i]);

		if (!at)
			continue;
		at += strlen(phrases[i]);
		locate(section, at, strcspn(at, ", "));
		found = true;
	}
	if (!found)
		fprintf(stderr, "  %s:%u: %s\n", section->place.file, section->place.line,
			section->name);
}

/* charon-lite says how what changed takes effect. */
static void print_changes(struct vici_view answer, const char *name)
{
	struct vici_view changes = vici_find(answer, "changes");

	if (swanctl_has(changes, name))
		printf("  %s\n", SWANCTL_TEXT_OF(changes, name));
}

static bool load_one(
	struct swanctl *s, const struct swanctl_kind *kind, const struct settings_section *section)
{
	struct vici_builder b = { 0 };
	struct vici_call call = { .command = kind->load, .arguments = &b };
	struct vici_view answer;
	int status;

	vici_section_start(&b, section->name);
	bool ok = swanctl_config_add(s, &b, kind->place, section);
	vici_section_end(&b);
	ok = ok && swanctl_call(s, &call, &answer, &status);
	vici_builder_free(&b);
	if (!ok)
		return false;
	ok = swanctl_succeeded(answer);
	if (s->format != SWANCTL_TEXT) {
		swanctl_dump_reply(s, kind->load, section->name, answer);
		return ok || s->format != SWANCTL_JSON; /* who reads a dump judges for himself */
	}
	if (ok) {
		printf("loaded %s '%s'\n", kind->one, section->name);
		print_changes(answer, section->name);
	} else {
		const char *error = SWANCTL_GAP_OF(answer, "errmsg");

		fprintf(stderr, "loading %s '%s' failed: %s\n", kind->one, section->name, error);
		explain(section, error);
	}
	return ok;
}

static bool unload_one(struct swanctl *s, const struct swanctl_kind *kind, const char *name)
{
	struct vici_builder b = { 0 };
	struct vici_call call = { .command = kind->unload, .arguments = &b };
	struct vici_view answer;
	int status;

	vici_key_text(&b, "name", name);
	bool ok = swanctl_call(s, &call, &answer, &status);
	vici_builder_free(&b);
	if (!ok)
		return false;
	ok = swanctl_succeeded(answer);
	if (s->format != SWANCTL_TEXT)
		swanctl_dump_reply(s, kind->unload, name, answer);
	else if (!ok)
		fprintf(stderr, "unloading %s '%s' failed: %s\n", kind->one, name,
			SWANCTL_GAP_OF(answer, "errmsg"));
	return ok;
}

/* Names that the daemon has and the file has not any more. */
struct gone {
	char **names;
	size_t count;
};

static bool gone_add(struct gone *gone, struct bytes name)
{
	char **names = realloc(gone->names, (gone->count + 1) * sizeof(*names));

	if (!names)
		return false;
	gone->names = names;
	if (!(names[gone->count] = strndup((const char *)name.at, name.length)))
		return false;
	gone->count++;
	return true;
}

/* A daemon without this kind has nothing to unload. */
static void find_gone(struct swanctl *s, const struct swanctl_kind *kind,
	const struct settings *config, struct gone *ret)
{
	const struct settings_section *sections =
		settings_find(settings_root(config), kind->section);
	struct vici_call call = { .command = kind->get };
	struct vici_view answer;

	if (vici_client_call(s->client, &call, &answer, NULL) != VICI_OK)
		return;
	if (s->format == SWANCTL_RAW_DUMP || s->format == SWANCTL_PRETTY_DUMP)
		swanctl_dump_reply(s, kind->get, NULL, answer);
	VICI_EACH(each, kind->list ? vici_find(answer, kind->list) : answer)
	{
		struct bytes name = kind->list ? vici_value(each) : vici_name(each);
		char *text = strndup(name.at ? (const char *)name.at : "", name.length);

		if (text && !settings_child(sections, text) && !gone_add(ret, name))
			fprintf(stderr, "out of memory\n");
		free(text);
	}
}

static int summary(const struct swanctl *s, const struct swanctl_kind *kind, unsigned found,
	unsigned loaded, unsigned unloaded)
{
	if (s->format == SWANCTL_TEXT && found == 0)
		printf("no %s found, %u unloaded\n", kind->many, unloaded);
	else if (s->format == SWANCTL_TEXT && loaded == found)
		printf("successfully loaded %u %s, %u unloaded\n", loaded, kind->many, unloaded);
	else if (s->format == SWANCTL_TEXT)
		fprintf(stderr, "loaded %u of %u %s, %u failed to load, %u unloaded\n", loaded,
			found, kind->many, found - loaded, unloaded);
	return loaded == found ? 0 : EINVAL;
}

int swanctl_load_kind(
	struct swanctl *s, const struct settings *config, const struct swanctl_kind *kind)
{
	const struct settings_section *sections =
		settings_find(settings_root(config), kind->section);
	unsigned found = 0, loaded = 0, unloaded = 0;
	struct gone gone = { 0 };
	int status;

	if (!swanctl_connect(s, &status))
		return status;
	find_gone(s, kind, config, &gone);
	for (const struct settings_section *each = sections ? sections->sections : NULL; each;
		each = each->next) {
		found++;
		loaded += load_one(s, kind, each);
	}
	for (size_t i = 0; i < gone.count; i++) {
		unloaded += unload_one(s, kind, gone.names[i]);
		free(gone.names[i]);
	}
	free(gone.names);
	return summary(s, kind, found, loaded, unloaded);
}

static int run_kind(struct swanctl *s, const struct swanctl_kind *kind)
{
	struct settings *config = swanctl_config_load(s);
	int status = config ? swanctl_load_kind(s, config, kind) : EINVAL;

	settings_free(config);
	return status;
}

static int run_conns(struct swanctl *s)
{
	return run_kind(s, &swanctl_connections);
}

static int run_pools(struct swanctl *s)
{
	return run_kind(s, &swanctl_pools);
}

static int run_authorities(struct swanctl *s)
{
	return run_kind(s, &swanctl_authorities);
}

const struct swanctl_command swanctl_load_conns = {
	.name = "load-conns",
	.letter = 'c',
	.text = "(re-)load connection configuration",
	.usage = { "[--raw|--pretty|--json]" },
	.options = { SWANCTL_RAW, SWANCTL_PRETTY, SWANCTL_FILE },
	.run = run_conns,
};

const struct swanctl_command swanctl_load_pools = {
	.name = "load-pools",
	.letter = 'a',
	.text = "(re-)load pool configuration",
	.usage = { "[--raw|--pretty|--json]" },
	.options = { SWANCTL_RAW, SWANCTL_PRETTY, SWANCTL_FILE },
	.run = run_pools,
};

const struct swanctl_command swanctl_load_authorities = {
	.name = "load-authorities",
	.letter = 'b',
	.text = "(re-)load authority configuration",
	.usage = { "[--raw|--pretty|--json]" },
	.options = { SWANCTL_RAW, SWANCTL_PRETTY, SWANCTL_FILE },
	.run = run_authorities,
};
