/*
 * Privileges: given up once everything is open.
 */
#ifndef CHARON_LITE_PRIVILEGES_H
#define CHARON_LITE_PRIVILEGES_H

#include "libbase/bytes.h"
#include "libbase/why.h"

/* No new privileges, no core dumps (they would hold keys), and no capabilities. keep: but
 * CAP_NET_ADMIN for the kernel's tables, and for updown scripts CAP_NET_RAW, which the daemon
 * itself holds without effect but for the moment in which DHCP opens its sockets. */
MUST_USE bool cl_privileges_drop(bool keep, struct why *why);

/* CAP_NET_RAW takes effect, and no more, around the opening of a socket. False when the process
 * does not have it. */
bool cl_privileges_raw(bool on);

#endif
