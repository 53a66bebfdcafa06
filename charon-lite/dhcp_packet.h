/*
 * DHCP messages (RFC 2131, RFC 2132): parse and build.
 *
 * Our own codec: what Debian has are programs that configure an interface of their host, or want
 * to own the loop. A server's message is read through the bounded reader, once, into a structure
 * of values that make sense.
 */
#ifndef CHARON_LITE_DHCP_PACKET_H
#define CHARON_LITE_DHCP_PACKET_H

#include "libbase/address.h"
#include "libbase/why.h"

#define CL_DHCP_SERVER_PORT 67
#define CL_DHCP_CLIENT_PORT 68
#define CL_DHCP_HARDWARE 6 /* octets of an Ethernet address */
#define CL_DHCP_SERVERS_MAX 8
#define CL_DHCP_MESSAGE_MAX 1024 /* of ours, and what we say that we take */
#define CL_DHCP_OPTION_MAX 255
#define CL_DHCP_FOREVER UINT32_MAX /* a lease without an end */

enum cl_dhcp_type {
	CL_DHCP_DISCOVER = 1,
	CL_DHCP_OFFER = 2,
	CL_DHCP_REQUEST = 3,
	CL_DHCP_DECLINE = 4,
	CL_DHCP_ACK = 5,
	CL_DHCP_NAK = 6,
	CL_DHCP_RELEASE = 7,
	CL_DHCP_INFORM = 8,
};
const char *cl_dhcp_type_name(uint8_t type); /* "OFFER", or "?" */

/* ---- From a server ---- */

/* IPv4 addresses; family 0: there is none. */
struct cl_dhcp_answer {
	uint8_t type; /* OFFER, ACK or NAK */
	uint32_t xid;
	uint8_t hardware[CL_DHCP_HARDWARE];
	struct address yours;  /* unicast; of OFFER and ACK always there */
	struct address server; /* its identifier; always there */
	uint32_t lease;        /* seconds; of an ACK always there, not 0 */
	uint32_t renew;        /* seconds; 0: it does not say */
	struct address dns[CL_DHCP_SERVERS_MAX];
	struct address nbns[CL_DHCP_SERVERS_MAX];
	uint8_t dns_count, nbns_count;
	char message[64]; /* printable; maybe empty */
};

MUST_USE bool cl_dhcp_parse(struct bytes message, struct cl_dhcp_answer *ret, struct why *why);

/* The message in an IPv4 packet, from its header on, to a DHCP client's or relay's port. False for
 * everything else, a fragment among it. */
MUST_USE bool cl_dhcp_unwrap(struct bytes packet, struct bytes *ret_message);

/* ---- To a server ---- */

struct cl_dhcp_message {
	uint8_t type;
	uint32_t xid;
	uint16_t seconds; /* since the client began */
	uint8_t hardware[CL_DHCP_HARDWARE];
	struct bytes client;      /* client identifier; empty: none */
	struct bytes name;        /* host name; empty: none */
	struct address ours;      /* the client's, which it has; family 0: none, as below */
	struct address requested; /* that it wants */
	struct address server;    /* identifier of the one that it is for */
	struct address relay;     /* whom the answer goes to; none: it is broadcast */
};

/* An empty view when it does not fit. */
struct bytes cl_dhcp_build(const struct cl_dhcp_message *m, uint8_t room[CL_DHCP_MESSAGE_MAX]);

/* A UDP datagram without a checksum (RFC 768 allows it over IPv4; whoever sends it does not know
 * its source address). */
struct bytes cl_dhcp_wrap(
	struct bytes message, uint16_t source_port, uint8_t room[CL_DHCP_MESSAGE_MAX + 8]);

#endif
