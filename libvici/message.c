#include "libvici/message.h"

#include <stdlib.h>

/* The parser's state: the index as it grows, and the sections that are open. */
struct parse {
	const uint8_t *start;
	struct reader in;
	struct vici_node *nodes;
	uint32_t count, capacity;
	uint32_t open[VICI_DEPTH_MAX + 1]; /* indices of open sections; open[0] is the root */
	unsigned depth;
	uint32_t list; /* index of the open list, or 0 */
	struct why *why;
};

static size_t parse_offset(const struct parse *p)
{
	return p->in.at ? (size_t)(p->in.at - p->start) : 0;
}

static struct vici_node *parse_add(
	struct parse *p, enum vici_kind kind, struct bytes name, struct bytes value)
{
	if (p->count == p->capacity) {
		uint32_t capacity = p->capacity ? p->capacity * 2 : 16;
		struct vici_node *nodes = realloc(p->nodes, capacity * sizeof(*nodes));

		if (!nodes) {
			why_fail(p->why, "out of memory for a VICI message");
			return NULL;
		}
		p->nodes = nodes;
		p->capacity = capacity;
	}
	struct vici_node *node = &p->nodes[p->count++];
	*node = (struct vici_node){
		.next = p->count,
		.kind = (uint8_t)kind,
		.name_length = (uint8_t)name.length,
		.name_at = name.length ? (uint32_t)(name.at - p->start) : 0,
		.value_length = (uint16_t)value.length,
		.value_at = value.length ? (uint32_t)(value.at - p->start) : 0,
	};
	return node;
}

static bool parse_fail(struct parse *p, size_t offset, const char *what)
{
	return why_fail(p->why, "malformed VICI message: %s at offset %zu", what, offset);
}

static bool parse_section_start(struct parse *p, size_t offset)
{
	struct bytes name = reader_bytes(&p->in, reader_u8(&p->in));

	if (p->list)
		return parse_fail(p, offset, "a section within a list");
	if (p->depth == VICI_DEPTH_MAX)
		return parse_fail(p, offset, "sections nested too deeply");
	if (p->in.bad)
		return parse_fail(p, offset, "a section name that is cut off");
	if (!parse_add(p, VICI_SECTION, name, (struct bytes){ 0 }))
		return false;
	p->open[++p->depth] = p->count - 1;
	return true;
}

static bool parse_key_value(struct parse *p, size_t offset)
{
	struct bytes name = reader_bytes(&p->in, reader_u8(&p->in));
	struct bytes value = reader_bytes(&p->in, reader_u16(&p->in));

	if (p->list)
		return parse_fail(p, offset, "a key within a list");
	if (p->in.bad)
		return parse_fail(p, offset, "a key or value that is cut off");
	return parse_add(p, VICI_VALUE, name, value) != NULL;
}

static bool parse_list_start(struct parse *p, size_t offset)
{
	struct bytes name = reader_bytes(&p->in, reader_u8(&p->in));

	if (p->list)
		return parse_fail(p, offset, "a list within a list");
	if (p->in.bad)
		return parse_fail(p, offset, "a list name that is cut off");
	if (!parse_add(p, VICI_LIST, name, (struct bytes){ 0 }))
		return false;
	p->list = p->count - 1;
	return true;
}

static bool parse_list_item(struct parse *p, size_t offset)
{
	struct bytes value = reader_bytes(&p->in, reader_u16(&p->in));

	if (!p->list)
		return parse_fail(p, offset, "a list item outside a list");
	if (p->in.bad)
		return parse_fail(p, offset, "a list item that is cut off");
	return parse_add(p, VICI_ITEM, (struct bytes){ 0 }, value) != NULL;
}

static bool parse_element(struct parse *p)
{
	size_t offset = parse_offset(p);

	switch (reader_u8(&p->in)) {
	case VICI_SECTION_START:
		return parse_section_start(p, offset);
	case VICI_SECTION_END:
		if (p->list)
			return parse_fail(p, offset, "the end of a section within a list");
		if (p->depth == 0)
			return parse_fail(p, offset, "the end of a section that was not begun");
		p->nodes[p->open[p->depth--]].next = p->count;
		return true;
	case VICI_KEY_VALUE:
		return parse_key_value(p, offset);
	case VICI_LIST_START:
		return parse_list_start(p, offset);
	case VICI_LIST_ITEM:
		return parse_list_item(p, offset);
	case VICI_LIST_END:
		if (!p->list)
			return parse_fail(p, offset, "the end of a list that was not begun");
		p->nodes[p->list].next = p->count;
		p->list = 0;
		return true;
	default:
		return parse_fail(p, offset, "an unknown element type");
	}
}

static bool parse_all(struct parse *p)
{
	if (p->in.left > VICI_MESSAGE_MAX)
		return why_fail(p->why, "VICI message of %zu bytes is longer than the limit of %d",
			p->in.left, VICI_MESSAGE_MAX);
	if (!parse_add(p, VICI_SECTION, (struct bytes){ 0 }, (struct bytes){ 0 }))
		return false;
	while (reader_more(&p->in))
		if (!parse_element(p))
			return false;
	if (p->list)
		return why_fail(p->why, "malformed VICI message: it ends within a list");
	if (p->depth > 0)
		return why_fail(p->why, "malformed VICI message: it ends within a section");
	p->nodes[0].next = p->count;
	return true;
}

bool vici_message_parse(struct bytes wire, struct vici_message *ret, struct why *why)
{
	struct parse p = { .start = wire.at, .in = reader_of(wire), .why = why };

	if (!parse_all(&p)) {
		free(p.nodes);
		return false;
	}
	*ret = (struct vici_message){ .wire = wire, .nodes = p.nodes, .count = p.count };
	return true;
}

void vici_message_free(struct vici_message *m)
{
	free(m->nodes);
	*m = (struct vici_message){ 0 };
}

static const struct vici_node *view_node(struct vici_view v)
{
	return &v.message->nodes[v.node];
}

struct vici_view vici_root(const struct vici_message *m)
{
	if (!m->nodes)
		return (struct vici_view){ 0 };
	return (struct vici_view){ .message = m, .node = 0, .end = m->count };
}

enum vici_kind vici_kind(struct vici_view v)
{
	return vici_present(v) ? (enum vici_kind)view_node(v)->kind : VICI_ABSENT;
}

struct bytes vici_name(struct vici_view v)
{
	if (!vici_present(v) || view_node(v)->name_length == 0)
		return (struct bytes){ 0 };
	return bytes_of(v.message->wire.at + view_node(v)->name_at, view_node(v)->name_length);
}

struct bytes vici_value(struct vici_view v)
{
	static const uint8_t empty[1];

	if (vici_kind(v) != VICI_VALUE && vici_kind(v) != VICI_ITEM)
		return (struct bytes){ 0 };
	if (view_node(v)->value_length == 0)
		return bytes_of(empty, 0);
	return bytes_of(v.message->wire.at + view_node(v)->value_at, view_node(v)->value_length);
}

static struct vici_view view_at(const struct vici_message *m, uint32_t node, uint32_t end)
{
	return node < end ? (struct vici_view){ m, node, end } : (struct vici_view){ 0 };
}

struct vici_view vici_first(struct vici_view in)
{
	if (vici_kind(in) != VICI_SECTION && vici_kind(in) != VICI_LIST)
		return (struct vici_view){ 0 };
	return view_at(in.message, in.node + 1, view_node(in)->next);
}

struct vici_view vici_next(struct vici_view v)
{
	return vici_present(v) ? view_at(v.message, view_node(v)->next, v.end) : v;
}

static struct vici_view section_find(struct vici_view section, struct bytes name)
{
	if (vici_kind(section) != VICI_SECTION)
		return (struct vici_view){ 0 };
	VICI_EACH(each, section)
	if (bytes_equal(vici_name(each), name))
		return each;
	return (struct vici_view){ 0 };
}

struct vici_view vici_find(struct vici_view section, const char *name)
{
	return section_find(section, bytes_of_text(name));
}

struct vici_view vici_find_path(struct vici_view section, const char *path)
{
	while (vici_present(section)) {
		size_t length = strcspn(path, ".");

		section = section_find(section, bytes_of(path, length));
		if (path[length] == '\0')
			break;
		path += length + 1;
	}
	return section;
}

struct bytes vici_get(struct vici_view section, const char *name)
{
	return vici_value(vici_find(section, name));
}

bool vici_get_text(struct vici_view section, const char *name, char *ret, size_t size)
{
	struct bytes value = vici_get(section, name);

	if (!value.at || value.length >= size)
		return false;
	if (value.length > 0 && memchr(value.at, '\0', value.length))
		return false;
	bytes_copy(ret, value);
	ret[value.length] = '\0';
	return true;
}
