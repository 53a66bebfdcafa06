#include "charon-lite/usage.h"

#include <stdlib.h>
#include <string.h>

#define FORGET_SECONDS 30

struct cl_usages {
	const struct cl_kernel *kernel;
	struct event *forget;
	struct cl_kernel_use *items; /* sorted */
	size_t count, capacity;
	bool no_memory;
	ike_time seen_at; /* IKE_NEVER: there is nothing */
};

static void forget(evutil_socket_t fd, short what, void *context)
{
	struct cl_usages *u = context;

	(void)fd, (void)what;
	free(u->items);
	u->items = NULL;
	u->count = u->capacity = 0;
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

void cl_usages_free(struct cl_usages *u)
{
	if (!u)
		return;
	event_free(u->forget);
	free(u->items);
	free(u);
}

static int compare(const void *a, const void *b)
{
	const struct cl_kernel_use *left = a, *right = b;

	if (left->spi != right->spi)
		return left->spi < right->spi ? -1 : 1;
	if (left->protocol != right->protocol)
		return left->protocol < right->protocol ? -1 : 1;
	if (left->destination.family != right->destination.family)
		return left->destination.family < right->destination.family ? -1 : 1;
	return memcmp(left->destination.octets, right->destination.octets,
		sizeof(left->destination.octets));
}

static void note(void *context, const struct cl_kernel_use *use)
{
	struct cl_usages *u = context;

	if (u->count == u->capacity) {
		size_t capacity = u->capacity ? 2 * u->capacity : 64;
		struct cl_kernel_use *items = reallocarray(u->items, capacity, sizeof(*items));

		if (!items) {
			u->no_memory = true;
			return;
		}
		u->items = items;
		u->capacity = capacity;
	}
	u->items[u->count++] = *use;
}

bool cl_usages_refresh(struct cl_usages *u, ike_time now, ike_time max_age)
{
	const struct timeval later = { FORGET_SECONDS, 0 };

	if (u->seen_at != IKE_NEVER && now - u->seen_at <= max_age)
		return true;
	u->count = 0;
	u->no_memory = false;
	u->seen_at = IKE_NEVER;
	if (!u->kernel->sa_usages(u->kernel->context, note, u, NULL) || u->no_memory)
		return false;
	if (u->count > 0)
		qsort(u->items, u->count, sizeof(*u->items), compare);
	u->seen_at = now;
	evtimer_add(u->forget, &later);
	return true;
}

bool cl_usages_find(
	const struct cl_usages *u, const struct ike_kernel_id *id, struct ike_kernel_usage *ret)
{
	const struct cl_kernel_use wanted = {
		.destination = id->destination, .spi = id->spi, .protocol = id->protocol
	};
	const struct cl_kernel_use *found = NULL;

	if (u->count > 0)
		found = bsearch(&wanted, u->items, u->count, sizeof(*u->items), compare);
	if (!found)
		return false;
	*ret = found->usage;
	return true;
}
