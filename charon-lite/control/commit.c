/* What a staging would do, and its doing. */
#include "charon-lite/control/loaded.h"
#include "charon-lite/control/staging.h"
#include "charon-lite/log_events.h"

#include <stdio.h>
#include <stdlib.h>

/* It may have gone meanwhile, or have been staged alone: then there is nothing left to do. */
static bool is_gone(struct cl_daemon *d, const struct cl_staged *o)
{
	const char *name = cl_staged_name(o);
	struct why why;

	return o->kind->is_loaded ? !o->kind->is_loaded(d, name)
				  : !o->kind->may_unload(d, name, &why);
}

static void plan_one(struct cl_daemon *d, struct cl_staged *o, bool compare)
{
	struct why why = { "" };

	bool nothing = !o->object && is_gone(d, o);

	if (!o->object && !nothing && !o->kind->may_unload(d, cl_staged_name(o), &why)) {
		cl_staged_refuse(o, why.text);
		return;
	}
	free(o->change.keys);
	o->change = (struct cl_change){ 0 };
	if (compare && !nothing)
		o->change = o->kind->compare(d, cl_staged_name(o), o->object);
}

size_t cl_staging_plan(struct cl_staging *s, bool compare)
{
	size_t refused = s->lost;

	cl_staging_plan_clients(s);
	for (struct cl_staged *o = s->objects; o; o = o->hh.next) {
		if (!o->refused)
			plan_one(s->daemon, o, compare);
		refused += o->refused;
	}
	return refused;
}

/* It is so now: what goes back to it later is to know. */
static void note_loaded(struct cl_daemon *d, struct cl_staged *o)
{
	if (o->kind->command && !o->refused)
		cl_loaded_set(&d->loaded, o->kind->command, cl_staged_name(o), o->message);
	else
		cl_message_wipe(o->message);
	o->message = (struct bytes){ 0 };
}

static bool apply_one(struct cl_daemon *d, struct cl_staged *o, struct why *why)
{
	void *object = o->object;

	if (!object)
		return is_gone(d, o) || o->kind->unload(d, cl_staged_name(o), why);
	o->object = NULL;
	return o->kind->load(d, object, why);
}

static void log_applied(
	struct cl_daemon *d, size_t loaded, size_t changed, size_t unloaded, size_t refused)
{
	char texts[4][24];

	snprintf(texts[0], sizeof(*texts), "%zu", loaded);
	snprintf(texts[1], sizeof(*texts), "%zu", changed);
	snprintf(texts[2], sizeof(*texts), "%zu", unloaded);
	snprintf(texts[3], sizeof(*texts), "%zu", refused);
	cl_log_daemon_event(d->log, CL_LOG_CONFIGURATION_APPLIED, NULL, "connections-loaded",
		texts[0], "connections-changed", texts[1], "connections-unloaded", texts[2],
		"refused", texts[3], NULL);
}

size_t cl_staging_apply(struct cl_staging *s)
{
	struct cl_daemon *d = s->daemon;
	const size_t loaded = d->connections.loaded, changed = d->connections.changed,
		     unloaded = d->connections.unloaded;
	bool clients = false;
	size_t failed = 0, left = s->lost;
	struct why why;

	for (struct cl_staged *o = s->objects; o; o = o->hh.next) {
		bool refused = o->refused;

		if (!refused && o->kind == &cl_loadable_client) {
			if (!clients)
				cl_staging_apply_clients(s);
			clients = true;
		} else if (!refused && !apply_one(s->daemon, o, &why)) {
			cl_staged_refuse(o, why.text);
		}
		failed += o->refused && !refused;
		left += o->refused;
		if (!refused)
			note_loaded(s->daemon, o);
	}
	log_applied(d, d->connections.loaded - loaded, d->connections.changed - changed,
		d->connections.unloaded - unloaded, left);
	cl_daemon_rearm(d);
	return failed;
}

void cl_staging_apply_keys(struct cl_staging *s)
{
	struct why why;

	for (struct cl_staged *o = s->objects; o; o = o->hh.next)
		if (o->object && o->kind->outside && !o->kind->implied)
			(void)!apply_one(s->daemon, o, &why);
}
