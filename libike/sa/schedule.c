/* A binary heap of timers: who has to be woken when. */
#include "libike/versions.h"

#include <stdlib.h>

static ike_time earliest(ike_time a, ike_time b)
{
	return a < b ? a : b;
}

static void place(struct ike_engine *e, size_t index, struct ike_timer *timer)
{
	e->heap[index] = timer;
	timer->index = (uint32_t)index;
}

static void sift_up(struct ike_engine *e, size_t index, struct ike_timer *timer)
{
	while (index > 0 && e->heap[(index - 1) / 2]->at > timer->at) {
		place(e, index, e->heap[(index - 1) / 2]);
		index = (index - 1) / 2;
	}
	place(e, index, timer);
}

static void sift_down(struct ike_engine *e, size_t index, struct ike_timer *timer)
{
	for (;;) {
		size_t child = 2 * index + 1;

		if (child >= e->heap_count)
			break;
		if (child + 1 < e->heap_count && e->heap[child + 1]->at < e->heap[child]->at)
			child++;
		if (e->heap[child]->at >= timer->at)
			break;
		place(e, index, e->heap[child]);
		index = child;
	}
	place(e, index, timer);
}

void ike_timer_set(struct ike_engine *e, struct ike_timer *timer, ike_time at)
{
	timer->at = at;
	sift_down(e, timer->index, timer);
	sift_up(e, timer->index, timer);
}

bool ike_timer_add(struct ike_engine *e, struct ike_timer *timer, enum ike_timer_kind kind)
{
	if (e->heap_count == e->heap_room) {
		size_t room = e->heap_room ? 2 * e->heap_room : 64;
		struct ike_timer **heap = realloc(e->heap, room * sizeof(*heap));

		if (!heap)
			return false;
		e->heap = heap;
		e->heap_room = room;
	}
	timer->at = IKE_NEVER;
	timer->kind = (uint8_t)kind;
	place(e, e->heap_count++, timer);
	return true;
}

void ike_timer_remove(struct ike_engine *e, struct ike_timer *timer)
{
	struct ike_timer *last = e->heap[--e->heap_count];

	if (last == timer)
		return;
	place(e, timer->index, last);
	ike_timer_set(e, last, last->at);
}

void ike_schedule(struct ike_engine *e, struct ike_sa *sa)
{
	const struct ike_version *version = ike_version_of(sa);
	ike_time at = earliest(earliest(sa->retransmit_at, sa->expires_at), sa->path_at);

	if (sa->negotiation && sa->negotiation->hold_until > 0)
		at = earliest(at, sa->negotiation->hold_until);
	if (sa->negotiation && sa->negotiation->wait_until > 0)
		at = earliest(at, sa->negotiation->wait_until);
	if (sa->negotiation && sa->negotiation->names_until > 0)
		at = earliest(at, sa->negotiation->names_until);
	if (sa->followups)
		at = earliest(at, ike_followups_deadline(sa));
	if (version->deadline)
		at = earliest(at, version->deadline(sa));
	at = earliest(at, earliest(sa->children_at, sa->resume_at));
	at = earliest(at, earliest(sa->rekey_at, sa->reauth_at));
	ike_timer_set(e, &sa->timer, earliest(at, earliest(sa->dpd_at, sa->inactive_at)));
}

void ike_schedule_liveness(struct ike_engine *e, struct ike_sa *sa)
{
	ike_time delay = IKE_SECONDS((ike_time)sa->connection->dpd_delay);

	sa->dpd_at = delay > 0 ? e->now + delay : IKE_NEVER;
	ike_schedule(e, sa);
}

void ike_schedule_inactivity(struct ike_engine *e, const struct ike_child *child)
{
	struct ike_sa *sa = child->sa;
	ike_time limit = IKE_SECONDS((ike_time)child->config->inactivity);

	if (limit == 0 || e->now + limit >= sa->inactive_at)
		return;
	sa->inactive_at = e->now + limit;
	ike_schedule(e, sa);
}
