/*
 * Proofs by signature: what proof.c asks of signature.c.
 */
#ifndef LIBIKE_IKEV1_SIGNATURE_H
#define LIBIKE_IKEV1_SIGNATURE_H

#include "libike/ikev1/ikev1.h"
#include "libike/trust.h"

/* ---- signature_key.c: what keys a method is for ---- */
uint8_t ikev1_signature_key_type(uint16_t method); /* enum ike_key_type: RSA or ECDSA */
bool ikev1_signature_key_fits(const struct ike_public_key *key, uint16_t method);
/* As ike_trust_own(), of the certificates that the method (query->demand) is for. */
size_t ikev1_signature_own(struct ike_engine *e, struct ike_trust_own_query *query,
	struct ike_certificate *ret[IKE_TRUST_CHAIN_MAX], struct ike_failure *failure);
/* Whether the definition has us use a certificate, or its identity finds one, that the method is
 * for, with its private key. failure (may be NULL) says why not. */
bool ikev1_signature_can(struct ike_engine *e, const struct ike_connection *c,
	const struct address *local, uint16_t method, struct ike_failure *failure);
/* As initiator: the method for such a certificate; 0, with a failure: there is none. */
uint16_t ikev1_signature_method_of_own(struct ike_engine *e, const struct ike_connection *c,
	const struct address *local, struct ike_failure *failure);

/* ---- signature.c ---- */
/* The round that is proved by a signature; NULL: none. */
const struct ike_auth_round *ikev1_signature_round(const struct ike_auth_rounds *rounds);
/* One CERTREQ for each CA that we would believe, if the definition has us ask. */
void ikev1_signature_build_certreq(
	struct ike_engine *e, const struct ike_sa *sa, struct ike_builder *b);
/* CERT and SIGNATURE of ours. */
enum ikev1_outcome ikev1_signature_build(struct ike_engine *e, struct ike_sa *sa,
	struct ike_builder *b, struct ike_failure *failure);
/* The peer's, and the chain behind it. */
enum ikev1_outcome ikev1_signature_verify(struct ikev1_received *x);
/* Whether what was verified is good for that definition as well; true before. */
bool ikev1_signature_is_good_for(
	struct ike_engine *e, const struct ike_sa *sa, const struct ike_connection *c);

#endif
