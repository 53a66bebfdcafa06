/* IKEv1 and NAT boxes (RFC 3947 and the drafts before it). */
#include "libike/ikev1/ikev1.h"
#include "testing/unit/engine/duo.h"

static struct duo begin(bool sun_behind_nat)
{
	struct duo d = duo_begin(sun_behind_nat);

	d.moon_side.version = d.sun_side.version = 1;
	d.moon_side.proposals = d.sun_side.proposals = "aes128-sha256-ecp256";
	for (size_t i = 0; i < d.world->node_count; i++)
		d.world->nodes[i].settings.aggressive_psk = true;
	return d;
}

static void assert_in_udp(const struct duo *d, bool in_udp)
{
	const struct ike_sa *sa = duo_only_sa(d->sun);

	ck_assert_uint_eq(sa->children->udp_encapsulation, in_udp);
	ck_assert_uint_eq(duo_only_sa(d->moon)->children->udp_encapsulation, in_udp);
	ck_assert_uint_eq(sa->local.port, in_udp ? 4500 : 500);
	ck_assert_uint_eq(sa->remote.port, in_udp ? 4500 : 500);
	ck_assert_uint_eq(duo_only_sa(d->moon)->local.port, in_udp ? 4500 : 500);
}

/* Vendor ids that are not to be understood are spoilt on their way; they are in no hash. */
static bool spoil(void *context, struct sim_world *w, struct sim_flight *flight)
{
	const enum isakmp_vendor *last = context;

	(void)w;
	for (int v = ISAKMP_VENDOR_NAT_T_RFC3947; v <= ISAKMP_VENDOR_NAT_T_03; v++) {
		struct bytes id = isakmp_vendor_id((enum isakmp_vendor)v);

		if (v == (int)*last)
			continue;
		for (size_t i = 0; i + id.length <= flight->length; i++)
			if (memcmp(flight->data + i, id.at, id.length) == 0)
				flight->data[i] ^= 0xff;
	}
	return true;
}

static const enum isakmp_vendor vendors[] = { ISAKMP_VENDOR_NAT_T_RFC3947, ISAKMP_VENDOR_NAT_T_02_N,
	ISAKMP_VENDOR_NAT_T_02, ISAKMP_VENDOR_NAT_T_03 };

/* Bit 0: Aggressive Mode; the rest: of the RFC or a draft. */
START_TEST(who_is_behind_a_nat_goes_to_port_4500)
{
	struct duo d = begin(true);

	d.moon_side.aggressive = d.sun_side.aggressive = _i & 1;
	d.world->filter = spoil;
	d.world->filter_context = (void *)&vendors[_i / 2];
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	ck_assert(sim_node_logged(d.sun, "local host is behind NAT"));
	ck_assert(sim_node_logged(d.moon, "remote host is behind NAT"));
	ck_assert(!sim_node_logged(d.moon, "local host is behind NAT"));
	assert_in_udp(&d, true);
	ck_assert_uint_eq(duo_only_sa(d.sun)->v1->nat_draft, _i / 2 != 0);
	duo_both_ways(&d);
	duo_down(&d, d.moon);
	duo_end(&d);
}
END_TEST

START_TEST(without_a_nat_everything_stays_on_port_500)
{
	struct duo d = begin(false);

	d.moon_side.aggressive = d.sun_side.aggressive = _i;
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	assert_in_udp(&d, false);
	duo_both_ways(&d);
	duo_down(&d, d.sun);
	duo_end(&d);
}
END_TEST

/* By either end, in either mode. */
START_TEST(encap_pretends_a_nat)
{
	struct duo d = begin(false);

	*(_i & 1 ? &d.moon_side.encap : &d.sun_side.encap) = true;
	d.moon_side.aggressive = d.sun_side.aggressive = _i & 2;
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	assert_in_udp(&d, true);
	duo_both_ways(&d);
	duo_down(&d, d.sun);
	duo_end(&d);
}
END_TEST

/* The first of Aggressive Mode's last messages that goes from port 4500 does not arrive. */
static bool drop_last(void *context, struct sim_world *w, struct sim_flight *flight)
{
	bool *done = context;

	(void)w;
	if (*done || flight->data[18] != ISAKMP_EXCHANGE_AGGRESSIVE || flight->source.port != 4500)
		return true;
	*done = true;
	return false;
}

START_TEST(aggressive_mode_stays_on_port_4500_when_its_last_message_is_lost)
{
	struct duo d = begin(_i);
	bool done = false;

	d.sun_side.encap = true;
	d.moon_side.aggressive = d.sun_side.aggressive = true;
	d.world->filter = drop_last;
	d.world->filter_context = &done;
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	ck_assert(done);
	ck_assert(!sim_node_logged(d.moon, "local host is behind NAT"));
	assert_in_udp(&d, true);
	duo_both_ways(&d);
	duo_down(&d, d.moon);
	duo_end(&d);
}
END_TEST

START_TEST(a_nat_that_gives_another_port_is_followed)
{
	struct duo d = begin(true);
	struct ike_rekey what = { .child = "net" };
	struct why why = { "" };

	duo_start(&d);
	duo_up(&d, d.sun, "net");
	duo_both_ways(&d);
	sim_nat_rebind(d.sun);
	ck_assert_int_eq(duo_send_from(&d, d.moon), SIM_LOST);
	if (_i) /* a message of the peer's shows it, or a packet */
		ck_assert(sim_node_rekey(d.sun, &what, &why));
	else
		ck_assert_int_eq(duo_send_from(&d, d.sun), SIM_ARRIVED);
	sim_world_run(d.world, d.world->now + IKE_SECONDS(20));
	ck_assert(sim_node_logged(d.moon, "moves from"));
	duo_both_ways(&d);
	duo_down(&d, d.moon);
	duo_end(&d);
}
END_TEST

/* The NAT may give the new IKE SA another port: the children, which did not change, go along. */
START_TEST(children_come_over_to_the_path_of_the_new_ike_sa)
{
	struct duo d = begin(true);
	struct ike_rekey what = { .ike = "moon", .reauth = true };
	struct why why = { "" };

	duo_start(&d);
	duo_up(&d, d.sun, "net");
	if (_i)
		sim_nat_rebind(d.sun);
	ck_assert(sim_node_rekey(d.sun, &what, &why));
	sim_world_run(d.world, d.world->now + IKE_SECONDS(60));
	assert_in_udp(&d, true);
	duo_both_ways(&d);
	duo_down(&d, d.moon);
	duo_end(&d);
}
END_TEST

START_TEST(transport_mode_works_behind_a_nat)
{
	struct duo d = begin(true);

	for (int i = 0; i < 2; i++) {
		struct sim_definition *side = i ? &d.moon_side : &d.sun_side;

		side->children[0].mode = IKE_MODE_TRANSPORT;
		side->children[0].local_ts = side->children[0].remote_ts = "dynamic";
	}
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	assert_in_udp(&d, true);
	ck_assert_int_eq(duo_only_sa(d.sun)->children->mode, IKE_MODE_TRANSPORT);
	duo_down(&d, d.moon);
	duo_end(&d);
}
END_TEST

TCase *ikev1_nat_tests(void)
{
	TCase *c = tcase_create("ikev1 nat");

	tcase_set_timeout(c, 60);
	tcase_add_loop_test(c, who_is_behind_a_nat_goes_to_port_4500, 0, 8);
	tcase_add_loop_test(c, without_a_nat_everything_stays_on_port_500, 0, 2);
	tcase_add_loop_test(c, encap_pretends_a_nat, 0, 4);
	tcase_add_loop_test(
		c, aggressive_mode_stays_on_port_4500_when_its_last_message_is_lost, 0, 2);
	tcase_add_loop_test(c, a_nat_that_gives_another_port_is_followed, 0, 2);
	tcase_add_loop_test(c, children_come_over_to_the_path_of_the_new_ike_sa, 0, 2);
	tcase_add_test(c, transport_mode_works_behind_a_nat);
	return c;
}
