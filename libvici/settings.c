/* The tree of settings: its nodes, look-ups and typed values. Syntax is in settings_parse.c. */
#include "libvici/settings.h"

#include "libbase/secret.h"
#include "libvici/settings_tree.h"
#include "libvici/value.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- Nodes ---- */

static bool has_room(const struct settings_tree *tree, struct bytes name, struct why *why)
{
	if (name.length > 255)
		return why_fail(
			why, "a name of %zu characters; at most 255 are possible", name.length);
	return tree->count < tree->limit ||
	       why_fail(why, "more than %zu sections and keys, inherited ones too", tree->limit);
}

static struct settings_node *node_new(
	struct settings_tree *tree, struct bytes name, struct why *why)
{
	if (!has_room(tree, name, why))
		return NULL;
	struct settings_node *node = calloc(1, sizeof(*node) + name.length + 1);
	if (!node) {
		why_fail(why, "out of memory");
		return NULL;
	}
	bytes_copy(node->name, name);
	node->section.name = node->name;
	tree->count++;
	return node;
}

bool settings_tree_begin(struct settings_tree *tree, size_t limit, struct why *why)
{
	tree->limit = limit;
	tree->root = node_new(tree, (struct bytes){ 0 }, why);
	return tree->root != NULL;
}

static void value_free(const char *value)
{
	char *text = (char *)(uintptr_t)value;

	if (text)
		secret_wipe(text, strlen(text));
	free(text);
}

static void key_free(struct settings_key *key)
{
	value_free(key->value);
	free(key);
}

static void entries_free(struct settings_entry *entries)
{
	struct settings_entry *entry, *next;

	HASH_ITER(hh, entries, entry, next)
	{
		HASH_DEL(entries, entry);
		free(entry);
	}
}

static void references_free(struct settings_reference *references)
{
	struct settings_reference *next;

	for (struct settings_reference *r = references; r; r = next) {
		next = r->next;
		free(r->path);
		free(r);
	}
}

/* Sections are nested SETTINGS_DEPTH_MAX deep at most. */
static void node_free(struct settings_node *node)
{
	struct settings_key *next_key;
	struct settings_section *next_section;

	for (struct settings_key *key = node->section.keys; key; key = next_key) {
		next_key = key->next;
		key_free(key);
	}
	for (struct settings_section *below = node->section.sections; below; below = next_section) {
		next_section = below->next;
		node_free(settings_section_node(below));
	}
	entries_free(node->more_sections);
	entries_free(node->more_keys);
	references_free(node->references);
	free(node);
}

void settings_tree_free(struct settings_tree *tree)
{
	if (tree->root)
		node_free(tree->root);
	*tree = (struct settings_tree){ 0 };
}

/* ---- Names within a section ---- */

static bool is_named(const char *name, struct bytes wanted)
{
	return strncmp(name, (const char *)wanted.at, wanted.length) == 0 &&
	       name[wanted.length] == '\0';
}

static void *entry_find(struct settings_entry *entries, struct bytes name)
{
	struct settings_entry *entry = NULL;

	if (entries)
		HASH_FIND(hh, entries, name.at, name.length, entry);
	return entry ? entry->item : NULL;
}

static bool entry_add(struct settings_entry **entries, void *item, const char *name)
{
	struct settings_entry *entry = calloc(1, sizeof(*entry));

	if (!entry)
		return false;
	entry->item = item;
	HASH_ADD_KEYPTR(hh, *entries, name, strlen(name), entry);
	return true;
}

struct settings_node *settings_node_find(const struct settings_section *parent, struct bytes name)
{
	struct settings_section *each = parent->sections;

	for (unsigned i = 0; each && i < SETTINGS_FEW; each = each->next, i++)
		if (is_named(each->name, name))
			return settings_section_node(each);
	return entry_find(settings_section_node(parent)->more_sections, name);
}

struct settings_key *settings_key_find(const struct settings_section *parent, struct bytes name)
{
	struct settings_key *each = parent->keys;

	for (unsigned i = 0; each && i < SETTINGS_FEW; each = each->next, i++)
		if (is_named(each->name, name))
			return each;
	return entry_find(settings_section_node(parent)->more_keys, name);
}

struct settings_node *settings_tree_section(struct settings_tree *tree,
	struct settings_section *parent, struct bytes name, struct settings_place place,
	struct why *why)
{
	struct settings_node *node = settings_node_find(parent, name);
	struct settings_node *above = settings_section_node(parent);

	if (node || !(node = node_new(tree, name, why)))
		return node;
	struct settings_section *section = &node->section;
	if (above->section_count >= SETTINGS_FEW &&
		!entry_add(&above->more_sections, section, section->name)) {
		free(node);
		why_fail(why, "out of memory");
		return NULL;
	}
	above->section_count++;
	section->parent = parent;
	section->place = place;
	section->prev = above->last_section;
	if (section->prev)
		section->prev->next = section;
	else
		parent->sections = section;
	above->last_section = section;
	return node;
}

static void key_append(struct settings_section *parent, struct settings_key *key)
{
	struct settings_node *above = settings_section_node(parent);

	above->key_count++;
	key->prev = above->last_key;
	if (key->prev)
		key->prev->next = key;
	else
		parent->keys = key;
	above->last_key = key;
}

static struct settings_key *key_new(struct settings_tree *tree, struct settings_section *parent,
	struct bytes name, struct why *why)
{
	struct settings_node *above = settings_section_node(parent);

	if (!has_room(tree, name, why))
		return NULL;
	struct settings_key_node *node = calloc(1, sizeof(*node) + name.length + 1);
	if (node) {
		bytes_copy(node->name, name);
		node->key.name = node->name;
	}
	if (!node || (above->key_count >= SETTINGS_FEW &&
			     !entry_add(&above->more_keys, &node->key, node->name))) {
		free(node);
		why_fail(why, "out of memory");
		return NULL;
	}
	tree->count++;
	key_append(parent, &node->key);
	return &node->key;
}

bool settings_tree_set(struct settings_tree *tree, struct settings_section *parent,
	struct bytes name, const char *value, struct settings_place place, struct why *why)
{
	struct settings_key *key = settings_key_find(parent, name);
	char *copy = value ? strdup(value) : NULL;

	if (value && !copy)
		return why_fail(why, "out of memory");
	if (!key && !(key = key_new(tree, parent, name, why))) {
		value_free(copy);
		return false;
	}
	value_free(key->value);
	key->value = copy;
	key->place = place;
	return true;
}

void settings_key_drop(struct settings_section *parent, struct settings_key *key)
{
	struct settings_node *above = settings_section_node(parent);
	struct settings_entry *entry = NULL;

	if (above->more_keys)
		HASH_FIND(hh, above->more_keys, key->name, strlen(key->name), entry);
	if (entry) {
		HASH_DEL(above->more_keys, entry);
		free(entry);
	}
	key_free(key);
}

void settings_free(struct settings *s)
{
	struct settings_file *next;

	if (!s)
		return;
	settings_tree_free(&s->written);
	settings_tree_free(&s->resolved);
	for (struct settings_file *file = s->files; file; file = next) {
		next = file->next;
		free(file);
	}
	for (size_t i = 0; i < s->warning_count; i++)
		free(s->warnings[i]);
	free(s->warnings);
	for (size_t i = 0; i < s->remark_count; i++)
		free(s->remarks[i].text);
	free(s->remarks);
	free(s);
}

const struct settings_section *settings_root(const struct settings *s)
{
	return &s->resolved.root->section;
}

const char *settings_warning(const struct settings *s, size_t index)
{
	return index < s->warning_count ? s->warnings[index] : NULL;
}

const struct settings_remark *settings_remark(const struct settings *s, size_t index)
{
	return index < s->remark_count ? &s->remarks[index] : NULL;
}

static void add_warning(struct settings *s, const struct settings_place *place, const char *line)
{
	struct why text;

	settings_fail(place, &text, "%s", line);
	char **warnings = realloc(s->warnings, (s->warning_count + 1) * sizeof(*warnings));
	if (!warnings)
		return;
	s->warnings = warnings;
	if ((warnings[s->warning_count] = strdup(text.text)))
		s->warning_count++;
}

void settings_note(struct settings *s, enum settings_remark_kind kind,
	const struct settings_place *place, const char *format, ...)
{
	struct settings_remark *remarks;
	va_list values;
	char *line;

	va_start(values, format);
	int length = vasprintf(&line, format, values);
	va_end(values);
	if (length < 0)
		return;
	if (kind <= SETTINGS_REMARK_REFERENCE)
		add_warning(s, place, line);
	remarks = realloc(s->remarks, (s->remark_count + 1) * sizeof(*remarks));
	if (!remarks) {
		free(line);
		return;
	}
	s->remarks = remarks;
	remarks[s->remark_count++] = (struct settings_remark){ kind, *place, line };
}

bool settings_fail(const struct settings_place *place, struct why *why, const char *format, ...)
{
	va_list values;
	char *text;

	if (!why)
		return false;
	va_start(values, format);
	int length = vasprintf(&text, format, values);
	va_end(values);
	if (length < 0)
		return why_fail(why, "out of memory");
	why_fail(why, "%s:%u: %s", place->file, place->line, text);
	free(text);
	return false;
}

const struct settings_section *settings_find(const struct settings_section *from, const char *path)
{
	while (from) {
		size_t length = strcspn(path, ".");
		const struct settings_node *node = settings_node_find(from, bytes_of(path, length));

		from = node ? &node->section : NULL;
		if (path[length] == '\0')
			break;
		path += length + 1;
	}
	return from;
}

const struct settings_section *settings_child(
	const struct settings_section *parent, const char *name)
{
	const struct settings_node *node =
		parent ? settings_node_find(parent, bytes_of_text(name)) : NULL;

	return node ? &node->section : NULL;
}

const struct settings_key *settings_find_key(const struct settings_section *from, const char *path)
{
	const char *dot;

	for (; from && (dot = strchr(path, '.')); path = dot + 1) {
		const struct settings_node *node =
			settings_node_find(from, bytes_of(path, (size_t)(dot - path)));

		from = node ? &node->section : NULL;
	}
	return from ? settings_key_find(from, bytes_of_text(path)) : NULL;
}

const char *settings_get(const struct settings_section *from, const char *path)
{
	const struct settings_key *key = settings_find_key(from, path);

	return key ? key->value : NULL;
}

static bool key_wrong(const struct settings_key *key, struct why *why, const char *wanted)
{
	return settings_fail(&key->place, why, "%s = %s: wanted %s", key->name, key->value, wanted);
}

bool settings_get_bool(const struct settings_section *from, const char *path, bool otherwise,
	bool *ret, struct why *why)
{
	const struct settings_key *key = settings_find_key(from, path);

	if (key && *key->value)
		return value_bool(bytes_of_text(key->value), ret) ||
		       key_wrong(key, why, "yes or no");
	*ret = otherwise;
	return true;
}

bool settings_get_number(const struct settings_section *from, const char *path, uint64_t otherwise,
	uint64_t *ret, struct why *why)
{
	const struct settings_key *key = settings_find_key(from, path);

	if (key && *key->value)
		return value_unsigned(bytes_of_text(key->value), ret) ||
		       key_wrong(key, why, "a number");
	*ret = otherwise;
	return true;
}

bool settings_get_double(const struct settings_section *from, const char *path, double otherwise,
	double *ret, struct why *why)
{
	const struct settings_key *key = settings_find_key(from, path);

	if (key && *key->value)
		return value_double(bytes_of_text(key->value), ret) ||
		       key_wrong(key, why, "a number such as 1.8");
	*ret = otherwise;
	return true;
}

bool settings_get_seconds(const struct settings_section *from, const char *path, uint64_t otherwise,
	uint64_t *ret, struct why *why)
{
	const struct settings_key *key = settings_find_key(from, path);

	if (key && *key->value)
		return value_seconds(bytes_of_text(key->value), ret) ||
		       key_wrong(key, why, "a time in seconds, or with s, m, h or d");
	*ret = otherwise;
	return true;
}

/* ---- Which file ---- */

/* What is there but cannot be read is there. */
static bool is_missing(const char *path)
{
	return access(path, F_OK) != 0 && errno == ENOENT;
}

const char *settings_path(void)
{
	const char *path = getenv("STRONGSWAN_CONF");

	if (path)
		return path;
	if (!is_missing(SETTINGS_PATH))
		return SETTINGS_PATH;
	return is_missing(SETTINGS_PATH_ALONE) ? NULL : SETTINGS_PATH_ALONE;
}
