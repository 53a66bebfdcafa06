/* Algorithms: weak ones, and proposals that nobody can choose. */
#include "libike/check/check_priv.h"

#include <stdio.h>

static bool is_weak_group(uint16_t group)
{
	switch (group) {
	case IKE_GROUP_MODP_768:
	case IKE_GROUP_MODP_1024:
	case IKE_GROUP_MODP_1536:
	case IKE_GROUP_MODP_1024_160:
	case IKE_GROUP_ECP_192:
		return true;
	default:
		return false;
	}
}

static bool is_sha1(const struct ike_transform *t)
{
	if (t->type == IKE_TRANSFORM_PRF)
		return t->id == IKE_PRF_HMAC_SHA1;
	return t->type == IKE_TRANSFORM_INTEGRITY &&
	       (t->id == IKE_INTEG_HMAC_SHA1_96 || t->id == IKE_INTEG_HMAC_SHA1_160);
}

/* IKE_CHECK_CODES: nothing is wrong with it. */
static enum ike_check_code judge_transform(const struct ike_transform *t)
{
	switch (t->type) {
	case IKE_TRANSFORM_ENCRYPTION:
		if (t->id == IKE_ENCR_NULL || t->id == IKE_ENCR_NULL_AUTH_AES_GMAC)
			return IKE_CHECK_NO_ENCRYPTION;
		return t->id == IKE_ENCR_3DES ? IKE_CHECK_WEAK_ENCRYPTION : IKE_CHECK_CODES;
	case IKE_TRANSFORM_PRF:
		if (t->id == IKE_PRF_HMAC_MD5)
			return IKE_CHECK_WEAK_PRF;
		break;
	case IKE_TRANSFORM_INTEGRITY:
		if (t->id == IKE_INTEG_HMAC_MD5_96 || t->id == IKE_INTEG_HMAC_MD5_128)
			return IKE_CHECK_WEAK_INTEGRITY;
		break;
	case IKE_TRANSFORM_KEY_EXCHANGE:
		return is_weak_group(t->id) ? IKE_CHECK_WEAK_GROUP : IKE_CHECK_CODES;
	default:
		return IKE_CHECK_CODES;
	}
	return is_sha1(t) ? IKE_CHECK_SHA1 : IKE_CHECK_CODES;
}

/* Each code once for a list. */
static void judge_strength(
	struct ike_check *k, const struct ike_proposals *list, const struct ike_check_place *place)
{
	uint64_t said = 0;

	for (size_t i = 0; i < list->count; i++)
		for (size_t j = 0; j < list->items[i].count; j++) {
			const struct ike_transform *t = &list->items[i].transforms[j];
			enum ike_check_code code = judge_transform(t);
			char text[40];

			if (code == IKE_CHECK_CODES || (said & (UINT64_C(1) << code)))
				continue;
			said |= UINT64_C(1) << code;
			/* md5 is its own PRF, and that is said already */
			if (code == IKE_CHECK_WEAK_INTEGRITY)
				said |= UINT64_C(1) << IKE_CHECK_WEAK_PRF;
			ike_check_say(k, code, place, "%s is offered and accepted",
				ike_transform_format(t, text));
		}
}

/* ---- What can never be chosen ---- */

static bool has(const struct ike_proposal *p, const struct ike_transform *t)
{
	for (size_t i = 0; i < p->count; i++)
		if (p->transforms[i].type == t->type && p->transforms[i].id == t->id &&
			p->transforms[i].key_bits == t->key_bits)
			return true;
	return false;
}

static bool has_type(const struct ike_proposal *p, uint8_t type)
{
	for (size_t i = 0; i < p->count; i++)
		if (p->transforms[i].type == type)
			return true;
	return false;
}

static bool is_aead(const struct ike_transform *t)
{
	const struct ike_algorithm *a = ike_algorithm_find(t->type, t->id, t->key_bits);

	return t->type == IKE_TRANSFORM_ENCRYPTION && a && a->aead;
}

/* Whoever could choose the later one could choose the earlier. */
static bool contains(const struct ike_proposal *earlier, const struct ike_proposal *later)
{
	for (size_t i = 0; i < later->count; i++)
		if (!has(earlier, &later->transforms[i]))
			return false;
	for (size_t i = 0; i < earlier->count; i++)
		if (!has_type(later, earlier->transforms[i].type))
			return false;
	return later->count > 0;
}

static void judge_order(
	struct ike_check *k, const struct ike_proposals *list, const struct ike_check_place *place)
{
	char text[IKE_PROPOSAL_TEXT_MAX];

	for (size_t i = 1; i < list->count; i++)
		for (size_t j = 0; j < i; j++)
			if (contains(&list->items[j], &list->items[i])) {
				ike_check_say(k, IKE_CHECK_PROPOSAL_TWICE, place,
					"%.300s (number %zu) is part of number %zu",
					ike_proposal_format(&list->items[i], text), i + 1, j + 1);
				break;
			}
}

/* ---- Rekeying ---- */

static const struct ike_transform *cipher(const struct ike_proposal *p)
{
	for (size_t i = 0; i < p->count; i++)
		if (p->transforms[i].type == IKE_TRANSFORM_ENCRYPTION)
			return &p->transforms[i];
	return NULL;
}

static void judge_pfs(struct ike_check *k, const struct ike_child_config *child,
	const struct ike_check_place *place)
{
	const struct ike_proposals *list = &child->proposals;
	size_t with = 0;

	for (size_t i = 0; i < list->count; i++)
		with += has_type(&list->items[i], IKE_TRANSFORM_KEY_EXCHANGE);
	if (with == 0)
		ike_check_say(k, IKE_CHECK_NO_PFS, place,
			"'%s' has no key exchange: its keys come from those of the IKE SA",
			child->name);
	for (size_t i = 0; with > 0 && i < list->count; i++) {
		const struct ike_transform *t = cipher(&list->items[i]);

		for (size_t j = 0; t && j < i; j++) {
			if (!has(&list->items[j], t) ||
				has_type(&list->items[i], IKE_TRANSFORM_KEY_EXCHANGE) ==
					has_type(&list->items[j], IKE_TRANSFORM_KEY_EXCHANGE))
				continue;
			ike_check_say(k, IKE_CHECK_PFS_MIXED, place,
				"'%s': proposals %zu and %zu have the same cipher, one with and "
				"one "
				"without a key exchange",
				child->name, j + 1, i + 1);
			return;
		}
	}
}

/* ---- IKEv1 ---- */

/* RFC 2409 and its additions have no AEAD for phase 1, no additional key exchanges, and no numbers
 * for Curve25519 and its kin. */
static bool is_beyond_ikev1(const struct ike_transform *t, uint8_t protocol)
{
	if (ike_transform_is_additional(t->type))
		return true;
	if (protocol == IKE_PROTOCOL_IKE && is_aead(t))
		return true;
	return t->type == IKE_TRANSFORM_KEY_EXCHANGE && t->id >= IKE_GROUP_ML_KEM_512;
}

static void judge_ikev1(
	struct ike_check *k, const struct ike_proposals *list, const struct ike_check_place *place)
{
	char text[40];

	for (size_t i = 0; i < list->count; i++)
		for (size_t j = 0; j < list->items[i].count; j++) {
			const struct ike_transform *t = &list->items[i].transforms[j];

			if (!is_beyond_ikev1(t, list->items[i].protocol))
				continue;
			ike_check_say(k, IKE_CHECK_NOT_IN_IKEV1, place, "IKEv1 cannot agree on %s",
				ike_transform_format(t, text));
			return;
		}
}

/* ---- All of it ---- */

/* What stands there without being written says nothing about who wrote. */
static bool is_default(const struct ike_proposals *list, const struct ike_proposals *standard)
{
	return list->count > 0 && ike_proposals_equal(list, standard);
}

static void judge_list(struct ike_check *k, const struct ike_connection *c,
	const struct ike_proposals *list, const struct ike_check_place *place)
{
	if (list->left_out)
		ike_check_say(k, IKE_CHECK_LEFT_OUT, place, "%s", list->left_out);
	judge_strength(k, list, place);
	judge_order(k, list, place);
	if (c->version == 1)
		judge_ikev1(k, list, place);
}

/* AH and ESP, one or the other. */
static bool is_mixed(const struct ike_proposals *list)
{
	for (size_t i = 1; i < list->count; i++)
		if (list->items[i].protocol != list->items[0].protocol)
			return true;
	return false;
}

void ike_check_child_proposals(struct ike_check *k, const struct ike_child_config *child)
{
	const struct ike_connection *c = child->connection;
	bool ah =
		child->proposals.count > 0 && child->proposals.items[0].protocol == IKE_PROTOCOL_AH;
	const struct ike_check_place *place =
		IKE_CHECK_AT_CHILD(child, ah ? "ah_proposals" : "esp_proposals");

	if (ike_check_is_shunt(child) || child->proposals.count == 0)
		return;
	if (ah && c->encap)
		ike_check_say(k, IKE_CHECK_AH_BEHIND_NAT, place,
			"'%s' has ah_proposals, and encap = yes", child->name);
	if (is_mixed(&child->proposals))
		ike_check_say(k, IKE_CHECK_NO_ENCRYPTION, IKE_CHECK_AT_CHILD(child, "ah_proposals"),
			"'%s' has ah_proposals beside esp_proposals: the peer may choose AH, which "
			"encrypts nothing",
			child->name);
	if (is_default(&child->proposals, &k->standard_esp))
		return;
	judge_list(k, c, &child->proposals, place);
	judge_pfs(k, child, place);
}

void ike_check_proposals(struct ike_check *k, const struct ike_connection *c)
{
	if (!is_default(&c->proposals, &k->standard_ike))
		judge_list(k, c, &c->proposals, IKE_CHECK_AT_CONNECTION(c, "proposals"));
}
