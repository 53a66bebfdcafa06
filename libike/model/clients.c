/* Clients: by name, by identity, and by the networks that are theirs. */
#include "libike/model/clients.h"

#include <stdlib.h>

struct ike_clients {
	struct ike_client *by_name;
	struct ike_client *by_identity;
	struct ike_networks networks; /* owned by clients */
	struct ike_client **order;    /* of loading */
	size_t count;
};

struct ike_clients *ike_clients_new(void)
{
	return calloc(1, sizeof(struct ike_clients));
}

void ike_client_free(struct ike_client *client)
{
	if (!client)
		return;
	ike_identity_free(client->identity);
	free(client->networks);
	free(client->name);
	free(client);
}

void ike_clients_free(struct ike_clients *clients)
{
	if (!clients)
		return;
	HASH_CLEAR(by_name, clients->by_name);
	HASH_CLEAR(by_identity, clients->by_identity);
	ike_networks_free(&clients->networks);
	for (size_t i = 0; i < clients->count; i++)
		ike_client_free(clients->order[i]);
	free(clients->order);
	free(clients);
}

/* ---- Looking ---- */

const struct ike_client *ike_clients_get(const struct ike_clients *clients, size_t index)
{
	return index < clients->count ? clients->order[index] : NULL;
}

static struct ike_client *find(const struct ike_clients *clients, const char *name)
{
	struct ike_client *client;

	HASH_FIND(by_name, clients->by_name, name, strlen(name), client);
	return client;
}

const struct ike_client *ike_clients_find(const struct ike_clients *clients, const char *name)
{
	return find(clients, name);
}

/* The first of those whose identities have that hash: it alone is in the table. */
static struct ike_client *find_hash(const struct ike_clients *clients, uint64_t hash)
{
	struct ike_client *client;

	HASH_FIND(by_identity, clients->by_identity, &hash, sizeof(hash), client);
	return client;
}

static struct ike_client *find_identity(
	const struct ike_clients *clients, const struct ike_identity *identity, uint64_t hash)
{
	struct ike_client *client = find_hash(clients, hash);

	while (client && !ike_identity_equal(client->identity, identity))
		client = client->alike;
	return client;
}

const struct ike_client *ike_clients_of(
	const struct ike_clients *clients, const struct ike_identity *identity)
{
	return identity ? find_identity(clients, identity, ike_identity_hash(identity)) : NULL;
}

static struct ike_networks_but networks_of(const struct ike_client *client)
{
	return client ? (struct ike_networks_but){ client->networks, client->network_count }
		      : (struct ike_networks_but){ 0 };
}

size_t ike_clients_others(const struct ike_clients *clients, const struct ike_client *but,
	const struct ike_selector *within, struct ike_selector *ret, size_t room)
{
	return ike_networks_within(&clients->networks, within, networks_of(but), ret, room);
}

/* ---- Loading ---- */

/* Whether nobody has its name, its identity or its networks. */
static bool is_free(
	const struct ike_clients *clients, const struct ike_client *new, struct why *why)
{
	const struct ike_client *other = find_identity(clients, new->identity, new->identity_hash);
	char mine[IKE_SELECTOR_TEXT_MAX], theirs[IKE_SELECTOR_TEXT_MAX];
	struct ike_selector network;

	if (find(clients, new->name))
		return why_fail(why, "client '%s' is there twice", new->name);
	if (other)
		return why_fail(
			why, "clients '%s' and '%s' have the same id", other->name, new->name);
	for (size_t i = 0; i < new->network_count; i++) {
		other = ike_networks_overlap(
			&clients->networks, &new->networks[i], networks_of(NULL), &network);
		if (other)
			return why_fail(why, "%s of client '%s' overlaps with %s of client '%s'",
				ike_selector_format(&new->networks[i], mine), new->name,
				ike_selector_format(&network, theirs), other->name);
	}
	return true;
}

static bool enter_identity(struct ike_clients *clients, struct ike_client *client)
{
	struct ike_client *first = find_hash(clients, client->identity_hash);

	client->alike = NULL;
	if (first) {
		client->alike = first->alike;
		first->alike = client;
		return true;
	}
	HASH_ADD(by_identity, clients->by_identity, identity_hash, sizeof(client->identity_hash),
		client);
	return client->by_identity.tbl != NULL;
}

static void withdraw_identity(struct ike_clients *clients, struct ike_client *client)
{
	struct ike_client *before = find_hash(clients, client->identity_hash);
	struct ike_client *next = client->alike;

	if (before != client) {
		while (before->alike != client)
			before = before->alike;
		before->alike = next;
		return;
	}
	/* the next one first, while there is a table: that takes no memory */
	if (next)
		HASH_ADD(by_identity, clients->by_identity, identity_hash,
			sizeof(next->identity_hash), next);
	HASH_DELETE(by_identity, clients->by_identity, client);
}

/* The first so many. */
static void withdraw_networks(
	struct ike_clients *clients, const struct ike_client *client, size_t count)
{
	for (size_t i = 0; i < count; i++)
		ike_networks_remove(&clients->networks, &client->networks[i]);
}

static bool enter_networks(struct ike_clients *clients, const struct ike_client *client)
{
	for (size_t i = 0; i < client->network_count; i++)
		if (!ike_networks_add(&clients->networks, &client->networks[i], client)) {
			withdraw_networks(clients, client, i);
			return false;
		}
	return true;
}

/* Takes the client out of everything; it is the caller's then. */
static void remove_client(struct ike_clients *clients, struct ike_client *client)
{
	size_t index = 0;

	while (clients->order[index] != client)
		index++;
	clients->count--;
	memmove(&clients->order[index], &clients->order[index + 1],
		(clients->count - index) * sizeof(*clients->order));
	HASH_DELETE(by_name, clients->by_name, client);
	withdraw_identity(clients, client);
	withdraw_networks(clients, client, client->network_count);
}

/* It is in no other's way. On failure, when memory runs out, nothing of it is there. */
static bool add_client(struct ike_clients *clients, struct ike_client *client)
{
	struct ike_client **order =
		reallocarray(clients->order, clients->count + 1, sizeof(*order));

	if (!order)
		return false;
	clients->order = order;
	if (!enter_networks(clients, client))
		return false;
	HASH_ADD_KEYPTR(by_name, clients->by_name, client->name, strlen(client->name), client);
	if (client->by_name.tbl) {
		if (enter_identity(clients, client)) {
			order[clients->count++] = client;
			return true;
		}
		HASH_DELETE(by_name, clients->by_name, client);
	}
	withdraw_networks(clients, client, client->network_count);
	return false;
}

static struct ike_client *client_new(const char *name, struct ike_identity *identity,
	const struct ike_selector *networks, size_t count, struct why *why)
{
	struct ike_client *client = calloc(1, sizeof(*client));

	if (!client || !(client->name = strdup(name)) ||
		!(client->networks = calloc(count + 1, sizeof(*networks)))) {
		ike_client_free(client);
		(void)why_fail(why, "out of memory");
		return NULL;
	}
	client->identity = ike_identity_hold(identity);
	client->identity_hash = ike_identity_hash(identity);
	client->network_count =
		ike_selectors_narrow(networks, count, networks, count, client->networks, count);
	return client;
}

static bool check(const struct ike_identity *identity, const struct ike_selector *networks,
	size_t count, struct why *why)
{
	char text[IKE_SELECTOR_TEXT_MAX];

	if (ike_identity_is_wildcard(identity))
		return why_fail(why, "its id is a pattern: wanted the one that it proves");
	if (count > IKE_CLIENT_NETWORKS_MAX)
		return why_fail(why, "more than %u networks", IKE_CLIENT_NETWORKS_MAX);
	for (size_t i = 0; i < count; i++)
		if (!ike_network_is(&networks[i]))
			return why_fail(
				why, "'%s' is no network", ike_selector_format(&networks[i], text));
	return true;
}

static bool is_equal(const struct ike_client *a, const struct ike_client *b)
{
	if (!ike_identity_equal(a->identity, b->identity) || a->network_count != b->network_count)
		return false;
	for (size_t i = 0; i < a->network_count; i++)
		if (!ike_selector_equal(&a->networks[i], &b->networks[i]))
			return false;
	return true;
}

/* The clients that changes make. */
static bool make(const struct ike_client_change *changes, size_t count, struct ike_client **ret,
	size_t *ret_failed, struct why *why)
{
	for (size_t i = 0; i < count; i++) {
		const struct ike_client_change *c = &changes[i];

		*ret_failed = i;
		if (!check(c->identity, c->networks, c->count, why) ||
			!(ret[i] = client_new(c->name, c->identity, c->networks, c->count, why)))
			return false;
	}
	return true;
}

/* Of those that are there as they shall be there is no new one then. Returns how many others are
 * there. */
static size_t drop_unchanged(const struct ike_clients *clients, struct ike_client_change *changes,
	size_t count, struct ike_client **new)
{
	size_t updated = 0;

	for (size_t i = 0; i < count; i++) {
		const struct ike_client *old = find(clients, changes[i].name);
		bool same = old && is_equal(old, new[i]);

		changes[i].loaded = same  ? IKE_CLIENT_UNCHANGED
				    : old ? IKE_CLIENT_UPDATED
					  : IKE_CLIENT_ADDED;
		changes[i].earlier = NULL;
		updated += old && !same;
		if (same) {
			ike_client_free(new[i]);
			new[i] = NULL;
		}
	}
	return updated;
}

static void take_out(struct ike_clients *clients, struct ike_client_change *changes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (changes[i].loaded != IKE_CLIENT_UPDATED)
			continue;
		changes[i].earlier = find(clients, changes[i].name);
		if (changes[i].earlier)
			remove_client(clients, changes[i].earlier);
	}
}

/* Returns how many are there now, or need not be entered. */
static size_t enter_all(
	struct ike_clients *clients, struct ike_client **new, size_t count, struct why *why)
{
	for (size_t i = 0; i < count; i++) {
		if (!new[i])
			continue;
		if (!is_free(clients, new[i], why))
			return i;
		if (!add_client(clients, new[i])) {
			(void)why_fail(why, "out of memory");
			return i;
		}
	}
	return count;
}

/* After the first so many new ones were entered. */
static void put_back(struct ike_clients *clients, struct ike_client_change *changes, size_t count,
	struct ike_client **new, size_t entered)
{
	for (size_t i = 0; i < entered; i++)
		if (new[i])
			remove_client(clients, new[i]);
	for (size_t i = 0; i < count; i++) {
		struct ike_client *old = changes[i].earlier;

		changes[i].loaded = IKE_CLIENT_FAILED;
		changes[i].earlier = NULL;
		if (old && !add_client(clients, old))
			ike_client_free(old);
	}
}

static bool exchange(struct ike_clients *clients, struct ike_client_change *changes, size_t count,
	struct ike_client **new, size_t *ret_failed, struct why *why)
{
	size_t before = clients->count;
	struct ike_client **order = NULL; /* that was */

	if (drop_unchanged(clients, changes, count, new) > 0) {
		if (!(order = calloc(before, sizeof(struct ike_client *))))
			return why_fail(why, "out of memory");
		memcpy(order, clients->order, before * sizeof(*order));
	}
	take_out(clients, changes, count);
	*ret_failed = enter_all(clients, new, count, why);
	if (*ret_failed < count) {
		put_back(clients, changes, count, new, *ret_failed);
		if (order && clients->count == before)
			memcpy(clients->order, order, before * sizeof(*order));
	}
	free(order);
	return *ret_failed == count;
}

bool ike_clients_load(struct ike_clients *clients, struct ike_client_change *changes, size_t count,
	size_t *ret_failed, struct why *why)
{
	struct ike_client **made = calloc(count + 1, sizeof(struct ike_client *));

	*ret_failed = 0;
	if (!made)
		return why_fail(why, "out of memory");
	bool loaded = make(changes, count, made, ret_failed, why) &&
		      exchange(clients, changes, count, made, ret_failed, why);
	for (size_t i = 0; !loaded && i < count; i++)
		ike_client_free(made[i]);
	free(made);
	return loaded;
}

bool ike_clients_unload(struct ike_clients *clients, const char *name)
{
	struct ike_client *client = find(clients, name);

	if (!client)
		return false;
	remove_client(clients, client);
	ike_client_free(client);
	return true;
}
