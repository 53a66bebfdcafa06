/* Messages as the datagrams that carry them; those in the clear (RFC 7296 3.1). */
#include "libike/wire/packets.h"

#include <stdlib.h>

struct bytes ike_packets_get(const struct ike_packets *packets, size_t index)
{
	struct reader r = reader_of(bytes_of(packets->octets, packets->size));
	struct bytes datagram = { 0 };

	if (index >= packets->count)
		return datagram;
	for (size_t i = 0; i <= index; i++)
		datagram = reader_bytes(&r, reader_u16(&r));
	return datagram;
}

void ike_packets_free(struct ike_packets *packets)
{
	free(packets);
}

struct ike_packets *ike_packets_new(size_t count, size_t octets, struct writer *ret_writer)
{
	size_t size = octets + 2 * count;
	struct ike_packets *packets = malloc(sizeof(*packets) + size);

	if (!packets)
		return NULL;
	packets->count = (uint16_t)count;
	packets->size = (uint32_t)size;
	*ret_writer = writer_of(packets->octets, size);
	return packets;
}

void ike_header_write(
	struct writer *w, const struct ike_header *header, uint8_t next_payload, size_t length)
{
	writer_u64(w, header->spi_initiator);
	writer_u64(w, header->spi_responder);
	writer_u8(w, next_payload);
	writer_u8(w, header->version);
	writer_u8(w, header->exchange);
	writer_u8(w, header->flags);
	writer_u32(w, header->message_id);
	writer_u32(w, (uint32_t)length);
}

struct ike_packets *ike_packets_clear(const struct ike_header *header, const struct ike_builder *b)
{
	size_t length = IKE_HEADER_LENGTH + b->writer.length;
	struct writer w;

	if (b->writer.bad || length > IKE_DATAGRAM_MAX)
		return NULL;
	struct ike_packets *packets = ike_packets_new(1, length, &w);
	if (!packets)
		return NULL;
	writer_u16(&w, (uint16_t)length);
	ike_header_write(&w, header, b->first, length);
	writer_put(&w, writer_bytes(&b->writer));
	return packets;
}
