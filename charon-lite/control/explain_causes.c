#include "charon-lite/control/explain_causes.h"

#include "charon-lite/explain/judge.h"
#include "libike/causes.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Of one connection, which is one step: a gateway for many has more, and they are alike. */
#define CHILDREN_MAX 16

/* ---- Failures ---- */

/* What failed before the latest did explains less. */
static void gather_failures(struct cl_explain_causes *x, const struct ike_engine *e, bool up)
{
	const struct ike_failure_record *r;

	for (size_t i = 0; (r = ike_engine_failure(e, x->connection, i)); i++) {
		unsigned likelihood = ike_cause_likelihood(r);

		if (r->worked_at != IKE_NEVER || x->failed_count == IKE_FAILURES_MAX)
			continue;
		/* the IKE SA is there all the same: it was another peer's, or another attempt */
		if (up && !r->child)
			likelihood /= 2;
		x->failed[x->failed_count] = (struct cl_failed){
			.record = r,
			.likelihood = likelihood > i ? likelihood - (unsigned)i : 0,
		};
		x->failed_count++;
	}
	/* few: by likelihood, the latest of equals first */
	for (size_t i = 1; i < x->failed_count; i++) {
		struct cl_failed moved = x->failed[i];
		size_t to = i;

		for (; to > 0 && x->failed[to - 1].likelihood < moved.likelihood; to--)
			x->failed[to] = x->failed[to - 1];
		x->failed[to] = moved;
	}
}

/* ---- What is seen ---- */

/* Of what is not up: without a way to the peer nothing else matters. */
static void look_for_way(struct cl_explain_causes *x, struct cl_look *look)
{
	char text[ADDRESS_TEXT_MAX];

	for (size_t i = 0; i < x->failed_count; i++) {
		const struct ike_failure_record *r = x->failed[i].record;
		struct cl_seen_route route;

		if (r->failure.reason == IKE_REASON_NO_ROUTE)
			return;
		if (r->failure.reason != IKE_REASON_PEER_SILENT || address_is_any(&r->remote))
			continue;
		cl_look_peer(look, &r->remote, &route);
		if (route.found)
			continue;
		address_format(&r->remote, text);
		cl_finding_cure(cl_findings_add(&x->findings, CL_CAUSE_NO_ROUTE_TO_PEER, 97, NULL,
					"this host has no route to %s", text),
			"look at ip route get %s: add the route, or bring the link up", text);
		return;
	}
}

/* Of SAs for one processor each (RFC 9611) packets take any: what went through is that of all of
 * them, and is looked at with the one that is for all processors. */
static void judge(struct cl_look *look, const struct ike_child *child, struct cl_findings *ret)
{
	struct cl_seen_tunnel seen, other;

	cl_look_at(look, child, &seen);
	if (child->one_processor) {
		cl_judge_kernel(&seen, ret);
		return;
	}
	for (const struct ike_child *c = child->sa->children; c && child->per_processor;
		c = c->next) {
		if (c->config != child->config || !c->one_processor ||
			c->state != IKE_CHILD_INSTALLED)
			continue;
		cl_look_at(look, c, &other);
		seen.in.packets += other.in.packets;
		seen.out.packets += other.out.packets;
	}
	cl_judge(&seen, ret);
}

void cl_explain_connection(struct cl_explain_causes *x, struct cl_look *look,
	const struct ike_engine *e, const struct ike_connection *c)
{
	size_t children = 0;
	bool up = false;

	*x = (struct cl_explain_causes){ .connection = c->name };
	for (const struct ike_sa *sa = c->sas; sa; sa = sa->next) {
		up = up || sa->state == IKE_SA_ESTABLISHED;
		for (const struct ike_child *child = sa->children; child && children < CHILDREN_MAX;
			child = child->next) {
			if (child->state != IKE_CHILD_INSTALLED)
				continue;
			children++;
			judge(look, child, &x->findings);
		}
	}
	gather_failures(x, e, up);
	if (!up)
		look_for_way(x, look);
	cl_findings_sort(&x->findings);
}

void cl_explain_strangers(struct cl_explain_causes *x, const struct ike_engine *e)
{
	*x = (struct cl_explain_causes){ 0 };
	gather_failures(x, e, false);
}

/* ---- Said ---- */

static void put(struct vici_builder *b, size_t number, const char *cause, unsigned likelihood,
	const char *child, const char *text, const char *cure)
{
	vici_section_start_format(b, "%zu", number);
	vici_key_text(b, "cause", cause);
	vici_key_format(b, "likelihood", "%u", likelihood);
	if (child)
		vici_key_text(b, "child", child);
	vici_key_text(b, "text", text);
	vici_key_text(b, "cure", cure);
	vici_section_end(b);
}

static void put_failed(
	struct vici_builder *b, size_t number, const char *connection, const struct cl_failed *f)
{
	struct ike_advice advice;

	ike_advise(f->record, connection, &advice);
	put(b, number, ike_cause_name(f->record), f->likelihood, f->record->child, advice.cause,
		advice.cure);
}

void cl_explain_causes_put(const struct cl_explain_causes *x, struct vici_builder *b)
{
	size_t seen = 0, failed = 0;

	vici_section_start(b, "causes");
	while (seen < x->findings.count || failed < x->failed_count) {
		const struct cl_finding *f =
			seen < x->findings.count ? &x->findings.list[seen] : NULL;

		if (f && (failed == x->failed_count ||
				 f->likelihood >= x->failed[failed].likelihood)) {
			put(b, ++seen + failed, cl_cause_name(f->cause), f->likelihood, f->child,
				f->text, f->cure);
		} else {
			failed++;
			put_failed(b, seen + failed, x->connection, &x->failed[failed - 1]);
		}
	}
	vici_section_end(b);
}

static void put_number(struct vici_builder *b, const char *key, uint64_t value)
{
	vici_key_format(b, key, "%" PRIu64, value);
}

void cl_explain_child_put(
	struct cl_look *look, const struct ike_child *child, struct vici_builder *b)
{
	struct cl_seen_tunnel t;

	cl_look_use(look, child, &t);
	put_number(b, "packets-in", t.in.packets);
	put_number(b, "packets-out", t.out.packets);
	if (t.inner_mtu == 0)
		return;
	put_number(b, "link-mtu", t.to_peer.interface_mtu);
	put_number(b, "path-mtu", t.to_peer.mtu);
	put_number(b, "overhead", t.overhead);
	put_number(b, "inner-mtu", t.inner_mtu);
	put_number(b, "mss", t.mss);
}
