/*
 * Clients that have networks behind them (swanctl.conf's `clients`): what %client and %clients in
 * selectors stand for.
 *
 * A client is known by the identity that it proves. No two of them have the same identity, or
 * addresses in common.
 */
#ifndef LIBIKE_MODEL_CLIENTS_H
#define LIBIKE_MODEL_CLIENTS_H

#include "libike/base/identity.h"
#include "libike/model/networks.h"

#include <uthash.h>

#define IKE_CLIENT_NETWORKS_MAX 64

struct ike_clients;

struct ike_client {
	char *name;
	struct ike_identity *identity; /* held; no pattern */
	struct ike_selector *networks; /* none within another */
	size_t network_count;
	/* The table's own. */
	UT_hash_handle by_name, by_identity;
	uint64_t identity_hash;
	struct ike_client *alike; /* the next one whose identity has the same hash */
};

struct ike_clients *ike_clients_new(void);
void ike_clients_free(struct ike_clients *clients); /* NULL is fine */

enum ike_client_loaded {
	IKE_CLIENT_FAILED,
	IKE_CLIENT_ADDED,
	IKE_CLIENT_UPDATED,
	IKE_CLIENT_UNCHANGED,
};

/* One of several that are loaded at once. */
struct ike_client_change {
	const char *name;
	struct ike_identity *identity;
	const struct ike_selector *networks;
	size_t count;
	/* What became of it, when all were loaded. */
	enum ike_client_loaded loaded;
	struct ike_client *earlier; /* the caller's (ike_client_free()); NULL but when updated */
};

/* Adds or replaces by name; holds the identities, copies the networks: at most
 * IKE_CLIENT_NETWORKS_MAX each. All or none: what one of them gives up another may take, so they
 * may exchange identities and networks. Fails with a reason that names the other client when an
 * identity or a network is another's, and *ret_failed is whose load that was; what was there then
 * stays, but not when memory runs out. */
MUST_USE bool ike_clients_load(struct ike_clients *clients, struct ike_client_change *changes,
	size_t count, size_t *ret_failed, struct why *why);
void ike_client_free(struct ike_client *client); /* one that is in no table; NULL is fine */
/* False when there is none of that name. */
bool ike_clients_unload(struct ike_clients *clients, const char *name);

/* In the order of loading; NULL at the end. */
const struct ike_client *ike_clients_get(const struct ike_clients *clients, size_t index);
const struct ike_client *ike_clients_find(const struct ike_clients *clients, const char *name);
/* NULL: nobody of that identity has networks. identity may be NULL. */
const struct ike_client *ike_clients_of(
	const struct ike_clients *clients, const struct ike_identity *identity);

/* The networks of all clients but that one (NULL: of all) that overlap with `within`, in the order
 * of their addresses, and as few prefixes as they make up. At most room; returns how many. */
size_t ike_clients_others(const struct ike_clients *clients, const struct ike_client *but,
	const struct ike_selector *within, struct ike_selector *ret, size_t room);

#endif
