/*
 * Values of strongswan.conf's keys in numbers. A key that is NULL is absent: *value, the default,
 * stays as it is. False with "file:line: key = value is not ..." for one that makes no sense.
 */
#ifndef CHARON_LITE_SETTINGS_VALUE_H
#define CHARON_LITE_SETTINGS_VALUE_H

#include "libike/host.h"
#include "libvici/settings.h"

MUST_USE bool cl_value_bool(const struct settings_key *key, bool *value, struct why *why);
/* From 0 to max. */
MUST_USE bool cl_value_number(
	const struct settings_key *key, uint32_t max, uint32_t *value, struct why *why);
/* From 1 to 10, as retransmit_base is. */
MUST_USE bool cl_value_factor(const struct settings_key *key, double *value, struct why *why);
/* Milliseconds, at most a year; the text may have a unit and a fraction. */
MUST_USE bool cl_value_time(const struct settings_key *key, ike_time *value, struct why *why);

/* Says that it is not what is wanted, and where; returns false. */
bool cl_value_wrong(const struct settings_key *key, const char *wanted, struct why *why);

#endif
