/*
 * RADIUS between the engine and the daemon's parts: host->radius(), and accounting.
 */
#ifndef CHARON_LITE_RADIUS_HOST_H
#define CHARON_LITE_RADIUS_HOST_H

#include "charon-lite/daemon.h"

/* The settings were read; the engine need not be there yet. */
MUST_USE bool cl_radius_host_open(struct cl_daemon *d, struct why *why);
void cl_radius_host_close(struct cl_daemon *d);
/* After the settings were read anew; also checks them. */
MUST_USE bool cl_radius_host_reload(
	struct cl_daemon *d, const struct cl_settings *settings, struct why *why);

/* Host's radius and radius_forget; context is the daemon. */
bool cl_radius_host_ask(void *context, const struct ike_radius_request *what, uint64_t ticket);
void cl_radius_host_forget(void *context, uint64_t session);

#endif
