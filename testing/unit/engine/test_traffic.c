/* Packets in the world of testing/sim, and the lifetimes of its kernels. */
#include "testing/unit/engine/duo.h"

static struct sim_packet packet_from(const struct sim_definition *side)
{
	struct ike_selector local, remote;
	struct why why;

	ck_assert(ike_selector_parse(side->children[0].local_ts, &local, &why));
	ck_assert(ike_selector_parse(side->children[0].remote_ts, &remote, &why));
	return sim_packet_of(&local, &remote);
}

START_TEST(packets_go_through_a_child_both_ways)
{
	struct duo d = duo_begin(false);
	struct sim_packet from_moon, from_sun;
	struct sim_node *to;

	duo_start(&d);
	from_moon = packet_from(&d.moon_side);
	from_sun = packet_from(&d.sun_side);
	ck_assert_int_eq(sim_traffic_send(d.moon, &from_moon, &to), SIM_CLEAR);
	duo_up(&d, d.moon, "net");
	ck_assert_int_eq(sim_traffic_send(d.moon, &from_moon, &to), SIM_ARRIVED);
	ck_assert_ptr_eq(to, d.sun);
	ck_assert_int_eq(sim_traffic_send(d.sun, &from_sun, &to), SIM_ARRIVED);
	ck_assert_ptr_eq(to, d.moon);
	d.world->partitions[d.world->partition_count++] =
		(struct sim_partition){ 0, IKE_NEVER, 0, true };
	ck_assert_int_eq(sim_traffic_send(d.moon, &from_moon, NULL), SIM_LOST);
	ck_assert_int_eq(sim_traffic_send(d.sun, &from_sun, NULL), SIM_ARRIVED);
	d.world->partition_count = 0;
	/* What a killed daemon leaves behind goes on until the next one starts. */
	sim_node_kill(d.sun);
	ck_assert_int_eq(sim_traffic_send(d.moon, &from_moon, NULL), SIM_ARRIVED);
	sim_node_start(d.sun);
	ck_assert_int_eq(sim_traffic_send(d.moon, &from_moon, NULL), SIM_UNKNOWN);
	sim_node_crash(d.moon);
	ck_assert_int_eq(sim_traffic_send(d.moon, &from_moon, NULL), SIM_CLEAR);
	sim_node_start(d.moon);
	duo_end(&d);
}
END_TEST

START_TEST(a_packet_that_meets_a_trap_brings_its_child_up)
{
	struct duo d = duo_begin(false);
	struct sim_packet packet;

	d.moon_side.children[0].start_action = IKE_ACTION_TRAP;
	duo_start(&d);
	packet = packet_from(&d.moon_side);
	ck_assert_int_eq(sim_traffic_send(d.moon, &packet, NULL), SIM_WAITS);
	ck_assert_int_eq(sim_traffic_send(d.moon, &packet, NULL), SIM_WAITS);
	sim_world_run(d.world, d.world->now + IKE_SECONDS(2));
	ck_assert_uint_eq(duo_children(d.moon), 1);
	ck_assert_int_eq(sim_traffic_send(d.moon, &packet, NULL), SIM_ARRIVED);
	duo_end(&d);
}
END_TEST

/* ---- The kernel alone ---- */

static void never(void *context, const char *text)
{
	(void)context;
	ck_abort_msg("%s", text);
}

static struct sim_kernel_sa *sa_of(struct sim_kernel *k, const struct ike_lifetime *lifetime)
{
	uint8_t key[20] = { 0 };
	struct ike_kernel_sa sa = { .mode = IKE_MODE_TUNNEL, .reqid = 1, .lifetime = *lifetime };
	struct why why;

	ck_assert(address_parse("192.0.2.1", &sa.id.source));
	ck_assert(address_parse("192.0.2.2", &sa.id.destination));
	sa.id.spi = 0x1234;
	sa.id.protocol = IKE_PROTOCOL_ESP;
	sa.encryption = ike_algorithm_find(IKE_TRANSFORM_ENCRYPTION, IKE_ENCR_AES_GCM_16, 128);
	ck_assert_ptr_nonnull(sa.encryption);
	sa.encryption_key = bytes_of(key, sa.encryption->key_length);
	ck_assert(sim_kernel_sa_install(k, &sa, &why));
	return sim_kernel_sa_find(k, &sa.id);
}

START_TEST(kernel_sas_expire_by_time_and_by_packets)
{
	struct sim_random random;
	struct sim_kernel k = { .random = &random, .next = IKE_NEVER, .complain = never };
	struct ike_lifetime lifetime = { .soft_seconds = 90, .hard_seconds = 100 };
	struct sim_kernel_expire expire;
	struct sim_kernel_sa *sa;

	sim_random_seed(&random, 1);
	(void)sa_of(&k, &lifetime);
	ck_assert_int_eq(k.next, IKE_SECONDS(90));
	ck_assert(!sim_kernel_expires(&k, &expire));
	k.now = IKE_SECONDS(90);
	ck_assert(sim_kernel_expires(&k, &expire) && !expire.hard);
	ck_assert(!sim_kernel_expires(&k, &expire));
	ck_assert_int_eq(k.next, IKE_SECONDS(100));
	k.now = IKE_SECONDS(100);
	ck_assert(sim_kernel_expires(&k, &expire) && expire.hard);
	ck_assert(!sim_kernel_expires(&k, &expire));
	ck_assert_ptr_null(k.sas);
	ck_assert_int_eq(k.next, IKE_NEVER);

	lifetime = (struct ike_lifetime){ .soft_packets = 1, .hard_packets = 2 };
	sa = sa_of(&k, &lifetime);
	sim_kernel_count(&k, sa, 100);
	ck_assert(sim_kernel_expires(&k, &expire) && !expire.hard);
	sim_kernel_count(&k, sa, 100);
	ck_assert(sim_kernel_expires(&k, &expire) && expire.hard);
	ck_assert_ptr_null(k.sas);
}
END_TEST

TCase *traffic_tests(void)
{
	TCase *c = tcase_create("traffic");

	tcase_add_test(c, packets_go_through_a_child_both_ways);
	tcase_add_test(c, a_packet_that_meets_a_trap_brings_its_child_up);
	tcase_add_test(c, kernel_sas_expire_by_time_and_by_packets);
	return c;
}
