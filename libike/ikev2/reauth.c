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

#include <stdlib.h>

#define RETRY_TIME IKE_SECONDS(10)
#define RETRY_DOUBLINGS 4

static struct ike_sa *find_sa(struct ike_engine *e, uint32_t id)
{
	struct ike_sa *sa = NULL;

	if (id)
		HASH_FIND(by_id, e->by_id, &id, sizeof(id), sa);
	return sa;
}

static void later(struct ike_engine *e, struct ike_sa *sa)
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

static bool queue_children(struct ike_engine *e, struct ike_sa *new, const struct ike_sa *old)
{
	for (const struct ike_child *from = old->children; from; from = from->next) {
		const struct ike_child_config *config;
		struct ike_child *child;
		bool inherits;

		if (!from->announced || from->state >= IKE_CHILD_DELETING ||
			!(config = ike_reload_config(from, new->connection, &inherits)))
			continue;
		child = ike_child_new(e, new, config);
		if (!child)
			return false;
		if (inherits)
			ike_child_inherit(child, from);
		if (!ike_task_queue(new, IKE_TASK_CREATE_CHILD, child, 0)) {
			ike_child_destroy(e, child, IKE_REASON_RESOURCES);
			return false;
		}
	}
	return true;
}

/* Not started yet. */
static struct ike_sa *make_new(struct ike_engine *e, const struct ike_sa *old)
{
	struct ike_sa *new = ike_sa_make(e, true, &old->local, &old->remote, 0);

	if (!new)
		return NULL;
	ike_sa_set_connection(new, ike_reload_latest(e, old->connection));
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
		later(e, sa);
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
		later(e, sa);
		return;
	}
	ike_log(e, sa, IKE_LOG_IKE, IKE_LOG_AUDIT, "reauthenticating IKE_SA %s[%u]",
		sa->connection->name, sa->unique_id);
	if (e->settings.make_before_break) {
		make_before_break(e, sa);
	} else {
		sa->break_before_make = true;
		delete_old(e, sa);
	}
}

void ike_reauth_rest(struct ike_engine *e, struct ike_sa *new)
{
	struct ike_sa *old = find_sa(e, new->reauthenticates);

	new->reauthenticates = 0;
	if (!old)
		return;
	old->reauthenticated_by = 0;
	if (old->state != IKE_SA_DELETING)
		delete_old(e, old);
}

void ike_reauth_ends(struct ike_engine *e, struct ike_sa *sa)
{
	struct ike_sa *old = find_sa(e, sa->reauthenticates);
	struct ike_sa *new;

	if (old) {
		ike_log(e, old, IKE_LOG_IKE, IKE_LOG_AUDIT,
			"reauthenticating IKE_SA %s[%u] failed, keeping it for now",
			old->connection->name, old->unique_id);
		old->reauthenticated_by = 0;
		later(e, old);
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
