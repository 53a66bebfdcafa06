/*
 * IKEv1's fragments to messages. None of them is authenticated, so whoever sees the cookies can put
 * in some of his own; only what is made of the message shows whether it was right. Therefore what
 * came last counts for its number, a message that led nowhere is kept for what still comes, and
 * messages of other ids stay where they are. Memory, time, and how often something is joined for
 * nothing are bounded.
 */
#include "libike/wire/isakmp.h"

#include <stdlib.h>

#define MESSAGES_MAX 8 /* under one pair of cookies */
#define TRIES_MAX 16

struct joining {
	struct joining *next; /* was heard of before this one */
	int64_t until;
	uint16_t id;
	uint8_t tries;
	/* One bit a fragment: it is there; it says that it is the last; it came since the message
	 * was joined. */
	uint64_t arrived, last, fresh;
	size_t size;
	struct bytes parts[IKE_FRAGMENTS_MAX];
};

struct isakmp_reassembly {
	struct joining *first;
	size_t size;
	size_t *held;
};

_Static_assert(IKE_FRAGMENTS_MAX <= 64, "one bit of `arrived` a fragment");

static uint64_t bit_of(unsigned number)
{
	return UINT64_C(1) << (number - 1);
}

static uint64_t bits_up_to(unsigned number)
{
	return UINT64_MAX >> (64 - number);
}

static void remove_part(struct isakmp_reassembly *r, struct joining *j, unsigned number)
{
	struct bytes *part = &j->parts[number - 1];

	r->size -= part->length;
	j->size -= part->length;
	*r->held -= part->length;
	free((void *)part->at);
	*part = (struct bytes){ 0 };
}

static void empty(struct isakmp_reassembly *r, struct joining *j)
{
	for (unsigned i = 1; i <= IKE_FRAGMENTS_MAX; i++)
		remove_part(r, j, i);
	j->arrived = j->last = j->fresh = 0;
}

static void drop(struct isakmp_reassembly *r, struct joining *j)
{
	struct joining **at = &r->first;

	while (*at != j)
		at = &(*at)->next;
	*at = j->next;
	empty(r, j);
	*r->held -= sizeof(*j);
	free(j);
}

void isakmp_reassembly_free(struct isakmp_reassembly *r)
{
	while (r && r->first)
		drop(r, r->first);
	free(r);
}

static void free_if_empty(struct isakmp_reassembly **r)
{
	if (!*r || (*r)->first)
		return;
	free(*r);
	*r = NULL;
}

static struct joining *find(const struct isakmp_reassembly *r, uint16_t id)
{
	struct joining *j = r ? r->first : NULL;

	while (j && j->id != id)
		j = j->next;
	return j;
}

/* The one that was not heard of for the longest time; not this one. */
static struct joining *oldest_but(const struct isakmp_reassembly *r, const struct joining *but)
{
	struct joining *found = NULL;

	for (struct joining *j = r->first; j; j = j->next)
		if (j != but)
			found = j;
	return found;
}

static struct joining *begin(struct isakmp_reassembly *r, uint16_t id, int64_t now)
{
	struct joining *j = calloc(1, sizeof(*j));
	unsigned count = 0;

	if (!j)
		return NULL;
	for (const struct joining *other = r->first; other; other = other->next)
		count++;
	if (count == MESSAGES_MAX)
		drop(r, oldest_but(r, NULL));
	j->id = id;
	j->until = now + ISAKMP_REASSEMBLY_TIME;
	j->next = r->first;
	r->first = j;
	*r->held += sizeof(*j);
	return j;
}

static void to_front(struct isakmp_reassembly *r, struct joining *j)
{
	struct joining **at = &r->first;

	while (*at != j)
		at = &(*at)->next;
	*at = j->next;
	j->next = r->first;
	r->first = j;
}

static bool is_there(const struct joining *j, const struct isakmp_message *m)
{
	uint64_t bit = bit_of(m->fragment.number);

	return (j->arrived & bit) && ((j->last & bit) != 0) == m->fragment.last &&
	       bytes_equal(j->parts[m->fragment.number - 1], m->fragment.data);
}

/* In the place of what had its number. What others have begun goes first when room is short. */
static bool put(struct isakmp_reassembly *r, struct joining *j, const struct isakmp_message *m)
{
	uint64_t bit = bit_of(m->fragment.number);
	struct bytes part = bytes_duplicate(m->fragment.data);
	struct joining *other;

	if (!part.at)
		return false;
	remove_part(r, j, m->fragment.number);
	while (r->size + part.length > IKE_REASSEMBLY_MAX && (other = oldest_but(r, j)) != NULL)
		drop(r, other);
	if (r->size + part.length > IKE_REASSEMBLY_MAX)
		empty(r, j);
	j->parts[m->fragment.number - 1] = part;
	j->size += part.length;
	r->size += part.length;
	*r->held += part.length;
	j->arrived |= bit;
	j->last = m->fragment.last ? j->last | bit : j->last & ~bit;
	return true;
}

/* The number of the last fragment of a message that has all, this one among them; 0: none. */
static unsigned complete_with(const struct joining *j, unsigned number)
{
	for (unsigned total = number; total <= IKE_FRAGMENTS_MAX; total++) {
		if ((j->arrived & bits_up_to(total)) != bits_up_to(total))
			return 0;
		if (j->last & bit_of(total))
			return total;
	}
	return 0;
}

static bool join(const struct joining *j, unsigned total, struct bytes *ret)
{
	uint8_t *whole = malloc(j->size);
	struct writer w;

	if (!whole)
		return false;
	w = writer_of(whole, j->size);
	for (unsigned i = 0; i < total; i++)
		writer_put(&w, j->parts[i]);
	*ret = writer_bytes(&w);
	return true;
}

static enum ike_reassembled refuse(struct isakmp_reassembly **r)
{
	free_if_empty(r);
	return IKE_REASSEMBLY_REFUSED;
}

enum ike_reassembled isakmp_reassembly_add(struct isakmp_reassembly **r,
	const struct isakmp_message *message, int64_t now, size_t *held, size_t held_max,
	struct bytes *ret)
{
	uint8_t number = message->fragment.number;
	size_t length = message->fragment.data.length;
	struct joining *j = find(*r, message->fragment.id);

	if (number == 0 || number > IKE_FRAGMENTS_MAX || length > IKE_REASSEMBLY_MAX ||
		*held + sizeof(*j) + length > held_max)
		return IKE_REASSEMBLY_REFUSED;
	if (!*r && !(*r = calloc(1, sizeof(**r))))
		return IKE_REASSEMBLY_REFUSED;
	(*r)->held = held;
	if (!j && !(j = begin(*r, message->fragment.id, now)))
		return refuse(r);
	to_front(*r, j);
	bool again = is_there(j, message);
	if (!again && !put(*r, j, message))
		return IKE_REASSEMBLY_REFUSED;
	j->fresh |= bit_of(number);
	unsigned total = complete_with(j, number);
	/* The same once more: when all of it has come again. */
	if (total == 0 || (again && (j->fresh & bits_up_to(total)) != bits_up_to(total)))
		return IKE_REASSEMBLY_MORE;
	bool joined = join(j, total, ret);
	j->fresh = 0;
	if (++j->tries == TRIES_MAX)
		drop(*r, j);
	free_if_empty(r);
	return joined ? IKE_REASSEMBLY_DONE : IKE_REASSEMBLY_REFUSED;
}

void isakmp_reassembly_drop(struct isakmp_reassembly **r, uint16_t id)
{
	struct joining *j = find(*r, id);

	if (j)
		drop(*r, j);
	free_if_empty(r);
}

int64_t isakmp_reassembly_deadline(const struct isakmp_reassembly *r)
{
	int64_t at = INT64_MAX;

	for (const struct joining *j = r ? r->first : NULL; j; j = j->next)
		if (j->until < at)
			at = j->until;
	return at;
}

bool isakmp_reassembly_expire(struct isakmp_reassembly **r, int64_t now)
{
	bool expired = false;

	for (struct joining *j = *r ? (*r)->first : NULL, *next; j; j = next) {
		next = j->next;
		if (j->until > now)
			continue;
		drop(*r, j);
		expired = true;
	}
	free_if_empty(r);
	return expired;
}
