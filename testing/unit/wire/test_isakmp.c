/* IKEv1 messages: what is built is read back, what is cut or does not fit is refused. */
#include "libike/wire/isakmp.h"

#include <check.h>
#include <netinet/in.h>
#include <stdlib.h>

static uint8_t room[8192];
static struct why why;

static struct ike_proposals list_of(uint8_t protocol, const char *a, const char *b)
{
	struct ike_proposals list = { 0 };

	ck_assert_msg(ike_proposals_add(&list, protocol, a, &why), "%s", why.text);
	if (b)
		ck_assert_msg(ike_proposals_add(&list, protocol, b, &why), "%s", why.text);
	return list;
}

static const struct ike_header header = { .spi_initiator = 0x1122334455667788,
	.spi_responder = 0x99aabbccddeeff00,
	.version = 0x10,
	.exchange = ISAKMP_EXCHANGE_MAIN };

static struct ike_packets *build_offer(const struct ike_proposals *list, int phase, uint16_t cpi)
{
	struct isakmp_offer offers[ISAKMP_OFFERS_MAX];
	size_t count = isakmp_offers_of(list, phase, offers, ISAKMP_OFFERS_MAX);
	struct ike_builder b;

	ike_builder_begin(&b, room, sizeof(room));
	isakmp_build_sa(&b, offers, count,
		phase == 2 ? bytes_of("\1\2\3\4", 4) : (struct bytes){ 0 },
		&(struct isakmp_said){ .auth_method = ISAKMP_AUTH_PSK,
			.encapsulation = ISAKMP_ENCAPSULATION_TUNNEL,
			.cpi = cpi,
			.life_seconds = 86400,
			.life_kilobytes = phase == 2 ? 100000 : 0 });
	isakmp_build_vendor(&b, ISAKMP_VENDOR_DPD);
	struct ike_packets *packets = isakmp_packets_clear(&header, &b, 0, 0);
	ck_assert_ptr_nonnull(packets);
	return packets;
}

static const struct {
	uint8_t protocol;
	const char *ours, *theirs, *suite; /* suite NULL: nothing in common */
} cases[] = {
	{ IKE_PROTOCOL_IKE, "aes256-sha1-modp1024", "aes128-md5-modp1024,aes256-sha1-modp1024",
		"IKE:AES_CBC_256/HMAC_SHA1_96/PRF_HMAC_SHA1/MODP_1024" },
	{ IKE_PROTOCOL_IKE, "aes256-aes128-sha256-sha1-modp2048-ecp256",
		"aes128-sha1-sha256-ecp256",
		"IKE:AES_CBC_128/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/ECP_256" },
	{ IKE_PROTOCOL_IKE, "3des-md5-modp1024", "3des-md5-modp1024",
		"IKE:3DES_CBC/HMAC_MD5_96/PRF_HMAC_MD5/MODP_1024" },
	{ IKE_PROTOCOL_IKE, "camellia256-sha512-modp8192", "camellia256-sha512-modp8192",
		"IKE:CAMELLIA_CBC_256/HMAC_SHA2_512_256/PRF_HMAC_SHA2_512/MODP_8192" },
	{ IKE_PROTOCOL_IKE, "aes256-sha256-modp2048", "aes256-sha256-modp1024", NULL },
	{ IKE_PROTOCOL_ESP, "aes256-sha1-modp1024", "aes128-sha1-modp1024,aes256-sha1-modp1024",
		"ESP:AES_CBC_256/HMAC_SHA1_96/MODP_1024/NO_EXT_SEQ" },
	{ IKE_PROTOCOL_ESP, "aes128gcm16", "aes128gcm16", "ESP:AES_GCM_16_128/NO_EXT_SEQ" },
	{ IKE_PROTOCOL_ESP, "aes256gmac", "aes256gmac", "ESP:NULL_AES_GMAC_256/NO_EXT_SEQ" },
	{ IKE_PROTOCOL_ESP, "aes256-sha256_96-esn", "aes256-sha256_96-esn",
		"ESP:AES_CBC_256/HMAC_SHA2_256_96/EXT_SEQ" },
	{ IKE_PROTOCOL_ESP, "null-sha256", "null-sha256", "ESP:NULL/HMAC_SHA2_256_128/NO_EXT_SEQ" },
	{ IKE_PROTOCOL_ESP, "aes128-sha1", "aes128-sha1-modp1024", NULL },
	{ IKE_PROTOCOL_AH, "sha256", "sha1,sha256", "AH:HMAC_SHA2_256_128/NO_EXT_SEQ" },
};

START_TEST(an_offer_is_chosen_from_and_the_answer_accepted)
{
	int phase = cases[_i].protocol == IKE_PROTOCOL_IKE ? 1 : 2;
	char first[128], text[IKE_PROPOSAL_TEXT_MAX];
	char *second;

	strcpy(first, cases[_i].theirs);
	if ((second = strchr(first, ',')))
		*second++ = '\0';
	struct ike_proposals ours = list_of(cases[_i].protocol, cases[_i].ours, NULL);
	struct ike_proposals theirs = list_of(cases[_i].protocol, first, second);
	struct ike_packets *packets = build_offer(&theirs, phase, 0);
	struct isakmp_message m;
	struct isakmp_offer chosen, accepted;
	uint16_t psk = ISAKMP_AUTH_PSK;

	ck_assert_msg(isakmp_message_parse(ike_packets_get(packets, 0), &m, &why), "%s", why.text);
	bool found =
		isakmp_offer_choose(&ours, &m.sa, phase, &psk, phase == 1 ? 1 : 0, false, &chosen);
	ck_assert_int_eq(found, cases[_i].suite != NULL);
	if (found) {
		struct ike_builder b;

		ck_assert_str_eq(ike_suite_format(&chosen.suite, text), cases[_i].suite);
		ck_assert_uint_eq(chosen.life_seconds, 86400);
		ck_assert_uint_eq(chosen.life_kilobytes, phase == 2 ? 100000 : 0);
		ck_assert_uint_eq(chosen.spi.length, phase == 2 ? 4 : 0);
		ike_builder_begin(&b, room, sizeof(room));
		isakmp_build_sa_answer(&b, &chosen, chosen.spi, 0);
		struct ike_packets *answer = isakmp_packets_clear(&header, &b, 0, 0);
		ck_assert(isakmp_message_parse(ike_packets_get(answer, 0), &m, &why));
		ck_assert(isakmp_offer_accepts(&theirs, &m.sa, phase, false, &accepted));
		ck_assert_str_eq(ike_suite_format(&accepted.suite, text), cases[_i].suite);
		ike_packets_free(answer);
	}
	ike_packets_free(packets);
	ike_proposals_free(&ours);
	ike_proposals_free(&theirs);
}
END_TEST

/* Where the IPComp proposal of a packet begins. */
static uint8_t *compression_in(struct ike_packets *packets)
{
	static const uint8_t begins[] = { 1, ISAKMP_PROTOCOL_IPCOMP, 2, 1, 0x43, 0x21 };
	struct bytes packet = ike_packets_get(packets, 0);

	for (size_t i = 0; i + sizeof(begins) < packet.length; i++)
		if (memcmp(packet.at + i, begins, sizeof(begins)) == 0)
			return (uint8_t *)packet.at + i;
	ck_abort_msg("no IPComp");
}

START_TEST(compression_comes_with_encryption)
{
	struct ike_proposals list = list_of(IKE_PROTOCOL_ESP, "aes128-aes256-sha1", NULL);
	struct ike_packets *packets = build_offer(&list, 2, 0x4321);
	struct isakmp_message m;
	struct isakmp_offer chosen, accepted;

	ck_assert_msg(isakmp_message_parse(ike_packets_get(packets, 0), &m, &why), "%s", why.text);
	/* Who does not compress takes what is there without. */
	ck_assert(isakmp_offer_choose(&list, &m.sa, 2, NULL, 0, false, &chosen));
	ck_assert_uint_eq(chosen.cpi, 0);
	ck_assert_uint_eq(chosen.proposal, 2);
	ck_assert(isakmp_offer_choose(&list, &m.sa, 2, NULL, 0, true, &chosen));
	ck_assert_uint_eq(chosen.cpi, 0x4321);
	ck_assert_uint_eq(chosen.proposal, 1);
	ck_assert_uint_eq(chosen.suite.encryption_bits, 128);
	for (unsigned with = 0; with <= 1; with++) {
		struct ike_builder b;

		ike_builder_begin(&b, room, sizeof(room));
		isakmp_build_sa_answer(&b, &chosen, chosen.spi, with ? 0x8765 : 0);
		struct ike_packets *answer = isakmp_packets_clear(&header, &b, 0, 0);
		ck_assert(isakmp_message_parse(ike_packets_get(answer, 0), &m, &why));
		ck_assert(isakmp_offer_accepts(&list, &m.sa, 2, true, &accepted));
		ck_assert_uint_eq(accepted.cpi, with ? 0x8765 : 0);
		/* Compression that was not offered is not agreed to. */
		ck_assert_int_eq(isakmp_offer_accepts(&list, &m.sa, 2, false, &accepted), !with);
		ike_packets_free(answer);
	}
	ike_packets_free(packets);
	ike_proposals_free(&list);
	/* strongSwan's answer has what it chose with compression, and without. */
	list = list_of(IKE_PROTOCOL_ESP, "aes128-sha1", NULL);
	packets = build_offer(&list, 2, 0x4321);
	ck_assert(isakmp_message_parse(ike_packets_get(packets, 0), &m, &why));
	ck_assert(isakmp_offer_accepts(&list, &m.sa, 2, true, &accepted));
	ck_assert_uint_eq(accepted.cpi, 0x4321);
	ike_packets_free(packets);
	ike_proposals_free(&list);
}
END_TEST

/* What is patched into the proposal of IPComp: number, protocol, SPI's length, transforms, SPI, and
 * its transform. */
static const struct {
	size_t at;
	uint8_t value;
} bad_compressions[] = {
	{ 1, ISAKMP_PROTOCOL_AH }, { 2, 0 }, { 2, 1 }, { 2, 4 }, { 2, 200 },
	{ 4, 0 },    /* a well-known CPI */
	{ 4, 0xff }, /* a private one */
	{ 11, 3 },   /* LZS */
};

/* The payload is malformed, or what comes without compression is chosen. */
START_TEST(compression_that_is_none_is_not_chosen)
{
	struct ike_proposals list = list_of(IKE_PROTOCOL_ESP, "aes128-sha1", NULL);
	struct ike_packets *packets = build_offer(&list, 2, 0x4321);
	struct isakmp_message m;
	struct isakmp_offer chosen;

	compression_in(packets)[bad_compressions[_i].at] = bad_compressions[_i].value;
	if (isakmp_message_parse(ike_packets_get(packets, 0), &m, &why)) {
		ck_assert(isakmp_offer_choose(&list, &m.sa, 2, NULL, 0, true, &chosen));
		ck_assert_uint_eq(chosen.cpi, 0);
		ck_assert_uint_eq(chosen.proposal, 2);
	}
	ike_packets_free(packets);
	ike_proposals_free(&list);
}
END_TEST

START_TEST(another_authentication_method_is_not_chosen)
{
	struct ike_proposals list = list_of(IKE_PROTOCOL_IKE, "aes128-sha1-modp1024", NULL);
	struct ike_packets *packets = build_offer(&list, 1, 0);
	uint16_t rsa = ISAKMP_AUTH_RSA;
	struct isakmp_offer chosen;
	struct isakmp_message m;

	ck_assert(isakmp_message_parse(ike_packets_get(packets, 0), &m, &why));
	ck_assert(!isakmp_offer_choose(&list, &m.sa, 1, &rsa, 1, false, &chosen));
	ike_packets_free(packets);
	ike_proposals_free(&list);
}
END_TEST

START_TEST(what_is_cut_is_refused)
{
	struct ike_proposals list = list_of(IKE_PROTOCOL_IKE, "aes256-aes128-sha1-modp1024", NULL);
	struct ike_packets *packets = build_offer(&list, 1, 0);
	struct bytes whole = ike_packets_get(packets, 0);
	struct isakmp_message m;

	for (size_t length = 0; length < whole.length; length++) {
		uint8_t *cut = malloc(length + 1);

		bytes_copy(cut, bytes_of(whole.at, length));
		if (length >= IKE_HEADER_LENGTH) { /* the header agrees */
			cut[26] = (uint8_t)(length >> 8);
			cut[27] = (uint8_t)length;
		}
		ck_assert(!isakmp_message_parse(bytes_of(cut, length), &m, &why));
		free(cut);
	}
	ike_packets_free(packets);
	ike_proposals_free(&list);
}
END_TEST

START_TEST(an_encrypted_message_comes_back_whole_or_in_fragments)
{
	static const uint8_t key[32] = "0123456789abcdef0123456789abcde";
	struct ike_crypto *crypto = ike_crypto_new(NULL, &why);
	const struct ike_algorithm *aes =
		ike_algorithm_find(IKE_TRANSFORM_ENCRYPTION, IKE_ENCR_AES_CBC, 256);
	uint8_t iv_out[16] = "ivivivivivivivi", iv_in[16] = "ivivivivivivivi", large[1000] = "x";
	struct isakmp_reassembly *reassembly = NULL;
	struct ike_header sealed = header;
	struct isakmp_message m, inner;
	struct ike_builder b;
	struct bytes whole = { 0 };
	size_t held = 0;

	sealed.flags = ISAKMP_FLAG_ENCRYPTED;
	sealed.exchange = ISAKMP_EXCHANGE_QUICK;
	sealed.message_id = 77;
	ike_builder_begin(&b, room, sizeof(room));
	isakmp_build_hash(&b, bytes_of("0123456789012345678", 20));
	isakmp_build_nonce(&b, bytes_of("0123456789012345", 16));
	isakmp_build_cert(&b, ISAKMP_PAYLOAD_CERT, 4, bytes_of(large, sizeof(large)));
	size_t chain = b.writer.length;
	struct ike_packets *packets = isakmp_packets_encrypted(
		crypto, aes, bytes_of(key, 32), iv_out, &sealed, &b, _i ? 500 : 0, 3);
	ck_assert_ptr_nonnull(packets);
	ck_assert_uint_eq(packets->count, _i ? 3 : 1);
	for (size_t i = packets->count; i > 0; i--) { /* in whatever order */
		ck_assert(isakmp_message_parse(ike_packets_get(packets, i - 1), &m, &why));
		if (!_i)
			whole = ike_packets_get(packets, 0);
		else
			ck_assert_int_eq(
				isakmp_reassembly_add(&reassembly, &m, 0, &held, SIZE_MAX, &whole),
				i == 1 ? IKE_REASSEMBLY_DONE : IKE_REASSEMBLY_MORE);
	}
	uint8_t *copy = malloc(whole.length);
	bytes_copy(copy, whole);
	ck_assert(isakmp_message_parse(bytes_of(copy, whole.length), &m, &why));
	ck_assert(m.encrypted);
	ck_assert(isakmp_cbc(crypto, aes, false, bytes_of(key, 32), iv_in, copy + IKE_HEADER_LENGTH,
		m.body.length));
	ck_assert_mem_eq(iv_in, iv_out, 16);
	ck_assert_msg(isakmp_message_parse_inner(&m.header, m.body, &inner, &why), "%s", why.text);
	ck_assert_uint_eq(inner.after_hash.length, chain - 24);
	ck_assert_uint_eq(inner.nonce.length, 16);
	ck_assert_uint_eq(inner.certs[0].data.length, sizeof(large));
	free(copy);
	if (_i)
		free((void *)whole.at);
	isakmp_reassembly_free(reassembly);
	ike_packets_free(packets);
	ike_crypto_free(crypto);
}
END_TEST

static const char *const selectors[] = { "10.1.0.0/16", "10.1.0.1", "0.0.0.0/0",
	"10.1.0.1-10.1.0.9", "2001:db8::/32[udp/53]", "10.1.0.0/16[tcp/443]", "192.0.2.1[gre]",
	"192.0.2.1[/1701]", "2001:db8::1" };

START_TEST(selectors_become_identities_and_back)
{
	struct ike_selector selector, back;
	struct isakmp_message m;
	struct ike_builder b;

	ck_assert(ike_selector_parse(selectors[_i], &selector, &why));
	ike_builder_begin(&b, room, sizeof(room));
	isakmp_build_id_selector(&b, &selector);
	struct ike_packets *packets = isakmp_packets_clear(&header, &b, 0, 0);
	ck_assert(isakmp_message_parse(ike_packets_get(packets, 0), &m, &why));
	ck_assert(isakmp_id_to_selector(&m.ids[0], &back));
	ck_assert(ike_selector_equal(&selector, &back));
	ike_packets_free(packets);
}
END_TEST

START_TEST(the_line_of_a_message)
{
	char text[256];
	struct ike_builder b;
	struct isakmp_message m;

	ike_builder_begin(&b, room, sizeof(room));
	isakmp_build_notify(&b, ISAKMP_PROTOCOL_ISAKMP, ISAKMP_NOTIFY_INITIAL_CONTACT,
		(struct bytes){ 0 }, (struct bytes){ 0 });
	isakmp_build_vendor(&b, ISAKMP_VENDOR_FRAGMENTATION);
	isakmp_build_nat_d(&b, true, (const uint8_t *)"01234567890123456789", 20);
	size_t mark = isakmp_build_attributes_open(&b, IKE_CONFIGURATION_REQUEST, 7);
	isakmp_build_attribute_short(&b, 16520, 0);
	isakmp_build_attribute(&b, 16521, (struct bytes){ 0 });
	ike_build_close(&b, mark);
	struct ike_packets *packets = isakmp_packets_clear(&header, &b, 0, 0);
	ck_assert_msg(isakmp_message_parse(ike_packets_get(packets, 0), &m, &why), "%s", why.text);
	ck_assert_str_eq(isakmp_message_format(&m, false, text, sizeof(text)),
		"ID_PROT request 0 [ N(INITIAL_CONTACT) V NAT-D CPRQ(X_TYPE X_USER) ]");
	ck_assert_int_eq(isakmp_vendor_find(m.vendors[0]), ISAKMP_VENDOR_FRAGMENTATION);
	ck_assert(ISAKMP_HAS(&m, NAT_D));
	ike_packets_free(packets);
}
END_TEST

/* ---- Attributes as others write them ---- */

/* One phase 1 or 2 transform of a proposal with these attributes. */
static bool read_offer(int phase, uint8_t id, struct bytes attributes, struct isakmp_offer *ret)
{
	static uint8_t datagram[256];
	struct writer w = writer_of(datagram, sizeof(datagram));
	uint16_t transform = (uint16_t)(8 + attributes.length);
	static struct isakmp_message m;
	size_t cursor = 0;

	writer_put(&w, bytes_of("\1\2\3\4\5\6\7\10\0\0\0\0\0\0\0\0\1\20\2\0\0\0\0\0\0\0", 26));
	writer_u16(&w, (uint16_t)(28 + 12 + 8 + transform));
	writer_u16(&w, 0);
	writer_u16(&w, (uint16_t)(12 + 8 + transform));
	writer_u32(&w, 1);
	writer_u32(&w, 1);
	writer_u16(&w, 0);
	writer_u16(&w, (uint16_t)(8 + transform));
	writer_u8(&w, 1);
	writer_u8(&w, phase == 1 ? ISAKMP_PROTOCOL_ISAKMP : ISAKMP_PROTOCOL_ESP);
	writer_u8(&w, 0);
	writer_u8(&w, 1);
	writer_u16(&w, 0);
	writer_u16(&w, transform);
	writer_u8(&w, 1);
	writer_u8(&w, id);
	writer_u16(&w, 0);
	writer_put(&w, attributes);
	ck_assert_msg(isakmp_message_parse(writer_bytes(&w), &m, &why), "%s", why.text);
	ck_assert(isakmp_offer_next(&m.sa, phase, &cursor, ret));
	return ret->usable;
}
#define READ_OFFER(phase, id, text, ret) \
	read_offer(phase, id, bytes_of(text, sizeof(text) - 1), ret)

START_TEST(attributes_of_phase_1)
{
	struct isakmp_offer o;

	/* AES 256, SHA, group 14, PSK, 86400 s in four octets and 28800 kB in three */
	ck_assert(READ_OFFER(1, 1,
		"\x80\1\0\7\x80\16\1\0\x80\2\0\2\x80\4\0\16\x80\3\0\1"
		"\x80\13\0\1\0\14\0\4\0\1\x51\x80\x80\13\0\2\0\14\0\3\0\x70\x80",
		&o));
	ck_assert_uint_eq(o.suite.encryption_bits, 256);
	ck_assert_uint_eq(o.suite.prf, IKE_PRF_HMAC_SHA1);
	ck_assert_uint_eq(o.suite.group, 14);
	ck_assert_uint_eq(o.auth_method, ISAKMP_AUTH_PSK);
	ck_assert_uint_eq(o.life_seconds, 86400);
	ck_assert_uint_eq(o.life_kilobytes, 28800);
	/* nothing about a method; an unknown attribute; a group that IANA gave no number in IKEv1
	 */
	ck_assert(!READ_OFFER(1, 1, "\x80\1\0\5\x80\2\0\2\x80\4\0\2", &o));
	ck_assert(!READ_OFFER(1, 1, "\x80\1\0\5\x80\2\0\2\x80\4\0\2\x80\3\0\1\x80\x63\0\1", &o));
	ck_assert(!READ_OFFER(1, 1, "\x80\1\0\5\x80\2\0\2\x80\4\0\43\x80\3\0\1", &o));
	ck_assert(READ_OFFER(1, 1, "\x80\1\0\5\x80\2\0\2\x80\4\0\2\x80\3\0\1", &o));
	/* a duration without its type; a key length that AES has not */
	ck_assert(!READ_OFFER(1, 1, "\x80\1\0\5\x80\2\0\2\x80\4\0\2\x80\3\0\1\x80\14\0\1", &o));
	ck_assert(!READ_OFFER(1, 1, "\x80\1\0\7\x80\16\0\7\x80\2\0\2\x80\4\0\2\x80\3\0\1", &o));
}
END_TEST

START_TEST(attributes_of_phase_2)
{
	struct isakmp_offer o;

	ck_assert(READ_OFFER(2, 20, "\x80\4\0\3\x80\6\0\x80\x80\13\0\1\x80\3\0\23", &o));
	ck_assert_uint_eq(o.suite.encryption, IKE_ENCR_AES_GCM_16);
	ck_assert_uint_eq(o.encapsulation, ISAKMP_ENCAPSULATION_UDP_TUNNEL);
	ck_assert_uint_eq(o.suite.group, 19);
	ck_assert(o.suite.esn);
	ck_assert(READ_OFFER(2, 11, "\x80\4\0\1\x80\5\0\2", &o));
	ck_assert_uint_eq(o.suite.encryption, IKE_ENCR_NULL);
	/* encryption alone proves nothing; DES is not spoken */
	ck_assert(!READ_OFFER(2, 12, "\x80\4\0\1\x80\6\0\x80", &o));
	ck_assert(!READ_OFFER(2, 2, "\x80\4\0\1\x80\5\0\2", &o));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("isakmp");
	TCase *tests = tcase_create("messages");

	tcase_add_test(tests, compression_comes_with_encryption);
	tcase_add_loop_test(tests, compression_that_is_none_is_not_chosen, 0,
		sizeof(bad_compressions) / sizeof(*bad_compressions));
	tcase_add_loop_test(tests, an_offer_is_chosen_from_and_the_answer_accepted, 0,
		sizeof(cases) / sizeof(*cases));
	tcase_add_test(tests, another_authentication_method_is_not_chosen);
	tcase_add_test(tests, what_is_cut_is_refused);
	tcase_add_loop_test(tests, an_encrypted_message_comes_back_whole_or_in_fragments, 0, 2);
	tcase_add_loop_test(tests, selectors_become_identities_and_back, 0,
		sizeof(selectors) / sizeof(*selectors));
	tcase_add_test(tests, the_line_of_a_message);
	tcase_add_test(tests, attributes_of_phase_1);
	tcase_add_test(tests, attributes_of_phase_2);
	suite_add_tcase(s, tests);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
