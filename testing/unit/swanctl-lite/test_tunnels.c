/* Rows of --monitor: rates from two looks, order, filter, words. */
#include "swanctl-lite/tunnels.h"

#include "libvici/builder.h"
#include "swanctl-lite/columns.h"
#include "testing/unit/swanctl-lite/suites.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>

static struct tunnels tunnels;

static void put(struct vici_builder *b, const char *connection, const char *state,
	unsigned child_id, unsigned bytes, int rekey)
{
	vici_section_start(b, connection);
	vici_key_text(b, "ike", connection);
	vici_key_text(b, "child", "net");
	vici_key_text(b, "state", state);
	if (child_id) {
		vici_key_format(b, "child-id", "%u", child_id);
		vici_key_format(b, "bytes-in", "%u", bytes);
		vici_key_format(b, "bytes-out", "%u", 2 * bytes);
		vici_key_format(b, "rekey-time", "%d", rekey);
	}
	vici_section_end(b);
}

static struct tunnel_totals seen(int64_t now, struct vici_builder *b)
{
	struct tunnels next;
	struct vici_message message;
	struct bytes wire;

	tunnels_begin(&next, now);
	ck_assert(vici_builder_finish(b, &wire) && vici_message_parse(wire, &message, NULL));
	tunnels_add(&next, vici_root(&message));
	vici_message_free(&message);
	vici_builder_free(b);
	tunnels_follow(&tunnels, &next);
	return tunnels_end(&tunnels);
}

START_TEST(rates_are_of_what_came_since_the_look_before)
{
	struct vici_builder b = { 0 };

	put(&b, "a", "INSTALLED", 1, 1000, 60);
	put(&b, "b", "INSTALLED", 2, 5000, 60);
	struct tunnel_totals totals = seen(1000, &b);
	ck_assert_uint_eq(totals.of[TUNNEL_UP], 2);
	ck_assert_uint_eq(totals.rate_in, 0); /* who knows since when */
	put(&b, "b", "INSTALLED", 2, 6000, 58);
	put(&b, "a", "INSTALLED", 3, 500, 3600); /* rekeyed: a new SA */
	totals = seen(3000, &b);
	ck_assert_uint_eq(tunnels.rows[0].rate_in, 1000 * 8 / 2);
	ck_assert_uint_eq(tunnels.rows[0].rate_out, 2000 * 8 / 2);
	ck_assert_uint_eq(tunnels.rows[1].rate_in, 500 * 8 / 2);
	ck_assert_uint_eq(totals.rate_in, 6000);
	/* counters that go back (another SA of that number) are no rate */
	put(&b, "b", "INSTALLED", 2, 10, 58);
	totals = seen(4000, &b);
	ck_assert_uint_eq(totals.rate_in, 0);
	tunnels_free(&tunnels);
}
END_TEST

static const char *event_at(int64_t now, unsigned bytes)
{
	static char event[160];
	struct vici_builder b = { 0 };

	put(&b, "a", "INSTALLED", 1, bytes, 60);
	(void)seen(now, &b);
	return tunnel_event(&tunnels.rows[0], event);
}

START_TEST(of_old_kernels_the_last_packet_is_when_bytes_were_more)
{
	ck_assert_str_eq(event_at(1000, 0), "nothing received yet");
	ck_assert_str_eq(event_at(3000, 0), "nothing received yet");
	ck_assert_str_eq(event_at(5000, 100), "last packet 0 s ago");
	ck_assert_str_eq(event_at(7000, 100), "last packet 2 s ago");
	ck_assert_str_eq(event_at(12000, 100), "last packet 7 s ago");
	ck_assert_str_eq(event_at(14000, 101), "last packet 0 s ago");
	tunnels_free(&tunnels);
	/* what came before the first look, nobody knows when */
	ck_assert_str_eq(event_at(20000, 101), "");
	ck_assert_str_eq(event_at(22000, 101), "");
	tunnels_free(&tunnels);
}
END_TEST

static const char *order(enum tunnel_order by, bool reverse, const char *filter)
{
	static char text[64];
	size_t count;
	size_t *indices = tunnels_sorted(&tunnels, by, reverse, filter, &count);

	for (size_t i = 0; i < count; i++)
		text[i] = tunnels.rows[indices[i]].name[0];
	text[count] = '\0';
	free(indices);
	return text;
}

START_TEST(rows_are_sorted_and_filtered)
{
	struct vici_builder b = { 0 };

	put(&b, "c", "INSTALLED", 1, 0, 60);
	put(&b, "a", "INSTALLED", 2, 0, 30);
	seen(1000, &b);
	put(&b, "c", "INSTALLED", 1, 10, 60);
	put(&b, "d", "TRAPPED", 0, 0, 0);
	put(&b, "b", "DOWN", 0, 0, 0);
	put(&b, "a", "INSTALLED", 2, 99, 30);
	put(&b, "e", "CONNECTING", 0, 0, 0);
	seen(2000, &b);
	ck_assert_str_eq(order(TUNNEL_BY_NAME, false, ""), "abcde");
	ck_assert_str_eq(order(TUNNEL_BY_NAME, true, ""), "edcba");
	ck_assert_str_eq(order(TUNNEL_BY_STATE, false, ""), "beacd");
	ck_assert_str_eq(order(TUNNEL_BY_RATE, false, ""), "acbde");
	ck_assert_str_eq(order(TUNNEL_BY_REKEY, false, ""), "acbde");
	ck_assert_str_eq(order(TUNNEL_BY_NAME, false, "installed"), "ac");
	ck_assert_str_eq(order(TUNNEL_BY_NAME, false, "D/N"), "d");
	ck_assert_str_eq(order(TUNNEL_BY_NAME, false, "nothing"), "");
	tunnels_free(&tunnels);
	ck_assert_str_eq(order(TUNNEL_BY_NAME, false, ""), "");
}
END_TEST

START_TEST(rates_and_times_are_short)
{
	static const struct {
		uint64_t bits;
		const char *text;
	} rates[] = { { 0, "0" }, { 999, "999" }, { 1000, "1.0k" }, { 99900, "99.9k" },
		{ 870000, "870k" }, { 999600, "1.0M" }, { 12345678901, "12.3G" } };
	struct tunnel t = { .since = TUNNEL_NOT,
		.next_try = 42,
		.ago = 12,
		.idle = TUNNEL_NOT,
		.reason = "no-answer" };
	char room[16], span[24], event[160];

	for (size_t i = 0; i < sizeof(rates) / sizeof(*rates); i++)
		ck_assert_str_eq(tunnel_rate(rates[i].bits, room), rates[i].text);
	ck_assert_str_eq(tunnel_span(TUNNEL_NOT, span), "");
	ck_assert_str_eq(tunnel_span(119, span), "119 s");
	ck_assert_str_eq(tunnel_span(180, span), "3 min");
	ck_assert_str_eq(tunnel_span(400000, span), "4 d");
	ck_assert_str_eq(tunnel_event(&t, event), "no-answer 12 s ago, next try in 42 s");
	t.reason[0] = '\0';
	t.next_try = TUNNEL_NOT;
	ck_assert_str_eq(tunnel_event(&t, event), "");
	t.idle = 3;
	ck_assert_str_eq(tunnel_event(&t, event), "last packet 3 s ago");
}
END_TEST

START_TEST(a_terminal_gets_no_control_characters)
{
	struct vici_builder b = { 0 };

	put(&b, "a\x1b[2J", "INSTALLED", 1, 0, 0);
	seen(1, &b);
	ck_assert_str_eq(tunnels.rows[0].name, "a?[2J/net");
	put(&b, "\xc3\xbc\xc2\x9b\x7f\xff", "INSTALLED", 1, 0, 0);
	seen(2, &b);
	ck_assert_str_eq(tunnels.rows[0].name, "?????"
					       "?/net");
	ck_assert_ptr_nonnull(setlocale(LC_CTYPE, "C.UTF-8"));
	put(&b, "\xc3\xbc\xc2\x9b\x7f\xff", "INSTALLED", 1, 0, 0);
	seen(3, &b);
	ck_assert_str_eq(tunnels.rows[0].name, "\xc3\xbc???"
					       "?/net");
	setlocale(LC_CTYPE, "C");
	tunnels_free(&tunnels);
}
END_TEST

START_TEST(columns_are_not_octets)
{
	static const char name[] = "B\xc3\xbcro \xe6\x9d\xb1\xe4\xba\xac"; /* two of them wide */
	int columns;

	ck_assert_ptr_nonnull(setlocale(LC_CTYPE, "C.UTF-8"));
	ck_assert_uint_eq(columns_cut(name, 99, &columns), strlen(name));
	ck_assert_int_eq(columns, 9);
	ck_assert_uint_eq(columns_cut(name, 2, &columns), 3);
	ck_assert_int_eq(columns, 2);
	ck_assert_uint_eq(columns_cut(name, 8, &columns), 9); /* half a wide one does not fit */
	ck_assert_int_eq(columns, 7);
	ck_assert_int_eq(columns_padded(name, 20), 23);
	/* what is no character, and half a one at the end */
	ck_assert_uint_eq(columns_cut("a\xff\xc3", 99, &columns), 3);
	ck_assert_int_eq(columns, 3);
	ck_assert_uint_eq(columns_cut("abc", 0, &columns), 0);
	setlocale(LC_CTYPE, "C");
}
END_TEST

TCase *tunnels_cases(void)
{
	TCase *tests = tcase_create("tunnels");

	tcase_add_test(tests, columns_are_not_octets);
	tcase_add_test(tests, rates_are_of_what_came_since_the_look_before);
	tcase_add_test(tests, of_old_kernels_the_last_packet_is_when_bytes_were_more);
	tcase_add_test(tests, rows_are_sorted_and_filtered);
	tcase_add_test(tests, rates_and_times_are_short);
	tcase_add_test(tests, a_terminal_gets_no_control_characters);
	return tests;
}
