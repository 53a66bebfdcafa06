/*
 * Privileges: given up once everything is open.
 */
#ifndef CHARON_LITE_PRIVILEGES_H
#define CHARON_LITE_PRIVILEGES_H

#include "libbase/bytes.h"
#include "libbase/why.h"

/* No new privileges, no core dumps (they would hold keys), no capability but CAP_NET_ADMIN, and
 * that only when the kernel's tables are ours to write. */
MUST_USE bool cl_privileges_drop(bool keep_net_admin, struct why *why);

#endif
