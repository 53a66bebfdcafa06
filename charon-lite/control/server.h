/*
 * The VICI server: clients on the control sockets, what they ask and what they want to be told.
 *
 * No client can block the loop or another client. Each is served one request at a time; what it
 * does not read waits in a buffer that has a ceiling, and a client that lets it fill, or sends
 * nonsense, is disconnected with a line in the log.
 */
#ifndef CHARON_LITE_CONTROL_SERVER_H
#define CHARON_LITE_CONTROL_SERVER_H

#include "charon-lite/control/listener.h"
#include "charon-lite/daemon.h"

struct cl_server;

/* Begins to accept at all of the listeners, which stay the caller's; d->engine must exist. */
MUST_USE bool cl_server_open(struct cl_daemon *d, const struct cl_listener *listeners,
	struct cl_server **ret, struct why *why);

/* A client that is connected already; takes over fd, also on failure. */
MUST_USE bool cl_server_adopt(struct cl_server *s, int fd);

size_t cl_server_clients(const struct cl_server *s);

/* Disconnects everybody. NULL is fine. */
void cl_server_close(struct cl_server *s);

/* From the engine, through the host. */
void cl_server_event(struct cl_server *s, const struct ike_event *event);
void cl_server_command_done(struct cl_server *s, uint64_t ticket, bool done, const char *text);
/* A private key that was loaded to be staged: its client keeps it, and has its answer. False: the
 * client is gone. */
MUST_USE bool cl_server_stage_key(
	struct cl_server *s, uint64_t ticket, struct ike_public_key *key, uint64_t handle);

#endif
