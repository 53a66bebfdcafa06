/* What an IKE SA still has to tell its peer, in order. */
#include "libike/sa/sa_priv.h"
#include "libike/supervisor.h"

#include <stdlib.h>

const char *ike_task_name(uint8_t kind)
{
	static const char *const names[] = { "NONE", "IKE_INIT", "IKE_AUTH", "CHILD_CREATE",
		"CHILD_DELETE", "IKE_DELETE", "IKE_DPD", "CHILD_REKEY", "IKE_REKEY", "IKE_REAUTH",
		"IKE_MOBIKE", "IKE_INTERMEDIATE", "IKE_REDIRECT" };

	return kind < sizeof(names) / sizeof(*names) ? names[kind] : "???";
}

static struct ike_task *task_new(enum ike_task_kind kind, struct ike_child *child, uint64_t ticket)
{
	struct ike_task *task = calloc(1, sizeof(*task));

	if (task) {
		task->kind = (uint8_t)kind;
		task->child = child;
		task->ticket = ticket;
	}
	return task;
}

struct ike_task *ike_task_queue(
	struct ike_sa *sa, enum ike_task_kind kind, struct ike_child *child, uint64_t ticket)
{
	struct ike_task *task = task_new(kind, child, ticket);
	struct ike_task **end = &sa->tasks;

	while (*end)
		end = &(*end)->next;
	return *end = task;
}

struct ike_task *ike_task_queue_first(
	struct ike_sa *sa, enum ike_task_kind kind, struct ike_child *child, uint64_t ticket)
{
	struct ike_task *task = task_new(kind, child, ticket);

	if (task) {
		task->next = sa->tasks;
		sa->tasks = task;
	}
	return task;
}

struct ike_task *ike_task_take(struct ike_sa *sa, enum ike_task_kind kind)
{
	for (struct ike_task **at = &sa->tasks; *at; at = &(*at)->next) {
		struct ike_task *task = *at;

		if (task->kind == kind) {
			*at = task->next;
			task->next = NULL;
			return task;
		}
	}
	return NULL;
}

void ike_task_free(struct ike_task *task)
{
	ike_child_offer_free(task->offer);
	free(task->gateway);
	free(task);
}

void ike_task_finish(struct ike_engine *e, struct ike_task *task, bool done, const char *text)
{
	ike_command_finish(e, task->ticket, done, text);
	ike_command_finish(e, task->ike_ticket, done, text);
	if (!done && task->child && task->kind != IKE_TASK_DELETE_CHILD) {
		if (task->kind != IKE_TASK_REKEY_CHILD || !task->replaces)
			/* else the old one is there still */
			ike_supervise_failed(e, task->child, (enum ike_reason)task->reason);
		ike_child_destroy(e, task->child, (enum ike_reason)task->reason);
	}
	if (!done && task->replaces)
		ike_child_rekey_later(e, task->replaces);
	ike_task_free(task);
}

uint32_t ike_tasks_count(const struct ike_sa *sa)
{
	uint32_t count = 0;

	for (const struct ike_task *task = sa->tasks; task; task = task->next)
		count++;
	return count;
}

struct ike_task *ike_task_of_child(
	const struct ike_sa *sa, enum ike_task_kind kind, const struct ike_child *child)
{
	struct ike_task *task = sa->active;

	if (task && task->kind == kind && (task->child == child || task->replaces == child))
		return task;
	for (task = sa->tasks; task; task = task->next)
		if (task->kind == kind && (task->child == child || task->replaces == child))
			return task;
	return NULL;
}
