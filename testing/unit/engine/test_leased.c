/* The pool `dhcp`: moon asks, sun's host asks a DHCP server, which the test plays. */
#include "libike/engine_priv.h"
#include "libike/virtual.h"
#include "testing/unit/engine/duo.h"

#include <stdlib.h>

#define DELAY IKE_SECONDS(2)
#define PATIENCE IKE_SECONDS(400)

/* What sun's host does, and what it was asked. */
static struct {
	const char *address; /* NULL: error */
	const char *error;
	bool silent;
	bool refuses; /* it cannot even be asked */
	unsigned asked, returned;
	uint64_t last_ticket;
	struct address wanted;
	char peer[IKE_IDENTITY_TEXT_MAX];
} server;

static void answer(struct sim_world *w, void *context, uint64_t ticket)
{
	struct ike_attributes attributes = { 0 };
	struct ike_leased_answer a = { .attributes = &attributes, .error = server.error };
	struct sim_node *n = context;
	struct why why = { "" };

	(void)w;
	if (server.address) {
		a.error = NULL;
		ck_assert(address_parse(server.address, &a.address));
		ck_assert(ike_attributes_add_text(&attributes, "dns", "10.2.0.53", &why));
	}
	sim_node_enter(n);
	ike_engine_leased(n->engine, sim_node_now(n), ticket, &a);
	sim_node_leave(n);
	ike_attributes_free(&attributes);
}

static bool host_lease(void *context, const struct ike_lease_wish *what, uint64_t ticket)
{
	struct sim_node *n = context;

	server.asked++;
	server.last_ticket = ticket;
	server.wanted = what->wanted;
	ike_identity_format(what->peer, server.peer);
	if (!server.silent && !server.refuses)
		sim_world_plan(n->world, n->world->now + DELAY, answer, n, ticket);
	return !server.refuses;
}

static void host_lease_return(void *context, uint64_t ticket)
{
	(void)context;
	(void)ticket;
	server.returned++;
}

/* bits of how: IKEv1, and that it pushes. */
enum { IKEV1 = 1, PUSHES = 2 };

static void adjust(void *context, struct ike_connection *c)
{
	c->pull = !(*(int *)context & PUSHES);
}

static struct duo begin(int *how, const char *pools, const char *address)
{
	struct duo d = *how & IKEV1 ? duo_begin_ikev1(false) : duo_begin(false);

	memset(&server, 0, sizeof(server));
	server.address = address;
	server.error = "no DHCP server answers";
	d.moon_side.vips = "0.0.0.0";
	d.sun_side.pools = pools;
	d.moon_side.children[0].local_ts = NULL;
	d.sun_side.children[0].remote_ts = NULL;
	d.moon_side.adjust = d.sun_side.adjust = adjust;
	d.moon_side.adjust_context = d.sun_side.adjust_context = how;
	duo_start(&d);
	d.sun->engine->host.lease = host_lease;
	d.sun->engine->host.lease_return = host_lease_return;
	return d;
}

static void expect_installed(const struct sim_node *n, const char *address)
{
	char text[ADDRESS_TEXT_MAX];

	ck_assert_str_eq(sim_node_virtual(n, text), address);
}

START_TEST(an_address_of_the_dhcp_server_becomes_the_clients)
{
	struct duo d = begin(&_i, "dhcp", "10.2.0.77");
	struct address dns;

	duo_up(&d, d.moon, "net");
	expect_installed(d.moon, "10.2.0.77");
	ck_assert(ike_virtual_dns_server(duo_only_sa(d.moon)->virtual, 0, &dns));
	ck_assert_uint_eq(dns.octets[3], 53);
	ck_assert_str_eq(server.peer, "moon.example.org");
	ck_assert(address_is_any(&server.wanted));
	ck_assert_uint_eq(server.asked, 1);
	ck_assert_uint_eq(server.returned, 0);
	duo_down(&d, d.moon);
	expect_installed(d.moon, "");
	ck_assert_uint_eq(server.returned, 1);
	duo_end(&d);
}
END_TEST

START_TEST(rekeying_keeps_the_lease)
{
	struct duo d = begin(&_i, "dhcp", "10.2.0.77");
	const struct ike_rekey rekey = { .ike = "moon" };
	struct why why;
	size_t count;

	duo_up(&d, d.moon, "net");
	sim_node_enter(d.sun);
	ck_assert(ike_engine_rekey(d.sun->engine, sim_node_now(d.sun), &rekey, &count, &why));
	sim_node_leave(d.sun);
	duo_pass(&d, IKE_SECONDS(60));
	ck_assert_uint_eq(
		duo_only_sa(d.sun)->virtual->leased->ike_id, duo_only_sa(d.sun)->unique_id);
	ck_assert_uint_eq(server.asked, 1);
	ck_assert_uint_eq(server.returned, 0);
	duo_down(&d, d.sun);
	ck_assert_uint_eq(server.returned, 1);
	duo_end(&d);
}
END_TEST

static void expect_refused(struct duo *d, const char *why)
{
	const struct sim_command *command = duo_initiate(d, d->moon, "net");

	ck_assert(!command->done);
	expect_installed(d->moon, "");
	ck_assert(sim_node_logged(d->sun, why));
	(void)duo_explains(d->sun, "moon", IKE_REASON_NO_ADDRESS, "no virtual IP found for peer",
		"charon.plugins.dhcp.server");
	duo_contains(duo_failure(d->sun, "moon", IKE_REASON_NO_ADDRESS)->failure.ours, why);
}

START_TEST(without_an_answer_there_is_no_tunnel)
{
	struct duo d = begin(&_i, "dhcp", NULL);

	expect_refused(&d, "no DHCP server answers");
	duo_pass(&d, PATIENCE);
	ck_assert_uint_eq(server.asked, server.returned);
	duo_end(&d);
}
END_TEST

START_TEST(a_host_that_cannot_ask_says_so)
{
	struct duo d = begin(&_i, "dhcp", NULL);

	server.refuses = true;
	expect_refused(&d, "the DHCP server cannot be asked");
	ck_assert_uint_eq(server.returned, 0);
	duo_end(&d);
}
END_TEST

/* Who is silent does not hold an IKE SA for ever; what comes too late is nobody's. */
START_TEST(a_question_ends_with_its_ike_sa)
{
	struct duo d = begin(&_i, "dhcp", "10.2.0.77");

	server.silent = true;
	ck_assert(!duo_initiate(&d, d.moon, "net")->done);
	duo_pass(&d, PATIENCE);
	ck_assert_uint_eq(duo_ike_sas(d.sun), 0);
	ck_assert_uint_ge(server.asked, 1);
	ck_assert_uint_eq(server.asked, server.returned);
	answer(d.world, d.sun, server.last_ticket);
	ck_assert_uint_eq(duo_ike_sas(d.sun), 0);
	duo_end(&d);
}
END_TEST

START_TEST(a_lease_that_is_lost_ends_the_ike_sa)
{
	struct duo d = begin(&_i, "dhcp", "10.2.0.77");

	duo_up(&d, d.moon, "net");
	sim_node_enter(d.sun);
	ike_engine_lease_lost(
		d.sun->engine, sim_node_now(d.sun), server.last_ticket, "the server refuses it");
	sim_node_leave(d.sun);
	ck_assert_uint_eq(duo_ike_sas(d.sun), 0);
	ck_assert_uint_eq(server.returned, 1);
	ck_assert(sim_node_logged(d.sun, "10.2.0.77 is over: the server refuses it"));
	duo_pass(&d, IKE_SECONDS(10));
	expect_installed(d.moon, "");
	duo_end(&d);
}
END_TEST

START_TEST(pools_before_it_come_first_and_pools_after_it_last)
{
	struct duo d = begin(&_i, "rw, dhcp, last", NULL);

	sim_node_pool(d.sun, "rw", "10.3.0.1", NULL);
	sim_node_pool(d.sun, "last", "10.4.0.1", NULL);
	duo_up(&d, d.moon, "net");
	expect_installed(d.moon, "10.3.0.1");
	ck_assert_uint_eq(server.asked, 0);
	duo_down(&d, d.moon);
	/* Somebody else has it: the server is asked, and says no. */
	struct address any = { .family = AF_INET };
	struct why why;
	char *names[] = { (char[]){ "rw" } };
	struct ike_identity *other = ike_identity_parse("other", &why);
	const struct ike_lease_request request = { names, 1, &any, other, &any };
	struct ike_lease *lease = ike_pools_acquire(d.sun->engine->pools, &request, &why);
	ck_assert_ptr_nonnull(lease);
	duo_up(&d, d.moon, "net");
	expect_installed(d.moon, "10.4.0.1");
	ck_assert_uint_eq(server.asked, 1);
	duo_down(&d, d.moon);
	server.address = "10.2.0.77";
	duo_up(&d, d.moon, "net");
	expect_installed(d.moon, "10.2.0.77");
	(void)ike_lease_release(lease);
	ike_identity_free(other);
	duo_end(&d);
}
END_TEST

START_TEST(a_loaded_pool_of_that_name_is_what_it_was)
{
	struct duo d = begin(&_i, "dhcp", "10.2.0.77");

	sim_node_pool(d.sun, "dhcp", "10.3.0.0/28", NULL);
	duo_up(&d, d.moon, "net");
	expect_installed(d.moon, "10.3.0.1");
	ck_assert_uint_eq(server.asked, 0);
	duo_end(&d);
}
END_TEST

/* The older one's lease is free before the server is asked for the new one's. */
START_TEST(who_comes_back_gives_back_first)
{
	struct duo d = begin(&_i, "dhcp", "10.2.0.77");

	duo_up(&d, d.moon, "net");
	sim_node_crash(d.moon);
	sim_node_start(d.moon);
	struct why why;
	ck_assert(sim_node_load(d.moon, sim_define(&d.moon_side), &why));
	sim_node_psk(d.moon, d.moon_psk, NULL);
	server.silent = true;
	ck_assert_ptr_nonnull(sim_node_initiate(d.moon, "sun", "net", &why));
	duo_pass(&d, IKE_SECONDS(1));
	ck_assert_uint_eq(server.asked, 2);
	ck_assert_uint_eq(server.returned, 1);
	answer(d.world, d.sun, server.last_ticket);
	duo_pass(&d, IKE_SECONDS(60));
	expect_installed(d.moon, "10.2.0.77");
	ck_assert_uint_eq(duo_ike_sas(d.sun), 1);
	ck_assert_uint_eq(server.returned, 1);
	duo_end(&d);
}
END_TEST

TCase *leased_tests(void)
{
	TCase *tests = tcase_create("leased");

	tcase_set_timeout(tests, 60);
	tcase_add_loop_test(tests, an_address_of_the_dhcp_server_becomes_the_clients, 0, 4);
	tcase_add_loop_test(tests, rekeying_keeps_the_lease, 0, 2);
	tcase_add_loop_test(tests, without_an_answer_there_is_no_tunnel, 0, 1);
	tcase_add_loop_test(tests, a_host_that_cannot_ask_says_so, 0, 1);
	tcase_add_loop_test(tests, a_question_ends_with_its_ike_sa, 0, 1);
	tcase_add_loop_test(
		tests, a_question_ends_with_its_ike_sa, IKEV1 | PUSHES, (IKEV1 | PUSHES) + 1);
	tcase_add_loop_test(tests, a_lease_that_is_lost_ends_the_ike_sa, 0, 4);
	tcase_add_loop_test(tests, pools_before_it_come_first_and_pools_after_it_last, 0, 1);
	tcase_add_loop_test(tests, a_loaded_pool_of_that_name_is_what_it_was, 0, 2);
	tcase_add_loop_test(tests, who_comes_back_gives_back_first, 0, 1);
	return tests;
}
