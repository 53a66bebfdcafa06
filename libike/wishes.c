/* Sites and wishes: made, found, dropped. */
#include "libike/wishes.h"

#include "libike/sa/sa_priv.h"

#include <stdlib.h>
#include <utlist.h>

struct ike_site *ike_site_find(const struct ike_engine *e, const char *name)
{
	struct ike_site *found;

	HASH_FIND(by_name, e->sites, name, strlen(name), found);
	return found;
}

static struct ike_site *site_new(struct ike_engine *e, const char *name)
{
	struct ike_site *site = calloc(1, sizeof(*site));

	if (!site)
		return NULL;
	site->name = strdup(name);
	if (site->name)
		HASH_ADD_KEYPTR(by_name, e->sites, site->name, strlen(site->name), site);
	if (site->by_name.tbl)
		return site;
	free(site->name);
	free(site);
	return NULL;
}

static void site_free(struct ike_engine *e, struct ike_site *site)
{
	while (site->wishes)
		ike_wish_remove(e, site->wishes);
	for (size_t i = 0; i < site->version_count; i++)
		ike_connection_free(site->versions[i]);
	HASH_DELETE(by_name, e->sites, site);
	free(site->versions);
	free(site->name);
	free(site);
}

struct ike_site *ike_site_add(struct ike_engine *e, struct ike_connection *c)
{
	ike_site_prune(e, c->name);
	struct ike_site *site = ike_site_find(e, c->name);
	if (!site && !(site = site_new(e, c->name)))
		return NULL;
	struct ike_connection **versions = realloc(
		site->versions, (site->version_count + 1) * sizeof(struct ike_connection *));
	if (!versions) {
		if (site->version_count == 0)
			site_free(e, site);
		return NULL;
	}
	site->versions = versions;
	versions[site->version_count++] = ike_connection_hold(c);
	return site;
}

void ike_site_prune(struct ike_engine *e, const char *name)
{
	struct ike_site *site = ike_site_find(e, name);
	const struct ike_loaded *loaded = ike_loaded_find(e, name);
	size_t kept = 0;

	if (!site)
		return;
	for (size_t i = 0; i < site->version_count; i++) {
		struct ike_connection *c = site->versions[i];

		if (c->sas || (loaded && loaded->connection == c))
			site->versions[kept++] = c;
		else
			ike_connection_free(c);
	}
	site->version_count = kept;
	if (kept == 0 && !loaded)
		site_free(e, site);
}

void ike_sites_free(struct ike_engine *e)
{
	struct ike_site *site, *next;

	HASH_ITER(by_name, e->sites, site, next)
	site_free(e, site);
}

static size_t count_sas(const struct ike_site *site, uint32_t *ret_ids)
{
	size_t count = 0;

	for (size_t i = 0; i < site->version_count; i++)
		for (const struct ike_sa *sa = site->versions[i]->sas; sa; sa = sa->next) {
			if (ret_ids)
				ret_ids[count] = sa->unique_id;
			count++;
		}
	return count;
}

/* With its last IKE SA a version goes, and maybe the site: so by numbers. */
void ike_site_visit(struct ike_engine *e, const char *name,
	void (*visit)(void *context, struct ike_sa *sa), void *context)
{
	struct ike_site *site = ike_site_find(e, name);
	size_t count = site ? count_sas(site, NULL) : 0;
	uint32_t *ids = count ? malloc(count * sizeof(*ids)) : NULL;

	if (count && !ids)
		ike_log(e, NULL, IKE_LOG_CFG, IKE_LOG_AUDIT,
			"out of memory: IKE_SAs of '%s' stay as they are", name);
	if (ids)
		count_sas(site, ids);
	for (size_t i = 0; ids && i < count; i++) {
		struct ike_sa *sa;

		HASH_FIND(by_id, e->by_id, &ids[i], sizeof(ids[i]), sa);
		if (sa)
			visit(context, sa);
	}
	free(ids);
}

struct ike_wish *ike_wish_find(const struct ike_site *site, const char *child)
{
	struct ike_wish *wish = site ? site->wishes : NULL;

	while (wish && strcmp(wish->child, child) != 0)
		wish = wish->next;
	return wish;
}

bool ike_engine_wanted(const struct ike_engine *e, const char *connection, const char *child,
	struct ike_wanted *ret)
{
	const struct ike_wish *wish = ike_wish_find(ike_site_find(e, connection), child);

	if (!wish)
		return false;
	bool there = ike_site_has_child(wish->site, child, NULL);
	*ret = (struct ike_wanted){ wish->wanted, there ? 0 : wish->failures,
		there ? IKE_NEVER : wish->timer.at };
	return true;
}

struct ike_wish *ike_wish_add(struct ike_engine *e, struct ike_site *site, const char *child)
{
	struct ike_wish *wish = ike_wish_find(site, child);

	if (wish)
		return wish;
	wish = calloc(1, sizeof(*wish));
	if (!wish)
		return NULL;
	wish->site = site;
	wish->child = strdup(child);
	if (!wish->child || !ike_timer_add(e, &wish->timer, IKE_TIMER_WISH)) {
		free(wish->child);
		free(wish);
		return NULL;
	}
	LL_APPEND(site->wishes, wish);
	return wish;
}

void ike_wish_remove(struct ike_engine *e, struct ike_wish *wish)
{
	ike_timer_remove(e, &wish->timer);
	LL_DELETE(wish->site->wishes, wish);
	free(wish->child);
	free(wish);
}

/* In charge: not one that a rekeying made or replaced, and only takes packets in; nor one for a
 * single processor (RFC 9611), beside which there has to be the one for all. */
static bool is_up(const struct ike_child *child)
{
	return child->announced && child->state < IKE_CHILD_DELETING && !child->one_processor;
}

static bool makes_child(
	const struct ike_task *task, const char *name, const struct ike_child *except)
{
	return task->child && task->child != except && task->kind != IKE_TASK_DELETE_CHILD &&
	       task->child->state == IKE_CHILD_CREATED &&
	       strcmp(task->child->config->name, name) == 0;
}

static bool is_ending(const struct ike_sa *sa)
{
	return sa->state == IKE_SA_DELETING || sa->state == IKE_SA_DESTROYING;
}

static bool sa_has_up(const struct ike_sa *sa, const char *name, const struct ike_child *except)
{
	for (const struct ike_child *child = sa->children; child && !is_ending(sa);
		child = child->next)
		if (child != except && is_up(child) && strcmp(child->config->name, name) == 0)
			return true;
	return false;
}

static bool sa_makes(const struct ike_sa *sa, const char *name, const struct ike_child *except)
{
	if (is_ending(sa))
		return false;
	if (sa->active && makes_child(sa->active, name, except))
		return true;
	for (const struct ike_task *task = sa->tasks; task; task = task->next)
		if (makes_child(task, name, except))
			return true;
	return false;
}

bool ike_site_is_up(const struct ike_site *site, const char *name, const struct ike_child *except)
{
	for (size_t i = 0; i < site->version_count; i++)
		for (const struct ike_sa *sa = site->versions[i]->sas; sa; sa = sa->next)
			if (sa_has_up(sa, name, except))
				return true;
	return false;
}

bool ike_site_has_child(
	const struct ike_site *site, const char *name, const struct ike_child *except)
{
	for (size_t i = 0; i < site->version_count; i++)
		for (const struct ike_sa *sa = site->versions[i]->sas; sa; sa = sa->next)
			if (sa_has_up(sa, name, except) || sa_makes(sa, name, except))
				return true;
	return false;
}
