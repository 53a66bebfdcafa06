/* local_addrs and remote_addrs: what an element means, and how well an address fits. */
#include "libike/model/connection.h"

#include <ctype.h>
#include <stdlib.h>

static bool is_label(const char *at, size_t length)
{
	if (length == 0 || length > 63 || at[0] == '-' || at[length - 1] == '-')
		return false;
	for (size_t i = 0; i < length; i++) {
		if (!isalnum((unsigned char)at[i]) && at[i] != '-' && at[i] != '_')
			return false;
	}
	return true;
}

/* RFC 1123 2.1, and the underscore that occurs in practice. A last label of digits alone is a
 * mistyped address, never a name. */
static bool is_host_name(const char *text)
{
	size_t length;

	if (strlen(text) > 253)
		return false;
	for (;; text += length + 1) {
		length = strcspn(text, ".");
		if (!is_label(text, length))
			return false;
		if (text[length] == '\0' || text[length + 1] == '\0')
			return strspn(text, "0123456789") < length;
	}
}

static bool parse_number(const char *text, unsigned max, unsigned *ret)
{
	char *end;

	if (!isdigit((unsigned char)*text))
		return false;
	unsigned long value = strtoul(text, &end, 10);
	if (*end || value > max)
		return false;
	*ret = (unsigned)value;
	return true;
}

static bool parse_any(const char *text, struct ike_endpoint *ret)
{
	static const struct {
		const char *text;
		uint16_t family;
	} any[] = {
		{ "%any", 0 },
		{ "%any4", AF_INET },
		{ "%any6", AF_INET6 },
		{ "0.0.0.0", AF_INET },
		{ "::", AF_INET6 },
		{ "0.0.0.0/0", AF_INET },
		{ "::/0", AF_INET6 },
	};

	for (size_t i = 0; i < sizeof(any) / sizeof(*any); i++) {
		if (strcmp(text, any[i].text) == 0) {
			ret->kind = IKE_ENDPOINT_ANY;
			ret->from.family = any[i].family;
			return true;
		}
	}
	return false;
}

static bool parse_prefix(char *text, char *slash, struct ike_endpoint *ret, struct why *why)
{
	unsigned length;

	*slash = '\0';
	bool good = address_parse(text, &ret->from) &&
		    parse_number(slash + 1, (unsigned)address_size(&ret->from) * 8, &length);
	*slash = '/';
	if (!good)
		return why_fail(why, "'%s' is not a network: expected address/length", text);
	ret->kind = IKE_ENDPOINT_PREFIX;
	ret->prefix_length = (uint8_t)length;
	return true;
}

/* Host names have dashes too: a range it is only when both halves are addresses. */
static bool parse_range(char *text, struct ike_endpoint *ret)
{
	char *dash = strchr(text, '-');

	if (!dash)
		return false;
	*dash = '\0';
	bool good = address_parse(text, &ret->from) && address_parse(dash + 1, &ret->to);
	*dash = '-';
	if (good)
		ret->kind = IKE_ENDPOINT_RANGE;
	return good;
}

static bool endpoint_parse(char *text, struct ike_endpoint *ret, struct why *why)
{
	char *slash = strchr(text, '/');

	if (parse_any(text, ret))
		return true;
	if (slash)
		return parse_prefix(text, slash, ret, why);
	if (address_parse(text, &ret->from)) {
		ret->kind = IKE_ENDPOINT_HOST;
		return true;
	}
	if (parse_range(text, ret)) {
		if (ret->from.family != ret->to.family || address_compare(&ret->from, &ret->to) > 0)
			return why_fail(
				why, "'%s' is not a range: its end comes before its start", text);
		return true;
	}
	ret->from = ret->to = (struct address){ 0 };
	if (!is_host_name(text))
		return why_fail(
			why, "'%s' is neither an address, a network, a range nor a name", text);
	ret->kind = IKE_ENDPOINT_NAME;
	return true;
}

bool ike_endpoints_add(struct ike_endpoints *list, const char *text, struct why *why)
{
	struct ike_endpoint item = { 0 };
	struct ike_endpoint *items;

	item.name = strdup(text);
	if (!item.name)
		return why_fail(why, "out of memory");
	if (!endpoint_parse(item.name, &item, why)) {
		free(item.name);
		return false;
	}
	items = reallocarray(list->items, list->count + 1, sizeof(*items));
	if (!items) {
		free(item.name);
		return why_fail(why, "out of memory");
	}
	items[list->count++] = item;
	list->items = items;
	return true;
}

void ike_endpoints_free(struct ike_endpoints *list)
{
	for (size_t i = 0; i < list->count; i++) {
		free(list->items[i].name);
		ike_name_free(list->items[i].dns);
	}
	free(list->items);
	*list = (struct ike_endpoints){ 0 };
}

bool ike_endpoints_equal(const struct ike_endpoints *a, const struct ike_endpoints *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++) {
		if (strcmp(a->items[i].name, b->items[i].name) != 0)
			return false;
	}
	return true;
}

enum {
	MATCH_ANY = 1,
	MATCH_PREFIX = 2, /* plus the length: up to 130 */
	MATCH_RANGE = 131,
	MATCH_HOST = 132,
};

static bool in_range(const struct ike_endpoint *e, const struct address *a)
{
	return a->family == e->from.family && memcmp(a->octets, e->from.octets, 16) >= 0 &&
	       memcmp(a->octets, e->to.octets, 16) <= 0;
}

static unsigned endpoint_match(const struct ike_endpoint *e, const struct address *a)
{
	switch (e->kind) {
	case IKE_ENDPOINT_ANY:
		return e->from.family == 0 || e->from.family == a->family ? MATCH_ANY : 0;
	case IKE_ENDPOINT_HOST:
		return address_same_host(&e->from, a) ? MATCH_HOST : 0;
	case IKE_ENDPOINT_NAME:
		return e->dns && ike_name_has(e->dns, a) ? MATCH_HOST : 0;
	case IKE_ENDPOINT_PREFIX:
		return address_in_prefix(a, &e->from, e->prefix_length)
			       ? MATCH_PREFIX + e->prefix_length
			       : 0;
	case IKE_ENDPOINT_RANGE:
		return in_range(e, a) ? MATCH_RANGE : 0;
	}
	return 0;
}

unsigned ike_endpoints_match(const struct ike_endpoints *list, const struct address *a)
{
	unsigned best = list->count ? 0 : MATCH_ANY;

	for (size_t i = 0; i < list->count; i++) {
		unsigned match = endpoint_match(&list->items[i], a);

		if (match > best)
			best = match;
	}
	return best;
}
