/*
 * Identities (RFC 7296 3.5): what peers claim to be, and the patterns that definitions ask for.
 *
 * Immutable and reference-counted (not atomically: an identity belongs to one engine's thread),
 * so that an IKE SA shares those of its connection.
 */
#ifndef LIBIKE_BASE_IDENTITY_H
#define LIBIKE_BASE_IDENTITY_H

#include "libbase/address.h"
#include "libbase/why.h"

#define IKE_IDENTITY_TEXT_MAX 512

enum ike_identity_type {
	IKE_ID_ANY = 0, /* %any: matches everything; never on the wire */
	IKE_ID_IPV4_ADDR = 1,
	IKE_ID_FQDN = 2,
	IKE_ID_RFC822_ADDR = 3,
	/* Ranges and subnets exist as patterns in configurations (and in IKEv1). */
	IKE_ID_IPV4_ADDR_SUBNET = 4,
	IKE_ID_IPV6_ADDR = 5,
	IKE_ID_IPV6_ADDR_SUBNET = 6,
	IKE_ID_IPV4_ADDR_RANGE = 7,
	IKE_ID_IPV6_ADDR_RANGE = 8,
	IKE_ID_DER_ASN1_DN = 9,
	IKE_ID_DER_ASN1_GN = 10,
	IKE_ID_KEY_ID = 11,
};

struct ike_identity {
	uint32_t references;
	uint16_t length;
	uint8_t type;
	uint8_t octets[]; /* as on the wire, without the type */
};

/* From the wire; NULL when the length does not fit the type (an address of 5 octets, a DN that is
 * not well-formed DER) or memory ran out. */
MUST_USE struct ike_identity *ike_identity_from_wire(uint8_t type, struct bytes octets);

/* strongSwan's text forms: "192.0.2.1", "2001:db8::1", "10.0.0.0/8", "10.0.0.1-10.0.0.9",
 * "moon.example.org", "@moon", "@#0a0b" (key id in hex), "@@user@example.org", "user@example.org",
 * "C=CH, O=Linux strongSwan, CN=moon" (and the /C=CH/O=... form), "%any", "", "*", and the prefixes
 * "ipv4:", "ipv6:", "ipv4net:", "ipv6net:", "ipv4range:", "ipv6range:", "rfc822:", "email:",
 * "userfqdn:", "fqdn:", "dns:", "asn1dn:", "asn1gn:", "keyid:", "{N}:", each also followed by
 * "#" and octets in hex. As in strongSwan, text with '=' that is no DN, or with ':' that is no
 * address, is a key id. NULL with a reason. */
MUST_USE struct ike_identity *ike_identity_parse(const char *text, struct why *why);

/* The ID that an endpoint has when none is configured: its address. */
MUST_USE struct ike_identity *ike_identity_of_address(const struct address *a);

struct ike_identity *ike_identity_hold(struct ike_identity *id);
void ike_identity_free(struct ike_identity *id); /* drops one reference; NULL is fine */

/* strongSwan's text form (DNs as "C=CH, O=..."; unprintable octets escaped). Returns text. */
char *ike_identity_format(const struct ike_identity *id, char text[IKE_IDENTITY_TEXT_MAX]);

bool ike_identity_equal(const struct ike_identity *a, const struct ike_identity *b);
/* The same for equal identities: for tables. Not against those who choose names to collide. */
uint64_t ike_identity_hash(const struct ike_identity *id);

/* How well an identity matches a pattern; larger is better. Observed from strongSwan: %any 1,
 * wildcards (fqdn and e-mail "*.example.org", "*@example.org"; DN RDNs "CN=*"; subnets and ranges
 * for addresses) between, the more wildcards the less, exact 20. FQDN, e-mail and DN strings
 * compare without case. */
#define IKE_MATCH_NONE 0
#define IKE_MATCH_ANY 1
#define IKE_MATCH_PERFECT 20
unsigned ike_identity_match(const struct ike_identity *id, const struct ike_identity *pattern);

/* A pattern rather than a claim: %any, "*" in a name, a subnet, a range. */
bool ike_identity_is_wildcard(const struct ike_identity *id);

#endif
