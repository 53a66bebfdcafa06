/*
 * What is most likely wrong with a connection: what failed and has not come up since, beside what a
 * look at the kernel and the network shows, in one order.
 *
 *   causes = { 1 = { cause = esp-blocked   likelihood = 85   child = net   text = ...   cure = ...
 * } ... }
 */
#ifndef CHARON_LITE_CONTROL_EXPLAIN_CAUSES_H
#define CHARON_LITE_CONTROL_EXPLAIN_CAUSES_H

#include "charon-lite/explain/cause.h"
#include "charon-lite/explain/look.h"
#include "libike/advice.h"
#include "libvici/builder.h"

/* One failure among them. */
struct cl_failed {
	const struct ike_failure_record *record;
	unsigned likelihood;
};

struct cl_explain_causes {
	const char *connection; /* NULL: of those that fit none */
	struct cl_findings findings;
	struct cl_failed failed[IKE_FAILURES_MAX];
	size_t failed_count;
};

/* The texts in it live until the engine is called. */
void cl_explain_connection(struct cl_explain_causes *x, struct cl_look *look,
	const struct ike_engine *e, const struct ike_connection *c);
void cl_explain_strangers(struct cl_explain_causes *x, const struct ike_engine *e);
void cl_explain_causes_put(const struct cl_explain_causes *x, struct vici_builder *b);

/* What the kernel counted for a child, and how large its packets may be. */
void cl_explain_child_put(
	struct cl_look *look, const struct ike_child *child, struct vici_builder *b);

#endif
