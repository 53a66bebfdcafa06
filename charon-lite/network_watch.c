#include "charon-lite/network_watch.h"

#include "charon-lite/rtnetlink.h"

#include <linux/rtnetlink.h>
#include <stdlib.h>

/* ---- The set ---- */

static uint64_t key_of(const struct address *a)
{
	uint64_t key = 0;

	for (size_t i = 0; i < (a->family == AF_INET ? 4u : 8u); i++)
		key = key << 8 | a->octets[i];
	return key;
}

/* The index of the first key that is not below. */
static size_t list_find(const struct cl_watch_list *list, uint64_t key)
{
	size_t from = 0, to = list->count;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (list->keys[middle] < key)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

static bool list_grow(struct cl_watch_list *list)
{
	size_t room = list->room ? 2 * list->room : 16;

	if (list->count < list->room)
		return true;
	uint64_t *keys = reallocarray(list->keys, room, sizeof(*keys));
	if (!keys)
		return false;
	list->keys = keys;
	list->room = room;
	return true;
}

enum cl_watch_result cl_watch_add(struct cl_watch *w, const struct address *peer)
{
	struct cl_watch_list *list = peer->family == AF_INET ? &w->ipv4 : &w->ipv6;

	if (address_is_any(peer))
		return CL_WATCH_KNOWN;
	uint64_t key = key_of(peer);
	size_t at = list_find(list, key);
	if (at < list->count && list->keys[at] == key)
		return CL_WATCH_KNOWN;
	if (!list_grow(list))
		return CL_WATCH_NO_MEMORY;
	memmove(list->keys + at + 1, list->keys + at, (list->count - at) * sizeof(*list->keys));
	list->keys[at] = key;
	list->count++;
	return CL_WATCH_NEW;
}

bool cl_watch_gather(struct cl_watch *w, const struct address *peer)
{
	struct cl_watch_list *list = peer->family == AF_INET ? &w->ipv4 : &w->ipv6;

	if (address_is_any(peer))
		return true;
	if (!list_grow(list))
		return false;
	list->keys[list->count++] = key_of(peer);
	return true;
}

static int compare_keys(const void *a, const void *b)
{
	const uint64_t *left = a, *right = b;

	return *left < *right ? -1 : *left > *right ? 1 : 0;
}

static void list_order(struct cl_watch_list *list)
{
	size_t kept = 0;

	if (list->count > 1)
		qsort(list->keys, list->count, sizeof(*list->keys), compare_keys);
	for (size_t i = 0; i < list->count; i++) {
		if (i == 0 || list->keys[i] != list->keys[kept - 1])
			list->keys[kept++] = list->keys[i];
	}
	list->count = kept;
}

void cl_watch_gathered(struct cl_watch *w)
{
	list_order(&w->ipv4);
	list_order(&w->ipv6);
}

void cl_watch_clear(struct cl_watch *w)
{
	free(w->ipv4.keys);
	free(w->ipv6.keys);
	*w = (struct cl_watch){ 0 };
}

bool cl_watch_is_empty(const struct cl_watch *w)
{
	return w->ipv4.count + w->ipv6.count == 0;
}

/* ---- Changes of routes ---- */

static bool type_leads_elsewhere(unsigned char type)
{
	return type == RTN_LOCAL || type == RTN_BROADCAST || type == RTN_ANYCAST ||
	       type == RTN_MULTICAST;
}

/* length: from 1. */
static bool list_meets(
	const struct cl_watch_list *list, unsigned bits, uint64_t first, unsigned length)
{
	uint64_t rest = length >= bits ? 0 : (UINT64_C(1) << (bits - length)) - 1;
	size_t at = list_find(list, first);

	return at < list->count && list->keys[at] <= (first | rest);
}

bool cl_watch_concerns(const struct cl_watch *w, uint32_t own_table, struct nlmsghdr *message)
{
	static const struct nla_policy policy[RTA_TABLE + 1] = {
		[RTA_TABLE] = { .type = NLA_U32 },
	};
	struct nlattr *attributes[RTA_TABLE + 1];
	struct address destination;
	struct rtmsg fixed;

	if (nlmsg_parse(message, sizeof(fixed), attributes, RTA_TABLE, policy) < 0)
		return false;
	memcpy(&fixed, nlmsg_data(message), sizeof(fixed));
	uint32_t table =
		attributes[RTA_TABLE] ? nla_get_u32(attributes[RTA_TABLE]) : fixed.rtm_table;
	if ((fixed.rtm_family != AF_INET && fixed.rtm_family != AF_INET6) || table == own_table ||
		table == RT_TABLE_LOCAL || type_leads_elsewhere(fixed.rtm_type) ||
		(fixed.rtm_flags & RTM_F_CLONED))
		return false;
	if (fixed.rtm_dst_len == 0 || !cl_rtnetlink_address(attributes[RTA_DST], &destination))
		return true;
	return fixed.rtm_family == AF_INET
		       ? list_meets(&w->ipv4, 32, key_of(&destination), fixed.rtm_dst_len)
		       : list_meets(&w->ipv6, 64, key_of(&destination), fixed.rtm_dst_len);
}
