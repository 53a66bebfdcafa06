/* Configuration attributes, and the text forms of those that pools give. */
#include "libike/model/attributes.h"

#include "libike/model/domain.h"

#include <stdlib.h>

#define UNITY_PADDING 6 /* protocol and ports, which nobody uses */

bool ike_attributes_add(struct ike_attributes *list, uint16_t type, struct bytes value)
{
	struct ike_attribute *items;
	struct bytes copy = bytes_duplicate(value);

	if (list->count >= IKE_ATTRIBUTES_MAX || value.length > IKE_ATTRIBUTE_LENGTH_MAX ||
		(value.length > 0 && !copy.at) ||
		!(items = reallocarray(list->items, list->count + 1, sizeof(*items)))) {
		free((void *)copy.at);
		return false;
	}
	items[list->count++] = (struct ike_attribute){ .type = type, .value = copy };
	list->items = items;
	return true;
}

void ike_attributes_free(struct ike_attributes *list)
{
	for (size_t i = 0; i < list->count; i++)
		free((void *)list->items[i].value.at);
	free(list->items);
	*list = (struct ike_attributes){ 0 };
}

bool ike_attributes_equal(const struct ike_attributes *a, const struct ike_attributes *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (a->items[i].type != b->items[i].type ||
			!bytes_equal(a->items[i].value, b->items[i].value))
			return false;
	return true;
}

bool ike_attributes_has(const struct ike_attributes *list, uint16_t type)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i].type == type)
			return true;
	return false;
}

bool ike_attribute_address(const struct ike_attribute *a, struct address *ret)
{
	switch (a->type) {
	case IKE_ATTRIBUTE_IP4_DNS:
	case IKE_ATTRIBUTE_IP4_NBNS:
	case IKE_ATTRIBUTE_IP4_DHCP:
	case IKE_ATTRIBUTE_IP4_SERVER:
		return a->value.length == 4 && address_from_octets(a->value, 0, ret);
	case IKE_ATTRIBUTE_IP6_DNS:
	case IKE_ATTRIBUTE_IP6_NBNS:
	case IKE_ATTRIBUTE_IP6_DHCP:
	case IKE_ATTRIBUTE_IP6_SERVER:
		return a->value.length == 16 && address_from_octets(a->value, 0, ret);
	default:
		return false;
	}
}

/* ---- Text ---- */

static const struct name {
	const char *name;
	uint16_t type4, type6;    /* 0: there is none of that family */
	bool subnet, mask, unity; /* the form, if it is not an address */
} names[] = {
	{ "dns", IKE_ATTRIBUTE_IP4_DNS, IKE_ATTRIBUTE_IP6_DNS, false, false, false },
	{ "nbns", IKE_ATTRIBUTE_IP4_NBNS, IKE_ATTRIBUTE_IP6_NBNS, false, false, false },
	{ "dhcp", IKE_ATTRIBUTE_IP4_DHCP, IKE_ATTRIBUTE_IP6_DHCP, false, false, false },
	{ "netmask", IKE_ATTRIBUTE_IP4_NETMASK, IKE_ATTRIBUTE_IP6_NETMASK, false, true, false },
	{ "server", IKE_ATTRIBUTE_IP4_SERVER, IKE_ATTRIBUTE_IP6_SERVER, false, false, false },
	{ "subnet", IKE_ATTRIBUTE_IP4_SUBNET, IKE_ATTRIBUTE_IP6_SUBNET, true, false, false },
	{ "split_include", IKE_ATTRIBUTE_SPLIT_INCLUDE, 0, true, false, true },
	{ "split_exclude", IKE_ATTRIBUTE_SPLIT_EXCLUDE, 0, true, false, true },
};

/* "10.0.0.0/8"; without a length it is a host's. */
static bool parse_subnet(const char *text, struct address *ret, uint8_t *ret_length)
{
	const char *slash = strchr(text, '/');
	size_t length = slash ? (size_t)(slash - text) : strlen(text);
	char room[ADDRESS_TEXT_MAX], *end;

	if (length >= sizeof(room))
		return false;
	memcpy(room, text, length);
	room[length] = '\0';
	if (!address_parse(room, ret))
		return false;
	*ret_length = (uint8_t)(8 * address_size(ret));
	if (!slash)
		return true;
	unsigned long bits = strtoul(slash + 1, &end, 10);
	if (slash[1] < '0' || slash[1] > '9' || *end || bits > *ret_length)
		return false;
	*ret_length = (uint8_t)bits;
	return true;
}

static void write_mask(struct writer *w, uint8_t length)
{
	writer_u32(w, length ? UINT32_MAX << (32 - length) : 0);
}

/* Further values of Unity's go behind the first. */
static bool append(struct ike_attributes *list, uint16_t type, struct bytes value, struct why *why)
{
	uint8_t room[IKE_ATTRIBUTE_LENGTH_MAX];
	struct writer w = writer_of(room, sizeof(room));

	for (size_t i = 0; i < list->count; i++) {
		struct ike_attribute *a = &list->items[i];

		if (a->type != type)
			continue;
		writer_put(&w, a->value);
		writer_put(&w, value);
		struct bytes longer =
			w.bad ? (struct bytes){ 0 } : bytes_duplicate(writer_bytes(&w));
		if (!longer.at)
			return why_fail(why, "there are too many");
		free((void *)a->value.at);
		a->value = longer;
		return true;
	}
	return ike_attributes_add(list, type, value) || why_fail(why, "there are too many");
}

static bool add_named(
	struct ike_attributes *list, const struct name *name, const char *text, struct why *why)
{
	uint8_t room[16 + 1 + UNITY_PADDING] = { 0 }, length;
	struct writer w = writer_of(room, sizeof(room));
	struct address a;

	if (!parse_subnet(text, &a, &length) || (!name->subnet && strchr(text, '/')))
		return why_fail(why, "'%s' is no %s", text, name->subnet ? "network" : "address");
	uint16_t type = a.family == AF_INET ? name->type4 : name->type6;
	if (!type && !name->unity)
		return why_fail(why, "'%s': there is no IPv6 for %s", text, name->name);
	if (!type) {
		(void)why_fail(why, "'%s': Cisco Unity has no IPv6, nobody is told of it", text);
		return true;
	}
	writer_put(&w, address_octets(&a));
	if (name->subnet && a.family == AF_INET)
		write_mask(&w, length);
	else if (name->subnet)
		writer_u8(&w, length);
	if (name->unity) {
		memset(writer_take(&w, UNITY_PADDING), 0, UNITY_PADDING);
		return append(list, type, writer_bytes(&w), why);
	}
	return ike_attributes_add(list, type, writer_bytes(&w)) ||
	       why_fail(why, "there are too many");
}

static bool add_domain(struct ike_attributes *list, const char *text, struct why *why)
{
	char name[IKE_DOMAIN_TEXT_MAX];

	if (!ike_domain_read(bytes_of_text(text), name))
		return why_fail(why, "'%s' is no domain name", text);
	return ike_attributes_add(list, IKE_ATTRIBUTE_DNS_DOMAIN, bytes_of_text(name)) ||
	       why_fail(why, "there are too many");
}

/* Of an attribute that we have no form for: an address's or a network's octets, else the text. */
static bool add_number(
	struct ike_attributes *list, uint16_t type, const char *text, struct why *why)
{
	uint8_t room[20], length;
	struct writer w = writer_of(room, sizeof(room));
	struct bytes value = bytes_of_text(text);
	struct address a;

	if (parse_subnet(text, &a, &length)) {
		writer_put(&w, address_octets(&a));
		if (strchr(text, '/') && a.family == AF_INET)
			write_mask(&w, length);
		else if (strchr(text, '/'))
			writer_u8(&w, length);
		value = writer_bytes(&w);
	}
	return ike_attributes_add(list, type, value) ||
	       why_fail(why, "it is too long, or there are too many");
}

bool ike_attributes_add_text(
	struct ike_attributes *list, const char *key, const char *text, struct why *why)
{
	char *end;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strcmp(key, names[i].name) == 0)
			return add_named(list, &names[i], text, why);
	if (strcmp(key, "split_dns") == 0)
		return add_domain(list, text, why);
	unsigned long number = strtoul(key, &end, 10);
	if (*key < '0' || *key > '9' || *end || number > 0x7fff)
		return why_fail(why, "there is no attribute '%s'", key);
	if (number == IKE_ATTRIBUTE_DNS_DOMAIN)
		return add_domain(list, text, why);
	return add_number(list, (uint16_t)number, text, why);
}
