/* Which connection a peer comes to, and whether we can come to it. */
#include "libike/check/check_priv.h"

/* Those that differ in what is not looked up, as proposals: of thousands some are compared. */
#define CANDIDATES_MAX 256

static bool is_any(const struct ike_identity *id)
{
	return !id || id->type == IKE_ID_ANY;
}

static bool same_identity(const struct ike_identity *a, const struct ike_identity *b)
{
	return is_any(a) || is_any(b) ? is_any(a) && is_any(b) : ike_identity_equal(a, b);
}

static bool is_everybody(const struct ike_endpoints *list)
{
	return list->count == 0 || (list->count == 1 && list->items[0].kind == IKE_ENDPOINT_ANY &&
					   list->items[0].from.family == 0);
}

static bool same_endpoints(const struct ike_endpoints *a, const struct ike_endpoints *b)
{
	return (is_everybody(a) && is_everybody(b)) || ike_endpoints_equal(a, b);
}

/* Nothing in it sends a peer on to the next definition. */
static bool same_round(const struct ike_auth_round *a, const struct ike_auth_round *b)
{
	return a->class == b->class && a->eap_method == b->eap_method && a->xauth == b->xauth &&
	       same_identity(a->id, b->id) && same_identity(a->eap_id, b->eap_id) &&
	       same_identity(a->xauth_id, b->xauth_id) && same_identity(a->ca_id, b->ca_id) &&
	       a->group_count == 0 && b->group_count == 0 && a->cert_policy_count == 0 &&
	       b->cert_policy_count == 0 && a->cert_count == 0 && b->cert_count == 0 &&
	       a->cacert_count == 0 && b->cacert_count == 0;
}

static bool same_rounds(const struct ike_auth_rounds *a, const struct ike_auth_rounds *b)
{
	for (size_t i = 0; i < a->count && a->count == b->count; i++)
		if (!same_round(&a->items[i], &b->items[i]))
			return false;
	return a->count == b->count;
}

/* Ours may have certificates, which are chosen after the definition. */
static bool same_own_identity(const struct ike_connection *a, const struct ike_connection *b)
{
	return same_identity(ike_auth_rounds_id(&a->local), ike_auth_rounds_id(&b->local)) &&
	       a->local.count == b->local.count &&
	       (a->local.count == 0 || a->local.items[0].class == b->local.items[0].class);
}

static bool shadows(const struct ike_connection *earlier, const struct ike_connection *later)
{
	return !ike_check_has_no_peer(earlier) && !ike_check_has_no_peer(later) &&
	       ike_connection_authenticates(earlier) && ike_connection_authenticates(later) &&
	       (earlier->version == 0 || earlier->version == later->version) &&
	       earlier->aggressive == later->aggressive &&
	       same_endpoints(&earlier->local_addrs, &later->local_addrs) &&
	       same_endpoints(&earlier->remote_addrs, &later->remote_addrs) &&
	       same_own_identity(earlier, later) && same_rounds(&earlier->remote, &later->remote) &&
	       ike_proposals_equal(&earlier->proposals, &later->proposals);
}

/* The same for all that shadow each other. */
static uint64_t digest_of_identity(uint64_t digest, const struct ike_identity *id)
{
	uint64_t hash = is_any(id) ? 0 : ike_identity_hash(id);

	return ike_digest_add(digest, &hash, sizeof(hash));
}

static uint64_t digest_of_endpoints(uint64_t digest, const struct ike_endpoints *list)
{
	if (is_everybody(list))
		return ike_digest_add(digest, "%any", 5);
	for (size_t i = 0; i < list->count; i++)
		digest = ike_digest_add(
			digest, list->items[i].name, strlen(list->items[i].name) + 1);
	return digest;
}

static uint64_t digest_of_peers(const struct ike_connection *c)
{
	uint64_t digest = digest_of_endpoints(IKE_DIGEST, &c->local_addrs);

	digest = digest_of_endpoints(digest, &c->remote_addrs);
	digest = digest_of_identity(digest, ike_auth_rounds_id(&c->local));
	digest = ike_digest_add(digest, &c->aggressive, sizeof(c->aggressive));
	for (size_t i = 0; i < c->remote.count; i++) {
		const struct ike_auth_round *round = &c->remote.items[i];

		digest = ike_digest_add(digest, &round->class, sizeof(round->class));
		digest = digest_of_identity(digest, round->id);
		digest = digest_of_identity(digest, round->eap_id);
		digest = digest_of_identity(digest, round->xauth_id);
		digest = digest_of_identity(digest, round->ca_id);
	}
	return digest;
}

/* What shadows the one that shadows it shadows it, too. */
static void judge_shadows(struct ike_check *k, const struct ike_connection *c)
{
	uint64_t digest = digest_of_peers(c);
	struct ike_check_entry *entry;
	const struct ike_connection *each = ike_check_entry_first(k, k->peers, digest, &entry);

	for (size_t i = 0; each && i < CANDIDATES_MAX && !shadows(each, c); i++)
		each = ike_check_entry_next(k, &entry);
	if (each && shadows(each, c))
		ike_check_say(k, IKE_CHECK_SHADOWED, IKE_CHECK_AT_CONNECTION(c, NULL),
			"'%s' fits every peer that fits '%s', and is loaded before it", each->name,
			c->name);
	else
		ike_check_entry_add(k, &k->peers, digest, c);
}

/* ---- IKEv1 ---- */

static size_t count_named(struct ike_check *k)
{
	const struct ike_shared *secret = NULL;

	if (k->named_secrets != SIZE_MAX)
		return k->named_secrets;
	k->named_secrets = 0;
	while ((secret = ike_credentials_next(k->credentials, secret)))
		k->named_secrets += ike_shared_kind(secret) == IKE_SHARED_IKE &&
				    ike_shared_owner_of(secret, 0) != NULL;
	return k->named_secrets;
}

/* A secret that names our end is found whoever calls. */
static bool is_found_by_us(struct ike_check *k, const struct ike_connection *c)
{
	const struct ike_endpoints *addresses = &c->local_addrs;
	const struct ike_identity *id = ike_auth_rounds_id(&c->local), *owner;
	struct ike_identity *own =
		id ? ike_identity_hold((struct ike_identity *)(uintptr_t)id)
		: addresses->count == 1 && addresses->items[0].kind == IKE_ENDPOINT_HOST
			? ike_identity_of_address(&addresses->items[0].from)
			: NULL;
	const struct ike_shared *secret =
		own ? ike_credentials_find_shared(k->credentials, IKE_SHARED_IKE, own, NULL) : NULL;
	bool found = false;

	for (size_t i = 0; secret && !found && (owner = ike_shared_owner_of(secret, i)); i++)
		found = ike_identity_match(own, owner) != IKE_MATCH_NONE;
	ike_identity_free(own);
	return found;
}

static bool proves_by_psk(const struct ike_connection *c)
{
	return c->remote.count > 0 && c->remote.items[0].class == IKE_AUTH_CLASS_PSK;
}

static void judge_main_mode(struct ike_check *k, const struct ike_connection *c)
{
	if (c->version != 1 || c->aggressive || !proves_by_psk(c) || !ike_check_takes_anybody(c))
		return;
	if (count_named(k) > 1 && !is_found_by_us(k, c))
		ike_check_say(k, IKE_CHECK_IKEV1_PSK_ANY, IKE_CHECK_AT_CONNECTION(c, "version"),
			"connection '%s' has peers of any address, and there are %zu secrets with "
			"ids",
			c->name, count_named(k));
}

/* ---- All of it ---- */

static void judge_number(struct ike_check *k, const struct ike_connection *c)
{
	if (c->child_count == 0 && c->childless != IKE_CHILDLESS_FORCE &&
		c->childless != IKE_CHILDLESS_PREFER)
		ike_check_say(k, IKE_CHECK_NO_CHILDREN, IKE_CHECK_AT_CONNECTION(c, NULL),
			"connection '%s' has no children", c->name);
}

void ike_check_child_start(struct ike_check *k, const struct ike_child_config *child)
{
	const struct ike_connection *c = child->connection;

	/* In transport mode the packet that springs the trap names the peer. */
	if (!ike_check_takes_anybody(c) || ike_check_is_shunt(child) ||
		child->start_action == IKE_ACTION_NONE ||
		(child->start_action == IKE_ACTION_TRAP && child->mode != IKE_MODE_TUNNEL))
		return;
	ike_check_say(k, IKE_CHECK_START_NOBODY, IKE_CHECK_AT_CHILD(child, "start_action"),
		"'%s' is to be started, and remote_addrs of '%s' names no host", child->name,
		c->name);
}

void ike_check_candidates(struct ike_check *k, const struct ike_connection *c)
{
	judge_shadows(k, c);
	judge_main_mode(k, c);
	judge_number(k, c);
}
