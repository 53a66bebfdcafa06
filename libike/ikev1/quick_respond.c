/* Quick Mode, responder (RFC 2409 5.5). */
#include "libike/ikev1/quick.h"
#include "libike/supervisor.h"

/* What comes of message 1. */
struct answer {
	const struct ike_child_config *config;
	struct ikev1_choice choice;
	struct isakmp_offer chosen;
	uint8_t mode;
	uint32_t spi;          /* the peer's */
	struct ike_child *old; /* that it replaces; or NULL */
	struct ike_key_exchange *key_exchange;
	struct secret shared;
	struct ike_failure failure;
	uint16_t notify; /* what to refuse with */
};

/* ---- Which child ---- */

static void fail_pair(
	const struct ikev1_received *x, const struct ike_child_selectors *theirs, struct answer *a)
{
	const struct ike_child_config *nearest = ike_child_nearest_config(x->sa, theirs);
	char text[1100];

	a->notify = ISAKMP_NOTIFY_INVALID_ID_INFORMATION;
	a->config = nearest;
	if (!nearest) {
		ike_child_selectors_describe(
			theirs->local, 1, theirs->remote, 1, text, sizeof(text));
		ike_failure_set(&a->failure, IKE_REASON_NO_SELECTORS, NULL, text,
			"connection '%s' has no children", x->sa->connection->name);
		return;
	}
	ike_child_fail_selectors(&a->failure, x->sa, nearest, theirs,
		"no common traffic selectors, the nearest are those");
}

static bool choose_child(const struct ikev1_received *x, struct answer *a)
{
	struct ikev1_pair theirs;

	if (!ikev1_quick_read_pair(x, false, &theirs)) {
		a->notify = ISAKMP_NOTIFY_INVALID_ID_INFORMATION;
		ike_failure_set(&a->failure, IKE_REASON_NO_SELECTORS, NULL, NULL,
			"peer's Quick Mode has identities that are no traffic selectors");
		return false;
	}
	a->config = ikev1_quick_choose(x, &theirs, &a->choice);
	if (a->config)
		return true;
	fail_pair(x, &theirs.said, a);
	return false;
}

/* ---- Its proposal ---- */

static bool choose_proposal(const struct ikev1_received *x, struct answer *a)
{
	const struct isakmp_sa_view *theirs = &x->message->sa;
	bool compression = ike_child_may_compress(x->e, x->sa, a->config);

	a->notify = ISAKMP_NOTIFY_NO_PROPOSAL_CHOSEN;
	if (!isakmp_offer_choose(
		    &a->config->proposals, theirs, 2, NULL, 0, compression, &a->chosen) ||
		!ikev1_spi_value(a->chosen.spi, &a->spi)) {
		ikev1_quick_fail_proposals(&a->failure, a->config, theirs, "no common proposal");
		return false;
	}
	/* Transport mode needs both; what the initiator does not ask for it does not get. */
	if (ikev1_nat_mode(x->sa, a->chosen.encapsulation, &a->mode) &&
		(a->mode == IKE_MODE_TUNNEL || a->config->mode == IKE_MODE_TRANSPORT))
		return true;
	ike_failure_set(&a->failure, IKE_REASON_UNSUPPORTED, NULL, NULL,
		"peer wants encapsulation mode %u for CHILD_SA '%s', which is not the one of our "
		"definition or not what the NAT between us demands (we would say %u)",
		a->chosen.encapsulation, a->config->name,
		ikev1_nat_encapsulation(x->sa, a->config->mode));
	return false;
}

static bool answer_key_exchange(const struct ikev1_received *x, struct answer *a)
{
	uint16_t group = a->chosen.suite.group;

	if (group == 0)
		return true;
	a->notify = ISAKMP_NOTIFY_INVALID_KEY_INFORMATION;
	if (ISAKMP_HAS(x->message, KE))
		a->key_exchange =
			ike_key_exchange_answer(x->e->crypto, group, x->message->ke, &a->shared);
	if (a->key_exchange)
		return true;
	ike_failure_set(&a->failure, IKE_REASON_PROTOCOL, NULL, NULL,
		"key exchange for CHILD_SA '%s' failed: the peer's public value is %s",
		a->config->name, ISAKMP_HAS(x->message, KE) ? "not valid" : "missing");
	return false;
}

/* ---- Message 2 ---- */

static bool ours_is_shorter(const struct answer *a)
{
	const struct ike_child_config *config = a->config;
	uint64_t kilobytes = ikev1_quick_kilobytes(config);

	return (config->life_time > 0 && (a->chosen.life_seconds > config->life_time ||
						 a->chosen.life_seconds == 0)) ||
	       (kilobytes > 0 && a->chosen.life_kilobytes > kilobytes);
}

static bool send_2(struct ikev1_received *x, const struct answer *a, const struct ike_child *child)
{
	const struct ike_child_secrets s = ikev1_quick_secrets(x->exchange, (struct bytes){ 0 });
	struct ike_builder b;
	uint8_t spi[4];

	ike_builder_start(x->e, &b);
	size_t mark = ikev1_hash_open(x->sa, &b);
	isakmp_build_sa_answer(&b, &a->chosen, ikev1_spi_octets(child->spi_in, spi), child->cpi_in);
	isakmp_build_nonce(&b, s.nonce_r);
	if (a->key_exchange)
		isakmp_build_ke(&b, ike_key_exchange_public(a->key_exchange));
	ikev1_quick_build_answer(x, &a->choice, &b);
	if (ours_is_shorter(a))
		ikev1_quick_build_lifetime(&b, child);
	ikev1_nat_build_oa(x->e, x->sa, child->mode, false, &b);
	return ikev1_send_hashed(x->e, x->sa, x->exchange, &b, mark, 2, s.nonce_i,
		(struct bytes){ 0 }, IKEV1_SEND_KEEP);
}

/* ---- The child ---- */

static struct ike_child *make_child(struct ikev1_received *x, const struct answer *a)
{
	const struct ike_child_selectors *agreed = &a->choice.agreed;
	struct ike_child *child = ike_child_new(x->e, x->sa, a->config, a->old);

	if (!child)
		return NULL;
	if (!ike_child_set_selectors(child, agreed->local, agreed->local_count, agreed->remote,
		    agreed->remote_count)) {
		ike_child_destroy(x->e, child, IKE_REASON_NONE);
		return NULL;
	}
	child->says_all = a->choice.says_all;
	child->suite = a->chosen.suite;
	child->mode = a->mode;
	child->spi_out = a->spi;
	ikev1_quick_limit(x->e, child, a->chosen.life_seconds, a->chosen.life_kilobytes);
	return child;
}

/* Without a CPI of ours: what the peer offers without compression. */
static bool agree_compression(struct ikev1_received *x, struct answer *a, struct ike_child *child)
{
	if (!a->chosen.cpi)
		return true;
	ike_child_allocate_cpi(x->e, child);
	if (child->cpi_in) {
		child->cpi_out = a->chosen.cpi;
		return true;
	}
	const struct ike_suite suite = a->chosen.suite;
	return isakmp_offer_choose(
		       &a->config->proposals, &x->message->sa, 2, NULL, 0, false, &a->chosen) &&
	       memcmp(&a->chosen.suite, &suite, sizeof(suite)) == 0;
}

static bool install(struct ikev1_received *x, struct answer *a, struct ike_child *child)
{
	const struct ike_child_secrets secrets =
		ikev1_quick_secrets(x->exchange, secret_bytes(&a->shared));
	struct why why;

	why_fail(&why, "the peer offers it with IPComp alone");
	if (ike_child_allocate_spi(x->e, child, child->suite.protocol, &why) &&
		agree_compression(x, a, child) &&
		ike_handover_begin(x->e, child, a->old, false, &secrets, &why)) {
		/* The keys are of the IKE SA under which they were agreed on. */
		if (a->old && a->old->sa != x->sa)
			ike_child_move(x->e, child, a->old->sa);
		return true;
	}
	a->notify = ISAKMP_NOTIFY_NO_PROPOSAL_CHOSEN;
	ike_failure_set_kernel(&a->failure, a->config->name, &why);
	return false;
}

static bool bring_up(struct ikev1_received *x, struct answer *a)
{
	struct ike_child *child = make_child(x, a);

	if (!child) {
		ike_failure_set(&a->failure, IKE_REASON_RESOURCES, NULL, NULL, "out of memory");
		return false;
	}
	if (!install(x, a, child) || !send_2(x, a, child)) {
		ike_failure_set(&a->failure, IKE_REASON_RESOURCES, NULL, NULL,
			"message 2 of Quick Mode for CHILD_SA '%s' could not be made",
			a->config->name);
		ike_child_destroy(x->e, child, IKE_REASON_NONE);
		return false;
	}
	x->exchange->quick->spi = child->spi_in;
	x->exchange->step = IKEV1_QUICK_3;
	x->exchange->forget_at = IKE_NEVER; /* as long as the child waits */
	ikev1_handover_await(x->e, child, IKEV1_AWAITS_3);
	if (a->old && a->old->state == IKE_CHILD_INSTALLED) {
		ike_child_set_state(x->e, a->old, IKE_CHILD_REKEYED);
		ike_child_drop_rekeying(x->e, a->old);
	}
	return true;
}

/* ---- Message 1 ---- */

/* The peer knows it by its SPI; the first that is offered will do. */
static void refuse(struct ikev1_received *x, struct answer *a)
{
	struct isakmp_offer first = { 0 };
	size_t cursor = 0;

	if (!isakmp_offer_next(&x->message->sa, 2, &cursor, &first))
		first.protocol = ISAKMP_PROTOCOL_ESP;
	if (a->failure.reason != IKE_REASON_NONE)
		ike_log_child_failure(x->e, x->sa, x->sa->connection,
			a->config ? a->config->name : NULL, &a->failure);
	ikev1_inform_notify(x->e, x->sa, first.protocol, a->notify, first.spi, (struct bytes){ 0 });
}

/* The peer's Quick Mode for the same child before this one is not through. */
static bool is_busy(struct ikev1_received *x, const struct ike_child *old)
{
	struct ike_child *successor = old ? ike_handover_of(old) : NULL;

	if (!successor)
		return false;
	/* Ours: that the peer replaces it shows that it has it. */
	if (successor->handover->initiator)
		ikev1_handover_complete(x->e, successor);
	return true;
}

static bool may_be(struct ikev1_received *x, struct answer *a)
{
	if (ike_children_are_full(x->sa, a->old)) {
		ike_log_noise(x->e, x->sa, IKE_LOG_IKE,
			"refusing CHILD_SA '%s': IKE_SA %s[%u] has too many", a->config->name,
			x->sa->connection->name, x->sa->unique_id);
		a->notify = IKEV1_NOTIFY_NO_ADDITIONAL_SAS;
		return false;
	}
	if (a->old || !ike_twins_refuse_crossing(x->e, x->sa, a->config))
		return true;
	a->notify = IKEV1_NOTIFY_NO_ADDITIONAL_SAS;
	return false;
}

static struct ike_child *find_old(const struct ikev1_received *x, const struct answer *a)
{
	return ikev1_quick_replaced(x->e, x->sa, a->config, &a->choice.agreed, a->mode);
}

static enum ikev1_outcome answer_1(struct ikev1_received *x, struct answer *a)
{
	if (!choose_child(x, a) || !choose_proposal(x, a)) {
		refuse(x, a);
		return IKEV1_IGNORE;
	}
	a->old = find_old(x, a);
	if (is_busy(x, a->old)) {
		a->old = find_old(x, a);
		if (a->old && ike_handover_of(a->old))
			return IKEV1_IGNORE; /* it will say it again */
	}
	if (!may_be(x, a) || !answer_key_exchange(x, a) || !bring_up(x, a)) {
		refuse(x, a);
		return IKEV1_IGNORE;
	}
	return IKEV1_OK;
}

/* A message 1 from long ago: its SPI is that of a child that is there. */
static bool is_replayed(const struct ikev1_received *x)
{
	struct isakmp_offer offer;
	size_t cursor = 0;
	uint32_t spi;

	return isakmp_offer_next(&x->message->sa, 2, &cursor, &offer) &&
	       ikev1_spi_value(offer.spi, &spi) && ike_child_by_spi(x->sa, spi, false);
}

enum ikev1_outcome ikev1_quick_1(struct ikev1_received *x)
{
	struct answer a = { 0 };

	if (!x->sa->was_established || x->sa->state == IKE_SA_DELETING ||
		ikev1_transactions_pending(x->sa) || is_replayed(x))
		return IKEV1_IGNORE;
	if (!x->exchange->quick && !ikev1_quick_new(x->e, x->exchange))
		return IKEV1_IGNORE;
	if (!ikev1_quick_keep_nonce(x))
		return IKEV1_IGNORE;
	x->exchange->quick->commit = x->message->header.flags & ISAKMP_FLAG_COMMIT;
	/* Not an OK of the table: what is refused is refused again when the peer repeats it, as the
	 * notify may get lost. */
	enum ikev1_outcome outcome = answer_1(x, &a);
	ike_key_exchange_free(a.key_exchange);
	secret_free(&a.shared);
	ike_failure_free(&a.failure);
	return outcome;
}

/* ---- Message 3, and CONNECTED of an initiator that sets the commit bit ---- */

enum ikev1_outcome ikev1_quick_3(struct ikev1_received *x)
{
	struct ike_child *child = ikev1_quick_child(x->e, x->exchange);
	bool commit = x->exchange->quick->commit;

	ikev1_exchange_done(x->e, x->sa, x->exchange);
	if (!child || !child->handover || child->handover->awaits != IKEV1_AWAITS_3)
		return IKEV1_OK;
	if (commit)
		ikev1_handover_await(x->e, child, IKEV1_AWAITS_CONNECTED);
	else
		ikev1_handover_arrived(x->e, child);
	return IKEV1_OK;
}

enum ikev1_outcome ikev1_quick_connected(struct ikev1_received *x)
{
	struct ike_child *child, *next;
	uint32_t spi = 0;
	const struct isakmp_notify *n = isakmp_message_notify(x->message, ISAKMP_NOTIFY_CONNECTED);

	if (!n)
		return IKEV1_IGNORE;
	bool named = ikev1_spi_value(n->spi, &spi);
	for (child = x->sa->handovers ? x->sa->children : NULL; child; child = next) {
		next = child->next;
		if (child->handover && child->handover->awaits == IKEV1_AWAITS_CONNECTED &&
			(!named || spi == child->spi_in || spi == child->spi_out))
			ikev1_handover_arrived(x->e, child);
	}
	return IKEV1_OK;
}
