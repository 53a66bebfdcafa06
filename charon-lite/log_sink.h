/*
 * Sinks of the log: standard streams, files, syslog, systemd's journal. For log.c only.
 */
#ifndef CHARON_LITE_LOG_SINK_H
#define CHARON_LITE_LOG_SINK_H

#include "charon-lite/log_journal.h"
#include "charon-lite/log_structured.h"
#include "libbase/why.h"
#include "libike/host.h"

#include <stdio.h>

#define CL_LOG_LINE_MAX 4096

struct cl_settings;

enum cl_log_sink_kind {
	CL_LOG_SINK_STREAM,
	CL_LOG_SINK_FILE,
	CL_LOG_SINK_SYSLOG,
	CL_LOG_SINK_JOURNAL, /* that standard error goes to */
};

struct cl_log_sink {
	struct cl_log_sink *next;
	uint8_t kind;
	int8_t levels[IKE_LOG_GROUPS]; /* the most detailed it wants; -1: nothing */
	uint16_t set_levels;           /* bit per group: set by its own name, not by default */
	const char *section;           /* while settings are read: which section it comes from */
	char *name;                    /* "stderr", "stdout", a path, "daemon", "auth" */
	FILE *file;                    /* not for syslog and journal */
	struct cl_log_journal *journal;
	uint8_t format;    /* enum cl_log_format */
	int facility;      /* of syslog */
	int map_level;     /* syslog's priority for all lines; -1: LOG_INFO */
	char *time_format; /* strftime's; NULL: no time */
	bool time_add_ms;
	bool ike_name;
	bool log_level;
	bool append;
	bool flush_line; /* read, but every line is flushed */
};

/* All groups at level 1. NULL when memory ran out. A file is not yet open. */
struct cl_log_sink *cl_log_sink_new(enum cl_log_sink_kind kind, const char *name);
void cl_log_sink_free(struct cl_log_sink *sink);

/* Whether events are for it, too, or lines alone. */
bool cl_log_sink_takes_events(const struct cl_log_sink *sink);

/* Opens a file, anew if it was open. Others have nothing to open. */
MUST_USE bool cl_log_sink_reopen(struct cl_log_sink *sink, struct why *why);

/* An event goes to none that does not take them. */
void cl_log_sink_write(struct cl_log_sink *sink, const struct cl_log_entry *entry);

/* The line without time and line feed: "00[IKE] <home|1> text". Control characters become '?'.
 * Returns its length. */
size_t cl_log_sink_format(
	const struct cl_log_sink *sink, const struct ike_log *line, char text[CL_LOG_LINE_MAX]);

struct cl_log_warnings {
	char **texts;
	size_t count;
};

/* What filelog, syslog and journal ask for; standard error at level 1 unless they say otherwise.
 * Files are open. What could not be done is left out and warned about; the caller frees. */
struct cl_log_sink *cl_log_sinks_from_settings(
	const struct cl_settings *settings, struct cl_log_warnings *warnings);

#endif
