#include "libbase/address.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>

size_t address_size(const struct address *a)
{
	if (a->family == AF_INET)
		return 4;
	return a->family == AF_INET6 ? 16 : 0;
}

bool address_from_octets(struct bytes octets, uint16_t port, struct address *ret)
{
	struct address a = { .port = port };

	if (octets.length == 4)
		a.family = AF_INET;
	else if (octets.length == 16)
		a.family = AF_INET6;
	else
		return false;
	bytes_copy(a.octets, octets);
	*ret = a;
	return true;
}

bool address_parse(const char *text, struct address *ret)
{
	struct address a = { 0 };
	char host[INET6_ADDRSTRLEN];
	const char *percent = strchr(text, '%');
	size_t length = percent ? (size_t)(percent - text) : strlen(text);

	if (length == 0 || length >= sizeof(host))
		return false;
	memcpy(host, text, length);
	host[length] = '\0';
	if (percent && (a.scope = if_nametoindex(percent + 1)) == 0)
		return false;
	if (inet_pton(AF_INET6, host, a.octets) == 1)
		a.family = AF_INET6;
	else if (!percent && inet_pton(AF_INET, host, a.octets) == 1)
		a.family = AF_INET;
	else
		return false;
	*ret = a;
	return true;
}

bool address_from_sockaddr(const struct sockaddr *from, struct address *ret)
{
	if (from->sa_family == AF_INET) {
		struct sockaddr_in in;

		memcpy(&in, from, sizeof(in));
		return address_from_octets(bytes_of(&in.sin_addr, 4), ntohs(in.sin_port), ret);
	}
	if (from->sa_family == AF_INET6) {
		struct sockaddr_in6 in6;

		memcpy(&in6, from, sizeof(in6));
		const uint8_t *octets = in6.sin6_addr.s6_addr;
		if (IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr))
			return address_from_octets(
				bytes_of(octets + 12, 4), ntohs(in6.sin6_port), ret);
		if (!address_from_octets(bytes_of(octets, 16), ntohs(in6.sin6_port), ret))
			return false;
		if (IN6_IS_ADDR_LINKLOCAL(&in6.sin6_addr))
			ret->scope = in6.sin6_scope_id;
		return true;
	}
	return false;
}

socklen_t address_to_sockaddr(const struct address *a, struct sockaddr_storage *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (a->family == AF_INET) {
		struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(a->port) };

		memcpy(&in.sin_addr, a->octets, 4);
		memcpy(ret, &in, sizeof(in));
		return sizeof(in);
	}
	if (a->family == AF_INET6) {
		struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
			.sin6_port = htons(a->port),
			.sin6_scope_id = a->scope };

		memcpy(&in6.sin6_addr, a->octets, 16);
		memcpy(ret, &in6, sizeof(in6));
		return sizeof(in6);
	}
	return 0;
}

char *address_format(const struct address *a, char text[ADDRESS_TEXT_MAX])
{
	if (!inet_ntop(a->family, a->octets, text, ADDRESS_TEXT_MAX))
		snprintf(text, ADDRESS_TEXT_MAX, "%%any");
	return text;
}

char *address_format_with_port(const struct address *a, char text[ADDRESS_TEXT_MAX])
{
	address_format(a, text);
	size_t length = strlen(text);
	snprintf(text + length, ADDRESS_TEXT_MAX - length, "[%u]", a->port);
	return text;
}

bool address_same_host(const struct address *a, const struct address *b)
{
	return a->family == b->family && a->scope == b->scope &&
	       memcmp(a->octets, b->octets, sizeof(a->octets)) == 0;
}

bool address_is_among(const struct address *list, size_t count, const struct address *a)
{
	for (size_t i = 0; i < count; i++)
		if (address_same_host(&list[i], a))
			return true;
	return false;
}

bool address_equal(const struct address *a, const struct address *b)
{
	return address_same_host(a, b) && a->port == b->port;
}

int address_compare(const struct address *a, const struct address *b)
{
	if (a->family != b->family)
		return a->family == AF_INET ? -1 : 1;
	return memcmp(a->octets, b->octets, sizeof(a->octets));
}

bool address_is_any(const struct address *a)
{
	static const uint8_t zero[16];

	return a->family == 0 || memcmp(a->octets, zero, sizeof(zero)) == 0;
}

bool address_in_prefix(
	const struct address *host, const struct address *network, unsigned prefix_length)
{
	if (host->family != network->family || prefix_length > 8 * address_size(host))
		return false;
	size_t whole = prefix_length / 8;
	unsigned rest = prefix_length % 8;
	if (memcmp(host->octets, network->octets, whole) != 0)
		return false;
	return rest == 0 || (host->octets[whole] ^ network->octets[whole]) >> (8 - rest) == 0;
}
