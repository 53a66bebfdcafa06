/* The TS payloads (RFC 7296 3.13). */
#include "libike/wire/payload.h"

#include <netinet/in.h>

#define TS_IPV4_ADDR_RANGE 7
#define TS_IPV6_ADDR_RANGE 8

static bool ports_fit(uint16_t from, uint16_t to)
{
	return from <= to || (from == 0xffff && to == 0); /* OPAQUE */
}

/* Reads one selector. *ret_known is false for a type of selector that we don't have. */
static bool selector_read(
	struct reader *r, struct ike_selector *ret, bool *ret_known, struct why *why)
{
	uint8_t type = reader_u8(r);
	uint8_t protocol = reader_u8(r);
	uint16_t length = reader_u16(r);

	if (length < 4)
		return why_fail(why, "a selector of %u octets", length);
	struct reader part = reader_part(r, length - 4u);
	if (part.bad)
		return why_fail(why, "a selector runs past the end");
	*ret_known = type == TS_IPV4_ADDR_RANGE || type == TS_IPV6_ADDR_RANGE;
	if (!*ret_known)
		return true;
	struct ike_selector s = {
		.protocol = protocol,
		.family = type == TS_IPV4_ADDR_RANGE ? AF_INET : AF_INET6,
	};
	size_t size = type == TS_IPV4_ADDR_RANGE ? 4 : 16;
	s.port_from = reader_u16(&part);
	s.port_to = reader_u16(&part);
	bytes_copy(s.from, reader_bytes(&part, size));
	bytes_copy(s.to, reader_bytes(&part, size));
	if (!reader_end(&part))
		return why_fail(why, "a selector of type %u has %u octets", type, length);
	if (memcmp(s.from, s.to, sizeof(s.from)) > 0)
		return why_fail(why, "a range of addresses that ends before it starts");
	if (!ports_fit(s.port_from, s.port_to))
		return why_fail(why, "a range of ports that ends before it starts");
	*ret = s;
	return true;
}

bool ike_ts_view_parse(struct bytes body, struct ike_ts_view *ret, struct why *why)
{
	struct reader r = reader_of(body);
	uint8_t count = reader_u8(&r);
	unsigned found = 0;

	reader_bytes(&r, 3); /* reserved */
	if (r.bad)
		return why_fail(why, "shorter than its fixed part");
	struct ike_ts_view view = { .body = { r.at, r.left }, .count = count };
	while (reader_more(&r)) {
		struct ike_selector selector;
		bool known;

		if (!selector_read(&r, &selector, &known, why))
			return false;
		found++;
	}
	if (found != count || found == 0)
		return why_fail(why, "says %u selectors and has %u", count, found);
	*ret = view;
	return true;
}

size_t ike_ts_view_read(const struct ike_ts_view *view, struct ike_selector *ret, size_t room)
{
	struct reader r = reader_of(view->body);
	size_t count = 0;
	bool known;

	while (count < room && reader_more(&r) && selector_read(&r, &ret[count], &known, NULL))
		count += known;
	return count;
}
