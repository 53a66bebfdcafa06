/* Samples as text. What both formats have is written alike; where they differ, see put_header(). */
#include "charon-lite/metrics_priv.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

/* Whether the octets at *at are one character of UTF-8 (no control characters); steps over it. */
static bool step_over_character(const char **at)
{
	const unsigned char *text = (const unsigned char *)*at;
	size_t more = text[0] >= 0xf0 ? 3 : text[0] >= 0xe0 ? 2 : text[0] >= 0xc2 ? 1 : 0;

	if (text[0] < ' ' || (text[0] >= 0x7f && more == 0) || text[0] > 0xf4 ||
		(text[0] == 0xe0 && text[1] < 0xa0) || (text[0] == 0xed && text[1] > 0x9f) ||
		(text[0] == 0xf0 && text[1] < 0x90) || (text[0] == 0xf4 && text[1] > 0x8f))
		return false;
	for (size_t i = 1; i <= more; i++)
		if ((text[i] & 0xc0) != 0x80)
			return false;
	*at += more + 1;
	return true;
}

/* Names are what somebody wrote into a file: of what is no UTF-8 the digits are there, so that two
 * names stay two. */
static void put_label_value(struct evbuffer *out, const char *text)
{
	while (*text) {
		const char *start = text;

		while (*text && *text != '"' && *text != '\\' && step_over_character(&text))
			;
		if (text > start)
			evbuffer_add(out, start, (size_t)(text - start));
		if (!*text)
			break;
		if (*text == '"' || *text == '\\')
			evbuffer_add_printf(out, "\\%c", *text);
		else if (*text == '\n')
			evbuffer_add(out, "\\n", 2);
		else
			evbuffer_add_printf(out, "?%02x", (unsigned char)*text);
		text++;
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
