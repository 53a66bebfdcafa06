/*
 * Routes as rtnetlink messages.
 */
#ifndef CHARON_LITE_ROUTE_MESSAGE_H
#define CHARON_LITE_ROUTE_MESSAGE_H

#include "libbase/address.h"

struct nl_sock;

struct cl_route {
	struct address destination;
	uint8_t prefix_length;
	uint8_t type; /* RTN_UNICAST or RTN_THROW */
	uint32_t interface;
	struct address source;  /* family 0: none */
	struct address gateway; /* family 0: none */
	uint32_t mtu;           /* 0: the link's, here and below; not read back */
	uint32_t mss;           /* largest TCP segment that we ask the other end for */
};

/* replace: the route of that destination is ours. Where the gateway is not reachable as such, tries
 * what else leads there. 0 or an errno. */
int cl_route_put(struct nl_sock *sock, uint32_t table, const struct cl_route *route, bool replace);
int cl_route_delete(struct nl_sock *sock, uint32_t table, const struct cl_route *route);

/* The static routes of one table and family. Never reads another table: ENOTSUP when this kernel
 * could only show all of them. ENOENT: there is no such table. */
int cl_routes_list(struct nl_sock *sock, uint32_t table, uint8_t family,
	void (*visit)(void *context, const struct cl_route *route), void *context);

#endif
