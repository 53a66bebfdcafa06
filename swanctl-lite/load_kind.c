/* --load-conns, --load-pools, --load-authorities, --load-clients: things that are loaded and
 * unloaded by name. */
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
const struct swanctl_kind swanctl_clients = { "clients", "client", "clients", "load-client",
	"unload-client", "get-clients", "clients", VICI_PLACE_CLIENT, true };

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

static void print_loaded(const struct swanctl_kind *kind, const struct settings_section *section,
	struct vici_view answer)
{
	const char *error = SWANCTL_GAP_OF(answer, "errmsg");

	if (swanctl_succeeded(answer)) {
		printf("loaded %s '%s'\n", kind->one, section->name);
		print_changes(answer, section->name);
		return;
	}
	fprintf(stderr, "loading %s '%s' failed: %s\n", kind->one, section->name, error);
	explain(section, error);
}

/* may_fail: it will be tried again then, and nothing is said of it. */
static bool load_one(struct swanctl *s, const struct swanctl_kind *kind,
	const struct settings_section *section, bool may_fail)
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
	if (!ok && may_fail)
		return false;
	if (s->format != SWANCTL_TEXT) {
		swanctl_dump_reply(s, kind->load, section->name, answer);
		return ok || s->format != SWANCTL_JSON; /* who reads a dump judges for himself */
	}
	print_loaded(kind, section, answer);
	return ok;
}

/* In the order of the file. Of an exclusive kind what fails is tried again when all others have
 * had their turn: returns how many were loaded. */
static unsigned load_sections(struct swanctl *s, const struct swanctl_kind *kind,
	const struct settings_section *first, unsigned found)
{
	bool *loaded = calloc(found + 1u, sizeof(*loaded));
	unsigned count = 0;

	for (int again = kind->exclusive && loaded ? 1 : 0; again >= 0; again--) {
		unsigned index = 0;

		for (const struct settings_section *each = first; each; each = each->next, index++)
			if ((!loaded || !loaded[index]) && load_one(s, kind, each, again > 0)) {
				count++;
				if (loaded)
					loaded[index] = true;
			}
	}
	free(loaded);
	return count;
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
	else
		print_changes(answer, name);
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

/* False: the daemon has no such kind, and nothing to unload. */
static bool find_gone(struct swanctl *s, const struct swanctl_kind *kind,
	const struct settings *config, struct gone *ret)
{
	const struct settings_section *sections =
		settings_find(settings_root(config), kind->section);
	struct vici_call call = { .command = kind->get };
	struct vici_view answer;

	if (vici_client_call(s->client, &call, &answer, NULL) != VICI_OK)
		return false;
	const struct vici_view names = kind->list ? vici_find(answer, kind->list) : answer;
	bool silent = kind->exclusive && !vici_present(vici_first(names));
	if ((s->format == SWANCTL_RAW_DUMP || s->format == SWANCTL_PRETTY_DUMP) && !silent)
		swanctl_dump_reply(s, kind->get, NULL, answer);
	VICI_EACH(each, names)
	{
		struct bytes name = kind->list ? vici_value(each) : vici_name(each);
		char *text = strndup(name.at ? (const char *)name.at : "", name.length);

		if (text && !settings_child(sections, text) && !gone_add(ret, name))
			fprintf(stderr, "out of memory\n");
		free(text);
	}
	return true;
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

static unsigned unload_gone(
	struct swanctl *s, const struct swanctl_kind *kind, const struct gone *gone)
{
	unsigned unloaded = 0;

	for (size_t i = 0; i < gone->count; i++) {
		unloaded += unload_one(s, kind, gone->names[i]);
		free(gone->names[i]);
	}
	free(gone->names);
	return unloaded;
}

int swanctl_load_kind(struct swanctl *s, const struct settings *config,
	const struct swanctl_kind *kind, bool of_all)
{
	const struct settings_section *sections =
		settings_find(settings_root(config), kind->section);
	const struct settings_section *first = sections ? sections->sections : NULL;
	unsigned found = 0, unloaded = 0;
	struct gone gone = { 0 };
	int status;

	if (!swanctl_connect(s, &status))
		return status;
	bool known = find_gone(s, kind, config, &gone);
	for (const struct settings_section *each = first; each; each = each->next)
		found++;
	if (of_all && kind->exclusive && found == 0 && gone.count == 0)
		return 0;
	if (!known && kind->exclusive) {
		fprintf(stderr, "the daemon has no %s: section %s is not loaded\n", kind->many,
			kind->section);
		return EINVAL;
	}
	if (kind->exclusive)
		unloaded = unload_gone(s, kind, &gone);
	unsigned loaded = load_sections(s, kind, first, found);
	if (!kind->exclusive)
		unloaded = unload_gone(s, kind, &gone);
	return summary(s, kind, found, loaded, unloaded);
}

static int run_kind(struct swanctl *s, const struct swanctl_kind *kind)
{
	struct settings *config = swanctl_config_load(s);
	int status = config ? swanctl_load_kind(s, config, kind, false) : EINVAL;

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

static int run_clients(struct swanctl *s)
{
	return run_kind(s, &swanctl_clients);
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

const struct swanctl_command swanctl_load_clients = {
	.name = "load-clients",
	.letter = 'n',
	.text = "(re-)load clients and the networks behind them",
	.usage = { "[--raw|--pretty|--json]" },
	.options = { SWANCTL_RAW, SWANCTL_PRETTY, SWANCTL_FILE },
	.run = run_clients,
};
