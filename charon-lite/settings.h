/*
 * The daemon's settings: a file in the syntax of strongswan.conf(5).
 *
 * The sections charon, charon-systemd and charon-lite are read as one; where they disagree the
 * later one of these three wins. A key that is not honoured is a warning with its file and line,
 * once, never silence; a value that makes no sense refuses the whole file.
 */
#ifndef CHARON_LITE_SETTINGS_H
#define CHARON_LITE_SETTINGS_H

#include "charon-lite/network.h"
#include "libike/engine.h"
#include "libvici/settings.h"

#define CL_SETTINGS_SECTIONS 3

struct cl_log;

struct cl_settings {
	struct settings *file; /* NULL: no file, all defaults */
	const struct settings_section *sections[CL_SETTINGS_SECTIONS]; /* the strongest first */
	struct ike_settings engine;
	const char *socket;  /* "unix:///run/charon.vici, tcp://127.0.0.1:4502" */
	const char *metrics; /* the same, for them; NULL: none; read at the start */
	struct cl_network_settings network;
	uint32_t max_packet;         /* octets of a datagram that is read; 0: any */
	bool use_ipv4, use_ipv6;     /* sockets; read at the start */
	uint32_t socket_mark;        /* of the packets that they send; 0: none */
	uint32_t spi_min, spi_max;   /* of children's, in the kernel */
	uint32_t reqid_base;         /* the first one; read at the start */
	uint32_t keep_alive;         /* seconds between NAT keepalives; 0: none */
	uint32_t leftover_time;      /* seconds that a predecessor's SAs stay at most */
	const char *state_directory; /* of what outlives the daemon */
	uint32_t updown_timeout;     /* seconds that an updown script may take */
	uint32_t fetch_timeout;      /* seconds that a CRL or an OCSP response may take */
	uint32_t fetch_redirects;
	bool save_ike, save_esp; /* whose keys may be handed out (--save-keys) */
	bool resolved;           /* systemd-resolved is told of DNS servers */
	const char *resolvectl;  /* the program that tells it */
	const char *pam_service; /* that users of xauth-pam are checked by */
	bool pam_trim;           /* of a user's name what stands before the @ */
};

/* The file that settings_path() says, or none. */
MUST_USE bool cl_settings_load(struct cl_settings *ret, struct why *why);

/* From memory, for tests. */
MUST_USE bool cl_settings_parse(const char *text, struct cl_settings *ret, struct why *why);

void cl_settings_free(struct cl_settings *s); /* a zeroed one is fine */

/* The strongest setting of that path ("filelog.a.default"), or NULL. */
const struct settings_key *cl_settings_key(const struct cl_settings *s, const char *path);

/* Says what the file contains that has no effect, and what was odd in it. */
void cl_settings_warn(const struct cl_settings *s, struct cl_log *log);

#endif
