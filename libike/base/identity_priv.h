/* What the files of identities share. Internal to base/. */
#ifndef LIBIKE_BASE_IDENTITY_PRIV_H
#define LIBIKE_BASE_IDENTITY_PRIV_H

#include "libike/base/identity.h"

/* Unchecked; NULL when memory ran out or octets are too many. */
MUST_USE struct ike_identity *ike_identity_new(uint8_t type, struct bytes octets);

#endif
