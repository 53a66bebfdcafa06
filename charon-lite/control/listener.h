/*
 * The control socket: made so that only who may control the daemon can reach it.
 */
#ifndef CHARON_LITE_CONTROL_LISTENER_H
#define CHARON_LITE_CONTROL_LISTENER_H

#include "libbase/bytes.h"
#include "libbase/why.h"

struct cl_listener;

/* "unix:///run/charon.vici" (mode 0660; a socket that nobody listens to any more is replaced,
 * anything else in its place is an error) or "tcp://192.0.2.1:4502" (an address, not a name; port
 * 4502 when there is none). Listens from then on; fails when another daemon does so there. */
MUST_USE bool cl_listener_open(const char *uri, struct cl_listener **ret, struct why *why);

/* Removes the socket from the file system, if it is still ours. NULL is fine. */
void cl_listener_close(struct cl_listener *l);

int cl_listener_fd(const struct cl_listener *l);

#endif
