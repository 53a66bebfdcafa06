/*
 * What connections and their children have, by name: states of SAs, and what SAs carried, those
 * that are gone included. The kernel's counters end with each SA; these do not, so that a rate
 * across a rekeying is right.
 *
 * A look at all SAs goes on step by step, between which anything may happen. What was carried stays
 * right in spite of that, as of each child SA only what is new is added, at a look and when it
 * goes. Should the kernel's counter be lost (somebody else emptied its table), what was told last
 * stays. States are counted anew, aside, and told when the look is complete.
 */
#define HASH_NONFATAL_OOM 1 /* before uthash.h */
#include "charon-lite/metrics_priv.h"
#include "charon-lite/usage.h"

#include <stdlib.h>
#include <string.h>

#define AGE_MAX IKE_SECONDS(1)
/* In one step, which is a turn of the loop: about half a millisecond. */
#define CHILDREN_A_STEP 400u
#define TOTALS_A_STEP 1000u

enum phase { RESTING, KERNEL, DEFINITIONS, SAS, TELLING, FORGETTING };

struct cl_totals {
	struct cl_daemon *daemon;
	struct cl_connection_total *connections; /* uthash: iterates in the order of adding */
	struct cl_carried *carried;
	struct cl_kernel_use expired; /* the last that the kernel ended; spi 0: none */
	ike_time looked_at;           /* the last look began; IKE_NEVER: there was none */
	uint32_t look;                /* its number */
	/* Where it is. */
	enum phase phase;
	size_t index;                      /* of the next connection */
	struct cl_connection_total *total; /* the next to be told */
	uint32_t last;                     /* unique id of the IKE SA that was seen last */
	uint64_t tasks, told_tasks;        /* of all IKE SAs */
};

struct cl_totals *cl_totals_new(struct cl_daemon *d)
{
	struct cl_totals *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->daemon = d;
	t->looked_at = IKE_NEVER;
	t->carried = cl_carried_new();
	if (!t->carried) {
		free(t);
		return NULL;
	}
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
	cl_carried_free(t->carried);
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

static void add(struct cl_totals *t, uint32_t child, enum cl_direction direction,
	const struct ike_kernel_usage *usage, struct cl_child_total *total)
{
	const struct cl_traffic new = cl_carried_add(t->carried, child, direction, usage);

	total->carried[direction].bytes += new.bytes;
	total->carried[direction].packets += new.packets;
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
	add(t, child->unique_id, direction, &usage, total);
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

/* ---- All definitions ---- */

static void see_definition(struct cl_totals *t, struct cl_connection_total *c,
	const struct ike_connection *connection, const struct ike_child_config *config)
{
	struct cl_child_total *child;
	struct ike_wanted wanted;

	if (config->mode == IKE_MODE_PASS || config->mode == IKE_MODE_DROP ||
		!(child = child_total(c, config->name)))
		return;
	child->seen.defined = true;
	child->seen.wanted =
		ike_engine_wanted(t->daemon->engine, connection->name, config->name, &wanted) &&
		(wanted.actions & IKE_ACTION_START);
}

/* Others may be passed over when one goes in the meantime: tell() is right in spite of that. */
static void look_at_definitions(struct cl_totals *t)
{
	const struct ike_connection *connection =
		ike_engine_connection(t->daemon->engine, t->index);
	size_t count = 0;

	for (; connection && count < CHILDREN_A_STEP;
		connection = ike_engine_connection(t->daemon->engine, t->index)) {
		struct cl_connection_total *c = connection_total(t, connection->name);

		if (!c) {
			connection = NULL;
			break;
		}
		c->seen.loaded = true;
		for (size_t i = 0; i < connection->child_count; i++)
			see_definition(t, c, connection, connection->children[i]);
		count += 1 + connection->child_count;
		t->index++;
	}
	if (!connection)
		t->phase = SAS;
}

/* ---- All SAs ---- */

static void see_usage(struct cl_totals *t, const struct ike_child *child,
	struct cl_child_total *total, enum cl_direction direction)
{
	const struct ike_kernel_id id = ike_child_kernel_id(child, direction == CL_IN);
	struct ike_kernel_usage usage;

	if ((direction == CL_IN ? child->installed_in : child->installed_out) &&
		cl_usages_find(t->daemon->usages, &id, &usage))
		add(t, child->unique_id, direction, &usage, total);
}

static void see_child(
	struct cl_totals *t, struct cl_connection_total *c, const struct ike_child *child)
{
	struct cl_child_total *total = child_total(c, child->config->name);

	if (!total || !cl_carried_see(t->carried, child->unique_id, t->look))
		return;
	total->seen.sas[child->state]++;
	see_usage(t, child, total, CL_IN);
	see_usage(t, child, total, CL_OUT);
}

static void look_at_sas(struct cl_totals *t)
{
	const struct ike_sa *sa = cl_sa_after(t->daemon->engine, t->last);
	size_t count = 0;

	for (; sa && count < CHILDREN_A_STEP; sa = ike_engine_sa_next(t->daemon->engine, sa)) {
		struct cl_connection_total *c = total_of_sa(t, sa);

		t->last = sa->unique_id;
		t->tasks += ike_engine_sa_tasks(sa);
		count++;
		if (!c)
			continue;
		c->seen.sas[sa->state]++;
		for (const struct ike_child *child = sa->children; child; child = child->next) {
			see_child(t, c, child);
			count++;
		}
	}
	if (sa)
		return;
	t->phase = TELLING;
	t->total = t->connections;
	t->told_tasks = t->tasks;
}

/* ---- What is told of it ---- */

static bool is_used(const uint32_t *sas, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (sas[i] > 0)
			return true;
	return false;
}

/* Nothing stays of what is neither defined nor there. */
static void tell_children(struct cl_connection_total *c, bool keep)
{
	for (struct cl_child_total **at = &c->children; *at;) {
		struct cl_child_total *child = *at;

		child->told = child->seen;
		child->seen = (struct cl_child_counts){ 0 };
		child->hidden =
			!child->told.defined && !is_used(child->told.sas, CL_METRIC_CHILD_STATES);
		if (child->hidden && !keep) {
			*at = child->next;
			free(child);
		} else {
			at = &child->next;
		}
	}
}

/* Of a connection that is loaded, but was passed over. */
static void keep_definitions(struct cl_connection_total *c)
{
	c->seen.loaded = true;
	for (struct cl_child_total *child = c->children; child; child = child->next) {
		child->seen.defined = child->told.defined;
		child->seen.wanted = child->told.wanted;
	}
}

static bool has_children(const struct cl_connection_total *c)
{
	const struct cl_child_total *child = c->children;

	while (child && child->hidden)
		child = child->next;
	return child;
}

static void tell(struct cl_totals *t, bool keep)
{
	struct cl_connection_total *next;

	for (unsigned n = 0; t->total && n < TOTALS_A_STEP; n++, t->total = next) {
		struct cl_connection_total *c = t->total;

		next = c->by_name.next;
		if (!c->seen.loaded && ike_engine_has_connection(t->daemon->engine, c->name))
			keep_definitions(c);
		tell_children(c, keep);
		c->told = c->seen;
		c->seen = (struct cl_connection_counts){ 0 };
		c->hidden = !c->told.loaded && !has_children(c) &&
			    !is_used(c->told.sas, CL_METRIC_IKE_STATES);
		if (c->hidden && !keep)
			connection_free(t, c);
	}
	if (!t->total)
		t->phase = FORGETTING;
}

/* ---- The look ---- */

bool cl_totals_look(struct cl_totals *t)
{
	const ike_time now = cl_daemon_now();

	if (t->phase != RESTING)
		return true;
	if (t->looked_at != IKE_NEVER && now - t->looked_at <= AGE_MAX)
		return false;
	t->looked_at = now;
	t->look++;
	/* Without the kernel's word what was told last stays. */
	t->phase = cl_usages_begin(t->daemon->usages, now) ? KERNEL : DEFINITIONS;
	t->index = 0;
	t->last = 0;
	t->tasks = 0;
	return true;
}

bool cl_totals_step(struct cl_totals *t, bool keep)
{
	switch (t->phase) {
	case RESTING:
		break;
	case KERNEL:
		if (!cl_usages_step(t->daemon->usages))
			t->phase = DEFINITIONS;
		break;
	case DEFINITIONS:
		look_at_definitions(t);
		break;
	case SAS:
		look_at_sas(t);
		break;
	case TELLING:
		tell(t, keep);
		break;
	case FORGETTING:
		if (!cl_carried_forget(t->carried, t->look, CHILDREN_A_STEP))
			t->phase = RESTING;
		break;
	}
	return t->phase != RESTING;
}

uint64_t cl_totals_tasks(const struct cl_totals *t)
{
	return t->told_tasks;
}

const struct cl_connection_total *cl_totals_next(
	const struct cl_totals *t, const struct cl_connection_total *after)
{
	const struct cl_connection_total *next = after ? after->by_name.next : t->connections;

	while (next && next->hidden)
		next = next->by_name.next;
	return next;
}
