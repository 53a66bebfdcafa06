/* The negative suite: certificates, keys and signatures that must be refused, each for the reason
 * that is stated, with positive controls beside them. */
#ifndef TESTING_UNIT_NEGATIVE_NEGATIVE_H
#define TESTING_UNIT_NEGATIVE_NEGATIVE_H

#include "testing/unit/engine/revocation_bed.h"

TCase *negative_chain_tests(void);
TCase *negative_identity_tests(void);
TCase *negative_signature_tests(void);

#endif
