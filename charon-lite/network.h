/*
 * The network around us: which address of ours leads to a peer, which addresses we have, what
 * changes, and the routes of tunnels (rtnetlink).
 *
 * One RTM_GETROUTE per question: the routing table is never read as a whole, it may have a
 * million entries, and what changes in it wakes us only where it may lead to a peer
 * (network_watch.h). Look-ups pass over our own table and those of charon.ignore_routing_tables.
 * Thread rule: belongs to the loop's thread.
 */
#ifndef CHARON_LITE_NETWORK_H
#define CHARON_LITE_NETWORK_H

#include "charon-lite/log.h"
#include "charon-lite/tunnel_interfaces.h"
#include "libbase/address.h"
#include "libbase/why.h"
#include "libike/host.h"

#include <event2/event.h>
#include <net/if.h>

#define CL_IGNORED_TABLES_MAX 16

/* strongswan.conf's, with its names. */
struct cl_network_settings {
	const char *interfaces_use; /* comma-separated; NULL: all */
	const char *interfaces_ignore;
	uint32_t routing_table;
	uint32_t routing_table_prio;
	uint32_t route_mtu; /* of routes of tunnels; 0: none */
	uint32_t route_mss;
	uint32_t ignored_tables[CL_IGNORED_TABLES_MAX];
	size_t ignored_table_count;
	bool install_routes;
	bool install_routes_xfrmi; /* also for what has an interface id */
	bool install_virtual_ip;
	const char *install_virtual_ip_on; /* NULL: on the interface that leads to the peer */
	bool process_route;                /* changes of routes count */
	bool roam_events;                  /* changes of anything count */
	bool prefer_temporary_addrs;
};

void cl_network_settings_default(struct cl_network_settings *ret);

struct cl_network;

/* Called from the loop, never from within a call of the functions below. */
struct cl_network_events {
	void *context;
	/* Addresses, links, or routes that may lead to a peer have changed: a burst of changes is
	 * one call. Also when some were missed. */
	void (*changed)(void *context);
	/* Is to call cl_network_watch() for each peer that is in use. */
	void (*peers)(void *context, struct cl_network *n);
	/* A virtual address that an earlier daemon had left is gone from that interface. May be
	 * NULL; may be called from within the functions below. */
	void (*leftover_gone)(void *context, uint32_t interface);
	/* A virtual address has gone to another interface, as its own is no more. May be NULL. */
	void (*virtual_moved)(void *context, const struct address *address, uint32_t interface);
};

/* Works without privileges. settings are copied; base and log must outlive it. routes: install
 * those of tunnels, which takes CAP_NET_ADMIN. */
MUST_USE bool cl_network_open(struct event_base *base, const struct cl_network_settings *settings,
	const struct cl_network_events *events, bool routes, struct cl_log *log,
	struct cl_network **ret, struct why *why);

/* Removes our routes, and sets down the interfaces of tunnels. NULL is fine. */
void cl_network_close(struct cl_network *n);

/* Other settings from now on; tables and priorities stay. When other interfaces or addresses are to
 * be used, that is a change. What was set stays when memory ran out. */
MUST_USE bool cl_network_reload(struct cl_network *n, const struct cl_network_settings *settings);

/* The address of ours that packets to remote leave from (port 0); false when there is no route, or
 * only one through an interface that is not to be used. */
MUST_USE bool cl_network_source_address(
	struct cl_network *n, const struct address *remote, struct address *ret);

/* As struct ike_host's has_route: through an interface that is to be used. */
MUST_USE bool cl_network_has_route(
	struct cl_network *n, const struct address *local, const struct address *remote);

/* Whether an interface of this machine has the address. */
bool cl_network_is_local(struct cl_network *n, const struct address *address);

/* The name of the interface that has the address; false: none has. */
MUST_USE bool cl_network_interface(
	struct cl_network *n, const struct address *address, char ret[IF_NAMESIZE]);

/* As struct ike_host's local_addresses. */
size_t cl_network_local_addresses(
	struct cl_network *n, uint16_t family, struct address *ret, size_t room);

/* Changes of routes to that peer matter from now on. Cheap when it is known already. */
void cl_network_watch(struct cl_network *n, const struct address *peer);

/* As struct ike_host's address_install and address_remove. */
MUST_USE bool cl_network_address_install(struct cl_network *n, const struct address *address,
	const struct address *local, struct why *why);
void cl_network_address_remove(struct cl_network *n, const struct address *address);
/* Whether somebody has it installed; then, where: on an interface (0: on none, or the host had it
 * before), and whether an earlier daemon had put it there. */
struct cl_network_virtual {
	uint32_t interface;
	bool adopted;
};
bool cl_network_virtual(
	const struct cl_network *n, const struct address *address, struct cl_network_virtual *ret);
/* The IKE SA that has it moves; local: as if installed now. */
void cl_network_address_follow(
	struct cl_network *n, const struct address *address, const struct address *local);

/* Interfaces in step with CHILD SAs (tunnel_interfaces.h); without opening them these do nothing.
 * leftover_seconds: how long the SAs of an earlier daemon may stay; 0: there are none. */
MUST_USE bool cl_network_tunnels_open(struct cl_network *n, uint32_t leftover_seconds);
void cl_network_tunnel_define(struct cl_network *n, const char *name);
void cl_network_tunnel_event(struct cl_network *n, const struct ike_event *event);
const char *cl_network_tunnel_describe(
	const struct cl_network *n, const char *name, char ret[CL_TUNNEL_INTERFACE_TEXT_MAX]);

/* Where the kernel sends packets to an address now. */
struct cl_network_route {
	bool found; /* false: there is no route, or one that says unreachable or the like */
	bool local; /* it is an address of this host */
	struct address source;  /* family 0: not said */
	struct address gateway; /* family 0: it is on the link */
	char interface[IF_NAMESIZE];
	uint32_t interface_mtu; /* octets, 0: unknown */
	uint32_t mtu;           /* at most that: of the route, or as the path was found to be */
	uint32_t if_id;         /* of an xfrm interface; 0: it is none */
};
/* past_tunnels: as cl_network_source_address() looks, else as any packet goes. */
void cl_network_look(struct cl_network *n, const struct address *to, bool past_tunnels,
	struct cl_network_route *ret);

/* Whether rules of policy routing, other than our own, look at more than where packets go to: what
 * cl_network_look() finds may not be the way of those that are forwarded then. */
bool cl_network_has_rules(struct cl_network *n, uint16_t family);

/* The interfaces that packets of others can come in by: up, and neither loopback nor dummy. */
void cl_network_links(
	struct cl_network *n, void (*visit)(void *context, const char *interface), void *context);

/* The routes that these policies need, once they are installed; and that they need them no longer,
 * by the same description. What cannot be installed is logged. */
void cl_network_routes_add(struct cl_network *n, const struct ike_kernel_policies *policies);
void cl_network_routes_remove(struct cl_network *n, const struct ike_kernel_policies *policies);

#endif
