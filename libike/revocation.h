/*
 * Revocation: CRLs and OCSP (RFC 5280, RFC 6960, RFC 8954, RFC 4806 stapling).
 *
 * Answers come from the store of loaded CRLs, and from a cache of fetched CRLs and OCSP responses,
 * which are verified before they are kept, are refreshed before they end, and are bounded in number
 * and size. What is missing is fetched by the host; the IKE SAs that need it wait, nobody else.
 */
#ifndef LIBIKE_REVOCATION_H
#define LIBIKE_REVOCATION_H

#include "libike/trust.h"

struct ike_revocation; /* the engine's cache and its fetches under way */

struct ike_revocation *ike_revocation_new(void);
void ike_revocation_free(struct ike_revocation *r); /* NULL is fine */

/* Whether certificate, issued by issuer (chain[index] and chain[index + 1] of a chain that holds),
 * is good under the policy (enum ike_revocation_policy). stapled: an OCSP response of the peer's,
 * or empty. */
enum ike_trust ike_revocation_check(struct ike_engine *e, struct ike_certificate *certificate,
	struct ike_certificate *issuer, uint8_t policy, struct bytes stapled, uint32_t ike_id,
	struct ike_failure *failure);

/* An OCSP response for our own certificate to staple, or empty when none is cached (it is then
 * asked for, for next time). */
struct bytes ike_revocation_staple(
	struct ike_engine *e, struct ike_certificate *certificate, struct ike_certificate *issuer);

/* Forgets what was fetched (flush-certs). */
void ike_revocation_flush(struct ike_engine *e);

#endif
