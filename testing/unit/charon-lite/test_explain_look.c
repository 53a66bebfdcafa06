/* What is read from the kernel's texts and tables. */
#include "charon-lite/explain/drops.h"
#include "charon-lite/explain/look.h"
#include "testing/unit/charon-lite/test_explain.h"

#include <netinet/in.h>

START_TEST(counters_are_read_by_name)
{
	struct cl_xfrm_counter counters[CL_XFRM_COUNTERS];

	ck_assert_uint_eq(cl_xfrm_counters_parse("XfrmInError             \t0\n"
						 "XfrmInNoStates          \t12\n"
						 "XfrmOutStateProtoError  \t18446744073709551615\n",
				  counters),
		3);
	ck_assert_str_eq(counters[1].name, "XfrmInNoStates");
	ck_assert_uint_eq(counters[1].value, 12);
	ck_assert_uint_eq(counters[2].value, UINT64_MAX);
	ck_assert_uint_eq(cl_xfrm_counters_parse("", counters), 0);
	ck_assert_uint_eq(cl_xfrm_counters_parse("rubbish\n", counters), 0);
}
END_TEST

START_TEST(drops_are_read_by_group_and_name)
{
	static const char text[] = "TcpExt: SyncookiesSent IPReversePathFilter Rest\n"
				   "TcpExt: 1 42 3\n"
				   "IpExt: InNoRoutes IPReversePathFilter\n"
				   "IpExt: 7 8\n";
	struct cl_drops drops;

	ck_assert_uint_eq(cl_drops_counter(text, "TcpExt", "IPReversePathFilter"), 42);
	ck_assert_uint_eq(cl_drops_counter(text, "TcpExt", "Rest"), 3);
	ck_assert_uint_eq(cl_drops_counter(text, "IpExt", "IPReversePathFilter"), 8);
	ck_assert_uint_eq(cl_drops_counter(text, "IpExt", "Rest"), 0);
	ck_assert_uint_eq(cl_drops_counter(text, "TcpExt", "SyncookiesSen"), 0);
	ck_assert_uint_eq(cl_drops_counter(text, "Udp", "Rest"), 0);
	ck_assert_uint_eq(cl_drops_counter("TcpExt: A B\nTcpExt: 1\n", "TcpExt", "B"), 0);
	ck_assert_uint_eq(cl_drops_counter("TcpExt: A", "TcpExt", "A"), 0);
	ck_assert(cl_drops_read(AF_INET, &drops));
}
END_TEST

START_TEST(drops_are_kept_over_time)
{
	struct cl_drops_history *h = cl_drops_history_new();
	struct cl_drops before, none = { 0 };

	ck_assert_ptr_nonnull(h);
	ck_assert(!cl_drops_before(h, AF_INET, 0, &before));
	for (unsigned i = 1; i <= 1000; i++)
		cl_drops_keep(h, IKE_SECONDS(10 * i), (struct cl_drops){ .filtered = i }, none);
	/* of what is young the one that was asked for */
	ck_assert(cl_drops_before(h, AF_INET, IKE_SECONDS(9995), &before));
	ck_assert_uint_eq(before.filtered, 999);
	/* else one before it, and the first that there was */
	ck_assert(cl_drops_before(h, AF_INET, IKE_SECONDS(5000), &before));
	ck_assert_uint_le(before.filtered, 500);
	ck_assert_uint_ge(before.filtered, 1);
	ck_assert(cl_drops_before(h, AF_INET, 0, &before));
	ck_assert_uint_eq(before.filtered, 1);
	ck_assert(cl_drops_before(h, AF_INET6, IKE_SECONDS(9995), &before));
	ck_assert_uint_eq(before.filtered, 0);
	cl_drops_history_free(h);
	/* without memory nothing is kept */
	cl_drops_note(NULL, 0);
	ck_assert(!cl_drops_before(NULL, AF_INET, 0, &before));
	cl_drops_history_free(NULL);
}
END_TEST

static struct xfrm_policy_id policy(
	const char *source, uint8_t source_prefix, const char *destination, uint8_t prefix)
{
	struct xfrm_policy_id id = { .direction = XFRM_POLICY_OUT };

	ck_assert(address_parse(source, &id.selector.source) &&
		  address_parse(destination, &id.selector.destination));
	id.selector.source_prefix = source_prefix;
	id.selector.destination_prefix = prefix;
	return id;
}

START_TEST(policies_meet_where_packets_meet_both)
{
	const struct xfrm_policy_id ours = policy("10.1.0.0", 16, "10.2.0.0", 16);
	struct xfrm_policy_id other = policy("10.0.0.0", 8, "10.0.0.0", 8);
	bool covers = false;

	ck_assert(cl_policies_meet(&other, &ours, &covers) && covers);
	ck_assert(cl_policies_meet(&ours, &ours, &covers) && covers);
	ck_assert(cl_policies_meet(&ours, &other, &covers) && !covers);
	other.selector.protocol = IPPROTO_TCP;
	ck_assert(cl_policies_meet(&other, &ours, &covers) && !covers);
	other.selector.protocol = 0;
	other.if_id = 7;
	ck_assert(!cl_policies_meet(&other, &ours, &covers));
	other.if_id = 0;
	other.mark = (struct xfrm_mark){ .v = 1, .m = 1 };
	ck_assert(cl_policies_meet(&other, &ours, &covers) && !covers);
	other = policy("10.1.0.0", 16, "10.3.0.0", 16);
	ck_assert(!cl_policies_meet(&other, &ours, &covers));
	other = policy("10.1.7.0", 24, "10.2.0.0", 16);
	ck_assert(cl_policies_meet(&other, &ours, &covers) && !covers);
	other = policy("::", 0, "::", 0);
	ck_assert(!cl_policies_meet(&other, &ours, &covers));
}
END_TEST

Suite *explain_look_suite(void)
{
	Suite *suite = suite_create("look");
	TCase *tests = tcase_create("look");

	tcase_add_test(tests, counters_are_read_by_name);
	tcase_add_test(tests, drops_are_read_by_group_and_name);
	tcase_add_test(tests, drops_are_kept_over_time);
	tcase_add_test(tests, policies_meet_where_packets_meet_both);
	suite_add_tcase(suite, tests);
	return suite;
}
