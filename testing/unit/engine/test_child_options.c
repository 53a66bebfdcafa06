/* Options of children that change what the kernel does with packets, and what strongswan.conf says
 * of all IKE SAs and children. */
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

/* As with strongSwan: it comes up, and no packet is meant. */
START_TEST(a_child_between_two_families_comes_up)
{
	struct duo d = duo_begin(false);

	d.moon_side.children[0].local_ts = "fd01::/64";
	d.sun_side.children[0].remote_ts = "fd01::/64";
	duo_start(&d);
	duo_up(&d, d.moon, "net");
	ck_assert(sim_node_logged(d.moon, "'net' carries no packet"));
	ck_assert(sim_node_logged(d.sun, "TS 10.2.0.0/16 === fd01::/64"));
	duo_down(&d, d.sun);
	duo_end(&d);
}
END_TEST

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

/* ---- tfc_padding ---- */

static void adjust_padding(void *context, struct ike_connection *c)
{
	(void)context;
	c->children[0]->tfc_padding = 1000;
}

static uint32_t padding_in_kernel(const struct sim_node *n)
{
	const struct ike_sa *sa = ike_engine_sa_next(n->engine, NULL);
	const struct ike_kernel_id id = ike_child_kernel_id(sa->children, false);

	return sim_kernel_sa_find(&n->kernel, &id)->tfc_padding;
}

/* Neither end takes padding in transport mode, and says so. */
START_TEST(padding_is_for_who_takes_it)
{
	static const uint8_t modes[] = { IKE_MODE_TUNNEL, IKE_MODE_TRANSPORT };
	uint32_t padding = modes[_i] == IKE_MODE_TUNNEL ? 1000 : 0;
	struct duo d = duo_begin(false);

	for (int i = 0; i < 2; i++) {
		struct sim_definition *side = i ? &d.sun_side : &d.moon_side;

		side->adjust = adjust_padding;
		side->children[0].mode = modes[_i];
		if (modes[_i] == IKE_MODE_TRANSPORT)
			side->children[0].local_ts = side->children[0].remote_ts = "dynamic";
	}
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	ck_assert_uint_eq(padding_in_kernel(d.moon), padding);
	ck_assert_uint_eq(padding_in_kernel(d.sun), padding);
	ck_assert(duo_soft_expire(d.sun));
	duo_pass(&d, 30000);
	ck_assert_uint_eq(duo_children(d.sun), 1);
	ck_assert_uint_eq(padding_in_kernel(d.moon), padding);
	ck_assert_uint_eq(padding_in_kernel(d.sun), padding);
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
#define COMPRESSIONS (int)(sizeof(compressions) / sizeof(*compressions))

static struct duo duo_begin_version(bool ikev1, bool behind_nat)
{
	struct duo d = duo_begin(behind_nat);

	if (ikev1) {
		d.moon_side.version = d.sun_side.version = 1;
		d.moon_side.proposals = d.sun_side.proposals = "aes128-sha256-ecp256";
	}
	return d;
}

START_TEST(packets_are_compressed_when_both_want_it_and_no_nat_is_between)
{
	const int which = _i % COMPRESSIONS;
	struct duo d = duo_begin_version(_i >= COMPRESSIONS, compressions[which].behind_nat);

	if (compressions[which].moon)
		d.moon_side.adjust = adjust_ipcomp;
	if (compressions[which].sun)
		d.sun_side.adjust = adjust_ipcomp;
	d.sun_side.encap = compressions[which].encap;
	if (compressions[which].mode == IKE_MODE_TRANSPORT) {
		d.moon_side.children[0].mode = d.sun_side.children[0].mode = IKE_MODE_TRANSPORT;
		d.moon_side.children[0].local_ts = d.sun_side.children[0].remote_ts = "192.0.2.1";
		d.moon_side.children[0].remote_ts = d.sun_side.children[0].local_ts = "192.0.2.2";
	}
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	assert_compressed(&d, compressions[which].compressed);
	assert_nothing_is_left(&d);
}
END_TEST

/* In CREATE_CHILD_SA, with and without a key exchange that is asked for first, and rekeyed. */
START_TEST(compression_is_agreed_on_anew_with_each_child)
{
	struct duo d = duo_begin_version(_i / 2, false);
	struct ike_rekey what = { .child = "net" };
	uint16_t before;
	struct why why;

	d.moon_side.adjust = d.sun_side.adjust = adjust_ipcomp;
	d.moon_side.children[0].proposals = "aes128gcm16-x25519-ecp256";
	d.sun_side.children[0].proposals = "aes128gcm16-ecp256-x25519";
	duo_start(&d);
	duo_up(&d, d.sun, NULL);
	duo_up(&d, _i % 2 ? d.moon : d.sun, "net");
	assert_compressed(&d, true);
	before = only_child(d.sun)->cpi_in;
	ck_assert(sim_node_rekey(_i % 2 ? d.sun : d.moon, &what, &why));
	sim_world_settle(d.world, d.world->now + IKE_SECONDS(30));
	assert_compressed(&d, true);
	ck_assert_uint_ne(only_child(d.sun)->cpi_in, before);
	assert_nothing_is_left(&d);
}
END_TEST

START_TEST(without_a_cpi_the_child_comes_up_uncompressed)
{
	struct duo d = duo_begin_version(_i / 2, false);

	d.moon_side.adjust = d.sun_side.adjust = adjust_ipcomp;
	(_i % 2 ? d.moon : d.sun)->kernel.cpi_fails = 1000;
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	assert_compressed(&d, false);
	ck_assert(sim_node_logged(_i % 2 ? d.moon : d.sun, "goes without IPComp"));
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
	struct duo d = duo_begin_version(_i, false);

	d.moon_side.adjust = d.sun_side.adjust = adjust_ipcomp;
	d.sun_side.children[0].proposals = "aes256gcm16";
	duo_start(&d);
	duo_up(&d, d.sun, NULL);
	duo_initiate(&d, d.sun, "net");
	ck_assert_uint_eq(duo_children(d.sun), 0);
	assert_nothing_is_left(&d);
}
END_TEST

/* ---- What strongswan.conf says of all ---- */

START_TEST(a_child_that_does_not_say_has_the_daemons_replay_window)
{
	struct duo d = duo_begin(false);
	struct ike_connection *c = sim_define(&d.sun_side);

	ck_assert_uint_eq(c->children[0]->replay_window, IKE_REPLAY_WINDOW_UNSET);
	ike_connection_free(c);
	d.moon_side.children[0].proposals = d.sun_side.children[0].proposals = "aes128gcm16-esn";
	d.sun->settings.replay_window = 64;
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	const struct ike_kernel_id in = ike_child_kernel_id(only_child(d.sun), true);
	ck_assert_uint_eq(sim_kernel_sa_find(&d.sun->kernel, &in)->replay_window, 64);
	duo_down(&d, d.moon);
	duo_end(&d);
}
END_TEST

START_TEST(an_ike_sa_without_its_first_child_can_go)
{
	struct duo d = duo_begin(false);
	struct sim_node *strict = _i ? d.moon : d.sun;

	d.sun_side.children[0].proposals = "aes256gcm16";
	strict->settings.close_ike_on_child_failure = true;
	duo_start(&d);
	const struct sim_command *command = duo_initiate(&d, d.sun, "net");
	ck_assert(!command->done);
	ck_assert(sim_node_logged(strict, "closing IKE_SA as its CHILD_SA did not come up"));
	ck_assert_uint_eq(duo_ike_sas(d.sun), 0);
	ck_assert_uint_eq(duo_ike_sas(d.moon), 0);
	duo_end(&d);
}
END_TEST

START_TEST(an_initiator_only_lets_nobody_begin)
{
	struct duo d = _i ? duo_begin_ikev1(false) : duo_begin(false);

	d.moon->settings.initiator_only = true;
	duo_start(&d);
	ck_assert(!duo_initiate(&d, d.sun, "net")->done);
	ck_assert(sim_node_logged(d.moon, "which begins an IKE_SA: initiator_only"));
	ck_assert_uint_eq(duo_ike_sas(d.moon), 0);
	duo_up(&d, d.moon, "net");
	duo_down(&d, d.moon);
	duo_end(&d);
}
END_TEST

START_TEST(each_child_can_have_an_ike_sa_of_its_own)
{
	struct duo d = duo_begin(false);

	d.sun->settings.reuse_ikesa = _i;
	d.moon_side.unique = d.sun_side.unique = IKE_UNIQUE_NEVER;
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	duo_initiate(&d, d.sun, "net");
	ck_assert_uint_eq(duo_ike_sas(d.sun), _i ? 1 : 2);
	duo_down(&d, d.moon);
	duo_end(&d);
}
END_TEST

/* In both messages of IKE_SA_INIT. */
static bool find_vendor(void *context, struct sim_world *w, struct sim_flight *flight)
{
	static const char *const words[] = { "FLEXVPN-SUPPORTED", "charon-lite" };
	unsigned *found = context;

	(void)w;
	for (size_t i = 0; i < 2; i++)
		found[flight->from] +=
			memmem(flight->data, flight->length, words[i], strlen(words[i])) != NULL;
	return true;
}

START_TEST(vendor_ids_are_said_when_wanted)
{
	struct duo d = duo_begin(false);
	unsigned found[2] = { 0 };

	d.sun->settings.cisco_flexvpn = true;
	d.moon->settings.cisco_flexvpn = d.moon->settings.send_vendor_id = true;
	d.world->filter = find_vendor;
	d.world->filter_context = found;
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	ck_assert_uint_eq(found[d.sun->index], 1);
	ck_assert_uint_eq(found[d.moon->index], 2);
	duo_down(&d, d.moon);
	duo_end(&d);
}
END_TEST

/* ESP that encrypts nothing (RFC 4543); the other proposal is not ours. */
START_TEST(aes_gmac_is_the_kernels)
{
	struct duo d = _i ? duo_begin_ikev1(false) : duo_begin(false);
	const struct ike_algorithm *gmac;

	d.moon_side.children[0].proposals = "blowfish256-sha1,aes256gmac";
	d.sun_side.children[0].proposals = "aes128gmac-aes256gmac,twofish128-sha256";
	duo_start(&d);
	ck_assert(sim_node_logged(d.moon,
		"not all of esp_proposals can be offered: 'blowfish256-sha1': algorithm "
		"'blowfish256' is not supported"));
	duo_up(&d, d.sun, "net");
	gmac = ike_suite_encryption(&duo_only_sa(d.moon)->children->suite);
	ck_assert_str_eq(gmac->kernel_name, "rfc4543(gcm(aes))");
	ck_assert_uint_eq(gmac->key_bits, 256);
	duo_both_ways(&d);
	duo_down(&d, d.moon);
	duo_end(&d);
}
END_TEST

TCase *child_option_tests(void)
{
	TCase *test = tcase_create("child options");

	tcase_add_loop_test(test, sha256_is_truncated_to_96_bits_in_the_kernel, 0,
		sizeof(truncated) / sizeof(*truncated));
	tcase_add_loop_test(test, padding_is_for_who_takes_it, 0, 2);
	tcase_add_loop_test(test, packets_are_compressed_when_both_want_it_and_no_nat_is_between, 0,
		2 * COMPRESSIONS);
	tcase_add_loop_test(test, compression_is_agreed_on_anew_with_each_child, 0, 4);
	tcase_add_loop_test(test, without_a_cpi_the_child_comes_up_uncompressed, 0, 4);
	tcase_add_test(test, compression_follows_a_peer_that_moves);
	tcase_add_loop_test(test, a_refused_child_leaves_no_cpi, 0, 2);
	tcase_add_test(test, a_child_between_two_families_comes_up);
	tcase_add_test(test, a_child_that_does_not_say_has_the_daemons_replay_window);
	tcase_add_loop_test(test, an_ike_sa_without_its_first_child_can_go, 0, 2);
	tcase_add_loop_test(test, an_initiator_only_lets_nobody_begin, 0, 2);
	tcase_add_loop_test(test, each_child_can_have_an_ike_sa_of_its_own, 0, 2);
	tcase_add_test(test, vendor_ids_are_said_when_wanted);
	tcase_add_loop_test(test, aes_gmac_is_the_kernels, 0, 2);
	return test;
}
