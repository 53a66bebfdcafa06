/*
 * Names of IP protocols and services, for the text form of traffic selectors. Internal to base/.
 *
 * The system's databases are not asked: that would be I/O, and the same selector would print
 * differently from host to host.
 */
#ifndef LIBIKE_BASE_PROTOCOL_NAMES_H
#define LIBIKE_BASE_PROTOCOL_NAMES_H

#include "libbase/bytes.h"

/* NULL when it has none, and for 0. */
const char *ike_protocol_name(uint8_t number);
MUST_USE bool ike_protocol_number(const char *name, uint8_t *ret);

/* The service's name at that protocol; with a protocol without a name (0 among them) at any.
 * NULL when it has none. */
const char *ike_service_name(uint8_t protocol, uint16_t port);
MUST_USE bool ike_service_port(const char *name, uint16_t *ret);

#endif
