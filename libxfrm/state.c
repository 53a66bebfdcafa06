/* Requests about states. */
#include "libxfrm/error_priv.h"
#include "libxfrm/handle_priv.h"

#include "libbase/secret.h"

#include <stdlib.h>
#include <string.h>

static enum xfrm_result failed(
	enum xfrm_result result, const char *doing, const struct xfrm_state_id *id, struct why *why)
{
	char text[XFRM_STATE_TEXT_MAX];

	if (result == XFRM_RESULT_OK)
		return result;
	xfrm_state_id_format(id, text);
	why_prefix(why, "cannot %s %s: ", doing, text);
	return result;
}

struct allocation {
	uint32_t spi;
	struct xfrm_processor processor;
};

static void read_allocation(void *context, const struct nlmsghdr *message)
{
	struct allocation *allocation = context;
	struct xfrm_state state;
	struct xfrm_state_status status;

	if (!xfrm_parse_state(message, &state, &status))
		return;
	allocation->spi = state.id.spi;
	allocation->processor = state.processor;
}

enum xfrm_result xfrm_spi_allocate(struct xfrm_handle *handle, const struct xfrm_state *larval,
	uint32_t lowest, uint32_t highest, uint32_t *ret_spi, struct why *why)
{
	struct allocation allocation = { 0 };
	struct xfrm_state_id id = larval->id;
	enum xfrm_result result =
		xfrm_request(handle, xfrm_build_spi_allocation(larval, lowest, highest), larval,
			read_allocation, &allocation, why);

	id.spi = allocation.spi;
	if (result == XFRM_RESULT_OK && allocation.spi == 0) {
		why_fail(why, "the kernel named none");
		result = XFRM_RESULT_FAILED;
	}
	if (result == XFRM_RESULT_OK && !xfrm_owned_state_add(handle, &id)) {
		why_fail(why, "no memory"); /* the larval state goes by itself */
		result = XFRM_RESULT_FAILED;
	}
	if (result == XFRM_RESULT_OK)
		*ret_spi = allocation.spi;
	return failed(result, "allocate an SPI for", &id, why);
}

bool xfrm_has_processors(struct xfrm_handle *handle)
{
	const struct address loopback = { .family = AF_INET, .octets = { 127, 0, 0, 1 } };
	struct xfrm_state larval = {
		.id = { .destination = loopback, .protocol = IPPROTO_ESP },
		.source = loopback,
		.mode = XFRM_MODE_TUNNEL,
		.processor = { .one = true },
	};
	struct allocation allocation = { 0 };

	if (xfrm_request(handle, xfrm_build_spi_allocation(&larval, 0x100, UINT32_MAX), &larval,
		    read_allocation, &allocation, NULL) != XFRM_RESULT_OK ||
		allocation.spi == 0)
		return false;
	larval.id.spi = allocation.spi;
	/* One that is not deleted goes by itself. */
	return xfrm_state_delete(handle, &larval.id, NULL) == XFRM_RESULT_OK &&
	       allocation.processor.one;
}

/* Installs under an id that is not ours yet, and makes it ours. */
static enum xfrm_result add_new(struct xfrm_handle *handle, const struct xfrm_state *state,
	const struct xfrm_state_status *carry, struct why *why)
{
	enum xfrm_result result = XFRM_RESULT_FAILED;

	if (xfrm_owned_state_add(handle, &state->id))
		result = xfrm_request(handle, xfrm_build_state(XFRM_MSG_NEWSA, state, carry), state,
			NULL, NULL, why);
	else
		why_fail(why, "no memory");
	if (result != XFRM_RESULT_OK)
		xfrm_owned_state_remove(handle, &state->id);
	return result;
}

/* In the place of the state that is ours under `place`. */
static enum xfrm_result add_in_place(struct xfrm_handle *handle, const struct xfrm_state_id *place,
	const struct xfrm_state *state, struct why *why)
{
	enum xfrm_result result = XFRM_RESULT_FAILED;

	if (xfrm_owned_state_add(handle, &state->id))
		result = xfrm_request(handle, xfrm_build_state(XFRM_MSG_UPDSA, state, NULL), state,
			NULL, NULL, why);
	else
		why_fail(why, "no memory");
	const struct xfrm_state_id *over = result == XFRM_RESULT_OK ? place : &state->id;
	if (memcmp(&place->mark, &state->id.mark, sizeof(place->mark)) != 0)
		xfrm_owned_state_remove(handle, over);
	return result;
}

enum xfrm_result xfrm_state_add(
	struct xfrm_handle *handle, const struct xfrm_state *state, struct why *why)
{
	enum xfrm_result result = XFRM_RESULT_NOT_FOUND;
	struct xfrm_state_id place = state->id;

	/* the SPI may have been allocated before a mark was known */
	if (!xfrm_state_is_ours(handle, &place))
		place.mark = (struct xfrm_mark){ 0 };
	if (xfrm_state_is_ours(handle, &place))
		result = add_in_place(handle, &place, state, why);
	if (result == XFRM_RESULT_NOT_FOUND) /* no larval state, or it has expired */
		result = add_new(handle, state, NULL, why);
	return failed(result, "install", &state->id, why);
}

enum xfrm_result xfrm_state_delete(
	struct xfrm_handle *handle, const struct xfrm_state_id *id, struct why *why)
{
	enum xfrm_result result = xfrm_request(
		handle, xfrm_build_state_id(XFRM_MSG_DELSA, id), NULL, NULL, NULL, why);

	if (result == XFRM_RESULT_OK || result == XFRM_RESULT_NOT_FOUND)
		xfrm_owned_state_remove(handle, id);
	return failed(result, "delete", id, why);
}

struct query {
	struct xfrm_state_status status;
	bool found;
};

static void read_status(void *context, const struct nlmsghdr *message)
{
	struct query *query = context;
	struct xfrm_state state;

	query->found = xfrm_parse_state(message, &state, &query->status);
}

enum xfrm_result xfrm_state_query(struct xfrm_handle *handle, const struct xfrm_state_id *id,
	struct xfrm_state_status *ret, struct why *why)
{
	struct query query = { 0 };
	enum xfrm_result result = xfrm_request(
		handle, xfrm_build_state_id(XFRM_MSG_GETSA, id), NULL, read_status, &query, why);

	if (result == XFRM_RESULT_OK && !query.found) {
		why_fail(why, "the answer makes no sense");
		result = XFRM_RESULT_FAILED;
	}
	if (result == XFRM_RESULT_OK)
		*ret = query.status;
	return failed(result, "query", id, why);
}

struct listing {
	void (*callback)(void *context, const struct xfrm_state *state,
		const struct xfrm_state_status *status);
	void *context;
};

static void list_one(void *context, const struct nlmsghdr *message)
{
	struct listing *listing = context;
	struct xfrm_state state;
	struct xfrm_state_status status;

	if (xfrm_parse_state(message, &state, &status))
		listing->callback(listing->context, &state, &status);
}

enum xfrm_result xfrm_state_list(struct xfrm_handle *handle,
	void (*callback)(void *context, const struct xfrm_state *state,
		const struct xfrm_state_status *status),
	void *context, struct why *why)
{
	struct listing listing = { callback, context };
	enum xfrm_result result = xfrm_request(
		handle, xfrm_build_dump(XFRM_MSG_GETSA), NULL, list_one, &listing, why);

	if (result != XFRM_RESULT_OK)
		why_prefix(why, "cannot list states: ");
	return result;
}

struct xfrm_listing *xfrm_listing_begin(struct why *why)
{
	return xfrm_listing_of(XFRM_MSG_GETSA, why);
}

bool xfrm_listing_some(struct xfrm_listing *l,
	void (*callback)(void *context, const struct xfrm_state *state,
		const struct xfrm_state_status *status),
	void *context, bool *ret_more, struct why *why)
{
	struct listing listing = { callback, context };

	return xfrm_listing_next(l, list_one, &listing, ret_more, why) ||
	       why_prefix(why, "cannot list states: ");
}

/* A state as the kernel has it, with memory for what is borrowed elsewhere. */
struct copy {
	struct xfrm_state state;
	struct xfrm_state_status status;
	char names[4][64];
	struct secret keys[4];
	bool complete;
};

static struct xfrm_algorithm *copy_algorithm(struct copy *copy, size_t i)
{
	struct xfrm_algorithm *const all[] = { &copy->state.aead, &copy->state.encryption,
		&copy->state.integrity, &copy->state.compression };

	return all[i];
}

static void read_copy(void *context, const struct nlmsghdr *message)
{
	struct copy *copy = context;

	if (!xfrm_parse_state(message, &copy->state, &copy->status))
		return;
	for (size_t i = 0; i < 4; i++) {
		struct xfrm_algorithm *algorithm = copy_algorithm(copy, i);

		if (!algorithm->name)
			continue;
		memcpy(copy->names[i], algorithm->name, strlen(algorithm->name) + 1);
		algorithm->name = copy->names[i];
		if (!secret_copy(&copy->keys[i], algorithm->key))
			return;
		algorithm->key = secret_bytes(&copy->keys[i]);
	}
	copy->complete = true;
}

/* *ret is to be freed, whatever comes of it. */
static enum xfrm_result copy_state(struct xfrm_handle *handle, const struct xfrm_state_id *id,
	struct copy *ret, struct why *why)
{
	enum xfrm_result result = xfrm_request(
		handle, xfrm_build_state_id(XFRM_MSG_GETSA, id), NULL, read_copy, ret, why);

	if (result == XFRM_RESULT_OK && !ret->complete) {
		why_fail(why, "the answer makes no sense");
		result = XFRM_RESULT_FAILED;
	}
	return result;
}

static void copy_free(struct copy *copy)
{
	for (size_t i = 0; i < 4; i++)
		secret_free(&copy->keys[i]);
}

/* Under lockdown the kernel shows zeros for keys, which must not be installed. */
static bool keys_are_shown(const struct copy *copy, struct why *why)
{
	for (size_t i = 0; i < 4; i++) {
		uint8_t seen = 0;

		for (size_t k = 0; k < copy->keys[i].length; k++)
			seen |= copy->keys[i].at[k];
		if (copy->keys[i].length > 0 && seen == 0)
			return why_fail(why, "the kernel does not show its keys (lockdown)");
	}
	return true;
}

/* A packet that met a policy whose template names the SPI, while the state was away, has left an
 * acquire's larval state in its place: that is taken over. */
static enum xfrm_result add_moved(struct xfrm_handle *handle, const struct xfrm_state *state,
	const struct xfrm_state_status *carry, struct why *why)
{
	enum xfrm_result result = add_new(handle, state, carry, why);

	if (result != XFRM_RESULT_EXISTS)
		return result;
	if (!xfrm_owned_state_add(handle, &state->id)) {
		why_fail(why, "no memory");
		return XFRM_RESULT_FAILED;
	}
	result = xfrm_request(
		handle, xfrm_build_state(XFRM_MSG_UPDSA, state, carry), state, NULL, NULL, why);
	if (result != XFRM_RESULT_OK)
		xfrm_owned_state_remove(handle, &state->id);
	return result;
}

static enum xfrm_result move_by_exchange(struct xfrm_handle *handle, const struct copy *old,
	const struct xfrm_state *moved, struct why *why)
{
	enum xfrm_result result = xfrm_state_delete(handle, &old->state.id, why);

	if (result != XFRM_RESULT_OK)
		return result;
	result = add_moved(handle, moved, &old->status, why);
	if (result != XFRM_RESULT_OK &&
		add_moved(handle, &old->state, &old->status, NULL) != XFRM_RESULT_OK)
		why_prefix(why, "and it is lost: ");
	return result;
}

/* One that was allocated and not installed yet. */
static bool is_larval(const struct copy *copy)
{
	for (size_t i = 0; i < 4; i++)
		if (copy->names[i][0])
			return false;
	return true;
}

static enum xfrm_result move_larval(struct xfrm_handle *handle, const struct copy *old,
	const struct xfrm_state *moved, struct why *why)
{
	uint32_t spi = old->state.id.spi;
	enum xfrm_result result = xfrm_state_delete(handle, &old->state.id, why);

	if (result == XFRM_RESULT_OK)
		result = xfrm_spi_allocate(handle, moved, spi, spi, &spi, why);
	return result;
}

static enum xfrm_result move(struct xfrm_handle *handle, const struct copy *old,
	const struct address *source, const struct address *destination, bool udp_encapsulation,
	struct why *why)
{
	struct xfrm_state moved = old->state;

	moved.source = *source;
	moved.id.destination = *destination;
	moved.udp_encapsulation = udp_encapsulation;
	if (is_larval(old))
		return address_same_host(&old->state.id.destination, destination)
			       ? XFRM_RESULT_OK
			       : move_larval(handle, old, &moved, why);
	if (old->state.udp_encapsulation && udp_encapsulation &&
		address_same_host(&old->state.source, source) &&
		address_same_host(&old->state.id.destination, destination))
		return xfrm_request(handle, xfrm_build_state(XFRM_MSG_UPDSA, &moved, NULL), &moved,
			NULL, NULL, why);
	if (!keys_are_shown(old, why))
		return XFRM_RESULT_FAILED;
	return move_by_exchange(handle, old, &moved, why);
}

enum xfrm_result xfrm_state_move(struct xfrm_handle *handle, const struct xfrm_state_id *id,
	const struct address *source, const struct address *destination, bool udp_encapsulation,
	struct why *why)
{
	struct copy old = { 0 };
	enum xfrm_result result = copy_state(handle, id, &old, why);

	if (result == XFRM_RESULT_OK)
		result = move(handle, &old, source, destination, udp_encapsulation, why);
	copy_free(&old);
	return failed(result, "move", id, why);
}

enum xfrm_result xfrm_state_read(struct xfrm_handle *handle, const struct xfrm_state_id *id,
	void (*callback)(void *context, const struct xfrm_state *state), void *context,
	struct why *why)
{
	struct copy copy = { 0 };
	enum xfrm_result result = copy_state(handle, id, &copy, why);

	if (result == XFRM_RESULT_OK && !keys_are_shown(&copy, why))
		result = XFRM_RESULT_FAILED;
	if (result == XFRM_RESULT_OK)
		callback(context, &copy.state);
	copy_free(&copy);
	return failed(result, "read", id, why);
}
