/* SAs for one processor each (RFC 9611, per_cpu_sas): made by acquires beside the one of all, kept
 * by rekeying, reload and reauthentication, and no more of them than the peer wants. */
#include "testing/unit/engine/duo.h"

#define PATIENCE IKE_SECONDS(60)

static void adjust(void *context, struct ike_connection *c)
{
	c->children[0]->per_cpu_sas = *(const uint8_t *)context;
}

static uint8_t yes = IKE_PER_CPU_YES, no = IKE_PER_CPU_NO, encap = IKE_PER_CPU_ENCAP;

/* sun has two processors and a trap, moon four. */
static struct duo begin(uint8_t *moons, uint8_t *suns, bool nat)
{
	struct duo d = duo_begin(nat);

	d.moon_side.adjust = d.sun_side.adjust = adjust;
	d.moon_side.adjust_context = moons;
	d.sun_side.adjust_context = suns;
	d.sun_side.children[0].start_action = IKE_ACTION_TRAP;
	d.moon->processors = 4;
	d.sun->processors = 2;
	duo_start(&d);
	return d;
}

static void settle(struct duo *d)
{
	sim_world_settle(d->world, d->world->now + PATIENCE);
}

/* A packet of that processor (-1: the kernel has no SA at all for it) meets sun's trap. */
static void acquire(struct duo *d, int processor)
{
	struct ike_acquire what = {
		.reqid = ike_engine_trap(d->sun->engine, 0)->reqid,
		.one_processor = processor >= 0,
		.processor = processor >= 0 ? (uint32_t)processor : 0,
	};

	sim_node_acquire(d->sun, &what);
	settle(d);
}

static unsigned count(const struct sim_node *n, bool one_processor)
{
	const struct ike_sa *sa = NULL;
	unsigned found = 0;

	while ((sa = ike_engine_sa_next(n->engine, sa)))
		for (const struct ike_child *c = sa->children; c; c = c->next)
			found += c->state == IKE_CHILD_INSTALLED &&
				 c->one_processor == one_processor;
	return found;
}

static const struct ike_child *child_of(const struct sim_node *n, int processor)
{
	const struct ike_sa *sa = NULL;

	while ((sa = ike_engine_sa_next(n->engine, sa)))
		for (const struct ike_child *c = sa->children; c; c = c->next)
			if (c->state == IKE_CHILD_INSTALLED &&
				(processor < 0 ? !c->one_processor
					       : c->one_processor &&
							 c->processor == (uint32_t)processor))
				return c;
	return NULL;
}

static const struct sim_kernel_sa *in_kernel(
	const struct sim_node *n, const struct ike_child *child, bool inbound)
{
	const struct ike_kernel_id id = ike_child_kernel_id(child, inbound);
	const struct sim_kernel_sa *sa = sim_kernel_sa_find(&n->kernel, &id);

	ck_assert_ptr_nonnull(sa);
	return sa;
}

/* The SA of all, and one for each of sun's processors. */
static void all_up(struct duo *d)
{
	acquire(d, -1);
	ck_assert_uint_eq(count(d->sun, false), 1);
	acquire(d, 0);
	acquire(d, 1);
	ck_assert_uint_eq(count(d->sun, true), 2);
	ck_assert_uint_eq(count(d->moon, true), 2);
	ck_assert_uint_eq(count(d->moon, false), 1);
}

static void packet_of(struct duo *d, uint32_t processor, const struct sim_kernel_sa *sa)
{
	struct ike_selector local, remote;
	struct why why;
	uint64_t before = sa->packets;

	ck_assert(ike_selector_parse(d->sun_side.children[0].local_ts, &local, &why));
	ck_assert(ike_selector_parse(d->sun_side.children[0].remote_ts, &remote, &why));
	struct sim_packet packet = sim_packet_of(&local, &remote);
	packet.processor = processor;
	ck_assert_int_eq(sim_traffic_send(d->sun, &packet, NULL), SIM_ARRIVED);
	ck_assert_uint_eq(sa->packets, before + 1);
}

START_TEST(each_processor_that_asks_has_its_own)
{
	struct duo d = begin(&yes, &yes, false);

	all_up(&d);
	const struct ike_child *common = child_of(d.sun, -1);
	for (int i = 0; i < 2; i++) {
		const struct ike_child *own = child_of(d.sun, i);

		ck_assert_ptr_nonnull(own);
		ck_assert_uint_eq(own->reqid, common->reqid);
		ck_assert_ptr_eq(own->sa, common->sa);
		for (int inbound = 0; inbound < 2; inbound++) {
			const struct sim_kernel_sa *sa = in_kernel(d.sun, own, inbound);

			ck_assert(sa->one_processor);
			ck_assert_uint_eq(sa->processor, (uint32_t)i);
		}
		packet_of(&d, (uint32_t)i, in_kernel(d.sun, own, false));
		/* the responder has chosen its own */
		ck_assert_ptr_nonnull(child_of(d.moon, i));
	}
	packet_of(&d, 7, in_kernel(d.sun, common, false));
	ck_assert(!in_kernel(d.sun, common, false)->one_processor);
	for (const struct sim_kernel_policies *p = d.sun->kernel.policies; p; p = p->next) {
		ck_assert(p->is.for_each_processor);
		ck_assert_uint_eq(p->is.spi_out, 0);
	}
	/* asked again, it has one */
	acquire(&d, 1);
	ck_assert_uint_eq(count(d.sun, true), 2);
	duo_end(&d);
}
END_TEST

START_TEST(they_are_no_twins)
{
	struct duo d = begin(&yes, &yes, false);

	all_up(&d);
	duo_pass(&d, IKE_SECONDS(300));
	ck_assert_uint_eq(duo_children(d.sun), 3);
	ck_assert_uint_eq(duo_children(d.moon), 3);
	duo_end(&d);
}
END_TEST

/* By either end. */
START_TEST(rekeying_keeps_the_processor)
{
	struct duo d = begin(&yes, &yes, false);
	struct sim_node *who = _i ? d.moon : d.sun;
	const struct ike_rekey what = { .child = "net" };
	uint32_t spis[3];
	struct why why = { "" };

	all_up(&d);
	for (int i = -1; i < 2; i++)
		spis[i + 1] = child_of(d.sun, i)->spi_in;
	ck_assert_msg(sim_node_rekey(who, &what, &why), "%s", why.text);
	settle(&d);
	for (int i = -1; i < 2; i++) {
		const struct ike_child *now = child_of(d.sun, i);

		ck_assert_ptr_nonnull(now);
		ck_assert_uint_ne(now->spi_in, spis[i + 1]);
		ck_assert(now->per_processor);
		ck_assert_ptr_nonnull(child_of(d.moon, i));
		ck_assert_int_eq(in_kernel(d.sun, now, false)->one_processor, i >= 0);
	}
	ck_assert_uint_eq(duo_children(d.sun), 3);
	ck_assert_uint_eq(duo_children(d.moon), 3);
	duo_end(&d);
}
END_TEST

/* What is for all processors ends alone: it comes again, whoever ended it. */
START_TEST(the_one_for_all_is_made_again)
{
	struct duo d = begin(&yes, &yes, false);
	struct why why = { "" };

	all_up(&d);
	d.sun_side.children[0].start_action = IKE_ACTION_TRAP | IKE_ACTION_START;
	d.sun_side.children[0].close_action = IKE_ACTION_START;
	ck_assert(sim_node_load(d.sun, sim_define(&d.sun_side), &why));
	const struct ike_child *common = child_of(d.moon, -1);
	ck_assert_ptr_nonnull(sim_node_terminate(
		d.moon, &(struct ike_terminate){ .child_id = common->unique_id }, &why));
	duo_pass(&d, IKE_SECONDS(60));
	ck_assert_uint_eq(count(d.sun, false), 1);
	ck_assert_uint_eq(count(d.sun, true), 2);
	ck_assert_uint_eq(count(d.moon, false), 1);
	duo_end(&d);
}
END_TEST

START_TEST(reload_leaves_them)
{
	struct duo d = begin(&yes, &yes, false);
	struct why why = { "" };

	all_up(&d);
	uint32_t spi = child_of(d.sun, 1)->spi_in;
	d.sun_side.children[0].close_action = IKE_ACTION_TRAP;
	ck_assert(sim_node_load(d.sun, sim_define(&d.sun_side), &why));
	duo_pass(&d, IKE_SECONDS(60));
	ck_assert_uint_eq(duo_children(d.sun), 3);
	ck_assert_uint_eq(child_of(d.sun, 1)->spi_in, spi);
	/* what is no longer wanted goes, and one remains */
	d.sun_side.adjust_context = &no;
	ck_assert(sim_node_load(d.sun, sim_define(&d.sun_side), &why));
	duo_pass(&d, IKE_SECONDS(60));
	ck_assert_uint_eq(duo_children(d.sun), 1);
	ck_assert_uint_eq(duo_children(d.moon), 1);
	ck_assert(!child_of(d.sun, -1)->per_processor);
	duo_end(&d);
}
END_TEST

/* The child is made anew, and a processor's next packet brings its own soon after: no twin. */
START_TEST(after_a_change_they_come_again)
{
	struct duo d = begin(&yes, &yes, false);
	struct why why = { "" };

	all_up(&d);
	d.sun_side.children[0].priority = 1000;
	ck_assert(sim_node_load(d.sun, sim_define(&d.sun_side), &why));
	duo_pass(&d, IKE_SECONDS(5));
	ck_assert_uint_eq(count(d.sun, false), 1);
	ck_assert_uint_eq(count(d.sun, true), 0);
	acquire(&d, 0);
	acquire(&d, 1);
	ck_assert_uint_eq(count(d.sun, false), 1);
	ck_assert_uint_eq(count(d.sun, true), 2);
	duo_end(&d);
}
END_TEST

/* Make before break, and the other way. */
START_TEST(reauthentication_has_all_of_them)
{
	struct duo d = begin(&yes, &yes, false);
	const struct ike_rekey what = { .ike = "moon", .reauth = true };
	struct why why = { "" };

	all_up(&d);
	d.sun->settings.make_before_break = _i;
	ike_engine_settings(d.sun->engine, &d.sun->settings);
	ck_assert(sim_node_rekey(d.sun, &what, &why));
	duo_pass(&d, IKE_SECONDS(120));
	ck_assert_uint_eq(duo_ike_sas(d.sun), 1);
	ck_assert_uint_eq(count(d.sun, false), 1);
	ck_assert_uint_eq(count(d.sun, true), 2);
	ck_assert_uint_eq(count(d.moon, false), 1);
	ck_assert_uint_eq(count(d.moon, true), 2);
	duo_end(&d);
}
END_TEST

/* A peer whose definition does not have it: one child, and the kernel is not told to ask for more.
 */
START_TEST(a_peer_without_it_has_one)
{
	struct duo d = begin(&no, &yes, false);

	acquire(&d, -1);
	acquire(&d, 0);
	acquire(&d, 1);
	ck_assert_uint_eq(duo_children(d.sun), 1);
	ck_assert(!child_of(d.sun, -1)->per_processor);
	ck_assert(sim_node_logged(d.sun, "the peer has no per-CPU SAs for it"));
	for (const struct sim_kernel_policies *p = d.sun->kernel.policies; p; p = p->next)
		ck_assert_int_eq(p->is.for_each_processor, p->is.kind == IKE_POLICY_TRAP);
	duo_end(&d);
}
END_TEST

/* Neither end's kernel has to be able to. */
START_TEST(a_kernel_without_it_has_one)
{
	struct duo d = duo_begin(false);

	d.moon_side.adjust = d.sun_side.adjust = adjust;
	d.moon_side.adjust_context = d.sun_side.adjust_context = &yes;
	d.sun_side.children[0].start_action = IKE_ACTION_TRAP;
	d.moon->processors = _i ? 4 : 0;
	d.sun->processors = _i ? 0 : 4;
	duo_start(&d);
	ck_assert(sim_node_logged(_i ? d.sun : d.moon,
		"per_cpu_sas of 'net' has no effect: this kernel has no per-CPU SAs"));
	acquire(&d, -1);
	acquire(&d, 1);
	ck_assert_uint_eq(duo_children(d.sun), 1);
	ck_assert_uint_eq(duo_children(d.moon), 1);
	ck_assert_uint_eq(count(d.sun, true), 0);
	for (const struct sim_kernel_policies *p = d.moon->kernel.policies; p; p = p->next)
		ck_assert(!p->is.for_each_processor);
	duo_end(&d);
}
END_TEST

/* moon's definition loses it while sun's SAs are up: it wants no further one, and is asked once. */
START_TEST(a_peer_that_has_enough_is_not_asked_again)
{
	struct duo d = begin(&yes, &yes, false);
	struct why why = { "" };

	acquire(&d, -1);
	acquire(&d, 0);
	ck_assert_uint_eq(count(d.sun, true), 1);
	/* the responder's definition without it, but the child as it was */
	ike_engine_processors(d.moon->engine, 0);
	acquire(&d, 1);
	ck_assert(sim_node_logged(d.sun, "peer wants no further CHILD_SA 'net'"));
	ck_assert_uint_eq(duo_children(d.sun), 2);
	ck_assert_uint_eq(duo_children(d.moon), 2);
	uint32_t requests = duo_only_sa(d.sun)->next_request;
	acquire(&d, 1);
	ck_assert_uint_eq(duo_only_sa(d.sun)->next_request, requests);
	ck_assert_ptr_null(duo_only_sa(d.sun)->active);
	/* one of them ends: there may be room */
	ike_engine_processors(d.moon->engine, 4);
	const struct ike_terminate what = { .child_id = child_of(d.sun, 0)->unique_id };
	size_t matched;
	ck_assert(ike_engine_terminate(d.sun->engine, sim_node_now(d.sun), &what, &matched, &why));
	settle(&d);
	acquire(&d, 1);
	ck_assert_uint_eq(count(d.sun, true), 1);
	ck_assert_ptr_nonnull(child_of(d.sun, 1));
	duo_end(&d);
}
END_TEST

/* sun has fewer processors than moon has: moon's further ones share them. */
START_TEST(a_peer_with_more_processors_has_as_many_as_it_wants)
{
	struct duo d = duo_begin(false);

	d.moon_side.adjust = d.sun_side.adjust = adjust;
	d.moon_side.adjust_context = d.sun_side.adjust_context = &yes;
	d.sun_side.children[0].start_action = IKE_ACTION_TRAP;
	d.moon->processors = 2;
	d.sun->processors = 4;
	duo_start(&d);
	acquire(&d, -1);
	for (int i = 3; i >= 0; i--)
		acquire(&d, i);
	ck_assert_uint_eq(count(d.sun, true), 4);
	ck_assert_uint_eq(count(d.moon, true), 4);
	unsigned of_first = 0;
	for (const struct ike_child *c = duo_only_sa(d.moon)->children; c; c = c->next)
		of_first += c->one_processor && c->processor == 0;
	ck_assert_uint_eq(of_first, 2);
	duo_pass(&d, IKE_SECONDS(120));
	ck_assert_uint_eq(duo_children(d.moon), 5);
	duo_end(&d);
}
END_TEST

/* What sends for one processor has a port of its own, which it keeps; the peer expects any. */
START_TEST(encapsulated_each_has_a_port)
{
	struct duo d = begin(&encap, &encap, true);

	all_up(&d);
	const struct ike_child *own = child_of(d.sun, 1), *common = child_of(d.sun, -1);
	ck_assert(own->udp_encapsulation);
	uint16_t port = in_kernel(d.sun, own, false)->id.source.port;
	ck_assert_uint_ge(port, 49152);
	ck_assert_uint_eq(in_kernel(d.sun, own, false)->id.destination.port, 4500);
	ck_assert_uint_eq(in_kernel(d.sun, own, true)->id.source.port, 0);
	ck_assert_uint_eq(in_kernel(d.sun, common, false)->id.source.port, 4500);
	ck_assert_uint_eq(in_kernel(d.moon, child_of(d.moon, 1), true)->id.source.port, 0);
	/* the kernel sees packets from there; the NAT has not moved anything */
	struct address seen = duo_only_sa(d.moon)->remote, was = seen;
	seen.port = port;
	ike_engine_mapping(
		d.moon->engine, sim_node_now(d.moon), child_of(d.moon, 1)->spi_in, &seen);
	settle(&d);
	ck_assert(address_equal(&duo_only_sa(d.moon)->remote, &was));
	duo_end(&d);
}
END_TEST

TCase *processor_tests(void)
{
	TCase *test = tcase_create("processors");

	tcase_add_test(test, each_processor_that_asks_has_its_own);
	tcase_add_test(test, they_are_no_twins);
	tcase_add_loop_test(test, rekeying_keeps_the_processor, 0, 2);
	tcase_add_test(test, the_one_for_all_is_made_again);
	tcase_add_test(test, reload_leaves_them);
	tcase_add_test(test, after_a_change_they_come_again);
	tcase_add_loop_test(test, reauthentication_has_all_of_them, 0, 2);
	tcase_add_test(test, a_peer_without_it_has_one);
	tcase_add_loop_test(test, a_kernel_without_it_has_one, 0, 2);
	tcase_add_test(test, a_peer_that_has_enough_is_not_asked_again);
	tcase_add_test(test, a_peer_with_more_processors_has_as_many_as_it_wants);
	tcase_add_test(test, encapsulated_each_has_a_port);
	return test;
}
