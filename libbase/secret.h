/*
 * Secrets: key material and pre-shared keys.
 *
 * The one type for them. It is wiped when freed, moved rather than copied, compared in constant
 * time, and nothing formats it: logging code cannot print what it cannot name. The struct owns
 * its bytes; secret_bytes() lends them for the duration of a call.
 */
#ifndef LIBBASE_SECRET_H
#define LIBBASE_SECRET_H

#include "libbase/bytes.h"

struct secret {
	uint8_t *at;
	size_t length;
};

/* Frees the secret when the scope ends. */
#define AUTO_SECRET __attribute__((cleanup(secret_free))) struct secret

/* Zeroed memory of that length; false when memory ran out. Anything held before is freed. */
MUST_USE bool secret_allocate(struct secret *ret, size_t length);

/* A copy of bytes that the caller keeps (and must wipe, if they are its own). */
MUST_USE bool secret_copy(struct secret *ret, struct bytes from);

/* Wipes and frees; leaves an empty secret. NULL and empty are fine. */
void secret_free(struct secret *s);

/* Hands ownership on and leaves the source empty. */
struct secret secret_move(struct secret *from);

static inline struct bytes secret_bytes(const struct secret *s)
{
	return (struct bytes){ s->at, s->length };
}

/* In time that depends on the lengths only. */
bool secret_equal(struct bytes a, struct bytes b);

/* Wipes memory that held a secret in passing (a stack buffer, a line of input). */
void secret_wipe(void *at, size_t length);

#endif
