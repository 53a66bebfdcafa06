/*
 * libxfrm on a real kernel with ESP. Not a meson test: root and such a kernel are needed, so it
 * runs in the lab: testing/lab/boot build/testing/unit/libxfrm/kernel-check
 */
#include "testing/unit/libxfrm/kernel_check.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct site sites[SITES];
const uint8_t key_octets[160] = { 0xc0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17,
	18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31 };
static unsigned passed, failed;

bool check(bool ok, const char *why, const char *name, ...)
{
	va_list arguments;

	printf(ok ? "passed " : "failed ");
	va_start(arguments, name);
	vprintf(name, arguments);
	va_end(arguments);
	if (!ok && why)
		printf(": %s", why);
	putchar('\n');
	fflush(stdout);
	*(ok ? &passed : &failed) += 1;
	return ok;
}

void must(bool ok, const char *what)
{
	if (ok)
		return;
	printf("failed %s: %s\n", what, strerror(errno));
	exit(1);
}

void site_enter(int site)
{
	must(setns(sites[site].namespace, CLONE_NEWNET) == 0, "entering a network namespace");
}

struct address host(const char *text)
{
	struct address result = { 0 };

	must(address_parse(text, &result), text);
	return result;
}

struct address outer(int site, int family)
{
	if (family == AF_INET)
		return host(site == MOON ? "192.0.2.1" : "192.0.2.2");
	return host(site == MOON ? "2001:db8::1" : "2001:db8::2");
}

struct address inner(int site, int family)
{
	if (family == AF_INET)
		return host(site == MOON ? "10.1.0.1" : "10.2.0.1");
	return host(site == MOON ? "fd01::1" : "fd02::1");
}

struct talk talk_open(const struct address *moon, const struct address *sun)
{
	const struct address *addresses[SITES] = { moon, sun };
	const struct timeval patience = { .tv_usec = 500000 };
	struct sockaddr_storage bound[SITES];
	struct talk talk;

	for (int i = 0; i < SITES; i++) {
		socklen_t length = address_to_sockaddr(addresses[i], &bound[i]);

		site_enter(i);
		talk.sockets[i] = socket(addresses[i]->family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		must(talk.sockets[i] >= 0, "socket");
		must(bind(talk.sockets[i], (struct sockaddr *)&bound[i], length) == 0, "bind");
		must(getsockname(talk.sockets[i], (struct sockaddr *)&bound[i], &length) == 0,
			"getsockname");
		(void)setsockopt(
			talk.sockets[i], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	}
	for (int i = 0; i < SITES; i++) {
		const struct sockaddr_storage *other = &bound[1 - i];
		socklen_t length = other->ss_family == AF_INET ? sizeof(struct sockaddr_in)
							       : sizeof(struct sockaddr_in6);

		/* may fail: a policy says so */
		(void)connect(talk.sockets[i], (const struct sockaddr *)other, length);
	}
	return talk;
}

void talk_close(struct talk *talk)
{
	for (int i = 0; i < SITES; i++)
		close(talk->sockets[i]);
}

void talk_send(const struct talk *talk, int from)
{
	static unsigned number;
	char text[600];

	memset(text, 'x', sizeof(text)); /* long and dull enough to be worth compressing */
	snprintf(text, sizeof(text), "%u", number++);
	if (send(talk->sockets[from], text, sizeof(text), MSG_DONTWAIT) < 0)
		return;
}

bool talk_passes(const struct talk *talk, int from)
{
	char text[600];

	while (recv(talk->sockets[1 - from], text, sizeof(text), MSG_DONTWAIT) >= 0)
		continue;
	talk_send(talk, from);
	return recv(talk->sockets[1 - from], text, sizeof(text), 0) == (ssize_t)sizeof(text);
}

struct xfrm_state tunnel_state(const struct tunnel *tunnel, int from)
{
	struct xfrm_state state = tunnel->shape;

	state.source = outer(from, tunnel->family);
	state.id.destination = outer(1 - from, tunnel->family);
	if (state.udp_encapsulation)
		state.source.port = state.id.destination.port = 4500;
	state.id.spi = 0xc0000100 + (uint32_t)from;
	state.reqid = 7;
	return state;
}

static bool states_install(const struct tunnel *tunnel, struct why *why)
{
	for (int from = 0; from < SITES; from++) {
		struct xfrm_state state = tunnel_state(tunnel, from);
		struct xfrm_state inbound = state;

		if (inbound.mode == XFRM_MODE_TUNNEL)
			inbound.flags |= XFRM_STATE_AF_UNSPEC;
		inbound.set_mark = (struct xfrm_mark){ 0 };
		state.flags = inbound.flags;
		for (int site = 0; site < SITES; site++) {
			struct xfrm_state compression = {
				.id = { .destination = state.id.destination,
					.spi = 0x100 + (uint32_t)from,
					.protocol = IPPROTO_COMP },
				.source = state.source,
				.mode = state.mode,
				.reqid = 7,
				.compression = { .name = "deflate" },
			};
			struct xfrm_state one = site == from ? state : inbound;

			if (tunnel->ipcomp)
				one.mode = XFRM_MODE_TRANSPORT;
			if ((tunnel->ipcomp && xfrm_state_add(sites[site].handle, &compression,
						       why) != XFRM_RESULT_OK) ||
				xfrm_state_add(sites[site].handle, &one, why) != XFRM_RESULT_OK)
				return false;
		}
	}
	return true;
}

static struct xfrm_policy tunnel_policy(const struct tunnel *tunnel, int from, uint8_t direction)
{
	uint8_t bits = tunnel->inner_family == AF_INET ? 32 : 128;
	struct xfrm_policy policy = {
		.id = {
			.direction = direction,
			.selector = {
				.source = inner(from, tunnel->inner_family),
				.destination = inner(1 - from, tunnel->inner_family),
				.source_prefix = bits,
				.destination_prefix = bits,
			},
			.if_id = 0,
		},
		.action = XFRM_POLICY_ALLOW,
	};
	struct xfrm_template *template = policy.templates;

	if (tunnel->shape.mode == XFRM_MODE_TRANSPORT) {
		policy.id.selector.source = outer(from, tunnel->family);
		policy.id.selector.destination = outer(1 - from, tunnel->family);
		policy.id.selector.protocol = IPPROTO_UDP;
		policy.id.selector.destination_port_mask = 0;
	}
	if (tunnel->ipcomp) {
		*template ++ = (struct xfrm_template){
			.protocol = IPPROTO_COMP,
			.mode = tunnel->shape.mode,
			.reqid = 7,
			.optional = direction != XFRM_POLICY_OUT,
			.source = outer(from, tunnel->family),
			.destination = outer(1 - from, tunnel->family),
		};
		policy.template_count++;
	}
	*template = (struct xfrm_template){
		.protocol = tunnel->shape.id.protocol,
		.mode = tunnel->ipcomp ? XFRM_MODE_TRANSPORT : tunnel->shape.mode,
		.reqid = 7,
	};
	if (template->mode != XFRM_MODE_TRANSPORT) {
		template->source = outer(from, tunnel->family);
		template->destination = outer(1 - from, tunnel->family);
	}
	policy.template_count++;
	policy.priority = xfrm_policy_priority(XFRM_CLASS_CHILD, &policy.id.selector);
	return policy;
}

bool tunnel_install(const struct tunnel *tunnel, struct why *why)
{
	if (!states_install(tunnel, why))
		return false;
	for (int site = 0; site < SITES; site++) {
		struct xfrm_policy out = tunnel_policy(tunnel, site, XFRM_POLICY_OUT);
		struct xfrm_policy in = tunnel_policy(tunnel, 1 - site, XFRM_POLICY_IN);

		if (xfrm_policy_add(sites[site].handle, &out, why) != XFRM_RESULT_OK ||
			xfrm_policy_add(sites[site].handle, &in, why) != XFRM_RESULT_OK)
			return false;
	}
	return true;
}

void tunnel_remove(void)
{
	struct why why;

	for (int site = 0; site < SITES; site++)
		if (xfrm_flush(sites[site].handle, &why) != XFRM_RESULT_OK)
			check(false, why.text, "flush");
}

struct waiting {
	enum xfrm_event_kind kind;
	struct xfrm_event event;
	bool found;
};

static void on_event(void *context, const struct xfrm_event *event)
{
	struct waiting *waiting = context;

	if (waiting->found || event->kind != waiting->kind)
		return;
	waiting->event = *event;
	waiting->found = true;
}

bool event_wait(int site, enum xfrm_event_kind kind, struct xfrm_event *ret)
{
	struct waiting waiting = { .kind = kind };
	struct pollfd fd = { .fd = xfrm_events_fd(sites[site].handle), .events = POLLIN };

	while (!waiting.found && poll(&fd, 1, 5000) > 0)
		if (!xfrm_events_read(sites[site].handle, on_event, &waiting, NULL))
			return false;
	if (waiting.found)
		*ret = waiting.event;
	return waiting.found;
}

void events_drain(int site)
{
	struct waiting waiting = { .found = true };

	must(xfrm_events_read(sites[site].handle, on_event, &waiting, NULL), "reading events");
}

static void site_open(int site)
{
	struct why why;

	must(unshare(CLONE_NEWNET) == 0, "a network namespace (root?)");
	sites[site].namespace = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	must(sites[site].namespace >= 0, "opening the namespace");
	sites[site].handle = xfrm_open(&why);
	if (!sites[site].handle) {
		check(false, why.text, "open");
		exit(1);
	}
}

static void run(const char *format, ...)
{
	char command[400];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(command, sizeof(command), format, arguments);
	va_end(arguments);
	must(system(command) == 0, command);
}

static void addresses_add(int site)
{
	int n = site + 1;

	site_enter(site);
	run("ip link set lo up && ip link set eth0 up && ip addr add 192.0.2.%d/24 dev eth0 && "
	    "ip addr add 192.0.2.1%d/24 dev eth0 && "
	    "ip -6 addr add 2001:db8::%d/64 dev eth0 nodad && ip addr add 10.%d.0.1/32 dev lo && "
	    "ip -6 addr add fd0%d::1/128 dev lo nodad",
		n, n, n, n, n);
	run("ip route add 10.%d.0.0/16 dev eth0 via 192.0.2.%d src 10.%d.0.1 && "
	    "ip -6 route add fd0%d::/64 dev eth0 via 2001:db8::%d src fd0%d::1",
		3 - n, 3 - n, n, 3 - n, 3 - n, n);
}

int main(void)
{
	/* makes the kernel load IPv6, should it be a module */
	close(socket(AF_INET6, SOCK_DGRAM, 0));
	for (int site = 0; site < SITES; site++)
		site_open(site);
	run("ip link add eth0 type veth peer name eth0 netns /proc/%d/fd/%d", (int)getpid(),
		sites[MOON].namespace);
	addresses_add(MOON);
	addresses_add(SUN);
	check_requests();
	check_modes();
	check_algorithms();
	check_moves();
	check_policies();
	check_events();
	check_ownership();
	for (int site = 0; site < SITES; site++)
		xfrm_close(sites[site].handle);
	printf("%u passed, %u failed\n", passed, failed);
	return failed != 0;
}
