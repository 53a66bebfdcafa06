/* Established IKE SAs by the pair of identities, so that uniqueness costs no walk over all SAs. */
#include "libike/sa/sa_priv.h"

#include <ctype.h>
#include <stdlib.h>
#include <utlist.h>

struct ike_peer {
	UT_hash_handle by_key;
	uint64_t key;
	struct ike_sa *sas;
};

/* FNV-1a, of small letters because names are compared without case; only who has proved an identity
 * gets in, so collisions cannot be bred. */
static uint64_t mix(uint64_t hash, const struct ike_identity *id)
{
	hash = (hash ^ id->type) * UINT64_C(0x100000001b3);
	for (size_t i = 0; i < id->length; i++)
		hash = (hash ^ (uint8_t)tolower(id->octets[i])) * UINT64_C(0x100000001b3);
	return (hash ^ id->length) * UINT64_C(0x100000001b3);
}

static struct ike_peer *find(const struct ike_engine *e, const struct ike_identity *local,
	const struct ike_identity *remote, uint64_t *ret_key)
{
	uint64_t key = mix(mix(UINT64_C(0xcbf29ce484222325), local), remote);
	struct ike_peer *peer;

	HASH_FIND(by_key, e->peers, &key, sizeof(key), peer);
	*ret_key = key;
	return peer;
}

bool ike_peers_add(struct ike_engine *e, struct ike_sa *sa)
{
	uint64_t key;
	struct ike_peer *peer = find(e, sa->local_id, ike_sa_peer_id(sa), &key);

	if (!peer) {
		peer = calloc(1, sizeof(*peer));
		if (!peer)
			return false;
		peer->key = key;
		HASH_ADD(by_key, e->peers, key, sizeof(peer->key), peer);
		if (!peer->by_key.tbl) {
			free(peer);
			return false;
		}
	}
	DL_APPEND2(peer->sas, sa, peer_prev, peer_next);
	return true;
}

void ike_peers_remove(struct ike_engine *e, struct ike_sa *sa)
{
	uint64_t key;

	if (!sa->peer_prev) /* utlist: who is in a list has a prev, if only itself */
		return;
	struct ike_peer *peer = find(e, sa->local_id, ike_sa_peer_id(sa), &key);
	DL_DELETE2(peer->sas, sa, peer_prev, peer_next);
	sa->peer_prev = sa->peer_next = NULL;
	if (peer->sas)
		return;
	HASH_DELETE(by_key, e->peers, peer);
	free(peer);
}

struct ike_sa *ike_peers_of(const struct ike_engine *e, const struct ike_identity *local,
	const struct ike_identity *remote)
{
	uint64_t key;
	struct ike_peer *peer = find(e, local, remote, &key);

	return peer ? peer->sas : NULL;
}
