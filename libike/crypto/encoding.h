/*
 * DER, as it is or within PEM (RFC 7468), and the few parts of it that are read by hand. Internal
 * to crypto/.
 */
#ifndef LIBIKE_CRYPTO_ENCODING_H
#define LIBIKE_CRYPTO_ENCODING_H

#include "libbase/bytes.h"
#include "libbase/why.h"

#include <openssl/types.h>

#define DER_INTEGER 0x02
#define DER_NULL 0x05
#define DER_OID 0x06
#define DER_SEQUENCE 0x30
#define DER_CONTEXT(n) (0xa0 | (n)) /* [n], constructed */

/* The contents of the next element, which must have that tag; else the reader is bad. Lengths are
 * those of DER: definite and as short as can be. */
struct reader der_read(struct reader *r, uint8_t tag);
/* The same when that is the next tag; else nothing is read, and false. */
bool der_read_optional(struct reader *r, uint8_t tag, struct reader *ret);

struct encoding {
	struct bytes der; /* a view of what was given, or of memory */
	uint8_t *memory;
	char name[32]; /* what PEM says it is: "CERTIFICATE"; empty: it was DER */
};

/* The first PEM block, or what was given when there is none. Fails with a reason for PEM that is
 * damaged or encrypted, and for nothing and for more than `limit` octets. */
MUST_USE bool encoding_open(
	struct bytes encoded, size_t limit, struct encoding *ret, struct why *why);
void encoding_close(struct encoding *encoding);

/* SHA-1 for ids of keys, not for anything that has to resist collisions. */
MUST_USE bool encoding_sha1(OSSL_LIB_CTX *library, struct bytes data, uint8_t ret[20]);

#endif
