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
};

struct ike_clients *ike_clients_new(void);
void ike_clients_free(struct ike_clients *clients); /* NULL is fine */

enum ike_client_loaded {
	IKE_CLIENT_FAILED,
	IKE_CLIENT_ADDED,
	IKE_CLIENT_UPDATED,
	IKE_CLIENT_UNCHANGED,
};

/* Adds or replaces by name; holds the identity, copies the networks: at most
 * IKE_CLIENT_NETWORKS_MAX. Fails with a reason that names the other client when the identity or a
 * network is another's; what was there then stays, but not when memory runs out. */
MUST_USE enum ike_client_loaded ike_clients_load(struct ike_clients *clients, const char *name,
	struct ike_identity *identity, const struct ike_selector *networks, size_t count,
	struct why *why);
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
