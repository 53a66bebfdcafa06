/*
 * A definition that takes the place of a loaded one. What is up goes on: each difference takes
 * effect as the table in model/connection_difference.c says, and the log says which way.
 *
 * Established IKE SAs go over to the new definition if it is about the same two identities, and so
 * do their children unless what the kernel has of them would have to change. Those are made anew
 * beside the old ones, which go when their successors are up: a peer that does not agree yet costs
 * nothing. Attempts of ours that the change concerns begin anew (attempts.c); what else is being
 * negotiated stays as it was begun and goes over when it is up. Children that are no longer defined
 * stay until they end, unless start_action brought them up (withdraw.c): as with strongSwan.
 */
#include "libike/versions.h"

#include <stdlib.h>

#define TWINS_WITHIN IKE_SECONDS(30)

/* ---- What differs ---- */

static void say_changes(struct ike_engine *e, const struct ike_connection *c, const char *text)
{
	struct ike_loaded *loaded = ike_loaded_find(e, c->name);

	ike_log(e, NULL, IKE_LOG_CFG, IKE_LOG_INFO, "updated connection '%s'; %s", c->name, text);
	free(loaded->changes);
	loaded->changes = strdup(text);
}

static void note_rebuild(
	void *context, const struct ike_child_config *child, const char *key, enum ike_apply apply)
{
	(void)child, (void)key;
	*(bool *)context |= apply == IKE_APPLY_REBUILD;
}

static uint32_t if_id(uint32_t of_child, uint32_t of_connection)
{
	return of_child ? of_child : of_connection;
}

/* Whether a child of the old definition is none of the new one. */
static bool needs_rebuild(const struct ike_child_config *old, const struct ike_child_config *new)
{
	bool rebuild = if_id(old->if_id_in, old->connection->if_id_in) !=
			       if_id(new->if_id_in, new->connection->if_id_in) ||
		       if_id(old->if_id_out, old->connection->if_id_out) !=
			       if_id(new->if_id_out, new->connection->if_id_out);

	ike_child_config_compare(old, new, note_rebuild, &rebuild);
	return rebuild;
}

/* ---- Children ---- */

/* The present version of the child's definition when it is not the one that the child has. */
static const struct ike_child_config *newer_config(const struct ike_child *child)
{
	const struct ike_connection *c = child->sa->connection;

	return child->config->connection == c ? NULL : ike_connection_child(c, child->config->name);
}

/* The child goes over to the present version, if it can. */
static void adopt_child(struct ike_engine *e, struct ike_child *child)
{
	const struct ike_child_config *new = newer_config(child);

	if (!new || needs_rebuild(child->config, new))
		return;
	ike_child_set_config(child, new);
	ike_schedule_inactivity(e, child);
}

static bool is_obsolete(const struct ike_child *child)
{
	return newer_config(child) != NULL && child->state == IKE_CHILD_INSTALLED &&
	       !ike_task_of_child(child->sa, IKE_TASK_DELETE_CHILD, child);
}

static bool same_peer(const struct ike_sa *a, const struct ike_sa *b)
{
	return a->connection == b->connection && ike_identity_equal(a->local_id, b->local_id) &&
	       ike_identity_equal(a->remote_id, b->remote_id);
}

/* It is up: the peer's children of that name that an older version made have had their time. Tasks
 * of the child's own IKE SA run when the message that brought it up is dealt with. */
static void supersede(struct ike_engine *e, const struct ike_child *child)
{
	struct ike_sa *sa, *next_sa;
	struct ike_child *other, *next;

	for (sa = ike_peers_of(e, child->sa->local_id, ike_sa_peer_id(child->sa)); sa;
		sa = next_sa) {
		next_sa = sa->peer_next;
		if (!same_peer(sa, child->sa))
			continue;
		for (other = sa->children; other; other = next) {
			next = other->next;
			if (other != child && is_obsolete(other) &&
				strcmp(other->config->name, child->config->name) == 0)
				ike_child_delete_later(e, other, IKE_REASON_REPLACED);
		}
		if (sa != child->sa)
			ike_tasks_run(e, sa);
	}
}

static uint32_t lowest_spi(const struct ike_child *child)
{
	return child->spi_in < child->spi_out ? child->spi_in : child->spi_out;
}

/* When both ends' files change, both may make the child anew. Of the two the one with the lowest of
 * all SPIs stays: both ends see the same ones. */
static bool is_twin(
	const struct ike_engine *e, const struct ike_child *a, const struct ike_child *b)
{
	return a->config == b->config && a->state == IKE_CHILD_INSTALLED && !a->one_processor &&
	       e->now - a->installed_at <= TWINS_WITHIN &&
	       !ike_task_of_child(a->sa, IKE_TASK_DELETE_CHILD, a);
}

static void settle_twins(struct ike_engine *e, struct ike_child *child)
{
	struct ike_child *kept = child, *other, *next;
	bool rebuilt = false;

	for (other = child->one_processor ? NULL : child->sa->children; other;
		other = other->next) {
		if (!is_twin(e, other, child))
			continue;
		rebuilt = rebuilt || other->rebuilt;
		if (lowest_spi(other) < lowest_spi(kept))
			kept = other;
	}
	for (other = child->sa->children; rebuilt && other; other = next) {
		next = other->next;
		if (other != kept && is_twin(e, other, child))
			ike_child_delete_later(e, other, IKE_REASON_REPLACED);
	}
}

static bool has_or_makes(const struct ike_sa *sa, const struct ike_child_config *config)
{
	for (const struct ike_child *child = sa->children; child; child = child->next)
		if (child->config == config)
			return true;
	if (sa->active && sa->active->child && sa->active->child->config == config)
		return true;
	for (const struct ike_task *task = sa->tasks; task; task = task->next)
		if (task->child && task->child->config == config)
			return true;
	return false;
}

/* Whether the present version is up with this peer or being made already. */
static bool has_successor(
	struct ike_engine *e, const struct ike_sa *of, const struct ike_child_config *config)
{
	const struct ike_connection *c = of->connection;
	const struct ike_sa *sa;

	for (sa = ike_peers_of(e, of->local_id, ike_sa_peer_id(of)); sa; sa = sa->peer_next)
		if (same_peer(sa, of) && has_or_makes(sa, config))
			return true;
	/* An attempt of ours, whose peer has not said yet who it is. */
	for (sa = c->initiated > 0 ? c->sas : NULL; sa; sa = sa->next)
		if (!sa->was_established && has_or_makes(sa, config))
			return true;
	return false;
}

/* A pass or drop policy needs no SA: nothing succeeds it. */
static void rebuild_child(struct ike_engine *e, struct ike_child *old)
{
	const struct ike_child_config *config = newer_config(old);
	struct ike_child *child;

	if (config->mode == IKE_MODE_PASS || config->mode == IKE_MODE_DROP) {
		ike_child_delete_later(e, old, IKE_REASON_REPLACED);
		return;
	}
	if (has_successor(e, old->sa, config) || !(child = ike_child_new(e, old->sa, config, NULL)))
		return;
	child->rebuilt = true;
	if (!ike_task_queue(old->sa, IKE_TASK_CREATE_CHILD, child, 0)) {
		ike_child_free(child);
		return;
	}
	ike_log(e, old->sa, IKE_LOG_CFG, IKE_LOG_INFO,
		"CHILD_SA %s{%u} is made anew as its definition changed", old->config->name,
		old->unique_id);
}

static void rebuild_children(struct ike_engine *e, struct ike_sa *sa)
{
	struct ike_child *child, *next;

	for (child = sa->children; child; child = next) {
		next = child->next;
		if (is_obsolete(child))
			rebuild_child(e, child);
	}
}

void ike_reload_rebuild(struct ike_engine *e, struct ike_connection *c)
{
	struct ike_sa *sa, *next;

	for (sa = c->sas; sa; sa = next) {
		next = sa->next;
		if (sa->state != IKE_SA_ESTABLISHED)
			continue;
		rebuild_children(e, sa);
		ike_tasks_run(e, sa);
	}
}

/* ---- IKE SAs and traps ---- */

/* Whether the peer, and we, are who the definition wants: an SA with somebody else stays with the
 * old version, and nothing new is made by it. */
static bool is_between(const struct ike_sa *sa, const struct ike_connection *c)
{
	const struct ike_identity *local = ike_auth_rounds_id(&c->local);
	const struct ike_identity *remote = ike_auth_rounds_id(&c->remote);

	return ike_connection_authenticates(c) &&
	       (!local || ike_identity_match(sa->local_id, local) != IKE_MATCH_NONE) &&
	       (!remote || ike_identity_match(sa->remote_id, remote) != IKE_MATCH_NONE);
}

static void adopt_sa(struct ike_engine *e, struct ike_sa *sa, struct ike_connection *c)
{
	if (sa->state != IKE_SA_ESTABLISHED || sa->connection == c || !is_between(sa, c))
		return;
	ike_sa_set_connection(sa, c);
	for (struct ike_child *child = sa->children; child; child = child->next)
		if (child->state == IKE_CHILD_INSTALLED)
			adopt_child(e, child);
	ike_schedule_liveness(e, sa);
}

static bool has_unknown_names(const struct ike_endpoints *list)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i].kind == IKE_ENDPOINT_NAME &&
			(!list->items[i].dns || list->items[i].dns->count == 0))
			return true;
	return false;
}

/* We brought it up where the old definition says, and the new one says that the peer is elsewhere.
 * A peer that has moved by itself, or has sent us there, stays where it is. */
static bool is_to_leave(
	const struct ike_sa *sa, const struct ike_connection *old, const struct ike_connection *new)
{
	struct address somewhere;

	return sa->version == 2 && new->version != 1 && sa->original_initiator &&
	       sa->state == IKE_SA_ESTABLISHED &&is_between(sa, new) &&
	       ike_endpoints_match(&old->remote_addrs, &sa->remote) > 0 &&
	       ike_endpoints_match(&new->remote_addrs, &sa->remote) == 0 &&
	       ike_endpoints_addresses(&new->remote_addrs, &somewhere, 1) > 0 &&
	       !has_unknown_names(&new->remote_addrs);
}

bool ike_reload_moves(const struct ike_connection *old, const struct ike_connection *new)
{
	for (const struct ike_sa *sa = old->sas; sa; sa = sa->next)
		if (is_to_leave(sa, old, new))
			return true;
	return false;
}

/* The old one carries traffic until the new one is up, for as long as that takes. */
static bool send_elsewhere(
	struct ike_engine *e, const struct ike_connection *old, const struct ike_connection *new)
{
	bool any = false;

	for (struct ike_sa *sa = old->sas; sa; sa = sa->next) {
		if (!is_to_leave(sa, old, new))
			continue;
		sa->leaves = any = true;
		sa->attempts = 0;
		sa->reauth_at = e->now;
		ike_schedule(e, sa);
	}
	return any;
}

struct ike_connection *ike_reload_latest(struct ike_engine *e, struct ike_connection *c)
{
	const struct ike_loaded *loaded = ike_loaded_find(e, c->name);

	return loaded && loaded->connection->version != 1 &&
			       ike_connection_authenticates(loaded->connection)
		       ? loaded->connection
		       : c;
}

const struct ike_child_config *ike_reload_config(
	const struct ike_child *from, const struct ike_connection *c, bool *ret_inherits)
{
	const struct ike_child_config *config = ike_connection_child(c, from->config->name);

	*ret_inherits = !config || config == from->config || !needs_rebuild(from->config, config);
	if (!config)
		return from->config;
	return config->mode == IKE_MODE_PASS || config->mode == IKE_MODE_DROP ? NULL : config;
}

/* What came up belongs to the version that is loaded now. */
void ike_reload_came_up(struct ike_engine *e, struct ike_sa *sa, struct ike_child *child)
{
	struct ike_loaded *loaded = ike_loaded_find(e, sa->connection->name);

	if (child && child->unwanted)
		ike_child_delete_later(e, child, IKE_REASON_TERMINATED);
	if (!loaded || (child && child->unwanted))
		return;
	adopt_sa(e, sa, loaded->connection);
	if (sa->connection != loaded->connection)
		return;
	if (!child) {
		rebuild_children(e, sa);
		return;
	}
	adopt_child(e, child);
	if (newer_config(child)) {
		rebuild_child(e, child);
		return;
	}
	supersede(e, child);
	settle_twins(e, child);
}

/* A trap that stays as it is must not be taken away for a moment: packets would leave in clear. */
static void renew_traps(struct ike_engine *e, const struct ike_connection *old,
	struct ike_connection *new, bool same_endpoints)
{
	struct ike_trap *trap, *next;

	for (trap = old->traps; trap; trap = next) {
		const struct ike_child_config *was = trap->config;

		next = trap->mate_next;
		const struct ike_child_config *config = ike_connection_child(new, was->name);
		/* One that start_action did not ask for was installed by command, and stays. */
		if (!config || ((was->start_action & IKE_ACTION_TRAP) &&
				       !(config->start_action & IKE_ACTION_TRAP)))
			continue;
		if (same_endpoints && !needs_rebuild(was, config))
			ike_trap_take_over(trap, new, config);
		else
			ike_trap_replace(e, trap, new, config);
	}
}

void ike_reload(struct ike_engine *e, struct ike_connection *old, struct ike_connection *new)
{
	struct ike_effect effect;
	struct ike_sa *sa, *next;

	ike_effect_of(old, new, send_elsewhere(e, old, new), &effect);
	say_changes(e, new, effect.text);
	for (sa = old->sas; sa; sa = next) {
		next = sa->next;
		adopt_sa(e, sa, new);
	}
	renew_traps(e, old, new,
		ike_endpoints_equal(&old->local_addrs, &new->local_addrs) &&
			ike_endpoints_equal(&old->remote_addrs, &new->remote_addrs));
}

void ike_reload_found_again(struct ike_engine *e, struct ike_connection *c)
{
	for (struct ike_sa *sa = e->by_id; sa; sa = sa->by_id.next)
		if (sa->connection && strcmp(sa->connection->name, c->name) == 0)
			adopt_sa(e, sa, c);
}
