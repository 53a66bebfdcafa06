/* Choosing among proposals, and the way between suites and proposals. Texts are read and written in
 * proposal_text.c. */
#include "libike/crypto/proposal.h"

#include <stdlib.h>

void ike_proposals_free(struct ike_proposals *list)
{
	if (!list)
		return;
	if (!list->owners || --*list->owners == 0) {
		free(list->items);
		free(list->owners);
	}
	free(list->left_out);
	*list = (struct ike_proposals){ 0 };
}

void ike_proposals_share(struct ike_proposals *list, struct ike_proposals *other)
{
	if (list->items == other->items)
		return;
	if (!other->owners && (other->owners = malloc(sizeof(*other->owners))))
		*other->owners = 1;
	if (!other->owners)
		return;
	char *left_out = list->left_out;
	list->left_out = NULL;
	ike_proposals_free(list);
	*list = *other;
	list->left_out = left_out;
	++*list->owners;
}

static const struct ike_transform *transform_next(
	const struct ike_proposal *p, uint8_t type, const struct ike_transform *previous)
{
	const struct ike_transform *end = p->transforms + p->count;

	for (const struct ike_transform *t = previous ? previous + 1 : p->transforms; t < end; t++)
		if (t->type == type)
			return t;
	return NULL;
}

static bool proposal_has(const struct ike_proposal *p, const struct ike_transform *wanted)
{
	for (const struct ike_transform *t = NULL; (t = transform_next(p, wanted->type, t));)
		if (t->id == wanted->id && t->key_bits == wanted->key_bits)
			return true;
	return false;
}

/* Our first transform of the type that they have too. Without any transform of a type, a proposal
 * stands for "none" (0) of it, which is also how no extended sequence numbers is numbered; so
 * 0 there and nothing here match. */
static bool choose_optional(const struct ike_proposal *ours, const struct ike_proposal *theirs,
	uint8_t type, struct ike_transform *ret)
{
	const struct ike_transform none = { .type = type };
	bool they_allow_none = !transform_next(theirs, type, NULL) || proposal_has(theirs, &none);
	const struct ike_transform *t = transform_next(ours, type, NULL);

	if (!t)
		t = &none;
	for (; t; t = t == &none ? NULL : transform_next(ours, type, t)) {
		bool common =
			t->id == 0 && t->key_bits == 0 ? they_allow_none : proposal_has(theirs, t);
		if (common) {
			*ret = *t;
			return true;
		}
	}
	return false;
}

/* The same for a type that must be there. */
static bool choose(const struct ike_proposal *ours, const struct ike_proposal *theirs, uint8_t type,
	struct ike_transform *ret)
{
	for (const struct ike_transform *t = NULL; (t = transform_next(ours, type, t));) {
		if (t->id != 0 && proposal_has(theirs, t)) {
			*ret = *t;
			return true;
		}
	}
	return false;
}

/* Everything but the key exchange. */
static bool choose_algorithms(
	const struct ike_proposal *ours, const struct ike_proposal *theirs, struct ike_suite *ret)
{
	struct ike_transform t = { 0 };
	const struct ike_algorithm *encryption = NULL;

	if (theirs->unknown_type || theirs->protocol != ours->protocol)
		return false;
	*ret = (struct ike_suite){ .protocol = ours->protocol };
	if (ours->protocol != IKE_PROTOCOL_AH) {
		if (!choose(ours, theirs, IKE_TRANSFORM_ENCRYPTION, &t))
			return false;
		ret->encryption = t.id;
		ret->encryption_bits = t.key_bits;
		encryption = ike_suite_encryption(ret);
	}
	if (!encryption || !encryption->aead) {
		if (!choose(ours, theirs, IKE_TRANSFORM_INTEGRITY, &t))
			return false;
		ret->integrity = t.id;
	}
	if (ours->protocol == IKE_PROTOCOL_IKE) {
		if (!choose(ours, theirs, IKE_TRANSFORM_PRF, &t))
			return false;
		ret->prf = t.id;
		return true;
	}
	if (!choose_optional(ours, theirs, IKE_TRANSFORM_ESN, &t))
		return false;
	ret->esn = t.id == 1;
	return true;
}

/* ---- Key exchanges: which methods, and none twice ---- */

/* Key exchange methods are chosen together, as they must differ from each other (RFC 9370 2.2.1).
 * Strangers choose what is compared: so many steps, and no more. */
#define STEPS_MAX 500

struct choosing {
	const struct ike_proposal *ours, *theirs;
	uint16_t chosen[1 + IKE_ADDITIONAL_MAX];
	unsigned steps;
};

static uint8_t slot_type(unsigned slot)
{
	return slot == 0 ? IKE_TRANSFORM_KEY_EXCHANGE
			 : (uint8_t)(IKE_TRANSFORM_ADDITIONAL_1 + slot - 1);
}

static bool is_free(const struct choosing *c, unsigned slot, uint16_t method)
{
	for (unsigned i = 0; i < slot; i++)
		if (method != IKE_GROUP_NONE && c->chosen[i] == method)
			return false;
	/* What comes in addition needs something to be added to. */
	return slot == 0 || method == IKE_GROUP_NONE || c->chosen[0] != IKE_GROUP_NONE;
}

/* Whether they have the method in that slot; nothing there stands for none. */
static bool slot_has(const struct ike_proposal *p, uint8_t type, uint16_t method)
{
	const struct ike_transform wanted = { type, method, 0 };

	return proposal_has(p, &wanted) ||
	       (method == IKE_GROUP_NONE && !transform_next(p, type, NULL));
}

/* This slot and those after it: our first choice that leaves one for all others. */
static bool choose_slots(struct choosing *c, unsigned slot) /* NOLINT(misc-no-recursion) */
{
	const struct ike_transform *t;
	uint8_t type;

	if (slot > IKE_ADDITIONAL_MAX)
		return true;
	type = slot_type(slot);
	t = transform_next(c->ours, type, NULL);
	do {
		uint16_t method = t ? t->id : IKE_GROUP_NONE;

		if (++c->steps > STEPS_MAX)
			return false;
		/* An IKE SA always has a key exchange. */
		if (slot == 0 && method == IKE_GROUP_NONE && c->ours->protocol == IKE_PROTOCOL_IKE)
			continue;
		if (!slot_has(c->theirs, type, method) || !is_free(c, slot, method))
			continue;
		c->chosen[slot] = method;
		if (choose_slots(c, slot + 1))
			return true;
	} while (t && (t = transform_next(c->ours, type, t)));
	return false;
}

static bool choose_key_exchanges(
	const struct ike_proposal *ours, const struct ike_proposal *theirs, struct ike_suite *ret)
{
	struct choosing c = { .ours = ours, .theirs = theirs };

	if (!choose_slots(&c, 0))
		return false;
	ret->group = c.chosen[0];
	for (unsigned i = 0; i < IKE_ADDITIONAL_MAX; i++)
		ret->additional[i] = (uint8_t)c.chosen[1 + i];
	return true;
}

static enum ike_selection select_pair(const struct ike_proposal *ours,
	const struct ike_proposal *theirs, bool ignore_group, struct ike_suite *ret)
{
	if (!choose_algorithms(ours, theirs, ret))
		return IKE_SELECTION_NONE;
	return ignore_group || choose_key_exchanges(ours, theirs, ret) ? IKE_SELECTION_OK
								       : IKE_SELECTION_WRONG_GROUP;
}

enum ike_selection ike_proposals_select(const struct ike_proposals *ours,
	const struct ike_proposal *theirs, size_t their_count, bool ignore_group,
	struct ike_suite *ret_suite, uint8_t *ret_number)
{
	enum ike_selection result = IKE_SELECTION_NONE;

	for (size_t i = 0; i < ours->count; i++) {
		for (size_t j = 0; j < their_count; j++) {
			struct ike_suite suite;
			enum ike_selection pair =
				select_pair(&ours->items[i], &theirs[j], ignore_group, &suite);

			if (pair == IKE_SELECTION_OK) {
				*ret_suite = suite;
				*ret_number = theirs[j].number;
				return pair;
			}
			if (pair == IKE_SELECTION_WRONG_GROUP)
				result = pair;
		}
	}
	return result;
}

bool ike_proposal_accepts(const struct ike_proposals *offered, const struct ike_proposal *answer,
	bool ignore_group, struct ike_suite *ret_suite)
{
	for (uint8_t type = IKE_TRANSFORM_ENCRYPTION; type < IKE_TRANSFORM_TYPES; type++) {
		const struct ike_transform *first = transform_next(answer, type, NULL);

		if (first && transform_next(answer, type, first))
			return false;
	}
	/* The number is not compared: what was agreed is in the transforms, and peers that
	 * renumber are understood by strongSwan too. */
	for (size_t i = 0; i < offered->count; i++) {
		struct ike_suite suite;

		if (select_pair(&offered->items[i], answer, ignore_group, &suite) ==
			IKE_SELECTION_OK) {
			*ret_suite = suite;
			return true;
		}
	}
	return false;
}

static void proposal_put(struct ike_proposal *p, uint8_t type, uint16_t id, uint16_t key_bits)
{
	p->transforms[p->count++] = (struct ike_transform){ type, id, key_bits };
}

void ike_suite_to_proposal(const struct ike_suite *suite, uint8_t number, struct ike_proposal *ret)
{
	*ret = (struct ike_proposal){ .protocol = suite->protocol, .number = number };
	if (suite->encryption)
		proposal_put(
			ret, IKE_TRANSFORM_ENCRYPTION, suite->encryption, suite->encryption_bits);
	if (suite->integrity)
		proposal_put(ret, IKE_TRANSFORM_INTEGRITY, suite->integrity, 0);
	if (suite->prf)
		proposal_put(ret, IKE_TRANSFORM_PRF, suite->prf, 0);
	if (suite->group)
		proposal_put(ret, IKE_TRANSFORM_KEY_EXCHANGE, suite->group, 0);
	if (suite->protocol != IKE_PROTOCOL_IKE)
		proposal_put(ret, IKE_TRANSFORM_ESN, suite->esn, 0);
	for (uint8_t i = 0; i < IKE_ADDITIONAL_MAX; i++)
		if (suite->additional[i])
			proposal_put(ret, (uint8_t)(IKE_TRANSFORM_ADDITIONAL_1 + i),
				suite->additional[i], 0);
}

bool ike_proposals_have_group(const struct ike_proposals *list, uint16_t group)
{
	const struct ike_transform wanted = { IKE_TRANSFORM_KEY_EXCHANGE, group, 0 };

	for (size_t i = 0; i < list->count; i++)
		if (proposal_has(&list->items[i], &wanted))
			return true;
	return false;
}

uint16_t ike_proposals_first_group(const struct ike_proposals *list)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct ike_transform *t =
			transform_next(&list->items[i], IKE_TRANSFORM_KEY_EXCHANGE, NULL);
		if (t)
			return t->id;
	}
	return IKE_GROUP_NONE;
}

unsigned ike_suite_additional_count(const struct ike_suite *suite)
{
	unsigned count = 0;

	for (unsigned i = 0; i < IKE_ADDITIONAL_MAX; i++)
		count += suite->additional[i] != IKE_GROUP_NONE;
	return count;
}

uint16_t ike_suite_additional(const struct ike_suite *suite, unsigned index)
{
	for (unsigned i = 0; i < IKE_ADDITIONAL_MAX; i++)
		if (suite->additional[i] != IKE_GROUP_NONE && index-- == 0)
			return suite->additional[i];
	return IKE_GROUP_NONE;
}

bool ike_proposals_have_additional(const struct ike_proposal *items, size_t count)
{
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < items[i].count; j++)
			if (ike_transform_is_additional(items[i].transforms[j].type) &&
				items[i].transforms[j].id != IKE_GROUP_NONE)
				return true;
	return false;
}

const struct ike_algorithm *ike_suite_encryption(const struct ike_suite *suite)
{
	return suite->encryption ? ike_algorithm_find(IKE_TRANSFORM_ENCRYPTION, suite->encryption,
					   suite->encryption_bits)
				 : NULL;
}

const struct ike_algorithm *ike_suite_integrity(const struct ike_suite *suite)
{
	return suite->integrity ? ike_algorithm_find(IKE_TRANSFORM_INTEGRITY, suite->integrity, 0)
				: NULL;
}

const struct ike_algorithm *ike_suite_prf(const struct ike_suite *suite)
{
	return suite->prf ? ike_algorithm_find(IKE_TRANSFORM_PRF, suite->prf, 0) : NULL;
}

const struct ike_algorithm *ike_suite_group(const struct ike_suite *suite)
{
	return suite->group ? ike_algorithm_find(IKE_TRANSFORM_KEY_EXCHANGE, suite->group, 0)
			    : NULL;
}

static bool same_proposal(const struct ike_proposal *a, const struct ike_proposal *b)
{
	if (a->protocol != b->protocol || a->number != b->number || a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++) {
		const struct ike_transform *x = &a->transforms[i], *y = &b->transforms[i];

		if (x->type != y->type || x->id != y->id || x->key_bits != y->key_bits)
			return false;
	}
	return true;
}

bool ike_proposals_equal(const struct ike_proposals *a, const struct ike_proposals *b)
{
	if (a->count != b->count)
		return false;
	if (a->items == b->items)
		return true;
	for (size_t i = 0; i < a->count; i++) {
		if (!same_proposal(&a->items[i], &b->items[i]))
			return false;
	}
	return true;
}
