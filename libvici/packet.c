#include "libvici/packet.h"

static const struct {
	const char *name;
	bool named;
} types[] = {
	[VICI_CMD_REQUEST] = { "CMD_REQUEST", true },
	[VICI_CMD_RESPONSE] = { "CMD_RESPONSE", false },
	[VICI_CMD_UNKNOWN] = { "CMD_UNKNOWN", false },
	[VICI_EVENT_REGISTER] = { "EVENT_REGISTER", true },
	[VICI_EVENT_UNREGISTER] = { "EVENT_UNREGISTER", true },
	[VICI_EVENT_CONFIRM] = { "EVENT_CONFIRM", false },
	[VICI_EVENT_UNKNOWN] = { "EVENT_UNKNOWN", false },
	[VICI_EVENT] = { "EVENT", true },
};

#define TYPES (sizeof(types) / sizeof(*types))

enum vici_frame vici_frame_next(struct bytes received, size_t *ret_used)
{
	struct reader r = reader_of(received);
	uint32_t length = reader_u32(&r);

	if (r.bad) {
		*ret_used = 0;
		return VICI_FRAME_MORE;
	}
	if (length == 0 || length > VICI_MESSAGE_MAX)
		return VICI_FRAME_BAD;
	*ret_used = VICI_FRAME_HEADER + (size_t)length;
	return r.left < length ? VICI_FRAME_MORE : VICI_FRAME_READY;
}

bool vici_packet_parse(struct bytes packet, struct vici_packet *ret, struct why *why)
{
	struct reader r = reader_of(packet);
	uint8_t type = reader_u8(&r);

	if (r.bad)
		return why_fail(why, "empty VICI packet");
	if (type >= TYPES)
		return why_fail(why, "unknown VICI packet type %u", type);
	struct bytes name =
		types[type].named ? reader_bytes(&r, reader_u8(&r)) : (struct bytes){ 0 };
	if (r.bad)
		return why_fail(
			why, "VICI packet %s with a name that is cut off", types[type].name);
	*ret = (struct vici_packet){ (enum vici_packet_type)type, name, reader_rest(&r) };
	return true;
}

const char *vici_packet_type_name(enum vici_packet_type type)
{
	return (size_t)type < TYPES ? types[type].name : "?";
}
