/*
 * Pages of docs/ that are printed from the tables in the code: what libvici knows of keys, what the
 * daemon's load-conn does with them, which settings have an effect, events of the log.
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

void print_swanctl_page(FILE *file);
void print_strongswan_page(FILE *file);
void print_logging_page(FILE *file); /* log_page.c */

/* All of them; a NULL name ends the list. */
struct printed_page {
	const char *name, *file; /* "swanctl", "swanctl.conf-keys.md" */
	void (*print)(FILE *file);
};
extern const struct printed_page printed_pages[];

#endif
