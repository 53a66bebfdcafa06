/* IKEv2 as the rest of the engine sees it. */
#include "libike/ikev2/redirect.h"

static bool start(
	struct ike_engine *e, struct ike_sa *sa, struct ike_task *task, struct ike_failure *failure)
{
	if (ike_task_follows_up(task))
		return ike_followup_start(e, sa, task, failure);
	switch (task->kind) {
	case IKE_TASK_INTERMEDIATE:
		return ike_intermediate_start(e, sa, failure);
	case IKE_TASK_AUTH:
		return ike_auth_start(e, sa, failure);
	case IKE_TASK_CREATE_CHILD:
		return ike_create_child_start(e, sa, task, failure);
	case IKE_TASK_REKEY_CHILD:
		return ike_rekey_child_start(e, sa, task, failure);
	case IKE_TASK_REKEY_IKE:
		return ike_rekey_ike_start(e, sa, task, failure);
	case IKE_TASK_DELETE_CHILD:
		return ike_delete_child_start(e, sa, task);
	case IKE_TASK_DELETE_IKE:
		return ike_delete_ike_start(e, sa);
	case IKE_TASK_DPD:
		return ike_liveness_start(e, sa);
	case IKE_TASK_MOBIKE:
		return ike_mobike_start(e, sa, failure);
	case IKE_TASK_REDIRECT:
		return ike_redirect_start(e, sa, task);
	default:
		return false;
	}
}

/* The peer is about to replace the IKE SA, and what we would tell it about children, addresses or
 * the IKE SA belongs to the new one. */
static bool waits_for_successor(struct ike_sa *sa, const struct ike_task *task)
{
	return sa->followups && ike_followup_of_ike(sa) && task->kind != IKE_TASK_DELETE_IKE &&
	       task->kind != IKE_TASK_DPD && task->kind != IKE_TASK_MOBIKE &&
	       task->kind != IKE_TASK_DELETE_CHILD;
}

static bool holds(struct ike_engine *e, struct ike_sa *sa, const struct ike_task *task)
{
	return ike_crossing_is_held(e, sa) || waits_for_successor(sa, task);
}

static void abandoned(struct ike_engine *e, struct ike_sa *sa, const struct ike_task *task)
{
	if (task->kind == IKE_TASK_REKEY_IKE)
		ike_rekey_ike_failed(e, sa);
}

static void rests(struct ike_engine *e, struct ike_sa *sa)
{
	if (sa->reauthenticates || sa->reauthenticated_by)
		ike_reauth_rest(e, sa);
}

/* Of times that are 0 when there is nothing to wait for. */
static bool is_due(const struct ike_engine *e, ike_time at)
{
	return at > 0 && at <= e->now;
}

static bool wake(struct ike_engine *e, struct ike_sa *sa)
{
	if (is_due(e, sa->negotiation ? sa->negotiation->wait_until : 0))
		ike_wait_expired(e, sa);
	else if (is_due(e, sa->negotiation ? sa->negotiation->hold_until : 0))
		ike_crossing_go_on(e, sa);
	else if (sa->followups && ike_followups_deadline(sa) <= e->now)
		ike_followups_wake(e, sa);
	else
		return false;
	return true;
}

static bool child_keys(struct ike_engine *e, const struct ike_child *child, bool initiator,
	const struct ike_child_secrets *secrets, struct secret *ret)
{
	(void)initiator; /* the same for both */
	return ike_keys_child(e, child->sa, &child->suite, secrets->shared, secrets->nonce_i,
		secrets->nonce_r, secrets->additional, ret);
}

static void sa_keys(const struct ike_sa *sa, struct ike_sa_keys *ret)
{
	const struct ike_seal_keys ours = ike_keys_seal(sa, true),
				   theirs = ike_keys_seal(sa, false);
	const struct ike_seal_keys *initiator = sa->initiator ? &ours : &theirs;
	const struct ike_seal_keys *responder = sa->initiator ? &theirs : &ours;

	*ret = (struct ike_sa_keys){
		.encryption_initiator = initiator->encryption_key,
		.encryption_responder = responder->encryption_key,
		.integrity_initiator = initiator->integrity_key,
		.integrity_responder = responder->integrity_key,
	};
}

const struct ike_version ike_version_2 = {
	.receive = ikev2_receive,
	.begin = ike_init_start,
	.restart = ike_init_restart,
	.resume = ike_auth_resume,
	.start = start,
	.holds = holds,
	.abandoned = abandoned,
	.sent_again = ike_roam_probe,
	.rests = rests,
	.wake = wake,
	.delete_ike = ike_delete_ike,
	.delete_child = ike_delete_child,
	.delete_once = ike_delete_once,
	.rekey_child = ike_rekey_child,
	.rekey_ike = ike_rekey_ike,
	.reauthenticate = ike_reauthenticate,
	.path_wake = ike_roam_wake,
	.child_keys = child_keys,
	.sa_keys = sa_keys,
};
