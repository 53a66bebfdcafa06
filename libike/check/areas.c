/*
 * Which children have packets in common, and how: each pair of a local and a remote selector is an
 * area, the one by the other, and a node of a binary tree (a treap) in the order of where they
 * begin, the remote side first. A node knows the bounds of all below it, so that a search passes by
 * whatever has nothing in common with what is looked for.
 */
#include "libike/check/check_priv.h"

#include <stdlib.h>

/* Of a search: each pair of selectors may look at so many, and all of them together at so many
 * more, so that one step stays one step when everything crosses everything. */
#define VISITS_OF_PAIR 128
#define VISITS_MORE 4096

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
	const struct ike_selector *local, *remote;
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

/* Without `priority`, children of another kind than this one are never in its way. */
static uint64_t digest_of_rest(const struct ike_child_config *c, enum ike_check_kind kind)
{
	const char *interface = c->interface ? c->interface : "";
	const uint32_t numbers[] = { c->if_id_in, c->if_id_out, c->mark_in.value, c->mark_in.mask,
		c->mark_out.value, c->mark_out.mask, c->priority,
		c->priority ? 0 : (uint32_t)kind };

	return ike_digest_add(
		ike_digest_add(IKE_DIGEST, numbers, sizeof(numbers)), interface, strlen(interface));
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

static int compare_boxes(const struct box *a, const struct box *b)
{
	int order = memcmp(a->remote_from, b->remote_from, REMOTE_SIZE);

	if (order == 0)
		order = memcmp(a->local_from, b->local_from, LOCAL_SIZE);
	if (order == 0)
		order = memcmp(a->remote_to, b->remote_to, REMOTE_SIZE);
	if (order == 0)
		order = memcmp(a->local_to, b->local_to, LOCAL_SIZE);
	return order;
}

static bool is_before(const struct ike_check_area *a, const struct ike_check_area *b)
{
	int order = compare_boxes(&a->box, &b->box);

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

/* ---- Two pairs ---- */

/* Of a policy for both: it may be written at one of them. */
static uint8_t protocol_of(const struct ike_check_area *a)
{
	return a->local->protocol ? a->local->protocol : a->remote->protocol;
}

static enum ike_check_relation relate(
	const struct ike_check_area *a, const struct ike_check_area *b)
{
	struct ike_selector common;
	uint8_t of_a = protocol_of(a), of_b = protocol_of(b);

	if ((of_a && of_b && of_a != of_b) ||
		!ike_selector_intersect(a->local, b->local, &common) ||
		!ike_selector_intersect(a->remote, b->remote, &common))
		return IKE_CHECK_APART;
	bool a_in_b = ike_selector_contains(b->local, a->local) &&
		      ike_selector_contains(b->remote, a->remote);
	bool b_in_a = ike_selector_contains(a->local, b->local) &&
		      ike_selector_contains(a->remote, b->remote);

	if (a_in_b && b_in_a)
		return IKE_CHECK_EQUAL;
	return a_in_b ? IKE_CHECK_A_IN_B : b_in_a ? IKE_CHECK_B_IN_A : IKE_CHECK_CROSSING;
}

/* ---- Looking ---- */

struct search {
	struct ike_check_areas *areas;
	const struct ike_check_area *own; /* that is looked for */
	const struct box *box;            /* its own, or that of another kind */
	ike_check_matters *matters;
	unsigned visits, visits_max;
};

/* Which of two that are in each other is told is a matter of which comes first. */
static bool is_worse(enum ike_check_relation a, enum ike_check_relation b)
{
	return a > b && (a >= IKE_CHECK_CROSSING || b == IKE_CHECK_APART);
}

static bool is_full(const struct search *s)
{
	return s->areas->found_count == IKE_CHECK_NEIGHBOURS_MAX;
}

static void note_hit(struct search *s, const struct ike_check_area *hit)
{
	enum ike_check_relation relation = relate(s->own, hit);
	struct ike_check_neighbour *n = s->areas->found, *end = n + s->areas->found_count;

	if (!s->matters(s->own->child, hit->child, relation))
		return;
	while (n != end && n->child != hit->child)
		n++;
	if (n == end) {
		if (is_full(s))
			return;
		s->areas->found_count++;
		*n = (struct ike_check_neighbour){ .child = hit->child, .number = hit->number };
	}
	if (!is_worse(relation, n->relation))
		return;
	n->relation = relation;
	n->local = s->own->local;
	n->remote = s->own->remote;
}

static bool may_visit(struct search *s)
{
	if (is_full(s))
		return false;
	if (s->visits >= s->visits_max) {
		s->areas->cut = true;
		return false;
	}
	s->visits++;
	return true;
}

/* All that have something in common with the box. */
static void look(struct search *s, const struct ike_check_area *tree)
{
	if (!tree || !may_visit(s) || !touches(&tree->bounds, s->box))
		return;
	look(s, tree->left);
	if (touches(&tree->box, s->box))
		note_hit(s, tree);
	look(s, tree->right);
}

/* Those alone that are as large, which the order of the tree leads to. */
static void look_for_equal(struct search *s, const struct ike_check_area *tree)
{
	if (!tree || !may_visit(s))
		return;
	int order = compare_boxes(&tree->box, s->box);

	if (order >= 0)
		look_for_equal(s, tree->left);
	if (order == 0)
		note_hit(s, tree);
	if (order <= 0)
		look_for_equal(s, tree->right);
}

static int compare(const void *left, const void *right)
{
	const struct ike_check_neighbour *a = left, *b = right;

	return (a->number > b->number) - (a->number < b->number);
}

/* ---- A child ---- */

static void add(struct ike_check *k, const struct ike_child_config *child, uint64_t rest,
	const struct ike_selector *local, const struct ike_selector *remote)
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
	a->local = local;
	a->remote = remote;
	a->box = box_of(rest, local, remote);
	a->next = areas->own;
	areas->own = a;
	areas->own_count++;
}

static void add_all(struct ike_check *k, const struct ike_child_config *child)
{
	uint64_t rest = digest_of_rest(child, ike_check_kind_of(child));

	for (size_t i = 0; i < child->local_ts_count; i++)
		for (size_t j = 0; j < child->remote_ts_count; j++)
			if (ike_check_is_fixed(&child->local_ts[i]) &&
				ike_check_is_fixed(&child->remote_ts[j]))
				add(k, child, rest, &child->local_ts[i], &child->remote_ts[j]);
}

/* With pairs of another kind than the child's own. */
static void look_for_equal_of(struct search *s, enum ike_check_kind kind)
{
	uint64_t rest = digest_of_rest(s->own->child, kind);
	struct box box = box_of(rest, s->own->local, s->own->remote);

	s->box = &box;
	look_for_equal(s, s->areas->tree);
	s->box = NULL;
}

/* What is equal comes first, so that it is found whatever else there is. */
static void look_for_own(struct ike_check *k, ike_check_matters *matters)
{
	struct ike_check_areas *areas = &k->areas;
	struct search s = { .areas = areas, .matters = matters };
	enum ike_check_kind kind;

	for (s.own = areas->own; s.own; s.own = s.own->next) {
		kind = ike_check_kind_of(s.own->child);
		s.visits_max = s.visits + VISITS_OF_PAIR;
		if (s.own->child->priority == 0 && kind != IKE_CHECK_PASS)
			look_for_equal_of(&s, IKE_CHECK_PASS);
		else if (s.own->child->priority == 0)
			look_for_equal_of(&s, IKE_CHECK_TUNNEL);
		look_for_equal_of(&s, kind);
	}
	s.visits_max = s.visits + (unsigned)areas->own_count * VISITS_OF_PAIR / 2 + VISITS_MORE;
	for (s.own = areas->own; s.own; s.own = s.own->next) {
		s.box = &s.own->box;
		look(&s, areas->tree);
	}
	k->work += s.visits;
	if (areas->found_count > 1)
		qsort(areas->found, areas->found_count, sizeof(*areas->found), compare);
}

void ike_check_areas_find(
	struct ike_check *k, const struct ike_child_config *child, ike_check_matters *matters)
{
	struct ike_check_areas *areas = &k->areas;

	areas->found_count = areas->own_count = 0;
	areas->cut = false;
	add_all(k, child);
	look_for_own(k, matters);
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
