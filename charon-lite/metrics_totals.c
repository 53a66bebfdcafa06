/*
 * What connections and their children have, by name: states of SAs, and what SAs carried, those
 * that are gone included. The kernel's counters end with each SA; these do not, so that a rate
 * across a rekeying is right.
 *
 * What an SA carried is asked when it goes, or comes with the kernel's word that it ended. Should
 * it be lost in spite of that (somebody else emptied the kernel's table), what was told last stays.
 */
#define HASH_NONFATAL_OOM 1 /* before uthash.h */
#include "charon-lite/metrics_priv.h"
#include "charon-lite/usage.h"

#include <stdlib.h>
#include <string.h>

#define AGE_MAX IKE_SECONDS(1)

struct cl_totals {
	struct cl_daemon *daemon;
	struct cl_connection_total *connections; /* uthash: iterates in the order of adding */
	struct cl_kernel_use expired;            /* the last that the kernel ended; spi 0: none */
	ike_time looked_at;                      /* IKE_NEVER: not yet */
};

struct cl_totals *cl_totals_new(struct cl_daemon *d)
{
	struct cl_totals *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->daemon = d;
	t->looked_at = IKE_NEVER;
	return t;
}

static void connection_free(struct cl_totals *t, struct cl_connection_total *c)
{
	struct cl_child_total *child;

	HASH_DELETE(by_name, t->connections, c);
	while ((child = c->children)) {
		c->children = child->next;
		free(child);
	}
	free(c);
}

void cl_totals_free(struct cl_totals *t)
{
	struct cl_connection_total *c, *next;

	if (!t)
		return;
	HASH_ITER(by_name, t->connections, c, next)
	connection_free(t, c);
	free(t);
}

/* NULL when memory ran out. */
static struct cl_connection_total *connection_total(struct cl_totals *t, const char *name)
{
	size_t length = strlen(name);
	struct cl_connection_total *c;

	HASH_FIND(by_name, t->connections, name, length, c);
	if (c)
		return c;
	c = calloc(1, sizeof(*c) + length + 1);
	if (!c)
		return NULL;
	memcpy(c->name, name, length + 1);
	HASH_ADD_KEYPTR(by_name, t->connections, c->name, length, c);
	if (c->by_name.tbl)
		return c;
	free(c);
	return NULL;
}

static struct cl_child_total *child_total(struct cl_connection_total *c, const char *name)
{
	struct cl_child_total **at = &c->children;
	size_t length = strlen(name);

	while (*at && strcmp((*at)->name, name) != 0)
		at = &(*at)->next;
	if (*at)
		return *at;
	*at = calloc(1, sizeof(**at) + length + 1);
	if (*at)
		memcpy((*at)->name, name, length + 1);
	return *at;
}

static struct cl_connection_total *total_of_sa(struct cl_totals *t, const struct ike_sa *sa)
{
	return connection_total(t, sa->connection ? sa->connection->name : "");
}

/* ---- SAs that go ---- */

static bool is_expired(const struct cl_totals *t, const struct ike_kernel_id *id)
{
	return t->expired.spi != 0 && t->expired.spi == id->spi &&
	       t->expired.protocol == id->protocol &&
	       address_same_host(&t->expired.destination, &id->destination);
}

static void sa_goes(struct cl_totals *t, const struct ike_child *child, enum cl_direction direction)
{
	const struct ike_kernel_id id = ike_child_kernel_id(child, direction == CL_IN);
	struct cl_connection_total *c = total_of_sa(t, child->sa);
	struct cl_child_total *total = c ? child_total(c, child->config->name) : NULL;
	struct ike_kernel_usage usage;

	if (!total)
		return;
	if (is_expired(t, &id))
		usage = t->expired.usage;
	else if (!cl_host_query(t->daemon, &id, &usage))
		return;
	total->gone[direction].bytes += usage.bytes;
	total->gone[direction].packets += usage.packets;
}

void cl_totals_event(struct cl_totals *t, const struct ike_event *event)
{
	if (event->kind == IKE_EVENT_CHILD_SA_GOES)
		sa_goes(t, event->child, event->inbound ? CL_IN : CL_OUT);
}

void cl_totals_expired(struct cl_totals *t, const struct cl_kernel_use *carried)
{
	t->expired = *carried;
}

/* ---- All SAs ---- */

static void clear(struct cl_totals *t)
{
	for (struct cl_connection_total *c = t->connections; c; c = c->by_name.next) {
		c->loaded = false;
		memset(c->sas, 0, sizeof(c->sas));
		for (struct cl_child_total *child = c->children; child; child = child->next) {
			child->defined = child->wanted = false;
			memset(child->sas, 0, sizeof(child->sas));
			memset(child->live, 0, sizeof(child->live));
		}
	}
}

static void look_at_definitions(struct cl_totals *t)
{
	const struct ike_engine *e = t->daemon->engine;
	const struct ike_connection *connection;

	for (size_t i = 0; (connection = ike_engine_connection(e, i)); i++) {
		struct cl_connection_total *c = connection_total(t, connection->name);

		if (!c)
			return;
		c->loaded = true;
		for (size_t j = 0; j < connection->child_count; j++) {
			const struct ike_child_config *config = connection->children[j];
			struct cl_child_total *child;
			struct ike_wanted wanted;

			if (config->mode == IKE_MODE_PASS || config->mode == IKE_MODE_DROP ||
				!(child = child_total(c, config->name)))
				continue;
			child->defined = true;
			child->wanted =
				ike_engine_wanted(e, connection->name, config->name, &wanted) &&
				(wanted.actions & IKE_ACTION_START);
		}
	}
}

static void add_live(
	struct cl_totals *t, const struct ike_child *child, struct cl_traffic *live, bool inbound)
{
	const struct ike_kernel_id id = ike_child_kernel_id(child, inbound);
	struct ike_kernel_usage usage;

	if (!(inbound ? child->installed_in : child->installed_out) ||
		!cl_usages_find(t->daemon->usages, &id, &usage))
		return;
	live->bytes += usage.bytes;
	live->packets += usage.packets;
}

static void look_at_sas(struct cl_totals *t)
{
	const struct ike_engine *e = t->daemon->engine;
	const struct ike_sa *sa;

	for (sa = ike_engine_sa_next(e, NULL); sa; sa = ike_engine_sa_next(e, sa)) {
		struct cl_connection_total *c = total_of_sa(t, sa);

		if (!c)
			continue;
		c->sas[sa->state]++;
		for (const struct ike_child *child = sa->children; child; child = child->next) {
			struct cl_child_total *total = child_total(c, child->config->name);

			if (!total)
				continue;
			total->sas[child->state]++;
			add_live(t, child, &total->live[CL_IN], true);
			add_live(t, child, &total->live[CL_OUT], false);
		}
	}
}

static void show(uint64_t *gone, uint64_t live, uint64_t *shown)
{
	if (*gone + live < *shown)
		*gone = *shown - live;
	*shown = *gone + live;
}

static bool is_used(const uint32_t *sas, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (sas[i] > 0)
			return true;
	return false;
}

static void show_children(struct cl_connection_total *c, bool keep)
{
	for (struct cl_child_total **at = &c->children; *at;) {
		struct cl_child_total *child = *at;

		if (!keep && !child->defined && !is_used(child->sas, CL_METRIC_CHILD_STATES)) {
			*at = child->next;
			free(child);
			continue;
		}
		for (size_t i = 0; i < CL_DIRECTIONS; i++) {
			show(&child->gone[i].bytes, child->live[i].bytes, &child->shown[i].bytes);
			show(&child->gone[i].packets, child->live[i].packets,
				&child->shown[i].packets);
		}
		at = &child->next;
	}
}

void cl_totals_look(struct cl_totals *t, bool keep)
{
	const ike_time now = cl_daemon_now();
	struct cl_connection_total *c, *next;

	if (t->looked_at != IKE_NEVER && now - t->looked_at <= AGE_MAX)
		return;
	/* Without the kernel's word what was told last stays: show(). */
	(void)!cl_usages_refresh(t->daemon->usages, now, 0);
	t->looked_at = now;
	clear(t);
	look_at_definitions(t);
	look_at_sas(t);
	HASH_ITER(by_name, t->connections, c, next)
	{
		show_children(c, keep);
		if (!keep && !c->loaded && !c->children && !is_used(c->sas, CL_METRIC_IKE_STATES))
			connection_free(t, c);
	}
}

const struct cl_connection_total *cl_totals_next(
	const struct cl_totals *t, const struct cl_connection_total *after)
{
	return after ? after->by_name.next : t->connections;
}
