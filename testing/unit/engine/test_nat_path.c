/* NAT boxes that give a peer another address or port: who follows, and who must not. */
#include "libike/wire/message.h"
#include "testing/unit/engine/duo.h"

/* moon, and sun behind a NAT box, with a child. */
static struct duo nat_duo(bool mobike)
{
	struct duo d = duo_begin(true);

	d.moon_side.no_mobike = d.sun_side.no_mobike = !mobike;
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	return d;
}

static void public_address(struct sim_node *n, const char *text)
{
	ck_assert(address_parse(text, &n->nat.public_address));
	sim_nat_rebind(n);
}

START_TEST(a_request_from_another_port_or_address_takes_the_children_along)
{
	struct duo d = nat_duo(false);
	const struct ike_sa *sa = ike_engine_sa_next(d.moon->engine, NULL);

	duo_both_ways(&d);
	if (_i == 0)
		sim_nat_rebind(d.sun);
	else
		public_address(d.sun, "203.0.113.77");
	ck_assert_int_eq(duo_send_from(&d, d.moon), SIM_LOST);
	/* Any request of sun's will do. */
	duo_up(&d, d.sun, "net");
	ck_assert_int_eq(duo_send_from(&d, d.moon), SIM_ARRIVED);
	if (_i == 1) {
		char text[ADDRESS_TEXT_MAX];

		ck_assert_str_eq(address_format(&sa->remote, text), "203.0.113.77");
	}
	ck_assert(sim_node_logged(d.moon, "moves from"));
	duo_down(&d, d.moon);
	duo_end(&d);
}
END_TEST

START_TEST(esp_from_another_port_is_followed_at_once)
{
	struct duo d = nat_duo(_i);
	const struct ike_sa *sa = ike_engine_sa_next(d.moon->engine, NULL);

	sim_nat_rebind(d.sun);
	uint64_t before = d.world->datagrams_sent;
	duo_both_ways(&d);
	ck_assert_uint_eq(d.world->datagrams_sent, before);
	ck_assert_uint_eq(sa->remote.port, d.sun->nat.mappings[0].public_port);
	duo_down(&d, d.moon);
	duo_end(&d);
}
END_TEST

/* The last datagram with that exchange from sun, kept. */
struct kept {
	uint8_t data[2000];
	size_t length;
};

static bool keep(void *context, struct sim_world *w, struct sim_flight *flight)
{
	struct kept *k = context;

	(void)w;
	if (flight->from != 1 || flight->length > sizeof(k->data) ||
		flight->data[18] != IKE_EXCHANGE_CREATE_CHILD_SA)
		return true;
	memcpy(k->data, flight->data, flight->length);
	k->length = flight->length;
	return true;
}

START_TEST(a_replay_moves_nothing)
{
	struct duo d = nat_duo(false);
	const struct ike_sa *sa = ike_engine_sa_next(d.moon->engine, NULL);
	struct kept kept = { .length = 0 };
	struct address elsewhere, before;

	d.world->filter = keep;
	d.world->filter_context = &kept;
	duo_up(&d, d.sun, "net");
	ck_assert_uint_gt(kept.length, 0);
	before = sa->remote;
	ck_assert(address_parse("198.51.100.9", &elsewhere));
	elsewhere.port = 4500;
	sim_world_inject(d.world, d.moon, &elsewhere, 4500, bytes_of(kept.data, kept.length));
	ck_assert(sim_node_logged(d.moon, "retransmitting response"));
	ck_assert(address_equal(&sa->remote, &before));
	kept.data[kept.length - 1] ^= 1;
	sim_world_inject(d.world, d.moon, &elsewhere, 4500, bytes_of(kept.data, kept.length));
	ck_assert(address_equal(&sa->remote, &before));
	duo_both_ways(&d);
	duo_down(&d, d.moon);
	duo_end(&d);
}
END_TEST

/* Gives a genuine request of sun's another source. */
static bool redirect(void *context, struct sim_world *w, struct sim_flight *flight)
{
	(void)w;
	if (flight->from == 1 && flight->data[18] == IKE_EXCHANGE_CREATE_CHILD_SA)
		flight->source_seen = *(struct address *)context;
	return true;
}

START_TEST(who_is_not_behind_a_nat_is_not_followed)
{
	struct duo d = duo_begin(false);
	struct address elsewhere, before;
	const struct ike_sa *sa;

	d.moon_side.no_mobike = d.sun_side.no_mobike = true;
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	sa = ike_engine_sa_next(d.moon->engine, NULL);
	before = sa->remote;
	ck_assert(address_parse("198.51.100.9", &elsewhere));
	elsewhere.port = before.port;
	d.world->filter = redirect;
	d.world->filter_context = &elsewhere;
	struct why why;
	ck_assert_ptr_nonnull(sim_node_initiate(d.sun, "moon", "net", &why));
	sim_world_run(d.world, d.world->now + 1000);
	ck_assert(address_equal(&sa->remote, &before));
	sim_node_mapping(d.moon, sa->children->spi_in, &elsewhere);
	ck_assert(address_equal(&sa->remote, &before));
	d.world->filter = NULL;
	sim_world_settle(d.world, d.world->now + IKE_SECONDS(400));
	duo_down(&d, d.moon);
	duo_end(&d);
}
END_TEST

/* A child whose states cannot move is of no use, and ends. */
START_TEST(a_child_that_cannot_move_along_ends)
{
	struct duo d = nat_duo(false);

	d.moon->kernel.install_fails = 1000;
	sim_nat_rebind(d.sun);
	ck_assert_int_eq(duo_send_from(&d, d.sun), SIM_ARRIVED);
	ck_assert(sim_node_logged(d.moon, "cannot move along"));
	d.moon->kernel.install_fails = 0;
	sim_world_settle(d.world, d.world->now + IKE_SECONDS(400));
	ck_assert_uint_eq(duo_children(d.moon), 0);
	ck_assert_uint_eq(duo_children(d.sun), 0);
	duo_down(&d, d.moon);
	duo_end(&d);
}
END_TEST

TCase *nat_path_tests(void)
{
	TCase *tests = tcase_create("nat path");

	tcase_add_loop_test(
		tests, a_request_from_another_port_or_address_takes_the_children_along, 0, 2);
	tcase_add_loop_test(tests, esp_from_another_port_is_followed_at_once, 0, 2);
	tcase_add_test(tests, a_replay_moves_nothing);
	tcase_add_test(tests, who_is_not_behind_a_nat_is_not_followed);
	tcase_add_test(tests, a_child_that_cannot_move_along_ends);
	return tests;
}
