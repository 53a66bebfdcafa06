/* Mode Config: moon is the client, sun the gateway; pull and push. */
#include "libike/engine_priv.h"
#include "libike/ikev1/ikev1.h"
#include "libike/virtual.h"
#include "testing/sim/isakmp_seal.h"
#include "testing/unit/engine/duo.h"

struct bed {
	struct duo d;
	bool moon_pushes, sun_pushes; /* pull = no */
	bool xauth;
};

static void adjust_moon(void *context, struct ike_connection *c)
{
	const struct bed *b = context;
	struct why why;

	c->pull = !b->moon_pushes;
	if (!b->xauth)
		return;
	ck_assert(ike_auth_rounds_add(&c->local, IKE_AUTH_CLASS_XAUTH, NULL));
	c->local.items[c->local.count - 1].xauth_id = ike_identity_parse("carol", &why);
}

static void adjust_sun(void *context, struct ike_connection *c)
{
	const struct bed *b = context;

	c->pull = !b->sun_pushes;
	if (b->xauth)
		ck_assert(ike_auth_rounds_add(&c->remote, IKE_AUTH_CLASS_XAUTH, NULL));
}

static struct bed bed_begin(bool push)
{
	struct bed b = { .d = duo_begin_ikev1(false), .moon_pushes = push, .sun_pushes = push };

	b.d.moon_side.vips = "0.0.0.0";
	b.d.sun_side.pools = "rw";
	b.d.moon_side.children[0].local_ts = NULL;
	b.d.sun_side.children[0].remote_ts = NULL;
	return b;
}

static void start(struct bed *b, const char *addrs)
{
	static const char *const carol[] = { "carol", NULL };

	b->d.moon_side.adjust = adjust_moon;
	b->d.sun_side.adjust = adjust_sun;
	b->d.moon_side.adjust_context = b->d.sun_side.adjust_context = b;
	duo_start(&b->d);
	sim_node_eap(b->d.moon, "of carol", carol);
	sim_node_eap(b->d.sun, "of carol", carol);
	if (addrs)
		sim_node_pool(b->d.sun, "rw", addrs, "10.2.0.53");
}

static const struct ike_sa *the_sa(const struct sim_node *n)
{
	const struct ike_sa *sa = ike_engine_sa_next(n->engine, NULL);

	ck_assert_ptr_nonnull(sa);
	return sa;
}

static void expect_address(struct bed *b, const char *address)
{
	char text[ADDRESS_TEXT_MAX];

	ck_assert_str_eq(sim_node_virtual(b->d.moon, text), address);
}

static void expect_leases(const struct bed *b, unsigned online, unsigned offline)
{
	const struct ike_pool *pool = ike_pools_find(ike_engine_pools(b->d.sun->engine), "rw");

	ck_assert_uint_eq(ike_pool_online(pool), online);
	ck_assert_uint_eq(ike_pool_offline(pool), offline);
}

static void expect_selectors(const struct ike_child *child, const char *local, const char *remote)
{
	char text[256];

	ck_assert_str_eq(ike_selectors_format(
				 ike_child_local(child), child->local_count, text, sizeof(text)),
		local);
	ck_assert_str_eq(ike_selectors_format(
				 ike_child_remote(child), child->remote_count, text, sizeof(text)),
		remote);
}

START_TEST(an_address_of_the_pool_becomes_the_clients)
{
	struct bed b = bed_begin(_i & 1);
	struct address dns;

	b.xauth = _i & 2;
	if (_i & 4)
		b.d.moon_side.aggressive = b.d.sun_side.aggressive = true;
	start(&b, "10.3.0.0/28");
	duo_up(&b.d, b.d.moon, "net");
	expect_address(&b, "10.3.0.1");
	expect_leases(&b, 1, 0);
	expect_selectors(the_sa(b.d.moon)->children, "10.3.0.1/32", "10.2.0.0/16");
	expect_selectors(the_sa(b.d.sun)->children, "10.2.0.0/16", "10.3.0.1/32");
	ck_assert_uint_eq(the_sa(b.d.moon)->virtual->attributes.count, 1);
	ck_assert(ike_attribute_address(&the_sa(b.d.moon)->virtual->attributes.items[0], &dns));
	ck_assert_uint_eq(dns.octets[3], 53);
	duo_down(&b.d, b.d.moon);
	expect_address(&b, "");
	expect_leases(&b, 0, 1);
	duo_up(&b.d, b.d.moon, "net");
	expect_address(&b, "10.3.0.1");
	expect_leases(&b, 1, 0);
	duo_end(&b.d);
}
END_TEST

START_TEST(both_families_are_possible)
{
	struct bed b = bed_begin(_i);

	b.d.moon_side.vips = "0.0.0.0, ::";
	b.d.sun_side.pools = "rw, six";
	start(&b, "10.3.0.0/28");
	sim_node_pool(b.d.sun, "six", "2001:db8:3::/64", NULL);
	duo_up(&b.d, b.d.moon, NULL);
	ck_assert_uint_eq(the_sa(b.d.moon)->virtual->our_count, 2);
	ck_assert_uint_eq(the_sa(b.d.sun)->virtual->their_count, 2);
	expect_address(&b, "several");
	duo_end(&b.d);
}
END_TEST

START_TEST(without_a_free_address_there_is_no_tunnel)
{
	struct bed b = bed_begin(false);

	start(&b, NULL);
	const struct sim_command *command = duo_initiate(&b.d, b.d.moon, "net");
	ck_assert(!command->done);
	ck_assert_ptr_nonnull(strstr(command->text, "virtual IP"));
	ck_assert_uint_eq(duo_ike_sas(b.d.moon), 0);
	ck_assert_uint_eq(duo_ike_sas(b.d.sun), 0);
	duo_explains(
		b.d.moon, "sun", IKE_REASON_NO_ADDRESS, "virtual IP", "at the end with the pools");
	duo_explains(b.d.sun, "moon", IKE_REASON_NO_ADDRESS,
		"no virtual IP found for peer 'moon.example.org'", "at the end with the pools");
	duo_end(&b.d);
}
END_TEST

START_TEST(what_is_not_pushed_is_not_waited_for_for_ever)
{
	struct bed b = bed_begin(true);

	b.sun_pushes = _i;
	start(&b, _i ? NULL : "10.3.0.0/28");
	const struct sim_command *command = duo_initiate(&b.d, b.d.moon, "net");
	ck_assert(!command->done);
	ck_assert_ptr_nonnull(strstr(command->text, "pushed no virtual IP within 30 s"));
	duo_explains(b.d.moon, "sun", IKE_REASON_NO_ADDRESS, "pushed no virtual IP within 30 s",
		"set pull = yes in connections.sun");
	ck_assert_uint_eq(duo_ike_sas(b.d.moon), 0);
	ck_assert_uint_eq(duo_ike_sas(b.d.sun), 0);
	duo_end(&b.d);
}
END_TEST

/* The client asks, the gateway pushes: what comes is taken. */
START_TEST(a_push_answers_a_pull)
{
	struct bed b = bed_begin(false);

	b.sun_pushes = true;
	b.xauth = _i;
	start(&b, "10.3.0.0/28");
	duo_up(&b.d, b.d.moon, "net");
	expect_address(&b, "10.3.0.1");
	expect_leases(&b, 1, 0);
	duo_end(&b.d);
}
END_TEST

START_TEST(what_the_host_refuses_is_no_tunnel)
{
	struct bed b = bed_begin(_i);

	start(&b, "10.3.0.0/28");
	b.d.moon->refuses_virtual = true;
	const struct sim_command *command = duo_initiate(&b.d, b.d.moon, "net");
	ck_assert(!command->done);
	ck_assert_uint_eq(duo_ike_sas(b.d.moon), 0);
	ck_assert_uint_eq(duo_ike_sas(b.d.sun), 0);
	expect_leases(&b, 0, 1);
	duo_end(&b.d);
}
END_TEST

START_TEST(messages_that_get_lost_are_said_again)
{
	for (unsigned seed = 0; seed < 4; seed++) {
		struct bed b = bed_begin(_i);

		b.xauth = seed & 1;
		b.d.world->faults = (struct sim_faults){ .loss = 300, .duplicate = 200 };
		b.d.world->faults_until = IKE_SECONDS(20);
		sim_random_seed(&b.d.world->random, 200 + seed);
		start(&b, "10.3.0.0/28");
		const struct sim_command *command = duo_initiate(&b.d, b.d.moon, "net");
		/* The last message of Quick Mode may be lost as well. */
		sim_world_run(b.d.world, b.d.world->now + IKE_SECONDS(60));
		ck_assert_msg(command->done, "%u: %s", seed, command->text);
		expect_address(&b, "10.3.0.1");
		expect_leases(&b, 1, 0);
		duo_end(&b.d);
	}
}
END_TEST

START_TEST(reauthentication_keeps_the_address)
{
	struct bed b = bed_begin(_i & 1);
	struct sim_node *by = _i & 2 ? b.d.sun : b.d.moon;
	struct ike_rekey what = { .ike = by == b.d.sun ? "moon" : "sun", .reauth = true };
	struct why why;

	start(&b, "10.3.0.0/28");
	duo_up(&b.d, b.d.moon, "net");
	uint32_t old = the_sa(b.d.moon)->unique_id;
	ck_assert(sim_node_rekey(by, &what, &why));
	sim_world_settle(b.d.world, b.d.world->now + IKE_SECONDS(400));
	ck_assert_uint_ne(the_sa(b.d.moon)->unique_id, old);
	ck_assert_uint_eq(duo_ike_sas(b.d.sun), 1);
	expect_address(&b, "10.3.0.1");
	expect_leases(&b, 1, 0);
	ck_assert_uint_eq(duo_children(b.d.sun), 1);
	duo_end(&b.d);
}
END_TEST

static struct sim_isakmp message;

/* Moon asks once more for something, under the IKE SA that is up. */
static void ask_again(struct bed *b, uint32_t message_id, uint16_t type)
{
	static const uint8_t no_hash[IKE_PRF_OUTPUT_MAX];
	static uint8_t room[2048];
	const struct ike_sa *sa = the_sa(b->d.sun);
	struct ike_builder builder;

	ike_builder_begin(&builder, message.chain, sizeof(message.chain));
	isakmp_build_hash(&builder, bytes_of(no_hash, sa->v1->key_length));
	size_t mark = isakmp_build_attributes_open(&builder, IKE_CONFIGURATION_REQUEST, 77);
	isakmp_build_attribute(&builder, type, (struct bytes){ 0 });
	ike_build_close(&builder, mark);
	message.header = (struct ike_header){ .version = 0x10,
		.exchange = ISAKMP_EXCHANGE_TRANSACTION,
		.message_id = message_id,
		.next_payload = builder.first };
	message.length = builder.writer.length;
	size_t length = sim_isakmp_seal(b->d.sun, sa, &message, true, room, sizeof(room));
	ck_assert_uint_gt(length, 0);
	sim_world_inject(
		b->d.world, b->d.sun, &sa->remote, sa->remote.port, bytes_of(room, length));
	sim_world_run(b->d.world, b->d.world->now + IKE_SECONDS(1));
}

/* For DNS servers, for the other family, for an address again: the child's stays the peer's. */
START_TEST(who_asks_again_keeps_what_he_has)
{
	static const uint16_t types[] = { IKE_ATTRIBUTE_IP4_DNS, IKE_ATTRIBUTE_IP6_ADDRESS,
		IKE_ATTRIBUTE_IP4_ADDRESS };
	struct bed b = bed_begin(false);
	unsigned answers;

	start(&b, "10.3.0.0/28");
	duo_up(&b.d, b.d.moon, "net");
	answers = (unsigned)b.d.world->datagrams_sent;
	ask_again(&b, 4711, types[_i]);
	ck_assert_uint_gt(b.d.world->datagrams_sent, answers);
	expect_leases(&b, 1, 0);
	ck_assert_uint_eq(ike_virtual_their_count(the_sa(b.d.sun)->virtual), 1);
	expect_selectors(the_sa(b.d.sun)->children, "10.2.0.0/16", "10.3.0.1/32");
	duo_down(&b.d, b.d.moon);
	expect_leases(&b, 0, 1);
	duo_end(&b.d);
}
END_TEST

TCase *ikev1_mode_config_tests(void)
{
	TCase *t = tcase_create("mode config");

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, an_address_of_the_pool_becomes_the_clients, 0, 8);
	tcase_add_loop_test(t, both_families_are_possible, 0, 2);
	tcase_add_test(t, without_a_free_address_there_is_no_tunnel);
	tcase_add_loop_test(t, what_is_not_pushed_is_not_waited_for_for_ever, 0, 2);
	tcase_add_loop_test(t, a_push_answers_a_pull, 0, 2);
	tcase_add_loop_test(t, what_the_host_refuses_is_no_tunnel, 0, 2);
	tcase_add_loop_test(t, messages_that_get_lost_are_said_again, 0, 2);
	tcase_add_loop_test(t, reauthentication_keeps_the_address, 0, 4);
	tcase_add_loop_test(t, who_asks_again_keeps_what_he_has, 0, 3);
	return t;
}
