/*
 * VICI messages, read: a tree of sections, values and lists.
 *
 * vici_message_parse() checks a whole message once (element types, lengths, nesting, order) and
 * leaves an index in document order that is cheap to walk. From then on nothing can be malformed,
 * and every look-up is total: what is not there is an absent view or empty bytes, so chains such
 * as vici_get(vici_find(root, "ikesas"), "total") need no checks in between.
 *
 * A message borrows the bytes it was parsed from; they must outlive it. Names and values are
 * bytes, not necessarily text, and never end in a zero. Names may repeat: look-ups give the first.
 * Pure: no I/O, no globals; a message may be read by several threads.
 */
#ifndef LIBVICI_MESSAGE_H
#define LIBVICI_MESSAGE_H

#include "libbase/bytes.h"
#include "libbase/why.h"

#define VICI_MESSAGE_MAX (512 * 1024) /* strongSwan's limit for a whole packet */
#define VICI_DEPTH_MAX 32             /* sections within sections */
#define VICI_NAME_MAX 255
#define VICI_VALUE_MAX 65535

/* Element types on the wire. */
enum vici_element {
	VICI_SECTION_START = 1,
	VICI_SECTION_END = 2,
	VICI_KEY_VALUE = 3,
	VICI_LIST_START = 4,
	VICI_LIST_ITEM = 5,
	VICI_LIST_END = 6,
};

enum vici_kind {
	VICI_ABSENT,
	VICI_SECTION,
	VICI_VALUE, /* a key with its value */
	VICI_LIST,
	VICI_ITEM, /* a value within a list; has no name */
};

struct vici_node {
	uint32_t next; /* index of the node after this one and all it contains */
	uint32_t name_at;
	uint32_t value_at;
	uint16_t value_length;
	uint8_t name_length;
	uint8_t kind;
};

struct vici_message {
	struct bytes wire;
	struct vici_node *nodes; /* nodes[0] is the root section */
	uint32_t count;
};

/* One node and where its siblings end. Passed by value; absent when message is NULL. */
struct vici_view {
	const struct vici_message *message;
	uint32_t node;
	uint32_t end;
};

/* Empty bytes are a valid, empty message. */
MUST_USE bool vici_message_parse(struct bytes wire, struct vici_message *ret, struct why *why);

/* Frees the index, not the bytes. An empty (zeroed) message is fine. */
void vici_message_free(struct vici_message *m);

/* The root section; absent for a zeroed message. */
struct vici_view vici_root(const struct vici_message *m);

static inline bool vici_present(struct vici_view v)
{
	return v.message != NULL;
}

enum vici_kind vici_kind(struct vici_view v);
struct bytes vici_name(struct vici_view v);
struct bytes vici_value(struct vici_view v);

/* What a section or list contains, in order. */
struct vici_view vici_first(struct vici_view in);
struct vici_view vici_next(struct vici_view v);

#define VICI_EACH(each, in) \
	for (struct vici_view each = vici_first(in); vici_present(each); each = vici_next(each))

/* The first section, value or list of that name directly in a section. */
struct vici_view vici_find(struct vici_view section, const char *name);

/* Like vici_find() over names joined by dots ("mem.total"), for names known to have none. */
struct vici_view vici_find_path(struct vici_view section, const char *path);

/* The value of a key directly in a section, else empty bytes with .at NULL (an empty value has
 * .at set). */
struct bytes vici_get(struct vici_view section, const char *name);

/* vici_get() as a C string in the caller's memory: false, and ret untouched, when the key is not
 * there, does not fit with its zero, or contains a zero byte. */
MUST_USE bool vici_get_text(struct vici_view section, const char *name, char *ret, size_t size);

/* Whether the name or value is exactly this text. */
static inline bool vici_is(struct bytes b, const char *text)
{
	return bytes_equal(b, bytes_of_text(text));
}

#endif
