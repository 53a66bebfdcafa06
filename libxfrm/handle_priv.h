/*
 * The handle: two netlink sockets, and what is ours.
 */
#ifndef LIBXFRM_HANDLE_PRIV_H
#define LIBXFRM_HANDLE_PRIV_H

#include "libxfrm/message.h"
#include "libxfrm/xfrm.h"

#include <netlink/msg.h>
#include <netlink/socket.h>

struct owned_state;
struct owned_policy;

struct xfrm_handle {
	struct nl_sock *requests;
	struct nl_sock *events;
	struct owned_state *states;
	struct owned_policy *policies;
	uint32_t policy_number; /* of the last one, for its index */
	uint32_t *buffer;       /* of XFRM_RECEIVE_MAX octets, for what comes in; wiped after use */
};

/* the kernel's dumps come in parts of at most 32 KiB */
#define XFRM_RECEIVE_MAX 65536

/*
 * Sends a request and waits for its end. answer (or NULL) gets every message before that. False
 * when the socket failed; what the kernel said is in *ret, to be asked for its number.
 */
MUST_USE bool xfrm_exchange(struct xfrm_handle *handle, struct nl_msg *request,
	void (*answer)(void *context, const struct nlmsghdr *message), void *context,
	struct xfrm_error *ret, struct why *why);

/* The same in parts: sends it, and gives each part of the answer to `answer`. *ret_ended: that was
 * the last one, and what the kernel said at its end is in *ret. */
MUST_USE bool xfrm_exchange_begin(struct xfrm_handle *handle, struct nl_msg *request,
	uint32_t *ret_sequence, struct why *why);
MUST_USE bool xfrm_exchange_some(struct xfrm_handle *handle, uint32_t sequence,
	void (*answer)(void *context, const struct nlmsghdr *message), void *context,
	bool *ret_ended, struct xfrm_error *ret, struct why *why);

/* For xfrm_listing_begin() and the like: a dump by that request (XFRM_MSG_GETSA), and a part of
 * what it gives. */
struct xfrm_listing;
struct xfrm_listing *xfrm_listing_of(int type, struct why *why);
MUST_USE bool xfrm_listing_next(struct xfrm_listing *listing,
	void (*answer)(void *context, const struct nlmsghdr *message), void *context,
	bool *ret_more, struct why *why);

/* Only for requests: nothing is heard of events. NULL with a reason. */
struct xfrm_handle *xfrm_open_requests(struct why *why);

/*
 * The same with words for what the kernel said, and frees the request (NULL: could not be
 * built). state: the one to be installed, else NULL.
 */
MUST_USE enum xfrm_result xfrm_request(struct xfrm_handle *handle, struct nl_msg *request,
	const struct xfrm_state *state,
	void (*answer)(void *context, const struct nlmsghdr *message), void *context,
	struct why *why);

/* False without memory. */
MUST_USE bool xfrm_owned_state_add(struct xfrm_handle *handle, const struct xfrm_state_id *id);
void xfrm_owned_state_remove(struct xfrm_handle *handle, const struct xfrm_state_id *id);
MUST_USE bool xfrm_owned_policy_add(struct xfrm_handle *handle, const struct xfrm_policy_id *id);
void xfrm_owned_policy_remove(struct xfrm_handle *handle, const struct xfrm_policy_id *id);
void xfrm_owned_free(struct xfrm_handle *handle);

#endif
