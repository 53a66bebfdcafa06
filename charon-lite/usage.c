#include "charon-lite/usage.h"

#include <stdlib.h>
#include <string.h>

#define FORGET_SECONDS 30
#define PARTS_A_STEP 4

/* Found by their SPIs, which are random. */
struct table {
	struct cl_kernel_use *items;
	size_t count, capacity;
	uint32_t *slots; /* 1 more than an index, 0: free; at most half of them are not */
	size_t slot_count;
	bool no_memory;
};

struct cl_usages {
	const struct cl_kernel *kernel;
	struct event *forget;
	struct table seen, next; /* next: by the look that is under way */
	void *looking;           /* the kernel's; NULL: none is */
	ike_time began_at;
	ike_time seen_at; /* when the one that is complete began; IKE_NEVER: there is nothing */
};

/* ---- The table ---- */

static void clear(struct table *t)
{
	free(t->items);
	free(t->slots);
	*t = (struct table){ 0 };
}

static bool is_same(const struct cl_kernel_use *a, const struct cl_kernel_use *b)
{
	return a->spi == b->spi && a->protocol == b->protocol &&
	       a->destination.family == b->destination.family &&
	       memcmp(a->destination.octets, b->destination.octets,
		       sizeof(a->destination.octets)) == 0;
}

/* Where it is, or would be. */
static uint32_t *slot_of(const struct table *t, const struct cl_kernel_use *use)
{
	size_t i = (use->spi * UINT32_C(2654435769)) >> 4;

	for (;; i++) {
		uint32_t *slot = &t->slots[i & (t->slot_count - 1)];

		if (*slot == 0 || is_same(&t->items[*slot - 1], use))
			return slot;
	}
}

static bool grow(struct table *t)
{
	size_t capacity = t->capacity ? 2 * t->capacity : 64;
	uint32_t *slots = calloc(2 * capacity, sizeof(*slots));
	struct cl_kernel_use *items =
		slots ? reallocarray(t->items, capacity, sizeof(*items)) : NULL;

	if (!items) {
		free(slots);
		return false;
	}
	free(t->slots);
	t->items = items;
	t->capacity = capacity;
	t->slots = slots;
	t->slot_count = 2 * capacity;
	for (size_t i = 0; i < t->count; i++)
		*slot_of(t, &items[i]) = (uint32_t)i + 1;
	return true;
}

static void note(void *context, const struct cl_kernel_use *use)
{
	struct table *t = context;

	if (t->no_memory || (t->count == t->capacity && !grow(t))) {
		t->no_memory = true;
		return;
	}
	uint32_t *slot = slot_of(t, use);
	if (*slot == 0)
		*slot = (uint32_t)++t->count;
	t->items[*slot - 1] = *use;
}

/* ---- Looking ---- */

static void forget(evutil_socket_t fd, short what, void *context)
{
	struct cl_usages *u = context;

	(void)fd, (void)what;
	clear(&u->seen);
	u->seen_at = IKE_NEVER;
}

struct cl_usages *cl_usages_new(struct event_base *base, const struct cl_kernel *kernel)
{
	struct cl_usages *u = calloc(1, sizeof(*u));

	if (!u)
		return NULL;
	u->kernel = kernel;
	u->seen_at = IKE_NEVER;
	u->forget = evtimer_new(base, forget, u);
	if (!u->forget) {
		free(u);
		return NULL;
	}
	return u;
}

static void end(struct cl_usages *u)
{
	if (u->looking)
		u->kernel->usages_end(u->looking);
	u->looking = NULL;
	clear(&u->next);
}

void cl_usages_free(struct cl_usages *u)
{
	if (!u)
		return;
	end(u);
	clear(&u->seen);
	event_free(u->forget);
	free(u);
}

bool cl_usages_begin(struct cl_usages *u, ike_time now)
{
	if (u->looking)
		return true;
	u->looking = u->kernel->usages_begin(u->kernel->context);
	u->began_at = now;
	return u->looking;
}

/* What was seen is what there is from now on; nothing, when it failed. */
static void complete(struct cl_usages *u, bool good)
{
	const struct timeval later = { FORGET_SECONDS, 0 };

	clear(&u->seen);
	u->seen_at = IKE_NEVER;
	if (good) {
		u->seen = u->next;
		u->seen_at = u->began_at;
		u->next = (struct table){ 0 };
		evtimer_add(u->forget, &later);
	}
	end(u);
}

bool cl_usages_step(struct cl_usages *u)
{
	enum cl_kernel_progress progress = CL_KERNEL_MORE;

	if (!u->looking)
		return false;
	for (unsigned n = 0; n < PARTS_A_STEP && progress == CL_KERNEL_MORE; n++)
		progress = u->kernel->usages_some(u->looking, note, &u->next);
	if (progress == CL_KERNEL_MORE)
		return true;
	complete(u, progress == CL_KERNEL_COMPLETE && !u->next.no_memory);
	return false;
}

bool cl_usages_refresh(struct cl_usages *u, ike_time now, ike_time max_age)
{
	if (u->seen_at != IKE_NEVER && now - u->seen_at <= max_age)
		return true;
	if (!cl_usages_begin(u, now))
		return false;
	while (cl_usages_step(u))
		;
	return u->seen_at != IKE_NEVER;
}

bool cl_usages_find(
	const struct cl_usages *u, const struct ike_kernel_id *id, struct ike_kernel_usage *ret)
{
	const struct cl_kernel_use wanted = {
		.destination = id->destination, .spi = id->spi, .protocol = id->protocol
	};
	const uint32_t *slot = u->seen.count > 0 ? slot_of(&u->seen, &wanted) : NULL;

	if (!slot || *slot == 0)
		return false;
	*ret = u->seen.items[*slot - 1].usage;
	return true;
}
