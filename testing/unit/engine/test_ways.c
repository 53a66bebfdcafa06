/* Several addresses at both ends, as with two providers: silent ways are left, the preferred one is
 * gone back to, and attempts begin from each of our addresses. */
#include "libike/sa/path.h"
#include "testing/unit/engine/duo.h"

#define FIRST "192.0.2.2"
#define SECOND "198.51.100.2"

/* Nothing passes whose source or destination is the first provider's. */
static bool first_fails(void *context, struct sim_world *w, struct sim_flight *flight)
{
	const uint8_t *a = flight->source.octets, *b = flight->destination.octets;

	(void)context, (void)w;
	return a[0] != 192 && b[0] != 192;
}

/* A second address of IPv4 instead of the one of IPv6. */
static void give(struct sim_node *n, const char *text)
{
	struct address a = { .family = 0 };

	ck_assert(address_parse(text, &a));
	sim_node_move(n, 1, &a);
}

/* moon 192.0.2.1 and 198.51.100.1, sun 192.0.2.2 and 198.51.100.2; sun initiates. */
static struct duo with_providers_of(
	void (*adjust)(void *context, struct ike_connection *c), uint8_t start_action)
{
	struct duo d = duo_begin(false);

	d.sun_side.local_addrs = FIRST "," SECOND;
	d.sun_side.remote_addrs = "192.0.2.1,198.51.100.1";
	d.moon_side.local_addrs = "192.0.2.1,198.51.100.1";
	d.moon_side.remote_addrs = "%any";
	d.sun_side.dpd_delay = 10;
	d.sun_side.adjust = adjust;
	d.sun_side.children[0].start_action = d.sun_side.children[0].dpd_action = start_action;
	duo_start(&d);
	give(d.moon, "198.51.100.1");
	give(d.sun, SECOND);
	return d;
}

static struct duo with_providers(void)
{
	return with_providers_of(NULL, IKE_ACTION_NONE);
}

static void assert_is_at(const struct duo *d, const char *local, const char *remote)
{
	const struct ike_sa *sa = ike_engine_sa_next(d->sun->engine, NULL);
	char text[ADDRESS_TEXT_MAX];

	ck_assert_ptr_nonnull(sa);
	ck_assert_str_eq(address_format(&sa->local, text), local);
	ck_assert_str_eq(address_format(&sa->remote, text), remote);
	ck_assert(address_same_host(ike_children_local(sa), &sa->local));
	ck_assert(address_same_host(ike_children_remote(sa), &sa->remote));
}

static void pass(struct duo *d, unsigned seconds)
{
	sim_world_run(d->world, d->world->now + IKE_SECONDS((ike_time)seconds));
}

START_TEST(a_provider_that_fails_is_left_and_gone_back_to)
{
	struct duo d = with_providers();

	duo_up(&d, d.sun, "net");
	assert_is_at(&d, FIRST, "192.0.2.1");
	d.world->filter = first_fails;
	pass(&d, 24); /* liveness and two retransmissions */
	assert_is_at(&d, SECOND, "198.51.100.1");
	pass(&d, 120);
	assert_is_at(&d, SECOND, "198.51.100.1");
	ck_assert_uint_eq(duo_ike_sas(d.sun), 1);

	d.world->filter = NULL;
	struct duo_stream stream;
	duo_stream_begin(&d, &stream, 30);
	pass(&d, 31);
	assert_is_at(&d, FIRST, "192.0.2.1");
	ck_assert_uint_le(stream.sent - stream.arrived, 20); /* were on their way when both moved */
	ck_assert_uint_eq(duo_ike_sas(d.sun), 1);
	duo_down(&d, d.sun);
	duo_end(&d);
}
END_TEST

/* The probes are answered by the present way, so that the window is not held up by them. */
START_TEST(looking_for_the_preferred_way_holds_nothing_up)
{
	struct duo d = with_providers();

	duo_up(&d, d.sun, "net");
	d.world->filter = first_fails;
	for (int i = 0; i < 200; i++) {
		pass(&d, 3);
		const struct ike_sa *sa = ike_engine_sa_next(d.sun->engine, NULL);
		ck_assert_ptr_nonnull(sa);
		ck_assert(i < 10 || sa->transmissions <= 1);
	}
	assert_is_at(&d, SECOND, "198.51.100.1");
	d.world->filter = NULL;
	duo_down(&d, d.sun);
	duo_end(&d);
}
END_TEST

START_TEST(an_attempt_begins_from_each_of_our_addresses)
{
	struct duo d = with_providers();

	d.world->filter = first_fails;
	duo_up(&d, d.sun, "net");
	assert_is_at(&d, SECOND, "198.51.100.1");
	/* It was not the one that the definition has first. */
	d.world->filter = NULL;
	pass(&d, 30);
	assert_is_at(&d, FIRST, "192.0.2.1");
	duo_down(&d, d.sun);
	duo_end(&d);
}
END_TEST

/* Only our own provider has failed: from the second one the peer's first address is there. */
static bool own_first_fails(void *context, struct sim_world *w, struct sim_flight *flight)
{
	struct address first;

	(void)context, (void)w;
	ck_assert(address_parse(FIRST, &first));
	return !address_same_host(&flight->source, &first) &&
	       !address_same_host(&flight->destination, &first);
}

START_TEST(our_other_address_is_tried_with_the_same_peer)
{
	struct duo d = with_providers();
	const struct ike_sa *sa;
	char text[ADDRESS_TEXT_MAX];

	duo_up(&d, d.sun, "net");
	d.world->filter = own_first_fails;
	pass(&d, 24);
	sa = ike_engine_sa_next(d.sun->engine, NULL);
	ck_assert_ptr_nonnull(sa);
	ck_assert_str_eq(address_format(&sa->local, text), SECOND);
	ck_assert_uint_eq(duo_ike_sas(d.sun), 1);
	d.world->filter = NULL;
	pass(&d, 30);
	assert_is_at(&d, FIRST, "192.0.2.1");
	duo_down(&d, d.sun);
	duo_end(&d);
}
END_TEST

/* Two networks that do not reach each other (MPLS and internet). */
static bool same_provider(const struct address *local, const struct address *remote)
{
	return local->octets[0] == remote->octets[0];
}

static bool providers_are_apart(void *context, struct sim_world *w, struct sim_flight *flight)
{
	(void)context, (void)w;
	return same_provider(&flight->source, &flight->destination);
}

static bool nothing_passes(void *context, struct sim_world *w, struct sim_flight *flight)
{
	(void)context, (void)w, (void)flight;
	return false;
}

static struct duo with_providers_apart(void)
{
	struct duo d = with_providers();

	d.moon->has_route = d.sun->has_route = same_provider;
	d.world->filter = providers_are_apart;
	return d;
}

/* Within a second after the second of both comes back that went. */
START_TEST(a_way_that_has_a_route_is_chosen)
{
	struct duo d = with_providers_apart();

	duo_up(&d, d.sun, "net");
	assert_is_at(&d, FIRST, "192.0.2.1");
	duo_move(d.sun, 0, NULL);
	duo_move(d.sun, 1, NULL);
	pass(&d, 30);
	duo_move(d.sun, 1, SECOND);
	pass(&d, 1);
	assert_is_at(&d, SECOND, "198.51.100.1");
	duo_move(d.sun, 0, FIRST);
	pass(&d, 2);
	assert_is_at(&d, FIRST, "192.0.2.1");
	ck_assert_uint_eq(duo_ike_sas(d.sun), 1);
	duo_down(&d, d.sun);
	duo_end(&d);
}
END_TEST

/* Our addresses stay, and what was sent in vain is sent again when a route is back: all ways, as
 * nobody knows yet which one leads there. */
START_TEST(what_is_unanswered_goes_all_ways_when_routes_change)
{
	struct duo d = with_providers_apart();

	duo_up(&d, d.sun, "net");
	d.world->filter = nothing_passes;
	pass(&d, 40); /* retransmissions are far apart by now */
	d.world->filter = first_fails;
	duo_move(d.sun, 2, "203.0.113.77"); /* something else has changed */
	pass(&d, 1);
	assert_is_at(&d, SECOND, "198.51.100.1");
	duo_down(&d, d.sun);
	duo_end(&d);
}
END_TEST

/* The peer's first line comes up when the SA is there already. */
START_TEST(the_preferred_way_is_taken_when_the_peer_tells_of_it)
{
	struct duo d = with_providers_apart();

	duo_move(d.moon, 0, NULL);
	duo_up(&d, d.sun, "net");
	assert_is_at(&d, SECOND, "198.51.100.1");
	pass(&d, 100);
	duo_move(d.moon, 0, "192.0.2.1");
	pass(&d, 4);
	assert_is_at(&d, FIRST, "192.0.2.1");
	duo_down(&d, d.sun);
	duo_end(&d);
}
END_TEST

/* Only by the last of four pairs is there a way; and the first answer that comes wins, though it
 * comes late. */
static bool crosswise(void *context, struct sim_world *w, struct sim_flight *flight)
{
	const uint8_t *a = flight->source.octets, *b = flight->destination.octets;

	(void)context, (void)w;
	return (a[0] == 198 && b[0] == 192) || (a[0] == 192 && b[0] == 198);
}

START_TEST(attempts_take_turns_between_all_ways)
{
	struct duo d = with_providers();

	d.world->filter = crosswise;
	if (_i) { /* longer than all of them have their turns */
		d.world->faults.delay_from = d.world->faults.delay_to = 3500;
		d.world->faults_until = IKE_NEVER;
	}
	duo_initiate(&d, d.sun, "net");
	pass(&d, 60);
	ck_assert_uint_eq(duo_ike_sas(d.sun), 1);
	const struct ike_sa *sa = duo_only_sa(d.sun);
	ck_assert_int_eq(sa->state, IKE_SA_ESTABLISHED);
	ck_assert_uint_ne(sa->local.octets[0], sa->remote.octets[0]);
	ck_assert_int_le(sa->established_at - sa->created_at, _i ? 20000 : 5000);
	d.world->faults_until = 0;
	d.world->filter = NULL;
	pass(&d, 30);
	duo_down(&d, d.sun);
	duo_end(&d);
}
END_TEST

/* The peer hears on its first line, and nobody hears it. */
static bool first_line_is_mute(void *context, struct sim_world *w, struct sim_flight *flight)
{
	const uint8_t *a = flight->source.octets;

	(void)context, (void)w;
	return a[0] != 192 || a[3] != 1;
}

START_TEST(what_came_on_several_ways_is_one_ike_sa)
{
	struct duo d = with_providers();
	struct why why;

	d.world->filter = first_line_is_mute;
	ck_assert_ptr_nonnull(sim_node_initiate(d.sun, "moon", "net", &why));
	pass(&d, 10);
	ck_assert_int_eq(duo_only_sa(d.sun)->state, IKE_SA_ESTABLISHED);
	ck_assert_int_eq(duo_only_sa(d.moon)->state, IKE_SA_ESTABLISHED);
	d.world->filter = NULL;
	pass(&d, 30);
	duo_down(&d, d.sun);
	duo_end(&d);
}
END_TEST

/* The peer's lines were both away: nothing of that is seen here. */
static void adjust_patience(void *context, struct ike_connection *c)
{
	(void)context;
	c->retransmit_timeout = 500;
	c->retransmit_base = 1.2;
}

START_TEST(a_peer_that_was_away_for_long_is_back_within_seconds)
{
	struct duo d = with_providers_of(adjust_patience, IKE_ACTION_START);

	pass(&d, 5);
	ck_assert_uint_eq(duo_children(d.sun), 1);
	for (int i = 0; i < 8; i++) {
		d.world->filter = nothing_passes;
		pass(&d, 100 + 7 * (unsigned)i);
		d.world->filter = i % 2 ? first_fails : providers_are_apart;
		pass(&d, 5);
		ck_assert_uint_eq(duo_children(d.sun), 1);
		ck_assert_int_eq(duo_sa(d.sun)->state, IKE_SA_ESTABLISHED);
		pass(&d, 20);
	}
	d.world->filter = NULL;
	pass(&d, 20);
	duo_end(&d);
}
END_TEST

/* By stages: the first provider fails; the second one's answers get lost; so do our messages over
 * the first one; and only the second one's answers. */
struct stages {
	const struct duo *d;
	int stage;
};

static bool by_stages(void *context, struct sim_world *w, struct sim_flight *flight)
{
	struct stages *s = context;
	bool first = !first_fails(NULL, w, flight), ours = flight->from == s->d->sun->index;

	if (flight->source.octets[0] != flight->destination.octets[0])
		return false; /* each provider has its own routes */
	if (s->stage == 1 && !first && !ours) {
		s->stage = 2; /* that takes us there */
		return true;
	}
	if (s->stage == 1)
		return !first;
	if (!first)
		return ours;
	if (s->stage == 2 && !ours)
		s->stage = 3; /* that brings us back */
	return s->stage != 3 || !ours;
}

static void pass_until(struct duo *d, const char *local, unsigned transmissions)
{
	char text[ADDRESS_TEXT_MAX];

	for (int i = 0; i < 600; i++) {
		const struct ike_sa *sa = ike_engine_sa_next(d->sun->engine, NULL);

		ck_assert_ptr_nonnull(sa);
		if (strcmp(address_format(&sa->local, text), local) == 0 &&
			sa->transmissions >= transmissions)
			return;
		sim_world_run(d->world, d->world->now + 100);
	}
	ck_abort_msg("not at %s", local);
}

/* The peer goes where an UPDATE_SA_ADDRESSES came from first; copies that come another way are only
 * answered. */
START_TEST(both_ends_end_on_the_same_way)
{
	struct duo d = with_providers();
	struct stages stages = { .d = &d };
	char text[ADDRESS_TEXT_MAX];

	duo_up(&d, d.sun, "net");
	d.world->filter = by_stages;
	d.world->filter_context = &stages;
	stages.stage = 1;
	pass_until(&d, SECOND, 0);
	ck_assert_int_eq(stages.stage, 2);
	pass_until(&d, FIRST, 4);
	ck_assert_int_eq(stages.stage, 3);
	stages.stage = 4;
	while (ike_engine_sa_next(d.sun->engine, NULL)->request)
		sim_world_run(d.world, d.world->now + 10);
	pass(&d, 1); /* before liveness finds it out */
	const struct ike_sa *moon = ike_engine_sa_next(d.moon->engine, NULL);
	ck_assert_str_eq(address_format(&moon->remote, text), FIRST);
	assert_is_at(&d, FIRST, "192.0.2.1");
	d.world->filter = NULL;
	duo_down(&d, d.sun);
	duo_end(&d);
}
END_TEST

TCase *way_tests(void)
{
	TCase *t = tcase_create("ways");

	tcase_add_test(t, a_provider_that_fails_is_left_and_gone_back_to);
	tcase_add_test(t, looking_for_the_preferred_way_holds_nothing_up);
	tcase_add_test(t, an_attempt_begins_from_each_of_our_addresses);
	tcase_add_test(t, a_way_that_has_a_route_is_chosen);
	tcase_add_test(t, what_is_unanswered_goes_all_ways_when_routes_change);
	tcase_add_test(t, the_preferred_way_is_taken_when_the_peer_tells_of_it);
	tcase_add_loop_test(t, attempts_take_turns_between_all_ways, 0, 2);
	tcase_add_test(t, what_came_on_several_ways_is_one_ike_sa);
	tcase_add_test(t, a_peer_that_was_away_for_long_is_back_within_seconds);
	tcase_add_test(t, both_ends_end_on_the_same_way);
	tcase_add_test(t, our_other_address_is_tried_with_the_same_peer);
	return t;
}
