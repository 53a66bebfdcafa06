#include "testing/sim/isakmp_seal.h"

#include "libike/engine_priv.h"
#include "libike/ikev1/ikev1.h"

#include <stdlib.h>

const struct ike_sa *sim_isakmp_sa(const struct sim_node *n, const struct ike_header *header)
{
	const struct ike_sa *sa = NULL;

	while (n->engine && (sa = ike_engine_sa_next(n->engine, sa)) != NULL) {
		if (sa->version == 1 && sa->spi_initiator == header->spi_initiator &&
			sa->spi_responder == header->spi_responder)
			return sa;
	}
	return NULL;
}

uint32_t sim_isakmp_message_id(const struct ike_sa *sa, size_t index)
{
	const struct ikev1_exchange *first = sa && sa->version == 1 ? sa->v1->exchanges : NULL;
	const struct ikev1_exchange *x = first;

	while (x && index-- > 0)
		x = x->next ? x->next : first;
	return x ? x->message_id : 0;
}

/* NULL: it would open one. */
static struct ikev1_exchange *exchange_of(const struct ike_sa *sa, const struct ike_header *header)
{
	if (header->exchange == ISAKMP_EXCHANGE_INFORMATIONAL)
		return NULL;
	return ikev1_exchange_find(sa, header->message_id, header->exchange);
}

static bool find_iv(const struct sim_node *n, const struct ike_sa *sa,
	const struct ike_header *header, uint8_t ret[IKEV1_BLOCK_MAX])
{
	const struct ikev1_exchange *exchange = exchange_of(sa, header);

	if (!exchange)
		return ikev1_keys_iv(n->engine, sa, header->message_id, ret);
	memcpy(ret, exchange->iv, IKEV1_BLOCK_MAX);
	return true;
}

static struct ike_crypto *crypto_of(const struct sim_node *n)
{
	return n->engine->crypto;
}

bool sim_isakmp_open(struct sim_node *to, const struct sim_flight *flight, struct sim_isakmp *ret)
{
	struct bytes datagram = bytes_of(flight->data, flight->length);
	const struct ike_sa *sa;
	uint8_t iv[IKEV1_BLOCK_MAX];

	if (!ike_header_parse(datagram, &ret->header) || ret->header.version != 0x10 ||
		!(ret->header.flags & ISAKMP_FLAG_ENCRYPTED))
		return false;
	sa = sim_isakmp_sa(to, &ret->header);
	ret->length = datagram.length - IKE_HEADER_LENGTH;
	if (!sa || sa->keys.length == 0 || ret->length > SIM_INNER_MAX || ret->length == 0 ||
		!find_iv(to, sa, &ret->header, iv))
		return false;
	const struct ike_algorithm *cipher = ike_suite_encryption(&sa->suite);
	memcpy(ret->chain, flight->data + IKE_HEADER_LENGTH, ret->length);
	return ret->length % cipher->block_length == 0 &&
	       isakmp_cbc(crypto_of(to), cipher, false, ikev1_keys_cipher(sa), iv, ret->chain,
		       ret->length);
}

/* Which HASH of phase 2 the receiver expects. */
static bool make_hash(
	const struct sim_node *to, const struct ike_sa *sa, struct sim_isakmp *message)
{
	const struct ikev1_exchange *exchange = exchange_of(sa, &message->header);
	struct bytes nonce_i = { 0 }, nonce_r = { 0 };
	struct isakmp_message parsed;
	uint8_t hash[IKE_PRF_OUTPUT_MAX];
	struct why why;
	int number = 1;

	if (exchange && exchange->step >= IKEV1_QUICK_1 && exchange->step <= IKEV1_QUICK_3)
		number = exchange->step - IKEV1_QUICK_1 + 1;
	if (number > 1)
		ikev1_quick_nonces(exchange, &nonce_i, &nonce_r);
	if (number == 2)
		nonce_r = (struct bytes){ 0 };
	if (message->header.next_payload != ISAKMP_PAYLOAD_HASH ||
		!isakmp_message_parse_inner(&message->header,
			bytes_of(message->chain, message->length), &parsed, &why) ||
		parsed.hash.length != sa->v1->key_length ||
		!ikev1_phase2_hash(to->engine, sa, message->header.message_id, number, nonce_i,
			nonce_r, parsed.after_hash, hash))
		return false;
	memcpy(message->chain + 4, hash, sa->v1->key_length);
	return true;
}

static void write_header(struct writer *w, const struct ike_header *header, size_t length)
{
	writer_u64(w, header->spi_initiator);
	writer_u64(w, header->spi_responder);
	writer_u8(w, header->next_payload);
	writer_u8(w, header->version);
	writer_u8(w, header->exchange);
	writer_u8(w, header->flags);
	writer_u32(w, header->message_id);
	writer_u32(w, (uint32_t)length);
}

static size_t seal(struct sim_node *to, const struct ike_sa *sa, struct sim_isakmp *message,
	uint8_t *ret, size_t room, uint8_t iv[IKEV1_BLOCK_MAX])
{
	const struct ike_algorithm *cipher = ike_suite_encryption(&sa->suite);
	size_t block = cipher->block_length;
	size_t padded = (message->length + block - 1) / block * block;
	struct writer w = writer_of(ret, room);

	if (padded == 0 || IKE_HEADER_LENGTH + padded > room ||
		!find_iv(to, sa, &message->header, iv))
		return 0;
	message->header.flags |= ISAKMP_FLAG_ENCRYPTED;
	write_header(&w, &message->header, IKE_HEADER_LENGTH + padded);
	uint8_t *text = writer_take(&w, padded);
	memset(text, 0, padded);
	memcpy(text, message->chain, message->length);
	return isakmp_cbc(crypto_of(to), cipher, true, ikev1_keys_cipher(sa), iv, text, padded)
		       ? w.length
		       : 0;
}

bool sim_isakmp_reseal(struct sim_world *w, struct sim_node *to, struct sim_flight *flight,
	struct sim_isakmp *message)
{
	const struct ike_sa *sa = sim_isakmp_sa(to, &message->header);
	const struct ike_sa *sender = sim_isakmp_sa(&w->nodes[flight->from], &message->header);
	uint8_t iv[IKEV1_BLOCK_MAX];

	if (!sa || sa->keys.length == 0)
		return false;
	(void)make_hash(to, sa, message);
	size_t length = seal(to, sa, message, flight->data, flight->capacity, iv);
	if (length == 0)
		return false;
	flight->length = length;
	struct ikev1_exchange *exchange = sender ? exchange_of(sender, &message->header) : NULL;
	if (exchange)
		memcpy(exchange->iv, iv, sizeof(iv));
	if (exchange && exchange->message_id == 0)
		memcpy(sender->v1->last_block, iv, sizeof(iv));
	return true;
}

size_t sim_isakmp_seal(struct sim_node *to, const struct ike_sa *sa, struct sim_isakmp *message,
	bool hash, uint8_t *ret, size_t room)
{
	uint8_t iv[IKEV1_BLOCK_MAX];

	if (sa->keys.length == 0)
		return 0;
	message->header.version = 0x10;
	message->header.spi_initiator = sa->spi_initiator;
	message->header.spi_responder = sa->spi_responder;
	if (hash)
		(void)make_hash(to, sa, message);
	return seal(to, sa, message, ret, room, iv);
}
