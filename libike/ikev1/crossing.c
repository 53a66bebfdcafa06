/*
 * Both ends start at once, and one tunnel is to come of it.
 *
 * An attempt costs the peer little before it has proved itself: what is given up before just times
 * out there. So the initiator with the lower cookie, when it sees the peer's attempt crossing its
 * own, holds its proof back for a while; and who has such an attempt and sees the peer's get
 * through takes that one, and hands over what waited for its own. Peers that do neither bring both
 * up: then lifetimes.c keeps one, with the children of both.
 */
#include "libike/ikev1/ikev1.h"

/* More than the rest of Main Mode and one retransmission. */
#define HOLD IKE_SECONDS(5)
/* How old a half-open SA of the peer may be to be its present attempt. */
#define RECENT IKE_SECONDS(10)

/* Ours, and the peer does not have our proof. */
static bool is_attempt(const struct ike_sa *sa)
{
	const struct ikev1_exchange *exchange;

	if (sa->version != 1 || !sa->initiator || sa->was_established || !sa->v1)
		return false;
	exchange = sa->v1->exchanges;
	while (exchange && exchange->message_id != 0)
		exchange = exchange->next;
	return !exchange || exchange->step == IKEV1_MAIN_2 || exchange->step == IKEV1_MAIN_4 ||
	       exchange->step == IKEV1_AGGRESSIVE_2;
}

static bool is_theirs(
	const struct ike_engine *e, const struct ike_sa *other, const struct ike_sa *sa)
{
	return other->version == 1 && !other->initiator && other->state == IKE_SA_CONNECTING &&
	       !other->was_established && other->created_at + RECENT > e->now &&
	       address_same_host(&other->remote, &sa->remote);
}

bool ikev1_crossing_holds(struct ike_engine *e, struct ike_sa *sa)
{
	char peer[ADDRESS_TEXT_MAX];

	if (sa->v1->phase1->held)
		return sa->negotiation->hold_until > e->now;
	for (const struct ike_sa *other = sa->connection->sas; other; other = other->next) {
		if (!is_theirs(e, other, sa) || other->spi_initiator <= sa->spi_initiator)
			continue;
		ike_log(e, sa, IKE_LOG_IKE, IKE_LOG_INFO,
			"%s is initiating, too: letting it go first",
			address_format(&sa->remote, peer));
		sa->v1->phase1->held = true;
		sa->negotiation->hold_until = e->now + HOLD;
		ike_schedule(e, sa);
		return true;
	}
	return false;
}

bool ikev1_crossing_wake(struct ike_engine *e, struct ike_sa *sa)
{
	if (!sa->negotiation || sa->negotiation->hold_until == 0 ||
		sa->negotiation->hold_until > e->now)
		return false;
	sa->negotiation->hold_until = 0;
	ike_schedule(e, sa);
	ike_resume(e, sa->unique_id);
	return true;
}

static bool same_peer(const struct ike_sa *own, const struct ike_sa *sa)
{
	const struct ike_identity *id = ike_auth_rounds_id(&own->connection->remote);

	return address_same_host(&own->remote, &sa->remote) &&
	       (!id || ike_identity_is_wildcard(id) || ike_identity_equal(id, sa->remote_id));
}

static void give_up(struct ike_engine *e, struct ike_sa *own, struct ike_sa *sa)
{
	struct ike_failure failure = { 0 };

	ike_log(e, own, IKE_LOG_IKE, IKE_LOG_INFO,
		"giving up IKE_SA %s[%u]: the peer's own attempt [%u] is up", own->connection->name,
		own->unique_id, sa->unique_id);
	ike_attempt_move_tasks(e, own, sa);
	ike_failure_set(&failure, IKE_REASON_REPLACED, NULL, NULL, "replaced by IKE_SA %s[%u]",
		sa->connection->name, sa->unique_id);
	ike_sa_destroy(e, own, &failure);
	ike_failure_free(&failure);
}

void ikev1_crossing_settle(struct ike_engine *e, struct ike_sa *sa)
{
	struct ike_sa *own, *next;

	if (sa->initiator || sa->state != IKE_SA_ESTABLISHED)
		return;
	for (own = sa->connection->sas; own; own = next) {
		next = own->next;
		if (own != sa && is_attempt(own) && same_peer(own, sa))
			give_up(e, own, sa);
	}
}
