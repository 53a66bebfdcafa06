/*
 * What VICI loads and unloads by name, each kind as a table of functions: so that a message can be
 * carried out at once, or staged (staging.h), by the same code.
 */
#ifndef CHARON_LITE_CONTROL_LOADABLE_H
#define CHARON_LITE_CONTROL_LOADABLE_H

#include "charon-lite/daemon.h"
#include "libvici/message.h"

enum cl_effect {
	CL_UNCHANGED,
	CL_ADDED,
	CL_REMOVED,
	CL_IN_PLACE,
	CL_NEXT_KEYS, /* tunnels stay, their next keys are made by it */
	CL_REBUILT,   /* tunnels are made anew */
};

/* "in-place" and so on. */
const char *cl_effect_name(enum cl_effect effect);

struct cl_change {
	enum cl_effect effect;
	char *keys; /* heap: what differs, for people; NULL: nothing more to say */
};

/* An effect with a list of keys. */
struct cl_change cl_change_of(enum cl_effect effect, const char *keys);
/* Of one that is there already: "a, b" if any of those differs. Text is "" at first. */
#define CL_KEYS_MAX 256
void cl_change_note(char keys[CL_KEYS_MAX], const char *key, bool differs);
struct cl_change cl_change_in_place(const char *keys);

struct cl_loadable {
	const char *name;    /* "connection" */
	const char *command; /* "load-conn", of those that cl_loaded_set() keeps; else NULL */
	bool outside;        /* a configuration is not known by it */
	bool together;       /* of a message all are loaded or none */
	bool implied; /* no object of anybody's file: told of only when it changes something */
	/* An object out of its section, checked so that only memory can keep it from being loaded.
	 * NULL with a reason. */
	void *(*read)(struct cl_daemon *d, struct vici_view section, struct why *why);
	void (*free)(void *object);
	/* What loading the object, NULL: unloading that name, would change. */
	struct cl_change (*compare)(struct cl_daemon *d, const char *name, const void *object);
	/* Takes the object over, also on failure. */
	bool (*load)(struct cl_daemon *d, void *object, struct why *why);
	bool (*may_unload)(struct cl_daemon *d, const char *name, struct why *why);
	/* NULL: what may not be unloaded is not there. */
	bool (*is_loaded)(const struct cl_daemon *d, const char *name);
	bool (*unload)(struct cl_daemon *d, const char *name, struct why *why);
	/* What the last load of that name changed, for its answer; NULL: answers say nothing. */
	const char *(*changes)(struct cl_daemon *d, const char *name);
};

extern const struct cl_loadable cl_loadable_connection, cl_loadable_pool, cl_loadable_authority;

struct cl_client;
struct cl_staging;

/* Stages what a request loads, or says why not; of several sections those before the bad one. */
MUST_USE bool cl_load_staged(struct cl_staging *s, const struct cl_loadable *kind,
	struct vici_view request, struct why *why);
MUST_USE bool cl_load_client_staged(
	struct cl_staging *s, struct vici_view request, struct why *why);
MUST_USE bool cl_load_shared_staged(
	struct cl_staging *s, struct vici_view request, struct why *why);
MUST_USE bool cl_unload_shared_staged(struct cl_staging *s, const char *id, struct why *why);
/* All that have no id. */
MUST_USE bool cl_unload_nameless_staged(struct cl_staging *s, struct why *why);
/* Writes what a load-shared means, however it is written; false when it is no good. */
struct vici_builder;
bool cl_shared_normal(struct vici_view request, struct vici_builder *b);
MUST_USE bool cl_load_cert_staged(struct cl_staging *s, struct vici_view request, struct why *why);
MUST_USE bool cl_keep_certs_staged(struct cl_staging *s, struct vici_view request, struct why *why);
void cl_key_unload_named(struct cl_daemon *d, const char *id);

/* Carry out, or stage, a whole request, and answer it. missing: what to say of one without a
 * name. */
void cl_load(struct cl_client *c, const struct cl_loadable *kind, struct vici_view request);
void cl_unload(struct cl_client *c, const struct cl_loadable *kind, struct vici_view request,
	const char *missing);

#endif
