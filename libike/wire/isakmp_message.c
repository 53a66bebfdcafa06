/* Datagrams into struct isakmp_message (RFC 2408 3, RFC 2407 4.6, RFC 3947). */
#include "libike/wire/isakmp.h"
#include "libike/wire/isakmp_priv.h"

#define NONCE_MIN 8 /* RFC 2409 5 */
#define NONCE_MAX 256
#define DOI_IPSEC 1
#define COOKIES_LENGTH 16
#define ID_IPV4_ADDR 1
#define ID_IPV6_ADDR 5
#define MANY_ID 2
#define MANY_NAT_OA 2

/* ---- One reader for each payload; what is reserved is ignored ---- */

static bool read_sa(struct isakmp_message *m, struct reader body, struct why *why)
{
	return isakmp_sa_view_parse(reader_rest(&body), &m->sa, why);
}

static bool read_ke(struct isakmp_message *m, struct reader body, struct why *why)
{
	m->ke = reader_rest(&body);
	return m->ke.length > 0 || why_fail(why, "no public value");
}

static bool read_id(struct isakmp_message *m, struct reader body, struct why *why)
{
	struct isakmp_id id = { .body = bytes_of(body.at, body.left) };

	id.type = reader_u8(&body);
	id.protocol = reader_u8(&body);
	id.port = reader_u16(&body);
	id.octets = reader_rest(&body);
	if (body.bad || id.octets.length == 0)
		return why_fail(why, "an empty identity");
	if (m->id_count < MANY_ID)
		m->ids[m->id_count++] = id;
	return true;
}

static bool read_cert(struct isakmp_message *m, struct reader body, struct why *why)
{
	struct ike_cert cert = { .encoding = reader_u8(&body) };

	cert.data = reader_rest(&body);
	if (body.bad || cert.data.length == 0)
		return why_fail(why, "no certificate in it");
	if (m->cert_count < IKE_MESSAGE_CERTS_MAX)
		m->certs[m->cert_count++] = cert;
	return true;
}

static bool read_certreq(struct isakmp_message *m, struct reader body, struct why *why)
{
	struct ike_cert cert = { .encoding = reader_u8(&body) };

	cert.data = reader_rest(&body);
	if (body.bad)
		return why_fail(why, "no encoding");
	if (m->certreq_count < IKE_MESSAGE_CERTS_MAX)
		m->certreqs[m->certreq_count++] = cert;
	return true;
}

static bool read_hash(struct isakmp_message *m, struct reader body, struct why *why)
{
	m->hash = reader_rest(&body);
	return (m->hash.length > 0 && m->hash.length <= IKE_PRF_OUTPUT_MAX) ||
	       why_fail(why, "a hash of %zu octets", m->hash.length);
}

static bool read_signature(struct isakmp_message *m, struct reader body, struct why *why)
{
	m->signature = reader_rest(&body);
	return m->signature.length > 0 || why_fail(why, "no signature in it");
}

static bool read_nonce(struct isakmp_message *m, struct reader body, struct why *why)
{
	m->nonce = reader_rest(&body);
	return (m->nonce.length >= NONCE_MIN && m->nonce.length <= NONCE_MAX) ||
	       why_fail(why, "a nonce of %zu octets, RFC 2409 allows %d to %d", m->nonce.length,
		       NONCE_MIN, NONCE_MAX);
}

static bool read_notify(struct isakmp_message *m, struct reader body, struct why *why)
{
	struct isakmp_notify notify = { 0 };
	size_t room = sizeof(m->notifies) / sizeof(*m->notifies);
	uint32_t doi = reader_u32(&body);
	size_t spi_length;

	notify.protocol = reader_u8(&body);
	spi_length = reader_u8(&body);
	notify.type = reader_u16(&body);
	notify.spi = reader_bytes(&body, spi_length);
	notify.data = reader_rest(&body);
	if (body.bad)
		return why_fail(why, "cut short");
	/* Some say DOI 0 in phase 1's errors. */
	if (doi <= DOI_IPSEC && m->notify_count < room)
		m->notifies[m->notify_count++] = notify;
	return true;
}

static bool read_delete(struct isakmp_message *m, struct reader body, struct why *why)
{
	struct isakmp_delete deletion = { 0 };
	size_t room = sizeof(m->deletes) / sizeof(*m->deletes);

	reader_u32(&body); /* DOI */
	deletion.protocol = reader_u8(&body);
	deletion.spi_length = reader_u8(&body);
	deletion.count = reader_u16(&body);
	deletion.spis = reader_rest(&body);
	size_t wanted = deletion.protocol == ISAKMP_PROTOCOL_ISAKMP ? COOKIES_LENGTH : 4;
	if (body.bad || deletion.count == 0 ||
		deletion.spis.length != (size_t)deletion.spi_length * deletion.count)
		return why_fail(why, "%u SPIs of %u octets do not fit", deletion.count,
			deletion.spi_length);
	if (deletion.spi_length == wanted && m->delete_count < room)
		m->deletes[m->delete_count++] = deletion;
	return true;
}

static bool read_vendor(struct isakmp_message *m, struct reader body, struct why *why)
{
	(void)why;
	if (m->vendor_count < IKE_MESSAGE_VENDORS_MAX)
		m->vendors[m->vendor_count++] = reader_rest(&body);
	return true;
}

static bool read_attributes(struct isakmp_message *m, struct reader body, struct why *why)
{
	struct isakmp_attribute attribute;
	size_t cursor = 0;

	m->attributes.type = reader_u8(&body);
	reader_u8(&body);
	m->attributes.id = reader_u16(&body);
	m->attributes.list = reader_rest(&body);
	while (isakmp_attribute_next(m->attributes.list, &cursor, &attribute)) {
	}
	return (!body.bad && cursor == m->attributes.list.length) ||
	       why_fail(why, "attributes that do not fit");
}

static bool read_nat_d(struct isakmp_message *m, struct reader body, struct why *why)
{
	struct bytes hash = reader_rest(&body);

	if (hash.length == 0)
		return why_fail(why, "no hash in it");
	if (m->nat_d_count < ISAKMP_NAT_D_MAX)
		m->nat_d[m->nat_d_count++] = hash;
	return true;
}

static bool read_nat_oa(struct isakmp_message *m, struct reader body, struct why *why)
{
	uint8_t type = reader_u8(&body);
	struct address a;

	reader_bytes(&body, 3);
	struct bytes octets = reader_rest(&body);
	if (body.bad || (type != ID_IPV4_ADDR && type != ID_IPV6_ADDR) ||
		octets.length != (type == ID_IPV4_ADDR ? 4u : 16u) ||
		!address_from_octets(octets, 0, &a))
		return why_fail(why, "no address");
	if (m->nat_oa_count < MANY_NAT_OA)
		m->nat_oa[m->nat_oa_count++] = a;
	return true;
}

static bool read_fragment(struct isakmp_message *m, struct reader body, struct why *why)
{
	m->fragment.id = reader_u16(&body);
	m->fragment.number = reader_u8(&body);
	m->fragment.last = (reader_u8(&body) & 1) != 0;
	m->fragment.data = reader_rest(&body);
	return (!body.bad && m->fragment.number > 0 && m->fragment.data.length > 0) ||
	       why_fail(why, "an empty fragment");
}

typedef bool (*payload_reader)(struct isakmp_message *m, struct reader body, struct why *why);

static const struct payload {
	payload_reader read;
	bool many; /* how often it may come is the exchange's business */
} payloads[] = {
	[ISAKMP_PAYLOAD_SA] = { read_sa, false },
	[ISAKMP_PAYLOAD_KE] = { read_ke, false },
	[ISAKMP_PAYLOAD_ID] = { read_id, true },
	[ISAKMP_PAYLOAD_CERT] = { read_cert, true },
	[ISAKMP_PAYLOAD_CERTREQ] = { read_certreq, true },
	[ISAKMP_PAYLOAD_HASH] = { read_hash, false },
	[ISAKMP_PAYLOAD_SIGNATURE] = { read_signature, false },
	[ISAKMP_PAYLOAD_NONCE] = { read_nonce, false },
	[ISAKMP_PAYLOAD_NOTIFY] = { read_notify, true },
	[ISAKMP_PAYLOAD_DELETE] = { read_delete, true },
	[ISAKMP_PAYLOAD_VENDOR_ID] = { read_vendor, true },
	[ISAKMP_PAYLOAD_ATTRIBUTES] = { read_attributes, false },
	[ISAKMP_PAYLOAD_NAT_D] = { read_nat_d, true },
	[ISAKMP_PAYLOAD_NAT_OA] = { read_nat_oa, true },
	[ISAKMP_FRAGMENT_BIT] = { read_fragment, false },
};

/* Drafts have numbers of their own for what means the same. */
static uint8_t normal_type(uint8_t type)
{
	switch (type) {
	case ISAKMP_PAYLOAD_NAT_D_DRAFT:
		return ISAKMP_PAYLOAD_NAT_D;
	case ISAKMP_PAYLOAD_NAT_OA_DRAFT:
		return ISAKMP_PAYLOAD_NAT_OA;
	case ISAKMP_PAYLOAD_FRAGMENT:
		return ISAKMP_FRAGMENT_BIT;
	default:
		return type < ISAKMP_FRAGMENT_BIT ? type : ISAKMP_PAYLOAD_NONE;
	}
}

static void name_payload(struct why *why, uint8_t type)
{
	const char *name = isakmp_payload_name(type);
	struct why inner = *why;

	if (name)
		(void)why_fail(why, "%s payload: %s", name, inner.text);
	else
		(void)why_fail(why, "payload of type %u: %s", type, inner.text);
}

static bool read_payload(
	struct isakmp_message *m, uint8_t type, struct reader body, struct why *why)
{
	uint8_t normal = normal_type(type);
	const struct payload *payload = &payloads[normal];
	uint32_t bit = UINT32_C(1) << normal;

	if (m->order_count < ISAKMP_PAYLOADS_MAX)
		m->order[m->order_count++] = type;
	if (!payload->read) /* unknown: nothing depends on it */
		return true;
	if (!payload->many && (m->present & bit))
		m->repeated |= bit;
	if (normal == ISAKMP_PAYLOAD_ID && m->id_count == MANY_ID)
		m->repeated |= bit;
	m->present |= bit;
	if (payload->read(m, body, why))
		return true;
	name_payload(why, type);
	return false;
}

/* What is behind the last payload is padding. after_hash is what HASH of phase 2 proves. */
static bool read_chain(struct isakmp_message *m, uint8_t type, struct bytes chain, struct why *why)
{
	struct reader r = reader_of(chain);
	bool hash_first = type == ISAKMP_PAYLOAD_HASH;
	size_t count = 0;

	while (type != ISAKMP_PAYLOAD_NONE) {
		uint8_t next = reader_u8(&r);

		reader_u8(&r);
		size_t length = reader_u16(&r);
		struct reader body = reader_part(&r, length >= 4 ? length - 4 : SIZE_MAX);
		if (r.bad)
			return why_fail(
				why, "payload %zu does not fit into the message", count + 1);
		if (++count > ISAKMP_PAYLOADS_MAX)
			return why_fail(why, "more than %d payloads", ISAKMP_PAYLOADS_MAX);
		if (!read_payload(m, type, body, why))
			return false;
		if (hash_first && count == 1)
			m->after_hash = bytes_of(r.at, r.left);
		type = next;
	}
	if (hash_first)
		m->after_hash.length -= r.left;
	return true;
}

/* On a failure only the header is there. */
static bool finish(struct isakmp_message *m, bool read)
{
	struct ike_header header = m->header;

	if (!read)
		*m = (struct isakmp_message){ .header = header };
	return read;
}

bool isakmp_message_parse(struct bytes datagram, struct isakmp_message *ret, struct why *why)
{
	*ret = (struct isakmp_message){ 0 };
	if (!ike_header_parse(datagram, &ret->header))
		return why_fail(why, "the lengths of datagram and message differ");
	struct bytes body =
		bytes_of(datagram.at + IKE_HEADER_LENGTH, datagram.length - IKE_HEADER_LENGTH);
	ret->body = body;
	ret->encrypted = (ret->header.flags & ISAKMP_FLAG_ENCRYPTED) != 0 &&
			 ret->header.next_payload != ISAKMP_PAYLOAD_FRAGMENT;
	if (!ret->encrypted)
		return finish(ret, read_chain(ret, ret->header.next_payload, body, why));
	return body.length > 0 || why_fail(why, "nothing in it");
}

bool isakmp_message_parse_inner(const struct ike_header *header, struct bytes plain,
	struct isakmp_message *ret, struct why *why)
{
	*ret = (struct isakmp_message){ .header = *header };
	return finish(ret, read_chain(ret, header->next_payload, plain, why));
}

bool isakmp_attribute_next(struct bytes list, size_t *cursor, struct isakmp_attribute *ret)
{
	if (*cursor >= list.length)
		return false;
	struct reader r = reader_of(bytes_of(list.at + *cursor, list.length - *cursor));
	uint16_t type = reader_u16(&r);
	struct bytes value = type & 0x8000 ? reader_bytes(&r, 2) : reader_bytes(&r, reader_u16(&r));
	if (r.bad)
		return false;
	*ret = (struct isakmp_attribute){ type & 0x7fff, value };
	*cursor = list.length - r.left;
	return true;
}

const struct isakmp_notify *isakmp_message_notify(const struct isakmp_message *m, uint16_t type)
{
	for (size_t i = 0; i < m->notify_count; i++)
		if (m->notifies[i].type == type)
			return &m->notifies[i];
	return NULL;
}

const struct isakmp_notify *isakmp_message_error(const struct isakmp_message *m)
{
	for (size_t i = 0; i < m->notify_count; i++)
		if (m->notifies[i].type < ISAKMP_NOTIFY_STATUS)
			return &m->notifies[i];
	return NULL;
}
