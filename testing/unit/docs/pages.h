/*
 * Pages of docs/ that are printed from the tables in the code: what libvici knows of keys, what the
 * daemon's load-conn does with them, which settings have an effect, events of the log, causes
 * of failures and their cures.
 */
#ifndef TESTING_UNIT_DOCS_PAGES_H
#define TESTING_UNIT_DOCS_PAGES_H

#include "libvici/keys.h"

#include <stdio.h>

struct key_note {
	enum vici_place place;
	const char *key; /* NULL ends the list */
	const char *note;
	bool refused; /* of places whose keys load-conn has no table of */
	bool ignored; /* has no effect, and the log says so */
};

/* notes.c */
extern const char *const place_notes[VICI_PLACES]; /* may be NULL */
extern const struct key_note key_notes[];

/* key_texts.c: what a key is for, and what holds where it is not written (may be ""). */
struct key_text {
	enum vici_place place;
	const char *key; /* NULL ends the list */
	const char *otherwise, *text;
};
extern const struct key_text key_texts[];

/* setting_texts.c: the same for settings, by the pattern that cl_settings_table has. */
struct setting_text {
	const char *pattern; /* NULL ends the list */
	const char *otherwise, *text;
};
extern const struct setting_text setting_texts[];

/* Prints what there is to say about a key beside what it is for, on one line without an end, and
 * returns what becomes of it ("honoured"). */
const char *print_key_notes(FILE *file, enum vici_place place, const char *name);

void print_swanctl_page(FILE *file);
void print_strongswan_page(FILE *file);
void print_logging_page(FILE *file); /* log_page.c */
void print_monitoring_page(FILE *file);
void print_swanctl_man(FILE *file); /* man_pages.c */
void print_settings_man(FILE *file);
const struct key_text *key_text_of(enum vici_place place, const char *key);
const struct setting_text *setting_text_of(const char *pattern);
void print_errors_page(FILE *file); /* errors.c */

/* All of them; a NULL name ends the list. */
struct printed_page {
	const char *name, *file; /* "swanctl", "swanctl.conf-keys.md" */
	void (*print)(FILE *file);
};
extern const struct printed_page printed_pages[];

#endif
