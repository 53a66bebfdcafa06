#include "charon-lite/control/pools_message.h"

#include <stdlib.h>

/* Of a message, for what surrounds leases and for the pools that follow. */
#define RESERVED (32 * 1024)

static int compare(const struct address *a, const struct address *b)
{
	return memcmp(a->octets, b->octets, sizeof(a->octets));
}

static int compare_leases(const void *a, const void *b)
{
	const struct ike_lease *const *one = a, *const *other = b;

	return compare(&(*one)->address, &(*other)->address);
}

/* Those that are wanted, in order; NULL without memory. */
static const struct ike_lease **sorted(
	const struct ike_pool *pool, const struct cl_pools_wanted *wanted, size_t *ret_count)
{
	size_t room = (size_t)ike_pool_online(pool) + ike_pool_offline(pool), count = 0;
	const struct ike_lease **list = calloc(room + 1, sizeof(const struct ike_lease *));
	const struct ike_lease *lease = NULL;

	while (list && count < room && (lease = ike_pool_lease(pool, lease)))
		if (wanted->after.family == 0 || compare(&lease->address, &wanted->after) > 0)
			list[count++] = lease;
	if (list)
		qsort(list, count, sizeof(const struct ike_lease *), compare_leases);
	*ret_count = count;
	return list;
}

static void put_lease(struct vici_builder *b, size_t index, const struct ike_lease *lease)
{
	char address[ADDRESS_TEXT_MAX], identity[IKE_IDENTITY_TEXT_MAX];

	vici_section_start_format(b, "%zu", index);
	vici_key_text(b, "address", address_format(&lease->address, address));
	vici_key_text(b, "identity", ike_identity_format(lease->identity, identity));
	vici_key_text(b, "status", lease->users > 0 ? "online" : "offline");
	vici_section_end(b);
}

/* Returns how many are left out. */
static uint32_t put_leases(
	struct vici_builder *b, const struct ike_pool *pool, const struct cl_pools_wanted *wanted)
{
	size_t count, done = 0;
	const struct ike_lease **list = sorted(pool, wanted, &count);

	if (!list)
		return ike_pool_online(pool) + ike_pool_offline(pool);
	vici_section_start(b, "leases");
	for (; done < count; done++) {
		const struct vici_builder mark = vici_builder_mark(b);

		put_lease(b, done, list[done]);
		if (!b->bad && b->length < VICI_MESSAGE_MAX - RESERVED)
			continue;
		vici_builder_undo(b, &mark);
		break;
	}
	vici_section_end(b);
	free(list);
	return (uint32_t)(count - done);
}

static uint32_t put_pool(
	struct vici_builder *b, const struct ike_pool *pool, const struct cl_pools_wanted *wanted)
{
	char base[ADDRESS_TEXT_MAX];
	uint32_t left = 0;

	vici_section_start(b, ike_pool_name(pool));
	vici_key_text(b, "base", address_format(&ike_pool_addrs(pool)->ranges[0].first, base));
	vici_key_format(b, "size", "%u", ike_pool_addrs(pool)->size);
	vici_key_format(b, "online", "%u", ike_pool_online(pool));
	vici_key_format(b, "offline", "%u", ike_pool_offline(pool));
	if (wanted->leases)
		left = put_leases(b, pool, wanted);
	if (left > 0)
		vici_key_format(b, "leases-left", "%u", left);
	vici_section_end(b);
	return left;
}

uint32_t cl_pools_build(
	struct vici_builder *b, const struct ike_pools *pools, const struct cl_pools_wanted *wanted)
{
	const struct ike_pool *pool;
	uint32_t left = 0;

	for (size_t i = 0; (pool = ike_pools_get(pools, i)); i++)
		if (!wanted->name || strcmp(wanted->name, ike_pool_name(pool)) == 0)
			left += put_pool(b, pool, wanted);
	return left;
}
