#include "libbase/bytes.h"

#include <stdlib.h>

bool bytes_equal(struct bytes a, struct bytes b)
{
	return a.length == b.length && (a.length == 0 || memcmp(a.at, b.at, a.length) == 0);
}

void bytes_copy(void *to, struct bytes from)
{
	if (from.length > 0)
		memcpy(to, from.at, from.length);
}

struct bytes bytes_duplicate(struct bytes from)
{
	uint8_t *copy = from.length > 0 ? malloc(from.length) : NULL;

	if (!copy)
		return (struct bytes){ 0 };
	memcpy(copy, from.at, from.length);
	return (struct bytes){ copy, from.length };
}

struct bytes reader_bytes(struct reader *r, size_t n)
{
	if (r->bad || n > r->left) {
		*r = (struct reader){ .bad = true };
		return (struct bytes){ 0 };
	}
	struct bytes part = { r->at, n };
	if (n > 0)
		r->at += n;
	r->left -= n;
	return part;
}

struct bytes reader_rest(struct reader *r)
{
	return reader_bytes(r, r->left);
}

struct reader reader_part(struct reader *r, size_t n)
{
	struct bytes part = reader_bytes(r, n);

	return (struct reader){ part.at, part.length, r->bad };
}

static uint64_t reader_number(struct reader *r, size_t size)
{
	struct bytes part = reader_bytes(r, size);
	uint64_t value = 0;

	for (size_t i = 0; i < part.length; i++)
		value = value << 8 | part.at[i];
	return value;
}

uint8_t reader_u8(struct reader *r)
{
	return (uint8_t)reader_number(r, 1);
}

uint16_t reader_u16(struct reader *r)
{
	return (uint16_t)reader_number(r, 2);
}

uint32_t reader_u32(struct reader *r)
{
	return (uint32_t)reader_number(r, 4);
}

uint64_t reader_u64(struct reader *r)
{
	return reader_number(r, 8);
}

uint8_t *writer_take(struct writer *w, size_t n)
{
	if (w->bad || n > w->capacity - w->length) {
		w->bad = true;
		return NULL;
	}
	uint8_t *at = w->at + w->length;
	w->length += n;
	return at;
}

static void write_number(uint8_t *at, uint64_t value, size_t size)
{
	for (size_t i = 0; i < size; i++)
		at[i] = (uint8_t)(value >> 8 * (size - 1 - i));
}

static void writer_number(struct writer *w, uint64_t value, size_t size)
{
	uint8_t *at = writer_take(w, size);

	if (at)
		write_number(at, value, size);
}

void writer_u8(struct writer *w, uint8_t value)
{
	writer_number(w, value, 1);
}

void writer_u16(struct writer *w, uint16_t value)
{
	writer_number(w, value, 2);
}

void writer_u32(struct writer *w, uint32_t value)
{
	writer_number(w, value, 4);
}

void writer_u64(struct writer *w, uint64_t value)
{
	writer_number(w, value, 8);
}

void writer_put(struct writer *w, struct bytes from)
{
	uint8_t *at = from.length > 0 ? writer_take(w, from.length) : NULL;

	if (at)
		memcpy(at, from.at, from.length);
}

static void writer_patch(struct writer *w, size_t offset, uint64_t value, size_t size)
{
	if (w->bad || offset > w->length || size > w->length - offset) {
		w->bad = true;
		return;
	}
	write_number(w->at + offset, value, size);
}

void writer_patch_u8(struct writer *w, size_t offset, uint8_t value)
{
	writer_patch(w, offset, value, 1);
}

void writer_patch_u16(struct writer *w, size_t offset, uint16_t value)
{
	writer_patch(w, offset, value, 2);
}

void writer_patch_u32(struct writer *w, size_t offset, uint32_t value)
{
	writer_patch(w, offset, value, 4);
}
