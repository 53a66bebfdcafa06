/* Proposals without what the OpenSSL that we run on cannot do. */
#include "libike/crypto/crypto.h"

#include <openssl/crypto.h>

bool ike_crypto_check(struct ike_crypto *crypto, const struct ike_algorithm *a, struct why *why)
{
	const char *version = OpenSSL_version(OPENSSL_VERSION_STRING);

	if (ike_crypto_supports(crypto, a))
		return true;
	if (ike_algorithm_is_kem(a))
		return why_fail(why, "%s needs OpenSSL 3.5, this is %s", a->openssl_name, version);
	return why_fail(why, "OpenSSL %s has no %s here", version, a->name);
}

/* Other kinds of algorithms are the kernel's too, or looked for when they are used. */
static bool can(struct ike_crypto *crypto, const struct ike_transform *t, struct why *why)
{
	return !ike_transform_makes_keys(t->type) || t->id == IKE_GROUP_NONE ||
	       ike_crypto_check(crypto, ike_algorithm_find(t->type, t->id, t->key_bits), why);
}

/* False when a type is left without any. */
static bool keep_supported(struct ike_crypto *crypto, struct ike_proposal *p, struct why *why)
{
	unsigned before = 0, after = 0;
	uint8_t kept = 0;

	for (size_t i = 0; i < p->count; i++) {
		struct ike_transform t = p->transforms[i];

		before |= IKE_TRANSFORM_BIT(t.type);
		if (!can(crypto, &t, why))
			continue;
		after |= IKE_TRANSFORM_BIT(t.type);
		p->transforms[kept++] = t;
	}
	p->count = kept;
	return before == after;
}

size_t ike_proposals_keep_supported(
	struct ike_crypto *crypto, struct ike_proposals *list, struct why *why)
{
	size_t kept = 0, left_out = 0;

	for (size_t i = 0; i < list->count; i++) {
		struct ike_proposal p = list->items[i];
		uint8_t count = p.count;

		if (!keep_supported(crypto, &p, why)) {
			left_out++;
			continue;
		}
		left_out += p.count != count;
		p.number = (uint8_t)(kept + 1);
		list->items[kept++] = p;
	}
	list->count = kept;
	return left_out;
}
