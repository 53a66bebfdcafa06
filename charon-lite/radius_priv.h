/* RADIUS from the inside: what radius.c and radius_server.c share. */
#ifndef CHARON_LITE_RADIUS_PRIV_H
#define CHARON_LITE_RADIUS_PRIV_H

#define HASH_NONFATAL_OOM 1 /* before uthash.h */
#include "charon-lite/radius.h"

#include <uthash.h>
#include <utlist.h>

enum radius_purpose { RADIUS_AUTHENTICATION, RADIUS_ACCOUNTING, RADIUS_PURPOSES };

#define RADIUS_IDENTIFIERS 256
#define RADIUS_UNDER_WAY_MAX \
	64 /* to one server for one purpose: what sockets hold, and identifiers do not wrap */

struct radius_request {
	struct radius_request *prev, *next; /* all, or those that wait */
	struct cl_radius *radius;
	uint8_t purpose;
	uint8_t identifier;
	bool fixed;                 /* the conversation is this server's */
	struct radius_port *port;   /* NULL: it waits for its turn */
	struct radius_port *wanted; /* fixed: whose it is */
	uint32_t tried;             /* bit by server */
	unsigned transmissions;     /* to this server */
	uint64_t ticket;
	uint64_t session;
	uint32_t ike_id;
	struct event *timer;
	uint8_t authenticator[CL_RADIUS_AUTHENTICATOR];
	struct bytes wire;       /* heap: as sent to this server */
	struct bytes attributes; /* heap: what all servers get */
};

/* A server's socket for one purpose. */
struct radius_port {
	struct radius_server *server;
	uint8_t purpose;
	uint8_t last_identifier;
	int fd; /* -1: not open */
	struct event *event;
	unsigned under_way;
	struct radius_request *slots[RADIUS_IDENTIFIERS];
};

struct radius_server {
	struct cl_radius *radius;
	const struct cl_radius_server_settings *settings;
	unsigned index;
	struct address address; /* family 0: its name is not known yet */
	bool asking;            /* for its name */
	ike_time asked_at;
	ike_time silent_at; /* 0: it answers, as far as we know */
	struct radius_port ports[RADIUS_PURPOSES];
};

/* An EAP conversation that a server has begun. */
struct radius_session {
	UT_hash_handle hh;
	uint64_t session;
	unsigned server;
	size_t state_length;
	uint8_t state[CL_RADIUS_ATTRIBUTE_MAX];
};

struct cl_radius {
	struct cl_radius_config config;
	struct cl_radius_settings settings;
	struct cl_log *log;
	struct cl_resolver *resolver;
	struct radius_server servers[CL_RADIUS_SERVERS_MAX];
	size_t count;
	struct radius_session *sessions;
	struct radius_request *under_way;
	struct radius_request *waiting;
	size_t waiting_count;
};

/* ---- radius_server.c ---- */

/* Makes the servers that the settings name, and asks for their names. */
MUST_USE bool radius_servers_open(struct cl_radius *r, struct why *why);
void radius_servers_close(struct cl_radius *r);
/* The next to ask: not tried, its address known, the most preferred that was not silent lately.
 * NULL when there is none. */
struct radius_port *radius_choose(struct cl_radius *r, uint8_t purpose, uint32_t tried);
/* A name is being asked for: there may be a server soon. Asks again, now and then. */
bool radius_names_pending(struct cl_radius *r);
/* Opened when it is needed. */
MUST_USE bool radius_port_open(struct radius_port *port);

/* ---- radius.c ---- */
void radius_received(struct radius_port *port, struct bytes datagram);
/* Nobody listens there. */
void radius_port_refused(struct radius_port *port);
/* Those that wait have their turn. */
void radius_pump(struct cl_radius *r);

#endif
