/* The table of the log's events. docs/logging.md is printed from it. */
#include "charon-lite/log_events.h"

#define IKE_FIELDS                                                                         \
	"version, initiator, local-host, local-port, local-id, remote-host, remote-port, " \
	"remote-id, initiator-spi, responder-spi"
#define CHILD_FIELDS                                                                         \
	"child, child-id, reqid, mode, protocol, spi-in, spi-out, local-host, remote-host, " \
	"local-ts, "                                                                         \
	"remote-ts"
#define USAGE_FIELDS "bytes-in, packets-in, bytes-out, packets-out"

static const struct cl_log_event_kind kinds[CL_LOG_EVENTS] = {
	[CL_LOG_STARTED] = { "started", IKE_LOG_DMN, IKE_LOG_AUDIT, "the daemon begins",
		"version" },
	[CL_LOG_READY] = { "ready", IKE_LOG_DMN, IKE_LOG_INFO, "it serves its control sockets",
		"" },
	[CL_LOG_STOPPING] = { "stopping", IKE_LOG_DMN, IKE_LOG_AUDIT, "it was told to end",
		"signal" },
	[CL_LOG_SETTINGS_RELOADED] = { "settings-reloaded", IKE_LOG_CFG, IKE_LOG_INFO,
		"strongswan.conf was read again", "" },
	[CL_LOG_IKE_UP] = { "ike-up", IKE_LOG_IKE, IKE_LOG_AUDIT, "an IKE SA is established",
		IKE_FIELDS },
	[CL_LOG_IKE_DOWN] = { "ike-down", IKE_LOG_IKE, IKE_LOG_AUDIT,
		"an IKE SA that was established ended, and nothing took its place", IKE_FIELDS },
	[CL_LOG_IKE_REKEYED] = { "ike-rekeyed", IKE_LOG_IKE, IKE_LOG_INFO,
		"a new IKE SA took the place of `old-ike`", "old-ike, " IKE_FIELDS },
	[CL_LOG_IKE_MOVED] = { "ike-moved", IKE_LOG_IKE, IKE_LOG_INFO,
		"its addresses are others than before",
		"old-local-host, old-remote-host, " IKE_FIELDS },
	[CL_LOG_CHILD_UP] = { "child-up", IKE_LOG_CHD, IKE_LOG_AUDIT, "a child SA is in the kernel",
		CHILD_FIELDS },
	[CL_LOG_CHILD_DOWN] = { "child-down", IKE_LOG_CHD, IKE_LOG_AUDIT,
		"a child SA ended, and nothing took its place", CHILD_FIELDS ", " USAGE_FIELDS },
	[CL_LOG_CHILD_REKEYED] = { "child-rekeyed", IKE_LOG_CHD, IKE_LOG_INFO,
		"a new child SA took the place of `old-spi-in` and `old-spi-out`, whose use is "
		"told",
		"old-child-id, old-spi-in, old-spi-out, " CHILD_FIELDS ", " USAGE_FIELDS },
	[CL_LOG_FAILED] = { "failed", IKE_LOG_IKE, IKE_LOG_AUDIT,
		"a negotiation failed, or an SA was lost",
		"reason, text, kind, cause, cure, child, phase, initiator, local-host, local-id, "
		"remote-host, remote-id, ours, theirs, differs, notify, count, first, last" },
	/* A start loads thousands: each alone is for who looks closely. */
	[CL_LOG_CONNECTION_LOADED] = { "connection-loaded", IKE_LOG_CFG, IKE_LOG_DETAIL,
		"a connection is new", "children" },
	[CL_LOG_CONNECTION_CHANGED] = { "connection-changed", IKE_LOG_CFG, IKE_LOG_INFO,
		"a connection was loaded again, and differs; `changes` are the keys, and when each "
		"takes effect",
		"changes" },
	[CL_LOG_CONNECTION_UNLOADED] = { "connection-unloaded", IKE_LOG_CFG, IKE_LOG_INFO,
		"a connection is defined no more", "" },
	[CL_LOG_CONFIGURATION_APPLIED] = { "configuration-applied", IKE_LOG_CFG, IKE_LOG_INFO,
		"a configuration was loaded as a whole (`--load-all`), or taken back; how many "
		"connections it changed, and how many objects of all kinds are not as they were "
		"wanted",
		"connections-loaded, connections-changed, connections-unloaded, refused" },
	[CL_LOG_KEYS_SAVED] = { "keys-saved", IKE_LOG_CFG, IKE_LOG_AUDIT,
		"a client takes the keys of a connection's SAs (`--save-keys`)", "" },
};

const struct cl_log_event_kind *cl_log_event_kind(enum cl_log_event event)
{
	return &kinds[event];
}
