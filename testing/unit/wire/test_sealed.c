/* Sealed messages and fragments: both ways, tampered with, reassembled from what a hostile or
 * clumsy peer sends. */
#include "sample.h"
#include "testing/fuzz/message_walk.h"

#include <check.h>
#include <stdlib.h>

static const struct {
	uint16_t encryption, bits, integrity;
} suites[] = {
	{ IKE_ENCR_AES_GCM_16, 256, 0 },
	{ IKE_ENCR_CHACHA20_POLY1305, 0, 0 },
	{ IKE_ENCR_AES_CBC, 128, IKE_INTEG_HMAC_SHA2_256_128 },
	{ IKE_ENCR_3DES, 0, IKE_INTEG_HMAC_SHA1_96 },
	{ IKE_ENCR_AES_CTR, 128, IKE_INTEG_HMAC_SHA2_512_256 },
};

#define SUITES ((int)(sizeof(suites) / sizeof(*suites)))

static uint8_t key_material[128];
static uint8_t room[IKE_CHAIN_MAX];
static struct ike_crypto *crypto;
static struct ike_message message, inner;
static struct why why;

static void set_up(void)
{
	crypto = ike_crypto_new(NULL, &why);
	ck_assert_msg(crypto != NULL, "%s", why.text);
	for (size_t i = 0; i < sizeof(key_material); i++)
		key_material[i] = (uint8_t)(i * 7 + 1);
}

static void tear_down(void)
{
	ike_crypto_free(crypto);
}

static struct ike_seal_keys keys_of(int suite)
{
	struct ike_seal_keys keys = {
		.encryption = ike_algorithm_find(
			IKE_TRANSFORM_ENCRYPTION, suites[suite].encryption, suites[suite].bits),
	};

	ck_assert_ptr_nonnull(keys.encryption);
	keys.encryption_key = bytes_of(key_material, keys.encryption->key_length);
	if (suites[suite].integrity) {
		keys.integrity =
			ike_algorithm_find(IKE_TRANSFORM_INTEGRITY, suites[suite].integrity, 0);
		keys.integrity_key = bytes_of(key_material + 60, keys.integrity->key_length);
	}
	return keys;
}

static struct ike_builder auth_chain(void)
{
	struct ike_builder b;

	ike_builder_begin(&b, room, sizeof(room));
	sample_build_auth(&b);
	return b;
}

/* Parses and opens one datagram in a copy of exact size, which it returns. */
static uint8_t *open_datagram(
	const struct ike_seal_keys *keys, struct bytes datagram, struct bytes *ret_chain)
{
	uint8_t *copy = malloc(datagram.length);

	memcpy(copy, datagram.at, datagram.length);
	ck_assert_int_eq(
		ike_message_parse(bytes_of(copy, datagram.length), &message, &why), IKE_PARSE_OK);
	ck_assert(message.has_sealed);
	ck_assert(ike_message_open(crypto, keys, copy, &message, ret_chain));
	return copy;
}

START_TEST(a_message_is_sealed_and_opened)
{
	struct ike_seal_keys keys = keys_of(_i);
	struct ike_builder b = auth_chain();
	uint64_t sequence = 5;
	struct ike_packets *packets =
		ike_packets_sealed(crypto, &keys, &sample_header, &b, 0, &sequence);
	struct bytes chain;

	ck_assert_ptr_nonnull(packets);
	ck_assert_uint_eq(packets->count, 1);
	ck_assert_uint_eq(sequence, 6);
	ck_assert_uint_eq(ike_packets_get(packets, 1).length, 0);
	uint8_t *copy = open_datagram(&keys, ike_packets_get(packets, 0), &chain);
	ck_assert_uint_eq(message.header.next_payload, IKE_PAYLOAD_SEALED);
	ck_assert(bytes_equal(chain, writer_bytes(&b.writer)));
	ck_assert_int_eq(ike_message_parse_inner(
				 &message.header, message.sealed.next_payload, chain, &inner, &why),
		IKE_PARSE_OK);
	message_walk(&inner);
	ck_assert(IKE_HAS(&inner, EAP));
	free(copy);
	ike_packets_free(packets);
}
END_TEST

START_TEST(a_message_without_payloads_can_be_sealed)
{
	struct ike_seal_keys keys = keys_of(_i);
	struct ike_builder b;
	uint64_t sequence = 0;
	struct bytes chain;

	ike_builder_begin(&b, room, sizeof(room));
	/* even where fragments are wanted: there is nothing to split */
	struct ike_packets *packets =
		ike_packets_sealed(crypto, &keys, &sample_header, &b, 40, &sequence);
	uint8_t *copy = open_datagram(&keys, ike_packets_get(packets, 0), &chain);
	ck_assert_uint_eq(chain.length, 0);
	ck_assert_uint_eq(message.sealed.next_payload, IKE_PAYLOAD_NONE);
	free(copy);
	ike_packets_free(packets);
}
END_TEST

START_TEST(every_length_of_chain_is_padded_and_comes_back)
{
	struct ike_seal_keys keys = keys_of(_i);
	uint64_t sequence = 0;
	struct ike_builder b;
	struct bytes chain;

	for (size_t n = 0; n < 40; n++) {
		uint8_t data[40] = { 1, 2, 3 };
		ike_builder_begin(&b, room, sizeof(room));
		ike_build_vendor(&b, bytes_of(data, n));
		struct ike_packets *packets =
			ike_packets_sealed(crypto, &keys, &sample_header, &b, 0, &sequence);
		uint8_t *copy = open_datagram(&keys, ike_packets_get(packets, 0), &chain);
		ck_assert(bytes_equal(chain, writer_bytes(&b.writer)));
		free(copy);
		ike_packets_free(packets);
	}
	ck_assert_uint_eq(sequence, 40);
}
END_TEST

START_TEST(a_tampered_message_does_not_open)
{
	struct ike_seal_keys keys = keys_of(_i);
	struct ike_builder b = auth_chain();
	uint64_t sequence = 0;
	struct ike_packets *packets =
		ike_packets_sealed(crypto, &keys, &sample_header, &b, 0, &sequence);
	struct bytes datagram = ike_packets_get(packets, 0), chain = { 0 };
	uint8_t *copy = malloc(datagram.length);

	for (size_t at = 0; at < datagram.length; at++) {
		memcpy(copy, datagram.at, datagram.length);
		copy[at] ^= 0x10;
		if (ike_message_parse(bytes_of(copy, datagram.length), &message, &why) !=
				IKE_PARSE_OK ||
			!message.has_sealed)
			continue;
		ck_assert_msg(
			!ike_message_open(crypto, &keys, copy, &message, &chain), "octet %zu", at);
		ck_assert_ptr_null(chain.at);
	}
	for (size_t n = IKE_HEADER_LENGTH + 5; n < datagram.length; n++) {
		uint8_t *cut = malloc(n);
		memcpy(cut, datagram.at, n);
		cut[26] = (uint8_t)(n >> 8);
		cut[27] = (uint8_t)n;
		cut[30] = (uint8_t)((n - IKE_HEADER_LENGTH) >> 8);
		cut[31] = (uint8_t)(n - IKE_HEADER_LENGTH);
		ck_assert_int_eq(ike_message_parse(bytes_of(cut, n), &message, &why), IKE_PARSE_OK);
		ck_assert(!ike_message_open(crypto, &keys, cut, &message, &chain));
		free(cut);
	}
	free(copy);
	ike_packets_free(packets);
}
END_TEST

START_TEST(padding_longer_than_the_message_is_refused)
{
	struct ike_seal_keys keys = keys_of(0);
	size_t head = IKE_HEADER_LENGTH + 4, plain = 3;
	size_t length = head + ike_seal_iv_length(&keys) + plain + ike_seal_icv_length(&keys);
	uint8_t datagram[128] = { [16] = IKE_PAYLOAD_SEALED, [17] = 0x20, [18] = 37 };
	struct bytes chain;

	datagram[27] = (uint8_t)length;
	datagram[31] = (uint8_t)(length - IKE_HEADER_LENGTH);
	for (uint8_t pad = 0; pad < 6; pad++) {
		datagram[head + ike_seal_iv_length(&keys) + plain - 1] = pad;
		ck_assert(ike_seal(crypto, &keys, datagram, head, plain, pad));
		ck_assert_int_eq(ike_message_parse(bytes_of(datagram, length), &message, &why),
			IKE_PARSE_OK);
		ck_assert_int_eq(
			ike_message_open(crypto, &keys, datagram, &message, &chain), pad < 3);
		if (pad < 3)
			ck_assert_uint_eq(chain.length, 2u - pad);
	}
}
END_TEST

START_TEST(a_long_message_is_split_and_put_together_in_any_order)
{
	struct ike_seal_keys keys = keys_of(_i);
	struct ike_builder b = auth_chain();
	uint64_t sequence = 0;
	struct ike_reassembly *r = NULL;
	struct bytes whole = { 0 };
	uint8_t first = 0;

	for (size_t datagram_max = 110; datagram_max < 700; datagram_max += 13) {
		struct ike_packets *packets = ike_packets_sealed(
			crypto, &keys, &sample_header, &b, datagram_max, &sequence);
		ck_assert_ptr_nonnull(packets);
		size_t count = packets->count;
		for (size_t i = 0; i < count; i++) {
			size_t index = datagram_max % 2 ? i : (i * 7 + 3) % count;
			if (count % 7 == 0)
				index = count - 1 - i;
			struct bytes datagram = ike_packets_get(packets, index), chain;
			ck_assert_uint_le(datagram.length, datagram_max);
			uint8_t *copy = open_datagram(&keys, datagram, &chain);
			if (count == 1) {
				ck_assert(bytes_equal(chain, writer_bytes(&b.writer)));
				free(copy);
				break;
			}
			ck_assert_uint_eq(message.sealed.next_payload,
				index == 0 ? b.first : IKE_PAYLOAD_NONE);
			ck_assert_uint_eq(message.sealed.fragments, count);
			enum ike_reassembled done =
				ike_reassembly_add(&r, &message, chain, &first, &whole);
			free(copy);
			ck_assert_int_eq(
				done, i + 1 == count ? IKE_REASSEMBLY_DONE : IKE_REASSEMBLY_MORE);
		}
		if (count > 1) {
			ck_assert(bytes_equal(whole, writer_bytes(&b.writer)));
			ck_assert_uint_eq(first, b.first);
		}
		ike_reassembly_free(r);
		r = NULL;
		ike_packets_free(packets);
	}
}
END_TEST

START_TEST(a_datagram_too_small_for_any_fragment_is_no_message)
{
	struct ike_seal_keys keys = keys_of(_i);
	struct ike_builder b = auth_chain();
	uint64_t sequence = 0;

	ck_assert_ptr_null(ike_packets_sealed(crypto, &keys, &sample_header, &b, 40, &sequence));
	b.writer.bad = true;
	ck_assert_ptr_null(ike_packets_sealed(crypto, &keys, &sample_header, &b, 0, &sequence));
}
END_TEST

/* ---- Reassembly, fed by hand ---- */

static struct ike_message fragment(uint32_t message_id, uint16_t number, uint16_t total)
{
	return (struct ike_message){
		.header = { .message_id = message_id },
		.has_sealed = true,
		.sealed = { .is_fragment = true,
			.fragment = number,
			.fragments = total,
			.next_payload = number == 1 ? IKE_PAYLOAD_AUTH : 0 },
	};
}

static struct ike_reassembly *parts;
static struct bytes joined;
static uint8_t first_type;

static enum ike_reassembled add(
	uint32_t message_id, uint16_t number, uint16_t total, const char *text)
{
	struct ike_message m = fragment(message_id, number, total);

	return ike_reassembly_add(&parts, &m, bytes_of_text(text), &first_type, &joined);
}

static bool joined_is(const char *text)
{
	bool same = bytes_equal(joined, bytes_of_text(text)) && first_type == IKE_PAYLOAD_AUTH;

	ike_reassembly_free(parts);
	parts = NULL;
	return same;
}

START_TEST(a_duplicate_changes_nothing)
{
	ck_assert_int_eq(add(1, 2, 3, "b"), IKE_REASSEMBLY_MORE);
	ck_assert_int_eq(add(1, 2, 3, "XXX"), IKE_REASSEMBLY_MORE);
	ck_assert_int_eq(add(1, 1, 3, "a"), IKE_REASSEMBLY_MORE);
	ck_assert_int_eq(add(1, 1, 3, "a"), IKE_REASSEMBLY_MORE);
	ck_assert_int_eq(add(1, 3, 3, "c"), IKE_REASSEMBLY_DONE);
	ck_assert_int_eq(add(1, 3, 3, "c"), IKE_REASSEMBLY_MORE);
	ck_assert(joined_is("abc"));
}
END_TEST

START_TEST(numbers_out_of_bounds_are_refused)
{
	ck_assert_int_eq(add(1, 0, 3, "x"), IKE_REASSEMBLY_REFUSED);
	ck_assert_int_eq(add(1, 4, 3, "x"), IKE_REASSEMBLY_REFUSED);
	ck_assert_int_eq(add(1, 1, 0, "x"), IKE_REASSEMBLY_REFUSED);
	ck_assert_int_eq(add(1, 1, IKE_FRAGMENTS_MAX + 1, "x"), IKE_REASSEMBLY_REFUSED);
	ck_assert_int_eq(add(1, 0xffff, 0xffff, "x"), IKE_REASSEMBLY_REFUSED);
	ck_assert_ptr_null(parts);
	struct ike_message whole = fragment(1, 1, 1);
	whole.sealed.is_fragment = false;
	ck_assert_int_eq(
		ike_reassembly_add(&parts, &whole, bytes_of_text("x"), &first_type, &joined),
		IKE_REASSEMBLY_REFUSED);
}
END_TEST

START_TEST(smaller_pieces_start_anew_and_larger_ones_come_too_late)
{
	ck_assert_int_eq(add(1, 1, 2, "ab"), IKE_REASSEMBLY_MORE);
	ck_assert_int_eq(add(1, 1, 3, "a"), IKE_REASSEMBLY_MORE);
	ck_assert_int_eq(add(1, 2, 2, "c"), IKE_REASSEMBLY_REFUSED);
	ck_assert_int_eq(add(1, 3, 3, "c"), IKE_REASSEMBLY_MORE);
	ck_assert_int_eq(add(1, 2, 3, "b"), IKE_REASSEMBLY_DONE);
	ck_assert(joined_is("abc"));
}
END_TEST

START_TEST(another_message_starts_anew)
{
	ck_assert_int_eq(add(1, 1, 2, "old"), IKE_REASSEMBLY_MORE);
	ck_assert_int_eq(add(2, 2, 2, "b"), IKE_REASSEMBLY_MORE);
	ck_assert_int_eq(add(2, 1, 2, "a"), IKE_REASSEMBLY_DONE);
	ck_assert(joined_is("ab"));
}
END_TEST

START_TEST(one_fragment_may_be_all_and_all_may_be_empty)
{
	ck_assert_int_eq(add(1, 1, 1, "abc"), IKE_REASSEMBLY_DONE);
	ck_assert(joined_is("abc"));
	ck_assert_int_eq(add(1, 2, 2, ""), IKE_REASSEMBLY_MORE);
	ck_assert_int_eq(add(1, 1, 2, ""), IKE_REASSEMBLY_DONE);
	ck_assert(joined_is(""));
}
END_TEST

START_TEST(as_many_fragments_as_allowed_but_not_more_octets)
{
	static uint8_t big[IKE_REASSEMBLY_MAX];
	struct ike_message m;

	for (uint16_t i = IKE_FRAGMENTS_MAX; i > 1; i--)
		ck_assert_int_eq(add(1, i, IKE_FRAGMENTS_MAX, "x"), IKE_REASSEMBLY_MORE);
	ck_assert_int_eq(add(1, 1, IKE_FRAGMENTS_MAX, "x"), IKE_REASSEMBLY_DONE);
	ck_assert_uint_eq(joined.length, IKE_FRAGMENTS_MAX);
	m = fragment(2, 1, 2);
	ck_assert_int_eq(
		ike_reassembly_add(&parts, &m, bytes_of(big, sizeof(big)), &first_type, &joined),
		IKE_REASSEMBLY_MORE);
	ck_assert_int_eq(add(2, 2, 2, "x"), IKE_REASSEMBLY_REFUSED);
	ck_assert_ptr_null(parts); /* it can never be completed */
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sealed");
	TCase *tests = tcase_create("sealed");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_loop_test(tests, a_message_is_sealed_and_opened, 0, SUITES);
	tcase_add_loop_test(tests, a_message_without_payloads_can_be_sealed, 0, SUITES);
	tcase_add_loop_test(tests, every_length_of_chain_is_padded_and_comes_back, 0, SUITES);
	tcase_add_loop_test(tests, a_tampered_message_does_not_open, 0, SUITES);
	tcase_add_test(tests, padding_longer_than_the_message_is_refused);
	tcase_add_loop_test(
		tests, a_long_message_is_split_and_put_together_in_any_order, 0, SUITES);
	tcase_add_loop_test(tests, a_datagram_too_small_for_any_fragment_is_no_message, 0, SUITES);
	suite_add_tcase(suite, tests);
	tests = tcase_create("reassembly");
	tcase_add_test(tests, a_duplicate_changes_nothing);
	tcase_add_test(tests, numbers_out_of_bounds_are_refused);
	tcase_add_test(tests, smaller_pieces_start_anew_and_larger_ones_come_too_late);
	tcase_add_test(tests, another_message_starts_anew);
	tcase_add_test(tests, one_fragment_may_be_all_and_all_may_be_empty);
	tcase_add_test(tests, as_many_fragments_as_allowed_but_not_more_octets);
	suite_add_tcase(suite, tests);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
