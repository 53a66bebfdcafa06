/*
 * The tree: leaves are networks, a fork is the bits that all below it have in common. As no network
 * is within another, forks are never networks, and each has two children.
 */
#include "libike/model/networks.h"

#include <stdlib.h>

struct ike_network {
	struct ike_network *child[2]; /* both NULL: a leaf */
	const void *owner;            /* of a leaf */
	uint8_t octets[16];
	uint8_t family;
	uint8_t length; /* bits */
	bool full;      /* the networks below it are the whole of it */
};

static bool is_leaf(const struct ike_network *n)
{
	return !n->child[0];
}

static bool bit_of(const struct ike_network *n, uint8_t index)
{
	return n->octets[index / 8] >> (7 - index % 8) & 1;
}

/* How many bits at the beginning both have. */
static uint8_t common_bits(const struct ike_network *a, const struct ike_network *b)
{
	uint8_t limit = a->length < b->length ? a->length : b->length, count = 0;

	while (count < limit && bit_of(a, count) == bit_of(b, count))
		count++;
	return count;
}

static struct ike_selector selector_of(const struct ike_network *n)
{
	struct address a = { .family = n->family };
	struct ike_selector s;

	memcpy(a.octets, n->octets, sizeof(a.octets));
	return ike_selector_of_prefix(&a, n->length, &s) ? s : (struct ike_selector){ 0 };
}

static bool network_of(const struct ike_selector *s, struct ike_network *ret)
{
	struct address a;

	*ret = (struct ike_network){ .family = s->family, .full = true };
	if (s->dynamic || s->group || s->family == 0 || s->protocol != 0 ||
		!ike_selector_is_any_port(s) || !ike_selector_prefix(s, &a, &ret->length))
		return false;
	memcpy(ret->octets, a.octets, sizeof(ret->octets));
	return true;
}

bool ike_network_is(const struct ike_selector *s)
{
	struct ike_network n;

	return network_of(s, &n);
}

static struct ike_network **root_of(struct ike_networks *networks, uint8_t family)
{
	return family == AF_INET ? &networks->four : &networks->six;
}

/* ---- Adding and removing ---- */

static void reckon_full(struct ike_network *fork)
{
	fork->full = true;
	for (size_t i = 0; i < 2; i++)
		fork->full = fork->full && fork->child[i]->full &&
			     fork->child[i]->length == fork->length + 1;
}

static void make_fork(struct ike_network *fork, struct ike_network *a, struct ike_network *b)
{
	fork->length = common_bits(a, b);
	fork->family = a->family;
	for (uint8_t i = 0; i < fork->length; i++)
		fork->octets[i / 8] |= (uint8_t)(bit_of(a, i) << (7 - i % 8));
	fork->child[bit_of(a, fork->length)] = a;
	fork->child[bit_of(b, fork->length)] = b;
}

static void insert(struct ike_network **at, struct ike_network *leaf, struct ike_network *fork)
{
	struct ike_network *n = *at;

	if (!is_leaf(n) && common_bits(n, leaf) == n->length) {
		insert(&n->child[bit_of(leaf, n->length)], leaf, fork);
	} else {
		make_fork(fork, leaf, n);
		*at = fork;
	}
	reckon_full(*at);
}

bool ike_networks_add(
	struct ike_networks *networks, const struct ike_selector *network, const void *owner)
{
	struct ike_network **root = root_of(networks, network->family);
	struct ike_network *leaf = calloc(1, sizeof(*leaf));
	struct ike_network *fork = *root ? calloc(1, sizeof(*fork)) : NULL;

	if (!leaf || (*root && !fork) || !network_of(network, leaf)) {
		free(leaf);
		free(fork);
		return false;
	}
	leaf->owner = owner;
	if (*root)
		insert(root, leaf, fork);
	else
		*root = leaf;
	return true;
}

static void detach(struct ike_network **at, const struct ike_network *what)
{
	struct ike_network *n = *at;

	if (is_leaf(n)) {
		free(n);
		*at = NULL;
		return;
	}
	bool side = bit_of(what, n->length);
	detach(&n->child[side], what);
	if (n->child[side]) {
		reckon_full(n);
		return;
	}
	*at = n->child[!side];
	free(n);
}

void ike_networks_remove(struct ike_networks *networks, const struct ike_selector *network)
{
	struct ike_network **root = root_of(networks, network->family);
	struct ike_network what;

	if (*root && network_of(network, &what))
		detach(root, &what);
}

static void free_all(struct ike_network *n)
{
	if (!n)
		return;
	free_all(n->child[0]);
	free_all(n->child[1]);
	free(n);
}

void ike_networks_free(struct ike_networks *networks)
{
	free_all(networks->four);
	free_all(networks->six);
	*networks = (struct ike_networks){ 0 };
}

/* ---- Looking ---- */

struct search {
	struct ike_networks_but but;
	const struct ike_selector *within;
	struct ike_selector *ret;
	size_t room, count;
	bool whole;        /* a fork that is full is found as one */
	const void *owner; /* of the leaf that was found last */
};

/* Whether what is there has one of those that do not count. */
static bool has_other(const struct search *s, const struct ike_selector *here)
{
	for (size_t i = 0; i < s->but.count; i++)
		if (ike_selector_contains(here, &s->but.list[i]))
			return true;
	return false;
}

static void look(const struct ike_network *n, struct search *s)
{
	struct ike_selector here, common;

	if (!n || s->count >= s->room)
		return;
	here = selector_of(n);
	if (!ike_selector_intersect(&here, s->within, &common))
		return;
	if ((is_leaf(n) || (s->whole && n->full)) && !has_other(s, &here)) {
		s->owner = n->owner;
		s->ret[s->count++] = here;
		return;
	}
	look(n->child[0], s);
	look(n->child[1], s);
}

static const struct ike_network *root_for(const struct ike_networks *networks, uint8_t family)
{
	return family == AF_INET ? networks->four : family == AF_INET6 ? networks->six : NULL;
}

const void *ike_networks_overlap(const struct ike_networks *networks,
	const struct ike_selector *network, struct ike_networks_but but, struct ike_selector *ret)
{
	struct search s = { .but = but, .within = network, .ret = ret, .room = 1 };

	look(root_for(networks, network->family), &s);
	return s.count > 0 ? s.owner : NULL;
}

size_t ike_networks_within(const struct ike_networks *networks, const struct ike_selector *within,
	struct ike_networks_but but, struct ike_selector *ret, size_t room)
{
	struct search s = { .but = but, .within = within, .ret = ret, .room = room, .whole = true };

	look(root_for(networks, within->family), &s);
	return s.count;
}
