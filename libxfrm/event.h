/*
 * Events: what the kernel tells without being asked.
 */
#ifndef LIBXFRM_EVENT_H
#define LIBXFRM_EVENT_H

#include "libxfrm/policy.h"

enum xfrm_event_kind {
	XFRM_EVENT_ACQUIRE,       /* a packet met a policy that has no state for it */
	XFRM_EVENT_EXPIRE,        /* a state reached a limit */
	XFRM_EVENT_MAPPING,       /* UDP-encapsulated packets come from a new address or port */
	XFRM_EVENT_POLICY_EXPIRE, /* a policy reached a limit */
	XFRM_EVENT_LOST,          /* the queue ran over: list states and policies to catch up */
};

struct xfrm_acquire {
	struct address source; /* outer addresses the state should have */
	struct address destination;
	uint8_t protocol;
	uint8_t mode;
	uint32_t reqid;                        /* of the policy's template, 0 when it names none */
	struct xfrm_traffic_selector selector; /* the packet: hosts, protocol, ports */
	struct xfrm_policy_id policy;          /* what it met; if_id and mark included */
	uint32_t policy_index;
	uint32_t sequence;               /* of the larval state the kernel made */
	struct xfrm_processor processor; /* that the packet came from, if it is to have its own */
};

struct xfrm_expire {
	struct xfrm_state_id id;
	struct address source;
	uint32_t reqid;
	bool hard; /* the kernel has deleted it (and the handle forgotten it) */
	uint64_t bytes, packets;
};

struct xfrm_mapping {
	struct xfrm_state_id
		id; /* the inbound state; never has a mark here: the kernel leaves it out */
	uint32_t reqid;
	struct address old_source; /* with the UDP port */
	struct address new_source;
};

struct xfrm_policy_expire {
	struct xfrm_policy_id policy;
	uint32_t policy_index;
	bool hard;
};

struct xfrm_event {
	enum xfrm_event_kind kind;
	union {
		struct xfrm_acquire acquire;
		struct xfrm_expire expire;
		struct xfrm_mapping mapping;
		struct xfrm_policy_expire policy_expire;
	};
};

/* Watch it for reading; non-blocking. Stays the same while the handle lives. */
int xfrm_events_fd(const struct xfrm_handle *handle);

/*
 * Reads what is there (a bounded number, so that a flood of acquires cannot hold up the loop:
 * the descriptor stays readable). Not only ours: the caller looks up SPI, reqid or policy.
 * The callback may send requests through the handle, but not close it. False, with why, when
 * the socket itself failed.
 */
MUST_USE bool xfrm_events_read(struct xfrm_handle *handle,
	void (*callback)(void *context, const struct xfrm_event *event), void *context,
	struct why *why);

#endif
