/*
 * Which children have packets in common: each pair of a local and a remote selector is an area, the
 * one by the other, and a node of a binary tree (a treap) in the order of where they begin, the
 * remote side first. A node knows the bounds of all below it, so that a search passes by whatever
 * has nothing in common with what is looked for.
 */
#include "libike/check/check_priv.h"

#include <stdlib.h>

/* Of a search, so that one step stays one step when everything crosses everything. */
#define VISITS_MAX 4096

/* What tells packets apart beside selectors comes first: children with different interface ids have
 * nothing in common. */
#define REMOTE_SIZE (8 + 1 + 16)
#define LOCAL_SIZE (1 + 16)

struct box {
	uint8_t remote_from[REMOTE_SIZE], remote_to[REMOTE_SIZE];
	uint8_t local_from[LOCAL_SIZE], local_to[LOCAL_SIZE];
};

struct ike_check_area {
	struct ike_check_area *left, *right;
	struct ike_check_area *next; /* of the same child */
	uint32_t priority;           /* no node below has a greater one */
	uint32_t number;             /* of the child */
	const struct ike_child_config *child;
	struct box box, bounds; /* its own, and all of the tree below it */
};

/* ---- Boxes ---- */

static bool touches(const struct box *a, const struct box *b)
{
	return memcmp(a->remote_from, b->remote_to, REMOTE_SIZE) <= 0 &&
	       memcmp(b->remote_from, a->remote_to, REMOTE_SIZE) <= 0 &&
	       memcmp(a->local_from, b->local_to, LOCAL_SIZE) <= 0 &&
	       memcmp(b->local_from, a->local_to, LOCAL_SIZE) <= 0;
}

static void take_lower(uint8_t *to, const uint8_t *from, size_t size)
{
	if (memcmp(from, to, size) < 0)
		memcpy(to, from, size);
}

static void take_higher(uint8_t *to, const uint8_t *from, size_t size)
{
	if (memcmp(from, to, size) > 0)
		memcpy(to, from, size);
}

static void include(struct box *bounds, const struct ike_check_area *below)
{
	if (!below)
		return;
	take_lower(bounds->remote_from, below->bounds.remote_from, REMOTE_SIZE);
	take_higher(bounds->remote_to, below->bounds.remote_to, REMOTE_SIZE);
	take_lower(bounds->local_from, below->bounds.local_from, LOCAL_SIZE);
	take_higher(bounds->local_to, below->bounds.local_to, LOCAL_SIZE);
}

static void update(struct ike_check_area *a)
{
	a->bounds = a->box;
	include(&a->bounds, a->left);
	include(&a->bounds, a->right);
}

static uint64_t digest_of_rest(const struct ike_child_config *c)
{
	const char *interface = c->interface ? c->interface : "";
	const uint32_t numbers[] = { c->if_id_in, c->if_id_out, c->mark_in.value, c->mark_in.mask,
		c->mark_out.value, c->mark_out.mask, c->priority };

	return ike_check_digest(ike_check_digest(IKE_CHECK_DIGEST, numbers, sizeof(numbers)),
		interface, strlen(interface));
}

static struct box box_of(
	uint64_t rest, const struct ike_selector *local, const struct ike_selector *remote)
{
	struct box box;

	memcpy(box.remote_from, &rest, 8);
	box.remote_from[8] = remote->family;
	memcpy(box.remote_from + 9, remote->from, 16);
	memcpy(box.remote_to, box.remote_from, 9);
	memcpy(box.remote_to + 9, remote->to, 16);
	box.local_from[0] = box.local_to[0] = local->family;
	memcpy(box.local_from + 1, local->from, 16);
	memcpy(box.local_to + 1, local->to, 16);
	return box;
}

/* ---- The tree ---- */

static bool is_before(const struct ike_check_area *a, const struct ike_check_area *b)
{
	int order = memcmp(a->box.remote_from, b->box.remote_from, REMOTE_SIZE);

	if (order == 0)
		order = memcmp(a->box.local_from, b->box.local_from, LOCAL_SIZE);
	return order < 0 || (order == 0 && a->number < b->number);
}

/* Into what is before `at`, and what is behind it. */
static void split(struct ike_check_area *tree, const struct ike_check_area *at,
	struct ike_check_area **ret_before, struct ike_check_area **ret_behind)
{
	if (!tree) {
		*ret_before = *ret_behind = NULL;
	} else if (is_before(tree, at)) {
		split(tree->right, at, &tree->right, ret_behind);
		update(tree);
		*ret_before = tree;
	} else {
		split(tree->left, at, ret_before, &tree->left);
		update(tree);
		*ret_behind = tree;
	}
}

static struct ike_check_area *insert(struct ike_check_area *tree, struct ike_check_area *a)
{
	if (!tree || a->priority > tree->priority) {
		split(tree, a, &a->left, &a->right);
		update(a);
		return a;
	}
	if (is_before(tree, a))
		tree->right = insert(tree->right, a);
	else
		tree->left = insert(tree->left, a);
	update(tree);
	return tree;
}

/* Numbers that look like drawn ones keep the tree flat, and the same each time. */
static uint32_t scramble(uint32_t number)
{
	number = (number ^ (number >> 16)) * 0x45d9f3bu;
	number = (number ^ (number >> 16)) * 0x45d9f3bu;
	return number ^ (number >> 16);
}

/* ---- Looking ---- */

struct search {
	const struct ike_check_area *hits[IKE_CHECK_NEIGHBOURS_MAX]; /* each child once */
	size_t hit_count;
	unsigned visits;
};

static void note_hit(struct search *s, const struct ike_check_area *hit)
{
	for (size_t i = 0; i < s->hit_count; i++)
		if (s->hits[i]->child == hit->child)
			return;
	if (s->hit_count < IKE_CHECK_NEIGHBOURS_MAX)
		s->hits[s->hit_count++] = hit;
}

static void look(struct search *s, const struct ike_check_area *tree, const struct box *box)
{
	if (!tree || s->visits >= VISITS_MAX || s->hit_count == IKE_CHECK_NEIGHBOURS_MAX)
		return;
	s->visits++;
	if (!touches(&tree->bounds, box))
		return;
	look(s, tree->left, box);
	if (touches(&tree->box, box))
		note_hit(s, tree);
	look(s, tree->right, box);
}

static int compare(const void *left, const void *right)
{
	const struct ike_check_area *a = *(const struct ike_check_area *const *)left;
	const struct ike_check_area *b = *(const struct ike_check_area *const *)right;

	return (a->number > b->number) - (a->number < b->number);
}

static bool is_fixed(const struct ike_selector *s)
{
	return s->family && !s->dynamic && s->group == IKE_SELECTOR_ITSELF;
}

static void add(struct ike_check *k, const struct ike_child_config *child, struct box box)
{
	struct ike_check_areas *areas = &k->areas;
	struct ike_check_area *a = calloc(1, sizeof(*a));

	if (!a) {
		k->out_of_memory = true;
		return;
	}
	a->number = areas->count++;
	a->priority = scramble(a->number);
	a->child = child;
	a->box = box;
	a->next = areas->own;
	areas->own = a;
}

static void look_for_own(struct ike_check *k)
{
	struct ike_check_areas *areas = &k->areas;
	struct search s = { 0 };

	for (const struct ike_check_area *own = areas->own; own; own = own->next)
		look(&s, areas->tree, &own->box);
	k->work += s.visits;
	if (s.hit_count > 1)
		qsort(s.hits, s.hit_count, sizeof(*s.hits), compare);
	for (; areas->found_count < s.hit_count; areas->found_count++)
		areas->found[areas->found_count] = s.hits[areas->found_count]->child;
}

void ike_check_areas_find(struct ike_check *k, const struct ike_child_config *child)
{
	struct ike_check_areas *areas = &k->areas;
	uint64_t rest = digest_of_rest(child);

	areas->found_count = 0;
	for (size_t i = 0; i < child->local_ts_count; i++)
		for (size_t j = 0; j < child->remote_ts_count; j++)
			if (is_fixed(&child->local_ts[i]) && is_fixed(&child->remote_ts[j]))
				add(k, child,
					box_of(rest, &child->local_ts[i], &child->remote_ts[j]));
	look_for_own(k);
	while (areas->own) {
		struct ike_check_area *own = areas->own;

		areas->own = own->next;
		areas->tree = insert(areas->tree, own);
	}
}

static void free_tree(struct ike_check_area *tree)
{
	if (!tree)
		return;
	free_tree(tree->left);
	free_tree(tree->right);
	free(tree);
}

void ike_check_areas_free(struct ike_check_areas *areas)
{
	free_tree(areas->tree);
}
