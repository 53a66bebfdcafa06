/*
 * A signature with a private key, which the host has (struct ike_host.sign): asked for, waited for,
 * forgotten. Plain data of whoever proves an identity; both versions of IKE use it.
 */
#ifndef LIBIKE_SIGNING_H
#define LIBIKE_SIGNING_H

#include "libike/engine_priv.h"

struct ike_signing {
	UT_hash_handle by_ticket; /* engine's table, while it is asked for */
	uint64_t ticket;          /* 0: nothing is asked for */
	uint32_t ike_id;          /* of the IKE SA that goes on then */
	struct bytes signature;   /* heap: as the host gave it, */
	char *error;              /* or why not; heap */
};

/* Asks; ike_resume() comes for ike_id. False when the host cannot even be asked. */
MUST_USE bool ike_signing_ask(
	struct ike_engine *e, struct ike_signing *s, uint32_t ike_id, const struct ike_sign *what);
/* Frees the answer; one that is still to come is nobody's. */
void ike_signing_forget(struct ike_engine *e, struct ike_signing *s);

#endif
