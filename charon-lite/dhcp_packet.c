#include "charon-lite/dhcp_packet.h"

#include "libike/virtual.h"

#include <netinet/in.h>

#define BOOTP_REQUEST 1
#define BOOTP_REPLY 2
#define ETHERNET 1
#define FLAG_BROADCAST 0x8000
#define MAGIC 0x63825363u
#define HARDWARE_FIELD 16
#define SERVER_NAME_FIELD 64
#define FILE_FIELD 128
#define BOOTP_LENGTH_MIN 300 /* RFC 1542 2.1 */
#define UDP_HEADER 8

enum option {
	OPTION_PAD = 0,
	OPTION_SUBNET_MASK = 1,
	OPTION_ROUTER = 3,
	OPTION_DNS = 6,
	OPTION_HOST_NAME = 12,
	OPTION_NBNS = 44,
	OPTION_REQUESTED = 50,
	OPTION_LEASE = 51,
	OPTION_OVERLOAD = 52,
	OPTION_TYPE = 53,
	OPTION_SERVER = 54,
	OPTION_PARAMETERS = 55,
	OPTION_MESSAGE = 56,
	OPTION_SIZE_MAX = 57,
	OPTION_RENEW = 58,
	OPTION_CLIENT = 61,
	OPTION_END = 255,
};

const char *cl_dhcp_type_name(uint8_t type)
{
	static const char *const names[] = { [CL_DHCP_DISCOVER] = "DISCOVER",
		[CL_DHCP_OFFER] = "OFFER",
		[CL_DHCP_REQUEST] = "REQUEST",
		[CL_DHCP_DECLINE] = "DECLINE",
		[CL_DHCP_ACK] = "ACK",
		[CL_DHCP_NAK] = "NAK",
		[CL_DHCP_RELEASE] = "RELEASE",
		[CL_DHCP_INFORM] = "INFORM" };

	return type < sizeof(names) / sizeof(*names) && names[type] ? names[type] : "?";
}

/* ---- Reading ---- */

/* One that a host can have. */
static bool read_address(struct bytes octets, struct address *ret)
{
	struct address a;

	if (octets.length != 4 || !address_from_octets(octets, 0, &a) ||
		!ike_virtual_is_unicast(&a))
		return false;
	*ret = a;
	return true;
}

/* Those that make no sense, or are too many, are passed over. */
static void read_servers(
	struct bytes value, struct address list[CL_DHCP_SERVERS_MAX], uint8_t *count)
{
	struct reader r = reader_of(value);

	while (reader_more(&r) && *count < CL_DHCP_SERVERS_MAX)
		if (read_address(reader_bytes(&r, 4), &list[*count]))
			(*count)++;
}

static void read_message(struct bytes value, char *ret, size_t size)
{
	size_t length = value.length < size - 1 ? value.length : size - 1;

	for (size_t i = 0; i < length; i++)
		ret[i] = value.at[i] >= ' ' && value.at[i] < 127 ? (char)value.at[i] : '?';
	ret[length] = 0;
}

static void read_number(struct bytes value, uint32_t *ret)
{
	struct reader r = reader_of(value);
	uint32_t number = reader_u32(&r);

	if (reader_end(&r))
		*ret = number;
}

static void take_option(
	uint8_t type, struct bytes value, struct cl_dhcp_answer *a, uint8_t *overload)
{
	switch (type) {
	case OPTION_TYPE:
		a->type = value.length == 1 ? value.at[0] : 0;
		break;
	case OPTION_OVERLOAD:
		*overload = value.length == 1 ? value.at[0] : 0;
		break;
	case OPTION_SERVER:
		(void)!read_address(value, &a->server);
		break;
	case OPTION_LEASE:
		read_number(value, &a->lease);
		break;
	case OPTION_RENEW:
		read_number(value, &a->renew);
		break;
	case OPTION_DNS:
		read_servers(value, a->dns, &a->dns_count);
		break;
	case OPTION_NBNS:
		read_servers(value, a->nbns, &a->nbns_count);
		break;
	case OPTION_MESSAGE:
		read_message(value, a->message, sizeof(a->message));
		break;
	}
}

/* False when one runs over the end. */
static bool read_options(struct reader *r, struct cl_dhcp_answer *a, uint8_t *overload)
{
	while (reader_more(r)) {
		uint8_t type = reader_u8(r);

		if (type == OPTION_PAD)
			continue;
		if (type == OPTION_END)
			return true;
		take_option(type, reader_bytes(r, reader_u8(r)), a, overload);
	}
	return !r->bad;
}

/* RFC 2132 9.3: options go on in those fields. */
static bool read_overloaded(
	uint8_t overload, struct reader *file, struct reader *name, struct cl_dhcp_answer *a)
{
	uint8_t again = 0;

	return (!(overload & 1) || read_options(file, a, &again)) &&
	       (!(overload & 2) || read_options(name, a, &again));
}

static bool check(const struct cl_dhcp_answer *a, struct why *why)
{
	if (a->type != CL_DHCP_OFFER && a->type != CL_DHCP_ACK && a->type != CL_DHCP_NAK)
		return why_fail(why, "it is no OFFER, ACK or NAK");
	if (a->server.family == 0)
		return why_fail(why, "the server does not say who it is");
	if (a->type == CL_DHCP_NAK)
		return true;
	if (a->yours.family == 0)
		return why_fail(why, "it has no address that a host can have");
	return a->type != CL_DHCP_ACK || a->lease > 0 ||
	       why_fail(why, "it does not say how long the lease is");
}

bool cl_dhcp_parse(struct bytes message, struct cl_dhcp_answer *ret, struct why *why)
{
	struct reader r = reader_of(message);
	struct cl_dhcp_answer a = { 0 };
	uint8_t overload = 0;

	uint8_t operation = reader_u8(&r), kind = reader_u8(&r), length = reader_u8(&r);
	(void)reader_u8(&r); /* hops */
	a.xid = reader_u32(&r);
	(void)reader_bytes(&r, 2 + 2 + 4); /* seconds, flags, the client's address */
	(void)!read_address(reader_bytes(&r, 4), &a.yours);
	(void)reader_bytes(&r, 4 + 4); /* the next server's address, the relay's */
	bytes_copy(a.hardware, reader_bytes(&r, CL_DHCP_HARDWARE));
	(void)reader_bytes(&r, HARDWARE_FIELD - CL_DHCP_HARDWARE);
	struct reader name = reader_part(&r, SERVER_NAME_FIELD);
	struct reader file = reader_part(&r, FILE_FIELD);
	uint32_t magic = reader_u32(&r);
	if (r.bad)
		return why_fail(why, "it is too short");
	if (operation != BOOTP_REPLY || kind != ETHERNET || length != CL_DHCP_HARDWARE ||
		magic != MAGIC)
		return why_fail(why, "it is no answer to one of ours");
	if (!read_options(&r, &a, &overload) || !read_overloaded(overload, &file, &name, &a))
		return why_fail(why, "an option runs over the end");
	if (!check(&a, why))
		return false;
	*ret = a;
	return true;
}

bool cl_dhcp_unwrap(struct bytes packet, struct bytes *ret_message)
{
	struct reader r = reader_of(packet);

	uint8_t first = reader_u8(&r);
	size_t header = (size_t)(first & 15) * 4;
	(void)reader_u8(&r);
	size_t total = reader_u16(&r);
	(void)reader_u16(&r);
	uint16_t fragment = reader_u16(&r);
	(void)reader_u8(&r);
	uint8_t protocol = reader_u8(&r);
	if (r.bad || first >> 4 != 4 || header < 20 || total < header || total > packet.length ||
		fragment & 0x3fff || protocol != IPPROTO_UDP)
		return false;
	r = reader_of(bytes_of(packet.at + header, total - header));
	(void)reader_u16(&r);
	uint16_t port = reader_u16(&r), length = reader_u16(&r);
	(void)reader_u16(&r);
	if (r.bad || (port != CL_DHCP_CLIENT_PORT && port != CL_DHCP_SERVER_PORT) ||
		length < UDP_HEADER)
		return false;
	*ret_message = reader_bytes(&r, length - UDP_HEADER);
	return !r.bad;
}

/* ---- Writing ---- */

static void put_field(struct writer *w, const struct address *a)
{
	if (a->family == AF_INET)
		writer_put(w, address_octets(a));
	else
		writer_u32(w, 0);
}

static void put_zeros(struct writer *w, size_t count)
{
	uint8_t *at = writer_take(w, count);

	if (at)
		memset(at, 0, count);
}

static void put_option(struct writer *w, uint8_t type, struct bytes value)
{
	if (value.length == 0 || value.length > CL_DHCP_OPTION_MAX)
		return;
	writer_u8(w, type);
	writer_u8(w, (uint8_t)value.length);
	writer_put(w, value);
}

static void put_address(struct writer *w, uint8_t type, const struct address *a)
{
	if (a->family == AF_INET)
		put_option(w, type, address_octets(a));
}

static void put_header(struct writer *w, const struct cl_dhcp_message *m)
{
	bool answered = m->type != CL_DHCP_RELEASE && m->type != CL_DHCP_DECLINE;

	writer_u8(w, BOOTP_REQUEST);
	writer_u8(w, ETHERNET);
	writer_u8(w, CL_DHCP_HARDWARE);
	writer_u8(w, m->relay.family ? 1 : 0); /* hops */
	writer_u32(w, m->xid);
	writer_u16(w, m->seconds);
	writer_u16(w, answered && !m->relay.family ? FLAG_BROADCAST : 0);
	put_field(w, &m->ours);
	writer_u32(w, 0); /* yours */
	writer_u32(w, 0); /* the next server's */
	put_field(w, &m->relay);
	writer_put(w, bytes_of(m->hardware, CL_DHCP_HARDWARE));
	put_zeros(w, HARDWARE_FIELD - CL_DHCP_HARDWARE + SERVER_NAME_FIELD + FILE_FIELD);
	writer_u32(w, MAGIC);
}

struct bytes cl_dhcp_build(const struct cl_dhcp_message *m, uint8_t room[CL_DHCP_MESSAGE_MAX])
{
	static const uint8_t parameters[] = { OPTION_SUBNET_MASK, OPTION_ROUTER, OPTION_DNS,
		OPTION_NBNS, OPTION_LEASE, OPTION_SERVER, OPTION_RENEW };
	static const uint8_t size_max[] = { CL_DHCP_MESSAGE_MAX >> 8, CL_DHCP_MESSAGE_MAX & 255 };
	struct writer w = writer_of(room, CL_DHCP_MESSAGE_MAX);

	put_header(&w, m);
	put_option(&w, OPTION_TYPE, bytes_of(&m->type, 1));
	put_option(&w, OPTION_CLIENT, m->client);
	put_address(&w, OPTION_REQUESTED, &m->requested);
	put_address(&w, OPTION_SERVER, &m->server);
	if (m->type == CL_DHCP_DISCOVER || m->type == CL_DHCP_REQUEST) {
		put_option(&w, OPTION_HOST_NAME, m->name);
		put_option(&w, OPTION_SIZE_MAX, bytes_of(size_max, sizeof(size_max)));
		put_option(&w, OPTION_PARAMETERS, bytes_of(parameters, sizeof(parameters)));
	}
	writer_u8(&w, OPTION_END);
	if (!w.bad && w.length < BOOTP_LENGTH_MIN)
		put_zeros(&w, BOOTP_LENGTH_MIN - w.length);
	return writer_bytes(&w);
}

struct bytes cl_dhcp_wrap(
	struct bytes message, uint16_t source_port, uint8_t room[CL_DHCP_MESSAGE_MAX + 8])
{
	struct writer w = writer_of(room, CL_DHCP_MESSAGE_MAX + UDP_HEADER);

	writer_u16(&w, source_port);
	writer_u16(&w, CL_DHCP_SERVER_PORT);
	writer_u16(&w, (uint16_t)(UDP_HEADER + message.length));
	writer_u16(&w, 0);
	writer_put(&w, message);
	return writer_bytes(&w);
}
