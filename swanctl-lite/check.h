/*
 * --check: what is wrong with a swanctl.conf, without a daemon.
 *
 * The file is read, and looked at (check_tree.c and its kin); what it says is sent to `charon-lite
 * --judge` as --load-all sends it to a daemon (check_load.c), and then the judge is asked about the
 * whole (check_judge.c). Every finding stands at a line of a file.
 */
#ifndef SWANCTL_LITE_CHECK_H
#define SWANCTL_LITE_CHECK_H

#include "libbase/bytes.h"
#include "libbase/why.h"
#include "libvici/keys.h"
#include "swanctl-lite/command.h"

struct check_finding {
	char *file;
	unsigned line; /* 0: the file as a whole */
	uint8_t severity;
	char *code, *text, *why, *instead;
	size_t number; /* in the order of finding */
	size_t more;   /* that stand at the same line and have the same code */
};

/* Where something came from that the judge names by a digest. */
struct check_origin {
	char name[41]; /* hexadecimal */
	char *path;
};

struct check {
	struct swanctl *s;
	struct settings *config;
	struct check_finding *findings;
	size_t count;
	struct check_origin *origins;
	size_t origin_count;
	bool incomplete; /* a connection was not loaded: who is used by whom cannot be told */
	bool out_of_memory;
};

/* ---- check_findings.c ---- */

PRINTF_LIKE(4, 5)
void check_say(struct check *k, enum check_code code, const struct settings_place *place,
	const char *format, ...);
/* Of the judge's table. Copied. */
void check_add(struct check *k, const struct check_finding *finding);

/* What faults in loading become; path: of a file as a whole. */
void check_complaint(struct check *k, enum check_code code, const struct settings_place *place,
	const char *path, const char *text);

void check_note_certificate(struct check *k, const uint8_t sha1[20], const char *path);
void check_note_key(struct check *k, struct bytes id, const char *path);
const char *check_origin(const struct check *k, const char *name); /* NULL: unknown */

/* By file and line; what is at the same line with the same code becomes one. */
void check_sort(struct check *k);
void check_free(struct check *k);

/* ---- check_print.c ---- */

void check_print(const struct check *k, const char *path);
void check_print_json(const struct check *k, const char *path);
/* Both tables in Markdown; codes: the answer of the judge. */
void check_print_codes(FILE *to, struct vici_view codes);

/* ---- Looking at the file ---- */

void check_remarks(struct check *k); /* check_tree.c: what reading it showed */
void check_words(struct check *k);   /* check_tree.c: keys, sections, values */
void check_effects(struct check *k); /* check_effects.c: keys that do nothing */
void check_actions(struct check *k); /* check_actions.c: what fights each other; times */
void check_scripts(struct check *k); /* check_scripts.c: whether they are there */
void check_values(struct check *k);  /* check_values.c: networks, addresses, proposals */
void check_host(struct check *k);    /* check_host.c: with --live */
void check_secrets(struct check *k); /* check_secrets.c */
void check_names(struct check *k);   /* check_names.c: asks name servers, with a limit */

/* The sections of a top section; NULL: there are none. */
const struct settings_section *check_sections(const struct check *k, const char *top);
/* A key's value, NULL when it is not written; whether it is a yes. */
const char *check_value(const struct settings_section *section, const char *key);
bool check_is_yes(const char *value, bool otherwise);
/* Its place, else the section's. */
const struct settings_place *check_place(const struct settings_section *section, const char *key);
/* The first section within one whose name begins so; NULL. */
const struct settings_section *check_part(const struct settings_section *section, const char *name);
/* The next of a list with commas, without blanks around it; false at its end, and where one does
 * not fit. */
#define CHECK_ITEM_MAX 256
bool check_item(const char **rest, char ret[CHECK_ITEM_MAX]);

/* Whether an item of remote_addrs is one address, or a name, and not a range, a network or any. */
bool check_is_host(const char *item);
/* Whoever calls from an address that is not known before: nobody can be called. */
bool check_takes_anybody(const struct settings_section *connection);
bool check_is_shunt(const struct settings_section *child); /* mode = pass or drop */

/* ---- check_load.c, check_judge.c ---- */

/* Starts it and connects s with it; it ends when s->client is freed. */
MUST_USE bool check_judge_start(struct swanctl *s, struct why *why);
void check_load(struct check *k);
/* The keys of a connection and of its child alone, either of which may be NULL: whether the judge
 * takes them. If not there is a finding. */
bool check_definition(struct check *k, const struct settings_section *connection,
	const struct settings_section *child);
/* A value of an answer as it was sent, cut to fit; "" when absent. The other texts of answers that
 * are no UTF-8 are hexadecimal digits, in which nothing can be found. */
#define CHECK_TEXT_ROOM 2048
const char *check_text(struct vici_view section, const char *key, char room[CHECK_TEXT_ROOM]);
#define CHECK_TEXT_OF(section, key) check_text(section, key, (char[CHECK_TEXT_ROOM]){ 0 })

/* Of the daemon that k->s is connected with. False, after saying why, when it did not answer. */
MUST_USE bool check_judge_ask(struct check *k);

#endif
