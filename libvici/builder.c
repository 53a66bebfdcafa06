#include "libvici/builder.h"

#include "libbase/secret.h"
#include "libvici/packet.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* Room for n more bytes, or NULL and a bad builder. */
static uint8_t *builder_take(struct vici_builder *b, size_t n)
{
	if (b->bad || n > VICI_FRAME_HEADER + VICI_MESSAGE_MAX - b->length) {
		b->bad = true;
		return NULL;
	}
	if (n > b->capacity - b->length) {
		size_t capacity = b->capacity ? b->capacity : 256;

		while (capacity < b->length + n)
			capacity *= 2;
		uint8_t *at = malloc(capacity);
		if (!at) {
			b->bad = true;
			return NULL;
		}
		if (b->at) {
			memcpy(at, b->at, b->length);
			secret_wipe(b->at, b->length);
		}
		free(b->at);
		b->at = at;
		b->capacity = capacity;
	}
	uint8_t *at = b->at + b->length;
	b->length += n;
	return at;
}

/* Appends an element: its type, its name when it has one, its value when it has one. */
static void builder_element(struct vici_builder *b, enum vici_element type,
	const struct bytes *name, const struct bytes *value)
{
	size_t size = 1 + (name ? 1 + name->length : 0) + (value ? 2 + value->length : 0);

	if ((name && name->length > VICI_NAME_MAX) || (value && value->length > VICI_VALUE_MAX)) {
		b->bad = true;
		return;
	}
	uint8_t *at = builder_take(b, size);
	if (!at)
		return;
	struct writer w = writer_of(at, size);
	writer_u8(&w, (uint8_t)type);
	if (name) {
		writer_u8(&w, (uint8_t)name->length);
		writer_put(&w, *name);
	}
	if (value) {
		writer_u16(&w, (uint16_t)value->length);
		writer_put(&w, *value);
	}
}

struct vici_builder vici_builder_packet(unsigned type, const char *name)
{
	struct vici_builder b = { 0 };
	size_t name_length = name ? strlen(name) : 0;
	size_t size = VICI_FRAME_HEADER + 1 + (name ? 1 + name_length : 0);
	uint8_t *at = name_length > VICI_NAME_MAX ? NULL : builder_take(&b, size);

	if (!at) {
		b.bad = true;
		return b;
	}
	struct writer w = writer_of(at, size);
	writer_u32(&w, 0);
	writer_u8(&w, (uint8_t)type);
	if (name) {
		writer_u8(&w, (uint8_t)name_length);
		writer_put(&w, bytes_of_text(name));
	}
	b.start = size;
	return b;
}

bool vici_builder_finish(struct vici_builder *b, struct bytes *ret)
{
	static const uint8_t empty[1];

	if (b->bad || b->depth > 0 || b->in_list)
		return false;
	if (b->start > 0) {
		struct writer w = writer_of(b->at, VICI_FRAME_HEADER);

		if (b->length - VICI_FRAME_HEADER > VICI_MESSAGE_MAX)
			return false;
		writer_u32(&w, (uint32_t)(b->length - VICI_FRAME_HEADER));
	} else if (b->length > VICI_MESSAGE_MAX) {
		return false;
	}
	*ret = bytes_of(b->at ? b->at : empty, b->length);
	return true;
}

void vici_builder_free(struct vici_builder *b)
{
	if (b->at)
		secret_wipe(b->at, b->length);
	free(b->at);
	*b = (struct vici_builder){ 0 };
}

void vici_builder_undo(struct vici_builder *b, const struct vici_builder *mark)
{
	b->length = mark->length;
	b->depth = mark->depth;
	b->in_list = mark->in_list;
	b->bad = mark->bad;
}

void vici_append(struct vici_builder *b, struct bytes message)
{
	uint8_t *at = builder_take(b, message.length);

	if (at)
		bytes_copy(at, message);
}

void vici_section_start_bytes(struct vici_builder *b, struct bytes name)
{
	if (b->in_list || b->depth == VICI_DEPTH_MAX)
		b->bad = true;
	builder_element(b, VICI_SECTION_START, &name, NULL);
	b->depth++;
}

void vici_section_start(struct vici_builder *b, const char *name)
{
	vici_section_start_bytes(b, bytes_of_text(name));
}

void vici_section_end(struct vici_builder *b)
{
	if (b->in_list || b->depth == 0) {
		b->bad = true;
		return;
	}
	builder_element(b, VICI_SECTION_END, NULL, NULL);
	b->depth--;
}

void vici_key_bytes(struct vici_builder *b, const char *name, struct bytes value)
{
	struct bytes name_bytes = bytes_of_text(name);

	if (b->in_list)
		b->bad = true;
	builder_element(b, VICI_KEY_VALUE, &name_bytes, &value);
}

void vici_key_text(struct vici_builder *b, const char *name, const char *value)
{
	vici_key_bytes(b, name, bytes_of_text(value));
}

void vici_key_bool(struct vici_builder *b, const char *name, bool value)
{
	vici_key_text(b, name, value ? "yes" : "no");
}

static void list_start(struct vici_builder *b, struct bytes name)
{
	if (b->in_list)
		b->bad = true;
	builder_element(b, VICI_LIST_START, &name, NULL);
	b->in_list = true;
}

void vici_list_start(struct vici_builder *b, const char *name)
{
	list_start(b, bytes_of_text(name));
}

void vici_item_bytes(struct vici_builder *b, struct bytes value)
{
	if (!b->in_list)
		b->bad = true;
	builder_element(b, VICI_LIST_ITEM, NULL, &value);
}

void vici_item_text(struct vici_builder *b, const char *value)
{
	vici_item_bytes(b, bytes_of_text(value));
}

void vici_list_end(struct vici_builder *b)
{
	if (!b->in_list)
		b->bad = true;
	builder_element(b, VICI_LIST_END, NULL, NULL);
	b->in_list = false;
}

/* Formats on the heap, for values that may be long; bad when memory ran out. */
static char *builder_format(struct vici_builder *b, const char *format, va_list values)
{
	char *text;

	if (vasprintf(&text, format, values) < 0) {
		b->bad = true;
		return NULL;
	}
	return text;
}

void vici_section_start_format(struct vici_builder *b, const char *format, ...)
{
	va_list values;

	va_start(values, format);
	char *text = builder_format(b, format, values);
	va_end(values);
	vici_section_start(b, text ? text : "");
	free(text);
}

void vici_key_format(struct vici_builder *b, const char *name, const char *format, ...)
{
	va_list values;

	va_start(values, format);
	char *text = builder_format(b, format, values);
	va_end(values);
	vici_key_text(b, name, text ? text : "");
	free(text);
}

void vici_item_format(struct vici_builder *b, const char *format, ...)
{
	va_list values;

	va_start(values, format);
	char *text = builder_format(b, format, values);
	va_end(values);
	vici_item_text(b, text ? text : "");
	free(text);
}

void vici_copy(struct vici_builder *b, struct vici_view from)
{
	struct bytes name = vici_name(from), value = vici_value(from);

	switch (vici_kind(from)) {
	case VICI_ABSENT:
		break;
	case VICI_SECTION:
		vici_section_start_bytes(b, name);
		VICI_EACH(each, from)
		vici_copy(b, each);
		vici_section_end(b);
		break;
	case VICI_VALUE:
		if (b->in_list)
			b->bad = true;
		builder_element(b, VICI_KEY_VALUE, &name, &value);
		break;
	case VICI_LIST:
		list_start(b, name);
		VICI_EACH(each, from)
		vici_item_bytes(b, vici_value(each));
		vici_list_end(b);
		break;
	case VICI_ITEM:
		vici_item_bytes(b, value);
		break;
	}
}
