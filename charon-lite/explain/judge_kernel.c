#include "charon-lite/explain/judge.h"

#include <inttypes.h>

static const char *direction_name(uint8_t direction)
{
	return direction == XFRM_POLICY_IN ? "in" : direction == XFRM_POLICY_OUT ? "out" : "fwd";
}

static void judge_sa(
	const struct cl_seen_tunnel *t, const struct cl_seen_sa *sa, struct cl_findings *ret)
{
	const char *way = sa == &t->in ? "inbound" : "outbound";

	if (!sa->wanted || !sa->missing)
		return;
	if (sa->other_spi)
		cl_findings_add(ret, CL_CAUSE_SA_DIFFERS, 97, t->child,
			"the %s SA of %s has SPI %08" PRIx32 " here, and in the kernel %08" PRIx32
			" stands in its place: another program has written it",
			way, t->child, sa->spi, sa->other_spi);
	else
		cl_findings_add(ret, CL_CAUSE_SA_MISSING, 98, t->child,
			"the kernel does not have the %s SA of %s (SPI %08" PRIx32
			"), which was installed %" PRId64
			" seconds ago: another program deleted or flushed it",
			way, t->child, sa->spi, t->age);
}

/* With both directions gone it is one cause. */
static void judge_sas(const struct cl_seen_tunnel *t, struct cl_findings *ret)
{
	if (t->in.missing && t->out.missing && !t->in.other_spi && !t->out.other_spi) {
		cl_findings_add(ret, CL_CAUSE_SA_MISSING, 98, t->child,
			"the kernel has neither SA of %s (SPIs %08" PRIx32 " in, %08" PRIx32
			" out), which were installed %" PRId64
			" seconds ago: another program deleted or flushed them",
			t->child, t->in.spi, t->out.spi, t->age);
		return;
	}
	judge_sa(t, &t->in, ret);
	judge_sa(t, &t->out, ret);
}

static void judge_missing_policy(const struct cl_seen_tunnel *t, struct cl_findings *ret)
{
	char text[XFRM_TRAFFIC_TEXT_MAX];

	if (t->policies_missing == 0)
		return;
	cl_findings_add(ret, CL_CAUSE_POLICY_MISSING, 96, t->child,
		"the kernel lacks %u of the %u policies of %s (%s %s): another program deleted or "
		"replaced them",
		t->policies_missing, t->policies_wanted, t->child,
		direction_name(t->missing.id.direction),
		xfrm_traffic_selector_format(&t->missing.id.selector, text));
}

static const char *deed(const struct cl_seen_policy *p)
{
	return p->blocks     ? "drops it"
	       : p->protects ? "sends it another way"
			     : "lets it pass in clear";
}

static void judge_shadow(const struct cl_seen_tunnel *t, struct cl_findings *ret)
{
	const struct cl_seen_policy *p = &t->shadow;
	char text[XFRM_TRAFFIC_TEXT_MAX];

	if (!p->seen)
		return;
	xfrm_traffic_selector_format(&p->id.selector, text);
	cl_finding_cure(cl_findings_add(ret, CL_CAUSE_POLICY_SHADOWED,
				!p->covers                                  ? 45
				: t->in.packets == 0 || t->out.packets == 0 ? 95
									    : 70,
				t->child,
				"a policy of another program (%s %s, priority %" PRIu32
				") comes before that of %s for %s and %s",
				direction_name(p->id.direction), text, p->priority, t->child,
				p->covers ? "its traffic" : "a part of its traffic", deed(p)),
		"find who installed it and delete it there (ip xfrm policy list dir %s priority "
		"%" PRIu32 "), or set priority in the child to a number below %" PRIu32,
		direction_name(p->id.direction), p->priority, p->priority);
}

void cl_judge_kernel(const struct cl_seen_tunnel *t, struct cl_findings *ret)
{
	judge_sas(t, ret);
	judge_missing_policy(t, ret);
	judge_shadow(t, ret);
	if (t->foreign_sas > 0)
		cl_findings_add(ret, CL_CAUSE_SA_FOREIGN, 40, t->child,
			"between the two hosts of %s there are %u SAs that another program "
			"installed",
			t->child, t->foreign_sas);
}

void cl_judge(const struct cl_seen_tunnel *t, struct cl_findings *ret)
{
	cl_judge_kernel(t, ret);
	cl_judge_routes(t, ret);
	cl_judge_traffic(t, ret);
	cl_judge_path(t, ret);
}
