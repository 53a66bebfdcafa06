/* Hearing of changes: addresses and links always, routes when they may lead to a peer. */
#include "charon-lite/network_priv.h"

#include "charon-lite/rtnetlink.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/errno.h>
#include <netlink/netlink.h>
#include <stdlib.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

enum {
	QUEUE = 4 << 20, /* octets; a link that comes up can bring hundreds of addresses */
	DATAGRAMS_PER_CALL = 64,
	DATAGRAM_MAX = 16384,
	SETTLE_MILLISECONDS = 100, /* changes come in bursts */
	NARROW_MILLISECONDS = 200, /* new peers, too */
	TIDY_SECONDS = 300,        /* peers that are gone cost a look now and then, no more */
	REOPEN_SECONDS = 5,
};

/* Whose coming and going changes what can be reached. */
#define LINK_STATE (IFF_UP | IFF_RUNNING)

struct cl_link {
	uint32_t index;
	uint32_t flags;
	UT_hash_handle hh;
};

static void arm(struct event *timer, unsigned milliseconds)
{
	const struct timeval wait = { milliseconds / 1000, milliseconds % 1000 * 1000 };

	if (!evtimer_pending(timer, NULL))
		evtimer_add(timer, &wait);
}

static void arm_anew(struct event *timer, unsigned milliseconds)
{
	evtimer_del(timer);
	arm(timer, milliseconds);
}

static void report(struct cl_network *n)
{
	cl_addresses_forget(n->addresses);
	arm(n->listener.settle, SETTLE_MILLISECONDS);
}

/* ---- Reading ---- */

static void links_forget(struct cl_listener_state *l)
{
	struct cl_link *link, *next;

	HASH_ITER(hh, l->links, link, next)
	{
		HASH_DEL(l->links, link);
		free(link);
	}
}

/* Without memory for it a link is unknown, and each of its messages matters. */
static void link_remember(struct cl_listener_state *l, uint32_t index, uint32_t flags)
{
	struct cl_link *link = malloc(sizeof(*link));

	if (!link)
		return;
	*link = (struct cl_link){ .index = index, .flags = flags };
	HASH_ADD(hh, l->links, index, sizeof(link->index), link);
	if (!link->hh.tbl)
		free(link);
}

/* Links send messages about much that is nothing to us (statistics, bridges, wireless scans). */
static bool link_matters(struct cl_listener_state *l, struct nlmsghdr *message)
{
	struct cl_link *link;
	struct ifinfomsg fixed;

	if (nlmsg_datalen(message) < (int)sizeof(fixed))
		return false;
	memcpy(&fixed, nlmsg_data(message), sizeof(fixed));
	if (fixed.ifi_family != AF_UNSPEC)
		return false;
	uint32_t index = (uint32_t)fixed.ifi_index, flags = fixed.ifi_flags & LINK_STATE;
	HASH_FIND(hh, l->links, &index, sizeof(index), link);
	if (message->nlmsg_type == RTM_DELLINK) {
		bool was_up = !link || (link->flags & IFF_UP);

		if (link) {
			HASH_DEL(l->links, link);
			free(link);
		}
		return was_up;
	}
	if (!link) {
		link_remember(l, index, flags);
		return flags & IFF_UP;
	}
	bool matters = link->flags != flags;
	link->flags = flags;
	return matters;
}

static bool message_matters(struct cl_network *n, struct nlmsghdr *message)
{
	struct cl_listener_state *l = &n->listener;
	bool matters = false;

	switch (message->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		matters = link_matters(l, message);
		cl_network_tunnel_link(n, message);
		l->links_changed = l->links_changed || matters;
		break;
	case RTM_NEWADDR:
	case RTM_DELADDR:
		matters = cl_addresses_event_matters(n->addresses, message);
		l->links_changed = l->links_changed || matters;
		break;
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		matters = cl_watch_concerns(&l->watch, cl_network_own_table(n), message);
		break;
	}
	return matters;
}

static void lost(struct cl_network *n)
{
	if (!n->listener.missed)
		cl_log_text(n->log, IKE_LOG_KNL, IKE_LOG_INFO,
			"changes of the network were missed: looking at all of it");
	n->listener.missed = true;
	links_forget(&n->listener);
	n->listener.links_changed = true;
	report(n);
}

static void listener_close(struct cl_listener_state *l)
{
	if (l->readable)
		event_free(l->readable);
	l->readable = NULL;
	nl_socket_free(l->sock);
	l->sock = NULL;
	l->hears_routes = false;
}

static void take(struct cl_network *n, struct nlmsghdr *message, ssize_t length)
{
	int left = (int)length;

	for (; nlmsg_ok(message, left); message = nlmsg_next(message, &left)) {
		n->listener.messages++;
		if (message_matters(n, message))
			report(n);
	}
}

static void on_readable(evutil_socket_t fd, short what, void *context)
{
	struct cl_network *n = context;

	(void)what;
	for (unsigned i = 0; i < DATAGRAMS_PER_CALL; i++) {
		uint32_t buffer[DATAGRAM_MAX / sizeof(uint32_t)];
		struct sockaddr_nl from = { 0 };
		socklen_t from_length = sizeof(from);
		ssize_t length = recvfrom(fd, buffer, sizeof(buffer), MSG_DONTWAIT | MSG_TRUNC,
			(struct sockaddr *)&from, &from_length);

		if (length < 0 && errno == EINTR)
			continue;
		if (length < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return;
		if (length < 0 && errno == ENOBUFS) {
			lost(n); /* what is in the queue still comes */
			continue;
		}
		if (length < 0) {
			cl_log_text(n->log, IKE_LOG_KNL, IKE_LOG_AUDIT,
				"cannot read changes of the network, trying again: %s",
				strerror(errno));
			listener_close(&n->listener);
			arm_anew(n->listener.narrow, REOPEN_SECONDS * 1000);
			return;
		}
		if (from.nl_pid != 0) /* another program, not the kernel */
			continue;
		if ((size_t)length > sizeof(buffer)) /* a link with very many names, say */
			lost(n);
		else
			take(n, (struct nlmsghdr *)buffer, length);
	}
}

/* ---- The filter ---- */

/* A kernel with little room for filters gets a coarser one. */
static bool filter_attach(struct cl_network *n, const struct cl_watch *watch)
{
	struct sock_filter steps[CL_FILTER_LENGTH_MAX];
	int fd = nl_socket_get_fd(n->listener.sock);

	for (size_t ranges = CL_FILTER_RANGES_MAX; ranges > 0; ranges /= 2) {
		size_t length = cl_filter_build(watch, cl_network_own_table(n), ranges, steps);
		const struct sock_fprog program = { (unsigned short)length, steps };

		if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) == 0)
			return true;
	}
	return false;
}

static void hear_routes(struct cl_network *n, bool wanted)
{
	struct cl_listener_state *l = &n->listener;
	const int groups[] = { RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE };

	wanted = wanted && n->settings.process_route;
	if (wanted == l->hears_routes)
		return;
	for (size_t i = 0; i < sizeof(groups) / sizeof(*groups); i++)
		(void)setsockopt(nl_socket_get_fd(l->sock), SOL_NETLINK,
			wanted ? NETLINK_ADD_MEMBERSHIP : NETLINK_DROP_MEMBERSHIP, &groups[i],
			sizeof(groups[i]));
	l->hears_routes = wanted;
}

/* Until the peers have been gathered all routes pass, so that no change is missed. */
static void widen(struct cl_network *n)
{
	struct cl_listener_state *l = &n->listener;

	if (l->wide || !l->sock)
		return;
	arm_anew(l->narrow, NARROW_MILLISECONDS);
	l->wide = true;
	if (!filter_attach(n, NULL))
		(void)setsockopt(nl_socket_get_fd(l->sock), SOL_SOCKET, SO_DETACH_FILTER, NULL, 0);
	hear_routes(n, true);
}

void cl_network_watch(struct cl_network *n, const struct address *peer)
{
	struct cl_listener_state *l = &n->listener;
	if (l->gathering)
		l->wide = !cl_watch_gather(&l->watch, peer) || l->wide;
	else if (cl_watch_add(&l->watch, peer) != CL_WATCH_KNOWN)
		widen(n);
}

static void gather_peers(struct cl_network *n)
{
	struct cl_listener_state *l = &n->listener;

	l->wide = false;
	l->gathering = true;
	cl_watch_clear(&l->watch);
	n->events.peers(n->events.context, n);
	if (n->routes)
		cl_routes_peers(n->routes);
	cl_watch_gathered(&l->watch);
	l->gathering = false;
}

static bool listener_open(struct cl_network *n, struct why *why);

static void on_narrow(evutil_socket_t fd, short what, void *context)
{
	struct cl_network *n = context;
	struct cl_listener_state *l = &n->listener;

	(void)fd, (void)what;
	if (!l->sock) {
		if (!listener_open(n, NULL)) {
			arm(l->narrow, REOPEN_SECONDS * 1000);
			return;
		}
		lost(n);
	}
	gather_peers(n);
	if (!l->wide && !filter_attach(n, &l->watch))
		l->wide = true;
	if (l->wide)
		(void)filter_attach(n, NULL);
	hear_routes(n, l->wide || !cl_watch_is_empty(&l->watch));
	if (l->hears_routes)
		arm(l->narrow, TIDY_SECONDS * 1000);
}

/* ---- Telling ---- */

static void on_settle(evutil_socket_t fd, short what, void *context)
{
	struct cl_network *n = context;
	bool links_changed = n->listener.links_changed;

	(void)fd, (void)what;
	if (n->listener.missed)
		cl_network_tunnel_look(n);
	n->listener.links_changed = n->listener.missed = false;
	n->listener.changes++;
	cl_log_text(n->log, IKE_LOG_KNL, IKE_LOG_DETAIL,
		"the network has changed (%llu times, %llu messages so far)",
		(unsigned long long)n->listener.changes, (unsigned long long)n->listener.messages);
	if (n->virtual && links_changed)
		cl_virtual_refresh(n->virtual);
	if (n->routes)
		cl_routes_refresh(n->routes, links_changed);
	if (n->settings.roam_events)
		n->events.changed(n->events.context);
}

/* ---- Opening and closing ---- */

static bool listener_open(struct cl_network *n, struct why *why)
{
	struct cl_listener_state *l = &n->listener;
	const int queue = QUEUE;
	int error;

	if (!(l->sock = nl_socket_alloc()))
		return why_fail(why, "no memory for a netlink socket");
	nl_join_groups(l->sock, RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR);
	if ((error = nl_connect(l->sock, NETLINK_ROUTE)) < 0 ||
		(error = nl_socket_set_nonblocking(l->sock)) < 0) {
		listener_close(l);
		return why_fail(
			why, "cannot listen to changes of the network: %s", nl_geterror(error));
	}
	int fd = nl_socket_get_fd(l->sock);
	/* beyond the system's limit with CAP_NET_ADMIN, else up to it */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &queue, sizeof(queue)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &queue, sizeof(queue));
	l->readable = event_new(n->base, fd, EV_READ | EV_PERSIST, on_readable, n);
	if (l->readable && event_add(l->readable, NULL) == 0)
		return true;
	listener_close(l);
	return why_fail(why, "no memory for changes of the network");
}

void cl_network_listen_anew(struct cl_network *n)
{
	arm_anew(n->listener.narrow, NARROW_MILLISECONDS);
}

void cl_network_changed(struct cl_network *n)
{
	report(n);
}

bool cl_network_listen(struct cl_network *n, struct why *why)
{
	struct cl_listener_state *l = &n->listener;

	l->settle = evtimer_new(n->base, on_settle, n);
	l->narrow = evtimer_new(n->base, on_narrow, n);
	if (!l->settle || !l->narrow)
		return why_fail(why, "no memory for changes of the network");
	return listener_open(n, why);
}

void cl_network_listen_end(struct cl_network *n)
{
	struct cl_listener_state *l = &n->listener;

	listener_close(l);
	if (l->settle)
		event_free(l->settle);
	if (l->narrow)
		event_free(l->narrow);
	links_forget(l);
	cl_watch_clear(&l->watch);
}
