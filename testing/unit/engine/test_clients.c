/* Clients and their networks as a table: who has what, what overlaps, what all others have. */
#include "libike/model/clients.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

static struct ike_clients *clients;

/* ---- Memory that runs out ---- */

static unsigned long refuse_at, allocations; /* 0: never */

static bool refused(void)
{
	return refuse_at && ++allocations == refuse_at;
}

#include "testing/unit/engine/refused_allocations.h"

/* ---- The table ---- */

static void begin(void)
{
	clients = ike_clients_new();
	ck_assert_ptr_nonnull(clients);
}

static void end(void)
{
	ike_clients_free(clients);
}

static size_t parse(const char *text, struct ike_selector *ret)
{
	char *copy = strdup(text), *rest = NULL;
	struct why why;
	size_t count = 0;

	for (char *one = strtok_r(copy, " ", &rest); one; one = strtok_r(NULL, " ", &rest))
		ck_assert_msg(ike_selector_parse(one, &ret[count++], &why), "%s", why.text);
	free(copy);
	return count;
}

/* That allocation of a load fails; 0: none. */
static unsigned long fails;

static enum ike_client_loaded load(
	const char *name, const char *id, const char *networks, struct why *why)
{
	struct ike_selector list[IKE_CLIENT_NETWORKS_MAX];
	struct ike_identity *identity = ike_identity_parse(id, why);

	ck_assert_ptr_nonnull(identity);
	size_t count = parse(networks, list);
	allocations = 0;
	refuse_at = fails;
	struct ike_client_change change = {
		.name = name, .identity = identity, .networks = list, .count = count
	};
	size_t failed;
	bool loaded = ike_clients_load(clients, &change, 1, &failed, why);
	refuse_at = 0;
	ike_identity_free(identity);
	ike_client_free(change.earlier);
	return loaded ? change.loaded : IKE_CLIENT_FAILED;
}

static void expect_loaded(const char *name, const char *id, const char *networks)
{
	struct why why = { "" };

	ck_assert_msg(load(name, id, networks, &why) != IKE_CLIENT_FAILED, "%s", why.text);
}

static void expect_refused(const char *name, const char *id, const char *networks, const char *text)
{
	struct why why = { "" };

	ck_assert_int_eq(load(name, id, networks, &why), IKE_CLIENT_FAILED);
	ck_assert_str_eq(why.text, text);
}

/* What clients but that one have within a network. */
static void expect_others(const char *but, const char *within, const char *wanted)
{
	struct ike_selector all, list[64];
	char text[1024];

	ck_assert_uint_eq(parse(within, &all), 1);
	size_t count = ike_clients_others(
		clients, but ? ike_clients_find(clients, but) : NULL, &all, list, 64);
	ck_assert_str_eq(ike_selectors_format(list, count, text, sizeof(text)), wanted);
}

static const struct ike_client *client_of(const char *id)
{
	struct ike_identity *identity = ike_identity_parse(id, NULL);
	const struct ike_client *client = ike_clients_of(clients, identity);

	ike_identity_free(identity);
	return client;
}

START_TEST(a_client_is_found_by_name_and_identity)
{
	expect_loaded("spoke", "spoke@example.org", "10.100.2.0/24 fd00:2::/64");
	ck_assert_ptr_nonnull(client_of("Spoke@example.org"));
	ck_assert_ptr_eq(client_of("spoke@example.org"), ike_clients_find(clients, "spoke"));
	ck_assert_ptr_eq(ike_clients_get(clients, 0), ike_clients_find(clients, "spoke"));
	ck_assert_ptr_null(ike_clients_get(clients, 1));
	ck_assert_ptr_null(client_of("spoke.example.org"));
	ck_assert_ptr_null(ike_clients_of(clients, NULL));
	ck_assert(ike_clients_unload(clients, "spoke"));
	ck_assert(!ike_clients_unload(clients, "spoke"));
	ck_assert_ptr_null(client_of("spoke@example.org"));
	expect_others(NULL, "0.0.0.0/0", "");
	expect_others(NULL, "::/0", "");
}
END_TEST

START_TEST(all_others_are_named_in_order_and_whole)
{
	expect_loaded("a", "a@example.org", "10.2.0.0/24 10.9.0.1");
	expect_loaded("b", "b@example.org", "10.1.0.0/24 10.2.1.0/24 2001:db8::/48");
	expect_loaded("c", "c@example.org", "10.2.2.0/23 2001:db8:1::/48");
	expect_others(NULL, "0.0.0.0/0", "10.1.0.0/24 10.2.0.0/22 10.9.0.1/32");
	expect_others("a", "0.0.0.0/0", "10.1.0.0/24 10.2.1.0/24 10.2.2.0/23");
	expect_others("b", "0.0.0.0/0", "10.2.0.0/24 10.2.2.0/23 10.9.0.1/32");
	expect_others("c", "0.0.0.0/0", "10.1.0.0/24 10.2.0.0/23 10.9.0.1/32");
	expect_others("a", "::/0", "2001:db8::/47");
	expect_others("c", "::/0", "2001:db8::/48");
	expect_others(NULL, "10.2.1.7/32", "10.2.0.0/22");
	expect_others("a", "10.2.1.7/32", "10.2.1.0/24");
	expect_others("b", "10.2.1.7/32", "");
	expect_others(NULL, "10.3.0.0/16", "");
	ck_assert(ike_clients_unload(clients, "c"));
	expect_others(NULL, "0.0.0.0/0", "10.1.0.0/24 10.2.0.0/23 10.9.0.1/32");
	ck_assert(ike_clients_unload(clients, "a"));
	expect_others(NULL, "0.0.0.0/0", "10.1.0.0/24 10.2.1.0/24");
}
END_TEST

START_TEST(what_another_has_is_refused_with_both_named)
{
	expect_loaded("a", "a@example.org", "10.2.0.0/16");
	expect_loaded("b", "b@example.org", "10.3.0.0/24");
	expect_refused("c", "c@example.org", "10.9.0.0/24 10.2.7.0/24",
		"10.2.7.0/24 of client 'c' overlaps with 10.2.0.0/16 of client 'a'");
	expect_refused("c", "c@example.org", "10.0.0.0/8",
		"10.0.0.0/8 of client 'c' overlaps with 10.2.0.0/16 of client 'a'");
	expect_refused("b", "b@example.org", "10.2.0.0/15",
		"10.2.0.0/15 of client 'b' overlaps with 10.2.0.0/16 of client 'a'");
	expect_refused("c", "b@example.org", "10.9.0.0/24", "clients 'b' and 'c' have the same id");
	ck_assert_ptr_null(ike_clients_find(clients, "c"));
	expect_others(NULL, "0.0.0.0/0", "10.2.0.0/16 10.3.0.0/24");
	/* but not its own */
	expect_loaded("b", "b@example.org", "10.3.0.0/16 10.3.1.0/24");
	expect_others(NULL, "0.0.0.0/0", "10.2.0.0/15");
	expect_loaded("b", "b2@example.org", "10.3.0.0/25");
	ck_assert_ptr_null(client_of("b@example.org"));
	expect_others(NULL, "0.0.0.0/0", "10.2.0.0/16 10.3.0.0/25");
}
END_TEST

/* Octets of addresses and key ids are no letters; and who has the same hash is still another. */
START_TEST(identities_that_look_alike_are_two_clients)
{
	static const char *const pairs[][2] = {
		{ "192.0.2.65", "192.0.2.97" }, { "2001:db8::41", "2001:db8::61" },
		{ "keyid:A", "keyid:a" },
		{ "asn1dn:#300c310a300806035504030401"
		  "41",
			"asn1dn:#300c310a300806035504030401"
			"61" }, /* OCTET STRINGs: equal hashes */
	};
	const char *const *ids = pairs[_i];

	expect_loaded("one", ids[0], "10.2.0.0/24");
	expect_loaded("two", ids[1], "10.3.0.0/24");
	expect_refused(
		"three", ids[1], "10.4.0.0/24", "clients 'two' and 'three' have the same id");
	ck_assert_ptr_eq(client_of(ids[0]), ike_clients_find(clients, "one"));
	ck_assert_ptr_eq(client_of(ids[1]), ike_clients_find(clients, "two"));
	ck_assert(ike_clients_unload(clients, "one"));
	ck_assert_ptr_null(client_of(ids[0]));
	ck_assert_ptr_eq(client_of(ids[1]), ike_clients_find(clients, "two"));
	expect_loaded("one", ids[0], "10.2.0.0/24");
	ck_assert(ike_clients_unload(clients, "one"));
	ck_assert(ike_clients_unload(clients, "two"));
	ck_assert_ptr_null(client_of(ids[1]));
}
END_TEST

/* Clients that change together: each has one network. Returns the index of who fails, or count. */
static size_t load_all(const char *const (*list)[3], size_t count, struct why *why)
{
	struct ike_client_change changes[8] = { 0 };
	struct ike_selector networks[8];
	size_t failed = count;

	for (size_t i = 0; i < count; i++) {
		ck_assert_uint_eq(parse(list[i][2], &networks[i]), 1);
		changes[i] = (struct ike_client_change){ .name = list[i][0],
			.identity = ike_identity_parse(list[i][1], NULL),
			.networks = &networks[i],
			.count = 1 };
	}
	allocations = 0;
	refuse_at = fails;
	bool loaded = ike_clients_load(clients, changes, count, &failed, why);
	refuse_at = 0;
	for (size_t i = 0; i < count; i++) {
		ck_assert(!loaded || changes[i].loaded != IKE_CLIENT_FAILED);
		ck_assert(loaded || !changes[i].earlier);
		ck_assert(!changes[i].earlier || changes[i].loaded == IKE_CLIENT_UPDATED);
		ike_client_free(changes[i].earlier);
		ike_identity_free(changes[i].identity);
	}
	return loaded ? count : failed;
}

static void expect_order(const char *wanted)
{
	const struct ike_client *client;
	char names[64] = "";

	for (size_t i = 0; (client = ike_clients_get(clients, i)); i++)
		snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s ", client->name);
	ck_assert_str_eq(names, wanted);
}

START_TEST(clients_exchange_what_they_have)
{
	static const char *const now[][3] = { { "a", "c@example.org", "10.3.0.0/24" },
		{ "b", "a@example.org", "10.4.0.0/24" }, { "c", "b@example.org", "10.2.0.0/24" } };
	struct why why = { "" };

	expect_loaded("a", "a@example.org", "10.2.0.0/24");
	expect_loaded("b", "b@example.org", "10.3.0.0/24");
	expect_loaded("c", "c@example.org", "10.4.0.0/24");
	ck_assert_msg(load_all(now, 3, &why) == 3, "%s", why.text);
	ck_assert_ptr_eq(client_of("a@example.org"), ike_clients_find(clients, "b"));
	ck_assert_ptr_eq(client_of("b@example.org"), ike_clients_find(clients, "c"));
	ck_assert_ptr_eq(client_of("c@example.org"), ike_clients_find(clients, "a"));
	expect_others("a", "0.0.0.0/0", "10.2.0.0/24 10.4.0.0/24");
	expect_order("a b c ");
	ck_assert_uint_eq(load_all(now, 3, &why), 3);
}
END_TEST

START_TEST(all_are_loaded_or_none)
{
	static const char *const over[][3] = { { "a", "b@example.org", "10.3.0.0/24" },
		{ "new", "new@example.org", "10.2.0.0/24" },
		{ "b", "a@example.org", "10.2.0.0/16" } };
	static const char *const twice[][3] = { { "c", "c1@example.org", "10.8.0.0/24" },
		{ "c", "c2@example.org", "10.9.0.0/24" } };
	static const char *const pattern[][3] = { { "a", "a@example.org", "10.8.0.0/24" },
		{ "b", "*@example.org", "10.9.0.0/24" } };
	struct why why = { "" };

	expect_loaded("a", "a@example.org", "10.2.0.0/24");
	expect_loaded("b", "b@example.org", "10.3.0.0/24");
	expect_loaded("c", "c@example.org", "10.4.0.0/24");
	ck_assert_uint_eq(load_all(over, 3, &why), 2);
	ck_assert_str_eq(
		why.text, "10.2.0.0/16 of client 'b' overlaps with 10.2.0.0/24 of client 'new'");
	ck_assert_uint_eq(load_all(twice, 2, &why), 1);
	ck_assert_str_eq(why.text, "client 'c' is there twice");
	ck_assert_uint_eq(load_all(pattern, 2, &why), 1);
	expect_order("a b c ");
	ck_assert_ptr_eq(client_of("a@example.org"), ike_clients_find(clients, "a"));
	ck_assert_ptr_null(client_of("new@example.org"));
	expect_others("c", "0.0.0.0/0", "10.2.0.0/24 10.3.0.0/24");
}
END_TEST

/* New ones are not there by halves, and who was not of them is as before. */
START_TEST(memory_may_run_out_in_an_exchange)
{
	static const char *const now[][3] = { { "a", "b@example.org", "10.3.0.0/24" },
		{ "b", "a@example.org", "10.2.0.0/24" }, { "d", "d@example.org", "fd00::/64" } };
	struct why why;

	for (unsigned long i = 1;; i++) {
		expect_loaded("a", "a@example.org", "10.2.0.0/24");
		expect_loaded("b", "b@example.org", "10.3.0.0/24");
		expect_loaded("c", "c@example.org", "10.4.0.0/24");
		fails = i;
		size_t failed = load_all(now, 3, &why);
		fails = 0;
		ck_assert_uint_lt(i, 100);
		ck_assert_ptr_eq(client_of("c@example.org"), ike_clients_find(clients, "c"));
		if (failed == 3)
			break;
		ck_assert_str_eq(why.text, "out of memory");
		ck_assert_ptr_null(ike_clients_find(clients, "d"));
		(void)ike_clients_unload(clients, "a");
		(void)ike_clients_unload(clients, "b");
		expect_others(NULL, "0.0.0.0/0", "10.4.0.0/24");
	}
	ck_assert_ptr_eq(client_of("a@example.org"), ike_clients_find(clients, "b"));
	expect_others("a", "0.0.0.0/0", "10.2.0.0/24 10.4.0.0/24");
}
END_TEST

START_TEST(patterns_and_what_is_no_network_are_refused)
{
	expect_refused("a", "*@example.org", "10.2.0.0/16",
		"its id is a pattern: wanted the one that it proves");
	expect_refused(
		"a", "%any", "10.2.0.0/16", "its id is a pattern: wanted the one that it proves");
	expect_refused(
		"a", "a@example.org", "10.2.0.1-10.2.0.9", "'10.2.0.1..10.2.0.9' is no network");
	expect_refused(
		"a", "a@example.org", "10.2.0.0/16[tcp]", "'10.2.0.0/16[tcp]' is no network");
	expect_refused("a", "a@example.org", "dynamic", "'dynamic' is no network");
	expect_refused("a", "a@example.org", "%clients", "'%clients' is no network");
}
END_TEST

START_TEST(what_is_loaded_again_unchanged_is_known)
{
	struct why why;

	ck_assert_int_eq(load("a", "a@example.org", "10.2.0.0/16", &why), IKE_CLIENT_ADDED);
	ck_assert_int_eq(load("a", "a@example.org", "10.2.0.0/16", &why), IKE_CLIENT_UNCHANGED);
	ck_assert_int_eq(load("a", "a@example.org", "10.3.0.0/16", &why), IKE_CLIENT_UPDATED);
	ck_assert_int_eq(load("a", "b@example.org", "10.3.0.0/16", &why), IKE_CLIENT_UPDATED);
}
END_TEST

/* Of a client that could not be loaded nothing is there, and the others are as they were. */
START_TEST(memory_may_run_out)
{
	enum ike_client_loaded loaded = IKE_CLIENT_FAILED;
	struct why why;

	expect_loaded("a", "a@example.org", "10.2.0.0/24 10.9.0.0/24");
	for (unsigned long i = 1; loaded == IKE_CLIENT_FAILED; i++) {
		if (_i)
			expect_loaded("b", "b@example.org", "10.4.0.0/24 10.8.0.0/24");
		fails = i;
		loaded = load("b", "b2@example.org", "10.3.0.0/24 10.9.1.0/24 fd00::/64", &why);
		fails = 0;
		ck_assert_uint_lt(i, 100);
		if (loaded != IKE_CLIENT_FAILED)
			break;
		ck_assert_str_eq(why.text, "out of memory");
		(void)ike_clients_unload(clients, "b");
		expect_others(NULL, "0.0.0.0/0", "10.2.0.0/24 10.9.0.0/24");
		ck_assert_ptr_null(client_of("b2@example.org"));
		ck_assert_ptr_nonnull(client_of("a@example.org"));
	}
	expect_others(NULL, "0.0.0.0/0", "10.2.0.0/24 10.3.0.0/24 10.9.0.0/23");
}
END_TEST

/* Whole networks are as few selectors as they can be; who has one of them sees the rest. */
START_TEST(ten_thousand_clients)
{
	char name[16], id[32], network[32];

	for (unsigned i = 0; i < 10000; i++) {
		snprintf(name, sizeof(name), "c%u", i);
		snprintf(id, sizeof(id), "c%u@example.org", i);
		snprintf(network, sizeof(network), "10.%u.%u.0/24", i / 256, i % 256);
		expect_loaded(name, id, network);
	}
	expect_others(NULL, "10.0.0.0/13", "10.0.0.0/11");
	expect_others("c256", "10.0.0.0/15",
		"10.0.0.0/16 10.1.1.0/24 10.1.2.0/23 10.1.4.0/22 10.1.8.0/21 10.1.16.0/20 "
		"10.1.32.0/19 10.1.64.0/18 10.1.128.0/17");
	for (unsigned i = 0; i < 10000; i += 2) {
		snprintf(name, sizeof(name), "c%u", i);
		ck_assert(ike_clients_unload(clients, name));
	}
	expect_others("c1", "10.0.0.0/21", "10.0.3.0/24 10.0.5.0/24 10.0.7.0/24");
	ck_assert_ptr_nonnull(client_of("c9999@example.org"));
	ck_assert_ptr_null(client_of("c9998@example.org"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("clients");
	TCase *tests = tcase_create("clients");

	tcase_add_checked_fixture(tests, begin, end);
	tcase_add_test(tests, a_client_is_found_by_name_and_identity);
	tcase_add_test(tests, all_others_are_named_in_order_and_whole);
	tcase_add_test(tests, what_another_has_is_refused_with_both_named);
	tcase_add_loop_test(tests, identities_that_look_alike_are_two_clients, 0, 4);
	tcase_add_test(tests, clients_exchange_what_they_have);
	tcase_add_test(tests, all_are_loaded_or_none);
	tcase_add_test(tests, memory_may_run_out_in_an_exchange);
	tcase_add_test(tests, patterns_and_what_is_no_network_are_refused);
	tcase_add_test(tests, what_is_loaded_again_unchanged_is_known);
	tcase_add_loop_test(tests, memory_may_run_out, 0, 2);
	tcase_add_test(tests, ten_thousand_clients);
	suite_add_tcase(suite, tests);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
