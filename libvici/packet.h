/*
 * VICI packets: what travels over the socket.
 *
 * A frame is a 32-bit length (of what follows) and a packet: an 8-bit type, for CMD_REQUEST,
 * EVENT_REGISTER, EVENT_UNREGISTER and EVENT an 8-bit length and a name, then a message (message.h)
 * where the type has one. Frames are written with vici_builder_packet() (builder.h).
 * Pure: no I/O.
 */
#ifndef LIBVICI_PACKET_H
#define LIBVICI_PACKET_H

#include "libvici/message.h"

#define VICI_FRAME_HEADER 4 /* the length field */
#define VICI_SOCKET_DEFAULT "unix:///run/charon.vici"
#define VICI_PORT_DEFAULT 4502

enum vici_packet_type {
	VICI_CMD_REQUEST = 0,
	VICI_CMD_RESPONSE = 1,
	VICI_CMD_UNKNOWN = 2,
	VICI_EVENT_REGISTER = 3,
	VICI_EVENT_UNREGISTER = 4,
	VICI_EVENT_CONFIRM = 5,
	VICI_EVENT_UNKNOWN = 6,
	VICI_EVENT = 7,
};

struct vici_packet {
	enum vici_packet_type type;
	struct bytes name;    /* empty for types without one */
	struct bytes message; /* not yet parsed */
};

enum vici_frame {
	VICI_FRAME_READY,
	VICI_FRAME_MORE, /* not all of it has arrived */
	VICI_FRAME_BAD,  /* empty or longer than 512 KiB: close the connection */
};

/* Looks for a whole frame at the start of what was received; its packet is then
 * received[VICI_FRAME_HEADER .. *ret_used). *ret_used is the frame's whole size for READY and
 * MORE (0 while even the length field is incomplete), so that a receiver knows how much to wait
 * for; it is untouched for BAD. */
enum vici_frame vici_frame_next(struct bytes received, size_t *ret_used);

/* Takes a packet (a frame without its length field) apart; ret borrows. */
MUST_USE bool vici_packet_parse(struct bytes packet, struct vici_packet *ret, struct why *why);

/* "CMD_REQUEST" and so on; "?" beyond them. */
const char *vici_packet_type_name(enum vici_packet_type type);

#endif
