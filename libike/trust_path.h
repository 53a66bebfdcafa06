/* Chains of certificates: found among what is there, and verified. Internal to trust. */
#ifndef LIBIKE_TRUST_PATH_H
#define LIBIKE_TRUST_PATH_H

#include "libike/trust.h"

#define TRUST_PATH_MAX 12

struct trust_path {
	struct ike_certificate
		*items[TRUST_PATH_MAX]; /* borrowed; the end first, the anchor last */
	size_t count;
};

/* From the candidate to a self-signed CA that is loaded (or is the round's), through loaded and
 * received CAs. Where CAs share a name, or have signed each other, all ways are tried, within
 * bounds. The failure is that of the best way that was found. */
MUST_USE bool trust_path_find(struct ike_engine *e, const struct ike_trust_query *query,
	struct ike_certificate *candidate, struct trust_path *ret, struct ike_failure *failure);

/* Whether it is valid now. The failure says until or from when, and when this host's clock is
 * plainly not set. */
MUST_USE bool trust_valid_now(
	struct ike_engine *e, const struct ike_certificate *c, struct ike_failure *failure);

#endif
