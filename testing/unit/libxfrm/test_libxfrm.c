/* Messages of XFRM built and read back, priorities, errors in words. No kernel, no root. */
#include "libxfrm/message.h"
#include "libxfrm/xfrm.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <netlink/msg.h>
#include <stdlib.h>

static struct address address(const char *text, uint16_t port)
{
	struct address result = { 0 };

	ck_assert(address_parse(text, &result));
	result.port = port;
	return result;
}

static const uint8_t key[64] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19,
	20 };

static struct xfrm_algorithm algorithm(const char *name, size_t key_length, uint16_t bits)
{
	return (struct xfrm_algorithm){ name, bytes_of(key, key_length), bits };
}

/* Everything set that a state can have. */
static struct xfrm_state full_state(void)
{
	return (struct xfrm_state){
		.id = {
			.destination = address("192.0.2.2", 4501),
			.spi = 0xc1020304,
			.protocol = IPPROTO_ESP,
			.mark = { .v = 7, .m = 0xff },
		},
		.source = address("192.0.2.1", 4500),
		.mode = XFRM_MODE_TUNNEL,
		.reqid = 99,
		.encryption = algorithm("cbc(aes)", 32, 0),
		.integrity = algorithm("hmac(sha256)", 32, 128),
		.esn = true,
		.replay_window = 1024,
		.udp_encapsulation = true,
		.limits = { 10, 20, 30, 40, 50, 60 },
		.set_mark = { .v = 3, .m = 0xf },
		.if_id = 42,
		.selector = {
			.source = address("10.1.0.0", 0),
			.destination = address("10.2.0.0", 80),
			.source_prefix = 16,
			.destination_prefix = 24,
			.protocol = IPPROTO_TCP,
			.destination_port_mask = 0xffff,
			.interface = 3,
		},
		.flags = XFRM_STATE_AF_UNSPEC | XFRM_STATE_NOECN,
		.extra_flags = XFRM_SA_XFLAG_OSEQ_MAY_WRAP,
		.tfc_padding = 1200,
		.offload_interface = 2,
		.offload_flags = XFRM_OFFLOAD_INBOUND,
		.processor = { .one = true, .number = 3 },
		.direction = XFRM_DIRECTION_IN,
	};
}

static void assert_algorithm_equal(const struct xfrm_algorithm *a, const struct xfrm_algorithm *b)
{
	ck_assert_int_eq(a->name == NULL, b->name == NULL);
	if (a->name)
		ck_assert_str_eq(a->name, b->name);
	ck_assert(bytes_equal(a->key, b->key));
	ck_assert_uint_eq(a->bits, b->bits);
}

static void assert_state_equal(const struct xfrm_state *a, const struct xfrm_state *b)
{
	ck_assert(address_equal(&a->source, &b->source));
	ck_assert(address_equal(&a->id.destination, &b->id.destination));
	ck_assert_uint_eq(a->id.spi, b->id.spi);
	ck_assert_uint_eq(a->id.protocol, b->id.protocol);
	ck_assert_mem_eq(&a->id.mark, &b->id.mark, sizeof(a->id.mark));
	ck_assert_uint_eq(a->mode, b->mode);
	ck_assert_uint_eq(a->reqid, b->reqid);
	assert_algorithm_equal(&a->aead, &b->aead);
	assert_algorithm_equal(&a->encryption, &b->encryption);
	assert_algorithm_equal(&a->integrity, &b->integrity);
	assert_algorithm_equal(&a->compression, &b->compression);
	ck_assert_int_eq(a->esn, b->esn);
	ck_assert_uint_eq(a->replay_window, b->replay_window);
	ck_assert_int_eq(a->udp_encapsulation, b->udp_encapsulation);
	ck_assert_mem_eq(&a->limits, &b->limits, sizeof(a->limits));
	ck_assert_mem_eq(&a->set_mark, &b->set_mark, sizeof(a->set_mark));
	ck_assert_uint_eq(a->if_id, b->if_id);
	ck_assert(xfrm_traffic_selector_equal(&a->selector, &b->selector));
	ck_assert_uint_eq(a->flags, b->flags);
	ck_assert_uint_eq(a->extra_flags, b->extra_flags);
	ck_assert_uint_eq(a->tfc_padding, b->tfc_padding);
	ck_assert_uint_eq(a->offload_interface, b->offload_interface);
	ck_assert_uint_eq(a->offload_flags, b->offload_flags);
	ck_assert_int_eq(a->processor.one, b->processor.one);
	ck_assert_uint_eq(a->processor.number, b->processor.number);
	ck_assert_uint_eq(a->direction, b->direction);
}

static void assert_state_survives(const struct xfrm_state *state)
{
	struct nl_msg *message = xfrm_build_state(XFRM_MSG_NEWSA, state, NULL);
	struct xfrm_state_status status;
	struct xfrm_state back;

	ck_assert_ptr_nonnull(message);
	ck_assert(xfrm_parse_state(nlmsg_hdr(message), &back, &status));
	assert_state_equal(state, &back);
	ck_assert(status.ours);
	xfrm_message_free(message);
}

START_TEST(state_survives_building_and_parsing)
{
	struct xfrm_state state = full_state();

	assert_state_survives(&state);
}
END_TEST

/* Processor 0 is one, too; and a window is refused by the kernel for packets that leave. */
START_TEST(outbound_state_of_the_first_processor_survives)
{
	struct xfrm_state state = full_state();

	state.processor.number = 0;
	state.direction = XFRM_DIRECTION_OUT;
	state.replay_window = 0;
	assert_state_survives(&state);
}
END_TEST

START_TEST(state_of_every_kind_of_algorithm_survives)
{
	struct xfrm_state state = { .id = { .destination = address("2001:db8::2", 0), .spi = 256 },
		.source = address("2001:db8::1", 0) };

	state.id.protocol = IPPROTO_ESP;
	state.aead = algorithm("rfc4106(gcm(aes))", 36, 128);
	assert_state_survives(&state);
	state.aead = (struct xfrm_algorithm){ 0 };
	state.encryption = algorithm("ecb(cipher_null)", 0, 0);
	state.integrity = algorithm("hmac(sha1)", 20, 0);
	state.replay_window = 32;
	assert_state_survives(&state);
	state.id.protocol = IPPROTO_AH;
	state.encryption = (struct xfrm_algorithm){ 0 };
	assert_state_survives(&state);
	state.id.protocol = IPPROTO_COMP;
	state.integrity = (struct xfrm_algorithm){ 0 };
	state.compression = algorithm("deflate", 0, 0);
	assert_state_survives(&state);
}
END_TEST

START_TEST(state_carries_counters_and_replay_over)
{
	struct xfrm_state state = full_state(), back;
	struct xfrm_state_status carry = { .bytes = 1, .packets = 2, .added = 3, .used = 4 },
				 status;
	struct nl_msg *message;

	carry.replay.sent = 0x100000005;
	carry.replay.received = 0x200000006;
	carry.replay.words = 32;
	carry.replay.bitmap[31] = 0xabcd;
	message = xfrm_build_state(XFRM_MSG_NEWSA, &state, &carry);
	ck_assert(xfrm_parse_state(nlmsg_hdr(message), &back, &status));
	ck_assert_mem_eq(&carry.replay, &status.replay, sizeof(carry.replay));
	ck_assert_uint_eq(status.bytes, 1);
	ck_assert_uint_eq(status.used, 4);
	xfrm_message_free(message);

	state.esn = false;
	state.replay_window = 32;
	carry.replay =
		(struct xfrm_replay){ .sent = 5, .received = 6, .words = 1, .bitmap = { 9 } };
	message = xfrm_build_state(XFRM_MSG_NEWSA, &state, &carry);
	ck_assert(xfrm_parse_state(nlmsg_hdr(message), &back, &status));
	ck_assert_mem_eq(&carry.replay, &status.replay, sizeof(carry.replay));
	xfrm_message_free(message);
}
END_TEST

START_TEST(state_that_does_not_fit_is_refused)
{
	struct xfrm_state state = full_state();

	state.replay_window = XFRM_REPLAY_WINDOW_MAX + 1;
	ck_assert_ptr_null(xfrm_build_state(XFRM_MSG_NEWSA, &state, NULL));
	state = full_state();
	state.encryption.name =
		"a name of sixty-four characters, which is one more than there can be";
	ck_assert_ptr_null(xfrm_build_state(XFRM_MSG_NEWSA, &state, NULL));
}
END_TEST

static struct xfrm_policy full_policy(void)
{
	return (struct xfrm_policy){
		.id = {
			.direction = XFRM_POLICY_FWD,
			.selector = full_state().selector,
			.mark = { 1, 2 },
			.if_id = 42,
		},
		.action = XFRM_POLICY_ALLOW,
		.flags = XFRM_POLICY_ICMP,
		.priority = 383615,
		.template_count = 2,
		.templates = {
			{
				.source = address("192.0.2.1", 0),
				.destination = address("192.0.2.2", 0),
				.protocol = IPPROTO_COMP,
				.mode = XFRM_MODE_TUNNEL,
				.reqid = 99,
				.optional = true,
			},
			{
				.spi = 0xc0000001,
				.protocol = IPPROTO_ESP,
				.mode = XFRM_MODE_TRANSPORT,
				.reqid = 99,
			},
		},
		.offload_interface = 1,
		.offload_flags = XFRM_OFFLOAD_PACKET,
	};
}

START_TEST(policy_survives_building_and_parsing)
{
	struct xfrm_policy policy = full_policy(), back;
	struct xfrm_policy_status status;
	struct nl_msg *message = xfrm_build_policy(XFRM_MSG_NEWPOLICY, &policy, 5);

	ck_assert_ptr_nonnull(message);
	ck_assert(xfrm_parse_policy(nlmsg_hdr(message), &back, &status));
	ck_assert(status.ours);
	ck_assert_uint_eq(status.index, 0x6c000000 | 5 << 3 | XFRM_POLICY_FWD);
	ck_assert_uint_eq(back.id.direction, policy.id.direction);
	ck_assert(xfrm_traffic_selector_equal(&back.id.selector, &policy.id.selector));
	ck_assert_uint_eq(back.id.mark.v, 1);
	ck_assert_uint_eq(back.id.mark.m, 2);
	ck_assert_uint_eq(back.id.if_id, 42);
	ck_assert_uint_eq(back.action, policy.action);
	ck_assert_uint_eq(back.flags, policy.flags);
	ck_assert_uint_eq(back.priority, policy.priority);
	ck_assert_uint_eq(back.template_count, 2);
	for (unsigned i = 0; i < 2; i++) {
		const struct xfrm_template *a = &policy.templates[i], *b = &back.templates[i];

		ck_assert(address_equal(&a->source, &b->source));
		ck_assert(address_equal(&a->destination, &b->destination));
		ck_assert_uint_eq(a->spi, b->spi);
		ck_assert_uint_eq(a->protocol, b->protocol);
		ck_assert_uint_eq(a->mode, b->mode);
		ck_assert_uint_eq(a->reqid, b->reqid);
		ck_assert_int_eq(a->optional, b->optional);
	}
	ck_assert_uint_eq(back.offload_interface, 1);
	ck_assert_uint_eq(back.offload_flags, XFRM_OFFLOAD_PACKET);
	xfrm_message_free(message);
}
END_TEST

/* Every shorter version of a message, in memory of exactly that size. */
static void assert_short_prefixes_refused(struct nl_msg *message, size_t fixed)
{
	const struct nlmsghdr *whole = nlmsg_hdr(message);

	for (size_t n = NLMSG_HDRLEN; n < whole->nlmsg_len; n++) {
		struct nlmsghdr *copy = malloc(n);
		struct xfrm_policy_status policy_status;
		struct xfrm_state_status status;
		struct xfrm_policy policy;
		struct xfrm_state state;
		struct xfrm_event event;

		memcpy(copy, whole, n);
		copy->nlmsg_len = (uint32_t)n;
		bool parsed = xfrm_parse_state(copy, &state, &status) ||
			      xfrm_parse_policy(copy, &policy, &policy_status) ||
			      xfrm_parse_event(copy, &event);
		if (n < NLMSG_HDRLEN + fixed)
			ck_assert(!parsed);
		free(copy);
	}
	xfrm_message_free(message);
}

START_TEST(short_messages_are_refused)
{
	struct xfrm_policy policy = full_policy();
	struct xfrm_state state = full_state();

	assert_short_prefixes_refused(
		xfrm_build_state(XFRM_MSG_NEWSA, &state, NULL), sizeof(struct xfrm_usersa_info));
	assert_short_prefixes_refused(xfrm_build_policy(XFRM_MSG_NEWPOLICY, &policy, 5),
		sizeof(struct xfrm_userpolicy_info));
}
END_TEST

START_TEST(states_that_contradict_themselves_are_refused)
{
	struct xfrm_state state = full_state(), back = { .reqid = 1 };
	struct nl_msg *message = xfrm_build_state(XFRM_MSG_NEWSA, &state, NULL);
	struct xfrm_usersa_info *info = nlmsg_data(nlmsg_hdr(message));
	struct xfrm_state_status status;

	struct nlattr *crypt = nlmsg_find_attr(nlmsg_hdr(message), sizeof(*info), XFRMA_ALG_CRYPT);
	struct xfrm_algo *algo = nla_data(crypt);
	algo->alg_key_len += 8;
	ck_assert(!xfrm_parse_state(nlmsg_hdr(message), &back, &status));
	algo->alg_key_len -= 8;
	memset(algo->alg_name, 'a', sizeof(algo->alg_name));
	ck_assert(!xfrm_parse_state(nlmsg_hdr(message), &back, &status));
	algo->alg_name[0] = '\0';
	info->family = 77;
	ck_assert(!xfrm_parse_state(nlmsg_hdr(message), &back, &status));
	info->family = AF_INET;
	info->sel.prefixlen_d = 33;
	ck_assert(!xfrm_parse_state(nlmsg_hdr(message), &back, &status));
	ck_assert_uint_eq(back.reqid, 1);
	info->sel.prefixlen_d = 24;
	ck_assert(xfrm_parse_state(nlmsg_hdr(message), &back, &status));
	xfrm_message_free(message);
}
END_TEST

START_TEST(acquire_is_read_with_reqid_and_if_id)
{
	struct xfrm_policy policy = full_policy();
	struct nl_msg *built = xfrm_build_policy(XFRM_MSG_NEWPOLICY, &policy, 5);
	struct xfrm_user_acquire fixed = { .id.proto = IPPROTO_ESP, .seq = 5 };
	struct nl_msg *message = nlmsg_alloc_simple(XFRM_MSG_ACQUIRE, 0);
	struct address peer = address("192.0.2.2", 0);
	uint32_t if_id = 42, processor = 1;
	struct xfrm_event event;

	memcpy(&fixed.policy, nlmsg_data(nlmsg_hdr(built)), sizeof(fixed.policy));
	fixed.policy.index = 17;
	memcpy(&fixed.id.daddr, peer.octets, 4);
	fixed.sel = fixed.policy.sel;
	fixed.sel.dport = htons(443);
	nlmsg_append(message, &fixed, sizeof(fixed), NLMSG_ALIGNTO);
	struct nlattr *templates =
		nlmsg_find_attr(nlmsg_hdr(built), sizeof(struct xfrm_userpolicy_info), XFRMA_TMPL);
	nla_put(message, XFRMA_TMPL, nla_len(templates), nla_data(templates));
	nla_put(message, XFRMA_IF_ID, 4, &if_id);
	ck_assert(xfrm_parse_event(nlmsg_hdr(message), &event));
	ck_assert_int_eq(event.kind, XFRM_EVENT_ACQUIRE);
	ck_assert(address_same_host(&event.acquire.destination, &peer));
	ck_assert_uint_eq(event.acquire.selector.destination.port, 443);
	ck_assert_uint_eq(event.acquire.reqid, 99);
	ck_assert_uint_eq(event.acquire.policy_index, 17);
	ck_assert_uint_eq(event.acquire.policy.if_id, 42);
	ck_assert_uint_eq(event.acquire.policy.direction, XFRM_POLICY_FWD);
	ck_assert(!event.acquire.processor.one);
	nla_put(message, XFRM_ATTRIBUTE_PROCESSOR, 4, &processor);
	ck_assert(xfrm_parse_event(nlmsg_hdr(message), &event));
	ck_assert(event.acquire.processor.one);
	ck_assert_uint_eq(event.acquire.processor.number, 1);
	xfrm_message_free(built);
	assert_short_prefixes_refused(message, sizeof(fixed));
}
END_TEST

START_TEST(expire_and_mapping_are_read)
{
	struct xfrm_state state = full_state();
	struct nl_msg *built = xfrm_build_state(XFRM_MSG_NEWSA, &state, NULL);
	struct xfrm_user_expire expire = { .hard = 1 };
	struct xfrm_user_mapping mapping = { .reqid = 99, .new_sport = htons(1234) };
	struct nl_msg *message = nlmsg_alloc_simple(XFRM_MSG_EXPIRE, 0);
	struct xfrm_event event;

	memcpy(&expire.state, nlmsg_data(nlmsg_hdr(built)), sizeof(expire.state));
	nlmsg_append(message, &expire, sizeof(expire), NLMSG_ALIGNTO);
	ck_assert(xfrm_parse_event(nlmsg_hdr(message), &event));
	ck_assert_int_eq(event.kind, XFRM_EVENT_EXPIRE);
	ck_assert(event.expire.hard);
	ck_assert_uint_eq(event.expire.id.spi, state.id.spi);
	ck_assert_uint_eq(event.expire.reqid, 99);
	assert_short_prefixes_refused(message, sizeof(expire));

	message = nlmsg_alloc_simple(XFRM_MSG_MAPPING, 0);
	mapping.id.family = AF_INET;
	mapping.id.spi = htonl(state.id.spi);
	nlmsg_append(message, &mapping, sizeof(mapping), NLMSG_ALIGNTO);
	ck_assert(xfrm_parse_event(nlmsg_hdr(message), &event));
	ck_assert_int_eq(event.kind, XFRM_EVENT_MAPPING);
	ck_assert_uint_eq(event.mapping.id.spi, state.id.spi);
	ck_assert_uint_eq(event.mapping.new_source.port, 1234);
	assert_short_prefixes_refused(message, sizeof(mapping));
	xfrm_message_free(built);
}
END_TEST

/* As a kernel with NETLINK_CAP_ACK and NETLINK_EXT_ACK answers. */
static struct nl_msg *error_message(int number, const char *words, uint32_t offset)
{
	struct nl_msg *message = nlmsg_alloc_simple(NLMSG_ERROR, NLM_F_CAPPED | NLM_F_ACK_TLVS);
	struct nlmsgerr fixed = { .error = -number };

	nlmsg_append(message, &fixed, sizeof(fixed), NLMSG_ALIGNTO);
	nla_put_string(message, NLMSGERR_ATTR_MSG, words);
	nla_put_u32(message, NLMSGERR_ATTR_OFFS, offset);
	return message;
}

START_TEST(kernel_error_is_read_with_its_words)
{
	struct nl_msg *message = error_message(EPROTONOSUPPORT, "Requested type not found", 16);
	const struct nlmsghdr *whole = nlmsg_hdr(message);
	struct xfrm_error error;

	ck_assert(xfrm_parse_error(whole, &error));
	ck_assert_int_eq(error.number, EPROTONOSUPPORT);
	ck_assert_str_eq(error.text, "Requested type not found");
	ck_assert_uint_eq(error.offset, 16);
	for (size_t n = NLMSG_HDRLEN; n < whole->nlmsg_len; n++) {
		struct nlmsghdr *copy = malloc(n);

		memcpy(copy, whole, n);
		copy->nlmsg_len = (uint32_t)n;
		if (n < NLMSG_HDRLEN + sizeof(struct nlmsgerr))
			ck_assert(!xfrm_parse_error(copy, &error));
		else
			ck_assert(xfrm_parse_error(copy, &error));
		free(copy);
	}
	xfrm_message_free(message);
}
END_TEST

START_TEST(attribute_of_an_error_is_named)
{
	struct xfrm_state state = full_state();
	struct nl_msg *message = xfrm_build_state(XFRM_MSG_NEWSA, &state, NULL);
	struct nlmsghdr *request = nlmsg_hdr(message);
	struct nlattr *found =
		nlmsg_find_attr(request, sizeof(struct xfrm_usersa_info), XFRMA_ENCAP);
	char text[XFRM_ATTRIBUTE_TEXT_MAX];

	unsigned at = xfrm_attribute_at(request, (uint32_t)((uint8_t *)found - (uint8_t *)request));
	ck_assert_str_eq(xfrm_attribute_format(at, text), "XFRMA_ENCAP");
	ck_assert_uint_eq(xfrm_attribute_at(request, 3), 0);
	ck_assert_uint_eq(xfrm_attribute_at(request, 1 << 20), 0);
	ck_assert_str_eq(xfrm_attribute_format(77, text), "XFRMA_77");
	xfrm_message_free(message);
}
END_TEST

/* Observed with strongSwan 5.9.8 and `ip xfrm policy`; class child from tunnels in the lab. */
START_TEST(priorities_are_those_of_strongswan)
{
	static const struct {
		const char *source, *destination;
		uint8_t source_prefix, destination_prefix, protocol;
		uint16_t source_mask, destination_mask;
		uint32_t pass, child, trap, drop;
	} observed[] = {
		{ "10.1.0.0", "10.2.0.0", 16, 16, 0, 0, 0, 183615, 383615, 383616, 583615 },
		{ "0.0.0.0", "0.0.0.0", 0, 0, 0, 0, 0, 199999, 399999, 400000, 599999 },
		{ "10.1.0.1", "10.2.0.1", 32, 32, 0, 0, 0, 167231, 367231, 367232, 567231 },
		{ "10.1.0.0", "10.2.0.0", 16, 16, 6, 0, 0, 183359, 383359, 383360, 583359 },
		{ "10.1.0.0", "10.2.0.0", 16, 16, 6, 0xffff, 0, 183295, 383295, 383296, 583295 },
		{ "10.1.0.0", "10.2.0.0", 16, 16, 6, 0xffff, 0xffff, 183231, 383231, 383232,
			583231 },
		{ "10.1.0.0", "10.2.0.0", 16, 16, 6, 0xfc00, 0, 183335, 383335, 383336, 583335 },
		{ "10.1.0.0", "10.2.0.0", 16, 16, 6, 0xfff8, 0, 183307, 383307, 383308, 583307 },
		{ "10.1.0.0", "10.2.0.0", 16, 16, 0, 0xffff, 0, 183551, 383551, 383552, 583551 },
		{ "fd01::", "fd02::", 48, 64, 0, 0, 0, 142655, 342655, 342656, 542655 },
		{ "fd01::1", "fd02::1", 128, 128, 0, 0, 0, 68927, 268927, 268928, 468927 },
		{ "fd01::", "fd02::", 64, 64, 6, 0xffff, 0xffff, 134079, 334079, 334080, 534079 },
	};

	for (size_t i = 0; i < sizeof(observed) / sizeof(observed[0]); i++) {
		struct xfrm_traffic_selector selector = {
			.source = address(observed[i].source, 0),
			.destination = address(observed[i].destination, 0),
			.source_prefix = observed[i].source_prefix,
			.destination_prefix = observed[i].destination_prefix,
			.protocol = observed[i].protocol,
			.source_port_mask = observed[i].source_mask,
			.destination_port_mask = observed[i].destination_mask,
		};

		ck_assert_uint_eq(
			xfrm_policy_priority(XFRM_CLASS_PASS, &selector), observed[i].pass);
		ck_assert_uint_eq(
			xfrm_policy_priority(XFRM_CLASS_CHILD, &selector), observed[i].child);
		ck_assert_uint_eq(
			xfrm_policy_priority(XFRM_CLASS_TRAP, &selector), observed[i].trap);
		ck_assert_uint_eq(
			xfrm_policy_priority(XFRM_CLASS_FALLBACK, &selector), observed[i].drop);
	}
	struct xfrm_traffic_selector bound = {
		.source_prefix = 16, .destination_prefix = 16, .interface = 1
	};
	ck_assert_uint_eq(xfrm_policy_priority(XFRM_CLASS_TRAP, &bound), 383614);
}
END_TEST

START_TEST(selector_is_formatted)
{
	struct xfrm_traffic_selector selector = full_state().selector;
	char text[XFRM_TRAFFIC_TEXT_MAX];

	ck_assert_str_eq(xfrm_traffic_selector_format(&selector, text),
		"10.1.0.0/16 === 10.2.0.0/24 protocol 6 ports 0/0 80/65535");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("libxfrm");
	TCase *tcase = tcase_create("messages");

	tcase_add_test(tcase, state_survives_building_and_parsing);
	tcase_add_test(tcase, outbound_state_of_the_first_processor_survives);
	tcase_add_test(tcase, state_of_every_kind_of_algorithm_survives);
	tcase_add_test(tcase, state_carries_counters_and_replay_over);
	tcase_add_test(tcase, state_that_does_not_fit_is_refused);
	tcase_add_test(tcase, policy_survives_building_and_parsing);
	tcase_add_test(tcase, short_messages_are_refused);
	tcase_add_test(tcase, states_that_contradict_themselves_are_refused);
	tcase_add_test(tcase, acquire_is_read_with_reqid_and_if_id);
	tcase_add_test(tcase, expire_and_mapping_are_read);
	tcase_add_test(tcase, kernel_error_is_read_with_its_words);
	tcase_add_test(tcase, attribute_of_an_error_is_named);
	tcase_add_test(tcase, priorities_are_those_of_strongswan);
	tcase_add_test(tcase, selector_is_formatted);
	suite_add_tcase(suite, tcase);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
