#include "charon-lite/kernel_selector.h"

#include <netinet/in.h>

enum { MOBILITY_HEADER = 135 };

/* Protocols whose "ports" are type << 8 | code (RFC 7296 3.13.1), and which the kernel keeps in
 * the source port and the destination port. */
static bool protocol_has_types(uint8_t protocol)
{
	return protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6 ||
	       protocol == MOBILITY_HEADER;
}

static bool ports_are_any(const struct ike_selector *s)
{
	return s->port_from == 0 && s->port_to == 0xffff;
}

/* The smallest mask under which the whole range is one value. */
static void ports_cover(const struct ike_selector *s, uint16_t *ret_port, uint16_t *ret_mask)
{
	unsigned mask = 0xffff;

	/* OPAQUE: packets whose ports cannot be seen have 0 in the kernel's eyes */
	if (s->port_from > s->port_to) {
		*ret_port = 0;
		*ret_mask = 0xffff;
		return;
	}
	while ((s->port_from & mask) != (s->port_to & mask))
		mask = mask << 1 & 0xffff;
	*ret_port = (uint16_t)(s->port_from & mask);
	*ret_mask = (uint16_t)mask;
}

static void types_cover(const struct ike_selector *s, struct xfrm_traffic_selector *ret)
{
	if (ports_are_any(s) || s->port_from >> 8 != s->port_to >> 8)
		return;
	ret->source.port = s->port_from >> 8;
	ret->source_port_mask = 0xffff;
	if (s->port_from != s->port_to)
		return;
	ret->destination.port = s->port_from & 0xff;
	ret->destination_port_mask = 0xffff;
}

bool cl_kernel_selector_of_pair(const struct ike_selector *source,
	const struct ike_selector *destination, struct xfrm_traffic_selector *ret)
{
	struct xfrm_traffic_selector pair = {
		.protocol = source->protocol ? source->protocol : destination->protocol,
	};

	if (source->family != destination->family || source->family == 0 ||
		(destination->protocol != 0 && destination->protocol != pair.protocol))
		return false;
	/* wider than the range, should it be no prefix */
	ike_selector_prefix(source, &pair.source, &pair.source_prefix);
	ike_selector_prefix(destination, &pair.destination, &pair.destination_prefix);
	pair.source.port = pair.destination.port = 0;
	if (protocol_has_types(pair.protocol)) {
		types_cover(ports_are_any(source) ? destination : source, &pair);
	} else {
		ports_cover(source, &pair.source.port, &pair.source_port_mask);
		ports_cover(destination, &pair.destination.port, &pair.destination_port_mask);
	}
	*ret = pair;
	return true;
}

void cl_kernel_selector_reverse(struct xfrm_traffic_selector *s)
{
	struct xfrm_traffic_selector old = *s;

	s->source = old.destination;
	s->destination = old.source;
	s->source_prefix = old.destination_prefix;
	s->destination_prefix = old.source_prefix;
	if (protocol_has_types(s->protocol)) {
		s->source.port = old.source.port;
		s->destination.port = old.destination.port;
		return;
	}
	s->source_port_mask = old.destination_port_mask;
	s->destination_port_mask = old.source_port_mask;
}

void cl_kernel_selector_split(const struct xfrm_traffic_selector *packet,
	struct ike_selector *ret_source, struct ike_selector *ret_destination)
{
	*ret_source = ike_selector_of_host(&packet->source);
	*ret_destination = ike_selector_of_host(&packet->destination);
	ret_source->protocol = ret_destination->protocol = packet->protocol;
	if (protocol_has_types(packet->protocol)) {
		if (packet->source_port_mask == 0)
			return;
		uint16_t value =
			(uint16_t)(packet->source.port << 8 |
				   (packet->destination_port_mask ? packet->destination.port & 0xff
								  : 0));
		ret_source->port_from = ret_source->port_to = value;
		ret_destination->port_from = ret_destination->port_to = value;
		return;
	}
	if (packet->source_port_mask != 0)
		ret_source->port_from = ret_source->port_to = packet->source.port;
	if (packet->destination_port_mask != 0)
		ret_destination->port_from = ret_destination->port_to = packet->destination.port;
}
