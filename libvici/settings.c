/* The tree of settings: its nodes, look-ups and typed values. Syntax is in settings_parse.c. */
#include "libvici/settings.h"

#include "libbase/secret.h"
#include "libvici/settings_tree.h"
#include "libvici/value.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define HASH_PREFIX (sizeof(void *) + 1)

/* The hash key of a name under a parent, at ret; returns its length. */
static size_t hash_key_write(
	char *ret, const struct settings_section *parent, bool is_section, struct bytes name)
{
	memcpy(ret, &parent, sizeof(parent));
	ret[sizeof(parent)] = is_section ? 's' : 'k';
	bytes_copy(ret + HASH_PREFIX, name);
	return HASH_PREFIX + name.length;
}

static struct settings_node *node_new(struct settings_tree *tree, struct settings_section *parent,
	bool is_section, struct bytes name, struct why *why)
{
	if (tree->count >= tree->limit) {
		why_fail(why, "more than %zu sections and keys, inherited ones too", tree->limit);
		return NULL;
	}
	struct settings_node *node = calloc(1, sizeof(*node) + HASH_PREFIX + name.length + 1);
	if (!node) {
		why_fail(why, "out of memory");
		return NULL;
	}
	node->is_section = is_section;
	node->hash_length = hash_key_write(node->hash_key, parent, is_section, name);
	HASH_ADD_KEYPTR(hh, tree->nodes, node->hash_key, node->hash_length, node);
	tree->count++;
	return node;
}

bool settings_tree_begin(struct settings_tree *tree, size_t limit, struct why *why)
{
	tree->limit = limit;
	tree->root = node_new(tree, NULL, true, (struct bytes){ 0 }, why);
	if (!tree->root)
		return false;
	tree->root->as.section.name = tree->root->hash_key + HASH_PREFIX;
	return true;
}

static void value_free(const char *value)
{
	char *text = (char *)(uintptr_t)value;

	if (text)
		secret_wipe(text, strlen(text));
	free(text);
}

static void node_free(struct settings_node *node)
{
	struct settings_reference *next;

	for (struct settings_reference *r = node->references; r; r = next) {
		next = r->next;
		free(r->path);
		free(r);
	}
	if (!node->is_section)
		value_free(node->as.key.value);
	free(node);
}

void settings_tree_free(struct settings_tree *tree)
{
	struct settings_node *node, *next;

	HASH_ITER(hh, tree->nodes, node, next)
	{
		HASH_DEL(tree->nodes, node);
		node_free(node);
	}
	*tree = (struct settings_tree){ 0 };
}

struct settings_node *settings_tree_find(const struct settings_tree *tree,
	const struct settings_section *parent, bool is_section, struct bytes name)
{
	struct settings_node *node = NULL;
	char key[HASH_PREFIX + 256];

	if (name.length > sizeof(key) - HASH_PREFIX)
		return NULL;
	size_t length = hash_key_write(key, parent, is_section, name);
	HASH_FIND(hh, tree->nodes, key, length, node);
	return node;
}

static bool name_fits(struct bytes name, struct why *why)
{
	return name.length <= 255 ||
	       why_fail(why, "a name of %zu characters; at most 255 are possible", name.length);
}

struct settings_node *settings_tree_section(struct settings_tree *tree,
	struct settings_section *parent, struct bytes name, struct settings_place place,
	struct why *why)
{
	struct settings_node *node = settings_tree_find(tree, parent, true, name);

	if (node)
		return node;
	if (!name_fits(name, why) || !(node = node_new(tree, parent, true, name, why)))
		return NULL;
	struct settings_node *above = settings_section_node(parent);
	struct settings_section *section = &node->as.section;
	section->name = node->hash_key + HASH_PREFIX;
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

	key->prev = above->last_key;
	if (key->prev)
		key->prev->next = key;
	else
		parent->keys = key;
	above->last_key = key;
}

bool settings_tree_set(struct settings_tree *tree, struct settings_section *parent,
	struct bytes name, const char *value, struct settings_place place, struct why *why)
{
	struct settings_node *node = settings_tree_find(tree, parent, false, name);
	char *copy = value ? strdup(value) : NULL;

	if (value && !copy)
		return why_fail(why, "out of memory");
	if (!node) {
		if (!name_fits(name, why) || !(node = node_new(tree, parent, false, name, why))) {
			value_free(copy);
			return false;
		}
		node->as.key.name = node->hash_key + HASH_PREFIX;
		key_append(parent, &node->as.key);
	}
	value_free(node->as.key.value);
	node->as.key.value = copy;
	node->as.key.place = place;
	node->unset = !value;
	return true;
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
	free(s);
}

const struct settings_section *settings_root(const struct settings *s)
{
	return &s->resolved.root->as.section;
}

const char *settings_warning(const struct settings *s, size_t index)
{
	return index < s->warning_count ? s->warnings[index] : NULL;
}

void settings_warn(struct settings *s, const struct settings_place *place, const char *format, ...)
{
	struct why text;
	va_list values;
	char *line;

	va_start(values, format);
	int length = vasprintf(&line, format, values);
	va_end(values);
	if (length < 0)
		return;
	settings_fail(place, &text, "%s", line);
	free(line);
	char **warnings = realloc(s->warnings, (s->warning_count + 1) * sizeof(*warnings));
	if (!warnings)
		return;
	s->warnings = warnings;
	if ((warnings[s->warning_count] = strdup(text.text)))
		s->warning_count++;
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

/* Sections are few at each level of a look-up from outside, so this walks the lists. */
static const struct settings_section *section_child(
	const struct settings_section *from, struct bytes name)
{
	SETTINGS_SECTIONS(each, from)
	if (bytes_equal(bytes_of_text(each->name), name))
		return each;
	return NULL;
}

const struct settings_section *settings_find(const struct settings_section *from, const char *path)
{
	while (from) {
		size_t length = strcspn(path, ".");

		from = section_child(from, bytes_of(path, length));
		if (path[length] == '\0')
			break;
		path += length + 1;
	}
	return from;
}

const struct settings_section *settings_child(
	const struct settings *s, const struct settings_section *parent, const char *name)
{
	const struct settings_node *node =
		parent ? settings_tree_find(&s->resolved, parent, true, bytes_of_text(name)) : NULL;

	return node ? &node->as.section : NULL;
}

const struct settings_key *settings_find_key(const struct settings_section *from, const char *path)
{
	const char *dot;

	for (; from && (dot = strchr(path, '.')); path = dot + 1)
		from = section_child(from, bytes_of(path, (size_t)(dot - path)));
	if (!from)
		return NULL;
	SETTINGS_KEYS(each, from)
	if (strcmp(each->name, path) == 0)
		return each;
	return NULL;
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
