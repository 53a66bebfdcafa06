#include "charon-lite/dhcp_socket.h"

#include "charon-lite/privileges.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <unistd.h>

#define PACKET_MAX 2048
#define PACKETS_AT_ONCE 64

struct cl_dhcp_socket {
	struct cl_dhcp_socket_config config;
	const struct cl_dhcp_settings *settings;
	int out; /* raw: the kernel makes the IP header */
	int in;  /* packets as interfaces see them, from the IP header on */
	struct event *event;
};

/* UDP to port 67 or 68, no fragment, a server's. */
static const struct sock_filter answers[] = {
	BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 9),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 9),
	BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 6),
	BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x3fff, 7, 0),
	BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),
	BPF_STMT(BPF_LD | BPF_H | BPF_IND, 2),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, CL_DHCP_CLIENT_PORT, 1, 0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, CL_DHCP_SERVER_PORT, 0, 3),
	BPF_STMT(BPF_LD | BPF_B | BPF_IND, 8),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 2, 0, 1),
	BPF_STMT(BPF_RET | BPF_K, PACKET_MAX),
	BPF_STMT(BPF_RET | BPF_K, 0),
};

static const struct sock_filter nothing[] = { BPF_STMT(BPF_RET | BPF_K, 0) };

static bool set_filter(int fd, const struct sock_filter *filter, size_t count)
{
	const struct sock_fprog program = { (unsigned short)count,
		(struct sock_filter *)(uintptr_t)filter };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) == 0;
}

/* Nothing is read from it. */
static int open_out(const struct cl_dhcp_settings *settings)
{
	int fd = socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_UDP);
	const char *interface = settings->interface;
	const int on = 1;

	if (fd >= 0 && set_filter(fd, nothing, sizeof(nothing) / sizeof(*nothing)) &&
		setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on)) == 0 &&
		(!*interface || setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, interface,
					(socklen_t)strlen(interface) + 1) == 0))
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

/* The filter is there before the first packet. */
static int open_in(const struct cl_dhcp_settings *settings)
{
	int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct sockaddr_ll any = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP) };

	if (*settings->interface)
		any.sll_ifindex = (int)if_nametoindex(settings->interface);
	if (fd >= 0 && set_filter(fd, answers, sizeof(answers) / sizeof(*answers)) &&
		bind(fd, (struct sockaddr *)&any, sizeof(any)) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static void readable(evutil_socket_t fd, short what, void *context)
{
	struct cl_dhcp_socket *s = context;
	uint8_t packet[PACKET_MAX];
	struct bytes message;
	ssize_t length;

	(void)what;
	for (unsigned i = 0; i < PACKETS_AT_ONCE; i++) {
		length = recv(fd, packet, sizeof(packet), 0);
		if (length < 0)
			return;
		if (cl_dhcp_unwrap(bytes_of(packet, (size_t)length), &message))
			s->config.received(s->config.context, message);
	}
}

static bool open_both(struct cl_dhcp_socket *s, struct why *why)
{
	bool raised = cl_privileges_raw(true);

	s->out = open_out(s->settings);
	s->in = s->out < 0 ? -1 : open_in(s->settings);
	int error = errno;
	if (raised)
		(void)cl_privileges_raw(false);
	if (s->in >= 0)
		return true;
	return why_fail(why, "the sockets for DHCP%s%s: %s%s",
		*s->settings->interface ? " on " : "", s->settings->interface, strerror(error),
		error == EPERM ? " (it takes CAP_NET_RAW)" : "");
}

bool cl_dhcp_socket_open(const struct cl_dhcp_socket_config *config,
	const struct cl_dhcp_settings *settings, struct cl_dhcp_socket **ret, struct why *why)
{
	struct cl_dhcp_socket *s = calloc(1, sizeof(*s));

	if (!s)
		return why_fail(why, "out of memory");
	s->config = *config;
	s->settings = settings;
	s->out = s->in = -1;
	if (!open_both(s, why)) {
		cl_dhcp_socket_close(s);
		return false;
	}
	s->event = event_new(config->base, s->in, EV_READ | EV_PERSIST, readable, s);
	if (!s->event || event_add(s->event, NULL) < 0) {
		cl_dhcp_socket_close(s);
		return why_fail(why, "out of memory");
	}
	*ret = s;
	return true;
}

void cl_dhcp_socket_close(struct cl_dhcp_socket *s)
{
	if (!s)
		return;
	if (s->event)
		event_free(s->event);
	if (s->in >= 0)
		close(s->in);
	if (s->out >= 0)
		close(s->out);
	free(s);
}

static bool is_broadcast(const struct address *a)
{
	struct ifaddrs *all, *i;
	struct address other;
	bool found = a->octets[0] == 255;

	if (found || getifaddrs(&all) < 0)
		return found;
	for (i = all; i && !found; i = i->ifa_next)
		found = i->ifa_addr && i->ifa_addr->sa_family == AF_INET &&
			i->ifa_flags & IFF_BROADCAST && i->ifa_broadaddr &&
			address_from_sockaddr(i->ifa_broadaddr, &other) &&
			address_same_host(&other, a);
	freeifaddrs(all);
	return found;
}

/* The address of ours that such a server answers to. */
static bool relay_address(
	const struct cl_dhcp_settings *settings, const struct address *server, struct address *ret)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_UDP);
	struct sockaddr_storage storage;
	socklen_t length = address_to_sockaddr(server, &storage);
	const char *interface = settings->interface;

	((struct sockaddr_in *)&storage)->sin_port = htons(CL_DHCP_SERVER_PORT);
	bool good = fd >= 0 &&
		    (!*interface || setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, interface,
					    (socklen_t)strlen(interface) + 1) == 0) &&
		    connect(fd, (struct sockaddr *)&storage, length) == 0;
	length = sizeof(storage);
	good = good && getsockname(fd, (struct sockaddr *)&storage, &length) == 0 &&
	       address_from_sockaddr((struct sockaddr *)&storage, ret);
	if (fd >= 0)
		close(fd);
	ret->port = 0;
	return good;
}

bool cl_dhcp_socket_send(struct cl_dhcp_socket *s, struct cl_dhcp_message *m,
	const struct address *unicast, struct why *why)
{
	const struct cl_dhcp_settings *settings = s->settings;
	uint8_t room[CL_DHCP_MESSAGE_MAX], datagram[CL_DHCP_MESSAGE_MAX + 8];
	struct address to = settings->server;
	bool as_relay = !is_broadcast(&to);
	uint16_t port = CL_DHCP_CLIENT_PORT;
	struct sockaddr_storage storage;
	char text[ADDRESS_TEXT_MAX];

	m->relay = (struct address){ 0 };
	if (unicast && unicast->family == AF_INET) {
		if (!settings->force_server_address && !as_relay)
			to = *unicast;
	} else if (as_relay && !relay_address(settings, &to, &m->relay)) {
		return why_fail(why, "there is no way to DHCP server %s: %s",
			address_format(&to, text), strerror(errno));
	}
	if (as_relay && settings->use_server_port)
		port = CL_DHCP_SERVER_PORT;
	struct bytes whole = cl_dhcp_wrap(cl_dhcp_build(m, room), port, datagram);
	to.port = 0;
	socklen_t length = address_to_sockaddr(&to, &storage);
	if (sendto(s->out, whole.at, whole.length, 0, (struct sockaddr *)&storage, length) >= 0)
		return true;
	return why_fail(
		why, "sending to DHCP server %s: %s", address_format(&to, text), strerror(errno));
}

int cl_dhcp_server_port_open(struct why *why)
{
	const struct sockaddr_in any = { .sin_family = AF_INET,
		.sin_port = htons(CL_DHCP_SERVER_PORT) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_UDP);

	if (fd >= 0 && set_filter(fd, nothing, sizeof(nothing) / sizeof(*nothing)) &&
		bind(fd, (const struct sockaddr *)&any, sizeof(any)) == 0)
		return fd;
	(void)why_fail(why, "UDP port %u: %s", CL_DHCP_SERVER_PORT, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}
