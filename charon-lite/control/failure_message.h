/*
 * A kept failure as VICI keys: for explain and for alert events.
 *
 *   reason = authentication-failed   kind = secret-differs (libike/causes.h)
 *   text = ...        cause = ...    cure = ...
 *   child = net (when it is about one alone)           phase = IKE_AUTH    initiator = yes
 *   local-host, local-id, remote-host, remote-id       ours, theirs, differs (when there are any)
 *   notify = NO_PROPOSAL_CHOSEN (when the peer said so)
 *   count = 3   first, last: seconds since 1970        first-ago, last-ago: seconds
 *   over-ago: seconds since it came up all the same (when it did)
 */
#ifndef CHARON_LITE_CONTROL_FAILURE_MESSAGE_H
#define CHARON_LITE_CONTROL_FAILURE_MESSAGE_H

#include "charon-lite/daemon.h"
#include "libike/failures.h"
#include "libvici/builder.h"

/* Into the section that is open. connection: the name of the one that it concerns, or NULL. */
void cl_failure_build(
	struct vici_builder *b, const struct ike_failure_record *record, const char *connection);

#endif
