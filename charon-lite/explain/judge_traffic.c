#include "charon-lite/explain/judge.h"

#include <inttypes.h>
#include <stdio.h>

/* Fewer may be on their way, or be the first of a connection that waits for an answer. */
#define SENT_ENOUGH 2
/* After rekeying nobody may have had anything to say yet. */
#define NEW_SECONDS 10
/* The same where nothing says that the SAs before carried packets one way only. */
#define NEW_AFTER_TRAFFIC_SECONDS 60
/* By how much policies are older than their SA when that is not their first. */
#define RENEWED_SECONDS 5
/* Of those that came in, in which damage is no accident any more: one in so many. */
#define DAMAGED_SHARE 100

/* Not all policies outlive a rekeying: those that did tell of the SAs before. */
static bool is_older(const struct cl_seen_tunnel *t, const struct cl_seen_sa *sa)
{
	return sa->policy_age > t->age + RENEWED_SECONDS;
}

/*
 * One direction has carried packets and the other none. Right after a rekeying that tells nothing
 * yet, and of what always goes one way (syslog, a stream) it never does. silent, moving: of the two
 * directions; sure: how likely it is when nothing speaks against it.
 */
static unsigned likelihood_one_way(const struct cl_seen_tunnel *t, const struct cl_seen_sa *silent,
	const struct cl_seen_sa *moving, unsigned sure)
{
	bool known = is_older(t, silent);

	if (moving->packets < SENT_ENOUGH || t->age < NEW_SECONDS)
		return 45;
	if (known && silent->policy_used < 0)
		return 60;
	return (known || is_older(t, moving)) && t->age < NEW_AFTER_TRAFFIC_SECONDS ? 45 : sure;
}

/* What is known of the time before, for the same. */
static const char *one_way_remark(const struct cl_seen_tunnel *t, const struct cl_seen_sa *silent)
{
	if (t->age < NEW_SECONDS)
		return "; it is new, so look again after some seconds of traffic";
	if (!is_older(t, silent))
		return "";
	return silent->policy_used < 0 ? "; nor did anything ever since its policies are there, "
					 "which is right for what wants no answer (syslog, streams)"
				       : "; packets went both ways before its last rekeying";
}

/* Packets leave, and none comes in. */
static void judge_silence(const struct cl_seen_tunnel *t, struct cl_findings *ret)
{
	struct cl_finding *found;
	char remote[ADDRESS_TEXT_MAX], local[ADDRESS_TEXT_MAX], counted[128] = "";

	address_format(&t->remote, remote);
	address_format(&t->local, local);
	if (t->no_states > 0)
		snprintf(counted, sizeof(counted),
			"; this host has dropped %" PRIu64
			" packets since boot for which it had no SA",
			t->no_states);
	found = cl_findings_add(ret, CL_CAUSE_ESP_BLOCKED,
		likelihood_one_way(t, &t->in, &t->out, 85), t->child,
		"IKE with %s works and %" PRIu64 " packets went into %s, and not one has come "
		"back in %" PRId64
		" seconds: %s is dropped on the way, or the peer does not send any%s%s",
		remote, t->out.packets, t->child, t->age, t->udp ? "ESP in UDP" : "ESP",
		one_way_remark(t, &t->in), counted);
	cl_finding_cure(found,
		t->udp ? "let UDP port 4500 pass between %s and %s both ways, also what is no IKE "
			 "(a firewall may let pass IKE alone); --explain at the peer shows whether "
			 "it gets packets and sends any"
		       : "let ESP (IP protocol 50) pass between %s and %s both ways in all "
			 "firewalls, or set encap = yes to wrap it into UDP; --explain at the peer "
			 "shows whether it gets packets and sends any",
		local, remote);
}

static void judge_damage(const struct cl_seen_tunnel *t, struct cl_findings *ret)
{
	uint64_t late = (uint64_t)t->in.outside_window + t->in.replayed;

	if (t->in.integrity_failures > 0)
		cl_findings_add(ret, CL_CAUSE_ESP_DAMAGED, t->in.packets == 0 ? 94 : 60, t->child,
			"%" PRIu32 " packets of %s failed their integrity check, %" PRIu64
			" were good",
			t->in.integrity_failures, t->child, t->in.packets);
	if (late > 0 && late * DAMAGED_SHARE > t->in.packets)
		cl_findings_add(ret, CL_CAUSE_ESP_LATE, 50, t->child,
			"%" PRIu64 " packets of %s came too late or twice, %" PRIu64 " were good",
			late, t->child, t->in.packets);
}

void cl_judge_traffic(const struct cl_seen_tunnel *t, struct cl_findings *ret)
{
	bool whole = t->in.wanted && t->out.wanted && !t->in.missing && !t->out.missing;

	if (!whole)
		return;
	judge_damage(t, ret);
	if (t->out.packets > 0 && t->in.packets == 0 && t->in.integrity_failures == 0)
		judge_silence(t, ret);
	else if (t->in.packets > 0 && t->out.packets == 0)
		cl_findings_add(ret, CL_CAUSE_NOTHING_SENT_BACK,
			likelihood_one_way(t, &t->out, &t->in, 75), t->child,
			"%" PRIu64 " packets came out of %s and none went into it in %" PRId64
			" seconds: what is behind this host does not get them, does not answer, or "
			"answers by another way%s",
			t->in.packets, t->child, t->age, one_way_remark(t, &t->out));
	else if (cl_seen_idle(t))
		cl_findings_add(ret, CL_CAUSE_NO_TRAFFIC, 10, t->child,
			"%s is up, and in %" PRId64 " seconds no packet has met its policies",
			t->child, t->age);
}
