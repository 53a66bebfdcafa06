/*
 * The IKE SA that rekeying makes of another (RFC 7296 2.8, 2.18): from birth established, between
 * the same two, with the children of the old one. In IKEv1 an IKE SA from scratch gets those.
 */
#include "libike/sa/sa_priv.h"
#include "libike/virtual.h"

/* What the two have agreed on or found out about each other, once and for all. */
static void inherit(struct ike_sa *sa, const struct ike_sa *old)
{
	sa->nat_local = old->nat_local;
	sa->nat_remote = old->nat_remote;
	sa->nat_fake = old->nat_fake;
	sa->peer_fragments = old->peer_fragments;
	sa->peer_childless = old->peer_childless;
	sa->peer_redirects = old->peer_redirects;
	sa->leaves = old->leaves;
	sa->sent_away = old->sent_away;
	sa->ppk = old->ppk;
	sa->if_id_in = old->if_id_in;
	sa->if_id_out = old->if_id_out;
	sa->local_id = ike_identity_hold(old->local_id);
	sa->remote_id = ike_identity_hold(old->remote_id);
	if (old->remote_eap_id)
		sa->remote_eap_id = ike_identity_hold(old->remote_eap_id);
	sa->last_received = old->last_received;
	/* New keys prove nothing anew. */
	sa->reauth_at = old->reauth_at;
}

struct ike_sa *ike_sa_successor(
	struct ike_engine *e, const struct ike_sa *old, bool initiator, uint64_t spi)
{
	struct ike_sa *sa = ike_sa_make(e, initiator, &old->local, &old->remote, spi);

	if (!sa)
		return NULL;
	ike_sa_set_connection(sa, old->connection);
	inherit(sa, old);
	sa->was_established = true;
	return sa;
}

static void move_children(struct ike_engine *e, struct ike_sa *old, struct ike_sa *new)
{
	struct ike_child **end = &new->children;

	while (*end)
		end = &(*end)->next;
	*end = old->children;
	for (struct ike_child *child = old->children; child; child = child->next) {
		child->sa = new;
		if (child->wake_at < new->children_at)
			new->children_at = child->wake_at;
	}
	old->children = NULL;
	new->handovers += old->handovers;
	old->handovers = 0;
	old->children_at = IKE_NEVER;
	if (old->inactive_at < new->inactive_at)
		new->inactive_at = old->inactive_at;
	old->inactive_at = IKE_NEVER;
	ike_schedule(e, new);
}

void ike_child_move(struct ike_engine *e, struct ike_child *child, struct ike_sa *to)
{
	struct ike_child **at = &child->sa->children;

	while (*at != child)
		at = &(*at)->next;
	*at = child->next;
	child->next = NULL;
	if (child->handover) {
		child->sa->handovers--;
		to->handovers++;
	}
	child->sa = to;
	for (at = &to->children; *at;)
		at = &(*at)->next;
	*at = child;
	if (child->wake_at < to->children_at)
		to->children_at = child->wake_at;
	ike_schedule(e, to);
}

static void move_tasks(struct ike_engine *e, struct ike_sa *old, struct ike_sa *new)
{
	struct ike_task **end = &new->tasks, *task;

	while (*end)
		end = &(*end)->next;
	while ((task = old->tasks)) {
		old->tasks = task->next;
		task->next = NULL;
		/* Rekeying is done, whether the peer lives will be asked for the new one, and where
		 * we are was queued there by ike_path_inherit(). */
		if (task->kind == IKE_TASK_REKEY_IKE || task->kind == IKE_TASK_DPD ||
			task->kind == IKE_TASK_MOBIKE) {
			ike_task_finish(e, task, true, NULL);
			continue;
		}
		if (task->child)
			task->child->sa = new;
		*end = task;
		end = &task->next;
	}
}

void ike_sa_hand_over(struct ike_engine *e, struct ike_sa *old, struct ike_sa *new)
{
	ike_path_join(e, old, new);
	move_children(e, old, new);
	move_tasks(e, old, new);
}

static void log_rekeyed(struct ike_engine *e, const struct ike_sa *sa)
{
	char local[ADDRESS_TEXT_MAX], remote[ADDRESS_TEXT_MAX];
	char local_id[IKE_IDENTITY_TEXT_MAX], remote_id[IKE_IDENTITY_TEXT_MAX];

	ike_log(e, sa, IKE_LOG_IKE, IKE_LOG_AUDIT, "IKE_SA %s[%u] rekeyed between %s[%s]...%s[%s]",
		sa->connection->name, sa->unique_id, address_format(&sa->local, local),
		ike_identity_format(sa->local_id, local_id), address_format(&sa->remote, remote),
		ike_identity_format(sa->remote_id, remote_id));
}

void ike_sa_succeed(struct ike_engine *e, struct ike_sa *old, struct ike_sa *new)
{
	bool closing = old->state == IKE_SA_DELETING;

	ike_sa_end_negotiation(new);
	old->rival = new->rival_of = 0;
	new->predecessor = old->unique_id;
	new->established_at = e->now;
	ike_path_inherit(old, new); /* it may have moved since the new one was made */
	new->radius = old->radius;
	old->radius = NULL;
	new->redirect = old->redirect;
	old->redirect = NULL;
	ike_virtual_move(e, old, new);
	new->local_cert = old->local_cert;
	old->local_cert = NULL;
	new->remote_cert = old->remote_cert;
	old->remote_cert = (struct bytes){ 0 };
	ike_sa_plan(e, new);
	ike_followups_drop(e, old);
	ike_peers_remove(e, old);
	if (!ike_peers_add(e, new))
		ike_log(e, new, IKE_LOG_IKE, IKE_LOG_INFO,
			"out of memory: uniqueness of this peer is not watched");
	move_children(e, old, new);
	move_tasks(e, old, new);
	ike_reauth_moves(e, old, new);
	old->rekey_at = old->reauth_at = old->expires_at = old->dpd_at = old->resume_at = IKE_NEVER;
	ike_sa_set_state(e, new, closing ? IKE_SA_DELETING : IKE_SA_ESTABLISHED);
	/* Told as charon tells it, to whom the old one is still being replaced. */
	if (old->state == IKE_SA_ESTABLISHED)
		ike_sa_set_state(e, old, IKE_SA_REKEYING);
	ike_event_ike_rekey(e, old, new);
	ike_sa_set_state(e, old, IKE_SA_REKEYED);
	ike_schedule_liveness(e, new);
	ike_schedule(e, old);
	log_rekeyed(e, new);
	new->announced = old->announced;
	old->announced = false;
	ike_tally(e, new, IKE_TALLY_IKE_REKEYED);
	ike_count(e, new, new->initiator ? IKE_COUNTER_IKE_REKEY_INIT : IKE_COUNTER_IKE_REKEY_RESP);
	ike_reload_came_up(e, new, NULL);
}
