/* Virtual addresses: who gives them, who gets them, and whether packets find their way. */
#include "libike/check/check_priv.h"

#include <stdlib.h>

/* Of one that overlaps with hundreds. */
#define OVERLAPS_SAID 16
/* Of one whose ranges are many, and begin within each other. */
#define RANGES_SEEN 4096

/* What it hands out as a selector of the whole. */
static struct ike_selector selector_of(const struct ike_pool_range *range)
{
	struct ike_selector s = ike_selector_of_host(&range->first);
	uint32_t more = range->size - 1;

	for (size_t i = address_size(&range->first); i-- > 0 && more > 0;) {
		uint32_t sum = s.to[i] + (more & 0xff);

		s.to[i] = (uint8_t)sum;
		more = (more >> 8) + (sum >> 8);
	}
	return s;
}

/* By a connection that was judged. */
static bool is_named(struct ike_check *k, const char *pool)
{
	struct ike_check_entry *entry;
	const char *name = ike_check_entry_first(
		k, k->pool_names, ike_digest_add(IKE_DIGEST, pool, strlen(pool)), &entry);

	while (name && strcmp(name, pool) != 0)
		name = ike_check_entry_next(k, &entry);
	return name != NULL;
}

/* ---- Of a connection ---- */

/* Whether any of the pool's addresses fits, and whether any selector is for whatever comes. */
static bool reaches(const struct ike_selector *list, size_t count, const struct ike_pool *pool)
{
	const struct ike_pool_addrs *addrs = ike_pool_addrs(pool);

	for (size_t i = 0; i < count; i++) {
		if (!ike_check_is_fixed(&list[i]))
			return true;
		for (size_t j = 0; j < addrs->count; j++) {
			struct ike_selector range = selector_of(&addrs->ranges[j]), common;

			if (ike_selector_intersect(&list[i], &range, &common))
				return true;
		}
	}
	return false;
}

static bool has_family(const struct ike_selector *list, size_t count, const struct ike_pool *pool)
{
	const struct ike_pool_addrs *addrs = ike_pool_addrs(pool);

	for (size_t i = 0; i < count; i++)
		if (addrs->count > 0 &&
			(list[i].family == 0 || list[i].family == addrs->ranges[0].first.family))
			return true;
	return false;
}

static void judge_child(
	struct ike_check *k, const struct ike_child_config *child, const struct ike_pool *pool)
{
	char text[IKE_SELECTOR_TEXT_MAX];
	const struct ike_pool_addrs *addrs = ike_pool_addrs(pool);

	if (has_family(child->remote_ts, child->remote_ts_count, pool) &&
		!reaches(child->remote_ts, child->remote_ts_count, pool))
		ike_check_say(k, IKE_CHECK_POOL_WITHOUT_DYNAMIC,
			IKE_CHECK_AT_CHILD(child, "remote_ts"),
			"remote_ts of '%s' has nothing of pool '%s'", child->name,
			ike_pool_name(pool));
	for (size_t i = 0; i < child->local_ts_count; i++) {
		const struct ike_selector *network = &child->local_ts[i];

		if (!ike_check_is_fixed(network) || ike_check_is_everything(network) ||
			addrs->count == 0)
			continue;
		struct ike_selector range = selector_of(&addrs->ranges[0]), common;
		if (!ike_selector_intersect(network, &range, &common))
			continue;
		ike_check_say(k, IKE_CHECK_POOL_IN_NETWORK, IKE_CHECK_AT_CHILD(child, "local_ts"),
			"pool '%s' is within %s of '%s'", ike_pool_name(pool),
			ike_selector_format(network, text), child->name);
	}
}

/* Peers of one identity are one. */
static bool takes_several(const struct ike_connection *c)
{
	const struct ike_identity *id = ike_auth_rounds_id(&c->remote);

	return ike_check_takes_anybody(c) && (!id || ike_identity_is_wildcard(id));
}

static void judge_pool(
	struct ike_check *k, const struct ike_connection *c, const struct ike_pool *pool)
{
	if (ike_pool_addrs(pool)->size == 1 && takes_several(c))
		ike_check_say(k, IKE_CHECK_POOL_SMALL,
			&(const struct ike_check_place){
				.kind = "pool", .name = ike_pool_name(pool), .key = "addrs" },
			"pool '%s' has one address, and '%s' has peers of any address",
			ike_pool_name(pool), c->name);
}

/* Names that mean something without a pool. */
static bool is_special(const char *name)
{
	return strcmp(name, "dhcp") == 0 || strcmp(name, "radius") == 0;
}

static bool has_dynamic(const struct ike_child_config *child)
{
	for (size_t i = 0; i < child->local_ts_count; i++)
		if (!ike_check_is_fixed(&child->local_ts[i]) ||
			ike_check_is_everything(&child->local_ts[i]))
			return !ike_check_is_shunt(child);
	return false;
}

/* Beside one for the address there may be others, for networks. */
static void judge_vips(struct ike_check *k, const struct ike_child_config *child)
{
	const struct ike_connection *c = child->connection;

	for (size_t i = 0; i < c->child_count; i++)
		if (has_dynamic(c->children[i]))
			return;
	ike_check_say(k, IKE_CHECK_VIPS_WITHOUT_DYNAMIC, IKE_CHECK_AT_CHILD(child, "local_ts"),
		"connection '%s' asks for virtual addresses, and '%s' has networks alone", c->name,
		child->name);
}

void ike_check_child_pools(struct ike_check *k, const struct ike_child_config *child)
{
	const struct ike_connection *c = child->connection;

	if (ike_check_is_shunt(child))
		return;
	for (size_t i = 0; i < c->pool_count; i++) {
		const struct ike_pool *pool = ike_pools_find(k->pools, c->pools[i]);

		if (pool)
			judge_child(k, child, pool);
	}
	if (c->vip_count > 0)
		judge_vips(k, child);
}

static void note_pool(struct ike_check *k, const char *name)
{
	if (!is_named(k, name))
		ike_check_entry_add(
			k, &k->pool_names, ike_digest_add(IKE_DIGEST, name, strlen(name)), name);
}

void ike_check_vips(struct ike_check *k, const struct ike_connection *c)
{
	for (size_t i = 0; i < c->pool_count; i++) {
		const struct ike_pool *pool = ike_pools_find(k->pools, c->pools[i]);

		note_pool(k, c->pools[i]);
		if (pool)
			judge_pool(k, c, pool);
		else if (!is_special(c->pools[i]))
			ike_check_say(k, IKE_CHECK_POOL_MISSING,
				IKE_CHECK_AT_CONNECTION(c, "pools"),
				"connection '%s': there is no pool '%s'", c->name, c->pools[i]);
	}
	if (c->vip_count > 0 && c->pool_count > 0)
		ike_check_say(k, IKE_CHECK_VIPS_AND_POOLS, IKE_CHECK_AT_CONNECTION(c, "vips"),
			"connection '%s' has vips and pools", c->name);
}

/* ---- Pools ---- */

/* Of a pool: of two that have addresses in common the second begins within the first one, in the
 * order of where they begin. */
struct ike_check_range {
	struct ike_selector addresses;
	uint32_t number; /* of the pool, in the order of loading */
	const char *name;
};

static int compare(const void *left, const void *right)
{
	const struct ike_check_range *a = left, *b = right;
	int order = (a->addresses.family > b->addresses.family) -
		    (a->addresses.family < b->addresses.family);

	if (order == 0)
		order = memcmp(a->addresses.from, b->addresses.from, sizeof(a->addresses.from));
	return order ? order : (a->number > b->number) - (a->number < b->number);
}

static bool begins_within(const struct ike_check_range *b, const struct ike_check_range *a)
{
	return a->addresses.family == b->addresses.family &&
	       memcmp(b->addresses.from, a->addresses.to, sizeof(a->addresses.to)) <= 0;
}

static void take_pool(struct ike_check *k, const struct ike_pool *pool)
{
	const struct ike_pool_addrs *addrs = ike_pool_addrs(pool);
	char *name = strdup(ike_pool_name(pool));

	if (!name) {
		k->out_of_memory = true;
		return;
	}
	for (size_t i = 0; i < addrs->count; i++)
		k->ranges[k->range_count++] =
			(struct ike_check_range){ selector_of(&addrs->ranges[i]),
				(uint32_t)k->pool_count, name };
	k->pools_seen[k->pool_count++] = name;
}

/* All at once, as they may change between steps. */
static void take_pools(struct ike_check *k)
{
	const struct ike_pool *first = ike_pools_get(k->pools, 0);
	size_t pools = 0, ranges = 0;

	for (const struct ike_pool *each = first; each; each = ike_pools_next(each)) {
		pools++;
		ranges += ike_pool_addrs(each)->count;
	}
	k->ranges = calloc(ranges + 1, sizeof(*k->ranges));
	k->pools_seen = calloc(pools + 1, sizeof(*k->pools_seen));
	if (!k->ranges || !k->pools_seen) {
		k->out_of_memory = true;
		return;
	}
	for (const struct ike_pool *each = first; each; each = ike_pools_next(each))
		take_pool(k, each);
	if (k->range_count > 1)
		qsort(k->ranges, k->range_count, sizeof(*k->ranges), compare);
}

void ike_check_pools_free(struct ike_check *k)
{
	for (size_t i = 0; i < k->pool_count; i++)
		free(k->pools_seen[i]);
	free(k->pools_seen);
	free(k->ranges);
}

/* Whether the two were told about already, by other ranges of theirs. */
static bool is_told(struct ike_check *k, const struct ike_check_range *first,
	const struct ike_check_range *second)
{
	const uint32_t numbers[] = { first->number, second->number };
	uint64_t key = ike_digest_add(IKE_DIGEST, numbers, sizeof(numbers));
	struct ike_check_entry *entry;

	if (ike_check_entry_first(k, k->pool_pairs, key, &entry))
		return true;
	ike_check_entry_add(k, &k->pool_pairs, key, first);
	return false;
}

static bool say_overlap(
	struct ike_check *k, const struct ike_check_range *a, const struct ike_check_range *b)
{
	const struct ike_check_range *first = a->number < b->number ? a : b;
	const struct ike_check_range *second = first == a ? b : a;

	if (first->number == second->number || is_told(k, first, second))
		return false;
	ike_check_say(k, IKE_CHECK_POOLS_OVERLAP,
		&(const struct ike_check_place){
			.kind = "pool", .name = second->name, .key = "addrs" },
		"pools '%s' and '%s' have addresses in common", first->name, second->name);
	return true;
}

bool ike_check_range(struct ike_check *k, size_t index)
{
	size_t said = 0;

	if (index >= k->range_count)
		return false;
	const struct ike_check_range *range = &k->ranges[index];
	for (size_t i = index + 1; i < k->range_count && i - index <= RANGES_SEEN &&
				   said < OVERLAPS_SAID && begins_within(&k->ranges[i], range);
		i++) {
		k->work++;
		said += say_overlap(k, range, &k->ranges[i]);
	}
	return true;
}

bool ike_check_pool(struct ike_check *k, size_t index)
{
	if (index == 0)
		take_pools(k);
	if (index >= k->pool_count)
		return false;
	const char *name = k->pools_seen[index];
	if (!is_named(k, name))
		ike_check_say(k, IKE_CHECK_POOL_UNUSED,
			&(const struct ike_check_place){ .kind = "pool", .name = name },
			"no connection has pool '%s'", name);
	return true;
}
