/* Log lines and events on their way to the host. */
#include "libike/engine_priv.h"

#include <stdarg.h>
#include <stdio.h>

#define NOISE_LINES_A_SECOND 5

static const char *const group_names[IKE_LOG_GROUPS] = { "DMN", "MGR", "IKE", "CHD", "JOB", "CFG",
	"KNL", "NET", "ENC", "LIB" };

const char *ike_log_group_name(uint8_t group)
{
	return group < IKE_LOG_GROUPS ? group_names[group] : "???";
}

static void log_line(struct ike_engine *e, const struct ike_sa *sa, enum ike_log_group group,
	int level, const char *format, va_list arguments)
{
	char text[2048];
	struct ike_log log = { .group = (uint8_t)group, .level = (int8_t)level, .text = text };

	vsnprintf(text, sizeof(text), format, arguments);
	/* Peers choose some of what we print: a line stays one line. */
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	if (sa) {
		log.ike_id = sa->unique_id;
		log.connection = sa->connection ? sa->connection->name : NULL;
	}
	e->host.log(e->host.context, &log);
}

void ike_log(struct ike_engine *e, const struct ike_sa *sa, enum ike_log_group group, int level,
	const char *format, ...)
{
	va_list arguments;

	if (!e->host.log_wanted(e->host.context, group, level))
		return;
	va_start(arguments, format);
	log_line(e, sa, group, level, format, arguments);
	va_end(arguments);
}

void ike_log_noise(struct ike_engine *e, const struct ike_sa *sa, enum ike_log_group group,
	const char *format, ...)
{
	va_list arguments;

	if (e->now - e->noise_at >= IKE_SECONDS(1)) {
		uint32_t suppressed = e->noise_suppressed;

		e->noise_at = e->now;
		e->noise_lines = e->noise_suppressed = 0;
		if (suppressed > 0)
			ike_log(e, NULL, group, IKE_LOG_INFO,
				"%u more lines like the last ones were left out", suppressed);
	}
	if (e->noise_lines >= NOISE_LINES_A_SECOND) {
		e->noise_suppressed++;
		return;
	}
	if (!e->host.log_wanted(e->host.context, group, IKE_LOG_INFO))
		return;
	e->noise_lines++;
	va_start(arguments, format);
	log_line(e, sa, group, IKE_LOG_INFO, format, arguments);
	va_end(arguments);
}

void ike_event(struct ike_engine *e, enum ike_event_kind kind, const struct ike_sa *sa,
	const struct ike_child *child)
{
	struct ike_event event = { .kind = (uint8_t)kind, .sa = sa, .child = child };

	if (kind == IKE_EVENT_IKE_UP || kind == IKE_EVENT_CHILD_UP)
		ike_failures_over(e, sa, child);
	e->host.event(e->host.context, &event);
}

void ike_event_child_sa_goes(struct ike_engine *e, const struct ike_child *child, bool inbound)
{
	struct ike_event event = {
		.kind = IKE_EVENT_CHILD_SA_GOES, .sa = child->sa, .child = child, .inbound = inbound
	};

	e->host.event(e->host.context, &event);
}

void ike_event_child_rekey(
	struct ike_engine *e, const struct ike_child *old, const struct ike_child *new)
{
	struct ike_event event = { .kind = IKE_EVENT_CHILD_REKEY,
		.sa = new->sa,
		.child = old,
		.other = new->sa,
		.other_child = new };

	e->host.event(e->host.context, &event);
}

void ike_event_ike_rekey(struct ike_engine *e, const struct ike_sa *old, const struct ike_sa *new)
{
	struct ike_event event = { .kind = IKE_EVENT_IKE_REKEY, .sa = old, .other = new };

	e->host.event(e->host.context, &event);
}
