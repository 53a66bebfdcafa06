/*
 * Exchanges and what is sent in them (RFC 2408 3.1, RFC 2409 5 and appendix B): each has a chain of
 * IVs of its own, and remembers what it has said last.
 */
#include "libike/ikev1/quick.h"

#include <stdlib.h>

#define HASH_HEADER 4 /* of the payload */

/* ---- Exchanges ---- */

struct ikev1_exchange *ikev1_exchange_find(
	const struct ike_sa *sa, uint32_t message_id, uint8_t type)
{
	struct ikev1_exchange *x = sa->v1->exchanges;

	while (x && (x->message_id != message_id || x->type != type))
		x = x->next;
	return x;
}

struct ikev1_exchange *ikev1_exchange_own(const struct ike_sa *sa)
{
	struct ikev1_exchange *x = sa->active ? sa->v1->exchanges : NULL;

	while (x && (!x->initiator || x->step == IKEV1_STEP_DONE))
		x = x->next;
	return x;
}

void ikev1_exchange_free(struct ikev1_exchange *exchange)
{
	ike_packets_free(exchange->sent);
	ikev1_quick_free(exchange->quick);
	free(exchange);
}

/* Message 3 is still to come: as many as there may be children. */
static bool is_awaited(const struct ike_engine *e, const struct ikev1_exchange *x)
{
	const struct ike_child *child = x->step == IKEV1_QUICK_3 ? ikev1_quick_child(e, x) : NULL;

	return child && child->handover;
}

/* Of the peer's and those that are over, the oldest makes room. */
static void make_room(const struct ike_engine *e, struct ike_sa *sa)
{
	struct ikev1_exchange **oldest = NULL, *gone;
	unsigned count = 0;

	for (struct ikev1_exchange **at = &sa->v1->exchanges; *at; at = &(*at)->next) {
		count++;
		if (*at != sa->v1->worked && (*at)->message_id != 0 &&
			((*at)->step == IKEV1_STEP_DONE || !(*at)->initiator) &&
			!is_awaited(e, *at))
			oldest = at;
	}
	if (count < IKEV1_EXCHANGES_MAX || !oldest)
		return;
	gone = *oldest;
	*oldest = gone->next;
	ikev1_exchange_free(gone);
}

/* A message id of ours that no exchange has; 0 is phase 1's. */
static bool fresh_id(struct ike_engine *e, const struct ike_sa *sa, uint32_t *ret)
{
	const struct ikev1_exchange *x;

	do {
		if (!ike_crypto_random(e->crypto, ret, sizeof(*ret)))
			return false;
		for (x = sa->v1->exchanges; x && x->message_id != *ret;)
			x = x->next;
	} while (*ret == 0 || x);
	return true;
}

static bool is_phase1(uint8_t type)
{
	return type == ISAKMP_EXCHANGE_MAIN || type == ISAKMP_EXCHANGE_AGGRESSIVE;
}

struct ikev1_exchange *ikev1_exchange_new(
	struct ike_engine *e, struct ike_sa *sa, uint8_t type, bool initiator, uint32_t message_id)
{
	struct ikev1_exchange *x = calloc(1, sizeof(*x));

	if (!x)
		return NULL;
	make_room(e, sa);
	x->message_id = message_id;
	x->type = type;
	x->initiator = initiator;
	x->sealed = !is_phase1(type);
	/* What the peer begins it has to go on with. */
	x->forget_at =
		initiator || is_phase1(type) ? IKE_NEVER : e->now + e->settings.half_open_timeout;
	if (!is_phase1(type) && ((initiator && !fresh_id(e, sa, &x->message_id)) ||
					!ikev1_keys_iv(e, sa, x->message_id, x->iv))) {
		free(x);
		return NULL;
	}
	x->next = sa->v1->exchanges;
	sa->v1->exchanges = x;
	if (x->forget_at != IKE_NEVER)
		ike_schedule(e, sa);
	return x;
}

void ikev1_exchange_done(struct ike_engine *e, struct ike_sa *sa, struct ikev1_exchange *exchange)
{
	exchange->step = IKEV1_STEP_DONE;
	/* As long as the peer may repeat itself. */
	exchange->forget_at = e->now + ike_retransmission_total(e, sa);
	ike_schedule(e, sa);
}

/* ---- Messages ---- */

static void log_sent(struct ike_engine *e, const struct ike_sa *sa,
	const struct ikev1_exchange *exchange, const struct ike_packets *packets)
{
	char from[ADDRESS_TEXT_MAX], to[ADDRESS_TEXT_MAX];
	const char *name = isakmp_exchange_name(exchange->type);

	if (!e->host.log_wanted(e->host.context, IKE_LOG_NET, IKE_LOG_INFO))
		return;
	ike_log(e, sa, IKE_LOG_NET, IKE_LOG_INFO, "sending %s %s %u: from %s to %s (%u bytes)",
		name ? name : "an exchange", exchange->initiator ? "request" : "response",
		exchange->message_id, address_format_with_port(&sa->local, from),
		address_format_with_port(&sa->remote, to), packets->size - 2 * packets->count);
}

static struct ike_packets *make(struct ike_engine *e, struct ike_sa *sa,
	struct ikev1_exchange *exchange, const struct ike_builder *b)
{
	struct ike_header header = {
		.spi_initiator = sa->spi_initiator,
		.spi_responder = sa->spi_responder,
		.version = 0x10,
		.exchange = exchange->type,
		.flags = exchange->sealed ? ISAKMP_FLAG_ENCRYPTED : 0,
		.message_id = exchange->message_id,
	};
	size_t room = ike_datagram_max(e, sa);
	uint16_t fragment_id = ++sa->v1->last_fragment;

	if (!exchange->sealed)
		return isakmp_packets_clear(&header, b, room, fragment_id);
	struct ike_packets *packets =
		isakmp_packets_encrypted(e->crypto, ike_suite_encryption(&sa->suite),
			ikev1_keys_cipher(sa), exchange->iv, &header, b, room, fragment_id);
	if (exchange->message_id == 0)
		memcpy(sa->v1->last_block, exchange->iv, IKEV1_BLOCK_MAX);
	return packets;
}

bool ikev1_send(struct ike_engine *e, struct ike_sa *sa, struct ikev1_exchange *exchange,
	const struct ike_builder *b, enum ikev1_sending how)
{
	struct ike_packets *packets = make(e, sa, exchange, b);

	if (!packets)
		return false;
	log_sent(e, sa, exchange, packets);
	if (how == IKEV1_SEND_AGAIN) {
		ike_packets_free(sa->request);
		sa->request = packets;
		sa->v1->requests++;
		ike_request_begin(e, sa, exchange->message_id);
		return true;
	}
	ike_transmit(e, sa, &sa->local, &sa->remote, packets);
	if (how == IKEV1_SEND_KEEP) {
		ike_packets_free(exchange->sent);
		exchange->sent = packets;
	} else {
		ike_packets_free(packets);
	}
	return true;
}

/* ---- Phase 2: HASH first ---- */

size_t ikev1_hash_open(const struct ike_sa *sa, struct ike_builder *b)
{
	size_t mark = ike_build_open(b, ISAKMP_PAYLOAD_HASH);

	/* Without keys there is nothing to prove: see ikev1_inform(). */
	if (sa->keys.length > 0)
		(void)writer_take(&b->writer, sa->v1->key_length);
	ike_build_close(b, mark);
	return mark;
}

bool ikev1_send_hashed(struct ike_engine *e, struct ike_sa *sa, struct ikev1_exchange *exchange,
	struct ike_builder *b, size_t mark, int number, struct bytes nonce_i, struct bytes nonce_r,
	enum ikev1_sending how)
{
	size_t hash = mark + HASH_HEADER, after = hash + sa->v1->key_length;
	uint8_t value[IKE_PRF_OUTPUT_MAX];

	if (b->writer.bad ||
		!ikev1_phase2_hash(e, sa, exchange->message_id, number, nonce_i, nonce_r,
			bytes_of(b->writer.at + after, b->writer.length - after), value))
		return false;
	memcpy(b->writer.at + hash, value, sa->v1->key_length);
	return ikev1_send(e, sa, exchange, b, how);
}

/* What stands behind an empty HASH, alone. */
static struct ike_builder without_hash(const struct ike_builder *b, size_t mark)
{
	struct ike_builder clear = *b;

	clear.first = b->writer.at[mark];
	clear.writer.at += mark + HASH_HEADER;
	clear.writer.length -= mark + HASH_HEADER;
	return clear;
}

void ikev1_inform(struct ike_engine *e, struct ike_sa *sa, struct ike_builder *b, size_t mark)
{
	struct ikev1_exchange once = { .type = ISAKMP_EXCHANGE_INFORMATIONAL, .initiator = true };
	bool sent;

	once.sealed = sa->keys.length > 0;
	if (b->writer.bad || !fresh_id(e, sa, &once.message_id))
		return;
	if (once.sealed) {
		sent = ikev1_keys_iv(e, sa, once.message_id, once.iv) &&
		       ikev1_send_hashed(e, sa, &once, b, mark, 1, (struct bytes){ 0 },
			       (struct bytes){ 0 }, IKEV1_SEND_ONCE);
	} else {
		struct ike_builder clear = without_hash(b, mark);

		sent = ikev1_send(e, sa, &once, &clear, IKEV1_SEND_ONCE);
	}
	if (!sent)
		ike_log_noise(e, sa, IKE_LOG_IKE, "no memory for an INFORMATIONAL message");
}

void ikev1_inform_clear(struct ike_engine *e, struct ike_sa *sa, uint16_t type)
{
	struct ikev1_exchange once = { .type = ISAKMP_EXCHANGE_INFORMATIONAL, .initiator = true };
	struct ike_builder b;

	ike_builder_start(e, &b);
	isakmp_build_notify(
		&b, ISAKMP_PROTOCOL_ISAKMP, type, (struct bytes){ 0 }, (struct bytes){ 0 });
	if (fresh_id(e, sa, &once.message_id))
		(void)!ikev1_send(e, sa, &once, &b, IKEV1_SEND_ONCE);
}

void ikev1_inform_notify(struct ike_engine *e, struct ike_sa *sa, uint8_t protocol, uint16_t type,
	struct bytes spi, struct bytes data)
{
	struct ike_builder b;

	ike_builder_start(e, &b);
	size_t mark = ikev1_hash_open(sa, &b);
	isakmp_build_notify(&b, protocol, type, spi, data);
	ikev1_inform(e, sa, &b, mark);
}
