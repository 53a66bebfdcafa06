/*
 * The addresses of this host (RTM_GETADDR), kept until an event says that they changed.
 *
 * Thread rule: belongs to the loop's thread.
 */
#ifndef CHARON_LITE_ADDRESSES_H
#define CHARON_LITE_ADDRESSES_H

#include "charon-lite/interfaces.h"
#include "libike/base/selector.h"

#include <linux/netlink.h>

struct nl_sock;
struct cl_virtual;

struct cl_local_address {
	struct address address; /* link-local ones with their scope */
	uint32_t interface;
	uint32_t flags; /* IFA_F_* */
	uint8_t prefix_length;
	uint8_t scope;    /* RT_SCOPE_* */
	uint8_t protocol; /* IFA_PROTO: who made it; 0: not said */
};

/* An RTM_NEWADDR or RTM_DELADDR in our terms; false when it makes no sense. */
MUST_USE bool cl_local_address_parse(struct nlmsghdr *message, struct cl_local_address *ret);

/* Whether peers can be told of it and reach it, on an interface that is up and no loopback: no
 * address of this host or link alone, none on trial or on its way out, and none that changes every
 * day for privacy's sake (RFC 8981) unless `temporary`. */
bool cl_local_address_is_usable(const struct cl_local_address *a, bool temporary);

struct cl_addresses;

/* sock is borrowed. NULL without memory. */
struct cl_addresses *cl_addresses_new(struct nl_sock *sock);
void cl_addresses_free(struct cl_addresses *all); /* NULL is fine */

/* Those that tunnels have us have: ways into them, and not to peers. Borrowed; NULL: none. */
void cl_addresses_virtual(struct cl_addresses *all, const struct cl_virtual *virtual);

/* They are read again when next needed. */
void cl_addresses_forget(struct cl_addresses *all);

/* Whether an RTM_NEWADDR or RTM_DELADDR says something new: kernels repeat an address each time a
 * router prolongs its life. */
bool cl_addresses_event_matters(struct cl_addresses *all, struct nlmsghdr *message);

/* The usable ones of a family (0: both) on interfaces that are used; returns how many of at most
 * room. */
size_t cl_addresses_list(struct cl_addresses *all, const struct cl_interfaces *which,
	bool temporary, uint16_t family, struct address *ret, size_t room);

/* An address of ours that lies in the selector: the best is a usable one, then one of the loopback
 * (routers have theirs there), then one on an interface that IKE does not use. */
MUST_USE bool cl_addresses_within(struct cl_addresses *all, const struct cl_interfaces *which,
	const struct ike_selector *selector, struct address *ret);

/* The interface that has the address; 0: none. */
uint32_t cl_addresses_interface(struct cl_addresses *all, const struct address *address);

/* The kernel prefers temporary addresses, or not, by its own switch. Where the chosen one is not
 * of the kind that is wanted, and its interface has one of the same network that is, takes that. */
void cl_addresses_prefer(struct cl_addresses *all, bool temporary, struct address *chosen);

#endif
