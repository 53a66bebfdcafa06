/* SAs and policies: those of a child beside the kernel's, and what other programs have there. */
#include "charon-lite/explain/look.h"

#include "charon-lite/kernel_policy.h"
#include "charon-lite/kernel_state.h"
#include "libxfrm/xfrm.h"

#include <stdlib.h>
#include <time.h>

/* Of one child; one with more pairs of selectors is looked at in part. */
#define POLICIES_MAX 96

/* ---- What other programs have ---- */

static void *room_for_one(void *list, size_t count, size_t size)
{
	/* a power of two, and full */
	if (count != 0 && (count & (count - 1)) != 0)
		return list;
	return realloc(list, (count ? 2 * count : 1) * size);
}

static void note_sa(
	void *context, const struct xfrm_state *state, const struct xfrm_state_status *status)
{
	struct cl_foreign *f = context;
	struct cl_foreign_sa *list;

	/* without an SPI it waits for an IKE daemon */
	if (status->ours || state->id.spi == 0 || f->sa_count == CL_FOREIGN_MAX ||
		!(list = room_for_one(f->sas, f->sa_count, sizeof(*list))))
		return;
	f->sas = list;
	list[f->sa_count++] = (struct cl_foreign_sa){
		.source = state->source,
		.destination = state->id.destination,
		.spi = state->id.spi,
		.reqid = state->reqid,
		.protocol = state->id.protocol,
	};
}

static void note_policy(
	void *context, const struct xfrm_policy *policy, const struct xfrm_policy_status *status)
{
	struct cl_foreign *f = context;
	struct xfrm_policy *list;

	if (status->ours || f->policy_count == CL_FOREIGN_MAX ||
		!(list = room_for_one(f->policies, f->policy_count, sizeof(*list))))
		return;
	f->policies = list;
	list[f->policy_count++] = *policy;
}

/* True: there may be more in the table at hand. */
static bool gather_some(struct cl_foreign *f)
{
	bool more = false, policies = f->next == CL_FOREIGN_POLICIES;

	if (!f->listing)
		f->listing = policies ? xfrm_policy_listing_begin(NULL) : xfrm_listing_begin(NULL);
	return f->listing &&
	       (policies ? xfrm_policy_listing_some(f->listing, note_policy, f, &more, NULL)
			 : xfrm_listing_some(f->listing, note_sa, f, &more, NULL)) &&
	       more;
}

bool cl_foreign_gather(struct cl_foreign *f)
{
	if (f->next == CL_FOREIGN_ALL)
		return false;
	if (!gather_some(f)) {
		xfrm_listing_end(f->listing);
		f->listing = NULL;
		f->next++;
	}
	return f->next != CL_FOREIGN_ALL;
}

void cl_foreign_free(struct cl_foreign *f)
{
	xfrm_listing_end(f->listing);
	free(f->sas);
	free(f->policies);
	*f = (struct cl_foreign){ 0 };
}

static int64_t seconds_since(uint64_t time_of_day)
{
	int64_t seconds = (int64_t)time(NULL) - (int64_t)time_of_day;

	return seconds > 0 ? seconds : 0;
}

/* ---- SAs ---- */

static void look_sa(struct xfrm_handle *tables, const struct cl_foreign *foreign,
	const struct ike_child *child, bool inbound, int64_t age, struct cl_seen_sa *ret)
{
	const struct ike_kernel_id id = ike_child_kernel_id(child, inbound);
	const struct xfrm_state_id state = cl_kernel_state_id(&id);
	struct xfrm_state_status status;

	ret->policy_age = ret->policy_used = -1;
	ret->wanted = inbound ? child->installed_in : child->installed_out;
	ret->spi = id.spi;
	if (!ret->wanted)
		return;
	switch (xfrm_state_query(tables, &state, &status, NULL)) {
	case XFRM_RESULT_OK:
		ret->bytes = status.bytes;
		ret->packets = status.packets;
		ret->integrity_failures = status.integrity_failures;
		ret->outside_window = status.outside_window;
		ret->replayed = status.replayed;
		/* one that was moved counts anew, and its numbers go on; devices count for
		 * themselves */
		if (seconds_since(status.added) >= age && status.offload_interface == 0)
			ret->highest = status.replay.received;
		return;
	case XFRM_RESULT_NOT_FOUND:
		ret->missing = true;
		break;
	default:
		return;
	}
	for (size_t i = 0; i < foreign->sa_count; i++)
		if (foreign->sas[i].reqid == child->reqid &&
			foreign->sas[i].protocol == state.protocol &&
			address_same_host(&foreign->sas[i].destination, &state.destination))
			ret->other_spi = foreign->sas[i].spi;
}

static unsigned foreign_between(
	const struct cl_foreign *foreign, const struct address *a, const struct address *b)
{
	unsigned count = 0;

	for (size_t i = 0; i < foreign->sa_count; i++) {
		const struct cl_foreign_sa *sa = &foreign->sas[i];

		count += (address_same_host(&sa->source, a) &&
				 address_same_host(&sa->destination, b)) ||
			 (address_same_host(&sa->source, b) &&
				 address_same_host(&sa->destination, a));
	}
	return count;
}

void cl_look_sas(struct xfrm_handle *tables, const struct cl_foreign *foreign,
	const struct ike_child *child, struct cl_seen_tunnel *t)
{
	look_sa(tables, foreign, child, true, t->age, &t->in);
	look_sa(tables, foreign, child, false, t->age, &t->out);
	t->foreign_sas = foreign_between(foreign, &t->local, &t->remote);
}

/* ---- Policies ---- */

/* Of two networks: whether they meet, and whether the first contains the second. */
static bool networks_meet(const struct address *a, uint8_t a_prefix, const struct address *b,
	uint8_t b_prefix, bool *covers)
{
	if (a->family == 0 || b->family == 0) {
		*covers = *covers && a->family == 0;
		return true;
	}
	*covers = *covers && a_prefix <= b_prefix;
	return address_in_prefix(a, b, a_prefix < b_prefix ? a_prefix : b_prefix);
}

static bool ports_meet(uint16_t a, uint16_t a_mask, uint16_t b, uint16_t b_mask, bool *covers)
{
	*covers = *covers && (a_mask & ~b_mask) == 0;
	return (a & a_mask & b_mask) == (b & a_mask & b_mask);
}

bool cl_policies_meet(
	const struct xfrm_policy_id *a, const struct xfrm_policy_id *b, bool *ret_covers)
{
	const struct xfrm_traffic_selector *s = &a->selector, *t = &b->selector;
	bool covers = s->protocol == 0 || s->protocol == t->protocol;

	if (a->if_id != b->if_id || (s->protocol && t->protocol && s->protocol != t->protocol) ||
		(s->interface && t->interface && s->interface != t->interface))
		return false;
	if (((a->mark.v ^ b->mark.v) & a->mark.m & b->mark.m) != 0)
		return false;
	covers = covers && (a->mark.m & ~b->mark.m) == 0 &&
		 (s->interface == 0 || s->interface == t->interface);
	if (!networks_meet(&s->source, s->source_prefix, &t->source, t->source_prefix, &covers) ||
		!networks_meet(&s->destination, s->destination_prefix, &t->destination,
			t->destination_prefix, &covers) ||
		!ports_meet(s->source.port, s->source_port_mask, t->source.port,
			t->source_port_mask, &covers) ||
		!ports_meet(s->destination.port, s->destination_port_mask, t->destination.port,
			t->destination_port_mask, &covers))
		return false;
	*ret_covers = covers;
	return true;
}

static struct cl_seen_policy seen(const struct xfrm_policy *policy, bool covers)
{
	return (struct cl_seen_policy){
		.seen = true,
		.id = policy->id,
		.priority = policy->priority,
		.blocks = policy->action == XFRM_POLICY_BLOCK,
		.protects = policy->template_count > 0,
		.covers = covers,
	};
}

/* One that covers all tells more than one that covers a part. */
static void look_shadow(
	const struct cl_foreign *foreign, const struct xfrm_policy *ours, struct cl_seen_tunnel *t)
{
	for (size_t i = 0; i < foreign->policy_count; i++) {
		const struct xfrm_policy *other = &foreign->policies[i];
		bool covers;

		if (other->id.direction != ours->id.direction ||
			other->priority >= ours->priority ||
			!cl_policies_meet(&other->id, &ours->id, &covers))
			continue;
		if (!t->shadow.seen || (covers && !t->shadow.covers))
			t->shadow = seen(other, covers);
	}
}

/* The latest of those that do the same. What is forwarded on its way out has a policy without
 * protection. */
static void note_use(const struct xfrm_policy *policy, const struct xfrm_policy_status *status,
	struct cl_seen_tunnel *t)
{
	bool outbound = policy->id.direction == XFRM_POLICY_OUT || policy->template_count == 0;
	struct cl_seen_sa *sa = outbound ? &t->out : &t->in;
	int64_t since = seconds_since(status->last_used), age = seconds_since(status->added);

	if (status->last_used != 0 && (sa->policy_used < 0 || since < sa->policy_used))
		sa->policy_used = since;
	if (age > sa->policy_age)
		sa->policy_age = age;
}

void cl_look_policies(struct xfrm_handle *tables, const struct cl_foreign *foreign,
	const struct ike_child *child, struct cl_seen_tunnel *t)
{
	const struct ike_kernel_policies wanted = ike_child_policies(child);
	struct cl_policy_walk walk;
	struct xfrm_policy policy;

	if (!child->policies_installed || !cl_policy_walk_begin(&wanted, &walk))
		return;
	while (t->policies_wanted < POLICIES_MAX && cl_policy_walk_next(&walk, &policy)) {
		struct xfrm_policy_status status = { 0 };
		enum xfrm_result result = xfrm_policy_query(tables, &policy.id, &status, NULL);

		t->policies_wanted++;
		if (result == XFRM_RESULT_NOT_FOUND || (result == XFRM_RESULT_OK && !status.ours)) {
			if (t->policies_missing++ == 0)
				t->missing = seen(&policy, true);
		} else if (result == XFRM_RESULT_OK) {
			note_use(&policy, &status, t);
		}
		look_shadow(foreign, &policy, t);
	}
}
