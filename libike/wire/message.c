/* Datagrams into struct ike_message: header, chain of payloads, one reader for each payload. */
#include "libike/wire/message.h"

#include "libike/wire/payload.h"

#define PAYLOAD_CRITICAL 0x80
#define NONCE_MIN 16 /* RFC 7296 3.9 */
#define NONCE_MAX 256

bool ike_header_parse(struct bytes datagram, struct ike_header *ret)
{
	struct reader r = reader_of(datagram);
	struct ike_header header = {
		.spi_initiator = reader_u64(&r),
		.spi_responder = reader_u64(&r),
		.next_payload = reader_u8(&r),
		.version = reader_u8(&r),
		.exchange = reader_u8(&r),
		.flags = reader_u8(&r),
		.message_id = reader_u32(&r),
		.length = reader_u32(&r),
	};

	if (r.bad || header.length != datagram.length)
		return false;
	*ret = header;
	return true;
}

/* ---- One reader for each payload. They read like the figures of RFC 7296 3.4 to 3.16; what is
 * reserved is ignored. ---- */

static bool read_sa(struct ike_message *m, uint8_t type, struct reader body, struct why *why)
{
	(void)type;
	return ike_sa_view_parse(reader_rest(&body), &m->sa, why);
}

static bool read_ke(struct ike_message *m, uint8_t type, struct reader body, struct why *why)
{
	(void)type;
	m->ke.group = reader_u16(&body);
	reader_u16(&body);
	m->ke.public_value = reader_rest(&body);
	if (body.bad || m->ke.public_value.length == 0)
		return why_fail(why, "no public value");
	return true;
}

static bool read_id(struct ike_message *m, uint8_t type, struct reader body, struct why *why)
{
	uint8_t id_type = reader_u8(&body);

	reader_bytes(&body, 3);
	struct bytes octets = reader_rest(&body);
	if (body.bad || octets.length == 0)
		return why_fail(why, "an empty identity");
	if (type == IKE_PAYLOAD_ID_INITIATOR) {
		m->id_initiator.type = id_type;
		m->id_initiator.octets = octets;
	} else {
		m->id_responder.type = id_type;
		m->id_responder.octets = octets;
	}
	return true;
}

static bool read_cert(struct ike_message *m, uint8_t type, struct reader body, struct why *why)
{
	struct ike_cert cert = { .encoding = reader_u8(&body) };

	cert.data = reader_rest(&body);
	if (body.bad)
		return why_fail(why, "no encoding");
	if (type == IKE_PAYLOAD_CERT && cert.data.length == 0)
		return why_fail(why, "no certificate in it");
	if (type == IKE_PAYLOAD_CERT && m->cert_count < IKE_MESSAGE_CERTS_MAX)
		m->certs[m->cert_count++] = cert;
	else if (type == IKE_PAYLOAD_CERTREQ && m->certreq_count < IKE_MESSAGE_CERTS_MAX)
		m->certreqs[m->certreq_count++] = cert;
	return true;
}

static bool read_auth(struct ike_message *m, uint8_t type, struct reader body, struct why *why)
{
	(void)type;
	m->auth.method = reader_u8(&body);
	reader_bytes(&body, 3);
	m->auth.data = reader_rest(&body);
	if (body.bad || m->auth.data.length == 0)
		return why_fail(why, "no authentication data");
	return true;
}

static bool read_nonce(struct ike_message *m, uint8_t type, struct reader body, struct why *why)
{
	(void)type;
	m->nonce = reader_rest(&body);
	if (m->nonce.length < NONCE_MIN || m->nonce.length > NONCE_MAX)
		return why_fail(why, "a nonce of %zu octets, RFC 7296 allows %d to %d",
			m->nonce.length, NONCE_MIN, NONCE_MAX);
	return true;
}

static bool is_child_protocol(uint8_t protocol)
{
	return protocol == IKE_PROTOCOL_AH || protocol == IKE_PROTOCOL_ESP;
}

static bool read_notify(struct ike_message *m, uint8_t type, struct reader body, struct why *why)
{
	struct ike_notify notify = { .protocol = reader_u8(&body) };
	uint8_t spi_size = reader_u8(&body);

	(void)type;
	notify.type = reader_u16(&body);
	notify.spi = reader_bytes(&body, spi_size);
	notify.data = reader_rest(&body);
	if (body.bad)
		return why_fail(why, "shorter than its SPI of %u octets", spi_size);
	if (is_child_protocol(notify.protocol) && spi_size != 0 && spi_size != 4)
		return why_fail(why, "an SPI of %u octets", spi_size);
	if (m->notify_count < IKE_MESSAGE_NOTIFIES_MAX)
		m->notifies[m->notify_count++] = notify;
	return true;
}

static bool read_delete(struct ike_message *m, uint8_t type, struct reader body, struct why *why)
{
	struct ike_delete del = { .protocol = reader_u8(&body) };

	(void)type;
	del.spi_length = reader_u8(&body);
	del.count = reader_u16(&body);
	del.spis = reader_rest(&body);
	if (body.bad || del.spis.length != (size_t)del.spi_length * del.count)
		return why_fail(
			why, "%u SPIs of %u octets do not fill it", del.count, del.spi_length);
	if (del.spi_length != (is_child_protocol(del.protocol) ? 4 : 0) &&
		(is_child_protocol(del.protocol) || del.protocol == IKE_PROTOCOL_IKE))
		return why_fail(why, "SPIs of %u octets", del.spi_length);
	if (m->delete_count < IKE_MESSAGE_DELETES_MAX)
		m->deletes[m->delete_count++] = del;
	return true;
}

static bool read_vendor(struct ike_message *m, uint8_t type, struct reader body, struct why *why)
{
	(void)type;
	(void)why;
	if (m->vendor_count < IKE_MESSAGE_VENDORS_MAX)
		m->vendors[m->vendor_count++] = reader_rest(&body);
	return true;
}

static bool read_ts(struct ike_message *m, uint8_t type, struct reader body, struct why *why)
{
	return ike_ts_view_parse(reader_rest(&body),
		type == IKE_PAYLOAD_TS_INITIATOR ? &m->ts_initiator : &m->ts_responder, why);
}

static bool read_configuration(
	struct ike_message *m, uint8_t type, struct reader body, struct why *why)
{
	(void)type;
	m->configuration.type = reader_u8(&body);
	reader_bytes(&body, 3);
	m->configuration.attributes = bytes_of(body.at, body.left);
	while (reader_more(&body)) {
		reader_u16(&body);
		reader_bytes(&body, reader_u16(&body));
	}
	if (!reader_end(&body))
		return why_fail(why, "an attribute runs past the end");
	return true;
}

static bool read_eap(struct ike_message *m, uint8_t type, struct reader body, struct why *why)
{
	(void)type;
	m->eap = bytes_of(body.at, body.left);
	uint8_t code = reader_u8(&body);
	reader_u8(&body); /* identifier */
	uint16_t length = reader_u16(&body);
	bool has_type = code == 1 || code == 2; /* request, response: RFC 3748 4.1 */
	if (body.bad || length != m->eap.length || length < (has_type ? 5 : 4))
		return why_fail(why, "the EAP packet's length is not the payload's");
	return true;
}

/* SK and SKF stay sealed: only where they start is noted. */
static bool read_sealed(struct ike_message *m, uint8_t type, struct reader body, struct why *why)
{
	m->has_sealed = true;
	m->sealed.is_fragment = type == IKE_PAYLOAD_SEALED_FRAGMENT;
	if (m->sealed.is_fragment) {
		m->sealed.fragment = reader_u16(&body);
		m->sealed.fragments = reader_u16(&body);
		if (m->sealed.fragment == 0 || m->sealed.fragment > m->sealed.fragments)
			return why_fail(
				why, "fragment %u of %u", m->sealed.fragment, m->sealed.fragments);
	}
	if (!reader_more(&body))
		return why_fail(why, "nothing in it");
	m->sealed.offset = m->header.length - body.left;
	return true;
}

/* ---- The chain ---- */

struct payload_rule {
	bool (*read)(struct ike_message *m, uint8_t type, struct reader body, struct why *why);
	bool several; /* may occur more than once */
};

static const struct payload_rule rules[] = {
	[IKE_PAYLOAD_SA] = { read_sa, false },
	[IKE_PAYLOAD_KE] = { read_ke, false },
	[IKE_PAYLOAD_ID_INITIATOR] = { read_id, false },
	[IKE_PAYLOAD_ID_RESPONDER] = { read_id, false },
	[IKE_PAYLOAD_CERT] = { read_cert, true },
	[IKE_PAYLOAD_CERTREQ] = { read_cert, true },
	[IKE_PAYLOAD_AUTH] = { read_auth, false },
	[IKE_PAYLOAD_NONCE] = { read_nonce, false },
	[IKE_PAYLOAD_NOTIFY] = { read_notify, true },
	[IKE_PAYLOAD_DELETE] = { read_delete, true },
	[IKE_PAYLOAD_VENDOR_ID] = { read_vendor, true },
	[IKE_PAYLOAD_TS_INITIATOR] = { read_ts, false },
	[IKE_PAYLOAD_TS_RESPONDER] = { read_ts, false },
	[IKE_PAYLOAD_SEALED] = { read_sealed, false },
	[IKE_PAYLOAD_CONFIGURATION] = { read_configuration, false },
	[IKE_PAYLOAD_EAP] = { read_eap, false },
	[IKE_PAYLOAD_SEALED_FRAGMENT] = { read_sealed, false },
};

static const struct payload_rule *rule_of(uint8_t type)
{
	if (type >= sizeof(rules) / sizeof(*rules) || !rules[type].read)
		return NULL;
	return &rules[type];
}

static bool is_sealed_type(uint8_t type)
{
	return type == IKE_PAYLOAD_SEALED || type == IKE_PAYLOAD_SEALED_FRAGMENT;
}

static enum ike_parse syntax(const char *name, struct why *why)
{
	why_prefix(why, "%s payload: ", name);
	return IKE_PARSE_SYNTAX;
}

/* One payload whose generic header has been read. */
static enum ike_parse payload_parse(
	struct ike_message *m, uint8_t type, bool critical, struct reader body, struct why *why)
{
	const struct payload_rule *rule = rule_of(type);

	if (!rule && !critical)
		return IKE_PARSE_OK;
	if (!rule) {
		m->critical_type = type;
		why_fail(why, "payload type %u is unknown and critical", type);
		return IKE_PARSE_CRITICAL;
	}
	if (!rule->read(m, type, body, why))
		return syntax(ike_payload_name(type), why);
	if (!rule->several)
		m->repeated |= m->present & IKE_PAYLOAD_BIT(type);
	m->present |= IKE_PAYLOAD_BIT(type);
	return IKE_PARSE_OK;
}

/* All payloads of a chain. An SK or SKF payload ends it, and is refused in an inner chain. */
static enum ike_parse chain_parse(
	struct ike_message *m, uint8_t type, struct reader chain, bool inner, struct why *why)
{
	while (type != IKE_PAYLOAD_NONE) {
		char name[IKE_NUMBER_TEXT_MAX];
		uint8_t next = reader_u8(&chain);
		bool critical = (reader_u8(&chain) & PAYLOAD_CRITICAL) != 0;
		uint16_t length = reader_u16(&chain);
		struct reader body = reader_part(&chain, length < 4 ? SIZE_MAX : length - 4u);

		ike_payload_format(type, name);
		if (body.bad) {
			why_fail(why, "its length does not fit");
			return syntax(name, why);
		}
		if (m->order_count == IKE_MESSAGE_PAYLOADS_MAX) {
			why_fail(why, "more than %d payloads", IKE_MESSAGE_PAYLOADS_MAX);
			return IKE_PARSE_SYNTAX;
		}
		m->order[m->order_count++] = type;
		if (is_sealed_type(type) && (inner || reader_more(&chain))) {
			why_fail(why, inner ? "inside of another" : "is not the last");
			return syntax(name, why);
		}
		enum ike_parse parsed = payload_parse(m, type, critical, body, why);
		if (parsed != IKE_PARSE_OK)
			return parsed;
		if (is_sealed_type(type)) {
			m->sealed.next_payload = next;
			return IKE_PARSE_OK;
		}
		type = next;
	}
	if (reader_end(&chain))
		return IKE_PARSE_OK;
	why_fail(why, "%zu octets after the last payload", chain.left);
	return IKE_PARSE_SYNTAX;
}

/* What a caller may look at after a failure. */
static enum ike_parse finish(struct ike_message *m, enum ike_parse parsed)
{
	struct ike_header header = m->header;
	uint8_t critical_type = m->critical_type;

	if (parsed == IKE_PARSE_OK)
		return parsed;
	memset(m, 0, sizeof(*m));
	m->header = header;
	m->critical_type = critical_type;
	return parsed;
}

enum ike_parse ike_message_parse(struct bytes datagram, struct ike_message *ret, struct why *why)
{
	memset(ret, 0, sizeof(*ret));
	if (!ike_header_parse(datagram, &ret->header)) {
		why_fail(why, "the header's length is not that of the datagram, %zu octets",
			datagram.length);
		return IKE_PARSE_SYNTAX;
	}
	unsigned major = ret->header.version >> 4;
	if (major != 2) {
		why_fail(why, "major version %u instead of 2", major);
		return major > 2 ? IKE_PARSE_VERSION : IKE_PARSE_SYNTAX;
	}
	struct reader r = reader_of(datagram);
	reader_bytes(&r, IKE_HEADER_LENGTH);
	return finish(ret, chain_parse(ret, ret->header.next_payload, r, false, why));
}

enum ike_parse ike_message_parse_inner(const struct ike_header *header, uint8_t first,
	struct bytes chain, struct ike_message *ret, struct why *why)
{
	struct ike_header copy = *header; /* may be that of ret */

	memset(ret, 0, sizeof(*ret));
	ret->header = copy;
	ret->chain = chain;
	ret->chain_first = first;
	return finish(ret, chain_parse(ret, first, reader_of(chain), true, why));
}

const struct ike_notify *ike_message_notify(const struct ike_message *m, uint16_t type)
{
	for (size_t i = 0; i < m->notify_count; i++)
		if (m->notifies[i].type == type)
			return &m->notifies[i];
	return NULL;
}

const struct ike_notify *ike_message_error(const struct ike_message *m)
{
	for (size_t i = 0; i < m->notify_count; i++)
		if (m->notifies[i].type < IKE_NOTIFY_STATUS)
			return &m->notifies[i];
	return NULL;
}
