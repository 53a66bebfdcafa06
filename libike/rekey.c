/* The command that rekeys SAs. */
#include "libike/versions.h"

static bool ike_matches(const struct ike_sa *sa, const struct ike_rekey *what)
{
	if (!sa->connection || (what->ike && strcmp(sa->connection->name, what->ike) != 0))
		return false;
	return what->ike_id == 0 || sa->unique_id == what->ike_id;
}

/* Those that are being replaced, or deleted, are on their way already. */
static bool child_matches(const struct ike_child *child, const struct ike_rekey *what)
{
	if (child->state != IKE_CHILD_INSTALLED && child->state != IKE_CHILD_REKEYING)
		return false;
	if (what->child && strcmp(child->config->name, what->child) != 0)
		return false;
	return what->child_id == 0 || child->unique_id == what->child_id;
}

static size_t rekey_children(struct ike_engine *e, struct ike_sa *sa, const struct ike_rekey *what)
{
	size_t count = 0;

	for (struct ike_child *child = sa->children; child; child = child->next) {
		if (!child_matches(child, what))
			continue;
		ike_version_of(sa)->rekey_child(e, child);
		count++;
	}
	ike_tasks_run(e, sa);
	return count;
}

bool ike_engine_rekey(struct ike_engine *e, ike_time now, const struct ike_rekey *what,
	size_t *ret_count, struct why *why)
{
	bool of_children = what->child || what->child_id;
	uint32_t last_id = e->next_ike_id; /* those that are made now are not meant */
	struct ike_sa *sa, *next;
	size_t count = 0;

	e->now = now;
	if (!what->ike && !what->ike_id && !of_children)
		return why_fail(why, "name what to rekey: ike, child, ike-id or child-id");
	for (sa = e->by_id; sa && sa->unique_id <= last_id; sa = next) {
		next = sa->by_id.next;
		if (!ike_matches(sa, what) || sa->state != IKE_SA_ESTABLISHED)
			continue;
		if (of_children) {
			count += rekey_children(e, sa, what);
			continue;
		}
		count++;
		if (what->reauth) {
			ike_version_of(sa)->reauthenticate(e, sa);
		} else {
			ike_version_of(sa)->rekey_ike(e, sa);
			ike_tasks_run(e, sa);
		}
	}
	*ret_count = count;
	return count > 0 || why_fail(why, "no matching SAs to rekey found");
}
