/*
 * Where an IKE SA was redirected to (RFC 5685), by whom, and how often of late. ikev2/redirect.h
 * has the exchanges. Heap; only IKE SAs that were redirected, or descend from one that was, have
 * it.
 */
#ifndef LIBIKE_SA_REDIRECT_H
#define LIBIKE_SA_REDIRECT_H

#include "libike/engine_priv.h"

/* No more redirects than that in that time are followed (RFC 5685 7). */
#define IKE_REDIRECTS_MAX 5
#define IKE_REDIRECT_PERIOD IKE_SECONDS(300)

struct ike_redirect {
	/* One element: where to go. Of an IKE SA that is up: what its peer wants it to leave for.
	 * No element: nowhere any more. */
	struct ike_endpoints gateway;
	struct address from;               /* who sent us there */
	bool fixed;                        /* a command had said where to go */
	ike_time times[IKE_REDIRECTS_MAX]; /* of redirects, the latest first */
	uint8_t count;
};

void ike_redirect_free(struct ike_redirect *r); /* NULL is fine */

/* An attempt goes to a gateway that it was sent to; an IKE SA that is up is to leave for one. */
bool ike_sa_is_redirected(const struct ike_sa *sa);
/* Where an attempt goes: that gateway, or remote_addrs. */
const struct ike_endpoints *ike_sa_remotes(const struct ike_sa *sa);
/* The gateway stays silent: from now on the attempt goes where the definition says. False: it must
 * not. */
bool ike_redirect_leave(struct ike_sa *sa);
/* It is up there. */
void ike_redirect_arrived(struct ike_sa *sa);
/* False when memory ran out. */
MUST_USE bool ike_redirect_copy(struct ike_engine *e, const struct ike_sa *from, struct ike_sa *to);

/* For texts about an attempt: " (where 192.0.2.1 redirected us to)", or nothing. Returns text. */
#define IKE_REDIRECT_ORIGIN_MAX (ADDRESS_TEXT_MAX + 40)
const char *ike_redirect_origin(const struct ike_sa *sa, char text[IKE_REDIRECT_ORIGIN_MAX]);

#endif
