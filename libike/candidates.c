/*
 * Which loaded definitions may be a peer's, by where it sends from.
 *
 * A gateway with thousands of peers has a definition for each, most with the one address that the
 * peer has: those are found through it. Only the others (ranges, names, any address) have to be
 * looked at one by one. Both are kept in the order of loading, which decides among equals.
 */
#include "libike/engine_priv.h"

#include <stdlib.h>
#include <utlist.h>

struct host_key {
	uint8_t octets[16];
	uint16_t family;
};

struct ike_remote_host {
	UT_hash_handle hh;
	struct ike_place *places;
	struct host_key key;
};

static struct host_key key_of(const struct address *a)
{
	struct host_key key = { .family = a->family };

	bytes_copy(key.octets, address_octets(a));
	return key;
}

static struct ike_remote_host *host_find(const struct ike_engine *e, const struct address *a)
{
	struct host_key key = key_of(a);
	struct ike_remote_host *host;

	HASH_FIND(hh, e->remote_hosts, &key, sizeof(key), host);
	return host;
}

static struct ike_remote_host *host_make(struct ike_engine *e, const struct address *a)
{
	struct ike_remote_host *host = host_find(e, a);

	if (host || !(host = calloc(1, sizeof(*host))))
		return host;
	host->key = key_of(a);
	HASH_ADD(hh, e->remote_hosts, key, sizeof(host->key), host);
	if (host->hh.tbl)
		return host;
	free(host);
	return NULL;
}

/* Whether it is only for peers at certain addresses. */
static bool names_hosts(const struct ike_connection *c)
{
	for (size_t i = 0; i < c->remote_addrs.count; i++)
		if (c->remote_addrs.items[i].kind != IKE_ENDPOINT_HOST)
			return false;
	return c->remote_addrs.count > 0;
}

/* Most often it was loaded last. */
static void insert(struct ike_place **list, struct ike_place *place)
{
	struct ike_place *before = *list ? (*list)->prev : NULL; /* the last one */

	while (before && before->loaded->number > place->loaded->number)
		before = before == *list ? NULL : before->prev;
	if (before)
		DL_APPEND_ELEM(*list, before, place);
	else
		DL_PREPEND(*list, place);
}

static bool place_at(struct ike_engine *e, struct ike_loaded *loaded, const struct address *remote)
{
	struct ike_place *place = &loaded->places[loaded->place_count];
	struct ike_remote_host *host = remote ? host_make(e, remote) : NULL;

	if (remote && !host)
		return false;
	for (size_t i = 0; i < loaded->place_count; i++)
		if (loaded->places[i].host == host)
			return true; /* the same address twice */
	*place = (struct ike_place){ .loaded = loaded, .host = host };
	insert(host ? &host->places : &e->anywhere, place);
	loaded->place_count++;
	return true;
}

bool ike_candidates_add(
	struct ike_engine *e, struct ike_loaded *loaded, const struct ike_connection *c)
{
	bool hosts = names_hosts(c), ok = true;

	loaded->place_count = 0;
	loaded->places = calloc(hosts ? c->remote_addrs.count : 1, sizeof(*loaded->places));
	if (!loaded->places)
		return false;
	for (size_t i = 0; hosts && ok && i < c->remote_addrs.count; i++)
		ok = place_at(e, loaded, &c->remote_addrs.items[i].from);
	if (!hosts)
		ok = place_at(e, loaded, NULL);
	if (!ok)
		ike_candidates_remove(e, loaded);
	return ok;
}

void ike_candidates_remove(struct ike_engine *e, struct ike_loaded *loaded)
{
	for (size_t i = 0; i < loaded->place_count; i++) {
		struct ike_place *place = &loaded->places[i];
		struct ike_remote_host *host = place->host;

		struct ike_place **list = host ? &host->places : &e->anywhere;

		DL_DELETE(*list, place);
		if (host && !host->places) {
			HASH_DELETE(hh, e->remote_hosts, host);
			free(host);
		}
	}
	free(loaded->places);
	loaded->places = NULL;
	loaded->place_count = 0;
}

struct ike_candidates ike_candidates_from(const struct ike_engine *e, const struct address *remote)
{
	const struct ike_remote_host *host = host_find(e, remote);

	return (struct ike_candidates){ host ? host->places : NULL, e->anywhere };
}

struct ike_connection *ike_candidates_next(struct ike_candidates *walk)
{
	const struct ike_place **next = &walk->there, *found;

	if (!walk->there ||
		(walk->anywhere && walk->anywhere->loaded->number < walk->there->loaded->number))
		next = &walk->anywhere;
	found = *next;
	if (!found)
		return NULL;
	*next = found->next;
	return found->loaded->connection;
}

bool ike_candidates_have(const struct ike_loaded *loaded, const struct address *remote)
{
	return !loaded->places[0].host ||
	       ike_endpoints_match(&loaded->connection->remote_addrs, remote) > 0;
}
