/* stream SITE ADDRESS SITE ADDRESS [RATE [TUNNELS]]
 * Sends RATE (1000) small UDP datagrams a second each way between two hosts of the lab and knows
 * what became of each: one process has a socket in either site's network namespace and thus both
 * ends in its hands. With TUNNELS (at most 256) they go through so many by turns: of each address
 * a '%' is the tunnel's number, from 0.
 *
 * At its start and at SIGUSR1: prints "flows" as soon as 1000 datagrams have arrived
 * each way without a loss. SIGTERM: stops sending, waits for stragglers, prints a line for each way
 * and each gap in it, ends:
 *
 *   way alice-bob sent 5000 received 4990 duplicated 0 outage 10
 *
 *   gap alice-bob at 1234 for 10
 *
 * and with TUNNELS what each has carried:
 *
 *   tunnel 7 alice-bob sent 25 received 25
 *
 * Times are milliseconds; an outage is the sum of the gaps. A gap reaches from the moment when the
 * last datagram before it was sent to that when the first after it was: a host that pauses makes
 * none. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PORT 7777
#define BATCH 16          /* datagrams between two looks at what has arrived */
#define FLOWS 1000        /* in a row that count as flowing */
#define STRAGGLERS_MS 500 /* a datagram that takes longer is lost */
#define DATAGRAMS_MAX (3600 * 1000)
#define TUNNELS_MAX 256

/* A host: of one of several tunnels' addresses it sends from that tunnel's. */
struct host {
	int socket;
	struct in_addr addresses[TUNNELS_MAX];
};

struct way {
	char name[64];
	int from, to; /* sockets */
	const struct host *sender, *receiver;
	uint32_t *sent_us;
	uint8_t *arrived; /* how often */
	uint32_t expected, in_a_row;
	uint32_t received, duplicated;
};

static volatile sig_atomic_t asked = 1, ended;
static uint64_t interval_us = 1000;
static uint32_t tunnels = 1;

static void on_signal(int number)
{
	if (number == SIGUSR1)
		asked = 1;
	else
		ended = 1;
}

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "stream: %s: %s\n", what, strerror(errno));
	exit(2);
}

static uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static socklen_t parse_address(struct sockaddr_storage *ret, const char *text)
{
	struct sockaddr_in *four = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)ret;

	memset(ret, 0, sizeof(*ret));
	if (inet_pton(AF_INET, text, &four->sin_addr) == 1) {
		four->sin_family = AF_INET;
		four->sin_port = htons(PORT);
		return sizeof(*four);
	}
	if (inet_pton(AF_INET6, text, &six->sin6_addr) != 1)
		fail(text);
	six->sin6_family = AF_INET6;
	six->sin6_port = htons(PORT);
	return sizeof(*six);
}

/* A socket at the site, bound to its address; sends to the other one's. Of several tunnels it is
 * bound to any. */
static int site_socket(const char *site, const char *address, const char *other)
{
	struct sockaddr_storage own, peer;
	char path[128];
	const int room = 16 << 20; /* a busy kernel lets this process wait */
	socklen_t length;
	int net, fd;

	if (tunnels > 1)
		address = "0.0.0.0";

	snprintf(path, sizeof(path), "/run/netns/%s", site);
	net = open(path, O_RDONLY | O_CLOEXEC);
	if (net < 0 || setns(net, CLONE_NEWNET) < 0)
		fail(path);
	close(net);
	length = parse_address(&own, address);
	if (tunnels == 1)
		parse_address(&peer, other);
	fd = socket(own.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) < 0 ||
		bind(fd, (struct sockaddr *)&own, length) < 0 ||
		(tunnels == 1 && connect(fd, (struct sockaddr *)&peer, length) < 0))
		fail(address);
	return fd;
}

static void host_init(struct host *h, const char *site, const char *address, const char *other)
{
	size_t before = strcspn(address, "%");
	char text[64];

	h->socket = site_socket(site, address, other);
	for (uint32_t i = 0; tunnels > 1 && i < tunnels; i++) {
		if (address[before])
			snprintf(text, sizeof(text), "%.*s%u%s", (int)before, address, (unsigned)i,
				address + before + 1);
		else
			snprintf(text, sizeof(text), "%s", address);
		if (inet_pton(AF_INET, text, &h->addresses[i]) != 1)
			fail(text);
	}
}

static void way_init(struct way *w, const char *from, const char *to, const struct host *sender,
	const struct host *receiver)
{
	memset(w, 0, sizeof(*w));
	snprintf(w->name, sizeof(w->name), "%s-%s", from, to);
	w->sender = sender;
	w->receiver = receiver;
	w->from = sender->socket;
	w->to = receiver->socket;
	w->sent_us = calloc(DATAGRAMS_MAX, sizeof(*w->sent_us));
	w->arrived = calloc(DATAGRAMS_MAX, sizeof(*w->arrived));
	if (!w->sent_us || !w->arrived)
		fail("memory");
}

static void send_through(const struct way *w, uint32_t tunnel, void *datagram, size_t length)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons(PORT),
		.sin_addr = w->receiver->addresses[tunnel] };
	const struct in_pktinfo from = { .ipi_spec_dst = w->sender->addresses[tunnel] };
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(struct in_pktinfo))];
	} control = { .room = "" };
	struct iovec part = { datagram, length };
	const struct msghdr message = { .msg_name = &to,
		.msg_namelen = sizeof(to),
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };

	control.header.cmsg_level = IPPROTO_IP;
	control.header.cmsg_type = IP_PKTINFO;
	control.header.cmsg_len = CMSG_LEN(sizeof(from));
	memcpy(CMSG_DATA(&control.header), &from, sizeof(from));
	(void)!sendmsg(w->from, &message, 0);
}

/* What cannot be sent is lost like any other. */
static void way_send(struct way *w, uint32_t number, uint32_t since_begin)
{
	uint32_t datagram[8] = { number };

	w->sent_us[number] = since_begin;
	if (tunnels > 1)
		send_through(w, number % tunnels, datagram, sizeof(datagram));
	else
		(void)!send(w->from, datagram, sizeof(datagram), 0);
}

static void way_receive(struct way *w, uint32_t sent)
{
	uint32_t datagram[8], number;

	for (;;) {
		if (recv(w->to, datagram, sizeof(datagram), 0) < 0) {
			if (errno == EAGAIN)
				return;
			continue; /* an ICMP error: the next one may be a datagram */
		}
		number = datagram[0];
		if (number >= sent)
			continue;
		if (w->arrived[number] == 0)
			w->received++;
		else
			w->duplicated++;
		if (w->arrived[number] < UINT8_MAX)
			w->arrived[number]++;
		w->in_a_row = number == w->expected ? w->in_a_row + 1 : 1;
		w->expected = number + 1;
	}
}

static void way_report(const struct way *w, uint32_t sent, uint64_t end_us)
{
	uint64_t outage = 0, from, to;
	uint32_t i, first;

	for (int pass = 0; pass < 2; pass++) {
		for (i = 0; i < sent; i++) {
			if (w->arrived[i])
				continue;
			for (first = i; i < sent && !w->arrived[i]; i++)
				;
			from = first > 0 ? w->sent_us[first - 1] : 0;
			to = i < sent ? w->sent_us[i] : end_us;
			if (pass == 0)
				outage += to - from;
			else
				printf("gap %s at %u for %u\n", w->name, (unsigned)(from / 1000),
					(unsigned)((to - from) / 1000));
		}
		if (pass == 0)
			printf("way %s sent %u received %u duplicated %u outage %u\n", w->name,
				sent, w->received, w->duplicated, (unsigned)(outage / 1000));
	}
}

static void way_report_tunnels(const struct way *w, uint32_t sent)
{
	for (uint32_t tunnel = 0; tunnels > 1 && tunnel < tunnels; tunnel++) {
		uint32_t of_it = 0, received = 0;

		for (uint32_t i = tunnel; i < sent; i += tunnels) {
			of_it++;
			received += w->arrived[i];
		}
		printf("tunnel %u %s sent %u received %u\n", (unsigned)tunnel, w->name,
			(unsigned)of_it, (unsigned)received);
	}
}

static void stream(struct way *a, struct way *b)
{
	struct pollfd polls[2] = { { .fd = a->to, .events = POLLIN },
		{ .fd = b->to, .events = POLLIN } };
	uint64_t begin = now_us(), now, stopped = 0;
	uint32_t sent = 0, end = 0;
	int batch;

	for (;;) {
		now = now_us() - begin;
		for (batch = 0; !stopped && batch < BATCH && sent < DATAGRAMS_MAX &&
				now >= (uint64_t)sent * interval_us;
			batch++) {
			way_send(a, sent, (uint32_t)now);
			way_send(b, sent++, (uint32_t)now);
		}
		way_receive(a, sent);
		way_receive(b, sent);
		if (asked == 1) { /* from now on */
			a->in_a_row = b->in_a_row = 0;
			asked = 2;
		}
		if (asked == 2 && a->in_a_row >= FLOWS && b->in_a_row >= FLOWS) {
			printf("flows\n");
			fflush(stdout);
			asked = 0;
		}
		if (ended && !stopped) {
			stopped = now;
			end = (uint32_t)now;
		}
		if (stopped && now >= stopped + STRAGGLERS_MS * 1000)
			break;
		if (stopped || now < (uint64_t)sent * interval_us)
			poll(polls, 2, 1);
	}
	way_report(a, sent, end);
	way_report(b, sent, end);
	way_report_tunnels(a, sent);
	way_report_tunnels(b, sent);
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_signal };
	static struct host here, there;
	struct way a, b;

	if (argc >= 6)
		interval_us = atoi(argv[5]) > 0 ? 1000000 / (unsigned)atoi(argv[5]) : 0;
	if (argc == 7)
		tunnels = (uint32_t)atoi(argv[6]);
	if (argc < 5 || argc > 7 || interval_us == 0 || tunnels < 1 || tunnels > TUNNELS_MAX) {
		fprintf(stderr,
			"usage: stream SITE ADDRESS SITE ADDRESS [RATE [TUNNELS]], at most %d\n",
			TUNNELS_MAX);
		return 2;
	}
	sigaction(SIGUSR1, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	host_init(&here, argv[1], argv[2], argv[4]);
	host_init(&there, argv[3], argv[4], argv[2]);
	way_init(&a, argv[1], argv[3], &here, &there);
	way_init(&b, argv[3], argv[1], &there, &here);
	stream(&a, &b);
	return 0;
}
