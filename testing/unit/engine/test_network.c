/* What networks do: cookies, groups, NAT, fragments. */
#include "libike/wire/message.h"
#include "testing/sim/seal.h"
#include "testing/unit/engine/duo.h"

/* What a filter does with datagrams of one kind. */
struct hand {
	uint8_t exchange;     /* 0: any */
	uint8_t next_payload; /* 0: any; the first one */
	uint8_t from;         /* node */
	unsigned seen;
	unsigned drop_from, drop_to; /* of those seen, counted from 1 */
	bool flip;                   /* damages instead */
	uint16_t last_port;          /* it was sent from */
};

static bool hand(void *context, struct sim_world *w, struct sim_flight *flight)
{
	struct hand *h = context;

	(void)w;
	h->last_port = flight->source.port;
	if (flight->from != h->from || (h->exchange && flight->data[18] != h->exchange) ||
		(h->next_payload && flight->data[16] != h->next_payload))
		return true;
	h->seen++;
	if (h->seen < h->drop_from || h->seen > h->drop_to)
		return true;
	if (!h->flip)
		return false;
	flight->data[flight->length - 1] ^= 1;
	return true;
}

START_TEST(a_responder_under_load_wants_a_cookie_first)
{
	struct duo d = duo_begin(false);
	struct sim_node *venus = sim_node_add(d.world, false);
	struct sim_definition venus_side = d.sun_side;
	struct hand lost = {
		.exchange = IKE_EXCHANGE_AUTH, .from = 2, .drop_from = 1, .drop_to = 100
	};
	struct why why;

	d.moon_side.remote_addrs = "%any";
	d.moon->settings.cookie_threshold = 1;
	duo_start(&d);
	sim_node_start(venus);
	sim_node_psk(venus, d.sun_psk, NULL);
	ck_assert(sim_node_load(venus, sim_define(&venus_side), &why));
	/* venus never gets beyond IKE_SA_INIT: it stays half-open at moon. */
	d.world->filter = hand;
	d.world->filter_context = &lost;
	ck_assert_ptr_nonnull(sim_node_initiate(venus, "moon", "net", &why));
	sim_world_run(d.world, d.world->now + 500);
	ck_assert_uint_eq(duo_ike_sas(d.moon), 1);
	ck_assert_ptr_nonnull(sim_node_initiate(d.sun, "moon", "net", &why));
	sim_world_run(d.world, d.world->now + 500);
	ck_assert(sim_node_logged(d.sun, "cookie"));
	ck_assert_uint_eq(duo_children(d.sun), 1);
	ck_assert_uint_eq(duo_children(d.moon), 1);
	sim_world_settle(d.world, d.world->now + IKE_SECONDS(400));
	duo_end(&d);
}
END_TEST

/* KE of the initiator's first group; INVALID_KE_PAYLOAD names the responder's; once more. */
START_TEST(a_responder_can_ask_for_another_group)
{
	struct duo d = duo_begin(false);

	d.sun_side.proposals = "aes128-sha256-x25519-ecp256";
	d.moon_side.proposals = "aes128-sha256-ecp256";
	d.sun_side.children[0].proposals = "aes128gcm16-x25519-ecp256";
	d.moon_side.children[0].proposals = "aes128gcm16-ecp256";
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	ck_assert_uint_eq(d.world->datagrams_sent, 6);
	ck_assert_uint_eq(ike_engine_sa_next(d.sun->engine, NULL)->suite.group, IKE_GROUP_ECP_256);
	/* CREATE_CHILD_SA has a group of its own, and the same retry. */
	duo_up(&d, d.sun, "net");
	ck_assert_uint_eq(d.world->datagrams_sent, 10);
	duo_end(&d);
}
END_TEST

START_TEST(a_nat_moves_both_to_port_4500_and_into_udp)
{
	struct duo d = duo_begin(true);
	struct hand h = { .from = 9 };
	const struct ike_sa *sa;

	d.sun->nat.keeps_ports = _i;
	d.world->filter = hand;
	d.world->filter_context = &h;
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	sa = ike_engine_sa_next(d.moon->engine, NULL);
	ck_assert(sa->nat_remote);
	ck_assert(!sa->nat_local);
	ck_assert_uint_eq(sa->local.port, 4500);
	ck_assert_uint_eq(h.last_port, 4500);
	ck_assert(sa->children->udp_encapsulation);
	sa = ike_engine_sa_next(d.sun->engine, NULL);
	ck_assert(sa->nat_local);
	ck_assert_uint_eq(sa->remote.port, 4500);
	duo_down(&d, d.moon);
	duo_end(&d);
}
END_TEST

START_TEST(encap_pretends_a_nat)
{
	struct duo d = duo_begin(false);

	d.sun_side.encap = true;
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	ck_assert(ike_engine_sa_next(d.moon->engine, NULL)->children->udp_encapsulation);
	ck_assert(ike_engine_sa_next(d.sun->engine, NULL)->children->udp_encapsulation);
	ck_assert_uint_eq(ike_engine_sa_next(d.sun->engine, NULL)->local.port, 4500);
	duo_end(&d);
}
END_TEST

START_TEST(requests_are_answered_where_they_come_from_when_the_nat_forgot)
{
	struct duo d = duo_begin(true);

	d.sun_side.no_mobike = true;
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	sim_nat_rebind(d.sun);
	duo_up(&d, d.sun, "net");
	duo_down(&d, d.moon);
	duo_end(&d);
}
END_TEST

START_TEST(a_fragment_that_is_lost_costs_one_retransmission)
{
	struct duo d = duo_begin(false);
	struct hand h = { .exchange = IKE_EXCHANGE_AUTH,
		.next_payload = IKE_PAYLOAD_SEALED_FRAGMENT,
		.from = 1,
		.drop_from = 2,
		.drop_to = 2 };

	d.sun->settings.fragment_size_v4 = d.moon->settings.fragment_size_v4 = 290;
	d.sun_side.children[0].local_ts = "10.2.0.0/24,10.2.2.0/24,10.2.4.0/24,10.2.6.0/24";
	d.world->filter = hand;
	d.world->filter_context = &h;
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	ck_assert_uint_ge(h.seen, 4);
	ck_assert(sim_node_logged(d.sun, "retransmit 1 of request with message ID 1"));
	duo_end(&d);
}
END_TEST

START_TEST(a_damaged_message_is_as_good_as_lost)
{
	struct duo d = duo_begin(false);
	struct hand h = { .from = (uint8_t)_i, .drop_from = 2, .drop_to = 2, .flip = true };

	d.world->filter = hand;
	d.world->filter_context = &h;
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	ck_assert(sim_node_logged(d.sun, "retransmit 1 of request with message ID 1"));
	duo_end(&d);
}
END_TEST

/* A payload that nobody knows, critical, with good keys: the peer is told, and lives on. */
static bool add_critical(void *context, struct sim_world *w, struct sim_flight *flight)
{
	static const uint8_t unknown[] = { 0, 0x80, 0, 8, 1, 2, 3, 4 };
	struct sim_inner inner;
	bool *done = context;

	if (*done || flight->data[18] != IKE_EXCHANGE_CREATE_CHILD_SA ||
		!sim_flight_open(w, flight, &inner))
		return true;
	*done = true;
	/* In front: what was first follows it. */
	memmove(inner.chain + sizeof(unknown), inner.chain, inner.length);
	memcpy(inner.chain, unknown, sizeof(unknown));
	inner.chain[0] = inner.first;
	inner.first = 200;
	inner.length += sizeof(unknown);
	ck_assert(sim_flight_seal(w, flight, &inner));
	return true;
}

START_TEST(a_critical_payload_that_is_unknown_ends_the_exchange_not_the_sa)
{
	struct duo d = duo_begin(false);
	bool done = false;
	const struct sim_command *command;

	duo_start(&d);
	duo_up(&d, d.sun, "net");
	d.world->filter = add_critical;
	d.world->filter_context = &done;
	command = duo_initiate(&d, d.sun, "net");
	ck_assert(done);
	ck_assert(!command->done);
	ck_assert_ptr_nonnull(strstr(command->text, "CRITICAL"));
	ck_assert_uint_eq(duo_ike_sas(d.moon), 1);
	duo_up(&d, d.sun, "net");
	duo_end(&d);
}
END_TEST

/* The answer to a deletion says that it is one to CREATE_CHILD_SA. */
static bool wrong_exchange(void *context, struct sim_world *w, struct sim_flight *flight)
{
	struct sim_inner inner;
	unsigned *changed = context;

	if (flight->data[18] != IKE_EXCHANGE_INFORMATIONAL || flight->from != 0 ||
		!(flight->data[19] & IKE_FLAG_RESPONSE) || *changed >= 2 ||
		!sim_flight_open(w, flight, &inner))
		return true;
	(*changed)++;
	inner.header.exchange = IKE_EXCHANGE_CREATE_CHILD_SA;
	ck_assert(sim_flight_seal(w, flight, &inner));
	return true;
}

START_TEST(an_answer_of_another_exchange_is_none)
{
	struct duo d = duo_begin(false);
	unsigned changed = 0;
	struct ike_terminate what = { .child = "net" };
	const struct sim_command *command;
	struct why why;

	duo_start(&d);
	duo_up(&d, d.sun, "net");
	d.world->filter = wrong_exchange;
	d.world->filter_context = &changed;
	command = sim_node_terminate(d.sun, &what, &why);
	sim_world_run(d.world, d.world->now + 100);
	ck_assert_uint_eq(changed, 1);
	ck_assert_uint_eq(command->answers, 0);
	sim_world_settle(d.world, d.world->now + IKE_SECONDS(400));
	ck_assert_uint_eq(changed, 2);
	ck_assert_uint_eq(command->answers, 1);
	ck_assert_uint_eq(duo_children(d.sun), 0);
	duo_end(&d);
}
END_TEST

TCase *network_tests(void)
{
	TCase *tests = tcase_create("network");

	tcase_add_test(tests, a_responder_under_load_wants_a_cookie_first);
	tcase_add_test(tests, a_responder_can_ask_for_another_group);
	tcase_add_loop_test(tests, a_nat_moves_both_to_port_4500_and_into_udp, 0, 2);
	tcase_add_test(tests, encap_pretends_a_nat);
	tcase_add_test(tests, requests_are_answered_where_they_come_from_when_the_nat_forgot);
	tcase_add_test(tests, a_fragment_that_is_lost_costs_one_retransmission);
	tcase_add_loop_test(tests, a_damaged_message_is_as_good_as_lost, 0, 2);
	tcase_add_test(tests, a_critical_payload_that_is_unknown_ends_the_exchange_not_the_sa);
	tcase_add_test(tests, an_answer_of_another_exchange_is_none);
	return tests;
}
