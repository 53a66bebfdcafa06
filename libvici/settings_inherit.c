/*
 * References: "name : base, other { }".
 *
 * A section is seen through layers: what is written under its name first, then each section it
 * refers to (and those they refer to), left to right, then the layers its parent's references add
 * under the same name. The first layer that sets a key (or unsets it) wins; keys and sections are
 * listed layer by layer. A reference is a path from the root, walked through layers as well, so
 * it may name something that is itself inherited or comes later in the file.
 */
#include "libvici/settings_tree.h"

#include <stdio.h>
#include <stdlib.h>

struct layers {
	struct settings_node **at;
	size_t count, capacity;
};

struct inherit {
	struct settings *s;
	struct why *why;
	const struct layers
		*open[SETTINGS_DEPTH_MAX]; /* the sections being filled, from the root */
	unsigned depth;
	size_t steps; /* work done, bounded like the number of nodes */
};

/* Sections that inherit from each other can multiply: a page of text must not fill the memory.
 * A connection that sets nothing itself and inherits every key there is has about 100. */
static size_t inherit_limit(const struct settings *s)
{
	size_t limit = 10000 + 100 * s->written.count;

	return limit < SETTINGS_NODES_MAX ? limit : SETTINGS_NODES_MAX;
}

static bool layers_have(const struct layers *layers, const struct settings_node *node)
{
	for (size_t i = 0; i < layers->count; i++)
		if (layers->at[i] == node)
			return true;
	return false;
}

static bool layers_add(struct inherit *in, struct layers *layers, struct settings_node *node);

/* One step down: the layers of the section of that name within `from`. */
static bool layers_child(
	struct inherit *in, const struct layers *from, struct bytes name, struct layers *ret)
{
	for (size_t i = 0; i < from->count; i++) {
		struct settings_node *child = settings_node_find(&from->at[i]->section, name);

		if (child && !layers_add(in, ret, child))
			return false;
	}
	return true;
}

static bool layers_find(struct inherit *in, const char *path, struct layers *ret)
{
	struct layers here = { 0 };
	bool ok = layers_add(in, &here, in->s->written.root);

	while (ok) {
		size_t length = strcspn(path, ".");
		struct layers below = { 0 };

		ok = layers_child(in, &here, bytes_of(path, length), &below);
		free(here.at);
		here = below;
		if (path[length] == '\0')
			break;
		path += length + 1;
	}
	*ret = here;
	return ok;
}

static bool layers_add_reference(
	struct inherit *in, struct layers *layers, struct settings_reference *reference)
{
	struct layers found = { 0 };

	if (reference->busy)
		return true;
	reference->busy = true;
	bool ok = layers_find(in, reference->path, &found);
	reference->busy = false;
	for (size_t i = 0; ok && i < found.count; i++)
		ok = layers_add(in, layers, found.at[i]);
	free(found.at);
	return ok;
}

static bool layers_add(struct inherit *in, struct layers *layers, struct settings_node *node)
{
	if (layers_have(layers, node))
		return true;
	if (++in->steps > 16 * inherit_limit(in->s))
		return why_fail(in->why, "references between sections that multiply without end");
	if (layers->count == layers->capacity) {
		size_t capacity = layers->capacity ? layers->capacity * 2 : 4;
		struct settings_node **at =
			realloc(layers->at, capacity * sizeof(struct settings_node *));

		if (!at)
			return why_fail(in->why, "out of memory");
		layers->at = at;
		layers->capacity = capacity;
	}
	layers->at[layers->count++] = node;
	for (struct settings_reference *each = node->references; each; each = each->next)
		if (!layers_add_reference(in, layers, each))
			return false;
	return true;
}

/* A section that inherits from one that contains it would go on for ever. */
static bool check_circle(struct inherit *in, const struct layers *layers)
{
	for (size_t i = 0; i < layers->count; i++)
		for (unsigned depth = 0; depth < in->depth; depth++)
			if (layers_have(in->open[depth], layers->at[i]))
				return settings_fail(&layers->at[0]->section.place, in->why,
					"section '%s' inherits from '%s', which contains it",
					layers->at[0]->section.name, layers->at[i]->section.name);
	return true;
}

static bool fill(struct inherit *in, struct settings_section *to, const struct layers *layers);

static bool fill_section(struct inherit *in, struct settings_section *to,
	const struct layers *layers, const struct settings_section *from)
{
	struct bytes name = bytes_of_text(from->name);
	struct layers below = { 0 };

	if (settings_node_find(to, name))
		return true;
	struct settings_node *node =
		settings_tree_section(&in->s->resolved, to, name, from->place, in->why);
	bool ok = node && layers_child(in, layers, name, &below) && check_circle(in, &below) &&
		  fill(in, &node->section, &below);
	free(below.at);
	return ok;
}

static bool fill(struct inherit *in, struct settings_section *to, const struct layers *layers)
{
	struct settings_tree *tree = &in->s->resolved;

	if (in->depth == SETTINGS_DEPTH_MAX)
		return settings_fail(
			&layers->at[0]->section.place, in->why, "sections nested too deeply");
	in->open[in->depth++] = layers;
	for (size_t i = 0; i < layers->count; i++)
		SETTINGS_KEYS(key, &layers->at[i]->section)
		{
			struct bytes name = bytes_of_text(key->name);

			if (!settings_key_find(to, name) &&
				!settings_tree_set(tree, to, name, key->value, key->place, in->why))
				return false;
		}
	for (size_t i = 0; i < layers->count; i++)
		SETTINGS_SECTIONS(section, &layers->at[i]->section)
	if (!fill_section(in, to, layers, section))
		return false;
	in->depth--;
	return true;
}

/* Unset keys have done their hiding. Sections are nested SETTINGS_DEPTH_MAX deep at most. */
static void drop_unset(struct settings_section *section)
{
	struct settings_key **link = &section->keys, *before = NULL;

	while (*link) {
		struct settings_key *key = *link;

		if (key->value) {
			key->prev = before;
			before = key;
			link = &key->next;
		} else {
			*link = key->next;
			settings_key_drop(section, key);
		}
	}
	for (struct settings_section *below = section->sections; below; below = below->next)
		drop_unset(below);
}

static void warn_unknown(struct inherit *in, const struct settings_section *section)
{
	const struct settings_node *node = settings_section_node(section);

	for (struct settings_reference *each = node->references; each; each = each->next) {
		struct layers found = { 0 };

		if (layers_find(in, each->path, &found) && found.count == 0)
			settings_note(in->s, SETTINGS_REMARK_REFERENCE, &each->place,
				"section '%s' inherits from '%s', which does not exist",
				section->name, each->path);
		free(found.at);
	}
	SETTINGS_SECTIONS(below, section)
	warn_unknown(in, below);
}

static void note_bases(struct settings *s, const struct settings_section *section)
{
	const struct settings_node *node = settings_section_node(section);

	for (struct settings_reference *each = node->references; each; each = each->next) {
		struct settings_node *base = settings_node_find(
			&s->resolved.root->section, bytes_of(each->path, strcspn(each->path, ".")));

		if (base)
			base->section.is_base = true;
	}
	SETTINGS_SECTIONS(below, section)
	note_bases(s, below);
}

bool settings_inherit(struct settings *s, struct why *why)
{
	struct inherit in = { .s = s, .why = why };
	struct layers root = { 0 };

	if (!s->has_references) {
		s->resolved = s->written;
		s->written = (struct settings_tree){ 0 };
		drop_unset(&s->resolved.root->section);
		return true;
	}
	bool ok = settings_tree_begin(&s->resolved, inherit_limit(s), why) &&
		  layers_add(&in, &root, s->written.root) &&
		  fill(&in, &s->resolved.root->section, &root);

	free(root.at);
	if (ok) {
		drop_unset(&s->resolved.root->section);
		warn_unknown(&in, &s->written.root->section);
		note_bases(s, &s->written.root->section);
	}
	return ok;
}
