#include "testing/unit/engine/ikev1_forge.h"

#include <stdlib.h>

/* ---- What was heard on the way ---- */

bool tap_overhear(void *context, struct sim_world *w, struct sim_flight *flight)
{
	struct tap *t = context;

	(void)w;
	if (t->count < HEARD_MAX) {
		t->list[t->count].from = flight->from;
		t->list[t->count++].datagram =
			bytes_duplicate(bytes_of(flight->data, flight->length));
	}
	return !t->lose || flight->from != t->lose->index || flight->data[18] != t->lose_exchange ||
	       (t->lose_encrypted && !(flight->data[19] & ISAKMP_FLAG_ENCRYPTED));
}

void tap(struct duo *d, struct tap *t)
{
	d->world->filter = tap_overhear;
	d->world->filter_context = t;
}

void tap_free(struct tap *t)
{
	for (size_t i = 0; i < t->count; i++)
		free((void *)t->list[i].datagram.at);
	t->count = 0;
}

size_t tap_sent_by(const struct tap *t, const struct sim_node *n, size_t *ret_octets)
{
	size_t count = 0;

	*ret_octets = 0;
	for (size_t i = 0; i < t->count; i++) {
		if (t->list[i].from != n->index)
			continue;
		count++;
		*ret_octets += t->list[i].datagram.length;
	}
	return count;
}

void forge_from(struct duo *d, struct sim_node *to, struct address source, struct bytes datagram)
{
	source.port = 500;
	sim_world_inject(d->world, to, &source, 500, datagram);
}

void forge(struct duo *d, struct sim_node *to, struct bytes datagram)
{
	forge_from(d, to, duo_other(d, to)->address[0], datagram);
}

/* Everything that was heard once more, to whom it was sent. */
void forge_repeat_all(struct duo *d, const struct tap *t)
{
	for (size_t i = 0; i < t->count; i++)
		forge(d, t->list[i].from == d->moon->index ? d->sun : d->moon, t->list[i].datagram);
}

/* ---- Made up ---- */

void forge_clear(struct duo *d, struct sim_node *to, const struct ike_header *header,
	const struct ike_builder *b)
{
	struct ike_packets *packets = isakmp_packets_clear(header, b, 0, 0);

	ck_assert_ptr_nonnull(packets);
	forge(d, to, ike_packets_get(packets, 0));
	ike_packets_free(packets);
}

/* Under the node's SA, with its keys; the builder's payloads begin with HASH where one is wanted.
 */
void forge_sealed(struct duo *d, struct sim_node *to, uint8_t exchange, uint32_t message_id,
	const struct ike_builder *b, bool hash)
{
	struct sim_isakmp m = { .header = { .exchange = exchange,
					.message_id = message_id,
					.next_payload = b->first } };
	uint8_t datagram[SIM_INNER_MAX + 64];

	ck_assert(!b->writer.bad);
	m.length = b->writer.length;
	memcpy(m.chain, b->writer.at, m.length);
	size_t length = sim_isakmp_seal(to, duo_sa(to), &m, hash, datagram, sizeof(datagram));
	ck_assert_uint_gt(length, 0);
	forge(d, to, bytes_of(datagram, length));
}

uint8_t forge_room[32768];

void forge_begin_hashed(struct ike_builder *b, const struct sim_node *to)
{
	static const uint8_t zeroes[IKE_PRF_OUTPUT_MAX];

	ike_builder_begin(b, forge_room, sizeof(forge_room));
	isakmp_build_hash(b, bytes_of(zeroes, duo_sa(to)->v1->key_length));
}

struct ike_header forge_header(const struct ike_sa *sa, uint8_t exchange)
{
	return (struct ike_header){ .spi_initiator = sa->spi_initiator,
		.spi_responder = sa->spi_responder,
		.version = 0x10,
		.exchange = exchange,
		.message_id = exchange == ISAKMP_EXCHANGE_MAIN ? 0 : 4711 };
}

/* All that would harm, if it were believed. number: which. */
bool forge_harm(struct ike_builder *b, const struct sim_node *to, int number)
{
	const struct ike_sa *sa = duo_sa(to);
	struct bytes none = { 0 };

	switch (number) {
	case 0:
		isakmp_build_delete_isakmp(b, sa->spi_initiator, sa->spi_responder);
		return true;
	case 1:
		if (!sa->children)
			return false;
		isakmp_build_delete(b, ISAKMP_PROTOCOL_ESP, &sa->children->spi_out, 1);
		return true;
	case 2:
		isakmp_build_notify(
			b, ISAKMP_PROTOCOL_ISAKMP, ISAKMP_NOTIFY_AUTHENTICATION_FAILED, none, none);
		return true;
	case 3:
		isakmp_build_notify(
			b, ISAKMP_PROTOCOL_ISAKMP, ISAKMP_NOTIFY_INVALID_COOKIE, none, none);
		return true;
	case 4:
		isakmp_build_notify(
			b, ISAKMP_PROTOCOL_ISAKMP, ISAKMP_NOTIFY_INITIAL_CONTACT, none, none);
		return true;
	case 5:
		isakmp_build_notify(
			b, ISAKMP_PROTOCOL_ISAKMP, ISAKMP_NOTIFY_PAYLOAD_MALFORMED, none, none);
		return true;
	case 6:
		isakmp_build_notify(b, ISAKMP_PROTOCOL_ISAKMP, ISAKMP_NOTIFY_R_U_THERE,
			bytes_of("0123456789abcdef", 16), bytes_of("\0\0\0\1", 4));
		return true;
	default:
		return false;
	}
}
void forge_unharmed(struct duo *d)
{
	for (size_t i = 0; i < 2; i++) {
		ck_assert_uint_eq(duo_ike_sas(&d->world->nodes[i]), 1);
		ck_assert_uint_eq(duo_sa(&d->world->nodes[i])->state, IKE_SA_ESTABLISHED);
		ck_assert_uint_eq(duo_children(&d->world->nodes[i]), 1);
		ck_assert_uint_eq(
			duo_sa(&d->world->nodes[i])->children->state, IKE_CHILD_INSTALLED);
	}
	ck_assert_uint_eq(sim_check_agreement(d->world, false), 0);
	ck_assert_msg(d->world->complaints == 0, "%s", d->world->complaint);
}

struct duo forge_begin_up(void)
{
	struct duo d = duo_begin_ikev1(false);

	duo_start(&d);
	duo_up(&d, d.moon, "net");
	return d;
}

void forge_first(struct ike_builder *b, size_t proposals, size_t transforms)
{
	struct ike_proposals list = { 0 };
	struct isakmp_offer offer[128];
	struct why why;

	ck_assert(ike_proposals_add(&list, IKE_PROTOCOL_IKE, "aes128-sha256-ecp256", &why));
	ck_assert_uint_eq(isakmp_offers_of(&list, 1, offer, 1), 1);
	for (size_t i = 1; i < transforms && i < 128; i++)
		offer[i] = offer[0];
	ike_builder_begin(b, forge_room, sizeof(forge_room));
	isakmp_build_sa(b, offer, transforms, (struct bytes){ 0 },
		&(struct isakmp_said){ .auth_method = ISAKMP_AUTH_PSK, .life_seconds = 3600 });
	ike_proposals_free(&list);
	/* The only proposal over and over. */
	size_t one = b->writer.length - 12;
	for (size_t i = 1; i < proposals; i++) {
		uint8_t *again = writer_take(&b->writer, one);

		ck_assert_ptr_nonnull(again);
		memcpy(again, b->writer.at + 12, one);
		b->writer.at[12 + (i - 1) * one] = ISAKMP_PAYLOAD_PROPOSAL;
		again[4] = (uint8_t)(i + 1);
	}
	b->writer.at[2] = (uint8_t)(b->writer.length >> 8);
	b->writer.at[3] = (uint8_t)b->writer.length;
}

struct ike_header forge_first_header(uint64_t cookie)
{
	return (struct ike_header){
		.spi_initiator = cookie, .version = 0x10, .exchange = ISAKMP_EXCHANGE_MAIN
	};
}
