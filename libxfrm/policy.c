/* Requests about policies, and their priorities. */
#include "libxfrm/error_priv.h"
#include "libxfrm/handle_priv.h"

static enum xfrm_result failed(enum xfrm_result result, const char *doing,
	const struct xfrm_policy_id *id, struct why *why)
{
	char text[XFRM_POLICY_TEXT_MAX];

	if (result == XFRM_RESULT_OK)
		return result;
	xfrm_policy_id_format(id, text);
	why_prefix(why, "cannot %s %s: ", doing, text);
	return result;
}

uint32_t xfrm_policy_priority(
	enum xfrm_policy_class class, const struct xfrm_traffic_selector *selector)
{
	static const uint32_t bases[] = {
		[XFRM_CLASS_PASS] = 200000,
		[XFRM_CLASS_CHILD] = 400000,
		[XFRM_CLASS_TRAP] = 400000,
		[XFRM_CLASS_FALLBACK] = 600000,
	};
	unsigned port_bits = (unsigned)__builtin_popcount(selector->source_port_mask) +
			     (unsigned)__builtin_popcount(selector->destination_port_mask);
	uint32_t priority = bases[class];

	priority -= 512u * selector->source_prefix + 512u * selector->destination_prefix;
	priority -= selector->protocol ? 256 : 0;
	priority -= 4 * port_bits;
	priority -= selector->interface ? 2 : 0;
	priority -= class == XFRM_CLASS_TRAP ? 0 : 1;
	return priority;
}

static enum xfrm_result install(
	struct xfrm_handle *handle, int type, const struct xfrm_policy *policy, struct why *why)
{
	bool was_ours = xfrm_policy_is_ours(handle, &policy->id);
	enum xfrm_result result = XFRM_RESULT_FAILED;

	/* one that takes the place of another gets that one's index */
	if (!was_ours)
		handle->policy_number++;
	if (xfrm_owned_policy_add(handle, &policy->id))
		result =
			xfrm_request(handle, xfrm_build_policy(type, policy, handle->policy_number),
				NULL, NULL, NULL, why);
	else
		why_fail(why, "no memory");
	if (result != XFRM_RESULT_OK && !was_ours)
		xfrm_owned_policy_remove(handle, &policy->id);
	return failed(result, "install", &policy->id, why);
}

enum xfrm_result xfrm_policy_add(
	struct xfrm_handle *handle, const struct xfrm_policy *policy, struct why *why)
{
	return install(handle, XFRM_MSG_NEWPOLICY, policy, why);
}

enum xfrm_result xfrm_policy_replace(
	struct xfrm_handle *handle, const struct xfrm_policy *policy, struct why *why)
{
	return install(handle, XFRM_MSG_UPDPOLICY, policy, why);
}

enum xfrm_result xfrm_policy_delete(
	struct xfrm_handle *handle, const struct xfrm_policy_id *id, struct why *why)
{
	enum xfrm_result result = xfrm_request(
		handle, xfrm_build_policy_id(XFRM_MSG_DELPOLICY, id), NULL, NULL, NULL, why);

	if (result == XFRM_RESULT_OK || result == XFRM_RESULT_NOT_FOUND)
		xfrm_owned_policy_remove(handle, id);
	return failed(result, "delete", id, why);
}

struct query {
	struct xfrm_policy_status status;
	bool found;
};

static void read_status(void *context, const struct nlmsghdr *message)
{
	struct query *query = context;
	struct xfrm_policy policy;

	query->found = xfrm_parse_policy(message, &policy, &query->status);
}

enum xfrm_result xfrm_policy_query(struct xfrm_handle *handle, const struct xfrm_policy_id *id,
	struct xfrm_policy_status *ret, struct why *why)
{
	struct query query = { 0 };
	enum xfrm_result result = xfrm_request(handle, xfrm_build_policy_id(XFRM_MSG_GETPOLICY, id),
		NULL, read_status, &query, why);

	if (result == XFRM_RESULT_OK && !query.found) {
		why_fail(why, "the answer makes no sense");
		result = XFRM_RESULT_FAILED;
	}
	if (result == XFRM_RESULT_OK)
		*ret = query.status;
	return failed(result, "query", id, why);
}

struct listing {
	void (*callback)(void *context, const struct xfrm_policy *policy,
		const struct xfrm_policy_status *status);
	void *context;
};

static void list_one(void *context, const struct nlmsghdr *message)
{
	struct listing *listing = context;
	struct xfrm_policy policy;
	struct xfrm_policy_status status;

	if (xfrm_parse_policy(message, &policy, &status))
		listing->callback(listing->context, &policy, &status);
}

enum xfrm_result xfrm_policy_list(struct xfrm_handle *handle,
	void (*callback)(void *context, const struct xfrm_policy *policy,
		const struct xfrm_policy_status *status),
	void *context, struct why *why)
{
	struct listing listing = { callback, context };
	enum xfrm_result result = xfrm_request(
		handle, xfrm_build_dump(XFRM_MSG_GETPOLICY), NULL, list_one, &listing, why);

	if (result != XFRM_RESULT_OK)
		why_prefix(why, "cannot list policies: ");
	return result;
}

struct xfrm_listing *xfrm_policy_listing_begin(struct why *why)
{
	return xfrm_listing_of(XFRM_MSG_GETPOLICY, why);
}

bool xfrm_policy_listing_some(struct xfrm_listing *l,
	void (*callback)(void *context, const struct xfrm_policy *policy,
		const struct xfrm_policy_status *status),
	void *context, bool *ret_more, struct why *why)
{
	struct listing listing = { callback, context };

	return xfrm_listing_next(l, list_one, &listing, ret_more, why) ||
	       why_prefix(why, "cannot list policies: ");
}
