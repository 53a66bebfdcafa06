/* Reading what the kernel tells without being asked. */
#include "libxfrm/handle_priv.h"

#include <errno.h>

enum {
	DATAGRAMS_PER_CALL = 64,
	DATAGRAM_MAX = 8192, /* an event of the kernel is below 2 KiB */
};

int xfrm_events_fd(const struct xfrm_handle *handle)
{
	return nl_socket_get_fd(handle->events);
}

static void deliver(struct xfrm_handle *handle, struct nlmsghdr *message, int left,
	void (*callback)(void *context, const struct xfrm_event *event), void *context)
{
	for (; nlmsg_ok(message, left); message = nlmsg_next(message, &left)) {
		struct xfrm_event event;

		if (!xfrm_parse_event(message, &event))
			continue;
		if (event.kind == XFRM_EVENT_EXPIRE && event.expire.hard)
			xfrm_owned_state_remove(handle, &event.expire.id);
		if (event.kind == XFRM_EVENT_POLICY_EXPIRE && event.policy_expire.hard)
			xfrm_owned_policy_remove(handle, &event.policy_expire.policy);
		callback(context, &event);
	}
}

bool xfrm_events_read(struct xfrm_handle *handle,
	void (*callback)(void *context, const struct xfrm_event *event), void *context,
	struct why *why)
{
	for (unsigned i = 0; i < DATAGRAMS_PER_CALL; i++) {
		/* not the handle's buffer: the callback may send requests */
		uint32_t buffer[DATAGRAM_MAX / sizeof(uint32_t)];
		struct sockaddr_nl from = { 0 };
		socklen_t length = sizeof(from);
		ssize_t n = recvfrom(xfrm_events_fd(handle), buffer, sizeof(buffer), 0,
			(struct sockaddr *)&from, &length);

		if (n < 0 && errno == ENOBUFS) {
			callback(context, &(struct xfrm_event){ .kind = XFRM_EVENT_LOST });
			continue;
		}
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return true;
		if (n < 0)
			return why_fail(why, "cannot read XFRM events: %s", strerror(errno));
		if (from.nl_pid == 0) /* from the kernel, not from another program */
			deliver(handle, (struct nlmsghdr *)buffer, (int)n, callback, context);
	}
	return true;
}
