/* Pools of virtual addresses and their attributes. */
#include "libike/model/pools.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

static struct ike_pools *pools;
static const char *const two_names[] = { "one", "two" };

static struct ike_identity *name(const char *text)
{
	struct why why;
	struct ike_identity *id = ike_identity_parse(text, &why);

	ck_assert_ptr_nonnull(id);
	return id;
}

static struct address host(const char *text)
{
	struct address a;

	ck_assert(address_parse(text, &a));
	return a;
}

static enum ike_pool_loaded load(const char *pool, const char *text)
{
	struct ike_attributes none = { 0 };
	struct ike_pool_addrs addrs;
	struct why why = { "" };

	ck_assert_msg(ike_pool_addrs_parse(text, &addrs, &why), "%s", why.text);
	return ike_pools_load(pools, pool, &addrs, &none, &why);
}

static struct ike_lease *acquire_from(const char *who, const char *wanted, const char *from)
{
	struct ike_identity *id = name(who);
	const struct address a = host(wanted), peer = host(from);
	const struct ike_lease_request request = {
		.pools = (char *const *)two_names,
		.pool_count = 2,
		.wanted = &a,
		.identity = id,
		.peer = &peer,
	};
	struct why why;
	struct ike_lease *lease = ike_pools_acquire(pools, &request, &why);

	ike_identity_free(id);
	return lease;
}

static struct ike_lease *acquire(const char *who, const char *wanted)
{
	return acquire_from(who, wanted, "192.0.2.1");
}

static const char *text_of(const struct ike_lease *lease)
{
	static char text[ADDRESS_TEXT_MAX];

	return lease ? address_format(&lease->address, text) : "none";
}

static struct ike_lease *expect(const char *who, const char *wanted, const char *address)
{
	struct ike_lease *lease = acquire(who, wanted);

	ck_assert_str_eq(text_of(lease), address);
	return lease;
}

static void begin(void)
{
	pools = ike_pools_new();
	ck_assert_ptr_nonnull(pools);
}

static void end(void)
{
	ike_pools_free(pools);
}

static void expect_range(const char *text, const char *first, uint32_t size)
{
	struct ike_pool_addrs addrs;
	struct why why = { "" };
	char room[ADDRESS_TEXT_MAX];

	ck_assert_msg(ike_pool_addrs_parse(text, &addrs, &why), "%s: %s", text, why.text);
	ck_assert_str_eq(address_format(&addrs.ranges[0].first, room), first);
	ck_assert_uint_eq(addrs.size, size);
}

START_TEST(ranges_are_counted_as_charon_counts)
{
	expect_range("10.3.0.0/24", "10.3.0.1", 254);
	expect_range("10.3.0.0/30", "10.3.0.1", 2);
	expect_range("10.3.0.0/31", "10.3.0.0", 2);
	expect_range("10.3.0.7/32", "10.3.0.7", 1);
	expect_range("10.3.0.7", "10.3.0.7", 1);
	expect_range("10.3.0.2/24", "10.3.0.2", 253);
	expect_range("10.3.0.254/24", "10.3.0.254", 1);
	expect_range("10.3.0.1-10.3.0.9", "10.3.0.1", 9);
	expect_range("10.0.0.0/8", "10.0.0.1", 16777214);
	expect_range("2001:db8::/120", "2001:db8::1", 254);
	expect_range("2001:db8::/64", "2001:db8::1", 2147483647);
	expect_range("2001:db8::ff-2001:db8::101", "2001:db8::ff", 3);
}
END_TEST

START_TEST(what_is_no_range_is_refused)
{
	static const char *const texts[] = { "", "10.3.0.0/33", "10.3.0.0/", "10.3.0.0/x",
		"10.3.0.9-10.3.0.1", "10.3.0.1-", "10.3.0.1-2001:db8::1", "10.3.0.255/24", "pool",
		"2001:db8::/129", "10.3.0.0/-1" };
	struct ike_pool_addrs addrs;
	struct why why;

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		ck_assert_msg(!ike_pool_addrs_parse(texts[i], &addrs, &why), "%s", texts[i]);
}
END_TEST

START_TEST(the_same_identity_gets_the_same_address_back)
{
	const struct ike_pool *pool;
	struct ike_lease *carol, *dave;

	ck_assert_int_eq(load("one", "10.3.0.0/28"), IKE_POOL_ADDED);
	carol = expect("carol@example.org", "0.0.0.0", "10.3.0.1");
	dave = expect("dave@example.org", "0.0.0.0", "10.3.0.2");
	pool = ike_pools_find(pools, "one");
	ck_assert_uint_eq(ike_pool_online(pool), 2);
	ck_assert(ike_lease_release(carol));
	ck_assert_uint_eq(ike_pool_online(pool), 1);
	ck_assert_uint_eq(ike_pool_offline(pool), 1);
	/* Hers is kept for her. */
	(void)expect("bob@example.org", "0.0.0.0", "10.3.0.3");
	(void)expect("carol@example.org", "0.0.0.0", "10.3.0.1");
	/* Who is here twice has two. */
	(void)expect("carol@example.org", "0.0.0.0", "10.3.0.4");
	ck_assert(ike_lease_release(dave));
}
END_TEST

START_TEST(a_wish_is_granted_if_nobody_has_it)
{
	struct ike_lease *dave;

	load("one", "10.3.0.0/28");
	(void)expect("carol@example.org", "10.3.0.5", "10.3.0.5");
	dave = expect("dave@example.org", "10.3.0.5", "10.3.0.1");
	ck_assert(ike_lease_release(dave));
	(void)expect("erik@example.org", "10.3.0.1", "10.3.0.2"); /* it is kept for dave */
	(void)expect("frank@example.org", "192.168.9.9", "10.3.0.3");
	ck_assert_ptr_null(acquire("gil@example.org", "::"));
}
END_TEST

START_TEST(whoever_reauthenticates_shares_the_lease)
{
	struct ike_lease *first, *second;

	load("one", "10.3.0.0/28");
	first = expect("carol@example.org", "0.0.0.0", "10.3.0.1");
	second = acquire("carol@example.org", "10.3.0.1");
	ck_assert_ptr_eq(first, second);
	ck_assert(!ike_lease_release(first));
	ck_assert_uint_eq(ike_pool_online(ike_pools_find(pools, "one")), 1);
	/* Not from elsewhere. */
	ck_assert_str_eq(
		text_of(acquire_from("carol@example.org", "10.3.0.1", "192.0.2.9")), "10.3.0.2");
	ck_assert(ike_lease_release(second));
}
END_TEST

START_TEST(a_full_pool_takes_the_oldest_that_is_offline)
{
	struct ike_lease *carol, *dave;

	load("one", "10.3.0.1-10.3.0.2");
	carol = expect("carol@example.org", "0.0.0.0", "10.3.0.1");
	dave = expect("dave@example.org", "0.0.0.0", "10.3.0.2");
	ck_assert_ptr_null(acquire("erik@example.org", "0.0.0.0"));
	ck_assert(ike_lease_release(dave));
	ck_assert(ike_lease_release(carol));
	(void)expect("erik@example.org", "0.0.0.0", "10.3.0.2");
	(void)expect("carol@example.org", "0.0.0.0", "10.3.0.1");
	ck_assert_ptr_null(acquire("dave@example.org", "0.0.0.0"));
	load("two", "10.4.0.0/24");
	(void)expect("dave@example.org", "0.0.0.0", "10.4.0.1");
}
END_TEST

START_TEST(a_reload_keeps_leases_that_fit)
{
	struct ike_lease *carol, *dave;
	const struct ike_pool *pool;
	struct why why;

	load("one", "10.3.0.0/28");
	carol = expect("carol@example.org", "0.0.0.0", "10.3.0.1");
	dave = expect("dave@example.org", "0.0.0.0", "10.3.0.2");
	ck_assert(ike_lease_release(carol));
	ck_assert_int_eq(load("one", "10.3.0.0/28"), IKE_POOL_UPDATED);
	ck_assert_int_eq(load("one", "10.3.0.0/24"), IKE_POOL_REPLACED);
	(void)expect("carol@example.org", "0.0.0.0", "10.3.0.1");
	ck_assert_int_eq(load("one", "10.3.0.1-10.3.0.1"), IKE_POOL_REPLACED);
	pool = ike_pools_find(pools, "one");
	ck_assert_uint_eq(ike_pool_online(pool), 2); /* dave's, outside, as long as he is here */
	ck_assert(!ike_pools_unload(pools, "one", &why));
	ck_assert_str_eq(why.text, "one has online leases, unable to unload");
	ck_assert(ike_lease_release(dave));
	ck_assert_uint_eq(ike_pool_online(pool), 1);
	ck_assert_uint_eq(ike_pool_offline(pool), 0);
}
END_TEST

START_TEST(overlapping_pools_give_an_address_once)
{
	load("one", "10.3.0.1");
	load("two", "10.3.0.1-10.3.0.2");
	(void)expect("carol@example.org", "0.0.0.0", "10.3.0.1");
	(void)expect("dave@example.org", "0.0.0.0", "10.3.0.2");
	ck_assert_ptr_null(acquire("erik@example.org", "0.0.0.0"));
}
END_TEST

START_TEST(offline_leases_are_bounded)
{
	char who[32];

	load("one", "10.0.0.0/8");
	for (unsigned i = 0; i < IKE_POOL_OFFLINE_MAX + 100; i++) {
		snprintf(who, sizeof(who), "user%u@example.org", i);
		ck_assert(ike_lease_release(acquire(who, "0.0.0.0")));
	}
	ck_assert_uint_eq(ike_pool_offline(ike_pools_find(pools, "one")), IKE_POOL_OFFLINE_MAX);
}
END_TEST

/* ---- Attributes ---- */

static void expect_attribute(const char *key, const char *text, uint16_t type, const char *hex)
{
	struct ike_attributes list = { 0 };
	struct why why = { "" };
	char is[256] = "";

	ck_assert_msg(ike_attributes_add_text(&list, key, text, &why), "%s: %s", key, why.text);
	ck_assert_uint_eq(list.items[0].type, type);
	for (size_t i = 0; i < list.items[0].value.length; i++)
		snprintf(is + 2 * i, 3, "%02x", list.items[0].value.at[i]);
	ck_assert_str_eq(is, hex);
	ike_attributes_free(&list);
}

static void expect_addrs(const char *text, uint32_t size, const char *in_order)
{
	struct ike_pool_addrs addrs;
	char is[256] = "", base[ADDRESS_TEXT_MAX];
	struct why why;

	ck_assert_msg(ike_pool_addrs_parse(text, &addrs, &why), "%s: %s", text, why.text);
	for (size_t i = 0; i < addrs.count; i++) {
		size_t used = strlen(is);

		snprintf(is + used, sizeof(is) - used, "%s%s", i ? " " : "",
			address_format(&addrs.ranges[i].first, base));
	}
	ck_assert_str_eq(is, in_order);
	ck_assert_uint_eq(addrs.size, size);
}

START_TEST(pools_have_several_ranges)
{
	expect_addrs(
		"10.3.0.0/30,10.4.0.1-10.4.0.9, 10.2.0.7", 2 + 9 + 1, "10.3.0.1 10.4.0.1 10.2.0.7");
	expect_addrs("fd01::/126 , fd02::5", 2 + 1, "fd01::1 fd02::5");
}
END_TEST

START_TEST(all_ranges_of_a_pool_are_handed_out)
{
	static const char *const who[] = { "a", "b", "c", "d" };
	struct ike_lease *leases[4];
	char text[ADDRESS_TEXT_MAX];

	ck_assert_int_eq(load("one", "10.3.0.9,10.2.0.1-10.2.0.2"), IKE_POOL_ADDED);
	for (size_t i = 0; i < 4; i++)
		leases[i] = acquire(who[i], i == 0 ? "10.2.0.2" : "0.0.0.0");
	ck_assert_str_eq(address_format(&leases[0]->address, text), "10.2.0.2");
	ck_assert_str_eq(address_format(&leases[1]->address, text), "10.3.0.9");
	ck_assert_str_eq(address_format(&leases[2]->address, text), "10.2.0.1");
	ck_assert_ptr_null(leases[3]);
	/* A reload that leaves one range out forgets what is offline there. */
	for (size_t i = 0; i < 3; i++)
		ck_assert(ike_lease_release(leases[i]));
	ck_assert_int_eq(load("one", "10.3.0.9,10.2.0.1-10.2.0.2"), IKE_POOL_UPDATED);
	ck_assert_uint_eq(ike_pool_offline(ike_pools_find(pools, "one")), 3);
	ck_assert_int_eq(load("one", "10.2.0.1-10.2.0.2"), IKE_POOL_REPLACED);
	ck_assert_uint_eq(ike_pool_offline(ike_pools_find(pools, "one")), 2);
}
END_TEST

START_TEST(ranges_of_a_pool_are_of_one_family_and_apart)
{
	static const struct {
		const char *text, *reason;
	} wrong[] = {
		{ "10.3.0.1,fd01::1", "another family" },
		{ "10.3.0.0/24,10.3.0.7", "overlaps" },
		{ "10.3.0.7,10.3.0.0/24", "overlaps" },
		{ "10.3.0.1,,10.3.0.2", "no address" },
		{ "10.3.0.1,", "no address" },
		{ "10.0.0.0/1,192.0.0.0/2", "2^31" },
		{ "10.0.0.1,10.0.0.2,10.0.0.3,10.0.0.4,10.0.0.5,10.0.0.6,10.0.0.7,10.0.0.8,10.0.0."
		  "9,"
		  "10.0.0.10,10.0.0.11,10.0.0.12,10.0.0.13,10.0.0.14,10.0.0.15,10.0.0.16,10.0.0.17",
			"more than 16" },
	};
	struct ike_pool_addrs addrs;
	struct why why;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		ck_assert_msg(
			!ike_pool_addrs_parse(wrong[i].text, &addrs, &why), "%s", wrong[i].text);
		ck_assert_msg(strstr(why.text, wrong[i].reason) != NULL, "%s", why.text);
	}
}
END_TEST

START_TEST(attributes_have_charons_numbers_and_forms)
{
	expect_attribute("dns", "10.1.0.53", 3, "0a010035");
	expect_attribute("dns", "2001:db8::35", 10, "20010db8000000000000000000000035");
	expect_attribute("nbns", "10.1.0.2", 4, "0a010002");
	expect_attribute("dhcp", "10.1.0.3", 6, "0a010003");
	expect_attribute("netmask", "255.255.255.0", 2, "ffffff00");
	expect_attribute("server", "10.1.0.4", 23456, "0a010004");
	expect_attribute("subnet", "10.1.0.0/16", 13, "0a010000ffff0000");
	expect_attribute("subnet", "2001:db8::/32", 15, "20010db800000000000000000000000020");
	expect_attribute("split_include", "10.1.0.0/16", 28676, "0a010000ffff0000000000000000");
	expect_attribute("25", "example.org", 25, "6578616d706c652e6f7267");
	expect_attribute("28672", "welcome", 28672, "77656c636f6d65");
}
END_TEST

START_TEST(networks_of_unity_are_one_attribute)
{
	struct ike_attributes list = { 0 };
	struct why why;

	ck_assert(ike_attributes_add_text(&list, "split_include", "10.1.0.0/16", &why));
	ck_assert(ike_attributes_add_text(&list, "split_include", "10.2.0.0/16", &why));
	ck_assert(ike_attributes_add_text(&list, "dns", "10.1.0.53", &why));
	ck_assert_uint_eq(list.count, 2);
	ck_assert_uint_eq(list.items[0].value.length, 28);
	ike_attributes_free(&list);
}
END_TEST

/* As charon, of which clients of Unity understand nothing then. */
START_TEST(unity_without_ipv6_is_no_reason_to_refuse_a_pool)
{
	struct ike_attributes list = { 0 };
	struct why why = { "" };

	ck_assert(ike_attributes_add_text(&list, "split_exclude", "10.1.0.0/16", &why));
	ck_assert_str_eq(why.text, "");
	ck_assert(ike_attributes_add_text(&list, "split_exclude", "2001:db8::/32", &why));
	ck_assert_ptr_nonnull(strstr(why.text, "'2001:db8::/32': Cisco Unity has no IPv6"));
	ck_assert_uint_eq(list.count, 1);
	ck_assert_uint_eq(list.items[0].value.length, 14);
	ike_attributes_free(&list);
}
END_TEST

START_TEST(what_is_no_attribute_is_refused)
{
	struct ike_attributes list = { 0 };
	struct why why;

	ck_assert(!ike_attributes_add_text(&list, "dns", "ns.example.org", &why));
	ck_assert(!ike_attributes_add_text(&list, "dns", "10.0.0.0/8", &why));
	ck_assert(!ike_attributes_add_text(&list, "subnet", "10.0.0.0/40", &why));
	ck_assert(!ike_attributes_add_text(&list, "addresses", "10.0.0.1", &why));
	ck_assert(!ike_attributes_add_text(&list, "40000", "10.0.0.1", &why));
	ck_assert_uint_eq(list.count, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pools");
	TCase *leases = tcase_create("leases"), *attributes = tcase_create("attributes");
	SRunner *runner = srunner_create(suite);

	tcase_set_timeout(leases, 60);
	tcase_add_checked_fixture(leases, begin, end);
	tcase_add_test(leases, ranges_are_counted_as_charon_counts);
	tcase_add_test(leases, what_is_no_range_is_refused);
	tcase_add_test(leases, pools_have_several_ranges);
	tcase_add_test(leases, ranges_of_a_pool_are_of_one_family_and_apart);
	tcase_add_test(leases, all_ranges_of_a_pool_are_handed_out);
	tcase_add_test(leases, the_same_identity_gets_the_same_address_back);
	tcase_add_test(leases, a_wish_is_granted_if_nobody_has_it);
	tcase_add_test(leases, whoever_reauthenticates_shares_the_lease);
	tcase_add_test(leases, a_full_pool_takes_the_oldest_that_is_offline);
	tcase_add_test(leases, a_reload_keeps_leases_that_fit);
	tcase_add_test(leases, overlapping_pools_give_an_address_once);
	tcase_add_test(leases, offline_leases_are_bounded);
	suite_add_tcase(suite, leases);
	tcase_add_test(attributes, attributes_have_charons_numbers_and_forms);
	tcase_add_test(attributes, networks_of_unity_are_one_attribute);
	tcase_add_test(attributes, unity_without_ipv6_is_no_reason_to_refuse_a_pool);
	tcase_add_test(attributes, what_is_no_attribute_is_refused);
	suite_add_tcase(suite, attributes);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
