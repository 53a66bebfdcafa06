/*
 * Trust: who proves an identity, and whether the chain behind it holds.
 *
 * Asked in this order, so that strangers cost little: which certificates could prove the identity
 * (ike_trust_candidates); does AUTH verify with one's key (the caller); does its chain hold, and is
 * nothing of it revoked (ike_trust_check), which may have to wait for a CRL or an OCSP response.
 */
#ifndef LIBIKE_TRUST_H
#define LIBIKE_TRUST_H

#include "libike/crypto/certificate.h"
#include "libike/crypto/signature.h"
#include "libike/diagnosis.h"
#include "libike/model/connection.h"
#include "libike/wire/message.h"

struct ike_engine;

enum ike_trust {
	IKE_TRUST_YES,
	IKE_TRUST_NO,
	/* Something is being fetched: ike_resume() is called for the SA when it is there or
	 * can not be had, and then the same is asked again. */
	IKE_TRUST_LATER,
};

#define IKE_TRUST_CANDIDATES_MAX 8

struct ike_trust_query {
	const struct ike_auth_round
		*round;                /* of the peer: what the definition demands; may be NULL */
	const struct ike_identity *id; /* that is to be proved; NULL: none (EAP-TLS without) */
	/* As the peer sent them: end first. Held by the caller. */
	struct ike_certificate *const *received;
	size_t received_count;
	struct bytes stapled_ocsp; /* CERT payload of encoding 14 (RFC 4806), or empty */
	uint32_t ike_id;           /* unique id of the IKE SA that would wait */
};

/* Those that prove the identity, the best first, held for the caller: the peer's own first
 * certificate, loaded ones, raw keys of the round. When there is none, the failure says why. */
size_t ike_trust_candidates(struct ike_engine *e, const struct ike_trust_query *query,
	struct ike_certificate *ret[IKE_TRUST_CANDIDATES_MAX], struct ike_failure *failure);

/* The chain from the candidate to an anchor: signatures, validity now, basic constraints, path
 * length, key usage, name constraints, policies, the round's cacerts, certs and signature policy,
 * revocation. The failure names the certificate, the check, and until when or by whom. */
enum ike_trust ike_trust_check(struct ike_engine *e, const struct ike_trust_query *query,
	struct ike_certificate *candidate, struct ike_failure *failure);

/* Which certificate we prove ourselves with: of the round's certs, else one that carries our
 * identity and whose CA the peer asked for, and whose private key is there. Also the chain to send
 * along (without the anchor). Held for the caller; returns how many, the end certificate first;
 * a raw public key is one too. 0 with a failure. */
#define IKE_TRUST_CHAIN_MAX 8
struct ike_trust_own_query {
	const struct ike_auth_round *round; /* of ours */
	const struct ike_identity *id;      /* that is to be proved; NULL: none */
	const struct ike_cert *certreqs;    /* IKEv2's: hashes of keys */
	size_t certreq_count;
	/* What it has to be besides; NULL: nothing. */
	bool (*fits)(const struct ike_certificate *c, uint16_t demand);
	uint16_t demand;
};
size_t ike_trust_own(struct ike_engine *e, const struct ike_trust_own_query *query,
	struct ike_certificate *ret[IKE_TRUST_CHAIN_MAX], struct ike_failure *failure);

/* SHA-1 of the keys of the CAs that we ask the peer for (CERTREQ): the round's cacerts, else all
 * loaded. Concatenated, 20 octets each; returns how many, at most room of them. */
size_t ike_trust_wanted_authorities(
	struct ike_engine *e, const struct ike_auth_round *round, uint8_t *ret, size_t room);

#endif
