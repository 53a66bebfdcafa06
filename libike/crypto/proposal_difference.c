/* What keeps two lists of proposals apart, for the person who has to mend it. */
#include "libike/crypto/proposal.h"

#include <stdio.h>

static const char *const type_names[] = {
	[IKE_TRANSFORM_ENCRYPTION] = "encryption",
	[IKE_TRANSFORM_PRF] = "PRF",
	[IKE_TRANSFORM_INTEGRITY] = "integrity",
	[IKE_TRANSFORM_KEY_EXCHANGE] = "key exchange",
	[IKE_TRANSFORM_ESN] = "extended sequence numbers",
	[IKE_TRANSFORM_ADDITIONAL_1] = "additional key exchange 1",
	"additional key exchange 2",
	"additional key exchange 3",
	"additional key exchange 4",
	"additional key exchange 5",
	"additional key exchange 6",
	[IKE_TRANSFORM_ADDITIONAL_7] = "additional key exchange 7",
};

/* Transforms of the type; none at all stands for "none", number 0. */
static bool has(const struct ike_proposal *p, uint8_t type, uint16_t id, uint16_t key_bits)
{
	bool any = false;

	for (size_t i = 0; i < p->count; i++) {
		const struct ike_transform *t = &p->transforms[i];

		if (t->type != type)
			continue;
		any = true;
		if (t->id == id && t->key_bits == key_bits)
			return true;
	}
	return !any && id == 0;
}

static bool in_common(const struct ike_proposal *a, const struct ike_proposal *b, uint8_t type)
{
	bool any = false;

	for (size_t i = 0; i < a->count; i++) {
		const struct ike_transform *t = &a->transforms[i];

		if (t->type != type)
			continue;
		any = true;
		if (has(b, type, t->id, t->key_bits))
			return true;
	}
	return !any && has(b, type, 0, 0);
}

static unsigned difference(
	const struct ike_proposal *a, const struct ike_proposal *b, bool ignore_group)
{
	unsigned set = 0;

	for (uint8_t type = IKE_TRANSFORM_ENCRYPTION; type < IKE_TRANSFORM_TYPES; type++)
		if (!(ike_transform_makes_keys(type) && ignore_group) && !in_common(a, b, type))
			set |= IKE_TRANSFORM_BIT(type);
	return set;
}

unsigned ike_proposals_difference(const struct ike_proposals *ours,
	const struct ike_proposal *theirs, size_t their_count, bool ignore_group,
	char text[IKE_DIFFERENCE_TEXT_MAX])
{
	unsigned nearest = 0;
	int used = 0;

	for (size_t i = 0; i < ours->count; i++)
		for (size_t j = 0; j < their_count; j++) {
			unsigned set = difference(&ours->items[i], &theirs[j], ignore_group);

			if (theirs[j].protocol == ours->items[i].protocol &&
				(nearest == 0 ||
					__builtin_popcount(set) < __builtin_popcount(nearest)))
				nearest = set;
		}
	text[0] = '\0';
	for (uint8_t type = IKE_TRANSFORM_ENCRYPTION; type < IKE_TRANSFORM_TYPES; type++)
		if (nearest & IKE_TRANSFORM_BIT(type))
			used += snprintf(text + used, IKE_DIFFERENCE_TEXT_MAX - (size_t)used,
				"%s%s", used ? ", " : "", type_names[type]);
	return nearest;
}
