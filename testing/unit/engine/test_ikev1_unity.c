/* Cisco Unity: moon is the client, sun the gateway with several networks. */
#include "libike/ikev1/ikev1.h"
#include "libike/virtual.h"
#include "testing/unit/engine/duo.h"

static const struct ike_sa *the_sa(const struct sim_node *n)
{
	const struct ike_sa *sa = ike_engine_sa_next(n->engine, NULL);

	ck_assert_ptr_nonnull(sa);
	return sa;
}

/* unity: bit 0 moon speaks it, bit 1 sun. */
static struct duo begin(unsigned unity)
{
	struct duo d = duo_begin_ikev1(false);

	d.moon->settings.cisco_unity = unity & 1;
	d.sun->settings.cisco_unity = unity & 2;
	d.moon_side.vips = "0.0.0.0";
	d.sun_side.pools = "rw";
	d.moon_side.children[0].local_ts = NULL;
	d.moon_side.children[0].remote_ts = "0.0.0.0/0";
	d.sun_side.children[0].local_ts = "10.2.0.0/16,10.5.0.0/24,10.6.7.8/32";
	d.sun_side.children[0].remote_ts = NULL;
	return d;
}

static void load_pool(struct sim_node *n, const char *const *attributes)
{
	struct ike_attributes list = { 0 };
	struct ike_pool_addrs addrs;
	struct why why;

	for (; attributes && *attributes; attributes += 2)
		ck_assert_msg(ike_attributes_add_text(&list, attributes[0], attributes[1], &why),
			"%s", why.text);
	ck_assert(ike_pool_addrs_parse("10.3.0.0/28", &addrs, &why));
	ck_assert_int_ne(ike_pools_load(ike_engine_pools(n->engine), "rw", &addrs, &list, &why),
		IKE_POOL_FAILED);
}

static void start(struct duo *d, const char *const *attributes)
{
	duo_start(d);
	load_pool(d->sun, attributes);
}

static void expect_selectors(const struct sim_node *n, const char *local, const char *remote)
{
	const struct ike_child *child = the_sa(n)->children;
	char text[256];

	while (child && child->state != IKE_CHILD_INSTALLED)
		child = child->next;
	ck_assert_ptr_nonnull(child);
	ck_assert_str_eq(ike_selectors_format(
				 ike_child_local(child), child->local_count, text, sizeof(text)),
		local);
	ck_assert_str_eq(ike_selectors_format(
				 ike_child_remote(child), child->remote_count, text, sizeof(text)),
		remote);
}

#define NETWORKS "10.2.0.0/16 10.5.0.0/24 10.6.7.8/32"

/* Whoever rekeys, and whoever begins a new IKE SA. */
START_TEST(one_child_carries_all_networks)
{
	struct duo d = begin(3);
	struct ike_rekey what = { .ike = "sun", .reauth = true };
	struct why why;

	start(&d, NULL);
	duo_up(&d, d.moon, "net");
	for (int round = 0; round < 4; round++) {
		expect_selectors(d.moon, "10.3.0.1/32", NETWORKS);
		expect_selectors(d.sun, NETWORKS, "10.3.0.1/32");
		if (round < 2)
			ck_assert(duo_soft_expire(round ? d.moon : d.sun));
		else
			ck_assert(sim_node_rekey(d.moon, &what, &why));
		sim_world_run(d.world, d.world->now + IKE_SECONDS(400));
		ck_assert_uint_eq(duo_children(d.moon), 1);
		ck_assert_uint_eq(duo_children(d.sun), 1);
	}
	duo_down(&d, d.moon);
	duo_end(&d);
}
END_TEST

/* Without it one network is agreed on: the first. */
START_TEST(both_ends_have_to_speak_it)
{
	struct duo d = begin((unsigned)_i);

	start(&d, NULL);
	duo_up(&d, d.moon, "net");
	/* A responder says so to who has said so. */
	ck_assert(!the_sa(d.moon)->v1->peer_unity == !(_i == 3));
	ck_assert(!the_sa(d.sun)->v1->peer_unity == !(_i & 1));
	expect_selectors(d.moon, "10.3.0.1/32", "10.2.0.0/16");
	expect_selectors(d.sun, "10.2.0.0/16", "10.3.0.1/32");
	ck_assert_uint_eq(the_sa(d.moon)->virtual->attributes.count, 0);
	duo_end(&d);
}
END_TEST

/* The client's own definition has the last word about its policies. */
START_TEST(the_pools_networks_are_narrowed_by_the_clients)
{
	static const char *const split[] = { "split_include", "10.2.3.0/24", "split_include",
		"10.7.0.0/16", "28672", "Hello, and\nbehave", NULL };
	static const struct {
		const char *moon, *expected;
	} cases[] = {
		{ "0.0.0.0/0", "10.2.3.0/24 10.7.0.0/16" },
		{ "10.2.0.0/16", "10.2.3.0/24" },
		{ "10.2.3.9/32", "10.2.3.9/32" },
		{ "10.9.0.0/16", NULL },
	};
	struct duo d = begin(3);

	d.moon_side.children[0].remote_ts = cases[_i].moon;
	start(&d, split);
	if (!cases[_i].expected) {
		const struct sim_command *command = duo_initiate(&d, d.moon, "net");

		ck_assert(!command->done);
		ck_assert_ptr_nonnull(strstr(command->text, "UNITY_SPLIT_INCLUDE"));
		sim_world_run(d.world, d.world->now + IKE_SECONDS(100));
		ck_assert_uint_eq(duo_children(d.sun), 0);
		duo_end(&d);
		return;
	}
	duo_up(&d, d.moon, "net");
	expect_selectors(d.moon, "10.3.0.1/32", cases[_i].expected);
	expect_selectors(d.sun, NETWORKS, "10.3.0.1/32");
	ck_assert(sim_node_logged(d.moon, "the gateway's banner: Hello, and behave"));
	duo_end(&d);
}
END_TEST

static unsigned bypasses(const struct sim_node *n)
{
	unsigned count = 0;

	for (const struct sim_kernel_policies *p = n->kernel.policies; p; p = p->next)
		count += p->is.kind == IKE_POLICY_SHUNT ? p->is.remote_count : 0;
	return count;
}

/* Some leave the padding out; masks with holes and other lengths are no networks. */
START_TEST(malformed_networks_are_passed_over)
{
	static const char *const split[] = { "28676", "nonsense", "28676", "x", "28676",
		"10.7.0.0/16", "28678", "fourteen octets", NULL };
	struct duo d = begin(3);

	start(&d, split);
	duo_up(&d, d.moon, "net");
	expect_selectors(d.moon, "10.3.0.1/32", "10.7.0.0/16");
	ck_assert_uint_eq(bypasses(d.moon), 0);
	duo_end(&d);
}
END_TEST

/* LOCAL_LAN goes past the tunnel as long as the IKE SA is there, and is not the Internet. */
START_TEST(local_networks_pass_by)
{
	static const char *const split[] = { "split_exclude", "192.168.1.0/24", "split_exclude",
		"0.0.0.0/0", "split_exclude", "172.16.0.0/12", NULL };
	struct duo d = begin(3);
	struct ike_rekey what = { .ike = "sun", .reauth = true };
	struct why why;

	d.sun_side.children[0].local_ts = "0.0.0.0/0";
	start(&d, split);
	duo_up(&d, d.moon, "net");
	expect_selectors(d.moon, "10.3.0.1/32", "0.0.0.0/0");
	ck_assert_uint_eq(bypasses(d.moon), 2);
	ck_assert_uint_eq(bypasses(d.sun), 0);
	ck_assert(sim_node_logged(
		d.moon, "past the tunnel go (UNITY_LOCAL_LAN): 192.168.1.0/24 172.16.0.0/12"));
	ck_assert(sim_node_logged(d.moon, "UNITY_LOCAL_LAN 0.0.0.0/0 is not let past"));
	ck_assert(sim_node_rekey(d.moon, &what, &why));
	sim_world_run(d.world, d.world->now + IKE_SECONDS(400));
	ck_assert_uint_eq(duo_ike_sas(d.moon), 1);
	ck_assert_uint_eq(bypasses(d.moon), 2);
	duo_down(&d, d.moon);
	ck_assert_uint_eq(bypasses(d.moon), 0);
	duo_end(&d);
}
END_TEST

START_TEST(a_bypass_that_the_kernel_refuses_is_no_tunnel)
{
	static const char *const split[] = { "split_exclude", "192.168.1.0/24", NULL };
	struct duo d = begin(3);

	start(&d, split);
	d.moon->kernel.policies_fail = 1000;
	const struct sim_command *command = duo_initiate(&d, d.moon, "net");
	ck_assert(!command->done);
	ck_assert_ptr_nonnull(strstr(command->text, "UNITY_LOCAL_LAN"));
	ck_assert_uint_eq(duo_ike_sas(d.moon), 0);
	duo_end(&d);
}
END_TEST

TCase *ikev1_unity_tests(void)
{
	TCase *tests = tcase_create("ikev1_unity");

	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, one_child_carries_all_networks);
	tcase_add_loop_test(tests, both_ends_have_to_speak_it, 0, 3);
	tcase_add_loop_test(tests, the_pools_networks_are_narrowed_by_the_clients, 0, 4);
	tcase_add_test(tests, malformed_networks_are_passed_over);
	tcase_add_test(tests, local_networks_pass_by);
	tcase_add_test(tests, a_bypass_that_the_kernel_refuses_is_no_tunnel);
	return tests;
}
