/* A binary heap of IKE SAs by deadline: who has to be woken when. */
#include "libike/sa/sa_priv.h"

#include <stdlib.h>

static ike_time earliest(ike_time a, ike_time b)
{
	return a < b ? a : b;
}

static void place(struct ike_engine *e, size_t index, struct ike_sa *sa)
{
	e->heap[index] = sa;
	sa->heap_index = (uint32_t)index;
}

static void sift_up(struct ike_engine *e, size_t index, struct ike_sa *sa)
{
	while (index > 0 && e->heap[(index - 1) / 2]->deadline > sa->deadline) {
		place(e, index, e->heap[(index - 1) / 2]);
		index = (index - 1) / 2;
	}
	place(e, index, sa);
}

static void sift_down(struct ike_engine *e, size_t index, struct ike_sa *sa)
{
	for (;;) {
		size_t child = 2 * index + 1;

		if (child >= e->heap_count)
			break;
		if (child + 1 < e->heap_count &&
			e->heap[child + 1]->deadline < e->heap[child]->deadline)
			child++;
		if (e->heap[child]->deadline >= sa->deadline)
			break;
		place(e, index, e->heap[child]);
		index = child;
	}
	place(e, index, sa);
}

static void settle(struct ike_engine *e, struct ike_sa *sa)
{
	size_t index = sa->heap_index;

	sift_down(e, index, sa);
	sift_up(e, sa->heap_index, sa);
}

void ike_schedule(struct ike_engine *e, struct ike_sa *sa)
{
	sa->deadline = earliest(sa->retransmit_at, sa->expires_at);
	settle(e, sa);
}

bool ike_schedule_add(struct ike_engine *e, struct ike_sa *sa)
{
	if (e->heap_count == e->heap_room) {
		size_t room = e->heap_room ? 2 * e->heap_room : 64;
		struct ike_sa **heap = realloc(e->heap, room * sizeof(struct ike_sa *));

		if (!heap)
			return false;
		e->heap = heap;
		e->heap_room = room;
	}
	sa->deadline = IKE_NEVER;
	place(e, e->heap_count++, sa);
	return true;
}

void ike_schedule_remove(struct ike_engine *e, struct ike_sa *sa)
{
	struct ike_sa *last = e->heap[--e->heap_count];

	if (last == sa)
		return;
	place(e, sa->heap_index, last);
	settle(e, last);
}
