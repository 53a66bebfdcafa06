/* Quick Mode: nonces, lifetimes, what is replaced (RFC 2409 5.5, RFC 2407 4.5, 4.6). */
#include "libike/ikev1/quick.h"

#include <inttypes.h>
#include <stdlib.h>

#define PROPOSALS_MAX 32
#define NONCE_MIN 8
/* RFC 2407 4.5: attributes of lifetimes */
#define LIFE_TYPE 1
#define LIFE_DURATION 2
#define LIFE_SECONDS 1
#define LIFE_KILOBYTES 2
#define LIFE_TIME_MAX (UINT32_C(0x7fffffff))

bool ikev1_quick_new(struct ike_engine *e, struct ikev1_exchange *exchange)
{
	struct ikev1_quick *quick = calloc(1, sizeof(*quick));

	if (!quick || !ike_crypto_random(e->crypto, quick->nonce, sizeof(quick->nonce))) {
		free(quick);
		return false;
	}
	exchange->quick = quick;
	return true;
}

void ikev1_quick_free(struct ikev1_quick *quick)
{
	if (!quick)
		return;
	ike_key_exchange_free(quick->key_exchange);
	free((void *)quick->peer_nonce.at);
	free(quick);
}

bool ikev1_quick_keep_nonce(struct ikev1_received *x)
{
	struct ikev1_quick *quick = x->exchange->quick;
	struct bytes nonce = x->message->nonce;

	if (nonce.length < NONCE_MIN || nonce.length > IKE_NONCE_MAX)
		return false;
	free((void *)quick->peer_nonce.at);
	quick->peer_nonce = bytes_duplicate(nonce);
	return quick->peer_nonce.at != NULL;
}

void ikev1_quick_nonces(
	const struct ikev1_exchange *exchange, struct bytes *ret_i, struct bytes *ret_r)
{
	const struct ikev1_quick *quick = exchange->quick;
	struct bytes own = { 0 }, theirs = { 0 };

	if (quick) {
		own = bytes_of(quick->nonce, sizeof(quick->nonce));
		theirs = quick->peer_nonce;
	}
	*ret_i = exchange->initiator ? own : theirs;
	*ret_r = exchange->initiator ? theirs : own;
}

struct ike_child_secrets ikev1_quick_secrets(
	const struct ikev1_exchange *exchange, struct bytes shared)
{
	struct ike_child_secrets secrets = { .shared = shared };

	ikev1_quick_nonces(exchange, &secrets.nonce_i, &secrets.nonce_r);
	return secrets;
}

struct bytes ikev1_spi_octets(uint32_t spi, uint8_t room[4])
{
	struct writer w = writer_of(room, 4);

	writer_u32(&w, spi);
	return writer_bytes(&w);
}

bool ikev1_spi_value(struct bytes octets, uint32_t *ret)
{
	struct reader r = reader_of(octets);
	uint32_t spi = reader_u32(&r);

	if (!reader_end(&r) || spi < 256)
		return false;
	*ret = spi;
	return true;
}

/* ---- Children with the same selectors ---- */

static bool has_selectors(
	const struct ike_child *child, const struct ike_child_selectors *selectors)
{
	if (child->local_count != selectors->local_count ||
		child->remote_count != selectors->remote_count)
		return false;
	for (size_t i = 0; i < child->local_count; i++)
		if (!ike_selector_equal(&ike_child_local(child)[i], &selectors->local[i]))
			return false;
	for (size_t i = 0; i < child->remote_count; i++)
		if (!ike_selector_equal(&ike_child_remote(child)[i], &selectors->remote[i]))
			return false;
	return true;
}

bool ikev1_quick_is_same(const struct ike_child *a, const struct ike_child *b)
{
	struct ike_child_selectors of_b = { .local_count = b->local_count,
		.remote_count = b->remote_count };

	memcpy(of_b.local, ike_child_local(b), b->local_count * sizeof(*of_b.local));
	memcpy(of_b.remote, ike_child_remote(b), b->remote_count * sizeof(*of_b.remote));
	return a != b && a->mode == b->mode && strcmp(a->config->name, b->config->name) == 0 &&
	       has_selectors(a, &of_b);
}

static struct ike_child *newest_with(const struct ike_sa *sa, const struct ike_child_config *config,
	const struct ike_child_selectors *selectors, uint8_t mode)
{
	struct ike_child *found = NULL;

	for (struct ike_child *c = sa->children; c; c = c->next)
		if (c->announced && c->mode == mode &&
			(c->state == IKE_CHILD_INSTALLED || c->state == IKE_CHILD_REKEYING ||
				c->state == IKE_CHILD_REKEYED) &&
			strcmp(c->config->name, config->name) == 0 && has_selectors(c, selectors))
			found = c;
	return found;
}

/* The same two ends, on the same path: a child can go from one to the other. */
static bool is_beside(const struct ike_sa *a, const struct ike_sa *b)
{
	return a != b && a->version == b->version &&
	       strcmp(a->connection->name, b->connection->name) == 0 &&
	       ike_identity_equal(ike_sa_peer_id(a), ike_sa_peer_id(b)) &&
	       address_equal(ike_children_local(a), ike_children_local(b)) &&
	       address_equal(ike_children_remote(a), ike_children_remote(b));
}

struct ike_child *ikev1_quick_replaced(const struct ike_engine *e, const struct ike_sa *sa,
	const struct ike_child_config *config, const struct ike_child_selectors *selectors,
	uint8_t mode)
{
	struct ike_child *found = newest_with(sa, config, selectors, mode);
	const struct ike_sa *other = ike_peers_of(e, sa->local_id, ike_sa_peer_id(sa));

	for (; other && !found; other = other->peer_next)
		if (is_beside(other, sa))
			found = newest_with(other, config, selectors, mode);
	return found;
}

/* ---- Lifetimes ---- */

uint64_t ikev1_quick_kilobytes(const struct ike_child_config *config)
{
	uint64_t kilobytes = config->life_bytes / 1024;

	return kilobytes > UINT32_MAX ? 0 : kilobytes;
}

static bool is_less(uint64_t received, uint64_t configured)
{
	return received > 0 && (configured == 0 || received < configured);
}

void ikev1_quick_limit(
	struct ike_engine *e, struct ike_child *child, uint64_t seconds, uint64_t kilobytes)
{
	const struct ike_child_config *config = child->config;

	if (is_less(seconds, config->life_time) && seconds <= LIFE_TIME_MAX &&
		is_less(seconds, child->life_seconds)) {
		child->life_seconds = (uint32_t)seconds;
		ike_log(e, child->sa, IKE_LOG_IKE, IKE_LOG_INFO,
			"received %" PRIu64 "s lifetime, configured %" PRIu64 "s", seconds,
			config->life_time);
	}
	if (kilobytes <= UINT32_MAX && is_less(kilobytes, ikev1_quick_kilobytes(config)) &&
		is_less(kilobytes * 1024, child->life_bytes)) {
		child->life_bytes = kilobytes * 1024;
		ike_log(e, child->sa, IKE_LOG_IKE, IKE_LOG_INFO,
			"received %" PRIu64 " lifebytes, configured %" PRIu64, child->life_bytes,
			config->life_bytes);
	}
}

static uint64_t value_of(struct bytes octets)
{
	struct reader r = reader_of(octets);
	uint64_t value = 0;

	while (reader_more(&r)) {
		if (value > UINT64_MAX >> 8)
			return 0;
		value = value << 8 | reader_u8(&r);
	}
	return value;
}

void ikev1_quick_read_lifetime(
	struct bytes attributes, uint64_t *ret_seconds, uint64_t *ret_kilobytes)
{
	struct isakmp_attribute attribute;
	uint64_t type = 0;
	size_t cursor = 0;

	*ret_seconds = *ret_kilobytes = 0;
	while (isakmp_attribute_next(attributes, &cursor, &attribute)) {
		if (attribute.type == LIFE_TYPE)
			type = value_of(attribute.value);
		else if (attribute.type == LIFE_DURATION && type == LIFE_SECONDS)
			*ret_seconds = value_of(attribute.value);
		else if (attribute.type == LIFE_DURATION && type == LIFE_KILOBYTES)
			*ret_kilobytes = value_of(attribute.value);
	}
}

static void write_life(struct writer *w, uint16_t type, uint64_t duration)
{
	if (duration == 0 || duration > UINT32_MAX)
		return;
	writer_u16(w, 0x8000 | LIFE_TYPE);
	writer_u16(w, type);
	writer_u16(w, LIFE_DURATION);
	writer_u16(w, 4);
	writer_u32(w, (uint32_t)duration);
}

void ikev1_quick_build_lifetime(struct ike_builder *b, const struct ike_child *child)
{
	uint8_t room[24], spi[4];
	struct writer w = writer_of(room, sizeof(room));

	write_life(&w, LIFE_SECONDS, child->config->life_time);
	write_life(&w, LIFE_KILOBYTES, ikev1_quick_kilobytes(child->config));
	isakmp_build_notify(b, child->suite.protocol, ISAKMP_NOTIFY_RESPONDER_LIFETIME,
		ikev1_spi_octets(child->spi_in, spi), writer_bytes(&w));
}

/* ---- Failures ---- */

void ikev1_quick_fail_proposals(struct ike_failure *failure, const struct ike_child_config *config,
	const struct isakmp_sa_view *view, const char *what)
{
	struct ike_proposal theirs[PROPOSALS_MAX];
	char ours_text[IKE_PROPOSAL_TEXT_MAX], theirs_text[IKE_PROPOSAL_TEXT_MAX];
	char differs[IKE_DIFFERENCE_TEXT_MAX] = "";
	size_t count = view ? isakmp_offers_to_proposals(view, 2, theirs, PROPOSALS_MAX) : 0;
	unsigned set = 0;

	if (view)
		set = ike_proposals_difference(&config->proposals, theirs, count, false, differs);
	ike_failure_set(failure,
		set && !(set & ~IKE_TRANSFORMS_OF_KEYS) ? IKE_REASON_PFS
							: IKE_REASON_NO_CHILD_PROPOSAL,
		ike_proposals_format(config->proposals.items, config->proposals.count, ours_text),
		view ? ike_proposals_format(theirs, count, theirs_text) : NULL,
		"%s for CHILD_SA '%s'", what, config->name);
	if (set)
		ike_failure_set_differs(failure, differs);
}
