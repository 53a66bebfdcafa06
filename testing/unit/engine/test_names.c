/* Names and several addresses in remote_addrs. */
#include "libike/wire/message.h"
#include "testing/unit/engine/duo.h"

static void pass(struct duo *d, int seconds)
{
	sim_world_run(d->world, d->world->now + IKE_SECONDS(seconds));
}

static void set_name(struct duo *d, const char *name, const char *address)
{
	struct sim_name *n = sim_network_name(d->world, name);

	n->count = address ? 1 : 0;
	if (address)
		ck_assert(address_parse(address, &n->addresses[0]));
}

static struct duo begin(const char *remote)
{
	struct duo d = duo_begin(false);

	d.sun_side.remote_addrs = remote;
	d.sun_side.dpd_delay = 30;
	d.sun_side.children[0].dpd_action = IKE_ACTION_START;
	return d;
}

START_TEST(a_name_is_resolved_and_initiated_to)
{
	struct duo d = begin("moon.example.org");
	const struct sim_command *command;
	struct why why;

	set_name(&d, "moon.example.org", "192.0.2.1");
	duo_start(&d);
	/* At once, when its address is not known yet. */
	command = sim_node_initiate(d.sun, "moon", "net", &why);
	ck_assert_ptr_nonnull(command);
	pass(&d, 5);
	ck_assert(command->done);
	ck_assert_uint_eq(duo_children(d.moon), 1);
	duo_end(&d);
}
END_TEST

START_TEST(a_name_without_an_address_is_a_failure_that_says_so)
{
	struct duo d = begin("moon.example.org");
	const struct sim_command *command;
	struct why why;

	set_name(&d, "moon.example.org", NULL);
	if (_i)
		sim_network_name(d.world, "moon.example.org")->silent = true;
	duo_start(&d);
	command = sim_node_initiate(d.sun, "moon", "net", &why);
	pass(&d, 60);
	ck_assert(command->answers == 1 && !command->done);
	ck_assert_ptr_nonnull(strstr(command->text, "no address for 'moon.example.org'"));
	ck_assert_uint_eq(duo_ike_sas(d.sun), 0);
	duo_end(&d);
}
END_TEST

START_TEST(what_is_wanted_comes_up_when_its_name_gets_an_address)
{
	struct duo d = begin("moon.example.org");

	set_name(&d, "moon.example.org", NULL);
	d.sun_side.children[0].start_action = IKE_ACTION_START;
	duo_start(&d);
	pass(&d, 600);
	ck_assert_uint_eq(duo_children(d.sun), 0);
	set_name(&d, "moon.example.org", "192.0.2.1");
	pass(&d, 90);
	ck_assert_uint_eq(duo_children(d.sun), 1);
	duo_end(&d);
}
END_TEST

START_TEST(a_trap_is_installed_when_its_name_has_an_address)
{
	struct duo d = begin("moon.example.org");

	set_name(&d, "moon.example.org", NULL);
	d.sun_side.children[0].start_action = IKE_ACTION_TRAP;
	duo_start(&d);
	pass(&d, 10);
	ck_assert_ptr_null(ike_engine_trap(d.sun->engine, 0));
	set_name(&d, "moon.example.org", "192.0.2.1");
	pass(&d, 90);
	ck_assert_ptr_nonnull(ike_engine_trap(d.sun->engine, 0));
	duo_end(&d);
}
END_TEST

/* The peer's record moved: when it is silent, the name is asked for again. */
START_TEST(a_name_that_moved_is_followed_when_the_peer_is_silent)
{
	struct duo d = begin("moon.example.org");

	set_name(&d, "moon.example.org", "2001:db8::1");
	d.moon_side.remote_addrs = "%any";
	d.sun_side.children[0].start_action = IKE_ACTION_START;
	d.sun_side.keys_for_ever = _i;
	duo_start(&d);
	pass(&d, 10);
	ck_assert_int_eq(duo_only_sa(d.sun)->remote.family, AF_INET6);
	/* moon has only its other address now. */
	sim_node_crash(d.moon);
	d.moon->address[1].family = 0;
	sim_node_start(d.moon);
	sim_node_psk(d.moon, d.moon_psk, NULL);
	ck_assert(sim_node_load(d.moon, sim_define(&d.moon_side), &(struct why){ "" }));
	set_name(&d, "moon.example.org", "192.0.2.1");
	pass(&d, 300);
	ck_assert_int_eq(duo_only_sa(d.sun)->remote.family, AF_INET);
	ck_assert_uint_eq(duo_children(d.sun), 1);
	duo_end(&d);
}
END_TEST

START_TEST(several_addresses_are_tried_in_turn_and_the_one_that_works_is_kept)
{
	struct duo d = begin("192.0.2.77, 192.0.2.78, 192.0.2.1");
	const struct sim_command *command;
	struct why why;

	duo_start(&d);
	command = sim_node_initiate(d.sun, "moon", "net", &why);
	pass(&d, 60); /* not three times 165 seconds */
	ck_assert(command->done);
	duo_down(&d, d.sun);
	command = sim_node_initiate(d.sun, "moon", "net", &why);
	pass(&d, 1);
	ck_assert(command->done);
	duo_end(&d);
}
END_TEST

START_TEST(addresses_of_names_and_hosts_are_tried_as_well)
{
	struct duo d = begin("192.0.2.77, moon.example.org");
	const struct sim_command *command;
	struct sim_name *name = sim_network_name(d.world, "moon.example.org");
	struct why why;

	name->count = 2;
	ck_assert(address_parse("192.0.2.78", &name->addresses[0]));
	ck_assert(address_parse("192.0.2.1", &name->addresses[1]));
	duo_start(&d);
	command = sim_node_initiate(d.sun, "moon", "net", &why);
	pass(&d, 60);
	ck_assert(command->done);
	duo_end(&d);
}
END_TEST

START_TEST(keyingtries_counts_rounds_over_all_addresses)
{
	struct duo d = begin("192.0.2.77, 192.0.2.78");
	const struct sim_command *command;
	struct why why;

	d.sun_side.keyingtries = 2;
	duo_start(&d);
	command = sim_node_initiate(d.sun, "moon", "net", &why);
	/* Twice, and as long as with one address: they take turns. */
	pass(&d, 320);
	ck_assert_uint_eq(command->answers, 0);
	pass(&d, 20);
	ck_assert(command->answers == 1 && !command->done);
	duo_end(&d);
}
END_TEST

START_TEST(as_responder_a_name_matches_what_it_resolves_to)
{
	struct duo d = begin("192.0.2.1");
	const struct sim_command *command;
	struct why why;

	d.moon_side.remote_addrs = "sun.example.org";
	set_name(&d, "sun.example.org", "192.0.2.200");
	duo_start(&d);
	pass(&d, 20);
	command = sim_node_initiate(d.sun, "moon", "net", &why);
	pass(&d, 5);
	ck_assert(command->answers == 1 && !command->done);
	/* It moved meanwhile: a stranger that fits nothing makes us ask. */
	set_name(&d, "sun.example.org", "192.0.2.2");
	pass(&d, 20);
	(void)sim_node_initiate(d.sun, "moon", "net", &why);
	pass(&d, 5);
	command = sim_node_initiate(d.sun, "moon", "net", &why);
	pass(&d, 5);
	ck_assert(command->done);
	duo_end(&d);
}
END_TEST

TCase *name_tests(void)
{
	TCase *tests = tcase_create("names");

	tcase_add_test(tests, a_name_is_resolved_and_initiated_to);
	tcase_add_loop_test(tests, a_name_without_an_address_is_a_failure_that_says_so, 0, 2);
	tcase_add_test(tests, what_is_wanted_comes_up_when_its_name_gets_an_address);
	tcase_add_test(tests, a_trap_is_installed_when_its_name_has_an_address);
	tcase_add_loop_test(tests, a_name_that_moved_is_followed_when_the_peer_is_silent, 0, 2);
	tcase_add_test(tests, several_addresses_are_tried_in_turn_and_the_one_that_works_is_kept);
	tcase_add_test(tests, addresses_of_names_and_hosts_are_tried_as_well);
	tcase_add_test(tests, keyingtries_counts_rounds_over_all_addresses);
	tcase_add_test(tests, as_responder_a_name_matches_what_it_resolves_to);
	return tests;
}
