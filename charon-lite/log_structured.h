/*
 * Lines and events of the log as names and values: for programs that read logs.
 *
 * An entry is a line (struct ike_log: it has a text) or an event (it has a stable name, and fields:
 * log_events.h). Both have group and level; and a connection and an IKE SA where they belong to
 * one.
 */
#ifndef CHARON_LITE_LOG_STRUCTURED_H
#define CHARON_LITE_LOG_STRUCTURED_H

#include "libike/host.h"
#include "libvici/message.h"

#include <stdio.h>
#include <time.h>

enum cl_log_format {
	CL_LOG_TEXT,   /* as strongSwan writes it; events are not in it */
	CL_LOG_LOGFMT, /* name=value, with quotes where there are blanks */
	CL_LOG_JSON,   /* an object with strings, and lists of strings */
};

struct cl_log_entry {
	struct ike_log line;     /* text is NULL for an event */
	const char *event;       /* NULL for a line */
	struct vici_view fields; /* values and lists; absent for a line */
};

/* One name and what it has: `list` if that is present, else `value`. */
typedef void cl_log_put(
	void *context, struct bytes name, struct bytes value, struct vici_view list);

/* Puts all of an entry, in the order in which it is written. */
void cl_log_entry_walk(const struct cl_log_entry *entry, cl_log_put *put, void *context);

/* Writes an entry and a line feed, in CL_LOG_LOGFMT or CL_LOG_JSON. With the time of day, in UTC,
 * unless now is NULL. */
void cl_log_entry_write(FILE *to, enum cl_log_format format, const struct timespec *now,
	const struct cl_log_entry *entry);

/* A value or a list ("a,b") on one line: control characters become '?'. */
void cl_log_value_write(FILE *to, struct bytes value, struct vici_view list);

#endif
