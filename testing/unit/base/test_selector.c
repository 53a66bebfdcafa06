/* Traffic selectors: text as strongSwan has it, sets, narrowing. */
#include "libike/base/selector.h"

#include <check.h>
#include <netinet/in.h>
#include <stdio.h>

static struct why why;

static struct ike_selector selector(const char *text)
{
	struct ike_selector s;

	if (!ike_selector_parse(text, &s, &why))
		ck_abort_msg("%s", why.text);
	return s;
}

static const char *text_of(const struct ike_selector *s)
{
	static char text[IKE_SELECTOR_TEXT_MAX];

	return ike_selector_format(s, text);
}

/* What strongSwan 5.9.8's swanctl --list-conns prints for what swanctl.conf says. */
static const struct {
	const char *in;
	const char *out;
} forms[] = {
	{ "10.1.0.0/16", "10.1.0.0/16" },
	{ "10.1.0.1", "10.1.0.1/32" },
	{ "10.1.0.1-10.1.0.9", "10.1.0.1..10.1.0.9" },
	{ "10.1.0.0-10.1.0.255", "10.1.0.0/24" },
	{ "10.1.2.3/16", "10.1.0.0/16" },
	{ "10.1.0.0 - 10.1.0.7", "10.1.0.0/29" },
	{ "2001:db8::/32[udp/53]", "2001:db8::/32[udp/domain]" },
	{ "2001:db8::1", "2001:db8::1/128" },
	{ "2001:db8::1-2001:db8::9", "2001:db8::1..2001:db8::9" },
	{ "dynamic", "dynamic" },
	{ "dynamic[gre]", "dynamic[gre]" },
	{ "dynamic[/1701]", "dynamic[0/l2f]" },
	{ "dynamic[udp/l2tp]", "dynamic[udp/l2f]" },
	{ "0.0.0.0/0[tcp/1024-65535]", "0.0.0.0/0[tcp/1024-65535]" },
	{ "0.0.0.0/0[tcp/443]", "0.0.0.0/0[tcp/https]" },
	{ "0.0.0.0/0[udp/4500]", "0.0.0.0/0[udp/ipsec-nat-t]" },
	{ "0.0.0.0/0[/443]", "0.0.0.0/0[0/https]" },
	{ "0.0.0.0/0[tcp]", "0.0.0.0/0[tcp]" },
	{ "0.0.0.0/0[tcp/]", "0.0.0.0/0[tcp]" },
	{ "0.0.0.0/0[6/80]", "0.0.0.0/0[tcp/http]" },
	{ "0.0.0.0/0[17]", "0.0.0.0/0[udp]" },
	{ "0.0.0.0/0[icmp]", "0.0.0.0/0[icmp]" },
	{ "0.0.0.0/0[icmp/8]", "0.0.0.0/0[icmp/8]" },
	{ "0.0.0.0/0[icmp/2048]", "0.0.0.0/0[icmp/8]" },
	{ "0.0.0.0/0[icmp/768-1023]", "0.0.0.0/0[icmp/3-3(255)]" },
	{ "0.0.0.0/0[icmp/3-4]", "0.0.0.0/0[icmp/3-4]" },
	{ "::/0[ipv6-icmp/128]", "::/0[ipv6-icmp/128]" },
	{ "::/0[58/34304-34559]", "::/0[ipv6-icmp/134-134(255)]" },
	{ "0.0.0.0/0[tcp/opaque]", "0.0.0.0/0[tcp/OPAQUE]" },
	{ "0.0.0.0/0[/opaque]", "0.0.0.0/0[0/OPAQUE]" },
	{ "0.0.0.0/0[sctp/5060]", "0.0.0.0/0[sctp/5060]" },
	{ "0.0.0.0/0[253]", "0.0.0.0/0[253]" },
	{ "0.0.0.0/0[253/25]", "0.0.0.0/0[253/smtp]" },
	{ "0.0.0.0/0[115]", "0.0.0.0/0[l2tp]" },
	{ "0.0.0.0/0[0]", "0.0.0.0/0" },
	{ "0.0.0.0/0[gre/1701]", "0.0.0.0/0[gre/1701]" },
	{ "0.0.0.0/0[tcp/22-22]", "0.0.0.0/0[tcp/ssh]" },
	{ "0.0.0.0/0[tcp/0]", "0.0.0.0/0[tcp/0]" },
	{ "0.0.0.0/0[TCP/80]", "0.0.0.0/0[tcp/http]" },
	{ "10.0.0.0/8 [tcp/80]", "10.0.0.0/8[tcp/http]" },
	{ "10.0.0.0/8[tcp/0x50]", "10.0.0.0/8[tcp/http]" },
	{ "0.0.0.0-255.255.255.255", "0.0.0.0/0" },
	{ "::/0[135/1280]", "::/0[mobility-header/1280]" },
	/* ours: what VyOS writes, and what we print must be readable again */
	{ "0.0.0.0/0[%any/443]", "0.0.0.0/0[0/https]" },
	{ "0.0.0.0/0[tcp/%any]", "0.0.0.0/0[tcp]" },
	{ "0.0.0.0/0[%any]", "0.0.0.0/0" },
	{ "::/0[icmpv6/128]", "::/0[ipv6-icmp/128]" },
	{ "0.0.0.0/0[icmp/3-3(255)]", "0.0.0.0/0[icmp/3-3(255)]" },
	{ "0.0.0.0/0[icmp/3(1)]", "0.0.0.0/0[icmp/3(1)]" },
};

START_TEST(selectors_print_as_strongswan_prints_them)
{
	struct ike_selector s = selector(forms[_i].in);

	ck_assert_str_eq(text_of(&s), forms[_i].out);
}
END_TEST

START_TEST(a_printed_selector_can_be_read_again)
{
	struct ike_selector s = selector(forms[_i].in), again;
	char text[IKE_SELECTOR_TEXT_MAX];

	ike_selector_format(&s, text);
	char *dots = strstr(text, "..");
	if (dots) { /* the only difference between the two forms */
		*dots = '-';
		memmove(dots + 1, dots + 2, strlen(dots + 2) + 1);
	}
	again = selector(text);
	ck_assert_msg(ike_selector_equal(&s, &again), "%s", text);
}
END_TEST

static const char *const bad[] = { "", "moon.example.org", "%any", "10.0.0.0/33", "10.0.0.0/",
	"10.0.0.0/-1", "2001:db8::/129", "10.0.0.9-10.0.0.1", "10.0.0.1-2001:db8::1", "10.0.0.1-",
	"[tcp/80]", "10.0.0.0/8[tcp/80", "10.0.0.0/8[tcp/80]x", "10.0.0.0/8[bogus]",
	"10.0.0.0/8[tcp/bogus]", "10.0.0.0/8[256]", "10.0.0.0/8[tcp/70000]",
	"10.0.0.0/8[tcp/80-22]", "10.0.0.0/8[tcp/-5]", "10.0.0.0/8[tcp/5-]",
	"10.0.0.0/8[icmp/300(1)]", "10.0.0.0/8[tcp/3(1)]", "10.0.0.0/8[tcp/80/90]",
	"10.0.0.0/8[[tcp]]", "Dynamic" };

START_TEST(bad_selectors_are_refused_with_a_reason)
{
	struct ike_selector s, untouched;

	memset(&s, 0x5a, sizeof(s));
	untouched = s;
	why.text[0] = '\0';
	ck_assert_msg(!ike_selector_parse(bad[_i], &s, &why), "%s", bad[_i]);
	ck_assert_str_ne(why.text, "");
	ck_assert_mem_eq(&s, &untouched, sizeof(s));
}
END_TEST

START_TEST(a_selector_of_any_length_is_refused_or_read)
{
	char text[3 * IKE_SELECTOR_TEXT_MAX];
	struct ike_selector s;

	for (size_t n = 0; n + 1 < sizeof(text); n++) {
		memset(text, '1', n);
		text[n] = '\0';
		ck_assert(!ike_selector_parse(text, &s, &why));
	}
}
END_TEST

static const struct {
	const char *a;
	const char *b;
	const char *common; /* NULL: nothing */
} meetings[] = {
	{ "10.0.0.0/8", "10.1.0.0/16", "10.1.0.0/16" },
	{ "10.0.0.0/8", "192.168.0.0/16", NULL },
	{ "10.0.0.0/8", "::/0", NULL },
	{ "10.0.0.0-10.0.0.9", "10.0.0.5-10.0.0.20", "10.0.0.5..10.0.0.9" },
	{ "10.0.0.0-10.0.0.9", "10.0.0.9-10.0.0.20", "10.0.0.9/32" },
	{ "10.0.0.0-10.0.0.9", "10.0.0.10-10.0.0.20", NULL },
	{ "10.0.0.0/8[tcp]", "10.0.0.0/8", "10.0.0.0/8[tcp]" },
	{ "10.0.0.0/8[tcp]", "10.0.0.0/8[udp]", NULL },
	{ "10.0.0.0/8[tcp/80]", "10.0.0.0/8[tcp]", "10.0.0.0/8[tcp/http]" },
	{ "10.0.0.0/8[tcp/80]", "10.0.0.0/8[tcp/443]", NULL },
	{ "10.0.0.0/8[tcp/1-100]", "10.0.0.0/8[tcp/50-200]", "10.0.0.0/8[tcp/50-100]" },
	{ "10.0.0.0/8[/1701]", "10.0.0.0/8[udp]", "10.0.0.0/8[udp/l2f]" },
	{ "10.0.0.0/8[icmp/8]", "10.0.0.0/8[icmp]", "10.0.0.0/8[icmp/8]" },
	{ "10.0.0.0/8[icmp/8]", "10.0.0.0/8[icmp/768-1023]", NULL },
	{ "10.0.0.0/8[tcp/opaque]", "10.0.0.0/8[tcp]", "10.0.0.0/8[tcp/OPAQUE]" },
	{ "10.0.0.0/8[tcp/opaque]", "10.0.0.0/8[tcp/opaque]", "10.0.0.0/8[tcp/OPAQUE]" },
	{ "10.0.0.0/8[tcp/opaque]", "10.0.0.0/8[tcp/80]", NULL },
	{ "2001:db8::/32", "2001:db8:1::/48[udp/53]", "2001:db8:1::/48[udp/domain]" },
	{ "dynamic", "10.0.0.0/8", NULL },
	{ "dynamic", "dynamic", NULL },
};

START_TEST(what_two_selectors_have_in_common)
{
	struct ike_selector a = selector(meetings[_i].a), b = selector(meetings[_i].b), s;
	bool any = ike_selector_intersect(&a, &b, &s);

	ck_assert_int_eq(any, meetings[_i].common != NULL);
	if (any) {
		ck_assert_str_eq(text_of(&s), meetings[_i].common);
		ck_assert(ike_selector_contains(&a, &s) && ike_selector_contains(&b, &s));
	}
	any = ike_selector_intersect(&b, &a, &s);
	ck_assert_int_eq(any, meetings[_i].common != NULL);
	if (any)
		ck_assert_str_eq(text_of(&s), meetings[_i].common);
}
END_TEST

START_TEST(a_dynamic_selector_becomes_the_hosts)
{
	struct ike_selector s = selector("dynamic[udp/4500]");
	struct ike_selector fixed = selector("10.0.0.0/8");
	struct address host;

	ck_assert(address_parse("2001:db8::1", &host));
	s = ike_selector_resolve(&s, &host);
	ck_assert_str_eq(text_of(&s), "2001:db8::1/128[udp/ipsec-nat-t]");
	ck_assert(ike_selector_is_host(&s, &host));
	s = ike_selector_resolve(&fixed, &host);
	ck_assert(ike_selector_equal(&s, &fixed));
	ck_assert(!ike_selector_is_host(&s, &host));
	ck_assert(!ike_selector_contains(&fixed, &(struct ike_selector){ .dynamic = true }));
}
END_TEST

START_TEST(prefixes_are_found_and_the_smallest_that_covers_otherwise)
{
	struct ike_selector s = selector("10.1.0.0/16");
	struct address network;
	char text[ADDRESS_TEXT_MAX];
	uint8_t length;

	ck_assert(ike_selector_prefix(&s, &network, &length));
	ck_assert_uint_eq(length, 16);
	s = selector("10.1.0.3-10.1.0.9");
	ck_assert(!ike_selector_prefix(&s, &network, &length));
	ck_assert_uint_eq(length, 28);
	ck_assert_str_eq(address_format(&network, text), "10.1.0.0");
	s = selector("::/0");
	ck_assert(ike_selector_prefix(&s, &network, &length));
	ck_assert_uint_eq(length, 0);
	ck_assert_uint_eq(network.family, AF_INET6);
	s = selector("2001:db8::ff/128");
	ck_assert(ike_selector_prefix(&s, &network, &length));
	ck_assert_uint_eq(length, 128);
	s = selector("dynamic");
	ck_assert(!ike_selector_prefix(&s, &network, &length));
	ck_assert_uint_eq(network.family, 0);
}
END_TEST

static size_t list_of(const char *const *texts, struct ike_selector *list)
{
	size_t count = 0;

	for (; texts[count]; count++)
		list[count] = selector(texts[count]);
	return count;
}

static void check_narrow(const char *const *ours, const char *const *theirs, const char *expected)
{
	struct ike_selector a[8], b[8], ret[8];
	char text[512];
	size_t count = ike_selectors_narrow(a, list_of(ours, a), b, list_of(theirs, b), ret, 8);

	ck_assert_str_eq(ike_selectors_format(ret, count, text, sizeof(text)), expected);
}

#define LIST(...) ((const char *const[]){ __VA_ARGS__, NULL })

START_TEST(narrowing_keeps_our_order_and_drops_what_is_contained)
{
	check_narrow(LIST("10.1.0.0/16", "10.2.0.0/16"), LIST("10.2.0.0/16", "10.1.0.0/16"),
		"10.1.0.0/16 10.2.0.0/16");
	check_narrow(
		LIST("10.1.0.0/16"), LIST("10.1.0.0/24", "10.1.0.0/16", "10.1.1.1"), "10.1.0.0/16");
	check_narrow(LIST("10.1.0.0/16"), LIST("10.1.0.0/16", "10.1.0.0/16"), "10.1.0.0/16");
	check_narrow(LIST("10.1.0.0/16", "2001:db8::/32"), LIST("0.0.0.0/0", "::/0"),
		"10.1.0.0/16 2001:db8::/32");
	/* RFC 7296 2.9: the packet's own selector, then the network */
	check_narrow(LIST("10.1.0.0/16"), LIST("10.1.0.5[tcp/80]", "10.0.0.0/8"), "10.1.0.0/16");
	check_narrow(LIST("10.1.0.0/16[tcp]", "10.1.0.0/16[udp]"), LIST("10.1.0.0/16"),
		"10.1.0.0/16[tcp] 10.1.0.0/16[udp]");
	check_narrow(LIST("10.1.0.0/16"), LIST("10.2.0.0/16"), "");
}
END_TEST

START_TEST(narrowing_stays_in_its_room)
{
	struct ike_selector ours = selector("0.0.0.0/0");
	struct ike_selector theirs[4] = { selector("10.0.0.1"), selector("10.0.0.3"),
		selector("10.0.0.5"), selector("10.0.0.0/24") };
	struct ike_selector ret[3];

	memset(&ret[2], 0x5a, sizeof(ret[2]));
	ck_assert_uint_eq(ike_selectors_narrow(&ours, 1, theirs, 3, ret, 2), 2);
	ck_assert_uint_eq(ret[2].family, 0x5a);
	ck_assert_uint_eq(ike_selectors_narrow(&ours, 1, theirs, 4, ret, 2), 1);
	ck_assert_uint_eq(ike_selectors_narrow(&ours, 1, theirs, 4, ret, 0), 0);
}
END_TEST

START_TEST(a_list_is_cut_to_fit)
{
	struct ike_selector list[2] = { selector("10.1.0.0/16"), selector("10.2.0.0/16") };
	char text[16];

	for (size_t size = 1; size <= sizeof(text); size++) {
		ike_selectors_format(list, 2, text, size);
		ck_assert_uint_lt(strlen(text), size);
	}
	ck_assert_str_eq(ike_selectors_format(list, 0, text, sizeof(text)), "");
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof(*(array))))

int main(void)
{
	Suite *suite = suite_create("selector");
	TCase *tests = tcase_create("selector");

	tcase_add_loop_test(tests, selectors_print_as_strongswan_prints_them, 0, COUNT(forms));
	tcase_add_loop_test(tests, a_printed_selector_can_be_read_again, 0, COUNT(forms));
	tcase_add_loop_test(tests, bad_selectors_are_refused_with_a_reason, 0, COUNT(bad));
	tcase_add_test(tests, a_selector_of_any_length_is_refused_or_read);
	tcase_add_loop_test(tests, what_two_selectors_have_in_common, 0, COUNT(meetings));
	tcase_add_test(tests, a_dynamic_selector_becomes_the_hosts);
	tcase_add_test(tests, prefixes_are_found_and_the_smallest_that_covers_otherwise);
	tcase_add_test(tests, narrowing_keeps_our_order_and_drops_what_is_contained);
	tcase_add_test(tests, narrowing_stays_in_its_room);
	tcase_add_test(tests, a_list_is_cut_to_fit);
	suite_add_tcase(suite, tests);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
