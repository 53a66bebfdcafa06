/* The table of commands, options, help. */
#include "swanctl-lite/command.h"
#include "swanctl-lite/completion.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>

#define OPTION_JSON 1 /* stands for a letter */

/* In the order of strongSwan's help. */
static const struct swanctl_command *const commands[] = {
	&swanctl_counters,
	&swanctl_check,
	&swanctl_initiate,
	&swanctl_terminate,
	&swanctl_rekey,
	&swanctl_redirect,
	&swanctl_uninstall,
	&swanctl_install,
	&swanctl_explain,
	&swanctl_list_sas,
	&swanctl_monitor_sa,
	&swanctl_monitor,
	&swanctl_graph,
	&swanctl_list_pols,
	&swanctl_list_authorities,
	&swanctl_list_conns,
	&swanctl_list_certs,
	&swanctl_list_pools,
	&swanctl_list_clients,
	&swanctl_list_algs,
	&swanctl_flush_certs,
	&swanctl_load_all,
	&swanctl_confirm_load,
	&swanctl_load_authorities,
	&swanctl_load_conns,
	&swanctl_load_creds,
	&swanctl_load_pools,
	&swanctl_load_clients,
	&swanctl_genkey,
	&swanctl_pubkey,
	&swanctl_mesh,
	&swanctl_log,
	&swanctl_save_keys,
	&swanctl_version,
	&swanctl_stats,
	&swanctl_reload_settings,
};
#define COMMANDS (sizeof(commands) / sizeof(*commands))

/* Options that every command has, behind its own. */
static const struct swanctl_option common[] = {
	{ "json", OPTION_JSON, false, "dump response messages as JSON" },
	{ "debug", 'v', true, "set debug level, default: 1" },
	{ "options", '+', true, "read command line options from file" },
	{ "uri", 'u', true, "service URI to connect to" },
};
#define COMMON (sizeof(common) / sizeof(*common))

static void print_title(FILE *to)
{
	fputs("charon-lite " SWANCTL_LITE_VERSION " swanctl-lite\nusage:\n", to);
}

static int usage(const char *error)
{
	FILE *to = error ? stderr : stdout;

	if (error)
		fprintf(to, "Error: %s\n", error);
	print_title(to);
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(to, "  swanctl-lite --%-16s (-%c)  %s\n", commands[i]->name,
			commands[i]->letter, commands[i]->text);
	fprintf(to, "  swanctl-lite --%-16s (-%c)  %s\n", "help", 'h', "show usage information");
	return error ? EXIT_FAILURE : EXIT_SUCCESS;
}

static void print_option(FILE *to, const struct swanctl_option *option)
{
	if (!swanctl_has_letter(option))
		fprintf(to, "           --%-15s       %s\n", option->name, option->text);
	else
		fprintf(to, "           --%-15s (-%c)  %s\n", option->name, option->letter,
			option->text);
}

static int failure_of(const struct swanctl_command *command)
{
	return command->failure ? command->failure : EXIT_FAILURE;
}

static int command_usage(const struct swanctl_command *command, const char *error)
{
	static const struct swanctl_option help = { "help", 'h', false, "show usage information" };
	FILE *to = error ? stderr : stdout;

	if (error)
		fprintf(to, "Error: %s\n", error);
	print_title(to);
	fprintf(to, "  swanctl-lite --%s", command->name);
	for (size_t i = 0; i < SWANCTL_USAGE_MAX && command->usage[i]; i++)
		fprintf(to, "%s%s\n", i ? "                 " : " ", command->usage[i]);
	print_option(to, &help);
	for (const struct swanctl_option *option = command->options; option->name; option++)
		print_option(to, option);
	for (size_t i = 0; i < COMMON; i++)
		print_option(to, &common[i]);
	if (command->status)
		fprintf(to, "  %s\n", command->status);
	return error ? failure_of(command) : EXIT_SUCCESS;
}

/* One option in the forms that getopt_long() wants. */
static void option_table_add(
	struct option *options, size_t *count, char *letters, const struct swanctl_option *option)
{
	options[(*count)++] =
		(struct option){ option->name, option->has_value, NULL, option->letter };
	if (!swanctl_has_letter(option))
		return;
	letters += strlen(letters);
	*letters++ = option->letter;
	if (option->has_value)
		*letters++ = ':';
	*letters = '\0';
}

/* Which command: the first option on the line. */
static const struct swanctl_command *find_command(int argc, char **argv, int *ret_letter)
{
	struct option options[COMMANDS + 2] = { 0 };
	char letters[2 * COMMANDS + 4] = "h";
	size_t count = 0;

	for (size_t i = 0; i < COMMANDS; i++) {
		struct swanctl_option option = { commands[i]->name, commands[i]->letter, false,
			"" };

		option_table_add(options, &count, letters, &option);
	}
	options[count] = (struct option){ "help", no_argument, NULL, 'h' };
	*ret_letter = getopt_long(argc, argv, letters, options, NULL);
	for (size_t i = 0; i < COMMANDS; i++)
		if (commands[i]->letter == *ret_letter)
			return commands[i];
	return NULL;
}

/* The words of an options file: blanks between them, "quotes" around one that has some. */
static char **read_words(const char *path, int *ret_count)
{
	FILE *file = fopen(path, "re");
	char **words = NULL, *line = NULL;
	size_t size = 0;
	int count = 0;

	while (file && getline(&line, &size, file) >= 0) {
		char *at = line;

		for (at += strspn(at, " \t\r\n"); *at && *at != '#'; at += strspn(at, " \t\r\n")) {
			bool quoted = *at == '"';
			size_t length = strcspn(at += quoted, quoted ? "\"\n" : " \t\r\n");
			char **more = realloc(words, (size_t)(count + 1) * sizeof(*words));

			if (!more)
				break;
			words = more;
			words[count++] = strndup(at, length);
			at += length + (at[length] == '"');
		}
	}
	free(line);
	if (file)
		fclose(file);
	*ret_count = file ? count : -1;
	return words;
}

/* Puts the words of an options file behind what was read of the command line so far. Like argv
 * itself, the longer line lives as long as the process: options point into it. */
static bool insert_words(int *argc, char ***argv, const char *path)
{
	static struct kept {
		struct kept *next;
		char **line, **words;
	} * kept;
	struct kept *keep = malloc(sizeof(*keep));
	int count;
	char **words = read_words(path, &count);
	char **line = count < 0 ? NULL : calloc((size_t)(*argc + count + 1), sizeof(*line));

	if (!line || !keep) {
		free(keep);
		free(line);
		return false;
	}
	*keep = (struct kept){ kept, line, words };
	kept = keep;
	memcpy(line, *argv, (size_t)optind * sizeof(*line));
	for (int i = 0; i < count; i++)
		line[optind + i] = words[i];
	memcpy(line + optind + count, *argv + optind, (size_t)(*argc - optind) * sizeof(*line));
	*argv = line;
	*argc += count;
	return true;
}

/* Reads the command's options into s; false, after saying why, when they are wrong. */
static bool read_options(struct swanctl *s, int argc, char **argv, int *ret_status)
{
	struct option options[SWANCTL_OPTIONS_MAX + COMMON + 2] = { 0 };
	char letters[2 * (SWANCTL_OPTIONS_MAX + COMMON) + 4] = "h";
	size_t count = 0;
	int letter;

	for (const struct swanctl_option *option = s->command->options; option->name; option++)
		option_table_add(options, &count, letters, option);
	for (size_t i = 0; i < COMMON; i++)
		option_table_add(options, &count, letters, &common[i]);
	options[count] = (struct option){ "help", no_argument, NULL, 'h' };
	while ((letter = getopt_long(argc, argv, letters, options, NULL)) >= 0) {
		if (letter == 'h' || letter == '?') {
			*ret_status =
				command_usage(s->command, letter == 'h' ? NULL : "invalid options");
			return false;
		}
		if (letter == '+' && !insert_words(&argc, &argv, optarg)) {
			fprintf(stderr, "optionsfrom: unable to open file '%s': %s\n", optarg,
				strerror(errno));
			*ret_status = command_usage(s->command, "invalid options");
			return false;
		}
		s->values[letter & 127] = optarg ? optarg : "";
	}
	if (s->command->takes_argument && optind < argc)
		s->argument = argv[optind++];
	if (s->command->takes_argument && optind < argc) {
		*ret_status = command_usage(s->command, "one file at a time");
		return false;
	}
	return true;
}

static int run_command(struct swanctl *s, int argc, char **argv)
{
	int status;

	if (!read_options(s, argc, argv, &status))
		return status;
	s->debug = swanctl_given(s, 'v') ? atoi(swanctl_value(s, 'v')) : 1;
	if (swanctl_given(s, OPTION_JSON))
		s->format = SWANCTL_JSON;
	else if (swanctl_given(s, 'P'))
		s->format = SWANCTL_PRETTY_DUMP;
	else if (swanctl_given(s, 'r'))
		s->format = SWANCTL_RAW_DUMP;
	status = s->command->run(s);
	vici_client_free(s->client);
	if (fflush(stdout) != 0 && status == 0)
		status = failure_of(s->command);
	return status;
}

int main(int argc, char **argv)
{
	struct swanctl s = { 0 };
	int letter;

	if (argc < 2)
		return usage(NULL);
	if (argc >= 3 && strcmp(argv[1], "--completion") == 0)
		return swanctl_completion(argv[2],
			argc == 5 && strcmp(argv[3], "--uri") == 0 ? argv[4] : NULL,
			&(struct swanctl_table){ commands, COMMANDS, common, COMMON });
	s.command = find_command(argc, argv, &letter);
	if (s.command)
		return run_command(&s, argc, argv);
	if (letter == 'h')
		return usage(NULL);
	return usage("invalid operation");
}
