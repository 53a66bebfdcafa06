#include "testing/sim/seal.h"

#include "libike/wire/build.h"

#include <stdlib.h>

static struct ike_crypto *crypto_of(struct sim_world *w)
{
	struct why why;

	if (!w->seal_library && !(w->seal_library = sim_library_new()))
		abort();
	if (!w->seal_crypto)
		w->seal_crypto = ike_crypto_new(sim_library_context(w->seal_library), &why);
	if (!w->seal_crypto)
		abort();
	return w->seal_crypto;
}

/* SK_d | SK_ai | SK_ar | SK_ei | SK_er | SK_pi | SK_pr */
static bool keys_of(const struct ike_sa *sa, struct ike_seal_keys *ret)
{
	const struct ike_algorithm *prf = ike_suite_prf(&sa->suite);
	size_t at, integrity, encryption;

	ret->encryption = ike_suite_encryption(&sa->suite);
	ret->integrity = ike_suite_integrity(&sa->suite);
	if (!prf || !ret->encryption || !sa->keys.length)
		return false;
	integrity = ret->integrity ? ret->integrity->key_length : 0;
	encryption = ret->encryption->key_length;
	at = prf->output_length + (sa->initiator ? 0 : integrity);
	ret->integrity_key = bytes_of(sa->keys.at + at, integrity);
	at = prf->output_length + 2 * integrity + (sa->initiator ? 0 : encryption);
	ret->encryption_key = bytes_of(sa->keys.at + at, encryption);
	return at + encryption <= sa->keys.length;
}

static const struct ike_sa *sender_of(struct sim_world *w, const struct sim_flight *flight)
{
	struct ike_engine *engine = w->nodes[flight->from].engine;
	const struct ike_sa *sa = NULL;
	struct ike_header header;

	if (!engine || !ike_header_parse(bytes_of(flight->data, flight->length), &header))
		return NULL;
	while ((sa = ike_engine_sa_next(engine, sa)) != NULL) {
		if (sa->spi_initiator == header.spi_initiator &&
			sa->spi_responder == header.spi_responder)
			return sa;
	}
	return NULL;
}

bool sim_flight_open(struct sim_world *w, const struct sim_flight *flight, struct sim_inner *ret)
{
	const struct ike_sa *sa = sender_of(w, flight);
	struct ike_message message;
	struct ike_seal_keys keys;
	struct bytes chain;
	struct why why;
	uint8_t *copy;
	bool done = false;

	if (!sa || !keys_of(sa, &keys) || !(copy = malloc(flight->length)))
		return false;
	memcpy(copy, flight->data, flight->length);
	if (ike_message_parse(bytes_of(copy, flight->length), &message, &why) == IKE_PARSE_OK &&
		message.has_sealed && !message.sealed.is_fragment &&
		ike_message_open(crypto_of(w), &keys, copy, &message, &chain) &&
		chain.length <= sizeof(ret->chain)) {
		ret->header = message.header;
		ret->first = message.sealed.next_payload;
		ret->length = chain.length;
		bytes_copy(ret->chain, chain);
		done = true;
	}
	free(copy);
	return done;
}

size_t sim_seal(struct sim_world *w, const struct ike_sa *sa, const struct sim_inner *inner,
	uint8_t *ret, size_t room)
{
	uint8_t chain[SIM_INNER_MAX];
	struct ike_builder b;
	struct ike_header header = inner->header;
	struct ike_seal_keys keys;
	struct ike_packets *packets;
	uint64_t sequence = ++w->order;
	size_t length = 0;

	if (!keys_of(sa, &keys))
		return 0;
	header.spi_initiator = sa->spi_initiator;
	header.spi_responder = sa->spi_responder;
	header.flags = (uint8_t)((header.flags & ~IKE_FLAG_INITIATOR) |
				 (sa->initiator ? IKE_FLAG_INITIATOR : 0));
	ike_builder_begin(&b, chain, sizeof(chain));
	writer_put(&b.writer, bytes_of(inner->chain, inner->length));
	b.first = inner->first;
	packets = ike_packets_sealed(crypto_of(w), &keys, &header, &b, 0, &sequence);
	if (packets) {
		struct bytes datagram = ike_packets_get(packets, 0);

		if (datagram.length <= room) {
			length = datagram.length;
			bytes_copy(ret, datagram);
		}
	}
	ike_packets_free(packets);
	return length;
}

bool sim_flight_seal(struct sim_world *w, struct sim_flight *flight, const struct sim_inner *inner)
{
	const struct ike_sa *sa = sender_of(w, flight);
	size_t length = sa ? sim_seal(w, sa, inner, flight->data, flight->capacity) : 0;

	if (length)
		flight->length = length;
	return length > 0;
}
