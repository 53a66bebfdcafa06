/* Clients of a staging: what one gives up another may take, so they are loaded all together. */
#include "charon-lite/control/staging.h"

#include <stdlib.h>

void cl_staged_client_free(struct ike_client_change *change)
{
	if (!change)
		return;
	free((char *)change->name);
	free((struct ike_selector *)change->networks);
	ike_identity_free(change->identity);
	ike_client_free(change->earlier);
	free(change);
}

static void free_client(void *object)
{
	cl_staged_client_free(object);
}

/* ---- What differs ---- */

static bool same_networks(const struct ike_client *a, const struct ike_client_change *b)
{
	for (size_t i = 0; i < a->network_count && i < b->count; i++)
		if (!ike_selector_contains(&a->networks[i], &b->networks[i]) ||
			!ike_selector_contains(&b->networks[i], &a->networks[i]))
			return false;
	return a->network_count == b->count;
}

static struct cl_change compare_client(struct cl_daemon *d, const char *name, const void *object)
{
	const struct ike_client *old = ike_clients_find(ike_engine_clients(d->engine), name);
	const struct ike_client_change *new = object;
	char keys[CL_KEYS_MAX] = "";

	if (!new || !old)
		return cl_change_of(new ? CL_ADDED : CL_REMOVED, NULL);
	cl_change_note(keys, "id", !ike_identity_equal(old->identity, new->identity));
	cl_change_note(keys, "networks", !same_networks(old, new));
	return *keys ? cl_change_of(CL_NEXT_KEYS, keys) : cl_change_of(CL_UNCHANGED, NULL);
}

static bool may_unload_client(struct cl_daemon *d, const char *name, struct why *why)
{
	return ike_clients_find(ike_engine_clients(d->engine), name) ||
	       why_fail(why, "unload: client '%s' not found", name);
}

/* Loaded by cl_staging_apply_clients(). */
const struct cl_loadable cl_loadable_client = {
	.name = "client",
	.command = "load-client",
	.free = free_client,
	.compare = compare_client,
	.may_unload = may_unload_client,
};

/* ---- As they would be ---- */

/* A table of its own with all that are loaded. */
static struct ike_clients *copy(const struct ike_clients *from)
{
	struct ike_clients *clients = ike_clients_new();
	struct ike_client_change *changes;
	const struct ike_client *client;
	size_t count = 0, failed;
	struct why why;

	while (ike_clients_get(from, count))
		count++;
	changes = calloc(count + 1, sizeof(*changes));
	for (size_t i = 0; changes && (client = ike_clients_get(from, i)); i++)
		changes[i] = (struct ike_client_change){ .name = client->name,
			.identity = client->identity,
			.networks = client->networks,
			.count = client->network_count };
	if (!clients || !changes || !ike_clients_load(clients, changes, count, &failed, &why)) {
		ike_clients_free(clients);
		clients = NULL;
	}
	free(changes);
	return clients;
}

struct ike_clients *cl_staging_clients(struct cl_staging *s)
{
	if (!s->clients)
		s->clients = copy(ike_engine_clients(s->daemon->engine));
	return s->clients;
}

/* ---- All together ---- */

/* Those of the staging that are to be loaded, in its order. */
struct batch {
	struct ike_client_change *changes; /* borrow what they name */
	struct cl_staged **staged;         /* whose each is */
	size_t count;
};

static bool is_client(const struct cl_staged *o)
{
	return o->kind == &cl_loadable_client && !o->refused;
}

static bool batch_of(struct cl_staging *s, struct batch *ret)
{
	size_t room = HASH_COUNT(s->objects) + 1;
	struct cl_staged *o;

	*ret = (struct batch){ calloc(room, sizeof(*ret->changes)),
		calloc(room, sizeof(*ret->staged)), 0 };
	for (o = s->objects; ret->changes && ret->staged && o; o = o->hh.next) {
		if (!is_client(o) || !o->object)
			continue;
		ret->changes[ret->count] = *(struct ike_client_change *)o->object;
		ret->changes[ret->count].earlier = NULL;
		ret->staged[ret->count++] = o;
	}
	return ret->changes && ret->staged;
}

static void batch_free(struct batch *b)
{
	for (size_t i = 0; b->changes && i < b->count; i++)
		ike_client_free(b->changes[i].earlier);
	free(b->changes);
	free(b->staged);
}

static void refuse_all(struct cl_staging *s, const char *error)
{
	for (struct cl_staged *o = s->objects; o; o = o->hh.next)
		if (is_client(o))
			cl_staged_refuse(o, error);
}

static bool any_client(const struct cl_staging *s)
{
	for (const struct cl_staged *o = s->objects; o; o = o->hh.next)
		if (is_client(o))
			return true;
	return false;
}

/* Without each that is refused the others are tried again: what they exchange may have hung on it.
 */
static void try_all(struct cl_staging *s, const struct ike_clients *loaded)
{
	bool again = true;

	while (again) {
		struct ike_clients *clients = copy(loaded);
		struct batch b = { 0 };
		struct why why = { "out of memory" };
		size_t failed;

		again = false;
		if (!clients || !batch_of(s, &b)) {
			refuse_all(s, "out of memory");
		} else {
			for (struct cl_staged *o = s->objects; o; o = o->hh.next)
				if (is_client(o) && !o->object)
					(void)ike_clients_unload(clients, cl_staged_name(o));
			again = !ike_clients_load(clients, b.changes, b.count, &failed, &why);
			if (again && failed < b.count)
				cl_staged_refuse(b.staged[failed], why.text);
			else if (again)
				refuse_all(s, why.text);
		}
		batch_free(&b);
		ike_clients_free(clients);
	}
}

void cl_staging_plan_clients(struct cl_staging *s)
{
	if (any_client(s))
		try_all(s, ike_engine_clients(s->daemon->engine));
}

static void unload_all(struct cl_staging *s)
{
	char changes[IKE_CLIENT_CHANGES_MAX];

	for (struct cl_staged *o = s->objects; o; o = o->hh.next)
		if (is_client(o) && !o->object)
			(void)!ike_engine_unload_client(
				s->daemon->engine, cl_staged_name(o), changes);
}

void cl_staging_apply_clients(struct cl_staging *s)
{
	struct ike_engine *e = s->daemon->engine;
	char changes[IKE_CLIENT_CHANGES_MAX];
	struct batch b = { 0 };
	struct why why;
	size_t failed;

	if (!any_client(s))
		return;
	if (!batch_of(s, &b)) {
		refuse_all(s, "out of memory");
		batch_free(&b);
		return;
	}
	unload_all(s);
	if (!ike_engine_load_clients(e, b.changes, b.count, &failed, &why))
		refuse_all(s, why.text);
	else
		for (size_t i = 0; i < b.count; i++)
			ike_engine_client_changes(e, &b.changes[i], changes);
	batch_free(&b);
}
