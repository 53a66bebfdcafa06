/* Payloads of IKEv1, built (RFC 2408 3, RFC 2407 4.6, RFC 3947). */
#include "libike/wire/isakmp_priv.h"

#include <netinet/in.h>

#define DOI_IPSEC 1
#define SITUATION_IDENTITY_ONLY 1
#define COOKIES_LENGTH 16
/* RFC 2407 4.6.2.1 */
#define ID_IPV4_ADDR 1
#define ID_IPV4_ADDR_SUBNET 4
#define ID_IPV6_ADDR 5
#define ID_IPV6_ADDR_SUBNET 6
#define ID_IPV4_ADDR_RANGE 7
#define ID_IPV6_ADDR_RANGE 8

/* ---- SA ---- */

static void write_transform(struct writer *w, int phase, uint8_t number, bool last,
	const struct isakmp_offer *offer, const struct isakmp_said *said)
{
	size_t mark = w->length;

	writer_u8(w, last ? ISAKMP_PAYLOAD_NONE : ISAKMP_PAYLOAD_TRANSFORM);
	writer_u8(w, 0);
	writer_u16(w, 0);
	writer_u8(w, number);
	writer_u8(w, said ? isakmp_transform_id(phase, &offer->suite) : offer->transform_id);
	writer_u16(w, 0);
	if (said)
		isakmp_transform_write(w, &offer->suite, said);
	else
		writer_put(w, offer->attributes);
	if (!w->bad)
		writer_patch_u16(w, mark + 2, (uint16_t)(w->length - mark));
}

/* Its length is filled by close_proposal(). */
static size_t open_proposal(struct writer *w, bool last, uint8_t number, uint8_t protocol,
	struct bytes spi, size_t transforms)
{
	size_t mark = w->length;

	if (spi.length > UINT8_MAX || transforms > UINT8_MAX)
		w->bad = true;
	writer_u8(w, last ? ISAKMP_PAYLOAD_NONE : ISAKMP_PAYLOAD_PROPOSAL);
	writer_u8(w, 0);
	writer_u16(w, 0);
	writer_u8(w, number);
	writer_u8(w, protocol);
	writer_u8(w, (uint8_t)spi.length);
	writer_u8(w, (uint8_t)transforms);
	writer_put(w, spi);
	return mark;
}

static void close_proposal(struct writer *w, size_t mark)
{
	if (!w->bad)
		writer_patch_u16(w, mark + 2, (uint16_t)(w->length - mark));
}

static size_t open_sa(struct ike_builder *b)
{
	size_t mark = ike_build_open(b, ISAKMP_PAYLOAD_SA);

	writer_u32(&b->writer, DOI_IPSEC);
	writer_u32(&b->writer, SITUATION_IDENTITY_ONLY);
	return mark;
}

static size_t run_of_protocol(const struct isakmp_offer *offers, size_t count)
{
	size_t run = 1;

	while (run < count && offers[run].protocol == offers[0].protocol)
		run++;
	return run;
}

/* IPComp beside the proposal of that number; chosen: the answer repeats what came. */
static void write_compression(struct writer *w, bool last, uint8_t number, uint16_t cpi,
	const struct isakmp_offer *chosen, const struct isakmp_said *said)
{
	const uint8_t spi[2] = { (uint8_t)(cpi >> 8), (uint8_t)cpi };
	struct isakmp_offer deflate = { .transform = 1,
		.suite.protocol = ISAKMP_PROTOCOL_IPCOMP,
		.transform_id = ISAKMP_DEFLATE };
	size_t proposal = open_proposal(
		w, last, number, ISAKMP_PROTOCOL_IPCOMP, bytes_of(spi, sizeof(spi)), 1);

	if (chosen) {
		deflate.transform = chosen->cpi_transform;
		deflate.attributes = chosen->cpi_attributes;
	}
	write_transform(w, 2, deflate.transform, true, &deflate, said);
	close_proposal(w, proposal);
}

/* All offers once; cpi: beside IPComp. *number: of the next proposal. more: others follow. */
static void write_offers(struct writer *w, const struct isakmp_offer *offers, size_t count,
	struct bytes spi, const struct isakmp_said *said, uint16_t cpi, bool more, uint8_t *number)
{
	int phase = count > 0 && offers[0].protocol == ISAKMP_PROTOCOL_ISAKMP ? 1 : 2;

	for (size_t i = 0; i < count && !w->bad; ++*number) {
		size_t run = run_of_protocol(offers + i, count - i);
		bool last = i + run == count && !more;
		size_t proposal =
			open_proposal(w, last && !cpi, *number, offers[i].protocol, spi, run);

		for (size_t k = 0; k < run; k++)
			write_transform(
				w, phase, (uint8_t)(k + 1), k + 1 == run, &offers[i + k], said);
		close_proposal(w, proposal);
		if (cpi)
			write_compression(w, last, *number, cpi, NULL, said);
		i += run;
	}
}

void isakmp_build_sa(struct ike_builder *b, const struct isakmp_offer *offers, size_t count,
	struct bytes spi, const struct isakmp_said *said)
{
	size_t mark = open_sa(b);
	uint8_t number = 1;

	if (count == 0)
		b->writer.bad = true;
	if (said->cpi)
		write_offers(&b->writer, offers, count, spi, said, said->cpi, true, &number);
	write_offers(&b->writer, offers, count, spi, said, 0, false, &number);
	ike_build_close(b, mark);
}

void isakmp_build_sa_answer(
	struct ike_builder *b, const struct isakmp_offer *chosen, struct bytes spi, uint16_t cpi)
{
	size_t mark = open_sa(b);
	bool compressed = chosen->cpi && cpi;
	size_t proposal =
		open_proposal(&b->writer, !compressed, chosen->proposal, chosen->protocol, spi, 1);

	write_transform(&b->writer, 0, chosen->transform, true, chosen, NULL);
	close_proposal(&b->writer, proposal);
	if (compressed)
		write_compression(&b->writer, true, chosen->proposal, cpi, chosen, NULL);
	ike_build_close(b, mark);
}

/* ---- Bodies of octets ---- */

static void build(struct ike_builder *b, uint8_t type, struct bytes body)
{
	size_t mark = ike_build_open(b, type);

	writer_put(&b->writer, body);
	ike_build_close(b, mark);
}

void isakmp_build_ke(struct ike_builder *b, struct bytes public_value)
{
	build(b, ISAKMP_PAYLOAD_KE, public_value);
}

void isakmp_build_nonce(struct ike_builder *b, struct bytes nonce)
{
	build(b, ISAKMP_PAYLOAD_NONCE, nonce);
}

void isakmp_build_hash(struct ike_builder *b, struct bytes hash)
{
	build(b, ISAKMP_PAYLOAD_HASH, hash);
}

void isakmp_build_signature(struct ike_builder *b, struct bytes signature)
{
	build(b, ISAKMP_PAYLOAD_SIGNATURE, signature);
}

void isakmp_build_vendor(struct ike_builder *b, enum isakmp_vendor vendor)
{
	build(b, ISAKMP_PAYLOAD_VENDOR_ID, isakmp_vendor_id(vendor));
}

void isakmp_build_cert(
	struct ike_builder *b, uint8_t payload_type, uint8_t encoding, struct bytes data)
{
	size_t mark = ike_build_open(b, payload_type);

	writer_u8(&b->writer, encoding);
	writer_put(&b->writer, data);
	ike_build_close(b, mark);
}

void isakmp_build_nat_d(struct ike_builder *b, bool draft, const uint8_t *hash, size_t length)
{
	build(b, draft ? ISAKMP_PAYLOAD_NAT_D_DRAFT : ISAKMP_PAYLOAD_NAT_D, bytes_of(hash, length));
}

void isakmp_build_nat_oa(struct ike_builder *b, bool draft, const struct address *a)
{
	size_t mark =
		ike_build_open(b, draft ? ISAKMP_PAYLOAD_NAT_OA_DRAFT : ISAKMP_PAYLOAD_NAT_OA);

	writer_u8(&b->writer, a->family == AF_INET6 ? ID_IPV6_ADDR : ID_IPV4_ADDR);
	writer_u8(&b->writer, 0);
	writer_u16(&b->writer, 0);
	writer_put(&b->writer, address_octets(a));
	ike_build_close(b, mark);
}

/* ---- Identities and selectors ---- */

static void write_id(struct writer *w, uint8_t type, uint8_t protocol, uint16_t port)
{
	writer_u8(w, type);
	writer_u8(w, protocol);
	writer_u16(w, port);
}

void isakmp_build_id(struct ike_builder *b, const struct ike_identity *id, uint8_t protocol,
	uint16_t port, struct bytes *ret_body)
{
	size_t mark = ike_build_open(b, ISAKMP_PAYLOAD_ID), body = b->writer.length;

	if (id->type == IKE_ID_ANY) /* a pattern, not a claim */
		b->writer.bad = true;
	write_id(&b->writer, id->type, protocol, port);
	writer_put(&b->writer, bytes_of(id->octets, id->length));
	ike_build_close(b, mark);
	if (ret_body)
		*ret_body = b->writer.bad ? (struct bytes){ 0 }
					  : bytes_of(b->writer.at + body, b->writer.length - body);
}

struct ike_identity *isakmp_id_to_identity(const struct isakmp_id *id)
{
	return ike_identity_from_wire(id->type, id->octets);
}

static void write_mask(struct writer *w, size_t size, unsigned prefix_length)
{
	for (size_t i = 0; i < size; i++) {
		unsigned bits = prefix_length >= 8 ? 8 : prefix_length;

		writer_u8(w, (uint8_t)(0xff00u >> bits));
		prefix_length -= bits;
	}
}

void isakmp_build_id_selector(struct ike_builder *b, const struct ike_selector *selector)
{
	size_t mark = ike_build_open(b, ISAKMP_PAYLOAD_ID);
	bool six = selector->family == AF_INET6;
	size_t size = six ? 16 : 4;
	/* A range of ports cannot be said: the first alone. */
	bool any_port = selector->port_from == 0 && selector->port_to == UINT16_MAX;
	uint16_t port = any_port ? 0 : selector->port_from;
	struct address network;
	uint8_t length;

	if (!ike_selector_prefix(selector, &network, &length)) {
		write_id(&b->writer, six ? ID_IPV6_ADDR_RANGE : ID_IPV4_ADDR_RANGE,
			selector->protocol, port);
		writer_put(&b->writer, bytes_of(selector->from, size));
		writer_put(&b->writer, bytes_of(selector->to, size));
	} else if (length == 8 * size) {
		write_id(&b->writer, six ? ID_IPV6_ADDR : ID_IPV4_ADDR, selector->protocol, port);
		writer_put(&b->writer, bytes_of(selector->from, size));
	} else {
		write_id(&b->writer, six ? ID_IPV6_ADDR_SUBNET : ID_IPV4_ADDR_SUBNET,
			selector->protocol, port);
		writer_put(&b->writer, bytes_of(selector->from, size));
		write_mask(&b->writer, size, length);
	}
	ike_build_close(b, mark);
}

static bool read_range(const struct isakmp_id *id, size_t size, struct ike_selector *ret)
{
	struct reader r = reader_of(id->octets);

	bytes_copy(ret->from, reader_bytes(&r, size));
	bytes_copy(ret->to, reader_bytes(&r, size));
	return reader_end(&r) && memcmp(ret->from, ret->to, size) <= 0;
}

/* A mask with holes is no subnet. */
static bool read_subnet(const struct isakmp_id *id, size_t size, struct ike_selector *ret)
{
	bool ended = false;

	if (id->octets.length != 2 * size)
		return false;
	for (size_t i = 0; i < size; i++) {
		uint8_t mask = id->octets.at[size + i], rest = (uint8_t)~mask;

		if ((ended && mask) || (rest & (rest + 1)))
			return false;
		ended = mask != 0xff;
		ret->from[i] = id->octets.at[i] & mask;
		ret->to[i] = id->octets.at[i] | rest;
	}
	return true;
}

bool isakmp_id_to_selector(const struct isakmp_id *id, struct ike_selector *ret)
{
	bool six = id->type == ID_IPV6_ADDR || id->type == ID_IPV6_ADDR_SUBNET ||
		   id->type == ID_IPV6_ADDR_RANGE;
	size_t size = six ? 16 : 4;

	*ret = (struct ike_selector){ .protocol = id->protocol,
		.family = six ? AF_INET6 : AF_INET,
		.port_from = id->port,
		.port_to = id->port ? id->port : UINT16_MAX };
	switch (id->type) {
	case ID_IPV4_ADDR:
	case ID_IPV6_ADDR:
		if (id->octets.length != size)
			return false;
		bytes_copy(ret->from, id->octets);
		bytes_copy(ret->to, id->octets);
		return true;
	case ID_IPV4_ADDR_SUBNET:
	case ID_IPV6_ADDR_SUBNET:
		return read_subnet(id, size, ret);
	case ID_IPV4_ADDR_RANGE:
	case ID_IPV6_ADDR_RANGE:
		return read_range(id, size, ret);
	default:
		return false;
	}
}

/* ---- Notifies, deletes, attributes ---- */

void isakmp_build_notify(
	struct ike_builder *b, uint8_t protocol, uint16_t type, struct bytes spi, struct bytes data)
{
	size_t mark = ike_build_open(b, ISAKMP_PAYLOAD_NOTIFY);

	if (spi.length > UINT8_MAX)
		b->writer.bad = true;
	writer_u32(&b->writer, DOI_IPSEC);
	writer_u8(&b->writer, protocol);
	writer_u8(&b->writer, (uint8_t)spi.length);
	writer_u16(&b->writer, type);
	writer_put(&b->writer, spi);
	writer_put(&b->writer, data);
	ike_build_close(b, mark);
}

static size_t open_delete(struct ike_builder *b, uint8_t protocol, uint8_t spi_length, size_t count)
{
	size_t mark = ike_build_open(b, ISAKMP_PAYLOAD_DELETE);

	if (count > UINT16_MAX)
		b->writer.bad = true;
	writer_u32(&b->writer, DOI_IPSEC);
	writer_u8(&b->writer, protocol);
	writer_u8(&b->writer, spi_length);
	writer_u16(&b->writer, (uint16_t)count);
	return mark;
}

void isakmp_build_delete_isakmp(struct ike_builder *b, uint64_t cookie_i, uint64_t cookie_r)
{
	size_t mark = open_delete(b, ISAKMP_PROTOCOL_ISAKMP, COOKIES_LENGTH, 1);

	writer_u64(&b->writer, cookie_i);
	writer_u64(&b->writer, cookie_r);
	ike_build_close(b, mark);
}

void isakmp_build_delete(
	struct ike_builder *b, uint8_t protocol, const uint32_t *spis, size_t count)
{
	size_t mark = open_delete(b, protocol, 4, count);

	for (size_t i = 0; i < count; i++)
		writer_u32(&b->writer, spis[i]);
	ike_build_close(b, mark);
}

size_t isakmp_build_attributes_open(struct ike_builder *b, uint8_t type, uint16_t id)
{
	size_t mark = ike_build_open(b, ISAKMP_PAYLOAD_ATTRIBUTES);

	writer_u8(&b->writer, type);
	writer_u8(&b->writer, 0);
	writer_u16(&b->writer, id);
	return mark;
}

void isakmp_build_attribute(struct ike_builder *b, uint16_t type, struct bytes value)
{
	if (value.length > UINT16_MAX)
		b->writer.bad = true;
	writer_u16(&b->writer, type & 0x7fff);
	writer_u16(&b->writer, (uint16_t)value.length);
	writer_put(&b->writer, value);
}

void isakmp_build_attribute_short(struct ike_builder *b, uint16_t type, uint16_t value)
{
	writer_u16(&b->writer, 0x8000 | type);
	writer_u16(&b->writer, value);
}
