/*
 * A datagram's way in: header, SA, window, integrity, parsing, the table, the handler, and the
 * reply. Nothing of an SA changes before the integrity of a message was verified.
 */
#include "libike/ikev2/ikev2.h"

#define TEXT_MAX 1024

static bool is_response(const struct ike_header *h)
{
	return (h->flags & IKE_FLAG_RESPONSE) != 0;
}

static void log_received(struct ike_engine *e, const struct ike_sa *sa,
	const struct ike_datagram *datagram, const struct ike_message *message)
{
	char text[TEXT_MAX], from[ADDRESS_TEXT_MAX], to[ADDRESS_TEXT_MAX];

	if (!e->host.log_wanted(e->host.context, IKE_LOG_ENC, IKE_LOG_INFO))
		return;
	ike_log(e, sa, IKE_LOG_ENC, IKE_LOG_INFO, "received %s from %s to %s",
		ike_message_format(message, text, sizeof(text)),
		address_format_with_port(&datagram->remote, from),
		address_format_with_port(&datagram->local, to));
}

/* ---- Without an SA: only a first IKE_SA_INIT request ---- */

static void repeat_init_response(
	struct ike_engine *e, struct ike_sa *sa, const struct ike_datagram *datagram)
{
	/* Only the very same request: another one with this SPI is not our peer's. */
	if (!sa->response || !bytes_equal(sa->negotiation->init_request, datagram->data))
		return;
	ike_tally(e, sa, IKE_TALLY_REPEATED);
	ike_log_noise(e, sa, IKE_LOG_IKE, "received retransmit of IKE_SA_INIT request");
	ike_transmit(e, sa, &datagram->local, &datagram->remote, sa->response);
}

static void refuse_init(struct ike_engine *e, const struct ike_datagram *datagram,
	const struct ike_message *message, enum ike_parse parsed)
{
	uint8_t version = 0x20;

	switch (parsed) {
	case IKE_PARSE_VERSION:
		ike_init_answer_notify(e, datagram, &message->header,
			IKE_NOTIFY_INVALID_MAJOR_VERSION, bytes_of(&version, 1));
		break;
	case IKE_PARSE_CRITICAL:
		ike_init_answer_notify(e, datagram, &message->header,
			IKE_NOTIFY_UNSUPPORTED_CRITICAL_PAYLOAD,
			bytes_of(&message->critical_type, 1));
		break;
	default:
		ike_init_answer_notify(e, datagram, &message->header, IKE_NOTIFY_INVALID_SYNTAX,
			(struct bytes){ 0 });
	}
}

static void receive_first(
	struct ike_engine *e, const struct ike_datagram *datagram, const struct ike_header *header)
{
	static const uint64_t must = IKE_PAYLOAD_BIT(IKE_PAYLOAD_SA) |
				     IKE_PAYLOAD_BIT(IKE_PAYLOAD_KE) |
				     IKE_PAYLOAD_BIT(IKE_PAYLOAD_NONCE);
	struct ike_message message;
	struct why why;
	char from[ADDRESS_TEXT_MAX];
	struct ike_sa *sa = ike_half_open_find(
		e, 2, header->spi_initiator, &datagram->remote, &datagram->local);

	if (sa) {
		repeat_init_response(e, sa, datagram);
		return;
	}
	if (e->shutting_down)
		return;
	enum ike_parse parsed = ike_message_parse(datagram->data, &message, &why);
	if (parsed == IKE_PARSE_OK &&
		((message.present & must) != must || message.repeated || message.has_sealed)) {
		why_fail(&why, "IKE_SA_INIT request must have SA, KE and No once, and no SK");
		parsed = IKE_PARSE_SYNTAX;
	}
	if (parsed != IKE_PARSE_OK) {
		ike_count(e, NULL, IKE_COUNTER_INVALID);
		ike_tally(e, NULL, IKE_TALLY_DROPPED_MALFORMED);
		ike_log_noise(e, NULL, IKE_LOG_ENC, "IKE_SA_INIT request from %s: %s",
			address_format_with_port(&datagram->remote, from), why.text);
		refuse_init(e, datagram, &message, parsed);
		return;
	}
	if (e->host.log_wanted(e->host.context, IKE_LOG_ENC, IKE_LOG_DETAIL))
		log_received(e, NULL, datagram, &message);
	ike_init_requested(e, datagram, &message);
}

/* ---- With an SA ---- */

/* The one message that an SA takes in the clear is the answer to its IKE_SA_INIT. */
static bool awaits_init(const struct ike_sa *sa)
{
	return sa->initiator && !sa->was_established && sa->negotiation->stage == IKE_STAGE_INIT;
}

static struct ike_sa *find_sa(struct ike_engine *e, const struct ike_header *h)
{
	bool from_initiator = (h->flags & IKE_FLAG_INITIATOR) != 0;
	struct ike_sa *sa = ike_sa_by_spi(e, from_initiator ? h->spi_responder : h->spi_initiator);

	/* Its keys and steps are those of its version. */
	if (!sa || sa->version != 2 || sa->initiator == from_initiator)
		return NULL;
	if (from_initiator)
		return sa->spi_initiator == h->spi_initiator ? sa : NULL;
	/* An initiator does not know the responder's SPI before the first answer. */
	return awaits_init(sa) || sa->spi_responder == h->spi_responder ? sa : NULL;
}

enum window {
	WINDOW_NEW,
	WINDOW_REPEATED, /* the peer did not get our response */
	WINDOW_OUTSIDE,
};

static enum window window_of(const struct ike_sa *sa, const struct ike_header *h)
{
	if (is_response(h))
		return sa->active && sa->request && h->message_id == sa->next_request - 1
			       ? WINDOW_NEW
			       : WINDOW_OUTSIDE;
	if (h->message_id == sa->next_expected)
		return WINDOW_NEW;
	return h->message_id + 1 == sa->next_expected && sa->response ? WINDOW_REPEATED
								      : WINDOW_OUTSIDE;
}

/* IKE_SA_INIT is the one exchange in the clear, and the clear is for nothing else. */
static bool seal_fits(const struct ike_message *message)
{
	return message->has_sealed == (message->header.exchange != IKE_EXCHANGE_SA_INIT);
}

enum opened {
	OPENED,
	OPENED_PART, /* a fragment; others are missing */
	OPENED_BAD,
};

/* Opens, reassembles, and parses what was inside. *ret_parse says how that went. */
static enum opened open_sealed(struct ike_engine *e, struct ike_sa *sa, struct ike_message *message,
	enum ike_parse *ret_parse, struct why *why)
{
	struct ike_seal_keys keys = ike_keys_seal(sa, false);
	struct ike_header header = message->header;
	uint8_t first = message->sealed.next_payload;
	struct bytes chain;

	if (!ike_message_open(e->crypto, &keys, e->datagram, message, &chain))
		return OPENED_BAD;
	if (message->sealed.is_fragment) {
		struct ike_reassembly **reassembly =
			is_response(&header) ? &sa->reassembly_response : &sa->reassembly_request;

		switch (ike_reassembly_add(reassembly, message, chain, &first, &chain)) {
		case IKE_REASSEMBLY_MORE:
			return OPENED_PART;
		case IKE_REASSEMBLY_REFUSED:
			return OPENED_BAD;
		case IKE_REASSEMBLY_DONE:
			break;
		}
	}
	*ret_parse = ike_message_parse_inner(&header, first, chain, message, why);
	return OPENED;
}

static void end(struct ike_engine *e, struct ike_sa *sa, struct ike_failure *failure)
{
	/* What was asked for is no failure. */
	if (failure->reason != IKE_REASON_TERMINATED &&
		failure->reason != IKE_REASON_DELETED_BY_PEER &&
		failure->reason != IKE_REASON_REPLACED)
		ike_log_failure(e, sa, sa->connection, failure);
	ike_sa_destroy(e, sa, failure);
}

/* Could be read, but must not be acted on: say so, sealed. */
static void refuse_request(struct ike_received *x, uint16_t notify, struct bytes data)
{
	ike_build_notify(x->reply, notify, data);
	if (ike_response_send(x->e, x->sa, x->datagram, &x->message->header, x->reply))
		x->sa->next_expected++;
	if (notify != IKE_NOTIFY_INVALID_SYNTAX)
		return;
	/* RFC 7296 2.21.3: a peer that talks nonsense under good keys is broken. */
	end(x->e, x->sa, x->failure);
}

static bool deletes_ike(const struct ike_message *m)
{
	for (size_t i = 0; i < m->delete_count; i++)
		if (m->deletes[i].protocol == IKE_PROTOCOL_IKE)
			return true;
	return false;
}

/* What was made of a request: the reply goes out, and what waits begins. */
static void request_done(struct ike_received *x, enum ike_outcome outcome)
{
	struct ike_sa *sa = x->sa;

	if (outcome == IKE_OUTCOME_IGNORE || outcome == IKE_OUTCOME_WAIT)
		return;
	sa->next_expected++;
	if (!ike_response_send(x->e, sa, x->datagram, &x->message->header, x->reply)) {
		ike_failure_set(x->failure, IKE_REASON_RESOURCES, NULL, NULL,
			"response could not be made: out of memory");
		outcome = IKE_OUTCOME_END;
	}
	if (x->message->header.exchange == IKE_EXCHANGE_INTERMEDIATE)
		ike_intermediate_answer_sent(sa);
	if (outcome == IKE_OUTCOME_END) {
		end(x->e, sa, x->failure);
		return;
	}
	ike_handovers_proven(x->e, sa);
	ike_tasks_run(x->e, sa);
}

static void answer_done(struct ike_received *x, enum ike_outcome outcome)
{
	struct ike_sa *sa = x->sa;

	if (outcome == IKE_OUTCOME_IGNORE)
		return;
	if (outcome == IKE_OUTCOME_END) {
		end(x->e, sa, x->failure);
		return;
	}
	ike_request_answered(x->e, sa);
	if (outcome == IKE_OUTCOME_WAIT)
		return;
	if (sa->active) { /* a handler that did not take its task: it is done */
		struct ike_task *task = sa->active;

		sa->active = NULL;
		ike_task_finish(x->e, task, true, NULL);
	}
	ike_roam_answer_came(x->e, sa, x->datagram);
	ike_tasks_run(x->e, sa);
}

void ike_received_done(struct ike_received *x, enum ike_outcome outcome)
{
	if (outcome == IKE_OUTCOME_WAIT && !ike_wait_keep(x)) {
		ike_failure_set(x->failure, IKE_REASON_RESOURCES, NULL, NULL, "out of memory");
		ike_build_notify(x->reply, IKE_NOTIFY_TEMPORARY_FAILURE, (struct bytes){ 0 });
		outcome = IKE_OUTCOME_END;
	}
	if (is_response(&x->message->header))
		answer_done(x, outcome);
	else
		request_done(x, outcome);
}

static void dispatch(struct ike_received *x, enum ike_parse parsed, struct why *why)
{
	bool response = is_response(&x->message->header);
	ike_handler handler = NULL;
	enum ike_check check = IKE_CHECK_SYNTAX;
	char text[TEXT_MAX];

	if (parsed == IKE_PARSE_OK)
		check = ike_exchange_check(x->sa, x->message, &handler, why);
	if (check == IKE_CHECK_OK) {
		log_received(x->e, x->sa, x->datagram, x->message);
		/* So the peer thinks that it has prevailed. */
		if (!response && x->sa->rival_of && !deletes_ike(x->message))
			ike_rival_prevails(x->e, x->sa);
		ike_received_done(x, handler(x));
		return;
	}
	ike_count(x->e, x->sa, IKE_COUNTER_INVALID);
	ike_tally(x->e, x->sa, IKE_TALLY_DROPPED_MALFORMED);
	if (check == IKE_CHECK_UNEXPECTED) {
		ike_log_noise(x->e, x->sa, IKE_LOG_ENC,
			"ignoring a message that is not expected now: %s",
			ike_message_format(x->message, text, sizeof(text)));
		return;
	}
	ike_log_noise(x->e, x->sa, IKE_LOG_ENC, "message %u is not acceptable: %s",
		x->message->header.message_id, why->text);
	if (x->message->header.exchange == IKE_EXCHANGE_SA_INIT)
		return; /* not authenticated: wait for a better one */
	if (!response && parsed == IKE_PARSE_CRITICAL) {
		refuse_request(x, IKE_NOTIFY_UNSUPPORTED_CRITICAL_PAYLOAD,
			bytes_of(&x->message->critical_type, 1));
		return;
	}
	ike_failure_set(x->failure, IKE_REASON_PROTOCOL, NULL, NULL, "peer broke the protocol: %s",
		why->text);
	if (response) {
		/* The peer believes in the SA still, or is about to. */
		if (x->sa->was_established || ike_auth_has_begun(x->sa))
			ike_delete_once(x->e, x->sa);
		end(x->e, x->sa, x->failure);
	} else {
		refuse_request(x, IKE_NOTIFY_INVALID_SYNTAX, (struct bytes){ 0 });
	}
}

/* The message is the peer's (or, for IKE_SA_INIT, nobody can know that yet). */
static void receive_authentic(struct ike_engine *e, struct ike_sa *sa,
	const struct ike_datagram *datagram, struct ike_message *message, enum ike_parse parsed,
	struct why *why)
{
	struct ike_failure failure = { 0 };
	struct ike_builder reply;
	struct ike_received x = { e, sa, datagram, message, &reply, &failure };
	/* Handlers may end the SA; the fragments that the message borrows from must outlive them.
	 */
	struct ike_reassembly *fragments =
		is_response(&message->header) ? sa->reassembly_response : sa->reassembly_request;
	if (is_response(&message->header))
		sa->reassembly_response = NULL;
	else
		sa->reassembly_request = NULL;
	sa->last_received = e->now;
	if (!is_response(&message->header))
		ike_path_heard(e, sa, &datagram->local, &datagram->remote);
	else if (message->header.exchange != IKE_EXCHANGE_SA_INIT)
		ike_path_answered(e, sa, &datagram->remote);
	ike_count_message(e, sa, message->header.exchange, true, is_response(&message->header));
	ike_builder_begin(&reply, e->reply, sizeof(e->reply));
	dispatch(&x, parsed, why);
	ike_reassembly_free(fragments);
	ike_failure_free(&failure);
}

/* Where this one came from: a NAT may have given the peer another port since its first try, or it
 * would not have had to ask again. The SA does not move along, as this may be somebody's replay
 * (RFC 7296 2.23). */
static void repeat_response(struct ike_engine *e, struct ike_sa *sa,
	const struct ike_datagram *datagram, const struct ike_message *message)
{
	/* RFC 7383 2.6.1: of a fragmented request, the first fragment stands for all. */
	if (message->sealed.is_fragment && message->sealed.fragment != 1)
		return;
	ike_tally(e, sa, IKE_TALLY_REPEATED);
	ike_log_noise(e, sa, IKE_LOG_IKE,
		"received retransmit of request with ID %u, retransmitting response",
		message->header.message_id);
	ike_transmit(e, sa, &datagram->local, &datagram->remote, sa->response);
}

static void receive_for_sa(
	struct ike_engine *e, struct ike_sa *sa, const struct ike_datagram *datagram)
{
	struct ike_message message;
	struct why why;
	struct bytes chain;

	/* Opening works in place, and the host's buffer is not ours to write. */
	bytes_copy(e->datagram, datagram->data);
	enum ike_parse parsed =
		ike_message_parse(bytes_of(e->datagram, datagram->data.length), &message, &why);
	enum window window = window_of(sa, &message.header);
	if (parsed != IKE_PARSE_OK || !seal_fits(&message) || window == WINDOW_OUTSIDE) {
		bool malformed = parsed != IKE_PARSE_OK || !seal_fits(&message);

		if (malformed)
			ike_count(e, sa, IKE_COUNTER_INVALID);
		ike_tally(
			e, sa, malformed ? IKE_TALLY_DROPPED_MALFORMED : IKE_TALLY_DROPPED_OUTSIDE);
		return;
	}
	/* That request is under work: copies of it change nothing. */
	if (!is_response(&message.header) && sa->negotiation && sa->negotiation->waiting)
		return;
	if (window == WINDOW_REPEATED) {
		struct ike_seal_keys keys = ike_keys_of_repeated(sa, message.header.exchange);

		if (message.has_sealed &&
			ike_message_open(e->crypto, &keys, e->datagram, &message, &chain))
			repeat_response(e, sa, datagram, &message);
		return;
	}
	if (!message.has_sealed) {
		if (awaits_init(sa) && is_response(&message.header))
			receive_authentic(e, sa, datagram, &message, parsed, &why);
		return;
	}
	if (sa->keys.length == 0)
		return;
	switch (open_sealed(e, sa, &message, &parsed, &why)) {
	case OPENED:
		receive_authentic(e, sa, datagram, &message, parsed, &why);
		break;
	case OPENED_BAD:
		ike_count(e, sa, IKE_COUNTER_INVALID);
		ike_tally(e, sa, IKE_TALLY_DROPPED_INTEGRITY);
		ike_log_noise(e, sa, IKE_LOG_ENC,
			"integrity check of %s message %u for IKE_SA [%u] failed",
			is_response(&message.header) ? "response" : "request",
			message.header.message_id, sa->unique_id);
		break;
	case OPENED_PART:
		break;
	}
}

static void receive_unknown(
	struct ike_engine *e, const struct ike_datagram *datagram, const struct ike_header *header)
{
	char from[ADDRESS_TEXT_MAX];
	bool request = !is_response(header) && (header->flags & IKE_FLAG_INITIATOR);

	if (header->exchange == IKE_EXCHANGE_SA_INIT && request && header->spi_responder == 0 &&
		header->spi_initiator != 0 && header->message_id == 0) {
		receive_first(e, datagram, header);
		return;
	}
	ike_count(e, NULL, IKE_COUNTER_INVALID_SPI);
	ike_tally(e, NULL, IKE_TALLY_DROPPED_UNKNOWN);
	ike_log_noise(e, NULL, IKE_LOG_NET,
		"ignoring a message from %s for an IKE_SA that we don't have",
		address_format_with_port(&datagram->remote, from));
}

void ikev2_receive(
	struct ike_engine *e, const struct ike_datagram *datagram, const struct ike_header *header)
{
	struct ike_sa *sa = header->version >> 4 == 2 ? find_sa(e, header) : NULL;

	if (sa)
		receive_for_sa(e, sa, datagram);
	else
		receive_unknown(e, datagram, header);
}
