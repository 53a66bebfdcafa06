/*
 * A datagram's way in: header, SA by the pair of cookies, fragments, repetitions, exchange by the
 * message id, decryption, hash, the table, the handler, and the reply. Until a handler has accepted
 * a message nothing of the exchange has changed: its IV least of all.
 */
#include "libike/ikev1/ikev1.h"

#include <stdlib.h>

#define TEXT_MAX 1024
#define HELP_MAX 5 /* messages that are too early get what was said last once more */

/* A message on its way to its handler. */
struct arrival {
	struct ike_engine *e;
	struct ike_sa *sa;
	const struct ike_datagram *datagram;
	struct bytes whole;    /* the message as it came, or joined from fragments */
	struct bytes payloads; /* in the clear, or decrypted */
	struct isakmp_message message;
	uint8_t digest[20]; /* of whole */
};

/* ---- Messages that wait ---- */

struct ikev1_waiting {
	struct address local, remote;
	struct ike_header header;
	struct bytes payloads; /* heap */
	uint8_t digest[20];
};

void ikev1_waiting_free(struct ikev1_waiting *w)
{
	if (!w)
		return;
	free((void *)w->payloads.at);
	free(w);
}

static bool keep_waiting(const struct arrival *a)
{
	struct ike_sa *sa = a->sa;
	struct ikev1_waiting *w = calloc(1, sizeof(*w));

	if (!w)
		return false;
	w->payloads = bytes_duplicate(a->payloads);
	if (!w->payloads.at) {
		free(w);
		return false;
	}
	w->local = a->datagram->local;
	w->remote = a->datagram->remote;
	w->header = a->message.header;
	memcpy(w->digest, a->digest, sizeof(w->digest));
	sa->v1->waiting = w;
	/* The responder's half-open SA has its time limit already. */
	if (sa->initiator && sa->negotiation)
		sa->negotiation->wait_until = a->e->now + a->e->settings.half_open_timeout;
	ike_schedule(a->e, sa);
	return true;
}

void ikev1_wait_expired(struct ike_engine *e, struct ike_sa *sa)
{
	struct ike_failure failure = { 0 };

	ike_failure_set(&failure, IKE_REASON_RESOURCES, NULL, NULL,
		"phase 1 could not go on within %d s: waiting for somebody on this side",
		(int)(e->settings.half_open_timeout / 1000));
	ike_log_failure(e, sa, sa->connection, &failure);
	/* Whom we have proved ourselves to may take it for established. */
	if (sa->initiator && sa->v1->waiting &&
		sa->v1->waiting->header.flags & ISAKMP_FLAG_ENCRYPTED)
		ikev1_delete_once(e, sa);
	ike_sa_destroy(e, sa, &failure);
	ike_failure_free(&failure);
}

/* ---- What becomes of a message ---- */

static void log_received(const struct arrival *a, const struct ikev1_exchange *exchange)
{
	struct ike_engine *e = a->e;
	char text[TEXT_MAX], from[ADDRESS_TEXT_MAX], to[ADDRESS_TEXT_MAX];

	if (!e->host.log_wanted(e->host.context, IKE_LOG_ENC, IKE_LOG_INFO))
		return;
	ike_log(e, a->sa, IKE_LOG_ENC, IKE_LOG_INFO, "received %s from %s to %s",
		isakmp_message_format(&a->message, exchange->initiator, text, sizeof(text)),
		address_format_with_port(&a->datagram->remote, from),
		address_format_with_port(&a->datagram->local, to));
}

static void not_acceptable(const struct arrival *a, const struct why *why)
{
	const char *name = isakmp_exchange_name(a->message.header.exchange);

	ike_count(a->e, a->sa, IKE_COUNTER_INVALID);
	ike_tally(a->e, a->sa, IKE_TALLY_DROPPED_MALFORMED);
	ike_log_noise(a->e, a->sa, IKE_LOG_ENC, "%s message %u is not acceptable: %s",
		name ? name : "a", a->message.header.message_id, why->text);
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

enum ikev1_outcome ikev1_refuse(struct ikev1_received *x, uint16_t notify)
{
	ike_builder_begin(x->reply, x->e->reply, sizeof(x->e->reply));
	ikev1_inform_notify(x->e, x->sa, ISAKMP_PROTOCOL_ISAKMP, notify, (struct bytes){ 0 },
		(struct bytes){ 0 });
	return IKEV1_END;
}

/* What is in flight is of that exchange. */
static bool is_asking(const struct ike_sa *sa, const struct ikev1_exchange *exchange)
{
	return sa->request && sa->next_request - 1 == exchange->message_id;
}

/* From here on a repetition gets what the handler has to say to it, and nothing older. */
static bool accepted(struct ikev1_received *x, const struct arrival *a, uint16_t requests,
	const struct ike_packets *said)
{
	struct ikev1_exchange *exchange = x->exchange;

	memcpy(exchange->received, a->digest, sizeof(exchange->received));
	exchange->has_received = true;
	if (exchange->sent == said) {
		ike_packets_free(exchange->sent);
		exchange->sent = NULL;
	}
	if (x->sa->v1->requests == requests && is_asking(x->sa, exchange))
		ike_request_answered(x->e, x->sa);
	if (!x->reply->linked)
		return true;
	return ikev1_send(x->e, x->sa, exchange, x->reply,
		exchange->initiator && exchange->step != IKEV1_STEP_DONE ? IKEV1_SEND_AGAIN
									 : IKEV1_SEND_KEEP);
}

/* The handler's turn, then that of what it has queued. iv: to be back at when the message counts
 * for nothing. The SA may be gone afterwards. */
static void hand_over(struct arrival *a, struct ikev1_exchange *exchange,
	const struct ikev1_row *row, const uint8_t iv[IKEV1_BLOCK_MAX])
{
	struct ike_sa *sa = a->sa;
	struct ike_failure failure = { 0 };
	struct ike_builder reply;
	struct ikev1_received x = { a->e, sa, exchange, a->datagram, &a->message, &reply,
		&failure };
	const struct ike_packets *said = exchange->sent;
	uint16_t requests = sa->v1->requests;
	uint32_t id = sa->unique_id;

	ike_builder_begin(&reply, a->e->reply, sizeof(a->e->reply));
	sa->v1->worked = exchange;
	enum ikev1_outcome outcome = row->handler(&x);
	sa->v1->worked = NULL;
	if (outcome == IKEV1_WAIT) {
		if (is_asking(sa, exchange))
			ike_request_answered(a->e, sa);
		if (!keep_waiting(a))
			outcome = IKEV1_END;
	}
	if (outcome == IKEV1_OK && !accepted(&x, a, requests, said)) {
		ike_failure_set(&failure, IKE_REASON_RESOURCES, NULL, NULL,
			"reply could not be made: out of memory");
		outcome = IKEV1_END;
	} else if (outcome == IKEV1_END && reply.linked) {
		(void)!ikev1_send(a->e, sa, exchange, &reply, IKEV1_SEND_ONCE);
	}
	if (outcome == IKEV1_IGNORE)
		memcpy(exchange->iv, iv, IKEV1_BLOCK_MAX);
	if (outcome == IKEV1_END) {
		ike_failure_set(
			&failure, IKE_REASON_RESOURCES, NULL, NULL, "out of memory in phase 1");
		end(a->e, sa, &failure);
	}
	ike_failure_free(&failure);
	/* What was not taken may have queued something, too. */
	if (ike_engine_sa_find(a->e, id) == sa && !sa->v1->waiting)
		ike_tasks_run(a->e, sa);
}

static void deliver(struct arrival *a, struct ikev1_exchange *exchange, const struct ikev1_row *row,
	const uint8_t iv[IKEV1_BLOCK_MAX])
{
	log_received(a, exchange);
	hand_over(a, exchange, row, iv);
}

static bool digest(struct arrival *a)
{
	return ike_sha1(a->e->crypto, &a->whole, 1, a->digest);
}

void ikev1_process(struct ike_engine *e, struct ike_sa *sa, struct ikev1_exchange *exchange,
	const struct ike_datagram *datagram, const struct isakmp_message *message)
{
	struct arrival a = { .e = e, .sa = sa, .datagram = datagram, .whole = datagram->data };
	const struct ikev1_row *row;
	struct why why;

	a.message = *message;
	a.payloads = bytes_of(
		datagram->data.at + IKE_HEADER_LENGTH, datagram->data.length - IKE_HEADER_LENGTH);
	row = ikev1_row_for(exchange, message, &why);
	if (row && digest(&a)) {
		deliver(&a, exchange, row, exchange->iv);
		return;
	}
	if (!row)
		not_acceptable(&a, &why);
	ike_sa_destroy(e, sa, NULL);
}

void ikev1_resume(struct ike_engine *e, struct ike_sa *sa)
{
	struct ikev1_waiting *w = sa->v1->waiting;
	struct arrival a = { .e = e, .sa = sa };
	const struct ikev1_row *row = NULL;
	struct why why;

	if (!w) {
		ikev1_transactions_resume(e, sa);
		return;
	}
	struct ike_datagram datagram = { w->local, w->remote, { 0 }, 0 };
	struct ikev1_exchange *exchange =
		ikev1_exchange_find(sa, w->header.message_id, w->header.exchange);
	sa->v1->waiting = NULL;
	if (sa->negotiation)
		sa->negotiation->wait_until = 0;
	ike_schedule(e, sa);
	a.datagram = &datagram;
	a.payloads = w->payloads;
	memcpy(a.digest, w->digest, sizeof(a.digest));
	/* It could be parsed before. */
	if (exchange && isakmp_message_parse_inner(&w->header, w->payloads, &a.message, &why))
		row = ikev1_row_for(exchange, &a.message, &why);
	if (row)
		hand_over(&a, exchange, row, exchange->iv);
	ikev1_waiting_free(w); /* the SA may be gone */
}

/* ---- Encrypted messages ---- */

void ikev1_heard(struct ike_engine *e, struct ike_sa *sa, const struct ike_datagram *datagram)
{
	sa->last_received = e->now;
	if (sa->was_established)
		ike_path_heard(e, sa, &datagram->local, &datagram->remote);
}

/* In place, from a fresh copy. The exchange's IV goes on. */
static bool decrypt(struct arrival *a, struct ikev1_exchange *exchange, struct why *why)
{
	const struct ike_algorithm *cipher = ike_suite_encryption(&a->sa->suite);
	uint8_t *body = a->e->datagram + IKE_HEADER_LENGTH;
	struct ike_header header = a->message.header;
	size_t length = a->whole.length - IKE_HEADER_LENGTH;

	bytes_copy(a->e->datagram, a->whole);
	if (length == 0 || length % cipher->block_length != 0)
		return why_fail(why, "%zu octets are no blocks of the cipher", length);
	if (!isakmp_cbc(a->e->crypto, cipher, false, ikev1_keys_cipher(a->sa), exchange->iv, body,
		    length))
		return why_fail(why, "it could not be decrypted");
	a->payloads = bytes_of(body, length);
	return isakmp_message_parse_inner(&header, a->payloads, &a->message, why);
}

/* Of phase 2: HASH is over all that follows it. */
static bool check_hash(const struct arrival *a, const struct ikev1_exchange *exchange)
{
	static const int numbers[] = {
		[IKEV1_QUICK_1] = 1, [IKEV1_QUICK_2] = 2, [IKEV1_QUICK_3] = 3
	};
	size_t steps = sizeof(numbers) / sizeof(*numbers);
	int number = exchange->step < steps ? numbers[exchange->step] : 1;
	struct bytes nonce_i = { 0 }, nonce_r = { 0 };
	uint8_t expected[IKE_PRF_OUTPUT_MAX];

	if (number == 2 || number == 3)
		ikev1_quick_nonces(exchange, &nonce_i, &nonce_r);
	if (number == 2)
		nonce_r = (struct bytes){ 0 };
	/* One that does not come first proves nothing. */
	return a->message.after_hash.at &&
	       ikev1_phase2_hash(a->e, a->sa, exchange->message_id, number, nonce_i, nonce_r,
		       a->message.after_hash, expected) &&
	       secret_equal(a->message.hash, bytes_of(expected, a->sa->v1->key_length));
}

static const struct ikev1_row *open_once(
	struct arrival *a, struct ikev1_exchange *exchange, struct why *why)
{
	const struct ikev1_row *row =
		decrypt(a, exchange, why) ? ikev1_row_for(exchange, &a->message, why) : NULL;

	if (!row || !row->hashed || check_hash(a, exchange))
		return row;
	why_fail(why, "its HASH does not verify");
	return NULL;
}

static bool awaits_proof(const struct ikev1_exchange *exchange)
{
	return exchange->step == IKEV1_MAIN_5 || exchange->step == IKEV1_MAIN_6 ||
	       exchange->step == IKEV1_AGGRESSIVE_3;
}

/* NULL: with a reason. */
static const struct ikev1_row *open_encrypted(
	struct arrival *a, struct ikev1_exchange *exchange, struct why *why)
{
	const struct ikev1_row *row = open_once(a, exchange, why);
	struct ikev1_received x = { .e = a->e,
		.sa = a->sa,
		.exchange = exchange,
		.datagram = a->datagram,
		.message = &a->message };

	/* A wrong pre-shared key shows here first; a responder may have others. */
	while (!row && awaits_proof(exchange) && ikev1_phase1_unreadable(&x))
		row = open_once(a, exchange, why);
	return row;
}

/* The message ids of the peer's exchanges: one that begins another with the same is a listener who
 * repeats what it heard, after we have forgotten the exchange (RFC 2408 3.1 has them unique). */
struct ikev1_used {
	uint32_t count; /* ever */
	uint32_t room;
	uint32_t ids[];
};
#define USED_MAX 4096 /* then the oldest goes */

static bool is_used(const struct ikev1_used *used, uint32_t message_id)
{
	for (uint32_t i = 0; used && i < used->count && i < used->room; i++)
		if (used->ids[i] == message_id)
			return true;
	return false;
}

/* Without memory, it is not remembered. */
static void remember(struct ikev1 *v1, uint32_t message_id)
{
	struct ikev1_used *used = v1->used;
	uint32_t room = used ? used->room : 0, count = used ? used->count : 0;

	if (count == room && room < USED_MAX) {
		room = room ? 2 * room : 4;
		used = realloc(used, sizeof(*used) + room * sizeof(*used->ids));
		if (!used)
			return;
		used->count = count;
		used->room = room;
		v1->used = used;
	}
	used->ids[used->count++ % used->room] = message_id;
}

static bool is_opening(uint8_t step)
{
	return step == IKEV1_QUICK_1 || step == IKEV1_TRANSACTION_REQUEST ||
	       step == IKEV1_INFORMATIONAL;
}

/* Questions for life have numbers of their own, and come all the time. */
static bool is_about_life_alone(const struct isakmp_message *m)
{
	for (size_t i = 0; i < m->notify_count; i++)
		if (m->notifies[i].type != ISAKMP_NOTIFY_R_U_THERE &&
			m->notifies[i].type != ISAKMP_NOTIFY_R_U_THERE_ACK)
			return false;
	return m->notify_count > 0 && m->delete_count == 0;
}

/* Its HASH is right. False: so it was before, or might have been. */
static bool remember_once(
	const struct arrival *a, const struct ikev1_exchange *exchange, struct why *why)
{
	uint32_t id = exchange->message_id;

	/* Said again in an exchange that was refused, and is still there. */
	if (memcmp(exchange->received, a->digest, sizeof(a->digest)) == 0)
		return true;
	if (exchange->step == IKEV1_INFORMATIONAL && is_about_life_alone(&a->message))
		return true;
	if (is_used(a->sa->v1->used, id))
		return why_fail(why, "its ID was used before");
	remember(a->sa->v1, id);
	return true;
}

/* False: it was not what is expected, and nothing has changed. */
static bool receive_encrypted(struct arrival *a, struct ikev1_exchange *exchange)
{
	const struct ikev1_row *row;
	uint8_t iv[IKEV1_BLOCK_MAX];
	struct why why;

	memcpy(iv, exchange->iv, sizeof(iv));
	row = open_encrypted(a, exchange, &why);
	if (!row || (is_opening(exchange->step) && !remember_once(a, exchange, &why))) {
		memcpy(exchange->iv, iv, sizeof(iv));
		not_acceptable(a, &why);
		if (!row && exchange->step == IKEV1_INFORMATIONAL)
			ikev1_phase1_unheard(a->e, a->sa);
		return false;
	}
	if (exchange->message_id == 0)
		memcpy(a->sa->v1->last_block, exchange->iv, sizeof(iv));
	if (exchange->step == IKEV1_INFORMATIONAL)
		memcpy(a->sa->v1->informed, a->digest, sizeof(a->digest));
	/* A R_U_THERE may be an old one that somebody repeats, liveness.c knows; others say again
	 * what was passed over before. */
	if (exchange->step != IKEV1_INFORMATIONAL &&
		memcmp(exchange->received, a->digest, sizeof(a->digest)) != 0)
		ikev1_heard(a->e, a->sa, a->datagram);
	if (exchange->type == ISAKMP_EXCHANGE_QUICK)
		ikev1_up_at_peer(a->e, a->sa);
	if (!exchange->has_received)
		memcpy(exchange->received, a->digest, sizeof(a->digest));
	bool secret = exchange->type == ISAKMP_EXCHANGE_TRANSACTION;
	struct ike_engine *e = a->e;
	size_t length = a->whole.length;
	deliver(a, exchange, row, iv);
	/* A password may be in it, whatever the handler made of it. */
	if (secret)
		secret_wipe(e->datagram, length);
	return true;
}

/* ---- INFORMATIONAL: one message that nothing is kept of ---- */

static void receive_informational_clear(struct arrival *a)
{
	struct ike_sa *sa = a->sa;
	const struct isakmp_notify *error = isakmp_message_error(&a->message);
	struct ikev1_exchange once = { .type = ISAKMP_EXCHANGE_INFORMATIONAL };
	struct ike_failure failure = { 0 };
	struct ikev1_received x = { .e = a->e,
		.sa = sa,
		.exchange = &once,
		.datagram = a->datagram,
		.message = &a->message,
		.failure = &failure };
	char text[IKE_NUMBER_TEXT_MAX];

	if (!error || !sa->v1->phase1 || !address_same_host(&a->datagram->remote, &sa->remote)) {
		ike_log_noise(a->e, sa, IKE_LOG_IKE, "ignoring an unprotected INFORMATIONAL: %s",
			error ? isakmp_notify_format(error->type, text) : "no error");
		return;
	}
	log_received(a, &once);
	if (ikev1_phase1_refused(&x) == IKEV1_END)
		end(a->e, sa, &failure);
	ike_failure_free(&failure);
}

static void receive_informational(struct arrival *a)
{
	struct ikev1_exchange once = { .type = ISAKMP_EXCHANGE_INFORMATIONAL,
		.message_id = a->message.header.message_id,
		.step = IKEV1_INFORMATIONAL,
		.sealed = true };

	if (!a->message.encrypted) {
		receive_informational_clear(a);
		return;
	}
	/* It may come twice, as nobody answers it. */
	if (a->sa->keys.length == 0 || a->sa->v1->waiting ||
		memcmp(a->sa->v1->informed, a->digest, sizeof(a->digest)) == 0)
		return;
	if (ikev1_keys_iv(a->e, a->sa, once.message_id, once.iv))
		(void)receive_encrypted(a, &once);
	ike_packets_free(once.sent);
}

/* ---- With an SA ---- */

/* The peer said it before: it missed what we said to it, if anything. */
static bool repeated(const struct arrival *a, struct ikev1_exchange *exchange)
{
	struct ike_sa *sa = a->sa;

	if (!exchange->has_received ||
		memcmp(exchange->received, a->digest, sizeof(a->digest)) != 0)
		return false;
	ike_tally(a->e, sa, IKE_TALLY_REPEATED);
	if (exchange->sent) {
		ike_log_noise(a->e, sa, IKE_LOG_IKE,
			"received retransmit of message with ID %u, retransmitting our answer",
			exchange->message_id);
		/* What was asked is answered to where that came from; what we began stays on its
		 * way: Aggressive Mode's last message may have gone over to port 4500. */
		ike_transmit(a->e, sa, exchange->initiator ? &sa->local : &a->datagram->local,
			exchange->initiator ? &sa->remote : &a->datagram->remote, exchange->sent);
	} else if (!exchange->initiator && is_asking(sa, exchange)) {
		ike_request_repeat(a->e, sa);
	}
	if (exchange->quick)
		ikev1_quick_repeated(a->e, sa, exchange);
	return true;
}

static uint8_t first_step(uint8_t type)
{
	switch (type) {
	case ISAKMP_EXCHANGE_QUICK:
		return IKEV1_QUICK_1;
	case ISAKMP_EXCHANGE_TRANSACTION:
		return IKEV1_TRANSACTION_REQUEST;
	default:
		return IKEV1_STEP_NONE;
	}
}

bool ikev1_is_proved(const struct ike_sa *sa)
{
	const struct ikev1_exchange *x = sa->v1->exchanges;

	if (sa->was_established)
		return true;
	while (x && x->message_id != 0)
		x = x->next;
	return x && x->step == IKEV1_STEP_DONE;
}

/* The peer is further than we are: it may miss our last message of phase 1, or we its. Nobody has
 * proved that, so each such message gets no more than what was to be sent to the peer anyway. */
static void help_on(struct arrival *a)
{
	struct ike_sa *sa = a->sa;
	struct ikev1_exchange *exchange = ikev1_exchange_find(sa, 0, ISAKMP_EXCHANGE_AGGRESSIVE);

	if (sa->initiator || !exchange || !address_same_host(&a->datagram->remote, &sa->remote) ||
		exchange->helped == HELP_MAX)
		return;
	exchange->helped++;
	if (exchange->sent)
		ike_transmit(a->e, sa, &sa->local, &sa->remote, exchange->sent);
	else if (sa->request && sa->next_request == 1)
		ike_request_repeat(a->e, sa);
}

/* A message of the peer's that begins an exchange. It is known to be the peer's when its hash was
 * checked, and counts for nothing before: the exchange is taken back. One that is refused stays for
 * a while, as the peer may say it again. */
static void receive_opening(struct arrival *a)
{
	const struct ike_header header = a->message.header;
	uint8_t step = first_step(header.exchange);
	struct ike_sa *sa = a->sa;

	if (step == IKEV1_STEP_NONE || header.message_id == 0 || !ikev1_is_proved(sa) ||
		(step == IKEV1_QUICK_1 && !sa->was_established)) {
		help_on(a);
		return;
	}
	if (is_used(sa->v1->used, header.message_id)) {
		ike_log_noise(a->e, sa, IKE_LOG_IKE,
			"ignoring a message with ID %u, which was used before", header.message_id);
		return;
	}
	struct ikev1_exchange *exchange =
		ikev1_exchange_new(a->e, sa, header.exchange, false, header.message_id);
	if (!exchange)
		return;
	exchange->step = step;
	if (receive_encrypted(a, exchange))
		return;
	for (struct ikev1_exchange **at = &sa->v1->exchanges; *at; at = &(*at)->next) {
		if (*at != exchange)
			continue;
		*at = exchange->next;
		ikev1_exchange_free(exchange);
		return;
	}
}

static void receive_message(struct arrival *a)
{
	const struct ike_header *h = &a->message.header;
	struct ikev1_exchange *exchange = ikev1_exchange_find(a->sa, h->message_id, h->exchange);
	const struct ikev1_row *row;
	struct why why;

	if (exchange && repeated(a, exchange))
		return;
	/* Something is under work: the peer will say it again. */
	if (a->sa->v1->waiting || (exchange && exchange->step == IKEV1_STEP_DONE))
		return;
	if (!exchange) {
		if (a->message.encrypted)
			receive_opening(a);
		return;
	}
	if (a->message.encrypted && a->sa->keys.length > 0 && exchange->sealed) {
		(void)receive_encrypted(a, exchange);
		return;
	}
	/* RFC 2409 5: Aggressive Mode's last one need not be encrypted. */
	if (a->message.encrypted || (exchange->sealed && exchange->step != IKEV1_AGGRESSIVE_3)) {
		ike_log_noise(a->e, a->sa, IKE_LOG_ENC, "ignoring a message that is %s",
			a->message.encrypted ? "encrypted too early" : "not encrypted");
		return;
	}
	row = ikev1_row_for(exchange, &a->message, &why);
	if (row)
		deliver(a, exchange, row, exchange->iv);
	else
		not_acceptable(a, &why);
}

static bool parse(struct arrival *a)
{
	struct why why;

	bytes_copy(a->e->datagram, a->whole);
	if (!isakmp_message_parse(bytes_of(a->e->datagram, a->whole.length), &a->message, &why)) {
		not_acceptable(a, &why);
		return false;
	}
	a->payloads =
		bytes_of(a->e->datagram + IKE_HEADER_LENGTH, a->whole.length - IKE_HEADER_LENGTH);
	return true;
}

static bool is_fragment(const struct isakmp_message *m)
{
	return !m->encrypted && (m->present & UINT32_C(1) << 31) != 0;
}

static void receive_whole(struct arrival *a)
{
	if (!digest(a))
		return;
	if (a->message.header.exchange == ISAKMP_EXCHANGE_INFORMATIONAL)
		receive_informational(a);
	else
		receive_message(a);
}

/* What is made of fragments under half-open IKE SAs, of all of them: from there on they get no
 * more. Certificates of 500 peers fit in. */
#define UNPROVED_FRAGMENTS_MAX (16u << 20)

static size_t fragments_max(const struct ike_sa *sa)
{
	return sa->initiator || sa->was_established ? SIZE_MAX : UNPROVED_FRAGMENTS_MAX;
}

/* It was the peer's: as far as anybody can say, one that it is not wrong to have no more of. */
static bool was_taken(const struct arrival *a)
{
	const struct ikev1 *v1 = a->sa->v1;

	for (const struct ikev1_exchange *x = v1->exchanges; x; x = x->next)
		if (x->has_received && memcmp(x->received, a->digest, sizeof(a->digest)) == 0)
			return true;
	return memcmp(v1->informed, a->digest, sizeof(a->digest)) == 0 ||
	       (v1->waiting && memcmp(v1->waiting->digest, a->digest, sizeof(a->digest)) == 0);
}

/* Handlers may end the SA; what the message was joined in outlives them. */
static void receive_fragment(struct arrival *a)
{
	const struct ike_header outer = a->message.header;
	uint16_t id = a->message.fragment.id;
	uint32_t unique_id = a->sa->unique_id;
	struct bytes joined = { 0 };
	enum ike_reassembled result = isakmp_reassembly_add(&a->sa->v1->reassembly, &a->message,
		a->e->now, &a->e->fragments_held, fragments_max(a->sa), &joined);

	ike_schedule(a->e, a->sa);
	if (result != IKE_REASSEMBLY_DONE)
		return;
	a->whole = joined;
	if (joined.length <= sizeof(a->e->datagram) && parse(a) && !is_fragment(&a->message) &&
		a->message.header.spi_initiator == outer.spi_initiator &&
		a->message.header.spi_responder == outer.spi_responder) {
		receive_whole(a);
		if (ike_engine_sa_find(a->e, unique_id) == a->sa && was_taken(a))
			isakmp_reassembly_drop(&a->sa->v1->reassembly, id);
	}
	free((void *)joined.at);
}

static void receive_for_sa(
	struct ike_engine *e, struct ike_sa *sa, const struct ike_datagram *datagram)
{
	struct arrival a = { .e = e, .sa = sa, .datagram = datagram, .whole = datagram->data };

	if (!parse(&a))
		return;
	if (is_fragment(&a.message))
		receive_fragment(&a);
	else
		receive_whole(&a);
}

/* ---- Finding it ---- */

static bool awaits_answer(const struct ike_sa *sa)
{
	return sa->initiator && sa->spi_responder == 0;
}

static struct ike_sa *find_sa(struct ike_engine *e, const struct ike_header *h)
{
	struct ike_sa *sa = ike_sa_by_spi(e, h->spi_initiator);

	/* An initiator does not know the responder's cookie before the first answer. */
	if (sa && sa->version == 1 && sa->initiator &&
		(awaits_answer(sa) || sa->spi_responder == h->spi_responder))
		return sa;
	sa = h->spi_responder ? ike_sa_by_spi(e, h->spi_responder) : NULL;
	return sa && sa->version == 1 && !sa->initiator && sa->spi_initiator == h->spi_initiator
		       ? sa
		       : NULL;
}

static bool begins_phase1(const struct ike_header *h)
{
	return (h->exchange == ISAKMP_EXCHANGE_MAIN || h->exchange == ISAKMP_EXCHANGE_AGGRESSIVE) &&
	       h->message_id == 0 && h->spi_initiator != 0 && h->spi_responder == 0 &&
	       !(h->flags & ISAKMP_FLAG_ENCRYPTED);
}

static void receive_first(
	struct ike_engine *e, const struct ike_datagram *datagram, const struct ike_header *header)
{
	struct ike_sa *sa = ike_half_open_find(
		e, 1, header->spi_initiator, &datagram->remote, &datagram->local);
	struct arrival a = { .e = e, .sa = sa, .datagram = datagram, .whole = datagram->data };

	if (sa) {
		struct ikev1_exchange *exchange = ikev1_exchange_find(sa, 0, header->exchange);

		/* Only the very same: another one with this cookie is not our peer's. */
		if (exchange && digest(&a))
			(void)repeated(&a, exchange);
		return;
	}
	if (!e->shutting_down && parse(&a) && !is_fragment(&a.message))
		ikev1_phase1_requested(e, datagram, &a.message);
}

void ikev1_receive(
	struct ike_engine *e, const struct ike_datagram *datagram, const struct ike_header *header)
{
	struct ike_sa *sa = find_sa(e, header);
	char from[ADDRESS_TEXT_MAX];

	if (sa) {
		receive_for_sa(e, sa, datagram);
	} else if (begins_phase1(header)) {
		receive_first(e, datagram, header);
	} else {
		ike_count(e, NULL, IKE_COUNTER_INVALID_SPI);
		ike_tally(e, NULL, IKE_TALLY_DROPPED_UNKNOWN);
		ike_log_noise(e, NULL, IKE_LOG_NET,
			"ignoring a message from %s for an IKE_SA that we don't have",
			address_format_with_port(&datagram->remote, from));
	}
}
