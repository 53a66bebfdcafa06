/* Sealed messages: the SK payload, fragments, and opening either (RFC 7296 3.14; RFC 7383). */
#include "libike/wire/packets.h"

#include <stdlib.h>

#define PAYLOAD_HEADER 4
#define FRAGMENT_HEADER 8 /* payload header, fragment number, total */

/* One sealing job: what is the same for all of a message's datagrams. */
struct sealing {
	struct ike_crypto *crypto;
	const struct ike_seal_keys *keys;
	const struct ike_header *header;
	size_t iv;
	size_t icv;
	size_t block;
	uint64_t *sequence;
};

/* What must be encrypted for `length` octets of payloads: with padding and its length octet. */
static size_t padded(const struct sealing *s, size_t length)
{
	return (length + s->block) / s->block * s->block;
}

static size_t sealed_length(const struct sealing *s, size_t head, size_t length)
{
	return head + s->iv + padded(s, length) + s->icv;
}

/* One datagram. fragment and fragments are 0 for an SK payload. */
static bool write_sealed(struct sealing *s, struct writer *w, struct bytes chain, uint8_t inner,
	uint16_t fragment, uint16_t fragments)
{
	bool whole = fragments == 0;
	size_t head = IKE_HEADER_LENGTH + (whole ? PAYLOAD_HEADER : FRAGMENT_HEADER);
	size_t plain = padded(s, chain.length);
	size_t length = sealed_length(s, head, chain.length);

	writer_u16(w, (uint16_t)length);
	uint8_t *datagram = writer_take(w, length);
	if (!datagram)
		return false;
	struct writer out = writer_of(datagram, length);
	ike_header_write(
		&out, s->header, whole ? IKE_PAYLOAD_SEALED : IKE_PAYLOAD_SEALED_FRAGMENT, length);
	writer_u8(&out, inner);
	writer_u8(&out, 0);
	writer_u16(&out, (uint16_t)(length - IKE_HEADER_LENGTH));
	if (!whole) {
		writer_u16(&out, fragment);
		writer_u16(&out, fragments);
	}
	memset(datagram + head, 0, length - head);
	bytes_copy(datagram + head + s->iv, chain);
	datagram[head + s->iv + plain - 1] = (uint8_t)(plain - chain.length - 1);
	return ike_seal(s->crypto, s->keys, datagram, head, plain, (*s->sequence)++);
}

static struct ike_packets *seal_whole(struct sealing *s, struct bytes chain, uint8_t first)
{
	size_t length = sealed_length(s, IKE_HEADER_LENGTH + PAYLOAD_HEADER, chain.length);
	struct writer w;
	struct ike_packets *packets;

	if (length > IKE_DATAGRAM_MAX || !(packets = ike_packets_new(1, length, &w)))
		return NULL;
	if (write_sealed(s, &w, chain, first, 0, 0))
		return packets;
	free(packets);
	return NULL;
}

static struct ike_packets *seal_fragments(
	struct sealing *s, struct bytes chain, uint8_t first, size_t datagram_max)
{
	size_t head = IKE_HEADER_LENGTH + FRAGMENT_HEADER;
	size_t fixed = head + s->iv + s->icv;

	if (datagram_max < fixed + s->block)
		return NULL;
	size_t each = (datagram_max - fixed) / s->block * s->block - 1;
	if (each == 0)
		return NULL;
	size_t count = (chain.length + each - 1) / each;
	if (count > UINT16_MAX)
		return NULL;
	size_t last = chain.length - (count - 1) * each;
	struct writer w;
	struct ike_packets *packets = ike_packets_new(count,
		(count - 1) * sealed_length(s, head, each) + sealed_length(s, head, last), &w);
	if (!packets)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		struct bytes part = { chain.at + i * each, i + 1 == count ? last : each };

		if (!write_sealed(s, &w, part, i == 0 ? first : IKE_PAYLOAD_NONE, (uint16_t)(i + 1),
			    (uint16_t)count)) {
			free(packets);
			return NULL;
		}
	}
	return packets;
}

struct ike_packets *ike_packets_sealed(struct ike_crypto *crypto, const struct ike_seal_keys *keys,
	const struct ike_header *header, const struct ike_builder *b, size_t datagram_max,
	uint64_t *sequence)
{
	struct sealing s = {
		.crypto = crypto,
		.keys = keys,
		.header = header,
		.iv = ike_seal_iv_length(keys),
		.icv = ike_seal_icv_length(keys),
		.block = ike_seal_block_length(keys),
		.sequence = sequence,
	};
	struct bytes chain = writer_bytes(&b->writer);

	if (b->writer.bad)
		return NULL;
	if (datagram_max == 0 || chain.length == 0 ||
		sealed_length(&s, IKE_HEADER_LENGTH + PAYLOAD_HEADER, chain.length) <= datagram_max)
		return seal_whole(&s, chain, b->first);
	return seal_fragments(&s, chain, b->first,
		datagram_max < IKE_DATAGRAM_MAX ? datagram_max : IKE_DATAGRAM_MAX);
}

void ike_sealed_head(const struct ike_header *header, uint8_t first, size_t length,
	uint8_t ret[IKE_SEALED_HEAD_LENGTH])
{
	struct writer w = writer_of(ret, IKE_SEALED_HEAD_LENGTH);

	ike_header_write(&w, header, IKE_PAYLOAD_SEALED, IKE_SEALED_HEAD_LENGTH + length);
	writer_u8(&w, first);
	writer_u8(&w, 0);
	writer_u16(&w, (uint16_t)(PAYLOAD_HEADER + length));
}

bool ike_message_open(struct ike_crypto *crypto, const struct ike_seal_keys *keys,
	uint8_t *datagram, const struct ike_message *message, struct bytes *ret_chain)
{
	struct bytes plain;

	if (!message->has_sealed || !ike_open(crypto, keys, datagram, message->sealed.offset,
					    message->header.length, &plain))
		return false;
	if (plain.length == 0)
		return false;
	size_t pad_length = plain.at[plain.length - 1];
	if (pad_length + 1 > plain.length)
		return false;
	*ret_chain = bytes_of(plain.at, plain.length - pad_length - 1);
	return true;
}
