/*
 * IKE SAs and child SAs as VICI sections, with strongSwan's keys in strongSwan's order: scripts
 * and test suites grep what `swanctl --raw` prints.
 */
#ifndef CHARON_LITE_CONTROL_SA_MESSAGE_H
#define CHARON_LITE_CONTROL_SA_MESSAGE_H

#include "charon-lite/control/event.h"
#include "charon-lite/daemon.h"
#include "libvici/builder.h"

/* The keys of an IKE SA, without its children, into the section that is open. */
void cl_ike_sa_build(struct vici_builder *b, const struct ike_sa *sa);
/* Ours alone, behind strongSwan's keys: when the peer would be declared dead. */
void cl_ike_sa_liveness_build(
	struct vici_builder *b, const struct ike_engine *e, const struct ike_sa *sa);

/* Single keys, for whoever tells of SAs: "<side>-host" and "<side>-port"; an identity, %any
 * without one; "bytes-<side>", "packets-<side>" and "use-<side>", asked of the kernel; a list. */
void cl_host_build(struct vici_builder *b, const char *side, const struct address *a);
void cl_identity_build(struct vici_builder *b, const char *name, const struct ike_identity *id);
void cl_usage_build(
	struct vici_builder *b, struct cl_daemon *d, const struct ike_child *child, bool inbound);
void cl_selectors_build(
	struct vici_builder *b, const char *name, const struct ike_selector *list, size_t count);
const char *cl_child_mode_name(uint8_t mode);                      /* enum ike_mode */
const char *cl_child_protocol_name(const struct ike_child *child); /* "ESP", "AH" */

/* The keys of a child SA, its traffic counters asked of the kernel. */
void cl_child_sa_build(struct vici_builder *b, struct cl_daemon *d, const struct ike_child *child);

/* An event's message. */
void cl_sa_event_build(struct vici_builder *b, struct cl_daemon *d, enum cl_event event,
	const struct ike_event *what);

#endif
