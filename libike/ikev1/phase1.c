/*
 * What Main and Aggressive Mode share (RFC 2409 5.1 to 5.5): the payloads of phase 1, both roles.
 * The initiator's beginning is here too; the responder's is in phase1_respond.c, the end of both in
 * phase1_end.c.
 */
#include "libike/ikev1/signature.h"

#include <stdlib.h>

#define PAYLOAD_HEADER 4
#define NONCE_MIN 8

enum ikev1_outcome ikev1_phase1_no_memory(struct ikev1_received *x)
{
	ike_failure_set(x->failure, IKE_REASON_RESOURCES, NULL, NULL, "out of memory in phase 1");
	return IKEV1_END;
}

static bool no_memory(struct ikev1_received *x)
{
	(void)ikev1_phase1_no_memory(x);
	return false;
}

static bool keep(struct bytes *ret, struct bytes from)
{
	free((void *)ret->at);
	*ret = bytes_duplicate(from);
	return ret->at != NULL;
}

/* ---- What is proved with what ---- */

static const struct ike_auth_round *round_of(
	const struct ike_auth_rounds *rounds, bool of_class_xauth)
{
	for (size_t i = 0; i < rounds->count; i++)
		if ((rounds->items[i].class == IKE_AUTH_CLASS_XAUTH) == of_class_xauth)
			return &rounds->items[i];
	return NULL;
}

/* The class that both rounds agree on, where one of them may be any; 0: they don't. */
static uint8_t common_class(const struct ike_auth_round *a, const struct ike_auth_round *b)
{
	if (!a || !b || a->class == b->class || b->class == IKE_AUTH_CLASS_ANY)
		return a ? a->class : b ? b->class : IKE_AUTH_CLASS_ANY;
	return a->class == IKE_AUTH_CLASS_ANY ? b->class : (uint8_t)IKE_AUTH_CLASS_ANY;
}

/* The client of XAuth: 0 nobody, else the initiator's or the responder's method. */
static uint16_t with_xauth(uint16_t plain, bool by_initiator)
{
	if (plain == ISAKMP_AUTH_PSK)
		return by_initiator ? ISAKMP_AUTH_XAUTH_INITIATOR_PSK
				    : ISAKMP_AUTH_XAUTH_RESPONDER_PSK;
	if (plain == ISAKMP_AUTH_RSA)
		return by_initiator ? ISAKMP_AUTH_XAUTH_INITIATOR_RSA
				    : ISAKMP_AUTH_XAUTH_RESPONDER_RSA;
	return 0; /* none is defined */
}

static uint16_t hybrid(const struct ike_auth_round *proves, bool by_initiator)
{
	if (!proves || proves->class != IKE_AUTH_CLASS_PUBKEY)
		return 0;
	return by_initiator ? ISAKMP_AUTH_HYBRID_INITIATOR_RSA : ISAKMP_AUTH_HYBRID_RESPONDER_RSA;
}

uint16_t ikev1_phase1_method(const struct ike_connection *c, bool initiator)
{
	const struct ike_auth_round *own = round_of(&c->local, false);
	const struct ike_auth_round *peers = round_of(&c->remote, false);
	bool own_xauth = round_of(&c->local, true), peers_xauth = round_of(&c->remote, true);
	bool by_initiator = initiator == own_xauth;
	uint16_t plain = 0;

	if (own_xauth && peers_xauth)
		return 0;
	if (own_xauth && !own)
		return hybrid(peers, by_initiator);
	if (peers_xauth && !peers)
		return hybrid(own, by_initiator);
	switch (common_class(own, peers)) {
	case IKE_AUTH_CLASS_PSK:
		plain = ISAKMP_AUTH_PSK;
		break;
	case IKE_AUTH_CLASS_PUBKEY:
		plain = ISAKMP_AUTH_RSA;
		break;
	}
	return own_xauth || peers_xauth ? with_xauth(plain, by_initiator) : plain;
}

size_t ikev1_phase1_methods(struct ike_engine *e, const struct ike_connection *c,
	const struct address *local, uint16_t ret[IKEV1_METHODS_MAX])
{
	static const uint16_t ecdsa[] = { ISAKMP_AUTH_ECDSA_256, ISAKMP_AUTH_ECDSA_384,
		ISAKMP_AUTH_ECDSA_521 };
	uint16_t method = ikev1_phase1_method(c, false);
	size_t count = 0;

	if (method == 0)
		return 0;
	if (ikev1_phase1_class(method, false) != IKE_AUTH_CLASS_PUBKEY ||
		ikev1_signature_can(e, c, local, method, NULL))
		ret[count++] = method;
	if (method != ISAKMP_AUTH_RSA || !ikev1_signature_can(e, c, local, ecdsa[0], NULL))
		return count;
	for (size_t i = 0; i < sizeof(ecdsa) / sizeof(*ecdsa); i++)
		ret[count++] = ecdsa[i];
	return count;
}

uint8_t ikev1_phase1_class(uint16_t method, bool of_initiator)
{
	switch (method) {
	case ISAKMP_AUTH_PSK:
	case ISAKMP_AUTH_XAUTH_INITIATOR_PSK:
	case ISAKMP_AUTH_XAUTH_RESPONDER_PSK:
		return IKE_AUTH_CLASS_PSK;
	case ISAKMP_AUTH_HYBRID_INITIATOR_RSA:
		return of_initiator ? IKE_AUTH_CLASS_XAUTH : IKE_AUTH_CLASS_PUBKEY;
	case ISAKMP_AUTH_HYBRID_RESPONDER_RSA:
		return of_initiator ? IKE_AUTH_CLASS_PUBKEY : IKE_AUTH_CLASS_XAUTH;
	default:
		return IKE_AUTH_CLASS_PUBKEY;
	}
}

/* ---- The beginning, as initiator ---- */

static void drop_exchange(struct ike_sa *sa)
{
	for (struct ikev1_exchange **at = &sa->v1->exchanges; *at;) {
		struct ikev1_exchange *x = *at;

		*at = x->next;
		ikev1_exchange_free(x);
	}
}

/* Which it is of the signatures, by the key that we have. */
static bool settle_method(struct ike_engine *e, struct ike_sa *sa, struct ike_failure *failure)
{
	const struct ike_connection *c = sa->connection;
	uint16_t *method = &sa->v1->phase1->auth_method;

	*method = ikev1_phase1_method(c, true);
	if (*method == 0)
		ike_failure_set(failure, IKE_REASON_UNSUPPORTED, NULL, NULL,
			"connection '%s': IKEv1 has no authentication method for its local and "
			"remote sections",
			c->name);
	else if (*method == ISAKMP_AUTH_RSA)
		*method = ikev1_signature_method_of_own(e, c, &sa->local, failure);
	else if (ikev1_phase1_class(*method, true) == IKE_AUTH_CLASS_PUBKEY &&
		 !ikev1_signature_can(e, c, &sa->local, *method, failure))
		*method = 0;
	return *method != 0;
}

bool ikev1_phase1_begin(struct ike_engine *e, struct ike_sa *sa, struct ike_failure *failure)
{
	const struct ike_connection *c = sa->connection;
	struct ikev1_phase1 *p = sa->v1->phase1;
	char to[ADDRESS_TEXT_MAX];

	drop_exchange(sa);
	p->aggressive = c->aggressive;
	if (!settle_method(e, sa, failure))
		return false;
	ike_tally(e, sa, IKE_TALLY_BEGUN);
	ike_log(e, sa, IKE_LOG_IKE, IKE_LOG_AUDIT, "initiating %s Mode IKE_SA %s[%u] to %s",
		c->aggressive ? "Aggressive" : "Main", c->name, sa->unique_id,
		address_format(&sa->remote, to));
	ike_sa_set_state(e, sa, IKE_SA_CONNECTING);
	return c->aggressive ? ikev1_aggressive_begin(e, sa, failure)
			     : ikev1_main_begin(e, sa, failure);
}

bool ikev1_phase1_restart(struct ike_engine *e, struct ike_sa *sa, struct ike_failure *failure)
{
	struct ike_negotiation *n = sa->negotiation;

	ike_request_answered(e, sa);
	ike_key_exchange_free(n->key_exchange);
	n->key_exchange = NULL;
	n->nonce_length = 0;
	sa->spi_responder = 0;
	return ike_sa_renew_spi(e, sa) && ike_target_start(e, sa, failure);
}

/* What the peer is told that the IKE SA lives, as strongSwan does: until it would be too late. */
static uint64_t lifetime(const struct ike_connection *c)
{
	uint64_t time = c->reauth_time ? c->reauth_time : c->rekey_time;

	return time ? time + c->over_time : 0;
}

bool ikev1_phase1_keep_sa(struct ike_sa *sa, struct bytes body)
{
	return keep(&sa->v1->phase1->sa_body, body);
}

/* Aggressive Mode's KE payload is for one group: what needs another is not offered. */
static size_t keep_group(struct isakmp_offer *offers, size_t count, uint16_t group)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++)
		if (offers[i].suite.group == group)
			offers[kept++] = offers[i];
	return kept;
}

bool ikev1_phase1_build_offer(
	struct ike_engine *e, struct ike_sa *sa, struct ike_builder *b, struct ike_failure *failure)
{
	const struct ike_connection *c = sa->connection;
	struct ikev1_phase1 *p = sa->v1->phase1;
	struct isakmp_offer *offers = calloc(ISAKMP_OFFERS_MAX, sizeof(*offers));
	size_t start = b->writer.length + PAYLOAD_HEADER;

	(void)e;
	if (!offers)
		return false;
	size_t count = isakmp_offers_of(&c->proposals, 1, offers, ISAKMP_OFFERS_MAX);
	if (count > 0) {
		sa->negotiation->group = offers[0].suite.group;
		if (p->aggressive)
			count = keep_group(offers, count, sa->negotiation->group);
		isakmp_build_sa(b, offers, count, (struct bytes){ 0 },
			&(struct isakmp_said){
				.auth_method = p->auth_method, .life_seconds = lifetime(c) });
	} else {
		ike_failure_set(failure, IKE_REASON_UNSUPPORTED, NULL, NULL,
			"connection '%s': IKEv1 has no numbers for any of its proposals", c->name);
	}
	free(offers);
	return count > 0 && !b->writer.bad &&
	       ikev1_phase1_keep_sa(sa, bytes_of(b->writer.at + start, b->writer.length - start));
}

bool ikev1_phase1_agree(struct ikev1_received *x)
{
	struct ike_sa *sa = x->sa;
	struct ikev1_phase1 *p = sa->v1->phase1;
	const struct ike_proposals *offered = &sa->connection->proposals;
	char ours[IKE_PROPOSAL_TEXT_MAX], theirs[IKE_PROPOSAL_TEXT_MAX];
	struct isakmp_offer offer;
	struct ike_proposal answer;

	if (isakmp_offer_accepts(offered, &x->message->sa, 1, false, &offer) &&
		offer.auth_method == p->auth_method &&
		(!p->aggressive || offer.suite.group == sa->negotiation->group)) {
		sa->suite = offer.suite;
		sa->v1->life_seconds = offer.life_seconds;
		ike_log_suite(x->e, sa, &sa->suite);
		return true;
	}
	size_t count = isakmp_offers_to_proposals(&x->message->sa, 1, &answer, 1);
	ike_failure_set(x->failure, IKE_REASON_PROTOCOL,
		ike_proposals_format(offered->items, offered->count, ours),
		ike_proposals_format(&answer, count, theirs),
		"peer chose an IKE proposal that we did not offer");
	return false;
}

/* ---- Vendor ids ---- */

/* Of what the peer knows about NAT traversal, the best that we do. */
static uint8_t best_nat_t(uint32_t vendors)
{
	static const uint8_t order[] = { ISAKMP_VENDOR_NAT_T_RFC3947, ISAKMP_VENDOR_NAT_T_03,
		ISAKMP_VENDOR_NAT_T_02_N, ISAKMP_VENDOR_NAT_T_02 };

	for (size_t i = 0; i < sizeof(order); i++)
		if (vendors & 1u << order[i])
			return order[i];
	return ISAKMP_VENDORS;
}

void ikev1_phase1_read_vendors(struct ikev1_received *x)
{
	struct ikev1 *v1 = x->sa->v1;
	struct ikev1_phase1 *p = v1->phase1;

	for (size_t i = 0; i < x->message->vendor_count; i++) {
		enum isakmp_vendor vendor = isakmp_vendor_find(x->message->vendors[i]);

		if (vendor < ISAKMP_VENDORS)
			p->vendors |= 1u << vendor;
	}
	v1->peer_dpd |= (p->vendors & 1u << ISAKMP_VENDOR_DPD) != 0;
	v1->peer_unity |= (p->vendors & 1u << ISAKMP_VENDOR_UNITY) != 0;
	v1->peer_xauth |= (p->vendors & 1u << ISAKMP_VENDOR_XAUTH) != 0;
	x->sa->peer_fragments |= (p->vendors & 1u << ISAKMP_VENDOR_FRAGMENTATION) != 0;
	if (ISAKMP_HAS(x->message, SA)) /* what some peers say later is too late for that */
		p->nat_t = best_nat_t(p->vendors);
}

/* What a responder says goes to whoever's address the question has, and must not be more than it:
 * so he names what the initiator has named, each once. */
static void say_vendor(const struct ike_sa *sa, enum isakmp_vendor vendor, struct ike_builder *b)
{
	struct ikev1_phase1 *p = sa->v1->phase1;
	uint32_t bit = UINT32_C(1) << vendor;

	if ((p->vendors_said & bit) || (!sa->initiator && !(p->vendors & bit)))
		return;
	p->vendors_said |= bit;
	isakmp_build_vendor(b, vendor);
}

void ikev1_phase1_build_vendors(
	struct ike_engine *e, const struct ike_sa *sa, struct ike_builder *b)
{
	const struct ikev1_phase1 *p = sa->v1->phase1;

	say_vendor(sa, ISAKMP_VENDOR_XAUTH, b);
	say_vendor(sa, ISAKMP_VENDOR_DPD, b);
	if (e->settings.cisco_unity)
		say_vendor(sa, ISAKMP_VENDOR_UNITY, b);
	if (sa->connection->fragmentation != IKE_FRAGMENTATION_NO)
		say_vendor(sa, ISAKMP_VENDOR_FRAGMENTATION, b);
	if (!sa->initiator) {
		if (p->nat_t != ISAKMP_VENDORS)
			say_vendor(sa, (enum isakmp_vendor)p->nat_t, b);
		return;
	}
	isakmp_build_vendor(b, ISAKMP_VENDOR_NAT_T_RFC3947);
	isakmp_build_vendor(b, ISAKMP_VENDOR_NAT_T_03);
	isakmp_build_vendor(b, ISAKMP_VENDOR_NAT_T_02_N);
	isakmp_build_vendor(b, ISAKMP_VENDOR_NAT_T_02);
}

/* ---- Key exchange ---- */

bool ikev1_phase1_nonce(struct ike_engine *e, struct ike_sa *sa)
{
	struct ike_negotiation *n = sa->negotiation;

	if (n->nonce_length > 0)
		return true;
	if (!ike_crypto_random(e->crypto, n->nonce, IKE_NONCE_LENGTH))
		return false;
	n->nonce_length = IKE_NONCE_LENGTH;
	return true;
}

bool ikev1_phase1_build_ke(struct ike_engine *e, struct ike_sa *sa, struct ike_builder *b)
{
	struct ike_negotiation *n = sa->negotiation;
	uint16_t group = sa->suite.group ? sa->suite.group : n->group;

	if (!n->key_exchange)
		n->key_exchange = ike_key_exchange_new(e->crypto, group);
	if (!n->key_exchange || !ikev1_phase1_nonce(e, sa))
		return false;
	isakmp_build_ke(b, ike_key_exchange_public(n->key_exchange));
	isakmp_build_nonce(b, bytes_of(n->nonce, n->nonce_length));
	return true;
}

static bool exchange_keys(struct ikev1_received *x)
{
	struct ike_negotiation *n = x->sa->negotiation;
	struct secret *shared = &x->sa->v1->phase1->shared;

	if (x->sa->initiator)
		return n->key_exchange &&
		       ike_key_exchange_derive(n->key_exchange, x->message->ke, shared);
	n->key_exchange =
		ike_key_exchange_answer(x->e->crypto, x->sa->suite.group, x->message->ke, shared);
	return n->key_exchange != NULL;
}

bool ikev1_phase1_read_ke(struct ikev1_received *x)
{
	struct ike_negotiation *n = x->sa->negotiation;
	struct ikev1_phase1 *p = x->sa->v1->phase1;

	if (p->shared.length > 0) /* the message had to wait */
		return true;
	if (x->message->nonce.length < NONCE_MIN || x->message->nonce.length > IKE_NONCE_MAX) {
		ike_failure_set(x->failure, IKE_REASON_PROTOCOL, NULL, NULL,
			"peer's nonce has %zu octets", x->message->nonce.length);
		return false;
	}
	if (!keep(&n->peer_nonce, x->message->nonce) || !keep(&p->peer_public, x->message->ke) ||
		!ikev1_phase1_nonce(x->e, x->sa))
		return no_memory(x);
	if (exchange_keys(x))
		return true;
	ike_failure_set(x->failure, IKE_REASON_PROTOCOL, NULL, NULL,
		"key exchange failed: the peer's public value is not valid for %s",
		ike_suite_group(&x->sa->suite)->name);
	return false;
}

/* ---- Identities ---- */

struct ike_identity *ikev1_phase1_own_identity(
	const struct ike_connection *c, const struct address *local)
{
	const struct ike_auth_rounds *rounds = &c->local;
	const struct ike_auth_round *round = rounds->count > 0 ? &rounds->items[0] : NULL;

	if (round && round->id && !ike_identity_is_wildcard(round->id))
		return ike_identity_hold(round->id);
	if (round && round->cert_count > 0)
		return ike_identity_hold(
			(struct ike_identity *)ike_certificate_subject(round->certs[0]));
	return ike_identity_of_address(local);
}

bool ikev1_phase1_build_id(struct ike_engine *e, struct ike_sa *sa, struct ike_builder *b)
{
	struct bytes body = { 0 };

	(void)e;
	if (!sa->local_id)
		sa->local_id = ikev1_phase1_own_identity(sa->connection, &sa->local);
	if (!sa->local_id)
		return false;
	isakmp_build_id(b, sa->local_id, 0, 0, &body);
	return !b->writer.bad && keep(&sa->v1->phase1->own_id_body, body);
}

bool ikev1_phase1_read_id(struct ikev1_received *x)
{
	struct ike_sa *sa = x->sa;
	struct ike_identity *id =
		x->message->id_count == 1 ? isakmp_id_to_identity(&x->message->ids[0]) : NULL;

	if (!id) {
		ike_failure_set(x->failure, IKE_REASON_PROTOCOL, NULL, NULL,
			"the peer's identity is malformed");
		return false;
	}
	ike_identity_free(sa->remote_id);
	sa->remote_id = id;
	return keep(&sa->v1->phase1->peer_id_body, x->message->ids[0].body) || no_memory(x);
}

bool ikev1_phase1_check_id(struct ikev1_received *x)
{
	const struct ike_identity *wanted = ike_auth_rounds_id(&x->sa->connection->remote);
	char is[IKE_IDENTITY_TEXT_MAX], should[IKE_IDENTITY_TEXT_MAX];

	if (ikev1_proof_is_shared(x->sa) && x->sa->keys.length > 0 &&
		ikev1_proof_is_anothers(x->e, x->sa, x->sa->connection)) {
		ike_failure_set(x->failure, IKE_REASON_AUTH_FAILED, NULL, NULL,
			"the peer says to be '%s', and does not use the pre-shared key of that one",
			ike_identity_format(x->sa->remote_id, is));
		ike_failure_set_differs(x->failure, "secret of phase 1");
		return false;
	}
	if (!wanted || ike_identity_match(x->sa->remote_id, wanted) != IKE_MATCH_NONE)
		return true;
	ike_failure_set(x->failure, IKE_REASON_WRONG_IDENTITY, ike_identity_format(wanted, should),
		ike_identity_format(x->sa->remote_id, is),
		"peer identifies itself as somebody else");
	ike_failure_set_differs(x->failure, "remote.id");
	return false;
}

/* ---- INITIAL_CONTACT ---- */

void ikev1_phase1_read_contact(struct ikev1_received *x)
{
	if (isakmp_message_notify(x->message, ISAKMP_NOTIFY_INITIAL_CONTACT) &&
		(x->message->header.flags & ISAKMP_FLAG_ENCRYPTED))
		x->sa->negotiation->initial_contact = true;
}

void ikev1_phase1_build_contact(struct ike_engine *e, struct ike_sa *sa, struct ike_builder *b)
{
	uint8_t cookies[16];
	struct writer w = writer_of(cookies, sizeof(cookies));

	if (!ike_initial_contact_holds(e, sa))
		return;
	writer_u64(&w, sa->spi_initiator);
	writer_u64(&w, sa->spi_responder);
	isakmp_build_notify(b, ISAKMP_PROTOCOL_ISAKMP, ISAKMP_NOTIFY_INITIAL_CONTACT,
		writer_bytes(&w), (struct bytes){ 0 });
}
