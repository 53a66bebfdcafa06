/*
 * Configuration attributes: what a gateway tells a client besides its address (RFC 7296 3.15.1, RFC
 * 8598; IKEv1's Mode Config has the same numbers, and Unity's).
 */
#ifndef LIBIKE_MODEL_ATTRIBUTES_H
#define LIBIKE_MODEL_ATTRIBUTES_H

#include "libbase/address.h"
#include "libbase/why.h"

enum ike_attribute_type {
	IKE_ATTRIBUTE_IP4_ADDRESS = 1,
	IKE_ATTRIBUTE_IP4_NETMASK = 2,
	IKE_ATTRIBUTE_IP4_DNS = 3,
	IKE_ATTRIBUTE_IP4_NBNS = 4,
	IKE_ATTRIBUTE_ADDRESS_EXPIRY = 5, /* IKEv1 */
	IKE_ATTRIBUTE_IP4_DHCP = 6,
	IKE_ATTRIBUTE_APPLICATION_VERSION = 7,
	IKE_ATTRIBUTE_IP6_ADDRESS = 8, /* IKEv2: 16 octets and a prefix length */
	IKE_ATTRIBUTE_IP6_NETMASK = 9,
	IKE_ATTRIBUTE_IP6_DNS = 10,
	IKE_ATTRIBUTE_IP6_NBNS = 11,
	IKE_ATTRIBUTE_IP6_DHCP = 12,
	IKE_ATTRIBUTE_IP4_SUBNET = 13, /* address and mask */
	IKE_ATTRIBUTE_SUPPORTED_ATTRIBUTES = 14,
	IKE_ATTRIBUTE_IP6_SUBNET = 15,    /* address and prefix length */
	IKE_ATTRIBUTE_DNS_DOMAIN = 25,    /* RFC 8598: a name, see domain.h */
	IKE_ATTRIBUTE_DNSSEC_TA = 26,     /* RFC 8598 */
	IKE_ATTRIBUTE_IP4_SERVER = 23456, /* Microsoft's */
	IKE_ATTRIBUTE_IP6_SERVER = 23457,
	IKE_ATTRIBUTE_BANNER = 28672,    /* Unity: text */
	IKE_ATTRIBUTE_SPLIT_DNS = 28675, /* Unity: names with commas between */
	IKE_ATTRIBUTE_SPLIT_INCLUDE =
		28676, /* Unity: address, mask, six octets of zero, repeated */
	IKE_ATTRIBUTE_SPLIT_EXCLUDE = 28678, /* Unity's LOCAL_LAN */
};

struct ike_attribute {
	uint16_t type;
	struct bytes value; /* heap; maybe empty */
};

/* In the order in which they came. */
struct ike_attributes {
	struct ike_attribute *items;
	size_t count;
};

/* More of them, or longer ones, are not kept. */
#define IKE_ATTRIBUTES_MAX 64
#define IKE_ATTRIBUTE_LENGTH_MAX 1024

/* Appends a copy. False when memory or the limits ran out. */
MUST_USE bool ike_attributes_add(struct ike_attributes *list, uint16_t type, struct bytes value);
/* One value of a pool's attribute in swanctl.conf(5)'s form: key is `dns`, `nbns`, `dhcp`,
 * `netmask`, `server`, `subnet`, `split_include`, `split_exclude`, `split_dns`, or a number;
 * several values of split_include and split_exclude go into one attribute. True with a text in why,
 * which was empty before: it is taken, but nobody is told of it. */
MUST_USE bool ike_attributes_add_text(
	struct ike_attributes *list, const char *key, const char *text, struct why *why);
void ike_attributes_free(struct ike_attributes *list);
bool ike_attributes_equal(const struct ike_attributes *a, const struct ike_attributes *b);
bool ike_attributes_has(const struct ike_attributes *list, uint16_t type);
/* An attribute that is one address, as of a DNS server; false for all others. */
bool ike_attribute_address(const struct ike_attribute *a, struct address *ret);

#endif
