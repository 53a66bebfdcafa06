/* Commands that make SAs and end them. */
#include "libike/names.h"
#include "libike/processors.h"
#include "libike/supervisor.h"
#include "libike/versions.h"

/* Where it would go, as far as that is known now. */
struct route {
	bool fixed;   /* the command says where */
	bool several; /* addresses, or names that may have any */
	bool none;    /* and that was reported */
	struct address local;
	struct address remote;
};

static bool no_route(struct ike_engine *e, const struct ike_connection *c,
	const struct address *remote, bool *ret_none, struct why *why)
{
	struct ike_failure failure = { 0 };
	char text[ADDRESS_TEXT_MAX];

	ike_failure_set(&failure, IKE_REASON_NO_ROUTE, NULL, NULL,
		"connection '%s': no route to %s", c->name, address_format(remote, text));
	ike_log_start_failure(e, c, remote, &failure);
	*ret_none = true;
	why_fail(why, "%s", failure.text ? failure.text : "no route");
	ike_failure_free(&failure);
	return false;
}

/* Addresses that the command gives; what it leaves open is as configured. */
static bool fix_route(struct ike_engine *e, const struct ike_connection *c,
	const struct ike_initiate *what, struct route *ret, struct why *why)
{
	ret->remote = what->other_host;
	if (ret->remote.family == 0 &&
		ike_endpoints_addresses(&c->remote_addrs, &ret->remote, 1) == 0)
		return why_fail(why, "connection '%s': the peer's address is not known", c->name);
	if (address_is_any(&ret->remote))
		return why_fail(
			why, "connection '%s' has no remote address to initiate to", c->name);
	ret->local = what->my_host;
	if ((ret->local.family == 0 || address_is_any(&ret->local)) &&
		!ike_target_source(e, c, &ret->remote, &ret->local))
		return no_route(e, c, &ret->remote, &ret->none, why);
	ike_target_ports(e, c, &ret->local, &ret->remote);
	return true;
}

static bool find_route(struct ike_engine *e, const struct ike_connection *c,
	const struct ike_initiate *what, struct route *ret, struct why *why)
{
	struct address list[16];
	size_t count = ike_endpoints_addresses(&c->remote_addrs, list, 16);

	*ret = (struct route){ .fixed = what->other_host.family || what->my_host.family };
	if (ret->fixed)
		return fix_route(e, c, what, ret, why);
	ret->several = count > 1 || ike_connection_has_names(c);
	if (ike_connection_has_names(c)) /* asked for, and chosen, when it begins */
		return true;
	if (count == 0)
		return why_fail(why,
			"connection '%s' has no remote address to initiate to (remote_addrs is %s)",
			c->name,
			c->remote_addrs.count > 0 ? c->remote_addrs.items[0].name : "%any");
	for (size_t i = 0; i < count; i++) {
		if (!ike_target_source(e, c, &list[i], &ret->local))
			continue;
		ret->remote = list[i];
		ike_target_ports(e, c, &ret->local, &ret->remote);
		return true;
	}
	return no_route(e, c, &list[0], &ret->none, why);
}

/* Who speaks MOBIKE, or has several addresses, may be elsewhere than a new attempt would go; and we
 * may have got another address, while the one of the SA is still good. */
static bool is_usable(const struct ike_sa *sa, const struct route *route)
{
	bool anywhere = !route->fixed && (sa->peer_mobike || sa->redirect || route->several);

	if (!anywhere && !address_same_host(&sa->remote, &route->remote))
		return false;
	if (route->fixed && !address_same_host(&sa->local, &route->local))
		return false;
	return sa->state == IKE_SA_ESTABLISHED || sa->state == IKE_SA_REKEYING ||
	       (sa->state == IKE_SA_CONNECTING && sa->initiator);
}

static struct ike_sa *reusable(
	const struct ike_engine *e, const struct ike_connection *c, const struct route *route)
{
	if (!e->settings.reuse_ikesa)
		return NULL;
	for (struct ike_sa *sa = c->sas; sa; sa = sa->next)
		if (is_usable(sa, route))
			return sa;
	return NULL;
}

static struct ike_sa *make_sa(
	struct ike_engine *e, struct ike_connection *c, const struct route *route)
{
	struct ike_sa *sa = ike_sa_new(e, true, &route->local, &route->remote);

	if (!sa)
		return NULL;
	sa->negotiation->fixed_target = route->fixed;
	ike_sa_set_connection(sa, c);
	if ((ike_version_to_initiate(c) != 1 || ikev1_make(sa)) &&
		ike_task_queue(sa, IKE_TASK_INIT, NULL, 0) &&
		ike_task_queue(sa, IKE_TASK_AUTH, NULL, 0))
		return sa;
	ike_sa_free(e, sa);
	return NULL;
}

struct ike_sa *ike_initiate_again(struct ike_engine *e, const struct ike_sa *sa)
{
	struct route route = {
		.fixed = sa->negotiation->fixed_target, .local = sa->local, .remote = sa->remote
	};
	struct ike_sa *new;

	ike_target_ports(e, sa->connection, &route.local, &route.remote);
	new = make_sa(e, sa->connection, &route);
	if (new)
		new->negotiation->target = sa->negotiation->target;
	return new;
}

/* The child that is to be made, or the childless SA's own answer. */
static bool queue_child(struct ike_engine *e, struct ike_sa *sa,
	const struct ike_child_config *config, uint64_t ticket)
{
	struct ike_child *child = config ? ike_child_new(e, sa, config, NULL) : NULL;

	if (config && (!child || !ike_task_queue(sa, IKE_TASK_CREATE_CHILD, child, ticket))) {
		if (child)
			ike_child_free(child);
		return false;
	}
	for (struct ike_task *task = sa->tasks; !config && task; task = task->next)
		if (task->kind == IKE_TASK_AUTH)
			task->ticket = ticket;
	return true;
}

/* An IKE SA alone was asked for, and there is one. */
static bool ike_is_there(struct ike_engine *e, const struct ike_sa *sa,
	const struct ike_initiate *what, uint32_t *ret_ike_id, struct why *why)
{
	if (!sa->was_established)
		return why_fail(why, "IKE_SA %s[%u] is being established already",
			sa->connection->name, sa->unique_id);
	if (!ike_command_expect(e, what->ticket))
		return why_fail(why, "out of memory");
	if (ret_ike_id)
		*ret_ike_id = sa->unique_id;
	ike_command_finish(e, what->ticket, true, NULL);
	return true;
}

static bool initiate(struct ike_engine *e, struct ike_connection *c,
	const struct ike_child_config *config, const struct ike_initiate *what, struct route *route,
	uint32_t *ret_ike_id, struct why *why)
{
	if (!ike_connection_authenticates(c))
		return why_fail(
			why, "connection '%s' has no authentication (local and remote)", c->name);
	if (config && (config->mode == IKE_MODE_PASS || config->mode == IKE_MODE_DROP))
		return why_fail(why, "CHILD_SA '%s' is a %s policy: install it instead",
			config->name, config->mode == IKE_MODE_PASS ? "pass" : "drop");
	if (!find_route(e, c, what, route, why))
		return false;
	struct ike_sa *sa = reusable(e, c, route);
	bool is_new = !sa;
	if (!config && sa)
		return ike_is_there(e, sa, what, ret_ike_id, why);
	if (is_new && !(sa = make_sa(e, c, route)))
		return why_fail(
			why, "no IKE_SA for '%s': out of memory, or limit reached", c->name);
	bool expected = ike_command_expect(e, what->ticket);
	if (!expected || !queue_child(e, sa, config, what->ticket)) {
		if (expected)
			ike_command_cancel(e, what->ticket);
		if (is_new)
			ike_sa_free(e, sa);
		return why_fail(why, "out of memory");
	}
	if (ret_ike_id)
		*ret_ike_id = sa->unique_id;
	ike_tasks_run(e, sa);
	return true;
}

bool ike_initiate(struct ike_engine *e, struct ike_connection *c,
	const struct ike_child_config *config, const struct ike_initiate *what,
	uint32_t *ret_ike_id, struct why *why)
{
	struct route route;

	return initiate(e, c, config, what, &route, ret_ike_id, why);
}

enum ike_reason ike_initiate_wanted(
	struct ike_engine *e, struct ike_connection *c, const struct ike_child_config *config)
{
	struct ike_initiate what = { 0 };
	struct ike_failure failure = { 0 };
	struct route route = { 0 };
	struct why why;

	if (initiate(e, c, config, &what, &route, NULL, &why))
		return IKE_REASON_NONE;
	if (route.none)
		return IKE_REASON_NO_ROUTE;
	ike_failure_set(&failure, IKE_REASON_UNSUPPORTED, NULL, NULL, "%s", why.text);
	ike_log_start_failure(e, c, NULL, &failure);
	ike_failure_free(&failure);
	return IKE_REASON_UNSUPPORTED;
}

bool ike_initiate_child_on(struct ike_engine *e, struct ike_sa *sa,
	const struct ike_child_config *config, uint64_t ticket)
{
	if (!queue_child(e, sa, config, ticket))
		return false;
	ike_tasks_run(e, sa);
	return true;
}

bool ike_initiate_for_processor(struct ike_engine *e, struct ike_sa *sa,
	const struct ike_child_config *config, uint32_t processor)
{
	struct ike_child *child = ike_child_new(e, sa, config, NULL);

	if (!child)
		return false;
	ike_child_set_processor(e, child, processor);
	if (!ike_task_queue(sa, IKE_TASK_CREATE_CHILD, child, 0)) {
		ike_child_free(child);
		return false;
	}
	ike_tasks_run(e, sa);
	return true;
}

static bool has_selectors(
	const struct ike_child *child, const struct ike_child_config *config, bool local)
{
	struct ike_selector wanted[IKE_CHILD_SELECTORS_MAX];
	const struct ike_selector *list = local ? ike_child_local(child) : ike_child_remote(child);
	size_t count = ike_child_config_selectors(
		child->sa, config, local, wanted, IKE_CHILD_SELECTORS_MAX);

	if (count != (local ? child->local_count : child->remote_count))
		return false;
	for (size_t i = 0; i < count; i++)
		if (!ike_selector_equal(&list[i], &wanted[i]))
			return false;
	return true;
}

/* What is there already, just so, where a command would make it. */
static const struct ike_child *find_duplicate(struct ike_engine *e, struct ike_connection *c,
	const struct ike_child_config *config, const struct ike_initiate *what)
{
	struct route route;
	struct why why;
	const struct ike_sa *sa =
		find_route(e, c, what, &route, &why) ? reusable(e, c, &route) : NULL;

	for (const struct ike_child *child = sa && sa->version == 2 ? sa->children : NULL; child;
		child = child->next)
		if (child->config == config && child->state == IKE_CHILD_INSTALLED &&
			!child->one_processor && has_selectors(child, config, true) &&
			has_selectors(child, config, false))
			return child;
	return NULL;
}

const struct ike_child *ike_engine_duplicate(struct ike_engine *e, const struct ike_initiate *what)
{
	const struct ike_child_config *config = NULL;
	struct why why;
	struct ike_connection *c =
		what->child ? ike_loaded_child(e, what->ike, what->child, &config, &why) : NULL;

	return c ? find_duplicate(e, c, config, what) : NULL;
}

bool ike_engine_initiate(struct ike_engine *e, ike_time now, const struct ike_initiate *what,
	uint32_t *ret_ike_id, struct why *why)
{
	const struct ike_child_config *config = NULL;
	struct ike_connection *c;

	e->now = now;
	if (what->child) {
		c = ike_loaded_child(e, what->ike, what->child, &config, why);
		return c && ike_initiate(e, c, config, what, ret_ike_id, why);
	}
	struct ike_loaded *loaded = what->ike ? ike_loaded_find(e, what->ike) : NULL;
	if (!loaded)
		return why_fail(why,
			what->ike ? "IKE_SA config '%s' not found"
				  : "name a child or a connection%s",
			what->ike ? what->ike : "");
	return ike_initiate(e, loaded->connection, NULL, what, ret_ike_id, why);
}

/* ---- Terminate ---- */

static bool ike_matches(const struct ike_sa *sa, const struct ike_terminate *what)
{
	if (what->ike && (!sa->connection || strcmp(sa->connection->name, what->ike) != 0))
		return false;
	return what->ike_id == 0 || sa->unique_id == what->ike_id;
}

static bool child_matches(const struct ike_child *child, const struct ike_terminate *what)
{
	if (child->state == IKE_CHILD_DELETED)
		return false;
	if (what->child && strcmp(child->config->name, what->child) != 0)
		return false;
	return what->child_id == 0 || child->unique_id == what->child_id;
}

/* The IKE SAs that may match: one, or all of them. */
static struct ike_sa *first_of(const struct ike_engine *e, const struct ike_terminate *what)
{
	struct ike_sa *found;

	if (!what->ike_id)
		return e->by_id;
	HASH_FIND(by_id, e->by_id, &what->ike_id, sizeof(what->ike_id), found);
	return found;
}

static struct ike_sa *next_of(const struct ike_sa *sa, const struct ike_terminate *what)
{
	return what->ike_id ? NULL : sa->by_id.next;
}

static size_t count_matches(const struct ike_engine *e, const struct ike_terminate *what)
{
	bool of_children = what->child || what->child_id;
	size_t count = 0;

	for (const struct ike_sa *sa = first_of(e, what); sa; sa = next_of(sa, what)) {
		if (!ike_matches(sa, what))
			continue;
		count += !of_children;
		for (const struct ike_child *c = sa->children; of_children && c; c = c->next)
			count += child_matches(c, what);
	}
	return count;
}

/* Deleting at once may free the child, and with it the SA when sending fails: look for the next one
 * afresh each time; those that are being deleted are passed over. */
static struct ike_child *next_child(struct ike_engine *e, const struct ike_terminate *what,
	uint32_t after_ike, uint32_t after_child)
{
	for (struct ike_sa *sa = e->by_id; sa; sa = sa->by_id.next) {
		struct ike_child *next = NULL;

		if (sa->unique_id < after_ike || !ike_matches(sa, what))
			continue;
		/* Children have their ids from when they were wanted, their place from when they
		 * came up. */
		for (struct ike_child *c = sa->children; c; c = c->next)
			if ((sa->unique_id > after_ike || c->unique_id > after_child) &&
				child_matches(c, what) && (!next || c->unique_id < next->unique_id))
				next = c;
		if (next)
			return next;
	}
	return NULL;
}

static void terminate_children(struct ike_engine *e, const struct ike_terminate *what)
{
	uint32_t ike_id = 0, child_id = 0;
	struct ike_child *child;

	while ((child = next_child(e, what, ike_id, child_id))) {
		ike_id = child->sa->unique_id;
		child_id = child->unique_id;
		ike_version_of(child->sa)->delete_child(
			e, child, what->force, what->ticket, IKE_REASON_TERMINATED);
	}
}

static void terminate_ikes(struct ike_engine *e, const struct ike_terminate *what)
{
	struct ike_failure failure = { 0 };
	struct ike_sa *sa, *next;

	ike_failure_set(&failure, IKE_REASON_TERMINATED, NULL, NULL, "terminated");
	for (sa = first_of(e, what); sa; sa = next) {
		next = next_of(sa, what);
		if (ike_matches(sa, what))
			ike_version_of(sa)->delete_ike(e, sa, what->force, what->ticket, &failure);
	}
	ike_failure_free(&failure);
}

static bool makes(const struct ike_task *task, const char *child)
{
	return task->child && task->child->state == IKE_CHILD_CREATED &&
	       strcmp(task->child->config->name, child) == 0;
}

/* Takes the child out of what waits for the IKE SA. Returns how many there were. */
static size_t cancel_queued(struct ike_engine *e, struct ike_sa *sa, const char *child)
{
	size_t count = 0;

	for (struct ike_task **at = &sa->tasks; *at;) {
		struct ike_task *task = *at;

		if (task->kind != IKE_TASK_CREATE_CHILD || !makes(task, child)) {
			at = &task->next;
			continue;
		}
		*at = task->next;
		task->reason = IKE_REASON_TERMINATED;
		ike_task_finish(e, task, false, "terminated");
		count++;
	}
	return count;
}

static bool has_purpose(const struct ike_sa *sa, const char *child)
{
	if (sa->active && sa->active->child && !makes(sa->active, child))
		return true;
	for (const struct ike_task *task = sa->tasks; task; task = task->next)
		if (task->kind == IKE_TASK_CREATE_CHILD || task->ticket || task->ike_ticket)
			return true;
	return false;
}

/* Children that are to come up: an attempt that was for nothing else is given up. */
static size_t cancel_attempts(struct ike_engine *e, const struct ike_terminate *what)
{
	struct ike_failure failure = { 0 };
	struct ike_sa *sa, *next;
	size_t count = 0;

	ike_failure_set(&failure, IKE_REASON_TERMINATED, NULL, NULL, "terminated");
	for (sa = e->by_id; sa; sa = next) {
		next = sa->by_id.next;
		if (!ike_matches(sa, what))
			continue;
		size_t cancelled = cancel_queued(e, sa, what->child);
		bool active = sa->active && makes(sa->active, what->child);
		count += cancelled + active;
		if (sa->initiator && !sa->was_established && (cancelled || active) &&
			!has_purpose(sa, what->child))
			ike_version_of(sa)->delete_ike(e, sa, true, 0, &failure);
	}
	ike_failure_free(&failure);
	return count;
}

bool ike_engine_terminate(struct ike_engine *e, ike_time now, const struct ike_terminate *what,
	size_t *ret_count, struct why *why)
{
	e->now = now;
	if (!what->ike && !what->child && !what->ike_id && !what->child_id)
		return why_fail(why, "name what to terminate: ike, child, ike-id or child-id");
	size_t count = count_matches(e, what);
	/* What waits for another try is ended as well. */
	size_t waiting = what->ike_id || what->child_id
				 ? 0
				 : ike_supervise_terminated(e, what->ike, what->child);
	if (what->child && !what->ike_id && !what->child_id)
		waiting += cancel_attempts(e, what);
	if (ret_count)
		*ret_count = count > 0 ? count : waiting;
	if (count == 0 && waiting == 0)
		return why_fail(why, "no matching SAs to terminate found");
	if (count == 0 && ike_command_expect(e, what->ticket))
		ike_command_finish(e, what->ticket, true, NULL);
	/* Only the first can fail: the others count. */
	for (size_t i = 0; i < count; i++)
		if (!ike_command_expect(e, what->ticket))
			return why_fail(why, "out of memory");
	if (what->child || what->child_id)
		terminate_children(e, what);
	else
		terminate_ikes(e, what);
	return true;
}
