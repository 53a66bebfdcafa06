/* Split DNS (RFC 8598, Cisco Unity): moon is the client, sun has a pool. */
#include "libike/virtual.h"
#include "testing/unit/engine/duo.h"

#include <stdio.h>

static void load_pool(struct sim_node *n, const char *const *attributes)
{
	struct ike_attributes list = { 0 };
	struct ike_pool_addrs addrs;
	struct why why;

	for (; *attributes; attributes += 2)
		ck_assert_msg(ike_attributes_add_text(&list, attributes[0], attributes[1], &why),
			"%s", why.text);
	ck_assert(ike_pool_addrs_parse("10.3.0.0/28", &addrs, &why));
	ck_assert_int_ne(ike_pools_load(ike_engine_pools(n->engine), "rw", &addrs, &list, &why),
		IKE_POOL_FAILED);
}

static struct duo begin(unsigned version, const char *const *attributes)
{
	struct duo d = version == 1 ? duo_begin_ikev1(false) : duo_begin(false);

	d.moon->settings.cisco_unity = d.sun->settings.cisco_unity = version == 1;
	d.moon_side.vips = "0.0.0.0";
	d.sun_side.pools = "rw";
	d.moon_side.children[0].local_ts = d.sun_side.children[0].remote_ts = NULL;
	duo_start(&d);
	load_pool(d.sun, attributes);
	return d;
}

/* All of them, with spaces between. */
static const char *domains_of(const struct sim_node *n)
{
	static char text[4096];
	char name[IKE_DOMAIN_TEXT_MAX];
	const struct ike_virtual *v = duo_only_sa(n)->virtual;
	size_t used = 0;

	*text = '\0';
	for (size_t i = 0; ike_virtual_dns_domain(v, i, name); i++)
		used += (size_t)snprintf(
			text + used, sizeof(text) - used, "%s%s", i ? " " : "", name);
	return text;
}

static size_t servers_of(const struct sim_node *n)
{
	struct address server;
	size_t count = 0;

	while (ike_virtual_dns_server(duo_only_sa(n)->virtual, count, &server))
		count++;
	return count;
}

/* Of whichever version, and again after reauthentication. */
START_TEST(the_pools_domains_are_the_clients)
{
	static const char *const attributes[] = { "dns", "10.2.0.53", "split_dns", "example.org",
		"25", "Corp.Example.", "dns", "10.2.0.54", NULL };
	struct ike_rekey what = { .ike = "sun", .reauth = true };
	struct duo d = begin((unsigned)_i, attributes);
	struct why why;

	duo_up(&d, d.moon, "net");
	ck_assert_str_eq(domains_of(d.moon), "example.org corp.example");
	ck_assert_uint_eq(servers_of(d.moon), 2);
	ck_assert(sim_node_logged(d.moon, "the peer's DNS servers: 10.2.0.53 10.2.0.54, "
					  "for names in example.org corp.example"));
	ck_assert(sim_node_rekey(d.moon, &what, &why));
	sim_world_settle(d.world, d.world->now + IKE_SECONDS(400));
	ck_assert_str_eq(domains_of(d.moon), "example.org corp.example");
	ck_assert_uint_eq(servers_of(d.moon), 2);
	duo_end(&d);
}
END_TEST

/* They would say nothing (RFC 8598 3.2). */
START_TEST(domains_without_a_server_are_not_told)
{
	static const char *const attributes[] = { "split_dns", "example.org", NULL };
	struct duo d = begin((unsigned)_i, attributes);

	duo_up(&d, d.moon, "net");
	ck_assert_uint_eq(duo_only_sa(d.moon)->virtual->attributes.count, 0);
	duo_end(&d);
}
END_TEST

/* More than there is room for; each is told once. */
START_TEST(many_domains_are_bounded)
{
	char name[IKE_DOMAIN_TEXT_MAX];
	struct ike_attributes list = { 0 };
	struct ike_pool_addrs addrs;
	struct why why = { "" };
	unsigned count = 0;
	static const char *const attributes[] = { "dns", "10.2.0.53", NULL };
	struct duo d = begin((unsigned)_i, attributes);

	ck_assert(ike_attributes_add_text(&list, "dns", "10.2.0.53", &why));
	do {
		snprintf(name, sizeof(name), "d%u.%.*s.%.*s.example", count++, 60,
			"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 60,
			"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb");
	} while (ike_attributes_add_text(&list, "split_dns", name, &why));
	ck_assert_str_eq(why.text, "there are too many");
	ck_assert_uint_eq(list.count, IKE_ATTRIBUTES_MAX);
	ck_assert(ike_pool_addrs_parse("10.3.0.0/28", &addrs, &why));
	ck_assert_int_ne(ike_pools_load(ike_engine_pools(d.sun->engine), "rw", &addrs, &list, &why),
		IKE_POOL_FAILED);
	duo_up(&d, d.moon, "net");
	for (count = 0; ike_virtual_dns_domain(duo_only_sa(d.moon)->virtual, count, name);)
		count++;
	if (_i == 2)
		ck_assert_uint_gt(count, 50);
	else
		ck_assert_uint_gt(count, 0);
	duo_end(&d);
}
END_TEST

/* Unity's list, as others write it: with spaces, a zero at the end; and what is no name in it. */
START_TEST(what_a_gateway_says_is_looked_at)
{
	static const struct {
		const char *said, *kept;
	} cases[] = {
		{ "example.org, corp.example,example.org", "example.org corp.example" },
		{ ",, ,", "" },
		{ "example.org,$(reboot),a b", "example.org a b" },
		{ "example.org\n.example", "" },
		{ "", "" },
	};
	const char *const attributes[] = { "dns", "10.2.0.53", "28675", cases[_i].said, NULL };
	struct duo d = begin(1, attributes);

	duo_up(&d, d.moon, "net");
	ck_assert_str_eq(domains_of(d.moon), cases[_i].kept);
	ck_assert(!sim_node_logged(d.moon, "reboot"));
	duo_end(&d);
}
END_TEST

/* A server that is nobody, or this host itself, is passed over; so is what is no address. */
START_TEST(servers_that_cannot_be_are_passed_over)
{
	static const char *const attributes[] = { "dns", "127.0.0.53", "dns", "224.0.0.1", "3",
		"no address", "dns", "0.0.0.0", "dns", "10.2.0.53", "dns", "10.2.0.53", "dns",
		"::1", NULL };
	struct duo d = begin((unsigned)_i, attributes);

	duo_up(&d, d.moon, "net");
	ck_assert_uint_eq(servers_of(d.moon), 1);
	ck_assert(sim_node_logged(d.moon, "the peer's DNS server 127.0.0.53 cannot be one"));
	ck_assert(sim_node_logged(d.moon, "configuration attribute 3 of the peer's is malformed"));
	duo_end(&d);
}
END_TEST

static bool reads(const char *text, const char *expected)
{
	char name[IKE_DOMAIN_TEXT_MAX];

	return ike_domain_read(bytes_of_text(text), name) && strcmp(name, expected) == 0;
}

START_TEST(names_are_names)
{
	static const char *const bad[] = { "", ".", "..", ".example.org", "example..org",
		"example.org..", "-a.example", "a-.example", "a b", "a,b", "~example.org", "a/b",
		"*.example.org", "10.2.0.53", "2.10", "exämple.org", "a;b", "$(reboot)", "`a`",
		"a\n", "a\tb", "a'b", "a\"b", "a\\b",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example" };
	char text[256] = "", name[IKE_DOMAIN_TEXT_MAX];

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ck_assert_msg(!ike_domain_read(bytes_of_text(bad[i]), name), "'%s'", bad[i]);
	ck_assert(!ike_domain_read(bytes_of("a\0b", 3), name));
	ck_assert(reads("example.org", "example.org"));
	ck_assert(reads("EXAMPLE.org.", "example.org"));
	ck_assert(reads("corp", "corp"));
	ck_assert(reads("_sip._tcp.xn--exmple-cua.org", "_sip._tcp.xn--exmple-cua.org"));
	ck_assert(reads("2.10.in-addr.arpa", "2.10.in-addr.arpa"));
	for (size_t i = 0; i < 253; i++) /* the longest */
		text[i] = i % 2 ? '.' : 'a';
	ck_assert(reads(text, text));
	text[253] = 'a';
	ck_assert(!ike_domain_read(bytes_of_text(text), name));
}
END_TEST

TCase *split_dns_tests(void)
{
	TCase *tests = tcase_create("split_dns");

	tcase_set_timeout(tests, 60);
	tcase_add_loop_test(tests, the_pools_domains_are_the_clients, 1, 3);
	tcase_add_loop_test(tests, domains_without_a_server_are_not_told, 1, 3);
	tcase_add_loop_test(tests, many_domains_are_bounded, 1, 3);
	tcase_add_loop_test(tests, what_a_gateway_says_is_looked_at, 0, 5);
	tcase_add_loop_test(tests, servers_that_cannot_be_are_passed_over, 1, 3);
	tcase_add_test(tests, names_are_names);
	return tests;
}
