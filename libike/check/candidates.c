/* Which connection a peer comes to, and whether we can come to it. */
#include "libike/check/check_priv.h"

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

/* ---- IKEv1 ---- */

struct counting {
	size_t count;
};

static void count_named(void *context, const char *unique_id, uint8_t kind, struct bytes secret,
	const struct ike_shared_owners *owners)
{
	struct counting *counting = context;

	(void)unique_id, (void)secret;
	counting->count += kind == IKE_SHARED_IKE && ike_shared_owner(owners, 0);
}

static bool proves_by_psk(const struct ike_connection *c)
{
	return c->remote.count > 0 && c->remote.items[0].class == IKE_AUTH_CLASS_PSK;
}

static void judge_main_mode(const struct ike_check *k, const struct ike_connection *c)
{
	struct counting counting = { 0 };

	if (c->version != 1 || c->aggressive || !proves_by_psk(c) || !ike_check_takes_anybody(c))
		return;
	ike_credentials_each(k->credentials, count_named, &counting);
	if (counting.count > 1)
		ike_check_say(k, IKE_CHECK_IKEV1_PSK_ANY, IKE_CHECK_AT_CONNECTION(c, "version"),
			"connection '%s' has peers of any address, and there are %zu secrets with "
			"ids",
			c->name, counting.count);
}

/* ---- All of it ---- */

static void judge_children(const struct ike_check *k, const struct ike_connection *c)
{
	bool anybody = ike_check_takes_anybody(c);

	if (c->child_count == 0 && c->childless != IKE_CHILDLESS_FORCE &&
		c->childless != IKE_CHILDLESS_PREFER)
		ike_check_say(k, IKE_CHECK_NO_CHILDREN, IKE_CHECK_AT_CONNECTION(c, NULL),
			"connection '%s' has no children", c->name);
	for (size_t i = 0; anybody && i < c->child_count; i++) {
		const struct ike_child_config *child = c->children[i];

		/* In transport mode the packet that springs the trap names the peer. */
		if (ike_check_is_shunt(child) || child->start_action == IKE_ACTION_NONE ||
			(child->start_action == IKE_ACTION_TRAP && child->mode != IKE_MODE_TUNNEL))
			continue;
		ike_check_say(k, IKE_CHECK_START_NOBODY, IKE_CHECK_AT_CHILD(child, "start_action"),
			"'%s' is to be started, and remote_addrs of '%s' names no host",
			child->name, c->name);
	}
}

void ike_check_candidates(const struct ike_check *k, size_t index)
{
	const struct ike_connection *c = k->connections[index];

	for (size_t i = 0; i < index; i++)
		if (shadows(k->connections[i], c)) {
			ike_check_say(k, IKE_CHECK_SHADOWED, IKE_CHECK_AT_CONNECTION(c, NULL),
				"'%s' fits every peer that fits '%s', and is loaded before it",
				k->connections[i]->name, c->name);
			break;
		}
	judge_main_mode(k, c);
	if (!ike_check_has_no_peer(c))
		judge_children(k, c);
}
