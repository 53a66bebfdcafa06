/*
 * The end of phase 1. IKEv1 cannot rekey it: an IKE SA from scratch takes its place, and children,
 * which are no part of the IKE SA that made them, come over as they are.
 *
 * Make before break: the old one stays as it is until the new one is up at both ends, or for
 * another try. Who says the last word of phase 1 does not know whether it arrived: that end waits
 * until something comes under the new one that only a peer says for whom it is up, and asks
 * R_U_THERE for it. Then both ends, each for itself, give the children to the new one: it is
 * between the same identities and hosts and of the same definition. The old one makes nothing any
 * more, but takes in what the peer says about it for a while: who initiated the new one deletes it,
 * and when that gets lost, or the peer leaves it to us as strongSwan does, the other end. But when
 * the peer has made several at once, of which it keeps the children at one that we cannot know, and
 * ends them with that one as strongSwan does, it alone deletes.
 *
 * A peer that starts from scratch looks like one that reauthenticates, unless it says
 * INITIAL_CONTACT. So it is asked under the old one whether it lives: who has forgotten that one
 * does not answer, and the children that came over are rekeyed, which does no harm if it was but
 * hasty.
 *
 * When both ends begin at once, two are new, and both ends keep the one with the higher cookie of
 * its initiator.
 */
#include "libike/ikev1/ikev1.h"
#include "libike/virtual.h"
#include "libike/wishes.h"

/* What is superseded stays for that long: by us, and by the peer. */
#define OURS_STAYS IKE_SECONDS(10)
#define PEERS_STAYS IKE_SECONDS(11)
#define PEERS_JITTER IKE_SECONDS(3)
/* So many of several are kept for a peer: more is no oversight. */
#define SEVERAL_MAX 4
/* The peer is asked so often whether the new one is up there; who cannot be asked is believed after
 * a while. */
#define ASK_AGAIN IKE_SECONDS(2)
#define BELIEVED_AFTER IKE_SECONDS(11)

static struct ike_sa *find_sa(struct ike_engine *e, uint32_t id)
{
	struct ike_sa *sa = NULL;

	if (id)
		HASH_FIND(by_id, e->by_id, &id, sizeof(id), sa);
	return sa;
}

static ike_time draw(struct ike_engine *e, ike_time limit)
{
	uint32_t random;

	/* Without randomness we go without jitter. */
	if (limit <= 0 || !ike_crypto_random(e->crypto, &random, sizeof(random)))
		return 0;
	return (ike_time)(random % (uint64_t)limit);
}

/* ---- A new one ---- */

/* Not started yet. */
static struct ike_sa *make_new(struct ike_engine *e, struct ike_sa *old)
{
	struct ike_sa *new = ike_sa_make(e, true, &old->local, &old->remote, 0);

	if (!new)
		return NULL;
	ike_sa_set_connection(new, ike_reload_latest(e, old->connection));
	new->if_id_in = old->if_id_in;
	new->if_id_out = old->if_id_out;
	new->negotiation->fixed_target = true; /* where the old one is, wherever that came from */
	ike_virtual_remember(old, new);
	if (ikev1_make(new) && ike_task_queue(new, IKE_TASK_INIT, NULL, 0) &&
		ike_task_queue(new, IKE_TASK_AUTH, NULL, 0))
		return new;
	ike_sa_free(e, new);
	return NULL;
}

/* Only the client can begin XAuth, as it has the password. */
static bool waits_for_client(const struct ike_sa *sa)
{
	const struct ike_auth_rounds *remote = &sa->connection->remote;

	return !sa->initiator && remote->count > 0 &&
	       remote->items[remote->count - 1].class == IKE_AUTH_CLASS_XAUTH;
}

void ikev1_reauthenticate(struct ike_engine *e, struct ike_sa *sa)
{
	bool under_way = find_sa(e, sa->reauthenticated_by) != NULL;
	struct ike_sa *new;

	sa->reauth_at = sa->rekey_at = IKE_NEVER;
	ike_schedule(e, sa);
	if (under_way || sa->state != IKE_SA_ESTABLISHED || e->shutting_down)
		return;
	if (waits_for_client(sa)) {
		ike_log(e, sa, IKE_LOG_IKE, IKE_LOG_INFO,
			"IKE_SA %s[%u] is to be reauthenticated: that is up to the client, as it "
			"takes XAuth",
			sa->connection->name, sa->unique_id);
		return;
	}
	ike_log(e, sa, IKE_LOG_IKE, IKE_LOG_AUDIT, "reauthenticating IKE_SA %s[%u]",
		sa->connection->name, sa->unique_id);
	new = make_new(e, sa);
	if (!new) {
		ike_reauth_later(e, sa);
		return;
	}
	new->reauthenticates = sa->unique_id;
	sa->reauthenticated_by = new->unique_id;
	ike_tasks_run(e, new);
}

void ikev1_rekey_ike(struct ike_engine *e, struct ike_sa *sa)
{
	ikev1_reauthenticate(e, sa);
}

/* ---- Children come over ---- */

static bool same_peer(const struct ike_sa *a, const struct ike_sa *b)
{
	return a != b && a->version == b->version &&
	       strcmp(a->connection->name, b->connection->name) == 0 &&
	       ike_identity_equal(a->local_id, b->local_id) &&
	       ike_identity_equal(ike_sa_peer_id(a), ike_sa_peer_id(b)) &&
	       address_same_host(&a->local, &b->local) && address_same_host(&a->remote, &b->remote);
}

/* The newest that is up with the same peer. */
static struct ike_sa *find_heir(struct ike_engine *e, const struct ike_sa *sa)
{
	struct ike_sa *heir = NULL;

	for (struct ike_sa *other = ike_peers_of(e, sa->local_id, ike_sa_peer_id(sa)); other;
		other = other->peer_next)
		if (same_peer(other, sa) && (other->state == IKE_SA_ESTABLISHED ||
						    (!heir && other->state == IKE_SA_REKEYED)))
			heir = other;
	return heir;
}

/* A Quick Mode in flight that rekeys: its child has to be rekeyed under the other IKE SA. */
static void drop_rekeying(struct ike_engine *e, struct ike_sa *sa)
{
	struct ike_task *task = sa->active;

	if (!task || task->kind != IKE_TASK_REKEY_CHILD)
		return;
	sa->active = NULL;
	ike_request_answered(e, sa);
	task->reason = IKE_REASON_REPLACED;
	ike_task_finish(e, task, false, "IKE_SA was replaced");
}

bool ikev1_bequeath(struct ike_engine *e, struct ike_sa *sa)
{
	struct ike_sa *heir = sa->was_established ? find_heir(e, sa) : NULL;

	if (!heir)
		return false;
	drop_rekeying(e, sa);
	if (heir->state == IKE_SA_REKEYED) {
		if (!sa->children && !sa->tasks) {
			ikev1_hurry_superseded(e, sa);
			return false;
		}
		/* The peer keeps that one, though we took the other. */
		heir->superseded = false;
		ike_sa_set_state(e, heir, IKE_SA_ESTABLISHED);
		ike_sa_plan(e, heir);
		ikev1_limit_lifetime(e, heir);
		ike_schedule_liveness(e, heir);
	}
	if (sa->children)
		ike_log(e, heir, IKE_LOG_IKE, IKE_LOG_INFO,
			"IKE_SA %s[%u] takes over the children of [%u]", heir->connection->name,
			heir->unique_id, sa->unique_id);
	ike_virtual_move(e, sa, heir);
	ike_sa_hand_over(e, sa, heir);
	return true;
}

/* Done, be it by another one. */
static void forget_reauthentication(struct ike_engine *e, struct ike_sa *old)
{
	struct ike_sa *by = find_sa(e, old->reauthenticated_by);

	if (by)
		by->reauthenticates = 0;
	old->reauthenticated_by = 0;
}

/* Both were made by the peer, which had no time to delete one: see above. */
static bool made_at_once(struct ike_engine *e, const struct ike_sa *old, const struct ike_sa *new)
{
	unsigned kept = 0;

	if (old->initiator || new->initiator || old->established_at + PEERS_STAYS <= e->now)
		return false;
	for (const struct ike_sa *other = ike_peers_of(e, new->local_id, ike_sa_peer_id(new));
		other; other = other->peer_next)
		kept += other->superseded && same_peer(other, new);
	return kept < SEVERAL_MAX;
}

/* The next child after that one (NULL: the first) that was made under an older IKE SA. */
static struct ike_child *inherited(const struct ike_sa *sa, const struct ike_child *after)
{
	struct ike_child *child = after ? after->next : sa->children;

	while (child && (child->state != IKE_CHILD_INSTALLED || !child->announced ||
				child->installed_at >= sa->established_at))
		child = child->next;
	return child;
}

static void supersede(struct ike_engine *e, struct ike_sa *old, struct ike_sa *new)
{
	bool at_once = made_at_once(e, old, new);

	ike_log(e, new, IKE_LOG_IKE, IKE_LOG_INFO,
		"IKE_SA %s[%u] takes the place of [%u], with its children", new->connection->name,
		new->unique_id, old->unique_id);
	/* The old child goes over, and what would rekey it here must not outlive it. */
	drop_rekeying(e, old);
	ike_virtual_move(e, old, new);
	ike_sa_hand_over(e, old, new);
	forget_reauthentication(e, old);
	if (!at_once)
		old->expires_at = e->now + (new->initiator ? OURS_STAYS
							   : PEERS_STAYS + draw(e, PEERS_JITTER));
	old->superseded = true;
	old->rekey_at = old->reauth_at = old->dpd_at = old->path_at = IKE_NEVER;
	old->v1->dpd_since = 0;
	ike_sa_set_state(e, old, IKE_SA_REKEYED);
	/* When the peer has had time to delete it. */
	if (at_once)
		old->dpd_at = e->now + PEERS_STAYS + PEERS_JITTER;
	ike_schedule(e, old);
	if (!at_once && inherited(new, NULL))
		ikev1_liveness_ask(e, old);
}

void ikev1_renew_inherited(struct ike_engine *e, const struct ike_sa *sa)
{
	struct ike_sa *heir = find_heir(e, sa);
	struct ike_child *child = NULL;

	if (!heir)
		return;
	while ((child = inherited(heir, child))) {
		const char *name = child->config->name;

		/* One that the peer has brought meanwhile is all that it wants. */
		if (ike_site_is_up(ike_site_find(e, heir->connection->name), name, child))
			continue;
		ike_log(e, heir, IKE_LOG_IKE, IKE_LOG_INFO,
			"peer did not answer under IKE_SA %s[%u], which was replaced: it may not "
			"have CHILD_SA %s{%u} any more, which is rekeyed",
			sa->connection->name, sa->unique_id, name, child->unique_id);
		ikev1_rekey_child(e, child);
	}
	ike_tasks_run(e, heir);
}

void ikev1_hurry_superseded(struct ike_engine *e, const struct ike_sa *sa)
{
	for (struct ike_sa *other = ike_peers_of(e, sa->local_id, ike_sa_peer_id(sa)); other;
		other = other->peer_next) {
		if (!same_peer(other, sa) || other->state != IKE_SA_REKEYED)
			continue;
		other->expires_at = e->now;
		ike_schedule(e, other);
	}
}

static void adopt_from(struct ike_engine *e, struct ike_sa *sa, struct ike_sa *other)
{
	bool stays = ike_attempts_crossed(sa, other) && other->spi_initiator > sa->spi_initiator;

	if (stays)
		supersede(e, sa, other);
	else
		supersede(e, other, sa);
	if (stays) /* those of sa run when the message that brought it up is dealt with */
		ike_tasks_run(e, other);
}

static bool may_adopt(const struct ike_sa *sa, const struct ike_sa *other)
{
	return sa->state == IKE_SA_ESTABLISHED && other->state == IKE_SA_ESTABLISHED &&
	       (other->unique_id == sa->reauthenticates || same_peer(other, sa));
}

static void adopt(struct ike_engine *e, struct ike_sa *sa)
{
	struct ike_sa *old = find_sa(e, sa->reauthenticates), *other, *next;

	sa->v1->adopt_at = 0;
	for (other = ike_peers_of(e, sa->local_id, ike_sa_peer_id(sa)); other; other = next) {
		next = other->peer_next;
		if (may_adopt(sa, other))
			adopt_from(e, sa, other);
	}
	if (old)
		forget_reauthentication(e, old);
	sa->reauthenticates = 0;
}

static bool has_something_to_adopt(struct ike_engine *e, const struct ike_sa *sa)
{
	for (struct ike_sa *other = ike_peers_of(e, sa->local_id, ike_sa_peer_id(sa)); other;
		other = other->peer_next)
		if (may_adopt(sa, other))
			return true;
	return false;
}

static void ask_whether_up(struct ike_engine *e, struct ike_sa *sa)
{
	ike_time left = sa->established_at + BELIEVED_AFTER - e->now;

	sa->v1->adopt_at = e->now + (sa->v1->peer_dpd || left <= 0 ? ASK_AGAIN : left);
	ikev1_liveness_ask(e, sa);
	ike_schedule(e, sa);
}

void ikev1_adopt(struct ike_engine *e, struct ike_sa *sa, bool is_up_at_peer)
{
	ikev1_limit_lifetime(e, sa);
	if (is_up_at_peer || !has_something_to_adopt(e, sa))
		adopt(e, sa);
	else
		ask_whether_up(e, sa);
}

void ikev1_up_at_peer(struct ike_engine *e, struct ike_sa *sa)
{
	if (sa->v1->adopt_at == 0)
		return;
	adopt(e, sa);
	ike_schedule(e, sa);
}

bool ikev1_adopt_wake(struct ike_engine *e, struct ike_sa *sa)
{
	if (sa->v1->adopt_at == 0 || sa->v1->adopt_at > e->now)
		return false;
	if (!has_something_to_adopt(e, sa) || !sa->v1->peer_dpd)
		ikev1_up_at_peer(e, sa);
	else
		ask_whether_up(e, sa);
	ike_tasks_run(e, sa);
	return true;
}

/* ---- Times ---- */

void ikev1_limit_lifetime(struct ike_engine *e, struct ike_sa *sa)
{
	uint64_t life = sa->v1->life_seconds;
	ike_time begin = sa->rekey_at < sa->reauth_at ? sa->rekey_at : sa->reauth_at;
	ike_time end, margin;

	if (life == 0 || life > INT32_MAX)
		return;
	margin = IKE_SECONDS((ike_time)life) / 10;
	end = sa->established_at + IKE_SECONDS((ike_time)life);
	/* Who has no time of its own leaves it to the peer. */
	if (begin != IKE_NEVER && begin > end - margin)
		sa->rekey_at = end - margin - draw(e, margin);
	if (end < sa->expires_at)
		sa->expires_at = end;
	ike_schedule(e, sa);
}

/* Seconds of the first life duration, or 0. type: the number of the attribute that says what the
 * next one counts. */
static uint64_t read_seconds(struct bytes list, uint16_t type)
{
	struct isakmp_attribute a;
	bool seconds = false;
	size_t cursor = 0;

	while (isakmp_attribute_next(list, &cursor, &a)) {
		struct reader r = reader_of(a.value);
		uint64_t value = 0;

		while (reader_more(&r) && value <= UINT32_MAX)
			value = value << 8 | reader_u8(&r);
		if (a.type == type)
			seconds = value == 1;
		else if (a.type == type + 1 && seconds)
			return value;
	}
	return 0;
}

#define LIFE_TYPE_PHASE_1 11 /* RFC 2409 appendix A */
#define LIFE_TYPE_PHASE_2 1  /* RFC 2407 4.5 */

static void shorten_child(struct ike_engine *e, struct ike_child *child, uint64_t seconds)
{
	ike_time life = IKE_SECONDS((ike_time)seconds);
	ike_time end = child->installed_at + life;

	if (end >= child->expires_at)
		return;
	child->expires_at = end;
	if (child->rekey_at != IKE_NEVER && child->rekey_at > end - life / 10)
		child->rekey_at = end - life / 10 - draw(e, life / 10);
	ike_child_wake(e, child,
		child->rekey_at < child->expires_at ? child->rekey_at : child->expires_at);
}

void ikev1_responder_lifetime(struct ikev1_received *x, const struct isakmp_notify *n)
{
	bool of_ike = n->protocol == ISAKMP_PROTOCOL_ISAKMP;
	uint64_t seconds = read_seconds(n->data, of_ike ? LIFE_TYPE_PHASE_1 : LIFE_TYPE_PHASE_2);
	struct ike_sa *sa = x->sa;
	struct reader r = reader_of(n->spi);

	if (seconds == 0 || seconds > INT32_MAX)
		return;
	ike_log(x->e, sa, IKE_LOG_IKE, IKE_LOG_INFO, "peer keeps %s for %llu s",
		of_ike ? "the IKE_SA" : "the CHILD_SA", (unsigned long long)seconds);
	if (of_ike) {
		if (sa->v1->life_seconds == 0 || seconds < sa->v1->life_seconds)
			sa->v1->life_seconds = seconds;
		if (sa->was_established)
			ikev1_limit_lifetime(x->e, sa);
		return;
	}
	struct ike_child *child = ike_child_by_spi(sa, reader_u32(&r), false);
	if (child && reader_end(&r) && child->state == IKE_CHILD_INSTALLED)
		shorten_child(x->e, child, seconds);
}

/* ---- Addresses ---- */

void ikev1_path_wake(struct ike_engine *e, struct ike_sa *sa)
{
	ike_roam_wake(e, sa);
}
