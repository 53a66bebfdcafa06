/*
 * The service manager: systemd is told when the daemon is ready, reloads and stops, how many
 * tunnels there are, and that the loop still turns.
 *
 * WATCHDOG=1 comes from a timer of the event loop and from nowhere else, three times in the
 * interval that WatchdogSec= asks for: a loop that hangs, in a callback or in a system call, is
 * missed by systemd, which restarts the daemon. The protocol is that of sd_notify(3), which
 * documents it as stable: its library would load others into a privileged process. When nobody
 * asked to be told ($NOTIFY_SOCKET is not set), nothing is done and no timer runs.
 */
#ifndef CHARON_LITE_SERVICE_H
#define CHARON_LITE_SERVICE_H

#include "charon-lite/daemon.h"

struct cl_service;

/* Tells that the daemon is ready; d->base and d->engine must exist. *ret is NULL when nobody is to
 * be told. */
MUST_USE bool cl_service_open(struct cl_daemon *d, struct cl_service **ret, struct why *why);

/* Around a reload of the settings. NULL is fine, here and below. */
void cl_service_reloading(struct cl_service *s);
void cl_service_reloaded(struct cl_service *s);

void cl_service_stopping(struct cl_service *s);
void cl_service_close(struct cl_service *s);

#endif
