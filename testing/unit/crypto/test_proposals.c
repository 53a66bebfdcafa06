/* Proposal strings as strongSwan reads and prints them (observed on 5.9.8 and 6.0.1), and
 * selection. */
#include "testing/unit/crypto/test_crypto.h"

#include <stdio.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct reading {
	const char *text, *expected; /* what it is printed as, or the reason it is refused for */
};

static void reads(uint8_t protocol, const struct reading *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct ike_proposals list = { 0 };
		char text[IKE_PROPOSAL_TEXT_MAX];
		struct why why = { "" };

		ck_assert_msg(ike_proposals_add(&list, protocol, cases[i].text, &why), "%s: %s",
			cases[i].text, why.text);
		ck_assert_str_eq(
			ike_proposals_format(list.items, list.count, text), cases[i].expected);
		ike_proposals_free(&list);
	}
}

static void refuses(uint8_t protocol, const struct reading *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct ike_proposals list = { 0 };
		struct why why = { "" };

		ck_assert_msg(!ike_proposals_add(&list, protocol, cases[i].text, &why), "%s",
			cases[i].text);
		ck_assert_str_eq(why.text, cases[i].expected);
		ck_assert_uint_eq(list.count, 0);
		ike_proposals_free(&list);
	}
}

#define IKE_DEFAULT_REST                                                                         \
	"PRF_HMAC_SHA2_256/PRF_HMAC_SHA2_384/PRF_HMAC_SHA2_512/PRF_AES128_CMAC/PRF_AES128_XCBC/" \
	"PRF_HMAC_SHA1/CURVE_25519/CURVE_448/ECP_256/ECP_384/ECP_521/ECP_256_BP/ECP_384_BP/"     \
	"ECP_512_BP/MODP_3072/MODP_4096/MODP_6144/MODP_8192/MODP_2048"

START_TEST(ike_proposals_are_read_as_strongswan_reads_them)
{
	static const struct reading cases[] = {
		{ "aes128-sha256-modp2048",
			"IKE:AES_CBC_128/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/MODP_2048" },
		{ "aes-sha-modp768", "IKE:AES_CBC_128/HMAC_SHA1_96/PRF_HMAC_SHA1/MODP_768" },
		{ "aes256gcm128-sha256-ecp256", "IKE:AES_GCM_16_256/PRF_HMAC_SHA2_256/ECP_256" },
		{ "aes256gcm16-sha256-prfsha384-ecp256",
			"IKE:AES_GCM_16_256/PRF_HMAC_SHA2_384/ECP_256" },
		{ "aes128gcm-prfsha1-ecp521", "IKE:AES_GCM_16_128/PRF_HMAC_SHA1/ECP_521" },
		{ "aes128gcm64-prfmd5-ecp521", "IKE:AES_GCM_8_128/PRF_HMAC_MD5/ECP_521" },
		{ "aes128gcm96-prfaescmac-ecp521", "IKE:AES_GCM_12_128/PRF_AES128_CMAC/ECP_521" },
		{ "aes192ccm8-aes192ccm96-aes192ccm-prfsha512-ecp512bp-ecp256bp-modp2048s224",
			"IKE:AES_CCM_8_192/AES_CCM_12_192/AES_CCM_16_192/PRF_HMAC_SHA2_512/"
			"ECP_512_BP/ECP_256_BP/MODP_2048_224" },
		{ "chacha20poly1305-prfsha256-curve25519",
			"IKE:CHACHA20_POLY1305/PRF_HMAC_SHA2_256/CURVE_25519" },
		{ "camellia-sha2_384-ecp192",
			"IKE:CAMELLIA_CBC_128/HMAC_SHA2_384_192/PRF_HMAC_SHA2_384/ECP_192" },
		{ "aes128ctr-sha2_512-ecp521",
			"IKE:AES_CTR_128/HMAC_SHA2_512_256/PRF_HMAC_SHA2_512/ECP_521" },
		{ "3des-md5-modp1024", "IKE:3DES_CBC/HMAC_MD5_96/PRF_HMAC_MD5/MODP_1024" },
		{ "aes128-aesxcbc-modp2048",
			"IKE:AES_CBC_128/AES_XCBC_96/PRF_AES128_XCBC/MODP_2048" },
		{ "aes128-aescmac-modp2048",
			"IKE:AES_CBC_128/AES_CMAC_96/PRF_AES128_CMAC/MODP_2048" },
		{ "aes128-md5_128-modp2048",
			"IKE:AES_CBC_128/HMAC_MD5_128/PRF_HMAC_MD5/MODP_2048" },
		{ "aes128-sha1_160-modp2048",
			"IKE:AES_CBC_128/HMAC_SHA1_160/PRF_HMAC_SHA1/MODP_2048" },
		{ "aesxcbc-prfsha256-aes128-modp2048",
			"IKE:AES_CBC_128/AES_XCBC_96/PRF_HMAC_SHA2_256/MODP_2048" },
		{ "aes128-sha256-modp2048s256-sha2_512-ecp224-ecp384-x448",
			"IKE:AES_CBC_128/HMAC_SHA2_256_128/HMAC_SHA2_512_256/PRF_HMAC_SHA2_256/"
			"PRF_HMAC_SHA2_512/MODP_2048_256/ECP_224/ECP_384/CURVE_448" },
		/* Empty words and spaces are passed over, repetitions dropped, ESN and "no group"
		 * have no meaning here. */
		{ "-aes128 -- sha256 - modp2048-",
			"IKE:AES_CBC_128/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/MODP_2048" },
		{ "aes128-aes-sha256-sha2_256-x25519-curve25519",
			"IKE:AES_CBC_128/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/CURVE_25519" },
		{ "aes128-sha256-none-modp2048-modpnone-esn-noesn",
			"IKE:AES_CBC_128/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/MODP_2048" },
		{ " default ",
			"IKE:AES_CBC_128/AES_CBC_192/AES_CBC_256/AES_CTR_128/AES_CTR_192/"
			"AES_CTR_256/CAMELLIA_CBC_128/CAMELLIA_CBC_192/CAMELLIA_CBC_256/"
			"HMAC_SHA2_256_128/HMAC_SHA2_384_192/HMAC_SHA2_512_256/HMAC_SHA1_96/"
			"AES_CMAC_96/AES_XCBC_96/" IKE_DEFAULT_REST
			", IKE:AES_GCM_16_128/AES_GCM_16_192/AES_GCM_16_256/AES_CCM_16_128/"
			"AES_CCM_16_192/AES_CCM_16_256/CHACHA20_POLY1305/AES_GCM_12_128/"
			"AES_GCM_12_192/AES_GCM_12_256/AES_GCM_8_128/AES_GCM_8_192/AES_GCM_8_256/"
			"AES_CCM_12_128/AES_CCM_12_192/AES_CCM_12_256/AES_CCM_8_128/AES_CCM_8_192/"
			"AES_CCM_8_256/" IKE_DEFAULT_REST },
	};

	reads(IKE_PROTOCOL_IKE, cases, COUNT(cases));
}
END_TEST

START_TEST(ike_proposals_that_strongswan_refuses_are_refused_with_its_words)
{
	static const struct reading cases[] = {
		{ "", "an encryption algorithm is mandatory in IKE proposals" },
		{ "sha256-modp2048", "an encryption algorithm is mandatory in IKE proposals" },
		{ "aes256gcm16-ecp256", "a PRF algorithm is mandatory in IKE proposals" },
		{ "aes128-sha256_96-ecp256", "a PRF algorithm is mandatory in IKE proposals" },
		{ "aes128-sha256", "a DH group is mandatory in IKE proposals" },
		{ "aes128-sha256-modpnone", "a DH group is mandatory in IKE proposals" },
		{ "aes128-prfsha256-ecp256",
			"an integrity algorithm is mandatory in IKE proposals with classic "
			"(non-AEAD) encryption algorithms" },
		{ "aes256gcm16-aes128-sha256-ecp256",
			"classic and combined-mode (AEAD) encryption algorithms can't be "
			"contained in the same IKE proposal" },
		{ "AES128-sha256-modp2048", "algorithm 'AES128' not recognized" },
		{ "aes128-sha256-modp2048!", "algorithm 'modp2048!' not recognized" },
		{ "aesgcm-prfsha1-ecp521", "algorithm 'aesgcm' not recognized" },
		{ "default-modp2048", "algorithm 'default' not recognized" },
		{ "aes128gmac-prfsha256-ecp256",
			"algorithm 'aes128gmac' is for ESP only: IKE is always encrypted" },
		{ "aes128-sha256-x25519-ke1_aes256", "algorithm 'ke1_aes256' not recognized" },
		{ "aes128-sha256-x25519-ke0_ecp256", "algorithm 'ke0_ecp256' not recognized" },
		{ "aes128-sha256-x25519-ke8_ecp256", "algorithm 'ke8_ecp256' not recognized" },
		{ "aes128-sha256-x25519-ke1_", "algorithm 'ke1_' not recognized" },
		{ "aes128-sha256-ke1_x25519", "a DH group is mandatory in IKE proposals" },
		{ "null-sha256-modp2048",
			"algorithm 'null' is for ESP only: IKE is always encrypted" },
	};

	refuses(IKE_PROTOCOL_IKE, cases, COUNT(cases));
}
END_TEST

START_TEST(esp_proposals_are_read_as_strongswan_reads_them)
{
	static const struct reading cases[] = {
		{ "aes128gcm16", "ESP:AES_GCM_16_128/NO_EXT_SEQ" },
		{ "aes128gcm16-sha256-modp2048", "ESP:AES_GCM_16_128/MODP_2048/NO_EXT_SEQ" },
		{ "aes128-sha256-prfsha256", "ESP:AES_CBC_128/HMAC_SHA2_256_128/NO_EXT_SEQ" },
		{ "aes128-sha256-modpnone",
			"ESP:AES_CBC_128/HMAC_SHA2_256_128/MODP_NONE/NO_EXT_SEQ" },
		{ "aes128-sha256-modp2048-none",
			"ESP:AES_CBC_128/HMAC_SHA2_256_128/MODP_2048/MODP_NONE/NO_EXT_SEQ" },
		{ "aes128-sha256-esn", "ESP:AES_CBC_128/HMAC_SHA2_256_128/EXT_SEQ" },
		{ "aes128-sha256-noesn-esn",
			"ESP:AES_CBC_128/HMAC_SHA2_256_128/NO_EXT_SEQ/EXT_SEQ" },
		{ "null-sha256", "ESP:NULL/HMAC_SHA2_256_128/NO_EXT_SEQ" },
		{ "aes128-sha256_96-md5_128-sha1_160-aesxcbc-aescmac",
			"ESP:AES_CBC_128/HMAC_SHA2_256_96/HMAC_MD5_128/HMAC_SHA1_160/AES_XCBC_96/"
			"AES_CMAC_96/NO_EXT_SEQ" },
		{ "chacha20poly1305", "ESP:CHACHA20_POLY1305/NO_EXT_SEQ" },
		{ "aes128gmac-aes256gmac-ecp256",
			"ESP:NULL_AES_GMAC_128/NULL_AES_GMAC_256/ECP_256/NO_EXT_SEQ" },
		{ "aes128-blowfish256-sha1", "ESP:AES_CBC_128/HMAC_SHA1_96/NO_EXT_SEQ" },
		{ "default",
			"ESP:AES_GCM_16_128/AES_GCM_16_192/AES_GCM_16_256/NO_EXT_SEQ, "
			"ESP:AES_CBC_128/AES_CBC_192/AES_CBC_256/HMAC_SHA2_256_128/"
			"HMAC_SHA2_384_192/HMAC_SHA2_512_256/HMAC_SHA1_96/AES_XCBC_96/NO_EXT_SEQ" },
	};
	static const struct reading wrong[] = {
		{ "sha256", "an encryption algorithm is mandatory in ESP proposals" },
		{ "aes128-modp2048",
			"an integrity algorithm is mandatory in ESP proposals with classic "
			"(non-AEAD) encryption algorithms" },
		{ "null", "an integrity algorithm is mandatory in ESP proposals with classic "
			  "(non-AEAD) encryption algorithms" },
		{ "null-aes128gcm16",
			"classic and combined-mode (AEAD) encryption algorithms can't be "
			"contained in the same ESP proposal" },
	};

	reads(IKE_PROTOCOL_ESP, cases, COUNT(cases));
	refuses(IKE_PROTOCOL_ESP, wrong, COUNT(wrong));
}
END_TEST

START_TEST(ah_proposals_are_read_as_strongswan_reads_them)
{
	static const struct reading cases[] = {
		{ "sha256", "AH:HMAC_SHA2_256_128/NO_EXT_SEQ" },
		{ "sha256-sha1-modp2048-esn",
			"AH:HMAC_SHA2_256_128/HMAC_SHA1_96/MODP_2048/EXT_SEQ" },
		{ "aes128gcm16-aes128-sha256", "AH:HMAC_SHA2_256_128/NO_EXT_SEQ" },
		{ "default", "AH:HMAC_SHA2_256_128/HMAC_SHA2_384_192/HMAC_SHA2_512_256/"
			     "HMAC_SHA1_96/AES_XCBC_96/NO_EXT_SEQ" },
	};
	static const struct reading wrong[] = {
		{ "aes128", "an integrity algorithm is mandatory in AH proposals" },
		{ "modp2048", "an integrity algorithm is mandatory in AH proposals" },
	};

	reads(IKE_PROTOCOL_AH, cases, COUNT(cases));
	refuses(IKE_PROTOCOL_AH, wrong, COUNT(wrong));
}
END_TEST

START_TEST(default_offers_nothing_weak)
{
	static const uint8_t protocols[] = { IKE_PROTOCOL_IKE, IKE_PROTOCOL_ESP, IKE_PROTOCOL_AH };

	for (size_t i = 0; i < COUNT(protocols); i++) {
		struct ike_proposals list = { 0 };

		ck_assert(ike_proposals_add(&list, protocols[i], "default", NULL));
		for (size_t j = 0; j < list.count; j++) {
			ck_assert_uint_eq(list.items[j].number, j + 1);
			for (size_t k = 0; k < list.items[j].count; k++) {
				struct ike_transform *t = &list.items[j].transforms[k];

				ck_assert(!ike_algorithm_find(t->type, t->id, t->key_bits)->weak);
			}
		}
		ike_proposals_free(&list);
	}
}
END_TEST

START_TEST(every_keyword_is_good_in_some_proposal)
{
	for (const struct ike_algorithm *a = NULL; (a = ike_algorithm_next(a));) {
		struct ike_proposals list = { 0 };
		char text[128];
		bool aead = a->type == IKE_TRANSFORM_ENCRYPTION && a->aead;

		snprintf(text, sizeof(text), "%.*s%s", (int)strcspn(a->keywords, " "), a->keywords,
			a->type == IKE_TRANSFORM_ENCRYPTION ? (aead ? "" : "-sha256")
							    : "-aes128-sha256");
		ck_assert_msg(ike_proposals_add(&list, IKE_PROTOCOL_ESP, text, NULL), "%s", text);
		ike_proposals_free(&list);
	}
}
END_TEST

/* VyOS offers them among others. */
START_TEST(what_only_strongswan_has_is_left_out_by_name)
{
	static const char *const texts[] = { "blowfish256-sha1", "aes128-des-sha256",
		"aes128gcm16-ntru128", "aes256-sha256-x25519-ke1_newhope128", "serpent128-sha1" };
	struct ike_proposals list = { 0 };
	char text[IKE_PROPOSAL_TEXT_MAX];

	for (size_t i = 0; i < COUNT(texts); i++)
		ck_assert(ike_proposals_add(&list, IKE_PROTOCOL_ESP, texts[i], NULL));
	ck_assert_str_eq(ike_proposals_format(list.items, list.count, text),
		"ESP:AES_CBC_128/HMAC_SHA2_256_128/NO_EXT_SEQ");
	ck_assert_str_eq(list.left_out,
		"'blowfish256-sha1': algorithm 'blowfish256' is not supported; "
		"'aes128-des-sha256': algorithm 'des' is not supported; "
		"'aes128gcm16-ntru128': algorithm 'ntru128' is not supported; "
		"'aes256-sha256-x25519-ke1_newhope128': algorithm 'ke1_newhope128' is not "
		"supported; "
		"'serpent128-sha1': algorithm 'serpent128' is not supported");
	ck_assert(!ike_proposals_add(&list, IKE_PROTOCOL_ESP, "blowfish-nonsense", NULL));
	ike_proposals_free(&list);
}
END_TEST

START_TEST(a_proposal_holds_only_so_many_algorithms)
{
	struct ike_proposals list = { 0 };
	char text[8192] = "";

	/* All of them fit. */
	for (const struct ike_algorithm *a = NULL; (a = ike_algorithm_next(a));)
		if (a->type != IKE_TRANSFORM_ENCRYPTION || !a->aead) {
			strncat(text, a->keywords, strcspn(a->keywords, " "));
			strcat(text, "-");
		}
	ck_assert(ike_proposals_add(&list, IKE_PROTOCOL_ESP, text, NULL));
	ike_proposals_free(&list);
}
END_TEST

START_TEST(printing_is_cut_to_fit)
{
	static struct ike_proposal items[40];
	char text[IKE_PROPOSAL_TEXT_MAX];

	for (size_t i = 0; i < COUNT(items); i++) {
		items[i].protocol = (uint8_t)i;
		items[i].count = IKE_PROPOSAL_TRANSFORMS_MAX;
		for (size_t j = 0; j < IKE_PROPOSAL_TRANSFORMS_MAX; j++)
			items[i].transforms[j] = (struct ike_transform){ 1, 65535, 65535 };
	}
	ike_proposals_format(items, COUNT(items), text);
	ck_assert_uint_eq(strlen(text), IKE_PROPOSAL_TEXT_MAX - 1);
	ck_assert_str_eq(ike_proposals_format(items, 0, text), "");
}
END_TEST

/* ---- Selection ---- */

/* Reads a list separated by commas. */
static struct ike_proposals list_of(uint8_t protocol, const char *text)
{
	struct ike_proposals list = { 0 };
	struct why why;
	char copy[1024];

	snprintf(copy, sizeof(copy), "%s", text);
	for (char *next = copy, *one; (one = strsep(&next, ","));)
		ck_assert_msg(ike_proposals_add(&list, protocol, one, &why), "%s", why.text);
	return list;
}

struct choice {
	const char *ours, *theirs, *expected; /* NULL: none */
	bool wrong_group, ignore_group;
	uint8_t number;
};

static void chooses(uint8_t protocol, const struct choice *c)
{
	struct ike_proposals ours = list_of(protocol, c->ours);
	struct ike_proposals theirs = list_of(protocol, c->theirs);
	struct ike_suite suite = { .protocol = 77 };
	char text[IKE_PROPOSAL_TEXT_MAX];
	uint8_t number = 77;
	enum ike_selection selection = ike_proposals_select(
		&ours, theirs.items, theirs.count, c->ignore_group, &suite, &number);

	if (c->expected) {
		ck_assert_int_eq(selection, IKE_SELECTION_OK);
		ck_assert_str_eq(ike_suite_format(&suite, text), c->expected);
		ck_assert_uint_eq(number, c->number);
	} else {
		ck_assert_int_eq(
			selection, c->wrong_group ? IKE_SELECTION_WRONG_GROUP : IKE_SELECTION_NONE);
		ck_assert_uint_eq(suite.protocol, 77);
		ck_assert_uint_eq(number, 77);
	}
	ike_proposals_free(&ours);
	ike_proposals_free(&theirs);
}

START_TEST(our_order_decides)
{
	static const struct choice cases[] = {
		{ "aes256-aes128-sha512-sha256-x25519-modp2048",
			"aes128-aes256-sha256-sha512-modp2048-x25519",
			"IKE:AES_CBC_256/HMAC_SHA2_512_256/PRF_HMAC_SHA2_512/CURVE_25519",
			.number = 1 },
		{ "aes128gcm16-prfsha256-x25519,aes128-sha256-x25519",
			"aes128-sha256-x25519,aes128gcm16-prfsha256-x25519",
			"IKE:AES_GCM_16_128/PRF_HMAC_SHA2_256/CURVE_25519", .number = 2 },
		{ "aes128-sha256-x25519", "3des-md5-modp1024,aes256-sha256-x25519,default",
			"IKE:AES_CBC_128/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/CURVE_25519",
			.number = 3 },
		{ "aes128-sha256-x25519", "aes256-sha256-x25519", NULL },
		{ "aes128-sha256-x25519", "aes128-sha1-x25519", NULL },
		{ "aes128-sha256-prfsha1-x25519", "aes128-sha256-x25519", NULL },
		{ "aes128-sha256-x25519", "aes128-sha256-x448", NULL, .wrong_group = true },
		{ "aes128-sha256-x25519", "aes128-sha256-x448,aes256-sha256-x25519", NULL,
			.wrong_group = true },
		{ "aes128-sha256-x25519,aes128-sha256-x448", "aes128-sha256-x448",
			"IKE:AES_CBC_128/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/CURVE_448",
			.number = 1 },
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		chooses(IKE_PROTOCOL_IKE, &cases[i]);
}
END_TEST

START_TEST(children_may_do_without_a_key_exchange)
{
	static const struct choice cases[] = {
		{ "aes128-sha256", "aes128-sha256", "ESP:AES_CBC_128/HMAC_SHA2_256_128/NO_EXT_SEQ",
			.number = 1 },
		{ "aes128-sha256", "aes128-sha256-x25519", NULL, .wrong_group = true },
		{ "aes128-sha256-x25519", "aes128-sha256", NULL, .wrong_group = true },
		{ "aes128-sha256-x25519", "aes128-sha256",
			"ESP:AES_CBC_128/HMAC_SHA2_256_128/NO_EXT_SEQ", .number = 1,
			.ignore_group = true },
		{ "aes128-sha256-x25519", "aes128-sha256-x448",
			"ESP:AES_CBC_128/HMAC_SHA2_256_128/NO_EXT_SEQ", .number = 1,
			.ignore_group = true },
		{ "aes128-sha256-x25519-none", "aes128-sha256",
			"ESP:AES_CBC_128/HMAC_SHA2_256_128/NO_EXT_SEQ", .number = 1 },
		{ "aes128-sha256-x25519-none", "aes128-sha256-none-x25519",
			"ESP:AES_CBC_128/HMAC_SHA2_256_128/CURVE_25519/NO_EXT_SEQ", .number = 1 },
		{ "aes128-sha256", "aes128-sha256-x25519-none",
			"ESP:AES_CBC_128/HMAC_SHA2_256_128/NO_EXT_SEQ", .number = 1 },
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		chooses(IKE_PROTOCOL_ESP, &cases[i]);
}
END_TEST

START_TEST(extended_sequence_numbers_are_agreed)
{
	static const struct choice cases[] = {
		{ "aes128gcm16-esn", "aes128gcm16-noesn-esn", "ESP:AES_GCM_16_128/EXT_SEQ",
			.number = 1 },
		{ "aes128gcm16-noesn-esn", "aes128gcm16-esn-noesn", "ESP:AES_GCM_16_128/NO_EXT_SEQ",
			.number = 1 },
		{ "aes128gcm16-esn", "aes128gcm16", NULL },
		{ "aes128gcm16", "aes128gcm16-esn", NULL },
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		chooses(IKE_PROTOCOL_ESP, &cases[i]);
}
END_TEST

static void add(struct ike_proposal *p, uint8_t type, uint16_t id, uint16_t key_bits)
{
	p->transforms[p->count++] = (struct ike_transform){ type, id, key_bits };
}

START_TEST(peers_may_leave_out_esn_and_name_no_integrity)
{
	struct ike_proposals ours = list_of(IKE_PROTOCOL_ESP, "aes256gcm16-noesn-esn");
	struct ike_proposal theirs = { .protocol = IKE_PROTOCOL_ESP, .number = 9 };
	struct ike_suite suite;
	uint8_t number;

	add(&theirs, IKE_TRANSFORM_INTEGRITY, IKE_INTEG_NONE, 0);
	add(&theirs, IKE_TRANSFORM_ENCRYPTION, IKE_ENCR_AES_GCM_16, 256);
	ck_assert_int_eq(
		ike_proposals_select(&ours, &theirs, 1, false, &suite, &number), IKE_SELECTION_OK);
	ck_assert_uint_eq(number, 9);
	ck_assert(!suite.esn);
	ck_assert_uint_eq(suite.integrity, 0);
	ck_assert(ike_proposal_accepts(&ours, &theirs, false, &suite));

	/* A key length is part of the algorithm; an unknown transform type spoils the proposal. */
	theirs.transforms[1].key_bits = 128;
	ck_assert_int_eq(ike_proposals_select(&ours, &theirs, 1, false, &suite, &number),
		IKE_SELECTION_NONE);
	theirs.transforms[1].key_bits = 256;
	theirs.unknown_type = true;
	ck_assert_int_eq(ike_proposals_select(&ours, &theirs, 1, false, &suite, &number),
		IKE_SELECTION_NONE);
	ck_assert(!ike_proposal_accepts(&ours, &theirs, false, &suite));
	theirs.unknown_type = false;
	theirs.protocol = IKE_PROTOCOL_AH;
	ck_assert_int_eq(ike_proposals_select(&ours, &theirs, 1, false, &suite, &number),
		IKE_SELECTION_NONE);
	ck_assert_int_eq(
		ike_proposals_select(&ours, NULL, 0, false, &suite, &number), IKE_SELECTION_NONE);
	ike_proposals_free(&ours);
}
END_TEST

START_TEST(an_answer_must_be_one_of_the_offers)
{
	struct ike_proposals offered =
		list_of(IKE_PROTOCOL_IKE, "aes128-aes256-sha256-x25519,aes128gcm16-prfsha384-x448");
	struct ike_proposal answer;
	struct ike_suite suite = { .protocol = IKE_PROTOCOL_IKE,
		.encryption = IKE_ENCR_AES_GCM_16,
		.encryption_bits = 128,
		.prf = IKE_PRF_HMAC_SHA2_384,
		.group = IKE_GROUP_X448 };
	struct ike_suite got = { 0 };

	ike_suite_to_proposal(&suite, 2, &answer);
	ck_assert_uint_eq(answer.count, 3);
	ck_assert(ike_proposal_accepts(&offered, &answer, false, &got));
	ck_assert_mem_eq(&got, &suite, sizeof(suite));

	/* Two of a kind, one too few, not offered together. */
	add(&answer, IKE_TRANSFORM_KEY_EXCHANGE, IKE_GROUP_X25519, 0);
	ck_assert(!ike_proposal_accepts(&offered, &answer, false, &got));
	answer.count -= 2;
	ck_assert(!ike_proposal_accepts(&offered, &answer, false, &got));
	add(&answer, IKE_TRANSFORM_KEY_EXCHANGE, IKE_GROUP_X25519, 0);
	ck_assert(!ike_proposal_accepts(&offered, &answer, false, &got));
	ck_assert(!ike_proposal_accepts(&offered, &offered.items[0], false, &got));
	ike_proposals_free(&offered);
}
END_TEST

#define BASE "IKE:AES_CBC_256/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/"

START_TEST(additional_key_exchanges_are_read_as_strongswan_reads_them)
{
	static const struct reading cases[] = {
		{ "aes256-sha256-x25519-ke1_mlkem768", BASE "CURVE_25519/KE1_ML_KEM_768" },
		{ "ke2_mlkem1024-aes256-ke1_mlkem768-sha256-ke1_none-x25519",
			BASE "CURVE_25519/KE1_ML_KEM_768/KE1_MODP_NONE/KE2_ML_KEM_1024" },
		{ "aes256-sha256-mlkem512", BASE "ML_KEM_512" },
		{ "aes256-sha256-x25519-ke7_ecp256", BASE "CURVE_25519/KE7_ECP_256" },
		/* "none" alone is as if it were not there. */
		{ "aes256-sha256-x25519-ke1_none", BASE "CURVE_25519" },
	};
	static const struct reading esp[] = {
		{ "aes256gcm16-x25519-ke1_mlkem768",
			"ESP:AES_GCM_16_256/CURVE_25519/KE1_ML_KEM_768/NO_EXT_SEQ" },
	};
	static const struct reading wrong[] = {
		{ "aes256gcm16-ke1_mlkem768",
			"additional key exchanges (ke1_...) need a key exchange before them" },
	};

	reads(IKE_PROTOCOL_IKE, cases, COUNT(cases));
	reads(IKE_PROTOCOL_ESP, esp, COUNT(esp));
	refuses(IKE_PROTOCOL_ESP, wrong, COUNT(wrong));
}
END_TEST

START_TEST(additional_key_exchanges_are_chosen_without_using_any_twice)
{
	static const struct choice cases[] = {
		{ "aes256-sha256-x25519-ke1_mlkem768", "aes256-sha256-x25519-ke1_mlkem768",
			BASE "CURVE_25519/KE1_ML_KEM_768", .number = 1 },
		/* Neither side's wish is dropped silently. */
		{ "aes256-sha256-x25519-ke1_mlkem768", "aes256-sha256-x25519", NULL,
			.wrong_group = true },
		{ "aes256-sha256-x25519", "aes256-sha256-x25519-ke1_mlkem768", NULL,
			.wrong_group = true },
		{ "aes256-sha256-x25519-ke1_mlkem768", "aes256-sha256-x25519-ke2_mlkem768", NULL,
			.wrong_group = true },
		/* Unless one of them says that it may be. */
		{ "aes256-sha256-x25519-ke1_mlkem768-ke1_none", "aes256-sha256-x25519",
			BASE "CURVE_25519", .number = 1 },
		{ "aes256-sha256-x25519", "aes256-sha256-x25519-ke1_mlkem768-ke1_none",
			BASE "CURVE_25519", .number = 1 },
		{ "aes256-sha256-x25519-ke1_mlkem768-ke1_none",
			"aes256-sha256-x25519-ke1_none-ke1_mlkem768",
			BASE "CURVE_25519/KE1_ML_KEM_768", .number = 1 },
		/* Our first choices, except where they would be the same (RFC 9370 2.2.1). */
		{ "aes256-sha256-x25519-ecp256-ke1_x25519-ke1_ecp256",
			"aes256-sha256-x25519-ecp256-ke1_x25519-ke1_ecp256",
			BASE "CURVE_25519/KE1_ECP_256", .number = 1 },
		{ "aes256-sha256-x25519-ecp256-ke1_x25519",
			"aes256-sha256-x25519-ecp256-ke1_x25519", BASE "ECP_256/KE1_CURVE_25519",
			.number = 1 },
		{ "aes256-sha256-x25519-ke1_x25519", "aes256-sha256-x25519-ke1_x25519", NULL,
			.wrong_group = true },
		{ "aes256-sha256-x25519-ke1_ecp256-ke1_ecp384-ke2_ecp256",
			"aes256-sha256-x25519-ke1_ecp256-ke1_ecp384-ke2_ecp256",
			BASE "CURVE_25519/KE1_ECP_384/KE2_ECP_256", .number = 1 },
		{ "aes256-sha256-x25519-ke1_mlkem512-ke4_mlkem768-ke7_mlkem1024",
			"aes256-sha256-x25519-ke1_mlkem512-ke4_mlkem768-ke7_mlkem1024",
			BASE "CURVE_25519/KE1_ML_KEM_512/KE4_ML_KEM_768/KE7_ML_KEM_1024",
			.number = 1 },
	};
	static const struct choice esp[] = {
		{ "aes256gcm16-x25519-ke1_mlkem768", "aes256gcm16", "ESP:AES_GCM_16_256/NO_EXT_SEQ",
			.number = 1, .ignore_group = true },
		/* Nothing additional without what it is additional to. */
		{ "aes256gcm16-none-x25519-ke1_mlkem768", "aes256gcm16-none-x25519-ke1_mlkem768",
			"ESP:AES_GCM_16_256/CURVE_25519/KE1_ML_KEM_768/NO_EXT_SEQ", .number = 1 },
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		chooses(IKE_PROTOCOL_IKE, &cases[i]);
	for (size_t i = 0; i < COUNT(esp); i++)
		chooses(IKE_PROTOCOL_ESP, &esp[i]);
}
END_TEST

/* Seven additional exchanges of the same few methods, and never enough of them: a stranger cannot
 * make the search long. */
START_TEST(hopeless_choices_end_soon)
{
	struct ike_proposal ours = { .protocol = IKE_PROTOCOL_IKE };
	struct ike_proposals list = { &ours, 1 };
	struct ike_suite suite;
	uint8_t number;

	add(&ours, IKE_TRANSFORM_ENCRYPTION, IKE_ENCR_AES_GCM_16, 256);
	add(&ours, IKE_TRANSFORM_PRF, IKE_PRF_HMAC_SHA2_256, 0);
	for (uint8_t type = IKE_TRANSFORM_ADDITIONAL_1 - 1; type <= IKE_TRANSFORM_ADDITIONAL_7;
		type++)
		for (uint16_t id = 14; id < 21; id++)
			add(&ours,
				type < IKE_TRANSFORM_ADDITIONAL_1 ? IKE_TRANSFORM_KEY_EXCHANGE
								  : type,
				id, 0);
	for (int i = 0; i < 200; i++)
		ck_assert_int_eq(ike_proposals_select(&list, &ours, 1, false, &suite, &number),
			IKE_SELECTION_WRONG_GROUP);
}
END_TEST

START_TEST(an_answer_agrees_to_additional_key_exchanges)
{
	struct ike_proposals offered =
		list_of(IKE_PROTOCOL_IKE, "aes256-sha256-x25519-ke1_mlkem768-ke3_ecp384-ke3_none");
	struct ike_proposal answer;
	struct ike_suite suite, got = { 0 };
	uint8_t number;

	ck_assert_int_eq(ike_proposals_select(&offered, offered.items, 1, false, &suite, &number),
		IKE_SELECTION_OK);
	ck_assert_uint_eq(ike_suite_additional_count(&suite), 2);
	ck_assert_uint_eq(ike_suite_additional(&suite, 0), IKE_GROUP_ML_KEM_768);
	ck_assert_uint_eq(ike_suite_additional(&suite, 1), IKE_GROUP_ECP_384);
	ck_assert_uint_eq(ike_suite_additional(&suite, 2), IKE_GROUP_NONE);
	ike_suite_to_proposal(&suite, 1, &answer);
	ck_assert_uint_eq(answer.count, 6);
	ck_assert(ike_proposal_accepts(&offered, &answer, false, &got));
	ck_assert_mem_eq(&got, &suite, sizeof(suite));
	/* The optional one left out, said or unsaid; the other one not. */
	answer.transforms[5].id = IKE_GROUP_NONE;
	ck_assert(ike_proposal_accepts(&offered, &answer, false, &got));
	ck_assert_uint_eq(ike_suite_additional_count(&got), 1);
	answer.count--;
	ck_assert(ike_proposal_accepts(&offered, &answer, false, &got));
	answer.count--;
	ck_assert(!ike_proposal_accepts(&offered, &answer, false, &got));
	/* Twice the same method (RFC 9370 2.2.1). */
	add(&answer, IKE_TRANSFORM_ADDITIONAL_1, IKE_GROUP_X25519, 0);
	ck_assert(!ike_proposal_accepts(&offered, &answer, false, &got));
	ike_proposals_free(&offered);
}
END_TEST

START_TEST(differing_additional_key_exchanges_are_named)
{
	struct ike_proposals a = list_of(IKE_PROTOCOL_IKE, "aes256-sha256-x25519-ke2_mlkem768");
	struct ike_proposals b = list_of(IKE_PROTOCOL_IKE, "aes128-sha256-x25519");
	char text[IKE_DIFFERENCE_TEXT_MAX];

	ck_assert_uint_eq(ike_proposals_difference(&a, b.items, 1, false, text),
		IKE_TRANSFORM_BIT(IKE_TRANSFORM_ENCRYPTION) |
			IKE_TRANSFORM_BIT(IKE_TRANSFORM_ADDITIONAL_1 + 1));
	ck_assert_str_eq(text, "encryption, additional key exchange 2");
	ck_assert_uint_eq(ike_proposals_difference(&a, b.items, 1, true, text),
		IKE_TRANSFORM_BIT(IKE_TRANSFORM_ENCRYPTION));
	ike_proposals_free(&a);
	ike_proposals_free(&b);
}
END_TEST

START_TEST(suites_give_their_algorithms)
{
	struct ike_suite suite = { .protocol = IKE_PROTOCOL_IKE,
		.encryption = IKE_ENCR_AES_CBC,
		.encryption_bits = 256,
		.integrity = IKE_INTEG_HMAC_SHA2_256_128,
		.prf = IKE_PRF_HMAC_SHA2_256,
		.group = IKE_GROUP_MODP_2048 };
	const struct ike_suite none = { 0 };

	ck_assert_str_eq(ike_suite_encryption(&suite)->name, "AES_CBC");
	ck_assert_str_eq(ike_suite_integrity(&suite)->name, "HMAC_SHA2_256_128");
	ck_assert_str_eq(ike_suite_prf(&suite)->name, "PRF_HMAC_SHA2_256");
	ck_assert_str_eq(ike_suite_group(&suite)->name, "MODP_2048");
	ck_assert_ptr_null(ike_suite_encryption(&none));
	ck_assert_ptr_null(ike_suite_integrity(&none));
	ck_assert_ptr_null(ike_suite_prf(&none));
	ck_assert_ptr_null(ike_suite_group(&none));
}
END_TEST

START_TEST(groups_of_a_list_are_found)
{
	struct ike_proposals list =
		list_of(IKE_PROTOCOL_ESP, "aes128-sha1,aes128-sha1-modp2048-x448");

	ck_assert(ike_proposals_have_group(&list, IKE_GROUP_MODP_2048));
	ck_assert(ike_proposals_have_group(&list, IKE_GROUP_X448));
	ck_assert(!ike_proposals_have_group(&list, IKE_GROUP_X25519));
	ck_assert_uint_eq(ike_proposals_first_group(&list), IKE_GROUP_MODP_2048);
	ike_proposals_free(&list);
	ck_assert_uint_eq(ike_proposals_first_group(&list), IKE_GROUP_NONE);
}
END_TEST

START_TEST(equal_lists_share_their_items_until_the_last_one_goes)
{
	struct ike_proposals a = list_of(IKE_PROTOCOL_IKE, "aes256-sha256-x25519,default");
	struct ike_proposals b = list_of(IKE_PROTOCOL_IKE, "aes256-sha256-x25519,default");
	struct ike_proposals c = list_of(IKE_PROTOCOL_IKE, "aes256-sha256-x25519,default");

	ike_proposals_share(&b, &a);
	ike_proposals_share(&c, &b);
	ike_proposals_share(&c, &a);
	ck_assert_ptr_eq(a.items, b.items);
	ck_assert_ptr_eq(a.items, c.items);
	ike_proposals_free(&a);
	ck_assert(ike_proposals_equal(&b, &c));
	ike_proposals_free(&b);
	ck_assert_uint_eq(c.count, 3);
	ck_assert_uint_eq(ike_proposals_first_group(&c), IKE_GROUP_X25519);
	ike_proposals_free(&c);
}
END_TEST

TCase *proposal_tests(void)
{
	TCase *tests = tcase_create("proposals");

	tcase_add_test(tests, ike_proposals_are_read_as_strongswan_reads_them);
	tcase_add_test(tests, ike_proposals_that_strongswan_refuses_are_refused_with_its_words);
	tcase_add_test(tests, esp_proposals_are_read_as_strongswan_reads_them);
	tcase_add_test(tests, ah_proposals_are_read_as_strongswan_reads_them);
	tcase_add_test(tests, default_offers_nothing_weak);
	tcase_add_test(tests, every_keyword_is_good_in_some_proposal);
	tcase_add_test(tests, what_only_strongswan_has_is_left_out_by_name);
	tcase_add_test(tests, a_proposal_holds_only_so_many_algorithms);
	tcase_add_test(tests, printing_is_cut_to_fit);
	tcase_add_test(tests, our_order_decides);
	tcase_add_test(tests, children_may_do_without_a_key_exchange);
	tcase_add_test(tests, extended_sequence_numbers_are_agreed);
	tcase_add_test(tests, peers_may_leave_out_esn_and_name_no_integrity);
	tcase_add_test(tests, an_answer_must_be_one_of_the_offers);
	tcase_add_test(tests, additional_key_exchanges_are_read_as_strongswan_reads_them);
	tcase_add_test(tests, additional_key_exchanges_are_chosen_without_using_any_twice);
	tcase_add_test(tests, hopeless_choices_end_soon);
	tcase_add_test(tests, an_answer_agrees_to_additional_key_exchanges);
	tcase_add_test(tests, differing_additional_key_exchanges_are_named);
	tcase_add_test(tests, suites_give_their_algorithms);
	tcase_add_test(tests, groups_of_a_list_are_found);
	tcase_add_test(tests, equal_lists_share_their_items_until_the_last_one_goes);
	return tests;
}
