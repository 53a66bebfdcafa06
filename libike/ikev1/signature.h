/*
 * Proofs by signature: what proof.c asks of signature.c.
 */
#ifndef LIBIKE_IKEV1_SIGNATURE_H
#define LIBIKE_IKEV1_SIGNATURE_H

#include "libike/ikev1/ikev1.h"

/* The method for signatures by that key; RSA when it is NULL or none that IKEv1 has. */
uint16_t ikev1_signature_method(const struct ike_public_key *key);
/* As initiator: by the certificate that the definition has us use, or that its identity finds. */
uint16_t ikev1_signature_method_of_own(struct ike_engine *e, const struct ike_connection *c);
/* One CERTREQ for each CA that we would believe, if the definition has us ask. */
void ikev1_signature_build_certreq(
	struct ike_engine *e, const struct ike_sa *sa, struct ike_builder *b);
/* CERT and SIGNATURE of ours. */
enum ikev1_outcome ikev1_signature_build(struct ike_engine *e, struct ike_sa *sa,
	struct ike_builder *b, struct ike_failure *failure);
/* The peer's, and the chain behind it. */
enum ikev1_outcome ikev1_signature_verify(struct ikev1_received *x);

#endif
