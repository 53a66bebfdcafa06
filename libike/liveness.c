/*
 * Liveness (RFC 7296 2.4, RFC 3706): a peer that was not heard of for dpd_delay is asked by an
 * empty INFORMATIONAL request, or R_U_THERE, whether it is alive. Any authentic message and any
 * packet that came in through a child counts as a sign of life, so a busy tunnel is hardly probed:
 * a peer whose daemon is gone may send packets from what it left in the kernel. Who does not
 * answer, in all retransmissions, is dead: tasks.c then ends the SA.
 *
 * And inactivity: children that nothing went through for that long are closed.
 *
 * Both ask lazily: the time of the next look is when the last sign of life known would be too old,
 * and traffic does not move it; only when it has come is the kernel asked.
 */
#include "libike/versions.h"

static ike_time delay_of(const struct ike_sa *sa)
{
	return IKE_SECONDS((ike_time)sa->connection->dpd_delay);
}

/* How long the kernel has not seen a packet of that direction; at most since it was installed. */
static ike_time child_idle(struct ike_engine *e, const struct ike_child *child, bool inbound)
{
	struct ike_kernel_id id = ike_child_kernel_id(child, inbound);
	ike_time idle = e->now - child->installed_at;
	struct ike_kernel_usage usage;

	if (e->host.sa_query(e->host.context, &id, &usage) &&
		usage.idle_seconds < (uint64_t)(idle / 1000))
		return IKE_SECONDS((ike_time)usage.idle_seconds);
	return idle;
}

/* Packets alone prove a peer's kernel, not its daemon. */
#define HALF_A_SECOND 500
#define PACKETS_SUFFICE 10 /* times dpd_delay */

static ike_time silence(struct ike_engine *e, const struct ike_sa *sa)
{
	ike_time quiet = e->now - sa->last_received;

	if (quiet >= PACKETS_SUFFICE * delay_of(sa))
		return quiet;
	for (const struct ike_child *c = sa->children; c; c = c->next) {
		struct ike_kernel_id id = ike_child_kernel_id(c, true);
		struct ike_kernel_usage usage;

		if (c->installed_in && e->host.sa_query(e->host.context, &id, &usage) &&
			usage.idle_seconds < (uint64_t)(quiet / 1000))
			quiet = IKE_SECONDS((ike_time)usage.idle_seconds);
	}
	return quiet;
}

static void probe(struct ike_engine *e, struct ike_sa *sa, ike_time quiet)
{
	char peer[ADDRESS_TEXT_MAX];

	if (!ike_task_queue(sa, IKE_TASK_DPD, NULL, 0))
		return;
	ike_tally(e, sa, IKE_TALLY_PROBED);
	ike_log(e, sa, IKE_LOG_IKE, IKE_LOG_INFO,
		"nothing heard from %s for %d s, sending DPD request: declared dead after %d s "
		"without answer",
		address_format_with_port(&sa->remote, peer), (int)(quiet / 1000),
		(int)(ike_engine_dead_after(e, sa) / 1000));
}

void ike_liveness_check(struct ike_engine *e, struct ike_sa *sa)
{
	const struct ike_version *version = ike_version_of(sa);
	ike_time delay = delay_of(sa), quiet = 0, next;

	bool ends = sa->state == IKE_SA_DELETING || sa->state == IKE_SA_REKEYED;

	/* Somebody else may have wanted to know, too. */
	if (sa->state != IKE_SA_DELETING && version->asks && version->asks(e, sa))
		return;
	if (ends || delay == 0) {
		sa->dpd_at = IKE_NEVER;
		ike_schedule(e, sa);
		return;
	}
	/* A request in flight asks as well as a probe does. */
	if (!sa->active && (quiet = silence(e, sa)) >= delay) {
		probe(e, sa, quiet);
		quiet = 0;
	}
	next = delay - quiet;
	/* The kernel counts whole seconds: between those it is asked once more. */
	if (quiet < e->now - sa->last_received)
		next = next > 2 * HALF_A_SECOND ? next - HALF_A_SECOND : HALF_A_SECOND;
	sa->dpd_at = e->now + next;
	ike_schedule(e, sa);
	ike_tasks_run(e, sa);
}

/* ---- Inactivity ---- */

/* When to look at the child again; IKE_NEVER when it does not matter any more. */
static ike_time look_at(struct ike_engine *e, struct ike_child *child)
{
	ike_time limit = IKE_SECONDS((ike_time)child->config->inactivity);

	/* Its deletion may have to wait until the peer has answered something else. */
	if (limit == 0 || child->state > IKE_CHILD_REKEYING ||
		ike_task_of_child(child->sa, IKE_TASK_DELETE_CHILD, child))
		return IKE_NEVER;
	if (child->state != IKE_CHILD_INSTALLED) /* it may come back to that */
		return e->now + limit;
	ike_time in = child_idle(e, child, true), out = child_idle(e, child, false);
	ike_time idle = in < out ? in : out;
	if (idle < limit)
		return e->now + limit - idle;
	ike_log(e, child->sa, IKE_LOG_CHD, IKE_LOG_AUDIT,
		"closing CHILD_SA %s{%u}: inactive for %d s", child->config->name, child->unique_id,
		(int)(idle / 1000));
	return 0;
}

/* May take the SA with it. */
static void close_inactive(struct ike_engine *e, struct ike_child *child)
{
	struct ike_sa *sa = child->sa;
	struct ike_failure failure = { 0 };

	if (!e->settings.inactivity_close_ike || child != sa->children || child->next) {
		ike_version_of(sa)->delete_child(e, child, false, 0, IKE_REASON_INACTIVE);
		return;
	}
	ike_failure_set(&failure, IKE_REASON_INACTIVE, NULL, NULL,
		"IKE_SA %s[%u] has no other child", sa->connection->name, sa->unique_id);
	ike_log(e, sa, IKE_LOG_IKE, IKE_LOG_AUDIT, "%s, closing it", failure.text);
	ike_version_of(sa)->delete_ike(e, sa, false, 0, &failure);
	ike_failure_free(&failure);
}

void ike_inactivity_check(struct ike_engine *e, struct ike_sa *sa)
{
	uint32_t id = sa->unique_id;
	ike_time next = IKE_NEVER;

	for (struct ike_child *child = sa->children; child; child = child->next) {
		ike_time at = look_at(e, child);

		if (at == 0) {
			/* May take child and SA with it: the others are looked at right after. */
			close_inactive(e, child);
			if (ike_engine_sa_find(e, id) != sa)
				return;
			next = e->now + 1;
			break;
		}
		next = at < next ? at : next;
	}
	sa->inactive_at = next;
	ike_schedule(e, sa);
}
