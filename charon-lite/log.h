/*
 * The log: where the engine's and the daemon's lines go.
 *
 * strongSwan's groups and levels (struct ike_log), to standard error, files and syslog as
 * strongswan.conf's filelog, syslog and journal sections say, and to listeners (VICI's log and
 * control-log events). A line is one event: "07:12:01 00[IKE] <home|1> text"; control characters
 * in it are replaced, so that a peer cannot forge lines. For programs there are the same lines,
 * and events with fields, as names and values (log_structured.h, log_events.h).
 *
 * Thread rule: belongs to the loop's thread.
 */
#ifndef CHARON_LITE_LOG_H
#define CHARON_LITE_LOG_H

#include "libbase/why.h"
#include "libike/host.h"
#include "libvici/builder.h"

struct cl_log;
struct cl_settings;
struct cl_log_entry;

/* Writes to standard error at level 1 until configured. NULL when memory ran out. */
struct cl_log *cl_log_new(void);
void cl_log_free(struct cl_log *log); /* NULL is fine */

/* From now on nothing is written but to the listener. */
void cl_log_silence(struct cl_log *log);

/* Opens what the settings name and closes what they no longer do. A sink that cannot be opened or
 * a value that makes no sense is reported as a warning to the others and left out. */
void cl_log_configure(struct cl_log *log, const struct cl_settings *settings);

/* Reopens files, for log rotation. */
void cl_log_reopen(struct cl_log *log);

/* Whether anybody wants such a line. */
bool cl_log_wanted(const struct cl_log *log, uint8_t group, int level);

void cl_log_write(struct cl_log *log, const struct ike_log *line);

/* A line that belongs to no IKE SA. */
PRINTF_LIKE(4, 5)
void cl_log_text(struct cl_log *log, uint8_t group, int level, const char *format, ...);

/* Whether anybody wants such an event: making one costs more than a line. */
bool cl_log_wants_event(const struct cl_log *log, uint8_t group, int level);

/* An event: head without a text, its name, and a message of values and lists, which stays the
 * caller's. */
void cl_log_event(struct cl_log *log, const struct ike_log *head, const char *event,
	struct vici_builder *fields);

/* The same listener, for events. */
void cl_log_listen_events(struct cl_log *log, bool (*wanted)(void *context),
	void (*write)(void *context, const struct cl_log_entry *entry), void *context);

/* One listener (the VICI server); NULLs end it. level says how detailed the lines are that it wants
 * now, -1 for none. Lines that it causes itself are not given to it. */
void cl_log_listen(struct cl_log *log, int (*level)(void *context),
	void (*write)(void *context, const struct ike_log *line), void *context);

#endif
