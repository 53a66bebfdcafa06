/* An attempt that is given up in favour of another IKE SA with the same peer: what waits for it
 * goes there. */
#include "libike/versions.h"

/* The command or wish that waits for this child gets the peer's, or one through the peer's SA. */
void ike_attempt_hand_over(struct ike_engine *e, struct ike_sa *to, struct ike_task *task)
{
	struct ike_child *child = task->child;
	const struct ike_child_config *config =
		ike_connection_child(to->connection, child->config->name);
	struct ike_task **end = &to->tasks;

	for (const struct ike_child *c = to->children; c; c = c->next) {
		if (strcmp(c->config->name, child->config->name) != 0)
			continue;
		task->child = NULL;
		ike_child_destroy(e, child, IKE_REASON_REPLACED);
		ike_task_finish(e, task, true, NULL);
		return;
	}
	if (!config) {
		task->reason = IKE_REASON_REPLACED;
		ike_task_finish(e, task, false, "the definition has no such child any more");
		return;
	}
	if (child->spi_in) { /* its offer was made already */
		struct ike_kernel_id id = ike_child_kernel_id(child, true);

		e->host.sa_remove(e->host.context, &id);
		child->spi_in = 0;
		child->cpi_in = child->cpi_out = 0;
	}
	ike_child_offer_free(task->offer);
	task->offer = NULL;
	child->sa = to;
	ike_child_set_config(child, config);
	task->next = NULL;
	while (*end)
		end = &(*end)->next;
	*end = task;
}

/* What an attempt was to do is done by another IKE SA of that peer. */
void ike_attempt_move_tasks(struct ike_engine *e, struct ike_sa *from, struct ike_sa *to)
{
	struct ike_task *task;

	while ((task = from->active) || (task = from->tasks)) {
		if (task == from->active)
			from->active = NULL;
		else
			from->tasks = task->next;
		if (task->child) {
			task->kind = IKE_TASK_CREATE_CHILD;
			ike_attempt_hand_over(e, to, task);
		} else {
			ike_task_finish(e, task, true, NULL);
		}
	}
}

bool ike_attempts_crossed(const struct ike_sa *a, const struct ike_sa *b)
{
	return a->initiator != b->initiator && a->created_at <= b->established_at &&
	       b->created_at <= a->established_at;
}
