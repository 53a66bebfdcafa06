/*
 * CERT and CERTREQ payloads in IKE_SA_INIT and IKE_AUTH (RFC 7296 3.6, 3.7; raw public keys: RFC
 * 7670; OCSP: RFC 4806).
 */
#include "libike/ikev2/auth.h"
#include "libike/revocation.h"

#include <stdlib.h>

#define AUTHORITIES_MAX 64
/* What is kept of a peer's CERTREQ payloads: 200 authorities. */
#define CERTREQ_OCTETS_MAX 4000

/* ---- What the peer asks for ---- */

bool ike_certreqs_keep(struct ike_negotiation *n, const struct ike_message *m)
{
	size_t room = 0, used = 0;

	for (size_t i = 0; i < m->certreq_count; i++)
		room += m->certreqs[i].data.length;
	if (room > CERTREQ_OCTETS_MAX)
		room = CERTREQ_OCTETS_MAX;
	struct ike_certreqs *r = calloc(1, sizeof(*r) + room);
	if (!r)
		return false;
	for (size_t i = 0; i < m->certreq_count; i++) {
		struct bytes data = m->certreqs[i].data;

		if (data.length > room - used)
			continue;
		bytes_copy(r->octets + used, data);
		r->items[r->count++] = (struct ike_cert){ m->certreqs[i].encoding,
			bytes_of(r->octets + used, data.length) };
		used += data.length;
	}
	free(n->certreqs);
	n->certreqs = r;
	return true;
}

static bool asks_for(const struct ike_negotiation *n, uint8_t encoding)
{
	for (size_t i = 0; n->certreqs && i < n->certreqs->count; i++)
		if (n->certreqs->items[i].encoding == encoding)
			return true;
	return false;
}

/* ---- What we ask for ---- */

static bool may_have_certificate(const struct ike_auth_round *round)
{
	return round->class == IKE_AUTH_CLASS_PUBKEY || round->class == IKE_AUTH_CLASS_ANY;
}

struct authorities {
	uint8_t octets[AUTHORITIES_MAX * IKE_KEY_ID_LENGTH];
	size_t count;
};

static bool has_authority(const struct authorities *list, const uint8_t *id)
{
	for (size_t i = 0; i < list->count; i++)
		if (memcmp(list->octets + i * IKE_KEY_ID_LENGTH, id, IKE_KEY_ID_LENGTH) == 0)
			return true;
	return false;
}

static void add_authorities(
	struct ike_engine *e, const struct ike_connection *c, struct authorities *list)
{
	uint8_t more[AUTHORITIES_MAX * IKE_KEY_ID_LENGTH];

	for (size_t i = 0; c->send_certreq && i < c->remote.count; i++) {
		if (!may_have_certificate(&c->remote.items[i]))
			continue;
		size_t count =
			ike_trust_wanted_authorities(e, &c->remote.items[i], more, AUTHORITIES_MAX);
		for (size_t j = 0; j < count && list->count < AUTHORITIES_MAX; j++) {
			const uint8_t *id = more + j * IKE_KEY_ID_LENGTH;

			if (!has_authority(list, id))
				memcpy(list->octets + IKE_KEY_ID_LENGTH * list->count++, id,
					IKE_KEY_ID_LENGTH);
		}
	}
}

static bool wants_ocsp(const struct ike_connection *c)
{
	for (size_t i = 0; (c->ocsp & IKE_OCSP_REQUEST) && i < c->remote.count; i++)
		if (may_have_certificate(&c->remote.items[i]))
			return true;
	return false;
}

/* Whose responses we would believe whatever the CA says; none: those of the CA's (RFC 4806 3.1). */
static void build_ocsp_request(struct ike_engine *e, struct ike_builder *b)
{
	uint8_t responders[16 * IKE_KEY_ID_LENGTH];

	ike_build_cert(b, IKE_PAYLOAD_CERTREQ, IKE_CERT_OCSP,
		bytes_of(responders, ike_revocation_responders(e, responders, sizeof(responders))));
}

void ike_certreqs_build(struct ike_engine *e, const struct ike_sa *sa, struct ike_builder *b)
{
	struct authorities list = { .count = 0 };
	const struct ike_connection *c;
	bool ocsp = false;
	struct ike_candidates walk = ike_candidates_from(e, &sa->remote);

	if (sa->initiator) {
		add_authorities(e, sa->connection, &list);
		ocsp = wants_ocsp(sa->connection);
	} else /* the peer has not said yet who it is, so it may be that of any of them */
		while ((c = ike_loaded_for(&walk, 2, &sa->local, &sa->remote, NULL))) {
			add_authorities(e, c, &list);
			ocsp = ocsp || wants_ocsp(c);
		}
	if (list.count > 0)
		ike_build_cert(b, IKE_PAYLOAD_CERTREQ, IKE_CERT_X509_SIGNATURE,
			bytes_of(list.octets, list.count * IKE_KEY_ID_LENGTH));
	if (ocsp)
		build_ocsp_request(e, b);
}

/* ---- What we send ---- */

void ike_auth_drop_own(struct ike_auth *a)
{
	while (a->own_count > 0)
		ike_certificate_free(a->own[--a->own_count]);
}

/* One that is here: if there is none, it is fetched for next time. */
static void build_staple(const struct ike_auth *a, struct ike_builder *b)
{
	struct bytes staple =
		ike_revocation_staple(a->e, a->own[0], a->own_count > 1 ? a->own[1] : NULL);

	if (staple.length > 0)
		ike_build_cert(b, IKE_PAYLOAD_CERT, IKE_CERT_OCSP, staple);
}

void ike_auth_build_certs(const struct ike_auth *a, struct ike_builder *b)
{
	const struct ike_negotiation *n = a->sa->negotiation;
	uint8_t policy = a->connection->send_cert;

	for (size_t i = 0; i < a->own_count; i++) {
		const struct ike_certificate *c = a->own[i];
		/* Few peers can do anything with a raw key: it goes to who asks for it alone. */
		bool raw = ike_certificate_kind(c) == IKE_CERTIFICATE_PUBLIC_KEY;
		bool asked = raw ? asks_for(n, IKE_CERT_RAW_PUBLIC_KEY)
				 : asks_for(n, IKE_CERT_X509_SIGNATURE);

		if (policy == IKE_SEND_CERT_NEVER ||
			(!asked && (raw || policy != IKE_SEND_CERT_ALWAYS)))
			continue;
		ike_build_cert(b, IKE_PAYLOAD_CERT,
			raw ? IKE_CERT_RAW_PUBLIC_KEY : IKE_CERT_X509_SIGNATURE,
			ike_certificate_der(c));
	}
	if (a->own_count > 0 && policy != IKE_SEND_CERT_NEVER &&
		(a->connection->ocsp & IKE_OCSP_REPLY) && asks_for(n, IKE_CERT_OCSP))
		build_staple(a, b);
}

/* ---- What the peer sends ---- */

void ike_auth_drop_certs(struct ike_auth *a)
{
	while (a->received_count > 0)
		ike_certificate_free(a->received[--a->received_count]);
	ike_certificate_free(a->candidate);
	a->candidate = NULL;
}

static struct ike_certificate *read_raw_key(
	struct ike_engine *e, struct bytes data, struct why *why)
{
	struct ike_public_key *key = ike_public_key_parse(e->host.library, data, why);
	struct ike_certificate *c = key ? ike_certificate_of_key(key, NULL) : NULL;

	ike_public_key_free(key);
	return c;
}

static bool read_cert(struct ike_received *x, const struct ike_cert *cert)
{
	struct ike_auth *a = x->sa->negotiation->auth;
	struct ike_certificate *c;
	struct why why = { "out of memory" };

	switch (cert->encoding) {
	case IKE_CERT_X509_SIGNATURE:
		c = ike_certificate_parse(x->e->host.library, cert->data, &why);
		break;
	case IKE_CERT_RAW_PUBLIC_KEY:
		c = read_raw_key(x->e, cert->data, &why);
		break;
	case IKE_CERT_CRL:
	case IKE_CERT_OCSP:
		return true; /* looked at when the peer's AUTH has verified */
	default:
		ike_log(x->e, x->sa, IKE_LOG_IKE, IKE_LOG_INFO,
			"ignoring a certificate of encoding %u", cert->encoding);
		return true;
	}
	if (!c) {
		ike_failure_set(x->failure, IKE_REASON_NO_CERTIFICATE, NULL, NULL,
			"a certificate of the peer's cannot be read: %s", why.text);
		return false;
	}
	a->received[a->received_count++] = c;
	return true;
}

bool ike_auth_read_certs(struct ike_received *x)
{
	ike_auth_drop_certs(x->sa->negotiation->auth);
	for (size_t i = 0; i < x->message->cert_count; i++)
		if (!read_cert(x, &x->message->certs[i]))
			return false;
	return true;
}

void ike_auth_offer_crls(struct ike_received *x)
{
	for (size_t i = 0; i < x->message->cert_count; i++)
		if (x->message->certs[i].encoding == IKE_CERT_CRL)
			ike_revocation_offer_crl(x->e, x->sa->unique_id, x->message->certs[i].data);
}

struct bytes ike_auth_stapled_ocsp(const struct ike_message *m)
{
	for (size_t i = 0; i < m->cert_count; i++)
		if (m->certs[i].encoding == IKE_CERT_OCSP)
			return m->certs[i].data;
	return (struct bytes){ 0 };
}
