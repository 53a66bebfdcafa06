/* A definition that changes under a tunnel: what can stay stays, the rest is made anew alone. */
#include "testing/unit/engine/duo.h"

#define PATIENCE IKE_SECONDS(400)

/* The one child of that name. */
static const struct ike_child *child_of(const struct sim_node *n, const char *name)
{
	const struct ike_child *found = NULL;
	const struct ike_sa *sa = NULL;

	while ((sa = ike_engine_sa_next(n->engine, sa)) != NULL)
		for (const struct ike_child *c = sa->children; c; c = c->next)
			if (strcmp(c->config->name, name) == 0) {
				ck_assert_ptr_null(found);
				found = c;
			}
	ck_assert_msg(found, "%s has no %s", n->name, name);
	return found;
}

static void reload(struct duo *d, struct sim_node *n)
{
	struct why why = { "" };
	const struct sim_definition *side = n == d->moon ? &d->moon_side : &d->sun_side;

	ck_assert_msg(sim_node_load(n, sim_define(side), &why), "%s", why.text);
	sim_world_settle(d->world, d->world->now + PATIENCE);
}

static void logs(const struct sim_node *n, const char *text)
{
	ck_assert_msg(sim_node_logged(n, text), "%s did not log: %s", n->name, text);
}

/* Two networks, so that one can be seen to stay. */
static struct duo begin(void)
{
	struct duo d = duo_begin(false);

	d.moon_side.children[1] = d.moon_side.children[0];
	d.moon_side.children[1].name = "lab";
	d.moon_side.children[1].local_ts = "10.11.0.0/16";
	d.moon_side.children[1].remote_ts = "10.12.0.0/16";
	d.sun_side.children[1] = d.moon_side.children[1];
	d.sun_side.children[1].local_ts = "10.12.0.0/16";
	d.sun_side.children[1].remote_ts = "10.11.0.0/16";
	return d;
}

static void both_up(struct duo *d)
{
	duo_start(d);
	duo_up(d, d->sun, "net");
	duo_up(d, d->sun, "lab");
}

START_TEST(what_is_no_part_of_the_tunnel_changes_at_once)
{
	struct duo d = begin();
	const struct ike_child *net;
	uint32_t spi, ike_id;

	both_up(&d);
	net = child_of(d.sun, "net");
	spi = net->spi_in;
	ike_id = net->sa->unique_id;
	d.sun_side.unique = IKE_UNIQUE_REPLACE;
	d.sun_side.children[0].close_action = IKE_ACTION_TRAP;
	reload(&d, d.sun);
	logs(d.sun, "updated connection 'moon'; at once: unique, net.close_action");
	net = child_of(d.sun, "net");
	ck_assert_uint_eq(net->spi_in, spi);
	ck_assert_uint_eq(net->sa->unique_id, ike_id);
	ck_assert_ptr_eq(net->sa->connection, ike_engine_connection(d.sun->engine, 0));
	ck_assert_uint_eq(net->sa->connection->unique, IKE_UNIQUE_REPLACE);
	ck_assert_uint_eq(net->config->close_action, IKE_ACTION_TRAP);
	ck_assert_ptr_eq(net->config->connection, net->sa->connection);
	duo_down(&d, d.sun);
	duo_end(&d);
}
END_TEST

START_TEST(liveness_and_inactivity_begin_with_the_reload)
{
	struct duo d = begin();
	struct why why = { "" };
	uint64_t sent;

	both_up(&d);
	d.sun_side.dpd_delay = 30;
	d.sun_side.children[1].inactivity = 100;
	sent = d.world->datagrams_sent;
	ck_assert(sim_node_load(d.sun, sim_define(&d.sun_side), &why));
	sim_world_run(d.world, d.world->now + IKE_SECONDS(29));
	ck_assert_uint_eq(d.world->datagrams_sent, sent);
	sim_world_run(d.world, d.world->now + IKE_SECONDS(70));
	ck_assert_uint_eq(d.world->datagrams_sent, sent + 6);
	ck_assert_uint_eq(duo_children(d.sun), 2);
	sim_world_run(d.world, d.world->now + IKE_SECONDS(2));
	ck_assert_uint_eq(duo_children(d.sun), 1);
	ck_assert_ptr_nonnull(child_of(d.sun, "net"));
	duo_end(&d);
}
END_TEST

START_TEST(proposals_wait_for_the_next_keys)
{
	struct duo d = begin();
	uint32_t spi;

	both_up(&d);
	spi = child_of(d.sun, "net")->spi_in;
	d.sun_side.proposals = "aes256-sha256-x25519";
	d.sun_side.children[0].proposals = "aes256gcm16";
	reload(&d, d.sun);
	logs(d.sun, "; with the next keys: proposals, net.esp_proposals");
	ck_assert_uint_eq(child_of(d.sun, "net")->spi_in, spi);
	ck_assert_uint_eq(
		child_of(d.sun, "net")->config->proposals.items[0].transforms[0].key_bits, 256);
	duo_end(&d);
}
END_TEST

/* The peer allows the new networks already: the child changes, and it alone. */
START_TEST(selectors_are_changed_by_making_that_child_anew)
{
	struct duo d = begin();
	uint32_t net, lab, ike_id;

	d.moon_side.children[0].remote_ts = "10.2.0.0/16,10.3.0.0/16";
	both_up(&d);
	net = child_of(d.sun, "net")->spi_in;
	lab = child_of(d.sun, "lab")->spi_in;
	ike_id = child_of(d.sun, "lab")->sa->unique_id;
	d.sun_side.children[0].local_ts = "10.3.0.0/16";
	reload(&d, d.sun);
	logs(d.sun, "; by making the child anew: net.local_ts");
	ck_assert_uint_ne(child_of(d.sun, "net")->spi_in, net);
	ck_assert_uint_eq(child_of(d.sun, "net")->selectors[0].from[1], 3);
	ck_assert_uint_eq(child_of(d.moon, "net")->selectors[1].from[1], 3);
	ck_assert_uint_eq(child_of(d.sun, "lab")->spi_in, lab);
	ck_assert_uint_eq(child_of(d.sun, "lab")->sa->unique_id, ike_id);
	ck_assert_uint_eq(duo_ike_sas(d.sun), 1);
	duo_down(&d, d.sun);
	duo_end(&d);
}
END_TEST

/* Only the kernel's policies change: the peer need not know. */
START_TEST(a_priority_is_changed_by_making_that_child_anew)
{
	struct duo d = begin();
	struct why why = { "" };
	struct ike_connection *c;
	uint32_t spi;

	both_up(&d);
	spi = child_of(d.sun, "net")->spi_in;
	c = sim_define(&d.sun_side);
	c->children[0]->priority = 77;
	ck_assert(sim_node_load(d.sun, c, &why));
	sim_world_settle(d.world, d.world->now + PATIENCE);
	ck_assert_uint_ne(child_of(d.sun, "net")->spi_in, spi);
	ck_assert_uint_eq(child_of(d.sun, "net")->config->priority, 77);
	duo_down(&d, d.sun);
	duo_end(&d);
}
END_TEST

/* The other end has the old networks still: the old child stays until the new one can come up. */
START_TEST(a_peer_that_does_not_agree_yet_costs_nothing)
{
	struct duo d = begin();
	uint32_t spi;

	both_up(&d);
	spi = child_of(d.sun, "net")->spi_in;
	d.sun_side.children[0].local_ts = "10.3.0.0/16";
	reload(&d, d.sun);
	ck_assert_uint_eq(child_of(d.sun, "net")->spi_in, spi);
	logs(d.sun, "TS_UNACCEPTABLE");
	d.moon_side.children[0].remote_ts = "10.3.0.0/16";
	reload(&d, d.moon);
	ck_assert_uint_ne(child_of(d.sun, "net")->spi_in, spi);
	ck_assert_uint_eq(child_of(d.sun, "net")->selectors[0].from[1], 3);
	ck_assert_uint_eq(child_of(d.moon, "net")->selectors[1].from[1], 3);
	ck_assert_uint_eq(duo_ike_sas(d.sun), 1);
	duo_down(&d, d.sun);
	duo_end(&d);
}
END_TEST

/* Both files change at the same time: each end begins to make the child anew. */
START_TEST(both_ends_change_at_once)
{
	struct duo d = begin();
	struct why why = { "" };

	both_up(&d);
	d.sun_side.children[0].local_ts = d.moon_side.children[0].remote_ts = "10.3.0.0/16";
	ck_assert(sim_node_load(d.sun, sim_define(&d.sun_side), &why));
	sim_world_run(d.world, d.world->now + 5 * _i);
	reload(&d, d.moon);
	ck_assert_uint_eq(child_of(d.sun, "net")->selectors[0].from[1], 3);
	ck_assert_uint_eq(child_of(d.moon, "net")->selectors[1].from[1], 3);
	duo_down(&d, d.sun);
	duo_end(&d);
}
END_TEST

START_TEST(a_child_that_is_no_longer_defined_stays_until_it_ends)
{
	struct duo d = begin();
	const struct ike_child *lab;
	uint32_t spi;

	both_up(&d);
	spi = child_of(d.sun, "lab")->spi_in;
	d.sun_side.children[1].name = NULL;
	reload(&d, d.sun);
	logs(d.sun, "; children that end when they are closed: lab");
	lab = child_of(d.sun, "lab");
	ck_assert_uint_eq(lab->spi_in, spi);
	ck_assert_ptr_eq(lab->sa->connection, ike_engine_connection(d.sun->engine, 0));
	ck_assert_ptr_ne(lab->config->connection, lab->sa->connection);
	duo_down(&d, d.sun);
	duo_end(&d);
}
END_TEST

/* Whom the definition is about changed: the running SA is not made into something it is not. */
START_TEST(another_identity_waits_for_the_next_ike_sa)
{
	struct duo d = begin();
	const struct ike_sa *sa;

	both_up(&d);
	sa = ike_engine_sa_next(d.sun->engine, NULL);
	d.sun_side.remote_id = "luna.example.org";
	reload(&d, d.sun);
	logs(d.sun, "; with the next IKE_SA: remote");
	ck_assert_ptr_eq(ike_engine_sa_next(d.sun->engine, NULL), sa);
	ck_assert_ptr_ne(sa->connection, ike_engine_connection(d.sun->engine, 0));
	ck_assert_uint_eq(duo_children(d.sun), 2);
	duo_end(&d);
}
END_TEST

/* moon has a second address; sun's file says now that it is there. */
static struct duo with_two_addresses(void)
{
	struct duo d = begin();

	d.moon_side.remote_addrs = "%any";
	d.moon_side.local_addrs = NULL;
	return d;
}

START_TEST(a_peer_that_is_elsewhere_now_is_gone_to_at_once)
{
	struct duo d = with_two_addresses();
	struct duo_stream stream;

	both_up(&d);
	duo_move(d.moon, 2, "198.51.100.1");
	d.sun_side.remote_addrs = "198.51.100.1";
	duo_stream_begin(&d, &stream, 5);
	reload(&d, d.sun);
	logs(d.sun, "; at once, by a new IKE_SA beside the old one: remote_addrs");
	duo_pass(&d, IKE_SECONDS(10));
	duo_is_at(&duo_only_sa(d.sun)->remote, "198.51.100.1");
	ck_assert_uint_eq(duo_children(d.sun), 2);
	ck_assert_uint_eq(duo_ike_sas(d.moon), 1);
	ck_assert_uint_le(stream.sent - stream.arrived, 20); /* while one end alone had moved */
	/* Nothing is left of it. */
	struct ike_rekey what = { .ike = "moon", .reauth = true };
	struct why why;
	ck_assert(sim_node_rekey(d.sun, &what, &why));
	duo_pass(&d, IKE_SECONDS(10));
	duo_is_at(&duo_only_sa(d.sun)->remote, "198.51.100.1");
	duo_down(&d, d.sun);
	duo_end(&d);
}
END_TEST

START_TEST(a_peer_that_is_not_elsewhere_is_kept_where_it_is)
{
	struct duo d = with_two_addresses();

	both_up(&d);
	d.sun_side.remote_addrs = "198.51.100.1";
	reload(&d, d.sun);
	duo_pass(&d, IKE_SECONDS(400));
	duo_is_at(&ike_engine_sa_next(d.sun->engine, NULL)->remote, "192.0.2.1");
	duo_both_ways(&d);
	(void)duo_failure(d.sun, "moon", IKE_REASON_PEER_SILENT);
	/* It is again, in the file. */
	d.sun_side.remote_addrs = "192.0.2.1";
	reload(&d, d.sun);
	duo_pass(&d, IKE_SECONDS(600));
	duo_is_at(&duo_only_sa(d.sun)->remote, "192.0.2.1");
	ck_assert_uint_eq(duo_children(d.sun), 2);
	duo_end(&d);
}
END_TEST

START_TEST(another_address_beside_that_of_the_tunnel_waits_for_the_next_ike_sa)
{
	struct duo d = with_two_addresses();
	const struct ike_sa *sa;

	both_up(&d);
	sa = duo_only_sa(d.sun);
	d.sun_side.remote_addrs = "198.51.100.1,192.0.2.1";
	reload(&d, d.sun);
	logs(d.sun, "; with the next IKE_SA: remote_addrs");
	duo_pass(&d, IKE_SECONDS(60));
	ck_assert_ptr_eq(duo_only_sa(d.sun), sa);
	duo_end(&d);
}
END_TEST

START_TEST(another_identity_comes_with_reauthentication)
{
	struct duo d = begin();
	struct why why = { "" };
	const struct ike_rekey what = { .ike = "moon", .reauth = true };
	const struct ike_sa *sa;

	both_up(&d);
	d.sun_side.local_id = d.moon_side.remote_id = "sol.example.org";
	d.sun_side.children[0].local_ts = d.moon_side.children[0].remote_ts = "10.3.0.0/16";
	d.sun->settings.make_before_break = _i;
	ike_engine_settings(d.sun->engine, &d.sun->settings);
	reload(&d, d.sun);
	reload(&d, d.moon);
	ck_assert_uint_eq(child_of(d.sun, "net")->selectors[0].from[1], 2);
	ck_assert(sim_node_rekey(d.sun, &what, &why));
	sim_world_settle(d.world, d.world->now + PATIENCE);
	sa = ike_engine_sa_next(d.sun->engine, NULL);
	ck_assert_ptr_null(ike_engine_sa_next(d.sun->engine, sa));
	ck_assert_ptr_eq(sa->connection, ike_engine_connection(d.sun->engine, 0));
	ck_assert_ptr_eq(child_of(d.sun, "lab")->config->connection, sa->connection);
	ck_assert_uint_eq(child_of(d.sun, "net")->selectors[0].from[1], 3);
	ck_assert_uint_eq(child_of(d.moon, "net")->selectors[1].from[1], 3);
	duo_end(&d);
}
END_TEST

/* While an IKE SA is rekeyed its definition changes: the one that succeeds it goes by the new one.
 */
START_TEST(a_change_during_ike_rekeying_is_made_good_after_it)
{
	struct duo d = begin();
	struct why why = { "" };
	const struct ike_rekey what = { .ike = "moon" };

	d.moon_side.children[0].remote_ts = "10.2.0.0/16,10.3.0.0/16";
	both_up(&d);
	ck_assert(sim_node_rekey(d.sun, &what, &why));
	sim_world_run(d.world, d.world->now + 5);
	d.sun_side.children[0].local_ts = "10.3.0.0/16";
	reload(&d, d.sun);
	ck_assert_uint_eq(child_of(d.sun, "net")->selectors[0].from[1], 3);
	ck_assert_ptr_eq(child_of(d.sun, "lab")->config->connection,
		ike_engine_connection(d.sun->engine, 0));
	ck_assert_uint_eq(duo_ike_sas(d.sun), 1);
	duo_end(&d);
}
END_TEST

START_TEST(one_that_is_unloaded_and_loaded_again_finds_its_tunnels)
{
	struct duo d = begin();
	uint32_t spi;

	both_up(&d);
	spi = child_of(d.sun, "net")->spi_in;
	ck_assert(sim_node_unload(d.sun, "moon"));
	sim_world_settle(d.world, d.world->now + PATIENCE);
	ck_assert_uint_eq(child_of(d.sun, "net")->spi_in, spi);
	reload(&d, d.sun);
	ck_assert_uint_eq(child_of(d.sun, "net")->spi_in, spi);
	ck_assert_ptr_eq(child_of(d.sun, "net")->config->connection,
		ike_engine_connection(d.sun->engine, 0));
	duo_end(&d);
}
END_TEST

START_TEST(another_site_and_an_equal_file_disturb_nothing)
{
	struct duo d = begin();
	struct sim_definition mars;
	struct why why = { "" };
	uint64_t sent;
	uint32_t spi;

	both_up(&d);
	spi = child_of(d.sun, "net")->spi_in;
	sent = d.world->datagrams_sent;
	reload(&d, d.sun);
	mars = d.sun_side;
	mars.name = "mars";
	mars.remote_addrs = "192.0.2.9";
	mars.remote_id = "mars.example.org";
	ck_assert(sim_node_load(d.sun, sim_define(&mars), &why));
	mars.children[0].local_ts = "10.4.0.0/16";
	ck_assert(sim_node_load(d.sun, sim_define(&mars), &why));
	ck_assert(sim_node_unload(d.sun, "mars"));
	sim_world_settle(d.world, d.world->now + PATIENCE);
	ck_assert_uint_eq(d.world->datagrams_sent, sent);
	ck_assert_uint_eq(child_of(d.sun, "net")->spi_in, spi);
	duo_end(&d);
}
END_TEST

/* drops what the third node sends */
static bool third_is_cut_off(void *context, struct sim_world *w, struct sim_flight *flight)
{
	(void)context, (void)w;
	return flight->from != 2;
}

/* A gateway with two peers: one of them has its new child, the other cannot have it yet. */
START_TEST(a_peer_that_is_late_keeps_its_child_until_its_own_is_made_anew)
{
	struct duo d = duo_begin(false);
	struct sim_node *venus = sim_node_add(d.world, false);
	struct sim_definition venus_side;
	const struct ike_sa *sa;
	struct why why = { "" };

	d.moon_side.remote_addrs = "%any";
	d.moon_side.remote_id = NULL;
	d.moon_side.children[0].remote_ts = "10.2.0.0/15";
	venus_side = d.sun_side;
	venus_side.local_id = "venus.example.org";
	venus_side.children[0].local_ts = "10.3.0.0/16";
	duo_start(&d);
	sim_node_start(venus);
	sim_node_psk(venus, d.sun_psk, NULL);
	ck_assert(sim_node_load(venus, sim_define(&venus_side), &why));
	duo_initiate(&d, d.sun, "net");
	ck_assert_ptr_nonnull(sim_node_initiate(venus, "moon", "net", &why));
	sim_world_settle(d.world, d.world->now + PATIENCE);
	ck_assert_uint_eq(duo_children(d.moon), 2);
	d.world->filter = third_is_cut_off;
	d.moon_side.children[0].local_ts = "10.1.0.0/17";
	ck_assert_msg(sim_node_load(d.moon, sim_define(&d.moon_side), &why), "%s", why.text);
	sim_world_run(d.world, d.world->now + IKE_SECONDS(2));
	ck_assert_uint_eq(child_of(d.sun, "net")->selectors[1].to[1], 1);
	ck_assert_uint_eq(child_of(d.sun, "net")->selectors[1].to[2], 127);
	sa = ike_engine_sa_next(d.moon->engine, NULL);
	sa = ike_engine_sa_next(d.moon->engine, sa);
	ck_assert_ptr_nonnull(sa);
	ck_assert_uint_eq(sa->remote.octets[3], 3);
	ck_assert_ptr_nonnull(sa->children);
	ck_assert_uint_eq(sa->children->state, IKE_CHILD_INSTALLED);
	ck_assert_ptr_null(sa->tasks);
	d.world->filter = NULL;
	sim_world_settle(d.world, d.world->now + PATIENCE);
	ck_assert_uint_eq(child_of(venus, "net")->selectors[1].to[2], 127);
	duo_end(&d);
}
END_TEST

/* The initiator's file changes while IKE_AUTH is on its way. */
START_TEST(a_change_under_way_is_made_good_when_it_is_up)
{
	struct duo d = begin();
	struct why why = { "" };

	d.moon_side.children[0].remote_ts = "10.2.0.0/16,10.3.0.0/16";
	duo_start(&d);
	ck_assert_ptr_nonnull(sim_node_initiate(d.sun, "moon", "net", &why));
	sim_world_run(d.world, d.world->now + 5 + 10 * _i);
	d.sun_side.children[0].local_ts = "10.3.0.0/16";
	reload(&d, d.sun);
	ck_assert_uint_eq(child_of(d.sun, "net")->selectors[0].from[1], 3);
	ck_assert_uint_eq(child_of(d.moon, "net")->selectors[1].from[1], 3);
	ck_assert_ptr_eq(child_of(d.sun, "net")->config->connection,
		ike_engine_connection(d.sun->engine, 0));
	duo_down(&d, d.sun);
	duo_end(&d);
}
END_TEST

/* ---- Traps ---- */

static size_t kernel_policies(const struct sim_node *n)
{
	size_t count = 0;

	for (const struct sim_kernel_policies *p = n->kernel.policies; p; p = p->next)
		count++;
	return count;
}

START_TEST(a_trap_that_stays_as_it_is_is_not_touched)
{
	struct duo d = begin();
	const struct sim_kernel_policies *before;
	const struct ike_trap *trap;

	d.sun_side.children[0].start_action = IKE_ACTION_TRAP;
	duo_start(&d);
	before = d.sun->kernel.policies;
	ck_assert_uint_eq(kernel_policies(d.sun), 1);
	d.sun_side.unique = IKE_UNIQUE_REPLACE;
	reload(&d, d.sun);
	ck_assert(!sim_node_logged(d.sun, "uninstalled policies"));
	ck_assert_ptr_eq(d.sun->kernel.policies, before);
	trap = ike_engine_trap(d.sun->engine, 0);
	ck_assert_ptr_eq(trap->connection, ike_engine_connection(d.sun->engine, 0));
	ck_assert_ptr_eq(trap->config->connection, trap->connection);
	duo_end(&d);
}
END_TEST

/* The attempt was begun under the old version; the packets that come meanwhile begin no other. */
START_TEST(an_acquire_knows_an_attempt_of_the_old_version)
{
	struct duo d = begin();
	struct why why = { "" };
	struct ike_acquire acquire;

	d.sun_side.children[0].start_action = IKE_ACTION_TRAP;
	duo_start(&d);
	acquire = (struct ike_acquire){ .reqid = ike_engine_trap(d.sun->engine, 0)->reqid };
	sim_node_acquire(d.sun, &acquire);
	d.sun_side.unique = IKE_UNIQUE_REPLACE;
	ck_assert(sim_node_load(d.sun, sim_define(&d.sun_side), &why));
	sim_node_acquire(d.sun, &acquire);
	sim_world_settle(d.world, d.world->now + PATIENCE);
	ck_assert_uint_eq(duo_ike_sas(d.sun), 1);
	ck_assert_ptr_eq(child_of(d.sun, "net")->config->connection,
		ike_engine_connection(d.sun->engine, 0));
	duo_end(&d);
}
END_TEST

START_TEST(a_trap_goes_along_with_its_networks)
{
	struct duo d = begin();
	const struct ike_trap *trap;

	d.sun_side.children[0].start_action = IKE_ACTION_TRAP;
	duo_start(&d);
	d.sun_side.children[0].remote_ts = "10.7.0.0/16";
	reload(&d, d.sun);
	ck_assert_uint_eq(kernel_policies(d.sun), 1);
	trap = ike_engine_trap(d.sun->engine, 0);
	ck_assert_uint_eq(trap->policies.remote_selectors[0].from[1], 7);
	ck_assert_ptr_null(ike_engine_trap(d.sun->engine, 1));
	d.sun_side.children[0].start_action = IKE_ACTION_NONE;
	reload(&d, d.sun);
	ck_assert_uint_eq(kernel_policies(d.sun), 0);
	duo_end(&d);
}
END_TEST

START_TEST(a_trap_that_was_installed_by_command_stays)
{
	struct duo d = begin();
	struct why why = { "" };

	duo_start(&d);
	ck_assert(sim_node_install(d.sun, "moon", "net", &why));
	d.sun_side.unique = IKE_UNIQUE_REPLACE;
	reload(&d, d.sun);
	ck_assert_uint_eq(kernel_policies(d.sun), 1);
	d.sun_side.children[0].name = "other";
	reload(&d, d.sun);
	ck_assert_uint_eq(kernel_policies(d.sun), 0);
	duo_end(&d);
}
END_TEST

TCase *reload_tests(void)
{
	TCase *tests = tcase_create("reload");

	tcase_add_test(tests, what_is_no_part_of_the_tunnel_changes_at_once);
	tcase_add_test(tests, liveness_and_inactivity_begin_with_the_reload);
	tcase_add_test(tests, proposals_wait_for_the_next_keys);
	tcase_add_test(tests, selectors_are_changed_by_making_that_child_anew);
	tcase_add_test(tests, a_priority_is_changed_by_making_that_child_anew);
	tcase_add_test(tests, a_peer_that_does_not_agree_yet_costs_nothing);
	tcase_add_loop_test(tests, both_ends_change_at_once, 0, 5);
	tcase_add_test(tests, a_child_that_is_no_longer_defined_stays_until_it_ends);
	tcase_add_test(tests, another_identity_waits_for_the_next_ike_sa);
	tcase_add_test(tests, a_peer_that_is_elsewhere_now_is_gone_to_at_once);
	tcase_add_test(tests, a_peer_that_is_not_elsewhere_is_kept_where_it_is);
	tcase_add_test(tests, another_address_beside_that_of_the_tunnel_waits_for_the_next_ike_sa);
	tcase_add_loop_test(tests, another_identity_comes_with_reauthentication, 0, 2);
	tcase_add_test(tests, a_change_during_ike_rekeying_is_made_good_after_it);
	tcase_add_test(tests, one_that_is_unloaded_and_loaded_again_finds_its_tunnels);
	tcase_add_test(tests, another_site_and_an_equal_file_disturb_nothing);
	tcase_add_test(tests, a_peer_that_is_late_keeps_its_child_until_its_own_is_made_anew);
	tcase_add_loop_test(tests, a_change_under_way_is_made_good_when_it_is_up, 0, 5);
	tcase_add_test(tests, a_trap_that_stays_as_it_is_is_not_touched);
	tcase_add_test(tests, an_acquire_knows_an_attempt_of_the_old_version);
	tcase_add_test(tests, a_trap_goes_along_with_its_networks);
	tcase_add_test(tests, a_trap_that_was_installed_by_command_stays);
	return tests;
}
