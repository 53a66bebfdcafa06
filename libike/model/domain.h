/*
 * Domain names in configuration attributes (RFC 8598 3; Cisco Unity's UNITY_SPLITDNS_NAME): they
 * come from a peer, and go to scripts, resolvers and logs. What is read here is safe there.
 */
#ifndef LIBIKE_MODEL_DOMAIN_H
#define LIBIKE_MODEL_DOMAIN_H

#include "libbase/bytes.h"

/* 253 characters (RFC 1035 2.3.4 without the root's dot) and the zero. */
#define IKE_DOMAIN_TEXT_MAX 254

/* A name in presentation form: labels of at most 63 letters, digits, underscores, and hyphens that
 * are neither first nor last (names of other scripts are A-labels, RFC 5890); the last label is not
 * a number alone; one dot may be at the end. ret is in small letters, without that dot. False when
 * it is anything else, the root included. */
MUST_USE bool ike_domain_read(struct bytes value, char ret[IKE_DOMAIN_TEXT_MAX]);

/* The next name of a list, with commas or spaces between (Unity's form). False at the end. */
MUST_USE bool ike_domain_next(struct reader *list, struct bytes *ret);

#endif
