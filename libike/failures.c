#include "libike/failures.h"

#include <stdlib.h>
#include <string.h>

const char *ike_phase_name(uint8_t phase, uint8_t version)
{
	static const char *const names[][2] = { { "start", "start" }, { "IKE_SA_INIT", "phase 1" },
		{ "IKE_AUTH", "authentication of phase 1" }, { "established", "established" } };

	return phase < sizeof(names) / sizeof(*names) ? names[phase][version == 1] : "?";
}

static void record_free(struct ike_failure_record *r)
{
	ike_failure_free(&r->failure);
	free(r->child);
	free(r->local_id);
	free(r->remote_id);
	*r = (struct ike_failure_record){ 0 };
}

void ike_failures_free(struct ike_failures *list)
{
	for (size_t i = 0; i < list->count; i++)
		record_free(&list->items[i]);
	free(list->items);
	*list = (struct ike_failures){ 0 };
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

/* A child's is the same in IKE_AUTH and later. */
static bool is_same(const struct ike_failure_record *a, const struct ike_failure_record *b)
{
	return a->failure.reason == b->failure.reason && (a->child || a->phase == b->phase) &&
	       a->we_initiated == b->we_initiated && a->version == b->version &&
	       same_text(a->child, b->child) && address_same_host(&a->remote, &b->remote);
}

static size_t find(const struct ike_failures *list, const struct ike_failure_record *what)
{
	size_t i = 0;

	while (i < list->count && !is_same(&list->items[i], what))
		i++;
	return i;
}

static size_t count_reason(const struct ike_failures *list, enum ike_reason reason)
{
	size_t count = 0;

	for (size_t i = 0; i < list->count; i++)
		count += list->items[i].failure.reason == reason;
	return count;
}

static void make_room(struct ike_failures *list)
{
	size_t victim = 0, most = 0;

	for (size_t i = 0; i < list->count; i++) {
		size_t count = count_reason(list, list->items[i].failure.reason);

		/* Ordered by age: of equals the last one counts. */
		if (count >= most) {
			most = count;
			victim = i;
		}
	}
	record_free(&list->items[victim]);
	list->count--;
	memmove(list->items + victim, list->items + victim + 1,
		(list->count - victim) * sizeof(*list->items));
}

static char *copy_text(const char *text)
{
	return text ? strdup(text) : NULL;
}

static void fill(struct ike_failure_record *r, const struct ike_failure_record *what, ike_time now)
{
	ike_failure_copy(&r->failure, &what->failure);
	free(r->local_id);
	free(r->remote_id);
	if (!r->child)
		r->child = copy_text(what->child);
	r->local_id = copy_text(what->local_id);
	r->remote_id = copy_text(what->remote_id);
	r->local = what->local;
	r->remote = what->remote;
	r->phase = what->phase;
	r->version = what->version;
	r->we_initiated = what->we_initiated;
	r->count++;
	r->last = now;
	r->worked_at = IKE_NEVER;
}

const struct ike_failure_record *ike_failures_note(
	struct ike_failures *list, const struct ike_failure_record *what, ike_time now)
{
	if (!list->items && !(list->items = calloc(IKE_FAILURES_MAX, sizeof(*list->items))))
		return NULL;
	size_t at = find(list, what);
	struct ike_failure_record record = { .first = now };

	if (at < list->count) {
		record = list->items[at];
	} else {
		if (list->count == IKE_FAILURES_MAX)
			make_room(list);
		at = list->count++;
	}
	memmove(list->items + 1, list->items, at * sizeof(*list->items));
	list->items[0] = record;
	fill(&list->items[0], what, now);
	return &list->items[0];
}

/* Without an address the IKE SA comes up all the same: what it failed for are its children. */
static bool is_over(const struct ike_failure_record *r, const char *child)
{
	if (r->failure.reason == IKE_REASON_NO_ADDRESS && !r->child)
		return child != NULL;
	return same_text(r->child, child);
}

void ike_failures_worked(struct ike_failures *list, const char *child, const struct address *remote,
	bool any_peer, ike_time now)
{
	for (size_t i = 0; i < list->count; i++) {
		struct ike_failure_record *r = &list->items[i];

		if (r->worked_at == IKE_NEVER && is_over(r, child) &&
			(any_peer || address_same_host(&r->remote, remote)))
			r->worked_at = now;
	}
}
