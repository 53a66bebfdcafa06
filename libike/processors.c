/*
 * SAs for one processor each (RFC 9611, per_cpu_sas).
 *
 * Of the children of one definition and the same selectors the first takes the packets of all
 * processors that have none of their own. A packet of such a one raises an acquire, and a further
 * child is made beside it, which only packets of that processor leave by. Both ends number theirs
 * by themselves: what they are told of the other's number is for the log.
 */
#include "libike/processors.h"

#include "libike/supervisor.h"
#include "libike/versions.h"

/* RFC 6335: ports that nobody is assigned. */
#define PORT_FIRST 49152u

void ike_engine_processors(struct ike_engine *e, uint32_t count)
{
	e->processors = count;
}

bool ike_processors_wanted(
	const struct ike_engine *e, const struct ike_sa *sa, const struct ike_child_config *config)
{
	return config->per_cpu_sas != IKE_PER_CPU_NO && e->processors > 0 && sa->version == 2;
}

bool ike_processors_same(const struct ike_child *a, const struct ike_child *b)
{
	return a->one_processor == b->one_processor &&
	       (!a->one_processor || a->processor == b->processor);
}

static bool is_up(const struct ike_child *child)
{
	return child->state >= IKE_CHILD_INSTALLED && child->state <= IKE_CHILD_REKEYED;
}

const struct ike_child *ike_processors_common(const struct ike_sa *sa,
	const struct ike_child_config *config, const struct ike_child_selectors *selectors)
{
	for (const struct ike_child *c = sa->children; c; c = c->next)
		if (c->per_processor && !c->one_processor && is_up(c) &&
			strcmp(c->config->name, config->name) == 0 &&
			ike_child_has_selectors(c, selectors))
			return c;
	return NULL;
}

static bool is_for(const struct ike_child *child, const char *name, uint32_t processor)
{
	return child && child->one_processor && child->processor == processor &&
	       strcmp(child->config->name, name) == 0;
}

/* How many there are of it, those that we are about to make included. */
static unsigned count_for(const struct ike_sa *sa, const char *name, uint32_t processor)
{
	unsigned count = sa->active && is_for(sa->active->child, name, processor);

	for (const struct ike_task *task = sa->tasks; task; task = task->next)
		count += is_for(task->child, name, processor);
	for (const struct ike_child *c = sa->children; c; c = c->next)
		count += is_up(c) && is_for(c, name, processor);
	return count;
}

void ike_processors_assign(struct ike_engine *e, struct ike_child *child)
{
	uint32_t chosen = 0;
	unsigned fewest = UINT32_MAX;

	for (uint32_t i = 0; i < e->processors && fewest > 0; i++) {
		unsigned count = count_for(child->sa, child->config->name, i);

		if (count >= fewest)
			continue;
		fewest = count;
		chosen = i;
	}
	ike_child_set_processor(e, child, chosen);
}

void ike_child_set_processor(struct ike_engine *e, struct ike_child *child, uint32_t processor)
{
	uint16_t draw;

	child->one_processor = true;
	child->processor = processor;
	/* Without randomness it is the port of all others. */
	if (child->config->per_cpu_sas == IKE_PER_CPU_ENCAP &&
		ike_crypto_random(e->crypto, &draw, sizeof(draw)))
		child->source_port = (uint16_t)(PORT_FIRST + draw % (UINT16_MAX - PORT_FIRST + 1));
}

void ike_processors_ended(const struct ike_child *child)
{
	if (!child->one_processor || !child->announced)
		return;
	for (struct ike_child *c = child->sa->children; c; c = c->next)
		c->enough = false;
}

/* ---- Acquires ---- */

static bool carries(const struct ike_sa *sa)
{
	return sa->state == IKE_SA_ESTABLISHED || sa->state == IKE_SA_REKEYING;
}

/* The newest that takes packets of all. */
static struct ike_child *find_common(const struct ike_site *site, const char *name)
{
	struct ike_child *found = NULL;

	for (size_t i = 0; i < site->version_count; i++)
		for (struct ike_sa *sa = site->versions[i]->sas; sa; sa = sa->next)
			for (struct ike_child *c = carries(sa) ? sa->children : NULL; c;
				c = c->next)
				if (!c->one_processor && is_up(c) &&
					strcmp(c->config->name, name) == 0 &&
					(!found || c->unique_id > found->unique_id))
					found = c;
	return found;
}

static bool has_own(const struct ike_site *site, const char *name, uint32_t processor)
{
	for (size_t i = 0; i < site->version_count; i++)
		for (const struct ike_sa *sa = site->versions[i]->sas; sa; sa = sa->next)
			if (carries(sa) && count_for(sa, name, processor) > 0)
				return true;
	return false;
}

bool ike_processors_acquire(
	struct ike_engine *e, const struct ike_trap *trap, const struct ike_acquire *acquire)
{
	const struct ike_site *site = ike_site_find(e, trap->connection->name);
	const char *name = trap->config->name;
	struct ike_child *common = acquire->one_processor && site ? find_common(site, name) : NULL;

	if (!common)
		return false;
	if (!common->per_processor || common->enough || has_own(site, name, acquire->processor))
		return true;
	ike_log(e, common->sa, IKE_LOG_KNL, IKE_LOG_INFO,
		"a packet of CPU %u wants CHILD_SA '%s' (reqid %u)", acquire->processor, name,
		trap->reqid);
	if (!ike_initiate_for_processor(e, common->sa, trap->config, acquire->processor))
		ike_log(e, common->sa, IKE_LOG_IKE, IKE_LOG_INFO, "acquire: out of memory");
	return true;
}
