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

static void client_free(struct ike_client *client)
{
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
		client_free(clients->order[i]);
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

static struct ike_client *find_hash(const struct ike_clients *clients, uint64_t hash)
{
	struct ike_client *client;

	HASH_FIND(by_identity, clients->by_identity, &hash, sizeof(hash), client);
	return client;
}

const struct ike_client *ike_clients_of(
	const struct ike_clients *clients, const struct ike_identity *identity)
{
	const struct ike_client *client =
		identity ? find_hash(clients, ike_identity_hash(identity)) : NULL;

	return client && ike_identity_equal(client->identity, identity) ? client : NULL;
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

/* Whether nobody but `old` (may be NULL) has that identity or these networks. */
static bool is_free(const struct ike_clients *clients, const struct ike_client *old,
	const struct ike_client *new, struct why *why)
{
	const struct ike_client *other = find_hash(clients, new->identity_hash);
	char mine[IKE_SELECTOR_TEXT_MAX], theirs[IKE_SELECTOR_TEXT_MAX];
	struct ike_selector network;

	if (other && other != old)
		return why_fail(
			why, "clients '%s' and '%s' have the same id", other->name, new->name);
	for (size_t i = 0; i < new->network_count; i++) {
		other = ike_networks_overlap(
			&clients->networks, &new->networks[i], networks_of(old), &network);
		if (other)
			return why_fail(why, "%s of client '%s' overlaps with %s of client '%s'",
				ike_selector_format(&new->networks[i], mine), new->name,
				ike_selector_format(&network, theirs), other->name);
	}
	return true;
}

static void withdraw(struct ike_clients *clients, struct ike_client *client)
{
	for (size_t i = 0; i < client->network_count; i++)
		ike_networks_remove(&clients->networks, &client->networks[i]);
	client->network_count = 0;
}

static bool enter(struct ike_clients *clients, struct ike_client *client, size_t count)
{
	for (; client->network_count < count; client->network_count++)
		if (!ike_networks_add(
			    &clients->networks, &client->networks[client->network_count], client))
			return false;
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
	HASH_DELETE(by_identity, clients->by_identity, client);
	withdraw(clients, client);
}

/* Its networks are in no other's way. On failure nothing of it is there. */
static bool add_client(struct ike_clients *clients, struct ike_client *client)
{
	size_t count = client->network_count;
	struct ike_client **order =
		reallocarray(clients->order, clients->count + 1, sizeof(*order));

	if (!order)
		return false;
	clients->order = order;
	HASH_ADD_KEYPTR(by_name, clients->by_name, client->name, strlen(client->name), client);
	if (!client->by_name.tbl)
		return false;
	HASH_ADD(by_identity, clients->by_identity, identity_hash, sizeof(client->identity_hash),
		client);
	if (!client->by_identity.tbl) {
		HASH_DELETE(by_name, clients->by_name, client);
		return false;
	}
	order[clients->count++] = client;
	client->network_count = 0;
	if (enter(clients, client, count))
		return true;
	remove_client(clients, client);
	return false;
}

static struct ike_client *client_new(const char *name, struct ike_identity *identity,
	const struct ike_selector *networks, size_t count, struct why *why)
{
	struct ike_client *client = calloc(1, sizeof(*client));

	if (!client || !(client->name = strdup(name)) ||
		!(client->networks = calloc(count + 1, sizeof(*networks)))) {
		if (client)
			client_free(client);
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

/* Takes the new one over. */
static enum ike_client_loaded put(struct ike_clients *clients, struct ike_client *old,
	struct ike_client *new, struct why *why)
{
	bool same = old && is_equal(old, new);

	if (same || !is_free(clients, old, new, why)) {
		client_free(new);
		return same ? IKE_CLIENT_UNCHANGED : IKE_CLIENT_FAILED;
	}
	if (old)
		remove_client(clients, old);
	if (!add_client(clients, new)) {
		client_free(new);
		new = NULL;
		(void)why_fail(why, "out of memory");
	}
	enum ike_client_loaded loaded = !new  ? IKE_CLIENT_FAILED
					: old ? IKE_CLIENT_UPDATED
					      : IKE_CLIENT_ADDED;
	if (old)
		client_free(old);
	return loaded;
}

enum ike_client_loaded ike_clients_load(struct ike_clients *clients, const char *name,
	struct ike_identity *identity, const struct ike_selector *networks, size_t count,
	struct why *why)
{
	struct ike_client *new = check(identity, networks, count, why)
					 ? client_new(name, identity, networks, count, why)
					 : NULL;

	return new ? put(clients, find(clients, name), new, why) : IKE_CLIENT_FAILED;
}

bool ike_clients_unload(struct ike_clients *clients, const char *name)
{
	struct ike_client *client = find(clients, name);

	if (!client)
		return false;
	remove_client(clients, client);
	client_free(client);
	return true;
}
