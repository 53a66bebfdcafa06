/* Several rounds of authentication (RFC 4739). */
#include "testing/unit/engine/duo.h"

#include <stdlib.h>

struct rounds {
	unsigned local, remote;
	const char *second_id; /* local: of the second round; NULL: as the first */
	const char *second_peer;
	bool signs; /* the second round is by signature */
};

static void add(struct ike_auth_rounds *rounds, unsigned count, const char *second, bool signs)
{
	struct why why;

	while (rounds->count < count) {
		struct ike_identity *id = second ? ike_identity_parse(second, &why)
					  : rounds->items[0].id
						  ? ike_identity_hold(rounds->items[0].id)
						  : NULL;

		ck_assert(ike_auth_rounds_add(
			rounds, signs ? IKE_AUTH_CLASS_PUBKEY : IKE_AUTH_CLASS_PSK, id));
	}
}

static void adjust(void *context, struct ike_connection *c)
{
	const struct rounds *r = context;

	add(&c->local, r->local, r->second_id, r->signs);
	add(&c->remote, r->remote, r->second_peer, r->signs);
}

static const struct sim_command *play(struct duo *d, struct rounds *moon, struct rounds *sun)
{
	bool certified = moon->signs || sun->signs;

	d->moon_side.adjust = d->sun_side.adjust = adjust;
	d->moon_side.adjust_context = moon;
	d->sun_side.adjust_context = sun;
	duo_start(d);
	if (certified) {
		sim_node_certify(d->moon, "moon.example.org");
		sim_node_certify(d->sun, "sun.example.org");
	}
	return duo_initiate(d, d->moon, "net");
}

START_TEST(as_many_rounds_as_both_want)
{
	static const struct {
		unsigned moon, sun;
	} counts[] = { { 2, 1 }, { 1, 2 }, { 2, 2 }, { 3, 1 }, { 1, 3 }, { 3, 2 } };
	struct duo d = duo_begin(false);
	struct rounds moon = { counts[_i >> 1].moon, counts[_i >> 1].sun, NULL, NULL, _i & 1 };
	struct rounds sun = { counts[_i >> 1].sun, counts[_i >> 1].moon, NULL, NULL, _i & 1 };

	const struct sim_command *command = play(&d, &moon, &sun);
	ck_assert_msg(command->done, "%s", command->text);
	ck_assert_uint_eq(duo_children(d.moon), 1);
	ck_assert_uint_eq(sim_check_agreement(d.world, false), 0);
	duo_down(&d, d.moon);
	duo_end(&d);
}
END_TEST

START_TEST(fewer_or_more_rounds_than_demanded_are_refused)
{
	static const struct {
		unsigned does, demanded;
	} counts[] = { { 1, 2 }, { 2, 1 }, { 2, 3 } };
	struct duo d = duo_begin(false);
	bool initiator = _i & 1;
	unsigned does = counts[_i >> 1].does, demanded = counts[_i >> 1].demanded;
	struct rounds moon = { .local = initiator ? does : 1, .remote = initiator ? 1 : demanded };
	struct rounds sun = { .local = initiator ? 1 : does, .remote = initiator ? demanded : 1 };

	const struct sim_command *command = play(&d, &moon, &sun);
	ck_assert(!command->done);
	ck_assert(sim_node_logged(initiator ? d.sun : d.moon, "peer authenticates more often") ||
		  sim_node_logged(initiator ? d.sun : d.moon, "peer does not authenticate"));
	ck_assert_uint_eq(duo_ike_sas(d.moon), 0);
	ck_assert_uint_eq(duo_ike_sas(d.sun), 0);
	duo_end(&d);
}
END_TEST

START_TEST(a_further_round_has_to_be_of_whom_the_definition_says)
{
	struct duo d = duo_begin(false);
	struct rounds moon = { .local = 2, .remote = 1, .second_id = "mallory.example.org" };
	struct rounds sun = { .local = 1, .remote = 2, .second_peer = "alice.example.org" };

	if (_i)
		moon.second_id = "alice.example.org";
	const struct sim_command *command = play(&d, &moon, &sun);
	ck_assert_msg(command->done == (_i != 0), "%s", command->text);
	if (_i) {
		const struct ike_sa *sa = ike_engine_sa_next(d.sun->engine, NULL);
		char id[IKE_IDENTITY_TEXT_MAX];

		/* What the IKE SA goes by is what the first round proved. */
		ck_assert_str_eq(ike_identity_format(sa->remote_id, id), "moon.example.org");
		duo_down(&d, d.moon);
	} else {
		ck_assert(sim_node_logged(d.sun, "as somebody else in authentication round 2"));
	}
	duo_end(&d);
}
END_TEST

START_TEST(a_definition_with_rounds_survives_loss)
{
	struct duo d = duo_begin(false);
	struct rounds moon = { 2, 2, NULL, NULL, true }, sun = { 2, 2, NULL, NULL, true };

	d.world->faults = (struct sim_faults){ .loss = 300, .duplicate = 300, .delay_to = 500 };
	d.world->faults_until = IKE_NEVER;
	d.moon->settings.half_open_timeout = d.sun->settings.half_open_timeout = IKE_SECONDS(300);
	const struct sim_command *command = play(&d, &moon, &sun);
	ck_assert_msg(command->done, "%s", command->text);
	d.world->faults = (struct sim_faults){ 0 };
	duo_down(&d, d.moon);
	duo_end(&d);
}
END_TEST

TCase *rounds_tests(void)
{
	TCase *tests = tcase_create("rounds");

	tcase_set_timeout(tests, 120);
	tcase_add_loop_test(tests, as_many_rounds_as_both_want, 0, 12);
	tcase_add_loop_test(tests, fewer_or_more_rounds_than_demanded_are_refused, 0, 6);
	tcase_add_loop_test(tests, a_further_round_has_to_be_of_whom_the_definition_says, 0, 2);
	tcase_add_test(tests, a_definition_with_rounds_survives_loss);
	return tests;
}
