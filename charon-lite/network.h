/*
 * The network around us: which address of ours leads to a peer (rtnetlink).
 *
 * One RTM_GETROUTE per question: the routing table is never read as a whole, it may have a
 * million entries. Thread rule: belongs to the loop's thread.
 */
#ifndef CHARON_LITE_NETWORK_H
#define CHARON_LITE_NETWORK_H

#include "charon-lite/log.h"
#include "libbase/address.h"
#include "libbase/why.h"

#include <event2/event.h>

struct cl_network;

/* Works without privileges. base and log must outlive it. */
MUST_USE bool cl_network_open(
	struct event_base *base, struct cl_log *log, struct cl_network **ret, struct why *why);
void cl_network_close(struct cl_network *n); /* NULL is fine */

/* The address of ours that packets to remote leave from (port 0); false when there is no route. */
MUST_USE bool cl_network_source_address(
	struct cl_network *n, const struct address *remote, struct address *ret);

/* Whether an interface of this machine has the address. */
bool cl_network_is_local(struct cl_network *n, const struct address *address);

#endif
