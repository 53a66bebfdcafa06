/*
 * EAP packets (RFC 3748 4): parsed through the bounded reader, built into a writer.
 *
 *	 0                   1                   2                   3
 *	|     Code      |  Identifier   |            Length             |
 *	|     Type      |  Type-Data ...        (requests and responses alone)
 */
#ifndef LIBIKE_EAP_PACKET_H
#define LIBIKE_EAP_PACKET_H

#include "libbase/bytes.h"

enum ike_eap_code {
	IKE_EAP_REQUEST = 1,
	IKE_EAP_RESPONSE = 2,
	IKE_EAP_SUCCESS = 3,
	IKE_EAP_FAILURE = 4,
};

enum ike_eap_type {
	IKE_EAP_TYPE_IDENTITY = 1,
	IKE_EAP_TYPE_NOTIFICATION = 2,
	IKE_EAP_TYPE_NAK = 3,
};

struct ike_eap_packet {
	uint8_t code;
	uint8_t identifier;
	uint8_t type;      /* 0: success, failure */
	struct bytes data; /* what follows the type; borrowed */
	struct bytes whole;
};

/* False when the length is not that of the packet, the code is unknown, or the type is missing. */
MUST_USE bool ike_eap_packet_parse(struct bytes bytes, struct ike_eap_packet *ret);

/* Begins a packet; type 0 for none. Returns where it begins, for _finish() to fill its length in.
 */
size_t ike_eap_packet_begin(struct writer *w, uint8_t code, uint8_t identifier, uint8_t type);
void ike_eap_packet_finish(struct writer *w, size_t begin);

#endif
