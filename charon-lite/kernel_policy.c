#include "charon-lite/kernel_policy.h"

#include "charon-lite/interfaces.h"
#include "charon-lite/kernel_selector.h"
#include "charon-lite/kernel_state.h"

#include <net/if.h>
#include <stdlib.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>
#include <utlist.h>

/* What one child wants of a kernel policy. */
struct policy_user {
	struct policy_user *prev, *next;             /* of the same kernel policy */
	struct policy_user *reqid_prev, *reqid_next; /* of the same reqid; shunts have none */
	struct shared_policy *shared;
	uint32_t priority;
	uint8_t kind; /* enum ike_policy_kind */
	uint8_t action;
	bool protects; /* templates count */
	bool packet_offload;
	uint8_t flags;
	uint32_t offload_interface;
	struct xfrm_template template;
	struct xfrm_template compression; /* goes before it; protocol 0: there is none */
};

struct shared_policy {
	struct cl_policy_key key;
	struct xfrm_policy_id id;
	struct policy_user *users; /* the newest first */
	UT_hash_handle hh;
};

struct reqid_users {
	uint32_t reqid;
	struct policy_user *users;
	UT_hash_handle hh;
};

struct cl_policies {
	struct cl_policy_kernel kernel;
	struct shared_policy *all;
	struct reqid_users *reqids;
};

struct cl_policies *cl_policies_new(const struct cl_policy_kernel *kernel)
{
	struct cl_policies *policies = calloc(1, sizeof(*policies));

	if (policies)
		policies->kernel = *kernel;
	return policies;
}

static bool user_index(struct cl_policies *policies, struct policy_user *user)
{
	uint32_t reqid = user->template.reqid;
	struct reqid_users *same;

	if (!user->protects)
		return true;
	HASH_FIND(hh, policies->reqids, &reqid, sizeof(reqid), same);
	if (!same) {
		if (!(same = calloc(1, sizeof(*same))))
			return false;
		same->reqid = reqid;
		HASH_ADD(hh, policies->reqids, reqid, sizeof(same->reqid), same);
		if (!same->hh.tbl) {
			free(same);
			return false;
		}
	}
	DL_PREPEND2(same->users, user, reqid_prev, reqid_next);
	return true;
}

static void user_free(struct cl_policies *policies, struct policy_user *user)
{
	uint32_t reqid = user->template.reqid;
	struct reqid_users *same = NULL;

	if (user->protects)
		HASH_FIND(hh, policies->reqids, &reqid, sizeof(reqid), same);
	if (same) {
		DL_DELETE2(same->users, user, reqid_prev, reqid_next);
		if (!same->users) {
			HASH_DEL(policies->reqids, same);
			free(same);
		}
	}
	DL_DELETE(user->shared->users, user);
	free(user);
}

static void shared_free(struct cl_policies *policies, struct shared_policy *shared)
{
	struct policy_user *user, *next;

	DL_FOREACH_SAFE(shared->users, user, next)
	{
		user_free(policies, user);
	}
	HASH_DEL(policies->all, shared);
	free(shared);
}

void cl_policies_free(struct cl_policies *policies)
{
	struct shared_policy *shared, *next;

	if (!policies)
		return;
	HASH_ITER(hh, policies->all, shared, next)
	{
		shared_free(policies, shared);
	}
	free(policies);
}

/* ---- What the engine wants, in the kernel's terms ---- */

static enum xfrm_policy_class policy_class(const struct ike_kernel_policies *wanted)
{
	if (wanted->kind == IKE_POLICY_CHILD)
		return XFRM_CLASS_CHILD;
	if (wanted->kind == IKE_POLICY_TRAP)
		return XFRM_CLASS_TRAP;
	return wanted->mode == IKE_MODE_DROP ? XFRM_CLASS_FALLBACK : XFRM_CLASS_PASS;
}

static uint8_t template_mode(uint8_t mode)
{
	switch (mode) {
	case IKE_MODE_TRANSPORT:
		return XFRM_MODE_TRANSPORT;
	case IKE_MODE_BEET:
		return XFRM_MODE_BEET;
	}
	return XFRM_MODE_TUNNEL;
}

static void template_fill(
	const struct ike_kernel_policies *wanted, bool outbound, struct xfrm_policy *ret)
{
	struct xfrm_template template = {
		.protocol = cl_kernel_protocol(wanted->protocol),
		.mode = template_mode(wanted->mode),
		.reqid = wanted->reqid,
		.spi = outbound ? wanted->spi_out : 0,
	};

	if (wanted->kind == IKE_POLICY_SHUNT)
		return;
	if (wanted->mode != IKE_MODE_TRANSPORT) {
		template.source = outbound ? wanted->local : wanted->remote;
		template.destination = outbound ? wanted->remote : wanted->local;
		template.source.port = template.destination.port = 0;
	}
	ret->template_count = 0;
	if (wanted->cpi_out) {
		struct xfrm_template *compression = &ret->templates[ret->template_count++];

		*compression = template;
		compression->protocol = IPPROTO_COMP;
		compression->spi = outbound ? wanted->cpi_out : 0;
		/* Packets that would not become smaller come without. */
		compression->optional = !outbound;
		template.mode = XFRM_MODE_TRANSPORT;
	}
	ret->templates[ret->template_count++] = template;
}

enum { PART_OUT, PART_IN, PART_FWD, PART_FWD_OUT, PARTS };

static bool part_is_wanted(const struct ike_kernel_policies *wanted, unsigned part)
{
	if (part == PART_FWD) /* nothing is forwarded out of transport mode */
		return wanted->mode != IKE_MODE_TRANSPORT;
	if (part == PART_FWD_OUT)
		return wanted->mode != IKE_MODE_TRANSPORT && !wanted->no_fwd_out &&
		       wanted->kind != IKE_POLICY_SHUNT;
	return true;
}

static void part_fill(const struct cl_policy_walk *walk, unsigned part, struct xfrm_policy *ret)
{
	static const uint8_t directions[] = { XFRM_POLICY_OUT, XFRM_POLICY_IN, XFRM_POLICY_FWD,
		XFRM_POLICY_FWD };
	const struct ike_kernel_policies *wanted = walk->wanted;
	bool outbound = part == PART_OUT || part == PART_FWD_OUT;
	const struct ike_mark *mark = outbound ? &wanted->mark_out : &wanted->mark_in;

	ret->id.direction = directions[part];
	if (!outbound)
		cl_kernel_selector_reverse(&ret->id.selector);
	ret->id.mark = (struct xfrm_mark){ .v = mark->value, .m = mark->mask };
	ret->id.if_id = outbound ? wanted->if_id_out : wanted->if_id_in;
	ret->action = wanted->mode == IKE_MODE_DROP ? XFRM_POLICY_BLOCK : XFRM_POLICY_ALLOW;
	/* packets on their way to the tunnel are protected by the out policy, later */
	if (part != PART_FWD_OUT)
		template_fill(wanted, outbound, ret);
	if (part == PART_OUT) {
		ret->id.selector.interface = walk->interface;
		ret->flags = wanted->for_each_processor ? XFRM_POLICY_FOR_EACH_PROCESSOR : 0;
	} else {
		ret->flags = 0;
	}
	if (part == PART_OUT || part == PART_IN)
		ret->offload_interface = walk->offload_interface;
	ret->priority = wanted->priority
				? wanted->priority
				: xfrm_policy_priority(policy_class(wanted), &ret->id.selector);
}

bool cl_policy_walk_next(struct cl_policy_walk *walk, struct xfrm_policy *ret)
{
	const struct ike_kernel_policies *wanted = walk->wanted;
	unsigned pairs = (unsigned)wanted->local_count * wanted->remote_count;

	for (; walk->pair < pairs; walk->pair++, walk->part = 0) {
		struct xfrm_policy policy = { 0 };

		if (!cl_kernel_selector_of_pair(
			    &wanted->local_selectors[walk->pair / wanted->remote_count],
			    &wanted->remote_selectors[walk->pair % wanted->remote_count],
			    &policy.id.selector))
			continue;
		while (walk->part < PARTS) {
			unsigned part = walk->part++;

			if (!part_is_wanted(wanted, part))
				continue;
			part_fill(walk, part, &policy);
			*ret = policy;
			return true;
		}
	}
	return false;
}

bool cl_policy_walk_begin(const struct ike_kernel_policies *wanted, struct cl_policy_walk *ret)
{
	*ret = (struct cl_policy_walk){ .wanted = wanted };
	if (wanted->packet_offload)
		ret->offload_interface = cl_interface_of_address(&wanted->local);
	if (!wanted->interface)
		return true;
	ret->interface = if_nametoindex(wanted->interface);
	return ret->interface != 0;
}

/* ---- Users ---- */

struct cl_policy_key cl_policy_key(const struct xfrm_policy_id *id)
{
	struct cl_policy_key key;

	memset(&key, 0, sizeof(key));
	key.source = id->selector.source;
	key.destination = id->selector.destination;
	key.mark = id->mark;
	key.if_id = id->if_id;
	key.interface = id->selector.interface;
	key.source_port_mask = id->selector.source_port_mask;
	key.destination_port_mask = id->selector.destination_port_mask;
	key.source_prefix = id->selector.source_prefix;
	key.destination_prefix = id->selector.destination_prefix;
	key.protocol = id->selector.protocol;
	key.direction = id->direction;
	return key;
}

static struct shared_policy *shared_find(
	struct cl_policies *policies, const struct xfrm_policy_id *id)
{
	struct cl_policy_key key = cl_policy_key(id);
	struct shared_policy *found;

	HASH_FIND(hh, policies->all, &key, sizeof(key), found);
	return found;
}

static struct shared_policy *shared_find_or_add(
	struct cl_policies *policies, const struct xfrm_policy_id *id)
{
	struct shared_policy *shared = shared_find(policies, id);

	if (shared || !(shared = calloc(1, sizeof(*shared))))
		return shared;
	shared->key = cl_policy_key(id);
	shared->id = *id;
	HASH_ADD(hh, policies->all, key, sizeof(shared->key), shared);
	if (shared->hh.tbl)
		return shared;
	free(shared);
	return NULL;
}

static const struct policy_user *best_user(const struct shared_policy *shared)
{
	const struct policy_user *best = shared->users, *user;

	DL_FOREACH(shared->users, user)
	{
		if (user->priority < best->priority ||
			(user->priority == best->priority && user->kind < best->kind))
			best = user;
	}
	return best;
}

static bool template_equal(const struct xfrm_template *a, const struct xfrm_template *b)
{
	return address_equal(&a->source, &b->source) &&
	       address_equal(&a->destination, &b->destination) && a->spi == b->spi &&
	       a->protocol == b->protocol && a->mode == b->mode && a->reqid == b->reqid &&
	       a->optional == b->optional;
}

static bool user_wants_same(const struct policy_user *a, const struct policy_user *b)
{
	return a->priority == b->priority && a->action == b->action && a->protects == b->protects &&
	       a->packet_offload == b->packet_offload && a->flags == b->flags &&
	       (!a->protects || (template_equal(&a->template, &b->template) &&
					template_equal(&a->compression, &b->compression)));
}

static struct policy_user user_of(
	const struct ike_kernel_policies *wanted, const struct xfrm_policy *policy)
{
	struct policy_user user = {
		.priority = policy->priority,
		.kind = wanted->kind,
		.action = policy->action,
		.protects = policy->template_count > 0,
		.packet_offload = wanted->packet_offload,
		.flags = policy->flags,
		.offload_interface = policy->offload_interface,
	};

	if (policy->template_count > 0)
		user.template = policy->templates[policy->template_count - 1];
	if (policy->template_count > 1)
		user.compression = policy->templates[0];
	return user;
}

/* Gives the kernel what the best user wants. */
static bool shared_put(struct cl_policies *policies, const struct shared_policy *shared,
	bool replace, struct why *why)
{
	const struct policy_user *best = best_user(shared);
	struct xfrm_policy policy = {
		.id = shared->id,
		.action = best->action,
		.flags = best->flags,
		.priority = best->priority,
		.offload_interface = best->offload_interface,
		.offload_flags = best->offload_interface ? XFRM_OFFLOAD_PACKET : 0,
	};

	if (best->compression.protocol)
		policy.templates[policy.template_count++] = best->compression;
	if (best->protects)
		policy.templates[policy.template_count++] = best->template;
	return policies->kernel.put(policies->kernel.context, &policy, best->kind, replace, why);
}

static bool user_add(struct cl_policies *policies, const struct xfrm_policy *policy,
	const struct policy_user *wants, struct why *why)
{
	struct shared_policy *shared = shared_find_or_add(policies, &policy->id);
	struct policy_user *user = malloc(sizeof(*user));

	if (!shared || !user) {
		free(user);
		if (shared && !shared->users)
			shared_free(policies, shared);
		return why_fail(why, "no memory for a policy");
	}
	const struct policy_user *before = shared->users ? best_user(shared) : NULL;
	*user = *wants;
	user->shared = shared;
	bool indexed = user_index(policies, user);
	DL_PREPEND(shared->users, user);
	if (!indexed)
		why_fail(why, "no memory for a policy");
	else if ((before && user_wants_same(before, best_user(shared))) ||
		 shared_put(policies, shared, before != NULL, why))
		return true;
	user_free(policies, user);
	if (!shared->users)
		shared_free(policies, shared);
	return false;
}

static void user_remove(struct cl_policies *policies, const struct xfrm_policy_id *id,
	const struct policy_user *wants)
{
	struct shared_policy *shared = shared_find(policies, id);
	struct policy_user *user = NULL;

	if (shared)
		DL_FOREACH(shared->users, user)
		{
			if (user->kind == wants->kind && user_wants_same(user, wants))
				break;
		}
	if (!user)
		return;
	const struct policy_user before = *best_user(shared);
	user_free(policies, user);
	if (!shared->users) {
		policies->kernel.drop(policies->kernel.context, id);
		shared_free(policies, shared);
	} else if (!user_wants_same(&before, best_user(shared)) &&
		   !shared_put(policies, shared, true, NULL)) {
		/* better none than one that leads into an SA that is gone */
		policies->kernel.drop(policies->kernel.context, id);
	}
}

/* The first `count` of them. */
static void remove_some(
	struct cl_policies *policies, const struct ike_kernel_policies *wanted, size_t count)
{
	struct xfrm_policy policy;
	struct cl_policy_walk walk;

	if (!cl_policy_walk_begin(wanted, &walk))
		return;
	for (; count > 0 && cl_policy_walk_next(&walk, &policy); count--) {
		struct policy_user wants = user_of(wanted, &policy);

		user_remove(policies, &policy.id, &wants);
	}
}

/* A child between one family and another carries nothing, and comes up all the same, as with
 * strongSwan: whoever loaded it was told. */
static bool have_one_family(const struct ike_kernel_policies *wanted)
{
	for (size_t i = 0; i < wanted->local_count; i++)
		for (size_t j = 0; j < wanted->remote_count; j++)
			if (wanted->local_selectors[i].family == wanted->remote_selectors[j].family)
				return true;
	return false;
}

bool cl_policies_install(
	struct cl_policies *policies, const struct ike_kernel_policies *wanted, struct why *why)
{
	struct xfrm_policy policy;
	struct cl_policy_walk walk;
	size_t count = 0;

	if (!cl_policy_walk_begin(wanted, &walk))
		return why_fail(why, "there is no interface %s", wanted->interface);
	for (; cl_policy_walk_next(&walk, &policy); count++) {
		struct policy_user wants = user_of(wanted, &policy);

		if (!user_add(policies, &policy, &wants, why)) {
			remove_some(policies, wanted, count);
			return false;
		}
	}
	if (count == 0 && have_one_family(wanted))
		return why_fail(why, "no local and remote traffic selector fit each other");
	return true;
}

void cl_policies_remove(struct cl_policies *policies, const struct ike_kernel_policies *wanted)
{
	remove_some(policies, wanted, SIZE_MAX);
}

static bool user_leads_to(const struct policy_user *user, const struct address *destination)
{
	const struct xfrm_traffic_selector *selector = &user->shared->id.selector;

	const struct xfrm_template *tunnel =
		user->compression.protocol ? &user->compression : &user->template;

	if (tunnel->destination.family != 0)
		return address_same_host(&tunnel->destination, destination);
	return address_in_prefix(destination, &selector->destination, selector->destination_prefix);
}

void cl_policies_of_sa(struct cl_policies *policies, uint32_t reqid,
	const struct address *destination,
	void (*visit)(void *context, const struct xfrm_policy_id *id), void *context)
{
	struct policy_user *user;
	struct reqid_users *same;

	HASH_FIND(hh, policies->reqids, &reqid, sizeof(reqid), same);
	if (!same)
		return;
	DL_FOREACH2(same->users, user, reqid_next)
	{
		if (user_leads_to(user, destination))
			visit(context, &user->shared->id);
	}
}
