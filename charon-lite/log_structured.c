#include "charon-lite/log_structured.h"

#include "libbase/json.h"

#include <string.h>

static void put_text(cl_log_put *put, void *context, const char *name, const char *value)
{
	put(context, bytes_of_text(name), bytes_of_text(value), (struct vici_view){ 0 });
}

static void put_number(cl_log_put *put, void *context, const char *name, long long value)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", value);
	put_text(put, context, name, text);
}

void cl_log_entry_walk(const struct cl_log_entry *entry, cl_log_put *put, void *context)
{
	const struct ike_log *line = &entry->line;

	if (entry->event)
		put_text(put, context, "event", entry->event);
	put_text(put, context, "group", ike_log_group_name(line->group));
	put_number(put, context, "level", line->level);
	if (line->connection)
		put_text(put, context, "connection", line->connection);
	if (line->ike_id)
		put_number(put, context, "ike", line->ike_id);
	VICI_EACH(each, entry->fields)
	{
		if (vici_kind(each) == VICI_LIST)
			put(context, vici_name(each), (struct bytes){ 0 }, each);
		else
			put(context, vici_name(each), vici_value(each), (struct vici_view){ 0 });
	}
	if (line->text)
		put_text(put, context, "msg", line->text);
}

/* "2026-11-28T22:04:31.123Z" */
static void format_time(const struct timespec *now, char text[40])
{
	struct tm utc;

	gmtime_r(&now->tv_sec, &utc);
	size_t length = strftime(text, 32, "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(text + length, 40 - length, ".%03uZ", (unsigned)(now->tv_nsec / 1000000) % 1000);
}

/* ---- JSON ---- */

struct writing {
	FILE *to;
	bool any;
};

static void json_put(void *context, struct bytes name, struct bytes value, struct vici_view list)
{
	struct writing *w = context;
	bool first = true;

	if (w->any)
		putc(',', w->to);
	w->any = true;
	json_write_string(w->to, name);
	putc(':', w->to);
	if (!vici_present(list)) {
		json_write_string(w->to, value);
		return;
	}
	putc('[', w->to);
	VICI_EACH(each, list)
	{
		if (!first)
			putc(',', w->to);
		first = false;
		json_write_string(w->to, vici_value(each));
	}
	putc(']', w->to);
}

/* ---- name=value ---- */

static void write_safe(FILE *to, struct bytes value, bool escape)
{
	for (size_t i = 0; i < value.length; i++) {
		if (value.at[i] < ' ' || value.at[i] == 0x7f)
			putc('?', to);
		else if (escape && (value.at[i] == '"' || value.at[i] == '\\'))
			fprintf(to, "\\%c", value.at[i]);
		else
			putc(value.at[i], to);
	}
}

static void write_value(FILE *to, struct bytes value, struct vici_view list, bool escape)
{
	bool first = true;

	if (!vici_present(list)) {
		write_safe(to, value, escape);
		return;
	}
	VICI_EACH(each, list)
	{
		if (!first)
			putc(',', to);
		first = false;
		write_safe(to, vici_value(each), escape);
	}
}

void cl_log_value_write(FILE *to, struct bytes value, struct vici_view list)
{
	write_value(to, value, list, false);
}

static bool needs_quotes(struct bytes value)
{
	for (size_t i = 0; i < value.length; i++) {
		if (value.at[i] <= ' ' || memchr("\"\\=", value.at[i], 3))
			return true;
	}
	return value.length == 0;
}

static bool list_needs_quotes(struct vici_view list)
{
	VICI_EACH(each, list)
	if (needs_quotes(vici_value(each)))
		return true;
	return !vici_present(vici_first(list));
}

static void logfmt_put(void *context, struct bytes name, struct bytes value, struct vici_view list)
{
	struct writing *w = context;
	bool quotes = vici_present(list) ? list_needs_quotes(list) : needs_quotes(value);

	if (w->any)
		putc(' ', w->to);
	w->any = true;
	write_safe(w->to, name, false);
	putc('=', w->to);
	if (quotes)
		putc('"', w->to);
	write_value(w->to, value, list, quotes);
	if (quotes)
		putc('"', w->to);
}

void cl_log_entry_write(FILE *to, enum cl_log_format format, const struct timespec *now,
	const struct cl_log_entry *entry)
{
	cl_log_put *put = format == CL_LOG_JSON ? json_put : logfmt_put;
	struct writing writing = { .to = to };
	char text[40];

	if (format == CL_LOG_JSON)
		putc('{', to);
	if (now) {
		format_time(now, text);
		put_text(put, &writing, "time", text);
	}
	cl_log_entry_walk(entry, put, &writing);
	fputs(format == CL_LOG_JSON ? "}\n" : "\n", to);
}
