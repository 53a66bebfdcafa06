/* Messages: built, parsed, cut short, twisted. */
#include "sample.h"
#include "testing/fuzz/message_walk.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

static uint8_t room[SAMPLE_MAX];
static uint8_t datagram[SAMPLE_MAX];
static struct ike_message message;
static struct why why;

static size_t build(void (*payloads)(struct ike_builder *b))
{
	struct ike_builder b;

	ike_builder_begin(&b, room, sizeof(room));
	payloads(&b);
	return sample_datagram(&b, datagram);
}

/* A message of one payload with that body. */
static enum ike_parse parse_one(uint8_t type, const void *body, size_t length)
{
	struct ike_builder b;

	ike_builder_begin(&b, room, sizeof(room));
	size_t mark = ike_build_open(&b, type);
	writer_put(&b.writer, bytes_of(body, length));
	ike_build_close(&b, mark);
	length = sample_datagram(&b, datagram);
	return ike_message_parse(bytes_of(datagram, length), &message, &why);
}

#define PARSE_ONE(type, ...) \
	parse_one(type, (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))

START_TEST(an_ike_sa_init_goes_to_the_wire_and_back)
{
	size_t length = build(sample_build_init);
	struct ike_proposal proposals[3];
	char text[256];

	ck_assert_int_eq(
		ike_message_parse(bytes_of(datagram, length), &message, &why), IKE_PARSE_OK);
	ck_assert_str_eq(ike_message_format(&message, text, sizeof(text)),
		"IKE_SA_INIT request 0 [ SA KE No N(NATD_S_IP) N(NATD_D_IP) V ]");
	ck_assert_uint_eq(message.header.spi_initiator, sample_header.spi_initiator);
	ck_assert_uint_eq(message.sa.count, 2);
	ck_assert_uint_eq(ike_sa_view_read(&message.sa, proposals, NULL, 3), 2);
	ck_assert_uint_eq(proposals[0].count, 5);
	ck_assert_uint_eq(proposals[0].number, 1);
	ck_assert_uint_eq(proposals[0].transforms[0].key_bits, 256);
	ck_assert_uint_eq(proposals[0].transforms[4].id, IKE_GROUP_MODP_2048);
	ck_assert_uint_eq(proposals[1].number, 2);
	ck_assert_uint_eq(proposals[1].count, 3);
	ck_assert_uint_eq(message.ke.group, IKE_GROUP_X25519);
	ck_assert_uint_eq(message.ke.public_value.length, 32);
	ck_assert_uint_eq(message.nonce.length, 32);
	ck_assert_uint_eq(message.notify_count, 2);
	ck_assert(IKE_HAS(&message, VENDOR_ID) && !IKE_HAS(&message, AUTH));
	ck_assert(!message.repeated && !message.has_sealed);
}
END_TEST

START_TEST(every_other_payload_goes_to_the_wire_and_back)
{
	size_t length = build(sample_build_auth);
	struct ike_proposal proposal;
	struct ike_selector list[4];
	struct bytes spi;
	char text[256];

	ck_assert_int_eq(
		ike_message_parse(bytes_of(datagram, length), &message, &why), IKE_PARSE_OK);
	ck_assert_str_eq(ike_message_format(&message, text, sizeof(text)),
		"IKE_SA_INIT request 0 [ IDi IDr CERT CERTREQ AUTH SA TSi TSr N(REKEY_SA) D D "
		"CPRQ(ADDR DNS) EAP/REQ/ID ]");
	ck_assert_uint_eq(message.id_initiator.type, IKE_ID_FQDN);
	ck_assert(bytes_equal(message.id_initiator.octets, bytes_of_text("moon")));
	ck_assert(bytes_equal(message.id_responder.octets, bytes_of_text("sun")));
	ck_assert_uint_eq(message.certs[0].encoding, 4);
	ck_assert_uint_eq(message.certs[0].data.length, 100);
	ck_assert_uint_eq(message.certreqs[0].data.length, 40);
	ck_assert_uint_eq(message.auth.method, IKE_AUTH_SHARED_KEY);
	ck_assert_uint_eq(ike_sa_view_read(&message.sa, &proposal, &spi, 1), 1);
	ck_assert_uint_eq(proposal.count, 2); /* without the group */
	ck_assert_uint_eq(spi.length, 4);
	ck_assert_uint_eq(ike_ts_view_read(&message.ts_initiator, list, 4), 3);
	ck_assert_uint_eq(list[1].port_from, 80);
	ck_assert_uint_eq(list[1].port_to, 443);
	ck_assert_uint_eq(list[1].protocol, 6);
	ck_assert_uint_eq(list[1].to[4], 0xff);
	ck_assert_uint_eq(list[2].port_from, 0xffff);
	ck_assert_uint_eq(list[2].port_to, 0);
	ck_assert_uint_eq(ike_ts_view_read(&message.ts_responder, list, 1), 1);
	ck_assert_uint_eq(message.notifies[0].spi.length, 4);
	ck_assert_uint_eq(message.delete_count, 2);
	ck_assert_uint_eq(message.deletes[0].protocol, IKE_PROTOCOL_IKE);
	ck_assert_uint_eq(message.deletes[1].count, 2);
	ck_assert_uint_eq(message.deletes[1].spis.at[3], 1);
	ck_assert_uint_eq(message.configuration.type, IKE_CONFIGURATION_REQUEST);
	ck_assert_uint_eq(message.eap.length, 5);
}
END_TEST

START_TEST(the_bytes_are_those_of_the_figures)
{
	static const uint8_t expected[] = {
		/* header: SPIs, next payload, version, exchange, flags, message id, length */
		1, 2, 3, 4, 5, 6, 7, 8, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 41, 0x20,
		34, 0x08, 0, 0, 0, 0, 0, 0, 0, 56,
		/* N(COOKIE) */
		42, 0, 0, 10, 0, 0, 0x40, 0x06, 0xab, 0xcd,
		/* D of one ESP SA */
		43, 0, 0, 12, 3, 4, 0, 1, 0xc0, 0, 0, 1,
		/* V */
		0, 0, 0, 6, 'h', 'i'
	};
	struct ike_builder b;

	ike_builder_begin(&b, room, sizeof(room));
	ike_build_notify(&b, IKE_NOTIFY_COOKIE, bytes_of("\xab\xcd", 2));
	ike_build_delete(&b, IKE_PROTOCOL_ESP, (const uint32_t[]){ 0xc0000001 }, 1);
	ike_build_vendor(&b, bytes_of_text("hi"));
	size_t length = sample_datagram(&b, datagram);
	ck_assert_uint_eq(length, sizeof(expected));
	ck_assert_mem_eq(datagram, expected, sizeof(expected));
}
END_TEST

/* Parses a heap copy of exact size, so that ASan sees every overread. */
static enum ike_parse parse_copy(const uint8_t *from, size_t length, bool fix_length)
{
	uint8_t *copy = malloc(length > 0 ? length : 1);

	bytes_copy(copy, bytes_of(from, length));
	if (fix_length && length >= IKE_HEADER_LENGTH)
		for (size_t i = 0; i < 4; i++)
			copy[24 + i] = (uint8_t)(length >> 8 * (3 - i));
	enum ike_parse parsed = ike_message_parse(bytes_of(copy, length), &message, &why);
	if (parsed == IKE_PARSE_OK)
		message_walk(&message);
	else
		ck_assert(!message.present && !message.order_count && !message.nonce.at);
	if (length >= IKE_HEADER_LENGTH && parsed == IKE_PARSE_OK)
		parsed = ike_message_parse_inner(&message.header, message.header.next_payload,
			bytes_of(copy + IKE_HEADER_LENGTH, length - IKE_HEADER_LENGTH), &message,
			&why);
	free(copy);
	return parsed;
}

START_TEST(every_prefix_of_a_message_is_refused)
{
	static void (*const samples[])(
		struct ike_builder *) = { sample_build_init, sample_build_auth };
	size_t length = build(samples[_i]);

	for (size_t n = 0; n < length; n++) {
		ck_assert_int_eq(parse_copy(datagram, n, false), IKE_PARSE_SYNTAX);
		/* A prefix that ends with a payload still says that another follows. */
		ck_assert_int_eq(parse_copy(datagram, n, true), IKE_PARSE_SYNTAX);
	}
	ck_assert_int_eq(parse_copy(datagram, length, true), IKE_PARSE_OK);
}
END_TEST

START_TEST(flipped_bits_and_random_octets_never_harm)
{
	static void (*const samples[])(
		struct ike_builder *) = { sample_build_init, sample_build_auth };
	static uint8_t original[SAMPLE_MAX];
	size_t length = build(samples[_i]);
	uint32_t random = 12345;

	memcpy(original, datagram, length);
	for (size_t bit = 0; bit < 8 * length; bit++) {
		memcpy(datagram, original, length);
		datagram[bit / 8] ^= (uint8_t)(1u << bit % 8);
		(void)parse_copy(datagram, length, false);
	}
	for (size_t round = 0; round < 5000; round++) {
		memcpy(datagram, original, length);
		for (size_t i = 0; i <= round % 8; i++) {
			random = random * 1103515245 + 12345;
			size_t at =
				IKE_HEADER_LENGTH + (random >> 8) % (length - IKE_HEADER_LENGTH);
			random = random * 1103515245 + 12345;
			datagram[at] = (uint8_t)(random >> 16);
		}
		(void)parse_copy(datagram, length - round % 3, true);
	}
}
END_TEST

START_TEST(the_headers_length_must_be_the_datagrams)
{
	size_t length = build(sample_build_init);

	datagram[27]++;
	ck_assert_int_eq(
		ike_message_parse(bytes_of(datagram, length), &message, &why), IKE_PARSE_SYNTAX);
	ck_assert_str_ne(why.text, "");
}
END_TEST

START_TEST(a_higher_major_version_is_told_apart_and_a_minor_one_ignored)
{
	size_t length = build(sample_build_init);
	struct bytes whole = { datagram, length };

	datagram[17] = 0x2f;
	ck_assert_int_eq(ike_message_parse(whole, &message, &why), IKE_PARSE_OK);
	datagram[17] = 0x30;
	ck_assert_int_eq(ike_message_parse(whole, &message, &why), IKE_PARSE_VERSION);
	ck_assert_uint_eq(message.header.version, 0x30);
	datagram[17] = 0x10;
	ck_assert_int_eq(ike_message_parse(whole, &message, &why), IKE_PARSE_SYNTAX);
}
END_TEST

START_TEST(an_unknown_payload_is_skipped_unless_critical)
{
	ck_assert_int_eq(PARSE_ONE(200, 1, 2, 3), IKE_PARSE_OK);
	ck_assert_uint_eq(message.present, 0);
	ck_assert_uint_eq(message.order_count, 1);
	datagram[29] = 0x80;
	ck_assert_int_eq(
		ike_message_parse(bytes_of(datagram, 28 + 7), &message, &why), IKE_PARSE_CRITICAL);
	ck_assert_uint_eq(message.critical_type, 200);
	ck_assert_int_eq(PARSE_ONE(1, 1, 2, 3), IKE_PARSE_OK);
}
END_TEST

START_TEST(a_known_payload_may_be_called_critical_and_reserved_bits_are_ignored)
{
	size_t length = build(sample_build_init);

	datagram[29] = 0xff;
	datagram[33] = 0xff; /* reserved octet of the first proposal */
	ck_assert_int_eq(
		ike_message_parse(bytes_of(datagram, length), &message, &why), IKE_PARSE_OK);
}
END_TEST

START_TEST(payloads_that_contradict_themselves_are_refused)
{
	static const uint8_t nonce[257];

	ck_assert_int_eq(parse_one(IKE_PAYLOAD_NONCE, nonce, 15), IKE_PARSE_SYNTAX);
	ck_assert_int_eq(parse_one(IKE_PAYLOAD_NONCE, nonce, 257), IKE_PARSE_SYNTAX);
	ck_assert_int_eq(parse_one(IKE_PAYLOAD_NONCE, nonce, 256), IKE_PARSE_OK);
	ck_assert_int_eq(PARSE_ONE(IKE_PAYLOAD_KE, 0, 31, 0, 0), IKE_PARSE_SYNTAX);
	ck_assert_int_eq(PARSE_ONE(IKE_PAYLOAD_AUTH, 2, 0, 0, 0), IKE_PARSE_SYNTAX);
	ck_assert_int_eq(PARSE_ONE(IKE_PAYLOAD_ID_INITIATOR, 11, 0, 0, 0), IKE_PARSE_SYNTAX);
	ck_assert_int_eq(PARSE_ONE(IKE_PAYLOAD_CERT, 4), IKE_PARSE_SYNTAX);
	ck_assert_int_eq(PARSE_ONE(IKE_PAYLOAD_CERTREQ, 4), IKE_PARSE_OK);
	ck_assert_int_eq(PARSE_ONE(IKE_PAYLOAD_NOTIFY, 3, 5, 0, 11, 1, 2, 3, 4), IKE_PARSE_SYNTAX);
	ck_assert_int_eq(
		PARSE_ONE(IKE_PAYLOAD_NOTIFY, 3, 5, 0, 11, 1, 2, 3, 4, 5), IKE_PARSE_SYNTAX);
	ck_assert_int_eq(PARSE_ONE(IKE_PAYLOAD_DELETE, 3, 4, 0, 2, 1, 2, 3, 4), IKE_PARSE_SYNTAX);
	ck_assert_int_eq(PARSE_ONE(IKE_PAYLOAD_DELETE, 3, 8, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8),
		IKE_PARSE_SYNTAX);
	ck_assert_int_eq(PARSE_ONE(IKE_PAYLOAD_DELETE, 3, 0, 0xff, 0xff), IKE_PARSE_SYNTAX);
	ck_assert_int_eq(PARSE_ONE(IKE_PAYLOAD_EAP, 1, 1, 0, 4), IKE_PARSE_SYNTAX);
	ck_assert_int_eq(PARSE_ONE(IKE_PAYLOAD_EAP, 3, 1, 0, 4), IKE_PARSE_OK);
	ck_assert_int_eq(PARSE_ONE(IKE_PAYLOAD_EAP, 3, 1, 0, 5), IKE_PARSE_SYNTAX);
	ck_assert_int_eq(
		PARSE_ONE(IKE_PAYLOAD_CONFIGURATION, 1, 0, 0, 0, 0, 1, 0, 1), IKE_PARSE_SYNTAX);
	ck_assert_int_eq(PARSE_ONE(IKE_PAYLOAD_CONFIGURATION, 1, 0, 0, 0), IKE_PARSE_OK);
}
END_TEST

START_TEST(selectors_are_checked)
{
	ck_assert_int_eq(PARSE_ONE(IKE_PAYLOAD_TS_INITIATOR, 0, 0, 0, 0), IKE_PARSE_SYNTAX);
	/* one good, then: count, length, addresses, ports */
	ck_assert_int_eq(PARSE_ONE(IKE_PAYLOAD_TS_INITIATOR, 1, 0, 0, 0, 7, 0, 0, 16, 0, 0, 0xff,
				 0xff, 10, 0, 0, 0, 10, 0, 0, 1),
		IKE_PARSE_OK);
	ck_assert_int_eq(PARSE_ONE(IKE_PAYLOAD_TS_INITIATOR, 2, 0, 0, 0, 7, 0, 0, 16, 0, 0, 0xff,
				 0xff, 10, 0, 0, 0, 10, 0, 0, 1),
		IKE_PARSE_SYNTAX);
	ck_assert_int_eq(PARSE_ONE(IKE_PAYLOAD_TS_INITIATOR, 1, 0, 0, 0, 8, 0, 0, 16, 0, 0, 0xff,
				 0xff, 10, 0, 0, 0, 10, 0, 0, 1),
		IKE_PARSE_SYNTAX);
	ck_assert_int_eq(PARSE_ONE(IKE_PAYLOAD_TS_INITIATOR, 1, 0, 0, 0, 7, 0, 0, 16, 0, 0, 0xff,
				 0xff, 10, 0, 0, 2, 10, 0, 0, 1),
		IKE_PARSE_SYNTAX);
	ck_assert_int_eq(PARSE_ONE(IKE_PAYLOAD_TS_INITIATOR, 1, 0, 0, 0, 7, 6, 0, 16, 0, 2, 0, 1,
				 10, 0, 0, 0, 10, 0, 0, 1),
		IKE_PARSE_SYNTAX);
}
END_TEST

START_TEST(an_unknown_kind_of_selector_is_passed_over)
{
	struct ike_selector list[2];

	ck_assert_int_eq(PARSE_ONE(IKE_PAYLOAD_TS_INITIATOR, 2, 0, 0, 0, 10, 0, 0, 6, 1, 2, 7, 0, 0,
				 16, 0, 0, 0xff, 0xff, 10, 0, 0, 0, 10, 0, 0, 1),
		IKE_PARSE_OK);
	ck_assert_uint_eq(ike_ts_view_read(&message.ts_initiator, list, 2), 1);
	ck_assert_uint_eq(list[0].to[3], 1);
}
END_TEST

#define TRANSFORM(last, ...) (last), 0, 0, 4 + sizeof((uint8_t[]){ __VA_ARGS__ }), __VA_ARGS__

START_TEST(transforms_that_we_cannot_read_leave_the_rest_of_the_proposal)
{
	struct ike_proposal p;

	/* an attribute we don't know on one of two ciphers, an unknown id, a TLV attribute */
	ck_assert_int_eq(
		PARSE_ONE(IKE_PAYLOAD_SA, 0, 0, 0, 8 + 16 + 12 + 8 + 13, 1, 1, 0, 4,
			TRANSFORM(3, 1, 0, 0, 12, 0x80, 14, 1, 0, 0x80, 15, 0, 0),
			TRANSFORM(3, 1, 0, 0, 12, 0x80, 14, 0, 128), TRANSFORM(3, 2, 0, 99, 99),
			TRANSFORM(0, 2, 0, 0, 5, 0, 20, 0, 1, 9)),
		IKE_PARSE_OK);
	ck_assert_uint_eq(ike_sa_view_read(&message.sa, &p, NULL, 1), 1);
	ck_assert_uint_eq(p.count, 2);
	ck_assert_uint_eq(p.transforms[0].key_bits, 128);
	ck_assert_uint_eq(p.transforms[1].id, 99 << 8 | 99);
	ck_assert(!p.unknown_type);
}
END_TEST

START_TEST(a_proposal_that_loses_a_whole_type_cannot_be_chosen)
{
	struct ike_proposal p;

	ck_assert_int_eq(
		PARSE_ONE(IKE_PAYLOAD_SA, 0, 0, 0, 8 + 8 + 12, 1, 1, 0, 2,
			TRANSFORM(3, 1, 0, 0, 12), TRANSFORM(0, 3, 0, 0, 2, 0x80, 15, 0, 1)),
		IKE_PARSE_OK);
	ck_assert_uint_eq(ike_sa_view_read(&message.sa, &p, NULL, 1), 1);
	ck_assert(p.unknown_type);
	ck_assert_int_eq(PARSE_ONE(IKE_PAYLOAD_SA, 0, 0, 0, 8 + 8 + 8, 1, 1, 0, 2,
				 TRANSFORM(3, 1, 0, 0, 12), TRANSFORM(0, 77, 0, 0, 2)),
		IKE_PARSE_OK);
	ck_assert_uint_eq(ike_sa_view_read(&message.sa, &p, NULL, 1), 1);
	ck_assert(p.unknown_type);
	ck_assert_uint_eq(p.count, 1);
}
END_TEST

START_TEST(proposals_are_checked)
{
	/* SPI of 4 octets for IKE; of 8 for ESP */
	ck_assert_int_eq(PARSE_ONE(IKE_PAYLOAD_SA, 0, 0, 0, 20, 1, 1, 4, 1, 1, 2, 3, 4,
				 TRANSFORM(0, 1, 0, 0, 3)),
		IKE_PARSE_SYNTAX);
	ck_assert_int_eq(
		PARSE_ONE(IKE_PAYLOAD_SA, 0, 0, 0, 16, 1, 3, 0, 1, TRANSFORM(0, 1, 0, 0, 3)),
		IKE_PARSE_SYNTAX);
	/* none; without transforms; wrong marks; wrong count; wrong number */
	ck_assert_int_eq(parse_one(IKE_PAYLOAD_SA, NULL, 0), IKE_PARSE_SYNTAX);
	ck_assert_int_eq(PARSE_ONE(IKE_PAYLOAD_SA, 0, 0, 0, 8, 1, 1, 0, 0), IKE_PARSE_SYNTAX);
	ck_assert_int_eq(
		PARSE_ONE(IKE_PAYLOAD_SA, 2, 0, 0, 16, 1, 1, 0, 1, TRANSFORM(0, 1, 0, 0, 3)),
		IKE_PARSE_SYNTAX);
	ck_assert_int_eq(
		PARSE_ONE(IKE_PAYLOAD_SA, 0, 0, 0, 16, 1, 1, 0, 1, TRANSFORM(3, 1, 0, 0, 3)),
		IKE_PARSE_SYNTAX);
	ck_assert_int_eq(
		PARSE_ONE(IKE_PAYLOAD_SA, 0, 0, 0, 16, 1, 1, 0, 2, TRANSFORM(3, 1, 0, 0, 3)),
		IKE_PARSE_SYNTAX);
	ck_assert_int_eq(
		PARSE_ONE(IKE_PAYLOAD_SA, 0, 0, 0, 16, 0, 1, 0, 1, TRANSFORM(0, 1, 0, 0, 3)),
		IKE_PARSE_SYNTAX);
	ck_assert_int_eq(
		PARSE_ONE(IKE_PAYLOAD_SA, 2, 0, 0, 16, 1, 1, 0, 1, TRANSFORM(0, 1, 0, 0, 3), 0, 0,
			0, 16, 3, 1, 0, 1, TRANSFORM(0, 1, 0, 0, 3)),
		IKE_PARSE_SYNTAX);
	/* an answer may bear any number */
	ck_assert_int_eq(
		PARSE_ONE(IKE_PAYLOAD_SA, 0, 0, 0, 16, 7, 1, 0, 1, TRANSFORM(0, 1, 0, 0, 3)),
		IKE_PARSE_OK);
}
END_TEST

START_TEST(more_payloads_than_there_is_room_for_are_checked_and_dropped)
{
	struct ike_builder b;

	ike_builder_begin(&b, room, sizeof(room));
	for (size_t i = 0; i < IKE_MESSAGE_NOTIFIES_MAX + 5; i++)
		ike_build_notify(&b, 40000, (struct bytes){ 0 });
	for (size_t i = 0; i < IKE_MESSAGE_VENDORS_MAX + 5; i++)
		ike_build_vendor(&b, bytes_of_text("x"));
	size_t length = sample_datagram(&b, datagram);
	ck_assert_int_eq(
		ike_message_parse(bytes_of(datagram, length), &message, &why), IKE_PARSE_OK);
	ck_assert_uint_eq(message.notify_count, IKE_MESSAGE_NOTIFIES_MAX);
	ck_assert_uint_eq(message.vendor_count, IKE_MESSAGE_VENDORS_MAX);
	for (size_t i = 0; i < 15; i++)
		ike_build_notify(&b, 40000, (struct bytes){ 0 });
	length = sample_datagram(&b, datagram);
	ck_assert_int_eq(
		ike_message_parse(bytes_of(datagram, length), &message, &why), IKE_PARSE_SYNTAX);
}
END_TEST

START_TEST(repeated_payloads_are_noted)
{
	struct ike_builder b;
	uint8_t nonce[32] = { 0 };

	ike_builder_begin(&b, room, sizeof(room));
	ike_build_nonce(&b, bytes_of(nonce, 32));
	ike_build_notify(&b, 1, (struct bytes){ 0 });
	ike_build_notify(&b, 1, (struct bytes){ 0 });
	ike_build_nonce(&b, bytes_of(nonce, 32));
	size_t length = sample_datagram(&b, datagram);
	ck_assert_int_eq(
		ike_message_parse(bytes_of(datagram, length), &message, &why), IKE_PARSE_OK);
	ck_assert_uint_eq(message.repeated, IKE_PAYLOAD_BIT(IKE_PAYLOAD_NONCE));
}
END_TEST

START_TEST(a_sealed_payload_is_the_last_and_stays_sealed)
{
	ck_assert_int_eq(PARSE_ONE(IKE_PAYLOAD_SEALED, 1, 2, 3), IKE_PARSE_OK);
	ck_assert(message.has_sealed && !message.sealed.is_fragment);
	ck_assert_uint_eq(message.sealed.offset, 32);
	datagram[28] = IKE_PAYLOAD_ID_INITIATOR; /* the first inside: nothing follows outside */
	ck_assert_int_eq(ike_message_parse(bytes_of(datagram, 35), &message, &why), IKE_PARSE_OK);
	ck_assert_uint_eq(message.sealed.next_payload, IKE_PAYLOAD_ID_INITIATOR);
	ck_assert_int_eq(parse_one(IKE_PAYLOAD_SEALED, NULL, 0), IKE_PARSE_SYNTAX);
	datagram[30] = 0;
	datagram[31] = 6;
	datagram[27] = 28 + 6 + 4;
	ck_assert_int_eq(
		ike_message_parse(bytes_of(datagram, 38), &message, &why), IKE_PARSE_SYNTAX);
}
END_TEST

START_TEST(fragment_numbers_are_checked)
{
	ck_assert_int_eq(PARSE_ONE(IKE_PAYLOAD_SEALED_FRAGMENT, 0, 2, 0, 3, 9, 9), IKE_PARSE_OK);
	ck_assert(message.sealed.is_fragment);
	ck_assert_uint_eq(message.sealed.fragment, 2);
	ck_assert_uint_eq(message.sealed.fragments, 3);
	ck_assert_uint_eq(message.sealed.offset, 36);
	ck_assert_int_eq(PARSE_ONE(IKE_PAYLOAD_SEALED_FRAGMENT, 0, 0, 0, 3, 9), IKE_PARSE_SYNTAX);
	ck_assert_int_eq(PARSE_ONE(IKE_PAYLOAD_SEALED_FRAGMENT, 0, 4, 0, 3, 9), IKE_PARSE_SYNTAX);
	ck_assert_int_eq(PARSE_ONE(IKE_PAYLOAD_SEALED_FRAGMENT, 0, 1, 0, 1), IKE_PARSE_SYNTAX);
}
END_TEST

START_TEST(an_inner_chain_may_be_empty_but_holds_no_sealed_payload)
{
	static const uint8_t sealed[] = { 0, 0, 0, 8, 1, 2, 3, 4 };
	char text[64];

	ck_assert_int_eq(ike_message_parse_inner(&sample_header, IKE_PAYLOAD_NONE,
				 (struct bytes){ 0 }, &message, &why),
		IKE_PARSE_OK);
	ck_assert_str_eq(
		ike_message_format(&message, text, sizeof(text)), "IKE_SA_INIT request 0 [ ]");
	ck_assert_int_eq(ike_message_parse_inner(&sample_header, IKE_PAYLOAD_SEALED,
				 bytes_of(sealed, sizeof(sealed)), &message, &why),
		IKE_PARSE_SYNTAX);
	ck_assert_int_eq(ike_message_parse_inner(&sample_header, IKE_PAYLOAD_NONE,
				 bytes_of(sealed, sizeof(sealed)), &message, &why),
		IKE_PARSE_SYNTAX);
}
END_TEST

START_TEST(notifies_are_found_by_type_and_by_being_an_error)
{
	struct ike_builder b;

	ike_builder_begin(&b, room, sizeof(room));
	ike_build_notify(&b, IKE_NOTIFY_COOKIE, (struct bytes){ 0 });
	ike_build_notify(&b, IKE_NOTIFY_TS_UNACCEPTABLE, (struct bytes){ 0 });
	size_t length = sample_datagram(&b, datagram);
	ck_assert_int_eq(
		ike_message_parse(bytes_of(datagram, length), &message, &why), IKE_PARSE_OK);
	ck_assert_ptr_eq(ike_message_notify(&message, IKE_NOTIFY_COOKIE), &message.notifies[0]);
	ck_assert_ptr_null(ike_message_notify(&message, IKE_NOTIFY_COOKIE2));
	ck_assert_ptr_eq(ike_message_error(&message), &message.notifies[1]);
}
END_TEST

START_TEST(a_builder_that_overflows_makes_no_message)
{
	uint8_t small[40];
	struct ike_builder b;

	ike_builder_begin(&b, small, sizeof(small));
	sample_build_init(&b);
	ck_assert_ptr_null(ike_packets_clear(&sample_header, &b));
}
END_TEST

START_TEST(names_of_numbers_are_printable_whatever_the_number)
{
	char text[IKE_NUMBER_TEXT_MAX];

	ck_assert_str_eq(ike_payload_format(IKE_PAYLOAD_SA, text), "SA");
	ck_assert_str_eq(ike_payload_format(255, text), "(255)");
	ck_assert_str_eq(ike_exchange_format(37, text), "INFORMATIONAL");
	ck_assert_str_eq(ike_exchange_format(0, text), "(0)");
	ck_assert_str_eq(ike_notify_format(14, text), "NO_PROPOSAL_CHOSEN");
	ck_assert_str_eq(ike_notify_format(65535, text), "(65535)");
	ck_assert_str_eq(ike_auth_method_name(2), "pre-shared key");
	ck_assert_ptr_null(ike_auth_method_name(255));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("message");
	TCase *tests = tcase_create("message");

	tcase_add_test(tests, an_ike_sa_init_goes_to_the_wire_and_back);
	tcase_add_test(tests, every_other_payload_goes_to_the_wire_and_back);
	tcase_add_test(tests, the_bytes_are_those_of_the_figures);
	tcase_add_loop_test(tests, every_prefix_of_a_message_is_refused, 0, 2);
	tcase_add_loop_test(tests, flipped_bits_and_random_octets_never_harm, 0, 2);
	tcase_add_test(tests, the_headers_length_must_be_the_datagrams);
	tcase_add_test(tests, a_higher_major_version_is_told_apart_and_a_minor_one_ignored);
	tcase_add_test(tests, an_unknown_payload_is_skipped_unless_critical);
	tcase_add_test(tests, a_known_payload_may_be_called_critical_and_reserved_bits_are_ignored);
	tcase_add_test(tests, payloads_that_contradict_themselves_are_refused);
	tcase_add_test(tests, selectors_are_checked);
	tcase_add_test(tests, an_unknown_kind_of_selector_is_passed_over);
	tcase_add_test(tests, transforms_that_we_cannot_read_leave_the_rest_of_the_proposal);
	tcase_add_test(tests, a_proposal_that_loses_a_whole_type_cannot_be_chosen);
	tcase_add_test(tests, proposals_are_checked);
	tcase_add_test(tests, more_payloads_than_there_is_room_for_are_checked_and_dropped);
	tcase_add_test(tests, repeated_payloads_are_noted);
	tcase_add_test(tests, a_sealed_payload_is_the_last_and_stays_sealed);
	tcase_add_test(tests, fragment_numbers_are_checked);
	tcase_add_test(tests, an_inner_chain_may_be_empty_but_holds_no_sealed_payload);
	tcase_add_test(tests, notifies_are_found_by_type_and_by_being_an_error);
	tcase_add_test(tests, a_builder_that_overflows_makes_no_message);
	tcase_add_test(tests, names_of_numbers_are_printable_whatever_the_number);
	suite_add_tcase(suite, tests);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
