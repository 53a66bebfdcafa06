/*
 * Revocation: CRLs and OCSP (RFC 5280, RFC 6960, RFC 8954, RFC 4806 stapling).
 *
 * Answers come from the store of loaded CRLs, and from a cache of fetched CRLs and OCSP responses,
 * which are verified before they are kept, are refreshed before they end, and are bounded in number
 * and size. What is missing is fetched by the host; the IKE SAs that need it wait, nobody else.
 *
 * OCSP is asked before CRLs, an authority's URIs before the certificate's own. One URI is asked
 * once at a time however many IKE SAs wait for it, and one that failed is not asked again for a
 * minute. An IKE SA waits for all of its certificates together at most IKE_REVOCATION_WAIT, and at
 * most two thirds of half_open_timeout; then what is missing is unknown, and the policy decides.
 */
#ifndef LIBIKE_REVOCATION_H
#define LIBIKE_REVOCATION_H

#include "libike/trust.h"

#define IKE_REVOCATION_WAIT IKE_SECONDS(20)

struct ike_revocation; /* the engine's cache and its questions under way */

/* NULL when memory ran out. */
struct ike_revocation *ike_revocation_new(struct ike_engine *e);
void ike_revocation_free(struct ike_engine *e); /* e->revocation; NULL is fine */

/* Whether certificate, issued by issuer (chain[index] and chain[index + 1] of a chain that holds),
 * is good under the policy (enum ike_revocation_policy). stapled: an OCSP response of the peer's,
 * or empty. LATER: ike_resume() comes for ike_id, maybe more than once. */
enum ike_trust ike_revocation_check(struct ike_engine *e, struct ike_certificate *certificate,
	struct ike_certificate *issuer, uint8_t policy, struct bytes stapled, uint32_t ike_id,
	struct ike_failure *failure);

/* A CRL that a peer sent (CERT payload of encoding 7), after its AUTH was verified: looked at by
 * the checks of that IKE SA, and kept if one of their issuers signed it. */
void ike_revocation_offer_crl(struct ike_engine *e, uint32_t ike_id, struct bytes crl);

/* An OCSP response for our own certificate to staple, or empty when none is cached (it is then
 * asked for, for next time). issuer NULL: looked for in the store. Borrowed until the next call of
 * the engine. */
struct bytes ike_revocation_staple(
	struct ike_engine *e, struct ike_certificate *certificate, struct ike_certificate *issuer);

/* For a CERTREQ of encoding 14 (RFC 4806 3.1): SHA-1 of the keys of responders that we trust by
 * themselves, 20 octets each; none: any that the CA trusts will do. Returns how many octets. */
size_t ike_revocation_responders(struct ike_engine *e, uint8_t *ret, size_t room);

/* Forgets what was fetched, and which servers failed (flush-certs). */
void ike_revocation_flush(struct ike_engine *e, bool crls, bool ocsp);

#endif
