/*
 * Addresses of a network of ours that are elsewhere: this host answers ARP for them (what
 * strongSwan's plugin farp does), so that the network's hosts send it what is for a tunnel's
 * client.
 *
 * The kernel answers while it forwards IPv4 and its route to the address leaves by another
 * interface: an entry that is left behind does no harm.
 */
#ifndef CHARON_LITE_PROXY_NEIGHBOUR_H
#define CHARON_LITE_PROXY_NEIGHBOUR_H

#include "libbase/address.h"
#include "libbase/why.h"

/* An interface of ours whose network has the address; 0: none. */
uint32_t cl_proxy_neighbour_interface(const struct address *address);

/* Adds or removes the entry; what is there already, or gone already, is fine. */
MUST_USE bool cl_proxy_neighbour(
	const struct address *address, uint32_t interface, bool there, struct why *why);

#endif
