/*
 * RADIUS packets (RFC 2865, 2866, 2869, 3579): parse, build, prove.
 *
 * Our own codec, since the libraries that Debian has (radcli, libfreeradius) block or want to own
 * the loop. Received packets are read through the bounded reader; what a server says is acted on
 * only after its authenticators verified. MD5 comes with the protocol: nobody is asked to trust it
 * beyond.
 */
#ifndef CHARON_LITE_RADIUS_PACKET_H
#define CHARON_LITE_RADIUS_PACKET_H

#include "libbase/address.h"
#include "libbase/secret.h"

#include <openssl/types.h>

#define CL_RADIUS_PACKET_MAX 4096
#define CL_RADIUS_AUTHENTICATOR 16
#define CL_RADIUS_ATTRIBUTE_MAX 253
#define CL_RADIUS_MSK_LENGTH 64

enum cl_radius_code {
	CL_RADIUS_ACCESS_REQUEST = 1,
	CL_RADIUS_ACCESS_ACCEPT = 2,
	CL_RADIUS_ACCESS_REJECT = 3,
	CL_RADIUS_ACCOUNTING_REQUEST = 4,
	CL_RADIUS_ACCOUNTING_RESPONSE = 5,
	CL_RADIUS_ACCESS_CHALLENGE = 11,
};

enum cl_radius_attribute {
	CL_RADIUS_USER_NAME = 1,
	CL_RADIUS_NAS_IP_ADDRESS = 4,
	CL_RADIUS_NAS_PORT = 5,
	CL_RADIUS_SERVICE_TYPE = 6,
	CL_RADIUS_FRAMED_IP_ADDRESS = 8,
	CL_RADIUS_FRAMED_IP_NETMASK = 9,
	CL_RADIUS_FILTER_ID = 11,
	CL_RADIUS_REPLY_MESSAGE = 18,
	CL_RADIUS_STATE = 24,
	CL_RADIUS_CLASS = 25,
	CL_RADIUS_VENDOR_SPECIFIC = 26,
	CL_RADIUS_SESSION_TIMEOUT = 27,
	CL_RADIUS_CALLED_STATION_ID = 30,
	CL_RADIUS_CALLING_STATION_ID = 31,
	CL_RADIUS_NAS_IDENTIFIER = 32,
	CL_RADIUS_ACCT_STATUS_TYPE = 40,
	CL_RADIUS_ACCT_INPUT_OCTETS = 42,
	CL_RADIUS_ACCT_OUTPUT_OCTETS = 43,
	CL_RADIUS_ACCT_SESSION_ID = 44,
	CL_RADIUS_ACCT_SESSION_TIME = 46,
	CL_RADIUS_ACCT_INPUT_PACKETS = 47,
	CL_RADIUS_ACCT_OUTPUT_PACKETS = 48,
	CL_RADIUS_ACCT_TERMINATE_CAUSE = 49,
	CL_RADIUS_ACCT_INPUT_GIGAWORDS = 52,
	CL_RADIUS_ACCT_OUTPUT_GIGAWORDS = 53,
	CL_RADIUS_NAS_PORT_TYPE = 61,
	CL_RADIUS_EAP_MESSAGE = 79,
	CL_RADIUS_MESSAGE_AUTHENTICATOR = 80,
	CL_RADIUS_ACCT_INTERIM_INTERVAL = 85,
	CL_RADIUS_NAS_PORT_ID = 87,
	CL_RADIUS_NAS_IPV6_ADDRESS = 95,
	CL_RADIUS_FRAMED_IPV6_ADDRESS = 168, /* RFC 6911 */
	CL_RADIUS_DNS_SERVER_IPV6_ADDRESS = 169,
};

/* ---- Received ---- */

struct cl_radius_packet {
	uint8_t code;
	uint8_t identifier;
	const uint8_t *authenticator; /* 16 octets */
	struct bytes attributes;      /* checked: every length fits */
	struct bytes whole;           /* as long as its length field says */
};

/* Views of the datagram. False when it is none: short, longer than it is, an attribute that runs
 * over the end. */
MUST_USE bool cl_radius_parse(struct bytes datagram, struct cl_radius_packet *ret);

/* The next attribute; false at the end. reader: over attributes. */
bool cl_radius_next(struct reader *reader, uint8_t *ret_type, struct bytes *ret_value);
/* The first of that type; empty when there is none. */
struct bytes cl_radius_find(const struct cl_radius_packet *p, uint8_t type);
bool cl_radius_find_u32(const struct cl_radius_packet *p, uint8_t type, uint32_t *ret);

/* Whether it is the secret's owner's answer to the request of that authenticator. An answer with
 * EAP, and with strict every answer to an Access-Request, must have a Message-Authenticator (RFC
 * 3579 3.2; without it, answers can be forged: CVE-2024-3596). */
MUST_USE bool cl_radius_verify(OSSL_LIB_CTX *library, const struct cl_radius_packet *answer,
	const uint8_t request_authenticator[CL_RADIUS_AUTHENTICATOR], struct bytes secret,
	bool strict);

/* MS-MPPE-Recv-Key and MS-MPPE-Send-Key (RFC 2548 2.4) joined: the MSK. An empty secret when they
 * are not both there; false when they are malformed or memory ran out. */
MUST_USE bool cl_radius_msk(OSSL_LIB_CTX *library, const struct cl_radius_packet *accept,
	const uint8_t request_authenticator[CL_RADIUS_AUTHENTICATOR], struct bytes secret,
	struct secret *ret);

/* ---- Sent ---- */

struct cl_radius_builder {
	struct writer writer;
	uint8_t room[CL_RADIUS_PACKET_MAX];
};

void cl_radius_begin(struct cl_radius_builder *b, uint8_t code, uint8_t identifier);
/* Values beyond 253 octets are cut; EAP packets have cl_radius_put_eap(). */
void cl_radius_put(struct cl_radius_builder *b, uint8_t type, struct bytes value);
void cl_radius_put_u32(struct cl_radius_builder *b, uint8_t type, uint32_t value);
void cl_radius_put_text(struct cl_radius_builder *b, uint8_t type, const char *text);
/* In as many attributes as it needs (RFC 3579 3.1). */
void cl_radius_put_eap(struct cl_radius_builder *b, struct bytes packet);

/* Access-Request: the authenticator is random and the caller's; adds the Message-Authenticator.
 * An empty view when something did not fit. */
MUST_USE struct bytes cl_radius_finish_access(OSSL_LIB_CTX *library, struct cl_radius_builder *b,
	const uint8_t authenticator[CL_RADIUS_AUTHENTICATOR], struct bytes secret);
/* Accounting-Request (RFC 2866 3). ret_authenticator: what its answer is proved with. */
MUST_USE struct bytes cl_radius_finish_accounting(OSSL_LIB_CTX *library,
	struct cl_radius_builder *b, struct bytes secret,
	uint8_t ret_authenticator[CL_RADIUS_AUTHENTICATOR]);

#endif
