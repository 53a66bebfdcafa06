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

TCase *child_option_tests(void)
{
	TCase *test = tcase_create("child options");

	tcase_add_loop_test(test, sha256_is_truncated_to_96_bits_in_the_kernel, 0,
		sizeof(truncated) / sizeof(*truncated));
	return test;
}
