/*
 * What is wanted, by names: a site is all that goes under one connection's name, whatever version
 * of its definition; a wish is one child of it that should be up, or whose trap should be
 * installed. Data only; supervisor.c decides.
 */
#ifndef LIBIKE_WISHES_H
#define LIBIKE_WISHES_H

#include "libike/engine_priv.h"

struct ike_wish {
	struct ike_timer timer; /* when to look again; IKE_NEVER: when something happens */
	struct ike_wish *next;  /* of the same site */
	struct ike_site *site;
	uint8_t wanted;      /* enum ike_action */
	bool deferred;       /* the peer had begun, and was let go first */
	uint8_t reason;      /* enum ike_reason: of the last failure */
	uint32_t failures;   /* in a row */
	ike_time refused_at; /* a twin that the peer wanted; 0: never, as below */
	ike_time reduced_at; /* a twin that was there */
	char *child;         /* name */
};

struct ike_site {
	UT_hash_handle by_name; /* engine's table */
	char *name;
	/* Held: the loaded one is the last; the others as long as they have IKE SAs. */
	struct ike_connection **versions;
	size_t version_count;
	struct ike_wish *wishes;
	struct address worked; /* the peer's, that an attempt of ours got through to last */
};

struct ike_site *ike_site_find(const struct ike_engine *e, const char *name);
/* The site of that definition's name, which becomes its newest version; NULL when memory ran out.
 */
struct ike_site *ike_site_add(struct ike_engine *e, struct ike_connection *c);
/* Drops versions that are neither loaded nor have IKE SAs; the site goes with its last one. */
void ike_site_prune(struct ike_engine *e, const char *name);
void ike_sites_free(struct ike_engine *e);
/* Calls `visit` with each IKE SA of any version; it may end that one and others. */
void ike_site_visit(struct ike_engine *e, const char *name,
	void (*visit)(void *context, struct ike_sa *sa), void *context);

struct ike_wish *ike_wish_find(const struct ike_site *site, const char *child);
/* There already, or new; NULL when memory ran out. */
struct ike_wish *ike_wish_add(struct ike_engine *e, struct ike_site *site, const char *child);
void ike_wish_remove(struct ike_engine *e, struct ike_wish *wish);

/* A child of that name that is up or being negotiated by us, under any version; other than
 * `except`, which may be NULL. */
bool ike_site_has_child(
	const struct ike_site *site, const char *name, const struct ike_child *except);
/* One that is up. */
bool ike_site_is_up(const struct ike_site *site, const char *name, const struct ike_child *except);

#endif
