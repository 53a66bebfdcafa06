/* What the files network*.c and routes.c share. */
#ifndef CHARON_LITE_NETWORK_PRIV_H
#define CHARON_LITE_NETWORK_PRIV_H

#include "charon-lite/addresses.h"
#include "charon-lite/network.h"
#include "charon-lite/network_watch.h"
#include "charon-lite/routes.h"
#include "charon-lite/virtual_addresses.h"

#include <linux/rtnetlink.h>

struct cl_link;

/* Hearing of changes: network_events.c. */
struct cl_listener_state {
	struct nl_sock *sock; /* NULL: it is to be opened again */
	struct event *readable;
	struct event *settle; /* changes wait a moment for more of them */
	struct event *narrow; /* the filter is to be made anew */
	struct cl_link *links;
	struct cl_watch watch;
	bool hears_routes;  /* subscribed to */
	bool wide;          /* the filter lets all routes pass */
	bool gathering;     /* peers are being asked for */
	bool links_changed; /* the kernel may have dropped routes of ours */
	bool missed;        /* something, and it was said */
	uint64_t messages;  /* that woke us */
	uint64_t changes;   /* that were reported */
};

struct cl_network {
	struct nl_sock *requests;
	struct event_base *base;
	struct cl_log *log;
	struct cl_network_settings settings; /* texts owned */
	struct cl_network_events events;
	struct cl_addresses *addresses;
	struct cl_routes *routes;             /* NULL: none are installed */
	struct cl_virtual *virtual;           /* the same */
	struct cl_tunnel_interfaces *tunnels; /* NULL: none are set up */
	struct event *tunnels_turn;
	struct cl_listener_state listener;
};

static inline struct cl_interfaces cl_network_interfaces(const struct cl_network *n)
{
	return (struct cl_interfaces){ n->settings.interfaces_use, n->settings.interfaces_ignore };
}

/* Others' routes are in it as well. 0 stands for the main table. */
static inline bool cl_table_is_shared(uint32_t table)
{
	return table == RT_TABLE_UNSPEC || table == RT_TABLE_MAIN || table == RT_TABLE_DEFAULT ||
	       table == RT_TABLE_LOCAL;
}

/* The table in which there are routes of tunnels alone; 0: there is none like that. */
static inline uint32_t cl_network_own_table(const struct cl_network *n)
{
	uint32_t table = n->settings.routing_table;

	return cl_table_is_shared(table) ? 0 : table;
}

/* What the kernel would do with a packet. */
struct cl_next_hop {
	struct address source;  /* family 0: not said */
	struct address gateway; /* family 0: none; may be of another family */
	uint32_t interface;
	uint32_t table;
	uint32_t mtu; /* of the route or the path, 0: not said */
	uint8_t type; /* RTN_UNICAST, RTN_LOCAL, ... */
};

/* source: prefer how packets of that address of ours go; NULL or family 0: any. */
MUST_USE bool cl_network_next_hop(struct cl_network *n, const struct address *to,
	const struct address *source, struct cl_next_hop *ret);

/* The same as any packet of ours goes, the routes of tunnels included. */
MUST_USE bool cl_network_any_hop(
	struct cl_network *n, const struct address *to, struct cl_next_hop *ret);

/* ---- network_tunnel.c ---- */

void cl_network_tunnels_close(struct cl_network *n);

/* An RTM_NEWLINK or RTM_DELLINK; some may have been missed. */
void cl_network_tunnel_link(struct cl_network *n, struct nlmsghdr *message);
void cl_network_tunnel_look(struct cl_network *n);

/* ---- network_events.c ---- */

MUST_USE bool cl_network_listen(struct cl_network *n, struct why *why);
void cl_network_listen_end(struct cl_network *n);

/* To what is heard of there are other settings. */
void cl_network_listen_anew(struct cl_network *n);

/* Something has changed, seen otherwise than by the kernel's events. */
void cl_network_changed(struct cl_network *n);

#endif
