/* Payloads, built (RFC 7296 3.2 to 3.16). */
#include "libike/wire/build.h"

#include <netinet/in.h>

#define ATTRIBUTE_KEY_LENGTH 0x800e /* TV format */
#define TS_IPV4_ADDR_RANGE 7
#define TS_IPV6_ADDR_RANGE 8

void ike_builder_begin(struct ike_builder *b, void *room, size_t capacity)
{
	*b = (struct ike_builder){ .writer = writer_of(room, capacity) };
}

size_t ike_build_open(struct ike_builder *b, uint8_t type)
{
	size_t mark = b->writer.length;

	if (b->linked)
		writer_patch_u8(&b->writer, b->link, type);
	else
		b->first = type;
	b->linked = true;
	b->link = mark;
	writer_u8(&b->writer, IKE_PAYLOAD_NONE);
	writer_u8(&b->writer, 0);  /* the critical bit is never set for what RFC 7296 defines */
	writer_u16(&b->writer, 0); /* the length: ike_build_close() */
	return mark;
}

/* Fills the length field two octets behind mark: that of payloads, proposals, transforms and
 * selectors alike. */
static void close_length(struct writer *w, size_t mark)
{
	if (w->bad || w->length - mark > UINT16_MAX) {
		w->bad = true;
		return;
	}
	writer_patch_u16(w, mark + 2, (uint16_t)(w->length - mark));
}

void ike_build_close(struct ike_builder *b, size_t mark)
{
	close_length(&b->writer, mark);
}

static bool is_left_out(const struct ike_transform *t, bool without_group)
{
	return without_group && ike_transform_makes_keys(t->type);
}

static void write_transform(struct writer *w, const struct ike_transform *t, bool last)
{
	size_t mark = w->length;

	writer_u8(w, last ? 0 : 3);
	writer_u8(w, 0);
	writer_u16(w, 0);
	writer_u8(w, t->type);
	writer_u8(w, 0);
	writer_u16(w, t->id);
	if (t->key_bits > 0) {
		writer_u16(w, ATTRIBUTE_KEY_LENGTH);
		writer_u16(w, t->key_bits);
	}
	close_length(w, mark);
}

static void write_proposal(struct writer *w, const struct ike_proposal *p, uint8_t number,
	bool last, struct bytes spi, bool without_group)
{
	size_t mark = w->length;
	unsigned count = 0;

	for (size_t i = 0; i < p->count; i++)
		count += !is_left_out(&p->transforms[i], without_group);
	writer_u8(w, last ? 0 : 2);
	writer_u8(w, 0);
	writer_u16(w, 0);
	writer_u8(w, number);
	writer_u8(w, p->protocol);
	writer_u8(w, (uint8_t)spi.length);
	writer_u8(w, (uint8_t)count);
	writer_put(w, spi);
	for (size_t i = 0; i < p->count; i++)
		if (!is_left_out(&p->transforms[i], without_group))
			write_transform(w, &p->transforms[i], --count == 0);
	close_length(w, mark);
}

void ike_build_sa(struct ike_builder *b, const struct ike_proposal *items, size_t count,
	struct bytes spi, bool without_group)
{
	size_t mark = ike_build_open(b, IKE_PAYLOAD_SA);

	if (spi.length > UINT8_MAX || count > UINT8_MAX)
		b->writer.bad = true;
	for (size_t i = 0; i < count && !b->writer.bad; i++) {
		uint8_t number = items[i].number ? items[i].number : (uint8_t)(i + 1);

		write_proposal(&b->writer, &items[i], number, i + 1 == count, spi, without_group);
	}
	ike_build_close(b, mark);
}

void ike_build_ke(struct ike_builder *b, uint16_t group, struct bytes public_value)
{
	size_t mark = ike_build_open(b, IKE_PAYLOAD_KE);

	writer_u16(&b->writer, group);
	writer_u16(&b->writer, 0);
	writer_put(&b->writer, public_value);
	ike_build_close(b, mark);
}

void ike_build_nonce(struct ike_builder *b, struct bytes nonce)
{
	size_t mark = ike_build_open(b, IKE_PAYLOAD_NONCE);

	writer_put(&b->writer, nonce);
	ike_build_close(b, mark);
}

/* One octet of type, three reserved: the start of ID, AUTH and CP. */
static void write_type(struct writer *w, uint8_t type)
{
	writer_u8(w, type);
	writer_u8(w, 0);
	writer_u16(w, 0);
}

void ike_build_id(struct ike_builder *b, uint8_t payload_type, const struct ike_identity *id)
{
	size_t mark = ike_build_open(b, payload_type);

	if (id->type == IKE_ID_ANY) /* a pattern, not a claim */
		b->writer.bad = true;
	write_type(&b->writer, id->type);
	writer_put(&b->writer, bytes_of(id->octets, id->length));
	ike_build_close(b, mark);
}

void ike_build_auth(struct ike_builder *b, uint8_t method, struct bytes data)
{
	size_t mark = ike_build_open(b, IKE_PAYLOAD_AUTH);

	write_type(&b->writer, method);
	writer_put(&b->writer, data);
	ike_build_close(b, mark);
}

void ike_build_cert(
	struct ike_builder *b, uint8_t payload_type, uint8_t encoding, struct bytes data)
{
	size_t mark = ike_build_open(b, payload_type);

	writer_u8(&b->writer, encoding);
	writer_put(&b->writer, data);
	ike_build_close(b, mark);
}

void ike_build_notify(struct ike_builder *b, uint16_t type, struct bytes data)
{
	ike_build_notify_spi(b, type, IKE_PROTOCOL_NONE, (struct bytes){ 0 }, data);
}

void ike_build_notify_spi(
	struct ike_builder *b, uint16_t type, uint8_t protocol, struct bytes spi, struct bytes data)
{
	size_t mark = ike_build_open(b, IKE_PAYLOAD_NOTIFY);

	if (spi.length > UINT8_MAX)
		b->writer.bad = true;
	writer_u8(&b->writer, protocol);
	writer_u8(&b->writer, (uint8_t)spi.length);
	writer_u16(&b->writer, type);
	writer_put(&b->writer, spi);
	writer_put(&b->writer, data);
	ike_build_close(b, mark);
}

void ike_build_delete(struct ike_builder *b, uint8_t protocol, const uint32_t *spis, size_t count)
{
	size_t mark = ike_build_open(b, IKE_PAYLOAD_DELETE);
	bool is_ike = protocol == IKE_PROTOCOL_IKE;

	if (count > UINT16_MAX || (is_ike && count > 0))
		b->writer.bad = true;
	writer_u8(&b->writer, protocol);
	writer_u8(&b->writer, is_ike ? 0 : 4);
	writer_u16(&b->writer, (uint16_t)count);
	for (size_t i = 0; i < count && !b->writer.bad; i++)
		writer_u32(&b->writer, spis[i]);
	ike_build_close(b, mark);
}

static void write_selector(struct writer *w, const struct ike_selector *s)
{
	size_t mark = w->length;
	size_t size = s->family == AF_INET ? 4 : 16;

	if (s->family != AF_INET && s->family != AF_INET6) /* dynamic, never resolved */
		w->bad = true;
	writer_u8(w, s->family == AF_INET ? TS_IPV4_ADDR_RANGE : TS_IPV6_ADDR_RANGE);
	writer_u8(w, s->protocol);
	writer_u16(w, 0);
	writer_u16(w, s->port_from);
	writer_u16(w, s->port_to);
	writer_put(w, bytes_of(s->from, size));
	writer_put(w, bytes_of(s->to, size));
	close_length(w, mark);
}

void ike_build_ts(
	struct ike_builder *b, uint8_t payload_type, const struct ike_selector *list, size_t count)
{
	size_t mark = ike_build_open(b, payload_type);

	if (count == 0 || count > UINT8_MAX)
		b->writer.bad = true;
	write_type(&b->writer, (uint8_t)count);
	for (size_t i = 0; i < count && !b->writer.bad; i++)
		write_selector(&b->writer, &list[i]);
	ike_build_close(b, mark);
}

void ike_build_vendor(struct ike_builder *b, struct bytes data)
{
	size_t mark = ike_build_open(b, IKE_PAYLOAD_VENDOR_ID);

	writer_put(&b->writer, data);
	ike_build_close(b, mark);
}

void ike_build_eap(struct ike_builder *b, struct bytes packet)
{
	size_t mark = ike_build_open(b, IKE_PAYLOAD_EAP);

	writer_put(&b->writer, packet);
	ike_build_close(b, mark);
}

void ike_build_configuration(struct ike_builder *b, uint8_t type, struct bytes attributes)
{
	size_t mark = ike_build_open(b, IKE_PAYLOAD_CONFIGURATION);

	write_type(&b->writer, type);
	writer_put(&b->writer, attributes);
	ike_build_close(b, mark);
}
