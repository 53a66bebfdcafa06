#include "charon-lite/log.h"

#include "charon-lite/log_sink.h"
#include "charon-lite/log_structured.h"
#include "charon-lite/settings.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>

struct cl_log {
	struct cl_log_sink *sinks;
	int8_t most[IKE_LOG_GROUPS]; /* the most detailed level that any sink wants */
	int (*listener_level)(void *context);
	void (*listener)(void *context, const struct ike_log *line);
	void *listener_context;
	bool (*events_wanted)(void *context);
	void (*event_listener)(void *context, const struct cl_log_entry *entry);
	void *event_context;
	bool listening; /* the listener is at work: what it logs itself is not for it */
};

static void free_sinks(struct cl_log *log)
{
	struct cl_log_sink *sink, *next;

	LL_FOREACH_SAFE(log->sinks, sink, next)
	{
		LL_DELETE(log->sinks, sink);
		cl_log_sink_free(sink);
	}
}

static void count_levels(struct cl_log *log)
{
	const struct cl_log_sink *sink;

	for (size_t group = 0; group < IKE_LOG_GROUPS; group++) {
		log->most[group] = -1;
		LL_FOREACH(log->sinks, sink)
		{
			if (sink->levels[group] > log->most[group])
				log->most[group] = sink->levels[group];
		}
	}
}

struct cl_log *cl_log_new(void)
{
	struct cl_log *log = calloc(1, sizeof(*log));

	if (!log)
		return NULL;
	log->sinks = cl_log_sink_new(CL_LOG_SINK_STREAM, "stderr");
	if (!log->sinks) {
		free(log);
		return NULL;
	}
	count_levels(log);
	return log;
}

void cl_log_free(struct cl_log *log)
{
	if (!log)
		return;
	free_sinks(log);
	free(log);
}

void cl_log_silence(struct cl_log *log)
{
	free_sinks(log);
	count_levels(log);
}

void cl_log_configure(struct cl_log *log, const struct cl_settings *settings)
{
	struct cl_log_sink *old = log->sinks, *sink, *next;
	struct cl_log_warnings warnings = { 0 };

	log->sinks = cl_log_sinks_from_settings(settings, &warnings);
	LL_FOREACH_SAFE(old, sink, next)
	cl_log_sink_free(sink);
	count_levels(log);
	for (size_t i = 0; i < warnings.count; i++) {
		cl_log_text(log, IKE_LOG_CFG, IKE_LOG_AUDIT, "%s", warnings.texts[i]);
		free(warnings.texts[i]);
	}
	free(warnings.texts);
}

void cl_log_reopen(struct cl_log *log)
{
	struct cl_log_sink *sink;
	struct why why;

	LL_FOREACH(log->sinks, sink)
	{
		if (!cl_log_sink_reopen(sink, &why))
			cl_log_text(log, IKE_LOG_DMN, IKE_LOG_AUDIT, "%s", why.text);
	}
}

static int listener_level(const struct cl_log *log)
{
	return log->listener && !log->listening ? log->listener_level(log->listener_context) : -1;
}

bool cl_log_wanted(const struct cl_log *log, uint8_t group, int level)
{
	if (group >= IKE_LOG_GROUPS)
		return false;
	return level <= log->most[group] || level <= listener_level(log);
}

static void write_to_sinks(struct cl_log *log, const struct cl_log_entry *entry)
{
	struct cl_log_sink *sink;

	LL_FOREACH(log->sinks, sink)
	{
		if (entry->line.level <= sink->levels[entry->line.group])
			cl_log_sink_write(sink, entry);
	}
}

void cl_log_write(struct cl_log *log, const struct ike_log *line)
{
	if (line->group >= IKE_LOG_GROUPS)
		return;
	write_to_sinks(log, &(struct cl_log_entry){ .line = *line });
	if (line->level <= listener_level(log)) {
		log->listening = true;
		log->listener(log->listener_context, line);
		log->listening = false;
	}
}

void cl_log_text(struct cl_log *log, uint8_t group, int level, const char *format, ...)
{
	struct ike_log line = { .group = group, .level = (int8_t)level };
	char text[1024];
	va_list arguments;

	if (!cl_log_wanted(log, group, level))
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	for (char *c = text; *c; c++) {
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	}
	line.text = text;
	cl_log_write(log, &line);
}

/* ---- Events ---- */

static bool listener_wants_events(const struct cl_log *log)
{
	return log->event_listener && !log->listening && log->events_wanted(log->event_context);
}

bool cl_log_wants_event(const struct cl_log *log, uint8_t group, int level)
{
	const struct cl_log_sink *sink;

	LL_FOREACH(log->sinks, sink)
	{
		if (level <= sink->levels[group] && cl_log_sink_takes_events(sink))
			return true;
	}
	return listener_wants_events(log);
}

void cl_log_event(struct cl_log *log, const struct ike_log *head, const char *event,
	struct vici_builder *fields)
{
	struct cl_log_entry entry = { .line = *head, .event = event };
	struct vici_message message;
	struct bytes wire;

	if (!vici_builder_finish(fields, &wire) || !vici_message_parse(wire, &message, NULL))
		return; /* out of memory */
	entry.fields = vici_root(&message);
	write_to_sinks(log, &entry);
	if (listener_wants_events(log)) {
		log->listening = true;
		log->event_listener(log->event_context, &entry);
		log->listening = false;
	}
	vici_message_free(&message);
}

void cl_log_listen_events(struct cl_log *log, bool (*wanted)(void *context),
	void (*write)(void *context, const struct cl_log_entry *entry), void *context)
{
	log->events_wanted = wanted;
	log->event_listener = write;
	log->event_context = context;
}

void cl_log_listen(struct cl_log *log, int (*level)(void *context),
	void (*write)(void *context, const struct ike_log *line), void *context)
{
	log->listener_level = level;
	log->listener = write;
	log->listener_context = context;
}
