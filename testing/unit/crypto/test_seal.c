/* Sealing with every cipher and integrity algorithm; opening refuses whatever was touched. */
#include "testing/unit/crypto/test_crypto.h"

#define HEAD 32
#define SEQUENCE 0x0102030405060708

struct sealed {
	struct ike_crypto *crypto;
	struct ike_seal_keys keys;
	uint8_t key[64], mac_key[64];
	uint8_t plain[64]; /* what was sealed */
	size_t plain_length;
	uint8_t message[256];
	size_t length;
};

typedef void sealed_test(struct sealed *);

static void sealed_make(struct sealed *s, const struct ike_algorithm *encryption,
	const struct ike_algorithm *integrity)
{
	for (size_t i = 0; i < sizeof(s->key); i++) {
		s->key[i] = (uint8_t)(i * 3 + 1);
		s->mac_key[i] = (uint8_t)(i * 5 + 2);
		s->plain[i] = (uint8_t)(i + 100);
	}
	s->keys = (struct ike_seal_keys){ encryption, integrity,
		bytes_of(s->key, encryption->key_length),
		bytes_of(s->mac_key, integrity ? integrity->key_length : 0) };
	s->plain_length = encryption->block_length == 1 ? 51 : 48;

	size_t iv = ike_seal_iv_length(&s->keys);

	s->length = HEAD + iv + s->plain_length + ike_seal_icv_length(&s->keys);
	memset(s->message, 0x77, sizeof(s->message));
	memcpy(s->message + HEAD + iv, s->plain, s->plain_length);
	ck_assert(ike_seal(s->crypto, &s->keys, s->message, HEAD, s->plain_length, SEQUENCE));
	for (size_t i = s->length; i < sizeof(s->message); i++)
		ck_assert_uint_eq(s->message[i], 0x77);
}

/* With every AEAD, and every other cipher with every integrity algorithm. */
static void with_every_suite(sealed_test *test)
{
	struct sealed s = { .crypto = crypto_for_test() };

	for (const struct ike_algorithm *e = NULL; (e = ike_algorithm_next(e));) {
		if (e->type != IKE_TRANSFORM_ENCRYPTION || ike_algorithm_hides_nothing(e))
			continue;
		for (const struct ike_algorithm *i = NULL;
			!e->aead && (i = ike_algorithm_next(i));) {
			if (i->type == IKE_TRANSFORM_INTEGRITY) {
				sealed_make(&s, e, i);
				test(&s);
			}
		}
		if (e->aead) {
			sealed_make(&s, e, NULL);
			test(&s);
		}
	}
	ike_crypto_free(s.crypto);
}

static bool opens(struct sealed *s, const uint8_t *message, size_t length)
{
	uint8_t *copy = exact_copy(message, length);
	struct bytes plain = { s->plain, 7 };
	bool opened = ike_open(s->crypto, &s->keys, copy, HEAD, length, &plain);

	if (opened) {
		ck_assert_uint_eq(plain.length, s->plain_length);
		ck_assert_ptr_eq(plain.at, copy + HEAD + ike_seal_iv_length(&s->keys));
		ck_assert_mem_eq(plain.at, s->plain, plain.length);
	} else {
		ck_assert_ptr_eq(plain.at, s->plain);
		ck_assert_uint_eq(plain.length, 7);
	}
	free(copy);
	return opened;
}

static void opens_again(struct sealed *s)
{
	size_t text = HEAD + ike_seal_iv_length(&s->keys);

	for (size_t i = 0; i < HEAD; i++)
		ck_assert_uint_eq(s->message[i], 0x77);
	ck_assert(memcmp(s->message + text, s->plain, 16) != 0);
	ck_assert_msg(opens(s, s->message, s->length), "%s", s->keys.encryption->name);
}

START_TEST(what_was_sealed_opens)
{
	with_every_suite(opens_again);
}
END_TEST

static void every_changed_octet_is_noticed(struct sealed *s)
{
	for (size_t i = 0; i < s->length; i++) {
		s->message[i] ^= (uint8_t)(1 << i % 8);
		ck_assert(!opens(s, s->message, s->length));
		s->message[i] ^= (uint8_t)(1 << i % 8);
	}
	ck_assert(opens(s, s->message, s->length));
}

START_TEST(no_octet_can_be_changed)
{
	with_every_suite(every_changed_octet_is_noticed);
}
END_TEST

static void every_short_length_is_refused(struct sealed *s)
{
	for (size_t n = HEAD; n < s->length; n++)
		ck_assert(!opens(s, s->message, n));
	ck_assert(!opens(s, s->message, s->length + 1));
	ck_assert(!opens(s, s->message, s->length + 16));
}

START_TEST(no_other_length_opens)
{
	with_every_suite(every_short_length_is_refused);
}
END_TEST

static void wrong_keys_are_refused(struct sealed *s)
{
	uint8_t *key = s->keys.encryption->aead ? s->key : s->mac_key;
	struct ike_seal_keys kept = s->keys;

	key[0] ^= 1;
	ck_assert(!opens(s, s->message, s->length));
	key[0] ^= 1;
	s->keys.encryption_key.length--;
	ck_assert(!opens(s, s->message, s->length));
	s->keys = kept;
	if (kept.integrity) {
		s->keys.integrity_key.length++;
		ck_assert(!opens(s, s->message, s->length));
	}
	s->keys = kept;
	ck_assert(opens(s, s->message, s->length));
}

START_TEST(keys_must_be_right_and_of_the_right_length)
{
	with_every_suite(wrong_keys_are_refused);
}
END_TEST

static void text_must_fill_blocks(struct sealed *s)
{
	size_t block = ike_seal_block_length(&s->keys);

	ck_assert(!ike_seal(s->crypto, &s->keys, s->message, HEAD, 0, SEQUENCE));
	for (size_t n = 1; n < block; n++)
		ck_assert(!ike_seal(s->crypto, &s->keys, s->message, HEAD, n, SEQUENCE));
}

START_TEST(text_that_does_not_fill_blocks_is_refused)
{
	with_every_suite(text_must_fill_blocks);
}
END_TEST

static void ivs_differ(struct sealed *s)
{
	uint8_t first[16];
	size_t iv = ike_seal_iv_length(&s->keys);

	memcpy(first, s->message + HEAD, iv);
	if (ike_seal_block_length(&s->keys) == 1) {
		static const uint8_t sequence[] = { 1, 2, 3, 4, 5, 6, 7, 8 };

		ck_assert_uint_eq(iv, 8);
		ck_assert_mem_eq(first, sequence, 8);
	}
	ck_assert(ike_seal(s->crypto, &s->keys, s->message, HEAD, s->plain_length, SEQUENCE + 1));
	ck_assert(memcmp(first, s->message + HEAD, iv) != 0);
}

START_TEST(ivs_are_the_sequence_or_random)
{
	with_every_suite(ivs_differ);
}
END_TEST

/* Layout of IKE on the wire against known values: RFC 3686 test vector 2 (salt, IV, counter). */
START_TEST(aes_ctr_counts_from_one_after_salt_and_iv)
{
	struct ike_crypto *crypto = crypto_for_test();
	uint8_t key[20], mac_key[20] = { 0 }, message[8 + 32 + 12] = { 0 }, expected[32];
	struct ike_seal_keys keys = { ike_algorithm_find(
					      IKE_TRANSFORM_ENCRYPTION, IKE_ENCR_AES_CTR, 128),
		ike_algorithm_find(IKE_TRANSFORM_INTEGRITY, IKE_INTEG_HMAC_SHA1_96, 0),
		bytes_of(key, sizeof(key)), bytes_of(mac_key, sizeof(mac_key)) };

	from_hex("7e24067817fae0d743d6ce1f32539163006cb6db", key, sizeof(key));
	from_hex("5104a106168a72d9790d41ee8edad388eb2e1efc46da57c8fce630df9141be28", expected,
		sizeof(expected));
	for (size_t i = 0; i < 32; i++)
		message[8 + i] = (uint8_t)i;
	ck_assert(ike_seal(crypto, &keys, message, 0, 32, 0xc0543b59da48d90b));
	ck_assert_mem_eq(message + 8, expected, 32);
	ike_crypto_free(crypto);
}
END_TEST

/* RFC 7634 appendix B: an IKEv2 message with ChaCha20-Poly1305. */
START_TEST(chacha20_poly1305_gives_rfc_7634s_message)
{
	struct ike_crypto *crypto = crypto_for_test();
	uint8_t key[36], message[28 + 4 + 8 + 13 + 16], expected[sizeof(message)];
	struct ike_seal_keys keys = { .encryption = ike_algorithm_find(IKE_TRANSFORM_ENCRYPTION,
					      IKE_ENCR_CHACHA20_POLY1305, 0),
		.encryption_key = bytes_of(key, sizeof(key)) };

	from_hex("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"
		 "a0a1a2a3",
		key, sizeof(key));
	ck_assert_uint_eq(from_hex("c0c1c2c3c4c5c6c7d0d1d2d3d4d5d6d7"
				   "2e202500000000090000004529000029"
				   "1011121314151617"
				   "610394701f8d017f7c12924889"
				   "6b71bfe25236efd7cdc67066906315b2",
				  expected, sizeof(expected)),
		sizeof(expected));
	memcpy(message, expected, 40);
	from_hex("0000000c000040010000000a00", message + 40, 13);
	ck_assert(ike_seal(crypto, &keys, message, 32, 13, 0x1011121314151617));
	ck_assert_mem_eq(message, expected, sizeof(expected));
	ike_crypto_free(crypto);
}
END_TEST

TCase *seal_tests(void)
{
	TCase *tests = tcase_create("seal");

	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, what_was_sealed_opens);
	tcase_add_test(tests, no_octet_can_be_changed);
	tcase_add_test(tests, no_other_length_opens);
	tcase_add_test(tests, keys_must_be_right_and_of_the_right_length);
	tcase_add_test(tests, text_that_does_not_fill_blocks_is_refused);
	tcase_add_test(tests, ivs_are_the_sequence_or_random);
	tcase_add_test(tests, aes_ctr_counts_from_one_after_salt_and_iv);
	tcase_add_test(tests, chacha20_poly1305_gives_rfc_7634s_message);
	return tests;
}
