/* What crosses, repeats, or comes too late. */
#include "libike/wire/message.h"
#include "testing/unit/engine/duo.h"

/* Keeps the last request and response of one exchange. */
struct record {
	uint8_t exchange;
	uint8_t request[2048], response[2048];
	size_t request_length, response_length;
	unsigned responses;
};

static bool keep(void *context, struct sim_world *w, struct sim_flight *flight)
{
	struct record *r = context;
	bool response = flight->data[19] & IKE_FLAG_RESPONSE;

	(void)w;
	if (flight->data[18] != r->exchange)
		return true;
	ck_assert_uint_le(flight->length, sizeof(r->request));
	memcpy(response ? r->response : r->request, flight->data, flight->length);
	*(response ? &r->response_length : &r->request_length) = flight->length;
	r->responses += response;
	return true;
}

START_TEST(a_repeated_request_gets_the_very_same_response)
{
	static const uint8_t exchanges[] = { IKE_EXCHANGE_AUTH, IKE_EXCHANGE_CREATE_CHILD_SA };
	struct duo d = duo_begin(false);
	struct record r = { .exchange = exchanges[_i] };
	uint8_t first[2048];
	size_t first_length;
	struct address source = d.sun->address[0];

	source.port = 500;
	d.world->filter = keep;
	d.world->filter_context = &r;
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	if (r.exchange == IKE_EXCHANGE_CREATE_CHILD_SA)
		duo_up(&d, d.sun, "net");
	ck_assert_uint_eq(r.responses, 1);
	first_length = r.response_length;
	memcpy(first, r.response, first_length);
	for (unsigned i = 0; i < 3; i++) {
		sim_world_inject(
			d.world, d.moon, &source, 500, bytes_of(r.request, r.request_length));
		sim_world_run(d.world, d.world->now + 100);
		ck_assert_uint_eq(r.responses, 2 + i);
		ck_assert(bytes_equal(
			bytes_of(r.response, r.response_length), bytes_of(first, first_length)));
	}
	ck_assert_uint_eq(duo_ike_sas(d.moon), 1);
	duo_end(&d);
}
END_TEST

START_TEST(an_old_request_is_ignored)
{
	struct duo d = duo_begin(false);
	struct record r = { .exchange = IKE_EXCHANGE_AUTH };
	struct address source = d.sun->address[0];

	source.port = 500;
	d.world->filter = keep;
	d.world->filter_context = &r;
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	duo_up(&d, d.sun, "net"); /* CREATE_CHILD_SA is message 2 */
	sim_world_inject(d.world, d.moon, &source, 500, bytes_of(r.request, r.request_length));
	sim_world_run(d.world, d.world->now + 100);
	ck_assert_uint_eq(r.responses, 1);
	duo_end(&d);
}
END_TEST

START_TEST(a_repeated_first_request_makes_no_second_sa)
{
	struct duo d = duo_begin(false);
	struct record r = { .exchange = IKE_EXCHANGE_SA_INIT };
	struct address source = d.sun->address[0];
	struct why why;

	source.port = 500;
	d.world->filter = keep;
	d.world->filter_context = &r;
	duo_start(&d);
	ck_assert_ptr_nonnull(sim_node_initiate(d.sun, "moon", "net", &why));
	sim_world_run(d.world, d.world->now + 15);
	sim_world_inject(d.world, d.moon, &source, 500, bytes_of(r.request, r.request_length));
	sim_world_inject(d.world, d.moon, &source, 500, bytes_of(r.request, r.request_length));
	ck_assert_uint_eq(duo_ike_sas(d.moon), 1);
	sim_world_settle(d.world, d.world->now + IKE_SECONDS(60));
	ck_assert_uint_eq(duo_children(d.moon), 1);
	duo_end(&d);
}
END_TEST

START_TEST(both_may_initiate_at_once)
{
	struct duo d = duo_begin(false);
	const struct sim_command *a, *b;
	struct why why;

	d.world->faults.delay_to = _i ? 300 : 10;
	duo_start(&d);
	a = sim_node_initiate(d.sun, "moon", "net", &why);
	b = sim_node_initiate(d.moon, "sun", "net", &why);
	sim_world_settle(d.world, d.world->now + IKE_SECONDS(400));
	ck_assert(a->done && b->done);
	ck_assert_uint_ge(duo_children(d.sun), 1);
	duo_end(&d);
}
END_TEST

START_TEST(both_may_delete_the_same_child_at_once)
{
	struct duo d = duo_begin(false);
	struct ike_terminate what = { .child = "net" };
	const struct sim_command *a, *b;
	struct why why;

	duo_start(&d);
	duo_up(&d, d.sun, "net");
	a = sim_node_terminate(d.sun, &what, &why);
	b = sim_node_terminate(d.moon, &what, &why);
	sim_world_settle(d.world, d.world->now + IKE_SECONDS(400));
	ck_assert(a->done && b->done);
	ck_assert_uint_eq(duo_children(d.sun), 0);
	ck_assert_uint_eq(duo_ike_sas(d.sun), 1);
	ck_assert_ptr_null(d.sun->kernel.sas);
	ck_assert_ptr_null(d.moon->kernel.sas);
	duo_end(&d);
}
END_TEST

START_TEST(both_may_delete_the_ike_sa_at_once)
{
	struct duo d = duo_begin(false);
	struct ike_terminate moons = { .ike = "sun" }, suns = { .ike = "moon" };
	const struct sim_command *a, *b;
	ike_time begun;
	struct why why;

	duo_start(&d);
	duo_up(&d, d.sun, "net");
	begun = d.world->now;
	a = sim_node_terminate(d.sun, &suns, &why);
	b = sim_node_terminate(d.moon, &moons, &why);
	sim_world_settle(d.world, d.world->now + IKE_SECONDS(400));
	ck_assert(a->done && b->done);
	ck_assert_uint_eq(duo_ike_sas(d.sun), 0);
	ck_assert_uint_eq(duo_ike_sas(d.moon), 0);
	ck_assert_int_le(d.world->now - begun, 1000);
	duo_end(&d);
}
END_TEST

/* The responder deletes the child before the initiator has heard that it is there. */
START_TEST(a_child_deleted_before_its_answer_came_does_not_come_up)
{
	struct duo d = duo_begin(false);
	struct ike_terminate what = { .child = "net" };
	const struct sim_command *command;
	struct why why;

	duo_start(&d);
	duo_up(&d, d.sun, NULL);
	/* The answer to sun's request is lost. */
	d.world->partition_count = 1;
	d.world->partitions[0] =
		(struct sim_partition){ d.world->now, d.world->now + 100, 0, true };
	command = sim_node_initiate(d.sun, "moon", "net", &why);
	sim_world_run(d.world, d.world->now + 200);
	ck_assert_uint_eq(duo_children(d.moon), 1);
	ck_assert_uint_eq(duo_children(d.sun), 0);
	ck_assert_ptr_nonnull(sim_node_terminate(d.moon, &what, &why));
	sim_world_settle(d.world, d.world->now + IKE_SECONDS(400));
	ck_assert_uint_eq(command->answers, 1);
	ck_assert(!command->done);
	ck_assert_uint_eq(duo_children(d.moon), 0);
	ck_assert_uint_eq(duo_children(d.sun), 0);
	duo_end(&d);
}
END_TEST

START_TEST(children_are_deleted_whatever_the_order_they_came_up_in)
{
	struct duo d = duo_begin(false);
	struct ike_terminate what = { .child = "net" };
	struct why why;

	duo_start(&d);
	duo_up(&d, d.moon, "net");
	/* Wanted first by sun, up first by moon. */
	ck_assert_ptr_nonnull(sim_node_initiate(d.sun, "moon", "net", &why));
	ck_assert_ptr_nonnull(sim_node_initiate(d.sun, "moon", "net", &why));
	ck_assert_ptr_nonnull(sim_node_initiate(d.moon, "sun", "net", &why));
	sim_world_settle(d.world, d.world->now + IKE_SECONDS(400));
	ck_assert_uint_eq(duo_children(d.sun), 4);
	ck_assert_ptr_nonnull(sim_node_terminate(d.sun, &what, &why));
	sim_world_settle(d.world, d.world->now + IKE_SECONDS(400));
	ck_assert_uint_eq(duo_children(d.sun), 0);
	ck_assert_uint_eq(duo_children(d.moon), 0);
	duo_end(&d);
}
END_TEST

START_TEST(a_childless_wish_and_a_child_on_the_same_new_sa_are_both_answered)
{
	struct duo d = duo_begin(false);
	const struct sim_command *a, *b;
	struct why why;

	if (_i)
		d.sun_psk = "what only sun believes";
	duo_start(&d);
	a = sim_node_initiate(d.sun, "moon", NULL, &why);
	b = sim_node_initiate(d.sun, "moon", "net", &why);
	sim_world_settle(d.world, d.world->now + IKE_SECONDS(400));
	ck_assert_uint_eq(a->answers, 1);
	ck_assert_uint_eq(b->answers, 1);
	ck_assert(a->done == !_i && b->done == !_i);
	duo_end(&d);
}
END_TEST

START_TEST(initial_contact_is_not_said_while_an_sa_of_a_replaced_definition_is_up)
{
	struct duo d = duo_begin(false);
	struct why why = { "" };

	duo_start(&d);
	duo_up(&d, d.sun, "net");
	ck_assert(sim_node_unload(d.sun, "moon"));
	d.sun_side.name = "luna";
	ck_assert(sim_node_load(d.sun, sim_define(&d.sun_side), &why));
	duo_up(&d, d.sun, "net");
	ck_assert_uint_eq(duo_ike_sas(d.sun), 2);
	ck_assert_uint_eq(duo_ike_sas(d.moon), 2);
	duo_end(&d);
}
END_TEST

START_TEST(initial_contact_ends_what_a_restarted_peer_has_forgotten)
{
	struct duo d = duo_begin(false);
	struct why why = { "" };

	duo_start(&d);
	duo_up(&d, d.sun, "net");
	sim_node_crash(d.sun);
	sim_node_start(d.sun);
	sim_node_psk(d.sun, d.sun_psk, NULL);
	ck_assert(sim_node_load(d.sun, sim_define(&d.sun_side), &why));
	ck_assert(duo_initiate(&d, d.sun, "net")->done);
	ck_assert_uint_eq(duo_ike_sas(d.moon), 1);
	ck_assert_uint_eq(duo_children(d.moon), 1);
	duo_end(&d);
}
END_TEST

TCase *crossing_tests(void)
{
	TCase *tests = tcase_create("crossing");

	tcase_add_loop_test(tests, a_repeated_request_gets_the_very_same_response, 0, 2);
	tcase_add_test(tests, an_old_request_is_ignored);
	tcase_add_test(tests, a_repeated_first_request_makes_no_second_sa);
	tcase_add_loop_test(tests, both_may_initiate_at_once, 0, 2);
	tcase_add_test(tests, both_may_delete_the_same_child_at_once);
	tcase_add_test(tests, both_may_delete_the_ike_sa_at_once);
	tcase_add_test(tests, a_child_deleted_before_its_answer_came_does_not_come_up);
	tcase_add_test(tests, children_are_deleted_whatever_the_order_they_came_up_in);
	tcase_add_loop_test(
		tests, a_childless_wish_and_a_child_on_the_same_new_sa_are_both_answered, 0, 2);
	tcase_add_test(
		tests, initial_contact_is_not_said_while_an_sa_of_a_replaced_definition_is_up);
	tcase_add_test(tests, initial_contact_ends_what_a_restarted_peer_has_forgotten);
	return tests;
}
