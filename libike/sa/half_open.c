/*
 * Half-open IKE SAs of the responder: found again when the peer repeats its IKE_SA_INIT, and
 * counted, in all and by peer address, so that strangers cannot fill memory (RFC 7296 2.6).
 */
#include "libike/sa/sa_priv.h"

#include <stdlib.h>

struct ike_peer_count {
	UT_hash_handle by_address;
	struct address address; /* port 0 */
	uint32_t count;
};

static struct ike_peer_count *peer_find(const struct ike_engine *e, const struct address *remote)
{
	struct address key = *remote;
	struct ike_peer_count *found;

	key.port = 0;
	HASH_FIND(by_address, e->by_peer, &key, sizeof(key), found);
	return found;
}

uint32_t ike_half_open_of_peer(const struct ike_engine *e, const struct address *remote)
{
	struct ike_peer_count *peer = peer_find(e, remote);

	return peer ? peer->count : 0;
}

static void peer_free(struct ike_engine *e, struct ike_peer_count *peer)
{
	HASH_DELETE(by_address, e->by_peer, peer);
	free(peer);
}

bool ike_half_open_add(struct ike_engine *e, struct ike_sa *sa, uint64_t spi_initiator,
	const struct address *remote)
{
	struct ike_negotiation *n = sa->negotiation;
	struct ike_peer_count *peer = peer_find(e, remote);

	if (!peer) {
		peer = calloc(1, sizeof(*peer));
		if (!peer)
			return false;
		peer->address = *remote;
		peer->address.port = 0;
		HASH_ADD(by_address, e->by_peer, address, sizeof(peer->address), peer);
		if (!peer->by_address.tbl) {
			free(peer);
			return false;
		}
	}
	n->request_key.spi_initiator = spi_initiator;
	n->request_key.remote = *remote;
	n->request_key.version = sa->version;
	HASH_ADD(by_request, e->by_request, request_key, sizeof(n->request_key), n);
	if (!n->by_request.tbl) {
		if (peer->count == 0)
			peer_free(e, peer);
		return false;
	}
	peer->count++;
	e->half_open++;
	n->counted = true;
	return true;
}

void ike_half_open_remove(struct ike_engine *e, struct ike_sa *sa)
{
	struct ike_negotiation *n = sa->negotiation;

	if (!n || !n->counted)
		return;
	struct ike_peer_count *peer = peer_find(e, &n->request_key.remote);
	if (peer && --peer->count == 0)
		peer_free(e, peer);
	HASH_DELETE(by_request, e->by_request, n);
	n->counted = false;
	e->half_open--;
}

struct ike_sa *ike_half_open_find(const struct ike_engine *e, uint8_t version,
	uint64_t spi_initiator, const struct address *remote)
{
	struct ike_negotiation *found;
	struct ike_negotiation wanted = { .request_key = { spi_initiator, *remote, version } };

	HASH_FIND(
		by_request, e->by_request, &wanted.request_key, sizeof(wanted.request_key), found);
	return found ? found->sa : NULL;
}

bool ike_half_open_is_flooded(
	struct ike_engine *e, const struct address *remote, const char *message)
{
	const struct ike_settings *s = &e->settings;
	char from[ADDRESS_TEXT_MAX];

	address_format_with_port(remote, from);
	if (s->block_threshold > 0 && ike_half_open_of_peer(e, remote) >= s->block_threshold) {
		ike_log_noise(e, NULL, IKE_LOG_NET,
			"ignoring %s from %s: %u half-open IKE_SAs of it already", message, from,
			s->block_threshold);
		return true;
	}
	if (s->init_limit_half_open > 0 && e->half_open >= s->init_limit_half_open) {
		ike_log_noise(e, NULL, IKE_LOG_NET, "ignoring %s from %s: %u half-open IKE_SAs",
			message, from, e->half_open);
		return true;
	}
	return false;
}
