/*
 * Cisco Unity (draft-ietf-ipsec-isakmp-unity has expired unpublished; the attributes are Cisco's,
 * 28672 and up): what a gateway says by Mode Config, and what becomes of a child's selectors then.
 *
 * It is spoken when charon.cisco_unity is on and the peer has said its vendor id. A client that
 * has been told networks (SPLIT_INCLUDE) says 0.0.0.0/0 for the gateway's side in Quick Mode, and
 * has policies for these networks; the gateway takes that for all of its local_ts. Which end is
 * the client is known by who has been given an address, not by who has begun the exchange.
 */
#ifndef LIBIKE_IKEV1_UNITY_H
#define LIBIKE_IKEV1_UNITY_H

#include "libike/ikev1/quick.h"
#include "libike/ikev1/transaction.h"

/* ---- Mode Config ---- */

/* Client: asks for what we understand. */
void ikev1_unity_ask(const struct ike_engine *e, const struct ike_sa *sa, struct ike_builder *b);
/* Client: all attributes are there. Logs the banner, lets networks pass by the tunnel. False with a
 * failure when the host could not. */
MUST_USE bool ikev1_unity_taken(
	struct ike_engine *e, struct ike_sa *sa, struct ike_failure *failure);
/* Gateway: the networks of our children, unless the pool has its own. */
void ikev1_unity_tell(const struct ike_engine *e, const struct ike_sa *sa, struct ike_builder *b);

/* ---- Quick Mode ---- */

/* Initiator: what to say instead of ret; old may be NULL. */
void ikev1_unity_offer(const struct ike_engine *e, const struct ike_sa *sa,
	const struct ike_child_config *config, const struct ike_child *old,
	struct ike_child_selectors *ret);
/* Whether the gateway's side of the pair stands for several networks. */
bool ikev1_unity_stands(const struct ike_engine *e, const struct ike_sa *sa,
	const struct ike_child_config *config, const struct ike_child_selectors *pair);
/* Then: what they are, in agreed, as far as the pair and our definition allow. False: nothing. */
MUST_USE bool ikev1_unity_expand(const struct ike_sa *sa, const struct ike_child_config *config,
	const struct ike_child_selectors *pair, struct ike_child_selectors *agreed);
/* Responder, then: the gateway's side is said as the peer said it. */
void ikev1_unity_answer(const struct ike_sa *sa, const struct ike_child_selectors *pair,
	struct ikev1_choice *choice);

#endif
