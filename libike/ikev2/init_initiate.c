/*
 * IKE_SA_INIT as initiator (RFC 7296 1.2), and what both sides say in it.
 *
 * COOKIE and INVALID_KE_PAYLOAD send us back to the start, with the same SPI, a few times at most.
 * These answers, like all of this exchange, are not authenticated yet.
 */
#include "libike/ikev2/redirect.h"

#include <stdlib.h>

/* RFC 7427 4, RFC 8420. */
static const uint8_t signature_hashes[] = { 0, IKE_HASH_SHA2_256, 0, IKE_HASH_SHA2_384, 0,
	IKE_HASH_SHA2_512, 0, IKE_HASH_IDENTITY };

static uint32_t read_hashes(struct bytes list)
{
	struct reader r = reader_of(list);
	uint32_t hashes = 0;

	while (reader_more(&r)) {
		uint16_t hash = reader_u16(&r);

		if (!r.bad && hash < 32)
			hashes |= IKE_HASH_BIT(hash);
	}
	return hashes;
}

uint32_t ike_init_signature_hashes(const struct ike_engine *e)
{
	if (!e->settings.signature_authentication)
		return 0;
	return read_hashes(bytes_of(signature_hashes, sizeof(signature_hashes)));
}

void ike_init_build_notifies(struct ike_engine *e, struct ike_sa *sa, struct ike_builder *b)
{
	const struct ike_connection *c = sa->connection;

	ike_nat_build(e, sa, &sa->local, &sa->remote, b);
	if (c->fragmentation != IKE_FRAGMENTATION_NO)
		ike_build_notify(b, IKE_NOTIFY_IKEV2_FRAGMENTATION_SUPPORTED, (struct bytes){ 0 });
	if (e->settings.signature_authentication)
		ike_build_notify(b, IKE_NOTIFY_SIGNATURE_HASH_ALGORITHMS,
			bytes_of(signature_hashes, sizeof(signature_hashes)));
	ike_ppk_build_use(sa, b);
	if (sa->initiator)
		ike_redirect_build_init(e, sa, b);
	if (sa->initiator ? ike_proposals_have_additional(c->proposals.items, c->proposals.count)
			  : ike_suite_additional_count(&sa->suite) > 0)
		ike_build_notify(
			b, IKE_NOTIFY_INTERMEDIATE_EXCHANGE_SUPPORTED, (struct bytes){ 0 });
	/* Cisco's then takes selectors of ours beside the virtual address. */
	if (e->settings.cisco_flexvpn)
		ike_build_vendor(b, bytes_of_text("FLEXVPN-SUPPORTED"));
	if (e->settings.send_vendor_id)
		ike_build_vendor(b, bytes_of_text("charon-lite"));
}

void ike_init_read_notifies(
	struct ike_engine *e, struct ike_sa *sa, const struct ike_message *message)
{
	sa->peer_fragments =
		ike_message_notify(message, IKE_NOTIFY_IKEV2_FRAGMENTATION_SUPPORTED) != NULL;
	sa->peer_childless =
		ike_message_notify(message, IKE_NOTIFY_CHILDLESS_IKEV2_SUPPORTED) != NULL;
	const struct ike_notify *hashes =
		ike_message_notify(message, IKE_NOTIFY_SIGNATURE_HASH_ALGORITHMS);
	sa->negotiation->peer_hashes =
		hashes && e->settings.signature_authentication ? read_hashes(hashes->data) : 0;
}

static bool prepare(struct ike_engine *e, struct ike_sa *sa)
{
	struct ike_negotiation *n = sa->negotiation;

	if (!n->group)
		n->group = ike_proposals_first_group(&sa->connection->proposals);
	if (n->nonce_length == 0) {
		n->nonce_length = IKE_NONCE_LENGTH;
		if (!ike_crypto_random(e->crypto, n->nonce, n->nonce_length))
			return false;
	}
	if (!n->key_exchange)
		n->key_exchange = ike_key_exchange_new(e->crypto, n->group);
	return n->key_exchange != NULL;
}

bool ike_init_start(struct ike_engine *e, struct ike_sa *sa, struct ike_failure *failure)
{
	struct ike_negotiation *n = sa->negotiation;
	const struct ike_connection *c = sa->connection;
	struct ike_builder b;
	char to[ADDRESS_TEXT_MAX];

	if (!ike_ppk_begin(e, sa, failure))
		return false;
	if (!prepare(e, sa)) {
		ike_failure_set(failure, IKE_REASON_UNSUPPORTED, NULL, NULL,
			"key exchange method %u of connection '%s' is not available in this "
			"OpenSSL",
			n->group, c->name);
		return false;
	}
	if (n->restarts == 0 && !n->init_sent) {
		ike_tally(e, sa, IKE_TALLY_BEGUN);
		ike_log(e, sa, IKE_LOG_IKE, IKE_LOG_AUDIT, "initiating IKE_SA %s[%u] to %s",
			c->name, sa->unique_id, address_format(&sa->remote, to));
	}
	ike_sa_set_state(e, sa, IKE_SA_CONNECTING);
	ike_builder_start(e, &b);
	if (n->cookie.length > 0)
		ike_build_notify(&b, IKE_NOTIFY_COOKIE, n->cookie);
	ike_build_sa(&b, c->proposals.items, c->proposals.count, (struct bytes){ 0 }, false);
	ike_build_ke(&b, n->group, ike_key_exchange_public(n->key_exchange));
	ike_build_nonce(&b, bytes_of(n->nonce, n->nonce_length));
	ike_init_build_notifies(e, sa, &b);
	sa->next_request = 0;
	if (!ike_request_send(e, sa, IKE_EXCHANGE_SA_INIT, &b))
		return false;
	free((void *)n->init_request.at);
	n->init_request = bytes_duplicate(ike_packets_get(sa->request, 0));
	return n->init_request.at != NULL;
}

bool ike_init_restart(struct ike_engine *e, struct ike_sa *sa, struct ike_failure *failure)
{
	struct ike_negotiation *n = sa->negotiation;

	ike_request_answered(e, sa);
	ike_init_sent_free(n);
	ike_key_exchange_free(n->key_exchange);
	n->key_exchange = NULL;
	n->nonce_length = 0;
	free((void *)n->cookie.at);
	n->cookie = (struct bytes){ 0 };
	n->restarts = 0;
	return ike_sa_renew_spi(e, sa) && ike_target_start(e, sa, failure);
}

/* It went to several pairs of addresses: where the answer comes from is where we go on. */
static void go_where_it_answers(struct ike_received *x)
{
	struct ike_sa *sa = x->sa;
	struct ike_negotiation *n = sa->negotiation;
	char from[ADDRESS_TEXT_MAX], to[ADDRESS_TEXT_MAX];

	if (ike_init_sent_take(n, &x->datagram->local, &x->datagram->remote))
		ike_log(x->e, sa, IKE_LOG_IKE, IKE_LOG_INFO, "going on from %s to %s",
			address_format(&sa->local, from), address_format(&sa->remote, to));
	else if (!n->init_request.at)
		(void)ike_init_sent_take(n, &sa->local, &sa->remote);
	ike_init_sent_free(n);
	ike_path_answered(x->e, sa, &x->datagram->remote);
}

/* Once more from the start, as the responder asked. */
static enum ike_outcome start_over(struct ike_received *x)
{
	struct ike_negotiation *n = x->sa->negotiation;

	if (++n->restarts > IKE_INIT_RESTARTS_MAX) {
		ike_failure_set(x->failure, IKE_REASON_PROTOCOL, NULL, NULL,
			"peer sent us back to IKE_SA_INIT %u times", n->restarts);
		return IKE_OUTCOME_END;
	}
	go_where_it_answers(x);
	ike_request_answered(x->e, x->sa);
	return ike_init_start(x->e, x->sa, x->failure) ? IKE_OUTCOME_IGNORE : IKE_OUTCOME_END;
}

static enum ike_outcome cookie_demanded(struct ike_received *x, const struct ike_notify *cookie)
{
	struct ike_negotiation *n = x->sa->negotiation;

	/* The one that we sent already answers an older transmission of ours. */
	if (cookie->data.length == 0 || cookie->data.length > 64 ||
		bytes_equal(cookie->data, n->cookie))
		return IKE_OUTCOME_IGNORE;
	free((void *)n->cookie.at);
	n->cookie = bytes_duplicate(cookie->data);
	ike_log(x->e, x->sa, IKE_LOG_IKE, IKE_LOG_INFO, "peer demands a cookie");
	return start_over(x);
}

static enum ike_outcome group_demanded(struct ike_received *x, const struct ike_notify *invalid)
{
	struct ike_negotiation *n = x->sa->negotiation;
	struct reader r = reader_of(invalid->data);
	uint16_t group = reader_u16(&r);
	char ours[IKE_PROPOSAL_TEXT_MAX];
	const struct ike_proposals *proposals = &x->sa->connection->proposals;

	if (!reader_end(&r) || group == n->group)
		return IKE_OUTCOME_IGNORE;
	if (!ike_proposals_have_group(proposals, group)) {
		ike_failure_set(x->failure, IKE_REASON_NO_PROPOSAL,
			ike_proposals_format(proposals->items, proposals->count, ours), NULL,
			"peer wants key exchange method %u, which we did not offer", group);
		ike_failure_set_differs(x->failure, "key exchange");
		x->failure->notify = IKE_NOTIFY_INVALID_KE_PAYLOAD;
		return IKE_OUTCOME_END;
	}
	ike_log(x->e, x->sa, IKE_LOG_IKE, IKE_LOG_INFO,
		"peer didn't accept key exchange method %u, it requested %u", n->group, group);
	n->group = group;
	ike_key_exchange_free(n->key_exchange);
	n->key_exchange = NULL;
	return start_over(x);
}

static enum ike_outcome refused(struct ike_received *x)
{
	const struct ike_notify *n = ike_message_notify(x->message, IKE_NOTIFY_COOKIE);
	const struct ike_proposals *ours = &x->sa->connection->proposals;
	char text[IKE_NUMBER_TEXT_MAX], proposals[IKE_PROPOSAL_TEXT_MAX];

	if (n)
		return cookie_demanded(x, n);
	if ((n = ike_message_notify(x->message, IKE_NOTIFY_INVALID_KE_PAYLOAD)))
		return group_demanded(x, n);
	if ((n = ike_message_notify(x->message, IKE_NOTIFY_REDIRECT)))
		return ike_redirect_in_init(x, n);
	n = ike_message_error(x->message);
	if (!n)
		return IKE_OUTCOME_IGNORE;
	enum ike_reason reason = ike_notify_reason(n->type);
	ike_failure_set(x->failure, reason,
		reason == IKE_REASON_NO_PROPOSAL
			? ike_proposals_format(ours->items, ours->count, proposals)
			: NULL,
		NULL, "peer refused IKE_SA_INIT with %s%s", ike_notify_format(n->type, text),
		reason == IKE_REASON_NO_PROPOSAL
			? ": it accepts none of our proposals, or has no connection for our address"
			: "");
	x->failure->notify = n->type;
	return IKE_OUTCOME_END;
}

static bool agree(struct ike_received *x)
{
	struct ike_proposal answer[2];
	char ours[IKE_PROPOSAL_TEXT_MAX], theirs[IKE_PROPOSAL_TEXT_MAX];
	const struct ike_proposals *offered = &x->sa->connection->proposals;
	size_t count = ike_sa_view_read(&x->message->sa, answer, NULL, 2);

	if (count != 1 || !ike_proposal_accepts(offered, answer, false, &x->sa->suite)) {
		ike_failure_set(x->failure, IKE_REASON_PROTOCOL,
			ike_proposals_format(offered->items, offered->count, ours),
			ike_proposals_format(answer, count, theirs),
			"peer chose an IKE proposal that we did not offer");
		return false;
	}
	if (x->sa->suite.group != x->sa->negotiation->group ||
		x->message->ke.group != x->sa->suite.group) {
		ike_failure_set(x->failure, IKE_REASON_PROTOCOL, NULL, NULL,
			"peer answered with key exchange method %u to our %u", x->message->ke.group,
			x->sa->negotiation->group);
		return false;
	}
	if (ike_suite_additional_count(&x->sa->suite) > 0 &&
		!ike_message_notify(x->message, IKE_NOTIFY_INTERMEDIATE_EXCHANGE_SUPPORTED)) {
		ike_failure_set(x->failure, IKE_REASON_PROTOCOL, NULL, NULL,
			"peer chose additional key exchanges without support for "
			"IKE_INTERMEDIATE");
		return false;
	}
	return true;
}

static bool derive(struct ike_received *x)
{
	struct ike_sa *sa = x->sa;
	struct ike_negotiation *n = sa->negotiation;
	AUTO_SECRET shared = { 0 };

	n->peer_nonce = bytes_duplicate(x->message->nonce);
	n->init_response = bytes_duplicate(x->datagram->data);
	if (n->peer_nonce.at && n->init_response.at &&
		ike_key_exchange_derive(n->key_exchange, x->message->ke.public_value, &shared) &&
		ike_keys_derive(x->e, sa, bytes_of(n->nonce, n->nonce_length), n->peer_nonce,
			secret_bytes(&shared)))
		return true;
	ike_failure_set(x->failure, IKE_REASON_PROTOCOL, NULL, NULL,
		"key exchange failed: the peer's public value is not valid for %s",
		ike_suite_group(&sa->suite)->name);
	return false;
}

/* Behind a NAT everything moves to port 4500 (RFC 7296 2.23), and with MOBIKE because either side
 * may come to be behind one (RFC 4555 3.3). */
static void float_ports(struct ike_engine *e, struct ike_sa *sa, bool peer_traverses)
{
	bool wanted = sa->nat_local || sa->nat_remote || sa->nat_fake ||
		      (peer_traverses && sa->connection->mobike);

	if (!wanted || sa->local.port != e->settings.port)
		return;
	sa->local.port = e->settings.port_nat_t;
	sa->remote.port = IKE_PORT_NAT_T;
}

enum ike_outcome ike_init_answered(struct ike_received *x)
{
	struct ike_sa *sa = x->sa;
	struct ike_negotiation *n = sa->negotiation;

	if (!IKE_HAS(x->message, SA))
		return refused(x);
	if (x->message->header.spi_responder == 0)
		return IKE_OUTCOME_IGNORE;
	go_where_it_answers(x);
	sa->spi_responder = x->message->header.spi_responder;
	if (!agree(x) || !ike_ppk_answered(x) || !derive(x) || !ike_intermediate_expect(sa) ||
		!ike_certreqs_keep(n, x->message))
		return IKE_OUTCOME_END;
	ike_log_suite(x->e, sa, &sa->suite);
	ike_init_read_notifies(x->e, sa, x->message);
	n->peer_multiple =
		ike_message_notify(x->message, IKE_NOTIFY_MULTIPLE_AUTH_SUPPORTED) != NULL;
	float_ports(x->e, sa, ike_nat_detect(x->e, sa, x->message));
	ike_key_exchange_free(n->key_exchange);
	n->key_exchange = NULL;
	n->stage = IKE_STAGE_AUTH;
	ike_crossing_hold(x->e, sa);
	return IKE_OUTCOME_OK;
}
