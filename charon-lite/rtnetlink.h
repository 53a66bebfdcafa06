/*
 * Requests to the kernel's rtnetlink: one at a time, answered before the call returns.
 *
 * Routes are asked for one by one or by a table of our own, never all of them: a router may have
 * a million. Thread rule: belongs to the loop's thread.
 */
#ifndef CHARON_LITE_RTNETLINK_H
#define CHARON_LITE_RTNETLINK_H

#include "libbase/address.h"
#include "libbase/why.h"

#include <netlink/msg.h>
#include <netlink/socket.h>

/* NULL with why. To be freed with nl_socket_free(). */
struct nl_sock *cl_rtnetlink_open(struct why *why);

/* Called for each message of an answer. */
typedef void cl_rtnetlink_answer(void *context, struct nlmsghdr *message);

/*
 * Sends the request, hands over what is answered (answer may be NULL) and frees the request, which
 * may be NULL: it could not be built. Returns 0 or the errno that the kernel or the socket gave;
 * EAGAIN for a dump that was overtaken by changes.
 */
int cl_rtnetlink_ask(
	struct nl_sock *sock, struct nl_msg *request, cl_rtnetlink_answer *answer, void *context);

/* A request with its fixed part; NULL without memory. */
struct nl_msg *cl_rtnetlink_request(int type, int flags, const void *fixed, size_t length);

/* An attribute with an address; false when it does not fit. */
MUST_USE bool cl_rtnetlink_put_address(struct nl_msg *request, int type, const struct address *a);

/* An attribute's address (no port, no scope); false when there is none or it makes no sense. */
MUST_USE bool cl_rtnetlink_address(const struct nlattr *attribute, struct address *ret);

#endif
