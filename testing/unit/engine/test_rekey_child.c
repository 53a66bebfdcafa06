/* Rekeying children: both roles, with and without PFS, collisions, losses, deletions that cross. */
#include "libike/wire/message.h"
#include "testing/unit/engine/duo.h"

static const struct ike_sa *first_sa(const struct sim_node *n)
{
	const struct ike_sa *sa = ike_engine_sa_next(n->engine, NULL);

	ck_assert_ptr_nonnull(sa);
	return sa;
}

static const struct ike_child *only_child(const struct sim_node *n)
{
	const struct ike_sa *sa = first_sa(n);

	ck_assert_ptr_nonnull(sa->children);
	ck_assert_ptr_null(sa->children->next);
	return sa->children;
}

/* Its inbound SA reaches its soft limit. */
static void soft_expire(struct sim_node *n)
{
	const struct ike_child *child = first_sa(n)->children;

	ck_assert_ptr_nonnull(child);
	while (child->state != IKE_CHILD_INSTALLED)
		child = child->next;
	struct ike_kernel_id id = ike_child_kernel_id(child, true);
	sim_node_expire(n, &id, false);
}

static void settle(struct duo *d)
{
	sim_world_run(d->world, d->world->now + 1);
	sim_world_settle(d->world, d->world->now + IKE_SECONDS(400));
}

static struct duo begin(bool pfs)
{
	struct duo d = duo_begin(false);

	if (pfs) {
		d.moon_side.children[0].proposals = "aes128gcm16-x25519";
		d.sun_side.children[0].proposals = "aes128gcm16-x25519";
	}
	return d;
}

START_TEST(a_child_is_replaced_without_a_gap)
{
	bool pfs = _i & 1;
	struct duo d = begin(pfs);
	struct sim_node *by = _i & 2 ? d.moon : d.sun;
	struct duo_stream stream;
	uint32_t spi_in, spi_out, reqid, id;

	duo_start(&d);
	duo_up(&d, d.sun, "net");
	spi_in = only_child(d.moon)->spi_in;
	spi_out = only_child(d.moon)->spi_out;
	reqid = only_child(d.moon)->reqid;
	id = only_child(d.moon)->unique_id;
	duo_stream_begin(&d, &stream, 20);
	sim_world_run(d.world, d.world->now + 1000);
	soft_expire(by);
	sim_world_run(d.world, d.world->now + IKE_SECONDS(25));
	ck_assert_uint_gt(stream.sent, 4000);
	ck_assert_uint_eq(stream.arrived, stream.sent);
	ck_assert_uint_ne(only_child(d.moon)->spi_in, spi_in);
	ck_assert_uint_ne(only_child(d.moon)->spi_out, spi_out);
	ck_assert_uint_ne(only_child(d.moon)->unique_id, id);
	ck_assert_uint_eq(only_child(d.moon)->reqid, reqid);
	ck_assert_uint_eq(only_child(d.moon)->suite.group != 0, pfs);
	/* To everybody who listens it is the same tunnel. */
	ck_assert_int_eq(d.moon->child_up, 1);
	ck_assert_uint_eq(d.world->children_up, 2);
	ck_assert_uint_eq(ike_engine_counters(d.moon->engine, NULL)[IKE_COUNTER_CHILD_REKEY], 1);
	ck_assert_uint_eq(ike_engine_counters(d.sun->engine, NULL)[IKE_COUNTER_CHILD_REKEY], 1);
	duo_down(&d, d.moon);
	ck_assert_int_eq(d.moon->child_up, 0);
	duo_end(&d);
}
END_TEST

START_TEST(the_old_inbound_sa_stays_for_what_is_under_way)
{
	struct duo d = begin(false);
	struct ike_kernel_id old;

	d.moon->settings.delete_rekeyed_delay = _i ? 0 : IKE_SECONDS(5);
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	old = ike_child_kernel_id(only_child(d.moon), true);
	soft_expire(d.sun);
	sim_world_run(d.world, d.world->now + IKE_SECONDS(4));
	ck_assert_int_eq(sim_kernel_sa_find(&d.moon->kernel, &old) == NULL, _i);
	ck_assert_uint_eq(duo_children(d.moon), _i ? 1 : 2);
	sim_world_run(d.world, d.world->now + IKE_SECONDS(2));
	ck_assert_ptr_null(sim_kernel_sa_find(&d.moon->kernel, &old));
	ck_assert_uint_eq(duo_children(d.moon), 1);
	duo_end(&d);
}
END_TEST

START_TEST(the_responder_may_ask_for_another_group)
{
	struct duo d = begin(true);
	const struct ike_child *child;

	d.sun_side.children[0].proposals = "aes128gcm16-x25519-ecp256";
	d.moon_side.children[0].proposals = "aes128gcm16-ecp256";
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	soft_expire(d.sun);
	settle(&d);
	child = only_child(d.sun);
	ck_assert_uint_eq(child->suite.group, IKE_GROUP_ECP_256);
	ck_assert_int_eq(d.moon->child_up, 1);
	duo_end(&d);
}
END_TEST

START_TEST(marks_that_are_unique_stay)
{
	struct duo d = begin(false);
	struct ike_connection *c;
	struct why why;
	uint32_t mark;

	duo_start(&d);
	c = sim_define(&d.sun_side);
	c->children[0]->mark_in = c->children[0]->mark_out =
		(struct ike_mark){ IKE_MARK_UNIQUE, UINT32_MAX };
	c->children[0]->if_id_in = c->children[0]->if_id_out = IKE_IF_ID_UNIQUE;
	ck_assert(sim_node_load(d.sun, c, &why));
	ck_assert(duo_initiate(&d, d.sun, "net")->done);
	mark = only_child(d.sun)->mark_in.value;
	soft_expire(d.sun);
	settle(&d);
	soft_expire(d.moon);
	settle(&d);
	ck_assert_uint_eq(only_child(d.sun)->mark_in.value, mark);
	ck_assert_uint_eq(only_child(d.sun)->mark_out.value, mark);
	ck_assert_uint_eq(only_child(d.sun)->if_id_in, mark);
	duo_end(&d);
}
END_TEST

/* Both ways that the nonces can fall. */
START_TEST(when_both_rekey_at_once_one_new_child_stays)
{
	struct duo d = begin(_i & 1);
	struct duo_stream stream;
	unsigned rounds = 10;

	duo_start(&d);
	duo_up(&d, d.sun, "net");
	duo_stream_begin(&d, &stream, 120);
	for (unsigned i = 0; i < rounds; i++) {
		uint32_t old = only_child(d.moon)->spi_in;

		soft_expire(d.sun);
		/* Crossing, or after the other's request or answer was sent. */
		sim_world_run(d.world, d.world->now + (_i / 2) * 4);
		if (first_sa(d.moon)->children->state == IKE_CHILD_INSTALLED)
			soft_expire(d.moon);
		sim_world_run(d.world, d.world->now + IKE_SECONDS(10));
		ck_assert_uint_ne(only_child(d.moon)->spi_in, old);
		ck_assert_uint_eq(sim_check_agreement(d.world, false), 0);
		ck_assert_msg(d.world->complaints == 0, "%s", d.world->complaint);
	}
	sim_world_run(d.world, d.world->now + IKE_SECONDS(30));
	ck_assert_uint_eq(stream.arrived, stream.sent);
	ck_assert_int_eq(d.moon->child_up, 1);
	ck_assert_int_eq(d.sun->child_up, 1);
	if (_i == 0) {
		ck_assert(sim_node_logged(d.sun, "collision lost"));
		ck_assert(sim_node_logged(d.moon, "collision lost"));
	}
	duo_end(&d);
}
END_TEST

START_TEST(whatever_is_lost_comes_right_again)
{
	static const ike_time second_after[] = { -1, 0, 5, 15, 25 };
	struct duo_dropper dropper = { 0, (unsigned)_i / 8 + 1, (unsigned)_i % 8 + 1 };

	for (size_t i = 0; i < sizeof(second_after) / sizeof(*second_after); i++) {
		struct duo d = begin(false);
		struct duo_stream stream;
		uint32_t old;

		duo_start(&d);
		duo_up(&d, d.sun, "net");
		old = only_child(d.moon)->spi_in;
		duo_stream_begin(&d, &stream, 60);
		dropper.seen = 0;
		d.world->filter = duo_drop;
		d.world->filter_context = &dropper;
		soft_expire(d.sun);
		if (second_after[i] >= 0) {
			sim_world_run(d.world, d.world->now + second_after[i]);
			soft_expire(d.moon);
		}
		sim_world_run(d.world, d.world->now + IKE_SECONDS(70));
		ck_assert_uint_ne(only_child(d.moon)->spi_in, old);
		ck_assert_uint_eq(stream.arrived, stream.sent);
		ck_assert_int_eq(d.moon->child_up, 1);
		ck_assert_int_eq(d.sun->child_up, 1);
		duo_end(&d);
	}
}
END_TEST

START_TEST(a_deletion_that_crosses_rekeying_prevails)
{
	static const ike_time after[] = { 0, 1, 5, 15, 21, 25, 31, 35, 41, 45 };

	for (size_t i = 0; i < sizeof(after) / sizeof(*after); i++) {
		struct duo d = begin(false);
		struct ike_terminate what = { .child = "net" };
		struct sim_node *deleter = _i & 1 ? d.moon : d.sun;
		const struct sim_command *command;
		struct why why;

		duo_start(&d);
		duo_up(&d, d.sun, "net");
		soft_expire(d.sun);
		sim_world_run(d.world, d.world->now + after[i]);
		command = sim_node_terminate(deleter, &what, &why);
		ck_assert_ptr_nonnull(command);
		settle(&d);
		ck_assert(command->done);
		sim_world_run(d.world, d.world->now + IKE_SECONDS(200));
		ck_assert_msg(duo_children(d.sun) == 0 && duo_children(d.moon) == 0,
			"after %d ms: %u and %u", (int)after[i], duo_children(d.sun),
			duo_children(d.moon));
		ck_assert_int_eq(d.moon->child_up, 0);
		ck_assert_int_eq(d.sun->child_up, 0);
		ck_assert_ptr_null(d.sun->kernel.sas);
		ck_assert_ptr_null(d.moon->kernel.policies);
		duo_end(&d);
	}
}
END_TEST

static bool drop_deletes_of_moon(void *context, struct sim_world *w, struct sim_flight *flight)
{
	(void)context;
	return !(flight->data[18] == IKE_EXCHANGE_INFORMATIONAL &&
		 flight->from == w->nodes[0].index);
}

/* CHILD_SA_NOT_FOUND */
START_TEST(a_child_that_the_peer_lost_is_made_anew)
{
	struct duo d = begin(false);
	struct ike_terminate what = { .child = "net", .force = true };
	struct duo_stream stream;
	struct why why;
	uint32_t old;

	duo_start(&d);
	duo_up(&d, d.sun, "net");
	old = only_child(d.sun)->spi_in;
	d.world->filter = drop_deletes_of_moon;
	ck_assert_ptr_nonnull(sim_node_terminate(d.moon, &what, &why));
	ck_assert_uint_eq(duo_children(d.moon), 0);
	soft_expire(d.sun);
	sim_world_run(d.world, d.world->now + IKE_SECONDS(1));
	ck_assert_uint_ne(only_child(d.sun)->spi_in, old);
	ck_assert_uint_eq(duo_children(d.moon), 1);
	ck_assert_int_eq(d.sun->child_up, 1);
	d.world->filter = NULL;
	duo_stream_begin(&d, &stream, 20);
	sim_world_run(d.world, d.world->now + IKE_SECONDS(60));
	ck_assert_uint_eq(stream.arrived, stream.sent);
	duo_end(&d);
}
END_TEST

START_TEST(a_tunnel_lives_as_long_as_it_is_rekeyed)
{
	struct duo d = begin(_i & 1);
	struct duo_stream stream;

	if (_i & 2) {
		d.sun_side.children[0].rekey_packets = 1000;
	} else {
		d.moon_side.children[0].rekey_time = 60;
		d.sun_side.children[0].rekey_time = 60;
	}
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	duo_stream_begin(&d, &stream, 600);
	sim_world_run(d.world, d.world->now + IKE_SECONDS(620));
	ck_assert_uint_eq(stream.arrived, stream.sent);
	ck_assert_uint_ge(
		ike_engine_counters(d.sun->engine, NULL)[IKE_COUNTER_CHILD_REKEY], _i & 2 ? 50 : 9);
	ck_assert_int_eq(d.moon->child_up, 1);
	ck_assert_uint_eq(d.world->children_up, 2);
	duo_end(&d);
}
END_TEST

START_TEST(a_child_that_cannot_be_rekeyed_is_closed_at_its_hard_limit)
{
	struct duo d = begin(false);

	/* Only in IKE_AUTH the group does not matter. */
	d.moon_side.children[0].proposals = "aes128gcm16-ecp256";
	d.sun_side.children[0].proposals = "aes128gcm16-x25519";
	d.sun_side.children[0].rekey_time = 60;
	d.sun_side.children[0].life_time = 300;
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	sim_world_run(d.world, d.world->now + IKE_SECONDS(299));
	ck_assert_uint_eq(duo_children(d.sun), 1);
	/* Asked again, and not all the time. */
	ck_assert_uint_ge(
		ike_engine_counters(d.sun->engine, NULL)[IKE_COUNTER_CREATE_CHILD_OUT_REQ], 3);
	ck_assert_uint_le(
		ike_engine_counters(d.sun->engine, NULL)[IKE_COUNTER_CREATE_CHILD_OUT_REQ], 8);
	sim_world_run(d.world, d.world->now + IKE_SECONDS(5));
	ck_assert_uint_eq(duo_children(d.sun), 0);
	ck_assert_uint_eq(duo_children(d.moon), 0);
	ck_assert(sim_node_logged(d.sun, "reached its lifetime"));
	duo_end(&d);
}
END_TEST

START_TEST(a_command_rekeys_children)
{
	struct duo d = begin(false);
	struct ike_rekey what = { .child = "net" };
	struct why why;
	uint32_t old;

	duo_start(&d);
	ck_assert(!sim_node_rekey(d.sun, &what, &why));
	duo_up(&d, d.sun, "net");
	old = only_child(d.sun)->spi_in;
	ck_assert(sim_node_rekey(d.sun, &what, &why));
	settle(&d);
	ck_assert_uint_ne(only_child(d.sun)->spi_in, old);
	what = (struct ike_rekey){ .child_id = only_child(d.sun)->unique_id, .ike = "moon" };
	ck_assert(sim_node_rekey(d.sun, &what, &why));
	settle(&d);
	what.ike = "mars";
	ck_assert(!sim_node_rekey(d.sun, &what, &why));
	duo_end(&d);
}
END_TEST

TCase *rekey_child_tests(void)
{
	TCase *tests = tcase_create("rekey_child");

	tcase_set_timeout(tests, 60);
	tcase_add_loop_test(tests, a_child_is_replaced_without_a_gap, 0, 4);
	tcase_add_loop_test(tests, the_old_inbound_sa_stays_for_what_is_under_way, 0, 2);
	tcase_add_test(tests, the_responder_may_ask_for_another_group);
	tcase_add_test(tests, marks_that_are_unique_stay);
	tcase_add_loop_test(tests, when_both_rekey_at_once_one_new_child_stays, 0, 20);
	tcase_add_loop_test(tests, whatever_is_lost_comes_right_again, 0, 64);
	tcase_add_loop_test(tests, a_deletion_that_crosses_rekeying_prevails, 0, 2);
	tcase_add_test(tests, a_child_that_the_peer_lost_is_made_anew);
	tcase_add_loop_test(tests, a_tunnel_lives_as_long_as_it_is_rekeyed, 0, 4);
	tcase_add_test(tests, a_child_that_cannot_be_rekeyed_is_closed_at_its_hard_limit);
	tcase_add_test(tests, a_command_rekeys_children);
	return tests;
}
