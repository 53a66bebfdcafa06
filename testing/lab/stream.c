/* stream SITE ADDRESS SITE ADDRESS [RATE]
 * Sends RATE (1000) small UDP datagrams a second each way between two hosts of the lab and knows
 * what became of each: one process has a socket in either site's network namespace and thus both
 * ends in its hands.
 *
 * At its start and at SIGUSR1: prints "flows" as soon as 1000 datagrams have arrived
 * each way without a loss. SIGTERM: stops sending, waits for stragglers, prints a line for each way
 * and each gap in it, ends:
 *
 *   way alice-bob sent 5000 received 4990 duplicated 0 outage 10
 *
 *   gap alice-bob at 1234 for 10
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

struct way {
	char name[64];
	int from, to; /* sockets */
	uint32_t *sent_us;
	uint8_t *arrived; /* how often */
	uint32_t expected, in_a_row;
	uint32_t received, duplicated;
};

static volatile sig_atomic_t asked = 1, ended;
static uint64_t interval_us = 1000;

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

/* A socket at the site, bound to its address; sends to the other one's. */
static int site_socket(const char *site, const char *address, const char *other)
{
	struct sockaddr_storage own, peer;
	char path[128];
	const int room = 16 << 20; /* a busy kernel lets this process wait */
	socklen_t length;
	int net, fd;

	snprintf(path, sizeof(path), "/run/netns/%s", site);
	net = open(path, O_RDONLY | O_CLOEXEC);
	if (net < 0 || setns(net, CLONE_NEWNET) < 0)
		fail(path);
	close(net);
	length = parse_address(&own, address);
	parse_address(&peer, other);
	fd = socket(own.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) < 0 ||
		bind(fd, (struct sockaddr *)&own, length) < 0 ||
		connect(fd, (struct sockaddr *)&peer, length) < 0)
		fail(address);
	return fd;
}

static void way_init(struct way *w, const char *from, const char *to, int from_fd, int to_fd)
{
	memset(w, 0, sizeof(*w));
	snprintf(w->name, sizeof(w->name), "%s-%s", from, to);
	w->from = from_fd;
	w->to = to_fd;
	w->sent_us = calloc(DATAGRAMS_MAX, sizeof(*w->sent_us));
	w->arrived = calloc(DATAGRAMS_MAX, sizeof(*w->arrived));
	if (!w->sent_us || !w->arrived)
		fail("memory");
}

/* What cannot be sent is lost like any other. */
static void way_send(struct way *w, uint32_t number, uint32_t since_begin)
{
	uint32_t datagram[8] = { number };

	w->sent_us[number] = since_begin;
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
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct way a, b;
	int fd_a, fd_b;

	if (argc < 5 || argc > 6 || (argc == 6 && atoi(argv[5]) < 1)) {
		fprintf(stderr, "usage: stream SITE ADDRESS SITE ADDRESS [RATE]\n");
		return 2;
	}
	if (argc == 6)
		interval_us = 1000000 / (unsigned)atoi(argv[5]);
	sigaction(SIGUSR1, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	fd_a = site_socket(argv[1], argv[2], argv[4]);
	fd_b = site_socket(argv[3], argv[4], argv[2]);
	way_init(&a, argv[1], argv[3], fd_a, fd_b);
	way_init(&b, argv[3], argv[1], fd_b, fd_a);
	stream(&a, &b);
	return 0;
}
