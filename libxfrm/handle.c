/* Opening, closing, and one request at a time. */
#include "libxfrm/handle_priv.h"

#include "libxfrm/error_priv.h"

#include "libbase/secret.h"

#include <errno.h>
#include <netlink/errno.h>
#include <netlink/netlink.h>
#include <stdlib.h>
#include <sys/time.h>

/* A burst of acquires must not push out an expire: a few thousand fit. */
enum { EVENT_QUEUE = 4 << 20 };

static struct nl_sock *socket_open(struct why *why)
{
	struct nl_sock *sock = nl_socket_alloc();
	int error;

	if (!sock) {
		why_fail(why, "no memory for a netlink socket");
		return NULL;
	}
	nl_socket_disable_auto_ack(sock); /* each message says itself whether it wants one */
	if ((error = nl_connect(sock, NETLINK_XFRM)) < 0) {
		why_fail(why, "cannot open a netlink socket for XFRM: %s%s", nl_geterror(error),
			error == -NLE_PROTO_MISMATCH || error == -NLE_AF_NOSUPPORT
				? " (the kernel lacks the module xfrm_user: modprobe xfrm_user)"
				: "");
		nl_socket_free(sock);
		return NULL;
	}
	return sock;
}

static bool requests_open(struct xfrm_handle *handle, struct why *why)
{
	const int on = 1;
	/* the kernel answers at once; this guards against one that does not */
	const struct timeval patience = { .tv_sec = 10 };

	if (!(handle->requests = socket_open(why)))
		return false;
	int fd = nl_socket_get_fd(handle->requests);
	/* errors in words, and none that carry our keys back; old kernels lack both */
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0)
		return why_fail(
			why, "cannot set a timeout on the XFRM socket: %s", strerror(errno));
	return true;
}

static bool events_open(struct xfrm_handle *handle, struct why *why)
{
	const int queue = EVENT_QUEUE;
	int error;

	if (!(handle->events = socket_open(why)))
		return false;
	if ((error = nl_socket_set_nonblocking(handle->events)) < 0 ||
		(error = nl_socket_add_memberships(handle->events, XFRMNLGRP_ACQUIRE,
			 XFRMNLGRP_EXPIRE, XFRMNLGRP_MAPPING, 0)) < 0)
		return why_fail(why, "cannot subscribe to XFRM events: %s", nl_geterror(error));
	int fd = nl_socket_get_fd(handle->events);
	/* beyond the system's limit with CAP_NET_ADMIN, else up to it */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &queue, sizeof(queue)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &queue, sizeof(queue));
	return true;
}

struct xfrm_handle *xfrm_open_requests(struct why *why)
{
	struct xfrm_handle *handle = calloc(1, sizeof(*handle));

	if (!handle || !(handle->buffer = malloc(XFRM_RECEIVE_MAX))) {
		free(handle);
		why_fail(why, "no memory for the XFRM handle");
		return NULL;
	}
	if (!requests_open(handle, why)) {
		xfrm_close(handle);
		return NULL;
	}
	return handle;
}

struct xfrm_handle *xfrm_open(struct why *why)
{
	struct xfrm_handle *handle = xfrm_open_requests(why);

	if (handle && !events_open(handle, why)) {
		xfrm_close(handle);
		return NULL;
	}
	return handle;
}

void xfrm_close(struct xfrm_handle *handle)
{
	if (!handle)
		return;
	nl_socket_free(handle->requests);
	nl_socket_free(handle->events);
	xfrm_owned_free(handle);
	free(handle->buffer);
	free(handle);
}

/* The octets of one datagram from the kernel; 0 or less: see errno. */
static ssize_t receive(struct xfrm_handle *handle)
{
	struct sockaddr_nl from = { 0 };
	socklen_t length = sizeof(from);
	ssize_t n;

	do
		n = recvfrom(nl_socket_get_fd(handle->requests), handle->buffer, XFRM_RECEIVE_MAX,
			MSG_TRUNC, (struct sockaddr *)&from, &length);
	while ((n < 0 && errno == EINTR) || (n >= 0 && from.nl_pid != 0));
	if (n > XFRM_RECEIVE_MAX) {
		errno = EMSGSIZE;
		return -1;
	}
	return n;
}

/* True when the request's end was among the messages. */
static bool dispatch(struct xfrm_handle *handle, size_t length, uint32_t sequence,
	void (*answer)(void *context, const struct nlmsghdr *message), void *context,
	struct xfrm_error *ret)
{
	struct nlmsghdr *message = (struct nlmsghdr *)handle->buffer;
	int left = (int)length;
	bool ended = false;

	for (; !ended && nlmsg_ok(message, left); message = nlmsg_next(message, &left)) {
		if (message->nlmsg_seq != sequence)
			continue; /* of a request that timed out */
		if (message->nlmsg_type == NLMSG_ERROR || message->nlmsg_type == NLMSG_DONE)
			ended = xfrm_parse_error(message, ret);
		else if (answer)
			answer(context, message);
	}
	secret_wipe(handle->buffer, length); /* answers about states contain keys */
	return ended;
}

bool xfrm_exchange_begin(
	struct xfrm_handle *handle, struct nl_msg *request, uint32_t *ret_sequence, struct why *why)
{
	nl_complete_msg(handle->requests, request);
	int sent = nl_send(handle->requests, request);

	*ret_sequence = nlmsg_hdr(request)->nlmsg_seq;
	return sent >= 0 || why_fail(why, "cannot send to the kernel: %s", nl_geterror(sent));
}

bool xfrm_exchange_some(struct xfrm_handle *handle, uint32_t sequence,
	void (*answer)(void *context, const struct nlmsghdr *message), void *context,
	bool *ret_ended, struct xfrm_error *ret, struct why *why)
{
	ssize_t length = receive(handle);

	if (length < 0)
		return why_fail(why, "no answer from the kernel: %s", strerror(errno));
	*ret_ended = dispatch(handle, (size_t)length, sequence, answer, context, ret);
	return true;
}

bool xfrm_exchange(struct xfrm_handle *handle, struct nl_msg *request,
	void (*answer)(void *context, const struct nlmsghdr *message), void *context,
	struct xfrm_error *ret, struct why *why)
{
	bool ended = false;
	uint32_t sequence;

	if (!xfrm_exchange_begin(handle, request, &sequence, why))
		return false;
	while (!ended)
		if (!xfrm_exchange_some(handle, sequence, answer, context, &ended, ret, why))
			return false;
	return true;
}

enum xfrm_result xfrm_request(struct xfrm_handle *handle, struct nl_msg *request,
	const struct xfrm_state *state,
	void (*answer)(void *context, const struct nlmsghdr *message), void *context,
	struct why *why)
{
	enum xfrm_result result = XFRM_RESULT_FAILED;
	struct xfrm_error error;

	if (!request) {
		why_fail(why, "does not fit a netlink message");
		return result;
	}
	if (xfrm_exchange(handle, request, answer, context, &error, why)) {
		result = xfrm_error_result(&error, nlmsg_hdr(request)->nlmsg_type);
		if (result != XFRM_RESULT_OK)
			xfrm_error_explain(&error, nlmsg_hdr(request), state, why);
	}
	xfrm_message_free(request);
	return result;
}
