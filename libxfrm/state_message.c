/* The messages about states. */
#include "libxfrm/convert_priv.h"
#include "libxfrm/message.h"

#include <arpa/inet.h>
#include <linux/udp.h>
#include <stdlib.h>

/* struct xfrm_algo, _auth and _aead begin alike: a name of 64 octets and the key's length in
 * bits; the latter two go on with a number of bits. The key follows. */
enum { ALGORITHM_NAME = 64, ALGORITHM_FIXED = ALGORITHM_NAME + 4 };

/* What the kernel keeps and nobody reads, once a state is installed: our mark, see xfrm.h. The
 * kernel hashes by it, so the lower half differs. */
#define OWNER_SEQUENCE 0x6c690000u

static bool algorithm_put(struct nl_msg *message, int attribute,
	const struct xfrm_algorithm *algorithm, bool with_bits)
{
	size_t fixed = ALGORITHM_FIXED + (with_bits ? 4 : 0);
	uint32_t key_bits = (uint32_t)algorithm->key.length * 8;
	uint32_t bits = algorithm->bits;

	if (!algorithm->name)
		return true;
	if (strlen(algorithm->name) >= ALGORITHM_NAME || algorithm->key.length > 512)
		return false;
	struct nlattr *reserved =
		nla_reserve(message, attribute, (int)(fixed + algorithm->key.length));
	if (!reserved)
		return false;
	uint8_t *at = nla_data(reserved);
	memset(at, 0, fixed);
	memcpy(at, algorithm->name, strlen(algorithm->name));
	memcpy(at + ALGORITHM_NAME, &key_bits, 4);
	if (with_bits)
		memcpy(at + ALGORITHM_FIXED, &bits, 4);
	bytes_copy(at + fixed, algorithm->key);
	return true;
}

static bool algorithm_get(
	const struct nlattr *attribute, bool with_bits, struct xfrm_algorithm *ret)
{
	size_t fixed = ALGORITHM_FIXED + (with_bits ? 4 : 0);
	uint32_t key_bits, bits = 0;

	if (!attribute)
		return true;
	const uint8_t *at = nla_data(attribute);
	size_t length = (size_t)nla_len(attribute);
	if (length < fixed || !memchr(at, 0, ALGORITHM_NAME))
		return false;
	memcpy(&key_bits, at + ALGORITHM_NAME, 4);
	if (with_bits)
		memcpy(&bits, at + ALGORITHM_FIXED, 4);
	if (key_bits % 8 != 0 || key_bits / 8 > length - fixed || bits > UINT16_MAX)
		return false;
	*ret = (struct xfrm_algorithm){
		.name = (const char *)at,
		.key = bytes_of(at + fixed, key_bits / 8),
		.bits = (uint16_t)bits,
	};
	return true;
}

static bool algorithms_put(struct nl_msg *message, const struct xfrm_state *state)
{
	const struct xfrm_algorithm *integrity = &state->integrity;

	return algorithm_put(message, XFRMA_ALG_AEAD, &state->aead, true) &&
	       algorithm_put(message, XFRMA_ALG_CRYPT, &state->encryption, false) &&
	       algorithm_put(message, integrity->bits ? XFRMA_ALG_AUTH_TRUNC : XFRMA_ALG_AUTH,
		       integrity, integrity->bits != 0) &&
	       algorithm_put(message, XFRMA_ALG_COMP, &state->compression, false);
}

static bool algorithms_get(struct nlattr *const *attributes, struct xfrm_state *ret)
{
	const struct nlattr *truncated = attributes[XFRMA_ALG_AUTH_TRUNC];

	/* the kernel shows an integrity algorithm in both forms */
	return algorithm_get(attributes[XFRMA_ALG_AEAD], true, &ret->aead) &&
	       algorithm_get(attributes[XFRMA_ALG_CRYPT], false, &ret->encryption) &&
	       algorithm_get(truncated ? truncated : attributes[XFRMA_ALG_AUTH], truncated != NULL,
		       &ret->integrity) &&
	       algorithm_get(attributes[XFRMA_ALG_COMP], false, &ret->compression);
}

/* A plain window fits the fixed part; ESN and windows beyond 32 need the long form. */
static bool replay_is_long(const struct xfrm_state *state)
{
	return state->esn || state->replay_window > 32;
}

static bool replay_put_long(
	struct nl_msg *message, const struct xfrm_state *state, const struct xfrm_replay *replay)
{
	/* told that it is for packets that leave, the kernel takes none */
	bool none = state->direction == XFRM_DIRECTION_OUT;
	uint32_t window = state->replay_window || none ? state->replay_window : 1;
	uint32_t words = (window + 31) / 32;
	struct xfrm_replay_state_esn fixed = {
		.bmp_len = words,
		.replay_window = window,
		.oseq = replay ? (uint32_t)replay->sent : 0,
		.oseq_hi = replay ? (uint32_t)(replay->sent >> 32) : 0,
		.seq = replay ? (uint32_t)replay->received : 0,
		.seq_hi = replay ? (uint32_t)(replay->received >> 32) : 0,
	};

	if (window > XFRM_REPLAY_WINDOW_MAX)
		return false;
	struct nlattr *reserved = nla_reserve(
		message, XFRMA_REPLAY_ESN_VAL, (int)(sizeof(fixed) + words * sizeof(uint32_t)));
	if (!reserved)
		return false;
	uint8_t *at = nla_data(reserved);
	memcpy(at, &fixed, sizeof(fixed));
	memset(at + sizeof(fixed), 0, words * sizeof(uint32_t));
	if (replay) /* bits have places that depend on the number of words */
		memcpy(at + sizeof(fixed), replay->bitmap,
			(replay->words == words ? words : 0) * sizeof(uint32_t));
	return true;
}

static bool replay_put(struct nl_msg *message, const struct xfrm_state *state,
	const struct xfrm_state_status *carry)
{
	if (replay_is_long(state))
		return replay_put_long(message, state, carry ? &carry->replay : NULL);
	if (!carry)
		return true;
	struct xfrm_replay_state value = {
		.oseq = (uint32_t)carry->replay.sent,
		.seq = (uint32_t)carry->replay.received,
		.bitmap = carry->replay.bitmap[0],
	};
	return nla_put(message, XFRMA_REPLAY_VAL, sizeof(value), &value) == 0;
}

static bool replay_get_long(
	const struct nlattr *attribute, struct xfrm_state *ret, struct xfrm_replay *ret_replay)
{
	struct xfrm_replay_state_esn fixed;
	size_t length =
		(size_t)nla_len(attribute) - sizeof(fixed); /* not below: the policy's minlen */

	memcpy(&fixed, nla_data(attribute), sizeof(fixed));
	if (fixed.bmp_len > XFRM_REPLAY_WINDOW_MAX / 32 ||
		fixed.bmp_len * sizeof(uint32_t) > length ||
		fixed.replay_window > fixed.bmp_len * 32)
		return false;
	ret->replay_window = fixed.replay_window;
	ret_replay->sent = (uint64_t)fixed.oseq_hi << 32 | fixed.oseq;
	ret_replay->received = (uint64_t)fixed.seq_hi << 32 | fixed.seq;
	ret_replay->words = fixed.bmp_len;
	memcpy(ret_replay->bitmap, (const uint8_t *)nla_data(attribute) + sizeof(fixed),
		fixed.bmp_len * sizeof(uint32_t));
	return true;
}

static bool replay_get(
	struct nlattr *const *attributes, struct xfrm_state *ret, struct xfrm_replay *ret_replay)
{
	struct xfrm_replay_state value;

	if (attributes[XFRMA_REPLAY_ESN_VAL])
		return replay_get_long(attributes[XFRMA_REPLAY_ESN_VAL], ret, ret_replay);
	xfrm_get_or_zero(attributes[XFRMA_REPLAY_VAL], &value, sizeof(value));
	ret_replay->sent = value.oseq;
	ret_replay->received = value.seq;
	ret_replay->bitmap[0] = value.bitmap;
	ret_replay->words = 1;
	return true;
}

static bool encapsulation_put(struct nl_msg *message, const struct xfrm_state *state)
{
	struct xfrm_encap_tmpl value = {
		.encap_type = UDP_ENCAP_ESPINUDP,
		.encap_sport = htons(state->source.port),
		.encap_dport = htons(state->id.destination.port),
	};

	return !state->udp_encapsulation ||
	       nla_put(message, XFRMA_ENCAP, sizeof(value), &value) == 0;
}

static void encapsulation_get(const struct nlattr *attribute, struct xfrm_state *ret)
{
	struct xfrm_encap_tmpl value;

	if (!attribute)
		return;
	xfrm_get_or_zero(attribute, &value, sizeof(value));
	ret->udp_encapsulation = true;
	ret->source.port = ntohs(value.encap_sport);
	ret->id.destination.port = ntohs(value.encap_dport);
}

static bool counters_put(struct nl_msg *message, const struct xfrm_state_status *carry)
{
	if (!carry)
		return true;
	struct xfrm_lifetime_cur value = {
		.bytes = carry->bytes,
		.packets = carry->packets,
		.add_time = carry->added,
		.use_time = carry->used,
	};
	return nla_put(message, XFRMA_LTIME_VAL, sizeof(value), &value) == 0;
}

static bool processor_put(struct nl_msg *message, const struct xfrm_state *state)
{
	return (state->direction == 0 ||
		       nla_put_u8(message, XFRM_ATTRIBUTE_DIRECTION, state->direction) == 0) &&
	       (!state->processor.one || nla_put_u32(message, XFRM_ATTRIBUTE_PROCESSOR,
						 state->processor.number) == 0);
}

static bool extras_put(struct nl_msg *message, const struct xfrm_state *state)
{
	/* of eight octets, the last three are padding: no initializer, so that they are zero */
	struct xfrm_user_offload offload;

	memset(&offload, 0, sizeof(offload));
	offload.ifindex = (int)state->offload_interface;
	offload.flags = state->offload_flags;
	return xfrm_put_unless_zero(message, XFRMA_MARK, &state->id.mark, sizeof(state->id.mark)) &&
	       xfrm_put_unless_zero(message, XFRMA_SET_MARK, &state->set_mark.v, 4) &&
	       xfrm_put_unless_zero(message, XFRMA_SET_MARK_MASK, &state->set_mark.m, 4) &&
	       xfrm_put_unless_zero(message, XFRMA_IF_ID, &state->if_id, 4) &&
	       xfrm_put_unless_zero(message, XFRMA_TFCPAD, &state->tfc_padding, 4) &&
	       xfrm_put_unless_zero(message, XFRMA_SA_EXTRA_FLAGS, &state->extra_flags, 4) &&
	       processor_put(message, state) &&
	       (state->offload_interface == 0 ||
		       nla_put(message, XFRMA_OFFLOAD_DEV, sizeof(offload), &offload) == 0);
}

static void extras_get(struct nlattr *const *attributes, struct xfrm_state *ret)
{
	struct xfrm_user_offload offload;

	xfrm_get_or_zero(attributes[XFRMA_MARK], &ret->id.mark, sizeof(ret->id.mark));
	xfrm_get_or_zero(attributes[XFRMA_SET_MARK], &ret->set_mark.v, 4);
	xfrm_get_or_zero(attributes[XFRMA_SET_MARK_MASK], &ret->set_mark.m, 4);
	xfrm_get_or_zero(attributes[XFRMA_IF_ID], &ret->if_id, 4);
	xfrm_get_or_zero(attributes[XFRMA_TFCPAD], &ret->tfc_padding, 4);
	xfrm_get_or_zero(attributes[XFRMA_SA_EXTRA_FLAGS], &ret->extra_flags, 4);
	xfrm_get_or_zero(attributes[XFRMA_OFFLOAD_DEV], &offload, sizeof(offload));
	xfrm_get_or_zero(
		attributes[XFRM_ATTRIBUTE_DIRECTION], &ret->direction, sizeof(ret->direction));
	ret->processor = xfrm_processor_get(attributes[XFRM_ATTRIBUTE_PROCESSOR]);
	ret->offload_interface = (uint32_t)offload.ifindex;
	ret->offload_flags = offload.flags;
}

static uint64_t limit_to_kernel(uint64_t limit)
{
	return limit ? limit : XFRM_INF;
}

static uint64_t limit_from_kernel(uint64_t limit)
{
	return limit == XFRM_INF ? 0 : limit;
}

static void state_to_kernel(const struct xfrm_state *state, struct xfrm_usersa_info *ret)
{
	memset(ret, 0, sizeof(*ret)); /* padding included */
	xfrm_address_to_kernel(&state->source, &ret->saddr);
	xfrm_address_to_kernel(&state->id.destination, &ret->id.daddr);
	ret->id.spi = htonl(state->id.spi);
	ret->id.proto = state->id.protocol;
	ret->family = state->id.destination.family;
	ret->mode = state->mode;
	ret->reqid = state->reqid;
	ret->seq = OWNER_SEQUENCE | (state->id.spi & 0xffff);
	ret->flags = state->flags | (state->esn ? XFRM_STATE_ESN : 0);
	if (!replay_is_long(state))
		ret->replay_window = (uint8_t)state->replay_window;
	xfrm_selector_to_kernel(&state->selector, &ret->sel);
	ret->lft.soft_byte_limit = limit_to_kernel(state->limits.soft_bytes);
	ret->lft.hard_byte_limit = limit_to_kernel(state->limits.hard_bytes);
	ret->lft.soft_packet_limit = limit_to_kernel(state->limits.soft_packets);
	ret->lft.hard_packet_limit = limit_to_kernel(state->limits.hard_packets);
	ret->lft.soft_add_expires_seconds = state->limits.soft_seconds;
	ret->lft.hard_add_expires_seconds = state->limits.hard_seconds;
}

bool xfrm_state_from_kernel(const struct xfrm_usersa_info *info, struct xfrm_state *ret)
{
	struct xfrm_state state = {
		.id = {
			.destination = xfrm_address_from_kernel(info->family, &info->id.daddr, 0),
			.spi = ntohl(info->id.spi),
			.protocol = info->id.proto,
		},
		.source = xfrm_address_from_kernel(info->family, &info->saddr, 0),
		.mode = info->mode,
		.reqid = info->reqid,
		.esn = (info->flags & XFRM_STATE_ESN) != 0,
		.replay_window = info->replay_window,
		.flags = info->flags & (uint8_t)~XFRM_STATE_ESN,
		.limits = {
			.soft_bytes = limit_from_kernel(info->lft.soft_byte_limit),
			.hard_bytes = limit_from_kernel(info->lft.hard_byte_limit),
			.soft_packets = limit_from_kernel(info->lft.soft_packet_limit),
			.hard_packets = limit_from_kernel(info->lft.hard_packet_limit),
			.soft_seconds = info->lft.soft_add_expires_seconds,
			.hard_seconds = info->lft.hard_add_expires_seconds,
		},
	};

	if (state.source.family == 0 || !xfrm_selector_from_kernel(&info->sel, &state.selector))
		return false;
	*ret = state;
	return true;
}

struct nl_msg *xfrm_build_state(
	int type, const struct xfrm_state *state, const struct xfrm_state_status *carry)
{
	struct xfrm_usersa_info info;

	state_to_kernel(state, &info);
	struct nl_msg *message = xfrm_request_new(type, &info, sizeof(info));
	return xfrm_request_finish(message,
		message && algorithms_put(message, state) && encapsulation_put(message, state) &&
			replay_put(message, state, carry) && counters_put(message, carry) &&
			extras_put(message, state));
}

struct nl_msg *xfrm_build_state_id(int type, const struct xfrm_state_id *id)
{
	struct xfrm_usersa_id fixed;

	xfrm_state_id_to_kernel(id, &fixed);
	struct nl_msg *message = xfrm_request_new(type, &fixed, sizeof(fixed));
	return xfrm_request_finish(message,
		message && xfrm_put_unless_zero(message, XFRMA_MARK, &id->mark, sizeof(id->mark)));
}

struct nl_msg *xfrm_build_spi_allocation(
	const struct xfrm_state *larval, uint32_t lowest, uint32_t highest)
{
	struct xfrm_userspi_info fixed;

	memset(&fixed, 0, sizeof(fixed));
	state_to_kernel(larval, &fixed.info);
	fixed.info.id.spi = 0;
	fixed.info.seq = 0; /* here it would name an acquire */
	fixed.min = lowest;
	fixed.max = highest;
	struct nl_msg *message = xfrm_request_new(XFRM_MSG_ALLOCSPI, &fixed, sizeof(fixed));
	return xfrm_request_finish(message, message && extras_put(message, larval));
}

bool xfrm_parse_state(const struct nlmsghdr *message, struct xfrm_state *ret_state,
	struct xfrm_state_status *ret_status)
{
	struct nlattr *attributes[XFRM_ATTRIBUTE_MAX + 1];
	struct xfrm_usersa_info info;
	struct xfrm_lifetime_cur carried;
	struct xfrm_state state;

	if ((message->nlmsg_type != XFRM_MSG_NEWSA && message->nlmsg_type != XFRM_MSG_UPDSA) ||
		!xfrm_get_fixed(message, &info, sizeof(info)) ||
		!xfrm_get_attributes(message, sizeof(info), attributes) ||
		!xfrm_state_from_kernel(&info, &state) || !algorithms_get(attributes, &state))
		return false;
	/* requests that carry counters over have them in an attribute, answers in the fixed part */
	xfrm_get_or_zero(attributes[XFRMA_LTIME_VAL], &carried, sizeof(carried));
	if (!attributes[XFRMA_LTIME_VAL])
		carried = info.curlft;
	struct xfrm_state_status status = {
		.ours = (info.seq & 0xffff0000u) == OWNER_SEQUENCE,
		.reqid = info.reqid,
		.bytes = carried.bytes,
		.packets = carried.packets,
		.added = carried.add_time,
		.used = carried.use_time,
		.replayed = info.stats.replay,
		.outside_window = info.stats.replay_window,
		.integrity_failures = info.stats.integrity_failed,
	};
	if (!replay_get(attributes, &state, &status.replay))
		return false;
	xfrm_get_or_zero(attributes[XFRMA_LASTUSED], &status.last_used, sizeof(status.last_used));
	encapsulation_get(attributes[XFRMA_ENCAP], &state);
	extras_get(attributes, &state);
	status.offload_interface = state.offload_interface;
	*ret_state = state;
	*ret_status = status;
	return true;
}
