/* IKEv1: what one end has lost, or has not heard of, and the other one keeps. */
#include "testing/unit/engine/duo.h"

#define EXCHANGE_INFORMATIONAL 5
#define EXCHANGE_QUICK 32
#define PAYLOAD_NAT_D 20

static void load(const struct duo *d, struct sim_node *n)
{
	struct why why = { "" };

	sim_node_psk(n, n == d->moon ? d->moon_psk : d->sun_psk, NULL);
	ck_assert_msg(
		sim_node_load(n, sim_define(n == d->moon ? &d->moon_side : &d->sun_side), &why),
		"%s", why.text);
}

/* Power fails; it comes back without anything of what was up. */
static void restart(struct duo *d, struct sim_node *n)
{
	sim_node_crash(n);
	duo_pass(d, 100);
	sim_node_start(n);
	load(d, n);
}

/* Children "net" and "web", and so many of each end; all of them work. */
static void check(struct duo *d, unsigned children)
{
	ck_assert_uint_eq(duo_ike_sas(d->moon), 1);
	ck_assert_uint_eq(duo_ike_sas(d->sun), 1);
	ck_assert_uint_eq(duo_children(d->moon), children);
	ck_assert_uint_eq(duo_children(d->sun), children);
	ck_assert_uint_eq(sim_check_agreement(d->world, false), 0);
}

/* Moon wants "net", sun wants "web". */
static struct duo begin_each_wants_one(void)
{
	struct duo d = duo_begin_ikev1(false);

	for (int i = 0; i < 2; i++) {
		struct sim_definition *side = i ? &d.moon_side : &d.sun_side;

		side->dpd_delay = 600;
		side->children[1] = side->children[0];
		side->children[1].name = "web";
		side->children[1].local_ts = i ? "10.3.0.0/16" : "10.4.0.0/16";
		side->children[1].remote_ts = i ? "10.4.0.0/16" : "10.3.0.0/16";
	}
	d.moon_side.children[0].start_action = d.sun_side.children[1].start_action =
		IKE_ACTION_START;
	return d;
}

/* It begins without INITIAL_CONTACT (unique = never there, _i = 0), or that is not heard (never
 * here): the IKE SA of before is silent, and what the peer does not bring itself is made anew. */
START_TEST(what_a_peer_that_started_anew_has_lost_is_made_again)
{
	struct duo d = begin_each_wants_one();

	(_i ? &d.sun_side : &d.moon_side)->unique = IKE_UNIQUE_NEVER;
	duo_start(&d);
	duo_pass(&d, IKE_SECONDS(60));
	check(&d, 2);
	restart(&d, d.moon);
	duo_pass(&d, IKE_SECONDS(300));
	ck_assert(sim_node_logged(d.sun, "it may not have CHILD_SA web"));
	check(&d, 2);
	duo_end(&d);
}
END_TEST

/* A peer that goes on has all: it answers under the old IKE SA, and keys stay. */
START_TEST(what_a_peer_still_has_stays_as_it_is)
{
	struct duo d = begin_each_wants_one();
	struct ike_rekey what = { .reauth = true };
	struct sim_node *by;
	struct why why;

	duo_start(&d);
	duo_pass(&d, IKE_SECONDS(60));
	by = _i ? d.sun : d.moon;
	what.ike = duo_name(&d, by);
	ck_assert(sim_node_rekey(by, &what, &why));
	duo_pass(&d, IKE_SECONDS(300));
	check(&d, 2);
	ck_assert(!sim_node_logged(d.sun, "it may not have CHILD_SA"));
	ck_assert(!sim_node_logged(d.moon, "it may not have CHILD_SA"));
	duo_end(&d);
}
END_TEST

/* Sun reauthenticates while nothing asks whether moon lives, and moon has nothing. */
START_TEST(a_responder_that_has_lost_all_says_so)
{
	struct duo d = duo_begin_ikev1(false);
	struct ike_rekey what = { .reauth = true };
	struct why why;

	d.sun_side.children[0].start_action = d.sun_side.children[0].dpd_action = IKE_ACTION_START;
	duo_start(&d);
	duo_pass(&d, IKE_SECONDS(60));
	check(&d, 1);
	restart(&d, d.moon);
	duo_pass(&d, IKE_SECONDS(60));
	ck_assert_uint_eq(duo_children(d.moon), 0);
	what.ike = duo_name(&d, d.sun);
	ck_assert(sim_node_rekey(d.sun, &what, &why));
	duo_pass(&d, IKE_SECONDS(60));
	ck_assert(sim_node_logged(d.sun, "peer has forgotten CHILD_SA net"));
	check(&d, 1);
	duo_end(&d);
}
END_TEST

/* Moon has gone elsewhere, and sun has two places for it: reauthentication finds the other one. */
START_TEST(reauthentication_follows_a_peer_that_moved)
{
	struct duo d = _i ? duo_begin(false) : duo_begin_ikev1(false);
	struct ike_rekey what = { .reauth = true };
	struct address address;
	struct why why;

	d.sun_side.remote_addrs = "192.0.2.1,192.0.2.77";
	d.sun_side.no_mobike = d.moon_side.no_mobike = true;
	d.sun_side.children[0].start_action = IKE_ACTION_START;
	duo_start(&d);
	duo_pass(&d, IKE_SECONDS(60));
	check(&d, 1);
	sim_node_crash(d.moon);
	ck_assert(address_parse("192.0.2.77", &address));
	sim_node_move(d.moon, 0, &address);
	sim_node_start(d.moon);
	load(&d, d.moon);
	what.ike = duo_name(&d, d.sun);
	ck_assert(sim_node_rekey(d.sun, &what, &why));
	duo_pass(&d, IKE_SECONDS(600));
	ck_assert_uint_eq(duo_ike_sas(d.moon), 1);
	ck_assert_uint_eq(duo_children(d.moon), 1);
	duo_end(&d);
}
END_TEST

/* Of sun's, until then. */
static bool lose_informational(void *context, struct sim_world *w, struct sim_flight *flight)
{
	const ike_time *until = context;

	return w->now >= *until || flight->length < 28 ||
	       flight->data[18] != EXCHANGE_INFORMATIONAL;
}

START_TEST(a_delete_of_a_child_outlives_a_short_outage)
{
	static const ike_time outages[] = { 1, 4, 15, 50 };
	struct duo d = begin_each_wants_one();
	struct ike_terminate what = { .child = "web" };
	struct why why;
	ike_time until;

	duo_start(&d);
	duo_pass(&d, IKE_SECONDS(60));
	check(&d, 2);
	until = d.world->now + IKE_SECONDS(outages[_i]);
	d.world->filter = lose_informational;
	d.world->filter_context = &until;
	ck_assert_msg(sim_node_terminate(d.sun, &what, &why), "%s", why.text);
	duo_pass(&d, IKE_SECONDS(90));
	check(&d, 1);
	duo_end(&d);
}
END_TEST

/* Of moon's messages of Quick Mode, the first one alone arrives until then. */
struct half {
	const struct sim_node *moon;
	ike_time until;
	unsigned count;
};

static bool lose_message_3(void *context, struct sim_world *w, struct sim_flight *flight)
{
	struct half *half = context;

	if (w->now >= half->until || flight->from != half->moon->index || flight->length < 28 ||
		flight->data[18] != EXCHANGE_QUICK)
		return true;
	return half->count++ == 0;
}

/* When sun's wish is due there is one that moon began: with that the wish is content, but it never
 * comes up. */
START_TEST(a_child_that_stays_half_is_no_tunnel)
{
	struct duo d = duo_begin_ikev1(false);
	const char *remote_ts = d.moon_side.children[0].remote_ts;
	struct half half = { .moon = d.moon };
	struct why why;

	d.sun_side.children[0].start_action = IKE_ACTION_START;
	d.moon_side.children[0].remote_ts = "10.99.0.0/16";
	duo_start(&d);
	duo_pass(&d, 500); /* moon has refused it once */
	ck_assert_uint_eq(duo_children(d.sun), 0);
	d.moon_side.children[0].remote_ts = remote_ts;
	load(&d, d.moon);
	half.until = d.world->now + IKE_SECONDS(60);
	d.world->filter = lose_message_3;
	d.world->filter_context = &half;
	ck_assert_msg(sim_node_initiate(d.moon, "sun", "net", &why), "%s", why.text);
	duo_pass(&d, IKE_SECONDS(20));
	ck_assert_uint_gt(half.count, 1);
	duo_pass(&d, IKE_SECONDS(280));
	check(&d, 1);
	duo_end(&d);
}
END_TEST

/* NAT-D payloads of that end's messages in the clear. */
struct damage {
	const struct sim_node *from;
	unsigned done;
};

static bool damage_nat_d(void *context, struct sim_world *w, struct sim_flight *flight)
{
	struct damage *damage = context;
	uint8_t *data = flight->data, type = flight->length < 28 ? 0 : data[16];
	size_t at = 28, length = 0;

	(void)w;
	if (flight->from != damage->from->index || type == 0 || (data[19] & 1))
		return true;
	for (; type != 0 && at + 4 < flight->length; type = data[at], at += length) {
		length = (size_t)data[at + 2] << 8 | data[at + 3];
		if (type == PAYLOAD_NAT_D) {
			data[at + 4] ^= 1;
			damage->done++;
		}
	}
	return true;
}

/* In Main Mode the responder's (_i = 0) or the initiator's, in Aggressive Mode the responder's. */
START_TEST(damaged_nat_hashes_do_not_part_the_ends)
{
	struct duo d = duo_begin_ikev1(_i == 2);
	struct damage damage = { .from = _i == 1 ? d.sun : d.moon };
	struct ike_rekey what = { .child = "net" };
	struct why why;

	d.world->filter = damage_nat_d;
	d.world->filter_context = &damage;
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	ck_assert_uint_eq(damage.done, 2);
	/* The other end may begin, too. */
	ck_assert(sim_node_rekey(d.moon, &what, &why));
	duo_pass(&d, IKE_SECONDS(30));
	check(&d, 1);
	duo_end(&d);
}
END_TEST

TCase *ikev1_lost_tests(void)
{
	TCase *c = tcase_create("lost");

	tcase_set_timeout(c, 60);
	tcase_add_loop_test(c, what_a_peer_that_started_anew_has_lost_is_made_again, 0, 2);
	tcase_add_loop_test(c, what_a_peer_still_has_stays_as_it_is, 0, 2);
	tcase_add_test(c, a_responder_that_has_lost_all_says_so);
	tcase_add_loop_test(c, reauthentication_follows_a_peer_that_moved, 0, 2);
	tcase_add_loop_test(c, a_delete_of_a_child_outlives_a_short_outage, 0, 4);
	tcase_add_test(c, a_child_that_stays_half_is_no_tunnel);
	tcase_add_loop_test(c, damaged_nat_hashes_do_not_part_the_ends, 0, 3);
	return c;
}
