/*
 * The tree behind settings.h, for the files that build it. Not for other rooms.
 *
 * Loading makes a tree as written (with references and unset keys) and, from it, the one that is
 * handed out (inherited entries in place, unset keys gone). Without any reference that is the same
 * tree. Most sections have few entries, which are looked through; those beyond the first
 * SETTINGS_FEW are found by hash, so that 10,000 connections load in linear time.
 */
#ifndef LIBVICI_SETTINGS_TREE_H
#define LIBVICI_SETTINGS_TREE_H

#include "libvici/settings.h"

#include <uthash.h>

/* "base.section" after the colon of a section. */
struct settings_reference {
	struct settings_reference *next;
	char *path;
	struct settings_place place;
	bool busy; /* being looked up: guards against references in a circle */
};

#define SETTINGS_FEW 16

/* One of the keys or sections that a section has beyond its first ones. */
struct settings_entry {
	UT_hash_handle hh;
	void *item; /* struct settings_key or settings_section; the hash's key is its name */
};

struct settings_key_node {
	struct settings_key key; /* first: the public pointer points here; value NULL: unset */
	char name[];
};

struct settings_node {
	struct settings_section section;       /* first: the public pointer points here */
	struct settings_reference *references; /* as written */
	struct settings_section *last_section;
	struct settings_key *last_key;
	unsigned section_count, key_count;
	struct settings_entry *more_sections, *more_keys;
	char name[];
};

struct settings_file {
	struct settings_file *next;
	char name[];
};

struct settings_tree {
	struct settings_node *root;
	size_t count, limit; /* of sections and keys */
};

struct settings {
	struct settings_tree written; /* emptied once loaded */
	bool has_references;
	struct settings_tree resolved;
	struct settings_file *files;
	char **warnings;
	size_t warning_count;
	struct settings_remark *remarks;
	size_t remark_count;
};

static inline struct settings_node *settings_section_node(const struct settings_section *section)
{
	return (struct settings_node *)(uintptr_t)section;
}

/* A tree of at most `limit` nodes. */
bool settings_tree_begin(struct settings_tree *tree, size_t limit, struct why *why);
void settings_tree_free(struct settings_tree *tree);

/* NULL when there is none of that name. An unset key is one. */
struct settings_node *settings_node_find(const struct settings_section *parent, struct bytes name);
struct settings_key *settings_key_find(const struct settings_section *parent, struct bytes name);

/* The section of that name, new if need be; NULL and why beyond a limit. */
struct settings_node *settings_tree_section(struct settings_tree *tree,
	struct settings_section *parent, struct bytes name, struct settings_place place,
	struct why *why);

/* Sets a key; value NULL marks it unset. */
bool settings_tree_set(struct settings_tree *tree, struct settings_section *parent,
	struct bytes name, const char *value, struct settings_place place, struct why *why);

/* Takes an unset key, which is in no list any more, out of the hash and frees it. */
void settings_key_drop(struct settings_section *parent, struct settings_key *key);

/* A warning too, if its kind is one. */
PRINTF_LIKE(4, 5)
void settings_note(struct settings *s, enum settings_remark_kind kind,
	const struct settings_place *place, const char *format, ...);

/* Fills s->resolved from s->written (settings_inherit.c). */
bool settings_inherit(struct settings *s, struct why *why);

#endif
