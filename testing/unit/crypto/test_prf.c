/* PRFs against the vectors of their RFCs, and prf+ against its definition. */
#include "testing/unit/crypto/test_crypto.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* One octet repeated, or the octets from 0 up (first < 0), or hexadecimal digits. */
struct text {
	const char *hex;
	int octet;
	size_t length;
};

static size_t text_make(const struct text *t, uint8_t *ret, size_t room)
{
	if (t->hex)
		return from_hex(t->hex, ret, room);
	ck_assert_uint_le(t->length, room);
	for (size_t i = 0; i < t->length; i++)
		ret[i] = t->octet < 0 ? (uint8_t)i : (uint8_t)t->octet;
	return t->length;
}

#define HI_THERE "4869205468657265"
#define LONG_KEY_TEXT                                                                              \
	"54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a65204b6579202d2048617368" \
	"204b6579204669727374"
#define CMAC_KEY "2b7e151628aed2a6abf7158809cf4f3c"
#define CMAC_TEXT "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411"

static const struct {
	uint16_t prf;
	struct text key, text;
	const char *expected;
} vectors[] = {
	/* RFC 2202 */
	{ IKE_PRF_HMAC_MD5, { 0, 0x0b, 16 }, { HI_THERE, 0, 0 },
		"9294727a3638bb1c13f48ef8158bfc9d" },
	{ IKE_PRF_HMAC_SHA1, { 0, 0x0b, 20 }, { HI_THERE, 0, 0 },
		"b617318655057264e28bc0b6fb378c8ef146be00" },
	{ IKE_PRF_HMAC_SHA1, { 0, 0xaa, 80 }, { LONG_KEY_TEXT, 0, 0 },
		"aa4ae5e15272d00e95705637ce8a3b55ed402112" },
	/* RFC 4231 */
	{ IKE_PRF_HMAC_SHA2_256, { 0, 0x0b, 20 }, { HI_THERE, 0, 0 },
		"b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7" },
	{ IKE_PRF_HMAC_SHA2_384, { 0, 0x0b, 20 }, { HI_THERE, 0, 0 },
		"afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59c"
		"faea9ea9076ede7f4af152e8b2fa9cb6" },
	{ IKE_PRF_HMAC_SHA2_512, { 0, 0x0b, 20 }, { HI_THERE, 0, 0 },
		"87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde"
		"daa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854" },
	{ IKE_PRF_HMAC_SHA2_256, { 0, 0xaa, 131 }, { LONG_KEY_TEXT, 0, 0 },
		"60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54" },
	/* RFC 3566, RFC 4434 */
	{ IKE_PRF_AES128_XCBC, { 0, -1, 16 }, { 0, -1, 0 }, "75f0251d528ac01c4573dfd584d79f29" },
	{ IKE_PRF_AES128_XCBC, { 0, -1, 16 }, { 0, -1, 3 }, "5b376580ae2f19afe7219ceef172756f" },
	{ IKE_PRF_AES128_XCBC, { 0, -1, 16 }, { 0, -1, 16 }, "d2a246fa349b68a79998a4394ff7a263" },
	{ IKE_PRF_AES128_XCBC, { 0, -1, 16 }, { 0, -1, 20 }, "47f51b4564966215b8985c63055ed308" },
	{ IKE_PRF_AES128_XCBC, { 0, -1, 16 }, { 0, -1, 32 }, "f54f0ec8d2b9f3d36807734bd5283fd4" },
	{ IKE_PRF_AES128_XCBC, { 0, -1, 16 }, { 0, -1, 34 }, "becbb3bccdb518a30677d5481fb6b4d8" },
	{ IKE_PRF_AES128_XCBC, { 0, -1, 16 }, { 0, 0, 1000 }, "f0dafee895db30253761103b5d84528f" },
	{ IKE_PRF_AES128_XCBC, { 0, -1, 10 }, { 0, -1, 20 }, "0fa087af7d866e7653434e602fdde835" },
	{ IKE_PRF_AES128_XCBC, { "000102030405060708090a0b0c0d0e0fedcb", 0, 0 }, { 0, -1, 20 },
		"8cd3c93ae598a9803006ffb67c40e9e4" },
	/* RFC 4493, RFC 4615 */
	{ IKE_PRF_AES128_CMAC, { CMAC_KEY, 0, 0 }, { 0, -1, 0 },
		"bb1d6929e95937287fa37d129b756746" },
	{ IKE_PRF_AES128_CMAC, { CMAC_KEY, 0, 0 }, { CMAC_TEXT, 0, 0 },
		"dfa66747de9ae63030ca32611497c827" },
	{ IKE_PRF_AES128_CMAC, { 0, -1, 16 }, { 0, -1, 20 }, "980ae87b5f4c9c5214f5b6a8455e4c2d" },
	{ IKE_PRF_AES128_CMAC, { 0, -1, 10 }, { 0, -1, 20 }, "290d9e112edb09ee141fcf64c0b72f3d" },
	{ IKE_PRF_AES128_CMAC, { "000102030405060708090a0b0c0d0e0fedcb", 0, 0 }, { 0, -1, 20 },
		"84a348a4a45d235babfffc0d2b4da09a" },
};

START_TEST(prfs_give_the_rfcs_values_however_the_text_is_cut)
{
	struct ike_crypto *crypto = crypto_for_test();
	uint8_t key[256], text[1024], expected[64], result[IKE_PRF_OUTPUT_MAX];

	for (size_t i = 0; i < COUNT(vectors); i++) {
		struct bytes k = { key, text_make(&vectors[i].key, key, sizeof(key)) };
		size_t length = text_make(&vectors[i].text, text, sizeof(text));
		size_t output = from_hex(vectors[i].expected, expected, sizeof(expected));

		ck_assert_uint_eq(output,
			ike_algorithm_find(IKE_TRANSFORM_PRF, vectors[i].prf, 0)->output_length);
		for (size_t cut = 0; cut <= length; cut += length > 100 ? 83 : 1) {
			const struct bytes parts[] = { bytes_of(text, cut),
				bytes_of(text + cut, length - cut) };

			memset(result, 0, sizeof(result));
			ck_assert(ike_prf(crypto, vectors[i].prf, k, parts, 2, result));
			ck_assert_mem_eq(result, expected, output);
		}
	}
	ike_crypto_free(crypto);
}
END_TEST

START_TEST(prf_plus_follows_its_definition)
{
	struct ike_crypto *crypto = crypto_for_test();
	uint8_t room[300], expected[300 + IKE_PRF_OUTPUT_MAX];
	const struct bytes key = bytes_of_text("a key"),
			   seed[] = { bytes_of_text("no"), bytes_of_text("nces") };

	for (const struct ike_algorithm *a = NULL; (a = ike_algorithm_next(a));) {
		uint8_t number = 1;

		if (a->type != IKE_TRANSFORM_PRF)
			continue;
		for (size_t at = 0; at < sizeof(room); at += a->output_length, number++) {
			const struct bytes parts[] = { bytes_of(expected + at - a->output_length,
							       a->output_length),
				seed[0], seed[1], bytes_of(&number, 1) };

			ck_assert(ike_prf(crypto, a->id, key, at ? parts : parts + 1, at ? 4 : 3,
				expected + at));
		}
		for (size_t length = 0; length <= sizeof(room); length += 25) {
			uint8_t *exact = exact_copy(room, length);

			ck_assert(
				ike_prf_plus(crypto, a->id, key, seed, 2, bytes_of(exact, length)));
			ck_assert(length == 0 || memcmp(exact, expected, length) == 0);
			free(exact);
		}
	}
	ike_crypto_free(crypto);
}
END_TEST

START_TEST(prf_plus_ends_after_255_blocks)
{
	struct ike_crypto *crypto = crypto_for_test();
	uint8_t room[255 * 16 + 1];
	const struct bytes seed = bytes_of_text("seed");

	ck_assert(ike_prf_plus(
		crypto, IKE_PRF_HMAC_MD5, seed, &seed, 1, bytes_of(room, sizeof(room) - 1)));
	ck_assert(!ike_prf_plus(
		crypto, IKE_PRF_HMAC_MD5, seed, &seed, 1, bytes_of(room, sizeof(room))));
	ike_crypto_free(crypto);
}
END_TEST

START_TEST(unknown_prfs_are_refused)
{
	struct ike_crypto *crypto = crypto_for_test();
	uint8_t result[IKE_PRF_OUTPUT_MAX];
	const struct bytes seed = bytes_of_text("seed");

	ck_assert(!ike_prf(crypto, 0, seed, &seed, 1, result));
	ck_assert(!ike_prf(crypto, 3, seed, &seed, 1, result));
	ck_assert(!ike_prf_plus(crypto, 65535, seed, &seed, 1, bytes_of(result, 8)));
	ike_crypto_free(crypto);
}
END_TEST

START_TEST(sha1_gives_its_known_value)
{
	struct ike_crypto *crypto = crypto_for_test();
	uint8_t result[20], expected[20];
	const struct bytes parts[] = { bytes_of_text("a"), bytes_of_text("bc") };

	from_hex("a9993e364706816aba3e25717850c26c9cd0d89d", expected, sizeof(expected));
	ck_assert(ike_sha1(crypto, parts, 2, result));
	ck_assert_mem_eq(result, expected, 20);
	ike_crypto_free(crypto);
}
END_TEST

TCase *prf_tests(void)
{
	TCase *tests = tcase_create("prf");

	tcase_add_test(tests, prfs_give_the_rfcs_values_however_the_text_is_cut);
	tcase_add_test(tests, prf_plus_follows_its_definition);
	tcase_add_test(tests, prf_plus_ends_after_255_blocks);
	tcase_add_test(tests, unknown_prfs_are_refused);
	tcase_add_test(tests, sha1_gives_its_known_value);
	return tests;
}
