/* The log line of a message, in the words of strongSwan's "parsed ..." and "generating ...". */
#include "libike/wire/line.h"
#include "libike/wire/message.h"

static void format_notify(struct ike_line *line, const struct ike_notify *notify)
{
	ike_line_add(line, "N(");
	ike_line_add_name(line, ike_notify_brief_name(notify->type), notify->type);
	ike_line_add(line, ")");
}

/* RFC 7296 3.15.1 */
static const char *attribute_name(uint16_t type)
{
	static const char *const names[] = { NULL, "ADDR", "MASK", "DNS", "NBNS", "EXP", "DHCP",
		"VER", "ADDR6", NULL, "DNS6", "NBNS6", "DHCP6", "SUBNET", "SUP",
		"SUBNET6", [25] = "DOMAIN", [26] = "DNSSEC_TA" };

	return type < sizeof(names) / sizeof(*names) ? names[type] : NULL;
}

static void format_configuration(struct ike_line *line, const struct ike_message *m)
{
	static const char *const kinds[] = { "CP", "CPRQ", "CPRP", "CPS", "CPA" };
	uint8_t kind = m->configuration.type;
	struct reader r = reader_of(m->configuration.attributes);
	const char *separator = "";

	ike_line_add(line, "%s(", kind <= IKE_CONFIGURATION_ACK ? kinds[kind] : kinds[0]);
	while (reader_more(&r)) {
		uint16_t type = reader_u16(&r) & 0x7fff;

		reader_bytes(&r, reader_u16(&r));
		ike_line_add(line, "%s", separator);
		ike_line_add_name(line, attribute_name(type), type);
		separator = " ";
	}
	ike_line_add(line, ")");
}

static const char *eap_method_name(uint8_t type)
{
	static const char *const names[] = { [1] = "ID",
		[2] = "NOTIFICATION",
		[3] = "NAK",
		[4] = "MD5",
		[5] = "OTP",
		[6] = "GTC",
		[13] = "TLS",
		[18] = "SIM",
		[21] = "TTLS",
		[23] = "AKA",
		[25] = "PEAP",
		[26] = "MSCHAPV2",
		[50] = "AKA_PRIME" };

	return type < sizeof(names) / sizeof(*names) ? names[type] : NULL;
}

static void format_eap(struct ike_line *line, struct bytes packet)
{
	static const char *const codes[] = { NULL, "REQ", "RES", "SUCC", "FAIL" };
	struct reader r = reader_of(packet);
	uint8_t code = reader_u8(&r);

	reader_bytes(&r, 3); /* identifier, length */
	ike_line_add(line, "EAP/");
	ike_line_add_name(line, code < sizeof(codes) / sizeof(*codes) ? codes[code] : NULL, code);
	if (reader_more(&r)) {
		uint8_t type = reader_u8(&r);

		ike_line_add(line, "/");
		ike_line_add_name(line, eap_method_name(type), type);
	}
}

static void format_payload(
	struct ike_line *line, const struct ike_message *m, uint8_t type, size_t *notify)
{
	switch (type) {
	case IKE_PAYLOAD_NOTIFY:
		if (*notify < m->notify_count)
			format_notify(line, &m->notifies[(*notify)++]);
		else
			ike_line_add(line, "N");
		break;
	case IKE_PAYLOAD_CONFIGURATION:
		format_configuration(line, m);
		break;
	case IKE_PAYLOAD_EAP:
		format_eap(line, m->eap);
		break;
	case IKE_PAYLOAD_SEALED_FRAGMENT:
		ike_line_add(line, "EF(%u/%u)", m->sealed.fragment, m->sealed.fragments);
		break;
	default:
		ike_line_add_name(line, ike_payload_name(type), type);
	}
}

char *ike_message_format(const struct ike_message *m, char *text, size_t text_size)
{
	struct ike_line line = { .text = text, .size = text_size };
	size_t notify = 0;

	if (text_size == 0)
		return text;
	text[0] = '\0';
	ike_line_add_name(&line, ike_exchange_name(m->header.exchange), m->header.exchange);
	ike_line_add(&line, " %s %u [ ",
		m->header.flags & IKE_FLAG_RESPONSE ? "response" : "request", m->header.message_id);
	for (size_t i = 0; i < m->order_count; i++) {
		format_payload(&line, m, m->order[i], &notify);
		ike_line_add(&line, " ");
	}
	ike_line_add(&line, "]");
	return text;
}
