/* An IKE SA of one version never sees a message of the other, whatever SPIs it has. */
#include "libike/engine_priv.h"
#include "libike/sa/sa_priv.h"
#include "libike/wire/build.h"
#include "testing/unit/engine/duo.h"

#include <string.h>

static const struct ike_sa *first_sa(const struct sim_node *n)
{
	return ike_engine_sa_next(n->engine, NULL);
}

static void inject(
	struct duo *d, struct sim_node *to, const char *from, struct ike_packets *packets)
{
	struct address source;

	ck_assert_ptr_nonnull(packets);
	ck_assert(address_parse(from, &source));
	source.port = 500;
	sim_world_inject(d->world, to, &source, 500, ike_packets_get(packets, 0));
	sim_world_run(d->world, d->world->now + 500);
	ike_packets_free(packets);
}

static bool nothing_from_sun(void *context, struct sim_world *w, struct sim_flight *flight)
{
	struct duo *d = context;

	(void)w;
	return flight->from != d->sun->index;
}

/* What of IKE_SA_INIT an answer can have. */
static void build_init_answer(struct ike_builder *b, int which)
{
	static const uint8_t group[2] = { 0, 31 };
	static const uint8_t octets[64] = { 4, 7 };
	struct ike_suite suite = { .protocol = IKE_PROTOCOL_IKE,
		.encryption = IKE_ENCR_AES_CBC,
		.encryption_bits = 128,
		.integrity = IKE_INTEG_HMAC_SHA2_256_128,
		.prf = IKE_PRF_HMAC_SHA2_256,
		.group = IKE_GROUP_ECP_256 };
	struct ike_proposal proposal;

	switch (which) {
	case 0:
		ike_build_notify(b, IKE_NOTIFY_NO_PROPOSAL_CHOSEN, (struct bytes){ 0 });
		break;
	case 1:
		ike_build_notify(b, IKE_NOTIFY_COOKIE, bytes_of(octets, 8));
		break;
	case 2:
		ike_build_notify(b, IKE_NOTIFY_INVALID_KE_PAYLOAD, bytes_of(group, 2));
		break;
	default:
		ike_suite_to_proposal(&suite, 1, &proposal);
		ike_build_sa(b, &proposal, 1, (struct bytes){ 0 }, false);
		ike_build_ke(b, IKE_GROUP_ECP_256, bytes_of(octets, 64));
		ike_build_nonce(b, bytes_of(octets, 32));
		break;
	}
}

/* In Main and in Aggressive Mode. */
START_TEST(an_attempt_of_ikev1_takes_no_answer_of_ikev2)
{
	static uint8_t room[2048];
	struct duo d = duo_begin_ikev1(_i >= 4);
	struct ike_builder b;
	struct why why;

	duo_start(&d);
	d.world->filter = nothing_from_sun;
	d.world->filter_context = &d;
	ck_assert(sim_node_initiate(d.moon, "sun", "net", &why));
	sim_world_run(d.world, d.world->now + 100);
	struct ike_header header = { .spi_initiator = first_sa(d.moon)->spi_initiator,
		.spi_responder = 0x1234567,
		.version = 0x20,
		.exchange = IKE_EXCHANGE_SA_INIT,
		.flags = IKE_FLAG_RESPONSE };
	ike_builder_begin(&b, room, sizeof(room));
	build_init_answer(&b, _i % 4);
	inject(&d, d.moon, "192.0.2.2", ike_packets_clear(&header, &b));
	ck_assert_uint_eq(first_sa(d.moon)->spi_responder, 0);
	d.world->filter = NULL;
	sim_world_run(d.world, d.world->now + IKE_SECONDS(30));
	ck_assert_uint_eq(duo_children(d.moon), 1);
	ck_assert_uint_eq(first_sa(d.moon)->version, 1);
	duo_down(&d, d.moon);
	duo_end(&d);
}
END_TEST

/* Sealed with keys that happen to be where IKEv2's would be. */
START_TEST(a_responder_of_ikev1_takes_no_request_of_ikev2)
{
	static uint8_t room[2048];
	struct duo d = duo_begin_ikev1(false);
	uint64_t sequence = 0;
	struct ike_builder b;

	duo_start(&d);
	duo_up(&d, d.moon, "net");
	const struct ike_sa *sun = first_sa(d.sun);
	struct ike_header header = { .spi_initiator = sun->spi_initiator,
		.spi_responder = sun->spi_responder,
		.version = 0x20,
		.exchange = _i == 0 ? IKE_EXCHANGE_INFORMATIONAL : IKE_EXCHANGE_CREATE_CHILD_SA,
		.flags = IKE_FLAG_INITIATOR,
		.message_id = sun->next_expected };
	ike_builder_begin(&b, room, sizeof(room));
	ike_build_notify(&b, 40000, (struct bytes){ 0 });
	struct ike_seal_keys keys = ike_keys_seal(first_sa(d.moon), true);
	uint64_t sent = d.world->datagrams_sent;
	inject(&d, d.sun, "192.0.2.1",
		ike_packets_sealed(d.moon->engine->crypto, &keys, &header, &b, 0, &sequence));
	ck_assert_uint_eq(d.world->datagrams_sent, sent);
	duo_down(&d, d.moon);
	duo_end(&d);
}
END_TEST

/* The other way round: a message of IKEv1 with the SPIs of IKEv2's SAs, in the clear and encrypted.
 */
START_TEST(an_sa_of_ikev2_takes_no_message_of_ikev1)
{
	struct duo d = duo_begin(false);
	uint8_t message[28 + 32] = { 0 };

	duo_start(&d);
	duo_up(&d, d.moon, "net");
	const struct ike_sa *sun = first_sa(d.sun);
	for (int i = 0; i < 8; i++) {
		message[i] = (uint8_t)(sun->spi_initiator >> (56 - 8 * i));
		message[8 + i] = (uint8_t)(sun->spi_responder >> (56 - 8 * i));
	}
	message[16] = 8; /* HASH */
	message[17] = 0x10;
	message[18] = _i % 2 ? 5 : 32; /* Informational, Quick Mode */
	message[19] = _i >= 2;         /* encrypted */
	message[23] = 7;
	message[27] = sizeof(message);
	message[31] = sizeof(message) - 28;
	struct address source;
	ck_assert(address_parse("192.0.2.1", &source));
	source.port = 500;
	uint64_t sent = d.world->datagrams_sent;
	sim_world_inject(d.world, d.sun, &source, 500, bytes_of(message, sizeof(message)));
	sim_world_run(d.world, d.world->now + 500);
	ck_assert_uint_eq(d.world->datagrams_sent, sent);
	ck_assert_uint_eq(duo_children(d.sun), 1);
	duo_down(&d, d.moon);
	duo_end(&d);
}
END_TEST

/* Half-open SAs are found by the initiator's SPI alone. */
START_TEST(a_first_message_of_ikev2_is_no_retransmission_of_ikev1s)
{
	struct duo d = duo_begin_ikev1(false);
	struct why why;

	d.sun_side.version = d.moon_side.version = SIM_VERSION_EITHER;
	duo_start(&d);
	ck_assert(sim_node_initiate(d.moon, "sun", "net", &why)); /* IKEv2 */
	sim_world_run(d.world, d.world->now + 5);
	const struct ike_sa *moon = first_sa(d.moon);
	ck_assert_ptr_nonnull(moon);
	ck_assert_ptr_null(ike_half_open_find(
		d.sun->engine, 1, moon->spi_initiator, &moon->local, &moon->remote));
	sim_world_run(d.world, d.world->now + 8);
	ck_assert_ptr_nonnull(ike_half_open_find(
		d.sun->engine, 2, moon->spi_initiator, &moon->local, &moon->remote));
	ck_assert_ptr_null(ike_half_open_find(
		d.sun->engine, 1, moon->spi_initiator, &moon->local, &moon->remote));
	sim_world_run(d.world, d.world->now + IKE_SECONDS(1));
	duo_down(&d, d.moon);
	duo_end(&d);
}
END_TEST

TCase *version_tests(void)
{
	TCase *t = tcase_create("versions");

	tcase_add_loop_test(t, an_attempt_of_ikev1_takes_no_answer_of_ikev2, 0, 8);
	tcase_add_loop_test(t, a_responder_of_ikev1_takes_no_request_of_ikev2, 0, 2);
	tcase_add_loop_test(t, an_sa_of_ikev2_takes_no_message_of_ikev1, 0, 4);
	tcase_add_test(t, a_first_message_of_ikev2_is_no_retransmission_of_ikev1s);
	return t;
}
