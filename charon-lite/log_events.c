#include "charon-lite/log_events.h"

#include "charon-lite/control/failure_message.h"
#include "charon-lite/control/sa_message.h"

#include <inttypes.h>
#include <stdarg.h>

static bool is_wanted(const struct cl_log *log, enum cl_log_event event)
{
	return cl_log_wants_event(
		log, cl_log_event_kind(event)->group, cl_log_event_kind(event)->level);
}

/* ---- Fields ---- */

static void put_ike(struct vici_builder *b, const struct ike_sa *sa, const struct address *local,
	const struct address *remote)
{
	vici_key_format(b, "version", "%u", sa->version);
	vici_key_bool(b, "initiator", sa->initiator);
	cl_host_build(b, "local", local);
	cl_identity_build(b, "local-id", sa->local_id);
	cl_host_build(b, "remote", remote);
	cl_identity_build(b, "remote-id", sa->remote_id);
	vici_key_format(b, "initiator-spi", "%016" PRIx64, sa->spi_initiator);
	vici_key_format(b, "responder-spi", "%016" PRIx64, sa->spi_responder);
}

static void put_address(struct vici_builder *b, const char *key, const struct address *a)
{
	char text[ADDRESS_TEXT_MAX];

	vici_key_text(b, key, address_format(a, text));
}

static void put_child(struct vici_builder *b, const struct ike_child *child)
{
	vici_key_text(b, "child", child->config->name);
	vici_key_format(b, "child-id", "%u", child->unique_id);
	vici_key_format(b, "reqid", "%u", child->reqid);
	vici_key_text(b, "mode", cl_child_mode_name(child->mode));
	vici_key_text(b, "protocol", cl_child_protocol_name(child));
	vici_key_format(b, "spi-in", "%08x", child->spi_in);
	vici_key_format(b, "spi-out", "%08x", child->spi_out);
	put_address(b, "local-host", &child->sa->local);
	put_address(b, "remote-host", &child->sa->remote);
	cl_selectors_build(b, "local-ts", ike_child_local(child), child->local_count);
	cl_selectors_build(b, "remote-ts", ike_child_remote(child), child->remote_count);
}

static void put_usage(struct vici_builder *b, struct cl_daemon *d, const struct ike_child *child)
{
	cl_usage_build(b, d, child, true);
	cl_usage_build(b, d, child, false);
}

/* ---- From the engine ---- */

static bool event_of(const struct ike_event *event, enum cl_log_event *ret)
{
	static const struct {
		uint8_t kind;
		enum cl_log_event event;
	} events[] = {
		{ IKE_EVENT_IKE_UP, CL_LOG_IKE_UP },
		{ IKE_EVENT_IKE_DOWN, CL_LOG_IKE_DOWN },
		{ IKE_EVENT_IKE_REKEY, CL_LOG_IKE_REKEYED },
		{ IKE_EVENT_IKE_UPDATE, CL_LOG_IKE_MOVED },
		{ IKE_EVENT_CHILD_UP, CL_LOG_CHILD_UP },
		{ IKE_EVENT_CHILD_DOWN, CL_LOG_CHILD_DOWN },
		{ IKE_EVENT_CHILD_REKEY, CL_LOG_CHILD_REKEYED },
		{ IKE_EVENT_ALERT, CL_LOG_FAILED },
	};

	for (size_t i = 0; i < sizeof(events) / sizeof(*events); i++) {
		if (events[i].kind == event->kind) {
			*ret = events[i].event;
			return true;
		}
	}
	return false;
}

static void put_fields(struct vici_builder *b, struct cl_daemon *d, const struct ike_event *event)
{
	const struct ike_sa *sa = event->sa;

	switch (event->kind) {
	case IKE_EVENT_IKE_REKEY:
		vici_key_format(b, "old-ike", "%u", sa->unique_id);
		put_ike(b, event->other, &event->other->local, &event->other->remote);
		break;
	case IKE_EVENT_IKE_UPDATE:
		put_address(b, "old-local-host", &sa->local);
		put_address(b, "old-remote-host", &sa->remote);
		put_ike(b, sa, event->local, event->remote);
		break;
	case IKE_EVENT_CHILD_REKEY:
		vici_key_format(b, "old-child-id", "%u", event->child->unique_id);
		vici_key_format(b, "old-spi-in", "%08x", event->child->spi_in);
		vici_key_format(b, "old-spi-out", "%08x", event->child->spi_out);
		put_child(b, event->other_child);
		put_usage(b, d, event->child);
		break;
	case IKE_EVENT_CHILD_UP:
		put_child(b, event->child);
		break;
	case IKE_EVENT_CHILD_DOWN:
		put_child(b, event->child);
		put_usage(b, d, event->child);
		break;
	case IKE_EVENT_ALERT:
		cl_failure_build(
			b, event->failure, event->connection ? event->connection->name : NULL);
		break;
	default:
		put_ike(b, sa, &sa->local, &sa->remote);
	}
}

/* Of the SA that there is from now on. */
static const struct ike_sa *sa_of(const struct ike_event *event)
{
	return event->kind == IKE_EVENT_IKE_REKEY ? event->other : event->sa;
}

void cl_log_engine_event(struct cl_daemon *d, const struct ike_event *event)
{
	struct ike_log head = { 0 };
	struct vici_builder b = { 0 };
	enum cl_log_event name;

	if (!event_of(event, &name) || !is_wanted(d->log, name))
		return;
	const struct ike_sa *sa = sa_of(event);
	const struct ike_connection *c = event->connection ? event->connection
					 : sa              ? sa->connection
							   : NULL;
	put_fields(&b, d, event);
	head.group = cl_log_event_kind(name)->group;
	head.level = cl_log_event_kind(name)->level;
	head.ike_id = sa ? sa->unique_id : 0;
	head.connection = c ? c->name : NULL;
	cl_log_event(d->log, &head, cl_log_event_kind(name)->name, &b);
	vici_builder_free(&b);
}

/* ---- The daemon's own ---- */

void cl_log_daemon_event(struct cl_log *log, enum cl_log_event event, const char *connection, ...)
{
	const struct ike_log head = { .group = cl_log_event_kind(event)->group,
		.level = cl_log_event_kind(event)->level,
		.connection = connection };
	struct vici_builder b = { 0 };
	const char *name;
	va_list pairs;

	if (!is_wanted(log, event))
		return;
	va_start(pairs, connection);
	while ((name = va_arg(pairs, const char *))) {
		const char *text = va_arg(pairs, const char *);

		if (text)
			vici_key_text(&b, name, text);
	}
	va_end(pairs);
	cl_log_event(log, &head, cl_log_event_kind(event)->name, &b);
	vici_builder_free(&b);
}
