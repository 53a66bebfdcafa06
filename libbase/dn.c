#include "libbase/dn.h"

#include <ctype.h>
#include <stdio.h>
#include <strings.h>

#define TAG_OID 0x06
#define TAG_UTF8 0x0c
#define TAG_PRINTABLE 0x13
#define TAG_T61 0x14
#define TAG_IA5 0x16
#define TAG_SEQUENCE 0x30
#define TAG_SET 0x31

struct attribute {
	const char *name;
	uint8_t oid_length;
	uint8_t oid[12];
	bool ia5; /* its values are IA5String */
};

/* The names that strongSwan 5.9.8 was seen to print and to read; of several for one OID it prints
 * the first. A name that it does not know makes its text a key id there, so this list is not
 * extended lightly. */
static const struct attribute attributes[] = {
	{ "C", 3, { 0x55, 4, 6 }, false },
	{ "O", 3, { 0x55, 4, 10 }, false },
	{ "OU", 3, { 0x55, 4, 11 }, false },
	{ "CN", 3, { 0x55, 4, 3 }, false },
	{ "ST", 3, { 0x55, 4, 8 }, false },
	{ "L", 3, { 0x55, 4, 7 }, false },
	{ "SN", 3, { 0x55, 4, 4 }, false }, /* surname */
	{ "serialNumber", 3, { 0x55, 4, 5 }, false },
	{ "STREET", 3, { 0x55, 4, 9 }, false },
	{ "T", 3, { 0x55, 4, 12 }, false },
	{ "D", 3, { 0x55, 4, 13 }, false },
	{ "postalCode", 3, { 0x55, 4, 17 }, false },
	{ "N", 3, { 0x55, 4, 41 }, false },
	{ "G", 3, { 0x55, 4, 42 }, false },
	{ "I", 3, { 0x55, 4, 43 }, false },
	{ "ID", 3, { 0x55, 4, 45 }, false },
	{ "dnQualifier", 3, { 0x55, 4, 46 }, false },
	{ "E", 9, { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1 }, true },
	{ "EMAIL", 9, { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1 }, true },
	{ "emailAddress", 9, { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1 }, true },
	{ "unstructuredName", 9, { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 2 }, true },
	{ "unstructuredAddress", 9, { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 8 }, false },
	{ "DC", 10, { 9, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 25 }, false },
	{ "UID", 10, { 9, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 1 }, false },
	{ "employeeNumber", 10, { 0x60, 0x86, 0x48, 1, 0x86, 0xf8, 0x42, 3, 1, 3 }, false },
	{ "TCGID", 12, { 0x2b, 6, 1, 4, 1, 0x89, 0x31, 1, 1, 2, 2, 0x4b }, false },
	{ "EN", 10, { 0x60, 0x86, 0x48, 1, 0x86, 0xf8, 0x42, 3, 1, 3 }, false },
};

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* ---- Walking ---- */

/* Tag and length of one TLV, and a reader over its contents. */
static struct reader read_tlv(struct reader *r, uint8_t *ret_tag)
{
	*ret_tag = reader_u8(r);
	size_t length = reader_u8(r);

	if (length == 0x81)
		length = reader_u8(r);
	else if (length == 0x82)
		length = reader_u16(r);
	else if (length >= 0x80) /* indefinite, or longer than any ID payload */
		length = SIZE_MAX;
	return reader_part(r, length);
}

struct dn_walk dn_walk_begin(struct bytes der)
{
	struct reader r = reader_of(der);
	uint8_t tag;
	struct reader names = read_tlv(&r, &tag);

	if (tag != TAG_SEQUENCE || !reader_end(&r))
		names = (struct reader){ .bad = true };
	return (struct dn_walk){ .names = names };
}

static bool walk_failed(struct dn_walk *walk)
{
	walk->names = (struct reader){ .bad = true };
	walk->set = (struct reader){ 0 };
	return false;
}

bool dn_walk_next(struct dn_walk *walk, struct dn_rdn *ret)
{
	uint8_t tag, oid_tag;
	struct dn_rdn rdn;

	if (!reader_more(&walk->set)) {
		if (!reader_more(&walk->names))
			return false;
		walk->set = read_tlv(&walk->names, &tag);
		if (tag != TAG_SET || !reader_more(&walk->set))
			return walk_failed(walk);
	}
	struct reader pair = read_tlv(&walk->set, &tag);
	struct reader oid = read_tlv(&pair, &oid_tag);
	struct reader value = read_tlv(&pair, &rdn.tag);
	if (tag != TAG_SEQUENCE || oid_tag != TAG_OID || !reader_more(&oid) || !reader_end(&pair))
		return walk_failed(walk);
	rdn.oid = reader_rest(&oid);
	rdn.value = reader_rest(&value);
	*ret = rdn;
	return true;
}

bool dn_is_valid(struct bytes der)
{
	struct dn_walk walk = dn_walk_begin(der);
	struct dn_rdn rdn;

	while (dn_walk_next(&walk, &rdn))
		;
	return reader_end(&walk.names);
}

/* ---- Comparing ---- */

static bool is_wildcard(const struct dn_rdn *rdn)
{
	return rdn->value.length == 1 && rdn->value.at[0] == '*';
}

static bool is_ascii_superset(uint8_t tag)
{
	return tag == TAG_UTF8 || tag == TAG_PRINTABLE || tag == TAG_T61 || tag == TAG_IA5;
}

/* Without case where the string type has ASCII letters (RFC 5280 7.1); the type itself does not
 * count, because what one side wrote as PrintableString the other writes as UTF8String. */
static bool value_equal(const struct dn_rdn *a, const struct dn_rdn *b)
{
	if (!is_ascii_superset(a->tag) || !is_ascii_superset(b->tag))
		return a->tag == b->tag && bytes_equal(a->value, b->value);
	if (a->value.length != b->value.length)
		return false;
	for (size_t i = 0; i < a->value.length; i++)
		if (tolower(a->value.at[i]) != tolower(b->value.at[i]))
			return false;
	return true;
}

bool dn_matches(struct bytes name, struct bytes pattern, unsigned *ret_wildcards)
{
	struct dn_walk name_walk = dn_walk_begin(name);
	struct dn_walk pattern_walk = dn_walk_begin(pattern);
	struct dn_rdn rdn, wanted;

	*ret_wildcards = 0;
	while (dn_walk_next(&pattern_walk, &wanted)) {
		if (!dn_walk_next(&name_walk, &rdn) || !bytes_equal(rdn.oid, wanted.oid))
			return false;
		if (value_equal(&rdn, &wanted))
			continue;
		if (!is_wildcard(&wanted))
			return false;
		++*ret_wildcards;
	}
	return !dn_walk_next(&name_walk, &rdn) && reader_end(&name_walk.names) &&
	       reader_end(&pattern_walk.names);
}

bool dn_has_wildcard(struct bytes der)
{
	struct dn_walk walk = dn_walk_begin(der);
	struct dn_rdn rdn;

	while (dn_walk_next(&walk, &rdn))
		if (is_wildcard(&rdn))
			return true;
	return false;
}

/* ---- Writing ---- */

static const char *name_of(struct bytes oid)
{
	for (size_t i = 0; i < COUNT(attributes); i++)
		if (bytes_equal(oid, bytes_of(attributes[i].oid, attributes[i].oid_length)))
			return attributes[i].name;
	return NULL;
}

static void add_char(char *text, size_t text_size, size_t *used, uint8_t octet)
{
	if (*used + 1 >= text_size)
		return;
	text[(*used)++] = octet >= ' ' && octet < 0x7f ? (char)octet : '?';
}

static void add_text(char *text, size_t text_size, size_t *used, const char *more)
{
	for (; *more; more++)
		add_char(text, text_size, used, (uint8_t)*more);
}

void dn_format(struct bytes der, char *text, size_t text_size)
{
	struct dn_walk walk = dn_walk_begin(der);
	struct dn_rdn rdn;
	const char *separator = "";
	size_t used = 0;

	while (dn_walk_next(&walk, &rdn)) {
		const char *name = name_of(rdn.oid);

		add_text(text, text_size, &used, separator);
		separator = ", ";
		if (name)
			add_text(text, text_size, &used, name);
		for (size_t i = 0; !name && i < rdn.oid.length; i++) {
			char octet[4];

			snprintf(octet, sizeof(octet), i == 0 ? "%02x" : ":%02x", rdn.oid.at[i]);
			add_text(text, text_size, &used, octet);
		}
		add_text(text, text_size, &used, "=");
		for (size_t i = 0; i < rdn.value.length; i++)
			add_char(text, text_size, &used, rdn.value.at[i]);
	}
	if (text_size > 0)
		text[used] = '\0';
}

/* ---- From text ---- */

static const struct attribute *find_attribute(struct bytes name)
{
	for (size_t i = 0; i < COUNT(attributes); i++)
		if (strlen(attributes[i].name) == name.length &&
			strncasecmp(attributes[i].name, (const char *)name.at, name.length) == 0)
			return &attributes[i];
	return NULL;
}

static bool is_printable_string(struct bytes value)
{
	for (size_t i = 0; i < value.length; i++)
		if (!isascii(value.at[i]) ||
			(!isalnum(value.at[i]) && !memchr(" '()+,-./:=?", value.at[i], 12)))
			return false;
	return true;
}

static struct bytes trim(struct bytes b)
{
	while (b.length > 0 && isspace(b.at[0]))
		b = bytes_of(b.at + 1, b.length - 1);
	while (b.length > 0 && isspace(b.at[b.length - 1]))
		b.length--;
	return b;
}

static size_t tlv_size(size_t length)
{
	return length + (length < 0x80 ? 2 : length < 0x100 ? 3 : 4);
}

static void write_head(struct writer *w, uint8_t tag, size_t length)
{
	if (length > UINT16_MAX)
		w->bad = true;
	writer_u8(w, tag);
	if (length >= 0x100) {
		writer_u8(w, 0x82);
		writer_u16(w, (uint16_t)length);
		return;
	}
	if (length >= 0x80)
		writer_u8(w, 0x81);
	writer_u8(w, (uint8_t)length);
}

static void write_rdn(struct writer *w, const struct attribute *attribute, struct bytes value)
{
	uint8_t tag = attribute->ia5               ? TAG_IA5
		      : is_printable_string(value) ? TAG_PRINTABLE
						   : TAG_UTF8;
	size_t pair = tlv_size(attribute->oid_length) + tlv_size(value.length);

	write_head(w, TAG_SET, tlv_size(pair));
	write_head(w, TAG_SEQUENCE, pair);
	write_head(w, TAG_OID, attribute->oid_length);
	writer_put(w, bytes_of(attribute->oid, attribute->oid_length));
	write_head(w, tag, value.length);
	writer_put(w, value);
}

/* Writes all attributes of the text; none may be empty but one that follows the last separator. */
static bool write_rdns(const char *text, struct writer *w)
{
	char separator = *text == '/' ? '/' : ',';

	if (*text == '/')
		text++;
	do {
		const char *end = strchr(text, separator);
		struct bytes part = { (const uint8_t *)text,
			end ? (size_t)(end - text) : strlen(text) };
		const uint8_t *equals = part.length > 0 ? memchr(part.at, '=', part.length) : NULL;

		if (!equals)
			return !end && trim(part).length == 0 && w->length > 0;
		size_t name_length = (size_t)(equals - part.at);
		const struct attribute *attribute =
			find_attribute(trim(bytes_of(part.at, name_length)));
		if (!attribute)
			return false;
		write_rdn(w, attribute, trim(bytes_of(equals + 1, part.length - name_length - 1)));
		text = end ? end + 1 : NULL;
	} while (text);
	return true;
}

bool dn_parse(const char *text, struct writer *w)
{
	uint8_t room[4096];
	struct writer rdns = writer_of(room, sizeof(room));

	if (!write_rdns(text, &rdns) || rdns.bad)
		return false;
	write_head(w, TAG_SEQUENCE, rdns.length);
	writer_put(w, writer_bytes(&rdns));
	return !w->bad;
}
