/*
 * IKEv2 messages, sent: payload chains, clear and sealed datagrams, fragments.
 *
 * A builder collects a chain of payloads in memory of fixed size; it links the next-payload
 * fields and fills the lengths, so they cannot disagree with the contents. Any overflow makes it
 * bad, and the finishing calls then fail: there is nothing to check in between.
 */
#ifndef LIBIKE_WIRE_BUILD_H
#define LIBIKE_WIRE_BUILD_H

#include "libike/base/identity.h"
#include "libike/crypto/crypto.h"
#include "libike/wire/message.h"

/* The largest chain of payloads that we build: certificates, not negotiations, need more. */
#define IKE_CHAIN_MAX 16384

struct ike_builder {
	struct writer writer;
	size_t link;   /* where the type of the next payload is to be written */
	uint8_t first; /* type of the first payload; IKE_PAYLOAD_NONE while empty */
	bool linked;
};

void ike_builder_begin(struct ike_builder *b, void *room, size_t capacity);

/* What RFC 9242 3.3.2 authenticates in front of an exchange's payloads: the IKE header and that of
 * the SK payload as they would be without IV, padding and ICV, and without fragmentation. header's
 * next_payload and length do not matter; first and length are those of the chain inside. */
#define IKE_SEALED_HEAD_LENGTH (IKE_HEADER_LENGTH + 4)
void ike_sealed_head(const struct ike_header *header, uint8_t first, size_t length,
	uint8_t ret[IKE_SEALED_HEAD_LENGTH]);

/* Opens a payload; its body is then written through b->writer; returns a mark for the end call. */
size_t ike_build_open(struct ike_builder *b, uint8_t type);
void ike_build_close(struct ike_builder *b, size_t mark);

/* One SA payload. spi (0, 4 or 8 octets) goes into every proposal; proposals are numbered from 1
 * unless `number` is set (an answer repeats the chosen proposal's number). With without_group the
 * key exchange transforms, additional ones included, are left out (the first child, RFC 7296 1.2).
 */
void ike_build_sa(struct ike_builder *b, const struct ike_proposal *items, size_t count,
	struct bytes spi, bool without_group);
void ike_build_ke(struct ike_builder *b, uint16_t group, struct bytes public_value);
void ike_build_nonce(struct ike_builder *b, struct bytes nonce);
void ike_build_id(struct ike_builder *b, uint8_t payload_type, const struct ike_identity *id);
void ike_build_auth(struct ike_builder *b, uint8_t method, struct bytes data);
void ike_build_cert(
	struct ike_builder *b, uint8_t payload_type, uint8_t encoding, struct bytes data);
/* protocol is 0 and spi empty unless the notify is about a child SA (RFC 7296 3.10). */
void ike_build_notify(struct ike_builder *b, uint16_t type, struct bytes data);
void ike_build_notify_spi(struct ike_builder *b, uint16_t type, uint8_t protocol, struct bytes spi,
	struct bytes data);
/* An IKE SA (protocol IKE, no SPIs) or child SAs (SPIs in host order). */
void ike_build_delete(struct ike_builder *b, uint8_t protocol, const uint32_t *spis, size_t count);
void ike_build_ts(
	struct ike_builder *b, uint8_t payload_type, const struct ike_selector *list, size_t count);
void ike_build_vendor(struct ike_builder *b, struct bytes data);
void ike_build_eap(struct ike_builder *b, struct bytes packet);
void ike_build_configuration(struct ike_builder *b, uint8_t type, struct bytes attributes);

/* One IKE message as the datagrams that carry it: one, or several fragments. A single heap block,
 * kept as it is for retransmission. */
struct ike_packets {
	uint16_t count;
	uint32_t size;    /* of octets, below: lengths and datagrams */
	uint8_t octets[]; /* count times: 16-bit length in network order, datagram */
};

/* Datagram number `index` (from 0); an empty view beyond the last. */
struct bytes ike_packets_get(const struct ike_packets *packets, size_t index);
void ike_packets_free(struct ike_packets *packets); /* NULL is fine */

/* A message in the clear. header's next_payload and length are filled here. NULL on overflow or
 * when memory ran out. */
MUST_USE struct ike_packets *ike_packets_clear(
	const struct ike_header *header, const struct ike_builder *b);

/* A sealed message. Split into SKF fragments (RFC 7383) when datagram_max is not 0 and the message
 * would exceed it (datagram_max counts IKE octets: without IP, UDP and non-ESP marker). *sequence
 * is advanced by one a datagram. */
MUST_USE struct ike_packets *ike_packets_sealed(struct ike_crypto *crypto,
	const struct ike_seal_keys *keys, const struct ike_header *header,
	const struct ike_builder *b, size_t datagram_max, uint64_t *sequence);

/* Opens the SK or SKF payload of a parsed message in place: datagram is the same, writable,
 * buffer the message was parsed from. ret_chain is the payloads without padding. False when the
 * integrity check or the padding fails: drop it silently. */
MUST_USE bool ike_message_open(struct ike_crypto *crypto, const struct ike_seal_keys *keys,
	uint8_t *datagram, const struct ike_message *message, struct bytes *ret_chain);

/* ---- Reassembly of fragments (RFC 7383 2.6). Fed only with what has passed ike_message_open. ----
 */

#define IKE_FRAGMENTS_MAX 64
#define IKE_REASSEMBLY_MAX 65536

struct ike_reassembly; /* heap; NULL stands for "nothing yet" */

void ike_reassembly_free(struct ike_reassembly *r);

enum ike_reassembled {
	IKE_REASSEMBLY_MORE,
	IKE_REASSEMBLY_DONE,
	IKE_REASSEMBLY_REFUSED, /* out of bounds, too large, contradicting */
};

/* Adds one opened fragment to *r (made on first use; started anew when message_id changes or the
 * peer re-fragmented into more, smaller pieces). On DONE ret_chain borrows from *r, which is to
 * be freed after use, and first is the type of the first payload. A duplicate is MORE. When
 * REFUSED for its size, *r is freed and NULL. */
enum ike_reassembled ike_reassembly_add(struct ike_reassembly **r,
	const struct ike_message *message, struct bytes chain, uint8_t *ret_first,
	struct bytes *ret_chain);

#endif
