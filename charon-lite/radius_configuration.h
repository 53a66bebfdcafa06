/*
 * What an Access-Accept says of how the peer is to be configured: its addresses, DNS and WINS
 * servers, netmask and split DNS (RFC 2865, 2548, 6911; Cisco's VPN 3000), as strongSwan's
 * eap-radius takes them.
 */
#ifndef CHARON_LITE_RADIUS_CONFIGURATION_H
#define CHARON_LITE_RADIUS_CONFIGURATION_H

#include "charon-lite/radius_packet.h"
#include "libike/model/attributes.h"

struct cl_radius_configuration {
	struct address ip, ip6; /* family 0: none */
	struct ike_attributes attributes;
};

/* Malformed attributes and what there is no memory for are passed over. */
void cl_radius_configuration(
	const struct cl_radius_packet *accept, struct cl_radius_configuration *ret);
void cl_radius_configuration_free(struct cl_radius_configuration *c);

#endif
