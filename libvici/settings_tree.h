/*
 * The tree behind settings.h, for the files that build it. Not for other rooms.
 *
 * Loading makes two trees of the same kind: as written (with references and unset keys) and, from
 * it, the one that is handed out (inherited entries in place, unset keys gone). Each tree has one
 * hash table over (parent, kind, name), so that 10,000 connections load in linear time.
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

/* A section or a key. */
struct settings_node {
	union {
		struct settings_section section;
		struct settings_key key;
	} as; /* first: the public pointers point here */
	bool is_section;
	bool unset;                            /* a key without a value */
	struct settings_reference *references; /* of a section as written */
	struct settings_section *last_section;
	struct settings_key *last_key;
	UT_hash_handle hh;
	size_t hash_length;
	char hash_key[]; /* parent's address, kind, then the name with its zero */
};

struct settings_file {
	struct settings_file *next;
	char name[];
};

struct settings_tree {
	struct settings_node *root;
	struct settings_node *nodes; /* the hash table; its order is the order of creation */
	size_t count, limit;
};

struct settings {
	struct settings_tree written; /* emptied once loaded */
	struct settings_tree resolved;
	struct settings_file *files;
	char **warnings; /* ends in NULL */
	size_t warning_count;
};

static inline struct settings_node *settings_section_node(const struct settings_section *section)
{
	return (struct settings_node *)(uintptr_t)section;
}

/* A tree of at most `limit` nodes. */
bool settings_tree_begin(struct settings_tree *tree, size_t limit, struct why *why);
void settings_tree_free(struct settings_tree *tree);

/* NULL when there is none of that name and kind. */
struct settings_node *settings_tree_find(const struct settings_tree *tree,
	const struct settings_section *parent, bool is_section, struct bytes name);

/* The section of that name, new if need be; NULL and why beyond a limit. */
struct settings_node *settings_tree_section(struct settings_tree *tree,
	struct settings_section *parent, struct bytes name, struct settings_place place,
	struct why *why);

/* Sets a key; value NULL marks it unset. */
bool settings_tree_set(struct settings_tree *tree, struct settings_section *parent,
	struct bytes name, const char *value, struct settings_place place, struct why *why);

PRINTF_LIKE(3, 4)
void settings_warn(struct settings *s, const struct settings_place *place, const char *format, ...);

/* Fills s->resolved from s->written (settings_inherit.c). */
bool settings_inherit(struct settings *s, struct why *why);

#endif
