/* The text forms of identities, as strongSwan 5.9.8 was seen to read and to print them. */
#include "libbase/dn.h"
#include "libike/base/identity_priv.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

/* strongSwan prints key ids of this length as hex even when they could be text: most are SHA-1
 * digests of public keys. */
#define DIGEST_LENGTH 20

struct prefix {
	const char *name;
	uint8_t type;
};

static const struct prefix prefixes[] = {
	{ "ipv4:", IKE_ID_IPV4_ADDR },
	{ "ipv6:", IKE_ID_IPV6_ADDR },
	{ "ipv4net:", IKE_ID_IPV4_ADDR_SUBNET },
	{ "ipv6net:", IKE_ID_IPV6_ADDR_SUBNET },
	{ "ipv4range:", IKE_ID_IPV4_ADDR_RANGE },
	{ "ipv6range:", IKE_ID_IPV6_ADDR_RANGE },
	{ "rfc822:", IKE_ID_RFC822_ADDR },
	{ "email:", IKE_ID_RFC822_ADDR },
	{ "userfqdn:", IKE_ID_RFC822_ADDR },
	{ "fqdn:", IKE_ID_FQDN },
	{ "dns:", IKE_ID_FQDN },
	{ "asn1dn:", IKE_ID_DER_ASN1_DN },
	{ "asn1gn:", IKE_ID_DER_ASN1_GN },
	{ "keyid:", IKE_ID_KEY_ID },
};

/* ---- From text ---- */

static bool is_any(const char *text)
{
	static const char *const forms[] = { "", "%any", "%any6", "*", "0.0.0.0", "::", "0::0" };

	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++)
		if (strcmp(text, forms[i]) == 0)
			return true;
	return false;
}

/* NULL with a reason where memory or the octets are to blame. */
static struct ike_identity *checked(uint8_t type, struct bytes octets, struct why *why)
{
	struct ike_identity *id = ike_identity_from_wire(type, octets);

	if (!id)
		why_fail(why, "%zu octets that are no identity of type %u", octets.length, type);
	return id;
}

static bool is_hex(const char *text)
{
	return text[strspn(text, ":0123456789abcdefABCDEF")] == '\0';
}

/* "0a0b", "0a:0b"; an odd digit at the start counts as one octet. */
static struct ike_identity *parse_hex(uint8_t type, const char *text, struct why *why)
{
	uint8_t *octets;
	size_t digits = 0, length = 0;
	struct ike_identity *id;

	for (const char *c = text; *c; c++)
		digits += *c != ':';
	if (!is_hex(text) || digits == 0) {
		why_fail(why, "'#' asks for hexadecimal digits, not '%s'", text);
		return NULL;
	}
	octets = calloc(1, digits / 2 + 1);
	if (!octets)
		return NULL;
	for (const char *c = text; *c; c++) {
		if (*c == ':')
			continue;
		int value = isdigit((unsigned char)*c) ? *c - '0' : tolower(*c) - 'a' + 10;
		octets[length] = (uint8_t)(octets[length] << 4 | value);
		if (--digits % 2 == 0)
			length++;
	}
	id = checked(type, bytes_of(octets, length), why);
	free(octets);
	return id;
}

static bool parse_address(const char *text, struct address *ret)
{
	return !strchr(text, '%') && address_parse(text, ret);
}

enum form {
	FORM_ADDRESS, /* an identity, or NULL with a reason: it looks like one and is wrong */
	FORM_OTHER,
};

static enum form parse_subnet(
	const char *left, const char *right, struct ike_identity **ret, struct why *why)
{
	struct address network;
	uint8_t octets[32] = { 0 };
	char *end;

	if (!parse_address(left, &network))
		return FORM_OTHER;
	size_t size = address_size(&network);
	unsigned long bits = strtoul(right, &end, 10);
	*ret = NULL;
	if (!isdigit((unsigned char)*right) || *end || bits > 8 * size) {
		why_fail(why, "'/%s' is no prefix length", right);
		return FORM_ADDRESS;
	}
	for (size_t bit = 0; bit < bits; bit++)
		octets[size + bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	for (size_t i = 0; i < size; i++)
		octets[i] = network.octets[i] & octets[size + i];
	*ret = checked(size == 4 ? IKE_ID_IPV4_ADDR_SUBNET : IKE_ID_IPV6_ADDR_SUBNET,
		bytes_of(octets, 2 * size), why);
	return FORM_ADDRESS;
}

static enum form parse_range(
	const char *left, const char *right, struct ike_identity **ret, struct why *why)
{
	struct address from, to;
	uint8_t octets[32];

	if (!parse_address(left, &from) || !parse_address(right, &to))
		return FORM_OTHER;
	size_t size = address_size(&from);
	*ret = NULL;
	if (from.family != to.family || address_compare(&from, &to) > 0) {
		why_fail(why, "the range mixes families or ends before it starts");
		return FORM_ADDRESS;
	}
	memcpy(octets, from.octets, size);
	memcpy(octets + size, to.octets, size);
	*ret = checked(size == 4 ? IKE_ID_IPV4_ADDR_RANGE : IKE_ID_IPV6_ADDR_RANGE,
		bytes_of(octets, 2 * size), why);
	return FORM_ADDRESS;
}

/* Addresses, networks and ranges of either family. */
static enum form parse_addresses(const char *text, struct ike_identity **ret, struct why *why)
{
	char left[ADDRESS_TEXT_MAX];
	struct address host;
	size_t length = strcspn(text, "/-");

	if (text[length] == '\0') {
		if (!parse_address(text, &host))
			return FORM_OTHER;
		*ret = ike_identity_of_address(&host);
		return FORM_ADDRESS;
	}
	if (length >= sizeof(left))
		return FORM_OTHER;
	memcpy(left, text, length);
	left[length] = '\0';
	return text[length] == '/' ? parse_subnet(left, text + length + 1, ret, why)
				   : parse_range(left, text + length + 1, ret, why);
}

static struct ike_identity *parse_dn(const char *text)
{
	uint8_t room[4096 + 4];
	struct writer w = writer_of(room, sizeof(room));

	return dn_parse(text, &w) ? ike_identity_new(IKE_ID_DER_ASN1_DN, writer_bytes(&w)) : NULL;
}

/* The text behind a prefix that says the type. */
static struct ike_identity *parse_typed(uint8_t type, const char *text, struct why *why)
{
	struct ike_identity *id = NULL;

	if (*text == '#')
		return parse_hex(type, text + 1, why);
	switch (type) {
	case IKE_ID_ANY:
		return ike_identity_new(IKE_ID_ANY, (struct bytes){ 0 });
	case IKE_ID_IPV4_ADDR:
	case IKE_ID_IPV6_ADDR:
	case IKE_ID_IPV4_ADDR_SUBNET:
	case IKE_ID_IPV6_ADDR_SUBNET:
	case IKE_ID_IPV4_ADDR_RANGE:
	case IKE_ID_IPV6_ADDR_RANGE:
		if (parse_addresses(text, &id, why) == FORM_OTHER || (id && id->type != type)) {
			why_fail(why, "'%s' is not what its prefix says", text);
			ike_identity_free(id);
			return NULL;
		}
		return id;
	case IKE_ID_DER_ASN1_DN:
		id = parse_dn(text);
		if (!id)
			why_fail(why, "'%s' is no distinguished name", text);
		return id;
	default:
		return checked(type, bytes_of_text(text), why);
	}
}

/* "{2}:moon": the type by number. */
static bool parse_number_prefix(const char *text, uint8_t *ret_type, const char **ret_rest)
{
	char *end;

	if (*text != '{' || !isdigit((unsigned char)text[1]))
		return false;
	unsigned long type = strtoul(text + 1, &end, 0);
	if (strncmp(end, "}:", 2) != 0 || type > UINT8_MAX)
		return false;
	*ret_type = (uint8_t)type;
	*ret_rest = end + 2;
	return true;
}

static bool find_prefix(const char *text, uint8_t *ret_type, const char **ret_rest)
{
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(*prefixes); i++) {
		size_t length = strlen(prefixes[i].name);

		if (strncasecmp(text, prefixes[i].name, length) == 0) {
			*ret_type = prefixes[i].type;
			*ret_rest = text + length;
			return true;
		}
	}
	return parse_number_prefix(text, ret_type, ret_rest);
}

/* The type from how the text looks. */
static struct ike_identity *parse_untyped(const char *text, struct why *why)
{
	struct ike_identity *id = NULL;

	if (strchr(text, '=')) {
		id = parse_dn(text);
		return id ? id : checked(IKE_ID_KEY_ID, bytes_of_text(text), why);
	}
	if (text[0] == '@' && text[1] == '#')
		return parse_hex(IKE_ID_KEY_ID, text + 2, why);
	if (text[0] == '@' && text[1] == '@')
		return checked(IKE_ID_RFC822_ADDR, bytes_of_text(text + 2), why);
	if (text[0] == '@')
		return checked(IKE_ID_FQDN, bytes_of_text(text + 1), why);
	if (strchr(text, '@'))
		return checked(IKE_ID_RFC822_ADDR, bytes_of_text(text), why);
	if (parse_addresses(text, &id, why) == FORM_ADDRESS)
		return id;
	return checked(strchr(text, ':') ? IKE_ID_KEY_ID : IKE_ID_FQDN, bytes_of_text(text), why);
}

struct ike_identity *ike_identity_parse(const char *text, struct why *why)
{
	struct ike_identity *id;
	const char *rest;
	uint8_t type;

	if (is_any(text))
		return ike_identity_new(IKE_ID_ANY, (struct bytes){ 0 });
	why_fail(why, "out of memory"); /* what is left when nothing else was said */
	/* To strongSwan a general name; it would pass for an e-mail address here. */
	if (strncasecmp(text, "xmppaddr:", strlen("xmppaddr:")) == 0) {
		why_fail(why, "identity '%s': xmppaddr: is not supported", text);
		return NULL;
	}
	if (find_prefix(text, &type, &rest))
		id = parse_typed(type, rest, why);
	else
		id = parse_untyped(text, why);
	if (!id)
		why_prefix(why, "identity '%s': ", text);
	return id;
}

/* ---- To text ---- */

static bool is_printable(struct bytes octets)
{
	for (size_t i = 0; i < octets.length; i++)
		if (octets.at[i] < ' ' || octets.at[i] >= 0x7f)
			return false;
	return true;
}

static void format_text(struct bytes octets, char *text)
{
	size_t length =
		octets.length < IKE_IDENTITY_TEXT_MAX ? octets.length : IKE_IDENTITY_TEXT_MAX - 1;

	for (size_t i = 0; i < length; i++)
		text[i] = is_printable(bytes_of(octets.at + i, 1)) ? (char)octets.at[i] : '?';
	text[length] = '\0';
}

static void format_hex(struct bytes octets, char *text)
{
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < octets.length && used + 4 <= IKE_IDENTITY_TEXT_MAX; i++)
		used += (size_t)snprintf(text + used, IKE_IDENTITY_TEXT_MAX - used,
			i == 0 ? "%02x" : ":%02x", octets.at[i]);
}

static const char *address_text(const uint8_t *octets, size_t size, char text[ADDRESS_TEXT_MAX])
{
	struct address a;

	if (!address_from_octets(bytes_of(octets, size), 0, &a))
		a = (struct address){ 0 };
	return address_format(&a, text);
}

static unsigned mask_bits(const uint8_t *mask, size_t size)
{
	unsigned bits = 0;

	while (bits < 8 * size && mask[bits / 8] & 0x80 >> bits % 8)
		bits++;
	return bits;
}

static void format_addresses(const struct ike_identity *id, char *text)
{
	char from[ADDRESS_TEXT_MAX], to[ADDRESS_TEXT_MAX];
	bool one = id->type == IKE_ID_IPV4_ADDR || id->type == IKE_ID_IPV6_ADDR;
	size_t size = one ? id->length : id->length / 2u;

	address_text(id->octets, size, from);
	if (one)
		snprintf(text, IKE_IDENTITY_TEXT_MAX, "%s", from);
	else if (id->type == IKE_ID_IPV4_ADDR_SUBNET || id->type == IKE_ID_IPV6_ADDR_SUBNET)
		snprintf(text, IKE_IDENTITY_TEXT_MAX, "%s/%u", from,
			mask_bits(id->octets + size, size));
	else
		snprintf(text, IKE_IDENTITY_TEXT_MAX, "%s-%s", from,
			address_text(id->octets + size, size, to));
}

char *ike_identity_format(const struct ike_identity *id, char text[IKE_IDENTITY_TEXT_MAX])
{
	struct bytes octets = { id->octets, id->length };

	switch (id->type) {
	case IKE_ID_ANY:
		snprintf(text, IKE_IDENTITY_TEXT_MAX, "%%any");
		break;
	case IKE_ID_IPV4_ADDR:
	case IKE_ID_IPV6_ADDR:
	case IKE_ID_IPV4_ADDR_SUBNET:
	case IKE_ID_IPV6_ADDR_SUBNET:
	case IKE_ID_IPV4_ADDR_RANGE:
	case IKE_ID_IPV6_ADDR_RANGE:
		format_addresses(id, text);
		break;
	case IKE_ID_FQDN:
	case IKE_ID_RFC822_ADDR:
		format_text(octets, text);
		break;
	case IKE_ID_DER_ASN1_DN:
		dn_format(octets, text, IKE_IDENTITY_TEXT_MAX);
		break;
	case IKE_ID_DER_ASN1_GN:
		snprintf(text, IKE_IDENTITY_TEXT_MAX, "(ASN.1 general name)");
		break;
	case IKE_ID_KEY_ID:
		if (id->length != DIGEST_LENGTH && is_printable(octets))
			format_text(octets, text);
		else
			format_hex(octets, text);
		break;
	default:
		snprintf(text, IKE_IDENTITY_TEXT_MAX, "(unknown ID type: %u)", id->type);
	}
	return text;
}
