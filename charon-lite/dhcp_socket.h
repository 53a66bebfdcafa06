/*
 * The sockets of DHCP: what leaves has the ports that the protocol wants, what comes is seen
 * whoever it is for and whatever a firewall thinks, as other DHCP clients and servers of this host
 * own the ports. Opening takes CAP_NET_RAW; it is done when the first client asks.
 */
#ifndef CHARON_LITE_DHCP_SOCKET_H
#define CHARON_LITE_DHCP_SOCKET_H

#include "charon-lite/dhcp_packet.h"
#include "charon-lite/dhcp_settings.h"

#include <event2/event.h>

struct cl_dhcp_socket;

struct cl_dhcp_socket_config {
	struct event_base *base;
	void *context;
	void (*received)(void *context, struct bytes message);
};

/* settings are borrowed while it is open. */
MUST_USE bool cl_dhcp_socket_open(const struct cl_dhcp_socket_config *config,
	const struct cl_dhcp_settings *settings, struct cl_dhcp_socket **ret, struct why *why);
void cl_dhcp_socket_close(struct cl_dhcp_socket *s); /* NULL is fine */

/* Fills in m->relay when the server is asked as by a relay. unicast: to that one, as a client;
 * NULL: to the server or the network of the settings. */
MUST_USE bool cl_dhcp_socket_send(struct cl_dhcp_socket *s, struct cl_dhcp_message *m,
	const struct address *unicast, struct why *why);

/* plugins.dhcp.use_server_port: a socket for port 67 that nobody reads, so that servers get no ICMP
 * errors. Takes CAP_NET_BIND_SERVICE, so it is opened at the start. -1 with why. */
int cl_dhcp_server_port_open(struct why *why);

#endif
