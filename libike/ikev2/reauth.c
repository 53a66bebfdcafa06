/*
 * Reauthentication (RFC 7296 2.8.3): a new IKE SA from scratch, with all the children of the old
 * one, and the old one is deleted.
 *
 * Make before break: the old one goes when the new one is up with its children, or stays when that
 * fails, for another try. It takes a peer that keeps both for that moment: charon-lite and
 * strongSwan do, as INITIAL_CONTACT is not said and `unique` spares an IKE SA to the same address.
 * Break before make: the old one is deleted first.
 */
#include "libike/ikev2/ikev2.h"
#include "libike/processors.h"
#include "libike/sa/redirect.h"
#include "libike/virtual.h"

#include <stdlib.h>

#define RETRY_TIME IKE_SECONDS(10)
#define RETRY_DOUBLINGS 4
#define TWIN_TIME IKE_SECONDS(30)

static struct ike_sa *find_sa(struct ike_engine *e, uint32_t id)
{
	struct ike_sa *sa = NULL;

	if (id)
		HASH_FIND(by_id, e->by_id, &id, sizeof(id), sa);
	return sa;
}

void ike_reauth_later(struct ike_engine *e, struct ike_sa *sa)
{
	unsigned doublings = sa->attempts < RETRY_DOUBLINGS ? sa->attempts : RETRY_DOUBLINGS;
	uint32_t jitter;

	if (sa->attempts < UINT8_MAX)
		sa->attempts++;
	/* Without randomness we go without jitter. */
	if (!ike_crypto_random(e->crypto, &jitter, sizeof(jitter)))
		jitter = 0;
	sa->reauth_at = e->now + ((RETRY_TIME + (ike_time)(jitter % RETRY_TIME)) << doublings);
	ike_schedule(e, sa);
}

/* Each once: what the peer refuses is not asked for again. */
static bool queue_children(struct ike_engine *e, struct ike_sa *new, struct ike_sa *old)
{
	for (struct ike_child *from = old->children; from; from = from->next) {
		const struct ike_child_config *config;
		struct ike_child *child;
		bool inherits;

		if (!from->announced || from->state >= IKE_CHILD_DELETING || from->carried ||
			!(config = ike_reload_config(from, new->connection, &inherits)))
			continue;
		from->carried = true;
		if (from->one_processor && !inherits) /* made anew when a packet wants it */
			continue;
		child = ike_child_new(e, new, config, inherits ? from : NULL);
		if (!child)
			return false;
		if (inherits)
			ike_child_renew_if_ids(e, child);
		child->per_processor = ike_processors_wanted(e, new, config);
		if (!ike_task_queue(new, IKE_TASK_CREATE_CHILD, child, 0)) {
			ike_child_destroy(e, child, IKE_REASON_RESOURCES);
			return false;
		}
	}
	return true;
}

/* Not started yet. */
static struct ike_sa *make_new(struct ike_engine *e, struct ike_sa *old)
{
	struct ike_sa *new = ike_sa_make(e, true, &old->local, &old->remote, 0);

	if (!new)
		return NULL;
	for (struct ike_child *child = old->children; child; child = child->next)
		child->carried = false; /* of an earlier try */
	ike_sa_set_connection(new, ike_reload_latest(e, old->connection));
	ike_virtual_remember(old, new);
	if (!ike_redirect_copy(e, old, new)) {
		ike_sa_free(e, new);
		return NULL;
	}
	/* Where the old one is, wherever that came from, unless its peer or the definition sends us
	 * elsewhere. */
	new->negotiation->fixed_target = !ike_sa_is_redirected(new) && !old->leaves;
	if (ike_task_queue(new, IKE_TASK_INIT, NULL, 0) &&
		ike_task_queue(new, IKE_TASK_AUTH, NULL, 0) && queue_children(e, new, old))
		return new;
	ike_sa_free(e, new);
	return NULL;
}

static void make_before_break(struct ike_engine *e, struct ike_sa *sa)
{
	struct ike_sa *new = make_new(e, sa);

	if (!new) {
		ike_reauth_later(e, sa);
		return;
	}
	new->reauthenticates = sa->unique_id;
	sa->reauthenticated_by = new->unique_id;
	ike_tasks_run(e, new);
}

static void delete_old(struct ike_engine *e, struct ike_sa *sa)
{
	struct ike_failure failure = { 0 };

	ike_failure_set(&failure, IKE_REASON_REPLACED, NULL, NULL, "reauthenticated");
	ike_delete_ike(e, sa, false, 0, &failure);
	ike_failure_free(&failure);
}

void ike_reauthenticate(struct ike_engine *e, struct ike_sa *sa)
{
	bool under_way = find_sa(e, sa->reauthenticated_by) != NULL;

	sa->reauth_at = IKE_NEVER;
	ike_schedule(e, sa);
	if (under_way || sa->break_before_make || sa->state == IKE_SA_DELETING ||
		sa->state == IKE_SA_REKEYED || e->shutting_down)
		return;
	if (sa->state != IKE_SA_ESTABLISHED) {
		ike_reauth_later(e, sa);
		return;
	}
	if (ike_virtual_their_count(sa->virtual) > 0) {
		/* Whoever begins asks for addresses: it is the peer's to begin. */
		ike_log(e, sa, IKE_LOG_IKE, IKE_LOG_INFO,
			"IKE_SA %s[%u] has given virtual IPs to its peer, who has to "
			"reauthenticate it",
			sa->connection->name, sa->unique_id);
		return;
	}
	ike_log(e, sa, IKE_LOG_IKE, IKE_LOG_AUDIT, "reauthenticating IKE_SA %s[%u]",
		sa->connection->name, sa->unique_id);
	if (e->settings.make_before_break || ike_sa_is_redirected(sa) || sa->leaves) {
		make_before_break(e, sa);
	} else {
		sa->break_before_make = true;
		delete_old(e, sa);
	}
}

/* Another attempt that is under way leads nowhere any more. */
void ike_reauth_elsewhere(struct ike_engine *e, struct ike_sa *sa)
{
	struct ike_failure failure = { 0 };
	struct ike_sa *under_way = find_sa(e, sa->reauthenticated_by);

	if (under_way && !under_way->was_established) {
		ike_failure_set(&failure, IKE_REASON_REPLACED, NULL, NULL, "redirected");
		ike_delete_ike(e, under_way, true, 0, &failure);
		ike_failure_free(&failure);
	}
	sa->attempts = 0;
	ike_reauthenticate(e, sa);
}

static bool is_creating(const struct ike_sa *sa)
{
	if (sa->active && sa->active->kind == IKE_TASK_CREATE_CHILD)
		return true;
	for (const struct ike_task *task = sa->tasks; task; task = task->next)
		if (task->kind == IKE_TASK_CREATE_CHILD)
			return true;
	return false;
}

static bool same_peer(const struct ike_sa *a, const struct ike_sa *b)
{
	return ike_identity_equal(a->local_id, b->local_id) &&
	       ike_identity_equal(a->remote_id, b->remote_id);
}

/* What the peer made at the same time, to reauthenticate the same IKE SA. */
static const struct ike_sa *find_twin(
	struct ike_engine *e, const struct ike_sa *new, const struct ike_sa *old)
{
	for (const struct ike_sa *sa = ike_peers_of(e, new->local_id, ike_sa_peer_id(new)); sa;
		sa = sa->peer_next)
		if (sa != new &&sa != old && !sa->initiator && sa->state == IKE_SA_ESTABLISHED &&
			sa->created_at + TWIN_TIME > new->created_at &&same_peer(sa, new))
			return sa;
	return NULL;
}

/* One of the two stays: the peer's, if it has deleted the old one already, else the one with the
 * higher SPI of its initiator. Each end deletes what it made. */
static void finish(struct ike_engine *e, struct ike_sa *new, struct ike_sa *old)
{
	const struct ike_sa *twin = find_twin(e, new, old);

	new->reauthenticates = 0;
	if (old)
		old->reauthenticated_by = 0;
	if (twin && (!old || old->state == IKE_SA_DELETING ||
			    new->spi_initiator < twin->spi_initiator)) {
		ike_log(e, new, IKE_LOG_IKE, IKE_LOG_INFO,
			"peer reauthenticated at the same time: keeping its IKE_SA [%u], deleting "
			"[%u]",
			twin->unique_id, new->unique_id);
		if (old && old->state == IKE_SA_ESTABLISHED)
			ike_reauth_later(e, old); /* should the peer not delete it */
		delete_old(e, new);
	} else if (old && old->state != IKE_SA_DELETING) {
		delete_old(e, old);
	}
}

void ike_reauth_rest(struct ike_engine *e, struct ike_sa *sa)
{
	struct ike_sa *new = sa->reauthenticates ? sa : find_sa(e, sa->reauthenticated_by);
	struct ike_sa *old = new ? find_sa(e, new->reauthenticates) : NULL;

	/* With a request it is in the midst of being brought up, by the answer that came. */
	if (!new || new->state != IKE_SA_ESTABLISHED || new->active || new->request || new->tasks ||
		(old && is_creating(old)))
		return;
	/* Those that came up meanwhile. */
	if (old && queue_children(e, new, old) && new->tasks)
		ike_tasks_run(e, new);
	else
		finish(e, new, old);
}

/* Children that were about to be made on an IKE SA that was replaced are made on its heir. */
static void hand_over(struct ike_engine *e, struct ike_sa *sa, struct ike_sa *heir)
{
	struct ike_task *task, *next;

	if (sa->active && sa->active->kind == IKE_TASK_CREATE_CHILD) {
		task = sa->active;
		sa->active = NULL;
		ike_attempt_hand_over(e, heir, task);
	}
	task = sa->tasks;
	sa->tasks = NULL;
	for (struct ike_task **end = &sa->tasks; task; task = next) {
		next = task->next;
		task->next = NULL;
		if (task->kind == IKE_TASK_CREATE_CHILD) {
			ike_attempt_hand_over(e, heir, task);
		} else {
			*end = task;
			end = &task->next;
		}
	}
	ike_tasks_run(e, heir);
}

/* The newest that is up with the same peer under the same name. */
static struct ike_sa *find_heir(struct ike_engine *e, const struct ike_sa *sa)
{
	struct ike_sa *heir = NULL;

	for (struct ike_sa *other = ike_peers_of(e, sa->local_id, ike_sa_peer_id(sa)); other;
		other = other->peer_next)
		if (other != sa && other->state == IKE_SA_ESTABLISHED &&
			strcmp(other->connection->name, sa->connection->name) == 0 &&
			same_peer(other, sa))
			heir = other;
	return heir;
}

void ike_reauth_ends(struct ike_engine *e, struct ike_sa *sa, enum ike_reason reason)
{
	struct ike_sa *old = find_sa(e, sa->reauthenticates);
	struct ike_sa *new, *heir;

	if (sa->announced && is_creating(sa) &&
		(reason == IKE_REASON_REPLACED || reason == IKE_REASON_DELETED_BY_PEER) &&
		(heir = find_heir(e, sa)))
		hand_over(e, sa, heir);
	if (old) {
		ike_log(e, old, IKE_LOG_IKE, IKE_LOG_AUDIT,
			"reauthenticating IKE_SA %s[%u] failed, keeping it for now",
			old->connection->name, old->unique_id);
		old->reauthenticated_by = 0;
		ike_reauth_later(e, old);
	}
	if (!sa->break_before_make || e->shutting_down)
		return;
	sa->break_before_make = false;
	new = make_new(e, sa);
	if (new) /* it starts when the old one is gone */
		ike_requests_pause(e, new, 0);
	else
		ike_log(e, sa, IKE_LOG_IKE, IKE_LOG_AUDIT,
			"reauthenticating IKE_SA %s[%u] failed: out of memory",
			sa->connection->name, sa->unique_id);
}

void ike_reauth_moves(struct ike_engine *e, struct ike_sa *old, struct ike_sa *new)
{
	struct ike_sa *other = find_sa(e, old->reauthenticated_by);

	new->reauthenticated_by = other ? other->unique_id : 0;
	if (other)
		other->reauthenticates = new->unique_id;
	old->reauthenticated_by = 0;
	new->reauthenticates = old->reauthenticates;
	other = find_sa(e, old->reauthenticates);
	if (other)
		other->reauthenticated_by = new->unique_id;
	old->reauthenticates = 0;
}
