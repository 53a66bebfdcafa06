/*
 * Between plain data and the kernel's structures, for the messages' builders and parsers.
 */
#ifndef LIBXFRM_CONVERT_PRIV_H
#define LIBXFRM_CONVERT_PRIV_H

#include "libxfrm/policy.h"

#include <netlink/attr.h>
#include <netlink/msg.h>

/* Later than our headers'. */
#define XFRM_ATTRIBUTE_MAX \
	(XFRMA_MAX > XFRM_ATTRIBUTE_PROCESSOR ? XFRMA_MAX : XFRM_ATTRIBUTE_PROCESSOR)

/* Validates every attribute that is read here; index: XFRMA_*. */
extern const struct nla_policy xfrm_attribute_policy[XFRM_ATTRIBUTE_MAX + 1];

void xfrm_address_to_kernel(const struct address *from, xfrm_address_t *ret);

/* family other than AF_INET and AF_INET6: an address of no family. */
struct address xfrm_address_from_kernel(uint16_t family, const xfrm_address_t *from, uint16_t port);

/* These three leave no octet of the result unwritten. */
void xfrm_selector_to_kernel(const struct xfrm_traffic_selector *from, struct xfrm_selector *ret);
void xfrm_state_id_to_kernel(const struct xfrm_state_id *from, struct xfrm_usersa_id *ret);
void xfrm_policy_id_to_kernel(const struct xfrm_policy_id *from, struct xfrm_userpolicy_id *ret);

/* False when a prefix is longer than its address or the family is unknown. */
MUST_USE bool xfrm_selector_from_kernel(
	const struct xfrm_selector *from, struct xfrm_traffic_selector *ret);

MUST_USE bool xfrm_state_id_from_kernel(
	const struct xfrm_usersa_id *from, struct xfrm_state_id *ret);

/* A request with its fixed part; NULL without memory. */
struct nl_msg *xfrm_request_new(int type, const void *fixed, size_t length);

/* The message when it is complete; else frees it, and NULL. */
struct nl_msg *xfrm_request_finish(struct nl_msg *message, bool complete);

/* Appends an attribute unless all of its octets are zero. */
MUST_USE bool xfrm_put_unless_zero(
	struct nl_msg *message, int attribute, const void *value, size_t length);

/* An attribute's octets, or zeros when it is not there. */
void xfrm_get_or_zero(const struct nlattr *attribute, void *ret, size_t length);

/* The fixed part of a message; false when it is shorter. */
MUST_USE bool xfrm_get_fixed(const struct nlmsghdr *message, void *ret, size_t length);

/* The attributes after a fixed part, validated. */
MUST_USE bool xfrm_get_attributes(
	const struct nlmsghdr *message, size_t fixed, struct nlattr *ret[XFRM_ATTRIBUTE_MAX + 1]);

struct xfrm_processor xfrm_processor_get(const struct nlattr *attribute);

/* The fixed part of XFRM_MSG_NEWSA, which XFRM_MSG_EXPIRE has too. */
MUST_USE bool xfrm_state_from_kernel(const struct xfrm_usersa_info *info, struct xfrm_state *ret);

/* The fixed part of XFRM_MSG_NEWPOLICY, which _ACQUIRE and _POLEXPIRE have too. */
MUST_USE bool xfrm_policy_from_kernel(
	const struct xfrm_userpolicy_info *info, struct xfrm_policy *ret);

#endif
