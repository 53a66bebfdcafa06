/*
 * Policies: which packets must be protected, may pass, or are dropped (RFC 4301 SPD).
 *
 * The kernel keeps one policy per direction, selector, mark and if_id; a second one with these
 * alike replaces the first (xfrm_policy_replace) or is refused (xfrm_policy_add). Callers whose
 * children share selectors count references themselves.
 */
#ifndef LIBXFRM_POLICY_H
#define LIBXFRM_POLICY_H

#include "libxfrm/state.h"

/* Flag of outbound policies (XFRM_POLICY_CPU_ACQUIRE, Linux 6.13): packets that have no state for
 * their processor go by the one for any, and raise an acquire that names the processor. */
#define XFRM_POLICY_FOR_EACH_PROCESSOR 4

#define XFRM_TEMPLATES_MAX 6 /* the kernel's XFRM_MAX_DEPTH */

/* Protection that a packet gets (out) or must have had (in, fwd). */
struct xfrm_template {
	struct address source; /* tunnel endpoints; family 0 in transport mode */
	struct address destination;
	uint32_t spi;     /* 0: whichever state has the reqid */
	uint8_t protocol; /* IPPROTO_ESP, IPPROTO_AH, IPPROTO_COMP */
	uint8_t mode;     /* XFRM_MODE_TRANSPORT, XFRM_MODE_TUNNEL, XFRM_MODE_BEET */
	uint32_t reqid;
	bool optional; /* may be missing on packets that come in (IPCOMP) */
};

struct xfrm_policy_id {
	uint8_t direction; /* XFRM_POLICY_IN, XFRM_POLICY_OUT, XFRM_POLICY_FWD */
	struct xfrm_traffic_selector selector;
	struct xfrm_mark mark;
	uint32_t if_id;
};

struct xfrm_policy {
	struct xfrm_policy_id id;
	uint8_t action;          /* XFRM_POLICY_ALLOW, XFRM_POLICY_BLOCK */
	uint8_t flags;           /* XFRM_POLICY_LOCALOK, _ICMP, _FOR_EACH_PROCESSOR */
	uint32_t priority;       /* the lowest number wins, see xfrm_policy_priority() */
	unsigned template_count; /* 0 with XFRM_POLICY_ALLOW: passes in clear */
	struct xfrm_template templates[XFRM_TEMPLATES_MAX];
	uint32_t offload_interface;
	uint8_t offload_flags;
};

struct xfrm_policy_status {
	bool ours;      /* installed through libxfrm, perhaps by an earlier process (see xfrm.h) */
	uint32_t index; /* as acquire events name it; direction is its lowest three bits */
	uint64_t added; /* seconds since 1970 */
	uint64_t last_used; /* last packet that met it, 0: none */
};

/*
 * Priorities are strongSwan's, number for number (5.9.8, as `ip xfrm policy` shows them), since
 * scripts and other programs place their own policies around them:
 *
 *   class base - 512 for each bit of both prefixes - 256 with a protocol
 *              - 4 for each bit in both port masks - 2 with an interface - 1 unless trap
 *
 *   class      base    10.1.0.0/16 === 10.2.0.0/16   hosts, IPv4   0.0.0.0/0 === 0.0.0.0/0
 *   pass       200000  183615                        167231        199999
 *   child      400000  383615                        367231        399999
 *   trap       400000  383616                        367232        400000
 *   fallback   600000  583615                        567231        599999
 *
 * So a pass shunt wins over any child, a child over the trap it came from, narrower selectors
 * over wider ones, and a drop shunt or fallback comes last.
 */
enum xfrm_policy_class {
	XFRM_CLASS_PASS,     /* shunts that let traffic through in clear */
	XFRM_CLASS_CHILD,    /* of an installed child SA */
	XFRM_CLASS_TRAP,     /* waits for traffic to ask for a child SA */
	XFRM_CLASS_FALLBACK, /* drop shunts, and what guards a child's selectors while it is away */
};
uint32_t xfrm_policy_priority(
	enum xfrm_policy_class class, const struct xfrm_traffic_selector *selector);

/* Refuses when any program has such a policy: XFRM_RESULT_EXISTS. */
MUST_USE enum xfrm_result xfrm_policy_add(
	struct xfrm_handle *handle, const struct xfrm_policy *policy, struct why *why);

/* Adds, or takes the place of the one with the same id. Packets meet one or the other. */
MUST_USE enum xfrm_result xfrm_policy_replace(
	struct xfrm_handle *handle, const struct xfrm_policy *policy, struct why *why);

MUST_USE enum xfrm_result xfrm_policy_delete(
	struct xfrm_handle *handle, const struct xfrm_policy_id *id, struct why *why);

/* When was it last used? */
MUST_USE enum xfrm_result xfrm_policy_query(struct xfrm_handle *handle,
	const struct xfrm_policy_id *id, struct xfrm_policy_status *ret, struct why *why);

/* Every policy in this network namespace except those of sockets, whoever installed it. The
 * callback may not use the handle. */
MUST_USE enum xfrm_result xfrm_policy_list(struct xfrm_handle *handle,
	void (*callback)(void *context, const struct xfrm_policy *policy,
		const struct xfrm_policy_status *status),
	void *context, struct why *why);

/* The same in parts, as xfrm_listing_begin() does it; ended by xfrm_listing_end() (state.h). */
struct xfrm_listing *xfrm_policy_listing_begin(struct why *why);
MUST_USE bool xfrm_policy_listing_some(struct xfrm_listing *listing,
	void (*callback)(void *context, const struct xfrm_policy *policy,
		const struct xfrm_policy_status *status),
	void *context, bool *ret_more, struct why *why);

/* As xfrm_state_adopt() and xfrm_state_is_ours(). */
MUST_USE bool xfrm_policy_adopt(struct xfrm_handle *handle, const struct xfrm_policy_id *id);
bool xfrm_policy_is_ours(const struct xfrm_handle *handle, const struct xfrm_policy_id *id);

#endif
