/* What IKE's datagrams look like on the wire: sent to a socket of the test's on loopback. */
#include "charon-lite/udp.h"

#include <check.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <unistd.h>

struct bed {
	struct event_base *base;
	struct cl_kernel kernel;
	struct cl_udp *udp;
	int peer;
	struct address peer_at;
};

static void ignore(void *context, const struct ike_datagram *datagram)
{
	(void)context, (void)datagram;
}

static void ignore_all(void *context)
{
	(void)context;
}

static int peer_open(struct address *at)
{
	struct sockaddr_storage name;
	socklen_t length = address_to_sockaddr(at, &name);
	int on = 1, fd = socket(at->family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_UDP);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&name, length), 0);
	length = sizeof(name);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&name, &length), 0);
	ck_assert(address_from_sockaddr((struct sockaddr *)&name, at));
	ck_assert_int_eq(at->family == AF_INET
				 ? setsockopt(fd, IPPROTO_IP, IP_RECVTOS, &on, sizeof(on))
				 : setsockopt(fd, IPPROTO_IPV6, IPV6_RECVTCLASS, &on, sizeof(on)),
		0);
	return fd;
}

static struct bed bed_of(const char *loopback, const struct cl_udp_config *config)
{
	struct bed b = { .base = event_base_new() };
	struct why why;

	ck_assert(address_parse(loopback, &b.peer_at));
	b.peer = peer_open(&b.peer_at);
	ck_assert(cl_kernel_none_open(NULL, &b.kernel, &why));
	ck_assert_msg(cl_udp_open(b.base, config, &b.kernel, NULL, &b.udp, &why), "%s", why.text);
	return b;
}

static struct bed bed_begin(const char *loopback)
{
	const struct cl_udp_config config = { .receive = ignore, .received = ignore_all };

	return bed_of(loopback, &config);
}

static void bed_end(struct bed *b)
{
	cl_udp_close(b->udp);
	b->kernel.close(b->kernel.context);
	event_base_free(b->base);
	close(b->peer);
}

struct arrived {
	uint8_t data[64];
	size_t length;
	int class_of_service; /* -1: the kernel did not say */
	struct address from;
};

static struct arrived arrival(const struct bed *b)
{
	_Alignas(struct cmsghdr) uint8_t control[256];
	struct arrived a = { .class_of_service = -1 };
	struct sockaddr_storage name;
	struct iovec vector = { a.data, sizeof(a.data) };
	struct msghdr message = { .msg_name = &name,
		.msg_namelen = sizeof(name),
		.msg_iov = &vector,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control) };
	ssize_t length = recvmsg(b->peer, &message, 0);

	ck_assert_int_gt(length, 0);
	a.length = (size_t)length;
	ck_assert(address_from_sockaddr((struct sockaddr *)&name, &a.from));
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
		a.class_of_service = 0;
		memcpy(&a.class_of_service, CMSG_DATA(c), c->cmsg_len - CMSG_LEN(0));
	}
	return a;
}

static const struct {
	const char *loopback;
	bool names_source, nat_t;
	uint8_t dscp;
} sendings[] = {
	{ "127.0.0.1", true, false, 0 },
	{ "127.0.0.1", true, false, 46 },
	{ "127.0.0.1", false, false, 46 },
	{ "127.0.0.1", true, true, 48 },
	{ "::1", true, false, 0 },
	{ "::1", true, false, 46 },
	{ "::1", false, true, 46 },
};

START_TEST(datagrams_have_their_codepoint_source_and_marker)
{
	struct bed b = bed_begin(sendings[_i].loopback);
	bool nat_t = sendings[_i].nat_t;
	struct ike_datagram datagram = {
		.remote = b.peer_at, .data = bytes_of_text("words"), .dscp = sendings[_i].dscp
	};
	struct arrived a;

	datagram.local = (struct address){ .family = b.peer_at.family };
	if (sendings[_i].names_source)
		datagram.local = b.peer_at;
	datagram.local.port = nat_t ? cl_udp_port_nat_t(b.udp) : cl_udp_port(b.udp);
	cl_udp_send(b.udp, &datagram);
	a = arrival(&b);
	ck_assert_int_eq(a.class_of_service, sendings[_i].dscp << 2);
	ck_assert_uint_eq(a.from.port, datagram.local.port);
	ck_assert_uint_eq(a.length, nat_t ? 9 : 5);
	ck_assert_mem_eq(a.data, nat_t ? "\0\0\0\0words" : "words", a.length);
	bed_end(&b);
}
END_TEST

START_TEST(one_datagrams_codepoint_is_not_the_next_ones)
{
	struct bed b = bed_begin("127.0.0.1");
	struct ike_datagram datagram = {
		.local = b.peer_at, .remote = b.peer_at, .data = bytes_of_text("words"), .dscp = 46
	};

	datagram.local.port = cl_udp_port(b.udp);
	cl_udp_send(b.udp, &datagram);
	datagram.dscp = 0;
	cl_udp_send(b.udp, &datagram);
	ck_assert_int_eq(arrival(&b).class_of_service, 46 << 2);
	ck_assert_int_eq(arrival(&b).class_of_service, 0);
	bed_end(&b);
}
END_TEST

static void count(void *context, const struct ike_datagram *datagram)
{
	*(size_t *)context += datagram->data.length;
}

START_TEST(longer_ones_than_max_packet_are_not_read)
{
	size_t octets = 0;
	const struct cl_udp_config config = {
		.receive = count, .received = ignore_all, .context = &octets
	};
	struct bed b = bed_of("127.0.0.1", &config);
	static const uint8_t data[300] = { 1 };
	struct address to = b.peer_at;
	struct sockaddr_storage name;

	to.port = cl_udp_port(b.udp);
	socklen_t length = address_to_sockaddr(&to, &name);
	cl_udp_settings(b.udp, 200, 0);
	ck_assert_int_eq(sendto(b.peer, data, 201, 0, (struct sockaddr *)&name, length), 201);
	ck_assert_int_eq(sendto(b.peer, data, 200, 0, (struct sockaddr *)&name, length), 200);
	event_base_loop(b.base, EVLOOP_ONCE);
	ck_assert_uint_eq(octets, 200);
	bed_end(&b);
}
END_TEST

/* Only the other family's ports are bound then. */
START_TEST(a_family_can_be_left_out)
{
	const struct cl_udp_config config = {
		.receive = ignore, .received = ignore_all, .without_ipv6 = !_i, .without_ipv4 = _i
	};
	struct bed b = bed_of(_i ? "::1" : "127.0.0.1", &config);
	struct ike_datagram datagram = {
		.local = b.peer_at, .remote = b.peer_at, .data = bytes_of_text("words")
	};
	struct address other;

	datagram.local.port = cl_udp_port(b.udp);
	cl_udp_send(b.udp, &datagram);
	ck_assert_uint_eq(arrival(&b).length, 5);
	ck_assert(address_parse(_i ? "127.0.0.1" : "::1", &other));
	other.port = cl_udp_port(b.udp);
	close(peer_open(&other)); /* it is free */
	bed_end(&b);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("udp");
	TCase *sending = tcase_create("sending");

	tcase_add_loop_test(sending, datagrams_have_their_codepoint_source_and_marker, 0,
		sizeof(sendings) / sizeof(*sendings));
	tcase_add_test(sending, one_datagrams_codepoint_is_not_the_next_ones);
	tcase_add_test(sending, longer_ones_than_max_packet_are_not_read);
	tcase_add_loop_test(sending, a_family_can_be_left_out, 0, 2);
	suite_add_tcase(suite, sending);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
