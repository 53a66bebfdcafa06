/* The completion scripts, and the table behind them. */
#include "swanctl-lite/completion.h"

#include <stdlib.h>
#include <string.h>

/* ---- What a value is ---- */

static const struct {
	const char *option, *command; /* NULL: of any */
	const char *kind;
} values[] = {
	{ "child", NULL, "children" },
	{ "ike", NULL, "connections" },
	{ "child-id", NULL, "child-ids" },
	{ "ike-id", NULL, "ike-ids" },
	{ "name", "counters", "connections" },
	{ "name", "list-pools", "pools" },
	{ "name", "list-authorities", "authorities" },
	{ "file", NULL, "files" },
	{ "options", NULL, "files" },
	{ "output", NULL, "folders" },
	{ "directory", NULL, "folders" },
};

static bool usage_has(const struct swanctl_command *command, const char *word)
{
	for (size_t i = 0; i < SWANCTL_USAGE_MAX && command->usage[i]; i++)
		if (strstr(command->usage[i], word))
			return true;
	return false;
}

const char *swanctl_completed_with(
	const struct swanctl_command *command, const struct swanctl_option *option)
{
	if (!option)
		return usage_has(command, "FILE")         ? "files"
		       : usage_has(command, "connection") ? "connections"
							  : NULL;
	for (size_t i = 0; option->has_value && i < sizeof(values) / sizeof(*values); i++)
		if (strcmp(values[i].option, option->name) == 0 &&
			(!values[i].command ||
				(command && strcmp(values[i].command, command->name) == 0)))
			return values[i].kind;
	return NULL;
}

/* The text behind "--NAME " in a line of the usage, or NULL. */
static const char *behind_option(const char *line, const char *name)
{
	size_t length = strlen(name);

	while ((line = strstr(line, "--"))) {
		line += 2;
		if (strncmp(line, name, length) == 0 && line[length] == ' ')
			return line + length + 1;
	}
	return NULL;
}

void swanctl_usage_words(const struct swanctl_command *command, const struct swanctl_option *option,
	char *ret, size_t size)
{
	const char *at = NULL;

	*ret = '\0';
	for (size_t i = 0; command && !at && i < SWANCTL_USAGE_MAX && command->usage[i]; i++)
		at = behind_option(command->usage[i], option->name);
	size_t length = at ? strcspn(at, " ]") : 0;
	if (!option->has_value || !memchr(at ? at : "", '|', length) || memchr(at, '<', length) ||
		length >= size)
		return;
	memcpy(ret, at, length);
	ret[length] = '\0';
	char *more = strstr(ret, "|..."); /* there are others, too */
	if (more)
		*more = '\0';
	for (char *c = ret; *c; c++)
		if (*c == '|')
			*c = ' ';
}

/* ---- The table ---- */

static void print_option_row(const struct swanctl_command *c, const struct swanctl_option *o)
{
	const char letter[2] = { swanctl_has_letter(o) ? o->letter : '\0' };

	printf("option\t%s\t%s\t%s\t%s\t%s\n", c ? c->name : "", o->name, letter,
		o->has_value ? "value" : "flag", o->text);
}

static void print_table(const struct swanctl_table *table)
{
	for (size_t i = 0; i < table->count; i++) {
		const struct swanctl_command *c = table->commands[i];

		printf("command\t%s\t%c\t%s\t%s\n", c->name, c->letter,
			c->takes_argument ? "argument" : "", c->text);
		for (size_t j = 0; j < SWANCTL_USAGE_MAX && c->usage[j]; j++)
			printf("usage\t%s\t%s\n", c->name, c->usage[j]);
		for (const struct swanctl_option *o = c->options; o->name; o++)
			print_option_row(c, o);
	}
	for (size_t i = 0; i < table->common_count; i++)
		print_option_row(NULL, &table->common[i]);
}

/* ---- bash ---- */

static const char bash_begin[] =
	"# Completion of swanctl-lite for bash, printed by swanctl-lite --completion bash\n"
	"# names KIND: those that the daemon has\n"
	"_swanctl_lite_names() {\n"
	"\tlocal name\n"
	"\twhile IFS= read -r name; do\n"
	"\t\t[[ $name != \"$cur\"* ]] || COMPREPLY+=(\"$(printf %q \"$name\")\")\n"
	"\tdone < <(swanctl-lite --completion \"$1\" 2>/dev/null)\n"
	"}\n"
	"_swanctl_lite_words() { mapfile -t COMPREPLY < <(compgen -W \"$1\" -- \"$cur\"); }\n"
	"_swanctl_lite() {\n"
	"\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command='' "
	"options\n"
	"\tCOMPREPLY=()\n"
	"\t# --option=value comes as three words\n"
	"\tif [ \"$cur\" = = ]; then\n"
	"\t\tcur=''\n"
	"\telif [ \"$prev\" = = ] && [ \"$COMP_CWORD\" -ge 2 ]; then\n"
	"\t\tprev=${COMP_WORDS[COMP_CWORD - 2]}\n"
	"\tfi\n"
	"\tif [ \"$COMP_CWORD\" = 1 ]; then\n"
	"\t\t_swanctl_lite_words \"";
static const char bash_middle[] = " --help\"\n"
				  "\t\treturn\n"
				  "\tfi\n"
				  "\tcase ${COMP_WORDS[1]} in\n";
static const char bash_values[] = "\tesac\n"
				  "\tcase $command:$prev in\n";
static const char bash_end[] = "\tesac\n"
			       "\tcase $command:$cur in\n"
			       "\t:* | *:-*) _swanctl_lite_words \"$options\" ;;\n";
static const char bash_last[] = "\t*) _swanctl_lite_words \"$options\" ;;\n"
				"\tesac\n"
				"}\n"
				"complete -F _swanctl_lite swanctl-lite swanctl\n";

static const char *bash_action(const char *kind, char *room, size_t size)
{
	if (strcmp(kind, "files") == 0 || strcmp(kind, "folders") == 0)
		snprintf(room, size,
			"compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -%c -- "
			"\"$cur\")",
			kind[1] == 'i' ? 'f' : 'd');
	else
		snprintf(room, size, "_swanctl_lite_names %s", kind);
	return room;
}

/* c is NULL for an option of all commands. */
static void print_bash_value(const struct swanctl_command *c, const struct swanctl_option *o)
{
	const char *name = c ? c->name : "*";
	const char *kind = swanctl_completed_with(c, o);
	char words[256], action[128];

	if (!o->has_value)
		return;
	swanctl_usage_words(c, o, words, sizeof(words));
	printf("\t%s:--%s", name, o->name);
	if (swanctl_has_letter(o))
		printf(" | %s:-%c", name, o->letter);
	if (kind)
		printf(") %s; return ;;\n", bash_action(kind, action, sizeof(action)));
	else if (*words)
		printf(") _swanctl_lite_words \"%s\"; return ;;\n", words);
	else
		puts(") return ;;");
}

static void print_bash(const struct swanctl_table *table)
{
	char action[128];

	fputs(bash_begin, stdout);
	for (size_t i = 0; i < table->count; i++)
		printf("%s--%s", i ? " " : "", table->commands[i]->name);
	fputs(bash_middle, stdout);
	for (size_t i = 0; i < table->count; i++) {
		const struct swanctl_command *c = table->commands[i];

		printf("\t--%s | -%c) command=%s options='", c->name, c->letter, c->name);
		for (const struct swanctl_option *o = c->options; o->name; o++)
			printf("--%s ", o->name);
		for (size_t j = 0; j < table->common_count; j++)
			printf("--%s ", table->common[j].name);
		puts("--help' ;;");
	}
	fputs(bash_values, stdout);
	for (size_t i = 0; i < table->count; i++) {
		for (const struct swanctl_option *o = table->commands[i]->options; o->name; o++)
			print_bash_value(table->commands[i], o);
	}
	for (size_t j = 0; j < table->common_count; j++)
		print_bash_value(NULL, &table->common[j]);
	fputs(bash_end, stdout);
	for (size_t i = 0; i < table->count; i++) {
		const struct swanctl_command *c = table->commands[i];
		const char *kind = c->takes_argument ? swanctl_completed_with(c, NULL) : NULL;

		if (kind)
			printf("\t%s:*) %s ;;\n", c->name,
				bash_action(kind, action, sizeof(action)));
	}
	fputs(bash_last, stdout);
}

/* ---- zsh ---- */

static const char zsh_begin[] =
	"#compdef swanctl-lite swanctl\n"
	"# Completion of swanctl-lite for zsh, printed by swanctl-lite --completion zsh\n"
	"_swanctl_lite_names() {\n"
	"\tlocal -a names=(\"${(@f)$(swanctl-lite --completion $1 2>/dev/null)}\")\n"
	"\tcompadd \"${@:2}\" -- ${names:#}\n"
	"}\n"
	"_swanctl_lite() {\n"
	"\tlocal -a commands=(\n";
static const char zsh_middle[] = "\t\t'--help:show usage information'\n"
				 "\t)\n"
				 "\tif (( CURRENT == 2 )); then\n"
				 "\t\t_describe -o command commands\n"
				 "\t\treturn\n"
				 "\tfi\n"
				 "\tlocal command=${words[2]}\n"
				 "\tshift words\n"
				 "\t(( CURRENT-- ))\n"
				 "\tcase $command in\n";
static const char zsh_last[] = "\tesac\n"
			       "}\n"
			       "_swanctl_lite \"$@\"\n";

/* A text between single quotes, in which some characters mean something to _arguments. */
static void print_zsh_text(const char *text)
{
	for (; *text; text++) {
		if (*text == '\'')
			fputs("'\\''", stdout);
		else if (strchr(":[]\\", *text))
			printf("\\%c", *text);
		else
			putchar(*text);
	}
}

static void print_zsh_action(const char *kind)
{
	if (strcmp(kind, "files") == 0)
		fputs("file:_files", stdout);
	else if (strcmp(kind, "folders") == 0)
		fputs("folder:_files -/", stdout);
	else
		printf("%s:_swanctl_lite_names %s", kind, kind);
}

static void print_zsh_option(const struct swanctl_command *c, const struct swanctl_option *o)
{
	const char *kind = swanctl_completed_with(c, o);
	char words[256];

	fputs(" \\\n\t\t\t", stdout);
	if (swanctl_has_letter(o))
		printf("'(--%s -%c)'{--%s%s,-%c%s}'[", o->name, o->letter, o->name,
			o->has_value ? "=" : "", o->letter, o->has_value ? "+" : "");
	else
		printf("'--%s%s[", o->name, o->has_value ? "=" : "");
	print_zsh_text(o->text);
	putchar(']');
	swanctl_usage_words(c, o, words, sizeof(words));
	if (o->has_value) {
		putchar(':');
		if (kind)
			print_zsh_action(kind);
		else if (*words)
			printf("%s:(%s)", o->name, words);
		else
			printf("%s: ", o->name);
	}
	putchar('\'');
}

static void print_zsh(const struct swanctl_table *table)
{
	fputs(zsh_begin, stdout);
	for (size_t i = 0; i < table->count; i++) {
		printf("\t\t'--%s:", table->commands[i]->name);
		print_zsh_text(table->commands[i]->text);
		puts("'");
	}
	fputs(zsh_middle, stdout);
	for (size_t i = 0; i < table->count; i++) {
		const struct swanctl_command *c = table->commands[i];
		const char *kind = c->takes_argument ? swanctl_completed_with(c, NULL) : NULL;

		printf("\t--%s | -%c)\n\t\t_arguments", c->name, c->letter);
		for (const struct swanctl_option *o = c->options; o->name; o++)
			print_zsh_option(c, o);
		for (size_t j = 0; j < table->common_count; j++)
			print_zsh_option(c, &table->common[j]);
		fputs(" \\\n\t\t\t'(--help -h)'{--help,-h}'[show usage information]'", stdout);
		if (kind) {
			fputs(" \\\n\t\t\t'1:", stdout);
			print_zsh_action(kind);
			putchar('\'');
		}
		puts("\n\t\t;;");
	}
	fputs(zsh_last, stdout);
}

int swanctl_completion(const char *kind, const char *uri, const struct swanctl_table *table)
{
	if (strcmp(kind, "bash") == 0)
		print_bash(table);
	else if (strcmp(kind, "zsh") == 0)
		print_zsh(table);
	else if (strcmp(kind, "table") == 0)
		print_table(table);
	else if (!swanctl_completion_names(kind, uri))
		return EXIT_FAILURE;
	return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
