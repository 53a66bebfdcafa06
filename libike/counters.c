/* strongSwan's message counters, global and per connection, and what is counted besides. */
#include "libike/engine_priv.h"

#include <stdlib.h>

struct ike_counters {
	UT_hash_handle by_name;
	char *name; /* "" for the global ones */
	uint64_t values[IKE_COUNTERS];
	uint64_t tallies[IKE_TALLIES_OF_CONNECTIONS];
	uint32_t *failures; /* heap: IKE_REASONS; NULL until the first */
};

static const char *const counter_names[IKE_COUNTERS] = {
	[IKE_COUNTER_IKE_REKEY_INIT] = "ike-rekey-init",
	[IKE_COUNTER_IKE_REKEY_RESP] = "ike-rekey-resp",
	[IKE_COUNTER_CHILD_REKEY] = "child-rekey",
	[IKE_COUNTER_INVALID] = "invalid",
	[IKE_COUNTER_INVALID_SPI] = "invalid-spi",
	[IKE_COUNTER_IKE_INIT_IN_REQ] = "ike-init-in-req",
	[IKE_COUNTER_IKE_INIT_IN_RESP] = "ike-init-in-resp",
	[IKE_COUNTER_IKE_INIT_OUT_REQ] = "ike-init-out-req",
	[IKE_COUNTER_IKE_INIT_OUT_RESP] = "ike-init-out-resp",
	[IKE_COUNTER_IKE_AUTH_IN_REQ] = "ike-auth-in-req",
	[IKE_COUNTER_IKE_AUTH_IN_RESP] = "ike-auth-in-resp",
	[IKE_COUNTER_IKE_AUTH_OUT_REQ] = "ike-auth-out-req",
	[IKE_COUNTER_IKE_AUTH_OUT_RESP] = "ike-auth-out-resp",
	[IKE_COUNTER_CREATE_CHILD_IN_REQ] = "create-child-in-req",
	[IKE_COUNTER_CREATE_CHILD_IN_RESP] = "create-child-in-resp",
	[IKE_COUNTER_CREATE_CHILD_OUT_REQ] = "create-child-out-req",
	[IKE_COUNTER_CREATE_CHILD_OUT_RESP] = "create-child-out-resp",
	[IKE_COUNTER_INFO_IN_REQ] = "info-in-req",
	[IKE_COUNTER_INFO_IN_RESP] = "info-in-resp",
	[IKE_COUNTER_INFO_OUT_REQ] = "info-out-req",
	[IKE_COUNTER_INFO_OUT_RESP] = "info-out-resp",
};

const char *ike_counter_name(enum ike_counter counter)
{
	return counter_names[counter];
}

static struct ike_counters *counters_of(struct ike_engine *e, const char *name, bool make)
{
	struct ike_counters *c;

	HASH_FIND(by_name, e->counters, name, strlen(name), c);
	if (c || !make)
		return c;
	c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	c->name = strdup(name);
	if (!c->name) {
		free(c);
		return NULL;
	}
	HASH_ADD_KEYPTR(by_name, e->counters, c->name, strlen(c->name), c);
	if (c->by_name.tbl)
		return c;
	free(c->name);
	free(c);
	return NULL;
}

void ike_count(struct ike_engine *e, const struct ike_sa *sa, enum ike_counter counter)
{
	struct ike_counters *all = counters_of(e, "", true);
	struct ike_counters *own =
		sa && sa->connection ? counters_of(e, sa->connection->name, true) : NULL;

	if (all)
		all->values[counter]++;
	if (own)
		own->values[counter]++;
}

void ike_count_message(struct ike_engine *e, const struct ike_sa *sa, uint8_t exchange,
	bool inbound, bool response)
{
	static const enum ike_counter first[] = { IKE_COUNTER_IKE_INIT_IN_REQ,
		IKE_COUNTER_IKE_AUTH_IN_REQ, IKE_COUNTER_CREATE_CHILD_IN_REQ,
		IKE_COUNTER_INFO_IN_REQ };

	if (exchange < IKE_EXCHANGE_SA_INIT || exchange > IKE_EXCHANGE_INFORMATIONAL)
		return;
	ike_count(e, sa,
		first[exchange - IKE_EXCHANGE_SA_INIT] + (inbound ? 0 : 2) + (response ? 1 : 0));
}

const uint64_t *ike_engine_counters(const struct ike_engine *e, const char *connection)
{
	static const uint64_t none[IKE_COUNTERS];
	struct ike_counters *c =
		counters_of((struct ike_engine *)e, connection ? connection : "", false);

	if (c)
		return c->values;
	return connection ? NULL : none;
}

const char *ike_engine_counters_name(const struct ike_engine *e, size_t index)
{
	for (struct ike_counters *c = e->counters; c; c = c->by_name.next)
		if (c->name[0] && index-- == 0)
			return c->name;
	return NULL;
}

bool ike_engine_counters_reset(struct ike_engine *e, const char *connection)
{
	struct ike_counters *c = counters_of(e, connection ? connection : "", false);

	if (c)
		memset(c->values, 0, sizeof(c->values));
	return c || !connection;
}

/* ---- What strongSwan does not count ---- */

void ike_tally(struct ike_engine *e, const struct ike_sa *sa, enum ike_tally tally)
{
	struct ike_counters *own = sa && sa->connection && tally < IKE_TALLIES_OF_CONNECTIONS
					   ? counters_of(e, sa->connection->name, true)
					   : NULL;

	e->tallies[tally]++;
	if (own)
		own->tallies[tally]++;
}

void ike_tally_failure(struct ike_engine *e, const struct ike_connection *c, enum ike_reason reason)
{
	struct ike_counters *own = c ? counters_of(e, c->name, true) : NULL;

	e->failure_counts[reason]++;
	if (own && !own->failures)
		own->failures = calloc(IKE_REASONS, sizeof(*own->failures));
	if (own && own->failures)
		own->failures[reason]++;
}

const uint64_t *ike_engine_tallies(const struct ike_engine *e, const char *connection)
{
	const struct ike_counters *c =
		connection ? counters_of((struct ike_engine *)e, connection, false) : NULL;

	if (!connection)
		return e->tallies;
	return c ? c->tallies : NULL;
}

const uint32_t *ike_engine_failure_counts(const struct ike_engine *e, const char *connection)
{
	const struct ike_counters *c =
		connection ? counters_of((struct ike_engine *)e, connection, false) : NULL;

	if (!connection)
		return e->failure_counts;
	return c ? c->failures : NULL;
}

void ike_counters_free(struct ike_engine *e)
{
	struct ike_counters *c, *next;

	HASH_ITER(by_name, e->counters, c, next)
	{
		HASH_DELETE(by_name, e->counters, c);
		free(c->failures);
		free(c->name);
		free(c);
	}
}
