/*
 * Bytes: the one bounded reader and the one bounded writer.
 *
 * Everything that comes from outside (datagrams, VICI messages, snapshots) is read through
 * struct reader, which cannot run past its end: a short read makes it `bad`, and from then on
 * every read returns zero. A parser reads like the figure in the RFC and asks once, at the end,
 * with reader_end(). Never size an allocation or bound a loop by a value that was read; loops
 * run on reader_more().
 *
 * All integers are in network byte order on the wire and in host order in C.
 * Nothing here allocates. Thread rule: a reader or writer belongs to one thread.
 */
#ifndef LIBBASE_BYTES_H
#define LIBBASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define MUST_USE __attribute__((warn_unused_result))

/* A view of bytes that somebody else owns. */
struct bytes {
	const uint8_t *at;
	size_t length;
};

struct reader {
	const uint8_t *at;
	size_t left;
	bool bad;
};

/* Writes into memory of fixed size. `bad` once something did not fit; length is then useless. */
struct writer {
	uint8_t *at;
	size_t length;
	size_t capacity;
	bool bad;
};

static inline struct bytes bytes_of(const void *at, size_t length)
{
	return (struct bytes){ at, length };
}

/* The characters of a C string, without the terminating zero. */
static inline struct bytes bytes_of_text(const char *text)
{
	return (struct bytes){ (const uint8_t *)text, strlen(text) };
}

/* Not constant-time: never for secrets, see secret_equal(). */
bool bytes_equal(struct bytes a, struct bytes b);

/* memcpy that allows (NULL, 0). */
void bytes_copy(void *to, struct bytes from);

/* A heap copy, to be freed with free(); .at is NULL when from is empty or memory ran out. */
struct bytes bytes_duplicate(struct bytes from);

static inline struct reader reader_of(struct bytes b)
{
	return (struct reader){ b.at, b.length, false };
}

static inline bool reader_more(const struct reader *r)
{
	return !r->bad && r->left > 0;
}

/* True when all was read and nothing was short. */
static inline bool reader_end(const struct reader *r)
{
	return !r->bad && r->left == 0;
}

uint8_t reader_u8(struct reader *r);
uint16_t reader_u16(struct reader *r);
uint32_t reader_u32(struct reader *r);
uint64_t reader_u64(struct reader *r);

/* The next n bytes, or an empty view and a bad reader. */
struct bytes reader_bytes(struct reader *r, size_t n);

/* All that is left; never fails. */
struct bytes reader_rest(struct reader *r);

/* A reader over the next n bytes; both are bad when there are fewer. */
struct reader reader_part(struct reader *r, size_t n);

static inline struct writer writer_of(void *at, size_t capacity)
{
	return (struct writer){ at, 0, capacity, false };
}

/* What was written so far. */
static inline struct bytes writer_bytes(const struct writer *w)
{
	return (struct bytes){ w->at, w->bad ? 0 : w->length };
}

void writer_u8(struct writer *w, uint8_t value);
void writer_u16(struct writer *w, uint16_t value);
void writer_u32(struct writer *w, uint32_t value);
void writer_u64(struct writer *w, uint64_t value);
void writer_put(struct writer *w, struct bytes from);

/* n bytes to be filled by the caller, or NULL when they do not fit. */
uint8_t *writer_take(struct writer *w, size_t n);

/* Overwrites two bytes that were written before, at an offset from the start. */
void writer_patch_u16(struct writer *w, size_t offset, uint16_t value);
void writer_patch_u8(struct writer *w, size_t offset, uint8_t value);
void writer_patch_u32(struct writer *w, size_t offset, uint32_t value);

#endif
