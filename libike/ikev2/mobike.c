/*
 * MOBIKE (RFC 4555): what the two sides tell each other about addresses.
 *
 *   HDR, SK{N(UPDATE_SA_ADDRESSES), N(NAT_DETECTION_*), N(ADDITIONAL_*), N(COOKIE2)}  -->
 *                                       <--  HDR, SK{N(NAT_DETECTION_*), N(COOKIE2)}
 *
 * The original initiator decides which addresses are used; the responder says which it has, and
 * checks that the initiator is where its messages come from before it sends traffic there.
 */
#include "libike/ikev2/ikev2.h"

#define COOKIE2_MIN 8
#define COOKIE2_MAX 64

/* ---- Addresses ---- */

/* Not what no other host can reach. */
static bool is_reachable(const struct address *a)
{
	if (address_is_any(a))
		return false;
	if (a->family == AF_INET)
		return a->octets[0] != 127 && a->octets[0] < 224;
	bool link_local = a->octets[0] == 0xfe && (a->octets[1] & 0xc0) == 0x80;
	static const uint8_t loopback[16] = { [15] = 1 };
	return a->octets[0] != 0xff && !link_local && memcmp(a->octets, loopback, 16) != 0;
}

static void build_addresses(struct ike_engine *e, const struct ike_sa *sa, struct ike_builder *b)
{
	struct address list[IKE_LOCAL_ADDRESSES_MAX];
	size_t count = ike_local_addresses(e, list), told = 0;

	for (size_t i = 0; i < count && told < IKE_PEER_ADDRESSES_MAX; i++) {
		if (address_same_host(&list[i], &sa->local) || !is_reachable(&list[i]))
			continue;
		ike_build_notify(b,
			list[i].family == AF_INET ? IKE_NOTIFY_ADDITIONAL_IP4_ADDRESS
						  : IKE_NOTIFY_ADDITIONAL_IP6_ADDRESS,
			address_octets(&list[i]));
		told++;
	}
	if (told == 0)
		ike_build_notify(b, IKE_NOTIFY_NO_ADDITIONAL_ADDRESSES, (struct bytes){ 0 });
}

static void add_peer(struct ike_sa *sa, const struct ike_notify *n)
{
	size_t length = n->type == IKE_NOTIFY_ADDITIONAL_IP4_ADDRESS ? 4 : 16;
	struct ike_mobike *m;
	struct address a;

	if (n->data.length != length || !address_from_octets(n->data, 0, &a) || !is_reachable(&a) ||
		!(m = ike_mobike_get(sa)) || m->peer_count == IKE_PEER_ADDRESSES_MAX ||
		address_is_among(m->peers, m->peer_count, &a))
		return;
	m->peers[m->peer_count++] = a;
}

/* Each list replaces the one before. False when there is none. */
static bool read_addresses(struct ike_sa *sa, const struct ike_message *message)
{
	bool has_list = false;

	for (size_t i = 0; i < message->notify_count; i++) {
		const struct ike_notify *n = &message->notifies[i];
		bool is_address = n->type == IKE_NOTIFY_ADDITIONAL_IP4_ADDRESS ||
				  n->type == IKE_NOTIFY_ADDITIONAL_IP6_ADDRESS;

		if (!is_address && n->type != IKE_NOTIFY_NO_ADDITIONAL_ADDRESSES)
			continue;
		if (!has_list && sa->mobike)
			sa->mobike->peer_count = 0;
		has_list = true;
		if (is_address)
			add_peer(sa, n);
	}
	return has_list;
}

/* ---- IKE_AUTH ---- */

void ike_mobike_offer(struct ike_engine *e, struct ike_sa *sa, struct ike_builder *b)
{
	if (!sa->connection->mobike || (!sa->initiator && !sa->peer_mobike))
		return;
	ike_build_notify(b, IKE_NOTIFY_MOBIKE_SUPPORTED, (struct bytes){ 0 });
	build_addresses(e, sa, b);
}

void ike_mobike_read(struct ike_engine *e, struct ike_sa *sa, const struct ike_message *message)
{
	if (!sa->connection->mobike || !ike_message_notify(message, IKE_NOTIFY_MOBIKE_SUPPORTED))
		return;
	sa->peer_mobike = true;
	ike_log(e, sa, IKE_LOG_IKE, IKE_LOG_DETAIL, "peer supports MOBIKE");
	(void)read_addresses(sa, message);
	ike_roam_watch(e, sa);
}

/* ---- Our requests ---- */

bool ike_mobike_start(struct ike_engine *e, struct ike_sa *sa, struct ike_failure *failure)
{
	struct ike_mobike *m = sa->mobike;
	struct ike_builder b;

	m->sent = m->wanted;
	m->wanted = 0;
	m->sent_local = sa->local;
	m->sent_remote = sa->remote;
	m->astray = false;
	if (!ike_crypto_random(e->crypto, m->cookie2, sizeof(m->cookie2))) {
		ike_failure_set(failure, IKE_REASON_RESOURCES, NULL, NULL, "no randomness");
		return false;
	}
	ike_builder_start(e, &b);
	if (m->sent & IKE_MOBIKE_UPDATE) {
		ike_build_notify(&b, IKE_NOTIFY_UPDATE_SA_ADDRESSES, (struct bytes){ 0 });
		ike_nat_build(e, sa, &sa->local, &sa->remote, &b);
	}
	if (m->sent & IKE_MOBIKE_ADDRESSES)
		build_addresses(e, sa, &b);
	ike_build_notify(&b, IKE_NOTIFY_COOKIE2, bytes_of(m->cookie2, sizeof(m->cookie2)));
	return ike_request_send(e, sa, IKE_EXCHANGE_INFORMATIONAL, &b);
}

/* Whether the answer came on the path that the request spoke of, and it is still ours. */
static bool path_holds(const struct ike_received *x, const struct ike_mobike *m)
{
	return address_equal(&m->sent_local, &x->sa->local) &&
	       address_equal(&m->sent_remote, &x->sa->remote) &&
	       address_same_host(&x->datagram->local, &m->sent_local) &&
	       address_same_host(&x->datagram->remote, &m->sent_remote);
}

/* Remembers how the peer saw us. True when that is news. */
static bool seen_changed(struct ike_mobike *m, const struct ike_message *message)
{
	const struct ike_notify *n =
		ike_message_notify(message, IKE_NOTIFY_NAT_DETECTION_DESTINATION_IP);

	if (!n || n->data.length != sizeof(m->seen_as) ||
		memcmp(n->data.at, m->seen_as, sizeof(m->seen_as)) == 0)
		return false;
	bytes_copy(m->seen_as, n->data);
	return true;
}

static void refused(struct ike_received *x, uint16_t type)
{
	struct ike_sa *sa = x->sa;
	struct ike_mobike *m = sa->mobike;
	struct address local, remote;
	char text[IKE_NUMBER_TEXT_MAX];

	ike_log(x->e, sa, IKE_LOG_IKE, IKE_LOG_AUDIT,
		"peer refuses the new addresses of IKE_SA %s[%u] with %s", sa->connection->name,
		sa->unique_id, ike_notify_format(type, text));
	m->refused_local = m->sent_local;
	m->refused_remote = m->sent_remote;
	/* Each other address once: who refuses all is not asked in circles. */
	if (m->refusals < m->peer_count && ike_roam_other(x->e, sa, &local, &remote)) {
		m->refusals++;
		ike_roam_to(x->e, sa, &local, &remote);
	}
}

static bool cookie_returned(const struct ike_received *x)
{
	const struct ike_mobike *m = x->sa->mobike;
	const struct ike_notify *n = ike_message_notify(x->message, IKE_NOTIFY_COOKIE2);

	return n && bytes_equal(n->data, bytes_of(m->cookie2, sizeof(m->cookie2)));
}

/* Who has seen the cookie elsewhere can answer in the name of any host; traffic must not follow. */
static bool proves_presence(const struct ike_sa *sa)
{
	return !sa->mobike->astray || address_same_host(ike_children_remote(sa), &sa->remote);
}

enum ike_outcome ike_mobike_answered(struct ike_received *x)
{
	struct ike_sa *sa = x->sa;
	struct ike_mobike *m = sa->mobike;
	const struct ike_notify *error = ike_message_error(x->message);
	uint8_t sent = m->sent;

	m->sent = 0;
	if (!cookie_returned(x)) {
		ike_failure_set(x->failure, IKE_REASON_PROTOCOL, NULL, NULL,
			"peer did not return COOKIE2: it may not be where it says");
		ike_request_answered(x->e, sa);
		ike_delete_once(x->e, sa);
		return IKE_OUTCOME_END;
	}
	if (!path_holds(x, m)) { /* says nothing about the present path */
		if (sent & IKE_MOBIKE_CHECK)
			ike_mobike_want(sa, IKE_MOBIKE_CHECK);
		return IKE_OUTCOME_OK;
	}
	if (error) {
		if (sent & IKE_MOBIKE_UPDATE)
			refused(x, error->type);
		return IKE_OUTCOME_OK;
	}
	if (!proves_presence(sa)) {
		ike_mobike_want(sa, sent & (IKE_MOBIKE_UPDATE | IKE_MOBIKE_CHECK));
		return IKE_OUTCOME_OK;
	}
	m->refusals = 0;
	if (sent & IKE_MOBIKE_UPDATE) {
		(void)ike_nat_detect(x->e, sa, x->message);
		(void)seen_changed(m, x->message);
		/* The peer goes where it came from first, and answers what comes later like that.
		 */
		if (m->astray)
			ike_mobike_want(sa, IKE_MOBIKE_UPDATE);
	}
	ike_path_follow(x->e, sa);
	return IKE_OUTCOME_OK;
}

/* ---- Requests of the peer ---- */

/* RFC 4555 4.2.6: source and destination as the peer sees them: addresses, then ports. */
static bool nats_are_allowed(const struct ike_received *x)
{
	const struct ike_notify *n = ike_message_notify(x->message, IKE_NOTIFY_NO_NATS_ALLOWED);
	const struct ike_datagram *d = x->datagram;
	size_t size = address_size(&d->remote);

	if (!n)
		return true;
	struct reader r = reader_of(n->data);
	struct bytes source = reader_bytes(&r, size), destination = reader_bytes(&r, size);
	uint16_t source_port = reader_u16(&r), destination_port = reader_u16(&r);
	return reader_end(&r) && bytes_equal(source, address_octets(&d->remote)) &&
	       bytes_equal(destination, address_octets(&d->local)) &&
	       source_port == d->remote.port && destination_port == d->local.port;
}

static void update_requested(struct ike_received *x)
{
	struct ike_sa *sa = x->sa;

	if (sa->original_initiator) {
		ike_log(x->e, sa, IKE_LOG_IKE, IKE_LOG_INFO,
			"ignoring UPDATE_SA_ADDRESSES: it is for the initiator to decide");
		return;
	}
	if (!nats_are_allowed(x)) {
		ike_log(x->e, sa, IKE_LOG_IKE, IKE_LOG_INFO,
			"peer wants no NAT, and there is one: refusing its new addresses");
		ike_build_notify(x->reply, IKE_NOTIFY_UNEXPECTED_NAT_DETECTED, (struct bytes){ 0 });
		return;
	}
	if (!ike_path_set(x->e, sa, &x->datagram->local, &x->datagram->remote)) {
		ike_build_notify(x->reply, IKE_NOTIFY_UNACCEPTABLE_ADDRESSES, (struct bytes){ 0 });
		return;
	}
	(void)ike_nat_detect(x->e, sa, x->message);
	/* To who is where it was, traffic goes on at once; to another host not before that has
	 * proved to be the peer. */
	if (address_same_host(ike_children_remote(sa), &sa->remote))
		ike_path_follow(x->e, sa);
	else
		ike_mobike_want(sa, IKE_MOBIKE_CHECK);
	ike_request_repeat(x->e, sa);
}

/* The responder's address may be gone; then it says from another one which ones it has. */
static void addresses_told(struct ike_received *x)
{
	struct ike_sa *sa = x->sa;
	const struct ike_datagram *d = x->datagram;

	if (!sa->original_initiator || address_same_host(&d->remote, &sa->remote) ||
		(sa->mobike &&
			address_is_among(sa->mobike->peers, sa->mobike->peer_count, &sa->remote)))
		return;
	ike_log(x->e, sa, IKE_LOG_IKE, IKE_LOG_INFO, "peer has left its address");
	ike_roam_to(x->e, sa, &d->local, &d->remote);
}

static bool has_nat_detection(const struct ike_message *message)
{
	return ike_message_notify(message, IKE_NOTIFY_NAT_DETECTION_SOURCE_IP) ||
	       ike_message_notify(message, IKE_NOTIFY_NAT_DETECTION_DESTINATION_IP);
}

void ike_mobike_requested(struct ike_received *x)
{
	const struct ike_notify *cookie = ike_message_notify(x->message, IKE_NOTIFY_COOKIE2);
	struct ike_sa *sa = x->sa;

	if (!sa->peer_mobike)
		return;
	if (ike_message_notify(x->message, IKE_NOTIFY_UPDATE_SA_ADDRESSES))
		update_requested(x);
	if (read_addresses(sa, x->message)) {
		addresses_told(x);
		ike_roam_peer_told(x->e, sa);
	}
	if (has_nat_detection(x->message))
		ike_nat_build(x->e, sa, &x->datagram->local, &x->datagram->remote, x->reply);
	if (cookie && cookie->data.length >= COOKIE2_MIN && cookie->data.length <= COOKIE2_MAX)
		ike_build_notify(x->reply, IKE_NOTIFY_COOKIE2, cookie->data);
}

/* ---- NAT boxes that forget ---- */

static bool watches_nat(const struct ike_sa *sa)
{
	return sa->peer_mobike && sa->original_initiator && sa->nat_local;
}

void ike_mobike_build_probe(struct ike_engine *e, struct ike_sa *sa, struct ike_builder *b)
{
	if (watches_nat(sa))
		ike_nat_build(e, sa, &sa->local, &sa->remote, b);
}

void ike_mobike_probe_answered(struct ike_received *x)
{
	struct ike_sa *sa = x->sa;

	if (!watches_nat(sa) || !ike_mobike_get(sa) || !seen_changed(sa->mobike, x->message))
		return;
	ike_log(x->e, sa, IKE_LOG_IKE, IKE_LOG_INFO,
		"our NAT has another address or port for us, telling the peer");
	ike_mobike_want(sa, IKE_MOBIKE_UPDATE);
}
