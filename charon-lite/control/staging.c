/* Before anybody includes uthash.h. */
#define HASH_NONFATAL_OOM 1
#include "charon-lite/control/staging.h"

#include "charon-lite/control/held.h"
#include "charon-lite/control/loaded.h"

#include <malloc.h>
#include <stdlib.h>

#define MANY 256

/* A table that cannot grow says so instead of ending the daemon. */
static bool enter(struct cl_staging *s, struct cl_staged *o)
{
	HASH_ADD_KEYPTR(hh, s->objects, o->key, o->key_length, o);
	return o->hh.tbl != NULL;
}

struct cl_staging *cl_staging_new(struct cl_daemon *d)
{
	struct cl_staging *s = calloc(1, sizeof(*s));

	if (s)
		s->daemon = d;
	return s;
}

/* What was staged of thousands of objects lies between what stays of them: no heap shrinks by
 * itself then. */
static void give_back_memory(void)
{
#ifdef __GLIBC__
	(void)malloc_trim(0);
#endif
}

static void staged_free(struct cl_staged *o)
{
	if (o->object)
		o->kind->free(o->object);
	free((uint8_t *)o->message.at);
	free(o->change.keys);
	free(o->title);
	free(o->error);
	secret_wipe(o->digest, sizeof(o->digest)); /* it may be a weak secret's */
	free(o);
}

void cl_staging_free(struct cl_staging *s)
{
	struct cl_staged *o, *next;

	if (!s)
		return;
	size_t count = HASH_COUNT(s->objects);
	HASH_ITER(hh, s->objects, o, next)
	{
		HASH_DEL(s->objects, o);
		staged_free(o);
	}
	ike_clients_free(s->clients);
	free(s);
	if (count >= MANY)
		give_back_memory();
}

static struct cl_staged *staged_new(const struct cl_loadable *kind, const char *name)
{
	size_t kind_length = strlen(kind->name) + 1, length = kind_length + strlen(name) + 1;
	struct cl_staged *o = calloc(1, sizeof(*o) + length);

	if (o) {
		o->kind = kind;
		o->key_length = length;
		memcpy(o->key, kind->name, kind_length);
		memcpy(o->key + kind_length, name, length - kind_length);
	}
	return o;
}

/* What it comes from: so that it can be loaded once more, and known again. */
static void note_source(struct cl_staging *s, struct cl_staged *o)
{
	if (o->kind->outside || !vici_present(s->source))
		return;
	cl_object_digest(o->kind->name, s->source, o->digest);
	if (o->kind->command && !o->refused)
		o->message = cl_message_of(s->source);
}

/* In the place of what is there of that kind and name, but at the end. Freed when memory runs out.
 */
static bool put(struct cl_staging *s, struct cl_staged *o, struct why *why)
{
	struct cl_staged *old = NULL;

	if (!o)
		return why_fail(why, "out of memory");
	HASH_FIND(hh, s->objects, o->key, o->key_length, old);
	if (old) {
		HASH_DEL(s->objects, old);
		staged_free(old);
	}
	if (enter(s, o))
		return true;
	staged_free(o);
	return why_fail(why, "out of memory");
}

bool cl_staging_add_titled(struct cl_staging *s, const struct cl_loadable *kind, const char *name,
	const char *title, void *object, struct why *why)
{
	struct cl_staged *o = staged_new(kind, name);

	if (!o) {
		kind->free(object);
		return why_fail(why, "out of memory");
	}
	o->object = object;
	o->loads = true;
	o->title = title ? strdup(title) : NULL;
	note_source(s, o);
	return put(s, o, why);
}

bool cl_staging_add(struct cl_staging *s, const struct cl_loadable *kind, const char *name,
	void *object, struct why *why)
{
	return cl_staging_add_titled(s, kind, name, NULL, object, why);
}

bool cl_staging_unload(
	struct cl_staging *s, const struct cl_loadable *kind, const char *name, struct why *why)
{
	struct cl_staged *o = staged_new(kind, name), *old = NULL;

	if (o)
		HASH_FIND(hh, s->objects, o->key, o->key_length, old);
	if (o && !(old && old->object) && !kind->may_unload(s->daemon, name, why)) {
		free(o);
		/* what is not there is nobody's fault */
		if (kind->is_loaded && kind->is_loaded(s->daemon, name))
			cl_staging_refuse(s, kind, name, why->text);
		return false;
	}
	return put(s, o, why);
}

void cl_staged_refuse(struct cl_staged *o, const char *error)
{
	o->refused = o->late = true;
	free(o->error);
	o->error = strdup(error);
}

/* Without memory even for that the client has been told, and a strict commit of the rest must not
 * pass for a whole one: so it stays noted in the staging itself. */
void cl_staging_refuse(
	struct cl_staging *s, const struct cl_loadable *kind, const char *name, const char *error)
{
	struct cl_staged *o = staged_new(kind, name);
	struct why why;

	if (o) {
		o->refused = true;
		o->error = strdup(error);
		note_source(s, o);
	}
	if (!put(s, o, &why))
		s->lost++;
}
