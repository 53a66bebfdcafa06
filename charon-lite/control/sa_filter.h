/*
 * Which IKE SAs and child SAs a request means: ike, ike-id, child, child-id. All that are given
 * must fit. Of list-sas and terminate.
 */
#ifndef CHARON_LITE_CONTROL_SA_FILTER_H
#define CHARON_LITE_CONTROL_SA_FILTER_H

#include "charon-lite/control/command.h"

struct cl_sa_filter {
	bool has_ike, has_child, has_ike_id, has_child_id;
	uint32_t ike_id, child_id;
	char ike[CL_NAME_MAX];
	char child[CL_NAME_MAX];
};

/* An id that is not a number is as if it were not there, as strongSwan has it. */
void cl_sa_filter_read(struct vici_view request, struct cl_sa_filter *ret);

bool cl_sa_filter_ike(const struct cl_sa_filter *filter, const struct ike_sa *sa);
bool cl_sa_filter_child(const struct cl_sa_filter *filter, const struct ike_child *child);

/* How many SAs fit now: children if a child is named, else IKE SAs. */
size_t cl_sa_filter_count(const struct cl_sa_filter *filter, const struct ike_engine *e);

#endif
