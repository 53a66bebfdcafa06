/* Identities: made from the wire, shared, compared, matched. */
#include "libike/base/identity.h"

#include "libbase/dn.h"
#include "libike/base/identity_priv.h"

#include <ctype.h>
#include <stdlib.h>

struct ike_identity *ike_identity_new(uint8_t type, struct bytes octets)
{
	struct ike_identity *id;

	if (octets.length > UINT16_MAX)
		return NULL;
	id = malloc(sizeof(*id) + octets.length);
	if (!id)
		return NULL;
	id->references = 1;
	id->length = (uint16_t)octets.length;
	id->type = type;
	bytes_copy(id->octets, octets);
	return id;
}

/* A mask is ones, then zeros. */
static bool is_mask(struct bytes octets)
{
	bool zero_seen = false;

	for (size_t bit = 0; bit < 8 * octets.length; bit++) {
		bool one = (octets.at[bit / 8] & 0x80 >> bit % 8) != 0;

		if (one && zero_seen)
			return false;
		zero_seen = !one;
	}
	return true;
}

/* Two addresses of `size` octets, the second not before the first, or a mask. */
static bool is_well_formed_pair(struct bytes octets, size_t size, bool subnet)
{
	if (octets.length != 2 * size)
		return false;
	return subnet ? is_mask(bytes_of(octets.at + size, size))
		      : memcmp(octets.at, octets.at + size, size) <= 0;
}

static bool is_well_formed(uint8_t type, struct bytes octets)
{
	switch (type) {
	case IKE_ID_ANY:
		return false;
	case IKE_ID_IPV4_ADDR:
		return octets.length == 4;
	case IKE_ID_IPV6_ADDR:
		return octets.length == 16;
	case IKE_ID_IPV4_ADDR_SUBNET:
	case IKE_ID_IPV4_ADDR_RANGE:
		return is_well_formed_pair(octets, 4, type == IKE_ID_IPV4_ADDR_SUBNET);
	case IKE_ID_IPV6_ADDR_SUBNET:
	case IKE_ID_IPV6_ADDR_RANGE:
		return is_well_formed_pair(octets, 16, type == IKE_ID_IPV6_ADDR_SUBNET);
	case IKE_ID_DER_ASN1_DN:
		return dn_is_valid(octets);
	default:
		return octets.length > 0;
	}
}

struct ike_identity *ike_identity_from_wire(uint8_t type, struct bytes octets)
{
	return is_well_formed(type, octets) ? ike_identity_new(type, octets) : NULL;
}

struct ike_identity *ike_identity_of_address(const struct address *a)
{
	uint8_t type = a->family == AF_INET ? IKE_ID_IPV4_ADDR : IKE_ID_IPV6_ADDR;

	if (address_size(a) == 0)
		return ike_identity_new(IKE_ID_ANY, (struct bytes){ 0 });
	return ike_identity_new(type, address_octets(a));
}

struct ike_identity *ike_identity_hold(struct ike_identity *id)
{
	if (id)
		id->references++;
	return id;
}

void ike_identity_free(struct ike_identity *id)
{
	if (id && --id->references == 0)
		free(id);
}

static struct bytes octets_of(const struct ike_identity *id)
{
	return bytes_of(id->octets, id->length);
}

static bool is_text(uint8_t type)
{
	return type == IKE_ID_FQDN || type == IKE_ID_RFC822_ADDR;
}

static bool equal_without_case(struct bytes a, struct bytes b)
{
	if (a.length != b.length)
		return false;
	for (size_t i = 0; i < a.length; i++)
		if (tolower(a.at[i]) != tolower(b.at[i]))
			return false;
	return true;
}

bool ike_identity_equal(const struct ike_identity *a, const struct ike_identity *b)
{
	unsigned wildcards;

	if (a->type != b->type)
		return false;
	if (is_text(a->type))
		return equal_without_case(octets_of(a), octets_of(b));
	if (a->type == IKE_ID_DER_ASN1_DN)
		return dn_matches(octets_of(a), octets_of(b), &wildcards) && wildcards == 0;
	return bytes_equal(octets_of(a), octets_of(b));
}

/* FNV-1a. */
static uint64_t hash_octet(uint64_t hash, uint8_t octet)
{
	return (hash ^ octet) * 0x100000001b3;
}

static uint64_t hash_octets(uint64_t hash, struct bytes octets)
{
	for (size_t i = 0; i < octets.length; i++)
		hash = hash_octet(hash, octets.at[i]);
	return hash;
}

/* Letters made small, as text compares without case. */
static uint64_t hash_text(uint64_t hash, struct bytes text)
{
	for (size_t i = 0; i < text.length; i++)
		hash = hash_octet(hash, (uint8_t)tolower(text.at[i]));
	return hash;
}

uint64_t ike_identity_hash(const struct ike_identity *id)
{
	uint64_t hash = hash_octet(0xcbf29ce484222325, id->type);
	struct dn_walk walk;
	struct dn_rdn rdn;

	if (is_text(id->type))
		return hash_text(hash, octets_of(id));
	if (id->type != IKE_ID_DER_ASN1_DN)
		return hash_octets(hash, octets_of(id));
	/* string types and the grouping of attributes do not count */
	walk = dn_walk_begin(octets_of(id));
	while (dn_walk_next(&walk, &rdn))
		hash = hash_text(hash_octets(hash, rdn.oid), rdn.value);
	return hash;
}

/* ---- Matching: the values are those that strongSwan 5.9.8 was seen to return. ---- */

#define MATCH_WIDEST 2    /* 0.0.0.0/0 */
#define MATCH_FEWEST_DN 3 /* however many RDNs are wildcards */
#define MATCH_ONE_WILDCARD (IKE_MATCH_PERFECT - 1)

/* "*.example.org": an asterisk, then what the identity must end in, with something before. */
static unsigned match_text(struct bytes id, struct bytes pattern)
{
	if (pattern.length == 0 || pattern.at[0] != '*' || id.length < pattern.length)
		return IKE_MATCH_NONE;
	if (pattern.length == 1)
		return IKE_MATCH_ANY;
	size_t suffix = pattern.length - 1;
	return equal_without_case(bytes_of(id.at + id.length - suffix, suffix),
		       bytes_of(pattern.at + 1, suffix))
		       ? MATCH_ONE_WILDCARD
		       : IKE_MATCH_NONE;
}

static unsigned match_subnet(const uint8_t *host, const uint8_t *subnet, size_t size)
{
	const uint8_t *mask = subnet + size;

	for (size_t i = 0; i < size; i++)
		if ((host[i] ^ subnet[i]) & mask[i])
			return IKE_MATCH_NONE;
	if (mask[0] == 0)
		return MATCH_WIDEST;
	return mask[size - 1] == 0xff ? IKE_MATCH_PERFECT : MATCH_ONE_WILDCARD;
}

static unsigned match_range(const uint8_t *host, const uint8_t *range, size_t size)
{
	if (memcmp(host, range, size) < 0 || memcmp(host, range + size, size) > 0)
		return IKE_MATCH_NONE;
	return memcmp(range, range + size, size) == 0 ? IKE_MATCH_PERFECT : MATCH_ONE_WILDCARD;
}

static unsigned match_dn(struct bytes id, struct bytes pattern)
{
	unsigned wildcards;

	if (!dn_matches(id, pattern, &wildcards))
		return IKE_MATCH_NONE;
	return wildcards < IKE_MATCH_PERFECT - MATCH_FEWEST_DN ? IKE_MATCH_PERFECT - wildcards
							       : MATCH_FEWEST_DN;
}

unsigned ike_identity_match(const struct ike_identity *id, const struct ike_identity *pattern)
{
	bool is_ipv4 = id->type == IKE_ID_IPV4_ADDR, is_ipv6 = id->type == IKE_ID_IPV6_ADDR;

	if (pattern->type == IKE_ID_ANY)
		return IKE_MATCH_ANY;
	if (ike_identity_equal(id, pattern))
		return IKE_MATCH_PERFECT;
	switch (pattern->type) {
	case IKE_ID_FQDN:
	case IKE_ID_RFC822_ADDR:
		return id->type == pattern->type ? match_text(octets_of(id), octets_of(pattern))
						 : IKE_MATCH_NONE;
	case IKE_ID_DER_ASN1_DN:
		return id->type == pattern->type ? match_dn(octets_of(id), octets_of(pattern))
						 : IKE_MATCH_NONE;
	case IKE_ID_IPV4_ADDR_SUBNET:
		return is_ipv4 ? match_subnet(id->octets, pattern->octets, 4) : IKE_MATCH_NONE;
	case IKE_ID_IPV6_ADDR_SUBNET:
		return is_ipv6 ? match_subnet(id->octets, pattern->octets, 16) : IKE_MATCH_NONE;
	case IKE_ID_IPV4_ADDR_RANGE:
		return is_ipv4 ? match_range(id->octets, pattern->octets, 4) : IKE_MATCH_NONE;
	case IKE_ID_IPV6_ADDR_RANGE:
		return is_ipv6 ? match_range(id->octets, pattern->octets, 16) : IKE_MATCH_NONE;
	default:
		return IKE_MATCH_NONE;
	}
}

bool ike_identity_is_wildcard(const struct ike_identity *id)
{
	switch (id->type) {
	case IKE_ID_ANY:
	case IKE_ID_IPV4_ADDR_SUBNET:
	case IKE_ID_IPV6_ADDR_SUBNET:
	case IKE_ID_IPV4_ADDR_RANGE:
	case IKE_ID_IPV6_ADDR_RANGE:
		return true;
	case IKE_ID_FQDN:
	case IKE_ID_RFC822_ADDR:
		return memchr(id->octets, '*', id->length) != NULL;
	case IKE_ID_DER_ASN1_DN:
		return dn_has_wildcard(octets_of(id));
	default:
		return false;
	}
}
