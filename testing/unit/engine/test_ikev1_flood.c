/* IKEv1: what strangers and peers can make us hold, answer, work and write. */
#include "libike/engine_priv.h"
#include "testing/unit/engine/certified.h"
#include "testing/unit/engine/ikev1_forge.h"

static struct why why;

/* ---- Half-open, and answers to who may not be there ---- */

START_TEST(strangers_do_not_fill_the_memory)
{
	struct duo d = duo_begin_ikev1(false);
	struct tap t = { 0 };
	struct ike_builder b;

	d.sun_side.remote_addrs = "%any";
	d.sun->settings.init_limit_half_open = 40;
	duo_start(&d);
	duo_up(&d, d.moon, "net");
	forge_first(&b, 1, 1);
	for (uint64_t i = 1; i <= 1000; i++) {
		struct ike_header header = forge_first_header(i);
		struct ike_packets *packets = isakmp_packets_clear(&header, &b, 0, 0);
		struct address from = d.moon->address[0];

		ck_assert(address_parse(i % 2 ? "198.51.100.1" : "198.51.100.2", &from));
		forge_from(&d, d.sun, from, ike_packets_get(packets, 0));
		ike_packets_free(packets);
	}
	ck_assert_uint_le(duo_ike_sas(d.sun), 1 + 2 * d.sun->settings.block_threshold);
	for (uint64_t i = 1; i <= 250; i++) {
		struct ike_header header = forge_first_header(5000 + i);
		struct ike_packets *packets = isakmp_packets_clear(&header, &b, 0, 0);
		struct address from = d.moon->address[0];
		char text[32];

		snprintf(text, sizeof(text), "198.51.100.%u", (unsigned)i);
		ck_assert(address_parse(text, &from));
		forge_from(&d, d.sun, from, ike_packets_get(packets, 0));
		ike_packets_free(packets);
	}
	ck_assert_uint_le(duo_ike_sas(d.sun), 41);
	duo_pass(&d, IKE_SECONDS(60));
	forge_unharmed(&d);
	duo_down(&d, d.moon);
	duo_end(&d);
	tap_free(&t);
}
END_TEST

START_TEST(a_first_message_is_answered_once_each_time)
{
	struct duo d = duo_begin_ikev1(false);
	struct tap t = { 0 };
	struct ike_builder b;
	size_t octets, asked = 0;

	duo_start(&d);
	tap(&d, &t);
	forge_first(&b, 1, 1);
	for (unsigned i = 0; i < 10; i++) {
		struct ike_header header = forge_first_header(77);

		forge_clear(&d, d.sun, &header, &b);
		asked += IKE_HEADER_LENGTH + b.writer.length;
		duo_pass(&d, 20);
	}
	ck_assert_uint_eq(tap_sent_by(&t, d.sun, &octets), 10);
	ck_assert_uint_eq(duo_ike_sas(d.sun), 1);
	ck_assert_uint_le(octets, asked);
	duo_pass(&d, IKE_SECONDS(120)); /* and not once more by time */
	ck_assert_uint_eq(tap_sent_by(&t, d.sun, &octets), 10);
	ck_assert_uint_eq(duo_ike_sas(d.sun), 0);
	duo_end(&d);
	tap_free(&t);
}
END_TEST

static bool lose_all_from_sun(void *context, struct sim_world *w, struct sim_flight *flight)
{
	return tap_overhear(context, w, flight) && w->nodes[flight->from].name[0] != 's';
}

/* Its second message is sent again by time, as nobody answers the third. */
START_TEST(aggressive_mode_answers_a_stranger_with_little)
{
	struct duo d = duo_begin_ikev1(true);
	struct tap t = { 0 };
	size_t octets, asked;

	tap(&d, &t);
	d.world->filter = lose_all_from_sun;
	duo_start(&d);
	ck_assert(sim_node_initiate(d.moon, "sun", "net", &why));
	duo_pass(&d, 100);
	(void)sim_node_terminate(d.moon, &(struct ike_terminate){ .ike = "sun" }, &why);
	ck_assert_uint_eq(duo_ike_sas(d.moon), 0);
	duo_pass(&d, IKE_SECONDS(300));
	ck_assert_uint_eq(tap_sent_by(&t, d.moon, &asked), 1);
	/* Three times, and a DELETE, twice: the peer may believe that all is well. */
	ck_assert_uint_eq(tap_sent_by(&t, d.sun, &octets), 5);
	ck_assert_uint_le(octets, 4 * asked);
	ck_assert_uint_eq(duo_ike_sas(d.sun), 0);
	duo_end(&d);
	tap_free(&t);
}
END_TEST

/* ---- Answers that are larger than questions ---- */

/* Bits: vendor ids of the question. */
START_TEST(the_answer_to_a_first_message_is_no_larger)
{
	struct duo d = duo_begin_ikev1(false);
	struct ike_header header = forge_first_header(77);
	struct tap t = { 0 };
	struct ike_builder b;
	size_t octets;

	duo_start(&d);
	tap(&d, &t);
	forge_first(&b, 1, 1);
	for (unsigned vendor = 0; vendor < ISAKMP_VENDORS; vendor++)
		if (_i & 1 << vendor)
			isakmp_build_vendor(&b, (enum isakmp_vendor)vendor);
	forge_clear(&d, d.sun, &header, &b);
	duo_pass(&d, 20);
	ck_assert_uint_eq(tap_sent_by(&t, d.sun, &octets), 1);
	ck_assert_uint_le(octets, IKE_HEADER_LENGTH + b.writer.length);
	/* Nor is it one that costs: keys are made when the third message comes. */
	ck_assert_ptr_null(duo_sa(d.sun)->negotiation->key_exchange);
	duo_pass(&d, IKE_SECONDS(60));
	duo_end(&d);
	tap_free(&t);
}
END_TEST

/* Main Mode with pre-shared keys, all of it. */
START_TEST(no_answer_in_the_clear_is_larger_than_its_question)
{
	struct duo d = duo_begin_ikev1(false);
	struct tap t = { 0 };

	duo_start(&d);
	tap(&d, &t);
	duo_up(&d, d.moon, NULL);
	for (size_t i = 0; i + 1 < 4; i += 2) {
		ck_assert_uint_eq(t.list[i].from, d.moon->index);
		ck_assert_uint_eq(t.list[i + 1].from, d.sun->index);
		ck_assert_uint_le(t.list[i + 1].datagram.length, t.list[i].datagram.length);
	}
	duo_down(&d, d.moon);
	duo_end(&d);
	tap_free(&t);
}
END_TEST

/* What some say in the third message alone, as Cisco's do, is answered there. */
static bool later_vendors(void *context, struct sim_world *w, struct sim_flight *flight)
{
	struct duo *d = context;

	(void)w;
	/* Moon's first message without vendor ids: SA is all there is. */
	if (flight->from == d->moon->index && flight->data[18] == ISAKMP_EXCHANGE_MAIN &&
		flight->data[16] == ISAKMP_PAYLOAD_SA) {
		size_t length = (size_t)flight->data[30] << 8 | flight->data[31];

		flight->data[28] = 0;
		flight->length = 28 + length;
		flight->data[26] = (uint8_t)(flight->length >> 8);
		flight->data[27] = (uint8_t)flight->length;
	}
	return true;
}

START_TEST(who_says_nothing_about_himself_hears_nothing)
{
	struct duo d = duo_begin_ikev1(false);

	d.world->filter = later_vendors;
	d.world->filter_context = &d;
	duo_start(&d);
	duo_up(&d, d.moon, "net");
	ck_assert(!duo_sa(d.moon)->v1->peer_dpd);
	ck_assert(!duo_sa(d.sun)->v1->peer_dpd);
	duo_down(&d, d.moon);
	duo_end(&d);
}
END_TEST

/* Under load Aggressive Mode's answer goes out once, and no DELETE after it. */
START_TEST(aggressive_mode_under_load_answers_once)
{
	struct duo d = duo_begin_ikev1(true);
	struct tap t = { 0 };
	size_t octets, asked;

	if (_i)
		d.sun->settings.cookie_threshold_ip = 1;
	else
		d.sun->settings.cookie_threshold = 1;
	tap(&d, &t);
	d.world->filter = lose_all_from_sun;
	duo_start(&d);
	ck_assert(sim_node_initiate(d.moon, "sun", "net", &why));
	duo_pass(&d, 100);
	(void)sim_node_terminate(d.moon, &(struct ike_terminate){ .ike = "sun" }, &why);
	duo_pass(&d, IKE_SECONDS(300));
	ck_assert_uint_eq(tap_sent_by(&t, d.moon, &asked), 1);
	ck_assert_uint_eq(tap_sent_by(&t, d.sun, &octets), 1);
	ck_assert_uint_le(octets, asked + asked / 2);
	ck_assert_uint_eq(duo_ike_sas(d.sun), 0);
	duo_end(&d);
	tap_free(&t);
}
END_TEST

/* Who is there says it again, or goes on. */
START_TEST(aggressive_mode_under_load_outlives_a_loss)
{
	struct duo d = duo_begin_ikev1(true);
	struct duo_dropper loss = { .drop = (unsigned)_i + 1 };

	d.sun->settings.cookie_threshold = 1;
	d.world->filter = duo_drop;
	d.world->filter_context = &loss;
	duo_start(&d);
	duo_up(&d, d.moon, "net");
	forge_unharmed(&d);
	duo_down(&d, d.moon);
	duo_end(&d);
}
END_TEST

/* Nobody can keep a peer out by writing its address on first messages. Bit 0: the peer speaks
 * IKEv2; bit 1: all come before its own, or one each millisecond. */
START_TEST(first_messages_in_its_name_do_not_keep_a_peer_out)
{
	struct duo d = duo_begin_ikev1(false);
	struct ike_builder b;

	d.sun_side.version = SIM_VERSION_EITHER;
	if (_i & 1)
		d.moon_side.version = 2;
	duo_start(&d);
	for (unsigned i = 1; i <= 50; i++) {
		struct ike_header header = forge_first_header(1000 + i);

		forge_first(&b, 1, 1);
		forge_clear(&d, d.sun, &header, &b);
	}
	ck_assert_uint_eq(duo_ike_sas(d.sun), d.sun->settings.block_threshold);
	ike_time before = d.world->now;
	ck_assert(sim_node_initiate(d.moon, "sun", "net", &why));
	duo_pass(&d, IKE_SECONDS(2));
	ck_assert_uint_eq(duo_children(d.moon), 1);
	ck_assert_int_lt(duo_sa(d.moon)->established_at - before, IKE_SECONDS(1));
	duo_pass(&d, IKE_SECONDS(40));
	forge_unharmed(&d);
	duo_down(&d, d.moon);
	duo_end(&d);
}
END_TEST

/* From as many addresses as there are. */
START_TEST(strangers_of_all_addresses_are_bounded_by_default)
{
	struct duo d = duo_begin_ikev1(false);
	struct ike_builder b;

	d.sun_side.remote_addrs = "%any";
	duo_start(&d);
	forge_first(&b, 1, 1);
	for (uint64_t i = 1; i <= 3000; i++) {
		struct ike_header header = forge_first_header(i);
		struct ike_packets *packets = isakmp_packets_clear(&header, &b, 0, 0);
		struct address from;
		char text[32];

		snprintf(text, sizeof(text), "198.18.%u.%u", (unsigned)i >> 8, (unsigned)i & 255);
		ck_assert(address_parse(text, &from));
		forge_from(&d, d.sun, from, ike_packets_get(packets, 0));
		ike_packets_free(packets);
	}
	ck_assert_uint_eq(duo_ike_sas(d.sun), 1000);
	duo_up(&d, d.moon, "net"); /* who is there takes the place of the oldest */
	duo_pass(&d, IKE_SECONDS(60));
	forge_unharmed(&d);
	duo_down(&d, d.moon);
	duo_end(&d);
}
END_TEST

/* With certificates it does so always. */
START_TEST(aggressive_mode_with_certificates_answers_once)
{
	struct duo d = certified_begin(true);
	struct tap t = { 0 };
	size_t octets, asked;

	tap(&d, &t);
	d.world->filter = lose_all_from_sun;
	certified_start(&d, "rsa2048", false);
	ck_assert(sim_node_initiate(d.moon, "sun", "net", &why));
	duo_pass(&d, IKE_SECONDS(1));
	(void)sim_node_terminate(d.moon, &(struct ike_terminate){ .ike = "sun" }, &why);
	size_t sent = tap_sent_by(&t, d.sun, &octets);
	duo_pass(&d, IKE_SECONDS(300));
	ck_assert_uint_eq(tap_sent_by(&t, d.moon, &asked), 1);
	ck_assert_uint_eq(tap_sent_by(&t, d.sun, &octets), sent);
	ck_assert_uint_gt(sent, 0);
	ck_assert_uint_le(octets, 6 * asked);
	duo_end(&d);
	tap_free(&t);
}
END_TEST

static bool forge_proofs(void *context, struct sim_world *w, struct sim_flight *flight)
{
	static const uint8_t garbage[48] = { 1, 2, 3 };
	struct duo *d = context;
	struct ike_builder b;

	(void)w;
	if (flight->from != d->moon->index || flight->data[18] != ISAKMP_EXCHANGE_MAIN ||
		!(flight->data[19] & ISAKMP_FLAG_ENCRYPTED))
		return true;
	for (unsigned i = 0; i < 20; i++) {
		struct ike_header header = forge_header(duo_sa(d->sun), ISAKMP_EXCHANGE_MAIN);

		header.flags = ISAKMP_FLAG_ENCRYPTED;
		ike_builder_begin(&b, forge_room, sizeof(forge_room));
		isakmp_build_nonce(&b, bytes_of(garbage, 44));
		b.writer.at[4] = (uint8_t)i;
		forge_clear(d, d->sun, &header, &b);
	}
	ck_assert_uint_eq(duo_sa(d->sun)->v1->phase1->unopened, 3);
	return true;
}

/* The keys of all definitions are tried on few of them. */
START_TEST(garbage_in_place_of_a_proof_costs_little_and_ends_nothing)
{
	struct duo d = duo_begin_ikev1(false);

	d.world->filter = forge_proofs;
	d.world->filter_context = &d;
	duo_start(&d);
	duo_up(&d, d.moon, "net");
	forge_unharmed(&d);
	duo_down(&d, d.moon);
	duo_end(&d);
}
END_TEST

/* ---- More than anybody needs ---- */

static const struct {
	size_t proposals, transforms;
	bool fine;
} counts[] = { { 1, 100, true }, { 60, 1, true }, { 64, 1, true }, { 65, 1, false },
	{ 6, 100, false }, { 2, 100, true } };

START_TEST(proposals_without_end_are_refused)
{
	struct duo d = duo_begin_ikev1(false);
	struct ike_header header = forge_first_header(77);
	struct ike_builder b;

	duo_start(&d);
	forge_first(&b, counts[_i].proposals, counts[_i].transforms);
	forge_clear(&d, d.sun, &header, &b);
	ck_assert_uint_eq(duo_ike_sas(d.sun), counts[_i].fine ? 1 : 0);
	duo_pass(&d, IKE_SECONDS(60));
	duo_end(&d);
}
END_TEST

START_TEST(deletes_of_thousands_do_not_fill_the_log)
{
	struct duo d = forge_begin_up();
	static uint32_t spis[1900];
	struct ike_builder b;

	for (uint32_t i = 0; i < 1900; i++)
		spis[i] = 0x10000 + i;
	size_t before = d.moon->log_count;
	forge_begin_hashed(&b, d.moon);
	isakmp_build_delete(&b, ISAKMP_PROTOCOL_ESP, spis, 1900);
	forge_sealed(&d, d.moon, ISAKMP_EXCHANGE_INFORMATIONAL, 99, &b, true);
	duo_pass(&d, 100);
	ck_assert_uint_lt(d.moon->log_count - before, 20);
	forge_unharmed(&d);
	duo_down(&d, d.moon);
	duo_end(&d);
}
END_TEST

static bool lose_third(void *context, struct sim_world *w, struct sim_flight *flight)
{
	struct duo *d = context;

	(void)w;
	return flight->from != d->moon->index || flight->data[18] != ISAKMP_EXCHANGE_QUICK ||
	       flight->length > 28 + 64;
}

/* A peer that begins one Quick Mode after the other, and ends none. */
START_TEST(quick_modes_that_do_not_end_are_few)
{
	struct duo d = forge_begin_up();
	unsigned exchanges = 0;

	d.world->filter = lose_third;
	d.world->filter_context = &d;
	for (unsigned i = 0; i < 60; i++) {
		(void)sim_node_rekey(d.moon, &(struct ike_rekey){ .child = "net" }, &why);
		duo_pass(&d, 100);
	}
	ck_assert_uint_le(duo_children(d.sun), 3);
	for (const struct ikev1_exchange *x = duo_sa(d.sun)->v1->exchanges; x; x = x->next)
		exchanges++;
	ck_assert_uint_le(exchanges, IKEV1_EXCHANGES_MAX);
	d.world->filter = NULL;
	duo_pass(&d, IKE_SECONDS(400));
	forge_unharmed(&d);
	duo_down(&d, d.moon);
	duo_end(&d);
}
END_TEST

TCase *ikev1_flood_tests(void)
{
	TCase *tests = tcase_create("flood");

	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, strangers_do_not_fill_the_memory);
	tcase_add_test(tests, a_first_message_is_answered_once_each_time);
	tcase_add_test(tests, aggressive_mode_answers_a_stranger_with_little);
	tcase_add_loop_test(
		tests, the_answer_to_a_first_message_is_no_larger, 0, 1 << ISAKMP_VENDORS);
	tcase_add_test(tests, no_answer_in_the_clear_is_larger_than_its_question);
	tcase_add_test(tests, who_says_nothing_about_himself_hears_nothing);
	tcase_add_loop_test(tests, aggressive_mode_under_load_answers_once, 0, 2);
	tcase_add_loop_test(tests, aggressive_mode_under_load_outlives_a_loss, 0, 6);
	tcase_add_test(tests, aggressive_mode_with_certificates_answers_once);
	tcase_add_test(tests, garbage_in_place_of_a_proof_costs_little_and_ends_nothing);
	tcase_add_loop_test(tests, first_messages_in_its_name_do_not_keep_a_peer_out, 0, 2);
	tcase_add_test(tests, strangers_of_all_addresses_are_bounded_by_default);
	tcase_add_loop_test(
		tests, proposals_without_end_are_refused, 0, sizeof(counts) / sizeof(*counts));
	tcase_add_test(tests, deletes_of_thousands_do_not_fill_the_log);
	tcase_add_test(tests, quick_modes_that_do_not_end_are_few);
	return tests;
}
