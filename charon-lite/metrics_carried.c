/* What of each child SA's traffic was added to the totals already: they grow by what is new. */
#define HASH_NONFATAL_OOM 1 /* before uthash.h */
#include "charon-lite/metrics_priv.h"

#include <stdlib.h>

struct carried {
	uint32_t child; /* its unique id */
	uint32_t look;  /* the last one that saw it */
	struct cl_traffic added[CL_DIRECTIONS];
	UT_hash_handle by_child;
};

struct cl_carried {
	struct carried *list; /* uthash: iterates in the order of adding */
	struct carried *forgetting;
};

struct cl_carried *cl_carried_new(void)
{
	return calloc(1, sizeof(struct cl_carried));
}

void cl_carried_free(struct cl_carried *t)
{
	struct carried *each, *next;

	if (!t)
		return;
	HASH_ITER(by_child, t->list, each, next)
	{
		HASH_DELETE(by_child, t->list, each);
		free(each);
	}
	free(t);
}

static struct carried *find(struct cl_carried *t, uint32_t child)
{
	struct carried *found;

	HASH_FIND(by_child, t->list, &child, sizeof(child), found);
	return found;
}

bool cl_carried_see(struct cl_carried *t, uint32_t child, uint32_t look)
{
	struct carried *c = find(t, child);

	if (!c) {
		c = calloc(1, sizeof(*c));
		if (!c)
			return false;
		c->child = child;
		HASH_ADD(by_child, t->list, child, sizeof(child), c);
		if (!c->by_child.tbl) {
			free(c);
			return false;
		}
	}
	c->look = look;
	return true;
}

struct cl_traffic cl_carried_add(struct cl_carried *t, uint32_t child, enum cl_direction direction,
	const struct ike_kernel_usage *usage)
{
	const struct cl_traffic now = { usage->bytes, usage->packets };
	struct carried *c = find(t, child);
	struct cl_traffic new = now, *added = c ? &c->added[direction] : NULL;

	if (!added)
		return new;
	/* With less than before it was made anew. */
	if (now.bytes >= added->bytes && now.packets >= added->packets) {
		new.bytes -= added->bytes;
		new.packets -= added->packets;
	}
	*added = now;
	return new;
}

bool cl_carried_forget(struct cl_carried *t, uint32_t look, unsigned count)
{
	struct carried *each = t->forgetting ? t->forgetting : t->list;

	for (; each && count > 0; count--) {
		struct carried *next = each->by_child.next;

		if (each->look != look) {
			HASH_DELETE(by_child, t->list, each);
			free(each);
		}
		each = next;
	}
	t->forgetting = each;
	return each != NULL;
}
