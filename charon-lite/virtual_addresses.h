/*
 * Virtual addresses of this host's own, put on an interface for as long as some IKE SA has them.
 *
 * They are marked as ours (IFA_PROTO, which Linux knows since 5.18), so that a daemon finds what
 * one that was killed left: it is taken over if it is wanted again within a minute, and removed if
 * not. An IPv6 address is deprecated from birth: nothing leaves from it but what a tunnel's route
 * sends. One that the host had before is used, and stays. Virtual addresses are nobody's way to a
 * peer: they are left out where addresses of this host are asked for.
 *
 * Thread rule: belongs to the loop's thread.
 */
#ifndef CHARON_LITE_VIRTUAL_ADDRESSES_H
#define CHARON_LITE_VIRTUAL_ADDRESSES_H

#include "libbase/address.h"
#include "libbase/why.h"

#define CL_VIRTUAL_PROTOCOL 220 /* IFA_PROTO, as the routing table's number */

struct cl_network;
struct cl_virtual;

/* Takes over what an earlier daemon left. n outlives it. NULL without memory. */
struct cl_virtual *cl_virtual_new(struct cl_network *n);
/* Removes all of ours. NULL is fine. */
void cl_virtual_free(struct cl_virtual *v);

/* As struct ike_host's address_install and address_remove. */
MUST_USE bool cl_virtual_install(struct cl_virtual *v, const struct address *address,
	const struct address *local, struct why *why);
void cl_virtual_remove(struct cl_virtual *v, const struct address *address);

/* Whether it is there for our sake. v NULL: no. */
bool cl_virtual_has(const struct cl_virtual *v, const struct address *address);
/* As cl_network_virtual(). */
struct cl_network_virtual;
bool cl_virtual_find(
	const struct cl_virtual *v, const struct address *address, struct cl_network_virtual *ret);
/* An IKE SA that has it moves: its messages leave from there now. */
void cl_virtual_follow(
	struct cl_virtual *v, const struct address *address, const struct address *local);

/* The kernel may have dropped some, as it does with IPv6 when a link goes down, and with an
 * interface that goes. One that was made anew gets them again. */
void cl_virtual_refresh(struct cl_virtual *v);

#endif
