/*
 * IKEv2 messages, received: bytes in, a checked structure out (RFC 7296 3).
 *
 * A message is parsed once. All lengths are checked, every payload that we know has been parsed
 * into its field, and all views borrow from the buffer that was parsed, which must outlive the
 * message. Nothing allocates. Which payloads an exchange requires is not asked here but by the
 * table in ikev2/; `present` serves that check.
 */
#ifndef LIBIKE_WIRE_MESSAGE_H
#define LIBIKE_WIRE_MESSAGE_H

#include "libbase/why.h"
#include "libike/base/selector.h"
#include "libike/crypto/proposal.h"
#include "libike/wire/numbers.h"

#define IKE_HEADER_LENGTH 28
#define IKE_MESSAGE_PAYLOADS_MAX 96 /* more than that is an attack, not a negotiation */
#define IKE_MESSAGE_NOTIFIES_MAX 48
#define IKE_MESSAGE_CERTS_MAX 16
#define IKE_MESSAGE_DELETES_MAX 8
#define IKE_MESSAGE_VENDORS_MAX 24

struct ike_header {
	uint64_t spi_initiator; /* the 8 octets read as a big-endian number */
	uint64_t spi_responder;
	uint8_t next_payload;
	uint8_t version; /* major << 4 | minor */
	uint8_t exchange;
	uint8_t flags;
	uint32_t message_id;
	uint32_t length;
};

/* A view of the proposals of a checked SA payload; read with ike_sa_view_next(). */
struct ike_sa_view {
	struct bytes body;
	uint8_t count;
};

struct ike_notify {
	uint8_t protocol;
	uint16_t type;
	struct bytes spi;
	struct bytes data;
};

struct ike_delete {
	uint8_t protocol;
	uint8_t spi_length; /* 0 for IKE, 4 for ESP and AH */
	uint16_t count;
	struct bytes spis; /* count * spi_length */
};

/* A CERT or CERTREQ payload. */
struct ike_cert {
	uint8_t encoding;
	struct bytes data;
};

/* A view of a checked TS payload; read with ike_ts_view_read(). */
struct ike_ts_view {
	struct bytes body; /* the selectors, without the count */
	uint8_t count;
};

/* An SK or SKF payload, still sealed. offset is where its body starts in the message. */
struct ike_sealed {
	size_t offset;        /* of the IV; what is before it is authenticated (the AAD) */
	uint8_t next_payload; /* the first payload inside */
	bool is_fragment;
	uint16_t fragment; /* 1.. */
	uint16_t fragments;
};

struct ike_message {
	struct ike_header header;
	/* Which payload types are there; IKE_HAS(message, SA). */
	uint64_t present;
	/* Which types occur twice although they may not (all but CERT, CERTREQ, N, D, V). */
	uint64_t repeated;
	bool has_sealed;
	struct ike_sealed sealed;
	/* Of an opened message: the payloads that were inside, and the type of the first. */
	struct bytes chain;
	uint8_t chain_first;

	struct ike_sa_view sa;
	struct {
		uint16_t group;
		struct bytes public_value;
	} ke;
	struct bytes nonce;
	struct {
		uint8_t type;
		struct bytes octets;
	} id_initiator, id_responder;
	struct {
		uint8_t method;
		struct bytes data;
	} auth;
	struct ike_ts_view ts_initiator, ts_responder;
	struct {
		uint8_t type;
		struct bytes attributes; /* checked; RFC 7296 3.15.1 */
	} configuration;
	struct bytes eap;

	struct ike_notify notifies[IKE_MESSAGE_NOTIFIES_MAX];
	struct ike_delete deletes[IKE_MESSAGE_DELETES_MAX];
	struct ike_cert certs[IKE_MESSAGE_CERTS_MAX];
	struct ike_cert certreqs[IKE_MESSAGE_CERTS_MAX];
	struct bytes vendors[IKE_MESSAGE_VENDORS_MAX];
	uint8_t notify_count;
	uint8_t delete_count;
	uint8_t cert_count;
	uint8_t certreq_count;
	uint8_t vendor_count;
	/* The type of the first unknown payload with the critical bit, with IKE_PARSE_CRITICAL. */
	uint8_t critical_type;
	/* In the order they came, for the log line: "[ SA KE No N(NATD_S_IP) ]". */
	uint8_t order[IKE_MESSAGE_PAYLOADS_MAX];
	uint8_t order_count;
};

#define IKE_PAYLOAD_BIT(type) (UINT64_C(1) << ((type)-32))
#define IKE_HAS(message, name) (((message)->present & IKE_PAYLOAD_BIT(IKE_PAYLOAD_##name)) != 0)

enum ike_parse {
	IKE_PARSE_OK,
	IKE_PARSE_SYNTAX,   /* INVALID_SYNTAX, when it may be said */
	IKE_PARSE_CRITICAL, /* UNSUPPORTED_CRITICAL_PAYLOAD with critical_type */
	IKE_PARSE_VERSION,  /* a higher major version: INVALID_MAJOR_VERSION */
};

/* The header alone: enough to find the SA. False when shorter than a header or when the length
 * field is not the datagram's. Does not look at the version. */
MUST_USE bool ike_header_parse(struct bytes datagram, struct ike_header *ret);

/* A whole datagram as it came. Payloads in the clear are parsed; an SK or SKF payload must be the
 * last, and is left sealed. why names the payload and what is wrong with it. On anything but
 * IKE_PARSE_OK only header and critical_type of ret are set. */
enum ike_parse ike_message_parse(struct bytes datagram, struct ike_message *ret, struct why *why);

/* The payloads of an opened SK (or reassembled SKFs): header is the outer one, first the type of
 * the first payload; chain has no padding. */
enum ike_parse ike_message_parse_inner(const struct ike_header *header, uint8_t first,
	struct bytes chain, struct ike_message *ret, struct why *why);

/* Next proposal of an SA payload into ret; *cursor starts at 0. False at the end. Transforms of
 * unknown ids are kept (they match nothing, and belong into a log of the offer); transforms with
 * attributes that we don't know (RFC 7296 3.3.6) and those beyond the maximum are left out. A
 * proposal that loses all transforms of a type that way, has a transform type or a protocol that
 * we don't know, gets unknown_type. spi is a view (0, 4 or 8 octets). */
bool ike_sa_view_next(const struct ike_sa_view *view, size_t *cursor, struct ike_proposal *ret,
	struct bytes *ret_spi);

/* All proposals at once into ret (at most room); returns how many. ret_spis may be NULL. */
size_t ike_sa_view_read(const struct ike_sa_view *view, struct ike_proposal *ret,
	struct bytes *ret_spis, size_t room);

/* The selectors, at most room; returns how many. Unknown TS types are left out. */
size_t ike_ts_view_read(const struct ike_ts_view *view, struct ike_selector *ret, size_t room);

/* The first notify of that type, or NULL. */
const struct ike_notify *ike_message_notify(const struct ike_message *m, uint16_t type);

/* The first error notify (type below 16384), or NULL. */
const struct ike_notify *ike_message_error(const struct ike_message *m);

/* For logs: "IKE_AUTH request 1 [ IDi AUTH SA TSi TSr N(ESP_TFC_PAD_N) ]". Cut to fit. */
char *ike_message_format(const struct ike_message *m, char *text, size_t text_size);

#endif
