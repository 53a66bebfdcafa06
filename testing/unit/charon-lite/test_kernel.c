/* Selectors and policies as the kernel gets them, and who shares them. No root. */
#include "charon-lite/interfaces.h"
#include "charon-lite/kernel.h"
#include "charon-lite/kernel_policy.h"
#include "charon-lite/kernel_selector.h"
#include "charon-lite/kernel_state.h"

#include <check.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

static struct ike_selector selector(const char *text)
{
	struct ike_selector result;
	struct why why;

	ck_assert_msg(ike_selector_parse(text, &result, &why), "%s", why.text);
	return result;
}

static void assert_pair(const char *source, const char *destination, const char *expected)
{
	struct ike_selector from = selector(source), to = selector(destination);
	struct xfrm_traffic_selector pair;
	char text[XFRM_TRAFFIC_TEXT_MAX];

	ck_assert(cl_kernel_selector_of_pair(&from, &to, &pair));
	ck_assert_str_eq(xfrm_traffic_selector_format(&pair, text), expected);
}

/* What strongSwan 5.9.8 makes of them, as `ip xfrm policy` shows it. */
START_TEST(pairs_of_selectors_become_the_kernels)
{
	assert_pair("10.1.0.0/16", "10.2.0.0/16", "10.1.0.0/16 === 10.2.0.0/16");
	assert_pair("10.1.0.0/16[tcp]", "10.2.0.0/16", "10.1.0.0/16 === 10.2.0.0/16 protocol 6");
	assert_pair("10.1.0.0/16[tcp/80]", "10.2.0.0/16[tcp]",
		"10.1.0.0/16 === 10.2.0.0/16 protocol 6 ports 80/65535 0/0");
	assert_pair("10.1.0.0/16[tcp/1024-2047]", "10.2.0.0/16[tcp]",
		"10.1.0.0/16 === 10.2.0.0/16 protocol 6 ports 1024/64512 0/0");
	assert_pair("10.1.0.0/16[tcp/3-5]", "10.2.0.0/16[tcp]",
		"10.1.0.0/16 === 10.2.0.0/16 protocol 6 ports 0/65528 0/0");
	assert_pair("10.1.0.0/16[tcp/1-65535]", "10.2.0.0/16[tcp]",
		"10.1.0.0/16 === 10.2.0.0/16 protocol 6");
	assert_pair("10.1.0.1-10.1.0.6", "10.2.0.1", "10.1.0.0/29 === 10.2.0.1/32");
	assert_pair("10.1.0.0/16[icmp/2049]", "10.2.0.0/16[icmp/2049]",
		"10.1.0.0/16 === 10.2.0.0/16 protocol 1 ports 8/65535 1/65535");
	assert_pair("fd01::/64", "fd02::/48[udp/53]",
		"fd01::/64 === fd02::/48 protocol 17 ports 0/0 53/65535");
}
END_TEST

START_TEST(icmp_types_come_from_either_side_and_stay_when_reversed)
{
	struct ike_selector from = selector("10.1.0.0/16[icmp]"),
			    to = selector("10.2.0.0/16[icmp]");
	struct xfrm_traffic_selector pair;
	char text[XFRM_TRAFFIC_TEXT_MAX];

	to.port_from = 8 << 8; /* any echo request */
	to.port_to = 8 << 8 | 0xff;
	ck_assert(cl_kernel_selector_of_pair(&from, &to, &pair));
	ck_assert_str_eq(xfrm_traffic_selector_format(&pair, text),
		"10.1.0.0/16 === 10.2.0.0/16 protocol 1 ports 8/65535 0/0");
	cl_kernel_selector_reverse(&pair);
	ck_assert_str_eq(xfrm_traffic_selector_format(&pair, text),
		"10.2.0.0/16 === 10.1.0.0/16 protocol 1 ports 8/65535 0/0");
	to.port_to = 9 << 8;
	ck_assert(cl_kernel_selector_of_pair(&from, &to, &pair));
	ck_assert_uint_eq(pair.source_port_mask, 0);
}
END_TEST

START_TEST(pairs_that_no_packet_meets_are_refused)
{
	struct ike_selector four = selector("10.1.0.0/16[tcp]"), udp = selector("10.2.0.0/16[udp]");
	struct ike_selector six = selector("fd01::/64");
	struct xfrm_traffic_selector pair;

	ck_assert(!cl_kernel_selector_of_pair(&four, &udp, &pair));
	ck_assert(!cl_kernel_selector_of_pair(&four, &six, &pair));
}
END_TEST

START_TEST(packets_of_acquires_become_selectors)
{
	struct xfrm_traffic_selector packet = {
		.protocol = IPPROTO_TCP, .source_port_mask = 0xffff, .destination_port_mask = 0xffff
	};
	struct ike_selector source, destination;
	char text[IKE_SELECTOR_TEXT_MAX];

	ck_assert(address_parse("10.1.0.5", &packet.source));
	ck_assert(address_parse("10.2.0.5", &packet.destination));
	packet.source.port = 40000;
	packet.destination.port = 443;
	cl_kernel_selector_split(&packet, &source, &destination);
	ck_assert_str_eq(ike_selector_format(&source, text), "10.1.0.5/32[tcp/40000]");
	ck_assert_uint_eq(destination.port_from, 443);
	packet.protocol = IPPROTO_ICMP;
	packet.source.port = 8;
	packet.destination.port = 0;
	cl_kernel_selector_split(&packet, &source, &destination);
	ck_assert_uint_eq(source.port_from, 0x800);
	ck_assert_uint_eq(destination.port_to, 0x800);
}
END_TEST

/* ---- A kernel that writes down what it is told ---- */

struct recorder {
	char lines[32][200];
	unsigned count;
	unsigned fail_at; /* put number that fails, 0: none */
	unsigned puts;
};

static const char *const directions[] = { "in", "out", "fwd" };

static bool record_put(void *context, const struct xfrm_policy *policy, uint8_t kind, bool replace,
	struct why *why)
{
	struct recorder *recorder = context;
	char text[XFRM_TRAFFIC_TEXT_MAX];

	(void)kind;
	if (++recorder->puts == recorder->fail_at)
		return why_fail(why, "told to fail");
	ck_assert_uint_lt(recorder->count, 32);
	snprintf(recorder->lines[recorder->count++], 200, "%s %s %s prio %u %s spi %x reqid %u",
		replace ? "replace" : "add", directions[policy->id.direction],
		xfrm_traffic_selector_format(&policy->id.selector, text), policy->priority,
		policy->template_count ? "tmpl" : "none", policy->templates[0].spi,
		policy->templates[0].reqid);
	return true;
}

static void record_drop(void *context, const struct xfrm_policy_id *id)
{
	struct recorder *recorder = context;
	char text[XFRM_TRAFFIC_TEXT_MAX];

	ck_assert_uint_lt(recorder->count, 32);
	snprintf(recorder->lines[recorder->count++], 200, "drop %s %s", directions[id->direction],
		xfrm_traffic_selector_format(&id->selector, text));
}

static struct recorder recorder;
static struct cl_policies *policies;
static struct ike_selector local_selector, remote_selector;

static void setup(void)
{
	const struct cl_policy_kernel hands = { &recorder, record_put, record_drop };

	memset(&recorder, 0, sizeof(recorder));
	policies = cl_policies_new(&hands);
	local_selector = selector("10.1.0.0/16");
	remote_selector = selector("10.2.0.0/16");
}

static void teardown(void)
{
	cl_policies_free(policies);
}

static struct ike_kernel_policies child(uint8_t kind, uint32_t spi)
{
	struct ike_kernel_policies wanted = {
		.kind = kind,
		.mode = IKE_MODE_TUNNEL,
		.protocol = IKE_PROTOCOL_ESP,
		.no_fwd_out = true,
		.reqid = 7,
		.spi_out = spi,
		.local_selectors = &local_selector,
		.remote_selectors = &remote_selector,
		.local_count = 1,
		.remote_count = 1,
	};

	ck_assert(address_parse("192.0.2.1", &wanted.local));
	ck_assert(address_parse("192.0.2.2", &wanted.remote));
	wanted.local.port = wanted.remote.port = 4500;
	return wanted;
}

static void install(const struct ike_kernel_policies *wanted)
{
	struct why why;

	ck_assert_msg(cl_policies_install(policies, wanted, &why), "%s", why.text);
}

/* Takes the lines down and starts anew. */
static void assert_recorded(unsigned count, ...)
{
	va_list expected;

	ck_assert_uint_eq(recorder.count, count);
	va_start(expected, count);
	for (unsigned i = 0; i < count; i++)
		ck_assert_str_eq(recorder.lines[i], va_arg(expected, const char *));
	va_end(expected);
	recorder.count = 0;
}

START_TEST(child_has_policies_out_in_and_fwd)
{
	struct ike_kernel_policies wanted = child(IKE_POLICY_CHILD, 0xc1);

	install(&wanted);
	assert_recorded(3, "add out 10.1.0.0/16 === 10.2.0.0/16 prio 383615 tmpl spi c1 reqid 7",
		"add in 10.2.0.0/16 === 10.1.0.0/16 prio 383615 tmpl spi 0 reqid 7",
		"add fwd 10.2.0.0/16 === 10.1.0.0/16 prio 383615 tmpl spi 0 reqid 7");
	cl_policies_remove(policies, &wanted);
	assert_recorded(3, "drop out 10.1.0.0/16 === 10.2.0.0/16",
		"drop in 10.2.0.0/16 === 10.1.0.0/16", "drop fwd 10.2.0.0/16 === 10.1.0.0/16");
	cl_policies_remove(policies, &wanted);
	assert_recorded(0);
}
END_TEST

/* IPComp in the child's mode, ESP in transport mode around it; what came in may lack IPComp. */
START_TEST(compressed_child_has_two_templates)
{
	struct ike_kernel_policies wanted = child(IKE_POLICY_CHILD, 0xc1);
	struct cl_policy_walk walk = { .wanted = &wanted };
	struct xfrm_policy policy;
	unsigned count = 0;

	wanted.cpi_out = 0x1234;
	while (cl_policy_walk_next(&walk, &policy)) {
		const struct xfrm_template *comp = &policy.templates[0];
		const struct xfrm_template *esp = &policy.templates[1];
		bool out = policy.id.direction == XFRM_POLICY_OUT;

		ck_assert_uint_eq(policy.template_count, 2);
		ck_assert_uint_eq(comp->protocol, IPPROTO_COMP);
		ck_assert_uint_eq(comp->mode, XFRM_MODE_TUNNEL);
		ck_assert_uint_eq(comp->spi, out ? 0x1234 : 0);
		ck_assert_uint_eq(comp->optional, !out);
		ck_assert_uint_eq(comp->reqid, 7);
		ck_assert(address_same_host(
			&comp->destination, out ? &wanted.remote : &wanted.local));
		ck_assert_uint_eq(esp->protocol, IPPROTO_ESP);
		ck_assert_uint_eq(esp->mode, XFRM_MODE_TRANSPORT);
		ck_assert_uint_eq(esp->spi, out ? 0xc1 : 0);
		ck_assert(!esp->optional);
		count++;
	}
	ck_assert_uint_eq(count, 3);
}
END_TEST

START_TEST(compression_that_comes_with_new_keys_replaces_the_policies)
{
	struct ike_kernel_policies old = child(IKE_POLICY_CHILD, 0xc1);
	struct ike_kernel_policies new = child(IKE_POLICY_CHILD, 0xc2);

	new.cpi_out = 0x1234;
	install(&old);
	recorder.count = 0;
	install(&new);
	assert_recorded(3,
		"replace out 10.1.0.0/16 === 10.2.0.0/16 prio 383615 tmpl spi 1234 reqid 7",
		"replace in 10.2.0.0/16 === 10.1.0.0/16 prio 383615 tmpl spi 0 reqid 7",
		"replace fwd 10.2.0.0/16 === 10.1.0.0/16 prio 383615 tmpl spi 0 reqid 7");
	cl_policies_remove(policies, &old);
	assert_recorded(0);
	cl_policies_remove(policies, &new);
	ck_assert_uint_eq(recorder.count, 3);
}
END_TEST

/* ---- States ---- */

static struct ike_kernel_sa sa_of_child(bool inbound, const struct ike_selector *selectors)
{
	struct ike_kernel_sa sa = {
		.id = { .spi = 0xc1, .protocol = IKE_PROTOCOL_ESP },
		.inbound = inbound,
		.mode = IKE_MODE_TUNNEL,
		.reqid = 7,
		.encryption = ike_algorithm_find(IKE_TRANSFORM_ENCRYPTION, IKE_ENCR_AES_CBC, 128),
		.integrity =
			ike_algorithm_find(IKE_TRANSFORM_INTEGRITY, IKE_INTEG_HMAC_SHA2_256_96, 0),
		.replay_window = 32,
		.lifetime = { .hard_seconds = 60 },
		.tfc_padding = 1400,
		.copy_ecn = true,
		.source_selectors = selectors,
		.destination_selectors = selectors,
		.source_selector_count = 1,
		.destination_selector_count = 1,
	};

	ck_assert(address_parse(inbound ? "192.0.2.2" : "192.0.2.1", &sa.id.source));
	ck_assert(address_parse(inbound ? "192.0.2.1" : "192.0.2.2", &sa.id.destination));
	return sa;
}

START_TEST(sa_becomes_a_state)
{
	struct ike_selector any = selector("10.1.0.0/16");
	struct ike_kernel_sa sa = sa_of_child(_i, &any);
	struct xfrm_state state;
	struct why why;

	ck_assert(cl_kernel_state(&sa, &state, &why));
	ck_assert_uint_eq(state.mode, XFRM_MODE_TUNNEL);
	ck_assert_uint_eq(state.id.protocol, IPPROTO_ESP);
	ck_assert_str_eq(state.integrity.name, "hmac(sha256)");
	ck_assert_uint_eq(state.integrity.bits, 96);
	ck_assert_uint_eq(state.replay_window, _i ? 32 : 0);
	ck_assert_uint_eq(state.tfc_padding, _i ? 0 : 1400);
	ck_assert(state.flags & XFRM_STATE_AF_UNSPEC);
	ck_assert(!(state.flags & XFRM_STATE_NOECN));
	ck_assert_uint_eq(state.offload_interface, 0);
}
END_TEST

/* RFC 9611: such a state tells its direction, and then the kernel refuses what is for the other. */
START_TEST(sa_of_one_processor_tells_its_direction)
{
	struct ike_selector any = selector("10.1.0.0/16");
	struct ike_kernel_sa sa = sa_of_child(_i, &any);
	struct xfrm_state state;
	struct why why;

	sa.copy_df = sa.copy_dscp_out = false;
	sa.copy_dscp_in = true;
	ck_assert(cl_kernel_state(&sa, &state, &why));
	ck_assert(!state.processor.one);
	ck_assert_uint_eq(state.direction, 0);
	sa.one_processor = true;
	sa.processor = 3;
	ck_assert(cl_kernel_state(&sa, &state, &why));
	ck_assert(state.processor.one);
	ck_assert_uint_eq(state.processor.number, 3);
	ck_assert_uint_eq(state.direction, _i ? XFRM_DIRECTION_IN : XFRM_DIRECTION_OUT);
	ck_assert_int_eq((state.flags & XFRM_STATE_NOPMTUDISC) != 0, !_i);
	ck_assert_int_eq((state.flags & XFRM_STATE_DECAP_DSCP) != 0, _i);
	ck_assert_int_eq((state.extra_flags & XFRM_SA_XFLAG_DONT_ENCAP_DSCP) != 0, !_i);
}
END_TEST

START_TEST(policies_ask_for_each_processor)
{
	struct ike_kernel_policies wanted = child(IKE_POLICY_CHILD, 0);
	struct cl_policy_walk walk = { .wanted = &wanted };
	struct xfrm_policy policy;

	wanted.for_each_processor = true;
	while (cl_policy_walk_next(&walk, &policy))
		ck_assert_uint_eq(policy.flags, policy.id.direction == XFRM_POLICY_OUT
							? XFRM_POLICY_FOR_EACH_PROCESSOR
							: 0);
}
END_TEST

START_TEST(compressed_sa_is_two_states)
{
	struct ike_selector any = selector("10.1.0.0/16");
	struct ike_kernel_sa sa = sa_of_child(_i, &any);
	struct xfrm_state state, compression;
	struct why why;

	sa.id.cpi = 0x1234;
	sa.id.if_id = 5;
	ck_assert(cl_kernel_state(&sa, &state, &why));
	cl_kernel_compression(&sa, &compression);
	ck_assert_uint_eq(state.mode, XFRM_MODE_TRANSPORT);
	ck_assert_uint_eq(state.flags, 0);
	ck_assert_uint_eq(state.limits.hard_seconds, 60);
	ck_assert_uint_eq(compression.mode, XFRM_MODE_TUNNEL);
	ck_assert_uint_eq(compression.id.protocol, IPPROTO_COMP);
	ck_assert_uint_eq(compression.id.spi, 0x1234);
	ck_assert_str_eq(compression.compression.name, "deflate");
	ck_assert(compression.flags & XFRM_STATE_AF_UNSPEC);
	ck_assert_uint_eq(compression.limits.hard_seconds, 0);
	ck_assert_ptr_null(compression.encryption.name);
	ck_assert_uint_eq(compression.if_id, 5);
	/* in transport mode both are, and only ESP has the selector, which is the packet's own */
	sa.mode = IKE_MODE_TRANSPORT;
	cl_kernel_compression(&sa, &compression);
	ck_assert_uint_eq(compression.mode, XFRM_MODE_TRANSPORT);
}
END_TEST

static const struct {
	uint8_t offload;
	uint8_t out, in;
} offloads[] = {
	{ IKE_HW_OFFLOAD_CRYPTO, 0, XFRM_OFFLOAD_INBOUND },
	{ IKE_HW_OFFLOAD_AUTO, 0, XFRM_OFFLOAD_INBOUND },
	{ IKE_HW_OFFLOAD_PACKET, XFRM_OFFLOAD_PACKET, XFRM_OFFLOAD_PACKET | XFRM_OFFLOAD_INBOUND },
};

START_TEST(offloaded_states_name_device_and_direction)
{
	struct ike_selector any = selector("10.1.0.0/16");

	for (int inbound = 0; inbound < 2; inbound++) {
		struct ike_kernel_sa sa = sa_of_child(inbound, &any);
		struct xfrm_state state;
		struct why why;

		sa.hw_offload = offloads[_i].offload;
		ck_assert(cl_kernel_state(&sa, &state, &why));
		cl_kernel_offload(&sa, 3, &state);
		ck_assert_uint_eq(state.offload_interface, 3);
		ck_assert_uint_eq(
			state.offload_flags, inbound ? offloads[_i].in : offloads[_i].out);
	}
}
END_TEST

/* The device looks at what comes in and goes out; what is forwarded it never sees. */
START_TEST(packet_offload_is_for_policies_too)
{
	struct ike_kernel_policies wanted = child(IKE_POLICY_CHILD, 0xc1);
	struct cl_policy_walk walk = { .wanted = &wanted, .offload_interface = 3 };
	struct xfrm_policy policy;

	while (cl_policy_walk_next(&walk, &policy))
		ck_assert_uint_eq(
			policy.offload_interface, policy.id.direction == XFRM_POLICY_FWD ? 0 : 3);
}
END_TEST

START_TEST(interface_of_an_address_is_found)
{
	struct address loopback, nobody;

	ck_assert(address_parse("127.0.0.1", &loopback));
	ck_assert(address_parse("192.0.2.200", &nobody));
	ck_assert_uint_eq(cl_interface_of_address(&loopback), if_nametoindex("lo"));
	ck_assert_uint_eq(cl_interface_of_address(&nobody), 0);
}
END_TEST

START_TEST(outbound_fwd_policies_have_no_template)
{
	struct ike_kernel_policies wanted = child(IKE_POLICY_CHILD, 0xc1);

	wanted.no_fwd_out = false;
	install(&wanted);
	ck_assert_uint_eq(recorder.count, 4);
	ck_assert_str_eq(recorder.lines[3],
		"add fwd 10.1.0.0/16 === 10.2.0.0/16 prio 383615 none spi 0 reqid 0");
}
END_TEST

START_TEST(transport_mode_forwards_nothing)
{
	struct ike_kernel_policies wanted = child(IKE_POLICY_CHILD, 0xc1);

	wanted.mode = IKE_MODE_TRANSPORT;
	install(&wanted);
	ck_assert_uint_eq(recorder.count, 2);
}
END_TEST

START_TEST(shunts_have_their_own_priorities)
{
	struct ike_kernel_policies pass = child(IKE_POLICY_SHUNT, 0), drop;

	pass.mode = IKE_MODE_PASS;
	install(&pass);
	ck_assert_str_eq(recorder.lines[0],
		"add out 10.1.0.0/16 === 10.2.0.0/16 prio 183615 none spi 0 reqid 0");
	cl_policies_remove(policies, &pass);
	recorder.count = 0;
	drop = pass;
	drop.mode = IKE_MODE_DROP;
	install(&drop);
	ck_assert_str_eq(recorder.lines[2],
		"add fwd 10.2.0.0/16 === 10.1.0.0/16 prio 583615 none spi 0 reqid 0");
}
END_TEST

/* Old and new child overlap; the new SPI wins, and the old one's end changes nothing. */
START_TEST(rekeyed_child_takes_over_without_a_gap)
{
	struct ike_kernel_policies old = child(IKE_POLICY_CHILD, 0xc1);
	struct ike_kernel_policies new = child(IKE_POLICY_CHILD, 0xc2);

	install(&old);
	recorder.count = 0;
	install(&new);
	assert_recorded(
		1, "replace out 10.1.0.0/16 === 10.2.0.0/16 prio 383615 tmpl spi c2 reqid 7");
	cl_policies_remove(policies, &old);
	assert_recorded(0);
	cl_policies_remove(policies, &new);
	ck_assert_uint_eq(recorder.count, 3);
}
END_TEST

/* A child moves to other endpoints: at no time is there no policy. */
START_TEST(moved_child_keeps_its_policies)
{
	struct ike_kernel_policies old = child(IKE_POLICY_CHILD, 0xc1), new = old;

	ck_assert(address_parse("192.0.2.77", &new.remote));
	new.remote.port = 1024;
	install(&old);
	recorder.count = 0;
	install(&new);
	assert_recorded(3,
		"replace out 10.1.0.0/16 === 10.2.0.0/16 prio 383615 tmpl spi c1 reqid 7",
		"replace in 10.2.0.0/16 === 10.1.0.0/16 prio 383615 tmpl spi 0 reqid 7",
		"replace fwd 10.2.0.0/16 === 10.1.0.0/16 prio 383615 tmpl spi 0 reqid 7");
	cl_policies_remove(policies, &old);
	assert_recorded(0);
	/* Another port is nothing to a policy. */
	old = new;
	new.remote.port = 4500;
	install(&new);
	cl_policies_remove(policies, &old);
	assert_recorded(0);
	cl_policies_remove(policies, &new);
	ck_assert_uint_eq(recorder.count, 3);
}
END_TEST

/* Of two that want the same, each may end first. */
START_TEST(newest_child_has_the_policies_until_it_ends)
{
	struct ike_kernel_policies old = child(IKE_POLICY_CHILD, 0xc1);
	struct ike_kernel_policies new = child(IKE_POLICY_CHILD, 0xc2);

	install(&old);
	install(&new);
	recorder.count = 0;
	cl_policies_remove(policies, &new);
	assert_recorded(
		1, "replace out 10.1.0.0/16 === 10.2.0.0/16 prio 383615 tmpl spi c1 reqid 7");
	cl_policies_remove(policies, &old);
	ck_assert_uint_eq(recorder.count, 3);
}
END_TEST

START_TEST(trap_comes_back_when_its_child_ends)
{
	struct ike_kernel_policies trap = child(IKE_POLICY_TRAP, 0);
	struct ike_kernel_policies up = child(IKE_POLICY_CHILD, 0xc1);

	install(&trap);
	ck_assert_str_eq(recorder.lines[0],
		"add out 10.1.0.0/16 === 10.2.0.0/16 prio 383616 tmpl spi 0 reqid 7");
	install(&up);
	recorder.count = 0;
	cl_policies_remove(policies, &up);
	assert_recorded(3, "replace out 10.1.0.0/16 === 10.2.0.0/16 prio 383616 tmpl spi 0 reqid 7",
		"replace in 10.2.0.0/16 === 10.1.0.0/16 prio 383616 tmpl spi 0 reqid 7",
		"replace fwd 10.2.0.0/16 === 10.1.0.0/16 prio 383616 tmpl spi 0 reqid 7");
}
END_TEST

START_TEST(trap_does_not_push_out_a_child_of_the_same_priority)
{
	struct ike_kernel_policies up = child(IKE_POLICY_CHILD, 0xc1);
	struct ike_kernel_policies trap = child(IKE_POLICY_TRAP, 0);

	up.priority = trap.priority = 1234;
	install(&up);
	recorder.count = 0;
	install(&trap);
	assert_recorded(0);
	cl_policies_remove(policies, &trap);
	assert_recorded(0);
}
END_TEST

START_TEST(failed_installation_takes_back_what_it_did)
{
	struct ike_kernel_policies wanted = child(IKE_POLICY_CHILD, 0xc1);
	struct why why;

	recorder.fail_at = 3;
	ck_assert(!cl_policies_install(policies, &wanted, &why));
	ck_assert_str_eq(why.text, "told to fail");
	ck_assert_uint_eq(recorder.count, 4);
	ck_assert_str_eq(recorder.lines[3], "drop in 10.2.0.0/16 === 10.1.0.0/16");
	recorder.count = 0;
	install(&wanted);
	ck_assert_uint_eq(recorder.count, 3);
}
END_TEST

START_TEST(children_without_common_packets_are_refused)
{
	struct ike_kernel_policies wanted = child(IKE_POLICY_CHILD, 0xc1);
	struct why why;

	local_selector.protocol = IPPROTO_TCP;
	remote_selector.protocol = IPPROTO_UDP;
	ck_assert(!cl_policies_install(policies, &wanted, &why));
	ck_assert_str_eq(why.text, "no local and remote traffic selector fit each other");
	wanted.interface = "no such interface";
	ck_assert(!cl_policies_install(policies, &wanted, &why));
	ck_assert_str_eq(why.text, "there is no interface no such interface");
}
END_TEST

/* As with strongSwan; whoever loaded it was told. */
START_TEST(a_child_between_two_families_has_no_policies)
{
	struct ike_kernel_policies wanted = child(IKE_POLICY_CHILD, 0xc1);

	remote_selector = selector("fd02::/64");
	install(&wanted);
	assert_recorded(0);
	cl_policies_remove(policies, &wanted);
	assert_recorded(0);
}
END_TEST

static void count_directions(void *context, const struct xfrm_policy_id *id)
{
	unsigned *counts = context;

	counts[id->direction]++;
}

START_TEST(policies_of_an_sa_are_found_by_reqid_and_destination)
{
	struct ike_kernel_policies wanted = child(IKE_POLICY_CHILD, 0xc1);
	unsigned counts[3] = { 0 };

	install(&wanted);
	cl_policies_of_sa(policies, 7, &wanted.remote, count_directions, counts);
	ck_assert_uint_eq(counts[1], 1);
	ck_assert_uint_eq(counts[0] + counts[2], 0);
	cl_policies_of_sa(policies, 7, &wanted.local, count_directions, counts);
	ck_assert_uint_eq(counts[0], 1);
	ck_assert_uint_eq(counts[2], 1);
	cl_policies_of_sa(policies, 8, &wanted.local, count_directions, counts);
	cl_policies_remove(policies, &wanted);
	cl_policies_of_sa(policies, 7, &wanted.local, count_directions, counts);
	ck_assert_uint_eq(counts[0] + counts[1] + counts[2], 3);
}
END_TEST

/* ---- None, and the network ---- */

START_TEST(kernel_none_accepts_everything)
{
	struct cl_kernel none;
	struct ike_kernel_usage usage;
	uint32_t first, second;
	struct why why;

	ck_assert(cl_kernel_none_open(NULL, &none, &why));
	ck_assert(none.spi_allocate(none.context, 3, NULL, NULL, 1, &first, &why));
	ck_assert(none.spi_allocate(none.context, 3, NULL, NULL, 1, &second, &why));
	ck_assert_uint_eq(first >> 28, 0xc);
	ck_assert_uint_ne(first, second);
	ck_assert(none.sa_query(none.context, NULL, &usage));
	ck_assert_uint_eq(usage.packets, 0);
	none.close(none.context);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("charon-lite kernel");
	TCase *selectors = tcase_create("selectors"), *shared = tcase_create("policies");
	TCase *others = tcase_create("others");

	tcase_add_test(selectors, pairs_of_selectors_become_the_kernels);
	tcase_add_test(selectors, icmp_types_come_from_either_side_and_stay_when_reversed);
	tcase_add_test(selectors, pairs_that_no_packet_meets_are_refused);
	tcase_add_test(selectors, packets_of_acquires_become_selectors);
	suite_add_tcase(suite, selectors);
	tcase_add_checked_fixture(shared, setup, teardown);
	tcase_add_test(shared, child_has_policies_out_in_and_fwd);
	tcase_add_test(shared, outbound_fwd_policies_have_no_template);
	tcase_add_test(shared, compressed_child_has_two_templates);
	tcase_add_test(shared, compression_that_comes_with_new_keys_replaces_the_policies);
	tcase_add_test(shared, packet_offload_is_for_policies_too);
	tcase_add_test(shared, interface_of_an_address_is_found);
	tcase_add_loop_test(shared, sa_becomes_a_state, 0, 2);
	tcase_add_loop_test(shared, sa_of_one_processor_tells_its_direction, 0, 2);
	tcase_add_test(shared, policies_ask_for_each_processor);
	tcase_add_loop_test(shared, compressed_sa_is_two_states, 0, 2);
	tcase_add_loop_test(shared, offloaded_states_name_device_and_direction, 0,
		sizeof(offloads) / sizeof(*offloads));
	tcase_add_test(shared, transport_mode_forwards_nothing);
	tcase_add_test(shared, shunts_have_their_own_priorities);
	tcase_add_test(shared, rekeyed_child_takes_over_without_a_gap);
	tcase_add_test(shared, moved_child_keeps_its_policies);
	tcase_add_test(shared, newest_child_has_the_policies_until_it_ends);
	tcase_add_test(shared, trap_comes_back_when_its_child_ends);
	tcase_add_test(shared, trap_does_not_push_out_a_child_of_the_same_priority);
	tcase_add_test(shared, failed_installation_takes_back_what_it_did);
	tcase_add_test(shared, children_without_common_packets_are_refused);
	tcase_add_test(shared, a_child_between_two_families_has_no_policies);
	tcase_add_test(shared, policies_of_an_sa_are_found_by_reqid_and_destination);
	suite_add_tcase(suite, shared);
	tcase_add_test(others, kernel_none_accepts_everything);
	suite_add_tcase(suite, others);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
