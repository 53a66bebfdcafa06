/*
 * The UDP sockets of IKE: ports 500 and 4500, IPv4 and IPv6.
 *
 * The port of NAT traversal carries ESP too: there IKE has four zero octets before it (RFC 3948
 * 2.2), put and taken off here, and the kernel takes ESP out. The local address of each packet is
 * known both ways, so that a host with many addresses answers from the one that was asked.
 *
 * Thread rule: belongs to the loop's thread.
 */
#ifndef CHARON_LITE_UDP_H
#define CHARON_LITE_UDP_H

#include "charon-lite/kernel.h"
#include "charon-lite/log.h"

struct cl_udp;

struct cl_udp_config {
	uint16_t port; /* 0: any that is free */
	uint16_t port_nat_t;
	bool without_ipv4, without_ipv6;
	const char *interfaces_use; /* as in struct cl_settings; copied */
	const char *interfaces_ignore;
	void *context;
	/* One IKE message. data may be written to. */
	void (*receive)(void *context, const struct ike_datagram *datagram);
	/* All that was read at once has been handed over. */
	void (*received)(void *context);
};

/* Fails when a port is taken, or when neither IPv4 nor IPv6 exists. */
MUST_USE bool cl_udp_open(struct event_base *base, const struct cl_udp_config *config,
	const struct cl_kernel *kernel, struct cl_log *log, struct cl_udp **ret, struct why *why);
void cl_udp_close(struct cl_udp *u); /* NULL is fine */

/* Other interfaces from now on. What was set stays when memory ran out. */
MUST_USE bool cl_udp_interfaces(
	struct cl_udp *u, const char *interfaces_use, const char *interfaces_ignore);

/* max_packet: longer ones are not read, 0: any. mark: of what is sent, 0: none; it takes
 * CAP_NET_ADMIN, and what the kernel says to it is logged. */
void cl_udp_settings(struct cl_udp *u, uint32_t max_packet, uint32_t mark);

/* The ports that are bound. */
uint16_t cl_udp_port(const struct cl_udp *u);
uint16_t cl_udp_port_nat_t(const struct cl_udp *u);

/* datagram->local's port chooses the socket: the port of NAT traversal adds the marker. Never
 * blocks; what cannot be sent is lost, and logged. */
void cl_udp_send(struct cl_udp *u, const struct ike_datagram *datagram);

/* The single octet that keeps a NAT's mapping (RFC 3948 2.3). */
void cl_udp_keepalive(struct cl_udp *u, const struct address *local, const struct address *remote);

#endif
