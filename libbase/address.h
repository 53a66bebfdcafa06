/*
 * IP addresses with a port: the endpoints of IKE and of tunnels.
 *
 * Plain values, copied freely. family is AF_INET, AF_INET6, or 0 for "none / any". octets are in
 * network byte order (4 used for IPv4, the rest zero, so that values compare with address_equal);
 * port is in host order, 0 for "any".
 */
#ifndef LIBBASE_ADDRESS_H
#define LIBBASE_ADDRESS_H

#include "libbase/bytes.h"

#include <sys/socket.h>

#define ADDRESS_TEXT_MAX 64 /* "[ffff:...:255.255.255.255]:65535" and its zero */

struct address {
	uint8_t octets[16];
	uint32_t scope; /* interface index of an IPv6 link-local address, else 0 */
	uint16_t port;
	uint16_t family;
};

/* 4, 16, or 0 when the family is none. */
size_t address_size(const struct address *a);

static inline struct bytes address_octets(const struct address *a)
{
	return (struct bytes){ a->octets, address_size(a) };
}

/* From 4 or 16 octets; false for any other length. */
MUST_USE bool address_from_octets(struct bytes octets, uint16_t port, struct address *ret);

/* "192.0.2.1", "2001:db8::1", "fe80::1%eth0"; no names, no ports. */
MUST_USE bool address_parse(const char *text, struct address *ret);

/* From AF_INET or AF_INET6; a mapped IPv4 address (::ffff:a.b.c.d) becomes IPv4. */
MUST_USE bool address_from_sockaddr(const struct sockaddr *from, struct address *ret);

/* Returns the length, 0 when the family is none. */
socklen_t address_to_sockaddr(const struct address *a, struct sockaddr_storage *ret);

/* "192.0.2.1", or "%any" for none; with_port adds "[500]" as strongSwan prints endpoints.
 * Returns text. */
char *address_format(const struct address *a, char text[ADDRESS_TEXT_MAX]);
char *address_format_with_port(const struct address *a, char text[ADDRESS_TEXT_MAX]);

/* Family and octets (and scope) equal; ports ignored. */
bool address_same_host(const struct address *a, const struct address *b);

/* One of the list is the same host. */
bool address_is_among(const struct address *list, size_t count, const struct address *a);

/* Host and port equal. */
bool address_equal(const struct address *a, const struct address *b);

/* Octet order, IPv4 before IPv6: for sorting. */
int address_compare(const struct address *a, const struct address *b);

/* True for none and for 0.0.0.0 and ::. */
bool address_is_any(const struct address *a);

/* Whether host lies in network/prefix_length (bits); false across families. */
bool address_in_prefix(
	const struct address *host, const struct address *network, unsigned prefix_length);

#endif
