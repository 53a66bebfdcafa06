/* The text form of traffic selectors: swanctl.conf(5) in, strongSwan's lists out. */
#include "libike/base/protocol_names.h"
#include "libike/base/selector.h"

#include <ctype.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define PORT_MAX 0xffff

static const char *const groups[] = {
	[IKE_SELECTOR_CLIENT] = "%client", [IKE_SELECTOR_CLIENTS] = "%clients"
};

/* In these the port fields are type << 8 | code (RFC 7296 3.13.1). */
static bool is_icmp(uint8_t protocol)
{
	return protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6;
}

/* ---- Text to selector ---- */

/* A whole number up to max, decimal or 0x; false when it is not one. */
static bool parse_number(const char *text, unsigned long max, unsigned long *ret)
{
	bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	char *end;

	if (!isxdigit((unsigned char)text[hex ? 2 : 0]))
		return false;
	unsigned long value = strtoul(text, &end, hex ? 16 : 10);
	if (*end != '\0' || value > max)
		return false;
	*ret = value;
	return true;
}

static bool parse_protocol(const char *text, uint8_t *ret, struct why *why)
{
	unsigned long number;

	if (*text == '\0' || strcmp(text, "%any") == 0)
		*ret = 0;
	else if (parse_number(text, UINT8_MAX, &number))
		*ret = (uint8_t)number;
	else if (!ike_protocol_number(text, ret))
		return why_fail(why, "unknown protocol '%s'", text);
	return true;
}

/* One end of a range of ports. An ICMP type stands alone below 256, and with its code above. */
static bool parse_port(const char *text, uint8_t protocol, uint16_t *ret)
{
	unsigned long number;

	if (!parse_number(text, PORT_MAX, &number))
		return ike_service_port(text, ret);
	*ret = (uint16_t)(is_icmp(protocol) && number < 256 ? number << 8 : number);
	return true;
}

/* "type" or "type(code)": what ike_selector_format() writes. */
static bool parse_type_and_code(const char *text, uint16_t *ret)
{
	unsigned type, code;
	int used = 0;

	if (sscanf(text, "%3u(%3u)%n", &type, &code, &used) != 2 || used == 0 || text[used] ||
		type > 255 || code > 255)
		return false;
	*ret = (uint16_t)(type << 8 | code);
	return true;
}

static bool parse_end(const char *text, uint8_t protocol, uint16_t *ret)
{
	return parse_port(text, protocol, ret) ||
	       (is_icmp(protocol) && parse_type_and_code(text, ret));
}

static bool parse_ports(char *text, struct ike_selector *s, struct why *why)
{
	char *dash;

	if (*text == '\0' || strcmp(text, "%any") == 0)
		return true;
	if (strcasecmp(text, "opaque") == 0) {
		s->port_from = PORT_MAX;
		s->port_to = 0;
		return true;
	}
	if (parse_end(text, s->protocol, &s->port_from)) {
		s->port_to = s->port_from;
		return true;
	}
	dash = strchr(text, '-');
	if (!dash)
		return why_fail(why, "'%s' is no port and no service that is known", text);
	*dash = '\0';
	if (!parse_end(text, s->protocol, &s->port_from))
		return why_fail(why, "'%s' is no port to start a range with", text);
	if (!parse_end(dash + 1, s->protocol, &s->port_to))
		return why_fail(why, "'%s' is no port to end a range with", dash + 1);
	if (s->port_from > s->port_to)
		return why_fail(why, "the range of ports %u-%u ends before it starts", s->port_from,
			s->port_to);
	return true;
}

/* "tcp/80": what is between the brackets. */
static bool parse_protocol_and_ports(char *text, struct ike_selector *s, struct why *why)
{
	char *slash = strchr(text, '/');

	if (slash)
		*slash = '\0';
	return parse_protocol(text, &s->protocol, why) &&
	       (!slash || parse_ports(slash + 1, s, why));
}

static char *trim(char *text)
{
	size_t length;

	while (isspace((unsigned char)*text))
		text++;
	length = strlen(text);
	while (length > 0 && isspace((unsigned char)text[length - 1]))
		text[--length] = '\0';
	return text;
}

static bool parse_prefix(char *text, char *slash, struct ike_selector *ret, struct why *why)
{
	struct address network;
	unsigned long length;

	*slash = '\0';
	if (!address_parse(text, &network))
		return why_fail(why, "'%s' is no address", text);
	if (!parse_number(slash + 1, 128, &length) ||
		!ike_selector_of_prefix(&network, (unsigned)length, ret))
		return why_fail(why, "'/%s' is no prefix length of %s", slash + 1, text);
	return true;
}

static bool parse_range(char *text, char *dash, struct ike_selector *ret, struct why *why)
{
	struct address from, to;
	char *first = text, *last = dash + 1;

	*dash = '\0';
	first = trim(first);
	last = trim(last);
	if (!address_parse(first, &from) || !address_parse(last, &to))
		return why_fail(why, "'%s-%s' is no range of addresses", first, last);
	if (from.family != to.family || address_compare(&from, &to) > 0)
		return why_fail(why, "the range %s-%s mixes families or ends before it starts",
			first, last);
	*ret = ike_selector_of_host(&from);
	memcpy(ret->to, to.octets, sizeof(ret->to));
	return true;
}

static bool parse_addresses(char *text, struct ike_selector *ret, struct why *why)
{
	struct address host;
	char *separator;

	if (strcmp(text, "dynamic") == 0) {
		*ret = (struct ike_selector){ .dynamic = true, .port_to = PORT_MAX };
		return true;
	}
	for (uint8_t group = IKE_SELECTOR_CLIENT; group <= IKE_SELECTOR_CLIENTS; group++)
		if (strcmp(text, groups[group]) == 0) {
			*ret = (struct ike_selector){ .group = group, .port_to = PORT_MAX };
			return true;
		}
	if ((separator = strchr(text, '/')))
		return parse_prefix(text, separator, ret, why);
	if ((separator = strchr(text, '-')))
		return parse_range(text, separator, ret, why);
	if (!address_parse(text, &host))
		return why_fail(why, "'%s' is no address, network, range or 'dynamic'", text);
	*ret = ike_selector_of_host(&host);
	return true;
}

bool ike_selector_parse(const char *text, struct ike_selector *ret, struct why *why)
{
	char copy[IKE_SELECTOR_TEXT_MAX];
	struct ike_selector s;
	char *addresses, *bracket, *end;

	if (strlen(text) >= sizeof(copy))
		return why_fail(why, "traffic selector of %zu characters", strlen(text));
	memcpy(copy, text, strlen(text) + 1);
	addresses = trim(copy);
	bracket = strchr(addresses, '[');
	if (bracket) {
		*bracket++ = '\0';
		end = strchr(bracket, ']');
		if (!end || end[1] != '\0') {
			why_fail(why, "the ']' is not at the end");
			return why_prefix(why, "traffic selector '%s': ", text);
		}
		*end = '\0';
		addresses = trim(addresses);
	}
	if (!parse_addresses(addresses, &s, why) ||
		(bracket && !parse_protocol_and_ports(trim(bracket), &s, why)))
		return why_prefix(why, "traffic selector '%s': ", text);
	*ret = s;
	return true;
}

/* ---- Selector to text ---- */

static void format_addresses(const struct ike_selector *s, char *text, size_t size)
{
	struct address from = { .family = s->family }, to = { .family = s->family };
	char from_text[ADDRESS_TEXT_MAX], to_text[ADDRESS_TEXT_MAX];
	uint8_t length;

	if (s->dynamic) {
		snprintf(text, size, "dynamic");
	} else if (s->group) {
		snprintf(text, size, "%s", groups[s->group]);
	} else if (ike_selector_prefix(s, &from, &length)) {
		snprintf(text, size, "%s/%u", address_format(&from, from_text), length);
	} else {
		memcpy(from.octets, s->from, sizeof(from.octets));
		memcpy(to.octets, s->to, sizeof(to.octets));
		snprintf(text, size, "%s..%s", address_format(&from, from_text),
			address_format(&to, to_text));
	}
}

static void format_type(uint16_t port, char text[16])
{
	if (port & 0xff)
		snprintf(text, 16, "%u(%u)", port >> 8, port & 0xff);
	else
		snprintf(text, 16, "%u", port >> 8);
}

static void format_ports(const struct ike_selector *s, char *text, size_t size)
{
	char from[16], to[16];
	const char *service = ike_service_name(s->protocol, s->port_from);

	if (s->port_from == PORT_MAX && s->port_to == 0) {
		snprintf(text, size, "OPAQUE");
		return;
	}
	if (is_icmp(s->protocol)) {
		format_type(s->port_from, from);
		format_type(s->port_to, to);
		service = NULL;
	} else {
		snprintf(from, sizeof(from), "%u", s->port_from);
		snprintf(to, sizeof(to), "%u", s->port_to);
	}
	if (s->port_from != s->port_to)
		snprintf(text, size, "%s-%s", from, to);
	else
		snprintf(text, size, "%s", service ? service : from);
}

char *ike_selector_format(const struct ike_selector *s, char text[IKE_SELECTOR_TEXT_MAX])
{
	char addresses[96]; /* two IPv6 addresses and ".." */
	char number[4], ports[32] = "";
	const char *protocol = ike_protocol_name(s->protocol);
	bool any_port = s->port_from == 0 && s->port_to == PORT_MAX;

	format_addresses(s, addresses, sizeof(addresses));
	snprintf(number, sizeof(number), "%u", s->protocol);
	if (!any_port)
		format_ports(s, ports, sizeof(ports));
	if (s->protocol == 0 && any_port)
		snprintf(text, IKE_SELECTOR_TEXT_MAX, "%s", addresses);
	else
		snprintf(text, IKE_SELECTOR_TEXT_MAX, "%s[%s%s%s]", addresses,
			protocol ? protocol : number, any_port ? "" : "/", ports);
	return text;
}

char *ike_selectors_format(
	const struct ike_selector *list, size_t count, char *text, size_t text_size)
{
	char one[IKE_SELECTOR_TEXT_MAX];
	size_t used = 0;

	if (text_size == 0)
		return text;
	text[0] = '\0';
	for (size_t i = 0; i < count && used < text_size; i++)
		used += (size_t)snprintf(text + used, text_size - used, "%s%s", i > 0 ? " " : "",
			ike_selector_format(&list[i], one));
	return text;
}
