#include "charon-lite/udp.h"

#include "charon-lite/interfaces.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define BATCH 16
#define DATAGRAM_MAX 65536
#define MARKER_LENGTH 4
#define RECEIVE_BUFFER (4 * 1024 * 1024) /* a burst of ten thousand IKE_SA_INITs */
#define PORT_TRIES 16

/* The local address and, of what is sent, the class of service. */
struct control {
	_Alignas(struct cmsghdr)
		uint8_t room[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(int))];
};

struct udp_socket {
	struct cl_udp *udp;
	struct event *event;
	int fd;
	uint16_t family;
	bool nat_t;
};

/* [0], [1]: IPv4; [2], [3]: IPv6; the second of each is NAT traversal's. */
#define SOCKETS 4

struct cl_udp {
	struct udp_socket sockets[SOCKETS];
	struct cl_udp_config config; /* ports: those that are bound */
	char *interfaces_use;
	char *interfaces_ignore;
	const struct cl_kernel *kernel;
	struct cl_log *log;
	time_t last_error;
	uint32_t max_packet;
	uint32_t mark;
	uint8_t (*rooms)[DATAGRAM_MAX];
};

/* ---- Opening ---- */

static bool set_option(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) == 0;
}

/* Large IKE messages to peers without RFC 7383 rely on IP fragmentation, so no path MTU discovery.
 */
static bool set_options(int fd, uint16_t family)
{
	if (!set_option(fd, SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER))
		set_option(fd, SOL_SOCKET, SO_RCVBUF, RECEIVE_BUFFER);
	if (family == AF_INET)
		return set_option(fd, IPPROTO_IP, IP_PKTINFO, 1) &&
		       set_option(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT);
	return set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) &&
	       set_option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1) &&
	       set_option(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DONT);
}

static bool bind_any(int fd, uint16_t family, uint16_t port)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };

	if (family == AF_INET)
		return bind(fd, (struct sockaddr *)&in, sizeof(in)) == 0;
	return bind(fd, (struct sockaddr *)&in6, sizeof(in6)) == 0;
}

static uint16_t bound_port(int fd)
{
	struct sockaddr_storage storage;
	socklen_t length = sizeof(storage);
	struct address a;

	if (getsockname(fd, (struct sockaddr *)&storage, &length) < 0 ||
		!address_from_sockaddr((struct sockaddr *)&storage, &a))
		return 0;
	return a.port;
}

/* -1 with errno when the family does not exist or the port is taken. */
static int socket_open(uint16_t family, uint16_t port)
{
	int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_UDP);

	if (fd < 0)
		return -1;
	if (!set_options(fd, family) || !bind_any(fd, family, port)) {
		int error = errno;

		close(fd);
		errno = error;
		return -1;
	}
	return fd;
}

/* No such family here, as opposed to no such port. */
static bool family_is_missing(int error)
{
	return error == EAFNOSUPPORT || error == EPROTONOSUPPORT || error == EADDRNOTAVAIL;
}

static const char *hint(int error)
{
	return error == EADDRINUSE ? ": does another IKE daemon run?" : "";
}

/* One that is not wanted is as one that does not exist. */
static int family_open(const struct cl_udp *u, uint16_t family, uint16_t port)
{
	if (family == AF_INET ? u->config.without_ipv4 : u->config.without_ipv6) {
		errno = EAFNOSUPPORT;
		return -1;
	}
	return socket_open(family, port);
}

/* Both families on one port. With port 0 the first family's choice may be taken in the other: then
 * once more. */
static bool open_port(struct cl_udp *u, bool nat_t, uint16_t *port, struct why *why)
{
	struct udp_socket *v4 = &u->sockets[nat_t], *v6 = &u->sockets[2 + nat_t];

	for (unsigned tries = 0; tries < PORT_TRIES; tries++) {
		v4->fd = family_open(u, AF_INET, *port);
		if (v4->fd < 0 && !family_is_missing(errno))
			return why_fail(
				why, "UDP port %u: %s%s", *port, strerror(errno), hint(errno));
		v6->fd = family_open(u, AF_INET6, v4->fd < 0 || *port ? *port : bound_port(v4->fd));
		if (v6->fd >= 0 || family_is_missing(errno)) {
			if (v4->fd < 0 && v6->fd < 0)
				return why_fail(why, "neither IPv4 nor IPv6 is there");
			*port = bound_port(v4->fd >= 0 ? v4->fd : v6->fd);
			return true;
		}
		if (*port != 0)
			return why_fail(why, "UDP port %u (IPv6): %s%s", *port, strerror(errno),
				hint(errno));
		close(v4->fd);
		v4->fd = -1;
	}
	return why_fail(why, "no free UDP port found");
}

static void readable(evutil_socket_t fd, short what, void *context);

static bool watch(struct cl_udp *u, struct event_base *base, struct udp_socket *s, struct why *why)
{
	struct why cause;

	if (s->fd < 0)
		return true;
	if (!u->kernel->socket_bypass(u->kernel->context, s->fd, s->family, &cause))
		return why_fail(why, "IKE socket's bypass policies: %s", cause.text);
	if (s->nat_t &&
		!u->kernel->socket_encapsulation(u->kernel->context, s->fd, s->family, &cause))
		return why_fail(why, "ESP in UDP: %s", cause.text);
	s->event = event_new(base, s->fd, EV_READ | EV_PERSIST, readable, s);
	if (!s->event || event_add(s->event, NULL) < 0)
		return why_fail(why, "out of memory");
	return true;
}

bool cl_udp_interfaces(struct cl_udp *u, const char *interfaces_use, const char *interfaces_ignore)
{
	char *use = interfaces_use ? strdup(interfaces_use) : NULL;
	char *ignore = interfaces_ignore ? strdup(interfaces_ignore) : NULL;

	if ((interfaces_use && !use) || (interfaces_ignore && !ignore)) {
		free(use);
		free(ignore);
		return false;
	}
	free(u->interfaces_use);
	free(u->interfaces_ignore);
	u->interfaces_use = use;
	u->interfaces_ignore = ignore;
	return true;
}

void cl_udp_settings(struct cl_udp *u, uint32_t max_packet, uint32_t mark)
{
	u->max_packet = max_packet;
	if (mark == u->mark)
		return;
	u->mark = mark;
	for (size_t i = 0; i < SOCKETS; i++)
		if (u->sockets[i].fd >= 0 &&
			!set_option(u->sockets[i].fd, SOL_SOCKET, SO_MARK, (int)mark))
			cl_log_text(u->log, IKE_LOG_NET, IKE_LOG_AUDIT,
				"IKE's packets go without the mark %#x: %s", mark, strerror(errno));
}

static bool udp_start(struct cl_udp *u, struct event_base *base, struct why *why)
{
	if (!u->rooms ||
		!cl_udp_interfaces(u, u->config.interfaces_use, u->config.interfaces_ignore))
		return why_fail(why, "out of memory");
	if (!open_port(u, false, &u->config.port, why) ||
		!open_port(u, true, &u->config.port_nat_t, why))
		return false;
	for (size_t i = 0; i < SOCKETS; i++) {
		if (!watch(u, base, &u->sockets[i], why))
			return false;
	}
	return true;
}

bool cl_udp_open(struct event_base *base, const struct cl_udp_config *config,
	const struct cl_kernel *kernel, struct cl_log *log, struct cl_udp **ret, struct why *why)
{
	struct cl_udp *u = calloc(1, sizeof(*u));

	if (!u)
		return why_fail(why, "out of memory");
	u->config = *config;
	u->kernel = kernel;
	u->log = log;
	for (size_t i = 0; i < SOCKETS; i++)
		u->sockets[i] =
			(struct udp_socket){ u, NULL, -1, i < 2 ? AF_INET : AF_INET6, i % 2 == 1 };
	u->rooms = calloc(BATCH, sizeof(*u->rooms));
	if (!udp_start(u, base, why)) {
		cl_udp_close(u);
		return false;
	}
	*ret = u;
	return true;
}

void cl_udp_close(struct cl_udp *u)
{
	if (!u)
		return;
	for (size_t i = 0; i < SOCKETS; i++) {
		if (u->sockets[i].event)
			event_free(u->sockets[i].event);
		if (u->sockets[i].fd >= 0)
			close(u->sockets[i].fd);
	}
	free(u->interfaces_use);
	free(u->interfaces_ignore);
	free(u->rooms);
	free(u);
}

uint16_t cl_udp_port(const struct cl_udp *u)
{
	return u->config.port;
}

uint16_t cl_udp_port_nat_t(const struct cl_udp *u)
{
	return u->config.port_nat_t;
}

/* ---- Receiving ---- */

static bool interface_is_used(const struct cl_udp *u, unsigned index)
{
	const struct cl_interfaces which = { u->interfaces_use, u->interfaces_ignore };

	return cl_interface_index_is_used(&which, index);
}

/* Where a datagram was sent to; false when the kernel does not say. */
static bool destination_of(
	const struct msghdr *message, struct address *ret, unsigned *ret_interface)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c;
		c = CMSG_NXTHDR((struct msghdr *)(uintptr_t)message, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof(info));
			*ret_interface = (unsigned)info.ipi_ifindex;
			return address_from_octets(bytes_of(&info.ipi_addr, 4), 0, ret);
		}
		if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof(info));
			*ret_interface = info.ipi6_ifindex;
			if (!address_from_octets(bytes_of(&info.ipi6_addr, 16), 0, ret))
				return false;
			if (IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr))
				ret->scope = info.ipi6_ifindex;
			return true;
		}
	}
	return false;
}

/* What is neither a keepalive nor ESP that the kernel had no SA for. */
static bool is_ike(const struct udp_socket *s, struct bytes *data)
{
	static const uint8_t marker[MARKER_LENGTH];

	if (!s->nat_t)
		return data->length > 0;
	if (data->length <= MARKER_LENGTH || memcmp(data->at, marker, MARKER_LENGTH) != 0)
		return false;
	*data = bytes_of(data->at + MARKER_LENGTH, data->length - MARKER_LENGTH);
	return true;
}

static void receive_one(struct udp_socket *s, const struct mmsghdr *m)
{
	const struct msghdr *message = &m->msg_hdr;
	struct ike_datagram datagram = { 0 };
	unsigned interface;

	datagram.data = bytes_of(message->msg_iov->iov_base, m->msg_len);
	if (!is_ike(s, &datagram.data) || (s->udp->max_packet && m->msg_len > s->udp->max_packet))
		return;
	if ((message->msg_flags & (MSG_TRUNC | MSG_CTRUNC)) ||
		!address_from_sockaddr(message->msg_name, &datagram.remote) ||
		!destination_of(message, &datagram.local, &interface) ||
		!interface_is_used(s->udp, interface))
		return;
	datagram.local.port = s->nat_t ? s->udp->config.port_nat_t : s->udp->config.port;
	s->udp->config.receive(s->udp->config.context, &datagram);
}

static void log_error(struct cl_udp *u, const char *doing, int error)
{
	time_t now = time(NULL);

	if (now == u->last_error)
		return;
	u->last_error = now;
	cl_log_text(
		u->log, IKE_LOG_NET, IKE_LOG_INFO, "error %s socket: %s", doing, strerror(error));
}

/* One batch for each turn of the loop, so that a flood on one socket holds up nobody else. */
static void readable(evutil_socket_t fd, short what, void *context)
{
	struct udp_socket *s = context;
	struct mmsghdr messages[BATCH];
	struct iovec vectors[BATCH];
	struct sockaddr_storage names[BATCH];
	struct control controls[BATCH];

	(void)what;
	for (size_t i = 0; i < BATCH; i++) {
		vectors[i] = (struct iovec){ s->udp->rooms[i], DATAGRAM_MAX };
		messages[i] = (struct mmsghdr){ .msg_hdr = {
							.msg_name = &names[i],
							.msg_namelen = sizeof(names[i]),
							.msg_iov = &vectors[i],
							.msg_iovlen = 1,
							.msg_control = &controls[i],
							.msg_controllen = sizeof(controls[i]),
						} };
	}
	int count = recvmmsg(fd, messages, BATCH, MSG_DONTWAIT, NULL);
	if (count < 0) {
		if (errno != EAGAIN && errno != EINTR)
			log_error(s->udp, "reading from", errno);
		return;
	}
	for (int i = 0; i < count; i++)
		receive_one(s, &messages[i]);
	s->udp->config.received(s->udp->config.context);
}

/* ---- Sending ---- */

/* Ancillary data goes along. */
static void put_control(
	struct msghdr *message, int level, int type, const void *data, size_t length)
{
	struct cmsghdr *c =
		(struct cmsghdr *)((uint8_t *)message->msg_control + message->msg_controllen);

	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(length);
	memcpy(CMSG_DATA(c), data, length);
	message->msg_controllen += CMSG_SPACE(length);
}

static void put_source(struct msghdr *message, const struct address *local)
{
	if (local->family == AF_INET) {
		struct in_pktinfo info = { 0 };

		memcpy(&info.ipi_spec_dst, local->octets, 4);
		put_control(message, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
	} else {
		struct in6_pktinfo info = { .ipi6_ifindex = local->scope };

		memcpy(&info.ipi6_addr, local->octets, 16);
		put_control(message, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof(info));
	}
}

/* The codepoint is the upper six bits of an octet (RFC 2474 3). */
static void put_dscp(struct msghdr *message, uint16_t family, uint8_t dscp)
{
	int octet = dscp << 2;

	if (family == AF_INET)
		put_control(message, IPPROTO_IP, IP_TOS, &octet, sizeof(octet));
	else
		put_control(message, IPPROTO_IPV6, IPV6_TCLASS, &octet, sizeof(octet));
}

static void send_vectors(struct cl_udp *u, const struct address *local,
	const struct address *remote, uint8_t dscp, bool nat_t, struct iovec *vectors, size_t count)
{
	const struct udp_socket *s = &u->sockets[(remote->family == AF_INET6 ? 2 : 0) + nat_t];
	struct sockaddr_storage name;
	struct control control = { 0 };
	struct msghdr message = {
		.msg_name = &name, .msg_iov = vectors, .msg_iovlen = count, .msg_control = &control
	};

	message.msg_namelen = address_to_sockaddr(remote, &name);
	if (s->fd < 0 || message.msg_namelen == 0) {
		log_error(u, "writing to", EAFNOSUPPORT);
		return;
	}
	if (!address_is_any(local))
		put_source(&message, local);
	if (dscp)
		put_dscp(&message, remote->family, dscp);
	if (sendmsg(s->fd, &message, MSG_DONTWAIT) < 0)
		log_error(u, "writing to", errno);
}

void cl_udp_send(struct cl_udp *u, const struct ike_datagram *datagram)
{
	static uint8_t marker[MARKER_LENGTH];
	struct iovec vectors[2] = {
		{ marker, sizeof(marker) },
		{ (void *)(uintptr_t)datagram->data.at, datagram->data.length },
	};
	bool nat_t = datagram->local.port == cl_udp_port_nat_t(u);

	send_vectors(u, &datagram->local, &datagram->remote, datagram->dscp, nat_t,
		vectors + !nat_t, 1 + nat_t);
}

void cl_udp_keepalive(struct cl_udp *u, const struct address *local, const struct address *remote)
{
	static uint8_t octet = 0xff;
	struct iovec vector = { &octet, 1 };

	send_vectors(u, local, remote, 0, true, &vector, 1);
}
