/* IKEv1's fragments to a message. None is authenticated: one message at a time under a pair of
 * cookies, bounded, and what contradicts begins anew. */
#include "libike/wire/isakmp.h"

#include <stdlib.h>

struct isakmp_reassembly {
	uint16_t id;
	uint8_t total;    /* 0: the last has not come */
	uint64_t arrived; /* one bit a fragment */
	size_t size;
	uint8_t *whole; /* once complete */
	struct bytes parts[IKE_FRAGMENTS_MAX];
};

void isakmp_reassembly_free(struct isakmp_reassembly *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < IKE_FRAGMENTS_MAX; i++)
		free((void *)r->parts[i].at);
	free(r->whole);
	free(r);
}

static enum ike_reassembled give_up(struct isakmp_reassembly **r)
{
	isakmp_reassembly_free(*r);
	*r = NULL;
	return IKE_REASSEMBLY_REFUSED;
}

static bool is_complete(const struct isakmp_reassembly *r)
{
	return r->total > 0 && r->arrived == UINT64_MAX >> (64 - r->total);
}

static bool join(struct isakmp_reassembly *r)
{
	r->whole = malloc(r->size);
	if (!r->whole)
		return false;
	struct writer w = writer_of(r->whole, r->size);
	for (size_t i = 0; i < r->total; i++)
		writer_put(&w, r->parts[i]);
	return !w.bad;
}

/* Its place, size and end fit to what is there. */
static bool fits(const struct isakmp_reassembly *r, const struct isakmp_message *m)
{
	uint8_t number = m->fragment.number;

	if (number > IKE_FRAGMENTS_MAX || m->fragment.data.length > IKE_REASSEMBLY_MAX - r->size)
		return false;
	if (r->total > 0 && (number > r->total || (m->fragment.last && number != r->total)))
		return false;
	/* Nothing may have come from behind the end. */
	return !m->fragment.last || number == 64 || r->arrived >> number == 0;
}

enum ike_reassembled isakmp_reassembly_add(
	struct isakmp_reassembly **r, const struct isakmp_message *message, struct bytes *ret)
{
	uint8_t number = message->fragment.number;

	if (*r && ((*r)->id != message->fragment.id || (*r)->whole)) {
		isakmp_reassembly_free(*r);
		*r = NULL;
	}
	if (number == 0 || number > IKE_FRAGMENTS_MAX)
		return IKE_REASSEMBLY_REFUSED;
	if (!*r && !(*r = calloc(1, sizeof(**r))))
		return IKE_REASSEMBLY_REFUSED;
	(*r)->id = message->fragment.id;
	uint64_t bit = UINT64_C(1) << (number - 1);
	if ((*r)->arrived & bit)
		return IKE_REASSEMBLY_MORE;
	if (!fits(*r, message))
		return give_up(r);
	struct bytes part = bytes_duplicate(message->fragment.data);
	if (!part.at)
		return give_up(r);
	(*r)->parts[number - 1] = part;
	(*r)->arrived |= bit;
	(*r)->size += part.length;
	if (message->fragment.last)
		(*r)->total = number;
	if (!is_complete(*r))
		return IKE_REASSEMBLY_MORE;
	if (!join(*r))
		return give_up(r);
	*ret = bytes_of((*r)->whole, (*r)->size);
	return IKE_REASSEMBLY_DONE;
}
