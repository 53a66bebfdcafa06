/*
 * Addresses for peers that the host gets from a DHCP server (the pool `dhcp`).
 *
 * The question is the IKE SA's from the moment that it is asked; what was given stays the IKE SA's,
 * is kept alive by the host, and goes back to it when the SA ends. One for each IKE SA, of IPv4.
 * libike/virtual.h gives it to the peer.
 */
#ifndef LIBIKE_LEASED_H
#define LIBIKE_LEASED_H

#include "libike/engine.h"
#include "libike/model/attributes.h"

#include <uthash.h>

/* The pool's name, unless a pool of that name was loaded. */
#define IKE_LEASED_POOL "dhcp"

struct ike_leased {
	UT_hash_handle by_ticket;
	uint64_t ticket; /* 0: the host could not be asked */
	uint32_t ike_id; /* whose it is */
	bool answered;
	struct address address;           /* family 0: there is none, */
	char *error;                      /* heap: and why; or NULL */
	struct ike_attributes attributes; /* DNS and NBNS servers */
};

/* Asks the host for an address for the SA's peer; it may have been answered with a refusal at once.
 * NULL when memory ran out. */
struct ike_leased *ike_leased_ask(
	struct ike_engine *e, const struct ike_sa *sa, const struct address *wanted);
/* Gives it back, or takes the question back. NULL is fine. */
void ike_leased_return(struct ike_engine *e, struct ike_leased *leased);
/* The same, without the host: for ike_engine_free(). */
void ike_leased_free(struct ike_leased *leased);

#endif
