/* --load-all: the whole configuration in one go, by a daemon that can (begin-load, commit-load);
 * piece by piece by others. */
#include "swanctl-lite/config.h"

#include <errno.h>
#include <stdlib.h>

#define OPTION_DRY_RUN 'd'
#define OPTION_STRICT 's'
#define OPTION_CONFIRM 't'

/* ---- What the daemon makes of it ---- */

static const struct {
	const char *name, *text;
} changes[] = {
	{ "unchanged", "unchanged" },
	{ "in-place", "in place" },
	{ "next-rekey", "at next rekey" },
	{ "rebuilt", "rebuilt" },
	{ "added", "added" },
	{ "removed", "removed" },
	{ "refused", "refused" },
};
#define CHANGES (sizeof(changes) / sizeof(*changes))

struct commit {
	struct swanctl *s;
	unsigned counts[CHANGES];
};

static void print_change(const char *change, struct vici_view message)
{
	bool refused = swanctl_has(message, "errmsg");

	printf("%s '%s': %s", SWANCTL_TEXT_OF(message, "kind"), SWANCTL_TEXT_OF(message, "name"),
		change);
	if (refused || swanctl_has(message, "keys"))
		printf(" (%s)", SWANCTL_TEXT_OF(message, refused ? "errmsg" : "keys"));
	putchar('\n');
}

/* What was refused when it was sent has been told. */
static void print_late(struct vici_view message)
{
	if (vici_is(vici_get(message, "late"), "yes"))
		fprintf(stderr, "loading %s '%s' failed: %s\n", SWANCTL_TEXT_OF(message, "kind"),
			SWANCTL_TEXT_OF(message, "name"), SWANCTL_TEXT_OF(message, "errmsg"));
}

static void on_change(void *context, struct bytes name, struct vici_view message)
{
	struct commit *commit = context;
	const char *text = "?";

	(void)name;
	for (size_t i = 0; i < CHANGES; i++)
		if (vici_is(vici_get(message, "change"), changes[i].name)) {
			commit->counts[i]++;
			text = changes[i].text;
		}
	if (!commit->s->quiet)
		print_late(message);
	else if (commit->s->format == SWANCTL_TEXT)
		print_change(text, message);
	else
		swanctl_dump(stdout, commit->s->format, "load-change event", message);
}

static void print_summary(const struct commit *commit, bool applied)
{
	bool any = false;

	printf("%s:", applied ? "applied" : "not applied");
	for (size_t i = 0; i < CHANGES; i++) {
		if (commit->counts[i] == 0)
			continue;
		printf("%s %u %s", any ? "," : "", commit->counts[i], changes[i].text);
		any = true;
	}
	puts(any ? "" : " nothing");
}

static bool is_yes(struct vici_view answer, const char *key)
{
	return vici_is(vici_get(answer, key), "yes");
}

static int report(const struct commit *commit, struct vici_view answer)
{
	struct swanctl *s = commit->s;
	bool refused =
		!swanctl_succeeded(answer) ||
		(swanctl_has(answer, "refused") && !vici_is(vici_get(answer, "refused"), "0"));

	if (s->quiet && s->format == SWANCTL_TEXT)
		print_summary(commit, is_yes(answer, "applied"));
	else if (s->quiet)
		swanctl_dump(stdout, s->format, "commit-load reply", answer);
	fflush(stdout);
	if (is_yes(answer, "applied") && swanctl_given(s, OPTION_CONFIRM))
		fprintf(stderr,
			"taken back in %s seconds unless this comes before: swanctl-lite "
			"--confirm-load\n",
			swanctl_value(s, OPTION_CONFIRM));
	if (!swanctl_succeeded(answer))
		fprintf(stderr, "%s\n", SWANCTL_GAP_OF(answer, "errmsg"));
	return refused ? EINVAL : 0;
}

/* What could not even be sent is not the daemon's to refuse. */
static int commit_all(struct swanctl *s)
{
	static const char *const events[] = { "load-change" };
	bool strict = swanctl_given(s, OPTION_STRICT), faulty = strict && s->faults > 0;
	struct commit commit = { .s = s };
	struct vici_builder b = { 0 };
	struct vici_call call = { .command = "commit-load",
		.arguments = &b,
		.events = events,
		.event_count = 1,
		.on_event = on_change,
		.context = &commit };
	struct vici_view answer;
	int status;

	vici_key_bool(&b, "changes", s->quiet);
	vici_key_bool(&b, "strict", strict);
	vici_key_bool(&b, "dry-run", faulty || swanctl_given(s, OPTION_DRY_RUN));
	swanctl_add_option(s, &b, OPTION_CONFIRM, "confirm");
	if (swanctl_call(s, &call, &answer, &status))
		status = report(&commit, answer);
	vici_builder_free(&b);
	if (faulty) {
		fprintf(stderr, "nothing is applied: %u faults in files\n", s->faults);
		status = EINVAL;
	}
	return status;
}

/* ---- The whole ---- */

/* Everything is tried, so that a fault in one part does not keep the others out; the first
 * fault is the exit status. */
static int load_parts(struct swanctl *s, const struct settings *config)
{
	static const struct swanctl_kind *const kinds[] = { &swanctl_authorities, &swanctl_pools,
		&swanctl_clients, &swanctl_connections };
	int status = swanctl_load_creds_from(s, config);

	for (size_t i = 0; s->client && i < sizeof(kinds) / sizeof(*kinds); i++) {
		int next = swanctl_load_kind(s, config, kinds[i], true);

		status = status ? status : next;
	}
	return status;
}

/* From then on what is sent is kept by the daemon, until it is committed. */
static int begin(struct swanctl *s, bool *ret_staged)
{
	struct vici_call call = { .command = "begin-load" };
	struct vici_view answer;
	int status;

	*ret_staged = false;
	if (!swanctl_connect(s, &status))
		return status;
	*ret_staged = vici_client_call(s->client, &call, &answer, NULL) == VICI_OK &&
		      swanctl_succeeded(answer);
	if (*ret_staged || !s->quiet)
		return 0;
	fprintf(stderr,
		"this daemon cannot load a configuration as a whole (it has no begin-load): "
		"nothing is done; without --dry-run, --strict and --confirm it would be loaded "
		"piece by piece\n");
	return ENOTSUP;
}

static int load(struct swanctl *s, const struct settings *config)
{
	bool staged;
	int status = begin(s, &staged);

	if (status)
		return status;
	status = load_parts(s, config);
	if (staged) {
		int committed = commit_all(s);

		status = status ? status : committed;
	}
	return status;
}

/* Nothing that is misspelled may pass for no confirmation. */
static bool check_seconds(const struct swanctl *s)
{
	const char *text = swanctl_value(s, OPTION_CONFIRM);

	if (!text || (strlen(text) > 0 && strlen(text) < 7 &&
			     text[strspn(text, "0123456789")] == '\0' && atoi(text) > 0))
		return true;
	fprintf(stderr, "--confirm '%s': wanted a number of seconds\n", text);
	return false;
}

static int run(struct swanctl *s)
{
	if (!check_seconds(s))
		return EINVAL;
	struct settings *config = swanctl_config_load(s);

	if (!config)
		return EINVAL;
	s->quiet = swanctl_given(s, OPTION_DRY_RUN) || swanctl_given(s, OPTION_STRICT) ||
		   swanctl_given(s, OPTION_CONFIRM);
	int status = load(s, config);
	settings_free(config);
	return status;
}

const struct swanctl_command swanctl_load_all = {
	.name = "load-all",
	.letter = 'q',
	.text = "load credentials, authorities, pools and connections",
	.usage = { "[--raw|--pretty|--json] [--clear] [--noprompt]", "[--dry-run] [--strict] [--confirm <seconds>]" },
	.options = {
		{ "clear", 'c', false, "clear previously loaded credentials" },
		{ "noprompt", 'n', false, "do not prompt for passwords" },
		{ "dry-run", OPTION_DRY_RUN, false, "say what would change, apply nothing" },
		{ "strict", OPTION_STRICT, false, "apply nothing if anything is refused" },
		{ "confirm", OPTION_CONFIRM, true, "take it back unless --confirm-load comes" },
		SWANCTL_RAW,
		SWANCTL_PRETTY,
		SWANCTL_FILE,
	},
	.run = run,
};

static int run_confirm(struct swanctl *s)
{
	struct vici_call call = { .command = "confirm-load" };
	bool ok;
	int status = swanctl_simple(s, &call, "confirm-load", &ok);

	if (ok && s->format == SWANCTL_TEXT)
		puts("confirmed");
	return status;
}

const struct swanctl_command swanctl_confirm_load = {
	.name = "confirm-load",
	.letter = 'y',
	.text = "confirm what --load-all --confirm loaded",
	.usage = { "[--raw|--pretty|--json]" },
	.options = { SWANCTL_RAW, SWANCTL_PRETTY },
	.run = run_confirm,
};
