/*
 * INITIAL_CONTACT and uniqueness (RFC 7296 2.4, RFC 2407 4.6.3.3; `unique` of swanctl.conf): what
 * happens to older SAs between the same two identities.
 */
#include "libike/versions.h"
#include "libike/virtual.h"

#define REAUTH_TIME IKE_SECONDS(10)

static bool same_peer(const struct ike_sa *a, const struct ike_sa *b)
{
	return a != b && a->local_id && b->local_id && a->remote_id && b->remote_id &&
	       ike_identity_equal(a->local_id, b->local_id) &&
	       ike_identity_equal(ike_sa_peer_id(a), ike_sa_peer_id(b));
}

static bool is_alive(const struct ike_sa *other, const struct ike_sa *sa)
{
	return other != sa && other->was_established && other->state != IKE_SA_DELETING;
}

bool ike_initial_contact_holds(struct ike_engine *e, const struct ike_sa *sa)
{
	const struct ike_connection *c = sa->connection;
	const struct ike_identity *peer = ike_auth_rounds_id(&c->remote);

	if (c->unique == IKE_UNIQUE_NEVER)
		return false;
	for (const struct ike_sa *other = c->sas; other; other = other->next)
		if (is_alive(other, sa))
			return false;
	if (!peer || ike_identity_is_wildcard(peer))
		return true;
	/* Under an older definition, or another one. */
	for (const struct ike_sa *other = ike_peers_of(e, sa->local_id, peer); other;
		other = other->peer_next)
		if (is_alive(other, sa) && ike_identity_equal(other->remote_id, peer))
			return false;
	return true;
}

bool ike_unique_refuses(struct ike_engine *e, const struct ike_sa *sa, bool told)
{
	if (sa->connection->unique != IKE_UNIQUE_KEEP || told)
		return false;
	for (const struct ike_sa *other = ike_peers_of(e, sa->local_id, ike_sa_peer_id(sa)); other;
		other = other->peer_next)
		if (is_alive(other, sa) && same_peer(sa, other) &&
			!address_same_host(&sa->remote, &other->remote))
			return true;
	return false;
}

/* From where the older one is: the peer may be reauthenticating it, and deletes it itself when the
 * new one has all its children. */
static bool is_spared(struct ike_engine *e, struct ike_sa *other, const struct ike_sa *sa)
{
	if (!address_same_host(&other->remote, &sa->remote) || other->state == IKE_SA_DELETING)
		return false;
	other->superseded = true;
	if (other->expires_at > e->now + REAUTH_TIME)
		other->expires_at = e->now + REAUTH_TIME;
	ike_schedule(e, other);
	return true;
}

void ike_initial_contact_apply(struct ike_engine *e, struct ike_sa *sa, bool told)
{
	uint8_t unique = sa->connection->unique;
	struct ike_sa *other, *next;
	struct ike_failure failure = { 0 };

	if (unique == IKE_UNIQUE_NEVER || !(told || unique == IKE_UNIQUE_REPLACE))
		return;
	for (other = ike_peers_of(e, sa->local_id, ike_sa_peer_id(sa)); other; other = next) {
		next = other->peer_next;
		if (!same_peer(sa, other) || (!told && is_spared(e, other, sa)) ||
			(told && sa->version == 1 && ike_attempts_crossed(sa, other)))
			continue;
		ike_failure_set(&failure, IKE_REASON_REPLACED, NULL, NULL,
			"replaced by IKE_SA %s[%u]", sa->connection->name, sa->unique_id);
		ike_log(e, other, IKE_LOG_IKE, IKE_LOG_INFO, "deleting IKE_SA %s[%u]: %s",
			other->connection->name, other->unique_id,
			told ? "peer says INITIAL_CONTACT" : "unique = replace");
		ike_virtual_release_theirs(e, other);
		/* After INITIAL_CONTACT the peer should have forgotten it, so it is told once only;
		 * it may not have, when both sides started at the same time. */
		ike_version_of(other)->delete_ike(e, other, told, 0, &failure);
	}
	ike_failure_free(&failure);
}
