/* Options of children that change what the kernel does with packets. */
#include "testing/unit/engine/duo.h"

static struct sim_packet packet_from(const struct sim_definition *side)
{
	struct ike_selector local, remote;
	struct why why;

	ck_assert(ike_selector_parse(side->children[0].local_ts, &local, &why));
	ck_assert(ike_selector_parse(side->children[0].remote_ts, &remote, &why));
	return sim_packet_of(&local, &remote);
}

static enum sim_fate send_from(struct sim_node *n, const struct sim_definition *side)
{
	struct sim_packet packet = packet_from(side);

	return sim_traffic_send(n, &packet, NULL);
}

/* ---- sha256_96 ---- */

static void adjust_sha256_96(void *context, struct ike_connection *c)
{
	(void)context;
	c->children[0]->sha256_96 = true;
}

static const struct ike_algorithm *integrity_in_kernel(const struct sim_node *n, bool inbound)
{
	const struct ike_sa *sa = ike_engine_sa_next(n->engine, NULL);
	const struct ike_kernel_id id = ike_child_kernel_id(sa->children, inbound);

	return sim_kernel_sa_find(&n->kernel, &id)->integrity;
}

static const struct {
	const char *proposal;
	uint8_t protocol;
	bool aead;
} truncated[] = {
	{ "aes128-sha256", IKE_PROTOCOL_ESP, false },
	{ "sha256", IKE_PROTOCOL_AH, false },
	{ "aes128gcm16", IKE_PROTOCOL_ESP, true },
};

/* Agreed on is what always is; both kernels truncate as they were told. */
START_TEST(sha256_is_truncated_to_96_bits_in_the_kernel)
{
	struct duo d = duo_begin(false);

	for (int i = 0; i < 2; i++) {
		struct sim_definition *side = i ? &d.sun_side : &d.moon_side;

		side->adjust = adjust_sha256_96;
		side->children[0].proposals = truncated[_i].proposal;
		side->children[0].protocol = truncated[_i].protocol;
	}
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	const struct ike_suite *suite = &ike_engine_sa_next(d.sun->engine, NULL)->children->suite;
	for (int inbound = 0; inbound < 2; inbound++) {
		const struct ike_algorithm *is = integrity_in_kernel(d.sun, inbound);

		ck_assert(truncated[_i].aead ? !is : is->icv_length == 12);
	}
	if (!truncated[_i].aead)
		ck_assert_uint_eq(ike_suite_integrity(suite)->id, IKE_INTEG_HMAC_SHA2_256_128);
	ck_assert_int_eq(send_from(d.moon, &d.moon_side), SIM_ARRIVED);
	ck_assert_int_eq(send_from(d.sun, &d.sun_side), SIM_ARRIVED);
	duo_down(&d, d.moon);
	duo_end(&d);
}
END_TEST

/* ---- ipcomp ---- */

static void adjust_ipcomp(void *context, struct ike_connection *c)
{
	(void)context;
	c->children[0]->ipcomp = true;
}

static const struct ike_child *only_child(const struct sim_node *n)
{
	const struct ike_sa *sa = ike_engine_sa_next(n->engine, NULL);

	ck_assert_ptr_nonnull(sa->children);
	ck_assert_ptr_null(sa->children->next);
	return sa->children;
}

/* Both ends have the other's CPI, in the kernel too, or none has one. */
static void assert_compressed(const struct duo *d, bool compressed)
{
	const struct ike_child *moons = only_child(d->moon), *suns = only_child(d->sun);

	ck_assert_uint_eq(moons->cpi_in, suns->cpi_out);
	ck_assert_uint_eq(moons->cpi_out, suns->cpi_in);
	ck_assert_uint_eq(moons->cpi_in != 0, compressed);
	ck_assert_uint_eq(suns->cpi_in != 0, compressed);
	ck_assert_uint_eq(d->moon->kernel.cpi_count, compressed);
	ck_assert_uint_eq(d->sun->kernel.cpi_count, compressed);
	ck_assert_int_eq(send_from(d->moon, &d->moon_side), SIM_ARRIVED);
	ck_assert_int_eq(send_from(d->sun, &d->sun_side), SIM_ARRIVED);
}

static void assert_nothing_is_left(struct duo *d)
{
	duo_down(d, d->moon);
	ck_assert_uint_eq(d->moon->kernel.cpi_count, 0);
	ck_assert_uint_eq(d->sun->kernel.cpi_count, 0);
	duo_end(d);
}

static const struct {
	bool moon, sun;
	bool encap, behind_nat;
	uint8_t mode;
	bool compressed;
} compressions[] = {
	{ true, true, false, false, IKE_MODE_TUNNEL, true },
	{ true, true, false, false, IKE_MODE_TRANSPORT, true },
	{ true, false, false, false, IKE_MODE_TUNNEL, false },
	{ false, true, false, false, IKE_MODE_TUNNEL, false },
	{ true, true, true, false, IKE_MODE_TUNNEL, false },
	{ true, true, false, true, IKE_MODE_TUNNEL, false },
};

START_TEST(packets_are_compressed_when_both_want_it_and_no_nat_is_between)
{
	struct duo d = duo_begin(compressions[_i].behind_nat);

	if (compressions[_i].moon)
		d.moon_side.adjust = adjust_ipcomp;
	if (compressions[_i].sun)
		d.sun_side.adjust = adjust_ipcomp;
	d.sun_side.encap = compressions[_i].encap;
	if (compressions[_i].mode == IKE_MODE_TRANSPORT) {
		d.moon_side.children[0].mode = d.sun_side.children[0].mode = IKE_MODE_TRANSPORT;
		d.moon_side.children[0].local_ts = d.sun_side.children[0].remote_ts = "192.0.2.1";
		d.moon_side.children[0].remote_ts = d.sun_side.children[0].local_ts = "192.0.2.2";
	}
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	assert_compressed(&d, compressions[_i].compressed);
	assert_nothing_is_left(&d);
}
END_TEST

/* In CREATE_CHILD_SA, with and without a key exchange that is asked for first, and rekeyed. */
START_TEST(compression_is_agreed_on_anew_with_each_child)
{
	struct duo d = duo_begin(false);
	struct ike_rekey what = { .child = "net" };
	uint16_t before;
	struct why why;

	d.moon_side.adjust = d.sun_side.adjust = adjust_ipcomp;
	d.moon_side.children[0].proposals = "aes128gcm16-x25519-ecp256";
	d.sun_side.children[0].proposals = "aes128gcm16-ecp256-x25519";
	duo_start(&d);
	duo_up(&d, d.sun, NULL);
	duo_up(&d, _i ? d.moon : d.sun, "net");
	assert_compressed(&d, true);
	before = only_child(d.sun)->cpi_in;
	ck_assert(sim_node_rekey(_i ? d.sun : d.moon, &what, &why));
	sim_world_settle(d.world, d.world->now + IKE_SECONDS(30));
	assert_compressed(&d, true);
	ck_assert_uint_ne(only_child(d.sun)->cpi_in, before);
	assert_nothing_is_left(&d);
}
END_TEST

START_TEST(without_a_cpi_the_child_comes_up_uncompressed)
{
	struct duo d = duo_begin(false);

	d.moon_side.adjust = d.sun_side.adjust = adjust_ipcomp;
	(_i ? d.moon : d.sun)->kernel.cpi_fails = 1000;
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	assert_compressed(&d, false);
	ck_assert(sim_node_logged(_i ? d.moon : d.sun, "goes without IPComp"));
	assert_nothing_is_left(&d);
}
END_TEST

START_TEST(compression_follows_a_peer_that_moves)
{
	struct duo d = duo_begin(false);
	struct address a;

	d.moon_side.adjust = d.sun_side.adjust = adjust_ipcomp;
	d.moon_side.remote_addrs = "%any";
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	ck_assert(address_parse("192.0.2.99", &a));
	sim_node_move(d.sun, 0, &a);
	sim_world_settle(d.world, d.world->now + IKE_SECONDS(5));
	assert_compressed(&d, true);
	assert_nothing_is_left(&d);
}
END_TEST

/* A child that does not come up gives its CPI back. */
START_TEST(a_refused_child_leaves_no_cpi)
{
	struct duo d = duo_begin(false);

	d.moon_side.adjust = d.sun_side.adjust = adjust_ipcomp;
	d.sun_side.children[0].proposals = "aes256gcm16";
	duo_start(&d);
	duo_up(&d, d.sun, NULL);
	duo_initiate(&d, d.sun, "net");
	ck_assert_uint_eq(duo_children(d.sun), 0);
	assert_nothing_is_left(&d);
}
END_TEST

START_TEST(ikev1_does_not_compress_and_says_so)
{
	struct duo d = duo_begin_ikev1(false);

	d.moon_side.adjust = d.sun_side.adjust = adjust_ipcomp;
	duo_start(&d);
	ck_assert(sim_node_logged(d.sun, "ipcomp of 'net' has no effect with IKEv1"));
	duo_up(&d, d.sun, "net");
	assert_compressed(&d, false);
	assert_nothing_is_left(&d);
}
END_TEST

TCase *child_option_tests(void)
{
	TCase *test = tcase_create("child options");

	tcase_add_loop_test(test, sha256_is_truncated_to_96_bits_in_the_kernel, 0,
		sizeof(truncated) / sizeof(*truncated));
	tcase_add_loop_test(test, packets_are_compressed_when_both_want_it_and_no_nat_is_between, 0,
		sizeof(compressions) / sizeof(*compressions));
	tcase_add_loop_test(test, compression_is_agreed_on_anew_with_each_child, 0, 2);
	tcase_add_loop_test(test, without_a_cpi_the_child_comes_up_uncompressed, 0, 2);
	tcase_add_test(test, compression_follows_a_peer_that_moves);
	tcase_add_test(test, a_refused_child_leaves_no_cpi);
	tcase_add_test(test, ikev1_does_not_compress_and_says_so);
	return test;
}
