/* Codepoints and ports that a connection's datagrams have. */
#include "testing/unit/engine/duo.h"

/* What was seen of the datagrams of each node. */
struct wire {
	unsigned from[2];
	unsigned marked[2];
	uint16_t first_port; /* of the first datagram: it was sent from, to */
	uint16_t first_remote_port;
	uint8_t dscp;
	unsigned lost; /* so many of the first */
};

static bool look(void *context, struct sim_world *w, struct sim_flight *flight)
{
	struct wire *wire = context;

	(void)w;
	if (wire->first_port == 0) {
		wire->first_port = flight->source.port;
		wire->first_remote_port = flight->destination.port;
	}
	wire->from[flight->from]++;
	wire->marked[flight->from] += flight->dscp == wire->dscp;
	if (wire->lost == 0)
		return true;
	wire->lost--;
	return false;
}

static void adjust_dscp(void *context, struct ike_connection *c)
{
	(void)context;
	c->dscp = 46;
}

/* Repeated ones and answers included; the peer's are its own business. */
START_TEST(all_of_a_connections_messages_have_its_codepoint)
{
	struct duo d = _i & 2 ? duo_begin_ikev1(false) : duo_begin(false);
	struct sim_node *initiator = _i & 1 ? d.moon : d.sun;
	struct wire wire = { .dscp = 46, .lost = 2 };

	d.sun_side.adjust = adjust_dscp;
	d.world->filter = look;
	d.world->filter_context = &wire;
	duo_start(&d);
	duo_up(&d, initiator, "net");
	duo_down(&d, d.moon);
	ck_assert_uint_gt(wire.from[d.sun->index], 2);
	ck_assert_uint_eq(wire.marked[d.sun->index], wire.from[d.sun->index]);
	ck_assert_uint_gt(wire.from[d.moon->index], 2);
	ck_assert_uint_eq(wire.marked[d.moon->index], 0);
	duo_end(&d);
}
END_TEST

static void adjust_local_port(void *context, struct ike_connection *c)
{
	c->local_port = *(const uint16_t *)context;
}

static const struct {
	uint16_t local, remote;             /* as configured */
	uint16_t first_local, first_remote; /* as IKE_SA_INIT has it */
} ports[] = {
	{ 0, 0, 500, 500 },
	{ 500, 0, 500, 500 },
	{ 500, 4500, 4500, 4500 },
	{ 4500, 0, 4500, 4500 },
	{ 4500, 4500, 4500, 4500 },
};

START_TEST(exchanges_begin_from_the_port_that_local_port_says)
{
	struct duo d = duo_begin(false);
	uint16_t local_port = ports[_i].local;
	struct wire wire = { 0 };

	d.sun_side.adjust = adjust_local_port;
	d.sun_side.adjust_context = &local_port;
	d.sun_side.remote_port = ports[_i].remote;
	d.world->filter = look;
	d.world->filter_context = &wire;
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	ck_assert_uint_eq(wire.first_port, ports[_i].first_local);
	ck_assert_uint_eq(wire.first_remote_port, ports[_i].first_remote);
	duo_down(&d, d.moon);
	duo_end(&d);
}
END_TEST

START_TEST(a_port_without_a_socket_is_refused)
{
	struct duo d = duo_begin(false);
	uint16_t local_port = 501;
	struct why why = { "" };

	duo_start(&d);
	d.sun_side.adjust = adjust_local_port;
	d.sun_side.adjust_context = &local_port;
	ck_assert(!sim_node_load(d.sun, sim_define(&d.sun_side), &why));
	ck_assert_ptr_nonnull(strstr(why.text, "no socket for port 501"));
	/* What was loaded before stays. */
	duo_up(&d, d.sun, "net");
	duo_end(&d);
}
END_TEST

TCase *port_tests(void)
{
	TCase *test = tcase_create("ports");

	tcase_add_loop_test(test, all_of_a_connections_messages_have_its_codepoint, 0, 4);
	tcase_add_loop_test(test, exchanges_begin_from_the_port_that_local_port_says, 0,
		sizeof(ports) / sizeof(*ports));
	tcase_add_test(test, a_port_without_a_socket_is_refused);
	return test;
}
