/*
 * IKEv1 messages (RFC 2408, 2409): numbers, parsing, building, fragments.
 *
 * As for IKEv2: a message is parsed once, all lengths are checked, views borrow from the buffer,
 * nothing allocates. The header has IKEv2's layout (struct ike_header; the SPIs are the cookies).
 * Which payloads an exchange requires is asked by the table in ikev1/exchanges.c.
 */
#ifndef LIBIKE_WIRE_ISAKMP_H
#define LIBIKE_WIRE_ISAKMP_H

#include "libike/crypto/isakmp.h"
#include "libike/wire/build.h"

/* ---- Numbers (isakmp_numbers.c) ---- */

enum isakmp_payload_type {
	ISAKMP_PAYLOAD_NONE = 0,
	ISAKMP_PAYLOAD_SA = 1,
	ISAKMP_PAYLOAD_PROPOSAL = 2,
	ISAKMP_PAYLOAD_TRANSFORM = 3,
	ISAKMP_PAYLOAD_KE = 4,
	ISAKMP_PAYLOAD_ID = 5,
	ISAKMP_PAYLOAD_CERT = 6,
	ISAKMP_PAYLOAD_CERTREQ = 7,
	ISAKMP_PAYLOAD_HASH = 8,
	ISAKMP_PAYLOAD_SIGNATURE = 9,
	ISAKMP_PAYLOAD_NONCE = 10,
	ISAKMP_PAYLOAD_NOTIFY = 11,
	ISAKMP_PAYLOAD_DELETE = 12,
	ISAKMP_PAYLOAD_VENDOR_ID = 13,
	ISAKMP_PAYLOAD_ATTRIBUTES = 14, /* of Transaction exchanges */
	ISAKMP_PAYLOAD_NAT_D = 20,      /* RFC 3947 */
	ISAKMP_PAYLOAD_NAT_OA = 21,
	ISAKMP_PAYLOAD_NAT_D_DRAFT = 130, /* the drafts before it; parsed as the above */
	ISAKMP_PAYLOAD_NAT_OA_DRAFT = 131,
	ISAKMP_PAYLOAD_FRAGMENT = 132,
};

enum isakmp_exchange_type {
	ISAKMP_EXCHANGE_MAIN = 2, /* Identity Protection */
	ISAKMP_EXCHANGE_AGGRESSIVE = 4,
	ISAKMP_EXCHANGE_INFORMATIONAL = 5,
	ISAKMP_EXCHANGE_TRANSACTION = 6,
	ISAKMP_EXCHANGE_QUICK = 32,
};

enum isakmp_flag {
	ISAKMP_FLAG_ENCRYPTED = 0x01,
	ISAKMP_FLAG_COMMIT = 0x02,
	ISAKMP_FLAG_AUTHENTICATED = 0x04,
};

enum isakmp_protocol {
	ISAKMP_PROTOCOL_ISAKMP = 1,
	ISAKMP_PROTOCOL_AH = 2,
	ISAKMP_PROTOCOL_ESP = 3,
	ISAKMP_PROTOCOL_IPCOMP = 4,
};

/* RFC 2408 3.14.1, RFC 2407 4.6.3, RFC 3706 */
enum isakmp_notify_type {
	ISAKMP_NOTIFY_DOI_NOT_SUPPORTED = 2,
	ISAKMP_NOTIFY_INVALID_COOKIE = 4,
	ISAKMP_NOTIFY_INVALID_EXCHANGE_TYPE = 7,
	ISAKMP_NOTIFY_INVALID_MESSAGE_ID = 9,
	ISAKMP_NOTIFY_INVALID_SPI = 11,
	ISAKMP_NOTIFY_ATTRIBUTES_NOT_SUPPORTED = 13,
	ISAKMP_NOTIFY_NO_PROPOSAL_CHOSEN = 14,
	ISAKMP_NOTIFY_BAD_PROPOSAL_SYNTAX = 15,
	ISAKMP_NOTIFY_PAYLOAD_MALFORMED = 16,
	ISAKMP_NOTIFY_INVALID_KEY_INFORMATION = 17,
	ISAKMP_NOTIFY_INVALID_ID_INFORMATION = 18,
	ISAKMP_NOTIFY_INVALID_CERTIFICATE = 20,
	ISAKMP_NOTIFY_INVALID_HASH_INFORMATION = 23,
	ISAKMP_NOTIFY_AUTHENTICATION_FAILED = 24,
	ISAKMP_NOTIFY_INVALID_SIGNATURE = 25,
	ISAKMP_NOTIFY_UNEQUAL_PAYLOAD_LENGTHS = 30,
	ISAKMP_NOTIFY_STATUS = 16384, /* from here on no errors */
	ISAKMP_NOTIFY_CONNECTED = 16384,
	ISAKMP_NOTIFY_RESPONDER_LIFETIME = 24576,
	ISAKMP_NOTIFY_REPLAY_STATUS = 24577,
	ISAKMP_NOTIFY_INITIAL_CONTACT = 24578,
	ISAKMP_NOTIFY_R_U_THERE = 36136,
	ISAKMP_NOTIFY_R_U_THERE_ACK = 36137,
};

/* RFC 2409 appendix A, RFC 4754, draft-beaulieu-ike-xauth */
enum isakmp_auth_method {
	ISAKMP_AUTH_PSK = 1,
	ISAKMP_AUTH_DSS = 2,
	ISAKMP_AUTH_RSA = 3,
	ISAKMP_AUTH_ECDSA_256 = 9,
	ISAKMP_AUTH_ECDSA_384 = 10,
	ISAKMP_AUTH_ECDSA_521 = 11,
	ISAKMP_AUTH_HYBRID_INITIATOR_RSA = 64221, /* the client is the initiator */
	ISAKMP_AUTH_HYBRID_RESPONDER_RSA = 64222,
	ISAKMP_AUTH_XAUTH_INITIATOR_PSK = 65001,
	ISAKMP_AUTH_XAUTH_RESPONDER_PSK = 65002,
	ISAKMP_AUTH_XAUTH_INITIATOR_RSA = 65005,
	ISAKMP_AUTH_XAUTH_RESPONDER_RSA = 65006,
};

/* RFC 2407 4.5, RFC 3947 5.1 and its drafts */
enum isakmp_encapsulation {
	ISAKMP_ENCAPSULATION_TUNNEL = 1,
	ISAKMP_ENCAPSULATION_TRANSPORT = 2,
	ISAKMP_ENCAPSULATION_UDP_TUNNEL = 3,
	ISAKMP_ENCAPSULATION_UDP_TRANSPORT = 4,
	ISAKMP_ENCAPSULATION_UDP_TUNNEL_DRAFT = 61443,
	ISAKMP_ENCAPSULATION_UDP_TRANSPORT_DRAFT = 61444,
};

/* strongSwan's words in message lines: "ID_PROT", "QUICK_MODE", "SA", "N(INITIAL_CONTACT)". Static,
 * NULL when unknown; the format functions write something printable always. */
const char *isakmp_payload_name(uint8_t type);
const char *isakmp_exchange_name(uint8_t type);
const char *isakmp_notify_name(uint16_t type);
char *isakmp_notify_format(uint16_t type, char text[IKE_NUMBER_TEXT_MAX]);

/* ---- Vendor ids (isakmp_vendors.c) ---- */

enum isakmp_vendor {
	ISAKMP_VENDOR_XAUTH,
	ISAKMP_VENDOR_DPD,
	ISAKMP_VENDOR_UNITY,
	ISAKMP_VENDOR_FRAGMENTATION, /* with and without the flags that follow the digest */
	ISAKMP_VENDOR_NAT_T_RFC3947,
	ISAKMP_VENDOR_NAT_T_02_N, /* "draft-ietf-ipsec-nat-t-ike-02\n": widely used */
	ISAKMP_VENDOR_NAT_T_02,
	ISAKMP_VENDOR_NAT_T_03,
	ISAKMP_VENDORS,
	ISAKMP_VENDOR_UNKNOWN = ISAKMP_VENDORS,
};
struct bytes isakmp_vendor_id(enum isakmp_vendor vendor); /* as we send it */
enum isakmp_vendor isakmp_vendor_find(struct bytes data);

/* ---- SA payloads (isakmp_sa.c) ---- */

/* Of a checked SA payload: DOI IPsec, situation identity only. Read with isakmp_offer_next(). */
struct isakmp_sa_view {
	struct bytes body;      /* of the payload, as HASH_I and HASH_R take it (SAi_b) */
	struct bytes proposals; /* the proposal payloads inside */
};

/* One transform of one proposal, in the numbers of IKEv2's registry: IKEv1's encryption, hash,
 * authentication and group attributes are mapped to what means the same (SHA2-256 is
 * PRF_HMAC_SHA2_256 and HMAC_SHA2_256_128 in phase 1). */
struct isakmp_offer {
	uint8_t proposal; /* numbers, as they stand there */
	uint8_t transform;
	uint8_t protocol; /* enum isakmp_protocol */
	struct ike_suite suite;
	bool usable; /* all attributes are known, and nothing is missing */
	/* Proposals of the same number belong together ("and"): we take none of those, except
	 * encryption with IPComp under a CPI (RFC 3173 4). */
	bool bundled;
	uint16_t cpi;          /* the peer's; 0: without compression */
	uint8_t cpi_transform; /* number, as it stands there */
	struct bytes cpi_attributes;
	uint16_t auth_method;   /* phase 1 */
	uint16_t encapsulation; /* phase 2; 0: not said */
	uint64_t life_seconds;  /* 0: not said */
	uint64_t life_kilobytes;
	struct bytes spi;
	struct bytes attributes; /* as they stand there: an answer repeats them */
	uint8_t transform_id;    /* likewise */
};

/* The next transform; *cursor starts at 0; false at the end. phase: 1 or 2. */
bool isakmp_offer_next(
	const struct isakmp_sa_view *view, int phase, size_t *cursor, struct isakmp_offer *ret);

#define ISAKMP_OFFERS_MAX 128

/* Every combination of one transform of each kind, in the order of preference, that IKEv1 can say
 * (no AEAD in phase 1, no additional key exchanges; IKEv1 has no numbers for X25519 and the like:
 * left out). group: phase 2 has one for all proposals of an SA payload: the first's. Returns how
 * many of at most room. */
size_t isakmp_offers_of(
	const struct ike_proposals *list, int phase, struct isakmp_offer *ret, size_t room);

/* What both can: ours in our order of preference (lists of a definition), theirs as received. False
 * when there is nothing in common. auth_methods: what is acceptable in phase 1 (count 0: any).
 * compression: what comes with IPComp is taken, rather than the same without. *ret: their
 * transform. */
MUST_USE bool isakmp_offer_choose(const struct ike_proposals *ours,
	const struct isakmp_sa_view *theirs, int phase, const uint16_t *auth_methods,
	size_t auth_method_count, bool compression, struct isakmp_offer *ret);

/* Whether the answer's one transform is one of the offers that were made (compression: with IPComp,
 * too); *ret is it. */
MUST_USE bool isakmp_offer_accepts(const struct ike_proposals *offered,
	const struct isakmp_sa_view *answer, int phase, bool compression, struct isakmp_offer *ret);

/* The offers of a peer as a list of IKEv2's kind, for texts and differences (ours beside theirs):
 * at most room; returns how many. */
size_t isakmp_offers_to_proposals(
	const struct isakmp_sa_view *view, int phase, struct ike_proposal *ret, size_t room);

/* ---- Messages (isakmp_message.c) ---- */

struct isakmp_notify {
	uint8_t protocol;
	uint16_t type;
	struct bytes spi;
	struct bytes data;
};

struct isakmp_delete {
	uint8_t protocol;
	uint8_t spi_length; /* 16 for ISAKMP, 4 for ESP and AH */
	uint16_t count;
	struct bytes spis;
};

struct isakmp_id {
	uint8_t type; /* as RFC 2407 4.6.2; 1 to 3, 9, 11 are IKEv2's as well */
	uint8_t protocol;
	uint16_t port;
	struct bytes octets;
	struct bytes body; /* type, protocol, port, octets: as HASH_I and HASH_R take it */
};

#define ISAKMP_NAT_D_MAX 8
#define ISAKMP_PAYLOADS_MAX 64

struct isakmp_message {
	struct ike_header header;
	/* ISAKMP_HAS(message, SA). Those from 128 on are counted as what they are drafts of. */
	uint32_t present;
	uint32_t repeated; /* those that occur more often than any exchange has them */
	bool encrypted;    /* still; body is what is to be decrypted */
	struct bytes body;

	struct isakmp_sa_view sa;
	struct bytes ke;
	struct bytes nonce;
	struct isakmp_id ids[2]; /* Quick Mode has two: IDci, IDcr */
	struct bytes hash;
	struct bytes
		after_hash; /* all payloads behind HASH, without padding; which must be first */
	struct bytes signature;
	struct ike_cert certs[IKE_MESSAGE_CERTS_MAX]; /* encodings as IKEv2's: 4 X.509 signature */
	struct ike_cert certreqs[IKE_MESSAGE_CERTS_MAX]; /* data: a DN, or empty */
	struct isakmp_notify notifies[16];
	struct isakmp_delete deletes[8];
	struct bytes vendors[IKE_MESSAGE_VENDORS_MAX];
	struct bytes nat_d[ISAKMP_NAT_D_MAX];
	struct address nat_oa[2];
	struct {
		uint8_t type; /* enum ike_configuration_type: REQUEST, REPLY, SET, ACK */
		uint16_t id;
		struct bytes list; /* checked: isakmp_attribute_next() */
	} attributes;
	struct {
		uint16_t id;
		uint8_t number; /* from 1 */
		bool last;
		struct bytes data;
	} fragment;
	uint8_t id_count;
	uint8_t cert_count;
	uint8_t certreq_count;
	uint8_t notify_count;
	uint8_t delete_count;
	uint8_t vendor_count;
	uint8_t nat_d_count;
	uint8_t nat_oa_count;
	uint8_t order[ISAKMP_PAYLOADS_MAX]; /* for the log line */
	uint8_t order_count;
};

/* Of FRAGMENT: bit 31. */
#define ISAKMP_PAYLOAD_BIT(type) (UINT32_C(1) << ((type) < 31 ? (type) : 31))
#define ISAKMP_HAS(message, name) \
	(((message)->present & ISAKMP_PAYLOAD_BIT(ISAKMP_PAYLOAD_##name)) != 0)

/* A datagram as it came: payloads in the clear are parsed; of an encrypted one the header alone. On
 * false only the header is set. why names the payload. */
MUST_USE bool isakmp_message_parse(
	struct bytes datagram, struct isakmp_message *ret, struct why *why);
/* What was decrypted of it: payloads, then padding of any content. */
MUST_USE bool isakmp_message_parse_inner(const struct ike_header *header, struct bytes plain,
	struct isakmp_message *ret, struct why *why);

/* Attributes of a Transaction exchange (and of transforms): TV or TLV. */
struct isakmp_attribute {
	uint16_t type;
	struct bytes value; /* of a TV: its two octets */
};
bool isakmp_attribute_next(struct bytes list, size_t *cursor, struct isakmp_attribute *ret);

const struct isakmp_notify *isakmp_message_notify(const struct isakmp_message *m, uint16_t type);
const struct isakmp_notify *isakmp_message_error(const struct isakmp_message *m);

/* strongSwan's: "ID_PROT request 0 [ SA V V ]"; response: we know who asked. Cut to fit. */
char *isakmp_message_format(
	const struct isakmp_message *m, bool response, char *text, size_t text_size);

/* ---- Building (isakmp_build.c); ike_builder_begin() and the rest are those of build.h ---- */

/* What all transforms of an SA payload say besides. */
struct isakmp_said {
	uint16_t auth_method;   /* phase 1 */
	uint16_t encapsulation; /* phase 2 */
	uint16_t cpi;           /* phase 2: ours of IPComp; 0: without compression */
	uint64_t life_seconds;  /* 0: nothing is said */
	uint64_t life_kilobytes;
};

/* One SA payload; every proposal has the same spi (empty in phase 1). All transforms of a protocol
 * are in one proposal, as strongSwan and others have it. With a CPI all of them come first with
 * IPComp, then without. */
void isakmp_build_sa(struct ike_builder *b, const struct isakmp_offer *offers, size_t count,
	struct bytes spi, const struct isakmp_said *said);
/* The answer: the chosen transform, with the attributes as they came; with our CPI if they came
 * with one. */
void isakmp_build_sa_answer(
	struct ike_builder *b, const struct isakmp_offer *chosen, struct bytes spi, uint16_t cpi);
void isakmp_build_ke(struct ike_builder *b, struct bytes public_value);
void isakmp_build_nonce(struct ike_builder *b, struct bytes nonce);
/* Phase 1: protocol and port are 0 or 17 and 500. *ret_body (may be NULL): as hashes take it;
 * borrowed from the builder. */
void isakmp_build_id(struct ike_builder *b, const struct ike_identity *id, uint8_t protocol,
	uint16_t port, struct bytes *ret_body);
/* Quick Mode: address, subnet or range with protocol and port. */
void isakmp_build_id_selector(struct ike_builder *b, const struct ike_selector *selector);
/* And back. False for what is no address. */
MUST_USE bool isakmp_id_to_selector(const struct isakmp_id *id, struct ike_selector *ret);
/* Held; NULL when it is none that we know, or memory ran out. */
struct ike_identity *isakmp_id_to_identity(const struct isakmp_id *id);
void isakmp_build_hash(struct ike_builder *b, struct bytes hash);
void isakmp_build_signature(struct ike_builder *b, struct bytes signature);
void isakmp_build_cert(
	struct ike_builder *b, uint8_t payload_type, uint8_t encoding, struct bytes data);
void isakmp_build_notify(struct ike_builder *b, uint8_t protocol, uint16_t type, struct bytes spi,
	struct bytes data);
/* ISAKMP: the cookies as one SPI of 16 octets; children: SPIs in host order. */
void isakmp_build_delete_isakmp(struct ike_builder *b, uint64_t cookie_i, uint64_t cookie_r);
void isakmp_build_delete(
	struct ike_builder *b, uint8_t protocol, const uint32_t *spis, size_t count);
void isakmp_build_vendor(struct ike_builder *b, enum isakmp_vendor vendor);
void isakmp_build_nat_d(struct ike_builder *b, bool draft, const uint8_t *hash, size_t length);
void isakmp_build_nat_oa(struct ike_builder *b, bool draft, const struct address *a);
/* Attributes are written by the caller, between open and close of build.h:
 *   mark = isakmp_build_attributes_open(b, type, id); isakmp_build_attribute(...);
 *   ike_build_close(b, mark); */
size_t isakmp_build_attributes_open(struct ike_builder *b, uint8_t type, uint16_t id);
void isakmp_build_attribute(struct ike_builder *b, uint16_t type, struct bytes value);   /* TLV */
void isakmp_build_attribute_short(struct ike_builder *b, uint16_t type, uint16_t value); /* TV */

/* In the clear. header's next_payload and length are filled here. NULL on overflow or when memory
 * ran out. datagram_max: as for IKEv2; 0: not fragmented. fragment_id: of this message's
 * fragments. */
MUST_USE struct ike_packets *isakmp_packets_clear(const struct ike_header *header,
	const struct ike_builder *b, size_t datagram_max, uint16_t fragment_id);
/* Padded and encrypted with CBC; iv is that of the message, and becomes its last block. */
MUST_USE struct ike_packets *isakmp_packets_encrypted(struct ike_crypto *crypto,
	const struct ike_algorithm *encryption, struct bytes key, uint8_t *iv,
	const struct ike_header *header, const struct ike_builder *b, size_t datagram_max,
	uint16_t fragment_id);

/* Fragments of messages under one pair of cookies, which nobody has authenticated: forged ones cost
 * memory and work within bounds, and what the peer says gets through as far as possible. */
struct isakmp_reassembly; /* heap; NULL stands for "nothing yet" */
void isakmp_reassembly_free(struct isakmp_reassembly *r);
/* message has a FRAGMENT payload. DONE: *ret is a whole datagram, on the heap, the caller's; it may
 * be a forged one, so what it was joined of is kept until isakmp_reassembly_drop(), or its time has
 * come. Bounds: IKE_FRAGMENTS_MAX a message, IKE_REASSEMBLY_MAX octets in all. now: milliseconds.
 * *held counts octets of all reassemblies with that counter, which outlives them; REFUSED when they
 * would be more than held_max. */
enum ike_reassembled isakmp_reassembly_add(struct isakmp_reassembly **r,
	const struct isakmp_message *message, int64_t now, size_t *held, size_t held_max,
	struct bytes *ret);
/* The message of that id was right. */
void isakmp_reassembly_drop(struct isakmp_reassembly **r, uint16_t id);
/* So long after its first fragment came a message goes; when the next one does (INT64_MAX: none).
 */
#define ISAKMP_REASSEMBLY_TIME 30000
int64_t isakmp_reassembly_deadline(const struct isakmp_reassembly *r);
bool isakmp_reassembly_expire(struct isakmp_reassembly **r, int64_t now);

#endif
