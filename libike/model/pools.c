/* Pools: definitions, and the leases in them. */
#include "libike/model/pools.h"

#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>

/* Who has leases of a pool. Identities whose hashes are equal share one. */
struct holder {
	UT_hash_handle hh;
	uint64_t key;
	struct ike_lease *leases;
};

struct ike_pool {
	struct ike_pools *pools;
	struct ike_pool *prev, *next;
	char *name;
	struct ike_pool_addrs addrs;
	struct ike_attributes attributes;
	struct ike_lease *by_address;
	struct holder *holders;
	struct ike_lease *offline; /* the oldest first */
	uint32_t online_count, offline_count;
	uint32_t fresh; /* where the search for an address that nobody had begins */
};

struct ike_pools {
	struct ike_pool *list;
};

/* ---- Addresses of a range ---- */

static struct address address_in(const struct ike_pool_range *range, uint32_t offset)
{
	struct address a = range->first;
	uint64_t carry = offset;

	for (size_t i = address_size(&a); i-- > 0 && carry > 0;) {
		carry += a.octets[i];
		a.octets[i] = (uint8_t)carry;
		carry >>= 8;
	}
	return a;
}

/* False when it is outside. */
static bool offset_in(const struct ike_pool_range *range, const struct address *a, uint32_t *ret)
{
	size_t size = address_size(a);
	uint64_t offset = 0;
	int borrow = 0;

	if (size == 0 || a->family != range->first.family)
		return false;
	for (size_t i = size; i-- > 0;) {
		int digit = a->octets[i] - range->first.octets[i] - borrow;

		borrow = digit < 0;
		digit &= 0xff;
		if (size - i <= sizeof(uint32_t))
			offset |= (uint64_t)digit << 8 * (size - 1 - i);
		else if (digit != 0)
			return false;
	}
	*ret = (uint32_t)offset;
	return !borrow && offset < range->size;
}

static struct address address_at(const struct ike_pool_addrs *addrs, uint32_t offset)
{
	const struct ike_pool_range *range = addrs->ranges;

	for (; offset >= range->size; range++)
		offset -= range->size;
	return address_in(range, offset);
}

static bool has_address(const struct ike_pool_addrs *addrs, const struct address *a)
{
	uint32_t offset;

	for (size_t i = 0; i < addrs->count; i++)
		if (offset_in(&addrs->ranges[i], a, &offset))
			return true;
	return false;
}

static uint16_t family_of(const struct ike_pool *pool)
{
	return pool->addrs.ranges[0].first.family;
}

/* ---- Leases ---- */

static struct ike_lease *lease_at(const struct ike_pool *pool, const struct address *a)
{
	struct ike_lease *lease;

	if (a->family != family_of(pool))
		return NULL;
	HASH_FIND(by_address, pool->by_address, a->octets, sizeof(a->octets), lease);
	return lease;
}

static struct holder *holder_of(const struct ike_pool *pool, const struct ike_identity *id)
{
	uint64_t key = ike_identity_hash(id);
	struct holder *holder;

	HASH_FIND(hh, pool->holders, &key, sizeof(key), holder);
	return holder;
}

static bool link_holder(struct ike_pool *pool, struct ike_lease *lease)
{
	struct holder *holder = holder_of(pool, lease->identity);

	if (!holder) {
		if (!(holder = calloc(1, sizeof(*holder))))
			return false;
		holder->key = ike_identity_hash(lease->identity);
		HASH_ADD(hh, pool->holders, key, sizeof(holder->key), holder);
		if (!holder->hh.tbl) {
			free(holder);
			return false;
		}
	}
	DL_APPEND2(holder->leases, lease, mate_prev, mate_next);
	return true;
}

static void unlink_holder(struct ike_pool *pool, struct ike_lease *lease)
{
	struct holder *holder = holder_of(pool, lease->identity);

	DL_DELETE2(holder->leases, lease, mate_prev, mate_next);
	if (holder->leases)
		return;
	HASH_DEL(pool->holders, holder);
	free(holder);
}

static void lease_free(struct ike_lease *lease)
{
	struct ike_pool *pool = lease->pool;

	if (lease->users == 0) {
		DL_DELETE(pool->offline, lease);
		pool->offline_count--;
	} else {
		pool->online_count--;
	}
	unlink_holder(pool, lease);
	HASH_DELETE(by_address, pool->by_address, lease);
	ike_identity_free(lease->identity);
	free(lease);
}

/* Online, with one user. */
static struct ike_lease *lease_new(
	struct ike_pool *pool, const struct address *a, struct ike_identity *identity)
{
	struct ike_lease *lease = calloc(1, sizeof(*lease));

	if (!lease)
		return NULL;
	lease->pool = pool;
	lease->address = *a;
	lease->address.port = 0;
	lease->identity = ike_identity_hold(identity);
	if (link_holder(pool, lease)) {
		HASH_ADD_KEYPTR(by_address, pool->by_address, lease->address.octets,
			sizeof(lease->address.octets), lease);
		if (lease->by_address.tbl) {
			lease->users = 1;
			pool->online_count++;
			return lease;
		}
		unlink_holder(pool, lease);
	}
	ike_identity_free(lease->identity);
	free(lease);
	return NULL;
}

static struct ike_lease *go_online(struct ike_lease *lease)
{
	struct ike_pool *pool = lease->pool;

	DL_DELETE(pool->offline, lease);
	pool->offline_count--;
	pool->online_count++;
	lease->users = 1;
	return lease;
}

struct ike_lease *ike_lease_hold(struct ike_lease *lease)
{
	lease->users++;
	return lease;
}

bool ike_lease_release(struct ike_lease *lease)
{
	struct ike_pool *pool = lease->pool;

	if (lease->users > 1) {
		lease->users--;
		return false;
	}
	if (!has_address(&pool->addrs, &lease->address)) {
		lease_free(lease); /* the ranges have become others meanwhile */
		return true;
	}
	lease->users = 0;
	pool->online_count--;
	pool->offline_count++;
	DL_APPEND(pool->offline, lease);
	if (pool->offline_count > IKE_POOL_OFFLINE_MAX)
		lease_free(pool->offline);
	return true;
}

/* ---- Who gets which ---- */

/* Pools may overlap: what is in use is so everywhere. */
static bool is_in_use(const struct ike_pools *pools, const struct address *a)
{
	const struct ike_pool *pool;

	DL_FOREACH(pools->list, pool)
	{
		const struct ike_lease *lease = lease_at(pool, a);

		if (lease && lease->users > 0)
			return true;
	}
	return false;
}

static bool wants_any(const struct ike_lease_request *r)
{
	return address_is_any(r->wanted);
}

/* What the identity had, and nobody uses now. */
static struct ike_lease *take_own(
	struct ike_pool *pool, const struct ike_lease_request *r, bool the_wanted_one)
{
	struct holder *holder = holder_of(pool, r->identity);
	struct ike_lease *lease;

	if (!holder)
		return NULL;
	DL_FOREACH2(holder->leases, lease, mate_next)
	{
		if (lease->users == 0 && ike_identity_equal(lease->identity, r->identity) &&
			(!the_wanted_one || address_same_host(&lease->address, r->wanted)) &&
			!is_in_use(pool->pools, &lease->address))
			return go_online(lease);
	}
	return NULL;
}

static struct ike_lease *take_own_wanted(struct ike_pool *pool, const struct ike_lease_request *r)
{
	return wants_any(r) ? NULL : take_own(pool, r, true);
}

static struct ike_lease *share_own(struct ike_pool *pool, const struct ike_lease_request *r)
{
	struct ike_lease *lease = wants_any(r) ? NULL : lease_at(pool, r->wanted);

	if (lease && lease->users > 0 && ike_identity_equal(lease->identity, r->identity) &&
		address_same_host(&lease->peer, r->peer))
		return ike_lease_hold(lease);
	return NULL;
}

static struct ike_lease *take_own_other(struct ike_pool *pool, const struct ike_lease_request *r)
{
	return take_own(pool, r, false);
}

static struct ike_lease *make_wanted(struct ike_pool *pool, const struct ike_lease_request *r)
{
	if (wants_any(r) || !has_address(&pool->addrs, r->wanted) || lease_at(pool, r->wanted) ||
		is_in_use(pool->pools, r->wanted))
		return NULL;
	return lease_new(pool, r->wanted, r->identity);
}

static struct ike_lease *make_fresh(struct ike_pool *pool, const struct ike_lease_request *r)
{
	uint32_t size = pool->addrs.size;

	/* One round at most; it begins where the last one found something. */
	for (uint32_t tried = 0; tried < size && HASH_CNT(by_address, pool->by_address) < size;
		tried++) {
		uint32_t offset = (uint32_t)(((uint64_t)pool->fresh + tried) % size);
		struct address a = address_at(&pool->addrs, offset);

		if (lease_at(pool, &a) || is_in_use(pool->pools, &a))
			continue;
		pool->fresh = (offset + 1) % size;
		return lease_new(pool, &a, r->identity);
	}
	return NULL;
}

static struct ike_lease *take_oldest(struct ike_pool *pool, const struct ike_lease_request *r)
{
	struct ike_lease *lease;

	DL_FOREACH(pool->offline, lease)
	{
		struct address a = lease->address;

		if (is_in_use(pool->pools, &a))
			continue;
		lease_free(lease);
		return lease_new(pool, &a, r->identity);
	}
	return NULL;
}

struct ike_lease *ike_pools_acquire(
	struct ike_pools *pools, const struct ike_lease_request *request, struct why *why)
{
	static struct ike_lease *(*const ways[])(
		struct ike_pool *, const struct ike_lease_request *) = { take_own_wanted, share_own,
		take_own_other, make_wanted, make_fresh, take_oldest };
	bool known = false;

	for (size_t way = 0; way < sizeof(ways) / sizeof(*ways); way++)
		for (size_t i = 0; i < request->pool_count; i++) {
			struct ike_pool *pool =
				(struct ike_pool *)ike_pools_find(pools, request->pools[i]);

			if (!pool || family_of(pool) != request->wanted->family)
				continue;
			known = true;
			struct ike_lease *lease = ways[way](pool, request);
			if (!lease)
				continue;
			lease->peer = *request->peer;
			return lease;
		}
	(void)why_fail(why, "%s", known ? "its pools are full" : "it has no pool of that family");
	return NULL;
}

/* ---- Definitions ---- */

struct ike_pools *ike_pools_new(void)
{
	return calloc(1, sizeof(struct ike_pools));
}

static void pool_free(struct ike_pool *pool)
{
	struct ike_lease *lease, *next;

	HASH_ITER(by_address, pool->by_address, lease, next)
	{
		lease_free(lease);
	}
	ike_attributes_free(&pool->attributes);
	free(pool->name);
	free(pool);
}

void ike_pools_free(struct ike_pools *pools)
{
	struct ike_pool *pool, *next;

	if (!pools)
		return;
	DL_FOREACH_SAFE(pools->list, pool, next)
	{
		pool_free(pool);
	}
	free(pools);
}

bool ike_pool_addrs_equal(const struct ike_pool_addrs *a, const struct ike_pool_addrs *b)
{
	for (size_t i = 0; i < a->count && i < b->count; i++)
		if (a->ranges[i].size != b->ranges[i].size ||
			!address_same_host(&a->ranges[i].first, &b->ranges[i].first))
			return false;
	return a->count == b->count;
}

static void set_addrs(struct ike_pool *pool, const struct ike_pool_addrs *addrs)
{
	struct ike_lease *lease, *next;

	pool->addrs = *addrs;
	pool->fresh = 0;
	DL_FOREACH_SAFE(pool->offline, lease, next)
	{
		if (!has_address(addrs, &lease->address))
			lease_free(lease);
	}
}

static struct ike_pool *pool_new(struct ike_pools *pools, const char *name)
{
	struct ike_pool *pool = calloc(1, sizeof(*pool));

	if (!pool || !(pool->name = strdup(name))) {
		free(pool);
		return NULL;
	}
	pool->pools = pools;
	DL_APPEND(pools->list, pool);
	return pool;
}

enum ike_pool_loaded ike_pools_load(struct ike_pools *pools, const char *name,
	const struct ike_pool_addrs *addrs, struct ike_attributes *attributes, struct why *why)
{
	struct ike_pool *pool = (struct ike_pool *)ike_pools_find(pools, name);
	enum ike_pool_loaded loaded = IKE_POOL_ADDED;

	if (pool)
		loaded = ike_pool_addrs_equal(&pool->addrs, addrs) ? IKE_POOL_UPDATED
								   : IKE_POOL_REPLACED;
	else if (!(pool = pool_new(pools, name))) {
		ike_attributes_free(attributes);
		(void)why_fail(why, "out of memory");
		return IKE_POOL_FAILED;
	}
	if (loaded != IKE_POOL_UPDATED)
		set_addrs(pool, addrs);
	ike_attributes_free(&pool->attributes);
	pool->attributes = *attributes;
	*attributes = (struct ike_attributes){ 0 };
	return loaded;
}

bool ike_pools_may_unload(const struct ike_pools *pools, const char *name, struct why *why)
{
	const struct ike_pool *pool = ike_pools_find(pools, name);

	if (!pool)
		return why_fail(why, "%s not found", name);
	if (pool->online_count > 0)
		return why_fail(why, "%s has online leases, unable to unload", name);
	return true;
}

bool ike_pools_unload(struct ike_pools *pools, const char *name, struct why *why)
{
	struct ike_pool *pool = (struct ike_pool *)ike_pools_find(pools, name);

	if (!ike_pools_may_unload(pools, name, why))
		return false;
	DL_DELETE(pools->list, pool);
	pool_free(pool);
	return true;
}

const struct ike_pool *ike_pools_get(const struct ike_pools *pools, size_t index)
{
	const struct ike_pool *pool = pools->list;

	while (pool && index-- > 0)
		pool = pool->next;
	return pool;
}

const struct ike_pool *ike_pools_next(const struct ike_pool *pool)
{
	return pool->next;
}

const struct ike_pool *ike_pools_find(const struct ike_pools *pools, const char *name)
{
	const struct ike_pool *pool;

	DL_FOREACH(pools->list, pool)
	{
		if (strcmp(pool->name, name) == 0)
			return pool;
	}
	return NULL;
}

const char *ike_pool_name(const struct ike_pool *pool)
{
	return pool->name;
}

const struct ike_pool_addrs *ike_pool_addrs(const struct ike_pool *pool)
{
	return &pool->addrs;
}

const struct ike_attributes *ike_pool_attributes(const struct ike_pool *pool)
{
	return &pool->attributes;
}

uint32_t ike_pool_online(const struct ike_pool *pool)
{
	return pool->online_count;
}

uint32_t ike_pool_offline(const struct ike_pool *pool)
{
	return pool->offline_count;
}

const struct ike_lease *ike_pool_lease(const struct ike_pool *pool, const struct ike_lease *after)
{
	return after ? after->by_address.next : pool->by_address;
}

char *ike_pools_describe(const struct ike_pools *pools, char *const *names, size_t count,
	const char *elsewhere, const char *said, char *text, size_t text_size)
{
	size_t used = 0;

	*text = '\0';
	for (size_t i = 0; i < count && used < text_size; i++) {
		const struct ike_pool *pool = ike_pools_find(pools, names[i]);
		int length;

		if (pool)
			length = snprintf(text + used, text_size - used,
				"%s%s: %u of %u addresses in use", i ? "; " : "", names[i],
				pool->online_count, pool->addrs.size);
		else
			length = snprintf(text + used, text_size - used, "%s%s: %s", i ? "; " : "",
				names[i],
				elsewhere && strcmp(names[i], elsewhere) == 0 ? said
									      : "not loaded");
		used += length > 0 ? (size_t)length : 0;
	}
	return text;
}
