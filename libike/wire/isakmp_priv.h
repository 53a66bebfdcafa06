/*
 * The payload with an inner structure: its checker. Internal to wire/.
 */
#ifndef LIBIKE_WIRE_ISAKMP_PRIV_H
#define LIBIKE_WIRE_ISAKMP_PRIV_H

#include "libike/wire/isakmp.h"

/* The bit of FRAGMENT in struct isakmp_message.present. */
#define ISAKMP_FRAGMENT_BIT 31

/* The body of a payload, without its generic header. False with a reason when anything in it does
 * not fit. */
MUST_USE bool isakmp_sa_view_parse(struct bytes body, struct isakmp_sa_view *ret, struct why *why);

/* ---- isakmp_transform.c ---- */

/* From transform_id and attributes: suite, lifetimes, auth_method, encapsulation, usable. */
void isakmp_transform_read(int phase, struct isakmp_offer *offer);
/* Whether IKEv1 has numbers for it; in phase 1 integrity and PRF become those of one hash. */
bool isakmp_transform_sayable(int phase, struct ike_suite *s);
uint8_t isakmp_transform_id(int phase, const struct ike_suite *s);

#define ISAKMP_DEFLATE 2 /* IPComp's transform; the others never came into use */
/* The attributes. */
void isakmp_transform_write(
	struct writer *w, const struct ike_suite *s, const struct isakmp_said *said);
void isakmp_attribute_write(struct writer *w, uint16_t type, uint64_t value);

#endif
