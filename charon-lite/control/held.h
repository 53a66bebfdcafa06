/*
 * What of a configuration is on trial, or was taken back, piece by piece: so that a client that
 * loads without begin-load does not bring back what was taken back (trial.h).
 *
 * A piece is an object with its contents, or the unloading of a name. It is known by a digest of
 * what it means: the order of keys does not matter, nor whether one value is a list, as clients
 * write them in their own ways.
 */
#ifndef CHARON_LITE_CONTROL_HELD_H
#define CHARON_LITE_CONTROL_HELD_H

#include "charon-lite/control/staging.h"

#define CL_DIGEST_LENGTH 32

struct cl_held; /* NULL: none */

/* Of an object of that kind (its name, "connection") as it came in a message. */
void cl_object_digest(const char *kind, struct vici_view source, uint8_t ret[CL_DIGEST_LENGTH]);

/* What the staging, which has been planned, changes. False: memory ran out. */
MUST_USE bool cl_held_add_staging(struct cl_held **all, const struct cl_staging *s);
/* What is loaded again is not held. */
void cl_held_except_staging(struct cl_held **all, const struct cl_staging *s);

/* What a request loads or unloads. has: any of it is there. */
MUST_USE bool cl_held_add_request(
	struct cl_held **all, struct bytes command, struct vici_view request);
bool cl_held_has_request(const struct cl_held *all, struct bytes command, struct vici_view request);

size_t cl_held_length(const struct cl_held *all);
/* As octets, cl_held_length() of them, and back. */
void cl_held_write(const struct cl_held *all, uint8_t *ret);
MUST_USE bool cl_held_read(struct cl_held **all, struct bytes octets);
void cl_held_free(struct cl_held **all);

#endif
