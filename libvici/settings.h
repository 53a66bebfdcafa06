/*
 * The syntax of strongswan.conf(5) and swanctl.conf(5), read into a tree.
 *
 *	name { ... }              a section; the same name again extends it
 *	name : base, other.base { a section that inherits what it does not set itself
 *	key = value               to the end of the line, or "quoted"; again replaces it
 *	key =                     unset: hides an inherited or earlier value
 *	include peers-?.conf      shell wildcards, from the including file; extends this section
 *	# comment
 *
 * Every section and key keeps the file and line where it was last set, so that whoever checks its
 * meaning can say where it stands. A file is loaded whole or not at all: the first error, with
 * file and line, ends it. What is odd but harmless (a reference to a section that does not exist,
 * an include that matches nothing, or something that cannot be read) is kept as a warning.
 *
 * The tree is owned by settings_load()'s result and read-only afterwards; all texts live as long
 * as it. References are resolved when loading: inherited entries follow a section's own, in the
 * order of the references, as strongSwan orders them. Reads files, has no globals. Values may hold
 * secrets: they are wiped when the tree is freed.
 */
#ifndef LIBVICI_SETTINGS_H
#define LIBVICI_SETTINGS_H

#include "libbase/bytes.h"
#include "libbase/why.h"

#define SETTINGS_DEPTH_MAX 32      /* sections within sections */
#define SETTINGS_INCLUDE_MAX 10    /* files that include each other */
#define SETTINGS_NODES_MAX 4000000 /* sections and keys; fewer when most are inherited */

struct settings;

/* Where something stands; file lives as long as the tree. */
struct settings_place {
	const char *file;
	unsigned line;
};

struct settings_key {
	struct settings_key *prev, *next; /* in a section, in order */
	const char *name;
	const char *value; /* never NULL; may be "" only if written as "" */
	struct settings_place place;
};

struct settings_section {
	struct settings_section *prev, *next;
	struct settings_section *parent; /* NULL for the root */
	const char *name;
	struct settings_place place;
	struct settings_key *keys;         /* first; follow ->next */
	struct settings_section *sections; /* first; follow ->next */
	bool is_base; /* directly in the root, and another inherits from it or a part of it */
};

/* Where settings of strongswan.conf(5) are: in the file that the environment's STRONGSWAN_CONF
 * names, which must exist; else in SETTINGS_PATH; else, as that belongs to a package of
 * strongSwan's, in SETTINGS_PATH_ALONE. NULL when there is none. */
#define SETTINGS_PATH "/etc/strongswan.conf"
#define SETTINGS_PATH_ALONE "/etc/strongswan.d/charon-lite.conf"
const char *settings_path(void);

/* Reads a file and what it includes. NULL and why ("file:line: ...") on error. */
struct settings *settings_load(const char *path, struct why *why);

/* The same from memory; `name` stands for the file in places. Includes are an error here. */
struct settings *settings_parse(struct bytes text, const char *name, struct why *why);

void settings_free(struct settings *s);

const struct settings_section *settings_root(const struct settings *s);

/* Warnings in order, each "file:line: text"; NULL at the end. */
const char *settings_warning(const struct settings *s, size_t index);

enum settings_remark_kind {
	SETTINGS_REMARK_UNREADABLE, /* an include that names what is not there or cannot be read */
	SETTINGS_REMARK_REFERENCE,  /* to a section that does not exist */
	/* No warnings: each has its use. */
	SETTINGS_REMARK_EMPTY,     /* an include whose wildcards match nothing */
	SETTINGS_REMARK_KEY_AGAIN, /* a key that stood in that section, in the same file, already */
	SETTINGS_REMARK_SECTION_AGAIN, /* the same for a section within another */
};

struct settings_remark {
	uint8_t kind;
	struct settings_place place;
	char *text;
};

/* All that is odd, warnings or not, in order; NULL at the end. */
const struct settings_remark *settings_remark(const struct settings *s, size_t index);

#define SETTINGS_KEYS(each, section) \
	for (const struct settings_key *each = (section)->keys; each; each = each->next)
#define SETTINGS_SECTIONS(each, section) \
	for (const struct settings_section *each = (section)->sections; each; each = each->next)

/* Look-ups by names joined with dots, from a section downwards; NULL when absent. A NULL section
 * has nothing in it. */
const struct settings_section *settings_find(const struct settings_section *from, const char *path);
const struct settings_key *settings_find_key(const struct settings_section *from, const char *path);
const char *settings_get(const struct settings_section *from, const char *path);

/* The section directly in another, which may be NULL, of a name that may contain dots. */
const struct settings_section *settings_child(
	const struct settings_section *parent, const char *name);

/* Typed: ret gets the value or, when the key is absent, `otherwise`. A value of the wrong form
 * returns false with "file:line: key = value is not ...". */
MUST_USE bool settings_get_bool(const struct settings_section *from, const char *path,
	bool otherwise, bool *ret, struct why *why);
MUST_USE bool settings_get_number(const struct settings_section *from, const char *path,
	uint64_t otherwise, uint64_t *ret, struct why *why);
MUST_USE bool settings_get_double(const struct settings_section *from, const char *path,
	double otherwise, double *ret, struct why *why);
/* Seconds. */
MUST_USE bool settings_get_seconds(const struct settings_section *from, const char *path,
	uint64_t otherwise, uint64_t *ret, struct why *why);

/* why := "file:line: " and the text; returns false. */
PRINTF_LIKE(3, 4)
bool settings_fail(const struct settings_place *place, struct why *why, const char *format, ...);

#endif
