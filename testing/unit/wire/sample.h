/* Messages to test with: one of each exchange, made with our own builder. */
#ifndef TESTING_UNIT_WIRE_SAMPLE_H
#define TESTING_UNIT_WIRE_SAMPLE_H

#include "libike/wire/build.h"

#define SAMPLE_MAX 4096

extern const struct ike_header sample_header;

/* IKE_SA_INIT's payloads: SA KE No N N V. */
void sample_build_init(struct ike_builder *b);
/* IKE_AUTH's, and everything else that we know: IDi IDr CERT CERTREQ AUTH SA TSi TSr N D D CP EAP.
 */
void sample_build_auth(struct ike_builder *b);

/* A datagram in the clear around that builder's chain. Returns its length. */
size_t sample_datagram(const struct ike_builder *b, uint8_t ret[SAMPLE_MAX]);

#endif
