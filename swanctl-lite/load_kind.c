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
static void print_changes(const struct swanctl *s, struct vici_view answer, const char *name)
{
	struct vici_view changes = vici_find(answer, "changes");

	if (!s->quiet && swanctl_has(changes, name))
		printf("  %s\n", SWANCTL_TEXT_OF(changes, name));
}

static void print_loaded(const struct swanctl *s, const struct swanctl_kind *kind,
	const struct settings_section *section, struct vici_view answer)
{
	const char *error = SWANCTL_GAP_OF(answer, "errmsg");

	if (swanctl_succeeded(answer)) {
		if (!s->quiet)
			printf("loaded %s '%s'\n", kind->one, section->name);
		print_changes(s, answer, section->name);
		return;
	}
	fprintf(stderr, "loading %s '%s' failed: %s\n", kind->one, section->name, error);
	explain(section, error);
}

static bool add_section(struct swanctl *s, struct vici_builder *b, const struct swanctl_kind *kind,
	const struct settings_section *section)
{
	vici_section_start(b, section->name);
	bool ok = swanctl_config_add(s, b, kind->place, section);
	vici_section_end(b);
	s->faults += !ok;
	return ok;
}

static bool call_load(struct swanctl *s, const struct swanctl_kind *kind, struct vici_builder *b,
	struct vici_view *ret)
{
	struct vici_call call = { .command = kind->load, .arguments = b };
	int status;

	return swanctl_call(s, &call, ret, &status);
}

/* Returns whether it counts as loaded. */
static bool report(const struct swanctl *s, const struct swanctl_kind *kind,
	const struct settings_section *section, struct vici_view answer)
{
	if (s->format == SWANCTL_TEXT) {
		print_loaded(s, kind, section, answer);
		return swanctl_succeeded(answer);
	}
	swanctl_dump_reply(s, kind->load, section->name, answer);
	/* who reads a dump judges for himself */
	return swanctl_succeeded(answer) || s->format != SWANCTL_JSON;
}

/* ret_refused may be NULL. If it is not, and the daemon refuses, it will be tried again, and
 * nothing is said of it. */
static bool load_one(struct swanctl *s, const struct swanctl_kind *kind,
	const struct settings_section *section, bool *ret_refused)
{
	struct vici_builder b = { 0 };
	struct vici_view answer;

	bool ok = add_section(s, &b, kind, section) && call_load(s, kind, &b, &answer);
	vici_builder_free(&b);
	if (ret_refused)
		*ret_refused = ok && !swanctl_succeeded(answer);
	if (!ok || (ret_refused && *ret_refused))
		return false;
	return report(s, kind, section, answer);
}

/* ---- An exclusive kind ---- */

/* So often what is left is tried without one that the daemon refused. */
#define ROUNDS_MAX 64

/* Sections that wait to be loaded; NULL: not any more. */
struct waiting {
	const struct settings_section **sections;
	size_t count;
};

static bool any_waits(const struct waiting *waiting)
{
	for (size_t i = 0; i < waiting->count; i++)
		if (waiting->sections[i])
			return true;
	return false;
}

/* False: they are too much for one message. */
static bool add_waiting(struct swanctl *s, struct vici_builder *b, const struct swanctl_kind *kind,
	const struct waiting *waiting)
{
	struct bytes message;

	for (size_t i = 0; i < waiting->count; i++)
		if (waiting->sections[i] && !add_section(s, b, kind, waiting->sections[i]))
			return false;
	return vici_builder_finish(b, &message);
}

/* What the daemon said of all of them, or of the one that it refused, which waits no longer. False:
 * it named none. */
static bool report_waiting(const struct swanctl *s, const struct swanctl_kind *kind,
	struct waiting *waiting, struct vici_view answer, unsigned *count)
{
	const char *refused = SWANCTL_TEXT_OF(answer, kind->one);
	bool all = swanctl_succeeded(answer), any = false;

	for (size_t i = 0; i < waiting->count && (all || !any); i++) {
		const struct settings_section *each = waiting->sections[i];

		if (!each || (!all && strcmp(each->name, refused) != 0))
			continue;
		any = true;
		*count += report(s, kind, each, answer);
		waiting->sections[i] = NULL;
	}
	return any;
}

/* All at once, since they may exchange what they have: again without each that is refused. */
static unsigned load_waiting(
	struct swanctl *s, const struct swanctl_kind *kind, struct waiting *waiting)
{
	unsigned count = 0;
	bool more = true;

	for (unsigned round = 0; more && any_waits(waiting) && round < ROUNDS_MAX; round++) {
		struct vici_builder b = { 0 };
		struct vici_view answer;

		more = add_waiting(s, &b, kind, waiting) && call_load(s, kind, &b, &answer) &&
		       report_waiting(s, kind, waiting, answer, &count);
		vici_builder_free(&b);
	}
	for (size_t i = 0; i < waiting->count; i++)
		if (waiting->sections[i])
			count += load_one(s, kind, waiting->sections[i], NULL);
	return count;
}

/* In the order of the file. Of an exclusive kind what fails is tried again, together, when all
 * others have had their turn. Returns how many were loaded. */
static unsigned load_sections(struct swanctl *s, const struct swanctl_kind *kind,
	const struct settings_section *first, unsigned found)
{
	struct waiting waiting = { 0 };
	unsigned count = 0;

	if (kind->exclusive)
		waiting.sections = calloc(found + 1u, sizeof(struct settings_section *));
	for (const struct settings_section *each = first; each; each = each->next) {
		bool refused = false;

		count += load_one(s, kind, each, waiting.sections ? &refused : NULL);
		if (refused)
			waiting.sections[waiting.count++] = each;
	}
	count += load_waiting(s, kind, &waiting);
	free(waiting.sections);
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
		print_changes(s, answer, name);
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
	if (s->quiet)
		return loaded == found ? 0 : EINVAL;
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
