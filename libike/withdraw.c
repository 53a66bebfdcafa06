/*
 * What `start_action = start` brought up ends when nothing says so any more: the connection was
 * unloaded, the child is gone from it or has another start_action. As with strongSwan it is the
 * definition that decides, not who began: a child of that name that the peer or a command made
 * first was what had been wanted. All else stays until somebody ends it, what a trap made among it.
 */
#include "libike/supervisor.h"
#include "libike/versions.h"

struct withdrawal {
	struct ike_engine *e;
	const struct ike_connection *old;
	const struct ike_connection *new; /* NULL: unloaded */
	bool starts;                      /* the new one has children to start */
};

static bool starts(const struct ike_connection *c, const char *child)
{
	const struct ike_child_config *config = c ? ike_connection_child(c, child) : NULL;

	return config && (config->start_action & IKE_ACTION_START);
}

static bool starts_any(const struct ike_connection *c)
{
	for (size_t i = 0; c && i < c->child_count; i++)
		if (c->children[i]->start_action & IKE_ACTION_START)
			return true;
	return false;
}

static bool is_withdrawn(const struct withdrawal *w, const struct ike_child *child)
{
	const char *name = child->config->name;

	return starts(w->old, name) && !starts(w->new, name);
}

/* Another one that replaces it goes as it does, and somebody who waits wants it nevertheless. */
static bool is_making(const struct ike_task *task)
{
	return task->child && !task->replaces && task->kind != IKE_TASK_DELETE_CHILD &&
	       task->child->state == IKE_CHILD_CREATED;
}

static bool is_alive(const struct ike_child *child)
{
	return child->state < IKE_CHILD_DELETING && child->state != IKE_CHILD_REKEYED;
}

struct tally {
	size_t withdrawn;
	size_t others;
};

static void count_task(const struct withdrawal *w, const struct ike_task *task, struct tally *tally)
{
	if (is_making(task) && !task->ticket && is_withdrawn(w, task->child))
		tally->withdrawn++;
	else if (task->kind == IKE_TASK_CREATE_CHILD || task->ticket || task->ike_ticket)
		tally->others++;
}

static struct tally count(const struct withdrawal *w, const struct ike_sa *sa)
{
	struct tally tally = { 0 };

	for (const struct ike_child *child = sa->children; child; child = child->next) {
		if (!is_alive(child))
			continue;
		if (is_withdrawn(w, child))
			tally.withdrawn++;
		else
			tally.others++;
	}
	if (sa->active)
		count_task(w, sa->active, &tally);
	for (const struct ike_task *task = sa->tasks; task; task = task->next)
		count_task(w, task, &tally);
	return tally;
}

/* Nobody needs the IKE SA itself any more. */
static bool is_idle(const struct withdrawal *w, const struct ike_sa *sa)
{
	struct tally tally = count(w, sa);

	if (!w->new && sa->initiator && !sa->was_established && !sa->reauthenticates)
		return true; /* an attempt that has no definition */
	if (tally.others > 0)
		return false;
	/* One whose child the peer refuses has none. */
	return tally.withdrawn > 0 || (sa->initiator && sa->was_established && !w->starts);
}

static void end_queued(const struct withdrawal *w, struct ike_sa *sa)
{
	for (struct ike_task **at = &sa->tasks; *at;) {
		struct ike_task *task = *at;

		if (!is_making(task) || task->ticket || !is_withdrawn(w, task->child)) {
			at = &task->next;
			continue;
		}
		*at = task->next;
		task->reason = IKE_REASON_TERMINATED;
		ike_task_finish(w->e, task, false, NULL);
	}
}

static void end_children(const struct withdrawal *w, struct ike_sa *sa)
{
	struct ike_child *child, *next;

	end_queued(w, sa);
	/* The peer may have it already: it ends when it is up. */
	if (sa->active && is_making(sa->active) && !sa->active->ticket &&
		is_withdrawn(w, sa->active->child))
		sa->active->child->unwanted = true;
	for (child = sa->children; child; child = next) {
		next = child->next;
		if (is_alive(child) && is_withdrawn(w, child))
			ike_child_delete_later(w->e, child, IKE_REASON_TERMINATED);
	}
	ike_tasks_run(w->e, sa);
}

static void end_sa(const struct withdrawal *w, struct ike_sa *sa)
{
	struct ike_failure failure = { 0 };

	ike_failure_set(&failure, IKE_REASON_TERMINATED, NULL, NULL, "connection '%s' %s",
		w->old->name, w->new ? "no longer starts it" : "was unloaded");
	ike_version_of(sa)->delete_ike(w->e, sa, false, 0, &failure);
	ike_failure_free(&failure);
}

static void look_at(void *context, struct ike_sa *sa)
{
	const struct withdrawal *w = context;

	if (sa->state >= IKE_SA_REKEYED) /* it ends already */
		return;
	if (is_idle(w, sa))
		end_sa(w, sa);
	else if (count(w, sa).withdrawn > 0)
		end_children(w, sa);
}

void ike_withdraw(
	struct ike_engine *e, const struct ike_connection *old, const struct ike_connection *new)
{
	struct withdrawal w = { e, old, new, starts_any(new) };
	bool any = !new;

	for (size_t i = 0; i < old->child_count; i++)
		any = any ||
		      (starts(old, old->children[i]->name) && !starts(new, old->children[i]->name));
	if (any)
		ike_site_visit(e, old->name, look_at, &w);
}
