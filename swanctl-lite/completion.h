/*
 * `swanctl-lite --completion KIND [--uri URI]`: what shells complete command lines with. No command
 * for people: the build calls it, packages install what it prints, and the scripts that it prints
 * call it again.
 *
 * "bash" and "zsh" print a completion script for swanctl-lite and swanctl, "table" all commands and
 * options with a tab between fields (docs/commands compares the documentation with it), and
 * "connections", "children", "pools", "authorities", "ike-ids", "child-ids" the names that the
 * daemon has of these, one a line.
 */
#ifndef SWANCTL_LITE_COMPLETION_H
#define SWANCTL_LITE_COMPLETION_H

#include "swanctl-lite/command.h"

struct swanctl_table {
	const struct swanctl_command *const *commands;
	size_t count;
	const struct swanctl_option *common; /* every command has them, and --help */
	size_t common_count;
};

/* uri is where the daemon is, or NULL. Returns the exit status. */
int swanctl_completion(const char *kind, const char *uri, const struct swanctl_table *table);

/* What the value of an option (of all commands, if command is NULL), or of the argument behind the
 * options if option is NULL, is completed with: "connections" and so on, "files", "folders", or
 * NULL for nothing known. */
const char *swanctl_completed_with(
	const struct swanctl_command *command, const struct swanctl_option *option);

/* The words that an option's value is one of, as the command's usage has them
 * ("--type x509|pubkey"), with blanks between; "" when it names none. */
void swanctl_usage_words(const struct swanctl_command *command, const struct swanctl_option *option,
	char *ret, size_t size);

/* completion_names.c: prints names that the daemon has, each on a line, and no complaint when
 * there is no daemon. False when there is no such kind. */
MUST_USE bool swanctl_completion_names(const char *kind, const char *uri);

#endif
