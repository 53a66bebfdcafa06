/*
 * The kernel, as the daemon needs it: a set of functions with two implementations.
 *
 * cl_kernel_open() (kernel.c) programs XFRM through libxfrm; cl_kernel_none_open()
 * (kernel_none.c) is `--kernel none`: it accepts everything and touches nothing. host.c hands
 * them to the engine under the names of struct ike_host, whose contract they keep. Thread rule:
 * all of it belongs to the loop's thread.
 */
#ifndef CHARON_LITE_KERNEL_H
#define CHARON_LITE_KERNEL_H

#include "charon-lite/log.h"
#include "libbase/secret.h"
#include "libike/engine.h"
#include "libike/host.h"

#include <event2/event.h>

/* What one SA has carried. */
struct cl_kernel_use {
	struct address destination; /* without a port */
	uint32_t spi;               /* host order */
	uint8_t protocol;           /* IKE_PROTOCOL_ESP or _AH */
	struct ike_kernel_usage usage;
};

/* What the kernel tells without being asked; called from the loop, never from within a call of
 * struct cl_kernel's functions. The receivers call the engine. */
struct cl_kernel_events {
	void *context;
	void (*acquire)(void *context, const struct ike_acquire *acquire);
	/* hard: the kernel has it no longer; carried is what it has carried. */
	void (*expire)(void *context, const struct cl_kernel_use *carried, bool hard);
	void (*mapping)(void *context, uint32_t spi, const struct address *remote);
	/* Some of these were lost: resync.c. */
	void (*lost)(void *context);
};

/* strongswan.conf's. */
struct cl_kernel_settings {
	uint32_t leftover_seconds; /* that what a crashed predecessor left carries packets, at most
				    */
	uint32_t spi_min, spi_max;
};

enum cl_kernel_progress { CL_KERNEL_MORE, CL_KERNEL_COMPLETE, CL_KERNEL_FAILED };

/* Salts (AEAD, CTR) follow the key of encryption. */
struct cl_kernel_keys {
	struct secret encryption, integrity;
};

struct xfrm_handle;

struct cl_kernel {
	void *context; /* passed to all of them */
	/* For who looks at what is there, and changes nothing; NULL: there are no tables. */
	struct xfrm_handle *tables;
	/* Reqids up to this are those of leftovers. */
	uint32_t last_reqid;
	bool has_processors; /* SAs for one processor each (RFC 9611; Linux 6.13) */
	bool (*spi_allocate)(void *context, uint8_t protocol, const struct address *source,
		const struct address *destination, uint32_t reqid, uint32_t *ret_spi,
		struct why *why);
	bool (*cpi_allocate)(void *context, const struct address *source,
		const struct address *destination, uint32_t reqid, uint16_t *ret_cpi,
		struct why *why);
	bool (*sa_install)(void *context, const struct ike_kernel_sa *sa, struct why *why);
	void (*sa_remove)(void *context, const struct ike_kernel_id *id);
	bool (*sa_query)(
		void *context, const struct ike_kernel_id *id, struct ike_kernel_usage *ret);
	bool (*sa_move)(void *context, const struct ike_kernel_id *id, const struct address *source,
		const struct address *destination, bool udp_encapsulation, struct why *why);
	/* All SAs in the kernel, whoever made them, by one request and some at a time; others may
	 * come and go in between. NULL when it or memory fails. */
	void *(*usages_begin)(void *context);
	enum cl_kernel_progress (*usages_some)(
		void *looking, void (*each)(void *to, const struct cl_kernel_use *use), void *to);
	void (*usages_end)(void *looking); /* also before it is complete */
	/* The keys that the kernel has of it, ret's to be freed. */
	bool (*sa_keys)(void *context, const struct ike_kernel_id *id, struct cl_kernel_keys *ret,
		struct why *why);
	/* It was there once, and the kernel says that it no longer is. */
	bool (*sa_is_gone)(void *context, const struct ike_kernel_id *id);
	/* Tells again of packets that wait for an SA. */
	void (*acquires_again)(void *context);
	bool (*policies_install)(
		void *context, const struct ike_kernel_policies *policies, struct why *why);
	void (*policies_remove)(void *context, const struct ike_kernel_policies *policies);
	/* IKE's own packets must never be tunneled in its own tunnels. family: AF_INET, AF_INET6.
	 */
	bool (*socket_bypass)(void *context, int fd, int family, struct why *why);
	/* Makes the kernel take ESP out of this socket's datagrams (RFC 3948). */
	bool (*socket_encapsulation)(void *context, int fd, int family, struct why *why);
	/* Removes from the kernel whatever of ours is still there, and frees all. */
	void (*close)(void *context);
};

/* Needs CAP_NET_ADMIN. What a crashed predecessor left carries packets until it is replaced, or for
 * a time (kernel_leftovers.h). base, events' context and log must outlive it. */
MUST_USE bool cl_kernel_open(struct event_base *base, const struct cl_kernel_events *events,
	const struct cl_kernel_settings *settings, struct cl_log *log, struct cl_kernel *ret,
	struct why *why);

/* Randomness for SPIs comes from library. */
MUST_USE bool cl_kernel_none_open(OSSL_LIB_CTX *library, struct cl_kernel *ret, struct why *why);

#endif
