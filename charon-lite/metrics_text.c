/* Samples as text. What both formats have is written alike; where they differ, see put_header(). */
#include "charon-lite/metrics_priv.h"
#include "libbase/utf8.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

/* The length of a character of UTF-8 that stays as it is; 0: it is none, or has to be written
 * otherwise. */
static size_t plain_character(struct bytes text)
{
	const char first = (char)text.at[0];

	return (unsigned char)first < ' ' || first == 0x7f || strchr("\"\\?", first)
		       ? 0
		       : utf8_length(text);
}

/* Names are what somebody wrote into a file: of what is no UTF-8 the digits are there behind a
 * question mark, and of a question mark, too, so that two names stay two. */
static void put_label_value(struct evbuffer *out, const char *text)
{
	struct bytes rest = bytes_of_text(text);

	while (rest.length > 0) {
		size_t plain = 0, length;

		while (plain < rest.length && (length = plain_character(bytes_of(
						       rest.at + plain, rest.length - plain))) > 0)
			plain += length;
		evbuffer_add(out, rest.at, plain);
		rest = bytes_of(rest.at + plain, rest.length - plain);
		if (rest.length == 0)
			break;
		if (*rest.at == '"' || *rest.at == '\\')
			evbuffer_add_printf(out, "\\%c", *rest.at);
		else if (*rest.at == '\n')
			evbuffer_add(out, "\\n", 2);
		else
			evbuffer_add_printf(out, "?%02x", *rest.at);
		rest = bytes_of(rest.at + 1, rest.length - 1);
	}
}

static bool is_counter(const struct cl_metric_writer *w)
{
	return strcmp(w->metric->about.type, "counter") == 0;
}

/* OpenMetrics names a counter's family without `_total`, knows units, and an info's family. */
void cl_metric_put_header(struct cl_metric_writer *w)
{
	const struct cl_metric_description *about = &w->metric->about;
	bool info = strcmp(about->type, "info") == 0;
	const char *suffix = w->open_metrics ? "" : is_counter(w) ? "_total" : info ? "_info" : "";

	evbuffer_add_printf(w->out, "# TYPE %s%s %s\n", about->name, suffix,
		info && !w->open_metrics ? "gauge" : about->type);
	if (w->open_metrics && about->unit)
		evbuffer_add_printf(w->out, "# UNIT %s %s\n", about->name, about->unit);
	evbuffer_add_printf(w->out, "# HELP %s%s %s\n", about->name, suffix, about->help);
}

static void put_name(struct cl_metric_writer *w, const char *suffix, va_list labels)
{
	const char *label, *before = "{";

	evbuffer_add_printf(w->out, "%s%s", w->metric->about.name, suffix);
	while ((label = va_arg(labels, const char *))) {
		evbuffer_add_printf(w->out, "%s%s=\"", before, label);
		put_label_value(w->out, va_arg(labels, const char *));
		evbuffer_add(w->out, "\"", 1);
		before = ",";
	}
	if (*before == ',')
		evbuffer_add(w->out, "}", 1);
}

void cl_metric_put(struct cl_metric_writer *w, uint64_t value, ...)
{
	va_list labels;

	va_start(labels, value);
	put_name(w, is_counter(w) ? "_total" : "", labels);
	va_end(labels);
	evbuffer_add_printf(w->out, " %" PRIu64 "\n", value);
}

void cl_metric_put_part(struct cl_metric_writer *w, const char *suffix, uint64_t value, ...)
{
	va_list labels;

	va_start(labels, value);
	put_name(w, suffix, labels);
	va_end(labels);
	evbuffer_add_printf(w->out, " %" PRIu64 "\n", value);
}

void cl_metric_put_microseconds(struct cl_metric_writer *w, uint64_t microseconds, ...)
{
	va_list labels;

	va_start(labels, microseconds);
	put_name(w, is_counter(w) ? "_total" : "", labels);
	va_end(labels);
	evbuffer_add_printf(w->out, " %" PRIu64 ".%06" PRIu64 "\n", microseconds / 1000000,
		microseconds % 1000000);
}
