#include "charon-lite/rtnetlink.h"

#include <errno.h>
#include <netlink/errno.h>
#include <netlink/netlink.h>
#include <sys/time.h>

/* The kernel's dumps come in parts of at most this many octets. */
#define PART_MAX 32768

struct nl_sock *cl_rtnetlink_open(struct why *why)
{
	struct nl_sock *sock = nl_socket_alloc();
	/* the kernel answers at once; this guards against one that does not */
	const struct timeval patience = { .tv_sec = 10 };
	const int on = 1;
	int error;

	if (!sock) {
		why_fail(why, "no memory for a netlink socket");
		return NULL;
	}
	nl_socket_disable_auto_ack(sock); /* each message says itself whether it wants one */
	if ((error = nl_connect(sock, NETLINK_ROUTE)) < 0) {
		why_fail(why, "cannot open a netlink socket for routes: %s", nl_geterror(error));
		nl_socket_free(sock);
		return NULL;
	}
	(void)setsockopt(
		nl_socket_get_fd(sock), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	/* what a dump asks for is taken at its word: one table is one table */
	(void)setsockopt(
		nl_socket_get_fd(sock), SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
	return sock;
}

/* What one message means for the request: goes on (-1), or ends with an errno or 0. */
static int take(struct nlmsghdr *message, bool single, cl_rtnetlink_answer *answer, void *context)
{
	struct nlmsgerr error;
	int number;

	switch (message->nlmsg_type) {
	case NLMSG_ERROR:
		if (nlmsg_datalen(message) < (int)sizeof(error))
			return EBADMSG;
		memcpy(&error, nlmsg_data(message), sizeof(error));
		return -error.error;
	case NLMSG_DONE:
		if (nlmsg_datalen(message) < (int)sizeof(number))
			return 0;
		memcpy(&number, nlmsg_data(message), sizeof(number));
		return -number;
	}
	if (message->nlmsg_flags & NLM_F_DUMP_INTR)
		return EAGAIN;
	if (answer)
		answer(context, message);
	return single ? 0 : -1;
}

/* -1: the answer goes on in the next datagram. */
static int take_all(uint32_t *buffer, ssize_t length, uint32_t sequence, bool single,
	cl_rtnetlink_answer *answer, void *context)
{
	struct nlmsghdr *message = (struct nlmsghdr *)buffer;
	int left = (int)length, result = -1;

	for (; result < 0 && nlmsg_ok(message, left); message = nlmsg_next(message, &left)) {
		if (message->nlmsg_seq == sequence) /* else of a request that timed out */
			result = take(message, single, answer, context);
	}
	return result;
}

static int receive(struct nl_sock *sock, uint32_t sequence, bool single,
	cl_rtnetlink_answer *answer, void *context)
{
	uint32_t buffer[PART_MAX / sizeof(uint32_t)];

	for (;;) {
		struct sockaddr_nl from = { 0 };
		socklen_t from_length = sizeof(from);
		ssize_t length = recvfrom(nl_socket_get_fd(sock), buffer, sizeof(buffer), 0,
			(struct sockaddr *)&from, &from_length);

		if (length < 0 && errno == EINTR)
			continue;
		if (length < 0)
			return errno;
		if (from.nl_pid != 0) /* another program, not the kernel */
			continue;
		int result = take_all(buffer, length, sequence, single, answer, context);
		if (result >= 0)
			return result;
	}
}

int cl_rtnetlink_ask(
	struct nl_sock *sock, struct nl_msg *request, cl_rtnetlink_answer *answer, void *context)
{
	if (!request)
		return ENOMEM;
	nl_complete_msg(sock, request);
	uint32_t sequence = nlmsg_hdr(request)->nlmsg_seq;
	/* one answer without an end: neither a dump nor acknowledged */
	bool single = !(nlmsg_hdr(request)->nlmsg_flags & (NLM_F_DUMP | NLM_F_ACK));
	bool sent = nl_send(sock, request) >= 0;

	nlmsg_free(request);
	return sent ? receive(sock, sequence, single, answer, context) : EIO;
}

struct nl_msg *cl_rtnetlink_request(int type, int flags, const void *fixed, size_t length)
{
	struct nl_msg *request = nlmsg_alloc_simple(type, NLM_F_REQUEST | flags);

	if (request && nlmsg_append(request, (void *)(uintptr_t)fixed, length, NLMSG_ALIGNTO) < 0) {
		nlmsg_free(request);
		return NULL;
	}
	return request;
}

bool cl_rtnetlink_put_address(struct nl_msg *request, int type, const struct address *a)
{
	return nla_put(request, type, (int)address_size(a), a->octets) == 0;
}

bool cl_rtnetlink_address(const struct nlattr *attribute, struct address *ret)
{
	return attribute &&
	       address_from_octets(
		       bytes_of(nla_data(attribute), (size_t)nla_len(attribute)), 0, ret);
}
