/* Peers that break the rules after they authenticated, and strangers. */
#include "libike/wire/build.h"
#include "testing/sim/seal.h"
#include "testing/unit/engine/duo.h"

/* ---- An answer of another exchange than the request's ---- */

/* Sun says what moon is made to believe. */
static void say(struct duo *d, struct sim_inner *inner, const struct ike_builder *b)
{
	const struct ike_sa *sa = ike_engine_sa_next(d->sun->engine, NULL);
	uint8_t datagram[2 * SIM_INNER_MAX];

	ck_assert(!b->writer.bad);
	inner->first = b->first;
	inner->length = b->writer.length;
	size_t length = sim_seal(d->world, sa, inner, datagram, sizeof(datagram));
	ck_assert_uint_gt(length, 0);
	sim_world_inject(d->world, d->moon, &d->sun->address[0], 500, bytes_of(datagram, length));
}

/* Moon's INFORMATIONAL requests get answers to a CREATE_CHILD_SA. */
static bool answer_otherwise(void *context, struct sim_world *w, struct sim_flight *flight)
{
	static const uint8_t group[2] = { 0, 31 };
	struct duo *d = context;
	struct sim_inner inner;
	struct ike_builder b;

	if (flight->from != d->moon->index || !sim_flight_open(w, flight, &inner) ||
		inner.header.exchange != IKE_EXCHANGE_INFORMATIONAL)
		return true;
	inner.header.exchange = IKE_EXCHANGE_CREATE_CHILD_SA;
	inner.header.flags |= IKE_FLAG_RESPONSE;
	ike_builder_begin(&b, inner.chain, sizeof(inner.chain));
	ike_build_notify(&b, IKE_NOTIFY_INVALID_KE_PAYLOAD, bytes_of(group, 2));
	say(d, &inner, &b);
	return false;
}

START_TEST(an_answer_of_another_exchange_is_none)
{
	static const struct ike_terminate what[] = { { .child = "net" }, { .ike = "sun" } };
	struct duo d = duo_begin(false);
	struct why why;

	d.world->filter_context = &d;
	duo_start(&d);
	duo_up(&d, d.moon, "net");
	d.world->filter = answer_otherwise;
	const struct sim_command *command = sim_node_terminate(d.moon, &what[_i], &why);
	ck_assert_msg(command, "%s", why.text);
	sim_world_run(d.world, d.world->now + IKE_SECONDS(300));
	ck_assert_uint_eq(command->answers, 1);
	ck_assert_uint_eq(duo_ike_sas(d.moon), 0); /* given up */
	d.world->filter = NULL;
	duo_down(&d, d.sun);
	duo_end(&d);
}
END_TEST

TCase *hostile_tests(void)
{
	TCase *tests = tcase_create("hostile");

	tcase_set_timeout(tests, 60);
	tcase_add_loop_test(tests, an_answer_of_another_exchange_is_none, 0, 2);
	return tests;
}
