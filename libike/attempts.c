/* An attempt that is given up in favour of another IKE SA with the same peer, or of another version
 * of its definition: what waits for it goes there. */
#include "libike/versions.h"
#include "libike/wishes.h"

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

/* Who waits for the IKE SA alone. */
static void move_ticket(struct ike_task *from, struct ike_sa *to)
{
	uint64_t *ticket = from->child ? &from->ike_ticket : &from->ticket;

	for (struct ike_task *task = to->tasks; task; task = task->next)
		if (task->kind == IKE_TASK_AUTH)
			task->ticket = *ticket;
	*ticket = 0;
}

struct ike_sa *ike_attempt_renew(
	struct ike_engine *e, struct ike_sa *sa, struct ike_failure *failure)
{
	struct ike_sa *new = ike_initiate_again(e, sa);

	if (!new) {
		ike_failure_set(failure, IKE_REASON_RESOURCES, NULL, NULL,
			"no IKE_SA for another attempt: out of memory, or limit reached");
		return NULL;
	}
	new->redirect = sa->redirect;
	sa->redirect = NULL;
	new->virtual = sa->virtual; /* none is given yet; which it had earlier */
	sa->virtual = NULL;
	if (sa->active)
		move_ticket(sa->active, new);
	ike_attempt_move_tasks(e, sa, new);
	ike_failure_set(failure, IKE_REASON_REPLACED, NULL, NULL, "replaced by IKE_SA %s[%u]",
		new->connection->name, new->unique_id);
	return new;
}

bool ike_attempts_crossed(const struct ike_sa *a, const struct ike_sa *b)
{
	return a->initiator != b->initiator && a->created_at <= b->established_at &&
	       b->created_at <= a->established_at;
}

/* ---- Another version of the definition ---- */

struct relevance {
	const struct ike_sa *sa;
	bool differs;
};

static bool makes(const struct ike_task *task, const char *child)
{
	return task && task->child && strcmp(task->child->config->name, child) == 0;
}

/* The peer may stay silent, as with IKEv1, when they are wrong. */
static bool has_old_secrets(const struct ike_engine *e, const struct ike_sa *sa)
{
	return sa->keys.length > 0 &&
	       sa->negotiation->secrets != ike_credentials_version(e->credentials);
}

static void note_difference(
	void *context, const struct ike_child_config *child, const char *key, enum ike_apply apply)
{
	struct relevance *r = context;

	(void)key;
	if (!child) {
		r->differs = true;
		return;
	}
	bool made = makes(r->sa->active, child->name);
	for (const struct ike_task *task = r->sa->tasks; task; task = task->next)
		made = made || makes(task, child->name);
	r->differs = r->differs || (made && apply != IKE_APPLY_NOW);
}

static void ask_anew(struct ike_engine *e, struct ike_connection *c,
	const struct ike_child_config *config, const struct ike_initiate *where, uint64_t *ticket)
{
	struct ike_initiate what = *where;
	struct why why;

	what.ticket = *ticket;
	if (ike_initiate(e, c, config, &what, NULL, &why)) {
		ike_command_cancel(e, *ticket);
	} else {
		ike_log(e, NULL, IKE_LOG_CFG, IKE_LOG_AUDIT, "%s", why.text);
		ike_command_finish(e, *ticket, false, why.text);
	}
	*ticket = 0;
}

/* What the task waits for is asked for once more: first the IKE SA, then the child. */
static void ask_task_anew(struct ike_engine *e, struct ike_connection *c, struct ike_task *task,
	const struct ike_initiate *where)
{
	const struct ike_child_config *config =
		task->child ? ike_connection_child(c, task->child->config->name) : NULL;

	if (task->ike_ticket)
		ask_anew(e, c, NULL, where, &task->ike_ticket);
	if (config || (!task->child && task->ticket))
		ask_anew(e, c, config, where, &task->ticket);
}

static void begin_anew(struct ike_engine *e, struct ike_sa *sa, struct ike_connection *c)
{
	struct ike_initiate where = { 0 };
	struct ike_failure failure = { 0 };

	if (sa->negotiation->fixed_target) {
		where.my_host = sa->local;
		where.other_host = sa->remote;
	}
	ike_log(e, sa, IKE_LOG_CFG, IKE_LOG_INFO,
		"IKE_SA %s[%u] begins anew as its definition or a secret changed",
		sa->connection->name, sa->unique_id);
	ike_sa_set_state(e, sa, IKE_SA_DELETING); /* nothing goes by it any more */
	if (sa->active)
		ask_task_anew(e, c, sa->active, &where);
	for (struct ike_task *task = sa->tasks; task; task = task->next)
		ask_task_anew(e, c, task, &where);
	ike_failure_set(&failure, IKE_REASON_REPLACED, NULL, NULL,
		"the definition or a secret of connection '%s' changed", c->name);
	ike_version_of(sa)->delete_ike(e, sa, true, 0, &failure);
	ike_failure_free(&failure);
}

static bool is_attempt(const struct ike_sa *sa)
{
	return sa->initiator && !sa->was_established && !sa->reauthenticates &&
	       sa->state <= IKE_SA_CONNECTING && sa->negotiation;
}

struct reload {
	struct ike_engine *e;
	struct ike_connection *to;
};

static void look_at(void *context, struct ike_sa *sa)
{
	const struct reload *reload = context;
	struct relevance r = { sa, false };

	if (!is_attempt(sa))
		return;
	r.differs = has_old_secrets(reload->e, sa);
	ike_connection_compare(sa->connection, reload->to, note_difference, &r);
	if (r.differs)
		begin_anew(reload->e, sa, reload->to);
}

void ike_attempts_begin_anew(struct ike_engine *e, struct ike_connection *c)
{
	struct reload reload = { e, c };

	ike_site_visit(e, c->name, look_at, &reload);
}
