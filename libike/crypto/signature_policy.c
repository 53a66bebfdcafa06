/* What a definition's `auth` allows: read, compared, chosen from, held against. */
#include "libike/crypto/signature.h"

#include <ctype.h>
#include <stdlib.h>

#define METHOD_DIGITAL_SIGNATURE 14

/* ---- From text ---- */

/* The part of the text that is being read: a type of key and the hashes behind it. */
struct group {
	struct ike_signature_policy *policy;
	uint8_t key_type;
	bool begun;
	bool for_ike; /* "ike:" stands before it */
	bool pss;
	bool has_hash;
};

static const struct {
	const char *name;
	uint8_t key_type;
	bool pss;
} key_words[] = {
	{ "pubkey", IKE_KEY_ANY, false },
	{ "rsa", IKE_KEY_RSA, false },
	{ "rsa/pss", IKE_KEY_RSA, true },
	{ "ecdsa", IKE_KEY_ECDSA, false },
	{ "ed25519", IKE_KEY_ED25519, false },
	{ "ed448", IKE_KEY_ED448, false },
};

static const struct {
	const char *name;
	uint8_t hash;
} hash_words[] = {
	{ "sha1", IKE_HASH_SHA1 },
	{ "sha256", IKE_HASH_SHA2_256 },
	{ "sha384", IKE_HASH_SHA2_384 },
	{ "sha512", IKE_HASH_SHA2_512 },
	{ "identity", IKE_HASH_IDENTITY },
};

static bool has(const struct ike_signature_scheme *const *list, size_t count,
	const struct ike_signature_scheme *scheme)
{
	for (size_t i = 0; i < count; i++)
		if (list[i] == scheme)
			return true;
	return false;
}

static void add(struct group *group, const struct ike_signature_scheme *scheme)
{
	struct ike_signature_policy *p = group->policy;
	const struct ike_signature_scheme **list = group->for_ike ? p->ike : p->trust;
	uint8_t *count = group->for_ike ? &p->ike_count : &p->trust_count;

	/* The table is smaller than the list. */
	if (*count < IKE_SIGNATURE_SCHEMES_MAX && !has(list, *count, scheme))
		list[(*count)++] = scheme;
}

static void add_hash(struct group *group, uint8_t hash)
{
	const struct ike_signature_scheme *scheme = NULL;

	group->has_hash = true;
	while ((scheme = ike_signature_next(scheme)))
		if (scheme->hash == hash && scheme->pss == group->pss &&
			(group->key_type == IKE_KEY_ANY || group->key_type == scheme->key_type))
			add(group, scheme);
}

static void end_group(struct group *group)
{
	if (!group->begun || group->has_hash || !group->pss)
		return;
	add_hash(group, IKE_HASH_SHA2_256);
	add_hash(group, IKE_HASH_SHA2_384);
	add_hash(group, IKE_HASH_SHA2_512);
}

static bool is_word(struct bytes token, const char *word)
{
	return bytes_equal(token, bytes_of_text(word));
}

static bool read_key_type(struct group *group, struct bytes token, bool for_ike)
{
	for (size_t i = 0; i < sizeof(key_words) / sizeof(*key_words); i++) {
		if (!is_word(token, key_words[i].name))
			continue;
		end_group(group);
		*group = (struct group){ group->policy, key_words[i].key_type, true, for_ike,
			key_words[i].pss, false };
		if (group->key_type != IKE_KEY_ANY)
			group->policy->key_types |= (uint8_t)(1u << group->key_type);
		return true;
	}
	return false;
}

static bool read_hash(struct group *group, struct bytes token)
{
	for (size_t i = 0; i < sizeof(hash_words) / sizeof(*hash_words); i++)
		if (group->begun && is_word(token, hash_words[i].name)) {
			add_hash(group, hash_words[i].hash);
			return true;
		}
	return false;
}

static bool read_strength(struct group *group, struct bytes token)
{
	unsigned bits = 0;

	if (token.length == 0 || token.length > 5)
		return false;
	for (size_t i = 0; i < token.length; i++) {
		if (!isdigit(token.at[i]))
			return false;
		bits = 10 * bits + token.at[i] - '0';
	}
	if (bits > UINT16_MAX)
		return false;
	if (group->key_type == IKE_KEY_RSA)
		group->policy->rsa_bits = (uint16_t)bits;
	else if (group->key_type == IKE_KEY_ECDSA)
		group->policy->ecdsa_bits = (uint16_t)bits;
	else
		return false;
	return true;
}

/* Ed25519 and Ed448 have one scheme each, which nobody writes; with lists for other types of key
 * they are meant all the same. */
static void add_edwards(struct ike_signature_policy *policy)
{
	for (uint8_t type = IKE_KEY_ED25519; type <= IKE_KEY_ED448; type++) {
		struct group group = { policy, type, true, false, false, false };

		if (!(policy->key_types & 1u << type))
			continue;
		if (policy->trust_count > 0)
			add_hash(&group, IKE_HASH_IDENTITY);
		group.for_ike = true;
		if (policy->ike_count > 0)
			add_hash(&group, IKE_HASH_IDENTITY);
	}
}

bool ike_signature_policy_parse(const char *text, struct ike_signature_policy *ret, struct why *why)
{
	struct group group = { .policy = ret };

	for (const char *at = text; at;) {
		size_t length = strcspn(at, "-");
		struct bytes token = bytes_of(at, length);
		bool for_ike = length > 4 && strncmp(at, "ike:", 4) == 0;

		if (for_ike)
			token = bytes_of(at + 4, length - 4);
		if (!read_key_type(&group, token, for_ike) &&
			(for_ike || (!read_hash(&group, token) && !read_strength(&group, token))))
			return why_fail(why, "'%.*s' in '%s' is no type of key, strength or hash",
				(int)length, at, text);
		at = at[length] ? at + length + 1 : NULL;
	}
	end_group(&group);
	add_edwards(ret);
	return true;
}

bool ike_signature_policy_equal(
	const struct ike_signature_policy *a, const struct ike_signature_policy *b)
{
	if (!a || !b)
		return a == b;
	return a->key_types == b->key_types && a->rsa_bits == b->rsa_bits &&
	       a->ecdsa_bits == b->ecdsa_bits && a->ike_count == b->ike_count &&
	       a->trust_count == b->trust_count &&
	       (a->ike_count == 0 || memcmp(a->ike, b->ike, a->ike_count * sizeof(*a->ike)) == 0) &&
	       (a->trust_count == 0 ||
		       memcmp(a->trust, b->trust, a->trust_count * sizeof(*a->trust)) == 0);
}

/* ---- What is allowed ---- */

/* The list that is for AUTH: that of "ike:", else the one of the certificates. */
static const struct ike_signature_scheme *const *ike_list(
	const struct ike_signature_policy *policy, size_t *ret_count)
{
	*ret_count = 0;
	if (!policy)
		return NULL;
	*ret_count = policy->ike_count > 0 ? policy->ike_count : policy->trust_count;
	return policy->ike_count > 0 ? policy->ike : policy->trust;
}

static bool is_long_enough(const struct ike_signature_policy *policy,
	const struct ike_public_key *key, struct why *why)
{
	uint8_t type = ike_public_key_type(key);
	unsigned bits = ike_public_key_bits(key);
	unsigned least = type == IKE_KEY_RSA     ? policy->rsa_bits
			 : type == IKE_KEY_ECDSA ? policy->ecdsa_bits
						 : 0;

	if (bits >= least)
		return true;
	return why_fail(why, "its %s key has %u bits, fewer than the %u that auth asks for",
		ike_key_type_name(type), bits, least);
}

static bool is_type_allowed(const struct ike_signature_policy *policy,
	const struct ike_public_key *key, struct why *why)
{
	uint8_t type = ike_public_key_type(key);

	if (policy->key_types == 0 || policy->key_types & 1u << type)
		return true;
	return why_fail(
		why, "it has an %s key, which auth does not allow", ike_key_type_name(type));
}

bool ike_signature_allowed(const struct ike_signature_policy *policy,
	const struct ike_signature_scheme *scheme, const struct ike_public_key *key,
	struct why *why)
{
	size_t count;
	const struct ike_signature_scheme *const *list = ike_list(policy, &count);

	if (scheme->key_type != ike_public_key_type(key))
		return why_fail(why, "%s is no signature of an %s key", scheme->name,
			ike_key_type_name(ike_public_key_type(key)));
	if (policy && (!is_type_allowed(policy, key, why) || !is_long_enough(policy, key, why)))
		return false;
	/* IKEv1 has but one for a key, whatever IKEv2 is to use. */
	if (count > 0 && !scheme->raw && !has(list, count, scheme))
		return why_fail(
			why, "%s is not among the signatures that auth allows", scheme->name);
	/* A peer that has RFC 7427 has better than SHA-1; one that has not can do no better. */
	if (count == 0 && scheme->weak && scheme->auth_method == 0)
		return why_fail(why, "%s is weak, and auth does not ask for it", scheme->name);
	return true;
}

bool ike_signature_key_trusted(const struct ike_signature_policy *policy,
	const struct ike_public_key *key, struct why *why)
{
	if (!policy)
		return true;
	if ((policy->rsa_bits || policy->ecdsa_bits) && !is_type_allowed(policy, key, why))
		return false;
	return is_long_enough(policy, key, why);
}

bool ike_signature_trusted(const struct ike_signature_policy *policy,
	const struct ike_signature_scheme *scheme, struct why *why)
{
	if (!policy || policy->trust_count == 0)
		return !scheme->weak ||
		       why_fail(why, "%s is weak, and auth does not ask for it", scheme->name);
	for (size_t i = 0; i < policy->trust_count; i++)
		if (policy->trust[i]->key_type == scheme->key_type &&
			policy->trust[i]->hash == scheme->hash &&
			policy->trust[i]->pss == scheme->pss)
			return true;
	return why_fail(why, "%s is not among the signatures that auth allows", scheme->name);
}

/* ---- What we sign with ---- */

/* Of the hash that is as strong as the key (SP 800-57 part 1, 5.6.1). */
static uint8_t fitting_hash(const struct ike_public_key *key)
{
	unsigned bits = ike_public_key_bits(key);
	bool is_rsa = ike_public_key_type(key) == IKE_KEY_RSA;

	if (bits <= (is_rsa ? 3072u : 256u))
		return IKE_HASH_SHA2_256;
	return bits <= (is_rsa ? 7680u : 384u) ? IKE_HASH_SHA2_384 : IKE_HASH_SHA2_512;
}

struct choice {
	const struct ike_public_key *key;
	const struct ike_signature_policy *policy;
	uint32_t peer_hashes;
};

static bool is_possible(const struct choice *choice, const struct ike_signature_scheme *scheme)
{
	if (!ike_signature_allowed(choice->policy, scheme, choice->key, NULL))
		return false;
	if (choice->peer_hashes == 0)
		return scheme->auth_method != 0 &&
		       (scheme->curve == 0 || scheme->curve == ike_public_key_curve(choice->key));
	return scheme->algorithm.length > 0 && choice->peer_hashes & IKE_HASH_BIT(scheme->hash);
}

/* Of the table: the first of the fitting hash, else of a stronger one, else of any; PSS only where
 * a definition asks for it. */
static const struct ike_signature_scheme *choose_freely(const struct choice *choice)
{
	const struct ike_signature_scheme *scheme = NULL, *stronger = NULL, *any = NULL;
	uint8_t fitting = fitting_hash(choice->key);

	while ((scheme = ike_signature_next(scheme))) {
		if (scheme->pss || !is_possible(choice, scheme))
			continue;
		if (choice->peer_hashes == 0 || scheme->hash == fitting)
			return scheme;
		if (!stronger && scheme->hash > fitting)
			stronger = scheme;
		any = scheme;
	}
	return stronger ? stronger : any;
}

const struct ike_signature_scheme *ike_signature_choose(const struct ike_public_key *key,
	const struct ike_signature_policy *policy, uint32_t peer_hashes, uint8_t *ret_method,
	struct why *why)
{
	const struct choice choice = { key, policy, peer_hashes };
	const struct ike_signature_scheme *chosen = NULL;
	size_t count;
	const struct ike_signature_scheme *const *list = ike_list(policy, &count);

	if (policy && (!is_type_allowed(policy, key, why) || !is_long_enough(policy, key, why)))
		return NULL;
	for (size_t i = 0; i < count && !chosen; i++)
		if (is_possible(&choice, list[i]))
			chosen = list[i];
	if (count == 0)
		chosen = choose_freely(&choice);
	if (!chosen) {
		why_fail(why,
			peer_hashes == 0 ? "the peer lacks RFC 7427, and no classic method that "
					   "auth allows is for an %s key of %u bits"
					 : "the peer knows none of the hashes that auth allows for "
					   "an %s key of %u bits",
			ike_key_type_name(ike_public_key_type(key)), ike_public_key_bits(key));
		return NULL;
	}
	*ret_method = peer_hashes == 0 ? chosen->auth_method : METHOD_DIGITAL_SIGNATURE;
	return chosen;
}
