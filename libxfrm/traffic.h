/*
 * Which packets: the kernel's selector as plain values.
 *
 * A network on each side, one protocol, and ports under a mask. The kernel knows no ranges: a
 * caller with ranges (traffic selectors of RFC 7296) widens or splits them first.
 *
 * ICMP and ICMPv6 have no ports; there source.port is the type and destination.port the code,
 * in both directions, each under its mask (0xffff: exact). Mobility headers (protocol 135) put
 * their type into source.port.
 */
#ifndef LIBXFRM_TRAFFIC_H
#define LIBXFRM_TRAFFIC_H

#include "libbase/address.h"

struct xfrm_traffic_selector {
	struct address
		source; /* network and port; both families alike, 0: any of the outer family */
	struct address destination;
	uint8_t source_prefix; /* bits */
	uint8_t destination_prefix;
	uint8_t protocol;          /* IANA protocol number, 0: any */
	uint16_t source_port_mask; /* 0: any port, 0xffff: that port */
	uint16_t destination_port_mask;
	uint32_t interface; /* index of the interface, 0: any */
};

/* Every member alike. */
bool xfrm_traffic_selector_equal(
	const struct xfrm_traffic_selector *a, const struct xfrm_traffic_selector *b);

#define XFRM_TRAFFIC_TEXT_MAX (2 * ADDRESS_TEXT_MAX + 64)

/* "10.1.0.0/16 === 10.2.0.0/16 protocol 6 ports 80/65535 0/0"; returns text. */
char *xfrm_traffic_selector_format(
	const struct xfrm_traffic_selector *selector, char text[XFRM_TRAFFIC_TEXT_MAX]);

#endif
