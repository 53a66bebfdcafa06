/*
 * Events of the log: what happens, under names that stay, with what an SA has as names and values.
 *
 * They are beside the lines for people, in logs whose format is logfmt or json, in systemd's
 * journal, and for VICI clients that register for `log-event`. docs/logging.md lists them.
 *
 * Thread rule: the loop's thread.
 */
#ifndef CHARON_LITE_LOG_EVENTS_H
#define CHARON_LITE_LOG_EVENTS_H

#include "charon-lite/daemon.h"
#include "libvici/builder.h"

enum cl_log_event {
	CL_LOG_STARTED,
	CL_LOG_READY,
	CL_LOG_STOPPING,
	CL_LOG_SETTINGS_RELOADED,
	CL_LOG_IKE_UP,
	CL_LOG_IKE_DOWN,
	CL_LOG_IKE_REKEYED,
	CL_LOG_IKE_MOVED,
	CL_LOG_CHILD_UP,
	CL_LOG_CHILD_DOWN,
	CL_LOG_CHILD_REKEYED,
	CL_LOG_FAILED,
	CL_LOG_CONNECTION_LOADED,
	CL_LOG_CONNECTION_CHANGED,
	CL_LOG_CONNECTION_UNLOADED,
	CL_LOG_CONFIGURATION_APPLIED,
	CL_LOG_KEYS_SAVED,
	CL_LOG_EVENTS,
};

struct cl_log_event_kind {
	const char *name;
	uint8_t group; /* enum ike_log_group */
	int8_t level;
	const char *text; /* when it comes */
	const char
		*fields; /* names of its own, beside connection and ike, which are those of SAs */
};

const struct cl_log_event_kind *cl_log_event_kind(enum cl_log_event event);

/* What the engine tells; kinds that are not in the log are passed over. */
void cl_log_engine_event(struct cl_daemon *d, const struct ike_event *event);

/* What the daemon tells itself: connection may be NULL; pairs of a name and a text that may be
 * NULL (then it is left out), a NULL name at the end. */
void cl_log_daemon_event(struct cl_log *log, enum cl_log_event event, const char *connection, ...);

#endif
