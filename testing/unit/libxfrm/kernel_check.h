/*
 * libxfrm on a real kernel: what the checks share.
 *
 * Two network namespaces, moon and sun, joined by a veth pair; 192.0.2.1 and 2001:db8::1 are
 * moon's, .2 and ::2 sun's. "Inner" addresses for tunnels lie on the loopback: 10.1.0.1 and
 * fd01::1, 10.2.0.1 and fd02::1.
 */
#ifndef KERNEL_CHECK_H
#define KERNEL_CHECK_H

#include "libxfrm/xfrm.h"

enum { MOON, SUN, SITES };

struct site {
	int namespace;
	struct xfrm_handle *handle;
};
extern struct site sites[SITES];

/* Enters a site's namespace: sockets opened from now on belong to it. */
void site_enter(int site);

/* One result line. `why` is printed when it failed. Returns ok. */
PRINTF_LIKE(3, 4) bool check(bool ok, const char *why, const char *name, ...);

/* Exits: the rest would make no sense. */
void must(bool ok, const char *what);

struct address host(const char *text);
struct address outer(int site, int family);
struct address inner(int site, int family);

/* A pair of connected UDP sockets, from moon to sun, with a receive timeout. */
struct talk {
	int sockets[SITES];
};
struct talk talk_open(const struct address *moon, const struct address *sun);
void talk_close(struct talk *talk);
/* A datagram from that site arrives at the other. */
bool talk_passes(const struct talk *talk, int from);
/* Sends without expecting anything. */
void talk_send(const struct talk *talk, int from);

/* What both directions of a tunnel have in common. */
struct tunnel {
	const char *name;
	int family; /* outer */
	int inner_family;
	struct xfrm_state shape; /* protocol, mode, algorithms, window, limits, marks... */
	bool ipcomp;
};

/* Key octets for algorithms; more than any needs. */
extern const uint8_t key_octets[160];

/* The state that carries packets from that site to the other, as both have it. */
struct xfrm_state tunnel_state(const struct tunnel *tunnel, int from);

/* States and policies at both sites. */
bool tunnel_install(const struct tunnel *tunnel, struct why *why);
/* Everything of both sites. */
void tunnel_remove(void);

/* Waits (up to 5 s) for an event of that kind at a site. */
bool event_wait(int site, enum xfrm_event_kind kind, struct xfrm_event *ret);
/* Throws away what is queued. */
void events_drain(int site);

void check_algorithms(void);
void check_modes(void);
void check_requests(void);
void check_moves(void);
void check_policies(void);
void check_events(void);
void check_ownership(void);

#endif
