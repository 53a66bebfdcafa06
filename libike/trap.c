/*
 * Trap and shunt policies: installed by `start_action = trap`, by mode pass or drop, and by the
 * install command. A packet that meets a trap raises an acquire, which starts the child.
 */
#include "libike/processors.h"
#include "libike/supervisor.h"
#include "libike/versions.h"

#include <stdlib.h>
#include <utlist.h>

/* Traps that share a reqid. */
struct ike_trap_reqid {
	UT_hash_handle hh;
	uint32_t reqid;
	struct ike_trap *traps; /* the oldest first */
};

/* ---- Finding them ---- */

const struct ike_trap *ike_engine_trap(const struct ike_engine *e, size_t index)
{
	const struct ike_trap *trap = e->traps;

	while (trap && index-- > 0)
		trap = trap->next;
	return trap;
}

const struct ike_trap *ike_engine_trap_after(const struct ike_engine *e, uint32_t number)
{
	const struct ike_trap *trap = NULL;

	if (number)
		HASH_FIND(by_number, e->traps_by_number, &number, sizeof(number), trap);
	if (trap)
		return trap->next;
	for (trap = e->traps; trap && trap->number <= number;)
		trap = trap->next;
	return trap;
}

/* Those of a name belong to the version that is loaded. */
struct ike_trap *ike_trap_find(const struct ike_engine *e, const char *ike, const char *child)
{
	struct ike_trap *trap;

	if (ike) {
		const struct ike_loaded *loaded = ike_loaded_find(e, ike);

		for (trap = loaded ? loaded->connection->traps : NULL; trap; trap = trap->mate_next)
			if (strcmp(trap->config->name, child) == 0)
				return trap;
		return NULL;
	}
	for (trap = e->traps; trap; trap = trap->next)
		if (strcmp(trap->config->name, child) == 0)
			return trap;
	return NULL;
}

static struct ike_trap_reqid *reqid_find(const struct ike_engine *e, uint32_t reqid)
{
	struct ike_trap_reqid *found;

	HASH_FIND(hh, e->traps_by_reqid, &reqid, sizeof(reqid), found);
	return found;
}

static bool reqid_link(struct ike_engine *e, struct ike_trap *trap)
{
	struct ike_trap_reqid *same = reqid_find(e, trap->reqid);

	if (!same) {
		if (!(same = calloc(1, sizeof(*same))))
			return false;
		same->reqid = trap->reqid;
		HASH_ADD(hh, e->traps_by_reqid, reqid, sizeof(same->reqid), same);
		if (!same->hh.tbl) {
			free(same);
			return false;
		}
	}
	DL_APPEND2(same->traps, trap, reqid_prev, reqid_next);
	return true;
}

static void reqid_unlink(struct ike_engine *e, struct ike_trap *trap)
{
	struct ike_trap_reqid *same = reqid_find(e, trap->reqid);

	DL_DELETE2(same->traps, trap, reqid_prev, reqid_next);
	if (same->traps)
		return;
	HASH_DELETE(hh, e->traps_by_reqid, same);
	free(same);
}

static bool link_trap(struct ike_engine *e, struct ike_trap *trap, struct why *why)
{
	trap->number = ++e->last_trap;
	if (!reqid_link(e, trap))
		return why_fail(why, "out of memory");
	HASH_ADD(by_number, e->traps_by_number, number, sizeof(trap->number), trap);
	if (!trap->by_number.tbl) {
		reqid_unlink(e, trap);
		return why_fail(why, "out of memory");
	}
	DL_APPEND(e->traps, trap);
	DL_APPEND2(trap->connection->traps, trap, mate_prev, mate_next);
	return true;
}

static void unlink_trap(struct ike_engine *e, struct ike_trap *trap)
{
	reqid_unlink(e, trap);
	HASH_DELETE(by_number, e->traps_by_number, trap);
	DL_DELETE(e->traps, trap);
	DL_DELETE2(trap->connection->traps, trap, mate_prev, mate_next);
}

/* ---- Making them ---- */

static void trap_free(struct ike_engine *e, struct ike_trap *trap)
{
	ike_reqid_release(e, trap->shared_reqid);
	ike_connection_free(trap->connection);
	free((void *)trap->policies.local_selectors);
	free(trap);
}

static bool is_shunt(const struct ike_child_config *config)
{
	return config->mode == IKE_MODE_PASS || config->mode == IKE_MODE_DROP;
}

/* Whom the trap's tunnel would go between; unknown peers are fine for shunts only. */
static bool resolve_endpoints(
	struct ike_engine *e, const struct ike_connection *c, struct ike_kernel_policies *p)
{
	struct address list[16];
	size_t count = ike_endpoints_addresses(&c->local_addrs, list, 16);

	(void)ike_endpoints_addresses(&c->remote_addrs, &p->remote, 1);
	for (size_t i = 0; i < count && p->local.family == 0; i++)
		if (p->remote.family == 0 || list[i].family == p->remote.family)
			p->local = list[i];
	if (p->local.family == 0 && p->remote.family != 0)
		return e->host.source_address(e->host.context, &p->remote, &p->local);
	return p->remote.family != 0;
}

static size_t resolve_list(const struct ike_selector *from, size_t count,
	const struct address *host, struct ike_selector *ret)
{
	size_t used = 0;

	for (size_t i = 0; i < count; i++)
		if (!from[i].group && (!from[i].dynamic || host->family != 0))
			ret[used++] = ike_selector_resolve(&from[i], host);
	return used;
}

static bool fill_selectors(struct ike_trap *trap, struct why *why)
{
	const struct ike_child_config *config = trap->config;
	struct ike_kernel_policies *p = &trap->policies;
	struct ike_selector *list =
		calloc((size_t)config->local_ts_count + config->remote_ts_count, sizeof(*list));

	if (!list)
		return why_fail(why, "out of memory");
	p->local_selectors = list;
	p->local_count =
		(uint8_t)resolve_list(config->local_ts, config->local_ts_count, &p->local, list);
	p->remote_selectors = list + p->local_count;
	p->remote_count = (uint8_t)resolve_list(
		config->remote_ts, config->remote_ts_count, &p->remote, list + p->local_count);
	if (p->local_count > 0 && p->remote_count > 0)
		return true;
	return why_fail(why, "'%s' has no selectors that are known before there is an IKE SA",
		config->name);
}

static bool fill_reqid(struct ike_engine *e, struct ike_trap *trap, struct why *why)
{
	const struct ike_kernel_policies *p = &trap->policies;
	struct ike_reqid_key key = {
		.local = p->local_selectors,
		.remote = p->remote_selectors,
		.local_count = p->local_count,
		.remote_count = p->remote_count,
		.mark_in = p->mark_in,
		.mark_out = p->mark_out,
		.if_id_in = p->if_id_in,
		.if_id_out = p->if_id_out,
	};

	trap->reqid = trap->config->reqid;
	if (!trap->reqid) {
		trap->shared_reqid = ike_reqid_hold(e, &key);
		if (!trap->shared_reqid)
			return why_fail(why, "out of memory");
		trap->reqid = ike_reqid_number(trap->shared_reqid);
	}
	trap->policies.reqid = trap->reqid;
	return true;
}

static bool fill(struct ike_engine *e, struct ike_trap *trap, struct why *why)
{
	const struct ike_child_config *config = trap->config;
	const struct ike_connection *c = trap->connection;
	struct ike_kernel_policies *p = &trap->policies;

	p->kind = is_shunt(config) ? IKE_POLICY_SHUNT : IKE_POLICY_TRAP;
	p->mode = config->mode;
	p->protocol = config->proposals.count > 0 ? config->proposals.items[0].protocol
						  : IKE_PROTOCOL_ESP;
	p->no_fwd_out = !config->policies_fwd_out;
	p->for_each_processor =
		config->per_cpu_sas != IKE_PER_CPU_NO && e->processors > 0 && c->version != 1;
	p->priority = config->priority;
	p->without_routes = config->tunnel_interface != NULL;
	p->mark_in = config->mark_in;
	p->mark_out = config->mark_out;
	ike_draw_marks(e, &p->mark_in, &p->mark_out);
	p->if_id_in = config->if_id_in ? config->if_id_in : c->if_id_in;
	p->if_id_out = config->if_id_out ? config->if_id_out : c->if_id_out;
	ike_draw_if_ids(e, &p->if_id_in, &p->if_id_out);
	p->interface = config->interface;
	if (!resolve_endpoints(e, c, p) && !is_shunt(config))
		return why_fail(why, "installing trap failed, remote address unknown");
	return fill_selectors(trap, why) && fill_reqid(e, trap, why);
}

static bool install(struct ike_engine *e, struct ike_connection *c,
	const struct ike_child_config *config, struct why *why)
{
	struct ike_trap *trap = calloc(1, sizeof(*trap));

	if (!trap)
		return why_fail(why, "out of memory");
	trap->connection = ike_connection_hold(c);
	trap->config = config;
	if (!fill(e, trap, why) || !link_trap(e, trap, why)) {
		trap_free(e, trap);
		return false;
	}
	if (!e->host.policies_install(e->host.context, &trap->policies, why)) {
		unlink_trap(e, trap);
		trap_free(e, trap);
		return false;
	}
	ike_log(e, NULL, IKE_LOG_CFG, IKE_LOG_INFO, "installed %s policies of '%s'",
		is_shunt(config) ? "shunt" : "trap", config->name);
	return true;
}

bool ike_trap_install(struct ike_engine *e, struct ike_connection *c,
	const struct ike_child_config *config, struct why *why)
{
	if (ike_trap_find(e, c->name, config->name))
		return why_fail(why, "CHILD_SA '%s' is installed already", config->name);
	return install(e, c, config, why);
}

void ike_trap_take_over(
	struct ike_trap *trap, struct ike_connection *c, const struct ike_child_config *config)
{
	struct ike_connection *old = trap->connection;

	DL_DELETE2(old->traps, trap, mate_prev, mate_next);
	trap->connection = ike_connection_hold(c);
	DL_APPEND2(c->traps, trap, mate_prev, mate_next);
	trap->config = config;
	trap->policies.interface = config->interface;
	ike_connection_free(old);
}

void ike_trap_replace(struct ike_engine *e, struct ike_trap *trap, struct ike_connection *c,
	const struct ike_child_config *config)
{
	struct why why;

	if (!install(e, c, config, &why))
		ike_log(e, NULL, IKE_LOG_CFG, IKE_LOG_AUDIT, "policies of '%s': %s", config->name,
			why.text);
	ike_trap_remove(e, trap);
}

void ike_trap_remove(struct ike_engine *e, struct ike_trap *trap)
{
	unlink_trap(e, trap);
	e->host.policies_remove(e->host.context, &trap->policies);
	ike_log(e, NULL, IKE_LOG_CFG, IKE_LOG_INFO, "uninstalled policies of '%s'",
		trap->config->name);
	trap_free(e, trap);
}

void ike_traps_free(struct ike_engine *e)
{
	while (e->traps) {
		struct ike_trap *trap = e->traps;

		unlink_trap(e, trap);
		trap_free(e, trap);
	}
}

bool ike_engine_install(
	struct ike_engine *e, ike_time now, const char *ike, const char *child, struct why *why)
{
	const struct ike_child_config *config;
	struct ike_connection *c;

	e->now = now;
	c = ike_loaded_child(e, ike, child, &config, why);
	if (!c)
		return why_fail(why, "configuration name not found");
	return ike_trap_install(e, c, config, why);
}

bool ike_engine_uninstall(
	struct ike_engine *e, ike_time now, const char *ike, const char *child, struct why *why)
{
	struct ike_trap *trap = ike_trap_find(e, ike, child);

	e->now = now;
	if (!trap)
		return why_fail(why, "policy '%s' not found", child);
	ike_supervise_uninstalled(e, trap->connection->name, child);
	ike_trap_remove(e, trap);
	return true;
}

/* A child of that definition that is up or on its way: the packet will find it. */
static bool is_made_by(
	const struct ike_task *task, enum ike_task_kind kind, const struct ike_child_config *config)
{
	return task->child && task->kind == kind &&
	       strcmp(task->child->config->name, config->name) == 0;
}

static bool makes(const struct ike_sa *sa, const struct ike_child_config *config)
{
	if (sa->state == IKE_SA_DELETING)
		return false;
	for (const struct ike_task *task = sa->tasks; task; task = task->next)
		if (is_made_by(task, IKE_TASK_CREATE_CHILD, config))
			return true;
	return sa->active && (is_made_by(sa->active, IKE_TASK_CREATE_CHILD, config) ||
				     is_made_by(sa->active, IKE_TASK_AUTH, config));
}

/* Under this version of the definition or an older one. */
static bool is_underway(const struct ike_engine *e, const struct ike_trap *trap)
{
	const struct ike_site *site = ike_site_find(e, trap->connection->name);

	for (size_t i = 0; site && i < site->version_count; i++)
		for (const struct ike_sa *sa = site->versions[i]->sas; sa; sa = sa->next)
			if (makes(sa, trap->config))
				return true;
	return false;
}

void ike_engine_acquire(struct ike_engine *e, ike_time now, const struct ike_acquire *acquire)
{
	const struct ike_trap_reqid *same = reqid_find(e, acquire->reqid);
	struct ike_initiate what = { 0 };
	struct why why;

	e->now = now;
	for (struct ike_trap *trap = same ? same->traps : NULL; trap; trap = trap->reqid_next) {
		if (trap->policies.kind != IKE_POLICY_TRAP)
			continue;
		if (ike_processors_acquire(e, trap, acquire))
			return;
		if (is_underway(e, trap))
			continue;
		ike_log(e, NULL, IKE_LOG_KNL, IKE_LOG_INFO,
			"a packet wants CHILD_SA '%s' (reqid %u)", trap->config->name, trap->reqid);
		if (!ike_initiate(e, trap->connection, trap->config, &what, NULL, &why))
			ike_log(e, NULL, IKE_LOG_IKE, IKE_LOG_INFO, "acquire: %s", why.text);
		return;
	}
}
