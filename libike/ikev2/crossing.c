/*
 * Both ends start at once, and one tunnel is to come of it.
 *
 * An attempt costs the peer nothing before its IKE_AUTH is sent: a half-open SA that is given up
 * just times out there. So
 *  - an initiator that finds the peer's IKE_SA_INIT crossing its own compares the two initiators'
 *    SPIs, which both ends know: the lower one holds its IKE_AUTH back for a while and lets the
 *    other finish;
 *  - who has an attempt without IKE_AUTH and sees the peer's get through takes that one and gives
 *    its own up, whatever the SPIs say, and hands over what waited for it;
 *  - whose own IKE_AUTH is sent refuses a crossing one of the peer: the peer is about to have ours.
 *    A peer that does not hold back (strongSwan) would otherwise keep both, and start again what we
 *    delete.
 * Two that both know these rules refuse each other only when datagrams overtake each other or one
 * of them took its time; then both try again, after pauses that differ. Twins that come up all the
 * same: libike/twins.c.
 */
#include "libike/ikev2/ikev2.h"
#include "libike/supervisor.h"

/* More than a round trip and one retransmission; a peer keeps half-open SAs longer. */
#define HOLD IKE_SECONDS(5)
/* How old a half-open SA of the peer may be to be its present attempt. */
#define RECENT IKE_SECONDS(10)
/* With that many transmissions of our IKE_AUTH unanswered, the peer does not have it. */
#define TRANSMISSIONS_LOST 3
/* How often a refused attempt begins again, and how long it may pause before the first time. */
#define AGAIN_MAX 5
#define PAUSE IKE_SECONDS(1)

static bool is_attempt(const struct ike_sa *sa)
{
	return sa->initiator && !sa->was_established &&
	       (sa->state == IKE_SA_CREATED || sa->state == IKE_SA_CONNECTING);
}

/* Its IKE_AUTH has left. */
static bool is_known_to_peer(const struct ike_sa *sa)
{
	return sa->active && sa->active->kind == IKE_TASK_AUTH && ike_auth_has_begun(sa);
}

static bool same_peer(const struct ike_sa *a, const struct ike_sa *b)
{
	const struct ike_identity *id = ike_auth_rounds_id(&a->connection->remote);

	return (id && !ike_identity_is_wildcard(id)) || address_same_host(&a->remote, &b->remote);
}

static void hold(struct ike_engine *e, struct ike_sa *sa)
{
	char peer[ADDRESS_TEXT_MAX];

	ike_log(e, sa, IKE_LOG_IKE, IKE_LOG_INFO, "%s is initiating, too: letting it go first",
		address_format(&sa->remote, peer));
	sa->negotiation->hold_until = e->now + HOLD;
	ike_schedule(e, sa);
}

/* The same peer's attempt, which is not through yet. */
static bool is_theirs(
	const struct ike_engine *e, const struct ike_sa *other, const struct ike_sa *sa)
{
	return !other->initiator && other->state == IKE_SA_CONNECTING && !other->was_established &&
	       other->created_at + RECENT > e->now &&
	       address_same_host(&other->remote, &sa->remote);
}

void ike_crossing_hold(struct ike_engine *e, struct ike_sa *sa)
{
	for (const struct ike_sa *other = sa->connection->sas; other; other = other->next) {
		if (is_theirs(e, other, sa) && other->spi_initiator >= sa->spi_initiator) {
			hold(e, sa);
			return;
		}
	}
}

bool ike_crossing_yields(struct ike_engine *e, struct ike_sa *sa)
{
	for (const struct ike_sa *other = sa->connection->sas; other; other = other->next) {
		if (is_theirs(e, other, sa) && other->negotiation->waiting) {
			hold(e, sa);
			return true;
		}
	}
	return false;
}

bool ike_crossing_is_held(const struct ike_engine *e, const struct ike_sa *sa)
{
	return sa->negotiation && sa->negotiation->hold_until > e->now;
}

void ike_crossing_go_on(struct ike_engine *e, struct ike_sa *sa)
{
	if (ike_crossing_is_held(e, sa))
		return;
	sa->negotiation->hold_until = 0;
	ike_schedule(e, sa);
	if (sa->negotiation->auth)
		ike_resume(e, sa->unique_id);
	else
		ike_tasks_run(e, sa);
}

static bool crosses(const struct ike_sa *own, const struct ike_sa *sa)
{
	if (own == sa || !own->initiator || !same_peer(own, sa))
		return false;
	if (is_attempt(own))
		return is_known_to_peer(own) && own->transmissions < TRANSMISSIONS_LOST;
	/* The peer began before it can have heard that ours is up. */
	return own->state == IKE_SA_ESTABLISHED && sa->created_at <= own->established_at;
}

/* Where to look for own attempts: a gateway that only answers has thousands of SAs of one
 * definition and nothing to look for. */
static struct ike_sa *initiated(const struct ike_connection *c)
{
	return c->initiated > 0 ? c->sas : NULL;
}

bool ike_crossing_refuses(struct ike_engine *e, const struct ike_sa *sa)
{
	const struct ike_site *site = ike_site_find(e, sa->connection->name);

	for (size_t i = 0; site && i < site->version_count; i++) {
		for (const struct ike_sa *own = initiated(site->versions[i]); own;
			own = own->next) {
			if (!crosses(own, sa))
				continue;
			ike_log(e, sa, IKE_LOG_IKE, IKE_LOG_INFO,
				"refusing IKE_SA [%u]: it crosses our own [%u], which comes first",
				sa->unique_id, own->unique_id);
			return true;
		}
	}
	return site && !sa->negotiation->initial_contact && ike_twins_refuse_sa(e, site, sa);
}

static void give_up(struct ike_engine *e, struct ike_sa *own, struct ike_sa *sa)
{
	struct ike_failure failure = { 0 };

	ike_log(e, own, IKE_LOG_IKE, IKE_LOG_INFO,
		"giving up IKE_SA %s[%u]: the peer's own attempt [%u] is up", own->connection->name,
		own->unique_id, sa->unique_id);
	if (is_known_to_peer(own))
		ike_delete_once(e, own);
	if (own->active) {
		ike_command_finish(e, own->active->ike_ticket, true, NULL);
		own->active->ike_ticket = 0;
	}
	ike_attempt_move_tasks(e, own, sa);
	ike_failure_set(&failure, IKE_REASON_REPLACED, NULL, NULL, "replaced by IKE_SA %s[%u]",
		sa->connection->name, sa->unique_id);
	ike_sa_destroy(e, own, &failure);
	ike_failure_free(&failure);
}

bool ike_crossing_begin_again(struct ike_received *x)
{
	struct ike_sa *sa = x->sa, *new;
	uint8_t again = sa->negotiation->again;
	uint32_t draw, limit = (uint32_t)PAUSE << again;

	/* Reauthentication has a time of its own to come back. */
	if (sa->reauthenticates || again >= AGAIN_MAX || !sa->active ||
		!ike_crypto_random(x->e->crypto, &draw, sizeof(draw)) ||
		!(new = ike_attempt_renew(x->e, sa, x->failure)))
		return false;
	ike_time pause = draw % limit;
	new->negotiation->again = again + 1;
	new->negotiation->hold_until = x->e->now + pause;
	ike_log(x->e, sa, IKE_LOG_IKE, IKE_LOG_INFO,
		"peer does not want IKE_SA %s[%u] now (TEMPORARY_FAILURE): trying again as [%u] in "
		"%u ms",
		sa->connection->name, sa->unique_id, new->unique_id, (unsigned)pause);
	ike_schedule(x->e, new);
	return true;
}

void ike_crossing_settle(struct ike_engine *e, struct ike_sa *sa)
{
	const struct ike_site *site = ike_site_find(e, sa->connection->name);
	struct ike_sa *own, *next;

	for (size_t i = 0; site && i < site->version_count; i++) {
		for (own = initiated(site->versions[i]); own; own = next) {
			next = own->next;
			if (is_attempt(own) && same_peer(own, sa))
				give_up(e, own, sa);
		}
	}
}
