/* The answer to get-pools, with more leases than a message of VICI has room for. */
#include "charon-lite/control/pools_message.h"
#include "testing/unit/charon-lite/suites.h"

#include <stdio.h>
#include <stdlib.h>

#define LEASES 10000

static struct ike_pools *pools;

static void load(const char *name, const char *text)
{
	struct ike_attributes none = { 0 };
	struct ike_pool_addrs addrs;
	struct why why;

	ck_assert(ike_pool_addrs_parse(text, &addrs, &why));
	ck_assert_int_eq(ike_pools_load(pools, name, &addrs, &none, &why), IKE_POOL_ADDED);
}

static struct ike_lease *acquire(unsigned number)
{
	static const char *const names[] = { "rw" };
	const struct address any = { .family = AF_INET };
	struct ike_lease_request request = {
		.pools = (char *const *)names, .pool_count = 1, .wanted = &any, .peer = &any
	};
	struct ike_lease *lease;
	char text[64];
	struct why why;

	snprintf(text, sizeof(text), "client-%u.branch.example.org", number);
	request.identity = ike_identity_parse(text, &why);
	ck_assert_ptr_nonnull(request.identity);
	lease = ike_pools_acquire(pools, &request, &why);
	ck_assert_ptr_nonnull(lease);
	ike_identity_free(request.identity);
	return lease;
}

static uint32_t number_of(const struct address *a)
{
	struct reader r = reader_of(address_octets(a));

	return reader_u32(&r);
}

struct page {
	uint32_t first, last, count; /* addresses */
	uint32_t left;
	bool others; /* the other pool is there as well */
};

static void read_page(struct bytes bytes, struct page *ret)
{
	struct vici_message message;
	struct address a = { 0 };
	char text[ADDRESS_TEXT_MAX];

	*ret = (struct page){ 0 };
	ck_assert_uint_le(bytes.length, VICI_MESSAGE_MAX);
	ck_assert(vici_message_parse(bytes, &message, NULL));
	struct vici_view pool = vici_find(vici_root(&message), "rw");
	VICI_EACH(lease, vici_find(pool, "leases"))
	{
		struct bytes address = vici_get(lease, "address");

		snprintf(text, sizeof(text), "%.*s", (int)address.length, (const char *)address.at);
		ck_assert(address_parse(text, &a));
		ck_assert_uint_gt(number_of(&a), ret->last);
		ret->last = number_of(&a);
		ret->first = ret->count++ ? ret->first : ret->last;
	}
	if (vici_present(vici_find(pool, "leases-left"))) {
		snprintf(text, sizeof(text), "%.*s", (int)vici_get(pool, "leases-left").length,
			(const char *)vici_get(pool, "leases-left").at);
		ret->left = (uint32_t)strtoul(text, NULL, 10);
	}
	ret->others = vici_present(vici_find(vici_root(&message), "other"));
	vici_message_free(&message);
}

static void build(const struct cl_pools_wanted *wanted, struct page *ret)
{
	struct vici_builder b = { 0 };
	struct bytes bytes;
	uint32_t left = cl_pools_build(&b, pools, wanted);

	ck_assert(vici_builder_finish(&b, &bytes));
	read_page(bytes, ret);
	ck_assert_uint_eq(ret->left, left);
	vici_builder_free(&b);
}

START_TEST(ten_thousand_leases_come_in_several_answers)
{
	static struct ike_lease *leases[LEASES];
	struct cl_pools_wanted wanted = { .leases = true };
	struct page page;
	uint32_t seen, before;

	pools = ike_pools_new();
	load("rw", "10.3.0.0/16");
	load("other", "10.4.0.0/24");
	for (unsigned i = 0; i < LEASES; i++)
		leases[i] = acquire(i);
	for (unsigned i = 0; i < LEASES; i += 2)
		(void)ike_lease_release(leases[i]);
	build(&wanted, &page);
	ck_assert(page.others);
	ck_assert_uint_gt(page.count, 5000);
	ck_assert_uint_eq(page.count + page.left, LEASES);
	for (seen = page.count; page.left > 0; seen += page.count) {
		before = page.last;
		wanted.name = "rw";
		wanted.after.family = AF_INET;
		for (unsigned i = 0; i < 4; i++)
			wanted.after.octets[i] = (uint8_t)(before >> (24 - 8 * i));
		build(&wanted, &page);
		ck_assert(!page.others);
		ck_assert_uint_eq(page.first, before + 1);
	}
	ck_assert_uint_eq(seen, LEASES);
	wanted = (struct cl_pools_wanted){ 0 };
	build(&wanted, &page);
	ck_assert_uint_eq(page.count + page.left, 0);
	for (unsigned i = 1; i < LEASES; i += 2)
		(void)ike_lease_release(leases[i]);
	ike_pools_free(pools);
}
END_TEST

TCase *pools_message_cases(void)
{
	TCase *tests = tcase_create("pools_message");

	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, ten_thousand_leases_come_in_several_answers);
	return tests;
}
