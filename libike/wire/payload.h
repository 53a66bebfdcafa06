/*
 * The two payloads with an inner structure, SA and TS: their checkers. Internal to wire/.
 */
#ifndef LIBIKE_WIRE_PAYLOAD_H
#define LIBIKE_WIRE_PAYLOAD_H

#include "libike/wire/message.h"

/* The body of a payload, without its generic header. False with a reason when anything in it does
 * not fit; ret is then untouched. */
MUST_USE bool ike_sa_view_parse(struct bytes body, struct ike_sa_view *ret, struct why *why);
MUST_USE bool ike_ts_view_parse(struct bytes body, struct ike_ts_view *ret, struct why *why);

#endif
