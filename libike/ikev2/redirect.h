/*
 * Redirection (RFC 5685): a gateway sends its client to another one.
 *
 * In the answer to IKE_SA_INIT, which nothing authenticates, it has to repeat our nonce; in that to
 * IKE_AUTH it counts once the peer has proved who it is; in INFORMATIONAL it moves an IKE SA that
 * is up. Whoever we are sent to has to prove itself as the definition asks for, like anybody else.
 * We go there at most 5 times in 300 s (RFC 5685 7), and when it is not reached the definition's
 * own addresses count again.
 */
#ifndef LIBIKE_IKEV2_REDIRECT_H
#define LIBIKE_IKEV2_REDIRECT_H

#include "libike/ikev2/ikev2.h"

/* ---- The notifies ---- */

/* The identity of a gateway, an address or a name that could be one, and the octets after it.
 * ret is appended to. */
MUST_USE bool ike_redirect_parse(
	struct bytes data, struct ike_endpoints *ret, struct bytes *ret_nonce, struct why *why);
#define IKE_REDIRECT_DATA_MAX 257
/* Returns the length. gateway: an address or a name, with or without its type. */
size_t ike_redirect_format(const struct ike_endpoint *gateway, uint8_t ret[IKE_REDIRECT_DATA_MAX]);

/* REDIRECT_SUPPORTED, or REDIRECTED_FROM, as initiator. */
void ike_redirect_build_init(
	const struct ike_engine *e, const struct ike_sa *sa, struct ike_builder *b);
/* The same as responder. */
void ike_redirect_read_init(
	struct ike_engine *e, struct ike_sa *sa, const struct ike_message *message);

/* ---- As initiator ---- */

/* N(REDIRECT) in each of the three exchanges. */
enum ike_outcome ike_redirect_in_init(struct ike_received *x, const struct ike_notify *notify);
enum ike_outcome ike_redirect_in_auth(struct ike_received *x, const struct ike_notify *notify);
void ike_redirect_requested(struct ike_received *x, const struct ike_notify *notify);
/* Without having proved who it is. */
enum ike_outcome ike_redirect_unproved(struct ike_received *x);

/* ---- As responder ---- */

bool ike_redirect_start(struct ike_engine *e, struct ike_sa *sa, const struct ike_task *task);
void ike_redirect_answered(struct ike_received *x);

#endif
