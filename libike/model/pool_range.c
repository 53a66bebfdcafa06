/* The ranges of a pool, out of swanctl.conf's `addrs`. */
#include "libike/base/selector.h"
#include "libike/model/pools.h"

#include <stdlib.h>

#define SIZE_MAX_BITS 31 /* as charon limits it */
#define PART_TEXT_MAX (2 * ADDRESS_TEXT_MAX)

static bool parse_part(const char *text, size_t length, struct address *ret)
{
	char room[ADDRESS_TEXT_MAX];

	if (length >= sizeof(room))
		return false;
	memcpy(room, text, length);
	room[length] = '\0';
	return address_parse(room, ret) && ret->scope == 0;
}

/* How many there are from the one to the other, both included; at most what a pool may have. 0:
 * they are the wrong way round. */
static uint32_t count_between(const struct address *from, const struct address *to)
{
	const uint32_t max = (UINT32_C(1) << SIZE_MAX_BITS) - 1;
	uint64_t count = 0;
	size_t size = address_size(from);

	if (memcmp(from->octets, to->octets, size) > 0)
		return 0;
	for (size_t i = 0; i < size; i++) {
		int digit = to->octets[i] - from->octets[i];

		/* The difference so far is not negative, as `to` is not smaller. */
		count = (uint64_t)((int64_t)(count << 8) + digit);
		if (count >= (UINT64_C(1) << 40))
			return max;
	}
	return count + 1 > max ? max : (uint32_t)(count + 1);
}

static struct address next_to(const struct address *a, int step)
{
	struct address next = *a;

	for (size_t i = address_size(a); i-- > 0;) {
		int digit = next.octets[i] + step;

		next.octets[i] = (uint8_t)digit;
		if (digit >= 0 && digit <= 255)
			break;
	}
	return next;
}

/* Neither the first nor the last address of a network is a host's. One that is given with another
 * address begins there. */
static bool parse_prefix(
	const char *text, const char *slash, struct ike_pool_range *ret, struct why *why)
{
	struct address base, network = { 0 }, last = { 0 };
	struct ike_selector s;
	char *end;

	if (!parse_part(text, (size_t)(slash - text), &base))
		return why_fail(why, "'%s' is no network", text);
	unsigned long length = strtoul(slash + 1, &end, 10);
	if (slash[1] < '0' || slash[1] > '9' || *end || length > 8 * address_size(&base) ||
		!ike_selector_of_prefix(&base, (unsigned)length, &s))
		return why_fail(why, "'%s' has no prefix length that fits", text);
	network.family = last.family = base.family;
	memcpy(network.octets, s.from, sizeof(s.from));
	memcpy(last.octets, s.to, sizeof(s.to));
	bool skips = count_between(&network, &last) > 2;
	ret->first = skips && address_same_host(&base, &network) ? next_to(&base, 1) : base;
	ret->size = count_between(&ret->first, &last);
	/* A larger one does not reach to its end anyway. */
	if (skips && ret->size < (UINT32_C(1) << SIZE_MAX_BITS) - 1)
		ret->size--;
	if (ret->size == 0)
		return why_fail(why, "'%s' has no addresses to hand out", text);
	return true;
}

static bool parse_range(
	const char *text, const char *dash, struct ike_pool_range *ret, struct why *why)
{
	struct address to;

	if (!parse_part(text, (size_t)(dash - text), &ret->first) ||
		!parse_part(dash + 1, strlen(dash + 1), &to) || to.family != ret->first.family)
		return why_fail(why, "'%s' is no range of addresses", text);
	ret->size = count_between(&ret->first, &to);
	return ret->size > 0 || why_fail(why, "'%s' ends before it begins", text);
}

static bool parse_one(const char *text, struct ike_pool_range *ret, struct why *why)
{
	const char *slash = strchr(text, '/'), *dash = strchr(text, '-');
	struct ike_pool_range range = { .size = 1 };

	if (slash) {
		if (!parse_prefix(text, slash, &range, why))
			return false;
	} else if (dash) {
		if (!parse_range(text, dash, &range, why))
			return false;
	} else {
		if (!parse_part(text, strlen(text), &range.first))
			return why_fail(why, "'%s' is no address, range or network", text);
	}
	*ret = range;
	return true;
}

static bool contains(const struct ike_pool_range *range, const struct address *a)
{
	return memcmp(range->first.octets, a->octets, address_size(a)) <= 0 &&
	       count_between(&range->first, a) <= range->size;
}

static bool add(struct ike_pool_addrs *list, const char *text, struct why *why)
{
	struct ike_pool_range *range = &list->ranges[list->count];

	if (list->count == IKE_POOL_RANGES_MAX)
		return why_fail(why, "more than %u ranges", IKE_POOL_RANGES_MAX);
	if (!parse_one(text, range, why))
		return false;
	for (size_t i = 0; i < list->count; i++) {
		const struct ike_pool_range *other = &list->ranges[i];

		if (other->first.family != range->first.family)
			return why_fail(
				why, "'%s' is of another family: make it a pool of its own", text);
		if (contains(other, &range->first) || contains(range, &other->first))
			return why_fail(why, "'%s' overlaps with what is before it", text);
	}
	if (range->size > (UINT32_C(1) << SIZE_MAX_BITS) - 1 - list->size)
		return why_fail(why, "there are more than 2^31 addresses with '%s'", text);
	list->size += range->size;
	list->count++;
	return true;
}

bool ike_pool_addrs_parse(const char *text, struct ike_pool_addrs *ret, struct why *why)
{
	struct ike_pool_addrs list = { .count = 0 };
	char part[PART_TEXT_MAX];

	do {
		text += strspn(text, " \t");
		size_t length = strcspn(text, ","), used = length;

		while (used > 0 && (text[used - 1] == ' ' || text[used - 1] == '\t'))
			used--;
		if (used >= sizeof(part))
			return why_fail(why, "'%s' is no address, range or network", text);
		memcpy(part, text, used);
		part[used] = '\0';
		if (!add(&list, part, why))
			return false;
		text += length;
	} while (*text++);
	*ret = list;
	return true;
}
