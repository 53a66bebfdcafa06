/*
 * DHCP between the engine and the daemon's parts: host->lease().
 */
#ifndef CHARON_LITE_DHCP_HOST_H
#define CHARON_LITE_DHCP_HOST_H

#include "charon-lite/daemon.h"

/* The settings were read; the engine need not be there yet. */
MUST_USE bool cl_dhcp_host_open(struct cl_daemon *d, struct why *why);
/* After the engine: what it still had is given back. */
void cl_dhcp_host_close(struct cl_daemon *d);
/* After the settings were read anew; also checks them. */
MUST_USE bool cl_dhcp_host_reload(
	struct cl_daemon *d, const struct cl_settings *settings, struct why *why);

/* Host's lease and lease_return; context is the daemon. */
bool cl_dhcp_host_lease(void *context, const struct ike_lease_wish *what, uint64_t ticket);
void cl_dhcp_host_lease_return(void *context, uint64_t ticket);

#endif
