/* Networks behind clients: sun is the hub, moon one of its clients. */
#include "libike/eap/eap.h"
#include "libike/virtual.h"
#include "testing/unit/engine/duo.h"

#include <stdio.h>
#include <stdlib.h>

#define MOON "moon.example.org"

/* Both versions of IKE in turn, where a test is a loop of two. */
static struct duo begin(int version)
{
	struct duo d = version == 1 ? duo_begin_ikev1(false) : duo_begin(false);

	d.moon_side.children[0].local_ts = "10.100.2.0/24";
	d.moon_side.children[0].remote_ts = "10.100.0.0/24";
	d.sun_side.children[0].local_ts = "10.100.0.0/24,%clients";
	d.sun_side.children[0].remote_ts = "dynamic,%client";
	return d;
}

static void load(struct sim_node *n, const char *name, const char *id, const char *networks)
{
	struct why why = { "" };

	ck_assert_msg(sim_node_client(n, name, id, networks, &why), "%s", why.text);
}

static void start(struct duo *d)
{
	duo_start(d);
	load(d->sun, "moon", MOON, "10.100.2.0/24,fd00:2::/64");
	load(d->sun, "other", "other@example.org", "10.100.3.0/24,fd00:3::/64");
}

static void expect_selectors(const struct sim_node *n, const char *local, const char *remote)
{
	const struct ike_child *child = duo_sa(n)->children;
	char text[256];

	ck_assert_ptr_nonnull(child);
	ck_assert_str_eq(ike_selectors_format(
				 ike_child_local(child), child->local_count, text, sizeof(text)),
		local);
	ck_assert_str_eq(ike_selectors_format(
				 ike_child_remote(child), child->remote_count, text, sizeof(text)),
		remote);
}

START_TEST(a_clients_own_network_is_accepted)
{
	struct duo d = begin(_i);

	start(&d);
	duo_up(&d, d.moon, "net");
	expect_selectors(d.moon, "10.100.2.0/24", "10.100.0.0/24");
	expect_selectors(d.sun, "10.100.0.0/24", "10.100.2.0/24");
	duo_down(&d, d.moon);
	duo_end(&d);
}
END_TEST

START_TEST(another_clients_network_is_not)
{
	struct duo d = begin(_i);

	d.moon_side.children[0].local_ts = "10.100.3.0/24";
	start(&d);
	ck_assert(!duo_initiate(&d, d.moon, "net")->done);
	ck_assert_uint_eq(duo_children(d.sun), 0);
	duo_explains(d.sun, "moon", IKE_REASON_NO_SELECTORS,
		"of its side nothing is among the networks that `clients` has for it",
		"clients.NAME.networks");
	duo_end(&d);
}
END_TEST

/* What is asked for beside its own is cut off. */
START_TEST(of_a_wider_wish_its_own_part_is_given)
{
	struct duo d = begin(2);

	d.moon_side.children[0].local_ts = "10.100.0.0/16,fd00::/16";
	d.moon_side.children[0].remote_ts = "10.100.0.0/16,fd00::/16";
	start(&d);
	duo_up(&d, d.moon, "net");
	expect_selectors(
		d.moon, "10.100.2.0/24 fd00:2::/64", "10.100.0.0/24 10.100.3.0/24 fd00:3::/64");
	duo_end(&d);
}
END_TEST

START_TEST(who_is_no_client_has_nothing_behind_it)
{
	struct duo d = begin(_i);

	d.moon_side.children[0].local_ts = "10.100.2.0/24";
	duo_start(&d);
	load(d.sun, "other", "other@example.org", "10.100.2.0/24");
	ck_assert(!duo_initiate(&d, d.moon, "net")->done);
	ck_assert_uint_eq(duo_children(d.sun), 0);
	duo_end(&d);
}
END_TEST

/* IKEv1 has one pair: a child for each. */
START_TEST(a_plain_client_reaches_the_networks_of_the_others)
{
	struct duo d = begin(_i);

	d.moon_side.vips = "0.0.0.0";
	d.moon_side.children[0].local_ts = NULL;
	d.moon_side.children[0].remote_ts = _i == 1 ? "10.100.3.0/24" : "0.0.0.0/0";
	d.sun_side.pools = "rw";
	duo_start(&d);
	load(d.sun, "other", "other@example.org", "10.100.3.0/24");
	sim_node_pool(d.sun, "rw", "10.100.0.0/24", NULL);
	duo_up(&d, d.moon, "net");
	expect_selectors(
		d.moon, "10.100.0.1/32", _i == 1 ? "10.100.3.0/24" : "10.100.0.0/24 10.100.3.0/24");
	duo_end(&d);
}
END_TEST

/* By configuration payload or Mode Config. */
START_TEST(the_networks_of_the_others_are_announced)
{
	struct duo d = begin(_i);
	const struct ike_attributes *told;
	struct ike_selector network;
	char text[IKE_SELECTOR_TEXT_MAX];

	d.moon_side.vips = "0.0.0.0";
	d.sun_side.pools = "rw";
	d.moon_side.children[0].local_ts =
		_i == 1 ? "dynamic" : "dynamic,10.100.2.0/24,fd00:2::/64";
	start(&d);
	load(d.sun, "third", "third@example.org", "10.100.4.0/23");
	sim_node_pool(d.sun, "rw", "10.100.0.0/24", "10.100.0.53");
	duo_up(&d, d.moon, "net");
	told = &duo_sa(d.moon)->virtual->attributes;
	ck_assert_uint_eq(told->count, 4);
	for (size_t i = 1; i < told->count; i++) {
		static const char *const wanted[] = { NULL, "10.100.3.0/24", "10.100.4.0/23",
			"fd00:3::/64" };

		ck_assert(
			ike_virtual_subnet_of(told->items[i].type, told->items[i].value, &network));
		ck_assert_str_eq(ike_selector_format(&network, text), wanted[i]);
	}
	ck_assert(sim_node_logged(
		d.moon, "the gateway announces: 10.100.3.0/24 10.100.4.0/23 fd00:3::/64"));
	duo_end(&d);
}
END_TEST

/* Unity's word for several networks has those of the others, too. */
START_TEST(unity_names_the_networks_of_the_others)
{
	struct duo d = begin(1);

	d.moon->settings.cisco_unity = d.sun->settings.cisco_unity = true;
	d.moon_side.vips = "0.0.0.0";
	d.moon_side.children[0].local_ts = NULL;
	d.moon_side.children[0].remote_ts = "0.0.0.0/0";
	d.sun_side.pools = "rw";
	start(&d);
	sim_node_pool(d.sun, "rw", "10.100.0.0/24", NULL);
	duo_up(&d, d.moon, "net");
	expect_selectors(d.moon, "10.100.0.1/32", "10.100.0.0/24 10.100.3.0/24");
	expect_selectors(d.sun, "10.100.0.0/24 10.100.3.0/24", "10.100.0.1/32");
	duo_end(&d);
}
END_TEST

/* What a client asks for is given although there are more networks than one child can have. */
START_TEST(of_very_many_networks_those_that_are_asked_for_are_given)
{
	struct duo d = begin(2);
	char name[16], id[32], network[32];

	d.moon_side.children[0].remote_ts = _i ? "10.50.0.0/16" : "10.50.180.0/23";
	start(&d);
	for (unsigned i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "c%u", i);
		snprintf(id, sizeof(id), "c%u@example.org", i);
		snprintf(network, sizeof(network), "10.50.%u.0/24", 2 * i);
		load(d.sun, name, id, network);
	}
	duo_up(&d, d.moon, "net");
	if (_i)
		ck_assert_uint_eq(duo_sa(d.moon)->children->remote_count, 64);
	else
		expect_selectors(d.moon, "10.100.2.0/24", "10.50.180.0/24");
	ck_assert(sim_node_logged(d.sun, "has 64 selectors of a side") == _i);
	duo_end(&d);
}
END_TEST

/* ---- Who somebody is ---- */

static void moon_by_eap(void *context, struct ike_connection *c)
{
	struct ike_auth_round *round = context ? &c->remote.items[0] : &c->local.items[0];

	round->class = IKE_AUTH_CLASS_EAP;
	round->eap_method = IKE_EAP_METHOD_MSCHAPV2;
	round->eap_id = ike_identity_parse(context ? "%any" : "alice", NULL);
}

static struct duo start_eap(const char *client)
{
	static const char *const alice[] = { "alice", NULL };
	struct duo d = begin(2);

	d.moon_side.adjust = d.sun_side.adjust = moon_by_eap;
	d.sun_side.adjust_context = &d;
	d.moon_side.pubkey = d.sun_side.pubkey = true;
	d.moon_psk = d.sun_psk = NULL;
	duo_start(&d);
	sim_node_certify(d.sun, "sun.example.org");
	sim_node_certify(d.moon, MOON);
	sim_node_eap(d.moon, "of alice", alice);
	sim_node_eap(d.sun, "of alice", alice);
	load(d.sun, "moon", client, "10.100.2.0/24");
	return d;
}

START_TEST(a_client_is_whom_eap_proved)
{
	struct duo d = start_eap("alice");

	duo_up(&d, d.moon, "net");
	expect_selectors(d.sun, "10.100.0.0/24", "10.100.2.0/24");
	duo_end(&d);
}
END_TEST

/* With EAP the identity of IKE is only said. */
START_TEST(a_client_is_not_whom_it_says_to_be)
{
	struct duo d = start_eap(MOON);

	ck_assert(!duo_initiate(&d, d.moon, "net")->done);
	ck_assert_uint_eq(duo_children(d.sun), 0);
	duo_end(&d);
}
END_TEST

static void moon_by_xauth(void *context, struct ike_connection *c)
{
	struct ike_auth_rounds *rounds = context ? &c->remote : &c->local;

	ck_assert(ike_auth_rounds_add(rounds, IKE_AUTH_CLASS_XAUTH, NULL));
	if (!context)
		rounds->items[rounds->count - 1].xauth_id = ike_identity_parse("alice", NULL);
}

START_TEST(a_client_is_whom_xauth_proved)
{
	static const char *const alice[] = { "alice", NULL };
	struct duo d = begin(1);

	d.moon_side.adjust = d.sun_side.adjust = moon_by_xauth;
	d.sun_side.adjust_context = &d;
	duo_start(&d);
	sim_node_eap(d.moon, "of alice", alice);
	sim_node_eap(d.sun, "of alice", alice);
	load(d.sun, "alice", _i ? MOON : "alice", "10.100.2.0/24");
	ck_assert(duo_initiate(&d, d.moon, "net")->done == !_i);
	ck_assert_uint_eq(duo_children(d.sun), !_i);
	duo_end(&d);
}
END_TEST

/* ---- The hub begins ---- */

START_TEST(a_hub_that_initiates_asks_for_the_clients_networks)
{
	struct duo d = begin(_i);

	d.sun_side.children[0].local_ts = "10.100.0.0/24";
	d.sun_side.children[0].remote_ts = "%client";
	start(&d);
	duo_up(&d, d.sun, "net");
	expect_selectors(d.sun, "10.100.0.0/24", "10.100.2.0/24");
	duo_end(&d);
}
END_TEST

START_TEST(a_hub_without_that_client_begins_nothing)
{
	struct duo d = begin(_i);

	d.sun_side.children[0].remote_ts = "%client";
	duo_start(&d);
	ck_assert(!duo_initiate(&d, d.sun, "net")->done);
	duo_explains(d.sun, "moon", IKE_REASON_NO_SELECTORS, "`clients` has no networks",
		"clients.NAME.networks");
	ck_assert_uint_eq(duo_children(d.moon), 0);
	duo_end(&d);
}
END_TEST

/* ---- Reload ---- */

START_TEST(a_network_that_is_gone_stays_until_the_next_keys)
{
	struct duo d = begin(2);
	struct why why;
	const char *said;

	d.moon_side.children[0].local_ts = "10.100.2.0/24,10.100.5.0/24";
	start(&d);
	load(d.sun, "moon", MOON, "10.100.2.0/24,10.100.5.0/24");
	duo_up(&d, d.moon, "net");
	said = sim_node_client(d.sun, "moon", MOON, "10.100.2.0/24,10.100.6.0/24", &why);
	ck_assert_str_eq(said,
		"'moon.example.org' is connected (moon[1]), and has until its next keys: "
		"10.100.5.0/24, and may have with its next CHILD_SA: 10.100.6.0/24");
	ck_assert(sim_node_logged(d.sun, "updated client 'moon': 'moon.example.org' has "));
	expect_selectors(d.sun, "10.100.0.0/24", "10.100.2.0/24 10.100.5.0/24");
	ck_assert(duo_soft_expire(d.moon));
	duo_pass(&d, IKE_SECONDS(60));
	expect_selectors(d.sun, "10.100.0.0/24", "10.100.2.0/24");
	expect_selectors(d.moon, "10.100.2.0/24", "10.100.0.0/24");
	/* unchanged, or of somebody who is not there: nothing to say */
	said = sim_node_client(d.sun, "moon", MOON, "10.100.2.0/24,10.100.6.0/24", &why);
	ck_assert_str_eq(said, "");
	said = sim_node_client(d.sun, "other", "other@example.org", "10.100.7.0/24", &why);
	ck_assert_str_eq(said, "");
	duo_end(&d);
}
END_TEST

START_TEST(a_client_that_is_gone_or_renamed_is_told_of)
{
	struct duo d = begin(2);
	char changes[IKE_CLIENT_CHANGES_MAX];
	struct why why;

	start(&d);
	load(d.sun, "moon", MOON, "10.100.2.0/24");
	duo_up(&d, d.moon, "net");
	ck_assert_str_eq(sim_node_client(d.sun, "moon", "luna@example.org", "10.100.2.0/24", &why),
		"'moon.example.org' is connected (moon[1]), and has until its next keys: "
		"10.100.2.0/24");
	ck_assert_str_eq(sim_node_client(d.sun, "moon", MOON, "10.100.2.0/24", &why),
		"'moon.example.org' is connected (moon[1]), and may have with its next CHILD_SA: "
		"10.100.2.0/24");
	ck_assert(ike_engine_unload_client(d.sun->engine, "moon", changes));
	ck_assert_str_eq(changes,
		"'moon.example.org' is connected (moon[1]), and has until its next keys: "
		"10.100.2.0/24");
	ck_assert(!ike_engine_unload_client(d.sun->engine, "moon", changes));
	duo_end(&d);
}
END_TEST

/* ---- Words ---- */

START_TEST(words_are_read_and_written)
{
	static const char *const texts[] = { "%client", "%clients", "%clients[tcp/http]" };
	char text[IKE_SELECTOR_TEXT_MAX];
	struct ike_selector s;
	struct why why;

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		ck_assert(ike_selector_parse(texts[i], &s, &why));
		ck_assert_str_eq(ike_selector_format(&s, text), texts[i]);
	}
	ck_assert(!ike_selector_parse("%clientx", &s, &why));
}
END_TEST

START_TEST(protocols_and_ports_go_with_the_word)
{
	struct duo d = begin(2);

	d.moon_side.children[0].remote_ts = "0.0.0.0/0";
	d.sun_side.children[0].local_ts = "%clients[tcp/http]";
	start(&d);
	duo_up(&d, d.moon, "net");
	expect_selectors(d.moon, "10.100.2.0/24", "10.100.3.0/24[tcp/http]");
	duo_end(&d);
}
END_TEST

TCase *client_network_tests(void)
{
	TCase *t = tcase_create("networks behind clients");

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, a_clients_own_network_is_accepted, 1, 3);
	tcase_add_loop_test(t, another_clients_network_is_not, 1, 3);
	tcase_add_test(t, of_a_wider_wish_its_own_part_is_given);
	tcase_add_loop_test(t, who_is_no_client_has_nothing_behind_it, 1, 3);
	tcase_add_loop_test(t, a_plain_client_reaches_the_networks_of_the_others, 1, 3);
	tcase_add_loop_test(t, the_networks_of_the_others_are_announced, 1, 3);
	tcase_add_test(t, unity_names_the_networks_of_the_others);
	tcase_add_loop_test(t, of_very_many_networks_those_that_are_asked_for_are_given, 0, 2);
	tcase_add_test(t, a_client_is_whom_eap_proved);
	tcase_add_test(t, a_client_is_not_whom_it_says_to_be);
	tcase_add_loop_test(t, a_client_is_whom_xauth_proved, 0, 2);
	tcase_add_loop_test(t, a_hub_that_initiates_asks_for_the_clients_networks, 1, 3);
	tcase_add_loop_test(t, a_hub_without_that_client_begins_nothing, 1, 3);
	tcase_add_test(t, a_network_that_is_gone_stays_until_the_next_keys);
	tcase_add_test(t, a_client_that_is_gone_or_renamed_is_told_of);
	tcase_add_test(t, words_are_read_and_written);
	tcase_add_test(t, protocols_and_ports_go_with_the_word);
	return t;
}
