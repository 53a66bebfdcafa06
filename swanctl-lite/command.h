/*
 * Commands of swanctl-lite: the table in main.c, the options of each, and what all of them need.
 *
 * A command is one `const struct swanctl_command` with its name, options in the order in which
 * --help lists them, and a run function. main.c parses the options; run talks to the daemon
 * through struct swanctl, which connects at the first request, and returns the exit status. Texts
 * for people and scripts go to stdout, complaints to stderr, worded as strongSwan's swanctl words
 * them, because OPNsense, pfSense and VyOS parse them.
 */
#ifndef SWANCTL_LITE_COMMAND_H
#define SWANCTL_LITE_COMMAND_H

#include "libvici/client.h"
#include "libvici/settings.h"
#include "swanctl-lite/check_codes.h"
#include "swanctl-lite/output.h"

#define SWANCTL_OPTIONS_MAX 16
#define SWANCTL_USAGE_MAX 4

struct swanctl_option {
	const char *name; /* long */
	char letter;      /* below ' ' when there is none that can be typed */
	bool has_value;
	const char *text;
};

static inline bool swanctl_has_letter(const struct swanctl_option *option)
{
	return option->letter > ' ';
}

struct check;

/* What a command runs with. */
struct swanctl {
	const struct swanctl_command *command;
	struct vici_client *client; /* NULL until something is asked of the daemon */
	enum swanctl_format format;
	int debug;            /* 0: no warnings; 2: also what is sent */
	struct check *check;  /* NULL but in --check, which hears of faults in place of stderr */
	const char *argument; /* behind the options; NULL when there is none */
	bool quiet;           /* of loading: what succeeds is told otherwise (load_all.c) */
	unsigned faults;      /* of the configuration, for which nothing could be sent */
	const char *
		values[128]; /* by an option's letter; "" for one without a value; NULL if absent */
};

struct swanctl_command {
	const char *name;
	char letter;
	const char *text;
	const char *usage[SWANCTL_USAGE_MAX]; /* lines behind "--name" */
	struct swanctl_option options[SWANCTL_OPTIONS_MAX];
	bool takes_argument; /* one, which may be left out */
	const char *status;  /* what the exit status tells, where it tells more than failure */
	int failure;         /* it, with wrong options; 0: EXIT_FAILURE */
	int (*run)(struct swanctl *s);
};

extern const struct swanctl_command swanctl_check;

#define SWANCTL_RAW                                            \
	{                                                      \
		"raw", 'r', false, "dump raw response message" \
	}
#define SWANCTL_PRETTY                                                            \
	{                                                                         \
		"pretty", 'P', false, "dump raw response message in pretty print" \
	}
#define SWANCTL_FILE                                             \
	{                                                        \
		"file", 'f', true, "custom path to swanctl.conf" \
	}

static inline const char *swanctl_value(const struct swanctl *s, char letter)
{
	return s->values[(unsigned char)letter & 127];
}

static inline bool swanctl_given(const struct swanctl *s, char letter)
{
	return swanctl_value(s, letter) != NULL;
}

/* Adds an option's value as a key of the request, if it was given. */
void swanctl_add_option(
	const struct swanctl *s, struct vici_builder *b, char letter, const char *key);

/* Connects unless that is done. False, after saying why, with the exit status. */
MUST_USE bool swanctl_connect(struct swanctl *s, int *ret_status);

/* The same without a word, and anew when the daemon went away (s->client is then NULL). */
MUST_USE bool swanctl_connect_again(struct swanctl *s, struct why *why);

/* Sends a command. False when there is no answer, after saying why ("list-conns request failed:
 * ...", "not supported by this daemon"); *ret_status is then the exit status. */
MUST_USE bool swanctl_call(
	struct swanctl *s, const struct vici_call *call, struct vici_view *ret, int *ret_status);

/* swanctl_call(), and what nearly every command does with an answer of success and errmsg: dump it
 * as `reply` when asked for a dump, else say "<what> failed: <errmsg>" if it failed. Returns the
 * exit status; *ret_ok tells whether it succeeded. */
int swanctl_simple(struct swanctl *s, const struct vici_call *call, const char *what, bool *ret_ok);

/* A command that streams events: dumps each as asked, or has it printed for people. Returns the
 * exit status. */
int swanctl_stream(struct swanctl *s, const char *command, const char *event,
	struct vici_builder *arguments, void (*print)(struct vici_view message));

/* Prints events, a list that NULL ends, until the daemon goes away or the command is interrupted:
 * dumped under their names, "<name> event" or as label says, or for people. Of several the first
 * may be unknown to the daemon. Returns the exit status. */
int swanctl_follow(struct swanctl *s, const char *const *events, const char *label,
	void (*print)(struct vici_view message));

/* The IKE SAs of a message, and their children, as --list-sas has them. */
void swanctl_print_sas(struct vici_view message);

/* Dumps the reply to one request of several ("load-conn reply {...}"); JSON says what it was
 * about: {"command":"load-conn","name":"psk","success":"yes"}. name may be NULL. */
void swanctl_dump_reply(
	const struct swanctl *s, const char *command, const char *name, struct vici_view answer);

/* A fault of the configuration: in a key or section (place), or in a file of its own (path). One of
 * them is NULL, or both. To stderr, or to --check. */
PRINTF_LIKE(5, 6)
void swanctl_complain(struct swanctl *s, enum check_code code, const struct settings_place *place,
	const char *path, const char *format, ...);

/* Whether an answer says success = yes. */
bool swanctl_succeeded(struct vici_view answer);

extern const struct swanctl_command swanctl_counters, swanctl_explain, swanctl_initiate,
	swanctl_terminate, swanctl_rekey, swanctl_redirect, swanctl_uninstall, swanctl_install,
	swanctl_list_sas, swanctl_monitor_sa, swanctl_monitor, swanctl_graph, swanctl_list_pols,
	swanctl_list_authorities, swanctl_list_conns, swanctl_list_pools, swanctl_list_algs,
	swanctl_list_certs, swanctl_flush_certs, swanctl_load_clients, swanctl_list_clients,
	swanctl_save_keys, swanctl_confirm_load, swanctl_genkey, swanctl_pubkey, swanctl_mesh,
	swanctl_load_all, swanctl_load_authorities, swanctl_load_conns, swanctl_load_creds,
	swanctl_load_pools, swanctl_log, swanctl_version, swanctl_stats, swanctl_reload_settings;

#endif
