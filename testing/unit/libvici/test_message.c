/* VICI packets and messages: parser, builder and values. */
#include "libvici/builder.h"
#include "libvici/packet.h"
#include "libvici/value.h"
#include "testing/unit/libvici/suites.h"

#include <stdlib.h>

/* The example of strongSwan's protocol description:
 * key1 = value1, section1 { sub-section { key2 = value2 } list1 = [ item1, item2 ] } */
static struct bytes example(struct vici_builder *b)
{
	struct bytes wire;

	vici_key_text(b, "key1", "value1");
	vici_section_start(b, "section1");
	vici_section_start(b, "sub-section");
	vici_key_text(b, "key2", "value2");
	vici_section_end(b);
	vici_list_start(b, "list1");
	vici_item_text(b, "item1");
	vici_item_text(b, "item2");
	vici_list_end(b);
	vici_section_end(b);
	ck_assert(vici_builder_finish(b, &wire));
	return wire;
}

START_TEST(builder_writes_the_protocols_example)
{
	static const char wanted[] = "\3\4key1\0\6value1\1\10section1\1\13sub-section"
				     "\3\4key2\0\6value2\2\4\5list1\5\0\5item1\5\0\5item2\6\2";
	struct vici_builder b = { 0 };

	ck_assert(bytes_equal(example(&b), bytes_of(wanted, sizeof(wanted) - 1)));
	vici_builder_free(&b);
}
END_TEST

START_TEST(a_parsed_message_can_be_walked)
{
	struct vici_builder b = { 0 };
	struct vici_message m;
	char text[7];

	ck_assert(vici_message_parse(example(&b), &m, NULL));
	struct vici_view root = vici_root(&m), section = vici_find(root, "section1");
	ck_assert(vici_is(vici_get(root, "key1"), "value1"));
	ck_assert(vici_is(vici_value(vici_find_path(root, "section1.sub-section.key2")), "value2"));
	ck_assert_int_eq(vici_kind(section), VICI_SECTION);
	unsigned count = 0;
	VICI_EACH(each, vici_find(section, "list1"))
	{
		ck_assert_int_eq(vici_kind(each), VICI_ITEM);
		ck_assert(vici_is(vici_value(each), count++ ? "item2" : "item1"));
	}
	ck_assert_uint_eq(count, 2);
	ck_assert(vici_is(vici_name(vici_first(section)), "sub-section"));
	ck_assert(vici_is(vici_name(vici_next(vici_first(section))), "list1"));
	ck_assert(!vici_present(vici_next(vici_next(vici_first(section)))));
	ck_assert(!vici_present(vici_next(vici_next(vici_first(root)))));
	ck_assert(vici_get_text(root, "key1", text, sizeof(text)));
	ck_assert_str_eq(text, "value1");
	ck_assert(!vici_get_text(root, "key1", text, 6));
	vici_message_free(&m);
	vici_builder_free(&b);
}
END_TEST

START_TEST(what_is_absent_stays_absent_down_the_path)
{
	struct vici_message m = { 0 };
	struct vici_view none = vici_find(vici_find(vici_root(&m), "a"), "b");
	char text[2] = "x";

	ck_assert(!vici_present(none));
	ck_assert(!vici_present(vici_first(none)));
	ck_assert(!vici_present(vici_next(none)));
	ck_assert_ptr_null(vici_get(none, "c").at);
	ck_assert_int_eq(vici_kind(none), VICI_ABSENT);
	ck_assert(!vici_get_text(none, "c", text, sizeof(text)));
	ck_assert_str_eq(text, "x");
	ck_assert(vici_message_parse((struct bytes){ 0 }, &m, NULL));
	ck_assert(!vici_present(vici_first(vici_root(&m))));
	vici_message_free(&m);
}
END_TEST

START_TEST(an_empty_value_is_not_an_absent_one)
{
	static const uint8_t wire[] = { 3, 1, 'k', 0, 0 };
	struct vici_message m;

	ck_assert(vici_message_parse(bytes_of(wire, sizeof(wire)), &m, NULL));
	ck_assert_ptr_nonnull(vici_get(vici_root(&m), "k").at);
	ck_assert_uint_eq(vici_get(vici_root(&m), "k").length, 0);
	ck_assert_ptr_null(vici_get(vici_root(&m), "l").at);
	vici_message_free(&m);
}
END_TEST

START_TEST(short_prefixes_of_a_message_are_refused_or_complete)
{
	struct vici_builder b = { 0 };
	struct bytes wire = example(&b);

	for (size_t n = 1; n < wire.length; n++) {
		uint8_t *copy = malloc(n);
		struct vici_message m = { .count = 77 };
		struct why why = { "" };

		memcpy(copy, wire.at, n);
		if (n == 14) { /* key1 = value1 is a whole message */
			ck_assert(vici_message_parse(bytes_of(copy, n), &m, &why));
			vici_message_free(&m);
		} else {
			ck_assert(!vici_message_parse(bytes_of(copy, n), &m, &why));
			ck_assert_uint_eq(m.count, 77);
			ck_assert_str_ne(why.text, "");
		}
		free(copy);
	}
	vici_builder_free(&b);
}
END_TEST

START_TEST(malformed_messages_are_refused)
{
	static const struct {
		const char *wire;
		size_t length;
		const char *why;
	} cases[] = {
		{ "\2", 1, "end of a section that was not begun" },
		{ "\6", 1, "end of a list that was not begun" },
		{ "\5\0\1x", 4, "item outside a list" },
		{ "\4\1l\4\1m\6\6", 8, "a list within a list" },
		{ "\4\1l\1\1m\2\6", 8, "a section within a list" },
		{ "\4\1l\3\1m\0\0\6", 9, "a key within a list" },
		{ "\1\1s\4\1l\2\6", 8, "end of a section within a list" },
		{ "\1\1s", 3, "ends within a section" },
		{ "\4\1l", 3, "ends within a list" },
		{ "\0", 1, "unknown element" },
		{ "\7", 1, "unknown element" },
		{ "\3\1k\377\377x", 6, "cut off" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct vici_message m;
		struct why why;

		ck_assert(!vici_message_parse(bytes_of(cases[i].wire, cases[i].length), &m, &why));
		ck_assert_msg(strstr(why.text, cases[i].why), "%s", why.text);
	}
}
END_TEST

START_TEST(nesting_has_a_limit)
{
	uint8_t wire[3 * (VICI_DEPTH_MAX + 1)];
	struct vici_message m;
	struct why why;

	for (unsigned depth = VICI_DEPTH_MAX; depth <= VICI_DEPTH_MAX + 1; depth++) {
		struct writer w = writer_of(wire, sizeof(wire));

		for (unsigned i = 0; i < depth; i++)
			writer_u16(&w, 0x0100);
		for (unsigned i = 0; i < depth; i++)
			writer_u8(&w, VICI_SECTION_END);
		bool ok = vici_message_parse(writer_bytes(&w), &m, &why);
		ck_assert_int_eq(ok, depth == VICI_DEPTH_MAX);
		if (ok)
			vici_message_free(&m);
	}
	ck_assert_ptr_nonnull(strstr(why.text, "too deeply"));
}
END_TEST

START_TEST(builder_refuses_what_would_be_malformed)
{
	char long_name[257];
	struct bytes wire = { 0 };

	memset(long_name, 'x', 256);
	long_name[256] = 0;
	for (int i = 0; i < 9; i++) {
		struct vici_builder b = { 0 };

		switch (i) {
		case 0:
			vici_section_end(&b);
			break;
		case 1:
			vici_list_end(&b);
			break;
		case 2:
			vici_item_text(&b, "x");
			break;
		case 3:
			vici_list_start(&b, "l");
			vici_key_text(&b, "k", "v");
			vici_list_end(&b);
			break;
		case 4:
			vici_section_start(&b, "open");
			break;
		case 5:
			vici_list_start(&b, "open");
			break;
		case 6:
			vici_key_text(&b, long_name, "");
			break;
		case 7:
			vici_key_format(&b, "k", "%*s", VICI_VALUE_MAX + 1, "");
			break;
		case 8:
			for (int n = 0; n < 9; n++)
				vici_key_format(&b, "k", "%*s", VICI_VALUE_MAX, "");
			break;
		}
		ck_assert(!vici_builder_finish(&b, &wire));
		vici_builder_free(&b);
	}
	ck_assert_ptr_null(wire.at);
}
END_TEST

START_TEST(a_copied_message_is_the_same)
{
	struct vici_builder b = { 0 }, copy = { 0 };
	struct bytes wire = example(&b), copied;
	struct vici_message m;

	ck_assert(vici_message_parse(wire, &m, NULL));
	VICI_EACH(each, vici_root(&m))
	vici_copy(&copy, each);
	ck_assert(vici_builder_finish(&copy, &copied));
	ck_assert(bytes_equal(wire, copied));
	vici_message_free(&m);
	vici_builder_free(&b);
	vici_builder_free(&copy);
}
END_TEST

START_TEST(undo_takes_back_what_was_written_since)
{
	struct vici_builder b = { 0 };
	struct bytes wire;

	vici_key_text(&b, "k", "v");
	struct vici_builder mark = vici_builder_mark(&b);
	vici_section_start(&b, "s");
	vici_list_start(&b, "l");
	vici_builder_undo(&b, &mark);
	ck_assert(vici_builder_finish(&b, &wire));
	ck_assert_uint_eq(wire.length, 6);
	vici_builder_free(&b);
}
END_TEST

START_TEST(packets_are_framed_and_read_back)
{
	struct vici_builder b = vici_builder_packet(VICI_EVENT, "list-sa");
	struct vici_packet packet;
	struct bytes wire;
	size_t used;

	vici_key_text(&b, "k", "v");
	ck_assert(vici_builder_finish(&b, &wire));
	for (size_t n = 0; n < wire.length; n++) {
		uint8_t *copy = malloc(n ? n : 1);

		memcpy(copy, wire.at, n);
		ck_assert_int_eq(vici_frame_next(bytes_of(copy, n), &used), VICI_FRAME_MORE);
		ck_assert_uint_eq(used, n < 4 ? 0 : wire.length);
		free(copy);
	}
	ck_assert_int_eq(vici_frame_next(wire, &used), VICI_FRAME_READY);
	ck_assert_uint_eq(used, wire.length);
	ck_assert(vici_packet_parse(
		bytes_of(wire.at + VICI_FRAME_HEADER, used - VICI_FRAME_HEADER), &packet, NULL));
	ck_assert_int_eq(packet.type, VICI_EVENT);
	ck_assert(vici_is(packet.name, "list-sa"));
	ck_assert_uint_eq(packet.message.length, 6);
	vici_builder_free(&b);
}
END_TEST

START_TEST(bad_frames_and_packets_are_refused)
{
	static const uint8_t empty[] = { 0, 0, 0, 0, 1 }, large[] = { 0, 8, 0, 1 };
	struct vici_packet packet;
	size_t used;

	ck_assert_int_eq(vici_frame_next(bytes_of(empty, 5), &used), VICI_FRAME_BAD);
	ck_assert_int_eq(vici_frame_next(bytes_of(large, 4), &used), VICI_FRAME_BAD);
	ck_assert(!vici_packet_parse((struct bytes){ 0 }, &packet, NULL));
	ck_assert(!vici_packet_parse(bytes_of("\10", 1), &packet, NULL));
	ck_assert(!vici_packet_parse(bytes_of("\0", 1), &packet, NULL));
	ck_assert(!vici_packet_parse(bytes_of("\7\3ab", 4), &packet, NULL));
	ck_assert(vici_packet_parse(bytes_of("\2", 1), &packet, NULL));
	for (int type = VICI_CMD_REQUEST; type <= VICI_EVENT; type++)
		ck_assert_str_ne(vici_packet_type_name((enum vici_packet_type)type), "?");
}
END_TEST

START_TEST(values_are_read_as_strongswan_writes_them)
{
	uint64_t n;
	int64_t i;
	double d;
	bool b;

	ck_assert(value_bool(bytes_of_text("Yes"), &b) && b);
	ck_assert(value_bool(bytes_of_text("0"), &b) && !b);
	ck_assert(!value_bool(bytes_of_text("maybe"), &b) && !value_bool(bytes_of_text(""), &b));
	ck_assert(value_unsigned(bytes_of_text("0x1F"), &n) && n == 31);
	ck_assert(
		!value_unsigned(bytes_of_text("1f"), &n) && !value_unsigned(bytes_of_text(""), &n));
	ck_assert(!value_unsigned(bytes_of_text("18446744073709551616"), &n));
	ck_assert(value_signed(bytes_of_text("-1"), &i) && i == -1);
	ck_assert(value_double(bytes_of_text("1.8"), &d) && d > 1.79 && d < 1.81);
	ck_assert(value_seconds(bytes_of_text("4h"), &n) && n == 14400);
	ck_assert(value_seconds(bytes_of_text("90"), &n) && n == 90);
	ck_assert(value_seconds(bytes_of_text("4 h"), &n) && n == 14400);
	ck_assert(value_seconds(bytes_of_text("0x10"), &n) && n == 16);
	ck_assert(!value_seconds(bytes_of_text("h"), &n));
	ck_assert(!value_seconds(bytes_of_text("4x"), &n));
	ck_assert(value_milliseconds(bytes_of_text("2.5s"), &n) && n == 2500);
	ck_assert(value_milliseconds(bytes_of_text("20ms"), &n) && n == 20);
	ck_assert(value_amount(bytes_of_text("2g"), &n) && n == (uint64_t)2 << 30);
	ck_assert(!value_amount(bytes_of_text("99999999999g"), &n));
	ck_assert(value_amount(bytes_of_text("2 K"), &n) && n == 2048);
}
END_TEST

TCase *message_cases(void)
{
	TCase *c = tcase_create("message");

	tcase_add_test(c, builder_writes_the_protocols_example);
	tcase_add_test(c, a_parsed_message_can_be_walked);
	tcase_add_test(c, what_is_absent_stays_absent_down_the_path);
	tcase_add_test(c, an_empty_value_is_not_an_absent_one);
	tcase_add_test(c, short_prefixes_of_a_message_are_refused_or_complete);
	tcase_add_test(c, malformed_messages_are_refused);
	tcase_add_test(c, nesting_has_a_limit);
	tcase_add_test(c, builder_refuses_what_would_be_malformed);
	tcase_add_test(c, a_copied_message_is_the_same);
	tcase_add_test(c, undo_takes_back_what_was_written_since);
	tcase_add_test(c, packets_are_framed_and_read_back);
	tcase_add_test(c, bad_frames_and_packets_are_refused);
	tcase_add_test(c, values_are_read_as_strongswan_writes_them);
	return c;
}
