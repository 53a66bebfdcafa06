/* Traffic selectors as sets: hosts, prefixes, intersection, narrowing. */
#include "libike/base/selector.h"

#include <netinet/in.h>

#define PORT_MAX 0xffff

static size_t size_of(const struct ike_selector *s)
{
	return s->family == AF_INET ? 4 : s->family == AF_INET6 ? 16 : 0;
}

bool ike_selector_is_opaque(const struct ike_selector *s)
{
	return s->port_from == PORT_MAX && s->port_to == 0;
}

bool ike_selector_is_any_port(const struct ike_selector *s)
{
	return s->port_from == 0 && s->port_to == PORT_MAX;
}

struct ike_selector ike_selector_of_host(const struct address *host)
{
	struct ike_selector s = { .family = (uint8_t)host->family, .port_to = PORT_MAX };

	bytes_copy(s.from, address_octets(host));
	bytes_copy(s.to, address_octets(host));
	return s;
}

bool ike_selector_of_prefix(
	const struct address *network, unsigned prefix_length, struct ike_selector *ret)
{
	struct ike_selector s = ike_selector_of_host(network);
	size_t size = address_size(network);

	if (size == 0 || prefix_length > 8 * size)
		return false;
	for (size_t bit = prefix_length; bit < 8 * size; bit++) {
		s.from[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
		s.to[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	}
	*ret = s;
	return true;
}

struct ike_selector ike_selector_resolve(const struct ike_selector *s, const struct address *host)
{
	if (!s->dynamic)
		return *s;
	struct ike_selector resolved = ike_selector_of_host(host);
	resolved.protocol = s->protocol;
	resolved.port_from = s->port_from;
	resolved.port_to = s->port_to;
	return resolved;
}

/* RFC 4301 4.4.1.1: OPAQUE is in ANY, and nothing else is common to it and a range. */
static bool ports_intersect(
	const struct ike_selector *a, const struct ike_selector *b, struct ike_selector *s)
{
	if (ike_selector_is_opaque(a) || ike_selector_is_opaque(b)) {
		const struct ike_selector *other = ike_selector_is_opaque(a) ? b : a;

		s->port_from = PORT_MAX;
		s->port_to = 0;
		return ike_selector_is_opaque(other) || ike_selector_is_any_port(other);
	}
	s->port_from = a->port_from > b->port_from ? a->port_from : b->port_from;
	s->port_to = a->port_to < b->port_to ? a->port_to : b->port_to;
	return s->port_from <= s->port_to;
}

bool ike_selector_intersect(
	const struct ike_selector *a, const struct ike_selector *b, struct ike_selector *ret)
{
	struct ike_selector s = { .family = a->family };

	if (size_of(a) == 0 || a->family != b->family)
		return false;
	if (a->protocol != b->protocol && a->protocol != 0 && b->protocol != 0)
		return false;
	s.protocol = a->protocol ? a->protocol : b->protocol;
	memcpy(s.from, memcmp(a->from, b->from, 16) > 0 ? a->from : b->from, 16);
	memcpy(s.to, memcmp(a->to, b->to, 16) < 0 ? a->to : b->to, 16);
	if (memcmp(s.from, s.to, 16) > 0 || !ports_intersect(a, b, &s))
		return false;
	*ret = s;
	return true;
}

bool ike_selector_equal(const struct ike_selector *a, const struct ike_selector *b)
{
	return a->family == b->family && a->dynamic == b->dynamic && a->group == b->group &&
	       a->protocol == b->protocol && a->port_from == b->port_from &&
	       a->port_to == b->port_to && memcmp(a->from, b->from, 16) == 0 &&
	       memcmp(a->to, b->to, 16) == 0;
}

bool ike_selector_contains(const struct ike_selector *outer, const struct ike_selector *inner)
{
	struct ike_selector common;

	if (inner->dynamic || outer->dynamic || inner->group || outer->group)
		return ike_selector_equal(outer, inner);
	return ike_selector_intersect(outer, inner, &common) && ike_selector_equal(&common, inner);
}

bool ike_selector_is_host(const struct ike_selector *s, const struct address *host)
{
	return size_of(s) > 0 && s->family == host->family && memcmp(s->from, s->to, 16) == 0 &&
	       memcmp(s->from, host->octets, 16) == 0;
}

bool ike_selector_prefix(
	const struct ike_selector *s, struct address *ret_network, uint8_t *ret_length)
{
	size_t bits = 8 * size_of(s);
	size_t common = 0;
	struct address network = { .family = s->family };
	struct ike_selector whole;

	while (common < bits &&
		((s->from[common / 8] ^ s->to[common / 8]) & 0x80 >> common % 8) == 0)
		common++;
	memcpy(network.octets, s->from, size_of(s));
	*ret_length = (uint8_t)common;
	if (!ike_selector_of_prefix(&network, (unsigned)common, &whole)) {
		*ret_network = (struct address){ 0 };
		return false;
	}
	memcpy(network.octets, whole.from, sizeof(whole.from));
	*ret_network = network;
	return memcmp(whole.from, s->from, 16) == 0 && memcmp(whole.to, s->to, 16) == 0;
}

/* Adds s unless it is in one that is there; drops those that are in s. Returns the new count. */
static size_t list_add(
	struct ike_selector *list, size_t count, size_t room, const struct ike_selector *s)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++)
		if (ike_selector_contains(&list[i], s))
			return count;
	for (size_t i = 0; i < count; i++)
		if (!ike_selector_contains(s, &list[i]))
			list[kept++] = list[i];
	if (kept < room)
		list[kept++] = *s;
	return kept;
}

size_t ike_selectors_narrow(const struct ike_selector *ours, size_t our_count,
	const struct ike_selector *theirs, size_t their_count, struct ike_selector *ret,
	size_t room)
{
	size_t count = 0;
	struct ike_selector common;

	for (size_t i = 0; i < our_count; i++)
		for (size_t j = 0; j < their_count; j++)
			if (ike_selector_intersect(&ours[i], &theirs[j], &common))
				count = list_add(ret, count, room, &common);
	return count;
}
