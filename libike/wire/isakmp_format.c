/* The log line of an IKEv1 message, in the words of strongSwan's. */
#include "libike/wire/isakmp.h"
#include "libike/wire/line.h"

/* The common attributes, then XAuth's and Unity's. */
static const char *attribute_name(uint16_t type)
{
	static const char *const common[] = { NULL, "ADDR", "MASK", "DNS", "NBNS", "EXP", "DHCP",
		"VER", "ADDR6", NULL, "DNS6", "NBNS6", "DHCP6", "SUBNET", "SUP", "SUBNET6" };
	static const char *const xauth[] = { "X_TYPE", "X_USER", "X_PWD", "X_CODE", "X_MSG",
		"X_CHALL", "X_DOMAIN", "X_STATUS", "X_NPIN", "X_ANS" };
	static const char *const unity[] = { "U_BANNER", "U_SAVEPWD", "U_DEFDOM", "U_SPLITDNS",
		"U_SPLITINC", "U_NATTPORT", "U_LOCALLAN", "U_PFS", "U_FWTYPE", "U_BKPSRV",
		"U_DDNSHOST" };

	if (type >= 16520 && type < 16520 + sizeof(xauth) / sizeof(*xauth))
		return xauth[type - 16520];
	if (type >= 28672 && type < 28672 + sizeof(unity) / sizeof(*unity))
		return unity[type - 28672];
	return type < sizeof(common) / sizeof(*common) ? common[type] : NULL;
}

static void add_attributes(struct ike_line *line, const struct isakmp_message *m)
{
	static const char *const kinds[] = { "CP", "CPRQ", "CPRP", "CPS", "CPA" };
	uint8_t kind = m->attributes.type;
	struct isakmp_attribute a;
	const char *separator = "";

	ike_line_add(line, "%s(", kind <= IKE_CONFIGURATION_ACK ? kinds[kind] : kinds[0]);
	for (size_t cursor = 0; isakmp_attribute_next(m->attributes.list, &cursor, &a);) {
		ike_line_add(line, "%s", separator);
		ike_line_add_name(line, attribute_name(a.type), a.type);
		separator = " ";
	}
	ike_line_add(line, ")");
}

static void add_payload(
	struct ike_line *line, const struct isakmp_message *m, uint8_t type, size_t *notify)
{
	switch (type) {
	case ISAKMP_PAYLOAD_NOTIFY:
		ike_line_add(line, "N");
		if (*notify < m->notify_count) {
			uint16_t kind = m->notifies[(*notify)++].type;

			ike_line_add(line, "(");
			ike_line_add_name(line, isakmp_notify_name(kind), kind);
			ike_line_add(line, ")");
		}
		break;
	case ISAKMP_PAYLOAD_ATTRIBUTES:
		add_attributes(line, m);
		break;
	case ISAKMP_PAYLOAD_FRAGMENT:
		ike_line_add(
			line, "FRAG(%u%s)", m->fragment.number, m->fragment.last ? "/last" : "");
		break;
	default:
		ike_line_add_name(line, isakmp_payload_name(type), type);
	}
}

char *isakmp_message_format(
	const struct isakmp_message *m, bool response, char *text, size_t text_size)
{
	struct ike_line line = { text, text_size, 0 };
	size_t notify = 0;

	if (text_size == 0)
		return text;
	text[0] = '\0';
	ike_line_add_name(&line, isakmp_exchange_name(m->header.exchange), m->header.exchange);
	ike_line_add(&line, " %s %u [ ", response ? "response" : "request", m->header.message_id);
	for (size_t i = 0; i < m->order_count; i++) {
		add_payload(&line, m, m->order[i], &notify);
		ike_line_add(&line, " ");
	}
	ike_line_add(&line, "]");
	return text;
}
