/*
 * A configuration that is loaded as a whole: begin-load, then load-* and unload-* as ever, then
 * commit-load. In between nothing changes: each message is read, checked and answered, and what it
 * makes is kept here.
 *
 * A staging belongs to one client and goes with it. Several may be under way: each is compared with
 * what is loaded when it is committed, and the last one to commit prevails, object by object.
 */
#ifndef CHARON_LITE_CONTROL_STAGING_H
#define CHARON_LITE_CONTROL_STAGING_H

#include "charon-lite/control/loadable.h"

#include <uthash.h>

/* One object that is to be loaded, or unloaded, or was refused. */
struct cl_staged {
	UT_hash_handle hh;
	const struct cl_loadable *kind;
	void *object; /* NULL: to be unloaded, or loaded already */
	bool loads;   /* not unloads */
	bool refused; /* it stays as it is */
	bool late;    /* that was found out by the commit alone */
	char *error;  /* of one that is refused; NULL then: memory ran out */
	char *title;  /* what people know it by; NULL: by its name */
	struct cl_change change;
	struct bytes message; /* heap: what loads it, of a kind with a command */
	uint8_t digest[32];   /* of what loads it, by which it is known again */
	size_t key_length;
	char key[]; /* the kind's name, a zero, its own */
};

static inline const char *cl_staged_name(const struct cl_staged *o)
{
	return o->key + strlen(o->kind->name) + 1;
}

struct cl_staging {
	struct cl_daemon *daemon;
	struct cl_staged *objects;   /* a hash table, in the order in which they came */
	struct ike_clients *clients; /* as they would be; NULL until one is staged */
	size_t lost;                 /* messages that memory ran out for */
	struct vici_view source;     /* of the next objects: a section, or a request */
};

MUST_USE struct cl_staging *cl_staging_new(struct cl_daemon *d);
void cl_staging_free(struct cl_staging *s); /* NULL is fine */

/* Takes the object over, also on failure. What was staged of that kind and name is superseded. */
MUST_USE bool cl_staging_add(struct cl_staging *s, const struct cl_loadable *kind, const char *name,
	void *object, struct why *why);
/* The same with a title for people. */
MUST_USE bool cl_staging_add_titled(struct cl_staging *s, const struct cl_loadable *kind,
	const char *name, const char *title, void *object, struct why *why);
/* False with a reason when there is nothing of that name, loaded or staged, or it may not go. */
MUST_USE bool cl_staging_unload(
	struct cl_staging *s, const struct cl_loadable *kind, const char *name, struct why *why);
/* A message that was no good: so that a strict commit knows. */
void cl_staging_refuse(
	struct cl_staging *s, const struct cl_loadable *kind, const char *name, const char *error);

/* A refusal that the commit finds out. */
void cl_staged_refuse(struct cl_staged *o, const char *error);

/* commit.c. Compares everything with what is loaded, and finds out what would be refused; returns
 * how many are. compare: fills in what changes. */
size_t cl_staging_plan(struct cl_staging *s, bool compare);
/* Loads and unloads all that is not refused, in one go; returns how many failed. */
size_t cl_staging_apply(struct cl_staging *s);
/* Private keys alone. */
void cl_staging_apply_keys(struct cl_staging *s);

/* staged_clients.c: clients may exchange networks and identities, so they are loaded together. */
struct ike_client_change;
extern const struct cl_loadable cl_loadable_client;
struct ike_clients *cl_staging_clients(struct cl_staging *s); /* NULL: out of memory */
void cl_staged_client_free(struct ike_client_change *change);
void cl_staging_plan_clients(struct cl_staging *s);
void cl_staging_apply_clients(struct cl_staging *s);

#endif
