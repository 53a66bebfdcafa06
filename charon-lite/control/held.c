/* Before anybody includes uthash.h. */
#define HASH_NONFATAL_OOM 1
#include "charon-lite/control/held.h"

#include "libvici/builder.h"

#include <openssl/evp.h>
#include <stdlib.h>

struct cl_held {
	UT_hash_handle hh;
	uint8_t digest[CL_DIGEST_LENGTH];
};

/* ---- The set ---- */

static struct cl_held *find(const struct cl_held *all, const uint8_t *digest)
{
	struct cl_held *held = NULL;

	HASH_FIND(hh, all, digest, CL_DIGEST_LENGTH, held);
	return held;
}

static bool add(struct cl_held **all, const uint8_t *digest)
{
	if (find(*all, digest))
		return true;
	struct cl_held *held = calloc(1, sizeof(*held));
	if (!held)
		return false;
	memcpy(held->digest, digest, CL_DIGEST_LENGTH);
	HASH_ADD(hh, *all, digest, CL_DIGEST_LENGTH, held);
	if (held->hh.tbl)
		return true;
	free(held);
	return false;
}

static void drop(struct cl_held **all, struct cl_held *held)
{
	HASH_DEL(*all, held);
	secret_wipe(held, sizeof(*held)); /* it may be a weak secret's */
	free(held);
}

void cl_held_free(struct cl_held **all)
{
	struct cl_held *held, *next;

	HASH_ITER(hh, *all, held, next)
	drop(all, held);
}

size_t cl_held_length(const struct cl_held *all)
{
	return HASH_COUNT(all) * (size_t)CL_DIGEST_LENGTH;
}

void cl_held_write(const struct cl_held *all, uint8_t *ret)
{
	for (const struct cl_held *held = all; held; held = held->hh.next, ret += CL_DIGEST_LENGTH)
		memcpy(ret, held->digest, CL_DIGEST_LENGTH);
}

bool cl_held_read(struct cl_held **all, struct bytes octets)
{
	if (octets.length % CL_DIGEST_LENGTH != 0)
		return false;
	for (size_t i = 0; i < octets.length; i += CL_DIGEST_LENGTH)
		if (!add(all, octets.at + i))
			return false;
	return true;
}

/* ---- What something means ---- */

/* What cannot be told, as memory ran out, is like nothing else that is held. A configuration of
 * thousands is hundreds of thousands of digests: the algorithm is looked up once. */
static void digest_octets(const uint8_t *at, size_t length, uint8_t ret[CL_DIGEST_LENGTH])
{
	static EVP_MD *algorithm;

	if (!algorithm)
		algorithm = EVP_MD_fetch(NULL, "SHA256", NULL);
	if (!algorithm || EVP_Digest(at, length, ret, NULL, algorithm, NULL) != 1)
		memset(ret, 0, CL_DIGEST_LENGTH);
}

static void digest_builder(struct vici_builder *b, uint8_t ret[CL_DIGEST_LENGTH])
{
	struct bytes wire;

	if (vici_builder_finish(b, &wire))
		digest_octets(wire.at, wire.length, ret);
	else
		memset(ret, 0, CL_DIGEST_LENGTH);
	vici_builder_free(b);
}

static void digest_list(struct vici_view list, uint8_t ret[CL_DIGEST_LENGTH])
{
	struct vici_builder b = { 0 };

	vici_section_start_bytes(&b, vici_name(list));
	vici_list_start(&b, "elements");
	if (vici_kind(list) == VICI_VALUE)
		vici_item_bytes(&b, vici_value(list));
	VICI_EACH(item, list)
	vici_item_bytes(&b, vici_value(item));
	vici_list_end(&b);
	vici_section_end(&b);
	digest_builder(&b, ret);
}

/* A sum, so that the order does not matter; the depth is bounded by the parser. */
static void digest_section(struct vici_view section, uint8_t ret[CL_DIGEST_LENGTH])
{
	uint64_t sum[CL_DIGEST_LENGTH / sizeof(uint64_t)] = { 0 };
	uint8_t text[VICI_NAME_MAX + sizeof(sum)];
	struct bytes name = vici_name(section);

	VICI_EACH(each, section)
	{
		uint64_t part[CL_DIGEST_LENGTH / sizeof(uint64_t)];

		if (vici_kind(each) == VICI_SECTION)
			digest_section(each, (uint8_t *)part);
		else
			digest_list(each, (uint8_t *)part);
		for (size_t i = 0; i < sizeof(sum) / sizeof(*sum); i++)
			sum[i] += part[i];
	}
	memcpy(text, sum, sizeof(sum));
	bytes_copy(text + sizeof(sum), name);
	digest_octets(text, sizeof(sum) + name.length, ret);
}

void cl_object_digest(const char *kind, struct vici_view source, uint8_t ret[CL_DIGEST_LENGTH])
{
	struct vici_builder b = { 0 }, shared = { 0 };
	uint8_t digest[CL_DIGEST_LENGTH];

	if (strcmp(kind, "secret") == 0 && cl_shared_normal(source, &shared))
		digest_builder(&shared, digest);
	else
		digest_section(source, digest);
	vici_builder_free(&shared);
	vici_key_bytes(&b, kind, bytes_of(digest, sizeof(digest)));
	secret_wipe(digest, sizeof(digest));
	digest_builder(&b, ret);
}

static void digest_unload(const char *kind, struct bytes name, uint8_t ret[CL_DIGEST_LENGTH])
{
	struct vici_builder b = { 0 };

	vici_section_start(&b, "unload");
	vici_key_bytes(&b, kind, name);
	vici_section_end(&b);
	digest_builder(&b, ret);
}

/* ---- Stagings ---- */

/* Who is not let load it would unload it next: a name that was touched stays. */
bool cl_held_add_staging(struct cl_held **all, const struct cl_staging *s)
{
	for (const struct cl_staged *o = s->objects; o; o = o->hh.next) {
		uint8_t digest[CL_DIGEST_LENGTH];

		if (o->kind->outside || o->refused || o->change.effect == CL_UNCHANGED)
			continue;
		digest_unload(o->kind->name, bytes_of_text(cl_staged_name(o)), digest);
		if (!add(all, digest) || (o->loads && !add(all, o->digest)))
			return false;
	}
	return true;
}

void cl_held_except_staging(struct cl_held **all, const struct cl_staging *s)
{
	for (const struct cl_staged *o = s->objects; o; o = o->hh.next) {
		struct cl_held *held = o->loads ? find(*all, o->digest) : NULL;

		if (held)
			drop(all, held);
	}
}

/* ---- Requests ---- */

static const struct {
	const char *load, *unload, *kind;
	bool sections; /* an object each */
} commands[] = {
	{ "load-conn", "unload-conn", "connection", true },
	{ "load-pool", "unload-pool", "pool", true },
	{ "load-authority", "unload-authority", "authority", true },
	{ "load-client", "unload-client", "client", true },
	{ "load-shared", "unload-shared", "secret", false },
};

typedef bool visitor(void *context, const uint8_t *digest);

static bool visit_load(const char *kind, struct vici_view source, visitor *visit, void *context)
{
	uint8_t digest[CL_DIGEST_LENGTH];

	cl_object_digest(kind, source, digest);
	return visit(context, digest);
}

static bool visit_unload(const char *kind, struct bytes name, visitor *visit, void *context)
{
	uint8_t digest[CL_DIGEST_LENGTH];

	digest_unload(kind, name, digest);
	return visit(context, digest);
}

/* Hands the digest of each piece to visit until that says false; names: and of the unloading of
 * what is loaded. */
static bool each_piece(
	struct bytes command, struct vici_view request, bool names, visitor *visit, void *context)
{
	bool good = true;

	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		const char *kind = commands[i].kind;
		struct bytes name = vici_get(request, commands[i].sections ? "name" : "id");
		bool loads = vici_is(command, commands[i].load);

		if (vici_is(command, commands[i].unload) ||
			(loads && names && !commands[i].sections))
			good = good && visit_unload(kind, name, visit, context);
		if (loads && !commands[i].sections)
			good = good && visit_load(kind, request, visit, context);
		if (!loads || !commands[i].sections)
			continue;
		VICI_EACH(each, request)
		{
			if (vici_kind(each) != VICI_SECTION)
				continue;
			good = good && visit_load(kind, each, visit, context);
			if (names)
				good = good && visit_unload(kind, vici_name(each), visit, context);
		}
	}
	return good;
}

static bool add_piece(void *context, const uint8_t *digest)
{
	return add(context, digest);
}

bool cl_held_add_request(struct cl_held **all, struct bytes command, struct vici_view request)
{
	return each_piece(command, request, true, add_piece, all);
}

static bool is_no_piece(void *context, const uint8_t *digest)
{
	return find(context, digest) == NULL;
}

bool cl_held_has_request(const struct cl_held *all, struct bytes command, struct vici_view request)
{
	return !each_piece(command, request, false, is_no_piece, (void *)all);
}
