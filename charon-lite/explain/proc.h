/*
 * Short files of /proc: what the kernel says in them, anybody may read.
 */
#ifndef CHARON_LITE_EXPLAIN_PROC_H
#define CHARON_LITE_EXPLAIN_PROC_H

#include "libbase/bytes.h"

/* At most room - 1 octets of a file of /proc, and a zero; false when it can't be read. */
MUST_USE bool cl_proc_read(const char *path, char *text, size_t room);
/* otherwise when it can't be read. */
long cl_proc_number(const char *path, long otherwise);

#endif
