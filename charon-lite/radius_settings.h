/*
 * strongswan.conf's charon.plugins.eap-radius: the RADIUS servers and how they are talked to.
 */
#ifndef CHARON_LITE_RADIUS_SETTINGS_H
#define CHARON_LITE_RADIUS_SETTINGS_H

#include "libbase/secret.h"
#include "libbase/why.h"
#include "libike/host.h"

#define CL_RADIUS_SERVERS_MAX 16

struct cl_settings;

struct cl_radius_server_settings {
	char *name;
	char *host; /* an address or a name */
	char *nas_identifier;
	char *source; /* address of ours, or NULL */
	struct secret secret;
	uint32_t auth_port;
	uint32_t acct_port;
	uint32_t preference; /* larger ones first */
	uint32_t tries;      /* transmissions after the first */
	double base;
	ike_time timeout; /* milliseconds until the first retransmission */
};

struct cl_radius_settings {
	struct cl_radius_server_settings servers[CL_RADIUS_SERVERS_MAX];
	size_t count;
	char *id_prefix;
	bool eap_start;
	bool class_group;
	bool filter_id;
	bool accounting;
	bool accounting_send_class;
	bool accounting_close_on_timeout;
	bool close_all_on_timeout;
	bool station_id_with_port;
	uint32_t accounting_interval; /* seconds; 0: what the server says */
};

/* Of `servers { NAME { } }`, or of the older server, secret and port. A server without address or
 * secret, or a value that makes no sense, refuses the file, with its place. */
MUST_USE bool cl_radius_settings_read(
	const struct cl_settings *s, struct cl_radius_settings *ret, struct why *why);
void cl_radius_settings_free(struct cl_radius_settings *s);
bool cl_radius_settings_equal(
	const struct cl_radius_settings *a, const struct cl_radius_settings *b);

#endif
