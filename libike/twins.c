/*
 * Twins: a wanted child that is up more than once, with the same peer and the same selectors. They
 * come of both ends starting at nearly the same time, or of a peer that starts what is there
 * already. They are not let in where they can be told, and reduced to one where they are: both ends
 * choose the same one, and the other goes only when the one that stays has proved itself.
 *
 * A peer whose close_action is to start again, and which does not look what is there, answers the
 * end of a twin with a new one; that is refused.
 */
#include "libike/supervisor.h"
#include "libike/versions.h"

/* How long both are there before one goes: its initiator ends it, the other end when that does not.
 * A reauthentication or rekeying is through by then. */
#define REDUCE_OWN IKE_SECONDS(20)
#define REDUCE_PEERS IKE_SECONDS(45)
/* How long the peer may answer that by starting again. */
#define ECHO IKE_SECONDS(60)
/* How often the peer's request may cross ours anew. */
#define CROSSINGS_MAX 3
/* A peer that insists on a second child replaces the first in a way of its own. */
#define INSISTS IKE_SECONDS(600)

static bool is_wanted(const struct ike_wish *wish)
{
	return wish && (wish->wanted & IKE_ACTION_START);
}

static bool same_list(
	const struct ike_selector *a, size_t a_count, const struct ike_selector *b, size_t b_count)
{
	for (size_t i = 0; i < a_count && i < b_count; i++)
		if (!ike_selector_equal(&a[i], &b[i]))
			return false;
	return a_count == b_count;
}

static bool same_selectors(const struct ike_child *a, const struct ike_child *b)
{
	return same_list(ike_child_local(a), a->local_count, ike_child_local(b), b->local_count) &&
	       same_list(
		       ike_child_remote(a), a->remote_count, ike_child_remote(b), b->remote_count);
}

static bool settled(const struct ike_child *child)
{
	return child->state == IKE_CHILD_INSTALLED && child->sa->state == IKE_SA_ESTABLISHED;
}

static bool are_twins(const struct ike_child *a, const struct ike_child *b)
{
	return a != b && settled(a) && settled(b) && !a->one_processor && !b->one_processor &&
	       strcmp(a->config->name, b->config->name) == 0 &&
	       (a->sa == b->sa ||
		       (ike_identity_equal(a->sa->local_id, b->sa->local_id) &&
			       ike_identity_equal(a->sa->remote_id, b->sa->remote_id))) &&
	       same_selectors(a, b);
}

/* The children of a site, one after the other; NULL begins and ends. */
static struct ike_child *next_child(const struct ike_site *site, const struct ike_child *after)
{
	const struct ike_sa *sa = after ? after->sa : NULL;
	size_t version = 0;

	if (after && after->next)
		return after->next;
	while (sa && version + 1 < site->version_count && site->versions[version] != sa->connection)
		version++;
	for (sa = sa ? sa->next : site->versions[0]->sas;; sa = sa->next) {
		while (!sa && ++version < site->version_count)
			sa = site->versions[version]->sas;
		if (!sa)
			return NULL;
		if (sa->children)
			return sa->children;
	}
}

/* Higher stays. What both ends know of both: the initiators' SPIs; within one IKE SA, the pair of
 * the children's SPIs. */
static bool outranks(const struct ike_child *a, const struct ike_child *b)
{
	uint32_t low_a = a->spi_in < a->spi_out ? a->spi_in : a->spi_out;
	uint32_t low_b = b->spi_in < b->spi_out ? b->spi_in : b->spi_out;

	return a->sa == b->sa ? low_a > low_b : a->sa->spi_initiator > b->sa->spi_initiator;
}

static bool find_twins(
	const struct ike_wish *wish, struct ike_child **ret_stays, struct ike_child **ret_goes)
{
	const struct ike_site *site = wish->site;

	for (struct ike_child *a = next_child(site, NULL); a; a = next_child(site, a)) {
		if (strcmp(a->config->name, wish->child) != 0)
			continue;
		for (struct ike_child *b = next_child(site, a); b; b = next_child(site, b)) {
			if (!are_twins(a, b))
				continue;
			*ret_stays = outranks(a, b) ? a : b;
			*ret_goes = outranks(a, b) ? b : a;
			return true;
		}
	}
	return false;
}

/* Whether everything that an SA carries is there in another one, too. */
static bool is_all_there(const struct ike_sa *sa, const struct ike_sa *other)
{
	for (const struct ike_child *c = sa->children; c; c = c->next) {
		const struct ike_child *d = other->children;

		/* made anew when a packet wants it */
		if (c->one_processor)
			continue;
		while (d && !are_twins(c, d))
			d = d->next;
		if (!d)
			return false;
	}
	return !sa->tasks && !sa->active;
}

/* A responder knows that the peer has the SA when it said something since. */
static bool has_proved_itself(const struct ike_sa *sa)
{
	return sa->initiator || sa->last_received > sa->established_at;
}

static void retire(struct ike_engine *e, struct ike_child *goes, const struct ike_child *stays)
{
	struct ike_failure failure = { 0 };

	ike_log(e, goes->sa, IKE_LOG_IKE, IKE_LOG_INFO,
		"CHILD_SA %s is there twice: closing {%u} of IKE_SA [%u], keeping {%u} of [%u]",
		goes->config->name, goes->unique_id, goes->sa->unique_id, stays->unique_id,
		stays->sa->unique_id);
	if (goes->sa == stays->sa || !is_all_there(goes->sa, stays->sa)) {
		ike_version_of(goes->sa)->delete_child(e, goes, false, 0, IKE_REASON_REPLACED);
		return;
	}
	ike_failure_set(&failure, IKE_REASON_REPLACED, NULL, NULL, "replaced by IKE_SA %s[%u]",
		stays->sa->connection->name, stays->sa->unique_id);
	ike_version_of(goes->sa)->delete_ike(e, goes->sa, false, 0, &failure);
	ike_failure_free(&failure);
}

ike_time ike_twins_reduce(struct ike_engine *e, struct ike_wish *wish)
{
	struct ike_child *stays, *goes;

	if (!find_twins(wish, &stays, &goes))
		return IKE_NEVER;
	ike_time since =
		stays->installed_at > goes->installed_at ? stays->installed_at : goes->installed_at;
	ike_time at = since + (goes->sa->initiator ? REDUCE_OWN : REDUCE_PEERS);
	if (e->now < at)
		return at;
	if (!has_proved_itself(stays->sa)) {
		if (!stays->sa->active && ike_task_queue(stays->sa, IKE_TASK_DPD, NULL, 0))
			ike_tasks_run(e, stays->sa);
		return e->now + IKE_SECONDS(5);
	}
	wish->reduced_at = e->now;
	retire(e, goes, stays);
	return e->now + REDUCE_OWN;
}

bool ike_twins_refuse_sa(struct ike_engine *e, const struct ike_site *site, const struct ike_sa *sa)
{
	for (const struct ike_wish *wish = site->wishes; wish; wish = wish->next) {
		if (!is_wanted(wish) || wish->reduced_at == 0 || wish->reduced_at + ECHO < e->now ||
			!ike_site_has_child(site, wish->child, NULL))
			continue;
		ike_log(e, sa, IKE_LOG_IKE, IKE_LOG_INFO,
			"refusing IKE_SA [%u]: CHILD_SA '%s' is up already", sa->unique_id,
			wish->child);
		return true;
	}
	return false;
}

/* Both ends want it at the same time, and nobody asked for two. */
static struct ike_task *crossing_task(const struct ike_sa *sa, const char *name)
{
	struct ike_task *task = sa->active;

	return task && task->kind == IKE_TASK_CREATE_CHILD && task->child && !task->ticket &&
			       !task->child->one_processor &&
			       strcmp(task->child->config->name, name) == 0
		       ? task
		       : NULL;
}

/* The peer refuses ours, or, when it does not look, makes it: either way one stays. When both
 * refused, the initiator of the IKE SA asks again, and is not refused twice. */
static bool refuse_crossing(struct ike_engine *e, const struct ike_sa *sa, struct ike_task *task)
{
	task->yields = task->crossed;
	task->crossed = true;
	if (!task->yields)
		ike_log(e, sa, IKE_LOG_IKE, IKE_LOG_INFO,
			"refusing CHILD_SA '%s': it is being made by us",
			task->child->config->name);
	return !task->yields;
}

bool ike_twins_ask_again(const struct ike_sa *sa, struct ike_task *task, bool refused)
{
	return refused && task->crossed && !task->yields && sa->initiator &&
	       task->attempts++ < CROSSINGS_MAX;
}

const struct ike_child *ike_twins_made_by_peer(const struct ike_sa *sa, const struct ike_task *task)
{
	const struct ike_child *c = task->yields ? sa->children : NULL;

	while (c && (!settled(c) || strcmp(c->config->name, task->child->config->name) != 0))
		c = c->next;
	return c;
}

bool ike_child_has_selectors(
	const struct ike_child *child, const struct ike_child_selectors *selectors)
{
	return same_list(ike_child_local(child), child->local_count, selectors->local,
		       selectors->local_count) &&
	       same_list(ike_child_remote(child), child->remote_count, selectors->remote,
		       selectors->remote_count);
}

bool ike_twins_is_there(const struct ike_sa *sa, const struct ike_child_config *config,
	const struct ike_child_selectors *selectors)
{
	for (const struct ike_child *c = sa->children; c; c = c->next)
		if (settled(c) && strcmp(c->config->name, config->name) == 0 &&
			ike_child_has_selectors(c, selectors))
			return true;
	return false;
}

bool ike_twins_refuse_crossing(
	struct ike_engine *e, const struct ike_sa *sa, const struct ike_child_config *config)
{
	struct ike_task *own = crossing_task(sa, config->name);

	return own && refuse_crossing(e, sa, own);
}

bool ike_twins_refuse_child(struct ike_engine *e, const struct ike_sa *sa,
	const struct ike_child_config *config, const struct ike_child_selectors *selectors)
{
	struct ike_wish *wish = ike_wish_find(ike_site_find(e, sa->connection->name), config->name);
	struct ike_task *own = crossing_task(sa, config->name);

	if (own)
		return refuse_crossing(e, sa, own);
	if (!is_wanted(wish) || !ike_twins_is_there(sa, config, selectors))
		return false;
	bool insists = wish->refused_at > 0 && wish->refused_at + INSISTS > e->now;
	bool echo = wish->reduced_at > 0 && wish->reduced_at + ECHO > e->now;
	if (insists && !echo)
		return false;
	wish->refused_at = e->now;
	ike_log(e, sa, IKE_LOG_IKE, IKE_LOG_INFO, "refusing CHILD_SA '%s': it is up already",
		config->name);
	return true;
}
