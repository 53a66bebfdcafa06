#include "charon-lite/log_sink.h"

#include "charon-lite/apparmor.h"
#include "libbase/bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

struct cl_log_sink *cl_log_sink_new(enum cl_log_sink_kind kind, const char *name)
{
	struct cl_log_sink *sink = calloc(1, sizeof(*sink));

	if (!sink)
		return NULL;
	sink->name = strdup(name);
	if (!sink->name) {
		free(sink);
		return NULL;
	}
	sink->kind = (uint8_t)kind;
	for (size_t i = 0; i < IKE_LOG_GROUPS; i++)
		sink->levels[i] = IKE_LOG_INFO;
	sink->ike_name = true;
	sink->append = true;
	sink->map_level = -1;
	sink->facility = LOG_DAEMON;
	if (kind == CL_LOG_SINK_STREAM)
		sink->file = strcmp(name, "stdout") == 0 ? stdout : stderr;
	return sink;
}

static void close_file(struct cl_log_sink *sink)
{
	if (sink->kind == CL_LOG_SINK_FILE && sink->file)
		fclose(sink->file);
	if (sink->kind == CL_LOG_SINK_FILE)
		sink->file = NULL;
}

void cl_log_sink_free(struct cl_log_sink *sink)
{
	close_file(sink);
	cl_log_journal_free(sink->journal);
	free(sink->time_format);
	free(sink->name);
	free(sink);
}

static bool opening_failed(const struct cl_log_sink *sink, int error, struct why *why)
{
	char hint[CL_APPARMOR_HINT_MAX] = "";

	if (error == EACCES)
		cl_apparmor_hint(hint);
	return why_fail(why, "opening log file '%s' failed: %s%s%s", sink->name, strerror(error),
		hint[0] ? "; " : "", hint);
}

/* Lines show who talks to whom: others don't read them. */
bool cl_log_sink_reopen(struct cl_log_sink *sink, struct why *why)
{
	int flags = O_WRONLY | O_CREAT | O_CLOEXEC | O_APPEND | O_NOCTTY;

	if (sink->kind != CL_LOG_SINK_FILE)
		return true;
	if (!sink->append && !sink->file)
		flags |= O_TRUNC;
	int fd = open(sink->name, flags, 0640);
	if (fd < 0)
		return opening_failed(sink, errno, why);
	FILE *file = fdopen(fd, "a");
	if (!file) {
		close(fd);
		return why_fail(why, "opening log file '%s' failed: out of memory", sink->name);
	}
	close_file(sink);
	sink->file = file;
	return true;
}

size_t cl_log_sink_format(
	const struct cl_log_sink *sink, const struct ike_log *line, char text[CL_LOG_LINE_MAX])
{
	char level[8] = "", name[256] = "";

	if (sink->log_level)
		snprintf(level, sizeof(level), "%d", line->level);
	if (sink->ike_name && line->ike_id)
		snprintf(name, sizeof(name), "<%s|%u> ", line->connection ? line->connection : "",
			line->ike_id);
	/* strongSwan prints a thread's number first; scripts cut it off. We have one thread. */
	int length = snprintf(text, CL_LOG_LINE_MAX, "00[%s%s] %s%s",
		ike_log_group_name(line->group), level, name, line->text);
	if (length < 0)
		length = 0;
	if (length >= CL_LOG_LINE_MAX)
		length = CL_LOG_LINE_MAX - 1;
	for (int i = 0; i < length; i++) {
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			text[i] = '?';
	}
	return (size_t)length;
}

static void write_time(const struct cl_log_sink *sink)
{
	struct timespec now;
	struct tm tm;
	char text[128];

	if (!sink->time_format)
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &tm);
	if (strftime(text, sizeof(text), sink->time_format, &tm) == 0)
		return;
	if (sink->time_add_ms)
		fprintf(sink->file, "%s.%03ld ", text, now.tv_nsec / 1000000);
	else
		fprintf(sink->file, "%s ", text);
}

bool cl_log_sink_takes_events(const struct cl_log_sink *sink)
{
	return sink->kind == CL_LOG_SINK_JOURNAL || sink->format != CL_LOG_TEXT;
}

static int syslog_priority(const struct cl_log_sink *sink, const struct ike_log *line)
{
	if (sink->map_level < 0)
		return LOG_INFO;
	int priority = sink->map_level + line->level;
	return priority > LOG_DEBUG ? LOG_DEBUG : priority;
}

/* What must always be seen first; what is for developers last. */
static int journal_priority(const struct ike_log *line)
{
	return line->level <= IKE_LOG_AUDIT  ? LOG_NOTICE
	       : line->level <= IKE_LOG_INFO ? LOG_INFO
					     : LOG_DEBUG;
}

/* The entry as a text to be freed: a line as strongSwan writes it, or names and values. NULL when
 * memory ran out. */
static char *entry_text(const struct cl_log_sink *sink, const struct cl_log_entry *entry)
{
	enum cl_log_format format = sink->format == CL_LOG_TEXT ? CL_LOG_LOGFMT : sink->format;
	char room[CL_LOG_LINE_MAX], *text = NULL;
	size_t length;

	if (!entry->event && sink->format == CL_LOG_TEXT) {
		cl_log_sink_format(sink, &entry->line, room);
		return strdup(room);
	}
	FILE *to = open_memstream(&text, &length);
	if (!to)
		return NULL;
	cl_log_entry_write(to, format, NULL, entry);
	if (fclose(to) != 0) {
		free(text);
		return NULL;
	}
	text[length - 1] = '\0'; /* the line feed */
	return text;
}

static void write_text(struct cl_log_sink *sink, const struct cl_log_entry *entry)
{
	char *text = entry_text(sink, entry);

	if (!text)
		return;
	if (sink->kind == CL_LOG_SINK_SYSLOG)
		syslog(sink->facility | syslog_priority(sink, &entry->line), "%s", text);
	else
		cl_log_journal_write(sink->journal, entry, journal_priority(&entry->line), text);
	free(text);
}

static void write_to_file(struct cl_log_sink *sink, const struct cl_log_entry *entry)
{
	struct timespec now;
	char text[CL_LOG_LINE_MAX];

	if (sink->format == CL_LOG_TEXT) {
		cl_log_sink_format(sink, &entry->line, text);
		write_time(sink);
		fprintf(sink->file, "%s\n", text);
	} else {
		clock_gettime(CLOCK_REALTIME, &now);
		cl_log_entry_write(sink->file, sink->format, &now, entry);
	}
	/* Whatever flush_line says: a line that a crash swallows is the one that was needed. */
	fflush(sink->file);
}

void cl_log_sink_write(struct cl_log_sink *sink, const struct cl_log_entry *entry)
{
	if (entry->event && !cl_log_sink_takes_events(sink))
		return;
	if (sink->kind == CL_LOG_SINK_SYSLOG || sink->kind == CL_LOG_SINK_JOURNAL)
		write_text(sink, entry);
	else if (sink->file)
		write_to_file(sink, entry);
}
