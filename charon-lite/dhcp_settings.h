/*
 * strongswan.conf's charon.plugins.dhcp: which DHCP server is asked, and how.
 */
#ifndef CHARON_LITE_DHCP_SETTINGS_H
#define CHARON_LITE_DHCP_SETTINGS_H

#include "libbase/address.h"
#include "libbase/why.h"

#include <net/if.h>

struct cl_settings;

struct cl_dhcp_settings {
	struct address server;       /* of a host, or to all of a network */
	char interface[IF_NAMESIZE]; /* empty: the system decides */
	bool force_server_address;   /* what is for one server goes there, too */
	bool use_server_port;        /* read at the start */
	bool identity_lease;
};

/* A value that makes no sense refuses the file, with its place. */
MUST_USE bool cl_dhcp_settings_read(
	const struct cl_settings *s, struct cl_dhcp_settings *ret, struct why *why);
bool cl_dhcp_settings_equal(const struct cl_dhcp_settings *a, const struct cl_dhcp_settings *b);

#endif
