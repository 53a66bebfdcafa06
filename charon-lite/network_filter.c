/* The socket filter that network_watch.h describes. */
#include "charon-lite/network_watch.h"

#include <arpa/inet.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>

/* Where things are in a message about a route. */
enum {
	AT_TYPE = offsetof(struct nlmsghdr, nlmsg_type),
	AT_ROUTE = NLMSG_HDRLEN,
	AT_FAMILY = AT_ROUTE + offsetof(struct rtmsg, rtm_family),
	AT_LENGTH = AT_ROUTE + offsetof(struct rtmsg, rtm_dst_len),
	AT_TABLE = AT_ROUTE + offsetof(struct rtmsg, rtm_table),
	AT_KIND = AT_ROUTE + offsetof(struct rtmsg, rtm_type),
	AT_FLAGS = AT_ROUTE + offsetof(struct rtmsg, rtm_flags),
	AT_ATTRIBUTES = AT_ROUTE + NLMSG_ALIGN(sizeof(struct rtmsg)),
};

/* The filter's memory: the route's prefix as a range, each end in one or two words. */
enum { FIRST, FIRST_LOW, LAST, LAST_LOW, LENGTH };

#define PASS UINT32_MAX
#define DROP 0

struct program {
	struct sock_filter *at;
	size_t length;
};

static void put(struct program *p, uint16_t code, uint32_t k, uint8_t jump_true, uint8_t jump_false)
{
	p->at[p->length++] = (struct sock_filter){ code, jump_true, jump_false, k };
}

static void load(struct program *p, uint16_t size, uint32_t offset)
{
	put(p, BPF_LD | size | BPF_ABS, offset, 0, 0);
}

static void finish(struct program *p, uint32_t verdict)
{
	put(p, BPF_RET | BPF_K, verdict, 0, 0);
}

/* Drops the message when the accumulator is that. */
static void drop_if(struct program *p, uint32_t value)
{
	put(p, BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1);
	finish(p, DROP);
}

/* The accumulator becomes the attribute's place; without the attribute the message passes. */
static void find_attribute(struct program *p, uint32_t type)
{
	put(p, BPF_LDX | BPF_IMM, type, 0, 0);
	put(p, BPF_LD | BPF_IMM, AT_ATTRIBUTES, 0, 0);
	load(p, BPF_W, (uint32_t)(SKF_AD_OFF + SKF_AD_NLATTR));
	put(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1);
	finish(p, PASS);
}

/* Numbers in netlink are in the host's order, and the filter reads the network's. */
static void put_head(struct program *p, uint32_t own_table)
{
	static const uint8_t elsewhere[] = { RTN_LOCAL, RTN_BROADCAST, RTN_ANYCAST, RTN_MULTICAST };

	load(p, BPF_H, AT_TYPE);
	put(p, BPF_JMP | BPF_JEQ | BPF_K, htons(RTM_NEWROUTE), 2, 0);
	put(p, BPF_JMP | BPF_JEQ | BPF_K, htons(RTM_DELROUTE), 1, 0);
	finish(p, PASS);
	load(p, BPF_B, AT_KIND);
	for (size_t i = 0; i < sizeof(elsewhere); i++)
		drop_if(p, elsewhere[i]);
	load(p, BPF_B, AT_TABLE);
	drop_if(p, RT_TABLE_LOCAL);
	find_attribute(p, RTA_TABLE);
	put(p, BPF_MISC | BPF_TAX, 0, 0, 0);
	put(p, BPF_LD | BPF_W | BPF_IND, NLA_HDRLEN, 0, 0);
	drop_if(p, htonl(own_table));
	load(p, BPF_W, AT_FLAGS);
	put(p, BPF_JMP | BPF_JSET | BPF_K, htonl(RTM_F_CLONED), 0, 1);
	finish(p, DROP);
}

/* memory[to] = memory[from] | (all that `bits - memory[LENGTH]` low bits can be). */
static void put_last(struct program *p, uint32_t bits, uint32_t from, uint32_t to)
{
	put(p, BPF_LDX | BPF_MEM, LENGTH, 0, 0);
	put(p, BPF_LD | BPF_IMM, bits, 0, 0);
	put(p, BPF_ALU | BPF_SUB | BPF_X, 0, 0, 0);
	put(p, BPF_MISC | BPF_TAX, 0, 0, 0);
	put(p, BPF_LD | BPF_IMM, 1, 0, 0);
	put(p, BPF_ALU | BPF_LSH | BPF_X, 0, 0, 0);
	put(p, BPF_ALU | BPF_SUB | BPF_K, 1, 0, 0);
	put(p, BPF_LDX | BPF_MEM, from, 0, 0);
	put(p, BPF_ALU | BPF_OR | BPF_X, 0, 0, 0);
	put(p, BPF_ST, to, 0, 0);
}

enum { LAST_STEPS = 10 }; /* of put_last() */

static void put_word(struct program *p, uint32_t offset, uint32_t to)
{
	put(p, BPF_LD | BPF_W | BPF_IND, NLA_HDRLEN + offset, 0, 0);
	put(p, BPF_ST, to, 0, 0);
}

/* The prefix as a range, in the filter's memory. */
static void put_range_ipv4(struct program *p)
{
	find_attribute(p, RTA_DST);
	put(p, BPF_MISC | BPF_TAX, 0, 0, 0);
	put_word(p, 0, FIRST);
	put_last(p, 32, FIRST, LAST);
}

static void put_range_ipv6(struct program *p)
{
	find_attribute(p, RTA_DST);
	put(p, BPF_MISC | BPF_TAX, 0, 0, 0);
	put_word(p, 0, FIRST);
	put(p, BPF_ST, LAST, 0, 0);
	put_word(p, 4, FIRST_LOW);
	put(p, BPF_ST, LAST_LOW, 0, 0);
	put(p, BPF_LD | BPF_MEM, LENGTH, 0, 0);
	/* 64 bits and more: one address, as far as we look */
	put(p, BPF_JMP | BPF_JGE | BPF_K, 64, 2 * LAST_STEPS + 4, 0);
	put(p, BPF_JMP | BPF_JGT | BPF_K, 32, LAST_STEPS + 3, 0);
	put_last(p, 32, FIRST, LAST);
	put(p, BPF_LD | BPF_IMM, UINT32_MAX, 0, 0);
	put(p, BPF_ST, LAST_LOW, 0, 0);
	put(p, BPF_JMP | BPF_JA, LAST_STEPS, 0, 0);
	put_last(p, 64, FIRST_LOW, LAST_LOW);
}

struct range {
	uint64_t from, to;
};

/* Ranges come in rising order: the first that does not end below the prefix decides. */
static void put_test_ipv4(struct program *p, const struct range *range)
{
	/* the accumulator is memory[FIRST] */
	put(p, BPF_JMP | BPF_JGT | BPF_K, (uint32_t)range->to, 4, 0);
	put(p, BPF_LD | BPF_MEM, LAST, 0, 0);
	put(p, BPF_JMP | BPF_JGE | BPF_K, (uint32_t)range->from, 0, 1);
	finish(p, PASS);
	finish(p, DROP);
}

static void put_test_ipv6(struct program *p, const struct range *range)
{
	uint32_t to = (uint32_t)(range->to >> 32), from = (uint32_t)(range->from >> 32);

	put(p, BPF_LD | BPF_MEM, FIRST, 0, 0);
	put(p, BPF_JMP | BPF_JGT | BPF_K, to, 10, 0);
	put(p, BPF_JMP | BPF_JEQ | BPF_K, to, 0, 2);
	put(p, BPF_LD | BPF_MEM, FIRST_LOW, 0, 0);
	put(p, BPF_JMP | BPF_JGT | BPF_K, (uint32_t)range->to, 7, 0);
	put(p, BPF_LD | BPF_MEM, LAST, 0, 0);
	put(p, BPF_JMP | BPF_JGT | BPF_K, from, 3, 0);
	put(p, BPF_JMP | BPF_JEQ | BPF_K, from, 0, 3);
	put(p, BPF_LD | BPF_MEM, LAST_LOW, 0, 0);
	put(p, BPF_JMP | BPF_JGE | BPF_K, (uint32_t)range->from, 0, 1);
	finish(p, PASS);
	finish(p, DROP);
}

/* ---- From addresses to ranges ---- */

static int compare_descending(const void *a, const void *b)
{
	const uint64_t *left = a, *right = b;

	return *left < *right ? 1 : *left > *right ? -1 : 0;
}

/* Splits where the gaps are widest. Without memory: one range. */
static size_t make_ranges(const struct cl_watch_list *list, size_t room, struct range *ret)
{
	uint64_t *gaps = NULL, narrowest = 0;
	size_t count = 0, splits = room - 1;

	if (list->count == 0)
		return 0;
	if (list->count > room) {
		gaps = calloc(list->count, sizeof(*gaps));
		if (!gaps)
			splits = 0;
	}
	if (gaps) {
		for (size_t i = 1; i < list->count; i++)
			gaps[i - 1] = list->keys[i] - list->keys[i - 1];
		qsort(gaps, list->count - 1, sizeof(*gaps), compare_descending);
		narrowest = splits ? gaps[splits - 1] : 0;
		free(gaps);
	}
	ret[0] = (struct range){ list->keys[0], list->keys[0] };
	for (size_t i = 1; i < list->count; i++) {
		uint64_t key = list->keys[i];

		if (count < splits && key - ret[count].to >= narrowest)
			ret[++count].from = key;
		ret[count].to = key;
	}
	return count + 1;
}

static void put_family(struct program *p, const struct cl_watch_list *list, size_t ranges,
	void (*test)(struct program *, const struct range *))
{
	struct range range[CL_FILTER_RANGES_MAX];
	size_t count = make_ranges(list, ranges, range);

	put(p, BPF_LD | BPF_MEM, FIRST, 0, 0);
	for (size_t i = 0; i < count; i++)
		test(p, &range[i]);
	finish(p, DROP);
}

size_t cl_filter_build(const struct cl_watch *w, uint32_t own_table, size_t ranges,
	struct sock_filter ret[CL_FILTER_LENGTH_MAX])
{
	struct program p = { .at = ret };

	put_head(&p, own_table);
	if (!w) {
		finish(&p, PASS);
		return p.length;
	}
	load(&p, BPF_B, AT_LENGTH);
	put(&p, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1);
	finish(&p, PASS);
	put(&p, BPF_ST, LENGTH, 0, 0);
	load(&p, BPF_B, AT_FAMILY);
	put(&p, BPF_JMP | BPF_JEQ | BPF_K, AF_INET, 1, 0);
	size_t over = p.length; /* to IPv6; too far for a conditional jump */
	put(&p, BPF_JMP | BPF_JA, 0, 0, 0);
	put_range_ipv4(&p);
	put_family(&p, &w->ipv4, ranges, put_test_ipv4);
	ret[over].k = (uint32_t)(p.length - over - 1);
	put(&p, BPF_JMP | BPF_JEQ | BPF_K, AF_INET6, 1, 0);
	finish(&p, DROP);
	put_range_ipv6(&p);
	put_family(&p, &w->ipv6, ranges, put_test_ipv6);
	return p.length;
}
