#include "swanctl-lite/check.h"

#include "swanctl-lite/config.h"

#include <errno.h>
#include <stdlib.h>

enum { CLEAN = 0, WARNINGS = 1, ERRORS = 2, NOT_JUDGED = 3 };

static int status_of(const struct check *k)
{
	int status = CLEAN;

	for (size_t i = 0; i < k->count; i++) {
		if (k->findings[i].severity == CHECK_ERROR)
			return ERRORS;
		if (k->findings[i].severity == CHECK_WARNING)
			status = WARNINGS;
	}
	return status;
}

/* "file:line: text", as the parser says it; the name of a file may contain colons. */
static void report_syntax(struct check *k, const char *path, const char *text)
{
	struct settings_place place = { path, 0 };
	char file[4096];
	const char *colon = text;

	while ((colon = strchr(colon, ':'))) {
		size_t length = (size_t)(colon - text);
		char *end;
		unsigned long line = strtoul(++colon, &end, 10);

		if (end == colon || strncmp(end, ": ", 2) != 0 || length >= sizeof(file))
			continue;
		memcpy(file, text, length);
		file[length] = '\0';
		place = (struct settings_place){ file, (unsigned)line };
		check_say(k, CHECK_SYNTAX, &place, "%s", end + 2);
		return;
	}
	check_say(k, CHECK_NO_CONFIGURATION, &place, "%s", text);
}

static bool look(struct check *k)
{
	struct why why = { "" };

	check_remarks(k);
	check_words(k);
	check_effects(k);
	check_actions(k);
	check_scripts(k);
	check_values(k);
	check_secrets(k);
	if (!swanctl_given(k->s, 'n'))
		check_names(k);
	if (swanctl_given(k->s, 'l')) {
		check_host(k);
	} else {
		if (!check_judge_start(k->s, &why)) {
			fprintf(stderr, "%s\n", why.text);
			return false;
		}
		check_load(k);
	}
	return check_judge_ask(k);
}

static int finish(struct check *k, const char *path)
{
	check_sort(k);
	if (k->out_of_memory) {
		fprintf(stderr, "out of memory\n");
		return NOT_JUDGED;
	}
	if (k->s->format == SWANCTL_JSON)
		check_print_json(k, path);
	else
		check_print(k, path);
	return status_of(k);
}

static int print_codes(struct swanctl *s)
{
	struct vici_builder b = { 0 };
	struct vici_call call = { .command = "check", .arguments = &b };
	struct vici_view answer;
	struct why why;
	int status = 0;

	if (!check_judge_start(s, &why)) {
		fprintf(stderr, "%s\n", why.text);
		return NOT_JUDGED;
	}
	vici_key_text(&b, "codes", "yes");
	bool good = swanctl_call(s, &call, &answer, &status);
	vici_builder_free(&b);
	if (good)
		check_print_codes(stdout, answer);
	return good ? CLEAN : NOT_JUDGED;
}

static int run(struct swanctl *s)
{
	struct check k = { .s = s };
	struct why why = { "" };

	if (swanctl_given(s, 'o'))
		return print_codes(s);
	if (s->argument)
		s->values['f'] = s->argument;
	char *path = swanctl_config_file(s);
	if (!path) {
		fprintf(stderr, "out of memory\n");
		return NOT_JUDGED;
	}
	/* Loading says nothing but what is found. */
	enum swanctl_format format = s->format;
	s->format = SWANCTL_TEXT;
	s->check = &k;
	k.config = settings_load(path, &why);
	bool good = true;
	if (k.config)
		good = look(&k);
	else
		report_syntax(&k, path, why.text);
	s->format = format;
	int status = good ? finish(&k, path) : NOT_JUDGED;
	check_free(&k);
	free(path);
	return status;
}

const struct swanctl_command swanctl_check = {
	.name = "check",
	.letter = 'j',
	.text = "say what is wrong with a configuration, without a daemon",
	.usage = { "[FILE] [--no-dns] [--live]", "--codes" },
	.options = {
		{ "no-dns", 'n', false, "do not look up host names" },
		{ "live", 'l', false, "judge what the running daemon has loaded" },
		{ "codes", 'o', false, "print the table of all findings" },
		SWANCTL_FILE,
	},
	.takes_argument = true,
	.status = "exit status: 0 nothing or notes, 1 warnings, 2 errors, 3 could not be judged",
	.failure = NOT_JUDGED,
	.run = run,
};
