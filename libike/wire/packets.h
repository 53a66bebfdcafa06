/*
 * What clear and sealed datagrams share. Internal to wire/.
 */
#ifndef LIBIKE_WIRE_PACKETS_H
#define LIBIKE_WIRE_PACKETS_H

#include "libike/wire/build.h"

#define IKE_DATAGRAM_MAX UINT16_MAX

/* Room for count datagrams of `octets` octets altogether, and a writer over it. */
MUST_USE struct ike_packets *ike_packets_new(
	size_t count, size_t octets, struct writer *ret_writer);

void ike_header_write(
	struct writer *w, const struct ike_header *header, uint8_t next_payload, size_t length);

#endif
