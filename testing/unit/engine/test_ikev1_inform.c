/* IKEv1: what a peer says in informational exchanges, or somebody else. */
#include "libike/ikev1/ikev1.h"
#include "testing/unit/engine/duo.h"

static struct ike_sa *sa_of(const struct sim_node *n)
{
	return (struct ike_sa *)ike_engine_sa_next(n->engine, NULL);
}

static struct duo up(void)
{
	struct duo d = duo_begin_ikev1(false);

	duo_start(&d);
	duo_up(&d, d.sun, "net");
	return d;
}

/* sun says so to moon, with their keys. */
static void notify(
	struct duo *d, uint8_t protocol, uint16_t type, struct bytes spi, struct bytes data)
{
	sim_node_enter(d->sun);
	d->sun->engine->now = sim_node_now(d->sun);
	ikev1_inform_notify(d->sun->engine, sa_of(d->sun), protocol, type, spi, data);
	sim_node_leave(d->sun);
	duo_pass(d, 100);
}

static struct bytes u32(uint32_t value, uint8_t room[4])
{
	struct writer w = writer_of(room, 4);

	writer_u32(&w, value);
	return writer_bytes(&w);
}

static bool count_informational(void *context, struct sim_world *w, struct sim_flight *flight)
{
	unsigned *count = context;

	(void)w;
	*count += flight->data[18] == ISAKMP_EXCHANGE_INFORMATIONAL;
	return true;
}

/* Who asks is answered with the same number, whatever it is; an answer to nothing is none. */
START_TEST(dpd_numbers)
{
	struct duo d = up();
	unsigned count = 0;
	uint8_t room[4];

	d.world->filter = count_informational;
	d.world->filter_context = &count;
	for (uint32_t n = 0; n < 3; n++)
		notify(&d, ISAKMP_PROTOCOL_ISAKMP, ISAKMP_NOTIFY_R_U_THERE, (struct bytes){ 0 },
			u32(7 + 5 * n, room));
	ck_assert_uint_eq(count, 6);
	ck_assert(sim_node_logged(d.sun, "DPD answer has number 17, expected 0"));
	notify(&d, ISAKMP_PROTOCOL_ISAKMP, ISAKMP_NOTIFY_R_U_THERE, (struct bytes){ 0 },
		(struct bytes){ 0 });
	ck_assert(sim_node_logged(d.moon, "DPD message without a number"));
	ck_assert_uint_eq(count, 7);
	duo_end(&d);
}
END_TEST

/* sun has lost a child, and says so when packets come for it. */
START_TEST(invalid_spi_ends_the_child_and_it_is_made_again)
{
	struct duo d = duo_begin_ikev1(false);
	uint32_t id, spi;
	uint8_t room[4];

	d.moon_side.children[0].dpd_action = IKE_ACTION_START;
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	id = sa_of(d.moon)->children->unique_id;
	spi = sa_of(d.moon)->children->spi_out;
	notify(&d, ISAKMP_PROTOCOL_ESP, ISAKMP_NOTIFY_INVALID_SPI, (struct bytes){ 0 },
		u32(spi + 1, room));
	ck_assert_uint_eq(sa_of(d.moon)->children->unique_id, id);
	notify(&d, ISAKMP_PROTOCOL_ESP, ISAKMP_NOTIFY_INVALID_SPI, u32(spi, room),
		(struct bytes){ 0 });
	ck_assert(sim_node_logged(d.moon, "peer does not have CHILD_SA net{"));
	duo_pass(&d, IKE_SECONDS(20));
	ck_assert_uint_eq(duo_children(d.moon), 1);
	ck_assert_uint_eq(duo_children(d.sun), 1);
	ck_assert_uint_ne(sa_of(d.moon)->children->unique_id, id);
	duo_end(&d);
}
END_TEST

/* Life type (basic attribute): seconds; duration: in four octets. */
static struct bytes life(uint16_t type, uint32_t seconds, uint8_t room[12])
{
	struct writer w = writer_of(room, 12);

	writer_u16(&w, 0x8000 | type);
	writer_u16(&w, 1);
	writer_u16(&w, type + 1);
	writer_u16(&w, 4);
	writer_u32(&w, seconds);
	return writer_bytes(&w);
}

START_TEST(responder_lifetime_shortens_what_was_planned)
{
	struct duo d = duo_begin_ikev1(false);
	struct duo_stream stream;
	uint8_t room[12], spi[4];
	const struct ike_child *child;
	uint32_t old;

	d.moon_side.rekey_time = 10000;
	d.moon_side.children[0].rekey_time = 10000;
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	old = sa_of(d.moon)->unique_id;
	child = sa_of(d.moon)->children;
	notify(&d, ISAKMP_PROTOCOL_ESP, ISAKMP_NOTIFY_RESPONDER_LIFETIME, u32(child->spi_out, spi),
		life(1, 300, room));
	ck_assert_int_le(child->expires_at, d.world->now + IKE_SECONDS(300));
	ck_assert_int_lt(child->rekey_at, child->expires_at);
	notify(&d, ISAKMP_PROTOCOL_ISAKMP, ISAKMP_NOTIFY_RESPONDER_LIFETIME, (struct bytes){ 0 },
		life(11, 200, room));
	ck_assert_int_le(sa_of(d.moon)->expires_at, d.world->now + IKE_SECONDS(200));
	/* A longer one changes nothing. */
	notify(&d, ISAKMP_PROTOCOL_ISAKMP, ISAKMP_NOTIFY_RESPONDER_LIFETIME, (struct bytes){ 0 },
		life(11, 5000, room));
	ck_assert_int_le(sa_of(d.moon)->expires_at, d.world->now + IKE_SECONDS(200));
	duo_stream_begin(&d, &stream, 330);
	duo_pass(&d, IKE_SECONDS(340));
	ck_assert_uint_ne(sa_of(d.moon)->unique_id, old);
	ck_assert_uint_eq(duo_children(d.moon), 1);
	ck_assert_uint_eq(stream.arrived, stream.sent);
	duo_end(&d);
}
END_TEST

/* As initiator the end with the larger one hears it by RESPONDER_LIFETIME, else by the offer. */
START_TEST(the_smaller_volume_counts)
{
	struct duo d = duo_begin_ikev1(false);
	const struct ike_child *child;

	d.sun_side.children[0].rekey_bytes = 1000000; /* and 1100000 at most, which is 1074 kB */
	d.moon_side.children[0].rekey_bytes = 10000000;
	duo_start(&d);
	duo_up(&d, _i ? d.moon : d.sun, "net");
	child = sa_of(d.moon)->children;
	ck_assert_uint_eq(child->life_bytes, 1074 * 1024);
	ck_assert_uint_gt(child->rekey_bytes, 0);
	ck_assert_uint_lt(child->rekey_bytes, 1074 * 1024);
	ck_assert(sim_node_logged(d.moon, "received 1099776 lifebytes, configured 11000000"));
	ck_assert_uint_eq(sa_of(d.sun)->children->life_bytes, 0);
	ck_assert(!sim_node_logged(d.sun, "lifebytes, configured"));
	duo_end(&d);
}
END_TEST

START_TEST(a_peer_that_refuses_us_after_all_ends_the_ike_sa)
{
	struct duo d = up();

	notify(&d, ISAKMP_PROTOCOL_ISAKMP, ISAKMP_NOTIFY_PAYLOAD_MALFORMED, (struct bytes){ 0 },
		(struct bytes){ 0 });
	ck_assert_uint_eq(duo_ike_sas(d.moon), 1);
	ck_assert(sim_node_logged(d.moon, "peer reports"));
	notify(&d, ISAKMP_PROTOCOL_ISAKMP, ISAKMP_NOTIFY_AUTHENTICATION_FAILED, (struct bytes){ 0 },
		(struct bytes){ 0 });
	ck_assert_uint_eq(duo_ike_sas(d.moon), 0);
	duo_down(&d, d.sun);
	duo_end(&d);
}
END_TEST

/* Anybody can have sent it. */
START_TEST(what_is_in_the_clear_changes_nothing)
{
	struct duo d = up();
	const struct ike_sa *sa = sa_of(d.moon);
	struct ike_header header = {
		.spi_initiator = sa->spi_initiator,
		.spi_responder = sa->spi_responder,
		.version = 0x10,
		.exchange = ISAKMP_EXCHANGE_INFORMATIONAL,
		.message_id = 77,
	};
	uint8_t room[1000], spi[4], attributes[12];
	ike_time expires_at = sa->children->expires_at;
	struct ike_builder b;
	struct ike_packets *packets;

	ike_builder_begin(&b, room, sizeof(room));
	if (_i == 0)
		isakmp_build_delete_isakmp(&b, sa->spi_initiator, sa->spi_responder);
	else if (_i == 1)
		isakmp_build_delete(&b, ISAKMP_PROTOCOL_ESP, &sa->children->spi_out, 1);
	else if (_i == 2)
		isakmp_build_notify(&b, ISAKMP_PROTOCOL_ISAKMP, ISAKMP_NOTIFY_AUTHENTICATION_FAILED,
			(struct bytes){ 0 }, (struct bytes){ 0 });
	else if (_i == 3)
		isakmp_build_notify(&b, ISAKMP_PROTOCOL_ESP, ISAKMP_NOTIFY_INVALID_SPI,
			u32(sa->children->spi_out, spi), (struct bytes){ 0 });
	else
		isakmp_build_notify(&b, ISAKMP_PROTOCOL_ESP, ISAKMP_NOTIFY_RESPONDER_LIFETIME,
			u32(sa->children->spi_out, spi), life(1, 60, attributes));
	packets = isakmp_packets_clear(&header, &b, 0, 0);
	ck_assert_ptr_nonnull(packets);
	sim_world_inject(d.world, d.moon, &sa->remote, sa->local.port, ike_packets_get(packets, 0));
	ike_packets_free(packets);
	duo_pass(&d, 1000);
	ck_assert_uint_eq(duo_ike_sas(d.moon), 1);
	ck_assert_uint_eq(duo_children(d.moon), 1);
	ck_assert_uint_eq(duo_children(d.sun), 1);
	ck_assert_int_eq(sa->children->expires_at, expires_at);
	duo_end(&d);
}
END_TEST

TCase *ikev1_inform_tests(void)
{
	TCase *c = tcase_create("ikev1 inform");

	tcase_set_timeout(c, 60);
	tcase_add_test(c, dpd_numbers);
	tcase_add_test(c, invalid_spi_ends_the_child_and_it_is_made_again);
	tcase_add_test(c, responder_lifetime_shortens_what_was_planned);
	tcase_add_loop_test(c, the_smaller_volume_counts, 0, 2);
	tcase_add_test(c, a_peer_that_refuses_us_after_all_ends_the_ike_sa);
	tcase_add_loop_test(c, what_is_in_the_clear_changes_nothing, 0, 5);
	return c;
}
