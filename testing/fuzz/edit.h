/* Changes of octets that an input asks for: for the targets that change what is under way. */
#ifndef TESTING_FUZZ_EDIT_H
#define TESTING_FUZZ_EDIT_H

#include "libbase/bytes.h"
#include "libike/wire/message.h"

#define EDITS_MAX 8

static inline void edit_insert(
	uint8_t *at, size_t *length, size_t room, size_t offset, struct reader *r)
{
	size_t count = reader_u8(r) % 32;
	struct bytes what = reader_bytes(r, count < r->left ? count : r->left);

	if (*length + what.length > room)
		return;
	memmove(at + offset + what.length, at + offset, *length - offset);
	bytes_copy(at + offset, what);
	*length += what.length;
}

static inline void edit_remove(uint8_t *at, size_t *length, size_t offset, struct reader *r)
{
	size_t count = reader_u8(r);

	count = count < *length - offset ? count : *length - offset;
	memmove(at + offset, at + offset + count, *length - offset - count);
	*length -= count;
}

/* Each edit: kind, offset (16 bits, taken modulo the length), operands. */
static inline void edit(struct bytes edits, uint8_t *at, size_t *length, size_t room)
{
	struct reader r = reader_of(edits);

	for (unsigned i = 0; i < EDITS_MAX && reader_more(&r); i++) {
		uint8_t kind = reader_u8(&r);
		size_t offset = reader_u16(&r);

		offset = *length ? offset % *length : 0;
		switch (kind % 5) {
		case 0:
			if (*length)
				at[offset] = reader_u8(&r);
			break;
		case 1:
			if (*length)
				at[offset] ^= (uint8_t)(1u << (reader_u8(&r) % 8));
			break;
		case 2:
			edit_insert(at, length, room, offset, &r);
			break;
		case 3:
			edit_remove(at, length, offset, &r);
			break;
		default: /* the length of a payload that starts there */
			if (offset + 4 <= *length) {
				at[offset + 2] = reader_u8(&r);
				at[offset + 3] = reader_u8(&r);
			}
		}
	}
}

/* The length in the header is kept right: a wrong one is dropped at once. Edit 4 can reach it. */
static inline void fix_length(uint8_t *data, size_t length)
{
	if (length < IKE_HEADER_LENGTH)
		return;
	for (unsigned i = 0; i < 4; i++)
		data[24 + i] = (uint8_t)((uint32_t)length >> (24 - 8 * i));
}

#endif
