#include "charon-lite/control/sa_filter.h"

#include "libvici/value.h"

void cl_sa_filter_read(struct vici_view request, struct cl_sa_filter *ret)
{
	ret->has_ike = cl_request_text(request, "ike", ret->ike) != NULL;
	ret->has_child = cl_request_text(request, "child", ret->child) != NULL;
	ret->has_ike_id = value_u32(vici_get(request, "ike-id"), &ret->ike_id) && ret->ike_id;
	ret->has_child_id =
		value_u32(vici_get(request, "child-id"), &ret->child_id) && ret->child_id;
}

bool cl_sa_filter_ike(const struct cl_sa_filter *filter, const struct ike_sa *sa)
{
	if (filter->has_ike && (!sa->connection || strcmp(sa->connection->name, filter->ike) != 0))
		return false;
	return !filter->has_ike_id || filter->ike_id == sa->unique_id;
}

bool cl_sa_filter_child(const struct cl_sa_filter *filter, const struct ike_child *child)
{
	if (filter->has_child && strcmp(child->config->name, filter->child) != 0)
		return false;
	return !filter->has_child_id || filter->child_id == child->unique_id;
}

size_t cl_sa_filter_count(const struct cl_sa_filter *filter, const struct ike_engine *e)
{
	bool children = filter->has_child || filter->has_child_id;
	size_t count = 0;

	for (const struct ike_sa *sa = ike_engine_sa_next(e, NULL); sa;
		sa = ike_engine_sa_next(e, sa)) {
		if (!cl_sa_filter_ike(filter, sa))
			continue;
		if (!children)
			count++;
		for (const struct ike_child *child = sa->children; children && child;
			child = child->next)
			count += child->state != IKE_CHILD_DELETED &&
				 cl_sa_filter_child(filter, child);
	}
	return count;
}
