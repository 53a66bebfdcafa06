/*
 * Certificates as VICI carries them: DER, PEM, or several in one PEM text; or the name of a file
 * that the daemon reads itself.
 */
#ifndef CHARON_LITE_CONTROL_BLOB_H
#define CHARON_LITE_CONTROL_BLOB_H

#include "libbase/secret.h"
#include "libike/model/certificates.h"

/* The next of several: a PEM block of *rest (others than those that are named "...type-----" are
 * passed over; NULL: all), or all of it when it is no PEM. False when there is none. */
bool cl_blob_next(struct bytes *rest, const char *type, struct bytes *ret);

/* A whole file of at most 64 KiB, which must be a regular one. False with a reason. */
MUST_USE bool cl_blob_read(const char *path, struct secret *ret, struct why *why);

struct cl_certificate_source {
	OSSL_LIB_CTX *library;
	const struct ike_certificates *known; /* NULL: none */
};

/* One DER certificate or PEM block, held; one that is known is not parsed again, but shared: 10,000
 * definitions may name the same. NULL with a reason. */
MUST_USE struct ike_certificate *cl_certificate_parse(
	const struct cl_certificate_source *source, struct bytes encoded, struct why *why);

#endif
