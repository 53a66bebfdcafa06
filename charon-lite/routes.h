/*
 * The routes of tunnels, as strongSwan installs them.
 *
 * Packets that this host sends into a tunnel must come from an address that the tunnel is for, or
 * no policy meets them. So each remote selector becomes a route in a table of our own
 * (charon.routing_table, 220), out where the peer is, with such an address as its source; a rule
 * (`220: from all lookup 220`) makes the kernel look there before its main table. Tunnels with an
 * interface id have their interface for that, transport mode needs none. A pass policy makes its
 * destinations leave the table again (`throw`).
 *
 * Several children may want the same route; it stays until the last is gone, the rule until there
 * is no route. What a daemon that died left behind is recognised by table, protocol ("static") and
 * rule; what is not wanted again within a minute goes.
 *
 * Thread rule: belongs to the loop's thread.
 */
#ifndef CHARON_LITE_ROUTES_H
#define CHARON_LITE_ROUTES_H

#include "libike/host.h"

struct cl_network;
struct cl_network_settings;
struct cl_routes;

/* One route that policies call for. */
struct cl_route_wish {
	struct address destination;
	uint8_t prefix_length;
	bool pass;       /* around the tunnels */
	bool any_source; /* without a source address of its own */
	struct ike_selector sources;
};

/* The wish of one pair of selectors, if it has any: `pair` counts local selectors times remote
 * ones, the remote ones faster. */
MUST_USE bool cl_route_wish(const struct cl_network_settings *settings,
	const struct ike_kernel_policies *policies, unsigned pair, struct cl_route_wish *ret);

/* Takes over what an earlier daemon left. n outlives it. NULL without memory. */
struct cl_routes *cl_routes_new(struct cl_network *n);

/* Removes all of ours from the kernel. NULL is fine. */
void cl_routes_free(struct cl_routes *routes);

void cl_routes_add(struct cl_routes *routes, const struct ike_kernel_policies *policies);
void cl_routes_remove(struct cl_routes *routes, const struct ike_kernel_policies *policies);

/* Looks again where each route has to lead. reinstall: the kernel may have dropped some, as it
 * does when a link goes down or an address goes. */
void cl_routes_refresh(struct cl_routes *routes, bool reinstall);

/* Calls cl_network_watch() for each peer that a route leads to. */
void cl_routes_peers(struct cl_routes *routes);

#endif
