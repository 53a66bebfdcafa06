/*
 * States: the kernel's security associations (RFC 4301 SAD), one direction each.
 *
 * Plain data: addresses as struct address, numbers in host order, algorithms by the names that
 * the kernel's crypto API uses ("cbc(aes)", "rfc4106(gcm(aes))", "hmac(sha256)"): libxfrm has no
 * list of algorithms of its own. Names and keys in a struct xfrm_state are borrowed: in a
 * request they must live until the call returns, in a callback they end with it. Message
 * buffers that held keys are wiped.
 */
#ifndef LIBXFRM_STATE_H
#define LIBXFRM_STATE_H

#include "libbase/why.h"
#include "libxfrm/traffic.h"

/* netinet/in.h before linux/xfrm.h, or the two define struct in6_addr twice */
#include <netinet/in.h>

#include <linux/xfrm.h> /* struct xfrm_mark and constants: XFRM_MODE_*, XFRM_STATE_*, ... */

#ifndef XFRM_OFFLOAD_PACKET
#define XFRM_OFFLOAD_PACKET 4 /* missing in older headers of Linux 6.1 */
#endif

/* Of Linux 6.10 and 6.13, later than our headers: how the SA is used, and the one processor whose
 * packets it takes (RFC 9611). */
#define XFRM_ATTRIBUTE_DIRECTION 33 /* XFRMA_SA_DIR */
#define XFRM_DIRECTION_IN 1
#define XFRM_DIRECTION_OUT 2
#define XFRM_ATTRIBUTE_PROCESSOR 35 /* XFRMA_SA_PCPU */

#define XFRM_REPLAY_WINDOW_MAX 4096 /* packets: what the kernel accepts */

/* How a request ended. Anything but XFRM_RESULT_OK leaves words in the caller's struct why. */
enum xfrm_result {
	XFRM_RESULT_OK,
	XFRM_RESULT_EXISTS,    /* the kernel has one already, perhaps somebody else's */
	XFRM_RESULT_NOT_FOUND, /* expired or deleted in the meantime */
	XFRM_RESULT_FAILED,
};

struct xfrm_handle;

/* What tells one state from all others. */
struct xfrm_state_id {
	struct address destination; /* its port does not count */
	uint32_t spi;               /* host order; the CPI for IPCOMP */
	uint8_t protocol;           /* IPPROTO_ESP, IPPROTO_AH, IPPROTO_COMP */
	struct xfrm_mark mark;      /* v: value, m: mask; only packets with this mark; 0/0: all */
};

struct xfrm_algorithm {
	const char *name; /* NULL: none; at most 63 characters */
	struct bytes key; /* whole octets; for AEAD and CTR the salt follows the key */
	uint16_t bits;    /* AEAD: ICV length, integrity: truncated length (0: the kernel's own) */
};

/* 0: no limit. A soft limit raises an event, at the hard one the kernel deletes the state. */
struct xfrm_limits {
	uint64_t soft_bytes, hard_bytes;
	uint64_t soft_packets, hard_packets;
	uint64_t soft_seconds, hard_seconds; /* since the state was added */
};

/* Which processor's packets a state takes (Linux 6.13). */
struct xfrm_processor {
	bool one;        /* that one's alone; else any's */
	uint32_t number; /* from 0 on, as the kernel counts them */
};

struct xfrm_state {
	struct xfrm_state_id id;
	struct address source;
	uint8_t mode;   /* XFRM_MODE_TRANSPORT, XFRM_MODE_TUNNEL, XFRM_MODE_BEET */
	uint32_t reqid; /* ties it to the policies whose template names the same; 0: none */

	struct xfrm_algorithm aead; /* or encryption and integrity, never both */
	struct xfrm_algorithm encryption;
	struct xfrm_algorithm integrity;
	struct xfrm_algorithm compression; /* "deflate" */

	bool esn;               /* 64 bit sequence numbers (RFC 4303 2.2.1) */
	uint32_t replay_window; /* packets, 0: no check; with ESN the kernel wants at least 1 */

	/* ESP in UDP (RFC 3948), from source.port to id.destination.port. */
	bool udp_encapsulation;

	struct xfrm_limits limits;
	struct xfrm_mark set_mark;             /* packets leave the transformation with this mark */
	uint32_t if_id;                        /* XFRM interface, 0: none */
	struct xfrm_traffic_selector selector; /* packets it may carry; family 0: any */
	uint8_t flags;        /* XFRM_STATE_AF_UNSPEC (tunnels for both families), _NOECN, ... */
	uint32_t extra_flags; /* XFRM_SA_XFLAG_DONT_ENCAP_DSCP, XFRM_SA_XFLAG_OSEQ_MAY_WRAP */
	uint32_t tfc_padding; /* pad packets up to this many octets (RFC 4303 2.7), 0: no */
	uint32_t offload_interface; /* hardware offload on that interface index, 0: none */
	uint8_t offload_flags; /* XFRM_OFFLOAD_INBOUND on inbound states, XFRM_OFFLOAD_PACKET */
	struct xfrm_processor processor;
	uint8_t direction; /* XFRM_DIRECTION_IN or _OUT, which one with a processor needs; 0: not
			      told */
};

/* Position in the sequence of packets, and the window behind it. */
struct xfrm_replay {
	uint64_t sent;     /* last sequence number used (outbound) */
	uint64_t received; /* highest seen (inbound) */
	uint32_t words;    /* of bitmap that hold something, in the kernel's layout */
	uint32_t bitmap[XFRM_REPLAY_WINDOW_MAX / 32];
};

struct xfrm_state_status {
	bool ours; /* installed through libxfrm, perhaps by an earlier process (see xfrm.h) */
	uint32_t reqid;
	uint64_t bytes, packets;
	uint64_t added;     /* seconds since 1970 */
	uint64_t used;      /* first packet, seconds since 1970, 0: none yet */
	uint64_t last_used; /* last packet, 0: none yet, or a kernel before 6.2 that does not say */
	struct xfrm_replay replay;
	uint32_t replayed;           /* packets dropped: seen before */
	uint32_t outside_window;     /* too old for the window */
	uint32_t integrity_failures; /* wrong ICV */
	uint32_t
		offload_interface; /* index; 0: not offloaded, as the kernel may decide by itself */
};

/*
 * Reserves an SPI for an inbound state: the kernel picks a free one in [lowest, highest] and
 * keeps a larval state for it (net.core.xfrm_acq_expires seconds). Of `larval` the addresses,
 * protocol, mode, reqid, mark, if_id and processor count. For IPCOMP the range must lie within 16
 * bits.
 */
MUST_USE enum xfrm_result xfrm_spi_allocate(struct xfrm_handle *handle,
	const struct xfrm_state *larval, uint32_t lowest, uint32_t highest, uint32_t *ret_spi,
	struct why *why);

/*
 * Installs a state; one whose SPI came from xfrm_spi_allocate() takes the larval state's place
 * (or is added afresh when that expired in the meantime),
 * also when only the state has a mark.
 */
MUST_USE enum xfrm_result xfrm_state_add(
	struct xfrm_handle *handle, const struct xfrm_state *state, struct why *why);

/*
 * Moves a state to new outer addresses (RFC 4555, NAT mappings) and keeps keys, counters,
 * lifetimes and replay state. Ports of source and destination are those of UDP encapsulation.
 * When only ports change the kernel's state is changed in place; else it is read, deleted and
 * added again, and packets between are lost (some microseconds). On failure after the deletion
 * the old one is put back. A larval state gets its SPI at the new destination.
 *
 * Fails when the kernel does not show the keys (lockdown=confidentiality).
 */
MUST_USE enum xfrm_result xfrm_state_move(struct xfrm_handle *handle,
	const struct xfrm_state_id *id, const struct address *source,
	const struct address *destination, bool udp_encapsulation, struct why *why);

/* Larval states too. */
MUST_USE enum xfrm_result xfrm_state_delete(
	struct xfrm_handle *handle, const struct xfrm_state_id *id, struct why *why);

MUST_USE enum xfrm_result xfrm_state_query(struct xfrm_handle *handle,
	const struct xfrm_state_id *id, struct xfrm_state_status *ret, struct why *why);

/* One state as the kernel has it, with its keys; what the callback gets is borrowed until it
 * returns. Fails when the kernel does not show the keys (lockdown=confidentiality). */
MUST_USE enum xfrm_result xfrm_state_read(struct xfrm_handle *handle,
	const struct xfrm_state_id *id,
	void (*callback)(void *context, const struct xfrm_state *state), void *context,
	struct why *why);

/* Every state in this network namespace, whoever installed it. What the callback gets is
 * borrowed until it returns, and it may not use the handle. */
MUST_USE enum xfrm_result xfrm_state_list(struct xfrm_handle *handle,
	void (*callback)(void *context, const struct xfrm_state *state,
		const struct xfrm_state_status *status),
	void *context, struct why *why);

/*
 * The same in parts, by a socket of its own: some 90 states at a time, between which others may be
 * installed and deleted. Those that are there all the time come once.
 */
struct xfrm_listing;
/* NULL with a reason. */
struct xfrm_listing *xfrm_listing_begin(struct why *why);
/* *ret_more: there may be more of them. False with a reason: it has failed. */
MUST_USE bool xfrm_listing_some(struct xfrm_listing *listing,
	void (*callback)(void *context, const struct xfrm_state *state,
		const struct xfrm_state_status *status),
	void *context, bool *ret_more, struct why *why);
void xfrm_listing_end(struct xfrm_listing *listing); /* NULL is fine */

/* Whether the kernel keeps states for one processor each: asked with a larval state of the loopback
 * addresses, as older kernels pass over what they do not know. */
MUST_USE bool xfrm_has_processors(struct xfrm_handle *handle);

/* From now on this state counts as ours: xfrm_flush() deletes it. For what a predecessor left. */
MUST_USE bool xfrm_state_adopt(struct xfrm_handle *handle, const struct xfrm_state_id *id);

/* Was it installed (or adopted) through this handle and not deleted since? */
bool xfrm_state_is_ours(const struct xfrm_handle *handle, const struct xfrm_state_id *id);

#endif
