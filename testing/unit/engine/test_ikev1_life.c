/* IKEv1: what happens to an IKE SA and its children after they came up. */
#include "testing/unit/engine/duo.h"

#define EXCHANGE_INFORMATIONAL 5
#define EXCHANGE_MAIN 2
#define EXCHANGE_AGGRESSIVE 4
#define EXCHANGE_QUICK 32

/* ---- Datagrams ---- */

/* What the filter does with those of one exchange type. */
struct sieve {
	uint8_t exchange;
	const struct sim_node *from; /* NULL: of both */
	unsigned seen;               /* with another message id than the one before */
	unsigned drop;               /* so many datagrams do not arrive */
	uint32_t last_id;
};

static bool sift(void *context, struct sim_world *w, struct sim_flight *flight)
{
	struct sieve *s = context;
	uint32_t id;

	(void)w;
	if (flight->length < 28 || flight->data[18] != s->exchange ||
		(s->from && flight->from != s->from->index))
		return true;
	memcpy(&id, flight->data + 20, sizeof(id));
	s->seen += id != s->last_id;
	s->last_id = id;
	if (s->drop == 0)
		return true;
	s->drop--;
	return false;
}

static void set_sieve(struct duo *d, struct sieve *s)
{
	d->world->filter = sift;
	d->world->filter_context = s;
}

static void rekey_ike(struct duo *d, struct sim_node *n, bool reauth)
{
	struct ike_rekey what = { .ike = duo_name(d, n), .reauth = reauth };
	struct why why = { "" };

	ck_assert_msg(sim_node_rekey(n, &what, &why), "%s", why.text);
}

static const struct sim_command *terminate(struct duo *d, struct sim_node *n, const char *child)
{
	struct ike_terminate what = { .ike = child ? NULL : duo_name(d, n), .child = child };
	struct why why = { "" };
	const struct sim_command *command = sim_node_terminate(n, &what, &why);

	ck_assert_msg(command, "%s", why.text);
	return command;
}

static struct duo begin_two(void)
{
	struct duo d = duo_begin_ikev1(false);

	duo_two_children(&d);
	return d;
}

/* ---- Deleting ---- */

/* Bit 0: by whom; bit 1: its first DELETE does not arrive, the repetition does. */
START_TEST(a_child_is_deleted_at_both_ends)
{
	struct duo d = begin_two();
	struct sim_node *by = _i & 1 ? d.moon : d.sun;
	struct sieve s = { .exchange = EXCHANGE_INFORMATIONAL, .from = by, .drop = _i & 2 ? 1 : 0 };
	const struct sim_command *command;

	duo_start(&d);
	duo_up(&d, d.sun, "net");
	duo_up(&d, d.sun, "web");
	set_sieve(&d, &s);
	command = terminate(&d, by, "net");
	ck_assert(command->done);
	duo_pass(&d, 1000);
	ck_assert_uint_eq(duo_children(d.moon), 1);
	ck_assert_uint_eq(duo_children(d.sun), 1);
	ck_assert_uint_eq(duo_ike_sas(d.moon), 1);
	ck_assert(sim_node_logged(by, "closing CHILD_SA net"));
	ck_assert(
		sim_node_logged(by == d.moon ? d.sun : d.moon, "received DELETE for CHILD_SA net"));
	duo_end(&d);
}
END_TEST

START_TEST(an_ike_sa_is_deleted_with_its_children)
{
	struct duo d = begin_two();
	struct sim_node *by = _i & 1 ? d.moon : d.sun;
	struct sieve s = { .exchange = EXCHANGE_INFORMATIONAL, .from = by };

	duo_start(&d);
	duo_up(&d, d.sun, "net");
	duo_up(&d, d.sun, "web");
	set_sieve(&d, &s);
	s.drop = _i & 2 ? 1 : 0;
	duo_down(&d, by);
	ck_assert(sim_node_logged(by == d.moon ? d.sun : d.moon, "received DELETE for IKE_SA"));
	duo_end(&d);
}
END_TEST

/* Then the peer finds out by asking. */
START_TEST(a_delete_that_never_arrives_is_found_out)
{
	struct duo d = duo_begin_ikev1(false);
	struct sieve s = { .exchange = EXCHANGE_INFORMATIONAL, .from = d.sun, .drop = 100 };

	d.moon_side.dpd_delay = 10;
	d.moon_side.dpd_timeout = 30;
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	set_sieve(&d, &s);
	ck_assert(terminate(&d, d.sun, NULL)->done);
	duo_pass(&d, IKE_SECONDS(5));
	ck_assert_uint_eq(duo_ike_sas(d.sun), 0);
	ck_assert_uint_eq(duo_ike_sas(d.moon), 1);
	duo_pass(&d, IKE_SECONDS(45));
	ck_assert_uint_eq(duo_ike_sas(d.moon), 0);
	ck_assert(sim_node_logged(d.moon, "did not answer DPD: giving up after 30 s"));
	duo_end(&d);
}
END_TEST

/* ---- Liveness ---- */

START_TEST(a_silent_peer_is_asked_every_dpd_delay)
{
	struct duo d = duo_begin_ikev1(false);
	struct sieve s = { .exchange = EXCHANGE_INFORMATIONAL, .from = d.sun };

	d.sun_side.dpd_delay = 30;
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	set_sieve(&d, &s);
	duo_pass(&d, IKE_SECONDS(300));
	ck_assert_uint_ge(s.seen, 9);
	ck_assert_uint_le(s.seen, 10);
	ck_assert_uint_eq(duo_children(d.sun), 1);
	duo_end(&d);
}
END_TEST

/* Questions and answers get lost, and each question is asked anew. */
START_TEST(a_lost_question_is_asked_again)
{
	struct duo d = duo_begin_ikev1(false);
	struct sieve s = { .exchange = EXCHANGE_INFORMATIONAL, .drop = 0 };

	s.from = _i ? d.sun : d.moon;
	d.sun_side.dpd_delay = 30;
	d.sun_side.dpd_timeout = 60;
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	set_sieve(&d, &s);
	s.drop = 3;
	duo_pass(&d, IKE_SECONDS(100));
	ck_assert_uint_eq(s.drop, 0);
	ck_assert_uint_eq(ike_engine_dead_at(d.sun->engine, duo_only_sa(d.sun)), IKE_NEVER);
	duo_pass(&d, IKE_SECONDS(100));
	ck_assert_uint_eq(duo_children(d.sun), 1);
	duo_end(&d);
}
END_TEST

START_TEST(dpd_timeout_says_when_a_peer_is_dead)
{
	struct duo d = duo_begin_ikev1(false);

	d.sun_side.dpd_delay = 30;
	d.sun_side.dpd_timeout = _i ? 50 : 0;
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	sim_node_crash(d.moon);
	duo_pass(&d, IKE_SECONDS(31));
	ck_assert(sim_node_logged(
		d.sun, _i ? "declared dead after 50 s" : "declared dead after 165 s"));
	ck_assert_int_ne(ike_engine_dead_at(d.sun->engine, duo_only_sa(d.sun)), IKE_NEVER);
	duo_pass(&d, IKE_SECONDS(_i ? 45 : 160));
	ck_assert_uint_eq(duo_ike_sas(d.sun), 1);
	duo_pass(&d, IKE_SECONDS(10));
	ck_assert_uint_eq(duo_ike_sas(d.sun), 0);
	duo_end(&d);
}
END_TEST

START_TEST(after_a_peer_was_killed_dpd_action_brings_the_tunnel_back)
{
	struct duo d = duo_begin_ikev1(false);
	struct why why = { "" };

	d.sun_side.dpd_delay = 10;
	d.sun_side.dpd_timeout = 30;
	d.sun_side.children[0].dpd_action = IKE_ACTION_START;
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	sim_node_kill(d.moon);
	duo_pass(&d, IKE_SECONDS(5));
	sim_node_start(d.moon);
	sim_node_psk(d.moon, d.moon_psk, NULL);
	ck_assert_msg(sim_node_load(d.moon, sim_define(&d.moon_side), &why), "%s", why.text);
	duo_pass(&d, IKE_SECONDS(60));
	ck_assert_uint_eq(duo_children(d.sun), 1);
	ck_assert_uint_eq(duo_children(d.moon), 1);
	duo_end(&d);
}
END_TEST

/* ---- Phase 1 ends ---- */

/* strongSwan counts no messages of IKEv1 but what is for nobody (a DELETE that comes twice), and an
 * IKE SA that takes another's place is no rekeying. */
static void counted_nothing(const struct sim_node *n)
{
	const uint64_t *counters = ike_engine_counters(n->engine, NULL);

	for (unsigned i = 0; i < IKE_COUNTERS; i++)
		ck_assert_msg(counters[i] == 0 || i == IKE_COUNTER_INVALID_SPI, "%s",
			ike_counter_name((enum ike_counter)i));
}

/* Bit 0: by whom; bit 1: by the command that says reauthenticate. */
START_TEST(a_new_ike_sa_takes_the_children_over)
{
	struct duo d = begin_two();
	struct sim_node *by = _i & 1 ? d.moon : d.sun;
	struct duo_stream stream;
	uint32_t old, child;

	duo_start(&d);
	duo_up(&d, d.sun, "net");
	duo_up(&d, d.sun, "web");
	old = duo_only_sa(by)->unique_id;
	child = duo_only_sa(by)->children->unique_id;
	duo_stream_begin(&d, &stream, 30);
	duo_pass(&d, 1000);
	rekey_ike(&d, by, _i & 2);
	duo_pass(&d, IKE_SECONDS(40));
	ck_assert_uint_ne(duo_only_sa(by)->unique_id, old);
	ck_assert_uint_eq(duo_only_sa(by)->children->unique_id, child);
	ck_assert_uint_eq(duo_ike_sas(d.moon), 1);
	ck_assert_uint_eq(duo_ike_sas(d.sun), 1);
	ck_assert_uint_eq(duo_children(d.moon), 2);
	ck_assert_uint_eq(duo_children(d.sun), 2);
	ck_assert_int_eq(d.moon->child_up, 2);
	ck_assert_int_eq(d.sun->ike_up, 1);
	ck_assert_uint_eq(stream.arrived, stream.sent);
	ck_assert_uint_eq(sim_check_agreement(d.world, false), 0);
	counted_nothing(d.moon);
	counted_nothing(d.sun);
	duo_down(&d, by);
	duo_end(&d);
}
END_TEST

/* Every third datagram of Main Mode gets lost. */
static bool lose_some(void *context, struct sim_world *w, struct sim_flight *flight)
{
	unsigned *count = context;

	(void)w;
	return flight->data[18] != EXCHANGE_MAIN || (*count)++ % 3 != 0;
}

START_TEST(that_stands_losses)
{
	struct duo d = begin_two();
	struct duo_stream stream;
	unsigned count = (unsigned)_i;

	duo_start(&d);
	duo_up(&d, d.sun, "net");
	duo_stream_begin(&d, &stream, 100);
	d.world->filter = lose_some;
	d.world->filter_context = &count;
	rekey_ike(&d, d.sun, true);
	duo_pass(&d, IKE_SECONDS(110));
	ck_assert_uint_eq(duo_ike_sas(d.moon), 1);
	ck_assert_uint_eq(duo_ike_sas(d.sun), 1);
	ck_assert_uint_eq(duo_children(d.sun), 1);
	ck_assert_uint_eq(stream.arrived, stream.sent);
	duo_end(&d);
}
END_TEST

/* The last message of phase 1 gets lost, as often as it is said in 20 s (10 s): who says it has the
 * new IKE SA up, the peer does not. Main Mode: the responder's; Aggressive Mode: the initiator's.
 */
static bool lose_last_word(void *context, struct sim_world *w, struct sim_flight *flight)
{
	const struct duo *d = context;
	bool is_main = flight->data[18] == EXCHANGE_MAIN && (flight->data[19] & 1) &&
		       flight->from == d->moon->index;
	bool is_aggressive = flight->data[18] == EXCHANGE_AGGRESSIVE &&
			     flight->from == d->sun->index &&
			     memcmp(flight->data + 8, "\0\0\0\0\0\0\0\0", 8) != 0;

	return w->now > IKE_SECONDS(is_main ? 1000 : 990) || !(is_main || is_aggressive);
}

START_TEST(the_old_one_stays_until_both_have_the_new_one)
{
	struct duo d = duo_begin_ikev1(_i == 1);
	struct duo_stream stream;

	d.sun_side.local_addrs = NULL;
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	duo_pass(&d, IKE_SECONDS(980) - d.world->now);
	duo_stream_begin(&d, &stream, 100);
	d.world->filter = lose_last_word;
	d.world->filter_context = &d;
	rekey_ike(&d, d.sun, true);
	duo_pass(&d, IKE_SECONDS(_i == 0 ? 19 : 9));
	ck_assert_uint_eq(duo_children(d.moon), 1);
	ck_assert_uint_eq(duo_children(d.sun), 1);
	duo_pass(&d, IKE_SECONDS(120));
	ck_assert_uint_eq(duo_ike_sas(d.moon), 1);
	ck_assert_uint_eq(duo_ike_sas(d.sun), 1);
	ck_assert_uint_eq(duo_children(d.moon), 1);
	ck_assert_uint_eq(duo_children(d.sun), 1);
	ck_assert_uint_eq(stream.arrived, stream.sent);
	duo_end(&d);
}
END_TEST

/* The child is being rekeyed, which nobody answers, when the IKE SA gives way to another; then the
 * child is deleted there, and the old IKE SA goes: a rekeying under the one must not hold a child
 * of the other. */
START_TEST(a_rekeying_in_flight_does_not_outlive_its_child)
{
	struct duo d = begin_two();
	struct sieve s = { .exchange = EXCHANGE_QUICK, .drop = 1000 };
	struct why why;

	duo_start(&d);
	duo_up(&d, d.sun, "net");
	set_sieve(&d, &s);
	ck_assert(sim_node_rekey(d.moon, &(struct ike_rekey){ .child = "net" }, &why));
	duo_pass(&d, 1000);
	rekey_ike(&d, d.sun, true);
	duo_pass(&d, IKE_SECONDS(2));
	ck_assert_uint_eq(duo_children(d.moon), 1);
	(void)terminate(&d, d.sun, "net");
	duo_pass(&d, IKE_SECONDS(60));
	ck_assert_uint_eq(duo_children(d.moon), 0);
	ck_assert_uint_eq(duo_ike_sas(d.moon), 1);
	duo_end(&d);
}
END_TEST

/* Nothing is heard of the old one any more, its DELETEs get lost: it ends by itself, and takes
 * nothing along. */
START_TEST(the_old_one_ends_without_a_delete)
{
	struct duo d = begin_two();
	struct sieve s = { .exchange = EXCHANGE_INFORMATIONAL, .drop = 100 };
	struct duo_stream stream;

	duo_start(&d);
	duo_up(&d, d.sun, "net");
	duo_pass(&d, IKE_SECONDS(20));
	duo_stream_begin(&d, &stream, 50);
	rekey_ike(&d, d.sun, true);
	duo_pass(&d, IKE_SECONDS(5)); /* both know that the new one is up */
	set_sieve(&d, &s);
	/* Until the child that was rekeyed out of caution is gone, too. */
	duo_pass(&d, IKE_SECONDS(245));
	ck_assert_uint_eq(duo_ike_sas(d.moon), 1);
	ck_assert_uint_eq(duo_ike_sas(d.sun), 1);
	ck_assert_uint_eq(duo_children(d.moon), 1);
	ck_assert_uint_eq(stream.arrived, stream.sent);
	duo_end(&d);
}
END_TEST

/* The peer renews twice within seconds. At which of its two IKE SAs it keeps the children cannot be
 * known, and strongSwan ends them with that one: sun leaves it to moon to delete, also when moon's
 * DELETEs get lost. */
START_TEST(of_several_at_once_the_peer_deletes)
{
	struct duo d = begin_two();
	struct sieve s = { .exchange = EXCHANGE_INFORMATIONAL, .drop = 100 };
	struct duo_stream stream;

	duo_start(&d);
	duo_up(&d, d.sun, "net");
	duo_stream_begin(&d, &stream, 50);
	rekey_ike(&d, d.moon, true);
	duo_pass(&d, IKE_SECONDS(2));
	rekey_ike(&d, d.moon, true);
	duo_pass(&d, IKE_SECONDS(2));
	ck_assert_uint_eq(duo_ike_sas(d.sun), 3);
	if (_i)
		set_sieve(&d, &s);
	duo_pass(&d, IKE_SECONDS(13));
	ck_assert_uint_eq(duo_ike_sas(d.sun), _i ? 2 : 1);
	/* Moon does not answer under it any more; the child is rekeyed to be sure. */
	duo_pass(&d, IKE_SECONDS(250));
	ck_assert_uint_eq(duo_ike_sas(d.moon), 1);
	ck_assert_uint_eq(duo_ike_sas(d.sun), 1);
	ck_assert_uint_eq(duo_children(d.moon), 1);
	ck_assert_uint_eq(duo_children(d.sun), 1);
	ck_assert_uint_eq(stream.arrived, stream.sent);
	d.world->filter = NULL;
	duo_down(&d, d.moon);
	duo_end(&d);
}
END_TEST

START_TEST(one_that_fails_leaves_the_old_one_and_is_tried_again)
{
	struct duo d = begin_two();
	struct duo_stream stream;
	uint32_t old;

	d.sun->settings.retransmit_tries = d.moon->settings.retransmit_tries = 2;
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	old = duo_only_sa(d.sun)->unique_id;
	sim_node_psk(d.moon, "another", (const char *const[]){ "sun.example.org", NULL });
	sim_node_psk(d.moon, "another", (const char *const[]){ "192.0.2.2", NULL });
	duo_stream_begin(&d, &stream, 200);
	rekey_ike(&d, d.sun, true);
	duo_pass(&d, IKE_SECONDS(30));
	ck_assert_uint_eq(duo_only_sa(d.sun)->unique_id, old);
	ck_assert(sim_node_logged(d.sun, "keeping it for now"));
	sim_node_psk(d.sun, "another", (const char *const[]){ "moon.example.org", NULL });
	sim_node_psk(d.sun, "another", (const char *const[]){ "192.0.2.1", NULL });
	duo_pass(&d, IKE_SECONDS(160));
	ck_assert_uint_ne(duo_only_sa(d.sun)->unique_id, old);
	ck_assert_uint_eq(duo_children(d.moon), 1);
	ck_assert_uint_eq(stream.arrived, stream.sent);
	duo_end(&d);
}
END_TEST

START_TEST(when_both_ends_do_it_one_ike_sa_stays)
{
	struct duo d = begin_two();
	struct duo_stream stream;

	for (int i = 0; i < _i; i++) /* other cookies */
		(void)sim_random_u64(&d.moon->random);
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	duo_up(&d, d.sun, "web");
	duo_stream_begin(&d, &stream, 60);
	rekey_ike(&d, d.sun, true);
	duo_pass(&d, _i * 7);
	rekey_ike(&d, d.moon, true);
	duo_pass(&d, IKE_SECONDS(70));
	ck_assert_uint_eq(duo_ike_sas(d.moon), 1);
	ck_assert_uint_eq(duo_ike_sas(d.sun), 1);
	ck_assert_uint_eq(duo_children(d.moon), 2);
	ck_assert_uint_eq(duo_children(d.sun), 2);
	ck_assert_uint_eq(sim_check_agreement(d.world, false), 0);
	ck_assert_uint_eq(stream.arrived, stream.sent);
	duo_end(&d);
}
END_TEST

/* Of the two ends' times the shorter one counts, and nobody notices. */
START_TEST(both_phases_are_renewed_by_time)
{
	struct duo d = duo_begin_ikev1(false);
	struct sim_definition *side = _i ? &d.moon_side : &d.sun_side;
	struct duo_stream stream;

	side->rekey_time = 200;
	side->over_time = 40;
	side->children[0].rekey_time = 70;
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	duo_stream_begin(&d, &stream, 900);
	duo_pass(&d, IKE_SECONDS(910));
	ck_assert_uint_ge(d.world->ike_sas_up, 2 * 4);
	ck_assert_uint_eq(duo_ike_sas(d.sun), 1);
	ck_assert_uint_eq(duo_children(d.sun), 1);
	ck_assert_uint_eq(duo_children(d.moon), 1);
	ck_assert_uint_eq(stream.arrived, stream.sent);
	duo_end(&d);
}
END_TEST

/* ---- Set-ups that cross, restarts ---- */

static struct duo begin_wanted(void)
{
	struct duo d = duo_begin_ikev1(false);

	d.sun_side.dpd_delay = d.moon_side.dpd_delay = 30;
	d.sun_side.dpd_timeout = d.moon_side.dpd_timeout = 60;
	for (int i = 0; i < 2; i++) {
		struct sim_child_definition *child =
			i ? &d.moon_side.children[0] : &d.sun_side.children[0];

		child->start_action = child->dpd_action = child->close_action = IKE_ACTION_START;
	}
	return d;
}

static void check_one(struct duo *d)
{
	ck_assert_uint_eq(duo_ike_sas(d->moon), 1);
	ck_assert_uint_eq(duo_ike_sas(d->sun), 1);
	ck_assert_uint_eq(duo_children(d->moon), 1);
	ck_assert_uint_eq(duo_children(d->sun), 1);
	ck_assert_uint_eq(sim_check_agreement(d->world, false), 0);
	ck_assert_msg(d->world->complaints == 0, "%s", d->world->complaint);
}

START_TEST(both_start_and_one_stays)
{
	struct duo d = begin_wanted();
	struct why why = { "" };

	for (int i = 0; i < _i; i++) /* other cookies */
		(void)sim_random_u64(&d.moon->random);
	sim_node_start(d.moon);
	sim_node_start(d.sun);
	sim_node_psk(d.moon, d.moon_psk, NULL);
	sim_node_psk(d.sun, d.sun_psk, NULL);
	ck_assert_msg(sim_node_load(d.moon, sim_define(&d.moon_side), &why), "%s", why.text);
	duo_pass(&d, _i * 5);
	ck_assert_msg(sim_node_load(d.sun, sim_define(&d.sun_side), &why), "%s", why.text);
	duo_pass(&d, IKE_SECONDS(120));
	check_one(&d);
	duo_pass(&d, IKE_SECONDS(3600));
	check_one(&d);
	duo_end(&d);
}
END_TEST

START_TEST(a_peer_that_crashed_and_starts_again_finds_one_tunnel)
{
	struct duo d = begin_wanted();
	struct why why = { "" };

	duo_start(&d);
	duo_pass(&d, IKE_SECONDS(60));
	check_one(&d);
	sim_node_crash(d.moon);
	duo_pass(&d, IKE_SECONDS(_i * 10));
	sim_node_start(d.moon);
	sim_node_psk(d.moon, d.moon_psk, NULL);
	ck_assert_msg(sim_node_load(d.moon, sim_define(&d.moon_side), &why), "%s", why.text);
	duo_pass(&d, IKE_SECONDS(180));
	check_one(&d);
	duo_end(&d);
}
END_TEST

START_TEST(an_address_that_changes_takes_a_new_ike_sa)
{
	struct duo d = begin_wanted();
	struct address address;

	d.moon_side.remote_addrs = "%any";
	d.moon_side.children[0].start_action = d.moon_side.children[0].dpd_action =
		d.moon_side.children[0].close_action = IKE_ACTION_NONE;
	duo_start(&d);
	duo_pass(&d, IKE_SECONDS(60));
	check_one(&d);
	ck_assert(address_parse("192.0.2.77", &address));
	sim_node_move(d.sun, 0, &address);
	duo_pass(&d, IKE_SECONDS(30));
	check_one(&d);
	ck_assert(address_same_host(&duo_only_sa(d.sun)->local, &address));
	duo_end(&d);
}
END_TEST

/* ---- DMVPN ---- */

/* As FRR's nhrpd has it: no addresses in the connection, GRE in transport mode, initiated with
 * my-host and other-host. */
START_TEST(gre_between_hosts_that_a_command_names)
{
	struct duo d = duo_begin_ikev1(false);
	struct ike_initiate what = { .child = "dmvpn" };
	const struct ike_child *child;
	struct why why = { "" };

	for (int i = 0; i < 2; i++) {
		struct sim_definition *side = i ? &d.moon_side : &d.sun_side;

		side->name = "dmvpn";
		side->remote_addrs = "%any";
		side->local_id = side->remote_id = NULL;
		side->children[0] = (struct sim_child_definition){
			.name = "dmvpn",
			.local_ts = "dynamic[gre]",
			.remote_ts = "dynamic[gre]",
			.mode = IKE_MODE_TRANSPORT,
		};
	}
	duo_start(&d);
	ck_assert(address_parse("192.0.2.2", &what.my_host));
	ck_assert(address_parse("192.0.2.1", &what.other_host));
	sim_node_enter(d.sun);
	ck_assert_msg(ike_engine_initiate(d.sun->engine, sim_node_now(d.sun), &what, NULL, &why),
		"%s", why.text);
	sim_node_leave(d.sun);
	duo_pass(&d, IKE_SECONDS(10));
	child = duo_only_sa(d.sun)->children;
	ck_assert_ptr_nonnull(child);
	ck_assert_int_eq(child->mode, IKE_MODE_TRANSPORT);
	ck_assert_uint_eq(ike_child_local(child)->protocol, 47);
	ck_assert_int_eq(d.sun->ike_up, 1);
	ck_assert_int_eq(d.sun->child_up, 1);
	ck_assert_int_eq(d.moon->child_up, 1);
	duo_down(&d, d.moon);
	duo_end(&d);
}
END_TEST

TCase *ikev1_life_tests(void)
{
	TCase *c = tcase_create("ikev1 life");

	tcase_set_timeout(c, 120);
	tcase_add_loop_test(c, a_child_is_deleted_at_both_ends, 0, 4);
	tcase_add_loop_test(c, an_ike_sa_is_deleted_with_its_children, 0, 4);
	tcase_add_test(c, a_delete_that_never_arrives_is_found_out);
	tcase_add_test(c, a_silent_peer_is_asked_every_dpd_delay);
	tcase_add_loop_test(c, a_lost_question_is_asked_again, 0, 2);
	tcase_add_loop_test(c, dpd_timeout_says_when_a_peer_is_dead, 0, 2);
	tcase_add_test(c, after_a_peer_was_killed_dpd_action_brings_the_tunnel_back);
	tcase_add_loop_test(c, a_new_ike_sa_takes_the_children_over, 0, 4);
	tcase_add_loop_test(c, that_stands_losses, 0, 3);
	tcase_add_loop_test(c, the_old_one_stays_until_both_have_the_new_one, 0, 2);
	tcase_add_test(c, a_rekeying_in_flight_does_not_outlive_its_child);
	tcase_add_test(c, the_old_one_ends_without_a_delete);
	tcase_add_loop_test(c, of_several_at_once_the_peer_deletes, 0, 2);
	tcase_add_test(c, one_that_fails_leaves_the_old_one_and_is_tried_again);
	tcase_add_loop_test(c, when_both_ends_do_it_one_ike_sa_stays, 0, 12);
	tcase_add_loop_test(c, both_phases_are_renewed_by_time, 0, 2);
	tcase_add_loop_test(c, both_start_and_one_stays, 0, 20);
	tcase_add_loop_test(c, a_peer_that_crashed_and_starts_again_finds_one_tunnel, 0, 8);
	tcase_add_test(c, an_address_that_changes_takes_a_new_ike_sa);
	tcase_add_test(c, gre_between_hosts_that_a_command_names);
	return c;
}
