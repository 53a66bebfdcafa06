/* IKEv1 messages as the datagrams that carry them: in the clear, encrypted (RFC 2409 appendix B),
 * and as fragments of the scheme that vendors share: each in the clear, with a header of its own.
 */
#include "libike/wire/isakmp.h"
#include "libike/wire/packets.h"

#include <stdlib.h>

#define FRAGMENT_HEAD (IKE_HEADER_LENGTH + 8) /* payload header, id, number, flags */
#define FRAGMENT_LAST 1

static void write_fragment(struct writer *w, const struct ike_header *header, uint16_t id,
	size_t number, bool last, struct bytes part)
{
	size_t length = FRAGMENT_HEAD + part.length;

	writer_u16(w, (uint16_t)length);
	ike_header_write(w, header, ISAKMP_PAYLOAD_FRAGMENT, length);
	writer_u8(w, ISAKMP_PAYLOAD_NONE);
	writer_u8(w, 0);
	writer_u16(w, (uint16_t)(length - IKE_HEADER_LENGTH));
	writer_u16(w, id);
	writer_u8(w, (uint8_t)number);
	writer_u8(w, last ? FRAGMENT_LAST : 0);
	writer_put(w, part);
}

static struct ike_packets *fragment(
	const struct ike_header *header, struct bytes whole, size_t datagram_max, uint16_t id)
{
	size_t room = datagram_max > FRAGMENT_HEAD ? datagram_max - FRAGMENT_HEAD : 0;
	size_t count = room > 0 ? (whole.length + room - 1) / room : 0;
	struct reader r = reader_of(whole);
	struct ike_header of_fragment = *header;
	struct writer w;

	if (count == 0 || count > IKE_FRAGMENTS_MAX)
		return NULL;
	of_fragment.flags &= (uint8_t)~ISAKMP_FLAG_ENCRYPTED;
	struct ike_packets *packets =
		ike_packets_new(count, whole.length + count * FRAGMENT_HEAD, &w);
	for (size_t i = 1; packets && i <= count; i++)
		write_fragment(&w, &of_fragment, id, i, i == count,
			reader_bytes(&r, r.left < room ? r.left : room));
	return packets;
}

/* One datagram, or the fragments of what is in it. */
static struct ike_packets *split(struct ike_packets *packets, const struct ike_header *header,
	size_t datagram_max, uint16_t fragment_id)
{
	struct bytes whole = packets ? ike_packets_get(packets, 0) : (struct bytes){ 0 };

	if (!packets || datagram_max == 0 || whole.length <= datagram_max)
		return packets;
	struct ike_packets *fragments = fragment(header, whole, datagram_max, fragment_id);
	ike_packets_free(packets);
	return fragments;
}

struct ike_packets *isakmp_packets_clear(const struct ike_header *header,
	const struct ike_builder *b, size_t datagram_max, uint16_t fragment_id)
{
	return split(ike_packets_clear(header, b), header, datagram_max, fragment_id);
}

struct ike_packets *isakmp_packets_encrypted(struct ike_crypto *crypto,
	const struct ike_algorithm *encryption, struct bytes key, uint8_t *iv,
	const struct ike_header *header, const struct ike_builder *b, size_t datagram_max,
	uint16_t fragment_id)
{
	struct bytes chain = writer_bytes(&b->writer);
	size_t block = encryption->block_length;
	size_t padded = chain.length + (block - chain.length % block) % block;
	size_t length = IKE_HEADER_LENGTH + padded;
	struct writer w;

	if (b->writer.bad || chain.length == 0 || length > IKE_DATAGRAM_MAX)
		return NULL;
	struct ike_packets *packets = ike_packets_new(1, length, &w);
	if (!packets)
		return NULL;
	writer_u16(&w, (uint16_t)length);
	ike_header_write(&w, header, b->first, length);
	uint8_t *text = writer_take(&w, padded);
	memset(text, 0, padded);
	bytes_copy(text, chain);
	if (!isakmp_cbc(crypto, encryption, true, key, iv, text, padded)) {
		ike_packets_free(packets);
		return NULL;
	}
	return split(packets, header, datagram_max, fragment_id);
}
