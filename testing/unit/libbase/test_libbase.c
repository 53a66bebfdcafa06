/* The bounded reader and writer, addresses, secrets and reasons. */
#include "libbase/address.h"
#include "libbase/bytes.h"
#include "libbase/secret.h"
#include "libbase/utf8.h"
#include "libbase/why.h"

#include <check.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

START_TEST(octets_that_are_no_utf_8_are_told_from_those_that_are)
{
	static const struct {
		const char *text, *mended;
	} cases[] = {
		{ "", "" }, { "plain", "plain" },
		{ "z\xc3\xbcrich \xe2\x82\xac \xf0\x9f\x94\x91",
			"z\xc3\xbcrich \xe2\x82\xac \xf0\x9f\x94\x91" },
		{ "a\xff"
		  "b",
			"a?b" },
		{ "cut \xe2\x82", "cut ??" }, { "\xc3(\xa9", "?(?" },
		{ "\xc0\xaf \xed\xa0\x80", "?? ???" }, /* longer than need be; half a pair */
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char text[64];

		snprintf(text, sizeof(text), "%s", cases[i].text);
		ck_assert_int_eq(utf8_valid(bytes_of_text(text)),
			strcmp(cases[i].text, cases[i].mended) == 0);
		utf8_mend(text);
		ck_assert_str_eq(text, cases[i].mended);
		ck_assert(utf8_valid(bytes_of_text(text)));
	}
}
END_TEST

START_TEST(reader_refuses_every_short_read_and_stays_bad)
{
	static const uint8_t wire[] = { 1, 2, 3, 4, 5, 6, 7 };

	for (size_t n = 0; n < sizeof(wire); n++) {
		uint8_t *copy = malloc(n ? n : 1); /* exact size: ASan sees an overread */
		memcpy(copy, wire, n);
		struct reader r = reader_of(bytes_of(copy, n));
		reader_u8(&r);
		reader_u16(&r);
		reader_u32(&r);
		ck_assert(!reader_end(&r));
		ck_assert_uint_eq(reader_u8(&r), 0);
		ck_assert(!reader_more(&r));
		free(copy);
	}
	struct reader r = reader_of(bytes_of(wire, sizeof(wire)));
	ck_assert_uint_eq(reader_u8(&r), 1);
	ck_assert_uint_eq(reader_u16(&r), 0x0203);
	ck_assert_uint_eq(reader_u32(&r), 0x04050607);
	ck_assert(reader_end(&r));
}
END_TEST

START_TEST(reader_part_beyond_the_end_is_bad_in_both)
{
	static const uint8_t wire[4];
	struct reader r = reader_of(bytes_of(wire, 4));
	struct reader part = reader_part(&r, 5);

	ck_assert(part.bad && r.bad);
}
END_TEST

START_TEST(writer_stops_at_its_capacity)
{
	uint8_t room[5];
	struct writer w = writer_of(room, sizeof(room));

	writer_u32(&w, 0x01020304);
	writer_u16(&w, 1);
	ck_assert(w.bad);
	ck_assert_uint_eq(writer_bytes(&w).length, 0);
	w = writer_of(room, sizeof(room));
	writer_u32(&w, 0);
	writer_patch_u16(&w, 2, 0xabcd);
	ck_assert_uint_eq(room[2], 0xab);
	writer_patch_u16(&w, 3, 0);
	ck_assert(w.bad);
}
END_TEST

START_TEST(addresses_go_to_text_and_back)
{
	static const char *const texts[] = { "192.0.2.1", "2001:db8::1", "0.0.0.0", "::" };
	char text[ADDRESS_TEXT_MAX];
	struct address a, b;
	struct sockaddr_storage storage;

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		ck_assert(address_parse(texts[i], &a));
		ck_assert_str_eq(address_format(&a, text), texts[i]);
		a.port = 4500;
		ck_assert(address_to_sockaddr(&a, &storage) > 0);
		ck_assert(address_from_sockaddr((struct sockaddr *)&storage, &b));
		ck_assert(address_equal(&a, &b));
	}
	ck_assert(!address_parse("192.0.2", &a));
	ck_assert(!address_parse("", &a));
	ck_assert(!address_parse("host.example", &a));
}
END_TEST

START_TEST(mapped_addresses_become_ipv4)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(500) };
	struct address a;
	char text[ADDRESS_TEXT_MAX];

	in6.sin6_addr.s6_addr[10] = in6.sin6_addr.s6_addr[11] = 0xff;
	in6.sin6_addr.s6_addr[12] = 10;
	ck_assert(address_from_sockaddr((struct sockaddr *)&in6, &a));
	ck_assert_str_eq(address_format_with_port(&a, text), "10.0.0.0[500]");
}
END_TEST

START_TEST(prefixes_match_to_the_bit)
{
	struct address host, network;

	ck_assert(address_parse("10.1.255.1", &host) && address_parse("10.1.128.0", &network));
	ck_assert(address_in_prefix(&host, &network, 17));
	ck_assert(!address_in_prefix(&host, &network, 18));
	ck_assert(address_in_prefix(&host, &network, 0));
	ck_assert(!address_in_prefix(&host, &network, 33));
}
END_TEST

START_TEST(secrets_move_and_compare)
{
	AUTO_SECRET a = { 0 };
	AUTO_SECRET b = { 0 };

	ck_assert(secret_copy(&a, bytes_of_text("psk")));
	ck_assert(secret_copy(&b, secret_bytes(&a)));
	ck_assert(secret_equal(secret_bytes(&a), secret_bytes(&b)));
	AUTO_SECRET c = secret_move(&a);
	ck_assert_ptr_null(a.at);
	ck_assert_uint_eq(c.length, 3);
	ck_assert(!secret_equal(secret_bytes(&c), bytes_of_text("psl")));
}
END_TEST

START_TEST(reasons_cannot_forge_log_lines)
{
	struct why why;

	ck_assert(!why_fail(&why, "bad name '%s'", "a\nb"));
	why_prefix(&why, "x.conf:%d: ", 3);
	ck_assert_str_eq(why.text, "x.conf:3: bad name 'a?b'");
	ck_assert_str_eq(why.modules, "");
	why_set_modules(&why, "esp4");
	why_prefix(&why, "kernel: ");
	ck_assert_str_eq(why.modules, "esp4");
	ck_assert(!why_fail(&why, "another one"));
	ck_assert_str_eq(why.modules, "");
	why_set_modules(NULL, "esp4");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("libbase");
	TCase *tests = tcase_create("all");

	tcase_add_test(tests, reader_refuses_every_short_read_and_stays_bad);
	tcase_add_test(tests, reader_part_beyond_the_end_is_bad_in_both);
	tcase_add_test(tests, writer_stops_at_its_capacity);
	tcase_add_test(tests, addresses_go_to_text_and_back);
	tcase_add_test(tests, octets_that_are_no_utf_8_are_told_from_those_that_are);
	tcase_add_test(tests, mapped_addresses_become_ipv4);
	tcase_add_test(tests, prefixes_match_to_the_bit);
	tcase_add_test(tests, secrets_move_and_compare);
	tcase_add_test(tests, reasons_cannot_forge_log_lines);
	suite_add_tcase(suite, tests);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
