/*
 * Proofs by signature (RFC 2409 5.1; ECDSA: RFC 4754): HASH_I or HASH_R, signed with a private key,
 * which the host has. Certificates go along when they are asked for; CERTREQ names an authority by
 * its subject, where IKEv2 has the hash of its key.
 */
#include "libike/ikev1/signature.h"
#include "libike/revocation.h"
#include "libike/signing.h"

#include <stdlib.h>

#define AUTHORITIES_MAX 16
/* What is kept of a peer's CERTREQ payloads. */
#define ASKED_MAX 64

struct ikev1_proof {
	struct ike_engine *e;
	struct ike_signing signing;
	/* Of ours: the end first; held. */
	struct ike_certificate *own[IKE_TRUST_CHAIN_MAX];
	size_t own_count;
	/* Of the peer's, and the one whose key its signature verifies with; held. */
	struct ike_certificate *received[IKE_MESSAGE_CERTS_MAX];
	size_t received_count;
	struct ike_certificate *candidate;
	/* For which it was found; held. */
	struct ike_connection *connection;
	bool verified; /* and is trusted: what has to wait for our own signature asks once more */
};

static void drop_own(struct ikev1_proof *p)
{
	while (p->own_count > 0)
		ike_certificate_free(p->own[--p->own_count]);
}

static void drop_received(struct ikev1_proof *p)
{
	while (p->received_count > 0)
		ike_certificate_free(p->received[--p->received_count]);
	ike_certificate_free(p->candidate);
	p->candidate = NULL;
	ike_connection_free(p->connection);
	p->connection = NULL;
	p->verified = false;
}

void ikev1_proof_free(struct ikev1_proof *proof)
{
	if (!proof)
		return;
	ike_signing_forget(proof->e, &proof->signing);
	drop_own(proof);
	drop_received(proof);
	free(proof);
}

static struct ikev1_proof *proof_of(struct ike_engine *e, struct ike_sa *sa)
{
	struct ikev1_phase1 *phase1 = sa->v1->phase1;

	if (!phase1->proof && (phase1->proof = calloc(1, sizeof(*phase1->proof))))
		phase1->proof->e = e;
	return phase1->proof;
}

const struct ike_auth_round *ikev1_signature_round(const struct ike_auth_rounds *rounds)
{
	for (size_t i = 0; i < rounds->count; i++)
		if (rounds->items[i].class == IKE_AUTH_CLASS_PUBKEY ||
			rounds->items[i].class == IKE_AUTH_CLASS_ANY)
			return &rounds->items[i];
	return NULL;
}

static enum ikev1_outcome fail(
	struct ike_failure *failure, enum ike_reason reason, const char *text)
{
	ike_failure_set(failure, reason, NULL, NULL, "%s", text);
	return IKEV1_END;
}

/* ---- CERTREQ ---- */

static void build_certreq(struct ike_builder *b, const struct ike_certificate *ca)
{
	const struct ike_identity *subject = ike_certificate_subject(ca);

	isakmp_build_cert(b, ISAKMP_PAYLOAD_CERTREQ, IKE_CERT_X509_SIGNATURE,
		bytes_of(subject->octets, subject->length));
}

void ikev1_signature_build_certreq(
	struct ike_engine *e, const struct ike_sa *sa, struct ike_builder *b)
{
	const struct ike_auth_round *round = ikev1_signature_round(&sa->connection->remote);
	const struct ike_stored_certificate *stored;
	size_t count = 0;

	if (!round || !sa->connection->send_certreq)
		return;
	for (size_t i = 0; i < round->cacert_count; i++)
		build_certreq(b, round->cacerts[i]);
	if (round->cacert_count > 0)
		return;
	for (size_t i = 0; count < AUTHORITIES_MAX &&
			   (stored = ike_certificates_get(ike_engine_certificates(e), i));
		i++) {
		if (stored->role != IKE_CERTIFICATE_CA || stored->cached)
			continue;
		build_certreq(b, stored->certificate);
		count++;
	}
}

/* Of a CA that we know, its key's hash: what IKEv2's CERTREQ has. */
static void add_authority(struct ike_engine *e, struct bytes subject, struct writer *w)
{
	struct ike_identity *name = ike_identity_from_wire(IKE_ID_DER_ASN1_DN, subject);
	const struct ike_stored_certificate *found = NULL;

	while (name && (found = ike_certificates_by_name(ike_engine_certificates(e), name, found)))
		if (w->capacity - w->length >= IKE_KEY_ID_LENGTH)
			writer_put(w, bytes_of(ike_public_key_info_id(
						       ike_certificate_key(found->certificate)),
					      IKE_KEY_ID_LENGTH));
	ike_identity_free(name);
}

bool ikev1_proof_read_certreq(struct ikev1_received *x)
{
	struct ike_negotiation *n = x->sa->negotiation;
	const struct isakmp_message *m = x->message;
	size_t room = ASKED_MAX * IKE_KEY_ID_LENGTH;
	struct ike_certreqs *r;

	if (m->certreq_count == 0)
		return true;
	if (!(r = calloc(1, sizeof(*r) + room))) {
		(void)fail(x->failure, IKE_REASON_RESOURCES, "out of memory");
		return false;
	}
	struct writer w = writer_of(r->octets, room);
	for (size_t i = 0; i < m->certreq_count; i++)
		if (m->certreqs[i].encoding == IKE_CERT_X509_SIGNATURE)
			add_authority(x->e, m->certreqs[i].data, &w);
	r->count = 1;
	r->items[0] = (struct ike_cert){ IKE_CERT_X509_SIGNATURE, writer_bytes(&w) };
	free(n->certreqs);
	n->certreqs = r;
	return true;
}

/* ---- Ours ---- */

/* Nobody may have asked: then `ifasked` sends none. */
static void build_certs(const struct ike_sa *sa, const struct ikev1_proof *p, struct ike_builder *b)
{
	uint8_t policy = sa->connection->send_cert;

	if (policy == IKE_SEND_CERT_NEVER ||
		(policy == IKE_SEND_CERT_IFASKED && !sa->negotiation->certreqs))
		return;
	for (size_t i = 0; i < p->own_count; i++)
		if (ike_certificate_kind(p->own[i]) == IKE_CERTIFICATE_X509)
			isakmp_build_cert(b, ISAKMP_PAYLOAD_CERT, IKE_CERT_X509_SIGNATURE,
				ike_certificate_der(p->own[i]));
}

static bool choose_certificate(
	struct ike_engine *e, struct ike_sa *sa, struct ikev1_proof *p, struct ike_failure *failure)
{
	const struct ike_auth_round *round = ikev1_signature_round(&sa->connection->local);
	const struct ike_certreqs *r = sa->negotiation->certreqs;

	drop_own(p);
	if (!round) {
		ike_failure_set(failure, IKE_REASON_POLICY, NULL, NULL,
			"connection '%s' has no certificate of ours", sa->connection->name);
		return false;
	}
	struct ike_trust_own_query query = { .round = round,
		.id = sa->local_id,
		.certreqs = r ? r->items : NULL,
		.certreq_count = r ? r->count : 0,
		.demand = sa->v1->phase1->auth_method };
	p->own_count = ikev1_signature_own(e, &query, p->own, failure);
	return p->own_count > 0;
}

static enum ikev1_outcome ask(
	struct ike_engine *e, struct ike_sa *sa, struct ikev1_proof *p, struct ike_failure *failure)
{
	uint8_t hash[IKE_PRF_OUTPUT_MAX];
	char subject[IKE_IDENTITY_TEXT_MAX];

	if (!choose_certificate(e, sa, p, failure))
		return IKEV1_END;
	const struct ike_public_key *public = ike_certificate_key(p->own[0]);
	const struct ike_private_key *key =
		ike_certificates_key_of(ike_engine_certificates(e), public);
	const struct ike_signature_scheme *scheme = ike_signature_raw(public);
	ike_identity_format(ike_certificate_subject(p->own[0]), subject);
	if (!key) {
		ike_failure_set(failure, IKE_REASON_NO_PRIVATE_KEY, NULL, NULL,
			"no private key is loaded for certificate '%s'", subject);
		return IKEV1_END;
	}
	if (!ikev1_keys_hash(e, sa, sa->initiator, hash))
		return fail(failure, IKE_REASON_RESOURCES, "our proof could not be made");
	const struct ike_sign what = { key->handle, scheme,
		bytes_of(hash, ikev1_keys_hash_length(sa)) };
	if (!ike_signing_ask(e, &p->signing, sa->unique_id, &what)) {
		ike_failure_set(failure, IKE_REASON_NO_PRIVATE_KEY, NULL, NULL,
			"the private key of '%s' cannot be used", subject);
		return IKEV1_END;
	}
	ike_log(e, sa, IKE_LOG_IKE, IKE_LOG_DETAIL, "signing as '%s' with %s", subject,
		scheme->name);
	return IKEV1_WAIT;
}

enum ikev1_outcome ikev1_signature_build(
	struct ike_engine *e, struct ike_sa *sa, struct ike_builder *b, struct ike_failure *failure)
{
	struct ikev1_proof *p = proof_of(e, sa);
	char id[IKE_IDENTITY_TEXT_MAX];

	if (!p)
		return fail(failure, IKE_REASON_RESOURCES, "out of memory");
	if (p->signing.ticket)
		return IKEV1_WAIT;
	if (p->signing.error) {
		ike_failure_set(failure, IKE_REASON_NO_PRIVATE_KEY, NULL, NULL,
			"signing with our private key failed: %s", p->signing.error);
		return IKEV1_END;
	}
	if (!p->signing.signature.at)
		return ask(e, sa, p, failure);
	build_certs(sa, p, b);
	if (ike_certificate_kind(p->own[0]) == IKE_CERTIFICATE_X509 && !sa->local_cert)
		sa->local_cert = ike_certificate_hold(p->own[0]);
	isakmp_build_signature(b, p->signing.signature);
	ike_signing_forget(e, &p->signing);
	ike_log(e, sa, IKE_LOG_IKE, IKE_LOG_INFO, "authentication of '%s' (myself) successful",
		ike_identity_format(sa->local_id, id));
	return IKEV1_OK;
}

/* ---- The peer's ---- */

/* What we cannot read is not silently passed over: the peer's certificate may be in it. */
static void skip_cert(const struct ikev1_received *x, const struct ike_cert *cert)
{
	if (cert->encoding == IKE_CERT_CRL) /* it is looked at when the signature has verified */
		return;
	ike_log(x->e, x->sa, IKE_LOG_IKE, IKE_LOG_INFO,
		cert->encoding == IKE_CERT_PKCS7
			? "ignoring a CERT payload with a PKCS#7 bundle (encoding %u), which is "
			  "not supported: have the peer send single X.509 certificates"
			: "ignoring a CERT payload of encoding %u, which is not supported",
		cert->encoding);
}

static bool read_certs(struct ikev1_received *x, struct ikev1_proof *p)
{
	struct why why = { "out of memory" };

	for (size_t i = 0; i < x->message->cert_count; i++) {
		const struct ike_cert *cert = &x->message->certs[i];
		struct ike_certificate *c;

		if (cert->encoding != IKE_CERT_X509_SIGNATURE) {
			skip_cert(x, cert);
			continue;
		}
		if (!(c = ike_certificate_parse(x->e->host.library, cert->data, &why))) {
			ike_failure_set(x->failure, IKE_REASON_NO_CERTIFICATE, NULL, NULL,
				"a certificate of the peer's cannot be read: %s", why.text);
			return false;
		}
		p->received[p->received_count++] = c;
	}
	return true;
}

static struct ike_trust_query query_of(
	const struct ike_sa *sa, const struct ikev1_proof *p, const struct ike_connection *c)
{
	return (struct ike_trust_query){
		.round = ikev1_signature_round(&c->remote),
		.id = sa->remote_id,
		.received = p->received,
		.received_count = p->received_count,
		.ike_id = sa->unique_id,
	};
}

/* Why a key does not count. */
struct refusal {
	struct why why;
	bool other_type;
};

/* Whether the definition allows signatures by that key. */
static bool is_allowed(
	const struct ike_connection *c, const struct ike_public_key *key, struct why *ret_refused)
{
	const struct ike_auth_round *round = ikev1_signature_round(&c->remote);

	return ike_signature_allowed(
		round ? round->signatures : NULL, ike_signature_raw(key), key, ret_refused);
}

/* Whether it is a key that the agreed method is for. */
static bool has_agreed_type(const struct ikev1_received *x, const struct ike_certificate *candidate,
	struct refusal *ret_refused)
{
	const struct ike_public_key *key = ike_certificate_key(candidate);
	uint16_t method = x->sa->v1->phase1->auth_method;
	char subject[IKE_IDENTITY_TEXT_MAX];

	if (ikev1_signature_key_fits(key, method))
		return true;
	ike_identity_format(ike_certificate_subject(candidate), subject);
	ret_refused->other_type = true;
	return why_fail(&ret_refused->why,
		"its certificate '%s' has an %s key, and %s signatures were agreed on", subject,
		ike_key_type_name(ike_public_key_type(key)),
		ike_key_type_name(ikev1_signature_key_type(method)));
}

static bool verifies(const struct ikev1_received *x, const struct ike_certificate *candidate,
	struct bytes hash, struct refusal *ret_refused)
{
	const struct ike_public_key *key = ike_certificate_key(candidate);

	return has_agreed_type(x, candidate, ret_refused) &&
	       is_allowed(x->sa->connection, key, &ret_refused->why) &&
	       ike_signature_verify(key, ike_signature_raw(key), -1, hash, x->message->signature);
}

static void fail_signature(struct ikev1_received *x, size_t tried, const struct refusal *refused)
{
	char id[IKE_IDENTITY_TEXT_MAX];

	ike_identity_format(x->sa->remote_id, id);
	if (refused->why.text[0])
		ike_failure_set(x->failure, IKE_REASON_POLICY, NULL, NULL,
			"signature of '%s' is not acceptable: %s", id, refused->why.text);
	else
		ike_failure_set(x->failure, IKE_REASON_AUTH_FAILED, NULL, NULL,
			"signature of '%s' does not verify with %s", id,
			tried == 1 ? "its key" : "any of its keys");
	ike_failure_set_differs(x->failure, refused->other_type ? "key type" : "signature");
}

/* Of those that could prove the identity, the one whose key the signature verifies with. */
static bool find_signer(struct ikev1_received *x, struct ikev1_proof *p)
{
	struct ike_certificate *list[IKE_TRUST_CANDIDATES_MAX];
	uint8_t hash[IKE_PRF_OUTPUT_MAX];
	struct refusal refused = { 0 };

	drop_received(p);
	if (!read_certs(x, p))
		return false;
	p->connection = ike_connection_hold(x->sa->connection);
	struct ike_trust_query query = query_of(x->sa, p, p->connection);
	size_t count = ike_trust_candidates(x->e, &query, list, x->failure);
	bool hashed = count > 0 && ikev1_keys_hash(x->e, x->sa, !x->sa->initiator, hash);
	for (size_t i = 0; i < count; i++) {
		if (!p->candidate && hashed &&
			verifies(x, list[i], bytes_of(hash, ikev1_keys_hash_length(x->sa)),
				&refused))
			p->candidate = ike_certificate_hold(list[i]);
		ike_certificate_free(list[i]);
	}
	if (!p->candidate && count > 0)
		fail_signature(x, count, &refused);
	for (size_t i = 0; p->candidate && i < x->message->cert_count; i++)
		if (x->message->certs[i].encoding == IKE_CERT_CRL)
			ike_revocation_offer_crl(x->e, x->sa->unique_id, x->message->certs[i].data);
	return p->candidate != NULL;
}

/* For who looks. */
static void keep_certificate(struct ike_sa *sa, const struct ike_certificate *c)
{
	if (ike_certificate_kind(c) == IKE_CERTIFICATE_X509 && !sa->remote_cert.at)
		sa->remote_cert = bytes_duplicate(ike_certificate_der(c));
}

enum ikev1_outcome ikev1_signature_verify(struct ikev1_received *x)
{
	struct ikev1_proof *p = proof_of(x->e, x->sa);
	char id[IKE_IDENTITY_TEXT_MAX];

	if (!p)
		return fail(x->failure, IKE_REASON_RESOURCES, "out of memory");
	if (p->verified && p->connection == x->sa->connection)
		return IKEV1_OK;
	if (!ISAKMP_HAS(x->message, SIGNATURE))
		return fail(x->failure, IKE_REASON_PROTOCOL, "peer sent no signature");
	/* What another definition allows is of no account. */
	if ((!p->candidate || p->connection != x->sa->connection) && !find_signer(x, p))
		return IKEV1_END;
	struct ike_trust_query query = query_of(x->sa, p, p->connection);
	switch (ike_trust_check(x->e, &query, p->candidate, x->failure)) {
	case IKE_TRUST_YES:
		ike_log(x->e, x->sa, IKE_LOG_IKE, IKE_LOG_INFO,
			"authentication of '%s' by signature successful",
			ike_identity_format(x->sa->remote_id, id));
		keep_certificate(x->sa, p->candidate);
		p->verified = true;
		return IKEV1_OK;
	case IKE_TRUST_LATER:
		return IKEV1_WAIT;
	default:
		return IKEV1_END;
	}
}

/* What would have to be fetched first is not waited for. */
static bool allows(struct ike_engine *e, const struct ike_sa *sa, const struct ikev1_proof *p,
	const struct ike_connection *c, struct ike_failure *failure)
{
	struct ike_certificate *list[IKE_TRUST_CANDIDATES_MAX];
	struct ike_trust_query query = query_of(sa, p, c);
	struct why why = { "" };
	bool found = false;

	query.ike_id = 0; /* nobody waits */
	size_t count = ike_trust_candidates(e, &query, list, failure);
	for (size_t i = 0; i < count; i++) {
		found = found || ike_certificate_equal(list[i], p->candidate);
		ike_certificate_free(list[i]);
	}
	return found && is_allowed(c, ike_certificate_key(p->candidate), &why) &&
	       ike_trust_check(e, &query, p->candidate, failure) == IKE_TRUST_YES;
}

bool ikev1_signature_is_good_for(
	struct ike_engine *e, const struct ike_sa *sa, const struct ike_connection *c)
{
	const struct ikev1_proof *p = sa->v1->phase1->proof;
	struct ike_failure failure = { 0 };

	if (!p || !p->verified || p->connection == c)
		return true;
	bool good = allows(e, sa, p, c, &failure);
	ike_failure_free(&failure);
	return good;
}
