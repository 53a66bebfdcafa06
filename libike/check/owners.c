/* Whom a secret may be for: thousands of secrets are each looked up, instead of held against
 * thousands of connections. Patterns, which are few, are held against each. */
#include "libike/check/check_priv.h"

#include <stdlib.h>

/* Either may be a pattern. */
static bool can_be(struct ike_check *k, const struct ike_identity *a, const struct ike_identity *b)
{
	k->work++;
	return ike_identity_match(a, b) || ike_identity_match(b, a);
}

static bool has_exactly(
	struct ike_check *k, const struct ike_check_owners *owners, const struct ike_identity *id)
{
	struct ike_check_entry *entry;
	const struct ike_identity *each =
		ike_check_entry_first(k, owners->table, ike_identity_hash(id), &entry);

	while (each && !ike_identity_equal(each, id))
		each = ike_check_entry_next(k, &entry);
	return each != NULL;
}

static bool has_room(struct ike_check_owners *owners)
{
	size_t room = owners->room ? 2 * owners->room : 64;

	if (owners->count < owners->room)
		return true;
	struct ike_identity **grown = reallocarray(owners->all, room, sizeof(*grown));
	if (grown) {
		owners->all = grown;
		owners->room = room;
	}
	return grown != NULL;
}

void ike_check_owners_add(
	struct ike_check *k, struct ike_check_owners *owners, const struct ike_identity *id)
{
	struct ike_identity *held;

	if (has_exactly(k, owners, id))
		return;
	if (!has_room(owners)) {
		k->out_of_memory = true;
		return;
	}
	held = ike_identity_hold((struct ike_identity *)(uintptr_t)id);
	owners->all[owners->count] = held;
	if (ike_identity_is_wildcard(id)) {
		owners->all[owners->count] = owners->all[owners->patterns];
		owners->all[owners->patterns++] = held;
	}
	owners->count++;
	ike_check_entry_add(k, &owners->table, ike_identity_hash(held), held);
}

bool ike_check_owners_have(
	struct ike_check *k, const struct ike_check_owners *owners, const struct ike_identity *id)
{
	bool is_address = id->type == IKE_ID_IPV4_ADDR || id->type == IKE_ID_IPV6_ADDR;
	size_t count = ike_identity_is_wildcard(id) ? owners->count : owners->patterns;

	if (owners->anybody || (owners->any_address && is_address) || has_exactly(k, owners, id))
		return true;
	for (size_t i = 0; i < count; i++)
		if (can_be(k, id, owners->all[i]))
			return true;
	return false;
}

void ike_check_owners_free(struct ike_check_owners *owners)
{
	ike_check_entries_free(&owners->table);
	for (size_t i = 0; i < owners->count; i++)
		ike_identity_free(owners->all[i]);
	free(owners->all);
}
