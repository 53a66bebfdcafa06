/* What was installed through the handle, by id. */
#include "libxfrm/convert_priv.h"
#include "libxfrm/handle_priv.h"

#include <stdlib.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

/* Keys are hashed as octets: no octet of them may stay unwritten. */
struct state_key {
	struct xfrm_usersa_id id;
	struct xfrm_mark mark;
};

struct policy_key {
	struct xfrm_userpolicy_id id;
	struct xfrm_mark mark;
	uint32_t if_id;
};

struct owned_state {
	struct state_key key;
	struct xfrm_state_id id;
	UT_hash_handle hh;
};

struct owned_policy {
	struct policy_key key;
	struct xfrm_policy_id id;
	UT_hash_handle hh;
};

static struct state_key state_key(const struct xfrm_state_id *id)
{
	struct state_key key;

	memset(&key, 0, sizeof(key));
	xfrm_state_id_to_kernel(id, &key.id);
	key.mark = id->mark;
	return key;
}

static struct policy_key policy_key(const struct xfrm_policy_id *id)
{
	struct policy_key key;

	memset(&key, 0, sizeof(key));
	xfrm_policy_id_to_kernel(id, &key.id);
	key.mark = id->mark;
	key.if_id = id->if_id;
	return key;
}

static struct owned_state *state_find(
	const struct xfrm_handle *handle, const struct xfrm_state_id *id)
{
	struct state_key key = state_key(id);
	struct owned_state *found;

	HASH_FIND(hh, handle->states, &key, sizeof(key), found);
	return found;
}

static struct owned_policy *policy_find(
	const struct xfrm_handle *handle, const struct xfrm_policy_id *id)
{
	struct policy_key key = policy_key(id);
	struct owned_policy *found;

	HASH_FIND(hh, handle->policies, &key, sizeof(key), found);
	return found;
}

bool xfrm_owned_state_add(struct xfrm_handle *handle, const struct xfrm_state_id *id)
{
	struct owned_state *owned = state_find(handle, id);

	if (owned)
		return true;
	if (!(owned = malloc(sizeof(*owned))))
		return false;
	owned->key = state_key(id);
	owned->id = *id;
	HASH_ADD(hh, handle->states, key, sizeof(owned->key), owned);
	if (owned->hh.tbl)
		return true;
	free(owned);
	return false;
}

bool xfrm_owned_policy_add(struct xfrm_handle *handle, const struct xfrm_policy_id *id)
{
	struct owned_policy *owned = policy_find(handle, id);

	if (owned)
		return true;
	if (!(owned = malloc(sizeof(*owned))))
		return false;
	owned->key = policy_key(id);
	owned->id = *id;
	HASH_ADD(hh, handle->policies, key, sizeof(owned->key), owned);
	if (owned->hh.tbl)
		return true;
	free(owned);
	return false;
}

void xfrm_owned_state_remove(struct xfrm_handle *handle, const struct xfrm_state_id *id)
{
	struct owned_state *owned = state_find(handle, id);

	if (!owned)
		return;
	HASH_DEL(handle->states, owned);
	free(owned);
}

void xfrm_owned_policy_remove(struct xfrm_handle *handle, const struct xfrm_policy_id *id)
{
	struct owned_policy *owned = policy_find(handle, id);

	if (!owned)
		return;
	HASH_DEL(handle->policies, owned);
	free(owned);
}

void xfrm_owned_free(struct xfrm_handle *handle)
{
	struct owned_state *state, *next_state;
	struct owned_policy *policy, *next_policy;

	HASH_ITER(hh, handle->states, state, next_state)
	{
		HASH_DEL(handle->states, state);
		free(state);
	}
	HASH_ITER(hh, handle->policies, policy, next_policy)
	{
		HASH_DEL(handle->policies, policy);
		free(policy);
	}
}

bool xfrm_state_adopt(struct xfrm_handle *handle, const struct xfrm_state_id *id)
{
	return xfrm_owned_state_add(handle, id);
}

bool xfrm_policy_adopt(struct xfrm_handle *handle, const struct xfrm_policy_id *id)
{
	return xfrm_owned_policy_add(handle, id);
}

bool xfrm_state_is_ours(const struct xfrm_handle *handle, const struct xfrm_state_id *id)
{
	return state_find(handle, id) != NULL;
}

bool xfrm_policy_is_ours(const struct xfrm_handle *handle, const struct xfrm_policy_id *id)
{
	return policy_find(handle, id) != NULL;
}

struct leftovers {
	struct xfrm_handle *handle;
	unsigned states, policies;
	bool no_memory;
};

static void adopt_state(
	void *context, const struct xfrm_state *state, const struct xfrm_state_status *status)
{
	struct leftovers *leftovers = context;

	if (!status->ours)
		return;
	leftovers->states++;
	leftovers->no_memory |= !xfrm_owned_state_add(leftovers->handle, &state->id);
}

static void adopt_policy(
	void *context, const struct xfrm_policy *policy, const struct xfrm_policy_status *status)
{
	struct leftovers *leftovers = context;

	if (!status->ours)
		return;
	leftovers->policies++;
	/* with its number a new policy would get an index of the kernel's, and not be ours */
	if (xfrm_policy_number(status->index) > leftovers->handle->policy_number)
		leftovers->handle->policy_number = xfrm_policy_number(status->index);
	leftovers->no_memory |= !xfrm_owned_policy_add(leftovers->handle, &policy->id);
}

enum xfrm_result xfrm_adopt_leftovers(
	struct xfrm_handle *handle, unsigned *ret_states, unsigned *ret_policies, struct why *why)
{
	struct leftovers leftovers = { .handle = handle };
	enum xfrm_result result = xfrm_state_list(handle, adopt_state, &leftovers, why);

	if (result == XFRM_RESULT_OK)
		result = xfrm_policy_list(handle, adopt_policy, &leftovers, why);
	if (result == XFRM_RESULT_OK && leftovers.no_memory) {
		why_fail(why, "no memory to adopt all that an earlier process left");
		result = XFRM_RESULT_FAILED;
	}
	if (result == XFRM_RESULT_OK) {
		*ret_states = leftovers.states;
		*ret_policies = leftovers.policies;
	}
	return result;
}

/* What could not be deleted stays ours, to be tried again. */
enum xfrm_result xfrm_flush(struct xfrm_handle *handle, struct why *why)
{
	enum xfrm_result result = XFRM_RESULT_OK, one;
	struct owned_state *state, *next_state;
	struct owned_policy *policy, *next_policy;

	/* policies first: without states they would raise acquires */
	HASH_ITER(hh, handle->policies, policy, next_policy)
	{
		struct xfrm_policy_id id = policy->id; /* deleting forgets the entry */

		one = xfrm_policy_delete(handle, &id, why);
		if (one != XFRM_RESULT_OK && one != XFRM_RESULT_NOT_FOUND)
			result = one;
	}
	HASH_ITER(hh, handle->states, state, next_state)
	{
		struct xfrm_state_id id = state->id;

		one = xfrm_state_delete(handle, &id, why);
		if (one != XFRM_RESULT_OK && one != XFRM_RESULT_NOT_FOUND)
			result = one;
	}
	return result;
}
