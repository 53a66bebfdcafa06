/* Virtual addresses: moon asks, sun has pools. */
#include "libike/virtual.h"
#include "testing/unit/engine/duo.h"

#include <stdlib.h>

#define PATIENCE IKE_SECONDS(400)

static struct duo begin(const char *vips, const char *pools)
{
	struct duo d = duo_begin(false);

	d.moon_side.vips = vips;
	d.sun_side.pools = pools;
	d.moon_side.children[0].local_ts = NULL;
	d.sun_side.children[0].remote_ts = NULL;
	return d;
}

static struct duo started(const char *vips)
{
	struct duo d = begin(vips, "rw");

	duo_start(&d);
	sim_node_pool(d.sun, "rw", "10.3.0.0/28", "10.2.0.53");
	return d;
}

static const struct ike_sa *first_sa(const struct sim_node *n)
{
	const struct ike_sa *sa = ike_engine_sa_next(n->engine, NULL);

	ck_assert_ptr_nonnull(sa);
	return sa;
}

static void expect_installed(const struct sim_node *n, const char *address)
{
	char text[ADDRESS_TEXT_MAX];

	ck_assert_str_eq(sim_node_virtual(n, text), address);
}

static void expect_leases(const struct duo *d, unsigned online, unsigned offline)
{
	const struct ike_pool *pool = ike_pools_find(ike_engine_pools(d->sun->engine), "rw");

	ck_assert_uint_eq(ike_pool_online(pool), online);
	ck_assert_uint_eq(ike_pool_offline(pool), offline);
}

static void expect_selectors(const struct ike_child *child, const char *local, const char *remote)
{
	char text[256];

	ck_assert_str_eq(ike_selectors_format(
				 ike_child_local(child), child->local_count, text, sizeof(text)),
		local);
	ck_assert_str_eq(ike_selectors_format(
				 ike_child_remote(child), child->remote_count, text, sizeof(text)),
		remote);
}

static void settle(struct duo *d)
{
	sim_world_settle(d->world, d->world->now + PATIENCE);
}

START_TEST(an_address_of_the_pool_becomes_the_clients)
{
	struct duo d = started("0.0.0.0");
	struct address dns;

	duo_up(&d, d.moon, "net");
	expect_installed(d.moon, "10.3.0.1");
	expect_leases(&d, 1, 0);
	expect_selectors(first_sa(d.moon)->children, "10.3.0.1/32", "10.2.0.0/16");
	expect_selectors(first_sa(d.sun)->children, "10.2.0.0/16", "10.3.0.1/32");
	ck_assert_uint_eq(first_sa(d.moon)->virtual->attributes.count, 1);
	ck_assert(ike_attribute_address(&first_sa(d.moon)->virtual->attributes.items[0], &dns));
	ck_assert_uint_eq(dns.octets[3], 53);
	duo_down(&d, d.moon);
	expect_installed(d.moon, "");
	expect_leases(&d, 0, 1);
	duo_up(&d, d.moon, "net");
	expect_installed(d.moon, "10.3.0.1");
	duo_end(&d);
}
END_TEST

START_TEST(a_wish_is_granted)
{
	struct duo d = started("10.3.0.9");

	duo_up(&d, d.moon, "net");
	expect_installed(d.moon, "10.3.0.9");
	duo_end(&d);
}
END_TEST

START_TEST(both_families_are_possible)
{
	struct duo d = begin("0.0.0.0, ::", "rw, six");

	d.moon_side.children[0].remote_ts = d.sun_side.children[0].local_ts =
		"10.2.0.0/16, 2001:db8:2::/48";
	duo_start(&d);
	sim_node_pool(d.sun, "rw", "10.3.0.0/28", NULL);
	sim_node_pool(d.sun, "six", "2001:db8:3::/64", NULL);
	duo_up(&d, d.moon, "net");
	expect_installed(d.moon, "several");
	expect_selectors(first_sa(d.moon)->children, "10.3.0.1/32 2001:db8:3::1/128",
		"10.2.0.0/16 2001:db8:2::/48");
	duo_end(&d);
}
END_TEST

START_TEST(one_of_two_is_enough)
{
	struct duo d = started("0.0.0.0, ::");

	duo_up(&d, d.moon, "net");
	expect_installed(d.moon, "10.3.0.1");
	expect_selectors(first_sa(d.sun)->children, "10.2.0.0/16", "10.3.0.1/32");
	duo_end(&d);
}
END_TEST

/* Without one the IKE SA is of no use, and the next attempt has to begin from the start. */
START_TEST(without_a_free_address_there_is_no_tunnel)
{
	struct duo d = begin("0.0.0.0", _i ? "none" : NULL);
	const struct sim_command *command;

	duo_start(&d);
	command = duo_initiate(&d, d.moon, "net");
	ck_assert(!command->done);
	ck_assert_ptr_nonnull(strstr(command->text, "INTERNAL_ADDRESS_FAILURE"));
	ck_assert_uint_eq(duo_ike_sas(d.moon), 0);
	settle(&d);
	ck_assert_uint_eq(duo_ike_sas(d.sun), 0);
	ck_assert(sim_node_logged(d.sun, "no virtual IP found for %any requested by "
					 "'moon.example.org'"));
	duo_end(&d);
}
END_TEST

/* Whoever has the pool is told how full it is; each version of IKE. */
START_TEST(how_full_pools_are_is_explained)
{
	struct duo d = _i == 1 ? duo_begin_ikev1(false) : begin("%any", "rw, none");
	const struct address any = { .family = AF_INET };
	struct ike_lease_request request = { .wanted = &any, .peer = &any };
	static const char *const names[] = { "rw" };
	struct why why;

	if (_i == 1) {
		d.moon_side.vips = "0.0.0.0";
		d.sun_side.pools = "rw, none";
		d.moon_side.children[0].local_ts = d.sun_side.children[0].remote_ts = NULL;
	}
	duo_start(&d);
	sim_node_pool(d.sun, "rw", "10.3.0.1", NULL);
	request.pools = (char *const *)names;
	request.pool_count = 1;
	request.identity = ike_identity_parse("carol", &why);
	struct ike_lease *lease =
		ike_pools_acquire(ike_engine_pools(d.sun->engine), &request, &why);
	ck_assert_ptr_nonnull(lease);
	ck_assert(!duo_initiate(&d, d.moon, "net")->done);
	ck_assert_str_eq(
		duo_last_failure(&d, d.sun)->ours, "rw: 1 of 1 addresses in use; none: not loaded");
	ck_assert(sim_node_logged(d.sun, "rw: 1 of 1 addresses in use"));
	ck_assert(ike_lease_release(lease));
	ike_identity_free(request.identity);
	settle(&d);
	duo_end(&d);
}
END_TEST

START_TEST(a_tunnel_that_should_be_up_asks_again)
{
	struct duo d = begin("0.0.0.0", "rw");

	d.moon_side.children[0].start_action = IKE_ACTION_START;
	d.moon_side.keys_for_ever = true;
	duo_start(&d);
	sim_world_run(d.world, d.world->now + IKE_SECONDS(60));
	ck_assert_uint_eq(duo_children(d.moon), 0);
	sim_node_pool(d.sun, "rw", "10.3.0.0/28", NULL);
	sim_world_run(d.world, d.world->now + IKE_SECONDS(600));
	expect_installed(d.moon, "10.3.0.1");
	ck_assert_uint_eq(duo_children(d.sun), 1);
	duo_end(&d);
}
END_TEST

START_TEST(who_does_not_ask_gets_no_child)
{
	struct duo d = started(NULL);
	const struct sim_command *command;

	command = duo_initiate(&d, d.moon, "net");
	ck_assert(!command->done);
	ck_assert_ptr_nonnull(strstr(command->text, "FAILED_CP_REQUIRED"));
	ck_assert_uint_eq(duo_ike_sas(d.moon), 1);
	ck_assert_uint_eq(duo_children(d.sun), 0);
	expect_leases(&d, 0, 0);
	duo_end(&d);
}
END_TEST

START_TEST(what_the_host_refuses_is_no_tunnel)
{
	struct duo d = started("0.0.0.0");
	const struct sim_command *command;

	d.moon->refuses_virtual = true;
	command = duo_initiate(&d, d.moon, "net");
	ck_assert(!command->done);
	ck_assert_ptr_nonnull(
		strstr(command->text, "installing virtual IP 10.3.0.1 failed: Address already"));
	settle(&d);
	ck_assert_uint_eq(duo_ike_sas(d.sun), 0);
	expect_leases(&d, 0, 1);
	duo_end(&d);
}
END_TEST

START_TEST(addresses_outlive_rekeying)
{
	struct duo d = started("0.0.0.0");
	struct sim_node *by = _i & 1 ? d.moon : d.sun;
	struct ike_rekey child = { .child = "net" }, ike = { .ike = duo_name(&d, by) };
	struct why why;

	duo_up(&d, d.moon, "net");
	ck_assert(sim_node_rekey(by, _i & 2 ? &child : &ike, &why));
	settle(&d);
	ck_assert(sim_node_rekey(by, _i & 2 ? &ike : &child, &why));
	settle(&d);
	ck_assert_uint_eq(duo_ike_sas(d.moon), 1);
	expect_installed(d.moon, "10.3.0.1");
	expect_leases(&d, 1, 0);
	expect_selectors(first_sa(d.moon)->children, "10.3.0.1/32", "10.2.0.0/16");
	ck_assert_uint_eq(duo_children(d.sun), 1);
	duo_down(&d, d.moon);
	expect_installed(d.moon, "");
	expect_leases(&d, 0, 1);
	duo_end(&d);
}
END_TEST

START_TEST(reauthentication_keeps_the_address)
{
	struct duo d = begin("0.0.0.0", "rw");
	struct ike_rekey what = { .ike = "sun", .reauth = true };
	uint32_t old;
	struct why why;

	d.moon->settings.make_before_break = _i;
	duo_start(&d);
	sim_node_pool(d.sun, "rw", "10.3.0.0/28", NULL);
	duo_up(&d, d.moon, "net");
	old = first_sa(d.moon)->unique_id;
	ck_assert(sim_node_rekey(d.moon, &what, &why));
	settle(&d);
	ck_assert_uint_ne(first_sa(d.moon)->unique_id, old);
	ck_assert_uint_eq(duo_ike_sas(d.sun), 1);
	expect_installed(d.moon, "10.3.0.1");
	expect_leases(&d, 1, 0);
	ck_assert_uint_eq(duo_children(d.sun), 1);
	duo_end(&d);
}
END_TEST

/* Only who asks for addresses can begin anew. */
START_TEST(the_gateway_leaves_reauthentication_to_the_client)
{
	struct duo d = started("0.0.0.0");
	struct ike_rekey what = { .ike = "moon", .reauth = true };
	struct why why;

	duo_up(&d, d.moon, "net");
	ck_assert(sim_node_rekey(d.sun, &what, &why));
	settle(&d);
	ck_assert_uint_eq(duo_ike_sas(d.sun), 1);
	expect_installed(d.moon, "10.3.0.1");
	ck_assert(sim_node_logged(d.sun, "who has to reauthenticate it"));
	duo_end(&d);
}
END_TEST

START_TEST(who_comes_back_after_a_crash_has_its_address_again)
{
	struct duo d = started("0.0.0.0");
	struct why why;

	duo_up(&d, d.moon, "net");
	sim_node_crash(d.moon);
	sim_node_start(d.moon);
	sim_node_psk(d.moon, d.moon_psk, NULL);
	ck_assert(sim_node_load(d.moon, sim_define(&d.moon_side), &why));
	ck_assert(duo_initiate(&d, d.moon, "net")->done);
	settle(&d);
	expect_installed(d.moon, "10.3.0.1");
	expect_leases(&d, 1, 0);
	ck_assert_uint_eq(duo_ike_sas(d.sun), 1);
	duo_end(&d);
}
END_TEST

START_TEST(further_children_have_the_address_too)
{
	struct duo d = begin("0.0.0.0", "rw");

	for (int i = 0; i < 2; i++) {
		struct sim_definition *side = i ? &d.sun_side : &d.moon_side;

		side->children[1] = side->children[0];
		side->children[1].name = "web";
	}
	d.moon_side.children[1].remote_ts = "10.7.0.0/16";
	d.sun_side.children[1].local_ts = "10.7.0.0/16";
	duo_start(&d);
	sim_node_pool(d.sun, "rw", "10.3.0.0/28", NULL);
	duo_up(&d, d.moon, "net");
	duo_up(&d, d.moon, "web");
	ck_assert_uint_eq(duo_ike_sas(d.moon), 1);
	expect_selectors(first_sa(d.moon)->children->next, "10.3.0.1/32", "10.7.0.0/16");
	duo_end(&d);
}
END_TEST

/* As if a RADIUS server had let moon in. */
START_TEST(what_the_radius_server_says_comes_first)
{
	struct duo d = begin("0.0.0.0", "rw, radius");
	const struct address any = { .family = AF_INET }, any6 = { .family = AF_INET6 };
	struct address given;
	struct why why;
	struct ike_sa *sa;

	duo_start(&d);
	sim_node_pool(d.sun, "rw", "10.3.0.0/28", NULL);
	duo_up(&d, d.moon, "net");
	sa = (struct ike_sa *)first_sa(d.sun);
	sa->radius = calloc(1, sizeof(*sa->radius));
	ck_assert_ptr_nonnull(sa->radius);
	ck_assert(address_parse("10.9.0.7", &sa->radius->framed_ip));
	ck_assert(ike_virtual_give(d.sun->engine, sa, &any, &given));
	ck_assert(address_same_host(&given, &sa->radius->framed_ip));
	ck_assert(ike_virtual_give(d.sun->engine, sa, &any, &given)); /* once */
	ck_assert_uint_eq(given.octets[1], 3);
	ck_assert(!ike_virtual_give(d.sun->engine, sa, &any6, &given));
	ck_assert(address_parse("2001:db8:9::7", &sa->radius->framed_ip6));
	ck_assert(ike_virtual_give(d.sun->engine, sa, &any6, &given));
	ck_assert(address_same_host(&given, &sa->radius->framed_ip6));
	ck_assert(!ike_virtual_gives_server(sa));
	ck_assert(ike_attributes_add_text(&sa->radius->attributes, "dns", "10.9.0.53", &why));
	ck_assert(ike_virtual_gives_server(sa));
	ck_assert_ptr_eq(ike_virtual_attribute(sa, 0), &sa->radius->attributes.items[0]);
	ck_assert_ptr_null(ike_virtual_attribute(sa, 1));
	expect_leases(&d, 2, 0);
	duo_down(&d, d.moon);
	expect_leases(&d, 0, 2);
	duo_end(&d);
}
END_TEST

/* Names that mean something to strongSwan's plugins. */
START_TEST(pools_that_nobody_defines_are_explained_when_a_connection_is_loaded)
{
	struct duo d = duo_begin(false);

	d.moon_side.pools = _i & 1 ? "radius" : "dhcp";
	sim_node_start(d.moon);
	if (_i & 2)
		sim_node_pool(d.moon, d.moon_side.pools, "10.3.0.0/24", NULL);
	struct why why;
	ck_assert(sim_node_load(d.moon, sim_define(&d.moon_side), &why));
	ck_assert_int_eq(sim_node_logged(d.moon, "there is no DHCP"), _i == 0);
	ck_assert_int_eq(sim_node_logged(d.moon, "no RADIUS server is asked"), _i == 1);
	sim_node_crash(d.moon);
	duo_end(&d);
}
END_TEST

TCase *virtual_tests(void)
{
	TCase *tests = tcase_create("virtual");

	tcase_set_timeout(tests, 60);
	tcase_add_loop_test(
		tests, pools_that_nobody_defines_are_explained_when_a_connection_is_loaded, 0, 4);
	tcase_add_test(tests, an_address_of_the_pool_becomes_the_clients);
	tcase_add_test(tests, a_wish_is_granted);
	tcase_add_test(tests, both_families_are_possible);
	tcase_add_test(tests, one_of_two_is_enough);
	tcase_add_loop_test(tests, without_a_free_address_there_is_no_tunnel, 0, 2);
	tcase_add_loop_test(tests, how_full_pools_are_is_explained, 1, 3);
	tcase_add_test(tests, a_tunnel_that_should_be_up_asks_again);
	tcase_add_test(tests, who_does_not_ask_gets_no_child);
	tcase_add_test(tests, what_the_host_refuses_is_no_tunnel);
	tcase_add_loop_test(tests, addresses_outlive_rekeying, 0, 4);
	tcase_add_loop_test(tests, reauthentication_keeps_the_address, 0, 2);
	tcase_add_test(tests, the_gateway_leaves_reauthentication_to_the_client);
	tcase_add_test(tests, who_comes_back_after_a_crash_has_its_address_again);
	tcase_add_test(tests, further_children_have_the_address_too);
	tcase_add_test(tests, what_the_radius_server_says_comes_first);
	return tests;
}
