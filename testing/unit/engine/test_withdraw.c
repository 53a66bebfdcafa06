/* What start_action brought up ends with it, and attempts go by what is loaded. Each with IKEv1 and
 * IKEv2; what stays and what ends was observed on strongSwan 6.0.1. */
#include "testing/unit/engine/duo.h"

#include <stdio.h>

/* Sun's side has the second child "web", and nothing is started yet. */
static struct duo begin(int version)
{
	struct duo d = version == 1 ? duo_begin_ikev1(false) : duo_begin(false);

	duo_two_children(&d);
	return d;
}

static void pass(struct duo *d, int seconds)
{
	sim_world_run(d->world, d->world->now + IKE_SECONDS(seconds));
}

static void load(struct duo *d)
{
	struct why why = { "" };

	ck_assert_msg(sim_node_load(d->sun, sim_define(&d->sun_side), &why), "%s", why.text);
}

static void reload(struct duo *d)
{
	load(d);
	pass(d, 20);
}

/* Takes the child out of sun's file; the other one comes first then. */
static void leave_out(struct duo *d, const char *name)
{
	struct sim_child_definition *list = d->sun_side.children;

	if (strcmp(list[0].name, name) == 0)
		list[0] = list[1];
	list[1].name = NULL;
}

static void unload(struct duo *d)
{
	ck_assert(sim_node_unload(d->sun, "moon"));
	pass(d, 20);
}

/* Children of both ends, by name, in order of sun's: "net web". */
static void has(const struct duo *d, const char *names, unsigned ike_sas)
{
	char text[100] = "";

	for (const struct ike_sa *sa = NULL; (sa = ike_engine_sa_next(d->sun->engine, sa));)
		for (const struct ike_child *c = sa->children; c; c = c->next) {
			ck_assert_uint_eq(c->state, IKE_CHILD_INSTALLED);
			snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s",
				text[0] ? " " : "", c->config->name);
		}
	ck_assert_str_eq(text, names);
	ck_assert_uint_eq(duo_ike_sas(d->sun), ike_sas);
	ck_assert_uint_eq(duo_ike_sas(d->moon), ike_sas);
	ck_assert_uint_eq(duo_children(d->moon), duo_children(d->sun));
}

static void initiated(struct duo *d, struct sim_node *n, const char *child)
{
	const struct sim_command *command = duo_initiate(d, n, child);

	ck_assert_msg(command && command->done, "%s", command ? command->text : "refused");
}

START_TEST(what_was_started_ends_with_its_connection)
{
	struct duo d = begin(_i);

	d.sun_side.children[0].start_action = IKE_ACTION_START;
	d.sun_side.children[1].start_action = IKE_ACTION_START;
	duo_start(&d);
	pass(&d, 10);
	has(&d, "net web", 1);
	unload(&d);
	has(&d, "", 0);
	ck_assert_int_eq(ike_engine_deadline(d.sun->engine), IKE_NEVER);
	reload(&d);
	has(&d, "net web", 1);
	duo_end(&d);
}
END_TEST

START_TEST(a_started_child_that_is_gone_from_the_file_ends_alone)
{
	struct duo d = begin(_i);

	d.sun_side.children[0].start_action = IKE_ACTION_START;
	duo_start(&d);
	pass(&d, 10);
	initiated(&d, d.sun, "web");
	has(&d, "net web", 1);
	leave_out(&d, "net");
	reload(&d);
	ck_assert(sim_node_logged(d.sun, "; children that are closed: net"));
	has(&d, "web", 1);
	unload(&d); /* that one was started by hand */
	has(&d, "web", 1);
	duo_end(&d);
}
END_TEST

START_TEST(the_last_started_child_takes_its_ike_sa_along)
{
	struct duo d = begin(_i);

	d.sun_side.children[0].start_action = IKE_ACTION_START;
	d.sun_side.children[1].start_action = IKE_ACTION_START;
	duo_start(&d);
	pass(&d, 10);
	leave_out(&d, "web");
	reload(&d);
	has(&d, "net", 1);
	d.sun_side.children[0].name = NULL;
	reload(&d);
	has(&d, "", 0);
	duo_end(&d);
}
END_TEST

START_TEST(another_start_action_ends_it_and_the_old_one_brings_it_back)
{
	struct duo d = begin(_i);

	d.sun_side.children[0].start_action = IKE_ACTION_START;
	duo_start(&d);
	pass(&d, 10);
	d.sun_side.children[0].start_action = IKE_ACTION_NONE;
	reload(&d);
	has(&d, "", 0);
	d.sun_side.children[0].start_action = IKE_ACTION_START;
	reload(&d);
	has(&d, "net", 1);
	d.sun_side.children[0].start_action = IKE_ACTION_TRAP;
	reload(&d);
	has(&d, "", 0);
	ck_assert_ptr_nonnull(ike_engine_trap(d.sun->engine, 0));
	d.sun_side.children[0].start_action = IKE_ACTION_START | IKE_ACTION_TRAP;
	reload(&d);
	has(&d, "net", 1);
	duo_end(&d);
}
END_TEST

/* Otherwise who was quicker after the last outage would decide what a reload does. */
START_TEST(whoever_began_it_was_to_be_started)
{
	struct duo d = begin(_i);

	duo_start(&d);
	initiated(&d, d.moon, "net");
	d.sun_side.children[0].start_action = IKE_ACTION_START;
	reload(&d);
	has(&d, "net", 1);
	unload(&d);
	has(&d, "", 0);
	duo_end(&d);
}
END_TEST

START_TEST(what_was_not_started_stays)
{
	struct duo d = begin(_i);

	duo_start(&d);
	initiated(&d, d.moon, "net");
	initiated(&d, d.sun, "web");
	d.sun_side.children[1].start_action = IKE_ACTION_TRAP; /* as strongSwan: that stays, too */
	reload(&d);
	d.sun_side.children[1].start_action = IKE_ACTION_NONE;
	reload(&d);
	has(&d, "net web", 1);
	unload(&d);
	has(&d, "net web", 1);
	duo_end(&d);
}
END_TEST

/* Wherever the exchange is when the file changes. */
START_TEST(a_child_that_is_on_its_way_ends_too)
{
	struct duo d = begin(_i % 2 + 1);

	duo_start(&d);
	initiated(&d, d.sun, "net");
	d.sun_side.children[1].start_action = IKE_ACTION_START;
	load(&d);
	sim_world_run(d.world, d.world->now + 4 * (_i / 2));
	leave_out(&d, "web");
	reload(&d);
	has(&d, "net", 1);
	duo_end(&d);
}
END_TEST

START_TEST(an_ike_sa_that_got_no_child_ends_too)
{
	struct duo d = begin(_i);

	d.sun_side.children[0].start_action = IKE_ACTION_START;
	d.sun_side.children[0].remote_ts = "10.99.0.0/16";
	duo_start(&d);
	pass(&d, 1);
	has(&d, "", 1);
	unload(&d);
	has(&d, "", 0);
	ck_assert_int_eq(ike_engine_deadline(d.sun->engine), IKE_NEVER);
	duo_end(&d);
}
END_TEST

/* ---- Attempts ---- */

/* Nobody is at the first address. */
START_TEST(an_attempt_goes_where_the_new_definition_says)
{
	struct duo d = begin(_i);
	const struct sim_command *command;
	struct why why = { "" };

	d.sun_side.remote_addrs = "192.0.2.77";
	d.sun_side.children[0].start_action = IKE_ACTION_START;
	duo_start(&d);
	command = sim_node_initiate(d.sun, "moon", "web", &why);
	ck_assert_ptr_nonnull(command);
	pass(&d, 10);
	ck_assert_uint_eq(command->answers, 0);
	d.sun_side.remote_addrs = "192.0.2.1";
	load(&d);
	pass(&d, 2);
	has(&d, "net web", 1);
	ck_assert_uint_eq(command->answers, 1);
	ck_assert_msg(command->done, "%s", command->text);
	duo_end(&d);
}
END_TEST

static bool from_moon_is_lost(void *context, struct sim_world *w, struct sim_flight *flight)
{
	(void)context, (void)w;
	return flight->from != 0;
}

/* Who it is, how, and with what, wherever the attempt is: none waits for the old one to give up. */
START_TEST(an_attempt_takes_identity_and_proposals_of_the_new_definition)
{
	struct duo d = begin(_i % 2 + 1);
	char id[IKE_IDENTITY_TEXT_MAX];

	d.moon_side.remote_id = NULL;
	d.sun_side.children[0].start_action = IKE_ACTION_START;
	duo_start(&d);
	sim_world_run(d.world, d.world->now + 6 * (_i / 2));
	d.world->filter = from_moon_is_lost;
	pass(&d, 5);
	d.sun_side.local_id = "sol.example.org";
	d.sun_side.proposals = d.sun_side.version == 1
				       ? "aes128-sha256-ecp256,aes256-sha256-ecp256"
				       : "aes128-sha256-x25519,aes256-sha256-x25519";
	load(&d);
	d.world->filter = NULL;
	pass(&d, 60);
	has(&d, "net", 1);
	ike_identity_format(duo_only_sa(d.moon)->remote_id, id);
	ck_assert_str_eq(id, "sol.example.org");
	duo_end(&d);
}
END_TEST

START_TEST(an_attempt_ends_with_its_connection)
{
	struct duo d = begin(_i);
	const struct sim_command *command;
	struct why why = { "" };

	d.sun_side.remote_addrs = "192.0.2.77";
	d.sun_side.children[0].start_action = IKE_ACTION_START;
	duo_start(&d);
	command = sim_node_initiate(d.sun, "moon", "web", &why);
	ck_assert_ptr_nonnull(command);
	pass(&d, 1);
	unload(&d);
	has(&d, "", 0);
	ck_assert_int_eq(ike_engine_deadline(d.sun->engine), IKE_NEVER);
	ck_assert_uint_eq(command->answers, 1);
	ck_assert(!command->done);
	duo_contains(command->text, "was unloaded");
	duo_end(&d);
}
END_TEST

START_TEST(an_attempt_for_nothing_that_is_still_wanted_ends)
{
	struct duo d = begin(_i);
	const struct sim_command *command;
	struct why why = { "" };

	d.sun_side.remote_addrs = "192.0.2.77";
	d.sun_side.children[0].start_action = IKE_ACTION_START;
	duo_start(&d);
	pass(&d, 1);
	d.sun_side.children[0].start_action = IKE_ACTION_NONE;
	reload(&d);
	has(&d, "", 0);
	command = sim_node_initiate(d.sun, "moon", "web", &why);
	ck_assert_ptr_nonnull(command);
	leave_out(&d, "web");
	reload(&d);
	ck_assert_uint_eq(command->answers, 1);
	ck_assert(!command->done);
	has(&d, "", 0);
	duo_end(&d);
}
END_TEST

START_TEST(an_unchanged_definition_disturbs_no_attempt)
{
	struct duo d = begin(_i);
	uint32_t id;

	d.sun_side.remote_addrs = "192.0.2.77";
	d.sun_side.children[0].start_action = IKE_ACTION_START;
	duo_start(&d);
	pass(&d, 1);
	id = duo_only_sa(d.sun)->unique_id;
	load(&d);
	ck_assert_uint_eq(duo_only_sa(d.sun)->unique_id, id);
	d.sun_side.children[1].local_ts = "10.77.0.0/16"; /* not what it is about */
	load(&d);
	ck_assert_uint_eq(duo_only_sa(d.sun)->unique_id, id);
	unload(&d);
	duo_end(&d);
}
END_TEST

/* load-all sends the secrets first. */
START_TEST(what_was_refused_is_tried_again_when_the_definition_is_loaded_again)
{
	struct duo d = begin(_i);

	d.sun_psk = "mistyped";
	d.sun_side.children[0].start_action = IKE_ACTION_START;
	duo_start(&d);
	pass(&d, 600); /* pauses have become long; with IKEv1 an attempt may be under way */
	ck_assert_uint_eq(duo_children(d.sun), 0);
	sim_node_psk(d.sun, d.moon_psk, NULL);
	load(&d);
	pass(&d, 2);
	has(&d, "net", 1);
	duo_end(&d);
}
END_TEST

TCase *withdraw_tests(void)
{
	TCase *tests = tcase_create("withdraw");

	tcase_add_loop_test(tests, what_was_started_ends_with_its_connection, 1, 3);
	tcase_add_loop_test(tests, a_started_child_that_is_gone_from_the_file_ends_alone, 1, 3);
	tcase_add_loop_test(tests, the_last_started_child_takes_its_ike_sa_along, 1, 3);
	tcase_add_loop_test(
		tests, another_start_action_ends_it_and_the_old_one_brings_it_back, 1, 3);
	tcase_add_loop_test(tests, whoever_began_it_was_to_be_started, 1, 3);
	tcase_add_loop_test(tests, what_was_not_started_stays, 1, 3);
	tcase_add_loop_test(tests, a_child_that_is_on_its_way_ends_too, 0, 24);
	tcase_add_loop_test(tests, an_ike_sa_that_got_no_child_ends_too, 1, 3);
	tcase_add_loop_test(tests, an_attempt_goes_where_the_new_definition_says, 1, 3);
	tcase_add_loop_test(
		tests, an_attempt_takes_identity_and_proposals_of_the_new_definition, 0, 14);
	tcase_add_loop_test(tests, an_attempt_ends_with_its_connection, 1, 3);
	tcase_add_loop_test(tests, an_attempt_for_nothing_that_is_still_wanted_ends, 1, 3);
	tcase_add_loop_test(tests, an_unchanged_definition_disturbs_no_attempt, 1, 3);
	tcase_add_loop_test(
		tests, what_was_refused_is_tried_again_when_the_definition_is_loaded_again, 1, 3);
	return tests;
}
