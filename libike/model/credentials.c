/*
 * Shared secrets and who they are for.
 *
 * A gateway with thousands of peers has thousands of secrets that all name itself and one peer.
 * So owners are indexed: a secret that names both sides exactly is found through the rarer of
 * both, and one that names a side through that side; what is left to be weighed are secrets that
 * are for many.
 */
#include "libike/model/credentials.h"

#include "libike/base/digest.h"

#include <ctype.h>
#include <stdlib.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>
#include <utlist.h>

struct ike_shared;

struct owner {
	struct owner *prev, *next; /* secrets of the same owner, the newest first */
	struct ike_identity *id;
	struct ike_shared *shared;
	struct bucket *bucket;
};

struct bucket {
	UT_hash_handle hh;
	struct owner *owners;
	size_t count;
	unsigned key_length;
	uint8_t key[]; /* type and octets, letters made small: names compare without case */
};

/* Secrets without a unique id that look the same: mostly one, an earlier load of which is replaced.
 */
struct alike {
	UT_hash_handle hh;
	uint64_t digest;
	struct ike_shared *list;
};

struct ike_shared {
	UT_hash_handle hh;
	struct alike *alike; /* NULL: it has a unique id */
	struct ike_shared *alike_prev, *alike_next;
	struct ike_shared *prev, *next; /* in the order of loading */
	struct ike_shared *wide_prev, *wide_next;
	bool is_wide;    /* in that list */
	uint64_t number; /* in the order of loading */
	char *unique_id; /* or NULL */
	uint8_t kind;
	struct secret secret;
	size_t owner_count;
	struct owner *owners;
};

struct ike_credentials {
	struct ike_shared *all; /* in the order of loading */
	uint32_t version;
	uint32_t freed;  /* how many were, up to now */
	uint64_t loaded; /* likewise */
	struct ike_shared
		*wide; /* which the index of owners does not find: of anybody, or patterns */
	size_t count;
	struct ike_shared *by_unique_id;
	struct bucket *by_owner;
	struct alike *by_digest;
};

struct ike_credentials *ike_credentials_new(void)
{
	return calloc(1, sizeof(struct ike_credentials));
}

/* ---- The index of owners ---- */

static size_t key_of(const struct ike_identity *id, uint8_t key[1 + UINT16_MAX])
{
	key[0] = id->type;
	for (size_t i = 0; i < id->length; i++)
		key[1 + i] = (uint8_t)tolower(id->octets[i]);
	return 1 + (size_t)id->length;
}

static struct bucket *bucket_find(const struct ike_credentials *c, const struct ike_identity *id)
{
	uint8_t key[1 + UINT16_MAX];
	size_t length = key_of(id, key);
	struct bucket *bucket;

	HASH_FIND(hh, c->by_owner, key, length, bucket);
	return bucket;
}

static struct bucket *bucket_make(struct ike_credentials *c, const struct ike_identity *id)
{
	struct bucket *bucket = bucket_find(c, id);

	if (bucket)
		return bucket;
	bucket = calloc(1, sizeof(*bucket) + 1 + id->length);
	if (!bucket)
		return NULL;
	uint8_t key[1 + UINT16_MAX];
	bucket->key_length = (unsigned)key_of(id, key);
	bytes_copy(bucket->key, bytes_of(key, bucket->key_length));
	HASH_ADD_KEYPTR(hh, c->by_owner, bucket->key, bucket->key_length, bucket);
	if (!bucket->hh.tbl) {
		free(bucket);
		return NULL;
	}
	return bucket;
}

static bool owner_index(struct ike_credentials *c, struct owner *owner)
{
	struct bucket *bucket = bucket_make(c, owner->id);

	if (!bucket)
		return false;
	DL_PREPEND(bucket->owners, owner);
	bucket->count++;
	owner->bucket = bucket;
	return true;
}

static void owner_unindex(struct ike_credentials *c, struct owner *owner)
{
	struct bucket *bucket = owner->bucket;

	if (!bucket)
		return;
	DL_DELETE(bucket->owners, owner);
	if (--bucket->count == 0) {
		HASH_DEL(c->by_owner, bucket);
		free(bucket);
	}
}

/* ---- The index of contents ---- */

/* Of the kind, the secret and the set of owners, in whatever order they are named. */
static uint64_t digest_of(const struct ike_shared *s)
{
	const struct bytes secret = secret_bytes(&s->secret);
	uint64_t lowest = UINT64_MAX, highest = 0, digest = IKE_DIGEST;

	for (size_t i = 0; i < s->owner_count; i++) {
		const struct bucket *bucket = s->owners[i].bucket;
		uint64_t owner = ike_digest_add(digest, bucket->key, bucket->key_length);

		lowest = owner < lowest ? owner : lowest;
		highest = owner > highest ? owner : highest;
	}
	digest = ike_digest_add(digest, &s->kind, sizeof(s->kind));
	digest = ike_digest_add(digest, &lowest, sizeof(lowest));
	digest = ike_digest_add(digest, &highest, sizeof(highest));
	return ike_digest_add(digest, secret.at, secret.length);
}

static bool content_index(struct ike_credentials *c, struct ike_shared *s)
{
	uint64_t digest = digest_of(s);
	struct alike *alike;

	HASH_FIND(hh, c->by_digest, &digest, sizeof(digest), alike);
	if (!alike) {
		alike = calloc(1, sizeof(*alike));
		if (!alike)
			return false;
		alike->digest = digest;
		HASH_ADD(hh, c->by_digest, digest, sizeof(digest), alike);
		if (!alike->hh.tbl) {
			free(alike);
			return false;
		}
	}
	DL_PREPEND2(alike->list, s, alike_prev, alike_next);
	s->alike = alike;
	return true;
}

static void content_unindex(struct ike_credentials *c, struct ike_shared *s)
{
	struct alike *alike = s->alike;

	if (!alike)
		return;
	DL_DELETE2(alike->list, s, alike_prev, alike_next);
	if (alike->list)
		return;
	HASH_DEL(c->by_digest, alike);
	secret_wipe(alike, sizeof(*alike)); /* a digest of a weak secret tells it */
	free(alike);
}

/* ---- Loading and unloading ---- */

static void shared_free(struct ike_credentials *c, struct ike_shared *s)
{
	for (size_t i = 0; i < s->owner_count; i++) {
		owner_unindex(c, &s->owners[i]);
		ike_identity_free(s->owners[i].id);
	}
	content_unindex(c, s);
	if (s->is_wide)
		DL_DELETE2(c->wide, s, wide_prev, wide_next);
	if (s->hh.tbl)
		HASH_DEL(c->by_unique_id, s);
	free(s->owners);
	free(s->unique_id);
	secret_free(&s->secret);
	free(s);
}

static struct ike_shared *shared_new(const char *unique_id, uint8_t kind, struct secret *secret,
	struct ike_identity **owners, size_t owner_count)
{
	struct ike_shared *s = calloc(1, sizeof(*s));

	if (s) {
		s->kind = kind;
		s->secret = secret_move(secret);
		s->unique_id = unique_id ? strdup(unique_id) : NULL;
		s->owners = calloc(owner_count ? owner_count : 1, sizeof(*s->owners));
	}
	if (!s || !s->owners || (unique_id && !s->unique_id)) {
		for (size_t i = 0; i < owner_count; i++)
			ike_identity_free(owners[i]);
		secret_free(secret);
		if (s) {
			free(s->owners);
			free(s->unique_id);
			secret_free(&s->secret);
			free(s);
		}
		return NULL;
	}
	s->owner_count = owner_count;
	for (size_t i = 0; i < owner_count; i++)
		s->owners[i] = (struct owner){ .id = owners[i], .shared = s };
	return s;
}

static bool owned_by(const struct ike_shared *s, const struct ike_identity *id)
{
	for (size_t i = 0; i < s->owner_count; i++) {
		if (ike_identity_equal(s->owners[i].id, id))
			return true;
	}
	return false;
}

static bool same_shared(const struct ike_shared *a, const struct ike_shared *b)
{
	if (a->kind != b->kind || a->owner_count != b->owner_count ||
		!secret_equal(secret_bytes(&a->secret), secret_bytes(&b->secret)))
		return false;
	for (size_t i = 0; i < a->owner_count; i++) {
		if (!owned_by(b, a->owners[i].id))
			return false;
	}
	return true;
}

static void remove_one(struct ike_credentials *c, struct ike_shared *s)
{
	DL_DELETE(c->all, s);
	c->version++;
	c->freed++;
	c->count--;
	shared_free(c, s);
}

/* What the new secret takes the place of: its unique id's former value, or, without one, an
 * earlier load of the same. */
static struct ike_shared *predecessor(const struct ike_credentials *c, const struct ike_shared *s)
{
	struct ike_shared *found = NULL;

	if (s->unique_id) {
		HASH_FIND_STR(c->by_unique_id, s->unique_id, found);
		return found;
	}
	DL_FOREACH2(s->alike->list, found, alike_next)
	{
		if (found != s && same_shared(found, s))
			break;
	}
	return found;
}

/* What finds it, but for its unique id. */
static bool index_it(struct ike_credentials *c, struct ike_shared *s)
{
	for (size_t i = 0; i < s->owner_count; i++) {
		if (!owner_index(c, &s->owners[i]))
			return false;
	}
	return s->unique_id || content_index(c, s);
}

/* Distinguished names match others than those that have the same octets. */
static bool is_wide(const struct ike_shared *s)
{
	for (size_t i = 0; i < s->owner_count; i++)
		if (s->owners[i].id->type == IKE_ID_DER_ASN1_DN ||
			ike_identity_is_wildcard(s->owners[i].id))
			return true;
	return s->owner_count == 0;
}

static bool insert(struct ike_credentials *c, struct ike_shared *s)
{
	if (s->unique_id) {
		HASH_ADD_KEYPTR(hh, c->by_unique_id, s->unique_id, strlen(s->unique_id), s);
		if (!s->hh.tbl)
			return false;
	}
	DL_APPEND(c->all, s);
	c->count++;
	s->number = c->loaded++;
	s->is_wide = is_wide(s);
	if (s->is_wide)
		DL_APPEND2(c->wide, s, wide_prev, wide_next);
	return true;
}

bool ike_credentials_load(struct ike_credentials *c, const char *unique_id, uint8_t kind,
	struct secret *secret, struct ike_identity **owners, size_t owner_count)
{
	struct ike_shared *s = shared_new(unique_id, kind, secret, owners, owner_count);
	if (!s)
		return false;
	if (!index_it(c, s)) {
		shared_free(c, s);
		return false;
	}
	struct ike_shared *old = predecessor(c, s);
	uint32_t version = c->version + !(old && same_shared(old, s));
	if (old)
		remove_one(c, old);
	c->version = version;
	if (!insert(c, s)) {
		shared_free(c, s);
		return false;
	}
	return true;
}

bool ike_credentials_unload(struct ike_credentials *c, const char *unique_id)
{
	struct ike_shared *s;

	HASH_FIND_STR(c->by_unique_id, unique_id, s);
	if (!s)
		return false;
	remove_one(c, s);
	return true;
}

size_t ike_credentials_unload_nameless(struct ike_credentials *c)
{
	struct ike_shared *each, *next;
	const size_t before = c->count;

	DL_FOREACH_SAFE(c->all, each, next)
	{
		if (!each->unique_id)
			remove_one(c, each);
	}
	return before - c->count;
}

void ike_credentials_clear(struct ike_credentials *c)
{
	while (c->all)
		remove_one(c, c->all);
}

void ike_credentials_free(struct ike_credentials *c)
{
	if (!c)
		return;
	ike_credentials_clear(c);
	free(c);
}

uint32_t ike_credentials_version(const struct ike_credentials *c)
{
	return c->version;
}

uint32_t ike_credentials_freed(const struct ike_credentials *c)
{
	return c->freed;
}

size_t ike_credentials_count(const struct ike_credentials *c)
{
	return c->count;
}

void ike_credentials_ids(const struct ike_credentials *c,
	void (*visit)(void *context, const char *unique_id), void *context)
{
	const struct ike_shared *each;

	DL_FOREACH(c->all, each)
	{
		if (each->unique_id)
			visit(context, each->unique_id);
	}
}

/* ---- Looking at them ---- */

const struct ike_shared *ike_credentials_get(const struct ike_credentials *c, const char *unique_id)
{
	struct ike_shared *found;

	HASH_FIND_STR(c->by_unique_id, unique_id, found);
	return found;
}

const struct ike_shared *ike_credentials_next(
	const struct ike_credentials *c, const struct ike_shared *after)
{
	return after ? after->next : c->all;
}

const char *ike_shared_unique_id(const struct ike_shared *s)
{
	return s->unique_id;
}

uint8_t ike_shared_kind(const struct ike_shared *s)
{
	return s->kind;
}

struct bytes ike_shared_secret(const struct ike_shared *s)
{
	return secret_bytes(&s->secret);
}

const struct ike_identity *ike_shared_owner_of(const struct ike_shared *s, size_t index)
{
	return index < s->owner_count ? s->owners[index].id : NULL;
}

/* ---- Finding ---- */

static unsigned best_match(const struct ike_shared *s, const struct ike_identity *id)
{
	unsigned best = IKE_MATCH_NONE;

	if (!id)
		return IKE_MATCH_ANY;
	for (size_t i = 0; i < s->owner_count; i++) {
		unsigned match = ike_identity_match(id, s->owners[i].id);

		if (match > best)
			best = match;
	}
	return best;
}

/* A secret without owners fits everybody, but everything else that fits is better. */
static unsigned weigh(const struct ike_shared *s, const struct ike_identity *my_id,
	const struct ike_identity *other_id)
{
	if (s->owner_count == 0)
		return 1;
	unsigned mine = best_match(s, my_id);
	unsigned other = best_match(s, other_id);
	if ((my_id && mine) || (other_id && other))
		return 1 + mine + other;
	return !my_id && !other_id ? 1 : 0;
}

static const struct ike_shared *find_exact(const struct ike_credentials *c, uint8_t kind,
	const struct ike_identity *my_id, const struct ike_identity *other_id)
{
	struct bucket *mine = bucket_find(c, my_id);
	struct bucket *other = bucket_find(c, other_id);
	const struct ike_identity *first = other_id, *second = my_id;
	struct bucket *rarer = other;
	struct owner *owner;

	if (!mine || !other)
		return NULL;
	if (mine->count < other->count) {
		rarer = mine;
		first = my_id;
		second = other_id;
	}
	DL_FOREACH(rarer->owners, owner)
	{
		/* Small letters are good for finding names: an address is octets, not letters. */
		if (owner->shared->kind == kind && ike_identity_equal(owner->id, first) &&
			owned_by(owner->shared, second))
			return owner->shared;
	}
	return NULL;
}

struct choice {
	uint8_t kind;
	const struct ike_identity *my_id, *other_id;
	bool named; /* only those that name other_id */
	const struct ike_shared *best;
	unsigned weight;
};

static void consider(struct choice *choice, const struct ike_shared *s)
{
	unsigned weight;

	if (s->kind != choice->kind ||
		(choice->named && best_match(s, choice->other_id) <= IKE_MATCH_ANY))
		return;
	weight = weigh(s, choice->my_id, choice->other_id);
	if (weight > choice->weight ||
		(weight && weight == choice->weight && s->number > choice->best->number)) {
		choice->best = s;
		choice->weight = weight;
	}
}

/* Of those that name one side the newest is as good as any: one that names both is found before,
 * and one with a pattern besides is among the wide ones. */
static void consider_owned(
	struct choice *choice, const struct ike_credentials *c, const struct ike_identity *id)
{
	struct bucket *bucket = id ? bucket_find(c, id) : NULL;
	struct owner *owner;

	if (!bucket)
		return;
	DL_FOREACH(bucket->owners, owner)
	{
		if (owner->shared->kind != choice->kind || !ike_identity_equal(owner->id, id))
			continue;
		consider(choice, owner->shared);
		if (!choice->named)
			return;
	}
}

static const struct ike_shared *find_best(const struct ike_credentials *c, uint8_t kind,
	const struct ike_identity *my_id, const struct ike_identity *other_id, bool named)
{
	struct choice choice = {
		.kind = kind, .my_id = my_id, .other_id = other_id, .named = named
	};
	const struct ike_shared *each;

	if (!my_id && !other_id) {
		DL_FOREACH(c->all, each)
		consider(&choice, each);
		return choice.best;
	}
	if (!named)
		consider_owned(&choice, c, my_id);
	consider_owned(&choice, c, other_id);
	DL_FOREACH2(c->wide, each, wide_next)
	consider(&choice, each);
	return choice.best;
}

const struct ike_shared *ike_credentials_find_shared(const struct ike_credentials *c, uint8_t kind,
	const struct ike_identity *my_id, const struct ike_identity *other_id)
{
	const struct ike_shared *found = NULL;

	if (my_id && other_id)
		found = find_exact(c, kind, my_id, other_id);
	return found ? found : find_best(c, kind, my_id, other_id, false);
}

struct bytes ike_credentials_find(const struct ike_credentials *c, uint8_t kind,
	const struct ike_identity *my_id, const struct ike_identity *other_id)
{
	const struct ike_shared *found = ike_credentials_find_shared(c, kind, my_id, other_id);

	return found ? secret_bytes(&found->secret) : (struct bytes){ 0 };
}

struct bytes ike_credentials_find_named(const struct ike_credentials *c, uint8_t kind,
	const struct ike_identity *my_id, const struct ike_identity *other_id)
{
	const struct ike_shared *found = find_best(c, kind, my_id, other_id, true);

	return found ? secret_bytes(&found->secret) : (struct bytes){ 0 };
}
