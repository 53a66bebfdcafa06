/* Fragments to a message (RFC 7383 2.6). Everything that comes here has been authenticated: the
 * bounds are against a peer that errs, and against our own memory. */
#include "libike/wire/build.h"

#include <stdlib.h>

struct ike_reassembly {
	uint32_t message_id;
	uint8_t flags;
	uint8_t first; /* type of the first payload, from fragment 1 */
	uint16_t total;
	uint64_t arrived; /* one bit a fragment */
	size_t size;      /* of all that arrived */
	uint8_t *whole;   /* all parts joined, once complete */
	struct bytes parts[IKE_FRAGMENTS_MAX];
};

_Static_assert(IKE_FRAGMENTS_MAX <= 64, "one bit of `arrived` a fragment");

void ike_reassembly_free(struct ike_reassembly *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->total; i++)
		free((void *)r->parts[i].at);
	free(r->whole);
	free(r);
}

static struct ike_reassembly *reassembly_new(const struct ike_message *message)
{
	struct ike_reassembly *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->message_id = message->header.message_id;
	r->flags = message->header.flags;
	r->total = message->sealed.fragments;
	return r;
}

static bool is_same_message(const struct ike_reassembly *r, const struct ike_message *message)
{
	return r && r->message_id == message->header.message_id &&
	       r->flags == message->header.flags;
}

static bool is_complete(const struct ike_reassembly *r)
{
	return r->arrived == UINT64_MAX >> (64 - r->total);
}

static bool join(struct ike_reassembly *r)
{
	struct writer w;

	r->whole = malloc(r->size > 0 ? r->size : 1);
	if (!r->whole)
		return false;
	w = writer_of(r->whole, r->size);
	for (size_t i = 0; i < r->total; i++) {
		writer_put(&w, r->parts[i]);
		free((void *)r->parts[i].at);
		r->parts[i] = (struct bytes){ 0 };
	}
	return true;
}

static enum ike_reassembled give_up(struct ike_reassembly **r)
{
	ike_reassembly_free(*r);
	*r = NULL;
	return IKE_REASSEMBLY_REFUSED;
}

enum ike_reassembled ike_reassembly_add(struct ike_reassembly **r,
	const struct ike_message *message, struct bytes chain, uint8_t *ret_first,
	struct bytes *ret_chain)
{
	const struct ike_sealed *sealed = &message->sealed;
	uint16_t total = sealed->fragments;

	if (!sealed->is_fragment || total > IKE_FRAGMENTS_MAX || sealed->fragment == 0 ||
		sealed->fragment > total)
		return IKE_REASSEMBLY_REFUSED;
	bool same = is_same_message(*r, message);
	if (same && total < (*r)->total) /* from before the peer made smaller pieces */
		return IKE_REASSEMBLY_REFUSED;
	if (!same || total > (*r)->total) {
		ike_reassembly_free(*r);
		*r = reassembly_new(message);
		if (!*r)
			return IKE_REASSEMBLY_REFUSED;
	}
	uint64_t bit = UINT64_C(1) << (sealed->fragment - 1);
	if ((*r)->arrived & bit)
		return IKE_REASSEMBLY_MORE;
	if (chain.length > IKE_REASSEMBLY_MAX - (*r)->size)
		return give_up(r);
	struct bytes part = bytes_duplicate(chain);
	if (!part.at && chain.length > 0)
		return give_up(r);
	(*r)->parts[sealed->fragment - 1] = part;
	(*r)->arrived |= bit;
	(*r)->size += chain.length;
	if (sealed->fragment == 1)
		(*r)->first = sealed->next_payload;
	if (!is_complete(*r))
		return IKE_REASSEMBLY_MORE;
	if (!join(*r))
		return give_up(r);
	*ret_first = (*r)->first;
	*ret_chain = bytes_of((*r)->whole, (*r)->size);
	return IKE_REASSEMBLY_DONE;
}
