/* IKEv1's Quick Mode: children made, refused, rekeyed, with messages lost and crossing. */
#include "libike/wire/isakmp.h"
#include "testing/unit/engine/duo.h"

static const struct ike_child *only_child(const struct sim_node *n)
{
	const struct ike_sa *sa = duo_sa(n);

	ck_assert_ptr_nonnull(sa->children);
	ck_assert_ptr_null(sa->children->next);
	return sa->children;
}

static struct duo begin(const char *proposals)
{
	struct duo d = duo_begin(false);

	d.moon_side.version = d.sun_side.version = 1;
	d.moon_side.proposals = d.sun_side.proposals = "aes128-sha256-ecp256";
	d.moon_side.children[0].proposals = d.sun_side.children[0].proposals = proposals;
	return d;
}

/* ---- Children that come up ---- */

static const struct {
	const char *proposals;
	uint8_t protocol, mode;
} kinds[] = {
	{ "aes128-sha256", IKE_PROTOCOL_ESP, IKE_MODE_TUNNEL },
	{ "aes128gcm16", IKE_PROTOCOL_ESP, IKE_MODE_TUNNEL },
	{ "aes128-sha1-ecp256", IKE_PROTOCOL_ESP, IKE_MODE_TUNNEL },
	{ "aes256gcm16-x25519", IKE_PROTOCOL_ESP, IKE_MODE_TUNNEL },
	{ "aes256-sha256-modp2048,aes128-sha1-modp2048", IKE_PROTOCOL_ESP, IKE_MODE_TUNNEL },
	{ "sha256", IKE_PROTOCOL_AH, IKE_MODE_TUNNEL },
	{ "aes128-sha256", IKE_PROTOCOL_ESP, IKE_MODE_TRANSPORT },
	{ "aes128-sha256-esn-noesn", IKE_PROTOCOL_ESP, IKE_MODE_TUNNEL },
	{ "sha1-ecp256", IKE_PROTOCOL_AH, IKE_MODE_TRANSPORT },
};
#define KINDS ((int)(sizeof(kinds) / sizeof(*kinds)))

START_TEST(a_child_comes_up)
{
	struct duo d = begin(kinds[_i / 2].proposals);
	struct sim_child_definition *sides[2] = { d.moon_side.children, d.sun_side.children };
	struct ike_kernel_id id;

	for (int i = 0; i < 2; i++) {
		sides[i]->protocol = kinds[_i / 2].protocol;
		sides[i]->mode = kinds[_i / 2].mode;
		if (sides[i]->mode == IKE_MODE_TRANSPORT)
			sides[i]->local_ts = sides[i]->remote_ts = "dynamic";
	}
	duo_start(&d);
	duo_up(&d, _i & 1 ? d.moon : d.sun, "net");
	ck_assert_uint_eq(only_child(d.moon)->suite.protocol, kinds[_i / 2].protocol);
	ck_assert_uint_eq(only_child(d.moon)->mode, kinds[_i / 2].mode);
	ck_assert_uint_eq(only_child(d.sun)->mode, kinds[_i / 2].mode);
	ck_assert_int_eq(d.moon->child_up, 1);
	ck_assert_int_eq(d.sun->child_up, 1);
	id = ike_child_kernel_id(only_child(d.sun), false);
	ck_assert_ptr_nonnull(sim_kernel_sa_find(&d.sun->kernel, &id));
	ck_assert(sim_node_logged(d.moon, "CHILD_SA net{1} established with SPIs"));
	duo_down(&d, d.moon);
	ck_assert_int_eq(d.sun->child_up, 0);
	duo_end(&d);
}
END_TEST

START_TEST(several_children_share_one_ike_sa)
{
	struct duo d = begin("aes128-sha256");
	static const char *const names[] = { "net", "lab", "dmz" };
	static const char *const nets[] = { "10.3.0.0/24", "10.4.0.0/24" };

	for (int i = 1; i < 3; i++) {
		d.moon_side.children[i] = d.moon_side.children[0];
		d.sun_side.children[i] = d.sun_side.children[0];
		d.moon_side.children[i].name = d.sun_side.children[i].name = names[i];
		d.moon_side.children[i].local_ts = d.sun_side.children[i].remote_ts = nets[i - 1];
	}
	duo_start(&d);
	for (int i = 0; i < 3; i++)
		duo_up(&d, i & 1 ? d.moon : d.sun, names[i]);
	ck_assert_uint_eq(duo_ike_sas(d.moon), 1);
	ck_assert_uint_eq(duo_children(d.sun), 3);
	struct ike_terminate what = { .child = "lab" };
	struct why why;
	ck_assert_ptr_nonnull(sim_node_terminate(d.sun, &what, &why));
	duo_pass(&d, IKE_SECONDS(20));
	ck_assert_uint_eq(duo_children(d.moon), 2);
	ck_assert_uint_eq(duo_children(d.sun), 2);
	duo_end(&d);
}
END_TEST

/* ---- Children that do not ---- */

START_TEST(proposals_without_a_common_one_are_refused)
{
	static const struct {
		const char *sun, *moon;
		enum ike_reason reason;
		const char *differs;
	} cases[] = {
		{ "aes128-sha256", "aes256-sha256", IKE_REASON_NO_CHILD_PROPOSAL, "encryption" },
		{ "aes128-sha1", "aes128-sha256", IKE_REASON_NO_CHILD_PROPOSAL, "integrity" },
		{ "aes128-sha1-modp2048", "aes128-sha1-ecp256", IKE_REASON_PFS, "key exchange" },
		{ "aes128-sha1", "aes128-sha1-ecp256", IKE_REASON_PFS, "key exchange" },
		{ "aes128-sha1-ecp256", "aes128-sha1", IKE_REASON_PFS, "key exchange" },
	};
	struct duo d = begin(cases[_i].sun);
	const struct sim_command *command;
	const struct ike_failure *f;

	d.moon_side.children[0].proposals = cases[_i].moon;
	duo_start(&d);
	command = duo_initiate(&d, d.sun, "net");
	ck_assert(!command->done);
	ck_assert_ptr_nonnull(strstr(command->text, "NO_PROPOSAL_CHOSEN"));
	f = duo_last_failure(&d, d.moon);
	ck_assert_int_eq(f->reason, cases[_i].reason);
	ck_assert_str_eq(f->differs, cases[_i].differs);
	ck_assert_ptr_nonnull(f->ours);
	ck_assert_ptr_nonnull(f->theirs);
	ck_assert_uint_eq(duo_ike_sas(d.sun), 1);
	duo_end(&d);
}
END_TEST

START_TEST(what_ikev1_cannot_say_is_not_offered)
{
	struct duo d = begin("chacha20poly1305");
	const struct sim_command *command;

	duo_start(&d);
	command = duo_initiate(&d, d.sun, "net");
	ck_assert(!command->done);
	ck_assert_ptr_nonnull(strstr(command->text, "IKEv1 has no numbers"));
	ck_assert_int_eq(duo_last_failure(&d, d.sun)->reason, IKE_REASON_UNSUPPORTED);
	duo_end(&d);
}
END_TEST

START_TEST(transport_mode_needs_both)
{
	struct duo d = begin("aes128-sha256");

	d.sun_side.children[0].local_ts = d.sun_side.children[0].remote_ts = "dynamic";
	d.moon_side.children[0].local_ts = d.moon_side.children[0].remote_ts = "dynamic";
	d.sun_side.children[0].mode = IKE_MODE_TRANSPORT;
	duo_start(&d);
	ck_assert(!duo_initiate(&d, d.sun, "net")->done);
	ck_assert_int_eq(duo_last_failure(&d, d.moon)->reason, IKE_REASON_UNSUPPORTED);
	duo_up(&d, d.moon, "net"); /* asks for no more than tunnel mode */
	ck_assert_uint_eq(only_child(d.sun)->mode, IKE_MODE_TUNNEL);
	duo_end(&d);
}
END_TEST

/* ---- Lifetimes ---- */

START_TEST(the_shorter_lifetime_counts)
{
	struct duo d = begin("aes128-sha256");
	struct sim_node *initiator = _i ? d.moon : d.sun;

	d.sun_side.children[0].rekey_time = 1000;
	d.sun_side.children[0].life_time = 1100;
	d.moon_side.children[0].rekey_time = 3000;
	d.moon_side.children[0].life_time = 3300;
	duo_start(&d);
	duo_up(&d, initiator, "net");
	ck_assert_uint_eq(only_child(d.moon)->life_seconds, 1100);
	ck_assert_uint_eq(only_child(d.sun)->life_seconds, 0);
	ck_assert_int_le(only_child(d.moon)->expires_at, d.world->now + IKE_SECONDS(1100));
	ck_assert_int_lt(only_child(d.moon)->rekey_at, d.world->now + IKE_SECONDS(1001));
	ck_assert(sim_node_logged(d.moon, "received 1100s lifetime, configured 3300s"));
	ck_assert(!sim_node_logged(d.sun, "lifetime, configured"));
	duo_end(&d);
}
END_TEST

/* ---- Rekeying ---- */

START_TEST(a_child_is_replaced_without_a_gap)
{
	struct duo d = begin(_i & 1 ? "aes128gcm16-ecp256" : "aes128gcm16");
	struct sim_node *by = _i & 2 ? d.moon : d.sun;
	struct duo_stream stream;
	uint32_t spi_in, reqid, id;

	duo_start(&d);
	duo_up(&d, d.sun, "net");
	spi_in = only_child(d.moon)->spi_in;
	reqid = only_child(d.moon)->reqid;
	id = only_child(d.moon)->unique_id;
	duo_stream_begin(&d, &stream, 50);
	duo_pass(&d, 1000);
	(void)duo_soft_expire(by);
	duo_pass(&d, IKE_SECONDS(60));
	ck_assert_uint_gt(stream.sent, 4000);
	ck_assert_uint_eq(stream.arrived, stream.sent);
	ck_assert_uint_ne(only_child(d.moon)->spi_in, spi_in);
	ck_assert_uint_ne(only_child(d.moon)->unique_id, id);
	ck_assert_uint_eq(only_child(d.moon)->reqid, reqid);
	/* To everybody who listens it is the same tunnel. */
	ck_assert_int_eq(d.moon->child_up, 1);
	ck_assert_uint_eq(d.world->children_up, 2);
	ck_assert_uint_eq(ike_engine_counters(d.moon->engine, NULL)[IKE_COUNTER_CHILD_REKEY], 1);
	ck_assert_uint_eq(ike_engine_counters(d.sun->engine, NULL)[IKE_COUNTER_CHILD_REKEY], 1);
	duo_down(&d, d.moon);
	duo_end(&d);
}
END_TEST

START_TEST(when_both_rekey_at_once_one_new_child_stays)
{
	struct duo d = begin(_i & 1 ? "aes128gcm16-ecp256" : "aes128gcm16");
	struct duo_stream stream;

	duo_start(&d);
	duo_up(&d, d.sun, "net");
	duo_stream_begin(&d, &stream, 700);
	for (unsigned i = 0; i < 10; i++) {
		uint32_t old = only_child(d.moon)->spi_in;

		(void)duo_soft_expire(d.sun);
		duo_pass(&d, (_i / 2) * 4);
		if (duo_sa(d.moon)->children->state == IKE_CHILD_INSTALLED)
			(void)duo_soft_expire(d.moon);
		duo_pass(&d, IKE_SECONDS(60));
		ck_assert_uint_ne(only_child(d.moon)->spi_in, old);
		ck_assert_uint_eq(sim_check_agreement(d.world, false), 0);
		ck_assert_msg(d.world->complaints == 0, "%s", d.world->complaint);
	}
	duo_pass(&d, IKE_SECONDS(120));
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
	struct duo_dropper dropper = { 0, (unsigned)_i / 6 + 1, (unsigned)_i % 6 + 1 };

	for (size_t i = 0; i < sizeof(second_after) / sizeof(*second_after); i++) {
		struct duo d = begin("aes128gcm16");
		struct duo_stream stream;
		uint32_t old;

		duo_start(&d);
		duo_up(&d, d.sun, "net");
		old = only_child(d.moon)->spi_in;
		duo_stream_begin(&d, &stream, 100);
		dropper.seen = 0;
		d.world->filter = duo_drop;
		d.world->filter_context = &dropper;
		(void)duo_soft_expire(d.sun);
		if (second_after[i] >= 0) {
			duo_pass(&d, second_after[i]);
			(void)duo_soft_expire(d.moon);
		}
		duo_pass(&d, IKE_SECONDS(300));
		ck_assert_uint_ne(only_child(d.moon)->spi_in, old);
		ck_assert_uint_eq(stream.arrived, stream.sent);
		ck_assert_int_eq(d.moon->child_up, 1);
		ck_assert_int_eq(d.sun->child_up, 1);
		duo_end(&d);
	}
}
END_TEST

/* Without packets nothing proves anything: message 2 says it again. */
START_TEST(a_child_comes_up_whatever_is_lost)
{
	struct duo_dropper dropper = { 0, (unsigned)_i + 1, 0 };
	struct duo d = begin("aes128-sha256");
	const struct sim_command *command;
	struct why why;

	duo_start(&d);
	duo_up(&d, d.sun, NULL);
	d.world->filter = duo_drop;
	d.world->filter_context = &dropper;
	command = sim_node_initiate(d.sun, "moon", "net", &why);
	duo_pass(&d, IKE_SECONDS(60));
	ck_assert(command->done);
	ck_assert_int_eq(d.moon->child_up, 1);
	ck_assert_int_eq(d.sun->child_up, 1);
	ck_assert_uint_eq(sim_check_agreement(d.world, false), 0);
	duo_end(&d);
}
END_TEST

/* Message 3 never comes: nothing is left of it. */
struct blocker {
	const struct sim_node *from;
	unsigned let_through;
};

static bool block(void *context, struct sim_world *w, struct sim_flight *flight)
{
	struct blocker *blocker = context;

	if (&w->nodes[flight->from] != blocker->from || blocker->let_through == 0)
		return &w->nodes[flight->from] != blocker->from;
	blocker->let_through--;
	return true;
}

START_TEST(what_the_peer_does_not_confirm_is_deleted)
{
	struct duo d = begin("aes128-sha256");
	struct blocker blocker = { d.sun, 1 };
	struct why why;

	d.moon_side.dpd_delay = 5;
	duo_start(&d);
	duo_up(&d, d.sun, NULL);
	d.world->filter = block;
	d.world->filter_context = &blocker;
	ck_assert_ptr_nonnull(sim_node_initiate(d.sun, "moon", "net", &why));
	duo_pass(&d, IKE_SECONDS(12));
	ck_assert_int_eq(d.sun->child_up, 1);
	ck_assert_int_eq(d.moon->child_up, 0);
	/* It is heard again, but message 3 is not among what is. */
	blocker.let_through = 3;
	duo_pass(&d, IKE_SECONDS(2));
	d.world->filter = NULL;
	duo_pass(&d, IKE_SECONDS(200));
	ck_assert_uint_eq(sim_check_agreement(d.world, false), 0);
	duo_end(&d);
}
END_TEST

START_TEST(a_deletion_that_crosses_rekeying_prevails)
{
	static const ike_time after[] = { 0, 1, 5, 15, 21, 25, 31, 35, 41, 45, 2000, 9500 };

	for (size_t i = 0; i < sizeof(after) / sizeof(*after); i++) {
		struct duo d = begin("aes128gcm16");
		struct ike_terminate what = { .child = "net" };
		struct sim_node *deleter = _i & 1 ? d.moon : d.sun;
		const struct sim_command *command;
		struct why why;

		duo_start(&d);
		duo_up(&d, d.sun, "net");
		(void)duo_soft_expire(d.sun);
		duo_pass(&d, after[i]);
		command = sim_node_terminate(deleter, &what, &why);
		ck_assert_ptr_nonnull(command);
		duo_pass(&d, IKE_SECONDS(300));
		ck_assert(command->done);
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

START_TEST(a_tunnel_lives_as_long_as_it_is_rekeyed)
{
	struct duo d = begin("aes128gcm16");
	struct duo_stream stream;

	d.sun_side.children[0].rekey_time = 60;
	d.sun_side.children[0].life_time = 90;
	if (_i) {
		d.moon_side.children[0].rekey_time = 60;
		d.moon_side.children[0].life_time = 90;
	}
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	duo_stream_begin(&d, &stream, 900);
	duo_pass(&d, IKE_SECONDS(1000));
	ck_assert_uint_eq(stream.arrived, stream.sent);
	ck_assert_int_eq(d.moon->child_up, 1);
	ck_assert_uint_ge(d.world->child_rekeyings, 20);
	ck_assert_uint_le(duo_children(d.moon), 3);
	duo_down(&d, d.moon);
	duo_end(&d);
}
END_TEST

START_TEST(a_rekeying_that_is_refused_leaves_the_old_child)
{
	struct duo d = begin("aes128-sha256");
	struct sim_definition other = d.moon_side;
	struct why why;
	uint32_t spi;

	d.sun_side.children[0].rekey_time = 100;
	d.sun_side.children[0].life_time = 400;
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	spi = only_child(d.sun)->spi_in;
	other.children[0].proposals = "aes256-sha512";
	ck_assert(sim_node_load(d.moon, sim_define(&other), &why));
	duo_pass(&d, IKE_SECONDS(300));
	ck_assert_uint_eq(only_child(d.sun)->spi_in, spi);
	ck_assert_uint_eq(only_child(d.sun)->state, IKE_CHILD_INSTALLED);
	ck_assert_int_eq(duo_last_failure(&d, d.moon)->reason, IKE_REASON_NO_CHILD_PROPOSAL);
	duo_pass(&d, IKE_SECONDS(200));
	ck_assert_uint_eq(duo_children(d.sun), 0);
	ck_assert_uint_eq(duo_children(d.moon), 0);
	duo_end(&d);
}
END_TEST

/* ---- Both at once, twice, by traps ---- */

START_TEST(both_make_the_same_child_at_once)
{
	struct duo d = begin("aes128-sha256");

	d.moon_side.children[0].start_action = d.sun_side.children[0].start_action =
		IKE_ACTION_START;
	d.moon_side.keys_for_ever = d.sun_side.keys_for_ever = true;
	duo_start(&d);
	duo_pass(&d, IKE_SECONDS(300));
	ck_assert_uint_eq(duo_ike_sas(d.moon), 1);
	ck_assert_uint_eq(duo_children(d.moon), 1);
	ck_assert_uint_eq(duo_children(d.sun), 1);
	duo_end(&d);
}
END_TEST

START_TEST(a_child_that_is_made_again_replaces_itself)
{
	struct duo d = begin("aes128-sha256");
	struct duo_stream stream;

	duo_start(&d);
	duo_up(&d, d.sun, "net");
	duo_stream_begin(&d, &stream, 60);
	for (unsigned i = 0; i < 4; i++) {
		struct sim_node *by = (unsigned)_i >> i & 1 ? d.moon : d.sun;
		const struct sim_command *command;
		struct why why;

		command = sim_node_initiate(by, duo_name(&d, by), "net", &why);
		duo_pass(&d, IKE_SECONDS(20));
		ck_assert(command->done);
		ck_assert_uint_eq(duo_children(d.moon), 1);
		ck_assert_uint_eq(duo_children(d.sun), 1);
		ck_assert_int_eq(d.sun->child_up, 1);
	}
	ck_assert_uint_eq(stream.arrived, stream.sent);
	duo_end(&d);
}
END_TEST

START_TEST(two_commands_at_once_make_one_child)
{
	struct duo d = begin("aes128-sha256");
	const struct sim_command *commands[2];
	struct why why;

	duo_start(&d);
	duo_up(&d, d.sun, NULL);
	commands[0] = sim_node_initiate(d.sun, "moon", "net", &why);
	duo_pass(&d, _i * 4);
	commands[1] = sim_node_initiate(d.moon, "sun", "net", &why);
	duo_pass(&d, IKE_SECONDS(400));
	ck_assert(commands[0]->done);
	ck_assert(commands[1]->done);
	ck_assert_int_eq(d.moon->child_up, 1);
	ck_assert_int_eq(d.sun->child_up, 1);
	duo_end(&d);
}
END_TEST

START_TEST(a_packet_brings_a_trapped_child_up)
{
	struct duo d = begin("aes128-sha256");
	struct ike_selector local, remote;
	struct sim_packet packet;
	struct why why;

	d.sun_side.children[0].start_action = IKE_ACTION_TRAP;
	duo_start(&d);
	ck_assert(ike_selector_parse("10.2.0.0/16", &local, &why));
	ck_assert(ike_selector_parse("10.1.0.0/16", &remote, &why));
	packet = sim_packet_of(&local, &remote);
	ck_assert_int_eq(sim_traffic_send(d.sun, &packet, NULL), SIM_WAITS);
	duo_pass(&d, IKE_SECONDS(10));
	ck_assert_int_eq(sim_traffic_send(d.sun, &packet, NULL), SIM_ARRIVED);
	ck_assert_uint_eq(duo_children(d.moon), 1);
	duo_end(&d);
}
END_TEST

/* ---- The commit bit: the header is not authenticated, so the network can set it ---- */

struct committer {
	const struct sim_node *from;
	unsigned set;
};

static bool set_commit(void *context, struct sim_world *w, struct sim_flight *flight)
{
	struct committer *committer = context;

	if (&w->nodes[flight->from] == committer->from && flight->length > IKE_HEADER_LENGTH &&
		flight->data[18] == ISAKMP_EXCHANGE_QUICK) {
		flight->data[19] |= ISAKMP_FLAG_COMMIT;
		committer->set++;
	}
	return true;
}

START_TEST(a_peer_with_the_commit_bit_is_waited_for)
{
	struct duo d = begin("aes128-sha256");
	struct committer committer = { _i & 1 ? d.moon : d.sun, 0 };
	struct duo_stream stream;
	struct why why;

	duo_start(&d);
	duo_up(&d, d.sun, NULL);
	d.world->filter = set_commit;
	d.world->filter_context = &committer;
	ck_assert_ptr_nonnull(sim_node_initiate(d.sun, "moon", "net", &why));
	duo_pass(&d, IKE_SECONDS(1));
	ck_assert_uint_ge(committer.set, 1);
	ck_assert_int_eq((_i & 1 ? d.sun : d.moon)->child_up, 0);
	duo_pass(&d, IKE_SECONDS(10));
	ck_assert_int_eq(d.sun->child_up, 1);
	ck_assert_int_eq(d.moon->child_up, 1);
	duo_stream_begin(&d, &stream, 30);
	(void)duo_soft_expire(d.sun);
	duo_pass(&d, IKE_SECONDS(100));
	ck_assert_uint_eq(stream.arrived, stream.sent);
	duo_end(&d);
}
END_TEST

TCase *ikev1_quick_tests(void)
{
	TCase *tests = tcase_create("ikev1_quick");

	tcase_set_timeout(tests, 60);
	tcase_add_loop_test(tests, a_child_comes_up, 0, 2 * KINDS);
	tcase_add_test(tests, several_children_share_one_ike_sa);
	tcase_add_loop_test(tests, proposals_without_a_common_one_are_refused, 0, 5);
	tcase_add_test(tests, what_ikev1_cannot_say_is_not_offered);
	tcase_add_test(tests, transport_mode_needs_both);
	tcase_add_loop_test(tests, the_shorter_lifetime_counts, 0, 2);
	tcase_add_loop_test(tests, a_child_is_replaced_without_a_gap, 0, 4);
	tcase_add_loop_test(tests, when_both_rekey_at_once_one_new_child_stays, 0, 20);
	tcase_add_loop_test(tests, whatever_is_lost_comes_right_again, 0, 36);
	tcase_add_loop_test(tests, a_child_comes_up_whatever_is_lost, 0, 4);
	tcase_add_test(tests, what_the_peer_does_not_confirm_is_deleted);
	tcase_add_loop_test(tests, a_deletion_that_crosses_rekeying_prevails, 0, 2);
	tcase_add_loop_test(tests, a_tunnel_lives_as_long_as_it_is_rekeyed, 0, 2);
	tcase_add_test(tests, a_rekeying_that_is_refused_leaves_the_old_child);
	tcase_add_test(tests, both_make_the_same_child_at_once);
	tcase_add_loop_test(tests, a_child_that_is_made_again_replaces_itself, 0, 4);
	tcase_add_loop_test(tests, two_commands_at_once_make_one_child, 0, 5);
	tcase_add_test(tests, a_packet_brings_a_trapped_child_up);
	tcase_add_loop_test(tests, a_peer_with_the_commit_bit_is_waited_for, 0, 2);
	return tests;
}
