/*
 * Pools of virtual addresses (swanctl.conf's `pools`), and who has which of them.
 *
 * A lease is an address and the identity that it is for. While somebody uses it, it is online;
 * afterwards it is kept, offline, so that the same identity gets the same address back. Only when
 * no address is left that nobody ever had does the oldest offline lease go to somebody else. What
 * nobody ever had costs no memory, and the number of offline leases is bounded.
 */
#ifndef LIBIKE_MODEL_POOLS_H
#define LIBIKE_MODEL_POOLS_H

#include "libike/base/identity.h"
#include "libike/model/attributes.h"

#include <uthash.h>

/* Offline leases of one pool; when there are more, the oldest is forgotten. */
#define IKE_POOL_OFFLINE_MAX 65536

/* Addresses one after the other. */
struct ike_pool_range {
	struct address first;
	uint32_t size; /* at most 2^31 - 1 */
};

#define IKE_POOL_RANGES_MAX 16

/* What a pool hands out: ranges of one family that do not overlap, in their order. */
struct ike_pool_addrs {
	struct ike_pool_range ranges[IKE_POOL_RANGES_MAX];
	size_t count;
	uint32_t size; /* of all; at most 2^31 - 1 */
};

struct ike_pools;
struct ike_pool;

struct ike_lease {
	struct ike_pool *pool;
	struct address address;
	struct ike_identity *identity; /* held */
	uint32_t users;                /* 0: offline */
	struct address peer;           /* where the last user came from */
	/* The pool's own. */
	UT_hash_handle by_address;
	struct ike_lease *prev, *next;           /* offline, the oldest first */
	struct ike_lease *mate_prev, *mate_next; /* of the same identity */
};

struct ike_pools *ike_pools_new(void);
/* Every lease has to be released before. NULL is fine. */
void ike_pools_free(struct ike_pools *pools);

/* ---- Definitions ---- */

/* addrs, separated by commas: "10.3.0.0/24" (without its first and last address, when it has more
 * than two), "10.3.0.9/24" (from that address on), "10.3.0.1-10.3.0.9", "10.3.0.1",
 * "2001:db8::/64". */
MUST_USE bool ike_pool_addrs_parse(const char *text, struct ike_pool_addrs *ret, struct why *why);

bool ike_pool_addrs_equal(const struct ike_pool_addrs *a, const struct ike_pool_addrs *b);

enum ike_pool_loaded { IKE_POOL_FAILED, IKE_POOL_ADDED, IKE_POOL_UPDATED, IKE_POOL_REPLACED };

/* Adds or replaces by name; takes the attributes over, also on failure. Leases whose addresses are
 * in the new ranges stay; others stay while they are online. UPDATED: they are the old ones. */
MUST_USE enum ike_pool_loaded ike_pools_load(struct ike_pools *pools, const char *name,
	const struct ike_pool_addrs *addrs, struct ike_attributes *attributes, struct why *why);
/* False with charon's words when there is none of that name or it has online leases. */
MUST_USE bool ike_pools_unload(struct ike_pools *pools, const char *name, struct why *why);

/* Whether it would be unloaded; why as above. */
MUST_USE bool ike_pools_may_unload(
	const struct ike_pools *pools, const char *name, struct why *why);

/* In the order of loading; NULL at the end. */
const struct ike_pool *ike_pools_get(const struct ike_pools *pools, size_t index);
const struct ike_pool *ike_pools_next(const struct ike_pool *pool);
const struct ike_pool *ike_pools_find(const struct ike_pools *pools, const char *name);
const char *ike_pool_name(const struct ike_pool *pool);
const struct ike_pool_addrs *ike_pool_addrs(const struct ike_pool *pool);
const struct ike_attributes *ike_pool_attributes(const struct ike_pool *pool);
uint32_t ike_pool_online(const struct ike_pool *pool); /* leases */
uint32_t ike_pool_offline(const struct ike_pool *pool);
/* In no order that matters; NULL begins and ends. */
const struct ike_lease *ike_pool_lease(const struct ike_pool *pool, const struct ike_lease *after);

/* How full pools are, for people: "rw: 254 of 254 addresses in use; six: not loaded". Of the one
 * that is called `elsewhere` (or NULL: none), what is said of it. What does not fit is left out.
 * Returns text. */
char *ike_pools_describe(const struct ike_pools *pools, char *const *names, size_t count,
	const char *elsewhere, const char *said, char *text, size_t text_size);

/* ---- Leases ---- */

struct ike_lease_request {
	char *const *pools; /* names, in order of preference; unknown ones are passed over */
	size_t pool_count;
	const struct address *wanted; /* family and, unless it is 0.0.0.0 or ::, an address */
	struct ike_identity *identity;
	const struct address *peer; /* where it is */
};

/* In this order, each in all pools: what the identity had (the wanted one before others); what it
 * has online, if it asks for that one from the same host (it is reauthenticating); the wanted one
 * if nobody has it; an address that nobody has; the one that has been offline longest. NULL: there
 * is none, or memory ran out. */
struct ike_lease *ike_pools_acquire(
	struct ike_pools *pools, const struct ike_lease_request *request, struct why *why);
struct ike_lease *ike_lease_hold(struct ike_lease *lease); /* one more user */
/* True when it went offline. The lease may be gone afterwards. */
bool ike_lease_release(struct ike_lease *lease);

#endif
