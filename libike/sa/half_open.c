/*
 * Half-open IKE SAs of the responder: found again when the peer repeats its IKE_SA_INIT, and
 * counted, in all and by peer address, so that strangers cannot fill memory (RFC 7296 2.6).
 */
#include "libike/sa/sa_priv.h"

#include <stdlib.h>

struct ike_peer_count {
	UT_hash_handle by_address;
	struct address address; /* port 0 */
	uint32_t counts[2];     /* of IKEv1, of IKEv2 */
};

/* Nobody has to receive at his address for one of IKEv1's, as IKEv2's cookies demand. */
#define LIMIT_OF_IKEV1 1000

static struct ike_peer_count *peer_find(const struct ike_engine *e, const struct address *remote)
{
	struct address key = *remote;
	struct ike_peer_count *found;

	key.port = 0;
	HASH_FIND(by_address, e->by_peer, &key, sizeof(key), found);
	return found;
}

uint32_t ike_half_open_of_peer(
	const struct ike_engine *e, uint8_t version, const struct address *remote)
{
	struct ike_peer_count *peer = peer_find(e, remote);

	return peer ? peer->counts[version - 1] : 0;
}

static void peer_free_unused(struct ike_engine *e, struct ike_peer_count *peer)
{
	if (peer->counts[0] + peer->counts[1] > 0)
		return;
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
	if (sa->version == 2)
		n->request_key.local = sa->local;
	HASH_ADD(by_request, e->by_request, request_key, sizeof(n->request_key), n);
	if (!n->by_request.tbl) {
		peer_free_unused(e, peer);
		return false;
	}
	peer->counts[sa->version - 1]++;
	e->half_open[sa->version - 1]++;
	n->counted = true;
	ike_tally(e, sa, IKE_TALLY_ASKED);
	return true;
}

void ike_half_open_remove(struct ike_engine *e, struct ike_sa *sa)
{
	struct ike_negotiation *n = sa->negotiation;

	if (!n || !n->counted)
		return;
	struct ike_peer_count *peer = peer_find(e, &n->request_key.remote);
	if (peer) {
		peer->counts[sa->version - 1]--;
		peer_free_unused(e, peer);
	}
	HASH_DELETE(by_request, e->by_request, n);
	n->counted = false;
	e->half_open[sa->version - 1]--;
}

struct ike_sa *ike_half_open_find(const struct ike_engine *e, uint8_t version,
	uint64_t spi_initiator, const struct address *remote, const struct address *local)
{
	struct ike_negotiation *found;
	struct ike_negotiation wanted = { 0 };

	wanted.request_key.spi_initiator = spi_initiator;
	wanted.request_key.remote = *remote;
	wanted.request_key.version = version;
	if (version == 2)
		wanted.request_key.local = *local;
	HASH_FIND(
		by_request, e->by_request, &wanted.request_key, sizeof(wanted.request_key), found);
	return found ? found->sa : NULL;
}

void ike_half_open_drop_twins(struct ike_engine *e, const struct ike_sa *sa)
{
	struct ike_negotiation *n, *next;

	for (n = e->by_request; n; n = next) {
		next = n->by_request.next;
		if (n->sa != sa && n->sa->version == sa->version &&
			n->request_key.spi_initiator == sa->spi_initiator &&
			bytes_equal(n->peer_nonce, sa->negotiation->peer_nonce))
			ike_sa_destroy(e, n->sa, NULL);
	}
}

bool ike_half_open_are_many(
	const struct ike_engine *e, uint8_t version, const struct address *remote)
{
	const struct ike_settings *s = &e->settings;

	return s->cookie_threshold > 0 &&
	       (e->half_open[version - 1] >= s->cookie_threshold ||
		       (s->cookie_threshold_ip > 0 && ike_half_open_of_peer(e, version, remote) >=
							      s->cookie_threshold_ip));
}

static bool are_full_of(const struct ike_engine *e, uint8_t version, const struct address *remote)
{
	uint32_t limit = e->settings.block_threshold;

	return limit > 0 && ike_half_open_of_peer(e, version, remote) >= limit;
}

static bool are_full(const struct ike_engine *e, uint8_t version)
{
	uint32_t limit = e->settings.init_limit_half_open;

	if (limit == 0 && version == 1)
		limit = LIMIT_OF_IKEV1;
	return limit > 0 && e->half_open[version - 1] >= limit;
}

/* remote: NULL: of any. */
static struct ike_sa *oldest(const struct ike_engine *e, uint8_t version,
	const struct address *remote, bool (*gives_way)(const struct ike_sa *sa))
{
	const struct ike_negotiation *n = e->by_request; /* in the order in which they came */

	while (n && !(n->sa->version == version && gives_way(n->sa) &&
			    (!remote || address_same_host(&n->request_key.remote, remote))))
		n = n->by_request.next;
	return n ? n->sa : NULL;
}

bool ike_half_open_is_flooded(struct ike_engine *e, uint8_t version, const struct address *remote,
	bool (*gives_way)(const struct ike_sa *sa), const char *message)
{
	char from[ADDRESS_TEXT_MAX];
	bool of_peer;

	while ((of_peer = are_full_of(e, version, remote)) || are_full(e, version)) {
		struct ike_sa *sa =
			gives_way ? oldest(e, version, of_peer ? remote : NULL, gives_way) : NULL;

		ike_log_noise(e, NULL, IKE_LOG_NET, "%s %s from %s: %u half-open IKE_SAs%s",
			sa ? "giving up the oldest for" : "ignoring", message,
			address_format_with_port(remote, from),
			of_peer ? e->settings.block_threshold : e->half_open[version - 1],
			of_peer ? " of it already" : "");
		ike_tally(e, NULL, IKE_TALLY_DROPPED_FLOOD);
		if (!sa)
			return true;
		ike_sa_destroy(e, sa, NULL);
	}
	return false;
}
