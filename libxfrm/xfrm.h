/*
 * libxfrm: the Linux kernel's IPsec tables. Plain data in, netlink out.
 *
 *   traffic.h  which packets (selectors)
 *   state.h    security associations
 *   policy.h   policies and their priorities
 *   event.h    acquires, expiries, NAT mapping changes
 *   socket.h   options for IKE's own sockets
 *   message.h  the netlink messages themselves, as pure functions of these structures
 *
 * Requests are synchronous: the kernel has acted when the call returns. A handle belongs to one
 * thread and one network namespace, the one it was opened in; CAP_NET_ADMIN is needed for all
 * but opening.
 *
 * Ours and theirs. The handle remembers by id whatever was installed or adopted through it, and
 * xfrm_flush() deletes only that. XFRM has no owner field, but keeps two numbers that only
 * their maker cares for: libxfrm puts 0x6c69 ("li") into the upper half of a state's sequence
 * number and 0x6c into the first octet of a policy's index (`ip -s xfrm policy` shows it). The
 * kernel's own counters start at 0 and do not get there. So what a process that died left behind
 * is recognised: xfrm_adopt_leftovers(), or `ours` in the lists. One user of libxfrm per network
 * namespace, therefore.
 *
 * Messages are built and read with libnl-3's message and attribute functions. libnl-xfrm-3's
 * objects are not used: they know neither XFRMA_IF_ID, XFRMA_SET_MARK nor XFRMA_OFFLOAD_DEV,
 * read no acquires, and free copies of keys unwiped. So there is one
 * way for all messages.
 */
#ifndef LIBXFRM_XFRM_H
#define LIBXFRM_XFRM_H

#include "libxfrm/event.h"
#include "libxfrm/policy.h"
#include "libxfrm/socket.h"
#include "libxfrm/state.h"

/* Opens the request socket and subscribes to events; NULL with why. */
MUST_USE struct xfrm_handle *xfrm_open(struct why *why);

/* Deletes nothing in the kernel. NULL is fine. */
void xfrm_close(struct xfrm_handle *handle);

/* Whatever an earlier process installed through libxfrm is ours from now on. */
MUST_USE enum xfrm_result xfrm_adopt_leftovers(
	struct xfrm_handle *handle, unsigned *ret_states, unsigned *ret_policies, struct why *why);

/* Deletes every state and policy that is ours; goes on after a failure and reports the last. */
MUST_USE enum xfrm_result xfrm_flush(struct xfrm_handle *handle, struct why *why);

#endif
