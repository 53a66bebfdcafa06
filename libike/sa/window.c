/* Requests, responses, and sending them again (RFC 7296 2.1 to 2.3; a window of one). */
#include "libike/sa/sa_priv.h"

#include <stdlib.h>

#define IP4_AND_UDP 28
#define IP6_AND_UDP 48
#define NON_ESP_MARKER 4
#define FRAGMENT_MIN 200
#define TRIES_OF_SEVERAL 2
#define TRIES_TO_STRANGERS 2 /* three times what they have sent is no amplifier */
#define DELAY_MIN 10
#define AFRESH_LIMIT 3 /* times that a peer has for its answer */

void ike_builder_start(struct ike_engine *e, struct ike_builder *b)
{
	ike_builder_begin(b, e->chain, sizeof(e->chain));
}

void ike_transmit(struct ike_engine *e, const struct ike_sa *sa, const struct address *local,
	const struct address *remote, const struct ike_packets *packets)
{
	uint8_t dscp = sa->connection ? sa->connection->dscp : 0;

	for (size_t i = 0; i < packets->count; i++) {
		struct ike_datagram datagram = { *local, *remote, ike_packets_get(packets, i),
			dscp };

		e->host.send(e->host.context, &datagram);
	}
}

size_t ike_datagram_max(const struct ike_engine *e, const struct ike_sa *sa)
{
	size_t overhead = sa->remote.family == AF_INET6 ? IP6_AND_UDP : IP4_AND_UDP;
	size_t packet = sa->remote.family == AF_INET6 ? e->settings.fragment_size_v6
						      : e->settings.fragment_size_v4;

	if (!sa->peer_fragments || !sa->connection ||
		sa->connection->fragmentation == IKE_FRAGMENTATION_NO ||
		sa->connection->fragmentation == IKE_FRAGMENTATION_ACCEPT)
		return 0;
	if (packet == 0) /* what every path carries: RFC 7383 2.5.1 */
		packet = sa->remote.family == AF_INET6 ? 1280 : 576;
	overhead += NON_ESP_MARKER;
	return packet > overhead + FRAGMENT_MIN ? packet - overhead : FRAGMENT_MIN;
}

static struct ike_packets *make(struct ike_engine *e, struct ike_sa *sa, uint8_t exchange,
	uint32_t message_id, bool response, const struct ike_builder *b)
{
	struct ike_header header = {
		.spi_initiator = sa->spi_initiator,
		.spi_responder = sa->spi_responder,
		.version = 0x20,
		.exchange = exchange,
		.flags = (uint8_t)((sa->initiator ? IKE_FLAG_INITIATOR : 0) |
				   (response ? IKE_FLAG_RESPONSE : 0)),
		.message_id = message_id,
	};

	if (exchange == IKE_EXCHANGE_SA_INIT)
		return ike_packets_clear(&header, b);
	struct ike_seal_keys keys = ike_keys_seal(sa, true);
	return ike_packets_sealed(
		e->crypto, &keys, &header, b, ike_datagram_max(e, sa), &sa->seal_sequence);
}

/* The way that a new request takes. */
static bool takes_another_way(const struct ike_sa *sa)
{
	return sa->mobike && sa->mobike->first_local.family != 0;
}

static const struct address *first_local(const struct ike_sa *sa)
{
	return takes_another_way(sa) ? &sa->mobike->first_local : &sa->local;
}

static const struct address *first_remote(const struct ike_sa *sa)
{
	return takes_another_way(sa) ? &sa->mobike->first_remote : &sa->remote;
}

/* request: the one that is answered, or NULL. */
static void log_sent(struct ike_engine *e, const struct ike_sa *sa, uint8_t exchange,
	uint32_t message_id, const struct ike_datagram *request, const struct ike_packets *packets)
{
	char text[IKE_NUMBER_TEXT_MAX], from[ADDRESS_TEXT_MAX], to[ADDRESS_TEXT_MAX];

	ike_count_message(e, sa, exchange, false, request != NULL);
	if (!e->host.log_wanted(e->host.context, IKE_LOG_NET, IKE_LOG_INFO))
		return;
	ike_log(e, sa, IKE_LOG_NET, IKE_LOG_INFO, "sending %s %s %u: from %s to %s (%u bytes)",
		ike_exchange_format(exchange, text), request ? "response" : "request", message_id,
		address_format_with_port(request ? &request->local : first_local(sa), from),
		address_format_with_port(request ? &request->remote : first_remote(sa), to),
		packets->size - 2 * packets->count);
}

/* The connection's own settings go before the daemon's. */
static uint32_t retransmit_tries(const struct ike_engine *e, const struct ike_sa *sa)
{
	const struct ike_connection *c = sa->connection;
	const struct ike_negotiation *n = sa->negotiation;
	uint32_t tries = c && c->retransmit_tries != IKE_UNSET ? (uint32_t)c->retransmit_tries
							       : e->settings.retransmit_tries;

	/* The peer has another address, which is waiting; with IKEv2 they take turns. */
	if (n && sa->version == 1 && n->stage == IKE_STAGE_INIT &&
		n->target + 1 < n->target_count && tries > TRIES_OF_SEVERAL)
		return TRIES_OF_SEVERAL;
	/* Aggressive Mode's second message, to somebody who may not be there. */
	if (n && !sa->initiator && sa->next_request == 1 && tries > TRIES_TO_STRANGERS)
		return TRIES_TO_STRANGERS;
	return tries;
}

static double planned_delay(
	const struct ike_engine *e, const struct ike_connection *c, unsigned transmission)
{
	double delay = c && c->retransmit_timeout > 0 ? (double)c->retransmit_timeout
						      : (double)e->settings.retransmit_timeout;
	double base =
		c && c->retransmit_base > 0 ? c->retransmit_base : e->settings.retransmit_base;

	for (unsigned i = 1; i < transmission && delay < 1e9; i++)
		delay *= base;
	if (e->settings.retransmit_limit > 0 && delay > (double)e->settings.retransmit_limit)
		delay = (double)e->settings.retransmit_limit;
	return delay;
}

ike_time ike_retransmission_total(const struct ike_engine *e, const struct ike_sa *sa)
{
	uint32_t tries = retransmit_tries(e, sa);
	double total = 0;

	for (unsigned i = 1; i <= tries + 1 && total < 1e12; i++)
		total += planned_delay(e, sa->connection, i);
	return (ike_time)total;
}

ike_time ike_retransmission_longest(const struct ike_engine *e, const struct ike_connection *c)
{
	uint32_t tries = c->retransmit_tries != IKE_UNSET ? (uint32_t)c->retransmit_tries
							  : e->settings.retransmit_tries;
	double longest = planned_delay(e, c, tries + 1);

	return longest < 1e12 ? (ike_time)longest : IKE_SECONDS(1000000000);
}

ike_time ike_retransmission_delay(
	struct ike_engine *e, const struct ike_sa *sa, unsigned transmission)
{
	double delay = planned_delay(e, sa->connection, transmission);

	if (e->settings.retransmit_jitter > 0) {
		uint32_t random;

		/* Without randomness we go without jitter; the retransmission matters more. */
		if (ike_crypto_random(e->crypto, &random, sizeof(random)))
			delay -= delay * (random % (e->settings.retransmit_jitter + 1)) / 100;
	}
	/* Never at once, whatever the settings say: with keyingtries = 0 that would not end. */
	return delay > DELAY_MIN ? (ike_time)delay : DELAY_MIN;
}

bool ike_request_send(
	struct ike_engine *e, struct ike_sa *sa, uint8_t exchange, const struct ike_builder *b)
{
	struct ike_packets *packets = make(e, sa, exchange, sa->next_request, false, b);

	if (!packets)
		return false;
	ike_packets_free(sa->request);
	sa->request = packets;
	log_sent(e, sa, exchange, sa->next_request, NULL, packets);
	ike_request_begin(e, sa, sa->next_request);
	return true;
}

void ike_request_begin(struct ike_engine *e, struct ike_sa *sa, uint32_t message_id)
{
	sa->next_request = message_id + 1;
	sa->transmissions = 1;
	sa->request_sent_at = e->now;
	sa->retransmit_at = e->now + ike_retransmission_delay(e, sa, 1);
	ike_schedule(e, sa);
	ike_transmit(e, sa, first_local(sa), first_remote(sa), sa->request);
	if (sa->mobike) {
		sa->mobike->first_local.family = 0;
		sa->mobike->all_ways = false;
	}
}

void ike_request_send_once(
	struct ike_engine *e, struct ike_sa *sa, uint8_t exchange, const struct ike_builder *b)
{
	struct ike_packets *packets = make(e, sa, exchange, sa->next_request, false, b);

	if (!packets)
		return;
	log_sent(e, sa, exchange, sa->next_request, NULL, packets);
	ike_transmit(e, sa, &sa->local, &sa->remote, packets);
	ike_packets_free(packets);
}

bool ike_response_send(struct ike_engine *e, struct ike_sa *sa, const struct ike_datagram *request,
	const struct ike_header *header, const struct ike_builder *b)
{
	uint8_t exchange = header->exchange;
	struct ike_packets *packets = make(e, sa, exchange, header->message_id, true, b);

	if (!packets)
		return false;
	ike_packets_free(sa->response);
	sa->response = packets;
	log_sent(e, sa, exchange, header->message_id, request, packets);
	ike_transmit(e, sa, &request->local, &request->remote, packets);
	return true;
}

void ike_request_answered(struct ike_engine *e, struct ike_sa *sa)
{
	ike_packets_free(sa->request);
	sa->request = NULL;
	sa->retransmit_at = IKE_NEVER;
	ike_reassembly_free(sa->reassembly_response);
	sa->reassembly_response = NULL;
	ike_schedule(e, sa);
}

void ike_request_repeat(struct ike_engine *e, const struct ike_sa *sa)
{
	if (sa->request)
		ike_transmit(e, sa, &sa->local, &sa->remote, sa->request);
}

bool ike_request_is_exhausted(const struct ike_engine *e, const struct ike_sa *sa)
{
	return sa->transmissions > retransmit_tries(e, sa);
}

void ike_request_afresh(struct ike_engine *e, struct ike_sa *sa)
{
	/* A peer that is gone must be found to be gone, however restless our network is. */
	ike_time limit = sa->request_sent_at + AFRESH_LIMIT * ike_retransmission_total(e, sa);

	if (sa->request && e->now < limit) {
		sa->transmissions = 1;
		sa->retransmit_at = e->now + ike_retransmission_delay(e, sa, 1);
		ike_schedule(e, sa);
	}
	ike_request_repeat(e, sa);
}

bool ike_request_retransmit(struct ike_engine *e, struct ike_sa *sa)
{
	uint32_t message_id = sa->next_request - 1;

	if (ike_request_is_exhausted(e, sa))
		return false;
	ike_log(e, sa, IKE_LOG_IKE, IKE_LOG_INFO, "retransmit %u of request with message ID %u",
		sa->transmissions, message_id);
	ike_tally(e, sa, IKE_TALLY_RETRANSMITTED);
	sa->transmissions++;
	sa->retransmit_at = e->now + ike_retransmission_delay(e, sa, sa->transmissions);
	ike_schedule(e, sa);
	ike_transmit(e, sa, &sa->local, &sa->remote, sa->request);
	return true;
}

void ike_requests_pause(struct ike_engine *e, struct ike_sa *sa, ike_time pause)
{
	sa->resume_at = e->now + pause;
	ike_schedule(e, sa);
}
