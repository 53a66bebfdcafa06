/*
 * EAP-TLS (RFC 5216; with TLS 1.3, RFC 9190): TLS in fragments.
 *
 *	Flags: L M S R R R R R | TLS Message Length (32 bits, when L) | TLS data
 *
 * A fragment with M is answered by an empty packet. TLS itself takes place where the private key
 * is: host->tls. The peer's chain comes back with the end of the handshake, and the method succeeds
 * when the chain proves the identity that the conversation is about, here and now.
 */
#include "libike/eap/eap_priv.h"

#include "libike/ikev2/auth.h"
#include "libike/trust.h"

#include <stdlib.h>

enum flags {
	FLAG_LENGTH = 0x80,
	FLAG_MORE = 0x40,
	FLAG_START = 0x20,
};

/* What a packet carries at most: strongSwan's and FreeRADIUS's default; with all headers it fits an
 * unfragmented IKE message nearly everywhere. */
#define FRAGMENT 1024
/* Of one flight: the longest chain that is sensible, twice. */
#define FLIGHT_MAX 65536
#define PEER_CHAIN_MAX 16

struct tls_state {
	uint64_t session;
	bool begun;        /* client: the start came */
	bool answered;     /* the host has: what follows is new */
	bool failed, done; /* TLS has; done: what remains is to be sent */
	bool trusted;      /* the peer's chain was checked */
	char *error;       /* heap or NULL */
	struct secret msk; /* until the chain was checked */
	struct bytes out;  /* heap: our flight */
	size_t sent;       /* of it */
	struct bytes in;   /* heap: the peer's flight, as far as it came */
	size_t announced;  /* of it; 0: not said */
	struct ike_certificate *own[IKE_TRUST_CHAIN_MAX]; /* held */
	size_t own_count;
	uint64_t handle;
	struct ike_certificate *peer[PEER_CHAIN_MAX]; /* held, the end first */
	size_t peer_count;
};

static void drop(struct bytes *heap)
{
	free((void *)heap->at);
	*heap = (struct bytes){ 0 };
}

static enum ike_eap_step fail(struct ike_failure *failure, enum ike_reason reason, const char *text)
{
	ike_failure_set(failure, reason, NULL, NULL, "EAP_TLS: %s", text);
	return IKE_EAP_STEP_FAILED;
}

/* ---- What we prove ourselves with ---- */

static bool find_own(struct ike_eap *eap, struct ike_failure *failure)
{
	static const struct ike_auth_round any = { 0 };
	struct tls_state *s = eap->state;
	struct ike_engine *e = eap->e;
	const struct ike_auth_round *round = eap->round;
	const struct ike_identity *id = eap->claimed;
	char subject[IKE_IDENTITY_TEXT_MAX];

	if (eap->server) { /* the round is the peer's: ours is our first one */
		const struct ike_connection *c = eap->sa->connection;

		round = c && c->local.count > 0 ? &c->local.items[0] : &any;
		id = ike_eap_ike_own(eap);
	}
	const struct ike_trust_own_query query = { .round = round, .id = id };
	s->own_count = ike_trust_own(e, &query, s->own, failure);
	if (s->own_count == 0)
		return false;
	const struct ike_private_key *key =
		ike_certificates_key_of(ike_engine_certificates(e), ike_certificate_key(s->own[0]));
	ike_identity_format(ike_certificate_subject(s->own[0]), subject);
	if (key && ike_certificate_x509(s->own[0])) {
		s->handle = key->handle;
		return true;
	}
	ike_failure_set(failure, IKE_REASON_NO_PRIVATE_KEY, NULL, NULL, "EAP_TLS: %s '%s'",
		key ? "it takes an X.509 certificate, not a raw key:"
		    : "no private key is loaded for certificate",
		subject);
	return false;
}

static bool set_up(struct ike_eap *eap, struct ike_failure *failure)
{
	struct tls_state *s;

	if (!ike_eap_state_new(eap, sizeof(*s), failure))
		return false;
	s = eap->state;
	s->session = ike_ticket_new(eap->e);
	if (eap->e->host.tls)
		return find_own(eap, failure);
	fail(failure, IKE_REASON_UNSUPPORTED, "there is nobody who could do TLS");
	return false;
}

/* ---- TLS, elsewhere ---- */

static enum ike_eap_step ask(struct ike_eap *eap, struct bytes input, struct ike_failure *failure)
{
	const struct ike_host *host = &eap->e->host;
	struct tls_state *s = eap->state;
	const struct ike_tls_step step = {
		.session = s->session,
		.server = eap->server,
		.handle = s->handle,
		.chain = s->own,
		.chain_count = s->own_count,
		.input = input,
	};

	if (!ike_eap_ask(eap))
		return ike_eap_fail_resources(failure, "out of memory");
	if (host->tls(host->context, &step, eap->ticket))
		return IKE_EAP_STEP_WAIT;
	ike_eap_unask(eap);
	return fail(failure, IKE_REASON_NO_PRIVATE_KEY, "our private key cannot be used");
}

static bool take_chain(struct ike_eap *eap, const struct ike_tls_answer *answer)
{
	struct tls_state *s = eap->state;

	for (size_t i = 0; i < answer->peer_chain_count && s->peer_count < PEER_CHAIN_MAX; i++) {
		struct why why;

		s->peer[s->peer_count] =
			ike_certificate_parse(eap->e->host.library, answer->peer_chain[i], &why);
		if (s->peer[s->peer_count])
			s->peer_count++;
		else if (i == 0) {
			s->error = strdup(why.text);
			return false;
		}
	}
	return s->peer_count > 0;
}

static void take_answer(struct ike_eap *eap, const struct ike_tls_answer *answer)
{
	struct tls_state *s = eap->state;

	s->answered = true;
	s->failed = answer->failed;
	s->error = answer->error ? strdup(answer->error) : NULL;
	drop(&s->out);
	s->sent = 0;
	s->out = bytes_duplicate(answer->output);
	if (answer->output.length > FLIGHT_MAX || (answer->output.length > 0 && !s->out.at))
		s->failed = true;
	if (!answer->done || s->failed)
		return;
	s->done = true;
	if (!take_chain(eap, answer) || answer->msk.length == 0 ||
		!secret_copy(&s->msk, answer->msk))
		s->failed = true;
}

void ike_engine_tls_answered(
	struct ike_engine *e, ike_time now, uint64_t ticket, const struct ike_tls_answer *answer)
{
	struct ike_eap *eap = ike_eap_answered(e, ticket);

	e->now = now;
	if (!eap || eap->method != &ike_eap_tls)
		return;
	ike_eap_unask(eap);
	take_answer(eap, answer);
	ike_resume(e, eap->sa->unique_id);
}

/* ---- Whether the peer is who it is to be ---- */

/* What the definition demands of an EAP server is little: that of the gateway's own certificate is
 * about the gateway, unless it is the EAP server itself. */
static struct ike_auth_round server_demands(const struct ike_eap *eap)
{
	const struct ike_connection *c = eap->sa->connection;
	struct ike_auth_round demands = { .class = IKE_AUTH_CLASS_EAP };

	if (ike_eap_is_alone(eap)) /* nothing else proves the responder */
		return *ike_auth_theirs(eap->sa->negotiation->auth);
	if (!c || c->remote.count == 0)
		return demands;
	const struct ike_auth_round *gateway = &c->remote.items[0];
	demands.revocation = gateway->revocation;
	if (eap->round->aaa_id)
		return demands;
	demands.ca_id = gateway->ca_id;
	demands.cacerts = gateway->cacerts;
	demands.cacert_count = gateway->cacert_count;
	return demands;
}

static const struct ike_identity *whom(const struct ike_eap *eap)
{
	if (eap->server)
		return eap->claimed;
	return eap->round->aaa_id ? eap->round->aaa_id : ike_eap_ike_peer(eap);
}

/* The candidate must be what the peer has shown to have the key of. */
static bool is_candidate(struct ike_engine *e, const struct ike_trust_query *query,
	struct ike_certificate *shown, struct ike_failure *failure)
{
	struct ike_certificate *list[IKE_TRUST_CANDIDATES_MAX];
	size_t count = ike_trust_candidates(e, query, list, failure);
	char ours[IKE_IDENTITY_TEXT_MAX] = "%any", theirs[IKE_IDENTITY_TEXT_MAX];
	bool found = false;

	for (size_t i = 0; i < count; i++) {
		found = found || ike_certificate_equal(list[i], shown);
		ike_certificate_free(list[i]);
	}
	if (found)
		return true;
	if (query->id)
		ike_identity_format(query->id, ours);
	ike_failure_set(failure, IKE_REASON_WRONG_IDENTITY, ours,
		ike_identity_format(ike_certificate_subject(shown), theirs),
		"EAP_TLS: the peer's certificate is not one of '%s'", ours);
	return false;
}

static enum ike_trust check_trust(struct ike_eap *eap, struct ike_failure *failure)
{
	struct tls_state *s = eap->state;
	struct ike_auth_round demands = server_demands(eap);
	const struct ike_trust_query query = {
		.round = eap->server ? eap->round : &demands,
		.id = whom(eap),
		.received = s->peer,
		.received_count = s->peer_count,
		.ike_id = eap->sa->unique_id,
	};

	if (!query.id || ike_identity_is_wildcard(query.id)) {
		fail(failure, IKE_REASON_WRONG_IDENTITY,
			"there is no identity that the peer's certificate would have to prove: "
			"aaa_id or id has to name one");
		return IKE_TRUST_NO;
	}
	if (!is_candidate(eap->e, &query, s->peer[0], failure))
		return IKE_TRUST_NO;
	return ike_trust_check(eap->e, &query, s->peer[0], failure);
}

/* ---- Packets ---- */

/* The next fragment of our flight; an empty packet when there is none. */
static enum ike_eap_step send_fragment(struct tls_state *s, struct writer *w)
{
	size_t left = s->out.length - s->sent;
	size_t length = left < FRAGMENT ? left : FRAGMENT;
	uint8_t flags = 0;

	if (s->sent == 0 && left > FRAGMENT)
		flags |= FLAG_LENGTH;
	if (left > FRAGMENT)
		flags |= FLAG_MORE;
	writer_u8(w, flags);
	if (flags & FLAG_LENGTH)
		writer_u32(w, (uint32_t)s->out.length);
	if (length > 0)
		writer_put(w, bytes_of(s->out.at + s->sent, length));
	s->sent += length;
	if (s->sent == s->out.length) {
		drop(&s->out);
		s->sent = 0;
	}
	return IKE_EAP_STEP_SEND;
}

static enum ike_eap_step finished(
	struct ike_eap *eap, struct writer *w, struct ike_failure *failure)
{
	struct tls_state *s = eap->state;

	switch (s->trusted ? IKE_TRUST_YES : check_trust(eap, failure)) {
	case IKE_TRUST_LATER:
		s->answered = true; /* and is looked at once more */
		return IKE_EAP_STEP_WAIT;
	case IKE_TRUST_NO:
		return fail(failure, IKE_REASON_UNTRUSTED, "the peer's certificate is not trusted");
	default:
		break;
	}
	s->trusted = true;
	eap->msk = secret_move(&s->msk);
	if (eap->server) {
		eap->proved = ike_identity_hold(eap->claimed);
		return s->out.length ? send_fragment(s, w) : IKE_EAP_STEP_SUCCESS;
	}
	eap->succeeded = true;
	return send_fragment(s, w);
}

static enum ike_eap_step tls_resume(
	struct ike_eap *eap, struct writer *w, struct ike_failure *failure)
{
	struct tls_state *s = eap->state;

	if (!s->answered)
		return IKE_EAP_STEP_WAIT;
	s->answered = false;
	if (s->failed) {
		ike_failure_set(failure, IKE_REASON_EAP, NULL, NULL, "EAP_TLS: %s",
			s->error ? s->error : "out of memory");
		return IKE_EAP_STEP_FAILED;
	}
	if (s->done)
		return finished(eap, w, failure);
	if (eap->server && s->out.length == 0)
		return ike_eap_fail_packet(eap, failure, "TLS does not go on with it");
	return send_fragment(s, w);
}

static bool append(struct tls_state *s, struct bytes data)
{
	size_t length = s->in.length + data.length;
	uint8_t *grown = realloc((void *)s->in.at, length);

	if (!grown)
		return false;
	bytes_copy(grown + s->in.length, data);
	s->in = bytes_of(grown, length);
	return true;
}

static enum ike_eap_step take_fragment(struct ike_eap *eap, uint8_t flags, struct reader *r,
	struct writer *w, struct ike_failure *failure)
{
	struct tls_state *s = eap->state;
	bool first = s->in.length == 0;
	uint32_t announced = flags & FLAG_LENGTH ? reader_u32(r) : 0;
	struct bytes data = reader_rest(r);

	if (r->bad || data.length == 0)
		return ike_eap_fail_packet(eap, failure, "a fragment is empty");
	if (first)
		s->announced = announced;
	if ((!first && announced && announced != s->announced) || s->announced > FLIGHT_MAX ||
		(first && flags & FLAG_MORE && !announced))
		return ike_eap_fail_packet(eap, failure, "TLS messages of a length that cannot be");
	if (s->in.length + data.length > (s->announced ? s->announced : FLIGHT_MAX))
		return ike_eap_fail_packet(eap, failure, "more comes than was announced");
	if (!append(s, data))
		return ike_eap_fail_resources(failure, "out of memory");
	if (flags & FLAG_MORE) {
		writer_u8(w, 0);
		return IKE_EAP_STEP_SEND;
	}
	if (s->announced && s->in.length != s->announced)
		return ike_eap_fail_packet(eap, failure, "less comes than was announced");
	struct bytes input = s->in;

	s->in = (struct bytes){ 0 };
	enum ike_eap_step step = ask(eap, input, failure);
	drop(&input);
	return step;
}

/* An empty packet: for a fragment of ours, or for the last flight. */
static enum ike_eap_step take_empty(
	struct ike_eap *eap, struct writer *w, struct ike_failure *failure)
{
	struct tls_state *s = eap->state;

	if (s->out.length > 0)
		return send_fragment(s, w);
	if (eap->server && s->trusted)
		return IKE_EAP_STEP_SUCCESS;
	return ike_eap_fail_packet(eap, failure, "it is empty");
}

static enum ike_eap_step take_packet(struct ike_eap *eap, struct reader *r, uint8_t flags,
	struct writer *w, struct ike_failure *failure)
{
	struct tls_state *s = eap->state;

	if (reader_end(r) && !(flags & (FLAG_LENGTH | FLAG_MORE)))
		return take_empty(eap, w, failure);
	if (s->out.length > 0)
		return ike_eap_fail_packet(eap, failure, "it is no acknowledgement of a fragment");
	if (s->done)
		return ike_eap_fail_packet(eap, failure, "TLS goes on after its end");
	return take_fragment(eap, flags, r, w, failure);
}

static enum ike_eap_step server_begin(
	struct ike_eap *eap, struct writer *w, struct ike_failure *failure)
{
	if (!set_up(eap, failure))
		return IKE_EAP_STEP_FAILED;
	writer_u8(w, FLAG_START);
	return IKE_EAP_STEP_SEND;
}

static enum ike_eap_step server_packet(
	struct ike_eap *eap, struct bytes data, struct writer *w, struct ike_failure *failure)
{
	struct reader r = reader_of(data);
	uint8_t flags = reader_u8(&r);

	if (r.bad || flags & FLAG_START)
		return ike_eap_fail_packet(eap, failure, "it has no flags, or starts");
	return take_packet(eap, &r, flags, w, failure);
}

static enum ike_eap_step client_packet(
	struct ike_eap *eap, struct bytes data, struct writer *w, struct ike_failure *failure)
{
	struct reader r = reader_of(data);
	uint8_t flags = reader_u8(&r);
	struct tls_state *s = eap->state;

	if (!s && !set_up(eap, failure))
		return IKE_EAP_STEP_FAILED;
	s = eap->state;
	if (r.bad || !(flags & FLAG_START) == !s->begun)
		return ike_eap_fail_packet(eap, failure, "it does not start, or starts again");
	if (s->begun)
		return take_packet(eap, &r, flags, w, failure);
	s->begun = true;
	return ask(eap, (struct bytes){ 0 }, failure);
}

static void tls_forget(struct ike_eap *eap)
{
	struct tls_state *s = eap->state;
	const struct ike_host *host = &eap->e->host;

	for (size_t i = 0; i < s->own_count; i++)
		ike_certificate_free(s->own[i]);
	for (size_t i = 0; i < s->peer_count; i++)
		ike_certificate_free(s->peer[i]);
	secret_free(&s->msk);
	drop(&s->in);
	drop(&s->out);
	free(s->error);
	if (host->tls_forget)
		host->tls_forget(host->context, s->session);
}

static const struct ike_eap_role server = {
	.begin = server_begin,
	.packet = server_packet,
	.resume = tls_resume,
};
static const struct ike_eap_role client = { .packet = client_packet, .resume = tls_resume };

const struct ike_eap_kind ike_eap_tls = {
	.type = IKE_EAP_METHOD_TLS,
	.label = "EAP_TLS",
	.mutual = true,
	.server = &server,
	.client = &client,
	.forget = tls_forget,
};
