/*
 * VICI messages, written: a buffer that grows and keeps track of nesting.
 *
 * A builder refuses what would be malformed (an item outside a list, an end without a start, a
 * name over 255 bytes, a value over 65535, more than 512 KiB) and is `bad` from then on; the
 * caller asks once, at the end, with vici_builder_finish(). Memory running out is `bad` too. What
 *it held is wiped when it goes: it may have been a secret.
 *
 *	struct vici_builder b = vici_builder_packet(VICI_EVENT, "list-sa");
 *	vici_section_start(&b, "home");
 *	vici_key_format(&b, "uniqueid", "%u", id);
 *	vici_section_end(&b);
 *	if (vici_builder_finish(&b, &bytes))
 *		send(bytes);
 *	vici_builder_free(&b);
 *
 * Pure: no I/O. A builder belongs to one thread.
 */
#ifndef LIBVICI_BUILDER_H
#define LIBVICI_BUILDER_H

#include "libvici/message.h"

struct vici_builder {
	uint8_t *at;
	size_t length, capacity;
	size_t start; /* bytes before the message: 0, or the frame's header */
	unsigned depth;
	bool in_list;
	bool bad;
};

/* A zeroed builder makes a bare message. This one makes a whole frame (length, type, name and
 * message), as packet.h defines it; name is NULL for the types that have none. */
struct vici_builder vici_builder_packet(unsigned type, const char *name);

/* Lends the bytes until the builder is changed or freed; false when bad or something is open. */
MUST_USE bool vici_builder_finish(struct vici_builder *b, struct bytes *ret);

void vici_builder_free(struct vici_builder *b);

/* Gives back all since `mark` was taken (vici_builder_mark): for an event that turned out empty. */
static inline struct vici_builder vici_builder_mark(const struct vici_builder *b)
{
	return *b;
}
void vici_builder_undo(struct vici_builder *b, const struct vici_builder *mark);

void vici_section_start(struct vici_builder *b, const char *name);
void vici_section_start_bytes(struct vici_builder *b, struct bytes name);
PRINTF_LIKE(2, 3) void vici_section_start_format(struct vici_builder *b, const char *format, ...);
void vici_section_end(struct vici_builder *b);

void vici_key_bytes(struct vici_builder *b, const char *name, struct bytes value);
void vici_key_text(struct vici_builder *b, const char *name, const char *value);
PRINTF_LIKE(3, 4)
void vici_key_format(struct vici_builder *b, const char *name, const char *format, ...);
/* "yes" or "no". */
void vici_key_bool(struct vici_builder *b, const char *name, bool value);

void vici_list_start(struct vici_builder *b, const char *name);
void vici_item_bytes(struct vici_builder *b, struct bytes value);
void vici_item_text(struct vici_builder *b, const char *value);
PRINTF_LIKE(2, 3) void vici_item_format(struct vici_builder *b, const char *format, ...);
void vici_list_end(struct vici_builder *b);

/* All of a message that another builder without a packet has finished. */
void vici_append(struct vici_builder *b, struct bytes message);

/* A copy of a section, value or list under its own name (and all it contains). */
void vici_copy(struct vici_builder *b, struct vici_view from);

#endif
