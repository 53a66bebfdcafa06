/*
 * Values as text: what strongswan.conf, swanctl.conf and VICI write for switches, numbers, times
 * and amounts. Surrounding blanks are not accepted. Each returns false, and leaves ret untouched,
 * for anything else. Pure.
 */
#ifndef LIBVICI_VALUE_H
#define LIBVICI_VALUE_H

#include "libbase/bytes.h"

/* yes, true, enabled, 1; no, false, disabled, 0; in any case. */
MUST_USE bool value_bool(struct bytes text, bool *ret);

/* Decimal, or hexadecimal after 0x. */
MUST_USE bool value_unsigned(struct bytes text, uint64_t *ret);

/* value_unsigned() that fits 32 bits. */
MUST_USE bool value_u32(struct bytes text, uint32_t *ret);

/* value_unsigned() with an optional minus. */
MUST_USE bool value_signed(struct bytes text, int64_t *ret);

/* Decimal notation with an optional fraction ("1.8"), as strongswan.conf's retransmit_base has. */
MUST_USE bool value_double(struct bytes text, double *ret);

/* Seconds: a number with nothing, s, m, h or d after it, perhaps after blanks. */
MUST_USE bool value_seconds(struct bytes text, uint64_t *ret);

/* Milliseconds: as value_seconds(), and "ms"; a fraction ("2.5s") is allowed. */
MUST_USE bool value_milliseconds(struct bytes text, uint64_t *ret);

/* Bytes: a number with nothing, k, m or g (1024, 1024^2, 1024^3) after it, in any case,
 * perhaps after blanks. */
MUST_USE bool value_amount(struct bytes text, uint64_t *ret);

#endif
