/*
 * A host name and the addresses it last had. Shared by all definitions that have it; whoever
 * resolves names (libike/names.c) changes the addresses. Reference-counted, not atomically.
 */
#ifndef LIBIKE_MODEL_NAME_H
#define LIBIKE_MODEL_NAME_H

#include "libbase/address.h"
#include "libbase/why.h"

#include <stddef.h>

struct ike_name {
	uint32_t references;
	char *text;
	struct address *addresses; /* in order of preference; the last that were known */
	size_t count;
};

/* text is copied. NULL when memory ran out. */
struct ike_name *ike_name_new(const char *text);
struct ike_name *ike_name_hold(struct ike_name *name);
void ike_name_free(struct ike_name *name); /* drops one reference; NULL is fine */

/* False when memory ran out: the old ones stay. */
MUST_USE bool ike_name_set(struct ike_name *name, const struct address *list, size_t count);
bool ike_name_has(const struct ike_name *name, const struct address *a);

#endif
