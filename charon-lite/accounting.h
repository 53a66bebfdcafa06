/*
 * RADIUS accounting (RFC 2866): who was connected, how long, and how much went through.
 *
 * One session for each established IKE SA; it goes on when the IKE SA is rekeyed. Start when it
 * comes up, Interim-Update in between, Stop at its end. Octets and packets are the kernel's
 * counters of all its children, those that were replaced included.
 *
 * Thread rule: belongs to the loop's thread.
 */
#ifndef CHARON_LITE_ACCOUNTING_H
#define CHARON_LITE_ACCOUNTING_H

#include "charon-lite/radius.h"

struct cl_accounting;

struct cl_accounting_config {
	struct event_base *base;
	struct cl_radius *radius;
	void *context;
	/* The kernel's view of one direction of a child. */
	bool (*query)(void *context, const struct ike_kernel_id *id, struct ike_kernel_usage *ret);
	const struct ike_sa *(*find)(void *context, uint32_t ike_id);
	/* No server took an update: the IKE SA is to go, if the settings say so. */
	void (*close)(void *context, uint32_t ike_id, bool all);
};

MUST_USE bool cl_accounting_open(const struct cl_accounting_config *config, struct cl_log *log,
	struct cl_accounting **ret, struct why *why);
void cl_accounting_close(struct cl_accounting *a); /* NULL is fine */

/* What the server that accepted the peer said: Class, and how often it wants updates. user: whom it
 * accepted, or NULL. Before the IKE SA is up. */
void cl_accounting_accepted(struct cl_accounting *a, uint32_t ike_id, const char *user,
	const struct cl_radius_packet *accept);

/* From the engine, through the host. */
void cl_accounting_event(struct cl_accounting *a, const struct ike_event *event);
/* The answer to one of ours; port: what cl_radius_account() was given. */
void cl_accounting_answered(struct cl_accounting *a, uint32_t port, bool accepted);

#endif
