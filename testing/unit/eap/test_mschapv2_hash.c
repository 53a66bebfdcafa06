/* RFC 2759 9.2 and RFC 3079 3.5.3: their own examples. */
#include "libike/eap/mschapv2_hash.h"
#include "testing/unit/eap/pair.h"

static const struct mschapv2_exchange example = {
	.authenticator_challenge = { 0x5B, 0x5D, 0x7C, 0x7D, 0x7B, 0x3F, 0x2F, 0x3E, 0x3C, 0x2C,
		0x60, 0x21, 0x32, 0x26, 0x26, 0x28 },
	.peer_challenge = { 0x21, 0x40, 0x23, 0x24, 0x25, 0x5E, 0x26, 0x2A, 0x28, 0x29, 0x5F, 0x2B,
		0x3A, 0x33, 0x7C, 0x7E },
	.nt_response = { 0x82, 0x30, 0x9E, 0xCD, 0x8D, 0x70, 0x8B, 0x5E, 0xA0, 0x8F, 0xAA, 0x39,
		0x81, 0xCD, 0x83, 0x54, 0x42, 0x33, 0x11, 0x4A, 0x3D, 0x85, 0xD6, 0xDF },
};
static const uint8_t nt_hash[] = { 0x44, 0xEB, 0xBA, 0x8D, 0x53, 0x12, 0xB8, 0xD6, 0x11, 0x47, 0x44,
	0x11, 0xF5, 0x69, 0x89, 0xAE };

static struct ike_crypto *crypto;

static void setup(void)
{
	struct why why;

	crypto = ike_crypto_new(NULL, &why);
	ck_assert_ptr_nonnull(crypto);
	ck_assert_msg(ike_md4_check(crypto, &why), "%s", why.text);
}

static void teardown(void)
{
	ike_crypto_free(crypto);
}

START_TEST(nt_hash_of_the_rfc)
{
	uint8_t hash[MSCHAPV2_NT_HASH];

	ck_assert(mschapv2_nt_hash(crypto, bytes_of_text("clientPass"), hash));
	ck_assert_mem_eq(hash, nt_hash, sizeof(hash));
}
END_TEST

START_TEST(nt_response_of_the_rfc)
{
	uint8_t response[MSCHAPV2_NT_RESPONSE];

	ck_assert(mschapv2_nt_response(crypto, &example, bytes_of_text("User"), nt_hash, response));
	ck_assert_mem_eq(response, example.nt_response, sizeof(response));
}
END_TEST

START_TEST(authenticator_of_the_rfc)
{
	static const uint8_t expected[] = { 0x40, 0x7A, 0x55, 0x89, 0x11, 0x5F, 0xD0, 0xD6, 0x20,
		0x9F, 0x51, 0x0F, 0xE9, 0xC0, 0x45, 0x66, 0x93, 0x2C, 0xDA, 0x56 };
	uint8_t proof[MSCHAPV2_AUTHENTICATOR];

	ck_assert(mschapv2_authenticator(crypto, &example, bytes_of_text("User"), nt_hash, proof));
	ck_assert_mem_eq(proof, expected, sizeof(proof));
}
END_TEST

/* The RFC's example is of the server's send key: our second half. */
START_TEST(keys_of_the_rfc)
{
	static const uint8_t sends[] = { 0x8B, 0x7C, 0xDC, 0x14, 0x9B, 0x99, 0x3A, 0x1B, 0xA1, 0x18,
		0xCB, 0x15, 0x3F, 0x56, 0xDC, 0xCB };
	uint8_t msk[MSCHAPV2_MSK];

	ck_assert(mschapv2_msk(crypto, example.nt_response, nt_hash, msk));
	ck_assert_mem_eq(msk + 16, sends, sizeof(sends));
	for (size_t i = 32; i < sizeof(msk); i++)
		ck_assert_uint_eq(msk[i], 0);
}
END_TEST

/* Passwords beyond ASCII are UTF-16 in the hash; what is no UTF-8 is read as Latin-1. */
START_TEST(passwords_beyond_ascii)
{
	uint8_t utf8[MSCHAPV2_NT_HASH], latin1[MSCHAPV2_NT_HASH];

	ck_assert(mschapv2_nt_hash(crypto, bytes_of_text("m\xc3\xbcll"), utf8));
	ck_assert(mschapv2_nt_hash(crypto, bytes_of_text("m\xfcll"), latin1));
	ck_assert_mem_eq(utf8, latin1, sizeof(utf8));
	ck_assert(mschapv2_nt_hash(crypto, bytes_of_text("\xf0\x9f\x94\x91"), utf8));
	/* overlong */
	ck_assert(mschapv2_nt_hash(crypto, bytes_of_text("\xc0\xaf"), utf8));
}
END_TEST

START_TEST(password_too_long)
{
	uint8_t hash[MSCHAPV2_NT_HASH];
	char password[258];

	memset(password, 'a', sizeof(password));
	password[256] = 0;
	ck_assert(mschapv2_nt_hash(crypto, bytes_of_text(password), hash));
	password[256] = 'a';
	password[257] = 0;
	ck_assert(!mschapv2_nt_hash(crypto, bytes_of_text(password), hash));
}
END_TEST

START_TEST(domain_is_left_out)
{
	struct bytes user = mschapv2_without_domain(bytes_of_text("BIGCO\\johndoe"));

	ck_assert(bytes_equal(user, bytes_of_text("johndoe")));
	user = mschapv2_without_domain(bytes_of_text("johndoe"));
	ck_assert(bytes_equal(user, bytes_of_text("johndoe")));
	ck_assert_uint_eq(mschapv2_without_domain(bytes_of_text("BIGCO\\")).length, 0);
	ck_assert_uint_eq(mschapv2_without_domain(bytes_of(NULL, 0)).length, 0);
}
END_TEST

TCase *mschapv2_hash_tests(void)
{
	TCase *t = tcase_create("mschapv2 hash");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, nt_hash_of_the_rfc);
	tcase_add_test(t, nt_response_of_the_rfc);
	tcase_add_test(t, authenticator_of_the_rfc);
	tcase_add_test(t, keys_of_the_rfc);
	tcase_add_test(t, passwords_beyond_ascii);
	tcase_add_test(t, password_too_long);
	tcase_add_test(t, domain_is_left_out);
	return t;
}
