/*
 * IKE_SA_INIT as responder (RFC 7296 1.2, 2.6, 2.7):
 *
 *   HDR, [N(COOKIE)], SAi1, KEi, Ni, N+  -->
 *                                        <--  HDR, SAr1, KEr, Nr, N+
 *                                   or   <--  HDR, N(COOKIE | INVALID_KE_PAYLOAD | error)
 *
 * Nothing is kept for a stranger until its proposal, group and (under load) cookie are right; what
 * is kept then goes after half_open_timeout.
 */
#include "libike/ikev2/redirect.h"
#include "libike/names.h"

#include <stdlib.h>

#define PROPOSALS_MAX 32

void ike_init_answer_notify(struct ike_engine *e, const struct ike_datagram *datagram,
	const struct ike_header *request, uint16_t type, struct bytes data)
{
	struct ike_header header = {
		.spi_initiator = request->spi_initiator,
		.version = 0x20,
		.exchange = request->exchange,
		.flags = IKE_FLAG_RESPONSE,
		.message_id = request->message_id,
	};
	struct ike_builder b;

	ike_builder_start(e, &b);
	ike_build_notify(&b, type, data);
	struct ike_packets *packets = ike_packets_clear(&header, &b);
	if (!packets)
		return;
	struct ike_datagram answer = { datagram->local, datagram->remote,
		ike_packets_get(packets, 0), 0 };
	if (answer.data.length <= datagram->data.length) {
		ike_count_message(e, NULL, request->exchange, false, true);
		e->host.send(e->host.context, &answer);
	}
	ike_packets_free(packets);
}

static bool is_flooded(struct ike_engine *e, const struct ike_datagram *datagram,
	const struct ike_message *message)
{
	char from[ADDRESS_TEXT_MAX];
	bool wanted = ike_cookie_wanted(e, &datagram->remote);

	if (wanted && ike_cookie_valid(e, datagram, message)) {
		ike_tally(e, NULL, IKE_TALLY_COOKIE_RETURNED);
	} else if (wanted) {
		uint8_t cookie[IKE_COOKIE_LENGTH];

		ike_log_noise(e, NULL, IKE_LOG_NET, "%u half-open IKE_SAs: asking %s for a cookie",
			e->half_open[1], address_format_with_port(&datagram->remote, from));
		ike_tally(e, NULL, IKE_TALLY_COOKIE_DEMANDED);
		if (ike_cookie_make(e, datagram, message, cookie))
			ike_init_answer_notify(e, datagram, &message->header, IKE_NOTIFY_COOKIE,
				bytes_of(cookie, sizeof(cookie)));
		return true;
	}
	return ike_half_open_is_flooded(e, 2, &datagram->remote, NULL, "IKE_SA_INIT");
}

static void refuse_proposals(struct ike_engine *e, const struct ike_datagram *datagram,
	const struct ike_message *message, const struct ike_choice *choice,
	const struct ike_proposal *theirs, size_t count)
{
	char ours[IKE_PROPOSAL_TEXT_MAX], offered[IKE_PROPOSAL_TEXT_MAX];
	char local[ADDRESS_TEXT_MAX], remote[ADDRESS_TEXT_MAX];
	char differs[IKE_DIFFERENCE_TEXT_MAX];
	struct ike_failure failure = { 0 };

	address_format(&datagram->local, local);
	address_format_with_port(&datagram->remote, remote);
	if (!e->loaded) {
		/* A refusal could make the peer give up; its next retransmission may find one. */
		ike_failure_set(&failure, IKE_REASON_NO_CONNECTION, NULL, NULL,
			"no connection is loaded at all, not answering %s...%s", local, remote);
	} else if (!choice->nearest) {
		ike_names_doubt(e);
		ike_failure_set(&failure, IKE_REASON_NO_CONNECTION, NULL, NULL,
			"no connection is loaded for %s...%s, sending NO_PROPOSAL_CHOSEN", local,
			remote);
		if (ike_loaded_for_other_version(e, 2, &datagram->local, &datagram->remote))
			ike_failure_set_differs(&failure, "version");
	} else {
		ike_failure_set(&failure, IKE_REASON_NO_PROPOSAL,
			ike_proposals_format(choice->nearest->proposals.items,
				choice->nearest->proposals.count, ours),
			ike_proposals_format(theirs, count, offered),
			"no common IKE proposal with %s for connection '%s'", remote,
			choice->nearest->name);
		ike_proposals_difference(
			&choice->nearest->proposals, theirs, count, false, differs);
		ike_failure_set_differs(&failure, differs);
	}
	ike_log_refusal(e, 2, datagram, choice->nearest, &failure);
	ike_failure_free(&failure);
	if (!e->loaded)
		return;
	ike_init_answer_notify(
		e, datagram, &message->header, IKE_NOTIFY_NO_PROPOSAL_CHOSEN, (struct bytes){ 0 });
}

static void refuse_group(struct ike_engine *e, const struct ike_datagram *datagram,
	const struct ike_message *message, const struct ike_suite *suite)
{
	const uint8_t group[2] = { (uint8_t)(suite->group >> 8), (uint8_t)suite->group };
	char from[ADDRESS_TEXT_MAX];

	ike_log_noise(e, NULL, IKE_LOG_IKE, "%s used key exchange method %u, asking for %s",
		address_format_with_port(&datagram->remote, from), message->ke.group,
		ike_suite_group(suite)->name);
	ike_init_answer_notify(e, datagram, &message->header, IKE_NOTIFY_INVALID_KE_PAYLOAD,
		bytes_of(group, sizeof(group)));
}

static struct ike_sa *make_sa(struct ike_engine *e, const struct ike_datagram *datagram,
	const struct ike_message *message, const struct ike_choice *choice)
{
	struct ike_sa *sa = ike_sa_new(e, false, &datagram->local, &datagram->remote);

	if (!sa)
		return NULL;
	sa->spi_initiator = message->header.spi_initiator;
	sa->suite = choice->suite;
	ike_sa_set_connection(sa, choice->connection);
	sa->negotiation->stage = IKE_STAGE_AUTH;
	sa->expires_at = e->now + e->settings.half_open_timeout;
	sa->next_expected = 1;
	ike_schedule(e, sa);
	ike_sa_set_state(e, sa, IKE_SA_CONNECTING);
	if (!ike_half_open_add(e, sa, sa->spi_initiator, &datagram->remote)) {
		ike_sa_free(e, sa);
		return NULL;
	}
	return sa;
}

static bool exchange_keys(
	struct ike_engine *e, struct ike_sa *sa, const struct ike_message *message)
{
	struct ike_negotiation *n = sa->negotiation;
	AUTO_SECRET shared = { 0 };

	n->nonce_length = IKE_NONCE_LENGTH;
	n->peer_nonce = bytes_duplicate(message->nonce);
	if (!n->peer_nonce.at || !ike_crypto_random(e->crypto, n->nonce, n->nonce_length))
		return false;
	n->key_exchange = ike_key_exchange_answer(
		e->crypto, sa->suite.group, message->ke.public_value, &shared);
	return n->key_exchange &&
	       ike_keys_derive(e, sa, n->peer_nonce, bytes_of(n->nonce, n->nonce_length),
		       secret_bytes(&shared));
}

static bool answer(struct ike_engine *e, struct ike_sa *sa, const struct ike_datagram *datagram,
	const struct ike_header *request, const struct ike_choice *choice)
{
	struct ike_negotiation *n = sa->negotiation;
	struct ike_builder b;
	struct ike_proposal agreed;

	ike_suite_to_proposal(&sa->suite, choice->proposal_number, &agreed);
	ike_builder_start(e, &b);
	ike_build_sa(&b, &agreed, 1, (struct bytes){ 0 }, false);
	ike_build_ke(&b, sa->suite.group, ike_key_exchange_public(n->key_exchange));
	ike_build_nonce(&b, bytes_of(n->nonce, n->nonce_length));
	ike_certreqs_build(e, sa, &b);
	ike_init_build_notifies(e, sa, &b);
	if (sa->connection->childless != IKE_CHILDLESS_NEVER)
		ike_build_notify(&b, IKE_NOTIFY_CHILDLESS_IKEV2_SUPPORTED, (struct bytes){ 0 });
	ike_build_notify(&b, IKE_NOTIFY_MULTIPLE_AUTH_SUPPORTED, (struct bytes){ 0 });
	ike_key_exchange_free(n->key_exchange);
	n->key_exchange = NULL;
	if (!ike_response_send(e, sa, datagram, request, &b))
		return false;
	n->init_response = bytes_duplicate(ike_packets_get(sa->response, 0));
	return n->init_response.at != NULL;
}

static void respond(struct ike_engine *e, const struct ike_datagram *datagram,
	const struct ike_message *message, const struct ike_choice *choice)
{
	char from[ADDRESS_TEXT_MAX];
	struct ike_sa *sa = make_sa(e, datagram, message, choice);

	address_format_with_port(&datagram->remote, from);
	if (!sa) {
		ike_log_noise(e, NULL, IKE_LOG_IKE, "no memory for an IKE_SA with %s", from);
		return;
	}
	ike_count_message(e, sa, IKE_EXCHANGE_SA_INIT, true, false);
	ike_log(e, sa, IKE_LOG_IKE, IKE_LOG_INFO, "%s is initiating an IKE_SA", from);
	ike_log_suite(e, sa, &sa->suite);
	ike_init_read_notifies(e, sa, message);
	ike_redirect_read_init(e, sa, message);
	ike_nat_detect(e, sa, message);
	sa->negotiation->init_request = bytes_duplicate(datagram->data);
	if (!sa->negotiation->init_request.at || !ike_intermediate_expect(sa) ||
		!ike_ppk_offered(e, sa, message) || !exchange_keys(e, sa, message)) {
		ike_log(e, sa, IKE_LOG_IKE, IKE_LOG_INFO,
			"key exchange with %s failed: its public value is not valid for %s", from,
			ike_suite_group(&sa->suite)->name);
		ike_init_answer_notify(e, datagram, &message->header, IKE_NOTIFY_INVALID_SYNTAX,
			(struct bytes){ 0 });
		ike_sa_destroy(e, sa, NULL);
	} else if (!answer(e, sa, datagram, &message->header, choice)) {
		ike_log_noise(e, NULL, IKE_LOG_IKE, "no memory for an answer to %s", from);
		ike_sa_destroy(e, sa, NULL);
	}
}

/* Additional key exchanges without the exchange that carries them (RFC 9370 2.2.1). */
static void leave_out_impossible(
	const struct ike_message *message, struct ike_proposal *theirs, size_t count)
{
	if (ike_message_notify(message, IKE_NOTIFY_INTERMEDIATE_EXCHANGE_SUPPORTED))
		return;
	for (size_t i = 0; i < count; i++)
		if (ike_proposals_have_additional(&theirs[i], 1))
			theirs[i].unknown_type = true;
}

void ike_init_requested(struct ike_engine *e, const struct ike_datagram *datagram,
	const struct ike_message *message)
{
	struct ike_proposal theirs[PROPOSALS_MAX];
	struct ike_choice choice;

	if (is_flooded(e, datagram, message))
		return;
	size_t count = ike_sa_view_read(&message->sa, theirs, NULL, PROPOSALS_MAX);
	leave_out_impossible(message, theirs, count);
	ike_choose_by_address(e, &datagram->local, &datagram->remote, theirs, count, &choice);
	if (!choice.connection)
		refuse_proposals(e, datagram, message, &choice, theirs, count);
	else if (choice.suite.group != message->ke.group)
		refuse_group(e, datagram, message, &choice.suite);
	else
		respond(e, datagram, message, &choice);
}
