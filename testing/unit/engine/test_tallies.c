/* What is counted for metrics: from the start on, of all and of each connection. */
#include "testing/unit/engine/duo.h"

static uint64_t tally(const struct duo *d, const struct sim_node *n, enum ike_tally tally)
{
	const uint64_t *own = ike_engine_tallies(n->engine, duo_name(d, n));

	if (own && tally < IKE_TALLIES_OF_CONNECTIONS)
		ck_assert_uint_eq(own[tally], ike_engine_tallies(n->engine, NULL)[tally]);
	return ike_engine_tallies(n->engine, NULL)[tally];
}

static void rekey(struct duo *d, struct sim_node *n, struct ike_rekey what)
{
	struct why why;
	size_t count;

	ck_assert(ike_engine_rekey(n->engine, d->world->now, &what, &count, &why));
	ck_assert_uint_eq(count, 1);
	duo_pass(d, IKE_SECONDS(30));
}

START_TEST(lives_of_sas_are_counted)
{
	struct duo d = duo_begin(false);

	duo_start(&d);
	ck_assert_uint_eq(tally(&d, d.moon, IKE_TALLY_BEGUN), 0);
	duo_up(&d, d.moon, "net");
	rekey(&d, d.sun, (struct ike_rekey){ .child = "net" });
	rekey(&d, d.moon, (struct ike_rekey){ .ike = "sun" });
	ck_assert_uint_eq(tally(&d, d.moon, IKE_TALLY_BEGUN), 1);
	ck_assert_uint_eq(tally(&d, d.moon, IKE_TALLY_ASKED), 0);
	ck_assert_uint_eq(tally(&d, d.sun, IKE_TALLY_BEGUN), 0);
	ck_assert_uint_eq(tally(&d, d.sun, IKE_TALLY_ASKED), 1);
	for (size_t i = 0; i < 2; i++) {
		struct sim_node *n = i ? d.sun : d.moon;

		ck_assert_uint_eq(tally(&d, n, IKE_TALLY_ESTABLISHED), 1);
		ck_assert_uint_eq(tally(&d, n, IKE_TALLY_CHILD_ESTABLISHED), 1);
		ck_assert_uint_eq(tally(&d, n, IKE_TALLY_CHILD_REKEYED), 1);
		ck_assert_uint_eq(tally(&d, n, IKE_TALLY_IKE_REKEYED), 1);
		ck_assert_uint_eq(tally(&d, n, IKE_TALLY_REAUTHENTICATED), 0);
		ck_assert_uint_eq(tally(&d, n, IKE_TALLY_RETRANSMITTED), 0);
	}
	rekey(&d, d.moon, (struct ike_rekey){ .ike = "sun", .reauth = true });
	ck_assert_uint_eq(tally(&d, d.moon, IKE_TALLY_REAUTHENTICATED), 1);
	ck_assert_uint_eq(tally(&d, d.moon, IKE_TALLY_ESTABLISHED), 2);
	duo_end(&d);
}
END_TEST

START_TEST(a_lost_answer_is_counted_at_both_ends)
{
	struct duo d = duo_begin(false);
	struct duo_dropper dropper = { .drop = 4 };

	duo_start(&d);
	d.world->filter = duo_drop;
	d.world->filter_context = &dropper;
	duo_up(&d, d.moon, "net");
	ck_assert_uint_eq(tally(&d, d.moon, IKE_TALLY_RETRANSMITTED), 1);
	ck_assert_uint_eq(tally(&d, d.sun, IKE_TALLY_REPEATED), 1);
	duo_end(&d);
}
END_TEST

START_TEST(failures_are_counted_by_reason)
{
	struct duo d = duo_begin(false);

	d.moon_psk = NULL;
	duo_start(&d);
	for (unsigned i = 0; i < 3; i++)
		ck_assert(!duo_initiate(&d, d.moon, "net")->done);
	ck_assert_uint_eq(ike_engine_failure_counts(
				  d.moon->engine, duo_name(&d, d.moon))[IKE_REASON_NO_SHARED_KEY],
		3);
	ck_assert_uint_eq(
		ike_engine_failure_counts(d.moon->engine, NULL)[IKE_REASON_NO_SHARED_KEY], 3);
	ck_assert_ptr_null(ike_engine_failure_counts(d.moon->engine, "nobody"));
	duo_end(&d);
}
END_TEST

/* ---- The kernel's SAs that go ---- */

struct gone {
	const struct sim_node *node;
	unsigned in, out;
};

static void note_gone(void *context, struct sim_node *n, const struct ike_event *event)
{
	struct gone *gone = context;
	struct ike_kernel_usage usage;

	if (n != gone->node || event->kind != IKE_EVENT_CHILD_SA_GOES)
		return;
	const struct ike_kernel_id id = ike_child_kernel_id(event->child, event->inbound);
	ck_assert_msg(sim_kernel_sa_query(&n->kernel, &id, &usage), "it is gone already");
	gone->in += event->inbound;
	gone->out += !event->inbound;
}

START_TEST(each_sa_is_told_before_it_leaves_the_kernel)
{
	struct duo d = duo_begin(false);
	struct gone gone = { .node = NULL };

	duo_start(&d);
	gone.node = d.sun;
	d.world->event = note_gone;
	d.world->event_context = &gone;
	duo_up(&d, d.moon, "net");
	ck_assert_uint_eq(gone.in + gone.out, 0);
	rekey(&d, d.moon, (struct ike_rekey){ .child = "net" });
	ck_assert_uint_eq(gone.in, 1);
	ck_assert_uint_eq(gone.out, 1);
	duo_down(&d, d.sun);
	ck_assert_uint_eq(gone.in, 2);
	ck_assert_uint_eq(gone.out, 2);
	duo_end(&d);
}
END_TEST

TCase *tally_tests(void)
{
	TCase *tests = tcase_create("tallies");

	tcase_add_test(tests, lives_of_sas_are_counted);
	tcase_add_test(tests, a_lost_answer_is_counted_at_both_ends);
	tcase_add_test(tests, failures_are_counted_by_reason);
	tcase_add_test(tests, each_sa_is_told_before_it_leaves_the_kernel);
	return tests;
}
