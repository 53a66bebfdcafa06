/*
 * What a CRL is about (RFC 5280 5.2, 6.3.3): which certificates, and how a delta goes with its
 * base. crl.h refuses indirect ones and those of some reasons alone; signatures and times are the
 * caller's.
 */
#ifndef LIBIKE_CRYPTO_CRL_SCOPE_H
#define LIBIKE_CRYPTO_CRL_SCOPE_H

#include "libike/crypto/crl.h"

/* Whether no entry has a critical extension that is not known: such a CRL is not to be used (RFC
 * 5280 5.3). Walks all entries: to be asked once. */
MUST_USE bool ike_crl_is_usable(const struct ike_crl *crl, struct why *why);

/* Whether such certificates are in its scope; else the reason. */
MUST_USE bool ike_crl_is_about(
	const struct ike_crl *crl, const struct ike_certificate *certificate, struct why *why);

static inline bool ike_crl_is_delta(const struct ike_crl *crl)
{
	return ike_crl_base_serial(crl).length > 0;
}

/* CRL numbers as integers: negative, 0, positive. */
int ike_crl_number_compare(struct bytes a, struct bytes b);

/* Whether the delta may be combined with the complete CRL: same scope, and its base is not newer
 * and itself newer (RFC 5280 5.2.4). Both are of the same issuer. */
bool ike_crl_delta_fits(const struct ike_crl *delta, const struct ike_crl *complete);

/* Where deltas are to be had: freshestCRL of the CRL, else of the certificate. Index from 0; NULL
 * after the last; heap. */
MUST_USE char *ike_crl_freshest_uri(
	const struct ike_crl *crl, const struct ike_certificate *certificate, size_t index);

#endif
