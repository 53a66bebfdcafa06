/* IKEv1 as the rest of the engine sees it. */
#include "libike/ikev1/ikev1.h"

#include <stdlib.h>

bool ikev1_make(struct ike_sa *sa)
{
	struct ikev1 *v1 = calloc(1, sizeof(*v1));

	if (!v1)
		return false;
	v1->phase1 = calloc(1, sizeof(*v1->phase1));
	if (!v1->phase1) {
		free(v1);
		return false;
	}
	v1->phase1->nat_t = ISAKMP_VENDORS;
	sa->version = 1;
	sa->v1 = v1;
	return true;
}

void ikev1_phase1_free(struct ikev1 *v1)
{
	struct ikev1_phase1 *p = v1->phase1;

	if (!p)
		return;
	v1->phase1 = NULL;
	ikev1_proof_free(p->proof);
	ikev1_xauth_free(p->xauth);
	ikev1_definitions_free(p->unacceptable);
	secret_free(&p->skeyid);
	secret_free(&p->shared);
	free((void *)p->sa_body.at);
	free((void *)p->peer_public.at);
	free((void *)p->own_id_body.at);
	free((void *)p->peer_id_body.at);
	free(p);
}

void ikev1_free(struct ikev1 *v1)
{
	if (!v1)
		return;
	ikev1_phase1_free(v1);
	for (struct ikev1_exchange *x; (x = v1->exchanges);) {
		v1->exchanges = x->next;
		ikev1_exchange_free(x);
	}
	ikev1_waiting_free(v1->waiting);
	free(v1->used);
	isakmp_reassembly_free(v1->reassembly);
	secret_wipe(v1, sizeof(*v1));
	free(v1);
}

static bool start(
	struct ike_engine *e, struct ike_sa *sa, struct ike_task *task, struct ike_failure *failure)
{
	switch (task->kind) {
	case IKE_TASK_CREATE_CHILD:
	case IKE_TASK_REKEY_CHILD:
		return ikev1_quick_start(e, sa, task, failure);
	case IKE_TASK_DELETE_CHILD:
		return ikev1_delete_child_start(e, sa, task);
	case IKE_TASK_DPD:
		return ikev1_liveness_start(e, sa);
	default:
		return false;
	}
}

/* Nothing but phase 1 itself before that is through, and its transactions. */
static bool holds(struct ike_engine *e, struct ike_sa *sa, const struct ike_task *task)
{
	(void)e;
	return task->kind != IKE_TASK_INIT &&
	       (!sa->was_established || ikev1_transactions_pending(sa));
}

static const char *phase1_name(const struct ike_sa *sa)
{
	const char *transaction = ikev1_transactions_name(sa);

	if (transaction)
		return transaction;
	return sa->connection->aggressive ? "AGGRESSIVE_MODE" : "MAIN_MODE";
}

/* As strongSwan calls them; what phase 1 has to prove is no task of its own. */
static const char *task_name(const struct ike_sa *sa, const struct ike_task *task)
{
	switch (task->kind) {
	case IKE_TASK_INIT:
		return phase1_name(sa);
	case IKE_TASK_AUTH:
		return task == sa->active ? phase1_name(sa) : NULL;
	case IKE_TASK_CREATE_CHILD:
	case IKE_TASK_REKEY_CHILD:
		return "QUICK_MODE";
	case IKE_TASK_DELETE_CHILD:
		return "QUICK_DELETE";
	case IKE_TASK_DELETE_IKE:
		return "ISAKMP_DELETE";
	case IKE_TASK_DPD:
		return "ISAKMP_DPD";
	default:
		return ike_task_name(task->kind);
	}
}

/* Of times that are 0 when there is nothing to wait for. */
static bool is_due(const struct ike_engine *e, ike_time at)
{
	return at > 0 && at <= e->now;
}

static bool forget(struct ike_engine *e, struct ike_sa *sa)
{
	bool forgot = false;

	for (struct ikev1_exchange **at = &sa->v1->exchanges; *at;) {
		struct ikev1_exchange *x = *at;

		if (x->forget_at > e->now) {
			at = &x->next;
			continue;
		}
		forgot = true;
		if (x->repetitions > 0) {
			ikev1_delete_again(e, sa, x);
			at = &x->next;
			continue;
		}
		*at = x->next;
		ikev1_exchange_free(x);
	}
	if (forgot)
		ike_schedule(e, sa);
	return forgot;
}

static bool forget_fragments(struct ike_engine *e, struct ike_sa *sa)
{
	if (!isakmp_reassembly_expire(&sa->v1->reassembly, e->now))
		return false;
	ike_schedule(e, sa);
	return true;
}

static bool wake(struct ike_engine *e, struct ike_sa *sa)
{
	if (is_due(e, sa->negotiation ? sa->negotiation->wait_until : 0)) {
		ikev1_wait_expired(e, sa);
		return true;
	}
	if (sa->v1->says_contact && sa->state == IKE_SA_ESTABLISHED) {
		ikev1_contact_wake(e, sa);
		return true;
	}
	return ikev1_adopt_wake(e, sa) || ikev1_crossing_wake(e, sa) ||
	       ikev1_transactions_wake(e, sa) || ikev1_quick_wake(e, sa) || forget(e, sa) ||
	       forget_fragments(e, sa);
}

static ike_time deadline(const struct ike_sa *sa)
{
	ike_time at = ikev1_quick_deadline(sa), transactions = ikev1_transactions_deadline(sa);

	if (transactions < at)
		at = transactions;
	if (isakmp_reassembly_deadline(sa->v1->reassembly) < at)
		at = isakmp_reassembly_deadline(sa->v1->reassembly);
	if (sa->v1->says_contact && sa->state == IKE_SA_ESTABLISHED && sa->established_at < at)
		at = sa->established_at;
	if (sa->v1->adopt_at != 0 && sa->v1->adopt_at < at)
		at = sa->v1->adopt_at;
	for (const struct ikev1_exchange *x = sa->v1->exchanges; x; x = x->next)
		if (x->forget_at < at)
			at = x->forget_at;
	return at;
}

static void sa_keys(const struct ike_sa *sa, struct ike_sa_keys *ret)
{
	*ret = (struct ike_sa_keys){ .encryption_initiator = ikev1_keys_cipher(sa),
		.encryption_responder = ikev1_keys_cipher(sa) };
}

const struct ike_version ike_version_1 = {
	.receive = ikev1_receive,
	.begin = ikev1_phase1_begin,
	.restart = ikev1_phase1_restart,
	.resume = ikev1_resume,
	.start = start,
	.holds = holds,
	.task_name = task_name,
	.sent_again = ikev1_phase1_suspect,
	.silent = ikev1_phase1_silent,
	.wake = wake,
	.deadline = deadline,
	.asks = ikev1_liveness_asks,
	.asked_since = ikev1_liveness_asked_since,
	.dead_after = ikev1_liveness_dead_after,
	.delete_ike = ikev1_delete_ike,
	.delete_child = ikev1_delete_child,
	.delete_once = ikev1_delete_once,
	.rekey_child = ikev1_rekey_child,
	.rekey_ike = ikev1_rekey_ike,
	.reauthenticate = ikev1_reauthenticate,
	.path_wake = ikev1_path_wake,
	.child_keys = ikev1_keys_child,
	.sa_keys = sa_keys,
};
