/*
 * The names in local_addrs and remote_addrs: asked of the host when a definition is loaded, before
 * each attempt, now and then while it is loaded, and when a stranger knocks that may be one of
 * them. What a name had last stays until there is a better answer.
 */
#ifndef LIBIKE_NAMES_H
#define LIBIKE_NAMES_H

#include "libike/engine_priv.h"

struct ike_lookup;

/* The definition's names become the engine's, and those that were never asked are. False when
 * memory ran out. */
MUST_USE bool ike_names_adopt(struct ike_engine *e, struct ike_connection *c);
MUST_USE bool ike_names_adopt_list(struct ike_engine *e, struct ike_endpoints *list);
void ike_names_free(struct ike_engine *e);

bool ike_connection_has_names(const struct ike_connection *c);
/* Asks for those whose answer is older than a moment. True when one is being asked for: the answers
 * go to ike_targets_named(). */
bool ike_names_ask(struct ike_engine *e, const struct ike_endpoints *local,
	const struct ike_endpoints *remote);
/* Why the first of them has no address; NULL when that is not known. */
const char *ike_names_error(const struct ike_engine *e, const struct ike_endpoints *list);
/* A stranger's address fits no definition: names may have moved. */
void ike_names_doubt(struct ike_engine *e);

/* A name's timer has come. */
void ike_lookup_wake(struct ike_engine *e, struct ike_timer *timer);

#endif
