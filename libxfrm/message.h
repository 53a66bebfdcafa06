/*
 * Netlink messages of XFRM, as pure functions: built from plain data, parsed into plain data.
 *
 * No sockets here, so tests and fuzzers need neither root nor a kernel. Messages that come in
 * must start at a multiple of four octets, as malloc and arrays of uint32_t give; whatever
 * their content, parsing reads inside the given length only. Parsed structures borrow names and
 * keys from the message.
 */
#ifndef LIBXFRM_MESSAGE_H
#define LIBXFRM_MESSAGE_H

#include "libxfrm/event.h"
#include "libxfrm/policy.h"
#include "libxfrm/state.h"

struct nl_msg;
struct nlmsghdr;

/*
 * Builders: a request with flags NLM_F_REQUEST|NLM_F_ACK, sequence number still 0. NULL when
 * memory ran out or something does not fit (name longer than 63 characters, window beyond
 * XFRM_REPLAY_WINDOW_MAX).
 */

/* type: XFRM_MSG_NEWSA or XFRM_MSG_UPDSA. carry: counters and replay state that the state
 * starts with, or NULL for zero. */
struct nl_msg *xfrm_build_state(
	int type, const struct xfrm_state *state, const struct xfrm_state_status *carry);

/* type: XFRM_MSG_GETSA or XFRM_MSG_DELSA. */
struct nl_msg *xfrm_build_state_id(int type, const struct xfrm_state_id *id);

struct nl_msg *xfrm_build_spi_allocation(
	const struct xfrm_state *larval, uint32_t lowest, uint32_t highest);

/* type: XFRM_MSG_NEWPOLICY or XFRM_MSG_UPDPOLICY. number: for its index, which the kernel
 * replaces if another policy has it; the lower 21 bits count. */
struct nl_msg *xfrm_build_policy(int type, const struct xfrm_policy *policy, uint32_t number);
uint32_t xfrm_policy_number(uint32_t index);

/* type: XFRM_MSG_GETPOLICY or XFRM_MSG_DELPOLICY. */
struct nl_msg *xfrm_build_policy_id(int type, const struct xfrm_policy_id *id);

/* type: XFRM_MSG_GETSA or XFRM_MSG_GETPOLICY, for all of them. */
struct nl_msg *xfrm_build_dump(int type);

/* Wipes and frees. NULL is fine. */
void xfrm_message_free(struct nl_msg *message);

/*
 * Parsers: `message` is one that lies wholly in its buffer (nlmsg_ok). False when it is of
 * another type, too short, or contradicts itself; outputs are then untouched.
 */

/* XFRM_MSG_NEWSA, XFRM_MSG_UPDSA: what the kernel answers and what the builder makes. */
MUST_USE bool xfrm_parse_state(const struct nlmsghdr *message, struct xfrm_state *ret_state,
	struct xfrm_state_status *ret_status);

/* XFRM_MSG_NEWPOLICY, XFRM_MSG_UPDPOLICY. Policies of sockets are refused. */
MUST_USE bool xfrm_parse_policy(const struct nlmsghdr *message, struct xfrm_policy *ret_policy,
	struct xfrm_policy_status *ret_status);

/* XFRM_MSG_ACQUIRE, _EXPIRE, _MAPPING, _POLEXPIRE. */
MUST_USE bool xfrm_parse_event(const struct nlmsghdr *message, struct xfrm_event *ret);

/* What a request was answered with. */
struct xfrm_error {
	int number;         /* errno, 0: acknowledged */
	char text[128];     /* the kernel's own words, or empty */
	uint32_t offset;    /* of the attribute it dislikes, from the request's start; 0: none */
	uint16_t attribute; /* missing altogether: XFRMA_*, 0: none (Linux 6.1) */
};

/* NLMSG_ERROR and NLMSG_DONE. */
MUST_USE bool xfrm_parse_error(const struct nlmsghdr *message, struct xfrm_error *ret);

/* "XFRMA_ALG_CRYPT", "XFRMA_34". */
#define XFRM_ATTRIBUTE_TEXT_MAX 32
char *xfrm_attribute_format(unsigned attribute, char text[XFRM_ATTRIBUTE_TEXT_MAX]);

/* The type of the attribute at that offset into a request, 0: none there. */
unsigned xfrm_attribute_at(const struct nlmsghdr *request, uint32_t offset);

#endif
