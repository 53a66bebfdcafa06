/*
 * Phase 1 as responder: whether a stranger's first message gets anything of us, and which
 * definition is for it by addresses and offers (by identity: definition.c); other keys for it.
 *
 * IKEv1 has no cookies of IKEv2's kind: a half-open IKE SA is kept for every first message that
 * fits, whoever's address it has. So there are few of one address, and not many in all, and the
 * oldest of which nobody has come back yet makes room: a peer that is there needs a round trip.
 */
#include "libike/ikev1/signature.h"
#include "libike/names.h"

#include <stdio.h>
#include <stdlib.h>

#define PROPOSALS_MAX 32
#define OFFERS_OCTETS_MAX                                                       \
	8192 /* a peer's 128 transforms fit in; more costs each definition work \
	      */
#define UNOPENED_MAX \
	3 /* messages that all keys are tried on: whoever knows the cookies can send more */
#define KEYS_MAX 8 /* that are tried for one peer, of definitions with the same addresses */

/* ---- The definition by addresses ---- */

struct choice {
	struct ike_connection *connection; /* NULL: none fits */
	struct isakmp_offer offer;
	/* The best by addresses alone, for saying what would have been accepted; or NULL. */
	struct ike_connection *nearest;
	bool other_mode; /* there are some, for the other mode alone */
	/* Of nearest, proposals would fit, but for what is proved with what: what the peer wants;
	 * 0: not so. */
	uint16_t other_method;
};

static bool offer_fits(struct ike_engine *e, const struct ike_connection *c,
	const struct ike_datagram *datagram, const struct isakmp_message *message,
	struct isakmp_offer *ret)
{
	uint16_t methods[IKEV1_METHODS_MAX];
	size_t count = ikev1_phase1_methods(e, c, &datagram->local, methods);

	return count > 0 &&
	       isakmp_offer_choose(&c->proposals, &message->sa, 1, methods, count, false, ret);
}

static void choose(struct ike_engine *e, const struct ike_datagram *datagram,
	const struct isakmp_message *message, struct choice *ret)
{
	bool aggressive = message->header.exchange == ISAKMP_EXCHANGE_AGGRESSIVE;
	unsigned match = 0, best = 0, nearest = 0;
	struct ike_connection *c;
	struct isakmp_offer offer;
	struct ike_candidates walk = ike_candidates_from(e, &datagram->remote);

	*ret = (struct choice){ 0 };
	while ((c = ike_loaded_for(&walk, 1, &datagram->local, &datagram->remote, &match))) {
		if (c->aggressive != aggressive) {
			ret->other_mode = true;
			continue;
		}
		if (match > nearest) {
			nearest = match;
			ret->nearest = c;
		}
		if (match <= best || !offer_fits(e, c, datagram, message, &offer))
			continue;
		best = match;
		ret->connection = c;
		ret->offer = offer;
	}
	if (!ret->connection && ret->nearest &&
		isakmp_offer_choose(
			&ret->nearest->proposals, &message->sa, 1, NULL, 0, false, &offer))
		ret->other_method = offer.auth_method;
}

/* ---- Refusing it ---- */

/* With a cookie of nothing: there is no IKE SA. Never more than what was asked. */
static void answer_notify(struct ike_engine *e, const struct ike_datagram *datagram,
	const struct ike_header *request, uint16_t type)
{
	struct ike_header header = {
		.spi_initiator = request->spi_initiator,
		.version = 0x10,
		.exchange = ISAKMP_EXCHANGE_INFORMATIONAL,
	};
	struct ike_builder b;

	if (!ike_crypto_random(e->crypto, &header.message_id, sizeof(header.message_id)) ||
		!ike_crypto_random(e->crypto, &header.spi_responder, sizeof(header.spi_responder)))
		return;
	ike_builder_start(e, &b);
	isakmp_build_notify(
		&b, ISAKMP_PROTOCOL_ISAKMP, type, (struct bytes){ 0 }, (struct bytes){ 0 });
	struct ike_packets *packets = isakmp_packets_clear(&header, &b, 0, 0);
	if (!packets)
		return;
	struct ike_datagram answer = { datagram->local, datagram->remote,
		ike_packets_get(packets, 0), 0 };
	if (answer.data.length <= datagram->data.length)
		e->host.send(e->host.context, &answer);
	ike_packets_free(packets);
}

/* The definition would do it, but for the private key that it takes. */
static bool explain_key(struct ike_engine *e, const struct ike_datagram *datagram,
	const struct choice *choice, struct ike_failure *failure)
{
	struct ike_connection *c = choice->nearest;
	uint16_t wanted = choice->other_method, own = ikev1_phase1_method(c, false);
	struct ike_failure why = { 0 };
	char remote[ADDRESS_TEXT_MAX];

	if (own == ISAKMP_AUTH_RSA && ikev1_signature_key_type(wanted) == IKE_KEY_ECDSA)
		own = wanted;
	if (wanted == 0 || own != wanted ||
		ikev1_phase1_class(own, false) != IKE_AUTH_CLASS_PUBKEY ||
		ikev1_signature_can(e, c, &datagram->local, wanted, &why) || !why.text)
		return false;
	ike_failure_set(failure, why.reason, NULL, NULL,
		"connection '%s' cannot prove itself to %s: %s", c->name,
		address_format_with_port(&datagram->remote, remote), why.text);
	ike_failure_set_differs(failure, why.differs ? why.differs : "local.certs");
	ike_failure_free(&why);
	return true;
}

static void explain_proposals(const struct ike_datagram *datagram,
	const struct isakmp_message *message, const struct choice *choice,
	struct ike_failure *failure)
{
	char ours[IKE_PROPOSAL_TEXT_MAX], offered[IKE_PROPOSAL_TEXT_MAX];
	char remote[ADDRESS_TEXT_MAX], differs[IKE_DIFFERENCE_TEXT_MAX];
	const struct ike_proposals *list = &choice->nearest->proposals;
	struct ike_proposal *theirs = calloc(PROPOSALS_MAX, sizeof(*theirs));
	size_t count =
		theirs ? isakmp_offers_to_proposals(&message->sa, 1, theirs, PROPOSALS_MAX) : 0;

	address_format_with_port(&datagram->remote, remote);
	ike_failure_set(failure, IKE_REASON_NO_PROPOSAL,
		ike_proposals_format(list->items, list->count, ours),
		ike_proposals_format(theirs, count, offered),
		"no common IKE proposal with %s for connection '%s'%s", remote,
		choice->nearest->name,
		choice->other_method
			? ": the peer wants to authenticate otherwise (pre-shared key, "
			  "signature, XAuth)"
			: "");
	ike_proposals_difference(list, theirs, count, false, differs);
	ike_failure_set_differs(failure, choice->other_method ? "auth" : differs);
	free(theirs);
}

static void refuse(struct ike_engine *e, const struct ike_datagram *datagram,
	const struct isakmp_message *message, const struct choice *choice)
{
	char local[ADDRESS_TEXT_MAX], remote[ADDRESS_TEXT_MAX];
	struct ike_failure failure = { 0 };
	bool aggressive = message->header.exchange == ISAKMP_EXCHANGE_AGGRESSIVE;

	address_format(&datagram->local, local);
	address_format_with_port(&datagram->remote, remote);
	if (!e->loaded) {
		/* A refusal could make the peer give up; its next retransmission may find one. */
		ike_failure_set(&failure, IKE_REASON_NO_CONNECTION, NULL, NULL,
			"no connection is loaded at all, not answering %s...%s", local, remote);
	} else if (!choice->nearest) {
		ike_names_doubt(e);
		ike_failure_set(&failure, IKE_REASON_NO_CONNECTION, NULL, NULL,
			choice->other_mode ? "no connection for %s...%s allows IKEv1's %s Mode "
					     "(aggressive = %s), sending NO_PROPOSAL_CHOSEN"
					   : "no IKEv1 connection is loaded for %s...%s, sending "
					     "NO_PROPOSAL_CHOSEN",
			local, remote, aggressive ? "Aggressive" : "Main",
			aggressive ? "yes" : "no");
		if (choice->other_mode)
			ike_failure_set_differs(&failure, "aggressive");
		else if (ike_loaded_for_other_version(e, 1, &datagram->local, &datagram->remote))
			ike_failure_set_differs(&failure, "version");
	} else if (!explain_key(e, datagram, choice, &failure)) {
		explain_proposals(datagram, message, choice, &failure);
	}
	ike_log_refusal(e, 1, datagram, choice->nearest, &failure);
	ike_failure_free(&failure);
	if (e->loaded)
		answer_notify(e, datagram, &message->header, ISAKMP_NOTIFY_NO_PROPOSAL_CHOSEN);
}

/* Its HASH_R would be there for anybody to try keys on. */
static bool is_aggressive_psk(const struct isakmp_message *message, const struct choice *choice)
{
	return message->header.exchange == ISAKMP_EXCHANGE_AGGRESSIVE &&
	       ikev1_phase1_class(choice->offer.auth_method, false) == IKE_AUTH_CLASS_PSK;
}

static void refuse_aggressive_psk(struct ike_engine *e, const struct ike_datagram *datagram,
	const struct isakmp_message *message, const struct choice *choice)
{
	struct ike_failure failure = { 0 };
	char remote[ADDRESS_TEXT_MAX];

	ike_failure_set(&failure, IKE_REASON_POLICY, NULL, NULL,
		"%s wants Aggressive Mode with a pre-shared key, which is disabled for security "
		"reasons (charon.i_dont_care_about_security_and_use_aggressive_mode_psk)",
		address_format_with_port(&datagram->remote, remote));
	ike_failure_set_differs(&failure, "aggressive");
	ike_log_refusal(e, 1, datagram, choice->connection, &failure);
	ike_failure_free(&failure);
	answer_notify(e, datagram, &message->header, ISAKMP_NOTIFY_AUTHENTICATION_FAILED);
}

/* ---- An IKE SA ---- */

static struct ike_sa *make_sa(struct ike_engine *e, const struct ike_datagram *datagram,
	const struct isakmp_message *message, const struct choice *choice)
{
	struct ike_sa *sa = ike_sa_new(e, false, &datagram->local, &datagram->remote);

	if (!sa)
		return NULL;
	sa->spi_initiator = message->header.spi_initiator;
	sa->suite = choice->offer.suite;
	ike_sa_set_connection(sa, choice->connection);
	sa->negotiation->stage = IKE_STAGE_AUTH;
	sa->expires_at = e->now + e->settings.half_open_timeout;
	ike_schedule(e, sa);
	ike_sa_set_state(e, sa, IKE_SA_CONNECTING);
	if (!ikev1_make(sa) || !ikev1_phase1_keep_sa(sa, message->sa.body) ||
		!ike_half_open_add(e, sa, sa->spi_initiator, &datagram->remote)) {
		ike_sa_free(e, sa);
		return NULL;
	}
	sa->v1->life_seconds = choice->offer.life_seconds;
	sa->v1->phase1->auth_method = choice->offer.auth_method;
	sa->v1->phase1->aggressive = message->header.exchange == ISAKMP_EXCHANGE_AGGRESSIVE;
	return sa;
}

static void respond(struct ike_engine *e, const struct ike_datagram *datagram,
	const struct isakmp_message *message, const struct choice *choice)
{
	struct ike_sa *sa = make_sa(e, datagram, message, choice);
	struct ikev1_exchange *exchange =
		sa ? ikev1_exchange_new(e, sa, message->header.exchange, false, 0) : NULL;
	char from[ADDRESS_TEXT_MAX];

	address_format_with_port(&datagram->remote, from);
	if (!exchange) {
		ike_log_noise(e, NULL, IKE_LOG_IKE, "no memory for an IKE_SA with %s", from);
		if (sa)
			ike_sa_free(e, sa);
		return;
	}
	ike_log(e, sa, IKE_LOG_IKE, IKE_LOG_INFO, "%s is initiating %s Mode IKE_SA", from,
		sa->v1->phase1->aggressive ? "an Aggressive" : "a Main");
	ike_log_suite(e, sa, &sa->suite);
	exchange->step = sa->v1->phase1->aggressive ? IKEV1_AGGRESSIVE_1 : IKEV1_MAIN_1;
	ikev1_process(e, sa, exchange, datagram, message);
}

/* Nobody has answered there yet. */
static bool gives_way(const struct ike_sa *sa)
{
	const struct ikev1_exchange *x = sa->v1->exchanges;

	while (x && x->message_id != 0)
		x = x->next;
	return x && (x->step == IKEV1_MAIN_3 || x->step == IKEV1_AGGRESSIVE_3);
}

void ikev1_phase1_requested(struct ike_engine *e, const struct ike_datagram *datagram,
	const struct isakmp_message *message)
{
	struct choice choice;

	if (!ISAKMP_HAS(message, SA) || message->repeated ||
		message->sa.body.length > OFFERS_OCTETS_MAX) {
		ike_count(e, NULL, IKE_COUNTER_INVALID);
		ike_tally(e, NULL, IKE_TALLY_DROPPED_MALFORMED);
		return;
	}
	if (ike_half_open_is_flooded(e, 1, &datagram->remote, gives_way, "a first IKEv1 message"))
		return;
	choose(e, datagram, message, &choice);
	if (!choice.connection)
		refuse(e, datagram, message, &choice);
	else if (is_aggressive_psk(message, &choice) && !e->settings.aggressive_psk)
		refuse_aggressive_psk(e, datagram, message, &choice);
	else
		respond(e, datagram, message, &choice);
}

bool ikev1_phase1_choose(struct ikev1_received *x, struct isakmp_offer *ret_chosen)
{
	const uint16_t method = x->sa->v1->phase1->auth_method;

	if (isakmp_offer_choose(&x->sa->connection->proposals, &x->message->sa, 1, &method, 1,
		    false, ret_chosen))
		return true;
	ike_failure_set(x->failure, IKE_REASON_NO_PROPOSAL, NULL, NULL, "no common IKE proposal");
	return false;
}

/* ---- A key that is not it ---- */

static bool is_new_key(const struct bytes *keys, size_t count, struct bytes key)
{
	for (size_t i = 0; i < count; i++)
		if (secret_equal(keys[i], key))
			return false;
	return key.length > 0;
}

/* The pre-shared keys of the definitions for these addresses, each once, that of the SA's present
 * definition first. */
static size_t list_keys(struct ike_engine *e, const struct ike_sa *sa, struct bytes keys[KEYS_MAX])
{
	struct ike_candidates walk = ike_candidates_from(e, &sa->remote);
	struct ike_connection *c;
	size_t count = 0;
	struct bytes key = ikev1_proof_psk(e, sa, sa->connection);

	if (key.length > 0)
		keys[count++] = key;
	while (count < KEYS_MAX && (c = ike_loaded_for(&walk, 1, &sa->local, &sa->remote, NULL))) {
		uint16_t method = sa->v1->phase1->auth_method;

		if (c->aggressive || ikev1_phase1_method(c, false) != method)
			continue;
		key = ikev1_proof_psk(e, sa, c);
		if (is_new_key(keys, count, key))
			keys[count++] = key;
	}
	return count;
}

/* In Main Mode the key was chosen before the peer said who it is: of several definitions for its
 * addresses another one's may be it. */
static bool try_next_key(struct ike_engine *e, struct ike_sa *sa)
{
	struct ikev1_phase1 *p = sa->v1->phase1;
	struct bytes keys[KEYS_MAX];
	size_t count = list_keys(e, sa, keys);

	if (sa->initiator || p->aggressive || p->psk_tries + 1u >= count)
		return false;
	p->psk_tries++;
	return ikev1_keys_skeyid(e, sa, keys[p->psk_tries]) && ikev1_keys_derive(e, sa);
}

/* The first time it is reported, and the peer hears of it: in the clear, as it has other keys. */
static void report_unreadable(struct ikev1_received *x)
{
	struct ikev1_phase1 *p = x->sa->v1->phase1;

	if (p->unreadable)
		return;
	p->unreadable = true;
	ikev1_phase1_suspect(x->e, x->sa);
	ikev1_inform_clear(x->e, x->sa, ISAKMP_NOTIFY_PAYLOAD_MALFORMED);
}

bool ikev1_phase1_unreadable(struct ikev1_received *x)
{
	struct ikev1_phase1 *p = x->sa->v1->phase1;

	if (!ikev1_proof_is_shared(x->sa) || (p->psk_tries == 0 && p->unopened == UNOPENED_MAX))
		return false;
	if (p->psk_tries == 0)
		p->unopened++;
	if (try_next_key(x->e, x->sa))
		return true;
	if (p->psk_tries > 0) {
		/* The peer may say it again: from the first on. */
		struct bytes keys[KEYS_MAX];

		p->psk_tries = 0;
		if (list_keys(x->e, x->sa, keys) == 0 || !ikev1_keys_skeyid(x->e, x->sa, keys[0]) ||
			!ikev1_keys_derive(x->e, x->sa))
			return false;
	}
	if (!x->sa->initiator)
		report_unreadable(x);
	return false;
}
