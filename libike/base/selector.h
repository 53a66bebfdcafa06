/*
 * Traffic selectors (RFC 7296 2.9, 3.13.1).
 *
 * A range of addresses, a protocol and a range of ports. For ICMP and ICMPv6 the "ports" are
 * type << 8 | code, as the RFC packs them. Plain data, host order, copied freely.
 * port_from 0xffff with port_to 0 is OPAQUE; 0..0xffff is ANY.
 */
#ifndef LIBIKE_BASE_SELECTOR_H
#define LIBIKE_BASE_SELECTOR_H

#include "libbase/address.h"
#include "libbase/why.h"

#define IKE_SELECTOR_TEXT_MAX 128

struct ike_selector {
	uint8_t from[16]; /* network byte order; 4 octets used for IPv4, the rest zero */
	uint8_t to[16];
	uint16_t port_from;
	uint16_t port_to;
	uint8_t protocol; /* IP protocol number, 0 for any */
	uint8_t family;   /* AF_INET or AF_INET6; 0 while dynamic and not yet resolved */
	bool dynamic;  /* `dynamic`: the endpoint's own address (or virtual IP), set at run time */
	uint8_t group; /* enum ike_selector_group: networks that an IKE SA decides; family is 0 */
};

/* Words for networks behind clients (swanctl.conf's `clients`). */
enum ike_selector_group {
	IKE_SELECTOR_ITSELF = 0, /* none of them */
	IKE_SELECTOR_CLIENT,     /* %client: of the peer */
	IKE_SELECTOR_CLIENTS,    /* %clients: of all others */
};

/* The text form of swanctl.conf(5) local_ts: "10.1.0.0/16", "10.1.0.1", "10.1.0.1-10.1.0.9",
 * "2001:db8::/32[udp/53]", "dynamic[gre]", "0.0.0.0/0[tcp/1024-65535]", "dynamic[/1701]",
 * "0.0.0.0/0[icmp/2048]" (below 256 an ICMP type alone: "[icmp/8]"), "%any" as port or protocol,
 * "%client", "%clients", "opaque" as port, service and protocol names (own small table: no I/O
 * here). An address part is required, as it is by strongSwan. */
MUST_USE bool ike_selector_parse(const char *text, struct ike_selector *ret, struct why *why);

/* strongSwan's form: "10.1.0.0/16", "10.1.0.0/16[tcp/https]", "10.0.0.1..10.0.0.9", "dynamic",
 * "::/0[ipv6-icmp/128]" (type, with its code in parentheses unless 0), "10.0.0.0/8[0/https]".
 * Returns text. */
char *ike_selector_format(const struct ike_selector *s, char text[IKE_SELECTOR_TEXT_MAX]);

/* Exactly this host, any protocol and port. */
struct ike_selector ike_selector_of_host(const struct address *host);

/* A network; false for a prefix that is too long. */
MUST_USE bool ike_selector_of_prefix(
	const struct address *network, unsigned prefix_length, struct ike_selector *ret);

/* A dynamic selector becomes the host's; others are copied. */
struct ike_selector ike_selector_resolve(const struct ike_selector *s, const struct address *host);

/* Narrowing: what both allow; false when nothing is left. */
MUST_USE bool ike_selector_intersect(
	const struct ike_selector *a, const struct ike_selector *b, struct ike_selector *ret);

bool ike_selector_contains(const struct ike_selector *outer, const struct ike_selector *inner);
bool ike_selector_equal(const struct ike_selector *a, const struct ike_selector *b);
bool ike_selector_is_opaque(const struct ike_selector *s);
bool ike_selector_is_any_port(const struct ike_selector *s);
bool ike_selector_is_host(const struct ike_selector *s, const struct address *host);

/* True when the range is one prefix; the smallest prefix that covers it either way. */
bool ike_selector_prefix(
	const struct ike_selector *s, struct address *ret_network, uint8_t *ret_length);

/* The list that narrowing `theirs` by `ours` leaves (duplicates and contained ones removed), at
 * most `room` long; returns how many. The order is ours. */
size_t ike_selectors_narrow(const struct ike_selector *ours, size_t our_count,
	const struct ike_selector *theirs, size_t their_count, struct ike_selector *ret,
	size_t room);

/* Joined with a space, cut to fit. Returns text. */
char *ike_selectors_format(
	const struct ike_selector *list, size_t count, char *text, size_t text_size);

#endif
