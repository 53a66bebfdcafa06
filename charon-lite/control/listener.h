/*
 * The control sockets, and that of metrics: made so that only who may control the daemon can reach
 * it, or, by TCP, who is on this machine.
 */
#ifndef CHARON_LITE_CONTROL_LISTENER_H
#define CHARON_LITE_CONTROL_LISTENER_H

#include "libbase/bytes.h"
#include "libbase/why.h"

/* One socket, and those after it. */
struct cl_listener;

/* A list with commas of "unix:///run/charon.vici" (mode 0660; a socket that nobody listens to any
 * more is replaced, anything else in its place is an error) and "tcp://127.0.0.1:4502" (an address
 * of the loopback, or localhost; default_port when it has no port). Listens from then on, on all or
 * none; fails when another daemon does so there. */
MUST_USE bool cl_listener_open(
	const char *uris, uint16_t default_port, struct cl_listener **ret, struct why *why);

/* Closes all, and removes sockets from the file system that are still ours. NULL is fine. */
void cl_listener_close(struct cl_listener *list);

const struct cl_listener *cl_listener_next(const struct cl_listener *l); /* NULL: no more */
int cl_listener_fd(const struct cl_listener *l);
bool cl_listener_is_tcp(const struct cl_listener *l);

#endif
