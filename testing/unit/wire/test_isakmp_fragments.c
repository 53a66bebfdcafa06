/* IKEv1's fragments, which nobody has authenticated: what is made of them, and what they cost. */
#include "libike/wire/isakmp.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

static struct isakmp_reassembly *reassembly;
static size_t held;
static int64_t now;
static char joined[64]; /* the first octets of the last message that was complete */

static enum ike_reassembled add_within(
	size_t held_max, uint16_t id, uint8_t number, bool last, struct bytes data)
{
	static struct isakmp_message m;
	struct bytes whole;

	m.fragment.id = id;
	m.fragment.number = number;
	m.fragment.last = last;
	m.fragment.data = data;
	enum ike_reassembled result =
		isakmp_reassembly_add(&reassembly, &m, now, &held, held_max, &whole);
	if (result == IKE_REASSEMBLY_DONE) {
		snprintf(joined, sizeof(joined), "%.*s", (int)whole.length, whole.at);
		free((void *)whole.at);
	}
	return result;
}

static enum ike_reassembled add(uint16_t id, uint8_t number, bool last, const char *text)
{
	return add_within(SIZE_MAX, id, number, last, bytes_of(text, strlen(text)));
}

static enum ike_reassembled add_octets(uint16_t id, uint8_t number, bool last, size_t length)
{
	static const uint8_t octets[IKE_REASSEMBLY_MAX + 1];

	return add_within(SIZE_MAX, id, number, last, bytes_of(octets, length));
}

static void begin(void)
{
	reassembly = NULL;
	held = 0;
	now = 1000;
}

static void end(void)
{
	isakmp_reassembly_free(reassembly);
	ck_assert_uint_eq(held, 0);
}

START_TEST(in_any_order)
{
	ck_assert_int_eq(add(1, 3, true, "c"), IKE_REASSEMBLY_MORE);
	ck_assert_int_eq(add(1, 1, false, "a"), IKE_REASSEMBLY_MORE);
	ck_assert_int_eq(add(1, 1, false, "a"), IKE_REASSEMBLY_MORE); /* again */
	ck_assert_int_eq(add(1, 2, false, "b"), IKE_REASSEMBLY_DONE);
	ck_assert_str_eq(joined, "abc");
	isakmp_reassembly_drop(&reassembly, 1);
	ck_assert_ptr_null(reassembly);
	for (uint8_t i = 1; i < 64; i++)
		ck_assert_int_eq(add(1, i, false, "x"), IKE_REASSEMBLY_MORE);
	ck_assert_int_eq(add(1, 64, true, "x"), IKE_REASSEMBLY_DONE);
}
END_TEST

START_TEST(numbers_that_there_are_not)
{
	ck_assert_int_eq(add(1, 0, true, "a"), IKE_REASSEMBLY_REFUSED);
	ck_assert_int_eq(add(1, 65, true, "a"), IKE_REASSEMBLY_REFUSED);
	ck_assert_int_eq(add(1, 255, true, "a"), IKE_REASSEMBLY_REFUSED);
	ck_assert_ptr_null(reassembly);
}
END_TEST

/* Bit 0: the forged first one comes before the right one. */
START_TEST(a_forged_fragment_is_replaced_by_what_comes_later)
{
	if (_i & 1)
		ck_assert_int_eq(add(1, 1, false, "X"), IKE_REASSEMBLY_MORE);
	ck_assert_int_eq(add(1, 1, false, "a"), IKE_REASSEMBLY_MORE);
	if (!(_i & 1))
		ck_assert_int_eq(add(1, 1, false, "X"), IKE_REASSEMBLY_MORE);
	ck_assert_int_eq(add(1, 2, true, "b"), IKE_REASSEMBLY_DONE);
	ck_assert_str_eq(joined, _i & 1 ? "ab" : "Xb");
	if (_i & 1)
		return;
	/* It led nowhere; the peer says all of it again. */
	ck_assert_int_eq(add(1, 1, false, "a"), IKE_REASSEMBLY_DONE);
	ck_assert_str_eq(joined, "ab");
}
END_TEST

START_TEST(a_forged_end_ends_nothing)
{
	ck_assert_int_eq(add(1, 1, true, "X"), IKE_REASSEMBLY_DONE);
	ck_assert_int_eq(add(1, 1, false, "a"), IKE_REASSEMBLY_MORE);
	ck_assert_int_eq(add(1, 5, true, "X"), IKE_REASSEMBLY_MORE);
	ck_assert_int_eq(add(1, 2, false, "b"), IKE_REASSEMBLY_MORE);
	ck_assert_int_eq(add(1, 3, true, "c"), IKE_REASSEMBLY_DONE);
	ck_assert_str_eq(joined, "abc");
}
END_TEST

/* The message was right and could not be used yet: it comes again, and once for each time. */
START_TEST(what_comes_again_is_joined_again)
{
	ck_assert_int_eq(add(1, 1, false, "a"), IKE_REASSEMBLY_MORE);
	ck_assert_int_eq(add(1, 2, true, "b"), IKE_REASSEMBLY_DONE);
	for (int i = 0; i < 5; i++) {
		ck_assert_int_eq(add(1, 1, false, "a"), IKE_REASSEMBLY_MORE);
		ck_assert_int_eq(add(1, 1, false, "a"), IKE_REASSEMBLY_MORE);
		ck_assert_int_eq(add(1, 2, true, "b"), IKE_REASSEMBLY_DONE);
	}
}
END_TEST

START_TEST(other_ids_stay_out_of_the_way)
{
	ck_assert_int_eq(add(1, 1, false, "a"), IKE_REASSEMBLY_MORE);
	for (uint16_t id = 2; id <= 8; id++)
		ck_assert_int_eq(add(id, 1, false, "X"), IKE_REASSEMBLY_MORE);
	ck_assert_int_eq(add(1, 2, true, "b"), IKE_REASSEMBLY_DONE);
	ck_assert_str_eq(joined, "ab");
}
END_TEST

/* Who joins for nothing again and again begins anew. */
START_TEST(tries_are_bounded)
{
	unsigned done = 0;

	ck_assert_int_eq(add(1, 1, false, "a"), IKE_REASSEMBLY_MORE);
	for (unsigned i = 0; i < 200; i++) {
		char text[8];

		snprintf(text, sizeof(text), "%u", i);
		done += add(1, 2, true, text) == IKE_REASSEMBLY_DONE;
	}
	ck_assert_uint_eq(done, 16);
}
END_TEST

START_TEST(octets_are_bounded)
{
	ck_assert_int_eq(add_octets(1, 1, false, IKE_REASSEMBLY_MAX + 1), IKE_REASSEMBLY_REFUSED);
	ck_assert_int_eq(add_octets(1, 1, false, 40000), IKE_REASSEMBLY_MORE);
	ck_assert_int_eq(add_octets(1, 2, true, 40000), IKE_REASSEMBLY_MORE); /* begins anew */
	ck_assert_int_eq(add_octets(1, 1, false, 20000), IKE_REASSEMBLY_DONE);
	for (unsigned i = 0; i < 5000; i++) {
		(void)add_octets(
			(uint16_t)(i * 7), (uint8_t)(1 + i % 64), i % 5 == 0, i * 13 % 60000 + 1);
		ck_assert_uint_le(
			held, IKE_REASSEMBLY_MAX + 16384); /* with what it takes to keep them */
	}
}
END_TEST

START_TEST(octets_of_all_are_bounded)
{
	struct isakmp_reassembly *other = NULL;
	static struct isakmp_message m;
	struct bytes whole;

	m.fragment.number = 1;
	m.fragment.data = bytes_of("0123456789", 10);
	ck_assert_int_eq(
		isakmp_reassembly_add(&other, &m, now, &held, 8000, &whole), IKE_REASSEMBLY_MORE);
	for (uint8_t i = 1; i < 60; i++)
		(void)add_within(8000, 1, i, false, bytes_of(joined, sizeof(joined)));
	ck_assert_uint_le(held, 8000);
	ck_assert_int_eq(add_within(2000, 2, 1, true, bytes_of("a", 1)), IKE_REASSEMBLY_REFUSED);
	isakmp_reassembly_free(other);
}
END_TEST

START_TEST(time_is_bounded)
{
	ck_assert_int_eq(isakmp_reassembly_deadline(NULL), INT64_MAX);
	(void)add(1, 1, false, "a");
	ck_assert_int_eq(isakmp_reassembly_deadline(reassembly), now + ISAKMP_REASSEMBLY_TIME);
	now += ISAKMP_REASSEMBLY_TIME / 2;
	(void)add(1, 2, false, "b"); /* makes it live no longer */
	(void)add(2, 1, false, "a");
	ck_assert(!isakmp_reassembly_expire(&reassembly, now));
	now += ISAKMP_REASSEMBLY_TIME / 2;
	ck_assert(isakmp_reassembly_expire(&reassembly, now));
	ck_assert_int_eq(add(1, 3, true, "c"), IKE_REASSEMBLY_MORE); /* of a message that is new */
	ck_assert_int_eq(add(2, 2, true, "b"), IKE_REASSEMBLY_DONE);
	now += ISAKMP_REASSEMBLY_TIME;
	ck_assert(isakmp_reassembly_expire(&reassembly, now));
	ck_assert_ptr_null(reassembly);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("isakmp-fragments");
	TCase *tests = tcase_create("fragments");

	tcase_add_checked_fixture(tests, begin, end);
	tcase_add_test(tests, in_any_order);
	tcase_add_test(tests, numbers_that_there_are_not);
	tcase_add_loop_test(tests, a_forged_fragment_is_replaced_by_what_comes_later, 0, 2);
	tcase_add_test(tests, a_forged_end_ends_nothing);
	tcase_add_test(tests, what_comes_again_is_joined_again);
	tcase_add_test(tests, other_ids_stay_out_of_the_way);
	tcase_add_test(tests, tries_are_bounded);
	tcase_add_test(tests, octets_are_bounded);
	tcase_add_test(tests, octets_of_all_are_bounded);
	tcase_add_test(tests, time_is_bounded);
	suite_add_tcase(s, tests);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
