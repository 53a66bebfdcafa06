/* load-conn, load-pool, load-authority and their opposites: what they have in common. */
#include "charon-lite/control/loadable.h"

#include "charon-lite/control/command.h"
#include "charon-lite/control/loaded.h"
#include "charon-lite/control/staging.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- Changes ---- */

const char *cl_effect_name(enum cl_effect effect)
{
	static const char *const names[] = { "unchanged", "added", "removed", "in-place",
		"next-rekey", "rebuilt" };

	return names[effect];
}

struct cl_change cl_change_of(enum cl_effect effect, const char *keys)
{
	return (struct cl_change){ effect, keys && *keys ? strdup(keys) : NULL };
}

void cl_change_note(char keys[CL_KEYS_MAX], const char *key, bool differs)
{
	size_t used = strlen(keys);

	if (differs)
		snprintf(keys + used, CL_KEYS_MAX - used, "%s%s", used ? ", " : "", key);
}

struct cl_change cl_change_in_place(const char *keys)
{
	return cl_change_of(*keys ? CL_IN_PLACE : CL_UNCHANGED, keys);
}

/* ---- Loading ---- */

struct item {
	char *name;
	void *object;
	struct vici_view section;
	char *changes; /* for the answer; NULL: nothing to say */
};

/* What a message defines. */
struct reading {
	struct item *items;
	size_t count;
};

static void reading_free(struct reading *r, const struct cl_loadable *kind)
{
	for (size_t i = 0; i < r->count; i++) {
		free(r->items[i].name);
		free(r->items[i].changes);
		if (r->items[i].object)
			kind->free(r->items[i].object);
	}
	free(r->items);
}

static char *name_of(struct vici_view section)
{
	struct bytes name = vici_name(section);

	return strndup(name.length ? (const char *)name.at : "", name.length);
}

static bool read_one(struct cl_daemon *d, struct cl_staging *staging,
	const struct cl_loadable *kind, struct vici_view section, struct item *ret, struct why *why)
{
	*ret = (struct item){ .name = name_of(section), .section = section };
	if (!ret->name)
		return why_fail(why, "out of memory");
	ret->object = kind->read(d, section, why);
	if (!ret->object && staging) {
		staging->source = section;
		cl_staging_refuse(staging, kind, ret->name, why->text);
	}
	return ret->object != NULL;
}

static bool read_all(struct cl_daemon *d, struct cl_staging *staging,
	const struct cl_loadable *kind, struct vici_view request, struct reading *r,
	struct why *why)
{
	size_t room = 1;

	VICI_EACH(each, request)
	room += vici_kind(each) == VICI_SECTION;
	r->items = calloc(room, sizeof(*r->items));
	if (!r->items)
		return why_fail(why, "out of memory");
	VICI_EACH(each, request)
	{
		if (vici_kind(each) != VICI_SECTION)
			continue;
		if (!read_one(d, staging, kind, each, &r->items[r->count++], why))
			return false;
	}
	return true;
}

static bool take_at_once(
	struct cl_daemon *d, const struct cl_loadable *kind, struct item *item, struct why *why)
{
	void *object = item->object;

	item->object = NULL;
	if (!kind->load(d, object, why))
		return false;
	cl_loaded_set(&d->loaded, kind->command, item->name, cl_message_of(item->section));
	if (kind->changes) {
		const char *changes = kind->changes(d, item->name);

		item->changes = changes ? strdup(changes) : NULL;
	}
	return true;
}

static bool stage(struct cl_staging *staging, const struct cl_loadable *kind, struct item *item,
	struct why *why)
{
	void *object = item->object;

	item->object = NULL;
	if (kind->changes)
		item->changes = kind->compare(staging->daemon, item->name, object).keys;
	staging->source = item->section;
	return cl_staging_add(staging, kind, item->name, object, why);
}

/* staging NULL: at once. */
static bool load(struct cl_daemon *d, struct cl_staging *staging, const struct cl_loadable *kind,
	struct vici_view request, struct reading *r, struct why *why)
{
	bool good = read_all(d, staging, kind, request, r, why);
	bool taken = good || !kind->together;
	struct why failed;

	for (size_t i = 0; taken && i < r->count && r->items[i].object; i++)
		taken = staging ? stage(staging, kind, &r->items[i], &failed)
				: take_at_once(d, kind, &r->items[i], &failed);
	if (good && !taken)
		*why = failed;
	return good && taken;
}

bool cl_load_staged(struct cl_staging *s, const struct cl_loadable *kind, struct vici_view request,
	struct why *why)
{
	struct reading r = { 0 };
	bool good = load(s->daemon, s, kind, request, &r, why);

	reading_free(&r, kind);
	return good;
}

/* Success, and for each that was another one before how that takes effect. */
static void reply(struct cl_client *c, const struct reading *r)
{
	struct vici_builder b = cl_client_answer();
	bool any = false;

	vici_key_text(&b, "success", "yes");
	for (size_t i = 0; i < r->count; i++) {
		if (!r->items[i].changes)
			continue;
		if (!any)
			vici_section_start(&b, "changes");
		any = true;
		vici_key_text(&b, r->items[i].name, r->items[i].changes);
	}
	if (any)
		vici_section_end(&b);
	cl_client_reply(c, &b);
}

void cl_load(struct cl_client *c, const struct cl_loadable *kind, struct vici_view request)
{
	struct cl_daemon *d = cl_client_daemon(c);
	struct reading r = { 0 };
	struct why why;
	bool good = load(d, cl_client_staging(c), kind, request, &r, &why);

	if (!cl_client_staging(c))
		cl_daemon_rearm(d);
	if (good)
		reply(c, &r);
	else
		cl_client_reply_failure(c, "%s", why.text);
	reading_free(&r, kind);
}

/* ---- Unloading ---- */

void cl_unload(struct cl_client *c, const struct cl_loadable *kind, struct vici_view request,
	const char *missing)
{
	struct cl_staging *staging = cl_client_staging(c);
	struct cl_daemon *d = cl_client_daemon(c);
	char room[CL_NAME_MAX];
	const char *name = cl_request_text(request, "name", room);
	struct why why;
	bool done;

	if (!name) {
		cl_client_reply_failure(c, "%s", missing);
		return;
	}
	if (staging) {
		done = cl_staging_unload(staging, kind, name, &why);
	} else {
		done = kind->unload(d, name, &why);
		if (done)
			cl_loaded_set(&d->loaded, kind->command, name, (struct bytes){ 0 });
		cl_daemon_rearm(d);
	}
	if (done)
		cl_client_reply_success(c);
	else
		cl_client_reply_failure(c, "%s", why.text);
}
