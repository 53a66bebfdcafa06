/* Rekeying IKE SAs: both roles, collisions, losses, deletions and children that cross. */
#include "libike/wire/message.h"
#include "testing/unit/engine/duo.h"

static const struct ike_sa *established(const struct sim_node *n)
{
	const struct ike_sa *sa = NULL, *found = NULL;

	while ((sa = ike_engine_sa_next(n->engine, sa)) != NULL) {
		if (sa->state != IKE_SA_ESTABLISHED)
			continue;
		ck_assert_msg(!found, "%s has two", n->name);
		found = sa;
	}
	ck_assert_ptr_nonnull(found);
	return found;
}

static void rekey(struct duo *d, struct sim_node *n)
{
	struct ike_rekey what = { .ike = duo_name(d, n) };
	struct why why = { "" };

	ck_assert_msg(sim_node_rekey(n, &what, &why), "%s", why.text);
}

static void settle(struct duo *d)
{
	sim_world_run(d->world, d->world->now + 1);
	sim_world_settle(d->world, d->world->now + IKE_SECONDS(400));
}

static uint64_t counted(const struct sim_node *n, enum ike_counter counter)
{
	return ike_engine_counters(n->engine, NULL)[counter];
}

START_TEST(the_ike_sa_is_replaced_and_its_children_stay)
{
	struct duo d = duo_begin(_i & 2);
	struct sim_node *by = _i & 1 ? d.moon : d.sun, *other = _i & 1 ? d.sun : d.moon;
	struct duo_stream stream;
	uint32_t old, child, spi;

	duo_start(&d);
	duo_up(&d, d.sun, "net");
	old = established(d.moon)->unique_id;
	child = established(d.moon)->children->unique_id;
	spi = established(d.moon)->children->spi_in;
	duo_stream_begin(&d, &stream, 20);
	sim_world_run(d.world, d.world->now + 1000);
	rekey(&d, by);
	sim_world_run(d.world, d.world->now + IKE_SECONDS(25));
	ck_assert_uint_eq(stream.arrived, stream.sent);
	ck_assert_uint_eq(duo_ike_sas(d.moon), 1);
	ck_assert_uint_eq(duo_ike_sas(d.sun), 1);
	ck_assert_uint_ne(established(d.moon)->unique_id, old);
	ck_assert_uint_eq(established(d.moon)->children->unique_id, child);
	ck_assert_uint_eq(established(d.moon)->children->spi_in, spi);
	ck_assert(established(by)->initiator);
	ck_assert_uint_eq(counted(by, IKE_COUNTER_IKE_REKEY_INIT), 1);
	ck_assert_uint_eq(counted(other, IKE_COUNTER_IKE_REKEY_RESP), 1);
	ck_assert_int_eq(d.moon->ike_up, 1);
	ck_assert_uint_eq(d.world->ike_sas_up, 2);
	/* The new one works: another child, rekeying both kinds, from both ends. */
	duo_up(&d, d.sun, "net");
	rekey(&d, other);
	settle(&d);
	duo_up(&d, d.sun, "net");
	duo_down(&d, by);
	ck_assert_int_eq(d.moon->ike_up, 0);
	duo_end(&d);
}
END_TEST

START_TEST(the_responder_may_ask_for_another_group)
{
	struct duo d = duo_begin(false);
	struct why why;

	d.sun_side.proposals = "aes128-sha256-x25519-ecp256";
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	/* Moon changes its mind; this IKE SA goes by the definition it was made from. */
	d.moon_side.proposals = "aes128-sha256-ecp256";
	ck_assert(sim_node_load(d.moon, sim_define(&d.moon_side), &why));
	rekey(&d, d.sun);
	settle(&d);
	ck_assert_uint_eq(duo_ike_sas(d.sun), 1);
	ck_assert_uint_eq(duo_children(d.sun), 1);
	ck_assert_uint_eq(counted(d.sun, IKE_COUNTER_IKE_REKEY_INIT), 1);
	duo_end(&d);
}
END_TEST

START_TEST(other_ciphers_and_prfs_can_be_agreed_on)
{
	static const char *const proposals[] = { "aes256gcm16-prfsha384-ecp384",
		"aes128-sha512-modp2048", "aes128-aesxcbc-x25519", "3des-sha1-modp1024",
		"chacha20poly1305-prfaescmac-x448" };
	struct duo d = duo_begin(false);

	d.moon_side.proposals = d.sun_side.proposals = proposals[_i];
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	for (unsigned i = 0; i < 3; i++) {
		rekey(&d, i & 1 ? d.moon : d.sun);
		settle(&d);
		ck_assert_uint_eq(sim_check_agreement(d.world, false), 0);
	}
	ck_assert_uint_eq(counted(d.sun, IKE_COUNTER_IKE_REKEY_INIT), 2);
	duo_up(&d, d.sun, "net"); /* KEYMAT comes of the new SK_d */
	duo_end(&d);
}
END_TEST

START_TEST(when_both_rekey_at_once_one_new_ike_sa_stays)
{
	struct duo d = duo_begin(false);
	struct duo_stream stream;

	duo_start(&d);
	duo_up(&d, d.sun, "net");
	duo_stream_begin(&d, &stream, 120);
	for (unsigned i = 0; i < 10; i++) {
		uint32_t old = established(d.moon)->unique_id;

		rekey(&d, d.sun);
		sim_world_run(d.world, d.world->now + _i * 4);
		if (established(d.moon)->unique_id == old)
			rekey(&d, d.moon);
		sim_world_run(d.world, d.world->now + IKE_SECONDS(10));
		ck_assert_uint_ne(established(d.moon)->unique_id, old);
		ck_assert_uint_eq(duo_ike_sas(d.moon), 1);
		ck_assert_uint_eq(duo_ike_sas(d.sun), 1);
		ck_assert_uint_eq(sim_check_agreement(d.world, false), 0);
		ck_assert_msg(d.world->complaints == 0, "%s", d.world->complaint);
	}
	ck_assert_int_eq(d.moon->ike_up, 1);
	ck_assert_int_eq(d.sun->ike_up, 1);
	if (_i == 0) {
		ck_assert(sim_node_logged(d.sun, "collision lost"));
		ck_assert(sim_node_logged(d.moon, "collision lost"));
	}
	sim_world_run(d.world, d.world->now + IKE_SECONDS(30));
	ck_assert_uint_eq(stream.arrived, stream.sent);
	duo_end(&d);
}
END_TEST

START_TEST(whatever_is_lost_comes_right_again)
{
	static const ike_time second_after[] = { -1, 0, 5, 15, 25 };
	struct duo_dropper dropper = { 0, (unsigned)_i / 8 + 1, (unsigned)_i % 8 + 1 };

	for (size_t i = 0; i < sizeof(second_after) / sizeof(*second_after); i++) {
		struct duo d = duo_begin(false);
		struct duo_stream stream;
		struct ike_rekey what = { .ike = "sun" };
		struct why why;

		duo_start(&d);
		duo_up(&d, d.sun, "net");
		duo_stream_begin(&d, &stream, 60);
		dropper.seen = 0;
		d.world->filter = duo_drop;
		d.world->filter_context = &dropper;
		rekey(&d, d.sun);
		if (second_after[i] >= 0) {
			sim_world_run(d.world, d.world->now + second_after[i]);
			(void)sim_node_rekey(d.moon, &what, &why);
		}
		sim_world_run(d.world, d.world->now + IKE_SECONDS(400));
		ck_assert_uint_eq(duo_ike_sas(d.moon), 1);
		ck_assert_uint_eq(duo_ike_sas(d.sun), 1);
		ck_assert_uint_eq(duo_children(d.sun), 1);
		ck_assert_uint_eq(stream.arrived, stream.sent);
		ck_assert_int_eq(d.moon->ike_up, 1);
		ck_assert_int_eq(d.moon->child_up, 1);
		ck_assert_int_eq(d.sun->child_up, 1);
		duo_end(&d);
	}
}
END_TEST

static const ike_time after[] = { 0, 1, 5, 11, 15, 21, 25, 31, 35, 41, 45 };

START_TEST(a_deletion_that_crosses_rekeying_prevails)
{
	for (size_t i = 0; i < sizeof(after) / sizeof(*after); i++) {
		struct duo d = duo_begin(false);
		struct sim_node *deleter = _i & 1 ? d.moon : d.sun;
		struct ike_terminate what = { .ike = duo_name(&d, deleter) };
		const struct sim_command *command;
		struct why why;

		duo_start(&d);
		duo_up(&d, d.sun, "net");
		rekey(&d, d.sun);
		if (_i & 2)
			rekey(&d, d.moon);
		sim_world_run(d.world, d.world->now + after[i]);
		command = sim_node_terminate(deleter, &what, &why);
		ck_assert_ptr_nonnull(command);
		settle(&d);
		ck_assert(command->done);
		sim_world_run(d.world, d.world->now + IKE_SECONDS(300));
		ck_assert_msg(duo_ike_sas(d.sun) == 0 && duo_ike_sas(d.moon) == 0,
			"after %d ms: %u and %u", (int)after[i], duo_ike_sas(d.sun),
			duo_ike_sas(d.moon));
		ck_assert_int_eq(d.moon->ike_up, 0);
		ck_assert_int_eq(d.sun->child_up, 0);
		ck_assert_ptr_null(d.sun->kernel.sas);
		ck_assert_ptr_null(d.moon->kernel.policies);
		duo_end(&d);
	}
}
END_TEST

/* RFC 7296 2.25.2: TEMPORARY_FAILURE either way, and both come about in the end. */
START_TEST(a_child_that_is_made_meanwhile_comes_up)
{
	for (size_t i = 0; i < sizeof(after) / sizeof(*after); i++) {
		struct duo d = duo_begin(false);
		struct sim_node *by = _i & 1 ? d.moon : d.sun;
		struct ike_rekey what = { .child = "net" };
		const struct sim_command *command = NULL;
		struct why why;
		uint32_t old;

		duo_start(&d);
		duo_up(&d, d.sun, "net");
		old = established(d.sun)->unique_id;
		rekey(&d, d.sun);
		sim_world_run(d.world, d.world->now + after[i]);
		if (_i & 2)
			(void)sim_node_rekey(by, &what, &why);
		else
			command = sim_node_initiate(by, duo_name(&d, by), "net", &why);
		sim_world_run(d.world, d.world->now + IKE_SECONDS(60));
		ck_assert(!command || command->done);
		ck_assert_uint_eq(duo_ike_sas(d.sun), 1);
		ck_assert_uint_ne(established(d.sun)->unique_id, old);
		ck_assert_uint_eq(duo_children(d.moon), command ? 2 : 1);
		duo_end(&d);
	}
}
END_TEST

START_TEST(times_are_kept)
{
	struct duo d = duo_begin(false);
	struct duo_stream stream;

	d.sun_side.rekey_time = 100;
	if (_i)
		d.moon_side.rekey_time = 100;
	d.sun_side.children[0].rekey_time = 70;
	d.moon_side.children[0].rekey_time = 70;
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	duo_stream_begin(&d, &stream, 1000);
	sim_world_run(d.world, d.world->now + IKE_SECONDS(1050));
	ck_assert_uint_eq(stream.arrived, stream.sent);
	ck_assert_uint_ge(counted(d.sun, IKE_COUNTER_IKE_REKEY_INIT) +
				  counted(d.sun, IKE_COUNTER_IKE_REKEY_RESP),
		9);
	ck_assert_uint_ge(counted(d.sun, IKE_COUNTER_CHILD_REKEY), 12);
	ck_assert_int_eq(d.moon->ike_up, 1);
	ck_assert_uint_eq(d.world->ike_sas_up, 2);
	ck_assert_uint_eq(d.world->children_up, 2);
	duo_end(&d);
}
END_TEST

static bool refuse_rekeying(void *context, struct sim_world *w, struct sim_flight *flight)
{
	(void)context;
	return !(flight->data[18] == IKE_EXCHANGE_CREATE_CHILD_SA &&
		 flight->from == w->nodes[1].index);
}

START_TEST(without_rekeying_it_ends_after_over_time)
{
	struct duo d = duo_begin(false);

	d.sun->settings.retransmit_tries = 100;
	d.sun->settings.retransmit_limit = IKE_SECONDS(10);
	d.sun_side.rekey_time = 100;
	d.sun_side.over_time = 50;
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	d.world->filter = refuse_rekeying;
	sim_world_run(d.world, d.world->now + IKE_SECONDS(149));
	ck_assert_uint_eq(duo_ike_sas(d.sun), 1);
	sim_world_run(d.world, d.world->now + IKE_SECONDS(2));
	ck_assert(sim_node_logged(d.sun, "reached its lifetime"));
	/* What is wanted, or was closed by a lifetime, comes back. */
	d.world->filter = NULL;
	sim_world_run(d.world, d.world->now + IKE_SECONDS(60));
	ck_assert_uint_eq(d.world->ike_sas_up, 4);
	ck_assert_uint_eq(duo_ike_sas(d.moon), 1);
	ck_assert_uint_eq(duo_children(d.sun), 1);
	duo_end(&d);
}
END_TEST

/* For a while nothing of that node arrives but its requests to rekey. */
struct muted {
	const struct sim_node *node;
	ike_time until;
};

static bool drop_all_else(void *context, struct sim_world *w, struct sim_flight *flight)
{
	const struct muted *muted = context;

	return flight->from != muted->node->index || w->now >= muted->until ||
	       (flight->data[18] == IKE_EXCHANGE_CREATE_CHILD_SA &&
		       !(flight->data[19] & IKE_FLAG_RESPONSE));
}

START_TEST(an_address_that_changes_while_both_rekey_ends_nothing)
{
	struct duo d = duo_begin(false);
	struct sim_node *mover = _i & 1 ? d.moon : d.sun, *other = _i & 1 ? d.sun : d.moon;
	struct muted muted;
	struct address a;

	ck_assert(address_parse("192.0.2.99", &a));
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	muted = (struct muted){ other, d.world->now + 1000 };
	d.world->filter = drop_all_else;
	d.world->filter_context = &muted;
	rekey(&d, mover);
	sim_world_run(d.world, d.world->now + _i / 2);
	rekey(&d, other);
	sim_world_run(d.world, d.world->now + 30);
	sim_node_move(mover, 0, &a);
	settle(&d);
	ck_assert_uint_eq(duo_ike_sas(d.moon), 1);
	ck_assert_uint_eq(duo_ike_sas(d.sun), 1);
	ck_assert_uint_eq(duo_children(d.moon), 1);
	ck_assert_uint_eq(duo_children(d.sun), 1);
	ck_assert_uint_eq(d.world->children_up, 2);
	duo_end(&d);
}
END_TEST

TCase *rekey_ike_tests(void)
{
	TCase *tests = tcase_create("rekey_ike");

	tcase_set_timeout(tests, 60);
	tcase_add_loop_test(tests, the_ike_sa_is_replaced_and_its_children_stay, 0, 4);
	tcase_add_test(tests, the_responder_may_ask_for_another_group);
	tcase_add_loop_test(tests, other_ciphers_and_prfs_can_be_agreed_on, 0, 5);
	tcase_add_loop_test(tests, when_both_rekey_at_once_one_new_ike_sa_stays, 0, 10);
	tcase_add_loop_test(tests, whatever_is_lost_comes_right_again, 0, 64);
	tcase_add_loop_test(tests, a_deletion_that_crosses_rekeying_prevails, 0, 4);
	tcase_add_loop_test(tests, a_child_that_is_made_meanwhile_comes_up, 0, 4);
	tcase_add_loop_test(tests, times_are_kept, 0, 2);
	tcase_add_test(tests, without_rekeying_it_ends_after_over_time);
	tcase_add_loop_test(tests, an_address_that_changes_while_both_rekey_ends_nothing, 0, 20);
	return tests;
}
