/* Thousands of definitions: what is looked at for one peer, and what is kept, does not grow with
 * them. */
#include "libike/engine_priv.h"
#include "testing/unit/engine/duo.h"

#include <malloc.h>

static void load(struct sim_node *n, const char *name, const char *remote_addrs, const char *id)
{
	const struct sim_definition definition = {
		.name = name,
		.remote_addrs = remote_addrs,
		.local_id = "moon",
		.remote_id = id,
		.proposals = "aes256gcm16-prfsha256-ecp256,aes256-sha256-modp2048",
		.children = { { .name = "net", .proposals = "aes256gcm16-ecp256,aes256-sha256" } },
	};
	struct why why;

	ck_assert_msg(sim_node_load(n, sim_define(&definition), &why), "%s", why.text);
}

/* The definitions that may be meant by a peer there, in order. */
static void expect_candidates(const struct sim_node *n, const char *from, const char *wanted)
{
	const struct address local = duo_address("192.0.2.1"), remote = duo_address(from);
	struct ike_candidates walk = ike_candidates_from(n->engine, &remote);
	const struct ike_connection *c;
	char found[200] = "";

	while ((c = ike_loaded_for(&walk, 2, &local, &remote, NULL)))
		snprintf(found + strlen(found), sizeof(found) - strlen(found), "%s ", c->name);
	ck_assert_str_eq(found, wanted);
}

START_TEST(definitions_are_candidates_in_the_order_of_loading)
{
	struct duo d = duo_begin(false);
	struct sim_node *n = d.moon;

	duo_start(&d);
	ck_assert(sim_node_unload(n, "sun"));
	load(n, "a", "198.51.100.1", "a");
	load(n, "any", NULL, "b");
	load(n, "both", "198.51.100.1,198.51.100.2,198.51.100.1", "c");
	load(n, "net", "198.51.100.0/24", "d");
	load(n, "six", "2001:db8::1", "e");
	load(n, "mixed", "198.51.100.2,203.0.113.0/24", "f");
	expect_candidates(n, "198.51.100.1", "a any both net ");
	expect_candidates(n, "198.51.100.2", "any both net mixed ");
	expect_candidates(n, "203.0.113.9", "any mixed ");
	expect_candidates(n, "2001:db8::1", "any six ");
	/* A new version keeps its place, but not its address. */
	load(n, "a", "198.51.100.2", "a");
	load(n, "both", "198.51.100.1", "c");
	expect_candidates(n, "198.51.100.1", "any both net ");
	expect_candidates(n, "198.51.100.2", "a any net mixed ");
	load(n, "any", "198.51.100.2", "b");
	load(n, "a", NULL, "a");
	expect_candidates(n, "198.51.100.1", "a both net ");
	expect_candidates(n, "198.51.100.2", "a any net mixed ");
	ck_assert(sim_node_unload(n, "any"));
	ck_assert(sim_node_unload(n, "net"));
	load(n, "any", NULL, "b");
	expect_candidates(n, "198.51.100.1", "a both any ");
	expect_candidates(n, "198.51.100.2", "a mixed any ");
	duo_end(&d);
}
END_TEST

static void load_sites(struct sim_node *n, unsigned from, unsigned to)
{
	char name[20], address[20];

	for (unsigned i = from; i < to; i++) {
		snprintf(name, sizeof(name), "site-%05u", i);
		snprintf(address, sizeof(address), "203.%u.%u.%u", i >> 16, i >> 8 & 255, i & 255);
		load(n, name, address, name);
	}
}

/* How many definitions are looked at for a peer. */
static unsigned looked_at(const struct sim_node *n, const char *from)
{
	const struct address remote = duo_address(from);
	struct ike_candidates walk = ike_candidates_from(n->engine, &remote);
	unsigned count = 0;

	while (ike_candidates_next(&walk))
		count++;
	return count;
}

START_TEST(of_thousands_one_is_looked_at_and_proposals_are_kept_once)
{
	struct duo d = duo_begin(false);

	duo_start(&d);
	const struct ike_engine *e = d.moon->engine;
	load_sites(d.moon, 0, 1000);
	size_t first = mallinfo2().uordblks;
	load_sites(d.moon, 1000, 3000);
	size_t more = mallinfo2().uordblks - first;
	ck_assert_uint_eq(looked_at(d.moon, "203.0.0.7"), 1);
	ck_assert_uint_eq(looked_at(d.moon, "203.0.11.0"), 1);
	ck_assert_uint_eq(looked_at(d.moon, "203.0.12.0"), 0);
	/* 0 with a sanitizer's allocator */
	ck_assert_uint_lt(more / 2000, 2500);
	const struct ike_connection *one = ike_engine_connection(e, 1),
				    *other = ike_engine_connection(e, 3000);
	ck_assert_ptr_eq(one->proposals.items, other->proposals.items);
	ck_assert_ptr_eq(one->children[0]->proposals.items, other->children[0]->proposals.items);
	/* They outlive those that are gone. */
	for (unsigned i = 0; i < 3000; i += 2) {
		char name[20];

		snprintf(name, sizeof(name), "site-%05u", i);
		ck_assert(sim_node_unload(d.moon, name));
	}
	ck_assert_uint_eq(looked_at(d.moon, "203.0.0.8"), 0);
	ck_assert_uint_eq(looked_at(d.moon, "203.0.0.7"), 1);
	ck_assert_uint_eq(other->proposals.count, 2);
	duo_up(&d, d.sun, "net");
	duo_end(&d);
}
END_TEST

START_TEST(of_many_children_each_is_found_and_none_comes_twice)
{
	struct ike_connection *c = ike_connection_new("many");
	char name[20];

	for (unsigned i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "child-%u", i);
		ck_assert_ptr_null(ike_connection_child(c, name));
		struct ike_child_config *child = ike_connection_add_child(c, name);
		ck_assert_ptr_nonnull(child);
		ck_assert_ptr_eq(ike_connection_child(c, name), child);
	}
	for (unsigned i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "child-%u", i);
		ck_assert_ptr_eq(ike_connection_child(c, name), c->children[i]);
		ck_assert_ptr_null(ike_connection_add_child(c, name));
	}
	ck_assert_uint_eq(c->child_count, 100);
	ike_connection_free(c);
}
END_TEST

TCase *many_tests(void)
{
	TCase *test = tcase_create("many");

	tcase_add_test(test, definitions_are_candidates_in_the_order_of_loading);
	tcase_add_test(test, of_many_children_each_is_found_and_none_comes_twice);
	tcase_add_test(test, of_thousands_one_is_looked_at_and_proposals_are_kept_once);
	return test;
}
